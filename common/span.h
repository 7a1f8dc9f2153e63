/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A borrowed run of bytes. Owns nothing; valid as long as what it points into. May hold
 * any byte, NUL included, and is not NUL-terminated. ptr may be NULL only when len is 0.
 */
#ifndef HITHER_COMMON_SPAN_H
#define HITHER_COMMON_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *ptr;
	size_t len;
};

#define SPAN_LITERAL(text) ((struct span){ (text), sizeof(text) - 1 })
#define LEN(array)         (sizeof(array) / sizeof((array)[0]))

/* NULL gives the empty span. */
static inline struct span span_of(const char *text)
{
	return (struct span){ text, text != NULL ? strlen(text) : 0 };
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (b.len == 0 || memcmp(a.ptr, b.ptr, b.len) == 0);
}

static inline bool span_is(struct span a, const char *text)
{
	return span_equal(a, span_of(text));
}

/* ASCII case folded equality, for HTTP header names (RFC 9110 section 5.1). */
bool span_is_nocase(struct span a, const char *text);

static inline bool span_starts(struct span a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.len >= n && memcmp(a.ptr, prefix, n) == 0;
}

/* Without leading and trailing spaces, tabs, CR and LF. */
struct span span_trim(struct span a);

/* What stands before the first `at`, or all of it; *io becomes what follows that `at`. */
struct span span_cut(struct span *io, char at);

/*
 * Copies into a NUL-terminated buffer. False, with `out` holding the empty string, when the
 * span does not fit or contains a NUL byte: a name is never cut silently.
 */
bool span_copy(struct span a, char *out, size_t out_bytes);

#endif
