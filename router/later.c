/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request holds that stayed here, looked up when its answer is out. A prompt that the
 * device answers pays for the score alone, and yet its decision should say what it held and
 * what the destinations would have been told: somebody may look, and the ledger keeps it.
 *
 * So the last answered request is kept for a moment, its text with it, when nothing else is
 * under way. It is scanned when somebody fetches its decision or the moment passes; the next
 * request puts an end to it unscanned, because that one must not wait. An unscanned decision
 * says so of every destination (`unevaluated`), and the ledger that the categories are unknown.
 *
 * One that goes on after its opening is looked up at once: the opening names the conversation,
 * so what stands in it comes again with every later turn, but a tool's result or a turn in the
 * middle may not, and what it keeps here must be known before the next turn asks. When that is
 * too long to be looked through, or the scanner gives up, the conversation is kept as policy
 * keeps data that is unknown.
 *
 * Invariant: a kept request is in no table, has no exchange, and its decision is the last one
 * of the ring.
 */
#include "router/impl.h"

#define LATER_MS         20
#define LATER_TOKENS_MAX 16384 /* about 64 KiB: a few milliseconds for the scanner */

static void on_quiet(uv_timer_t *t)
{
	later_settle(t->data, true);
}

void later_init(struct router *r)
{
	router_timer(r, &r->later_timer);
}

/* There is more than the opening messages up to the first of the person's. */
static bool goes_on(const struct chat *c)
{
	uint32_t i = 0;

	while (i < c->n_messages && c->messages[i].role != CHAT_USER)
		i++;
	return i + 1 < c->n_messages;
}

bool later_keep(struct request *q, struct decision *d)
{
	struct router *r = q->router;

	if (policy_destinations(q->set) == 1)
		return false;
	bool fits = q->facts.input_tokens <= LATER_TOKENS_MAX;
	if (goes_on(&q->chat)) {
		if (!q->facts.scanned && fits) {
			data_scan(q);
			decision_data(q, d);
		}
		d->unread = !q->facts.data_known && q->chat.images == 0 &&
			    q->chat.audios == 0 && q->chat.files == 0;
		return false;
	}
	if (q->facts.scanned || !fits || r->stopping || r->n_requests > 1 || r->later != NULL)
		return false;
	r->later = q;
	r->later_decision = d;
	uv_timer_start(&r->later_timer, on_quiet, LATER_MS, 0);
	return true;
}

void later_settle(struct router *r, bool look)
{
	struct request *q = r->later;

	if (q == NULL)
		return;
	r->later = NULL;
	uv_timer_stop(&r->later_timer);
	if (look) {
		data_scan(q);
		decision_data(q, r->later_decision);
	}
	decision_tell(q, r->later_decision);
	request_recycle(q);
}

void later_look(struct router *r, struct span id)
{
	if (r->later != NULL && span_is(id, r->later_decision->id))
		later_settle(r, true);
}
