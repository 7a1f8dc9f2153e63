/* SPDX-License-Identifier: Apache-2.0 */
/* The remaining top-level keys: groups, categories, default, and the consent, budgets, routing
 * and ledger blocks. */
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"
#include "policy/policy_impl.h"

/* ---------------------------------------------------------------- groups, categories */

bool groups_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_file *f = field;

	if (!reader_room(r, v, sizeof *f->groups, &f->groups))
		return false;
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		struct group *g = &f->groups[f->n_groups++];

		if (!reader_key_copy(r, kid, &g->name) || !field_words(r, kid, &g->apps, k))
			return false;
	}
	return true;
}

/* Two or more parts of a-z, 0-9 and '_', with dots between. */
static bool name_is_category(const char *s)
{
	static const char part[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	unsigned parts = 0;

	for (;;) {
		size_t n = strspn(s, part);

		if (n == 0)
			return false;
		parts++;
		s += n;
		if (*s == '\0')
			return parts >= 2;
		if (*s++ != '.')
			return false;
	}
}

static bool on_keywords(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_category *c = field;
	struct words words;

	if (!field_words(r, v, &words, k))
		return false;
	c->keywords = words.items;
	c->n_keywords = words.n;
	return true;
}

static bool on_regex(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_copy(r, v, REGEX_MAX_BYTES, field);
}

/* Whoever reads the list is not who wrote the file: a relative path would mean another file to
 * the daemon than to a command. */
static bool on_dictionary(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_category *c = field;

	if (!field_text(r, v, &c->dictionary, k))
		return false;
	if (c->dictionary[0] != '/' && (r->flags & POLICY_INLINE) == 0)
		return reader_fail(r, v, "a path from the root, such as /etc/hither/names.txt",
				   "the path of a dictionary must be absolute");
	return true;
}

static const struct key category_keys[] = {
	{ "regex", on_regex, offsetof(struct policy_category, regex), NULL },
	WHOLE("keywords", on_keywords),
	WHOLE("dictionary", on_dictionary),
	{ "check", field_word, offsetof(struct policy_category, check), &vocab_check },
};

bool categories_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_file *f = field;

	(void)k;
	if (!reader_room(r, v, sizeof *f->categories, &f->categories))
		return false;
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		struct policy_category *c = &f->categories[f->n_categories++];

		c->file = f;
		if (!reader_key_copy(r, kid, &c->name))
			return false;
		if (!name_is_category(c->name))
			return reader_fail(r, kid,
					   "small letters and a dot, such as company.project",
					   "\"%.60s\" is no name for a category", c->name);
		if (!read_object(r, kid, category_keys, LEN(category_keys), c))
			return false;
		if (c->regex == NULL && c->n_keywords == 0 && c->dictionary == NULL)
			return reader_fail(r, kid, "regex, keywords or dictionary",
					   "category \"%s\" finds nothing", c->name);
	}
	return true;
}

/* ---------------------------------------------------------------- default, routing, ledger */

bool defaults_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	static const struct key keys[] = {
		{ "device", field_word, 0, &vocab_verdict },
		{ "trusted", field_word, sizeof(int), &vocab_verdict },
		{ "cloud", field_word, 2 * sizeof(int), &vocab_verdict },
	};

	(void)k;
	return read_object(r, v, keys, LEN(keys), ((struct policy_file *)field)->defaults);
}

/* A list of words without repetition, into *ret and *ret_n. */
static bool ordered(struct reader *r, const cJSON *v, const struct vocabulary *words, int *ret,
		    int *ret_n)
{
	unsigned seen = 0;
	size_t n;

	if (!read_is_array(r, v, words->n, &n))
		return false;
	*ret_n = 0;
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		int word;

		if (!read_word(r, kid, words, &word))
			return false;
		if (seen & 1u << word)
			return reader_fail(r, kid, "each word once", "\"%s\" appears twice",
					   kid->valuestring);
		seen |= 1u << word;
		ret[(*ret_n)++] = word;
	}
	return true;
}

