/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts, reasons and obligations: one sentence of the semantics a row. */
#include "tests/unit/policy_help.h"

#define F(body) "{\"hither_policy\":1,\"id\":\"f\"," body "}"
#define CLOUD                                                                                  \
	"\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\",\"region\":\"eu\","    \
	"\"retention_days\":30,\"trains\":false},\"t\":{\"tier\":\"trusted\","                 \
	"\"api\":\"ollama\"}}"
#define RULE(id, effect, when) "{\"id\":\"" id "\",\"effect\":\"" effect "\",\"when\":" when "}"

static const struct row {
	const char *name;
	struct source files[4];
	const char *request, *destination, *verdict, *by; /* by: inside of the brackets */
} rows[] = {
	{ "nothing said: the device answers",
	  { { 0, "", "" } },
	  "{}",
	  "local",
	  "allow",
	  "\"builtin:default\"" },
	{ "nothing said: a cloud is denied",
	  { { POLICY_USER, "a", F(CLOUD) } },
	  "{}",
	  "x",
	  "deny",
	  "\"builtin:default\"" },
	{ "nothing said: trusted asks",
	  { { POLICY_USER, "a", F(CLOUD) } },
	  "{}",
	  "t",
	  "ask",
	  "\"builtin:default\"" },
	{ "offline keeps it here, whatever is allowed",
	  { { POLICY_USER, "a", F(CLOUD ",\"default\":{\"cloud\":\"allow\"}") } },
	  "{\"device\":{\"network\":\"offline\"}}",
	  "x",
	  "deny",
	  "\"builtin:offline\"" },
	{ "offline does not touch the device",
	  { { POLICY_USER, "a", F(CLOUD) } },
	  "{\"device\":{\"network\":\"offline\"}}",
	  "local",
	  "allow",
	  "\"builtin:default\"" },
	{ "an app may tighten",
	  { { POLICY_USER, "a", F(CLOUD ",\"default\":{\"cloud\":\"allow\"}") } },
	  "{\"app_restrict\":{\"max_tier\":\"trusted\"}}",
	  "x",
	  "deny",
	  "\"app:max_tier\"" },
	{ "an app's limit leaves lower tiers alone",
	  { { POLICY_USER, "a", F(CLOUD) } },
	  "{\"app_restrict\":{\"max_tier\":\"trusted\"}}",
	  "t",
	  "ask",
	  "\"builtin:default\"" },
	{ "a prohibition beats a grant of its layer",
	  { { POLICY_USER, "a",
	      F(CLOUD
		",\"rules\":[" RULE("yes", "allow", "{}") "," RULE("no", "deny", "{}") "]") } },
	  "{}",
	  "x",
	  "deny",
	  "\"no\"" },
	{ "ask beats allow",
	  { { POLICY_USER, "a",
	      F(CLOUD
		",\"rules\":[" RULE("yes", "allow", "{}") "," RULE("may", "ask", "{}") "]") } },
	  "{}",
	  "x",
	  "ask",
	  "\"may\"" },
	{ "a rule beats its layer's default",
	  { { POLICY_USER, "a",
	      F(CLOUD ",\"default\":{\"cloud\":\"deny\"},\"rules\":[" RULE("yes", "allow",
									   "{}") "]") } },
	  "{}",
	  "x",
	  "allow",
	  "\"yes\"" },
	{ "local_only denies what lies above its tier",
	  { { POLICY_USER, "a",
	      F(CLOUD ",\"rules\":[{\"id\":\"l\",\"effect\":\"local_only\","
		      "\"max_tier\":\"trusted\"}]") } },
	  "{}",
	  "x",
	  "deny",
	  "\"l\"" },
	{ "local_only has no opinion on the rest",
	  { { POLICY_USER, "a",
	      F(CLOUD ",\"rules\":[{\"id\":\"l\",\"effect\":\"local_only\","
		      "\"max_tier\":\"trusted\"}]") } },
	  "{}",
	  "t",
	  "ask",
	  "\"builtin:default\"" },
	{ "a ceiling cannot be loosened",
	  { { POLICY_MANDATORY, "m", F(CLOUD ",\"default\":{\"cloud\":\"ask\"}") },
	    { POLICY_USER, "u", F("\"rules\":[" RULE("yes", "allow", "{}") "]") } },
	  "{}",
	  "x",
	  "ask",
	  "\"mandatory:default\"" },
	{ "a preference may be stricter than a ceiling",
	  { { POLICY_MANDATORY, "m", F(CLOUD ",\"default\":{\"cloud\":\"ask\"}") },
	    { POLICY_USER, "u", F("\"rules\":[" RULE("no", "deny", "{}") "]") } },
	  "{}",
	  "x",
	  "deny",
	  "\"no\"" },
	{ "equal verdicts share the reasons",
	  { { POLICY_VENDOR_MANDATORY, "v",
	      F(CLOUD ",\"rules\":[" RULE("v1", "ask", "{}") "]") },
	    { POLICY_MANDATORY, "m", F("\"rules\":[" RULE("m1", "ask", "{}") "]") },
	    { POLICY_USER, "u", F("\"rules\":[" RULE("u1", "ask", "{}") "]") } },
	  "{}",
	  "x",
	  "ask",
	  "\"v1\",\"m1\",\"u1\"" },
	{ "a reason with a name already given is not repeated",
	  { { POLICY_MANDATORY, "m", F(CLOUD ",\"rules\":[" RULE("r", "ask", "{}") "]") },
	    { POLICY_USER, "u", F("\"rules\":[" RULE("r", "ask", "{}") "]") } },
	  "{}",
	  "x",
	  "ask",
	  "\"r\"" },
	{ "of two ceilings the stricter speaks alone",
	  { { POLICY_VENDOR_MANDATORY, "v",
	      F(CLOUD ",\"rules\":[" RULE("v1", "ask", "{}") "]") },
	    { POLICY_MANDATORY, "m", F("\"rules\":[" RULE("m1", "deny", "{}") "]") } },
	  "{}",
	  "x",
	  "deny",
	  "\"m1\"" },
	{ "a ceiling's milder word is not heard",
	  { { POLICY_VENDOR_MANDATORY, "v",
	      F(CLOUD ",\"rules\":[" RULE("v1", "deny", "{}") "]") },
	    { POLICY_MANDATORY, "m", F("\"rules\":[" RULE("m1", "ask", "{}") "]") } },
	  "{}",
	  "x",
	  "deny",
	  "\"v1\"" },
	{ "a ceiling with no opinion leaves the built-in default",
	  { { POLICY_MANDATORY, "m",
	      F(CLOUD ",\"rules\":[" RULE("no", "deny", "{\"app\":[\"other\"]}") "]") } },
	  "{\"app\":\"code\"}",
	  "x",
	  "deny",
	  "\"builtin:default\"" },
	{ "a ceiling's opinion replaces the built-in default",
	  { { POLICY_MANDATORY, "m", F(CLOUD ",\"default\":{\"cloud\":\"allow\"}") } },
	  "{}",
	  "x",
	  "allow",
	  "\"mandatory:default\"" },
	{ "the nearest layer with a rule decides",
	  { { POLICY_VENDOR, "v", F(CLOUD ",\"rules\":[" RULE("v", "deny", "{}") "]") },
	    { POLICY_RECOMMENDED, "r", F("\"rules\":[" RULE("r", "ask", "{}") "]") },
	    { POLICY_USER, "u", F("\"rules\":[" RULE("u", "allow", "{}") "]") } },
	  "{}",
	  "x",
	  "allow",
	  "\"u\"" },
	{ "recommended overrides vendor",
	  { { POLICY_VENDOR, "v", F(CLOUD ",\"rules\":[" RULE("v", "deny", "{}") "]") },
	    { POLICY_RECOMMENDED, "r", F("\"rules\":[" RULE("r", "ask", "{}") "]") } },
	  "{}",
	  "x",
	  "ask",
	  "\"r\"" },
	{ "a rule of a far layer beats a default of a near one",
	  { { POLICY_VENDOR, "v", F(CLOUD ",\"rules\":[" RULE("v", "ask", "{}") "]") },
	    { POLICY_USER, "u", F("\"default\":{\"cloud\":\"allow\"}") } },
	  "{}",
	  "x",
	  "ask",
	  "\"v\"" },
	{ "the nearest default counts",
	  { { POLICY_VENDOR, "v", F(CLOUD ",\"default\":{\"cloud\":\"deny\"}") },
	    { POLICY_USER, "u", F("\"default\":{\"cloud\":\"ask\"}") } },
	  "{}",
	  "x",
	  "ask",
	  "\"user:default\"" },
	{ "the stricter of two defaults of a layer counts",
	  { { POLICY_USER, "a", F(CLOUD ",\"default\":{\"cloud\":\"ask\"}") },
	    { POLICY_USER, "b", F("\"default\":{\"cloud\":\"deny\"}") } },
	  "{}",
	  "x",
	  "deny",
	  "\"user:default\"" },
	{ "unknown: a prohibition hits, with a question mark",
	  { { POLICY_USER, "a",
	      F(CLOUD ",\"default\":{\"cloud\":\"allow\"},\"rules\":[" RULE(
		      "no", "deny", "{\"data\":{\"any\":[\"secret.*\"]}}") "]") } },
	  "{\"data\":null}",
	  "x",
	  "deny",
	  "\"no?\"" },
	{ "unknown: a question hits",
	  { { POLICY_USER, "a",
	      F(CLOUD ",\"default\":{\"cloud\":\"allow\"},\"rules\":[" RULE(
		      "may", "ask", "{\"task\":[\"chat\"]}") "]") } },
	  "{}",
	  "x",
	  "ask",
	  "\"may?\"" },
	{ "unknown: a grant does not",
	  { { POLICY_USER, "a",
	      F(CLOUD ",\"rules\":[" RULE("yes", "allow", "{\"app\":[\"code\"]}") "]") } },
	  "{\"app\":null}",
	  "x",
	  "deny",
	  "\"builtin:default\"" },
	{ "uncertainty tightens and never shadows a farther layer",
	  { { POLICY_VENDOR, "v", F(CLOUD ",\"rules\":[" RULE("v", "deny", "{}") "]") },
	    { POLICY_USER, "u",
	      F("\"rules\":[" RULE("u", "ask", "{\"app\":[\"code\"]}") "]") } },
	  "{\"app\":null}",
	  "x",
	  "deny",
	  "\"v\"" },
	{ "uncertainty on the way tightens what a farther layer grants",
	  { { POLICY_VENDOR, "v", F(CLOUD ",\"rules\":[" RULE("v", "allow", "{}") "]") },
	    { POLICY_USER, "u",
	      F("\"rules\":[" RULE("u", "ask", "{\"app\":[\"code\"]}") "]") } },
	  "{\"app\":null}",
	  "x",
	  "ask",
	  "\"u?\"" },
	{ "uncertainty tightens a default",
	  { { POLICY_USER, "u",
	      F(CLOUD ",\"default\":{\"cloud\":\"allow\"},\"rules\":[" RULE(
		      "u", "ask", "{\"app\":[\"code\"]}") "]") } },
	  "{\"app\":null}",
	  "x",
	  "ask",
	  "\"u?\"" },
	{ "a ceiling's uncertainty counts as well",
	  { { POLICY_MANDATORY, "m",
	      F(CLOUD ",\"rules\":[" RULE("m", "deny", "{\"app\":[\"code\"]}") "]") },
	    { POLICY_USER, "u", F("\"rules\":[" RULE("u", "allow", "{}") "]") } },
	  "{\"app\":null}",
	  "x",
	  "deny",
	  "\"m?\"" },
	{ "certain and uncertain of one strength are both named",
	  { { POLICY_USER, "u",
	      F(CLOUD ",\"rules\":[" RULE("a", "ask", "{}") "," RULE(
		      "b", "ask", "{\"app\":[\"code\"]}") "]") } },
	  "{\"app\":null}",
	  "x",
	  "ask",
	  "\"a\",\"b?\"" },
	{ "unless takes back",
	  { { POLICY_USER, "u",
	      F(CLOUD ",\"rules\":[{\"id\":\"r\",\"effect\":\"allow\",\"unless\":{\"task\":["
		      "\"mail\"]}}]") } },
	  "{\"task\":\"mail\"}",
	  "x",
	  "deny",
	  "\"builtin:default\"" },
	{ "an empty unless takes back always",
	  { { POLICY_USER, "u",
	      F(CLOUD ",\"rules\":[{\"id\":\"r\",\"effect\":\"allow\",\"unless\":{}}]") } },
	  "{}",
	  "x",
	  "deny",
	  "\"builtin:default\"" },
	{ "the strictest of the uncertain counts, in any order",
	  { { POLICY_USER, "u",
	      F(CLOUD ",\"default\":{\"cloud\":\"allow\"},\"rules\":[" RULE(
		      "a", "deny", "{\"app\":[\"a\"]}") "," RULE("b", "ask",
								 "{\"app\":[\"b\"]}") "]") } },
	  "{\"app\":null}",
	  "x",
	  "deny",
	  "\"a?\"" },
	{ "a rule and a default may agree",
	  { { POLICY_MANDATORY, "m", F(CLOUD ",\"rules\":[" RULE("r", "ask", "{}") "]") },
	    { POLICY_USER, "u", F("\"default\":{\"cloud\":\"ask\"}") } },
	  "{}",
	  "x",
	  "ask",
	  "\"r\",\"user:default\"" },
	{ "a default and a rule may agree",
	  { { POLICY_MANDATORY, "m", F(CLOUD ",\"default\":{\"cloud\":\"ask\"}") },
	    { POLICY_USER, "u", F("\"rules\":[" RULE("r", "ask", "{}") "]") } },
	  "{}",
	  "x",
	  "ask",
	  "\"mandatory:default\",\"r\"" },
	{ "certain and uncertain of one name are two reasons",
	  { { POLICY_MANDATORY, "m", F(CLOUD ",\"rules\":[" RULE("r", "ask", "{}") "]") },
	    { POLICY_USER, "u", F("\"rules\":[" RULE("r", "ask", "{\"app\":[\"a\"]}") "]") } },
	  "{\"app\":null}",
	  "x",
	  "ask",
	  "\"r\",\"r?\"" },
	{ "a name given first of several is not repeated",
	  { { POLICY_MANDATORY, "m",
	      F(CLOUD ",\"rules\":[" RULE("r", "ask", "{}") "," RULE("s", "ask", "{}") "]") },
	    { POLICY_USER, "u",
	      F("\"rules\":[" RULE("t", "ask", "{}") "," RULE("r", "ask", "{}") "]") } },
	  "{}",
	  "x",
	  "ask",
	  "\"r\",\"s\",\"t\"" },
	{ "a negated question asked twice",
	  { { POLICY_USER, "u",
	      F(CLOUD ",\"rules\":[" RULE("a", "ask", "{\"not\":{\"tools\":true}}") "," RULE(
		      "b", "ask",
		      "{\"not\":{\"tools\":true},\"interactive\":true}") "," RULE("c", "ask",
										  "{\"not\":{"
										  "\"tools\":"
										  "false},"
										  "\"interactiv"
										  "e\":true,"
										  "\"user\":["
										  "\"x\"]}") "]") } },
	  "{}",
	  "x",
	  "ask",
	  "\"a\",\"b\"" },
	{ "an unknown destination fact makes a prohibition uncertain",
	  { { POLICY_USER, "u",
	      F(CLOUD ",\"rules\":[" RULE("r", "deny", "{\"trains\":true}") "]") } },
	  "{}",
	  "t",
	  "deny",
	  "\"r?\"" },
};

