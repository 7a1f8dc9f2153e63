/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a cap and a sticky error: callers append freely and look at
 * `failed` once at the end. After a failure appends do nothing, so a result is either whole
 * or known to be broken, never cut.
 */
#ifndef HITHER_COMMON_BUF_H
#define HITHER_COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/span.h"

struct buf {
	char *ptr;   /* owned; NULL while empty */
	size_t len;  /* bytes in use            */
	size_t cap;  /* bytes allocated         */
	size_t max;  /* cap on len              */
	bool failed; /* an append did not fit   */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_free(struct buf *b);  /* back to empty, usable again with the same cap */
void buf_clear(struct buf *b); /* keeps the memory, clears the error */

void buf_add(struct buf *b, struct span bytes);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t n);
void buf_add_i64(struct buf *b, int64_t n);
/* Room for `n` more bytes, to be filled by the caller, who then adds what it used to `len`.
 * NULL after a failure. */
char *buf_room(struct buf *b, size_t n);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops `n` bytes at the front; n <= len. */
void buf_consume(struct buf *b, size_t n);

/* NUL-terminated view (the NUL is not counted); NULL when failed. */
const char *buf_cstr(struct buf *b);

/* Inline, so that the length of a literal is known when this is compiled. */
static inline void buf_add_str(struct buf *b, const char *text)
{
	buf_add(b, span_of(text));
}

static inline struct span buf_span(const struct buf *b)
{
	return (struct span){ b->ptr, b->len };
}

#endif
