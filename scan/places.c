/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Towns, regions and countries, and the code beside them.
 *
 * A place counts when the talk is of somebody's life ("I live in …", "she moved from …"):
 * asking for the capital of a country is nobody's location. An unknown name counts only
 * where a place is expected ("… at the office in Camuns"), or beside a postcode.
 */
#include "scan/prose.h"

/* The words of a place that begins at i: known, or New/San/United and more. 0: none. */
static size_t known_place(struct prose *p, size_t i)
{
	uint32_t kinds = prose_kinds(p, i);
	size_t n = 1;

	if ((kinds & LEXICON_HEAD) != 0 && p->words[i].capital) {
		while (n < 4 && i + n < p->count && p->words[i + n].capital &&
		       prose_joined(p, i + n - 1, " ."))
			n++;
		if (n > 1 && (prose_kinds(p, i + 1) &
			      (LEXICON_ORDINARY | LEXICON_THING | LEXICON_COMPANY)) == 0)
			return n;
		n = 1;
	}
	if ((kinds & LEXICON_PLACE) == 0)
		return 0;
	while (i + n < p->count && (prose_kinds(p, i + n) & LEXICON_PLACE) != 0 &&
	       p->words[i + n].capital && prose_joined(p, i + n - 1, " "))
		n++;
	return n;
}

/* "… from Cite Guedouala": an unknown capitalised run where a place is expected. */
static size_t expected_place(struct prose *p, size_t i)
{
	static const char *const before[] = { "in",   "from",  "to",    "at",
					      "near", "visit", "around" };
	struct span word;
	size_t n = 0;
	bool cue = false;

	if (i == 0 || !prose_joined(p, i - 1, " ") || p->words[i].starts ||
	    (p->words[i].shouted && prose_word_len(p, i) <= 3))
		return 0;
	word = prose_word(p, i - 1);
	for (size_t k = 0; k < LEN(before); k++)
		cue = cue || span_is_nocase(word, before[k]);
	if (!cue)
		return 0;
	while (n < 3 && i + n < p->count && p->words[i + n].capital && !p->words[i + n].taken &&
	       (prose_kinds(p, i + n) &
		(LEXICON_ORDINARY | LEXICON_THING | LEXICON_COMPANY | LEXICON_TITLE)) == 0) {
		n++;
		if (!prose_joined(p, i + n - 1, " "))
			break;
	}
	if (n > 0 && i + n < p->count && (prose_kinds(p, i + n) & LEXICON_COMPANY) != 0 &&
	    p->words[i + n].capital)
		return 0;
	return n;
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

void places_find(struct prose *p)
{
	int request = -1; /* not asked yet */

	for (size_t i = 0; i < p->count; i++) {
		struct word *w = &p->words[i];
		size_t n;
		bool known = true;

		if (w->taken || (!w->capital && !p->lowercase) || w->number)
			continue;
		n = known_place(p, i);
		if (n == 0 && w->capital) {
			n = expected_place(p, i);
			known = false;
		}
		if (n == 0)
			continue;
		if (request < 0 && known)
			request = is_request(p);
		if (about_life(p, i, i + n) || (!known && is_here(p, i)) ||
		    (known && (request > 0 || prose_near(p, i, i + n, 8, LEXICON_PERSONAL))))
			prose_found(p, i, i + n, SCAN_PERSONAL_LOCATION, DETECTOR_PLACE,
				    known ? STRENGTH_WEAK + 4 : STRENGTH_WEAK + 1);
		i += n - 1;
	}
}
