/* SPDX-License-Identifier: Apache-2.0 */
/* A slot whose request was broken off holds what was read of it: it stays its caller's. */
#include "router/prompt_cache.h"

#include <stdlib.h>

#include "common/fault.h"

struct slot {
	struct siphash owner; /* when used > 0 */
	uint64_t used;        /* the `turn` of its last use; 0: never */
	bool busy;
};

struct prompt_cache {
	uint64_t turn;
	uint32_t n;
	struct slot slots[];
};

struct prompt_cache *prompt_cache_new(uint32_t slots)
{
	struct prompt_cache *c =
		fault_here() ? NULL : calloc(1, sizeof *c + slots * sizeof c->slots[0]);

	if (c != NULL)
		c->n = slots;
	return c;
}

void prompt_cache_free(struct prompt_cache *c)
{
	free(c);
}

static bool owns(const struct slot *s, struct siphash caller)
{
	return s->used > 0 && s->owner.half[0] == caller.half[0] &&
	       s->owner.half[1] == caller.half[1];
}

/* Of two free slots, whether `a` is the better one. */
static bool better(const struct slot *a, const struct slot *b, struct siphash caller)
{
	if (owns(a, caller) != owns(b, caller))
		return owns(a, caller);
	/* Of one's own the latest, of others' the oldest, which a never used one is. */
	return owns(a, caller) ? a->used > b->used : a->used < b->used;
}

struct prompt_cache_use prompt_cache_take(struct prompt_cache *c, struct siphash caller)
{
	struct slot *best = NULL;

	for (uint32_t i = 0; c != NULL && i < c->n; i++) {
		if (!c->slots[i].busy && (best == NULL || better(&c->slots[i], best, caller)))
			best = &c->slots[i];
	}
	if (best == NULL)
		return (struct prompt_cache_use){ .slot = -1 };
	struct prompt_cache_use use = { (int32_t)(best - c->slots), owns(best, caller) };
	*best = (struct slot){ .owner = caller, .used = ++c->turn, .busy = true };
	return use;
}

void prompt_cache_done(struct prompt_cache *c, int32_t slot)
{
	if (c != NULL && slot >= 0 && (uint32_t)slot < c->n)
		c->slots[slot].busy = false;
}

void prompt_cache_forget(struct prompt_cache *c)
{
	for (uint32_t i = 0; c != NULL && i < c->n; i++)
		c->slots[i].used = 0;
}
