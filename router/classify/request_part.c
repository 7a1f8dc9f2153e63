/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks for a proof and pastes a paragraph of chat behind it still asks for a proof, so that
 * paragraph must not vote. Paragraphs (blank lines part them) are looked at from the last one
 * back, as long as each is plain prose: English sentences with nothing in them that asks. What
 * asks: a question mark; a sentence that begins with a verb of asking ("explain", "please
 * list"); "could you", "I need"; words of tasks and of programs or proofs, which may be a
 * condition of the request; signs of code and formulas; lists and options. Other languages and
 * scripts are never plain, as these lists do not know them. In doubt a paragraph stays.
 *
 * The core goes further, sentence by sentence and at both ends, where a sentence with a digit
 * stays as well. There a short sentence with "!" or an emoji at its end needs no English words
 * to be left out ("Cheers mate, you are a star!"), as long as nothing in it asks. As such
 * sentences may be what the request is about, the core is only looked at beside the whole.
 */
#include "router/classify/request_part.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CORE_BYTES   1024 /* of sentences looked at, at each end */
#define STARTS_TRIED 4
#define CHEER_BYTES  48
#define WORD_BYTES   16
#define WORDS_LEAST  6
#define CHEER_WORDS  14 /* at most, in a sentence that cheers */
#define COMMON_SHARE 10 /* one word in ten is of those that no English prose does without */

/* What a word can be; bits. */
enum {
	COMMON = 1,   /* in any English prose */
	PASSES = 2,   /* at the start of a sentence: the next word counts as its first */
	VERB = 4,     /* asks at the start of a sentence or after a comma */
	OPENER = 8,   /* asks at the start of a sentence alone */
	ANYWHERE = 16 /* asks, or belongs to what is asked, wherever it stands */
};

struct entry {
	char word[WORD_BYTES]; /* NUL-padded */
	uint8_t is;
};

/* clang-format off */
static const struct entry a_words[] = {
	{ "a", COMMON }, { "act", VERB }, { "add", VERB }, { "algorithm", ANYWHERE },
	{ "always", OPENER }, { "an", COMMON }, { "analyse", VERB }, { "analyze", ANYWHERE },
	{ "and", COMMON | PASSES }, { "answer", VERB }, { "application", ANYWHERE }, { "argue", VERB },
	{ "argument", ANYWHERE }, { "assume", VERB }, { "assumption", ANYWHERE }, { "at", COMMON },
	{ "avoid", VERB }
};
static const struct entry b_words[] = {
	{ "be", COMMON }, { "build", VERB }
};
static const struct entry c_words[] = {
	{ "calculate", VERB }, { "check", VERB }, { "choose", VERB }, { "classify", VERB },
	{ "clause", ANYWHERE }, { "code", ANYWHERE }, { "compare", VERB }, { "complete", VERB },
	{ "compose", VERB }, { "compute", VERB }, { "consider", VERB }, { "constraint", ANYWHERE },
	{ "constraints", ANYWHERE }, { "continue", VERB }, { "convert", VERB }, { "correct", VERB },
	{ "create", VERB }, { "criticise", VERB }, { "criticize", VERB }
};
static const struct entry d_words[] = {
	{ "database", ANYWHERE }, { "debug", VERB }, { "derive", VERB }, { "describe", VERB },
	{ "design", VERB }, { "determine", VERB }, { "develop", VERB }, { "discuss", VERB },
	{ "do", OPENER }, { "don't", OPENER }, { "draft", VERB }
};
static const struct entry e_words[] = {
	{ "ensure", VERB }, { "equation", ANYWHERE }, { "essay", ANYWHERE }, { "evaluate", VERB },
	{ "explain", ANYWHERE }, { "extract", VERB }
};
static const struct entry f_words[] = {
	{ "fill", VERB }, { "find", VERB }, { "first", PASSES }, { "fix", VERB }, { "for", COMMON },
	{ "format", ANYWHERE }, { "formula", ANYWHERE }, { "function", ANYWHERE }
};
static const struct entry g_words[] = {
	{ "generate", VERB }, { "give", VERB }
};
static const struct entry h_words[] = {
	{ "had", COMMON }, { "has", COMMON }, { "have", COMMON }, { "how", OPENER }, { "html", ANYWHERE },
	{ "hypothesis", ANYWHERE }
};
static const struct entry i_words[] = {
	{ "identify", VERB }, { "imagine", VERB }, { "implement", VERB }, { "improve", VERB },
	{ "in", COMMON }, { "include", VERB }, { "input", ANYWHERE }, { "interpret", VERB },
	{ "investigate", VERB }, { "is", COMMON }, { "it", COMMON }
};
static const struct entry j_words[] = {
	{ "javascript", ANYWHERE }, { "json", ANYWHERE }, { "justify", VERB }
};
static const struct entry l_words[] = {
	{ "lemma", ANYWHERE }, { "list", VERB }
};
static const struct entry m_words[] = {
	{ "make", VERB }, { "matrix", ANYWHERE }, { "must", ANYWHERE }
};
static const struct entry n_words[] = {
	{ "never", OPENER }, { "now", PASSES }
};
static const struct entry o_words[] = {
	{ "of", COMMON }, { "on", COMMON }, { "optimise", VERB }, { "optimize", VERB },
	{ "outline", VERB }, { "output", ANYWHERE }
};
static const struct entry p_words[] = {
	{ "paragraph", ANYWHERE }, { "pick", VERB }, { "plan", VERB }, { "please", PASSES },
	{ "premise", ANYWHERE }, { "pretend", VERB }, { "print", VERB }, { "program", ANYWHERE },
	{ "proof", ANYWHERE }, { "propose", VERB }, { "prove", ANYWHERE }, { "provide", VERB },
	{ "python", ANYWHERE }
};
static const struct entry q_words[] = {
	{ "query", ANYWHERE }
};
static const struct entry r_words[] = {
	{ "rank", VERB }, { "recommend", VERB }, { "refactor", VERB }, { "remove", VERB },
	{ "reply", VERB }, { "requirement", ANYWHERE }, { "requirements", ANYWHERE },
	{ "research", VERB }, { "return", VERB }, { "review", VERB }, { "rewrite", VERB }
};
static const struct entry s_words[] = {
	{ "script", ANYWHERE }, { "select", VERB }, { "server", ANYWHERE }, { "shall", ANYWHERE },
	{ "show", VERB }, { "simplify", VERB }, { "software", ANYWHERE }, { "solve", VERB },
	{ "suggest", VERB }, { "summarise", VERB }, { "summarize", ANYWHERE }, { "suppose", VERB }
};
static const struct entry t_words[] = {
	{ "task", ANYWHERE }, { "tell", VERB }, { "test", VERB }, { "the", COMMON }, { "then", PASSES },
	{ "theorem", ANYWHERE }, { "to", COMMON }, { "translate", ANYWHERE }
};
static const struct entry u_words[] = {
	{ "use", VERB }
};
static const struct entry v_words[] = {
	{ "verify", VERB }
};
static const struct entry w_words[] = {
	{ "was", COMMON }, { "were", COMMON }, { "what", OPENER }, { "which", OPENER }, { "who", OPENER },
	{ "why", OPENER }, { "with", COMMON }, { "write", VERB }
};

static const struct {
	const struct entry *entries;
	size_t n;
} words[26] = {
#define W(code, letter) [code - 'a'] = { letter##_words, LEN(letter##_words) }
	W('a', a), W('b', b), W('c', c), W('d', d), W('e', e), W('f', f), W('g', g), W('h', h),
	W('i', i), W('j', j), W('l', l), W('m', m), W('n', n), W('o', o), W('p', p), W('q', q),
	W('r', r), W('s', s), W('t', t), W('u', u), W('v', v), W('w', w),
#undef W
};
/* clang-format on */

struct paragraph {
	char word[WORD_BYTES]; /* NUL-padded; of longer ones the start */
	size_t length;
	char before[2][WORD_BYTES]; /* the words before, the nearest first */
	unsigned begins;            /* which kinds of words would ask if they came next */
	bool ends;                  /* a sentence ended */
	bool asks;
	bool cheers; /* ends as if it did: "you are" is praise then, and gives no role */
	size_t n_words, n_common;
};

static unsigned what_is(const char word[WORD_BYTES])
{
	int letter = word[0] - 'a';

	if (letter < 0 || letter >= (int)LEN(words)) /* an apostrophe */
		return 0;
	for (size_t i = 0; i < words[letter].n; i++)
		if (memcmp(words[letter].entries[i].word, word, WORD_BYTES) == 0)
			return words[letter].entries[i].is;
	return 0;
}

static bool pair_asks(const struct paragraph *p)
{
	static const char pairs[][2][WORD_BYTES] = {
		{ "i", "want" },    { "i", "need" },     { "can", "you" },
		{ "could", "you" }, { "will", "you" },   { "would", "you" },
		{ "help", "me" },   { "you", "should" }, { "you", "are" },
	};

	/* The last pair is praise where the sentence cheers. */
	for (size_t i = 0; i < LEN(pairs) - p->cheers; i++)
		if (memcmp(p->word, pairs[i][1], WORD_BYTES) == 0 &&
		    memcmp(p->before[0], pairs[i][0], WORD_BYTES) == 0)
			return true;
	return strcmp(p->word, "like") == 0 && strcmp(p->before[0], "would") == 0 &&
	       strcmp(p->before[1], "i") == 0;
}

static void word_ends(struct paragraph *p)
{
	unsigned is;

	if (p->length == 0)
		return;
	is = what_is(p->word);
	p->n_words++;
	p->n_common += (is & COMMON) != 0;
	p->asks |= (is & ANYWHERE) != 0 || (is & p->begins) != 0 || pair_asks(p);
	if ((is & PASSES) == 0)
		p->begins = 0;
	memcpy(p->before[1], p->before[0], WORD_BYTES);
	memcpy(p->before[0], p->word, WORD_BYTES);
	memset(p->word, 0, WORD_BYTES);
	p->length = 0;
}

/* "- ", "A. ", "1) ": the start of a list. */
static bool is_item(struct span s, size_t i)
{
	if (i < s.len && s.ptr[i] == '-')
		return true;
	return i + 1 < s.len && (s.ptr[i + 1] == '.' || s.ptr[i + 1] == ')') &&
	       s.ptr[i] > ' ' && (uint8_t)s.ptr[i] < 0x80;
}

static bool is_sign_of_asking(struct span s, size_t i)
{
	uint8_t c = (uint8_t)s.ptr[i];

	if (c >= 0x80) /* Latin letters, and the dashes and quotes at U+2000 to U+203F */
		return !(c < 0xc9 ||
			 (c == 0xe2 && i + 1 < s.len && (uint8_t)s.ptr[i + 1] == 0x80));
	return c != '\0' && strchr("?={}[]<>\\^_|$#*`~@", c) != NULL;
}

static void on_byte(struct paragraph *p, struct span s, size_t i)
{
	char c = s.ptr[i], low = (char)(c | 0x20);

	if ((low >= 'a' && low <= 'z') || c == '\'') {
		if (p->length < WORD_BYTES - 1)
			p->word[p->length++] = c == '\'' ? c : low;
		return;
	}
	word_ends(p);
	if (c == '\n')
		p->asks |= is_item(s, i + 1);
	p->ends |= c == '.' || c == '!';
	if (c == '.' || c == '!' || c == ':' || c == ';' || c == '\n')
		p->begins = VERB | OPENER;
	else if (c == ',')
		p->begins = VERB;
	else if (c != ' ' && c != '\t' && c != '\r')
		p->begins = 0;
	p->asks |= is_sign_of_asking(s, i);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_plain(struct span s)
{
	struct paragraph p = { .begins = VERB | OPENER, .asks = is_item(s, 0) };

	for (size_t i = 0; i < s.len && !p.asks; i++)
		on_byte(&p, s, i);
	word_ends(&p);
	return !p.asks && p.ends && p.n_words >= WORDS_LEAST &&
	       p.n_common * COMMON_SHARE >= p.n_words;
}

/* Looks at no more blanks than what a tail may have. */
static struct span without_blank_end(struct span s)
{
	for (size_t i = 0; i < REQUEST_TAIL_BYTES && s.len > 0; i++) {
		if (!is_blank(s.ptr[s.len - 1]) && s.ptr[s.len - 1] != '\n')
			break;
		s.len--;
	}
	return s;
}

/* The end of the paragraph before the last blank line; 0: there is none. */
static size_t paragraph_before(struct span s)
{
	while (s.len > 0) {
		const char *line = memrchr(s.ptr, '\n', s.len);

		if (line == NULL)
			return 0;
		s.len = (size_t)(line - s.ptr);
		while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
			s.len--;
		if (s.len > 0 && s.ptr[s.len - 1] == '\n')
			return without_blank_end(s).len;
	}
	return 0;
}

struct span request_part(struct span text)
{
	struct span rest;

	text = without_blank_end(text);
	rest = text;
	while (true) {
		size_t skip = rest.len > REQUEST_TAIL_BYTES ? rest.len - REQUEST_TAIL_BYTES : 0;
		struct span near = { rest.ptr + skip, rest.len - skip }, last;
		size_t end = paragraph_before(near);

		if (end == 0 && rest.len == text.len)
			return text; /* a single one */
		last = (struct span){ near.ptr + end, near.len - end };
		if (!is_plain(last)) /* this one asks; those behind it do not */
			return rest;
		rest.len = skip + end;
		if (end == 0 || text.len - rest.len > REQUEST_TAIL_BYTES)
			return text; /* nothing that asks was found */
	}
}

/* A sentence ends at a mark with white space behind it. */
static bool sentence_ends(struct span s, size_t i)
{
	char next = i + 1 < s.len ? s.ptr[i + 1] : ' ';

	return (s.ptr[i] == '.' || s.ptr[i] == '!' || s.ptr[i] == '?' || s.ptr[i] == ':') &&
	       (is_blank(next) || next == '\n');
}

/*
 * The bytes of a sign of mood at `i`, 0 where there is none: emoji (U+1F000 to U+1FFFF, U+2600
 * to U+27BF, and what joins and colours them), ":)" and its like.
 */
static size_t mood_bytes(struct span s, size_t i)
{
	const uint8_t *c = (const uint8_t *)s.ptr + i;
	size_t left = s.len - i, nose;

	if (left >= 4 && c[0] == 0xf0 && c[1] == 0x9f)
		return 4;
	if (left >= 3 && c[0] == 0xe2 &&
	    ((c[1] >= 0x98 && c[1] <= 0x9e) || (c[1] == 0x80 && c[2] == 0x8d)))
		return 3;
	if (left >= 3 && c[0] == 0xef && c[1] == 0xb8 && c[2] == 0x8f)
		return 3;
	nose = left >= 3 && c[1] == '-' ? 1 : 0;
	return left >= 2 && (c[0] == ':' || c[0] == ';') &&
			       (c[1 + nose] == ')' || c[1 + nose] == 'D')
		       ? 2 + nose
		       : 0;
}

/* An emoji with white space behind it ends a sentence as well; `i`: its last byte. */
static bool mood_ends(struct span s, size_t i)
{
	char next = i + 1 < s.len ? s.ptr[i + 1] : ' ';

	return (uint8_t)s.ptr[i] >= 0x80 && (is_blank(next) || next == '\n') &&
	       ((i >= 3 && mood_bytes(s, i - 3) == 4) || (i >= 2 && mood_bytes(s, i - 2) == 3));
}

static bool has_digit(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
			return true;
	return false;
}

/* Told by its last byte, so that most sentences are not read for it. */
static bool may_cheer(struct span s)
{
	s = without_blank_end(s);
	if (s.len == 0)
		return false;
	char last = s.ptr[s.len - 1];

	return last == '!' || last == ')' || last == 'D' || (uint8_t)last >= 0x80;
}

static bool is_cheer(struct span s)
{
	struct paragraph p = { .begins = VERB | OPENER, .asks = is_item(s, 0), .cheers = true };
	bool cheered = false;

	if (!may_cheer(s))
		return false;
	for (size_t i = 0; i < s.len && !p.asks && p.n_words <= CHEER_WORDS;) {
		size_t mood = mood_bytes(s, i);

		if (mood > 0)
			word_ends(&p);
		else
			on_byte(&p, s, i);
		if (mood > 0 || s.ptr[i] == '!')
			cheered = true;
		else if (!is_blank(s.ptr[i]) && s.ptr[i] != '\n')
			cheered = false;
		i += mood > 0 ? mood : 1;
	}
	word_ends(&p);
	return cheered && !p.asks && p.n_words <= CHEER_WORDS && !has_digit(s);
}

static bool is_chat(struct span s)
{
	return !has_digit(s) && (is_plain(s) || is_cheer(s));
}

static struct span without_blank_start(struct span s)
{
	while (s.len > 0 && (is_blank(*s.ptr) || *s.ptr == '\n'))
		s = (struct span){ s.ptr + 1, s.len - 1 };
	return s;
}

/* Which sentences are left out. */
typedef bool sentence_is(struct span sentence);

static struct span without_before(struct span s, sentence_is *left_out)
{
	size_t most = s.len < CORE_BYTES ? s.len : CORE_BYTES, from = 0;

	for (size_t i = 0; i < most; i++) {
		if (!sentence_ends(s, i) && !mood_ends(s, i))
			continue;
		if (!left_out(without_blank_start((struct span){ s.ptr + from, i + 1 - from })))
			break;
		from = i + 1;
	}
	return (struct span){ s.ptr + from, s.len - from };
}

static bool is_telling_start(struct span s)
{
	static const char *const starts[] = { "We ",  "I ",    "My ",  "Our ",   "The ", "He ",
					      "She ", "They ", "It ",  "There ", "In ",  "On ",
					      "A ",   "This ", "You ", "Your " };

	for (size_t i = 0; i < LEN(starts); i++)
		if (s.len > strlen(starts[i]) && span_starts(s, starts[i]))
			return true;
	return false;
}

/*
 * Where chat starts behind a sentence that lacks its mark: at a word that starts sentences and
 * has a capital. The end of the text: nowhere.
 */
static size_t chat_starts(struct span s, size_t from)
{
	int tries = STARTS_TRIED;

	for (size_t i = from + 1; i < s.len && tries > 0; i++) {
		struct span rest = { s.ptr + i, s.len - i };

		if (s.ptr[i - 1] != ' ' || !is_telling_start(rest))
			continue;
		if (is_chat(rest))
			return i;
		tries--;
	}
	return s.len;
}

/* The same for a cheer of at most CHEER_BYTES, at any capital letter. */
static size_t cheer_starts(struct span s, size_t from)
{
	size_t i = s.len > from + CHEER_BYTES ? s.len - CHEER_BYTES : from + 1;

	if (!may_cheer(s))
		return s.len;
	for (; i < s.len; i++) {
		struct span rest = { s.ptr + i, s.len - i };

		if (s.ptr[i - 1] == ' ' && *rest.ptr >= 'A' && *rest.ptr <= 'Z' &&
		    is_cheer(rest))
			return i;
	}
	return s.len;
}

static struct span without_behind(struct span s, sentence_is *left_out)
{
	size_t all = s.len, least = all < CORE_BYTES ? 0 : all - CORE_BYTES;

	while (s.len > least) {
		size_t at = s.len - 1;

		while (at > least && s.ptr[at - 1] != '\n' && !sentence_ends(s, at - 1) &&
		       !mood_ends(s, at - 1))
			at--;
		if (!left_out(without_blank_start((struct span){ s.ptr + at, s.len - at }))) {
			if (s.len == all && left_out == is_chat)
				s.len = chat_starts(s, at);
			if (s.len == all)
				s.len = cheer_starts(s, at);
			break;
		}
		s = without_blank_end((struct span){ s.ptr, at });
	}
	return s;
}

static struct span without_ends(struct span text, sentence_is *left_out)
{
	struct span all = without_blank_end(text);
	struct span rest = without_before(without_behind(all, left_out), left_out);
	struct span start = { rest.ptr, rest.len < CORE_BYTES ? rest.len : CORE_BYTES };

	/* Where only blanks are less, that is no reason to judge twice. */
	return rest.len < all.len && without_blank_start(start).len > 0 ? rest : text;
}

struct span request_without_cheers(struct span text)
{
	return without_ends(text, is_cheer);
}

struct span request_core(struct span text)
{
	return without_ends(text, is_chat);
}
