/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/completions, the dialect before chat (OpenAPI document 2.3.0,
 * CreateCompletionRequest and CreateCompletionResponse). The prompt becomes the one message of
 * a user: models of today answer it, they do not go on writing it. What only makes sense when
 * the text is continued (suffix, echo, tokens as input) is refused.
 *
 * Reasoning has no place in this dialect and is left out.
 */
#include "dialect/reply_impl.h"

static const struct refused_field unsupported[] = {
	{ "best_of", UNLESS_ONE }, { "echo", UNLESS_FALSE },     { "logit_bias", UNLESS_EMPTY },
	{ "logprobs", ANY_VALUE }, { "suffix", UNLESS_NO_TEXT },
};

/* A text, or an array of one text. */
static bool read_prompt(struct reading *r, const cJSON *prompt)
{
	if (cJSON_IsArray(prompt) && cJSON_GetArraySize(prompt) == 1)
		prompt = prompt->child;
	if (!cJSON_IsString(prompt))
		return reading_fail(
			r, prompt == NULL ? "missing_required_parameter" : "unsupported_value",
			"prompt", "'prompt' must be one text.");
	struct chat_message *m = reading_add_message(r, CHAT_USER, "prompt");
	return m != NULL &&
	       reading_add_text(r, m, CHAT_PART_TEXT, span_of(prompt->valuestring), "prompt");
}

static bool read_body(struct reading *r, const cJSON *body)
{
	struct chat *c = r->chat;
	const cJSON *options = reading_get(body, "stream_options");

	if (options != NULL && !cJSON_IsObject(options))
		return reading_fail_type(r, "stream_options", "an object");
	return reading_refuse(r, body, NULL, unsupported, LEN(unsupported)) &&
	       reading_model_name(r, body, "model", &c->model) &&
	       read_prompt(r, reading_get(body, "prompt")) &&
	       reading_flag(r, body, "stream", "stream", &c->stream) &&
	       reading_flag(r, options, "include_usage", "stream_options.include_usage",
			    &c->include_usage) &&
	       reading_seed(r, body) &&
	       reading_number(r, body, "temperature", 0, 2, &c->temperature,
			      &c->has_temperature) &&
	       reading_number(r, body, "top_p", 0, 1, &c->top_p, &c->has_top_p) &&
	       reading_number(r, body, "frequency_penalty", -2, 2, &c->frequency_penalty,
			      &c->has_frequency_penalty) &&
	       reading_number(r, body, "presence_penalty", -2, 2, &c->presence_penalty,
			      &c->has_presence_penalty) &&
	       reading_max_tokens(r, body, "max_tokens") && reading_n(r, body) &&
	       reading_stop(r, body, "stop", CHAT_MAX_STOPS) && reading_extension(r, body);
}

static enum err read_completion(struct span body, struct arena *a, struct chat *ret,
				struct chat_problem *reterr)
{
	return reading_run(body, a, ret, reterr, read_body);
}

/* --- replies ------------------------------------------------------------------------- */

static void open_reply(const struct reply_writer *w, struct buf *out)
{
	buf_add_str(out, w->head->stream ? "data: {\"id\":\"" : "{\"id\":\"");
	reply_put_id(w, "cmpl-", out);
	buf_add_str(out, "\",\"object\":\"text_completion\"");
	json_put_key_i64(out, "created", w->head->created_s);
	json_put_key_cstr(out, "model", w->head->model);
	buf_add_str(out, ",\"choices\":[");
}

static void put_choice(const struct reply_writer *w, struct span text, const char *finish,
		       struct buf *out)
{
	buf_printf(out, "{\"index\":%u", w->answer);
	json_put_key_string(out, "text", text);
	json_put_key_cstr(out, "logprobs", NULL);
	json_put_key_cstr(out, "finish_reason", finish);
	buf_add_char(out, '}');
}

static void put_chunk(const struct reply_writer *w, struct span text, const char *finish,
		      struct buf *out)
{
	open_reply(w, out);
	put_choice(w, text, finish, out);
	buf_add_str(out, "]}\n\n"); /* the published type has no null for `usage` here */
}

static bool on_text(struct reply_writer *w, enum chat_event_kind kind, struct span text,
		    struct buf *out)
{
	if (kind != CHAT_EV_REASONING)
		put_chunk(w, text, NULL, out);
	return true;
}

static bool on_finish(struct reply_writer *w, struct buf *out)
{
	put_chunk(w, (struct span){ NULL, 0 }, openai_finish_word(w->finish), out);
	return true;
}

static void on_end(struct reply_writer *w, struct buf *out)
{
	if (w->head->include_usage && w->has_usage) {
		open_reply(w, out);
		buf_add_char(out, ']');
		openai_put_usage(out, &w->usage);
		buf_add_str(out, "}\n\n");
	}
	buf_add_str(out, "data: [DONE]\n\n");
}

static void put_whole_choice(struct reply_writer *w, struct buf *out)
{
	struct buf text;

	buf_init(&text, SIZE_MAX);
	rope_join(&w->text, &text);
	rope_join(&w->refusal, &text);
	if (text.failed)
		out->failed = true;
	put_choice(w, buf_span(&text), openai_finish_word(w->finish), out);
	buf_free(&text);
}

static bool on_next(struct reply_writer *w)
{
	return w->head->stream || reply_keep_choice(w, put_whole_choice);
}

static void on_whole(struct reply_writer *w, struct buf *out)
{
	open_reply(w, out);
	rope_join(&w->done, out);
	put_whole_choice(w, out);
	buf_add_char(out, ']');
	if (w->has_usage)
		openai_put_usage(out, &w->usage);
	buf_add_char(out, '}');
}

static void on_error(struct reply_writer *w, const struct chat_event *ev, struct buf *out)
{
	if (w->head->stream)
		buf_add_str(out, "data: ");
	openai_put_error(out, ev->status, ev->name, (struct span){ NULL, 0 }, ev->text);
	if (w->head->stream)
		buf_add_str(out, "\n\n");
}

static const struct reply_kind kind = {
	.no_calls = true,
	.text = on_text,
	.finish = on_finish,
	.next = on_next,
	.end = on_end,
	.whole = on_whole,
	.error = on_error,
};

static struct reply_writer *writer_new(struct arena *a, const struct reply_head *head)
{
	return reply_new(a, head, &kind, 0);
}

const struct client_dialect dialect_openai_completions = {
	.name = "openai.completions",
	.read = read_completion,
	.writer_new = writer_new,
	.writer_event = reply_event,
	.error_body = openai_error_body,
	.stream_type = "text/event-stream",
	.keepalive = ": waiting\n\n",
};
