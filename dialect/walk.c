/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over JSON text that the gate has accepted. The gate did the judging (syntax,
 * depth, duplicate keys, UTF-8, numbers), so this only finds ends: of a string at the first
 * quote without a backslash, of an object by counting brackets outside strings.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "dialect/impl.h"

struct walk walk_of(struct span text)
{
	const char *p = text.ptr != NULL ? text.ptr : "";

	return (struct walk){ p, p + text.len };
}

static void skip_space(struct walk *w)
{
	while (w->p < w->end &&
	       (*w->p == ' ' || *w->p == '\t' || *w->p == '\n' || *w->p == '\r'))
		w->p++;
}

enum walk_kind walk_kind(struct walk *w)
{
	skip_space(w);
	if (w->p == w->end)
		return WALK_NONE;
	switch (*w->p) {
	case '{':
		return WALK_OBJECT;
	case '[':
		return WALK_ARRAY;
	case '"':
		return WALK_STRING;
	case 't':
		return WALK_TRUE;
	case 'f':
		return WALK_FALSE;
	case 'n':
		return WALK_NULL;
	case ']':
	case '}':
		return WALK_NONE;
	default:
		return WALK_NUMBER;
	}
}

static void skip_string(struct walk *w)
{
	const char *quote;

	w->p++;
	/* A quote is the end unless an odd run of backslashes stands before it. */
	while ((quote = memchr(w->p, '"', (size_t)(w->end - w->p))) != NULL) {
		const char *slash = quote;

		while (slash > w->p && slash[-1] == '\\')
			slash--;
		w->p = quote + 1;
		if ((quote - slash) % 2 == 0)
			return;
	}
	w->p = w->end;
}

static void skip_nested(struct walk *w)
{
	size_t depth = 0;

	while (w->p < w->end) {
		char c = *w->p;

		if (c == '"') {
			skip_string(w);
			continue;
		}
		w->p++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return;
	}
}

static bool ends_scalar(char c)
{
	return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\t' || c == '\r' ||
	       c == '\n';
}

struct span walk_value(struct walk *w)
{
	enum walk_kind kind = walk_kind(w);
	const char *start = w->p;

	if (kind == WALK_STRING)
		skip_string(w);
	else if (kind == WALK_OBJECT || kind == WALK_ARRAY)
		skip_nested(w);
	else if (kind != WALK_NONE)
		while (w->p < w->end && !ends_scalar(*w->p))
			w->p++;
	return (struct span){ start, (size_t)(w->p - start) };
}

/* Past '{', '[' or a comma; false and past the closing bracket at the end. */
static bool next(struct walk *w)
{
	skip_space(w);
	if (w->p == w->end)
		return false;
	char c = *w->p++;
	if (c == '}' || c == ']')
		return false;
	skip_space(w);
	if (w->p < w->end && (*w->p == '}' || *w->p == ']')) {
		w->p++;
		return false;
	}
	return w->p < w->end;
}

bool walk_element(struct walk *w)
{
	return next(w);
}

bool walk_member(struct walk *w, struct span *ret_raw_key)
{
	if (!next(w))
		return false;
	struct span key = walk_value(w);
	if (key.len < 2)
		return false;
	*ret_raw_key = (struct span){ key.ptr + 1, key.len - 2 };
	skip_space(w);
	if (w->p < w->end && *w->p == ':')
		w->p++;
	skip_space(w);
	return true;
}

bool walk_string(struct span raw, struct buf *scratch, struct span *ret)
{
	if (raw.len < 2 || raw.ptr[0] != '"')
		return false;
	struct span inside = { raw.ptr + 1, raw.len - 2 };
	if (memchr(inside.ptr, '\\', inside.len) == NULL) {
		*ret = inside;
		return true;
	}
	const char *p = inside.ptr;
	const char *end = inside.ptr + inside.len;
	buf_clear(scratch);
	while (p < end) {
		char c[4];
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		const char *plain_end = slash != NULL ? slash : end;

		buf_add(scratch, (struct span){ p, (size_t)(plain_end - p) });
		p = plain_end;
		if (p == end)
			break;
		size_t n = json_unescape(&p, end, c);
		if (n == 0)
			return false;
		buf_add(scratch, (struct span){ c, n });
	}
	*ret = buf_span(scratch);
	return !scratch->failed;
}

bool walk_number(struct span raw, double *ret)
{
	char text[64];
	char *end;

	if (raw.len == 0 || strchr("-0123456789", raw.ptr[0]) == NULL ||
	    !span_copy(raw, text, sizeof text))
		return false;
	*ret = strtod(text, &end);
	return *end == '\0';
}

/* The usual spelling, digits alone; every number of 15 digits is below 2^53. */
static bool small_count(struct span raw, int64_t *ret)
{
	int64_t n = 0;

	if (raw.len == 0 || raw.len > 15)
		return false;
	for (size_t i = 0; i < raw.len; i++) {
		if (raw.ptr[i] < '0' || raw.ptr[i] > '9')
			return false;
		n = n * 10 + (raw.ptr[i] - '0');
	}
	*ret = n;
	return true;
}

bool walk_count(struct span raw, int64_t *ret)
{
	double v;

	if (small_count(raw, ret))
		return true;
	if (!walk_number(raw, &v) || !(v >= 0 && v <= 0x1p53) || v != (double)(int64_t)v)
		return false;
	*ret = (int64_t)v;
	return true;
}

/* Most differ in the first byte. */
static bool is_key(struct span key, const char *wanted)
{
	return key.len > 0 && key.ptr[0] == wanted[0] && span_is(key, wanted);
}

void walk_members(struct span object, const struct walk_wanted *wanted, size_t n)
{
	struct walk w = walk_of(object);
	struct span key;

	if (walk_kind(&w) != WALK_OBJECT)
		return;
	while (walk_member(&w, &key)) {
		struct span value = walk_value(&w);

		for (size_t i = 0; i < n; i++)
			if (is_key(key, wanted[i].key) && !walk_is_null(value))
				*wanted[i].ret = value;
	}
}
