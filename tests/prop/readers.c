/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of JSON, HTTP requests and event streams make of bytes.
 *
 *   readers json|http|sse
 *
 * In: four bytes of length (little endian) and as many bytes of text, again and again. Out: one
 * line each, the same however the text is cut; texts in hexadecimal.
 *   json   ok | bad | big
 *   http   bad | more | done USED METHOD PATH QUERY BODY NAME=VALUE,...
 *   sse    EVENT:DATA,...
 * A text is read whole, byte by byte and in pairs. "differs" when those disagree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "dialect/dialect.h"
#include "http/parse.h"

static const struct http_limits limits = {
	.request_line_bytes = 512, .headers = 20, .header_bytes = 1024, .body_bytes = 512
};

typedef void reading(struct span text, size_t step, struct buf *out);

static void put_hex(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_printf(out, "%02x", (unsigned char)s.ptr[i]);
}

static void json(struct span text, size_t step, struct buf *out)
{
	struct json_where at;
	enum err e = json_check(text, &json_limits_api, &at);

	(void)step; /* a body is whole before it is read */
	buf_add_str(out, e == ERR_OK ? "ok" : e == ERR_TOO_BIG ? "big" : "bad");
}

static void put_message(const struct http_message *m, struct buf *out)
{
	struct span path, query;

	http_message_target(m, &path, &query);
	buf_add(out, http_message_method(m));
	buf_add_char(out, ' ');
	put_hex(out, path);
	buf_add_char(out, ' ');
	put_hex(out, query);
	buf_add_char(out, ' ');
	put_hex(out, (struct span){ m->body.ptr, m->body.len });
	buf_add_char(out, ' ');
	for (uint32_t i = 0; i < m->n_slots; i++) {
		put_hex(out,
			(struct span){ m->head.ptr + m->slots[i].name, m->slots[i].name_len });
		buf_add_char(out, '=');
		put_hex(out, (struct span){ m->head.ptr + m->slots[i].value,
					    m->slots[i].value_len });
		buf_add_char(out, ',');
	}
}

static void http(struct span text, size_t step, struct buf *out)
{
	struct http_message m;
	struct http_parser p;
	enum http_parse end = HTTP_PARSE_MORE;
	size_t all = 0;

	http_message_init(&m);
	http_parser_start(&p, &limits, &m);
	for (size_t i = 0; i < text.len && end == HTTP_PARSE_MORE; i += step) {
		size_t n = text.len - i < step ? text.len - i : step, used = 0;

		end = http_parser_feed(&p, (struct span){ text.ptr + i, n }, &used);
		all += used;
	}
	if (end != HTTP_PARSE_DONE) {
		buf_add_str(out, end == HTTP_PARSE_BAD ? "bad" : "more");
	} else {
		buf_printf(out, "done %zu ", all);
		put_message(&m, out);
	}
	http_message_free(&m);
}

static bool note(void *ctx, struct span event, struct span data)
{
	struct buf *out = ctx;

	put_hex(out, event);
	buf_add_char(out, ':');
	put_hex(out, data);
	buf_add_char(out, ',');
	return true;
}

static void sse(struct span text, size_t step, struct buf *out)
{
	struct sse_reader r;

	sse_reader_init(&r, 4096);
	for (size_t i = 0; i < text.len; i += step) {
		size_t n = text.len - i < step ? text.len - i : step;

		if (sse_read(&r, (struct span){ text.ptr + i, n }, note, out) != ERR_OK)
			buf_add_str(out, "too big");
	}
	sse_reader_free(&r);
}

static void all_ways(reading *read_as, struct span text)
{
	static const size_t steps[] = { 1, 2 };
	struct buf whole, cut;

	buf_init(&whole, 1 << 20);
	buf_init(&cut, 1 << 20);
	read_as(text, text.len + 1, &whole);
	for (unsigned i = 0; i < LEN(steps); i++) {
		buf_clear(&cut);
		read_as(text, steps[i], &cut);
		if (!span_equal(buf_span(&whole), buf_span(&cut))) {
			buf_add_str(&whole, " differs ");
			break;
		}
	}
	puts(whole.failed || cut.failed ? "no memory" : buf_cstr(&whole));
	buf_free(&whole);
	buf_free(&cut);
}

int main(int argc, char **argv)
{
	reading *read_as = argc != 2                      ? NULL
			   : strcmp(argv[1], "json") == 0 ? json
			   : strcmp(argv[1], "http") == 0 ? http
			   : strcmp(argv[1], "sse") == 0  ? sse
							  : NULL;
	unsigned char head[4];

	if (read_as == NULL)
		return 64;
	while (fread(head, 1, sizeof head, stdin) == sizeof head) {
		size_t n = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
		char *text =
			malloc(n > 0 ? n : 1); /* exact, so that a sanitizer sees overreads */

		if (text == NULL || fread(text, 1, n, stdin) != n)
			return 1;
		all_ways(read_as, (struct span){ text, n });
		free(text);
	}
	return 0;
}
