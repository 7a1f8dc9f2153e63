/* SPDX-License-Identifier: Apache-2.0 */
/* The remaining top-level keys: destinations, groups, categories, default, and the consent,
 * budgets, routing and ledger blocks. */
#include <stdio.h>
#include <stdlib.h>

#include "policy/policy_impl.h"

/* Room for one element per key of an object. */
static bool room(struct reader *r, const cJSON *v, size_t each_bytes, void *ret)
{
	void *p;

	if (!read_is_object(r, v))
		return false;
	p = arena_array(r->arena, (size_t)cJSON_GetArraySize(v), each_bytes);
	if (p == NULL)
		return reader_no_memory(r);
	*(void **)ret = p;
	return true;
}

static bool key_copy(struct reader *r, const cJSON *v, const char **ret)
{
	*ret = arena_strdup(r->arena, span_of(v->string));
	if (!(*ret != NULL))
		return reader_no_memory(r);
	return true;
}

/* ---------------------------------------------------------------- destinations */

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Nothing that names a user, a query or a fragment, or that two readers could take apart
 * differently: what cloud/endpoint.c refuses is refused here, where a person sees it. */
static bool is_plain_url(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || strchr("@?#\\\"<>^`{|}", *s) != NULL)
			return false;
	return true;
}

/* unix:PATH[:/PREFIX], the path absolute. */
static bool is_unix_address(const char *s)
{
	const char *colon = strchr(s, ':');

	return s[0] == '/' && (colon == NULL || (colon[1] == '/' && is_plain_url(colon + 1)) ||
			       colon[1] == '\0');
}

/* https anywhere, http only to this machine, or a Unix socket. */
static bool on_base_url(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	static const char *const loopback[] = { "http://127.0.0.1", "http://[::1]",
						"http://localhost" };

	if (!field_text(r, v, field, k))
		return false;
	if (starts(v->valuestring, "unix:") && is_unix_address(v->valuestring + 5))
		return true;
	/* never shown: it may hold a password or a key */
	if (!is_plain_url(v->valuestring))
		return reader_fail(
			r, v, "SCHEME://HOST[:PORT][/PATH]; a key belongs in auth.secret",
			"a user name, password, query, fragment or odd character in an "
			"address");
	if (starts(v->valuestring, "https://") && v->valuestring[8] != '\0' &&
	    v->valuestring[8] != '/')
		return true;
	for (size_t i = 0; i < LEN(loopback); i++) {
		char after = '\0';

		if (starts(v->valuestring, loopback[i]))
			after = v->valuestring[strlen(loopback[i])];
		if (after == ':' || after == '/')
			return true;
	}
	return reader_fail(r, v,
			   "https://…, http:// to 127.0.0.1, [::1] or localhost, or unix:PATH",
			   "\"%.80s\" is not an address hither connects to", v->valuestring);
}

static bool on_proxy(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	if (!field_text(r, v, field, k))
		return false;
	const char *s = v->valuestring;
	bool url = (starts(s, "http://") && s[7] != '\0') ||
		   (starts(s, "https://") && s[8] != '\0');

	if (!(url || strcmp(s, "none") == 0 || strcmp(s, "env") == 0))
		return reader_fail(r, v, "none, env, http://… or https://…", "not a proxy");
	return true;
}

static const struct key price_keys[] = {
	{ "currency", field_currency, offsetof(struct policy_price, currency), NULL },
	{ "input_per_mtok", field_amount, offsetof(struct policy_price, input_per_mtok), NULL },
	{ "output_per_mtok", field_amount, offsetof(struct policy_price, output_per_mtok),
	  NULL },
};

static bool on_price(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_price *price = field;

	(void)k;
	if (!read_object(r, v, price_keys, LEN(price_keys), price))
		return false;
	price->known = price->currency[0] != '\0' && json_get(v, "input_per_mtok") != NULL &&
		       json_get(v, "output_per_mtok") != NULL;
	return true;
}

static const struct key pin_keys[] = {
	{ "ca_file", field_text, offsetof(struct policy_destination, pin_ca_file), NULL },
	{ "sha256", field_text, offsetof(struct policy_destination, pin_sha256), NULL },
};

static bool on_pin(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_object(r, v, pin_keys, LEN(pin_keys), field);
}

static const struct key auth_keys[] = {
	{ "secret", field_text, offsetof(struct policy_destination, auth_secret), NULL },
	{ "mtls", field_text, offsetof(struct policy_destination, auth_mtls), NULL },
};

static bool on_auth(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	(void)k;
	return read_object(r, v, auth_keys, LEN(auth_keys), field);
}

