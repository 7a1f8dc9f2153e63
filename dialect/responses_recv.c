/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reply of an OpenAI Responses server to events. The marker is response.completed or
 * response.incomplete; response.failed and both forms of `error` are errors. "completed" is a
 * natural end; "incomplete" is what its reason says, and no end that is known without one.
 *
 * A call is known by its place in the output. Its arguments come in fragments; a server that
 * sends none gives them whole with the call's `done`.
 */
#include "dialect/recv_impl.h"
#include "dialect/responses_impl.h"

struct item_call {
	int64_t place;
	bool has_arguments;
};

struct response_reader {
	struct item_call calls[CHAT_MAX_CALLS]; /* by number */
};

static uint32_t find(const struct upstream_reader *r, int64_t place)
{
	const struct response_reader *me = r->own;

	for (uint32_t i = 0; i < r->n_calls; i++)
		if (me->calls[i].place == place)
			return i;
	return RECV_NO_CALL;
}

static void take_arguments(struct upstream_reader *r, uint32_t call, struct span raw)
{
	struct response_reader *me = r->own;

	recv_args(r, call, raw);
	if (call < r->n_calls && raw.len > 2)
		me->calls[call].has_arguments = true;
}

/* All at once, unless they came in fragments. */
static void take_whole_arguments(struct upstream_reader *r, uint32_t call, struct span raw)
{
	const struct response_reader *me = r->own;

	if (call < r->n_calls && !me->calls[call].has_arguments)
		take_arguments(r, call, raw);
}

/* A function_call item: begins the call when it is new; other kinds are nothing here. */
static void take_call_item(struct upstream_reader *r, int64_t place, struct span item)
{
	struct response_reader *me = r->own;
	struct span type = { NULL, 0 }, id = { NULL, 0 }, name = { NULL, 0 },
		    arguments = { NULL, 0 };

	walk_members(item,
		     (struct walk_wanted[]){ { "type", &type },
					     { "call_id", &id },
					     { "name", &name },
					     { "arguments", &arguments } },
		     4);
	if (!span_is(type, "\"function_call\""))
		return;
	uint32_t call = find(r, place);
	if (call == RECV_NO_CALL) {
		call = recv_call(r, id, name);
		if (call == RECV_NO_CALL)
			return;
		me->calls[call] = (struct item_call){ .place = place };
	}
	take_whole_arguments(r, call, arguments);
}

/* --- a plain body -------------------------------------------------------------------- */

static void take_parts(struct upstream_reader *r, struct span parts, bool reasoning)
{
	struct walk w = walk_of(parts);

	if (walk_kind(&w) != WALK_ARRAY)
		return;
	while (walk_element(&w)) {
		struct span text = { NULL, 0 }, refusal = { NULL, 0 };

		walk_members(
			walk_value(&w),
			(struct walk_wanted[]){ { "text", &text }, { "refusal", &refusal } },
			2);
		recv_text(r, reasoning ? CHAT_EV_REASONING : CHAT_EV_TEXT, text);
		recv_text(r, CHAT_EV_REFUSAL, refusal);
	}
}

static void take_item(struct upstream_reader *r, int64_t place, struct span item)
{
	struct span type = { NULL, 0 }, content = { NULL, 0 }, summary = { NULL, 0 };

	walk_members(item,
		     (struct walk_wanted[]){ { "type", &type },
					     { "content", &content },
					     { "summary", &summary } },
		     3);
	bool reasoning = span_is(type, "\"reasoning\"");
	if (span_is(type, "\"message\"") || (reasoning && content.len > 2))
		take_parts(r, content, reasoning);
	else if (reasoning)
		take_parts(r, summary, true);
	else
		take_call_item(r, place, item);
}

/* --- ends ---------------------------------------------------------------------------- */

static void take_usage(struct upstream_reader *r, struct span usage)
{
	struct recv_usage raw = { .input = { NULL, 0 } };
	struct span in = { NULL, 0 }, out = { NULL, 0 };

	if (!walk_is_object(usage))
		return;
	walk_members(usage,
		     (struct walk_wanted[]){ { "input_tokens", &raw.input },
					     { "output_tokens", &raw.output },
					     { "input_tokens_details", &in },
					     { "output_tokens_details", &out } },
		     4);
	walk_members(in, (struct walk_wanted[]){ { "cached_tokens", &raw.cached } }, 1);
	walk_members(out, (struct walk_wanted[]){ { "reasoning_tokens", &raw.reasoning } }, 1);
	recv_usage(r, &raw);
}

/* Status, reason, usage and error of a response object. */
static void take_status(struct upstream_reader *r, struct span response)
{
	struct span status = { NULL, 0 }, details = { NULL, 0 }, reason = { NULL, 0 },
		    usage = { NULL, 0 }, error = { NULL, 0 };

	walk_members(response,
		     (struct walk_wanted[]){ { "status", &status },
					     { "incomplete_details", &details },
					     { "usage", &usage },
					     { "error", &error } },
		     4);
	take_usage(r, usage);
	if (error.len > 0 || span_is(status, "\"failed\"") ||
	    span_is(status, "\"cancelled\"")) {
		recv_error(r, error);
	} else if (span_is(status, "\"completed\"")) {
		r->finish = CHAT_FINISH_STOP;
	} else if (span_is(status, "\"incomplete\"")) {
		walk_members(details, (struct walk_wanted[]){ { "reason", &reason } }, 1);
		recv_finish(r, reason);
		if (r->finish == CHAT_FINISH_STOP || r->finish == CHAT_FINISH_TOOLS)
			r->finish = CHAT_FINISH_NONE; /* that is no reason to be incomplete */
	}
}

