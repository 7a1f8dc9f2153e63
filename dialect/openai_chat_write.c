/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to an OpenAI chat reply (OpenAPI document 2.3.0: CreateChatCompletionResponse,
 * CreateChatCompletionStreamResponse, CompletionUsage), streamed or whole.
 *
 *   NEW --START--> STARTED --content, TOOL, FINISH--> (streamed: role chunk first)
 *   STARTED --FINISH--> FINISHED --END--> OVER        any --ERROR--> OVER
 *
 * Invariants
 *   1. START writes nothing: the first byte goes out with the first content, so a caller
 *      that waits for bytes before it sends a head has not promised anything yet.
 *   2. Exactly one chunk has a finish_reason; [DONE] follows only that, through END.
 *   3. Each tool call's fragments join to something: "{}" when the upstream sent nothing.
 *   4. Usage that nobody stated is left out, never written as 0.
 *   5. Streamed, nothing is allocated per event but what `out` grows by.
 */
#include <stdio.h>

#include "dialect/impl.h"

#define PIECE_FIRST_BYTES ((size_t)2048)
#define PIECE_LIMIT_BYTES ((size_t)64 * 1024)

enum writer_state { WRITER_NEW, WRITER_STARTED, WRITER_FINISHED, WRITER_OVER };

/* Text that grows in an arena, for a reply that is written at its end. */
struct piece {
	struct piece *next;
	size_t len, cap;
	char bytes[];
};
struct rope {
	struct piece *first, *last;
};

struct call {
	struct span id, name;
	struct rope arguments;
	bool has_arguments;
};

struct reply_writer {
	enum writer_state state;
	struct arena *arena;
	const struct reply_head *head;
	struct span prefix; /* of each chunk or of the whole reply, up to "choices" */
	bool role_written, has_text, has_usage;
	struct rope text, reasoning, refusal;
	struct call *calls[CHAT_MAX_CALLS];
	uint32_t n_calls;
	enum chat_finish finish;
	struct chat_event usage;
};

static bool rope_add(struct arena *a, struct rope *r, struct span text)
{
	while (text.len > 0) {
		struct piece *p = r->last;

		if (p == NULL || p->len == p->cap) {
			size_t cap = p == NULL ? PIECE_FIRST_BYTES : p->cap * 2;
			if (cap > PIECE_LIMIT_BYTES)
				cap = PIECE_LIMIT_BYTES;
			p = arena_alloc(a, sizeof *p + cap);
			if (p == NULL)
				return false;
			*p = (struct piece){ .cap = cap };
			if (r->last != NULL)
				r->last->next = p;
			else
				r->first = p;
			r->last = p;
		}
		size_t n = text.len < p->cap - p->len ? text.len : p->cap - p->len;
		memcpy(p->bytes + p->len, text.ptr, n);
		p->len += n;
		text = (struct span){ text.ptr + n, text.len - n };
	}
	return true;
}

/* A JSON string. Characters cut by a piece's end must meet again before they are escaped. */
static void rope_put(struct buf *out, const struct rope *r)
{
	struct buf joined;

	buf_init(&joined, SIZE_MAX);
	for (const struct piece *p = r->first; p != NULL; p = p->next)
		buf_add(&joined, (struct span){ p->bytes, p->len });
	if (joined.failed)
		out->failed = true;
	else
		json_put_string(out, buf_span(&joined));
	buf_free(&joined);
}

static struct reply_writer *writer_new(struct arena *a, const struct reply_head *head)
{
	struct reply_writer *w = arena_zalloc(a, sizeof *w);
	struct buf prefix;

	if (w == NULL)
		return NULL;
	w->arena = a;
	w->head = head;
	w->usage = (struct chat_event){ .input_tokens = -1, .output_tokens = -1 };
	buf_init(&prefix, 4096);
	buf_add_str(&prefix, head->stream ? "data: {" : "{");
	json_put_key_cstr(&prefix, "id", head->id);
	json_put_key_cstr(&prefix, "object",
			  head->stream ? "chat.completion.chunk" : "chat.completion");
	json_put_key_i64(&prefix, "created", head->created_s);
	json_put_key_cstr(&prefix, "model", head->model);
	w->prefix = prefix.failed ? (struct span){ NULL, 0 } : arena_span(a, buf_span(&prefix));
	buf_free(&prefix);
	return w->prefix.ptr != NULL ? w : NULL;
}

static const char *finish_word(enum chat_finish f)
{
	static const char *const words[] = {
		[CHAT_FINISH_NONE] = NULL,
		[CHAT_FINISH_STOP] = "stop",
		[CHAT_FINISH_LENGTH] = "length",
		[CHAT_FINISH_TOOLS] = "tool_calls",
		[CHAT_FINISH_FILTER] = "content_filter",
	};

	return words[f];
}

