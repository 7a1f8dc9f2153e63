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
	buf_free(&b);
	arena_free(a);
	policy_set_free(s);
	policy_set_free(other);
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
	assert_false(policy_draft_from(SPAN_LITERAL("nothing"), &draft));
	assert_false(policy_cascade_from(SPAN_LITERAL("nothing"), &cascade));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_exactly_these),
		cmocka_unit_test(words_and_numbers_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
