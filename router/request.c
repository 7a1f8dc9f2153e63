/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one chat request inside the router. HTTP has read it whole before it gets here.
 *
 *   FACTS --> LOCAL_WAIT --> LOCAL -----> REPLYING --> DONE
 *     |           ^                          ^
 *     '--> ASKING +--> CLOUD ----------------'
 *
 *   FACTS      -> LOCAL_WAIT  the device suffices and is permitted         [on_facts]
 *   FACTS      -> ASKING      it does not, and something else is permitted [on_facts]
 *   LOCAL      -> ASKING      the model is unsure, something else permitted [on_local]
 *   ASKING     -> CLOUD       a grant came with a reply pipe               [on_asking]
 *   ASKING     -> LOCAL_WAIT  the answer was no, nobody, or not now        [on_asking]
 *   ASKING     -> LOCAL       the same, and a draft has begun (draft.c)    [go_local]
 *   ASKING     -> REPLYING    the same, and the draft is whole             [go_local]
 *   CLOUD      -> ASKING      the destination failed, the policy has another one [fallback.c]
 *   CLOUD      -> LOCAL_WAIT  it failed, nothing was shown                 [on_cloud]
 *   LOCAL      -> LOCAL_WAIT  one of several answers is whole, the next is to be made
 * [on_local] LOCAL_WAIT -> LOCAL       local handed over a connected engine [on_local_wait]
 *   LOCAL      -> ASKING      the engine counted or refused: too long      [on_counted]
 *   any        -> REPLYING    a whole answer or an error is on its way     [finish, give_up]
 *   any        -> DONE        the client left                              [request_event]
 *
 * Invariants
 *   1. Only request_enter() assigns q->state.
 *   2. A handler returns the next state; it never calls request_event().
 *   3. After the first byte of an answer reaches the client the route is final; a draft that is
 *      shown is none.
 *   4. Leaving for DONE or REPLYING stops every source: the engine's connection is closed and
 *      local told, consent told or the reply pipe closed.
 *   5. A request is released by EV_REPLY_DONE and by nothing else.
 */
#include <unistd.h>

#include "common/log.h"
#include "router/impl.h"

#define TICK_MS        250
#define CHAT_ID        "chatcmpl-"
#define LOCAL_GRACE_MS 2000 /* local keeps the time; this is in case it cannot */
#define LOCAL_ENDS_MAX 3    /* its supervisor waits longer and longer in between */

typedef enum request_state handler(struct request *q, const struct event *ev);

static const struct {
	const char *name;
	uint32_t deadline_ms;
} about[REQ_STATES] = {
#define X(name, deadline_ms) [REQ_##name] = { #name, deadline_ms },
	REQUEST_STATES(X)
#undef X
};

/* ---------------------------------------------------------------- ways on */

static enum request_state give_up(struct request *q, const struct chat_problem *p)
{
	device_stop(q, false);
	escalate_stop(q);
	draft_forget(q);
	q->outcome = q->outcome != NULL ? q->outcome : "failed";
	if (p != &q->problem)
		q->problem = *p;
	if (q->only_count)
		chat_api_counted(q, 0); /* the estimate is better than none */
	else
		reply_error(q, &q->problem);
	return REQ_REPLYING;
}

static enum request_state give_up_with(struct request *q, int status, const char *code,
				       const char *text)
{
	struct chat_problem p;

	problem_set(&p, status, code, "%s", text);
	return give_up(q, &p);
}

static enum request_state finish(struct request *q)
{
	q->outcome = "answered";
	q->held = false; /* nothing to cancel any more */
	device_stop(q, false);
	escalate_stop(q);
	http_end(q->x);
	return REQ_REPLYING;
}

/*
 * A draft becomes the answer. Without one local is asked for an engine; when local is just
 * being restarted the request waits for it.
 */
