/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is 0644 in a folder that lets nobody but us (and, in a system daemon, consent, who
 * compares) pass.
 *
 * At most one write is under way, and one begins every EVERY_MS at most; of the heads that come
 * meanwhile only the newest is written. The file is replaced with two syncs, on the disk whose
 * syncs the ledger's commits wait for: a write for each commit would take two thirds of them.
 * The write itself happens on libuv's thread pool and touches only `writing`.
 *
 *   IDLE --head--> WRITING --written--> IDLE       [witness_note, on_written]
 *   WRITING --head, written--> WAITING             [begin_soon]
 *   IDLE --head, too soon--> WAITING --> WRITING   [begin_soon, on_due]
 */
#include "cloud/witness.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

#define LINE_BYTES 128
#define EVERY_MS   100

struct head {
	uint64_t seq;
	uint8_t hash[WITNESS_HASH_BYTES];
};

struct witness {
	char folder[PATH_MAX], path[PATH_MAX];
	struct head known;
	uv_work_t work;
	char writing[LINE_BYTES];
	enum err outcome;
	bool busy, stale; /* stale: the newest head is not written yet */
	uv_loop_t *loop;  /* NULL: no head came yet, and `due` is not set up */
	uv_timer_t due;
	uint64_t next_ms; /* uv_now() from which on the next write may begin */
};

static bool parse(struct span text, struct head *ret)
{
	char line[LINE_BYTES], hex[2 * WITNESS_HASH_BYTES + 1];
	char *end;

	if (!span_copy(span_trim(text), line, sizeof line))
		return false;
	errno = 0;
	ret->seq = strtoull(line, &end, 10);
	if (errno != 0 || end == line || *end != ' ' ||
	    !span_copy(span_of(end + 1), hex, sizeof hex))
		return false;
	return text_unhex(span_of(hex), ret->hash, sizeof ret->hash) == ERR_OK;
}

struct witness *witness_new(const char *state_dir)
{
	struct witness *w = calloc(1, sizeof *w);
	struct buf text;

	if (w == NULL)
		return NULL;
	snprintf(w->folder, sizeof w->folder, "%s/witness", state_dir);
	if (snprintf(w->path, sizeof w->path, "%s/witness/head", state_dir) >=
	    (int)sizeof w->path) {
		free(w);
		return NULL;
	}
	buf_init(&text, LINE_BYTES);
	enum err e = file_read(w->path, LINE_BYTES, &text);
	if (e == ERR_OK && !parse(buf_span(&text), &w->known))
		e = ERR_CORRUPT;
	if (e != ERR_OK && e != ERR_NOT_FOUND) {
		log_warning("cloud.witness", "%s: %s; starting anew", w->path, err_text(e));
		w->known = (struct head){ .seq = 0 };
	}
	buf_free(&text);
	return w;
}

void witness_known(const struct witness *w, uint64_t *ret_seq,
		   uint8_t ret_hash[WITNESS_HASH_BYTES])
{
	*ret_seq = w->known.seq;
	memcpy(ret_hash, w->known.hash, WITNESS_HASH_BYTES);
}

static void write_now(uv_work_t *work)
{
	struct witness *w = work->data;

	w->outcome = file_mkdirs(w->folder, 0700);
	if (w->outcome == ERR_OK)
		w->outcome = file_write(w->path, span_of(w->writing), 0644);
}

static void on_written(uv_work_t *work, int status);

static void prepare(struct witness *w)
{
	char hex[2 * WITNESS_HASH_BYTES + 1];

	text_hex(w->known.hash, WITNESS_HASH_BYTES, hex);
	snprintf(w->writing, sizeof w->writing, "%" PRIu64 " %s\n", w->known.seq, hex);
	w->stale = false;
}

static void begin(struct witness *w)
{
	prepare(w);
	w->work.data = w;
	w->next_ms = uv_now(w->loop) + EVERY_MS;
	w->busy = uv_queue_work(w->loop, &w->work, write_now, on_written) == 0;
	w->stale = !w->busy;
}

static void on_due(uv_timer_t *timer)
{
	struct witness *w = timer->data;

	if (w->stale && !w->busy)
		begin(w);
}

static void begin_soon(struct witness *w)
{
	uint64_t now_ms = uv_now(w->loop);

	if (now_ms >= w->next_ms)
		begin(w);
	else
		uv_timer_start(&w->due, on_due, w->next_ms - now_ms, 0);
}

static void on_written(uv_work_t *work, int status)
{
	struct witness *w = work->data;

	w->busy = false;
	if (status != 0 || w->outcome != ERR_OK)
		log_warning("cloud.witness", "%s cannot be written: %s", w->path,
			    err_text(w->outcome));
	if (w->stale)
		begin_soon(w);
}

enum err witness_note(struct witness *w, uv_loop_t *loop, uint64_t seq,
		      const uint8_t hash[WITNESS_HASH_BYTES])
{
	bool same = seq == w->known.seq && memcmp(hash, w->known.hash, WITNESS_HASH_BYTES) == 0;

	if (same)
		return ERR_OK;
	if (seq <= w->known.seq && (w->busy || w->stale || access(w->path, F_OK) == 0))
		return ERR_MISMATCH;
	w->known.seq = seq;
	memcpy(w->known.hash, hash, WITNESS_HASH_BYTES);
	if (w->loop == NULL) {
		w->loop = loop;
		uv_timer_init(loop, &w->due);
		w->due.data = w;
	}
	w->stale = true;
	if (!w->busy)
		begin_soon(w);
	return ERR_OK;
}

void witness_free(struct witness *w)
{
	if (w == NULL)
		return;
	while (w->busy)
		uv_run(w->loop, UV_RUN_ONCE);
	if (w->stale) {
		prepare(w);
		w->work.data = w;
		write_now(&w->work);
	}
	free(w);
}
