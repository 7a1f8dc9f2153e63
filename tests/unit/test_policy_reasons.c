/* SPDX-License-Identifier: Apache-2.0 */
/* Who decided, at the edges: between layers, between what is known and what may be, among many;
 * and what the tests of a file make of it. */
#include "tests/unit/policy_help.h"

#define F(id, more) "{\"hither_policy\":1,\"id\":\"" id "\"," more "}"
#define X           "\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\"}}"
/* Each matches when the task is t; not knowing the task, it may. */
#define ASKS(id)   "{\"id\":\"" id "\",\"effect\":\"ask\",\"when\":{\"task\":[\"t\"]}}"
#define DENIES(id) "{\"id\":\"" id "\",\"effect\":\"deny\",\"when\":{\"task\":[\"t\"]}}"
#define ALLOWS(id) "{\"id\":\"" id "\",\"effect\":\"allow\",\"when\":{\"task\":[\"t\"]}}"
#define RULES(...) "\"rules\":[" __VA_ARGS__ "]"
#define SAYS(verdict, by)                                                                      \
	"{\"verdict\":\"" verdict "\",\"by\":[" by "],\"redact\":[],\"strip\":[]}"
#define KNOWN   "{\"task\":\"t\"}"
#define UNKNOWN "{\"task\":null}"
#define OTHER   "{\"task\":\"u\"}"

static void identity_is_at_least_what_is_asked_for(void **state)
{
	static const char *const wanted[] = { "claimed", "socket", "attested" };
	static const char *const levels[] = { "anonymous", "claimed", "socket", "attested" };

	(void)state;
	for (size_t w = 0; w < LEN(wanted); w++) {
		char text[400], request[60];

		snprintf(text, sizeof text,
			 F("f", X ",\"rules\":[{\"id\":\"a\",\"effect\":\"allow\",\"when\":{"
				  "\"identity\":\"%s\"}}]"),
			 wanted[w]);
		struct policy_set *s = SET({ POLICY_USER, "u", text });
		for (size_t l = 0; l < LEN(levels); l++) {
			snprintf(request, sizeof request, "{\"identity\":\"%s\"}", levels[l]);
			CHECK(contains(answer(s, request, "x"), "\"verdict\":\"allow\"") ==
				      (l >= w + 1),
			      request);
		}
		policy_set_free(s);
	}
}

