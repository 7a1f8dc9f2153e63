/* SPDX-License-Identifier: Apache-2.0 */
/* What people and other programs read: requests as JSON, the batch evaluator, tests inside
 * files, explain, lints, layout, differences, and what is in force. */
#include "tests/unit/policy_help.h"
#include "tests/unit/policy_shown.h"

#define F(body) "{\"hither_policy\":1,\"id\":\"f\"," body "}"
#define X                                                                                      \
	"\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\",\"retention_days\":0}" \
	"}"

/* ---------------------------------------------------------------- requests */

static void request_round_trip(void **state)
{
	static const char *const requests[] = {
		"{\"app\":\"a\",\"identity\":\"socket\",\"user\":\"u\",\"groups\":[\"g\",\"h\"]"
		",\"interactive\":false,"
		"\"task\":\"t\",\"data\":[],\"score\":0.25,\"confidence\":1,\"input_tokens\":9,"
		"\"modality\":[\"image\"],\"tools\":true,\"device\":{\"power\":\"battery\","
		"\"battery_pct\":50,"
		"\"network\":\"metered\",\"thermal\":\"critical\",\"locked\":true,\"vpn\":"
		"false},"
		"\"time\":\"2026-11-22T23:59\",\"app_restrict\":{\"max_tier\":\"device\"}}",
		"{\"app\":null,\"identity\":null,\"user\":null,\"groups\":null,\"interactive\":"
		"null,\"task\":null,"
		"\"data\":null,\"score\":null,\"confidence\":null,\"input_tokens\":null,"
		"\"modality\":null,"
		"\"tools\":null,\"device\":{\"power\":null,\"battery_pct\":null,\"network\":"
		"null,"
		"\"thermal\":null,\"locked\":null,\"vpn\":null},\"time\":null,\"app_restrict\":"
		"null}",
	};

	(void)state;
	for (size_t i = 0; i < LEN(requests); i++) {
		struct arena *a = arena_new("test", 1u << 20);
		struct policy_request q = request_of(a, requests[i]);
		struct buf out;

		buf_init(&out, 4096);
		policy_request_write(&q, &out);
		assert_string_equal(buf_cstr(&out), requests[i]);
		buf_free(&out);
		arena_free(a);
	}
}

static void request_refusals(void **state)
{
	static const char *const bad[] = {
		"{\"x\":1}",
		"{\"app\":1}",
		"{\"groups\":\"g\"}",
		"{\"groups\":[1]}",
		"{\"score\":\"high\"}",
		"{\"tools\":1}",
		"{\"identity\":\"unknown\"}",
		"{\"identity\":1}",
		"{\"device\":1}",
		"{\"device\":{\"power\":\"x\"}}",
		"{\"device\":{\"x\":1}}",
		"{\"time\":1}",
		"{\"time\":\"noon\"}",
		"{\"time\":\"2026-11-18 1\"}",
		"{\"time\":\"2026/11-18T10:00\"}",
		"{\"time\":\"2026-11/18T10:00\"}",
		"{\"time\":\"2026-11-18x10:00\"}",
		"{\"time\":\"2026-11-18T10.00\"}",
		"{\"time\":\"x026-11-18T10:00\"}",
		"{\"time\":\"2026-x1-18T10:00\"}",
		"{\"time\":\"2026-11-x8T10:00\"}",
		"{\"time\":\"2026-11-18Tx0:00\"}",
		"{\"time\":\"2026-11-18T10:x0\"}",
		"{\"time\":\"0000-11-18T10:00\"}",
		"{\"time\":\"2026-00-18T10:00\"}",
		"{\"time\":\"2026-13-18T10:00\"}",
		"{\"time\":\"2026-11-00T10:00\"}",
		"{\"time\":\"2026-11-31T10:00\"}",
		"{\"time\":\"2026-11-18T24:00\"}",
		"{\"time\":\"202/-11-18T10:00\"}",
		"{\"time\":\"2026-11-18T10:60\"}",
		"{\"app_restrict\":1}",
		"{\"app_restrict\":{\"max_tier\":\"x\"}}",
	};

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		struct arena *a = arena_new("test", 1u << 20);
		struct policy_request q;
		struct policy_error e;
		struct json_where where;
		cJSON *tree = NULL;

		assert_int_equal(json_parse(span_of(bad[i]), &json_limits_api, &tree, &where),
				 ERR_OK);
		policy_request_base(&q);
		CHECK(policy_request_apply(&q, tree, a, &e) == ERR_SYNTAX, bad[i]);
		CHECK(e.problem[0] != '\0' && e.line == 0, bad[i]);
		cJSON_Delete(tree);
		arena_free(a);
	}
}

