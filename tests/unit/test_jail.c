/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each role can still do once confined. Every case runs in a child, as root and as a
 * normal user, inside the usual root and inside a chroot; the child's exit status is the line
 * of the check that failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fds.h"
#include "common/span.h"
#include "proc/environment.h"
#include "proc/jail.h"

/* Exit statuses hold 8 bits, so the failing line is told on stderr as well. */
#define NEED(condition)                                                                        \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition,      \
				errno);                                                        \
			_exit(1);                                                              \
		}                                                                              \
	} while (0)
#define REFUSED(call, why) NEED((errno = 0, (call) < 0 && errno == (why)))

static int wire_far; /* the other end of the pair at ROLE_FD_CONTROL */

/* Wires where the role expects them, /dev/null at the other numbers below 16. */
static void lay_wires(enum role r)
{
	int pair[2];
	int null = open("/dev/null", O_RDWR);

	NEED(null >= 0);
	null = fcntl(null, F_DUPFD, 64);
	NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	int near = fcntl(pair[0], F_DUPFD, 64);
	wire_far = fcntl(pair[1], F_DUPFD, 64);
	for (int fd = 3; fd < 16; fd++)
		NEED(dup2(null, fd) == fd);
	for (unsigned peer = 0; peer < ROLE_COUNT; peer++)
		if (role_channel_fd(r, (enum role)peer) >= 0)
			NEED(dup2(near, role_channel_fd(r, (enum role)peer)) >= 0);
	NEED(dup2(near, 20) == 20); /* the same socket at a number that is no wire's */
	close(near);
}

static void send_descriptor(void)
{
	NEED(fds_send(wire_far, "x", 1, (int[]){ STDIN_FILENO }, 1, 0));
}

static ssize_t receive(int fd)
{
	char c[8], control[64];
	struct iovec iov = { c, sizeof c };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof control };

	return recvmsg(fd, &h, MSG_DONTWAIT);
}

