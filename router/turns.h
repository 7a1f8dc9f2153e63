/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the last turns of conversations were answered, so that the next one does not flap and
 * a run of tool calls stays where it began. No client says which conversation a request belongs
 * to: it is known by what it repeats. Nothing of the text is kept, only digests under a key
 * that this process makes up and forgets; a bounded table in memory, and entries expire.
 */
#ifndef HITHER_ROUTER_TURNS_H
#define HITHER_ROUTER_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/siphash.h"
#include "dialect/chat.h"
#include "ipc/board.h"

#define TURNS_DESTINATION_BYTES 64

/* What is known of the turn before this request; `place` empty: nothing. */
struct turn {
	struct siphash digest; /* of this request and its history, for turns_keep */
	bool hashed;           /* there is a digest */
	bool goes_on;          /* it continues the tool calls of that turn */
	bool spoke;            /* and a person's text came with the results */
	char place[TURNS_DESTINATION_BYTES]; /* the destination that answered it */
};

struct turns;

/*
 * Known to all who share the board; NULL: to this process alone, under a key of its own. NULL
 * when memory is out: turns are then judged one by one. crypto_init() was called.
 */
struct turns *turns_new(struct board *shared);
void turns_free(struct turns *t); /* NULL is fine */

/*
 * Looks up the turn before `c` of this caller: `caller` is whatever tells callers apart.
 * Total; without memory in the arena, or with `t` NULL, nothing is known.
 */
void turns_find(const struct turns *t, struct span caller, const struct chat *c,
		uint64_t now_ms, struct arena *a, struct turn *ret);

/* This turn was answered by `place`. */
void turns_keep(struct turns *t, const struct turn *turn, const char *place, uint64_t now_ms);

#endif
