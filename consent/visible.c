/* SPDX-License-Identifier: Apache-2.0 */
#include "consent/visible.h"

#include <inttypes.h>
#include <stdio.h>

/* Ranges that are written out, in order; NULL: the class's name would say nothing more. */
static const struct range {
	uint32_t first, last;
	const char *name;
} hidden[] = {
	{ 0x0000, 0x0008, "CONTROL" },
	{ 0x000B, 0x000C, "CONTROL" },
	{ 0x000D, 0x000D, "CARRIAGE RETURN" },
	{ 0x000E, 0x001A, "CONTROL" },
	{ 0x001B, 0x001B, "ESCAPE" },
	{ 0x001C, 0x001F, "CONTROL" },
	{ 0x007F, 0x007F, "DELETE" },
	{ 0x0080, 0x009F, "CONTROL" },
	{ 0x00A0, 0x00A0, "NO-BREAK SPACE" },
	{ 0x00AD, 0x00AD, "SOFT HYPHEN" },
	{ 0x034F, 0x034F, "COMBINING GRAPHEME JOINER" },
	{ 0x061C, 0x061C, "ARABIC LETTER MARK" },
	{ 0x115F, 0x1160, "HANGUL FILLER" },
	{ 0x1680, 0x1680, "OGHAM SPACE MARK" },
	{ 0x17B4, 0x17B5, "KHMER INHERENT VOWEL" },
	{ 0x180B, 0x180F, "MONGOLIAN VARIATION SELECTOR" },
	{ 0x2000, 0x200A, "SPACE OF ANOTHER WIDTH" },
	{ 0x200B, 0x200B, "ZERO WIDTH SPACE" },
	{ 0x200C, 0x200C, "ZERO WIDTH NON-JOINER" },
	{ 0x200D, 0x200D, "ZERO WIDTH JOINER" },
	{ 0x200E, 0x200E, "LEFT-TO-RIGHT MARK" },
	{ 0x200F, 0x200F, "RIGHT-TO-LEFT MARK" },
	{ 0x2028, 0x2028, "LINE SEPARATOR" },
	{ 0x2029, 0x2029, "PARAGRAPH SEPARATOR" },
	{ 0x202A, 0x202A, "LEFT-TO-RIGHT EMBEDDING" },
	{ 0x202B, 0x202B, "RIGHT-TO-LEFT EMBEDDING" },
	{ 0x202C, 0x202C, "POP DIRECTIONAL FORMATTING" },
	{ 0x202D, 0x202D, "LEFT-TO-RIGHT OVERRIDE" },
	{ 0x202E, 0x202E, "RIGHT-TO-LEFT OVERRIDE" },
	{ 0x202F, 0x202F, "NARROW NO-BREAK SPACE" },
	{ 0x205F, 0x205F, "MEDIUM MATHEMATICAL SPACE" },
	{ 0x2060, 0x2060, "WORD JOINER" },
	{ 0x2061, 0x2064, "INVISIBLE OPERATOR" },
	{ 0x2065, 0x2065, "UNASSIGNED" },
	{ 0x2066, 0x2066, "LEFT-TO-RIGHT ISOLATE" },
	{ 0x2067, 0x2067, "RIGHT-TO-LEFT ISOLATE" },
	{ 0x2068, 0x2068, "FIRST STRONG ISOLATE" },
	{ 0x2069, 0x2069, "POP DIRECTIONAL ISOLATE" },
	{ 0x206A, 0x206F, "DEPRECATED FORMAT CHARACTER" },
	{ 0x2800, 0x2800, "BRAILLE PATTERN BLANK" },
	{ 0x3000, 0x3000, "IDEOGRAPHIC SPACE" },
	{ 0x3164, 0x3164, "HANGUL FILLER" },
	{ 0xE000, 0xF8FF, "PRIVATE USE" },
	{ 0xFDD0, 0xFDEF, "NONCHARACTER" },
	{ 0xFE00, 0xFE0F, "VARIATION SELECTOR" },
	{ 0xFEFF, 0xFEFF, "ZERO WIDTH NO-BREAK SPACE" },
	{ 0xFFA0, 0xFFA0, "HALFWIDTH HANGUL FILLER" },
	{ 0xFFF0, 0xFFF8, "UNASSIGNED" },
	{ 0xFFF9, 0xFFFB, "INTERLINEAR ANNOTATION" },
	{ 0xFFFC, 0xFFFC, "OBJECT REPLACEMENT CHARACTER" },
	{ 0x1107F, 0x1107F, "NUMBER JOINER" },
	{ 0x13430, 0x1343F, "HIEROGLYPH FORMAT CONTROL" },
	{ 0x1BCA0, 0x1BCA3, "SHORTHAND FORMAT CONTROL" },
	{ 0x1D173, 0x1D17A, "MUSICAL FORMAT CONTROL" },
	{ 0xE0000, 0xE007F, "TAG" },
	{ 0xE0080, 0xE00FF, "UNASSIGNED" },
	{ 0xE0100, 0xE01EF, "VARIATION SELECTOR" },
	{ 0xE01F0, 0xE0FFF, "UNASSIGNED" },
	{ 0xF0000, 0x10FFFF, "PRIVATE USE" },
};

static const struct range *find(uint32_t c)
{
	size_t low = 0, high = LEN(hidden);

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (c > hidden[mid].last)
			low = mid + 1;
		else
			high = mid;
	}
	return low < LEN(hidden) && c >= hidden[low].first ? &hidden[low] : NULL;
}

static bool is_noncharacter(uint32_t c)
{
	return (c & 0xFFFE) == 0xFFFE;
}

/* Length of a well-formed UTF-8 sequence (RFC 3629) at the start; 0: there is none. */
static unsigned decode(struct span s, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	unsigned n = p[0] < 0x80                   ? 1
		     : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
		     : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
		     : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
						   : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = n == 1   ? p[0]
		     : n == 2 ? p[0] & 0x1Fu
		     : n == 3 ? p[0] & 0x0Fu
			      : p[0] & 0x07u;

	if (n == 0 || n > s.len)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3Fu);
	}
	if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	*ret = c;
	return n;
}

size_t visible_write(struct span text, struct buf *out)
{
	size_t written_out = 0;

	while (text.len > 0) {
		uint32_t c = 0;
		unsigned n = decode(text, &c);
		const struct range *r = n > 0 ? find(c) : NULL;

		if (n == 0) {
			buf_printf(out, "<0x%02X>", (unsigned char)text.ptr[0]);
			n = 1;
			written_out++;
		} else if (r != NULL || is_noncharacter(c)) {
			buf_printf(out, "<U+%04" PRIX32 " %s>", c,
				   r != NULL ? r->name : "NONCHARACTER");
			written_out++;
		} else {
			buf_add(out, (struct span){ text.ptr, n });
		}
		text.ptr += n;
		text.len -= n;
	}
	return written_out;
}
