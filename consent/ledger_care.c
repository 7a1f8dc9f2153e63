/* SPDX-License-Identifier: Apache-2.0 */
/* What a person does to a ledger: acknowledge damage, prune what is old. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/file.h"
#include "common/text.h"
#include "consent/ledger_impl.h"

#define DAY_MS          86400000LL
#define PRUNE_KEEP_DAYS 40 /* longer than any calendar window of a budget */

/* --- acknowledge --------------------------------------------------------------------- */

/* The heads that are remembered now, "SEQ HEX;SEQ HEX": what the person has seen to disagree.
 */
static void list_heads(struct ledger *l, struct buf *out)
{
	struct ledger_witness w[LEDGER_HEADS_MAX];
	unsigned n = ledger_head_files(l, w);

	for (unsigned i = 0; i < n; i++) {
		char hex[CRYPTO_SHA256_HEX_BYTES];

		crypto_sha256_hex(&w[i].head.hash, hex);
		buf_printf(out, "%s%" PRIu64 " %s", i > 0 ? ";" : "", w[i].head.seq, hex);
	}
}

static enum err write_acknowledgement(struct ledger *l, const struct ledger_report *report)
{
	struct record r;
	struct buf heads;
	char hex[CRYPTO_SHA256_HEX_BYTES];
	enum err e;

	/* Seals of records that are gone would stand in the way of the new ones. */
	sqlite3_exec(
		l->db,
		"DELETE FROM seals WHERE seq > (SELECT coalesce(max(seq), 0) FROM records)",
		NULL, NULL, NULL);
	buf_init(&heads, 2048);
	list_heads(l, &heads);
	crypto_sha256_hex(&report->content, hex);
	record_init(&r, RECORD_ACKNOWLEDGED);
	r.uid = (int64_t)getuid();
	r.upto = (int64_t)report->first_bad;
	r.hash = hex;
	r.outcome = buf_cstr(&heads);
	r.detail = report->problem;
	e = ledger_append(l, &r, 1);
	buf_free(&heads);
	return e;
}

/* The file is no database: keep it for whoever wants to look, begin anew. */
static enum err move_aside(const char *state_dir, struct ledger_report *report)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char from[PATH_MAX], to[PATH_MAX];
	int64_t now_ms = clock_wall_ms();

	for (size_t i = 0; i < LEN(ends); i++) {
		snprintf(from, sizeof from, "%s/ledger/ledger.db%s", state_dir, ends[i]);
		snprintf(to, sizeof to, "%s/ledger/damaged-%" PRId64 ".db%s", state_dir, now_ms,
			 ends[i]);
		if ((fault_here() ? (errno = EIO, -1) : rename(from, to)) != 0 &&
		    errno != ENOENT)
			return ERR_SYSTEM;
	}
	*report = (struct ledger_report){ .first_bad = 1 };
	snprintf(report->problem, sizeof report->problem,
		 "the file was no database any more; it is kept as damaged-%" PRId64 ".db",
		 now_ms);
	crypto_sha256((struct span){ (const char[32]){ 0 }, 32 }, &report->content);
	return ERR_OK;
}

static enum err begin_anew(const char *state_dir, struct ledger_report *report,
			   struct ledger **ret, struct ledger_problem *reterr)
{
	enum err e = move_aside(state_dir, report);

	if (e == ERR_OK)
		e = ledger_open_as(state_dir, LEDGER_WRITE, false, ret, reterr);
	return e;
}

enum err ledger_acknowledge(const char *state_dir, struct ledger_report *ret,
			    struct ledger_problem *reterr)
{
	struct ledger *l = NULL;
	struct ledger_problem ignored;
	bool readable = true;
	enum err e;

