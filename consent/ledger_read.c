/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records back: by number, by id, by what they refer to, by time. */
#include <string.h>

#include "common/clock.h"
#include "consent/ledger_impl.h"

#define ROW_COLUMNS "SELECT body FROM records "

enum err ledger_deliver(sqlite3_stmt *s, ledger_fn *fn, void *ctx, unsigned *ret_rows)
{
	struct arena *a = arena_new("ledger row", 256 * 1024);
	enum err e = a != NULL ? ERR_OK : ERR_NO_MEMORY;
	unsigned rows = 0;
	int rc = SQLITE_DONE;

	while (e == ERR_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct span body = { (const char *)sqlite3_column_text(s, 0),
				     (size_t)sqlite3_column_bytes(s, 0) };
		struct record r;

		arena_reset(a);
		e = record_read(body, a, &r);
		if (e == ERR_SYNTAX)
			e = ERR_CORRUPT;
		rows++;
		if (e == ERR_OK && !fn(ctx, &r, body)) {
			rc = SQLITE_DONE;
			break;
		}
	}
	if (e == ERR_OK)
		e = ledger_err(rc);
	sqlite3_finalize(s);
	arena_free(a);
	if (ret_rows != NULL)
		*ret_rows = rows;
	return e;
}

enum err ledger_each(struct ledger *l, uint64_t from, uint64_t to, ledger_fn *fn, void *ctx)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(
		l->db, ROW_COLUMNS "WHERE seq >= ?1 AND (?2 = 0 OR seq <= ?2) ORDER BY seq", -1,
		&s, NULL);

	if (rc != SQLITE_OK)
		return ledger_err(rc);
	sqlite3_bind_int64(s, 1, (sqlite3_int64)from);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)to);
	return ledger_deliver(s, fn, ctx, NULL);
}

enum err ledger_since(struct ledger *l, int64_t time_ms, ledger_fn *fn, void *ctx)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(
		l->db,
		ROW_COLUMNS
		"WHERE seq >= (SELECT min(seq) FROM records WHERE time_ms >= ?1) ORDER BY seq",
		-1, &s, NULL);

	if (rc != SQLITE_OK)
		return ledger_err(rc);
	sqlite3_bind_int64(s, 1, time_ms);
	return ledger_deliver(s, fn, ctx, NULL);
}

enum err ledger_tail(struct ledger *l, unsigned n, ledger_fn *fn, void *ctx)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(
		l->db,
		"SELECT body FROM (SELECT seq, body FROM records ORDER BY seq DESC LIMIT ?1)"
		" ORDER BY seq",
		-1, &s, NULL);

	if (rc != SQLITE_OK)
		return ledger_err(rc);
	sqlite3_bind_int64(s, 1, n);
	return ledger_deliver(s, fn, ctx, NULL);
}

static enum err by_text(struct ledger *l, const char *sql, const char *text, ledger_fn *fn,
			void *ctx, unsigned *ret_rows)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(l->db, sql, -1, &s, NULL);

	if (rc != SQLITE_OK)
		return ledger_err(rc);
	sqlite3_bind_text(s, 1, text, -1, SQLITE_STATIC);
	return ledger_deliver(s, fn, ctx, ret_rows);
}

enum err ledger_find(struct ledger *l, const char *id, ledger_fn *fn, void *ctx)
{
	unsigned rows = 0;
	enum err e = by_text(l, ROW_COLUMNS "WHERE id = ?1", id, fn, ctx, &rows);

	return e == ERR_OK && rows == 0 ? ERR_NOT_FOUND : e;
}

enum err ledger_refs(struct ledger *l, const char *id, ledger_fn *fn, void *ctx)
{
	return by_text(l, ROW_COLUMNS "WHERE ref = ?1 AND ref <> '' ORDER BY seq", id, fn, ctx,
		       NULL);
}

enum err ledger_keep_content(struct ledger *l, const char *digest, struct span content)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(l->db, "INSERT OR IGNORE INTO contents VALUES(?1, ?2, ?3)",
				    -1, &s, NULL);

	if (rc != SQLITE_OK)
		return ledger_err(rc);
	sqlite3_bind_text(s, 1, digest, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, clock_wall_ms());
	sqlite3_bind_blob64(s, 3, content.ptr, content.len, SQLITE_STATIC);
	rc = sqlite3_step(s);
	sqlite3_finalize(s);
	return ledger_err(rc);
}

enum err ledger_content(struct ledger *l, const char *digest, struct buf *out)
{
	sqlite3_stmt *s = NULL;
	struct crypto_sha256 is;
	char text[80] = "sha256:";
	int rc = sqlite3_prepare_v2(l->db, "SELECT bytes FROM contents WHERE digest = ?1", -1,
				    &s, NULL);
	enum err e = ledger_err(rc);

	if (e != ERR_OK)
		return e;
	sqlite3_bind_text(s, 1, digest, -1, SQLITE_STATIC);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		struct span content = { sqlite3_column_blob(s, 0),
					(size_t)sqlite3_column_bytes(s, 0) };

		crypto_sha256(content, &is);
		crypto_sha256_hex(&is, text + 7);
		e = strcmp(text, digest) == 0 ? ERR_OK : ERR_MISMATCH;
		if (e == ERR_OK)
			buf_add(out, content);
	} else {
		e = rc == SQLITE_DONE ? ERR_NOT_FOUND : ledger_err(rc);
	}
	sqlite3_finalize(s);
	return e == ERR_OK && out->failed ? ERR_TOO_BIG : e;
}

enum err ledger_stored_hash(struct ledger *l, const char *sql, uint64_t seq,
			    struct crypto_sha256 *ret)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(l->db, sql, -1, &s, NULL);
	enum err e = ERR_OK;

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(s, 1, (sqlite3_int64)seq);
		rc = sqlite3_step(s);
	}
	if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 0) == CRYPTO_SHA256_BYTES)
		memcpy(ret->bytes, sqlite3_column_blob(s, 0), CRYPTO_SHA256_BYTES);
	else if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		e = ERR_NOT_FOUND;
	else
		e = ledger_err(rc);
	sqlite3_finalize(s);
	return e;
}

bool ledger_hash_of(struct ledger *l, uint64_t seq, struct crypto_sha256 *ret)
{
	return ledger_stored_hash(l, LEDGER_HASH_OF_RECORD, seq, ret) == ERR_OK;
}
