/* SPDX-License-Identifier: Apache-2.0 */
/* The server on a real Unix socket: replies, order, limits, hang-ups. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/server.h"

#define LINGERING  32 /* HTTP_AWAY */

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST(n)    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " n "\r\n\r\n"
#define FOREVER_MS 20000

static uv_loop_t loop;
static struct http_server *server;
static char socket_path[100];
static unsigned requests, gone, done, drained;
static struct http_exchange *held; /* /hold keeps it for the test to answer */
static bool closed;

/* ---------------------------------------------------------------- the handler */

static void on_request(void *ctx, struct http_exchange *x, const struct http_request *r)
{
	(void)ctx;
	requests++;
	if (span_is(r->path, "/hold")) {
		held = x;
	} else if (span_is(r->path, "/echo")) {
		http_reply(x, 200, "text/plain", NULL, 0, r->body);
	} else if (span_is(r->path, "/stream") || span_is(r->path, "/cut")) {
		struct http_field f = { "X-A", "b" };

		http_begin(x, 200, "text/plain", &f, 1);
		http_write(x, SPAN_LITERAL("one"));
		http_write(x, SPAN_LITERAL("two"));
		if (span_is(r->path, "/cut"))
			http_abort(x);
		else
			http_end(x);
	} else {
		struct http_field f = { "X-B", "c\r\nSet-Cookie: d" };

		http_reply(x, 404, "text/plain", &f, 1, SPAN_LITERAL("no"));
	}
}

static void on_gone(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	(void)x;
	gone++;
}

static void on_drain(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	(void)x;
	drained++;
}

static void on_done(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	if (x == held)
		held = NULL;
	done++;
}

static const struct http_handler handler = {
	.on_request = on_request, .on_gone = on_gone, .on_drain = on_drain, .on_done = on_done
};

/* ---------------------------------------------------------------- helpers */

static int start(const struct http_limits *limits)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	requests = gone = done = drained = 0;
	held = NULL;
	closed = false;
	snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path);
	unlink(socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 64), 0);
	uv_loop_init(&loop);
	server = http_server_new(&loop, limits, &handler, NULL);
	assert_non_null(server);
	assert_int_equal(http_listen(server, fd, "test"), ERR_OK);
	return 0;
}

static void on_closed(void *ctx)
{
	(void)ctx;
	closed = true;
}

static void stop(void)
{
	http_server_stop(server, on_closed);
	while (uv_run(&loop, UV_RUN_ONCE) != 0)
		;
	CHECK(closed, "the server says when it is closed");
	CHECK(http_server_connections(server) == 0, "no connection is left");
	http_server_free(server);
	assert_int_equal(uv_loop_close(&loop), 0);
	unlink(socket_path);
}

static int dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* Reads until `wanted` appears or the stream ends (returns true then). */
static bool hear(int fd, char *out, size_t cap, const char *wanted)
{
	size_t len = strlen(out);

	for (unsigned i = 0; i < FOREVER_MS; i++) {
		turn();
		ssize_t n = recv(fd, out + len, cap - len - 1, 0);
		if (n > 0)
			out[len += (size_t)n] = '\0';
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return true;
		if (wanted != NULL && strstr(out, wanted) != NULL)
			return false;
		if (n < 0)
			usleep(1000);
	}
	fail_msg("nothing more came; so far: %s", out);
	return true;
}

static void until(const unsigned *count, unsigned n, const char *what)
{
	for (unsigned i = 0; i < FOREVER_MS && *count < n; i++) {
		turn();
		usleep(1000);
	}
	CHECK(*count >= n, what);
}

static unsigned occurrences(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *p = strstr(text, what); p != NULL; p = strstr(p + 1, what))
		n++;
	return n;
}

static const struct http_limits usual = { .request_line_bytes = 8192,
					  .headers = 100,
					  .header_bytes = 16384,
					  .body_bytes = 1 << 20,
					  .header_timeout_ms = 60000,
					  .body_timeout_ms = 60000,
					  .idle_timeout_ms = 60000,
					  .connections = 8,
					  .connections_per_uid = 8,
					  .output_buffer_bytes = 65536 };

