/* SPDX-License-Identifier: Apache-2.0 */
/* The smaller parts of consent: visible text, receipts, reports, windows of budgets, peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/json.h"
#include "consent/budget.h"
#include "consent/ledger.h"
#include "consent/peer.h"
#include "consent/peer_tcp.h"
#include "consent/receipt.h"
#include "consent/report.h"
#include "consent/visible.h"

/* --- visible text -------------------------------------------------------------------- */

static void utf8(uint32_t c, struct buf *out)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
	} else if (c < 0x800) {
		buf_add_char(out, (char)(0xC0 | c >> 6));
		buf_add_char(out, (char)(0x80 | (c & 0x3F)));
	} else if (c < 0x10000) {
		buf_add_char(out, (char)(0xE0 | c >> 12));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
		buf_add_char(out, (char)(0x80 | (c & 0x3F)));
	} else {
		buf_add_char(out, (char)(0xF0 | c >> 18));
		buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
		buf_add_char(out, (char)(0x80 | (c & 0x3F)));
	}
}

/* Controls, bidirectional controls, zero-width and other ignorable characters (Unicode 15). */
static const struct {
	uint32_t first, last;
} must_show[] = { { 0x00, 0x08 },       { 0x0B, 0x1F },       { 0x7F, 0xA0 },
		  { 0xAD, 0xAD },       { 0x34F, 0x34F },     { 0x61C, 0x61C },
		  { 0x115F, 0x1160 },   { 0x17B4, 0x17B5 },   { 0x180B, 0x180F },
		  { 0x2000, 0x200F },   { 0x2028, 0x202F },   { 0x205F, 0x206F },
		  { 0x2800, 0x2800 },   { 0x3000, 0x3000 },   { 0x3164, 0x3164 },
		  { 0xFE00, 0xFE0F },   { 0xFEFF, 0xFEFF },   { 0xFFA0, 0xFFA0 },
		  { 0xFFF9, 0xFFFC },   { 0xE0001, 0xE0001 }, { 0xE0020, 0xE007F },
		  { 0xE0100, 0xE01EF }, { 0x1D173, 0x1D17A }, { 0xFFFE, 0xFFFF } };

static void everything_hidden_is_written_out(void **state)
{
	unsigned strings = 0;
	struct buf in, out;

	(void)state;
	buf_init(&in, 1024);
	buf_init(&out, 4096);
	for (size_t i = 0; i < LEN(must_show); i++) {
		for (uint32_t c = must_show[i].first; c <= must_show[i].last; c++) {
			char name[16];

			buf_clear(&in);
			buf_clear(&out);
			buf_add_str(&in, "send ");
			utf8(c, &in);
			buf_add_str(&in, "money");
			assert_int_equal(visible_write(buf_span(&in), &out), 1);
			snprintf(name, sizeof name, "<U+%04X ", c);
			assert_non_null(strstr(buf_cstr(&out), name));
			assert_true(text_is_utf8(buf_span(&out)));
			for (size_t k = 0; k < out.len;
			     k++) /* nothing is left that a terminal acts on */
				assert_true((unsigned char)out.ptr[k] >= 0x20 &&
					    (unsigned char)out.ptr[k] < 0x7F);
			strings++;
		}
	}
	assert_true(strings >= 300);
	buf_free(&in);
	buf_free(&out);
}

static void plain_text_stays_as_it_is(void **state)
{
	static const char text[] = "Grüße, 世界!\n\tfoo(bar) — עברית العربية 👍 €";
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(visible_write(span_of(text), &out), 0);
	assert_string_equal(buf_cstr(&out), text);
	buf_clear(&out);
	assert_int_equal(visible_write(SPAN_LITERAL("a\xC0\x80\xED\xA0\x80\xF8"), &out), 6);
	assert_string_equal(buf_cstr(&out), "a<0xC0><0x80><0xED><0xA0><0x80><0xF8>");
	buf_clear(&out);
	assert_int_equal(visible_write(SPAN_LITERAL("\xE2\x80\xAE"
						    "evil"),
				       &out),
			 1);
	assert_string_equal(buf_cstr(&out), "<U+202E RIGHT-TO-LEFT OVERRIDE>evil");
	buf_free(&out);
}

