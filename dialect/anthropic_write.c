/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to an Anthropic message, streamed or whole.
 *
 * Streamed blocks do not overlap, but calls may reach us mixed. So the first call that is not
 * whole yet is the open block and its fragments go out as they come; what belongs to later
 * calls waits, as does text, until that call's object has ended or FINISH comes.
 *
 *   NOTHING --text--> TEXT / THINKING --call--> CALL --its object ended--> next call or text
 *
 * Invariants
 *   1. message_start comes with the first content, never before (reply.c, invariant 1).
 *   2. At most one block is open; indexes rise from 0; message_stop only through END.
 *   3. Usage is cumulative. Clients demand a number where none is known: there it is 0.
 */
#include "dialect/anthropic_impl.h"
#include "dialect/reply_impl.h"

enum open_block { NOTHING, TEXT, THINKING, CALL };

struct message_writer {
	bool begun;
	enum open_block open;
	uint32_t index;     /* of the open or next block */
	uint32_t next_call; /* not opened yet */
	bool signed_already;
};

static int64_t known(int64_t tokens)
{
	return tokens > 0 ? tokens : 0;
}

/* Their input count leaves out what came from the cache; ours does not. */
static void put_usage(const struct reply_writer *w, struct buf *out)
{
	const struct chat_event *u = &w->usage;

	buf_add_str(out, ",\"usage\":{");
	json_put_key_i64(out, "input_tokens", known(u->input_tokens - known(u->cached_tokens)));
	if (u->cached_tokens >= 0)
		json_put_key_i64(out, "cache_read_input_tokens", u->cached_tokens);
	json_put_key_i64(out, "output_tokens", known(u->output_tokens));
	buf_add_char(out, '}');
}

static const char *stop_reason(const struct reply_writer *w)
{
	static const char *const words[] = {
		[CHAT_FINISH_NONE] = "end_turn",     [CHAT_FINISH_STOP] = "end_turn",
		[CHAT_FINISH_LENGTH] = "max_tokens", [CHAT_FINISH_TOOLS] = "tool_use",
		[CHAT_FINISH_FILTER] = "refusal",
	};

	return w->has_refusal && w->finish == CHAT_FINISH_STOP ? "refusal" : words[w->finish];
}

static void put_message_head(const struct reply_writer *w, struct buf *out)
{
	buf_add_str(out, "{\"id\":\"");
	reply_put_id(w, "msg_", out);
	buf_add_str(out, "\",\"type\":\"message\",\"role\":\"assistant\"");
	json_put_key_cstr(out, "model", w->head->model);
	buf_add_str(out, ",\"content\":[");
}

/* --- streamed ------------------------------------------------------------------------ */

static void event_open(const char *type, struct buf *out)
{
	buf_printf(out, "event: %s\ndata: {\"type\":\"%s\"", type, type);
}

static void event_close(struct buf *out)
{
	buf_add_str(out, "}\n\n");
}

static void begin(struct reply_writer *w, struct buf *out)
{
	struct message_writer *me = w->own;

	if (me->begun)
		return;
	me->begun = true;
	event_open("message_start", out);
	json_put_key(out, "message");
	put_message_head(w, out);
	buf_add_str(out, "],\"stop_reason\":null,\"stop_sequence\":null");
	put_usage(w, out);
	buf_add_char(out, '}');
	event_close(out);
}

static void delta_open(const struct message_writer *me, const char *type, struct buf *out)
{
	event_open("content_block_delta", out);
	buf_printf(out, ",\"index\":%u,\"delta\":{\"type\":\"%s\"", me->index, type);
}

static void delta(const struct message_writer *me, const char *type, const char *key,
		  struct span text, struct buf *out)
{
	delta_open(me, type, out);
	json_put_key_string(out, key, text);
	buf_add_char(out, '}');
	event_close(out);
}

static void put_signature(struct reply_writer *w, struct span signature, struct buf *out)
{
	struct message_writer *me = w->own;

	if (me->open != THINKING || me->signed_already)
		return;
	me->signed_already = true;
	delta(me, "signature_delta", "signature", signature, out);
}

static void close_block(struct reply_writer *w, struct buf *out)
{
	struct message_writer *me = w->own;

	if (me->open == NOTHING)
		return;
	put_signature(w, (struct span){ NULL, 0 }, out);
	event_open("content_block_stop", out);
	json_put_key_i64(out, "index", me->index);
	event_close(out);
	me->open = NOTHING;
	me->index++;
}

