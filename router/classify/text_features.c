/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the folded text. A word (letters and digits) gives five pieces: itself, the
 * pair with the word before, its first four and six letters, its last four. Every other
 * visible sign is a word of its own. Of white space only the number of lines is kept, which
 * votes on the task but not on the difficulty. Pieces are FNV-1a hashes (RFC 9923) folded to
 * FEATURES_BITS by a multiplication (Fibonacci hashing); a bitmap tells which are there.
 *
 * Words of asking nicely ("please") are not there. Where six or more single letters stand
 * apart from each other, they are put together to words, which wider gaps part. Marks that end
 * a sentence count once in a row.
 *
 * What repeats counts once: a word or sign adds to the counts only where it follows a word
 * that it has not followed before. So padding and a text said twice change little. The counts
 * are logarithms or shares, so that a longer text moves them a little. The
 * logarithm is linear between powers of two: exact in binary floating point, so the same
 * everywhere.
 */
#include "router/classify/text_features.h"

#include <stdbool.h>
#include <string.h>

#include "router/classify/courtesy.h"
#include "router/classify/fold.h"
#include "router/classify/request_part.h"

#define FNV_START 2166136261u
#define FNV_PRIME 16777619u

/* Told apart from a word by these, mixed into a piece of it. */
#define SALT_PAIR   0x00009e37u
#define SALT_FIRST4 0x5bd1e995u
#define SALT_FIRST6 0x27d4eb2fu
#define SALT_LAST4  0x1bd1e995u

/* A word is spelled when at least so many single letters stand apart. */
#define SPELLED_LEAST 6

struct pass {
	struct features *f;
	uint64_t seen[(1u << FEATURES_BITS) / 64];
	uint32_t word; /* FNV of the word so far */
	uint32_t word_length;
	uint32_t previous;               /* hash of the word before */
	uint32_t window;                 /* last four letters of the word, one byte each */
	uint32_t token_length;           /* signs since the last white space */
	uint32_t kept;                   /* pieces there before this word */
	uint32_t word_digits, word_wide; /* of the word's letters: digits, other scripts */
	bool option;                     /* if white space follows */
	bool line_is_new;                /* a pair on this line was not there before */
	bool line_ended;                 /* after such a line; counts once something follows */
	uint32_t letters, digits, marks, words, numbers, lines, questions, sentences;
	uint32_t code_marks, math_marks, other_scripts, long_words, options, quotes;
};

/* What an ASCII sign is: its kind, and the counts that it adds to. */
enum {
	A_KIND = 7,
	A_CODE = 8,
	A_MATH = 16,
	A_SENTENCE = 32,
	A_QUOTE = 64,
	A_QUESTION = 128,
};

/* clang-format off */
enum {
	S = FOLD_SPACE, D = FOLD_DIGIT, L = FOLD_LETTER, P = FOLD_MARK,
	C = P | A_CODE, M = P | A_MATH, B = C | M, E = P | A_SENTENCE, Q = E | A_QUESTION,
	U = P | A_QUOTE, K = C | A_QUOTE,
};

static const uint8_t ascii[128] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, S, S, S, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	S, E, U, C, C, M, C, U, C, C, M, M, P, M, E, M,
	D, D, D, D, D, D, D, D, D, D, P, C, B, B, B, Q,
	C, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, C, C, C, M, C,
	K, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, C, C, C, C, 0,
};
/* clang-format on */

/* False: it was there already. Without a branch, which would be guessed wrong often. */
static bool emit(struct pass *p, uint32_t h)
{
	uint32_t piece = (h * 2654435769u) >> (32 - FEATURES_BITS);
	uint64_t *place = &p->seen[piece >> 6];
	bool is_new = (*place >> (piece & 63) & 1) == 0;

	*place |= UINT64_C(1) << (piece & 63);
	p->f->piece[p->f->n] = (uint16_t)piece;
	p->f->n += is_new;
	return is_new;
}