static enum request_state go_local(struct request *q)
{
	q->plan.destination = DECIDE_LOCAL;
	switch (q->draft.state) {
	case DRAFT_WHOLE:
		draft_release(q);
		return q->failed ? give_up(q, &q->problem) : finish(q);
	case DRAFT_RUNNING:
		draft_release(q);
		return q->failed ? give_up(q, &q->problem) : REQ_LOCAL;
	case DRAFT_WANTED:
		q->draft.state = DRAFT_NONE;
		return REQ_LOCAL_WAIT;
	case DRAFT_NONE:
	default:
		break;
	}
	if (device_resume(q))
		return REQ_LOCAL;
	if (!device_want(q))
		log_debug("router.local_away", "id=%" PRIu64, q->id);
	return REQ_LOCAL_WAIT;
}

/* Nothing left the device, or nothing was shown of what came back. */
static enum request_state fall_back(struct request *q, const struct chat_problem *p,
				    bool permitted)
{
	escalate_stop(q);
	if (!permitted || !q->plan.local_possible || q->answered) {
		q->outcome = p->status == 403 ? "refused" : "failed";
		return give_up(q, p);
	}
	plan_reason(&q->plan, "answered on this device instead: %.150s", p->message);
	return go_local(q);
}

static enum request_state surprise(struct request *q, const struct event *ev)
{
	log_debug("router.surprise", "id=%" PRIu64 " state=%s event=%d", q->id,
		  about[q->state].name, (int)ev->kind);
	if (ev->fd >= 0)
		close(ev->fd);
	return q->state;
}

/* ---------------------------------------------------------------- the states */

static enum request_state follow_plan(struct request *q)
{
	draft_forget(q); /* of an answer that is not to be */
	switch (q->plan.kind) {
	case PLAN_LOCAL:
		return go_local(q);
	case PLAN_ASK:
		q->to_count = false; /* whatever comes of it, that choice is made */
		if (escalate_ask(q))
			return REQ_ASKING;
		escalate_obstacle(q, &q->problem);
		return fall_back(q, &q->problem, true);
	case PLAN_REFUSE:
	default:
		q->outcome = "refused";
		problem_set(&q->problem, 403, "policy_denied",
			    "The policy does not permit this: %s.", q->plan.reasons[0]);
		return give_up(q, &q->problem);
	}
}

static enum request_state on_facts(struct request *q, const struct event *ev)
{
	if (ev->kind != EV_BEGIN)
		return surprise(q, ev);
	if (!facts_restrict(q) || !draft_read_header(q) || !cascade_read_header(q))
		return give_up(q, &q->problem);
	if (!facts_decide(q))
		return give_up(q, &q->problem);
	q->to_count = q->to_count || q->only_count;
	return follow_plan(q);
}

static enum request_state on_local_wait(struct request *q, const struct event *ev)
{
	switch (ev->kind) {
	case EV_GIVEN:
		q->router->engine_context_tokens = ev->context_tokens;
		if (device_start(q, ev->fd))
			return REQ_LOCAL;
		if (q->problem.status == 400) /* the engine has no words for it */
			return give_up(q, &q->problem);
		return give_up_with(q, 503, "engine_unavailable",
				    "The on-device engine could not be given this request.");
	case EV_WAIT:
		q->place = ev->position;
		if (ev->busy)
			draft_yield(q->router);
		return REQ_LOCAL_WAIT;
	case EV_NONE:
		q->wants_engine = false;
		device_none_problem(ev->reason, ev->detail, &q->problem);
		return give_up(q, &q->problem);
	case EV_PEER_LOST:
		if (ev->peer != ROLE_LOCAL)
			return REQ_LOCAL_WAIT;
		q->wants_engine = false; /* asked again when local is back */
		if (++q->local_ends < LOCAL_ENDS_MAX)
			return REQ_LOCAL_WAIT;
		return give_up_with(
			q, 503, "engine_unavailable",
			"The part of hither that keeps the engine ends as soon as it "
			"begins. Find out why with `hither status` and the daemon's "
			"log.");
	case EV_DEADLINE:
		return give_up_with(
			q, 503, "engine_unavailable",
			"The on-device engine did not become ready in time. Try again, or run "
			"`hither doctor`.");
	default:
		return surprise(q, ev);
	}
}