static void decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		const struct row *r = &rows[i];
		char want[300];
		size_t n = 0;

		while (n < LEN(r->files) && r->files[n].text != NULL &&
		       r->files[n].text[0] != '\0')
			n++;
		struct policy_set *s = set_of(r->files, n);
		snprintf(want, sizeof want, "{\"verdict\":\"%s\",\"by\":[%s],", r->verdict,
			 r->by);
		const char *got = answer(s, r->request, r->destination);
		if (!contains(got, want))
			fail_msg("%s: got %s, wanted %s", r->name, got, want);
		policy_set_free(s);
	}
}

/* ---------------------------------------------------------------- conditions */

/* The rule denies when the condition is true, hits with '?' when it is unknown. */
static const struct condition {
	const char *when, *request, *want; /* "true", "false", "unknown" */
} conditions[] = {
	{ "{\"app\":[\"code\",\"org.*\"]}", "{\"app\":\"org.a\"}", "true" },
	{ "{\"app\":[]}", "{\"app\":\"org.a\"}", "false" },
	{ "{\"app\":[]}", "{\"app\":null}", "unknown" },
	{ "{\"app\":[\"@g\"]}", "{\"app\":\"in-group\"}", "true" },
	{ "{\"app\":[\"@none\"]}", "{\"app\":\"in-group\"}", "false" },
	{ "{\"user\":[\"al*\"]}", "{}", "true" },
	{ "{\"user\":[\"@g\"]}", "{\"user\":\"@g\"}", "true" },
	{ "{\"group\":[\"a\",\"b\"]}", "{\"groups\":[\"z\",\"b\"]}", "true" },
	{ "{\"group\":[\"a\"]}", "{\"groups\":[]}", "false" },
	{ "{\"group\":[\"a\"]}", "{\"groups\":null}", "unknown" },
	{ "{\"task\":[\"code.*\"]}", "{\"task\":\"code.fix\"}", "true" },
	{ "{\"task\":[\"code.*\"]}", "{\"task\":\"code\"}", "false" },
	{ "{\"identity\":\"socket\"}", "{\"identity\":\"attested\"}", "true" },
	{ "{\"identity\":\"socket\"}", "{\"identity\":\"claimed\"}", "false" },
	{ "{\"identity\":\"claimed\"}", "{\"identity\":\"anonymous\"}", "false" },
	{ "{\"identity\":\"socket\"}", "{\"identity\":null}", "unknown" },
	{ "{\"interactive\":false}", "{\"interactive\":true}", "false" },
	{ "{\"interactive\":false}", "{\"interactive\":null}", "unknown" },
	{ "{\"tools\":false}", "{}", "true" },
	{ "{\"modality\":[\"image\"]}", "{\"modality\":[\"text\",\"image\"]}", "true" },
	{ "{\"modality\":[\"image\"]}", "{\"modality\":null}", "unknown" },
	{ "{\"score\":{\"gte\":0.7}}", "{}", "true" },
	{ "{\"score\":{\"gt\":0.7}}", "{}", "false" },
	{ "{\"score\":{\"lt\":0.7}}", "{}", "false" },
	{ "{\"score\":{\"lte\":0.7}}", "{}", "true" },
	{ "{\"score\":{\"lte\":0.6}}", "{}", "false" },
	{ "{\"score\":{\"gte\":0.8}}", "{}", "false" },
	{ "{\"score\":{\"eq\":0.7}}", "{}", "true" },
	{ "{\"score\":{\"eq\":0.6}}", "{}", "false" },
	{ "{\"score\":{\"gt\":0.1,\"lt\":0.9}}", "{}", "true" },
	{ "{\"score\":{\"gt\":0.1}}", "{\"score\":null}", "unknown" },
	{ "{\"score\":{\"gte\":0.5}}", "{\"score\":0}", "false" },
	{ "{\"confidence\":{\"lt\":0.5}}", "{}", "false" },
	{ "{\"input_tokens\":{\"lte\":500}}", "{}", "true" },
	{ "{\"data\":{\"any\":[\"secret.*\",\"minor\"]}}", "{\"data\":[\"minor\"]}", "true" },
	{ "{\"data\":{\"any\":[\"secret.*\"]}}", "{\"data\":[]}", "false" },
	{ "{\"data\":{\"any\":[\"secret.*\"]}}", "{\"data\":[\"secret\"]}", "true" },
	{ "{\"data\":{\"any\":[\"secret.*\"]}}", "{\"data\":[\"secrets.x\"]}", "false" },
	{ "{\"data\":{\"any\":[\"secret.*\"]}}", "{\"data\":null}", "unknown" },
	{ "{\"data\":{\"all\":[\"a.*\",\"b\"]}}", "{\"data\":[\"b\",\"a.x.y\"]}", "true" },
	{ "{\"data\":{\"all\":[\"a.*\",\"b\"]}}", "{\"data\":[\"a\"]}", "false" },
	{ "{\"data\":{\"none\":[\"a.*\"]}}", "{\"data\":[\"b\"]}", "true" },
	{ "{\"data\":{\"none\":[\"a.*\"]}}", "{\"data\":[\"a.b\"]}", "false" },
	{ "{\"data\":{\"only\":[\"a.*\",\"b\"]}}", "{\"data\":[\"a.x\",\"b\"]}", "true" },
	{ "{\"data\":{\"only\":[\"a.*\"]}}", "{\"data\":[\"a.x\",\"b\"]}", "false" },
	{ "{\"data\":{\"only\":[]}}", "{\"data\":[]}", "true" },
	{ "{\"data\":{\"any\":[\".*\"]}}", "{\"data\":[\".x\"]}", "true" },
	{ "{\"data\":{\"any\":[\"a\"],\"none\":[\"b\"]}}", "{\"data\":[\"a\",\"b\"]}",
	  "false" },
	{ "{\"tier\":[\"cloud\"]}", "{}", "true" },
	{ "{\"tier\":[\"trusted\"]}", "{}", "false" },
	{ "{\"destination\":[\"?\"]}", "{}", "true" },
	{ "{\"region\":[\"eu\",\"eu-*\"]}", "{}", "true" },
	{ "{\"retention_days\":{\"gt\":30}}", "{}", "false" },
	{ "{\"trains\":false}", "{}", "true" },
	{ "{\"trains\":true}", "{}", "false" },
	{ "{\"device\":{\"power\":\"battery\"}}", "{}", "false" },
	{ "{\"device\":{\"power\":[\"battery\",\"ac\"]}}", "{}", "true" },
	{ "{\"device\":{\"power\":\"ac\"}}", "{\"device\":{\"power\":null}}", "unknown" },
	{ "{\"device\":{\"network\":\"metered\"}}", "{\"device\":{\"network\":\"metered\"}}",
	  "true" },
	{ "{\"device\":{\"thermal\":[\"serious\",\"critical\"]}}",
	  "{\"device\":{\"thermal\":\"critical\"}}", "true" },
	{ "{\"device\":{\"locked\":true}}", "{}", "false" },
	{ "{\"device\":{\"vpn\":false}}", "{}", "unknown" },
	{ "{\"device\":{\"vpn\":false}}", "{\"device\":{\"vpn\":false}}", "true" },
	{ "{\"device\":{\"battery_pct\":{\"lt\":20}}}", "{\"device\":{\"battery_pct\":5}}",
	  "true" },
	{ "{\"device\":{\"battery_pct\":5}}", "{\"device\":{\"battery_pct\":5}}", "true" },
	{ "{\"device\":{\"battery_pct\":5}}", "{}", "unknown" },
	{ "{\"device\":{\"locked\":true}}", "{\"device\":null}", "unknown" },
	{ "{\"device\":{}}", "{\"device\":null}", "true" },
	{ "{\"time\":{\"days\":[\"wed\"]}}", "{}", "true" },
	{ "{\"time\":{\"days\":[\"sat\",\"sun\"]}}", "{\"time\":\"2026-11-22T00:00\"}",
	  "true" },
	{ "{\"time\":{\"days\":[\"sat\"]}}", "{\"time\":\"2024-02-29T12:00:00Z\"}", "false" },
	{ "{\"time\":{\"days\":[\"thu\"]}}", "{\"time\":\"2024-02-29T12:00:00Z\"}", "true" },
	{ "{\"time\":{\"hours\":\"09:00-10:00\"}}", "{}", "false" },
	{ "{\"time\":{\"hours\":\"10:00-10:01\"}}", "{}", "true" },
	{ "{\"time\":{\"hours\":\"11:00-12:00\"}}", "{}", "false" },
	{ "{\"time\":{\"hours\":\"22:00-06:00\"}}", "{\"time\":\"2026-11-18T23:00\"}", "true" },
	{ "{\"time\":{\"hours\":\"22:00-06:00\"}}", "{\"time\":\"2026-11-18T05:59\"}", "true" },
	{ "{\"time\":{\"hours\":\"22:00-06:00\"}}", "{}", "false" },
	{ "{\"time\":{\"hours\":\"08:00-08:00\"}}", "{}", "true" },
	{ "{\"time\":{}}", "{}", "true" },
	{ "{\"time\":{}}", "{\"time\":null}", "unknown" },
	{ "{\"any\":[]}", "{}", "false" },
	{ "{\"all\":[]}", "{}", "true" },
	{ "{\"not\":{}}", "{}", "false" },
	{ "{\"any\":[{\"task\":[\"x\"]},{\"tools\":false}]}", "{}", "true" },
	{ "{\"any\":[{\"task\":[\"x\"]},{\"tools\":true}]}", "{}", "unknown" },
	{ "{\"any\":[{\"trains\":true},{\"tools\":true}]}", "{}", "false" },
	{ "{\"any\":[{\"trains\":false},{\"task\":[\"x\"]}]}", "{}", "true" },
	{ "{\"all\":[{\"task\":[\"x\"]},{\"tools\":true}]}", "{}", "false" },
	{ "{\"all\":[{\"task\":[\"x\"]},{\"tools\":false}]}", "{}", "unknown" },
	{ "{\"not\":{\"task\":[\"x\"]}}", "{}", "unknown" },
	{ "{\"not\":{\"any\":[{\"tools\":true},{\"interactive\":false}]}}", "{}", "true" },
	{ "{\"not\":{\"any\":[{\"region\":[\"us\"]},{\"interactive\":false}]}}", "{}", "true" },
	{ "{\"any\":[{\"all\":[{\"tier\":[\"cloud\"]},{\"tools\":false}]},{\"not\":{\"user\":["
	  "\"*\"]}}]}",
	  "{}", "true" },
};

