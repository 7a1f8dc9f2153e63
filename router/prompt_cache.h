/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose prompt each slot of our own engine still holds. The engine keeps a slot's last prompt
 * and skips what the next one repeats of it: good for the turns of one caller, a leak between
 * two, as the time to the first token tells one what the other said. So the router names the
 * slot of every request, and lets the engine reuse only what the same caller left there.
 */
#ifndef HITHER_ROUTER_PROMPT_CACHE_H
#define HITHER_ROUTER_PROMPT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/siphash.h"
#include "ipc/board.h"

struct prompt_cache;

struct prompt_cache_use {
	int32_t slot; /* the engine's number, from 0; -1: any, and nothing may be reused */
	bool reuse;   /* what the slot holds is this caller's */
};

/* For an engine with `slots` slots, known to all who share the board; NULL: to this process
 * alone. NULL: out of memory. */
struct prompt_cache *prompt_cache_new(uint32_t slots, struct board *shared);
void prompt_cache_free(struct prompt_cache *c); /* NULL is fine */

/*
 * A slot for a request of `caller`, in use until prompt_cache_done(): one that this caller used
 * last, else one that nobody used, else the one unused for longest. With all in use, or with
 * `c` NULL: any.
 */
struct prompt_cache_use prompt_cache_take(struct prompt_cache *c, struct siphash caller);

/* The request of that slot ended, however it did. -1: of one in a slot that the engine chose;
 * nothing is known of any slot then. */
void prompt_cache_done(struct prompt_cache *c, int32_t slot);

/* The engine is a new one, or gone: it holds nothing. Slots in use stay so. */
void prompt_cache_forget(struct prompt_cache *c);

#endif
