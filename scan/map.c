/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values and their placeholders: an array of entries in the order they came, and two open
 * addressing tables over it, one by name and value, one by placeholder. Tables are sized
 * for max_entries at twice the room, so they never grow and a search always ends. Chains by the
 * first bytes of the values find those that a text repeats.
 */
#include "scan/map.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/fault.h"
#include "scan/placeholder.h"

struct entry {
	const char *name; /* static or the scanner's: compared by content */
	struct span value;
	char placeholder[PLACEHOLDER_MAX + 1];
	uint32_t number;
	uint32_t next; /* index + 1 in the chain of its first bytes; 0: the last */
};

#define CHAINS 1024 /* a power of two */

struct scan_map {
	struct entry *entries;
	size_t count, max;
	uint32_t *by_value, *by_placeholder; /* index + 1; 0: free */
	size_t slots;                        /* a power of two */
	uint32_t chains[CHAINS];             /* index + 1 of the newest; 0: none */
};

static uint64_t hash_bytes(uint64_t h, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return h ^ h >> 29;
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

static size_t chain_of(struct span text)
{
	return hash_bytes(HASH_START, (struct span){ text.ptr, SCAN_KNOWN_MIN_BYTES }) &
	       (CHAINS - 1);
}

struct scan_map *scan_map_new(size_t max_entries)
{
	struct scan_map *m = fault_here() ? NULL : calloc(1, sizeof *m);

	if (m == NULL || max_entries > UINT32_MAX / 4) {
		free(m);
		return NULL;
	}
	m->max = max_entries;
	for (m->slots = 16; m->slots < 2 * max_entries; m->slots *= 2)
		;
	m->entries = calloc(max_entries > 0 ? max_entries : 1, sizeof *m->entries);
	m->by_value = calloc(m->slots, sizeof *m->by_value);
	m->by_placeholder = calloc(m->slots, sizeof *m->by_placeholder);
	if (m->entries == NULL || m->by_value == NULL || m->by_placeholder == NULL) {
		scan_map_free(m);
		return NULL;
	}
	return m;
}

void scan_map_free(struct scan_map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; m->entries != NULL && i < m->count; i++) {
		explicit_bzero((void *)(uintptr_t)m->entries[i].value.ptr,
			       m->entries[i].value.len);
		free((void *)(uintptr_t)m->entries[i].value.ptr);
	}
	free(m->entries);
	free(m->by_value);
	free(m->by_placeholder);
	free(m);
}

size_t scan_map_count(const struct scan_map *m)
{
	return m->count;
}

/* The slot of (name, value), or the free slot where it belongs. */
static uint32_t *slot_by_value(const struct scan_map *m, const char *name, struct span value)
{
	size_t at = hash_bytes(hash_bytes(HASH_START, span_of(name)), value) & (m->slots - 1);

	for (;; at = (at + 1) & (m->slots - 1)) {
		uint32_t i = m->by_value[at];

		if (i == 0 || (strcmp(m->entries[i - 1].name, name) == 0 &&
			       span_equal(m->entries[i - 1].value, value)))
			return &m->by_value[at];
	}
}

static uint32_t *slot_by_placeholder(const struct scan_map *m, struct span placeholder)
{
	size_t at = hash_bytes(HASH_START, placeholder) & (m->slots - 1);

	for (;; at = (at + 1) & (m->slots - 1)) {
		uint32_t i = m->by_placeholder[at];

		if (i == 0 || span_is(placeholder, m->entries[i - 1].placeholder))
			return &m->by_placeholder[at];
	}
}

/* One more than the largest number given out for `name`. */
static uint32_t next_number(const struct scan_map *m, const char *name)
{
	for (size_t i = m->count; i-- > 0;) {
		if (strcmp(m->entries[i].name, name) == 0)
			return m->entries[i].number + 1;
	}
	return 1;
}

struct span scan_map_placeholder(struct scan_map *m, const char *name, struct span value,
				 struct span avoid)
{
	uint32_t *slot = slot_by_value(m, name, value);

	if (*slot != 0)
		return span_of(m->entries[*slot - 1].placeholder);
	if (m->count == m->max || value.len == 0)
		return (struct span){ NULL, 0 };

	struct entry e = { .name = name, .number = next_number(m, name) };
	for (;; e.number++) {
		int n = snprintf(e.placeholder, sizeof e.placeholder, "[%.*s-%u]",
				 PLACEHOLDER_NAME_MAX, name, e.number);

		if (e.number > 999999 || n < 0)
			return (struct span){ NULL, 0 };
		if (avoid.len == 0 ||
		    memmem(avoid.ptr, avoid.len, e.placeholder, (size_t)n) == NULL)
			break;
	}
	char *copy = fault_here() ? NULL : malloc(value.len);
	if (copy == NULL)
		return (struct span){ NULL, 0 };
	memcpy(copy, value.ptr, value.len);
	e.value = (struct span){ copy, value.len };
	if (value.len >= SCAN_KNOWN_MIN_BYTES) {
		uint32_t *chain = &m->chains[chain_of(value)];

		e.next = *chain;
		*chain = (uint32_t)m->count + 1;
	}
	m->entries[m->count++] = e;
	*slot = (uint32_t)m->count;
	*slot_by_placeholder(m, span_of(e.placeholder)) = (uint32_t)m->count;
	return span_of(m->entries[m->count - 1].placeholder);
}

struct span scan_map_value(const struct scan_map *m, struct span placeholder)
{
	uint32_t i = *slot_by_placeholder(m, placeholder);

	return i != 0 ? m->entries[i - 1].value : (struct span){ NULL, 0 };
}

struct span scan_map_known(const struct scan_map *m, struct span text, size_t *ret_len)
{
	struct span best = { NULL, 0 };
	size_t best_len = 0;

	if (text.len < SCAN_KNOWN_MIN_BYTES)
		return best;
	for (uint32_t i = m->chains[chain_of(text)]; i != 0; i = m->entries[i - 1].next) {
		const struct entry *e = &m->entries[i - 1];
		size_t n = e->value.len;

		/* Of two categories' entries for one value the older counts: the chain runs
		 * from the newest to the oldest. */
		if (n >= best_len && n <= text.len && memcmp(text.ptr, e->value.ptr, n) == 0) {
			best = span_of(e->placeholder);
			best_len = n;
		}
	}
	*ret_len = best_len;
	return best;
}
