/* SPDX-License-Identifier: Apache-2.0 */
/* Two rounds for each word of the input, four at the end; names as in the paper. */
#include "common/siphash.h"

#include <endian.h>

static uint64_t rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

/* `n` bytes, at most 8, the first the lowest. */
static uint64_t word_at(const uint8_t *p, size_t n)
{
	uint64_t w = 0;

	if (n > 0)
		memcpy(&w, p, n);
	return le64toh(w);
}

static void rounds(uint64_t v[4], int n)
{
	for (; n > 0; n--) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static void take(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

struct siphash siphash(const struct siphash_key *key, struct span bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;
	uint64_t k0 = word_at(key->bytes, 8), k1 = word_at(key->bytes + 8, 8);
	uint64_t v[4] = { 0x736f6d6570736575 ^ k0, 0x646f72616e646f6d ^ k1 ^ 0xee,
			  0x6c7967656e657261 ^ k0, 0x7465646279746573 ^ k1 };
	size_t whole = bytes.len / 8 * 8;
	struct siphash ret;

	for (size_t i = 0; i < whole; i += 8)
		take(v, word_at(p + i, 8));
	take(v, word_at(p + whole, bytes.len - whole) | (uint64_t)bytes.len << 56);
	v[2] ^= 0xee;
	rounds(v, 4);
	ret.half[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	rounds(v, 4);
	ret.half[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
	return ret;
}
