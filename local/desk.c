/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two short arrays: `active` (requests that hold a slot) and `waiting` (in the order in which
 * they are served). Callers take turns: in each round one request of each, so that a program
 * with many requests delays another's single one by one answer, not by all of them.
 *
 * Everything that happens ends in pump(), which serves the head of the queue as far as the
 * engine allows, asks the supervisor for the model the head needs, and tells the rest where
 * they stand.
 *
 * One engine runs at a time. A request for another model waits, and everybody after it, until
 * the running one has no work; then the engine is exchanged. So turns are taken only among
 * neighbours for the same model: two callers with a model each must not exchange it at every
 * turn.
 *
 * Invariants
 *   1. active + waiting never exceeds slots + queue.
 *   2. Each request gets exactly one of give() and none(), unless it is done() or cleared
 * before.
 *   3. A slot is free again at done(), when the engine dies, or when the router does; by
 * nothing else. Of several routers each has its own.
 */
#include "local/desk.h"

#include <stdlib.h>
#include <string.h>

#define BACKLOG_RETRY_MS 10

struct want {
	uint64_t id, caller, round;
	uint64_t deadline_ms;
	char model[129]; /* as resolved */
	uint32_t told_position;
	enum engine_state told_state;
};

/* A request that holds a slot; little, because there may be thousands to look through. */
struct holder {
	uint64_t id, caller, round;
};

struct desk {
	struct desk_limits limits;
	struct supervise *engine;
	const struct desk_ops *ops;
	void *ctx;
	struct holder *active;
	struct want *waiting;
	uint64_t round; /* of the request that was served last */
	uint32_t n_active, n_waiting, told_queued;
	uint64_t idle_since_ms; /* 0: not idle */
	uint64_t retry_ms;      /* 0: no */
	bool pumping;
};

static void pump(struct desk *d);

struct desk *desk_new(const struct desk_limits *limits, struct supervise *s,
		      const struct desk_ops *ops, void *ctx)
{
	struct desk *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->active = calloc(limits->slots, sizeof *d->active);
	d->waiting = calloc((size_t)limits->slots + limits->queue, sizeof *d->waiting);
	d->limits = *limits;
	d->engine = s;
	d->ops = ops;
	d->ctx = ctx;
	if (d->active == NULL || d->waiting == NULL) {
		desk_free(d);
		return NULL;
	}
	return d;
}

void desk_free(struct desk *d)
{
	if (d == NULL)
		return;
	free(d->active);
	free(d->waiting);
	free(d);
}

static void drop_waiting(struct desk *d, uint32_t i)
{
	d->n_waiting--;
	memmove(&d->waiting[i], &d->waiting[i + 1], (d->n_waiting - i) * sizeof d->waiting[0]);
}

static bool known(const struct desk *d, uint64_t id)
{
	for (uint32_t i = 0; i < d->n_active; i++)
		if (d->active[i].id == id)
			return true;
	for (uint32_t i = 0; i < d->n_waiting; i++)
		if (d->waiting[i].id == id)
			return true;
	return false;
}

/* The round after this caller's latest one; who has nothing here is served in this one. */
static uint64_t next_round(const struct desk *d, uint64_t caller)
{
	uint64_t round = d->round;

	for (uint32_t i = 0; i < d->n_active; i++)
		if (d->active[i].caller == caller && d->active[i].round >= round)
			round = d->active[i].round + 1;
	for (uint32_t i = 0; i < d->n_waiting; i++)
		if (d->waiting[i].caller == caller && d->waiting[i].round >= round)
			round = d->waiting[i].round + 1;
	return round;
}

static void enqueue(struct desk *d, const struct want *w)
{
	uint32_t at = d->n_waiting++;

	while (at > 0 && d->waiting[at - 1].round > w->round &&
	       strcmp(d->waiting[at - 1].model, w->model) == 0) {
		d->waiting[at] = d->waiting[at - 1];
		at--;
	}
	d->waiting[at] = *w;
}

