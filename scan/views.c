/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other readings of the same text, for what a plain reading does not show:
 *
 *   folded    zero-width, bidi and soft-hyphen characters dropped, NFKC (fullwidth digits,
 *             mathematical letters, no-break spaces); only if the text has any of these
 *   unquoted  %XX, \uXXXX, \/ and &#NN; decoded; only if the text has some
 *   base64    each run of 16 or more base64 characters, also over lines, whose bytes are text
 *
 * A folded or unquoted view keeps the offset of each byte; what is found inside base64 makes
 * the whole run the finding. Views have views of their own, MAX_DEPTH levels deep and of
 * VIEWS_MOST times the text together; whoever wraps a text once more makes it unknown.
 */
#include "scan/views.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "common/fault.h"
#include "common/text.h"

#define MAX_DEPTH       5                  /* the text itself is the first level */
#define VIEWS_MOST      12                 /* bytes of all views, as a multiple of the text's */
#define VIEWS_FREE      ((size_t)64 << 10) /* and so many more, for short texts */
#define BASE64_MIN      16
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

/* Looks at a view, unless that would be too deep or too much: then the text is unknown. */
static void look_at(struct scan_view *v)
{
	struct scan_run *r = v->run;

	if (depth_of(v) >= MAX_DEPTH) {
		r->unknown = "the text is encoded too many times";
		return;
	}
	if (r->view_bytes + v->text.len > VIEWS_MOST * r->text.len + VIEWS_FREE) {
		r->unknown = "the text can be read in too many ways";
		return;
	}
	r->view_bytes += v->text.len;
	scan_view_all(v);
	scan_further_views(v);
}

static void scan_copy(struct scan_view *parent, struct copy *c, bool folded)
{
	struct scan_view v = { .run = parent->run,
			       .text = { c->bytes, c->len },
			       .parent = parent,
			       .origin = c->origin,
			       .folded = folded };

	c->origin[c->len] = (uint32_t)parent->text.len;
	look_at(&v);
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

	if (v->folded || !has_high_bytes(t) || !needs_folding(t))
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
		scan_copy(v, &c, true);
	copy_free(&c);
}

/* ---- unquoted ---- */

static int hex_value(char c)
{
	return is_digit(c)                                ? c - '0'
	       : to_lower(c) >= 'a' && to_lower(c) <= 'f' ? to_lower(c) - 'a' + 10
							  : -1;
}

