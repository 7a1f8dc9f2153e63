/* SPDX-License-Identifier: Apache-2.0 */
/* The strict JSON gate: what it lets through, what it refuses, and where it points. */
#include "tests/unit/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/fault.h"
#include "common/json.h"

struct accepted {
	const char *name;
	const char *text;
};

static const struct accepted accepted[] = {
	{ "an empty object", "{}" },
	{ "an empty array", "[]" },
	{ "a bare string is a JSON text", "\"a\"" },
	{ "a bare number", "42" },
	{ "a bare word", "null" },
	{ "space of all four kinds around everything", " \t\r\n{ \"a\" : [ 1 , true ] } \n" },
	{ "all short escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"" },
	{ "an escaped letter", "\"\\u0041\"" },
	{ "hex digits of both cases", "\"\\uabCD\"" },
	{ "a surrogate pair", "\"\\ud83d\\ude00\"" },
	{ "an escaped noncharacter", "\"\\uffff\"" },
	{ "two-byte UTF-8", "\"\xc3\xa9\"" },
	{ "three-byte UTF-8", "\"\xe2\x82\xac\"" },
	{ "four-byte UTF-8", "\"\xf0\x9f\x98\x80\"" },
	{ "DEL is not a control character of RFC 8259", "\"\x7f\"" },
	{ "minus zero", "-0" },
	{ "zero with a fraction", "0.0" },
	{ "an exponent with a plus sign", "1E+2" },
	{ "an exponent with leading zeros", "1e007" },
	{ "the largest double", "1.7976931348623157e308" },
	{ "a tiny number becomes zero", "1e-400" },
	{ "a large number with an exponent is no integer literal", "-1.0e+28" },
	{ "zero with any exponent", "0e99999999999999999999" },
	{ "the last code points before and behind the surrogates",
	  "\"\xed\x9f\xbf\xee\x80\x80\"" },
	{ "the largest code point", "\"\xf4\x8f\xbf\xbf\"" },
	{ "noncharacters in UTF-8", "\"\xef\xbf\xbe\xf0\x9f\xbf\xbf\"" },
	{ "the largest surrogate pair", "\"\\udbff\\udfff\"" },
	{ "many zeros before a large exponent", "0.00000000000000000001e320" },
	{ "2^53 itself", "9007199254740992" },
	{ "an integer beyond 2^53 that a double holds exactly", "9007199254740994" },
	{ "ten to the twentieth is exact", "100000000000000000000" },
	{ "a number longer than cJSON's buffer",
	  "[-0."
	  "000000000000000000000000000000000000000000000000000000000000000000000000000001]" },
	{ "a fraction may be rounded", "0.1234567890123456789" },
	{ "an empty key", "{\"\":1}" },
	{ "keys that differ by more than case", "{\"a\":1,\"b\":2,\"aa\":3}" },
	{ "the same key in different objects", "{\"a\":{\"a\":1},\"b\":{\"a\":2}}" },
	{ "the same key in sibling objects", "[{\"a\":1},{\"a\":2}]" },
	{ "letters beyond ASCII are not folded", "{\"\xc3\xa9\":1,\"\xc3\x89\":2}" },
	{ "bytes 0x20 apart that are no letters", "{\"[\":1,\"{\":2,\"@\":3,\"`\":4}" },
	{ "a long run of plain text", "\"abcdefghijklmnopqrstuvwxyz0123456789\"" },
};

struct refused {
	const char *name;
	const char *text;
	size_t offset;
};

static const struct refused refused[] = {
	{ "nothing", "", 0 },
	{ "only space", "  ", 2 },
	{ "a byte order mark", "\xef\xbb\xbf{}", 0 },
	{ "two values", "1 2", 2 },
	{ "a bracket after the end", "{}]", 2 },
	{ "an open object", "{", 1 },
	{ "an open array", "[1", 2 },
	{ "an array closed as an object", "[1}", 2 },
	{ "an object closed as an array", "{\"a\":1]", 6 },
	{ "a trailing comma in an array", "[1,]", 3 },
	{ "a trailing comma in an object", "{\"a\":1,}", 7 },
	{ "a leading comma", "[,1]", 1 },
	{ "two commas", "[1,,2]", 3 },
	{ "a missing comma", "[1 2]", 3 },
	{ "a missing colon", "{\"a\" 1}", 5 },
	{ "a missing value", "{\"a\":}", 5 },
	{ "a key without quotes", "{a:1}", 1 },
	{ "a number as a key", "{1:1}", 1 },
	{ "single quotes", "['a']", 1 },
	{ "an unknown word", "nul", 0 },
	{ "a word in capitals", "True", 0 },
	{ "two words glued together", "truefalse", 4 },
	{ "NaN", "NaN", 0 },
	{ "Infinity", "-Infinity", 1 },
	{ "a plus sign", "+1", 0 },
	{ "a leading zero", "01", 0 },
	{ "a leading zero after minus", "-01", 1 },
	{ "hexadecimal", "0x10", 1 },
	{ "a bare point", ".5", 0 },
	{ "a point without digits", "1.", 2 },
	{ "an exponent without digits", "1e", 2 },
	{ "an exponent with only a sign", "1e+", 3 },
	{ "only minus", "-", 1 },
	{ "a number that overflows a double", "1e400", 0 },
	{ "a number that overflows with a minus", "-1e400", 0 },
	{ "an exponent of many digits", "1e99999999999999999999", 0 },
	{ "2^53 + 1 would be rounded", "9007199254740993", 0 },
	{ "minus 2^53 - 1 would be rounded", "-9007199254740993", 0 },
	{ "the largest 64-bit integer would be rounded", "9223372036854775807", 0 },
	{ "an open string", "\"abc", 0 },
	{ "a string that ends in a backslash", "\"abc\\", 4 },
	{ "an unknown escape", "\"\\x41\"", 1 },
	{ "an escape with capital U", "\"\\U0041\"", 1 },
	{ "an escape with three digits", "\"\\u041\"", 1 },
	{ "an escaped NUL", "\"a\\u0000\"", 2 },
	{ "a lone high surrogate", "\"\\ud800\"", 1 },
	{ "a lone low surrogate", "\"\\udc00\"", 1 },
	{ "a high surrogate and a letter", "\"\\ud800\\u0041\"", 1 },
	{ "two high surrogates", "\"\\ud800\\ud800\"", 1 },
	{ "a raw newline in a string", "\"a\nb\"", 2 },
	{ "a raw tab in a string", "\"12345678\t\"", 9 },
	{ "a lone continuation byte", "\"\x80\"", 1 },
	{ "an overlong slash", "\"\xc0\xaf\"", 1 },
	{ "an overlong NUL", "\"\xe0\x80\x80\"", 1 },
	{ "a surrogate in UTF-8", "\"\xed\xa0\x80\"", 1 },
	{ "a code point beyond U+10FFFF", "\"\xf4\x90\x80\x80\"", 1 },
	{ "five-byte UTF-8", "\"\xf8\x88\x80\x80\x80\"", 1 },
	{ "an overlong two-byte letter", "\"\xc1\xbf\"", 1 },
	{ "an overlong four-byte character", "\"\xf0\x8f\xbf\xbf\"", 1 },
	{ "the first surrogate's last sibling in UTF-8", "\"\xed\xbf\xbf\"", 1 },
	{ "UTF-16", "[\xff\xfe", 1 },
	{ "a bracket between values", "[1}2]", 2 },
	{ "an escaped newline that is raw", "\"\\\n\"", 1 },
	{ "a full-width digit", "[\xef\xbc\x91]", 1 },
	{ "a byte that UTF-8 never uses", "\"\xff\"", 1 },
	{ "a sequence cut by the quote", "\"\xe2\x82\"", 1 },
	{ "invalid UTF-8 in a key", "{\"\xfe\":1}", 2 },
	{ "UTF-8 outside a string", "[\xc3\xa9]", 1 },
	{ "a no-break space is no space", "\xc2\xa0{}", 0 },
	{ "a form feed is no space", "\f{}", 0 },
	{ "a duplicate key", "{\"a\":1,\"a\":2}", 7 },
	{ "a duplicate empty key", "{\"\":1,\"\":2}", 6 },
	{ "a duplicate deep down", "[{\"x\":{\"k\":1,\"k\":1}}]", 13 },
	{ "a duplicate after a nested object", "{\"k\":{\"k\":1},\"k\":2}", 13 },
	{ "a duplicate written with an escape", "{\"a\":1,\"\\u0061\":2}", 7 },
	{ "a duplicate written with two spellings of an escape", "{\"\\u000a\":1,\"\\n\":2}",
	  12 },
	{ "keys that differ in case only", "{\"role\":1,\"Role\":2}", 10 },
	{ "case folding sees through escapes", "{\"role\":1,\"\\u0052OLE\":2}", 10 },
	{ "long keys that differ in case only",
	  "{\"max_completion_tokens\":1,\"max_completion_TOKENS\":2}", 27 },
	{ "a duplicate of a surrogate pair in UTF-8",
	  "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}", 10 },
	{ "a line comment where none is allowed", "// c\n{}", 0 },
	{ "a block comment where none is allowed", "[1,/* c */2]", 3 },
};

static enum err check(const char *text, const struct json_limits *limits, struct json_where *at)
{
	return json_check(span_of(text), limits, at);
}

static void accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(accepted); i++) {
		struct json_where at = { 0 };
		cJSON *tree = NULL;

		CHECK(check(accepted[i].text, &json_limits_api, &at) == ERR_OK,
		      accepted[i].name);
		CHECK(json_parse(span_of(accepted[i].text), &json_limits_api, &tree, &at) ==
			      ERR_OK,
		      accepted[i].name);
		CHECK(tree != NULL, accepted[i].name);
		cJSON_Delete(tree);
	}
}

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(refused); i++) {
		struct json_where at = { 0 };
		cJSON *tree = (cJSON *)&at;

		CHECK(json_parse(span_of(refused[i].text), &json_limits_api, &tree, &at) ==
			      ERR_SYNTAX,
		      refused[i].name);
		CHECK(tree == (cJSON *)&at, "a failed parse leaves its output alone");
		CHECK(at.offset == refused[i].offset, refused[i].name);
		CHECK(at.problem != NULL && at.line >= 1 && at.column >= 1, refused[i].name);
	}
}

