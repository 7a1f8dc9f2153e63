/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger after the power went. A scripted run is recorded: each write, truncation, sync and
 * deletion of SQLite's files and each write of the head files, in order. For every point of
 * that stream disk images are built as a disk may have left them: what was synced is there; of
 * what came after the last sync of a file each sector of 512 bytes is there or not, in any
 * order.
 *
 * Each image must open and verify, also against the last head that a receipt or the cloud role
 * was promised; then the run goes on from it: an approval that was already used is not used
 * again.
 *
 *   torn_writes [--images N] [--seconds S] [--seed S] [--only SCRIPT:POINT:DRAW]
 *
 * How a disk is modelled: a sector is written whole or not at all. A new file is there once it
 * was synced, before that perhaps; a deletion is certain when the folder was synced with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "consent/ledger_impl.h"
#include "tests/fake/memory_folder.h"
#include "tests/fault/shim_vfs.h"

#define SECTOR    512
#define APPROVALS 64
#define LEN_MAX   (8u << 20)

/* Order of the files in an image; -shm is never read after a crash. */
static const char *const names[] = { "ledger/ledger.db", "ledger/ledger.db-wal",
				     "ledger/ledger.db-journal", "ledger/head", "ledger.head" };
enum { FILES = 5 };

enum what { WRITE, TRUNCATE, SYNC, DELETE, PROMISE, SENT };

struct event {
	enum what what;
	unsigned file;
	int64_t at;
	size_t n; /* of DELETE: 1 when it is certain */
	char *data;
	struct ledger_head head; /* of PROMISE */
	unsigned approval;       /* of SENT */
};

static struct event *events;
static size_t n_events, cap_events;
static bool recording;
static char root[128], live[160], image[160];

