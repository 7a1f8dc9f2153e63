/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at an engine that somebody else runs: a few GETs (dialect/engines.h), each on a
 * connection of its own, and what they say put together. From the second time on only what can
 * have changed is asked again.
 */
#ifndef HITHER_LOCAL_PROBE_H
#define HITHER_LOCAL_PROBE_H

#include <stdbool.h>
#include <uv.h>

#include "common/err.h"
#include "dialect/engines.h"

struct probe;

/* `there`: somebody answered. `facts` live until the next probe_start(). */
typedef void probe_on_done(void *ctx, bool there, const struct engine_facts *facts);

/* `address`: of endpoint_connect(); outlives it. NULL when memory is out. */
struct probe *probe_new(uv_loop_t *loop, const char *address, probe_on_done *on_done,
			void *ctx);
/* Calls on_done once, not before it returned, unless probe_reset() comes first. */
void probe_start(struct probe *p);
/* Gives up what is under way; everything is asked the next time. */
void probe_reset(struct probe *p);

#endif
