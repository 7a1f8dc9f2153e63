/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several files say about the same thing, into one value:
 *
 *   destinations   the file of higher authority owns the name
 *   consent        lists of what is offered: intersection; times and counts: minimum;
 *                  strong_auth_for: union; require_reason: or; the rest: a mandatory layer's
 *                  word, else the nearest preference's
 *   budgets, categories   all of them
 *   routing        the nearest preference, and a mandatory layer's when there is none
 *   ledger         a mandatory layer's word, else the nearest preference's
 *
 * Two files of one layer that differ are settled without regard to their order: the stricter
 * word counts (for an ordered list, that of the first file by name).
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/policy_impl.h"

/* ---------------------------------------------------------------- destinations */

static bool is_ceiling(enum policy_layer layer)
{
	return layer == POLICY_VENDOR_MANDATORY || layer == POLICY_MANDATORY;
}

static struct policy_destination *find(struct policy_set *s, const char *name)
{
	for (size_t i = 0; i < s->n_destinations; i++) {
		if (strcmp(s->destinations[i].name, name) == 0)
			return &s->destinations[i];
	}
	return NULL;
}

static enum err redefined(struct policy_set *s, const struct policy_file *f,
			  const struct policy_destination *d, const struct policy_file *owner,
			  struct policy_error *reterr)
{
	char pointer[80];

	snprintf(pointer, sizeof pointer, "/destinations/%s#", d->name);
	size_t offset = json_offset_of(f->info.text, pointer);

	s->culprit = f;
	assert(offset < f->info.text.len); /* what was read from the text is in it */
	json_line_column(f->info.text, offset, &reterr->line, &reterr->column);
	snprintf(reterr->file, sizeof reterr->file, "%s", f->info.name);
	snprintf(reterr->problem, sizeof reterr->problem,
		 "destination \"%s\" is already defined by %.60s, of layer %s", d->name,
		 owner->info.name, policy_layer_name(owner->info.layer));
	snprintf(reterr->expected, sizeof reterr->expected, "another name");
	return ERR_EXISTS;
}

static enum err destination_add(struct policy_set *s, const struct policy_file *f,
				const struct policy_destination *d, struct policy_error *reterr)
{
	struct policy_destination *known = find(s, d->name);
	bool inline_stack = (s->flags & POLICY_INLINE) != 0;

	if (known != NULL && known->file != NULL)
		return inline_stack ? ERR_OK : redefined(s, f, d, known->file, reterr);
	if (s->only_destinations && !inline_stack && !is_ceiling(f->info.layer))
		return ERR_OK;
	if (known == NULL) {
		if (s->n_destinations == SET_MAX_DESTS) {
			s->culprit = f;
			snprintf(reterr->file, sizeof reterr->file, "%s", f->info.name);
			snprintf(reterr->problem, sizeof reterr->problem,
				 "more than %u destinations", SET_MAX_DESTS - 1);
			return ERR_TOO_BIG;
		}
		known = &s->destinations[s->n_destinations++];
	}
	*known = *d;
	return ERR_OK;
}

enum err merge_destinations(struct policy_set *s, struct policy_error *reterr)
{
	size_t total = 1;

	for (size_t i = 0; i < s->n_files; i++) {
		total += s->files[i]->n_destinations;
		if (is_ceiling(s->files[i]->info.layer))
			s->only_destinations |= s->files[i]->only_destinations;
	}
	if (total > SET_MAX_DESTS)
		total = SET_MAX_DESTS;
	s->destinations = arena_array(s->arena, total, sizeof *s->destinations);
	if (s->destinations == NULL)
		return ERR_NO_MEMORY;
	s->destinations[s->n_destinations++] = (struct policy_destination){
		.name = "local",
		.tier = POLICY_TIER_DEVICE,
		.api = POLICY_API_LLAMACPP,
		.retention_days = UNSTATED,
		.price = { .cached_input_per_mtok = UNSTATED },
	};
	for (size_t i = 0; i < s->n_files; i++) {
		const struct policy_file *f = s->files[i];

		for (size_t d = 0; d < f->n_destinations; d++) {
			enum err e = destination_add(s, f, &f->destinations[d], reterr);
			if (e != ERR_OK)
				return e;
		}
	}
	return ERR_OK;
}

/* ---------------------------------------------------------------- who may speak */

