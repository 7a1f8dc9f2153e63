/* SPDX-License-Identifier: Apache-2.0 */
/* Policies where a number, a list or a text is at its smallest or has one more than fits. */
#include "tests/unit/policy_help.h"

#include <time.h>

#include "policy/policy_impl.h"

#define F(more) "{\"hither_policy\":1,\"id\":\"f\"," more "}"
#define X                                                                                      \
	"\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\",\"retention_days\":0}" \
	"}"
#define PIN_1 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PIN_2 "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB="

/* ---------------------------------------------------------------- requests */

static struct policy_error day_error; /* of the last that was not taken */

static bool takes_day(const char *day, struct policy_request *ret)
{
	struct arena *a = arena_new("test", 1u << 20);
	struct json_where where;
	cJSON *tree = NULL;
	char text[64];

	snprintf(text, sizeof text, "{\"time\":\"%sT10:00\"}", day);
	assert_int_equal(json_parse(span_of(text), &json_limits_api, &tree, &where), ERR_OK);
	policy_request_base(ret);
	bool ok = policy_request_apply(ret, tree, a, &day_error) == ERR_OK;
	cJSON_Delete(tree);
	arena_free(a);
	return ok;
}

/* Each day of four years, by the calendar of the C library. */
static void a_day_has_its_weekday(void **state)
{
	(void)state;
	for (time_t t = 1704067200; t < 1704067200 + 1461 * 86400; t += 86400) { /* from 2024 */
		struct policy_request q;
		struct tm tm;
		char day[16];

		gmtime_r(&t, &tm);
		strftime(day, sizeof day, "%Y-%m-%d", &tm);
		CHECK(takes_day(day, &q), day);
		CHECK(q.time.weekday == (tm.tm_wday + 6) % 7, day);
	}
	struct policy_request q;
	static const char *const none[] = { "2026-00-10", "2026-13-10", "2026-01-00",
					    "2026-02-29", "2100-02-29", "2024-02-30",
					    "2026-01-32", "2026-02-30", "2026-03-32",
					    "2026-04-31", "2026-05-32", "2026-06-31",
					    "2026-07-32", "2026-08-32", "2026-09-31",
					    "2026-10-32", "2026-11-31", "2026-12-32" };
	for (size_t i = 0; i < LEN(none); i++) {
		char said[40];

		snprintf(said, sizeof said, "the calendar has no %s", none[i]);
		CHECK(!takes_day(none[i], &q), none[i]);
		CHECK(strcmp(day_error.problem, said) == 0, day_error.problem);
	}
	assert_false(takes_day("2026-2-1T1", &q));
	assert_string_equal(day_error.problem, "not a time");
	assert_true(takes_day("2000-02-29", &q) && takes_day("2024-02-29", &q));
	assert_true(takes_day("1900-03-01", &q) && q.time.weekday == 3); /* no leap year */
	assert_true(takes_day("2000-03-01", &q) && q.time.weekday == 2); /* one */
	assert_true(takes_day("0001-01-01", &q) && q.time.weekday == 0);
}

/* What is not known ends nothing: the keys behind it are read. */
static void null_is_no_end(void **state)
{
	static const char *const keys[] = { "app",         "identity",     "groups",
					    "interactive", "task",         "data",
					    "score",       "confidence",   "time",
					    "modality",    "input_tokens", "tools",
					    "device",      "app_restrict" };

	(void)state;
	for (size_t i = 0; i < LEN(keys); i++) {
		struct arena *a = arena_new("test", 1u << 20);
		char text[64];

		snprintf(text, sizeof text, "{\"%s\":null,\"user\":\"somebody\"}", keys[i]);
		struct policy_request q = request_of(a, text);
		CHECK(span_is(q.user, "somebody"), keys[i]);
		arena_free(a);
	}
}

/* What an app allowed itself before is taken back by null, and by nothing in braces. */
static void null_lifts_a_restriction(void **state)
{
	static const struct {
		const char *text;
		bool restricted;
	} rows[] = { { "{\"app_restrict\":{\"max_tier\":\"device\"}}", true },
		     { "{}", true },
		     { "{\"app_restrict\":null}", false },
		     { "{\"app_restrict\":{\"max_tier\":\"trusted\"}}", true },
		     { "{\"app_restrict\":{}}", false } };
	struct arena *a = arena_new("test", 1u << 20);
	struct policy_request q;

	(void)state;
	policy_request_base(&q);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct json_where where;
		struct policy_error error;
		cJSON *tree = NULL;

		assert_int_equal(
			json_parse(span_of(rows[i].text), &json_limits_api, &tree, &where),
			ERR_OK);
		assert_int_equal(policy_request_apply(&q, tree, a, &error), ERR_OK);
		CHECK(q.restricted == rows[i].restricted, rows[i].text);
		cJSON_Delete(tree);
	}
	arena_free(a);
}