/* No byte gives more than two pieces, and writing one past the last must be possible. */
_Static_assert(FEATURES_MAX > 2 * FEATURES_TEXT_BYTES, "all pieces fit");

/* False: it followed the same word before, so that it tells nothing new. */
static bool emit_word(struct pass *p, uint32_t h)
{
	bool is_new;

	p->lines += p->line_ended;
	p->line_ended = false;
	emit(p, h);
	is_new = emit(p, h ^ (p->previous * 31 + SALT_PAIR));
	p->previous = h;
	p->kept = p->f->n;
	p->line_is_new |= is_new;
	return is_new;
}

/* "please" in the languages that have one word for it. */
static bool is_asking_nicely(uint32_t word)
{
/* clang-format off */
#define H(h, c) (((h) ^ (uint32_t)(c)) * FNV_PRIME)
#define H3(h, a, b, c)    H(H(H(h, a), b), c)
#define H5(h, a, b, c, d, e) H(H(H3(h, a, b, c), d), e)
	switch (word) {
	case H(H5(FNV_START, 'p', 'l', 'e', 'a', 's'), 'e'):
	case H3(FNV_START, 'p', 'l', 's'):
	case H3(FNV_START, 'p', 'l', 'z'):
	case H(H5(FNV_START, 'k', 'i', 'n', 'd', 'l'), 'y'):
	case H5(FNV_START, 'b', 'i', 't', 't', 'e'):
	case H5(FNV_START, 'p', 'l', 'a', 'i', 't'):
	case H5(FNV_START, 'f', 'a', 'v', 'o', 'r'):
	case H(H5(FNV_START, 'f', 'a', 'v', 'o', 'r'), 'e'):
	case H3(H5(H3(FNV_START, 'a', 'l', 's'), 't', 'u', 'b', 'l', 'i'), 'e', 'f', 't'):
	case H3(H5(H3(FNV_START, 'a', 'l', 's'), 'j', 'e', 'b', 'l', 'i'), 'e', 'f', 't'):
		return true;
	default:
		return false;
	}
#undef H5
#undef H3
#undef H
	/* clang-format on */
}

/* Takes back the pieces of the word that is not yet ended. */
static void forget_word(struct pass *p)
{
	while (p->f->n > p->kept) {
		uint32_t piece = p->f->piece[--p->f->n];

		p->seen[piece >> 6] &= ~(UINT64_C(1) << (piece & 63));
	}
}

static void word_counts(struct pass *p)
{
	if (p->word_length >= 4)
		emit(p, (p->window ^ SALT_LAST4) * FNV_PRIME);
	if (emit_word(p, p->word)) {
		p->words++;
		p->letters += p->word_length - p->word_digits;
		p->digits += p->word_digits;
		p->other_scripts += p->word_wide;
		p->numbers += p->word_digits > 0;
		p->long_words += p->word_length >= 9;
	}
}

static void word_ends(struct pass *p)
{
	if (p->word_length == 0)
		return;
	if (is_asking_nicely(p->word))
		forget_word(p);
	else
		word_counts(p);
	p->word = FNV_START;
	p->word_length = p->word_digits = p->word_wide = 0;
	p->window = 0;
}

static void word_grows(struct pass *p, uint32_t code)
{
	p->word = (p->word ^ (code & 0xff)) * FNV_PRIME;
	if (code > 0xff)
		p->word = (p->word ^ (code >> 8)) * FNV_PRIME;
	p->window = (p->window << 8) | ((code ^ (code >> 8)) & 0xff);
	p->word_length++;
	p->token_length++;
	p->option = false;
	if (p->word_length == 4)
		emit(p, p->word ^ SALT_FIRST4);
	else if (p->word_length == 6)
		emit(p, p->word ^ SALT_FIRST6);
}

