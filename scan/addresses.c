/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streets, then places.
 *
 * A street is one of
 *   385 Gemsbok St          number, names, street word
 *   Rua de Setembro 1257    street word, names, number
 *   Wiesenstrasse 31        a name with a street word at its end, number
 *   Erzsebet ter 19         names, street word, number
 *   541 Arenales 9462       number, names, number
 *   Apt. 258, P.O. Box 211  unit and number
 * and what follows on the same line: units, towns, codes.
 *
 * A place counts when the talk is of somebody's life ("I live in …", "she moved from …"):
 * asking for the capital of a country is nobody's location.
 */
#include "scan/prose.h"

#define NAMES_MAX 5

static struct span word_span(const struct prose *p, size_t i)
{
	return (struct span){ p->view->text.ptr + p->words[i].start,
			      p->words[i].end - p->words[i].start };
}

static size_t word_len(const struct prose *p, size_t i)
{
	return p->words[i].end - p->words[i].start;
}

static bool ends_in_street(struct span word)
{
	static const char *const endings[] = {
		"strasse", "strase",  "stasse", "gasse",  "weg",     "allee",  "platz",
		"straat",  "laan",    "plein",  "gracht", "kade",    "dijk",   "steeg",
		"gatan",   "gata",    "vagen",  "vej",    "gade",    "gate",   "veien",
		"vegen",   "katu",    "tie",    "kuja",   "polku",   "utca",   "stien",
		"alle",    "ufer",    "damm",   "hof",    "backen",  "gaten",  "zuidhove",
		"singel",  "bakken",  "parken", "torget", "centret", "vangen", "haven",
		"hus",     "brinken", "stig",
	};
	char folded[64];
	size_t n = lexicon_fold(word, folded, sizeof folded);

	for (size_t i = 0; i < LEN(endings); i++) {
		size_t k = strlen(endings[i]);

		if (n > k + 2 && memcmp(folded + n - k, endings[i], k) == 0)
			return true;
	}
	return false;
}

static bool is_street_word(struct prose *p, size_t i)
{
	return i < p->count && (prose_kinds(p, i) & LEXICON_STREET) != 0;
}

/* Street words that are ordinary words, too ("close", "drive", "st", "via"). */
static bool is_doubtful_street(struct prose *p, size_t i)
{
	return (prose_kinds(p, i) & (LEXICON_ORDINARY | LEXICON_CUE | LEXICON_PARTICLE)) != 0 ||
	       word_len(p, i) <= 3;
}

/* A house number: digits, perhaps one letter. */
static bool is_house_number(const struct prose *p, size_t i)
{
	size_t n;

	if (i >= p->count || !p->words[i].number)
		return false;
	n = word_len(p, i);
	return n <= 6 || (n <= 9 && memchr(word_span(p, i).ptr, '-', n) != NULL);
}

static bool is_street_name(struct prose *p, size_t i)
{
	if (i >= p->count || p->words[i].taken)
		return false;
	if ((prose_kinds(p, i) & LEXICON_PARTICLE) != 0)
		return true;
	return p->words[i].capital || p->words[i].number ||
	       (p->lowercase && (prose_kinds(p, i) & LEXICON_ORDINARY) == 0);
}

/* How many street-name words start at i, joined by spaces or dots; numbers not first. */
static size_t name_words(struct prose *p, size_t i, bool numbers)
{
	size_t n = 0;

	while (n < NAMES_MAX && is_street_name(p, i + n) &&
	       (numbers || !p->words[i + n].number)) {
		n++;
		if (!prose_joined(p, i + n - 1, " ."))
			break;
	}
	return n;
}

