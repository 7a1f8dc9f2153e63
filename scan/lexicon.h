/* SPDX-License-Identifier: Apache-2.0 */
/* Words and what they can be: names, places, ordinary words. For scan/ only. */
#ifndef HITHER_SCAN_LEXICON_H
#define HITHER_SCAN_LEXICON_H

#include <stdint.h>

#include "common/span.h"

enum lexicon_kind {
	LEXICON_FIRST = 1 << 0,     /* given name */
	LEXICON_LAST = 1 << 1,      /* family name */
	LEXICON_ORDINARY = 1 << 2,  /* a word of the language, also when capitalised */
	LEXICON_PLACE = 1 << 3,     /* country, region, large town */
	LEXICON_COMPANY = 1 << 4,   /* part of an organisation's name: Inc, Bank, University */
	LEXICON_THING = 1 << 5,     /* product, technology, language, day, month, people */
	LEXICON_TITLE = 1 << 6,     /* Mr, Dr, Mrs */
	LEXICON_CUE = 1 << 7,       /* a person follows: named, called, dear */
	LEXICON_DOES = 1 << 8,      /* a person goes before: said, told, lives */
	LEXICON_KIN = 1 << 9,       /* daughter, boss, novel: follows "X's" or goes before X */
	LEXICON_PARTICLE = 1 << 10, /* van, de, bin */
	LEXICON_STREET = 1 << 11,   /* Street, Road, Avenue, Rue, Strasse */
	LEXICON_UNIT = 1 << 12,     /* Apt, Suite, Floor */
	LEXICON_FAMOUS = 1 << 13,   /* everybody knows them; naming them says nothing */
	LEXICON_PERSONAL =
		1 << 14, /* I, we, my, live, moved, born: the talk is of somebody's life */
	LEXICON_LIFE = 1 << 16,      /* lives, moved, born, travel */
	LEXICON_KNOWLEDGE = 1 << 17, /* what, capital, history: a question about the world */
	LEXICON_HUMAN = 1 << 19,     /* spent, lives, wrote: what only people do */
	LEXICON_CLOSING = 1 << 18,   /* Thanks, Regards: ends a letter */
	LEXICON_HEAD = 1 << 15,      /* starts a place of several words: New, San, United */
};

struct lexicon;

struct lexicon *lexicon_new(void); /* NULL: out of memory */
void lexicon_free(struct lexicon *l);

/* What a word can be; accents and case do not matter. 0: unknown. */
uint32_t lexicon_kinds(const struct lexicon *l, struct span word);

/* The word in lower case without accents. Returns its length, 0 when it does not fit. */
size_t lexicon_fold(struct span word, char *out, size_t cap);

/* words.c, words_names.c, words_ordinary.c: lists of words separated by spaces, folded. */
struct lexicon_list {
	uint32_t kinds;
	const char *words;
};
extern const struct lexicon_list lexicon_lists[];
extern const size_t lexicon_lists_count;
extern const struct lexicon_list lexicon_names[];
extern const size_t lexicon_names_count;
extern const struct lexicon_list lexicon_ordinary[];
extern const size_t lexicon_ordinary_count;

#endif
