/* SPDX-License-Identifier: Apache-2.0 */
/* The desk over a real supervisor with a fake engine: who is served when, and what the rest is
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "local/desk.h"

#define REQUESTS 16

struct told {
	unsigned given, refused;
	enum engine_none reason;
	enum engine_state state;
	uint32_t position;
	char model[129];
};

struct world {
	struct supervise s;
	struct desk *d;
	uint64_t now_ms;
	bool process, checking;
	enum err give_error;
	bool gone_b; /* model b was removed */
	struct told told[REQUESTS];
	uint32_t queued;
	unsigned spawns;
};

static uint64_t now_ms(void *ctx)
{
	return ((struct world *)ctx)->now_ms;
}

static void check(void *ctx, const struct engine_model *m)
{
	(void)m;
	((struct world *)ctx)->checking = true;
}

static void check_cancel(void *ctx)
{
	((struct world *)ctx)->checking = false;
}

static enum err spawn(void *ctx, const struct engine_model *m, char *detail, unsigned cap)
{
	struct world *w = ctx;

	(void)m;
	(void)detail;
	(void)cap;
	w->process = true;
	w->spawns++;
	return ERR_OK;
}

static void do_kill(void *ctx, int sig)
{
	(void)ctx;
	(void)sig;
}

static void probe(void *ctx)
{
	(void)ctx;
}

static void changed(void *ctx, enum supervise_state before)
{
	(void)before;
	desk_engine_changed(((struct world *)ctx)->d);
}

static const struct supervise_ops hands = { now_ms,  check, check_cancel, spawn,
					    do_kill, probe, changed };

static enum err resolve(void *ctx, const char *name, struct engine_model *ret, char *detail,
			unsigned cap)
{
	const char *found = name[0] == '\0' ? "a" : name;
	struct world *w = ctx;

	if ((strcmp(found, "a") != 0 && strcmp(found, "b") != 0) ||
	    (w->gone_b && strcmp(found, "b") == 0)) {
		snprintf(detail, cap, "no such model");
		return ERR_NOT_FOUND;
	}
	*ret = (struct engine_model){ .sha256 = "1" };
	snprintf(ret->name, sizeof ret->name, "%s", found);
	return ERR_OK;
}

static enum err give(void *ctx, uint64_t id, const char *model)
{
	struct world *w = ctx;

	if (w->give_error != ERR_OK)
		return w->give_error;
	assert_true(w->process);
	assert_int_equal(w->s.state, SUPERVISE_READY);
	w->told[id].given++;
	snprintf(w->told[id].model, sizeof w->told[id].model, "%s", model);
	return ERR_OK;
}

static void do_wait(void *ctx, uint64_t id, enum engine_state state, uint32_t position)
{
	struct told *t = &((struct world *)ctx)->told[id];

	t->state = state;
	t->position = position;
}

static void none(void *ctx, uint64_t id, enum engine_none reason, const char *detail)
{
	struct told *t = &((struct world *)ctx)->told[id];

	assert_non_null(detail);
	t->refused++;
	t->reason = reason;
}

static void queued(void *ctx, uint32_t n)
{
	((struct world *)ctx)->queued = n;
}

static const struct desk_ops ears = { now_ms, resolve, give, do_wait, none, queued };

static void open_desk(struct world *w, uint32_t slots, uint32_t queue)
{
	struct supervise_limits limits = supervise_limits_of(2000, 100, 400);
	struct desk_limits desk_limits = { slots, queue, 60000 };

	limits.give_up_after = 2;
	limits.healthy_ms = 1u << 30;
	*w = (struct world){ .now_ms = 1000 };
	supervise_init(&w->s, &limits, &hands, w);
	w->d = desk_new(&desk_limits, &w->s, &ears, w);
	assert_non_null(w->d);
}

static void event(struct world *w, struct supervise_event ev)
{
	supervise_event(&w->s, &ev);
}

static void file_is(struct world *w, enum err e)
{
	w->checking = false;
	event(w, (struct supervise_event){ .kind = EV_CHECKED, .err = e, .detail = "x" });
}

static void make_ready(struct world *w)
{
	file_is(w, ERR_OK);
	event(w, (struct supervise_event){ .kind = EV_HEALTH, .health = HEALTH_UP });
	assert_int_equal(w->s.state, SUPERVISE_READY);
}

static void engine_dies(struct world *w)
{
	w->process = false;
	desk_engine_gone(w->d);
	event(w, (struct supervise_event){ .kind = EV_EXITED, .detail = "signal 9" });
}

static void pass_ms(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	event(w, (struct supervise_event){ .kind = EV_TICK });
	desk_tick(w->d);
}

static bool try_want(struct world *w, uint64_t id, uint64_t caller, const char *model,
		     uint32_t deadline_ms)
{
	struct msg_ENGINE_WANT m = { .request_id = id,
				     .caller = caller,
				     .deadline_ms = deadline_ms };

	snprintf(m.model, sizeof m.model, "%s", model);
	return desk_want(w->d, &m);
}

