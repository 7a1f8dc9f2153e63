/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recognition goes by what only one engine says: a path that only it serves, or the owner that
 * it writes into its list of models. Nothing is guessed from a port. Lists are read tolerantly:
 * an entry without a usable name is left out, everything else is optional.
 */
#include "dialect/engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"

static const char *const kind_names[] = {
#define X(name, text) text,
	ENGINE_KINDS(X)
#undef X
};

static const char *const ask_paths[] = {
#define X(name, path) path,
	ENGINE_ASKS(X)
#undef X
};

const char *engine_kind_name(enum engine_kind k)
{
	return k < ENGINE_KIND_COUNT ? kind_names[k] : kind_names[ENGINE_KIND_UNKNOWN];
}

const char *engine_ask_path(enum engine_ask a)
{
	return ask_paths[a];
}

uint32_t engine_watch_asks(enum engine_kind k)
{
	switch (k) {
	case ENGINE_KIND_LLAMA_SERVER:
		return 1u << ENGINE_ASK_HEALTH;
	case ENGINE_KIND_OLLAMA: /* a model can be replaced by one that is elsewhere */
		return 1u << ENGINE_ASK_OLLAMA_VERSION | 1u << ENGINE_ASK_OLLAMA_STATUS |
		       1u << ENGINE_ASK_OLLAMA_TAGS;
	default:
		return 1u << ENGINE_ASK_MODELS;
	}
}

/* --- answers as trees --------------------------------------------------------------------- */

/* Only a 200 with an object; NULL otherwise. */
static cJSON *tree_of(const struct engine_answer *a)
{
	struct json_where where;
	cJSON *tree = NULL;

	if (a->status != 200 || json_parse(a->body, &json_limits_api, &tree, &where) != ERR_OK)
		return NULL;
	return tree;
}

static bool has_text(const cJSON *object, const char *key, const char *text)
{
	const char *value = json_get_string(object, key);

	return value != NULL && strcasecmp(value, text) == 0;
}

static void take_version(const cJSON *tree, struct engine_facts *f)
{
	const char *v = json_get_string(tree, "version");

	if (v != NULL && !span_copy(span_of(v), f->version, sizeof f->version))
		f->version[0] = '\0';
}

static uint32_t number_of(const cJSON *object, const char *key)
{
	int64_t n = 0;

	(void)json_get_int(object, key, 1, 100000000, &n);
	return (uint32_t)n;
}

/* NULL when the list is full or the name is no name. */
static struct engine_model_facts *add_model(struct engine_facts *f, const char *name)
{
	struct engine_model_facts *m = &f->models[f->n_models];

	if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof m->name)
		return NULL;
	if (f->n_models == ENGINE_MODELS_MAX) {
		f->models_left++;
		return NULL;
	}
	memset(m, 0, sizeof *m);
	memcpy(m->name, name, strlen(name) + 1);
	f->n_models++;
	return m;
}

static struct engine_model_facts *find_model(struct engine_facts *f, const char *name)
{
	for (uint32_t i = 0; name != NULL && i < f->n_models; i++)
		if (strcmp(f->models[i].name, name) == 0)
			return &f->models[i];
	return NULL;
}

/* --- the list everybody has -----------------------------------------------------------------
 */

static bool looks_made_for_embeddings(const char *name)
{
	return strcasestr(name, "embed") != NULL || strncasecmp(name, "bge-", 4) == 0;
}

/* `<provider>.<id>`: how Lemonade lists what it only passes on. */
static bool is_passed_on(const char *name)
{
	static const char *const providers[] = { "openai.",     "anthropic.", "fireworks.",
						 "openrouter.", "together.",  "google.",
						 "mistral.",    "groq.",      "azure." };

	for (size_t i = 0; i < LEN(providers); i++)
		if (strncasecmp(name, providers[i], strlen(providers[i])) == 0)
			return true;
	return false;
}

static uint32_t context_of(const cJSON *entry)
{
	const cJSON *meta = json_get_object(entry, "meta");
	static const char *const keys[] = { "max_model_len", "context_length",
					    "max_context_length", "maxInputTokens",
					    "ctx_size" };
	uint32_t n = number_of(meta, "n_ctx");

	for (size_t i = 0; n == 0 && i < LEN(keys); i++)
		n = number_of(entry, keys[i]);
	return n != 0 ? n : number_of(meta, "n_ctx_train");
}

static enum engine_kind kind_of_owner(const cJSON *entry)
{
	static const struct {
		const char *owner;
		enum engine_kind kind;
	} owners[] = { { "llamacpp", ENGINE_KIND_LLAMA_SERVER },
		       { "vllm", ENGINE_KIND_VLLM },
		       { "MLC-LLM", ENGINE_KIND_MLC },
		       { "lemonade", ENGINE_KIND_LEMONADE },
		       { "litert-lm", ENGINE_KIND_LITERT },
		       { "litert", ENGINE_KIND_LITERT },
		       { "Microsoft", ENGINE_KIND_FOUNDRY },
		       { "foundry-local", ENGINE_KIND_FOUNDRY } };

