/* SPDX-License-Identifier: Apache-2.0 */
/* Each limit of the language: the last that fits, the first that does not and what is said of
 * it; what several files say of one thing, with the file whose word it is. */
#include "tests/unit/policy_help.h"

#define FILE(id, more) "{\"hither_policy\":1,\"id\":\"" id "\"" more "}"
#define DEST(inner)    HEAD "\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\"," inner
#define RULE(inner)    HEAD "\"rules\":[{\"id\":\"a\",\"effect\":\"ask\"," inner
#define REQUEST(inner)                                                                         \
	HEAD "\"tests\":[{\"name\":\"t\",\"expect\":{\"local\":\"allow\"},\"request\":{" inner

/* `each` n times between the two. */
static const struct {
	const char *before, *each, *after;
	size_t most;
	enum err e;
	const char *problem, *expected;
} long_rows[] = {
	{ "{\"hither_policy\":1,\"id\":\"", "a", "\"}", 63, ERR_SYNTAX,
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" is no name",
	  "1 to 63 letters, digits, '.', '_' or '-', a letter or digit first" },
	{ HEAD "\"destinations\":{\"", "b", "\":{\"tier\":\"cloud\",\"api\":\"openai\"}}}", 63,
	  ERR_SYNTAX,
	  "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\" is no name for a "
	  "destination",
	  "1 to 63 letters, digits, '.', '_' or '-'" },
	{ HEAD "\"title\":\"", "c", "\"}", 4096, ERR_TOO_BIG,
	  "a text of 4097 bytes is too long", "at most 4096 bytes" },
	{ HEAD "\"groups\":{\"g\":[\"", "d", "\"]}}", 1024, ERR_TOO_BIG,
	  "a text of 1025 bytes is too long", "at most 1024 bytes" },
	{ HEAD "\"groups\":{\"g\":[\"\"", ",\"e\"", "]}}", 255, ERR_TOO_BIG,
	  "257 items are too many", "at most 256" },
	{ HEAD "\"categories\":{\"a.b\":{\"regex\":\"", "f", "\"}}}", 512, ERR_TOO_BIG,
	  "a text of 513 bytes is too long", "at most 512 bytes" },
	{ RULE("\"because\":\""), "g", "\"}]}", 400, ERR_SYNTAX, "401 characters are too many",
	  "at most 400 characters" },
	{ RULE("\"because\":\""), "\xC3\xA4", "\"}]}", 400, ERR_SYNTAX,
	  "401 characters are too many", "at most 400 characters" },
	{ RULE("\"with\":{\"strip\":[\"tools\""), ",\"tools\"", "]}}]}", 255, ERR_TOO_BIG,
	  "257 items are too many", "at most 256" },
	{ RULE("\"when\":{\"any\":[{}"), ",{}", "]}}]}", 255, ERR_TOO_BIG,
	  "257 items are too many", "at most 256" },
	{ RULE("\"when\":{\"tier\":[\"cloud\""), ",\"cloud\"", "]}}]}", 255, ERR_TOO_BIG,
	  "257 items are too many", "at most 256" },
	{ RULE("\"when\":{\"time\":{\"days\":[\"mon\""), ",\"mon\"", "]}}}]}", 255, ERR_TOO_BIG,
	  "257 items are too many", "at most 256" },
	{ HEAD
	  "\"budgets\":[{\"id\":\"b\",\"scope\":[],\"window\":\"day\",\"on_exceed\":\"ask\"}",
	  ",{\"id\":\"b\",\"scope\":[],\"window\":\"day\",\"on_exceed\":\"ask\"}", "]}", 255,
	  ERR_TOO_BIG, "257 items are too many", "at most 256" },
	{ REQUEST("\"groups\":[\"\""), ",\"h\"", "]}}]}", 4095, ERR_TOO_BIG,
	  "4097 items are too many", "at most 4096" },
	{ REQUEST("\"groups\":[\""), "i", "\"]}}]}", 4096, ERR_TOO_BIG,
	  "a text of 4097 bytes is too long", "at most 4096 bytes" },
	{ REQUEST("\"app\":\""), "j", "\"}}]}", 4096, ERR_TOO_BIG,
	  "a text of 4097 bytes is too long", "at most 4096 bytes" },
	{ DEST("\"api_version\":\""), "1", "\"}}}", 40, ERR_SYNTAX, "not a version",
	  "up to 40 letters, digits, '.', '-' and '_'" },
	{ HEAD "\"consent\":{\"ask_via\":[\"web\",\"terminal\",\"notification\"",
	  ",\"session-agent\"", "]}}", 1, ERR_TOO_BIG, "5 items are too many", "at most 4" },
	{ HEAD "\"routing\":{\"prefer\":[\"cloud\",\"trusted\"", ",\"device\"", "]}}", 1,
	  ERR_TOO_BIG, "4 items are too many", "at most 3" },
	{ HEAD "\"ledger\":{\"export\":{\"otlp\":\"", "k", "\"}}}", 4096, ERR_TOO_BIG,
	  "a text of 4097 bytes is too long", "at most 4096 bytes" },
};

