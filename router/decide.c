/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules before the model: policy says where a request may go, then the score and the sizes
 * say where it is worth going. The device is the cheapest destination, so it is taken when it
 * is permitted and sufficient:
 *
 *   sufficient  =  text only, fits the context (fit.c), score < threshold
 *
 * Otherwise the candidates above the device are those that are not denied, whose limits hold
 * and that have a model to ask (router speaks the dialect of each that a policy can name);
 * they are ordered by the policy's `routing.prefer`, then tier, then cost, then name. Asking
 * comes before settling for the device, because the person may say yes; the plan notes whether
 * the device is there to fall back on.
 *
 * A run of tool calls is one piece of work: it is decided once, and its later requests stay
 * where it began as long as that is permitted and takes them. Policy and consent look at each.
 *
 * A name that asks for one place gets that place or a refusal, never another one in silence.
 */
#include "router/decide.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"

#define OUTPUT_USUAL_TOKENS 500 /* to compare costs when no cap is stated */

/* ---------------------------------------------------------------- names */

static bool known_model(const struct policy_destination *d, struct span model)
{
	if (d->n_models == 0)
		return true;
	for (size_t i = 0; i < d->n_models; i++) {
		if (span_is(model, d->models[i]))
			return true;
	}
	return false;
}

bool decide_want(const struct policy_set *set, const struct model_list *models,
		 struct span name, struct want *ret)
{
	const char *slash = name.len > 0 ? memchr(name.ptr, '/', name.len) : NULL;
	struct span head = name, tail = { "", 0 };

	if (slash != NULL) {
		head.len = (size_t)(slash - name.ptr);
		tail = (struct span){ slash + 1, name.len - head.len - 1 };
		if (tail.len == 0)
			return false;
	}
	*ret = (struct want){ .kind = WANT_AUTO, .model = tail };
	if (span_is(head, "auto"))
		return slash == NULL;
	if (span_is(head, "cloud")) {
		ret->kind = WANT_CLOUD;
		return slash == NULL;
	}
	if (span_is(head, "local")) {
		char plain[MODELS_NAME_BYTES];

		ret->kind = WANT_LOCAL;
		return slash == NULL || (span_copy(tail, plain, sizeof plain) &&
					 models_find(models, plain) != NULL);
	}
	ret->kind = WANT_DESTINATION;
	return policy_destination_find(set, head, &ret->destination) &&
	       (slash == NULL || known_model(policy_destination(set, ret->destination), tail));
}

/* ---------------------------------------------------------------- reasons */

char *plan_reason_place(struct plan *p)
{
	for (size_t i = 0; i < PLAN_REASONS; i++) {
		if (text_empty(p->reasons[i]))
			return p->reasons[i];
	}
	return NULL;
}

void plan_reason(struct plan *p, const char *format, ...)
{
	char *out = plan_reason_place(p);
	va_list args;

	if (out == NULL)
		return;
	va_start(args, format);
	vsnprintf(out, PLAN_REASON_BYTES, format, args);
	va_end(args);
}

static double limit_of(const struct decide_input *in)
{
	return in->threshold_pm / 1000.0;
}

static bool fits(const struct decide_input *in)
{
	if (in->fit != DECIDE_FIT_ESTIMATE)
		return in->fit == DECIDE_FIT_YES;
	return in->context_tokens == 0 ||
	       (uint64_t)in->input_tokens + in->max_tokens <= in->context_tokens;
}

static bool began_above(const struct decide_input *in)
{
	return in->goes_on && in->began != DECIDE_LOCAL;
}

static bool began_here(const struct decide_input *in)
{
	return in->goes_on && in->began == DECIDE_LOCAL;
}

static bool sufficient(const struct decide_input *in)
{
	return !in->unsure && !in->beyond_text && fits(in) &&
	       (began_here(in) || in->score < limit_of(in));
}

