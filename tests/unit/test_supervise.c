/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's life with a fake clock and a fake process: each story is a list of steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "local/supervise.h"

struct world {
	struct supervise s;
	uint64_t now_ms;
	bool process, checking, probing;
	int killed; /* last signal, 0 none */
	enum err spawn_error;
	unsigned spawns, changes;
};

static uint64_t now_ms(void *ctx)
{
	return ((struct world *)ctx)->now_ms;
}

static void check(void *ctx, const struct engine_model *m)
{
	struct world *w = ctx;

	(void)m;
	assert_false(w->process); /* supervise.c, invariant 3 */
	w->checking = true;
}

static void check_cancel(void *ctx)
{
	((struct world *)ctx)->checking = false;
}

static enum err spawn(void *ctx, const struct engine_model *m, char *detail, unsigned cap)
{
	struct world *w = ctx;

	(void)m;
	assert_false(w->process);
	if (w->spawn_error != ERR_OK) {
		snprintf(detail, cap, "no binary");
		return w->spawn_error;
	}
	w->process = true;
	w->spawns++;
	return ERR_OK;
}

static void do_kill(void *ctx, int sig)
{
	struct world *w = ctx;

	assert_true(w->process);
	w->killed = sig;
}

static void probe(void *ctx)
{
	((struct world *)ctx)->probing = true;
}

static void changed(void *ctx, enum supervise_state before)
{
	(void)before;
	((struct world *)ctx)->changes++;
}

static const struct supervise_ops ops = { now_ms,  check, check_cancel, spawn,
					  do_kill, probe, changed };

static const struct engine_model model_a = { .name = "a", .sha256 = "1" };
static const struct engine_model model_b = { .name = "b", .sha256 = "2" };

/* A time that runs to the next thing due, a thing that happens, or a thing that must be true.
 */
enum step_kind {
	WANT_A,
	WANT_B,
	STOP,
	GOOD_FILE,
	BAD_FILE,
	EXIT,
	UP,
	LOADING,
	DOWN,
	NEXT,
	WAIT_MS,
	NO_BINARY,
	IS,
	KILLED,
	SPAWNS,
	RESTING,
	RESTARTS,
	REASON,
	END
};

struct step {
	enum step_kind kind;
	int n;
};

#define STARTED                                                                                \
	{ WANT_A, 0 }, { IS, SUPERVISE_CHECKING }, { GOOD_FILE, 0 },                           \
	{                                                                                      \
		IS, SUPERVISE_STARTING                                                         \
	}
#define MADE_READY                                                                             \
	STARTED, { LOADING, 0 }, { IS, SUPERVISE_LOADING }, { UP, 0 },                         \
	{                                                                                      \
		IS, SUPERVISE_READY                                                            \
	}

