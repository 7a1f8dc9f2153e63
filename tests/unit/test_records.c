/* SPDX-License-Identifier: Apache-2.0 */
/* Records and what is made of them: the canonical form and back, receipts, reports. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/json.h"
#include "consent/ledger.h"
#include "consent/receipt.h"
#include "consent/report.h"
#include "tests/fake/memory_folder.h"

#define HEAD                                                                                   \
	"{\"v\":1,\"seq\":3,\"time_ms\":5,\"boot_ms\":7,\"kind\":\"decided\",\"id\":\"i\","    \
	"\"ref\":\"r\""

static bool has(struct buf *b, const char *part)
{
	return strstr(buf_cstr(b), part) != NULL;
}

/* --- records --------------------------------------------------------------------------- */

static void kinds_have_names(void **state)
{
	enum record_kind k = RECORD_START;

	(void)state;
	for (unsigned i = 0; i < RECORD_KIND_COUNT; i++) {
		assert_true(
			record_kind_from(span_of(record_kind_name((enum record_kind)i)), &k));
		assert_int_equal(k, i);
	}
	assert_string_equal(record_kind_name(RECORD_KIND_COUNT), "unknown");
	assert_false(record_kind_from(SPAN_LITERAL("unknown"), &k));
}

static void bad_records_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum err e;
	} rows[] = {
		{ HEAD "}", ERR_OK },
		{ HEAD ",\"later\":[]}", ERR_OK },
		{ "{", ERR_SYNTAX },
		{ "[]", ERR_SYNTAX },
		{ HEAD ",\"app\":1}", ERR_SYNTAX },
		{ HEAD ",\"bytes\":\"1\"}", ERR_SYNTAX },
		{ HEAD ",\"bytes\":1.5}", ERR_SYNTAX },
		{ "{\"seq\":1}", ERR_SYNTAX },
		{ "{\"v\":0}", ERR_SYNTAX },
		{ "{\"v\":2}", ERR_UNSUPPORTED },
		{ "{\"v\":1,\"seq\":0,\"time_ms\":5,\"boot_ms\":7,\"kind\":\"decided\","
		  "\"id\":\"i\",\"ref\":\"\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":1,\"time_ms\":-1,\"boot_ms\":7,\"kind\":\"decided\","
		  "\"id\":\"i\",\"ref\":\"\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":1,\"time_ms\":0,\"boot_ms\":-1,\"kind\":\"decided\","
		  "\"id\":\"i\",\"ref\":\"\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":9007199254740994,\"time_ms\":0,\"boot_ms\":0,\"kind\":"
		  "\"decided\",\"id\":\"i\",\"ref\":\"\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":1,\"time_ms\":9007199254740994,\"boot_ms\":0,\"kind\":"
		  "\"decided\",\"id\":\"i\",\"ref\":\"\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":1,\"time_ms\":0,\"boot_ms\":9007199254740994,\"kind\":"
		  "\"decided\",\"id\":\"i\",\"ref\":\"\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":1,\"time_ms\":0,\"boot_ms\":0,\"id\":\"i\",\"ref\":\"\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":1,\"time_ms\":0,\"boot_ms\":0,\"kind\":\"nothing\","
		  "\"id\":\"i\",\"ref\":\"\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":1,\"time_ms\":0,\"boot_ms\":0,\"kind\":\"decided\","
		  "\"id\":\"012345678901234567890123456\",\"ref\":\"\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":1,\"time_ms\":0,\"boot_ms\":0,\"kind\":\"decided\","
		  "\"id\":\"i\",\"ref\":\"012345678901234567890123456\"}",
		  ERR_SYNTAX },
		{ "{\"v\":1,\"seq\":1,\"time_ms\":0,\"boot_ms\":0,\"kind\":\"decided\","
		  "\"id\":\"i\",\"ref\":\"01234567890123456789012345\"}",
		  ERR_OK },
	};
	struct arena *a = arena_new("test", 1u << 20);
	struct record r;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		CHECK(record_read(span_of(rows[i].text), a, &r) == rows[i].e, rows[i].text);
	assert_int_equal(record_read(SPAN_LITERAL(HEAD ",\"app\":\"a\\u0000\"}"), a, &r),
			 ERR_SYNTAX);
	arena_free(a);
	a = arena_new("test", 64); /* no room for what it says */
	assert_int_equal(record_read(SPAN_LITERAL(HEAD ",\"app\":\"xxxxxxxxxxxxxxxxxxxxxxxx"
						       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
						       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"),
				     a, &r),
			 ERR_NO_MEMORY);
	arena_free(a);
}