/* ---------------------------------------------------------------- tests */

static void plain(void **state)
{
	char text[4096] = "";

	(void)state;
	start(&usual);
	int fd = dial();
	say(fd, POST("5") "hello");
	hear(fd, text, sizeof text, "\r\n\r\nhello");
	CHECK(strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0, "status line");
	CHECK(strstr(text, "\r\nContent-Length: 5\r\n") != NULL, "length");
	CHECK(strstr(text, "\r\nContent-Type: text/plain\r\n") != NULL, "type");
	CHECK(strstr(text, "\r\nDate: ") != NULL, "date");
	text[0] = '\0';
	say(fd, GET("/other"));
	hear(fd, text, sizeof text, "\r\n\r\nno");
	CHECK(strncmp(text, "HTTP/1.1 404 Not Found\r\n", 24) == 0, "the connection is kept");
	CHECK(strstr(text, "Cookie") == NULL, "a field with a line break is dropped");
	text[0] = '\0';
	say(fd, "HEAD /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: "
		"close\r\n\r\nab");
	CHECK(hear(fd, text, sizeof text, NULL), "closed as asked");
	CHECK(strstr(text, "Content-Length: 2\r\nConnection") != NULL ||
		      strstr(text, "Connection: close\r\nContent-Length: 2\r\n\r\n") != NULL,
	      "HEAD has the head only");
	CHECK(strcmp(text + strlen(text) - 4, "\r\n\r\n") == 0, "no body after HEAD");
	CHECK(requests == 3 && done == 3 && gone == 0, "three exchanges");
	close(fd);
	stop();
}

static void byte_by_byte(void **state)
{
	static const char request[] = POST("3") "abc";
	char text[4096] = "";

	(void)state;
	start(&usual);
	int fd = dial();
	for (size_t i = 0; request[i] != '\0'; i++) {
		assert_int_equal(send(fd, request + i, 1, 0), 1);
		turn();
	}
	hear(fd, text, sizeof text, "\r\n\r\nabc");
	CHECK(requests == 1, "one request");
	close(fd);
	stop();
}

static void pipelined(void **state)
{
	char text[4096] = "";

	(void)state;
	start(&usual);
	int fd = dial();
	say(fd, GET("/hold") POST("1") "a" POST("1") "b" GET("/stream"));
	until(&requests, 1, "the first request arrives");
	for (int i = 0; i < 20; i++)
		turn();
	CHECK(requests == 1, "the second waits until the first is answered");
	http_reply(held, 200, "text/plain", NULL, 0, SPAN_LITERAL("held"));
	hear(fd, text, sizeof text, "0\r\n\r\n");
	CHECK(requests == 4 && done == 4, "all four are answered");
	const char *a = strstr(text, "\r\n\r\nheld"), *b = strstr(text, "\r\n\r\na"),
		   *c = strstr(text, "\r\n\r\nb");
	CHECK(a != NULL && b != NULL && c != NULL && a < b && b < c, "in order");
	close(fd);
	stop();
}

static void streams(void **state)
{
	char text[4096] = "";

	(void)state;
	start(&usual);
	int fd = dial();
	say(fd, GET("/stream"));
	hear(fd, text, sizeof text, "0\r\n\r\n");
	CHECK(strstr(text,
		     "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n") !=
		      NULL,
	      "chunks");
	CHECK(strstr(text, "X-A: b\r\n") != NULL, "fields");
	text[0] = '\0';
	say(fd, GET("/cut"));
	CHECK(hear(fd, text, sizeof text, NULL), "an aborted stream closes");
	CHECK(strstr(text, "3\r\ntwo\r\n") != NULL && strstr(text, "0\r\n\r\n") == NULL,
	      "what was written is there, the final chunk is not");
	close(fd);
	fd = dial();
	text[0] = '\0';
	say(fd, "GET /stream HTTP/1.0\r\n\r\n");
	CHECK(hear(fd, text, sizeof text, NULL), "HTTP/1.0 ends a stream by closing");
	CHECK(strstr(text, "\r\n\r\nonetwo") != NULL && strstr(text, "chunked") == NULL,
	      "bare bytes");
	close(fd);
	stop();
}

