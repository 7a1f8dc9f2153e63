/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules into flat arrays.
 *
 *   condition tree --term_of--> leaves (each distinct question once) and expressions
 *   leaves on the destination --> a constant per destination
 *   rules x destination --fold--> the rules that can still match there, with the constants
 *                                 gone: what decide.c runs over
 *
 * Invariants
 *   1. A term's value depends on leaves and expressions with smaller reserved slots only;
 *      expressions do not form cycles.
 *   2. Folding keeps Kleene values: a constant false removes the rule, a constant true the
 *      term, a constant unknown lowers the rule's start from true to unknown.
 *   3. Live rules keep the order of layers, files and rules, so that reasons come out in the
 *      order people wrote them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/policy_impl.h"

struct compiler {
	struct policy_set *set;
	struct arena *scratch;
	struct span *keys; /* of each interned leaf, request leaves and dest leaves */
	term *leaves;      /* the term of each interned leaf */
	size_t n_leaves;
	uint32_t *slots; /* open addressing; index + 1 */
	size_t n_slots;
	enum policy_layer layer; /* of the rule being compiled: whose groups count */
	enum err e;
};

/* ---------------------------------------------------------------- sizes beforehand */

static size_t count_conds(const struct cond *c)
{
	size_t n = 0;

	for (; c != NULL; c = c->next)
		n += 1 + count_conds(c->kids);
	return n;
}

static size_t count_all(const struct policy_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_files; i++) {
		for (size_t j = 0; j < s->files[i]->n_rules; j++)
			n += 2 + count_conds(s->files[i]->rules[j].when) +
			     count_conds(s->files[i]->rules[j].unless);
	}
	return n;
}

/* ---------------------------------------------------------------- leaves */

/* A group of the layer; when several files state it, the last of them by name. */
static const struct words *group_find(const struct policy_set *s, enum policy_layer layer,
				      const char *name)
{
	for (size_t i = s->n_files; i-- > 0;) {
		const struct policy_file *f = s->files[i];

		for (size_t g = 0; f->info.layer == layer && g < f->n_groups; g++) {
			if (strcmp(f->groups[g].name, name) == 0)
				return &f->groups[g].apps;
		}
	}
	return NULL;
}

static bool has_globs(enum cond_kind kind)
{
	return kind == COND_APP || kind == COND_USER || kind == COND_TASK ||
	       kind == COND_DESTINATION || kind == COND_REGION;
}

/* The patterns of a leaf, `@group` replaced by what it stands for: either counts (out NULL) or
 * compiles them. An unknown group stands for nothing. */
static uint32_t expand(const struct compiler *c, const struct cond *cond, struct glob *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < cond->words.n; i++) {
		const char *word = cond->words.items[i];
		const struct words one = { &cond->words.items[i], 1 }, none = { NULL, 0 };
		const struct words *list = &one;

		if (cond->kind == COND_APP && word[0] == '@')
			list = group_find(c->set, c->layer, word + 1);
		if (list == NULL)
			list = &none;
		for (size_t w = 0; w < list->n; w++, n++) {
			if (out != NULL)
				glob_compile(list->items[w], &out[n]);
		}
	}
	return n;
}

static void add_bytes(struct buf *out, const void *p, size_t n)
{
	buf_add(out, (struct span){ p, n });
}

/* Bytes that are equal for two leaves exactly when they ask the same question. Groups belong
 * to a layer, so an app leaf that uses one carries the layer. */
static void leaf_key(const struct compiler *c, const struct cond *cond, struct buf *out)
{
	bool grouped = false;

	add_bytes(out, &cond->kind, sizeof cond->kind);
	add_bytes(out, &cond->number.has, sizeof cond->number.has);
	for (size_t i = 0; i < LEN(cond->number.bound); i++)
		add_bytes(out, &cond->number.bound[i], sizeof cond->number.bound[i]);
	add_bytes(out, &cond->mask, sizeof cond->mask);
	add_bytes(out, &cond->flag, sizeof cond->flag);
	add_bytes(out, &cond->from, sizeof cond->from);
	add_bytes(out, &cond->to, sizeof cond->to);
	for (size_t i = 0; i < cond->words.n; i++) {
		grouped |= cond->words.items[i][0] == '@';
		add_bytes(out, cond->words.items[i], strlen(cond->words.items[i]) + 1);
	}
	if (grouped)
		add_bytes(out, &c->layer, sizeof c->layer);
}