static const char *value_of(const char *when, const char *request)
{
	char text[2000];

	snprintf(text, sizeof text,
		 F(CLOUD ",\"groups\":{\"g\":[\"in-*\"]},\"default\":{\"cloud\":\"allow\"},"
			 "\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":%s}]"),
		 when);
	struct policy_set *s = SET({ POLICY_USER, "f", text });
	const char *got = answer(s, request, "x");
	const char *value = contains(got, "[\"r\"]")    ? "true"
			    : contains(got, "[\"r?\"]") ? "unknown"
							: "false";
	policy_set_free(s);
	return value;
}

static void conditions_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(conditions); i++) {
		const char *got = value_of(conditions[i].when, conditions[i].request);

		if (strcmp(got, conditions[i].want) != 0)
			fail_msg("%s on %s: got %s, wanted %s", conditions[i].when,
				 conditions[i].request, got, conditions[i].want);
	}
}

/* Unknown wherever a destination does not say. */
static void silent_destinations(void **state)
{
	static const char *const whens[] = {
		"{\"region\":[\"*\"]}",
		"{\"trains\":false}",
		"{\"retention_days\":{\"gte\":0}}",
		"{\"not\":{\"region\":[\"eu\"]}}",
		"{\"any\":[{\"region\":[\"eu\"]},{\"tools\":true}]}",
		"{\"any\":[{\"region\":[\"eu\"]},{\"trains\":true}]}",
		"{\"all\":[{\"region\":[\"eu\"]},{\"tools\":false}]}"
	};
	char text[1000];

	(void)state;
	for (size_t i = 0; i < LEN(whens); i++) {
		snprintf(text, sizeof text,
			 F(CLOUD ",\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":%s}]"),
			 whens[i]);
		struct policy_set *s = SET({ POLICY_USER, "f", text });

		CHECK(contains(answer(s, "{}", "t"), "[\"r?\"]"), whens[i]);
		policy_set_free(s);
	}
}

