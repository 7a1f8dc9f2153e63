/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of people. A candidate is a run of capitalised words; points are added for what the
 * words are (given names, family names, endings of family names) and for what stands around
 * them (titles, "my name is", "… said", "…'s daughter"), and taken away for ordinary words,
 * places and companies. From THRESHOLD on it is a name.
 *
 * Names of people everybody knows are left alone: that a prompt mentions Newton says nothing
 * about anyone's life.
 */
#include "scan/names.h"
#include "scan/prose.h"

#define THRESHOLD 25
#define RUN_WORDS 6

struct candidate {
	size_t from, to; /* words */
	int points;
};

/* Endings of family names, folded, by language. None is the end of another: "ova" is there for
 * "kova", too. */
static bool has_ending(struct span word)
{
#define E(text)                                                                                \
	{                                                                                      \
		sizeof(text) - 1, text                                                         \
	}
	static const struct {
		uint8_t len;
		char text[7];
	} endings[] = {
		E("ovich"), E("evich"), E("ova"),    E("eva"),    E("ovna"),  E("ov"),
		E("ev"),    E("sky"),   E("ski"),    E("ska"),    E("skaya"), E("wicz"),
		E("czyk"),  E("enko"),  E("shvili"), E("sson"),   E("sen"),   E("dottir"),
		E("strom"), E("qvist"), E("gren"),   E("lund"),   E("berg"),  E("mann"),
		E("meyer"), E("stein"), E("feld"),   E("bauer"),  E("nen"),   E("ini"),
		E("etti"),  E("elli"),  E("ucci"),   E("aldi"),   E("ardi"),  E("otti"),
		E("ez"),    E("eira"),  E("inho"),   E("poulos"), E("idis"),  E("akis"),
		E("oglu"),  E("yan"),   E("ian"),    E("dze"),    E("huis"),  E("stra"),
		E("sma"),   E("inck"),  E("aert"),   E("eux"),    E("ault"),  E("ier"),
		E("ard"),   E("ic"),    E("ak"),     E("nik"),    E("uk"),    E("wala"),
		E("patel"), E("moto"),  E("mura"),   E("yama"),   E("czyc"),  E("dal"),
		E("vik"),
	};
#undef E
	char folded[48];
	size_t n = lexicon_fold(word, folded, sizeof folded);

	if (n < 6)
		return false;
	for (size_t i = 0; i < LEN(endings); i++) {
		size_t k = endings[i].len;

		if (endings[i].text[k - 1] == folded[n - 1] && n >= k + 2 &&
		    memcmp(folded + n - k, endings[i].text, k) == 0)
			return true;
	}
	return false;
}

/* What a word looks like is asked more than once, and takes long. */
static bool has_family_ending(struct prose *p, size_t i)
{
	if (i >= p->count)
		return false;
	struct word *w = &p->words[i];
	if (!w->ending_known) {
		w->ending = has_ending(prose_word(p, i));
		w->ending_known = true;
	}
	return w->ending;
}

static int looks_like_name(struct prose *p, size_t i)
{
	struct word *w = &p->words[i];

	if (!w->looks_known) {
		w->looks = (int16_t)names_like(prose_word(p, i));
		w->looks_known = true;
	}
	return w->looks;
}

static bool is_given(uint32_t kinds)
{
	return (kinds & LEXICON_FIRST) != 0;
}

static bool is_name_kind(uint32_t kinds)
{
	return (kinds & (LEXICON_FIRST | LEXICON_LAST)) != 0;
}

