/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of models and Ollama's bodies about models. What is not known is written as the empty
 * text or left out, never made up; a client's types demand most keys to be there.
 */
#include "dialect/lists.h"

#include "dialect/ollama_impl.h"

#define LATEST ":latest"

static const char *text(const char *s)
{
	return s != NULL ? s : "";
}

static void next(size_t i, struct buf *out)
{
	if (i > 0)
		buf_add_char(out, ',');
}

/* --- OpenAI -------------------------------------------------------------------------- */

void openai_put_model(const struct model_card *m, struct buf *out)
{
	buf_add_char(out, '{');
	json_put_key_cstr(out, "id", m->id);
	json_put_key_cstr(out, "object", "model");
	json_put_key_i64(out, "created", m->created_s);
	json_put_key_cstr(out, "owned_by", text(m->owner));
	buf_add_char(out, '}');
}

void openai_put_models(const struct model_card *list, size_t n, struct buf *out)
{
	buf_add_str(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < n; i++) {
		next(i, out);
		openai_put_model(&list[i], out);
	}
	buf_add_str(out, "]}");
}

/* --- Anthropic ----------------------------------------------------------------------- */

void anthropic_put_model(const struct model_card *m, struct buf *out)
{
	buf_add_str(out, "{\"type\":\"model\"");
	json_put_key_cstr(out, "id", m->id);
	json_put_key_cstr(out, "display_name", m->id);
	json_put_key(out, "created_at");
	ollama_put_time(out, m->created_s);
	buf_add_char(out, '}');
}

void anthropic_put_models(const struct model_card *list, size_t n, struct buf *out)
{
	buf_add_str(out, "{\"data\":[");
	for (size_t i = 0; i < n; i++) {
		next(i, out);
		anthropic_put_model(&list[i], out);
	}
	buf_add_str(out, "],\"has_more\":false");
	json_put_key_cstr(out, "first_id", n > 0 ? list[0].id : NULL);
	json_put_key_cstr(out, "last_id", n > 0 ? list[n - 1].id : NULL);
	buf_add_char(out, '}');
}

void anthropic_put_count(int64_t tokens, struct buf *out)
{
	buf_add_char(out, '{');
	json_put_key_i64(out, "input_tokens", tokens);
	buf_add_char(out, '}');
}

/* --- Ollama -------------------------------------------------------------------------- */

struct span ollama_plain_name(struct span name)
{
	size_t tag = sizeof LATEST - 1;

	if (name.len > tag && span_is((struct span){ name.ptr + name.len - tag, tag }, LATEST))
		name.len -= tag;
	return name;
}

static void put_name(struct buf *out, const char *key, const char *id)
{
	json_put_key(out, key);
	buf_add_char(out, '"');
	json_put_escaped(out, span_of(id));
	if (strchr(id, ':') == NULL)
		buf_add_str(out, LATEST);
	buf_add_char(out, '"');
}

static void put_details(const struct model_card *m, struct buf *out)
{
	buf_add_str(out, ",\"details\":{\"parent_model\":\"\",\"format\":\"gguf\"");
	json_put_key_cstr(out, "family", text(m->family));
	json_put_key(out, "families");
	buf_add_char(out, '[');
	if (text(m->family)[0] != '\0')
		json_put_string(out, span_of(m->family));
	buf_add_char(out, ']');
	json_put_key_cstr(out, "parameter_size", text(m->parameters));
	json_put_key_cstr(out, "quantization_level", text(m->quantization));
	buf_add_char(out, '}');
}

static void open_entry(const struct model_card *m, struct buf *out)
{
	buf_add_char(out, '{');
	put_name(out, "name", m->id);
	put_name(out, "model", m->id);
}

static void put_size(const struct model_card *m, struct buf *out)
{
	json_put_key_i64(out, "size", (int64_t)(m->size_bytes & INT64_MAX));
	json_put_key_cstr(out, "digest", text(m->digest));
	put_details(m, out);
}

void ollama_put_tags(const struct model_card *list, size_t n, struct buf *out)
{
	buf_add_str(out, "{\"models\":[");
	for (size_t i = 0; i < n; i++) {
		next(i, out);
		open_entry(&list[i], out);
		json_put_key(out, "modified_at");
		ollama_put_time(out, list[i].created_s);
		put_size(&list[i], out);
		buf_add_char(out, '}');
	}
	buf_add_str(out, "]}");
}

/* What is loaded stays until it is not used; the daemon names no time for it. */
void ollama_put_ps(const struct model_card *list, size_t n, struct buf *out)
{
	bool first = true;

	buf_add_str(out, "{\"models\":[");
	for (size_t i = 0; i < n; i++) {
		if (!list[i].loaded)
			continue;
		next(first ? 0 : 1, out);
		first = false;
		open_entry(&list[i], out);
		put_size(&list[i], out);
		buf_add_str(out, ",\"expires_at\":\"0001-01-01T00:00:00Z\",\"size_vram\":0");
		if (list[i].context_tokens > 0)
			json_put_key_i64(out, "context_length", list[i].context_tokens);
		buf_add_char(out, '}');
	}
	buf_add_str(out, "]}");
}

static void put_capabilities(const struct model_card *m, struct buf *out)
{
	const struct {
		bool can;
		const char *word;
	} rows[] = {
		{ !m->embedding, "completion" }, { m->embedding, "embedding" },
		{ m->tools, "tools" },           { m->vision, "vision" },
		{ m->thinking, "thinking" },
	};
	size_t n = 0;

	buf_add_str(out, ",\"capabilities\":[");
	for (size_t i = 0; i < LEN(rows); i++) {
		if (!rows[i].can)
			continue;
		next(n++, out);
		json_put_string(out, span_of(rows[i].word));
	}
	buf_add_char(out, ']');
}

void ollama_put_show(const struct model_card *m, struct buf *out)
{
	const char *family = text(m->family)[0] != '\0' ? m->family : "unknown";

	buf_add_str(out, "{\"modelfile\":\"\",\"parameters\":\"\",\"template\":\"\"");
	put_details(m, out);
	buf_add_str(out, ",\"model_info\":{");
	json_put_key_cstr(out, "general.architecture", family);
	if (m->context_tokens > 0) {
		buf_add_str(out, ",\"");
		json_put_escaped(out, span_of(family));
		buf_printf(out, ".context_length\":%u", m->context_tokens);
	}
	buf_add_char(out, '}');
	put_capabilities(m, out);
	json_put_key(out, "modified_at");
	ollama_put_time(out, m->created_s);
	buf_add_char(out, '}');
}

void ollama_put_version(const char *version, struct buf *out)
{
	buf_add_char(out, '{');
	json_put_key_cstr(out, "version", version);
	buf_add_char(out, '}');
}

enum err ollama_read_show(struct span body, struct arena *a, struct span *ret,
			  struct chat_problem *reterr)
{
	struct chat chat = { .stream = false };
	struct chat_problem problem = { .status = 0 };
	struct reading r = { .arena = a, .chat = &chat, .problem = &problem };
	const cJSON *tree = reading_parse(&r, body);
	struct span name;
	bool ok = tree != NULL &&
		  reading_model_name(&r, tree,
				     json_get_string(tree, "model") == NULL &&
						     json_get_string(tree, "name") != NULL
					     ? "name" /* what it was called before */
					     : "model",
				     &name);

	reading_done(&r);
	if (!ok) {
		*reterr = problem;
		return r.no_memory ? ERR_NO_MEMORY : ERR_SYNTAX;
	}
	*ret = ollama_plain_name(name);
	return ERR_OK;
}
