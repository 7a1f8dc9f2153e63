/* SPDX-License-Identifier: Apache-2.0 */
/* Who a user is, what time it is there, and what is said of the machine. */
#include "tests/unit/check.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proc/surroundings.h"

#define STRANGER  4000000000u   /* no user of this machine has it, one would hope */
#define FRIDAY_MS 1795780800000 /* 2026-11-27 12:00:00 UTC, a Friday */

static bool has_name(struct surroundings *s, uid_t uid, const char *name)
{
	struct policy_request q = { 0 };

	surroundings_fill(s, uid, FRIDAY_MS, &q);
	CHECK((q.user.ptr != NULL) >= q.groups.known, "no groups without a name");
	return span_is(q.user, name);
}

static void own(void **state)
{
	struct surroundings *s = surroundings_new(NULL);
	const struct passwd *p = getpwuid(getuid());
	const gid_t gid = p != NULL ? p->pw_gid : 0; /* *p holds until the next look-up only */
	struct policy_request q = { .user = SPAN_LITERAL("somebody"), .groups.known = true };
	char name[256];
	bool found = false;

	(void)state;
	assert_non_null(s);
	snprintf(name, sizeof name, "%s", p != NULL ? p->pw_name : "");
	CHECK(p == NULL || has_name(s, getuid(), name), "our own name");
	CHECK(has_name(s, 0, getpwuid(0)->pw_name), "and root's");
	surroundings_fill(s, STRANGER, FRIDAY_MS, &q);
	CHECK(q.user.ptr == NULL && !q.groups.known, "a stranger is unknown");
	surroundings_fill(s, getuid(), FRIDAY_MS, &q);
	CHECK(q.groups.known == (p != NULL), "our groups are known");
	for (size_t i = 0; i < q.groups.n && p != NULL; i++)
		found = found || span_is(q.groups.items[i], getgrgid(gid)->gr_name);
	CHECK(p == NULL || getgrgid(gid) == NULL || found, "by their names");
	surroundings_free(s);
}

/* Whatever groups with members this machine has. */
static void members(void **state)
{
	const struct group *g;
	char group[64] = "", member[64] = "";

	(void)state;
	setgrent();
	while (member[0] == '\0' && (g = getgrent()) != NULL)
		if (g->gr_mem[0] != NULL && strlen(g->gr_name) < sizeof group &&
		    strlen(g->gr_mem[0]) < sizeof member) {
			strcpy(group, g->gr_name);
			strcpy(member, g->gr_mem[0]);
		}
	endgrent();
	const struct passwd *p = member[0] != '\0' ? getpwnam(member) : NULL;
	struct surroundings *few = surroundings_new("no such group");
	struct surroundings *more = p != NULL ? surroundings_new(group) : NULL;

	assert_non_null(few);
	if (p != NULL) {
		struct policy_request q = { 0 };
		bool found = false;
		uid_t uid = p->pw_uid;

		CHECK(has_name(more, uid, member), "a member has a name");
		CHECK(uid == 0 || uid == getuid() || !has_name(few, uid, member),
		      "and is a stranger elsewhere");
		surroundings_fill(more, uid, FRIDAY_MS, &q);
		for (size_t i = 0; i < q.groups.n; i++)
			found = found || span_is(q.groups.items[i], group);
		CHECK(found, "and is in that group");
	}
	surroundings_free(few);
	surroundings_free(more);
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
		struct surroundings *s = surroundings_new(NULL);
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
	struct surroundings *s = surroundings_new(NULL);
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
		cmocka_unit_test(own),
		cmocka_unit_test(members),
		cmocka_unit_test(times),
		cmocka_unit_test(device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
