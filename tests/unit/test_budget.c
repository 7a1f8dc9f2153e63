/* SPDX-License-Identifier: Apache-2.0 */
/* What was spent, folded out of records: reservations, settlements, whose budget it is. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "consent/budget.h"

#define NOW  1795012200000 /* Wednesday 2026-11-18, 14:30 UTC */
#define HOUR 3600000LL
#define EURO 1000000000LL /* in 10^-9 */

static struct policy_set *set_of(const char *budgets)
{
	struct policy_file *f = NULL;
	struct policy_set *s = NULL;
	struct policy_error e;
	char text[2048];

	snprintf(text, sizeof text, "{\"hither_policy\":1,\"id\":\"t\",\"budgets\":[%s]}",
		 budgets);
	if (policy_file_parse(span_of(text), POLICY_USER, "t.json", NULL, 0, &f, &e) != ERR_OK)
		fail_msg("%s: %u:%u %s", text, e.line, e.column, e.problem);
	assert_int_equal(policy_set_build(&f, 1, NULL, 0, &s, &e), ERR_OK);
	policy_file_free(f);
	return s;
}

/* A release of one user's app to `far` just now, with a bound of one euro and 100 tokens. */
static struct record granted(const char *id)
{
	struct record r;

	record_init(&r, RECORD_GRANTED);
	snprintf(r.id, sizeof r.id, "%s", id);
	r.time_ms = NOW;
	r.uid = 7;
	r.app = "app";
	r.destination = "far";
	r.currency = "EUR";
	r.cost_bound_nano = EURO;
	r.tokens_bound = 100;
	return r;
}

static struct record closed(const char *ref)
{
	struct record r;

	record_init(&r, RECORD_CLOSED);
	snprintf(r.ref, sizeof r.ref, "%s", ref);
	r.bytes_out = 10;
	return r;
}

static struct budget_query another(void)
{
	return (struct budget_query){ .uid = 7,
				      .app = "app",
				      .destination = "far",
				      .bound = { .cost_known = true,
						 .currency = "EUR",
						 .cost_nano = EURO,
						 .tokens = 100 },
				      .now_ms = NOW };
}

/* One budget, what was noted, and one more send like those. */
static enum budget_state checked(const struct budgets *b, const char *budget,
				 const struct budget_query *q)
{
	struct policy_set *s = set_of(budget);
	const char *id = "";
	enum budget_state state = budgets_check(b, s, q, &id);

	if (state == BUDGET_FITS)
		assert_null(id);
	else
		assert_string_equal(id, "b");
	policy_set_free(s);
	return state;
}

#define B(scope, window, limit, exceed)                                                        \
	"{\"id\":\"b\",\"scope\":[" scope "],\"window\":\"" window "\"," limit                 \
	",\"on_exceed\":\"" exceed "\"}"
#define COST(amount) "\"max_cost\":{\"amount\":" amount ",\"currency\":\"EUR\"}"

static void each_limit_is_reached_and_not_passed(void **state)
{
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r = granted("one");

	(void)state;
	assert_true(budgets_note(b, &r));
	/* One was spent, one more is wanted: two in all. */
	CHECK(checked(b, B("\"user\"", "day", COST("2"), "ask"), &q) == BUDGET_FITS, "2 EUR");
	CHECK(checked(b, B("\"user\"", "day", COST("1.99"), "ask"), &q) == BUDGET_ASK, "1.99");
	CHECK(checked(b, B("\"user\"", "day", "\"max_tokens\":200", "ask"), &q) == BUDGET_FITS,
	      "200 tokens");
	CHECK(checked(b, B("\"user\"", "day", "\"max_tokens\":199", "local"), &q) ==
		      BUDGET_LOCAL,
	      "199 tokens");
	CHECK(checked(b, B("\"user\"", "day", "\"max_requests\":2", "ask"), &q) == BUDGET_FITS,
	      "2 requests");
	CHECK(checked(b, B("\"user\"", "day", "\"max_requests\":1", "refuse"), &q) ==
		      BUDGET_REFUSE,
	      "1 request");
	/* Each of several limits binds. */
	CHECK(checked(b,
		      B("\"user\"", "day", COST("9") ",\"max_tokens\":999,\"max_requests\":1",
			"refuse"),
		      &q) == BUDGET_REFUSE,
	      "the requests");
	CHECK(checked(b,
		      B("\"user\"", "day", COST("9") ",\"max_tokens\":1,\"max_requests\":9",
			"refuse"),
		      &q) == BUDGET_REFUSE,
	      "the tokens");
	CHECK(checked(b,
		      B("\"user\"", "day", COST("1") ",\"max_tokens\":999,\"max_requests\":9",
			"refuse"),
		      &q) == BUDGET_REFUSE,
	      "the cost");
	CHECK(checked(b, B("\"user\"", "day", "\"max_requests\":0", "ask"), &q) == BUDGET_ASK,
	      "none at all");
	budgets_free(b);
}