static void a_list_may_have_4096_words(void **state)
{
	(void)state;
	for (size_t n = 4095; n <= 4097; n++) {
		struct arena *a = arena_new("test", 1u << 20);
		struct json_where where;
		struct policy_request q;
		struct policy_error e;
		cJSON *tree = NULL;
		struct buf text;

		buf_init(&text, 1u << 20);
		buf_add_str(&text, "{\"groups\":[");
		for (size_t i = 0; i < n; i++)
			buf_add_str(&text, i > 0 ? ",\"g\"" : "\"g\"");
		buf_add_str(&text, "]}");
		assert_int_equal(json_parse(buf_span(&text), &json_limits_api, &tree, &where),
				 ERR_OK);
		policy_request_base(&q);
		assert_int_equal(policy_request_apply(&q, tree, a, &e) == ERR_OK, n <= 4096);
		if (n <= 4096)
			assert_int_equal(q.groups.n, n);
		cJSON_Delete(tree);
		buf_free(&text);
		arena_free(a);
	}
}

/* ---------------------------------------------------------------- conditions */

static void hours_end_at_midnight(void **state)
{
	static const struct {
		const char *hours;
		bool ok;
	} rows[] = { { "10:59-11:00", true },  { "10:00-10:59", true },
		     { "10:60-11:00", false }, { "22:00-24:00", true },
		     { "22:00-24:01", false }, { "00:00-00:01", true },
		     { "9:00-10:00", false },  { "09-00-10:00", false },
		     { "0a:00-10:00", false } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_file *f = NULL;
		struct policy_error e;
		char text[200];

		snprintf(text, sizeof text,
			 F("\"rules\":[{\"id\":\"r\",\"effect\":\"deny\",\"when\":{\"time\":{"
			   "\"hours\":\"%s\"}}}]"),
			 rows[i].hours);
		enum err got =
			policy_file_parse(span_of(text), POLICY_USER, "f", NULL, 0, &f, &e);
		CHECK((got == ERR_OK) == rows[i].ok, rows[i].hours);
		policy_file_free(f);
	}
}

static void a_share_is_from_0_to_1(void **state)
{
	static const struct {
		const char *number;
		bool ok;
	} rows[] = { { "0", true },
		     { "1", true },
		     { "0.5", true },
		     { "1.01", false },
		     { "-0.1", false } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_file *f = NULL;
		struct policy_error e;
		char text[200];

		snprintf(text, sizeof text, F("\"routing\":{\"escalate_at\":%s}"),
			 rows[i].number);
		enum err got =
			policy_file_parse(span_of(text), POLICY_USER, "f", NULL, 0, &f, &e);
		CHECK((got == ERR_OK) == rows[i].ok, rows[i].number);
		policy_file_free(f);
	}
}

static void no_day_of_retention_is_known(void **state)
{
	struct policy_set *s =
		SET({ POLICY_USER, "u",
		      F(X ",\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"r\","
			  "\"effect\":\"deny\",\"when\":{\"retention_days\":{\"lt\":1}}}]") });

	(void)state;
	assert_string_equal(answer(s, "{}", "x"),
			    "{\"verdict\":\"deny\",\"by\":[\"r\"],\"redact\":[],\"strip\":[]}");
	policy_set_free(s);
}

/* More names than bits of a word: each rule sees its own category and no other. */
static void many_categories_are_told_apart(void **state)
{
	enum { NAMES = 150 };
	struct policy_set *s;
	struct buf text;

	(void)state;
	buf_init(&text, 1u << 20);
	buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"f\"," X
			   ",\"default\":{\"cloud\":\"allow\"},\"rules\":[");
	for (unsigned i = 0; i < NAMES; i++)
		buf_printf(&text,
			   "%s{\"id\":\"r%u\",\"effect\":\"deny\",\"when\":{\"data\":{\"any\":["
			   "\"site.c%u%s\"]}}}",
			   i > 0 ? "," : "", i, i, i % 2 == 0 ? "" : ".*");
	buf_add_str(&text, "]}");
	s = SET({ POLICY_USER, "u", buf_cstr(&text) });
	for (unsigned i = 0; i < NAMES; i++) {
		char request[64], want[128];

		snprintf(request, sizeof request, "{\"data\":[\"site.c%u%s\"]}", i,
			 i % 4 == 3 ? ".more" : "");
		snprintf(want, sizeof want,
			 "{\"verdict\":\"deny\",\"by\":[\"r%u\"],\"redact\":[],\"strip\":[]}",
			 i);
		assert_string_equal(answer(s, request, "x"), want);
	}
	policy_set_free(s);
	buf_free(&text);
}

