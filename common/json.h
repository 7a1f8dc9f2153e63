/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON in and out.
 *
 * In: a strict gate (RFC 8259, and more) stands in front of the tree (cJSON's nodes). It
 * refuses what two parsers could read differently: duplicate keys (exact and ASCII
 * case-folded) at any depth, "\u0000", lone surrogates, invalid UTF-8, a byte order mark,
 * raw control characters, numbers that are not RFC 8259 or that overflow a double, integers
 * beyond 2^53 that a double would round, trailing bytes, too much depth, too many values.
 * Only what passed the gate becomes a tree.
 *
 * Out: small writers on struct buf. No pretty printing here.
 */
#ifndef HITHER_COMMON_JSON_H
#define HITHER_COMMON_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"

struct json_limits {
	uint32_t max_depth;        /* nesting of arrays and objects; over 256 counts as 256 */
	uint32_t max_values;       /* values of any kind */
	uint32_t max_string_bytes; /* one string, after unescaping */
	bool comments;      /* allow // and slash-star comments (policy, configuration) */
	bool long_integers; /* beyond 2^53: for text that goes on as it is, or that nobody reads
			     */
};

/* API bodies: depth 64, 100,000 values, 4 MiB strings, no comments. */
extern const struct json_limits json_limits_api;

/* Replies of engines and providers, which are walked and never become a tree: the same, and
 * integers of any length, such as a seed of 64 bits. */
extern const struct json_limits json_limits_reply;

/* Configuration and policy files: as API bodies, with comments. */
extern const struct json_limits json_limits_file;

/* Where and why the gate said no. */
struct json_where {
	size_t offset;       /* byte offset, 0-based */
	uint32_t line;       /* 1-based */
	uint32_t column;     /* 1-based, in bytes */
	const char *problem; /* English, static */
	char detail[80];     /* the key or number concerned, escaped; may be empty */
};

/*
 * Check `text` without building anything.
 * Errors: ERR_SYNTAX, ERR_TOO_BIG (depth, values, string), ERR_NO_MEMORY; *reterr says where.
 */
MUST_CHECK enum err json_check(struct span text, const struct json_limits *limits,
			       struct json_where *reterr);

/*
 * Check, then parse. Success: *ret is a tree for cJSON_Delete(). Errors as json_check.
 */
MUST_CHECK enum err json_parse(struct span text, const struct json_limits *limits, cJSON **ret,
			       struct json_where *reterr);

/*
 * The same into arenas, nothing of it for cJSON_Delete(): nodes and keys into `nodes`, what
 * strings say into `texts`, so that texts can be kept and the tree forgotten. A full arena is
 * ERR_NO_MEMORY; what was allocated until then stays the arenas'.
 */
MUST_CHECK enum err json_parse_in(struct span text, const struct json_limits *limits,
				  struct arena *nodes, struct arena *texts, const cJSON **ret,
				  struct json_where *reterr);

/*
 * Line and column (1-based) of byte `offset`, and the byte offset of the key `key` of the
 * object whose '{' stands at `object_offset`; SIZE_MAX when absent. Lets a loader point at
 * the line of a value that is well-formed but wrong. Comments are understood.
 */
void json_line_column(struct span text, size_t offset, uint32_t *ret_line,
		      uint32_t *ret_column);
size_t json_offset_of(struct span text, const char *path);
/* `path` is a JSON Pointer (RFC 6901), e.g. "/rules/3/when"; gives the offset of the value,
 * SIZE_MAX when absent. With a trailing '#' the offset of the key itself. */

/* Case-sensitive getters; NULL/false when absent or of another type. `obj` may be NULL. */
const cJSON *json_get(const cJSON *obj, const char *key);
const cJSON *json_get_object(const cJSON *obj, const char *key);
const cJSON *json_get_array(const cJSON *obj, const char *key);
const char *json_get_string(const cJSON *obj, const char *key);
/* The string, or `otherwise` when it is absent, empty or of another type. */
const char *json_text_or(const cJSON *obj, const char *key, const char *otherwise);
bool json_get_bool(const cJSON *obj, const char *key, bool *ret);
bool json_get_number(const cJSON *obj, const char *key, double *ret);
/* Whole numbers only, within [min, max]; false otherwise. */
bool json_get_int(const cJSON *obj, const char *key, int64_t min, int64_t max, int64_t *ret);

/*
 * Takes one character or escape from *p (before `end`, not the closing quote) and puts its
 * UTF-8 into `out`. Returns the number of bytes put, 1 to 4; 0 when the escape is malformed
 * or names half of a surrogate pair, with *p untouched.
 */
size_t json_unescape(const char **p, const char *end, char out[4]);

/* `"text"` with the escapes of RFC 8259 section 7; valid UTF-8 is kept, invalid bytes become
 * U+FFFD. */
void json_put_string(struct buf *b, struct span text);
/* The escaped inside of a string, without quotes. */
void json_put_escaped(struct buf *b, struct span text);
/* `"key":` preceded by a comma unless the buffer's last byte opens an object. */
void json_put_key(struct buf *b, const char *key);
void json_put_key_string(struct buf *b, const char *key, struct span text);
void json_put_key_cstr(struct buf *b, const char *key, const char *text); /* NULL writes null */
void json_put_key_i64(struct buf *b, const char *key, int64_t n);
void json_put_key_bool(struct buf *b, const char *key, bool v);
void json_put_key_number(struct buf *b, const char *key,
			 double v); /* shortest that reads back the same */
/* A cJSON tree, compact; numbers shortest, strings escaped as above. */
void json_put_tree(struct buf *b, const cJSON *tree);

#endif
