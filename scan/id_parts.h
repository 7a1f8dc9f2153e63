/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the characters of an identity number. For scan/id_checks*.c only. */
#ifndef HITHER_SCAN_ID_PARTS_H
#define HITHER_SCAN_ID_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/span.h"

static inline unsigned digit(struct span s, size_t i)
{
	return (unsigned)(s.ptr[i] - '0');
}

static inline unsigned number(struct span s, size_t from, size_t n)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + digit(s, from + i);
	return v;
}

static inline bool digits_at(struct span s, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++) {
		if (i >= s.len || s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	}
	return true;
}

/* Sum of digits times weights, given as a string of one weight each ('A' = 10). */
static inline unsigned weighted(struct span s, const char *weights)
{
	unsigned sum = 0;

	for (size_t i = 0; i < s.len && weights[i] != '\0'; i++) {
		unsigned w = weights[i] >= 'A' ? (unsigned)(weights[i] - 'A' + 10)
					       : (unsigned)(weights[i] - '0');

		sum += w * digit(s, i);
	}
	return sum;
}

static inline bool all_same(struct span s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i] != s.ptr[0])
			return false;
	}
	return true;
}

static inline bool day_month_at(struct span s, size_t day, size_t month)
{
	return check_day_month(number(s, day, 2), number(s, month, 2));
}

static inline struct span part(struct span s, size_t from, size_t n)
{
	return (struct span){ s.ptr + from, n };
}

#endif
