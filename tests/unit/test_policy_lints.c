/* SPDX-License-Identifier: Apache-2.0 */
/* Each remark of lint to the letter, with its place, and the nearest thing that draws none. */
#include "tests/unit/policy_help.h"

#define F(more) "{\"hither_policy\":1,\"id\":\"f\"," more "}"
/* Of a file with tests and a place that says all there is to say. */
#define L(rules)                                                                               \
	F("\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\",\"retention_days\":" \
	  "0}},\"tests\":[{\"name\":\"n\",\"request\":{},\"expect\":{\"local\":\"allow\"}}],"  \
	  "\"rules\":[\n " rules "]")
#define ALLOW(more) L("{\"id\":\"a\",\"effect\":\"allow\"," more "}")
#define DENY(when)  L("{\"id\":\"a\",\"effect\":\"deny\",\"when\":{" when "}}")
#define NEVER                                                                                  \
	"u:2:2 never-matches rule \"a\" can never match: its conditions exclude each other\n"
#define ANY_TIER                                                                               \
	"u:2:2 allow-without-tier rule \"a\" allows every tier, clouds too: name a tier or a " \
	"destination\n"
#define ANY_DATA                                                                               \
	"u:2:2 cloud-without-data rule \"a\" opens a cloud whatever the text holds: add a "    \
	"data "                                                                                \
	"condition\n"
#define NO_CATEGORY(name)                                                                      \
	"u:2:2 unknown-category rule \"a\" names \"" name "\", a category that nothing "       \
	"finds\n"

static void note(void *ctx, const struct policy_lint *l)
{
	buf_printf(ctx, "%s:%u:%u %s %s\n", policy_file_info(l->file).name, l->line, l->column,
		   l->code, l->message);
}

static void assert_remarks(struct policy_set *s, const char *wanted)
{
	struct buf out;

	buf_init(&out, 65536);
	buf_add_str(&out, "");
	size_t n = policy_lints(s, note, &out);
	for (const char *p = out.len > 0 ? buf_cstr(&out) : ""; *p != '\0'; p++)
		n -= *p == '\n';
	assert_int_equal(n, 0);
	assert_string_equal(out.len > 0 ? buf_cstr(&out) : "", wanted);
	buf_free(&out);
	policy_set_free(s);
}