/* `tokens` were counted; 0: the engine refused the prompt as too long. */
static bool better_elsewhere(struct request *q, uint32_t tokens)
{
	return q->want.kind == WANT_AUTO && !q->asked && !q->answered && !q->too_long &&
	       facts_decide_again(q, tokens) && q->plan.kind != PLAN_LOCAL;
}

static enum request_state on_counted(struct request *q, const struct event *ev)
{
	if (q->only_count) {
		if (ev->fd >= 0)
			close(ev->fd);
		chat_api_counted(q, ev->tokens);
		return finish(q);
	}
	bool elsewhere = ev->tokens > 0 && better_elsewhere(q, ev->tokens);

	q->to_count = false;
	if (!elsewhere && ev->fd >= 0 && device_start(q, ev->fd))
		return REQ_LOCAL;
	if (elsewhere && ev->fd >= 0)
		close(ev->fd);
	device_stop(q, false);
	if (elsewhere)
		return follow_plan(q);
	lease_give_back(q->router); /* a kept connection may have been closed meanwhile */
	return go_local(q);
}

static enum request_state on_refused(struct request *q, const struct chat_problem *why)
{
	struct chat_problem p = *why;

	device_stop(q, false);
	return better_elsewhere(q, 0) ? follow_plan(q) : give_up(q, &p);
}

/* One of several answers is whole, and it was not the last. */
static bool wants_next(const struct request *q)
{
	return q->answer > 0 && !q->over && !q->failed;
}

static enum request_state on_local(struct request *q, const struct event *ev)
{
	switch (ev->kind) {
	case EV_COUNTED:
		return on_counted(q, ev);
	case EV_ENDED:
		if (!wants_next(q))
			return finish(q);
		device_stop(q, false);
		return go_local(q);
	case EV_UNSURE:
		if (cascade_escalate(q))
			return REQ_ASKING;
		draft_release(q);
		return REQ_LOCAL;
	case EV_FAILED:
		if (strcmp(ev->problem->code, "context_length_exceeded") == 0)
			return on_refused(q, ev->problem);
		draft_forget(q);
		/* A connection that was kept may have been closed while we wrote: nothing was
		 * answered, and a fresh one tells whether the engine is there. */
		if (!q->engine_spoke && q->slot_kept) {
			device_stop(q, false);
			lease_give_back(q->router);
			return go_local(q);
		}
		device_stop(q, true);
		/* An engine that went without a word may have been dying when it was given. */
		if (!q->engine_spoke && !q->tried_again) {
			q->tried_again = true;
			return go_local(q);
		}
		return give_up(q, ev->problem);
	case EV_PEER_LOST:
		if (ev->peer == ROLE_LOCAL)
			q->wants_engine =
				false; /* the engine goes with it: the call will tell */
		return REQ_LOCAL;
	case EV_DEADLINE: /* what took all of its time would take it again: no 5xx */
		return give_up_with(
			q, 424, "timeout",
			"The answer took too long and was stopped. Ask for a shorter "
			"one, or let limits.total_timeout_ms be longer.");
	default:
		return surprise(q, ev);
	}
}

static enum request_state on_answer(struct request *q, const struct event *ev)
{
	const struct msg_ANSWER *a = ev->answer;

	memcpy(q->question, a->question, sizeof q->question);
	if (a->outcome == ASK_PENDING) {
		if (!q->return_question) {
			draft_open(q);
			return REQ_ASKING;
		}
		q->held = false; /* the question stays open without us */
		draft_lose(q, false);
		q->outcome = "refused";
		escalate_problem(q, a, &q->problem);
		reply_question(q, a);
		return REQ_REPLYING;
	}
	if (a->outcome == ASK_GRANTED && ev->fd >= 0) {
		memcpy(q->receipt, a->receipt, sizeof q->receipt);
		draft_granted(q);
		if (escalate_read(q, ev->fd))
			return REQ_CLOUD;
		problem_set(&q->problem, 500, "internal_error",
			    "The reply pipe could not be read.");
		return fall_back(q, &q->problem, true);
	}
	q->held = false;
	escalate_problem(q, a, &q->problem);
	return fall_back(q, &q->problem, a->fallback == 0);
}

