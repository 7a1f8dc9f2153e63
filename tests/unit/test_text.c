/* SPDX-License-Identifier: Apache-2.0 */
/* Encodings, identifiers, UTF-8, globs, edit distance, durations; spans. */
#include "tests/unit/check.h"

#include <fnmatch.h>

#include "common/text.h"

static void hex(void **state)
{
	uint8_t out[4];
	char text[9];

	(void)state;
	text_hex((const uint8_t *)"\x00\x7f\x80\xff", 4, text);
	assert_string_equal(text, "007f80ff");
	assert_int_equal(text_unhex(SPAN_LITERAL("007F80fF"), out, 4), ERR_OK);
	assert_memory_equal(out, "\x00\x7f\x80\xff", 4);
	assert_int_equal(text_unhex(SPAN_LITERAL("007f80f"), out, 4), ERR_SYNTAX);
	assert_int_equal(text_unhex(SPAN_LITERAL("007f80"), out, 4), ERR_SYNTAX);
	assert_int_equal(text_unhex(SPAN_LITERAL("007f80fg"), out, 4), ERR_SYNTAX);
	assert_int_equal(text_unhex(SPAN_LITERAL(""), out, 0), ERR_OK);
}

static void base64(void **state)
{
	/* RFC 4648 section 10. */
	static const struct {
		const char *plain, *coded;
	} vectors[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+" },
	};
	static const struct {
		const char *name, *text;
	} bad[] = {
		{ "padding is required", "Zg" },  { "too much padding", "Z===" },
		{ "only padding", "====" },       { "padding in the middle", "Zg==Zm8=" },
		{ "a line break", "Zm9v\nYg==" }, { "the URL-safe alphabet", "-__-" },
		{ "bits under one pad", "Zm9=" }, { "bits under two pads", "Zh==" },
		{ "a length of one", "Z" },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < LEN(vectors); i++) {
		buf_clear(&b);
		text_base64(&b, span_of(vectors[i].plain));
		assert_string_equal(buf_cstr(&b), vectors[i].coded);
		buf_clear(&b);
		assert_int_equal(text_unbase64(span_of(vectors[i].coded), &b), ERR_OK);
		assert_string_equal(buf_cstr(&b), vectors[i].plain);
	}
	for (size_t i = 0; i < LEN(bad); i++) {
		buf_clear(&b);
		CHECK(text_unbase64(span_of(bad[i].text), &b) == ERR_SYNTAX, bad[i].name);
		CHECK(b.len == 0, "nothing is put out for bad input");
	}
	buf_free(&b);
}

static void ulids(void **state)
{
	char last[TEXT_ULID_BYTES] = "", next[TEXT_ULID_BYTES];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		text_ulid(next);
		CHECK(strlen(next) == 26, "26 characters");
		CHECK(text_is_ulid(span_of(next)), "its own kind");
		CHECK(strcmp(last, next) < 0,
		      "later ones sort later, within one millisecond too");
		memcpy(last, next, sizeof last);
	}
	assert_true(text_is_ulid(SPAN_LITERAL("7ZZZZZZZZZZZZZZZZZZZZZZZZZ")));
	assert_false(text_is_ulid(SPAN_LITERAL("8ZZZZZZZZZZZZZZZZZZZZZZZZZ")));
	assert_false(text_is_ulid(SPAN_LITERAL("01ARZ3NDEKTSV4RRFFQ69G5FA")));
	assert_false(text_is_ulid(SPAN_LITERAL("01ARZ3NDEKTSV4RRFFQ69G5FAU")));
	assert_false(text_is_ulid(SPAN_LITERAL("01arz3ndektsv4rrffq69g5fav")));
}

