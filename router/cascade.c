/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of an answer about which the model on this device is unsure. Its tokens'
 * probabilities are watched from the first token on (confidence.h); the floor was found by
 * `hither calibrate` for the model in use.
 *
 *   on     nothing is promised to the client before CONFIDENCE_TOKENS tokens, or the end: they
 *          are kept as a draft is (draft.c). Below the floor the request looks for another
 *          destination, with consent and all, and the answer goes on as its draft. A no, or
 *          nowhere to go, and the same answer goes out, nothing lost.
 *   offer  the answer streams as ever; below the floor the decision says who could do better.
 *
 * Requests with tools are not watched: llama-server refuses token probabilities together with
 * tools in a stream. Nor are those that name their destination, or may go nowhere else.
 */
#include <math.h>

#include "router/impl.h"

bool cascade_read_header(struct request *q)
{
	struct span word = http_header(q->x, "Hither-Cascade");

	q->cascade.measure = span_is_nocase(word, "measure");
	q->cascade.most = POLICY_CASCADE_ON;
	if (word.len == 0 || q->cascade.measure || policy_cascade_from(word, &q->cascade.most))
		return true;
	problem_set(&q->problem, 400, "invalid_value",
		    "Hither-Cascade must be off, offer, on or measure.");
	return false;
}

static enum policy_cascade mode_of(const struct request *q)
{
	enum policy_cascade mode = policy_routing(q->set)->cascade;

	if (q->want.kind != WANT_AUTO || q->cascade.floor_pm == 0 || q->cascade.measure ||
	    policy_destinations(q->set) == 1 ||
	    (q->who.restricted && q->who.max_tier == POLICY_TIER_DEVICE))
		return POLICY_CASCADE_OFF;
	return mode < q->cascade.most ? mode : q->cascade.most;
}

void cascade_begin(struct request *q)
{
	struct cascade *c = &q->cascade;
	const struct model *m = device_model(q);

	c->watching = c->told = false;
	memset(&c->running, 0, sizeof c->running);
	if (q->asked || q->plan.kind != PLAN_LOCAL || q->chat.n_tools > 0)
		return;
	c->floor_pm = m != NULL ? (uint16_t)m->floor_pm : 0;
	c->mode = mode_of(q);
	c->watching = c->measure || c->mode != POLICY_CASCADE_OFF;
	if (c->mode == POLICY_CASCADE_ON)
		q->draft.state = DRAFT_RUNNING;
}

void cascade_see(struct request *q, const struct chat_event *ev)
{
	struct cascade *c = &q->cascade;

	if (!c->watching)
		return;
	if (ev->kind == CHAT_EV_TEXT)
		confidence_add(&c->running, ev->has_logprob ? ev->logprob : NAN);
	else if (ev->kind == CHAT_EV_FINISH)
		confidence_end(&c->running);
}

static bool unsure(const struct cascade *c)
{
	double lowest;

	return confidence_lowest(&c->running, &lowest) && lowest * 1000.0 < c->floor_pm;
}

/* The answer stays; the person or the program may want to know who could do better. */
static void offer(struct request *q)
{
	struct plan other;

	if (!facts_reconsider(q, &other) || other.kind != PLAN_ASK)
		return;
	const struct policy_destination *d = policy_destination(q->set, other.destination);

	snprintf(q->cascade.offer, sizeof q->cascade.offer, "%s/%.*s", d->name,
		 (int)other.model.len, other.model.ptr);
	plan_reason(&q->plan, "%s; for a better answer ask %s", other.reasons[0],
		    q->cascade.offer);
	reply_remark(q, "offer", q->cascade.offer, NULL, NULL);
}

void cascade_turn(struct request *q)
{
	struct cascade *c = &q->cascade;

	if (!c->watching || c->told || q->state != REQ_LOCAL || q->failed)
		return;
	if (unsure(c)) {
		c->told = true;
		if (c->mode == POLICY_CASCADE_ON)
			request_event(q, &(struct event){ .kind = EV_UNSURE, .fd = -1 });
		else if (c->mode == POLICY_CASCADE_OFFER)
			offer(q);
	} else if (c->running.settled) {
		c->told = true;
		if (c->mode == POLICY_CASCADE_ON)
			draft_release(q);
	}
}

bool cascade_escalate(struct request *q)
{
	struct plan other, mine = q->plan;

	if (!facts_reconsider(q, &other))
		return false;
	if (other.kind != PLAN_ASK || !other.local_possible) {
		plan_reason(&q->plan, "%s, but nothing else is permitted", other.reasons[0]);
		return false;
	}
	q->plan = other;
	if (escalate_ask(q))
		return true;
	q->plan = mine;
	return false;
}