/* --- receipts ------------------------------------------------------------------------ */

static void receipts_are_json_with_the_promised_keys(void **state)
{
	static const char *const own[] = { "schema",   "id",         "subject",     "time",
					   "decision", "categories", "destination", "content",
					   "app",      "agent",      "policy",      "cost",
					   "ledger" };
	static const char *const iso[] = {
		"schema_version", "record_id", "pii_principal_id",     "privacy_notice",
		"language",       "purposes",  "party_identification", "events"
	};
	static const char *const kantara[] = { "version",
					       "jurisdiction",
					       "consentTimestamp",
					       "collectionMethod",
					       "consentReceiptID",
					       "publicKey",
					       "language",
					       "piiPrincipalId",
					       "piiControllers",
					       "policyUrl",
					       "services",
					       "sensitive",
					       "spiCat" };
	static const struct {
		enum receipt_format format;
		const char *const *keys;
		size_t n;
	} forms[] = { { RECEIPT_OWN, own, LEN(own) },
		      { RECEIPT_27560, iso, LEN(iso) },
		      { RECEIPT_KANTARA, kantara, LEN(kantara) } };
	struct record r;

	(void)state;
	record_init(&r, RECORD_APPROVED);
	text_ulid(r.id);
	r.app = "a \"quoted\" app";
	r.categories = "[{\"name\":\"health.condition\",\"count\":1,\"masked\":false}]";
	for (size_t i = 0; i < LEN(forms); i++) {
		struct json_where where;
		struct buf out;
		cJSON *root = NULL;

		buf_init(&out, 65536);
		receipt_write(&r, NULL, NULL, forms[i].format, &out);
		assert_int_equal(json_parse(buf_span(&out), &json_limits_api, &root, &where),
				 ERR_OK);
		for (size_t k = 0; k < forms[i].n; k++)
			assert_non_null(json_get(root, forms[i].keys[k]));
		cJSON_Delete(root);
		buf_free(&out);
	}
}

