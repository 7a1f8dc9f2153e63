/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is decided, why, and what nearly was: for each destination the verdict with its
 * reasons, the rules that matched without effect, and those one condition away.
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/text.h"
#include "policy/policy_impl.h"

#define MAX_NEAR_MISSES 12
#define DAY_MS          ((int64_t)24 * 60 * 60 * 1000)

static const char *loud(int verdict)
{
	static const char *const names[] = { "ALLOW", "ASK", "DENY" };

	return names[verdict];
}

static void put_reason(const struct policy_reason *r, struct buf *out)
{
	buf_printf(out, "%s%s", r->id, r->uncertain ? "?" : "");
	if (r->because != NULL)
		buf_printf(out, "  \"%s\"", r->because);
	else if (r->file != NULL)
		buf_printf(out, "  (%s)", r->file);
}

static void put_destination(const struct policy_set *s, const struct policy_decision *d,
			    const char *name, struct buf *out)
{
	buf_printf(out, "%-20s  %-5s  ", name, loud((int)d->verdict));
	for (size_t i = 0; i < d->n_by; i++) {
		struct policy_reason r = policy_decision_reason(s, d, i);

		if (i > 0)
			buf_printf(out, "\n%-20s         ", "");
		put_reason(&r, out);
	}
	size_t mark = out->len;
	buf_printf(out, "\n%-20s         with: ", "");
	size_t start = out->len;
	describe_obligations(d, out);
	if (out->len == start)
		out->len = mark;
	buf_add_char(out, '\n');
}

/* ---------------------------------------------------------------- rules one by one */

/* The rule's value here; when false for one reason only, that term in *miss. */
static int live_value(struct policy_set *s, const struct policy_request *q, size_t d,
		      const struct live_list *list, const struct live *r, term *miss, bool *one)
{
	const uint8_t *dest = s->dest_values + d * s->n_dest_leaves;
	unsigned falses = 0;
	int v = r->start;

	for (uint32_t k = 0; k < r->n_terms; k++) {
		term t = list->terms[r->first_term + k];
		int x = term_value(s, q, dest, t);

		if (x == KL_FALSE && falses++ == 0)
			*miss = t;
		v = x < v ? x : v;
	}
	*one = falses == 1;
	return v;
}

static void put_without_effect(struct policy_set *s, const struct policy_request *q, size_t d,
			       const struct policy_decision *made, struct buf *out)
{
	for (size_t l = 0; l < POLICY_LAYERS; l++) {
		const struct live_list *list = &s->live[d * POLICY_LAYERS + l];

		for (uint32_t i = 0; i < list->n; i++) {
			const struct live *r = &list->items[i];
			term ignored;
			bool one;

			if (r->effect < 0 || r->effect >= (int)made->verdict ||
			    live_value(s, q, d, list, r, &ignored, &one) != KL_TRUE)
				continue;
			struct policy_reason why = policy_decision_reason(s, made, 0);
			buf_printf(out,
				   "%-20s         %s rule %s (%s) has no effect: %s says %s\n",
				   "", policy_layer_name((enum policy_layer)l),
				   s->rules[r->rule].rule->id, vocab_verdict.words[r->effect],
				   why.id, loud((int)made->verdict));
		}
	}
}

struct miss { /* one rule, one missing condition, any number of destinations */
	uint32_t rule;
	term term;
	int effect;
	bool found;
};

/* Whether `rule` misses at destination d by one condition and would change the answer there;
 * the first place found fixes what is missing. */
static bool misses_here(struct policy_set *s, const struct policy_request *q, size_t d,
			const struct policy_decision *made, struct miss *m)
{
	const struct live_list *list = &s->live[d * POLICY_LAYERS + s->rules[m->rule].layer];

	for (uint32_t i = 0; i < list->n; i++) {
		const struct live *r = &list->items[i];
		term t = 0;
		bool one;

		if (r->rule != m->rule || r->effect < 0 || r->effect == (int)made->verdict)
			continue;
		if (live_value(s, q, d, list, r, &t, &one) != KL_FALSE || !one)
			continue;
		if (m->found && m->term != t)
			continue;
		m->term = t;
		m->effect = r->effect;
		m->found = true;
		return true;
	}
	return false;
}