static void request_corners(void **state)
{
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_request q =
		request_of(a, "{\"app_restrict\":{},\"time\":\"2026-01-04 00:00:30\"}");

	(void)state;
	assert_false(q.restricted);
	assert_int_equal(q.time.weekday, 6); /* a Sunday */
	q = request_of(a, "{\"device\":null}");
	assert_int_equal(q.device.network, POLICY_NETWORK_UNKNOWN);
	arena_free(a);
	for (unsigned n = 1; n < 4; n++) {
		struct policy_error e;
		struct json_where where;
		cJSON *tree = NULL;

		a = arena_new("test", 1u << 20);
		assert_int_equal(json_parse(SPAN_LITERAL("{\"groups\":[\"a\"],\"app\":\"b\"}"),
					    &json_limits_api, &tree, &where),
				 ERR_OK);
		fault_arm(n, false);
		assert_int_equal(policy_request_apply(&q, tree, a, &e), ERR_NO_MEMORY);
		fault_arm(0, false);
		cJSON_Delete(tree);
		arena_free(a);
	}
}

/* ---------------------------------------------------------------- batch lines */

static const struct {
	const char *line, *want;
} lines[] = {
	{ "{\"id\":7,\"layers\":{\"user\":[{\"destinations\":{\"x\":{\"tier\":\"cloud\"}}}]},"
	  "\"request\":{}}",
	  "{\"id\":7,\"verdicts\":{\"local\":{\"verdict\":\"allow\",\"by\":[\"builtin:"
	  "default\"],\"redact\":[],"
	  "\"strip\":[]},\"x\":{\"verdict\":\"deny\",\"by\":[\"builtin:default\"],\"redact\":[]"
	  ",\"strip\":[]}}}" },
	{ "x", "{\"id\":null,\"error\":" },
	{ "[]", "{\"id\":null,\"error\":" },
	{ "{\"id\":\"a\"}", "{\"id\":\"a\",\"error\":\"\\\"layers\\\" is missing" },
	{ "{\"id\":\"a\",\"layers\":{}}",
	  "{\"id\":\"a\",\"error\":\"\\\"request\\\" is missing" },
	{ "{\"id\":\"a\",\"layers\":{\"boss\":[]},\"request\":{}}",
	  "{\"id\":\"a\",\"error\":\"unknown layer" },
	{ "{\"id\":\"a\",\"layers\":{\"user\":{}},\"request\":{}}",
	  "{\"id\":\"a\",\"error\":\"layer user is no list" },
	{ "{\"id\":\"a\",\"layers\":{\"user\":[{\"ruels\":[]}]},\"request\":{}}",
	  "{\"id\":\"a\",\"error\":\"user[0]:1:2: unknown key" },
	{ "{\"id\":\"a\",\"layers\":{},\"request\":{\"ap\":1}}",
	  "{\"id\":\"a\",\"error\":\"unknown key \\\"ap\\\"; did you mean" },
};

static void batch_lines(void **state)
{
	struct buf out;

	(void)state;
	for (size_t i = 0; i < LEN(lines); i++) {
		buf_init(&out, 65536);
		bool ok = policy_eval_line(span_of(lines[i].line), false, &out);

		CHECK(ok == (i == 0), lines[i].line);
		if (strncmp(buf_cstr(&out), lines[i].want, strlen(lines[i].want)) != 0)
			fail_msg("%s gives %s", lines[i].line, buf_cstr(&out));
		buf_free(&out);
	}
	buf_init(&out, 65536);
	assert_false(policy_eval_line(span_of(lines[0].line), true, &out));
	assert_true(contains(buf_cstr(&out), "no api"));
	buf_free(&out);
}

static void batch_lines_without_memory(void **state)
{
	size_t before = arenas_alive();
	struct buf whole;

	(void)state;
	buf_init(&whole, 65536);
	assert_true(policy_eval_line(span_of(lines[0].line), false, &whole));
	for (unsigned n = 1;; n++) {
		struct buf out;

		buf_init(&out, 65536);
		fault_arm(n, false);
		bool ok = policy_eval_line(span_of(lines[0].line), false, &out);
		bool fired = fault_fired();

		fault_arm(0, false);
		if (ok && !out.failed) /* what is said to be an answer is all of it */
			assert_string_equal(buf_cstr(&out), buf_cstr(&whole));
		if (!ok && !out.failed)
			CHECK(contains(buf_cstr(&out), "memory"), buf_cstr(&out));
		buf_free(&out);
		assert_true(arenas_alive() == before);
		assert_true(ok || fired);
		if (!fired)
			break;
	}
	buf_free(&whole);
}

/* ---------------------------------------------------------------- tests inside files */

struct results {
	int ok, failed, invariants;
	char last[400];
};

