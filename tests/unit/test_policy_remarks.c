/* SPDX-License-Identifier: Apache-2.0 */
/* What lint, explain and the tests of a file remark at the edges. */
#include "tests/unit/policy_help.h"

#define F(more) "{\"hither_policy\":1,\"id\":\"f\"," more "}"
#define X                                                                                      \
	"\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\",\"retention_days\":0}" \
	"}"

static void keep_code(void *ctx, const struct policy_lint *lint)
{
	char *codes = ctx;

	snprintf(codes + strlen(codes), 200 - strlen(codes), "%s:%u ", lint->code, lint->line);
}

static void what_makes_an_exception_is_looked_at_too(void **state)
{
	struct policy_set *s =
		SET({ POLICY_USER, "u",
		      F(X ",\"rules\":[\n{\"id\":\"r\",\"effect\":\"deny\",\"unless\":{\"app\":"
			  "[\"@nobody\"]}}]") });
	char text[200] = "";

	(void)state;
	assert_true(policy_lints(s, keep_code, text) > 0);
	assert_true(contains(text, "unknown-group:2 "));
	policy_set_free(s);
}

static void keep_message(void *ctx, const struct policy_lint *lint)
{
	snprintf(ctx, 200, "%s: %.150s", lint->code, lint->message);
}

static void the_group_that_is_there_twice_is_named(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_USER, "u", F(X ",\"groups\":{\"g\":[\"a\"],\"i\":[]}") },
		{ POLICY_USER, "v",
		  "{\"hither_policy\":1,\"id\":\"v\",\"groups\":{\"h\":[],\"i\":[\"b\"]}}" });
	char text[200] = "";

	(void)state;
	assert_int_equal(policy_lints(s, keep_message, text), 1);
	assert_string_equal(text,
			    "group-twice: group \"i\" replaces that of u, of the same layer");
	policy_set_free(s);
}

static bool lint_says(const char *text, const char *code)
{
	struct policy_set *s = SET({ POLICY_USER, "u", text });
	char codes[200] = "";

	(void)policy_lints(s, keep_code, codes);
	policy_set_free(s);
	return contains(codes, code);
}

#define WHEN(condition)                                                                        \
	F(X ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{" condition "}}]")