/* A run of ASCII letters, the usual case, with the word in registers; returns its length. */
static size_t on_letters(struct pass *p, const uint8_t *s, size_t n)
{
	uint32_t word = p->word, window = p->window, length = p->word_length;
	size_t i = 0;

	do {
		uint32_t c = s[i] | 0x20u;

		word = (word ^ c) * FNV_PRIME;
		window = (window << 8) | c;
		length++;
		if (length == 4)
			emit(p, word ^ SALT_FIRST4);
		else if (length == 6)
			emit(p, word ^ SALT_FIRST6);
		i++;
	} while (i < n && s[i] < 0x80 && ascii[s[i]] == FOLD_LETTER);
	p->word = word;
	p->window = window;
	p->word_length = length;
	p->token_length += (uint32_t)i;
	p->option = false;
	return i;
}

static void on_mark(struct pass *p, uint32_t c, unsigned counts)
{
	uint32_t word = (FNV_START ^ c) * FNV_PRIME;

	/* "A. ", "A) ", "(A)": an option to choose from. */
	bool option = (c == '.' || c == ')') && p->word_length == 1 && p->token_length <= 2;

	p->option = option && p->token_length == 1;
	word_ends(p);
	p->token_length++;
	if ((counts & A_SENTENCE) != 0 && word == p->previous)
		return;
	if (!emit_word(p, word)) {
		p->option = false;
		return;
	}
	p->options += option && !p->option;
	p->marks++;
	p->code_marks += (counts & A_CODE) != 0;
	p->math_marks += (counts & A_MATH) != 0;
	p->sentences += (counts & A_SENTENCE) != 0;
	p->quotes += (counts & A_QUOTE) != 0;
	p->questions += (counts & A_QUESTION) != 0;
}

static void on_space(struct pass *p, bool line_break)
{
	word_ends(p);
	if (line_break) {
		p->line_ended |= p->line_is_new;
		p->line_is_new = false;
	}
	p->options += p->option;
	p->option = false;
	p->token_length = 0;
}

static void on_wide_letter(struct pass *p, uint32_t c)
{
	p->word_wide += c >= 0x250;
	word_grows(p, c);
	/* Scripts without spaces: every sign is a word. */
	if ((c >= 0x2e80 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7af))
		word_ends(p);
}

static void on_digit(struct pass *p)
{
	p->word_digits++;
	word_grows(p, '0');
}

static size_t on_wide(struct pass *p, const uint8_t *s, size_t n)
{
	uint32_t c;
	enum fold_kind kind;
	size_t used = fold_wide(s, n, &c, &kind);

	if (kind == FOLD_LETTER && c < 0x80)
		word_grows(p, c);
	else if (kind == FOLD_LETTER)
		on_wide_letter(p, c);
	else if (kind == FOLD_DIGIT)
		on_digit(p);
	else if (kind == FOLD_MARK)
		on_mark(p, c, c < 0x80 ? ascii[c] : A_MATH);
	else if (kind == FOLD_SPACE)
		on_space(p, c == 0x85 || c == 0x2028 || c == 0x2029);
	return used;
}

static bool is_space(uint8_t c)
{
	return c < 0x80 && ascii[c] == FOLD_SPACE;
}

static bool is_letter(uint8_t c)
{
	return c < 0x80 && ascii[c] == FOLD_LETTER;
}

/* Where the single signs end that stand apart from here on; 0: these are usual words. */
static size_t spelled_end(const uint8_t *s, size_t n)
{
	size_t i = 0, end = 0, letters = 0;

	while (i < n) {
		uint32_t c;
		enum fold_kind kind;

		letters += is_letter(s[i]);
		i += s[i] < 0x80 ? 1 : fold_wide(s + i, n - i, &c, &kind);
		if (i < n && !is_space(s[i]))
			break;
		end = i;
		while (i < n && is_space(s[i]))
			i++;
	}
	return letters >= SPELLED_LEAST ? end : 0;
}