bool desk_want(struct desk *d, const struct msg_ENGINE_WANT *want)
{
	struct engine_model m;
	char detail[300] = "";

	if (known(d, want->request_id))
		return false;
	if (d->ops->resolve(d->ctx, want->model, &m, detail, sizeof detail) != ERR_OK) {
		d->ops->none(d->ctx, want->request_id,
			     want->model[0] == '\0' ? ENGINE_NONE_NO_MODEL
						    : ENGINE_NONE_UNKNOWN_MODEL,
			     detail);
		return true;
	}
	if (d->n_active + d->n_waiting >= d->limits.slots + d->limits.queue) {
		d->ops->none(d->ctx, want->request_id, ENGINE_NONE_QUEUE_FULL,
			     "too many requests wait for the device already; try again later");
		return true;
	}
	struct want w = { .id = want->request_id,
			  .caller = want->caller,
			  .round = next_round(d, want->caller),
			  .deadline_ms = d->ops->now_ms(d->ctx) + want->deadline_ms };
	memcpy(w.model, m.name, sizeof w.model);
	enqueue(d, &w);
	pump(d);
	return true;
}

void desk_done(struct desk *d, uint64_t request_id, bool broken)
{
	for (uint32_t i = 0; i < d->n_waiting; i++)
		if (d->waiting[i].id == request_id) {
			drop_waiting(d, i);
			break;
		}
	for (uint32_t i = 0; i < d->n_active; i++)
		if (d->active[i].id == request_id) {
			d->active[i] = d->active[--d->n_active];
			if (broken)
				supervise_event(d->engine, &(struct supervise_event){
								   .kind = EV_SUSPECT });
			break;
		}
	pump(d);
}

void desk_clear(struct desk *d, enum role router)
{
	for (uint32_t i = d->n_active; i-- > 0;)
		if (role_stamped(d->active[i].id) == router)
			d->active[i] = d->active[--d->n_active];
	for (uint32_t i = d->n_waiting; i-- > 0;)
		if (role_stamped(d->waiting[i].id) == router)
			drop_waiting(d, i);
	pump(d);
}

void desk_engine_gone(struct desk *d)
{
	d->n_active = 0;
}

static void refuse_all(struct desk *d, enum engine_none reason, const char *detail)
{
	while (d->n_waiting > 0) {
		uint64_t id = d->waiting[0].id;

		drop_waiting(d, 0);
		d->ops->none(d->ctx, id, reason, detail);
	}
}

/* A failure concerns everybody who waited for it; who comes after may cause a new attempt. */
void desk_engine_changed(struct desk *d)
{
	if (d->engine->state == SUPERVISE_FAILED)
		refuse_all(d, d->engine->reason, d->engine->detail);
	pump(d);
}

static void ask_for(struct desk *d, const struct want *w)
{
	struct engine_model m;
	char detail[300] = "";
	uint64_t id = w->id;

	if (d->ops->resolve(d->ctx, w->model, &m, detail, sizeof detail) == ERR_OK) {
		supervise_event(d->engine,
				&(struct supervise_event){ .kind = EV_WANT, .model = &m });
		return;
	}
	drop_waiting(d, 0); /* removed while it waited */
	d->ops->none(d->ctx, id, ENGINE_NONE_UNKNOWN_MODEL, detail);
}

/* True when the head was served or refused and the next one may be looked at. */
static bool serve_head(struct desk *d)
{
	struct want *w = &d->waiting[0];
	uint64_t id = w->id;

	if (d->n_active >= d->limits.slots)
		return false;
	switch (d->ops->give(d->ctx, id, w->model)) {
	case ERR_OK:
		d->round = w->round;
		d->active[d->n_active++] = (struct holder){ id, w->caller, w->round };
		drop_waiting(d, 0);
		return true;
	case ERR_AGAIN:
		d->retry_ms = d->ops->now_ms(d->ctx) + BACKLOG_RETRY_MS;
		return false;
	default:
		/* Its process is there but nobody accepts: a probe will tell. */
		supervise_event(d->engine, &(struct supervise_event){ .kind = EV_SUSPECT });
		d->retry_ms = d->ops->now_ms(d->ctx) + BACKLOG_RETRY_MS;
		return false;
	}
}

