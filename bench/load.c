/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients in a closed loop: each connection asks again as soon as it was answered.
 *
 *   bench_load PROCESSOR ADDRESS key=value...
 *     connections=1   seconds=2   requests=0 (as many as fit)   warm=100 (not counted)
 *     prompt=256 (bytes)   stream=0   fresh=0 (1: a connection for each request)
 *     pieces=1 every_us=0 filler=16 (wire.h)   model=local
 *     spread_ms=0 (over which the first requests are spread)
 *
 * Prints one line: answered failed missing_pieces seconds p50 p90 p99 of the whole answer, of
 * the first piece and of a piece, in microseconds, tab separated. The time of a piece is from
 * the engine's stamp to read(2) here; of a plain answer it is the way back.
 *
 * An answer counts when it is 200, whole by its framing, and has every piece; a stream must end
 * with [DONE].
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/wire.h"

#define LINE_BYTES 16384

enum state { IDLE, HEAD, LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER };

struct client {
	int fd;
	enum state state;
	char line[LINE_BYTES]; /* head, chunk size, or the line of the body under way */
	size_t n;
	uint64_t left; /* of the body or chunk */
	char size[20]; /* of a chunk, while it is read */
	unsigned size_n, status, pieces;
	size_t sent;
	int64_t start_ns, first_ns;
	bool warm, done_seen, last_chunk;
};

struct times {
	int64_t *ns;
	size_t n, cap;
};

static struct {
	const char *address, *model;
	long connections, seconds, requests, warm, prompt, stream, fresh, pieces, every_us,
		filler, spread_ms;
} want = { .model = "local",
	   .connections = 1,
	   .seconds = 2,
	   .warm = 100,
	   .prompt = 256,
	   .pieces = 1,
	   .filler = 16 };

static int epoll_fd;
static char *request;
static size_t request_bytes;
static struct times whole, first, piece;
static long begun, answered, failed, missing, active;
static int64_t end_ns;

