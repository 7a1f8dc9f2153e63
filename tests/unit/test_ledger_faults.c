/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ledger does when memory, the disk or a system call fails: each scenario runs once
 * for each allocation, each operation of SQLite on a file and each fault point, which fails
 * alone and from there on. Whatever fails, nobody crashes, no byte stays allocated, the chain
 * on disk verifies with all that was promised before, and who says that it succeeded has the
 * whole result.
 *
 * HITHER_FAULT_EVERY=1 tries each point; without it one in seven behind the first hundred.
 * HITHER_FAULT_TRACE=1 names each run before it begins; HITHER_FAULT_ONLY=NAME runs one
 * scenario.
 */
#include "tests/unit/ledger_help.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/file.h"
#include "common/json.h"
#include "consent/ledger_impl.h"
#include "consent/report.h"
#include "tests/fault/failing_malloc.h"
#include "tests/fault/shim_vfs.h"

static char dir[160]; /* of this run's copy */

/* --- faults --------------------------------------------------------------------------- */

enum kind { MEMORY, DISK, DISK_FULL, POINT, KINDS };

static const char *const kind_names[] = { "memory", "disk", "disk full", "point" };
static unsigned disk_countdown;
static bool disk_full, disk_onwards, disk_fired;

static int disk_fails(const struct shim_call *c)
{
	static const int codes[] = {
		[SHIM_OPEN] = SQLITE_CANTOPEN,       [SHIM_DELETE] = SQLITE_IOERR_DELETE,
		[SHIM_ACCESS] = SQLITE_IOERR_ACCESS, [SHIM_READ] = SQLITE_IOERR_READ,
		[SHIM_WRITE] = SQLITE_IOERR_WRITE,   [SHIM_TRUNCATE] = SQLITE_IOERR_TRUNCATE,
		[SHIM_SYNC] = SQLITE_IOERR_FSYNC,    [SHIM_SIZE] = SQLITE_IOERR_FSTAT,
		[SHIM_LOCK] = SQLITE_IOERR_LOCK,     [SHIM_SHM] = SQLITE_IOERR_SHMMAP,
		[SHIM_SHM_LOCK] = SQLITE_BUSY
	};

	if (disk_full && c->op != SHIM_WRITE)
		return SQLITE_OK;
	if (disk_countdown == 0 || --disk_countdown > 0)
		return SQLITE_OK;
	if (disk_onwards)
		disk_countdown = 1;
	disk_fired = true;
	return disk_full ? SQLITE_FULL : codes[c->op];
}

static void arm(enum kind k, unsigned n, bool onwards)
{
	disk_fired = false;
	failing_arm(k == MEMORY ? n : 0, onwards);
	fault_arm(k == POINT ? n : 0, onwards);
	disk_countdown = k == DISK || k == DISK_FULL ? n : 0;
	disk_full = k == DISK_FULL;
	disk_onwards = onwards;
}

static bool disarm(void)
{
	bool fired = failing.fired > 0 || fault_fired() || disk_fired;

	failing_disarm();
	fault_arm(0, false);
	disk_countdown = 0;
	return fired;
}

