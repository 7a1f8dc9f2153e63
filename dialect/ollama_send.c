/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct chat to the body of POST /api/chat, from known fields only, compactly and in one
 * fixed order: what consent shows and hashes is exactly this text.
 *
 * `stream` is always said, since there it is on unless told otherwise. A choice among tools
 * cannot be expressed: "none" leaves the tools out, anything stricter is ERR_UNSUPPORTED, as
 * are audio and documents. Calls have no ids there; results carry the name of their tool.
 */
#include "dialect/ollama_impl.h"
#include "dialect/send_impl.h"

static bool put_texts(struct buf *b, const struct chat_message *m, bool reasoning)
{
	bool first = true;

	for (uint32_t i = 0; i < m->n_parts; i++) {
		const struct chat_part *p = &m->parts[i];
		bool text = p->kind == CHAT_PART_TEXT || p->kind == CHAT_PART_REFUSAL;

		if (p->kind == CHAT_PART_AUDIO || p->kind == CHAT_PART_FILE)
			return false;
		if (reasoning ? p->kind != CHAT_PART_REASONING : !text)
			continue;
		if (!first) /* parts stay apart */
			buf_add_str(b, "\\n\\n");
		first = false;
		json_put_escaped(b, p->text);
	}
	return true;
}

static bool has_kind(const struct chat_message *m, enum chat_part_kind kind)
{
	for (uint32_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind == kind)
			return true;
	return false;
}

static void put_images(struct buf *b, const struct chat_message *m)
{
	bool first = true;

	if (!has_kind(m, CHAT_PART_IMAGE))
		return;
	buf_add_str(b, ",\"images\":[");
	for (uint32_t i = 0; i < m->n_parts; i++) {
		if (m->parts[i].kind != CHAT_PART_IMAGE)
			continue;
		send_next(b, &first);
		json_put_string(b, m->parts[i].text);
	}
	buf_add_char(b, ']');
}

static void put_calls(struct buf *b, const struct chat_message *m)
{
	bool first = true;

	if (m->n_calls == 0)
		return;
	buf_add_str(b, ",\"tool_calls\":[");
	for (uint32_t i = 0; i < m->n_calls; i++) {
		send_next(b, &first);
		buf_add_str(b, "{\"function\":{");
		json_put_key_string(b, "name", m->calls[i].name);
		json_put_key(b, "arguments");
		buf_add(b, m->calls[i].arguments);
		buf_add_str(b, "}}");
	}
	buf_add_char(b, ']');
}

/* The tool whose call a result answers. */
static struct span tool_name(const struct chat *c, const struct chat_message *result)
{
	for (uint32_t i = 0; i < c->n_messages; i++)
		for (uint32_t k = 0; k < c->messages[i].n_calls; k++)
			if (span_equal(c->messages[i].calls[k].id, result->tool_call_id))
				return c->messages[i].calls[k].name;
	return (struct span){ NULL, 0 };
}

static bool put_message(struct buf *b, const struct chat *c, const struct chat_message *m)
{
	static const char *const roles[] = { [CHAT_SYSTEM] = "system",
					     [CHAT_USER] = "user",
					     [CHAT_ASSISTANT] = "assistant",
					     [CHAT_TOOL] = "tool" };

	buf_printf(b, "{\"role\":\"%s\",\"content\":\"", roles[m->role]);
	if (!put_texts(b, m, false))
		return false;
	buf_add_char(b, '"');
	if (has_kind(m, CHAT_PART_REASONING)) {
		buf_add_str(b, ",\"thinking\":\"");
		put_texts(b, m, true);
		buf_add_char(b, '"');
	}
	put_images(b, m);
	put_calls(b, m);
	if (m->role == CHAT_TOOL && tool_name(c, m).len > 0)
		json_put_key_string(b, "tool_name", tool_name(c, m));
	buf_add_char(b, '}');
	return true;
}