/* One step; true when there may be another one to take. */
static bool step(struct desk *d)
{
	const struct supervise *e = d->engine;
	enum supervise_state before = e->state;
	const struct want *head = d->n_waiting > 0 ? &d->waiting[0] : NULL;
	uint32_t waiting = d->n_waiting;

	if (head == NULL)
		return false;
	switch (e->state) {
	case SUPERVISE_READY:
		if (strcmp(head->model, e->model.name) == 0)
			return serve_head(d);
		if (d->n_active > 0)
			return false;
		ask_for(d, head);
		break;
	case SUPERVISE_FAILED:
		if (supervise_resting(e)) {
			refuse_all(d, e->reason, e->detail);
			return false;
		}
		ask_for(d, head);
		break;
	case SUPERVISE_STOPPED:
		ask_for(d, head);
		break;
	default:
		/* Under way. If it is under way to another model, the state after will see to
		 * it. */
		return false;
	}
	return e->state != before || d->n_waiting != waiting;
}

static void tell(struct desk *d)
{
	enum engine_state state = supervise_wire(d->engine);

	for (uint32_t i = 0; i < d->n_waiting; i++) {
		struct want *w = &d->waiting[i];

		if (w->told_position == i + 1 && w->told_state == state)
			continue;
		w->told_position = i + 1;
		w->told_state = state;
		d->ops->wait(d->ctx, w->id, state, i + 1);
	}
	if (d->told_queued != d->n_waiting) {
		d->told_queued = d->n_waiting;
		d->ops->queued(d->ctx, d->n_waiting);
	}
}

static void note_idleness(struct desk *d)
{
	bool idle = d->engine->state == SUPERVISE_READY && d->n_active + d->n_waiting == 0;

	if (!idle)
		d->idle_since_ms = 0;
	else if (d->idle_since_ms == 0)
		d->idle_since_ms = d->ops->now_ms(d->ctx);
}

/* The supervisor calls back while it is being asked; the outer pump goes on with what it did.
 */
static void pump(struct desk *d)
{
	if (d->pumping)
		return;
	d->pumping = true;
	while (step(d))
		;
	tell(d);
	note_idleness(d);
	d->pumping = false;
}

void desk_models_changed(struct desk *d)
{
	struct engine_model m;
	char detail[300];
	const struct supervise *e = d->engine;

	if (e->state == SUPERVISE_READY && d->n_active == 0 &&
	    (d->ops->resolve(d->ctx, e->model.name, &m, detail, sizeof detail) != ERR_OK ||
	     !engine_model_same(&m, &e->model)))
		supervise_event(d->engine, &(struct supervise_event){ .kind = EV_STOP });
	pump(d);
}

void desk_tick(struct desk *d)
{
	uint64_t now = d->ops->now_ms(d->ctx);

	for (uint32_t i = 0; i < d->n_waiting;) {
		uint64_t id = d->waiting[i].id;

		if (d->waiting[i].deadline_ms > now) {
			i++;
			continue;
		}
		drop_waiting(d, i);
		d->ops->none(d->ctx, id, ENGINE_NONE_TIMEOUT,
			     "the device did not become free in time");
	}
	if (d->retry_ms != 0 && now >= d->retry_ms)
		d->retry_ms = 0;
	if (d->idle_since_ms != 0 && d->limits.idle_stop_ms != 0 &&
	    now >= d->idle_since_ms + d->limits.idle_stop_ms) {
		d->idle_since_ms = 0;
		supervise_event(d->engine, &(struct supervise_event){ .kind = EV_STOP });
	}
	pump(d);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

uint64_t desk_due_ms(const struct desk *d)
{
	uint64_t at = d->retry_ms;

	for (uint32_t i = 0; i < d->n_waiting; i++)
		at = earlier(at, d->waiting[i].deadline_ms);
	if (d->idle_since_ms != 0 && d->limits.idle_stop_ms != 0)
		at = earlier(at, d->idle_since_ms + d->limits.idle_stop_ms);
	return at;
}

uint32_t desk_queued(const struct desk *d)
{
	return d->n_waiting;
}

uint32_t desk_active(const struct desk *d)
{
	return d->n_active;
}