static void refuses_embedded_nul(void **state)
{
	struct json_where at;

	(void)state;
	CHECK(json_check(SPAN_LITERAL("{}\0"), &json_limits_api, &at) == ERR_SYNTAX,
	      "a NUL byte after the value is a trailing byte");
	CHECK(json_check(SPAN_LITERAL("\"a\0b\""), &json_limits_api, &at) == ERR_SYNTAX,
	      "a NUL byte in a string is a control character");
	CHECK(json_check(SPAN_LITERAL("[1,\0 2]"), &json_limits_api, &at) == ERR_SYNTAX,
	      "a NUL byte between values is no space");
}

static void never_reads_beyond_the_span(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(accepted); i++) {
		size_t len = strlen(accepted[i].text);

		/* Each prefix in an allocation of its exact size, for the address sanitizer. */
		for (size_t n = 0; n < len; n++) {
			char *copy = malloc(n > 0 ? n : 1);
			struct json_where at;

			memcpy(copy, accepted[i].text, n);
			enum err e =
				json_check((struct span){ copy, n }, &json_limits_file, &at);
			CHECK(e == ERR_OK || at.offset <= n, "an error lies within the text");
			free(copy);
		}
	}
}

static void nested(char *out, unsigned depth)
{
	memset(out, '[', depth);
	memset(out + depth, ']', depth);
	out[2 * depth] = '\0';
}

