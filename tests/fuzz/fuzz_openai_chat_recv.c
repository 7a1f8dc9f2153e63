/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever an upstream sends: the events are in an order that the writer accepts, streamed
 * and whole, there is exactly one END or ERROR and it is the last, and cuts change nothing.
 */
#include <stdlib.h>

#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct check {
	struct reply_writer *w;
	struct buf *out;
	bool over;
};

static bool on_event(void *ctx, const struct chat_event *ev)
{
	struct check *c = ctx;

	/* A status that is no 2xx gives ERROR without START, which the writer knows too. */
	if (c->over || !dialect_openai_chat.writer_event(c->w, ev, c->out))
		abort();
	c->over = ev->kind == CHAT_EV_END || ev->kind == CHAT_EV_ERROR;
	return true;
}

static void feed(bool stream, int status, struct span bytes, size_t step, struct buf *out)
{
	struct arena *a = arena_new("fuzz", 64 << 20);
	const struct upstream_dialect *d = &upstream_openai_chat;
	const struct reply_head head = { .id = "x", .model = "m", .stream = true };
	struct check c = { dialect_openai_chat.writer_new(a, &head), out, false };
	struct upstream_reader *r = d->reader_new(a, stream, 8192);
	enum err e = d->reader_status(r, status, on_event, &c);

	while (bytes.len > 0) {
		size_t n = bytes.len < step ? bytes.len : step;

		e = d->reader_bytes(r, (struct span){ bytes.ptr, n }, on_event, &c);
		bytes = (struct span){ bytes.ptr + n, bytes.len - n };
	}
	e = d->reader_end(r, on_event, &c);
	if (!c.over ||
	    (e == ERR_OK) != (memmem(out->ptr, out->len, "data: [DONE]\n\n", 14) != NULL))
		abort();
	d->reader_free(r);
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut;

	if (size < 1)
		return 0;
	bool stream = data[0] & 1;
	int status = data[0] & 2 ? 400 : 200;
	struct span bytes = { (const char *)data + 1, size - 1 };
	buf_init(&whole, 64 << 20);
	buf_init(&cut, 64 << 20);
	feed(stream, status, bytes, SIZE_MAX, &whole);
	feed(stream, status, bytes, 1 + data[0] % 5, &cut);
	if (!span_equal(buf_span(&whole), buf_span(&cut)))
		abort();
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
