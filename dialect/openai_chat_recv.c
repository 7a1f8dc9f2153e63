/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reply of an OpenAI chat server to events: strict on what makes an answer whole,
 * tolerant of how servers differ.
 *
 *   NEW --2xx--> OPEN --[DONE] (stream)--> MARKED --end of body--> OVER
 *    '--other status--> REFUSED --end of body--> OVER
 *
 * Whole means: a stream gave a finish_reason that is known and then [DONE]; a plain body is
 * one JSON object with a finish_reason. Anything else ends in ERROR. FINISH is held back
 * until then, since servers repeat finish_reason or send more after it.
 *
 * Differences met in recorded streams: no finish_reason key until the end; nulls anywhere;
 * content as an array of parts; `reasoning` or `reasoning_content`; tool calls whole, with
 * indexes from 1, all alike or none, arguments as an object; `function_call`; usage in every
 * chunk; an error object inside a 200; finish_reason "stop" after tool calls.
 *
 * Each chunk passes the JSON gate first and is then walked in place (walk.c).
 */
#include <stdio.h>
#include <stdlib.h>

#include "dialect/upstream_impl.h"

#define REFUSAL_BODY_BYTES ((size_t)16 * 1024) /* as much of an error body as is looked at */
#define NAME_BYTES         ((size_t)256)

enum recv_state { RECV_NEW, RECV_OPEN, RECV_MARKED, RECV_REFUSED };

struct recv_call {
	bool has_index;
	int64_t index; /* the upstream's */
	struct span id, name;
	uint32_t number; /* ours; given with the name */
};

struct upstream_reader {
	enum recv_state state;
	struct upstream_out out;
	struct arena *arena;
	bool stream;
	int status;
	struct sse_reader sse;
	struct buf body; /* plain reply, or the start of an error body */
	struct buf id_text, name_text, text;
	struct recv_call *calls[CHAT_MAX_CALLS];
	uint32_t n_calls, n_named;
	bool saw_finish;
	enum chat_finish finish;
	struct chat_event usage;
};

/* --- tool calls ---------------------------------------------------------------------- */

static struct recv_call *call_by_index(struct upstream_reader *r, int64_t index)
{
	for (uint32_t i = r->n_calls; i > 0; i--)
		if (r->calls[i - 1]->has_index && r->calls[i - 1]->index == index)
			return r->calls[i - 1];
	return NULL;
}

/* The call a fragment belongs to, by id first, then index; NULL when it begins a new one. */
static struct recv_call *find_call(struct upstream_reader *r, const struct recv_call *f)
{
	struct recv_call *same_index = f->has_index ? call_by_index(r, f->index) : NULL;

	for (uint32_t i = 0; f->id.len > 0 && i < r->n_calls; i++)
		if (span_equal(r->calls[i]->id, f->id))
			return r->calls[i];
	if (f->id.len > 0 && f->name.len > 0)
		return NULL;
	if (f->has_index) {
		bool other = same_index != NULL && f->name.len > 0 &&
			     same_index->name.len > 0 && !span_equal(same_index->name, f->name);
		return other ? NULL : same_index;
	}
	if (f->name.len > 0 || r->n_calls == 0)
		return NULL;
	return r->calls[r->n_calls - 1];
}

static struct recv_call *new_call(struct upstream_reader *r, const struct recv_call *f)
{
	char made_up[16];
	struct span id = f->id;

	if (r->n_calls == CHAT_MAX_CALLS || id.len > NAME_BYTES) {
		upstream_too_big(&r->out);
		return NULL;
	}
	if (id.len == 0) {
		snprintf(made_up, sizeof made_up, "call_%u", r->n_calls);
		id = span_of(made_up);
	}
	struct recv_call *c = arena_zalloc(r->arena, sizeof *c);
	if (c != NULL)
		c->id = arena_span(r->arena, id);
	if (c == NULL || c->id.ptr == NULL) {
		upstream_too_big(&r->out);
		return NULL;
	}
	c->has_index = f->has_index;
	c->index = f->index;
	r->calls[r->n_calls++] = c;
	return c;
}

