/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a policy: of a file that is none, of one value and who set it, of its layout.
 */
#include "tests/unit/policy_help.h"

#define F(more) "{\"hither_policy\":1,\"id\":\"f\"," more "}"
#define X                                                                                      \
	"\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\",\"retention_days\":0}" \
	"}"

/* ---------------------------------------------------------------- what is said */

static void a_name_twice_is_said_with_its_place(void **state)
{
	static const struct source both[] = {
		{ POLICY_USER, "a", F("\"rules\":[{\"id\":\"r\",\"effect\":\"ask\"}]") },
		{ POLICY_USER, "b", F("\"rules\":[\n  {\"id\":\"r\",\"effect\":\"deny\"}]") },
	};
	struct policy_set *s = NULL;
	struct policy_error e = { 0 };

	(void)state;
	assert_int_equal(try_set(both, 2, &s, &e), ERR_EXISTS);
	assert_string_equal(e.file, "b");
	assert_int_equal(e.line, 2);
	assert_int_equal(e.column, 3);
	assert_string_equal(e.problem, "rule \"r\" is also in a, of the same layer");
	assert_string_equal(e.expected, "names that are used once in a layer");
}

static void what_is_no_policy_is_said_with_its_place(void **state)
{
	struct policy_file *f = NULL;
	struct policy_error e;
	struct buf out;

	(void)state;
	buf_init(&out, 4u << 20);
	assert_int_equal(policy_format(SPAN_LITERAL("{\n  \"a\" 1}"), "t", &out, &e),
			 ERR_SYNTAX);
	assert_int_equal(e.line, 2);
	assert_int_equal(e.column, 7);
	assert_true(e.problem[0] != '\0');
	buf_clear(&out);
	for (size_t i = 0; i <= 1u << 20; i++)
		buf_add_char(&out, ' ');
	assert_int_equal(policy_file_parse(buf_span(&out), POLICY_USER, "f", NULL, 0, &f, &e),
			 ERR_TOO_BIG);
	assert_string_equal(e.problem, "a file of 1048577 bytes is too long");
	assert_string_equal(e.expected, "at most 1 MiB");
	buf_free(&out);
}

/* Comments may hold what ends others. */
static void a_comment_hides_no_line(void **state)
{
	static const struct source both[] = {
		{ POLICY_USER, "a", F("\"rules\":[{\"id\":\"r\",\"effect\":\"ask\"}]") },
		{ POLICY_USER, "b",
		  F("\"rules\":[ // one * two */ [{\n/* three * four\n / // five */ /**/\n "
		    "{\"id\":\"q\","
		    "\"effect\":\"deny\"} /* , { */, // ]\n\n  "
		    "{\"id\":\"r\",\"effect\":\"deny\"}]") },
	};
	struct policy_set *s = NULL;
	struct policy_error e = { 0 };

	(void)state;
	assert_int_equal(try_set(both, 2, &s, &e), ERR_EXISTS);
	assert_int_equal(e.line, 6);
	assert_int_equal(e.column, 3);
}

static void a_ceiling_says_how_to_ask(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_USER, "u", F("\"consent\":{\"ask_via\":[\"terminal\"]}") },
		{ POLICY_MANDATORY, "m",
		  "{\"hither_policy\":1,\"id\":\"m\",\"consent\":{\"ask_via\":[\"web\"]}}" });
	struct buf out = shown(s);

	(void)state;
	assert_true(contains(buf_cstr(&out), "ask_via                web  (mandatory m)"));
	buf_free(&out);
	policy_set_free(s);
}

/* At the moment itself it has. */
static void a_file_has_expired_when_it_says(void **state)
{
	static const int64_t end_ms = INT64_C(1798761600000);
	struct policy_set *s =
		SET({ POLICY_USER, "u", F("\"not_after\":\"2027-01-01T00:00:00Z\"") });

	(void)state;
	for (int64_t d = -1; d <= 1; d++) {
		struct buf out;

		buf_init(&out, 1u << 16);
		policy_show(s, false, end_ms + d, &out);
		assert_int_equal(contains(buf_cstr(&out), "EXPIRED 2027-01-01"), d >= 0);
		assert_int_equal(contains(buf_cstr(&out), "until 2027-01-01"), d < 0);
		buf_free(&out);
	}
	policy_set_free(s);
}

/* Of two that say the same, the first is named. */
static void who_said_it_first_is_named(void **state)
{
	static const char said[] =
		"{\"hither_policy\":1,\"id\":\"%s\",\"default\":{\"cloud\":\"ask\"},"
		"\"consent\":{"
		"\"timeout\":\"90s\",\"on_deny\":\"refuse\",\"require_reason\":true},"
		"\"routing\":{"
		"\"escalate_at\":0.5},\"ledger\":{\"content\":\"full\",\"retain\":\"30d\"}}";
	char a[400], b[400];
	struct policy_set *s;
	struct buf out;

	(void)state;
	snprintf(a, sizeof a, said, "a");
	snprintf(b, sizeof b, said, "b");
	s = SET({ POLICY_USER, "first", a }, { POLICY_USER, "second", b });
	buf_init(&out, 1u << 16);
	policy_show(s, true, 0, &out);
	char *values = strstr(buf_cstr(&out), "default\n");
	assert_non_null(values);
	assert_true(contains(values, "(user first)"));
	assert_false(contains(values, "(user second)"));
	buf_free(&out);
	policy_set_free(s);
}

