/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other readings of the same text, for what a plain reading does not show:
 *
 *   folded    zero-width, bidi and soft-hyphen characters dropped, NFKC (fullwidth digits,
 *             mathematical letters, no-break spaces); only if the text has any of these
 *   unquoted  %XX decoded; only if the text has some
 *   base64    each run of 24 or more base64 characters whose bytes are text
 *
 * A folded or unquoted view keeps the offset of each byte; what is found inside base64 makes
 * the whole run the finding. Depth is bounded by MAX_DEPTH, so work is at most a small
 * multiple of the text.
 */
#include "scan/views.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "common/fault.h"
#include "common/text.h"

#define MAX_DEPTH       3
#define BASE64_MIN      24
#define BASE64_MAX      (256 * 1024)
#define FOLDED_MAX_CODE 64 /* code points one character may become; NFKC's most is 18 */

struct copy {
	char *bytes;
	uint32_t *origin;
	size_t len, cap;
	bool failed;
};

static bool copy_start(struct copy *c, size_t cap)
{
	*c = (struct copy){ .cap = cap };
	c->bytes = fault_here() ? NULL : malloc(cap + 1);
	c->origin = malloc((cap + 2) * sizeof *c->origin);
	return c->bytes != NULL && c->origin != NULL;
}

static void copy_free(struct copy *c)
{
	free(c->bytes);
	free(c->origin);
}

static void copy_add(struct copy *c, char byte, size_t origin)
{
	if (c->len == c->cap) {
		c->failed = true;
		return;
	}
	c->origin[c->len] = (uint32_t)origin;
	c->bytes[c->len++] = byte;
}

static unsigned depth_of(const struct scan_view *v)
{
	unsigned n = 0;

	for (; v->parent != NULL; v = v->parent)
		n++;
	return n;
}

static void scan_copy(struct scan_view *parent, struct copy *c)
{
	struct scan_view v = { .run = parent->run,
			       .text = { c->bytes, c->len },
			       .parent = parent,
			       .origin = c->origin };

	c->origin[c->len] = (uint32_t)parent->text.len;
	scan_view_all(&v);
	scan_further_views(&v);
}

/* ---- folded ---- */

/* Drawn as nothing: zero width, bidi controls, soft hyphen, variation selectors, tags. */
static bool is_invisible(utf8proc_int32_t c)
{
	return c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfe00 && c <= 0xfe0f) ||
	       c == 0x180e || c == 0x34f || (c >= 0xe0000 && c <= 0xe007f);
}

/* What NFKC turns into ASCII, by block; a cheap first look. */
static bool may_fold(utf8proc_int32_t c)
{
	return c == 0xa0 || c == 0xaa || c == 0xb2 || c == 0xb3 || c == 0xb9 || c == 0xba ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2011 || c == 0x2024 || c == 0x202f ||
	       (c >= 0x2070 && c <= 0x209c) || (c >= 0x2100 && c <= 0x214f) ||
	       (c >= 0x2460 && c <= 0x24ff) || c == 0x3000 || (c >= 0xfe50 && c <= 0xfe6b) ||
	       (c >= 0xff01 && c <= 0xff5e) || (c >= 0x1d400 && c <= 0x1d7ff) ||
	       (c >= 0x1fbf0 && c <= 0x1fbf9) || (c >= 0x0300 && c <= 0x036f);
}

static bool has_high_bytes(struct span t)
{
	size_t i = 0;
	uint64_t w, all = 0;

	for (; i + sizeof w <= t.len; i += sizeof w) {
		memcpy(&w, t.ptr + i, sizeof w);
		all |= w;
	}
	for (; i < t.len; i++)
		all |= (unsigned char)t.ptr[i];
	return (all & UINT64_C(0x8080808080808080)) != 0;
}

static bool needs_folding(struct span t)
{
	for (size_t i = 0; i < t.len;) {
		utf8proc_int32_t c;

		if ((unsigned char)t.ptr[i] < 0x80) {
			i++;
			continue;
		}
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)t.ptr + i,
						      (utf8proc_ssize_t)(t.len - i), &c);
		if (n <= 0) {
			i++;
			continue;
		}
		if (is_invisible(c) || may_fold(c))
			return true;
		i += (size_t)n;
	}
	return false;
}

static void fold_code_point(struct copy *c, utf8proc_int32_t code, size_t origin)
{
	utf8proc_int32_t folded[FOLDED_MAX_CODE];
	utf8proc_ssize_t n = utf8proc_decompose_char(
		code, folded, FOLDED_MAX_CODE, UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE, NULL);

	for (utf8proc_ssize_t i = 0; i < n && i < FOLDED_MAX_CODE; i++) {
		utf8proc_uint8_t bytes[4];
		utf8proc_ssize_t len;

		/* U+2010 and its like: every dash reads as '-'. */
		if (folded[i] >= 0x2010 && folded[i] <= 0x2015)
			folded[i] = '-';
		if (folded[i] >= 0x300 && folded[i] <= 0x36f && n > 1)
			continue; /* accents that were part of the character */
		len = utf8proc_encode_char(folded[i], bytes);
		for (utf8proc_ssize_t k = 0; k < len; k++)
			copy_add(c, (char)bytes[k], origin);
	}
}

