/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is allowed and still probably not what its author meant. Each check looks at one thing
 * and is a row of the table at the end.
 */
#include <stdarg.h>
#include <stdio.h>

#include "policy/policy_impl.h"

struct linter {
	struct policy_set *set;
	policy_lint_fn *fn;
	void *ctx;
	size_t n;
};

static void say(struct linter *l, const struct policy_file *file, uint32_t line,
		uint32_t column, const char *code, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

static void say(struct linter *l, const struct policy_file *file, uint32_t line,
		uint32_t column, const char *code, const char *format, ...)
{
	struct policy_lint lint = { file, line, column, code, "" };
	va_list args;

	va_start(args, format);
	vsnprintf(lint.message, sizeof lint.message, format, args);
	va_end(args);
	l->n++;
	if (l->fn != NULL)
		l->fn(l->ctx, &lint);
}

/* At a JSON Pointer of the file; at no line when a name is too long for one. */
static void say_at(struct linter *l, const struct policy_file *f, const char *pointer,
		   const char *code, const char *message)
{
	size_t offset = json_offset_of(f->info.text, pointer);
	uint32_t line = 0, column = 0;

	if (offset != SIZE_MAX)
		json_line_column(f->info.text, offset, &line, &column);
	say(l, f, line, column, code, "%s", message);
}

static void say_rule(struct linter *l, const struct crule *c, const char *code,
		     const char *message)
{
	say(l, c->file, c->rule->line, c->rule->column, code, "rule \"%s\" %s", c->rule->id,
	    message);
}

/* ---------------------------------------------------------------- walking conditions */

typedef void cond_fn(void *ctx, const struct cond *c);

static void walk(const struct cond *c, cond_fn *fn, void *ctx)
{
	for (; c != NULL; c = c->next) {
		fn(ctx, c);
		walk(c->kids, fn, ctx);
	}
}

static void note_kind(void *ctx, const struct cond *c)
{
	*(uint64_t *)ctx |= UINT64_C(1) << c->kind;
}

static uint64_t kinds_of(const struct rule *r)
{
	uint64_t kinds = 0;

	walk(r->when, note_kind, &kinds);
	walk(r->unless, note_kind, &kinds);
	return kinds;
}

#define HAS(kinds, kind) ((kinds) >> (kind)&1)

/* ---------------------------------------------------------------- rules that never match */

/* Of a condition on requests. */
static bool is_empty_list(const struct cond *c)
{
	bool lists = c->kind <= COND_MODALITY || c->kind == COND_DATA_ANY;
	bool masks = c->kind == COND_DAYS || (c->kind >= COND_POWER && c->kind <= COND_THERMAL);

	return (lists && c->words.n == 0) || (masks && c->mask == 0);
}

static bool is_empty_range(const struct number_test *t)
{
	double low = -1e300, high = 1e300;
	bool open = false; /* the bounds may not be equal */

	if (t->has >> NUM_GTE & 1)
		low = t->bound[NUM_GTE];
	if ((t->has >> NUM_GT & 1) && t->bound[NUM_GT] >= low) {
		low = t->bound[NUM_GT];
		open = true;
	}
	if (t->has >> NUM_LTE & 1)
		high = t->bound[NUM_LTE];
	if ((t->has >> NUM_LT & 1) && t->bound[NUM_LT] <= high) {
		high = t->bound[NUM_LT];
		open = true;
	}
	if (t->has >> NUM_EQ & 1)
		return t->bound[NUM_EQ] < low || t->bound[NUM_EQ] > high ||
		       (open && (t->bound[NUM_EQ] == low || t->bound[NUM_EQ] == high));
	return low > high || (open && low == high);
}

static bool contradicts(const struct policy_set *s, const struct crule *c)
{
	for (uint32_t i = 0; i < c->n_terms; i++) {
		term t = s->terms[c->first_term + i];

		for (uint32_t k = i + 1; k < c->n_terms; k++) {
			if ((t ^ s->terms[c->first_term + k]) == TERM(0, 1, 0))
				return true;
		}
		if (TERM_KIND(t) == TERM_REQUEST && !TERM_NEGATED(t) &&
		    (is_empty_list(s->req_leaves[TERM_INDEX(t)].cond) ||
		     is_empty_range(&s->req_leaves[TERM_INDEX(t)].cond->number)))
			return true;
	}
	return false;
}

static bool lives_somewhere(const struct policy_set *s, uint32_t rule)
{
	for (size_t d = 0; d < s->n_destinations; d++) {
		const struct live_list *list =
			&s->live[d * POLICY_LAYERS + s->rules[rule].layer];

		for (uint32_t i = 0; i < list->n; i++) {
			if (list->items[i].rule == rule)
				return true;
		}
	}
	return false;
}

static void never_matches(struct linter *l)
{
	const struct policy_set *s = l->set;

	for (uint32_t i = 0; i < s->n_rules; i++) {
		int effect = s->rules[i].rule->effect;
		bool grant = effect == EFFECT_ALLOW || effect == EFFECT_ASK;

		if (contradicts(s, &s->rules[i]))
			say_rule(l, &s->rules[i], "never-matches",
				 "can never match: its conditions exclude each other");
		else if (grant && s->n_destinations > 1 && !lives_somewhere(s, i))
			say_rule(l, &s->rules[i], "no-destination",
				 "matches at none of the destinations there are");
	}
}

/* ---------------------------------------------------------------- shadowed grants */

static bool has_term(const struct live_list *list, const struct live *r, term t)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		if (list->terms[r->first_term + i] == t)
			return true;
	}
	return false;
}