/* --- ledgers to begin with ------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
	char bytes[65536];
	struct stat st;
	int in = open(from, O_RDONLY), out;
	ssize_t n;

	assert_true(in >= 0 && fstat(in, &st) == 0);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, st.st_mode & 0777);
	assert_true(out >= 0);
	while ((n = read(in, bytes, sizeof bytes)) > 0)
		assert_int_equal(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

static void each_file(const char *folder, void (*fn)(const char *, const char *),
		      const char *to)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		char from[512], into[512];

		if (entry->d_type != DT_REG)
			continue;
		snprintf(from, sizeof from, "%s/%s", folder, entry->d_name);
		snprintf(into, sizeof into, "%s/%s", to, entry->d_name);
		fn(from, into);
	}
	if (d != NULL)
		closedir(d);
}

static void remove_file(const char *path, const char *unused)
{
	(void)unused;
	unlink(path);
}

static void begin_with(const char *base)
{
	char from[256], to[256];

	snprintf(from, sizeof from, "%s/%s/ledger", root, base);
	snprintf(to, sizeof to, "%s/ledger", dir);
	each_file(to, remove_file, to);
	each_file(dir, remove_file, dir);
	if (base[0] == '\0') {
		rmdir(to);
		return;
	}
	mkdir(to, 0700);
	each_file(from, copy_file, to);
	snprintf(from, sizeof from, "%s/%s", root, base);
	each_file(from, copy_file, dir);
}

static bool same;

static void compare_file(const char *a, const char *b)
{
	char of_a[65536], of_b[65536];
	int in_a = open(a, O_RDONLY), in_b = open(b, O_RDONLY);
	ssize_t n = 1;

	while (same && n > 0) {
		n = read(in_a, of_a, sizeof of_a);
		same = n >= 0 && read(in_b, of_b, sizeof of_b) == n &&
		       memcmp(of_a, of_b, (size_t)n) == 0;
	}
	if (in_a >= 0)
		close(in_a);
	if (in_b >= 0)
		close(in_b);
}

/* Nothing was added, removed or changed since begin_with(base). */
static bool as_it_began(const char *base)
{
	static const char *const folders[] = { "", "/ledger" };

	same = base[0] != '\0';
	for (size_t i = 0; i < LEN(folders) && same; i++) {
		char before[256], now[256];

		snprintf(before, sizeof before, "%s/%s%s", root, base, folders[i]);
		snprintf(now, sizeof now, "%s%s", dir, folders[i]);
		each_file(before, compare_file, now);
		each_file(now, compare_file, before);
	}
	return same;
}

static void fill(struct record *r, enum record_kind kind, unsigned i)
{
	record_init(r, kind);
	r->app = "org.example.App";
	r->destination = "far";
	r->currency = "EUR";
	r->cost_bound_nano = i;
	r->categories = "[{\"name\":\"personal.name\",\"count\":2,\"masked\":false}]";
	r->bytes_out = 7;
}

static void make_bases(void)
{
	struct ledger *l = open_or_fail(at("base"), LEDGER_WRITE);
	struct record r;

	fill(&r, RECORD_START, 0);
	r.key_id = ledger_key_id(l);
	assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	for (unsigned i = 1; i < 12; i++) {
		char ref[TEXT_ULID_BYTES];

		memcpy(ref, r.id, sizeof ref);
		fill(&r, i % 2 == 1 ? RECORD_GRANTED : RECORD_CLOSED, i);
		if (i % 2 == 0)
			memcpy(r.ref, ref, sizeof ref);
		assert_int_equal(ledger_append(l, &r, 1), ERR_OK);
	}
	assert_int_equal(ledger_keep_content(l,
					     "sha256:"
					     "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a"
					     "851fead67c32c9d1",
					     SPAN_LITERAL("text")),
			 ERR_OK);
	ledger_close(l);

	shell("cp -a '%s/base' '%s/version0'", root, root);
	shell("rm '%s/version0/ledger/ledger.db'*", root);
	shell("cp -a '%s/base' '%s/edited'", root, root);
	shell("cp -a '%s/base' '%s/garbage'", root, root);
	shell("head -c 30000 /dev/urandom > '%s/garbage/ledger/ledger.db'", root);

	l = open_or_fail(at("old"), LEDGER_WRITE);
	for (unsigned i = 0; i < 1100; i++) {
		record_init(&r, RECORD_DECIDED);
		r.time_ms = 1000 + i;
		ledger_queue(l, &r);
		if (i % 220 == 219)
			assert_int_equal(ledger_flush(l), ERR_OK); /* the 4th seal is kept */
	}
	ledger_close(l);
	shell("cp -a '%s/old' '%s/pruned'", root, root);
	l = open_or_fail(at("pruned"), LEDGER_WRITE);
	uint64_t removed;
	assert_int_equal(ledger_prune(l, 5000, &removed), ERR_OK);
	assert_true(removed > 0);
	ledger_close(l);
}

/* --- scenarios ------------------------------------------------------------------------- */

/* What a scenario was promised; the chain must have it afterwards. */
static uint64_t promised;

static enum err opens_and_appends(void)
{
	struct ledger_problem p;
	struct ledger *l = NULL;
	struct record r[2];
	enum err e = ledger_open(dir, LEDGER_WRITE, &l, &p);