/* The name may come after the id; the call begins for us when it has one. */
static void name_call(struct upstream_reader *r, struct recv_call *c, struct span name)
{
	if (name.len > NAME_BYTES) {
		upstream_too_big(&r->out);
		return;
	}
	c->name = arena_span(r->arena, name);
	if (c->name.ptr == NULL) {
		upstream_too_big(&r->out);
		return;
	}
	c->number = r->n_named++;
	upstream_emit(&r->out, &(struct chat_event){ .kind = CHAT_EV_TOOL,
						     .index = c->number,
						     .id = c->id,
						     .name = c->name });
}

static void take_call(struct upstream_reader *r, const struct recv_call *fragment,
		      struct span raw_arguments)
{
	struct span arguments = { NULL, 0 };
	struct recv_call *c = find_call(r, fragment);

	if (c == NULL)
		c = new_call(r, fragment);
	if (c == NULL)
		return;
	if (c->name.len == 0 && fragment->name.len > 0)
		name_call(r, c, fragment->name);
	if (walk_is_object(raw_arguments))
		arguments = raw_arguments;
	else if (raw_arguments.len > 0 && !walk_string(raw_arguments, &r->text, &arguments))
		upstream_malformed(&r->out);
	if (arguments.len == 0)
		return;
	if (c->name.len == 0) {
		upstream_malformed(&r->out);
		return;
	}
	upstream_emit(&r->out, &(struct chat_event){ .kind = CHAT_EV_TOOL_ARGS,
						     .index = c->number,
						     .text = arguments });
}

static void take_function(struct upstream_reader *r, struct span function,
			  struct recv_call *fragment)
{
	struct span name = { NULL, 0 }, arguments = { NULL, 0 };

	walk_members(function,
		     (struct walk_wanted[]){ { "name", &name }, { "arguments", &arguments } },
		     2);
	if (name.len > 0 && !walk_string(name, &r->name_text, &fragment->name))
		upstream_malformed(&r->out);
	take_call(r, fragment, arguments);
}

static void take_calls(struct upstream_reader *r, struct span calls)
{
	struct walk w = walk_of(calls);

	if (walk_kind(&w) != WALK_ARRAY)
		return;
	while (walk_element(&w)) {
		struct span index = { NULL, 0 }, id = { NULL, 0 }, function = { NULL, 0 };
		struct recv_call fragment = { .has_index = false };

		walk_members(walk_value(&w),
			     (struct walk_wanted[]){ { "index", &index },
						     { "id", &id },
						     { "function", &function } },
			     3);
		fragment.has_index = walk_count(index, &fragment.index);
		if (id.len > 0 && !walk_string(id, &r->id_text, &fragment.id))
			upstream_malformed(&r->out);
		take_function(r, function, &fragment);
	}
}

/* --- text ---------------------------------------------------------------------------- */

struct tokens {
	struct span list; /* of the text, as the server sent it */
	double logprob;   /* of a piece that is one token */
	bool has_logprob;
};

static void emit_text(struct upstream_reader *r, enum chat_event_kind kind, struct span raw,
		      const struct tokens *tokens)
{
	struct chat_event ev = { .kind = kind };

	if (raw.len == 0)
		return;
	if (!walk_string(raw, &r->text, &ev.text)) {
		upstream_malformed(&r->out);
		return;
	}
	if (tokens != NULL) {
		ev.name = tokens->list;
		ev.logprob = tokens->logprob;
		ev.has_logprob = tokens->has_logprob;
	}
	if (ev.text.len > 0 || ev.name.len > 0)
		upstream_emit(&r->out, &ev);
}

/* [{"type":"text","text":…},{"type":"thinking","thinking":[{"type":"text","text":…}]}] */
static void take_parts(struct upstream_reader *r, struct span parts, enum chat_event_kind kind)
{
	struct walk w = walk_of(parts);

	while (walk_element(&w)) {
		struct span text = { NULL, 0 }, thinking = { NULL, 0 };

		walk_members(
			walk_value(&w),
			(struct walk_wanted[]){ { "text", &text }, { "thinking", &thinking } },
			2);
		emit_text(r, kind, text, NULL);
		if (thinking.len > 0 && thinking.ptr[0] == '[' && kind == CHAT_EV_TEXT)
			take_parts(r, thinking, CHAT_EV_REASONING);
		else if (thinking.len > 0 && thinking.ptr[0] == '"')
			emit_text(r, CHAT_EV_REASONING, thinking, NULL);
	}
}

