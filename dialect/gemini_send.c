/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct chat to the body of Gemini's generateContent (API v1beta, ai.google.dev/api), from
 * known fields only, compactly and in one fixed order: what consent shows and hashes is exactly
 * this text. The model's name stands in the path, so it may only have letters, digits, '.',
 * '-' and '_'.
 *
 * System messages go into systemInstruction; neighbours of one role become one turn. Results
 * name their function and are objects: a result that is one goes as it is, any other text as
 * {"result":TEXT} or {"error":TEXT}.
 *
 * Models since version 3 refuse calls in the history that lack the signature of the thought
 * behind them. We never carry it, so the first call of each turn has the word that the vendor
 * documents for histories that another model wrote.
 */
#include "dialect/gemini_impl.h"
#include "dialect/send_impl.h"

#define NO_SIGNATURE "skip_thought_signature_validator"

static void put_text(struct buf *b, struct span text)
{
	buf_add_char(b, '{');
	json_put_key_string(b, "text", text);
	buf_add_char(b, '}');
}

/* Reasoning of earlier turns stays here. */
static void put_parts(struct buf *b, const struct chat_message *m, bool *first)
{
	for (uint32_t i = 0; i < m->n_parts; i++) {
		const struct chat_part *p = &m->parts[i];

		if (p->kind == CHAT_PART_REASONING)
			continue;
		bool text = p->kind == CHAT_PART_TEXT || p->kind == CHAT_PART_REFUSAL;
		if (text && p->text.len == 0)
			continue;
		send_next(b, first);
		if (text) {
			put_text(b, p->text);
			continue;
		}
		buf_add_str(b, "{\"inlineData\":{");
		json_put_key_string(b, "mimeType", p->media_type);
		json_put_key_string(b, "data", p->text);
		buf_add_str(b, "}}");
	}
}

static void put_calls(struct buf *b, const struct chat_message *m, bool *first)
{
	for (uint32_t i = 0; i < m->n_calls; i++) {
		send_next(b, first);
		buf_add_str(b, "{\"functionCall\":{");
		json_put_key_string(b, "name", m->calls[i].name);
		json_put_key(b, "args");
		buf_add(b, m->calls[i].arguments);
		buf_add_char(b, '}');
		if (i == 0)
			json_put_key_cstr(b, "thoughtSignature", NO_SIGNATURE);
		buf_add_char(b, '}');
	}
}

static struct span tool_name(const struct chat *c, const struct chat_message *result)
{
	for (uint32_t i = 0; i < c->n_messages; i++)
		for (uint32_t k = 0; k < c->messages[i].n_calls; k++)
			if (span_equal(c->messages[i].calls[k].id, result->tool_call_id))
				return c->messages[i].calls[k].name;
	return result->name;
}

static void put_result(struct buf *b, const struct chat *c, const struct chat_message *m,
		       bool *first)
{
	struct json_where where;
	struct buf text;

	buf_init(&text, SIZE_MAX);
	for (uint32_t i = 0; i < m->n_parts; i++)
		buf_add(&text, m->parts[i].text);
	struct span result = span_trim(buf_span(&text));
	bool object = walk_is_object(result) && !m->tool_error &&
		      json_check(result, &json_limits_api, &where) == ERR_OK;
	send_next(b, first);
	buf_add_str(b, "{\"functionResponse\":{");
	json_put_key_string(b, "name", tool_name(c, m));
	json_put_key(b, "response");
	if (object) {
		buf_add(b, result);
	} else {
		buf_add_char(b, '{');
		json_put_key_string(b, m->tool_error ? "error" : "result", buf_span(&text));
		buf_add_char(b, '}');
	}
	buf_add_str(b, "}}");
	b->failed = b->failed || text.failed;
	buf_free(&text);
}

static void put_system(struct buf *b, const struct chat *c)
{
	bool first = true;
	size_t at = b->len;

	buf_add_str(b, ",\"systemInstruction\":{\"parts\":[");
	for (uint32_t i = 0; i < c->n_messages; i++)
		if (c->messages[i].role == CHAT_SYSTEM)
			put_parts(b, &c->messages[i], &first);
	if (!first)
		buf_add_str(b, "]}");
	else if (!b->failed)
		b->len = at;
}

static void put_turn(struct buf *b, const struct chat *c, uint32_t *io, bool *first_turn)
{
	bool model = c->messages[*io].role == CHAT_ASSISTANT;
	bool first = true, was_first = *first_turn;
	size_t at = b->len;

	send_next(b, first_turn);
	buf_printf(b, "{\"role\":\"%s\",\"parts\":[", model ? "model" : "user");
	for (; *io < c->n_messages; (*io)++) {
		const struct chat_message *m = &c->messages[*io];

		if (m->role == CHAT_SYSTEM)
			continue;
		if ((m->role == CHAT_ASSISTANT) != model)
			break;
		if (m->role == CHAT_TOOL)
			put_result(b, c, m, &first);
		else
			put_parts(b, m, &first);
		put_calls(b, m, &first);
	}
	buf_add_str(b, "]}");
	if (first && !b->failed) { /* a turn without a part is none */
		b->len = at;
		*first_turn = was_first;
	}
}

