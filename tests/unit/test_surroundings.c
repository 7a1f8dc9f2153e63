/* SPDX-License-Identifier: Apache-2.0 */
/* Who a user is, what time it is there, and what is said of the machine. */
#include "tests/unit/check.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proc/surroundings.h"

#define STRANGER  4000000000u   /* no user of this machine has it, one would hope */
#define FRIDAY_MS 1795780800000 /* 2026-11-27 12:00:00 UTC, a Friday */

static void people(void **state)
{
	struct surroundings *few = surroundings_new(false), *all = surroundings_new(true);
	struct policy_request q = { 0 };
	size_t known = 0, listed = 0;

	(void)state;
	assert_non_null(few);
	assert_non_null(all);
	setpwent();
	for (const struct passwd *p = getpwent(); p != NULL; p = getpwent()) {
		uid_t uid = p->pw_uid;
		char name[256];

		snprintf(name, sizeof name, "%s", p->pw_name);
		surroundings_fill(all, uid, FRIDAY_MS, &q);
		CHECK(q.user.ptr != NULL, "everybody listed has a name");
		known += span_is(q.user, name);
		surroundings_fill(few, uid, FRIDAY_MS, &q);
		CHECK((q.user.ptr != NULL) == (uid == getuid() || uid == 0),
		      "a personal daemon knows its person and root");
		CHECK((q.user.ptr != NULL) >= q.groups.known, "no groups without a name");
		listed++;
	}
	endpwent();
	CHECK(known > 0 || listed == 0, "by that name");
	q.user = SPAN_LITERAL("somebody");
	q.groups.known = true;
	surroundings_fill(all, STRANGER, FRIDAY_MS, &q);
	CHECK(q.user.ptr == NULL && !q.groups.known, "a stranger is unknown");
	surroundings_free(few);
	surroundings_free(all);
}

static void times(void **state)
{
	static const struct {
		const char *zone;
		unsigned weekday; /* 0 Monday */
		int minute;
	} rows[] = {
		{ "UTC0", 4, 12 * 60 },
		{ "AAA-13", 5, 60 }, /* thirteen hours ahead: Saturday, one o'clock */
		{ "BBB+12:30", 3, 23 * 60 + 30 }, /* behind: Thursday night */
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_request q = { 0 };

		setenv("TZ", rows[i].zone, 1);
		struct surroundings *s = surroundings_new(false);
		assert_non_null(s);
		surroundings_fill(s, STRANGER, FRIDAY_MS, &q);
		CHECK(q.time.known && q.time.weekday == rows[i].weekday &&
			      q.time.minute == rows[i].minute,
		      rows[i].zone);
		surroundings_free(s);
	}
}

static void device(void **state)
{
	struct surroundings *s = surroundings_new(false);
	struct policy_request q = { .score = { true, 0.5 } };
	struct msg_DEVICE_STATE m = { .power = POLICY_POWER_BATTERY,
				      .battery_pct = 0,
				      .network = POLICY_NETWORK_METERED,
				      .thermal = POLICY_THERMAL_FAIR,
				      .locked = POLICY_TRUE,
				      .vpn = POLICY_FALSE };

	(void)state;
	assert_non_null(s);
	surroundings_fill(s, STRANGER, FRIDAY_MS, &q);
	CHECK(q.device.power == POLICY_POWER_UNKNOWN && !q.device.battery_pct.known &&
		      q.device.network == POLICY_NETWORK_UNKNOWN &&
		      q.device.thermal == POLICY_THERMAL_UNKNOWN &&
		      q.device.locked == POLICY_UNKNOWN && q.device.vpn == POLICY_UNKNOWN,
	      "nothing is known before it is said");
	surroundings_device(s, &m);
	surroundings_fill(s, STRANGER, FRIDAY_MS, &q);
	CHECK(q.device.power == POLICY_POWER_BATTERY && q.device.battery_pct.known &&
		      q.device.battery_pct.value < 0.5 &&
		      q.device.network == POLICY_NETWORK_METERED &&
		      q.device.thermal == POLICY_THERMAL_FAIR &&
		      q.device.locked == POLICY_TRUE && q.device.vpn == POLICY_FALSE,
	      "then all of it is, an empty battery included");
	CHECK(q.score.known && q.score.value > 0.4, "the rest of the request is untouched");
	m.battery_pct = 255;
	surroundings_device(s, &m);
	surroundings_fill(s, STRANGER, FRIDAY_MS, &q);
	CHECK(!q.device.battery_pct.known, "255 is unknown");
	surroundings_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people),
		cmocka_unit_test(times),
		cmocka_unit_test(device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
