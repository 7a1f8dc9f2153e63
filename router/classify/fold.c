/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look-alikes are the capitals and smalls of Greek and Cyrillic that print like Latin
 * letters in common fonts (Unicode Technical Standard 39, confusables). Text that is really
 * Greek or Cyrillic is folded the same way in training and in use, so nothing is lost.
 *
 * Accents are folded away, written apart or not: combining marks (Unicode 15, blocks of
 * category Mn for all scripts) are not there, and a Latin letter with accents is the letter
 * of its compatibility decomposition (NFKD). So are the mathematical alphabets.
 */
#include "router/classify/fold.h"

#include <stdbool.h>

#include "common/span.h"

static uint32_t latin_look_alike(uint32_t c)
{
	/* clang-format off */
	static const struct {
		uint16_t code;
		char latin;
	} pairs[] = {
		{ 0x0391, 'a' }, { 0x0392, 'b' }, { 0x0395, 'e' }, { 0x0396, 'z' }, { 0x0397, 'h' },
		{ 0x0399, 'i' }, { 0x039a, 'k' }, { 0x039c, 'm' }, { 0x039d, 'n' }, { 0x039f, 'o' },
		{ 0x03a1, 'p' }, { 0x03a4, 't' }, { 0x03a5, 'y' }, { 0x03a7, 'x' }, { 0x03bf, 'o' },
		{ 0x0405, 's' }, { 0x0406, 'i' }, { 0x0408, 'j' }, { 0x0410, 'a' }, { 0x0412, 'b' },
		{ 0x0415, 'e' }, { 0x041a, 'k' }, { 0x041c, 'm' }, { 0x041d, 'h' }, { 0x041e, 'o' },
		{ 0x0420, 'p' }, { 0x0421, 'c' }, { 0x0422, 't' }, { 0x0425, 'x' }, { 0x0430, 'a' },
		{ 0x0435, 'e' }, { 0x043e, 'o' }, { 0x0440, 'p' }, { 0x0441, 'c' }, { 0x0443, 'y' },
		{ 0x0445, 'x' }, { 0x0455, 's' }, { 0x0456, 'i' }, { 0x0458, 'j' }, { 0x0501, 'd' },
	};
	/* clang-format on */

	for (size_t i = 0; i < LEN(pairs); i++)
		if (pairs[i].code == c)
			return (uint32_t)pairs[i].latin;
	return c;
}

/* The base letters of U+00C0 to U+024F and U+1E00 to U+1EFF; a dot: not one letter. */
static uint32_t without_accents(uint32_t c)
{
	/* clang-format off */
	static const char latin[] =
		"aaaaaa.ceeeeiiii.nooooo.ouuuuy..aaaaaa.ceeeeiiii.nooooo.ouuuuy.y"
		"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkk.llllll."
		".llnnnnnn...oooooo..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"
		"b......................i........oo.............uu..............."
		".............aaiioouuuuuuuuuu.aaaa....ggkkoooo..j...gg..nnaa..oo"
		"aaaaeeeeiiiioooorrrruuuusstt..hh......aaeeooooooooyy............"
		"...b............";
	static const char more[] =
		"aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
		"mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
		"wwwwwwwwwwxxxxyyzzzzzzhtwy.s....aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
		"eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";
	/* clang-format on */
	char base = c <= 0x24f ? latin[c - 0xc0] : more[c - 0x1e00];

	return base == '.' ? c : (uint32_t)base;
}

/* Mathematical bold, italic, script, … letters come in alphabets of 26, capitals first. */
static uint32_t without_style(uint32_t c)
{
	if (c <= 0x1d6a3)
		return 'a' + (c - 0x1d400) % 26;
	return c >= 0x1d7ce ? '0' + (c - 0x1d7ce) % 10 : c;
}

static uint32_t folded(uint32_t c)
{
	if (c >= 0xff01 && c <= 0xff5e)
		return c - 0xfee0; /* full-width forms of ASCII */
	if ((c >= 0xc0 && c <= 0x24f) || (c >= 0x1e00 && c <= 0x1eff))
		return without_accents(c);
	if (c >= 0x0391 && c <= 0x0501)
		return latin_look_alike(c);
	return c >= 0x1d400 && c <= 0x1d7ff ? without_style(c) : c;
}

static bool is_combining(uint32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) ||
	       (c >= 0x1dc0 && c <= 0x1dff) || (c >= 0x20d0 && c <= 0x20ff) ||
	       (c >= 0xfe20 && c <= 0xfe2f);
}

static bool is_invisible(uint32_t c)
{
	return c == 0xad || c == 0x34f || c == 0x61c || c == 0x180e ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfe00 && c <= 0xfe0f) ||
	       (c >= 0xe0000 && c <= 0xe0fff);
}

static bool is_space(uint32_t c)
{
	return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_mark(uint32_t c)
{
	return (c >= 0xa1 && c <= 0xbf) || c == 0xd7 || c == 0xf7 ||
	       (c >= 0x2010 && c <= 0x2bff) || (c >= 0x3001 && c <= 0x303f) || c >= 0x1f000;
}

static enum fold_kind kind_of(uint32_t *io)
{
	uint32_t c = *io;

	if (is_invisible(c) || is_combining(c))
		return FOLD_SKIP;
	if (is_space(c))
		return FOLD_SPACE;
	c = folded(c);
	if (c >= 'A' && c <= 'Z')
		c += 32;
	*io = c;
	if (c >= 0x80)
		return is_mark(c) ? FOLD_MARK : FOLD_LETTER;
	if (c >= 'a' && c <= 'z')
		return FOLD_LETTER;
	return c >= '0' && c <= '9' ? FOLD_DIGIT : FOLD_MARK;
}

static size_t decode(const uint8_t *p, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t want = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t c = p[0] & (0xffu >> (want + 1));

	*ret = 0x100u + p[0];
	if (p[0] < 0xc2 || p[0] > 0xf4 || want > n)
		return 1;
	for (size_t i = 1; i < want; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		c = (c << 6) | (p[i] & 0x3f);
	}
	if (c < least[want] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 1;
	*ret = c;
	return want;
}

size_t fold_wide(const uint8_t *p, size_t n, uint32_t *ret, enum fold_kind *ret_kind)
{
	size_t used = decode(p, n, ret);

	*ret_kind = kind_of(ret);
	return used;
}
