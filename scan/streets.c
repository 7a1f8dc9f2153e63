/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of streets: see the list in addresses.c. Nothing here reports anything.
 */
#include "scan/streets.h"

#define NAMES_MAX 5

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

bool street_is_word(struct prose *p, size_t i)
{
	return i < p->count && (prose_kinds(p, i) & LEXICON_STREET) != 0;
}

static bool is_all_digits(struct span word)
{
	for (size_t i = 0; i < word.len; i++) {
		if (!is_digit(word.ptr[i]))
			return false;
	}
	return true;
}

/* Street words that are ordinary words, too ("close", "drive", "st", "via"). */
static bool is_doubtful_street(struct prose *p, size_t i)
{
	return (prose_kinds(p, i) & (LEXICON_ORDINARY | LEXICON_CUE | LEXICON_PARTICLE)) != 0 ||
	       prose_word_len(p, i) <= 3;
}

/* A house number: digits, perhaps one letter. */
bool street_is_number(const struct prose *p, size_t i)
{
	size_t n;

	if (i >= p->count || !p->words[i].number)
		return false;
	/* "$16,000", "3.50": a part of an amount. */
	if (p->words[i].start > 1 &&
	    strchr(",.$", p->view->text.ptr[p->words[i].start - 1]) != NULL)
		return false;
	n = prose_word_len(p, i);
	return n <= 6 || (n <= 9 && memchr(prose_word(p, i).ptr, '-', n) != NULL);
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

/* Street words that go before the name and are nothing else: "rue du Centre", "via Roma". */
bool street_is_lead(const struct prose *p, size_t i)
{
	static const char *const leads[] = {
		"rue",      "rua",      "rúa",     "via",       "viale",   "calle",
		"avenida",  "avda",     "avenue",  "boulevard", "piazza",  "piazzetta",
		"piazzale", "corso",    "largo",   "vicolo",    "chemin",  "impasse",
		"quai",     "ulica",    "ul",      "strada",    "calea",   "carrera",
		"paseo",    "travessa", "estrada", "jalan",     "bulevar", "ronda",
		"plaza",    "prospekt", "ulitsa",  "trg",       "rambla",
	};

	return prose_is_one_of(p, i, leads, LEN(leads));
}

/* How many street-name words start at i, joined by spaces or dots; numbers not first. */
size_t street_name_words(struct prose *p, size_t i, bool numbers)
{
	size_t n = 0;

	while (n < NAMES_MAX && is_street_name(p, i + n) &&
	       (numbers || !p->words[i + n].number) &&
	       (n == 0 || street_unit_at(p, i + n, true) == 0)) {
		n++;
		if (!prose_joined(p, i + n - 1, " ."))
			break;
	}
	return n;
}

/* "rue du centre 320": after a word that only leads streets the name may be in lower case. */
static size_t lower_street(const struct prose *p, size_t i)
{
	static const char *const leads[] = { "rue",    "rua",       "calle", "avenida",
					     "chemin", "boulevard", "ulica", "impasse" };
	size_t n = 1;

	if (!prose_is_one_of(p, i, leads, LEN(leads)) || !prose_joined(p, i, " "))
		return 0;
	while (n < 5 && i + n < p->count && !p->words[i + n].number &&
	       prose_joined(p, i + n, " "))
		n++;
	return n > 1 && street_is_number(p, i + n) && prose_word_len(p, i + n) <= 4 ? n + 1 : 0;
}

/* The words of a street that begins at i; 0: none. */
size_t street_at(struct prose *p, size_t i)
{
	size_t at = i, n;
	bool numbered = street_is_number(p, i) && prose_joined(p, i, " ");

	/* "479 95 Avenue des Tuileries": a number before one with its own. */
	if (numbered && p->words[i + 1].number && street_is_number(p, i + 1) &&
	    prose_joined(p, i + 1, " ") && !p->words[i + 2].number) {
		n = street_at(p, i + 1);
		if (n > 0)
			return n + 1;
	}
	/* Street word first: "Rua … 1257", "ul. Jarzebinowa 5". */
	at = numbered ? i + 1 : i;
	if (street_is_word(p, at) && prose_joined(p, at, " .")) {
		n = street_name_words(p, at + 1, false);
		if (n > 0 && street_is_number(p, at + 1 + n) && prose_joined(p, at + n, " ,"))
			return at + n + 2 - i;
		/* "137 Avenue Teboulbi" */
		if (n > 0 && numbered && street_is_lead(p, at) && !p->words[at + n].number)
			return at + n + 1 - i;
	}
	n = lower_street(p, at);
	if (n > 0)
		return at + n - i;
	/* Names, then a number, with a street word or ending among them. */
	n = street_name_words(p, at, false);
	for (size_t k = 1; k <= n; k++) {
		bool street = ends_in_street(prose_word(p, at + k - 1)) ||
			      (k > 1 && street_is_word(p, at + k - 1));

		if (street && street_is_number(p, at + k) && prose_joined(p, at + k - 1, " ."))
			return at + k + 1 - i;
	}
	/* "Erzsebet ter 19": the street word is not capitalised. */
	if (n > 0 && street_is_word(p, at + n) && prose_joined(p, at + n - 1, " ") &&
	    street_is_number(p, at + n + 1) && prose_joined(p, at + n, " ."))
		return at + n + 2 - i;
	if (!numbered)
		return 0;
	n = street_unit_at(p, at, false);
	if (n > 2) /* "43 P.O. Box 178" */
		return at + n - i;
	/* Number, names, street word. */
	n = street_name_words(p, at, true);
	for (size_t k = n; k > 1; k--) {
		/* "95 Avenue des …": nothing but a number goes before. */
		if (is_all_digits(prose_word(p, at + k - 2)))
			continue;
		if (street_is_word(p, at + k - 1) && prose_joined(p, at + k - 2, " ") &&
		    (p->words[at + k - 1].capital || p->lowercase))
			return at + k - i;
	}
	/* Number, names, number: "541 Arenales 9462". */
	n = street_name_words(p, at, false);
	if (n > 0 && street_is_number(p, at + n) && prose_joined(p, at + n - 1, " ") &&
	    (prose_kinds(p, at) & (LEXICON_ORDINARY | LEXICON_THING)) == 0 &&
	    prose_word_len(p, at) > 2)
		return at + n + 1 - i;
	return 0;
}

/* Units that are nothing else: a room or a floor also is in no address. */
static bool is_sure_unit(const struct prose *p, size_t i)
{
	static const char *const sure[] = { "apt", "apartment", "suite", "ste", "unit", "psc" };

	for (size_t k = 0; k < LEN(sure); k++) {
		if (span_is_nocase(prose_word(p, i), sure[k]))
			return true;
	}
	return false;
}

/* "Apt. 258", "Suite 201", "Unit 2962 Box 5219", "P.O. Box 211". */
size_t street_unit_at(struct prose *p, size_t i, bool inside)
{
	static const char box[] = "box";
	size_t at = i;

	if (i >= p->count)
		return 0;

	if ((prose_kinds(p, i) & LEXICON_UNIT) != 0 && (p->words[i].capital || p->lowercase) &&
	    street_is_number(p, i + 1) && prose_joined(p, i, " .#") &&
	    (inside || is_sure_unit(p, i)))
		return i + 3 < p->count && span_is_nocase(prose_word(p, i + 2), box) &&
				       street_is_number(p, i + 3)
			       ? 4
			       : 2;
	if (p->words[i].initial && span_is_nocase(prose_word(p, i), "p") && i + 3 < p->count)
		at = i + 2;
	else if (span_is_nocase(prose_word(p, i), "po"))
		at = i + 1;
	if (at > i && at + 1 < p->count && span_is_nocase(prose_word(p, at), box) &&
	    street_is_number(p, at + 1))
		return at + 2 - i;
	return 0;
}

/* "The bus stops at Magasinsgatan 7 St." – and "page 5 of Drive 3" is none. */
bool street_plausible(struct prose *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		uint32_t kinds = prose_kinds(p, i);

		if ((kinds & LEXICON_STREET) != 0 && !is_doubtful_street(p, i))
			return true;
		if (ends_in_street(prose_word(p, i)) || street_is_lead(p, i))
			return true;
	}
	/* Without a clear street word: something else must speak for it. */
	return scan_context(p->view, p->words[from].start, p->words[to - 1].end, 60, 30) &
		       (CONTEXT_ADDRESS | CONTEXT_POSTCODE) ||
	       (to < p->count && street_unit_at(p, to, true) > 0) ||
	       (p->words[from].number && to - from >= 3 && p->words[to - 1].number) ||
	       (p->words[from].number && to - from >= 3 && street_is_word(p, to - 1) &&
		prose_word_len(p, from) <= 5);
}