static void on_result(void *ctx, const struct policy_test_result *r)
{
	struct results *x = ctx;

	x->ok += r->ok;
	x->failed += !r->ok;
	x->invariants += r->invariant;
	if (!r->ok)
		snprintf(x->last, sizeof x->last, "%s: %s: wanted %s, got %s", r->test,
			 r->destination, r->wanted, r->got);
}

#define TEST(name, request, expect)                                                            \
	"{\"name\":\"" name "\",\"request\":" request ",\"expect\":" expect "}"

static void scope_of_tests(void **state)
{
	struct policy_set *s =
		SET({ POLICY_VENDOR, "v",
		      F(X ",\"default\":{\"cloud\":\"ask\"},\"tests\":[" TEST(
			      "v", "{}", "{\"x\":\"ask\"}") "]") },
		    { POLICY_USER, "u",
		      F("\"rules\":[{\"id\":\"r\",\"effect\":\"deny\"},{\"id\":\"idle\","
			"\"effect\":\"ask\","
			"\"when\":{\"task\":[\"never\"]}}],\"tests\":[" TEST(
				"u", "{\"task\":\"chat\"}",
				"{\"x\":{\"verdict\":\"deny\",\"by\":[\"r\"]}}") "]") },
		    { POLICY_MANDATORY, "m",
		      F("\"default\":{\"cloud\":\"allow\"},\"tests\":[" TEST(
			      "m", "{\"task\":\"chat\"}", "{\"x\":\"allow\"}") "]") });
	struct results x = { 0 };
	size_t run;

	(void)state;
	/* The vendor's test does not see the person's rule; the mandatory one runs twice. */
	assert_int_equal(policy_tests_run(s, NULL, on_result, &x, &run), 0);
	assert_int_equal(run, 4);
	assert_int_equal(x.invariants, 1);
	assert_int_equal(policy_coverage(s, NULL, NULL), 1);
	assert_int_equal(policy_tests_run(s, policy_set_file(s, 0), NULL, NULL, &run), 0);
	assert_int_equal(run, 2);
	assert_int_equal(policy_tests_run(s, NULL, NULL, NULL, NULL), 0);
	fault_arm(1, false);
	assert_int_equal(policy_tests_run(s, NULL, NULL, NULL, NULL), 1);
	fault_arm(0, false);
	policy_set_free(s);
}

static void failing_tests(void **state)
{
	static const char *const expects[] = {
		"{\"x\":\"allow\"}",
		"{\"x\":{\"verdict\":\"ask\",\"by\":[\"other\"]}}",
		"{\"x\":{\"verdict\":\"ask\",\"by\":[\"r\"]}}",
		"{\"x\":{\"verdict\":\"ask\",\"by\":[\"r?x\"]}}",
		"{\"x\":{\"verdict\":\"ask\",\"by\":[\"r?\"],\"redact\":[\"a\",\"b\"]}}",
		"{\"nowhere\":\"ask\"}",
	};

	(void)state;
	for (size_t i = 0; i < LEN(expects); i++) {
		char text[1000];
		struct results x = { 0 };

		snprintf(text, sizeof text,
			 F(X ",\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"r\","
			     "\"effect\":\"ask\","
			     "\"when\":{\"task\":[\"t\"]},\"with\":{\"redact\":[\"a\"]}}],"
			     "\"tests\":[{\"name\":\"n\","
			     "\"request\":{},\"expect\":%s}]"),
			 expects[i]);
		struct policy_set *s = SET({ POLICY_USER, "u", text });
		CHECK(policy_tests_run(s, NULL, on_result, &x, NULL) == 1, expects[i]);
		CHECK(contains(x.last,
			       i == 5 ? "there is no destination" : "got ask by r?; redact a"),
		      x.last);
		policy_set_free(s);
	}
}

/* ---------------------------------------------------------------- explain, show */