static void a_receipt_says_what_let_it_go(void **state)
{
	static const struct {
		enum record_kind kind;
		const char *basis, *iso, *kantara;
	} rows[] = {
		{ RECORD_APPROVED, NULL, "\"lawful_basis\":\"consent\"", "\"EXPLICIT\"" },
		{ RECORD_GRANTED, "approval:01JD", "\"lawful_basis\":\"consent\"",
		  "\"EXPLICIT\"" },
		{ RECORD_GRANTED, "permission", "\"lawful_basis\":\"consent\"",
		  "\"EXPLICIT\"" },
		{ RECORD_GRANTED, "rule", "\"lawful_basis\":\"standing rule of the policy\"",
		  "\"IMPLICIT\"" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct record r;
		struct buf out;

		record_init(&r, rows[i].kind);
		r.basis = rows[i].basis;
		r.rules = "go";
		buf_init(&out, 65536);
		receipt_write(&r, NULL, NULL, RECEIPT_27560, &out);
		assert_non_null(strstr(buf_cstr(&out), rows[i].iso));
		assert_non_null(strstr(buf_cstr(&out), "\"rules\":\"go\""));
		buf_clear(&out);
		receipt_write(&r, NULL, NULL, RECEIPT_KANTARA, &out);
		assert_non_null(strstr(buf_cstr(&out), rows[i].kantara));
		buf_free(&out);
	}
}

/* --- what left ----------------------------------------------------------------------- */

static void send_record(struct ledger *l, const char *app, int64_t bytes_out, int64_t cost_nano)
{
	struct record g, c;

	record_init(&g, RECORD_GRANTED);
	g.app = app;
	g.destination = "far";
	g.currency = "EUR";
	g.cost_bound_nano = 9000000000;
	g.categories = "[{\"name\":\"personal.name\",\"count\":1,\"masked\":false},"
		       "{\"name\":\"personal.contact.email\",\"count\":1,\"masked\":true}]";
	assert_int_equal(ledger_append(l, &g, 1), ERR_OK);
	record_init(&c, RECORD_CLOSED);
	memcpy(c.ref, g.id, sizeof c.ref);
	c.bytes_out = bytes_out;
	c.cost_nano = cost_nano;
	assert_int_equal(ledger_append(l, &c, 1), ERR_OK);
}

static void reports_add_up(void **state)
{
	char dir[] = "/tmp/hither-report-XXXXXX", line[256];
	struct ledger *l = NULL;
	struct ledger_problem p;
	struct json_where where;
	struct buf out;
	cJSON *root = NULL;
	const cJSON *totals, *apps;
	double n = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(crypto_init(), ERR_OK);
	assert_int_equal(ledger_open(dir, LEDGER_WRITE, &l, &p), ERR_OK);
	send_record(l, "one", 100, 1000000000);
	send_record(l, "one", 50, RECORD_ABSENT);
	send_record(l, "two", RECORD_ABSENT, RECORD_ABSENT);
	send_record(l, "two", 0, RECORD_ABSENT); /* certain that nothing left */
	buf_init(&out, 65536);
	assert_int_equal(report_write(l, 0, 0, &out), ERR_OK);
	assert_int_equal(json_parse(buf_span(&out), &json_limits_api, &root, &where), ERR_OK);
	totals = json_get_object(root, "totals");
	assert_true(json_get_number(totals, "sends", &n) && n == 3);
	assert_true(json_get_number(totals, "bytes", &n) && n == 150);
	assert_true(json_get_number(totals, "unknown", &n) && n == 1);
	const cJSON *cost = cJSON_GetArrayItem(json_get_array(totals, "cost"), 0);
	assert_true(json_get_number(cost, "amount", &n) && n == 1);
	assert_true(json_get_number(cost, "reserved", &n) && n == 18);
	apps = json_get_array(root, "apps");
	assert_int_equal(cJSON_GetArraySize(apps), 2);
	assert_int_equal(cJSON_GetArraySize(json_get_array(root, "categories")),
			 1); /* what was masked did not leave */
	assert_int_equal(cJSON_GetArraySize(json_get_array(root, "days")), 1);
	cJSON_Delete(root);
	buf_free(&out);
	ledger_close(l);
	snprintf(line, sizeof line, "rm -rf %s", dir);
	assert_int_equal(system(line), 0);
}

/* --- windows ------------------------------------------------------------------------- */

static void windows_follow_the_calendar(void **state)
{
	int64_t now = 1795012200000; /* Wednesday 2026-11-18, 14:30 UTC */

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_int_equal(budget_window_start(POLICY_WINDOW_HOURS, 1, now), now - 3600000);
	assert_int_equal(budget_window_start(POLICY_WINDOW_HOURS, 36, now),
			 now - 36 * 3600000LL);
	assert_int_equal(budget_window_start(POLICY_WINDOW_DAYS, 1, now),
			 now - 14 * 3600000LL - 1800000);
	assert_int_equal(budget_window_start(POLICY_WINDOW_DAYS, 10, now),
			 now - 14 * 3600000LL - 1800000 - 9 * 86400000LL);
	assert_int_equal(budget_window_start(POLICY_WINDOW_WEEKS, 1, now),
			 now - 14 * 3600000LL - 1800000 - 2 * 86400000LL);
	assert_int_equal(budget_window_start(POLICY_WINDOW_MONTHS, 1, now),
			 now - 14 * 3600000LL - 1800000 - 17 * 86400000LL);
}

/* --- peers --------------------------------------------------------------------------- */

static pid_t child_of(bool own_session)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (own_session)
			setsid();
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void a_program_is_itself_and_what_it_started(void **state)
{
	struct peer us = peer_of(getpid()), child, gone;
	pid_t a = child_of(false), b = child_of(true);

	(void)state;
	assert_int_not_equal(us.start, 0);
	assert_true(peer_is_same_program(&us, getpid(), false));
	assert_true(peer_is_same_program(&us, a, false));
	assert_true(peer_is_same_program(&us, b, false)); /* another session, still its child */
	child = peer_of(a);
	assert_false(
		peer_is_same_program(&child, getpid(), false)); /* who started it may answer */
	assert_false(peer_is_same_program(&child, b, false));
	gone = us;
	gone.start += 1; /* the number belongs to another process now */
	assert_false(peer_is_same_program(&gone, getpid(), false));
	gone.pid = 0;
	assert_false(peer_is_same_program(&gone, getpid(), false));
	kill(a, SIGKILL);
	kill(b, SIGKILL);
	waitpid(a, NULL, 0);
	waitpid(b, NULL, 0);
	assert_true(peer_cgroup_is_app(
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox-1.scope"));
	assert_true(peer_cgroup_is_app("/system.slice/cron.service"));
	assert_true(peer_cgroup_is_app("/x/snap.code.code-1.scope"));
	assert_false(peer_cgroup_is_app("/user.slice/user-1000.slice/session-3.scope"));
	assert_false(peer_cgroup_is_app("/user.slice/user-1000.slice/user@1000.service"));
	assert_false(peer_cgroup_is_app("/"));
}

/* A row of /proc/net/tcp as the kernel prints it. */
static void add_row(struct buf *b, const char *local, unsigned from, const char *remote,
		    unsigned to, const char *state, unsigned uid, unsigned inode)
{
	buf_printf(
		b,
		"   0: %s:%04X %s:%04X %s 00000000:00000000 00:00000000 00000000  %4u        0 "
		"%u 1 0000000000000000 20 4 30 10 -1\n",
		local, from, remote, to, state, uid, inode);
}

static void a_tcp_peer_is_one_row_of_the_table(void **state)
{
	static const char v4[] = "0100007F", out[] = "0A00020F";
	static const char v6[] = "00000000000000000000000001000000";
	const struct {
		const char *local, *remote, *state;
		unsigned from, to, uid;
		uint64_t found;
	} rows[] = {
		{ v4, v4, "01", 5000, 11435, 7, 99 },
		{ "0500007F", v4, "01", 5000, 11435, 7, 99 }, /* 127.0.0.5 */
		{ v6, v6, "01", 5000, 11435, 7, 99 },
		{ v4, v4, "01", 11435, 5000, 7, 0 }, /* our own end */
		{ v4, v4, "01", 5000, 11436, 7, 0 },
		{ v4, v4, "01", 5000, 11435, 8, 0 }, /* somebody else's */
		{ v4, v4, "06", 5000, 11435, 7, 0 }, /* TIME_WAIT */
		{ out, v4, "01", 5000, 11435, 7, 0 },
		{ v4, out, "01", 5000, 11435, 7, 0 },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	for (size_t i = 0; i < LEN(rows); i++) {
		buf_clear(&b);
		buf_add_str(&b, "  sl  local_address rem_address   st tx_queue rx_queue\n");
		add_row(&b, v4, 1, v4, 2, "0A", 7, 1);
		add_row(&b, rows[i].local, rows[i].from, rows[i].remote, rows[i].to,
			rows[i].state, rows[i].uid, 99);
		assert_int_equal(
			peer_tcp_inode(buf_span(&b), strlen(rows[i].local) > 8, 5000, 11435, 7),
			rows[i].found);
	}
	buf_clear(&b);
	add_row(&b, v4, 5000, v4, 11435, "01", 7, 99);
	add_row(&b, "0200007F", 5000, v4, 11435, "01", 7, 98);
	assert_int_equal(peer_tcp_inode(buf_span(&b), false, 5000, 11435, 7), 0); /* which? */
	assert_int_equal(peer_tcp_inode(SPAN_LITERAL("rubbish"), false, 5000, 11435, 7), 0);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_hidden_is_written_out),
		cmocka_unit_test(plain_text_stays_as_it_is),
		cmocka_unit_test(receipts_are_json_with_the_promised_keys),
		cmocka_unit_test(a_receipt_says_what_let_it_go),
		cmocka_unit_test(reports_add_up),
		cmocka_unit_test(windows_follow_the_calendar),
		cmocka_unit_test(a_program_is_itself_and_what_it_started),
		cmocka_unit_test(a_tcp_peer_is_one_row_of_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
