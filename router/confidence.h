/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How sure the model on this device is of the answer it is giving: the geometric mean of its
 * tokens' probabilities over the last CONFIDENCE_WINDOW tokens, and the lowest value this had
 * over the first CONFIDENCE_TOKENS tokens, where a cascade can still change the route. Pure.
 *
 * `hither calibrate` measures the same lowest value on questions with known answers, and finds
 * the floor that separates wrong answers from right ones best.
 */
#ifndef HITHER_ROUTER_CONFIDENCE_H
#define HITHER_ROUTER_CONFIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIDENCE_WINDOW 12 /* tokens: a clause, so that one rare word is no verdict */
#define CONFIDENCE_TOKENS 48 /* how far into an answer it is looked at */

/* Zeroed: nothing seen. */
struct confidence {
	float last[CONFIDENCE_WINDOW]; /* log-probabilities, a ring */
	uint32_t seen;   /* tokens with a probability, at most CONFIDENCE_TOKENS */
	uint32_t pieces; /* pieces of text, with a probability or not */
	bool has_lowest;
	double lowest; /* 0..1 */
	bool settled;
};

/*
 * The next piece of text; `logprob` is natural, of its token; NAN: not known. What is no
 * log-probability (positive, NAN) counts as a piece without one. False: nothing more is looked
 * at.
 */
bool confidence_add(struct confidence *c, double logprob);
/* The answer is over: one shorter than the window is judged by what there is. */
void confidence_end(struct confidence *c);
/* 0..1; false while nothing can be said, or nothing could. */
bool confidence_lowest(const struct confidence *c, double *ret);

#endif