static void explains(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_MANDATORY, "m.json",
		  F("\"serial\":4,\"not_after\":\"2027-01-01T00:00:00Z\",\"default\":{"
		    "\"cloud\":\"ask\"},"
		    "\"rules\":[{\"id\":\"card\",\"effect\":\"deny\",\"when\":{\"data\":{"
		    "\"any\":[\"financial.*\"]}},"
		    "\"because\":\"Money "
		    "stays.\"},{\"id\":\"mask\",\"effect\":\"require\",\"with\":{\"redact\":["
		    "\"personal.*\"],"
		    "\"strip\":[\"tools\"],\"max_input_tokens\":5,\"max_output_tokens\":6,"
		    "\"log\":\"digest\",\"notify\":\"after\"}},"
		    "{\"id\":\"deep\",\"effect\":\"deny\",\"when\":{\"any\":[{\"tools\":true},{"
		    "\"not\":{\"user\":[\"*\"]}},"
		    "{\"all\":[{\"tools\":true},{\"trains\":true}]}]}}]") },
		{ POLICY_USER, "u.json",
		  F(X
		    ",\"rules\":[{\"id\":\"loosen\",\"effect\":\"allow\",\"when\":{\"tier\":["
		    "\"cloud\"]}}],"
		    "\"routing\":{\"escalate_at\":0.62,\"prefer\":[\"trusted\",\"cloud\"]}") });
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_request q =
		request_of(a, "{\"app\":\"code\",\"task\":\"chat\",\"data\":[\"personal.name\"]"
			      ",\"app_restrict\":{\"max_tier\":\"cloud\"}}");
	struct buf out;
	const char *text;

	(void)state;
	buf_init(&out, 65536);
	policy_explain(s, &q, INT64_C(1790000000000), &out);
	text = buf_cstr(&out);
	assert_string_equal(text, explained);
	assert_true(contains(text,
			     "app code (attested)  task chat  score 0.70  data personal.name"));
	assert_true(contains(text, "x                     ASK    mandatory:default  (m.json)"));
	assert_true(contains(text,
			     "with: redact personal.*; strip tools; max 5 input tokens; "
			     "max 6 output tokens; log digest; tell the person afterwards"));
	assert_true(contains(
		text, "user rule loosen (allow) has no effect: mandatory:default says ASK"));
	assert_true(contains(text, "card would DENY local, x if data has financial.*"));
	assert_true(contains(text, "score 0.70 >= 0.62 prefer trusted, then cloud"));
	assert_true(contains(text, "f serial 4 active, expires in 101 days"));
	buf_clear(&out);
	q = request_of(a, "{\"data\":null,\"score\":null,\"time\":null,\"groups\":[]}");
	policy_explain(s, &q, INT64_C(1890000000000), &out);
	text = buf_cstr(&out);
	assert_string_equal(text, explained_unknown);
	assert_true(contains(text, "DENY   card?  \"Money stays.\""));
	assert_true(contains(text, "score unknown, escalates at 0.62"));
	assert_true(contains(text, "EXPIRED"));
	buf_clear(&out);
	fault_arm(1, false);
	policy_explain(s, &q, 0, &out);
	fault_arm(0, false);
	assert_true(out.failed);
	buf_free(&out);
	arena_free(a);
	policy_set_free(s);
}

static void explains_nothing_at_all(void **state)
{
	struct policy_set *s = policy_set_lockdown("why");
	struct policy_request q = { .restricted = true };
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	policy_explain(s, &q, 0, &out);
	assert_true(contains(buf_cstr(&out), "built-in defaults, lockdown"));
	assert_true(contains(buf_cstr(&out), "app allows device at most"));
	policy_show(s, true, 0, &out);
	assert_true(
		contains(buf_cstr(&out), "device allow, trusted ask, cloud deny  (built in)"));
	buf_free(&out);
	policy_set_free(s);
}

static const char everything[] = F(
	"\"title\":\"t\",\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\","
	"\"operator\":\"O\","
	"\"region\":\"eu\",\"base_url\":\"https://x\",\"trains\":true,\"retention_days\":30},"
	"\"y\":{\"tier\":\"trusted\",\"api\":\"ollama\",\"trains\":false}},\"only_"
	"destinations\":true,"
	"\"default\":{\"cloud\":\"deny\"},\"categories\":{\"company.a\":{\"regex\":\"x\"},"
	"\"company.b\":"
	"{\"keywords\":[\"k\"]},\"company.c\":{\"dictionary\":\"/"
	"d\"}},\"rules\":[{\"id\":\"all\",\"effect\":\"deny\","
	"\"when\":{\"app\":[\"a\",\"b\"],\"identity\":\"socket\",\"user\":[\"u\"],\"group\":["
	"],\"interactive\":true,"
	"\"task\":[\"t\"],\"data\":{\"any\":[\"a\"],\"all\":[\"b\",\"c\"],\"none\":[\"d\"],"
	"\"only\":[\"e\"]},"
	"\"score\":{\"gte\":0.5,\"lt\":1},\"confidence\":{\"lte\":1},\"input_tokens\":{"
	"\"gt\":5},"
	"\"modality\":[\"image\"],\"tools\":false,\"tier\":[\"cloud\"],\"destination\":["
	"\"x\"],\"region\":[\"eu\"],"
	"\"retention_days\":{\"eq\":3},\"trains\":true,\"device\":{\"power\":\"ac\","
	"\"battery_pct\":{\"lt\":9},"
	"\"network\":[],\"thermal\":\"fair\",\"locked\":true,\"vpn\":false},\"time\":{"
	"\"days\":[\"mon\",\"tue\"],"
	"\"hours\":\"22:00-06:30\"},\"any\":[{\"tools\":true},{}],\"not\":{\"all\":[{"
	"\"user\":[\"z\"]}]}},\"unless\":{\"task\":[\"q\"]}},"
	"{\"id\":\"always\",\"effect\":\"require\"}],\"consent\":{\"scopes\":[],\"modes\":["
	"\"as_is\"],"
	"\"timeout\":\"90s\",\"max_until\":\"36h\",\"strong_auth_for\":[\"health.*\"],"
	"\"require_reason\":true,"
	"\"ask_via\":[\"web\",\"terminal\"]},\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\","
	"\"app\"],\"window\":\"day\","
	"\"max_cost\":{\"amount\":1.5,\"currency\":\"EUR\"},\"max_tokens\":5,\"max_"
	"requests\":6,\"on_exceed\":\"ask\"}],"
	"\"routing\":{\"escalate_at\":0.5,\"prefer\":[\"cloud\"],\"while_asking\":\"thinking\","
	"\"cascade\":\"on\"},\"ledger\":{\"retain\":"
	"\"30d\",\"export\":{\"otlp\":\"https://o\"}}");

