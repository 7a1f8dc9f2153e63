/* SPDX-License-Identifier: Apache-2.0 */
/* Channels over real socket pairs: frames and descriptors arrive, whatever is wrong breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fds.h"
#include "ipc/channel.h"

struct side {
	struct channel *c;
	unsigned frames, fds, gone;
	enum err why;
	struct msg_STOP last;
	bool refuse;     /* on_frame says: protocol broken */
	bool close_self; /* on_frame closes its own channel */
	char read_back;  /* one byte read from a descriptor that came along */
};

static uv_loop_t loop;

static bool on_frame(void *ctx, enum role peer, enum msg_type type, struct span frame,
		     const int *fds, unsigned n)
{
	struct side *s = ctx;

	(void)peer;
	s->frames++;
	s->fds += n;
	if (type == MSG_STOP)
		assert_int_equal(msg_STOP_decode(frame, &s->last), ERR_OK);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		if (pread(fds[i], &s->read_back, 1, 0) != 1)
			s->read_back = '?';
		close(fds[i]);
	}
	if (s->close_self) {
		channel_close(s->c);
		s->c = NULL;
	}
	return !s->refuse;
}

static void on_gone(void *ctx, enum role peer, enum err why)
{
	struct side *s = ctx;

	(void)peer;
	s->gone++;
	s->why = why;
	s->c = NULL;
}

static const struct channel_handler handler = { on_frame, on_gone };

/* boot's end as a channel, the role's end raw. */
static int open_pair(struct side *role)
{
	int pair[2];

	memset(role, 0, sizeof *role);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	role->c = channel_open(&loop, pair[0], ROLE_ROUTER, ROLE_BOOT, &handler, role);
	assert_non_null(role->c);
	return pair[1];
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void turn(void)
{
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static int file_with(char c)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, &c, 1), 1);
	return fd;
}

static int setup(void **state)
{
	(void)state;
	return uv_loop_init(&loop);
}

/* Nothing may be left behind: neither handles nor descriptors. */
static int teardown(void **state)
{
	(void)state;
	turn();
	return uv_loop_close(&loop);
}

static void send_raw(int fd, const void *bytes, size_t n, const int *fds, unsigned count)
{
	assert_true(fds_send(fd, bytes, n, fds, count, 0));
}

static size_t stop_frame(uint8_t *out, uint32_t deadline_ms)
{
	return msg_STOP_encode(&(struct msg_STOP){ deadline_ms }, out, MSG_BYTES_MAX);
}

static void a_frame_arrives_with_its_descriptor(void **state)
{
	struct side s;
	int raw = open_pair(&s), fd = file_with('x');
	struct msg_POLICY m = { 7 };
	uint8_t f[MSG_BYTES_MAX];

	(void)state;
	send_raw(raw, f, msg_POLICY_encode(&m, f, sizeof f), &fd, 1);
	send_raw(raw, f, stop_frame(f, 1234), NULL, 0);
	turn();
	assert_int_equal(s.frames, 2);
	assert_int_equal(s.fds, 1);
	assert_int_equal(s.read_back, 'x');
	assert_int_equal(s.last.deadline_ms, 1234);
	assert_int_equal(s.gone, 0);
	channel_close(s.c);
	channel_close(NULL);
	close(raw);
	close(fd);
}

static void expect_broken(const void *bytes, size_t n, const int *fds, unsigned count)
{
	struct side s;
	int raw = open_pair(&s);
	unsigned before;

	before = open_descriptors();
	send_raw(raw, bytes, n, fds, count);
	turn();
	assert_int_equal(s.frames, 0);
	assert_int_equal(s.gone, 1);
	assert_int_equal(s.why, ERR_PROTOCOL);
	assert_int_equal(open_descriptors(), before - 1); /* the channel's, and none stayed */
	close(raw);
}

static void what_is_not_permitted_breaks_the_channel(void **state)
{
	uint8_t f[MSG_BYTES_MAX + 100] = { 0 };
	int fds[5];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		fds[i] = file_with('a');

	struct msg_READY ready = { .detail = "router says what only a role may say to boot" };
	expect_broken(f, msg_READY_encode(&ready, f, sizeof f), NULL, 0);
	expect_broken("\xff\xff", 2, NULL, 0); /* no such type */
	expect_broken("\x01", 1, NULL, 0);     /* too short for a type */
	size_t n = stop_frame(f, 1);
	expect_broken(f, n, fds, 1); /* STOP carries none */
	expect_broken(f, n, fds, 5); /* more than the control buffer holds */
	n = msg_POLICY_encode(&(struct msg_POLICY){ 1 }, f, sizeof f);
	expect_broken(f, n, fds, 2); /* POLICY carries one */
	expect_broken(f, n, fds, 3);
	expect_broken(f, sizeof f, NULL, 0); /* longer than a frame may be */
	for (unsigned i = 0; i < 5; i++)
		close(fds[i]);
}

