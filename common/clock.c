/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks of clock_gettime(2), and RFC 3339 in UTC by arithmetic: no time zone data, no
 * locale. The calendar is the proleptic Gregorian one for years 0000 to 9999.
 */
#include "common/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#define MS_PER_DAY     INT64_C(86400000)
#define EPOCH_DAYS     INT64_C(719468) /* 0000-03-01 to 1970-01-01 */
#define DAYS_PER_ERA   INT64_C(146097) /* 400 years */
#define YEAR_0000_DAYS INT64_C(-719528)
#define YEAR_9999_DAYS INT64_C(2932896) /* 9999-12-31 */

static uint64_t now_us(clockid_t id)
{
	struct timespec t = { 0, 0 };

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t clock_mono_ms(void)
{
	return now_us(CLOCK_MONOTONIC) / 1000u;
}

uint64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

uint64_t clock_boot_ms(void)
{
	return now_us(CLOCK_BOOTTIME) / 1000u;
}

int64_t clock_wall_ms(void)
{
	return (int64_t)(now_us(CLOCK_REALTIME) / 1000u);
}

int64_t clock_wall_coarse_ms(void)
{
	return (int64_t)(now_us(CLOCK_REALTIME_COARSE) / 1000u);
}

/* Days since 1970-01-01; the year is counted from March so that the leap day comes last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t month_from_march = month > 2 ? month - 3 : month + 9;
	int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
	int64_t day_of_era =
		year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * DAYS_PER_ERA + day_of_era - EPOCH_DAYS;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + EPOCH_DAYS;
	int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	int64_t doe = z - era * DAYS_PER_ERA;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t from_march = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * from_march + 2) / 5 + 1);
	*month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2 ? 1 : 0));
}

void clock_rfc3339(int64_t wall_ms, char *out)
{
	int64_t days = wall_ms / MS_PER_DAY, ms = wall_ms % MS_PER_DAY;

	if (ms < 0) {
		ms += MS_PER_DAY;
		days--;
	}
	if (days < YEAR_0000_DAYS) {
		days = YEAR_0000_DAYS;
		ms = 0;
	} else if (days > YEAR_9999_DAYS) {
		days = YEAR_9999_DAYS;
		ms = MS_PER_DAY - 1;
	}

	int year, month, day;
	date_of(days, &year, &month, &day);
	char text[80]; /* room for what the compiler thinks ints could hold */
	snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
		 (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
		 (int)(ms % 1000));
	snprintf(out, CLOCK_RFC3339_BYTES, "%.24s", text);
}

/* Exactly `n` digits; -1 otherwise. */
static int digits(const char *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

int clock_days_in_month(int year, int month)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : lengths[month - 1];
}

/* The optional ".123" after the seconds; digits beyond milliseconds are dropped. */
static const char *parse_fraction(const char *p, int *ret_ms)
{
	int scale = 100;

	*ret_ms = 0;
	if (*p != '.')
		return p;
	p++;
	if (*p < '0' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++) {
		*ret_ms += (*p - '0') * scale;
		scale /= 10;
	}
	return p;
}

enum err clock_parse_rfc3339(const char *text, int64_t *ret_wall_ms)
{
	static const char shape[] = "0000-00-00T00:00:00";

	for (size_t i = 0; i < sizeof shape - 1; i++) {
		if (shape[i] != '0' ? text[i] != shape[i] : text[i] < '0' || text[i] > '9')
			return ERR_SYNTAX;
	}
	int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
	int hour = digits(text + 11, 2), minute = digits(text + 14, 2),
	    second = digits(text + 17, 2);
	int ms;
	const char *end = parse_fraction(text + sizeof shape - 1, &ms);

	if (end == NULL || end[0] != 'Z' || end[1] != '\0')
		return ERR_SYNTAX;
	if (month < 1 || month > 12 || day < 1 || day > clock_days_in_month(year, month))
		return ERR_SYNTAX;
	if (hour > 23 || minute > 59 || second > 59)
		return ERR_SYNTAX;

	*ret_wall_ms = days_of(year, month, day) * MS_PER_DAY + hour * INT64_C(3600000) +
		       minute * INT64_C(60000) + second * INT64_C(1000) + ms;
	return ERR_OK;
}
