/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/lanes.h"

#include <stdio.h>
#include <string.h>

struct lane *lanes_get(struct lanes *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->all[i].name, name) == 0)
			return &l->all[i];
	if (l->n == LANES_MAX) { /* names of older policies: those that nobody uses go */
		for (unsigned i = 0; i < l->n; i++) {
			if (l->all[i].under_way > 0)
				continue;
			l->all[i] = (struct lane){ .under_way = 0 };
			snprintf(l->all[i].name, sizeof l->all[i].name, "%s", name);
			return &l->all[i];
		}
		return NULL;
	}
	struct lane *fresh = &l->all[l->n++];
	*fresh = (struct lane){ .under_way = 0 };
	snprintf(fresh->name, sizeof fresh->name, "%s", name);
	return fresh;
}

uint64_t lane_rest_ms(const struct lane *l, uint64_t now_ms)
{
	return l->rests_until_ms > now_ms ? l->rests_until_ms - now_ms : 0;
}

enum lane_answer lane_ask(const struct lane *l, const struct policy_destination *d,
			  uint64_t now_ms)
{
	if (d->breaker_failures > 0 && l->rests_until_ms > 0 &&
	    (l->trying || lane_rest_ms(l, now_ms) > 0))
		return LANE_RESTS;
	return d->concurrent > 0 && l->under_way >= d->concurrent ? LANE_FULL : LANE_FREE;
}

void lane_enter(struct lane *l, uint64_t now_ms)
{
	l->under_way++;
	l->trying = l->trying || (l->rests_until_ms > 0 && lane_rest_ms(l, now_ms) == 0);
}

void lane_leave(struct lane *l)
{
	if (l->under_way > 0)
		l->under_way--;
	if (l->under_way == 0)
		l->trying = false; /* it ended without finding out */
}

void lane_tell(struct lane *l, const struct policy_destination *d, enum lane_news news,
	       uint64_t now_ms)
{
	if (news == LANE_UNKNOWN)
		return;
	if (news == LANE_WORKED) {
		l->failures = 0;
		l->rests_until_ms = 0;
	} else if (d->breaker_failures > 0 &&
		   (++l->failures >= d->breaker_failures || l->trying)) {
		l->rests_until_ms = now_ms + d->breaker_open_ms;
	}
	l->trying = false;
}
