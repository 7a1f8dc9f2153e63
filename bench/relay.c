/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from one socket to another and back, with nothing looked at: what any program in
 * between costs at least.
 *
 *   bench_relay PROCESSOR LISTEN_ADDRESS ENGINE_ADDRESS
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/wire.h"

struct end {
	int fd;
	struct end *other; /* NULL: the listener */
	bool dead;
};

static int epoll_fd;

static void watch(struct end *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = e };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, e->fd, &ev) != 0)
		wire_die("epoll");
}

static void join(int fd, const char *engine)
{
	struct end *pair = calloc(2, sizeof *pair);

	if (pair == NULL)
		wire_die("memory");
	pair[0] = (struct end){ fd, &pair[1], false };
	pair[1] = (struct end){ wire_connect(engine), &pair[0], false };
	watch(&pair[0]);
	watch(&pair[1]);
}

/* Memory stays until the end: another event of this turn may name it. */
static void part(struct end *e)
{
	if (e->dead)
		return;
	e->dead = e->other->dead = true;
	close(e->fd);
	close(e->other->fd);
}

static void pass(struct end *e)
{
	static char bytes[65536];
	ssize_t n = e->dead ? -1 : read(e->fd, bytes, sizeof bytes);

	if (e->dead || (n < 0 && errno == EAGAIN))
		return;
	if (n <= 0) {
		part(e);
		return;
	}
	for (ssize_t at = 0; at < n;) {
		ssize_t w = write(e->other->fd, bytes + at, (size_t)(n - at));

		if (w < 0 && errno != EAGAIN) {
			part(e);
			return;
		}
		at += w > 0 ? w : 0;
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];

	if (argc != 4) {
		fprintf(stderr, "usage: bench_relay PROCESSOR LISTEN_ADDRESS ENGINE_ADDRESS\n");
		return 2;
	}
	struct end listener = { wire_listen(argv[2]), NULL, false };
	signal(SIGPIPE, SIG_IGN);
	wire_many_descriptors();
	wire_pin(atoi(argv[1]));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	watch(&listener);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, 256, -1), fd;

		for (int i = 0; i < n; i++) {
			struct end *e = events[i].data.ptr;

			if (e->other != NULL)
				pass(e);
			else
				while ((fd = wire_accept(e->fd)) >= 0)
					join(fd, argv[3]);
		}
	}
}
