/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between the trained model (trained.c) and what explains it (reasons.c). */
#ifndef HITHER_ROUTER_CLASSIFY_TRAINED_H
#define HITHER_ROUTER_CLASSIFY_TRAINED_H

#include "router/classify/weights.h"

/* One text as the model sees it. */
struct reading {
	struct features f;
	float column[WEIGHTS_COLUMNS];
	float words;               /* share of the words in the base column */
	float kind[WEIGHTS_KINDS]; /* how likely the text is of that kind; at most 1 in all */
	float request;             /* what the rest of the request adds to the logit */
	float lifted;              /* what being a long document adds to it */
	float logit;
};

/* Puts at most CLASSIFY_REASONS_MAX texts into `ret`, the weightiest first. */
void reasons_find(const struct weights_head *h, const struct reading *r,
		  const struct classify_input *in, struct classify_result *ret);

/* ISO 639-1 code of the script's language when the script alone tells it, else NULL. */
const char *language_of_script(struct span text);

#endif
