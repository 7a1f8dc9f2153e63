/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed between two stacks. The text of each file is read again as a plain tree, so
 * that every key counts, known here or not; then both stacks answer the tests of both.
 */
#include <stdio.h>

#include "common/text.h"
#include "policy/policy_impl.h"

struct differ {
	struct policy_set *before, *after;
	struct buf *out;
	size_t n;
};

static const struct policy_file *file_find(const struct policy_set *s,
					   const struct policy_file *like)
{
	for (size_t i = 0; i < s->n_files; i++) {
		if (s->files[i]->info.layer == like->info.layer &&
		    strcmp(s->files[i]->info.id, like->info.id) == 0)
			return s->files[i];
	}
	return NULL;
}

static cJSON *tree_of(const struct policy_file *f)
{
	struct json_where where;
	cJSON *tree = NULL;

	return json_parse(f->info.text, &json_limits_file, &tree, &where) == ERR_OK ? tree
										    : NULL;
}

static void say(struct differ *d, const struct policy_file *f, const char *sign,
		const char *what, const char *name)
{
	d->n++;
	buf_printf(d->out, "%s %-17s %-20s %s%s%s\n", sign, policy_layer_name(f->info.layer),
		   f->info.id, what, !text_empty(name) ? " " : "", name);
}

static bool same(const cJSON *a, const cJSON *b)
{
	return cJSON_Compare(a, b, true) != 0;
}

/* ---------------------------------------------------------------- members of a block */

/* A key, or else what each member of a list of a file that was read has. */
static const char *name_of(const cJSON *member)
{
	const char *id = json_get_string(member, "id");

	if (member->string != NULL)
		return member->string;
	return id != NULL ? id : json_get_string(member, "name");
}

static const cJSON *member_find(const cJSON *block, const char *name)
{
	for (const cJSON *m = block != NULL ? block->child : NULL; m != NULL; m = m->next) {
		if (strcmp(name_of(m), name) == 0)
			return m;
	}
	return NULL;
}

/* Objects by key, lists by id or name. */
static void members(struct differ *d, const struct policy_file *f, const char *what,
		    const cJSON *before, const cJSON *after)
{
	for (const cJSON *m = before != NULL ? before->child : NULL; m != NULL; m = m->next) {
		const cJSON *now = member_find(after, name_of(m));

		if (now == NULL)
			say(d, f, "-", what, name_of(m));
		else if (!same(m, now))
			say(d, f, "~", what, name_of(m));
	}
	for (const cJSON *m = after != NULL ? after->child : NULL; m != NULL; m = m->next) {
		if (member_find(before, name_of(m)) == NULL)
			say(d, f, "+", what, name_of(m));
	}
}

static const struct block {
	const char *key, *what;
} blocks[] = {
	{ "rules", "rule" },          { "destinations", "destination" },
	{ "groups", "group" },        { "categories", "category" },
	{ "default", "default" },     { "consent", "consent" },
	{ "budgets", "budget" },      { "routing", "routing" },
	{ "ledger", "ledger" },       { "tests", "test" },
	{ "test_base", "test base" },
};

static bool is_block(const char *key)
{
	for (size_t i = 0; i < LEN(blocks); i++) {
		if (strcmp(blocks[i].key, key) == 0)
			return true;
	}
	return false;
}

/* Keys with a plain value: serial, title, not_after, … */
static void plain_keys(struct differ *d, const struct policy_file *f, const cJSON *before,
		       const cJSON *after)
{
	for (const cJSON *m = before->child; m != NULL; m = m->next) {
		const cJSON *now = json_get(after, m->string);

		if (!is_block(m->string) && (now == NULL || !same(m, now)))
			say(d, f, now == NULL ? "-" : "~", m->string, "");
	}
	for (const cJSON *m = after->child; m != NULL; m = m->next) {
		if (!is_block(m->string) && json_get(before, m->string) == NULL)
			say(d, f, "+", m->string, "");
	}
}

static void file_pair(struct differ *d, const struct policy_file *before,
		      const struct policy_file *after)
{
	cJSON *a = tree_of(before), *b = tree_of(after);

	if (a == NULL || b == NULL) {
		d->out->failed = true;
	} else if (!same(a, b)) {
		plain_keys(d, after, a, b);
		for (size_t i = 0; i < LEN(blocks); i++)
			members(d, after, blocks[i].what, json_get(a, blocks[i].key),
				json_get(b, blocks[i].key));
	}
	cJSON_Delete(a);
	cJSON_Delete(b);
}

static void files(struct differ *d)
{
	for (size_t i = 0; i < d->before->n_files; i++) {
		const struct policy_file *f = d->before->files[i];
		const struct policy_file *now = file_find(d->after, f);

		if (now == NULL)
			say(d, f, "-", "file", f->info.name);
		else
			file_pair(d, f, now);
	}
	for (size_t i = 0; i < d->after->n_files; i++) {
		const struct policy_file *f = d->after->files[i];

		if (file_find(d->before, f) == NULL)
			say(d, f, "+", "file", f->info.name);
	}
}

/* ---------------------------------------------------------------- answers */

struct answers {
	struct policy_decision *before, *after;
};

static void answer(struct differ *d, const struct test *t, const struct answers *a)
{
	policy_decide_all(d->before, &t->request, a->before);
	policy_decide_all(d->after, &t->request, a->after);
	for (size_t i = 0; i < d->before->n_destinations; i++) {
		const char *name = d->before->destinations[i].name;
		size_t k;

		if (!policy_destination_find(d->after, span_of(name), &k) ||
		    a->before[i].verdict == a->after[k].verdict)
			continue;
		d->n++;
		buf_printf(d->out, "! %s: %s was %s, is %s\n", t->name, name,
			   policy_verdict_name(a->before[i].verdict),
			   policy_verdict_name(a->after[k].verdict));
	}
}

/* Tests of `from`; those of a file that stands in `not_in` as well are left to the other turn.
 */
static void answers_of(struct differ *d, const struct policy_set *from,
		       const struct policy_set *not_in, const struct answers *a)
{
	for (size_t i = 0; i < from->n_files; i++) {
		const struct policy_file *f = from->files[i];

		if (not_in != NULL && file_find(not_in, f) != NULL)
			continue;
		for (size_t t = 0; t < f->n_tests; t++)
			answer(d, &f->tests[t], a);
	}
}

size_t policy_diff(struct policy_set *before, struct policy_set *after, struct buf *out)
{
	struct differ d = { before, after, out, 0 };
	struct arena *arena = arena_new("policy.diff", 2 * SET_BUDGET_BYTES);
	struct answers a = { NULL, NULL };

	if (arena != NULL) {
		a.before = policy_decisions_new(before, before->n_destinations, arena);
		a.after = policy_decisions_new(after, after->n_destinations, arena);
	}
	if (a.before != NULL && a.after != NULL) {
		files(&d);
		answers_of(&d, after, NULL, &a);
		answers_of(&d, before, after, &a);
	} else {
		out->failed = true;
	}
	arena_free(arena);
	return d.n;
}