static uint32_t *slot_of(const struct compiler *c, struct span key)
{
	size_t mask = c->n_slots - 1, at = table_hash(key) & mask;

	while (c->slots[at] != 0 && !span_equal(c->keys[c->slots[at] - 1], key))
		at = (at + 1) & mask;
	return &c->slots[at];
}

static term leaf_new(struct compiler *c, const struct cond *cond)
{
	struct policy_set *s = c->set;
	bool dest = cond->kind >= COND_FIRST_DEST_LEAF;
	size_t index = dest ? s->n_dest_leaves++ : s->n_req_leaves++;
	struct leaf *l = dest ? &s->dest_leaves[index] : &s->req_leaves[index];

	l->cond = cond;
	if (has_globs(cond->kind)) {
		l->n = expand(c, cond, NULL);
		l->globs = arena_array(s->arena, l->n, sizeof *l->globs);
		if (l->globs == NULL)
			c->e = ERR_NO_MEMORY;
		else
			expand(c, cond, l->globs);
	}
	return TERM(dest ? TERM_DEST : TERM_REQUEST, 0, index);
}

static term leaf_term(struct compiler *c, const struct cond *cond)
{
	struct buf key;

	buf_init(&key, POLICY_FILE_MAX_BYTES);
	leaf_key(c, cond, &key);
	struct span copy =
		key.failed ? (struct span){ NULL, 0 } : arena_span(c->scratch, buf_span(&key));
	buf_free(&key);
	if (copy.ptr == NULL) {
		c->e = ERR_NO_MEMORY;
		return TERM(TERM_EXPR, 0, 0);
	}
	uint32_t *slot = slot_of(c, copy);
	if (*slot == 0) {
		c->keys[c->n_leaves] = copy;
		c->leaves[c->n_leaves] = leaf_new(c, cond);
		*slot = (uint32_t)++c->n_leaves;
	}
	return c->leaves[*slot - 1];
}

/* ---------------------------------------------------------------- expressions */

static term term_of(struct compiler *c, const struct cond *cond);

static uint32_t kids_of(struct compiler *c, const struct cond *kids, uint32_t *ret_first)
{
	struct policy_set *s = c->set;
	uint32_t n = 0, first = (uint32_t)s->n_terms;

	for (const struct cond *k = kids; k != NULL; k = k->next)
		n++;
	s->n_terms += n;
	*ret_first = first;
	for (const struct cond *k = kids; k != NULL; k = k->next)
		s->terms[first++] = term_of(c, k);
	return n;
}

static term term_of(struct compiler *c, const struct cond *cond)
{
	struct policy_set *s = c->set;

	if (cond->kind >= COND_FIRST_LEAF)
		return leaf_term(c, cond);
	if (cond->kind == COND_NOT)
		return term_of(c, cond->kids) ^ TERM(0, 1, 0);
	if (cond->kids != NULL && cond->kids->next == NULL)
		return term_of(c, cond->kids);
	size_t index = s->n_exprs++;
	struct expr x = { .is_any = cond->kind == COND_ANY };

	x.n = kids_of(c, cond->kids, &x.first);
	s->exprs[index] = x;
	return TERM(TERM_EXPR, 0, index);
}

/* Cheap questions first: a rule is left at its first false term. */
static unsigned cost(const struct policy_set *s, term t)
{
	enum cond_kind kind;

	if (TERM_KIND(t) == TERM_EXPR)
		return 4;
	if (TERM_KIND(t) == TERM_DEST)
		return 0;
	kind = s->req_leaves[TERM_INDEX(t)].cond->kind;
	if (has_globs(kind) || kind == COND_GROUP || kind == COND_MODALITY)
		return 3;
	return cond_is_data(kind) ? 2 : 1;
}

