/* SPDX-License-Identifier: Apache-2.0 */
/* The client against scripted replies over a socket pair, whole and byte by byte. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client.h"

static uv_loop_t loop;
static struct http_call *call;
static char got[4096], type[128];
static size_t got_len;
static int status, ends, taken;
static enum err why;
static bool cancel_on_data, take, keep;
static int losses, reads;

static void on_head(void *ctx, int s, struct span content_type)
{
	(void)ctx;
	status = s;
	span_copy(content_type, type, sizeof type);
}

static void on_data(void *ctx, struct span bytes)
{
	(void)ctx;
	memcpy(got + got_len, bytes.ptr, bytes.len);
	got_len += bytes.len;
	got[got_len] = '\0';
	if (cancel_on_data)
		http_call_cancel(call);
}

static void on_read_end(void *ctx)
{
	(void)ctx;
	assert_int_equal(ends, 0);
	reads++;
}

static void on_lost(void *ctx)
{
	(void)ctx;
	losses++;
}

static void on_end(void *ctx, enum err e, bool reusable)
{
	(void)ctx;
	ends++;
	why = e;
	if (keep)
		CHECK(http_call_keep(call, on_lost, NULL) == reusable, "kept when reusable");
	taken = reusable && take ? http_call_take_fd(call) : -1;
}

static const struct http_call_handler handler = {
	.on_head = on_head,
	.on_data = on_data,
	.on_read_end = on_read_end,
	.on_end = on_end,
};
static const struct http_call_limits limits = { .header_bytes = 300,
						.first_byte_timeout_ms = 20000,
						.gap_timeout_ms = 20000,
						.total_bytes = 100 };

static int start(const struct http_call_limits *l)
{
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	fcntl(sv[1], F_SETFL, O_NONBLOCK);
	got[0] = type[0] = '\0';
	got_len = 0;
	status = ends = reads = 0;
	taken = -1;
	why = ERR_OK;
	call = http_call_start(&loop, sv[0], "POST", "/p", SPAN_LITERAL("{}"), l, &handler,
			       NULL);
	assert_non_null(call);
	return sv[1];
}

static void drain(void)
{
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static const struct {
	const char *name, *reply;
	enum err why;
	int status;
	const char *body;
	bool reusable;
} cases[] = {
	{ "a length",
	  "HTTP/1.1 200 OK\r\nContent-Type: a/b; c=d \r\nContent-Length: 2\r\n\r\nhi", ERR_OK,
	  200, "hi", true },
	{ "chunks",
	  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
	  ERR_OK, 200, "hi", true },
	{ "an interim reply first",
	  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx", ERR_OK,
	  404, "x", true },
	{ "until the close", "HTTP/1.1 200 OK\r\n\r\nhi", ERR_OK, 200, "hi", false },
	{ "the server wants to close",
	  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", ERR_OK, 200,
	  "hi", false },
	{ "a cut length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", ERR_TRUNCATED, 200,
	  "hi", false },
	{ "cut chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
	  ERR_TRUNCATED, 200, "hi", false },
	{ "nothing", "", ERR_PEER_GONE, 0, "", false },
	{ "half a head", "HTTP/1.1 200 OK\r\nConte", ERR_PEER_GONE, 0, "", false },
	{ "something else", "hello\r\n\r\n", ERR_PROTOCOL, 0, "", false },
	{ "both lengths",
	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	  ERR_PROTOCOL, 0, "", false },
	{ "too much body",
	  "HTTP/1.1 200 OK\r\nContent-Length: 110\r\n\r\n"
	  "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
	  "012345678901234567890123456789",
	  ERR_TOO_BIG, 200, NULL, false },
};

static void table(void **state)
{
	(void)state;
	take = true;
	for (size_t i = 0; i < 2 * LEN(cases); i++) {
		size_t k = i / 2, step = i % 2 == 0 ? 4096 : 1;
		int fd = start(&limits);
		char request[300] = "";
		size_t len = strlen(cases[k].reply);

		drain();
		CHECK(recv(fd, request, sizeof request - 1, 0) > 0,
		      "the request comes at once");
		CHECK(strcmp(request, "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
				      "application/json\r\nContent-Length: 2\r\n\r\n{}") == 0,
		      "exactly these fields");
		for (size_t at = 0; at < len; at += step) {
			size_t n = len - at < step ? len - at : step;

			if (send(fd, cases[k].reply + at, n, MSG_NOSIGNAL) < 0)
				break;
			drain();
		}
		bool kept = taken >= 0;
		close(fd);
		for (int t = 0; t < 2000 && ends == 0; t++)
			drain();
		CHECK(ends == 1, cases[k].name);
		CHECK(why == cases[k].why, cases[k].name);
		CHECK(status == cases[k].status, cases[k].name);
		CHECK(cases[k].body == NULL || strcmp(got, cases[k].body) == 0, cases[k].name);
		CHECK(kept == cases[k].reusable, cases[k].name);
		if (kept)
			close(taken);
	}
	CHECK(strcmp(type, "") == 0, "no type is an empty one");
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	drain();
}

static void hear(int fd)
{
	char request[300];

	CHECK(recv(fd, request, sizeof request, 0) > 0, "a request came");
}

static void kept(void **state)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

	(void)state;
	take = false;
	keep = true;
	losses = 0;
	int fd = start(&limits);
	for (int i = 0; i < 3; i++) {
		hear(fd);
		say(fd, reply);
		CHECK(ends == i + 1 && why == ERR_OK && status == 200, "an answer");
		CHECK(strncmp(got, "hihihi", (size_t)(i + 1) * 2) == 0, "whole");
		CHECK(http_call_next(call, "POST", "/p", SPAN_LITERAL("{}"), &limits, &handler,
				     NULL),
		      "and the next request");
	}
	/* Gone while the fourth is under way: it ends as any other, and is not kept. */
	hear(fd);
	close(fd);
	for (int t = 0; t < 2000 && ends == 3; t++)
		drain();
	CHECK(ends == 4 && why == ERR_PEER_GONE && losses == 0, "one end, no loss");

	fd = start(&limits);
	hear(fd);
	say(fd, reply);
	close(fd);
	for (int t = 0; t < 2000 && losses == 0; t++)
		drain();
	CHECK(ends == 1 && losses == 1, "an idle one that is closed is told");

	fd = start(&limits);
	hear(fd);
	say(fd, reply);
	say(fd, "HTTP/1.1 408 Late\r\n\r\n");
	CHECK(losses == 2, "one that speaks unasked is no use");
	close(fd);

	fd = start(&limits);
	hear(fd);
	say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
	CHECK(ends == 1 && losses == 2, "what the server closes is not kept");
	close(fd);

	fd = start(&limits);
	hear(fd);
	say(fd, reply);
	http_call_cancel(call);
	drain();
	CHECK(losses == 2, "nothing comes after cancelling");
	close(fd);
	keep = false;
}

