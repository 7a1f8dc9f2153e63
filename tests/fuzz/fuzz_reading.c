/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in the order in which a person reads them, and two of them beside each other. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void looked_at(const struct reading *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->lines[i].label == NULL ||
		    (r->lines[i].text.len > 0 && r->lines[i].text.ptr == NULL))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *half = size > 0 ? memchr(data, 0xff, size) : NULL; /* in no JSON */
	size_t first = half != NULL ? (size_t)(half - data) : size;
	struct span a = { (const char *)data, first };
	struct span b =
		half != NULL ? (struct span){ (const char *)half + 1, size - first - 1 } : a;
	struct arena *memory = arena_new("fuzz", 64u << 20);
	struct reading one, other;
	struct reading_pairs pairs;

	if (reading_of(a, memory, &one) == ERR_OK && reading_of(b, memory, &other) == ERR_OK) {
		looked_at(&one);
		looked_at(&other);
		if (reading_beside(&one, &other, memory, &pairs) == ERR_OK &&
		    pairs.count < one.count)
			abort();
	}
	if (reading_placeholder(a) > a.len)
		abort();
	arena_free(memory);
	return 0;
}
