/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of models as JSON; parse.c reads what is written here. What is not set is left out. */
#include <math.h>

#include "models/models.h"

static void put_number(struct buf *out, const char *key, double v)
{
	if (!isnan(v))
		json_put_key_number(out, key, v);
}

static void put_sampling(struct buf *out, const struct model_sampling *s)
{
	put_number(out, "temperature", s->temperature);
	put_number(out, "top_p", s->top_p);
	if (s->top_k >= 0)
		json_put_key_i64(out, "top_k", s->top_k);
	put_number(out, "min_p", s->min_p);
	put_number(out, "repeat_penalty", s->repeat_penalty);
}

static void put_text(struct buf *out, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_put_key_cstr(out, key, text);
}

static void put_strings(struct buf *out, const char *key, const char **strings, uint32_t n)
{
	json_put_key(out, key);
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		json_put_string(out, span_of(strings[i]));
	}
	buf_add_char(out, ']');
}

static void put_recipes(struct buf *out, const struct model *m)
{
	json_put_key(out, "recipes");
	buf_add_char(out, '{');
	for (uint32_t i = 0; i < m->n_recipes; i++) {
		const struct model_recipe *r = &m->recipes[i];

		json_put_key(out, r->task[0] != '\0' ? r->task : "any");
		buf_add_char(out, '{');
		put_text(out, "system", r->system);
		put_text(out, "prefix", r->prefix);
		put_text(out, "suffix", r->suffix);
		put_sampling(out, &r->sampling);
		if (r->max_tokens > 0)
			json_put_key_i64(out, "max_tokens", r->max_tokens);
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

/* What both forms share: all that says how to ask the model. */
static void put_common(struct buf *out, const struct model *m)
{
	json_put_key_cstr(out, "name", m->name);
	put_text(out, "title", m->title);
	put_text(out, "family", m->family);
	put_text(out, "quantisation", m->quantisation);
	put_text(out, "parameters", m->parameters);
	json_put_key_i64(out, "context_length", m->context_tokens);
	put_strings(out, "languages", m->languages, m->n_languages);
	json_put_key(out, "sampling");
	buf_add_char(out, '{');
	put_sampling(out, &m->sampling);
	buf_add_char(out, '}');
	put_strings(out, "stop", m->stop, m->n_stop);
	put_recipes(out, m);
	if (m->threshold_pm > 0)
		json_put_key_i64(out, "threshold_pm", m->threshold_pm);
	if (m->floor_pm > 0)
		json_put_key_i64(out, "floor_pm", m->floor_pm);
}

static void put_projector(struct buf *out, const struct model_projector *p)
{
	json_put_key(out, "projector");
	buf_add_char(out, '{');
	json_put_key_cstr(out, "file", p->file);
	json_put_key_i64(out, "bytes", (int64_t)p->bytes);
	json_put_key_cstr(out, "sha256", p->sha256);
	buf_add_char(out, '}');
}

void models_index_write(const struct model_list *l, struct buf *out)
{
	buf_add_char(out, '{');
	json_put_key_cstr(out, "schema", "hither.models/1");
	json_put_key_cstr(out, "chosen", l->chosen);
	json_put_key(out, "models");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < l->n; i++) {
		const struct model *m = &l->models[i];

		buf_add_str(out, i > 0 ? ",\n{" : "\n{");
		put_common(out, m);
		json_put_key_i64(out, "bytes", (int64_t)m->bytes);
		json_put_key_cstr(out, "sha256", m->sha256);
		json_put_key_i64(out, "memory_bytes", (int64_t)m->memory_bytes);
		json_put_key_i64(out, "rank", m->rank);
		if (m->licence[0] != '\0') {
			json_put_key(out, "licence");
			buf_add_char(out, '{');
			json_put_key_cstr(out, "spdx", m->licence);
			json_put_key_cstr(out, "url", m->licence_url);
			buf_add_char(out, '}');
		}
		json_put_key_cstr(out, "file", m->file);
		if (m->imported)
			json_put_key_bool(out, "imported", true);
		if (m->projector.file != NULL)
			put_projector(out, &m->projector);
		buf_add_char(out, '}');
	}
	buf_add_str(out, "\n]}\n");
}

void models_message_write(const struct model_list *l, struct buf *out)
{
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < l->n; i++) {
		buf_add_str(out, i > 0 ? ",{" : "{");
		put_common(out, &l->models[i]);
		if (l->models[i].vision)
			json_put_key_bool(out, "vision", true);
		if (span_is(span_of(l->chosen), l->models[i].name))
			json_put_key_bool(out, "chosen", true);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}
