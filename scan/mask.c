/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masking and restoring.
 *
 * Masking can bring new findings to light: two halves meet, or a finding that lost an overlap
 * is now alone. So it goes in rounds until a scan finds nothing that is wanted. Placeholders
 * themselves are never findings (scan_found), which is why the rounds end.
 *
 * Restoring holds back from a '[' only while the bytes could still become a placeholder:
 *
 *   PLAIN --'['--> HELD --full placeholder of the map--> value out, PLAIN
 *                    '--anything that cannot be one--> bytes out as they were, PLAIN
 *
 * In JSON that is done inside strings only; a placeholder is not looked for across an escape.
 */
#include <stdlib.h>

#include "common/fault.h"
#include "common/json.h"
#include "scan/map.h"
#include "scan/placeholder.h"
#include "scan/scan_impl.h"

#define MASK_ROUNDS      6
#define MASK_ARENA_BYTES ((size_t)64 * 1024 * 1024)

/* ---- the shape of placeholders ---- */

static bool is_name_char(char c)
{
	return is_upper(c) || is_digit(c) || c == '_';
}

/*
 * Reads as much of a placeholder as there is. Returns its length when it is whole, 0 when it
 * is not one, SIZE_MAX when the text ends inside.
 */
static size_t read_placeholder(struct span t, size_t at)
{
	size_t start = at, name, digits;

	if (byte_at(t, at++) != '[')
		return 0;
	for (name = 0; is_name_char(byte_at(t, at)) && name <= PLACEHOLDER_NAME_MAX; name++)
		at++;
	if (name > PLACEHOLDER_NAME_MAX || (name < 2 && at < t.len))
		return 0;
	if (at == t.len)
		return SIZE_MAX;
	if (t.ptr[at++] != '-')
		return 0;
	for (digits = 0; is_digit(byte_at(t, at)) && digits <= 6; digits++)
		at++;
	if (digits > 6)
		return 0;
	if (at == t.len)
		return SIZE_MAX;
	return digits > 0 && t.ptr[at] == ']' ? at + 1 - start : 0;
}

size_t placeholder_at(struct span t, size_t at)
{
	size_t n = read_placeholder(t, at);

	return n == SIZE_MAX ? 0 : n;
}

bool placeholder_may_start(struct span t, size_t at)
{
	return read_placeholder(t, at) == SIZE_MAX;
}

bool placeholder_touches(struct span t, size_t start, size_t end)
{
	size_t at = start > PLACEHOLDER_MAX ? start - PLACEHOLDER_MAX : 0;

	while (at < end) {
		const char *p = memchr(t.ptr + at, '[', end - at);

		if (p == NULL)
			return false;
		at = (size_t)(p - t.ptr);
		if (placeholder_at(t, at) + at > start && placeholder_at(t, at) > 0)
			return true;
		at++;
	}
	return false;
}

/* ---- masking ---- */

/* The word in a site category's placeholder: its last part in capitals. */
const char *mask_placeholder_name(const struct scanner *s, unsigned category)
{
	static const char *const builtin[] = {
#define X(id, name, placeholder) [SCAN_##id] = placeholder,
		SCAN_CATEGORY_MAP(X)
#undef X
	};

	return category < SCAN_BUILTIN_CATEGORIES ? builtin[category]
						  : scanner_site_placeholder(s, category);
}

/* One round: *ret_found says whether anything was replaced. */
static enum err mask_once(const struct scanner *s, struct span text,
			  const struct scan_set *want, const struct scan_budget *budget,
			  struct scan_map *m, struct buf *out, bool *ret_found)
{
	struct arena *a = arena_new("mask", MASK_ARENA_BYTES);
	struct scan_result r;
	size_t at = 0;
	enum err e = a != NULL ? scan_wanted(s, text, want, budget, a, &r) : ERR_NO_MEMORY;

	*ret_found = false;
	if (e == ERR_OK && r.status != SCAN_COMPLETE)
		e = ERR_TOO_BIG;
	for (size_t i = 0; e == ERR_OK && i < r.count; i++) {
		const struct scan_span *f = &r.spans[i];

		struct span value = { text.ptr + f->start, f->end - f->start };
		struct span name = scan_map_placeholder(
			m, mask_placeholder_name(s, f->category), value, text);
		if (name.ptr == NULL) {
			e = scan_map_count(m) > 0 ? ERR_TOO_BIG : ERR_NO_MEMORY;
			break;
		}
		buf_add(out, (struct span){ text.ptr + at, f->start - at });
		buf_add(out, name);
		at = f->end;
		*ret_found = true;
	}
	if (e == ERR_OK)
		buf_add(out, (struct span){ text.ptr + at, text.len - at });
	arena_free(a);
	return e == ERR_OK && out->failed ? ERR_TOO_BIG : e;
}

enum err scan_mask(const struct scanner *s, struct span text, const struct scan_set *want,
		   const struct scan_budget *budget, struct scan_map *m, struct buf *out)
{
	struct buf round[2];
	enum err e = ERR_OK;
	bool found = true;
	struct span now = text;
	size_t max = text.len * 2 + 4096;

	buf_init(&round[0], max);
	buf_init(&round[1], max);
	for (unsigned i = 0; i < MASK_ROUNDS && found && e == ERR_OK; i++) {
		struct buf *next = &round[i % 2];

		buf_clear(next);
		e = mask_once(s, now, want, budget, m, next, &found);
		now = buf_span(next);
	}
	if (e == ERR_OK && found)
		e = ERR_MISMATCH;
	if (e == ERR_OK) {
		buf_add(out, now);
		e = out->failed ? ERR_TOO_BIG : ERR_OK;
	}
	for (size_t i = 0; i < 2; i++) {
		if (round[i].ptr != NULL)
			explicit_bzero(round[i].ptr, round[i].cap);
		buf_free(&round[i]);
	}
	return e;
}

