/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Towns, regions and countries, and the code beside them.
 *
 * A place counts when the talk is of somebody's life ("I live in …", "she moved from …"):
 * asking for the capital of a country is nobody's location. An unknown name counts only
 * where a place is expected ("… at the office in Camuns"), or beside a postcode.
 */
#include "scan/prose.h"

/* "… del Barco", "… nad Sázavou": words [i, ret) and one with a capital behind; 0: none. */
static size_t particles(struct prose *p, size_t i)
{
	size_t at = i;

	while (at < p->count && at - i < 3 && (prose_kinds(p, at) & LEXICON_PARTICLE) != 0 &&
	       !p->words[at].capital && prose_joined(p, at, " "))
		at++;
	return at > i && at < p->count && (p->words[at].capital || p->lowercase) &&
			       !p->words[at].taken && !p->words[at].number
		       ? at - i + 1
		       : 0;
}

/* "Democratic Republic of the Congo": what "of" adds to a place of n words; 0: nothing. */
static size_t of_place(struct prose *p, size_t at)
{
	size_t to = at + 1;

	if (to + 1 >= p->count || !span_is_nocase(prose_word(p, at), "of") ||
	    !prose_joined(p, at - 1, " ") || !prose_joined(p, at, " "))
		return 0;
	if (span_is_nocase(prose_word(p, to), "the") && prose_joined(p, to, " "))
		to++;
	return to < p->count && (prose_kinds(p, to) & LEXICON_PLACE) != 0 ? to + 1 - at : 0;
}

/* "Bosnia and Herzegovina": what "and" adds to a place. */
static size_t and_place(struct prose *p, size_t at)
{
	static const char *const second[] = { "herzegovina", "barbuda",    "tobago",
					      "principe",    "nevis",      "caicos",
					      "futuna",      "montenegro", "miquelon",
					      "príncipe",    "grenadines" };

	return at + 1 < p->count && prose_joined(p, at - 1, " ") && prose_joined(p, at, " ") &&
			       span_is_nocase(prose_word(p, at), "and") &&
			       prose_is_one_of(p, at + 1, second, LEN(second))
		       ? 2
		       : 0;
}

/* The words of a place that begins at i: known, or New/San/United and more. 0: none. */
static size_t known_place(struct prose *p, size_t i)
{
	uint32_t kinds = prose_kinds(p, i);
	size_t n = 1, place = 0;

	if ((kinds & LEXICON_HEAD) != 0 && (p->words[i].capital || p->lowercase)) {
		while (n < 4 && i + n < p->count && (p->words[i + n].capital || p->lowercase) &&
		       prose_joined(p, i + n - 1, " .")) {
			n++;
			if ((prose_kinds(p, i + n - 1) & LEXICON_PLACE) != 0)
				place = n;
		}
		if (place > 1)
			return place;
		if (n > 1 && p->words[i].capital && (prose_kinds(p, i + 1) & NOT_A_PLACE) == 0)
			return n;
		n = 1;
	}
	if ((kinds & LEXICON_PLACE) == 0)
		return 0;
	while (i + n < p->count && (prose_kinds(p, i + n) & LEXICON_PLACE) != 0 &&
	       (p->words[i + n].capital || p->lowercase) && prose_joined(p, i + n - 1, " "))
		n++;
	n += of_place(p, i + n);
	n += and_place(p, i + n);
	/* "Berlin Spandau": a part that no list knows. */
	while (n < 4 && i + n < p->count && p->words[i + n].capital &&
	       prose_kinds(p, i + n) == 0 && !p->words[i + n].taken &&
	       prose_joined(p, i + n - 1, " "))
		n++;
	if (prose_joined(p, i + n - 1, " "))
		n += particles(p, i + n);
	return n;
}

/* "… from Cite Guedouala": an unknown capitalised run where a place is expected. */
static size_t expected_place(struct prose *p, size_t i)
{
	static const char *const before[] = { "in",       "from",  "to",     "at",
					      "near",     "visit", "around", "visited",
					      "visiting", "city",  "town",   "village",
					      "hometown", "suburb" };
	size_t n = 0;

	if (i == 0 || p->words[i].starts ||
	    (!p->words[i].capital && (prose_kinds(p, i) & NOT_A_PLACE) != 0) ||
	    !prose_is_one_of(p, i - 1, before, LEN(before)) || !prose_joined(p, i - 1, " "))
		return 0;
	/* "Cite Guedouala": an ordinary word is a part when an unknown one follows. */
	if (p->words[i].capital && !p->words[i].taken && !p->words[i].shouted &&
	    prose_kinds(p, i) == LEXICON_ORDINARY && prose_joined(p, i, " ") &&
	    p->words[i + 1].capital && prose_kinds(p, i + 1) == 0)
		n = 1;
	while (n < 5 && i + n < p->count && !p->words[i + n].taken && !p->words[i + n].number &&
	       (prose_kinds(p, i + n) & NOT_A_PLACE) == 0 &&
	       (p->words[i + n].capital || (p->lowercase && n == 0))) {
		n++;
		if (!prose_joined(p, i + n - 1, " "))
			break;
		n += particles(p, i + n);
	}
	if (n > 0 && i + n < p->count && (prose_kinds(p, i + n) & LEXICON_COMPANY) != 0 &&
	    p->words[i + n].capital)
		return 0;
	return n;
}