static enum err parse(struct span text, struct policy_error *error)
{
	struct policy_file *f = NULL;
	enum err e = policy_file_parse(text, POLICY_USER, "f", NULL, 0, &f, error);

	policy_file_free(f);
	return e;
}

static void what_is_long_has_a_limit(void **state)
{
	struct policy_error error;
	struct buf text;

	(void)state;
	buf_init(&text, 1u << 20);
	for (size_t i = 0; i < LEN(long_rows); i++) {
		for (size_t more = 0; more <= 1; more++) {
			buf_clear(&text);
			buf_add_str(&text, long_rows[i].before);
			for (size_t n = 0; n < long_rows[i].most + more; n++)
				buf_add_str(&text, long_rows[i].each);
			buf_add_str(&text, long_rows[i].after);
			enum err e = parse(buf_span(&text), &error);
			if (e != (more ? long_rows[i].e : ERR_OK) ||
			    (more && (strcmp(error.problem, long_rows[i].problem) != 0 ||
				      strcmp(error.expected, long_rows[i].expected) != 0)))
				fail_msg("%s...%s, %zu: %s; expected %s", long_rows[i].before,
					 long_rows[i].after, long_rows[i].most + more,
					 error.problem, error.expected);
		}
	}
	buf_free(&text);
}

static const struct {
	const char *text; /* one %s */
	const char *last, *beyond, *problem, *expected;
} number_rows[] = {
#define WHOLE "a whole number, 0 or more"
	{ HEAD "\"serial\":%s}", "9007199254740991", "9007199254740992", "number out of range",
	  "a whole number from 1 to 9007199254740991" },
	{ HEAD "\"serial\":%s}", "1", "0", "number out of range",
	  "a whole number from 1 to 9007199254740991" },
	{ DEST("\"retention_days\":%s}}}"), "0", "-1", "number out of range", WHOLE },
	{ DEST("\"retention_days\":%s}}}"), "9007199254740991", "9007199254740992",
	  "number out of range", WHOLE },
	{ DEST("\"concurrent\":%s}}}"), "64", "65", "more than 64", "a smaller number" },
	{ DEST("\"concurrent\":%s}}}"), "0", "-1", "number out of range", WHOLE },
	{ DEST("\"queue\":%s}}}"), "64", "65", "more than 64", "a smaller number" },
	{ DEST("\"retry\":{\"attempts\":%s}}}}"), "4", "5", "more than 4", "a smaller number" },
	{ DEST("\"breaker\":{\"failures\":%s}}}}"), "1000", "1001", "more than 1000",
	  "a smaller number" },
	{ DEST("\"timeouts\":{\"gap\":\"%s\"}}}}"), "10m", "601s", "time out of range",
	  "\"1s\" to \"10m\"" },
	{ DEST("\"timeouts\":{\"gap\":\"%s\"}}}}"), "1s", "0s", "time out of range",
	  "\"1s\" to \"10m\"" },
	{ DEST("\"price\":{\"input_per_mtok\":1,\"cached_input_per_mtok\":%s}}}}"), "1", "1.01",
	  "tokens of the cache cost more than others", "at most input_per_mtok" },
	{ DEST("\"price\":{\"input_per_mtok\":%s}}}}"), "0", "-0.01", "number out of range",
	  "0 or more" },
	{ HEAD "\"routing\":{\"escalate_at\":%s}}", "1", "1.01", "number out of range",
	  "a number from 0 to 1" },
	{ HEAD "\"routing\":{\"escalate_at\":%s}}", "0", "-0.01", "number out of range",
	  "0 or more" },
	{ RULE("\"when\":{\"time\":{\"hours\":\"%s-24:00\"}}}]}"), "24:00", "24:01",
	  "not a span of hours", "hours such as \"08:00-18:30\", which may wrap midnight" },
	{ RULE("\"when\":{\"time\":{\"hours\":\"00:00-%s\"}}}]}"), "23:59", "23:60",
	  "not a span of hours", "hours such as \"08:00-18:30\", which may wrap midnight" },
	{ RULE("\"when\":{\"time\":{\"hours\":\"22:00-%s\"}}}]}"), "00:00", "0:00",
	  "not a span of hours", "hours such as \"08:00-18:30\", which may wrap midnight" },
	{ REQUEST("\"time\":\"%s\"}}]}"), "2024-02-29T23:59", "2026-02-29T23:59",
	  "the calendar has no 2026-02-29", "a local time such as \"2026-11-18T10:00\"" },
	{ REQUEST("\"time\":\"%s\"}}]}"), "0001-01-01T00:00", "0000-01-01T00:00", "not a time",
	  "a local time such as \"2026-11-18T10:00\"" },
	{ REQUEST("\"time\":\"%s\"}}]}"), "2026-12-31 10:00:30Z", "2026-12-31", "not a time",
	  "a local time such as \"2026-11-18T10:00\"" },
	{ REQUEST("\"time\":\"%s\"}}]}"), "2026-11-30T10:00", "2026-11-31",
	  "the calendar has no 2026-11-31", "a local time such as \"2026-11-18T10:00\"" },
	{ REQUEST("\"time\":\"%s\"}}]}"), "2026-11-30T10:00", "2026-11-3", "not a time",
	  "a local time such as \"2026-11-18T10:00\"" },
	{ HEAD "\"not_after\":\"%s\"}", "2026-11-30T00:00:00Z", "2026-11-30T00:00:00.5Z",
	  "not a time", "a time in UTC such as \"2027-02-20T00:00:00Z\"" },
};

