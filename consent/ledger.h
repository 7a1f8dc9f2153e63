/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: an append-only, hash-chained list of records (record.h) in one SQLite file, and
 * the only state consent has. Permissions, remembered refusals, budgets and highest policy
 * serials are read back from it, so that nothing that widens lies outside the chain.
 *
 *   STATE/ledger/ledger.db   records, seals, kept texts (none by default); each commit synced
 *   STATE/ledger/key.pem     P-256 key that seals, 0600, made at first start
 *   STATE/ledger/key.pub     its public half, for auditors
 *   STATE/ledger/secret      32 bytes that key the digests of persons, 0600
 *   STATE/ledger/head        newest head, as "SEQ HEX\n"
 *   STATE/ledger.head        the same beside the folder
 *   STATE/witness/head       the head another role has seen, same form
 *
 * Every commit is sealed: an ECDSA signature over its head replaces the seal before it, and
 * one seal in LEDGER_SEAL_EVERY records stays for good. Used by consent (writes) and by the
 * command line (reads, verifies, acknowledges). No libuv, no globals.
 */
#ifndef HITHER_CONSENT_LEDGER_H
#define HITHER_CONSENT_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "consent/record.h"
#include "crypto/crypto.h"

#define LEDGER_SEAL_EVERY    1024
#define LEDGER_CLOCK_BACK_MS INT64_C(86400000)

struct ledger;
enum ledger_mode { LEDGER_READ, LEDGER_WRITE };

struct ledger_head {
	uint64_t seq;              /* 0: empty */
	struct crypto_sha256 hash; /* zero when empty */
};

struct ledger_problem {
	char text[256]; /* English, one sentence */
	char next[160]; /* what to do */
};

/*
 * crypto_init() must have succeeded. LEDGER_WRITE makes what is missing (folder 0700, files
 * 0600) and takes a lock that one process can hold; it does not verify.
 * Errors, with *reterr (may be NULL) filled: ERR_NOT_FOUND (read: there is no ledger yet),
 * ERR_BUSY (another process writes), ERR_UNSUPPORTED (made by a newer version), ERR_CORRUPT
 * (not a database any more), ERR_DENIED (key readable by others), ERR_SYSTEM, ERR_NO_MEMORY.
 */
MUST_CHECK enum err ledger_open(const char *state_dir, enum ledger_mode mode,
				struct ledger **ret, struct ledger_problem *reterr);
void ledger_close(struct ledger *l); /* writes what is queued; NULL is fine */

struct ledger_head ledger_head(const struct ledger *l);
const char *ledger_key_id(const struct ledger *l);
/* Keyed digest of a user on this machine, hex; `out` holds CRYPTO_SHA256_HEX_BYTES. Write mode.
 */
void ledger_subject(const struct ledger *l, uint32_t uid, char *out);
/* Puts a keyed digest in place of `name` (a digest in hex of something short enough to be
 * guessed), so that a ledger that was copied tells nobody whether a guess was right. An empty
 * one stays. Write mode. */
void ledger_key_name(const struct ledger *l, char name[CRYPTO_SHA256_HEX_BYTES]);
/* As "hmac-sha256:HEX": proves the bytes to who has the secret, tells nobody else. Write mode.
 */
void ledger_keyed_digest(const struct ledger *l, const struct crypto_sha256 *digest,
			 struct buf *out);

/*
 * Appends `n` records, and before them what is queued, in one transaction; durable on return.
 * Sets seq, id and times in the records. On error nothing was appended and the ledger is as
 * before: ERR_SYSTEM (disk full, not writable), ERR_CORRUPT (somebody else wrote; verify
 * again), ERR_TOO_BIG (one record), ERR_NO_MEMORY. The queue is kept.
 *
 * With a clock that is more than LEDGER_CLOCK_BACK_MS before the newest record nothing but an
 * acknowledgement is appended (ERR_SYSTEM): dates of policies mean nothing then, and a record
 * with the wrong time would hide that.
 */
MUST_CHECK enum err ledger_append(struct ledger *l, struct record *records, unsigned n);
/* Copies the record for the next commit: for what need not be durable at once. Over 256 waiting
 * ones are counted and dropped (the count goes on record). */