/* {"content":[{"token":…,"logprob":-0.1,…}]} */
static struct tokens take_tokens(struct span logprobs)
{
	struct span content = { NULL, 0 }, number = { NULL, 0 };
	struct tokens t = { .has_logprob = false };
	unsigned n = 0;

	walk_members(logprobs, (struct walk_wanted[]){ { "content", &content } }, 1);
	struct walk w = walk_of(content);
	if (walk_kind(&w) != WALK_ARRAY)
		return t;
	while (walk_element(&w)) {
		walk_members(walk_value(&w), (struct walk_wanted[]){ { "logprob", &number } },
			     1);
		n++;
	}
	if (n > 0)
		t.list = content;
	t.has_logprob = n == 1 && walk_number(number, &t.logprob);
	return t;
}

static void take_delta(struct upstream_reader *r, struct span delta, struct span logprobs)
{
	struct span content = { NULL, 0 }, refusal = { NULL, 0 }, calls = { NULL, 0 },
		    function = { NULL, 0 }, reasoning = { NULL, 0 }, thoughts = { NULL, 0 };
	const struct tokens tokens = take_tokens(logprobs);

	walk_members(delta,
		     (struct walk_wanted[]){ { "content", &content },
					     { "refusal", &refusal },
					     { "tool_calls", &calls },
					     { "function_call", &function },
					     { "reasoning_content", &reasoning },
					     { "reasoning", &thoughts } },
		     6);
	if (reasoning.len == 0)
		reasoning = thoughts;
	if (reasoning.len > 0 && reasoning.ptr[0] == '"')
		emit_text(r, CHAT_EV_REASONING, reasoning, NULL);
	if (content.len > 0 && content.ptr[0] == '[')
		take_parts(r, content, CHAT_EV_TEXT);
	else
		emit_text(r, CHAT_EV_TEXT, content, &tokens);
	emit_text(r, CHAT_EV_REFUSAL, refusal, NULL);
	take_calls(r, calls);
	if (function.len > 0)
		take_function(r, function,
			      &(struct recv_call){ .has_index = true, .index = 0 });
}

/* --- chunks -------------------------------------------------------------------------- */

static void take_finish(struct upstream_reader *r, struct span raw)
{
	struct span word;

	if (raw.len == 0)
		return;
	if (!walk_string(raw, &r->text, &word)) {
		upstream_malformed(&r->out);
		return;
	}
	if (word.len == 0) /* an empty word is one more spelling of null */
		return;
	r->saw_finish = true;
	r->finish = upstream_finish(word);
}

static void take_choice(struct upstream_reader *r, struct span choice)
{
	struct span index = { NULL, 0 }, delta = { NULL, 0 }, finish = { NULL, 0 },
		    logprobs = { NULL, 0 };
	int64_t number = 0;

	walk_members(choice,
		     (struct walk_wanted[]){ { "index", &index },
					     { r->stream ? "delta" : "message", &delta },
					     { "finish_reason", &finish },
					     { "logprobs", &logprobs } },
		     4);
	if (walk_count(index, &number) && number != 0)
		return; /* one answer was asked for */
	take_delta(r, delta, logprobs);
	take_finish(r, finish);
}

static int64_t count_or_unknown(struct span raw)
{
	int64_t n;

	return walk_count(raw, &n) ? n : -1;
}

static void take_usage(struct upstream_reader *r, struct span usage)
{
	struct span in = { NULL, 0 }, out = { NULL, 0 }, cached = { NULL, 0 },
		    in_details = { NULL, 0 }, out_details = { NULL, 0 },
		    reasoning = { NULL, 0 }, total = { NULL, 0 };

	if (!walk_is_object(usage))
		return;
	walk_members(usage,
		     (struct walk_wanted[]){ { "prompt_tokens", &in },
					     { "completion_tokens", &out },
					     { "total_tokens", &total },
					     { "prompt_cache_hit_tokens", &cached },
					     { "num_cached_tokens", &cached },
					     { "prompt_tokens_details", &in_details },
					     { "completion_tokens_details", &out_details } },
		     7);
	walk_members(in_details, (struct walk_wanted[]){ { "cached_tokens", &cached } }, 1);
	walk_members(out_details, (struct walk_wanted[]){ { "reasoning_tokens", &reasoning } },
		     1);

	struct chat_event ev = { .kind = CHAT_EV_USAGE,
				 .input_tokens = count_or_unknown(in),
				 .output_tokens = count_or_unknown(out),
				 .cached_tokens = count_or_unknown(cached),
				 .reasoning_tokens = count_or_unknown(reasoning) };
	/* Some count thoughts beside the answer (docs.x.ai): the total tells. */
	if (ev.input_tokens >= 0 && ev.output_tokens >= 0 && ev.reasoning_tokens > 0 &&
	    count_or_unknown(total) == ev.input_tokens + ev.output_tokens + ev.reasoning_tokens)
		ev.output_tokens += ev.reasoning_tokens;
	bool same = ev.input_tokens == r->usage.input_tokens &&
		    ev.output_tokens == r->usage.output_tokens &&
		    ev.cached_tokens == r->usage.cached_tokens &&
		    ev.reasoning_tokens == r->usage.reasoning_tokens;
	if (same)
		return;
	r->usage = ev;
	upstream_emit(&r->out, &ev);
}

