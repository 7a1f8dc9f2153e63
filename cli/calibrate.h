/* SPDX-License-Identifier: Apache-2.0 */
/* What `hither calibrate` decides: whether an answer is right, and which threshold follows. */
#ifndef HITHER_CLI_CALIBRATE_H
#define HITHER_CLI_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/span.h"

struct calibrate_question {
	const char *prompt, *answer;
};

/* The questions built in: everyday facts, sums, choices and harder mathematics. */
extern const struct calibrate_question calibrate_questions[];
extern const size_t calibrate_n_questions;

/*
 * A number is right when it is the last number said (signs that group digits are skipped), a
 * single capital letter when it is the first that stands alone, other text when it occurs as
 * whole words, whatever the case.
 */
bool calibrate_is_right(struct span said, struct span answer);

struct calibrate_point {
	float score;      /* of the prompt */
	bool right;       /* the model on this device answered it */
	double certainty; /* of that answer, 0..1 (router/confidence.h); negative: not known */
};

enum calibrate_target {
	CALIBRATE_QUALITY, /* at least this share of what stays is answered right */
	CALIBRATE_SHARE,   /* about this share of the questions stays */
};

/* Thresholds below would send away even everyday requests, above keep everything. */
#define CALIBRATE_LEAST_PM 200
#define CALIBRATE_MOST_PM  950

/*
 * The threshold in 1/1000, between the two above. For CALIBRATE_QUALITY the highest one that
 * holds the target, counted with one right and one wrong answer more than there were, so that
 * a few lucky ones decide nothing. Sorts the points.
 */
uint32_t calibrate_threshold_pm(struct calibrate_point *points, size_t n,
				enum calibrate_target target, double wanted);

/* Answers on each side, right and wrong, without which a floor is luck. */
#define CALIBRATE_FLOOR_LEAST 5

/*
 * The certainty in 1/1000 below which the most wrong answers lie for the fewest right ones
 * (the greatest difference of the two shares), counted with one answer more on each side that
 * speaks against it. 0: it does not tell them apart (the difference is below a fifth), or there
 * are too few of either. Sorts the points.
 */
uint32_t calibrate_floor_pm(struct calibrate_point *points, size_t n);

struct cli;
int cmd_calibrate(struct cli *cli, int argc, char **argv);

#endif
