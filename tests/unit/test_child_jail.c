/* SPDX-License-Identifier: Apache-2.0 */
/* Each row is something a confined helper tries, and what it must get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/child_jail.h"

static int outcome(long rc)
{
	return rc < 0 ? errno : 0;
}

static int inet(void)
{
	return outcome(socket(AF_INET, SOCK_STREAM, 0));
}

static int inet6_udp(void)
{
	return outcome(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int netlink(void)
{
	return outcome(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int packet(void)
{
	return outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

static int vsock(void)
{
	return outcome(socket(AF_VSOCK, SOCK_STREAM, 0));
}

/* The upper half of the argument register must not hide the domain. */
static int inet_with_high_bits(void)
{
	return outcome(syscall(SYS_socket, 0x100000000L | AF_INET, SOCK_STREAM, 0));
}

static int unix_socket(void)
{
	return outcome(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int ring(void)
{
	char params[256] = { 0 };

	return outcome(syscall(SYS_io_uring_setup, 4, params));
}

static int connect_out(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/run/docker.sock" };

	return outcome(
		connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof a));
}

static int datagram_out(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	return outcome(sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&a,
			      sizeof a));
}

static int take_descriptor(void)
{
	struct msghdr m = { 0 };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return errno;
	return outcome(recvmsg(pair[0], &m, MSG_DONTWAIT));
}

static int serve(void)
{
	int pair[2];
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || send(pair[0], "x", 1, 0) != 1 ||
	    recv(pair[1], &c, 1, 0) != 1)
		return errno;
	return 0;
}

static int write_file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	return outcome(write(fd, "x", 1));
}

static int mask(void)
{
	return (int)umask(0);
}

static int own_group(void)
{
	return getpgrp() == getpid() ? 0 : 1;
}

static int death_signal(void)
{
	int s = 0;

	prctl(PR_GET_PDEATHSIG, &s);
	return s;
}

static int privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static const struct {
	const char *name;
	int (*attempt)(void);
	int want;
} rows[] = {
	{ "TCP", inet, EAFNOSUPPORT },
	{ "UDP over IPv6", inet6_udp, EAFNOSUPPORT },
	{ "netlink", netlink, EAFNOSUPPORT },
	{ "raw packets", packet, EAFNOSUPPORT },
	{ "vsock", vsock, EAFNOSUPPORT },
	{ "TCP with high bits set", inet_with_high_bits, EAFNOSUPPORT },
	{ "io_uring", ring, ENOSYS },
	{ "connecting out over a Unix socket", connect_out, EACCES },
	{ "a datagram to an address", datagram_out, EACCES },
	{ "receiving descriptors", take_descriptor, EPERM },
	{ "writing a file", write_file, EFBIG },
	{ "a Unix socket of its own is allowed", unix_socket, 0 },
	{ "reading and writing streams is allowed", serve, 0 },
	{ "umask 0177", mask, 0177 },
	{ "own process group", own_group, 0 },
	{ "dies with its parent", death_signal, SIGKILL },
	{ "no new privileges", privileges, 1 },
};

static void each_attempt_gets_its_answer(void **state)
{
	struct child_jail *j = child_jail_new();
	pid_t self = getpid();

	(void)state;
	assert_non_null(j);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int status = 0;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			_exit(child_jail_enter(j, self) != 0 ? 255 : rows[i].attempt());
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != rows[i].want)
			fail_msg("%s: status %#x, wanted %d", rows[i].name, (unsigned)status,
				 rows[i].want);
	}
	child_jail_free(j);
}

static void an_orphan_does_not_start(void **state)
{
	struct child_jail *j = child_jail_new();
	int status = 0;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(child_jail_enter(j, 1) != 0 ? errno : 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), ESRCH);
	child_jail_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_attempt_gets_its_answer),
		cmocka_unit_test(an_orphan_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
