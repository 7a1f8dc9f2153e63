/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masking the text of a JSON value: the arguments of a call, the schema of a tool.
 *
 *   each string as what it says --> the text as it stands --found--> again
 *                                          '--nothing--> done
 *
 * Strings first, because a value in one ("O\"Brien", "M\u00fcller") must get the placeholder
 * that it has in plain text. The text as it stands second, because a name beside a value tells
 * what it is ({"password": …}), and because it may leave as a string inside another JSON text,
 * where it is looked at like that. What is found there is cut at the borders of strings and of
 * their escapes, so the result is JSON again.
 */
#include <stdlib.h>

#include "common/json.h"
#include "scan/map.h"
#include "scan/scan_impl.h"

#define ROUNDS      6
#define ARENA_BYTES ((size_t)64 * 1024 * 1024)

/* Given what a string says, appends what it is to say. */
typedef enum err string_change(void *ctx, struct span text, struct buf *out);

static void drop(struct buf *b)
{
	if (b->ptr != NULL)
		explicit_bzero(b->ptr, b->cap);
	buf_free(b);
}

/* Behind the closing quote of the string whose opening one is at `at`; 0: it has no end. */
static size_t string_end(struct span t, size_t at)
{
	for (at++; at < t.len; at++) {
		if (t.ptr[at] == '\\')
			at++;
		else if (t.ptr[at] == '"')
			return at + 1;
	}
	return 0;
}

static bool unescape(struct span raw, struct buf *out)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len;

	while (p < end) {
		char c[4];
		size_t n = json_unescape(&p, end, c);

		if (n == 0)
			return false;
		buf_add(out, (struct span){ c, n });
	}
	return !out->failed;
}

static enum err each_string(struct span json, string_change *change, void *ctx, struct buf *out)
{
	struct buf said, says;
	enum err e = ERR_OK;
	size_t at = 0;

	buf_init(&said, json.len + 1);
	buf_init(&says, json.len * 4 + 4096);
	while (e == ERR_OK && at < json.len) {
		const char *q = memchr(json.ptr + at, '"', json.len - at);
		size_t quote = q != NULL ? (size_t)(q - json.ptr) : json.len;
		size_t end = q != NULL ? string_end(json, quote) : json.len;

		buf_add(out, (struct span){ json.ptr + at, quote - at });
		at = end;
		if (q == NULL)
			break;
		buf_clear(&said);
		buf_clear(&says);
		if (end == 0 || !unescape((struct span){ q + 1, end - quote - 2 }, &said))
			e = ERR_SYNTAX;
		else
			e = change(ctx, buf_span(&said), &says);
		if (e == ERR_OK && span_equal(buf_span(&said), buf_span(&says)))
			buf_add(out, (struct span){ q, end - quote });
		else if (e == ERR_OK)
			json_put_string(out, buf_span(&says));
	}
	if (e == ERR_OK && (out->failed || says.failed))
		e = ERR_TOO_BIG;
	drop(&said);
	drop(&says);
	return e;
}

/* ---- what the scanner finds ---- */

struct job {
	const struct scanner *s;
	const struct scan_set *want;
	const struct scan_budget *budget;
	struct scan_map *map;
};

static enum err mask_string(void *ctx, struct span text, struct buf *out)
{
	const struct job *j = ctx;

	return scan_mask(j->s, text, j->want, j->budget, j->map, out);
}

/* The part of [from, to) that lies in the escapes and characters of a string's inside. */
static void whole_characters(struct span json, size_t inside, size_t inside_end, size_t *from,
			     size_t *to)
{
	const char *p = json.ptr + inside;
	size_t first = SIZE_MAX, last = inside_end;

	while (p < json.ptr + inside_end) {
		size_t start = (size_t)(p - json.ptr);
		char c[4];

		if (json_unescape(&p, json.ptr + inside_end, c) == 0)
			break;
		if ((size_t)(p - json.ptr) > *from && first == SIZE_MAX)
			first = start;
		if ((size_t)(p - json.ptr) >= *to) {
			last = (size_t)(p - json.ptr);
			break;
		}
	}
	*from = first != SIZE_MAX ? first : inside_end;
	*to = last;
}

