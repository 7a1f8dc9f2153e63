/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", 2012, and its reference implementation for the longer output): a keyed digest for
 * tables in memory. Without the key nobody can find two inputs that meet, nor test a guess of
 * what was digested. For what is stored or sent use crypto/.
 */
#ifndef HITHER_COMMON_SIPHASH_H
#define HITHER_COMMON_SIPHASH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/span.h"

struct siphash_key {
	uint8_t bytes[16];
};

struct siphash {
	uint64_t half[2];
};

/* Any bytes, any length. The same on every machine. */
struct siphash siphash(const struct siphash_key *key, struct span bytes);

static inline bool siphash_equal(struct siphash a, struct siphash b)
{
	return a.half[0] == b.half[0] && a.half[1] == b.half[1];
}

#endif
