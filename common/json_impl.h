/* SPDX-License-Identifier: Apache-2.0 */
/* What the JSON files share: escapes (RFC 8259 section 7). */
#ifndef HITHER_COMMON_JSON_IMPL_H
#define HITHER_COMMON_JSON_IMPL_H

#include <stddef.h>

/*
 * Takes one character or escape from *p (before `end`, not the closing quote) and puts its
 * UTF-8 into `out`. Returns the number of bytes put, 1 to 4; 0 when the escape is malformed
 * or names half of a surrogate pair, with *p untouched.
 */
size_t json_unescape(const char **p, const char *end, char out[4]);

#endif
