/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests that policy files carry.
 *
 * A file's tests see its own layer and every layer of higher authority, no others: what a
 * person writes cannot fail a vendor's tests. Tests of mandatory files run a second time on
 * the whole stack, where lower layers may have made the answer stricter but not looser.
 */
#include <stdio.h>

#include "policy/policy_impl.h"

struct run {
	struct policy_set *set;
	struct policy_decision *decision;
	policy_test_fn *fn;
	void *ctx;
	size_t run, failed;
	char wanted[400], got[400];
};

static bool is_ceiling(enum policy_layer layer)
{
	return layer <= POLICY_MANDATORY;
}

static unsigned scope_of(enum policy_layer layer)
{
	unsigned ceilings = 1u << POLICY_VENDOR_MANDATORY | 1u << POLICY_MANDATORY;

	return ceilings | ((2u << layer) - 1);
}

/* "deny by a, b; redact c" */
static void put_words(struct buf *out, const char *before, const struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		buf_printf(out, "%s%s", i == 0 ? before : ", ", w->items[i]);
}

static void to_text(struct buf *b, char *out, size_t out_bytes)
{
	const char *text = buf_cstr(b);

	snprintf(out, out_bytes, "%s", text != NULL ? text : "");
	buf_free(b);
}

static void describe_wanted(struct run *r, const struct expectation *x, bool invariant)
{
	struct buf b;

	buf_init(&b, TEXT_MAX_BYTES);
	buf_printf(&b, "%s%s", vocab_verdict.words[x->verdict],
		   invariant ? " or stricter" : "");
	if (!invariant) {
		put_words(&b, " by ", &x->by);
		put_words(&b, "; redact ", &x->redact);
	}
	to_text(&b, r->wanted, sizeof r->wanted);
}

static void describe_got(struct run *r)
{
	const struct policy_decision *d = r->decision;
	struct buf b;

	buf_init(&b, TEXT_MAX_BYTES);
	buf_add_str(&b, policy_verdict_name(d->verdict));
	for (size_t i = 0; i < d->n_by; i++) {
		struct policy_reason why = policy_decision_reason(r->set, d, i);

		buf_printf(&b, "%s%s%s", i == 0 ? " by " : ", ", why.id,
			   why.uncertain ? "?" : "");
	}
	for (size_t i = 0; i < d->n_redact; i++)
		buf_printf(&b, "%s%s", i == 0 ? "; redact " : ", ", d->redact[i]);
	to_text(&b, r->got, sizeof r->got);
}

static bool decided_by(const struct run *r, const char *id)
{
	for (size_t i = 0; i < r->decision->n_by; i++) {
		struct policy_reason why = policy_decision_reason(r->set, r->decision, i);
		size_t n = strlen(why.id);

		if (strncmp(id, why.id, n) == 0 &&
		    strcmp(id + n, why.uncertain ? "?" : "") == 0)
			return true;
	}
	return false;
}

static bool redacts(const struct run *r, const char *pattern)
{
	for (size_t i = 0; i < r->decision->n_redact; i++) {
		if (strcmp(r->decision->redact[i], pattern) == 0)
			return true;
	}
	return false;
}

static bool holds(const struct run *r, const struct expectation *x)
{
	bool ok = (int)r->decision->verdict == x->verdict;

	for (size_t i = 0; i < x->by.n; i++)
		ok &= decided_by(r, x->by.items[i]);
	for (size_t i = 0; i < x->redact.n; i++)
		ok &= redacts(r, x->redact.items[i]);
	return ok;
}

static void report(struct run *r, const struct policy_file *f, const struct test *t,
		   const struct expectation *x, bool ok, bool invariant)
{
	const struct policy_test_result result = {
		.file = f,
		.line = t->line,
		.test = t->name,
		.destination = x->destination,
		.ok = ok,
		.invariant = invariant,
		.wanted = r->wanted,
		.got = r->got,
	};

	r->run++;
	r->failed += !ok;
	if (r->fn != NULL)
		r->fn(r->ctx, &result);
}

static void run_one(struct run *r, const struct policy_file *f, const struct test *t,
		    const struct expectation *x)
{
	size_t d;

	describe_wanted(r, x, false);
	if (!policy_destination_find(r->set, span_of(x->destination), &d)) {
		snprintf(r->got, sizeof r->got, "there is no destination \"%s\"",
			 x->destination);
		report(r, f, t, x, false, false);
		return;
	}
	decide_begin(r->set, &t->request);
	decide_one(r->set, &t->request, d, r->set->layers & scope_of(f->info.layer),
		   r->decision);
	describe_got(r);
	report(r, f, t, x, holds(r, x), false);
	if (!is_ceiling(f->info.layer))
		return;
	decide_one(r->set, &t->request, d, r->set->layers, r->decision);
	describe_wanted(r, x, true);
	describe_got(r);
	report(r, f, t, x, (int)r->decision->verdict >= x->verdict, true);
}

size_t policy_tests_run(struct policy_set *s, const struct policy_file *only_file,
			policy_test_fn *fn, void *ctx, size_t *ret_run)
{
	struct run r = { .set = s, .fn = fn, .ctx = ctx };
	struct arena *a = arena_new("policy.tests", SET_BUDGET_BYTES);

	r.decision = a != NULL ? policy_decisions_new(s, 1, a) : NULL;
	r.failed = r.decision == NULL;
	memset(s->scratch.covered, 0, s->n_rules * sizeof *s->scratch.covered);
	s->scratch.cover = true;
	for (size_t i = 0; r.decision != NULL && i < s->n_files; i++) {
		const struct policy_file *f = s->files[i];

		if (only_file != NULL && f != only_file)
			continue;
		for (size_t t = 0; t < f->n_tests; t++) {
			for (size_t x = 0; x < f->tests[t].n_expect; x++)
				run_one(&r, f, &f->tests[t], &f->tests[t].expect[x]);
		}
	}
	s->scratch.cover = false;
	arena_free(a);
	if (ret_run != NULL)
		*ret_run = r.run;
	return r.failed;
}

size_t policy_coverage(const struct policy_set *s, policy_rule_fn *fn, void *ctx)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_rules; i++) {
		const struct crule *c = &s->rules[i];

		if (s->scratch.covered[i])
			continue;
		n++;
		if (fn != NULL)
			fn(ctx, c->file, c->rule->id, c->rule->line);
	}
	return n;
}
