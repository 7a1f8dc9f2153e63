/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streets and what belongs to them.
 *
 * A street is one of
 *   385 Gemsbok St          number, names, street word
 *   Rua de Setembro 1257    street word, names, number
 *   Wiesenstrasse 31        a name with a street word at its end, number
 *   Erzsebet ter 19         names, street word, number
 *   541 Arenales 9462       number, names, number
 *   Apt. 258, P.O. Box 211  unit and number
 * and what follows on the same line: units, towns, codes.
 */
#include "scan/streets.h"

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

/*
 * The address stands on an envelope or card, whose lines are parts of their own: it starts a
 * line that a quote mark or an empty line sets apart.
 */
static bool on_card(const struct prose *p, size_t i)
{
	const char *t = p->view->text.ptr;
	size_t at = p->words[i].start, lines = 0;
	bool quoted = false;

	while (at > 0 && !is_word(t[at - 1]) && lines < 2) {
		at--;
		lines += t[at] == '\n';
		quoted = quoted || strchr(">?|*-", t[at]) != NULL;
	}
	return (at == 0 && p->words[i].start > 0) || lines > 1 || (quoted && lines > 0);
}

size_t addresses_code_at(const struct prose *p, size_t i)
{
	if (i >= p->count)
		return 0;
	const struct word *w = &p->words[i];
	size_t n = prose_word_len(p, i);

	if (w->number && n == 3 && i + 1 < p->count && p->words[i + 1].number &&
	    prose_word_len(p, i + 1) == 2 && prose_joined(p, i, " "))
		return 2;
	if (w->number && n >= 4 && n <= 10)
		return 1;
	if (((w->shouted && n <= 3) || span_is_nocase(prose_word(p, i), "nan")) &&
	    prose_joined(p, i, " ") && p->words[i + 1].number &&
	    prose_word_len(p, i + 1) >= 3) {
		size_t rest = addresses_code_at(p, i + 1);

		return rest > 0 ? 1 + rest : 0;
	}
	return 0;
}

/* Word i can be part of the name of a town in an address. */
static bool is_town_word(struct prose *p, size_t i, bool same_line)
{
	uint32_t kinds = prose_kinds(p, i);
	const uint32_t none =
		LEXICON_ORDINARY | LEXICON_CUE | LEXICON_DOES | LEXICON_KIN | LEXICON_PERSONAL;

	if ((kinds & (LEXICON_TITLE | LEXICON_CLOSING)) != 0 || p->words[i].number)
		return false;
	if (p->words[i].capital)
		return same_line || (kinds & LEXICON_ORDINARY) == 0 || is_capital_line(p, i);
	if ((kinds & LEXICON_PARTICLE) != 0 && i > 0 && prose_joined(p, i - 1, " ") &&
	    i + 1 < p->count && prose_joined(p, i, " "))
		return p->words[i + 1].capital || p->lowercase;
	return span_is_nocase(prose_word(p, i), "nan") ||
	       (p->lowercase && !same_line && prose_word_len(p, i) == 2) ||
	       (p->lowercase && (kinds & LEXICON_HEAD) != 0) ||
	       (p->lowercase && ((kinds & none) == 0 || (kinds & LEXICON_PLACE) != 0));
}

/* "Karlovy Vary 17, Czechia": the number of a part of a town. */
static bool is_district(const struct prose *p, size_t i)
{
	char after = byte_at(p->view->text, p->words[i].end);

	return p->words[i].number && prose_word_len(p, i) <= 2 && p->words[i - 1].capital &&
	       prose_joined(p, i - 1, " ") && (after == ',' || after == '\n');
}

/* What follows a street. */
struct tail {
	size_t end;   /* word */
	size_t comma; /* the first word behind a comma; end: none */
	bool sure;    /* a unit or a code is in it, or another line */
};

/* Units, towns, regions, codes; inside a sentence also over line ends. */
static struct tail read_tail(struct prose *p, size_t end, bool card)
{
	const char *between = card ? " ,." : " ,.\n\r";
	struct tail t = { end, SIZE_MAX, false };