static void why_not_here(const struct decide_input *in, struct plan *p)
{
	if (in->want->kind == WANT_CLOUD || in->want->kind == WANT_DESTINATION)
		plan_reason(p, "the program asked for it by name");
	else if (in->beyond_text)
		plan_reason(p, "it has attachments that the on-device model does not read");
	else if (began_above(in))
		plan_reason(p, "these tool calls began there");
	else if (!fits(in))
		plan_reason(p,
			    "%s %u tokens%s, the model on this device has room for %u with "
			    "the answer",
			    in->counted ? "the prompt has" : "the prompt has about",
			    in->input_tokens,
			    in->max_tokens > 0 ? " and asks for a long answer" : "",
			    in->context_tokens);
	else if (in->unsure)
		plan_reason(
			p,
			"the model on this device is unsure of its answer (%.2f, floor %.2f)",
			in->certainty, in->floor);
	else
		plan_reason(p, "too hard for the model on this device (%.2f, limit %.2f)",
			    in->score, limit_of(in));
}

/* ---------------------------------------------------------------- candidates */

double decide_cost(const struct policy_destination *d, uint32_t input_tokens,
		   uint32_t max_tokens)
{
	if (!d->price.known)
		return -1;
	return (input_tokens * d->price.input_per_mtok +
		max_tokens * d->price.output_per_mtok) /
	       1e6;
}

bool decide_possible(const struct decide_input *in, size_t i)
{
	const struct policy_decision *v = &in->verdicts[i];
	const struct policy_destination *d = policy_destination(in->set, i);

	return v->verdict != POLICY_DENY && (int64_t)in->input_tokens <= v->max_input_tokens &&
	       (d->n_models > 0 || in->want->model.len > 0);
}

static size_t preference(const struct decide_input *in, enum policy_tier tier)
{
	const struct policy_routing *r = policy_routing(in->set);

	for (size_t i = 0; i < r->n_prefer; i++) {
		if (r->prefer[i] == tier)
			return i;
	}
	return r->n_prefer + (size_t)tier;
}

static double dearest_unless_known(const struct policy_destination *d, uint32_t input_tokens,
				   uint32_t max_tokens)
{
	double cost = decide_cost(d, input_tokens, max_tokens);

	return d->price.known ? cost : INFINITY;
}

/* Is `a` to be taken before `b`? */
static bool before(const struct decide_input *in, size_t a, size_t b)
{
	const struct policy_destination *da = policy_destination(in->set, a);
	const struct policy_destination *db = policy_destination(in->set, b);
	uint32_t out = in->max_tokens > 0 ? in->max_tokens : OUTPUT_USUAL_TOKENS;
	size_t pa = preference(in, da->tier), pb = preference(in, db->tier);

	if (pa < pb)
		return true;
	if (pb < pa)
		return false;
	double ca = dearest_unless_known(da, in->input_tokens, out),
	       cb = dearest_unless_known(db, in->input_tokens, out);
	if (ca < cb)
		return true;
	if (cb < ca)
		return false;
	return strcmp(da->name, db->name) < 0;
}

static bool best_candidate(const struct decide_input *in, size_t *ret)
{
	bool found = false;

	for (size_t i = DECIDE_LOCAL + 1; i < policy_destinations(in->set); i++) {
		if (policy_destination(in->set, i)->tier == POLICY_TIER_DEVICE ||
		    !decide_possible(in, i))
			continue;
		if (!found || before(in, i, *ret))
			*ret = i;
		found = true;
	}
	return found;
}

/* ---------------------------------------------------------------- the plan */

static void denied(const struct decide_input *in, size_t i, struct plan *p)
{
	const struct policy_destination *d = policy_destination(in->set, i);
	const struct policy_decision *v = &in->verdicts[i];

	if (v->verdict != POLICY_DENY) {
		plan_reason(p, "%s cannot take this request (limit or model)", d->name);
		return;
	}
	struct policy_reason r = policy_decision_reason(in->set, v, 0); /* a no has one */
	plan_reason(p, "%s is denied by %s%s%s%s", d->name, r.id, r.uncertain ? "?" : "",
		    r.because != NULL ? ": " : "", r.because != NULL ? r.because : "");
}

static void refuse(const struct decide_input *in, size_t destination, struct plan *ret)
{
	ret->destination = destination;
	denied(in, destination, ret);
}

static void refuse_cloud(const struct decide_input *in, struct plan *ret)
{
	size_t n = policy_destinations(in->set);

	if (n > 1) {
		refuse(in, n - 1, ret);
		return;
	}
	plan_reason(ret, "no destination but this device is set up");
}