static void a_handler_can_declare_the_peer_broken_or_close(void **state)
{
	struct side s;
	uint8_t f[16];
	size_t n = stop_frame(f, 1);
	int raw = open_pair(&s);

	(void)state;
	s.refuse = true;
	send_raw(raw, f, n, NULL, 0);
	send_raw(raw, f, n, NULL, 0);
	turn();
	assert_int_equal(s.frames, 1);
	assert_int_equal(s.gone, 1);
	close(raw);

	raw = open_pair(&s);
	s.close_self = true;
	send_raw(raw, f, n, NULL, 0);
	send_raw(raw, f, n, NULL, 0);
	turn();
	assert_int_equal(s.frames, 1);
	assert_int_equal(s.gone, 0);
	close(raw);
}

static void last_words_are_heard_before_the_end(void **state)
{
	struct side s;
	uint8_t f[16];
	size_t n = stop_frame(f, 42);
	int raw = open_pair(&s);
	struct msg_READY ready = { .detail = "unread by the peer, so that its end is a reset" };

	(void)state;
	assert_int_equal(CHANNEL_SEND(s.c, READY, &ready, NULL, 0), ERR_OK);
	for (unsigned i = 0; i < 50; i++)
		send_raw(raw, f, n, NULL, 0);
	close(raw);
	turn();
	assert_int_equal(s.frames, 50);
	assert_int_equal(s.last.deadline_ms, 42);
	assert_int_equal(s.gone, 1);
	assert_int_equal(s.why, ERR_PEER_GONE);
	assert_int_equal(CHANNEL_SEND(s.c, READY, &ready, NULL, 0), ERR_PEER_GONE); /* NULL */
}

static void draining_hears_a_dead_peer_without_the_loop(void **state)
{
	struct side s;
	uint8_t f[16];
	int raw = open_pair(&s);

	(void)state;
	send_raw(raw, f, stop_frame(f, 9), NULL, 0);
	close(raw);
	channel_drain(s.c);
	assert_int_equal(s.frames, 1);
	assert_int_equal(s.gone, 1);
	channel_drain(NULL);
}

static size_t receive(int fd, uint8_t *out, int *ret_fd)
{
	unsigned room = 1;
	ssize_t n = fds_receive(fd, out, MSG_BYTES_MAX, ret_fd, &room, MSG_DONTWAIT);

	if (room == 0)
		*ret_fd = -1;
	return n > 0 ? (size_t)n : 0;
}