	if (e != ERR_OK) {
		assert_true(p.text[0] != '\0' || e == ERR_NO_MEMORY);
		return e;
	}
	uint64_t before = ledger_head(l).seq;
	fill(&r[0], RECORD_INTENT, 0);
	fill(&r[1], RECORD_GRANTED, 1);
	r[1].device = "{\"p\\u006fwer\":\"ac\"}"; /* an escape takes memory, too */
	e = ledger_append(l, r, 2);
	assert_int_equal(ledger_head(l).seq, before + (e == ERR_OK ? 2 : 0));
	if (e == ERR_OK)
		promised = before + 2;
	ledger_close(l);
	return e;
}

static enum err appends_what_was_queued(void)
{
	struct ledger *l = NULL;
	struct record r;
	enum err e = ledger_open(dir, LEDGER_WRITE, &l, NULL);

	if (e != ERR_OK)
		return e;
	uint64_t before = ledger_head(l).seq;
	fill(&r, RECORD_DECIDED, 1);
	ledger_queue(l, &r);
	fill(&r, RECORD_DECIDED, 2);
	ledger_queue(l, &r);
	l->dropped += 3;
	assert_true(ledger_queued(l) > 0);
	fill(&r, RECORD_DENIED, 3);
	e = ledger_append(l, &r, 1);
	if (e == ERR_OK) {
		assert_int_equal(ledger_queued(l), 0);
		promised = ledger_head(l).seq;
		assert_true(promised >= before + 2);
	} else {
		assert_int_equal(ledger_head(l).seq, before);
		assert_true(ledger_queued(l) > 0);
	}
	ledger_close(l);
	return e;
}

static enum err verifies(void)
{
	struct ledger_report report;
	struct ledger *l = NULL;
	enum err e = ledger_open(dir, LEDGER_READ, &l, NULL);

	if (e == ERR_OK)
		e = ledger_verify(l, 0, 0, NULL, 0, &report, NULL, NULL);
	ledger_close(l);
	if (e == ERR_OK && !report.ok)
		fail_msg("a whole ledger was called damaged: %s", report.problem);
	return e;
}

static enum err verifies_from_the_middle(void)
{
	struct ledger_report report;
	struct ledger *l = NULL;
	enum err e = ledger_open(dir, LEDGER_WRITE, &l, NULL);

	if (e == ERR_OK)
		e = ledger_verify(l, 4, 9, NULL, 0, &report, NULL, NULL);
	if (e == ERR_OK) {
		assert_true(report.ok);
		assert_int_equal(report.records, 6);
	}
	ledger_close(l);
	return e;
}

static enum err finds_the_edit(void)
{
	struct ledger_report report;
	struct ledger *l = NULL;
	enum err e = ledger_open(dir, LEDGER_READ, &l, NULL);

	if (e == ERR_OK)
		e = ledger_verify(l, 0, 0, NULL, 0, &report, NULL, NULL);
	ledger_close(l);
	if (e == ERR_OK) {
		assert_false(report.ok);
		assert_int_equal(report.first_bad, 5);
	}
	return e;
}

static enum err verifies_acknowledged(void)
{
	struct ledger_report report;
	struct ledger *l = NULL;
	enum err e = ledger_open(dir, LEDGER_READ, &l, NULL);

	if (e == ERR_OK)
		e = ledger_verify(l, 0, 0, NULL, 0, &report, NULL, NULL);
	ledger_close(l);
	if (e == ERR_OK)
		assert_true(report.acknowledged);
	return e;
}

static enum err acknowledges(void)
{
	struct ledger_report report;
	struct ledger_problem p;
	enum err e = ledger_acknowledge(dir, &report, &p);

	if (e != ERR_OK)
		assert_true(p.text[0] != '\0');
	return e;
}

static enum err prunes(void)
{
	struct ledger *l = NULL;
	uint64_t removed = 0;
	enum err e = ledger_open(dir, LEDGER_WRITE, &l, NULL);

	if (e == ERR_OK)
		e = ledger_prune(l, 5000, &removed);
	if (e == ERR_OK)
		assert_int_equal(removed, 880);
	else
		assert_int_equal(removed, 0);
	ledger_close(l);
	return e;
}