	for (unsigned n = 0; n < 12 && end < p->count && prose_joined(p, end - 1, between);
	     n++) {
		size_t unit = street_unit_at(p, end, true), code = addresses_code_at(p, end);
		const char *gap = p->view->text.ptr + p->words[end - 1].end;
		size_t gap_len = p->words[end].start - p->words[end - 1].end;
		bool same_line = !next_line(p, end - 1);

		if (memchr(gap, '.', gap_len) != NULL && unit == 0 &&
		    prose_word_len(p, end - 1) > 3)
			break; /* a sentence ends here */
		if (unit == 0 && code == 0 && !is_town_word(p, end, same_line) &&
		    !is_district(p, end))
			break;
		/* Behind the code only a country on the same line. */
		if (code == 0 && t.sure && p->words[end - 1].number && unit == 0 &&
		    addresses_code_at(p, end - 1) > 0 &&
		    (!same_line || (prose_kinds(p, end) & LEXICON_PLACE) == 0))
			break;
		if (memchr(gap, ',', gap_len) != NULL) {
			t.sure = t.sure || t.comma != SIZE_MAX; /* a town and a country */
			if (t.comma == SIZE_MAX)
				t.comma = end;
		}
		t.sure = t.sure || unit > 0 || code > 0 || !same_line;
		end += unit > 0 ? unit : code > 0 ? code : 1;
		t.end = end;
	}
	if (t.comma == SIZE_MAX)
		t.comma = t.end;
	return t;
}

/* On following lines or after a comma, one by one: towns, countries, a postcode. */
static size_t tail_lines(struct prose *p, size_t end)
{
	for (unsigned n = 0; n < 6 && end < p->count &&
			     (prose_joined(p, end - 1, " ,") || next_line(p, end - 1));
	     n++) {
		size_t code = addresses_code_at(p, end), to = end;

		if (code > 0) {
			if (p->words[end].shouted && !p->words[end].number) { /* "NO 9100" */
				prose_found(p, end, end + 1, SCAN_PERSONAL_LOCATION,
					    DETECTOR_PLACE, STRENGTH_LIKELY);
				end++;
				code--;
			}
			prose_found(p, end, end + code, SCAN_PERSONAL_ADDRESS,
				    DETECTOR_POSTCODE, STRENGTH_LIKELY);
			return end + code;
		}
		if (street_unit_at(p, end, true) > 0)
			break;
		while (to < p->count && to - end < 5 && addresses_code_at(p, to) == 0 &&
		       is_town_word(p, to, to > end) && street_unit_at(p, to, true) == 0) {
			to++;
			if (!prose_joined(p, to - 1, " "))
				break;
		}
		if (to == end)
			break;
		prose_found(p, end, to, SCAN_PERSONAL_LOCATION, DETECTOR_PLACE,
			    STRENGTH_LIKELY);
		end = to;
	}
	return end;
}

/*
 * "I live at Hoge Wei 32", "Storgarden 52 Suite 894": names that nothing says are a street,
 * and a number, where an address is expected.
 */
static size_t bare_street(struct prose *p, size_t i)
{
	static const char *const before[] = { "at", "to", "is", "of", "on", "with", "and" };
	const uint32_t none = LEXICON_ORDINARY | LEXICON_THING | LEXICON_COMPANY |
			      LEXICON_TITLE | LEXICON_PLACE | LEXICON_KIN;
	size_t n = street_name_words(p, i, false);

	if (n == 0 || !street_is_number(p, i + n) || !prose_joined(p, i + n - 1, " ") ||
	    prose_word_len(p, i + n) > 5)
		return 0;
	for (size_t k = i; k < i + n; k++) {
		if ((prose_kinds(p, k) & none) != 0)
			return 0;
	}
	if (i + n + 1 < p->count && prose_joined(p, i + n, " .\n,") &&
	    (street_unit_at(p, i + n + 1, true) > 0 ||
	     (street_is_word(p, i + n + 1) && p->words[i + n + 1].capital)))
		return n + 1;
	if (i == 0 || !prose_joined(p, i - 1, " :\n"))
		return 0;
	if (!prose_is_one_of(p, i - 1, before, LEN(before)) &&
	    !span_is_nocase(prose_word(p, i - 1), "address"))
		return 0;
	if (prose_near(p, i, i + n + 1, 6, LEXICON_LIFE) ||
	    (scan_context(p->view, p->words[i].start, p->words[i + n].end, 40, 0) &
	     CONTEXT_ADDRESS) != 0)
		return n + 1;
	return 0;
}

/* "USS Dam\nFPO AE 94560", "Unit 7349 Box 6067\nDPO AP 70942": post of the armed forces. */
static size_t military_at(struct prose *p, size_t i)
{
	static const char *const ships[] = { "uss", "usns", "usnv", "uscgc", "usnr" };
	static const char *const offices[] = { "apo", "fpo", "dpo" };
	static const char *const regions[] = { "aa", "ae", "ap" };
	size_t at = i;

	if (prose_is_one_of(p, i, ships, LEN(ships)))
		at = i + 1 + street_name_words(p, i + 1, false);
	else
		at = i + street_unit_at(p, i, false);
	/* The name may have taken in the office. */
	if (at > i + 1 && prose_is_one_of(p, at - 2, offices, LEN(offices)))
		at -= 2;
	else if (at > i && prose_is_one_of(p, at - 1, offices, LEN(offices)))
		at--;
	return prose_is_one_of(p, at, offices, LEN(offices)) &&
			       prose_is_one_of(p, at + 1, regions, LEN(regions)) &&
			       at + 2 < p->count && p->words[at + 2].number &&
			       prose_word_len(p, at + 2) == 5
		       ? at + 3 - i
		       : 0;
}

