/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITHER_COMMON_CLOCK_H
#define HITHER_COMMON_CLOCK_H

#include <stdint.h>

#include "common/err.h"

uint64_t clock_mono_ms(void); /* CLOCK_MONOTONIC: for deadlines */
uint64_t clock_mono_us(void);
uint64_t clock_boot_ms(void); /* CLOCK_BOOTTIME: counts suspend; for what must expire */
int64_t clock_wall_ms(void);  /* CLOCK_REALTIME, Unix epoch: for people and records */
/* The same as the last tick saw it, up to 10 ms ago: cheaper, for what counts seconds. */
int64_t clock_wall_coarse_ms(void);

#define CLOCK_RFC3339_BYTES 25 /* "2026-11-20T04:42:43.123Z" and NUL */

/* RFC 3339 in UTC with milliseconds. `out` holds CLOCK_RFC3339_BYTES. */
void clock_rfc3339(int64_t wall_ms, char *out);

/* Of the Gregorian calendar; `month` is 1 to 12. */
int clock_days_in_month(int year, int month);

/* "2026-11-20T04:42:43Z" (fraction optional, 'Z' only). ERR_SYNTAX when it is anything else. */
MUST_CHECK enum err clock_parse_rfc3339(const char *text, int64_t *ret_wall_ms);

#endif