static void the_strictest_of_several_answers(void **state)
{
	static const char ask[] = B("\"user\"", "day", "\"max_requests\":1", "ask");
	static const char both[] =
		"{\"id\":\"a\",\"scope\":[\"user\"],\"window\":\"day\",\"max_requests\":1,"
		"\"on_exceed\":\"ask\"}," B(
			"\"user\"", "day", "\"max_requests\":1",
			"refuse") ","
				  "{\"id\":\"c\",\"scope\":[\"user\"],\"window\":"
				  "\"day\",\"max_requests\":1,\"on_exceed\":"
				  "\"local\"},"
				  "{\"id\":\"d\",\"scope\":[\"user\"],\"window\":"
				  "\"day\",\"max_requests\":1,\"on_exceed\":"
				  "\"refuse\"}";
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r = granted("one");

	(void)state;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, ask, &q) == BUDGET_ASK, "one alone");
	CHECK(checked(b, both, &q) == BUDGET_REFUSE, "named: the first of the strictest");
	budgets_free(b);
}

static void a_cost_that_cannot_be_counted_does_not_fit(void **state)
{
	static const char day[] = B("\"user\"", "day", COST("100"), "ask");
	struct budgets *b = budgets_new();
	struct budget_query q = another();

	(void)state;
	q.bound.cost_known = false;
	CHECK(checked(b, day, &q) == BUDGET_NO_PRICE, "no price");
	q = another();
	strcpy(q.bound.currency, "USD");
	CHECK(checked(b, day, &q) == BUDGET_NO_PRICE, "another currency");
	q.bound.cost_known = false;
	CHECK(checked(b, B("\"user\"", "day", "\"max_requests\":1", "ask"), &q) == BUDGET_FITS,
	      "it counts something else");
	budgets_free(b);
}

/* What this budget cannot count: a price in another currency, or none; the rest of it counts.
 */
static void what_was_spent_in_another_currency_is_another_budgets(void **state)
{
	static const char two[] = B("\"user\"", "day", COST("2") ",\"max_requests\":9", "ask");
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r = granted("one");

	(void)state;
	r.currency = "USD";
	assert_true(budgets_note(b, &r));
	r = granted("two");
	r.currency = NULL;
	assert_true(budgets_note(b, &r));
	r = granted("three");
	r.cost_bound_nano = RECORD_ABSENT;
	assert_true(budgets_note(b, &r));
	r = granted("four");
	r.currency = "EURO"; /* no code of three letters */
	assert_true(budgets_note(b, &r));
	q.bound.cost_nano = 2 * EURO;
	CHECK(checked(b, two, &q) == BUDGET_FITS, "nothing of it in euro");
	q.bound.cost_nano++;
	CHECK(checked(b, two, &q) == BUDGET_ASK, "but no more than that");
	CHECK(checked(b, B("\"user\"", "day", "\"max_requests\":4", "ask"), &q) == BUDGET_ASK,
	      "four requests all the same");
	CHECK(checked(b, B("\"user\"", "day", "\"max_tokens\":500", "ask"), &q) == BUDGET_FITS,
	      "of 100 tokens each");
	CHECK(checked(b, B("\"user\"", "day", "\"max_tokens\":499", "ask"), &q) == BUDGET_ASK,
	      "and no less");
	/* Tokens that nobody bounded count as none; settled they count. */
	r = granted("five");
	r.tokens_bound = RECORD_ABSENT;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, B("\"user\"", "day", "\"max_tokens\":500", "ask"), &q) == BUDGET_FITS,
	      "none of the fifth");
	budgets_free(b);
}