static void scan_folded(struct scan_view *v)
{
	struct copy c;
	struct span t = v->text;

	if (!has_high_bytes(t) || !needs_folding(t))
		return;
	if (!copy_start(&c, t.len * 2 + 64)) {
		v->run->out_of_memory = true;
		copy_free(&c);
		return;
	}
	for (size_t i = 0; i < t.len;) {
		utf8proc_int32_t code = 0;
		utf8proc_ssize_t n = 1;

		if ((unsigned char)t.ptr[i] < 0x80) {
			copy_add(&c, t.ptr[i], i);
			i++;
			continue;
		}
		n = utf8proc_iterate((const utf8proc_uint8_t *)t.ptr + i,
				     (utf8proc_ssize_t)(t.len - i), &code);
		if (n <= 0) {
			copy_add(&c, t.ptr[i], i);
			n = 1;
		} else if (may_fold(code) || (code >= 0x2010 && code <= 0x2015)) {
			fold_code_point(&c, code, i);
		} else if (!is_invisible(code)) {
			for (utf8proc_ssize_t k = 0; k < n; k++)
				copy_add(&c, t.ptr[i + (size_t)k], i);
		}
		i += (size_t)n;
	}
	/* An end offset must not cut the character it lies in: origins are starts, so is this.
	 */
	if (c.failed)
		v->run->unknown = "the text unfolds to too much";
	else
		scan_copy(v, &c);
	copy_free(&c);
}

/* ---- unquoted ---- */

static int hex_value(char c)
{
	return is_digit(c)                                ? c - '0'
	       : to_lower(c) >= 'a' && to_lower(c) <= 'f' ? to_lower(c) - 'a' + 10
							  : -1;
}

static bool is_quoted(struct span t, size_t i)
{
	return t.ptr[i] == '%' && hex_value(byte_at(t, i + 1)) >= 0 &&
	       hex_value(byte_at(t, i + 2)) >= 0;
}

static void scan_unquoted(struct scan_view *v)
{
	struct span t = v->text;
	struct copy c;
	bool any = false;

	for (const char *p = memchr(t.ptr, '%', t.len); p != NULL && !any;
	     p = memchr(p + 1, '%', t.len - (size_t)(p + 1 - t.ptr)))
		any = is_quoted(t, (size_t)(p - t.ptr));
	if (!any)
		return;
	if (!copy_start(&c, t.len)) {
		v->run->out_of_memory = true;
		copy_free(&c);
		return;
	}
	for (size_t i = 0; i < t.len;) {
		if (is_quoted(t, i)) {
			copy_add(&c,
				 (char)(hex_value(t.ptr[i + 1]) << 4 | hex_value(t.ptr[i + 2])),
				 i);
			i += 3;
		} else {
			copy_add(&c, t.ptr[i], i);
			i++;
		}
	}
	scan_copy(v, &c);
	copy_free(&c);
}

/* ---- base64 ---- */

static bool is_base64(char c)
{
	return is_alnum(c) || c == '+' || c == '/' || c == '-' || c == '_';
}

/* Bytes that are a text: UTF-8, hardly any control characters. */
static bool is_text(struct span s)
{
	size_t control = 0;

	if (s.len < 12 || !text_is_utf8(s))
		return false;
	for (size_t i = 0; i < s.len; i++)
		control += (unsigned char)s.ptr[i] < 0x20 && !is_space(s.ptr[i]);
	return control == 0;
}

static int base64_value(char c)
{
	if (is_upper(c))
		return c - 'A';
	if (is_lower(c))
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : 63;
}

static void scan_piece(struct scan_view *v, size_t start, size_t end)
{
	size_t n = end - start, len = 0;
	char *bytes = fault_here() ? NULL : malloc(n);
	uint32_t held = 0;
	int bits = 0;

	if (bytes == NULL) {
		v->run->out_of_memory = true;
		return;
	}
	for (size_t i = start; i < end; i++) {
		held = held << 6 | (uint32_t)base64_value(v->text.ptr[i]);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[len++] = (char)(held >> bits);
		}
	}
	if (is_text((struct span){ bytes, len })) {
		struct scan_view inner = { .run = v->run,
					   .text = { bytes, len },
					   .parent = v,
					   .whole_start = start,
					   .whole_end = end };

		while (byte_at(v->text, inner.whole_end) == '=' && inner.whole_end - end < 2)
			inner.whole_end++;
		scan_view_all(&inner);
		scan_further_views(&inner);
	}
	free(bytes);
}

static void scan_base64(struct scan_view *v)
{
	struct span t = v->text;

	for (size_t i = 0; i < t.len;) {
		size_t start;

		/* No run of 24 can avoid every 24th byte. */
		if (i + BASE64_MIN - 1 < t.len && !is_base64(t.ptr[i + BASE64_MIN - 1])) {
			i += BASE64_MIN;
			while (i > 0 && i - 1 < t.len && is_base64(t.ptr[i - 1]))
				i--;
			continue;
		}
		for (start = i; i < t.len && is_base64(t.ptr[i]); i++)
			;
		if (i - start >= BASE64_MIN && i - start <= BASE64_MAX && (i - start) % 4 != 1)
			scan_piece(v, start, i);
		i++;
	}
}

void scan_further_views(struct scan_view *v)
{
	if (v->text.len == 0 || depth_of(v) >= MAX_DEPTH - 1)
		return;
	scan_folded(v);
	scan_unquoted(v);
	scan_base64(v);
}