static void open_block(struct reply_writer *w, enum open_block what, struct buf *out)
{
	struct message_writer *me = w->own;

	begin(w, out);
	close_block(w, out);
	me->open = what;
	me->signed_already = false;
	event_open("content_block_start", out);
	buf_printf(out, ",\"index\":%u,\"content_block\":", me->index);
	if (what == CALL) {
		const struct reply_call *c = w->calls[me->next_call++];

		buf_add_str(out, "{\"type\":\"tool_use\"");
		json_put_key_string(out, "id", c->id);
		json_put_key_string(out, "name", c->name);
		buf_add_str(out, ",\"input\":{}}");
	} else if (what == TEXT) {
		buf_add_str(out, "{\"type\":\"text\",\"text\":\"\"}");
	} else {
		buf_add_str(out,
			    "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
	}
	event_close(out);
}

static void emit(struct reply_writer *w, bool reasoning, struct span text, struct buf *out)
{
	struct message_writer *me = w->own;
	enum open_block want = reasoning ? THINKING : TEXT;

	if (me->open != want || me->signed_already)
		open_block(w, want, out);
	delta(me, reasoning ? "thinking_delta" : "text_delta", reasoning ? "thinking" : "text",
	      text, out);
}

/* Calls are blocks of their own as it is. */
static void on_part(struct reply_writer *w, struct buf *out)
{
	struct message_writer *me = w->own;

	if (me->open == TEXT || me->open == THINKING)
		close_block(w, out);
}

/* A call that more may come for keeps others from opening a block. */
static bool is_busy(const struct reply_writer *w)
{
	const struct message_writer *me = w->own;

	return me->next_call < w->n_calls ||
	       (me->open == CALL && !w->calls[me->next_call - 1]->end.done);
}

static bool on_text(struct reply_writer *w, enum chat_event_kind kind, struct span text,
		    struct buf *out)
{
	bool reasoning = kind == CHAT_EV_REASONING;

	if (is_busy(w))
		return rope_add(w->arena, reasoning ? &w->reasoning : &w->text, text);
	emit(w, reasoning, text, out);
	return true;
}

static void flush_rope(struct reply_writer *w, bool reasoning, struct buf *out)
{
	struct rope *rope = reasoning ? &w->reasoning : &w->text;
	struct buf text;

	if (rope->first == NULL)
		return;
	buf_init(&text, SIZE_MAX);
	rope_join(rope, &text);
	if (text.failed)
		out->failed = true;
	else
		emit(w, reasoning, buf_span(&text), out);
	buf_free(&text);
	*rope = (struct rope){ NULL, NULL };
}

/* What waits for its turn. `all`: nothing more will come for the open call. */
static void advance(struct reply_writer *w, bool all, struct buf *out)
{
	struct message_writer *me = w->own;

	while (me->next_call < w->n_calls &&
	       (all || me->open != CALL || w->calls[me->next_call - 1]->end.done)) {
		struct reply_call *c = w->calls[me->next_call];
		struct buf text;

		open_block(w, CALL, out);
		buf_init(&text, SIZE_MAX);
		rope_join(&c->arguments, &text);
		if (text.failed)
			out->failed = true;
		else if (text.len > 0)
			delta(me, "input_json_delta", "partial_json", buf_span(&text), out);
		buf_free(&text);
	}
	if (all || !is_busy(w)) {
		flush_rope(w, true, out);
		flush_rope(w, false, out);
	}
}

static bool on_tool(struct reply_writer *w, uint32_t index, struct buf *out)
{
	(void)index;
	advance(w, false, out);
	return true;
}

static bool on_args(struct reply_writer *w, uint32_t index, struct span text, struct buf *out)
{
	struct message_writer *me = w->own;
	bool open = me->open == CALL && index + 1 == me->next_call;

	if (open)
		delta(me, "input_json_delta", "partial_json", text, out);
	else if (index < me->next_call && w->calls[index]->end.broken)
		return false;
	advance(w, false, out);
	return true;
}

static bool on_finish(struct reply_writer *w, struct buf *out)
{
	begin(w, out);
	advance(w, true, out);
	close_block(w, out);
	return true;
}

static void on_end(struct reply_writer *w, struct buf *out)
{
	event_open("message_delta", out);
	buf_printf(out, ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null}",
		   stop_reason(w));
	put_usage(w, out);
	event_close(out);
	event_open("message_stop", out);
	event_close(out);
}

