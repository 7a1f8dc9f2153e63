/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: what is appended can be read and verified; what is tampered with is found.
 * HITHER_TAMPERINGS=100 repeats each kind of tampering that often (default 6).
 */
#include "tests/unit/ledger_help.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/file.h"
#include "consent/ledger.h"

#define RECORDS 60

static void append(struct ledger *l, unsigned n, unsigned from)
{
	for (unsigned i = 0; i < n; i++) {
		struct record r;
		char detail[64];

		snprintf(detail, sizeof detail, "event number %u \"quoted\"", from + i);
		record_init(&r, i % 3 == 0   ? RECORD_INTENT
				: i % 3 == 1 ? RECORD_GRANTED
					     : RECORD_CLOSED);
		r.key_id = ledger_key_id(l);
		r.app = "org.example.App";
		r.destination = "somewhere";
		r.bytes = (int64_t)(from + i);
		r.categories = "[{\"name\":\"personal.name\",\"count\":2,\"masked\":true}]";
		r.detail = detail;
		assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	}
}

static struct ledger_report verify(const char *dir, const struct ledger_witness *w, unsigned n)
{
	struct ledger *l = NULL;
	struct ledger_report report = { 0 };
	struct ledger_problem p;

	if (ledger_open(dir, LEDGER_READ, &l, &p) != ERR_OK) {
		snprintf(report.problem, sizeof report.problem, "%s", p.text);
		return report;
	}
	assert_int_equal(ledger_verify(l, 0, 0, w, n, &report, NULL, NULL), ERR_OK);
	ledger_close(l);
	return report;
}

/* --- what it does -------------------------------------------------------------------- */

static bool count_records(void *ctx, const struct record *r, struct span body)
{
	unsigned *n = ctx;

	assert_true(body.len > 100);
	assert_int_equal(r->seq, *n + 1);
	assert_string_equal(r->app, "org.example.App");
	assert_int_equal(r->bytes, (int64_t)*n);
	assert_string_equal(r->categories,
			    "[{\"name\":\"personal.name\",\"count\":2,\"masked\":true}]");
	assert_int_equal(r->http_status, RECORD_ABSENT);
	assert_null(r->region);
	(*n)++;
	return true;
}