/* Whether `strong` matches whenever `weak` does: its conditions are among the other's. */
static bool implies(const struct live_list *wl, const struct live *weak,
		    const struct live_list *sl, const struct live *strong)
{
	if (strong->start != KL_TRUE)
		return false;
	for (uint32_t i = 0; i < strong->n_terms; i++) {
		if (!has_term(wl, weak, sl->terms[strong->first_term + i]))
			return false;
	}
	return true;
}

/* A stricter rule of the same layer or of a ceiling that always matches as well. */
static const struct crule *shadow_at(const struct policy_set *s, size_t d,
				     const struct live_list *wl, const struct live *weak)
{
	uint8_t layer = s->rules[weak->rule].layer;

	for (unsigned at = 0; at < POLICY_LAYERS; at++) {
		const struct live_list *sl = &s->live[d * POLICY_LAYERS + at];

		if (at != layer && at > POLICY_MANDATORY)
			continue;
		for (uint32_t i = 0; i < sl->n; i++) {
			const struct live *strong = &sl->items[i];

			if (strong->effect > weak->effect && implies(wl, weak, sl, strong))
				return &s->rules[strong->rule];
		}
	}
	return NULL;
}

/* Shadowed everywhere it lives. */
static void shadowed(struct linter *l)
{
	const struct policy_set *s = l->set;

	for (uint32_t r = 0; r < s->n_rules; r++) {
		const struct crule *by = NULL;
		bool everywhere = true;

		for (size_t d = 0; d < s->n_destinations && everywhere; d++) {
			const struct live_list *list =
				&s->live[d * POLICY_LAYERS + s->rules[r].layer];

			for (uint32_t i = 0; i < list->n; i++) {
				const struct live *x = &list->items[i];

				if (x->rule != r)
					continue;
				by = x->effect == POLICY_ALLOW || x->effect == POLICY_ASK
					     ? shadow_at(s, d, list, x)
					     : NULL;
				everywhere = by != NULL;
			}
		}
		if (everywhere && by != NULL)
			say(l, s->rules[r].file, s->rules[r].rule->line,
			    s->rules[r].rule->column, "shadowed",
			    "rule \"%s\" (%s) never counts: \"%s\" (%s) always does",
			    s->rules[r].rule->id, vocab_effect.words[s->rules[r].rule->effect],
			    by->rule->id, vocab_effect.words[by->rule->effect]);
	}
}

/* ---------------------------------------------------------------- one rule at a time */

static bool names_cloud(const struct cond *when)
{
	for (const struct cond *c = when->kids; c != NULL; c = c->next) {
		if (c->kind == COND_TIER && (c->mask >> POLICY_TIER_CLOUD & 1))
			return true;
	}
	return false;
}