static void pushed(void **state)
{
	char text[4096] = "";

	(void)state;
	start(&usual);
	int fd = dial();
	say(fd, GET("/hold"));
	until(&requests, 1, "a request to answer");
	http_begin(held, 200, "text/plain", NULL, 0);
	http_write(held, SPAN_LITERAL("now"));
	CHECK(recv(fd, text, sizeof text, 0) < 0, "what is written waits for the turn's end");
	http_push(held);
	ssize_t n = recv(fd, text, sizeof text - 1, 0);
	CHECK(n > 0 && strstr(text, "\r\n\r\n3\r\nnow\r\n") != NULL, "unless it is pushed");
	http_push(held);
	CHECK(recv(fd, text, sizeof text, 0) < 0, "which sends nothing twice");
	http_end(held);
	memset(text, 0, sizeof text);
	hear(fd, text, sizeof text, "0\r\n\r\n");
	close(fd);
	stop();
}

static void expectation(void **state)
{
	char text[4096] = "";

	(void)state;
	start(&usual);
	int fd = dial();
	say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
		"2\r\n\r\n");
	hear(fd, text, sizeof text, "\r\n\r\n");
	CHECK(strcmp(text, "HTTP/1.1 100 Continue\r\n\r\n") == 0, "told to go on");
	say(fd, "ok");
	hear(fd, text, sizeof text, "\r\n\r\nok");
	CHECK(occurrences(text, "HTTP/1.1 ") == 2, "one final reply");
	text[0] = '\0';
	say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
		"99999999\r\n\r\n");
	CHECK(hear(fd, text, sizeof text, NULL), "closed");
	CHECK(strncmp(text, "HTTP/1.1 413 ", 13) == 0, "too large is said before the body");
	close(fd);
	stop();
}

static void refusals(void **state)
{
	char text[4096] = "";

	(void)state;
	start(&usual);
	int fd = dial();
	say(fd, "GET / HTTP/1.1\r\n\r\nlots of bytes that nobody reads");
	CHECK(hear(fd, text, sizeof text, NULL), "closed");
	CHECK(strncmp(text, "HTTP/1.1 400 Bad Request\r\n", 26) == 0, "400");
	CHECK(strstr(text, "Connection: close\r\n") != NULL, "says that it closes");
	CHECK(strstr(text, "{\"error\":{\"message\":\"Host is missing\"") != NULL, "says why");
	CHECK(requests == 0, "the handler sees nothing of it");
	close(fd);
	fd = dial();
	text[0] = '\0';
	say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
	shutdown(fd, SHUT_WR);
	CHECK(hear(fd, text, sizeof text, NULL), "closed");
	CHECK(strncmp(text, "HTTP/1.1 400 ", 13) == 0, "a body that ends early");
	close(fd);
	stop();
}

static void half_close(void **state)
{
	char text[4096] = "";

	(void)state;
	start(&usual);
	int fd = dial();
	say(fd, GET("/hold"));
	shutdown(fd, SHUT_WR);
	until(&requests, 1, "arrives");
	for (int i = 0; i < 20; i++)
		turn();
	CHECK(gone == 0, "a half-closed client still waits");
	http_reply(held, 200, "text/plain", NULL, 0, SPAN_LITERAL("late"));
	CHECK(hear(fd, text, sizeof text, NULL), "closed");
	CHECK(strstr(text, "\r\n\r\nlate") != NULL, "and gets its answer");
	close(fd);
	fd = dial();
	text[0] = '\0';
	say(fd, GET("/hold") POST("1") "a" POST("1") "b");
	shutdown(fd, SHUT_WR);
	until(&requests, 2, "arrives");
	http_reply(held, 200, "text/plain", NULL, 0, SPAN_LITERAL("late"));
	CHECK(hear(fd, text, sizeof text, NULL), "closed");
	CHECK(occurrences(text, "HTTP/1.1 200 OK") == 3,
	      "everything that was asked is answered");
	close(fd);
	fd = dial();
	say(fd, GET("/hold"));
	shutdown(fd, SHUT_WR);
	until(&requests, 5, "arrives");
	turn();
	close(fd);
	until(&gone, 1, "the rest of the hang-up is noticed too");
	stop();
}