/* Layers in the order in which the first one that says something is heard. */
static const enum policy_layer ceiling_first[] = { POLICY_VENDOR_MANDATORY, POLICY_MANDATORY,
						   POLICY_USER, POLICY_RECOMMENDED,
						   POLICY_VENDOR };
static const enum policy_layer preference_first[] = { POLICY_USER, POLICY_RECOMMENDED,
						      POLICY_VENDOR, POLICY_MANDATORY,
						      POLICY_VENDOR_MANDATORY };

/* Of words that are numbered: which of two is the stricter. */
#define HIGHER_IS_STRICTER 1
#define LOWER_IS_STRICTER  (-1)

/* An int of a file, at its offset. */
static int word_at(const struct policy_file *f, size_t offset)
{
	return *(const int *)((const char *)f + offset);
}

/* The word of the first layer in `order` that states one; of its files the stricter. Keeps *ret
 * when nobody says anything. */
static const struct policy_file *heard(const struct policy_set *s,
				       const enum policy_layer *order, size_t offset,
				       int strict, int *ret)
{
	const struct policy_file *from = NULL;

	for (size_t l = 0; l < POLICY_LAYERS && from == NULL; l++) {
		for (size_t i = 0; i < s->n_files; i++) {
			const struct policy_file *f = s->files[i];
			int w = word_at(f, offset);

			if (f->info.layer != order[l] || w == UNSTATED)
				continue;
			if (from == NULL || w * strict > *ret * strict) {
				*ret = w;
				from = f;
			}
		}
	}
	return from;
}

/* The minimum over all files of a duration; keeps *ret when nobody states one. */
static const struct policy_file *shortest(const struct policy_set *s, size_t offset,
					  uint64_t *ret)
{
	const struct policy_file *from = NULL;
	uint64_t least = DURATION_UNSTATED;

	for (size_t i = 0; i < s->n_files; i++) {
		uint64_t ms;

		memcpy(&ms, (const char *)s->files[i] + offset, sizeof ms);
		if (ms < least) {
			*ret = least = ms;
			from = s->files[i];
		}
	}
	return from;
}

/* ---------------------------------------------------------------- consent */

/* Intersection of what is stated; the file named is the last that took something away. */
static const struct policy_file *narrowed(const struct policy_set *s, size_t offset,
					  unsigned *ret)
{
	const struct policy_file *from = NULL;

	for (size_t i = 0; i < s->n_files; i++) {
		int mask = word_at(s->files[i], offset);

		if (mask == UNSTATED)
			continue;
		if (from == NULL || (*ret & (unsigned)mask) != *ret) {
			*ret = from == NULL ? (unsigned)mask : *ret & (unsigned)mask;
			from = s->files[i];
		}
	}
	return from;
}

static bool strong_auth(struct policy_set *s)
{
	struct policy_consent *c = &s->consent;
	const char **list;
	size_t n = 0;

	for (size_t i = 0; i < s->n_files; i++)
		n += s->files[i]->consent.strong_auth_for.n;
	list = arena_array(s->arena, n, sizeof *list);
	if (list == NULL)
		return false;
	for (size_t i = 0; i < s->n_files; i++) {
		const struct words *w = &s->files[i]->consent.strong_auth_for;

		for (size_t j = 0; j < w->n; j++) {
			bool known = false;

			for (size_t k = 0; k < c->n_strong_auth_for && !known; k++)
				known = strcmp(list[k], w->items[j]) == 0;
			if (!known) {
				list[c->n_strong_auth_for++] = w->items[j];
				s->consent_from[FROM_STRONG_AUTH] = s->files[i];
			}
		}
	}
	c->strong_auth_for = list;
	return true;
}

static void ask_via(struct policy_set *s)
{
	struct policy_consent *c = &s->consent;

	for (size_t l = 0; l < POLICY_LAYERS; l++) {
		for (size_t i = 0; i < s->n_files; i++) {
			const struct consent_block *b = &s->files[i]->consent;

			if (s->files[i]->info.layer != ceiling_first[l] || b->n_ask_via == 0)
				continue;
			c->n_ask_via = 0;
			for (int v = 0; v < b->n_ask_via; v++)
				c->ask_via[c->n_ask_via++] = (enum policy_via)b->ask_via[v];
			s->consent_from[FROM_ASK_VIA] = s->files[i];
			return;
		}
	}
}

