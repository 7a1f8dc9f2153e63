/* SPDX-License-Identifier: Apache-2.0 */
/* When an attempt may be followed by another, and when a destination is left alone. */
#include <string.h>

#include "cloud/again.h"
#include "cloud/lanes.h"
#include "tests/unit/check.h"

#define BASE .attempts = 1, .retries = 2, .wait_max_ms = 5000, .left_ms = 60000
#define NONE .retry_after_ms = AGAIN_NO

static const struct {
	const char *name;
	struct again_facts f;
	int64_t want;
} rows[] = {
	{ "no connection: at once, nearly", { BASE, NONE, .end = FETCH_NO_CONNECTION }, 250 },
	{ "no address", { BASE, NONE, .end = FETCH_NO_ADDRESS }, 250 },
	{ "a later attempt waits longer",
	  { .attempts = 2,
	    .retries = 2,
	    .wait_max_ms = 5000,
	    .left_ms = 60000,
	    NONE,
	    .end = FETCH_TIMEOUT },
	  500 },
	{ "the policy has no more",
	  { .attempts = 3,
	    .retries = 2,
	    .wait_max_ms = 5000,
	    .left_ms = 60000,
	    NONE,
	    .end = FETCH_NO_CONNECTION },
	  AGAIN_NO },
	{ "the policy has none",
	  { .attempts = 1,
	    .wait_max_ms = 5000,
	    .left_ms = 60000,
	    NONE,
	    .end = FETCH_NO_ADDRESS },
	  AGAIN_NO },
	{ "a byte was written", { BASE, NONE, .end = FETCH_BROKEN, .bytes_out = 1 }, AGAIN_NO },
	{ "silence after the request",
	  { BASE, NONE, .end = FETCH_TIMEOUT, .bytes_out = 900 },
	  AGAIN_NO },
	{ "a wrong certificate", { BASE, NONE, .end = FETCH_TLS }, AGAIN_NO },
	{ "an address that is forbidden",
	  { BASE, NONE, .end = FETCH_ADDRESS_REFUSED },
	  AGAIN_NO },
	{ "429 says when",
	  { BASE, .status = 429, .retry_after_ms = 3000, .bytes_out = 900 },
	  3000 },
	{ "503 says now", { BASE, .status = 503, .retry_after_ms = 0, .bytes_out = 900 }, 0 },
	{ "429 does not say when", { BASE, NONE, .status = 429, .bytes_out = 900 }, AGAIN_NO },
	{ "longer than the policy waits",
	  { BASE, .status = 429, .retry_after_ms = 5001 },
	  AGAIN_NO },
	{ "longer than there is time",
	  { .attempts = 1,
	    .retries = 2,
	    .wait_max_ms = 5000,
	    .left_ms = 1000,
	    .status = 429,
	    .retry_after_ms = 1000 },
	  AGAIN_NO },
	{ "a 500 says when, and may have worked all the same",
	  { BASE, .status = 500, .retry_after_ms = 0 },
	  AGAIN_NO },
	{ "a 200 broke off", { BASE, NONE, .status = 200, .end = FETCH_BROKEN }, AGAIN_NO },
};

static void tries_again_only_when_nobody_acted(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		CHECK(again_wait_ms(&rows[i].f) == rows[i].want, rows[i].name);
}

static struct lanes all;

static void counts_what_is_under_way(void **state)
{
	struct policy_destination d = { .concurrent = 2 };
	struct lane *l = lanes_get(&all, "counted");

	(void)state;
	assert_ptr_equal(l, lanes_get(&all, "counted"));
	assert_int_equal(lane_ask(l, &d, 0), LANE_FREE);
	lane_enter(l, 0);
	assert_int_equal(lane_ask(l, &d, 0), LANE_FREE);
	lane_enter(l, 0);
	assert_int_equal(lane_ask(l, &d, 0), LANE_FULL);
	lane_leave(l);
	assert_int_equal(lane_ask(l, &d, 0), LANE_FREE);
	d.concurrent = 0; /* another policy: no limit of its own */
	lane_enter(l, 0);
	lane_enter(l, 0);
	assert_int_equal(lane_ask(l, &d, 0), LANE_FREE);
}

static void rests_after_failures_in_a_row(void **state)
{
	struct policy_destination d = { .breaker_failures = 2, .breaker_open_ms = 100 };
	struct lane *l = lanes_get(&all, "resting");

	(void)state;
	lane_tell(l, &d, LANE_FAILED, 0);
	lane_tell(l, &d, LANE_WORKED, 0);
	lane_tell(l, &d, LANE_FAILED, 0);
	lane_tell(l, &d, LANE_UNKNOWN, 0);
	assert_int_equal(lane_ask(l, &d, 0), LANE_FREE);
	lane_tell(l, &d, LANE_FAILED, 10);
	assert_int_equal(lane_ask(l, &d, 109), LANE_RESTS);
	assert_int_equal(lane_rest_ms(l, 60), 50);
	assert_int_equal(lane_ask(l, &d, 110), LANE_FREE);
	lane_enter(l, 110);
	assert_int_equal(lane_ask(l, &d, 110), LANE_RESTS); /* one finds out */
	lane_tell(l, &d, LANE_FAILED, 120);
	lane_leave(l);
	assert_int_equal(lane_ask(l, &d, 219), LANE_RESTS); /* one failure is enough now */
	lane_enter(l, 220);
	lane_leave(l); /* it was cancelled */
	assert_int_equal(lane_ask(l, &d, 221), LANE_FREE);
	lane_enter(l, 221);
	lane_tell(l, &d, LANE_WORKED, 230);
	lane_leave(l);
	assert_int_equal(lane_ask(l, &d, 230), LANE_FREE);
	lane_tell(l, &d, LANE_FAILED, 240);
	assert_int_equal(lane_ask(l, &d, 240), LANE_FREE); /* counted from the start again */
}

static void without_a_breaker_it_never_rests(void **state)
{
	struct policy_destination d = { .breaker_failures = 0 };
	struct lane *l = lanes_get(&all, "never");

	(void)state;
	for (int i = 0; i < 100; i++)
		lane_tell(l, &d, LANE_FAILED, 0);
	assert_int_equal(lane_ask(l, &d, 0), LANE_FREE);
}

static void names_that_nobody_uses_make_room(void **state)
{
	static struct lanes full;
	char name[16];

	(void)state;
	for (int i = 0; i < LANES_MAX; i++) {
		snprintf(name, sizeof name, "d%d", i);
		lane_enter(lanes_get(&full, name), 0);
	}
	assert_null(lanes_get(&full, "one more"));
	lane_leave(lanes_get(&full, "d7"));
	lane_enter(lanes_get(&full, "one more"), 0);
	assert_null(lanes_get(&full, "and another"));
	assert_int_equal(lanes_get(&full, "d8")->under_way, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tries_again_only_when_nobody_acted),
		cmocka_unit_test(counts_what_is_under_way),
		cmocka_unit_test(rests_after_failures_in_a_row),
		cmocka_unit_test(without_a_breaker_it_never_rests),
		cmocka_unit_test(names_that_nobody_uses_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