static void put_tools(struct buf *b, const struct chat *c)
{
	bool first = true;

	if (c->n_tools == 0 || c->tool_choice == CHAT_TOOLS_NONE)
		return;
	buf_add_str(b, ",\"tools\":[");
	for (uint32_t i = 0; i < c->n_tools; i++) {
		const struct chat_tool *t = &c->tools[i];

		send_next(b, &first);
		buf_add_str(b, "{\"type\":\"function\",\"function\":{");
		send_tool(b, t, "parameters", "{\"type\":\"object\"}");
		buf_add_str(b, "}}");
	}
	buf_add_char(b, ']');
}

static void put_format(struct buf *b, const struct chat *c)
{
	if (c->format == CHAT_FORMAT_JSON)
		json_put_key_cstr(b, "format", "json");
	if (c->format == CHAT_FORMAT_SCHEMA) {
		json_put_key(b, "format");
		buf_add(b, c->format_schema);
	}
}

/* Levels that Ollama does not know come down to the nearest it does. */
static void put_think(struct buf *b, const struct chat *c)
{
	struct span e = c->reasoning_effort;

	if (e.len == 0)
		return;
	if (span_is(e, "none"))
		json_put_key_bool(b, "think", false);
	else if (span_is(e, "minimal"))
		json_put_key_cstr(b, "think", "low");
	else if (span_is(e, "xhigh"))
		json_put_key_cstr(b, "think", "high");
	else
		json_put_key_string(b, "think", e);
}

static void put_options(struct buf *b, const struct chat *c)
{
	buf_add_str(b, ",\"options\":{");
	if (c->has_temperature)
		json_put_key_number(b, "temperature", c->temperature);
	if (c->has_top_p)
		json_put_key_number(b, "top_p", c->top_p);
	if (c->has_top_k)
		json_put_key_i64(b, "top_k", c->top_k);
	if (c->has_min_p)
		json_put_key_number(b, "min_p", c->min_p);
	if (c->has_repeat_penalty)
		json_put_key_number(b, "repeat_penalty", c->repeat_penalty);
	if (c->has_frequency_penalty)
		json_put_key_number(b, "frequency_penalty", c->frequency_penalty);
	if (c->has_presence_penalty)
		json_put_key_number(b, "presence_penalty", c->presence_penalty);
	if (c->has_seed)
		json_put_key_i64(b, "seed", c->seed);
	if (c->max_tokens > 0)
		json_put_key_i64(b, "num_predict", c->max_tokens);
	if (c->engine_context_tokens > 0)
		json_put_key_i64(b, "num_ctx", c->engine_context_tokens);
	send_texts(b, "stop", c->stop, c->n_stop);
	buf_add_char(b, '}');
}

enum err ollama_send(const struct chat *c, const char *model, struct buf *out)
{
	bool first = true;

	if (c->tool_choice == CHAT_TOOLS_REQUIRED || c->tool_choice == CHAT_TOOLS_NAMED)
		return ERR_UNSUPPORTED;
	buf_add_char(out, '{');
	json_put_key_cstr(out, "model", model);
	buf_add_str(out, ",\"messages\":[");
	for (uint32_t i = 0; i < c->n_messages; i++) {
		send_next(out, &first);
		if (!put_message(out, c, &c->messages[i]))
			return ERR_UNSUPPORTED;
	}
	buf_add_char(out, ']');
	put_tools(out, c);
	put_format(out, c);
	put_think(out, c);
	put_options(out, c);
	/* On this device it is told never to cut a prompt in silence (Ollama 0.12.6 and later).
	 */
	if (c->engine_context_tokens > 0) {
		json_put_key_bool(out, "truncate", false);
		json_put_key_bool(out, "shift", false);
	}
	json_put_key_bool(out, "stream", c->stream);
	buf_add_char(out, '}');
	return out->failed ? ERR_TOO_BIG : ERR_OK;
}
