/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A countdown that tests set. Not thread-safe: a test arms it in the process it watches.
 * With `onwards` the counter stays at 1 after it has fired, so each later point fails too.
 */
#include "common/fault.h"

unsigned fault_armed;

static bool stay_failed;
static bool fired;

void fault_arm(unsigned n, bool onwards)
{
	fault_armed = n;
	stay_failed = onwards;
	fired = false;
}

bool fault_fired(void)
{
	return fired;
}

bool fault_count_down(void)
{
	if (fault_armed == 0)
		return false;
	if (fault_armed > 1) {
		fault_armed--;
		return false;
	}
	if (!stay_failed)
		fault_armed = 0;
	fired = true;
	return true;
}