static void shows(void **state)
{
	static const char *const parts[] = {
		"cloud, openai, O, eu, https://x, keeps text 30 days, trains on it  (mandatory "
		"m)",
		"trusted, ollama, operator unknown, does not train on it",
		"no others: a mandatory file says only_destinations",
		"cloud                  deny  (mandatory m)",
		"deny when app is a or b and identity is at least socket and user is u and "
		"group is (nothing)",
		"interactive is true and task is t and data has a and data has all of b, c and "
		"data has none of d "
		"and data has only e and score < 1 and score >= 0.5 and confidence <= 1 and "
		"input_tokens > 5",
		"modality has image and tools is false and tier is cloud and destination is x "
		"and region is eu "
		"and retention_days = 3 and trains is true and power is ac and battery_pct < 9 "
		"and network is "
		"(nothing) and thermal is fair and locked is true and vpn is false and the day "
		"is mon or tue and "
		"time is within 22:00-06:30 and (tools is true or always) and not (user is z) "
		"unless "
		"task is q",
		"require when always",
		"scopes                 (none: nothing can be approved)  (mandatory m)",
		"prefer                 as_is",
		"timeout                90s",
		"max_until              36h",
		"strong_auth_for        health.*  (mandatory m)",
		"ask_via                web terminal",
		"b                      user app, per 1 days: 1.50 EUR 5 tokens 6 requests, "
		"then ask",
		"escalate_at            0.5",
		"prefer                 cloud  (mandatory m)",
		"while_asking           thinking  (mandatory m)",
		"cascade                on  (mandatory m)",
		"retain                 30d",
		"export                 {\"otlp\":\"https://o\"}",
		"company.a              regex x check none",
		"company.b              1 keywords",
		"company.c              dictionary /d",
	};
	struct policy_set *s = SET({ POLICY_MANDATORY, "m", everything });
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	policy_show(s, false, 0, &out);
	assert_string_equal(buf_cstr(&out), shown_files);
	buf_clear(&out);
	policy_show(s, true, 0, &out);
	assert_string_equal(buf_cstr(&out), shown_whole);
	for (size_t i = 0; i < LEN(parts); i++) {
		if (!contains(buf_cstr(&out), parts[i]))
			fail_msg("\"%s\" is missing in\n%s", parts[i], buf_cstr(&out));
	}
	buf_free(&out);
	policy_set_free(s);
}

/* ---------------------------------------------------------------- lints */

static void note_code(void *ctx, const struct policy_lint *l)
{
	char *codes = ctx;

	snprintf(codes + strlen(codes), 2000 - strlen(codes), "%s:%u ", l->code, l->line);
}

