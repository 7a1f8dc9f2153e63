/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the ledger whole? One scan over the records, one over the seals, then the heads that
 * others remember.
 *
 *   GOOD --a row does not fit--> BAD --an `acknowledged` row that pins the damage--> GOOD
 *
 * In BAD every row is added to a digest of what is stored. An acknowledgement carries that
 * digest, so it excuses exactly the damage a person has looked at and no later one.
 *
 * What is found: an edited, deleted, swapped or inserted row (hash, number, columns against
 * the record), a cut tail (seal, head files, witnesses), another key (the first record names
 * the key), an older copy of the file (head files, witnesses). What cannot be found: somebody
 * who owns this user and the witness's as well.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "consent/ledger_impl.h"

struct verify {
	struct ledger *l;
	struct ledger_report *report;
	ledger_fn *fn;
	void *ctx;
	struct ledger_witness witness[LEDGER_HEADS_MAX * 2];
	bool witness_met[LEDGER_HEADS_MAX * 2];
	unsigned witnesses;
	struct crypto_sha256 prev; /* stored hash of the row before */
	uint64_t expect;           /* number the next row must have */
	uint64_t first;            /* number of the oldest row; 0: none */
	enum err e;                /* what kept us from looking */
	bool bad;
	uint64_t excused; /* newest acknowledgement: seals before it may be wrong */
	struct crypto_hasher *content;
	struct buf head, scratch;
	bool stopped;
};

struct row {
	struct record r;
	struct span body;
	struct span hash;
};

