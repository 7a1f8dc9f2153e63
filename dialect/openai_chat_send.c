/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct chat to the body of an OpenAI chat request, from known fields only. What consent
 * shows and hashes is exactly this text, so it is written compactly and in one fixed order.
 *
 * A stream always asks for usage, whatever the client asked for: the ledger wants it.
 */
#include "dialect/schema_grammar.h"
#include "dialect/send_impl.h"

/* How one vendor differs from OpenAI. */
struct quirks {
	bool engine;            /* llama-server: more sampling, token probabilities */
	const char *max_tokens; /* the only name it takes; NULL: as the client said it */
	const char *seed;       /* its name for it */
	bool no_stream_options; /* refuses them, and states usage anyway */
	bool no_names;          /* refuses `name` on messages */
	bool short_ids;         /* calls are known by nine letters and digits */
	bool effort_in_object;  /* {"reasoning":{"effort":…}} */
	uint32_t max_stops;     /* 0: no limit known */
};

static const struct quirks openai = { .seed = "seed", .max_stops = CHAT_MAX_STOPS };
static const struct quirks llamacpp = { .engine = true,
					.max_tokens = "max_tokens",
					.seed = "seed" };
/* docs.mistral.ai: fields that are not known are errors there (422). */
static const struct quirks mistral = { .max_tokens = "max_tokens",
				       .seed = "random_seed",
				       .no_stream_options = true,
				       .no_names = true,
				       .short_ids = true };
/* openrouter.ai/docs: one form of effort for all vendors behind it. */
static const struct quirks openrouter = { .max_tokens = "max_tokens",
					  .seed = "seed",
					  .effort_in_object = true };

#define SHORT_ID_BYTES 9

