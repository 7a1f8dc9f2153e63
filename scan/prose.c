/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting a text into words. A word is letters, digits and marks inside it: "O'Neil",
 * "Noord-Brabant", "3610-114". Punctuation of the General Punctuation block ends a word.
 * Kinds are looked up only for words that somebody asks about.
 */
#include "scan/prose.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "common/fault.h"

uint32_t prose_kinds(struct prose *p, size_t i)
{
	if (i >= p->count)
		return 0;
	struct word *w = &p->words[i];
	if ((w->kinds & KINDS_UNKNOWN) != 0)
		w->kinds = lexicon_kinds(
			p->view->run->scanner->lexicon,
			(struct span){ p->view->text.ptr + w->start, w->end - w->start });
	return w->kinds;
}

bool prose_joined(const struct prose *p, size_t i, const char *allowed)
{
	if (i + 1 >= p->count)
		return false;
	size_t at = p->words[i].end + (p->words[i].possessive ? 2 : 0),
	       end = p->words[i + 1].start;

	if (end <= at || end - at > 3)
		return false;
	if (end - at == 1 && p->view->text.ptr[at] == allowed[0])
		return true; /* nearly always */
	for (; at < end; at++) {
		if (p->view->text.ptr[at] == '\0' ||
		    strchr(allowed, p->view->text.ptr[at]) == NULL)
			return false;
	}
	return true;
}

bool prose_is_one_of(const struct prose *p, size_t i, const char *const *words, size_t count)
{
	if (i >= p->count)
		return false;
	char first = to_lower(p->view->text.ptr[p->words[i].start]);
	for (size_t k = 0; k < count; k++) {
		if (words[k][0] == first && span_is_nocase(prose_word(p, i), words[k]))
			return true;
	}
	return false;
}

bool prose_near(struct prose *p, size_t from, size_t to, size_t reach, uint32_t kinds)
{
	size_t first = from > reach ? from - reach : 0;

	for (size_t i = first; i < p->count && i < to + reach; i++) {
		if ((i < from || i >= to) && (prose_kinds(p, i) & kinds) != 0)
			return true;
	}
	return false;
}

void prose_found(struct prose *p, size_t from, size_t to, enum scan_category category,
		 enum scan_detector detector, unsigned strength)
{
	for (size_t i = from; i < to; i++)
		p->words[i].taken = true;
	scan_found(p->view, p->words[from].start, p->words[to - 1].end, category, detector,
		   strength);
}

/* By byte: 1 an ASCII letter or digit, 2 above ASCII, 4 what ends a sentence or line. */
static const uint8_t byte_class[256] = {
	/* clang-format off */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 0, 0, 0, 0, 4,
	0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
	0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	/* clang-format on */
};

/* A letter or digit. U+0080..U+00BF and U+2000..U+2BFF are punctuation, spaces and signs. */
static bool is_letter(struct span t, size_t at)
{
	unsigned c = byte_class[(unsigned char)t.ptr[at]];

	return c == 1 || (c == 2 && !((unsigned char)t.ptr[at] == 0xe2 &&
				      (unsigned char)byte_at(t, at + 1) < 0xb0));
}

static bool is_capital(struct span t, size_t at)
{
	utf8proc_int32_t c;

	if ((unsigned char)t.ptr[at] < 0x80)
		return is_upper(t.ptr[at]);
	if (utf8proc_iterate((const utf8proc_uint8_t *)t.ptr + at,
			     (utf8proc_ssize_t)(t.len - at), &c) <= 0)
		return false;
	return utf8proc_category(c) == UTF8PROC_CATEGORY_LU;
}

/* Where the letters and digits from `at` on end. */
static size_t letters_end(struct span t, size_t at)
{
	for (;;) {
		while (at < t.len && byte_class[(unsigned char)t.ptr[at]] == 1)
			at++;
		if (at == t.len || byte_class[(unsigned char)t.ptr[at]] != 2 ||
		    !is_letter(t, at))
			return at;
		at++;
	}
}

/* How a word that starts with a capital is written. */
static void read_case(struct span t, struct word *w, size_t end)
{
	size_t lower = 0, letters = 0;

	for (size_t i = w->start; i < end; i++) {
		lower += is_lower(t.ptr[i]);
		letters += byte_class[(unsigned char)t.ptr[i]] != 0;
	}
	w->shouted = lower == 0 && letters >= 2;
	w->initial = letters == 1;
}

/* Reads the word at *at, which is a letter or digit, and moves past it. */
static void read_word(struct span t, size_t *at, struct word *w)
{
	size_t end = letters_end(t, *at);

	*w = (struct word){ .start = (uint32_t)*at, .kinds = KINDS_UNKNOWN };
	/* One mark inside a word. */
	while ((byte_at(t, end) == '\'' || byte_at(t, end) == '-') && end + 1 < t.len &&
	       is_letter(t, end + 1))
		end = letters_end(t, end + 1);
	w->number = is_digit(t.ptr[*at]);
	w->capital = is_capital(t, *at);
	if (w->capital)
		read_case(t, w, end);
	w->possessive =
		end - *at > 2 && t.ptr[end - 2] == '\'' && to_lower(t.ptr[end - 1]) == 's';
	w->end = (uint32_t)end - (w->possessive ? 2 : 0);
	*at = end;
}

/* What ends a sentence stands between the words, or a line does. */
static bool breaks(struct span t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (byte_class[(unsigned char)t.ptr[i]] == 4)
			return true;
	}
	return false;
}

static bool split(struct prose *p)
{
	struct span t = p->view->text;
	size_t cap = 0, last_end = 0;
	bool capitals = false;

	for (size_t at = 0; at < t.len;) {
		if (!is_letter(t, at)) {
			at = next_char(t, at);
			continue;
		}
		if (p->count == cap) {
			struct word *grown;

			cap = cap == 0 ? t.len / 5 + 16 : cap * 2;
			grown = fault_here() ? NULL : realloc(p->words, cap * sizeof *grown);
			if (grown == NULL)
				return false;
			p->words = grown;
		}
		struct word *w = &p->words[p->count++];
		read_word(t, &at, w);
		w->starts = p->count == 1 || breaks(t, last_end, w->start);
		last_end = w->end;
		capitals = capitals || w->capital;
		p->numbers = p->numbers || w->number;
	}
	p->lowercase = !capitals;
	return true;
}

/*
 * Where nothing is in upper case every word could be a name or a place. Most are in the lexicon
 * as something else, and nobody asks about them again. False: that is all of them.
 */
static bool leave_plain(struct prose *p)
{
	const struct lexicon *l = p->view->run->scanner->lexicon;
	const uint32_t may_be = LEXICON_FIRST | LEXICON_LAST | LEXICON_PLACE | LEXICON_HEAD;
	bool left = false;

	for (size_t i = 0; i < p->count; i++) {
		uint32_t kinds = lexicon_kinds(l, prose_word(p, i));

		p->words[i].kinds = kinds;
		p->words[i].plain = (kinds & NOT_A_PLACE) != 0 && (kinds & may_be) == 0;
		left = left || !p->words[i].plain;
	}
	return left;
}

void scan_prose(struct scan_view *v)
{
	struct prose p = { .view = v };

	if (split(&p)) {
		if (p.numbers)
			addresses_find(&p);
		if (!p.lowercase || leave_plain(&p)) {
			people_find(&p);
			places_find(&p);
		}
		if (p.numbers)
			minors_find(&p);
	} else {
		v->run->out_of_memory = true;
	}
	free(p.words);
}
