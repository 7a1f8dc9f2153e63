/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reply of Gemini's generateContent and streamGenerateContent?alt=sse to events. A chunk
 * of the stream and a plain body have the same shape.
 *
 * This dialect has no marker of its own after the finishReason: an answer is whole when a
 * chunk gave a reason that is known and the body then ended as HTTP says it ends. Chunks after
 * the reason may still bring usage. A prompt that was blocked has no candidate, only a
 * blockReason: that is an end by the filter.
 *
 * Counts: thoughts are counted beside the candidates' tokens, we count them as output.
 */
#include <stdio.h>

#include "dialect/gemini_impl.h"
#include "dialect/recv_impl.h"

static void take_part(struct upstream_reader *r, struct span part)
{
	struct span text = { NULL, 0 }, thought = { NULL, 0 }, call = { NULL, 0 },
		    id = { NULL, 0 }, name = { NULL, 0 }, args = { NULL, 0 };

	walk_members(part,
		     (struct walk_wanted[]){ { "text", &text },
					     { "thought", &thought },
					     { "functionCall", &call } },
		     3);
	recv_text(r, span_is(thought, "true") ? CHAT_EV_REASONING : CHAT_EV_TEXT, text);
	if (!walk_is_object(call))
		return;
	walk_members(
		call,
		(struct walk_wanted[]){ { "id", &id }, { "name", &name }, { "args", &args } },
		3);
	recv_args(r, recv_call(r, id, name), args);
}

static void take_candidate(struct upstream_reader *r, struct span candidate)
{
	struct span index = { NULL, 0 }, content = { NULL, 0 }, parts = { NULL, 0 },
		    reason = { NULL, 0 };
	int64_t number = 0;

	walk_members(candidate,
		     (struct walk_wanted[]){ { "index", &index },
					     { "content", &content },
					     { "finishReason", &reason } },
		     3);
	if (walk_count(index, &number) && number != 0)
		return; /* one answer was asked for */
	walk_members(content, (struct walk_wanted[]){ { "parts", &parts } }, 1);
	struct walk w = walk_of(parts);
	if (walk_kind(&w) == WALK_ARRAY)
		while (walk_element(&w))
			take_part(r, walk_value(&w));
	if (!span_is(reason, "\"FINISH_REASON_UNSPECIFIED\""))
		recv_finish(r, reason);
}

static void take_usage(struct upstream_reader *r, struct span usage)
{
	struct recv_usage raw = { .input = { NULL, 0 } };
	struct span candidates = { NULL, 0 };
	int64_t answer, thoughts;
	char text[32];

	if (!walk_is_object(usage))
		return;
	walk_members(usage,
		     (struct walk_wanted[]){ { "promptTokenCount", &raw.input },
					     { "candidatesTokenCount", &candidates },
					     { "thoughtsTokenCount", &raw.reasoning },
					     { "cachedContentTokenCount", &raw.cached } },
		     4);
	raw.output = candidates;
	if (walk_count(candidates, &answer) && walk_count(raw.reasoning, &thoughts) &&
	    answer + thoughts < INT64_C(1) << 53) {
		snprintf(text, sizeof text, "%lld", (long long)(answer + thoughts));
		raw.output = span_of(text);
	}
	recv_usage(r, &raw);
}

static void take_reply(struct upstream_reader *r, struct span json)
{
	struct span candidates = { NULL, 0 }, usage = { NULL, 0 }, error = { NULL, 0 },
		    feedback = { NULL, 0 }, blocked = { NULL, 0 };

	walk_members(json,
		     (struct walk_wanted[]){ { "candidates", &candidates },
					     { "usageMetadata", &usage },
					     { "error", &error },
					     { "promptFeedback", &feedback } },
		     4);
	if (error.len > 0) {
		recv_error(r, error);
		return;
	}
	struct walk w = walk_of(candidates);
	if (walk_kind(&w) == WALK_ARRAY)
		while (walk_element(&w))
			take_candidate(r, walk_value(&w));
	walk_members(feedback, (struct walk_wanted[]){ { "blockReason", &blocked } }, 1);
	if (blocked.len > 0)
		r->finish = CHAT_FINISH_FILTER;
	take_usage(r, usage);
}

static void on_chunk(struct upstream_reader *r, struct span event, struct span json)
{
	(void)event;
	take_reply(r, json);
}

static struct upstream_reader *reader_new(struct arena *a, bool stream, size_t max_event_bytes)
{
	static const struct recv_kind kind = { .framing = RECV_SSE,
					       .ends_with_body = true,
					       .object = on_chunk,
					       .whole = take_reply };

	return recv_new(a, stream, max_event_bytes, &kind);
}

const struct upstream_dialect upstream_gemini = {
	.name = "gemini",
	.path = "/models",
	.path_for = gemini_path,
	.key_header = "x-goog-api-key",
	.write = gemini_send,
	.reader_new = reader_new,
	.reader_status = recv_status,
	.reader_bytes = recv_bytes,
	.reader_end = recv_end,
	.reader_free = recv_free,
};