static void single_rules(struct linter *l)
{
	for (size_t i = 0; i < l->set->n_rules; i++) {
		const struct crule *c = &l->set->rules[i];
		const struct rule *r = c->rule;
		uint64_t kinds = kinds_of(r);
		bool grant = r->effect == EFFECT_ALLOW || r->effect == EFFECT_ASK;
		bool prohibits = r->effect == EFFECT_DENY || r->effect == EFFECT_LOCAL_ONLY;

		if (r->effect == EFFECT_ALLOW && !HAS(kinds, COND_TIER) &&
		    !HAS(kinds, COND_DESTINATION))
			say_rule(l, c, "allow-without-tier",
				 "allows every tier, clouds too: name a tier or a destination");
		if (grant && names_cloud(r->when) && !HAS(kinds, COND_DATA_ANY) &&
		    !HAS(kinds, COND_DATA_ALL) && !HAS(kinds, COND_DATA_NONE) &&
		    !HAS(kinds, COND_DATA_ONLY))
			say_rule(l, c, "cloud-without-data",
				 "opens a cloud whatever the text holds: add a data condition");
		if (r->max_tier != UNSTATED && r->effect != EFFECT_LOCAL_ONLY)
			say_rule(l, c, "max-tier-ignored",
				 "has a max_tier, which only local_only looks at");
		if (r->has_with && prohibits)
			say_rule(l, c, "with-ignored",
				 "has obligations, which a prohibition does not carry");
		if (r->effect == EFFECT_REQUIRE && !r->has_with)
			say_rule(l, c, "requires-nothing",
				 "requires nothing: it has no \"with\"");
	}
}

/* ---------------------------------------------------------------- words that mean nothing */

struct word_check {
	struct linter *linter;
	const struct crule *rule;
};

static bool group_there(const struct policy_set *s, uint8_t layer, const char *name)
{
	for (size_t i = 0; i < s->n_files; i++) {
		const struct policy_file *f = s->files[i];

		for (size_t g = 0; f->info.layer == layer && g < f->n_groups; g++) {
			if (strcmp(f->groups[g].name, name) == 0)
				return true;
		}
	}
	return false;
}

static bool category_there(const struct policy_set *s, const char *pattern)
{
	static const char *const builtin[] = {
		"secret.api_key",
		"secret.password",
		"secret.private_key",
		"secret.token",
		"personal.name",
		"personal.contact.email",
		"personal.contact.phone",
		"personal.contact.address",
		"personal.id.national",
		"personal.id.passport",
		"personal.birthdate",
		"personal.location",
		"financial.card",
		"financial.iban",
		"financial.account",
		"financial.tax",
		"health.condition",
		"health.medication",
		"health.record",
		"legal.privileged",
		"source_code",
		"credentials_url",
		"minor",
	};

	if (strcmp(pattern, "company.*") == 0)
		return true;
	for (size_t i = 0; i < LEN(builtin); i++) {
		if (policy_category_matches(span_of(pattern), span_of(builtin[i])))
			return true;
	}
	for (size_t i = 0; i < s->n_categories; i++) {
		if (policy_category_matches(span_of(pattern), span_of(s->categories[i].name)))
			return true;
	}
	return false;
}

static bool destination_there(const struct policy_set *s, const char *pattern)
{
	struct glob g;

	glob_compile(pattern, &g);
	for (size_t i = 0; i < s->n_destinations; i++) {
		if (glob_match(&g, span_of(s->destinations[i].name)))
			return true;
	}
	return false;
}

static void check_word(void *ctx, const struct cond *c)
{
	struct word_check *w = ctx;
	const struct policy_set *s = w->linter->set;
	const struct crule *r = w->rule;

	for (size_t i = 0; i < c->words.n; i++) {
		const char *word = c->words.items[i], *code = NULL, *what = "";

		if (c->kind == COND_APP && word[0] == '@' &&
		    !group_there(s, r->layer, word + 1)) {
			code = "unknown-group";
			what = "a group that no file of its layer defines";
		} else if (cond_is_data(c->kind) && !category_there(s, word)) {
			code = "unknown-category";
			what = "a category that nothing finds";
		} else if (c->kind == COND_DESTINATION && !destination_there(s, word)) {
			code = "unknown-destination";
			what = "a destination that does not exist";
		}
		if (code != NULL)
			say(w->linter, r->file, r->rule->line, r->rule->column, code,
			    "rule \"%s\" names \"%.80s\", %s", r->rule->id, word, what);
	}
}

static void words_without_meaning(struct linter *l)
{
	for (size_t i = 0; i < l->set->n_rules; i++) {
		struct word_check w = { l, &l->set->rules[i] };

		walk(w.rule->rule->when, check_word, &w);
		walk(w.rule->rule->unless, check_word, &w);
	}
}

static void groups_twice(struct linter *l)
{
	const struct policy_set *s = l->set;

	for (size_t i = 0; i < s->n_files; i++) {
		const struct policy_file *f = s->files[i];

		for (size_t k = i + 1; k < s->n_files; k++) {
			const struct policy_file *later = s->files[k];

			if (later->info.layer != f->info.layer)
				continue;
			for (size_t g = 0; g < later->n_groups; g++) {
				for (size_t h = 0; h < f->n_groups; h++) {
					if (strcmp(later->groups[g].name, f->groups[h].name) ==
					    0)
						say(l, later, 0, 0, "group-twice",
						    "group \"%s\" replaces that of %s, of the "
						    "same layer",
						    f->groups[h].name, f->info.name);
				}
			}
		}
	}
}

