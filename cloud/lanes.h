/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each destination between sends: how many are under way there, and whether
 * it rests because it failed too often. Pure; time comes in. A destination is never tried for
 * the sake of trying: what ends its rest is the next request that a person or policy released.
 *
 *   WORKING --n failures in a row--> RESTING --time--> TRYING --success--> WORKING
 *                                       ^                 |
 *                                       '-----failure-----'
 */
#ifndef HITHER_CLOUD_LANES_H
#define HITHER_CLOUD_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

enum lane_answer {
	LANE_FREE,
	LANE_FULL,  /* as many as it takes are under way */
	LANE_RESTS, /* or one is under way that finds out whether it works again */
};

/* Of one attempt. */
enum lane_news { LANE_WORKED, LANE_FAILED, LANE_UNKNOWN };

struct lane {
	char name[64];
	uint32_t under_way, failures;
	uint64_t rests_until_ms; /* 0: it works */
	bool trying;             /* one is under way after the rest */
};

#define LANES_MAX 256 /* destinations of a policy */
struct lanes {
	struct lane all[LANES_MAX];
	unsigned n;
};

/* The one of this name; made when there is none. NULL: no room, nothing is known then. */
struct lane *lanes_get(struct lanes *l, const char *name);
enum lane_answer lane_ask(const struct lane *l, const struct policy_destination *d,
			  uint64_t now_ms);
/* How long until it may be tried; 0 when it may. */
uint64_t lane_rest_ms(const struct lane *l, uint64_t now_ms);
/* A send begins, or takes up its next attempt. */
void lane_enter(struct lane *l, uint64_t now_ms);
void lane_leave(struct lane *l);
/* What came of an attempt. */
void lane_tell(struct lane *l, const struct policy_destination *d, enum lane_news news,
	       uint64_t now_ms);

#endif
