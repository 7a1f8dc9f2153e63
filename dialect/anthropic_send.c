/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct chat to the body of an Anthropic request (version 2023-06-01), from known fields
 * only, compactly and in one fixed order: what consent shows and hashes is exactly this text.
 *
 * System messages go into `system` wherever they stood; results of tools become blocks of the
 * user's turn; neighbours of one role become one message. Texts without a character are left
 * out, since they are refused. Reasoning goes back only with the signature of its author.
 *
 * With an effort the model thinks as much as it sees fit ("adaptive"); sampling is then the
 * model's own and left out. What cannot be expressed is ERR_UNSUPPORTED: audio, documents
 * other than PDF, JSON without a schema, a seed is a wish and left out.
 */
#include "dialect/anthropic_impl.h"
#include "dialect/send_impl.h"

static void put_text(struct buf *b, struct span text)
{
	buf_add_str(b, "{\"type\":\"text\"");
	json_put_key_string(b, "text", text);
	buf_add_char(b, '}');
}

static void put_media(struct buf *b, const struct chat_part *p)
{
	bool image = p->kind == CHAT_PART_IMAGE;

	buf_printf(b, "{\"type\":\"%s\",\"source\":{\"type\":\"base64\"",
		   image ? "image" : "document");
	json_put_key_string(b, "media_type", p->media_type);
	json_put_key_string(b, "data", p->text);
	buf_add_char(b, '}');
	if (!image && p->name.len > 0)
		json_put_key_string(b, "title", p->name);
	buf_add_char(b, '}');
}

static bool put_part(struct buf *b, const struct chat_part *p, bool *first)
{
	switch (p->kind) {
	case CHAT_PART_TEXT:
	case CHAT_PART_REFUSAL:
		if (span_trim(p->text).len == 0)
			return true;
		send_next(b, first);
		put_text(b, p->text);
		return true;
	case CHAT_PART_REASONING:
		if (p->signature.len == 0)
			return true;
		send_next(b, first);
		buf_add_str(b, "{\"type\":\"thinking\"");
		json_put_key_string(b, "thinking", p->text);
		json_put_key_string(b, "signature", p->signature);
		buf_add_char(b, '}');
		return true;
	case CHAT_PART_FILE:
		if (!span_is(p->media_type, "application/pdf"))
			return false;
		send_next(b, first);
		put_media(b, p);
		return true;
	case CHAT_PART_IMAGE:
		send_next(b, first);
		put_media(b, p);
		return true;
	default:
		return false;
	}
}

static bool put_parts(struct buf *b, const struct chat_message *m, bool *first)
{
	for (uint32_t i = 0; i < m->n_parts; i++)
		if (!put_part(b, &m->parts[i], first))
			return false;
	return true;
}

static bool put_result(struct buf *b, const struct chat_message *m, bool *first)
{
	bool inner = true;

	send_next(b, first);
	buf_add_str(b, "{\"type\":\"tool_result\"");
	json_put_key_string(b, "tool_use_id", m->tool_call_id);
	buf_add_str(b, ",\"content\":[");
	if (!put_parts(b, m, &inner))
		return false;
	buf_add_char(b, ']');
	if (m->tool_error)
		json_put_key_bool(b, "is_error", true);
	buf_add_char(b, '}');
	return true;
}

static void put_calls(struct buf *b, const struct chat_message *m, bool *first)
{
	for (uint32_t i = 0; i < m->n_calls; i++) {
		send_next(b, first);
		buf_add_str(b, "{\"type\":\"tool_use\"");
		json_put_key_string(b, "id", m->calls[i].id);
		json_put_key_string(b, "name", m->calls[i].name);
		json_put_key(b, "input");
		buf_add(b, m->calls[i].arguments);
		buf_add_char(b, '}');
	}
}

static bool put_blocks(struct buf *b, const struct chat_message *m, bool *first)
{
	if (m->role == CHAT_TOOL)
		return put_result(b, m, first);
	if (!put_parts(b, m, first))
		return false;
	put_calls(b, m, first);
	return true;
}

static bool put_system(struct buf *b, const struct chat *c)
{
	bool first = true;
	size_t at = b->len;

	buf_add_str(b, ",\"system\":[");
	for (uint32_t i = 0; i < c->n_messages; i++)
		if (c->messages[i].role == CHAT_SYSTEM &&
		    !put_parts(b, &c->messages[i], &first))
			return false;
	if (!first)
		buf_add_char(b, ']');
	else if (!b->failed)
		b->len = at;
	return true;
}