void ledger_queue(struct ledger *l, const struct record *r);
unsigned ledger_queued(const struct ledger *l);
bool ledger_clock_behind(const struct ledger *l);
/* Why the last write failed, for people; "" when none did. */
const char *ledger_why(const struct ledger *l);
MUST_CHECK enum err ledger_flush(struct ledger *l);

/*
 * Keeps the text itself beside the chain, under its digest ("sha256:HEX", which the chain
 * holds): only where policy's ledger.content is `full`. Durable on return. Goes with prune.
 */
MUST_CHECK enum err ledger_keep_content(struct ledger *l, const char *digest,
					struct span content);
/* ERR_NOT_FOUND when it was not kept; ERR_MISMATCH when it is not what the digest says. */
MUST_CHECK enum err ledger_content(struct ledger *l, const char *digest, struct buf *out);

/* Return false to stop. `r` and its strings live during the call only. */
typedef bool ledger_fn(void *ctx, const struct record *r, struct span body);

/* Records from..to (inclusive; to 0: the end), oldest first. */
MUST_CHECK enum err ledger_each(struct ledger *l, uint64_t from, uint64_t to, ledger_fn *fn,
				void *ctx);
/* The first record at or after this time and all behind it; none is no error. */
MUST_CHECK enum err ledger_since(struct ledger *l, int64_t time_ms, ledger_fn *fn, void *ctx);
/* The last `n`, oldest first. */
MUST_CHECK enum err ledger_tail(struct ledger *l, unsigned n, ledger_fn *fn, void *ctx);
/* The record with this id (ERR_NOT_FOUND); those that refer to it. */
MUST_CHECK enum err ledger_find(struct ledger *l, const char *id, ledger_fn *fn, void *ctx);
MUST_CHECK enum err ledger_refs(struct ledger *l, const char *id, ledger_fn *fn, void *ctx);
/* The stored hash of one record; false when there is none. */
bool ledger_hash_of(struct ledger *l, uint64_t seq, struct crypto_sha256 *ret);

struct ledger_report {
	bool ok;
	uint64_t records;             /* looked at */
	uint64_t first_bad;           /* 0: none; the first missing number for a cut tail */
	bool acknowledged;            /* a person has acknowledged exactly this damage */
	bool unreadable;              /* not even the rows can be had: the file is broken */
	char problem[256];            /* empty when ok */
	uint64_t last_seq;            /* newest record found */
	struct crypto_sha256 content; /* of everything from first_bad on, as stored */
};

/* A head somebody else remembers; who is for people: "the cloud role". */
struct ledger_witness {
	const char *who;
	struct ledger_head head;
};

/*
 * Checks the chain, that columns agree with records, every seal in the range, and the head
 * against the head files beside the ledger and `witnesses`. from 0: the start; to 0: the end
 * (heads are compared only then). One scan. `fn` (may be NULL) sees every record of a good
 * chain as a raw row: kind, id, ref, seq and body are set, fields are not decoded.
 * ERR_OK when it could be read (look at ret->ok); ERR_SYSTEM, ERR_BUSY, ERR_NO_MEMORY: nothing
 * was found out.
 */
MUST_CHECK enum err ledger_verify(struct ledger *l, uint64_t from, uint64_t to,
				  const struct ledger_witness *witnesses, unsigned n,
				  struct ledger_report *ret, ledger_fn *fn, void *ctx);

/*
 * A person has seen `report` and goes on: appends a record that pins the damage, so that any
 * further change shows again. A file that is no database any more is moved aside and a new
 * ledger begun. Works beside a running daemon, which notices at the next question.
 * The same for a clock that is behind: the record then says that its time is the right one.
 * ERR_EXISTS when there is nothing to acknowledge.
 */
MUST_CHECK enum err ledger_acknowledge(const char *state_dir, struct ledger_report *ret,
				       struct ledger_problem *reterr);

/*
 * Removes records older than `before_ms`, as far as a kept seal reaches; appends a `pruned`
 * record. Records that still matter (open sends, permissions in force, the last 40 days) stay.
 * The chain then starts at the seal. *ret_removed: how many. Errors as ledger_append().
 */
MUST_CHECK enum err ledger_prune(struct ledger *l, int64_t before_ms, uint64_t *ret_removed);

/* "SEQ HEX\n", the form of the head files. False when it is anything else. */
bool ledger_head_parse(struct span text, struct ledger_head *ret);

#endif