static void put_tools(struct buf *b, const struct chat *c)
{
	static const char *const modes[] = { [CHAT_TOOLS_AUTO] = "AUTO",
					     [CHAT_TOOLS_NONE] = "NONE",
					     [CHAT_TOOLS_REQUIRED] = "ANY",
					     [CHAT_TOOLS_NAMED] = "ANY" };
	bool first = true;

	if (c->n_tools == 0)
		return;
	buf_add_str(b, ",\"tools\":[{\"functionDeclarations\":[");
	for (uint32_t i = 0; i < c->n_tools; i++) {
		const struct chat_tool *t = &c->tools[i];

		send_next(b, &first);
		buf_add_char(b, '{');
		json_put_key_string(b, "name", t->name);
		json_put_key_string(b, "description", t->description);
		if (t->schema.len > 0) {
			json_put_key(b, "parametersJsonSchema");
			buf_add(b, t->schema);
		}
		buf_add_char(b, '}');
	}
	buf_add_str(b, "]}]");
	if (c->tool_choice == CHAT_TOOLS_AUTO)
		return;
	buf_printf(b, ",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"%s\"",
		   modes[c->tool_choice]);
	if (c->tool_choice == CHAT_TOOLS_NAMED)
		send_texts(b, "allowedFunctionNames", &c->tool_choice_name, 1);
	buf_add_str(b, "}}");
}

/* Levels that the vendor does not know come down to the nearest it does. */
static void put_thinking(struct buf *b, const struct chat *c)
{
	struct span e = c->reasoning_effort;

	if (e.len == 0)
		return;
	if (span_is(e, "none"))
		e = SPAN_LITERAL("minimal");
	else if (span_is(e, "xhigh") || span_is(e, "max"))
		e = SPAN_LITERAL("high");
	buf_add_str(b, ",\"thinkingConfig\":{");
	json_put_key_string(b, "thinkingLevel", e);
	buf_add_char(b, '}');
}

static void put_config(struct buf *b, const struct chat *c)
{
	buf_add_str(b, ",\"generationConfig\":{\"candidateCount\":1");
	if (c->has_temperature)
		json_put_key_number(b, "temperature", c->temperature);
	if (c->has_top_p)
		json_put_key_number(b, "topP", c->top_p);
	if (c->has_top_k)
		json_put_key_i64(b, "topK", c->top_k);
	if (c->has_frequency_penalty)
		json_put_key_number(b, "frequencyPenalty", c->frequency_penalty);
	if (c->has_presence_penalty)
		json_put_key_number(b, "presencePenalty", c->presence_penalty);
	if (c->has_seed && c->seed >= INT32_MIN && c->seed <= INT32_MAX)
		json_put_key_i64(b, "seed", c->seed);
	if (c->max_tokens > 0)
		json_put_key_i64(b, "maxOutputTokens", c->max_tokens);
	send_texts(b, "stopSequences", c->stop, c->n_stop);
	if (c->format != CHAT_FORMAT_TEXT)
		json_put_key_cstr(b, "responseMimeType", "application/json");
	if (c->format == CHAT_FORMAT_SCHEMA) {
		json_put_key(b, "responseJsonSchema");
		buf_add(b, c->format_schema);
	}
	put_thinking(b, c);
	buf_add_char(b, '}');
}

enum err gemini_send(const struct chat *c, const char *model, struct buf *out)
{
	bool first = true;
	uint32_t i = 0;

	(void)model; /* in the path */
	if (c->n_tools > 0 && c->has_parallel_tools && !c->parallel_tools)
		return ERR_UNSUPPORTED;
	buf_add_str(out, "{\"contents\":[");
	while (i < c->n_messages) {
		if (c->messages[i].role == CHAT_SYSTEM)
			i++;
		else
			put_turn(out, c, &i, &first);
	}
	buf_add_char(out, ']');
	put_system(out, c);
	put_tools(out, c);
	put_config(out, c);
	buf_add_char(out, '}');
	return out->failed ? ERR_TOO_BIG : ERR_OK;
}

/* The version is part of the destination's base_url. */
bool gemini_path(const char *model, const char *version, bool stream, struct buf *out)
{
	(void)version;
	if (!send_path_name(model))
		return false;
	buf_printf(out, "/models/%s:%s", model,
		   stream ? "streamGenerateContent?alt=sse" : "generateContent");
	return !out->failed;
}