/* A text ends where its span ends, whatever follows in memory. */
static void a_glob_ends_where_it_ends(void **state)
{
	struct glob g;

	(void)state;
	glob_compile("a?", &g);
	assert_true(glob_match(&g, SPAN_LITERAL("ab")));
	assert_false(glob_match(&g, SPAN_LITERAL("abc")));
	assert_true(glob_match(&g, (struct span){ "abc", 2 }));
	static const struct {
		const char *pattern, *value;
		bool fits;
	} rows[] = {
		{ "abc", "abc", true },
		{ "abc", "abcd", false },
		{ "ab*", "ab", true },
		{ "ab*", "abc", true },
		{ "ab*", "a", false },
		{ "*bc", "bc", true },
		{ "*bc", "abc", true },
		{ "*bc", "c", false },
		{ "*", "", true },
		{ "*", "x", true },
		{ "ab?", "abc", true },
		{ "ab?", "ab", false },
		{ "ab?", "abcd", false },
		{ "?bc", "abc", true },
		{ "?bc", "aabc", false },
		{ "a*c", "ac", true },
		{ "a*c", "abbc", true },
		{ "a*c", "ab", false },
		{ "**", "x", true },
		{ "a[b-d]", "ac", true },
		{ "a[b-d]", "ae", false },
		{ "a[!b]", "ac", true },
		{ "a[!b]", "ab", false },
		{ "[ab", "[ab", true },
		{ "*b*", "abc", true },
		{ "*b*", "ac", false },
		{ "", "", true },
		{ "?a", "x!", false },
		{ "?[a-z]", "x!", false },
		{ "?a", "xa", true },
		{ "[ab]", "b", true },
		{ "[ab]", "bc", false },
		{ "[ab]*", "bc", true },
		{ "[ab]*", "", false },
		{ "[!", "[!", true },
		{ "[]", "[]", true },
		{ "[!]", "[!]", true },
		{ "[]]", "]", true },
		{ "[!]]", "]", false },
		{ "[!]]", "x", true },
		{ "x[a]b", "xab", true },
		{ "x[a]b", "xbb", false },
		{ "x[a]b", "x]b", false },
		{ "[a-cx]", "x", true },
		{ "[a-cx-z]", "y", true },
		{ "[a-cx-z]", "-", false },
		{ "[a-]", "-", true },
		{ "[a-]", "b", false },
		{ "[-a]", "-", true },
		{ "[c-a]", "b", false },
		{ "[a-a]", "a", true },
		{ "[!a]", "a", false },
		{ "[!!]", "!", false },
		{ "a**", "a", true },
		{ "*a?", "xab", true },
		{ "*a?", "xa", false },
		{ "*[a]*", "xay", true },
		{ "*ab*c", "abxabc", true },
		{ "a*b*c", "axbx", false },
		/* Two letters of which only the first byte differs, two of which only the last.
		 */
		{ "[\xC3\xA9]", "\xC4\xA9", false },
		{ "[\xC3\xA9]", "\xC3\xA8", false },
		{ "[\xC3\xA9-\xC3\xAB]", "\xC3\xAA", true },
		{ "?x", "\xE2\x82\xACx", true },
		{ "?x", "\xF0\x9F\x98\x80x", true },
		{ "[\xE2\x82\xAC]", "\xE3\x82\xAC", false },
		{ "[\xF0\x9F\x98\x80]", "\xF0\x9F\x98\x80", true },
		{ "[\xF0\x9F\x98\x80]", "\xF1\x9F\x98\x80", false },
		{ "??", "\xE2\x82", true },
		{ "?", "\xE2\x82", false },
		{ "[\x82]", "\x82", true },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct glob c;

		glob_compile(rows[i].pattern, &c);
		CHECK(glob_match(&c, span_of(rows[i].value)) == rows[i].fits, rows[i].pattern);
	}
	/* A character that is cut is no such character, whatever its rest would be. */
	glob_compile("a[\xC3\xA9]", &g);
	assert_true(glob_match(&g, SPAN_LITERAL("a\xC3\xA9")));
	assert_false(glob_match(&g, (struct span){ "a\xC3\xA9", 2 }));
}

