/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets the engine next: the slots in use, one bounded queue in which callers take turns,
 * and what each waiting request was last told. Pure like supervise.h, and its only caller.
 */
#ifndef HITHER_LOCAL_DESK_H
#define HITHER_LOCAL_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/msg.h"
#include "local/supervise.h"

struct desk;

struct desk_ops {
	uint64_t (*now_ms)(void *ctx);
	/*
	 * What `name` ("": the chosen one) is to be run as. ERR_NOT_FOUND: no such model; with
	 * an empty name: none is installed. `detail` (cap bytes) tells what to do.
	 */
	enum err (*resolve)(void *ctx, const char *name, struct engine_model *ret, char *detail,
			    unsigned cap);
	/* Hands out a fresh connection. ERR_AGAIN: the engine's backlog is full, ask again
	 * soon; anything else: the engine is not what it seems. */
	enum err (*give)(void *ctx, uint64_t request_id, const char *model);
	void (*wait)(void *ctx, uint64_t request_id, enum engine_state state,
		     uint32_t position);
	void (*none)(void *ctx, uint64_t request_id, enum engine_none reason,
		     const char *detail);
	void (*queued)(void *ctx, uint32_t n); /* the number of waiting requests changed */
};

struct desk_limits {
	uint32_t slots, queue; /* answers at once; requests waiting beyond those */
	uint32_t idle_stop_ms; /* 0: never */
};

/* NULL when memory is out. `s` is driven by the desk from here on; it must outlive the desk. */
struct desk *desk_new(const struct desk_limits *limits, struct supervise *s,
		      const struct desk_ops *ops, void *ctx);
void desk_free(struct desk *d);

/* ENGINE_WANT. False: this request is here already (the peer broke the protocol). */
bool desk_want(struct desk *d, const struct msg_ENGINE_WANT *want);
/* ENGINE_DONE. An unknown id is no error: its engine may have died meanwhile. */
void desk_done(struct desk *d, uint64_t request_id, bool broken);
/* That router is gone or new: nobody there waits and nobody holds a slot. Numbers of requests
 * bear the stamp of theirs (ipc/role.h). */
void desk_clear(struct desk *d, enum role router);
/* To be called from supervise_ops.changed, at once. */
void desk_engine_changed(struct desk *d);
/* The engine's process is gone: connections to it are dead, their slots free. */
void desk_engine_gone(struct desk *d);
/* What is installed changed: stops an idle engine whose model is not there any more. */
void desk_models_changed(struct desk *d);
void desk_tick(struct desk *d);
/* When desk_tick is due; 0: not at all. */
uint64_t desk_due_ms(const struct desk *d);
uint32_t desk_queued(const struct desk *d);
uint32_t desk_active(const struct desk *d);

#endif