static void reads_end(void **state)
{
	(void)state;
	int fd = start(&limits);
	hear(fd);
	say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n");
	CHECK(reads == 1 && got_len == 2, "two pieces came in one read");
	say(fd, "1\r\nc\r\n");
	CHECK(reads == 2 && got_len == 3, "the next in another");
	say(fd, "1\r\nd\r\n0\r\n\r\n");
	CHECK(reads == 2 && ends == 1 && got_len == 4, "the last read ends the reply");
	close(fd);
}

static void cancelled(void **state)
{
	char c;

	(void)state;
	cancel_on_data = true;
	int fd = start(&limits);
	char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi";
	assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
	char request[300];
	for (int t = 0; t < 2000 && got_len == 0; t++)
		drain();
	drain();
	cancel_on_data = false;
	CHECK(ends == 0 && reads == 0, "no callback after cancelling");
	while (recv(fd, request, sizeof request, 0) > 0)
		;
	CHECK(recv(fd, &c, 1, 0) <= 0, "the socket is closed");
	CHECK(send(fd, "x", 1, MSG_NOSIGNAL) < 0, "in both directions");
	close(fd);
}

static char fields[600];

static void on_field(void *ctx, struct span name, struct span value)
{
	size_t n = strlen(fields);

	(void)ctx;
	CHECK(status == 0, "fields come before the head");
	snprintf(fields + n, sizeof fields - n, "[%.*s=%.*s]", (int)name.len, name.ptr,
		 (int)value.len, value.ptr);
}