static enum request_state on_asking(struct request *q, const struct event *ev)
{
	switch (ev->kind) {
	case EV_ANSWER:
		return on_answer(q, ev);
	case EV_GIVEN:
		draft_given(q, ev);
		return REQ_ASKING;
	case EV_WAIT:
		if (ev->busy)
			draft_withdraw(q);
		return REQ_ASKING;
	case EV_NONE:
		q->wants_engine = false;
		draft_withdraw(q);
		return REQ_ASKING;
	case EV_ENDED:
		draft_ended(q);
		return REQ_ASKING;
	case EV_FAILED:
		draft_lose(q, true);
		return REQ_ASKING;
	case EV_PEER_LOST:
		if (ev->peer == ROLE_LOCAL) {
			q->wants_engine = false; /* what runs tells by itself */
			draft_withdraw(q);
		}
		if (ev->peer != ROLE_CONSENT)
			return REQ_ASKING;
		q->held = false;
		problem_set(&q->problem, 503, "consent_unavailable",
			    "The question was lost, nothing was sent. Try again in a moment.");
		return fall_back(q, &q->problem, true);
	case EV_DEADLINE:
		problem_set(&q->problem, 403, "consent_timeout",
			    "Nobody answered the question in time.");
		return fall_back(q, &q->problem, true);
	default:
		return surprise(q, ev);
	}
}

static enum request_state step_or_fall_back(struct request *q, const struct chat_problem *why)
{
	return fallback_next(q, why) ? REQ_ASKING : fall_back(q, why, true);
}

static enum request_state on_cloud(struct request *q, const struct event *ev)
{
	switch (ev->kind) {
	case EV_ENDED:
		return finish(q);
	case EV_FAILED:
		return step_or_fall_back(q, ev->problem);
	case EV_DEADLINE:
		problem_set(&q->problem, 504, "upstream_timeout",
			    "The destination fell silent.");
		return step_or_fall_back(q, &q->problem);
	case EV_PEER_LOST:
		if (ev->peer == ROLE_CONSENT)
			q->held = false; /* cloud goes on; its pipe is ours */
		return REQ_CLOUD;
	default:
		return surprise(q, ev);
	}
}

static enum request_state on_replying(struct request *q, const struct event *ev)
{
	if (ev->kind == EV_DEADLINE || ev->kind == EV_PEER_LOST)
		return q->state;
	return surprise(q, ev);
}

static handler *const handlers[REQ_STATES] = {
	[REQ_FACTS] = on_facts,   [REQ_LOCAL_WAIT] = on_local_wait,
	[REQ_LOCAL] = on_local,   [REQ_ASKING] = on_asking,
	[REQ_CLOUD] = on_cloud,   [REQ_REPLYING] = on_replying,
	[REQ_DONE] = on_replying,
};

/* ---------------------------------------------------------------- transitions */

static void request_release(struct request *q);

static uint64_t now_ms(const struct request *q)
{
	return uv_now(q->router->service->loop);
}

static void request_enter(struct request *q, enum request_state next)
{
	uint32_t deadline_ms = about[next].deadline_ms;

	log_debug("request.state", "id=%" PRIu64 " from=%s to=%s", q->id, about[q->state].name,
		  about[next].name);
	q->router->n_waiting += (next == REQ_LOCAL_WAIT) - (q->state == REQ_LOCAL_WAIT);
	q->state = next;
	if (next == REQ_LOCAL_WAIT)
		deadline_ms =
			q->router->service->config->limits.total_timeout_ms + LOCAL_GRACE_MS;
	q->deadline_ms = deadline_ms > 0 ? now_ms(q) + deadline_ms : UINT64_MAX;
	q->spoke_ms = now_ms(q);
}

