/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict gate: one pass over the text, no tree, no recursion.
 *
 *   VALUE --scalar--> AFTER --','--> NEXT_KEY or VALUE
 *     |                 ^  '--'}' ']'--> AFTER (one level up)
 *     '--'{'--> FIRST_KEY --key ':'--> VALUE
 *     '--'['--> FIRST_ITEM --> VALUE, or ']' --> AFTER
 *
 * Keys of all open objects lie on one stack; a frame remembers where its own begin. The
 * first PAIRWISE_KEYS keys of an object are compared as they come; an object with more is
 * sorted when it closes, so 100,000 keys cost n log n and never n squared, whatever their
 * bytes. Keys are compared unescaped and with ASCII letters folded.
 *
 * Invariants
 *   1. g->p never passes g->end.
 *   2. A key's bytes stay where they are until the gate returns: they are the text itself,
 *      or, for a key with escapes, a scratch area that is allocated once at full size.
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

#define DEPTH_CAP        256
#define PAIRWISE_KEYS    16
#define INLINE_KEYS      48
#define CJSON_NUMBER_MAX 63 /* cJSON copies a number into 64 bytes */
#define SAFE_DIGITS      15 /* every integer of 15 digits is below 2^53 */
#define SAFE_MAGNITUDE   300

#define EACH_BYTE        UINT64_C(0x0101010101010101)
#define HIGH_BITS        UINT64_C(0x8080808080808080)

const struct json_limits json_limits_api = { 64, 100000, 4 * 1024 * 1024, false };
const struct json_limits json_limits_file = { 64, 100000, 4 * 1024 * 1024, true };

enum state { VALUE, FIRST_KEY, NEXT_KEY, FIRST_ITEM, AFTER, DONE };

struct key {
	uint64_t head;   /* first 8 bytes, folded, zero-padded */
	const char *ptr; /* unescaped bytes */
	const char *at;  /* opening quote in the text */
	uint32_t len;
};

struct frame {
	size_t first_key;
	bool object;
};

struct gate {
	const char *start, *p, *end;
	const struct json_limits *limits;
	struct json_where *where;
	uint32_t depth, values;
	bool rewrite;     /* cJSON needs a copy: comments or long numbers */
	struct key *keys; /* inline_keys or allocated */
	size_t keys_len, keys_cap;
	char *scratch; /* NULL until a key has an escape */
	size_t scratch_len;
	struct frame frames[DEPTH_CAP];
	struct key inline_keys[INLINE_KEYS];
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
	g->rewrite = true;
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

/* Past the run of printable ASCII without quote and backslash that starts at p. */
static const char *skip_plain(const char *p, const char *end)
{
	while ((size_t)(end - p) >= sizeof(uint64_t)) {
		uint64_t w, quote, slash, hit;

		memcpy(&w, p, sizeof w);
		quote = w ^ (EACH_BYTE * '"');
		slash = w ^ (EACH_BYTE * '\\');
		/* A byte's high bit is set when it is zero after the xor, below 0x20, or not
		 * ASCII. */
		hit = ((quote - EACH_BYTE) & ~quote) | ((slash - EACH_BYTE) & ~slash) |
		      ((w - EACH_BYTE * 0x20) & ~w) | w;
		if ((hit & HIGH_BITS) != 0)
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
		g->p = skip_plain(g->p, g->end);
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

/* Lower-cases the ASCII letters among eight bytes, all of which must be below 0x80 or stay. */
static uint64_t fold_word(uint64_t w)
{
	uint64_t low = w & ~HIGH_BITS;
	uint64_t from_a = low + EACH_BYTE * (0x80 - 'A');
	uint64_t past_z = low + EACH_BYTE * (0x80 - 'Z' - 1);
	uint64_t upper = from_a & ~past_z & ~w & HIGH_BITS;

	return w | upper >> 2; /* 0x80 >> 2 is the 0x20 between cases */
}

static uint64_t head_of(const char *p, size_t len)
{
	uint64_t w = 0;

	memcpy(&w, p, len < sizeof w ? len : sizeof w);
	return fold_word(w);
}

static int compare_folded(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
		uint64_t x = head_of(a + i, len - i), y = head_of(b + i, len - i);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static bool same_key(const struct key *a, const struct key *b)
{
	return a->head == b->head && a->len == b->len &&
	       compare_folded(a->ptr, b->ptr, a->len) == 0;
}

static enum err fail_duplicate(struct gate *g, const struct key *first,
			       const struct key *second)
{
	bool exact = memcmp(first->ptr, second->ptr, first->len) == 0;

	return fail_about(g, ERR_SYNTAX, second->at,
			  exact ? "this key stands twice in one object"
				: "two keys of one object differ only in upper and lower case",
			  (struct span){ second->ptr, second->len });
}

static bool grow_keys(struct gate *g)
{
	if (g->keys_len < g->keys_cap)
		return true;
	if (fault_here())
		return false;
	size_t cap = g->keys_cap * 2;
	bool moving = g->keys == g->inline_keys;
	struct key *keys = realloc(moving ? NULL : g->keys, cap * sizeof *keys);

	if (keys == NULL)
		return false;
	if (moving)
		memcpy(keys, g->inline_keys, sizeof g->inline_keys);
	g->keys = keys;
	g->keys_cap = cap;
	return true;
}

/* The bytes of a key with escapes; NULL when memory is out. Invariant 2. */
static const char *unescape_key(struct gate *g, struct span raw)
{
	if (g->scratch == NULL) {
		g->scratch = fault_here() ? NULL : malloc((size_t)(g->end - g->start));
		if (g->scratch == NULL)
			return NULL;
	}
	char *key = g->scratch + g->scratch_len;
	const char *p = raw.ptr;
	while (p < raw.ptr + raw.len) {
		char out[4];
		size_t n = json_unescape(&p, raw.ptr + raw.len, out);

		memcpy(g->scratch + g->scratch_len, out, n);
		g->scratch_len += n;
	}
	return key;
}

static enum err check_key(struct gate *g)
{
	struct key k = { .at = g->p };
	struct span raw;
	size_t saved;
	enum err e = check_string(g, &raw, &saved);

	if (e != ERR_OK)
		return e;
	k.ptr = saved == 0 ? raw.ptr : unescape_key(g, raw);
	if (k.ptr == NULL || !grow_keys(g))
		return fail(g, ERR_NO_MEMORY, k.at, "out of memory");
	k.len = (uint32_t)(raw.len - saved);
	k.head = head_of(k.ptr, k.len);

	size_t first = g->frames[g->depth - 1].first_key;
	if (g->keys_len - first < PAIRWISE_KEYS) {
		for (size_t i = first; i < g->keys_len; i++) {
			if (same_key(&g->keys[i], &k))
				return fail_duplicate(g, &g->keys[i], &k);
		}
	}
	g->keys[g->keys_len++] = k;
	return ERR_OK;
}

static int compare_keys(const void *left, const void *right)
{
	const struct key *a = left, *b = right;

	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	int order = compare_folded(a->ptr, b->ptr, a->len);
	if (order != 0)
		return order;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* Called when an object closes; looks for duplicates in one too large for the pairwise check.
 */
static enum err close_object(struct gate *g)
{
	size_t first = g->frames[g->depth - 1].first_key;
	size_t n = g->keys_len - first;
	struct key *keys = g->keys + first;

	g->keys_len = first;
	if (n <= PAIRWISE_KEYS)
		return ERR_OK;
	qsort(keys, n, sizeof *keys, compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (same_key(&keys[i - 1], &keys[i]))
			return fail_duplicate(g, &keys[i - 1], &keys[i]);
	}
	return ERR_OK;
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
	if (integer && !is_exact(number, v))
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
	if (p - at > CJSON_NUMBER_MAX)
		g->rewrite = true;
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
	uint32_t max = g->limits->max_depth < DEPTH_CAP ? g->limits->max_depth : DEPTH_CAP;

	if (g->depth >= max)
		return fail(g, ERR_TOO_BIG, g->p, "arrays and objects are nested too deeply");
	g->frames[g->depth++] = (struct frame){ g->keys_len, object };
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

static enum err check(struct span text, const struct json_limits *limits, bool *ret_rewrite,
		      struct json_where *reterr)
{
	struct gate g;

	/* Field by field: the arrays need no clearing, and they are most of the struct. */
	g.start = g.p = text.ptr != NULL ? text.ptr : "";
	g.end = g.start + text.len;
	g.limits = limits;
	g.where = reterr;
	g.depth = g.values = 0;
	g.rewrite = false;
	g.keys = g.inline_keys;
	g.keys_len = 0;
	g.keys_cap = INLINE_KEYS;
	g.scratch = NULL;
	g.scratch_len = 0;

	enum err e = run(&g);
	if (g.keys != g.inline_keys)
		free(g.keys);
	free(g.scratch);
	*ret_rewrite = g.rewrite;
	return e;
}

enum err json_check(struct span text, const struct json_limits *limits,
		    struct json_where *reterr)
{
	bool rewrite;

	return check(text, limits, &rewrite, reterr);
}

/* ---- parsing what passed ---- */

/* Past the string that starts at p; the text has passed the gate. */
static char *past_string(char *p)
{
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
	}
	return p + 1;
}

/* Spaces over the comment at p; returns what follows. */
static char *blank_comment(char *p, char *end)
{
	bool line = p[1] == '/';
	char *close = line ? memchr(p, '\n', (size_t)(end - p))
			   : memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
	char *stop = close == NULL ? end : close + (line ? 0 : 2);

	memset(p, ' ', (size_t)(stop - p));
	return stop;
}

/* The number at p in at most CJSON_NUMBER_MAX bytes, padded with spaces. */
static char *shorten_number(char *p, char *end)
{
	char *stop = p;

	while (stop < end && strchr("+-.0123456789eE", *stop) != NULL)
		stop++;
	size_t len = (size_t)(stop - p);
	if (len > CJSON_NUMBER_MAX) {
		char held = *stop, text[CJSON_NUMBER_MAX + 1];

		*stop = '\0'; /* the copy has one byte more than the text */
		int n = snprintf(text, sizeof text, "%.17g", strtod(p, NULL));
		*stop = held;
		memset(p, ' ', len);
		memcpy(p, text, (size_t)n);
	}
	return stop;
}

/* What cJSON cannot read is made readable: comments become spaces, long numbers shorter. */
static void rewrite(char *p, char *end)
{
	while (p < end) {
		if (*p == '"')
			p = past_string(p);
		else if (*p == '/')
			p = blank_comment(p, end);
		else if (*p == '-' || (*p >= '0' && *p <= '9'))
			p = shorten_number(p, end);
		else
			p++;
	}
}

static enum err parse_copy(struct span text, cJSON **ret)
{
	char *copy = fault_here() ? NULL : malloc(text.len + 1);

	if (copy == NULL)
		return ERR_NO_MEMORY;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	rewrite(copy, copy + text.len);
	cJSON *tree = cJSON_ParseWithLength(copy, text.len);
	free(copy);
	if (tree == NULL)
		return ERR_NO_MEMORY;
	*ret = tree;
	return ERR_OK;
}

enum err json_parse(struct span text, const struct json_limits *limits, cJSON **ret,
		    struct json_where *reterr)
{
	bool needs_copy;
	enum err e = check(text, limits, &needs_copy, reterr);

	if (e != ERR_OK)
		return e;
	if (needs_copy) {
		e = parse_copy(text, ret);
	} else {
		/* What passed the gate can only fail for want of memory. */
		cJSON *tree = fault_here() ? NULL : cJSON_ParseWithLength(text.ptr, text.len);

		e = tree != NULL ? ERR_OK : ERR_NO_MEMORY;
		if (tree != NULL)
			*ret = tree;
	}
	if (e != ERR_OK)
		*reterr = (struct json_where){ 0, 1, 1, "out of memory", "" };
	return e;
}
