/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of placeholders: '[', 2 to 24 of [A-Z0-9_], '-', 1 to 6 digits, ']'. For scan/
 * only. */
#ifndef HITHER_SCAN_PLACEHOLDER_H
#define HITHER_SCAN_PLACEHOLDER_H

#include "common/span.h"

#define PLACEHOLDER_NAME_MAX 24
#define PLACEHOLDER_MAX      33 /* the whole of it */

/* Length of the placeholder that starts at `at`; 0: none. */
size_t placeholder_at(struct span text, size_t at);

/* Whether more bytes could make what starts at `at`, and runs to the end, a placeholder. */
bool placeholder_may_start(struct span text, size_t at);

/* Whether one shares a byte with [start, end). */
bool placeholder_touches(struct span text, size_t start, size_t end);

#endif