static void numbers_that_exclude_each_other_never_match(void **state)
{
	static const struct {
		const char *file;
		bool never;
	} rows[] = {
		{ WHEN("\"input_tokens\":{\"gte\":5,\"lte\":5}"), false },
		{ WHEN("\"input_tokens\":{\"gte\":5,\"lt\":5}"), true },
		{ WHEN("\"input_tokens\":{\"gt\":5,\"lte\":5}"), true },
		{ WHEN("\"input_tokens\":{\"gte\":5,\"lte\":5,\"lt\":5}"), true },
		{ WHEN("\"input_tokens\":{\"gte\":5,\"gt\":5,\"lte\":5}"), true },
		{ WHEN("\"input_tokens\":{\"gte\":5,\"lte\":9,\"lt\":6}"), false },
		{ WHEN("\"input_tokens\":{\"gte\":9,\"lt\":6}"), true },
		{ WHEN("\"input_tokens\":{\"eq\":5,\"gt\":5}"), true },
		{ WHEN("\"input_tokens\":{\"eq\":5,\"lt\":5}"), true },
		{ WHEN("\"input_tokens\":{\"eq\":5,\"gte\":5,\"lte\":5}"), false },
		{ WHEN("\"input_tokens\":{\"eq\":5,\"gte\":6}"), true },
		{ WHEN("\"input_tokens\":{\"eq\":5,\"lte\":4}"), true },
		{ WHEN("\"input_tokens\":{\"eq\":5,\"gt\":4,\"lt\":6}"), false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		CHECK(lint_says(rows[i].file, "never-matches:1 ") == rows[i].never,
		      rows[i].file);
}

static void a_destination_that_is_there_is_no_matter(void **state)
{
	(void)state;
	assert_true(lint_says(WHEN("\"destination\":[\"nowhere\"]"), "unknown-destination:1 "));
	assert_false(lint_says(WHEN("\"destination\":[\"x\"]"), "unknown-destination"));
	assert_false(lint_says(WHEN("\"destination\":[\"local\"]"), "unknown-destination"));
	assert_false(lint_says(WHEN("\"destination\":[\"*\"]"), "unknown-destination"));
	assert_true(lint_says(WHEN("\"destination\":[\"y*\"]"), "unknown-destination:1 "));
}

#define REGEX(text) F(X ",\"categories\":{\"company.a\":{\"regex\":\"" text "\"}}")

static void a_regex_is_anchored_on_both_sides(void **state)
{
	static const struct {
		const char *file;
		bool loose;
	} rows[] = { { REGEX("x"), true },
		     { REGEX("^x"), true },
		     { REGEX("x$"), true },
		     { REGEX("^x$"), false },
		     { REGEX("\\\\bx\\\\b"), false },
		     { REGEX("\\\\bx"), true },
		     { REGEX("x\\\\b"), true },
		     { REGEX("\\\\b"), false },
		     { REGEX("^x\\\\b"), false },
		     { REGEX("\\\\bx$"), false } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		CHECK(lint_says(rows[i].file, "regex-unanchored:1 ") == rows[i].loose,
		      rows[i].file);
}

static void each_layers_rule_without_effect_is_explained(void **state)
{
	struct policy_set *s =
		SET({ POLICY_VENDOR_MANDATORY, "w",
		      F(X ",\"rules\":[{\"id\":\"soft\",\"effect\":\"ask\"}]") },
		    { POLICY_MANDATORY, "m",
		      "{\"hither_policy\":1,\"id\":\"m\",\"rules\":[{\"id\":\"no\",\"effect\":"
		      "\"deny\"}]}" },
		    { POLICY_USER, "u",
		      "{\"hither_policy\":1,\"id\":\"u\",\"rules\":[{\"id\":\"yes\",\"effect\":"
		      "\"allow\"}]}" });
	struct buf out = explained_base(s);

	(void)state;
	assert_true(contains(buf_cstr(&out),
			     "vendor_mandatory rule soft (ask) has no effect: no "
			     "says DENY"));
	assert_true(
		contains(buf_cstr(&out), "user rule yes (allow) has no effect: no says DENY"));
	buf_free(&out);
	policy_set_free(s);
}

static void each_ceiling_shadows(void **state)
{
	static const enum policy_layer ceilings[] = { POLICY_VENDOR_MANDATORY,
						      POLICY_MANDATORY };

	(void)state;
	for (size_t i = 0; i < LEN(ceilings); i++) {
		struct policy_set *s =
			SET({ ceilings[i], "c",
			      F(X ",\"rules\":[{\"id\":\"no\",\"effect\":\"deny\"}]") },
			    { POLICY_USER, "u",
			      "{\"hither_policy\":1,\"id\":\"u\",\"rules\":[\n{\"id\":\"r\","
			      "\"effect\":"
			      "\"ask\",\"when\":{\"task\":[\"t\"]}}]}" });
		char text[200] = "";

		(void)policy_lints(s, keep_code, text);
		CHECK(contains(text, "shadowed:2 "), text);
		policy_set_free(s);
	}
}

struct told {
	char wanted[4][100], got[4][100];
	unsigned n;
};

static void keep_told(void *ctx, const struct policy_test_result *r)
{
	struct told *t = ctx;

	assert_true(t->n < LEN(t->wanted));
	snprintf(t->wanted[t->n], sizeof t->wanted[0], "%s%s", r->ok ? "" : "not: ", r->wanted);
	snprintf(t->got[t->n++], sizeof t->got[0], "%s", r->got);
}

/* The second run of a mandatory test, on all layers, may be stricter. */
static void a_ceilings_test_says_what_it_wants_each_time(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_MANDATORY, "m",
		  F(X ",\"default\":{\"cloud\":\"ask\"},\"rules\":[{\"id\":\"r\",\"effect\":"
		      "\"ask\",\"with\":{\"redact\":[\"a\"]}}],\"tests\":[{\"name\":\"t\","
		      "\"request\":{},\"expect\":{\"x\":{\"verdict\":\"ask\",\"by\":[\"r\"],"
		      "\"redact\":[\"a\"]}}}]") },
		{ POLICY_USER, "u",
		  "{\"hither_policy\":1,\"id\":\"u\",\"rules\":[{\"id\":\"no\",\"effect\":"
		  "\"deny\"}]}" });
	struct told t = { .n = 0 };

	(void)state;
	assert_int_equal(policy_tests_run(s, NULL, keep_told, &t, NULL), 0);
	assert_int_equal(t.n, 2);
	assert_string_equal(t.wanted[0], "ask by r; redact a");
	assert_string_equal(t.got[0], "ask by r; redact a");
	assert_string_equal(t.wanted[1], "ask or stricter");
	assert_string_equal(t.got[1], "deny by no");
	policy_set_free(s);
}

/* What a test does not say is as on a plain day; the file's own base lies between. */
static void a_test_has_a_base(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_USER, "u",
		  F(X
		    ",\"default\":{\"cloud\":\"allow\"},\"test_base\":{\"task\":\"mail\"},"
		    "\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"interactive\":"
		    "true,"
		    "\"modality\":[\"text\"],\"task\":[\"mail\"]}}],\"tests\":[{\"name\":\"t\","
		    "\"request\":{},\"expect\":{\"x\":{\"verdict\":\"deny\",\"by\":[\"r\"]}}},"
		    "{\"name\":\"u\",\"request\":{\"task\":\"chat\"},\"expect\":{\"x\":"
		    "\"allow\"}}]") });
	struct told t = { .n = 0 };

	(void)state;
	assert_int_equal(policy_tests_run(s, NULL, keep_told, &t, NULL), 0);
	assert_int_equal(t.n, 2);
	assert_string_equal(t.got[0], "deny by r");
	policy_set_free(s);
}

