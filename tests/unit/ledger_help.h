/* SPDX-License-Identifier: Apache-2.0 */
/* Ledgers in a folder of their own, which goes with the test. */
#ifndef HITHER_TESTS_UNIT_LEDGER_HELP_H
#define HITHER_TESTS_UNIT_LEDGER_HELP_H

#include "tests/unit/check.h"

#include <sqlite3.h>
#include <unistd.h>

#include "consent/ledger.h"
#include "tests/fake/memory_folder.h"
#include "tests/unit/shell.h"

static char root[128];

/* A path in `root`; good for three more calls. */
static inline const char *at(const char *name)
{
	static char path[4][256];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
	return path[turn];
}

static inline struct ledger *open_or_fail(const char *dir, enum ledger_mode mode)
{
	struct ledger *l = NULL;
	struct ledger_problem p;

	if (ledger_open(dir, mode, &l, &p) != ERR_OK)
		fail_msg("cannot open %s: %s", dir, p.text);
	return l;
}

/* Changes the database of the ledger in `dir` past the ledger. */
static inline void sql_in(const char *dir, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static inline void sql_in(const char *dir, const char *format, ...)
{
	char path[300], text[1024];
	sqlite3 *db = NULL;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	snprintf(path, sizeof path, "%s/ledger/ledger.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static inline int make_root(void **state)
{
	(void)state;
	return memory_folder(root, sizeof root, "ledger") && crypto_init() == ERR_OK ? 0 : -1;
}

static inline int remove_root(void **state)
{
	(void)state;
	shell("rm -rf '%s'", root);
	return 0;
}

#endif