	if (reterr == NULL)
		reterr = &ignored;
	*reterr = (struct ledger_problem){ 0 };
	e = ledger_open_as(state_dir, LEDGER_WRITE, false, &l, reterr);
	if (e == ERR_CORRUPT) {
		e = begin_anew(state_dir, ret, &l, reterr);
	} else if (e == ERR_OK) {
		e = ledger_verify(l, 0, 0, NULL, 0, ret, NULL, NULL);
		if (e == ERR_OK && (ret->ok || ret->acknowledged)) {
			if (!ledger_clock_behind(l)) {
				ledger_close(l);
				return ERR_EXISTS;
			}
			snprintf(ret->problem, sizeof ret->problem,
				 "the clock was more than a day behind the newest record");
		}
		readable = !ret->unreadable;
	}
	if (e == ERR_OK && !readable) {
		ledger_close(l);
		l = NULL;
		e = begin_anew(state_dir, ret, &l, reterr);
	}
	if (e == ERR_OK)
		e = write_acknowledgement(l, ret);
	if (e == ERR_OK) {
		char path[PATH_MAX];

		/* The witness takes a lower head only when its file is gone. */
		snprintf(path, sizeof path, "%s/witness/head", state_dir);
		(void)unlink(path);
	}
	if (e != ERR_OK && text_empty(reterr->text))
		ledger_problem_set(reterr,
				   "check free space, owner and mode of the state folder",
				   "the acknowledgement could not be written: %s", err_text(e));
	ledger_close(l);
	return e;
}

/* --- prune --------------------------------------------------------------------------- */

struct keep {
	int64_t now_ms;
	uint64_t first; /* oldest record that must stay */
};

/* Permissions and remembered refusals in force, whatever their age. */
static bool see_live(void *ctx, const struct record *r, struct span body)
{
	struct keep *k = ctx;

	(void)body;
	if (r->until_ms > k->now_ms && r->seq < k->first)
		k->first = r->seq;
	return true;
}

static enum err oldest_live(struct ledger *l, struct keep *k)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(
		l->db, "SELECT body FROM records WHERE kind IN ('approved', 'refused')", -1, &s,
		NULL);

	return rc == SQLITE_OK ? ledger_deliver(s, see_live, k, NULL) : ledger_err(rc);
}

/* What to remove: the records from *ret_first to *ret_upto, which a kept seal covers; 0: none.
 */
static enum err find_range(struct ledger *l, const struct keep *k, int64_t before_ms,
			   uint64_t *ret_first, uint64_t *ret_upto)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(
		l->db,
		"SELECT (SELECT min(seq) FROM records), max(s.seq) FROM seals s"
		" JOIN records r ON r.seq = s.seq WHERE s.seq < ?1 AND r.time_ms < ?2",
		-1, &s, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(s, 1, (sqlite3_int64)k->first);
		sqlite3_bind_int64(s, 2, before_ms);
		rc = sqlite3_step(s);
		*ret_first = (uint64_t)sqlite3_column_int64(s, 0);
		*ret_upto = (uint64_t)sqlite3_column_int64(s, 1);
	}
	sqlite3_finalize(s);
	return ledger_err(rc);
}

static enum err remove_upto(struct ledger *l, uint64_t upto)
{
	char sql[400];
	int rc;

	snprintf(sql, sizeof sql,
		 "BEGIN IMMEDIATE;"
		 "DELETE FROM contents WHERE time_ms <="
		 " (SELECT time_ms FROM records WHERE seq = %" PRIu64 ");"
		 "DELETE FROM records WHERE seq <= %" PRIu64 ";"
		 "DELETE FROM seals WHERE seq < %" PRIu64 "; COMMIT;",
		 upto, upto, upto);
	rc = sqlite3_exec(l->db, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return ledger_err(rc);
}

enum err ledger_prune(struct ledger *l, int64_t before_ms, uint64_t *ret_removed)
{
	struct keep keep = { clock_wall_ms(), l->head.seq };
	int64_t newest_ms = keep.now_ms - PRUNE_KEEP_DAYS * DAY_MS;
	struct record r;
	uint64_t upto = 0, first = 0;
	char hex[CRYPTO_SHA256_HEX_BYTES];
	enum err e = oldest_live(l, &keep);

	*ret_removed = 0;
	if (e == ERR_OK)
		e = find_range(l, &keep, before_ms < newest_ms ? before_ms : newest_ms, &first,
			       &upto);
	if (e != ERR_OK || upto == 0)
		return e;
	crypto_sha256_hex(&l->head.hash, hex);
	record_init(&r, RECORD_PRUNED);
	r.upto = (int64_t)upto;
	r.count = (int64_t)(upto - first + 1);
	r.hash = hex; /* head of the chain when it was still whole */
	e = ledger_append(l, &r, 1);
	if (e == ERR_OK)
		e = remove_upto(l, upto);
	if (e == ERR_OK)
		*ret_removed = upto - first + 1;
	return e;
}
