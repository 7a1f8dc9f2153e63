/* SPDX-License-Identifier: Apache-2.0 */
/* Which modules the resolver needs, and that it works in the jail without loading any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cloud/fetch.h"
#include "cloud/names.h"
#include "proc/jail.h"

static const struct {
	const char *text;
	unsigned n;
	const char *services[4];
} rows[] = {
	{ "hosts: files dns\n", 2, { "files", "dns" } },
	{ "passwd: files\nhosts:\tfiles mdns4_minimal [NOTFOUND=return] dns",
	  3,
	  { "files", "mdns4_minimal", "dns" } },
	{ "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns # all\n",
	  5,
	  { "mymachines", "resolve", "files", "myhostname" } },
	{ "  hosts: dns[SUCCESS=return]files", 2, { "dns", "files" } },
	{ "hosts: [oops files", 0, { NULL } },
	{ "hosts: ../../tmp/x dns", 1, { "dns" } },
	{ "hosts: a-name-that-is-far-too-long-for-a-module dns", 1, { "dns" } },
	{ "# hosts: files\nnetworks: files\n", 0, { NULL } },
	{ "hosts:", 0, { NULL } },
	{ "", 0, { NULL } },
};

static void services_of_a_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char found[NAMES_SERVICES_MAX][NAMES_SERVICE_BYTES];
		unsigned n = names_services(span_of(rows[i].text), found);

		if (n != rows[i].n)
			fail_msg("%s: %u", rows[i].text, n);
		for (unsigned s = 0; s < n && s < 4; s++)
			assert_string_equal(found[s], rows[i].services[s]);
	}
}

static void more_than_fit_are_left_out(void **state)
{
	char found[NAMES_SERVICES_MAX][NAMES_SERVICE_BYTES];

	(void)state;
	assert_int_equal(
		names_services(SPAN_LITERAL("hosts: a b c d e f g h i j k l m n o p q r"),
			       found),
		NAMES_SERVICES_MAX);
	assert_string_equal(found[NAMES_SERVICES_MAX - 1], "p");
}

/* As libcurl does it: in a thread. */
static void *resolve(void *ret)
{
	struct addrinfo *found = NULL;
	int rc = getaddrinfo("localhost", "443",
			     &(struct addrinfo){ .ai_socktype = SOCK_STREAM }, &found);

	if (rc == 0)
		freeaddrinfo(found);
	*(int *)ret = rc;
	return NULL;
}

static int resolve_in_the_jail(void)
{
	static struct landlock_grants grants;
	struct jail_report report;
	pthread_t thread;
	int rc = -1;

	if (!fetch_prepare())
		return 2;
	names_load_modules();
	landlock_grant(&grants, "/etc", LANDLOCK_READ);
	if (jail_process(ROLE_CLOUD, &report) != ERR_OK ||
	    jail_enter(ROLE_CLOUD, &grants, &report) != ERR_OK)
		return 3;
	if (pthread_create(&thread, NULL, resolve, &rc) != 0 || pthread_join(thread, NULL) != 0)
		return 4;
	return rc == 0 ? 0 : 5;
}

static void names_are_found_in_the_jail(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(resolve_in_the_jail());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_of_a_line),
		cmocka_unit_test(more_than_fit_are_left_out),
		cmocka_unit_test(names_are_found_in_the_jail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
