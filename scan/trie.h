/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many literals at once, ASCII case folded. Literals are looked for where words start, so a
 * plain trie does: no failure links, and the work is at most the longest literal per word.
 */
#ifndef HITHER_SCAN_TRIE_H
#define HITHER_SCAN_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/span.h"

struct trie;

struct trie_literal {
	struct span text;
	uint32_t value;
};

/* Keeps nothing of `literals`. NULL when memory is out. Empty literals are ignored. */
struct trie *trie_new(const struct trie_literal *literals, size_t count);
void trie_free(struct trie *t);

#define TRIE_MATCHES 16

struct trie_match {
	size_t end;
	uint32_t value;
};

#define TRIE_START_BITS 16

/* One bit for each hash of first bytes: of literals of four bytes and more, and of shorter. */
struct trie_starts {
	uint8_t four[(1 << TRIE_START_BITS) / 8], three[(1 << TRIE_START_BITS) / 8];
};

const struct trie_starts *trie_starts(const struct trie *t);

/* Alike for upper and lower case; other bytes may share a value, which costs a look. */
static inline unsigned trie_start_of(uint32_t bytes)
{
	return (bytes | 0x20202020u) * 2654435761u >> (32 - TRIE_START_BITS);
}

/* Whether anything can start with these four bytes, the first one lowest (0 behind the end). */
static inline bool trie_may_start(const struct trie_starts *s, uint32_t bytes)
{
	unsigned four = trie_start_of(bytes), three = trie_start_of(bytes & 0xffffff);

	return ((s->four[four / 8] >> (four % 8) | s->three[three / 8] >> (three % 8)) & 1) !=
	       0;
}

/* All literals that start at `at`, shortest first; at most TRIE_MATCHES. */
size_t trie_match(const struct trie *t, struct span text, size_t at,
		  struct trie_match out[TRIE_MATCHES]);

#endif
