/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outgoing body is JSON that router's writers made; here it is parsed again behind the
 * strict gate, and every string in it is scanned after unescaping, keys included: a secret
 * written with \u escapes is found as well. Base64 of attachments is not text and is left out.
 */
#include "consent/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "proc/detectors.h"
#include "scan/scan.h"

#define SCRATCH_BYTES (64u << 20)
#define DATA_URL_HEAD 200 /* bytes in which its type and encoding stand */

struct inspector {
	struct scanner *scanner;
	bool blind; /* a detector of the policy is missing */
};

struct inspector *inspector_new(const struct policy_set *set)
{
	struct inspector *i = calloc(1, sizeof *i);
	struct detectors_error error;
	bool whole = false;

	if (i != NULL && detectors_new(set, &i->scanner, &whole, &error) == ERR_OK) {
		i->blind = !whole; /* every scan is incomplete then */
		return i;
	}
	free(i);
	return NULL;
}

void inspector_free(struct inspector *i)
{
	if (i == NULL)
		return;
	scanner_free(i->scanner);
	free(i);
}

/* --- findings ------------------------------------------------------------------------ */

static struct inspect_found *found_at(struct inspected *in, struct span name, struct arena *a)
{
	struct inspect_found *f;

	for (unsigned i = 0; i < in->n_found; i++)
		if (span_is(name, in->found[i].name))
			return &in->found[i];
	if (in->n_found == INSPECT_FOUND_MAX)
		return NULL;
	f = &in->found[in->n_found];
	*f = (struct inspect_found){ .name = arena_strdup(a, name) };
	if (f->name == NULL)
		return NULL;
	in->n_found++;
	return f;
}

bool inspect_is_masked(const struct inspect_found *f)
{
	return f->in_body == 0 && (f->in_original > 0 || f->claimed > 0);
}

uint32_t inspect_count(const struct inspect_found *f)
{
	uint32_t n = f->in_body > f->in_original ? f->in_body : f->in_original;

	return n > f->claimed ? n : f->claimed;
}

const char *inspect_unmasked(const struct inspected *in, const char *const *patterns, size_t n)
{
	for (unsigned i = 0; i < in->n_found; i++)
		for (size_t p = 0; p < n; p++)
			if (in->found[i].in_body > 0 &&
			    policy_category_matches(span_of(patterns[p]),
						    span_of(in->found[i].name)))
				return in->found[i].name;
	return NULL;
}

const char *inspect_unmet(const struct inspected *in, const struct policy_decision *d)
{
	if ((d->strip & POLICY_STRIP_TOOLS) != 0 && in->tools)
		return "tools must be stripped";
	if ((d->strip & POLICY_STRIP_ATTACHMENTS) != 0 && (in->files || in->images))
		return "attachments must be stripped";
	if ((d->strip & POLICY_STRIP_IMAGES) != 0 && in->images)
		return "images must be stripped";
	if ((d->strip & POLICY_STRIP_SYSTEM_PROMPT) != 0 && in->system_prompt)
		return "the system prompt must be stripped";
	if ((d->strip & POLICY_STRIP_METADATA) != 0 && in->metadata)
		return "metadata must be stripped";
	if (d->max_output_tokens != INT64_MAX &&
	    (in->max_output_tokens < 0 || in->max_output_tokens > d->max_output_tokens))
		return "the answer's length must be capped";
	/* A token is rarely more than eight bytes of text: below that no body can be too long.
	 */
	if (d->max_input_tokens != INT64_MAX &&
	    (int64_t)(in->text_bytes / 8) > d->max_input_tokens)
		return "the text is longer than is allowed";
	return NULL;
}

