/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger at its edges: what cannot be opened, odd damage, records that cannot be read. */
#include "tests/unit/ledger_help.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "consent/ledger_impl.h"
#include "tests/fault/shim_vfs.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static int number_of(sqlite3 *db, const char *question)
{
	sqlite3_stmt *s = NULL;
	int n = -1;

	assert_int_equal(sqlite3_prepare_v2(db, question, -1, &s, NULL), SQLITE_OK);
	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return n;
}

static struct ledger *opened(const char *name, enum ledger_mode mode)
{
	return open_or_fail(at(name), mode);
}

#define sql(name, ...) sql_in(at(name), __VA_ARGS__)

/* What opening says; nothing is open afterwards. */
static enum err opening(const char *name, enum ledger_mode mode, struct ledger_problem *p)
{
	struct ledger *l = NULL;
	enum err e = ledger_open(at(name), mode, &l, p);

	if (e == ERR_OK)
		ledger_close(l);
	else
		assert_true(p->text[0] != '\0' && p->next[0] != '\0');
	return e;
}

static struct ledger *made(const char *name, unsigned records)
{
	struct ledger *l = opened(name, LEDGER_WRITE);

	for (unsigned i = 0; i < records; i++) {
		struct record r;

		record_init(&r, i == 0 ? RECORD_START : RECORD_DECIDED);
		r.key_id = i == 0 ? ledger_key_id(l) : NULL;
		r.destination = "somewhere";
		assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	}
	return l;
}

static void make(const char *name, unsigned records)
{
	ledger_close(made(name, records));
}

static struct ledger_report verified(const char *name)
{
	struct ledger *l = opened(name, LEDGER_READ);
	struct ledger_report r;

	assert_int_equal(ledger_verify(l, 0, 0, NULL, 0, &r, NULL, NULL), ERR_OK);
	assert_int_equal(r.ok, r.problem[0] == '\0');
	ledger_close(l);
	return r;
}

static void damaged_at(const char *name, uint64_t first_bad, const char *words)
{
	struct ledger_report r = verified(name);

	assert_false(r.ok);
	assert_int_equal(r.first_bad, first_bad);
	if (strstr(r.problem, words) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", name, r.problem, words);
}

/* Makes hashes follow from bodies again, from `from` on. */
static void rehash(const char *name, unsigned from)
{
	struct ledger *l = opened(name, LEDGER_READ);
	struct crypto_sha256 prev = { { 0 } };
	struct buf scratch;
	sqlite3_stmt *s = NULL, *set = NULL;

	buf_init(&scratch, 1 << 20);
	assert_int_equal(sqlite3_prepare_v2(l->db,
					    "SELECT seq, body, hash FROM records ORDER BY seq",
					    -1, &s, NULL),
			 0);
	assert_int_equal(sqlite3_prepare_v2(l->db,
					    "UPDATE records SET hash = ?2 WHERE seq = ?1", -1,
					    &set, NULL),
			 0);
	while (sqlite3_step(s) == SQLITE_ROW) {
		if (sqlite3_column_int(s, 0) < (int)from) {
			memcpy(prev.bytes, sqlite3_column_blob(s, 2), 32);
			continue;
		}
		struct span body = { (const char *)sqlite3_column_text(s, 1),
				     (size_t)sqlite3_column_bytes(s, 1) };
		struct crypto_sha256 hash;

		ledger_hash(&prev, body, &scratch, &hash);
		prev = hash;
		sqlite3_bind_int(set, 1, sqlite3_column_int(s, 0));
		sqlite3_bind_blob(set, 2, hash.bytes, 32, SQLITE_TRANSIENT);
		assert_int_equal(sqlite3_step(set), SQLITE_DONE);
		sqlite3_reset(set);
	}
	sqlite3_finalize(s);
	sqlite3_finalize(set);
	buf_free(&scratch);
	ledger_close(l);
}

/* Without a standard input the first file that is opened has number 0: as good as any other. */
static void descriptor_zero_is_a_descriptor(void **state)
{
	char before[200], after[200];

	(void)state;
	make("zero", 3);
	for (int locked = 0; locked < 2; locked++) {
		struct ledger *l = NULL;
		struct record r;
		int kept = dup(0);
		FILE *f;

		close(0);
		enum err e = ledger_open_as(at("zero"), LEDGER_WRITE, locked == 1, &l, NULL);
		bool first = l != NULL && (locked == 1 ? l->lock_fd : l->head_fd[0]) == 0;

		f = fopen(at("zero/ledger/head"), "r");
		before[fread(before, 1, sizeof before - 1, f)] = '\0';
		fclose(f);
		record_init(&r, RECORD_START);
		e = e == ERR_OK ? ledger_append(l, &r, 1) : e;
		f = fopen(at("zero/ledger/head"), "r");
		after[fread(after, 1, sizeof after - 1, f)] = '\0';
		fclose(f);
		ledger_close(l);
		bool closed = fcntl(0, F_GETFD) < 0;

		dup2(kept, 0);
		close(kept);
		assert_int_equal(e, ERR_OK);
		assert_true(first);
		assert_true(closed);
		assert_string_not_equal(before, after);
	}
}

/* --- heads ----------------------------------------------------------------------------- */

static void a_head_is_a_number_and_a_hash(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t seq;
	} rows[] = {
		{ "7 " ZEROS "\n", true, 7 },
		{ "0000000000000012 " ZEROS, true, 12 },
		{ "1234567890123456 " ZEROS "\n", true, 1234567890123456 },
		{ "12345678901234567 " ZEROS "\n", false, 0 },
		{ "", false, 0 },
		{ "7", false, 0 },
		{ "7 ", false, 0 },
		{ " " ZEROS, false, 0 },
		{ "x " ZEROS, false, 0 },
		{ "7:" ZEROS, false, 0 },
		{ "7/" ZEROS, false, 0 },
		{ "7 " ZEROS "0", false, 0 },
		{ "7 " ZEROS "00", false, 0 },
		{ "7 0g", false, 0 },
	};
	struct ledger_head h;
	char text[100];

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		h.seq = 99;
		CHECK(ledger_head_parse(span_of(rows[i].text), &h) == rows[i].good,
		      rows[i].text);
		assert_int_equal(h.seq, rows[i].good ? rows[i].seq : 99);
	}
	snprintf(text, sizeof text, "41 01ab%s02", ZEROS + 6);
	assert_true(ledger_head_parse(span_of(text), &h));
	assert_true(h.hash.bytes[0] == 1 && h.hash.bytes[1] == 0xab && h.hash.bytes[31] == 2);
}