/* Ids that do not fit are replaced by letters that depend on all of the id: FNV-1a, 64 bits. */
static void put_call_id(struct buf *b, const struct quirks *q, const char *key, struct span id)
{
	static const char letters[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	char text[SHORT_ID_BYTES];
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	bool fits = id.len == SHORT_ID_BYTES;

	for (size_t i = 0; i < id.len; i++) {
		hash = (hash ^ (unsigned char)id.ptr[i]) * UINT64_C(0x100000001b3);
		fits = fits && memchr(letters, id.ptr[i], sizeof letters - 1) != NULL;
	}
	for (unsigned i = 0; i < SHORT_ID_BYTES; i++, hash /= sizeof letters - 1)
		text[i] = letters[hash % (sizeof letters - 1)];
	json_put_key_string(b, key,
			    q->short_ids && !fits ? (struct span){ text, sizeof text } : id);
}

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

static void put_calls(struct buf *b, const struct quirks *q, const struct chat_message *m)
{
	bool first = true;

	json_put_key(b, "tool_calls");
	buf_add_char(b, '[');
	for (uint32_t i = 0; i < m->n_calls; i++) {
		open_item(b, &first);
		put_call_id(b, q, "id", m->calls[i].id);
		json_put_key_cstr(b, "type", "function");
		buf_add_str(b, ",\"function\":{");
		json_put_key_string(b, "name", m->calls[i].name);
		json_put_key_string(b, "arguments", m->calls[i].arguments);
		buf_add_str(b, "}}");
	}
	buf_add_char(b, ']');
}

static void put_messages(struct buf *b, const struct quirks *q, const struct chat *c)
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
		if (m->name.len > 0 && !q->no_names)
			json_put_key_string(b, "name", m->name);
		if (m->n_calls > 0)
			put_calls(b, q, m);
		if (m->tool_call_id.len > 0)
			put_call_id(b, q, "tool_call_id", m->tool_call_id);
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

/*
 * llama-server's own json_object and json_schema check the grammar against the start of the
 * answer's turn as the template writes it, and fail with models whose tokens do not fall on
 * that border; a grammar that is given applies to the answer alone. Together with tools it
 * takes none.
 */
static void put_format(struct buf *b, const struct quirks *q, const struct chat *c)
{
	if (c->format == CHAT_FORMAT_JSON && q->engine && c->n_tools == 0)
		json_put_key_cstr(b, "grammar", schema_grammar_object);
	else if (c->format == CHAT_FORMAT_JSON)
		buf_add_str(b, ",\"response_format\":{\"type\":\"json_object\"}");
	if (c->format != CHAT_FORMAT_SCHEMA)
		return;
	if (q->engine && c->format_grammar.len > 0) {
		json_put_key_string(b, "grammar", c->format_grammar);
		return;
	}
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

static void put_sampling(struct buf *b, const struct quirks *q, const struct chat *c)
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
		json_put_key_i64(b, q->seed, c->seed);
	send_texts(b, "stop", c->stop, c->n_stop);
	if (c->reasoning_effort.len == 0)
		return;
	if (q->effort_in_object) {
		buf_add_str(b, ",\"reasoning\":{");
		json_put_key_string(b, "effort", c->reasoning_effort);
		buf_add_char(b, '}');
	} else {
		json_put_key_string(b, "reasoning_effort", c->reasoning_effort);
	}
}

static void put_engine(struct buf *b, const struct chat *c)
{
	if (c->has_min_p)
		json_put_key_number(b, "min_p", c->min_p);
	if (c->has_repeat_penalty)
		json_put_key_number(b, "repeat_penalty", c->repeat_penalty);
	if (c->has_top_k)
		json_put_key_i64(b, "top_k", c->top_k);
	if (c->engine_cache != CHAT_CACHE_UNSAID) {
		if (c->engine_slot >= 0)
			json_put_key_i64(b, "id_slot", c->engine_slot);
		json_put_key_bool(b, "cache_prompt", c->engine_cache == CHAT_CACHE_REUSE);
	}
	/* llama-server answers 400 to token probabilities together with tools in a stream. */
	if (c->logprobs && c->n_tools == 0) {
		json_put_key_bool(b, "logprobs", true);
		if (c->top_logprobs > 0)
			json_put_key_i64(b, "top_logprobs", c->top_logprobs);
	}
}

static enum err write_body(const struct chat *c, const char *model, const struct quirks *q,
			   struct buf *out)
{
	if (q->max_stops > 0 && c->n_stop > q->max_stops)
		return ERR_UNSUPPORTED;
	buf_add_char(out, '{');
	json_put_key_cstr(out, "model", model);
	put_messages(out, q, c);
	put_tools(out, c);
	put_format(out, q, c);
	put_sampling(out, q, c);
	if (c->max_tokens > 0)
		json_put_key_i64(out,
				 q->max_tokens != NULL    ? q->max_tokens
				 : c->max_tokens_new_name ? "max_completion_tokens"
							  : "max_tokens",
				 c->max_tokens);
	if (q->engine)
		put_engine(out, c);
	if (c->stream)
		json_put_key_bool(out, "stream", true);
	if (c->stream && !q->no_stream_options)
		buf_add_str(out, ",\"stream_options\":{\"include_usage\":true}");
	buf_add_char(out, '}');
	return out->failed ? ERR_TOO_BIG : ERR_OK;
}

enum err openai_chat_send(const struct chat *c, const char *model, struct buf *out)
{
	return write_body(c, model, &openai, out);
}

enum err llamacpp_chat_send(const struct chat *c, const char *model, struct buf *out)
{
	return write_body(c, model, &llamacpp, out);
}

enum err mistral_chat_send(const struct chat *c, const char *model, struct buf *out)
{
	return write_body(c, model, &mistral, out);
}

enum err openrouter_chat_send(const struct chat *c, const char *model, struct buf *out)
{
	return write_body(c, model, &openrouter, out);
}

/* learn.microsoft.com, Azure OpenAI: a resource's v1 surface takes the body's model; with an
 * api-version the deployment stands in the path, and is what the model's name means. */
bool azure_openai_path(const char *model, const char *version, bool stream, struct buf *out)
{
	(void)stream;
	if (version == NULL)
		buf_add_str(out, "/chat/completions");
	else if (send_path_name(model))
		buf_printf(out, "/deployments/%s/chat/completions?api-version=%s", model,
			   version);
	else
		return false;
	return !out->failed;
}
