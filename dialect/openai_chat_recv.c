/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reply of an OpenAI chat server to events, in the frame of recv.c: strict on what makes
 * an answer whole, tolerant of how servers differ.
 *
 * Whole means: a stream gave a finish_reason that is known and then [DONE]; a plain body is
 * one JSON object with a finish_reason; each call was named. FINISH is held back until then,
 * since servers repeat finish_reason or send more after it.
 *
 * Differences met in recorded streams: no finish_reason key until the end; nulls anywhere;
 * content as an array of parts; `reasoning` or `reasoning_content`; tool calls whole, with
 * indexes from 1, all alike or none, arguments as an object; `function_call`; usage in every
 * chunk; an error object inside a 200; finish_reason "stop" after tool calls.
 */
#include <stdio.h>

#include "dialect/recv_impl.h"

struct seen_call {
	bool has_index;
	int64_t index; /* the upstream's */
	struct span id, name;
	uint32_t number; /* ours; given with the name */
};

/* A call begins for us, and counts in r->n_calls, when it has a name. */
struct openai_own {
	struct seen_call *calls[CHAT_MAX_CALLS];
	uint32_t n_calls;
};

static struct openai_own *own_of(struct upstream_reader *r)
{
	return r->own;
}

/* --- tool calls ---------------------------------------------------------------------- */

static struct seen_call *call_by_index(struct upstream_reader *r, int64_t index)
{
	struct openai_own *own = own_of(r);

	for (uint32_t i = own->n_calls; i > 0; i--)
		if (own->calls[i - 1]->has_index && own->calls[i - 1]->index == index)
			return own->calls[i - 1];
	return NULL;
}

/* The call a fragment belongs to, by id first, then index; NULL when it begins a new one. */
static struct seen_call *find_call(struct upstream_reader *r, const struct seen_call *f)
{
	struct openai_own *own = own_of(r);
	struct seen_call *same_index = f->has_index ? call_by_index(r, f->index) : NULL;

	for (uint32_t i = 0; f->id.len > 0 && i < own->n_calls; i++)
		if (span_equal(own->calls[i]->id, f->id))
			return own->calls[i];
	if (f->id.len > 0 && f->name.len > 0)
		return NULL;
	if (f->has_index) {
		bool other = same_index != NULL && f->name.len > 0 &&
			     same_index->name.len > 0 && !span_equal(same_index->name, f->name);
		return other ? NULL : same_index;
	}
	if (f->name.len > 0 || own->n_calls == 0)
		return NULL;
	return own->calls[own->n_calls - 1];
}

static struct seen_call *new_call(struct upstream_reader *r, const struct seen_call *f)
{
	struct openai_own *own = own_of(r);
	char made_up[16];
	struct span id = f->id;

	if (own->n_calls == CHAT_MAX_CALLS || id.len > RECV_NAME_BYTES) {
		upstream_too_big(&r->out);
		return NULL;
	}
	if (id.len == 0) {
		snprintf(made_up, sizeof made_up, "call_%u", own->n_calls);
		id = span_of(made_up);
	}
	struct seen_call *c = arena_zalloc(r->arena, sizeof *c);
	if (c != NULL)
		c->id = arena_span(r->arena, id);
	if (c == NULL || c->id.ptr == NULL) {
		upstream_too_big(&r->out);
		return NULL;
	}
	c->has_index = f->has_index;
	c->index = f->index;
	own->calls[own->n_calls++] = c;
	return c;
}

/* The name may come after the id; the call begins for us when it has one. */
static void name_call(struct upstream_reader *r, struct seen_call *c, struct span name)
{
	if (name.len > RECV_NAME_BYTES) {
		upstream_too_big(&r->out);
		return;
	}
	c->name = arena_span(r->arena, name);
	if (c->name.ptr == NULL) {
		upstream_too_big(&r->out);
		return;
	}
	c->number = r->n_calls++;
	upstream_emit(&r->out, &(struct chat_event){ .kind = CHAT_EV_TOOL,
						     .index = c->number,
						     .id = c->id,
						     .name = c->name });
}

static void take_call(struct upstream_reader *r, const struct seen_call *fragment,
		      struct span raw_arguments)
{
	struct span arguments = { NULL, 0 };
	struct seen_call *c = find_call(r, fragment);

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
			  struct seen_call *fragment)
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
		struct seen_call fragment = { .has_index = false };

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
			      &(struct seen_call){ .has_index = true, .index = 0 });
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

/* One chunk or a plain body. */
static void take_object(struct upstream_reader *r, struct span json)
{
	struct span error = { NULL, 0 }, choices = { NULL, 0 }, usage = { NULL, 0 },
		    object = { NULL, 0 };

	walk_members(json,
		     (struct walk_wanted[]){ { "error", &error },
					     { "choices", &choices },
					     { "usage", &usage },
					     { "object", &object } },
		     4);
	if (error.len > 0 || span_is(object, "\"error\"")) {
		recv_error(r, error.len > 0 ? error : json);
		return;
	}
	struct walk w = walk_of(choices);
	if (walk_kind(&w) == WALK_ARRAY)
		while (walk_element(&w))
			take_choice(r, walk_value(&w));
	take_usage(r, usage);
}

static void on_chunk(struct upstream_reader *r, struct span event, struct span json)
{
	take_object(r, json);
	if (span_is(event, "error") && r->out.failed == ERR_OK)
		upstream_reported(&r->out, 0, (struct span){ NULL, 0 });
}

/* A call whose name never came is none that could be made. */
static bool all_named(struct upstream_reader *r)
{
	return own_of(r)->n_calls == r->n_calls;
}

/* --- the interface ------------------------------------------------------------------- */

static struct upstream_reader *reader_new(struct arena *a, bool stream, size_t max_event_bytes)
{
	static const struct recv_kind kind = { .framing = RECV_SSE,
					       .ends_with_done = true,
					       .own_bytes = sizeof(struct openai_own),
					       .object = on_chunk,
					       .whole = take_object,
					       .sound = all_named };

	return recv_new(a, stream, max_event_bytes, &kind);
}

/* One reader for all who speak it. */
#define READ_BY_US                                                                             \
	.path = "/chat/completions", .reader_new = reader_new, .reader_status = recv_status,   \
	.reader_bytes = recv_bytes, .reader_end = recv_end, .reader_free = recv_free

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