/* --- events -------------------------------------------------------------------------- */

struct fields {
	struct span type, delta, item, response, error, arguments;
	int64_t place;
};

enum event_kind {
	EVENT_TEXT,
	EVENT_REFUSAL,
	EVENT_REASONING,
	EVENT_ARGS,
	EVENT_ARGS_DONE,
	EVENT_ITEM,
	EVENT_CLOSED,
	EVENT_FAILED,
	EVENT_ERROR
};

static const struct {
	const char *type; /* raw */
	enum event_kind kind;
} events[] = {
	{ "\"response.output_text.delta\"", EVENT_TEXT },
	{ "\"response.refusal.delta\"", EVENT_REFUSAL },
	{ "\"response.reasoning_text.delta\"", EVENT_REASONING },
	{ "\"response.reasoning_summary_text.delta\"", EVENT_REASONING },
	{ "\"response.function_call_arguments.delta\"", EVENT_ARGS },
	{ "\"response.function_call_arguments.done\"", EVENT_ARGS_DONE },
	{ "\"response.output_item.added\"", EVENT_ITEM },
	{ "\"response.output_item.done\"", EVENT_ITEM },
	{ "\"response.completed\"", EVENT_CLOSED },
	{ "\"response.incomplete\"", EVENT_CLOSED },
	{ "\"response.failed\"", EVENT_FAILED },
	{ "\"error\"", EVENT_ERROR },
};

static void take_event(struct upstream_reader *r, enum event_kind kind, const struct fields *f,
		       struct span json)
{
	struct span inner = { NULL, 0 };

	switch (kind) {
	case EVENT_TEXT:
		recv_text(r, CHAT_EV_TEXT, f->delta);
		break;
	case EVENT_REFUSAL:
		recv_text(r, CHAT_EV_REFUSAL, f->delta);
		break;
	case EVENT_REASONING:
		recv_text(r, CHAT_EV_REASONING, f->delta);
		break;
	case EVENT_ARGS:
		take_arguments(r, find(r, f->place), f->delta);
		break;
	case EVENT_ARGS_DONE:
		take_whole_arguments(r, find(r, f->place), f->arguments);
		break;
	case EVENT_ITEM:
		take_call_item(r, f->place, f->item);
		break;
	case EVENT_CLOSED:
		take_status(r, f->response);
		r->state = RECV_MARKED;
		break;
	case EVENT_FAILED:
		walk_members(f->response, (struct walk_wanted[]){ { "error", &inner } }, 1);
		recv_error(r, inner);
		break;
	case EVENT_ERROR:
		recv_error(r, walk_is_object(f->error) ? f->error : json);
		break;
	}
}

static void on_object(struct upstream_reader *r, struct span event, struct span json)
{
	struct fields f = { .place = -1 };
	struct span place = { NULL, 0 };

	(void)event; /* equal to the type */
	walk_members(json,
		     (struct walk_wanted[]){ { "type", &f.type },
					     { "delta", &f.delta },
					     { "item", &f.item },
					     { "response", &f.response },
					     { "error", &f.error },
					     { "arguments", &f.arguments },
					     { "output_index", &place } },
		     7);
	if (place.len > 0 && !walk_count(place, &f.place)) {
		upstream_malformed(&r->out);
		return;
	}
	for (size_t i = 0; i < LEN(events); i++) {
		if (span_is(f.type, events[i].type)) {
			take_event(r, events[i].kind, &f, json);
			return;
		}
	}
	if (f.type.len == 0 && f.error.len > 0)
		recv_error(r, f.error);
}

static void on_whole(struct upstream_reader *r, struct span json)
{
	struct span output = { NULL, 0 };
	int64_t place = 0;

	walk_members(json, (struct walk_wanted[]){ { "output", &output } }, 1);
	struct walk w = walk_of(output);
	if (walk_kind(&w) == WALK_ARRAY)
		while (walk_element(&w))
			take_item(r, place++, walk_value(&w));
	take_status(r, json);
}

static struct upstream_reader *reader_new(struct arena *a, bool stream, size_t max_event_bytes)
{
	static const struct recv_kind kind = { .framing = RECV_SSE,
					       .own_bytes = sizeof(struct response_reader),
					       .object = on_object,
					       .whole = on_whole };

	return recv_new(a, stream, max_event_bytes, &kind);
}

const struct upstream_dialect upstream_openai_responses = {
	.name = "openai-responses",
	.path = "/responses",
	.write = responses_send,
	.reader_new = reader_new,
	.reader_status = recv_status,
	.reader_bytes = recv_bytes,
	.reader_end = recv_end,
	.reader_free = recv_free,
};