static bool is_number_char(char c)
{
	return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

struct cut {
	const struct job *job;
	struct span json;
	const struct scan_span *found;
	struct buf *out;
	struct buf *value;
	bool any;
};

static enum err put_placeholder(struct cut *c, struct span value)
{
	struct span name = scan_map_placeholder(
		c->job->map, mask_placeholder_name(c->job->s, c->found->category), value,
		c->json);

	if (name.ptr == NULL)
		return scan_map_count(c->job->map) > 0 ? ERR_TOO_BIG : ERR_NO_MEMORY;
	buf_add(c->out, name);
	c->any = true;
	return ERR_OK;
}

/* The finding's part of one string; what is before and behind it stays. Returns through *at how
 * far the string was put out. */
static enum err cut_string(struct cut *c, size_t inside_end, size_t *at)
{
	size_t from = c->found->start > *at ? c->found->start : *at;
	size_t to = c->found->end < inside_end ? c->found->end : inside_end;

	whole_characters(c->json, *at, inside_end, &from, &to);
	buf_add(c->out, (struct span){ c->json.ptr + *at, from - *at });
	*at = to;
	buf_clear(c->value);
	if (from == to)
		return ERR_OK;
	if (!unescape((struct span){ c->json.ptr + from, to - from }, c->value))
		return ERR_SYNTAX;
	return put_placeholder(c, buf_span(c->value));
}

static enum err cut_number(struct cut *c, size_t *at)
{
	size_t end = *at;

	while (is_number_char(byte_at(c->json, end)))
		end++;
	buf_add_char(c->out, '"');
	enum err e = put_placeholder(c, (struct span){ c->json.ptr + *at, end - *at });
	buf_add_char(c->out, '"');
	*at = end;
	return e;
}

/* Copies a string, cutting out the findings that reach into it. */
static enum err copy_string(struct cut *c, const struct scan_span *end_of_found, size_t *at)
{
	size_t end = string_end(c->json, *at);
	enum err e = ERR_OK;

	if (end == 0)
		return ERR_SYNTAX;
	buf_add_char(c->out, '"');
	++*at;
	while (e == ERR_OK && c->found < end_of_found && c->found->start < end - 1) {
		if (c->found->end > *at)
			e = cut_string(c, end - 1, at);
		if (c->found->end > end - 1)
			break; /* it goes on behind this string */
		c->found++;
	}
	buf_add(c->out, (struct span){ c->json.ptr + *at, end - *at });
	*at = end;
	return e;
}

static enum err cut_out(struct cut *c, const struct scan_result *r)
{
	const struct scan_span *end_of_found = r->spans + r->count;
	enum err e = ERR_OK;

	c->found = r->spans;
	for (size_t at = 0; e == ERR_OK && at < c->json.len;) {
		while (c->found < end_of_found && c->found->end <= at)
			c->found++;
		bool here = c->found < end_of_found && c->found->start <= at;
		bool starts_number = is_digit(c->json.ptr[at]) || c->json.ptr[at] == '-';
		size_t number_end = at;

		while (starts_number && is_number_char(byte_at(c->json, number_end)))
			number_end++;
		if (c->json.ptr[at] == '"') {
			e = copy_string(c, end_of_found, &at);
		} else if (starts_number && (here || (c->found < end_of_found &&
						      c->found->start < number_end))) {
			e = cut_number(c, &at);
		} else {
			size_t n = starts_number ? number_end - at : 1;

			buf_add(c->out, (struct span){ c->json.ptr + at, n });
			at += n;
		}
	}
	return e == ERR_OK && c->out->failed ? ERR_TOO_BIG : e;
}

static enum err mask_as_it_stands(struct job *j, struct span json, struct buf *out,
				  bool *ret_found, bool *ret_any)
{
	struct arena *a = arena_new("mask", ARENA_BYTES);
	struct scan_result r;
	struct buf value;
	enum err e =
		a != NULL ? scan_wanted(j->s, json, j->want, j->budget, a, &r) : ERR_NO_MEMORY;

	*ret_found = *ret_any = false;
	buf_init(&value, json.len + 1);
	if (e == ERR_OK && r.status != SCAN_COMPLETE)
		e = ERR_TOO_BIG;
	if (e == ERR_OK) {
		struct cut c = { .job = j, .json = json, .out = out, .value = &value };

		*ret_found = r.count > 0;
		e = cut_out(&c, &r);
		*ret_any = c.any;
	}
	drop(&value);
	arena_free(a);
	return e;
}

enum err scan_mask_json(const struct scanner *s, struct span text, const struct scan_set *want,
			const struct scan_budget *budget, struct scan_map *m, struct buf *out)
{
	struct job j = { .s = s, .want = want, .budget = budget, .map = m };
	struct buf strings, whole;
	struct span now = text;
	enum err e = ERR_OK;
	bool found = true, any = true;

	buf_init(&strings, text.len * 4 + 4096);
	buf_init(&whole, text.len * 4 + 4096);
	for (unsigned i = 0; i < ROUNDS && e == ERR_OK && found && any; i++) {
		buf_clear(&strings);
		e = each_string(now, mask_string, &j, &strings);
		buf_clear(&whole);
		if (e == ERR_OK)
			e = mask_as_it_stands(&j, buf_span(&strings), &whole, &found, &any);
		now = buf_span(&whole);
	}
	if (e == ERR_OK && found)
		e = ERR_MISMATCH;
	if (e == ERR_OK) {
		buf_add(out, now);
		e = out->failed ? ERR_TOO_BIG : ERR_OK;
	}
	drop(&strings);
	drop(&whole);
	return e;
}

/* ---- what is known ---- */

static enum err replace_known(void *ctx, struct span text, struct buf *out)
{
	const struct scan_map *m = ctx;

	scan_mask_known(m, text, out);
	return out->failed ? ERR_TOO_BIG : ERR_OK;
}

enum err scan_mask_known_json(const struct scan_map *m, struct span text, struct buf *out)
{
	return each_string(text, replace_known, (void *)(uintptr_t)m, out);
}