static void die(const char *what)
{
	fprintf(stderr, "torn_writes: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *must(void *p)
{
	if (p == NULL)
		die("memory");
	return p;
}

static void shell(const char *format, const char *a, const char *b)
{
	char line[600];

	snprintf(line, sizeof line, format, a, b);
	if (system(line) != 0)
		die(line);
}

/* --- recording --------------------------------------------------------------------------- */

static int file_of(const char *path)
{
	size_t n = strlen(live);

	if (path == NULL || strncmp(path, live, n) != 0)
		return -1;
	for (int i = 0; i < FILES; i++)
		if (strcmp(path + n + 1, names[i]) == 0)
			return i;
	return -1;
}

static struct event *note(enum what what, int file)
{
	if (n_events == cap_events) {
		cap_events = cap_events == 0 ? 256 : cap_events * 2;
		events = must(realloc(events, cap_events * sizeof *events));
	}
	events[n_events] = (struct event){ .what = what, .file = (unsigned)file };
	return &events[n_events++];
}

static void note_write(int file, const void *data, size_t n, int64_t at)
{
	struct event *e = note(WRITE, file);

	e->at = at;
	e->n = n;
	e->data = must(malloc(n));
	memcpy(e->data, data, n);
}

static int record(const struct shim_call *c)
{
	int file = recording ? file_of(c->path) : -1;

	if (file < 0)
		return SQLITE_OK;
	if (c->op == SHIM_WRITE)
		note_write(file, c->data, c->n, c->at);
	else if (c->op == SHIM_TRUNCATE)
		note(TRUNCATE, file)->at = c->at;
	else if (c->op == SHIM_SYNC)
		note(SYNC, file);
	else if (c->op == SHIM_DELETE)
		note(DELETE, file)->n = c->n;
	return SQLITE_OK;
}

/* The head files are written by the ledger itself (the linker puts these in between). */
ssize_t __real_pwrite64(int fd, const void *data, size_t n, int64_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, int64_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, int64_t at)
{
	char link[64], path[256];
	ssize_t len;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = recording ? readlink(link, path, sizeof path - 1) : -1;
	if (len > 0) {
		path[len] = '\0';
		if (file_of(path) >= 3)
			note_write(file_of(path), data, n, at);
	}
	return __real_pwrite64(fd, data, n, at);
}

/* --- the scripts ------------------------------------------------------------------------- */

static struct ledger *opened(const char *dir, struct ledger_problem *p)
{
	struct ledger *l = NULL;

	if (ledger_open(dir, LEDGER_WRITE, &l, p) != ERR_OK)
		return NULL;
	sqlite3_wal_autocheckpoint(l->db, 24); /* often, so that every run has some */
	return l;
}

static void append(struct ledger *l, struct record *r, unsigned n)
{
	if (ledger_append(l, r, n) != ERR_OK)
		die("append");
	note(PROMISE, 0)->head = ledger_head(l);
}

static void approval_id(unsigned i, char out[TEXT_ULID_BYTES])
{
	snprintf(out, TEXT_ULID_BYTES, "01APPROVAL%016u", i);
}

/* The yes of a person, its only use, the send, its end. */
static void one_send(struct ledger *l, unsigned i)
{
	struct record r[2];
	char id[TEXT_ULID_BYTES];

	approval_id(i, id);
	record_init(&r[0], RECORD_INTENT);
	record_init(&r[1], RECORD_APPROVED);
	memcpy(r[1].id, id, sizeof r[1].id);
	r[1].scope = "once";
	append(l, r, 2);
	record_init(&r[0], RECORD_GRANTED);
	memcpy(r[0].ref, id, sizeof r[0].ref);
	append(l, r, 1);
	note(SENT, 0)->approval = i;
	record_init(&r[1], RECORD_CLOSED);
	memcpy(r[1].ref, r[0].id, sizeof r[1].ref);
	r[1].outcome = "complete";
	ledger_queue(l, &r[1]);
	if (i % 3 == 0 && ledger_flush(l) != ERR_OK)
		die("flush");
}

static void sends(unsigned from, unsigned to)
{
	struct ledger_problem p;
	struct ledger *l = opened(live, &p);

	if (l == NULL)
		die(p.text);
	for (unsigned i = from; i < to; i++)
		one_send(l, i);
	ledger_close(l); /* a checkpoint, and the WAL goes */
}

static void from_nothing(void)
{
	sends(0, 14);
	sends(14, 20);
}

static void with_contents(void)
{
	static char text[20000];
	struct ledger_problem p;
	struct ledger *l = opened(live, &p);

	memset(text, 'x', sizeof text);
	if (l == NULL)
		die(p.text);
	for (unsigned i = 0; i < 12; i++) {
		char digest[80];

		snprintf(digest, sizeof digest, "sha256:%u", i);
		one_send(l, i);
		if (ledger_keep_content(l, digest, (struct span){ text, i * 1500 }) != ERR_OK)
			die("content");
	}
	ledger_close(l);
}

static void with_pruning(void)
{
	struct ledger_problem p;
	struct ledger *l = opened(live, &p);
	uint64_t removed = 0;

	if (l == NULL)
		die(p.text);
	one_send(l, 0);
	if (ledger_prune(l, 5000, &removed) != ERR_OK || removed == 0)
		die("prune");
	note(PROMISE, 0)->head = ledger_head(l);
	for (unsigned i = 1; i < 6; i++)
		one_send(l, i);
	ledger_close(l);
}

/* Old records, for pruning; before the recording. */
static void fill_old(void)
{
	struct ledger_problem p;
	struct ledger *l = opened(live, &p);

	if (l == NULL)
		die(p.text);
	for (unsigned i = 0; i < 1100; i++) {
		struct record r;

		record_init(&r, RECORD_DECIDED);
		r.time_ms = 1000 + i;
		ledger_queue(l, &r);
		if (i % 220 == 219 && ledger_flush(l) != ERR_OK)
			die("flush");
	}
	ledger_close(l);
}

static const struct script {
	const char *name;
	void (*before)(void);
	void (*run)(void);
} scripts[] = {
	{ "sends", NULL, from_nothing },
	{ "contents", NULL, with_contents },
	{ "prune", fill_old, with_pruning },
};

/* --- disks ------------------------------------------------------------------------------- */

/* What a file holds for certain, and the events behind its last sync. */
struct disk_file {
	bool exists;
	size_t len;
	char *bytes;
	size_t *pending, n_pending, cap_pending;
};

static struct disk_file disk[FILES];
static struct ledger_head promised;
static unsigned sent[APPROVALS];

static uint64_t random_state;

static uint32_t below(uint32_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static void grow_to(char **bytes, size_t *len, size_t want)
{
	if (want <= *len)
		return;
	if (want > LEN_MAX)
		die("a file that grew too much");
	*bytes = must(realloc(*bytes, want));
	memset(*bytes + *len, 0, want - *len);
	*len = want;
}

/* A chance of `of_16` in 16 for each sector. */
static void apply_write(const struct event *e, unsigned of_16, char **bytes, size_t *len)
{
	size_t at = (size_t)e->at, end = at + e->n;

	while (at < end) {
		size_t stop = (at / SECTOR + 1) * SECTOR;

		if (stop > end)
			stop = end;
		if (below(16) < of_16) {
			grow_to(bytes, len, stop);
			memcpy(*bytes + at, e->data + (at - (size_t)e->at), stop - at);
		}
		at = stop;
	}
}

static void apply(const struct event *e, unsigned of_16, bool *exists, char **bytes,
		  size_t *len)
{
	if (e->what == WRITE) {
		*exists = true;
		apply_write(e, of_16, bytes, len);
	} else if (e->what == TRUNCATE && below(16) < of_16 && (size_t)e->at < *len) {
		*len = (size_t)e->at;
	} else if (e->what == DELETE) {
		*exists = false;
		*len = 0;
	}
}

static void settle(struct disk_file *f)
{
	for (size_t i = 0; i < f->n_pending; i++)
		apply(&events[f->pending[i]], 16, &f->exists, &f->bytes, &f->len);
	f->n_pending = 0;
}

/* The next event happens; what it makes certain is certain from now on. */
static void advance(size_t i)
{
	const struct event *e = &events[i];
	struct disk_file *f = &disk[e->file];

	if (e->what == PROMISE) {
		promised = e->head;
	} else if (e->what == SENT) {
		sent[e->approval]++;
	} else if (e->what == SYNC) {
		settle(f);
	} else {
		if (f->n_pending == f->cap_pending) {
			f->cap_pending = f->cap_pending == 0 ? 64 : f->cap_pending * 2;
			f->pending =
				must(realloc(f->pending, f->cap_pending * sizeof *f->pending));
		}
		f->pending[f->n_pending++] = i;
		if (e->what == DELETE && e->n == 1)
			settle(f);
	}
}

/*
 * One file of an image. Draw 0: nothing behind the last sync; 1: all of it; 2: all but the
 * last; 3: the last alone; then sectors by chance.
 */
static void put_file(unsigned which, unsigned draw)
{
	struct disk_file *f = &disk[which];
	bool exists = f->exists;
	size_t len = f->len;
	char *bytes = must(malloc(len + 1)), path[256];
	unsigned chance = draw < 4 ? 16 : (unsigned[]){ 1, 4, 8, 12, 15 }[below(5)];

	if (len > 0)
		memcpy(bytes, f->bytes, len);
	for (size_t i = 0; i < f->n_pending; i++) {
		const struct event *e = &events[f->pending[i]];
		bool last = i + 1 == f->n_pending;

		if (draw == 0 || (draw == 2 && last) || (draw == 3 && !last))
			continue;
		if (e->what == DELETE && draw > 3 && below(2) == 0)
			break; /* not deleted: the old file, and nothing of the new one */
		apply(e, chance, &exists, &bytes, &len);
	}
	snprintf(path, sizeof path, "%s/%s", image, names[which]);
	unlink(path);
	if (exists) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		if (fd < 0 || (len > 0 && write(fd, bytes, len) != (ssize_t)len))
			die(path);
		close(fd);
	}
	free(bytes);
}

/* --- what must hold ---------------------------------------------------------------------- */

static char wrong[400];

static bool bad(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool bad(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(wrong, sizeof wrong, format, ap);
	va_end(ap);
	return false;
}

struct found {
	bool approved[APPROVALS];
	unsigned granted[APPROVALS];
};

static bool see(void *ctx, const struct record *r, struct span body)
{
	struct found *f = ctx;
	const char *id = r->kind == RECORD_APPROVED  ? r->id
			 : r->kind == RECORD_GRANTED ? r->ref
						     : "";
	unsigned i;

	(void)body;
	if (sscanf(id, "01APPROVAL%u", &i) != 1 || i >= APPROVALS)
		return true;
	if (r->kind == RECORD_APPROVED)
		f->approved[i] = true;
	else
		f->granted[i]++;
	return true;
}

/* What the next start does with an approval that is not used up: it uses it. */
static bool go_on(struct ledger *l)
{
	struct found f = { 0 };

	if (ledger_each(l, 0, 0, see, &f) != ERR_OK)
		return bad("the records cannot be read");
	for (unsigned i = 0; i < APPROVALS; i++) {
		unsigned times = sent[i];
		struct record r;

		if (f.granted[i] > 1)
			return bad("approval %u is used up %u times", i, f.granted[i]);
		if (!f.approved[i] || f.granted[i] > 0)
			continue;
		record_init(&r, RECORD_GRANTED);
		approval_id(i, r.ref);
		if (ledger_append(l, &r, 1) != ERR_OK)
			return bad("nothing can be appended: %s", ledger_why(l));
		if (++times > 1)
			return bad("approval %u is sent %u times", i, times);
	}
	return true;
}

static bool verifies(struct ledger *l, const struct ledger_head *head)
{
	struct ledger_witness w = { "who was promised it", *head };
	struct ledger_report r;
	enum err e = ledger_verify(l, 0, 0, &w, 1, &r, NULL, NULL);

	if (e != ERR_OK)
		return bad("it cannot be verified: %s", err_text(e));
	return r.ok || bad("%s", r.problem);
}

static bool holds(void)
{
	struct ledger_problem p = { 0 };
	struct ledger *l = opened(image, &p);
	bool ok;

	if (l == NULL)
		return bad("it does not open: %s", p.text);
	ok = verifies(l, &promised) && go_on(l) && verifies(l, &promised);
	ledger_close(l);
	return ok;
}

/* --- the campaign ------------------------------------------------------------------------ */

static void forget(void)
{
	for (size_t i = 0; i < n_events; i++)
		free(events[i].data);
	n_events = 0;
	promised = (struct ledger_head){ 0 };
	memset(sent, 0, sizeof sent);
	for (unsigned i = 0; i < FILES; i++) {
		free(disk[i].bytes);
		free(disk[i].pending);
		disk[i] = (struct disk_file){ 0 };
	}
}

/* Keys are there before the recording; a database only when the script wants one. */
static void record_script(const struct script *s)
{
	struct ledger_problem p;
	struct ledger *l;

	forget();
	shell("rm -rf '%s' '%s'", live, image);
	l = opened(live, &p);
	if (l == NULL)
		die(p.text);
	ledger_close(l);
	if (s->before != NULL)
		s->before();
	else
		shell("rm '%s'/ledger/ledger.db '%s'/ledger/head", live, live);
	shell("cp -a '%s' '%s'", live, image);
	for (unsigned i = 0; i < FILES; i++) {
		char path[256];
		struct buf b;

		snprintf(path, sizeof path, "%s/%s", live, names[i]);
		buf_init(&b, LEN_MAX);
		disk[i].exists = file_read(path, LEN_MAX, &b) == ERR_OK;
		grow_to(&disk[i].bytes, &disk[i].len, b.len);
		if (b.len > 0)
			memcpy(disk[i].bytes, b.ptr, b.len);
		buf_free(&b);
	}
	recording = true;
	s->run();
	recording = false;
}

static bool one_image(size_t script, size_t point, unsigned draw, uint64_t seed)
{
	random_state = seed + script * UINT64_C(1000003) + point * UINT64_C(10007) + draw + 1;
	for (unsigned i = 0; i < 8; i++)
		below(2);
	for (unsigned i = 0; i < FILES; i++)
		put_file(i, draw);
	if (holds())
		return true;
	printf("WRONG: %s:%zu:%u %s\n", scripts[script].name, point, draw, wrong);
	return false;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, images = 0, most = 4000, n_wrong = 0, points = 0;
	double seconds = 0, begun = now_s();
	char only_script[40] = "";
	size_t only_point = 0;
	unsigned only_draw = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--images") == 0)
			most = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seconds") == 0)
			seconds = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--only") == 0 &&
			 sscanf(argv[i + 1], "%39[^:]:%zu:%u", only_script, &only_point,
				&only_draw) != 3)
			return 2;
	}
	if (!memory_folder(root, sizeof root, "torn") || crypto_init() != ERR_OK ||
	    shim_register() != SQLITE_OK)
		die("set-up");
	snprintf(live, sizeof live, "%s/live", root);
	snprintf(image, sizeof image, "%s/image", root);
	shim_before = record;
	for (unsigned round = 0; images == 0 || (images < most && only_script[0] == '\0');
	     round++) {
		uint64_t before = images;

		points = 0;
		for (size_t s = 0; s < LEN(scripts); s++) {
			record_script(&scripts[s]);
			for (size_t p = 0; p <= n_events; p++, points++) {
				unsigned from = round * 8, to = from + 8;

				if (p > 0)
					advance(p - 1);
				if (only_script[0] != '\0' &&
				    (strcmp(only_script, scripts[s].name) != 0 ||
				     p != only_point))
					continue;
				if (only_script[0] != '\0')
					from = only_draw, to = only_draw + 1;
				for (unsigned d = from; d < to && images < most; d++, images++)
					n_wrong += !one_image(s, p, d, seed);
				if (seconds > 0 && now_s() - begun > seconds)
					most = images;
			}
		}
		if (images == before)
			break;
	}
	forget();
	free(events);
	shell("rm -rf '%s'%s", root, "");
	printf("%" PRIu64 " images of %" PRIu64 " points, %" PRIu64 " wrong\n", images, points,
	       n_wrong);
	return n_wrong > 0 ? 1 : 0;
}
