/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy files, keys, signatures and word lists from disk into policy_load(), which decides
 * what takes effect; and the result into a sealed bundle for the roles.
 *
 * crypto_init() must have succeeded before. What must be remembered lies in the state folder,
 * which only this user can write: policy-last-good   the newest bundle without anything wrong
 *   policy-seen.json   {"serials": {KEY: N}, "mandatory": [{"layer", "name"}]}: the highest
 *                      serials, and the mandatory files in effect at the last load
 */
#ifndef HITHER_BOOT_POLICIES_H
#define HITHER_BOOT_POLICIES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "crypto/crypto.h"
#include "policy/policy.h"

struct policies_from {
	const char *lib_dir, *etc_dir, *config_dir; /* above the folders of each layer */
	const char *state_dir; /* NULL: nothing is remembered or written (--check) */
};

struct policies_bundle {
	struct policy_set *set; /* the owner's reference */
	int fd;                 /* sealed memfd; the owner's; -1: what was in force stays */
	uint64_t generation;
	enum policy_state state;
	int64_t not_after_ms; /* the first file to expire; INT64_MAX: none, or lockdown already
			       */
	struct crypto_sha256 digest; /* of the bundle, generation included */
};

/*
 * `in_force` NULL: as at the start of the daemon. `problems` gets one line per thing that is
 * wrong, for people. ERR_NO_MEMORY, ERR_SYSTEM (no memory file): *ret is untouched.
 */
MUST_CHECK enum err policies_load(const struct policies_from *from,
				  const struct policies_bundle *in_force, uint64_t generation,
				  struct policies_bundle *ret, struct buf *problems);

/* The folder of `layer`, in `out` of PATH_MAX bytes. */
void policies_folder(const struct policies_from *from, enum policy_layer layer, char *out);

#endif