static void problem(struct verify *v, uint64_t seq, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void problem(struct verify *v, uint64_t seq, const char *format, ...)
{
	va_list ap;

	v->bad = true;
	if (!v->report->ok)
		return; /* the first one is named */
	v->report->ok = false;
	v->report->acknowledged = false;
	v->report->first_bad = seq;
	va_start(ap, format);
	vsnprintf(v->report->problem, sizeof v->report->problem, format, ap);
	va_end(ap);
}

/* A row or seal that could not be had. Damage is found by what is missing then; lack of memory,
 * a lock or the disk ends the check, because nothing it says could be relied on. */
static void could_not(struct verify *v, enum err e)
{
	switch (e) {
	case ERR_NO_MEMORY:
	case ERR_BUSY:
	case ERR_SYSTEM:
		v->e = e;
		break;
	default:
		break;
	}
}

/* --- rows ---------------------------------------------------------------------------- */

static void read_row(sqlite3_stmt *s, struct row *row)
{
	memset(&row->r, 0, sizeof row->r);
	row->r.seq = (uint64_t)sqlite3_column_int64(s, 0);
	row->r.time_ms = sqlite3_column_int64(s, 1);
	row->r.boot_ms = (uint64_t)sqlite3_column_int64(s, 2);
	row->r.kind = RECORD_KIND_COUNT;
	record_kind_from((struct span){ (const char *)sqlite3_column_text(s, 3),
					(size_t)sqlite3_column_bytes(s, 3) },
			 &row->r.kind);
	span_copy((struct span){ (const char *)sqlite3_column_text(s, 4),
				 (size_t)sqlite3_column_bytes(s, 4) },
		  row->r.id, sizeof row->r.id);
	span_copy((struct span){ (const char *)sqlite3_column_text(s, 5),
				 (size_t)sqlite3_column_bytes(s, 5) },
		  row->r.ref, sizeof row->r.ref);
	row->body = (struct span){ (const char *)sqlite3_column_text(s, 6),
				   (size_t)sqlite3_column_bytes(s, 6) };
	row->hash =
		(struct span){ sqlite3_column_blob(s, 7), (size_t)sqlite3_column_bytes(s, 7) };
}

/* NULL when the row follows the one before; else what is wrong with it. */
static const char *row_fault(struct verify *v, const struct row *row)
{
	struct crypto_sha256 hash;

	if (row->hash.len != CRYPTO_SHA256_BYTES)
		return "its hash has the wrong length";
	if (row->body.len > RECORD_MAX_BYTES)
		return "it is longer than any record";
	ledger_hash(&v->prev, row->body, &v->scratch, &hash);
	buf_clear(&v->head);
	record_write_head(&row->r, &v->head);
	if (v->scratch.failed || v->head.failed) {
		could_not(v, ERR_NO_MEMORY);
		return NULL;
	}
	if (memcmp(hash.bytes, row->hash.ptr, sizeof hash.bytes) != 0)
		return "its hash does not follow from its content and the record before";
	if (row->body.len < v->head.len || memcmp(row->body.ptr, v->head.ptr, v->head.len) != 0)
		return "its columns do not agree with the record";
	return NULL;
}

static void content_add(struct verify *v, const struct row *row)
{
	char number[32];
	int n = snprintf(number, sizeof number, "%" PRIu64 " ", row->r.seq);

	if (v->content == NULL) {
		v->content = crypto_hasher_begin();
		if (v->content == NULL) {
			could_not(v, ERR_NO_MEMORY);
			return;
		}
		crypto_hasher_add(v->content, (struct span){ (const char *)v->prev.bytes,
							     sizeof v->prev.bytes });
	}
	crypto_hasher_add(v->content, (struct span){ number, (size_t)n });
	crypto_hasher_add(v->content, row->body);
	crypto_hasher_add(v->content, row->hash);
}

/* Digest of the damage so far; the hasher ends. */
static void content_end(struct verify *v, struct crypto_sha256 *ret)
{
	if (v->content == NULL) {
		crypto_sha256(
			(struct span){ (const char *)v->prev.bytes, sizeof v->prev.bytes },
			ret);
		return;
	}
	crypto_hasher_end(v->content, ret);
	v->content = NULL;
}

/* Heads that were ahead of a cut ledger and that a person has seen: "SEQ HEX;SEQ HEX". */
static void excuse_heads(struct verify *v, const char *list)
{
	while (list != NULL && *list != '\0') {
		const char *end = strchrnul(list, ';');
		struct ledger_head h;
		size_t len = (size_t)(end - list);

		if (ledger_head_parse((struct span){ list, len }, &h))
			for (unsigned i = 0; i < v->witnesses; i++)
				if (v->witness[i].head.seq == h.seq &&
				    crypto_sha256_equal(&v->witness[i].head.hash, &h.hash))
					v->witness_met[i] = true;
		list = *end == ';' ? end + 1 : end;
	}
}

/* An acknowledgement whose link to the row before holds; does it pin this very damage? */
static void acknowledged(struct verify *v, const struct row *row)
{
	struct arena *a = arena_new("acknowledgement", 256 * 1024);
	struct record r;
	struct crypto_sha256 content, said;

	enum err e = a != NULL ? record_read(row->body, a, &r) : ERR_NO_MEMORY;

	if (e != ERR_OK) {
		could_not(v, e);
		arena_free(a);
		return;
	}
	if (v->bad && r.hash != NULL) {
		content_end(v, &content);
		if (text_unhex(span_of(r.hash), said.bytes, sizeof said.bytes) == ERR_OK &&
		    crypto_sha256_equal(&content, &said)) {
			v->bad = false;
			v->report->acknowledged = true;
		}
	}
	excuse_heads(v, r.outcome);
	if (!v->bad)
		v->excused = row->r.seq;
	arena_free(a);
}

static void check_row(struct verify *v, const struct row *row)
{
	const char *fault = row_fault(v, row);

	if (!v->bad && row->r.seq != v->expect)
		problem(v, v->expect, "record %" PRIu64 " is missing; the next one is %" PRIu64,
			v->expect, row->r.seq);
	else if (!v->bad && fault != NULL)
		problem(v, row->r.seq, "record %" PRIu64 ": %s", row->r.seq, fault);
	if (row->r.kind == RECORD_ACKNOWLEDGED && fault == NULL)
		acknowledged(v, row);
	if (v->bad)
		content_add(v, row);
	else if (v->fn != NULL && !v->stopped)
		v->stopped = !v->fn(v->ctx, &row->r, row->body);
	for (unsigned i = 0; i < v->witnesses; i++)
		if (v->witness[i].head.seq == row->r.seq &&
		    row->hash.len == CRYPTO_SHA256_BYTES &&
		    memcmp(v->witness[i].head.hash.bytes, row->hash.ptr, CRYPTO_SHA256_BYTES) ==
			    0)
			v->witness_met[i] = true;
	if (row->hash.len == CRYPTO_SHA256_BYTES)
		memcpy(v->prev.bytes, row->hash.ptr, CRYPTO_SHA256_BYTES);
	v->expect = row->r.seq + 1;
	v->report->records++;
	v->report->last_seq = row->r.seq;
}

static void check_rows(struct verify *v, uint64_t from, uint64_t to)
{
	sqlite3_stmt *s = NULL;
	struct row row;
	int rc = sqlite3_prepare_v2(
		v->l->db,
		"SELECT seq, time_ms, boot_ms, kind, id, ref, body, hash FROM records"
		" WHERE seq >= ?1 AND (?2 = 0 OR seq <= ?2) ORDER BY seq",
		-1, &s, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(s, 1, (sqlite3_int64)from);
		sqlite3_bind_int64(s, 2, (sqlite3_int64)to);
		while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
			read_row(s, &row);
			check_row(v, &row);
		}
	}
	sqlite3_finalize(s);
	if (ledger_err(rc) == ERR_CORRUPT) {
		problem(v, v->expect, "the database is damaged after record %" PRIu64 ": %s",
			v->report->last_seq, sqlite3_errmsg(v->l->db));
		v->report->unreadable = true;
	}
	could_not(v, ledger_err(rc));
}

