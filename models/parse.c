/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three texts, one reader: the shipped catalogue, the index of a models folder, and the MODELS
 * message. An entry is the same object in all three; the table `entry_fields` says which keys
 * each may have and must have. The JSON gate has refused duplicate keys before.
 *
 * Invariants
 *   1. The first problem wins: after fail() nothing more is written to *r.
 *   2. Every string is copied to the arena; a pointer in a result is never NULL.
 *   3. `r->path` is the JSON Pointer of the value being read, so that fail() can name its line.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "models/read_impl.h"

#define SAMPLING_FIELDS(base)                                                                  \
	{ "temperature", models_read_temperature,                                              \
	  (base) + offsetof(struct model_sampling, temperature), EVERY, 0 },                   \
		{ "top_p", models_read_probability,                                            \
		  (base) + offsetof(struct model_sampling, top_p), EVERY, 0 },                 \
		{ "min_p", models_read_probability,                                            \
		  (base) + offsetof(struct model_sampling, min_p), EVERY, 0 },                 \
		{ "repeat_penalty", models_read_penalty,                                       \
		  (base) + offsetof(struct model_sampling, repeat_penalty), EVERY, 0 },        \
	{                                                                                      \
		"top_k", models_read_top_k, (base) + offsetof(struct model_sampling, top_k),   \
			EVERY, 0                                                               \
	}

static const struct model_sampling nothing_set = { NAN, NAN, NAN, NAN, -1 };

static void read_sampling(struct reader *r, const cJSON *v, void *into)
{
	static const struct field fields[] = { SAMPLING_FIELDS(0) };

	models_read_object(r, v, fields, LEN(fields), into);
}

static void read_recipes(struct reader *r, const cJSON *v, void *into)
{
	static const struct field fields[] = {
		{ "system", models_read_text, offsetof(struct model_recipe, system), EVERY, 0 },
		{ "prefix", models_read_text, offsetof(struct model_recipe, prefix), EVERY, 0 },
		{ "suffix", models_read_text, offsetof(struct model_recipe, suffix), EVERY, 0 },
		{ "max_tokens", models_read_u32, offsetof(struct model_recipe, max_tokens),
		  EVERY, 0 },
		SAMPLING_FIELDS(offsetof(struct model_recipe, sampling)),
	};
	struct model *m =
		(struct model *)(void *)((char *)into - offsetof(struct model, recipes));
	int n = cJSON_IsObject(v) ? cJSON_GetArraySize(v) : -1;
	const cJSON *child;

	if (n < 0 || (uint32_t)n > LIST_MAX) {
		models_read_fail(r, n < 0 ? ERR_SYNTAX : ERR_TOO_BIG,
				 "is not an object of recipes");
		return;
	}
	m->recipes = models_read_claim(r, (size_t)n, sizeof *m->recipes);
	if (m->recipes == NULL)
		return;
	cJSON_ArrayForEach (child, v) {
		struct model_recipe *recipe = &m->recipes[m->n_recipes++];
		const char *task = arena_strdup(
			r->arena,
			span_of(strcmp(child->string, "any") == 0 ? "" : child->string));

		*recipe = (struct model_recipe){
			task != NULL ? task : "", "", "", "", 0, nothing_set
		};
		if (task == NULL)
			models_read_fail(r, ERR_NO_MEMORY, "needs too much memory");
		else if (child->string[0] == '\0' || strlen(task) > 32 ||
			 strpbrk(task, "/~\"\\") != NULL)
			models_read_unknown_key(r, task);
		size_t mark = models_read_path_enter(r, child->string);
		models_read_object(r, child, fields, LEN(fields), recipe);
		models_read_path_leave(r, mark);
	}
}

static void read_stop(struct reader *r, const cJSON *v, void *into)
{
	struct model *m = (struct model *)(void *)((char *)into - offsetof(struct model, stop));

	m->stop =
		models_read_list(r, v, sizeof *m->stop, models_read_text, LIST_MAX, &m->n_stop);
}

static void read_languages(struct reader *r, const cJSON *v, void *into)
{
	struct model *m =
		(struct model *)(void *)((char *)into - offsetof(struct model, languages));

	m->languages = models_read_list(r, v, sizeof *m->languages, models_read_text, LIST_MAX,
					&m->n_languages);
}