/* However many rules of other layers and names lie between the two. */
static void a_name_twice_is_found_among_many(void **state)
{
	static const struct source files[] = {
		{ POLICY_USER, "a",
		  F("\"rules\":[{\"id\":\"z\",\"effect\":\"ask\"},{\"id\":\"r\",\"effect\":"
		    "\"ask\"},"
		    "{\"id\":\"b\",\"effect\":\"ask\"}]") },
		{ POLICY_VENDOR, "v",
		  "{\"hither_policy\":1,\"id\":\"v\",\"rules\":[{\"id\":\"r\",\"effect\":"
		  "\"ask\"},"
		  "{\"id\":\"z\",\"effect\":\"ask\"}]}" },
		{ POLICY_MANDATORY, "m",
		  "{\"hither_policy\":1,\"id\":\"m\",\"rules\":[{\"id\":\"r\",\"effect\":"
		  "\"ask\"},"
		  "{\"id\":\"c\",\"effect\":\"ask\"}]}" },
		{ POLICY_USER, "w",
		  "{\"hither_policy\":1,\"id\":\"w\",\"rules\":[{\"id\":\"y\",\"effect\":"
		  "\"ask\"},"
		  "{\"id\":\"r\",\"effect\":\"ask\"},{\"id\":\"a\",\"effect\":\"ask\"}]}" },
	};
	struct policy_set *s = NULL;
	struct policy_error e = { 0 };

	(void)state;
	assert_int_equal(try_set(files, 3, &s, &e), ERR_OK); /* of different layers */
	policy_set_free(s);
	s = NULL;
	assert_int_equal(try_set(files, 4, &s, &e), ERR_EXISTS);
	assert_true(contains(e.problem, "rule \"r\" is also in "));
}

static void one_empty_line_stays(void **state)
{
	static const struct {
		const char *in, *out;
	} texts[] = {
		{ "{\"a\":1,\n\n\"b\":2}", "{\n  \"a\": 1,\n\n  \"b\": 2\n}\n" },
		{ "{\"a\":1 // why  \t\n,\"b\":2 /* x */  }",
		  "{\n  \"a\": 1,  // why\n  \"b\": 2  /* x */\n}\n" },
		{ "{\"a\":1,\n\"b\":2}", "{\n  \"a\": 1,\n  \"b\": 2\n}\n" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++)
		assert_laid_out(texts[i].in, texts[i].out);
}

static void as_deep_as_json_may_be(void **state)
{
	(void)state;
	for (unsigned depth = 60; depth <= 70; depth++) {
		struct policy_error e;
		struct buf in, once, twice;

		buf_init(&in, 4096);
		buf_init(&once, 65536);
		buf_init(&twice, 65536);
		for (unsigned i = 0; i < depth; i++)
			buf_add_str(&in, "[1,");
		buf_add_str(&in, "2");
		for (unsigned i = 0; i < depth; i++)
			buf_add_char(&in, ']');
		enum err got = policy_format(buf_span(&in), "t", &once, &e);
		assert_int_equal(got, depth <= 64 ? ERR_OK : ERR_TOO_BIG);
		if (got == ERR_OK) {
			assert_int_equal(policy_format(buf_span(&once), "t", &twice, &e),
					 ERR_OK);
			assert_string_equal(buf_cstr(&once), buf_cstr(&twice));
		}
		buf_free(&in);
		buf_free(&once);
		buf_free(&twice);
	}
}

static void what_is_no_json_is_said(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "{\"id\":\"a\",\"id\":\"a\"}", "this key stands twice in one object: id" },
		{ "{\"id\":1,}", "a comma before the closing bracket (comments are allowed, "
				 "trailing commas are not)" },
		{ "{\"id\" 1}", "':' is missing after a key" },
		{ "{\"id\":\"a", "this string is never closed: \" is missing" },
		{ "{\"id\":1e999}", "a number is too large: 1e999" },
		{ "[", "the text ends inside an array or object" },
		{ "", "there is no JSON value" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_file *f = NULL;
		struct policy_error e;

		assert_int_not_equal(policy_file_parse(span_of(rows[i].text), POLICY_USER, "f",
						       NULL, 0, &f, &e),
				     ERR_OK);
		assert_string_equal(e.problem, rows[i].problem);
	}
}

