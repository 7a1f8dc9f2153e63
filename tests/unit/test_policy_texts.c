/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people read of a policy, to the letter: what is in force, why something was decided,
 * what is odd, what a change changes. The wanted text is policy_texts_golden.inc.
 */
#include "tests/unit/policy_help.h"

static const char mandatory[] =
	"{\"hither_policy\":1,\"id\":\"bank\",\"title\":\"Bank\",\"serial\":5,\"not_after\":"
	"\"202"
	"8-01-31T00:00:00Z\",\"contact\":\"a@bank.example\",\"groups\":{\"trade\":[\"com.bank.*"
	"\""
	",\"desk\"]},\"categories\":{\"company.project\":{\"keywords\":[\"Kestrel\"]},"
	"\"company.i"
	"d\":{\"regex\":\"\\\\bBK-[0-9]{8}\\\\b\"},\"company.loose\":{\"regex\":\"x\"}},"
	"\"destina"
	"tions\":{\"pool\":{\"tier\":\"trusted\",\"api\":\"openai\",\"operator\":\"Bank\","
	"\"regio"
	"n\":\"eu-1\",\"base_url\":\"https://pool.example/"
	"v1\",\"models\":[\"l\"],\"retention_day"
	"s\":0,\"trains\":false},\"far\":{\"tier\":\"cloud\",\"api\":\"openai\",\"operator\":"
	"\"Fa"
	"r "
	"Inc\",\"region\":\"us\",\"base_url\":\"https://far.example/v1\",\"models\":[\"m\",\"n"
	"\"],\"retention_days\":30,\"trains\":true,\"price\":{\"currency\":\"EUR\",\"input_per_"
	"mt"
	"ok\":0.4,\"output_per_mtok\":1.6}}},\"default\":{\"trusted\":\"allow\",\"cloud\":"
	"\"ask\""
	"},\"rules\":[{\"id\":\"secret\",\"effect\":\"deny\",\"when\":{\"tier\":[\"cloud\"],"
	"\"dat"
	"a\":{\"any\":[\"secret.*\",\"company.project\"]}},\"because\":\"Stays "
	"here.\"},{\"id\":"
	"\"desks\",\"effect\":\"local_only\",\"max_tier\":\"trusted\",\"when\":{\"app\":[\"@"
	"trade"
	"\"]}},{\"id\":\"mask\",\"effect\":\"require\",\"when\":{\"tier\":[\"cloud\"]},"
	"\"with\":{"
	"\"redact\":[\"personal.*\",\"company.id\"],\"strip\":[\"images\"],\"max_input_"
	"tokens\":9"
	"00,\"max_output_tokens\":800,\"log\":\"full\",\"notify\":\"after\"}},{\"id\":"
	"\"hours\","
	"\"effect\":\"deny\",\"when\":{\"tier\":[\"cloud\"],\"time\":{\"days\":[\"sat\","
	"\"sun\"]}"
	"},\"unless\":{\"app\":[\"code\"]}}],\"consent\":{\"timeout\":\"90s\"},\"budgets\":[{"
	"\"id"
	"\":\"month\",\"scope\":[\"user\"],\"window\":\"month\",\"on_exceed\":\"local\",\"max_"
	"cos"
	"t\":{\"currency\":\"EUR\",\"amount\":5}},{\"id\":\"day\",\"scope\":[\"user\",\"app\"],"
	"\""
	"window\":\"day\",\"on_exceed\":\"refuse\",\"max_requests\":9,\"max_tokens\":1000}]}";
static const char user[] = "{\"hither_policy\":1,\"id\":\"me\","
			   "\"rules\":[{\"id\":\"easy\",\"effect\":\"allow\",\"when\":{\"all\":"
			   "[{\"tier\":[\"cloud\"]},"
			   "{\"score\":{\"gte\":0.7}}]},\"because\":\"Hard ones may go.\"},"
			   "{\"id\":\"quiet\",\"effect\":\"ask\",\"when\":{\"task\":[\"chat\"],"
			   "\"not\":{\"app\":[\"x\"]}}},"
			   "{\"id\":\"never\",\"effect\":\"deny\",\"when\":{\"any\":[]}}],"
			   "\"routing\":{\"escalate_at\":0.5,\"prefer\":[\"cloud\",\"trusted\"]"
			   ",\"fallback\":[\"pool\"]}}";