static const struct {
	const char *name, *file, *codes;
} lint_rows[] = {
	{ "a careful file has no remarks",
	  F(X ",\"rules\":[{\"id\":\"a\",\"effect\":\"ask\",\"when\":{\"tier\":[\"cloud\"],"
	      "\"data\":{\"none\":[\"secret.*\"]}}}],"
	      "\"tests\":[{\"name\":\"n\",\"request\":{},\"expect\":{\"local\":\"allow\"}}]"),
	  "" },
	{ "rules without tests", F("\"rules\":[{\"id\":\"a\",\"effect\":\"deny\"}]"),
	  "no-tests:1 " },
#define L(rules)                                                                               \
	F(X ",\"tests\":[{\"name\":\"n\",\"request\":{},\"expect\":{\"local\":\"allow\"}}],"   \
	    "\"rules\":[\n" rules "]")
#define DENY(when) L("{\"id\":\"a\",\"effect\":\"deny\",\"when\":" when "}")
	{ "an empty list never matches", DENY("{\"app\":[]}"), "never-matches:2 " },
	{ "an empty mask never matches", DENY("{\"device\":{\"network\":[]}}"),
	  "never-matches:2 " },
	{ "a score between 0.9 and 0.5", DENY("{\"score\":{\"gte\":0.9,\"lt\":0.5}}"),
	  "never-matches:2 " },
	{ "a score above and not above", DENY("{\"score\":{\"gt\":0.5,\"lte\":0.5}}"),
	  "never-matches:2 " },
	{ "a score below and equal", DENY("{\"score\":{\"lt\":0.5,\"eq\":0.5}}"),
	  "never-matches:2 " },
	{ "a score equal and too low", DENY("{\"score\":{\"gte\":0.5,\"eq\":0.2}}"),
	  "never-matches:2 " },
	{ "a score that can be", DENY("{\"score\":{\"gte\":0.5,\"lte\":0.5}}"), "" },
	{ "a condition and its opposite", DENY("{\"tools\":true,\"not\":{\"tools\":true}}"),
	  "never-matches:2 " },
	{ "a grant where there is nothing",
	  L("{\"id\":\"a\",\"effect\":\"ask\",\"when\":{\"tier\":[\"trusted\"]}}"),
	  "no-destination:2 " },
	{ "a question shadowed by a prohibition",
	  L("{\"id\":\"a\",\"effect\":\"ask\",\"when\":{\"task\":[\"t\"],\"tools\":true}},\n"
	    "{\"id\":\"b\",\"effect\":\"deny\",\"when\":{\"task\":[\"t\"]}}"),
	  "shadowed:2 " },
	{ "a prohibition that is narrower shadows nothing",
	  L("{\"id\":\"a\",\"effect\":\"ask\",\"when\":{\"task\":[\"t\"]}},\n"
	    "{\"id\":\"b\",\"effect\":\"deny\",\"when\":{\"task\":[\"t\"],\"tools\":true}}"),
	  "" },
	{ "an uncertain prohibition shadows nothing",
	  L("{\"id\":\"a\",\"effect\":\"ask\",\"when\":{\"task\":[\"t\"]}},\n"
	    "{\"id\":\"b\",\"effect\":\"deny\",\"when\":{\"region\":[\"us\"]}}"),
	  "" },
	{ "allow everywhere",
	  L("{\"id\":\"a\",\"effect\":\"allow\",\"when\":{\"task\":[\"t\"]}}"),
	  "allow-without-tier:2 " },
	{ "a cloud whatever the text holds",
	  L("{\"id\":\"a\",\"effect\":\"allow\",\"when\":{\"tier\":[\"cloud\"]}}"),
	  "cloud-without-data:2 " },
	{ "max_tier where it means nothing",
	  L("{\"id\":\"a\",\"effect\":\"deny\",\"max_tier\":\"device\"}"),
	  "max-tier-ignored:2 " },
	{ "obligations of a prohibition",
	  L("{\"id\":\"a\",\"effect\":\"deny\",\"with\":{\"redact\":[\"minor\"]}}"),
	  "with-ignored:2 " },
	{ "a requirement without any", L("{\"id\":\"a\",\"effect\":\"require\"}"),
	  "requires-nothing:2 " },
	{ "a group that nobody defines", DENY("{\"not\":{\"app\":[\"@x\"]}}"),
	  "unknown-group:2 " },
	{ "a category that nothing finds", DENY("{\"data\":{\"any\":[\"secrets.*\"]}}"),
	  "unknown-category:2 " },
	{ "site categories may come", DENY("{\"data\":{\"any\":[\"company.*\"]}}"), "" },
	{ "a destination that does not exist", DENY("{\"destination\":[\"y\",\"*\"]}"),
	  "unknown-destination:2 " },
	{ "a destination that does not say how long it keeps text",
	  F("\n\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\"}}"),
	  "no-retention:2 " },
	{ "regexes inside words",
	  F("\"categories\":{\n\"company.a\":{\"regex\":\"x\"},\n\"company.b\":{\"regex\":\"^"
	    "x\"},\n"
	    "\"company.c\":{\"regex\":\"x\\\\b\"},\"company.d\":{\"regex\":\"\\\\bx$\"},"
	    "\"company.e\":{\"keywords\":[\"x\"]}}"),
	  "regex-unanchored:2 regex-unanchored:3 regex-unanchored:4 " },
	{ "a fallback that is passed over",
	  F("\n\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\",\"retention_"
	    "days\":0},"
	    "\"z\":{\"tier\":\"cloud\",\"api\":\"openai\",\"retention_days\":0,\"models\":["
	    "\"m\"]}},"
	    "\"routing\":{\"fallback\":[\n\"gone\",\n\"local\",\n\"x\",\n\"z\"]}"),
	  "fallback-unused:3 fallback-unused:4 fallback-unused:5 " },
	{ "nothing can be approved", F("\"consent\":{\"scopes\":[],\n\"modes\":[]}"),
	  "nothing-approvable:1 nothing-approvable:2 " },
};