static void attributes_hold(enum role r)
{
	struct rlimit l;

	NEED(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	NEED(prctl(PR_GET_DUMPABLE) == 0);
	NEED(getrlimit(RLIMIT_CORE, &l) == 0 && l.rlim_max == 0);
	/* One per client for the router; the others talk to few. */
	NEED(getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_max <= (r == ROLE_ROUTER    ? 65536
								 : r == ROLE_CONSENT ? 8192
										     : 1024));
	NEED(getenv("OPENAI_API_KEY") == NULL);
	NEED(getenv("https_proxy") == NULL);
	NEED((getenv("HITHER_HTTPS_PROXY") != NULL) == (r == ROLE_CLOUD));
	NEED(getenv("LANG") != NULL);
	NEED(strcmp(getenv("LANG"), "C") == 0);
}

/* The number of the network namespace that this process makes sockets in; 0: before Linux 5.14.
 */
static uint64_t network(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t n = sizeof cookie;

	(void)!getsockopt(fd, SOL_SOCKET, 71 /* SO_NETNS_COOKIE */, &cookie, &n);
	close(fd);
	return cookie;
}

static void enter(enum role r)
{
	uid_t user = geteuid();
	gid_t group = getegid();
	uint64_t before = network();

	static struct landlock_grants none;
	struct jail_report report = { .bits = 0 };
	struct rlimit processes;
	uint32_t wanted = JAIL_NO_NEW_PRIVS | JAIL_NOT_DUMPABLE | JAIL_RLIMITS | JAIL_CLEAN_ENV;

	NEED(setenv("OPENAI_API_KEY", "sk-none-of-your-business", 1) == 0);
	NEED(setenv("https_proxy", "http://proxy.example", 1) == 0);
	NEED(setenv("LANG", "C", 1) == 0);
	NEED(jail_process(r, &report) == ERR_OK);
	NEED(report.bits == wanted);
	attributes_hold(r);
	bool named = jail_network(r, &report);
	attributes_hold(r);
	NEED(!named || (report.bits & JAIL_NO_NETWORK) != 0);
	NEED(before == 0 || ((report.bits & JAIL_NO_NETWORK) != 0) == (network() != before));
	NEED(geteuid() == user && getegid() == group);
	NEED(jail_enter(r, &none, &report) == ERR_OK);
	NEED(getrlimit(RLIMIT_NPROC, &processes) == 0 &&
	     (processes.rlim_max == 0) == (r == ROLE_ROUTER || r == ROLE_CONSENT));
	NEED((report.bits & JAIL_SECCOMP) != 0 && report.filter[0] != '\0');
	NEED(((report.bits & JAIL_LANDLOCK) != 0) == (report.landlock_abi > 0));
	NEED(report.landlock_abi > 0 || strstr(report.detail, "Landlock") != NULL);
	if (r != ROLE_ROUTER && r != ROLE_CONSENT)
		return;
	/* what is missing is said */
	NEED(((report.bits & JAIL_NO_NETWORK) != 0) ==
	     (strstr(report.detail, "network namespace") == NULL));
}

static void no_files(void)
{
	REFUSED(open("/", O_RDONLY), EACCES);
	REFUSED(open("/dev/null", O_RDONLY), EACCES);
}

static void router(void)
{
	char c;

	lay_wires(ROLE_ROUTER);
	enter(ROLE_ROUTER);
	no_files();
	send_descriptor();
	NEED(receive(ROLE_FD_CONTROL) == 1);
	send_descriptor();
	NEED(receive(ROLE_FD_LOCAL) == 1);
	send_descriptor();
	NEED(receive(ROLE_FD_CONSENT) == 1);
	send_descriptor();
	NEED(read(20, &c, 1) == 1 && c == 'x'); /* plain reading goes on, without descriptors */
}

/* The very same socket, at a number that is no wire's: test_jail_sweep has the others. */
static void router_receives_elsewhere(void)
{
	lay_wires(ROLE_ROUTER);
	enter(ROLE_ROUTER);
	send_descriptor();
	receive(20);
}

static void router_duplicates_onto_what_is_no_wire(void)
{
	lay_wires(ROLE_ROUTER);
	enter(ROLE_ROUTER);
	dup3(20, 21, O_CLOEXEC);
}

/*
 * What its list cannot keep it from: a client's connection at a wire's number, put there or
 * accepted there. Such a connection brings no descriptor, where the kernel knows how
 * (common/fds.h); the sockets are made as boot makes them.
 */
static void router_puts_a_client_at_a_wire(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "hither-test-jail-%d", getpid());
	lay_wires(ROLE_ROUTER);
	NEED(dup2(socket(AF_UNIX, SOCK_STREAM, 0), 30) == 30);
	NEED(dup2(socket(AF_UNIX, SOCK_STREAM, 0), 31) == 31);
	bool have = fds_take_none(30);
	NEED(bind(30, (struct sockaddr *)&a, sizeof a) == 0 && listen(30, 2) == 0);
	NEED(connect(31, (struct sockaddr *)&a, sizeof a) == 0);
	enter(ROLE_ROUTER);
	close(ROLE_FD_LOCAL);
	NEED(accept4(30, NULL, NULL, SOCK_CLOEXEC) == ROLE_FD_LOCAL);
	NEED(dup3(ROLE_FD_LOCAL, ROLE_FD_CONSENT, O_CLOEXEC) == ROLE_FD_CONSENT);
	errno = 0;
	NEED(fds_send(31, "x", 1, (int[]){ STDIN_FILENO }, 1, 0) == !have);
	NEED(errno == (have ? EPERM : 0));
	if (!have)
		return;
	REFUSED(receive(ROLE_FD_LOCAL), EAGAIN);
	REFUSED(receive(ROLE_FD_CONSENT), EAGAIN);
	/* and it cannot ask for them again */
	int yes = 1;
	setsockopt(ROLE_FD_LOCAL, SOL_SOCKET, FDS_SO_PASSRIGHTS, &yes, sizeof yes);
	NEED(!"the filter ends it");
}

