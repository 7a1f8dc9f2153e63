/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every key of the language in its place: what is right is taken and what follows it is read
 * as well, what is of no use there is refused.
 */
#include "tests/unit/policy_help.h"

#define TOP HEAD "%s}"
#define DEST(inner)                                                                            \
	HEAD "\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\"," inner "}}}"
#define RULE(inner) HEAD "\"rules\":[{\"id\":\"a\",\"effect\":\"ask\"," inner "}]}"
#define COND(inner) RULE("\"when\":{" inner "}")
#define REQUEST(inner)                                                                         \
	HEAD "\"tests\":[{\"name\":\"t\",\"expect\":{\"local\":\"allow\"},\"request\":{" inner \
	     "}}]}"
#define BUDGET(inner)                                                                          \
	HEAD "\"budgets\":[{\"id\":\"b\",\"scope\":[],\"window\":\"day\",\"on_exceed\":"       \
	     "\"ask\"," inner "}]}"

/* `file` has one %s where the key stands. */
static const struct {
	const char *file, *key, *value;
	bool nullable;
} rows[] = {
	{ TOP, "title", "\"x\"", false },
	{ TOP, "contact", "\"x\"", false },
	{ TOP, "serial", "1", false },
	{ TOP, "not_before", "\"2026-11-20T00:00:00Z\"", false },
	{ TOP, "not_after", "\"2026-11-20T00:00:00Z\"", false },
	{ TOP, "destinations", "{}", false },
	{ TOP, "only_destinations", "true", false },
	{ TOP, "groups", "{\"g\":[]}", false },
	{ TOP, "categories", "{\"a.b\":{\"keywords\":[\"k\"]}}", false },
	{ TOP, "default", "{\"cloud\":\"ask\"}", false },
	{ TOP, "rules", "[{\"id\":\"a\",\"effect\":\"ask\"}]", false },
	{ TOP, "consent", "{}", false },
	{ TOP, "budgets", "[]", false },
	{ TOP, "routing", "{}", false },
	{ TOP, "ledger", "{}", false },
	{ TOP, "test_base", "{}", false },
	{ TOP, "tests", "[]", false },
	{ HEAD "\"destinations\":{\"x\":{\"api\":\"openai\",%s}}}", "tier", "\"cloud\"",
	  false },
	{ HEAD "\"destinations\":{\"x\":{\"tier\":\"cloud\",%s}}}", "api", "\"openai\"",
	  false },
	{ DEST("%s"), "operator", "\"x\"", false },
	{ DEST("%s"), "region", "\"x\"", false },
	{ DEST("%s"), "base_url", "\"https://x\"", false },
	{ DEST("%s"), "base_url", "\"unix:/x\"", false },
	{ DEST("%s"), "base_url", "\"http://[::1]:1\"", false },
	{ DEST("%s"), "models", "[\"m\"]", false },
	{ DEST("%s"), "retention_days", "0", false },
	{ DEST("%s"), "trains", "false", false },
	{ DEST("%s"), "price", "{}", false },
	{ DEST("\"price\":{%s}"), "currency", "\"EUR\"", false },
	{ DEST("\"price\":{%s}"), "input_per_mtok", "1", false },
	{ DEST("\"price\":{\"input_per_mtok\":1,%s}"), "cached_input_per_mtok", "1", false },
	{ DEST("\"price\":{%s}"), "output_per_mtok", "1", false },
	{ DEST("%s"), "pin", "{}", false },
	{ DEST("\"pin\":{%s}"), "ca_file", "\"x\"", false },
	{ DEST("\"pin\":{%s}"), "sha256", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"",
	  false },
	{ DEST("%s"), "proxy", "\"none\"", false },
	{ DEST("%s"), "auth", "{}", false },
	{ DEST("\"auth\":{%s}"), "secret", "\"x\"", false },
	{ DEST("\"auth\":{%s}"), "mtls", "\"x\"", false },
	{ DEST("%s"), "privacy_url", "\"x\"", false },
	{ DEST("%s"), "api_version", "\"1\"", false },
	{ DEST("%s"), "timeouts", "{}", false },
	{ DEST("\"timeouts\":{%s}"), "connect", "\"1s\"", false },
	{ DEST("\"timeouts\":{%s}"), "first_byte", "\"1s\"", false },
	{ DEST("\"timeouts\":{%s}"), "gap", "\"1s\"", false },
	{ DEST("\"timeouts\":{%s}"), "total", "\"10m\"", false },
	{ DEST("%s"), "concurrent", "0", false },
	{ DEST("%s"), "queue", "64", false },
	{ DEST("%s"), "retry", "{}", false },
	{ DEST("\"retry\":{%s}"), "attempts", "4", false },
	{ DEST("\"retry\":{%s}"), "max_wait", "\"1s\"", false },
	{ DEST("%s"), "breaker", "{}", false },
	{ DEST("\"breaker\":{%s}"), "failures", "1000", false },
	{ DEST("\"breaker\":{%s}"), "rest", "\"1s\"", false },
	{ HEAD "\"categories\":{\"a.b\":{\"keywords\":[\"k\"],%s}}}", "regex", "\"x\"", false },
	{ HEAD "\"categories\":{\"a.b\":{\"regex\":\"x\",%s}}}", "keywords", "[]", false },
	{ HEAD "\"categories\":{\"a.b\":{\"regex\":\"x\",%s}}}", "dictionary", "\"/x\"",
	  false },
	{ HEAD "\"categories\":{\"a.b\":{\"regex\":\"x\",%s}}}", "check", "\"luhn\"", false },
	{ HEAD "\"default\":{%s}}", "device", "\"deny\"", false },
	{ HEAD "\"default\":{%s}}", "trusted", "\"deny\"", false },
	{ HEAD "\"default\":{%s}}", "cloud", "\"deny\"", false },
	{ HEAD "\"rules\":[{\"effect\":\"ask\",%s}]}", "id", "\"a\"", false },
	{ HEAD "\"rules\":[{\"id\":\"a\",%s}]}", "effect", "\"ask\"", false },
	{ RULE("%s"), "max_tier", "\"trusted\"", false },
	{ RULE("%s"), "when", "{}", false },
	{ RULE("%s"), "unless", "{}", false },
	{ RULE("%s"), "with", "{}", false },
	{ RULE("%s"), "because", "\"x\"", false },
	{ RULE("\"with\":{%s}"), "redact", "[\"a\"]", false },
	{ RULE("\"with\":{%s}"), "strip", "[\"tools\"]", false },
	{ RULE("\"with\":{%s}"), "max_input_tokens", "0", false },
	{ RULE("\"with\":{%s}"), "max_output_tokens", "9007199254740991", false },
	{ RULE("\"with\":{%s}"), "log", "\"full\"", false },
	{ RULE("\"with\":{%s}"), "notify", "\"after\"", false },
	{ COND("%s"), "app", "[\"a\"]", false },
	{ COND("%s"), "identity", "\"socket\"", false },
	{ COND("%s"), "user", "[]", false },
	{ COND("%s"), "group", "[]", false },
	{ COND("%s"), "interactive", "true", false },
	{ COND("%s"), "task", "[]", false },
	{ COND("%s"), "data", "{\"any\":[]}", false },
	{ COND("\"data\":{%s}"), "any", "[]", false },
	{ COND("\"data\":{%s}"), "all", "[]", false },
	{ COND("\"data\":{%s}"), "none", "[]", false },
	{ COND("\"data\":{%s}"), "only", "[]", false },
	{ COND("%s"), "score", "{\"lt\":1}", false },
	{ COND("\"score\":{%s}"), "lte", "1", false },
	{ COND("\"score\":{%s}"), "gt", "1", false },
	{ COND("\"score\":{%s}"), "gte", "1", false },
	{ COND("\"score\":{%s}"), "eq", "1", false },
	{ COND("%s"), "confidence", "{\"lt\":1}", false },
	{ COND("%s"), "input_tokens", "{\"lt\":1}", false },
	{ COND("%s"), "modality", "[]", false },
	{ COND("%s"), "tools", "true", false },
	{ COND("%s"), "tier", "[\"cloud\"]", false },
	{ COND("%s"), "destination", "[]", false },
	{ COND("%s"), "region", "[]", false },
	{ COND("%s"), "retention_days", "{\"lt\":1}", false },
	{ COND("%s"), "trains", "true", false },
	{ COND("%s"), "device", "{}", false },
	{ COND("\"device\":{%s}"), "power", "\"ac\"", false },
	{ COND("\"device\":{%s}"), "power", "[\"ac\"]", false },
	{ COND("\"device\":{%s}"), "battery_pct", "5", false },
	{ COND("\"device\":{%s}"), "battery_pct", "{\"lt\":1}", false },
	{ COND("\"device\":{%s}"), "network", "[\"offline\"]", false },
	{ COND("\"device\":{%s}"), "thermal", "\"fair\"", false },
	{ COND("\"device\":{%s}"), "locked", "true", false },
	{ COND("\"device\":{%s}"), "vpn", "true", false },
	{ COND("%s"), "time", "{}", false },
	{ COND("\"time\":{%s}"), "days", "[\"mon\"]", false },
	{ COND("\"time\":{%s}"), "hours", "\"00:00-24:00\"", false },
	{ COND("%s"), "any", "[{}]", false },
	{ COND("%s"), "all", "[{}]", false },
	{ COND("%s"), "not", "{}", false },
	{ HEAD "\"consent\":{%s}}", "scopes", "[\"once\"]", false },
	{ HEAD "\"consent\":{%s}}", "max_until", "\"1d\"", false },
	{ HEAD "\"consent\":{%s}}", "always_max", "\"1d\"", false },
	{ HEAD "\"consent\":{%s}}", "modes", "[\"as_is\"]", false },
	{ HEAD "\"consent\":{%s}}", "prefer", "\"as_is\"", false },
	{ HEAD "\"consent\":{%s}}", "timeout", "\"1s\"", false },
	{ HEAD "\"consent\":{%s}}", "on_timeout", "\"hold\"", false },
	{ HEAD "\"consent\":{%s}}", "hold_max", "\"1s\"", false },
	{ HEAD "\"consent\":{%s}}", "on_deny", "\"local\"", false },
	{ HEAD "\"consent\":{%s}}", "no_agent", "\"hold\"", false },
	{ HEAD "\"consent\":{%s}}", "strong_auth_for", "[\"a\"]", false },
	{ HEAD "\"consent\":{%s}}", "require_reason", "true", false },
	{ HEAD "\"consent\":{%s}}", "max_prompts_per_hour", "0", false },
	{ HEAD "\"consent\":{%s}}", "ask_via", "[\"web\"]", false },
	{ HEAD "\"budgets\":[{\"scope\":[],\"window\":\"day\",\"on_exceed\":\"ask\",%s}]}",
	  "id", "\"b\"", false },
	{ HEAD "\"budgets\":[{\"id\":\"b\",\"window\":\"day\",\"on_exceed\":\"ask\",%s}]}",
	  "scope", "[\"user\"]", false },
	{ HEAD "\"budgets\":[{\"id\":\"b\",\"scope\":[],\"on_exceed\":\"ask\",%s}]}", "window",
	  "\"9999h\"", false },
	{ HEAD "\"budgets\":[{\"id\":\"b\",\"scope\":[],\"window\":\"day\",%s}]}", "on_exceed",
	  "\"ask\"", false },
	{ BUDGET("%s"), "max_cost", "{\"amount\":0,\"currency\":\"EUR\"}", false },
	{ BUDGET("\"max_cost\":{\"currency\":\"EUR\",%s}"), "amount", "0.5", false },
	{ BUDGET("\"max_cost\":{\"amount\":1,%s}"), "currency", "\"EUR\"", false },
	{ BUDGET("%s"), "max_tokens", "0", false },
	{ BUDGET("%s"), "max_requests", "0", false },
	{ BUDGET("%s"), "share_of_host", "1", false },
	{ HEAD "\"routing\":{%s}}", "escalate_at", "0", false },
	{ HEAD "\"routing\":{%s}}", "prefer", "[\"cloud\"]", false },
	{ HEAD "\"routing\":{%s}}", "fallback", "[\"a\",\"b\"]", false },
	{ HEAD "\"routing\":{%s}}", "while_asking", "\"hold\"", false },
	{ HEAD "\"routing\":{%s}}", "cascade", "\"on\"", false },
	{ HEAD "\"ledger\":{%s}}", "content", "\"full\"", false },
	{ HEAD "\"ledger\":{%s}}", "retain", "\"1d\"", false },
	{ HEAD "\"ledger\":{%s}}", "export", "{\"otlp\":\"x\"}", false },
	{ HEAD "\"tests\":[{\"request\":{},\"expect\":{\"local\":\"allow\"},%s}]}", "name",
	  "\"t\"", false },
	{ HEAD "\"tests\":[{\"name\":\"t\",\"expect\":{\"local\":\"allow\"},%s}]}", "request",
	  "{}", false },
	{ HEAD "\"tests\":[{\"name\":\"t\",\"request\":{},%s}]}", "expect",
	  "{\"local\":\"ask\"}", false },
	{ HEAD "\"tests\":[{\"name\":\"t\",\"request\":{},\"expect\":{\"local\":{%s}}}]}",
	  "verdict", "\"ask\"", false },
	{ HEAD "\"tests\":[{\"name\":\"t\",\"request\":{},\"expect\":{\"local\":{\"verdict\":"
	       "\"ask\","
	       "%s}}}]}",
	  "by", "[\"a\"]", false },
	{ HEAD "\"tests\":[{\"name\":\"t\",\"request\":{},\"expect\":{\"local\":{\"verdict\":"
	       "\"ask\","
	       "%s}}}]}",
	  "redact", "[\"a\"]", false },
	{ REQUEST("%s"), "app", "\"a\"", true },
	{ REQUEST("%s"), "identity", "\"claimed\"", true },
	{ REQUEST("%s"), "user", "\"a\"", true },
	{ REQUEST("%s"), "groups", "[\"a\"]", true },
	{ REQUEST("%s"), "interactive", "true", true },
	{ REQUEST("%s"), "task", "\"a\"", true },
	{ REQUEST("%s"), "data", "[\"a\"]", true },
	{ REQUEST("%s"), "score", "-1", true },
	{ REQUEST("%s"), "confidence", "2", true },
	{ REQUEST("%s"), "input_tokens", "0.5", true },
	{ REQUEST("%s"), "modality", "[\"a\"]", true },
	{ REQUEST("%s"), "tools", "true", true },
	{ REQUEST("%s"), "device", "{}", true },
	{ REQUEST("\"device\":{%s}"), "power", "\"ac\"", true },
	{ REQUEST("\"device\":{%s}"), "battery_pct", "5", true },
	{ REQUEST("\"device\":{%s}"), "network", "\"offline\"", true },
	{ REQUEST("\"device\":{%s}"), "thermal", "\"fair\"", true },
	{ REQUEST("\"device\":{%s}"), "locked", "true", true },
	{ REQUEST("\"device\":{%s}"), "vpn", "false", true },
	{ REQUEST("%s"), "time", "\"2026-11-18T10:00\"", true },
	{ REQUEST("%s"), "app_restrict", "{}", true },
	{ REQUEST("\"app_restrict\":{%s}"), "max_tier", "\"cloud\"", false },
};

