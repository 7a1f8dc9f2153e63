/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to an OpenAI Responses reply (OpenAPI document 2.3.0: Response, Response*Event),
 * streamed or whole. An answer is a list of items: reasoning, messages and calls. Text goes on
 * in the last item as long as its kind stays the same; calls stay open until FINISH, since
 * their fragments may come mixed and every event names its item.
 *
 * Invariants
 *   1. response.created comes with the first content; sequence numbers have no gaps.
 *   2. Exactly one of response.completed, response.incomplete and response.failed, the last
 *      event; the first two only through END. A cut by length is never "completed".
 *   3. An item's `done` comes once, and the closing response repeats all items.
 */
#include "dialect/reply_impl.h"
#include "dialect/responses_impl.h"

enum item_kind { ITEM_REASONING, ITEM_TEXT, ITEM_REFUSAL, ITEM_CALL };

struct item {
	struct item *next;
	enum item_kind kind;
	uint32_t index;
	bool open;
	struct rope text; /* not of calls */
	const struct reply_call *call;
};

struct response_writer {
	bool begun;
	uint32_t sequence, n_items;
	struct item *first, *last;
	struct item *calls[CHAT_MAX_CALLS]; /* by number of the call */
};

static const struct {
	const char *prefix, *part, *key, *delta, *done;
} kinds[] = {
	[ITEM_REASONING] = { "rs_", "reasoning_text", "text", "response.reasoning_text.delta",
			     "response.reasoning_text.done" },
	[ITEM_TEXT] = { "msg_", "output_text", "text", "response.output_text.delta",
			"response.output_text.done" },
	[ITEM_REFUSAL] = { "msg_", "refusal", "refusal", "response.refusal.delta",
			   "response.refusal.done" },
	[ITEM_CALL] = { "fc_", NULL, "arguments", "response.function_call_arguments.delta",
			"response.function_call_arguments.done" },
};

/* --- the response object ------------------------------------------------------------- */

static void put_item_id(const struct reply_writer *w, const struct item *it, const char *key,
			struct buf *out)
{
	json_put_key(out, key);
	buf_add_char(out, '"');
	reply_put_id(w, kinds[it->kind].prefix, out);
	buf_printf(out, "_%u\"", it->index);
}

static void put_part(const struct item *it, bool with_text, struct buf *out)
{
	buf_printf(out, "{\"type\":\"%s\",\"%s\":", kinds[it->kind].part, kinds[it->kind].key);
	if (with_text)
		rope_put(out, &it->text);
	else
		buf_add_str(out, "\"\"");
	if (it->kind == ITEM_TEXT)
		buf_add_str(out, ",\"annotations\":[],\"logprobs\":[]");
	buf_add_char(out, '}');
}

static const char *item_status(const struct reply_writer *w, const struct item *it)
{
	bool cut = w->finish == CHAT_FINISH_LENGTH || w->finish == CHAT_FINISH_FILTER;
	const struct response_writer *me = w->own;

	if (it->open)
		return "in_progress";
	if (it->kind == ITEM_CALL && it->call->has_arguments && !it->call->end.done)
		return "incomplete";
	return cut && it == me->last ? "incomplete" : "completed";
}

/* `filled`: with what it holds, else as it begins. */
static void put_item(const struct reply_writer *w, const struct item *it, bool filled,
		     struct buf *out)
{
	buf_add_char(out, '{');
	put_item_id(w, it, "id", out);
	json_put_key_cstr(out, "type",
			  it->kind == ITEM_CALL        ? "function_call"
			  : it->kind == ITEM_REASONING ? "reasoning"
						       : "message");
	json_put_key_cstr(out, "status", filled ? item_status(w, it) : "in_progress");
	if (it->kind == ITEM_CALL) {
		json_put_key_string(out, "call_id", it->call->id);
		json_put_key_string(out, "name", it->call->name);
		json_put_key(out, "arguments");
		if (filled)
			reply_put_arguments(it->call, out);
		else
			buf_add_str(out, "\"\"");
		buf_add_char(out, '}');
		return;
	}
	if (it->kind == ITEM_REASONING)
		buf_add_str(out, ",\"summary\":[]");
	else
		json_put_key_cstr(out, "role", "assistant");
	buf_add_str(out, ",\"content\":[");
	if (filled)
		put_part(it, true, out);
	buf_add_str(out, "]}");
}