	for (size_t i = 0; i < LEN(owners); i++)
		if (has_text(entry, "owned_by", owners[i].owner))
			return owners[i].kind;
	/* LiteRT-LM puts the file, with backend and length behind it, into the name. */
	const char *id = json_get_string(entry, "id");

	return id != NULL && strstr(id, ".litertlm") != NULL ? ENGINE_KIND_LITERT
							     : ENGINE_KIND_UNKNOWN;
}

static void read_models(const cJSON *tree, struct engine_facts *f)
{
	const cJSON *entry;

	if (json_get_array(tree, "data") == NULL)
		return;
	f->kind = ENGINE_KIND_OPENAI;
	cJSON_ArrayForEach (entry, json_get_array(tree, "data")) {
		struct engine_model_facts *m = add_model(f, json_get_string(entry, "id"));
		enum engine_kind k = kind_of_owner(entry);

		if (k != ENGINE_KIND_UNKNOWN)
			f->kind = k;
		if (m == NULL)
			continue;
		m->context_tokens = context_of(entry);
		m->embeddings = looks_made_for_embeddings(m->name);
	}
}

/* --- what only one of them says
 * ---------------------------------------------------------------- */

static void read_llama_server(const struct engine_answer *a, struct engine_facts *f)
{
	cJSON *props = tree_of(&a[ENGINE_ASK_PROPS]);
	uint32_t n = number_of(json_get_object(props, "default_generation_settings"), "n_ctx");

	if (n > 0) {
		f->kind = ENGINE_KIND_LLAMA_SERVER;
		if (f->n_models == 0)
			(void)add_model(f, "default");
		for (uint32_t i = 0; i < f->n_models; i++) {
			f->models[i].context_tokens = n;
			f->models[i].loaded = f->n_models == 1;
		}
	}
	cJSON_Delete(props);
}

/* Names by which Ollama passes prompts on to its operator. */
static bool is_cloud_name(const char *name)
{
	size_t n = strlen(name);

	return (n >= 6 && strcasecmp(name + n - 6, ":cloud") == 0) ||
	       (n >= 6 && strcasecmp(name + n - 6, "-cloud") == 0);
}

static void read_ollama_tags(const cJSON *tags, struct engine_facts *f)
{
	const cJSON *entry;

	f->n_models = f->models_left = 0; /* /v1/models says less of the same */
	cJSON_ArrayForEach (entry, json_get_array(tags, "models")) {
		struct engine_model_facts *m = add_model(f, json_get_string(entry, "name"));
		const char *host = json_get_string(entry, "remote_host");
		const char *model = json_get_string(entry, "remote_model");

		if (m == NULL)
			continue;
		m->elsewhere = is_cloud_name(m->name) || (host != NULL && host[0] != '\0') ||
			       (model != NULL && model[0] != '\0');
		m->context_tokens =
			number_of(json_get_object(entry, "details"), "context_length");
		m->embeddings = looks_made_for_embeddings(m->name);
	}
}

static void read_ollama(const struct engine_answer *a, struct engine_facts *f)
{
	cJSON *version = tree_of(&a[ENGINE_ASK_OLLAMA_VERSION]);
	cJSON *tags = tree_of(&a[ENGINE_ASK_OLLAMA_TAGS]);
	cJSON *status = tree_of(&a[ENGINE_ASK_OLLAMA_STATUS]);
	cJSON *ps = tree_of(&a[ENGINE_ASK_OLLAMA_PS]);
	const cJSON *entry;

	if (json_get_string(version, "version") != NULL &&
	    json_get_array(tags, "models") != NULL) {
		f->kind = ENGINE_KIND_OLLAMA;
		take_version(version, f);
		read_ollama_tags(tags, f);
		f->cloud_known = json_get_bool(json_get_object(status, "cloud"), "disabled",
					       &f->cloud_off);
		cJSON_ArrayForEach (entry, json_get_array(ps, "models")) {
			struct engine_model_facts *m =
				find_model(f, json_get_string(entry, "name"));

			if (m == NULL)
				continue;
			m->loaded = true;
			if (number_of(entry, "context_length") > 0)
				m->context_tokens = number_of(entry, "context_length");
		}
	}
	cJSON_Delete(version);
	cJSON_Delete(tags);
	cJSON_Delete(status);
	cJSON_Delete(ps);
}

static void read_lm_studio(const struct engine_answer *a, struct engine_facts *f)
{
	cJSON *tree = tree_of(&a[ENGINE_ASK_LM_STUDIO_V0]);
	const cJSON *list = json_get_array(tree, "data"), *entry;

	if (list == NULL || json_get_string(cJSON_GetArrayItem(list, 0), "state") == NULL) {
		cJSON_Delete(tree);
		return;
	}
	f->kind = ENGINE_KIND_LM_STUDIO;
	f->n_models = f->models_left = 0;
	cJSON_ArrayForEach (entry, list) {
		struct engine_model_facts *m = add_model(f, json_get_string(entry, "id"));

		if (m == NULL)
			continue;
		m->loaded = has_text(entry, "state", "loaded");
		m->embeddings = has_text(entry, "type", "embeddings");
		/* What it is loaded with counts: it may be less than asked for. */
		m->context_tokens = number_of(entry, "loaded_context_length");
		if (m->context_tokens == 0)
			m->context_tokens = number_of(entry, "max_context_length");
	}
	cJSON_Delete(tree);
}

