/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the engine.
 *
 *   STOPPED --> CHECKING --> STARTING --> LOADING --> READY
 *      ^  ^        |  \         |            |         |  \
 *      |  '--------'   \        '------+-----'---------'   '--> STOPPING --> STOPPED
 *      |                '-> FAILED     v                            (CHECKING when another
 *      '---------------------'------ BACKOFF --> CHECKING            model is wanted)
 *
 *   STOPPED  -> CHECKING  a request wants a model                       [on_stopped]
 *   CHECKING -> STARTING  the file is what it should be, process made   [on_checking]
 *   CHECKING -> FAILED    wrong file, no binary, no memory              [on_checking]
 *   STARTING -> LOADING   the socket answers 503                        [on_starting]
 *   LOADING  -> READY     the socket answers 200                        [on_starting]
 *   any      -> BACKOFF   the process died, or hung and was killed      [crashed]
 *   BACKOFF  -> CHECKING  the pause is over                             [on_backoff]
 *   BACKOFF  -> FAILED    too many starts in a row came to nothing      [crashed]
 *   FAILED   -> CHECKING  a new request; after crashes not before the pause is over
 *   any      -> STOPPING  idle, another model, shutdown                 [stop]
 *
 * Invariants
 *   1. Only enter() assigns s->state.
 *   2. A handler returns the next state; it never calls supervise_event().
 *   3. There is a process in exactly STARTING, LOADING, READY and STOPPING, and never two.
 *   4. A model file is checked before every start (the checker remembers what has not changed).
 */
#include "local/supervise.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

#define PROBES_MISSED 3

static const struct {
	const char *name;
	enum engine_state wire;
} about[] = {
#define X(name, wire, deadline) [SUPERVISE_##name] = { #name, ENGINE_##wire },
	SUPERVISE_STATES(X)
#undef X
};

typedef enum supervise_state handler(struct supervise *s, const struct supervise_event *ev);

static void set_detail(struct supervise *s, const char *text)
{
	snprintf(s->detail, sizeof s->detail, "%s", text != NULL ? text : "");
}

static uint64_t pause_ms(const struct supervise *s)
{
	uint64_t ms = s->limits.backoff_ms;

	for (uint32_t i = 1; i < s->failures && ms < s->limits.backoff_max_ms; i++)
		ms *= 2;
	return ms < s->limits.backoff_max_ms ? ms : s->limits.backoff_max_ms;
}

static uint64_t deadline_of(const struct supervise *s, enum supervise_state state)
{
	switch (state) {
	case SUPERVISE_STARTING:
		return s->limits.start_timeout_ms;
	case SUPERVISE_LOADING:
		return s->limits.load_timeout_ms;
	case SUPERVISE_STOPPING:
		return s->limits.stop_timeout_ms;
	case SUPERVISE_BACKOFF:
		return pause_ms(s);
	case SUPERVISE_FAILED:
		return s->reason == ENGINE_NONE_FAILED ? s->limits.backoff_max_ms : 0;
	default:
		return 0;
	}
}

static uint64_t probe_interval(const struct supervise *s, enum supervise_state state)
{
	switch (state) {
	case SUPERVISE_STARTING:
	case SUPERVISE_LOADING:
		return s->limits.probe_start_ms;
	case SUPERVISE_READY:
		return s->limits.probe_ready_ms;
	default:
		return 0;
	}
}

/* The actions that belong to a state are taken on the way in. */
static void enter(struct supervise *s, enum supervise_state next)
{
	enum supervise_state before = s->state;
	uint64_t now = s->ops->now_ms(s->ctx), ms = deadline_of(s, next);

	log_debug("engine.state", "from=%s to=%s model=%s", about[before].name,
		  about[next].name, s->model.name);
	s->state = next;
	s->since_ms = now;
	s->deadline_ms = ms > 0 ? now + ms : 0;
	ms = probe_interval(s, next);
	s->probe_at_ms = ms > 0 ? now + ms : 0;
	s->missed = 0;
	if (next == SUPERVISE_READY || next == SUPERVISE_STOPPED)
		set_detail(s, NULL);
	if (next == SUPERVISE_STOPPED)
		s->failures = 0;
	if (next == SUPERVISE_CHECKING)
		s->ops->check(s->ctx, &s->model);
	if (next == SUPERVISE_STOPPING)
		s->ops->kill(s->ctx, s->crashed ? SIGKILL : SIGTERM);
	s->ops->changed(s->ctx, before);
}

static enum supervise_state begin(struct supervise *s, const struct supervise_event *ev)
{
	s->model = *ev->model;
	s->again = false;
	set_detail(s, NULL);
	return SUPERVISE_CHECKING;
}