static void sort_terms(const struct policy_set *s, term *t, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		term x = t[i];
		uint32_t j = i;

		for (; j > 0 && cost(s, t[j - 1]) > cost(s, x); j--)
			t[j] = t[j - 1];
		t[j] = x;
	}
}

static void rule_compile(struct compiler *c, struct crule *out)
{
	struct policy_set *s = c->set;
	const struct rule *rule = out->rule;

	out->n_terms = kids_of(c, rule->when->kids, &out->first_term);
	if (rule->unless != NULL) {
		/* Keep the rule's terms in one run: the new one goes behind what kids_of()
		 * reserved for nested expressions, so the run is copied there first. */
		uint32_t first = (uint32_t)s->n_terms;

		s->n_terms += out->n_terms + 1;
		memcpy(&s->terms[first], &s->terms[out->first_term],
		       out->n_terms * sizeof *s->terms);
		s->terms[first + out->n_terms] = term_of(c, rule->unless) ^ TERM(0, 1, 0);
		out->first_term = first;
		out->n_terms++;
	}
	sort_terms(s, &s->terms[out->first_term], out->n_terms);
}

/* ---------------------------------------------------------------- redact patterns */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err redacts_collect(struct policy_set *s)
{
	size_t total = 0, n = 0;

	for (size_t i = 0; i < s->n_rules; i++)
		total += s->rules[i].rule->redact.n;
	s->redacts = arena_array(s->arena, total, sizeof *s->redacts);
	if (s->redacts == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < s->n_rules; i++) {
		for (size_t w = 0; w < s->rules[i].rule->redact.n; w++)
			s->redacts[n++] = s->rules[i].rule->redact.items[w];
	}
	qsort(s->redacts, n, sizeof *s->redacts, by_text);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(s->redacts[i], s->redacts[i - 1]) != 0)
			s->redacts[s->n_redacts++] = s->redacts[i];
	}
	for (size_t i = 0; i < s->n_rules; i++) {
		struct crule *c = &s->rules[i];
		uint32_t *ids = arena_array(s->arena, c->rule->redact.n, sizeof *ids);

		if (ids == NULL)
			return ERR_NO_MEMORY;
		c->redact = ids;
		for (size_t w = 0; w < c->rule->redact.n; w++) {
			const char **at = bsearch(&c->rule->redact.items[w], s->redacts,
						  s->n_redacts, sizeof *s->redacts, by_text);

			ids[c->n_redact++] = (uint32_t)(at - s->redacts);
		}
	}
	return ERR_OK;
}

/* ---------------------------------------------------------------- all rules */

static int by_layer_and_id(const void *a, const void *b)
{
	const struct crule *x = *(const struct crule *const *)a;
	const struct crule *y = *(const struct crule *const *)b;

	if (x->layer != y->layer)
		return x->layer - y->layer;
	int order = strcmp(x->rule->id, y->rule->id);

	return order != 0 ? order : (x > y) - (x < y);
}

static enum err ids_check(struct compiler *c, struct policy_error *reterr)
{
	struct policy_set *s = c->set;
	const struct crule **sorted = arena_array(c->scratch, s->n_rules, sizeof *sorted);

	if (sorted == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < s->n_rules; i++)
		sorted[i] = &s->rules[i];
	qsort(sorted, s->n_rules, sizeof *sorted, by_layer_and_id);
	for (size_t i = 1; i < s->n_rules; i++) {
		const struct crule *x = sorted[i - 1], *y = sorted[i];

		if (x->layer != y->layer || strcmp(x->rule->id, y->rule->id) != 0)
			continue;
		s->culprit = y->file;
		snprintf(reterr->file, sizeof reterr->file, "%s", y->file->info.name);
		reterr->line = y->rule->line;
		reterr->column = y->rule->column;
		snprintf(reterr->problem, sizeof reterr->problem,
			 "rule \"%s\" is also in %.80s, of the same layer", y->rule->id,
			 x->file->info.name);
		snprintf(reterr->expected, sizeof reterr->expected,
			 "names that are used once in a layer");
		return ERR_EXISTS;
	}
	return ERR_OK;
}

