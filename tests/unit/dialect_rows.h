/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about bodies: what is carried (seen through the body that would be sent) and refused. */
#ifndef HITHER_TESTS_UNIT_DIALECT_ROWS_H
#define HITHER_TESTS_UNIT_DIALECT_ROWS_H

#include "dialect/dialect.h"
#include "tests/unit/check.h"

typedef enum err row_reader(struct span body, struct arena *a, struct chat *ret,
			    struct chat_problem *reterr);

struct carried_row {
	const char *name, *in, *out; /* `out`: as upstream_openai_chat says it */
};
struct refused_row {
	const char *name, *body, *param, *code;
};

static inline void check_carried(row_reader *read, const struct carried_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct chat c;
		struct chat_problem p = { .status = 0 };
		struct buf out;

		buf_init(&out, 1 << 20);
		if (read(span_of(rows[i].in), a, &c, &p) != ERR_OK)
			fail_msg("%s: refused: %s", rows[i].name, p.message);
		CHECK(upstream_openai_chat.write(&c, "m", &out) == ERR_OK, rows[i].name);
		if (strcmp(buf_cstr(&out), rows[i].out) != 0)
			fail_msg("%s:\n  %s\nnot\n  %s", rows[i].name, buf_cstr(&out),
				 rows[i].out);
		buf_free(&out);
		arena_free(a);
	}
	assert_int_equal(arenas_alive(), 0);
}

static inline void check_refused(row_reader *read, const struct refused_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct chat c;
		struct chat_problem p = { .status = 0 };

		CHECK(read(span_of(rows[i].body), a, &c, &p) == ERR_SYNTAX, rows[i].name);
		if (p.status != 400 || strcmp(p.param, rows[i].param) != 0 ||
		    strcmp(p.code, rows[i].code) != 0 || p.message[0] == '\0')
			fail_msg("%s: %d %s at '%s': %s", rows[i].name, p.status, p.code,
				 p.param, p.message);
		arena_free(a);
	}
}

/* Fields that say where a request goes or with which key, put where nobody looks. */
static inline void check_smuggling(row_reader *read, const char *before, const char *after)
{
	static const char *const names[] = { "api_base",  "apiBase",       "API-BASE",
					     "base_url",  "baseURL",       "api_key",
					     "apikey",    "extra_headers", "headers",
					     "proxy",     "authorization", "organization",
					     "fallbacks", "litellm_params" };
	static const char *const places[] = { "\"%s\":\"x\"", "\"zz\":{\"%s\":\"x\"}",
					      "\"zz\":[{\"y\":[{\"%s\":1}]}]",
					      "\"metadata\":{\"%s\":null}" };

	for (size_t i = 0; i < LEN(names); i++) {
		for (size_t k = 0; k < LEN(places); k++) {
			struct arena *a = arena_new("test", 1 << 20);
			struct chat c;
			struct chat_problem p = { .status = 0 };
			struct buf body;
			char inside[128];

			buf_init(&body, 4096);
			snprintf(inside, sizeof inside, places[k], names[i]);
			buf_printf(&body, "%s,%s%s", before, inside, after);
			CHECK(read(buf_span(&body), a, &c, &p) == ERR_SYNTAX, buf_cstr(&body));
			CHECK(p.status == 400 && strcmp(p.code, "refused_parameter") == 0 &&
				      strcmp(p.param, names[i]) == 0,
			      buf_cstr(&body));
			buf_free(&body);
			arena_free(a);
		}
	}
}

/* A body cut anywhere is refused, and a small arena is a 413, never a crash. */
static inline void check_cuts(row_reader *read, const struct carried_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(rows[i].in);

		for (size_t cut = 0; cut <= len; cut++) {
			struct arena *a = arena_new("test", cut == len ? 64 : 1 << 20);
			struct chat c;
			struct chat_problem p = { .status = 0 };
			enum err e = read((struct span){ rows[i].in, cut }, a, &c, &p);

			if (cut < len)
				CHECK(e == ERR_SYNTAX && p.status == 400, rows[i].name);
			else
				CHECK(e == ERR_OK || (e == ERR_NO_MEMORY && p.status == 413),
				      rows[i].name);
			arena_free(a);
		}
	}
}

#endif