/* Whether word i can be part of a name at all. */
static bool may_be_name(struct prose *p, size_t i)
{
	struct word *w = &p->words[i];
	uint32_t kinds;

	if (w->taken || w->number)
		return false;
	if (!w->capital && !p->lowercase)
		return false;
	kinds = prose_kinds(p, i);
	if ((kinds & LEXICON_ORDINARY) != 0 && w->end - w->start <= 2)
		return false; /* "He", "An" */
	if (!w->capital)
		return is_name_kind(kinds) &&
		       (kinds & (LEXICON_ORDINARY | LEXICON_THING | LEXICON_PLACE |
				 LEXICON_CUE)) == 0 &&
		       w->end - w->start >= 4;
	if (w->shouted && w->end - w->start <= 3 && !is_name_kind(kinds))
		return false;
	if (is_name_kind(kinds))
		return true;
	return (kinds & (LEXICON_ORDINARY | LEXICON_THING | LEXICON_COMPANY | LEXICON_TITLE |
			 LEXICON_STREET | LEXICON_UNIT)) == 0;
}

/* The run of words that starts at `i`. */
static struct candidate read_run(struct prose *p, size_t i)
{
	struct candidate c = { i, i + 1, 0 };

	while (c.to - c.from < RUN_WORDS && !p->words[c.to - 1].possessive) {
		const char *between = p->words[c.to - 1].initial ? " ." : " ";

		if (!prose_joined(p, c.to - 1, between))
			break;
		if (may_be_name(p, c.to) || p->words[c.to].initial) {
			c.to++;
			continue;
		}
		/* In lower case an initial looks like this: "eric g. samoylova". */
		if (p->lowercase && p->words[c.to].end - p->words[c.to].start == 1 &&
		    prose_joined(p, c.to, ". ") && prose_kinds(p, c.to + 1) == 0 &&
		    p->words[c.to].end + 2 == p->words[c.to + 1].start) {
			c.to += 2;
			continue;
		}
		/* "Donald van der Voet": particles count when a name follows. */
		size_t next = c.to;
		while (next < p->count && next - c.to < 3 &&
		       (prose_kinds(p, next) & LEXICON_PARTICLE) != 0 &&
		       prose_joined(p, next, " "))
			next++;
		if (next == c.to || next >= p->count || !p->words[next].capital ||
		    !may_be_name(p, next))
			break;
		c.to = next + 1;
	}
	/* In lower case only the known name and one unknown word after it. */
	if (p->lowercase && c.to - c.from == 1 && c.to < p->count &&
	    prose_joined(p, c.from, " ") && prose_kinds(p, c.to) == 0 &&
	    !p->words[c.to].number && is_given(prose_kinds(p, c.from)) &&
	    has_family_ending(p, c.to))
		c.to++;
	return c;
}

/* The run is all there is on its line, as on a card or in a signature. */
static bool alone_on_line(const struct prose *p, const struct candidate *c)
{
	struct span t = p->view->text;
	size_t start = p->words[c->from].start, end = p->words[c->to - 1].end;

	while (start > 0 && t.ptr[start - 1] != '\n' && !is_word(t.ptr[start - 1]))
		start--;
	if (start > 0 && t.ptr[start - 1] != '\n')
		return false;
	while (end < t.len && (t.ptr[end] == ' ' || t.ptr[end] == ',' || t.ptr[end] == '\r'))
		end++;
	return end < t.len && t.ptr[end] == '\n';
}

/* An address was found within the next words: these lines are somebody's. */
static bool above_address(const struct prose *p, const struct candidate *c)
{
	for (size_t i = c->to; i < p->count && i < c->to + 14; i++) {
		if (p->words[i].taken && p->words[i].number)
			return true;
	}
	return false;
}

/* What unknown words look like: endings of family names, and the letters by the model. */
static int points_for_looks(struct prose *p, const struct candidate *c)
{
	uint32_t first = prose_kinds(p, c->from), last = prose_kinds(p, c->to - 1);
	bool ending = has_family_ending(p, c->to - 1) &&
		      (last & ~(LEXICON_FIRST | LEXICON_LAST)) == 0;
	int looks = last == 0 ? looks_like_name(p, c->to - 1) : -1000;
	int points = 0;

	if (c->to - c->from > 1) {
		points = ending || looks >= NAMES_STRONG ? 14 : looks > 0 ? 8 : 0;
		if (first == 0 && looks_like_name(p, c->from) > 0)
			points += 8;
		return points;
	}
	if (looks >= NAMES_STRONG)
		points = 16;
	else if (looks > 0)
		points = 9;
	return ending && points < 10 ? 10 : points;
}

