/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending to the ledger.
 *
 *   BEGIN IMMEDIATE -> is the stored head still ours? -> queued records -> new records
 *   -> one seal over the new head -> COMMIT (WAL, synced: on disk) -> head files
 *
 * Invariants
 *   1. The head in memory moves only after COMMIT succeeded.
 *   2. Head files are written after COMMIT: they are never ahead of the database, so a
 *      database that is behind one of them has lost records.
 *   3. Nothing is ever updated or deleted but the seal before the newest (and by prune).
 *   4. What cannot be read back never enters the chain.
 *   5. Time goes back by a day at most, unless a person acknowledges it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/json.h"
#include "common/text.h"
#include "consent/ledger_impl.h"

void ledger_hash(const struct crypto_sha256 *prev, struct span body, struct buf *scratch,
		 struct crypto_sha256 *ret)
{
	buf_clear(scratch);
	buf_add(scratch, (struct span){ (const char *)prev->bytes, sizeof prev->bytes });
	buf_add(scratch, body);
	crypto_sha256(buf_span(scratch), ret);
}

void ledger_seal_text(const struct ledger_head *h, int64_t time_ms, struct buf *out)
{
	char hex[CRYPTO_SHA256_HEX_BYTES];

	crypto_sha256_hex(&h->hash, hex);
	buf_printf(out, "hither ledger seal/1\n%" PRIu64 "\n%s\n%" PRId64 "\n", h->seq, hex,
		   time_ms);
}

const char *ledger_why(const struct ledger *l)
{
	return l->why;
}

static enum err run(struct ledger *l, sqlite3_stmt *s)
{
	int rc = fault_here() ? SQLITE_IOERR : sqlite3_step(s);

	if (ledger_err(rc) != ERR_OK)
		snprintf(l->why, sizeof l->why, "%s", sqlite3_errmsg(l->db));
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return ledger_err(rc);
}

static void complete(struct record *r, uint64_t seq)
{
	r->seq = seq;
	if (r->time_ms == 0)
		r->time_ms = clock_wall_ms();
	if (r->boot_ms == 0)
		r->boot_ms = clock_boot_ms();
	if (text_empty(r->id))
		text_ulid(r->id);
}

/* One row on top of *head, which moves. `body` is scratch. */
static enum err insert(struct ledger *l, const struct record *r, struct span fields,
		       struct buf *body, struct buf *scratch, struct ledger_head *head)
{
	struct crypto_sha256 hash;
	struct json_where where;
	enum err e;

	buf_clear(body);
	record_write_head(r, body);
	buf_add(body, fields);
	if (body->failed)
		return ERR_TOO_BIG;
	/* What cannot be read back must never enter the chain. */
	e = json_check(buf_span(body), &json_limits_api, &where);
	if (e != ERR_OK)
		return e == ERR_NO_MEMORY ? e : ERR_TOO_BIG;
	ledger_hash(&head->hash, buf_span(body), scratch, &hash);
	if (scratch->failed)
		return ERR_NO_MEMORY;
	sqlite3_bind_int64(l->insert, 1, (sqlite3_int64)r->seq);
	sqlite3_bind_int64(l->insert, 2, r->time_ms);
	sqlite3_bind_int64(l->insert, 3, (sqlite3_int64)r->boot_ms);
	sqlite3_bind_text(l->insert, 4, record_kind_name(r->kind), -1, SQLITE_STATIC);
	sqlite3_bind_text(l->insert, 5, r->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(l->insert, 6, r->ref, -1, SQLITE_STATIC);
	sqlite3_bind_text(l->insert, 7, body->ptr, (int)body->len, SQLITE_STATIC);
	sqlite3_bind_blob(l->insert, 8, hash.bytes, sizeof hash.bytes, SQLITE_STATIC);
	e = run(l, l->insert);
	if (e == ERR_OK) {
		head->seq = r->seq;
		head->hash = hash;
		l->newest_ms = r->time_ms; /* read again before the next one */
	}
	return e;
}

/* A seal over *head; the one over the head before it goes, unless it is one to keep. */
static enum err reseal(struct ledger *l, const struct ledger_head *head, struct buf *scratch)
{
	struct buf signature;
	int64_t now_ms = clock_wall_ms();
	enum err e = ERR_OK;

	if (l->head.seq != 0 &&
	    l->head.seq / LEDGER_SEAL_EVERY == head->seq / LEDGER_SEAL_EVERY) {
		sqlite3_bind_int64(l->unseal, 1, (sqlite3_int64)l->head.seq);
		e = run(l, l->unseal);
	}
	if (e != ERR_OK)
		return e;
	buf_init(&signature, 256);
	buf_clear(scratch);
	ledger_seal_text(head, now_ms, scratch);
	e = scratch->failed ? ERR_NO_MEMORY
			    : crypto_sign(l->key, buf_span(scratch), &signature);
	if (e == ERR_OK) {
		sqlite3_bind_int64(l->seal, 1, (sqlite3_int64)head->seq);
		sqlite3_bind_int64(l->seal, 2, now_ms);
		sqlite3_bind_blob(l->seal, 3, head->hash.bytes, sizeof head->hash.bytes,
				  SQLITE_STATIC);
		sqlite3_bind_text(l->seal, 4, l->key_id, -1, SQLITE_STATIC);
		sqlite3_bind_blob(l->seal, 5, signature.ptr, (int)signature.len, SQLITE_STATIC);
		e = run(l, l->seal);
	}
	buf_free(&signature);
	return e;
}

static enum err insert_queued(struct ledger *l, struct buf *body, struct buf *scratch,
			      struct ledger_head *head)
{
	enum err e = ERR_OK;