/*
 * "in Bjert 6091", "in ÖVERTURINGEN 840 24": the words of the code behind a place that "in"
 * or "from" leads to. A year is none.
 */
static size_t code_behind(struct prose *p, size_t i, size_t n)
{
	static const char *const before[] = { "in", "from", "near", "to", "at" };
	size_t code = addresses_code_at(p, i + n);
	struct span digits;

	if (code == 0 || i == 0 || !prose_joined(p, i + n - 1, " ") ||
	    !prose_is_one_of(p, i - 1, before, LEN(before)))
		return 0;
	digits = prose_word(p, i + n);
	if (code == 1 && digits.len == 4 && digits.ptr[0] <= '2' &&
	    (digits.ptr[0] != '1' || digits.ptr[1] >= '5'))
		return 0;
	return digits.len <= 8 ? code : 0;
}

/* "… at Sigfig in Camuns", "Glyn St street in Highveld": where somebody works or a street is.
 */
static bool is_site(struct prose *p, size_t i)
{
	bool of_somebody = false;

	if (i < 2 || !span_is_nocase(prose_word(p, i - 1), "in") || p->words[i - 1].capital)
		return false;
	if ((prose_kinds(p, i - 2) & LEXICON_STREET) != 0 || p->words[i - 2].taken)
		return true;
	for (size_t k = i - 2; k > 0 && i - k < 7 && prose_joined(p, k, " &."); k--) {
		if (span_is_nocase(prose_word(p, k), "at") && !p->words[k].capital)
			return of_somebody;
		of_somebody = p->words[k].capital || p->lowercase;
	}
	return false;
}

/* "I'm in Flateyri" */
static bool is_here(const struct prose *p, size_t i)
{
	static const char *const being[] = { "i'm", "am", "we're", "returned", "back" };

	for (size_t k = 0; i >= 2 && k < LEN(being); k++) {
		if (span_is_nocase(prose_word(p, i - 2), being[k]))
			return true;
	}
	return false;
}

/* Somebody lives, moves, travels or is born nearby in the sentence. */
static bool about_life(struct prose *p, size_t from, size_t to)
{
	return prose_near(p, from, to, 5, LEXICON_LIFE);
}

/*
 * A short request that asks for no knowledge: "the weather in …", "a table in …", "… was fun
 * to visit". It names a place because somebody is or goes there.
 */
static bool is_request(struct prose *p)
{
	if (p->count > 60)
		return false;
	for (size_t i = 0; i < p->count; i++) {
		if ((prose_kinds(p, i) & LEXICON_KNOWLEDGE) != 0)
			return false;
	}
	return true;
}

static bool line_between(const struct prose *p, size_t i)
{
	size_t gap = p->words[i].start - p->words[i - 1].end;

	return memchr(p->view->text.ptr + p->words[i - 1].end, '\n', gap) != NULL;
}

/*
 * The words of the line above a known place that is alone on its own line, when that line is
 * all of capitalised words and names a town, as on a card: "Eben", above "Austria". 0: none.
 */
static size_t town_above(struct prose *p, size_t i, size_t n)
{
	size_t from = i;

	if (i < 2 || !line_between(p, i) || (i + n < p->count && !line_between(p, i + n)))
		return 0;
	while (from > 0 && i - from < 4 && p->words[from - 1].capital &&
	       !p->words[from - 1].taken && (prose_kinds(p, from - 1) & NOT_A_PLACE) == 0) {
		from--;
		if (from == 0 || line_between(p, from))
			break;
	}
	/* Above the town stands whose card it is. */
	return from < i && from > 0 && line_between(p, from) && p->words[from - 1].taken
		       ? i - from
		       : 0;
}

/* Whether a place of n words at i tells about somebody. */
static bool tells(struct prose *p, size_t i, size_t n, bool known, int *request)
{
	if (about_life(p, i, i + n) || is_site(p, i))
		return true;
	if (!known)
		return is_here(p, i);
	if (*request < 0)
		*request = is_request(p);
	return *request > 0 || prose_near(p, i, i + n, 8, LEXICON_PERSONAL);
}

void places_find(struct prose *p)
{
	int request = -1; /* not asked yet */

	for (size_t i = 0; i < p->count; i++) {
		struct word *w = &p->words[i];
		size_t n, code;
		bool known = true;

		if (w->taken || w->plain || (!w->capital && !p->lowercase) || w->number)
			continue;
		n = known_place(p, i);
		if (n == 0) {
			n = expected_place(p, i);
			known = false;
		}
		if (n == 0)
			continue;
		code = p->numbers ? code_behind(p, i, n) : 0;
		if (code > 0)
			prose_found(p, i + n, i + n + code, SCAN_PERSONAL_ADDRESS,
				    DETECTOR_POSTCODE, STRENGTH_LIKELY);
		size_t town = known ? town_above(p, i, n) : 0;
		if (town > 0)
			prose_found(p, i - town, i, SCAN_PERSONAL_LOCATION, DETECTOR_PLACE,
				    STRENGTH_WEAK + 1);
		if (code > 0 || town > 0 || tells(p, i, n, known, &request))
			prose_found(p, i, i + n, SCAN_PERSONAL_LOCATION, DETECTOR_PLACE,
				    known ? STRENGTH_WEAK + 4 : STRENGTH_WEAK + 1);
		i += n + code - 1;
	}
}