static int points_for_words(struct prose *p, const struct candidate *c)
{
	uint32_t first = prose_kinds(p, c->from), last = prose_kinds(p, c->to - 1);
	size_t n = c->to - c->from;
	int points = 0;
	const uint32_t doubtful =
		LEXICON_ORDINARY | LEXICON_PLACE | LEXICON_THING | LEXICON_COMPANY;

	/* "Louis Tanguay": a place or word of that name does not matter before another name. */
	if (is_given(first))
		points +=
			(first & doubtful) != 0 && (n == 1 || (last & doubtful) != 0) ? 12 : 30;
	else if ((first & LEXICON_LAST) != 0)
		points += (first & doubtful) != 0 ? 2 : 14;
	if (n > 1 && is_given(first) && (last & (LEXICON_LAST | LEXICON_FIRST)) != 0)
		points += 18;
	else if (n > 1 && (last & LEXICON_LAST) != 0 && (last & doubtful) == 0)
		points += 12;
	else if (n > 1 && is_given(first) && (last & doubtful) == 0)
		points += 8;
	points += points_for_looks(p, c);
	if (n >= 2 && n <= 3 && ((first | last) & ~(LEXICON_FIRST | LEXICON_LAST)) == 0)
		points += alone_on_line(p, c) ? 28 : 14;
	if (n >= 2 && n <= 3 && p->numbers && alone_on_line(p, c) && above_address(p, c))
		points += 10;
	for (size_t i = c->from + 1; n > 2 && i + 1 < c->to; i++) {
		if ((prose_kinds(p, i) & LEXICON_PARTICLE) != 0 && !p->words[i].capital)
			points += 10;
	}
	if (n == 1 && p->words[c->from].shouted)
		points -= 12;
	if (n == 3 && p->words[c->from + 1].initial)
		points += 14;
	return points;
}

/* A mark that ends a clause follows. */
static bool is_last_of_clause(const struct prose *p, const struct candidate *c)
{
	char next = byte_at(p->view->text, p->words[c->to - 1].end);

	return next == '\0' || strchr(".?!,;\n", next) != NULL;
}

/* "had given Anna his address": somebody is told or gets something. */
static bool is_given_something(const struct prose *p, const struct candidate *c)
{
	static const char *const verbs[] = { "gave",   "given", "told",   "tell",
					     "asked",  "sent",  "showed", "offered",
					     "handed", "owes",  "lent",   "promised" };
	static const char *const whose[] = { "his", "her",  "their", "my",   "our",
					     "a",   "that", "to",    "about" };

	return c->from > 0 && prose_joined(p, c->from - 1, " ") &&
	       prose_is_one_of(p, c->from - 1, verbs, LEN(verbs)) &&
	       prose_joined(p, c->to - 1, " ") && prose_is_one_of(p, c->to, whose, LEN(whose));
}

