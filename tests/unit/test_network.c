/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network namespace without privilege: when it is to be had, what stands against it, and who
 * others are from inside. Each case is a child, as a user with no name, which takes root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/span.h"
#include "proc/jail.h"
#include "proc/namer.h"
#include "proc/network.h"

#define ORDINARY 61234
#define NONE     77 /* not to be had on this machine */

/* Exit statuses hold 8 bits, so the failing line is told on stderr as well. */
#define NEED(condition)                                                                        \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition,      \
				errno);                                                        \
			_exit(1);                                                              \
		}                                                                              \
	} while (0)

static void in_a_child(void (*what)(void))
{
	int status = 0;

	if (geteuid() != 0)
		skip();
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NONE)
		skip();
	assert_int_equal(status, 0);
}

static void become_ordinary(void)
{
	NEED(jail_change_user(ORDINARY, ORDINARY));
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	NEED(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}

/* This machine's /proc, mounted otherwise. */
static void mount_proc(unsigned long flags, const char *options)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("proc", "/proc", "proc", flags, options) != 0)
		_exit(NONE);
}

static void need_a_machine_that_lets_users(void)
{
	struct network_room room;

	become_ordinary();
	if (network_room_make(NETWORK_LOOKS, &room) != NULL)
		_exit(NONE);
	network_room_close(&room);
}

static const char *against_leaving(enum network_use use)
{
	struct network_room room;
	const char *against = network_room_make(use, &room);

	NEED((against == NULL) == (room.user_fd >= 0 && room.net_fd >= 0));
	network_room_close(&room);
	NEED(room.user_fd == -1 && room.net_fd == -1);
	NEED(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD); /* nobody is left behind */
	return against;
}

static void leave_with_user(void)
{
	struct network_room room;
	int before = prctl(PR_GET_DUMPABLE);

	NEED(network_room_make(NETWORK_PEERS, &room) == NULL);
	NEED(network_room_enter(&room));
	NEED(prctl(PR_GET_DUMPABLE) == before);
}

static bool says(const char *against, const char *word)
{
	return against != NULL && strstr(against, word) != NULL;
}

/* --- cases -------------------------------------------------------------------------------- */

static void leave(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	need_a_machine_that_lets_users();
	NEED(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	NEED(geteuid() == ORDINARY && getegid() == ORDINARY); /* trying leaves nothing behind */
	NEED(!network_leave() && errno == EPERM);
	leave_with_user();
	NEED(geteuid() == ORDINARY && getegid() == ORDINARY);
	NEED(prctl(PR_GET_DUMPABLE) == 0);
	int signal = 0;
	NEED(prctl(PR_GET_PDEATHSIG, &signal) == 0 && signal == SIGKILL);
	NEED(jail_drop_capabilities());
	NEED(syscall(SYS_capget, &head, data) == 0);
	NEED(data[0].permitted == 0 && data[0].effective == 0 && data[1].permitted == 0);
	NEED(unshare(CLONE_NEWNET) != 0 && errno == EPERM);
}

static void a_user_leaves_and_keeps_its_number(void **state)
{
	(void)state;
	in_a_child(leave);
}

static void hidden(void)
{
	mount_proc(0, "hidepid=2");
	become_ordinary();
	const char *against = against_leaving(NETWORK_PEERS);
	if (against != NULL)
		_exit(NONE);
	NEED(says(against_leaving(NETWORK_LOOKS), "hidepid"));
}

static void nameless(void)
{
	mount_proc(MS_RDONLY, NULL); /* nothing can be written to uid_map */
	become_ordinary();
	const char *against = against_leaving(NETWORK_PEERS);
	if (says(against, "forbidden") || says(against, "max_user_namespaces"))
		_exit(NONE);
	NEED(says(against, "cannot name its user"));

	/* An engine needs no name. */
	struct network_room room;
	NEED(network_room_make(NETWORK_EMPTY, &room) == NULL && !room.named);
	NEED(network_room_enter(&room));
	NEED(geteuid() == namer_nobody());
}

static bool put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	return f != NULL && fputs(text, f) >= 0 && fclose(f) == 0;
}

