/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger alone: durable commits of one record, and verifying many.
 * usage: bench_ledger FOLDER COMMITS RECORDS
 *
 *   sync     one 4 KiB write and fdatasync in the same folder: what the disk can do at most
 *   commit   one record, durable on return (synchronous=FULL, sealed)
 *   sha256   hashing the bytes of RECORDS records, chained: what a chain costs at least
 *   verify   the whole verification of that ledger, seals and heads included
 *
 * sha256 and verify in processor time.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "consent/ledger.h"

#define PER_COMMIT 500

/* Of this process: what it takes does not depend on who else is at work. */
static uint64_t cpu_ms(void)
{
	return (uint64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

static void fill(struct record *r, unsigned i)
{
	static char app[64], detail[64];

	record_init(r, RECORD_GRANTED);
	snprintf(app, sizeof app, "org.example.App%u", i % 40);
	snprintf(detail, sizeof detail, "record %u", i);
	r->uid = 1000;
	r->app = app;
	r->identity = "claimed";
	r->destination = "far";
	r->tier = "cloud";
	r->model = "big-1";
	r->task = "chat";
	r->score_pm = 800;
	r->input_tokens = 1200;
	r->digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
	r->bytes = 4800;
	r->rules = "user:default";
	r->detail = detail;
}

static struct ledger *open_ledger(const char *folder, const char *name, enum ledger_mode mode,
				  char path[512])
{
	struct ledger_problem problem = { "", "" };
	struct ledger *l = NULL;

	snprintf(path, 512, "%s/%s", folder, name);
	(void)mkdir(path, 0700);
	if (ledger_open(path, mode, &l, &problem) != ERR_OK) {
		fprintf(stderr, "%s: %s\n", path, problem.text);
		exit(1);
	}
	return l;
}

static double sync_per_s(const char *folder, unsigned n)
{
	char path[512], page[4096] = { 1 };
	uint64_t start;
	int fd;

	snprintf(path, sizeof path, "%s/sync", folder);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	start = clock_mono_ms();
	for (unsigned i = 0; i < n; i++)
		if (pwrite(fd, page, sizeof page, (off_t)(i % 64) * 4096) < 0 ||
		    fdatasync(fd) != 0)
			exit(1);
	close(fd);
	return n * 1000.0 / (double)(clock_mono_ms() - start + 1);
}

static double commits_per_s(const char *folder, unsigned n)
{
	char path[512];
	struct ledger *l = open_ledger(folder, "commits", LEDGER_WRITE, path);
	uint64_t start = clock_mono_ms();

	for (unsigned i = 0; i < n; i++) {
		struct record r;

		fill(&r, i);
		if (ledger_append(l, &r, 1) != ERR_OK)
			exit(1);
	}
	start = clock_mono_ms() - start;
	ledger_close(l);
	return n * 1000.0 / (double)(start + 1);
}

static void make_many(const char *folder, unsigned n)
{
	static struct record r[PER_COMMIT];
	char path[512];
	struct ledger *l = open_ledger(folder, "many", LEDGER_WRITE, path);

	for (unsigned at = 0; at < n; at += PER_COMMIT) {
		for (unsigned i = 0; i < PER_COMMIT; i++)
			fill(&r[i], at + i);
		if (ledger_append(l, r, PER_COMMIT) != ERR_OK)
			exit(1);
	}
	ledger_close(l);
}

/* Reading the rows and hashing each onto the one before; nothing is compared. */
static uint64_t hash_ms(const char *ledger)
{
	struct crypto_sha256 head = { { 0 } };
	uint64_t start = cpu_ms();
	sqlite3_stmt *rows = NULL;
	sqlite3 *db = NULL;
	char path[600];

	snprintf(path, sizeof path, "%s/ledger/ledger.db", ledger);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "SELECT body FROM records ORDER BY seq", -1, &rows, NULL) !=
		    SQLITE_OK)
		exit(1);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		struct crypto_hasher *h = crypto_hasher_begin();
		struct span body = { (const char *)sqlite3_column_text(rows, 0),
				     (size_t)sqlite3_column_bytes(rows, 0) };

		crypto_hasher_add(h,
				  (struct span){ (const char *)head.bytes, sizeof head.bytes });
		crypto_hasher_add(h, body);
		crypto_hasher_end(h, &head);
	}
	sqlite3_finalize(rows);
	sqlite3_close(db);
	return cpu_ms() - start;
}

int main(int argc, char **argv)
{
	unsigned commits = argc == 4 ? (unsigned)atoi(argv[2]) : 0,
		 many = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	struct ledger_report report;
	struct ledger *l;
	char path[512];

	if (many == 0 || crypto_init() != ERR_OK)
		return 2;
	double sync = sync_per_s(argv[1], commits), commit = commits_per_s(argv[1], commits);
	printf("sync\t%.0f/s\ncommit\t%.0f/s\t%.2f of sync\n", sync, commit, commit / sync);
	make_many(argv[1], many);
	l = open_ledger(argv[1], "many", LEDGER_READ, path);
	uint64_t hashed = hash_ms(path), at = cpu_ms();
	if (ledger_verify(l, 0, 0, NULL, 0, &report, NULL, NULL) != ERR_OK || !report.ok)
		return 1;
	uint64_t verified = cpu_ms() - at;
	printf("sha256\t%" PRIu64 " ms\nverify\t%" PRIu64 " ms\t%.1f times sha256\t%" PRIu64
	       " records\n",
	       hashed, verified, (double)verified / (double)(hashed + 1), report.records);
	ledger_close(l);
	return 0;
}