static const struct {
	const char *file, *remarks;
} rows[] = {
	/* An empty list or none of the values: nothing is ever in it. */
	{ DENY("\"app\":[]"), NEVER },
	{ DENY("\"user\":[]"), NEVER },
	{ DENY("\"task\":[]"), NEVER },
	{ DENY("\"group\":[]"), NEVER },
	{ DENY("\"modality\":[]"), NEVER },
	{ DENY("\"data\":{\"any\":[]}"), NEVER },
	{ DENY("\"device\":{\"power\":[]}"), NEVER },
	{ DENY("\"device\":{\"network\":[]}"), NEVER },
	{ DENY("\"device\":{\"thermal\":[]}"), NEVER },
	{ DENY("\"time\":{\"days\":[]}"), NEVER },
	{ DENY("\"data\":{\"all\":[]}"), "" },
	{ DENY("\"data\":{\"none\":[]}"), "" },
	{ DENY("\"data\":{\"only\":[]}"), "" },
	{ DENY("\"identity\":\"socket\""), "" },
	{ DENY("\"not\":{\"app\":[]}"), "" },
	{ DENY("\"device\":{\"locked\":true,\"vpn\":true,\"battery_pct\":0}"), "" },
	{ DENY("\"time\":{\"hours\":\"00:00-00:00\"}"), "" },
	/* A bound that is not there is none, below zero either. */
	{ DENY("\"score\":{\"lt\":0}"), "" },
	{ DENY("\"score\":{\"lte\":0}"), "" },
	{ DENY("\"score\":{\"lte\":-1}"), "" },
	{ DENY("\"score\":{\"gt\":0}"), "" },
	{ DENY("\"score\":{\"gte\":0}"), "" },
	{ DENY("\"score\":{\"gte\":1}"), "" },
	{ DENY("\"score\":{\"eq\":0}"), "" },
	{ DENY("\"score\":{\"gte\":0,\"lte\":0}"), "" },
	{ DENY("\"score\":{\"gte\":-2,\"lte\":-1}"), "" },
	{ DENY("\"score\":{\"gte\":-1,\"lte\":-2}"), NEVER },
	/* What a rule makes an exception of counts as named. */
	{ ALLOW("\"when\":{\"task\":[\"t\"]}"), ANY_TIER },
	{ ALLOW("\"unless\":{\"tier\":[\"cloud\"]}"), "" },
	{ ALLOW("\"unless\":{\"destination\":[\"x\"]}"), "" },
	{ ALLOW("\"when\":{\"not\":{\"tier\":[\"cloud\"]}}"), "" },
	{ ALLOW("\"when\":{\"tier\":[\"cloud\"]}"), ANY_DATA },
	{ ALLOW("\"when\":{\"tier\":[\"device\"]}"), "" },
	{ ALLOW("\"when\":{\"tier\":[\"cloud\"]},\"unless\":{\"data\":{\"any\":[\"minor\"]}}"),
	  "" },
	{ ALLOW("\"when\":{\"tier\":[\"cloud\"],\"data\":{\"all\":[\"minor\"]}}"), "" },
	{ ALLOW("\"when\":{\"tier\":[\"cloud\"],\"data\":{\"none\":[\"minor\"]}}"), "" },
	{ ALLOW("\"when\":{\"tier\":[\"cloud\"],\"data\":{\"only\":[\"minor\"]}}"), "" },
	/* Somewhere is anywhere, this device too. */
	{ ALLOW("\"when\":{\"destination\":[\"local\"]}"), "" },
	{ ALLOW("\"when\":{\"destination\":[\"x\"]}"), "" },
	{ ALLOW("\"when\":{\"tier\":[\"trusted\"]}"),
	  "u:2:2 no-destination rule \"a\" matches at none of the destinations there are\n" },
	/* Obligations and limits where nobody looks at them. */
	{ L("{\"id\":\"a\",\"effect\":\"deny\",\"max_tier\":\"device\"}"),
	  "u:2:2 max-tier-ignored rule \"a\" has a max_tier, which only local_only looks "
	  "at\n" },
	{ L("{\"id\":\"a\",\"effect\":\"local_only\",\"max_tier\":\"device\"}"), "" },
	{ L("{\"id\":\"a\",\"effect\":\"deny\",\"with\":{}}"),
	  "u:2:2 with-ignored rule \"a\" has obligations, which a prohibition does not "
	  "carry\n" },
	{ L("{\"id\":\"a\",\"effect\":\"local_only\",\"with\":{}}"),
	  "u:2:2 with-ignored rule \"a\" has obligations, which a prohibition does not "
	  "carry\n" },
	{ L("{\"id\":\"a\",\"effect\":\"require\",\"with\":{}}"), "" },
	{ L("{\"id\":\"a\",\"effect\":\"require\"}"),
	  "u:2:2 requires-nothing rule \"a\" requires nothing: it has no \"with\"\n" },
	/* Words that mean nothing. */
	{ DENY("\"app\":[\"b\",\"@g\",\"c\"]"), "u:2:2 unknown-group rule \"a\" names \"@g\", "
						"a group that no file of its layer defines\n" },
	{ DENY("\"destination\":[\"x\",\"y\"]"), "u:2:2 unknown-destination rule \"a\" names "
						 "\"y\", a destination that does not exist\n" },
	{ DENY("\"data\":{\"none\":[\"minor\",\"minors\"]}"), NO_CATEGORY("minors") },
	{ DENY("\"data\":{\"any\":[\"secret\"]}"), NO_CATEGORY("secret") },
	{ DENY("\"data\":{\"any\":[\"personal.*\",\"personal.id.*\",\"source_code\"]}"), "" },
	{ DENY("\"data\":{\"any\":[\"company.*\"]}"), "" },
	{ DENY("\"data\":{\"any\":[\"company.a\"]}"), NO_CATEGORY("company.a") },
	{ F("\"categories\":{\"company.a\":{\"keywords\":[\"k\"]}},\"tests\":[{\"name\":\"n\","
	    "\"request\":{},\"expect\":{\"local\":\"allow\"}}],\"rules\":[\n "
	    "{\"id\":\"a\",\"effect\":"
	    "\"deny\",\"when\":{\"data\":{\"any\":[\"company.a\",\"company.b\"]}}}]"),
	  NO_CATEGORY("company.b") },
	/* The rest of a file. */
	{ F("\"rules\":[{\"id\":\"a\",\"effect\":\"deny\"}]"),
	  "u:1:1 no-tests the file has rules and no tests\n" },
	{ F("\"rules\":[]"), "" },
	{ F("\"destinations\":{\n  \"x\":{\"tier\":\"cloud\",\"api\":\"openai\"},\n "
	    "\"y\":{\"tier\":"
	    "\"device\",\"api\":\"ollama\"},\"z\":{\"tier\":\"trusted\",\"api\":\"ollama\","
	    "\"retention_days\":0}}"),
	  "u:2:3 no-retention destination \"x\" does not say how long it keeps text "
	  "(retention_days)\n" },
	{ F("\"categories\":{\"company.a\":{\"keywords\":[\"k\"]},\n\"company.b\":{\n"
	    "  "
	    "\"regex\":\"^b\"},\"company.c\":{\"regex\":\"^$\"},\"company.d\":{\"regex\":\"\"}"
	    "}"),
	  "u:3:11 regex-unanchored the regex matches inside words: begin with \\b or ^, end "
	  "with \\b or $\n" },
	{ F("\"consent\":{\"modes\":[],\n  \"scopes\":[]}"),
	  "u:2:12 nothing-approvable no scope is left that all files offer: nobody can say "
	  "yes\n"
	  "u:1:48 nothing-approvable no mode is left that all files offer: nobody can say "
	  "yes\n" },
	{ F("\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\",\"retention_days\":"
	    "0},"
	    "\"y\":{\"tier\":\"trusted\",\"api\":\"openai\",\"retention_days\":0,\"models\":["
	    "\"m\"]}},"
	    "\"routing\":{\"fallback\":[\"y\",\n\"w\",\"x\",\"local\"]}"),
	  "u:2:1 fallback-unused fallback \"w\" is passed over: it is not defined by any file\n"
	  "u:2:5 fallback-unused fallback \"x\" is passed over: it lists no model, so none can "
	  "be "
	  "asked for\n"
	  "u:2:9 fallback-unused fallback \"local\" is passed over: it is this device, which "
	  "answers last anyway\n" },
};

