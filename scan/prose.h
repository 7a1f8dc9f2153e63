/* SPDX-License-Identifier: Apache-2.0 */
/* A text as words, for what is found by words around it. For scan/ only. */
#ifndef HITHER_SCAN_PROSE_H
#define HITHER_SCAN_PROSE_H

#include "scan/lexicon.h"
#include "scan/scan_impl.h"

#define KINDS_UNKNOWN (1u << 31) /* not looked up yet */

/* What a word is in the lexicon that is no place's name. */
#define NOT_A_PLACE                                                                            \
	(LEXICON_ORDINARY | LEXICON_THING | LEXICON_COMPANY | LEXICON_TITLE | LEXICON_FAMOUS)

struct word {
	uint32_t start, end; /* without a possessive 's */
	uint32_t kinds;
	int16_t looks;   /* names_like(), once looks_known */
	bool capital;    /* starts with an upper-case letter */
	bool shouted;    /* two or more letters, all upper case */
	bool initial;    /* one letter, perhaps with a dot */
	bool number;     /* starts with a digit */
	bool possessive; /* 's follows */
	bool starts;     /* first of a sentence or line */
	bool taken;      /* belongs to a finding */
	bool looks_known, ending_known;
	bool ending; /* as many family names end, once ending_known */
	bool plain;  /* no name or place starts here, whatever stands around it */
};

struct prose {
	struct scan_view *view;
	struct word *words;
	size_t count;
	bool numbers;   /* some word starts with a digit */
	bool lowercase; /* nothing in the text is upper case: names may not be either */
};

static inline struct span prose_word(const struct prose *p, size_t i)
{
	return (struct span){ p->view->text.ptr + p->words[i].start,
			      p->words[i].end - p->words[i].start };
}

static inline size_t prose_word_len(const struct prose *p, size_t i)
{
	return p->words[i].end - p->words[i].start;
}

/* The kinds of word i; 0 outside. Looked up once. */
uint32_t prose_kinds(struct prose *p, size_t i);

/* Only the bytes of `allowed` stand between words i and i + 1, one to three of them. */
bool prose_joined(const struct prose *p, size_t i, const char *allowed);

/* Word i is one of `words`, in any case; false outside. */
bool prose_is_one_of(const struct prose *p, size_t i, const char *const *words, size_t count);

/* One of the words within `reach` of [from, to) has one of the kinds. */
bool prose_near(struct prose *p, size_t from, size_t to, size_t reach, uint32_t kinds);

/* Reports words [from, to) and marks them taken. */
void prose_found(struct prose *p, size_t from, size_t to, enum scan_category category,
		 enum scan_detector detector, unsigned strength);

void people_find(struct prose *p);    /* people.c */
void addresses_find(struct prose *p); /* addresses.c: streets, units, boxes */
/* A postcode that begins at word i: its words; 0: none. "9100", "340 12", "NO 9100". */
size_t addresses_code_at(const struct prose *p, size_t i);
void places_find(struct prose *p); /* places.c */
void minors_find(struct prose *p); /* minors.c */

#endif