static void a_record_reads_back_as_it_was_written(void **state)
{
	static const char text[] =
		HEAD ",\"subject\":\"s\",\"app\":\"a \\\"b\\\"\",\"score_pm\":-4,"
		     "\"device\":{\"power\":\"ac\"},\"bytes\":0,\"detail\":\"d\"}";
	struct arena *a = arena_new("test", 1u << 20);
	struct record r;
	struct buf b;

	(void)state;
	buf_init(&b, RECORD_MAX_BYTES);
	assert_int_equal(record_read(SPAN_LITERAL(text), a, &r), ERR_OK);
	assert_true(r.seq == 3 && r.time_ms == 5 && r.boot_ms == 7);
	assert_string_equal(r.app, "a \"b\"");
	record_write(&r, &b);
	assert_string_equal(buf_cstr(&b), text);
	buf_free(&b);
	arena_free(a);
}

struct seen {
	unsigned n, most;
	struct record r[4];
};

static bool see(void *ctx, const struct record *r)
{
	struct seen *s = ctx;

	s->r[s->n++] = *r;
	return s->n < s->most;
}

static void one_record_may_stand_for_several(void **state)
{
	struct arena *a = arena_new("test", 1u << 20);
	struct record base, other, read;
	struct seen s = { .most = 4 };
	struct buf b;

	(void)state;
	record_init(&base, RECORD_DECIDED);
	base.app = "one";
	base.bytes = 5;
	base.model = "m";
	other = base;
	other.time_ms = 9;
	buf_init(&b, RECORD_MAX_BYTES);
	record_write_difference(&base, &other, &b);
	assert_string_equal(buf_cstr(&b), "{\"time_ms\":9}");
	other.app = "two";
	other.bytes = RECORD_ABSENT;
	other.model = NULL;
	other.tier = "device";
	char same[] = "one";
	struct record alike = base;
	alike.app = same; /* equal, though not the same pointer */
	buf_clear(&b);
	record_write_difference(&alike, &base, &b);
	assert_string_equal(buf_cstr(&b), "{\"time_ms\":0}");
	buf_clear(&b);
	record_write_difference(&base, &other, &b);
	assert_string_equal(buf_cstr(&b), "{\"time_ms\":9,\"app\":\"two\",\"tier\":\"device\","
					  "\"model\":null,\"bytes\":null}");
	read = base;
	char list[300];
	snprintf(list, sizeof list, "[{\"time_ms\":1},%s]", buf_cstr(&b));
	read.decisions = list;
	read.count = 2;
	assert_int_equal(record_each(&read, a, see, &s), ERR_OK);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.r[0].app, "one");
	assert_true(s.r[0].time_ms == 1 && s.r[0].bytes == 5);
	assert_true(s.r[0].count == RECORD_ABSENT && s.r[0].decisions == NULL);
	assert_string_equal(s.r[1].app, "two");
	assert_true(s.r[1].time_ms == 9 && s.r[1].bytes == RECORD_ABSENT);
	assert_null(s.r[1].model);
	s = (struct seen){ .most = 1 };
	assert_int_equal(record_each(&read, a, see, &s), ERR_OK);
	assert_int_equal(s.n, 1); /* told to stop */
	s = (struct seen){ .most = 4 };
	assert_int_equal(record_each(&base, a, see, &s), ERR_OK);
	assert_int_equal(s.n, 1); /* itself */
	static const char *const bad[] = { "{", "{}", "[{}]", "[1]",
					   "[{\"time_ms\":1,\"app\":1}]" };
	for (size_t i = 0; i < LEN(bad); i++) {
		read.decisions = bad[i];
		CHECK(record_each(&read, a, see, &s) == ERR_SYNTAX, bad[i]);
	}
	char deep[200];
	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	deep[199] = '\0';
	read.decisions = deep;
	assert_int_equal(record_each(&read, a, see, &s), ERR_SYNTAX);
	buf_free(&b);
	arena_free(a);
}

