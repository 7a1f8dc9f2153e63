/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 both ways, against the C library's calendar. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <time.h>

#include "common/clock.h"
#include "common/span.h"

static void writes_known_times(void **state)
{
	static const struct {
		int64_t ms;
		const char *want;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 1795149763123, "2026-11-20T04:42:43.123Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ 253402300800000, "9999-12-31T23:59:59.999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000Z" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char out[CLOCK_RFC3339_BYTES];

		clock_rfc3339(rows[i].ms, out);
		assert_string_equal(out, rows[i].want);
	}
}

static void round_trips(void **state)
{
	(void)state;
	/* A stride of about 11 days and an odd number of milliseconds, over 2000 years. */
	for (int64_t ms = -INT64_C(40000000000000); ms < INT64_C(40000000000000);
	     ms += INT64_C(950400137)) {
		char out[CLOCK_RFC3339_BYTES], libc[80];
		int64_t back = 0;
		time_t seconds = (time_t)(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
		struct tm tm;

		clock_rfc3339(ms, out);
		CHECK(clock_parse_rfc3339(out, &back) == ERR_OK, out);
		CHECK(back == ms, out);
		gmtime_r(&seconds, &tm);
		/* strftime(3) does not pad the years before 1000. */
		snprintf(libc, sizeof libc, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
			 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		CHECK(strncmp(out, libc, 19) == 0, out);
	}
}

static void parses_variants(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "1970-01-01T00:00:01Z", 1000 },
		{ "1970-01-01T00:00:01.5Z", 1500 },
		{ "1970-01-01T00:00:01.05Z", 1050 },
		{ "1970-01-01T00:00:01.123456Z", 1123 },
		{ "2024-02-29T00:00:00Z", 1709164800000 },
	};
	static const char *const bad[] = {
		"",
		"1970-01-01",
		"1970-01-01 00:00:00Z",
		"1970-01-01T00:00:00",
		"1970-01-01T00:00:00z",
		"1970-01-01T00:00:00+00:00",
		"1970-01-01T00:00:00.Z",
		"1970-01-01T00:00:00Z ",
		"1970-01-01T24:00:00Z",
		"1970-01-01T00:60:00Z",
		"1970-01-01T00:00:60Z",
		"1970-00-01T00:00:00Z",
		"1970-13-01T00:00:00Z",
		"1970-04-31T00:00:00Z",
		"2023-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"70-01-01T00:00:00Z",
		"1970-1-01T00:00:00Z",
		"+970-01-01T00:00:00Z",
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		CHECK(clock_parse_rfc3339(good[i].text, &ms) == ERR_OK, good[i].text);
		CHECK(ms == good[i].ms, good[i].text);
	}
	for (size_t i = 0; i < LEN(bad); i++)
		CHECK(clock_parse_rfc3339(bad[i], &ms) == ERR_SYNTAX, bad[i]);
}

static void clocks_run_forward(void **state)
{
	(void)state;
	uint64_t us = clock_mono_us(), ms = clock_mono_ms(), boot = clock_boot_ms();

	assert_true(clock_mono_us() >= us);
	assert_true(clock_mono_ms() >= ms);
	assert_true(clock_boot_ms() >= boot);
	assert_true(clock_wall_ms() > INT64_C(1600000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_known_times),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(parses_variants),
		cmocka_unit_test(clocks_run_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