/* A consent that is slow to read gets everything, in order, descriptors included. */
static void a_full_socket_queues_in_order(void **state)
{
	struct side s;
	int pair[2], fd = file_with('q'), small = 4096, came;
	uint8_t f[MSG_BYTES_MAX];

	(void)state;
	memset(&s, 0, sizeof s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	s.c = channel_open(&loop, pair[0], ROLE_BOOT, ROLE_CONSENT, &handler, &s);
	for (uint64_t i = 0; i < 100; i++) {
		struct msg_POLICY m = { i };
		assert_int_equal(CHANNEL_SEND(s.c, POLICY, &m, &fd, 1), ERR_OK);
	}
	close(fd);
	for (uint64_t i = 0; i < 100;) {
		size_t n = receive(pair[1], f, &came);
		struct msg_POLICY m;
		char byte = 0;

		if (n == 0) {
			uv_run(&loop, UV_RUN_NOWAIT);
			continue;
		}
		assert_int_equal(msg_POLICY_decode((struct span){ (char *)f, n }, &m), ERR_OK);
		assert_true(m.generation == i++);
		assert_int_equal(pread(came, &byte, 1, 0), 1);
		assert_int_equal(byte, 'q');
		close(came);
	}
	assert_int_equal(s.gone, 0);
	channel_close(s.c);
	close(pair[1]);
}

/* All who wait for an engine hear at once that there is none; their router is busy meanwhile.
 */
static void thousands_of_answers_wait_for_a_busy_peer(void **state)
{
	struct side s;
	int raw = open_pair(&s), came;
	uint8_t f[MSG_BYTES_MAX];
	unsigned got = 0;
	struct msg_READY m = { 0 };

	(void)state;
	memset(m.detail, 'x', 150);
	for (unsigned i = 0; i < 4096; i++)
		assert_int_equal(CHANNEL_SEND(s.c, READY, &m, NULL, 0), ERR_OK);
	while (got < 4096) {
		if (receive(raw, f, &came) > 0)
			got++;
		else
			uv_run(&loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(s.gone, 0);
	channel_close(s.c);
	close(raw);
}

/* As many releases as there may be, in one turn, where buffers are small. */
static void every_release_waits_with_its_descriptors(void **state)
{
	struct side s;
	int pair[2], small = 4096, fds[2] = { file_with('b'), file_with('r') }, came[2];
	uint8_t f[MSG_BYTES_MAX];
	unsigned got = 0, n;
	struct msg_SEND m = { 0 };

	(void)state;
	memset(&s, 0, sizeof s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	s.c = channel_open(&loop, pair[0], ROLE_CONSENT, ROLE_CLOUD, &handler, &s);
	unsigned before = open_descriptors();
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(CHANNEL_SEND(s.c, SEND, &m, fds, 2), ERR_OK);
	assert_true(open_descriptors() > before + 2 * 200);
	while (got < 256) {
		n = 2;
		if (fds_receive(pair[1], f, sizeof f, came, &n, MSG_DONTWAIT) <= 0) {
			uv_run(&loop, UV_RUN_NOWAIT);
			continue;
		}
		assert_int_equal(n, 2);
		close(came[0]);
		close(came[1]);
		got++;
	}
	assert_int_equal(s.gone, 0);
	assert_int_equal(open_descriptors(), before);
	channel_close(s.c);
	close(pair[1]);
	close(fds[0]);
	close(fds[1]);
}

static void a_peer_that_does_not_read_is_given_up(void **state)
{
	struct side s;
	int raw = open_pair(&s);
	struct msg_READY m = { 0 };
	enum err e = ERR_OK;
	unsigned sent = 0, before = open_descriptors();

	(void)state;
	memset(m.detail, 'x', 200);
	while (e == ERR_OK && sent < 100000) {
		e = CHANNEL_SEND(s.c, READY, &m, NULL, 0);
		sent++;
	}
	assert_int_equal(e, ERR_BUSY);
	assert_int_equal(s.gone, 0); /* told from the loop, not from inside the send */
	assert_int_equal(CHANNEL_SEND(s.c, READY, &m, NULL, 0), ERR_PEER_GONE);
	turn();
	assert_int_equal(s.gone, 1);
	assert_int_equal(s.why, ERR_BUSY);
	assert_int_equal(open_descriptors(), before - 1);
	close(raw);
}

/* Who reads on after all is given up for the same reason: the owner must learn that it was us.
 */
static void a_peer_that_reads_too_late_is_given_up_all_the_same(void **state)
{
	struct side s;
	int raw = open_pair(&s);
	struct msg_READY m = { 0 };
	char frame[MSG_BYTES_MAX];

	(void)state;
	memset(m.detail, 'x', 200);
	while (CHANNEL_SEND(s.c, READY, &m, NULL, 0) == ERR_OK)
		;
	while (recv(raw, frame, sizeof frame, MSG_DONTWAIT) > 0)
		;
	turn();
	assert_int_equal(s.gone, 1);
	assert_int_equal(s.why, ERR_BUSY);
	close(raw);
}

/* As many of its user's descriptors are on their way as it may have open. */
static int wait_for_room(void)
{
	struct rlimit few = { 64, 64 };
	struct side s;
	struct msg_POLICY m = { 7 };
	uint8_t f[MSG_BYTES_MAX];
	int raw, other[2], fd = file_with('r'), came;
	unsigned n = 1, sent = 0;

	if (getuid() == 0 && (setgid(61235) != 0 || setuid(61235) != 0))
		return 1;
	raw = open_pair(&s);
	if (setrlimit(RLIMIT_NOFILE, &few) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, other) != 0)
		return 2;
	while (fds_send(other[0], "x", 1, &fd, 1, MSG_DONTWAIT))
		sent++;
	if (errno != ETOOMANYREFS || sent == 0)
		return 3;
	if (CHANNEL_SEND(s.c, POLICY, &m, &fd, 1) != ERR_OK)
		return 4;
	turn();
	if (s.gone != 0 || receive(raw, f, &came) != 0)
		return 5;
	for (; sent > 0; sent--, n = 1) {
		if (fds_receive(other[1], f, sizeof f, &came, &n, MSG_DONTWAIT) != 1)
			return 6;
		close(came);
	}
	turn();
	return s.gone == 0 && receive(raw, f, &came) > 0 && came >= 0 ? 0 : 7;
}

static void no_room_for_descriptors_is_waited_for(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(wait_for_room());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_closed_peer_is_told_from_the_loop(void **state)
{
	struct side s;
	int raw = open_pair(&s);
	struct msg_READY m = { 0 };

	(void)state;
	close(raw);
	assert_int_equal(CHANNEL_SEND(s.c, READY, &m, NULL, 0), ERR_PEER_GONE);
	assert_int_equal(s.gone, 0);
	turn();
	assert_int_equal(s.gone, 1);
	assert_int_equal(s.why, ERR_PEER_GONE);
}

/* The kernel refuses for another reason: the peer lives, so somebody must make a new wire. */
static void a_failed_call_is_not_a_peer_that_is_gone(void **state)
{
	struct side s = { 0 };
	static uint8_t frame[MSG_BYTES_MAX];
	int pair[2], least = 1;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
	s.c = channel_open(&loop, pair[0], ROLE_ROUTER, ROLE_BOOT, &handler, &s);
	assert_non_null(s.c);
	/* EMSGSIZE: larger than the buffer will ever be */
	assert_int_equal(channel_send(s.c, frame, sizeof frame, NULL, 0), ERR_SYSTEM);
	assert_int_equal(s.gone, 0);
	turn();
	assert_int_equal(s.gone, 1);
	assert_int_equal(s.why, ERR_SYSTEM);
	close(pair[1]);
}

/* As channel_send_bundle takes them. */
static size_t entry(uint8_t *out, uint32_t deadline_ms)
{
	size_t n = stop_frame(out + 2, deadline_ms);

	out[0] = (uint8_t)n;
	out[1] = (uint8_t)(n >> 8);
	return n + 2;
}

static void a_bundle_is_its_frames(void **state)
{
	static uint8_t entries[64 * 1024];
	struct side s;
	int raw = open_pair(&s);
	struct channel *boot;
	struct side b = { 0 };
	size_t len = 0, done = 0, taken = 1;

	(void)state;
	boot = channel_open(&loop, raw, ROLE_BOOT, ROLE_ROUTER, &handler, &b);
	assert_non_null(boot);
	for (uint32_t i = 1; i <= 3000; i++)
		len += entry(entries + len, i);
	while (done < len) {
		struct span rest = { (const char *)entries + done, len - done };
		enum err e = channel_send_bundle(boot, rest, &taken);

		assert_true(e == ERR_OK || (e == ERR_AGAIN && taken == 0));
		done += taken;
		if (e == ERR_AGAIN)
			turn();
	}
	turn();
	assert_int_equal(s.frames, 3000);
	assert_int_equal(s.last.deadline_ms, 3000);
	assert_int_equal(
		channel_send_bundle(NULL, (struct span){ (const char *)entries, len }, &taken),
		ERR_PEER_GONE);
	assert_int_equal(channel_send_bundle(boot, (struct span){ "\x05\x00", 2 }, &taken),
			 ERR_TOO_BIG);
	channel_close(boot);
	turn();
	assert_int_equal(s.gone, 1);
}

static void a_bad_bundle_breaks_the_channel(void **state)
{
	uint8_t f[256] = { 0xff, 0xff };
	struct msg_RELOAD wrong = { 1 };
	int fd = file_with('b');

	(void)state;
	expect_broken(f, 2, NULL, 0); /* empty */
	expect_broken(f, 3, NULL, 0); /* half a length */
	expect_broken(f, 4, NULL, 0); /* an empty frame */
	f[2] = 200;
	expect_broken(f, 100, NULL, 0); /* more than there is */
	size_t n = msg_RELOAD_encode(&wrong, f + 4, sizeof f - 4);
	f[2] = (uint8_t)n;
	expect_broken(f, 4 + n, NULL, 0); /* nothing boot says */
	n = entry(f + 2, 1);
	expect_broken(f, 2 + n, &fd, 1); /* with a descriptor */
	close(fd);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_frame_arrives_with_its_descriptor),
		CASE(what_is_not_permitted_breaks_the_channel),
		CASE(a_handler_can_declare_the_peer_broken_or_close),
		CASE(last_words_are_heard_before_the_end),
		CASE(draining_hears_a_dead_peer_without_the_loop),
		CASE(a_full_socket_queues_in_order),
		CASE(thousands_of_answers_wait_for_a_busy_peer),
		CASE(every_release_waits_with_its_descriptors),
		CASE(no_room_for_descriptors_is_waited_for),
		CASE(a_peer_that_does_not_read_is_given_up),
		CASE(a_peer_that_reads_too_late_is_given_up_all_the_same),
		CASE(a_closed_peer_is_told_from_the_loop),
		CASE(a_failed_call_is_not_a_peer_that_is_gone),
		CASE(a_bundle_is_its_frames),
		CASE(a_bad_bundle_breaks_the_channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
