/* SPDX-License-Identifier: Apache-2.0 */
/* What the grammar of a schema looks like, and what is refused; what it accepts is
 * tests/prop/schema_grammar.py's to tell. */
#include <stdio.h>

#include "dialect/schema_grammar.h"
#include "tests/unit/check.h"

static const struct {
	const char *name, *schema, *grammar; /* without the rules that all have */
} rows[] = {
	{ "any value", "{}", "root ::= value\n" },
	{ "any object", "{\"type\":\"object\"}", "r0 ::= object\nroot ::= r0\n" },
	{ "a range", "{\"type\":\"integer\",\"minimum\":7,\"maximum\":123}",
	  "r1 ::= [7-9] | [1-9] [0-9]{1} | \"1\" [0-1] [0-9]{1} | \"12\" [0-3]\n"
	  "r0 ::= r1\nroot ::= r0\n" },
	{ "values in one form, escaped twice", "{\"enum\":[\"a\\\"\",1]}",
	  "r0 ::= \"\\\"a\\\\\\\"\\\"\" | \"1\"\nroot ::= r0\n" },
	{ "one that must be, one that may",
	  "{\"properties\":{\"a\":{\"type\":\"null\"},\"b\":true},\"required\":[\"b\"]}",
	  "r2 ::= null\n"
	  "r3 ::= \"\\\"b\\\"\" \":\" ws value ws\n"
	  "r4 ::= (\",\" ws \"\\\"b\\\"\" \":\" ws value ws)\n"
	  "r5 ::= \"\\\"a\\\"\" \":\" ws r2 ws r4 | r3\n"
	  "r1 ::= \"{\" ws r5 \"}\"\nr0 ::= r1\nroot ::= r0\n" },
	{ "within itself", "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}",
	  "r1 ::= r0\nr3 ::= \",\" ws r1 ws\nr4 ::= r3{0,}\n"
	  "r2 ::= \"[\" ws (r1 ws r4)? \"]\"\nr0 ::= r2\nroot ::= r0\n" },
};

static void test_grammars(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new("test", 1 << 20);
		struct schema_refusal why;
		struct span got;

		CHECK(schema_grammar(span_of(rows[i].schema), a, &got, &why) == ERR_OK,
		      rows[i].name);
		CHECK(span_starts(got, rows[i].grammar), rows[i].name);
		size_t own = strlen(rows[i].grammar);
		CHECK(span_starts((struct span){ got.ptr + own, got.len - own }, "value ::= "),
		      rows[i].name);
		arena_free(a);
	}
}

static void test_refusals(void **state)
{
	struct arena *a = arena_new("test", 4 << 20);
	struct schema_refusal why;
	struct span got;
	char deep[2000] = "";

	(void)state;
	assert_int_equal(
		schema_grammar(span_of("{\"items\":{\"pattern\":\"a\"}}"), a, &got, &why),
		ERR_UNSUPPORTED);
	assert_string_equal(why.keyword, "pattern");
	assert_string_equal(why.at, "#/items");
	assert_int_equal(schema_grammar(span_of("{"), a, &got, &why), ERR_SYNTAX);
	assert_int_equal(schema_grammar(span_of("false"), a, &got, &why), ERR_UNSUPPORTED);
	/* Long paths keep their end. */
	for (int i = 0; i < 30; i++)
		strcat(deep, "{\"additionalProperties\":");
	strcat(deep, "{\"not\":{}}");
	for (int i = 0; i < 30; i++)
		strcat(deep, "}");
	assert_int_equal(schema_grammar(span_of(deep), a, &got, &why), ERR_UNSUPPORTED);
	assert_string_equal(why.keyword, "not");
	assert_int_equal(strlen(why.at), sizeof why.at - 1);
	assert_int_equal(strcmp(why.at + strlen(why.at) - 21, "/additionalProperties"), 0);
	arena_free(a);
}

static void test_bounds(void **state)
{
	struct arena *a = arena_new("test", 8 << 20), *small = arena_new("small", 4096);
	struct schema_refusal why;
	struct span got;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_add_str(&b, "{\"properties\":{");
	for (int i = 0; i < 600; i++)
		buf_printf(&b, "%s\"p%d\":true", i > 0 ? "," : "", i);
	buf_add_str(&b, "}}");
	assert_int_equal(schema_grammar(buf_span(&b), a, &got, &why), ERR_TOO_BIG);
	assert_int_equal(schema_grammar(span_of("{}"), small, &got, &why), ERR_NO_MEMORY);
	buf_free(&b);
	arena_free(small);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammars),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