static bool on_prefer(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct routing_block *b = field;

	(void)k;
	return ordered(r, v, &vocab_tier, b->prefer, &b->n_prefer);
}

/* Names of destinations; one that no file defines is passed over, so that a file may name what
 * another one brings. */
static bool on_fallback(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct words *list = &((struct routing_block *)field)->fallback;

	if (!field_words(r, v, list, k))
		return false;
	if (list->n > POLICY_FALLBACKS_MAX)
		return reader_fail(r, v, "up to 16 names", "too many names");
	const cJSON *kid = v->child;
	for (size_t i = 0; i < list->n; i++, kid = kid->next) {
		if (!name_is_id(list->items[i]))
			return reader_fail(r, kid, "names of destinations",
					   "\"%.60s\" is no name for a destination",
					   list->items[i]);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(list->items[i], list->items[j]) == 0)
				return reader_fail(r, kid, "each name once",
						   "\"%.60s\" appears twice", list->items[i]);
		}
	}
	return true;
}

bool routing_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	static const struct key keys[] = {
		{ "escalate_at", field_fraction, offsetof(struct routing_block, escalate_at),
		  NULL },
		WHOLE("prefer", on_prefer),
		WHOLE("fallback", on_fallback),
		{ "while_asking", field_word, offsetof(struct routing_block, while_asking),
		  &vocab_draft },
		{ "cascade", field_word, offsetof(struct routing_block, cascade),
		  &vocab_cascade },
	};

	(void)k;
	return read_object(r, v, keys, LEN(keys), &((struct policy_file *)field)->routing);
}

/* `export` names where evidence is to go. It is kept whole and nothing here sends it anywhere;
 * consent, doctor and `policy show` say so (docs/policy.md). */
static bool on_export(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct ledger_block *b = field;
	const cJSON *otlp;
	struct buf text;

	(void)k;
	if (!read_is_object(r, v))
		return false;
	otlp = json_get(v, "otlp");
	if (otlp != NULL && !read_copy(r, otlp, TEXT_MAX_BYTES, &b->export_otlp))
		return false;
	buf_init(&text, POLICY_FILE_MAX_BYTES);
	json_put_tree(&text, v);
	b->export_json = text.failed ? NULL : arena_strdup(r->arena, buf_span(&text));
	buf_free(&text);
	if (!(b->export_json != NULL))
		return reader_no_memory(r);
	return true;
}

bool ledger_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	static const struct key keys[] = {
		{ "content", field_word, offsetof(struct ledger_block, content),
		  &vocab_content },
		{ "retain", field_duration, offsetof(struct ledger_block, retain_ms), NULL },
		WHOLE("export", on_export),
	};

	(void)k;
	return read_object(r, v, keys, LEN(keys), &((struct policy_file *)field)->ledger);
}

/* ---------------------------------------------------------------- consent */

static bool on_ask_via(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct consent_block *b = field;

	(void)k;
	return ordered(r, v, &vocab_via, b->ask_via, &b->n_ask_via);
}

/* The words of on_deny start at "local", which is 1 in enum policy_otherwise. */
static bool on_on_deny(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	int word;

	(void)k;
	if (!read_word(r, v, &vocab_on_deny, &word))
		return false;
	*(int *)field = word + POLICY_LOCAL;
	return true;
}

#define CONSENT(field) offsetof(struct consent_block, field)
static const struct key consent_keys[] = {
	{ "scopes", field_mask, CONSENT(scopes), &vocab_scope },
	{ "max_until", field_duration, CONSENT(max_until_ms), NULL },
	{ "always_max", field_duration, CONSENT(always_max_ms), NULL },
	{ "modes", field_mask, CONSENT(modes), &vocab_mode },
	{ "prefer", field_word, CONSENT(prefer), &vocab_mode },
	{ "timeout", field_duration, CONSENT(timeout_ms), NULL },
	{ "on_timeout", field_word, CONSENT(on_timeout), &vocab_otherwise },
	{ "hold_max", field_duration, CONSENT(hold_max_ms), NULL },
	{ "on_deny", on_on_deny, CONSENT(on_deny), NULL },
	{ "no_agent", field_word, CONSENT(no_agent), &vocab_otherwise },
	{ "strong_auth_for", field_words, CONSENT(strong_auth_for), NULL },
	{ "require_reason", field_flag, CONSENT(require_reason), NULL },
	{ "max_prompts_per_hour", field_count, CONSENT(max_prompts_per_hour), NULL },
	WHOLE("ask_via", on_ask_via),
};

