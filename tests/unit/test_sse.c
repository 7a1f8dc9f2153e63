/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams as WHATWG HTML section 9.2.6 reads them, whole, byte by byte and in pairs. */
#include <stdlib.h>

#include "tests/unit/check.h"

#include "dialect/dialect.h"

static const struct {
	const char *name, *stream, *want; /* want: [event|data] per event */
} cases[] = {
	{ "one event with LF", "data: a\n\n", "[|a]" },
	{ "CRLF line ends", "data: a\r\n\r\n", "[|a]" },
	{ "CR line ends", "data: a\r\rdata: b\r\r", "[|a][|b]" },
	{ "mixed line ends", "data: a\r\ndata: b\n\rdata: c\r\r\n", "[|a\nb][|c]" },
	{ "several data lines join with LF", "data: a\ndata: b\n\n", "[|a\nb]" },
	{ "one leading space goes, the second stays", "data:  a\n\n", "[| a]" },
	{ "no space is fine", "data:a\n\n", "[|a]" },
	{ "a tab stays", "data:\ta\n\n", "[|\ta]" },
	{ "a colon in the value stays", "data: a:b\n\n", "[|a:b]" },
	{ "comments are skipped", ": ping\n\ndata: a\n: x\n\n", "[|a]" },
	{ "unknown fields are skipped", "id: 3\nretry: 5\nfoo: x\ndata: a\n\n", "[|a]" },
	{ "field names are whole", "Data: x\n data: y\ndata2: z\ndata: a\n\n", "[|a]" },
	{ "a name without colon has an empty value", "data\n\n", "[|]" },
	{ "two empty data lines are one LF", "data\ndata\n\n", "[|\n]" },
	{ "an event without data is none", "event: x\n\ndata: a\n\n", "[|a]" },
	{ "the event type", "event: error\ndata: a\n\ndata: b\n\n", "[error|a][|b]" },
	{ "the last event type counts", "event: a\nevent: b\ndata: c\n\n", "[b|c]" },
	{ "a mark at the start goes",
	  "\xef\xbb\xbf"
	  "data: a\n\n",
	  "[|a]" },
	{ "only one mark goes",
	  "\xef\xbb\xbf\xef\xbb\xbf"
	  "data: a\n\ndata: b\n\n",
	  "[|b]" },
	{ "a later mark is part of the name",
	  "\n\xef\xbb\xbf"
	  "data: a\n\ndata: b\n\n",
	  "[|b]" },
	{ "an event name ends with its event, also one without data",
	  "event: x\n\nevent: y\n\ndata: a\n\n", "[|a]" },
	{ "an empty event name is none", "event: x\nevent\ndata: a\n\n", "[|a]" },
	{ "a mark before CR", "\xef\xbb\xbf\r\rdata: a\r\r", "[|a]" },
	{ "half a mark is part of the name",
	  "\xef\xbb"
	  "data: a\n\ndata: b\n\n",
	  "[|b]" },
	{ "a comment between data lines", "data: a\n:\ndata: b\n\n", "[|a\nb]" },
	{ "CR LF CR LF is one blank line, LF CR two", "data: a\n\rdata: b\r\n\r\n",
	  "[|a][|b]" },
	{ "an unfinished event is dropped", "data: a\n\ndata: b\n", "[|a]" },
	{ "an unfinished line is dropped", "data: a\n\ndata: b", "[|a]" },
	{ "blank lines alone are nothing", "\n\r\n\r\n\n", "" },
	{ "an empty stream is nothing", "", "" },
};

static bool note(void *ctx, struct span event, struct span data)
{
	struct buf *out = ctx;

	buf_add_char(out, '[');
	buf_add(out, event);
	buf_add_char(out, '|');
	buf_add(out, data);
	buf_add_char(out, ']');
	return true;
}

static void feed(const char *stream, size_t step, struct buf *out)
{
	struct sse_reader r;
	size_t len = strlen(stream);

	sse_reader_init(&r, 4096);
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		char *copy = malloc(n); /* exact size, so that a sanitizer sees an overread */

		memcpy(copy, stream + at, n);
		assert_int_equal(sse_read(&r, (struct span){ copy, n }, note, out), ERR_OK);
		free(copy);
	}
	sse_reader_free(&r);
}

static void reads_streams(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 1000 };

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		for (size_t k = 0; k < LEN(steps); k++) {
			struct buf out;

			buf_init(&out, 4096);
			feed(cases[i].stream, steps[k], &out);
			const char *got = buf_cstr(&out);
			if (strcmp(got, cases[i].want) != 0)
				fail_msg("%s, in steps of %zu: got %s", cases[i].name, steps[k],
					 got);
			buf_free(&out);
		}
	}
}

/* NUL is a character like any other in data, and ends no text. */
static void keeps_nul(void **state)
{
	struct sse_reader r;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	sse_reader_init(&r, 100);
	assert_int_equal(
		sse_read(&r, SPAN_LITERAL("id: \0\ndata: a\0b\n\n\0data: c\n\n"), note, &out),
		ERR_OK);
	assert_true(span_equal(buf_span(&out), SPAN_LITERAL("[|a\0b]")));
	sse_reader_free(&r);
	buf_free(&out);
}

static bool stop_at_once(void *ctx, struct span event, struct span data)
{
	(void)event;
	(void)data;
	++*(int *)ctx;
	return false;
}

static void stops_when_told(void **state)
{
	struct sse_reader r;
	int events = 0;

	(void)state;
	sse_reader_init(&r, 100);
	assert_int_equal(sse_read(&r, span_of("data: a\n\ndata: b\n\n"), stop_at_once, &events),
			 ERR_OK);
	assert_int_equal(sse_read(&r, span_of("data: c\n\n"), stop_at_once, &events), ERR_OK);
	assert_int_equal(events, 1);
	sse_reader_free(&r);
}

/* Endless lines, endless events, endless event names: all end at the cap. */
static void is_bounded(void **state)
{
	static const char *const endless[] = { "x", "data: xxxxxxxx\n", "data\n" };

	(void)state;
	for (size_t i = 0; i < LEN(endless); i++) {
		struct sse_reader r;
		struct buf out;
		enum err e = ERR_OK;
		size_t fed = 0;

		buf_init(&out, 10);
		sse_reader_init(&r, 1000);
		while (e == ERR_OK && fed < 100000) {
			e = sse_read(&r, span_of(endless[i]), note, &out);
			fed += strlen(endless[i]);
		}
		assert_int_equal(e, ERR_TOO_BIG);
		assert_true(fed < 8000);
		assert_int_equal(sse_read(&r, span_of("\n\ndata: a\n\n"), note, &out),
				 ERR_TOO_BIG);
		assert_int_equal(out.len, 0);
		sse_reader_free(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_streams),
		cmocka_unit_test(keeps_nul),
		cmocka_unit_test(stops_when_told),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
