/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One open addressing table from a word's hash to its kinds, eight bytes a slot: the upper bits
 * of the hash and, below them, the kinds. With 44 bits and some ten thousand words a false hit
 * is not to be expected, and would only cost a wrong guess.
 */
#include "scan/lexicon.h"

#include <stdbool.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "common/fault.h"

#define WORD_MAX   64
#define KINDS_MASK UINT64_C(0xfffff) /* of a slot; above it the hash's upper bits; 0: free */

_Static_assert(2 * LEXICON_HUMAN - 1 <= KINDS_MASK, "the highest kind fits into a slot");

struct lexicon {
	uint64_t *slots;
	size_t mask;
};

/* Letters that no decomposition takes apart. */
static const struct {
	utf8proc_int32_t letter;
	const char *plain;
} plain_letters[] = {
	{ 0xf8, "o" },  { 0xe6, "ae" }, { 0xdf, "ss" }, { 0x142, "l" },  { 0x111, "d" },
	{ 0xfe, "th" }, { 0xf0, "d" },  { 0x131, "i" }, { 0x153, "oe" }, { 0x2019, "'" },
};

static size_t put_folded(utf8proc_int32_t c, char *out, size_t cap)
{
	utf8proc_int32_t parts[8];
	utf8proc_ssize_t n = utf8proc_decompose_char(
		utf8proc_tolower(c), parts, 8,
		UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD,
		NULL);
	size_t len = 0;

	for (utf8proc_ssize_t i = 0; i < n && i < 8; i++) {
		utf8proc_uint8_t bytes[4];
		const char *text = (const char *)bytes;
		size_t size = (size_t)utf8proc_encode_char(parts[i], bytes);

		for (size_t k = 0; k < LEN(plain_letters); k++) {
			if (plain_letters[k].letter == parts[i]) {
				text = plain_letters[k].plain;
				size = strlen(text);
			}
		}
		if (len + size > cap)
			return cap + 1;
		memcpy(out + len, text, size);
		len += size;
	}
	return len;
}

size_t lexicon_fold(struct span word, char *out, size_t cap)
{
	size_t len = 0;

	for (size_t i = 0; i < word.len;) {
		unsigned char byte = (unsigned char)word.ptr[i];
		utf8proc_int32_t c;

		if (byte < 0x80) {
			if (len == cap)
				return 0;
			out[len++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
			i++;
			continue;
		}
		utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)word.ptr + i,
						      (utf8proc_ssize_t)(word.len - i), &c);
		if (n <= 0)
			return 0;
		size_t size = put_folded(c, out + len, cap - len);
		if (size > cap - len)
			return 0;
		len += size;
		i += (size_t)n;
	}
	return len;
}

static uint64_t load(const char *p, size_t n)
{
	uint32_t half;
	uint64_t whole;

	if (n == sizeof whole) {
		memcpy(&whole, p, sizeof whole);
		return whole;
	}
	memcpy(&half, p, sizeof half);
	return half;
}

static uint64_t mix(uint64_t h, uint64_t w)
{
	h = (h ^ (w | UINT64_C(0x2020202020202020))) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/*
 * Of a word's bytes, alike for both cases of ASCII: they differ by the bit 0x20, and what else
 * differs by that alone is no letter and in no word of the lexicon. Most words are eight bytes
 * or fewer, and are one number then; parts of longer ones overlap instead of ending in single
 * bytes. The bits of all bytes come back in `ret_bits`, so that nobody has to look for others
 * than ASCII.
 */
static inline uint64_t hash(const char *p, size_t len, uint64_t *ret_bits)
{
	uint64_t h = len * UINT64_C(0xff51afd7ed558ccd), last = 0, bits = 0;

	if (len >= 8) {
		for (size_t i = 0; i + 8 < len; i += 8) {
			uint64_t w = load(p + i, 8);

			bits |= w;
			h = mix(h, w);
		}
		last = load(p + len - 8, 8);
	} else if (len >= 4) {
		last = load(p, 4) | load(p + len - 4, 4) << 32;
	} else if (len > 0) {
		last = (uint64_t)(unsigned char)p[0] |
		       (uint64_t)(unsigned char)p[len / 2] << 8 |
		       (uint64_t)(unsigned char)p[len - 1] << 16;
	}
	*ret_bits = bits | last;
	h = mix(h, last) * UINT64_C(0xff51afd7ed558ccd);
	return h ^ h >> 29;
}

/* The lower bits, which no slot holds, say where; the upper ones whether it is the word. */
static uint64_t *slot_of(const struct lexicon *l, uint64_t h)
{
	size_t i = h & l->mask;

	while (l->slots[i] != 0 && ((l->slots[i] ^ h) & ~KINDS_MASK) != 0)
		i = (i + 1) & l->mask;
	return &l->slots[i];
}

static size_t add_list(struct lexicon *l, const struct lexicon_list *list)
{
	size_t n = 0;

	for (const char *p = list->words; *p != '\0';) {
		size_t len = strcspn(p, " ");

		if (len > 0 && l->slots != NULL) {
			uint64_t bits, h = hash(p, len, &bits);

			*slot_of(l, h) |= (h & ~KINDS_MASK) | list->kinds;
		}
		n += len > 0;
		p += len + (p[len] == ' ');
	}
	return n;
}

/* Adds every word; only counts them while there are no slots. */
static size_t add_all(struct lexicon *l)
{
	size_t n = 0;

	for (size_t i = 0; i < lexicon_lists_count; i++)
		n += add_list(l, &lexicon_lists[i]);
	for (size_t i = 0; i < lexicon_names_count; i++)
		n += add_list(l, &lexicon_names[i]);
	for (size_t i = 0; i < lexicon_ordinary_count; i++)
		n += add_list(l, &lexicon_ordinary[i]);
	return n;
}

struct lexicon *lexicon_new(void)
{
	struct lexicon *l = fault_here() ? NULL : calloc(1, sizeof *l);
	size_t words, slots = 1024;

	if (l == NULL)
		return NULL;
	words = add_all(l);
	while (slots < words + words / 3)
		slots *= 2;
	l->slots = calloc(slots, sizeof *l->slots);
	l->mask = slots - 1;
	if (l->slots == NULL) {
		lexicon_free(l);
		return NULL;
	}
	add_all(l);
	return l;
}

void lexicon_free(struct lexicon *l)
{
	if (l == NULL)
		return;
	free(l->slots);
	free(l);
}

uint32_t lexicon_kinds(const struct lexicon *l, struct span word)
{
	char folded[WORD_MAX];
	uint64_t bits, h = hash(word.ptr, word.len, &bits);

	if ((bits & UINT64_C(0x8080808080808080)) != 0) {
		word.len = lexicon_fold(word, folded, sizeof folded);
		h = hash(folded, word.len, &bits);
	}
	return word.len > 0 && word.len <= WORD_MAX ? (uint32_t)(*slot_of(l, h) & KINDS_MASK)
						    : 0;
}
