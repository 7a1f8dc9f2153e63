/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a schema: a grammar of whole lines within its bound, or a reason. */
#include <stdlib.h>

#include "dialect/schema_grammar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool in_text(const char *text, size_t cap)
{
	return memchr(text, '\0', cap) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new("fuzz", 16 << 20);
	struct schema_refusal why = { .keyword = "" };
	struct span text = { (const char *)data, size }, grammar = { NULL, 0 };

	if (a == NULL)
		return 0;
	enum err e = schema_grammar(text, a, &grammar, &why);
	if (e == ERR_OK) {
		if (grammar.len == 0 || grammar.len > SCHEMA_GRAMMAR_BYTES ||
		    grammar.ptr[grammar.len - 1] != '\n' ||
		    memchr(grammar.ptr, '\0', grammar.len) != NULL)
			abort();
	} else if (e != ERR_NO_MEMORY &&
		   (why.why[0] == '\0' || !in_text(why.why, sizeof why.why) ||
		    !in_text(why.at, sizeof why.at) ||
		    !in_text(why.keyword, sizeof why.keyword))) {
		abort();
	}
	arena_free(a);
	return 0;
}
