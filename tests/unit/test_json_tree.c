/* SPDX-License-Identifier: Apache-2.0 */
/* Getters on trees, offsets by JSON Pointer, and the writers. */
#include "tests/unit/check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "common/json.h"

static cJSON *parse(const char *text)
{
	struct json_where at;
	cJSON *tree = NULL;

	assert_int_equal(json_parse(span_of(text), &json_limits_file, &tree, &at), ERR_OK);
	return tree;
}

static void getters_are_strict(void **state)
{
	cJSON *t = parse(
		"{\"s\":\"x\",\"n\":1.5,\"i\":-3,\"b\":true,\"o\":{},\"a\":[],\"z\":null}");
	bool b = false;
	double d = 0;
	int64_t n = 0;

	(void)state;
	assert_string_equal(json_get_string(t, "s"), "x");
	assert_null(json_get(t, "S"));
	assert_null(json_get_string(t, "n"));
	assert_null(json_get_string(t, "absent"));
	assert_null(json_get_string(NULL, "s"));
	assert_null(json_get(json_get(t, "a"), "s"));
	assert_non_null(json_get(t, "z"));
	assert_non_null(json_get_object(t, "o"));
	assert_null(json_get_object(t, "a"));
	assert_non_null(json_get_array(t, "a"));
	assert_null(json_get_array(t, "o"));
	assert_true(json_get_bool(t, "b", &b) && b);
	assert_false(json_get_bool(t, "n", &b));
	assert_true(json_get_number(t, "n", &d) && d == 1.5);
	assert_false(json_get_number(t, "s", &d));
	assert_true(json_get_int(t, "i", -3, 3, &n) && n == -3);
	assert_false(json_get_int(t, "i", -2, 3, &n));
	assert_false(json_get_int(t, "n", 0, 9, &n));
	cJSON_Delete(t);

	t = parse("{\"huge\":1e300,\"edge\":9223372036854775808,\"low\":-9223372036854775808}");
	assert_false(json_get_int(t, "huge", INT64_MIN, INT64_MAX, &n));
	assert_false(json_get_int(t, "edge", INT64_MIN, INT64_MAX, &n));
	assert_true(json_get_int(t, "low", INT64_MIN, INT64_MAX, &n) && n == INT64_MIN);
	cJSON_Delete(t);
}

/* The tree is the one that cJSON itself builds, where cJSON can read the text at all. */
static void same_as_cjson(const char *text)
{
	struct json_where at;
	cJSON *ours = NULL, *theirs = cJSON_Parse(text);

	assert_int_equal(json_parse(span_of(text), &json_limits_api, &ours, &at), ERR_OK);
	if (theirs == NULL || !cJSON_Compare(ours, theirs, true))
		fail_msg("not the tree of %s", text);
	char *one = cJSON_PrintUnformatted(ours), *other = cJSON_PrintUnformatted(theirs);
	assert_string_equal(one, other);
	for (const cJSON *a = ours->child, *b = theirs->child; a != NULL;
	     a = a->next, b = b->next) {
		assert_int_equal(a->type, b->type);
		assert_int_equal(a->valueint, b->valueint);
		assert_memory_equal(&a->valuedouble, &b->valuedouble, sizeof(double));
	}
	if (cJSON_IsArray(ours)) { /* the links are whole: cJSON can add at the end */
		cJSON_AddItemToArray(ours, cJSON_CreateNull());
		assert_int_equal(cJSON_GetArraySize(ours), cJSON_GetArraySize(theirs) + 1);
	}
	cJSON_free(one);
	cJSON_free(other);
	cJSON_Delete(ours);
	cJSON_Delete(theirs);
}

static uint64_t dice = 1;

static unsigned roll(unsigned n)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice >> 33) % n;
}

static void make_string(struct buf *b)
{
	static const char *const bits[] = { "a",
					    "long plain words, ",
					    "\\n",
					    "\\u00e9",
					    "\xc3\xa9",
					    "\\\"",
					    "\\\\",
					    "\\ud83d\\ude00",
					    "\xf0\x9f\x98\x80",
					    "/* no */",
					    "// no",
					    "{[,:]}" };

	buf_add_char(b, '"');
	for (unsigned n = roll(6); n > 0; n--)
		buf_add_str(b, bits[roll(LEN(bits))]);
	buf_add_char(b, '"');
}