static void note(struct times *t, int64_t ns)
{
	if (t->n == t->cap) {
		t->cap = t->cap * 2 + 65536;
		t->ns = realloc(t->ns, t->cap * sizeof *t->ns);
		if (t->ns == NULL)
			wire_die("memory");
	}
	t->ns[t->n++] = ns;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_times(struct times *t)
{
	static const double at[] = { 0.5, 0.9, 0.99 };

	if (t->n > 0)
		qsort(t->ns, t->n, sizeof *t->ns, by_value);
	for (unsigned i = 0; i < 3; i++)
		printf("\t%.1f",
		       t->n > 0 ? (double)t->ns[(size_t)(at[i] * (double)(t->n - 1))] / 1000
				: 0.0);
}

/* ---------------------------------------------------------------- asking */

static void watch(struct client *c, int how, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (epoll_ctl(epoll_fd, how, c->fd, &e) != 0)
		wire_die("epoll");
}

static void push(struct client *c)
{
	bool held = c->sent > 0;

	while (c->sent < request_bytes) {
		ssize_t w = write(c->fd, request + c->sent, request_bytes - c->sent);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			if (errno == EAGAIN)
				watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
			return; /* anything else is told by reading */
		}
		c->sent += (size_t)w;
	}
	if (held)
		watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void dial(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = wire_connect(want.address);
	watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void ask(struct client *c)
{
	int64_t now = wire_now_ns();

	if (now >= end_ns || (want.requests > 0 && begun >= want.requests + want.warm)) {
		c->state = IDLE;
		active--;
		return;
	}
	if (c->fd < 0 || want.fresh != 0)
		dial(c);
	c->warm = begun++ < want.warm;
	c->state = HEAD;
	c->n = c->sent = 0;
	c->status = c->pieces = c->size_n = 0;
	c->done_seen = c->last_chunk = false;
	c->first_ns = 0;
	c->start_ns = wire_now_ns();
	push(c);
}

static void over(struct client *c, bool good, int64_t now)
{
	long lacking = want.stream ? want.pieces - (long)c->pieces : c->pieces == 0;

	good = good && c->status == 200 && (want.stream == 0 || c->done_seen);
	if (!c->warm) {
		answered += good;
		failed += !good;
		if (good && lacking > 0)
			missing += lacking;
		if (good) {
			note(&whole, now - c->start_ns);
			note(&first, c->first_ns - c->start_ns);
		}
	}
	ask(c);
}

/* ---------------------------------------------------------------- answers */

static void body_line(struct client *c, int64_t now)
{
	int64_t stamp = wire_stamp_in(c->line, c->n);

	if (stamp >= 0) {
		c->pieces++;
		if (c->first_ns == 0)
			c->first_ns = now;
		if (!c->warm)
			note(&piece, now - stamp);
	}
	if (memmem(c->line, c->n, "[DONE]", 6) != NULL)
		c->done_seen = true;
	c->n = 0;
}

static void body_bytes(struct client *c, const char *p, size_t n, int64_t now)
{
	while (n > 0) {
		const char *lf = memchr(p, '\n', n);
		size_t take = lf != NULL ? (size_t)(lf + 1 - p) : n;

		if (c->n + take <= sizeof c->line) {
			memcpy(c->line + c->n, p, take);
			c->n += take;
		}
		if (lf != NULL)
			body_line(c, now);
		p += take;
		n -= take;
	}
}

/* The head is whole: what kind of body follows. */
static void head_end(struct client *c)
{
	c->line[c->n] = '\0';
	c->status = (unsigned)atoi(c->line + 9);
	const char *length = strcasestr(c->line, "\ncontent-length:");
	c->state = length != NULL ? LENGTH : CHUNK_SIZE;
	c->left = length != NULL ? strtoull(length + 16, NULL, 10) : 0;
	c->n = 0;
}

static size_t take_head(struct client *c, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && c->state == HEAD) {
		if (c->n >= sizeof c->line - 1)
			wire_die("a head this long");
		c->line[c->n++] = p[i++];
		if (c->n >= 4 && memcmp(c->line + c->n - 4, "\r\n\r\n", 4) == 0)
			head_end(c);
	}
	return i;
}

static size_t take_size(struct client *c, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && c->state == CHUNK_SIZE) {
		char b = p[i++];

		if (b == '\n') {
			c->size[c->size_n] = '\0';
			c->left = strtoull(c->size, NULL, 16);
			c->size_n = 0;
			c->last_chunk = c->left == 0;
			c->state = c->last_chunk ? TRAILER : CHUNK_DATA;
			c->left = c->last_chunk ? 2 : c->left;
		} else if (c->size_n < sizeof c->size - 1) {
			c->size[c->size_n++] = b;
		}
	}
	return i;
}

/* Takes what belongs to the state; true when the answer is whole. */
static bool feed(struct client *c, const char *p, size_t n, int64_t now)
{
	while (n > 0) {
		size_t used = 0;

		switch (c->state) {
		case HEAD:
			used = take_head(c, p, n);
			break;
		case CHUNK_SIZE:
			used = take_size(c, p, n);
			break;
		case LENGTH:
		case CHUNK_DATA:
			used = n < c->left ? n : (size_t)c->left;
			body_bytes(c, p, used, now);
			c->left -= used;
			if (c->left == 0 && c->state == LENGTH) {
				body_line(c, now);
				return true;
			}
			if (c->left == 0) {
				c->state = CHUNK_END;
				c->left = 2;
			}
			break;
		case CHUNK_END:
		case TRAILER:
			used = n < c->left ? n : (size_t)c->left;
			c->left -= used;
			if (c->left == 0 && c->state == TRAILER)
				return true;
			if (c->left == 0)
				c->state = CHUNK_SIZE;
			break;
		default:
			return false;
		}
		p += used;
		n -= used;
	}
	return false;
}

static void on_event(struct client *c, uint32_t events)
{
	static char bytes[65536];

	if ((events & EPOLLOUT) != 0)
		push(c);
	ssize_t n = read(c->fd, bytes, sizeof bytes);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	int64_t now = wire_now_ns();
	if (n > 0) {
		if (feed(c, bytes, (size_t)n, now))
			over(c, true, now);
		return;
	}
	close(c->fd);
	c->fd = -1;
	if (c->state != IDLE)
		over(c, false, now);
}