static bool count_one(void *ctx, const struct record *r, struct span body)
{
	(void)r;
	(void)body;
	(*(unsigned *)ctx)++;
	return true;
}

static enum err reads(void)
{
	static const char digest[] =
		"sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1";
	struct ledger *l = NULL;
	struct crypto_sha256 hash;
	struct buf b;
	unsigned each = 0, tail = 0, refs = 0, since = 0;
	enum err e = ledger_open(dir, LEDGER_READ, &l, NULL);

	if (e != ERR_OK)
		return e;
	buf_init(&b, 65536);
	e = ledger_content(l, digest, &b);
	if (e == ERR_OK) {
		assert_true(span_is(buf_span(&b), "text"));
		e = ledger_each(l, 3, 7, count_one, &each);
	}
	if (e == ERR_OK)
		e = ledger_tail(l, 4, count_one, &tail);
	if (e == ERR_OK)
		e = ledger_since(l, 0, count_one, &since);
	if (e == ERR_OK)
		e = ledger_refs(l, "", count_one, &refs);
	if (e == ERR_OK && !ledger_hash_of(l, 3, &hash))
		e = ERR_NOT_FOUND;
	buf_clear(&b);
	if (e == ERR_OK)
		e = report_write(l, 0, 0, &b);
	if (e == ERR_OK && b.failed)
		e = ERR_NO_MEMORY;
	if (e == ERR_OK) {
		assert_true(each == 5 && tail == 4 && refs == 0 && since == 12);
		assert_non_null(strstr(buf_cstr(&b), "\"sends\":6,\"bytes\":35,\"unknown\":1"));
	}
	buf_free(&b);
	ledger_close(l);
	return e;
}

static enum err keeps_content(void)
{
	struct ledger *l = NULL;
	enum err e = ledger_open(dir, LEDGER_WRITE, &l, NULL);

	if (e == ERR_OK)
		e = ledger_keep_content(l, "sha256:1", SPAN_LITERAL("more"));
	ledger_close(l);
	return e;
}

static bool see_one(void *ctx, const struct record *r)
{
	unsigned *n = ctx;

	assert_int_equal(r->bytes, *n == 0 ? 5 : RECORD_ABSENT);
	assert_string_equal(r->device, *n == 0 ? "{\"power\":\"ac\"}" : "{}");
	(*n)++;
	return true;
}

/* Pure, but allocates. */
static enum err reads_records(void)
{
	static const char text[] =
		"{\"v\":1,\"seq\":1,\"time_ms\":1,\"boot_ms\":1,\"kind\":\"decided\",\"id\":"
		"\"a\",\"ref\":\"\",\"app\":\"x\",\"device\":{},\"bytes\":5,\"decisions\":"
		"[{\"time_ms\":1,\"device\":{\"power\":\"ac\"}},{\"time_ms\":2,\"bytes\":null}]"
		"}";
	struct arena *a = arena_new("test", 1u << 20);
	struct record r;
	unsigned n = 0;
	enum err e = a != NULL ? record_read(SPAN_LITERAL(text), a, &r) : ERR_NO_MEMORY;

	if (e == ERR_OK)
		e = record_each(&r, a, see_one, &n);
	if (e == ERR_OK)
		assert_int_equal(n, 2);
	arena_free(a);
	return e;
}

static const struct scenario {
	const char *name, *base;
	enum err (*run)(void);
	bool damaged; /* the chain does not verify before or need not after it */
} scenarios[] = {
	{ "a first start", "", opens_and_appends, false },
	{ "a first start with keys", "version0", opens_and_appends, true },
	{ "append", "base", opens_and_appends, false },
	{ "queue", "base", appends_what_was_queued, false },
	{ "verify", "base", verifies, false },
	{ "verify after pruning", "pruned", verifies, false },
	{ "verify a part", "base", verifies_from_the_middle, false },
	{ "verify damage", "edited", finds_the_edit, true },
	{ "verify what was acknowledged", "acknowledged", verifies_acknowledged, true },
	{ "acknowledge", "edited", acknowledges, true },
	{ "acknowledge garbage", "garbage", acknowledges, true },
	{ "prune", "old", prunes, false },
	{ "read", "base", reads, false },
	{ "keep content", "base", keeps_content, false },
	{ "records", "base", reads_records, false },
};

