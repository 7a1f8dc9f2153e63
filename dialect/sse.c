/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event streams, WHATWG HTML section 9.2.6: lines end with LF, CR or CRLF, also when that
 * pair falls into two reads; a byte order mark counts at the very start only; `data` lines
 * join with LF; one space after the colon goes; comments and unknown fields are skipped; an
 * event that the stream leaves unfinished is never given to the sink.
 *
 * Invariants
 *   1. `line` holds bytes only while a line is unfinished at the end of a read.
 *   2. `data` ends with LF whenever it is not empty.
 *   3. Memory in use is at most three times max_bytes, whatever arrives.
 *   4. An event whose data is one line of one read is not copied: `only` points at it, until
 *      the event is given, another line comes or the read ends. Then `data` is empty.
 */
#include <string.h>

#include "dialect/dialect.h"

#define LINE_WINDOW_BYTES ((size_t)512)

void sse_reader_init(struct sse_reader *r, size_t max_bytes)
{
	*r = (struct sse_reader){ .failed = false };
	buf_init(&r->line, max_bytes);
	buf_init(&r->data, max_bytes);
	buf_init(&r->event, max_bytes);
}

void sse_reader_free(struct sse_reader *r)
{
	buf_free(&r->line);
	buf_free(&r->data);
	buf_free(&r->event);
}

/* A blank line: the event is whole. */
static void dispatch(struct sse_reader *r, sse_sink *sink, void *ctx)
{
	if (r->has_only || r->data.len > 0) {
		struct span data = r->only;

		if (!r->has_only)
			data = (struct span){ r->data.ptr, r->data.len - 1 };
		if (!sink(ctx, buf_span(&r->event), data))
			r->stopped = true;
	}
	r->has_only = false;
	buf_clear(&r->data);
	buf_clear(&r->event);
}

static void add_data(struct sse_reader *r, struct span line)
{
	buf_add(&r->data, line);
	buf_add_char(&r->data, '\n');
}

static void keep_only(struct sse_reader *r)
{
	if (r->has_only)
		add_data(r, r->only);
	r->has_only = false;
}

/* `stays`: the bytes are there until the read ends. */
static void take_data(struct sse_reader *r, struct span line, bool stays)
{
	if (stays && !r->has_only && r->data.len == 0) {
		r->only = line;
		r->has_only = true;
		return;
	}
	keep_only(r);
	add_data(r, line);
}

static void take_field(struct sse_reader *r, struct span name, struct span value, bool stays)
{
	if (value.len > 0 && value.ptr[0] == ' ')
		value = (struct span){ value.ptr + 1, value.len - 1 };
	if (span_is(name, "data")) {
		take_data(r, value, stays);
	} else if (span_is(name, "event")) {
		buf_clear(&r->event);
		buf_add(&r->event, value);
	}
}

static void take_line(struct sse_reader *r, struct span line, bool stays, sse_sink *sink,
		      void *ctx)
{
	if (!r->started && span_starts(line, "\xef\xbb\xbf"))
		line = (struct span){ line.ptr + 3, line.len - 3 };
	r->started = true;
	if (line.len == 0) {
		dispatch(r, sink, ctx);
		return;
	}
	const char *colon = memchr(line.ptr, ':', line.len);
	size_t name_bytes = colon != NULL ? (size_t)(colon - line.ptr) : line.len;
	struct span value = { NULL, 0 };
	if (colon != NULL)
		value = (struct span){ colon + 1, line.len - name_bytes - 1 };
	take_field(r, (struct span){ line.ptr, name_bytes }, value, stays);
}

/* Up to the first CR or LF. In windows: each searched to the end would be quadratic on a run of
 * lone CRs. */
static size_t line_bytes(struct span bytes)
{
	size_t n, window;

	for (n = 0; n < bytes.len; n += window) {
		window = bytes.len - n < LINE_WINDOW_BYTES ? bytes.len - n : LINE_WINDOW_BYTES;
		const char *at = bytes.ptr + n, *lf = memchr(at, '\n', window);
		size_t upto = lf != NULL ? (size_t)(lf - at) : window;
		const char *cr = memchr(at, '\r', upto);

		if (cr != NULL)
			return n + (size_t)(cr - at);
		if (lf != NULL)
			return n + upto;
	}
	return bytes.len;
}

/* Takes one line, or what there is of it, off the front of *io. */
static void step(struct sse_reader *r, struct span *io, sse_sink *sink, void *ctx)
{
	if (r->last_was_cr && io->ptr[0] == '\n') {
		r->last_was_cr = false;
		*io = (struct span){ io->ptr + 1, io->len - 1 };
		return;
	}
	r->last_was_cr = false;

	struct span line = { io->ptr, line_bytes(*io) };
	if (line.len == io->len) { /* unfinished */
		buf_add(&r->line, line);
		*io = (struct span){ NULL, 0 };
		return;
	}
	r->last_was_cr = io->ptr[line.len] == '\r';
	*io = (struct span){ io->ptr + line.len + 1, io->len - line.len - 1 };
	bool stays = r->line.len == 0;
	if (!stays) {
		buf_add(&r->line, line);
		line = buf_span(&r->line);
	} else if (line.len > r->line.max) {
		r->line.failed = true;
	}
	if (!r->line.failed)
		take_line(r, line, stays, sink, ctx);
	if (!r->line.failed)
		buf_clear(&r->line);
}

enum err sse_read(struct sse_reader *r, struct span bytes, sse_sink *sink, void *ctx)
{
	while (bytes.len > 0 && !r->failed && !r->stopped) {
		step(r, &bytes, sink, ctx);
		r->failed = r->line.failed || r->data.failed || r->event.failed;
	}
	keep_only(r);
	r->failed = r->failed || r->data.failed;
	return r->failed ? ERR_TOO_BIG : ERR_OK;
}