static void read_lemonade(const struct engine_answer *a, struct engine_facts *f)
{
	cJSON *health = tree_of(&a[ENGINE_ASK_LEMONADE_HEALTH]);
	const char *loaded = json_get_string(health, "model_loaded");

	if (loaded != NULL || json_get_array(health, "all_models_loaded") != NULL) {
		f->kind = ENGINE_KIND_LEMONADE;
		take_version(health, f);
	}
	for (uint32_t i = 0; f->kind == ENGINE_KIND_LEMONADE && i < f->n_models; i++) {
		struct engine_model_facts *m = &f->models[i];

		m->elsewhere = is_passed_on(m->name);
		m->loaded = loaded != NULL && strcmp(loaded, m->name) == 0;
	}
	cJSON_Delete(health);
}

static void read_others(const struct engine_answer *a, struct engine_facts *f)
{
	cJSON *version = tree_of(&a[ENGINE_ASK_VLLM_VERSION]);
	cJSON *foundry = tree_of(&a[ENGINE_ASK_FOUNDRY_STATUS]);

	if (f->kind == ENGINE_KIND_VLLM)
		take_version(version, f);
	if (json_get_string(foundry, "modelDirPath") != NULL)
		f->kind = ENGINE_KIND_FOUNDRY;
	cJSON_Delete(version);
	cJSON_Delete(foundry);
}

void engine_read(const struct engine_answer *a, struct engine_facts *ret)
{
	cJSON *models = tree_of(&a[ENGINE_ASK_MODELS]);

	memset(ret, 0, sizeof *ret);
	read_models(models, ret);
	cJSON_Delete(models);
	read_llama_server(a, ret);
	read_lm_studio(a, ret);
	read_lemonade(a, ret);
	read_others(a, ret);
	/* Lemonade and others answer Ollama's paths, too, without being it. */
	if (ret->kind == ENGINE_KIND_UNKNOWN || ret->kind == ENGINE_KIND_OPENAI)
		read_ollama(a, ret);
	/* An engine that loads says so on /health alone; so far only llama-server does. */
	ret->loading = a[ENGINE_ASK_HEALTH].status == 503;
	if (ret->loading && ret->kind == ENGINE_KIND_UNKNOWN)
		ret->kind = ENGINE_KIND_LLAMA_SERVER;
}

/* --- what follows from it
 * ------------------------------------------------------------------------ */

enum engine_locality engine_locality(const struct engine_facts *f,
				     const struct engine_model_facts *m)
{
	if (m->elsewhere)
		return ENGINE_ELSEWHERE;
	return f->kind == ENGINE_KIND_OLLAMA ? ENGINE_PROVEN : ENGINE_CLAIMED;
}

static bool is_called(const struct engine_facts *f, const struct engine_model_facts *m,
		      const char *wanted)
{
	size_t n = strlen(wanted);

	return strcmp(m->name, wanted) == 0 ||
	       (f->kind == ENGINE_KIND_OLLAMA && strncmp(m->name, wanted, n) == 0 &&
		strcmp(m->name + n, ":latest") == 0);
}

const struct engine_model_facts *engine_choose(const struct engine_facts *f, const char *wanted)
{
	const struct engine_model_facts *first = NULL;

	for (uint32_t i = 0; i < f->n_models; i++) {
		const struct engine_model_facts *m = &f->models[i];

		if (wanted[0] != '\0' && is_called(f, m, wanted))
			return m;
		if (wanted[0] != '\0' || m->embeddings || m->elsewhere)
			continue;
		if (m->loaded)
			return m;
		if (first == NULL)
			first = m;
	}
	return first;
}

bool engine_tool_leaves(enum engine_kind k, struct span tool_name)
{
	return k == ENGINE_KIND_OLLAMA &&
	       (span_starts(tool_name, "web_search") || span_starts(tool_name, "web_fetch"));
}

enum err engine_address(const char *url, bool *ret_v6, uint16_t *ret_port)
{
	static const struct {
		const char *prefix;
		bool v6;
	} hosts[] = { { "http://127.0.0.1:", false },
		      { "http://localhost:", false },
		      { "http://[::1]:", true } };

	for (size_t i = 0; i < LEN(hosts); i++) {
		size_t n = strlen(hosts[i].prefix);
		unsigned long port;
		char *end;

		if (strncmp(url, hosts[i].prefix, n) != 0 || url[n] < '1' || url[n] > '9')
			continue;
		port = strtoul(url + n, &end, 10);
		if (port > UINT16_MAX || (strcmp(end, "") != 0 && strcmp(end, "/") != 0))
			continue;
		*ret_v6 = hosts[i].v6;
		*ret_port = (uint16_t)port;
		return ERR_OK;
	}
	return ERR_SYNTAX;
}
