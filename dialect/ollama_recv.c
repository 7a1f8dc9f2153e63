/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reply of an Ollama server to events: lines of JSON, or one object. The marker is
 * "done":true. Its reason may be absent (older servers), which is a natural end; "load" and
 * "unload" are no answer, and other words are no end that is known.
 *
 * A line with "error" ends the answer, whatever the status was.
 */
#include "dialect/ollama_impl.h"
#include "dialect/recv_impl.h"

static void take_calls(struct upstream_reader *r, struct span calls)
{
	struct walk w = walk_of(calls);

	if (walk_kind(&w) != WALK_ARRAY)
		return;
	while (walk_element(&w)) {
		struct span id = { NULL, 0 }, function = { NULL, 0 }, name = { NULL, 0 },
			    arguments = { NULL, 0 };

		walk_members(walk_value(&w),
			     (struct walk_wanted[]){ { "id", &id }, { "function", &function } },
			     2);
		walk_members(function,
			     (struct walk_wanted[]){ { "name", &name },
						     { "arguments", &arguments } },
			     2);
		recv_args(r, recv_call(r, id, name), arguments);
	}
}

static void take_reply(struct upstream_reader *r, struct span json)
{
	struct span message = { NULL, 0 }, done = { NULL, 0 }, reason = { NULL, 0 },
		    error = { NULL, 0 }, content = { NULL, 0 }, thinking = { NULL, 0 },
		    calls = { NULL, 0 };
	struct recv_usage usage = { .input = { NULL, 0 } };

	walk_members(json,
		     (struct walk_wanted[]){ { "message", &message },
					     { "done", &done },
					     { "done_reason", &reason },
					     { "error", &error },
					     { "prompt_eval_count", &usage.input },
					     { "eval_count", &usage.output } },
		     6);
	if (error.len > 0) {
		recv_error(r, error);
		return;
	}
	walk_members(message,
		     (struct walk_wanted[]){ { "content", &content },
					     { "thinking", &thinking },
					     { "tool_calls", &calls } },
		     3);
	recv_text(r, CHAT_EV_REASONING, thinking);
	recv_text(r, CHAT_EV_TEXT, content);
	take_calls(r, calls);
	if (!span_is(done, "true"))
		return;
	recv_usage(r, &usage);
	if (reason.len > 0 && !span_is(reason, "\"\""))
		recv_finish(r, reason);
	else
		r->finish = CHAT_FINISH_STOP;
}

static void on_line(struct upstream_reader *r, struct span event, struct span json)
{
	struct span done = { NULL, 0 };

	(void)event;
	take_reply(r, json);
	walk_members(json, (struct walk_wanted[]){ { "done", &done } }, 1);
	if (span_is(done, "true"))
		r->state = RECV_MARKED;
}

static struct upstream_reader *reader_new(struct arena *a, bool stream, size_t max_event_bytes)
{
	static const struct recv_kind kind = { .framing = RECV_LINES,
					       .object = on_line,
					       .whole = take_reply };

	return recv_new(a, stream, max_event_bytes, &kind);
}

const struct upstream_dialect upstream_ollama = {
	.name = "ollama",
	.path = "/api/chat",
	.write = ollama_send,
	.reader_new = reader_new,
	.reader_status = recv_status,
	.reader_bytes = recv_bytes,
	.reader_end = recv_end,
	.reader_free = recv_free,
};
