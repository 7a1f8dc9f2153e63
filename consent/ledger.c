/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the ledger, its schema, and the head files beside it. */
#include "consent/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "consent/ledger_impl.h"

/* Step i brings a file of version i to version i + 1, or leaves it as it is. */
static const char *const migrations[] = {
	"BEGIN IMMEDIATE;"
	"CREATE TABLE records(seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,"
	" boot_ms INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE,"
	" ref TEXT NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL) STRICT;"
	"CREATE INDEX records_ref ON records(ref) WHERE ref <> '';"
	"CREATE INDEX records_time ON records(time_ms);"
	"CREATE TABLE seals(seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, hash BLOB NOT "
	"NULL,"
	" key_id TEXT NOT NULL, signature BLOB NOT NULL) STRICT;"
	"PRAGMA user_version = 1; COMMIT;",
	"BEGIN IMMEDIATE;"
	"CREATE TABLE contents(digest TEXT PRIMARY KEY, time_ms INTEGER NOT NULL,"
	" bytes BLOB NOT NULL) STRICT;"
	"PRAGMA user_version = 2; COMMIT;",
};

void ledger_problem_set(struct ledger_problem *p, const char *next, const char *format, ...)
{
	va_list ap;

	if (p == NULL)
		return;
	va_start(ap, format);
	vsnprintf(p->text, sizeof p->text, format, ap);
	va_end(ap);
	snprintf(p->next, sizeof p->next, "%s", next);
}

enum err ledger_err(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return ERR_OK;
	case SQLITE_NOMEM:
		return ERR_NO_MEMORY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
	case SQLITE_ERROR: /* our statements are right, so the tables are not ours */
		return ERR_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	default:
		return ERR_SYSTEM;
	}
}

/* --- head files ---------------------------------------------------------------------- */

bool ledger_head_parse(struct span text, struct ledger_head *ret)
{
	struct ledger_head h = { 0 };
	size_t i = 0;

	for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && i < 16; i++)
		h.seq = h.seq * 10 + (uint64_t)(text.ptr[i] - '0');
	if (i == 0 || i == text.len || text.ptr[i] != ' ')
		return false;
	text = span_trim((struct span){ text.ptr + i + 1, text.len - i - 1 });
	if (text_unhex(text, h.hash.bytes, sizeof h.hash.bytes) != ERR_OK)
		return false;
	*ret = h;
	return true;
}

static const char *const head_paths[] = { "%s/head", "%s.head", "%s/../witness/head" };
static const char *const head_owners[] = { "the head file", "the second head file",
					   "the witness file" };

unsigned ledger_head_files(const struct ledger *l, struct ledger_witness out[LEDGER_HEADS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < LEN(head_paths); i++) {
		char path[PATH_MAX];
		struct buf b;

		snprintf(path, sizeof path, head_paths[i], l->dir);
		buf_init(&b, 4096);
		if (file_read(path, 4096, &b) == ERR_OK &&
		    ledger_head_parse(buf_span(&b), &out[n].head))
			out[n++].who = head_owners[i];
		buf_free(&b);
	}
	return n;
}

/* Fixed width, so that one pwrite(2) replaces the whole content. Best effort: invariant 2. */
void ledger_store_heads(struct ledger *l)
{
	char line[128], hex[CRYPTO_SHA256_HEX_BYTES];
	int n;

	crypto_sha256_hex(&l->head.hash, hex);
	n = snprintf(line, sizeof line, "%016" PRIu64 " %s\n", l->head.seq, hex);
	for (unsigned i = 0; i < LEN(l->head_fd); i++)
		if (l->head_fd[i] >= 0) /* a failure leaves an older head: still true */
			(void)!pwrite(l->head_fd[i], line, (size_t)n, 0);
}

/* --- opening ------------------------------------------------------------------------- */