bool consent_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_object(r, v, consent_keys, LEN(consent_keys),
			   &((struct policy_file *)field)->consent);
}

/* ---------------------------------------------------------------- budgets */

static bool on_window(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	static const char *const names[] = { "hour", "day", "week", "month" };
	static const struct vocabulary vocab_window = { names, LEN(names) };
	struct policy_budget *b = field;
	const char *s = cJSON_IsString(v) ? v->valuestring : "";
	size_t digits = strspn(s, "0123456789");
	unsigned unit;

	(void)k;
	if (vocab_find(&vocab_window, s, &unit)) {
		b->window_unit = (enum policy_window)unit;
		b->window_count = 1;
		return true;
	}
	if (digits <= 4 && (strcmp(s + digits, "h") == 0 || strcmp(s + digits, "d") == 0))
		b->window_count = (uint32_t)strtoul(s, NULL, 10);
	if (b->window_count == 0)
		return reader_fail(r, v, "hour, day, week, month, or a number with h or d",
				   "not a window of time");
	b->window_unit = s[digits] == 'h' ? POLICY_WINDOW_HOURS : POLICY_WINDOW_DAYS;
	return true;
}

static const struct key cost_keys[] = {
	{ "amount", field_amount, offsetof(struct policy_budget, max_cost), NULL },
	{ "currency", field_currency, offsetof(struct policy_budget, currency), NULL },
};

static bool on_cost(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_budget *b = field;

	(void)k;
	if (!read_object(r, v, cost_keys, LEN(cost_keys), b))
		return false;
	b->has_cost = true;
	if (!((json_get(v, "amount") != NULL && !text_empty(b->currency))))
		return reader_fail(r, v, "\"amount\" and \"currency\"",
				   "a cost lacks something");
	return true;
}

#define BUDGET(field) offsetof(struct policy_budget, field)
static const struct key budget_keys[] = {
	{ "id", field_id, BUDGET(id), NULL },
	{ "scope", field_mask, BUDGET(scope), &vocab_budget_scope },
	WHOLE("window", on_window),
	WHOLE("max_cost", on_cost),
	{ "max_tokens", field_count, BUDGET(max_tokens), NULL },
	{ "max_requests", field_count, BUDGET(max_requests), NULL },
	{ "share_of_host", field_fraction, BUDGET(share_of_host), NULL },
	{ "on_exceed", field_word, BUDGET(on_exceed), &vocab_exceed },
};

bool budgets_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_file *f = field;
	size_t n;

	(void)k;
	if (!read_is_array(r, v, LIST_MAX_ITEMS, &n))
		return false;
	f->budgets = arena_array(r->arena, n, sizeof *f->budgets);
	if (f->budgets == NULL)
		return reader_no_memory(r);
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		struct policy_budget *b = &f->budgets[f->n_budgets++];

		*b = (struct policy_budget){ .file = f,
					     .max_tokens = INT64_MAX,
					     .max_requests = INT64_MAX,
					     .share_of_host = 1 };
		if (!read_object(r, kid, budget_keys, LEN(budget_keys), b))
			return false;
		if (b->id == NULL || b->window_count == 0 || json_get(kid, "scope") == NULL ||
		    json_get(kid, "on_exceed") == NULL)
			return reader_fail(r, kid,
					   "\"id\", \"scope\", \"window\" and \"on_exceed\"",
					   "a budget lacks something");
	}
	return true;
}