static enum err compiler_init(struct compiler *c, size_t n)
{
	struct policy_set *s = c->set;

	for (c->n_slots = 16; c->n_slots < 2 * n;)
		c->n_slots *= 2;
	c->scratch = arena_new("policy.compile", SET_BUDGET_BYTES);
	if (c->scratch == NULL)
		return ERR_NO_MEMORY;
	c->keys = arena_array(c->scratch, n, sizeof *c->keys);
	c->leaves = arena_array(c->scratch, n, sizeof *c->leaves);
	c->slots = arena_array(c->scratch, c->n_slots, sizeof *c->slots);
	s->req_leaves = arena_array(s->arena, n, sizeof *s->req_leaves);
	s->dest_leaves = arena_array(s->arena, n, sizeof *s->dest_leaves);
	s->exprs = arena_array(s->arena, n, sizeof *s->exprs);
	s->terms = arena_array(s->arena, 2 * n, sizeof *s->terms);
	s->rules = arena_array(s->arena, s->n_rules, sizeof *s->rules);
	return c->keys == NULL || c->leaves == NULL || c->slots == NULL ||
			       s->req_leaves == NULL || s->dest_leaves == NULL ||
			       s->exprs == NULL || s->terms == NULL || s->rules == NULL
		       ? ERR_NO_MEMORY
		       : ERR_OK;
}

static void rules_compile(struct compiler *c)
{
	struct policy_set *s = c->set;
	size_t n = 0;

	for (size_t i = 0; i < s->n_files; i++) {
		const struct policy_file *f = s->files[i];

		c->layer = f->info.layer;
		for (size_t j = 0; j < f->n_rules; j++) {
			struct crule *r = &s->rules[n++];

			*r = (struct crule){ .rule = &f->rules[j], .file = f };
			r->layer = (uint8_t)f->info.layer;
			rule_compile(c, r);
		}
	}
}

enum err compile_rules(struct policy_set *s, struct policy_error *reterr)
{
	struct compiler c = { .set = s };

	for (size_t i = 0; i < s->n_files; i++)
		s->n_rules += s->files[i]->n_rules;
	if (s->n_rules > SET_MAX_RULES) {
		snprintf(reterr->problem, sizeof reterr->problem,
			 "%zu rules in all are too many; the limit is %u", s->n_rules,
			 SET_MAX_RULES);
		return ERR_TOO_BIG;
	}
	enum err e = compiler_init(&c, count_all(s));
	if (e == ERR_OK) {
		rules_compile(&c);
		e = c.e;
	}
	if (e == ERR_OK && (s->flags & POLICY_INLINE) == 0)
		e = ids_check(&c, reterr);
	arena_free(c.scratch);
	if (e == ERR_OK)
		e = data_index(s);
	return e == ERR_OK ? redacts_collect(s) : e;
}

/* ---------------------------------------------------------------- per destination */

#define OPEN KL_UNSET /* depends on the request */

static int fold(const struct policy_set *s, const uint8_t *dest, term t)
{
	int v = OPEN;

	if (TERM_KIND(t) == TERM_DEST) {
		v = dest[TERM_INDEX(t)];
	} else if (TERM_KIND(t) == TERM_EXPR) {
		const struct expr *x = &s->exprs[TERM_INDEX(t)];
		int winner = x->is_any ? KL_TRUE : KL_FALSE;
		bool open = false, unknown = false;

		v = x->is_any ? KL_FALSE : KL_TRUE;
		for (uint32_t i = 0; i < x->n && v != winner; i++) {
			int kid = fold(s, dest, s->terms[x->first + i]);

			open |= kid == OPEN;
			unknown |= kid == KL_UNKNOWN;
			if (kid == winner)
				v = winner;
		}
		if (v != winner && open)
			return OPEN;
		if (v != winner && unknown)
			v = KL_UNKNOWN;
	}
	return v != OPEN && TERM_NEGATED(t) ? KL_TRUE - v : v;
}