/* ---------------------------------------------------------------- running */

static void make_request(void)
{
	char *body = malloc((size_t)want.prompt + 1024), shape[80];
	int n = snprintf(shape, sizeof shape, "@%ld,%ld,%ld@ ", want.pieces, want.every_us,
			 want.filler);
	static const char words[] = "the quick brown fox jumps over the lazy dog and ";

	if (body == NULL)
		wire_die("memory");
	int at = sprintf(
		body, "{\"model\":\"%s\",%s\"messages\":[{\"role\":\"user\",\"content\":\"%s",
		want.model, want.stream ? "\"stream\":true," : "", shape);
	for (long i = n; i < want.prompt; i++)
		body[at++] = words[(size_t)i % (sizeof words - 1)];
	at += sprintf(body + at, "\"}]}");
	request = malloc((size_t)at + 256);
	if (request == NULL)
		wire_die("memory");
	request_bytes =
		(size_t)sprintf(request,
				"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
				"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
				at);
	memcpy(request + request_bytes, body, (size_t)at);
	request_bytes += (size_t)at;
	free(body);
}

static void read_want(const char *text)
{
	const struct {
		const char *key;
		long *to;
	} keys[] = { { "connections=", &want.connections },
		     { "seconds=", &want.seconds },
		     { "requests=", &want.requests },
		     { "warm=", &want.warm },
		     { "prompt=", &want.prompt },
		     { "stream=", &want.stream },
		     { "fresh=", &want.fresh },
		     { "pieces=", &want.pieces },
		     { "every_us=", &want.every_us },
		     { "filler=", &want.filler },
		     { "spread_ms=", &want.spread_ms } };

	if (strncmp(text, "model=", 6) == 0) {
		want.model = text + 6;
		return;
	}
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (strncmp(text, keys[i].key, strlen(keys[i].key)) == 0) {
			*keys[i].to = atol(text + strlen(keys[i].key));
			return;
		}
	}
	fprintf(stderr, "bench_load: what is %s?\n", text);
	exit(2);
}

/* Begins what is due, then serves what is there. False: all are at rest. */
static bool turn(struct client *all, long *io_next, int64_t start_ns)
{
	struct epoll_event events[256];
	int patience_ms = 200;

	while (*io_next < want.connections &&
	       wire_now_ns() - start_ns >=
		       *io_next * want.spread_ms * 1000000 / want.connections)
		ask(&all[(*io_next)++]);
	if (*io_next < want.connections)
		patience_ms = 1;
	else if (active == 0)
		return false;
	int n = epoll_wait(epoll_fd, events, 256, patience_ms);
	for (int i = 0; i < n; i++)
		on_event(events[i].data.ptr, events[i].events);
	return wire_now_ns() < end_ns + INT64_C(8000000000);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: bench_load PROCESSOR ADDRESS key=value...\n");
		return 2;
	}
	want.address = argv[2];
	for (int i = 3; i < argc; i++)
		read_want(argv[i]);
	signal(SIGPIPE, SIG_IGN);
	wire_many_descriptors();
	wire_pin(atoi(argv[1]));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	make_request();
	struct client *all = calloc((size_t)want.connections, sizeof *all);
	if (all == NULL)
		wire_die("memory");
	for (long i = 0; i < want.connections; i++) {
		all[i].fd = -1;
		dial(&all[i]);
	}
	int64_t start_ns = wire_now_ns();
	long next = 0;
	end_ns = start_ns + want.seconds * INT64_C(1000000000);
	active = want.connections;
	while (turn(all, &next, start_ns))
		;
	printf("%ld\t%ld\t%ld\t%.3f", answered, failed + active, missing,
	       (double)(wire_now_ns() - start_ns) / 1e9);
	print_times(&whole);
	print_times(&first);
	print_times(&piece);
	printf("\n");
	return 0;
}