/* --- where the chain begins ---------------------------------------------------------- */

/* Removed records at the start are fine when a `pruned` record says so. */
struct pruned {
	uint64_t upto;
};

static bool see_pruned(void *ctx, const struct record *r, struct span body)
{
	struct pruned *p = ctx;

	(void)body;
	if (r->kind == RECORD_PRUNED)
		p->upto = (uint64_t)r->upto;
	return true;
}

/* The hash that a row must follow from; false when nothing has it. */
static bool start_after(struct verify *v, const char *sql, uint64_t seq)
{
	enum err e = ledger_stored_hash(v->l, sql, seq, &v->prev);

	could_not(v, e);
	return e == ERR_OK;
}

static enum err find_first(struct verify *v)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(v->l->db, "SELECT min(seq) FROM records", -1, &s, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
		v->first = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return ledger_err(rc);
}

static void find_start(struct verify *v, uint64_t from)
{
	struct pruned p = { 0 };
	sqlite3_stmt *s = NULL;
	int rc;

	v->expect = 1;
	could_not(v, find_first(v));
	if (from > v->first) {
		v->expect = from;
		if (!start_after(v, LEDGER_HASH_OF_RECORD, from - 1))
			problem(v, from - 1, "record %" PRIu64 " is missing", from - 1);
		return;
	}
	if (v->first <= 1)
		return;
	rc = sqlite3_prepare_v2(v->l->db, "SELECT body FROM records WHERE kind = 'pruned'", -1,
				&s, NULL);
	could_not(v,
		  rc == SQLITE_OK ? ledger_deliver(s, see_pruned, &p, NULL) : ledger_err(rc));
	if (p.upto == v->first - 1 &&
	    start_after(v, "SELECT hash FROM seals WHERE seq = ?1", p.upto))
		v->expect = v->first;
}

/* --- seals and heads ----------------------------------------------------------------- */

static const char *seal_fault(struct verify *v, sqlite3_stmt *s)
{
	struct ledger_head h = { .seq = (uint64_t)sqlite3_column_int64(s, 0) };
	struct crypto_sha256 stored;
	struct span signature = { sqlite3_column_blob(s, 4),
				  (size_t)sqlite3_column_bytes(s, 4) };
	struct span key_id = { (const char *)sqlite3_column_text(s, 3),
			       (size_t)sqlite3_column_bytes(s, 3) };
	enum err e;

	if (sqlite3_column_bytes(s, 2) != CRYPTO_SHA256_BYTES)
		return "has a hash of the wrong length";
	memcpy(h.hash.bytes, sqlite3_column_blob(s, 2), CRYPTO_SHA256_BYTES);
	if (!span_is(key_id, v->l->key_id))
		return "was made with another key";
	buf_clear(&v->scratch);
	ledger_seal_text(&h, sqlite3_column_int64(s, 1), &v->scratch);
	if (v->scratch.failed) {
		could_not(v, ERR_NO_MEMORY);
		return NULL;
	}
	e = crypto_verify(v->l->key, buf_span(&v->scratch), signature);
	could_not(v, e);
	if (e != ERR_OK)
		return "carries a signature that is not valid";
	if (h.seq == v->first - 1) /* where the chain begins: its record was pruned */
		return NULL;
	e = ledger_stored_hash(v->l, LEDGER_HASH_OF_RECORD, h.seq, &stored);
	could_not(v, e);
	if (e != ERR_OK)
		return "belongs to a record that is missing";
	return crypto_sha256_equal(&stored, &h.hash) ? NULL : "does not match the record";
}

