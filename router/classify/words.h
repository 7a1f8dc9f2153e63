/* SPDX-License-Identifier: Apache-2.0 */
/* The signal words of the linear model: one pass over a text, counts per signal. */
#ifndef HITHER_ROUTER_CLASSIFY_WORDS_H
#define HITHER_ROUTER_CLASSIFY_WORDS_H

#include <stdint.h>

#include "common/span.h"

enum signal {
	SIGNAL_PROOF,     /* prove, theorem, derive */
	SIGNAL_MATH,      /* equation, integral, matrix */
	SIGNAL_CODE,      /* function, compile, refactor */
	SIGNAL_FIX,       /* bug, error, crash */
	SIGNAL_DESIGN,    /* architecture, scalable, trade-offs */
	SIGNAL_RESEARCH,  /* research, literature, citations */
	SIGNAL_ANALYSIS,  /* analyze, compare, evaluate */
	SIGNAL_STEPS,     /* step, therefore, constraints */
	SIGNAL_LENGTH,    /* essay, detailed, comprehensive */
	SIGNAL_CREATIVE,  /* poem, story, lyrics */
	SIGNAL_EXPERT,    /* legal, diagnosis, quantum */
	SIGNAL_SUMMARIZE, /* summarize, tl;dr */
	SIGNAL_TRANSLATE, /* translate */
	SIGNAL_REPLY,     /* reply, respond, email */
	SIGNAL_REWRITE,   /* rephrase, proofread */
	SIGNAL_EXTRACT,   /* extract, list all */
	SIGNAL_REMINDER,  /* remind, alarm, timer */
	SIGNAL_DEVICE,    /* turn, play, volume */
	SIGNAL_QUESTION,  /* what, who, when */
	SIGNAL_EXPLAIN,   /* explain, describe */
	SIGNAL_FRESH,     /* today, latest, news */
	SIGNAL_COUNT
};

struct signals {
	uint32_t count[SIGNAL_COUNT];
	uint32_t words, first_words_bits; /* bit set of signals among the first six words */
	uint32_t digits, code_marks, math_marks, lines, fences, questions, long_words;
	uint64_t bytes;
};

/* Any bytes; reads at most 16 KiB of the start and 4 KiB of the end. */
void signals_read(struct span text, struct signals *ret);

#endif
