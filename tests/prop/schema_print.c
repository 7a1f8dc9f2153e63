/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas in, one on each line; {"grammar":…} or {"error":…,"keyword":…,"at":…} out. */
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "dialect/schema_grammar.h"

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	struct buf out;

	buf_init(&out, 1 << 20);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct arena *a = arena_new("print", 8 << 20);
		struct schema_refusal why = { .keyword = "" };
		struct span grammar;
		enum err e =
			schema_grammar((struct span){ line, (size_t)n - 1 }, a, &grammar, &why);

		buf_clear(&out);
		buf_add_char(&out, '{');
		if (e == ERR_OK) {
			json_put_key_string(&out, "grammar", grammar);
		} else {
			json_put_key_cstr(&out, "error", err_text(e));
			json_put_key_cstr(&out, "keyword", why.keyword);
			json_put_key_cstr(&out, "at", why.at);
			json_put_key_cstr(&out, "why", why.why);
		}
		buf_add_str(&out, "}\n");
		fwrite(out.ptr, 1, out.len, stdout);
		fflush(stdout);
		arena_free(a);
	}
	buf_free(&out);
	free(line);
	return 0;
}