/* Who decided the test before has no part in this one. */
static void a_test_forgets_the_one_before(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_USER, "u",
		  F(X ",\"rules\":[{\"id\":\"a\",\"effect\":\"deny\"},{\"id\":\"b\",\"effect\":"
		      "\"deny\",\"when\":{\"task\":[\"t\"]},\"with\":{\"redact\":[\"n\"]}}],"
		      "\"tests\":["
		      "{\"name\":\"t\",\"request\":{\"task\":\"t\"},\"expect\":{\"x\":{"
		      "\"verdict\":"
		      "\"deny\",\"by\":[\"a\",\"b\"]}}},"
		      "{\"name\":\"u\",\"request\":{\"task\":\"u\"},\"expect\":{\"x\":{"
		      "\"verdict\":"
		      "\"deny\",\"by\":[\"b\"]}}},"
		      "{\"name\":\"v\",\"request\":{\"task\":\"u\"},\"expect\":{\"x\":{"
		      "\"verdict\":"
		      "\"deny\",\"redact\":[\"n\"]}}}]") });
	struct told t = { .n = 0 };

	(void)state;
	assert_int_equal(policy_tests_run(s, NULL, keep_told, &t, NULL), 2);
	assert_string_equal(t.wanted[0], "deny by a, b");
	assert_string_equal(t.wanted[1], "not: deny by b");
	assert_string_equal(t.wanted[2], "not: deny; redact n");
	policy_set_free(s);
}

