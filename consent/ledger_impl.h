/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the ledger; nobody else includes it. */
#ifndef HITHER_CONSENT_LEDGER_IMPL_H
#define HITHER_CONSENT_LEDGER_IMPL_H

#include <limits.h>
#include <sqlite3.h>

#include "consent/ledger.h"

#define LEDGER_QUEUE_MAX 256
#define LEDGER_HEADS_MAX 8

/* A record that waits for the next commit: its fields are already in canonical form. */
struct queued {
	struct queued *next;
	enum record_kind kind;
	int64_t time_ms;
	uint64_t boot_ms;
	char id[TEXT_ULID_BYTES], ref[TEXT_ULID_BYTES];
	size_t len;
	char fields[];
};

struct ledger {
	enum ledger_mode mode;
	char dir[PATH_MAX - 64]; /* STATE/ledger */
	sqlite3 *db;
	sqlite3_stmt *begin, *commit, *rollback, *last, *insert, *seal, *unseal;
	struct ledger_head head;
	int64_t newest_ms; /* time of that record; INT64_MIN: empty */
	struct crypto_key
		*key; /* private in write mode, public otherwise; may be NULL in read mode */
	char key_id[CRYPTO_KEY_ID_BYTES];
	uint8_t secret[32];
	char machine[64]; /* machine-id, or "-" */
	int lock_fd, head_fd[2];
	struct queued *first, **last_queued;
	unsigned queued, dropped;
	char why[160]; /* the last write that failed, in SQLite's words */
};

/* The lock may be left out for a short visit beside the daemon. */
enum err ledger_open_as(const char *state_dir, enum ledger_mode mode, bool locked,
			struct ledger **ret, struct ledger_problem *reterr);
enum err ledger_keys_load(struct ledger *l, struct ledger_problem *reterr);
void ledger_seal_text(const struct ledger_head *h, int64_t time_ms, struct buf *out);
void ledger_hash(const struct crypto_sha256 *prev, struct span body, struct buf *scratch,
		 struct crypto_sha256 *ret);
enum err ledger_load_head(struct ledger *l);
/* The first column of the row of `sql` for ?1 = seq; ERR_NOT_FOUND when it holds no hash. */
#define LEDGER_HASH_OF_RECORD "SELECT hash FROM records WHERE seq = ?1"
enum err ledger_stored_hash(struct ledger *l, const char *sql, uint64_t seq,
			    struct crypto_sha256 *ret);
void ledger_store_heads(struct ledger *l);
/* Runs `s` to its end, decoding each row's body; finalizes it. *ret_rows may be NULL. */
enum err ledger_deliver(sqlite3_stmt *s, ledger_fn *fn, void *ctx, unsigned *ret_rows);
/* Heads remembered in files beside the ledger. */
unsigned ledger_head_files(const struct ledger *l, struct ledger_witness out[LEDGER_HEADS_MAX]);
enum err ledger_err(int sqlite_code);
void ledger_problem_set(struct ledger_problem *p, const char *next, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
