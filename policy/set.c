/* SPDX-License-Identifier: Apache-2.0 */
/* Building a set out of files, its life, and reading what it holds. */
#include <stdio.h>

#include "common/text.h"
#include "policy/policy_impl.h"

/* Layers in order of authority; names in byte order. Names are unique in a folder, but inline
 * stacks need not have any that mean something, so those keep the order given. */
static bool comes_before(const struct policy_file *a, const struct policy_file *b,
			 unsigned flags)
{
	int order = (int)a->info.layer - (int)b->info.layer;

	if (order == 0 && (flags & POLICY_INLINE) == 0)
		order = strcmp(a->info.name, b->info.name);
	return order < 0;
}

static struct policy_set *set_new(unsigned flags, const char *lockdown_reason)
{
	struct arena *a = arena_new("policy.set", SET_BUDGET_BYTES);
	struct policy_set *s = a != NULL ? arena_zalloc(a, sizeof *s) : NULL;

	if (s == NULL) {
		arena_free(a);
		return NULL;
	}
	s->refs = 1;
	s->arena = a;
	s->flags = flags;
	s->lockdown = lockdown_reason != NULL;
	s->state = s->lockdown ? POLICY_LOCKDOWN : POLICY_ACTIVE;
	s->reason = arena_strdup(a, span_of(lockdown_reason));
	if (s->reason == NULL) {
		arena_free(a);
		return NULL;
	}
	return s;
}

static enum err set_files(struct policy_set *s, struct policy_file *const *files, size_t n)
{
	s->files = arena_array(s->arena, n, sizeof *s->files);
	if (s->files == NULL)
		return ERR_NO_MEMORY;
	for (; s->n_files < n; s->n_files++) {
		struct policy_file *f = policy_file_ref(files[s->n_files]);
		size_t at = s->n_files;

		for (; at > 0 && comes_before(f, s->files[at - 1], s->flags); at--)
			s->files[at] = s->files[at - 1];
		s->files[at] = f;
		s->layers |= 1u << f->info.layer;
	}
	return ERR_OK;
}

static enum err scratch_init(struct policy_set *s)
{
	struct scratch *c = &s->scratch;
	size_t words = bit_words(s->n_patterns);

	c->values = arena_array(s->arena, s->n_req_leaves, sizeof *c->values);
	c->hits = arena_array(s->arena, s->n_rules, sizeof *c->hits);
	c->found = arena_array(s->arena, words, sizeof *c->found);
	c->rows = arena_array(s->arena, words * CATEGORY_ROWS, sizeof *c->rows);
	c->redact = arena_array(s->arena, bit_words(s->n_redacts), sizeof *c->redact);
	c->covered = arena_array(s->arena, s->n_rules, sizeof *c->covered);
	return c->values == NULL || c->hits == NULL || c->found == NULL || c->rows == NULL ||
			       c->redact == NULL || c->covered == NULL
		       ? ERR_NO_MEMORY
		       : ERR_OK;
}

static enum err set_fill(struct policy_set *s, struct policy_file *const *files, size_t n,
			 struct policy_error *reterr)
{
	enum err e = set_files(s, files, n);

	if (e == ERR_OK)
		e = merge_destinations(s, reterr);
	if (e == ERR_OK)
		e = merge_blocks(s);
	if (e == ERR_OK)
		e = compile_rules(s, reterr);
	if (e == ERR_OK)
		e = compile_destinations(s);
	return e == ERR_OK ? scratch_init(s) : e;
}

enum err set_build(struct policy_file *const *files, size_t n, const char *lockdown_reason,
		   unsigned flags, struct policy_set **ret, const struct policy_file **culprit,
		   struct policy_error *reterr)
{
	struct policy_set *s;
	enum err e = ERR_NO_MEMORY;

	*reterr = (struct policy_error){ .line = 0 };
	*culprit = NULL;
	if (n > POLICY_SET_MAX_FILES) {
		snprintf(reterr->problem, sizeof reterr->problem,
			 "%zu policy files are too many; the limit is %u", n,
			 POLICY_SET_MAX_FILES);
		return ERR_TOO_BIG;
	}
	s = set_new(flags, lockdown_reason);
	if (s != NULL) {
		e = set_fill(s, files, n, reterr);
		*culprit = s->culprit;
	}
	if (e != ERR_OK) {
		if (text_empty(reterr->problem))
			snprintf(reterr->problem, sizeof reterr->problem, "memory is out");
		policy_set_free(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

enum err policy_set_build(struct policy_file *const *files, size_t n,
			  const char *lockdown_reason, unsigned flags, struct policy_set **ret,
			  struct policy_error *reterr)
{
	const struct policy_file *culprit;

	return set_build(files, n, lockdown_reason, flags, ret, &culprit, reterr);
}

struct policy_set *policy_set_lockdown(const char *reason)
{
	struct policy_set *s = NULL;
	struct policy_error ignored;

	return policy_set_build(NULL, 0, reason, 0, &s, &ignored) == ERR_OK ? s : NULL;
}

struct policy_set *policy_set_ref(struct policy_set *s)
{
	s->refs++;
	return s;
}

void policy_set_free(struct policy_set *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	for (size_t i = 0; i < s->n_files; i++)
		policy_file_free(s->files[i]);
	arena_free(s->arena);
}

/* ---------------------------------------------------------------- reading */

uint64_t policy_set_generation(const struct policy_set *s)
{
	return s->generation;
}

enum policy_state policy_set_state(const struct policy_set *s)
{
	return s->state;
}

const char *policy_set_reason(const struct policy_set *s)
{
	return s->reason;
}

size_t policy_set_n_files(const struct policy_set *s)
{
	return s->n_files;
}

const struct policy_file *policy_set_file(const struct policy_set *s, size_t i)
{
	return s->files[i];
}

const struct policy_file *policy_set_top(const struct policy_set *s)
{
	for (size_t i = 0; i < s->n_files; i++) {
		if (s->files[i]->info.serial > 0)
			return s->files[i];
	}
	return s->n_files > 0 ? s->files[0] : NULL;
}

bool policy_set_only_destinations(const struct policy_set *s)
{
	return s->only_destinations;
}

size_t policy_set_n_rules(const struct policy_set *s)
{
	return s->n_rules;
}

size_t policy_destinations(const struct policy_set *s)
{
	return s->n_destinations;
}

const struct policy_destination *policy_destination(const struct policy_set *s, size_t i)
{
	return &s->destinations[i];
}

bool policy_destination_find(const struct policy_set *s, struct span name, size_t *ret)
{
	for (size_t i = 0; i < s->n_destinations; i++) {
		if (span_is(name, s->destinations[i].name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

const struct policy_consent *policy_consent(const struct policy_set *s)
{
	return &s->consent;
}

size_t policy_budgets(const struct policy_set *s)
{
	return s->n_budgets;
}

const struct policy_budget *policy_budget(const struct policy_set *s, size_t i)
{
	return &s->budgets[i];
}

const struct policy_routing *policy_routing(const struct policy_set *s)
{
	return &s->routing;
}

const struct policy_ledger *policy_ledger(const struct policy_set *s)
{
	return &s->ledger;
}

size_t policy_categories(const struct policy_set *s)
{
	return s->n_categories;
}

const struct policy_category *policy_category(const struct policy_set *s, size_t i)
{
	return &s->categories[i];
}