static void settling_replaces_what_was_reserved(void **state)
{
	static const char money[] = B("\"user\"", "day", COST("1.5"), "ask");
	static const char words[] = B("\"user\"", "day", "\"max_tokens\":150", "ask");
	static const char often[] = B("\"user\"", "day", "\"max_requests\":1", "ask");
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r = granted("one");

	(void)state;
	assert_true(budgets_note(b, &r));
	/* Another's end, and one that says nothing: the reservation stays. */
	r = closed("two");
	r.bytes_out = 0;
	assert_true(budgets_note(b, &r));
	r = closed("one");
	r.tokens_in = 20;
	assert_true(budgets_note(b, &r));
	r = closed("one");
	r.tokens_out = 20;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, money, &q) == BUDGET_ASK, "one euro is reserved");
	CHECK(checked(b, words, &q) == BUDGET_ASK, "100 tokens are");
	r = closed("one");
	r.cost_nano = EURO / 2;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, money, &q) == BUDGET_FITS, "half a euro was used");
	CHECK(checked(b, words, &q) == BUDGET_ASK, "of tokens nobody said");
	r = closed("one");
	r.tokens_in = 20;
	r.tokens_out = 30;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, words, &q) == BUDGET_FITS, "50 were used");
	q.bound.tokens++;
	CHECK(checked(b, words, &q) == BUDGET_ASK, "and not fewer");
	CHECK(checked(b, often, &q) == BUDGET_ASK, "it was a request");
	r = closed("one");
	r.bytes_out = 0;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, often, &q) == BUDGET_FITS, "not one byte left: it never was");
	CHECK(checked(b, money, &q) == BUDGET_FITS, "and cost nothing");
	budgets_free(b);
}

/* Of two releases each is settled by its own end. */
static void each_release_has_its_own_end(void **state)
{
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r = granted("one");

	(void)state;
	assert_true(budgets_note(b, &r));
	r = granted("two");
	r.cost_bound_nano = 3 * EURO;
	assert_true(budgets_note(b, &r));
	r = closed("one");
	r.cost_nano = 0;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, B("\"user\"", "day", COST("4"), "ask"), &q) == BUDGET_FITS, "3 + 1");
	CHECK(checked(b, B("\"user\"", "day", COST("3.9"), "ask"), &q) == BUDGET_ASK, "3 + 1");
	/* Other kinds of records are no releases. */
	record_init(&r, RECORD_INTENT);
	r.uid = 7;
	r.app = "app";
	r.time_ms = NOW;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, B("\"user\"", "day", "\"max_requests\":3", "ask"), &q) == BUDGET_FITS,
	      "two releases");
	budgets_free(b);
}

static void a_budget_is_somebodys(void **state)
{
	static const char user[] = B("\"user\"", "day", "\"max_requests\":1", "ask");
	static const char app[] = B("\"app\"", "day", "\"max_requests\":1", "ask");
	static const char place[] = B("\"destination\"", "day", "\"max_requests\":1", "ask");
	static const char host[] = B("\"host\"", "day", "\"max_requests\":1", "ask");
	static const char both[] = B("\"user\",\"app\"", "day", "\"max_requests\":1", "ask");
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r = granted("one");

	(void)state;
	assert_true(budgets_note(b, &r));
	q.uid = 8;
	CHECK(checked(b, user, &q) == BUDGET_FITS, "another user's");
	CHECK(checked(b, app, &q) == BUDGET_ASK, "the same app's");
	CHECK(checked(b, both, &q) == BUDGET_FITS, "another user's of that app");
	CHECK(checked(b, host, &q) == BUDGET_ASK, "the machine's");
	q = another();
	q.app = "other";
	CHECK(checked(b, app, &q) == BUDGET_FITS, "another app's");
	CHECK(checked(b, user, &q) == BUDGET_ASK, "the same user's");
	CHECK(checked(b, both, &q) == BUDGET_FITS, "another app of that user");
	q = another();
	q.destination = "elsewhere";
	CHECK(checked(b, place, &q) == BUDGET_FITS, "another place's");
	CHECK(checked(b, user, &q) == BUDGET_ASK, "the same user's");
	q = another();
	CHECK(checked(b, place, &q) == BUDGET_ASK, "the same place's");
	CHECK(checked(b, both, &q) == BUDGET_ASK, "this user's of this app");
	/* Who did not say its name, and went where no name is. */
	r = granted("two");
	r.app = r.destination = NULL;
	assert_true(budgets_note(b, &r));
	q.app = q.destination = "";
	CHECK(checked(b, app, &q) == BUDGET_ASK, "without a name");
	CHECK(checked(b, place, &q) == BUDGET_ASK, "without a place");
	budgets_free(b);
}