static void limits(void **state)
{
	struct json_where at;
	struct json_limits few = { 3, 4, 5, false, false };
	char text[1100];

	(void)state;
	nested(text, 64);
	CHECK(check(text, &json_limits_api, &at) == ERR_OK, "64 levels are allowed");
	nested(text, 65);
	CHECK(check(text, &json_limits_api, &at) == ERR_TOO_BIG, "65 levels are not");
	CHECK(at.offset == 64, "the 65th bracket is named");
	nested(text, 400);
	CHECK(check(text, &(struct json_limits){ 1000, 1000, 10, false, false }, &at) ==
		      ERR_TOO_BIG,
	      "256 levels are the most, whatever a caller asks for");
	CHECK(check("[1,2,3]", &few, &at) == ERR_OK, "four values with the array itself");
	CHECK(check("[1,2,3,4]", &few, &at) == ERR_TOO_BIG, "a fifth value");
	CHECK(check("\"12345\"", &few, &at) == ERR_OK, "a string of the longest length");
	CHECK(check("\"123456\"", &few, &at) == ERR_TOO_BIG, "a string one byte longer");
	CHECK(check("\"\\u0031\\u0032\\n45\"", &few, &at) == ERR_OK,
	      "a string's length is counted after unescaping");
	CHECK(check("{\"123456\":1}", &few, &at) == ERR_TOO_BIG, "a key is a string, too");
}