/* ---------------------------------------------------------------- patterns */

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *value;
		bool match;
	} globs[] = {
		{ "abc", "abc", true },
		{ "abc", "abcd", false },
		{ "", "", true },
		{ "*", "", true },
		{ "a*", "abc", true },
		{ "a*", "b", false },
		{ "*c", "abc", true },
		{ "*c", "", false },
		{ "*c", "cb", false },
		{ "a*c", "abbbc", true },
		{ "a*c", "abb", false },
		{ "a*b*c", "aXbYc", true },
		{ "?", "ä", true },
		{ "??", "ä", false },
		{ "[ä-ö]", "é", true },
		{ "[ä-ö]", "z", false },
		{ "[abc]x", "bx", true },
		{ "[abc]x", "dx", false },
		{ "[!abc]", "d", true },
		{ "[!abc]", "a", false },
		{ "[]]", "]", true },
		{ "[!]]", "a", true },
		{ "[!]]", "]", false },
		{ "[", "[", true },
		{ "[a", "[a", true },
		{ "[!", "[!", true },
		{ "[]", "[]", true },
		{ "[a-]", "-", true },
		{ "[-a]", "-", true },
		{ "[c-a]", "b", false },
		{ "a[", "a[", true },
		{ "*a?", "xxab", true },
		{ "*a?", "xxa", false },
		{ "**", "x", true },
		{ "?*", "", false },
		{ "*.*.*", "a.b.c", true },
		{ "x?z", "x\xe2\x82\xacz", true },
		{ "[a-c]*[x-z]", "bcy", true },
		{ "*[0-9]", "a7", true },
		{ "a?b*", "aéb", true },
		{ "A*", "a", false },
		{ "*\xf0\x9f\x98\x80", "x\xf0\x9f\x98\x80", true },
		{ "?[a]",
		  "\xf0\x9f\x98\x80"
		  "a",
		  true },
	};
	char text[1000], request[200];

	(void)state;
	for (size_t i = 0; i < LEN(globs); i++) {
		struct buf b;

		buf_init(&b, sizeof text);
		buf_add_str(&b, F(CLOUD ",\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":"
					"\"r\",\"effect\":\"deny\",\"when\":{\"app\":["));
		b.len -= 1; /* the brace that F() closed */
		json_put_string(&b, span_of(globs[i].pattern));
		buf_add_str(&b, "]}}]}");
		snprintf(text, sizeof text, "%s", buf_cstr(&b));
		buf_free(&b);
		snprintf(request, sizeof request, "{\"app\":\"%s\"}", globs[i].value);
		struct policy_set *s = SET({ POLICY_USER, "f", text });

		if (contains(answer(s, request, "x"), "deny") != globs[i].match)
			fail_msg("\"%s\" on \"%s\"", globs[i].pattern, globs[i].value);
		policy_set_free(s);
	}
}

