/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on a reply pipe. One event:
 *
 *   u32 length of what follows
 *   u8 kind, u8 finish, u8 flags (bit 0: has_logprob), u8 zero
 *   u32 index, i32 status, i64 input, output, cached, reasoning tokens, f64 logprob
 *   three times u32 length and bytes: text, id, name
 *
 * All little-endian; the double by its IEEE 754 bits. The three lengths fill the event
 * exactly, so that a length cannot be read two ways.
 */
#include <string.h>

#include "dialect/chat.h"

#define PREFIX_BYTES ((size_t)4)
#define FIXED_BYTES  ((size_t)(4 + 4 + 4 + 4 * 8 + 8))
#define LEAST_BYTES  (FIXED_BYTES + (size_t)(3 * 4))

static char *put_le(char *p, uint64_t n, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*p++ = (char)(n >> (8 * i) & 0xff);
	return p;
}

static uint64_t get_le(const char **p, unsigned bytes)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < bytes; i++)
		n |= (uint64_t)(unsigned char)(*p)[i] << (8 * i);
	*p += bytes;
	return n;
}

static void put_span(struct buf *out, struct span s)
{
	char length[4];

	put_le(length, s.len, 4);
	buf_add(out, (struct span){ length, sizeof length });
	buf_add(out, s);
}

void chat_event_encode(const struct chat_event *ev, struct buf *out)
{
	char head[PREFIX_BYTES + FIXED_BYTES];
	uint64_t logprob_bits;
	size_t bytes = LEAST_BYTES + ev->text.len + ev->id.len + ev->name.len;

	if (bytes > UINT32_MAX) {
		out->failed = true;
		return;
	}
	memcpy(&logprob_bits, &ev->logprob, sizeof logprob_bits);
	char *p = put_le(head, bytes, 4);
	p = put_le(p, ev->kind, 1);
	p = put_le(p, ev->finish, 1);
	p = put_le(p, ev->has_logprob, 1);
	p = put_le(p, 0, 1);
	p = put_le(p, ev->index, 4);
	p = put_le(p, (uint32_t)ev->status, 4);
	p = put_le(p, (uint64_t)ev->input_tokens, 8);
	p = put_le(p, (uint64_t)ev->output_tokens, 8);
	p = put_le(p, (uint64_t)ev->cached_tokens, 8);
	p = put_le(p, (uint64_t)ev->reasoning_tokens, 8);
	put_le(p, ev->has_logprob ? logprob_bits : 0, 8);
	buf_add(out, (struct span){ head, sizeof head });
	put_span(out, ev->text);
	put_span(out, ev->id);
	put_span(out, ev->name);
}

void chat_event_reader_init(struct chat_event_reader *r, size_t max_event_bytes)
{
	*r = (struct chat_event_reader){ .failed = false };
	buf_init(&r->pending, max_event_bytes + PREFIX_BYTES);
}

void chat_event_reader_free(struct chat_event_reader *r)
{
	buf_free(&r->pending);
}

static bool get_span(const char **p, const char *end, struct span *ret)
{
	if (end - *p < 4)
		return false;
	size_t n = (size_t)get_le(p, 4);
	if (n > (size_t)(end - *p))
		return false;
	*ret = (struct span){ *p, n };
	*p += n;
	return true;
}

static bool tokens_valid(const struct chat_event *ev)
{
	return ev->input_tokens >= -1 && ev->output_tokens >= -1 && ev->cached_tokens >= -1 &&
	       ev->reasoning_tokens >= -1;
}