/* White space that only sets single letters apart. */
static bool is_gap(const uint8_t *s, size_t i)
{
	return i > 0 && is_space(s[i]) && !is_space(s[i - 1]) && !is_space(s[i + 1]);
}

static void read_piece(struct pass *p, const uint8_t *s, size_t n)
{
	size_t spelled = 0; /* up to here */

	for (size_t i = 0; i < n;) {
		uint8_t c = s[i];

		if (p->token_length == 0 && i >= spelled && i + 1 < n && is_letter(c) &&
		    is_space(s[i + 1]))
			spelled = i + spelled_end(s + i, n - i);
		if (i + 1 < spelled && is_gap(s, i)) {
			i++;
			continue;
		}
		if (c >= 0x80) {
			i += on_wide(p, s + i, n - i);
			continue;
		}
		switch (ascii[c] & A_KIND) {
		case FOLD_LETTER:
			i += on_letters(p, s + i, n - i);
			continue;
		case FOLD_SPACE:
			on_space(p, c == '\n');
			break;
		case FOLD_DIGIT:
			on_digit(p);
			break;
		case FOLD_MARK:
			on_mark(p, c, ascii[c]);
			break;
		default:
			break; /* control characters are not there */
		}
		i++;
	}
	word_ends(p);
}

static float share(uint32_t part, uint32_t whole)
{
	return whole == 0 ? 0.0f : (float)part / (float)whole;
}

/* One word of a thousand letters is odd, but not a thousand times as hard. */
static float at_most_two(float x)
{
	return x < 2.0f ? x : 2.0f;
}

/* log2(n + 1) / 16, linear between powers of two. */
static float magnitude(uint32_t count)
{
	uint64_t n = (uint64_t)count + 1, power = 1;
	float whole = 0;

	for (; power * 2 <= n; power *= 2)
		whole += 1.0f;
	return (whole + (float)(n - power) / (float)power) / 16.0f;
}

static void fill_counts(const struct pass *p)
{
	uint32_t visible = p->letters + p->digits + p->marks;
	float *c = p->f->count;

	c[0] = magnitude(visible);
	c[1] = magnitude(p->words);
	c[COUNT_LINES] = magnitude(p->lines);
	c[3] = magnitude(p->numbers);
	c[4] = magnitude(p->sentences);
	c[5] = magnitude(p->questions);
	c[6] = magnitude(p->code_marks);
	c[7] = magnitude(p->math_marks);
	c[8] = magnitude(p->options);
	c[9] = magnitude(p->long_words);
	c[10] = magnitude(p->quotes);
	c[11] = magnitude(p->f->n);
	c[12] = share(p->digits, visible);
	c[13] = share(p->marks, visible);
	c[14] = share(p->code_marks, visible);
	c[15] = share(p->math_marks, visible);
	c[COUNT_OTHER_SCRIPTS] = share(p->other_scripts, p->letters);
	c[17] = share(p->long_words, p->words);
	c[18] = share(p->numbers, p->words);
	c[19] = at_most_two(share(p->letters, p->words * 10));
	c[20] = at_most_two(share(p->words, (p->sentences + 1) * 40));
	c[21] = p->words <= 4 ? 1.0f : 0.0f;
	c[22] = p->words > 60 ? 1.0f : 0.0f;
	c[23] = p->options >= 3 ? 1.0f : 0.0f;
}

void features_read(struct span text, struct features *ret)
{
	struct pass p = { .f = ret, .word = FNV_START, .previous = FNV_START };
	const uint8_t *s;

	text = without_courtesy(request_part(without_courtesy(text)));
	s = (const uint8_t *)text.ptr;
	ret->n = 0;
	if (text.len <= FEATURES_TEXT_BYTES) {
		read_piece(&p, s, text.len);
	} else {
		read_piece(&p, s, FEATURES_TEXT_BYTES / 2);
		read_piece(&p, s + text.len - FEATURES_TEXT_BYTES / 2, FEATURES_TEXT_BYTES / 2);
	}
	fill_counts(&p);
}
