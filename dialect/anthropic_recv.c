/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reply of an Anthropic server to events. The marker is message_stop; the stop reason came
 * with message_delta before it. Blocks do not overlap, so one is current at most; kinds of
 * blocks that are not known (of server tools) are skipped with their deltas.
 *
 * Their input count leaves out what was written to and read from the cache; ours does not.
 */
#include <stdio.h>

#include "dialect/anthropic_impl.h"
#include "dialect/recv_impl.h"

struct message_reader {
	bool in_block, in_call;
	int64_t index;
	uint32_t call;
	int64_t input, cache_read, cache_written; /* 0 until stated */
	bool seen_usage;
};

static void take_usage(struct upstream_reader *r, struct span usage)
{
	struct message_reader *me = r->own;
	struct span in = { NULL, 0 }, read = { NULL, 0 }, written = { NULL, 0 };
	struct recv_usage raw = { .input = { NULL, 0 } };
	char text[32];
	int64_t n;

	if (!walk_is_object(usage))
		return;
	walk_members(usage,
		     (struct walk_wanted[]){ { "input_tokens", &in },
					     { "cache_read_input_tokens", &read },
					     { "cache_creation_input_tokens", &written },
					     { "output_tokens", &raw.output } },
		     4);
	if (walk_count(in, &n)) {
		me->input = n;
		me->seen_usage = true;
	}
	if (walk_count(read, &n))
		me->cache_read = n;
	if (walk_count(written, &n))
		me->cache_written = n;
	if (me->seen_usage && me->input + me->cache_read + me->cache_written < INT64_C(1)
										       << 53) {
		snprintf(text, sizeof text, "%lld",
			 (long long)(me->input + me->cache_read + me->cache_written));
		raw.input = span_of(text);
	}
	raw.cached = read;
	recv_usage(r, &raw);
}

/* One block of a plain body, or the beginning of one in a stream. */
static void take_block(struct upstream_reader *r, struct span block)
{
	struct message_reader *me = r->own;
	struct span type = { NULL, 0 }, text = { NULL, 0 }, thinking = { NULL, 0 },
		    signature = { NULL, 0 }, id = { NULL, 0 }, name = { NULL, 0 },
		    input = { NULL, 0 };

	walk_members(block,
		     (struct walk_wanted[]){ { "type", &type },
					     { "text", &text },
					     { "thinking", &thinking },
					     { "signature", &signature },
					     { "id", &id },
					     { "name", &name },
					     { "input", &input } },
		     7);
	me->in_call = false;
	if (span_is(type, "\"text\"")) {
		recv_text(r, CHAT_EV_TEXT, text);
	} else if (span_is(type, "\"thinking\"")) {
		recv_text(r, CHAT_EV_REASONING, thinking);
		recv_signature(r, signature);
	} else if (span_is(type, "\"tool_use\"")) {
		struct walk w = walk_of(input);
		struct span key;

		me->call = recv_call(r, id, name);
		me->in_call = true;
		/* An empty object at the beginning only says that it will be one. */
		if (!r->stream || (walk_kind(&w) == WALK_OBJECT && walk_member(&w, &key)))
			recv_args(r, me->call, input);
	}
}

static void take_delta(struct upstream_reader *r, struct span delta)
{
	struct message_reader *me = r->own;
	struct span type = { NULL, 0 }, text = { NULL, 0 }, thinking = { NULL, 0 },
		    signature = { NULL, 0 }, json = { NULL, 0 };

	walk_members(delta,
		     (struct walk_wanted[]){ { "type", &type },
					     { "text", &text },
					     { "thinking", &thinking },
					     { "signature", &signature },
					     { "partial_json", &json } },
		     5);
	if (span_is(type, "\"text_delta\""))
		recv_text(r, CHAT_EV_TEXT, text);
	else if (span_is(type, "\"thinking_delta\""))
		recv_text(r, CHAT_EV_REASONING, thinking);
	else if (span_is(type, "\"signature_delta\""))
		recv_signature(r, signature);
	else if (span_is(type, "\"input_json_delta\"") && me->in_call)
		recv_args(r, me->call, json);
}

