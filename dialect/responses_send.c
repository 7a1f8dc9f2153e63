/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct chat to the body of POST /responses, from known fields only, compactly and in one
 * fixed order: what consent shows and hashes is exactly this text. `store` is always false:
 * nobody agreed to the answer being kept.
 *
 * The dialect has no stop texts, no penalties, no audio and no answer of fewer than 16 tokens:
 * those are ERR_UNSUPPORTED. A seed is a wish and left out. Reasoning of earlier turns is known
 * there by ids we never had, so it stays here.
 */
#include "dialect/responses_impl.h"
#include "dialect/send_impl.h"

#define LEAST_OUTPUT_TOKENS 16

static void put_data_url(struct buf *b, const char *key, const struct chat_part *p)
{
	json_put_key(b, key);
	buf_add_str(b, "\"data:");
	json_put_escaped(b, p->media_type);
	buf_add_str(b, ";base64,");
	json_put_escaped(b, p->text);
	buf_add_char(b, '"');
}

static bool put_part(struct buf *b, const struct chat_part *p, bool *first)
{
	if (p->kind == CHAT_PART_AUDIO)
		return false;
	send_next(b, first);
	switch (p->kind) {
	case CHAT_PART_IMAGE:
		buf_add_str(b, "{\"type\":\"input_image\"");
		put_data_url(b, "image_url", p);
		json_put_key_string(b, "detail",
				    p->detail.len > 0 ? p->detail : SPAN_LITERAL("auto"));
		break;
	case CHAT_PART_FILE:
		buf_add_str(b, "{\"type\":\"input_file\"");
		json_put_key_string(b, "filename",
				    p->name.len > 0 ? p->name : SPAN_LITERAL("file"));
		put_data_url(b, "file_data", p);
		break;
	default:
		buf_add_str(b, "{\"type\":\"input_text\"");
		json_put_key_string(b, "text", p->text);
		break;
	}
	buf_add_char(b, '}');
	return true;
}

static bool put_parts(struct buf *b, const struct chat_message *m)
{
	bool first = true;

	buf_add_char(b, '[');
	for (uint32_t i = 0; i < m->n_parts; i++)
		if (!put_part(b, &m->parts[i], &first))
			return false;
	buf_add_char(b, ']');
	return true;
}

/* As one text: parts of an answer would need the ids that its author gave them. */
static void put_answer(struct buf *b, const struct chat_message *m)
{
	bool first = true;

	buf_add_char(b, '"');
	for (uint32_t i = 0; i < m->n_parts; i++) {
		if (m->parts[i].kind == CHAT_PART_REASONING)
			continue;
		if (!first)
			buf_add_str(b, "\\n\\n");
		first = false;
		json_put_escaped(b, m->parts[i].text);
	}
	buf_add_char(b, '"');
}

static bool says_something(const struct chat_message *m)
{
	for (uint32_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind != CHAT_PART_REASONING)
			return true;
	return false;
}

static bool put_message(struct buf *b, const struct chat_message *m, bool *first)
{
	static const char *const roles[] = {
		[CHAT_SYSTEM] = "system", [CHAT_USER] = "user", [CHAT_ASSISTANT] = "assistant"
	};

	if (m->role == CHAT_TOOL) {
		send_next(b, first);
		buf_add_str(b, "{\"type\":\"function_call_output\"");
		json_put_key_string(b, "call_id", m->tool_call_id);
		json_put_key(b, "output");
		if (!put_parts(b, m))
			return false;
		buf_add_char(b, '}');
		return true;
	}
	if (says_something(m)) {
		send_next(b, first);
		buf_printf(b, "{\"type\":\"message\",\"role\":\"%s\",\"content\":",
			   roles[m->role]);
		if (m->role == CHAT_ASSISTANT)
			put_answer(b, m);
		else if (!put_parts(b, m))
			return false;
		buf_add_char(b, '}');
	}
	for (uint32_t i = 0; i < m->n_calls; i++) {
		send_next(b, first);
		buf_add_str(b, "{\"type\":\"function_call\"");
		json_put_key_string(b, "call_id", m->calls[i].id);
		json_put_key_string(b, "name", m->calls[i].name);
		json_put_key_string(b, "arguments", m->calls[i].arguments);
		buf_add_char(b, '}');
	}
	return true;
}

