/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct chat to the body of an OpenAI chat request, from known fields only. What consent
 * shows and hashes is exactly this text, so it is written compactly and in one fixed order.
 *
 * A stream always asks for usage, whatever the client asked for: the ledger wants it.
 */
#include "dialect/impl.h"

static void open_item(struct buf *b, bool *first)
{
	buf_add_str(b, *first ? "{" : ",{");
	*first = false;
}

static void put_data_url(struct buf *b, const struct chat_part *p)
{
	/* Type and data were checked to need no escapes. */
	buf_add_str(b, "\"data:");
	json_put_escaped(b, p->media_type);
	buf_add_str(b, ";base64,");
	json_put_escaped(b, p->text);
	buf_add_char(b, '"');
}

static void put_part(struct buf *b, const struct chat_part *p)
{
	switch (p->kind) {
	case CHAT_PART_IMAGE:
		json_put_key_cstr(b, "type", "image_url");
		buf_add_str(b, ",\"image_url\":{\"url\":");
		put_data_url(b, p);
		if (p->detail.len > 0)
			json_put_key_string(b, "detail", p->detail);
		buf_add_char(b, '}');
		break;
	case CHAT_PART_AUDIO:
		json_put_key_cstr(b, "type", "input_audio");
		buf_add_str(b, ",\"input_audio\":{");
		json_put_key_string(b, "data", p->text);
		json_put_key_cstr(b, "format",
				  span_is(p->media_type, "audio/mpeg") ? "mp3" : "wav");
		buf_add_char(b, '}');
		break;
	case CHAT_PART_FILE:
		json_put_key_cstr(b, "type", "file");
		buf_add_str(b, ",\"file\":{\"file_data\":");
		put_data_url(b, p);
		if (p->name.len > 0)
			json_put_key_string(b, "filename", p->name);
		buf_add_char(b, '}');
		break;
	case CHAT_PART_REFUSAL:
		json_put_key_cstr(b, "type", "refusal");
		json_put_key_string(b, "refusal", p->text);
		break;
	default:
		json_put_key_cstr(b, "type", "text");
		json_put_key_string(b, "text", p->text);
		break;
	}
}

/* Reasoning of earlier turns has no place in this dialect and stays here. */
static uint32_t parts_that_go(const struct chat_message *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_parts; i++)
		n += m->parts[i].kind != CHAT_PART_REASONING;
	return n;
}