static void appends_and_reads_back(void **state)
{
	const char *dir = at("plain");
	struct ledger *l = open_or_fail(dir, LEDGER_WRITE);
	struct stat st;
	unsigned n = 0;

	(void)state;
	append(l, 10, 0);
	assert_int_equal(ledger_head(l).seq, 10);
	assert_int_equal(ledger_each(l, 0, 0, count_records, &n), ERR_OK);
	assert_int_equal(n, 10);
	ledger_close(l);
	assert_true(verify(dir, NULL, 0).ok);
	l = open_or_fail(dir, LEDGER_WRITE);
	assert_int_equal(ledger_head(l).seq, 10);
	append(l, 5, 10);
	ledger_close(l);
	assert_int_equal(verify(dir, NULL, 0).records, 15);
	assert_int_equal(stat(at("plain/ledger/key.pem"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(at("plain/ledger/ledger.db"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static bool copy_id(void *ctx, const struct record *r, struct span body)
{
	(void)body;
	memcpy(ctx, r->id, sizeof r->id);
	return true;
}

static void finds_by_id_reference_and_time(void **state)
{
	struct ledger *l = open_or_fail(at("find"), LEDGER_WRITE);
	struct record r;
	char id[TEXT_ULID_BYTES] = "", got[TEXT_ULID_BYTES] = "";

	(void)state;
	append(l, 4, 0);
	assert_int_equal(ledger_tail(l, 1, copy_id, id), ERR_OK);
	assert_int_equal(ledger_find(l, id, copy_id, got), ERR_OK);
	assert_string_equal(id, got);
	assert_int_equal(ledger_find(l, "01JDNOTTHEREAAAAAAAAAAAAAA", copy_id, got),
			 ERR_NOT_FOUND);
	record_init(&r, RECORD_CLOSED);
	memcpy(r.ref, id, sizeof r.ref);
	r.time_ms = 1;
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	assert_int_equal(ledger_refs(l, id, copy_id, got), ERR_OK);
	assert_string_equal(got, r.id);
	memset(got, 0, sizeof got);
	assert_int_equal(ledger_since(l, INT64_MAX, copy_id, got), ERR_OK);
	assert_string_equal(got, "");
	assert_int_equal(ledger_since(l, 2, copy_id, got), ERR_OK);
	assert_string_equal(got, r.id);
	ledger_close(l);
}

static void queued_records_go_with_the_next_commit(void **state)
{
	const char *dir = at("queue");
	struct ledger *l = open_or_fail(dir, LEDGER_WRITE);
	struct record r;

	(void)state;
	record_init(&r, RECORD_DECIDED);
	for (unsigned i = 0; i < 300; i++)
		ledger_queue(l, &r);
	assert_int_equal(ledger_head(l).seq, 0);
	assert_int_equal(ledger_flush(l), ERR_OK);
	assert_int_equal(ledger_head(l).seq, 257); /* 256 and the count of those dropped */
	ledger_queue(l, &r);
	ledger_close(l);
	assert_int_equal(verify(dir, NULL, 0).records, 258);
	assert_true(verify(dir, NULL, 0).ok);
}

static void one_writer_at_a_time(void **state)
{
	struct ledger *l = open_or_fail(at("lock"), LEDGER_WRITE), *other = NULL;
	struct ledger_problem p;

	(void)state;
	assert_int_equal(ledger_open(at("lock"), LEDGER_WRITE, &other, &p), ERR_BUSY);
	assert_non_null(strstr(p.text, "another process"));
	ledger_close(l);
	assert_int_equal(ledger_open(at("absent"), LEDGER_READ, &other, &p), ERR_NOT_FOUND);
}

static void an_older_file_is_brought_up_to_date(void **state)
{
	const char *dir = at("older");
	struct ledger *l = open_or_fail(dir, LEDGER_WRITE), *none = NULL;
	struct ledger_problem p;
	struct buf b;

	(void)state;
	append(l, 3, 0);
	ledger_close(l);
	sql_in(dir, "DROP TABLE contents; PRAGMA user_version = 1");
	l = open_or_fail(dir, LEDGER_WRITE);
	append(l, 3, 3);
	assert_int_equal(ledger_keep_content(l, "sha256:0", SPAN_LITERAL("text")), ERR_OK);
	buf_init(&b, 100);
	assert_int_equal(ledger_content(l, "sha256:0", &b), ERR_MISMATCH);
	ledger_close(l);
	assert_int_equal(verify(dir, NULL, 0).records, 6);
	sql_in(dir, "PRAGMA user_version = 99");
	assert_int_equal(ledger_open(dir, LEDGER_WRITE, &none, &p), ERR_UNSUPPORTED);
}

/* Each write fails in turn: the record is there whole or not at all, and the chain holds. */
static void a_failing_disk_leaves_it_whole(void **state)
{
	const char *dir = at("fault");
	struct ledger *l = open_or_fail(dir, LEDGER_WRITE);
	uint64_t before = 0;

	(void)state;
	append(l, 3, 0);
	for (unsigned n = 1;; n++) {
		struct record r[2];
		enum err e;

		before = ledger_head(l).seq;
		record_init(&r[0], RECORD_INTENT);
		record_init(&r[1], RECORD_GRANTED);
		fault_arm(n, false);
		e = ledger_append(l, r, 2);
		bool fired = fault_fired();
		fault_arm(0, false);
		assert_true(e == ERR_OK || fired);
		assert_int_equal(ledger_head(l).seq, before + (e == ERR_OK ? 2 : 0));
		assert_true(verify(dir, NULL, 0).ok);
		if (!fired)
			break;
		assert_true(n < 50);
	}
	ledger_close(l);
}

/* --- what is found ------------------------------------------------------------------- */

struct tamper {
	const char *name;
	void (*change)(const char *dir, unsigned i); /* i: which try */
};

static unsigned pick(unsigned i)
{
	return 1 + (i * 2654435761u >> 8) % RECORDS;
}

/* Makes hashes follow from contents again, from record `from` on. */
static void rehash(const char *dir, unsigned from, unsigned to)
{
	char path[256];
	sqlite3 *db = NULL;
	sqlite3_stmt *read = NULL, *write = NULL;
	struct crypto_sha256 prev = { { 0 } };

	snprintf(path, sizeof path, "%s/ledger/ledger.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT body, hash FROM records WHERE seq = ?1",
					    -1, &read, NULL),
			 0);
	assert_int_equal(sqlite3_prepare_v2(db, "UPDATE records SET hash = ?2 WHERE seq = ?1",
					    -1, &write, NULL),
			 0);
	for (unsigned seq = from > 1 ? from - 1 : from; seq <= to; seq++) {
		char bytes[RECORD_MAX_BYTES + 32];
		size_t n;

		sqlite3_bind_int(read, 1, (int)seq);
		if (sqlite3_step(read) != SQLITE_ROW) {
			sqlite3_reset(read);
			continue;
		}
		if (seq < from) {
			memcpy(prev.bytes, sqlite3_column_blob(read, 1), 32);
		} else {
			memcpy(bytes, prev.bytes, 32);
			n = (size_t)sqlite3_column_bytes(read, 0);
			memcpy(bytes + 32, sqlite3_column_text(read, 0), n);
			crypto_sha256((struct span){ bytes, n + 32 }, &prev);
			sqlite3_bind_int(write, 1, (int)seq);
			sqlite3_bind_blob(write, 2, prev.bytes, 32, SQLITE_STATIC);
			assert_int_equal(sqlite3_step(write), SQLITE_DONE);
			sqlite3_reset(write);
		}
		sqlite3_reset(read);
	}
	sqlite3_finalize(read);
	sqlite3_finalize(write);
	sqlite3_close(db);
}

static void edit(const char *dir, unsigned i)
{
	static const char *const how[] = {
		"UPDATE records SET body = replace(body, 'somewhere', 'there') WHERE seq = %u",
		"UPDATE records SET body = replace(body, 'event', 'Event') WHERE seq = %u",
		"UPDATE records SET time_ms = time_ms - 1000 WHERE seq = %u",
		"UPDATE records SET kind = 'refused' WHERE seq = %u",
		"UPDATE records SET ref = id WHERE seq = %u",
		"UPDATE records SET hash = zeroblob(32) WHERE seq = %u",
	};

	sql_in(dir, how[i % LEN(how)], pick(i));
	if (i % 12 == 7)
		rehash(dir, pick(i),
		       pick(i)); /* hides it from the row, not from the next one or the seal */
}

static void delete_one(const char *dir, unsigned i)
{
	sql_in(dir, "DELETE FROM records WHERE seq = %u", pick(i) % (RECORDS - 1) + 1);
	if (i % 2 == 1) { /* and close the gap */
		sql_in(dir,
		       "UPDATE records SET seq = -(seq - 1) WHERE seq > %u;"
		       "UPDATE records SET seq = -seq WHERE seq < 0",
		       pick(i) % (RECORDS - 1) + 1);
	}
}

static void swap(const char *dir, unsigned i)
{
	unsigned a = pick(i), b = pick(i + 1);

	if (a == b)
		b = a % RECORDS + 1;
	sql_in(dir,
	       "UPDATE records SET seq = -1 WHERE seq = %u; UPDATE records SET seq = %u WHERE "
	       "seq "
	       "= %u;"
	       "UPDATE records SET seq = %u WHERE seq = -1",
	       a, a, b, b);
}

static void insert(const char *dir, unsigned i)
{
	unsigned after = i % 3 == 0 ? RECORDS : pick(i);

	sql_in(dir,
	       "UPDATE records SET seq = -(seq + 1) WHERE seq > %u;"
	       "UPDATE records SET seq = -seq WHERE seq < 0;"
	       "INSERT INTO records SELECT %u, time_ms, boot_ms, kind, 'forged', ref,"
	       " replace(replace(body, '\"seq\":%u,', '\"seq\":%u,'), id, 'forged'), hash"
	       " FROM records WHERE seq = %u",
	       after, after + 1, after, after + 1, after);
	rehash(dir, after + 1, i % 2 == 0 ? RECORDS + 1 : after + 1);
}

static void cut_tail(const char *dir, unsigned i)
{
	unsigned keep = pick(i) % (RECORDS - 1) + 1;

	sql_in(dir, "DELETE FROM records WHERE seq > %u", keep);
	if (i % 3 > 0)
		sql_in(dir, "DELETE FROM seals WHERE seq > %u", keep);
	if (i % 3 > 1)
		shell("rm '%s/ledger/head'", dir);
}

static void resign(const char *dir, unsigned i)
{
	struct crypto_key *key = NULL;
	struct buf pem, text, signature;
	char path[256], id[CRYPTO_KEY_ID_BYTES];
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;

	sql_in(dir,
	       "UPDATE records SET body = replace(body, 'somewhere', 'elsewhere') WHERE seq = "
	       "%u",
	       pick(i));
	rehash(dir, pick(i), RECORDS);
	assert_int_equal(crypto_key_generate(&key), ERR_OK);
	crypto_key_id(key, id);
	buf_init(&pem, 4096);
	assert_int_equal(crypto_key_to_pem(key, false, &pem), ERR_OK);
	snprintf(path, sizeof path, "%s/ledger/key.pub", dir);
	assert_int_equal(file_write(path, buf_span(&pem), 0644), ERR_OK);
	snprintf(path, sizeof path, "%s/ledger/ledger.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT hash FROM records WHERE seq = 60", -1, &s, NULL),
		0);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	buf_init(&text, 4096);
	buf_init(&signature, 256);
	char hex[65];
	text_hex(sqlite3_column_blob(s, 0), 32, hex);
	buf_printf(&text, "hither ledger seal/1\n%d\n%s\n1\n", RECORDS, hex);
	assert_int_equal(crypto_sign(key, buf_span(&text), &signature), ERR_OK);
	sqlite3_finalize(s);
	assert_int_equal(
		sqlite3_prepare_v2(
			db,
			"UPDATE seals SET hash = (SELECT hash FROM records WHERE seq = 60),"
			" time_ms = 1, key_id = ?1, signature = ?2",
			-1, &s, NULL),
		0);
	sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, signature.ptr, (int)signature.len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
	sqlite3_close(db);
	buf_free(&pem);
	buf_free(&text);
	buf_free(&signature);
	crypto_key_free(key);
}

static void roll_back_file(const char *dir, unsigned i)
{
	shell("cp '%s/old%u/ledger/ledger.db' '%s/ledger/ledger.db'", root, i % 3, dir);
}

static void restore_copy(const char *dir, unsigned i)
{
	shell("rm -rf '%s/ledger' && cp -a '%s/old%u/ledger' '%s/ledger'", dir, root, i % 3,
	      dir);
}

static const struct tamper tampers[] = {
	{ "edit", edit },
	{ "delete", delete_one },
	{ "swap", swap },
	{ "insert", insert },
	{ "cut tail", cut_tail },
	{ "re-sign", resign },
	{ "roll back the file", roll_back_file },
	{ "restore an old copy", restore_copy },
};

static void make_base(struct ledger_head *ret)
{
	struct ledger *l = open_or_fail(at("base"), LEDGER_WRITE);

	for (unsigned part = 0; part < 3; part++) {
		append(l, RECORDS / 3 - (part == 2 ? 1 : 0), part * RECORDS / 3);
		ledger_close(l);
		shell("cp -a '%s/base' '%s/old%u'", root, root, part);
		l = open_or_fail(at("base"), LEDGER_WRITE);
	}
	append(l, 1, RECORDS - 1);
	*ret = ledger_head(l);
	ledger_close(l);
}

static void finds_every_tampering(void **state)
{
	const char *wish = getenv("HITHER_TAMPERINGS");
	unsigned times = wish != NULL ? (unsigned)atoi(wish) : 6, found = 0;
	struct ledger_head head;

	(void)state;
	make_base(&head);
	assert_int_equal(head.seq, RECORDS);
	assert_true(verify(at("base"), NULL, 0).ok);
	for (size_t t = 0; t < LEN(tampers); t++) {
		for (unsigned i = 0; i < times; i++) {
			struct ledger_report r;

			shell("rm -rf '%s/victim' && cp -a '%s/base' '%s/victim'", root, root,
			      root);
			tampers[t].change(at("victim"), i);
			r = verify(at("victim"), NULL, 0);
			if (r.ok || r.problem[0] == '\0')
				fail_msg("%s, try %u: not found", tampers[t].name, i);
			found++;
		}
	}
	assert_int_equal(found, LEN(tampers) * times);
}

static void a_witness_finds_what_the_folder_cannot_tell(void **state)
{
	struct ledger_witness w = { .who = "the cloud role" };
	struct ledger *l = open_or_fail(at("w"), LEDGER_WRITE);

	(void)state;
	append(l, 5, 0);
	ledger_close(l);
	shell("cp -a '%s/w' '%s/w-old'", root, root);
	l = open_or_fail(at("w"), LEDGER_WRITE);
	append(l, 5, 5);
	w.head = ledger_head(l);
	ledger_close(l);
	assert_true(verify(at("w"), &w, 1).ok);
	shell("rm -rf '%s/w' '%s/w.head' && cp -a '%s/w-old' '%s/w'", root, root, root, root);
	assert_true(verify(at("w"), NULL, 0).ok);
	assert_false(verify(at("w"), &w, 1).ok);
	assert_int_equal(verify(at("w"), &w, 1).first_bad, 6);
}

/* --- going on after damage ------------------------------------------------------------ */

static void acknowledge_and_check(const char *dir, bool stays_named)
{
	struct ledger_report r;
	struct ledger_problem p;
	struct ledger *l;

	assert_false(verify(dir, NULL, 0).ok);
	if (ledger_acknowledge(dir, &r, &p) != ERR_OK)
		fail_msg("acknowledge: %s", p.text);
	r = verify(dir, NULL, 0);
	if (!r.ok && !r.acknowledged)
		fail_msg("after acknowledging: %s", r.problem);
	assert_int_equal(r.acknowledged, stays_named);
	l = open_or_fail(dir, LEDGER_WRITE);
	append(l, 3, 0);
	ledger_close(l);
	r = verify(dir, NULL, 0);
	assert_true(r.ok || r.acknowledged);
	assert_int_equal(ledger_acknowledge(dir, &r, &p), ERR_EXISTS);
}

static void a_person_can_go_on_after_damage(void **state)
{
	struct ledger_report r;

	(void)state;
	shell("cp -a '%s/base' '%s/ack1'", root, root);
	sql_in(at("ack1"),
	       "UPDATE records SET body = replace(body, 'some', 'any') WHERE seq = 20");
	acknowledge_and_check(at("ack1"), true);
	assert_int_equal(verify(at("ack1"), NULL, 0).first_bad, 20);
	/* More damage to what was acknowledged shows again. */
	sql_in(at("ack1"),
	       "UPDATE records SET body = replace(body, 'some', 'any') WHERE seq = 30");
	r = verify(at("ack1"), NULL, 0);
	assert_false(r.ok || r.acknowledged);

	shell("cp -a '%s/base' '%s/ack2'", root, root);
	sql_in(at("ack2"), "DELETE FROM records WHERE seq > 40");
	acknowledge_and_check(at("ack2"), false);

	shell("cp -a '%s/base' '%s/ack3'", root, root);
	shell("head -c 70000 /dev/urandom > '%s/ack3/ledger/ledger.db'", root);
	acknowledge_and_check(at("ack3"), false);

	shell("cp -a '%s/base' '%s/ack4'", root, root);
	shell("rm '%s/ack4/ledger/ledger.db'", root);
	{
		struct ledger *l = open_or_fail(at("ack4"), LEDGER_WRITE);
		ledger_close(l);
	}
	acknowledge_and_check(at("ack4"), false);
}

static void prune_keeps_the_chain_provable(void **state)
{
	struct ledger *l = open_or_fail(at("prune"), LEDGER_WRITE);
	struct record r;
	uint64_t removed = 0;

	(void)state;
	for (unsigned i = 0; i < 2500; i++) {
		record_init(&r, i == 0 ? RECORD_START : RECORD_DECIDED);
		r.time_ms = 1000 + i;
		r.key_id = i == 0 ? ledger_key_id(l) : NULL;
		ledger_queue(l, &r);
		if (i % 250 == 249)
			assert_int_equal(ledger_flush(l), ERR_OK);
	}
	assert_int_equal(ledger_prune(l, 5000, &removed), ERR_OK);
	assert_true(removed > 1000 && removed < 2100);
	ledger_close(l);
	struct ledger_report report = verify(at("prune"), NULL, 0);
	assert_string_equal(report.problem, "");
	assert_int_equal(report.records, 2501 - removed);
	sql_in(at("prune"), "DELETE FROM records WHERE seq = %u", (unsigned)removed + 1);
	assert_false(verify(at("prune"), NULL, 0).ok);
}

/* Row "clock earlier than the newest ledger entry by > 24 h". */
static void a_clock_that_went_back_writes_nothing(void **state)
{
	struct ledger *l = open_or_fail(at("clock"), LEDGER_WRITE);
	struct ledger_report report;
	struct ledger_problem problem;
	struct record r;

	(void)state;
	assert_false(ledger_clock_behind(l));
	append(l, 1, 0);
	record_init(&r, RECORD_START);
	r.time_ms = clock_wall_ms() + LEDGER_CLOCK_BACK_MS - 60000;
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	append(l, 1, 1); /* within a day */
	record_init(&r, RECORD_START);
	r.time_ms = clock_wall_ms() + LEDGER_CLOCK_BACK_MS + 60000;
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	assert_true(ledger_clock_behind(l));
	record_init(&r, RECORD_GRANTED);
	assert_int_equal(ledger_append(l, &r, 1), ERR_SYSTEM);
	assert_non_null(strstr(ledger_why(l), "behind"));
	record_init(&r, RECORD_DECIDED);
	ledger_queue(l, &r);
	assert_int_equal(ledger_flush(l), ERR_SYSTEM);
	ledger_close(l);

	assert_true(verify(at("clock"), NULL, 0).ok);
	assert_int_equal(ledger_acknowledge(at("clock"), &report, &problem), ERR_OK);
	assert_non_null(strstr(report.problem, "clock"));
	assert_int_equal(ledger_acknowledge(at("clock"), &report, &problem), ERR_EXISTS);
	l = open_or_fail(at("clock"), LEDGER_WRITE);
	append(l, 1, 2);
	ledger_close(l);
	assert_true(verify(at("clock"), NULL, 0).ok);
}

static void a_name_is_keyed(void **state)
{
	struct ledger *l = open_or_fail(at("keyed"), LEDGER_WRITE);
	struct ledger *other = open_or_fail(at("keyed-elsewhere"), LEDGER_WRITE);
	char first[CRYPTO_SHA256_HEX_BYTES] = "ab12", again[CRYPTO_SHA256_HEX_BYTES] = "ab12",
	     elsewhere[CRYPTO_SHA256_HEX_BYTES] = "ab12", none[CRYPTO_SHA256_HEX_BYTES] = "";

	(void)state;
	ledger_key_name(l, first);
	ledger_key_name(l, again);
	ledger_key_name(other, elsewhere);
	ledger_key_name(l, none);
	assert_int_equal(strlen(first), 64);
	assert_string_equal(first, again);
	assert_string_not_equal(first, elsewhere);
	assert_string_equal(none, "");
	ledger_close(l);
	ledger_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_and_reads_back),
		cmocka_unit_test(a_name_is_keyed),
		cmocka_unit_test(finds_by_id_reference_and_time),
		cmocka_unit_test(queued_records_go_with_the_next_commit),
		cmocka_unit_test(one_writer_at_a_time),
		cmocka_unit_test(an_older_file_is_brought_up_to_date),
		cmocka_unit_test(a_failing_disk_leaves_it_whole),
		cmocka_unit_test(finds_every_tampering),
		cmocka_unit_test(a_witness_finds_what_the_folder_cannot_tell),
		cmocka_unit_test(a_person_can_go_on_after_damage),
		cmocka_unit_test(a_clock_that_went_back_writes_nothing),
		cmocka_unit_test(prune_keeps_the_chain_provable),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
