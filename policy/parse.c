/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One policy file: text to struct policy_file.
 *
 * Invariants
 *   1. A file is accepted whole or not at all; nothing of a refused file is left behind.
 *   2. Every key of every object is known, or the file is refused: a typo never widens.
 *   3. The file owns all it points to, its text included, in one arena.
 */
#include <assert.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/text.h"
#include "policy/policy_impl.h"

static bool on_version(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)field, (void)k;
	if (!cJSON_IsNumber(v) || v->valuedouble < 1)
		return reader_fail(r, v, "1", "not a version of the policy language");
	if (v->valuedouble == 1)
		return true;
	reader_report(r, v, "1, or a newer hither",
		      "this file is written in version %.17g of the policy language",
		      v->valuedouble);
	r->e = ERR_UNSUPPORTED;
	return false;
}

static bool on_instant(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	if (cJSON_IsString(v) && strlen(v->valuestring) == sizeof "2026-11-20T00:00:00Z" - 1 &&
	    clock_parse_rfc3339(v->valuestring, field) == ERR_OK)
		return true;
	return time_fail(r, v, "a time in UTC such as \"2027-02-20T00:00:00Z\"");
}

/* Read for what is wrong with it; each test lays it below its own request. */
static bool on_test_base(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_request scratch;

	(void)field, (void)k;
	return request_read(r, v, &scratch);
}

static const int64_t serial_min = 1;

#define INFO(name)                                                                             \
	(offsetof(struct policy_file, info) + offsetof(struct policy_file_info, name))
static const struct key file_keys[] = {
	WHOLE("hither_policy", on_version),
	{ "id", field_id, INFO(id), NULL },
	{ "title", field_text, INFO(title), NULL },
	{ "contact", field_text, INFO(contact), NULL },
	{ "serial", field_count, INFO(serial), &serial_min },
	{ "not_before", on_instant, INFO(not_before_ms), NULL },
	{ "not_after", on_instant, INFO(not_after_ms), NULL },
	WHOLE("destinations", destinations_read),
	{ "only_destinations", field_bool, offsetof(struct policy_file, only_destinations),
	  NULL },
	WHOLE("groups", groups_read),
	WHOLE("categories", categories_read),
	WHOLE("default", defaults_read),
	WHOLE("rules", rules_read),
	WHOLE("consent", consent_read),
	WHOLE("budgets", budgets_read),
	WHOLE("routing", routing_read),
	WHOLE("ledger", ledger_read),
	WHOLE("test_base", on_test_base),
	WHOLE("tests", tests_read),
	WHOLE("$schema", field_ignored),
};

static bool required(struct reader *r, const struct policy_file *f)
{
	if (r->flags & POLICY_INLINE)
		return true;
	if (json_get(r->root, "hither_policy") == NULL)
		return reader_fail(r, r->root, "\"hither_policy\": 1", "no \"hither_policy\"");
	if (!(f->info.id != NULL))
		return reader_fail(r, r->root, "\"id\"", "the file has no \"id\"");
	return true;
}

static bool file_fill(struct reader *r, struct policy_file *f)
{
	const cJSON *version = json_get(r->root, "hither_policy");

	/* A newer file may hold keys that are unknown here: say what is really the matter. */
	if (version != NULL && !on_version(r, version, NULL, NULL))
		return false;
	r->test_base = json_get(r->root, "test_base");
	return read_object(r, r->root, file_keys, LEN(file_keys), f) && required(r, f);
}

/* The gate names the place after a trailing comma; name the comma, which people look for. */
static void name_trailing_comma(struct span text, const struct json_where *at,
				struct policy_error *error)
{
	size_t i = at->offset < text.len ? at->offset : text.len;

	if (i == text.len || (text.ptr[i] != '}' && text.ptr[i] != ']'))
		return;
	while (i > 0 && strchr(" \t\r\n", text.ptr[i - 1]) != NULL)
		i--;
	if (i == 0 || text.ptr[i - 1] != ',')
		return;
	json_line_column(text, i - 1, &error->line, &error->column);
	snprintf(error->problem, sizeof error->problem,
		 "a comma before the closing bracket (comments are allowed, trailing commas "
		 "are not)");
	snprintf(error->expected, sizeof error->expected, "no comma here");
}

static enum err gate(struct reader *r, cJSON **ret)
{
	struct json_where at = { .problem = "" };