static void put_near_misses(struct policy_set *s, const struct policy_request *q,
			    const struct policy_decision *made, struct buf *out)
{
	unsigned shown = 0;

	for (uint32_t r = 0; r < s->n_rules && shown < MAX_NEAR_MISSES; r++) {
		struct miss m = { .rule = r };

		for (size_t d = 0; d < s->n_destinations; d++) {
			bool first = !m.found;

			if (!misses_here(s, q, d, &made[d], &m))
				continue;
			if (first)
				buf_printf(out, "%-20s  %s would %s ",
					   shown++ == 0 ? "near misses" : "",
					   s->rules[r].rule->id, loud(m.effect));
			buf_printf(out, "%s%s", first ? "" : ", ", s->destinations[d].name);
		}
		if (!m.found)
			continue;
		buf_add_str(out, " if ");
		describe_term(s, m.term, out);
		buf_add_char(out, '\n');
	}
}

/* ---------------------------------------------------------------- routing and policy */

static void put_routing(const struct policy_set *s, const struct policy_request *q,
			struct buf *out)
{
	const struct policy_routing *r = &s->routing;

	if (!r->has_escalate_at && r->n_prefer == 0)
		return;
	buf_printf(out, "%-20s ", "routing");
	if (r->has_escalate_at && q->score.known)
		buf_printf(out, " score %.2f %s %.2f", q->score.value,
			   q->score.value >= r->escalate_at ? ">=" : "<", r->escalate_at);
	else if (r->has_escalate_at)
		buf_printf(out, " score unknown, escalates at %.2f", r->escalate_at);
	for (size_t i = 0; i < r->n_prefer; i++)
		buf_printf(out, "%s%s", i == 0 ? " prefer " : ", then ",
			   policy_tier_name(r->prefer[i]));
	buf_add_char(out, '\n');
}

void explain_policy_line(const struct policy_set *s, int64_t now_ms, struct buf *out)
{
	const struct policy_file *top = policy_set_top(s);
	const char *state = policy_state_name(s->state);

	buf_printf(out, "%-20s  ", "policy");
	if (top == NULL) {
		buf_printf(out, "built-in defaults, %s\n", state);
		return;
	}
	buf_add_str(out, top->info.id);
	if (top->info.serial > 0)
		buf_printf(out, " serial %" PRId64, top->info.serial);
	buf_printf(out, " %s", state);
	if (!text_empty(s->reason))
		buf_printf(out, " (%s)", s->reason);
	if (!text_empty(top->signer))
		buf_printf(out, ", verified ES256 key %s", top->signer);
	if (top->info.not_after_ms != INT64_MAX) {
		int64_t left_ms = top->info.not_after_ms - now_ms;

		if (left_ms > 0)
			buf_printf(out, ", expires in %" PRId64 " days", left_ms / DAY_MS);
		else
			buf_add_str(out, ", EXPIRED");
	}
	buf_add_char(out, '\n');
}

void policy_explain(struct policy_set *s, const struct policy_request *q, int64_t now_ms,
		    struct buf *out)
{
	struct arena *a = arena_new("policy.explain", SET_BUDGET_BYTES);
	struct policy_decision *made =
		a != NULL ? policy_decisions_new(s, s->n_destinations, a) : NULL;

	if (made == NULL) {
		out->failed = true;
		arena_free(a);
		return;
	}
	policy_decide_all(s, q, made);
	buf_printf(out, "%-20s  ", "request");
	describe_request(q, out);
	buf_add_char(out, '\n');
	for (size_t d = 0; d < s->n_destinations; d++) {
		put_destination(s, &made[d], s->destinations[d].name, out);
		put_without_effect(s, q, d, &made[d], out);
	}
	put_near_misses(s, q, made, out);
	put_routing(s, q, out);
	explain_policy_line(s, now_ms, out);
	arena_free(a);
}
