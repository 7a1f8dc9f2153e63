/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of dialects share: events as a line of text, random answers, and the two
 * halves of a way there and back.
 *
 * A trace: S start, T"text", R"reasoning", G"signature", X"refusal", C0 id name,
 * A0"arguments", U in/out/cached/reasoning, F finish, E end, !status code.
 */
#ifndef HITHER_TESTS_UNIT_DIALECT_TRACE_H
#define HITHER_TESTS_UNIT_DIALECT_TRACE_H

#include <stdlib.h>

#include "dialect/dialect.h"
#include "tests/unit/check.h"

#define EV(...) EV_WITH(__VA_ARGS__, )
#define EV_WITH(k, ...)                                                                        \
	{                                                                                      \
		.kind = CHAT_EV_##k, __VA_ARGS__                                               \
	}
#define TXT(s) .text = { s, sizeof(s) - 1 }
#define TOKENS(i, o, c, r)                                                                     \
	.input_tokens = i, .output_tokens = o, .cached_tokens = c, .reasoning_tokens = r
#define CALL(n, i, f)                                                                          \
	EV(TOOL, .index = n, .id = { i, sizeof(i) - 1 }, .name = { f, sizeof(f) - 1 })
#define ARGS(n, s) EV(TOOL_ARGS, .index = n, TXT(s))

static inline void trace_event(struct buf *t, const struct chat_event *ev)
{
	static const char *const words[] = { "none", "stop", "length", "tools", "filter" };
	static const char letters[] = "STRX";

	switch (ev->kind) {
	case CHAT_EV_TEXT:
	case CHAT_EV_REASONING:
	case CHAT_EV_REFUSAL:
		if (ev->id.len > 0)
			buf_printf(t, "G\"%.*s\"", (int)ev->id.len, ev->id.ptr);
		else
			buf_printf(t, "%c\"%.*s\"", letters[ev->kind], (int)ev->text.len,
				   ev->text.ptr);
		break;
	case CHAT_EV_TOOL:
		buf_printf(t, "C%u %.*s %.*s", ev->index, (int)ev->id.len, ev->id.ptr,
			   (int)ev->name.len, ev->name.ptr);
		break;
	case CHAT_EV_TOOL_ARGS:
		buf_printf(t, "A%u\"%.*s\"", ev->index, (int)ev->text.len, ev->text.ptr);
		break;
	case CHAT_EV_USAGE:
		buf_printf(t, "U%lld/%lld/%lld/%lld", (long long)ev->input_tokens,
			   (long long)ev->output_tokens, (long long)ev->cached_tokens,
			   (long long)ev->reasoning_tokens);
		break;
	case CHAT_EV_FINISH:
		buf_printf(t, "F%s", words[ev->finish]);
		break;
	case CHAT_EV_ERROR:
		buf_printf(t, "!%d %.*s", ev->status, (int)ev->name.len, ev->name.ptr);
		break;
	default:
		buf_add_char(t, ev->kind == CHAT_EV_START ? 'S' : 'E');
		break;
	}
	buf_add_char(t, ' ');
}

static inline bool trace_sink(void *ctx, const struct chat_event *ev)
{
	trace_event(ctx, ev);
	return true;
}

/* A reply in pieces of `step` bytes, each in memory of its own, to a trace. */
static inline void trace_reply(const struct upstream_dialect *d, bool stream, int status,
			       struct span reply, size_t step, struct buf *t)
{
	struct arena *a = arena_new("test", 1 << 20);
	struct upstream_reader *r = d->reader_new(a, stream, 1 << 16);
	enum err e = d->reader_status(r, status, trace_sink, t);

	while (reply.len > 0) {
		size_t n = reply.len < step ? reply.len : step;
		char *copy = malloc(n);

		memcpy(copy, reply.ptr, n);
		e = d->reader_bytes(r, (struct span){ copy, n }, trace_sink, t);
		free(copy);
		reply = (struct span){ reply.ptr + n, reply.len - n };
	}
	e = d->reader_end(r, trace_sink, t);
	assert_int_equal(e != ERR_OK, strstr(buf_cstr(t), " !") != NULL || t->ptr[0] == '!');
	d->reader_free(r);
	arena_free(a);
}

/* Events through a client's writer. False: one was refused, and nothing of it written. */
static inline bool write_events(const struct client_dialect *d, bool stream, bool include_usage,
				const struct chat_event *events, size_t n, struct buf *out)
{
	const struct reply_head head = { .id = "chatcmpl-1",
					 .created_s = 7,
					 .model = "m",
					 .stream = stream,
					 .include_usage = include_usage };
	struct arena *a = arena_new("test", 1 << 20);
	struct reply_writer *w = d->writer_new(a, &head);
	bool ok = true;

	for (size_t i = 0; i < n && ok; i++)
		ok = d->writer_event(w, &events[i], out);
	arena_free(a);
	return ok;
}

static uint64_t dice_state = 0x9e3779b97f4a7c15u;

static inline uint32_t dice(uint32_t n)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (uint32_t)(dice_state >> 33) % n;
}

static inline struct span dice_text(void)
{
	static const char *const texts[] = { "a",
					     "Hello ",
					     "\xc3\xa9",
					     "\"\\\n\t\x01",
					     "data: [DONE]\n\n",
					     "\xf0\x9f\x98\x80",
					     "{\"done\":true}\n",
					     "event: message_stop\n",
					     "\xe2\x80\xa8" };

	return span_of(texts[dice(LEN(texts))]);
}