/* The words of a street that begins at i; 0: none. */
static size_t street_at(struct prose *p, size_t i)
{
	size_t at = i, n;
	bool numbered = is_house_number(p, i) && prose_joined(p, i, " ");

	/* Street word first: "Rua … 1257", "ul. Jarzebinowa 5". */
	at = numbered ? i + 1 : i;
	if (is_street_word(p, at) && prose_joined(p, at, " .")) {
		n = name_words(p, at + 1, false);
		if (n > 0 && is_house_number(p, at + 1 + n) && prose_joined(p, at + n, " ,"))
			return at + n + 2 - i;
	}
	/* Names, then a number, with a street word or ending among them. */
	n = name_words(p, at, false);
	for (size_t k = 1; k <= n; k++) {
		bool street = ends_in_street(word_span(p, at + k - 1)) ||
			      (k > 1 && is_street_word(p, at + k - 1));

		if (street && is_house_number(p, at + k) && prose_joined(p, at + k - 1, " ."))
			return at + k + 1 - i;
	}
	/* "Erzsebet ter 19": the street word is not capitalised. */
	if (n > 0 && is_street_word(p, at + n) && prose_joined(p, at + n - 1, " ") &&
	    is_house_number(p, at + n + 1) && prose_joined(p, at + n, " ."))
		return at + n + 2 - i;
	if (!numbered)
		return 0;
	/* Number, names, street word. */
	n = name_words(p, at, true);
	for (size_t k = n; k > 1; k--) {
		if (is_street_word(p, at + k - 1) && prose_joined(p, at + k - 2, " ") &&
		    (p->words[at + k - 1].capital || p->lowercase))
			return at + k - i;
	}
	/* Number, names, number: "541 Arenales 9462". */
	n = name_words(p, at, false);
	if (n > 0 && is_house_number(p, at + n) && prose_joined(p, at + n - 1, " ") &&
	    (prose_kinds(p, at) & (LEXICON_ORDINARY | LEXICON_THING)) == 0 &&
	    word_len(p, at) > 2)
		return at + n + 1 - i;
	return 0;
}

/* Units that are nothing else: a room or a floor also is in no address. */
static bool is_sure_unit(const struct prose *p, size_t i)
{
	static const char *const sure[] = { "apt", "apartment", "suite", "ste", "unit", "psc" };

	for (size_t k = 0; k < LEN(sure); k++) {
		if (span_is_nocase(word_span(p, i), sure[k]))
			return true;
	}
	return false;
}

/* "Apt. 258", "Suite 201", "Unit 2962 Box 5219", "P.O. Box 211". */
static size_t unit_at(struct prose *p, size_t i, bool inside)
{
	static const char box[] = "box";
	size_t at = i;

	if (i >= p->count)
		return 0;

	if ((prose_kinds(p, i) & LEXICON_UNIT) != 0 && (p->words[i].capital || p->lowercase) &&
	    is_house_number(p, i + 1) && prose_joined(p, i, " .#") &&
	    (inside || is_sure_unit(p, i)))
		return i + 3 < p->count && span_is_nocase(word_span(p, i + 2), box) &&
				       is_house_number(p, i + 3)
			       ? 4
			       : 2;
	if (p->words[i].initial && span_is_nocase(word_span(p, i), "p") && i + 3 < p->count)
		at = i + 2;
	else if (span_is_nocase(word_span(p, i), "po"))
		at = i + 1;
	if (at > i && at + 1 < p->count && span_is_nocase(word_span(p, at), box) &&
	    is_house_number(p, at + 1))
		return at + 2 - i;
	return 0;
}

/* Word i + 1 is the first of the next line. */
static bool next_line(const struct prose *p, size_t i)
{
	if (i + 1 >= p->count)
		return false;
	size_t gap = p->words[i + 1].start - p->words[i].end;

	return gap <= 8 && memchr(p->view->text.ptr + p->words[i].end, '\n', gap) != NULL;
}

/* One to four capitalised words, perhaps a code, and nothing else up to the end of the line. */
static bool is_capital_line(const struct prose *p, size_t i)
{
	for (size_t n = 0; n < 5 && i < p->count; n++, i++) {
		if (!p->words[i].capital && !(n > 0 && p->words[i].number))
			return false;
		if (i + 1 == p->count || next_line(p, i))
			return true;
		if (!prose_joined(p, i, " "))
			return false;
	}
	return false;
}

/* An address that starts a line stands on an envelope or card: each line is its own part. */
static bool starts_line(const struct prose *p, size_t i)
{
	size_t at = p->words[i].start;

	while (at > 0 && !is_word(p->view->text.ptr[at - 1]) &&
	       p->view->text.ptr[at - 1] != '\n')
		at--;
	return at == 0 || p->view->text.ptr[at - 1] == '\n';
}

/*
 * What still belongs to the address: units, towns, regions, codes. Inside a sentence it goes
 * on over line ends, too.
 */