static void utf8(void **state)
{
	static const struct {
		const char *name, *text;
		bool want;
	} rows[] = {
		{ "ASCII longer than a word", "hello, world and more", true },
		{ "the last of each length", "\x7f\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf", true },
		{ "the first of each length", "\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80", true },
		{ "an overlong two-byte form", "\xc1\xbf", false },
		{ "an overlong three-byte form", "\xe0\x9f\xbf", false },
		{ "an overlong four-byte form", "\xf0\x8f\xbf\xbf", false },
		{ "the first surrogate", "\xed\xa0\x80", false },
		{ "just before the surrogates", "\xed\x9f\xbf", true },
		{ "beyond the last code point", "\xf4\x90\x80\x80", false },
		{ "a lone continuation", "12345678\x80", false },
		{ "a sequence cut short", "1234567\xe2\x82", false },
		{ "an old five-byte form", "\xf8\x88\x80\x80\x80", false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		CHECK(text_is_utf8(span_of(rows[i].text)) == rows[i].want, rows[i].name);
	assert_int_equal(
		text_code_points(SPAN_LITERAL("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")), 4);
	assert_int_equal(text_utf8_first(SPAN_LITERAL("\xe2\x82\xac!")), 3);
	assert_int_equal(text_utf8_first(SPAN_LITERAL("")), 0);
}

static void globs(void **state)
{
	static const struct {
		const char *pattern, *value;
		bool want;
	} rows[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "gpt-4*", "gpt-4o", true },
		{ "gpt-4*", "gpt-3", false },
		{ "*mini", "gpt-4o-mini", true },
		{ "*mini", "gpt-4o-mini-2", false },
		{ "a*b*c", "aXXbYYc", true },
		{ "a*b*c", "aXXbYY", false },
		{ "a*bc", "abcbc", true },
		{ "?", "a", true },
		{ "?", "", false },
		{ "a?c", "abc", true },
		{ "[abc]", "b", true },
		{ "[abc]", "d", false },
		{ "[!abc]", "d", true },
		{ "[!abc]", "a", false },
		{ "[a-c]x", "bx", true },
		{ "[a-c]x", "dx", false },
		{ "[]]", "]", true },
		{ "[!]]", "]", false },
		{ "[a-]", "-", true },
		{ "[", "[", true },
		{ "[a", "[a", true },
		{ "*[0-9]", "v12", true },
		{ "*[0-9]", "v1b", false },
		{ "A", "a", false },
		{ "**a**", "bab", true },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK(text_glob(rows[i].pattern, span_of(rows[i].value)) == rows[i].want,
		      rows[i].pattern);
		CHECK((fnmatch(rows[i].pattern, rows[i].value, FNM_NOESCAPE) == 0) ==
			      rows[i].want,
		      "fnmatch(3) sees it the same way");
	}
	/* Many stars against a long value: the work is bounded by pattern times value. */
	char value[4001];
	memset(value, 'a', 4000);
	value[4000] = '\0';
	assert_false(text_glob("*a*a*a*a*a*a*a*a*a*a*a*a*b", span_of(value)));
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(text_distance("", ""), 0);
	assert_int_equal(text_distance("allow", "allow"), 0);
	assert_int_equal(text_distance("alow", "allow"), 1);
	assert_int_equal(text_distance("allwo", "allow"), 1);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("aaaaaaaaaaaaaaaaaaaaaaaa", "b"), 15);
}

static void durations(void **state)
{
	uint64_t ms = 0;

	(void)state;
	assert_int_equal(text_duration_ms("30s", &ms), ERR_OK);
	assert_int_equal(ms, 30000);
	assert_int_equal(text_duration_ms("5m", &ms), ERR_OK);
	assert_int_equal(ms, 300000);
	assert_int_equal(text_duration_ms("12h", &ms), ERR_OK);
	assert_int_equal(ms, 43200000);
	assert_int_equal(text_duration_ms("7d", &ms), ERR_OK);
	assert_int_equal(ms, 604800000);
	assert_int_equal(text_duration_ms("0s", &ms), ERR_OK);
	assert_int_equal(ms, 0);
	assert_int_equal(text_duration_ms("3653d", &ms), ERR_OK);
	assert_int_equal(text_duration_ms("3654d", &ms), ERR_TOO_BIG);
	assert_int_equal(text_duration_ms("99999999999999999999999s", &ms), ERR_TOO_BIG);

	static const char *const bad[] = { "",    "s",    "5",  "5ms", "5 s",
					   "-5s", "1.5h", "5M", "5s " };
	for (size_t i = 0; i < LEN(bad); i++)
		CHECK(text_duration_ms(bad[i], &ms) == ERR_SYNTAX, bad[i]);
}

static void spans(void **state)
{
	char out[4];

	(void)state;
	assert_true(span_is_nocase(SPAN_LITERAL("Content-Type"), "content-TYPE"));
	assert_false(span_is_nocase(SPAN_LITERAL("Content-Type"), "content_type"));
	assert_false(span_is_nocase(SPAN_LITERAL("["), "{"));
	assert_true(span_is(span_trim(SPAN_LITERAL(" \t a b\r\n")), "a b"));
	assert_int_equal(span_trim(SPAN_LITERAL(" \n")).len, 0);
	struct span rest = SPAN_LITERAL("a//b");
	assert_true(span_is(span_cut(&rest, '/'), "a"));
	assert_true(span_is(rest, "/b"));
	assert_true(span_is(span_cut(&rest, '/'), ""));
	assert_true(span_is(span_cut(&rest, '/'), "b"));
	assert_int_equal(rest.len, 0);
	assert_true(span_is(span_cut(&rest, '/'), ""));
	assert_true(span_copy(SPAN_LITERAL("abc"), out, sizeof out));
	assert_string_equal(out, "abc");
	assert_false(span_copy(SPAN_LITERAL("abcd"), out, sizeof out));
	assert_string_equal(out, "");
	assert_false(span_copy(SPAN_LITERAL("a\0b"), out, sizeof out));
	assert_true(span_copy((struct span){ NULL, 0 }, out, sizeof out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),       cmocka_unit_test(base64),
		cmocka_unit_test(ulids),     cmocka_unit_test(utf8),
		cmocka_unit_test(globs),     cmocka_unit_test(distances),
		cmocka_unit_test(durations), cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
