/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to an Ollama reply: lines of JSON, or one object. /api/chat and /api/generate differ
 * in where the text stands.
 *
 * Invariants
 *   1. Only the line that END writes says "done":true.
 *   2. Calls come whole, with an object, in one line at FINISH.
 *   3. Counts that nobody stated are left out; durations are what the head knows.
 */
#include <time.h>

#include "dialect/ollama_impl.h"
#include "dialect/reply_impl.h"

struct line_writer {
	bool generate;
	struct span prefix; /* {"model":…,"created_at":… */
};

static const struct line_writer *own(const struct reply_writer *w)
{
	return w->own;
}

void ollama_put_time(struct buf *out, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[40] = "1970-01-01T00:00:00Z";

	if (gmtime_r(&t, &tm) != NULL)
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_put_string(out, span_of(text));
}

static void put_calls(const struct reply_writer *w, struct buf *out)
{
	bool first = true;

	json_put_key(out, "tool_calls");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < w->n_calls; i++) {
		const struct reply_call *c = w->calls[i];

		if (c->dropped)
			continue;
		buf_add_str(out, first ? "{" : ",{");
		first = false;
		json_put_key_string(out, "id", c->id);
		buf_add_str(out, ",\"function\":{");
		json_put_key_string(out, "name", c->name);
		json_put_key(out, "arguments");
		reply_put_object(c, out);
		buf_add_str(out, "}}");
	}
	buf_add_char(out, ']');
}

static bool has_calls(const struct reply_writer *w)
{
	for (uint32_t i = 0; i < w->n_calls; i++)
		if (!w->calls[i]->dropped)
			return true;
	return false;
}

/* Opens the object and the message as far as the text goes. */
static void put_texts(const struct reply_writer *w, struct span text, struct span thinking,
		      struct buf *out)
{
	buf_add(out, own(w)->prefix);
	if (own(w)->generate) {
		json_put_key_string(out, "response", text);
	} else {
		buf_add_str(out, ",\"message\":{\"role\":\"assistant\"");
		json_put_key_string(out, "content", text);
	}
	if (thinking.len > 0)
		json_put_key_string(out, "thinking", thinking);
}

static void close_message(const struct reply_writer *w, struct buf *out)
{
	if (!own(w)->generate)
		buf_add_char(out, '}');
}

static bool on_text(struct reply_writer *w, enum chat_event_kind kind, struct span text,
		    struct buf *out)
{
	struct span none = { NULL, 0 };
	bool thinking = kind == CHAT_EV_REASONING;

	put_texts(w, thinking ? none : text, thinking ? text : none, out);
	close_message(w, out);
	buf_add_str(out, ",\"done\":false}\n");
	return true;
}

static bool on_tool(struct reply_writer *w, uint32_t index, struct buf *out)
{
	(void)w;
	(void)index;
	(void)out;
	return true;
}

static bool on_args(struct reply_writer *w, uint32_t index, struct span text, struct buf *out)
{
	(void)w;
	(void)index;
	(void)text;
	(void)out;
	return true;
}

static bool on_finish(struct reply_writer *w, struct buf *out)
{
	struct span none = { NULL, 0 };

	if (!has_calls(w))
		return true;
	put_texts(w, none, none, out);
	put_calls(w, out);
	close_message(w, out);
	buf_add_str(out, ",\"done\":false}\n");
	return true;
}

static void put_end(const struct reply_writer *w, struct buf *out)
{
	const struct reply_head *h = w->head;

	close_message(w, out);
	buf_add_str(out, ",\"done\":true");
	json_put_key_cstr(out, "done_reason",
			  w->finish == CHAT_FINISH_LENGTH ? "length" : "stop");
	if (own(w)->generate)
		buf_add_str(out, ",\"context\":[]");
	json_put_key_i64(out, "total_duration", h->total_ns);
	json_put_key_i64(out, "load_duration", h->load_ns);
	/* All six are promised: what nobody counted is 0, as a time that nobody took is. */
	json_put_key_i64(out, "prompt_eval_count",
			 w->usage.input_tokens > 0 ? w->usage.input_tokens : 0);
	json_put_key_i64(out, "prompt_eval_duration", h->prompt_ns);
	json_put_key_i64(out, "eval_count",
			 w->usage.output_tokens > 0 ? w->usage.output_tokens : 0);
	json_put_key_i64(out, "eval_duration", h->answer_ns);
	buf_add_char(out, '}');
}