static void relayed(void **state)
{
	static const char reply[] =
		"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 404 No\r\nA: b c \r\nEmpty:\r\n"
		"Transfer-Encoding: chunked\r\nX-Y:z\r\n\r\n2\r\nhi\r\n0\r\nLate: no\r\n\r\n";
	char request[300];

	(void)state;
	for (size_t step = 1; step <= sizeof reply; step += sizeof reply - 1) {
		int sv[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
		status = ends = 0;
		got_len = 0;
		fields[0] = '\0';
		call = http_call_start_with(
			&loop, sv[0],
			&(struct http_call_request){ .method = "PUT",
						     .target = SPAN_LITERAL("/a?b=%20"),
						     .fields = SPAN_LITERAL("C: d\r\n"),
						     .body = SPAN_LITERAL("xyz"),
						     .on_field = on_field },
			&limits, &handler, NULL);
		assert_non_null(call);
		ssize_t n = recv(sv[1], request, sizeof request - 1, 0);
		assert_true(n > 0);
		request[n] = '\0';
		CHECK(strcmp(request, "PUT /a?b=%20 HTTP/1.1\r\nHost: localhost\r\n"
				      "Content-Length: 3\r\nC: d\r\n\r\nxyz") == 0,
		      "exactly what was asked for");
		for (size_t at = 0; at < strlen(reply); at += step) {
			size_t len = strlen(reply) - at < step ? strlen(reply) - at : step;

			assert_int_equal(send(sv[1], reply + at, len, 0), (ssize_t)len);
			drain();
		}
		CHECK(ends == 1 && why == ERR_OK && status == 404, "the final reply");
		CHECK(strcmp(fields, "[A=b c][Empty=][Transfer-Encoding=chunked][X-Y=z]") == 0,
		      fields);
		close(sv[1]);
		drain();
	}
}

#define LARGE_BYTES ((size_t)(2u << 20))

static int start_large(const char *body)
{
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	fcntl(sv[1], F_SETFL, O_NONBLOCK);
	status = ends = 0;
	got_len = 0;
	call = http_call_start_with(
		&loop, sv[0],
		&(struct http_call_request){ .method = "POST",
					     .target = SPAN_LITERAL("/"),
					     .body = { body, LARGE_BYTES } },
		&limits, &handler, NULL);
	assert_non_null(call);
	return sv[1];
}

/* A head and LARGE_BYTES behind it. */
static bool is_whole(const char *request, size_t n)
{
	const char *blank = n > LARGE_BYTES ? memmem(request, n, "\r\n\r\n", 4) : NULL;

	return blank != NULL && n >= LARGE_BYTES + (size_t)(blank - request) + 4;
}

/* A body that the socket does not take at once: the rest goes as the server reads. */
static void large_body(void **state)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
	char *body = malloc(LARGE_BYTES), *seen = malloc(LARGE_BYTES + 300);
	size_t n = 0;

	(void)state;
	assert_true(body != NULL && seen != NULL);
	for (size_t i = 0; i < LARGE_BYTES; i++)
		body[i] = (char)(i * 7 + i / 251);
	int fd = start_large(body);
	memset(seen, 0, LARGE_BYTES + 300);
	while (!is_whole(seen, n)) {
		ssize_t some = recv(fd, seen + n, LARGE_BYTES + 300 - n, 0);

		n += some > 0 ? (size_t)some : 0;
		drain();
	}
	CHECK(memcmp(seen + n - LARGE_BYTES, body, LARGE_BYTES) == 0,
	      "every byte in its place");
	assert_int_equal(send(fd, reply, strlen(reply), 0), (ssize_t)strlen(reply));
	drain();
	CHECK(ends == 1 && why == ERR_OK && status == 200, "and the reply is heard");
	close(fd);

	/* One that answers and goes without reading it all is heard, too. */
	fd = start_large(body);
	assert_int_equal(send(fd, reply, strlen(reply), 0), (ssize_t)strlen(reply));
	close(fd);
	for (int t = 0; t < 2000 && ends == 0; t++)
		drain();
	CHECK(ends == 1 && status == 200, "an early reply");

	/* One that only goes is no reply. */
	fd = start_large(body);
	close(fd);
	for (int t = 0; t < 2000 && ends == 0; t++)
		drain();
	CHECK(ends == 1 && why == ERR_PEER_GONE && status == 0, "no reply");
	free(body);
	free(seen);
}

static void silence(void **state)
{
	struct http_call_limits quick = limits;

	(void)state;
	quick.first_byte_timeout_ms = 20;
	int fd = start(&quick);
	while (ends == 0)
		uv_run(&loop, UV_RUN_ONCE);
	CHECK(why == ERR_TIMEOUT && status == 0, "no first byte");
	close(fd);
	quick = limits;
	quick.gap_timeout_ms = 20;
	fd = start(&quick);
	char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi";
	assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
	/* The timer set for the first byte is long; what ends this is the gap after it. */
	for (int t = 0; t < 2000 && got_len == 0; t++)
		drain();
	http_call_pause(call, true);
	http_call_pause(call, false);
	CHECK(ends == 0, "still reading");
	http_call_cancel(call);
	close(fd);
	uv_run(&loop, UV_RUN_DEFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),     cmocka_unit_test(kept),
		cmocka_unit_test(reads_end), cmocka_unit_test(cancelled),
		cmocka_unit_test(relayed),   cmocka_unit_test(large_body),
		cmocka_unit_test(silence),
	};

	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	return failed != 0 || uv_loop_close(&loop) != 0;
}