static enum err prepare(struct ledger *l)
{
	const struct {
		sqlite3_stmt **ret;
		const char *sql;
	} all[] = {
		{ &l->begin, "BEGIN IMMEDIATE" },
		{ &l->commit, "COMMIT" },
		{ &l->rollback, "ROLLBACK" },
		{ &l->last,
		  "SELECT seq, hash, time_ms FROM records ORDER BY seq DESC LIMIT 1" },
		{ &l->insert, "INSERT INTO records VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)" },
		{ &l->seal, "INSERT INTO seals VALUES(?1, ?2, ?3, ?4, ?5)" },
		{ &l->unseal, "DELETE FROM seals WHERE seq = ?1" },
	};

	for (size_t i = 0; i < LEN(all); i++) {
		int rc = sqlite3_prepare_v3(l->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
					    all[i].ret, NULL);

		if (rc != SQLITE_OK)
			return ledger_err(rc);
	}
	return ERR_OK;
}

static int user_version(sqlite3 *db, int *ret)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
		*ret = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static enum err migrate(struct ledger *l, struct ledger_problem *reterr)
{
	int version = 0;
	int rc = sqlite3_exec(l->db,
			      "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
			      "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-1024;",
			      NULL, NULL, NULL);

	/* EXTRA is FULL with a WAL; the journal of the change to a WAL must be gone for
	 * certain, or a loss of power later would undo that change and lose the WAL. */
	if (rc == SQLITE_OK && l->mode == LEDGER_WRITE)
		rc = sqlite3_exec(l->db, "PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL;",
				  NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = user_version(l->db, &version);
	while (rc == SQLITE_OK && version >= 0 && version < (int)LEN(migrations) &&
	       l->mode == LEDGER_WRITE)
		rc = sqlite3_exec(l->db, migrations[version++], NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		ledger_problem_set(reterr,
				   "look at it with: hither ledger verify; go on with: hither "
				   "ledger acknowledge",
				   "%s/ledger.db cannot be used: %s", l->dir,
				   sqlite3_errmsg(l->db));
		return ledger_err(rc);
	}
	if (version < 0 || version > (int)LEN(migrations)) {
		ledger_problem_set(reterr, "install the newer hither again",
				   "%s/ledger.db was written by a newer version (%d)", l->dir,
				   version);
		return ERR_UNSUPPORTED;
	}
	return ERR_OK;
}

static enum err open_files(struct ledger *l, bool locked, struct ledger_problem *reterr)
{
	char path[PATH_MAX];

	if (file_mkdirs(l->dir, 0700) != ERR_OK) {
		ledger_problem_set(reterr,
				   "check owner, mode and free space of the state folder",
				   "cannot make %s: %s", l->dir, strerror(errno));
		return ERR_SYSTEM;
	}
	if (locked) {
		snprintf(path, sizeof path, "%s/lock", l->dir);
		l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (l->lock_fd < 0 || flock(l->lock_fd, LOCK_EX | LOCK_NB) != 0) {
			bool busy = errno == EWOULDBLOCK;

			ledger_problem_set(
				reterr,
				"stop the other daemon, or give this one its own --state-dir",
				busy ? "another process writes %s" : "cannot lock %s", l->dir);
			return busy ? ERR_BUSY : ERR_SYSTEM;
		}
	}
	for (unsigned i = 0; i < LEN(l->head_fd); i++) {
		snprintf(path, sizeof path, head_paths[i], l->dir);
		l->head_fd[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	return ERR_OK;
}

static enum err open_database(struct ledger *l, struct ledger_problem *reterr)
{
	char path[PATH_MAX];
	struct stat st;
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	int rc;

	snprintf(path, sizeof path, "%s/ledger.db", l->dir);
	if (l->mode == LEDGER_READ && stat(path, &st) != 0) {
		ledger_problem_set(reterr,
				   "it is made when the daemon first starts: hitherd --user",
				   "there is no ledger at %s", path);
		return ERR_NOT_FOUND;
	}
	/* Read mode opens for writing where it may (SQLite falls back by itself): a WAL left by
	 * a killed process needs that. */
	flags |= SQLITE_OPEN_READWRITE;
	if (l->mode == LEDGER_WRITE)
		flags |= SQLITE_OPEN_CREATE;
	mode_t old = umask(0077);
	rc = sqlite3_open_v2(path, &l->db, flags, NULL);
	umask(old);
	if (rc != SQLITE_OK) {
		ledger_problem_set(reterr, "check owner and mode of the file",
				   "cannot open %s: %s", path,
				   l->db != NULL ? sqlite3_errmsg(l->db) : "out of memory");
		return ledger_err(rc);
	}
	sqlite3_busy_timeout(l->db, 5000);
	sqlite3_extended_result_codes(l->db, 1);
	old = umask(0077);
	enum err e = migrate(l, reterr);
	umask(old);
	return e;
}

enum err ledger_load_head(struct ledger *l)
{
	enum err e = ERR_OK;
	int rc = sqlite3_step(l->last);

	memset(&l->head, 0, sizeof l->head);
	l->newest_ms = rc == SQLITE_ROW ? sqlite3_column_int64(l->last, 2) : INT64_MIN;
	if (rc == SQLITE_ROW && sqlite3_column_bytes(l->last, 1) == CRYPTO_SHA256_BYTES) {
		l->head.seq = (uint64_t)sqlite3_column_int64(l->last, 0);
		memcpy(l->head.hash.bytes, sqlite3_column_blob(l->last, 1),
		       CRYPTO_SHA256_BYTES);
	} else if (rc == SQLITE_ROW) {
		e = ERR_CORRUPT;
	} else {
		e = ledger_err(rc);
	}
	sqlite3_reset(l->last);
	return e;
}

enum err ledger_open_as(const char *state_dir, enum ledger_mode mode, bool locked,
			struct ledger **ret, struct ledger_problem *reterr)
{
	struct ledger *l = calloc(1, sizeof *l);
	enum err e = ERR_OK;

	if (l == NULL)
		return ERR_NO_MEMORY;
	l->mode = mode;
	l->lock_fd = l->head_fd[0] = l->head_fd[1] = -1;
	l->last_queued = &l->first;
	if ((size_t)snprintf(l->dir, sizeof l->dir, "%s/ledger", state_dir) >= sizeof l->dir)
		e = ERR_TOO_BIG;
	if (e == ERR_OK && mode == LEDGER_WRITE)
		e = open_files(l, locked, reterr);
	if (e == ERR_OK)
		e = open_database(l, reterr);
	if (e == ERR_OK)
		e = ledger_keys_load(l, reterr);
	if (e == ERR_OK && (e = prepare(l)) == ERR_OK)
		e = ledger_load_head(l);
	if (e == ERR_OK) {
		*ret = l;
		return ERR_OK;
	}
	if (reterr != NULL && text_empty(reterr->text))
		ledger_problem_set(reterr, "look at it with: hither ledger verify",
				   "the ledger in %s cannot be used: %s", l->dir, err_text(e));
	ledger_close(l);
	return e;
}

enum err ledger_open(const char *state_dir, enum ledger_mode mode, struct ledger **ret,
		     struct ledger_problem *reterr)
{
	if (reterr != NULL)
		*reterr = (struct ledger_problem){ 0 };
	return ledger_open_as(state_dir, mode, true, ret, reterr);
}

void ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	if (l->insert != NULL)
		(void)!ledger_flush(l);
	for (struct queued *q = l->first; q != NULL;) {
		struct queued *next = q->next;

		free(q);
		q = next;
	}
	sqlite3_stmt *const all[] = { l->begin,  l->commit, l->rollback, l->last,
				      l->insert, l->seal,   l->unseal };
	for (size_t i = 0; i < LEN(all); i++)
		sqlite3_finalize(all[i]);
	sqlite3_close(l->db);
	for (unsigned i = 0; i < LEN(l->head_fd); i++)
		if (l->head_fd[i] >= 0)
			close(l->head_fd[i]);
	if (l->lock_fd >= 0)
		close(l->lock_fd);
	crypto_key_free(l->key);
	crypto_wipe(l->secret, sizeof l->secret);
	free(l);
}

struct ledger_head ledger_head(const struct ledger *l)
{
	return l->head;
}

const char *ledger_key_id(const struct ledger *l)
{
	return l->key_id;
}