static void on_end(struct reply_writer *w, struct buf *out)
{
	struct span none = { NULL, 0 };

	put_texts(w, none, none, out);
	put_end(w, out);
	buf_add_char(out, '\n');
}

static void on_whole(struct reply_writer *w, struct buf *out)
{
	struct buf text, thinking;

	buf_init(&text, SIZE_MAX);
	buf_init(&thinking, SIZE_MAX);
	rope_join(&w->text, &text);
	rope_join(&w->refusal, &text);
	rope_join(&w->reasoning, &thinking);
	if (text.failed || thinking.failed)
		out->failed = true;
	put_texts(w, buf_span(&text), buf_span(&thinking), out);
	if (has_calls(w))
		put_calls(w, out);
	put_end(w, out);
	buf_free(&text);
	buf_free(&thinking);
}

static void put_error(struct span message, struct buf *out)
{
	buf_add_char(out, '{');
	json_put_key_string(out, "error", message);
	buf_add_char(out, '}');
}

static void on_error(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	put_error(ev->text, out);
	if (w->head->stream)
		buf_add_char(out, '\n');
}

static void error_body(const struct chat_problem *p, struct buf *out)
{
	put_error(span_of(p->message), out);
}

/* --- the interface ------------------------------------------------------------------- */

static const struct reply_kind chat_kind = {
	.keeps_arguments = true,
	.needs_objects = true,
	.text = on_text,
	.tool = on_tool,
	.args = on_args,
	.finish = on_finish,
	.end = on_end,
	.whole = on_whole,
	.error = on_error,
};

static const struct reply_kind generate_kind = {
	.no_calls = true,
	.text = on_text,
	.finish = on_finish,
	.end = on_end,
	.whole = on_whole,
	.error = on_error,
};

static void put_prefix(const struct reply_head *head, struct buf *out)
{
	buf_add_char(out, '{');
	json_put_key_cstr(out, "model", head->model);
	json_put_key(out, "created_at");
	ollama_put_time(out, head->created_s);
}

static struct reply_writer *new_writer(struct arena *a, const struct reply_head *head,
				       bool generate)
{
	struct reply_writer *w = reply_new(a, head, generate ? &generate_kind : &chat_kind,
					   sizeof(struct line_writer));
	struct buf prefix;

	if (w == NULL)
		return NULL;
	struct line_writer *me = w->own;
	me->generate = generate;
	buf_init(&prefix, 4096);
	put_prefix(head, &prefix);
	me->prefix =
		prefix.failed ? (struct span){ NULL, 0 } : arena_span(a, buf_span(&prefix));
	buf_free(&prefix);
	return me->prefix.ptr != NULL ? w : NULL;
}

static struct reply_writer *chat_writer_new(struct arena *a, const struct reply_head *head)
{
	return new_writer(a, head, false);
}

static struct reply_writer *generate_writer_new(struct arena *a, const struct reply_head *head)
{
	return new_writer(a, head, true);
}

void ollama_put_loaded(const struct reply_head *head, bool generate, bool unload,
		       struct buf *out)
{
	put_prefix(head, out);
	buf_add_str(out, generate ? ",\"response\":\"\""
				  : ",\"message\":{\"role\":\"assistant\",\"content\":\"\"}");
	buf_printf(out, ",\"done\":true,\"done_reason\":\"%s\"}", unload ? "unload" : "load");
}

const struct client_dialect dialect_ollama_chat = {
	.name = "ollama.chat",
	.read = ollama_read_chat,
	.writer_new = chat_writer_new,
	.writer_event = reply_event,
	.error_body = error_body,
	.stream_type = "application/x-ndjson",
};

const struct client_dialect dialect_ollama_generate = {
	.name = "ollama.generate",
	.read = ollama_read_generate,
	.writer_new = generate_writer_new,
	.writer_event = reply_event,
	.error_body = error_body,
	.stream_type = "application/x-ndjson",
};