/* {"message":…,"type":…,"code":…}; code may be a number that is a status. */
static void take_error(struct upstream_reader *r, struct span error)
{
	struct span code = { NULL, 0 }, type = { NULL, 0 }, word = { NULL, 0 };
	int64_t number;
	int status = r->state == RECV_REFUSED ? r->status : 0;

	walk_members(error, (struct walk_wanted[]){ { "code", &code }, { "type", &type } }, 2);
	if (walk_count(code, &number)) {
		if (status == 0 && number >= 400 && number <= 599)
			status = (int)number;
		code = type;
	}
	if (!walk_string(code, &r->text, &word) && !walk_string(type, &r->text, &word))
		word = (struct span){ NULL, 0 };
	upstream_reported(&r->out, status, word);
}

/* One chunk or a plain body; anything but an object is malformed. */
static void take_object(struct upstream_reader *r, struct span json)
{
	struct span error = { NULL, 0 }, choices = { NULL, 0 }, usage = { NULL, 0 },
		    object = { NULL, 0 };
	struct json_where where;
	enum err e = json_check(json, &json_limits_api, &where);

	json = span_trim(json);
	if (e == ERR_TOO_BIG || e == ERR_NO_MEMORY) {
		upstream_too_big(&r->out);
		return;
	}
	if (e != ERR_OK || !walk_is_object(json)) {
		upstream_malformed(&r->out);
		return;
	}
	walk_members(json,
		     (struct walk_wanted[]){ { "error", &error },
					     { "choices", &choices },
					     { "usage", &usage },
					     { "object", &object } },
		     4);
	if (error.len > 0 || span_is(object, "\"error\"")) {
		take_error(r, error.len > 0 ? error : json);
		return;
	}
	struct walk w = walk_of(choices);
	if (walk_kind(&w) == WALK_ARRAY)
		while (walk_element(&w))
			take_choice(r, walk_value(&w));
	take_usage(r, usage);
}

static bool on_sse(void *ctx, struct span event, struct span data)
{
	struct upstream_reader *r = ctx;

	data = span_trim(data);
	if (r->state == RECV_MARKED || data.len == 0)
		return true;
	if (span_is(data, "[DONE]")) {
		r->state = RECV_MARKED;
		return true;
	}
	take_object(r, data);
	if (span_is(event, "error") && r->out.failed == ERR_OK)
		upstream_reported(&r->out, 0, (struct span){ NULL, 0 });
	return r->out.failed == ERR_OK && !r->out.stopped;
}

/* --- the interface ------------------------------------------------------------------- */

static struct upstream_reader *reader_new(struct arena *a, bool stream, size_t max_event_bytes)
{
	struct upstream_reader *r = arena_zalloc(a, sizeof *r);

	if (r == NULL)
		return NULL;
	r->arena = a;
	r->stream = stream;
	r->usage = (struct chat_event){ .input_tokens = -1,
					.output_tokens = -1,
					.cached_tokens = -1,
					.reasoning_tokens = -1 };
	sse_reader_init(&r->sse, max_event_bytes);
	buf_init(&r->body, max_event_bytes);
	buf_init(&r->id_text, NAME_BYTES * 6);
	buf_init(&r->name_text, NAME_BYTES * 6);
	buf_init(&r->text, max_event_bytes);
	return r;
}

static void reader_free(struct upstream_reader *r)
{
	if (r == NULL)
		return;
	sse_reader_free(&r->sse);
	buf_free(&r->body);
	buf_free(&r->id_text);
	buf_free(&r->name_text);
	buf_free(&r->text);
}