/* `body` without the length prefix, at least LEAST_BYTES. */
static bool decode(struct span body, struct chat_event *ret)
{
	const char *p = body.ptr;
	const char *end = body.ptr + body.len;
	uint64_t kind = get_le(&p, 1);
	uint64_t finish = get_le(&p, 1);
	uint64_t flags = get_le(&p, 1);
	uint64_t zero = get_le(&p, 1);

	if (kind > CHAT_EV_ERROR || finish > CHAT_FINISH_FILTER || flags > 1 || zero != 0)
		return false;
	*ret = (struct chat_event){ .kind = (enum chat_event_kind)kind,
				    .finish = (enum chat_finish)finish,
				    .has_logprob = flags == 1 };
	ret->index = (uint32_t)get_le(&p, 4);
	ret->status = (int)(int32_t)get_le(&p, 4);
	ret->input_tokens = (int64_t)get_le(&p, 8);
	ret->output_tokens = (int64_t)get_le(&p, 8);
	ret->cached_tokens = (int64_t)get_le(&p, 8);
	ret->reasoning_tokens = (int64_t)get_le(&p, 8);
	uint64_t logprob_bits = get_le(&p, 8);
	memcpy(&ret->logprob, &logprob_bits, sizeof ret->logprob);
	return ret->status >= 0 && ret->status <= 999 && tokens_valid(ret) &&
	       get_span(&p, end, &ret->text) && get_span(&p, end, &ret->id) &&
	       get_span(&p, end, &ret->name) && p == end;
}

/*
 * One event off the front of `bytes`. *ret_used 0 when it is not there whole yet; then up to
 * *ret_want bytes make it whole, or tell its length.
 */
static enum err take_event(struct chat_event_reader *r, struct span bytes, size_t *ret_used,
			   size_t *ret_want, chat_sink *sink, void *ctx)
{
	struct chat_event ev;
	const char *p = bytes.ptr;

	*ret_used = 0;
	*ret_want = PREFIX_BYTES;
	if (bytes.len < PREFIX_BYTES)
		return ERR_OK;
	size_t n = (size_t)get_le(&p, 4);
	if (n > r->pending.max - PREFIX_BYTES)
		return ERR_TOO_BIG;
	if (n < LEAST_BYTES)
		return ERR_SYNTAX;
	*ret_want = PREFIX_BYTES + n;
	if (bytes.len < *ret_want)
		return ERR_OK;
	if (!decode((struct span){ p, n }, &ev))
		return ERR_SYNTAX;
	*ret_used = *ret_want;
	if (!sink(ctx, &ev))
		r->stopped = true;
	return ERR_OK;
}

/* Completes the event that began in an earlier read; takes only that event's bytes. */
static enum err finish_pending(struct chat_event_reader *r, struct span *io, chat_sink *sink,
			       void *ctx)
{
	while (r->pending.len > 0 && io->len > 0 && !r->stopped) {
		size_t used, want;
		enum err e = take_event(r, buf_span(&r->pending), &used, &want, sink, ctx);

		if (e != ERR_OK)
			return e;
		size_t more = want - r->pending.len;
		if (more > io->len)
			more = io->len;
		buf_add(&r->pending, (struct span){ io->ptr, more });
		if (r->pending.failed)
			return ERR_NO_MEMORY;
		*io = (struct span){ io->ptr + more, io->len - more };
		e = take_event(r, buf_span(&r->pending), &used, &want, sink, ctx);
		if (e != ERR_OK)
			return e;
		if (used > 0)
			buf_clear(&r->pending);
	}
	return ERR_OK;
}

enum err chat_event_read(struct chat_event_reader *r, struct span bytes, chat_sink *sink,
			 void *ctx)
{
	if (r->failed)
		return ERR_SYNTAX;

	enum err e = finish_pending(r, &bytes, sink, ctx);
	while (e == ERR_OK && bytes.len > 0 && !r->stopped) {
		size_t used, want;

		e = take_event(r, bytes, &used, &want, sink, ctx);
		if (e == ERR_OK && used == 0) {
			buf_add(&r->pending, bytes);
			if (r->pending.failed)
				e = ERR_NO_MEMORY;
			break;
		}
		bytes = (struct span){ bytes.ptr + used, bytes.len - used };
	}
	r->failed = e != ERR_OK;
	return e;
}
