/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in a text a value stands. Meant for texts that passed the gate; on any other bytes
 * the answer is SIZE_MAX or some offset within the text, never a read outside it. Works with
 * a cursor that is NULL once something was not found.
 */
#include <stdint.h>
#include <string.h>

#include "common/json.h"
#include "common/json_impl.h"

struct cursor {
	const char *p, *end; /* p NULL: lost */
};

void json_line_column(struct span text, size_t offset, uint32_t *ret_line, uint32_t *ret_column)
{
	uint32_t line = 1;
	size_t start = 0;

	if (offset > text.len)
		offset = text.len;
	for (size_t i = 0; i < offset; i++) {
		if (text.ptr[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	*ret_line = line;
	*ret_column = (uint32_t)(offset - start) + 1;
}

static bool at(const struct cursor *c, char want)
{
	return c->p != NULL && c->p < c->end && *c->p == want;
}

static void skip_space(struct cursor *c)
{
	while (c->p != NULL && c->p < c->end) {
		size_t left = (size_t)(c->end - c->p);

		if (strchr(" \t\r\n", *c->p) != NULL && *c->p != '\0') {
			c->p++;
		} else if (left >= 2 && c->p[0] == '/' && c->p[1] == '/') {
			const char *newline = memchr(c->p, '\n', left);

			c->p = newline != NULL ? newline + 1 : c->end;
		} else if (left >= 4 && c->p[0] == '/' && c->p[1] == '*') {
			const char *close = memmem(c->p + 2, left - 2, "*/", 2);

			c->p = close != NULL ? close + 2 : c->end;
		} else {
			return;
		}
	}
}

static void skip_string(struct cursor *c)
{
	for (c->p++; c->p < c->end && *c->p != '"'; c->p++) {
		if (*c->p == '\\' && c->end - c->p > 1)
			c->p++;
	}
	if (c->p < c->end)
		c->p++;
}

/* Past one value. Brackets are only counted: the gate has matched them. */
static void skip_value(struct cursor *c)
{
	size_t depth = 0;

	skip_space(c);
	while (c->p != NULL && c->p < c->end) {
		char ch = *c->p;

		if (depth == 0 && (ch == ',' || ch == ']' || ch == '}'))
			return;
		if (ch == '"') {
			skip_string(c);
		} else if (ch == '/') {
			const char *before = c->p;

			skip_space(c);
			if (c->p == before)
				c->p++;
			continue;
		} else {
			depth += ch == '{' || ch == '[';
			depth -= ch == '}' || ch == ']';
			c->p++;
		}
		if (depth == 0 && (ch == '"' || ch == '}' || ch == ']'))
			return;
	}
}

/* Whether the string at the cursor is `want` after unescaping; the cursor moves past it. */
static bool take_key(struct cursor *c, struct span want)
{
	const char *p = c->p + 1;
	size_t n = 0;
	bool same = true;

	skip_string(c);
	const char *end = c->p - 1;
	while (same && p < end) {
		char out[4];
		size_t got = json_unescape(&p, end, out);

		same = got > 0 && n + got <= want.len && memcmp(want.ptr + n, out, got) == 0;
		n += got;
	}
	return same && n == want.len;
}

/* From the '{' to the value of `key`; *ret_key is where the key stands. */
static void enter_object(struct cursor *c, struct span key, const char **ret_key)
{
	c->p++;
	for (;;) {
		skip_space(c);
		if (!at(c, '"'))
			break;
		*ret_key = c->p;
		bool found = take_key(c, key);
		skip_space(c);
		if (!at(c, ':'))
			break;
		c->p++;
		skip_space(c);
		if (found)
			return;
		skip_value(c);
		skip_space(c);
		if (!at(c, ','))
			break;
		c->p++;
	}
	c->p = NULL;
}

/* From the '[' to item `index`, decimal without leading zeros (RFC 6901 section 4). */
static void enter_array(struct cursor *c, struct span index)
{
	size_t n = 0;

	if (index.len == 0 || index.len > 9 || (index.len > 1 && index.ptr[0] == '0'))
		goto lost;
	for (size_t i = 0; i < index.len; i++) {
		if (index.ptr[i] < '0' || index.ptr[i] > '9')
			goto lost;
		n = n * 10 + (size_t)(index.ptr[i] - '0');
	}
	c->p++;
	skip_space(c);
	while (n-- > 0) {
		skip_value(c);
		skip_space(c);
		if (!at(c, ','))
			goto lost;
		c->p++;
		skip_space(c);
	}
	if (c->p < c->end && *c->p != ']')
		return;
lost:
	c->p = NULL;
}

/* The next reference token, with ~1 and ~0 undone (RFC 6901 section 4). False: too long. */
static bool next_token(const char **path, const char *end, char *out, size_t cap,
		       size_t *ret_len)
{
	size_t n = 0;

	for ((*path)++; *path < end && **path != '/'; (*path)++) {
		char c = **path;

		if (c == '~' && *path + 1 < end && ((*path)[1] == '0' || (*path)[1] == '1')) {
			(*path)++;
			c = **path == '1' ? '/' : '~';
		}
		if (n == cap)
			return false;
		out[n++] = c;
	}
	*ret_len = n;
	return true;
}

size_t json_offset_of(struct span text, const char *path)
{
	struct cursor c = { text.ptr != NULL ? text.ptr : "", NULL };
	const char *start = c.p, *key_at = NULL, *end = path + strlen(path);
	bool want_key = end > path && end[-1] == '#';

	c.end = c.p + text.len;
	end -= want_key;
	skip_space(&c);
	while (path < end && c.p != NULL) {
		char token[256];
		size_t len;

		if (*path != '/' || !next_token(&path, end, token, sizeof token, &len))
			return SIZE_MAX;
		key_at = NULL;
		if (at(&c, '{'))
			enter_object(&c, (struct span){ token, len }, &key_at);
		else if (at(&c, '['))
			enter_array(&c, (struct span){ token, len });
		else
			return SIZE_MAX;
	}
	if (c.p == NULL || c.p >= c.end)
		return SIZE_MAX;
	if (want_key)
		return key_at != NULL ? (size_t)(key_at - start) : SIZE_MAX;
	return (size_t)(c.p - start);
}