/* A fleet's budget is shared out: this host has its part. */
static void a_host_has_its_share_of_a_fleets(void **state)
{
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r = granted("one");

	(void)state;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, B("\"fleet\"", "day", COST("20") ",\"share_of_host\":0.1", "ask"),
		      &q) == BUDGET_FITS,
	      "2 of 20 euro");
	CHECK(checked(b, B("\"fleet\"", "day", COST("19.9") ",\"share_of_host\":0.1", "ask"),
		      &q) == BUDGET_ASK,
	      "1.99 of 19.90 euro");
	CHECK(checked(b,
		      B("\"fleet\"", "day", "\"max_requests\":4,\"share_of_host\":0.5", "ask"),
		      &q) == BUDGET_FITS,
	      "2 of 4 requests");
	CHECK(checked(b,
		      B("\"fleet\"", "day", "\"max_requests\":3,\"share_of_host\":0.5", "ask"),
		      &q) == BUDGET_ASK,
	      "1 of 3");
	CHECK(checked(b,
		      B("\"fleet\"", "day", "\"max_tokens\":400,\"share_of_host\":0.5", "ask"),
		      &q) == BUDGET_FITS,
	      "200 of 400 tokens");
	CHECK(checked(b,
		      B("\"fleet\"", "day", "\"max_tokens\":399,\"share_of_host\":0.5", "ask"),
		      &q) == BUDGET_ASK,
	      "199 of 399");
	/* A share means something of a fleet's alone. */
	CHECK(checked(b, B("\"host\"", "day", COST("2") ",\"share_of_host\":0.1", "ask"), &q) ==
		      BUDGET_FITS,
	      "all of 2 euro");
	CHECK(checked(b,
		      B("\"host\"", "day", "\"max_requests\":2,\"share_of_host\":0.1", "ask"),
		      &q) == BUDGET_FITS,
	      "all of 2 requests");
	budgets_free(b);
}

static void only_the_window_counts(void **state)
{
	static const char hour[] = B("\"user\"", "2h", "\"max_requests\":1", "ask");
	static const char years[] = B("\"user\"", "2000d", "\"max_requests\":1", "ask");
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) { /* more than is kept in one piece */
		char id[16];

		snprintf(id, sizeof id, "r%u", i);
		r = granted(id);
		r.time_ms = NOW - 1999 * 24 * HOUR;
		assert_true(budgets_note(b, &r));
	}
	CHECK(checked(b, hour, &q) == BUDGET_FITS, "all of it was long ago");
	CHECK(checked(b, years, &q) == BUDGET_ASK, "which a long window counts all the same");
	CHECK(checked(b, B("\"user\"", "2000d", "\"max_requests\":3001", "ask"), &q) ==
		      BUDGET_FITS,
	      "3001 in all");
	CHECK(checked(b, B("\"user\"", "2000d", "\"max_requests\":3000", "ask"), &q) ==
		      BUDGET_ASK,
	      "and not one less");
	r = granted("then");
	r.time_ms = NOW - 2 * HOUR - 1;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, hour, &q) == BUDGET_FITS, "before the window");
	r = granted("now");
	r.time_ms = NOW - 2 * HOUR;
	assert_true(budgets_note(b, &r));
	CHECK(checked(b, hour, &q) == BUDGET_ASK, "at its beginning");
	budgets_free(b);
}

