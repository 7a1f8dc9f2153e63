/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SEND under way: the exchange, its reply as events into the reply pipe, and exactly one
 * account of it at the end.
 */
#ifndef HITHER_CLOUD_CALL_H
#define HITHER_CLOUD_CALL_H

#include <uv.h>

#include "cloud/fetch.h"
#include "cloud/lanes.h"
#include "dialect/dialect.h"
#include "ipc/msg.h"
#include "proc/config.h"

struct call;

struct call_plan {
	struct msg_SEND send;
	struct fetch_plan fetch;
	const struct upstream_dialect *dialect;
	struct span body; /* mapped sealed memfd; the call unmaps it */
	int pipe;         /* write end; the call closes it */
	const struct config_cloud *limits;
	uint32_t first_byte_ms, gap_ms;  /* silence that is borne */
	uint32_t retries, retry_wait_ms; /* further attempts, and the longest wait before one */
};

struct call_handler {
	/* Once for each call: the account for consent. */
	void (*on_sent)(void *ctx, const struct msg_SENT *sent);
	/* What came of one attempt. */
	void (*on_attempt)(void *ctx, const struct call *c, enum lane_news news);
	/* The wait is over: another attempt could begin. call_again() or call_stop() follows.
	 */
	void (*on_again)(void *ctx, const struct msg_AGAIN *again);
	/* The call is gone; once, last. */
	void (*on_over)(void *ctx, struct call *c);
};

/* NULL when memory is out or the plan cannot be carried out; nothing was taken over then. */
struct call *call_start(uv_loop_t *loop, struct fetcher *f, const struct call_plan *plan,
			const struct call_handler *handler, void *ctx);
const struct msg_SEND *call_send(const struct call *c);
/*
 * Takes up the next attempt, to be made as `plan` says with the body the call holds. NULL: it
 * cannot be made, and `why` says so from a fixed list.
 */
void call_again(struct call *c, const struct fetch_plan *plan, const char *why);

enum call_stop {
	CALL_WITHDRAWN,    /* ABORT */
	CALL_CONSENT_GONE, /* who would hear what became of it is no more */
	CALL_LEAVING,      /* this process ends */
};
/* Stops the exchange; the reader gets an error unless the reply was whole. */
void call_stop(struct call *c, enum call_stop why);

#endif
