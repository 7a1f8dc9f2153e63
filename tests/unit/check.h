/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with its prerequisites, and checks that print the row's sentence when they fail. */
#ifndef HITHER_TESTS_UNIT_CHECK_H
#define HITHER_TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CHECK(condition, sentence)                                                             \
	do {                                                                                   \
		if (!(condition))                                                              \
			fail_msg("%s (%s)", (sentence), #condition);                           \
	} while (0)

#endif