/* Details are left out where the upstream stated none. */
static void put_usage(struct buf *out, const struct chat_event *u)
{
	json_put_key(out, "usage");
	buf_add_char(out, '{');
	json_put_key_i64(out, "prompt_tokens", u->input_tokens);
	json_put_key_i64(out, "completion_tokens", u->output_tokens);
	json_put_key_i64(out, "total_tokens", u->input_tokens + u->output_tokens);
	if (u->cached_tokens >= 0)
		buf_printf(out, ",\"prompt_tokens_details\":{\"cached_tokens\":%lld}",
			   (long long)u->cached_tokens);
	if (u->reasoning_tokens >= 0)
		buf_printf(out, ",\"completion_tokens_details\":{\"reasoning_tokens\":%lld}",
			   (long long)u->reasoning_tokens);
	buf_add_char(out, '}');
}

static void put_error(struct buf *out, int status, struct span code, struct span param,
		      struct span message)
{
	const char *type = status >= 500 ? "server_error" : "invalid_request_error";

	if (status == 401)
		type = "authentication_error";
	else if (status == 403)
		type = "permission_error";
	else if (status == 429)
		type = "rate_limit_error";
	buf_add_str(out, "{\"error\":{");
	json_put_key_string(out, "message", message);
	json_put_key_cstr(out, "type", type);
	json_put_key(out, "param");
	if (param.len > 0)
		json_put_string(out, param);
	else
		buf_add_str(out, "null");
	json_put_key(out, "code");
	if (code.len > 0)
		json_put_string(out, code);
	else
		buf_add_str(out, "null");
	buf_add_str(out, "}}");
}

static void error_body(const struct chat_problem *p, struct buf *out)
{
	put_error(out, p->status, span_of(p->code), span_of(p->param), span_of(p->message));
}

/* --- streamed ------------------------------------------------------------------------ */

static void chunk_open(struct reply_writer *w, struct buf *out)
{
	buf_add(out, w->prefix);
	buf_add_str(out, ",\"choices\":[{\"index\":0,\"delta\":{");
}

