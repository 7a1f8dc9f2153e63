/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault points for tests. fault_here() is true when the armed countdown reaches this call;
 * allocation and write paths ask it. Costs one load and a branch when not armed.
 */
#ifndef HITHER_COMMON_FAULT_H
#define HITHER_COMMON_FAULT_H

#include <stdbool.h>

extern unsigned fault_armed; /* 0: off */

/* Fail the n-th point from now; with `onwards` that one and all after it. n = 0 disarms. */
void fault_arm(unsigned n, bool onwards);
bool fault_fired(void); /* since the last fault_arm() */
bool fault_count_down(void);

static inline bool fault_here(void)
{
	return __builtin_expect(fault_armed != 0, 0) && fault_count_down();
}

#endif
