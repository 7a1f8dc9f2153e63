/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to an OpenAI chat reply (OpenAPI document 2.3.0: CreateChatCompletionResponse,
 * CreateChatCompletionStreamResponse, CompletionUsage), streamed or whole. The order of
 * events is checked in reply.c.
 *
 * Invariants
 *   1. Exactly one chunk of each choice has a finish_reason; [DONE] follows only that, through
 * END.
 *   2. Each tool call's fragments join to something: "{}" when the upstream sent nothing.
 *   3. Usage that nobody stated is left out, never written as 0.
 *   4. Streamed, nothing is allocated per piece of text but what `out` grows by.
 */
#include "dialect/reply_impl.h"

struct chat_writer {
	struct span prefix; /* of each chunk or of the whole reply, up to "choices" */
	bool role_written;
};

static const struct chat_writer *own(const struct reply_writer *w)
{
	return w->own;
}

const char *openai_finish_word(enum chat_finish f)
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
void openai_put_usage(struct buf *out, const struct chat_event *u)
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

void openai_put_error(struct buf *out, int status, struct span code, struct span param,
		      struct span message)
{
	/* 424: it was sent and failed there; nothing is wrong with the request. */
	bool theirs = status >= 500 || status == 424 || status == 408;
	const char *type = theirs ? "server_error" : "invalid_request_error";

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

void openai_error_body(const struct chat_problem *p, struct buf *out)
{
	openai_put_error(out, p->status, span_of(p->code), span_of(p->param),
			 span_of(p->message));
}

/* --- streamed ------------------------------------------------------------------------ */

static void chunk_open(struct reply_writer *w, struct buf *out)
{
	buf_add(out, own(w)->prefix);
	buf_add_str(out, ",\"choices\":[{\"index\":");
	buf_add_u64(out, w->answer);
	buf_add_str(out, ",\"delta\":{");
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
	struct chat_writer *me = w->own;

	if (me->role_written)
		return;
	me->role_written = true;
	chunk_open(w, out);
	buf_add_str(out, "\"role\":\"assistant\",\"content\":");
	buf_add_str(out, with_text ? "\"\"" : "null");
	chunk_close(w, NULL, out);
}

/* The end of a piece of text, with its tokens. */
static bool close_with_tokens(struct reply_writer *w, struct buf *out)
{
	buf_add_str(out, "},\"logprobs\":{\"content\":[");
	if (!logprobs_put(w->tokens, w->head->chat->top_logprobs, out))
		return false;
	buf_add_str(out, "],\"refusal\":null");
	chunk_close(w, NULL, out);
	return true;
}

static bool text_chunk(struct reply_writer *w, enum chat_event_kind kind, struct span text,
		       struct buf *out)
{
	const size_t before = out->len;

	static const char *const keys[] = { [CHAT_EV_TEXT] = "content",
					    [CHAT_EV_REASONING] = "reasoning_content",
					    [CHAT_EV_REFUSAL] = "refusal" };