#define DICE_EVENTS 48

/* A random answer in the order a reader gives it: arguments are objects, in fragments. */
static inline size_t dice_events(struct chat_event ev[DICE_EVENTS], bool with_calls)
{
	static const char *const ids[] = { "id0", "id1", "id2", "id3" };
	static const char *const pieces[][3] = { { "{\"x\"", ":\"}", "\\\"{\"}" },
						 { "{}", "", "" },
						 { "{", "\"a\":[1,2", "]}" },
						 { "", "", "" } };
	size_t n = 0;
	uint32_t calls = 0;

	ev[n++] = (struct chat_event)EV(START);
	for (uint32_t i = dice(6); i > 0; i--)
		ev[n++] = (struct chat_event){ .kind = (enum chat_event_kind)(CHAT_EV_TEXT +
									      dice(3)),
					       .text = dice_text() };
	uint32_t want = with_calls ? dice(5) : 0;
	uint32_t mixed = dice(2), shape[4];
	for (; calls < want; calls++) {
		shape[calls] = dice(4);
		ev[n++] = (struct chat_event)EV(TOOL, .index = calls, .id = { ids[calls], 3 },
						.name = { "f", 1 });
		for (uint32_t k = 0; !mixed && k < 3; k++)
			ev[n++] =
				(struct chat_event)EV(TOOL_ARGS, .index = calls,
						      .text = span_of(pieces[shape[calls]][k]));
	}
	for (uint32_t k = 0; mixed && k < 3; k++)
		for (uint32_t c = 0; c < calls; c++)
			ev[n++] = (struct chat_event)EV(TOOL_ARGS, .index = c,
							.text = span_of(pieces[shape[c]][k]));
	if (dice(2))
		ev[n++] = (struct chat_event){ .kind = CHAT_EV_TEXT, .text = dice_text() };
	if (dice(2))
		ev[n++] = (struct chat_event)EV(
			USAGE,
			TOKENS(10 + dice(9), dice(9), (int)dice(9) - 1, (int)dice(9) - 1));
	enum chat_finish plain[] = { CHAT_FINISH_STOP, CHAT_FINISH_LENGTH, CHAT_FINISH_FILTER };
	ev[n++] = (struct chat_event)EV(FINISH, .finish = calls > 0 ? CHAT_FINISH_TOOLS
								    : plain[dice(3)]);
	ev[n++] = (struct chat_event)EV(END);
	return n;
}

/* What an answer says, whatever the order and the fragments: a canonical text. */
struct gist {
	struct buf text, reasoning, refusal, calls[8], ids;
	char end[32];
	int64_t input, output;
	uint32_t n_calls;
};

static inline void gist_init(struct gist *g)
{
	memset(g, 0, sizeof *g);
	g->input = g->output = -1;
	buf_init(&g->text, 1 << 16);
	buf_init(&g->reasoning, 1 << 16);
	buf_init(&g->refusal, 1 << 16);
	buf_init(&g->ids, 1 << 16);
	for (size_t i = 0; i < LEN(g->calls); i++)
		buf_init(&g->calls[i], 1 << 16);
}

static inline void gist_free(struct gist *g)
{
	buf_free(&g->text);
	buf_free(&g->reasoning);
	buf_free(&g->refusal);
	buf_free(&g->ids);
	for (size_t i = 0; i < LEN(g->calls); i++)
		buf_free(&g->calls[i]);
}

static inline bool gist_sink(void *ctx, const struct chat_event *ev)
{
	struct gist *g = ctx;

	switch (ev->kind) {
	case CHAT_EV_TEXT:
		buf_add(&g->text, ev->text);
		break;
	case CHAT_EV_REASONING:
		buf_add(&g->reasoning, ev->text);
		break;
	case CHAT_EV_REFUSAL:
		buf_add(&g->refusal, ev->text);
		break;
	case CHAT_EV_TOOL:
		buf_printf(&g->ids, "%.*s=%.*s ", (int)ev->id.len, ev->id.ptr,
			   (int)ev->name.len, ev->name.ptr);
		g->n_calls++;
		break;
	case CHAT_EV_TOOL_ARGS:
		buf_add(&g->calls[ev->index % LEN(g->calls)], ev->text);
		break;
	case CHAT_EV_USAGE:
		g->input = ev->input_tokens;
		g->output = ev->output_tokens;
		break;
	case CHAT_EV_FINISH:
		snprintf(g->end, sizeof g->end, "%u", ev->finish);
		break;
	case CHAT_EV_END:
		strcat(g->end, " end");
		break;
	case CHAT_EV_ERROR:
		snprintf(g->end, sizeof g->end, "error");
		break;
	default:
		break;
	}
	return true;
}

static inline void gist_reply(const struct upstream_dialect *d, bool stream, struct span reply,
			      size_t step, struct gist *g)
{
	struct arena *a = arena_new("test", 4 << 20);
	struct upstream_reader *r = d->reader_new(a, stream, 1 << 16);
	enum err e = d->reader_status(r, 200, gist_sink, g);

	while (reply.len > 0) {
		size_t n = reply.len < step ? reply.len : step;

		e = d->reader_bytes(r, (struct span){ reply.ptr, n }, gist_sink, g);
		reply = (struct span){ reply.ptr + n, reply.len - n };
	}
	e = d->reader_end(r, gist_sink, g);
	assert_int_equal(e != ERR_OK, strcmp(g->end, "error") == 0);
	d->reader_free(r);
	arena_free(a);
}

#endif