static void what_is_counted_has_a_limit(void **state)
{
	struct policy_error error;
	char text[400];

	(void)state;
	for (size_t i = 0; i < LEN(number_rows); i++) {
		snprintf(text, sizeof text, number_rows[i].text, number_rows[i].last);
		CHECK(parse(span_of(text), &error) == ERR_OK, text);
		snprintf(text, sizeof text, number_rows[i].text, number_rows[i].beyond);
		if (parse(span_of(text), &error) != ERR_SYNTAX ||
		    strcmp(error.problem, number_rows[i].problem) != 0 ||
		    strcmp(error.expected, number_rows[i].expected) != 0)
			fail_msg("%s: %s; expected %s", text, error.problem, error.expected);
	}
}

/* Each character of a time and of hours has to be what it is. */
static void each_character_of_a_time_counts(void **state)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{ REQUEST("\"time\":\"%s\"}}]}"), "2026-11-18T10:00" },
		{ RULE("\"when\":{\"time\":{\"hours\":\"%s\"}}}]}"), "08:00-18:30" },
		{ HEAD "\"not_after\":\"%s\"}", "2026-11-18T10:00:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		for (size_t at = 0; at <= strlen(rows[i].value); at++) {
			static const char odd[] = "x/: ";
			struct policy_error error;
			char value[40], text[400];

			for (const char *o = odd; *o != '\0'; o++) {
				snprintf(value, sizeof value, "%s", rows[i].value);
				if (at < strlen(value))
					value[at] = *o;
				snprintf(text, sizeof text, rows[i].text, value);
				bool same = strcmp(value, rows[i].value) == 0;
				bool blank = i == 0 && at == 10 && *o == ' ';
				CHECK((parse(span_of(text), &error) == ERR_OK) ==
					      (same || blank),
				      text);
			}
			snprintf(value, sizeof value, "%.*s", (int)at, rows[i].value);
			snprintf(text, sizeof text, rows[i].text, value);
			CHECK((parse(span_of(text), &error) == ERR_OK) ==
				      (at == strlen(rows[i].value)),
			      text);
		}
	}
}

