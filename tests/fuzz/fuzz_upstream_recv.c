/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever an upstream sends in whichever dialect: the events are in an order that every
 * client's writer accepts or refuses without a marker of an end, there is exactly one END or
 * ERROR and it is the last, and where the bytes are cut changes nothing. The first byte picks
 * the dialects.
 */
#include <stdlib.h>

#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct check {
	const struct client_dialect *d;
	struct reply_writer *w;
	struct buf *out;
	bool over, refused;
};

static bool on_event(void *ctx, const struct chat_event *ev)
{
	struct check *c = ctx;

	if (c->over)
		abort();
	if (!c->refused) {
		c->refused = !c->d->writer_event(c->w, ev, c->out);
		/* Only what a call holds, or that there is one, may be refused. */
		if (c->refused && ev->kind <= CHAT_EV_REFUSAL)
			abort();
	}
	c->over = ev->kind == CHAT_EV_END || ev->kind == CHAT_EV_ERROR;
	return true;
}

static void feed(const struct upstream_dialect *up, const struct client_dialect *down,
		 unsigned flags, struct span bytes, size_t step, struct buf *out)
{
	struct arena *a = arena_new("fuzz", 64 << 20);
	const struct reply_head head = { .id = "x", .model = "m", .stream = flags & 1 };
	struct check c = { .d = down, .w = down->writer_new(a, &head), .out = out };
	struct upstream_reader *r = up->reader_new(a, flags & 2, 8192);
	enum err e = up->reader_status(r, flags & 4 ? 400 : 200, on_event, &c);

	while (bytes.len > 0) {
		size_t n = bytes.len < step ? bytes.len : step;

		e = up->reader_bytes(r, (struct span){ bytes.ptr, n }, on_event, &c);
		bytes = (struct span){ bytes.ptr + n, bytes.len - n };
	}
	e = up->reader_end(r, on_event, &c);
	if (!c.over)
		abort();
	if ((e != ERR_OK || c.refused) && out->len > 0 &&
	    (memmem(out->ptr, out->len, "event: message_stop\n", 20) != NULL ||
	     memmem(out->ptr, out->len, "event: response.completed\n", 26) != NULL))
		abort();
	up->reader_free(r);
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct upstream_dialect *const ups[] = { &upstream_anthropic, &upstream_ollama,
						       &upstream_openai_responses,
						       &upstream_gemini };
	const struct client_dialect *const downs[] = { &dialect_anthropic_messages,
						       &dialect_openai_responses,
						       &dialect_ollama_chat,
						       &dialect_openai_completions };
	struct buf whole, cut;

	if (size < 2)
		return 0;
	const struct upstream_dialect *up = ups[data[0] & 3];
	const struct client_dialect *down = downs[data[0] >> 2 & 3];
	unsigned flags = data[1] & 7;
	struct span bytes = { (const char *)data + 2, size - 2 };
	buf_init(&whole, 64 << 20);
	buf_init(&cut, 64 << 20);
	feed(up, down, flags, bytes, SIZE_MAX, &whole);
	feed(up, down, flags, bytes, 1 + data[0] % 5, &cut);
	if (!span_equal(buf_span(&whole), buf_span(&cut)))
		abort();
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