/* What is not known to apply allows nothing, so it is no reason either. */
static void an_allowance_that_may_apply_is_none(void **state)
{
	struct policy_set *s = SET({ POLICY_MANDATORY, "m",
				     F(X ",\"rules\":[{\"id\":\"r\",\"effect\":\"allow\","
					 "\"when\":{\"task\":[\"t\"]}}]") },
				   { POLICY_USER, "u",
				     "{\"hither_policy\":1,\"id\":\"u\",\"default\":{\"cloud\":"
				     "\"allow\"}}" });

	(void)state;
	assert_string_equal(
		answer(s, "{\"task\":null}", "x"),
		"{\"verdict\":\"allow\",\"by\":[\"user:default\"],\"redact\":[],\"strip\":[]}");
	policy_set_free(s);
}

/* What counts at one destination is not shadowed, whichever of them that is. */
static void what_counts_somewhere_is_not_shadowed(void **state)
{
	static const struct {
		const char *denied;
		bool shadowed;
	} rows[] = { { "x", false }, { "y", false }, { "?", true } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char text[500], where[40];

		snprintf(where, sizeof where, "\"destination\":[\"%s\"]", rows[i].denied);
		snprintf(text, sizeof text,
			 F("\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\"},"
			   "\"y\":{\"tier\":\"cloud\",\"api\":\"openai\"}},\"rules\":[{\"id\":"
			   "\"no\","
			   "\"effect\":\"deny\",\"when\":{%s}},\n{\"id\":\"r\",\"effect\":"
			   "\"ask\","
			   "\"when\":{\"tier\":[\"cloud\"],\"task\":[\"t\"]}}]"),
			 where);
		CHECK(lint_says(text, "shadowed:2 ") == rows[i].shadowed, rows[i].denied);
	}
}