static int points_before(struct prose *p, const struct candidate *c)
{
	static const char *const to_places[] = { "in", "to", "from", "at", "near" };
	size_t i = c->from;
	uint32_t before = i > 0 ? prose_kinds(p, i - 1) : 0;
	struct span word;

	if (i == 0)
		return -4;
	word = prose_word(p, i - 1);
	/* "founders: Lund, …", after a colon in a sentence. */
	if (byte_at(p->view->text, p->words[i - 1].end) == ':' &&
	    p->words[i - 1].end + 2 == p->words[i].start && is_name_kind(prose_kinds(p, i)))
		return 4;
	/* "Name: Anna Lund", "Your last name? Lund" */
	if (span_is_nocase(word, "name") && prose_joined(p, i - 1, " :?\""))
		return 26;
	if (!prose_joined(p, i - 1, " .,:\n\""))
		return p->words[i].starts ? -4 : 0;
	if ((before & LEXICON_TITLE) != 0 && prose_joined(p, i - 1, " ."))
		return (before & LEXICON_KIN) != 0 ? 16 : 40;
	if (p->words[i].starts)
		return -4;
	if (i >= 2 && (span_is_nocase(word, "is") || span_is_nocase(word, "was")) &&
	    span_is_nocase(prose_word(p, i - 2), "name"))
		return 30;
	if (is_given_something(p, c))
		return 26;
	if (span_is_nocase(word, "named") || span_is_nocase(word, "dear") ||
	    span_is_nocase(word, "hi") || span_is_nocase(word, "hello") ||
	    span_is_nocase(word, "says") || span_is_nocase(word, "said") ||
	    span_is_nocase(word, "starring") || span_is_nocase(word, "i'm"))
		return 26;
	if ((span_is_nocase(word, "early") || span_is_nocase(word, "late")) && i >= 2 &&
	    !span_is_nocase(prose_word(p, i - 2), "the") && is_last_of_clause(p, c))
		return 26;
	if (span_is_nocase(word, "by") || span_is_nocase(word, "called") ||
	    span_is_nocase(word, "meet") || span_is_nocase(word, "under") ||
	    span_is_nocase(word, "songwriter") || span_is_nocase(word, "him"))
		return 14;
	if ((before & LEXICON_KIN) != 0)
		return 16;
	/* "we moved to Soto del Campo": somebody goes to a place. */
	if (prose_is_one_of(p, i - 1, to_places, LEN(to_places)) && i >= 3 &&
	    ((prose_kinds(p, i - 2) | prose_kinds(p, i - 3)) & LEXICON_LIFE) != 0)
		return -30;
	if (span_is_nocase(word, "in") || span_is_nocase(word, "at"))
		return -8;
	return (before & LEXICON_CUE) != 0 ? 7 : 3;
}

/* "X is very kind", "X had told": what is said of people only, i is the word after X. */
static bool says_of_people(struct prose *p, size_t i)
{
	static const char *const traits[] = {
		"reliable", "sympathetic", "kind",     "friendly",   "polite",   "shy",
		"honest",   "generous",    "pregnant", "sick",       "jealous",  "married",
		"single",   "divorced",    "retired",  "unemployed", "lonely",   "angry",
		"upset",    "asleep",      "hungry",   "funny",      "stubborn", "rude",
		"lazy",     "brave",
	};
	static const char *const between[] = { "very",  "so",  "really", "a",   "an",
					       "quite", "too", "not",    "such" };
	static const char *const is[] = { "is", "was", "seems", "isn't", "wasn't" };
	static const char *const has[] = { "has", "had", "hasn't", "hadn't" };
	bool trait = prose_is_one_of(p, i, is, LEN(is));

	if (!trait && !prose_is_one_of(p, i, has, LEN(has)))
		return false;
	for (unsigned n = 0; n < 4 && prose_joined(p, i, " "); n++) {
		i++;
		if (trait ? prose_is_one_of(p, i, traits, LEN(traits))
			  : (prose_kinds(p, i) & LEXICON_HUMAN) != 0)
			return true;
		if (!prose_is_one_of(p, i, between, LEN(between)))
			return false;
	}
	return false;
}

/* `Anna: "Who are you?"`: somebody speaks. */
static bool speaks(const struct prose *p, const struct candidate *c)
{
	struct span t = p->view->text;
	size_t at = p->words[c->to - 1].end;

	if (byte_at(t, at++) != ':' || c->to - c->from > 2)
		return false;
	at += byte_at(t, at) == ' ';
	at += byte_at(t, at) == '\\';
	if (byte_at(t, at++) != '"' || c->to >= p->count || p->words[c->to].start != at)
		return false;
	/* More than one word, as a sentence has. */
	return prose_joined(p, c->to, " ") && (p->words[c->to].capital || p->lowercase);
}

/* "Blake, could you …": word i begins what is said to somebody. */
static bool is_spoken_to(const struct prose *p, size_t i)
{
	static const char *const words[] = {
		"i",    "i'm",    "you",   "we",     "this", "could", "can",  "would",
		"will", "please", "thank", "thanks", "how",  "what",  "when", "your",
		"let",  "don't",  "did",   "do",     "are",  "have",  "come", "here",
	};

	return i > 0 && p->words[i - 1].end + 2 == p->words[i < p->count ? i : i - 1].start &&
	       prose_is_one_of(p, i, words, LEN(words));
}