static enum supervise_state fail(struct supervise *s, enum engine_none reason,
				 const char *detail)
{
	s->reason = reason;
	set_detail(s, detail);
	log_error("engine.failed", "model=%s detail=%s", s->model.name, s->detail);
	return SUPERVISE_FAILED;
}

static enum supervise_state stop(struct supervise *s)
{
	s->crashed = false;
	return SUPERVISE_STOPPING;
}

static enum supervise_state hung(struct supervise *s, const char *what)
{
	s->crashed = true;
	set_detail(s, what);
	return SUPERVISE_STOPPING;
}

/* The process is gone and nobody had asked for that. */
static enum supervise_state crashed(struct supervise *s, const char *detail)
{
	s->failures++;
	s->restarts++;
	log_warning("engine.gone", "model=%s state=%s failures=%u detail=%s", s->model.name,
		    about[s->state].name, s->failures, detail != NULL ? detail : "");
	if (s->failures >= s->limits.give_up_after) {
		char why[260];

		snprintf(why, sizeof why, "the engine ended %u times in a row: %.180s",
			 s->failures, detail != NULL ? detail : "no reason given");
		return fail(s, ENGINE_NONE_FAILED, why);
	}
	set_detail(s, detail);
	return SUPERVISE_BACKOFF;
}

static enum supervise_state on_stopped(struct supervise *s, const struct supervise_event *ev)
{
	return ev->kind == EV_WANT ? begin(s, ev) : s->state;
}

static enum supervise_state start(struct supervise *s)
{
	char detail[200] = "";
	enum err e = s->ops->spawn(s->ctx, &s->model, detail, sizeof detail);

	if (e == ERR_OK)
		return SUPERVISE_STARTING;
	return fail(s,
		    e == ERR_NOT_FOUND || e == ERR_UNSUPPORTED ? ENGINE_NONE_NO_ENGINE
							       : ENGINE_NONE_FAILED,
		    detail[0] != '\0' ? detail : err_text(e));
}

static enum supervise_state on_checking(struct supervise *s, const struct supervise_event *ev)
{
	switch (ev->kind) {
	case EV_CHECKED:
		if (ev->err == ERR_OK)
			return start(s);
		return fail(s,
			    ev->err == ERR_NO_MEMORY ? ENGINE_NONE_FAILED
						     : ENGINE_NONE_BAD_MODEL,
			    ev->detail);
	case EV_WANT:
		if (strcmp(ev->model->name, s->model.name) == 0)
			return s->state;
		s->ops->check_cancel(s->ctx);
		s->model = *ev->model;
		s->ops->check(s->ctx, &s->model);
		return s->state;
	case EV_STOP:
		s->ops->check_cancel(s->ctx);
		return SUPERVISE_STOPPED;
	default:
		return s->state;
	}
}

bool engine_model_same(const struct engine_model *a, const struct engine_model *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->sha256, b->sha256) == 0 &&
	       strcmp(a->projector_sha256, b->projector_sha256) == 0;
}

/* A process that runs a model which is no longer wanted makes way for the one that is. */
static enum supervise_state want_other(struct supervise *s, const struct supervise_event *ev)
{
	if (engine_model_same(ev->model, &s->model))
		return s->state;
	s->model = *ev->model;
	s->again = true;
	return stop(s);
}

static enum supervise_state on_starting(struct supervise *s, const struct supervise_event *ev)
{
	switch (ev->kind) {
	case EV_HEALTH:
		if (ev->health == HEALTH_UP)
			return SUPERVISE_READY;
		return ev->health == HEALTH_LOADING ? SUPERVISE_LOADING : s->state;
	case EV_EXITED:
		return crashed(s, ev->detail);
	case EV_TICK:
		return hung(s, s->state == SUPERVISE_STARTING
				       ? "it did not open its socket in time"
				       : "it did not load the model in time");
	case EV_WANT:
		return want_other(s, ev);
	case EV_STOP:
		return stop(s);
	default:
		return s->state;
	}
}

static enum supervise_state on_ready(struct supervise *s, const struct supervise_event *ev)
{
	switch (ev->kind) {
	case EV_HEALTH:
		if (ev->health == HEALTH_UP) {
			s->missed = 0;
			if (s->ops->now_ms(s->ctx) - s->since_ms >= s->limits.healthy_ms)
				s->failures = 0;
			return s->state;
		}
		return ++s->missed >= PROBES_MISSED ? hung(s, "it stopped answering")
						    : s->state;
	case EV_EXITED:
		return crashed(s, ev->detail);
	case EV_SUSPECT:
		s->probe_at_ms = s->ops->now_ms(s->ctx);
		return s->state;
	case EV_WANT:
		return want_other(s, ev);
	case EV_STOP:
		return stop(s);
	default:
		return s->state;
	}
}

