/* SPDX-License-Identifier: Apache-2.0 */
/* The map behind masking and restoring. For scan/ only. */
#ifndef HITHER_SCAN_MAP_H
#define HITHER_SCAN_MAP_H

#include "scan/scan.h"

/*
 * The placeholder for `value`, new or known; valid until the map is freed. `name` is the word
 * in it. A new number is not used when its placeholder occurs in `avoid`. The empty span:
 * the map is full or memory is out.
 */
struct span scan_map_placeholder(struct scan_map *m, const char *name, struct span value,
				 struct span avoid);

/* What a placeholder stands for; ptr NULL when the map does not know it. */
struct span scan_map_value(const struct scan_map *m, struct span placeholder);

/* The placeholder of the longest value that `text` begins with, of at least
 * SCAN_KNOWN_MIN_BYTES, and that value's length. The empty span: none. */
struct span scan_map_known(const struct scan_map *m, struct span text, size_t *ret_len);

/* The word in a category's placeholder. */
const char *mask_placeholder_name(const struct scanner *s, unsigned category);

#endif
