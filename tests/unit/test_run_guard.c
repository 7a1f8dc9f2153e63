/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use the ports of `hither run`: requests as rows, and the tree of processes. */
#include "tests/unit/check.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/run_guard.h"
#include "crypto/crypto.h"

#define PORT  40123
#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *name, *host, *origin, *site, *authorization, *api_key;
	int status, status_without; /* with a token asked for, and without; 0: allowed */
} rows[] = {
	{ "a bearer", "127.0.0.1:40123", NULL, NULL, "Bearer " TOKEN, NULL, 0, 0 },
	{ "a key", "localhost:40123", NULL, NULL, NULL, TOKEN, 0, 0 },
	{ "both", "localhost:40123", NULL, NULL, "bearer " TOKEN, TOKEN, 0, 0 },
	{ "an empty key beside it", "localhost:40123", NULL, NULL, "Bearer  " TOKEN, "", 0, 0 },
	{ "nothing", "127.0.0.1:40123", NULL, NULL, NULL, NULL, 401, 0 },
	{ "another token", "127.0.0.1:40123", NULL, NULL, "Bearer " OTHER, NULL, 401, 0 },
	{ "one of two is wrong", "127.0.0.1:40123", NULL, NULL, "Bearer " TOKEN, OTHER, 401,
	  0 },
	{ "the other of two is", "127.0.0.1:40123", NULL, NULL, "Bearer " OTHER, TOKEN, 401,
	  0 },
	{ "another scheme", "127.0.0.1:40123", NULL, NULL, "Basic " TOKEN, NULL, 401, 0 },
	{ "a longer one", "127.0.0.1:40123", NULL, NULL, NULL, TOKEN "0", 401, 0 },
	{ "no host", NULL, NULL, NULL, "Bearer " TOKEN, NULL, 403, 403 },
	{ "a rebound name", "evil.example:40123", NULL, NULL, "Bearer " TOKEN, NULL, 403, 403 },
	{ "another port", "127.0.0.1:40124", NULL, NULL, "Bearer " TOKEN, NULL, 403, 403 },
	{ "IPv6, where nobody listens", "[::1]:40123", NULL, NULL, "Bearer " TOKEN, NULL, 403,
	  403 },
	{ "a page", "127.0.0.1:40123", "http://evil.example", NULL, "Bearer " TOKEN, NULL, 403,
	  403 },
	{ "a page of this address", "127.0.0.1:40123", "http://127.0.0.1:40123", NULL,
	  "Bearer " TOKEN, NULL, 403, 403 },
	{ "a browser's GET", "127.0.0.1:40123", NULL, "none", "Bearer " TOKEN, NULL, 403, 403 },
};

static void requests(void **state)
{
	struct run_refusal no;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct run_origin o = { .host = span_of(rows[i].host),
					.origin = span_of(rows[i].origin),
					.site = span_of(rows[i].site),
					.authorization = span_of(rows[i].authorization),
					.api_key = span_of(rows[i].api_key) };

		no.status = 0;
		CHECK(run_guard_allows(&o, PORT, TOKEN, &no) == (rows[i].status == 0) &&
			      no.status == rows[i].status,
		      rows[i].name);
		no.status = 0;
		CHECK(run_guard_allows(&o, PORT, NULL, &no) == (rows[i].status_without == 0) &&
			      no.status == rows[i].status_without,
		      rows[i].name);
		o.twice = true;
		CHECK(!run_guard_allows(&o, PORT, TOKEN, &no) && no.status == 400,
		      "a header that stands twice");
	}
}

static void tokens(void **state)
{
	char a[RUN_TOKEN_BYTES], b[RUN_TOKEN_BYTES];

	(void)state;
	assert_int_equal(crypto_init(), ERR_OK);
	run_token_new(a);
	run_token_new(b);
	CHECK(strlen(a) == 64 && strspn(a, "0123456789abcdef") == 64, "64 hex digits");
	CHECK(strcmp(a, b) != 0, "one each");
}

/* A child that holds the socket with number *ret_inode until *ret_end is closed. */
static pid_t holder(uint64_t *ret_inode, int *ret_end)
{
	int ends[2], told[2];
	struct stat st = { 0 };
	char c;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		close(ends[1]);
		fstat(fd, &st);
		if (write(told[1], &st.st_ino, sizeof st.st_ino) > 0)
			(void)!read(ends[0], &c, 1);
		_exit(0);
	}
	close(ends[0]);
	assert_int_equal(read(told[0], &st.st_ino, sizeof st.st_ino), sizeof st.st_ino);
	close(told[0]);
	close(told[1]);
	*ret_inode = st.st_ino;
	*ret_end = ends[1];
	return pid;
}

static void processes(void **state)
{
	int own, end;
	uint64_t inode;
	struct stat st;
	pid_t pid;

	(void)state;
	pid = holder(&inode, &end);
	own = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(run_socket_below(getpid(), inode), "a child's");
	CHECK(run_socket_below(getppid(), inode), "a grandchild's");
	CHECK(!run_socket_below(pid, inode), "below itself there is nothing");
	assert_int_equal(fstat(own, &st), 0);
	CHECK(!run_socket_below(getpid(), st.st_ino), "our own is not below us");
	CHECK(!run_socket_below(getpid(), 0), "nobody's");
	close(end);
	waitpid(pid, NULL, 0);
	CHECK(!run_socket_below(getpid(), inode), "gone");
	close(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(tokens),
		cmocka_unit_test(processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
