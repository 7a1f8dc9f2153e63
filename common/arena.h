/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory with one owner and one release: everything a request needs lives in its arena.
 * Each arena has a budget; past it allocations return NULL and the request is refused,
 * so that no input can make a process grow without bound. Alignment is that of max_align_t.
 * Not thread-safe.
 */
#ifndef HITHER_COMMON_ARENA_H
#define HITHER_COMMON_ARENA_H

#include <stddef.h>

#include "common/span.h"

struct arena;

/* `name` must outlive the arena (a literal). NULL when memory is out. */
struct arena *arena_new(const char *name, size_t budget_bytes);

/* Frees everything given out. NULL is fine. */
void arena_free(struct arena *a);

/* Forgets everything given out but keeps one block for reuse. */
void arena_reset(struct arena *a);

/* NULL when the budget or memory is out; contents undefined. A size of 0 gives a valid pointer.
 */
void *arena_alloc(struct arena *a, size_t bytes);

/* As arena_alloc, zeroed. */
void *arena_zalloc(struct arena *a, size_t bytes);

/* Zeroed array with an overflow check. */
void *arena_array(struct arena *a, size_t count, size_t each_bytes);

/* NUL-terminated copy; NULL when out of budget. */
char *arena_strdup(struct arena *a, struct span text);

/* Copy of bytes; an empty result with ptr NULL only when out of budget. */
struct span arena_span(struct arena *a, struct span bytes);

/* printf into the arena, NUL-terminated; NULL when out of budget. */
char *arena_printf(struct arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Bytes asked for so far, and how many arenas live in this process (for leak tests). */
size_t arena_used_bytes(const struct arena *a);
size_t arenas_alive(void);

#endif
