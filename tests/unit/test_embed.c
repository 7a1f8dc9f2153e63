/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings between a client and the engine: what the engine is sent, what its replies mean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dialect/embed.h"

/* 1.0f and -2.5f, little-endian. */
#define B64 "AACAPwAAIMA="

static struct span inputs[3] = { { "a \"b\"", 5 }, { "c\n", 2 }, { "d", 1 } };

static struct embed_request request(uint32_t n, uint32_t dimensions)
{
	return (struct embed_request){ .inputs = inputs,
				       .n_inputs = n,
				       .dimensions = dimensions };
}

static void the_engine_is_sent_texts_and_nothing_else(void **state)
{
	struct embed_request q = request(2, 2);
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	embed_send(&q, &b);
	assert_true(span_is(buf_span(&b), "{\"encoding_format\":\"base64\",\"input\":["
					  "\"a \\\"b\\\"\",\"c\\n\"]}"));
	buf_free(&b);
}

#define DATA(entries)                                                                          \
	"{\"object\":\"list\",\"data\":[" entries "],\"usage\":{\"prompt_tokens\":7}}"
#define ROW(index, value) "{\"index\":" #index ",\"embedding\":" value "}"

static const struct {
	const char *name, *body;
	int status;
	uint32_t n, dimensions;
	enum err want;
	const char *code;
} rows[] = {
	{ "base64", DATA(ROW(0, "\"" B64 "\"")), 200, 1, 0, ERR_OK, NULL },
	{ "numbers", DATA(ROW(0, "[1, -2.5]")), 200, 1, 2, ERR_OK, NULL },
	{ "in any order", DATA(ROW(1, "[3,4]") "," ROW(0, "[1,-2.5]")), 200, 2, 0, ERR_OK,
	  NULL },
	{ "fewer dimensions", DATA(ROW(0, "[1,-2.5]")), 200, 1, 1, ERR_UNSUPPORTED,
	  "unsupported_value" },
	{ "one is missing", DATA(ROW(0, "[1,-2.5]")), 200, 2, 0, ERR_SYNTAX, "engine_failed" },
	{ "one too many", DATA(ROW(0, "[1]") "," ROW(1, "[1]")), 200, 1, 0, ERR_SYNTAX,
	  "engine_failed" },
	{ "the same twice", DATA(ROW(0, "[1]") "," ROW(0, "[1]")), 200, 2, 0, ERR_SYNTAX,
	  "engine_failed" },
	{ "an index beyond", DATA(ROW(1, "[1]")), 200, 1, 0, ERR_SYNTAX, "engine_failed" },
	{ "of two lengths", DATA(ROW(0, "[1]") "," ROW(1, "[1,2]")), 200, 2, 0, ERR_SYNTAX,
	  "engine_failed" },
	{ "empty", DATA(ROW(0, "[]")), 200, 1, 0, ERR_SYNTAX, "engine_failed" },
	{ "a word", DATA(ROW(0, "[\"1\"]")), 200, 1, 0, ERR_SYNTAX, "engine_failed" },
	{ "not finite", DATA(ROW(0, "\"AACAfw==\"")), 200, 1, 0, ERR_SYNTAX, "engine_failed" },
	{ "half a number", DATA(ROW(0, "\"AACA\"")), 200, 1, 0, ERR_SYNTAX, "engine_failed" },
	{ "nested, as for one vector a token", DATA(ROW(0, "[[1,2]]")), 200, 1, 0, ERR_SYNTAX,
	  "engine_failed" },
	{ "not JSON", "hello", 200, 1, 0, ERR_SYNTAX, "engine_failed" },
	{ "nothing", "", 200, 1, 0, ERR_SYNTAX, "engine_failed" },
	{ "started without",
	  "{\"error\":{\"code\":501,\"message\":\"This server does not support embeddings. "
	  "Start it "
	  "with `--embeddings`\",\"type\":\"not_supported_error\"}}",
	  501, 1, 0, ERR_UNSUPPORTED, "unsupported_model" },
	{ "no pooling",
	  "{\"error\":{\"code\":400,\"message\":\"Pooling type 'none' is not OAI compatible. "
	  "Please "
	  "use a different pooling type\"}}",
	  400, 1, 0, ERR_UNSUPPORTED, "unsupported_model" },
	{ "too long",
	  "{\"error\":{\"code\":500,\"message\":\"input (702 tokens) is too large to process. "
	  "increase "
	  "the physical batch size (current batch size: 512)\",\"type\":\"server_error\"}}",
	  500, 1, 0, ERR_TOO_BIG, "context_length_exceeded" },
	{ "loading", "{\"error\":{\"code\":503,\"message\":\"Loading model\"}}", 503, 1, 0,
	  ERR_DENIED, "engine_busy" },
	{ "anything else", "<html>", 500, 1, 0, ERR_DENIED, "engine_failed" },
};

static void each_reply_means_what_the_table_says(void **state)
{
	struct arena *a = arena_new("test", 1 << 20);

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct embed_request q = request(rows[i].n, rows[i].dimensions);
		struct chat_problem p = { .status = 0 };
		struct embed_vector *v = NULL;
		int64_t tokens = -1;
		enum err e = embed_recv(rows[i].status, span_of(rows[i].body), &q, a, &v,
					&tokens, &p);

		if (e != rows[i].want)
			fail_msg("%s: %s", rows[i].name, err_text(e));
		if (e != ERR_OK) {
			if (strcmp(p.code, rows[i].code) != 0 || p.status < 400)
				fail_msg("%s: %d %s", rows[i].name, p.status, p.code);
			continue;
		}
		if (v[0].n != 2 || v[0].values[0] != 1.0f || v[0].values[1] != -2.5f ||
		    tokens != 7)
			fail_msg("%s: other numbers", rows[i].name);
		if (rows[i].n == 2)
			assert_true(v[1].values[0] == 3.0f);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_engine_is_sent_texts_and_nothing_else),
		cmocka_unit_test(each_reply_means_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
