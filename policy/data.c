/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The categories of a request against the category patterns of the rules.
 *
 * Every distinct pattern of a set gets a number. A category is looked up once per request:
 * whole, for exact patterns, and at each of its dots, for patterns that end in ".*". What a
 * `data` condition asks is then a few bits.
 */
#include "policy/policy_impl.h"

static bool is_prefix(struct span pattern)
{
	return pattern.len >= 2 && pattern.ptr[pattern.len - 2] == '.' &&
	       pattern.ptr[pattern.len - 1] == '*';
}

bool policy_category_matches(struct span pattern, struct span category)
{
	if (!is_prefix(pattern))
		return span_equal(pattern, category);
	size_t n = pattern.len - 2;

	return category.len >= n && memcmp(category.ptr, pattern.ptr, n) == 0 &&
	       (category.len == n || category.ptr[n] == '.');
}

/* The slot that holds the pattern with this stem, or the empty one where it would go. */
static size_t slot_of(const struct policy_set *s, struct span stem, bool prefix)
{
	size_t mask = s->n_pattern_slots - 1;
	size_t at = table_hash(stem) & mask;

	while (s->pattern_slots[at] != 0) {
		struct span p = s->patterns[s->pattern_slots[at] - 1];

		if (is_prefix(p) == prefix && p.len == stem.len + (prefix ? 2 : 0) &&
		    memcmp(p.ptr, stem.ptr, stem.len) == 0)
			break;
		at = (at + 1) & mask;
	}
	return at;
}

static uint32_t intern(struct policy_set *s, struct span pattern)
{
	bool prefix = is_prefix(pattern);
	struct span stem = { pattern.ptr, pattern.len - (prefix ? 2 : 0) };
	size_t at = slot_of(s, stem, prefix);

	if (s->pattern_slots[at] == 0) {
		s->patterns[s->n_patterns++] = pattern;
		s->pattern_slots[at] = (uint32_t)s->n_patterns;
	}
	return s->pattern_slots[at] - 1;
}

bool cond_is_data(enum cond_kind kind)
{
	return kind >= COND_DATA_ANY && kind <= COND_DATA_ONLY;
}

enum err data_index(struct policy_set *s)
{
	size_t total = 0;

	for (size_t i = 0; i < s->n_req_leaves; i++)
		total += cond_is_data(s->req_leaves[i].cond->kind)
				 ? s->req_leaves[i].cond->words.n
				 : 0;
	for (s->n_pattern_slots = 16; s->n_pattern_slots < 2 * total;)
		s->n_pattern_slots *= 2;
	s->patterns = arena_array(s->arena, total, sizeof *s->patterns);
	s->pattern_slots = arena_array(s->arena, s->n_pattern_slots, sizeof *s->pattern_slots);
	if (s->patterns == NULL || s->pattern_slots == NULL)
		return ERR_NO_MEMORY;

	for (size_t i = 0; i < s->n_req_leaves; i++) {
		struct leaf *l = &s->req_leaves[i];

		if (!cond_is_data(l->cond->kind))
			continue;
		l->n = (uint32_t)l->cond->words.n;
		uint32_t *ids = arena_array(s->arena, l->n, sizeof *ids);
		if (ids == NULL)
			return ERR_NO_MEMORY;
		for (uint32_t w = 0; w < l->n; w++)
			ids[w] = intern(s, span_of(l->cond->words.items[w]));
		l->patterns = ids;
	}
	return ERR_OK;
}

/* ---------------------------------------------------------------- per request */

static void mark(struct policy_set *s, struct span stem, bool prefix, uint64_t *row)
{
	uint32_t found = s->pattern_slots[slot_of(s, stem, prefix)];

	if (found != 0)
		row[(found - 1) / 64] |= UINT64_C(1) << ((found - 1) % 64);
}

static void mark_category(struct policy_set *s, struct span category, uint64_t *row)
{
	mark(s, category, false, row);
	for (size_t i = 0; i <= category.len; i++) {
		if (i == category.len || category.ptr[i] == '.')
			mark(s, (struct span){ category.ptr, i }, true, row);
	}
}

void data_begin(struct policy_set *s, const struct policy_request *q)
{
	size_t words = bit_words(s->n_patterns);
	struct scratch *c = &s->scratch;

	memset(c->found, 0, words * sizeof *c->found);
	for (size_t i = 0; i < q->data.n; i++) {
		if (i >= CATEGORY_ROWS) {
			mark_category(s, q->data.items[i], c->found);
			continue;
		}
		uint64_t *row = c->rows + i * words;

		memset(row, 0, words * sizeof *row);
		mark_category(s, q->data.items[i], row);
		for (size_t w = 0; w < words; w++)
			c->found[w] |= row[w];
	}
}

static uint32_t count_found(const uint64_t *row, const struct leaf *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->n; i++)
		n += row[l->patterns[i] / 64] >> (l->patterns[i] % 64) & 1;
	return n;
}

/* Whether some pattern of the leaf covers category number i. */
static bool covers(const struct policy_set *s, const struct policy_request *q,
		   const struct leaf *l, size_t i)
{
	if (i < CATEGORY_ROWS)
		return count_found(s->scratch.rows + i * bit_words(s->n_patterns), l) > 0;
	for (uint32_t p = 0; p < l->n; p++) {
		if (policy_category_matches(s->patterns[l->patterns[p]], q->data.items[i]))
			return true;
	}
	return false;
}

int data_value(const struct policy_set *s, const struct policy_request *q, const struct leaf *l)
{
	const uint64_t *found = s->scratch.found;

	if (!q->data.known)
		return KL_UNKNOWN;
	switch (l->cond->kind) {
	case COND_DATA_ANY:
		return count_found(found, l) > 0 ? KL_TRUE : KL_FALSE;
	case COND_DATA_ALL:
		return count_found(found, l) == l->n ? KL_TRUE : KL_FALSE;
	case COND_DATA_NONE:
		return count_found(found, l) == 0 ? KL_TRUE : KL_FALSE;
	default: /* only */
		for (size_t i = 0; i < q->data.n; i++) {
			if (!covers(s, q, l, i))
				return KL_FALSE;
		}
		return KL_TRUE;
	}
}
