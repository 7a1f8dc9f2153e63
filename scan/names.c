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

int names_like(struct span word)
{
	char s[LETTERS_MAX] = "<";
	uint64_t seen[NAMES_BUCKETS / 64] = { 0 };
	size_t len = lexicon_fold(word, s + 1, sizeof s - 2);
	int score = names_bias;

	if (len < 4)
		return -1000;
	s[len + 1] = '>';
	len += 2;
	for (size_t at = 0; at < len; at++) {
		uint32_t h = 2166136261u; /* FNV-1a */

		for (size_t n = 0; n < RUN_MAX && at + n < len; n++) {
			h = (h ^ (unsigned char)s[at + n]) * 16777619u;
			size_t bucket = (h ^ h >> 15) % NAMES_BUCKETS;
			uint64_t bit = UINT64_C(1) << bucket % 64;

			if ((seen[bucket / 64] & bit) == 0)
				score += names_weights[bucket];
			seen[bucket / 64] |= bit;
		}
	}
	return score;
}
