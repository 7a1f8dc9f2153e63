/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests written from RFC 9112 and RFC 9110: what must be read, what must be refused.
 * Each row is fed whole, byte by byte and in threes; all three must agree.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/parse.h"

#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static const struct http_limits limits = {
	.request_line_bytes = 200, .headers = 8, .header_bytes = 400, .body_bytes = 64
};

/* status 0: whole. `body` NULL: not looked at. `left`: bytes that belong to the next one. */
static const struct {
	const char *name;
	const char *text;
	int status;
	const char *path, *query, *body;
	size_t left;
} cases[] = {
	{ "a plain GET", "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", 0, "/a", "b=c", "", 0 },
	{ "a POST with a length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
	  0, "/", "", "abc", 0 },
	{ "two requests in a row", "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2", 0, "/1", "", "",
	  6 },
	{ "a body and the next request",
	  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET", 0, "/", "", "abc",
	  3 },
	{ "chunks", "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
	  0, "/", "", "abcde", 0 },
	{ "chunks with an extension, a trailer, upper-case size",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED
	  "A;a=b\r\n0123456789\r\n0\r\nHost: y\r\n\r\n",
	  0, "/", "", "0123456789", 0 },
	{ "chunks and the next request",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1\r\na\r\n0\r\n\r\nGET /", 0, "/", "", "a",
	  5 },
	{ "an empty line before the request line", "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 0,
	  "/", "", "", 0 },
	{ "HTTP/1.0 needs no Host", "GET / HTTP/1.0\r\n\r\n", 0, "/", "", "", 0 },
	{ "an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, "/", "", "", 0 },
	{ "space around a value", "GET / HTTP/1.1\r\nHost: \t x \t\r\n\r\n", 0, "/", "", "",
	  0 },
	{ "an IPv6 host with a port", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, "/", "",
	  "", 0 },
	{ "absolute-form", "GET http://h/p?q HTTP/1.1\r\nHost: h\r\n\r\n", 0, "/p", "q", "",
	  0 },
	{ "absolute-form without a path", "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", 0, "/",
	  "", "", 0 },
	{ "absolute-form with a query and no path",
	  "GET http://h:80?q=/ HTTP/1.1\r\nHost: h:80\r\n\r\n", 0, "/", "q=/", "", 0 },
	{ "an escaped Host and a port without digits", "GET / HTTP/1.1\r\nHost: a%2Db:\r\n\r\n",
	  0, "/", "", "", 0 },
	{ "a chunk extension in quotes",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1;a=\"b;\\\"\";c\r\na\r\n0;d\r\n\r\n", 0,
	  "/", "", "a", 0 },
	{ "bytes above ASCII in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: \xff\r\n\r\n", 0,
	  "/", "", "", 0 },
	{ "asterisk-form for OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 0, "*", "", "",
	  0 },
	{ "an upgrade that is declined",
	  "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 0, "/",
	  "", "", 0 },
	{ "an upgrade with a body",
	  "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
	  "h2c\r\nContent-Length: 2\r\n"
	  "\r\nhi",
	  0, "/", "", "hi", 0 },
	{ "Expect before a body",
	  "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\na", 0,
	  "/", "", "a", 0 },
	{ "Content-Length with leading zeros",
	  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 003\r\n\r\nabc", 0, "/", "", "abc",
	  0 },

	{ "no Host in HTTP/1.1", "GET / HTTP/1.1\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "Host twice", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "Host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "Host with a user", "GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "Host with a comma", "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "Host with two ports", "GET / HTTP/1.1\r\nHost: x:80:80\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "Host with a port that is no number", "GET / HTTP/1.1\r\nHost: x:a\r\n\r\n", 400, 0,
	  0, 0, 0 },
	{ "Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "Host with a bracket and more", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400, 0, 0,
	  0, 0 },
	{ "Host with half an escape", "GET / HTTP/1.1\r\nHost: x%4\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "two spaces behind the method", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "two spaces behind the target", "GET /  HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "a bare LF before the request line", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0,
	  0, 0 },
	{ "a bare CR before the request line", "\rGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0,
	  0, 0 },
	{ "absolute-form without a host", "GET http://:80/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0,
	  0, 0, 0 },
	{ "a chunk extension without a name",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1;=b\r\na\r\n0\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a chunk extension without a value",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1;a=\r\na\r\n0\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a quote inside a chunk extension's token",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1;a=b\"c\"\r\na\r\n0\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "a bare LF in a chunk extension",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "a length in the trailer",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "0\r\nContent-Length: 2\r\n\r\n", 400, 0, 0,
	  0, 0 },
	{ "both lengths",
	  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" CHUNKED "0\r\n\r\n", 400, 0, 0,
	  0, 0 },
	{ "both lengths, the other way round",
	  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: "
	  "3\r\n\r\n0\r\n\r\n",
	  400, 0, 0, 0, 0 },
	{ "Content-Length twice",
	  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400,
	  0, 0, 0, 0 },
	{ "a list of lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na",
	  400, 0, 0, 0, 0 },
	{ "a signed length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400,
	  0, 0, 0, 0 },
	{ "a negative length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\na", 400,
	  0, 0, 0, 0 },
	{ "a hexadecimal length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na",
	  400, 0, 0, 0, 0 },
	{ "an empty length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\na", 400, 0,
	  0, 0, 0 },
	{ "a length beyond 64 bits",
	  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\na", 400, 0,
	  0, 0, 0 },
	{ "a coding that is not chunked",
	  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a coding before chunked",
	  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	  400, 0, 0, 0, 0 },
	{ "chunked twice",
	  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
	  "chunked\r\n\r\n"
	  "0\r\n\r\n",
	  400, 0, 0, 0, 0 },
	{ "chunked with a letter more",
	  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, 0,
	  0, 0, 0 },
	{ "an identity coding",
	  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nContent-Length: "
	  "1\r\n\r\na",
	  400, 0, 0, 0, 0 },
	{ "chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: x\r\n" CHUNKED "0\r\n\r\n", 400, 0,
	  0, 0, 0 },
	{ "space before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a folded value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "a folded value with a tab", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", 400,
	  0, 0, 0, 0 },
	{ "space before the first field", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "an underscore in a name", "GET / HTTP/1.1\r\nHost: x\r\nContent_Length: 3\r\n\r\n",
	  400, 0, 0, 0, 0 },
	{ "bare LF after the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "bare LF after a field", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "bare LF at the end of the head", "GET / HTTP/1.1\r\nHost: x\r\n\n", 400, 0, 0, 0,
	  0 },
	{ "bare CR in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "a control character in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\x01\r\n\r\n",
	  400, 0, 0, 0, 0 },
	{ "a field without a name", "GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "a field without a colon", "GET / HTTP/1.1\r\nHost: x\r\nab\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "a name with a bracket", "GET / HTTP/1.1\r\nHost: x\r\na[: b\r\n\r\n", 400, 0, 0, 0,
	  0 },
	{ "a bare LF after a chunk size",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1\na\r\n0\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a chunk longer than it says",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1\r\nab\r\n0\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a chunk size with 0x",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "0x1\r\na\r\n0\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a negative chunk size",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "-1\r\na\r\n0\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a space after a chunk size",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1 \r\na\r\n0\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a chunk size beyond 64 bits",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "10000000000000001\r\na\r\n0\r\n\r\n", 400,
	  0, 0, 0, 0 },
	{ "an unknown method", "HIT / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a lower-case method", "get / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a byte above ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", 400,
	  0, 0, 0, 0 },
	{ "a target without a slash", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "asterisk with GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "absolute-form of another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0,
	  0, 0, 0 },
	{ "absolute-form with a user", "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0, 0,
	  0, 0 },
	{ "CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "no version", "GET /\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "HTTP/2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, 0, 0, 0, 0 },
	{ "HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505, 0, 0, 0, 0 },
	{ "another protocol", "GET / HTTX/1.1\r\nHost: x\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 0, 0, 0, 0 },
	{ "a TLS hello", "\x16\x03\x01\x02\x01\x01", 400, 0, 0, 0, 0 },
	{ "another expectation",
	  "POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 1\r\n\r\na", 417, 0, 0,
	  0, 0 },
	{ "a body over the limit by its length",
	  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\n", 413, 0, 0, 0, 0 },
	{ "a body over the limit by its chunks",
	  "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED
	  "20\r\n01234567890123456789012345678901\r\n20\r\n01234567890123456789012345678901\r\n"
	  "1\r\nx\r\n",
	  413, 0, 0, 0, 0 },
	{ "nine fields of eight",
	  "GET / HTTP/1.1\r\nHost: "
	  "x\r\na:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1\r\nh:1\r\n\r\n",
	  431, 0, 0, 0, 0 },
};

struct outcome {
	enum http_parse end;
	int status;
	size_t used;
};

static struct outcome feed(struct http_message *m, struct span text, size_t step)
{
	struct http_parser p;
	struct outcome o = { .end = HTTP_PARSE_MORE };

	http_parser_start(&p, &limits, m);
	for (size_t i = 0; i < text.len && o.end == HTTP_PARSE_MORE; i += step) {
		size_t n = text.len - i < step ? text.len - i : step, used = 0;

		o.end = http_parser_feed(&p, (struct span){ text.ptr + i, n }, &used);
		o.used += used;
	}
	o.status = p.status;
	return o;
}

static void one_case(size_t i, size_t step)
{
	char name[160];
	struct http_message m;

	http_message_init(&m);
	snprintf(name, sizeof name, "%s, in steps of %zu", cases[i].name, step);
	struct span text = span_of(cases[i].text);
	struct outcome o = feed(&m, text, step);

	if (cases[i].status != 0) {
		CHECK(o.end == HTTP_PARSE_BAD, name);
		if (o.status != cases[i].status)
			fail_msg("%s: status %d, wanted %d", name, o.status, cases[i].status);
		http_message_free(&m);
		return;
	}
	CHECK(o.end == HTTP_PARSE_DONE, name);
	struct span path, query;
	http_message_target(&m, &path, &query);
	CHECK(span_is(path, cases[i].path), name);
	CHECK(span_is(query, cases[i].query), name);
	CHECK(span_is((struct span){ m.body.ptr, m.body.len }, cases[i].body), name);
	size_t rest = (text.len - o.used);
	CHECK(rest == cases[i].left, name);
	http_message_free(&m);
}

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		one_case(i, 4096);
		one_case(i, 1);
		one_case(i, 3);
	}
}

static void long_lines(void **state)
{
	struct http_message m;
	char text[2048];

	(void)state;
	http_message_init(&m);
	snprintf(text, sizeof text, "GET /%0300d HTTP/1.1\r\nHost: x\r\n\r\n", 1);
	CHECK(feed(&m, span_of(text), 7).status == 414, "a long target is 414");
	http_message_reset(&m);
	snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\nA: %0400d\r\n\r\n", 1);
	CHECK(feed(&m, span_of(text), 7).status == 431, "a long value is 431");
	http_message_reset(&m);
	snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\nA%0400d: 1\r\n\r\n", 1);
	CHECK(feed(&m, span_of(text), 7).status == 431, "a long name is 431");
	http_message_reset(&m);
	snprintf(text, sizeof text,
		 "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "0\r\nA: %0500d\r\n\r\n", 1);
	CHECK(feed(&m, span_of(text), 7).status == 431, "a long trailer is 431");
	http_message_reset(&m);
	snprintf(text, sizeof text,
		 "POST / HTTP/1.1\r\nHost: x\r\n" CHUNKED "1;a=%0500d\r\nx\r\n0\r\n\r\n", 1);
	CHECK(feed(&m, span_of(text), 7).status == 431, "long chunk extensions are 431");
	http_message_reset(&m);
	memset(text, '\n', sizeof text - 1);
	for (size_t i = 0; i < sizeof text - 1; i += 2)
		text[i] = '\r';
	text[sizeof text - 1] = '\0';
	CHECK(feed(&m, span_of(text), 7).end == HTTP_PARSE_BAD, "empty lines come to an end");
	http_message_free(&m);
}

static void headers(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\nA:\r\nHither-App:  one \r\n"
				   "hither-app: two\r\nEmpty: \t\r\n\r\n";
	struct http_message m;

	(void)state;
	http_message_init(&m);
	CHECK(feed(&m, span_of(text), 1).end == HTTP_PARSE_DONE, "reads");
	CHECK(span_is(http_message_header(&m, "HITHER-APP"), "one"),
	      "the first value, trimmed");
	CHECK(http_message_header(&m, "A").ptr != NULL && http_message_header(&m, "A").len == 0,
	      "an empty value is there");
	CHECK(http_message_header(&m, "Empty").len == 0, "white space is an empty value");
	CHECK(http_message_header(&m, "B").ptr == NULL, "an absent field is NULL");
	CHECK(m.keep_alive, "HTTP/1.1 stays open");
	http_message_reset(&m);
	CHECK(feed(&m, span_of("GET / HTTP/1.1\r\nHost: x\r\nConnection: a, Close\r\n\r\n"), 1)
			      .end == HTTP_PARSE_DONE,
	      "reads");
	CHECK(!m.keep_alive, "Connection: close is heard in a list");
	http_message_reset(&m);
	CHECK(feed(&m, span_of("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 1).end ==
		      HTTP_PARSE_DONE,
	      "reads");
	CHECK(m.keep_alive && m.http10, "HTTP/1.0 stays open when asked");
	http_message_free(&m);
}

/* A body of known length is read where it will lie. */
static void body_in_place(void **state)
{
	struct http_message m;
	struct http_parser p;
	size_t used;
	char *at = NULL;

	(void)state;
	http_message_init(&m);
	http_parser_start(&p, &limits, &m);
	struct span head =
		SPAN_LITERAL("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nab");
	CHECK(http_parser_feed(&p, head, &used) == HTTP_PARSE_MORE, "needs more");
	CHECK(http_parser_body_room(&p, &at) == 6, "six bytes are missing");
	memcpy(at, "cdefgh", 6);
	CHECK(http_parser_feed(&p, (struct span){ at, 6 }, &used) == HTTP_PARSE_DONE, "whole");
	CHECK(used == 6 && span_is((struct span){ m.body.ptr, m.body.len }, "abcdefgh"),
	      "in order");
	http_message_free(&m);
}

/* What is refused is refused in the words of its path, however little of a target it has. */
static void targets_that_are_none(void **state)
{
	static const char *const texts[] = {
		"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
		"CONNECT host.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET a://b HTTP/1.1\r\nHost: x\r\nA_b: 1\r\n\r\n",
		"GET a://b HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	struct span path, query;

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++) {
		struct http_message m;

		http_message_init(&m);
		assert_int_equal(feed(&m, span_of(texts[i]), 4096).status, 400);
		assert_true(m.target_len > 0);
		http_message_target(&m, &path, &query);
		CHECK(span_is(path, "/") && query.len == 0, texts[i]);
		http_message_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(headers),
		cmocka_unit_test(body_in_place),
		cmocka_unit_test(targets_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
