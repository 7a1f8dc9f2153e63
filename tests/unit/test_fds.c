/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors beside a message: which come, which are closed, and what is an error. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fds.h"
#include "common/span.h"

static int pair[2];

static int make_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

/* The lowest number that is free: the same again when nothing was left open. */
static int lowest(void)
{
	int fd = dup(STDERR_FILENO);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

static void send_pipe(unsigned n)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_true(fds_send(pair[0], "ab", 2, ends, n, 0));
	assert_int_equal(write(ends[1], "x", 1), 1);
	close(ends[0]);
	close(ends[1]);
}

static void they_come_in_order_and_are_the_same(void **state)
{
	char text[8], byte = 0;
	int fds[4];
	unsigned n = LEN(fds);

	(void)state;
	send_pipe(2);
	assert_int_equal(fds_receive(pair[1], text, sizeof text, fds, &n, 0), 2);
	assert_memory_equal(text, "ab", 2);
	assert_int_equal(n, 2);
	for (unsigned i = 0; i < n; i++)
		assert_true((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(write(fds[1], "y", 1), 1);
	close(fds[0]);
	close(fds[1]);
}

static void refused(size_t bytes, unsigned room)
{
	char text[8];
	int fds[4], before = lowest();
	unsigned n = room;

	errno = 0;
	assert_int_equal(fds_receive(pair[1], text, bytes, fds, &n, 0), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(n, 0);
	assert_int_equal(lowest(), before);
}

static void what_nobody_asked_for_is_closed(void **state)
{
	(void)state;
	for (unsigned room = 0; room < 2; room++) {
		send_pipe(2);
		refused(8, room);
	}
	send_pipe(1);
	refused(8, 0);
	/* too many for the kernel to hand over any, too */
	int many[9];
	for (size_t i = 0; i < LEN(many); i++)
		many[i] = STDERR_FILENO;
	assert_true(fds_send(pair[0], "ab", 2, many, LEN(many), 0));
	refused(8, 4);
}

static void a_message_that_is_cut_is_none(void **state)
{
	(void)state;
	send_pipe(2);
	refused(1, 2);
	send_pipe(0);
	refused(1, 2);
	int fd = STDERR_FILENO;
	assert_true(fds_send(pair[0], "", 0, &fd, 1, 0));
	refused(8, 1);
}

static void none_is_none(void **state)
{
	char text[8];
	int fd = -1;
	unsigned n = 1;

	(void)state;
	send_pipe(0);
	assert_int_equal(fds_receive(pair[1], text, sizeof text, &fd, &n, 0), 2);
	assert_int_equal(n, 0);
	assert_int_equal(fd, -1);
}

static void the_end_and_errors_are_told(void **state)
{
	char text[8];
	int fd;
	unsigned n = 1;

	(void)state;
	assert_int_equal(fds_receive(pair[1], text, sizeof text, &fd, &n, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(n, 0);
	assert_false(fds_send(pair[0], "ab", 2, (int[]){ -1 }, 1, 0));
	assert_int_equal(errno, EBADF);
	shutdown(pair[0], SHUT_WR);
	n = 1;
	assert_int_equal(fds_receive(pair[1], text, sizeof text, &fd, &n, 0), 0);
	assert_false(fds_send(pair[0], "ab", 2, NULL, 0, 0)); /* and no SIGPIPE */
	assert_int_equal(errno, EPIPE);
}

/* A connection that is made to a socket which takes none; on older kernels it is as before. */
static void what_takes_none_gets_none(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char text[8];
	int fds[4], listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned n = LEN(fds);

	(void)state;
	snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "hither-test-fds-%d", getpid());
	bool have = fds_take_none(listening);
	if (!have)
		assert_int_equal(errno, ENOPROTOOPT);
	assert_int_equal(bind(listening, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof a), 0);
	int served = accept(listening, NULL, NULL);
	assert_true(served >= 0);

	errno = 0;
	assert_int_equal(fds_send(client, "a", 1, &listening, 1, 0), !have);
	assert_int_equal(errno, have ? EPERM : 0);
	if (have) {
		/* what comes alone still comes, and the other way is open */
		assert_true(fds_send(client, "a", 1, NULL, 0, 0));
		assert_int_equal(fds_receive(served, text, sizeof text, fds, &n, 0), 1);
		assert_int_equal(n, 0);
		assert_true(fds_send(served, "a", 1, &listening, 1, 0));
	}
	close(served);
	close(client);
	close(listening);
	assert_false(fds_take_none(STDIN_FILENO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(they_come_in_order_and_are_the_same, make_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(what_nobody_asked_for_is_closed, make_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(a_message_that_is_cut_is_none, make_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(none_is_none, make_pair, close_pair),
		cmocka_unit_test(what_takes_none_gets_none),
		cmocka_unit_test_setup_teardown(the_end_and_errors_are_told, make_pair,
						close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