static void counts(struct policy_set *s)
{
	struct policy_consent *c = &s->consent;

	for (size_t i = 0; i < s->n_files; i++) {
		const struct consent_block *b = &s->files[i]->consent;
		bool first = s->consent_from[FROM_PROMPTS] == NULL;

		if (b->max_prompts_per_hour != UNSTATED &&
		    (first || b->max_prompts_per_hour < c->max_prompts_per_hour)) {
			c->max_prompts_per_hour = b->max_prompts_per_hour;
			s->consent_from[FROM_PROMPTS] = s->files[i];
		}
		if (b->require_reason == 1 && !c->require_reason) {
			c->require_reason = true;
			s->consent_from[FROM_REASON] = s->files[i];
		}
	}
}

static void consent_words(struct policy_set *s)
{
	struct policy_consent *c = &s->consent;
	const struct policy_file **from = s->consent_from;
	int prefer = 0, on_timeout = POLICY_LOCAL, on_deny = POLICY_LOCAL,
	    no_agent = POLICY_LOCAL;

#define HEARD(field, strict, ret)                                                              \
	heard(s, ceiling_first, offsetof(struct policy_file, consent.field), strict, ret)
	from[FROM_PREFER] = HEARD(prefer, LOWER_IS_STRICTER, &prefer);
	from[FROM_ON_TIMEOUT] = HEARD(on_timeout, HIGHER_IS_STRICTER, &on_timeout);
	from[FROM_ON_DENY] = HEARD(on_deny, HIGHER_IS_STRICTER, &on_deny);
	from[FROM_NO_AGENT] = HEARD(no_agent, HIGHER_IS_STRICTER, &no_agent);
#undef HEARD
	c->on_timeout = (enum policy_otherwise)on_timeout;
	c->on_deny = (enum policy_otherwise)on_deny;
	c->no_agent = (enum policy_otherwise)no_agent;
	c->prefer = (enum policy_mode)(1u << prefer);
	if ((c->modes & c->prefer) == 0 && c->modes != 0)
		c->prefer = (enum policy_mode)c->modes;
}

static bool consent_merge(struct policy_set *s)
{
	const uint64_t minute_ms = 60000, day_ms = 24 * 60 * minute_ms;
	struct policy_consent *c = &s->consent;
	const struct policy_file **from = s->consent_from;

	*c = (struct policy_consent){
		.scopes = POLICY_SCOPE_ONCE | POLICY_SCOPE_SESSION,
		.modes = POLICY_MODE_REDACTED | POLICY_MODE_AS_IS,
		.max_until_ms = 7 * day_ms,
		.always_max_ms = 180 * day_ms,
		.timeout_ms = minute_ms,
		.hold_max_ms = 10 * minute_ms,
		.max_prompts_per_hour = 360,
		.ask_via = { POLICY_VIA_SESSION_AGENT, POLICY_VIA_TERMINAL,
			     POLICY_VIA_NOTIFICATION, POLICY_VIA_WEB },
		.n_ask_via = POLICY_VIAS,
	};
	from[FROM_SCOPES] =
		narrowed(s, offsetof(struct policy_file, consent.scopes), &c->scopes);
	from[FROM_MODES] = narrowed(s, offsetof(struct policy_file, consent.modes), &c->modes);
#define SHORTEST(field) shortest(s, offsetof(struct policy_file, consent.field), &c->field)
	from[FROM_MAX_UNTIL] = SHORTEST(max_until_ms);
	from[FROM_ALWAYS_MAX] = SHORTEST(always_max_ms);
	from[FROM_TIMEOUT] = SHORTEST(timeout_ms);
	from[FROM_HOLD_MAX] = SHORTEST(hold_max_ms);
#undef SHORTEST
	consent_words(s);
	counts(s);
	ask_via(s);
	return strong_auth(s);
}

/* ---------------------------------------------------------------- the other blocks */

/* A word of the nearest layer that has one; among its files the one that does least. */
static void nearest_word(const struct policy_file *f, int stated,
			 const struct policy_file **from, int *io)
{
	if (stated == UNSTATED ||
	    (*from != NULL && ((*from)->info.layer != f->info.layer || stated >= *io)))
		return;
	*from = f;
	*io = stated;
}

