/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes are linked as first child and next sibling, eight bytes each: most have one child, and
 * a table with a column for each byte would be mostly empty and mostly out of the cache. The
 * root alone has such a table. Bitmaps over the first four bytes turn most words away before
 * the first node is touched.
 */
#include "scan/trie.h"

#include <stdlib.h>
#include <string.h>

#include "common/fault.h"

struct output {
	uint32_t value;
	uint32_t next; /* index + 1; 0: last */
};

struct node {
	uint16_t child, sibling; /* 0: none; child: of nodes without a row */
	uint16_t first_output;   /* index + 1; 0: no literal ends here */
	uint8_t byte;            /* folded; of the way from the parent */
};

struct trie {
	struct node *nodes; /* [0] is the root, [1] to [rows_len - 1] its children */
	size_t nodes_len;
	uint16_t (*rows)[256]; /* children of the first nodes, by folded byte; 0: none */
	size_t rows_len;
	struct output *outputs;
	size_t outputs_len;
	struct trie_starts starts;
};

static unsigned char fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static void mark(uint8_t *bits, unsigned bit)
{
	bits[bit / 8] |= (uint8_t)(1u << (bit % 8));
}

static void mark_start(struct trie *t, struct span literal)
{
	uint32_t bytes = 0;

	if (literal.len < 2) {
		memset(&t->starts, 0xff, sizeof t->starts);
		return;
	}
	for (size_t i = 0; i < 4 && i < literal.len; i++)
		bytes |= (uint32_t)(unsigned char)literal.ptr[i] << (8 * i);
	if (literal.len > 3) {
		mark(t->starts.four, trie_start_of(bytes));
		return;
	}
	for (uint32_t any = 0; any < (literal.len > 2 ? 1u : 256u); any++)
		mark(t->starts.three, trie_start_of(bytes | any << 16));
}

static size_t step(const struct trie *t, size_t node, unsigned char byte)
{
	if (node < t->rows_len)
		return t->rows[node][byte];
	size_t child = t->nodes[node].child;

	while (child != 0 && t->nodes[child].byte != byte)
		child = t->nodes[child].sibling;
	return child;
}

static size_t grow(struct trie *t, size_t node, unsigned char byte)
{
	size_t made = t->nodes_len++;

	t->nodes[made].byte = byte;
	if (node < t->rows_len) {
		t->rows[node][byte] = (uint16_t)made;
	} else {
		t->nodes[made].sibling = t->nodes[node].child;
		t->nodes[node].child = (uint16_t)made;
	}
	return made;
}

/* The root's children come first, so that a node's number tells whether it has a row. */
static bool make_rows(struct trie *t, const struct trie_literal *l, size_t count)
{
	bool first[256] = { false };

	t->rows_len = 1;
	for (size_t i = 0; i < count; i++) {
		bool *seen = l[i].text.len > 0 ? &first[fold((unsigned char)l[i].text.ptr[0])]
					       : NULL;
		t->rows_len += seen != NULL && !*seen ? 1 : 0;
		if (seen != NULL)
			*seen = true;
	}
	t->rows = calloc(t->rows_len, sizeof *t->rows);
	t->nodes_len = 1;
	for (unsigned byte = 0; t->rows != NULL && byte < 256; byte++) {
		if (first[byte])
			grow(t, 0, (unsigned char)byte);
	}
	return t->rows != NULL;
}

static void insert(struct trie *t, struct span literal, uint32_t value)
{
	size_t node = 0;

	for (size_t i = 0; i < literal.len; i++) {
		unsigned char byte = fold((unsigned char)literal.ptr[i]);
		size_t next = step(t, node, byte);

		node = next != 0 ? next : grow(t, node, byte);
	}
	t->outputs[t->outputs_len] = (struct output){ value, t->nodes[node].first_output };
	t->nodes[node].first_output = (uint16_t)++t->outputs_len;
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
	if (bytes < UINT16_MAX && count < UINT16_MAX) {
		t->nodes = calloc(bytes, sizeof *t->nodes);
		t->outputs = calloc(count + 1, sizeof *t->outputs);
	}
	if (t->nodes == NULL || t->outputs == NULL || !make_rows(t, literals, count)) {
		trie_free(t);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (literals[i].text.len > 0)
			insert(t, literals[i].text, literals[i].value);
	}
	/* Prefixes are shared, so much of what was reserved stays unused: give it back. */
	struct node *nodes = realloc(t->nodes, t->nodes_len * sizeof *nodes);
	if (nodes != NULL)
		t->nodes = nodes;
	return t;
}

void trie_free(struct trie *t)
{
	if (t == NULL)
		return;
	free(t->nodes);
	free(t->rows);
	free(t->outputs);
	free(t);
}

const struct trie_starts *trie_starts(const struct trie *t)
{
	return &t->starts;
}

size_t trie_match(const struct trie *t, struct span text, size_t at,
		  struct trie_match out[TRIE_MATCHES])
{
	size_t node = 0, count = 0;

	while (at < text.len) {
		node = step(t, node, fold((unsigned char)text.ptr[at++]));
		if (node == 0)
			break;
		for (uint32_t o = t->nodes[node].first_output; o != 0 && count < TRIE_MATCHES;
		     o = t->outputs[o - 1].next)
			out[count++] = (struct trie_match){ at, t->outputs[o - 1].value };
	}
	return count;
}