static void read_licence(struct reader *r, const cJSON *v, void *into)
{
	static const struct field fields[] = {
		{ "spdx", models_read_text, offsetof(struct model, licence), EVERY, EVERY },
		{ "url", models_read_text, offsetof(struct model, licence_url), EVERY, EVERY },
	};

	models_read_object(r, v, fields, LEN(fields),
			   (char *)into - offsetof(struct model, licence));
}

/* What is handed to npm as an argument: no leading dash, no blank, nothing of a path or
 * address. */
static void read_package(struct reader *r, const cJSON *v, void *into)
{
	const char *s = cJSON_IsString(v) ? v->valuestring : "";

	if (s[0] == '\0' || s[0] == '-' || s[0] == '.' || strlen(s) > 214 ||
	    s[strspn(s,
		     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@/._-+")] !=
		    '\0')
		models_read_fail(r, ERR_SYNTAX, "is not a package name or version");
	else
		models_read_text(r, v, into);
}

static void read_member(struct reader *r, const cJSON *v, void *into)
{
	const char *s = cJSON_IsString(v) ? v->valuestring : "";

	if (s[0] == '\0' || s[0] == '-' || s[0] == '/' || strstr(s, "..") != NULL)
		models_read_fail(r, ERR_SYNTAX, "is not a file inside a package");
	else
		models_read_text(r, v, into);
}

static void read_integrity(struct reader *r, const cJSON *v, void *into)
{
	/* 64 bytes in base 64 are 88 characters. */
	if (!cJSON_IsString(v) || strncmp(v->valuestring, "sha512-", 7) != 0 ||
	    strlen(v->valuestring) != 7 + 88)
		models_read_fail(r, ERR_SYNTAX, "is not sha512- and base64");
	else
		models_read_text(r, v, into);
}

static void read_part(struct reader *r, const cJSON *v, void *into)
{
	static const struct field fields[] = {
		{ "package", read_package, offsetof(struct model_source_part, package), EVERY,
		  EVERY },
		{ "version", read_package, offsetof(struct model_source_part, version), EVERY,
		  EVERY },
		{ "integrity", read_integrity, offsetof(struct model_source_part, integrity),
		  EVERY, EVERY },
		{ "member", read_member, offsetof(struct model_source_part, member), EVERY,
		  EVERY },
	};

	*(struct model_source_part *)into = (struct model_source_part){ "", "", "", "" };
	models_read_object(r, v, fields, LEN(fields), into);
}

static void read_parts(struct reader *r, const cJSON *v, void *into)
{
	struct model_source *s =
		(struct model_source *)(void *)((char *)into -
						offsetof(struct model_source, parts));

	s->parts = models_read_list(r, v, sizeof *s->parts, read_part, LIST_MAX, &s->n_parts);
	if (s->n_parts == 0)
		models_read_fail(r, ERR_SYNTAX, "is empty");
}

static void read_kind(struct reader *r, const cJSON *v, void *into)
{
	const char *s = cJSON_IsString(v) ? v->valuestring : "";

	if (strcmp(s, "npm") == 0)
		*(enum model_source_kind *)into = MODEL_SOURCE_NPM;
	else if (strcmp(s, "https") == 0)
		*(enum model_source_kind *)into = MODEL_SOURCE_HTTPS;
	else
		models_read_fail(r, ERR_SYNTAX, "is neither \"npm\" nor \"https\"");
}

static void read_url(struct reader *r, const cJSON *v, void *into)
{
	if (!cJSON_IsString(v) || strncmp(v->valuestring, "https://", 8) != 0)
		models_read_fail(r, ERR_SYNTAX, "does not start with https://");
	else
		models_read_text(r, v, into);
}

static void read_source(struct reader *r, const cJSON *v, void *into)
{
	static const struct field npm[] = {
		{ "kind", read_kind, offsetof(struct model_source, kind), EVERY, EVERY },
		{ "parts", read_parts, offsetof(struct model_source, parts), EVERY, EVERY },
	};
	static const struct field https[] = {
		{ "kind", read_kind, offsetof(struct model_source, kind), EVERY, EVERY },
		{ "url", read_url, offsetof(struct model_source, url), EVERY, EVERY },
	};
	const char *kind = json_get_string(v, "kind");

	*(struct model_source *)into = (struct model_source){ .url = "" };
	if (kind != NULL && strcmp(kind, "npm") == 0)
		models_read_object(r, v, npm, LEN(npm), into);
	else
		models_read_object(r, v, https, LEN(https), into);
}

static void read_sources(struct reader *r, const cJSON *v, void *into)
{
	struct model *m =
		(struct model *)(void *)((char *)into - offsetof(struct model, sources));

	m->sources = models_read_list(r, v, sizeof *m->sources, read_source, LIST_MAX,
				      &m->n_sources);
	if (m->n_sources == 0)
		models_read_fail(r, ERR_SYNTAX, "is empty");
}

static void read_projector(struct reader *r, const cJSON *v, void *into)
{
	static const struct field fields[] = {
		{ "file", models_read_file_name, offsetof(struct model_projector, file), EVERY,
		  EVERY },
		{ "bytes", models_read_bytes, offsetof(struct model_projector, bytes), EVERY,
		  EVERY },
		{ "sha256", models_read_digest, offsetof(struct model_projector, sha256), EVERY,
		  EVERY },
	};

	models_read_object(r, v, fields, LEN(fields), into);
}

#define AT(member) offsetof(struct model, member)

static const struct field entry_fields[] = {
	{ "name", models_read_name, AT(name), EVERY, EVERY },
	{ "title", models_read_text, AT(title), EVERY, CATALOGUE },
	{ "family", models_read_text, AT(family), EVERY, CATALOGUE },
	{ "parameters", models_read_text, AT(parameters), EVERY, CATALOGUE },
	{ "quantisation", models_read_text, AT(quantisation), EVERY, CATALOGUE },
	{ "bytes", models_read_bytes, AT(bytes), CATALOGUE | INDEX, CATALOGUE | INDEX },
	{ "sha256", models_read_digest, AT(sha256), CATALOGUE | INDEX, CATALOGUE | INDEX },
	{ "licence", read_licence, AT(licence), CATALOGUE | INDEX, CATALOGUE },
	{ "context_length", models_read_u32, AT(context_tokens), EVERY, EVERY },
	{ "memory_bytes", models_read_bytes, AT(memory_bytes), CATALOGUE | INDEX,
	  CATALOGUE | INDEX },
	{ "rank", models_read_rank, AT(rank), CATALOGUE | INDEX, CATALOGUE },
	{ "languages", read_languages, AT(languages), EVERY, CATALOGUE },
	{ "sources", read_sources, AT(sources), CATALOGUE, CATALOGUE },
	{ "sampling", read_sampling, AT(sampling), EVERY, CATALOGUE },
	{ "stop", read_stop, AT(stop), EVERY, CATALOGUE },
	{ "recipes", read_recipes, AT(recipes), EVERY, CATALOGUE },
	{ "file", models_read_file_name, AT(file), INDEX, INDEX },
	{ "imported", models_read_bool, AT(imported), INDEX, 0 },
	{ "projector", read_projector, AT(projector), INDEX, 0 },
	{ "vision", models_read_bool, AT(vision), MESSAGE, 0 },
	{ "threshold_pm", models_read_rank, AT(threshold_pm), INDEX | MESSAGE, 0 },
	{ "floor_pm", models_read_rank, AT(floor_pm), INDEX | MESSAGE, 0 },
};

static void read_entry(struct reader *r, const cJSON *v, void *into)
{
	struct model *m = into;

	*m = (struct model){ .name = "",
			     .family = "",
			     .title = "",
			     .quantisation = "",
			     .parameters = "",
			     .licence = "",
			     .licence_url = "",
			     .sampling = nothing_set,
			     .file = "" };
	models_read_object(r, v, entry_fields, LEN(entry_fields), m);
	m->vision = m->vision || m->projector.file != NULL;
}

/* The message marks the one in use in its entry, outside struct model. */
static void read_message_entry(struct reader *r, const cJSON *v, void *into)
{
	cJSON *mutable =
		cJSON_DetachItemFromObjectCaseSensitive((cJSON *)(uintptr_t)v, "chosen");

	if (mutable != NULL && !cJSON_IsTrue(mutable))
		models_read_fail(r, ERR_SYNTAX, "has a chosen that is not true");
	read_entry(r, v, into);
	((struct model *)into)->imported =
		mutable != NULL; /* borrowed until the list is whole */
	cJSON_Delete(mutable);
}

static void refuse_twins(struct reader *r, const struct model_list *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(l->models[i].name, l->models[j].name) == 0) {
				size_t mark = models_read_path_enter_index(r, i);
				models_read_fail(r, ERR_SYNTAX,
						 "has the name of an earlier entry");
				models_read_path_leave(r, mark);
			}
}

static void read_models(struct reader *r, const cJSON *v, void *into)
{
	struct model_list *l =
		(struct model_list *)(void *)((char *)into -
					      offsetof(struct model_list, models));

	l->models = models_read_list(r, v, sizeof *l->models,
				     r->where == MESSAGE ? read_message_entry : read_entry,
				     MODELS_MAX, &l->n);
	if (r->err == ERR_OK)
		refuse_twins(r, l);
}

static void read_schema(struct reader *r, const cJSON *v, void *into)
{
	const char *want = r->where == CATALOGUE ? "hither.catalogue/1" : "hither.models/1";

	(void)into;
	if (!cJSON_IsString(v) || strcmp(v->valuestring, want) != 0)
		models_read_fail(r, ERR_SYNTAX, "is not the schema that this program reads");
}

/* "" or the name of an entry; checked against the list once that is read. */
static void read_chosen(struct reader *r, const cJSON *v, void *into)
{
	if (!cJSON_IsString(v) || v->valuestring[0] != '\0')
		models_read_name(r, v, into);
}

static const struct field list_fields[] = {
	{ "schema", read_schema, 0, CATALOGUE | INDEX, CATALOGUE | INDEX },
	{ "default", models_read_name, offsetof(struct model_list, fallback), CATALOGUE,
	  CATALOGUE },
	{ "chosen", read_chosen, offsetof(struct model_list, chosen), INDEX, INDEX },
	{ "models", read_models, offsetof(struct model_list, models), CATALOGUE | INDEX,
	  CATALOGUE | INDEX },
};

static void read_whole(struct reader *r, const cJSON *tree, struct model_list *l)
{
	if (r->where == MESSAGE) {
		read_models(r, tree, &l->models);
		for (uint32_t i = 0; r->err == ERR_OK && i < l->n; i++) {
			if (l->models[i].imported)
				l->chosen = l->models[i].name;
			l->models[i].imported = false;
		}
		return;
	}
	models_read_object(r, tree, list_fields, LEN(list_fields), l);
	if (r->err == ERR_OK && l->fallback[0] != '\0' && models_find(l, l->fallback) == NULL) {
		size_t mark = models_read_path_enter(r, "default");
		models_read_fail(r, ERR_SYNTAX, "names no entry");
		models_read_path_leave(r, mark);
	}
	if (r->err == ERR_OK && l->chosen[0] != '\0' && models_find(l, l->chosen) == NULL) {
		size_t mark = models_read_path_enter(r, "chosen");
		models_read_fail(r, ERR_SYNTAX, "names no entry");
		models_read_path_leave(r, mark);
	}
}

static enum err parse(struct span text, unsigned where, struct arena *a, struct model_list *ret,
		      struct json_where *reterr)
{
	struct reader r = { .arena = a, .text = text, .where = where };
	struct model_list l = { .chosen = "", .fallback = "" };
	cJSON *tree = NULL;
	enum err e;

	if (text.len > MODELS_TEXT_BYTES) {
		*reterr =
			(struct json_where){ .line = 1, .column = 1, .problem = "is too long" };
		return ERR_TOO_BIG;
	}
	e = json_parse(text, &json_limits_api, &tree, reterr);
	if (e != ERR_OK)
		return e;
	read_whole(&r, tree, &l);
	cJSON_Delete(tree);
	if (r.err != ERR_OK) {
		*reterr = r.at;
		return r.err;
	}
	*ret = l;
	return ERR_OK;
}

enum err models_catalogue_parse(struct span text, struct arena *a, struct model_list *ret,
				struct json_where *reterr)
{
	return parse(text, CATALOGUE, a, ret, reterr);
}

enum err models_index_parse(struct span text, struct arena *a, struct model_list *ret,
			    struct json_where *reterr)
{
	if (span_trim(text).len == 0) {
		*ret = (struct model_list){ .chosen = "", .fallback = "" };
		return ERR_OK;
	}
	return parse(text, INDEX, a, ret, reterr);
}

enum err models_message_parse(struct span text, struct arena *a, struct model_list *ret)
{
	struct json_where at;

	return parse(text, MESSAGE, a, ret, &at);
}