/* A value that is not UTF-8 (no caller should have one) is matched byte by byte. */
static void broken_text(void **state)
{
	struct policy_set *s =
		SET({ POLICY_USER, "f",
		      F(CLOUD ",\"default\":{\"cloud\":\"allow\"},\"rules\":[" RULE(
			      "r", "deny", "{\"app\":[\"?[!a]?\"]}") "]") });
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_decision *d = policy_decisions_new(s, 1, a);
	struct policy_request q;
	size_t x;

	(void)state;
	policy_request_base(&q);
	q.app = SPAN_LITERAL("\xe2\x82x");
	assert_true(policy_destination_find(s, SPAN_LITERAL("x"), &x));
	policy_decide(s, &q, x, d);
	assert_int_equal(d->verdict, POLICY_DENY);
	q.app = SPAN_LITERAL("x\xe2\x82");
	policy_decide(s, &q, x, d);
	assert_int_equal(d->verdict, POLICY_DENY);
	arena_free(a);
	policy_set_free(s);
}

/* More categories than have a row of their own. */
static void many_categories(void **state)
{
	static const char rule[] = F(CLOUD ",\"default\":{\"cloud\":\"deny\"},\"rules\":[" RULE(
		"r", "allow", "{\"data\":{\"only\":[\"a.*\",\"b.last\"]}}") "]");
	struct policy_set *s = SET({ POLICY_USER, "f", rule });
	char request[2000] = "{\"data\":[";

	(void)state;
	for (int i = 0; i < 60; i++)
		snprintf(request + strlen(request), 32, "\"a.c%d\",", i);
	strcat(request, "\"b.last\"]}");
	assert_true(contains(answer(s, request, "x"), "allow"));
	memcpy(strstr(request, "b.last"), "b.lost", 6);
	assert_true(contains(answer(s, request, "x"), "deny"));
	policy_set_free(s);
}