/* The place of each rule and test, whatever stands between them. */
static void places_are_found_behind_anything(void **state)
{
	static const char text[] =
		HEAD "\"rules\":[ /* [ */ "
		     "{\"id\":\"a\",/*}*/\"effect\":\"deny\"},/*\"*/{\"id\":\"b\","
		     "// ]}\n"
		     "\"effect\":\"deny\",\"because\":\"a \\\"} ] \\\\\"},\n"
		     "  //\n"
		     "\t{\"id\":\"c\",\"effect\":\"deny\",\"when\":{\"app\":[\"[\",\"]\"]}}\n"
		     ",{\"id\":\"d\",\"effect\":\"deny\" }]}";
	static const struct {
		const char *id;
		uint32_t line;
	} rows[] = { { "a", 1 }, { "b", 1 }, { "c", 4 }, { "d", 5 } };
	struct policy_set *s = SET({ POLICY_USER, "u", text });
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_decision *d = policy_decisions_new(s, 1, a);
	struct policy_request q = request_of(a, "{\"app\":\"[\"}");

	(void)state;
	policy_decide(s, &q, 0, d);
	assert_int_equal(d->n_by, LEN(rows));
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_reason r = policy_decision_reason(s, d, i);

		assert_string_equal(r.id, rows[i].id);
		assert_int_equal(r.line, rows[i].line);
	}
	arena_free(a);
	policy_set_free(s);
}

/* ---------------------------------------------------------------- what several say */

static void assert_shown(struct policy_set *s, const char *wanted)
{
	struct buf out = shown(s);

	if (!contains(buf_cstr(&out), wanted))
		fail_msg("%s", buf_cstr(&out));
	buf_free(&out);
	policy_set_free(s);
}

static void each_word_of_consent_has_its_file(void **state)
{
	(void)state;
	assert_shown(
		SET({ POLICY_VENDOR_MANDATORY, "a",
		      FILE("a",
			   ",\"consent\":{\"prefer\":\"as_is\",\"on_timeout\":\"local\",\"max_"
			   "prompts_per_hour\":5,\"hold_max\":\"2m\"}") },
		    { POLICY_MANDATORY, "b",
		      FILE("b", ",\"consent\":{\"prefer\":\"redacted\",\"on_timeout\":"
				"\"refuse\",\"max_"
				"prompts_per_hour\":5,\"on_deny\":\"refuse\",\"always_max\":"
				"\"9d\",\"hold_"
				"max\":\"2m\"}") },
		    { POLICY_USER, "c",
		      FILE("c",
			   ",\"consent\":{\"scopes\":[\"once\",\"session\",\"until\","
			   "\"always\"],"
			   "\"no_agent\":\"hold\",\"max_until\":\"3d\",\"timeout\":\"7s\"}") }),
		"consent\n"
		"  scopes                 once session until always  (user c)\n"
		"  modes                  redacted as_is  (built in)\n"
		"  prefer                 as_is  (vendor_mandatory a)\n"
		"  on_timeout             local  (vendor_mandatory a)\n"
		"  on_deny                refuse  (mandatory b)\n"
		"  no_agent               hold  (user c)\n"
		"  require_reason         false  (built in)\n"
		"  max_until              3d  (user c)\n"
		"  always_max             9d  (mandatory b)\n"
		"  timeout                7s  (user c)\n"
		"  hold_max               2m  (vendor_mandatory a)\n"
		"  max_prompts_per_hour   5  (vendor_mandatory a)\n"
		"  strong_auth_for        (none)  (built in)\n"
		"  ask_via                session-agent terminal notification web  (built "
		"in)\n");
	assert_shown(
		SET({ POLICY_USER, "a",
		      FILE("a", ",\"consent\":{\"prefer\":\"as_is\",\"on_timeout\":\"hold\","
				"\"on_deny\":"
				"\"local\",\"no_agent\":\"local\",\"scopes\":[\"once\"],"
				"\"modes\":[\"as_is\","
				"\"redacted\"],\"strong_auth_for\":[\"x\",\"y\"],\"ask_via\":["
				"\"web\"]}") },
		    { POLICY_USER, "b",
		      FILE("b", ",\"consent\":{\"prefer\":\"redacted\",\"on_timeout\":"
				"\"refuse\",\"on_"
				"deny\":\"refuse\",\"no_agent\":\"refuse\",\"scopes\":["
				"\"once\",\"always\"],"
				"\"modes\":[\"redacted\"],\"strong_auth_for\":[\"y\",\"z\"],"
				"\"ask_via\":["
				"\"terminal\"],\"require_reason\":true}") },
		    { POLICY_USER, "c", FILE("c", ",\"consent\":{\"require_reason\":true}") }),
		"consent\n"
		"  scopes                 once  (user a)\n"
		"  modes                  redacted  (user b)\n"
		"  prefer                 redacted  (user b)\n"
		"  on_timeout             refuse  (user b)\n"
		"  on_deny                refuse  (user b)\n"
		"  no_agent               refuse  (user b)\n"
		"  require_reason         true  (user b)\n"
		"  max_until              7d  (built in)\n"
		"  always_max             180d  (built in)\n"
		"  timeout                1m  (built in)\n"
		"  hold_max               10m  (built in)\n"
		"  max_prompts_per_hour   360  (built in)\n"
		"  strong_auth_for        x y z  (user b)\n"
		"  ask_via                web  (user a)\n");
}