/*
 * A value of the map is replaced only as a word of its own, and never inside a placeholder:
 * "[NAME-1]" must stay what it is even when somebody is called NAME.
 */
void scan_mask_known(const struct scan_map *m, struct span text, struct buf *out)
{
	size_t done = 0;

	for (size_t i = 0; i < text.len;) {
		struct span rest = { text.ptr + i, text.len - i };
		size_t n = placeholder_at(text, i);

		if (n > 0) {
			i += n;
			continue;
		}
		bool fits = !is_word(rest.ptr[0]) || !word_before(text, i);
		struct span name =
			fits ? scan_map_known(m, rest, &n) : (struct span){ NULL, 0 };
		if (name.ptr != NULL && (!is_word(rest.ptr[n - 1]) || !word_at(text, i + n))) {
			buf_add(out, (struct span){ text.ptr + done, i - done });
			buf_add(out, name);
			i += n;
			done = i;
		} else {
			i++;
		}
	}
	buf_add(out, (struct span){ text.ptr + done, text.len - done });
}

/* ---- restoring ---- */

void scan_restore_begin(struct scan_restore *r, const struct scan_map *m)
{
	*r = (struct scan_restore){ .map = m };
}

void scan_restore_begin_json(struct scan_restore *r, const struct scan_map *m)
{
	*r = (struct scan_restore){ .map = m, .json = true };
}

/* Puts out what `t` says, up to where a placeholder may be unfinished. Returns how far it got.
 */
static size_t restore(struct scan_restore *r, struct span t, struct buf *out)
{
	size_t done = 0;

	for (size_t i = 0; i < t.len;) {
		const char *p = memchr(t.ptr + i, '[', t.len - i);
		size_t at = p != NULL ? (size_t)(p - t.ptr) : t.len;
		size_t n = p != NULL ? placeholder_at(t, at) : 0;

		if (n > 0) {
			struct span value = scan_map_value(r->map, (struct span){ p, n });

			if (value.ptr != NULL) {
				buf_add(out, (struct span){ t.ptr + done, at - done });
				if (r->json)
					json_put_escaped(out, value);
				else
					buf_add(out, value);
				done = at + n;
				r->changed = true;
			}
			i = at + n;
		} else if (p != NULL && placeholder_may_start(t, at)) {
			buf_add(out, (struct span){ t.ptr + done, at - done });
			return at;
		} else {
			i = at + 1;
		}
	}
	buf_add(out, (struct span){ t.ptr + done, t.len - done });
	return t.len;
}

static void feed_text(struct scan_restore *r, struct span piece, struct buf *out)
{
	/* First settle what is held, byte by byte: it is short. */
	while (r->held_len > 0 && piece.len > 0) {
		r->held[r->held_len++] = *piece.ptr++;
		piece.len--;
		struct span held = { r->held, r->held_len };
		if (placeholder_may_start(held, 0))
			continue;
		r->held_len = 0;
		if (placeholder_at(held, 0) > 0) {
			restore(r, held, out);
			break;
		}
		/* Not one after all; the last byte may start another. */
		if (held.ptr[held.len - 1] == '[') {
			held.len--;
			piece.ptr--;
			piece.len++;
		}
		buf_add(out, held);
		break;
	}
	if (piece.len == 0)
		return;
	size_t done = restore(r, piece, out);
	r->held_len = piece.len - done;
	memcpy(r->held, piece.ptr + done, r->held_len);
}

/* Strings are texts; quotes, escapes and all that stands between strings pass as they are. */
static void feed_json(struct scan_restore *r, struct span piece, struct buf *out)
{
	while (piece.len > 0) {
		size_t n = 0;

		if (r->escaped) {
			r->escaped = false;
			n = 1;
		} else if (!r->in_string) {
			while (n < piece.len && !r->in_string)
				r->in_string = piece.ptr[n++] == '"';
		} else {
			while (n < piece.len && piece.ptr[n] != '"' && piece.ptr[n] != '\\')
				n++;
			feed_text(r, (struct span){ piece.ptr, n }, out);
			piece = (struct span){ piece.ptr + n, piece.len - n };
			if (piece.len == 0)
				return;
			scan_restore_end(r, out);
			r->escaped = piece.ptr[0] == '\\';
			r->in_string = r->escaped;
			n = 1;
		}
		buf_add(out, (struct span){ piece.ptr, n });
		piece = (struct span){ piece.ptr + n, piece.len - n };
	}
}

void scan_restore_feed(struct scan_restore *r, struct span piece, struct buf *out)
{
	if (r->json)
		feed_json(r, piece, out);
	else
		feed_text(r, piece, out);
}

void scan_restore_end(struct scan_restore *r, struct buf *out)
{
	buf_add(out, (struct span){ r->held, r->held_len });
	r->held_len = 0;
}