/* `n` hexadecimal digits at `i`; -1: there are not so many. */
static int32_t hex_at(struct span t, size_t i, size_t n)
{
	int32_t code = 0;

	for (size_t k = 0; k < n; k++) {
		int digit = hex_value(byte_at(t, i + k));

		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

/* \uXXXX, a pair of them for what lies beyond U+FFFF, \/ (RFC 8259 section 7). */
static size_t json_escape(struct span t, size_t i, int32_t *ret)
{
	int32_t low;

	if (byte_at(t, i + 1) == '/') {
		*ret = '/';
		return 2;
	}
	if (byte_at(t, i + 1) != 'u')
		return 0;
	*ret = hex_at(t, i + 2, 4);
	if (*ret < 0)
		return 0;
	if (*ret < 0xd800 || *ret > 0xdfff)
		return 6;
	low = byte_at(t, i + 6) == '\\' && byte_at(t, i + 7) == 'u' ? hex_at(t, i + 8, 4) : -1;
	if (*ret > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return 0;
	*ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

/* &#64; or &#x40; (HTML, numeric character references), at most six digits. */
static size_t html_reference(struct span t, size_t i, int32_t *ret)
{
	bool hex = (byte_at(t, i + 2) | 0x20) == 'x';
	size_t from = i + 2 + hex, n = 0;

	if (byte_at(t, i + 1) != '#')
		return 0;
	*ret = 0;
	for (; n < 6; n++) {
		int digit = hex_value(byte_at(t, from + n));

		if (digit < 0 || (!hex && digit > 9))
			break;
		*ret = *ret * (hex ? 16 : 10) + digit;
	}
	return n > 0 && byte_at(t, from + n) == ';' ? from + n + 1 - i : 0;
}

/* How many bytes at `i` stand for something else, a byte or a code point; 0: none. */
static size_t quoted_at(struct span t, size_t i, int32_t *ret, bool *ret_byte)
{
	size_t n = 0;

	*ret_byte = t.ptr[i] == '%';
	if (t.ptr[i] == '%') {
		*ret = hex_at(t, i + 1, 2);
		return *ret >= 0 ? 3 : 0;
	}
	if (t.ptr[i] == '\\')
		n = json_escape(t, i, ret);
	else if (t.ptr[i] == '&')
		n = html_reference(t, i, ret);
	return n > 0 && *ret <= 0x10ffff && (*ret < 0xd800 || *ret > 0xdfff) ? n : 0;
}

static bool has_quoted(const struct scan_view *v)
{
	static const char signs[] = { '%', '\\', '&' };
	struct span t = v->text;
	int32_t code;
	bool byte;

	for (size_t s = 0; s < sizeof signs; s++) {
		if (!v->present[(unsigned char)signs[s]])
			continue;
		for (const char *p = memchr(t.ptr, signs[s], t.len); p != NULL;
		     p = memchr(p + 1, signs[s], t.len - (size_t)(p + 1 - t.ptr))) {
			if (quoted_at(t, (size_t)(p - t.ptr), &code, &byte) > 0)
				return true;
		}
	}
	return false;
}

static void scan_unquoted(struct scan_view *v)
{
	struct span t = v->text;
	struct copy c;

	if (!has_quoted(v))
		return;
	if (!copy_start(&c, t.len)) {
		v->run->out_of_memory = true;
		copy_free(&c);
		return;
	}
	for (size_t i = 0; i < t.len;) {
		int32_t code;
		bool byte;
		size_t n = quoted_at(t, i, &code, &byte);
		utf8proc_uint8_t bytes[4] = { (utf8proc_uint8_t)t.ptr[i] };
		utf8proc_ssize_t len = 1;

		if (n > 0 && byte)
			bytes[0] = (utf8proc_uint8_t)code;
		else if (n > 0)
			len = utf8proc_encode_char(code, bytes);
		for (utf8proc_ssize_t k = 0; k < len; k++)
			copy_add(&c, (char)bytes[k], i);
		i += n > 0 ? n : 1;
	}
	scan_copy(v, &c, false);
	copy_free(&c);
}

/* ---- base64 ---- */

static bool is_base64(char c)
{
	/* One bit for each of the 64 signs below 64 and of those from 64 on. */
	static const uint64_t low = UINT64_C(0x03ffa80000000000),
			      high = UINT64_C(0x07fffffe87fffffe);
	unsigned char u = (unsigned char)c;

	return u < 128 && ((u < 64 ? low : high) >> (u & 63) & 1) != 0;
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

/* False: those bytes are no text. White space between lines is passed over. */
static bool scan_piece(struct scan_view *v, size_t start, size_t end)
{
	size_t n = end - start, len = 0;
	char *bytes = fault_here() ? NULL : malloc(n);
	uint32_t held = 0;
	int bits = 0;

	if (bytes == NULL) {
		v->run->out_of_memory = true;
		return true;
	}
	for (size_t i = start; i < end; i++) {
		if (!is_base64(v->text.ptr[i]))
			continue;
		held = held << 6 | (uint32_t)base64_value(v->text.ptr[i]);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[len++] = (char)(held >> bits);
		}
	}
	bool text = is_text((struct span){ bytes, len });
	if (text) {
		struct scan_view inner = { .run = v->run,
					   .text = { bytes, len },
					   .parent = v,
					   .whole_start = start,
					   .whole_end = end };

		while (byte_at(v->text, inner.whole_end) == '=' && inner.whole_end - end < 2)
			inner.whole_end++;
		look_at(&inner);
	}
	free(bytes);
	return text;
}

static void scan_line(struct scan_view *v, size_t start, size_t end)
{
	if (end - start >= BASE64_MIN && (end - start) % 4 != 1)
		scan_piece(v, start, end);
}

static size_t run_end(struct span t, size_t i)
{
	while (i < t.len && is_base64(t.ptr[i]))
		i++;
	return i;
}

/* Where the next line goes on with base64; 0: it does not. Lines are whole groups of four. */
static size_t next_line(struct span t, size_t start, size_t end)
{
	size_t i = end + (byte_at(t, end) == '\r');

	if ((end - start) % 4 != 0 || end - start < BASE64_MIN || byte_at(t, i) != '\n' ||
	    i + 1 >= t.len || !is_base64(t.ptr[i + 1]))
		return 0;
	return i + 1;
}

/*
 * The run that starts at `start`, with the lines that go on with it: as one, or when that is no
 * text, each line. Returns where it ends: no byte is decoded more than twice.
 */
static size_t scan_run(struct scan_view *v, size_t start)
{
	struct span t = v->text;
	size_t end = run_end(t, start), line = start, next;

	while ((next = next_line(t, line, end)) != 0) {
		line = next;
		end = run_end(t, line);
	}
	if (line != start && scan_piece(v, start, end))
		return end;
	for (line = start; line < end; line = next) {
		size_t line_end = run_end(t, line);

		scan_line(v, line, line_end);
		next = line_end + (byte_at(t, line_end) == '\r') + 1;
	}
	return end;
}

static void scan_base64(struct scan_view *v)
{
	struct span t = v->text;

	/* From the end of each window of BASE64_MIN bytes: most hold a space near there. */
	for (size_t i = 0; i + BASE64_MIN <= t.len;) {
		size_t k = i + BASE64_MIN;

		while (k > i && is_base64(t.ptr[k - 1]))
			k--;
		i = k > i ? k : scan_run(v, i) + 1;
	}
}

void scan_further_views(struct scan_view *v)
{
	if (v->text.len == 0)
		return;
	scan_folded(v);
	scan_unquoted(v);
	scan_base64(v);
}
