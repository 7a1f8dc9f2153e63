/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A destination has failed and nothing of an answer was shown: the next one of the policy's
 * `routing.fallback` is decided anew and asked about anew. To consent each step is an ASK of
 * its own with a number of its own: no permission carries over by itself.
 */
#include "common/log.h"
#include "router/impl.h"

/* Another place would say the same, or somebody said no. */
static bool is_final(const struct chat_problem *p)
{
	static const char *const codes[] = { "withdrawn",          "consent_gone",
					     "stopping",           "content_filter",
					     "upstream_too_large", "upstream_bad_request" };

	for (size_t i = 0; i < LEN(codes); i++) {
		if (strcmp(p->code, codes[i]) == 0)
			return true;
	}
	return p->status == 403 && strcmp(p->code, "upstream_auth") != 0;
}

/* A program that named its destination gets that one or a refusal. */
static bool may_step(const struct request *q, const struct chat_problem *p)
{
	return !q->answered && !is_final(p) &&
	       (q->want.kind == WANT_AUTO || q->want.kind == WANT_CLOUD);
}

static bool next_possible(struct request *q, size_t *ret)
{
	const struct policy_routing *r = policy_routing(q->set);

	while (q->step < r->n_fallback) {
		struct span name = span_of(r->fallback[q->step++]);

		if (policy_destination_find(q->set, name, ret) &&
		    policy_destination(q->set, *ret)->tier != POLICY_TIER_DEVICE &&
		    *ret != q->first_destination && facts_possible(q, *ret))
			return true;
	}
	return false;
}

static bool ask_there(struct request *q, size_t destination)
{
	scan_map_free(q->masks); /* what is masked is that destination's own matter */
	q->masks = NULL;
	q->plan.destination = destination;
	q->plan.model = span_of(policy_destination(q->set, destination)->models[0]);
	return escalate_ask(q);
}

bool fallback_next(struct request *q, const struct chat_problem *why)
{
	struct plan before = q->plan;
	size_t next;

	/* Time and machine may have changed since: the policy is asked again. */
	if (!may_step(q, why) || !facts_verdicts(q))
		return false;
	if (q->step == 0)
		q->first_destination = before.destination;
	escalate_stop(q);
	memcpy(q->plan.reasons[1], before.reasons[0], sizeof before.reasons[0]);
	memcpy(q->plan.reasons[2], before.reasons[1], sizeof before.reasons[1]);
	snprintf(q->plan.reasons[0], PLAN_REASON_BYTES, "%.63s failed: %.120s",
		 policy_destination(q->set, before.destination)->name, why->message);
	while (next_possible(q, &next)) {
		if (!ask_there(q, next))
			continue;
		log_info("router.fallback", "decision=%s destination=%s", q->decision_id,
			 policy_destination(q->set, next)->name);
		return true;
	}
	q->plan = before;
	return false;
}