static bool denied_at(struct policy_set *s, const char *time)
{
	char request[64];

	snprintf(request, sizeof request, "{\"time\":\"2026-11-18T%s\"}", time);
	return contains(answer(s, request, "x"), "\"verdict\":\"deny\"");
}

static void hours_begin_with_their_first_minute(void **state)
{
	static const struct {
		const char *hours, *in[3], *out[3];
	} rows[] = {
		{ "10:00-20:00", { "10:00", "15:30", "19:59" }, { "09:59", "20:00", "00:00" } },
		{ "22:00-06:00", { "22:00", "00:00", "05:59" }, { "21:59", "06:00", "12:00" } },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_set *s;
		struct buf out;
		char text[400];

		snprintf(text, sizeof text,
			 F(X ",\"default\":{\"cloud\":\"allow\"},\"rules\":[{\"id\":\"r\","
			     "\"effect\":\"deny\",\"when\":{\"time\":{\"hours\":\"%s\"}}}]"),
			 rows[i].hours);
		s = SET({ POLICY_USER, "u", text });
		for (size_t j = 0; j < 3; j++) {
			CHECK(denied_at(s, rows[i].in[j]), rows[i].in[j]);
			CHECK(!denied_at(s, rows[i].out[j]), rows[i].out[j]);
		}
		buf_init(&out, 1u << 16);
		policy_show(s, true, 0, &out);
		snprintf(text, sizeof text, "deny when time is within %s", rows[i].hours);
		CHECK(contains(buf_cstr(&out), text), rows[i].hours);
		buf_free(&out);
		policy_set_free(s);
	}
}

/* ---------------------------------------------------------------- destinations */

#define PINNED(pins)                                                                           \
	F("\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":"       \
	  "\"https://x.example/v1\",\"pin\":{\"sha256\":" pins "}}}")

static void pins_are_one_or_a_list(void **state)
{
	struct policy_set *s = SET({ POLICY_USER, "u", PINNED("\"" PIN_1 "\"") });
	const struct policy_destination *d;
	size_t at;

	(void)state;
	assert_true(policy_destination_find(s, SPAN_LITERAL("x"), &at));
	d = policy_destination(s, at);
	assert_int_equal(d->n_pins_sha256, 1);
	assert_string_equal(d->pins_sha256[0], PIN_1);
	policy_set_free(s);
	s = SET({ POLICY_USER, "u", PINNED("[\"" PIN_1 "\",\"" PIN_2 "\"]") });
	assert_true(policy_destination_find(s, SPAN_LITERAL("x"), &at));
	d = policy_destination(s, at);
	assert_int_equal(d->n_pins_sha256, 2);
	assert_string_equal(d->pins_sha256[0], PIN_1);
	assert_string_equal(d->pins_sha256[1], PIN_2);
	policy_set_free(s);
}

static const char whole_destination[] = F(
	"\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"azure-openai\",\"operator\":"
	"\"O\","
	"\"region\":\"eu\",\"base_url\":\"https://x.example/"
	"v1\",\"models\":[\"m\",\"n\",\"o\"],"
	"\"retention_days\":30,\"trains\":false,\"price\":{\"currency\":\"EUR\",\"input_per_"
	"mtok\":"
	"3,\"cached_input_per_mtok\":1.5,\"output_per_mtok\":4},\"pin\":{\"ca_file\":\"/ca\"},"
	"\"proxy\":\"none\",\"auth\":{\"secret\":\"s\",\"mtls\":\"c\"},\"privacy_url\":"
	"\"https://x.example/"
	"p\",\"api_version\":\"2026-01-01\",\"timeouts\":{\"connect\":\"1s\","
	"\"first_byte\":\"2s\",\"gap\":\"3s\",\"total\":\"10m\"},\"concurrent\":5,\"queue\":6,"
	"\"retry\":{\"attempts\":4,\"max_wait\":\"8s\"},\"breaker\":{\"failures\":9,\"rest\":"
	"\"7s\"}}}");