	role_chunk(w, true, out);
	chunk_open(w, out);
	json_put_key_string(out, keys[kind], text);
	if (kind == CHAT_EV_TEXT && w->tokens.len > 0) {
		if (close_with_tokens(w, out))
			return true;
		out->len = before;
		return false;
	}
	chunk_close(w, NULL, out);
	return true;
}

static bool call_chunk(struct reply_writer *w, uint32_t index, struct buf *out)
{
	const struct reply_call *c = w->calls[index];

	role_chunk(w, false, out);
	chunk_open(w, out);
	buf_printf(out, "\"tool_calls\":[{\"index\":%u,\"id\":", index);
	json_put_string(out, c->id);
	buf_add_str(out, ",\"type\":\"function\",\"function\":{\"name\":");
	json_put_string(out, c->name);
	buf_add_str(out, ",\"arguments\":\"\"}}]");
	chunk_close(w, NULL, out);
	return true;
}

static bool args_chunk(struct reply_writer *w, uint32_t index, struct span arguments,
		       struct buf *out)
{
	chunk_open(w, out);
	buf_printf(out, "\"tool_calls\":[{\"index\":%u,\"function\":{\"arguments\":", index);
	json_put_string(out, arguments);
	buf_add_str(out, "}}]");
	chunk_close(w, NULL, out);
	return true;
}

static bool finish_chunk(struct reply_writer *w, struct buf *out)
{
	role_chunk(w, true, out);
	for (uint32_t i = 0; i < w->n_calls; i++)
		if (!w->calls[i]->has_arguments)
			args_chunk(w, i, SPAN_LITERAL("{}"), out);
	chunk_open(w, out);
	chunk_close(w, openai_finish_word(w->finish), out);
	return true;
}

static void end_chunks(struct reply_writer *w, struct buf *out)
{
	if (w->head->include_usage && w->has_usage) {
		buf_add(out, own(w)->prefix);
		buf_add_str(out, ",\"choices\":[]");
		openai_put_usage(out, &w->usage);
		buf_add_str(out, "}\n\n");
	}
	buf_add_str(out, "data: [DONE]\n\n");
}

static void put_failure(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (w->head->stream)
		buf_add_str(out, "data: ");
	openai_put_error(out, ev->status, ev->name, (struct span){ NULL, 0 }, ev->text);
	if (w->head->stream)
		buf_add_str(out, "\n\n");
}

/* --- whole --------------------------------------------------------------------------- */

static void put_calls(struct reply_writer *w, struct buf *out)
{
	buf_add_str(out, ",\"tool_calls\":[");
	for (uint32_t i = 0; i < w->n_calls; i++) {
		const struct reply_call *c = w->calls[i];

		buf_add_str(out, i > 0 ? ",{" : "{");
		json_put_key_string(out, "id", c->id);
		json_put_key_cstr(out, "type", "function");
		buf_add_str(out, ",\"function\":{");
		json_put_key_string(out, "name", c->name);
		json_put_key(out, "arguments");
		reply_put_arguments(c, out);
		buf_add_str(out, "}}");
	}
	buf_add_char(out, ']');
}

static void put_choice(struct reply_writer *w, struct buf *out)
{
	buf_add_str(out, "{\"index\":");
	buf_add_u64(out, w->answer);
	buf_add_str(out, ",\"message\":{\"role\":\"assistant\",\"content\":");
	if (w->has_text || (w->n_calls == 0 && !w->has_refusal))
		rope_put(out, &w->text);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ",\"refusal\":");
	if (w->has_refusal)
		rope_put(out, &w->refusal);
	else
		buf_add_str(out, "null");
	if (w->reasoning.first != NULL) {
		buf_add_str(out, ",\"reasoning_content\":");
		rope_put(out, &w->reasoning);
	}
	if (w->n_calls > 0)
		put_calls(w, out);
	if (w->logprobs.first != NULL) {
		buf_add_str(out, "},\"logprobs\":{\"content\":[");
		rope_join(&w->logprobs, out);
		buf_add_str(out, "],\"refusal\":null}");
	} else {
		buf_add_str(out, "},\"logprobs\":null");
	}
	json_put_key_cstr(out, "finish_reason", openai_finish_word(w->finish));
	buf_add_char(out, '}');
}

static bool next_choice(struct reply_writer *w)
{
	struct chat_writer *me = w->own;

	me->role_written = false;
	return w->head->stream || reply_keep_choice(w, put_choice);
}

static void put_reply(struct reply_writer *w, struct buf *out)
{
	buf_add(out, own(w)->prefix);
	buf_add_str(out, ",\"choices\":[");
	rope_join(&w->done, out);
	put_choice(w, out);
	buf_add_char(out, ']');
	if (w->has_usage)
		openai_put_usage(out, &w->usage);
	buf_add_char(out, '}');
}

/* --- the interface ------------------------------------------------------------------- */

static const struct reply_kind kind = {
	.logprobs = true,
	.text = text_chunk,
	.tool = call_chunk,
	.args = args_chunk,
	.finish = finish_chunk,
	.next = next_choice,
	.end = end_chunks,
	.whole = put_reply,
	.error = put_failure,
};

static struct reply_writer *writer_new(struct arena *a, const struct reply_head *head)
{
	struct reply_writer *w = reply_new(a, head, &kind, sizeof(struct chat_writer));
	struct buf prefix;

	if (w == NULL)
		return NULL;
	struct chat_writer *me = w->own;
	buf_init(&prefix, 4096);
	buf_add_str(&prefix, head->stream ? "data: {" : "{");
	json_put_key_cstr(&prefix, "id", head->id);
	json_put_key_cstr(&prefix, "object",
			  head->stream ? "chat.completion.chunk" : "chat.completion");
	json_put_key_i64(&prefix, "created", head->created_s);
	json_put_key_cstr(&prefix, "model", head->model);
	me->prefix =
		prefix.failed ? (struct span){ NULL, 0 } : arena_span(a, buf_span(&prefix));
	buf_free(&prefix);
	return me->prefix.ptr != NULL ? w : NULL;
}

const struct client_dialect dialect_openai_chat = {
	.name = "openai.chat",
	.read = openai_chat_read,
	.writer_new = writer_new,
	.writer_event = reply_event,
	.error_body = openai_error_body,
	.stream_type = "text/event-stream",
	.keepalive = ": waiting\n\n",
};
