/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appends go through make_room(), the only place that grows or fails. One byte more than
 * `len` is always kept for the NUL of buf_cstr().
 */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/fault.h"

#define FIRST_CAP_BYTES ((size_t)256)

void buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){ .max = max_bytes < SIZE_MAX / 4 ? max_bytes : SIZE_MAX / 4 };
}

void buf_free(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

static bool make_room(struct buf *b, size_t more)
{
	if (b->failed)
		return false;
	if (more > b->max || b->len > b->max - more || fault_here()) {
		b->failed = true;
		return false;
	}
	size_t want = b->len + more + 1;
	if (want <= b->cap)
		return true;

	size_t cap = b->cap < FIRST_CAP_BYTES ? FIRST_CAP_BYTES : b->cap * 2;
	if (cap < want)
		cap = want;
	if (cap > b->max + 1)
		cap = b->max + 1;
	char *p = realloc(b->ptr, cap);
	if (p == NULL) {
		b->failed = true;
		return false;
	}
	b->ptr = p;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, struct span bytes)
{
	if (!make_room(b, bytes.len) || bytes.len == 0)
		return;
	memcpy(b->ptr + b->len, bytes.ptr, bytes.len);
	b->len += bytes.len;
}

char *buf_room(struct buf *b, size_t n)
{
	return make_room(b, n) ? b->ptr + b->len : NULL;
}

void buf_add_char(struct buf *b, char c)
{
	if (make_room(b, 1))
		b->ptr[b->len++] = c;
}

void buf_add_u64(struct buf *b, uint64_t n)
{
	char digits[20]; /* 2^64 - 1 has 20 digits */
	size_t i = sizeof digits;

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	buf_add(b, (struct span){ digits + i, sizeof digits - i });
}

void buf_add_i64(struct buf *b, int64_t n)
{
	if (n >= 0) {
		buf_add_u64(b, (uint64_t)n);
		return;
	}
	buf_add_char(b, '-');
	buf_add_u64(b, 0 - (uint64_t)n);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);

	if (n < 0) {
		b->failed = true;
	} else if (make_room(b, (size_t)n)) {
		vsnprintf(b->ptr + b->len, (size_t)n + 1, format, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	memmove(b->ptr, b->ptr + n, b->len - n);
	b->len -= n;
}

const char *buf_cstr(struct buf *b)
{
	if (b->failed)
		return NULL;
	if (b->ptr == NULL)
		return "";
	b->ptr[b->len] = '\0';
	return b->ptr;
}