/* Enough patterns of one length for two to meet in the index, each used twice. */
static void many_patterns(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, POLICY_FILE_MAX_BYTES);
	buf_add_str(&b, "{\"hither_policy\":1,\"id\":\"f\"," CLOUD ",\"rules\":[");
	for (int i = 0; i < 200; i++)
		buf_printf(&b,
			   "%s{\"id\":\"r%03d\",\"effect\":\"ask\",\"when\":{\"data\":{\"any\":"
			   "[\"p.%03d\","
			   "\"q.%03d.*\"],\"none\":[\"p.%03d\",\"z\"]}}}",
			   i > 0 ? "," : "", i, i, i, (i + 1) % 200);
	buf_add_str(&b, "]}");
	struct policy_set *s = SET({ POLICY_USER, "f", buf_cstr(&b) });
	for (int i = 0; i < 200; i++) {
		char request[100], want[100];

		snprintf(request, sizeof request, "{\"data\":[\"%c.%03d\"]}",
			 i % 2 == 0 ? 'p' : 'q', i);
		snprintf(want, sizeof want, "\"by\":[\"r%03d\"]", i);
		CHECK(contains(answer(s, request, "x"), want), request);
	}
	policy_set_free(s);
	buf_free(&b);
}

/* ---------------------------------------------------------------- obligations */