static void make_value(struct buf *b, unsigned depth)
{
	static const char *const scalars[] = { "true",
					       "false",
					       "null",
					       "0",
					       "-0",
					       "-1",
					       "12",
					       "123456789012345",
					       "-999999999999999",
					       "2147483647",
					       "2147483648",
					       "-2147483649",
					       "1.5",
					       "-0.25e-3",
					       "1E+2",
					       "1e300",
					       "9007199254740993e0",
					       "0.1000000000000000055511151231257827" };
	unsigned kind = depth == 0 ? 2 + roll(2) : roll(4);

	if (kind == 2) {
		make_string(b);
	} else if (kind == 3) {
		buf_add_str(b, scalars[roll(LEN(scalars))]);
	} else {
		buf_add_str(b, kind == 0 ? "{ " : "[");
		for (unsigned i = 0, n = roll(5); i < n; i++) {
			buf_add_str(b, i > 0 ? " ,\n" : "");
			if (kind == 0)
				buf_printf(b, "\"k%u\\u00e9\"\t: ", i);
			make_value(b, depth - 1);
		}
		buf_add_str(b, kind == 0 ? "}" : " ]");
	}
}

static void tree_is_cjsons(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	for (unsigned i = 0; i < 20000; i++) {
		buf_clear(&b);
		buf_add_str(&b, " ");
		make_value(&b, 1 + roll(5));
		same_as_cjson(buf_cstr(&b));
	}
	buf_free(&b);
	cJSON *t =
		parse("/* a */ [1, // b\n \"/*c*/\" /**/, "
		      "0.00000000000000000000000000000000000000000000000000000000000000000001]"
		      "// d");
	assert_int_equal(cJSON_GetArraySize(t), 3);
	assert_string_equal(t->child->next->valuestring, "/*c*/");
	assert_true(t->child->next->next->valuedouble == 1e-68);
	cJSON_Delete(t);
}

static void locates(void **state)
{
	static const char text[] = "// head\n{ \"a\": [10, {\"b/c\": 1, \"~\": \"}\"}, [ ] ],\n"
				   "  /* } */ \"\\u0064\": {\"x\": null}, \"\": 5 }";
	static const struct {
		const char *name, *path, *here;
	} rows[] = {
		{ "the whole value, behind a comment", "", "{ \"a\"" },
		{ "a member", "/a", "[10" },
		{ "the key of a member", "/a#", "\"a\"" },
		{ "an item", "/a/0", "10, {" },
		{ "a slash in a key", "/a/1/b~1c", "1, \"~\"" },
		{ "a tilde in a key", "/a/1/~0", "\"}\"}" },
		{ "a key written with an escape, behind a comment", "/d", "{\"x\"" },
		{ "a key deep down", "/d/x#", "\"x\"" },
		{ "an empty key", "/", "5 }" },
		{ "an absent key", "/b", NULL },
		{ "an index past the end", "/a/3", NULL },
		{ "an item of an empty array", "/a/2/0", NULL },
		{ "an index with a leading zero", "/a/00", NULL },
		{ "a member of a number", "/a/0/x", NULL },
		{ "the key of an item", "/a/0#", NULL },
		{ "a path that does not start with a slash", "a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		size_t at = json_offset_of(span_of(text), rows[i].path);

		if (rows[i].here == NULL)
			CHECK(at == SIZE_MAX, rows[i].name);
		else
			CHECK(at < sizeof text && span_starts(span_of(text + at), rows[i].here),
			      rows[i].name);
	}
	uint32_t line, column;
	json_line_column(span_of(text), json_offset_of(span_of(text), "/d"), &line, &column);
	assert_int_equal(line, 3);
	assert_int_equal(column, 21);
}

static void locator_survives_damaged_text(void **state)
{
	static const char text[] = "{\"a\":[1,\"x\\\"\",{/*c*/\"b\":2}],//d\n\"c\":{\"d\":[]}}";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, text, n);
		static const char *const paths[] = { "", "/a/2/b", "/c/d", "/c/d/0", "/q" };
		for (size_t i = 0; i < LEN(paths); i++) {
			size_t at = json_offset_of((struct span){ copy, n }, paths[i]);
			CHECK(at == SIZE_MAX || at < n, "an offset lies within the text");
		}
		free(copy);
	}
}

