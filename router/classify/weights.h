/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights file: what it holds, how it is found and what makes it trusted. Little-endian;
 * written by training/train.py, which states the same layout.
 *
 *   struct weights_head | 2^bits rows of `columns` int8 | SHA-256 of all before (FIPS 180-4)
 *
 * The file is mapped, not read: pages that no prompt touches stay on disk.
 */
#ifndef HITHER_ROUTER_CLASSIFY_WEIGHTS_H
#define HITHER_ROUTER_CLASSIFY_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/span.h"
#include "router/classify/classify.h"
#include "router/classify/text_features.h"

#define WEIGHTS_MAGIC   "HITHERCL"
#define WEIGHTS_VERSION 1
#define WEIGHTS_COLUMNS 48
#define WEIGHTS_ROWS    (1u << FEATURES_BITS)
#define WEIGHTS_KINDS   3

/* What a column of the table tells once summed. */
enum weights_column {
	COLUMN_BASE = 0,   /* how often small models fail on such texts */
	COLUMN_EXPERT = 1, /* the same within one kind of text, WEIGHTS_KINDS of them */
	COLUMN_KIND = 4,   /* whether the text is of that kind */
	COLUMN_TASK = 7,   /* one for each task but `tool`, in the order of CLASSIFY_TASKS */
	COLUMN_FRESH = COLUMN_TASK + CLASSIFY_TASK_COUNT - 1,
	COLUMN_LANGUAGE,
	COLUMN_KNOWN = WEIGHTS_COLUMNS - 1, /* 1 where training saw the piece */
};

/* Languages written with Latin letters, in the order of their columns. */
#define WEIGHTS_LANGUAGES(X) X("en") X("de") X("fr") X("es") X("it") X("pt") X("nl")

/* How one kind of text is judged by its expert (classify/trained.c). */
struct weights_kind {
	float slope, offset; /* of the logistic that says whether the text is of this kind */
	float level;         /* mean difficulty of the kind */
	float mean, gain;    /* the expert's mean, and how much its deviation counts */
	float blend;         /* how much the base's deviation from the level counts */
};

struct weights_head {
	char magic[8];
	uint32_t version, features_version, bits, columns, counts, tasks;
	char name[32]; /* shown to people; NUL-terminated */
	float scale[WEIGHTS_COLUMNS];
	float bias[WEIGHTS_COLUMNS];
	float count[FEATURES_COUNTS][WEIGHTS_COLUMNS];
	float count_mean[FEATURES_COUNTS]; /* over the training texts: what is usual */
	float words_mean;                  /* usual share of the words in the base */
	struct weights_kind kind[WEIGHTS_KINDS];
	float slope, offset; /* from difficulty to the logit of the score */
	float fresh_above;
	float reserved[18]; /* zero */
};

struct weights {
	struct weights_head head;
	int8_t row[WEIGHTS_ROWS][WEIGHTS_COLUMNS];
	uint8_t sha256[32];
};

_Static_assert(sizeof(struct weights_head) % 64 == 0, "rows start on a cache line");
_Static_assert(COLUMN_LANGUAGE + 7 <= COLUMN_KNOWN, "the columns fit");

/* Errors as classifier_open(). The result is mapped read-only; weights_unmap() ends it. */
MUST_CHECK enum err weights_map(const char *path, const struct weights **ret);
void weights_unmap(const struct weights *w);

#endif
