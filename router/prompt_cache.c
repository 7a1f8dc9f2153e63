/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot whose request was broken off holds what was read of it: it stays its caller's.
 *
 * Several routers share the slots on the board: one is taken by compare-and-swap of its holder,
 * and only then is it looked whose it is. Alone, the same is done on memory of its own.
 */
#include "router/prompt_cache.h"

#include <stdlib.h>

#include "common/fault.h"

#define LOOKS 10000

struct prompt_cache {
	struct board_slots *slots;
	uint32_t n, holder;
	bool own; /* `slots` is this process's alone */
};

struct prompt_cache *prompt_cache_new(uint32_t slots, struct board *shared)
{
	struct prompt_cache *c = fault_here() ? NULL : calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->n = slots < BOARD_SLOTS_MAX ? slots : BOARD_SLOTS_MAX;
	c->own = shared == NULL;
	c->holder = c->own ? 1 : board_holder(shared);
	c->slots = c->own ? calloc(1, sizeof *c->slots + c->n * sizeof c->slots->slot[0])
			  : board_slots(shared);
	if (c->slots == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void prompt_cache_free(struct prompt_cache *c)
{
	if (c != NULL && c->own)
		free(c->slots);
	free(c);
}

static bool owns(const struct board_slot *s, struct siphash caller)
{
	return atomic_load(&s->used) > 0 && siphash_equal(s->owner, caller);
}

/* Of two free slots, whether `a` is the better one. */
static bool better(const struct board_slot *a, const struct board_slot *b,
		   struct siphash caller)
{
	bool mine = owns(a, caller);
	uint64_t a_used = atomic_load(&a->used), b_used = atomic_load(&b->used);

	if (mine != owns(b, caller))
		return mine;
	/* Of one's own the latest, of others' the oldest, which a never used one is. */
	return mine ? a_used > b_used : a_used < b_used;
}

static struct board_slot *best_free(struct prompt_cache *c, struct siphash caller)
{
	struct board_slot *best = NULL;

	for (uint32_t i = 0; i < c->n; i++) {
		struct board_slot *s = &c->slots->slot[i];

		if (atomic_load(&s->holder) == 0 && (best == NULL || better(s, best, caller)))
			best = s;
	}
	return best;
}

/* While one looks, others take and give back: one that saw none free may have looked in the
 * wrong order. There are as many slots as requests, so there is one. */
static struct board_slot *look(struct prompt_cache *c, struct siphash caller)
{
	struct board_slot *best = best_free(c, caller);

	for (unsigned i = 0; best == NULL && !c->own && i < LOOKS; i++)
		best = best_free(c, caller);
	return best;
}

struct prompt_cache_use prompt_cache_take(struct prompt_cache *c, struct siphash caller)
{
	struct board_slot *best;

	while (c != NULL && (best = look(c, caller)) != NULL) {
		uint32_t nobody = 0;

		if (!atomic_compare_exchange_strong(&best->holder, &nobody, c->holder))
			continue; /* another router was faster */
		struct prompt_cache_use use = { (int32_t)(best - c->slots->slot),
						owns(best, caller) };
		atomic_store(&best->used, 0); /* killed from here on, nothing is known of it */
		best->owner = caller;
		atomic_store(&best->used, atomic_fetch_add(&c->slots->turn, 1) + 1);
		return use;
	}
	return (struct prompt_cache_use){ .slot = -1 };
}

void prompt_cache_done(struct prompt_cache *c, int32_t slot)
{
	if (c != NULL && slot >= 0 && (uint32_t)slot < c->n)
		atomic_store(&c->slots->slot[slot].holder, 0);
	else
		prompt_cache_forget(c); /* the engine chose: it may lie in any of them */
}

void prompt_cache_forget(struct prompt_cache *c)
{
	for (uint32_t i = 0; c != NULL && i < c->n; i++)
		atomic_store(&c->slots->slot[i].used, 0);
}
