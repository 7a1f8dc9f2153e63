/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest head of the ledger that this role has seen, in a file of its own, so that a
 * ledger whose tail was cut or that was replaced by an older copy is found out.
 *
 * File: STATE/witness/head, "SEQ HEX\n".
 */
#ifndef HITHER_CLOUD_WITNESS_H
#define HITHER_CLOUD_WITNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/err.h"

#define WITNESS_HASH_BYTES 32

struct witness;

/* Reads what is there; a missing file is the beginning, a damaged one counts as missing and
 * is logged. NULL when memory is out. */
struct witness *witness_new(const char *state_dir);
/* Waits for a write in progress and writes what is left. NULL is fine. */
void witness_free(struct witness *w);

/* seq 0: none. */
void witness_known(const struct witness *w, uint64_t *ret_seq,
		   uint8_t ret_hash[WITNESS_HASH_BYTES]);

/*
 * Takes note of a newer head; it is on disk soon after: at once (on libuv's thread pool) after
 * a pause, else within a tenth of a second, the newest one only. ERR_MISMATCH when it is older
 * than the known one, or another one with the same number, and the file is still there: whoever
 * accepts the loss removes the file.
 */
MUST_CHECK enum err witness_note(struct witness *w, uv_loop_t *loop, uint64_t seq,
				 const uint8_t hash[WITNESS_HASH_BYTES]);

#endif