static const struct {
	const char *sentence;
	struct source files[3];
	const char *request, *wanted;
} rows[] = {
	{ "ceilings of one mind are both named",
	  { { POLICY_VENDOR_MANDATORY, "v", F("v", X "," RULES(DENIES("a"))) },
	    { POLICY_MANDATORY, "m", F("m", RULES(DENIES("b"))) } },
	  KNOWN,
	  SAYS("deny", "\"a\",\"b\"") },
	{ "the stricter ceiling is named alone",
	  { { POLICY_VENDOR_MANDATORY, "v", F("v", X "," RULES(ASKS("a"))) },
	    { POLICY_MANDATORY, "m", F("m", RULES(DENIES("b"))) } },
	  KNOWN,
	  SAYS("deny", "\"b\"") },
	{ "the looser ceiling is not named",
	  { { POLICY_VENDOR_MANDATORY, "v", F("v", X "," RULES(DENIES("a"))) },
	    { POLICY_MANDATORY, "m", F("m", RULES(ASKS("b"))) } },
	  KNOWN,
	  SAYS("deny", "\"a\"") },
	{ "a ceiling that says nothing is no reason",
	  { { POLICY_MANDATORY, "m", F("m", X "," RULES(DENIES("b"))) },
	    { POLICY_USER, "u", F("u", "\"default\":{\"cloud\":\"allow\"}") } },
	  OTHER,
	  SAYS("allow", "\"user:default\"") },
	{ "a ceiling that may ask, asks",
	  { { POLICY_MANDATORY, "m", F("m", X "," RULES(ASKS("b"))) },
	    { POLICY_USER, "u", F("u", "\"default\":{\"cloud\":\"allow\"}") } },
	  UNKNOWN,
	  SAYS("ask", "\"b?\"") },
	{ "what may be stricter further away is named alone",
	  { { POLICY_USER, "u", F("u", X "," RULES(ASKS("a"))) },
	    { POLICY_RECOMMENDED, "r",
	      F("r", "\"default\":{\"cloud\":\"allow\"}," RULES(DENIES("b"))) } },
	  UNKNOWN,
	  SAYS("deny", "\"b?\"") },
	{ "of what may be as strict the nearer is named",
	  { { POLICY_USER, "u",
	      F("u", X ",\"default\":{\"cloud\":\"allow\"}," RULES(ASKS("a"))) },
	    { POLICY_RECOMMENDED, "r", F("r", RULES(ASKS("b"))) } },
	  UNKNOWN,
	  SAYS("ask", "\"a?\"") },
	{ "what is certain is named before what may be as strict",
	  { { POLICY_USER, "u", F("u", X "," RULES(ASKS("a"))) },
	    { POLICY_RECOMMENDED, "r", F("r", RULES("{\"id\":\"b\",\"effect\":\"ask\"}")) } },
	  UNKNOWN,
	  SAYS("ask", "\"b\"") },
	{ "what may be stricter is named before what is certain",
	  { { POLICY_USER, "u", F("u", X "," RULES(DENIES("a"))) },
	    { POLICY_RECOMMENDED, "r", F("r", RULES("{\"id\":\"b\",\"effect\":\"ask\"}")) } },
	  UNKNOWN,
	  SAYS("deny", "\"a?\"") },
	{ "a default as strict stands for all that may be",
	  { { POLICY_USER, "u",
	      F("u", X ",\"default\":{\"cloud\":\"ask\"}," RULES(
			     ASKS("a") "," ASKS("b") "," ASKS("c") "," ASKS("d") "," ASKS(
				     "e") "," ASKS("f") "," ASKS("g") "," ASKS("h"))) } },
	  UNKNOWN,
	  SAYS("ask", "\"user:default\"") },
	{ "behind a ceiling's reason, too",
	  { { POLICY_MANDATORY, "m", F("m", X "," RULES("{\"id\":\"z\",\"effect\":\"ask\"}")) },
	    { POLICY_USER, "u",
	      F("u", "\"default\":{\"cloud\":\"ask\"}," RULES(ASKS("a") "," ASKS("b"))) } },
	  UNKNOWN,
	  SAYS("ask", "\"z\",\"user:default\"") },
	{ "a looser default does not",
	  { { POLICY_USER, "u",
	      F("u",
		X ",\"default\":{\"cloud\":\"allow\"}," RULES(ASKS("a") "," ASKS("b"))) } },
	  UNKNOWN,
	  SAYS("ask", "\"a?\",\"b?\"") },
	{ "the nearest certain word counts",
	  { { POLICY_USER, "u", F("u", X "," RULES(ALLOWS("a"))) },
	    { POLICY_RECOMMENDED, "r", F("r", RULES(DENIES("b"))) } },
	  KNOWN,
	  SAYS("allow", "\"a\"") },
	{ "nobody says anything",
	  { { POLICY_USER, "u", F("u", X) } },
	  KNOWN,
	  SAYS("deny", "\"builtin:default\"") },
	{ "a rule of the same name is named once",
	  { { POLICY_MANDATORY, "m", F("m", X "," RULES(ASKS("a"))) },
	    { POLICY_USER, "u", F("u", RULES(ASKS("a") "," ASKS("b"))) } },
	  KNOWN,
	  SAYS("ask", "\"a\",\"b\"") },
	{ "but not when one is certain and the other is not",
	  { { POLICY_MANDATORY, "m", F("m", X "," RULES("{\"id\":\"a\",\"effect\":\"ask\"}")) },
	    { POLICY_USER, "u",
	      F("u", "\"default\":{\"cloud\":\"allow\"}," RULES(ASKS("a"))) } },
	  UNKNOWN,
	  SAYS("ask", "\"a\",\"a?\"") },
};

static void the_reasons_are_exactly_these(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		size_t n = 0;

		while (n < LEN(rows[i].files) && rows[i].files[n].text != NULL)
			n++;
		struct policy_set *s = set_of(rows[i].files, n);
		const char *got = answer(s, rows[i].request, "x");

		if (strcmp(got, rows[i].wanted) != 0)
			fail_msg("%s: %s", rows[i].sentence, got);
		policy_set_free(s);
	}
}