static void put_choice(struct buf *b, const struct chat *c)
{
	if (c->tool_choice == CHAT_TOOLS_NONE)
		json_put_key_cstr(b, "tool_choice", "none");
	if (c->tool_choice == CHAT_TOOLS_REQUIRED)
		json_put_key_cstr(b, "tool_choice", "required");
	if (c->tool_choice == CHAT_TOOLS_NAMED) {
		buf_add_str(b, ",\"tool_choice\":{\"type\":\"function\"");
		json_put_key_string(b, "name", c->tool_choice_name);
		buf_add_char(b, '}');
	}
	if (c->has_parallel_tools)
		json_put_key_bool(b, "parallel_tool_calls", c->parallel_tools);
}

static void put_tools(struct buf *b, const struct chat *c)
{
	bool first = true;

	if (c->n_tools == 0)
		return;
	buf_add_str(b, ",\"tools\":[");
	for (uint32_t i = 0; i < c->n_tools; i++) {
		const struct chat_tool *t = &c->tools[i];

		send_next(b, &first);
		buf_add_str(b, "{\"type\":\"function\"");
		send_tool(b, t, "parameters", "{\"type\":\"object\",\"properties\":{}}");
		json_put_key_bool(b, "strict", t->strict);
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
	put_choice(b, c);
}

static void put_format(struct buf *b, const struct chat *c)
{
	if (c->format == CHAT_FORMAT_JSON)
		buf_add_str(b, ",\"text\":{\"format\":{\"type\":\"json_object\"}}");
	if (c->format != CHAT_FORMAT_SCHEMA)
		return;
	buf_add_str(b, ",\"text\":{\"format\":{\"type\":\"json_schema\"");
	json_put_key_string(b, "name", c->format_name);
	if (c->format_description.len > 0)
		json_put_key_string(b, "description", c->format_description);
	json_put_key(b, "schema");
	buf_add(b, c->format_schema);
	json_put_key_bool(b, "strict", c->format_strict);
	buf_add_str(b, "}}");
}

enum err responses_send(const struct chat *c, const char *model, struct buf *out)
{
	bool first = true;

	if (c->n_stop > 0 || send_has_penalties(c) ||
	    (c->max_tokens > 0 && c->max_tokens < LEAST_OUTPUT_TOKENS))
		return ERR_UNSUPPORTED;
	buf_add_char(out, '{');
	json_put_key_cstr(out, "model", model);
	buf_add_str(out, ",\"input\":[");
	for (uint32_t i = 0; i < c->n_messages; i++)
		if (!put_message(out, &c->messages[i], &first))
			return ERR_UNSUPPORTED;
	buf_add_char(out, ']');
	put_tools(out, c);
	put_format(out, c);
	if (c->reasoning_effort.len > 0) {
		buf_add_str(out, ",\"reasoning\":{");
		json_put_key_string(out, "effort", c->reasoning_effort);
		buf_add_char(out, '}');
	}
	if (c->has_temperature)
		json_put_key_number(out, "temperature", c->temperature);
	if (c->has_top_p)
		json_put_key_number(out, "top_p", c->top_p);
	if (c->max_tokens > 0)
		json_put_key_i64(out, "max_output_tokens", c->max_tokens);
	json_put_key_bool(out, "store", false);
	if (c->stream)
		json_put_key_bool(out, "stream", true);
	buf_add_char(out, '}');
	return out->failed ? ERR_TOO_BIG : ERR_OK;
}