static bool is_work(const struct prose *p, size_t i)
{
	static const char *const works[] = { "novel", "version",  "biography", "album",
					     "song",  "cover",    "recording", "book",
					     "poem",  "painting", "film",      "concert" };

	return prose_is_one_of(p, i, works, LEN(works));
}

static int points_after(struct prose *p, const struct candidate *c)
{
	size_t last = c->to - 1;
	uint32_t after = prose_kinds(p, c->to);
	char next = byte_at(p->view->text, p->words[last].end);

	if (p->words[last].possessive)
		return (after & LEXICON_KIN) != 0 ? 16 : 4;
	if (p->words[c->from].starts && speaks(p, c))
		return 30;
	if (next == ',' && p->words[c->from].starts && c->to - c->from == 1 &&
	    is_spoken_to(p, c->to))
		return 16;
	if (next == ':' && (p->words[c->from].starts))
		return 12;
	if ((after & LEXICON_COMPANY) != 0 && p->words[c->to].capital &&
	    prose_joined(p, last, " "))
		return -40;
	if (!prose_joined(p, last, " "))
		return 0; /* so a next word exists below */
	if ((after & LEXICON_HUMAN) != 0 && c->to < p->count && !p->words[c->to].capital)
		return c->to - c->from <= 2 && p->words[c->from].starts ? 30 : 14;
	if (says_of_people(p, c->to))
		return 30;
	if (p->words[c->from].starts && c->to + 1 < p->count && p->words[c->to + 1].capital &&
	    span_is_nocase(prose_word(p, c->to), "from") && c->to - c->from > 1)
		return 14;
	/* "the Lund novel": named after who wrote it */
	if (c->from > 0 && prose_kinds(p, c->to - 1) == 0 && is_work(p, c->to) &&
	    span_is_nocase(prose_word(p, c->from - 1), "the"))
		return 24;
	if (span_is_nocase(prose_word(p, c->to), "is") && c->to + 1 < p->count &&
	    span_is_nocase(prose_word(p, c->to + 1), "from"))
		return 30;
	if ((after & LEXICON_DOES) != 0 && c->to < p->count && !p->words[c->to].capital)
		return 8;
	return (after & LEXICON_KIN) != 0 ? 12 : 0;
}

/* "Abakumova, Wallace and Perez": one name makes the others likelier. */
static bool beside_name(struct prose *p, const struct candidate *c)
{
	size_t i = c->from;

	if (i >= 1 && p->words[i - 1].taken && prose_joined(p, i - 1, ", "))
		return true;
	if (i >= 2 && p->words[i - 2].taken && prose_joined(p, i - 1, " ") &&
	    span_is_nocase(prose_word(p, i - 1), "and"))
		return true;
	return c->to + 1 < p->count && p->words[c->to + 1].taken &&
	       prose_joined(p, c->to - 1, " ") && span_is_nocase(prose_word(p, c->to), "and");
}

/* "Park and Mann were": the same, looking ahead; one step only. */
static bool before_name(struct prose *p, const struct candidate *c)
{
	size_t next = c->to;

	if (prose_joined(p, c->to - 1, " ") && next + 1 < p->count &&
	    span_is_nocase(prose_word(p, next), "and") && prose_joined(p, next, " "))
		next++;
	else if (!prose_joined(p, c->to - 1, ", ") ||
		 p->words[c->to - 1].end + 2 != p->words[next].start)
		return false;
	return may_be_name(p, next) && p->words[next].capital &&
	       (is_name_kind(prose_kinds(p, next)) || has_family_ending(p, next) ||
		(prose_kinds(p, next) == 0 && looks_like_name(p, next) > 0));
}