static const char second[] =
	"{\"hither_policy\":1,\"id\":\"second\",\"groups\":{\"mine\":[\"a.*\",\"b\"],\"more\":["
	"\""
	"c\"]},\"categories\":{\"company.a\":{\"keywords\":[\"a\"]},\"company.b\":{\"regex\":"
	"\"^b"
	"$\"}},\"destinations\":{\"strip\":{\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":"
	"\""
	"https://strip.example/"
	"v1\"},\"input\":{\"tier\":\"cloud\",\"api\":\"openai\",\"base_url"
	"\":\"https://input.example/"
	"v1\"},\"output\":{\"tier\":\"cloud\",\"api\":\"openai\",\"bas"
	"e_url\":\"https://output.example/"
	"v1\"},\"log\":{\"tier\":\"cloud\",\"api\":\"openai\",\""
	"base_url\":\"https://log.example/"
	"v1\"},\"notify\":{\"tier\":\"cloud\",\"api\":\"openai\""
	",\"base_url\":\"https://notify.example/"
	"v1\"}},\"rules\":[{\"id\":\"n1\",\"effect\":\"den"
	"y\",\"when\":{\"score\":{\"gt\":0.9,\"lt\":0.1}}},{\"id\":\"n2\",\"effect\":\"deny\","
	"\"w"
	"hen\":{\"score\":{\"gte\":0.5,\"lt\":0.5}}},{\"id\":\"n3\",\"effect\":\"deny\","
	"\"when\":"
	"{\"score\":{\"eq\":0.5,\"gt\":0.5}}},{\"id\":\"n4\",\"effect\":\"deny\",\"when\":{"
	"\"scor"
	"e\":{\"eq\":0.5,\"lt\":0.2}}},{\"id\":\"n5\",\"effect\":\"deny\",\"when\":{\"score\":{"
	"\""
	"gte\":0.5,\"lte\":0.5}}},{\"id\":\"n6\",\"effect\":\"deny\",\"when\":{\"score\":{"
	"\"eq\":"
	"0.5,\"gte\":0.5}}},{\"id\":\"n7\",\"effect\":\"deny\",\"when\":{\"score\":{\"gt\":0.5,"
	"\""
	"gte\":0.7,\"lt\":0.9,\"lte\":0.8}}},{\"id\":\"n8\",\"effect\":\"deny\",\"when\":{"
	"\"score"
	"\":{\"gt\":0.7,\"gte\":0.5,\"lt\":0.8,\"lte\":0.9}}},{\"id\":\"n9\",\"effect\":"
	"\"deny\","
	"\"when\":{\"score\":{\"eq\":0.9,\"lt\":0.9}}},{\"id\":\"e1\",\"effect\":\"deny\","
	"\"when"
	"\":{\"region\":[]}},{\"id\":\"e2\",\"effect\":\"deny\",\"when\":{\"destination\":[]}},"
	"{"
	"\"id\":\"e3\",\"effect\":\"deny\",\"when\":{\"tier\":[]}},{\"id\":\"e4\",\"effect\":"
	"\"de"
	"ny\",\"when\":{\"data\":{\"any\":[]}}},{\"id\":\"e5\",\"effect\":\"deny\",\"when\":{"
	"\"ap"
	"p\":[]}},{\"id\":\"e6\",\"effect\":\"deny\",\"when\":{\"device\":{\"power\":[]}}},{"
	"\"id"
	"\":\"e7\",\"effect\":\"deny\",\"when\":{\"device\":{\"thermal\":[]}}},{\"id\":\"e8\","
	"\"e"
	"ffect\":\"deny\",\"when\":{\"time\":{\"days\":[]}}},{\"id\":\"a1\",\"effect\":"
	"\"allow\","
	"\"when\":{\"tier\":[\"cloud\"],\"data\":{\"all\":[\"personal.*\"]}}},{\"id\":\"a2\","
	"\"ef"
	"fect\":\"allow\",\"when\":{\"tier\":[\"cloud\"],\"data\":{\"none\":[\"personal.*\"]}}}"
	",{"
	"\"id\":\"a3\",\"effect\":\"allow\",\"when\":{\"tier\":[\"cloud\"],\"data\":{\"only\":["
	"\""
	"personal.*\"]}}},{\"id\":\"a4\",\"effect\":\"allow\",\"when\":{\"destination\":["
	"\"notify"
	"\"]}},{\"id\":\"g1\",\"effect\":\"deny\",\"when\":{\"app\":[\"@mine\",\"@none\","
	"\"plain"
	"\"]}},{\"id\":\"c1\",\"effect\":\"deny\",\"when\":{\"data\":{\"any\":[\"company."
	"none\","
	"\"company.a\",\"personal.name\"]}}},{\"id\":\"w1\",\"effect\":\"require\",\"when\":{"
	"\"de"
	"stination\":[\"strip\"]},\"with\":{\"strip\":[\"images\",\"tools\"]}},{\"id\":\"w2\","
	"\"e"
	"ffect\":\"require\",\"when\":{\"destination\":[\"input\"]},\"with\":{\"max_input_"
	"tokens"
	"\":5}},{\"id\":\"w3\",\"effect\":\"require\",\"when\":{\"destination\":[\"output\"]},"
	"\"w"
	"ith\":{\"max_output_tokens\":6}},{\"id\":\"w4\",\"effect\":\"require\",\"when\":{"
	"\"desti"
	"nation\":[\"log\"]},\"with\":{\"log\":\"digest\"}},{\"id\":\"w5\",\"effect\":"
	"\"require\""
	",\"when\":{\"destination\":[\"notify\"]},\"with\":{\"notify\":\"after\"}},{\"id\":"
	"\"w6\""
	",\"effect\":\"require\",\"when\":{\"destination\":[\"notify\"]}}],\"consent\":{"
	"\"strong_"
	"auth_for\":[\"secret.*\",\"health.*\"],\"timeout\":\"90s\",\"scopes\":[],\"modes\":[]}"
	","
	"\"routing\":{\"prefer\":[\"trusted\"],\"fallback\":[\"log\",\"notify\"]}}";