/* Two questions that differ in one respect only are two, whichever comes first. */
static void like_questions_are_told_apart(void **state)
{
	static const struct {
		const char *yes, *no, *request;
	} pairs[] = {
		{ "\"app\":[\"ab\",\"c\"]", "\"app\":[\"a\",\"bc\"]", "{\"app\":\"ab\"}" },
		{ "\"app\":[\"ab\"]", "\"app\":[\"ac\"]", "{\"app\":\"ab\"}" },
		{ "\"app\":[\"ab\"]", "\"app\":[\"abc\"]", "{\"app\":\"ab\"}" },
		{ "\"app\":[\"a\",\"b\"]", "\"app\":[\"a\"]", "{\"app\":\"b\"}" },
		{ "\"app\":[\"a\"]", "\"user\":[\"a\"]", "{\"app\":\"a\",\"user\":\"b\"}" },
		{ "\"data\":{\"any\":[\"a.b\"]}", "\"data\":{\"none\":[\"a.b\"]}",
		  "{\"data\":[\"a.b\"]}" },
		{ "\"tools\":true", "\"interactive\":true",
		  "{\"tools\":true,\"interactive\":false}" },
		{ "\"tools\":false", "\"tools\":true", "{\"tools\":false}" },
		{ "\"score\":{\"lte\":0.5}", "\"score\":{\"lt\":0.5}", "{\"score\":0.5}" },
		{ "\"score\":{\"gte\":0.5}", "\"score\":{\"gt\":0.5}", "{\"score\":0.5}" },
		{ "\"score\":{\"lt\":0.5}", "\"score\":{\"lt\":0.4}", "{\"score\":0.45}" },
		{ "\"score\":{\"lte\":0.5}", "\"score\":{\"lte\":0.4}", "{\"score\":0.45}" },
		{ "\"score\":{\"gt\":0.4}", "\"score\":{\"gt\":0.5}", "{\"score\":0.45}" },
		{ "\"score\":{\"gte\":0.4}", "\"score\":{\"gte\":0.5}", "{\"score\":0.45}" },
		{ "\"score\":{\"eq\":0.5}", "\"score\":{\"eq\":0.4}", "{\"score\":0.5}" },
		{ "\"score\":{\"lt\":0}", "\"score\":{\"gt\":0}", "{\"score\":-1}" },
		{ "\"identity\":\"socket\"", "\"identity\":\"attested\"",
		  "{\"identity\":\"socket\"}" },
		{ "\"device\":{\"power\":\"ac\"}", "\"device\":{\"power\":\"battery\"}",
		  "{\"device\":{\"power\":\"ac\"}}" },
		{ "\"device\":{\"battery_pct\":5}", "\"device\":{\"battery_pct\":6}",
		  "{\"device\":{\"battery_pct\":5}}" },
		{ "\"time\":{\"days\":[\"mon\"]}", "\"time\":{\"days\":[\"tue\"]}",
		  "{\"time\":\"2026-11-16T10:00\"}" },
		{ "\"time\":{}", "\"time\":{\"days\":[\"tue\"]}",
		  "{\"time\":\"2026-11-16T10:00\"}" },
		{ "\"time\":{\"hours\":\"09:00-11:00\"}",
		  "\"time\":{\"hours\":\"10:30-11:00\"}", "{\"time\":\"2026-11-16T10:00\"}" },
		{ "\"time\":{\"hours\":\"09:00-11:00\"}",
		  "\"time\":{\"hours\":\"09:00-10:00\"}", "{\"time\":\"2026-11-16T10:00\"}" },
		{ "\"tier\":[\"cloud\"]", "\"tier\":[\"device\"]", "{}" },
		{ "\"destination\":[\"x\"]", "\"destination\":[\"y\"]", "{}" },
		{ "\"any\":[{\"tools\":true},{\"interactive\":true}]",
		  "\"all\":[{\"tools\":true},{\"interactive\":true}]",
		  "{\"tools\":false,\"interactive\":true}" },
		{ "\"all\":[]", "\"any\":[]", "{}" },
		{ "\"not\":{\"tools\":true}", "\"tools\":true", "{\"tools\":false}" },
	};
	char text[600];

	(void)state;
	for (size_t i = 0; i < LEN(pairs); i++) {
		for (int first = 0; first < 2; first++) {
			snprintf(text, sizeof text,
				 F("f", X ",\"rules\":[{\"id\":\"%s\",\"effect\":\"ask\","
					  "\"when\":{%s}},"
					  "{\"id\":\"%s\",\"effect\":\"ask\",\"when\":{%s}}]"),
				 first == 0 ? "yes" : "no",
				 first == 0 ? pairs[i].yes : pairs[i].no,
				 first == 0 ? "no" : "yes",
				 first == 0 ? pairs[i].no : pairs[i].yes);
			struct policy_set *s = SET({ POLICY_USER, "u", text });
			CHECK(strcmp(answer(s, pairs[i].request, "x"),
				     SAYS("ask", "\"yes\"")) == 0,
			      text);
			policy_set_free(s);
		}
	}
}