static void obligations(void **state)
{
	struct policy_set *s = SET(
		{ POLICY_MANDATORY, "m",
		  F(CLOUD ",\"rules\":[{\"id\":\"q\",\"effect\":\"require\",\"with\":{"
			  "\"redact\":[\"b.*\"],"
			  "\"strip\":[\"tools\"],\"max_input_tokens\":100,\"log\":\"full\"}},"
			  "{\"id\":\"n\",\"effect\":\"deny\",\"when\":{\"task\":[\"never\"]},"
			  "\"with\":{\"redact\":[\"z\"]}}]") },
		{ POLICY_USER, "u",
		  F("\"rules\":[{\"id\":\"u\",\"effect\":\"allow\",\"with\":{\"redact\":[\"c\","
		    "\"a\",\"b.*\"],"
		    "\"strip\":[\"images\"],\"max_input_tokens\":50,\"max_output_tokens\":7,"
		    "\"log\":\"metadata\",\"notify\":\"after\"}},"
		    "{\"id\":\"w\",\"effect\":\"allow\",\"with\":{\"log\":\"digest\","
		    "\"notify\":\"none\","
		    "\"max_output_tokens\":9}}]") },
		{ POLICY_VENDOR, "v",
		  F("\"rules\":[{\"id\":\"v\",\"effect\":\"allow\",\"with\":{\"redact\":[\"not-"
		    "me\"]}}]") });
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_decision *d = policy_decisions_new(s, 1, a);
	struct policy_request q = request_of(a, "{\"task\":\"chat\"}");
	size_t x;

	(void)state;
	assert_true(policy_destination_find(s, SPAN_LITERAL("x"), &x));
	policy_decide(s, &q, x, d);
	assert_int_equal(d->verdict, POLICY_ALLOW);
	assert_int_equal(d->n_redact, 3);
	assert_string_equal(d->redact[0], "a");
	assert_string_equal(d->redact[1], "b.*");
	assert_string_equal(d->redact[2], "c");
	assert_int_equal(d->strip, POLICY_STRIP_TOOLS | POLICY_STRIP_IMAGES);
	assert_int_equal(d->max_input_tokens, 50);
	assert_int_equal(d->max_output_tokens, 7);
	assert_int_equal(d->log, POLICY_LOG_METADATA);
	assert_int_equal(d->notify, POLICY_NOTIFY_AFTER);
	assert_string_equal(
		answer(s, "{\"task\":\"chat\"}", "x"),
		"{\"verdict\":\"allow\",\"by\":[\"u\",\"w\"],\"redact\":[\"a\",\"b.*\",\"c\"],"
		"\"strip\":[\"images\",\"tools\"]}");
	q.task = SPAN_LITERAL("never");
	policy_decide(s, &q, x, d);
	assert_int_equal(d->verdict, POLICY_DENY);
	assert_int_equal(d->n_redact, 0);
	assert_int_equal(d->strip, 0);
	assert_true(d->max_input_tokens == INT64_MAX);
	arena_free(a);
	policy_set_free(s);
}