	for (struct queued *q = l->first; e == ERR_OK && q != NULL; q = q->next) {
		struct record r = { .seq = head->seq + 1,
				    .kind = q->kind,
				    .time_ms = q->time_ms,
				    .boot_ms = q->boot_ms };

		memcpy(r.id, q->id, sizeof r.id);
		memcpy(r.ref, q->ref, sizeof r.ref);
		e = insert(l, &r, (struct span){ q->fields, q->len }, body, scratch, head);
	}
	if (e == ERR_OK && l->dropped > 0) {
		struct record r;
		struct buf fields;

		record_init(&r, RECORD_LIMITED);
		complete(&r, head->seq + 1);
		r.count = l->dropped;
		r.detail = "events that came faster than they could be recorded";
		buf_init(&fields, RECORD_MAX_BYTES);
		record_write_fields(&r, &fields);
		e = fields.failed ? ERR_NO_MEMORY
				  : insert(l, &r, buf_span(&fields), body, scratch, head);
		buf_free(&fields);
	}
	return e;
}

bool ledger_clock_behind(const struct ledger *l)
{
	return l->newest_ms != INT64_MIN &&
	       clock_wall_ms() < l->newest_ms - LEDGER_CLOCK_BACK_MS;
}

static bool only_acknowledges(const struct record *records, unsigned n)
{
	return n == 1 && records[0].kind == RECORD_ACKNOWLEDGED;
}

/* Inside the transaction. */
static enum err append_all(struct ledger *l, struct record *records, unsigned n,
			   struct ledger_head *head)
{
	struct ledger_head ours = l->head;
	struct buf body, fields, scratch;
	enum err e = ledger_load_head(l);

	*head = l->head;
	l->head = ours;
	if (e == ERR_OK &&
	    (head->seq != ours.seq || !crypto_sha256_equal(&head->hash, &ours.hash)))
		e = ERR_CORRUPT; /* somebody else wrote */
	if (e == ERR_OK && ledger_clock_behind(l) && !only_acknowledges(records, n)) {
		snprintf(l->why, sizeof l->why,
			 "the clock is more than a day behind the newest record");
		e = ERR_SYSTEM;
	}
	if (e != ERR_OK)
		return e;
	buf_init(&body, RECORD_MAX_BYTES);
	buf_init(&fields, RECORD_MAX_BYTES);
	buf_init(&scratch, RECORD_MAX_BYTES + 64);
	e = insert_queued(l, &body, &scratch, head);
	for (unsigned i = 0; e == ERR_OK && i < n; i++) {
		complete(&records[i], head->seq + 1);
		buf_clear(&fields);
		record_write_fields(&records[i], &fields);
		e = fields.failed
			    ? ERR_TOO_BIG
			    : insert(l, &records[i], buf_span(&fields), &body, &scratch, head);
	}
	if (e == ERR_OK)
		e = reseal(l, head, &scratch);
	buf_free(&body);
	buf_free(&fields);
	buf_free(&scratch);
	return e;
}

enum err ledger_append(struct ledger *l, struct record *records, unsigned n)
{
	struct ledger_head head;
	enum err e;

	if (l->mode != LEDGER_WRITE)
		return ERR_UNSUPPORTED;
	e = run(l, l->begin);
	if (e != ERR_OK)
		return e;
	e = append_all(l, records, n, &head);
	if (e == ERR_OK)
		e = run(l, l->commit);
	if (e != ERR_OK) {
		sqlite3_step(l->rollback); /* fails only when COMMIT already ended it */
		sqlite3_reset(l->rollback);
		return e;
	}
	l->head = head;
	for (struct queued *q = l->first; q != NULL;) {
		struct queued *next = q->next;

		free(q);
		q = next;
	}
	l->first = NULL;
	l->last_queued = &l->first;
	l->queued = l->dropped = 0;
	ledger_store_heads(l);
	return ERR_OK;
}

/* One record that cannot be appended would hold up all behind it. */
static bool readable(const struct buf *fields)
{
	struct json_where where;
	struct buf whole;
	bool ok;

	buf_init(&whole, RECORD_MAX_BYTES);
	buf_add_str(&whole, "{\"v\":1");
	buf_add(&whole, buf_span(fields));
	ok = !fields->failed && !whole.failed &&
	     json_check(buf_span(&whole), &json_limits_api, &where) == ERR_OK;
	buf_free(&whole);
	return ok;
}

void ledger_queue(struct ledger *l, const struct record *r)
{
	struct record copy = *r;
	struct queued *q = NULL;
	struct buf fields;

	unsigned stands_for = r->count > 0 ? (unsigned)r->count : 1;

	if (l->queued >= LEDGER_QUEUE_MAX) {
		l->dropped += stands_for;
		return;
	}
	complete(&copy, 0);
	buf_init(&fields, RECORD_MAX_BYTES - 512);
	record_write_fields(&copy, &fields);
	if (readable(&fields) && (q = malloc(sizeof *q + fields.len)) != NULL) {
		q->next = NULL;
		q->kind = copy.kind;
		q->time_ms = copy.time_ms;
		q->boot_ms = copy.boot_ms;
		memcpy(q->id, copy.id, sizeof q->id);
		memcpy(q->ref, copy.ref, sizeof q->ref);
		q->len = fields.len;
		memcpy(q->fields, fields.ptr, fields.len);
		*l->last_queued = q;
		l->last_queued = &q->next;
		l->queued++;
	} else {
		l->dropped += stands_for;
	}
	buf_free(&fields);
}

unsigned ledger_queued(const struct ledger *l)
{
	return l->queued + (l->dropped > 0 ? 1 : 0);
}

enum err ledger_flush(struct ledger *l)
{
	return ledger_queued(l) == 0 ? ERR_OK : ledger_append(l, NULL, 0);
}