/* However many categories a text has, each of them counts, the last as much as the first. */
static void each_category_counts(void **state)
{
#define IF(id, data) "{\"id\":\"" id "\",\"effect\":\"ask\",\"when\":{\"data\":{" data "}}}"
	struct policy_set *s =
		SET({ POLICY_USER, "u",
		      F("u",
			X "," RULES(IF("any", "\"any\":[\"a.b\"]") "," IF(
				"all",
				"\"all\":[\"a.b\","
				"\"f.*\"]") "," IF("none",
						   "\"none\":[\"a.b\"]") "," IF("only",
										"\"only\":[\"f."
										"*\"]"))) });

	(void)state;
	for (size_t n = 2; n <= 70; n++) {
		for (size_t at = 0; at <= n; at++) { /* n: nowhere */
			struct buf request;

			buf_init(&request, 65536);
			buf_add_str(&request, "{\"data\":[");
			for (size_t i = 0; i < n; i++)
				buf_printf(&request, i == at ? "%s\"a.b\"" : "%s\"f.g%zu\"",
					   i > 0 ? "," : "", i);
			buf_add_str(&request, "]}");
			assert_string_equal(answer(s, buf_cstr(&request), "x"),
					    at < n ? SAYS("ask", "\"any\",\"all\"")
						   : SAYS("ask", "\"none\",\"only\""));
			buf_free(&request);
		}
	}
	policy_set_free(s);
}

/* A group is its layer's: the same name may be another list in another. */
static void a_group_is_its_layers(void **state)
{
	struct policy_set *s =
		SET({ POLICY_MANDATORY, "m",
		      F("m", X ",\"groups\":{\"g\":[\"a\",\"b*\"]}," RULES(
				     "{\"id\":\"in_m\",\"effect\":\"ask\",\"when\":{\"app\":["
				     "\"z\",\"@g\",\"y\"]}}")) },
		    { POLICY_USER, "u",
		      F("u", "\"default\":{\"cloud\":\"allow\"},\"groups\":{\"g\":[\"c\"],"
			     "\"h\":[]}," RULES("{\"id\":\"in_u\",\"effect\":\"ask\",\"when\":{"
						"\"app\":[\"z\",\"@g\",\"y\"]}},"
						"{\"id\":\"none\",\"effect\":\"ask\",\"when\":{"
						"\"app\":[\"@h\",\"@i\"]}}")) });
	static const struct {
		const char *request, *wanted;
	} apps[] = {
		{ "{\"app\":\"a\"}", SAYS("ask", "\"in_m\"") },
		{ "{\"app\":\"bb\"}", SAYS("ask", "\"in_m\"") },
		{ "{\"app\":\"c\"}", SAYS("ask", "\"in_u\"") },
		{ "{\"app\":\"y\"}", SAYS("ask", "\"in_m\",\"in_u\"") },
		{ "{\"app\":\"z\"}", SAYS("ask", "\"in_m\",\"in_u\"") },
		{ "{\"app\":\"@g\"}", SAYS("allow", "\"user:default\"") },
		{ "{\"app\":\"g\"}", SAYS("allow", "\"user:default\"") },
	};

	(void)state;
	for (size_t i = 0; i < LEN(apps); i++)
		assert_string_equal(answer(s, apps[i].request, "x"), apps[i].wanted);
	policy_set_free(s);
}

static struct policy_reason first_reason(struct policy_set *s, const char *request,
					 struct arena *a)
{
	struct policy_decision *d = policy_decisions_new(s, 1, a);
	struct policy_request q = request_of(a, request);

	policy_decide(s, &q, 1, d);
	assert_int_equal(d->n_by, 1);
	return policy_decision_reason(s, d, 0);
}