void request_event(struct request *q, const struct event *ev)
{
	enum request_state next;

	if (ev->kind == EV_CLIENT_LEFT || ev->kind == EV_REPLY_DONE) {
		if (q->outcome == NULL)
			q->outcome = "client_gone";
		device_stop(q, false);
		escalate_stop(q);
		next = REQ_DONE;
	} else {
		next = handlers[q->state](q, ev);
	}
	if (next != q->state)
		request_enter(q, next);
	if (ev->kind == EV_REPLY_DONE)
		request_release(q);
}

/* ---------------------------------------------------------------- the table */

static void on_tick(uv_timer_t *t)
{
	struct router *r = t->data;
	uint64_t now = uv_now(t->loop);

	for (struct request *q = r->all, *next; q != NULL; q = next) {
		uint64_t latest = q->started_ms + r->service->config->limits.total_timeout_ms;

		next = q->all_next;
		if (now >= q->deadline_ms || (q->state < REQ_REPLYING && now >= latest)) {
			q->deadline_ms = UINT64_MAX;
			request_event(q, &(struct event){ .kind = EV_DEADLINE, .fd = -1 });
		} else if (q->state < REQ_REPLYING &&
			   now - q->spoke_ms >= r->service->config->limits.keepalive_ms) {
			q->spoke_ms = now;
			reply_keepalive(q);
		}
	}
	if (!lease_tick(r) && r->all == NULL)
		uv_timer_stop(t);
}

struct request *request_find(struct router *r, uint64_t id)
{
	struct request *q = r->table[id % REQUEST_TABLE];

	while (q != NULL && q->id != id)
		q = q->next;
	return q;
}

struct request *request_new(struct router *r, struct http_exchange *x)
{
	later_settle(r, false);
	struct request *q = request_pool_take(r);

	if (q == NULL)
		return NULL;
	q->router = r;
	q->x = x;
	q->id = ++r->next_id;
	q->state = REQ_FACTS;
	q->deadline_ms = UINT64_MAX;
	q->started_ms = q->spoke_ms = uv_now(r->service->loop);
	q->input_tokens = q->output_tokens = -1;
	text_ulid(q->decision_id);
	others_mark(r, q->decision_id);
	memcpy(q->chat_id, CHAT_ID, sizeof CHAT_ID - 1);
	memcpy(q->chat_id + sizeof CHAT_ID - 1, q->decision_id, sizeof q->decision_id);
	q->next = r->table[q->id % REQUEST_TABLE];
	r->table[q->id % REQUEST_TABLE] = q;
	q->all_next = r->all;
	if (r->all != NULL)
		r->all->all_prev = q;
	r->all = q;
	r->n_requests++;
	if (!uv_is_active((uv_handle_t *)&r->tick))
		uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
	return q;
}

static void request_release(struct request *q)
{
	struct router *r = q->router;
	struct request **at = &r->table[q->id % REQUEST_TABLE];

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	if (q->all_prev != NULL)
		q->all_prev->all_next = q->all_next;
	else
		r->all = q->all_next;
	if (q->all_next != NULL)
		q->all_next->all_prev = q->all_prev;
	bool kept = false;
	facts_answered(q);
	if (q->decided && !q->dry && !q->only_count) {
		struct decision *d = decision_record(q);

		kept = !q->asked && later_keep(q, d);
		if (!kept && !q->asked)
			decision_tell(q, d);
	}
	r->n_requests--;
	others_count(r);
	if (!kept)
		request_recycle(q);
}

void request_peer_changed(struct router *r, enum role peer, bool here)
{
	if (peer == ROLE_LOCAL)
		lease_drop_all(r);
	for (struct request *q = r->all, *next; q != NULL; q = next) {
		next = q->all_next;
		if (!here)
			request_event(q, &(struct event){ .kind = EV_PEER_LOST,
							  .fd = -1,
							  .peer = peer });
		else if (peer == ROLE_LOCAL && q->state == REQ_LOCAL_WAIT && !q->wants_engine &&
			 !device_want(q))
			log_debug("router.local_away", "id=%" PRIu64, q->id);
	}
}