/* A requirement of a layer passed on the way holds; its grants that did not decide do not. */
static void obligations_on_the_way(void **state)
{
	struct policy_set *s =
		SET({ POLICY_USER, "u",
		      F(CLOUD ",\"rules\":[{\"id\":\"q\",\"effect\":\"require\",\"with\":{"
			      "\"redact\":[\"req\"]}},"
			      "{\"id\":\"m\",\"effect\":\"ask\",\"when\":{\"app\":[\"x\"]},"
			      "\"with\":{\"redact\":[\"may\"]}}]") },
		    { POLICY_VENDOR, "v",
		      F("\"rules\":[{\"id\":\"v\",\"effect\":\"allow\",\"with\":{\"redact\":["
			"\"v\"]}}]") });

	(void)state;
	assert_string_equal(answer(s, "{\"app\":null}", "x"),
			    "{\"verdict\":\"ask\",\"by\":[\"m?\"],\"redact\":[\"may\",\"req\","
			    "\"v\"],\"strip\":[]}");
	assert_string_equal(answer(s, "{\"app\":\"y\"}", "x"),
			    "{\"verdict\":\"allow\",\"by\":[\"v\"],\"redact\":[\"req\",\"v\"],"
			    "\"strip\":[]}");
	policy_set_free(s);
}

/* ---------------------------------------------------------------- reasons, lockdown */

static void reasons(void **state)
{
	struct policy_set *s =
		SET({ POLICY_MANDATORY, "10-m.json",
		      F(CLOUD ",\"default\":{\"trusted\":\"deny\"},\n\"rules\":[\n"
			      "{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"task\":[\"x\"]},"
			      "\"because\":\"why\"}]") });
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_decision *d = policy_decisions_new(s, policy_destinations(s), a);
	struct policy_request q = request_of(a, "{\"app_restrict\":{\"max_tier\":\"cloud\"}}");
	struct policy_reason r;
	size_t x, t;

	(void)state;
	assert_true(policy_destination_find(s, SPAN_LITERAL("x"), &x));
	assert_true(policy_destination_find(s, SPAN_LITERAL("t"), &t));
	policy_decide_all(s, &q, d);
	r = policy_decision_reason(s, &d[x], 0);
	assert_string_equal(r.id, "r");
	assert_true(r.uncertain);
	assert_string_equal(r.file, "10-m.json");
	assert_string_equal(r.because, "why");
	assert_int_equal(r.line, 3);
	r = policy_decision_reason(s, &d[t], 1);
	assert_string_equal(policy_decision_reason(s, &d[t], 0).id, "r");
	assert_int_equal(d[t].n_by, 1);
	q.task = SPAN_LITERAL("chat");
	policy_decide_all(s, &q, d);
	r = policy_decision_reason(s, &d[t], 0);
	assert_string_equal(r.id, "mandatory:default");
	assert_string_equal(r.file, "10-m.json");
	assert_null(r.because);
	assert_int_equal(policy_decision_reason(s, &d[0], 0).line, 0);
	arena_free(a);
	policy_set_free(s);
}

static void lockdown(void **state)
{
	struct policy_set *s = policy_set_lockdown("the key is gone"), *locked;
	struct policy_file *f =
		file_of(POLICY_USER, "u", F(CLOUD ",\"default\":{\"cloud\":\"allow\"}"));
	struct policy_error e;
	struct arena *a = arena_new("test", 1u << 20);

	(void)state;
	assert_int_equal(policy_set_state(s), POLICY_LOCKDOWN);
	assert_string_equal(policy_set_reason(s), "the key is gone");
	assert_true(contains(answer(s, "{}", "local"), "allow"));
	assert_int_equal(policy_destinations(s), 1);
	assert_null(policy_set_top(s));
	policy_set_free(s);
	assert_int_equal(policy_set_build(&f, 1, "why", 0, &locked, &e), ERR_OK);
	struct policy_decision *d = policy_decisions_new(locked, 1, a);
	struct policy_request q = { .app = { NULL, 0 } };
	size_t x;
	assert_true(policy_destination_find(locked, SPAN_LITERAL("x"), &x));
	policy_decide(locked, &q, x, d);
	assert_int_equal(d->verdict, POLICY_DENY);
	assert_string_equal(policy_decision_reason(locked, d, 0).id, "builtin:lockdown");
	assert_string_equal(policy_decision_reason(locked, d, 0).because, "why");
	policy_set_free(locked);
	policy_file_free(f);
	arena_free(a);
}

static void results_need_room(void **state)
{
	struct policy_set *s = SET({ POLICY_USER, "u", F(CLOUD) });
	struct arena *a = arena_new("test", 200);

	(void)state;
	assert_null(policy_decisions_new(s, 50, a));
	for (unsigned n = 1; n <= 3; n++) {
		struct arena *b = arena_new("test", 1u << 20);

		fault_arm(n, false);
		assert_null(policy_decisions_new(s, 1, b));
		fault_arm(0, false);
		arena_free(b);
	}
	arena_free(a);
	policy_set_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(conditions_hold),
		cmocka_unit_test(silent_destinations),
		cmocka_unit_test(patterns),
		cmocka_unit_test(broken_text),
		cmocka_unit_test(many_categories),
		cmocka_unit_test(many_patterns),
		cmocka_unit_test(obligations),
		cmocka_unit_test(obligations_on_the_way),
		cmocka_unit_test(reasons),
		cmocka_unit_test(lockdown),
		cmocka_unit_test(results_need_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