static void want(struct world *w, uint64_t id, const char *model)
{
	assert_true(try_want(w, id, 0, model, 60000));
}

static void the_first_want_starts_the_engine(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 4);
	want(&w, 1, "");
	assert_int_equal(w.s.state, SUPERVISE_CHECKING);
	assert_int_equal(w.told[1].position, 1);
	assert_int_equal(w.told[1].state, ENGINE_LOADING);
	make_ready(&w);
	assert_int_equal(w.told[1].given, 1);
	assert_string_equal(w.told[1].model, "a");
	desk_free(w.d);
}

static void slots_then_queue_then_refusal(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 2, 2);
	want(&w, 1, "");
	make_ready(&w);
	want(&w, 2, "a");
	want(&w, 3, "");
	want(&w, 4, "");
	want(&w, 5, "");
	assert_int_equal(w.told[2].given, 1);
	assert_int_equal(w.told[3].given, 0);
	assert_int_equal(w.told[4].position, 2);
	assert_int_equal(w.queued, 2);
	assert_int_equal(w.told[5].refused, 1);
	assert_int_equal(w.told[5].reason, ENGINE_NONE_QUEUE_FULL);
	desk_done(w.d, 1, false);
	assert_int_equal(w.told[3].given, 1);
	assert_int_equal(w.told[4].position, 1);
	desk_done(w.d, 2, false);
	desk_done(w.d, 3, false);
	desk_done(w.d, 4, false);
	assert_int_equal(desk_active(w.d), 0);
	desk_free(w.d);
}

static void who_leaves_makes_room_at_once(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "");
	make_ready(&w);
	want(&w, 2, "");
	want(&w, 3, "");
	desk_done(w.d, 2, false); /* gave up waiting */
	assert_int_equal(w.told[3].position, 1);
	desk_done(w.d, 1, false);
	assert_int_equal(w.told[2].given, 0);
	assert_int_equal(w.told[3].given, 1);
	desk_done(w.d, 99, true); /* nobody */
	desk_free(w.d);
}

static void a_dead_engine_frees_its_slots_and_serves_the_waiting_later(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "");
	make_ready(&w);
	want(&w, 2, "");
	engine_dies(&w);
	assert_int_equal(desk_active(w.d), 0);
	assert_int_equal(w.told[2].state, ENGINE_STARTING);
	pass_ms(&w, 101);
	make_ready(&w);
	assert_int_equal(w.told[2].given, 1);
	desk_done(w.d, 1, true); /* the late word about the dead one takes nothing away */
	assert_int_equal(desk_active(w.d), 1);
	desk_free(w.d);
}

static void an_engine_that_keeps_dying_refuses_who_waits(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "");
	file_is(&w, ERR_OK);
	engine_dies(&w);
	pass_ms(&w, 101);
	file_is(&w, ERR_OK);
	engine_dies(&w);
	assert_int_equal(w.told[1].refused, 1);
	assert_int_equal(w.told[1].reason, ENGINE_NONE_FAILED);
	want(&w, 2, ""); /* it rests: no third start */
	assert_int_equal(w.told[2].refused, 1);
	assert_int_equal(w.spawns, 2);
	pass_ms(&w, 401);
	want(&w, 3, "");
	make_ready(&w);
	assert_int_equal(w.told[3].given, 1);
	desk_free(w.d);
}

static void a_bad_file_is_refused_and_looked_at_again(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "");
	want(&w, 2, "");
	file_is(&w, ERR_MISMATCH);
	assert_int_equal(w.told[1].reason, ENGINE_NONE_BAD_MODEL);
	assert_int_equal(w.told[2].refused, 1);
	want(&w, 3, "");
	assert_true(w.checking);
	make_ready(&w);
	assert_int_equal(w.told[3].given, 1);
	desk_free(w.d);
}

static void an_unknown_model_is_refused(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "zzz");
	assert_int_equal(w.told[1].reason, ENGINE_NONE_UNKNOWN_MODEL);
	assert_int_equal(w.s.state, SUPERVISE_STOPPED);
	desk_free(w.d);
}

static void callers_take_turns(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 8);
	for (uint64_t id = 1; id <= 5; id++) /* one program with much to do … */
		assert_true(try_want(&w, id, 7, "", 60000));
	make_ready(&w);
	assert_int_equal(w.told[1].given, 1);
	assert_true(try_want(&w, 6, 8, "", 60000)); /* … and two with little */
	assert_true(try_want(&w, 7, 9, "", 60000));
	assert_true(try_want(&w, 8, 8, "", 60000));
	const uint64_t order[] = { 1, 6, 7, 2, 8, 3, 4, 5 };
	for (size_t i = 0; i + 1 < LEN(order); i++) {
		assert_int_equal(w.told[order[i + 1]].position, 1);
		desk_done(w.d, order[i], false);
		assert_int_equal(w.told[order[i + 1]].given, 1);
	}
	desk_free(w.d);
}

