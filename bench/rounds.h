/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs share that time steps in rounds: a clock, an order that differs from round to
 * round, the middle of what was seen.
 */
#ifndef HITHER_BENCH_ROUNDS_H
#define HITHER_BENCH_ROUNDS_H

#include <stdlib.h>
#include <time.h>

static inline double rounds_now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline int rounds_ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline void rounds_sort(double *values, size_t n)
{
	qsort(values, n, sizeof *values, rounds_ascending);
}

/* Of 0 to n - 1; srand() chooses which. */
static inline void rounds_shuffle(size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n - 1; i > 0; i--) {
		size_t k = (size_t)rand() % (i + 1), kept = order[i];

		order[i] = order[k];
		order[k] = kept;
	}
}

#endif