static enum err read_with(const char *file, const char *key, const char *value,
			  const char *more, struct policy_error *error)
{
	char member[200], text[1000];
	struct policy_file *f = NULL;

	snprintf(member, sizeof member, "\"%s\":%s%s", key, value, more);
	snprintf(text, sizeof text, file, member);
	enum err e = policy_file_parse(span_of(text), POLICY_USER, "f", NULL, 0, &f, error);
	if (e == ERR_OK)
		policy_file_free(f);
	return e;
}

static void each_key_is_taken(void **state)
{
	struct policy_error error;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK(read_with(rows[i].file, rows[i].key, rows[i].value, "", &error) == ERR_OK,
		      rows[i].key);
		CHECK(error.problem[0] == '\0' && error.expected[0] == '\0' &&
			      error.nearest[0] == '\0' && error.line == 0 && error.column == 0,
		      rows[i].key);
	}
}

static void what_follows_a_key_is_read(void **state)
{
	struct policy_error error;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		CHECK(read_with(rows[i].file, rows[i].key, rows[i].value, ",\"qqqqqqq\":1",
				&error) == ERR_SYNTAX,
		      rows[i].key);
		CHECK(contains(error.problem, "unknown key \"qqqqqqq\""), rows[i].key);
	}
}

static void what_fits_nowhere_is_refused(void **state)
{
	static const char *const wrong[] = { "[[null]]", "{\"qqqqqqq\":null}", "null" };
	struct policy_error error;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		for (size_t w = 0; w < LEN(wrong); w++) {
			bool fits = rows[i].nullable && strcmp(wrong[w], "null") == 0;

			if (strcmp(rows[i].key, "export") == 0 && wrong[w][0] == '{')
				continue; /* kept as it is */
			CHECK((read_with(rows[i].file, rows[i].key, wrong[w], "", &error) ==
			       ERR_OK) == fits,
			      rows[i].key);
			CHECK((error.problem[0] == '\0') == fits, rows[i].key);
			CHECK((error.line == 0) == fits, rows[i].key);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_taken),
		cmocka_unit_test(what_follows_a_key_is_read),
		cmocka_unit_test(what_fits_nowhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