static void writes_strings(void **state)
{
	const struct {
		const char *name;
		struct span text;
		const char *want;
	} rows[] = {
		{ "plain text", SPAN_LITERAL("abc/"), "\"abc/\"" },
		{ "quotes and backslashes", SPAN_LITERAL("a\"b\\"), "\"a\\\"b\\\\\"" },
		{ "short escapes", SPAN_LITERAL("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ "other control characters", SPAN_LITERAL("\x01\x1f\0"),
		  "\"\\u0001\\u001f\\u0000\"" },
		{ "UTF-8 is kept", SPAN_LITERAL("\xc3\xa9\xf0\x9f\x98\x80"),
		  "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
		{ "each invalid byte becomes U+FFFD", SPAN_LITERAL("a\xff\xc3\x62"),
		  "\"a\xef\xbf\xbd\xef\xbf\xbd\x62\"" },
		{ "a cut sequence at the end", SPAN_LITERAL("\xe2\x82"),
		  "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "nothing", { NULL, 0 }, "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct buf b;

		buf_init(&b, 1000);
		json_put_string(&b, rows[i].text);
		CHECK(strcmp(buf_cstr(&b), rows[i].want) == 0, rows[i].name);
		buf_free(&b);
	}
}

static void writes_objects(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "s", "x");
	json_put_key_cstr(&b, "none", NULL);
	json_put_key_i64(&b, "i", INT64_MIN);
	json_put_key_bool(&b, "b", false);
	json_put_key_number(&b, "n", 0.1);
	json_put_key_string(&b, "t", SPAN_LITERAL("y"));
	buf_add_char(&b, '}');
	assert_string_equal(buf_cstr(&b),
			    "{\"s\":\"x\",\"none\":null,\"i\":-9223372036854775808,"
			    "\"b\":false,\"n\":0.1,\"t\":\"y\"}");
	buf_free(&b);
}

static void numbers_read_back(void **state)
{
	static const double values[] = { 0,      -0.0,    0.1,      1e21,
					 1e-7,   1.0 / 3, DBL_MAX,  DBL_MIN,
					 5e-324, 0x1p53,  0x1p54,   -123456789.125,
					 100,    1e15,    1e16 + 2, 2.5e-300,
					 3,      M_PI };

	(void)state;
	for (size_t i = 0; i < LEN(values); i++) {
		struct buf b;

		buf_init(&b, 100);
		cJSON *n = cJSON_CreateNumber(values[i]);
		json_put_tree(&b, n);
		CHECK(strtod(buf_cstr(&b), NULL) == values[i], "a number reads back the same");
		struct json_where at;
		CHECK(json_check(buf_span(&b), &json_limits_api, &at) == ERR_OK,
		      "a written number passes the gate");
		cJSON_Delete(n);
		buf_free(&b);
	}
	cJSON *n = cJSON_CreateNumber(NAN);
	struct buf b;
	buf_init(&b, 100);
	json_put_tree(&b, n);
	assert_string_equal(buf_cstr(&b), "null");
	cJSON_Delete(n);
	buf_free(&b);
}

static void trees_round_trip(void **state)
{
	static const char text[] =
		"{\"a\":[1,2.5,\"x\\n\\\"\",null,true,false,{\"k\":[]},{}],\"\":\"\xc3\xa9\"}";
	cJSON *t = parse(text);
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	json_put_tree(&b, t);
	assert_string_equal(buf_cstr(&b), text);
	cJSON_Delete(t);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(getters_are_strict),
		cmocka_unit_test(tree_is_cjsons),
		cmocka_unit_test(locates),
		cmocka_unit_test(locator_survives_damaged_text),
		cmocka_unit_test(writes_strings),
		cmocka_unit_test(writes_objects),
		cmocka_unit_test(numbers_read_back),
		cmocka_unit_test(trees_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