/* --- receipts -------------------------------------------------------------------------- */

static void words_choose_the_form(void **state)
{
	enum receipt_format f = RECEIPT_KANTARA;

	(void)state;
	assert_true(receipt_format_from(NULL, &f) && f == RECEIPT_OWN);
	assert_true(receipt_format_from("27560", &f) && f == RECEIPT_27560);
	assert_true(receipt_format_from("", &f) && f == RECEIPT_OWN);
	assert_true(receipt_format_from("kantara", &f) && f == RECEIPT_KANTARA);
	assert_false(receipt_format_from("other", &f));
}

static void events_have_words(void **state)
{
	static const struct {
		enum record_kind kind;
		const char *word;
	} rows[] = {
		{ RECORD_APPROVED, "given" },
		{ RECORD_GRANTED, "released" },
		{ RECORD_REVOKED, "withdrawn" },
		{ RECORD_WITHDRAWN, "withdrawn" },
		{ RECORD_REFUSED, "refused" },
		{ RECORD_TIMED_OUT, "timed_out" },
		{ RECORD_NO_AGENT, "no_agent" },
		{ RECORD_DISMISSED, "dismissed" },
		{ RECORD_DENIED, "denied" },
		{ RECORD_LIMITED, "limited" },
		{ RECORD_OVER_BUDGET, "over_budget" },
		{ RECORD_TAINTED, "tainted" },
		{ RECORD_CLOSED, NULL },
		{ RECORD_DECIDED, NULL },
		{ RECORD_START, NULL },
		{ RECORD_INTENT, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		const char *word = receipt_decision(rows[i].kind);

		assert_int_equal(receipt_is_event(rows[i].kind), rows[i].word != NULL);
		if (rows[i].word == NULL)
			assert_null(word);
		else
			assert_string_equal(word, rows[i].word);
	}
}

static void full(struct record *r, struct record *c)
{
	record_init(r, RECORD_GRANTED);
	r->seq = 12;
	r->time_ms = 1500;
	r->until_ms = 2500;
	memcpy(r->id, "ID", 3);
	memcpy(r->ref, "REF", 4);
	r->app = "app";
	r->destination = "far";
	r->operator_name = "Operator";
	r->region = "eu";
	r->model = "m";
	r->scope = "once";
	r->mode = "as_is";
	r->task = "chat";
	r->bytes = 77;
	r->digest = "sha256:00";
	r->currency = "EUR";
	r->cost_estimate_nano = 1500000000;
	r->cost_bound_nano = RECORD_ABSENT;
	r->categories = "[{\"name\":\"secret.key\",\"masked\":true},{\"name\":\"health.x\"},"
			"{\"count\":1}]";
	record_init(c, RECORD_CLOSED);
	c->time_ms = 3500;
	c->outcome = "complete";
	c->http_status = 200;
	c->bytes_out = 80;
	c->cost_nano = 250000000;
}

static void a_receipt_has_what_the_record_has(void **state)
{
	struct record r, c;
	struct buf b;

	(void)state;
	full(&r, &c);
	buf_init(&b, 65536);
	receipt_write_line(&r, &b);
	assert_string_equal(
		buf_cstr(&b),
		"{\"id\":\"ID\",\"time\":\"1970-01-01T00:00:01.500Z\",\"decision\":"
		"\"released\","
		"\"app\":\"app\",\"destination\":\"far\",\"model\":\"m\",\"scope\":\"once\","
		"\"bytes\":77,\"digest\":\"sha256:00\",\"record\":12}");
	buf_clear(&b);
	receipt_write(&r, &c, "abcd", RECEIPT_OWN, &b);
	assert_true(has(&b, "\"cost\":{\"currency\":\"EUR\",\"estimate\":1.500000000,"
			    "\"upper_bound\":null,\"actual\":0.250000000}"));
	assert_true(has(&b, "\"outcome\":{\"time\":\"1970-01-01T00:00:03.500Z\",\"result\":"
			    "\"complete\",\"http_status\":200,\"bytes_out\":80,\"bytes_in\":"
			    "null"));
	assert_true(has(&b, "\"until\":\"1970-01-01T00:00:02.500Z\""));
	assert_true(has(&b, "\"refers_to\":\"REF\",\"hash\":\"abcd\""));
	assert_true(has(&b, "\"categories\":[{\"name\":\"secret.key\""));
	r.ref[0] = '\0';
	r.categories = NULL;
	r.until_ms = RECORD_ABSENT;
	buf_clear(&b);
	receipt_write(&r, NULL, NULL, RECEIPT_OWN, &b);
	assert_true(has(&b, "\"actual\":null") && has(&b, "\"outcome\":null"));
	assert_true(has(&b, "\"refers_to\":null,\"hash\":null") && has(&b, "\"until\":null"));
	assert_true(has(&b, "\"categories\":[]"));
	buf_free(&b);
}

static void the_standard_forms_sort_categories(void **state)
{
	static const char *const bad[] = { "[", NULL };
	struct record r, c;
	struct buf b;

	(void)state;
	full(&r, &c);
	buf_init(&b, 65536);
	receipt_write(&r, &c, "abcd", RECEIPT_27560, &b);
	assert_true(has(&b, "[{\"pii_type\":\"secret.key\",\"pii_attribute_id\":\"secret.key\","
			    "\"pii_optional\":false,\"sensitive_pii_category\":true,"
			    "\"special_pii_category\":false,\"masked\":true},{\"pii_type\":"
			    "\"health.x\",\"pii_attribute_id\":\"health.x\",\"pii_optional\":"
			    "false,\"sensitive_pii_category\":false,\"special_pii_category\":"
			    "true,\"masked\":false},{\"pii_type\":null"));
	assert_true(has(&b, "\"purpose\":\"chat\"") && has(&b, "\"explicit\""));
	buf_clear(&b);
	receipt_write(&r, &c, "abcd", RECEIPT_KANTARA, &b);
	assert_true(has(&b, "\"piiCategory\":[\"secret.key\",\"health.x\",\"unknown\"]"));
	assert_true(has(&b, "\"sensitive\":true,\"spiCat\":[\"health\"]"));
	assert_true(has(&b, "\"jurisdiction\":\"eu\",\"consentTimestamp\":1"));
	assert_true(has(&b, "\"piiController\":\"Operator\""));
	assert_true(has(&b, "\"purpose\":\"chat\"") && has(&b, "\"EXPLICIT\""));
	for (size_t i = 0; i < LEN(bad); i++) {
		r.categories = bad[i];
		r.task = i == 0 ? "" : NULL;
		r.mode = NULL;
		r.region = r.operator_name = NULL;
		buf_clear(&b);
		receipt_write(&r, &c, NULL, RECEIPT_27560, &b);
		assert_true(has(&b, "\"pii_information\":[]"));
		assert_true(has(&b, "answering a prompt") && has(&b, "\"system\""));
		buf_clear(&b);
		receipt_write(&r, &c, NULL, RECEIPT_KANTARA, &b);
		assert_true(has(&b, "\"piiCategory\":[]") && has(&b, "\"spiCat\":[]"));
		assert_true(has(&b, "answering a prompt"));
		assert_true(has(&b, "\"jurisdiction\":\"unknown\""));
		assert_true(has(&b, "\"piiController\":\"far\""));
	}
	r.categories = "[{\"name\":\"personal.name\"}]";
	buf_clear(&b);
	receipt_write(&r, &c, NULL, RECEIPT_KANTARA, &b);
	assert_true(has(&b, "\"sensitive\":false,\"spiCat\":[]"));
	buf_free(&b);
}

/* Every key in its place, in each form. */
static void receipts_are_exactly_these(void **state)
{
	static const char *const whole[] = {
#include "tests/unit/receipts_golden.inc"
	};
	struct record r, c;
	struct buf b;

	(void)state;
	full(&r, &c);
	r.subject = "subject";
	r.basis = "approval:1";
	r.permission = "g-3";
	r.retention_days = 30;
	r.trains = "no";
	r.privacy_url = "https://far.example/privacy";
	r.input_tokens = 21;
	r.messages = 2;
	r.attachments = 1;
	r.identity = "socket";
	r.agent = "terminal";
	r.session = "c2";
	r.notice_version = "4";
	r.notice_sha256 = "ab";
	r.policy_id = "p";
	r.policy_serial = 6;
	r.policy_sha256 = "cd";
	r.rules = "one,two";
	r.decision_id = "D";
	r.question = "Q";
	r.reason = "because";
	r.cost_bound_nano = 1;
	c.bytes_in = 81;
	c.tokens_in = 22;
	c.tokens_out = 23;
	c.detail = "detail";
	buf_init(&b, 65536);
	for (int f = RECEIPT_OWN; f <= RECEIPT_KANTARA; f++) {
		buf_clear(&b);
		receipt_write(&r, &c, "beef", (enum receipt_format)f, &b);
		assert_string_equal(buf_cstr(&b), whole[f]);
	}
	buf_free(&b);
}

/* --- reports --------------------------------------------------------------------------- */

static char dir[160];

static struct ledger *fresh(void)
{
	struct ledger *l = NULL;
	struct ledger_problem p;

	assert_true(memory_folder(dir, sizeof dir, "records"));
	assert_int_equal(ledger_open(dir, LEDGER_WRITE, &l, &p), ERR_OK);
	return l;
}

static void done(struct ledger *l)
{
	char line[200];

	ledger_close(l);
	snprintf(line, sizeof line, "rm -rf '%s'", dir);
	assert_int_equal(system(line), 0);
}

static void grant(struct record *r, int64_t time_ms, const char *app, const char *currency,
		  int64_t bound_nano)
{
	record_init(r, RECORD_GRANTED);
	r->time_ms = time_ms;
	r->app = app;
	r->destination = "far";
	r->currency = currency;
	r->cost_bound_nano = bound_nano;
}

static void put(struct ledger *l, struct record *r)
{
	assert_int_equal(ledger_append(l, r, 1), ERR_OK);
}

static void end(struct ledger *l, const struct record *g, int64_t bytes_out, int64_t cost_nano)
{
	struct record c;

	record_init(&c, RECORD_CLOSED);
	memcpy(c.ref, g->id, sizeof c.ref);
	c.time_ms = g->time_ms + 1;
	c.bytes_out = bytes_out;
	c.cost_nano = cost_nano;
	put(l, &c);
}

static void report(struct ledger *l, int64_t since_ms, int64_t until_ms, struct buf *b)
{
	buf_clear(b);
	assert_int_equal(report_write(l, since_ms, until_ms, b), ERR_OK);
	assert_false(b->failed);
}

/*
 * Four currencies at most, so no JPY; MUCH is none. What ended with certainty without a byte is
 * no send; what has no end is unknown, and its bound stays reserved. What was masked is not
 * listed, nor a category whose name is too long for a row.
 */
static const char what_happened[] =
	"{\"schema\":\"hither.report/"
	"1\",\"since\":\"1970-01-01T00:00:00.000Z\",\"until\":\"1970-01-02T00:00:00.201Z\","
	"\"totals\":{\"kept\":7,\"refused\":1,\"sends\":8,\"bytes\":510,\"unknown\":2,\"cost\":"
	"[{\"currency\":\"EUR\",\"amount\":2,\"reserved\":1.05e-07},{\"currency\":\"USD\","
	"\"amount\":0,\"reserved\":7e-09},{\"currency\":\"GBP\",\"amount\":2,\"reserved\":0},{"
	"\"currency\":\"CHF\",\"amount\":0,\"reserved\":7e-09}]},"
	"\"days\":[{\"name\":\"1970-01-01\",\"sends\":2,\"bytes\":10,\"unknown\":1,\"cost\":[{"
	"\"currency\":\"EUR\",\"amount\":0,\"reserved\":1e-07}]},"
	"{\"name\":\"1970-01-02\",\"sends\":6,\"bytes\":500,\"unknown\":1,\"cost\":[{"
	"\"currency\":\"EUR\",\"amount\":2,\"reserved\":5e-09},{\"currency\":\"USD\","
	"\"amount\":0,\"reserved\":7e-09},{\"currency\":\"GBP\",\"amount\":2,\"reserved\":0},{"
	"\"currency\":\"CHF\",\"amount\":0,\"reserved\":7e-09}]}],"
	"\"apps\":[{\"name\":\"(unnamed)\",\"sends\":2,\"bytes\":10,\"unknown\":1,\"cost\":[{"
	"\"currency\":\"EUR\",\"amount\":0,\"reserved\":1e-07}]},"
	"{\"name\":\"app\",\"sends\":5,\"bytes\":500,\"unknown\":0,\"cost\":[{\"currency\":"
	"\"EUR\",\"amount\":2,\"reserved\":0},{\"currency\":\"USD\",\"amount\":0,\"reserved\":"
	"7e-09},{\"currency\":\"GBP\",\"amount\":2,\"reserved\":0},{\"currency\":\"CHF\","
	"\"amount\":0,\"reserved\":7e-09}]},"
	"{\"name\":\"odd\",\"sends\":1,\"bytes\":0,\"unknown\":1,\"cost\":[{\"currency\":"
	"\"EUR\",\"amount\":0,\"reserved\":5e-09}]}],"
	"\"destinations\":[{\"name\":\"far\",\"sends\":7,\"bytes\":510,\"unknown\":1,\"cost\":["
	"{\"currency\":\"EUR\",\"amount\":2,\"reserved\":1.05e-07},{\"currency\":\"USD\","
	"\"amount\":0,\"reserved\":7e-09},{\"currency\":\"GBP\",\"amount\":2,\"reserved\":0},{"
	"\"currency\":\"CHF\",\"amount\":0,\"reserved\":7e-09}]},"
	"{\"name\":\"\",\"sends\":1,\"bytes\":0,\"unknown\":1,\"cost\":[]}],"
	"\"categories\":[{\"name\":\"a\",\"sends\":5,\"bytes\":500,\"unknown\":0,\"cost\":[{"
	"\"currency\":\"EUR\",\"amount\":2,\"reserved\":0},{\"currency\":\"USD\",\"amount\":0,"
	"\"reserved\":7e-09},{\"currency\":\"GBP\",\"amount\":2,\"reserved\":0},{\"currency\":"
	"\"CHF\",\"amount\":0,\"reserved\":7e-09}]},"
	"{\"name\":\"b\",\"sends\":5,\"bytes\":500,\"unknown\":0,\"cost\":[{\"currency\":"
	"\"EUR\",\"amount\":2,\"reserved\":0},{\"currency\":\"USD\",\"amount\":0,\"reserved\":"
	"7e-09},{\"currency\":\"GBP\",\"amount\":2,\"reserved\":0},{\"currency\":\"CHF\","
	"\"amount\":0,\"reserved\":7e-09}]}]}";

static void a_report_counts_what_happened(void **state)
{
	static const char *const money[] = { "EUR", "USD", "GBP", "CHF", "JPY" };
	struct ledger *l = fresh();
	struct record r, first, open;
	struct buf b;
	char name[200];

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	buf_init(&b, 1 << 20);
	report(l, 0, 0, &b);
	assert_true(has(&b, "\"totals\":{\"kept\":0,\"refused\":0,\"sends\":0,\"bytes\":0,"
			    "\"unknown\":0,\"cost\":[]},\"days\":[],\"apps\":[]"));
	grant(&first, 1000, NULL, "EUR", 100);
	put(l, &first);
	grant(&open, 1001, "", NULL, RECORD_ABSENT);
	open.destination = NULL;
	put(l, &open);
	end(l, &first, 10, RECORD_ABSENT);
	for (size_t i = 0; i < LEN(money); i++) {
		grant(&r, 86400000 + (int64_t)i, "app", money[i], 7);
		r.categories = "[{\"name\":\"a\"},{\"name\":\"b\"},{\"masked\":true,\"name\":"
			       "\"c\"},{\"count\":1}]";
		put(l, &r);
		end(l, &r, 100, i % 2 == 0 ? 2000000000 : RECORD_ABSENT);
	}
	grant(&r, 86400100, "odd", "MUCH", 5); /* no currency that there is */
	memset(name, 'n', sizeof name);
	snprintf(name + 170, 20, "\"}]");
	memcpy(name, "[{\"name\":\"", 10);
	r.categories = name; /* too long for a row */
	put(l, &r);
	end(l, &r, 0, 1);
	grant(&r, 86400100, "odd", "EUR", 5);
	r.categories = name;
	put(l, &r);
	end(l, &r, RECORD_ABSENT, RECORD_ABSENT);
	record_init(&r, RECORD_DECIDED);
	r.time_ms = 86400200;
	r.tier = "device";
	r.count = 0; /* says nothing: it is one */
	put(l, &r);
	record_init(&r, RECORD_DECIDED);
	r.time_ms = 86400200;
	r.tier = "device";
	r.count = 5;
	put(l, &r);
	record_init(&r, RECORD_DECIDED);
	r.time_ms = 86400200;
	r.tier = "cloud";
	put(l, &r);
	record_init(&r, RECORD_DECIDED);
	r.time_ms = 86400200;
	put(l, &r);
	record_init(&r, RECORD_REFUSED);
	r.time_ms = 86400200;
	put(l, &r);
	record_init(&r, RECORD_DECIDED);
	r.time_ms = 86400150; /* the clock went back a little */
	r.tier = "device";
	put(l, &r);

	report(l, 0, 86400201, &b);
	assert_string_equal(buf_cstr(&b), what_happened);
	report(l, 86400000, 86400100, &b); /* from the first of the day on, and not beyond */
	assert_true(has(&b, "\"kept\":0,\"refused\":0,\"sends\":5,"));
	report(l, 86400000, 86400101, &b);
	assert_true(has(&b, "\"kept\":0,\"refused\":0,\"sends\":6,"));
	report(l, 86400200, 0, &b);
	assert_true(has(&b, "\"kept\":6,\"refused\":1,\"sends\":0,"));
	report(l, INT64_MAX / 2, 1, &b);
	assert_true(has(&b, "\"sends\":0"));
	buf_free(&b);
	done(l);
}

static void rows_beyond_the_last_are_others(void **state)
{
	struct ledger *l = fresh();
	struct buf b;

	(void)state;
	for (unsigned part = 0; part < 21; part++) {
		static struct record r[200];
		char app[100][16];

		for (unsigned i = 0; i < 100; i++) {
			unsigned n = part * 100 + i < 2010 ? part * 100 + i : 2009;

			snprintf(app[i], sizeof app[i], "app-%u", n);
			grant(&r[i], 1000, app[i], NULL, RECORD_ABSENT);
		}
		assert_int_equal(ledger_append(l, r, 100), ERR_OK);
		for (unsigned i = 0; i < 100; i++) {
			record_init(&r[100 + i], RECORD_CLOSED);
			memcpy(r[100 + i].ref, r[i].id, sizeof r[i].id);
			r[100 + i].bytes_out = 1;
		}
		assert_int_equal(ledger_append(l, r + 100, 100), ERR_OK);
	}
	buf_init(&b, 4 << 20);
	report(l, 0, 0, &b);
	assert_true(has(&b, "\"sends\":2100,\"bytes\":2100,"));
	assert_true(has(&b, "\"name\":\"app-1998\",\"sends\":1,"));
	assert_false(has(&b, "\"name\":\"app-1999\""));
	assert_true(has(&b, "\"name\":\"others\",\"sends\":101,"));
	buf_free(&b);
	done(l);
}

static int set_up(void **state)
{
	(void)state;
	return crypto_init() == ERR_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(bad_records_are_refused),
		cmocka_unit_test(a_record_reads_back_as_it_was_written),
		cmocka_unit_test(one_record_may_stand_for_several),
		cmocka_unit_test(words_choose_the_form),
		cmocka_unit_test(events_have_words),
		cmocka_unit_test(a_receipt_has_what_the_record_has),
		cmocka_unit_test(the_standard_forms_sort_categories),
		cmocka_unit_test(receipts_are_exactly_these),
		cmocka_unit_test(a_report_counts_what_happened),
		cmocka_unit_test(rows_beyond_the_last_are_others),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