/* ---------------------------------------------------------------- the other blocks */

static void destinations(struct linter *l)
{
	char pointer[128], message[160];

	for (size_t i = 0; i < l->set->n_files; i++) {
		const struct policy_file *f = l->set->files[i];

		for (size_t k = 0; k < f->n_destinations; k++) {
			const struct policy_destination *d = &f->destinations[k];
			size_t index;

			snprintf(pointer, sizeof pointer, "/destinations/%s#", d->name);
			snprintf(message, sizeof message,
				 "destination \"%s\" does not say how long it keeps text "
				 "(retention_days)",
				 d->name);
			if (d->tier != POLICY_TIER_DEVICE && d->retention_days < 0)
				say_at(l, f, pointer, "no-retention", message);
			snprintf(message, sizeof message,
				 "destination \"%s\" is hidden by only_destinations", d->name);
			if (!policy_destination_find(l->set, span_of(d->name), &index))
				say_at(l, f, pointer, "hidden-destination", message);
		}
	}
}

/* Anchored: begins with ^ or \b and ends with $ or \b. */
static void detectors(struct linter *l)
{
	char pointer[128];

	for (size_t i = 0; i < l->set->n_categories; i++) {
		const struct policy_category *c = &l->set->categories[i];
		size_t n = c->regex != NULL ? strlen(c->regex) : 0;

		if (n == 0)
			continue;
		bool start = c->regex[0] == '^' || strncmp(c->regex, "\\b", 2) == 0;
		bool end = c->regex[n - 1] == '$' ||
			   (n >= 2 && strcmp(c->regex + n - 2, "\\b") == 0);

		snprintf(pointer, sizeof pointer, "/categories/%.100s/regex", c->name);
		if (!start || !end)
			say_at(l, c->file, pointer, "regex-unanchored",
			       "the regex matches inside words: begin with \\b or ^, end with "
			       "\\b or $");
	}
}

static void consent(struct linter *l)
{
	const struct policy_consent *c = &l->set->consent;
	const struct policy_file *scopes = l->set->consent_from[FROM_SCOPES];
	const struct policy_file *modes = l->set->consent_from[FROM_MODES];

	if (c->scopes == 0) /* a file says so: the built-in ones are not none */
		say_at(l, scopes, "/consent/scopes", "nothing-approvable",
		       "no scope is left that all files offer: nobody can say yes");
	if (c->modes == 0)
		say_at(l, modes, "/consent/modes", "nothing-approvable",
		       "no mode is left that all files offer: nobody can say yes");
}

static void fallback(struct linter *l)
{
	const struct policy_routing *r = &l->set->routing;
	char pointer[64], message[160];

	for (size_t i = 0; i < r->n_fallback; i++) {
		const char *name = r->fallback[i];
		size_t d;
		const char *why = NULL;

		if (!policy_destination_find(l->set, span_of(name), &d))
			why = "is not defined by any file";
		else if (policy_destination(l->set, d)->tier == POLICY_TIER_DEVICE)
			why = "is this device, which answers last anyway";
		else if (policy_destination(l->set, d)->n_models == 0)
			why = "lists no model, so none can be asked for";
		snprintf(pointer, sizeof pointer, "/routing/fallback/%zu", i);
		snprintf(message, sizeof message, "fallback \"%.63s\" is passed over: it %s",
			 name, why != NULL ? why : "");
		if (why != NULL)
			say_at(l, l->set->routing_from[2], pointer, "fallback-unused", message);
	}
}

static void without_tests(struct linter *l)
{
	for (size_t i = 0; i < l->set->n_files; i++) {
		const struct policy_file *f = l->set->files[i];

		if (f->n_rules > 0 && f->n_tests == 0)
			say(l, f, 1, 1, "no-tests", "the file has rules and no tests");
	}
}

size_t policy_lints(struct policy_set *s, policy_lint_fn *fn, void *ctx)
{
	static void (*const checks[])(struct linter *) = {
		never_matches, shadowed,      single_rules, words_without_meaning,
		groups_twice,  destinations,  detectors,    consent,
		fallback,      without_tests,
	};
	struct linter l = { s, fn, ctx, 0 };

	for (size_t i = 0; i < LEN(checks); i++)
		checks[i](&l);
	return l.n;
}