static void what_is_built_in_says_why(void **state)
{
	struct policy_set *s = SET({ POLICY_USER, "u", F("u", X) });
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_reason r;

	(void)state;
	r = first_reason(s, "{\"device\":{\"network\":\"offline\"}}", a);
	assert_string_equal(r.id, "builtin:offline");
	assert_string_equal(r.because, "this machine is offline");
	assert_false(r.uncertain);
	assert_null(r.file);
	assert_int_equal(r.line, 0);
	r = first_reason(s, "{\"app_restrict\":{\"max_tier\":\"trusted\"}}", a);
	assert_string_equal(r.id, "app:max_tier");
	assert_null(r.because);
	assert_false(r.uncertain);
	r = first_reason(s, "{}", a);
	assert_string_equal(r.id, "builtin:default");
	assert_null(r.because);
	assert_null(r.file);
	assert_false(r.uncertain);
	policy_set_free(s);
	s = SET({ POLICY_VENDOR, "v", F("v", X ",\"default\":{\"cloud\":\"ask\"}") });
	r = first_reason(s, "{}", a);
	assert_string_equal(r.id, "vendor:default");
	assert_string_equal(r.file, "v");
	assert_null(r.because);
	assert_false(r.uncertain);
	policy_set_free(s);
	arena_free(a);
}

/* More patterns than bits in two words; each decision begins with none. */
static void many_patterns_are_redacted(void **state)
{
	struct buf text, wanted;

	(void)state;
	buf_init(&text, 65536);
	buf_init(&wanted, 65536);
	buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"f\"," X ",\"rules\":[");
	buf_add_str(&wanted, "{\"verdict\":\"ask\",\"by\":[\"r\"],\"redact\":[");
	for (unsigned i = 0; i < 130; i++) {
		buf_printf(&text,
			   "%s{\"id\":\"q%u\",\"effect\":\"require\",\"with\":{\"redact\":["
			   "\"c.p%03u\"]}}",
			   i > 0 ? "," : "", i, i);
		buf_printf(&wanted, "%s\"c.p%03u\"", i > 0 ? "," : "", i);
	}
	buf_add_str(&text, ",{\"id\":\"r\",\"effect\":\"ask\",\"when\":{\"task\":[\"t\"]}}]}");
	buf_add_str(&wanted, "],\"strip\":[]}");
	struct policy_set *s = SET({ POLICY_USER, "u", buf_cstr(&text) });

	assert_string_equal(answer(s, KNOWN, "x"), buf_cstr(&wanted));
	assert_string_equal(answer(s, OTHER, "x"), SAYS("deny", "\"builtin:default\""));
	policy_set_free(s);
	buf_clear(&text);
	buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"f\"," X ",\"rules\":[");
	for (unsigned i = 0; i < 130; i++)
		buf_printf(&text,
			   "%s{\"id\":\"q%u\",\"effect\":\"ask\",\"when\":{\"task\":[\"t%u\"]},"
			   "\"with\":{\"redact\":[\"c.p%03u\"]}}",
			   i > 0 ? "," : "", i, i, i);
	buf_add_str(&text, "]}");
	s = SET({ POLICY_USER, "u", buf_cstr(&text) });
	for (unsigned i = 0; i < 130; i++) {
		char request[40], want[100];

		snprintf(request, sizeof request, "{\"task\":\"t%u\"}", i);
		snprintf(want, sizeof want,
			 "{\"verdict\":\"ask\",\"by\":[\"q%u\"],\"redact\":[\"c.p%03u\"],"
			 "\"strip\":[]}",
			 i, i);
		assert_string_equal(answer(s, request, "x"), want);
	}
	policy_set_free(s);
	buf_free(&text);
	buf_free(&wanted);
}

/* ---------------------------------------------------------------- tests of a file */

static void tell(void *ctx, const struct policy_test_result *r)
{
	buf_printf(ctx, "%s:%u %s at %s: %s%s, wanted %s, got %s\n",
		   policy_file_info(r->file).name, r->line, r->test, r->destination,
		   r->ok ? "ok" : "wrong", r->invariant ? ", with all" : "", r->wanted, r->got);
}