static void a_destination_has_what_was_written(void **state)
{
	struct policy_set *s = SET({ POLICY_USER, "u", whole_destination });
	const struct policy_destination *d;
	size_t at;

	(void)state;
	assert_true(policy_destination_find(s, SPAN_LITERAL("x"), &at));
	d = policy_destination(s, at);
	assert_true(d->tier == POLICY_TIER_CLOUD && d->trains == POLICY_FALSE);
	assert_string_equal(policy_api_name(d->api), "azure-openai");
	assert_string_equal(d->operator_name, "O");
	assert_string_equal(d->region, "eu");
	assert_string_equal(d->base_url, "https://x.example/v1");
	assert_int_equal(d->n_models, 3);
	assert_string_equal(d->models[0], "m");
	assert_string_equal(d->models[2], "o");
	assert_int_equal(d->retention_days, 30);
	assert_true(d->price.known && strcmp(d->price.currency, "EUR") == 0);
	assert_true(d->price.input_per_mtok > 2.9 && d->price.input_per_mtok < 3.1);
	assert_true(d->price.cached_input_per_mtok > 1.4 &&
		    d->price.cached_input_per_mtok < 1.6);
	assert_true(d->price.output_per_mtok > 3.9 && d->price.output_per_mtok < 4.1);
	assert_string_equal(d->pin_ca_file, "/ca");
	assert_int_equal(d->n_pins_sha256, 0);
	assert_string_equal(d->proxy, "none");
	assert_string_equal(d->auth_secret, "s");
	assert_string_equal(d->auth_mtls, "c");
	assert_string_equal(d->privacy_url, "https://x.example/p");
	assert_string_equal(d->api_version, "2026-01-01");
	assert_int_equal(d->timeouts.connect_ms, 1000);
	assert_int_equal(d->timeouts.first_byte_ms, 2000);
	assert_int_equal(d->timeouts.gap_ms, 3000);
	assert_int_equal(d->timeouts.total_ms, 600000);
	assert_int_equal(d->concurrent, 5);
	assert_int_equal(d->queue, 6);
	assert_int_equal(d->retries, 4);
	assert_int_equal(d->retry_wait_ms, 8000);
	assert_int_equal(d->breaker_failures, 9);
	assert_int_equal(d->breaker_open_ms, 7000);
	assert_string_equal(policy_file_info(d->file).name, "u");
	d = policy_destination(s, 0); /* the device itself, which nobody wrote */
	assert_string_equal(d->name, "local");
	assert_int_equal(d->retention_days, -1);
	assert_null(d->file);
	policy_set_free(s);
}

static void a_proxy_may_have_a_short_name(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = { { "http://p", true },  { "http://", false }, { "https://p", true },
		     { "https://", false }, { "none", true },     { "env", true },
		     { "ftp://p", false },  { "", false } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_file *f = NULL;
		struct policy_error e;
		char text[300];

		snprintf(text, sizeof text,
			 F("\"destinations\":{\"x\":{\"tier\":\"cloud\",\"api\":\"openai\","
			   "\"base_url\":\"https://x.example/v1\",\"proxy\":\"%s\"}}"),
			 rows[i].text);
		enum err got =
			policy_file_parse(span_of(text), POLICY_USER, "f", NULL, 0, &f, &e);
		CHECK((got == ERR_OK) == rows[i].ok, rows[i].text);
		policy_file_free(f);
	}
}

static void a_text_may_be_as_long_as_its_limit(void **state)
{
	static const struct {
		size_t length;
		enum err want;
	} rows[] = { { 4096, ERR_OK }, { 4097, ERR_TOO_BIG } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_file *f = NULL;
		struct policy_error e;
		struct buf text;

		buf_init(&text, 1u << 20);
		buf_add_str(&text, "{\"hither_policy\":1,\"id\":\"f\",\"title\":\"");
		for (size_t n = 0; n < rows[i].length; n++)
			buf_add_char(&text, 't');
		buf_add_str(&text, "\"}");
		assert_int_equal(
			policy_file_parse(buf_span(&text), POLICY_USER, "f", NULL, 0, &f, &e),
			rows[i].want);
		policy_file_free(f);
		buf_free(&text);
	}
}

#define BUDGET(more)                                                                           \
	F("\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\"],\"on_exceed\":\"ask\",\"max_"       \
	  "requests\":"                                                                        \
	  "3" more "}]")

