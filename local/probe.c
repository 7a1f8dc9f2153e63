/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The asks are made one after another: engines that take one connection at a time are no
 * exception. The first that finds nobody ends it; one without an answer in time counts as none.
 */
#include "local/probe.h"

#include <stdlib.h>

#include "common/buf.h"
#include "http/client.h"
#include "local/endpoint.h"

#define ANSWER_BYTES_MAX (1u << 20)
#define PATIENCE_MS      5000

struct probe {
	uv_loop_t *loop;
	uv_timer_t soon;
	const char *address;
	probe_on_done *on_done;
	void *ctx;
	struct http_call *call;
	uint32_t asks; /* bit set of what is to be asked */
	unsigned at;   /* the ask under way */
	bool busy, there;
	struct engine_answer answers[ENGINE_ASK_COUNT];
	struct buf bodies[ENGINE_ASK_COUNT];
	struct engine_facts facts;
};

static void next(struct probe *p);

static void on_head(void *ctx, int status, struct span content_type)
{
	struct probe *p = ctx;

	(void)content_type;
	p->answers[p->at].status = status;
}

static void on_data(void *ctx, struct span bytes)
{
	struct probe *p = ctx;

	buf_add(&p->bodies[p->at], bytes);
}

static void on_end(void *ctx, enum err why, bool reusable)
{
	struct probe *p = ctx;
	struct engine_answer *a = &p->answers[p->at];

	(void)reusable;
	p->call = NULL;
	p->there = p->there || a->status != 0;
	if (why != ERR_OK || p->bodies[p->at].failed)
		a->status = 0;
	a->body = buf_span(&p->bodies[p->at]);
	p->at++;
	next(p);
}

static void finish(struct probe *p)
{
	enum engine_kind before = p->facts.kind;

	p->busy = false;
	if (p->there)
		engine_read(p->answers, &p->facts);
	/* Another engine, or none: everything is asked the next time. */
	if (!p->there || p->facts.kind != before)
		p->asks = UINT32_MAX;
	else if (!p->facts.loading && p->facts.n_models > 0)
		p->asks = engine_watch_asks(p->facts.kind);
	p->on_done(p->ctx, p->there, &p->facts);
}

static bool ask(struct probe *p)
{
	static const struct http_call_handler handler = { .on_head = on_head,
							  .on_data = on_data,
							  .on_end = on_end };
	static const struct http_call_limits limits = {
		.header_bytes = 16384,
		.first_byte_timeout_ms = PATIENCE_MS,
		.gap_timeout_ms = PATIENCE_MS,
		.total_bytes = ANSWER_BYTES_MAX,
	};
	int fd;

	if (endpoint_connect(p->address, &fd) != ERR_OK)
		return false;
	p->answers[p->at].status = 0;
	buf_clear(&p->bodies[p->at]);
	p->call = http_call_start(p->loop, fd, "GET", engine_ask_path((enum engine_ask)p->at),
				  (struct span){ 0 }, &limits, &handler, p);
	return p->call != NULL;
}

static void next(struct probe *p)
{
	while (p->at < ENGINE_ASK_COUNT && (p->asks & (1u << p->at)) == 0)
		p->at++;
	if (p->at == ENGINE_ASK_COUNT || !ask(p)) {
		p->there = p->there && p->at == ENGINE_ASK_COUNT;
		finish(p);
	}
}

static void on_soon(uv_timer_t *t)
{
	struct probe *p = t->data;

	if (p->busy)
		next(p);
}

void probe_start(struct probe *p)
{
	if (p->busy)
		return;
	p->busy = true;
	p->there = false;
	p->at = 0;
	uv_timer_start(&p->soon, on_soon, 0, 0);
}

void probe_reset(struct probe *p)
{
	http_call_cancel(p->call);
	p->call = NULL;
	p->busy = false;
	p->asks = UINT32_MAX;
	for (unsigned i = 0; i < ENGINE_ASK_COUNT; i++) {
		p->answers[i].status = 0;
		buf_free(&p->bodies[i]);
		p->answers[i].body = buf_span(&p->bodies[i]);
	}
}

struct probe *probe_new(uv_loop_t *loop, const char *address, probe_on_done *on_done, void *ctx)
{
	struct probe *p = calloc(1, sizeof *p);

	if (p == NULL || uv_timer_init(loop, &p->soon) != 0) {
		free(p);
		return NULL;
	}
	p->loop = loop;
	p->soon.data = p;
	p->address = address;
	p->on_done = on_done;
	p->ctx = ctx;
	for (unsigned i = 0; i < ENGINE_ASK_COUNT; i++)
		buf_init(&p->bodies[i], ANSWER_BYTES_MAX);
	probe_reset(p);
	return p;
}