static void windows_begin_where_the_calendar_says(void **state)
{
	static const int64_t today = NOW - 14 * HOUR - HOUR / 2, day = 24 * HOUR;
	static const struct {
		enum policy_window unit;
		uint32_t count;
		int64_t now, start;
	} rows[] = {
		{ POLICY_WINDOW_HOURS, 1, NOW, NOW - HOUR },
		{ POLICY_WINDOW_HOURS, 36, NOW, NOW - 36 * HOUR },
		{ POLICY_WINDOW_DAYS, 1, NOW, today },
		{ POLICY_WINDOW_DAYS, 10, NOW, today - 9 * day },
		{ POLICY_WINDOW_WEEKS, 1, NOW, today - 2 * day },
		{ POLICY_WINDOW_WEEKS, 3, NOW, today - 16 * day },
		{ POLICY_WINDOW_WEEKS, 1, today - 2 * day, today - 2 * day },  /* Monday */
		{ POLICY_WINDOW_WEEKS, 1, today - 3 * day, today - 9 * day },  /* Sunday */
		{ POLICY_WINDOW_MONTHS, 1, NOW, today - 17 * day },            /* November */
		{ POLICY_WINDOW_MONTHS, 2, NOW, today - 17 * day - 31 * day }, /* October */
		{ POLICY_WINDOW_MONTHS, 12, NOW, today - 17 * day - 335 * day },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		assert_int_equal(budget_window_start(rows[i].unit, rows[i].count, rows[i].now),
				 rows[i].start);
}

/* The hour that a clock is put forward or back belongs to its day. */
static void a_day_may_have_another_length(void **state)
{
	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	/* 2026-10-25, 12:00 there, on winter time since 3:00; the day began on summer time. */
	assert_int_equal(budget_window_start(POLICY_WINDOW_DAYS, 1, 1792926000000),
			 1792926000000 - 13 * HOUR);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void the_least_that_is_left(void **state)
{
	struct policy_set *s = set_of(
		"{\"id\":\"r\",\"scope\":[\"user\"],\"window\":\"day\",\"max_requests\":1,"
		"\"on_exceed\":\"ask\"},"
		"{\"id\":\"a\",\"scope\":[\"user\"],\"window\":\"day\",\"max_cost\":{"
		"\"amount\":5,\"currency\":\"EUR\"},\"on_exceed\":\"ask\"},"
		"{\"id\":\"b\",\"scope\":[\"user\"],\"window\":\"day\",\"max_cost\":{"
		"\"amount\":3,\"currency\":\"EUR\"},\"on_exceed\":\"ask\"},"
		"{\"id\":\"c\",\"scope\":[\"user\"],\"window\":\"day\",\"max_cost\":{"
		"\"amount\":4,\"currency\":\"EUR\"},\"on_exceed\":\"ask\"}");
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r = granted("one");
	const char *currency = NULL;
	int64_t left = -1;

	(void)state;
	assert_true(budgets_note(b, &r));
	assert_true(budgets_left(b, s, &q, &left, &currency));
	assert_int_equal(left, 2 * EURO);
	assert_string_equal(currency, "EUR");
	r = granted("nearly all");
	r.cost_bound_nano = 2 * EURO - 1;
	assert_true(budgets_note(b, &r));
	assert_true(budgets_left(b, s, &q, &left, &currency));
	assert_int_equal(left, 1);
	r = granted("two");
	r.cost_bound_nano = 3 * EURO;
	assert_true(budgets_note(b, &r)); /* overdrawn: nothing is left, and not less */
	assert_true(budgets_left(b, s, &q, &left, &currency));
	assert_int_equal(left, 0);
	policy_set_free(s);
	s = set_of("{\"id\":\"r\",\"scope\":[\"user\"],\"window\":\"day\",\"max_requests\":1,"
		   "\"on_exceed\":\"ask\"}");
	assert_false(budgets_left(b, s, &q, &left, &currency));
	policy_set_free(s);
	budgets_free(b);
}

static void the_list_says_what_the_machine_used(void **state)
{
	struct policy_set *s = set_of(B(
		"\"user\",\"app\"", "week", COST("5") ",\"max_tokens\":1000,\"max_requests\":9",
		"local") ","
			 "{\"id\":\"f\",\"scope\":[\"fleet\"],\"window\":\"36h\",\"max_"
			 "requests\":3,"
			 "\"share_of_host\":0.5,\"on_exceed\":\"refuse\"}");
	struct budgets *b = budgets_new();
	struct record r = granted("one");
	struct buf out;

	(void)state;
	assert_true(budgets_note(b, &r));
	r = granted("two");
	r.uid = 8;
	r.app = "other";
	assert_true(budgets_note(b, &r));
	buf_init(&out, 4096);
	budgets_write(b, s, NOW, &out);
	assert_string_equal(
		buf_cstr(&out),
		"[{\"id\":\"b\",\"window\":{\"count\":1,\"unit\":\"week\",\"since\":"
		"\"2026-11-16T00:00:00.000Z\"},\"scope\":[\"user\",\"app\"],\"on_exceed\":"
		"\"local\",\"requests\":2,\"tokens\":200,\"currency\":\"EUR\",\"cost\":2,"
		"\"max_cost\":5,\"max_tokens\":1000,\"max_requests\":9},"
		"{\"id\":\"f\",\"window\":{\"count\":36,\"unit\":\"hour\",\"since\":"
		"\"2026-11-17T02:30:00.000Z\"},\"scope\":[\"fleet\"],\"on_exceed\":\"refuse\","
		"\"requests\":2,\"tokens\":200,\"max_requests\":3}]");
	policy_set_free(s);
	buf_clear(&out);
	s = set_of("");
	budgets_write(b, s, NOW, &out);
	assert_string_equal(buf_cstr(&out), "[]");
	policy_set_free(s);
	buf_free(&out);
	budgets_free(b);
	budgets_free(NULL);
}

static void what_the_ledger_let_go_of_is_forgotten(void **state)
{
	static const char often[] = B("\"user\"", "day", "\"max_requests\":150", "ask");
	struct budgets *b = budgets_new();
	struct budget_query q = another();
	struct record r = granted("old");

	(void)state;
	for (int i = 0; i < 200; i++) {
		r.time_ms = NOW - (i % 2 == 0 ? 1001 : 1000);
		assert_true(budgets_note(b, &r));
	}
	CHECK(checked(b, often, &q) == BUDGET_ASK, "200 of 150");
	budgets_forget(b, NOW - 1000);
	CHECK(checked(b, often, &q) == BUDGET_FITS, "the half before that moment is gone");
	CHECK(checked(b, B("\"user\"", "day", "\"max_requests\":100", "ask"), &q) == BUDGET_ASK,
	      "the half from it on is not");
	r = granted("new");
	assert_true(budgets_note(b, &r));
	budgets_forget(b, NOW + 1);
	CHECK(checked(b, B("\"user\"", "day", "\"max_requests\":1", "ask"), &q) == BUDGET_FITS,
	      "nothing is left");
	assert_true(budgets_note(b, &r));
	budgets_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_limit_is_reached_and_not_passed),
		cmocka_unit_test(the_strictest_of_several_answers),
		cmocka_unit_test(a_cost_that_cannot_be_counted_does_not_fit),
		cmocka_unit_test(what_was_spent_in_another_currency_is_another_budgets),
		cmocka_unit_test(settling_replaces_what_was_reserved),
		cmocka_unit_test(each_release_has_its_own_end),
		cmocka_unit_test(a_budget_is_somebodys),
		cmocka_unit_test(a_host_has_its_share_of_a_fleets),
		cmocka_unit_test(only_the_window_counts),
		cmocka_unit_test(windows_begin_where_the_calendar_says),
		cmocka_unit_test(a_day_may_have_another_length),
		cmocka_unit_test(the_least_that_is_left),
		cmocka_unit_test(the_list_says_what_the_machine_used),
		cmocka_unit_test(what_the_ledger_let_go_of_is_forgotten),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