/* --- errors -------------------------------------------------------------------------- */

static void put_error(struct buf *out, int status, struct span message)
{
	static const struct {
		int status;
		const char *type;
	} types[] = {
		{ 401, "authentication_error" }, { 402, "billing_error" },
		{ 403, "permission_error" },     { 404, "not_found_error" },
		{ 413, "request_too_large" },    { 424, "api_error" },
		{ 429, "rate_limit_error" },     { 503, "overloaded_error" },
		{ 504, "timeout_error" },        { 529, "overloaded_error" },
	};
	const char *type = status >= 500 ? "api_error" : "invalid_request_error";

	for (size_t i = 0; i < LEN(types); i++)
		if (types[i].status == status)
			type = types[i].type;
	buf_add_str(out, "{\"type\":\"error\",\"error\":{");
	json_put_key_cstr(out, "type", type);
	json_put_key_string(out, "message", message);
	buf_add_char(out, '}');
}

static void on_error(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (w->head->stream)
		buf_add_str(out, "event: error\ndata: ");
	put_error(out, ev->status, ev->text);
	buf_add_str(out, w->head->stream ? "}\n\n" : ",\"request_id\":null}");
}

static void error_body(const struct chat_problem *p, struct buf *out)
{
	put_error(out, p->status, span_of(p->message));
	json_put_key_cstr(out, "request_id", p->request[0] != '\0' ? p->request : NULL);
	buf_add_char(out, '}');
}

/* --- whole --------------------------------------------------------------------------- */

static void next_block(bool *first, const char *type, struct buf *out)
{
	buf_printf(out, "%s{\"type\":\"%s\"", *first ? "" : ",", type);
	*first = false;
}

static void put_text_block(const struct reply_writer *w, bool *first, struct buf *out)
{
	struct buf text;

	if (!w->has_text && !w->has_refusal)
		return;
	buf_init(&text, SIZE_MAX);
	rope_join(&w->text, &text);
	rope_join(&w->refusal, &text);
	next_block(first, "text", out);
	if (text.failed)
		out->failed = true;
	else
		json_put_key_string(out, "text", buf_span(&text));
	buf_free(&text);
	buf_add_char(out, '}');
}

static void put_message(struct reply_writer *w, struct buf *out)
{
	bool first = true;

	put_message_head(w, out);
	if (w->reasoning.first != NULL) {
		next_block(&first, "thinking", out);
		json_put_key(out, "thinking");
		rope_put(out, &w->reasoning);
		json_put_key_string(out, "signature", w->signature);
		buf_add_char(out, '}');
	}
	put_text_block(w, &first, out);
	for (uint32_t i = 0; i < w->n_calls; i++) {
		const struct reply_call *c = w->calls[i];

		if (c->dropped)
			continue;
		next_block(&first, "tool_use", out);
		json_put_key_string(out, "id", c->id);
		json_put_key_string(out, "name", c->name);
		json_put_key(out, "input");
		reply_put_object(c, out);
		buf_add_char(out, '}');
	}
	buf_printf(out, "],\"stop_reason\":\"%s\",\"stop_sequence\":null", stop_reason(w));
	put_usage(w, out);
	buf_add_char(out, '}');
}

/* --- the interface ------------------------------------------------------------------- */

static const struct reply_kind kind = {
	.keeps_arguments = true,
	.needs_objects = true,
	.text = on_text,
	.signature = put_signature,
	.part = on_part,
	.tool = on_tool,
	.args = on_args,
	.finish = on_finish,
	.end = on_end,
	.whole = put_message,
	.error = on_error,
};

static struct reply_writer *writer_new(struct arena *a, const struct reply_head *head)
{
	return reply_new(a, head, &kind, sizeof(struct message_writer));
}

const struct client_dialect dialect_anthropic_messages = {
	.name = "anthropic.messages",
	.read = anthropic_read,
	.writer_new = writer_new,
	.writer_event = reply_event,
	.error_body = error_body,
	.stream_type = "text/event-stream",
	.keepalive = ": waiting\n\n",
	.id_field = "request-id",
};