/* An older head stays true, so a head file that cannot be written stops nobody. */
static void head_files_are_best_effort(void **state)
{
	struct ledger *l;

	(void)state;
	mkdir(at("heads"), 0700);
	mkdir(at("heads/ledger"), 0700);
	assert_int_equal(mkfifo(at("heads/ledger/head"), 0600), 0);
	assert_int_equal(symlink("/nowhere", at("heads/ledger.head")), 0);
	l = made("heads", 3);
	assert_int_equal(ledger_head(l).seq, 3);
	ledger_close(l);
	shell("rm '%s/heads/ledger/head' '%s/heads/ledger.head'", root, root);
	assert_true(verified("heads").ok);
}

/* --- opening --------------------------------------------------------------------------- */

/* What is written down is for its owner alone. */
static void its_files_are_the_owners(void **state)
{
	static const char *const files[] = { "private/ledger/ledger.db", "private/ledger/lock",
					     "private/ledger/head", "private/ledger.head" };
	mode_t old = umask(0);

	(void)state;
	make("private", 2);
	umask(old);
	for (size_t i = 0; i < LEN(files); i++) {
		struct stat st;

		if (stat(at(files[i]), &st) != 0)
			fail_msg("no %s", files[i]);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
}

static void what_cannot_be_opened_says_why(void **state)
{
	struct ledger_problem p;
	struct ledger *l = NULL, *other = NULL;
	char longest[PATH_MAX];

	(void)state;
	memset(longest, 'x', sizeof longest);
	memcpy(longest, "/tmp/", 5);
	longest[PATH_MAX - 64 - 7] = '\0'; /* with "/ledger" one too many */
	assert_int_equal(ledger_open(longest, LEDGER_READ, &l, &p), ERR_TOO_BIG);
	assert_true(p.text[0] != '\0');
	assert_int_equal(ledger_open(longest, LEDGER_READ, &l, NULL), ERR_TOO_BIG);
	longest[PATH_MAX - 64 - 8] = '\0';
	assert_int_equal(ledger_open(longest, LEDGER_READ, &l, &p), ERR_NOT_FOUND);

	assert_int_equal(opening("nothing", LEDGER_READ, &p), ERR_NOT_FOUND);
	assert_non_null(strstr(p.text, "there is no ledger"));

	shell("touch '%s/file'", root);
	assert_int_equal(opening("file/state", LEDGER_WRITE, &p), ERR_SYSTEM);
	assert_non_null(strstr(p.text, "cannot make"));

	make("locked", 1);
	l = opened("locked", LEDGER_WRITE);
	assert_int_equal(ledger_open(at("locked"), LEDGER_WRITE, &other, &p), ERR_BUSY);
	assert_non_null(strstr(p.text, "another process writes"));
	ledger_close(l);
	shell("rm '%s/locked/ledger/lock' && mkdir '%s/locked/ledger/lock'", root, root);
	assert_int_equal(opening("locked", LEDGER_WRITE, &p), ERR_SYSTEM);
	assert_non_null(strstr(p.text, "cannot lock"));

	make("folder", 1);
	shell("rm '%s/folder/ledger/ledger.db'* && mkdir '%s/folder/ledger/ledger.db'", root,
	      root);
	assert_int_equal(opening("folder", LEDGER_WRITE, &p), ERR_SYSTEM);
	assert_non_null(strstr(p.text, "cannot open"));
	shell("rmdir '%s/folder/ledger/ledger.db'", root);

	make("no-table", 1);
	sql("no-table", "DROP TABLE seals");
	assert_int_equal(opening("no-table", LEDGER_WRITE, &p), ERR_CORRUPT);

	make("short-hash", 2);
	sql("short-hash", "UPDATE records SET hash = x'00' WHERE seq = 2");
	assert_int_equal(opening("short-hash", LEDGER_READ, &p), ERR_CORRUPT);
	sql("short-hash", "DROP TABLE records");
	assert_int_equal(opening("short-hash", LEDGER_READ, &p), ERR_CORRUPT);
}

static void versions_are_from_0_to_ours(void **state)
{
	struct ledger_problem p;
	struct ledger *l;

	(void)state;
	make("version", 2);
	sql("version", "PRAGMA user_version = -1");
	assert_int_equal(opening("version", LEDGER_WRITE, &p), ERR_UNSUPPORTED);
	sql("version", "PRAGMA user_version = 3");
	assert_int_equal(opening("version", LEDGER_WRITE, &p), ERR_UNSUPPORTED);
	assert_non_null(strstr(p.next, "newer"));
	sql("version", "DROP TABLE contents; PRAGMA user_version = 1");
	l = opened("version", LEDGER_READ); /* an older one is read as it is */
	assert_int_equal(ledger_head(l).seq, 2);
	ledger_close(l);
	l = opened("version", LEDGER_WRITE);
	assert_int_equal(ledger_keep_content(l, "d", SPAN_LITERAL("text")), ERR_OK);
	ledger_close(l);
	sql("version", "PRAGMA user_version = 0"); /* its tables are there already */
	assert_int_equal(opening("version", LEDGER_WRITE, &p), ERR_CORRUPT);
}

static void keys_that_cannot_be_used_damage_nothing(void **state)
{
	struct ledger_problem p;
	struct ledger_report r;
	struct stat before, after;

	(void)state;
	make("secret", 2);
	shell("printf short > '%s/secret/ledger/secret'", root);
	assert_int_equal(opening("secret", LEDGER_WRITE, &p), ERR_SYNTAX);
	assert_non_null(strstr(p.text, "keys"));
	assert_int_equal(stat(at("secret/ledger/ledger.db"), &before), 0);
	assert_int_equal(ledger_acknowledge(at("secret"), &r, &p), ERR_SYNTAX);
	assert_int_equal(ledger_acknowledge(at("secret"), &r, NULL), ERR_SYNTAX);
	assert_int_equal(stat(at("secret/ledger/ledger.db"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino); /* not moved aside */
	shell("rm '%s/secret/ledger/secret' && chmod 644 '%s/secret/ledger/key.pem'", root,
	      root);
	assert_int_equal(opening("secret", LEDGER_WRITE, &p), ERR_DENIED);
	assert_non_null(strstr(p.next, "0600"));

	make("public", 2);
	shell("rm '%s/public/ledger/key.pub'", root);
	damaged_at("public", 2, "public key");
	shell("echo nonsense > '%s/public/ledger/key.pub'", root);
	damaged_at("public", 2, "public key");
	shell("rm '%s/public/ledger/key.pub'", root);
	ledger_close(opened("public", LEDGER_WRITE)); /* makes it again */
	assert_true(verified("public").ok);
	shell("head -c 8193 /dev/zero > '%s/public/ledger/key.pub'", root);
	damaged_at("public", 2, "public key");

	make("empty", 0);
	shell("rm '%s/empty/ledger/key.pub'", root);
	assert_true(verified("empty").ok); /* nothing is sealed yet */
}

static void digests_are_keyed(void **state)
{
	struct ledger *l = made("keyed", 0);
	char one[CRYPTO_SHA256_HEX_BYTES], two[CRYPTO_SHA256_HEX_BYTES];
	struct crypto_sha256 digest = { { 1 } }, mac;
	struct buf b, expected;

	(void)state;
	ledger_subject(l, 1000, one);
	ledger_subject(l, 1001, two);
	assert_string_not_equal(one, two);
	buf_init(&b, 200);
	buf_init(&expected, 200);
	buf_printf(&b, "subject 1000 %s", l->machine);
	crypto_hmac_sha256((struct span){ (const char *)l->secret, 32 }, buf_span(&b), &mac);
	crypto_sha256_hex(&mac, two);
	assert_string_equal(one, two);
	buf_clear(&b);
	if (file_read("/etc/machine-id", 60, &b) == ERR_OK && b.len > 0)
		assert_true(span_is(span_trim(buf_span(&b)), l->machine));
	else
		assert_string_equal(l->machine, "-");
	buf_clear(&b);
	ledger_keyed_digest(l, &digest, &b);
	crypto_hmac_sha256((struct span){ (const char *)l->secret, 32 },
			   (struct span){ (const char *)digest.bytes, 32 }, &mac);
	crypto_sha256_hex(&mac, one);
	buf_printf(&expected, "hmac-sha256:%s", one);
	assert_string_equal(buf_cstr(&b), buf_cstr(&expected));
	buf_free(&b);
	buf_free(&expected);
	ledger_close(l);
}

static void a_process_is_left_as_it_was(void **state)
{
	mode_t old = umask(022);
	struct stat st;
	struct ledger_problem p;

	(void)state;
	make("process", 1);
	assert_true(verified("process").ok);
	assert_int_equal(opening("nothing", LEDGER_READ, &p), ERR_NOT_FOUND);
	assert_int_equal(umask(old), 022);
	assert_int_not_equal(fcntl(0, F_GETFD),
			     -1); /* nobody closed what is not the ledger's */
	assert_int_equal(stat(at("process/ledger/key.pub"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(stat(at("process/ledger"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(at("process/ledger/secret"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* --- appending ------------------------------------------------------------------------- */

static void what_cannot_be_read_back_is_not_appended(void **state)
{
	static char text[RECORD_MAX_BYTES];
	struct ledger *l = made("append", 1);
	struct record r;

	(void)state;
	record_init(&r, RECORD_DECIDED);
	r.categories = "[";
	assert_int_equal(ledger_append(l, &r, 1), ERR_TOO_BIG);
	ledger_queue(l, &r);
	assert_int_equal(l->queued, 0);
	assert_int_equal(l->dropped, 1);
	memset(text, 'x', sizeof text - 1);
	record_init(&r, RECORD_DECIDED);
	r.detail = text;
	r.count = 5; /* it stands for so many */
	assert_int_equal(ledger_append(l, &r, 1), ERR_TOO_BIG);
	text[RECORD_MAX_BYTES - 100] = '\0'; /* the fields fit, but not with the head */
	assert_int_equal(ledger_append(l, &r, 1), ERR_TOO_BIG);
	ledger_queue(l, &r);
	assert_int_equal(l->dropped, 6);
	assert_int_equal(ledger_queued(l), 1);
	assert_int_equal(ledger_head(l).seq, 1);
	record_init(&r, RECORD_DECIDED);
	r.time_ms = clock_wall_ms() - 1000;
	r.boot_ms = 77;
	memcpy(r.id, "mine", 5);
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	assert_int_equal(r.seq, 3);
	assert_int_equal(r.boot_ms, 77);
	assert_string_equal(r.id, "mine");
	assert_int_equal(ledger_append(l, &r, 1), ERR_CORRUPT); /* no id twice */
	assert_int_equal(ledger_head(l).seq, 3);
	ledger_close(l);
	l = opened("append", LEDGER_READ);
	assert_int_equal(ledger_append(l, &r, 1), ERR_UNSUPPORTED);
	ledger_close(l);
	assert_true(verified("append").ok);
}

static bool copy_count(void *ctx, const struct record *r, struct span body)
{
	(void)body;
	if (r->kind == RECORD_LIMITED)
		*(int64_t *)ctx += r->count;
	return true;
}

static void what_was_dropped_is_counted(void **state)
{
	struct ledger *l = made("dropped", 1);
	struct record r;
	int64_t counted = 0;

	(void)state;
	assert_int_equal(ledger_flush(l), ERR_OK);
	assert_int_equal(ledger_head(l).seq, 1);
	for (unsigned i = 0; i < LEDGER_QUEUE_MAX + 2; i++) {
		record_init(&r, RECORD_DECIDED);
		r.count = i == LEDGER_QUEUE_MAX ? 10 : RECORD_ABSENT;
		ledger_queue(l, &r);
	}
	assert_int_equal(l->queued, LEDGER_QUEUE_MAX);
	assert_int_equal(ledger_queued(l), LEDGER_QUEUE_MAX + 1);
	assert_int_equal(ledger_flush(l), ERR_OK);
	assert_int_equal(ledger_head(l).seq, 1 + LEDGER_QUEUE_MAX + 1);
	assert_int_equal(ledger_queued(l), 0);
	assert_int_equal(ledger_each(l, 0, 0, copy_count, &counted), ERR_OK);
	assert_int_equal(counted, 11);
	record_init(&r, RECORD_DECIDED);
	r.categories = "[";
	ledger_queue(l, &r); /* a single one, too */
	assert_int_equal(ledger_flush(l), ERR_OK);
	assert_int_equal(ledger_each(l, 0, 0, copy_count, &counted), ERR_OK);
	assert_int_equal(counted, 11 + 11 + 1);
	ledger_queue(l, &r); /* and when it is the last thing before the end */
	ledger_close(l);
	l = opened("dropped", LEDGER_READ);
	counted = 0;
	assert_int_equal(ledger_each(l, 0, 0, copy_count, &counted), ERR_OK);
	assert_int_equal(counted, 11 + 1 + 1);
	assert_int_equal(number_of(l->db,
				   "SELECT count(*) FROM records WHERE kind = 'limited' AND"
				   " json_extract(body, '$.detail') ="
				   " 'events that came faster than they could be recorded'"),
			 3);
	ledger_close(l);
}

static void another_writer_is_noticed(void **state)
{
	struct ledger *l = made("two", 2), *other = NULL;
	struct record r;

	(void)state;
	assert_int_equal(ledger_open_as(at("two"), LEDGER_WRITE, false, &other, NULL), ERR_OK);
	record_init(&r, RECORD_DECIDED);
	assert_int_equal(ledger_append(other, &r, 1), ERR_OK);
	record_init(&r, RECORD_DECIDED);
	assert_int_equal(ledger_append(l, &r, 1), ERR_CORRUPT);
	assert_int_equal(ledger_head(l).seq, 2); /* ours as before */
	ledger_close(l);
	l = opened("two", LEDGER_WRITE);
	record_init(&r, RECORD_DECIDED);
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	struct ledger_report report;
	assert_int_equal(ledger_verify(other, 0, 0, NULL, 0, &report, NULL, NULL), ERR_OK);
	assert_int_equal(ledger_head(other).seq, 4); /* it has seen them now */
	sql("two", "UPDATE records SET hash = zeroblob(32) WHERE seq = 4");
	record_init(&r, RECORD_DECIDED);
	assert_int_equal(ledger_append(l, &r, 1), ERR_CORRUPT);
	ledger_close(l);
	ledger_close(other);
}

static int busy_lock(const struct shim_call *c)
{
	return c->op == SHIM_SHM_LOCK && c->at == 0 ? SQLITE_BUSY
						    : SQLITE_OK; /* the writer's */
}

static void a_locked_database_is_busy(void **state)
{
	struct ledger *l = made("busy", 1);
	struct record r;

	(void)state;
	assert_string_equal(ledger_why(l), "");
	assert_int_equal(number_of(l->db, "PRAGMA busy_timeout"),
			 5000); /* a reader's lock is short */
	shim_before = busy_lock;
	record_init(&r, RECORD_DECIDED);
	assert_int_equal(ledger_append(l, &r, 1), ERR_BUSY);
	shim_before = NULL;
	assert_non_null(strstr(ledger_why(l), "locked"));
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	ledger_close(l);
}

/* --- reading --------------------------------------------------------------------------- */

static bool no_more(void *ctx, const struct record *r, struct span body)
{
	(void)r;
	(void)body;
	return ++*(unsigned *)ctx < 2;
}

static void reading_stops_when_it_is_told_to(void **state)
{
	struct ledger *l = made("read", 5);
	struct crypto_sha256 hash;
	unsigned n = 0;

	(void)state;
	assert_int_equal(ledger_each(l, 0, 0, no_more, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_true(ledger_hash_of(l, 5, &hash));
	assert_memory_equal(hash.bytes, ledger_head(l).hash.bytes, 32);
	assert_false(ledger_hash_of(l, 6, &hash));
	ledger_close(l);
	sql("read", "UPDATE records SET body = '{', hash = x'01' WHERE seq = 2");
	l = opened("read", LEDGER_READ);
	n = 0;
	assert_int_equal(ledger_each(l, 2, 0, no_more, &n), ERR_CORRUPT);
	assert_int_equal(ledger_find(l, "nobody", no_more, &n), ERR_NOT_FOUND);
	assert_int_equal(n, 0);
	sqlite3_exec(l->db, "UPDATE records SET id = 'somebody' WHERE seq = 2", NULL, NULL,
		     NULL);
	assert_int_equal(ledger_find(l, "somebody", no_more, &n), ERR_CORRUPT);
	assert_false(ledger_hash_of(l, 2, &hash));
	ledger_close(l);
}

static void content_is_what_its_digest_says(void **state)
{
	static const char of_text[] =
		"sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1";
	struct ledger *l = made("content", 1);
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(ledger_keep_content(l, of_text, SPAN_LITERAL("text")), ERR_OK);
	assert_int_equal(ledger_keep_content(l, of_text, SPAN_LITERAL("other")), ERR_OK);
	assert_int_equal(ledger_content(l, of_text, &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), "text"); /* the first stays */
	assert_int_equal(ledger_content(l, "sha256:0", &b), ERR_NOT_FOUND);
	assert_int_equal(ledger_keep_content(l, "sha256:1", SPAN_LITERAL("text")), ERR_OK);
	assert_int_equal(ledger_content(l, "sha256:1", &b), ERR_MISMATCH);
	assert_string_equal(buf_cstr(&b), "text");
	buf_free(&b);
	buf_init(&b, 3);
	assert_int_equal(ledger_content(l, of_text, &b), ERR_TOO_BIG);
	buf_free(&b);
	sqlite3_exec(l->db, "DROP TABLE contents", NULL, NULL, NULL);
	buf_init(&b, 100);
	assert_int_equal(ledger_content(l, of_text, &b), ERR_CORRUPT);
	assert_int_equal(ledger_keep_content(l, of_text, SPAN_LITERAL("text")), ERR_CORRUPT);
	buf_free(&b);
	ledger_close(l);
}

/* --- verifying ------------------------------------------------------------------------- */

static void rows_are_told_apart(void **state)
{
	(void)state;
	make("rows", 6);
	shell("for i in 1 2 3 4 5 6 7 8; do cp -a '%s/rows' '%s/rows'$i; done", root, root);
	sql("rows1", "UPDATE records SET hash = x'0102' WHERE seq = 3");
	damaged_at("rows1", 3, "wrong length");
	sql("rows2", "UPDATE records SET body = body || ' ' WHERE seq = 3");
	damaged_at("rows2", 3, "does not follow");
	sql("rows3", "UPDATE records SET boot_ms = boot_ms + 1 WHERE seq = 3");
	damaged_at("rows3", 3, "columns");
	sql("rows4", "UPDATE records SET body = substr(body, 1, 9) WHERE seq = 3");
	rehash("rows4", 3);
	damaged_at("rows4", 3, "columns");
	sql("rows5",
	    "UPDATE records SET body = replace(body, 'somewhere', hex(zeroblob(%d)))"
	    " WHERE seq = 3",
	    RECORD_MAX_BYTES / 2);
	rehash("rows5", 3);
	damaged_at("rows5", 3, "longer");
	sql("rows6", "DELETE FROM records WHERE seq = 3");
	damaged_at("rows6", 3, "record 3 is missing; the next one is 4");
	sql("rows7", "UPDATE records SET kind = 'nothing' WHERE seq = 3");
	damaged_at("rows7", 3, "columns");
	sql("rows8", "DELETE FROM records WHERE seq = 1");
	damaged_at("rows8", 1, "record 1 is missing");
}

static void seals_are_looked_at(void **state)
{
	(void)state;
	make("seals", 6);
	shell("for i in 1 2 3 4 5 6 7; do cp -a '%s/seals' '%s/seals'$i; done", root, root);
	sql("seals1", "UPDATE seals SET hash = x'01'");
	damaged_at("seals1", 6, "hash of the wrong length");
	sql("seals2", "UPDATE seals SET key_id = 'another'");
	damaged_at("seals2", 6, "another key");
	sql("seals3", "UPDATE seals SET time_ms = time_ms + 1");
	damaged_at("seals3", 6, "signature that is not valid");
	sql("seals4", "DELETE FROM seals");
	damaged_at("seals4", 1, "newest seal");
	sql("seals5", "UPDATE records SET body = replace(body, 'some', 'any') WHERE seq = 6");
	rehash("seals5", 6);
	damaged_at("seals5", 6, "does not match the record");
	sql("seals6", "DELETE FROM records WHERE seq > 4");
	shell("rm '%s/seals6/ledger/head' '%s/seals6/ledger.head'", root, root);
	damaged_at("seals6", 6, "belongs to a record that is missing");
	sql("seals7", "UPDATE records SET body = '{\"v\":1' WHERE seq = 1");
	damaged_at("seals7", 1, "does not follow");
}

static void heads_and_witnesses_are_compared(void **state)
{
	struct ledger *l = made("witness", 6);
	struct ledger_witness w[9] = { { .who = "somebody" } };
	struct ledger_report r;

	(void)state;
	for (size_t i = 0; i < LEN(w); i++)
		w[i] = (struct ledger_witness){ "somebody", { 0 } };
	assert_int_equal(ledger_verify(l, 0, 0, w, 9, &r, NULL, NULL), ERR_OK);
	assert_true(r.ok); /* they have seen nothing */
	w[8].head.seq = 99;
	assert_int_equal(ledger_verify(l, 0, 0, w, 9, &r, NULL, NULL), ERR_OK);
	assert_true(r.ok); /* eight at most */
	w[7].head.seq = 99;
	assert_int_equal(ledger_verify(l, 0, 0, w, 9, &r, NULL, NULL), ERR_OK);
	assert_false(r.ok);
	assert_int_equal(r.first_bad, 7);
	assert_int_equal(ledger_verify(l, 0, 6, w, 9, &r, NULL, NULL), ERR_OK);
	assert_true(r.ok); /* only the whole ledger is compared */
	w[7].head.seq = 3;
	assert_int_equal(ledger_verify(l, 0, 0, w, 9, &r, NULL, NULL), ERR_OK);
	assert_non_null(strstr(r.problem, "record 3 is not the one that somebody has seen"));
	assert_true(ledger_hash_of(l, 3, &w[7].head.hash));
	assert_int_equal(ledger_verify(l, 0, 0, w, 9, &r, NULL, NULL), ERR_OK);
	assert_true(r.ok);
	sqlite3_exec(l->db, "UPDATE records SET hash = x'01' WHERE seq = 3", NULL, NULL, NULL);
	assert_int_equal(ledger_verify(l, 0, 0, w, 9, &r, NULL, NULL), ERR_OK);
	assert_true(!r.ok && r.first_bad == 3);
	ledger_close(l);
}

static bool stop_at_3(void *ctx, const struct record *r, struct span body)
{
	(void)body;
	*(uint64_t *)ctx = r->seq;
	return r->seq < 3;
}

static void a_part_can_be_verified(void **state)
{
	struct ledger *l = made("part", 8);
	struct ledger_report r;
	uint64_t last = 0;

	(void)state;
	assert_int_equal(ledger_verify(l, 4, 6, NULL, 0, &r, NULL, NULL), ERR_OK);
	assert_true(r.ok && r.records == 3 && r.last_seq == 6);
	assert_int_equal(ledger_verify(l, 0, 0, NULL, 0, &r, stop_at_3, &last), ERR_OK);
	assert_true(r.ok && r.records == 8 && last == 3);
	ledger_close(l);
	sql("part", "DELETE FROM records WHERE seq = 3");
	l = opened("part", LEDGER_READ);
	assert_int_equal(ledger_verify(l, 4, 6, NULL, 0, &r, NULL, NULL), ERR_OK);
	assert_true(!r.ok && r.first_bad == 3);
	assert_int_equal(ledger_verify(l, 5, 6, NULL, 0, &r, NULL, NULL), ERR_OK);
	assert_true(r.ok);
	ledger_close(l);
}

static void tables_that_go_meanwhile_are_damage(void **state)
{
	struct ledger *l = made("gone", 4);
	struct ledger_report r;

	(void)state;
	sqlite3_exec(l->db, "ALTER TABLE seals RENAME TO other", NULL, NULL, NULL);
	assert_int_equal(ledger_verify(l, 0, 0, NULL, 0, &r, NULL, NULL), ERR_OK);
	assert_true(!r.ok && !r.unreadable);
	assert_non_null(strstr(r.problem, "seals cannot be read"));
	sqlite3_exec(l->db, "ALTER TABLE records RENAME TO another", NULL, NULL, NULL);
	l->mode = LEDGER_READ; /* its head is of no interest here */
	assert_int_equal(ledger_verify(l, 0, 0, NULL, 0, &r, NULL, NULL), ERR_OK);
	assert_true(!r.ok && r.unreadable && r.first_bad == 1);
	ledger_close(l);
}

static void the_first_record_names_the_key(void **state)
{
	struct ledger *l = opened("first", LEDGER_WRITE);
	struct record r;

	(void)state;
	record_init(&r, RECORD_START);
	r.key_id = "another";
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	ledger_close(l);
	damaged_at("first", 1, "began with another key (another)");
	l = opened("first", LEDGER_WRITE);
	record_init(&r, RECORD_START);
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	for (uint64_t from = 0; from < 3;
	     from++) { /* who begins behind it does not look at it */
		struct ledger_report report;

		assert_int_equal(ledger_verify(l, from, 0, NULL, 0, &report, NULL, NULL),
				 ERR_OK);
		assert_true(report.ok == (from == 2));
	}
	ledger_close(l);

	l = opened("unnamed", LEDGER_WRITE);
	record_init(&r, RECORD_START);
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	ledger_close(l);
	assert_true(verified("unnamed").ok);
}

/* --- acknowledging --------------------------------------------------------------------- */

static void acknowledge(const char *name)
{
	struct ledger_report r;
	struct ledger_problem p;

	memset(&p, 'x', sizeof p);
	if (ledger_acknowledge(at(name), &r, &p) != ERR_OK)
		fail_msg("%s", p.text);
	assert_true(p.text[0] == '\0' && p.next[0] == '\0'); /* nothing went wrong */
}

static void an_acknowledgement_excuses_one_damage(void **state)
{
	struct ledger *l;
	struct record r;
	struct ledger_report report;

	(void)state;
	make("ack", 6);
	sql("ack", "UPDATE records SET body = replace(body, 'some', 'any') WHERE seq = 3");
	/* What only looks like an acknowledgement excuses nothing. */
	l = opened("ack", LEDGER_WRITE);
	record_init(&r, RECORD_ACKNOWLEDGED);
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	record_init(&r, RECORD_ACKNOWLEDGED);
	r.hash = "zz";
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	record_init(&r, RECORD_ACKNOWLEDGED);
	r.hash = ZEROS;
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	ledger_close(l);
	report = verified("ack");
	assert_true(!report.ok && !report.acknowledged && report.first_bad == 3);
	acknowledge("ack");
	assert_true(verified("ack").acknowledged);
	l = opened("ack", LEDGER_READ); /* it says from where on */
	assert_int_equal(number_of(l->db,
				   "SELECT json_extract(body, '$.upto') FROM records"
				   " WHERE kind = 'acknowledged' ORDER BY seq DESC LIMIT 1"),
			 3);
	ledger_close(l);
	/* Nor does one that cannot be read. */
	sql("ack",
	    "UPDATE records SET body = substr(body, 1, length(body) - 1) WHERE seq = 10");
	rehash("ack", 10);
	assert_false(verified("ack").acknowledged);
	acknowledge("ack");
	assert_true(verified("ack").acknowledged);
	sql("ack",
	    "UPDATE records SET body = replace(body, 'acknow', 'Acknow') WHERE seq = 11");
	assert_false(verified("ack").acknowledged); /* nor one that was changed */
}

/* A seal of the time before the damage was looked at may be wrong; none behind it. */
static void an_acknowledgement_excuses_older_seals(void **state)
{
	(void)state;
	make("old-seal", 6);
	sql("old-seal",
	    "UPDATE records SET body = replace(body, 'some', 'any') WHERE seq = 3;"
	    "INSERT INTO seals SELECT 2, time_ms, hash, key_id, signature FROM seals");
	acknowledge("old-seal");
	assert_true(verified("old-seal").acknowledged);
	sql("old-seal", "UPDATE seals SET time_ms = 1 WHERE seq = 7");
	assert_false(verified("old-seal").acknowledged);
}

/* A cut tail: the heads that remember more are excused, and only those. */
static void an_acknowledgement_excuses_the_heads_seen(void **state)
{
	struct ledger *l;
	struct record r;

	(void)state;
	make("cut", 8);
	sql("cut", "DELETE FROM records WHERE seq > 5; DELETE FROM seals");
	shell("cp '%s/cut/ledger/head' '%s/cut-head'", root, root);
	acknowledge("cut");
	assert_true(verified("cut").ok);
	shell("cp '%s/cut-head' '%s/cut/ledger.head'", root, root); /* the one that was seen */
	assert_true(verified("cut").ok);
	l = opened("cut", LEDGER_WRITE);
	record_init(&r, RECORD_ACKNOWLEDGED);
	r.outcome = "nonsense;8 " ZEROS ";";
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	ledger_close(l);
	shell("printf '8 %s' > '%s/cut/ledger.head'", ZEROS, root);
	assert_true(verified("cut").ok);
	shell("printf '9 %s' > '%s/cut/ledger.head'", ZEROS, root);
	assert_false(verified("cut").ok);
	shell("printf '8 1%s' > '%s/cut/ledger.head'", ZEROS + 1, root);
	assert_false(verified("cut").ok);
}

/* A page in the middle of the file: it opens, but its rows cannot all be had. */
static void a_broken_file_is_kept_aside(void **state)
{
	struct ledger_report r;
	struct ledger_problem p;
	struct ledger *l = made("page", 120);
	char path[300];

	(void)state;
	ledger_close(l);
	snprintf(path, sizeof path, "%s/page/ledger/ledger.db", root);
	/* The leaf of the records table that holds record 60. */
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	int page = 0;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db,
			       "SELECT pageno FROM dbstat WHERE name = 'records' AND pagetype "
			       "= 'leaf' LIMIT 1 OFFSET 2",
			       -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		page = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	if (page == 0)
		page = 9; /* this SQLite cannot tell; records fill most pages */
	shell("dd if=/dev/urandom of='%s' bs=4096 seek=%d count=1 conv=notrunc 2>/dev/null",
	      path, page - 1);
	r = verified("page");
	assert_false(r.ok);
	assert_true(r.unreadable);
	assert_non_null(strstr(r.problem, "database is damaged"));
	assert_int_equal(ledger_acknowledge(at("page"), &r, &p), ERR_OK);
	assert_int_equal(r.first_bad, 1); /* nothing of it is relied on */
	assert_true(verified("page").ok);
	l = opened("page", LEDGER_READ);
	assert_int_equal(ledger_head(l).seq, 1); /* begun anew */
	ledger_close(l);
	shell("test -f '%s'/page/ledger/damaged-*.db", root);
}

static bool copy_heads(void *ctx, const struct record *r, struct span body)
{
	(void)body;
	snprintf(ctx, 400, "%s", r->outcome);
	return true;
}

static void the_witness_is_asked_again(void **state)
{
	char heads[400];
	struct ledger *l;

	(void)state;
	make("ask", 3);
	shell("mkdir '%s/ask/witness' && printf '9 %s' > '%s/ask/witness/head'", root, ZEROS,
	      root);
	damaged_at("ask", 4, "the witness file has seen record 9");
	acknowledge("ask");
	shell("test ! -e '%s/ask/witness/head'", root);
	l = opened("ask", LEDGER_READ);
	assert_int_equal(ledger_tail(l, 1, copy_heads, heads), ERR_OK);
	ledger_close(l);
	/* The three heads that were remembered when it was looked at. */
	assert_int_equal(strlen(heads), 3 * 66 + 2);
	assert_true(heads[0] == '3' && heads[66] == ';' && heads[67] == '3' &&
		    heads[133] == ';');
	assert_string_equal(heads + 134, "9 " ZEROS);
	assert_true(verified("ask").ok);
}

/* --- pruning --------------------------------------------------------------------------- */

static void old_records(struct ledger *l, int64_t first_ms, uint64_t live_seq, int64_t until_ms)
{
	for (unsigned i = 1; i <= 1100; i++) {
		struct record r;

		record_init(&r, i == live_seq        ? RECORD_APPROVED
				: i == live_seq + 50 ? RECORD_REFUSED
						     : RECORD_DECIDED);
		r.time_ms = first_ms + i;
		r.until_ms = r.kind != RECORD_DECIDED ? until_ms : RECORD_ABSENT;
		ledger_queue(l, &r);
		if (i % 220 == 0)
			assert_int_equal(ledger_flush(l), ERR_OK);
	}
}

static uint64_t pruned(const char *name, int64_t first_ms, uint64_t live_seq, int64_t until_ms,
		       int64_t before_ms)
{
	struct ledger *l = opened(name, LEDGER_WRITE);
	uint64_t removed = 77;

	old_records(l, first_ms, live_seq, until_ms);
	assert_int_equal(ledger_prune(l, before_ms, &removed), ERR_OK);
	assert_int_equal(ledger_head(l).seq, 1100 + (removed > 0 ? 1 : 0));
	ledger_close(l);
	assert_true(verified(name).ok);
	return removed;
}

static void what_matters_is_not_pruned(void **state)
{
	int64_t now_ms = clock_wall_ms(), day_ms = 86400000;

	(void)state;
	assert_int_equal(pruned("p1", 1000, 0, 0, INT64_MAX), 880); /* to the kept seal */
	assert_int_equal(pruned("p2", 1000, 0, 0, 1000 + 880), 0);  /* that one is too young */
	assert_int_equal(pruned("p3", 1000, 0, 0, 1000 + 881), 880);
	assert_int_equal(pruned("p4", 1000, 500, now_ms + day_ms, INT64_MAX), 0); /* in force */
	assert_int_equal(pruned("p5", 1000, 500, now_ms - 1, INT64_MAX), 880);
	assert_int_equal(pruned("p6", 1000, 1000, now_ms + day_ms, INT64_MAX), 880);
	assert_int_equal(pruned("p7", now_ms - 39 * day_ms, 0, 0, INT64_MAX), 0);
	assert_int_equal(pruned("p8", now_ms - 41 * day_ms, 0, 0, INT64_MAX), 880);
}

static void only_what_pruning_took_may_be_missing(void **state)
{
	struct ledger_witness w = { "somebody", { .seq = 100 } };
	struct ledger_report r;
	struct ledger *l;

	(void)state;
	l = opened("p1", LEDGER_READ);
	assert_int_equal(ledger_verify(l, 0, 0, &w, 1, &r, NULL, NULL), ERR_OK);
	assert_true(r.ok); /* it saw what is gone by right */
	ledger_close(l);
	shell("for i in 1 2 3 4; do cp -a '%s/p1' '%s/q'$i; done", root, root);
	sql("q1", "DELETE FROM seals WHERE seq = 880");
	assert_false(verified("q1").ok);
	sql("q2", "DELETE FROM records WHERE seq = 881");
	damaged_at("q2", 1, "record 1 is missing");
	sql("q3", "UPDATE records SET kind = 'decided' WHERE kind = 'pruned'");
	assert_false(verified("q3").ok);
	/* A row that only calls itself one, and one that says nothing. */
	sql("q4", "UPDATE records SET kind = 'pruned' WHERE seq = 900;"
		  "UPDATE records SET body = replace(body, '\"upto\":880,', '')"
		  " WHERE kind = 'pruned'");
	damaged_at("q4", 1, "record 1 is missing");
}

static int begin(void **state)
{
	if (fcntl(0, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != 0)
		return -1;
	if (make_root(state) != 0)
		return -1;
	return shim_register() == SQLITE_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_a_number_and_a_hash),
		cmocka_unit_test(head_files_are_best_effort),
		cmocka_unit_test(its_files_are_the_owners),
		cmocka_unit_test(what_cannot_be_opened_says_why),
		cmocka_unit_test(versions_are_from_0_to_ours),
		cmocka_unit_test(keys_that_cannot_be_used_damage_nothing),
		cmocka_unit_test(digests_are_keyed),
		cmocka_unit_test(a_process_is_left_as_it_was),
		cmocka_unit_test(what_cannot_be_read_back_is_not_appended),
		cmocka_unit_test(what_was_dropped_is_counted),
		cmocka_unit_test(another_writer_is_noticed),
		cmocka_unit_test(a_locked_database_is_busy),
		cmocka_unit_test(reading_stops_when_it_is_told_to),
		cmocka_unit_test(content_is_what_its_digest_says),
		cmocka_unit_test(rows_are_told_apart),
		cmocka_unit_test(seals_are_looked_at),
		cmocka_unit_test(heads_and_witnesses_are_compared),
		cmocka_unit_test(a_part_can_be_verified),
		cmocka_unit_test(tables_that_go_meanwhile_are_damage),
		cmocka_unit_test(the_first_record_names_the_key),
		cmocka_unit_test(an_acknowledgement_excuses_one_damage),
		cmocka_unit_test(an_acknowledgement_excuses_older_seals),
		cmocka_unit_test(an_acknowledgement_excuses_the_heads_seen),
		cmocka_unit_test(a_broken_file_is_kept_aside),
		cmocka_unit_test(the_witness_is_asked_again),
		cmocka_unit_test(what_matters_is_not_pruned),
		cmocka_unit_test(only_what_pruning_took_may_be_missing),
		cmocka_unit_test(descriptor_zero_is_a_descriptor),
	};

	return cmocka_run_group_tests(tests, begin, remove_root);
}