/* Nothing that is asked is met by all, one of no choices by none. */
static void an_empty_condition_is_said_in_words(void **state)
{
	static const struct {
		const char *when, *said;
	} rows[] = {
		{ "\"any\":[{\"tools\":true},{}]", "when (tools is true or always)  (" },
		{ "\"any\":[{\"any\":[]},{\"tools\":true}]",
		  "when (never or tools is true)  (" },
		{ "\"not\":{},\"tools\":true", "not (always)" },
		{ "\"all\":[{}]", "when always  (" },
		{ "\"any\":[]", "when never  (" },
		{ "", "when always  (" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char text[400];
		struct policy_set *s;
		struct buf out;

		snprintf(text, sizeof text,
			 F("\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{%s}}]"),
			 rows[i].when);
		s = SET({ POLICY_USER, "u", text });
		buf_init(&out, 1u << 16);
		policy_show(s, true, 0, &out);
		CHECK(contains(buf_cstr(&out), rows[i].said), buf_cstr(&out));
		buf_free(&out);
		policy_set_free(s);
	}
}

/* As a part of what a rule lacks. */
static void an_empty_condition_is_explained_in_words(void **state)
{
	struct policy_set *s =
		SET({ POLICY_USER, "u",
		      F("\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"any\":["
			"{\"any\":[]},{\"tools\":true}]}},"
			"{\"id\":\"s\",\"effect\":\"deny\",\"when\":{\"any\":[{\"all\":[{},"
			"{\"tools\":true}]},{\"any\":[]}]}}]") });
	struct buf out = explained_base(s);

	(void)state;
	assert_true(contains(buf_cstr(&out), "r would DENY local if never or tools is true\n"));
	assert_true(contains(buf_cstr(&out),
			     "s would DENY local if always and tools is true or never\n"));
	buf_free(&out);
	policy_set_free(s);
}

/* Two files that each say a part. */
static void who_said_what_of_routing_is_named(void **state)
{
	struct policy_set *s =
		SET({ POLICY_USER, "u", F("\"routing\":{\"while_asking\":\"hold\"}") },
		    { POLICY_VENDOR, "v",
		      "{\"hither_policy\":1,\"id\":\"v\",\"routing\":{\"cascade\":\"on\"}}" });
	struct buf out = shown(s);

	(void)state;
	assert_true(contains(buf_cstr(&out), "while_asking           hold  (user u)"));
	assert_true(contains(buf_cstr(&out), "cascade                on  (vendor v)"));
	buf_free(&out);
	policy_set_free(s);
}

static void the_vendors_ceiling_says_first_how_to_ask(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_VENDOR_MANDATORY, "w", F("\"consent\":{\"ask_via\":[\"terminal\"]}") },
		{ POLICY_MANDATORY, "m",
		  "{\"hither_policy\":1,\"id\":\"m\",\"consent\":{\"ask_via\":[\"web\"]}}" });
	struct buf out = shown(s);

	(void)state;
	assert_true(contains(buf_cstr(&out),
			     "ask_via                terminal  (vendor_mandatory w)"));
	buf_free(&out);
	policy_set_free(s);
}

/* A price is known when the currency and both amounts are. */
static void a_price_is_whole_or_unknown(void **state)
{
	static const struct {
		const char *price;
		bool known;
	} rows[] = {
		{ "\"currency\":\"EUR\",\"input_per_mtok\":1,\"output_per_mtok\":2", true },
		{ "\"currency\":\"EUR\",\"input_per_mtok\":1", false },
		{ "\"currency\":\"EUR\",\"output_per_mtok\":2", false },
		{ "\"input_per_mtok\":1,\"output_per_mtok\":2", false },
		{ "\"currency\":\"EUR\"", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char text[300];
		size_t at;

		snprintf(text, sizeof text,
			 F("\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\","
			   "\"price\":{%s}}}"),
			 rows[i].price);
		struct policy_set *s = SET({ POLICY_USER, "f", text });
		assert_true(policy_destination_find(s, SPAN_LITERAL("x"), &at));
		CHECK(policy_destination(s, at)->price.known == rows[i].known, rows[i].price);
		policy_set_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_twice_is_said_with_its_place),
		cmocka_unit_test(what_is_no_policy_is_said_with_its_place),
		cmocka_unit_test(a_comment_hides_no_line),
		cmocka_unit_test(a_ceiling_says_how_to_ask),
		cmocka_unit_test(a_file_has_expired_when_it_says),
		cmocka_unit_test(who_said_it_first_is_named),
		cmocka_unit_test(a_name_twice_is_found_among_many),
		cmocka_unit_test(one_empty_line_stays),
		cmocka_unit_test(as_deep_as_json_may_be),
		cmocka_unit_test(what_is_no_json_is_said),
		cmocka_unit_test(an_empty_condition_is_said_in_words),
		cmocka_unit_test(an_empty_condition_is_explained_in_words),
		cmocka_unit_test(who_said_what_of_routing_is_named),
		cmocka_unit_test(the_vendors_ceiling_says_first_how_to_ask),
		cmocka_unit_test(a_price_is_whole_or_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
