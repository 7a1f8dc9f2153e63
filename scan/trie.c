/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes are rows of a table with one column per byte class; bytes that occur in no literal
 * share class 0, which leads nowhere. Node 0 is the root. A bitmap over the first three
 * bytes turns most words away before the first row is touched.
 */
#include "scan/trie.h"

#include <stdlib.h>
#include <string.h>

#include "common/fault.h"

#define STARTS 65536 /* bits for the hashes of the first three bytes */

struct output {
	uint32_t value;
	uint32_t next; /* index + 1; 0: last */
};

struct trie {
	uint8_t class_of[256];
	unsigned classes;
	uint16_t *rows; /* nodes * classes */
	uint32_t *first_output;
	size_t nodes, nodes_cap;
	struct output *outputs;
	size_t outputs_len;
	uint8_t starts[STARTS / 8];
};

static unsigned char fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static void assign_classes(struct trie *t, const struct trie_literal *l, size_t count)
{
	t->classes = 1;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < l[i].text.len; k++) {
			unsigned char c = fold((unsigned char)l[i].text.ptr[k]);

			if (t->class_of[c] == 0)
				t->class_of[c] = (uint8_t)t->classes++;
		}
	}
	for (int c = 'A'; c <= 'Z'; c++)
		t->class_of[c] = t->class_of[c + 32];
}

/* Alike for upper and lower case; other bytes may share a value, which costs a look. */
static unsigned start_of(unsigned char first, unsigned char second, unsigned char third)
{
	return ((first | 0x20u) * 2477u ^ (second | 0x20u) * 211u ^ (third | 0x20u)) % STARTS;
}

static void mark_start(struct trie *t, struct span literal)
{
	if (literal.len < 2) {
		memset(t->starts, 0xff, sizeof t->starts);
		return;
	}
	for (unsigned any = 0; any < (literal.len > 2 ? 1u : 256u); any++) {
		unsigned char third =
			literal.len > 2 ? (unsigned char)literal.ptr[2] : (unsigned char)any;
		unsigned bit = start_of((unsigned char)literal.ptr[0],
					(unsigned char)literal.ptr[1], third);

		t->starts[bit / 8] |= (uint8_t)(1u << (bit % 8));
	}
}

static void insert(struct trie *t, struct span literal, uint32_t value)
{
	size_t node = 0;

	for (size_t i = 0; i < literal.len; i++) {
		uint16_t *next = &t->rows[node * t->classes +
					  t->class_of[(unsigned char)literal.ptr[i]]];

		if (*next == 0)
			*next = (uint16_t)t->nodes++;
		node = *next;
	}
	t->outputs[t->outputs_len] = (struct output){ value, t->first_output[node] };
	t->first_output[node] = (uint32_t)++t->outputs_len;
	mark_start(t, literal);
}

struct trie *trie_new(const struct trie_literal *literals, size_t count)
{
	size_t bytes = 1;
	struct trie *t = fault_here() ? NULL : calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		bytes += literals[i].text.len;
	assign_classes(t, literals, count);
	t->nodes_cap = bytes;
	t->rows = bytes < UINT16_MAX ? calloc(bytes, t->classes * sizeof *t->rows) : NULL;
	t->first_output = calloc(bytes, sizeof *t->first_output);
	t->outputs = calloc(count + 1, sizeof *t->outputs);
	if (t->rows == NULL || t->first_output == NULL || t->outputs == NULL) {
		trie_free(t);
		return NULL;
	}
	t->nodes = 1;
	for (size_t i = 0; i < count; i++) {
		if (literals[i].text.len > 0)
			insert(t, literals[i].text, literals[i].value);
	}
	/* Prefixes are shared, so most of what was reserved stays unused: give it back. */
	uint16_t *rows = realloc(t->rows, t->nodes * t->classes * sizeof *rows);
	if (rows != NULL)
		t->rows = rows;
	return t;
}

void trie_free(struct trie *t)
{
	if (t == NULL)
		return;
	free(t->rows);
	free(t->first_output);
	free(t->outputs);
	free(t);
}

bool trie_may_start(const struct trie *t, unsigned char first, unsigned char second,
		    unsigned char third)
{
	unsigned bit = start_of(first, second, third);

	return (t->starts[bit / 8] >> (bit % 8) & 1) != 0;
}

size_t trie_match(const struct trie *t, struct span text, size_t at,
		  struct trie_match out[TRIE_MATCHES])
{
	size_t node = 0, count = 0;

	while (at < text.len) {
		node = t->rows[node * t->classes + t->class_of[(unsigned char)text.ptr[at++]]];
		if (node == 0)
			break;
		for (uint32_t o = t->first_output[node]; o != 0 && count < TRIE_MATCHES;
		     o = t->outputs[o - 1].next)
			out[count++] = (struct trie_match){ at, t->outputs[o - 1].value };
	}
	return count;
}
