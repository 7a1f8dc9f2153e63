/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that costs next to nothing: chat completions, plain and streamed, on a Unix socket
 * or loopback TCP. What it answers stands in the prompt (wire.h).
 *
 *   bench_engine PROCESSOR ADDRESS...
 *
 * One thread; pieces that are due later wait in a ring of 1 ms slots, as fine as epoll_wait.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/wire.h"

#define SLOTS     8192 /* of 1 ms; a longer gap is not asked for */
#define IN_BYTES  (8u << 20)
#define OUT_BYTES 65536

struct peer {
	struct peer *next; /* in its slot */
	int fd;
	bool listener, streamed, waiting;
	char *in;
	size_t in_len, in_cap;
	unsigned pieces, done, every_us, filler;
	int64_t due_ns;
};

static int epoll_fd;
static struct peer *slots[SLOTS];
static int64_t slot_now; /* slots before it are empty */
static unsigned n_waiting;
static char filler[4096];

static void later(struct peer *p, int64_t due_ns)
{
	int64_t slot = due_ns / 1000000;

	p->due_ns = due_ns;
	p->waiting = true;
	if (n_waiting++ == 0 || slot < slot_now)
		slot_now = slot;
	p->next = slots[slot % SLOTS];
	slots[slot % SLOTS] = p;
}

static void drop(struct peer *p)
{
	if (p->waiting) {
		struct peer **at = &slots[p->due_ns / 1000000 % SLOTS];

		while (*at != p)
			at = &(*at)->next;
		*at = p->next;
		n_waiting--;
	}
	close(p->fd);
	free(p->in);
	free(p);
}

/* The sockets' buffers hold any answer that is asked for here. */
static void say(struct peer *p, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t w = write(p->fd, bytes, n);

		if (w < 0 && errno != EAGAIN && errno != EINTR)
			return; /* reading will tell */
		if (w > 0) {
			bytes += w;
			n -= (size_t)w;
		}
	}
}

static size_t put_piece(struct peer *p, char *out)
{
	char stamp[WIRE_STAMP_BYTES], body[OUT_BYTES / 2];

	wire_stamp(stamp, wire_now_ns());
	int n = snprintf(
		body, sizeof body,
		"data: {\"id\":\"e\",\"object\":\"chat.completion.chunk\",\"created\":1,"
		"\"model\":\"e\",\"choices\":[{\"index\":0,\"delta\":{%s\"content\":"
		"\"%.19s%.*s\"},\"finish_reason\":null}]}\n\n",
		p->done == 0 ? "\"role\":\"assistant\"," : "", stamp, (int)p->filler, filler);
	p->done++;
	return (size_t)sprintf(out, "%x\r\n%s\r\n", (unsigned)n, body);
}

static void end_stream(struct peer *p)
{
	static const char last[] = "data: {\"id\":\"e\",\"object\":\"chat.completion.chunk\","
				   "\"created\":1,\"model\":\"e\",\"choices\":[{\"index\":0,"
				   "\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
	char out[1024];
	int n = snprintf(out, sizeof out, "%zx\r\n%s\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
			 sizeof last - 1, last);

	say(p, out, (size_t)n);
}

static void step(struct peer *p)
{
	static char out[OUT_BYTES];

	do {
		size_t n = 0;

		while (p->done < p->pieces && n < sizeof out / 2 &&
		       (n == 0 || p->every_us == 0))
			n += put_piece(p, out + n);
		say(p, out, n);
	} while (p->done < p->pieces && p->every_us == 0);
	if (p->done < p->pieces)
		later(p, p->due_ns + p->every_us * INT64_C(1000));
	else
		end_stream(p);
}

static void answer_plain(struct peer *p)
{
	char stamp[WIRE_STAMP_BYTES], body[OUT_BYTES / 2], out[OUT_BYTES];

	wire_stamp(stamp, wire_now_ns());
	int n = snprintf(
		body, sizeof body,
		"{\"id\":\"e\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"e\","
		"\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
		"\"%.19s%.*s\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
		"\"completion_tokens\":9,\"total_tokens\":18}}",
		stamp, (int)p->filler, filler);
	int m = snprintf(
		out, sizeof out,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
		"\r\n%s",
		n, body);
	say(p, out, (size_t)m);
}