static void routing_merge(struct policy_set *s)
{
	struct policy_routing *r = &s->routing;
	int draft = POLICY_DRAFT_HOLD, cascade = POLICY_CASCADE_OFFER;

	for (size_t rank = 0; rank < POLICY_LAYERS; rank++)
		for (size_t i = 0; i < s->n_files; i++) {
			const struct policy_file *f = s->files[i];
			const struct policy_file **at = s->routing_from;
			const struct routing_block *b = &f->routing;

			if (f->info.layer != preference_first[rank])
				continue;
			if (b->escalate_at >= 0 &&
			    (at[0] == NULL || (at[0]->info.layer == f->info.layer &&
					       b->escalate_at > r->escalate_at))) {
				r->has_escalate_at = true;
				r->escalate_at = b->escalate_at;
				at[0] = f;
			}
			if (b->n_prefer > 0 && at[1] == NULL) {
				for (int p = 0; p < b->n_prefer; p++)
					r->prefer[r->n_prefer++] =
						(enum policy_tier)b->prefer[p];
				at[1] = f;
			}
			if (b->fallback.items != NULL && at[2] == NULL) {
				r->fallback = b->fallback.items;
				r->n_fallback = b->fallback.n;
				at[2] = f;
			}
			nearest_word(f, b->while_asking, &at[3], &draft);
			nearest_word(f, b->cascade, &at[4], &cascade);
		}
	r->while_asking = (enum policy_draft)draft;
	r->cascade = (enum policy_cascade)cascade;
}

static void ledger_merge(struct policy_set *s)
{
	struct policy_ledger *l = &s->ledger;
	int content = POLICY_CONTENT_DIGEST;

	s->ledger_from[0] =
		heard(s, ceiling_first, offsetof(struct policy_file, ledger.content),
		      HIGHER_IS_STRICTER, &content);
	l->content = (enum policy_content)content;
	for (size_t rank = 0; rank < POLICY_LAYERS; rank++)
		for (size_t i = 0; i < s->n_files; i++) {
			const struct policy_file *f = s->files[i];
			const struct policy_file **at = s->ledger_from;
			const struct ledger_block *b = &f->ledger;

			if (f->info.layer != ceiling_first[rank])
				continue;
			if (b->retain_ms != DURATION_UNSTATED &&
			    (at[1] == NULL || (at[1]->info.layer == f->info.layer &&
					       b->retain_ms < l->retain_ms))) {
				l->retain_ms = b->retain_ms;
				at[1] = f;
			}
			if (b->export_json != NULL && at[2] == NULL) {
				l->export_json = b->export_json;
				l->export_otlp = b->export_otlp;
				at[2] = f;
			}
		}
}

static bool lists_merge(struct policy_set *s)
{
	size_t budgets = 0, categories = 0;

	for (size_t i = 0; i < s->n_files; i++) {
		budgets += s->files[i]->n_budgets;
		categories += s->files[i]->n_categories;
	}
	s->budgets = arena_array(s->arena, budgets, sizeof *s->budgets);
	s->categories = arena_array(s->arena, categories, sizeof *s->categories);
	if (s->budgets == NULL || s->categories == NULL)
		return false;
	for (size_t i = 0; i < s->n_files; i++) {
		const struct policy_file *f = s->files[i];

		for (size_t b = 0; b < f->n_budgets; b++)
			s->budgets[s->n_budgets++] = f->budgets[b];
		for (size_t c = 0; c < f->n_categories; c++)
			s->categories[s->n_categories++] = f->categories[c];
	}
	return true;
}

static void defaults_merge(struct policy_set *s)
{
	for (size_t t = 0; t < TIERS; t++) {
		for (size_t l = 0; l < POLICY_LAYERS; l++)
			s->defaults[l][t] = (struct set_default){ .verdict = UNSTATED };
		for (size_t i = 0; i < s->n_files; i++) {
			const struct policy_file *f = s->files[i];
			struct set_default *d = &s->defaults[f->info.layer][t];

			if (f->defaults[t] > d->verdict)
				*d = (struct set_default){ f->defaults[t], (uint32_t)i };
		}
	}
}

enum err merge_blocks(struct policy_set *s)
{
	defaults_merge(s);
	routing_merge(s);
	ledger_merge(s);
	return consent_merge(s) && lists_merge(s) ? ERR_OK : ERR_NO_MEMORY;
}