static size_t extend(struct prose *p, size_t end, bool card)
{
	const char *between = card ? " ,." : " ,.\n\r";
	size_t good = end;

	for (unsigned n = 0; n < 10 && end < p->count && prose_joined(p, end - 1, between);
	     n++) {
		size_t unit = unit_at(p, end, true);
		bool code =
			p->words[end].number && word_len(p, end) >= 3 && word_len(p, end) <= 10;
		bool same_line = !next_line(p, end - 1);
		bool town = p->words[end].capital &&
			    (prose_kinds(p, end) & (LEXICON_TITLE | LEXICON_CLOSING)) == 0 &&
			    (same_line || (prose_kinds(p, end) & LEXICON_ORDINARY) == 0 ||
			     is_capital_line(p, end));

		if (memchr(p->view->text.ptr + p->words[end - 1].end, '.',
			   p->words[end].start - p->words[end - 1].end) != NULL &&
		    unit == 0 && word_len(p, end - 1) > 3)
			break; /* a sentence ends here */
		if (unit > 0)
			end += unit;
		else if (code || town)
			end++;
		else
			break;
		good = end;
	}
	return good;
}

/* After an address, on following lines: a town, a country, a postcode. */
static size_t tail_lines(struct prose *p, size_t end)
{
	for (unsigned n = 0; n < 6 && end < p->count &&
			     (prose_joined(p, end - 1, " ,") || next_line(p, end - 1));
	     n++) {
		struct word *w = &p->words[end];
		bool code = w->number && word_len(p, end) >= 4 && word_len(p, end) <= 6;
		uint32_t kinds = prose_kinds(p, end);

		if (code) {
			prose_found(p, end, end + 1, SCAN_PERSONAL_ADDRESS, DETECTOR_POSTCODE,
				    STRENGTH_LIKELY);
			return end + 1;
		}
		if (!w->capital || (kinds & (LEXICON_TITLE | LEXICON_CLOSING)) != 0)
			break;
		if ((kinds & LEXICON_ORDINARY) != 0 && !is_capital_line(p, end))
			break;
		size_t to = end + 1;
		while (to < p->count && to - end < 4 && p->words[to].capital &&
		       prose_joined(p, to - 1, " ") && (prose_kinds(p, to) & LEXICON_UNIT) == 0)
			to++;
		if (unit_at(p, end, true) > 0)
			break;
		prose_found(p, end, to, SCAN_PERSONAL_LOCATION, DETECTOR_PLACE,
			    STRENGTH_LIKELY);
		end = to;
	}
	return end;
}

/* "The bus stops at Magasinsgatan 7 St." – and "page 5 of Drive 3" is none. */
static bool plausible(struct prose *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		uint32_t kinds = prose_kinds(p, i);

		if ((kinds & LEXICON_STREET) != 0 && !is_doubtful_street(p, i))
			return true;
		if (ends_in_street(word_span(p, i)))
			return true;
	}
	/* Without a clear street word: something else must speak for it. */
	return scan_context(p->view, p->words[from].start, p->words[to - 1].end, 60, 30) &
		       (CONTEXT_ADDRESS | CONTEXT_POSTCODE) ||
	       (to < p->count && unit_at(p, to, true) > 0) ||
	       (p->words[from].number && to - from >= 3 && p->words[to - 1].number) ||
	       (p->words[from].number && to - from >= 3 && is_street_word(p, to - 1) &&
		word_len(p, from) <= 5);
}

/* On a card "541 Arenales 9462" is a house and a street with its own number: two parts. */
static void report(struct prose *p, size_t from, size_t to)
{
	bool two = to - from >= 3 && p->words[from].number && starts_line(p, from) &&
		   (p->words[to - 1].number || p->words[from + 1].number);

	if (two) {
		prose_found(p, from, from + 1, SCAN_PERSONAL_ADDRESS, DETECTOR_STREET,
			    STRENGTH_SURE - 2);
		from++;
	}
	prose_found(p, from, to, SCAN_PERSONAL_ADDRESS, DETECTOR_STREET, STRENGTH_SURE - 2);
}

void addresses_find(struct prose *p)
{
	for (size_t i = 0; i < p->count; i++) {
		size_t n, end;

		if (!p->words[i].capital && !p->words[i].number &&
		    !(p->lowercase && !p->words[i].taken))
			continue;
		n = street_at(p, i);
		if (n > 0 && !plausible(p, i, i + n))
			n = 0;
		if (n == 0)
			n = unit_at(p, i, false);
		if (n == 0)
			continue;
		end = extend(p, i + n, starts_line(p, i));
		report(p, i, end);
		i = tail_lines(p, end) - 1;
	}
}

/* ---- places ---- */

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
	    (p->words[i].shouted && word_len(p, i) <= 3))
		return 0;
	word = word_span(p, i - 1);
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
		if (span_is_nocase(word_span(p, i - 2), being[k]))
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