static void put_tools(const struct chat *c, struct buf *out)
{
	buf_add_str(out, ",\"tools\":[");
	for (uint32_t i = 0; c != NULL && i < c->n_tools; i++) {
		const struct chat_tool *t = &c->tools[i];

		buf_add_str(out, i > 0 ? ",{" : "{");
		json_put_key_cstr(out, "type", "function");
		json_put_key_string(out, "name", t->name);
		if (t->description.len > 0)
			json_put_key_string(out, "description", t->description);
		json_put_key(out, "parameters");
		if (t->schema.len > 0)
			buf_add(out, t->schema);
		else
			buf_add_str(out, "null");
		json_put_key_bool(out, "strict", t->strict);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void put_choice(const struct chat *c, struct buf *out)
{
	static const char *const words[] = { [CHAT_TOOLS_AUTO] = "auto",
					     [CHAT_TOOLS_NONE] = "none",
					     [CHAT_TOOLS_REQUIRED] = "required" };

	json_put_key(out, "tool_choice");
	if (c != NULL && c->tool_choice == CHAT_TOOLS_NAMED) {
		buf_add_str(out, "{\"type\":\"function\"");
		json_put_key_string(out, "name", c->tool_choice_name);
		buf_add_char(out, '}');
	} else {
		json_put_string(out, span_of(words[c != NULL ? c->tool_choice : 0]));
	}
}

static void put_number_or_null(struct buf *out, const char *key, bool has, double v)
{
	if (has)
		json_put_key_number(out, key, v);
	else
		json_put_key_cstr(out, key, NULL);
}

/* What the client said, said again. */
static void put_request(const struct chat *c, struct buf *out)
{
	json_put_key_cstr(out, "instructions", NULL);
	put_number_or_null(out, "max_output_tokens", c != NULL && c->max_tokens > 0,
			   c != NULL ? c->max_tokens : 0);
	put_tools(c, out);
	put_choice(c, out);
	json_put_key_bool(out, "parallel_tool_calls",
			  c == NULL || !c->has_parallel_tools || c->parallel_tools);
	put_number_or_null(out, "temperature", c != NULL && c->has_temperature,
			   c != NULL ? c->temperature : 0);
	put_number_or_null(out, "top_p", c != NULL && c->has_top_p, c != NULL ? c->top_p : 0);
	buf_add_str(out, ",\"metadata\":{},\"store\":false,\"background\":false,"
			 "\"previous_response_id\":null,\"truncation\":\"disabled\"");
}

static void put_usage(const struct reply_writer *w, struct buf *out)
{
	const struct chat_event *u = &w->usage;

	if (!w->has_usage)
		return;
	buf_printf(out,
		   ",\"usage\":{\"input_tokens\":%lld,\"input_tokens_details\":{"
		   "\"cached_tokens\":%lld,\"cache_write_tokens\":0},\"output_tokens\":%lld,"
		   "\"output_tokens_details\":{\"reasoning_tokens\":%lld},\"total_tokens\":"
		   "%lld}",
		   (long long)u->input_tokens,
		   (long long)(u->cached_tokens > 0 ? u->cached_tokens : 0),
		   (long long)u->output_tokens,
		   (long long)(u->reasoning_tokens > 0 ? u->reasoning_tokens : 0),
		   (long long)u->input_tokens + (long long)u->output_tokens);
}

/* `error`: of a failed response; NULL none. */
static void put_response(const struct reply_writer *w, const char *status,
			 const struct chat_event *error, struct buf *out)
{
	const struct response_writer *me = w->own;

	buf_add_str(out, "{\"id\":\"");
	reply_put_id(w, "resp_", out);
	buf_add_str(out, "\",\"object\":\"response\"");
	json_put_key_i64(out, "created_at", w->head->created_s);
	json_put_key_cstr(out, "status", status);
	json_put_key(out, "error");
	if (error != NULL) {
		buf_printf(out, "{\"code\":\"%s\"",
			   error->status == 429 ? "rate_limit_exceeded" : "server_error");
		json_put_key_string(out, "message", error->text);
		buf_add_char(out, '}');
	} else {
		buf_add_str(out, "null");
	}
	json_put_key(out, "incomplete_details");
	if (strcmp(status, "incomplete") == 0)
		buf_printf(out, "{\"reason\":\"%s\"}",
			   w->finish == CHAT_FINISH_FILTER ? "content_filter"
							   : "max_output_tokens");
	else
		buf_add_str(out, "null");
	json_put_key_cstr(out, "model", w->head->model);
	buf_add_str(out, ",\"output\":[");
	for (const struct item *it = me->first; it != NULL; it = it->next) {
		buf_add_str(out, it == me->first ? "" : ",");
		put_item(w, it, true, out);
	}
	buf_add_char(out, ']');
	put_request(w->head->chat, out);
	put_usage(w, out);
	buf_add_char(out, '}');
}

/* --- streamed ------------------------------------------------------------------------ */

static void event_open(struct reply_writer *w, const char *type, struct buf *out)
{
	struct response_writer *me = w->own;

	buf_printf(out, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%u", type, type,
		   me->sequence++);
}

static void event_close(struct buf *out)
{
	buf_add_str(out, "}\n\n");
}

static void response_event(struct reply_writer *w, const char *type, const char *status,
			   const struct chat_event *error, struct buf *out)
{
	event_open(w, type, out);
	json_put_key(out, "response");
	put_response(w, status, error, out);
	event_close(out);
}

static void begin(struct reply_writer *w, struct buf *out)
{
	struct response_writer *me = w->own;

	if (me->begun || !w->head->stream)
		return;
	me->begun = true;
	response_event(w, "response.created", "in_progress", NULL, out);
	response_event(w, "response.in_progress", "in_progress", NULL, out);
}

/* Which item, and which part of it. */
static void put_place(struct reply_writer *w, const struct item *it, struct buf *out)
{
	put_item_id(w, it, "item_id", out);
	json_put_key_i64(out, "output_index", it->index);
	if (it->kind != ITEM_CALL)
		json_put_key_i64(out, "content_index", 0);
}

static void item_event(struct reply_writer *w, const char *type, const struct item *it,
		       bool filled, struct buf *out)
{
	event_open(w, type, out);
	json_put_key_i64(out, "output_index", it->index);
	json_put_key(out, "item");
	put_item(w, it, filled, out);
	event_close(out);
}

static void part_event(struct reply_writer *w, const char *type, const struct item *it,
		       bool filled, struct buf *out)
{
	event_open(w, type, out);
	put_place(w, it, out);
	json_put_key(out, "part");
	put_part(it, filled, out);
	event_close(out);
}

static void delta_event(struct reply_writer *w, const struct item *it, struct span text,
			struct buf *out)
{
	event_open(w, kinds[it->kind].delta, out);
	put_place(w, it, out);
	json_put_key_string(out, "delta", text);
	if (it->kind == ITEM_TEXT)
		buf_add_str(out, ",\"logprobs\":[]");
	event_close(out);
}

static struct item *open_item(struct reply_writer *w, enum item_kind kind,
			      const struct reply_call *call, struct buf *out)
{
	struct response_writer *me = w->own;
	struct item *it = arena_zalloc(w->arena, sizeof *it);

	if (it == NULL)
		return NULL;
	*it = (struct item){ .kind = kind, .index = me->n_items++, .open = true, .call = call };
	if (!w->head->stream) {
		/* nothing to say yet */
	} else {
		begin(w, out);
		item_event(w, "response.output_item.added", it, false, out);
		if (kind != ITEM_CALL)
			part_event(w, "response.content_part.added", it, false, out);
	}
	if (me->last != NULL)
		me->last->next = it;
	else
		me->first = it;
	me->last = it;
	return it;
}

static void close_item(struct reply_writer *w, struct item *it, struct buf *out)
{
	if (it == NULL || !it->open)
		return;
	it->open = false;
	if (!w->head->stream)
		return;
	event_open(w, kinds[it->kind].done, out);
	put_place(w, it, out);
	if (it->kind == ITEM_CALL)
		json_put_key_string(out, "name", it->call->name);
	json_put_key(out, kinds[it->kind].key);
	if (it->kind == ITEM_CALL)
		reply_put_arguments(it->call, out);
	else
		rope_put(out, &it->text);
	if (it->kind == ITEM_TEXT)
		buf_add_str(out, ",\"logprobs\":[]");
	event_close(out);
	if (it->kind != ITEM_CALL)
		part_event(w, "response.content_part.done", it, true, out);
	item_event(w, "response.output_item.done", it, true, out);
}

/* --- hooks --------------------------------------------------------------------------- */

static bool on_text(struct reply_writer *w, enum chat_event_kind kind, struct span text,
		    struct buf *out)
{
	struct response_writer *me = w->own;
	enum item_kind want = kind == CHAT_EV_TEXT      ? ITEM_TEXT
			      : kind == CHAT_EV_REFUSAL ? ITEM_REFUSAL
							: ITEM_REASONING;
	struct item *it = me->last;

	if (it == NULL || it->kind != want || !it->open) {
		if (it != NULL && it->kind != ITEM_CALL)
			close_item(w, it, out);
		it = open_item(w, want, NULL, out);
	}
	if (it == NULL || !rope_add(w->arena, &it->text, text))
		return false;
	if (w->head->stream)
		delta_event(w, it, text, out);
	return true;
}

static void on_part(struct reply_writer *w, struct buf *out)
{
	struct response_writer *me = w->own;

	if (me->last != NULL && me->last->kind != ITEM_CALL)
		close_item(w, me->last, out);
}

static bool on_tool(struct reply_writer *w, uint32_t index, struct buf *out)
{
	struct response_writer *me = w->own;

	if (me->last != NULL && me->last->kind != ITEM_CALL)
		close_item(w, me->last, out);
	me->calls[index] = open_item(w, ITEM_CALL, w->calls[index], out);
	return me->calls[index] != NULL;
}

static bool on_args(struct reply_writer *w, uint32_t index, struct span text, struct buf *out)
{
	struct response_writer *me = w->own;

	if (w->head->stream)
		delta_event(w, me->calls[index], text, out);
	return true;
}

static bool on_finish(struct reply_writer *w, struct buf *out)
{
	struct response_writer *me = w->own;

	begin(w, out);
	for (struct item *it = me->first; it != NULL; it = it->next)
		close_item(w, it, out);
	return true;
}

static const char *last_status(const struct reply_writer *w)
{
	return w->finish == CHAT_FINISH_LENGTH || w->finish == CHAT_FINISH_FILTER ? "incomplete"
										  : "completed";
}

static void on_end(struct reply_writer *w, struct buf *out)
{
	bool whole = strcmp(last_status(w), "completed") == 0;

	response_event(w, whole ? "response.completed" : "response.incomplete", last_status(w),
		       NULL, out);
	buf_add_str(out, "data: [DONE]\n\n");
}

static void on_whole(struct reply_writer *w, struct buf *out)
{
	put_response(w, last_status(w), NULL, out);
}

/* Flat as the document has it and nested as it is sent: some clients read only one. */
static void on_error(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	struct response_writer *me = w->own;
	struct span none = { NULL, 0 };
	struct buf nested;

	if (!w->head->stream) {
		openai_put_error(out, ev->status, ev->name, none, ev->text);
		return;
	}
	event_open(w, "error", out);
	json_put_key_string(out, "code", ev->name);
	json_put_key_string(out, "message", ev->text);
	json_put_key_cstr(out, "param", NULL);
	buf_init(&nested, SIZE_MAX);
	openai_put_error(&nested, ev->status, ev->name, none, ev->text);
	if (nested.failed) {
		out->failed = true;
	} else { /* without its outer braces */
		buf_add_char(out, ',');
		buf_add(out, (struct span){ nested.ptr + 1, nested.len - 2 });
	}
	buf_free(&nested);
	event_close(out);
	for (struct item *it = me->first; it != NULL; it = it->next)
		it->open = false;
	w->finish = CHAT_FINISH_LENGTH; /* what was begun is incomplete */
	response_event(w, "response.failed", "failed", ev, out);
}

/* --- the interface ------------------------------------------------------------------- */

static const struct reply_kind kind = {
	.keeps_arguments = true,
	.always = true,
	.text = on_text,
	.part = on_part,
	.tool = on_tool,
	.args = on_args,
	.finish = on_finish,
	.end = on_end,
	.whole = on_whole,
	.error = on_error,
};

static struct reply_writer *writer_new(struct arena *a, const struct reply_head *head)
{
	return reply_new(a, head, &kind, sizeof(struct response_writer));
}

const struct client_dialect dialect_openai_responses = {
	.name = "openai.responses",
	.read = responses_read,
	.writer_new = writer_new,
	.writer_event = reply_event,
	.error_body = openai_error_body,
	.stream_type = "text/event-stream",
	.keepalive = ": waiting\n\n",
};