static enum err reader_status(struct upstream_reader *r, int status, chat_sink *sink, void *ctx)
{
	r->out.sink = sink;
	r->out.ctx = ctx;
	r->status = status;
	if (status < 200 || status > 299) {
		r->state = RECV_REFUSED;
		buf_free(&r->body);
		buf_init(&r->body, REFUSAL_BODY_BYTES);
		return ERR_OK;
	}
	r->state = RECV_OPEN;
	upstream_emit(&r->out, &(struct chat_event){ .kind = CHAT_EV_START });
	return ERR_OK;
}

static enum err reader_bytes(struct upstream_reader *r, struct span bytes, chat_sink *sink,
			     void *ctx)
{
	r->out.sink = sink;
	r->out.ctx = ctx;
	if (r->out.failed != ERR_OK || r->out.stopped)
		return r->out.failed;
	if (r->state == RECV_REFUSED) {
		buf_add(&r->body, bytes); /* what does not fit is not looked at */
	} else if (r->stream) {
		if (sse_read(&r->sse, bytes, on_sse, r) != ERR_OK)
			upstream_too_big(&r->out);
	} else {
		buf_add(&r->body, bytes);
		if (r->body.failed)
			upstream_too_big(&r->out);
	}
	return r->out.failed;
}

static void end_refused(struct upstream_reader *r)
{
	struct json_where where;
	struct span error = { NULL, 0 };
	struct span body = span_trim(buf_span(&r->body));

	if (!r->body.failed && json_check(body, &json_limits_api, &where) == ERR_OK)
		walk_members(body, (struct walk_wanted[]){ { "error", &error } }, 1);
	take_error(r, walk_is_object(error) ? error : (struct span){ NULL, 0 });
}

static void end_open(struct upstream_reader *r)
{
	if (!r->stream) {
		if (r->body.len > 0)
			take_object(r, buf_span(&r->body));
		if (r->out.failed == ERR_OK && r->saw_finish)
			r->state = RECV_MARKED;
	}
	if (r->state != RECV_MARKED || r->finish == CHAT_FINISH_NONE) {
		upstream_cut(&r->out);
		return;
	}
	if (r->n_calls > 0 && r->finish == CHAT_FINISH_STOP)
		r->finish = CHAT_FINISH_TOOLS;
	bool nameless = r->n_named != r->n_calls;
	if (nameless || (r->finish == CHAT_FINISH_TOOLS && r->n_calls == 0)) {
		upstream_malformed(&r->out);
		return;
	}
	upstream_emit(&r->out,
		      &(struct chat_event){ .kind = CHAT_EV_FINISH, .finish = r->finish });
	upstream_emit(&r->out, &(struct chat_event){ .kind = CHAT_EV_END });
}

static enum err reader_end(struct upstream_reader *r, chat_sink *sink, void *ctx)
{
	r->out.sink = sink;
	r->out.ctx = ctx;
	if (r->out.failed != ERR_OK || r->out.stopped)
		return r->out.failed;
	if (r->state == RECV_REFUSED)
		end_refused(r);
	else if (r->state == RECV_NEW)
		upstream_cut(&r->out);
	else
		end_open(r);
	return r->out.failed;
}

/* One reader for all who speak it. */
#define READ_BY_US                                                                             \
	.path = "/chat/completions", .reader_new = reader_new, .reader_status = reader_status, \
	.reader_bytes = reader_bytes, .reader_end = reader_end, .reader_free = reader_free

const struct upstream_dialect upstream_openai_chat = {
	.name = "openai",
	.write = openai_chat_send,
	READ_BY_US,
};

const struct upstream_dialect upstream_llamacpp_chat = {
	.name = "llamacpp",
	.write = llamacpp_chat_send,
	READ_BY_US,
};

const struct upstream_dialect upstream_azure_openai = {
	.name = "azure-openai",
	.key_header = "api-key",
	.path_for = azure_openai_path,
	.write = openai_chat_send,
	READ_BY_US,
};

const struct upstream_dialect upstream_mistral = {
	.name = "mistral",
	.write = mistral_chat_send,
	READ_BY_US,
};

const struct upstream_dialect upstream_openrouter = {
	.name = "openrouter",
	.write = openrouter_chat_send,
	READ_BY_US,
};