static const struct {
	const char *name;
	struct step steps[48];
} stories[] = {
	{ "nothing is started before somebody wants it",
	  { { WAIT_MS, 100000 }, { IS, SUPERVISE_STOPPED }, { SPAWNS, 0 }, { END, 0 } } },
	{ "the usual start", { MADE_READY, { SPAWNS, 1 }, { END, 0 } } },
	{ "a wrong file is never started",
	  { { WANT_A, 0 },
	    { BAD_FILE, 0 },
	    { IS, SUPERVISE_FAILED },
	    { REASON, ENGINE_NONE_BAD_MODEL },
	    { SPAWNS, 0 },
	    { END, 0 } } },
	{ "after a wrong file the next request looks again",
	  { { WANT_A, 0 },
	    { BAD_FILE, 0 },
	    { RESTING, 0 },
	    { WANT_A, 0 },
	    { IS, SUPERVISE_CHECKING },
	    { GOOD_FILE, 0 },
	    { IS, SUPERVISE_STARTING },
	    { END, 0 } } },
	{ "a missing program is said and looked for again by the next request",
	  { { NO_BINARY, ERR_NOT_FOUND },
	    { WANT_A, 0 },
	    { GOOD_FILE, 0 },
	    { IS, SUPERVISE_FAILED },
	    { REASON, ENGINE_NONE_NO_ENGINE },
	    { NO_BINARY, ERR_OK },
	    STARTED,
	    { END, 0 } } },
	{ "a crash is followed by a pause and a new start",
	  { MADE_READY,
	    { EXIT, 0 },
	    { IS, SUPERVISE_BACKOFF },
	    { RESTARTS, 1 },
	    { NEXT, 0 },
	    { IS, SUPERVISE_CHECKING },
	    { GOOD_FILE, 0 },
	    { UP, 0 },
	    { IS, SUPERVISE_READY },
	    { SPAWNS, 2 },
	    { END, 0 } } },
	{ "an engine that never comes up is given up, and rests",
	  { STARTED,
	    { EXIT, 0 },
	    { NEXT, 0 },
	    { GOOD_FILE, 0 },
	    { EXIT, 0 },
	    { NEXT, 0 },
	    { GOOD_FILE, 0 },
	    { EXIT, 0 },
	    { IS, SUPERVISE_FAILED },
	    { REASON, ENGINE_NONE_FAILED },
	    { RESTING, 1 },
	    { WANT_A, 0 },
	    { IS, SUPERVISE_FAILED },
	    { NEXT, 0 },
	    { RESTING, 0 },
	    { IS, SUPERVISE_FAILED },
	    { WANT_A, 0 },
	    { IS, SUPERVISE_CHECKING },
	    { SPAWNS, 3 },
	    { END, 0 } } },
	{ "a long healthy life wipes out earlier crashes",
	  { MADE_READY,
	    { EXIT, 0 },
	    { NEXT, 0 },
	    { GOOD_FILE, 0 },
	    { EXIT, 0 },
	    { NEXT, 0 },
	    { GOOD_FILE, 0 },
	    { UP, 0 },
	    { WAIT_MS, 5000 },
	    { UP, 0 },
	    { EXIT, 0 },
	    { IS, SUPERVISE_BACKOFF },
	    { END, 0 } } },
	{ "a socket that never opens is a hang",
	  { STARTED,
	    { DOWN, 0 },
	    { WAIT_MS, 1001 },
	    { IS, SUPERVISE_STOPPING },
	    { KILLED, SIGKILL },
	    { EXIT, 0 },
	    { IS, SUPERVISE_BACKOFF },
	    { END, 0 } } },
	{ "a load that never ends is a hang",
	  { STARTED, { LOADING, 0 }, { WAIT_MS, 2001 }, { KILLED, SIGKILL }, { END, 0 } } },
	{ "two missed probes are forgiven, the third is not",
	  { MADE_READY,
	    { DOWN, 0 },
	    { DOWN, 0 },
	    { UP, 0 },
	    { DOWN, 0 },
	    { DOWN, 0 },
	    { IS, SUPERVISE_READY },
	    { DOWN, 0 },
	    { IS, SUPERVISE_STOPPING },
	    { KILLED, SIGKILL },
	    { EXIT, 0 },
	    { IS, SUPERVISE_BACKOFF },
	    { END, 0 } } },
	{ "a stop is asked for first and forced later",
	  { MADE_READY,
	    { STOP, 0 },
	    { KILLED, SIGTERM },
	    { WAIT_MS, 501 },
	    { KILLED, SIGKILL },
	    { EXIT, 0 },
	    { IS, SUPERVISE_STOPPED },
	    { RESTARTS, 0 },
	    { END, 0 } } },
	{ "another model ends the process and starts the next",
	  { MADE_READY,
	    { WANT_B, 0 },
	    { IS, SUPERVISE_STOPPING },
	    { EXIT, 0 },
	    { IS, SUPERVISE_CHECKING },
	    { GOOD_FILE, 0 },
	    { SPAWNS, 2 },
	    { RESTARTS, 0 },
	    { END, 0 } } },
	{ "the same model changes nothing",
	  { MADE_READY, { WANT_A, 0 }, { IS, SUPERVISE_READY }, { SPAWNS, 1 }, { END, 0 } } },
	{ "a want during a stop starts it again",
	  { MADE_READY,
	    { STOP, 0 },
	    { WANT_A, 0 },
	    { EXIT, 0 },
	    { IS, SUPERVISE_CHECKING },
	    { END, 0 } } },
	{ "a stop during the check leaves nothing behind",
	  { { WANT_A, 0 },
	    { STOP, 0 },
	    { IS, SUPERVISE_STOPPED },
	    { GOOD_FILE, 0 },
	    { IS, SUPERVISE_STOPPED },
	    { SPAWNS, 0 },
	    { END, 0 } } },
	{ "a stop during the pause ends the attempts",
	  { STARTED,
	    { EXIT, 0 },
	    { STOP, 0 },
	    { IS, SUPERVISE_STOPPED },
	    { WAIT_MS, 60000 },
	    { SPAWNS, 1 },
	    { END, 0 } } },
};

static void send(struct world *w, enum supervise_kind kind, struct supervise_event ev)
{
	ev.kind = kind;
	supervise_event(&w->s, &ev);
}

/* Runs the clock to `until`, delivering what is due on the way; 0: to the next deadline only.
 */
static void run_clock(struct world *w, uint64_t until)
{
	enum supervise_state before = w->s.state;
	bool rested = supervise_resting(&w->s);

	for (unsigned guard = 0; guard < 100000; guard++) {
		uint64_t due = supervise_due_ms(&w->s);

		if (until == 0 && (w->s.state != before || supervise_resting(&w->s) != rested))
			return;
		if (due == 0 || (until != 0 && due > until))
			break;
		w->now_ms = due > w->now_ms ? due : w->now_ms;
		send(w, EV_TICK, (struct supervise_event){ 0 });
	}
	w->now_ms = until > w->now_ms ? until : w->now_ms;
}