static void chunk_close(struct reply_writer *w, const char *finish, struct buf *out)
{
	buf_add_str(out, "},\"finish_reason\":");
	if (finish != NULL)
		json_put_string(out, span_of(finish));
	else
		buf_add_str(out, "null");
	buf_add_str(out, w->head->include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

static void role_chunk(struct reply_writer *w, bool with_text, struct buf *out)
{
	if (w->role_written)
		return;
	w->role_written = true;
	chunk_open(w, out);
	buf_add_str(out, "\"role\":\"assistant\",\"content\":");
	buf_add_str(out, with_text ? "\"\"" : "null");
	chunk_close(w, NULL, out);
}

static void text_chunk(struct reply_writer *w, const char *key, struct span text,
		       struct buf *out)
{
	chunk_open(w, out);
	json_put_key_string(out, key, text);
	chunk_close(w, NULL, out);
}

static void call_chunk(struct reply_writer *w, uint32_t index, const struct call *begin,
		       struct span arguments, struct buf *out)
{
	chunk_open(w, out);
	buf_printf(out, "\"tool_calls\":[{\"index\":%u,", index);
	if (begin != NULL) {
		buf_add_str(out, "\"id\":");
		json_put_string(out, begin->id);
		buf_add_str(out, ",\"type\":\"function\",\"function\":{\"name\":");
		json_put_string(out, begin->name);
		buf_add_str(out, ",\"arguments\":");
	} else {
		buf_add_str(out, "\"function\":{\"arguments\":");
	}
	json_put_string(out, arguments);
	buf_add_str(out, "}}]");
	chunk_close(w, NULL, out);
}

static void finish_chunk(struct reply_writer *w, struct buf *out)
{
	role_chunk(w, true, out);
	for (uint32_t i = 0; i < w->n_calls; i++)
		if (!w->calls[i]->has_arguments)
			call_chunk(w, i, NULL, SPAN_LITERAL("{}"), out);
	chunk_open(w, out);
	chunk_close(w, finish_word(w->finish), out);
}

static void end_chunks(struct reply_writer *w, struct buf *out)
{
	if (w->head->include_usage && w->has_usage) {
		buf_add(out, w->prefix);
		buf_add_str(out, ",\"choices\":[]");
		put_usage(out, &w->usage);
		buf_add_str(out, "}\n\n");
	}
	buf_add_str(out, "data: [DONE]\n\n");
}

/* --- whole --------------------------------------------------------------------------- */

static void put_calls(struct reply_writer *w, struct buf *out)
{
	buf_add_str(out, ",\"tool_calls\":[");
	for (uint32_t i = 0; i < w->n_calls; i++) {
		const struct call *c = w->calls[i];

		buf_add_str(out, i > 0 ? ",{" : "{");
		json_put_key_string(out, "id", c->id);
		json_put_key_cstr(out, "type", "function");
		buf_add_str(out, ",\"function\":{");
		json_put_key_string(out, "name", c->name);
		json_put_key(out, "arguments");
		if (c->has_arguments)
			rope_put(out, &c->arguments);
		else
			buf_add_str(out, "\"{}\"");
		buf_add_str(out, "}}");
	}
	buf_add_char(out, ']');
}

static void put_reply(struct reply_writer *w, struct buf *out)
{
	buf_add(out, w->prefix);
	buf_add_str(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
			 "\"content\":");
	if (w->has_text || (w->n_calls == 0 && w->refusal.first == NULL))
		rope_put(out, &w->text);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ",\"refusal\":");
	if (w->refusal.first != NULL)
		rope_put(out, &w->refusal);
	else
		buf_add_str(out, "null");
	if (w->reasoning.first != NULL) {
		buf_add_str(out, ",\"reasoning_content\":");
		rope_put(out, &w->reasoning);
	}
	if (w->n_calls > 0)
		put_calls(w, out);
	buf_add_str(out, "},\"logprobs\":null");
	json_put_key_cstr(out, "finish_reason", finish_word(w->finish));
	buf_add_str(out, "}]");
	if (w->has_usage)
		put_usage(out, &w->usage);
	buf_add_char(out, '}');
}

/* --- events -------------------------------------------------------------------------- */

static bool on_text(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	static const char *const keys[] = { [CHAT_EV_TEXT] = "content",
					    [CHAT_EV_REASONING] = "reasoning_content",
					    [CHAT_EV_REFUSAL] = "refusal" };
	struct rope *rope = ev->kind == CHAT_EV_TEXT      ? &w->text
			    : ev->kind == CHAT_EV_REFUSAL ? &w->refusal
							  : &w->reasoning;

	if (ev->text.len == 0)
		return true;
	w->has_text = w->has_text || ev->kind == CHAT_EV_TEXT;
	if (!w->head->stream)
		return rope_add(w->arena, rope, ev->text);
	role_chunk(w, true, out);
	text_chunk(w, keys[ev->kind], ev->text, out);
	return true;
}

static bool on_tool(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (ev->index != w->n_calls || w->n_calls == CHAT_MAX_CALLS || ev->id.len == 0 ||
	    ev->name.len == 0)
		return false;
	struct call *c = arena_zalloc(w->arena, sizeof *c);
	if (c == NULL)
		return false;
	w->calls[w->n_calls++] = c;
	if (!w->head->stream) {
		c->id = arena_span(w->arena, ev->id);
		c->name = arena_span(w->arena, ev->name);
		return c->id.ptr != NULL && c->name.ptr != NULL;
	}
	role_chunk(w, false, out);
	call_chunk(w, ev->index, &(struct call){ .id = ev->id, .name = ev->name },
		   SPAN_LITERAL(""), out);
	return true;
}

static bool on_tool_args(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (ev->index >= w->n_calls)
		return false;
	if (ev->text.len == 0)
		return true;
	struct call *c = w->calls[ev->index];
	c->has_arguments = true;
	if (!w->head->stream)
		return rope_add(w->arena, &c->arguments, ev->text);
	call_chunk(w, ev->index, NULL, ev->text, out);
	return true;
}

static bool on_finish(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (ev->finish == CHAT_FINISH_NONE || ev->finish > CHAT_FINISH_FILTER)
		return false;
	w->finish = ev->finish;
	w->state = WRITER_FINISHED;
	if (w->head->stream)
		finish_chunk(w, out);
	return true;
}

static bool on_usage(struct reply_writer *w, const struct chat_event *ev)
{
	w->usage = *ev;
	w->has_usage = ev->input_tokens >= 0 && ev->output_tokens >= 0;
	return true;
}

static bool on_end(struct reply_writer *w, struct buf *out)
{
	if (w->state != WRITER_FINISHED)
		return false;
	w->state = WRITER_OVER;
	if (w->head->stream)
		end_chunks(w, out);
	else
		put_reply(w, out);
	return true;
}

static bool on_error(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	w->state = WRITER_OVER;
	if (w->head->stream)
		buf_add_str(out, "data: ");
	put_error(out, ev->status, ev->name, (struct span){ NULL, 0 }, ev->text);
	if (w->head->stream)
		buf_add_str(out, "\n\n");
	return true;
}

static bool writer_event(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (w->state == WRITER_OVER)
		return false;
	if (ev->kind == CHAT_EV_ERROR)
		return on_error(w, ev, out);
	if (ev->kind == CHAT_EV_START) {
		bool first = w->state == WRITER_NEW;

		w->state = first ? WRITER_STARTED : w->state;
		return first;
	}
	if (ev->kind == CHAT_EV_END)
		return on_end(w, out);
	if (ev->kind == CHAT_EV_USAGE && w->state != WRITER_NEW)
		return on_usage(w, ev);
	if (w->state != WRITER_STARTED)
		return false;
	switch (ev->kind) {
	case CHAT_EV_TEXT:
	case CHAT_EV_REASONING:
	case CHAT_EV_REFUSAL:
		return on_text(w, ev, out);
	case CHAT_EV_TOOL:
		return on_tool(w, ev, out);
	case CHAT_EV_TOOL_ARGS:
		return on_tool_args(w, ev, out);
	case CHAT_EV_FINISH:
		return on_finish(w, ev, out);
	default:
		return false;
	}
}

const struct client_dialect dialect_openai_chat = {
	.name = "openai.chat",
	.read = openai_chat_read,
	.writer_new = writer_new,
	.writer_event = writer_event,
	.error_body = error_body,
	.stream_type = "text/event-stream",
};