/* What is passed on as it came, or not read at all, may be longer than a double is exact. */
static void long_integers(void **state)
{
	static const char *const texts[] = { "9007199254740993", "-9007199254740993",
					     "[18446744073709551615]",
					     "{\"seed\":10959611092163926000001}" };
	struct json_where at;

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++) {
		CHECK(check(texts[i], &json_limits_api, &at) == ERR_SYNTAX, texts[i]);
		CHECK(check(texts[i], &json_limits_file, &at) == ERR_SYNTAX, texts[i]);
		CHECK(check(texts[i], &json_limits_reply, &at) == ERR_OK, texts[i]);
	}
	for (size_t i = 0; i < LEN(refused); i++)
		if (strstr(refused[i].name, "rounded") == NULL)
			CHECK(check(refused[i].text, &json_limits_reply, &at) == ERR_SYNTAX,
			      refused[i].name);
}

static void comments(void **state)
{
	static const struct {
		const char *name, *text;
		enum err want;
	} rows[] = {
		{ "a line comment", "// a\n{}", ERR_OK },
		{ "a line comment at the very end", "{} // a", ERR_OK },
		{ "a block comment", "/* a\n b */ [1, /* two */ 2]", ERR_OK },
		{ "stars in a block comment", "/***/[]/****/", ERR_OK },
		{ "comment marks in a string are text", "{\"u\":\"http://a/*b*/\"}", ERR_OK },
		{ "a quote in a comment opens no string", "[1, // \"\n2]", ERR_OK },
		{ "a comment between key and colon", "{\"a\" /* b */ : 1}", ERR_OK },
		{ "an open block comment", "[1] /* a", ERR_SYNTAX },
		{ "a block comment that only starts to close", "/* a *", ERR_SYNTAX },
		{ "one slash does not both open and close", "/*/ []", ERR_SYNTAX },
		{ "a lone slash", "[1] / 2", ERR_SYNTAX },
		{ "a hash is no comment", "# a\n{}", ERR_SYNTAX },
		{ "a comment hides no trailing comma", "[1, // one\n]", ERR_SYNTAX },
		{ "invalid UTF-8 in a comment", "// \xff\n{}", ERR_SYNTAX },
		{ "only a comment is no value", "// a", ERR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct json_where at;
		cJSON *tree = NULL;

		CHECK(json_parse(span_of(rows[i].text), &json_limits_file, &tree, &at) ==
			      rows[i].want,
		      rows[i].name);
		cJSON_Delete(tree);
	}
}

static void comments_do_not_reach_the_tree(void **state)
{
	struct json_where at;
	cJSON *tree = NULL;

	(void)state;
	assert_int_equal(
		json_parse(SPAN_LITERAL("{// a\n\"u\":\"x//y\\\"/*z*/\",/*b*/\"n\":1}"),
			   &json_limits_file, &tree, &at),
		ERR_OK);
	assert_string_equal(json_get_string(tree, "u"), "x//y\"/*z*/");
	cJSON_Delete(tree);
}

static void says_where_and_why(void **state)
{
	struct json_where at;

	(void)state;
	assert_int_equal(check("{\n  \"a\": 1,\n  \"A\": 2\n}", &json_limits_api, &at),
			 ERR_SYNTAX);
	assert_int_equal(at.line, 3);
	assert_int_equal(at.column, 3);
	assert_string_equal(at.detail, "A");
	assert_int_equal(check("[1,]", &json_limits_api, &at), ERR_SYNTAX);
	assert_non_null(strstr(at.problem, "JSON has no trailing commas"));
	assert_int_equal(check("{\"a\":1,}", &json_limits_api, &at), ERR_SYNTAX);
	assert_non_null(strstr(at.problem, "JSON has no trailing commas"));
	assert_int_equal(check("{\"k\x01\":1}", &json_limits_api, &at), ERR_SYNTAX);
	assert_int_equal(check("{\"\\u001b\":1,\"\\u001b\":2}", &json_limits_api, &at),
			 ERR_SYNTAX);
	assert_string_equal(at.detail, "\\x1b");
}

/* `n` different keys, then one more made by `last`. */
static char *many_keys(size_t n, const char *last)
{
	struct buf b;

	buf_init(&b, 64 << 20);
	buf_add_str(&b, "{");
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "\"some_longer_common_prefix_%zu\":0,", i);
	buf_printf(&b, "\"%s\":0}", last);
	assert_false(b.failed);
	char *text = strdup(buf_cstr(&b));
	buf_free(&b);
	return text;
}