void inspect_write(const struct inspected *in, struct buf *out)
{
	buf_add_char(out, '[');
	for (unsigned i = 0; i < in->n_found; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_char(out, '{');
		json_put_key_cstr(out, "name", in->found[i].name);
		json_put_key_i64(out, "count", inspect_count(&in->found[i]));
		json_put_key_bool(out, "masked", inspect_is_masked(&in->found[i]));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

/* --- reading the body ---------------------------------------------------------------- */

/*
 * Where each dialect says what; the writers in dialect/ and nobody else make these bodies. A
 * field of another dialect means nothing to the destination, so it is not believed here.
 */
static const struct shape {
	const char *messages, *system;
	const char *cap_in; /* the object that holds the cap; NULL: the body */
	const char *caps[2];
	bool in_path;        /* model and streaming stand in the address */
	bool streams_unless; /* a body that does not speak of streaming asks for it */
} chat_shape = { .messages = "messages", .caps = { "max_completion_tokens", "max_tokens" } },
  shapes[] = {
	  [POLICY_API_OPENAI_RESPONSES] = { .messages = "input",
					    .system = "instructions",
					    .caps = { "max_output_tokens" } },
	  [POLICY_API_ANTHROPIC] = { .messages = "messages",
				     .system = "system",
				     .caps = { "max_tokens" } },
	  [POLICY_API_OLLAMA] = { .messages = "messages",
				  .cap_in = "options",
				  .caps = { "num_predict" },
				  .streams_unless = true },
	  [POLICY_API_GEMINI] = { .messages = "contents",
				  .system = "systemInstruction",
				  .cap_in = "generationConfig",
				  .caps = { "maxOutputTokens" },
				  .in_path = true },
  };

static const struct shape *shape_of(enum policy_api api)
{
	bool own = api < LEN(shapes) && shapes[api].messages != NULL;

	return own ? &shapes[api] : &chat_shape;
}

struct visit {
	struct inspector *i;
	const struct shape *shape;
	struct arena *a;       /* of the result */
	struct arena *scratch; /* of one scan */
	struct inspected *in;
	bool original;
	enum err e;
};

static void note(struct visit *v, unsigned category, uint32_t n)
{
	const char *name = scanner_category_name(v->i->scanner, category);
	struct inspect_found *f = found_at(v->in, span_of(name), v->a);

	if (f == NULL)
		v->e = ERR_TOO_BIG;
	else if (v->original)
		f->in_original += n;
	else
		f->in_body += n;
}

static void scan_string(struct visit *v, struct span text)
{
	uint32_t counts[SCAN_CATEGORIES_MAX] = { 0 };
	struct scan_result r;

	arena_reset(v->scratch);
	if (scan_text(v->i->scanner, text, &scan_budget_default, v->scratch, &r) != ERR_OK ||
	    r.status != SCAN_COMPLETE) {
		v->in->complete = false;
		return;
	}
	for (size_t i = 0; i < r.count; i++)
		counts[r.spans[i].category]++;
	for (unsigned i = 0; v->e == ERR_OK && i < SCAN_CATEGORIES_MAX; i++) {
		/* Found, and no span of its own: a site's finding lies over it. */
		if (scan_set_has(&r.found, i))
			note(v, i, counts[i] == 0 ? 1 : counts[i]);
	}
}

static bool is_data_url(struct span s)
{
	size_t most = s.len < DATA_URL_HEAD ? s.len : DATA_URL_HEAD;

	return span_starts(s, "data:") && memmem(s.ptr, most, ";base64,", 8) != NULL;
}

/* Long runs of the base64 alphabet under a key that carries attachments. */
static bool is_attachment(const char *key, struct span s)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

	if (is_data_url(s))
		return true;
	if (strcmp(key, "data") != 0 && strcmp(key, "file_data") != 0 &&
	    strcmp(key, "images") != 0)
		return false;
	return s.len > 64 && strspn(s.ptr, alphabet) == s.len;
}

static void visit_string(struct visit *v, const char *key, const char *text)
{
	struct span s = span_of(text);

	if (is_attachment(key, s)) {
		v->in->files = true;
		return;
	}
	if (!v->original)
		v->in->text_bytes += s.len;
	scan_string(v, s);
}

static void visit_object_facts(struct visit *v, const cJSON *object)
{
	const char *role = json_get_string(object, "role");
	const char *type = json_get_string(object, "type");
	const char *mime = json_get_string(object, "mimeType");

	if (role != NULL && (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0))
		v->in->system_prompt = true;
	if (type != NULL && (strcmp(type, "image_url") == 0 || strcmp(type, "image") == 0 ||
			     strcmp(type, "input_image") == 0))
		v->in->images = true;
	if ((mime != NULL && strncmp(mime, "image/", 6) == 0) ||
	    cJSON_GetArraySize(json_get_array(object, "images")) > 0)
		v->in->images = true;
}

/* `key`: of the value, or of the list it stands in. Depth is bounded by the gate (64). */
static void visit_value(struct visit *v, const char *key, const cJSON *value)
{
	if (v->e != ERR_OK)
		return;
	if (cJSON_IsString(value)) {
		visit_string(v, key, value->valuestring);
		return;
	}
	if (cJSON_IsObject(value) && !v->original)
		visit_object_facts(v, value);
	for (const cJSON *child = value->child; child != NULL; child = child->next) {
		if (cJSON_IsObject(value))
			scan_string(v, span_of(child->string));
		visit_value(v, child->string != NULL ? child->string : key, child);
	}
}

static int64_t output_cap(const cJSON *root, const struct shape *s)
{
	const cJSON *at = s->cap_in != NULL ? json_get_object(root, s->cap_in) : root;
	int64_t cap;

	for (size_t i = 0; at != NULL && i < LEN(s->caps) && s->caps[i] != NULL; i++)
		if (json_get_int(at, s->caps[i], 1, 1 << 30, &cap))
			return cap;
	return -1;
}

static void top_level_facts(const cJSON *root, const struct shape *s, struct arena *a,
			    struct inspected *in)
{
	const char *model = json_get_string(root, "model");

	if (model != NULL)
		in->model = arena_strdup(a, span_of(model));
	in->in_path = s->in_path;
	in->stream = s->streams_unless;
	json_get_bool(root, "stream", &in->stream);
	in->max_output_tokens = output_cap(root, s);
	in->messages = (uint32_t)cJSON_GetArraySize(json_get_array(root, s->messages));
	in->tools = cJSON_GetArraySize(json_get_array(root, "tools")) > 0;
	in->metadata = json_get(root, "metadata") != NULL || json_get(root, "user") != NULL ||
		       json_get(root, "safety_identifier") != NULL;
	in->system_prompt = s->system != NULL && json_get(root, s->system) != NULL;
}

static enum err visit_body(struct visit *v, struct span body)
{
	struct json_where where;
	cJSON *root = NULL;
	enum err e = json_parse(body, &json_limits_api, &root, &where);

	if (e == ERR_OK && !cJSON_IsObject(root))
		e = ERR_SYNTAX;
	if (e == ERR_OK) {
		if (!v->original)
			top_level_facts(root, v->shape, v->a, v->in);
		visit_value(v, "", root);
		e = v->e;
	}
	cJSON_Delete(root);
	return e;
}

/* "category=count,category=count" */
static enum err read_claim(struct inspected *in, const char *claim, struct arena *a)
{
	while (*claim != '\0') {
		const char *comma = strchrnul(claim, ',');
		const char *equals = memchr(claim, '=', (size_t)(comma - claim));
		struct inspect_found *f;
		long n;

		if (equals == NULL || equals == claim)
			return ERR_SYNTAX;
		f = found_at(in, (struct span){ claim, (size_t)(equals - claim) }, a);
		if (f == NULL)
			return ERR_TOO_BIG;
		n = strtol(equals + 1, NULL, 10);
		f->claimed = n > 0 && n < 1000000 ? (uint32_t)n : 1;
		claim = *comma == ',' ? comma + 1 : comma;
	}
	return ERR_OK;
}

enum err inspect_body(struct inspector *i, enum policy_api api, struct span body,
		      struct span original, const char *masked, struct arena *a,
		      struct inspected *ret)
{
	struct arena *scratch = arena_new("inspection", SCRATCH_BYTES);
	struct visit v = { .i = i,
			   .shape = shape_of(api),
			   .a = a,
			   .scratch = scratch,
			   .in = ret,
			   .e = ERR_OK };
	enum err e = scratch != NULL ? ERR_OK : ERR_NO_MEMORY;

	memset(ret, 0, sizeof *ret);
	ret->complete = !i->blind;
	if (e == ERR_OK)
		e = visit_body(&v, body);
	if (e == ERR_OK && original.len > 0) {
		v.original = true;
		e = visit_body(&v, original);
	}
	if (ret->images || ret->files)
		ret->complete = false; /* nobody looked into them */
	if (e == ERR_OK)
		e = read_claim(ret, masked, a);
	arena_free(scratch);
	return e;
}