static void lints(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(lint_rows); i++) {
		struct policy_set *s = SET({ POLICY_USER, "u", lint_rows[i].file });
		char codes[2000] = "";

		policy_lints(s, note_code, codes);
		if (strcmp(codes, lint_rows[i].codes) != 0)
			fail_msg("%s: %s", lint_rows[i].name, codes);
		policy_set_free(s);
	}
}

static void lints_across_files(void **state)
{
	struct policy_set *s =
		SET({ POLICY_MANDATORY, "m", F("\"only_destinations\":true") },
		    { POLICY_USER, "u", F(X ",\"groups\":{\"g\":[\"a\"]}") },
		    { POLICY_USER, "v", F("\"groups\":{\"g\":[\"b\"],\"h\":[]}") },
		    { POLICY_VENDOR, "w", F("\"groups\":{\"g\":[\"b\"]}") });
	char codes[2000] = "";

	(void)state;
	assert_int_equal(policy_lints(s, note_code, codes), 2);
	assert_string_equal(codes, "group-twice:0 hidden-destination:1 ");
	assert_int_equal(policy_lints(s, NULL, NULL), 2);
	policy_set_free(s);
}

/* ---------------------------------------------------------------- layout */

static void layout(void **state)
{
	static const struct {
		const char *in, *out;
	} texts[] = {
		{ "{}", "{\n}\n" },
		{ "{\"a\":1,\"b\":[1,2],\"c\":{\"d\":{}}}",
		  "{\n  \"a\": 1,\n  \"b\": [1, 2],\n  \"c\": { \"d\": {} }\n}\n" },
		{ "// top\n{ /* in */ \"a\" : 1 // one\n , // after\n\"b\":2 }\n// end",
		  "// top\n{  /* in */\n  \"a\": 1,  // one\n  // after\n  \"b\": 2\n}\n// "
		  "end\n" },
		{ "{\"a\": // why\n 1, \"b\" /* x */ : 2}",
		  "{\n  \"a\":\n    // why\n    1,\n  \"b\"\n    /* x */\n    : 2\n}\n" },
		{ "{\n\n\"a\":1,\n\n\n\"b\":2\n\n}", "{\n  \"a\": 1,\n\n  \"b\": 2\n}\n" },
		{ "{\"a\":[\n// only a comment\n]}",
		  "{\n  \"a\": [\n    // only a comment\n  ]\n}\n" },
		{ "{\"a\":\"x // no \\\" comment\"} /* tail */",
		  "{\n  \"a\": \"x // no \\\" comment\"\n}  /* tail */\n" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++)
		assert_laid_out(texts[i].in, texts[i].out);
}

/* Settling twice changes nothing, and the value stays the same. */
static void layout_is_stable(void **state)
{
	static const char *const texts[] = {
		everything,
		"{\"a\": // why\n 1, \"b\" /* x */ : 2, /*y*/ \"c\": [ // z\n 1 /* p */, // "
		"q\n 2 ] }",
		"[1,[2,[3,{\"a\":[]}]],\"a long long long long long long long long long long "
		"long long\",4,5,6,7,8]",
		"// a\n/* b */ {\"x\": {\"y\": /* deep */ true}} // c\n// d\n", "5 // x"
	};

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++) {
		struct policy_error e;
		struct json_where where;
		struct buf once, twice;
		cJSON *a = NULL, *b = NULL;

		buf_init(&once, 65536);
		buf_init(&twice, 65536);
		assert_int_equal(policy_format(span_of(texts[i]), "t", &once, &e), ERR_OK);
		assert_int_equal(policy_format(buf_span(&once), "t", &twice, &e), ERR_OK);
		assert_string_equal(buf_cstr(&once), buf_cstr(&twice));
		assert_int_equal(json_parse(span_of(texts[i]), &json_limits_file, &a, &where),
				 ERR_OK);
		assert_int_equal(json_parse(buf_span(&once), &json_limits_file, &b, &where),
				 ERR_OK);
		assert_true(cJSON_Compare(a, b, true));
		cJSON_Delete(a);
		cJSON_Delete(b);
		buf_free(&once);
		buf_free(&twice);
	}
}