static void finds_duplicates_in_large_objects(void **state)
{
	static const size_t sizes[] = { 15, 16, 17, 47, 48, 49, 99998 };

	(void)state;
	for (size_t i = 0; i < LEN(sizes); i++) {
		struct json_where at;
		char *text = many_keys(sizes[i], "other");

		CHECK(check(text, &json_limits_api, &at) == ERR_OK, "many different keys");
		free(text);
		text = many_keys(sizes[i], "some_longer_common_prefix_3");
		CHECK(check(text, &json_limits_api, &at) == ERR_SYNTAX, "an exact duplicate");
		free(text);
		text = many_keys(sizes[i], "SOME_longer_common_prefix_0");
		CHECK(check(text, &json_limits_api, &at) == ERR_SYNTAX,
		      "a duplicate but for case");
		CHECK(at.offset == strlen(text) - strlen("\"SOME_longer_common_prefix_0\":0}"),
		      "the second of the two is named");
		free(text);
		text = many_keys(sizes[i], "some_longer_common_prefix_\\u0032");
		CHECK(check(text, &json_limits_api, &at) == ERR_SYNTAX,
		      "a duplicate by escape");
		free(text);
	}
}

static void long_numbers_keep_their_value(void **state)
{
	struct json_where at;
	cJSON *tree = NULL;
	char text[600], zeros[400];

	(void)state;
	memset(zeros, '0', sizeof zeros - 1);
	zeros[sizeof zeros - 1] = '\0';
	snprintf(text, sizeof text, "[0.%s15e400, 2]", zeros);
	assert_int_equal(json_parse(span_of(text), &json_limits_api, &tree, &at), ERR_OK);
	assert_true(fabs(cJSON_GetArrayItem(tree, 0)->valuedouble - 1.5) < 1e-12);
	assert_true(cJSON_GetArrayItem(tree, 1)->valuedouble == 2);
	cJSON_Delete(tree);
}

static void memory_failure_is_an_error(void **state)
{
	char *text = many_keys(200, "a\\u0062");

	(void)state;
	for (unsigned n = 1;; n++) {
		struct json_where at;
		cJSON *tree = NULL;

		fault_arm(n, false);
		enum err e = json_parse(span_of(text), &json_limits_api, &tree, &at);
		bool fired = fault_fired();
		fault_arm(0, false);
		CHECK(e == (fired ? ERR_NO_MEMORY : ERR_OK),
		      "each failed allocation is reported");
		cJSON_Delete(tree);
		if (!fired)
			break;
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_embedded_nul),
		cmocka_unit_test(never_reads_beyond_the_span),
		cmocka_unit_test(limits),
		cmocka_unit_test(long_integers),
		cmocka_unit_test(comments),
		cmocka_unit_test(comments_do_not_reach_the_tree),
		cmocka_unit_test(says_where_and_why),
		cmocka_unit_test(finds_duplicates_in_large_objects),
		cmocka_unit_test(long_numbers_keep_their_value),
		cmocka_unit_test(memory_failure_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