static void each_result_is_told_whole(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_MANDATORY, "m",
		  F("m", X
		    "," RULES("{\"id\":\"rule\",\"effect\":\"ask\",\"with\":{\"redact\":["
			      "\"a\"]}}") ",\"tests\":["
					  "\n{\"name\":\"one\",\"request\":{\"task\":\"u\"},"
					  "\"expect\":"
					  "{\"x\":{\"verdict\":\"ask\","
					  "\"by\":[\"rule\"],\"redact\":[\"a\"]}}},"
					  "\n{\"name\":\"two\",\"request\":{\"task\":\"u\"},"
					  "\"expect\":"
					  "{\"y\":\"ask\",\"local\":"
					  "\"deny\"}},"
					  "\n{\"name\":\"three\",\"request\":{\"task\":\"u\"},"
					  "\"expect\":{\"x\":{\"verdict\":"
					  "\"ask\",\"by\":[\"rul\",\"rule?\"],\"redact\":"
					  "[\"b\"]}}}]") },
		{ POLICY_USER, "u",
		  F("u", RULES(ASKS("maybe")) ",\"tests\":[{\"name\":\"four\",\"request\":{"
					      "\"task\":null},\"expect\":{\"local\":{"
					      "\"verdict\":\"ask\",\"by\":["
					      "\"maybe?\"]}}}]") });
	struct buf out;
	size_t n = 0;

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(policy_tests_run(s, NULL, tell, &out, &n), 4);
	assert_int_equal(n, 8);
	assert_string_equal(
		buf_cstr(&out),
		"m:2 one at x: ok, wanted ask by rule; redact a, got ask by rule; redact a\n"
		"m:2 one at x: ok, with all, wanted ask or stricter, got ask by rule; redact "
		"a\n"
		"m:3 two at y: wrong, wanted ask, got there is no destination \"y\"\n"
		"m:3 two at local: wrong, wanted deny, got ask by rule; redact a\n"
		"m:3 two at local: wrong, with all, wanted deny or stricter, got ask by rule; "
		"redact a\n"
		"m:4 three at x: wrong, wanted ask by rul, rule?; redact b, got ask by rule; "
		"redact a\n"
		"m:4 three at x: ok, with all, wanted ask or stricter, got ask by rule; redact "
		"a\n"
		"u:1 four at local: ok, wanted ask by maybe?, got ask by rule, maybe?; redact "
		"a\n");
	buf_free(&out);
	policy_set_free(s);
}

static void note_id(void *ctx, const struct policy_file *file, const char *id, uint32_t line)
{
	buf_printf(ctx, "%s:%u %s\n", policy_file_info(file).name, line, id);
}

/* What the last run of tests hit counts, not what was asked before, between or after. */
static void coverage_is_that_of_the_last_run(void **state)
{
#define TRIES(task)                                                                            \
	",\"tests\":[{\"name\":\"n\",\"request\":{\"task\":\"" task                            \
	"\"},\"expect\":{\"local\":\"deny\"}}]"
	struct policy_set *s = SET(
		{ POLICY_USER, "u", F("u", X "," RULES("\n" DENIES("a")) TRIES("t")) },
		{ POLICY_USER, "v",
		  F("v",
		    RULES("\n\n{\"id\":\"b\",\"effect\":\"deny\",\"when\":{\"task\":[\"s\"]}}")
			    TRIES("s")) });
	struct buf out;

	(void)state;
	buf_init(&out, 1024);
	assert_int_equal(policy_coverage(s, note_id, &out), 2);
	assert_string_equal(buf_cstr(&out), "u:2 a\nv:3 b\n");
	buf_clear(&out);
	assert_int_equal(policy_tests_run(s, policy_set_file(s, 0), NULL, NULL, NULL), 0);
	(void)answer(s, "{\"task\":\"s\"}", "x");
	assert_int_equal(policy_coverage(s, note_id, &out), 1);
	assert_string_equal(buf_cstr(&out), "v:3 b\n");
	buf_clear(&out);
	assert_int_equal(policy_tests_run(s, policy_set_file(s, 1), NULL, NULL, NULL), 0);
	assert_int_equal(policy_coverage(s, note_id, &out), 1);
	assert_string_equal(buf_cstr(&out), "u:2 a\n");
	assert_int_equal(policy_tests_run(s, NULL, NULL, NULL, NULL), 0);
	assert_int_equal(policy_coverage(s, NULL, NULL), 0);
	buf_free(&out);
	policy_set_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_is_at_least_what_is_asked_for),
		cmocka_unit_test(the_reasons_are_exactly_these),
		cmocka_unit_test(like_questions_are_told_apart),
		cmocka_unit_test(each_category_counts),
		cmocka_unit_test(a_group_is_its_layers),
		cmocka_unit_test(what_is_built_in_says_why),
		cmocka_unit_test(many_patterns_are_redacted),
		cmocka_unit_test(each_result_is_told_whole),
		cmocka_unit_test(coverage_is_that_of_the_last_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