static void act(struct world *w, const struct step *step)
{
	switch (step->kind) {
	case WANT_A:
		send(w, EV_WANT, (struct supervise_event){ .model = &model_a });
		break;
	case WANT_B:
		send(w, EV_WANT, (struct supervise_event){ .model = &model_b });
		break;
	case STOP:
		send(w, EV_STOP, (struct supervise_event){ 0 });
		break;
	case GOOD_FILE:
	case BAD_FILE:
		if (!w->checking) /* a cancelled check says nothing */
			break;
		w->checking = false;
		send(w, EV_CHECKED,
		     (struct supervise_event){ .err = step->kind == GOOD_FILE ? ERR_OK
									      : ERR_MISMATCH,
					       .detail = "wrong hash" });
		break;
	case EXIT:
		assert_true(w->process);
		w->process = false;
		send(w, EV_EXITED, (struct supervise_event){ .detail = "signal 9" });
		break;
	case UP:
	case LOADING:
	case DOWN:
		send(w, EV_HEALTH,
		     (struct supervise_event){ .health = step->kind == UP ? HEALTH_UP
							 : step->kind == LOADING
								 ? HEALTH_LOADING
								 : HEALTH_DOWN });
		break;
	case NEXT:
		run_clock(w, 0);
		break;
	case WAIT_MS:
		run_clock(w, w->now_ms + (uint64_t)step->n);
		break;
	case NO_BINARY:
		w->spawn_error = (enum err)step->n;
		break;
	default:
		break;
	}
}

static int look(const struct world *w, enum step_kind kind)
{
	switch (kind) {
	case IS:
		return (int)w->s.state;
	case KILLED:
		return w->killed;
	case SPAWNS:
		return (int)w->spawns;
	case RESTING:
		return supervise_resting(&w->s);
	case RESTARTS:
		return (int)w->s.restarts;
	default:
		return (int)w->s.reason;
	}
}

static void each_story_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(stories); i++) {
		struct world w = { .now_ms = 1000 };
		struct supervise_limits limits = supervise_limits_of(2000, 100, 400);

		limits.start_timeout_ms = 1000;
		limits.stop_timeout_ms = 500;
		limits.give_up_after = 3;
		limits.healthy_ms = 4000;
		supervise_init(&w.s, &limits, &ops, &w);
		for (unsigned k = 0; stories[i].steps[k].kind != END; k++) {
			const struct step *step = &stories[i].steps[k];

			act(&w, step);
			if (step->kind >= IS && look(&w, step->kind) != step->n)
				fail_msg("%s: step %u: %d instead of %d (state %s)",
					 stories[i].name, k, look(&w, step->kind), step->n,
					 supervise_name(w.s.state));
		}
	}
}

/* 100, 200, 400, 400: doubled, then capped. */
static void pauses_grow_to_their_cap(void **state)
{
	struct world w = { .now_ms = 1000 };
	struct supervise_limits limits = supervise_limits_of(2000, 100, 400);
	static const uint64_t want[] = { 100, 200, 400, 400 };

	(void)state;
	limits.give_up_after = 10;
	supervise_init(&w.s, &limits, &ops, &w);
	act(&w, &(struct step){ WANT_A, 0 });
	for (unsigned i = 0; i < LEN(want); i++) {
		act(&w, &(struct step){ GOOD_FILE, 0 });
		act(&w, &(struct step){ EXIT, 0 });
		assert_int_equal(supervise_due_ms(&w.s) - w.now_ms, want[i]);
		run_clock(&w, 0);
	}
}

/* Random events in any order never break what spawn() and kill() assert, nor stall the machine.
 */
static void any_order_is_survived(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned run = 0; run < 2000; run++) {
		struct world w = { .now_ms = 1000 };
		struct supervise_limits limits = supervise_limits_of(2000, 100, 400);

		supervise_init(&w.s, &limits, &ops, &w);
		for (unsigned k = 0; k < 60; k++) {
			seed = seed * 1664525u + 1013904223u;
			struct step step = { (enum step_kind)((seed >> 16) % NO_BINARY), 300 };

			if (step.kind == EXIT && !w.process)
				continue;
			act(&w, &step);
			assert_int_equal(w.process, w.s.state == SUPERVISE_STARTING ||
							    w.s.state == SUPERVISE_LOADING ||
							    w.s.state == SUPERVISE_READY ||
							    w.s.state == SUPERVISE_STOPPING);
			assert_int_equal(w.checking, w.s.state == SUPERVISE_CHECKING);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_story_holds),
		cmocka_unit_test(pauses_grow_to_their_cap),
		cmocka_unit_test(any_order_is_survived),
	};

	log_setup("test", (enum log_level)0, LOG_FORMAT_TEXT); /* crashes are the point here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