static void a_budget_has_what_was_written(void **state)
{
	static const struct {
		const char *window;
		bool ok;
		enum policy_window unit;
		uint32_t count;
	} rows[] = { { "hour", true, POLICY_WINDOW_HOURS, 1 },
		     { "month", true, POLICY_WINDOW_MONTHS, 1 },
		     { "1h", true, POLICY_WINDOW_HOURS, 1 },
		     { "9999h", true, POLICY_WINDOW_HOURS, 9999 },
		     { "10d", true, POLICY_WINDOW_DAYS, 10 },
		     { "10000h", false, 0, 0 },
		     { "0d", false, 0, 0 },
		     { "h", false, 0, 0 },
		     { "3w", false, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct policy_file *f = NULL;
		struct policy_set *s = NULL;
		struct policy_error e;
		char text[300];

		snprintf(text, sizeof text, BUDGET(",\"window\":\"%s\""), rows[i].window);
		enum err got =
			policy_file_parse(span_of(text), POLICY_USER, "f", NULL, 0, &f, &e);
		CHECK((got == ERR_OK) == rows[i].ok, rows[i].window);
		if (got != ERR_OK)
			continue;
		assert_int_equal(policy_set_build(&f, 1, NULL, 0, &s, &e), ERR_OK);
		assert_int_equal(policy_budgets(s), 1);
		const struct policy_budget *b = policy_budget(s, 0);
		CHECK(b->window_unit == rows[i].unit && b->window_count == rows[i].count,
		      rows[i].window);
		assert_true(b->share_of_host > 0.999 && b->share_of_host < 1.001);
		assert_int_equal(b->max_requests, 3);
		assert_true(b->max_tokens == INT64_MAX);
		policy_set_free(s);
		policy_file_free(f);
	}
}

/* ---------------------------------------------------------------- words */

static void each_word_means_itself(void **state)
{
	static const char *const drafts[] = { "wait", "hold", "thinking", "text" };
	static const char *const cascades[] = { "off", "offer", "on" };

	(void)state;
	for (unsigned i = 0; i < POLICY_LAYERS; i++) {
		enum policy_layer l = POLICY_LAYERS;

		assert_true(policy_layer_from(span_of(policy_layer_name((enum policy_layer)i)),
					      &l));
		assert_int_equal(l, i);
	}
	for (unsigned i = POLICY_TIER_DEVICE; i <= POLICY_TIER_CLOUD; i++) {
		enum policy_tier t = POLICY_TIER_CLOUD + 1;

		assert_true(
			policy_tier_from(span_of(policy_tier_name((enum policy_tier)i)), &t));
		assert_int_equal(t, i);
	}
	for (unsigned i = POLICY_IDENTITY_ANONYMOUS; i <= POLICY_IDENTITY_ATTESTED; i++) {
		enum policy_identity id = POLICY_IDENTITY_UNKNOWN;

		assert_true(policy_identity_from(
			span_of(policy_identity_name((enum policy_identity)i)), &id));
		assert_int_equal(id, i);
	}
	for (unsigned i = 0; i < LEN(drafts); i++) {
		enum policy_draft d;

		assert_true(policy_draft_from(span_of(drafts[i]), &d));
		assert_string_equal(policy_draft_name(d), drafts[i]);
		assert_int_equal(d, i);
	}
	for (unsigned i = 0; i < LEN(cascades); i++) {
		enum policy_cascade c;

		assert_true(policy_cascade_from(span_of(cascades[i]), &c));
		assert_int_equal(c, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_has_its_weekday),
		cmocka_unit_test(null_is_no_end),
		cmocka_unit_test(null_lifts_a_restriction),
		cmocka_unit_test(a_list_may_have_4096_words),
		cmocka_unit_test(hours_end_at_midnight),
		cmocka_unit_test(a_share_is_from_0_to_1),
		cmocka_unit_test(no_day_of_retention_is_known),
		cmocka_unit_test(many_categories_are_told_apart),
		cmocka_unit_test(a_glob_ends_where_it_ends),
		cmocka_unit_test(hours_begin_with_their_first_minute),
		cmocka_unit_test(pins_are_one_or_a_list),
		cmocka_unit_test(a_destination_has_what_was_written),
		cmocka_unit_test(a_proxy_may_have_a_short_name),
		cmocka_unit_test(a_text_may_be_as_long_as_its_limit),
		cmocka_unit_test(a_budget_has_what_was_written),
		cmocka_unit_test(each_word_means_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