/* The rule's effect at a tier; false when it has no opinion there. */
static bool effect_at(const struct rule *r, enum policy_tier tier, int8_t *ret)
{
	if (r->effect == EFFECT_REQUIRE) {
		*ret = -1;
		return true;
	}
	if (r->effect != EFFECT_LOCAL_ONLY) {
		*ret = (int8_t)r->effect;
		return true;
	}
	*ret = POLICY_DENY;
	return (int)tier > (r->max_tier == UNSTATED ? POLICY_TIER_DEVICE : r->max_tier);
}

/* Fills *ret and appends the open terms to `out`; false when the rule cannot match here. */
static bool live_make(const struct policy_set *s, size_t d, uint32_t rule, struct live *ret,
		      term *out, uint32_t *n_out)
{
	const uint8_t *dest = s->dest_values + d * s->n_dest_leaves;
	const struct crule *c = &s->rules[rule];
	uint32_t first = *n_out;

	*ret = (struct live){ .rule = rule, .first_term = first, .start = KL_TRUE };
	if (!effect_at(c->rule, s->destinations[d].tier, &ret->effect))
		return false;
	for (uint32_t i = 0; i < c->n_terms; i++) {
		term t = s->terms[c->first_term + i];
		int v = fold(s, dest, t);

		if (v == KL_FALSE) {
			*n_out = first;
			return false;
		}
		if (v == OPEN)
			out[(*n_out)++] = t;
		else if (v == KL_UNKNOWN)
			ret->start = KL_UNKNOWN;
	}
	ret->n_terms = (uint16_t)(*n_out - first);
	return true;
}

struct live_room {
	struct live *items;
	term *terms;
};

/* One destination: its live rules, copied out of the scratch room at their true size. */
static enum err live_list(struct policy_set *s, size_t d, const struct live_room *room)
{
	uint32_t n = 0, n_terms = 0, start = 0;

	for (uint32_t r = 0; r < s->n_rules; r++)
		n += live_make(s, d, r, &room->items[n], room->terms, &n_terms);
	struct live *items = arena_array(s->arena, n, sizeof *items);
	term *terms = arena_array(s->arena, n_terms, sizeof *terms);
	if (items == NULL || terms == NULL)
		return ERR_NO_MEMORY;
	memcpy(items, room->items, n * sizeof *items);
	memcpy(terms, room->terms, n_terms * sizeof *terms);
	for (uint32_t layer = 0; layer < POLICY_LAYERS; layer++) {
		struct live_list *list = &s->live[d * POLICY_LAYERS + layer];
		uint32_t end = start;

		while (end < n && s->rules[items[end].rule].layer == layer)
			end++;
		*list = (struct live_list){ items + start, terms, end - start };
		start = end;
	}
	return ERR_OK;
}

enum err compile_destinations(struct policy_set *s)
{
	struct live_room room;
	struct arena *a = arena_new("policy.live", SET_BUDGET_BYTES);
	enum err e = ERR_NO_MEMORY;

	if (a == NULL)
		return ERR_NO_MEMORY;
	room.items = arena_array(a, s->n_rules, sizeof *room.items);
	room.terms = arena_array(a, s->n_terms, sizeof *room.terms);
	s->dest_values = arena_array(s->arena, s->n_destinations * s->n_dest_leaves, 1);
	s->live = arena_array(s->arena, s->n_destinations * POLICY_LAYERS, sizeof *s->live);
	if (room.items != NULL && room.terms != NULL && s->dest_values != NULL &&
	    s->live != NULL)
		e = ERR_OK;
	for (size_t d = 0; e == ERR_OK && d < s->n_destinations; d++) {
		for (size_t i = 0; i < s->n_dest_leaves; i++)
			s->dest_values[d * s->n_dest_leaves + i] = (uint8_t)dest_leaf_value(
				&s->dest_leaves[i], &s->destinations[d]);
		e = live_list(s, d, &room);
	}
	arena_free(a);
	return e;
}