static enum supervise_state on_stopping(struct supervise *s, const struct supervise_event *ev)
{
	switch (ev->kind) {
	case EV_EXITED:
		if (s->crashed)
			return crashed(s, s->detail[0] != '\0' ? s->detail : ev->detail);
		return s->again ? begin(s, &(struct supervise_event){ .model = &s->model })
				: SUPERVISE_STOPPED;
	case EV_TICK:
		s->ops->kill(s->ctx, SIGKILL);
		s->deadline_ms = s->ops->now_ms(s->ctx) + s->limits.stop_timeout_ms;
		return s->state;
	case EV_WANT:
		s->model = *ev->model;
		s->again = true;
		return s->state;
	case EV_STOP:
		s->again = false;
		s->crashed = false;
		return s->state;
	default:
		return s->state;
	}
}

static enum supervise_state on_backoff(struct supervise *s, const struct supervise_event *ev)
{
	switch (ev->kind) {
	case EV_TICK:
		return SUPERVISE_CHECKING;
	case EV_WANT:
		s->model = *ev->model;
		return s->state;
	case EV_STOP:
		return SUPERVISE_STOPPED;
	default:
		return s->state;
	}
}

static enum supervise_state on_failed(struct supervise *s, const struct supervise_event *ev)
{
	switch (ev->kind) {
	case EV_WANT:
		return supervise_resting(s) ? s->state : begin(s, ev);
	case EV_TICK:
		s->deadline_ms = 0; /* rested; the next request may try again */
		s->failures = 0;
		return s->state;
	case EV_STOP:
		return SUPERVISE_STOPPED;
	default:
		return s->state;
	}
}

static handler *const handlers[SUPERVISE_STATE_COUNT] = {
	[SUPERVISE_STOPPED] = on_stopped,   [SUPERVISE_CHECKING] = on_checking,
	[SUPERVISE_STARTING] = on_starting, [SUPERVISE_LOADING] = on_starting,
	[SUPERVISE_READY] = on_ready,       [SUPERVISE_STOPPING] = on_stopping,
	[SUPERVISE_BACKOFF] = on_backoff,   [SUPERVISE_FAILED] = on_failed,
};

static bool due(const struct supervise *s, uint64_t at)
{
	return at != 0 && s->ops->now_ms(s->ctx) >= at;
}

/* One probe at a time; the answer to the last one may still be on its way. */
static void probe(struct supervise *s)
{
	s->probe_at_ms = s->ops->now_ms(s->ctx) + probe_interval(s, s->state);
	if (s->probing)
		return;
	s->probing = true;
	s->ops->probe(s->ctx);
}

void supervise_event(struct supervise *s, const struct supervise_event *ev)
{
	enum supervise_state next;

	if (ev->kind == EV_HEALTH || ev->kind == EV_EXITED)
		s->probing = false;
	if (ev->kind == EV_TICK && !due(s, s->deadline_ms)) {
		if (due(s, s->probe_at_ms))
			probe(s);
		return;
	}
	next = handlers[s->state](s, ev);
	if (next != s->state)
		enter(s, next);
}

void supervise_init(struct supervise *s, const struct supervise_limits *limits,
		    const struct supervise_ops *ops, void *ctx)
{
	*s = (struct supervise){ .limits = *limits, .ops = ops, .ctx = ctx };
}

struct supervise_limits supervise_limits_of(uint32_t load_timeout_ms, uint32_t backoff_ms,
					    uint32_t backoff_max_ms)
{
	return (struct supervise_limits){
		.start_timeout_ms = 30000,
		.load_timeout_ms = load_timeout_ms,
		.stop_timeout_ms = 3000,
		.backoff_ms = backoff_ms,
		.backoff_max_ms = backoff_max_ms > backoff_ms ? backoff_max_ms : backoff_ms,
		.probe_start_ms = 40,
		.probe_ready_ms = 10000,
		.give_up_after = 4,
		.healthy_ms = 30000,
	};
}

uint64_t supervise_due_ms(const struct supervise *s)
{
	uint64_t d = s->deadline_ms, p = s->probe_at_ms;

	if (d == 0 || p == 0)
		return d | p;
	return d < p ? d : p;
}

const char *supervise_name(enum supervise_state state)
{
	return about[state].name;
}

enum engine_state supervise_wire(const struct supervise *s)
{
	if (s->state == SUPERVISE_FAILED && s->reason == ENGINE_NONE_NO_ENGINE)
		return ENGINE_MISSING;
	return about[s->state].wire;
}

bool supervise_resting(const struct supervise *s)
{
	return s->state == SUPERVISE_FAILED && s->deadline_ms != 0;
}