/* All neighbours that belong to one turn; *io moves past them. */
static bool put_turn(struct buf *b, const struct chat *c, uint32_t *io, bool *first_turn)
{
	bool assistant = c->messages[*io].role == CHAT_ASSISTANT;
	bool first = true;
	size_t at = b->len;
	bool was_first = *first_turn;

	send_next(b, first_turn);
	buf_printf(b, "{\"role\":\"%s\",\"content\":[", assistant ? "assistant" : "user");
	for (; *io < c->n_messages; (*io)++) {
		const struct chat_message *m = &c->messages[*io];

		if (m->role == CHAT_SYSTEM)
			continue;
		if ((m->role == CHAT_ASSISTANT) != assistant)
			break;
		if (!put_blocks(b, m, &first))
			return false;
	}
	buf_add_str(b, "]}");
	if (first && !b->failed) { /* a turn without a block is none */
		b->len = at;
		*first_turn = was_first;
	}
	return true;
}

static bool put_messages(struct buf *b, const struct chat *c)
{
	bool first = true;
	uint32_t i = 0;

	buf_add_str(b, ",\"messages\":[");
	while (i < c->n_messages) {
		if (c->messages[i].role == CHAT_SYSTEM)
			i++;
		else if (!put_turn(b, c, &i, &first))
			return false;
	}
	buf_add_char(b, ']');
	return true;
}

static void put_choice(struct buf *b, const struct chat *c)
{
	static const char *const words[] = { [CHAT_TOOLS_AUTO] = "auto",
					     [CHAT_TOOLS_NONE] = "none",
					     [CHAT_TOOLS_REQUIRED] = "any",
					     [CHAT_TOOLS_NAMED] = "tool" };
	bool one = c->has_parallel_tools && !c->parallel_tools;

	if (c->tool_choice == CHAT_TOOLS_AUTO && !one)
		return;
	buf_printf(b, ",\"tool_choice\":{\"type\":\"%s\"", words[c->tool_choice]);
	if (c->tool_choice == CHAT_TOOLS_NAMED)
		json_put_key_string(b, "name", c->tool_choice_name);
	if (one && c->tool_choice != CHAT_TOOLS_NONE)
		json_put_key_bool(b, "disable_parallel_tool_use", true);
	buf_add_char(b, '}');
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
		buf_add_char(b, '{');
		send_tool(b, t, "input_schema", "{\"type\":\"object\"}");
		if (t->strict)
			json_put_key_bool(b, "strict", true);
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
	put_choice(b, c);
}

static void put_thinking(struct buf *b, const struct chat *c)
{
	bool off = span_is(c->reasoning_effort, "none");
	bool effort = c->reasoning_effort.len > 0 && !off;

	if (off)
		buf_add_str(b, ",\"thinking\":{\"type\":\"disabled\"}");
	if (effort)
		buf_add_str(b, ",\"thinking\":{\"type\":\"adaptive\"}");
	if (!effort && c->format != CHAT_FORMAT_SCHEMA)
		return;
	buf_add_str(b, ",\"output_config\":{");
	if (effort)
		json_put_key_string(b, "effort",
				    span_is(c->reasoning_effort, "minimal")
					    ? SPAN_LITERAL("low")
					    : c->reasoning_effort);
	if (c->format == CHAT_FORMAT_SCHEMA) {
		json_put_key(b, "format");
		buf_add_str(b, "{\"type\":\"json_schema\",\"schema\":");
		buf_add(b, c->format_schema);
		buf_add_char(b, '}');
	}
	buf_add_char(b, '}');
}

static void put_sampling(struct buf *b, const struct chat *c)
{
	bool thinks = c->reasoning_effort.len > 0 && !span_is(c->reasoning_effort, "none");

	send_texts(b, "stop_sequences", c->stop, c->n_stop);
	if (thinks)
		return;
	if (c->has_temperature) /* theirs ends at 1 */
		json_put_key_number(b, "temperature", c->temperature > 1 ? 1 : c->temperature);
	if (c->has_top_p)
		json_put_key_number(b, "top_p", c->top_p);
	if (c->has_top_k)
		json_put_key_i64(b, "top_k", c->top_k);
}

enum err anthropic_send(const struct chat *c, const char *model, struct buf *out)
{
	if (c->format == CHAT_FORMAT_JSON || send_has_penalties(c))
		return ERR_UNSUPPORTED;
	buf_add_char(out, '{');
	json_put_key_cstr(out, "model", model);
	json_put_key_i64(out, "max_tokens",
			 c->max_tokens > 0 ? c->max_tokens : ANTHROPIC_DEFAULT_MAX_TOKENS);
	if (!put_system(out, c) || !put_messages(out, c))
		return ERR_UNSUPPORTED;
	put_tools(out, c);
	put_thinking(out, c);
	put_sampling(out, c);
	if (c->stream)
		json_put_key_bool(out, "stream", true);
	buf_add_char(out, '}');
	return out->failed ? ERR_TOO_BIG : ERR_OK;
}
