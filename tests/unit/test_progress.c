/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is told about a long step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/progress.h"

static const struct {
	const char *name;
	uint64_t total, start, bytes, elapsed_ms;
	bool terminal;
	const char *want;
} rows[] = {
	{ "the first line has no rate", 1000000, 0, 0, 0, false,
	  "m    0%  0.0 / 1.0 MB  0.0 MB/s" },
	{ "half way", 2000000, 0, 1000000, 1000, false,
	  "m   50%  1.0 / 2.0 MB  1.0 MB/s  0:02 left" },
	{ "bytes of an earlier run are no rate", 4000000, 2000000, 3000000, 1000, false,
	  "m   75%  3.0 / 4.0 MB  1.0 MB/s  0:02 left" },
	{ "the end has nothing left", 1000000, 0, 1000000, 500, false,
	  "m  100%  1.0 / 1.0 MB  2.0 MB/s" },
	{ "an hour is minutes", 7200000000, 0, 2000000, 1000, false,
	  "m    0%  2.0 / 7200.0 MB  2.0 MB/s  60:00 left" },
	{ "a stall promises nothing", 1000000, 0, 0, 5000, false,
	  "m    0%  0.0 / 1.0 MB  0.0 MB/s" },
	{ "an unknown total", 0, 0, 3000000, 1000, false, "m  3.0 MB  3.0 MB/s" },
	{ "a terminal gets a bar", 1000000, 0, 500000, 0, true,
	  "m  ############............  50%  0.5 / 1.0 MB  0.0 MB/s" },
};

static void each_state_has_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct progress p = { .label = "m",
				      .total = rows[i].total,
				      .start_bytes = rows[i].start,
				      .bytes = rows[i].bytes,
				      .terminal = rows[i].terminal };
		char line[PROGRESS_LINE_BYTES];

		progress_line(&p, rows[i].elapsed_ms, line);
		if (strcmp(line, rows[i].want) != 0)
			fail_msg("%s: \"%s\"", rows[i].name, line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_state_has_its_line) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