static void turns_do_not_exchange_models(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 8);
	assert_true(try_want(&w, 1, 7, "a", 60000));
	assert_true(try_want(&w, 2, 7, "a", 60000));
	assert_true(try_want(&w, 3, 8, "b", 60000));
	assert_true(try_want(&w, 4, 9, "a", 60000)); /* would be next, were it not for 3 */
	assert_int_equal(w.told[2].position, 2);
	assert_int_equal(w.told[3].position, 3);
	assert_int_equal(w.told[4].position, 4);
	desk_free(w.d);
}

static void another_model_waits_for_its_turn(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "a");
	make_ready(&w);
	want(&w, 2, "b");
	want(&w, 3, "a");
	assert_int_equal(w.s.state, SUPERVISE_READY); /* 1 is still being answered */
	desk_done(w.d, 1, false);
	assert_int_equal(w.s.state, SUPERVISE_STOPPING);
	engine_dies(&w);
	make_ready(&w);
	assert_string_equal(w.told[2].model, "b");
	assert_int_equal(w.told[3].given, 0);
	desk_done(w.d, 2, false);
	engine_dies(&w);
	make_ready(&w);
	assert_string_equal(w.told[3].model, "a");
	desk_free(w.d);
}

static void a_model_removed_while_it_was_waited_for(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "a");
	make_ready(&w);
	want(&w, 2, "b");
	want(&w, 3, "a");
	w.gone_b = true;
	desk_done(w.d, 1, false);
	assert_int_equal(w.told[2].reason, ENGINE_NONE_UNKNOWN_MODEL);
	assert_int_equal(w.told[3].given, 1);
	desk_free(w.d);
}

static void waiting_has_an_end(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "");
	make_ready(&w);
	assert_true(try_want(&w, 2, 0, "", 500));
	assert_int_equal(desk_due_ms(w.d), w.now_ms + 500);
	pass_ms(&w, 500);
	assert_int_equal(w.told[2].reason, ENGINE_NONE_TIMEOUT);
	assert_int_equal(desk_due_ms(w.d), 0);
	desk_free(w.d);
}

static void idleness_stops_the_engine(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "");
	make_ready(&w);
	pass_ms(&w, 61000); /* busy all the time */
	assert_int_equal(w.s.state, SUPERVISE_READY);
	desk_done(w.d, 1, false);
	assert_int_equal(desk_due_ms(w.d), w.now_ms + 60000);
	pass_ms(&w, 59999);
	assert_int_equal(w.s.state, SUPERVISE_READY);
	pass_ms(&w, 1);
	assert_int_equal(w.s.state, SUPERVISE_STOPPING);
	engine_dies(&w);
	assert_int_equal(w.s.state, SUPERVISE_STOPPED);
	want(&w, 2, "");
	make_ready(&w);
	assert_int_equal(w.told[2].given, 1);
	desk_free(w.d);
}

static void a_new_router_finds_every_slot_free(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "");
	make_ready(&w);
	want(&w, 2, "");
	desk_clear(w.d, ROLE_ROUTER);
	assert_int_equal(w.queued, 0);
	want(&w, 1, ""); /* numbers start anew */
	assert_int_equal(w.told[1].given, 2);
	assert_int_equal(w.told[2].given, 0);
	desk_free(w.d);
}

static void a_full_backlog_is_tried_again(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	w.give_error = ERR_AGAIN;
	want(&w, 1, "");
	make_ready(&w);
	assert_int_equal(w.told[1].given, 0);
	assert_true(desk_due_ms(w.d) > w.now_ms);
	w.give_error = ERR_OK;
	pass_ms(&w, 10);
	assert_int_equal(w.told[1].given, 1);
	desk_free(w.d);
}

static void the_same_number_twice_is_a_breach(void **state)
{
	struct world w;

	(void)state;
	open_desk(&w, 1, 3);
	want(&w, 1, "");
	assert_false(try_want(&w, 1, 0, "", 1000));
	make_ready(&w);
	assert_false(try_want(&w, 1, 0, "", 1000));
	desk_free(w.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_want_starts_the_engine),
		cmocka_unit_test(slots_then_queue_then_refusal),
		cmocka_unit_test(who_leaves_makes_room_at_once),
		cmocka_unit_test(a_dead_engine_frees_its_slots_and_serves_the_waiting_later),
		cmocka_unit_test(an_engine_that_keeps_dying_refuses_who_waits),
		cmocka_unit_test(a_bad_file_is_refused_and_looked_at_again),
		cmocka_unit_test(an_unknown_model_is_refused),
		cmocka_unit_test(callers_take_turns),
		cmocka_unit_test(turns_do_not_exchange_models),
		cmocka_unit_test(another_model_waits_for_its_turn),
		cmocka_unit_test(a_model_removed_while_it_was_waited_for),
		cmocka_unit_test(waiting_has_an_end),
		cmocka_unit_test(idleness_stops_the_engine),
		cmocka_unit_test(a_new_router_finds_every_slot_free),
		cmocka_unit_test(a_full_backlog_is_tried_again),
		cmocka_unit_test(the_same_number_twice_is_a_breach),
	};

	log_setup("test", (enum log_level)0, LOG_FORMAT_TEXT); /* crashes are the point here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