static void take_block_event(struct upstream_reader *r, struct span json, char what)
{
	struct message_reader *me = r->own;
	struct span raw_index = { NULL, 0 }, block = { NULL, 0 }, delta = { NULL, 0 };
	int64_t index;

	walk_members(json,
		     (struct walk_wanted[]){ { "index", &raw_index },
					     { "content_block", &block },
					     { "delta", &delta } },
		     3);
	bool begins = what == 'b';
	if (!walk_count(raw_index, &index) || me->in_block == begins ||
	    (!begins && index != me->index)) {
		upstream_malformed(&r->out);
		return;
	}
	if (begins) {
		me->in_block = true;
		me->index = index;
		take_block(r, block);
	} else if (what == 'd') {
		take_delta(r, delta);
	} else {
		me->in_block = me->in_call = false;
	}
}

static void on_object(struct upstream_reader *r, struct span event, struct span json)
{
	struct message_reader *me = r->own;
	struct span type = { NULL, 0 }, message = { NULL, 0 }, usage = { NULL, 0 },
		    delta = { NULL, 0 }, error = { NULL, 0 }, reason = { NULL, 0 };

	(void)event; /* equal to the type */
	walk_members(json,
		     (struct walk_wanted[]){ { "type", &type },
					     { "message", &message },
					     { "usage", &usage },
					     { "delta", &delta },
					     { "error", &error } },
		     5);
	if (span_is(type, "\"error\"") || error.len > 0) {
		recv_error(r, error);
	} else if (span_is(type, "\"message_start\"")) {
		walk_members(message, (struct walk_wanted[]){ { "usage", &usage } }, 1);
		take_usage(r, usage);
	} else if (span_is(type, "\"content_block_start\"")) {
		take_block_event(r, json, 'b');
	} else if (span_is(type, "\"content_block_delta\"")) {
		take_block_event(r, json, 'd');
	} else if (span_is(type, "\"content_block_stop\"")) {
		take_block_event(r, json, 'e');
	} else if (span_is(type, "\"message_delta\"")) {
		walk_members(delta, (struct walk_wanted[]){ { "stop_reason", &reason } }, 1);
		recv_finish(r, reason);
		take_usage(r, usage);
	} else if (span_is(type, "\"message_stop\"")) {
		if (me->in_block)
			upstream_malformed(&r->out);
		else
			r->state = RECV_MARKED;
	}
}

static void on_whole(struct upstream_reader *r, struct span json)
{
	struct span content = { NULL, 0 }, reason = { NULL, 0 }, usage = { NULL, 0 },
		    error = { NULL, 0 };

	walk_members(json,
		     (struct walk_wanted[]){ { "content", &content },
					     { "stop_reason", &reason },
					     { "usage", &usage },
					     { "error", &error } },
		     4);
	if (error.len > 0) {
		recv_error(r, error);
		return;
	}
	struct walk w = walk_of(content);
	if (walk_kind(&w) == WALK_ARRAY)
		while (walk_element(&w))
			take_block(r, walk_value(&w));
	take_usage(r, usage);
	recv_finish(r, reason);
}

static struct upstream_reader *reader_new(struct arena *a, bool stream, size_t max_event_bytes)
{
	static const struct recv_kind kind = { .framing = RECV_SSE,
					       .own_bytes = sizeof(struct message_reader),
					       .object = on_object,
					       .whole = on_whole };

	return recv_new(a, stream, max_event_bytes, &kind);
}

const struct upstream_dialect upstream_anthropic = {
	.name = "anthropic",
	.path = "/messages",
	.key_header = "x-api-key",
	.version_header = "anthropic-version",
	.version = "2023-06-01",
	.signs_reasoning = true,
	.write = anthropic_send,
	.reader_new = reader_new,
	.reader_status = recv_status,
	.reader_bytes = recv_bytes,
	.reader_end = recv_end,
	.reader_free = recv_free,
};