/* In a user namespace that may have none of its own. */
static void full(void)
{
	static const char *const limits[] = { "/proc/sys/user/max_net_namespaces",
					      "/proc/sys/user/max_user_namespaces" };

	for (size_t i = 0; i < LEN(limits); i++) {
		pid_t pid = fork();
		int status;

		NEED(pid >= 0);
		if (pid > 0) {
			NEED(waitpid(pid, &status, 0) == pid);
			if (status != 0)
				_exit(WEXITSTATUS(status));
			continue;
		}
		if (unshare(CLONE_NEWUSER) != 0 || !put("/proc/self/setgroups", "deny") ||
		    !put("/proc/self/gid_map", "0 0 1") ||
		    !put("/proc/self/uid_map", "0 0 1") || !put(limits[i], "0"))
			_exit(NONE);
		const char *against = against_leaving(NETWORK_PEERS);
		NEED(says(against, "user.max_net_namespaces"));
		_exit(0);
	}
}

static void rooted_elsewhere(void)
{
	NEED(chroot("/tmp") == 0 && chdir("/") == 0);
	become_ordinary();
	NEED(says(against_leaving(NETWORK_PEERS), "forbidden"));
}

static void what_stands_against_it_is_said(void **state)
{
	(void)state;
	in_a_child(hidden);
	in_a_child(nameless);
	in_a_child(full);
	in_a_child(rooted_elsewhere);
}

/* --- who others are ------------------------------------------------------------------------
 */

/* A connection from whoever calls; the end that a server has. */
static int connection(int listening, const struct sockaddr_un *a)
{
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	NEED(client >= 0 && connect(client, (const struct sockaddr *)a, sizeof *a) == 0);
	int served = accept(listening, NULL, NULL);
	NEED(served >= 0);
	return served;
}

static uid_t seen_of(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof cred;

	NEED(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0);
	return cred.uid;
}

static uid_t named(int fd)
{
	return namer_uid(fd, seen_of(fd));
}

static void names(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uid_t overflow = namer_nobody();

	snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "hither-test-network-%d", getpid());
	NEED(bind(listening, (struct sockaddr *)&a, sizeof a) == 0);
	NEED(listen(listening, 5) == 0);
	int of_root = connection(listening, &a);
	NEED(seteuid(overflow) == 0);
	int of_nobody = connection(listening, &a);
	NEED(seteuid(0) == 0);
	need_a_machine_that_lets_users();
	int own = connection(listening, &a);

	NEED(named(of_root) == 0); /* nobody is asked outside */
	NEED(namer_start() == ERR_OK);
	leave_with_user();
	NEED(seen_of(of_root) == overflow && seen_of(of_nobody) == overflow);
	NEED(seen_of(own) == ORDINARY);
	NEED(named(of_root) == 0);
	NEED(named(of_nobody) == overflow);
	NEED(named(own) == ORDINARY);
	for (int i = 0; i < 1000; i++) /* nothing is left behind on either side */
		NEED(named(of_root) == 0);
	/* what is no socket has no user, and the answers go on */
	NEED(namer_uid(STDERR_FILENO, overflow) == overflow);
	NEED(named(of_root) == 0);
	namer_stop();
	NEED(named(of_root) == overflow);
	NEED(named(own) == ORDINARY);
}

static pid_t only_child(void)
{
	int pid = 0;
	FILE *f = fopen("/proc/thread-self/children", "r");

	if (f == NULL)
		_exit(NONE);
	NEED(fscanf(f, "%d", &pid) == 1);
	fclose(f);
	return pid;
}

/* The role asks for a peer that it cannot name, of a namer that got this signal. */
static void without_a_namer(int signal)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;

	snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "hither-test-namer-%d", getpid());
	NEED(bind(listening, (struct sockaddr *)&a, sizeof a) == 0);
	NEED(listen(listening, 5) == 0);
	int of_root = connection(listening, &a);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		need_a_machine_that_lets_users();
		NEED(namer_start() == ERR_OK);
		leave_with_user();
		NEED(named(of_root) == 0);
		NEED(kill(only_child(), signal) == 0);
		(void)named(of_root);
		_exit(0); /* it must not come here */
	}
	NEED(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	if (WEXITSTATUS(status) == NONE)
		_exit(NONE);
	NEED(WEXITSTATUS(status) == 1);
}

static void killed(void)
{
	without_a_namer(SIGKILL);
}

static void stopped(void)
{
	without_a_namer(SIGSTOP);
}

static void a_namer_that_is_gone_or_silent_ends_its_role(void **state)
{
	(void)state;
	in_a_child(killed);
	in_a_child(stopped);
}

static void a_namer_tells_users_apart(void **state)
{
	(void)state;
	in_a_child(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_leaves_and_keeps_its_number),
		cmocka_unit_test(what_stands_against_it_is_said),
		cmocka_unit_test(a_namer_tells_users_apart),
		cmocka_unit_test(a_namer_that_is_gone_or_silent_ends_its_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