static void hang_ups(void **state)
{
	(void)state;
	start(&usual);
	int fd = dial();
	say(fd, GET("/hold"));
	until(&requests, 1, "arrives");
	close(fd);
	until(&gone, 1, "a hang-up before the reply is told");
	until(&done, 1, "and the exchange ends");
	fd = dial();
	say(fd, GET("/hold"));
	until(&requests, 2, "arrives");
	http_begin(held, 200, "text/plain", NULL, 0);
	http_write(held, SPAN_LITERAL("a"));
	turn();
	close(fd);
	until(&gone, 2, "a hang-up during the stream is told");
	until(&done, 2, "and the exchange ends");
	CHECK(http_server_connections(server) == 0, "the connections are given back");
	stop();
}

static void slow_reader(void **state)
{
	struct http_limits small = usual;
	static char big[300000], text[400000];

	(void)state;
	small.output_buffer_bytes = 20000;
	start(&small);
	memset(big, 'x', sizeof big);
	int fd = dial();
	say(fd, GET("/hold"));
	until(&requests, 1, "arrives");
	http_begin(held, 200, "text/plain", NULL, 0);
	size_t written = 0;
	bool room = true;
	while (room && written + 10000 <= sizeof big) {
		room = http_write(held, (struct span){ big, 10000 });
		written += 10000;
		turn();
	}
	CHECK(!room, "a client that does not read fills the output");
	CHECK(drained == 0, "and nothing drains");
	text[0] = '\0';
	for (unsigned i = 0; i < FOREVER_MS && drained == 0; i++) {
		ssize_t n = recv(fd, text, sizeof text, 0);
		(void)n;
		turn();
	}
	CHECK(drained == 1, "reading drains it");
	http_end(held);
	text[0] = '\0';
	close(fd);
	until(&done, 1, "ends");
	stop();
}

static void big_reply(void **state)
{
	static char big[900000], text[1000000];
	char head[100];

	(void)state;
	start(&usual);
	memset(big, 'y', sizeof big - 1);
	int fd = dial();
	int n = snprintf(head, sizeof head,
			 "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
			 strlen(big));
	assert_int_equal(send(fd, head, (size_t)n, 0), n);
	size_t sent = 0;
	while (sent < strlen(big)) {
		ssize_t k = send(fd, big + sent, strlen(big) - sent, MSG_NOSIGNAL);
		if (k > 0)
			sent += (size_t)k;
		turn();
	}
	text[0] = '\0';
	size_t got = 0;
	for (unsigned i = 0; i < FOREVER_MS && (got < sizeof big || done == 0); i++) {
		ssize_t k = recv(fd, text + got, sizeof text - got - 1, 0);
		if (k > 0)
			got += (size_t)k;
		turn();
	}
	text[got] = '\0';
	CHECK(strlen(strstr(text, "\r\n\r\n") + 4) == strlen(big), "every byte comes back");
	close(fd);
	stop();
}

static void too_many(void **state)
{
	struct http_limits few = usual;
	char text[4096] = "";

	(void)state;
	few.connections = 2;
	start(&few);
	int a = dial(), b = dial(), c = dial();
	CHECK(hear(c, text, sizeof text, NULL), "closed");
	CHECK(strncmp(text, "HTTP/1.1 503 ", 13) == 0, "the third is turned away");
	CHECK(strstr(text, "Retry-After: ") != NULL, "and told to come again");
	text[0] = '\0';
	say(a, POST("1") "a");
	hear(a, text, sizeof text, "\r\n\r\na");
	close(b);
	for (unsigned i = 0; i < FOREVER_MS && http_server_connections(server) > 1; i++)
		turn();
	int d = dial();
	text[0] = '\0';
	say(d, POST("1") "d");
	hear(d, text, sizeof text, "\r\n\r\nd");
	CHECK(requests == 2, "a place that came free is used");
	close(a);
	close(c);
	close(d);
	stop();
	few = usual;
	few.connections_per_uid = 1;
	start(&few);
	a = dial();
	b = dial();
	text[0] = '\0';
	CHECK(hear(b, text, sizeof text, NULL), "closed");
	CHECK(strstr(text, "of this user") != NULL, "one user has its own limit");
	close(a);
	close(b);
	stop();
}