static bool on_models(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_destination *d = field;
	struct words words;

	if (!field_words(r, v, &words, k))
		return false;
	d->models = words.items;
	d->n_models = words.n;
	return true;
}

#define DEST(field) offsetof(struct policy_destination, field)
static const struct key destination_keys[] = {
	{ "tier", field_word, DEST(tier), &vocab_tier },
	{ "api", field_word, DEST(api), &vocab_api },
	{ "operator", field_text, DEST(operator_name), NULL },
	{ "region", field_text, DEST(region), NULL },
	{ "base_url", on_base_url, DEST(base_url), NULL },
	{ "models", on_models, 0, NULL },
	{ "retention_days", field_count, DEST(retention_days), NULL },
	{ "trains", field_tri, DEST(trains), NULL },
	{ "price", on_price, DEST(price), NULL },
	{ "pin", on_pin, 0, NULL },
	{ "proxy", on_proxy, DEST(proxy), NULL },
	{ "auth", on_auth, 0, NULL },
	{ "privacy_url", field_text, DEST(privacy_url), NULL },
};

static bool destination_read(struct reader *r, const cJSON *v, struct policy_destination *d)
{
	*d = (struct policy_destination){ .retention_days = -1, .file = r->file };
	if (!key_copy(r, v, &d->name))
		return false;
	if (!name_is_id(d->name))
		return reader_fail(r, v, "1 to 63 letters, digits, '.', '_' or '-'",
				   "\"%.60s\" is no name for a destination", d->name);
	if (!read_object(r, v, destination_keys, LEN(destination_keys), d))
		return false;
	if (json_get(v, "tier") == NULL)
		return reader_fail(r, v, "\"tier\": device, trusted or cloud",
				   "destination \"%s\" has no tier", d->name);
	if (json_get(v, "api") == NULL && (r->flags & POLICY_INLINE) == 0)
		return reader_fail(r, v, "\"api\": openai, anthropic, ollama or llamacpp",
				   "destination \"%s\" has no api", d->name);
	if (!(strcmp(d->name, "local") != 0 || d->tier == POLICY_TIER_DEVICE))
		return reader_fail(r, v, "\"tier\": \"device\"",
				   "\"local\" always means this device");
	return true;
}

bool destinations_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_file *f = field;

	(void)k;
	if (!room(r, v, sizeof *f->destinations, &f->destinations))
		return false;
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		if (!destination_read(r, kid, &f->destinations[f->n_destinations++]))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------- groups, categories */

bool groups_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_file *f = field;

	if (!room(r, v, sizeof *f->groups, &f->groups))
		return false;
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		struct group *g = &f->groups[f->n_groups++];

		if (!key_copy(r, kid, &g->name) || !field_words(r, kid, &g->apps, k))
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
	{ "keywords", on_keywords, 0, NULL },
	{ "dictionary", on_dictionary, 0, NULL },
	{ "check", field_word, offsetof(struct policy_category, check), &vocab_check },
};

bool categories_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_file *f = field;

	(void)k;
	if (!room(r, v, sizeof *f->categories, &f->categories))
		return false;
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		struct policy_category *c = &f->categories[f->n_categories++];

		c->file = f;
		if (!key_copy(r, kid, &c->name))
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

bool routing_read(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	static const struct key keys[] = {
		{ "escalate_at", field_fraction, offsetof(struct routing_block, escalate_at),
		  NULL },
		{ "prefer", on_prefer, 0, NULL },
	};

	(void)k;
	return read_object(r, v, keys, LEN(keys), &((struct policy_file *)field)->routing);
}

/* `export` names where evidence goes; only `otlp` means something here, the rest is kept whole
 * for the exporter. */
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
		{ "export", on_export, 0, NULL },
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
	{ "ask_via", on_ask_via, 0, NULL },
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
	if (digits > 0 && digits <= 4 &&
	    (strcmp(s + digits, "h") == 0 || strcmp(s + digits, "d") == 0))
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
	if (!((json_get(v, "amount") != NULL && b->currency[0] != '\0')))
		return reader_fail(r, v, "\"amount\" and \"currency\"",
				   "a cost lacks something");
	return true;
}

#define BUDGET(field) offsetof(struct policy_budget, field)
static const struct key budget_keys[] = {
	{ "id", field_id, BUDGET(id), NULL },
	{ "scope", field_mask, BUDGET(scope), &vocab_budget_scope },
	{ "window", on_window, 0, NULL },
	{ "max_cost", on_cost, 0, NULL },
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
