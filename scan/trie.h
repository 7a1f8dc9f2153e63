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

/* Whether anything can start with these three bytes (0 at the end); cheap. */
bool trie_may_start(const struct trie *t, unsigned char first, unsigned char second,
		    unsigned char third);

/* All literals that start at `at`, shortest first; at most TRIE_MATCHES. */
size_t trie_match(const struct trie *t, struct span text, size_t at,
		  struct trie_match out[TRIE_MATCHES]);

#endif