static void put_content(struct buf *b, const struct chat_message *m)
{
	uint32_t n = parts_that_go(m);
	bool first = true;

	json_put_key(b, "content");
	if (n == 0) {
		buf_add_str(b, m->n_calls > 0 ? "null" : "\"\"");
		return;
	}
	if (n == 1 && m->n_parts == 1 && m->parts[0].kind == CHAT_PART_TEXT) {
		json_put_string(b, m->parts[0].text);
		return;
	}
	buf_add_char(b, '[');
	for (uint32_t i = 0; i < m->n_parts; i++) {
		if (m->parts[i].kind == CHAT_PART_REASONING)
			continue;
		open_item(b, &first);
		put_part(b, &m->parts[i]);
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
}

static void put_calls(struct buf *b, const struct chat_message *m)
{
	bool first = true;

	json_put_key(b, "tool_calls");
	buf_add_char(b, '[');
	for (uint32_t i = 0; i < m->n_calls; i++) {
		open_item(b, &first);
		json_put_key_string(b, "id", m->calls[i].id);
		json_put_key_cstr(b, "type", "function");
		buf_add_str(b, ",\"function\":{");
		json_put_key_string(b, "name", m->calls[i].name);
		json_put_key_string(b, "arguments", m->calls[i].arguments);
		buf_add_str(b, "}}");
	}
	buf_add_char(b, ']');
}

static void put_messages(struct buf *b, const struct chat *c)
{
	static const char *const roles[] = { [CHAT_SYSTEM] = "system",
					     [CHAT_USER] = "user",
					     [CHAT_ASSISTANT] = "assistant",
					     [CHAT_TOOL] = "tool" };
	bool first = true;

	json_put_key(b, "messages");
	buf_add_char(b, '[');
	for (uint32_t i = 0; i < c->n_messages; i++) {
		const struct chat_message *m = &c->messages[i];

		open_item(b, &first);
		json_put_key_cstr(b, "role", roles[m->role]);
		put_content(b, m);
		if (m->name.len > 0)
			json_put_key_string(b, "name", m->name);
		if (m->n_calls > 0)
			put_calls(b, m);
		if (m->tool_call_id.len > 0)
			json_put_key_string(b, "tool_call_id", m->tool_call_id);
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
}

static void put_tool_choice(struct buf *b, const struct chat *c)
{
	switch (c->tool_choice) {
	case CHAT_TOOLS_NONE:
		json_put_key_cstr(b, "tool_choice", "none");
		break;
	case CHAT_TOOLS_REQUIRED:
		json_put_key_cstr(b, "tool_choice", "required");
		break;
	case CHAT_TOOLS_NAMED:
		buf_add_str(b, ",\"tool_choice\":{\"type\":\"function\",\"function\":{");
		json_put_key_string(b, "name", c->tool_choice_name);
		buf_add_str(b, "}}");
		break;
	default: /* "auto" is what absence means */
		break;
	}
}

static void put_tools(struct buf *b, const struct chat *c)
{
	bool first = true;

	if (c->n_tools == 0)
		return;
	json_put_key(b, "tools");
	buf_add_char(b, '[');
	for (uint32_t i = 0; i < c->n_tools; i++) {
		const struct chat_tool *t = &c->tools[i];

		open_item(b, &first);
		json_put_key_cstr(b, "type", "function");
		buf_add_str(b, ",\"function\":{");
		json_put_key_string(b, "name", t->name);
		if (t->description.len > 0)
			json_put_key_string(b, "description", t->description);
		if (t->schema.len > 0) {
			json_put_key(b, "parameters");
			buf_add(b, t->schema);
		}
		if (t->strict)
			json_put_key_bool(b, "strict", true);
		buf_add_str(b, "}}");
	}
	buf_add_char(b, ']');
	put_tool_choice(b, c);
	if (c->has_parallel_tools)
		json_put_key_bool(b, "parallel_tool_calls", c->parallel_tools);
}

static void put_format(struct buf *b, const struct chat *c)
{
	if (c->format == CHAT_FORMAT_JSON)
		buf_add_str(b, ",\"response_format\":{\"type\":\"json_object\"}");
	if (c->format != CHAT_FORMAT_SCHEMA)
		return;
	buf_add_str(b, ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{");
	json_put_key_string(b, "name", c->format_name);
	if (c->format_description.len > 0)
		json_put_key_string(b, "description", c->format_description);
	json_put_key(b, "schema");
	buf_add(b, c->format_schema);
	if (c->format_strict)
		json_put_key_bool(b, "strict", true);
	buf_add_str(b, "}}");
}

static void put_sampling(struct buf *b, const struct chat *c)
{
	if (c->has_temperature)
		json_put_key_number(b, "temperature", c->temperature);
	if (c->has_top_p)
		json_put_key_number(b, "top_p", c->top_p);
	if (c->has_frequency_penalty)
		json_put_key_number(b, "frequency_penalty", c->frequency_penalty);
	if (c->has_presence_penalty)
		json_put_key_number(b, "presence_penalty", c->presence_penalty);
	if (c->has_seed)
		json_put_key_i64(b, "seed", c->seed);
	if (c->n_stop > 0) {
		json_put_key(b, "stop");
		buf_add_char(b, '[');
		for (uint32_t i = 0; i < c->n_stop; i++) {
			if (i > 0)
				buf_add_char(b, ',');
			json_put_string(b, c->stop[i]);
		}
		buf_add_char(b, ']');
	}
	if (c->reasoning_effort.len > 0)
		json_put_key_string(b, "reasoning_effort", c->reasoning_effort);
}

static enum err write_body(const struct chat *c, const char *model, bool llamacpp,
			   struct buf *out)
{
	buf_add_char(out, '{');
	json_put_key_cstr(out, "model", model);
	put_messages(out, c);
	put_tools(out, c);
	put_format(out, c);
	put_sampling(out, c);
	if (c->max_tokens > 0)
		json_put_key_i64(out,
				 c->max_tokens_new_name && !llamacpp ? "max_completion_tokens"
								     : "max_tokens",
				 c->max_tokens);
	if (llamacpp && c->has_min_p)
		json_put_key_number(out, "min_p", c->min_p);
	if (llamacpp && c->has_repeat_penalty)
		json_put_key_number(out, "repeat_penalty", c->repeat_penalty);
	if (llamacpp && c->has_top_k)
		json_put_key_i64(out, "top_k", c->top_k);
	/* llama-server answers 400 to token probabilities together with tools in a stream. */
	if (llamacpp && c->logprobs && c->n_tools == 0) {
		json_put_key_bool(out, "logprobs", true);
		if (c->top_logprobs > 0)
			json_put_key_i64(out, "top_logprobs", c->top_logprobs);
	}
	if (c->stream)
		buf_add_str(out,
			    ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
	buf_add_char(out, '}');
	return out->failed ? ERR_TOO_BIG : ERR_OK;
}

enum err openai_chat_send(const struct chat *c, const char *model, struct buf *out)
{
	return write_body(c, model, false, out);
}

enum err llamacpp_chat_send(const struct chat *c, const char *model, struct buf *out)
{
	return write_body(c, model, true, out);
}
