/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, their arenas and their buffers, from one request to the next. What grew beyond a
 * usual size is given back.
 *
 * Invariant: what comes out of the pool is zeroed, but for an empty arena and empty buffers.
 */
#include "router/impl.h"

#define ARENA_KEEP_BYTES ((size_t)64 << 10)
#define BUF_KEEP_BYTES   ((size_t)64 << 10)

struct request *request_pool_take(struct router *r)
{
	struct request *q = r->pool;

	if (q != NULL) {
		r->pool = q->next;
		r->n_pool--;
		return q;
	}
	q = calloc(1, sizeof *q);
	if (q == NULL)
		return NULL;
	q->arena = arena_new("request", REQUEST_ARENA_BYTES);
	if (q->arena == NULL) {
		free(q);
		return NULL;
	}
	buf_init(&q->out, REQUEST_REPLY_BYTES);
	buf_init(&q->body, REQUEST_REPLY_BYTES);
	buf_init(&q->draft.log, REQUEST_REPLY_BYTES);
	buf_init(&q->restored, REQUEST_EVENT_BYTES);
	return q;
}

static void request_destroy(struct request *q)
{
	arena_free(q->arena);
	buf_free(&q->out);
	buf_free(&q->body);
	buf_free(&q->draft.log);
	buf_free(&q->restored);
	free(q);
}

static void keep_small(struct buf *b)
{
	if (b->cap > BUF_KEEP_BYTES)
		buf_free(b);
	else
		buf_clear(b);
}

static void pool_give(struct router *r, struct request *q)
{
	if (r->n_pool >= REQUEST_POOL || arena_used_bytes(q->arena) > ARENA_KEEP_BYTES) {
		request_destroy(q);
		return;
	}
	struct arena *arena = q->arena;
	struct buf out = q->out, body = q->body, restored = q->restored, log = q->draft.log;

	arena_reset(arena);
	keep_small(&out);
	keep_small(&body);
	keep_small(&log);
	keep_small(&restored);
	memset(q, 0, sizeof *q);
	q->arena = arena;
	q->out = out;
	q->body = body;
	q->draft.log = log;
	q->restored = restored;
	q->next = r->pool;
	r->pool = q;
	r->n_pool++;
}

void request_free_pool(struct router *r)
{
	while (r->pool != NULL) {
		struct request *q = r->pool;

		r->pool = q->next;
		request_destroy(q);
	}
	r->n_pool = 0;
	buf_free(&r->spare_out);
}

void request_recycle(struct request *q)
{
	policy_set_free(q->set);
	scan_map_free(q->masks);
	pool_give(q->router, q);
}
