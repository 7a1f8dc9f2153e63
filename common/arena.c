/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of blocks, newest first. Blocks double in size up to a limit; what is larger than
 * the next block would be gets a block of its own size.
 *
 * Invariants
 *   1. used_bytes (the sum of rounded requests) never exceeds budget_bytes.
 *   2. The newest block is the only one that is allocated from.
 *   3. A failed allocation changes nothing.
 *
 * Under address sanitizer each allocation is a block of its own and no longer than was asked
 * for, and a reset keeps none: what reads beyond its allocation, or after the reset, is found.
 */
#include "common/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/fault.h"

#define BLOCK_FIRST_BYTES ((size_t)4096)
#define BLOCK_LIMIT_BYTES ((size_t)256 * 1024)
#define ALIGN_BYTES       (_Alignof(max_align_t))

#if defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer)
#define EACH_ALONE true
#endif
#elif defined(__SANITIZE_ADDRESS__) /* GCC */
#define EACH_ALONE true
#endif
#ifndef EACH_ALONE
#define EACH_ALONE false
#endif

struct block {
	struct block *older;
	size_t cap;
	size_t used;
	_Alignas(max_align_t) char bytes[];
};

struct arena {
	const char *name;
	struct block *newest;
	size_t budget_bytes;
	size_t used_bytes;
	size_t next_block_bytes;
};

static size_t alive;

struct arena *arena_new(const char *name, size_t budget_bytes)
{
	if (fault_here())
		return NULL;

	struct arena *a = calloc(1, sizeof *a);
	if (a == NULL)
		return NULL;
	a->name = name;
	a->budget_bytes = budget_bytes;
	a->next_block_bytes = BLOCK_FIRST_BYTES;
	alive++;
	return a;
}

static void free_chain(struct block *b)
{
	while (b != NULL) {
		struct block *older = b->older;

		free(b);
		b = older;
	}
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	free_chain(a->newest);
	free(a);
	alive--;
}

void arena_reset(struct arena *a)
{
	a->used_bytes = 0;
	if (EACH_ALONE) {
		free_chain(a->newest);
		a->newest = NULL;
	}
	if (a->newest == NULL)
		return;
	free_chain(a->newest->older);
	a->newest->older = NULL;
	a->newest->used = 0;
}

static struct block *block_for(struct arena *a, size_t bytes)
{
	struct block *b = a->newest;

	if (b != NULL && b->cap - b->used >= bytes && !EACH_ALONE)
		return b;

	size_t cap = bytes > a->next_block_bytes || EACH_ALONE ? bytes : a->next_block_bytes;
	b = malloc(sizeof *b + cap);
	if (b == NULL)
		return NULL;
	b->older = a->newest;
	b->cap = cap;
	b->used = 0;
	a->newest = b;
	if (a->next_block_bytes < BLOCK_LIMIT_BYTES)
		a->next_block_bytes *= 2;
	return b;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	if (fault_here() || bytes > SIZE_MAX / 2)
		return NULL;

	size_t rounded = bytes == 0 ? ALIGN_BYTES
				    : (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	if (rounded > a->budget_bytes - a->used_bytes)
		return NULL;

	struct block *b = block_for(a, EACH_ALONE ? bytes : rounded);
	if (b == NULL)
		return NULL;
	void *p = b->bytes + b->used;
	b->used += rounded;
	a->used_bytes += rounded;
	return p;
}

void *arena_zalloc(struct arena *a, size_t bytes)
{
	void *p = arena_alloc(a, bytes);

	if (p != NULL)
		memset(p, 0, bytes);
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t each_bytes)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, each_bytes, &bytes))
		return NULL;
	return arena_zalloc(a, bytes);
}

char *arena_strdup(struct arena *a, struct span text)
{
	char *p = text.len < SIZE_MAX ? arena_alloc(a, text.len + 1) : NULL;

	if (p == NULL)
		return NULL;
	if (text.len > 0)
		memcpy(p, text.ptr, text.len);
	p[text.len] = '\0';
	return p;
}

struct span arena_span(struct arena *a, struct span bytes)
{
	char *p = arena_alloc(a, bytes.len);

	if (p == NULL)
		return (struct span){ NULL, 0 };
	if (bytes.len > 0)
		memcpy(p, bytes.ptr, bytes.len);
	return (struct span){ p, bytes.len };
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);

	char *p = n >= 0 ? arena_alloc(a, (size_t)n + 1) : NULL;
	if (p != NULL)
		vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	return p;
}

size_t arena_used_bytes(const struct arena *a)
{
	return a->used_bytes;
}

size_t arenas_alive(void)
{
	return alive;
}