/* What an engine says of itself: enough to be taken for one that speaks OpenAI's protocol. */
static void answer_get(struct peer *p)
{
	static const char reply[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 55\r\n"
		"\r\n{\"object\":\"list\",\"data\":[{\"id\":\"e\",\"object\":\"model\"}]} ";

	say(p, reply, sizeof reply - 1);
}

static void answer(struct peer *p, const char *body, size_t n)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";
	const char *at = memchr(body, '@', n);

	p->pieces = 1;
	p->done = p->every_us = p->filler = 0;
	if (at != NULL)
		(void)!sscanf(at, "@%u,%u,%u@", &p->pieces, &p->every_us, &p->filler);
	if (p->filler > sizeof filler)
		p->filler = sizeof filler;
	p->streamed = memmem(body, n, "\"stream\":true", 13) != NULL;
	if (!p->streamed) {
		answer_plain(p);
		return;
	}
	say(p, head, sizeof head - 1);
	p->due_ns = wire_now_ns();
	step(p);
}

/* False: not a whole request yet. */
static bool take_request(struct peer *p)
{
	char *end = memmem(p->in, p->in_len, "\r\n\r\n", 4);

	if (end == NULL)
		return false;
	*end = '\0';
	const char *length = strcasestr(p->in, "\ncontent-length:");
	size_t head = (size_t)(end + 4 - p->in),
	       body = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
	*end = '\r';
	if (p->in_len < head + body)
		return false;
	if (strncmp(p->in, "GET ", 4) == 0)
		answer_get(p);
	else
		answer(p, p->in + head, body);
	p->in_len -= head + body;
	memmove(p->in, p->in + head + body, p->in_len);
	return true;
}

static void on_input(struct peer *p)
{
	if (p->in_cap - p->in_len < OUT_BYTES) {
		p->in_cap = p->in_cap * 2 + 2 * OUT_BYTES;
		p->in = p->in_cap <= IN_BYTES ? realloc(p->in, p->in_cap) : NULL;
		if (p->in == NULL)
			wire_die("a request this long");
	}
	ssize_t n = read(p->fd, p->in + p->in_len, p->in_cap - p->in_len - 1);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		drop(p);
		return;
	}
	if (n < 0)
		return;
	p->in_len += (size_t)n;
	p->in[p->in_len] = '\0';
	while (p->in_len > 0 && take_request(p))
		;
}

static void watch(int fd, bool listener)
{
	struct peer *p = calloc(1, sizeof *p);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };

	if (p == NULL)
		wire_die("memory");
	p->fd = fd;
	p->listener = listener;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
		wire_die("epoll");
}

static void run_due(void)
{
	int64_t now = wire_now_ns() / 1000000;

	while (n_waiting > 0 && slot_now <= now) {
		struct peer *p = slots[slot_now % SLOTS];

		slots[slot_now++ % SLOTS] = NULL; /* later() may set it anew */
		while (p != NULL) {
			struct peer *next = p->next;

			n_waiting--;
			p->waiting = false;
			step(p);
			p = next;
		}
	}
}

static int patience_ms(void)
{
	if (n_waiting == 0)
		return -1;
	while (slots[slot_now % SLOTS] == NULL)
		slot_now++;
	int64_t ms = slot_now - wire_now_ns() / 1000000;
	return ms > 0 ? (int)ms : 0;
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];

	if (argc < 3) {
		fprintf(stderr, "usage: bench_engine PROCESSOR ADDRESS...\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	wire_many_descriptors();
	wire_pin(atoi(argv[1]));
	memset(filler, 'x', sizeof filler);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 2; i < argc; i++)
		watch(wire_listen(argv[i]), true);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, 256, patience_ms());

		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;
			int fd;

			if (!p->listener)
				on_input(p);
			else
				while ((fd = wire_accept(p->fd)) >= 0)
					watch(fd, false);
		}
		run_due();
	}
}