/* Whoever has not sent its request yet when it is turned away reads why, not a broken pipe. */
static void turned_away_before_it_spoke(void **state)
{
	struct http_limits one = usual;
	static char body[100000];
	char text[4096] = "";
	int away[LINGERING + 8];

	(void)state;
	memset(body, 'y', sizeof body - 1);
	one.connections = 1;
	start(&one);
	int a = dial();
	say(a, POST("1") "a");
	hear(a, text, sizeof text, "\r\n\r\na");
	for (unsigned i = 0; i < LEN(away); i++) {
		away[i] = dial();
		turn();
	}
	for (unsigned i = 0; i < 10; i++)
		turn();
	CHECK(http_server_connections(server) == 1, "they take no place");
	for (unsigned i = 0; i < LEN(away); i++) {
		if (i < LINGERING) {
			say(away[i], "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
				     "99999\r\n\r\n");
			say(away[i], body);
		}
		text[0] = '\0';
		CHECK(hear(away[i], text, sizeof text, NULL), "closed");
		CHECK(strncmp(text, "HTTP/1.1 503 ", 13) == 0, "with an answer");
		CHECK(occurrences(text, "HTTP/1.1") == 1, "one");
		close(away[i]);
	}
	CHECK(requests == 1, "what they said is not heard");
	text[0] = '\0';
	say(a, POST("1") "b");
	hear(a, text, sizeof text, "\r\n\r\nb");
	away[0] = dial(); /* still there when the server stops */
	turn();
	close(a);
	for (unsigned i = 0; i < 10; i++)
		turn();
	close(away[0]);
	stop();
}

static void silence(void **state)
{
	/* one at a time: whichever is first on a slow machine, it is the one that is meant */
	struct http_limits idle = usual, head = usual, body = usual;
	char text[4096] = "";

	(void)state;
	idle.idle_timeout_ms = head.header_timeout_ms = body.body_timeout_ms = 30;
	start(&idle);
	int fd = dial();
	CHECK(hear(fd, text, sizeof text, NULL), "an idle connection is closed");
	CHECK(text[0] == '\0', "without a word");
	close(fd);
	stop();
	start(&head);
	fd = dial();
	say(fd, "GET / HT");
	CHECK(hear(fd, text, sizeof text, NULL), "closed");
	CHECK(strncmp(text, "HTTP/1.1 408 ", 13) == 0, "a head that does not come");
	close(fd);
	stop();
	start(&body);
	fd = dial();
	text[0] = '\0';
	say(fd, POST("5") "a");
	CHECK(hear(fd, text, sizeof text, NULL), "closed");
	CHECK(strncmp(text, "HTTP/1.1 408 ", 13) == 0, "a body that does not come");
	close(fd);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(pipelined),
		cmocka_unit_test(streams),
		cmocka_unit_test(pushed),
		cmocka_unit_test(expectation),
		cmocka_unit_test(refusals),
		cmocka_unit_test(half_close),
		cmocka_unit_test(hang_ups),
		cmocka_unit_test(slow_reader),
		cmocka_unit_test(big_reply),
		cmocka_unit_test(too_many),
		cmocka_unit_test(turned_away_before_it_spoke),
		cmocka_unit_test(silence),
	};

	signal(SIGPIPE, SIG_IGN);
	snprintf(socket_path, sizeof socket_path, "/tmp/hither-test-http-%d.sock",
		 (int)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
