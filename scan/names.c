/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A linear model over runs of one to four letters, each counted once: integers only, so that
 * the score is the same everywhere. names_train.py makes the weights.
 */
#include "scan/names.h"

#include <stdbool.h>

#include "scan/lexicon.h"

#define LETTERS_MAX 26 /* the ends included */
#define RUN_MAX     4

/* Adds the run's weight unless it was there before. `seen` holds what was, `count` of it. */
static int add_run(uint32_t h, uint16_t *seen, size_t *count)
{
	uint16_t bucket = (uint16_t)((h ^ h >> 15) % NAMES_BUCKETS);

	for (size_t i = 0; i < *count; i++) {
		if (seen[i] == bucket)
			return 0;
	}
	seen[(*count)++] = bucket;
	return names_weights[bucket];
}

int names_like(struct span word)
{
	char s[LETTERS_MAX] = "<";
	uint16_t seen[LETTERS_MAX * RUN_MAX];
	size_t count = 0, len = lexicon_fold(word, s + 1, sizeof s - 2);
	int score = names_bias;

	if (len < 4)
		return -1000;
	s[len + 1] = '>';
	len += 2;
	for (size_t at = 0; at < len; at++) {
		uint32_t h = 2166136261u; /* FNV-1a */

		for (size_t n = 0; n < RUN_MAX && at + n < len; n++) {
			h = (h ^ (unsigned char)s[at + n]) * 16777619u;
			score += add_run(h, seen, &count);
		}
	}
	return score;
}
