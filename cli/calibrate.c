/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---------------------------------------------------------------- answers */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c & 0x80) != 0;
}

/* The number that starts at `i`, without signs that group digits; its end in *ret_end. */
static double number_at(struct span s, size_t i, size_t *ret_end)
{
	char digits[40];
	size_t n = 0;

	if (i > 0 && s.ptr[i - 1] == '-' && (i < 2 || !is_word(s.ptr[i - 2])))
		digits[n++] = '-';
	for (; i < s.len && n < sizeof digits - 1; i++) {
		bool more = i + 1 < s.len && is_digit(s.ptr[i + 1]);

		if (is_digit(s.ptr[i]) || (s.ptr[i] == '.' && more))
			digits[n++] = s.ptr[i];
		else if (s.ptr[i] != ',' || !more)
			break;
	}
	digits[n] = '\0';
	*ret_end = i;
	return strtod(digits, NULL);
}

static bool last_number(struct span s, double *ret)
{
	bool found = false;

	for (size_t i = 0; i < s.len;) {
		if (is_digit(s.ptr[i])) {
			*ret = number_at(s, i, &i);
			found = true;
			while (i < s.len && is_digit(s.ptr[i]))
				i++;
		} else {
			i++;
		}
	}
	return found;
}

static bool is_number(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.ptr[i]) && s.ptr[i] != '.' && !(i == 0 && s.ptr[i] == '-'))
			return false;
	return s.len > 0;
}

static bool stands_alone(struct span s, size_t i, size_t n)
{
	return (i == 0 || !is_word(s.ptr[i - 1])) && (i + n >= s.len || !is_word(s.ptr[i + n]));
}

static bool is_right_letter(struct span said, char letter)
{
	for (size_t i = 0; i < said.len; i++) {
		/* "A" and "I" begin sentences: then a small word follows. */
		bool sentence = i + 2 < said.len && said.ptr[i + 1] == ' ' &&
				said.ptr[i + 2] >= 'a' && said.ptr[i + 2] <= 'z';

		if (said.ptr[i] >= 'A' && said.ptr[i] <= 'J' && stands_alone(said, i, 1) &&
		    !sentence)
			return said.ptr[i] == letter;
	}
	return false;
}

bool calibrate_is_right(struct span said, struct span answer)
{
	double have, want;

	if (is_number(answer))
		return last_number(said, &have) && last_number(answer, &want) &&
		       fabs(have - want) < 1e-6;
	if (answer.len == 1 && answer.ptr[0] >= 'A' && answer.ptr[0] <= 'J')
		return is_right_letter(said, answer.ptr[0]);
	for (size_t i = 0; answer.len > 0 && i + answer.len <= said.len; i++)
		if (strncasecmp(said.ptr + i, answer.ptr, answer.len) == 0 &&
		    stands_alone(said, i, answer.len))
			return true;
	return false;
}

/* ---------------------------------------------------------------- threshold */

static int by_score(const void *a, const void *b)
{
	float x = ((const struct calibrate_point *)a)->score;
	float y = ((const struct calibrate_point *)b)->score;

	return (x > y) - (x < y);
}

/* How many of the sorted points may stay. */
static size_t keep_for_quality(const struct calibrate_point *points, size_t n, double wanted)
{
	size_t right = 0, keep = 0;

	for (size_t i = 0; i < n; i++) {
		right += points[i].right;
		if ((double)(right + 1) / (double)(i + 3) >= wanted)
			keep = i + 1;
	}
	return keep;
}

uint32_t calibrate_threshold_pm(struct calibrate_point *points, size_t n,
				enum calibrate_target target, double wanted)
{
	size_t keep;
	double pm;

	qsort(points, n, sizeof points[0], by_score);
	keep = target == CALIBRATE_QUALITY ? keep_for_quality(points, n, wanted)
					   : (size_t)(wanted * (double)n + 0.5);
	if (keep == 0)
		return CALIBRATE_LEAST_PM;
	if (keep >= n)
		return CALIBRATE_MOST_PM;
	/* Between the last that stays and the first that goes. */
	pm = ((double)points[keep - 1].score + (double)points[keep].score) * 500.0;
	if (pm < CALIBRATE_LEAST_PM)
		return CALIBRATE_LEAST_PM;
	return pm > CALIBRATE_MOST_PM ? CALIBRATE_MOST_PM : (uint32_t)(pm + 0.5);
}

/* ---------------------------------------------------------------- floor */

#define FLOOR_DIFFERENCE 0.2

static int by_certainty(const void *a, const void *b)
{
	double x = ((const struct calibrate_point *)a)->certainty;
	double y = ((const struct calibrate_point *)b)->certainty;

	return (x > y) - (x < y);
}

uint32_t calibrate_floor_pm(struct calibrate_point *points, size_t n)
{
	size_t first = 0, right = 0, wrong = 0, right_below = 0, wrong_below = 0;
	double best = FLOOR_DIFFERENCE, at = 0;

	qsort(points, n, sizeof points[0], by_certainty);
	while (first < n && points[first].certainty < 0)
		first++;
	for (size_t i = first; i < n; i++) {
		right += points[i].right;
		wrong += !points[i].right;
	}
	if (right < CALIBRATE_FLOOR_LEAST || wrong < CALIBRATE_FLOOR_LEAST)
		return 0;
	for (size_t i = first; i + 1 < n; i++) {
		right_below += points[i].right;
		wrong_below += !points[i].right;
		double difference = (double)wrong_below / (double)(wrong + 1) -
				    (double)(right_below + 1) / (double)(right + 1);

		if (difference > best && points[i + 1].certainty > points[i].certainty) {
			best = difference;
			at = (points[i].certainty + points[i + 1].certainty) / 2;
		}
	}
	return (uint32_t)(at * 1000.0 + 0.5);
}