static void local(void)
{
	lay_wires(ROLE_LOCAL);
	enter(ROLE_LOCAL);
	no_files();
	NEED(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

static void consent(void)
{
	lay_wires(ROLE_CONSENT);
	enter(ROLE_CONSENT);
	no_files();
	send_descriptor();
	NEED(receive(20) == 1);
}

static void cloud(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd;

	bool ports = landlock_abi() >= 4;

	lay_wires(ROLE_CLOUD);
	enter(ROLE_CLOUD);
	no_files();
	NEED((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	NEED(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
	REFUSED(socket(AF_BLUETOOTH, SOCK_RAW, 0), EPERM);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (ports) /* no port was granted */
		REFUSED(connect(fd, (struct sockaddr *)&a, sizeof a), EACCES);
}

static void (*const roles[])(void) = { router, local, consent, cloud };

#define OVERFLOW 65534 /* what others look like in a user namespace */
#define ORDINARY 61234

struct place {
	uid_t user;       /* 0: as it is */
	const char *root; /* NULL: as it is */
};

static void run_at(void (*role)(void), struct place at)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (at.root != NULL)
			NEED(chroot(at.root) == 0 && chdir("/") == 0);
		if (at.user != 0)
			NEED(jail_change_user(at.user, at.user));
		role();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void every_role_is_confined_as_this_user(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(roles); i++)
		run_at(roles[i], (struct place){ 0, NULL });
}

static void every_role_is_confined_as_a_normal_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* the test before was it */
	for (size_t i = 0; i < LEN(roles); i++) {
		run_at(roles[i], (struct place){ OVERFLOW, NULL });
		run_at(roles[i], (struct place){ ORDINARY, NULL });
	}
}

/* A root with a /dev/null and nothing else. */
static void every_role_is_confined_in_a_chroot(void **state)
{
	char root[] = "/tmp/hither-test-root.XXXXXX", path[64];

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(root));
	assert_int_equal(chmod(root, 0755), 0);
	snprintf(path, sizeof path, "%s/dev", root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof path, "%s/dev/null", root);
	int null = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	assert_true(null >= 0);
	assert_int_equal(fchmod(null, 0666), 0);
	close(null);
	for (size_t i = 0; i < LEN(roles); i++) {
		run_at(roles[i], (struct place){ 0, root });
		run_at(roles[i], (struct place){ ORDINARY, root });
	}
	unlink(path);
	snprintf(path, sizeof path, "%s/dev", root);
	rmdir(path);
	rmdir(root);
}

static int status_of(void (*role)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		role();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void ends_the_router(void (*role)(void))
{
	int status = status_of(role);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void a_descriptor_handed_in_elsewhere_ends_the_router(void **state)
{
	(void)state;
	ends_the_router(router_receives_elsewhere);
	ends_the_router(router_duplicates_onto_what_is_no_wire);
}

static void a_client_at_the_number_of_a_wire_brings_no_descriptor(void **state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool have = fds_take_none(fd);

	(void)state;
	close(fd);
	if (have)
		ends_the_router(router_puts_a_client_at_a_wire);
	else
		assert_int_equal(status_of(router_puts_a_client_at_a_wire), 0);
}

static const char *value(char **env, const char *name)
{
	size_t n = strlen(name);

	for (; *env != NULL; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static void boot_forgets_what_nobody_needs(void **state)
{
	char key[] = "OPENAI_API_KEY=sk-1", lang[] = "LANG=C", almost[] = "LANGUAGE=de",
	     notify[] = "NOTIFY_SOCKET=/run/x", proxy[] = "https_proxy=http://a:b@c";
	char *env[] = { key, lang, almost, notify, proxy, NULL };

	(void)state;
	environment_forget(env, false);
	assert_ptr_equal(env[0], lang);
	assert_ptr_equal(env[1], notify);
	assert_ptr_equal(env[2], proxy);
	assert_null(env[3]);
	for (size_t i = 0; i < sizeof key; i++)
		assert_int_equal(key[i], 0);
	assert_string_equal(almost, "");
	assert_string_equal(lang, "LANG=C");
	environment_forget(env, true);
	assert_null(env[0]);
	assert_string_equal(lang, "");
	assert_string_equal(proxy, "");
	environment_forget(env, true);
	assert_null(env[0]);
}

static void a_role_sees_only_its_part_of_the_environment(void **state)
{
	char *const from[] = { (char[]){ "PATH=/bin" },        (char[]){ "LD_PRELOAD=/x.so" },
			       (char[]){ "OPENAI_API_KEY=k" }, (char[]){ "no_proxy=*" },
			       (char[]){ "HOME=/root" },       (char[]){ "LANG=de_DE.UTF-8" },
			       (char[]){ "PATHX=1" },          NULL };
	const char *const extra[] = { "HITHER_LISTEN=api" };

	(void)state;
	for (unsigned r = ROLE_ROUTER; r < ROLE_COUNT; r++) {
		char **env = environment_for((enum role)r, from, extra, 1);

		assert_non_null(env);
		assert_null(value(env, "LD_PRELOAD"));
		assert_null(value(env, "OPENAI_API_KEY"));
		assert_null(value(env, "no_proxy"));
		assert_null(value(env, "PATHX"));
		assert_string_equal(value(env, "LANG"), "de_DE.UTF-8");
		assert_string_equal(value(env, "HITHER_LISTEN"), "api");
		assert_int_equal(value(env, "PATH") != NULL, r == ROLE_LOCAL);
		assert_int_equal(value(env, "HITHER_NO_PROXY") != NULL, r == ROLE_CLOUD);
		environment_free(env);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_role_is_confined_as_this_user),
		cmocka_unit_test(every_role_is_confined_as_a_normal_user),
		cmocka_unit_test(every_role_is_confined_in_a_chroot),
		cmocka_unit_test(a_descriptor_handed_in_elsewhere_ends_the_router),
		cmocka_unit_test(a_client_at_the_number_of_a_wire_brings_no_descriptor),
		cmocka_unit_test(boot_forgets_what_nobody_needs),
		cmocka_unit_test(a_role_sees_only_its_part_of_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