static void what_excludes_itself_never_matches_wherever_it_stands(void **state)
{
	static const struct {
		const char *file;
		bool never;
	} rows[] = {
		{ WHEN("\"tools\":true,\"not\":{\"tools\":true}"), true },
		{ WHEN("\"tools\":true,\"interactive\":true,\"not\":{\"tools\":true}"), true },
		{ WHEN("\"tools\":true,\"interactive\":true,\"not\":{\"interactive\":true}"),
		  true },
		{ WHEN("\"tools\":true,\"identity\":\"socket\",\"interactive\":true,\"not\":{"
		       "\"tools\":true}"),
		  true },
		{ WHEN("\"tools\":true,\"not\":{\"interactive\":true}"), false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		CHECK(lint_says(rows[i].file, "never-matches:1 ") == rows[i].never,
		      rows[i].file);
}

/* Who decided it: a file's default, not the rule that may apply and is no stricter. */
static void a_default_that_decides_is_the_reason(void **state)
{
	struct policy_set *s =
		SET({ POLICY_MANDATORY, "m",
		      F(X ",\"rules\":[{\"id\":\"c\",\"effect\":\"ask\"}]") },
		    { POLICY_USER, "u",
		      "{\"hither_policy\":1,\"id\":\"u\",\"default\":{\"cloud\":\"ask\"},"
		      "\"rules\":["
		      "{\"id\":\"maybe\",\"effect\":\"ask\",\"when\":{\"task\":[\"t\"]}}]}" });

	(void)state;
	assert_string_equal(
		answer(s, "{\"task\":null}", "x"),
		"{\"verdict\":\"ask\",\"by\":[\"c\",\"user:default\"],\"redact\":[],"
		"\"strip\":[]}");
	policy_set_free(s);
}

/* A ceiling's rule comes before its default, also when it allows. */
static void a_ceilings_rule_may_allow_what_its_default_does_not(void **state)
{
	struct policy_set *s =
		SET({ POLICY_MANDATORY, "m",
		      F(X ",\"default\":{\"cloud\":\"deny\"},\"rules\":[{\"id\":\"yes\","
			  "\"effect\":\"allow\",\"when\":{\"task\":[\"t\"]}}]") });

	(void)state;
	assert_string_equal(
		answer(s, "{\"task\":\"t\"}", "x"),
		"{\"verdict\":\"allow\",\"by\":[\"yes\"],\"redact\":[],\"strip\":[]}");
	policy_set_free(s);
}

/* Where what is exported goes is kept to the letter. */
static void a_change_of_case_is_a_change(void **state)
{
	struct policy_set *before = SET(
		{ POLICY_USER, "f", F("\"ledger\":{\"export\":{\"otlp\":\"https://o\"}}") });
	struct policy_set *after = SET(
		{ POLICY_USER, "f", F("\"ledger\":{\"export\":{\"OTLP\":\"https://o\"}}") });
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(policy_diff(before, before, &out), 0);
	assert_int_equal(policy_diff(before, after, &out), 1);
	buf_free(&out);
	policy_set_free(before);
	policy_set_free(after);
}

static void a_file_may_have_4096_tests(void **state)
{
	(void)state;
	for (size_t n = 4096; n <= 4097; n++) {
		struct policy_file *f = NULL;
		struct policy_error error;
		struct buf text;

		buf_init(&text, POLICY_FILE_MAX_BYTES);
		buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"f\",\"tests\":[");
		for (size_t i = 0; i < n; i++)
			buf_printf(&text,
				   "%s{\"name\":\"t\",\"request\":{},\"expect\":{\"local\":"
				   "\"allow\"}}",
				   i > 0 ? "," : "");
		buf_add_str(&text, "]}");
		enum err got = policy_file_parse(buf_span(&text), POLICY_USER, "f", NULL, 0, &f,
						 &error);
		assert_int_equal(got, n <= 4096 ? ERR_OK : ERR_TOO_BIG);
		if (got == ERR_OK)
			assert_int_equal(policy_file_info(f).n_tests, n);
		else
			assert_string_equal(error.expected, "at most 4096");
		policy_file_free(f);
		buf_free(&text);
	}
}

static void keep_place(void *ctx, const struct policy_lint *lint)
{
	snprintf(ctx, 200, "%s:%u:%u", lint->code, lint->line, lint->column);
}

/* A name too long to be looked for has neither line nor column. */
static void a_remark_names_its_place_or_none(void **state)
{
	static const struct {
		const char *file, *place;
	} rows[] = {
		{ F("\n\"categories\":{\"company.a\":{\"regex\":\"x\"}}"),
		  "regex-unanchored:2:36" },
		{ F("\"categories\":{\"company."
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaa"
		    "\":{\"regex\":\"x\"}}"),
		  "regex-unanchored:0:0" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_set *s = SET({ POLICY_USER, "u", rows[i].file });
		char text[200] = "";

		(void)policy_lints(s, keep_place, text);
		assert_string_equal(text, rows[i].place);
		policy_set_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_makes_an_exception_is_looked_at_too),
		cmocka_unit_test(the_group_that_is_there_twice_is_named),
		cmocka_unit_test(numbers_that_exclude_each_other_never_match),
		cmocka_unit_test(a_destination_that_is_there_is_no_matter),
		cmocka_unit_test(a_regex_is_anchored_on_both_sides),
		cmocka_unit_test(each_layers_rule_without_effect_is_explained),
		cmocka_unit_test(each_ceiling_shadows),
		cmocka_unit_test(a_ceilings_test_says_what_it_wants_each_time),
		cmocka_unit_test(a_test_has_a_base),
		cmocka_unit_test(a_test_forgets_the_one_before),
		cmocka_unit_test(an_allowance_that_may_apply_is_none),
		cmocka_unit_test(what_counts_somewhere_is_not_shadowed),
		cmocka_unit_test(what_excludes_itself_never_matches_wherever_it_stands),
		cmocka_unit_test(a_default_that_decides_is_the_reason),
		cmocka_unit_test(a_ceilings_rule_may_allow_what_its_default_does_not),
		cmocka_unit_test(a_change_of_case_is_a_change),
		cmocka_unit_test(a_file_may_have_4096_tests),
		cmocka_unit_test(a_remark_names_its_place_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