static void each_wish_has_its_file(void **state)
{
	(void)state;
	assert_shown(SET({ POLICY_USER, "a",
			   FILE("a", ",\"routing\":{\"escalate_at\":0.5,\"prefer\":[\"cloud\"],"
				     "\"fallback\":["
				     "\"d\"],\"while_asking\":\"hold\",\"cascade\":\"offer\"},"
				     "\"ledger\":{"
				     "\"content\":\"digest\",\"retain\":\"5d\"}") },
			 { POLICY_USER, "b",
			   FILE("b", ",\"routing\":{\"escalate_at\":0.5,\"prefer\":[\"device\"]"
				     ",\"fallback\":["
				     "\"e\"],\"while_asking\":\"hold\",\"cascade\":\"offer\"},"
				     "\"ledger\":{"
				     "\"content\":\"digest\",\"retain\":\"5d\"}") },
			 { POLICY_RECOMMENDED, "c",
			   FILE("c", ",\"routing\":{\"escalate_at\":0.9,\"while_asking\":"
				     "\"wait\",\"cascade\":"
				     "\"off\"}") }),
		     "routing\n"
		     "  escalate_at            0.5  (user a)\n"
		     "  prefer                 cloud  (user a)\n"
		     "  fallback               d  (user a)\n"
		     "  while_asking           hold  (user a)\n"
		     "  cascade                offer  (user a)\n"
		     "ledger\n"
		     "  content                digest  (user a)\n"
		     "  retain                 5d  (user a)\n");
	assert_shown(
		SET({ POLICY_USER, "a",
		      FILE("a", ",\"routing\":{\"escalate_at\":0.5,\"while_asking\":"
				"\"text\",\"cascade\":"
				"\"on\"},\"ledger\":{\"retain\":\"5d\"}") },
		    { POLICY_USER, "b",
		      FILE("b", ",\"routing\":{\"escalate_at\":0.6,\"while_asking\":"
				"\"wait\",\"cascade\":"
				"\"off\"},\"ledger\":{\"retain\":\"4d\"}") },
		    { POLICY_VENDOR_MANDATORY, "c",
		      FILE("c", ",\"routing\":{\"escalate_at\":0.9,\"prefer\":["
				"\"trusted\",\"cloud\"]},\"ledger\":{\"content\":\"none\","
				"\"retain\":\"9d\",\"export\":{}}") }),
		"routing\n"
		"  escalate_at            0.6  (user b)\n"
		"  prefer                 trusted cloud  (vendor_mandatory c)\n"
		"  fallback               (none but this device)  (built in)\n"
		"  while_asking           wait  (user b)\n"
		"  cascade                off  (user b)\n"
		"ledger\n"
		"  content                none  (vendor_mandatory c)\n"
		"  retain                 9d  (vendor_mandatory c)\n"
		"  export                 {}, which hitherd does not do: hither ledger export  "
		"(vendor_mandatory c)\n");
}

/* ---------------------------------------------------------------- bundles */

static enum err read_back(struct policy_file *const *files, size_t n,
			  const struct policy_attachment *attachments, size_t n_attachments,
			  struct policy_set **ret, struct policy_error *error)
{
	const struct policy_bundle b = { .generation = 0x0102030405060708,
					 .state = POLICY_DEGRADED,
					 .reason = "why",
					 .files = files,
					 .n_files = n,
					 .attachments = attachments,
					 .n_attachments = n_attachments };
	struct buf bytes;