static void ask(const struct decide_input *in, size_t destination, struct plan *ret)
{
	const struct policy_destination *d = policy_destination(in->set, destination);

	ret->kind = PLAN_ASK;
	ret->destination = destination;
	ret->model = in->want->model.len > 0 ? in->want->model : span_of(d->models[0]);
	ret->local_possible = in->want->kind == WANT_AUTO && !in->beyond_text &&
			      in->verdicts[DECIDE_LOCAL].verdict == POLICY_ALLOW;
	why_not_here(in, ret);
}

static void local(const struct decide_input *in, struct plan *ret)
{
	if (in->verdicts[DECIDE_LOCAL].verdict != POLICY_ALLOW) {
		refuse(in, DECIDE_LOCAL, ret);
		return;
	}
	ret->kind = PLAN_LOCAL;
	ret->model = in->want->model;
}

/* Nothing above the device is open to this request. */
static void settle(const struct decide_input *in, struct plan *ret)
{
	/* Where the device may not answer either, the refusal itself is the first reason. */
	if (in->verdicts[DECIDE_LOCAL].verdict == POLICY_ALLOW)
		why_not_here(in, ret);
	for (size_t i = DECIDE_LOCAL + 1; i < policy_destinations(in->set); i++) {
		if (policy_destination(in->set, i)->tier != POLICY_TIER_DEVICE)
			denied(in, i, ret);
	}
	if (policy_destinations(in->set) == 1)
		plan_reason(ret, "no destination but this device is set up");
	local(in, ret);
}

/* Of a score: never negative. */
static unsigned hundredths(double score)
{
	return (unsigned)(score * 100 + 0.5);
}

/* The first reason, and with nearly every request the only one: without printf(). */
static void simple_enough(const struct decide_input *in, struct plan *p)
{
	char *out = p->reasons[0];
	size_t cap = PLAN_REASON_BYTES, n;

	n = text_append(out, cap, 0, "simple enough for the model on this device (");
	n = text_append_hundredths(out, cap, n, hundredths(in->score));
	n = text_append(out, cap, n, ", limit ");
	n = text_append_hundredths(out, cap, n, hundredths(limit_of(in)));
	text_append(out, cap, n, ")");
}

static void why_here(const struct decide_input *in, struct plan *p)
{
	if (began_here(in))
		plan_reason(p, "these tool calls began on this device");
	else
		simple_enough(in, p);
}

bool decide_is_local(const struct decide_input *in, enum policy_verdict verdict)
{
	return verdict == POLICY_ALLOW &&
	       (in->want->kind == WANT_LOCAL ||
		(in->want->kind == WANT_AUTO && !began_above(in) && sufficient(in)));
}

static void plan_auto(const struct decide_input *in, struct plan *ret)
{
	size_t best;

	if (began_above(in) && decide_possible(in, in->began)) {
		ask(in, in->began, ret);
	} else if (in->verdicts[DECIDE_LOCAL].verdict == POLICY_ALLOW && sufficient(in)) {
		why_here(in, ret);
		local(in, ret);
	} else if (best_candidate(in, &best)) {
		ask(in, best, ret);
	} else {
		settle(in, ret);
	}
}

static void plan_cloud(const struct decide_input *in, struct plan *ret)
{
	size_t best;

	if (best_candidate(in, &best))
		ask(in, best, ret);
	else
		refuse_cloud(in, ret);
}

void decide_plan(const struct decide_input *in, struct plan *ret)
{
	/* Texts need only their end: they are most of the struct. */
	ret->kind = PLAN_REFUSE;
	ret->destination = DECIDE_LOCAL;
	ret->model = (struct span){ NULL, 0 };
	ret->local_possible = false;
	for (size_t i = 0; i < PLAN_REASONS; i++)
		ret->reasons[i][0] = '\0';
	if (in->want->kind == WANT_LOCAL) {
		plan_reason(ret, "the program asked for this device");
		local(in, ret);
	} else if (in->want->kind == WANT_CLOUD) {
		plan_cloud(in, ret);
	} else if (in->want->kind == WANT_AUTO) {
		plan_auto(in, ret);
	} else if (decide_possible(in, in->want->destination)) {
		ask(in, in->want->destination, ret);
	} else {
		refuse(in, in->want->destination, ret);
	}
}
