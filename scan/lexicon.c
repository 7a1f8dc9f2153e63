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

static uint64_t hash(const char *p, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return h ^ h >> 32;
}

static uint64_t *slot_of(const struct lexicon *l, uint64_t h)
{
	size_t i = (h * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & l->mask;

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
			uint64_t h = hash(p, len);

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
	size_t len = lexicon_fold(word, folded, sizeof folded);

	return len > 0 ? (uint32_t)(*slot_of(l, hash(folded, len)) & KINDS_MASK) : 0;
}