	if (r->text.len > POLICY_FILE_MAX_BYTES) {
		snprintf(r->error->problem, sizeof r->error->problem,
			 "a file of %zu bytes is too long", r->text.len);
		snprintf(r->error->expected, sizeof r->error->expected, "at most 1 MiB");
		return ERR_TOO_BIG;
	}
	enum err e = json_parse(r->text, &json_limits_file, ret, &at);
	if (e == ERR_OK)
		return ERR_OK;
	r->error->line = at.line;
	r->error->column = at.column;
	snprintf(r->error->problem, sizeof r->error->problem, "%s%s%s", at.problem,
		 !text_empty(at.detail) ? ": " : "", at.detail);
	name_trailing_comma(r->text, &at, r->error);
	return e;
}

static struct policy_file *file_new(struct span text, enum policy_layer layer, const char *name,
				    const char *path)
{
	struct arena *a = arena_new("policy.file", FILE_BUDGET_BYTES);
	struct policy_file *f = a != NULL ? arena_zalloc(a, sizeof *f) : NULL;

	if (f == NULL) {
		arena_free(a);
		return NULL;
	}
	f->refs = 1;
	f->arena = a;
	f->info = (struct policy_file_info){ .layer = layer,
					     .not_before_ms = INT64_MIN,
					     .not_after_ms = INT64_MAX,
					     .text = arena_span(a, text) };
	f->info.name = arena_strdup(a, span_of(name));
	f->info.path = arena_strdup(a, span_of(path));
	for (size_t i = 0; i < TIERS; i++)
		f->defaults[i] = UNSTATED;
	f->consent = (struct consent_block){ UNSTATED,
					     UNSTATED,
					     UNSTATED,
					     UNSTATED,
					     UNSTATED,
					     UNSTATED,
					     .require_reason = UNSTATED,
					     .max_prompts_per_hour = UNSTATED };
	f->consent.max_until_ms = f->consent.always_max_ms = DURATION_UNSTATED;
	f->consent.timeout_ms = f->consent.hold_max_ms = DURATION_UNSTATED;
	f->routing = (struct routing_block){ .escalate_at = UNSTATED,
					     .while_asking = UNSTATED,
					     .cascade = UNSTATED };
	f->ledger =
		(struct ledger_block){ .content = UNSTATED, .retain_ms = DURATION_UNSTATED };
	if (f->info.text.ptr == NULL || f->info.name == NULL || f->info.path == NULL) {
		arena_free(a);
		return NULL;
	}
	return f;
}

enum err policy_file_parse(struct span text, enum policy_layer layer, const char *name,
			   const char *path, unsigned flags, struct policy_file **ret,
			   struct policy_error *reterr)
{
	struct policy_file *f = file_new(text, layer, name, path);
	struct reader r = { .name = name, .flags = flags, .error = reterr, .file = f };
	cJSON *root = NULL;
	enum err e = ERR_NO_MEMORY;

	*reterr = (struct policy_error){ .line = 0 };
	snprintf(reterr->file, sizeof reterr->file, "%s", name);
	if (f == NULL) {
		reader_no_memory(&r);
		return ERR_NO_MEMORY;
	}
	r.arena = f->arena;
	r.text = f->info.text;
	e = gate(&r, &root);
	if (e == ERR_OK) {
		r.root = root;
		bool ok = file_fill(&r, f);

		assert(ok == (r.e == ERR_OK)); /* who gives false has said why */
		e = ok ? ERR_OK : r.e;
	}
	cJSON_Delete(root);
	if (e != ERR_OK) {
		policy_file_free(f);
		return e;
	}
	f->info.n_rules = (uint32_t)f->n_rules;
	f->info.n_tests = (uint32_t)f->n_tests;
	if (f->info.id == NULL)
		f->info.id = f->info.name;
	*ret = f;
	return ERR_OK;
}

struct policy_file *policy_file_ref(struct policy_file *f)
{
	f->refs++;
	return f;
}

void policy_file_free(struct policy_file *f)
{
	if (f != NULL && --f->refs == 0)
		arena_free(f->arena);
}

struct policy_file_info policy_file_info(const struct policy_file *f)
{
	struct policy_file_info info = f->info;

	info.signer = f->signer;
	return info;
}

enum err policy_file_set_signer(struct policy_file *f, const char *key_id,
				struct span signature)
{
	struct span copy = arena_span(f->arena, signature);

	if (copy.ptr == NULL)
		return ERR_NO_MEMORY;
	snprintf(f->signer, sizeof f->signer, "%s", key_id);
	f->info.signature = copy;
	return ERR_OK;
}