static void check_seals(struct verify *v, uint64_t from, uint64_t to)
{
	sqlite3_stmt *s = NULL;
	uint64_t last_seal = 0;
	int rc;

	if (v->l->key == NULL) {
		if (v->report->records > 0)
			problem(v, v->report->last_seq,
				"the public key that seals the ledger is missing");
		return;
	}
	rc = sqlite3_prepare_v2(v->l->db,
				"SELECT seq, time_ms, hash, key_id, signature FROM seals"
				" WHERE seq >= ?1 AND (?2 = 0 OR seq <= ?2) ORDER BY seq",
				-1, &s, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(s, 1, (sqlite3_int64)from);
		sqlite3_bind_int64(s, 2, (sqlite3_int64)to);
	}
	while ((rc == SQLITE_OK || rc == SQLITE_ROW) && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		const char *fault = seal_fault(v, s);

		last_seal = (uint64_t)sqlite3_column_int64(s, 0);
		if (fault != NULL && last_seal >= v->excused)
			problem(v, last_seal, "the seal over record %" PRIu64 " %s", last_seal,
				fault);
	}
	sqlite3_finalize(s);
	could_not(v, ledger_err(rc));
	if (ledger_err(rc) == ERR_CORRUPT)
		problem(v, v->report->last_seq, "the seals cannot be read");
	if (to == 0 && last_seal != v->report->last_seq)
		problem(v,
			(last_seal < v->report->last_seq ? last_seal : v->report->last_seq) + 1,
			"the newest seal is over record %" PRIu64
			", the newest record is %" PRIu64,
			last_seal, v->report->last_seq);
}

static void check_heads(struct verify *v)
{
	for (unsigned i = 0; i < v->witnesses; i++) {
		const struct ledger_witness *w = &v->witness[i];

		if (v->witness_met[i] || w->head.seq == 0)
			continue;
		if (w->head.seq < v->first)
			continue; /* pruned since */
		if (w->head.seq > v->report->last_seq)
			problem(v, v->report->last_seq + 1,
				"records are missing at the end: %s has seen record %" PRIu64
				", the newest here is %" PRIu64,
				w->who, w->head.seq, v->report->last_seq);
		else
			problem(v, w->head.seq,
				"record %" PRIu64 " is not the one that %s has seen",
				w->head.seq, w->who);
	}
}

static bool see_first(void *ctx, const struct record *r, struct span body)
{
	struct verify *v = ctx;

	(void)body;
	if (r->kind == RECORD_START && r->key_id != NULL &&
	    strcmp(r->key_id, v->l->key_id) != 0)
		problem(v, r->seq,
			"the ledger began with another key (%s) than the one here (%s)",
			r->key_id, v->l->key_id);
	return false;
}

static void check_key_of_first(struct verify *v)
{
	enum err e = ledger_each(v->l, 0, 1, see_first, v);

	could_not(v, e);
	if (e != ERR_OK)
		problem(v, 1, "the first record cannot be read");
}

enum err ledger_verify(struct ledger *l, uint64_t from, uint64_t to,
		       const struct ledger_witness *witnesses, unsigned n,
		       struct ledger_report *ret, ledger_fn *fn, void *ctx)
{
	struct verify v = { .l = l, .report = ret, .fn = fn, .ctx = ctx };

	*ret = (struct ledger_report){ .ok = true };
	buf_init(&v.head, 1024);
	buf_init(&v.scratch, RECORD_MAX_BYTES * 4);
	v.witnesses = ledger_head_files(l, v.witness);
	for (unsigned i = 0; i < n && i < LEDGER_HEADS_MAX; i++)
		v.witness[v.witnesses++] = witnesses[i];
	/* One snapshot for all the scans: the daemon may be writing. */
	could_not(&v, ledger_err(sqlite3_exec(l->db, "BEGIN", NULL, NULL, NULL)));
	find_start(&v, from);
	check_rows(&v, from, to);
	if (!v.bad) {
		check_seals(&v, from, to);
		if (to == 0)
			check_heads(&v);
		if (from <= 1 && v.excused == 0)
			check_key_of_first(&v);
	}
	sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL);
	if (v.bad)
		ret->acknowledged = false;
	content_end(&v, &ret->content);
	buf_free(&v.head);
	buf_free(&v.scratch);
	if (v.e == ERR_OK && l->mode == LEDGER_WRITE)
		v.e = ledger_load_head(l);
	return v.e;
}