	buf_init(&bytes, POLICY_BUNDLE_MAX_BYTES);
	policy_bundle_write(&b, &bytes);
	enum err e = policy_bundle_read(buf_span(&bytes), ret, error);
	buf_free(&bytes);
	return e;
}

static void a_bundle_gives_each_list_to_who_names_it(void **state)
{
	static const struct policy_attachment lists[] = { { "/e", { "of e", 4 } },
							  { "/d", { "of d", 4 } },
							  { "/nobody", { "x", 1 } } };
	static const char *const words[] = { "of d", "", "of e", "of d" };
	struct policy_file *f = file_of(
		POLICY_USER, "u",
		FILE("u",
		     ",\"categories\":{\"a.a\":{\"dictionary\":\"/d\"},\"a.b\":{\"keywords\":["
		     "\"k\",\"l\"]},\"a.c\":{\"dictionary\":\"/e\",\"regex\":\"r\"},\"a.d\":{"
		     "\"dictionary\":\"/d\",\"check\":\"luhn\"}}"));
	struct policy_set *s = NULL;
	struct policy_error error;

	(void)state;
	assert_int_equal(read_back(&f, 1, lists, LEN(lists), &s, &error), ERR_OK);
	assert_int_equal(error.line, 0);
	assert_string_equal(error.problem, "");
	assert_true(policy_set_generation(s) == 0x0102030405060708);
	assert_int_equal(policy_set_state(s), POLICY_DEGRADED);
	assert_string_equal(policy_set_reason(s), "why");
	assert_int_equal(policy_categories(s), LEN(words));
	for (size_t i = 0; i < LEN(words); i++)
		assert_true(span_is(policy_category(s, i)->words, words[i]));
	assert_int_equal(policy_category(s, 1)->n_keywords, 2);
	assert_string_equal(policy_category(s, 1)->keywords[1], "l");
	assert_string_equal(policy_category(s, 2)->regex, "r");
	assert_int_equal(policy_category(s, 3)->check, POLICY_CHECK_LUHN);
	policy_set_free(s);
	policy_file_free(f);
}

/* What is enough for a stack written inline is not enough to take effect. */
static void a_bundle_holds_whole_files(void **state)
{
	struct policy_file *f = NULL;
	struct policy_set *s = NULL;
	struct policy_error error;

	(void)state;
	assert_int_equal(policy_file_parse(SPAN_LITERAL("{}"), POLICY_USER, "u", NULL,
					   POLICY_INLINE, &f, &error),
			 ERR_OK);
	assert_int_equal(read_back(&f, 1, NULL, 0, &s, &error), ERR_SYNTAX);
	assert_string_equal(error.problem, "no \"hither_policy\"");
	assert_string_equal(error.file, "u");
	policy_file_free(f);
	struct policy_file *two[2];
	two[0] = file_of(POLICY_USER, "u",
			 FILE("u", ",\"rules\":[{\"id\":\"a\",\"effect\":\"ask\"}]"));
	two[1] = policy_file_ref(two[0]);
	assert_int_equal(read_back(two, 2, NULL, 0, &s, &error), ERR_EXISTS);
	assert_string_equal(error.problem, "rule \"a\" is also in u, of the same layer");
	assert_string_equal(error.expected, "names that are used once in a layer");
	policy_file_free(two[0]);
	policy_file_free(two[1]);
	assert_int_equal(policy_bundle_read(SPAN_LITERAL("hither"), &s, &error), ERR_CORRUPT);
	assert_string_equal(error.problem, "the policy bundle is damaged");
	assert_string_equal(error.expected, "");
	assert_int_equal(error.line, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_long_has_a_limit),
		cmocka_unit_test(what_is_counted_has_a_limit),
		cmocka_unit_test(each_character_of_a_time_counts),
		cmocka_unit_test(places_are_found_behind_anything),
		cmocka_unit_test(each_word_of_consent_has_its_file),
		cmocka_unit_test(each_wish_has_its_file),
		cmocka_unit_test(a_bundle_gives_each_list_to_who_names_it),
		cmocka_unit_test(a_bundle_holds_whole_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
