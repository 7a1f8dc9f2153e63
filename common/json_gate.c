/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict gate: one pass over the text, no tree, no recursion.
 *
 *   VALUE --scalar--> AFTER --','--> NEXT_KEY or VALUE
 *     |                 ^  '--'}' ']'--> AFTER (one level up)
 *     '--'{'--> FIRST_KEY --key ':'--> VALUE
 *     '--'['--> FIRST_ITEM --> VALUE, or ']' --> AFTER
 *
 * Duplicate keys are json_keys.c's matter.
 *
 * Invariant: g->p never passes g->end.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/json.h"
#include "common/json_impl.h"
#include "common/text.h"

#define SAFE_DIGITS    15 /* every integer of 15 digits is below 2^53 */
#define SAFE_MAGNITUDE 300

#define EACH_BYTE      UINT64_C(0x0101010101010101)
#define HIGH_BITS      UINT64_C(0x8080808080808080)

const struct json_limits json_limits_api = { 64, 100000, 4 * 1024 * 1024, false, false };
const struct json_limits json_limits_reply = { 64, 100000, 4 * 1024 * 1024, false, true };
const struct json_limits json_limits_file = { 64, 100000, 4 * 1024 * 1024, true, false };

enum state { VALUE, FIRST_KEY, NEXT_KEY, FIRST_ITEM, AFTER, DONE };

struct frame {
	size_t first_key;
	bool object;
};

struct gate {
	const char *start, *p, *end;
	const struct json_limits *limits;
	struct json_where *where;
	uint32_t depth, values;
	struct frame frames[JSON_DEPTH_CAP];
	struct json_keys keys;
};

/* Fills *reterr; returns `e` so that callers can `return fail(...)`. */
static enum err fail(struct gate *g, enum err e, const char *at, const char *problem)
{
	struct json_where *w = g->where;

	w->offset = (size_t)(at - g->start);
	w->problem = problem;
	w->detail[0] = '\0';
	json_line_column((struct span){ g->start, (size_t)(g->end - g->start) }, w->offset,
			 &w->line, &w->column);
	return e;
}

/* As fail(), quoting up to 32 bytes of the key or number concerned. */
static enum err fail_about(struct gate *g, enum err e, const char *at, const char *problem,
			   struct span about)
{
	char quoted[32 * 6];
	size_t n = 0;

	fail(g, e, at, problem);
	for (size_t i = 0; i < about.len && i < 32; i++) {
		unsigned char c = (unsigned char)about.ptr[i];

		if (c >= 0x20 && c < 0x7f)
			quoted[n++] = (char)c;
		else
			n += (size_t)snprintf(quoted + n, 5, "\\x%02x", c);
	}
	snprintf(g->where->detail, sizeof g->where->detail, "%.*s%s", (int)(n < 70 ? n : 70),
		 quoted, about.len > 32 || n > 70 ? "..." : "");
	return e;
}

/* ---- space and comments ---- */

static enum err skip_comment(struct gate *g)
{
	const char *at = g->p;
	size_t left = (size_t)(g->end - at);

	if (!g->limits->comments)
		return fail(g, ERR_SYNTAX, at, "comments are not allowed here");
	if (left >= 2 && at[1] == '/') {
		const char *newline = memchr(at, '\n', left);

		g->p = newline != NULL ? newline + 1 : g->end;
		if (!text_is_utf8((struct span){ at, (size_t)(g->p - at) }))
			return fail(g, ERR_SYNTAX, at, "a comment is not UTF-8");
		return ERR_OK;
	}
	if (left < 2 || at[1] != '*')
		return fail(g, ERR_SYNTAX, at, "a comment starts with // or /*");
	const char *close = memmem(at + 2, left - 2, "*/", 2);
	if (close == NULL)
		return fail(g, ERR_SYNTAX, at, "this comment is never closed: */ is missing");
	g->p = close + 2;
	if (!text_is_utf8((struct span){ at, (size_t)(g->p - at) }))
		return fail(g, ERR_SYNTAX, at, "a comment is not UTF-8");
	return ERR_OK;
}

static enum err skip_space(struct gate *g)
{
	for (;;) {
		while (g->p < g->end &&
		       (*g->p == ' ' || *g->p == '\n' || *g->p == '\r' || *g->p == '\t'))
			g->p++;
		if (g->p == g->end || *g->p != '/')
			return ERR_OK;
		enum err e = skip_comment(g);
		if (e != ERR_OK)
			return e;
	}
}

/* ---- strings ---- */

const char *json_skip_plain(const char *p, const char *end)
{
	while ((size_t)(end - p) >= sizeof(uint64_t)) {
		uint64_t w, quote, slash, hit;

		memcpy(&w, p, sizeof w);
		quote = w ^ (EACH_BYTE * '"');
		slash = w ^ (EACH_BYTE * '\\');
		/* A byte's high bit is set when it is zero after the xor, below 0x20, or not
		 * ASCII. */
		hit = (((quote - EACH_BYTE) & ~quote) | ((slash - EACH_BYTE) & ~slash) |
		       ((w - EACH_BYTE * 0x20) & ~w) | w) &
		      HIGH_BITS;
		if (hit != 0 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
			return p + __builtin_ctzll(hit) / 8; /* borrows run upwards only */
		if (hit != 0)
			break;
		p += sizeof w;
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
	       *p != '\\')
		p++;
	return p;
}

static enum err check_escape(struct gate *g, size_t *saved)
{
	char out[4];
	const char *at = g->p;
	size_t n = json_unescape(&g->p, g->end, out);

	if (n == 0) {
		bool unicode = g->end - at >= 2 && at[1] == 'u';

		return fail(g, ERR_SYNTAX, at,
			    unicode ? "\\u needs four hex digits and no lone surrogate"
				    : "unknown escape in a string");
	}
	if (out[0] == '\0')
		return fail(g, ERR_SYNTAX, at, "\\u0000 is not allowed in a string");
	*saved += (size_t)(g->p - at) - n;
	return ERR_OK;
}

/*
 * The string whose opening quote stands at g->p. *ret_raw is what stands between the quotes,
 * *ret_saved how many bytes unescaping takes away (0: no escapes).
 */
static enum err check_string(struct gate *g, struct span *ret_raw, size_t *ret_saved)
{
	const char *open = g->p++;
	size_t saved = 0;

	for (;;) {
		g->p = json_skip_plain(g->p, g->end);
		if (g->p == g->end)
			return fail(g, ERR_SYNTAX, open,
				    "this string is never closed: \" is missing");
		unsigned char c = (unsigned char)*g->p;
		if (c == '"')
			break;
		if (c == '\\') {
			enum err e = check_escape(g, &saved);

			if (e != ERR_OK)
				return e;
		} else if (c < 0x20) {
			return fail(g, ERR_SYNTAX, g->p,
				    "a control character in a string must be escaped");
		} else {
			size_t n =
				text_utf8_first((struct span){ g->p, (size_t)(g->end - g->p) });

			if (n == 0)
				return fail(g, ERR_SYNTAX, g->p, "a string is not valid UTF-8");
			g->p += n;
		}
	}
	*ret_raw = (struct span){ open + 1, (size_t)(g->p - open - 1) };
	*ret_saved = saved;
	g->p++;
	if (ret_raw->len - saved > g->limits->max_string_bytes)
		return fail(g, ERR_TOO_BIG, open, "a string is too long");
	return ERR_OK;
}

/* ---- keys ---- */

static enum err fail_duplicate(struct gate *g, const struct json_key *first,
			       const struct json_key *second)
{
	bool exact = memcmp(first->ptr, second->ptr, first->len) == 0;

	return fail_about(g, ERR_SYNTAX, second->at,
			  exact ? "this key stands twice in one object"
				: "two keys of one object differ only in upper and lower case",
			  (struct span){ second->ptr, second->len });
}

static enum err check_key(struct gate *g)
{
	const char *at = g->p;
	const struct json_key *twin;
	struct span raw;
	size_t saved;
	enum err e = check_string(g, &raw, &saved);

	if (e != ERR_OK)
		return e;
	e = json_keys_add(&g->keys, g->frames[g->depth - 1].first_key, raw, saved, &twin);
	if (e == ERR_EXISTS)
		return fail_duplicate(g, twin, &g->keys.all[g->keys.len - 1]);
	return e == ERR_OK ? ERR_OK : fail(g, e, at, "out of memory");
}

static enum err close_object(struct gate *g)
{
	const struct json_key *first, *second;

	if (json_keys_close(&g->keys, g->frames[g->depth - 1].first_key, &first, &second))
		return ERR_OK;
	return fail_duplicate(g, first, second);
}

/* ---- numbers ---- */

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* A copy with a NUL for strtod(); numbers longer than the local buffer are allocated. */
static bool read_double(struct span number, double *ret)
{
	char local[128], *heap = NULL;
	char *copy = local;

	if (number.len >= sizeof local) {
		copy = heap = fault_here() ? NULL : malloc(number.len + 1);
		if (copy == NULL)
			return false;
	}
	memcpy(copy, number.ptr, number.len);
	copy[number.len] = '\0';
	*ret = strtod(copy, NULL);
	free(heap);
	return true;
}

/* Whether the integer literal is what the double nearest to it prints as, digit for digit. */
static bool is_exact(struct span integer, double v)
{
	char text[400]; /* the largest double has 309 digits */
	int n = snprintf(text, sizeof text, "%.0f", v);

	return n > 0 && span_equal(integer, (struct span){ text, (size_t)n });
}

static enum err check_magnitude(struct gate *g, struct span number, bool integer)
{
	double v;

	if (!read_double(number, &v))
		return fail(g, ERR_NO_MEMORY, number.ptr, "out of memory");
	if (isinf(v))
		return fail_about(g, ERR_SYNTAX, number.ptr, "a number is too large", number);
	if (integer && !g->limits->long_integers && !is_exact(number, v))
		return fail_about(
			g, ERR_SYNTAX, number.ptr,
			"an integer beyond 2^53 would be rounded: write it as a string",
			number);
	return ERR_OK;
}

/* The exponent after 'e', clamped; p stands on its sign or first digit. */
static int read_exponent(const char *p, const char *end)
{
	int v = 0;
	bool minus = *p == '-';

	if (*p == '-' || *p == '+')
		p++;
	for (; p < end && v < 100000; p++)
		v = v * 10 + (*p - '0');
	return minus ? -v : v;
}

static enum err check_number(struct gate *g)
{
	const char *at = g->p, *p = at + (*at == '-'), *digits = p;
	int exponent = 0;
	bool integer = true;

	p = skip_digits(p, g->end);
	if (p == digits)
		return fail(g, ERR_SYNTAX, p, "a digit is missing after '-'");
	if (*digits == '0' && p - digits > 1)
		return fail(g, ERR_SYNTAX, digits,
			    "a number does not start with 0 and another digit");
	long whole = p - digits;
	if (p < g->end && *p == '.') {
		const char *fraction = ++p;

		integer = false;
		p = skip_digits(p, g->end);
		if (p == fraction)
			return fail(g, ERR_SYNTAX, p, "a digit is missing after '.'");
	}
	if (p < g->end && (*p == 'e' || *p == 'E')) {
		const char *sign = ++p;

		integer = false;
		p += p < g->end && (*p == '+' || *p == '-');
		const char *power = p;
		p = skip_digits(p, g->end);
		if (p == power)
			return fail(g, ERR_SYNTAX, p, "a digit is missing in the exponent");
		exponent = read_exponent(sign, p);
	}
	g->p = p;
	if (integer ? whole > SAFE_DIGITS : whole + exponent > SAFE_MAGNITUDE)
		return check_magnitude(g, (struct span){ at, (size_t)(p - at) }, integer);
	return ERR_OK;
}

/* ---- the machine ---- */

static enum err check_word(struct gate *g, const char *word)
{
	if (!span_starts((struct span){ g->p, (size_t)(g->end - g->p) }, word))
		return fail(g, ERR_SYNTAX, g->p, "a value is expected here");
	g->p += strlen(word);
	return ERR_OK;
}

static enum err open_container(struct gate *g, bool object)
{
	uint32_t max =
		g->limits->max_depth < JSON_DEPTH_CAP ? g->limits->max_depth : JSON_DEPTH_CAP;

	if (g->depth >= max)
		return fail(g, ERR_TOO_BIG, g->p, "arrays and objects are nested too deeply");
	g->frames[g->depth++] = (struct frame){ g->keys.len, object };
	g->p++;
	return ERR_OK;
}

static enum err on_value(struct gate *g, enum state *next)
{
	struct span raw;
	size_t saved;

	if (++g->values > g->limits->max_values)
		return fail(g, ERR_TOO_BIG, g->p, "there are too many values");
	*next = AFTER;
	switch (*g->p) {
	case '"':
		return check_string(g, &raw, &saved);
	case '{':
		*next = FIRST_KEY;
		return open_container(g, true);
	case '[':
		*next = FIRST_ITEM;
		return open_container(g, false);
	case 't':
		return check_word(g, "true");
	case 'f':
		return check_word(g, "false");
	case 'n':
		return check_word(g, "null");
	default:
		if (*g->p == '-' || (*g->p >= '0' && *g->p <= '9'))
			return check_number(g);
		if ((*g->p == ']' || *g->p == '}') && g->values > 1)
			return fail(g, ERR_SYNTAX, g->p,
				    "a value is expected here (JSON has no trailing commas)");
		return fail(g, ERR_SYNTAX, g->p, "a value is expected here");
	}
}

static enum err on_close(struct gate *g, enum state *next)
{
	enum err e = g->frames[g->depth - 1].object ? close_object(g) : ERR_OK;

	g->p++;
	g->depth--;
	*next = AFTER;
	return e;
}

static enum err on_key(struct gate *g, bool first, enum state *next)
{
	if (*g->p == '}' && first)
		return on_close(g, next);
	if (*g->p != '"')
		return fail(g, ERR_SYNTAX, g->p,
			    *g->p == '}'
				    ? "a key is expected here (JSON has no trailing commas)"
				    : "a key in double quotes is expected here");
	enum err e = check_key(g);
	if (e == ERR_OK)
		e = skip_space(g);
	if (e != ERR_OK)
		return e;
	if (g->p == g->end || *g->p != ':')
		return fail(g, ERR_SYNTAX, g->p, "':' is missing after a key");
	g->p++;
	*next = VALUE;
	return ERR_OK;
}

static enum err on_after(struct gate *g, enum state *next)
{
	if (g->depth == 0)
		return fail(g, ERR_SYNTAX, g->p, "something follows the end of the JSON value");
	bool object = g->frames[g->depth - 1].object;

	if (*g->p == ',') {
		g->p++;
		*next = object ? NEXT_KEY : VALUE;
		return ERR_OK;
	}
	if (*g->p == (object ? '}' : ']'))
		return on_close(g, next);
	return fail(g, ERR_SYNTAX, g->p,
		    object ? "',' or '}' is expected here" : "',' or ']' is expected here");
}

static enum err step(struct gate *g, enum state *s)
{
	switch (*s) {
	case VALUE:
		return on_value(g, s);
	case FIRST_KEY:
		return on_key(g, true, s);
	case NEXT_KEY:
		return on_key(g, false, s);
	case FIRST_ITEM:
		return *g->p == ']' ? on_close(g, s) : on_value(g, s);
	case AFTER:
		return on_after(g, s);
	case DONE:
		break;
	}
	return ERR_OK;
}

static enum err run(struct gate *g)
{
	enum state s = VALUE;

	if (span_starts((struct span){ g->start, (size_t)(g->end - g->start) }, "\xef\xbb\xbf"))
		return fail(g, ERR_SYNTAX, g->start, "a byte order mark is not allowed");
	while (s != DONE) {
		enum err e = skip_space(g);

		if (e != ERR_OK)
			return e;
		if (g->p == g->end) {
			if (s == AFTER && g->depth == 0) {
				s = DONE;
				continue;
			}
			return fail(g, ERR_SYNTAX, g->p,
				    g->values == 0 ? "there is no JSON value"
						   : "the text ends inside an array or object");
		}
		e = step(g, &s);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err json_check(struct span text, const struct json_limits *limits,
		    struct json_where *reterr)
{
	struct gate g;

	/* Field by field: the arrays need no clearing, and they are most of the struct. */
	g.start = g.p = text.ptr != NULL ? text.ptr : "";
	g.end = g.start + text.len;
	g.limits = limits;
	g.where = reterr;
	g.depth = g.values = 0;
	json_keys_init(&g.keys, text.len);

	enum err e = run(&g);
	json_keys_free(&g.keys);
	return e;
}