/* "the corner of Auenweg 85 and …", "Leon and Eyrarodda 66": where a crossing begins. */
static size_t crossing_from(struct prose *p, size_t i)
{
	static const char *const before[] = { "at", "to", "is", "with", "same" };

	if (i >= 3 && span_is_nocase(prose_word(p, i - 1), "of") &&
	    span_is_nocase(prose_word(p, i - 2), "corner") &&
	    span_is_nocase(prose_word(p, i - 3), "the"))
		return i - 3;
	if (i >= 3 && span_is_nocase(prose_word(p, i - 1), "and") &&
	    prose_joined(p, i - 1, " ") && prose_joined(p, i - 2, " ") &&
	    (p->words[i - 2].capital || p->lowercase) && !p->words[i - 2].taken &&
	    prose_joined(p, i - 3, " :") && prose_is_one_of(p, i - 3, before, LEN(before)))
		return i - 2;
	return i;
}

/* "… and Kesä Street": the other street of a corner, with the number of neither needed. */
static size_t crossing_to(struct prose *p, size_t end)
{
	size_t n;

	if (end + 1 >= p->count || !span_is_nocase(prose_word(p, end), "and") ||
	    !prose_joined(p, end - 1, " .") || !prose_joined(p, end, " "))
		return end;
	n = street_at(p, end + 1);
	if (n == 0)
		n = street_name_words(p, end + 1, true);
	return n > 0 ? end + 1 + n : end;
}

static void found_street(struct prose *p, size_t from, size_t to)
{
	prose_found(p, from, to, SCAN_PERSONAL_ADDRESS, DETECTOR_STREET, STRENGTH_SURE - 2);
}

/* "541 Arenales 9462" is a house and a street with its own number: two parts. */
static void found_parts(struct prose *p, size_t from, size_t street_to, size_t to)
{
	if (street_to - from >= 3 && p->words[from].number &&
	    (p->words[street_to - 1].number || p->words[from + 1].number)) {
		found_street(p, from, from + 1);
		from++;
	}
	found_street(p, from, to);
}

/* Reports the street [i, i + n) and what belongs to it. Returns the word behind all that. */
static size_t found_address(struct prose *p, size_t i, size_t n, bool card)
{
	size_t from = crossing_from(p, i), end = i + n;
	struct tail t;

	if (from < i) {
		bool corner = span_is_nocase(prose_word(p, from), "the");

		end = corner ? crossing_to(p, end) : end;
		found_street(p, from, end);
		return end;
	}
	t = read_tail(p, end, card);
	if (card) {
		found_parts(p, i, i + n, t.end);
		return tail_lines(p, t.end);
	}
	if (t.sure) {
		found_street(p, i, t.end);
		return t.end;
	}
	found_parts(p, i, i + n, t.comma);
	return t.comma < t.end ? tail_lines(p, t.comma) : t.comma;
}

/* The words of a street, unit or box at i that is worth reporting; 0: none. */
static size_t address_at(struct prose *p, size_t i)
{
	size_t n = street_at(p, i);

	if (n > 0 && !street_plausible(p, i, i + n))
		n = 0;
	return n > 0 ? n : bare_street(p, i);
}

void addresses_find(struct prose *p)
{
	bool parts = false; /* a unit or a card came first: what follows are parts, too */

	for (size_t i = 0; i < p->count; i++) {
		size_t n;

		if (!p->words[i].capital && !p->words[i].number && !street_is_lead(p, i) &&
		    !(p->lowercase && !p->words[i].taken))
			continue;
		n = military_at(p, i);
		if (n > 0) {
			found_street(p, i, i + n);
			i += n - 1;
			continue;
		}
		n = address_at(p, i);
		if (n > 0) {
			parts = parts || on_card(p, i);
			i = found_address(p, i, n, parts) - 1;
			parts = parts && next_line(p, i);
			continue;
		}
		n = street_unit_at(p, i, false);
		if (n == 0)
			continue;
		if (i + n < p->count && prose_joined(p, i + n - 1, " ,") &&
		    p->words[i + n].number && address_at(p, i + n) > 0) {
			parts = true;
			found_street(p, i, i + n);
			i += n - 1;
			continue;
		}
		i = found_address(p, i, n, parts) - 1;
		parts = parts && next_line(p, i);
	}
}