/* Single words in a list, "A, B and C": how many, and how many of them are known names. */
static void read_list(struct prose *p, size_t i, size_t *ret_words, size_t *ret_names)
{
	*ret_words = *ret_names = 0;
	for (size_t at = i; at < p->count && may_be_name(p, at) && *ret_words < 12;) {
		(*ret_words)++;
		*ret_names += is_name_kind(prose_kinds(p, at));
		if (prose_joined(p, at, " ") && span_is_nocase(prose_word(p, at + 1), "and") &&
		    prose_joined(p, at + 1, " "))
			at += 2;
		else if (prose_joined(p, at, ", ") &&
			 p->words[at].end + 2 == p->words[at + 1].start)
			at += 1;
		else
			break;
	}
}

/* A list of three or more, mostly known names: all are names. */
static bool names_in_list(struct prose *p, size_t i)
{
	size_t words, names;

	read_list(p, i, &words, &names);
	if (words < 3 || names * 2 < words)
		return false;
	for (size_t at = i; words > 0; at++) {
		if (!span_is_nocase(prose_word(p, at), "and")) {
			prose_found(p, at, at + 1, SCAN_PERSONAL_NAME, DETECTOR_PERSON,
				    STRENGTH_WEAK + 2);
			words--;
		}
	}
	return true;
}

static bool is_place_run(struct prose *p, const struct candidate *c)
{
	for (size_t i = c->from; i < c->to; i++) {
		if ((prose_kinds(p, i) & (LEXICON_PLACE | LEXICON_HEAD)) == 0)
			return false;
	}
	return !is_given(prose_kinds(p, c->from)) || c->to - c->from == 1;
}

static bool is_famous(struct prose *p, const struct candidate *c)
{
	for (size_t i = c->from; i < c->to; i++) {
		if ((prose_kinds(p, i) & LEXICON_FAMOUS) != 0)
			return true;
	}
	return false;
}

static bool is_name(struct prose *p, struct candidate *c)
{
	int before = points_before(p, c);

	c->points = points_for_words(p, c) + before + points_after(p, c);
	if (is_famous(p, c) && before < 14)
		return false;
	if (is_place_run(p, c))
		c->points -= 20;
	if (beside_name(p, c))
		c->points += 15;
	else if (before_name(p, c))
		c->points += 8;
	return c->points >= THRESHOLD;
}

/* "My name is Key": what follows is a name, whatever else it may be. */
static bool is_announced(struct prose *p, size_t i)
{
	/* Lengths first: this is asked for every word. */
	return i >= 2 && prose_word_len(p, i - 1) == 2 && prose_word_len(p, i - 2) == 4 &&
	       prose_joined(p, i - 1, " ") && prose_joined(p, i - 2, " ") &&
	       span_is_nocase(prose_word(p, i - 1), "is") &&
	       span_is_nocase(prose_word(p, i - 2), "name") && !p->words[i].taken &&
	       (p->words[i].capital || (p->lowercase && prose_kinds(p, i) == 0));
}

static bool try_run(struct prose *p, struct candidate *c)
{
	if (!is_name(p, c))
		return false;
	prose_found(p, c->from, c->to, SCAN_PERSONAL_NAME, DETECTOR_PERSON,
		    c->points >= THRESHOLD + 15 ? STRENGTH_LIKELY + 2 : STRENGTH_WEAK + 2);
	return true;
}

/* False: no name was found. */
static bool people_once(struct prose *p)
{
	bool found = false;

	for (size_t i = 0; i < p->count; i++) {
		if ((!p->words[i].capital && !p->lowercase) || p->words[i].plain)
			continue;
		bool announced = is_announced(p, i);

		if (!announced &&
		    (!may_be_name(p, i) || (p->words[i].initial && !prose_joined(p, i, " ."))))
			continue;
		if (names_in_list(p, i)) {
			found = true;
			continue;
		}
		struct candidate c = read_run(p, i);
		found = try_run(p, &c) || found;
		i = c.to - 1;
	}
	return found;
}

/* Twice if there are any: the second time a name behind "X and" speaks for X. */
void people_find(struct prose *p)
{
	if (people_once(p))
		people_once(p);
}