static void each_remark_is_exactly_this(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		assert_remarks(SET({ POLICY_USER, "u", rows[i].file }), rows[i].remarks);
}

static void what_the_scanner_finds_is_known(void **state)
{
	static const char *const names[] = {
		"secret.api_key",
		"secret.password",
		"secret.private_key",
		"secret.token",
		"personal.name",
		"personal.contact.email",
		"personal.contact.phone",
		"personal.contact.address",
		"personal.id.national",
		"personal.id.passport",
		"personal.birthdate",
		"personal.location",
		"financial.card",
		"financial.iban",
		"financial.account",
		"financial.tax",
		"health.condition",
		"health.medication",
		"health.record",
		"legal.privileged",
		"source_code",
		"credentials_url",
		"minor",
	};
	char text[1000];

	(void)state;
	for (size_t i = 0; i < LEN(names); i++) {
		snprintf(text, sizeof text, DENY("\"data\":{\"any\":[\"%s\"]}"), names[i]);
		assert_remarks(SET({ POLICY_USER, "u", text }), "");
	}
}

/* A grant never counts when what is stricter and of its layer, or of a ceiling, always does. */
static void what_never_counts_is_shadowed(void **state)
{
#define ASK(id, when)    "{\"id\":\"" id "\",\"effect\":\"ask\",\"when\":{" when "}}"
#define REFUSE(id, when) "{\"id\":\"" id "\",\"effect\":\"deny\",\"when\":{" when "}}"
#define SHADOWED(at)                                                                           \
	"u:" at " shadowed rule \"a\" (ask) never counts: \"b\" (deny) always does\n"
	static const struct {
		const char *rules, *remarks;
	} here[] = {
		{ L(REFUSE("b", "\"tools\":true,\"task\":[\"t\"]") ",\n" ASK(
			  "a", "\"task\":[\"t\"],\"tools\":true,\"interactive\":true")),
		  SHADOWED("3:1") },
		{ L(REFUSE("b", "\"tools\":true,\"task\":[\"t\"]") ",\n" ASK(
			  "a", "\"task\":[\"t\"],\"interactive\":true")),
		  "" },
		{ L(ASK("a", "\"tools\":true,\"task\":[\"t\"]") ",\n" REFUSE("b",
									     "\"tools\":true")),
		  SHADOWED("2:2") },
		{ L(ASK("a", "\"tools\":true,\"task\":[\"t\"]") ",\n" REFUSE(
			  "b", "\"task\":[\"t\"]")),
		  SHADOWED("2:2") },
		{ L(ASK("a", "\"task\":[\"t\"]") ",\n" REFUSE(
			  "b", "\"task\":[\"t\"],\"tier\":[\"cloud\"]")),
		  "" },
		{ L(ASK("a", "\"task\":[\"t\"],\"tier\":[\"cloud\"]") ",\n" REFUSE(
			  "b", "\"task\":[\"t\"],\"tier\":[\"cloud\"]")),
		  SHADOWED("2:2") ANY_DATA },
		{ L(ASK("a", "\"task\":[\"t\"]") ",\n" ASK("b", "\"task\":[\"t\"]")), "" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(here); i++)
		assert_remarks(SET({ POLICY_USER, "u", here[i].rules }), here[i].remarks);
}

/* What a layer further away forbids, a nearer one may ask for: only ceilings count beyond. */
static void a_preference_shadows_nothing_of_another_layer(void **state)
{
	static const enum policy_layer others[] = { POLICY_VENDOR, POLICY_RECOMMENDED };

	(void)state;
	for (size_t i = 0; i < LEN(others); i++) {
		assert_remarks(
			SET({ others[i], "o", L(REFUSE("b", "\"task\":[\"t\"]")) },
			    { POLICY_USER, "u",
			      "{\"hither_policy\":1,\"id\":\"u\",\"tests\":[{\"name\":\"n\","
			      "\"request\":{},\"expect\":{\"local\":\"allow\"}}],\"rules\":"
			      "[" ASK("a", "\"task\":[\"t\"]") "]}" }),
			"");
	}
}

static void a_group_twice_is_named_with_both_files(void **state)
{
	(void)state;
	assert_remarks(
		SET({ POLICY_USER, "u", F("\"groups\":{\"g\":[],\"h\":[]}") },
		    { POLICY_USER, "v",
		      "{\"hither_policy\":1,\"id\":\"v\",\"groups\":{\"h\":[],\"i\":[]}}" },
		    { POLICY_VENDOR, "w",
		      "{\"hither_policy\":1,\"id\":\"w\",\"groups\":{\"h\":[],\"i\":[]}}" }),
		"v:0:0 group-twice group \"h\" replaces that of u, of the same layer\n");
}

static void what_a_ceiling_hides_is_said(void **state)
{
	(void)state;
	assert_remarks(
		SET({ POLICY_MANDATORY, "m", F("\"only_destinations\":true") },
		    { POLICY_USER, "u",
		      "{\"hither_policy\":1,\"id\":\"u\",\"destinations\":{\n "
		      "\"x\":{\"tier\":\"cloud\","
		      "\"api\":\"openai\",\"retention_days\":0}}}" }),
		"u:2:2 hidden-destination destination \"x\" is hidden by only_destinations\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_remark_is_exactly_this),
		cmocka_unit_test(what_the_scanner_finds_is_known),
		cmocka_unit_test(what_never_counts_is_shadowed),
		cmocka_unit_test(a_preference_shadows_nothing_of_another_layer),
		cmocka_unit_test(a_group_twice_is_named_with_both_files),
		cmocka_unit_test(what_a_ceiling_hides_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
