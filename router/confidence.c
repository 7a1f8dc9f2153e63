/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window that is not full yet says nothing, unless the answer ends before: "Oslo." is judged
 * by its two tokens. The mean of logarithms is the logarithm of the geometric mean; the sum is
 * taken anew each time, so that no rounding gathers.
 *
 * Invariant: `lowest` only falls, and not any more once `settled`.
 */
#include "router/confidence.h"

#include <math.h>

#define LOGPROB_LEAST (-100.0) /* below this no float has a probability left */

static void judge(struct confidence *c, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (double)c->last[i];
	double now = exp(sum / n);
	if (!c->has_lowest || now < c->lowest)
		c->lowest = now;
	c->has_lowest = true;
}

bool confidence_add(struct confidence *c, double logprob)
{
	if (c->settled)
		return false;
	c->pieces++;
	if (logprob <= 0) { /* false for NAN too */
		c->last[c->seen % CONFIDENCE_WINDOW] =
			(float)(logprob > LOGPROB_LEAST ? logprob : LOGPROB_LEAST);
		c->seen++;
		if (c->seen >= CONFIDENCE_WINDOW)
			judge(c, CONFIDENCE_WINDOW);
	}
	c->settled = c->pieces >= CONFIDENCE_TOKENS;
	return !c->settled;
}

void confidence_end(struct confidence *c)
{
	if (!c->settled && c->seen > 0 && c->seen < CONFIDENCE_WINDOW)
		judge(c, c->seen);
	c->settled = true;
}

bool confidence_lowest(const struct confidence *c, double *ret)
{
	if (c->has_lowest)
		*ret = c->lowest;
	return c->has_lowest;
}