static const char *const requests[] = {
	"{}",
	"{\"app\":\"code\",\"task\":\"chat\",\"score\":0.9,\"data\":[\"personal.name\"],"
	"\"input_tokens\":50}",
	"{\"app\":\"com.bank.Trader\",\"score\":0.2,\"data\":[]}",
	"{\"app\":\"code\",\"data\":[\"secret.key\",\"personal.name\"],\"score\":0.8,"
	"\"time\":\"2026-11-21T10:05\"}",
	"{\"app\":\"x\",\"task\":\"chat\",\"data\":null,\"score\":null,\"time\":null,"
	"\"app_restrict\":{\"max_tier\":\"trusted\"}}",
	"{\"app\":\"other\",\"score\":0.8,\"data\":[],\"time\":\"2026-11-22T23:59\"}",
};

#pragma GCC diagnostic ignored "-Woverlength-strings" /* what people read is long */
static const char *const golden[] = {
#include "tests/unit/policy_texts_golden.inc"
};
static size_t next;

static void wanted(struct buf *b)
{
	assert_false(b->failed);
	if (getenv("HITHER_PRINT_TEXTS") != NULL)
		printf("%s%c", buf_cstr(b), 1);
	else
		assert_string_equal(buf_cstr(b), golden[next++]);
	buf_clear(b);
}

static struct policy_set *stack(const char *of_user)
{
	return SET({ POLICY_MANDATORY, "10-bank.json", mandatory },
		   { POLICY_USER, "me.json", of_user });
}

static void note(void *ctx, const struct policy_lint *l)
{
	buf_printf(ctx, "%s:%u %s %s\n", policy_file_info(l->file).name, l->line, l->code,
		   l->message);
}

static void texts_are_exactly_these(void **state)
{
	struct policy_set *s = stack(user), *other;
	struct arena *a = arena_new("test", 1u << 22);
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	policy_show(s, false, INT64_C(1790000000000), &b);
	wanted(&b);
	policy_show(s, true, INT64_C(1890000000000), &b);
	wanted(&b);
	for (size_t i = 0; i < LEN(requests); i++) {
		struct policy_request q = request_of(a, requests[i]);

		policy_explain(s, &q, INT64_C(1790000000000), &b);
		wanted(&b);
		policy_request_write(&q, &b);
		wanted(&b);
	}
	policy_lints(s, note, &b);
	wanted(&b);
	other = stack("{\"hither_policy\":1,\"id\":\"me\",\"default\":{\"cloud\":\"deny\"},"
		      "\"rules\":[{\"id\":\"easy\",\"effect\":\"ask\",\"when\":{\"tier\":"
		      "[\"cloud\"]}},{\"id\":\"new\",\"effect\":\"deny\",\"when\":{\"app\":["
		      "\"y\"]}}]}");
	policy_diff(s, other, &b);
	wanted(&b);
	policy_diff(other, s, &b);
	wanted(&b);
	policy_set_free(s);
	s = SET({ POLICY_USER, "second.json", second });
	policy_show(s, true, 0, &b);
	wanted(&b);
	policy_lints(s, note, &b);
	wanted(&b);
	for (size_t i = 0; i < LEN(requests); i++) {
		struct policy_request q = request_of(a, requests[i]);

		policy_explain(s, &q, 0, &b);
		wanted(&b);
	}
	buf_free(&b);
	arena_free(a);
	policy_set_free(s);
	policy_set_free(other);
}

