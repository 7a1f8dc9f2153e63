/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the shell that a test needs to have succeeded. After cmocka. */
#ifndef HITHER_TESTS_UNIT_SHELL_H
#define HITHER_TESTS_UNIT_SHELL_H

#include <stdio.h>
#include <stdlib.h>

static inline void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void shell(const char *format, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof line || system(line) != 0)
		fail_msg("failed: %s", line);
}

#endif
