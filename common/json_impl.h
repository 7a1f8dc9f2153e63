/* SPDX-License-Identifier: Apache-2.0 */
/* What the JSON files share: escapes (RFC 8259 section 7), duplicate keys, the gate itself. */
#ifndef HITHER_COMMON_JSON_IMPL_H
#define HITHER_COMMON_JSON_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"
#include "common/span.h"

#define JSON_DEPTH_CAP 256 /* of containers, whatever the limits say */

/*
 * Takes one character or escape from *p (before `end`, not the closing quote) and puts its
 * UTF-8 into `out`. Returns the number of bytes put, 1 to 4; 0 when the escape is malformed
 * or names half of a surrogate pair, with *p untouched.
 */
size_t json_unescape(const char **p, const char *end, char out[4]);

/* Past the run of printable ASCII without quote and backslash that starts at p. */
const char *json_skip_plain(const char *p, const char *end);

struct json_key {
	uint64_t head;   /* first 8 bytes, folded, zero-padded */
	const char *ptr; /* unescaped bytes */
	const char *at;  /* opening quote in the text */
	uint32_t len;
};

/* The keys of all open objects. Large and partly left uninitialised: keep it on the stack. */
struct json_keys {
	struct json_key *all; /* `inlined` or allocated */
	size_t len, cap;
	char *scratch; /* NULL until a key has an escape */
	size_t scratch_len, scratch_cap;
	struct json_key inlined[48];
};

/* `text_bytes`: length of the text that the keys come from. */
void json_keys_init(struct json_keys *k, size_t text_bytes);
void json_keys_free(struct json_keys *k);

/*
 * Adds a key to the object whose first key is number `first`. `raw` stands between quotes,
 * its escapes are sound, `saved` is how many bytes they lose (0: there are none).
 * ERR_EXISTS with the earlier key in *ret_twin, ERR_NO_MEMORY.
 */
MUST_CHECK enum err json_keys_add(struct json_keys *k, size_t first, struct span raw,
				  size_t saved, const struct json_key **ret_twin);

/* Drops the object's keys. False when two are the same; they stay readable until the next add.
 */
bool json_keys_close(struct json_keys *k, size_t first, const struct json_key **ret_first,
		     const struct json_key **ret_second);

#endif