/* Without faults: is what is on disk whole, and all there that was promised? */
static void check_disk(const struct scenario *s)
{
	struct ledger_report report = { 0 };
	struct ledger_problem p = { 0 };
	struct ledger *l = NULL;
	enum err e = ledger_open(dir, LEDGER_WRITE, &l, &p);

	if (s->damaged && e == ERR_CORRUPT)
		return;
	if (e != ERR_OK)
		fail_msg("it cannot be opened again: %s", p.text);
	assert_int_equal(ledger_verify(l, 0, 0, NULL, 0, &report, NULL, NULL), ERR_OK);
	if (!s->damaged && !report.ok)
		fail_msg("%s", report.problem);
	assert_true(report.last_seq >= promised);
	ledger_close(l);
}

static bool untouched; /* in `dir` lies what the next run begins with */

static bool one_run(const struct scenario *s, enum kind k, unsigned n, bool onwards)
{
	bool fired;
	enum err e;

	if (!untouched)
		begin_with(s->base);
	promised = 0;
	if (getenv("HITHER_FAULT_TRACE") != NULL)
		fprintf(stderr, "%s, %s %u%s\n", s->name, kind_names[k], n,
			onwards ? " and on" : "");
	sqlite3_release_memory(1 << 30);
	long before = failing.alive;
	arm(k, n, onwards);
	e = s->run();
	fired = disarm();
	if (failing.alive != before)
		fail_msg("%s, %s %u: %ld blocks stay", s->name, kind_names[k], n,
			 failing.alive - before);
	if (!fired && e != ERR_OK)
		fail_msg("%s: %s without a fault", s->name, err_text(e));
	/* what is still the same, to the byte, has been looked at */
	untouched = promised == 0 && as_it_began(s->base);
	if (!untouched)
		check_disk(s);
	return fired;
}

static void whatever_fails_the_ledger_is_whole(void **state)
{
	const char *wish = getenv("HITHER_FAULT_EVERY");
	unsigned runs = 0, every = wish != NULL ? (unsigned)atoi(wish) : 7;

	(void)state;
	for (size_t i = 0; i < LEN(scenarios); i++) {
		if (getenv("HITHER_FAULT_ONLY") != NULL &&
		    strcmp(getenv("HITHER_FAULT_ONLY"), scenarios[i].name) != 0)
			continue;
		begin_with(scenarios[i].base);
		promised = 0;
		check_disk(&scenarios[i]);
		untouched = false;
		for (int k = 0; k < KINDS; k++)
			for (int onwards = 0; onwards < 2; onwards++)
				for (unsigned n = 1;; n += n < 100 ? 1 : every, runs++)
					if (!one_run(&scenarios[i], (enum kind)k, n,
						     onwards == 1))
						break;
	}
	print_message("%u runs\n", runs);
	assert_true(runs > 100);
}

/* Mbed TLS: makes room for a big number; signing and reading a key call it a thousand times. */
extern int mbedtls_mpi_grow(void *number, size_t limbs);
#define MPI_GROW_BYTES 300 /* of its code, more or less */

static int set_up(void **state)
{
	if (make_root(state) != 0)
		return -1;
	snprintf(dir, sizeof dir, "%s/run", root);
	mkdir(dir, 0700);
	/* Small blocks from malloc too, so that each can fail; no cache that lives on. */
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	failing.thin_from = (uintptr_t)mbedtls_mpi_grow;
	failing.thin_to = failing.thin_from + MPI_GROW_BYTES;
	tzset(); /* what the C library keeps for good */
	make_bases();
	sql_in(at("edited"),
	       "UPDATE records SET body = replace(body, 'far', 'near') WHERE seq = 5");
	shell("cp -a '%s/edited' '%s/acknowledged'", root, root);
	struct ledger_report report;
	struct ledger_problem p;
	if (ledger_acknowledge(at("acknowledged"), &report, &p) != ERR_OK)
		return -1;
	shim_before = disk_fails;
	return shim_register() == SQLITE_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_fails_the_ledger_is_whole),
	};

	return cmocka_run_group_tests(tests, set_up, remove_root);
}
