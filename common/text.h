/* SPDX-License-Identifier: Apache-2.0 */
/* Small encodings: hexadecimal, base64 (RFC 4648), identifiers, UTF-8. Pure but for text_ulid.
 */
#ifndef HITHER_COMMON_TEXT_H
#define HITHER_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"

/* Lower-case hex; `out` holds 2 * n + 1. */
void text_hex(const uint8_t *bytes, size_t n, char *out);
/* Exactly 2 * n hex digits (either case). ERR_SYNTAX otherwise. */
MUST_CHECK enum err text_unhex(struct span text, uint8_t *out, size_t n);

/* RFC 4648 section 4, with padding. */
void text_base64(struct buf *out, struct span bytes);
/* Strict: padding required, no line breaks. ERR_SYNTAX otherwise. */
MUST_CHECK enum err text_unbase64(struct span text, struct buf *out);

#define TEXT_ULID_BYTES 27 /* 26 characters of Crockford base 32, and NUL */

/*
 * A ULID (github.com/ulid/spec): 48 bits of Unix milliseconds, 80 random bits from
 * getrandom(2); sorts by time. Two in one millisecond of one process keep their order.
 */
void text_ulid(char *out);
bool text_is_ulid(struct span text);

static inline bool text_empty(const char *text)
{
	return *text == '\0';
}

/* A field that is empty when there is nothing to say, as a pointer that is NULL then. */
static inline const char *text_or_null(const char *text)
{
	return text_empty(text) ? NULL : text;
}

/* Whole input is UTF-8 as RFC 3629 defines it (no overlong forms, no surrogates). */
bool text_is_utf8(struct span text);
/* Bytes of the well-formed UTF-8 sequence at the start (1 to 4); 0 when there is none. */
size_t text_utf8_first(struct span text);
/* Number of code points in valid UTF-8. */
size_t text_code_points(struct span text);

/*
 * Puts `text` behind the `len` characters of out[0..cap), NUL-terminated and cut where that is
 * full; returns the length then. What snprintf() with "%s" does, for where it is too dear.
 */
size_t text_append(char *out, size_t cap, size_t len, const char *text);
/* The same for hundredths of a number, as "0.42". */
size_t text_append_hundredths(char *out, size_t cap, size_t len, uint64_t hundredths);

/* Shell-style match as fnmatch(3) without flags: * ? [set] [!set]; no escapes; bytes; case
 * counts. */
bool text_glob(const char *pattern, struct span value);

/* Edit distance (Damerau-Levenshtein, capped at 15) for "did you mean". */
unsigned text_distance(const char *a, const char *b);

/* "30s", "5m", "12h", "7d" to milliseconds. ERR_SYNTAX otherwise, ERR_TOO_BIG beyond 10 years.
 */
MUST_CHECK enum err text_duration_ms(const char *text, uint64_t *ret_ms);

#endif