static void layout_needs_json(void **state)
{
	struct policy_error e;
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(policy_format(SPAN_LITERAL("{\n\"a\":1,}"), "t.json", &out, &e),
			 ERR_SYNTAX);
	assert_int_equal(e.line, 2);
	assert_string_equal(e.file, "t.json");
	for (unsigned n = 1; n <= 3; n++) {
		fault_arm(n, false);
		assert_int_equal(policy_format(SPAN_LITERAL("[]"), "t", &out, &e),
				 ERR_NO_MEMORY);
		fault_arm(0, false);
	}
	buf_free(&out);
}

/* ---------------------------------------------------------------- differences */

static void differences(void **state)
{
	struct policy_set *a =
		SET({ POLICY_USER, "u",
		      F(X ",\"serial\":1,\"contact\":\"c\",\"default\":{\"cloud\":\"ask\","
			  "\"device\":\"allow\"},\"rules\":[{\"id\":\"same\","
			  "\"effect\":\"deny\",\"when\":{\"task\":[\"q\"]}},{\"id\":\"gone\","
			  "\"effect\":\"deny\",\"when\":{\"task\":[\"g\"]}},"
			  "{\"id\":\"changed\",\"effect\":\"ask\"}],\"tests\":[" TEST(
				  "t", "{\"task\":\"x\"}", "{\"x\":\"ask\"}") "]") },
		    { POLICY_VENDOR, "v",
		      "{\"hither_policy\":1,\"id\":\"old\",\"tests\":[" TEST(
			      "o", "{\"task\":\"x\"}", "{\"x\":\"deny\"}") "]}" });
	struct policy_set *b =
		SET({ POLICY_USER, "renamed.json",
		      F("\"title\":\"t\"," X ",\"serial\":2,\"default\":{\"cloud\":\"deny\"},"
			"\"rules\":[{\"id\":\"same\","
			"\"effect\":\"deny\",\"when\":{\"task\":[\"q\"]}},{\"id\":\"changed\","
			"\"effect\":\"deny\"},"
			"{\"id\":\"new\",\"effect\":\"ask\"}],\"tests\":[" TEST(
				"t", "{\"task\":\"x\"}", "{\"x\":\"deny\"}") "]") },
		    { POLICY_RECOMMENDED, "w", "{\"hither_policy\":1,\"id\":\"fresh\"}" });
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	/* One more: rule "changed" denies the device as well, for each of the two tests. */
	assert_int_equal(policy_diff(a, b, &out), 15);
	assert_string_equal(buf_cstr(&out), compared);
	buf_clear(&out);
	assert_int_equal(policy_diff(a, a, &out), 0);
	fault_arm(1, false);
	policy_diff(a, b, &out);
	fault_arm(0, false);
	assert_true(out.failed);
	buf_free(&out);
	policy_set_free(a);
	policy_set_free(b);
}

static void words(void **state)
{
	enum policy_layer l;
	enum policy_tier t;
	enum policy_identity i;

	(void)state;
	assert_true(policy_layer_from(SPAN_LITERAL("recommended"), &l) &&
		    l == POLICY_RECOMMENDED);
	assert_false(policy_layer_from(SPAN_LITERAL("x"), &l));
	assert_true(policy_tier_from(SPAN_LITERAL("cloud"), &t) && t == POLICY_TIER_CLOUD);
	assert_false(policy_tier_from(SPAN_LITERAL(""), &t));
	assert_true(policy_identity_from(SPAN_LITERAL("socket"), &i) &&
		    i == POLICY_IDENTITY_SOCKET);
	assert_false(policy_identity_from(SPAN_LITERAL("unknown"), &i));
	assert_string_equal(policy_layer_name(POLICY_VENDOR_MANDATORY), "vendor_mandatory");
	assert_string_equal(policy_strip_name(3), "system_prompt");
	assert_true(policy_category_matches(SPAN_LITERAL("a.*"), SPAN_LITERAL("a.b")));
	assert_true(policy_category_matches(SPAN_LITERAL("a.*"), SPAN_LITERAL("a")));
	assert_false(policy_category_matches(SPAN_LITERAL("a.*"), SPAN_LITERAL("ab")));
	assert_false(policy_category_matches(SPAN_LITERAL("a.*"), SPAN_LITERAL("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_round_trip),
		cmocka_unit_test(request_refusals),
		cmocka_unit_test(request_corners),
		cmocka_unit_test(batch_lines),
		cmocka_unit_test(batch_lines_without_memory),
		cmocka_unit_test(scope_of_tests),
		cmocka_unit_test(failing_tests),
		cmocka_unit_test(explains),
		cmocka_unit_test(explains_nothing_at_all),
		cmocka_unit_test(shows),
		cmocka_unit_test(lints),
		cmocka_unit_test(lints_across_files),
		cmocka_unit_test(layout),
		cmocka_unit_test(layout_is_stable),
		cmocka_unit_test(layout_needs_json),
		cmocka_unit_test(differences),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