/* Does a file parse whose destination has this member beside a tier and an api? */
static bool takes(const char *member)
{
	char text[2000];
	struct policy_error error;
	struct policy_file *f = NULL;

	snprintf(text, sizeof text,
		 HEAD "\"destinations\":{\"d\":{\"tier\":\"cloud\",\"api\":"
		      "\"openai\",%s}}}",
		 member);
	if (policy_file_parse(span_of(text), POLICY_USER, "f", NULL, 0, &f, &error) != ERR_OK)
		return false;
	policy_file_free(f);
	return true;
}

static void addresses_and_pins_have_one_reading(void **state)
{
#define PIN42      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define URL(url)   "\"base_url\":\"" url "\""
#define PINS(pins) URL("https://a.example") ",\"pin\":{\"sha256\":" pins "}"
#define VERSION(v) URL("https://a.example") ",\"api_version\":\"" v "\""
	static const struct {
		const char *member;
		bool good;
	} rows[] = {
		{ URL("https://a.example"), true },
		{ URL("https://a.example:444/v1/!~"), true },
		{ URL("https://"), false },
		{ URL("https:///v1"), false },
		{ URL("https://a.example/ v1"), false },
		{ URL("https://a.example/\\u007f"), false },
		{ URL("https://a.example/\\u00e9"), false },
		{ URL("https://a@b.example"), false },
		{ URL("https://a.example?x"), false },
		{ URL("https://a.example#x"), false },
		{ URL("http://a.example"), false },
		{ URL("http://127.0.0.1:8080/v1"), true },
		{ URL("http://127.0.0.10"), false },
		{ URL("http://localhost:1"), true },
		{ URL("http://localhostile"), false },
		{ URL("unix:/run/x.sock"), true },
		{ URL("unix:/run/x.sock:"), true },
		{ URL("unix:/run/x.sock:/v1"), true },
		{ URL("unix:/run/x.sock:v1"), false },
		{ URL("unix:/run/x.sock:/v1?x"), false },
		{ URL("unix:run/x.sock"), false },
		{ PINS("\"" PIN42 "A=\""), true },
		{ PINS("\"" PIN42 "=\""), false },
		{ PINS("\"" PIN42 "AA\""), false },
		{ PINS("\"" PIN42 "==\""), false },
		{ PINS("\"" PIN42 "A=A\""), false },
		{ PINS("\"" PIN42 "-=\""), false },
		{ PINS("[\"" PIN42 "A=\",\"" PIN42 "B=\"]"), true },
		{ PINS("[]"), false },
		{ PINS("[1]"), false },
		{ PINS("1"), false },
		{ PINS("[\"" PIN42 "A=\",\"" PIN42 "B=\",\"" PIN42 "C=\",\"" PIN42 "D=\"]"),
		  true },
		{ PINS("[\"" PIN42 "A=\",\"" PIN42 "B=\",\"" PIN42 "C=\",\"" PIN42
		       "D=\",\"" PIN42 "E=\"]"),
		  false },
		{ VERSION("2026-11-20.a_Z"), true },
		{ VERSION(""), false },
		{ VERSION("a b"), false },
		{ VERSION("1234567890123456789012345678901234567890"), true },
		{ VERSION("12345678901234567890123456789012345678901"), false },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		CHECK(takes(rows[i].member) == rows[i].good, rows[i].member);
}

static void words_and_numbers_agree(void **state)
{
	enum policy_draft draft;
	enum policy_cascade cascade;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const char *word = policy_draft_name((enum policy_draft)i);

		assert_true(policy_draft_from(span_of(word), &draft));
		assert_int_equal(draft, i);
	}
	assert_true(policy_cascade_from(span_of("offer"), &cascade));
	assert_false(policy_draft_from(SPAN_LITERAL("nothing"), &draft));
	assert_false(policy_cascade_from(SPAN_LITERAL("nothing"), &cascade));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_exactly_these),
		cmocka_unit_test(addresses_and_pins_have_one_reading),
		cmocka_unit_test(words_and_numbers_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
