/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trained model. Each piece of the text has a row of small integers; the rows are summed,
 * divided by the square root of their number, and 24 counts are added with weights of their
 * own. That gives the columns:
 *
 *   base      how often small models fail on such texts
 *   kind k    whether the text is of a kind with many known outcomes (exam questions with four
 *             or more answers, school arithmetic), g_k = logistic(slope * column + offset)
 *   expert k  what separates hard from easy within that kind
 *   task, fresh, language   votes, the highest wins
 *
 *   difficulty = (1 - sum g) * base
 *              + sum g_k * (level_k + gain_k * (expert_k - mean_k) + blend_k * (base -
 * level_k)) logit      = slope * difficulty + offset + request,   score = logistic(logit)
 *
 * Sentences at either end that cheer or only tell something water a request down: its
 * difficulty is that of the whole, without cheers or of its core (request_part.h), whichever is
 * highest.
 *
 * `request` speaks for what the text does not show, with the weights of the linear model:
 * tools, attachments, history; and for texts longer than what is read.
 *
 * Same bits everywhere: integer sums, then single precision additions, multiplications and
 * divisions in a fixed order (built with -ffp-contract=off), a square root (IEEE 754 rounds
 * it correctly), and an exponential of our own instead of the C library's.
 */
#include <float.h>
#include <math.h>

#include "router/classify/classify_impl.h"
#include "router/classify/request_part.h"
#include "router/classify/trained.h"

_Static_assert(FLT_EVAL_METHOD == 0, "float arithmetic must be done in float");

#define LONG_BYTES 16384

/* 16 bytes and shorts at a time: what every 64-bit machine has registers for. */
typedef int8_t v16i8 __attribute__((vector_size(16)));
typedef int16_t v16i16 __attribute__((vector_size(32)));

_Static_assert(WEIGHTS_COLUMNS == 3 * sizeof(v16i8), "three vectors make a row");

/* 256 rows of at most 127 still fit an int16. */
#define BLOCK 256

static void sum_rows(const struct weights *w, const struct features *f,
		     int32_t sum[WEIGHTS_COLUMNS])
{
	for (int c = 0; c < WEIGHTS_COLUMNS; c++)
		sum[c] = 0;
	for (uint32_t from = 0; from < f->n; from += BLOCK) {
		uint32_t to = f->n - from > BLOCK ? from + BLOCK : f->n;
		v16i16 part[3] = { { 0 }, { 0 }, { 0 } };

		for (uint32_t i = from; i < to; i++) {
			const v16i8 *row = (const v16i8 *)w->row[f->piece[i]];

			part[0] += __builtin_convertvector(row[0], v16i16);
			part[1] += __builtin_convertvector(row[1], v16i16);
			part[2] += __builtin_convertvector(row[2], v16i16);
		}
		for (int c = 0; c < WEIGHTS_COLUMNS; c++)
			sum[c] += part[c / 16][c % 16];
	}
}

static void fill_columns(const struct weights *w, struct reading *r)
{
	const struct weights_head *h = &w->head;
	int32_t sum[WEIGHTS_COLUMNS];
	float root = sqrtf(r->f.n > 0 ? (float)r->f.n : 1.0f);

	sum_rows(w, &r->f, sum);
	for (int c = 0; c < WEIGHTS_COLUMNS; c++)
		r->column[c] = (float)sum[c] * h->scale[c] / root;
	r->words = r->column[COLUMN_BASE];
	for (int c = 0; c < WEIGHTS_COLUMNS; c++)
		r->column[c] += h->bias[c];
	for (int k = 0; k < FEATURES_COUNTS; k++) {
		float x = r->f.count[k];

		for (int c = 0; c < WEIGHTS_COLUMNS; c++)
			r->column[c] += h->count[k][c] * x;
	}
	r->column[COLUMN_KNOWN] =
		(float)sum[COLUMN_KNOWN] / (r->f.n > 0 ? (float)r->f.n : 1.0f);
}

/* exp(x) for |x| <= 40: x = k ln 2 + r, and the series of exp(r) for |r| <= ln 2 / 2. */
static double exponential(double x)
{
	double k = floor(x * 1.4426950408889634 + 0.5);
	double r = x - k * 0.6931471805599453;
	double sum = 1.0;

	for (int i = 12; i > 0; i--)
		sum = 1.0 + sum * r / i;
	return ldexp(sum, (int)k);
}

static float logistic(float x)
{
	double bounded = x > 40.0f ? 40.0 : x < -40.0f ? -40.0 : (double)x;

	return (float)(1.0 / (1.0 + exponential(-bounded)));
}

/* Logarithm to base 2 of n/unit, linear between powers of two; 0 below the unit. */
static float doublings(uint64_t n, uint64_t unit, float most)
{
	float k = 0;

	while (n >= 2 * unit && k < most) {
		n /= 2;
		k += 1.0f;
	}
	if (n > unit)
		k += (float)(n - unit) / (float)unit;
	return k < most ? k : most;
}

static float request_logit(const struct classify_input *in)
{
	return (in->tools > 0 ? 0.60f : 0.0f) + (in->attachments > 0 ? 0.60f : 0.0f) +
	       0.15f * doublings(in->history_bytes + 2048, 2048, 16.0f) +
	       1.20f * doublings(in->last_user.len, LONG_BYTES, 5.0f);
}

/*
 * Of a long document much must be kept in mind, whatever is asked of it and however plain its
 * words: from 16 KiB on (about 4,000 tokens) the logit has a floor, which at twice that is
 * above the default limit.
 */
static float least_logit(size_t bytes)
{
	return bytes > LONG_BYTES ? 1.60f * doublings(bytes, LONG_BYTES, 5.0f) - 1.0f
				  : -FLT_MAX;
}

static float difficulty(const struct weights_head *h, struct reading *r)
{
	float base = r->column[COLUMN_BASE];
	float all = 0, sum = 0;

	for (int k = 0; k < WEIGHTS_KINDS; k++) {
		r->kind[k] = logistic(h->kind[k].slope * r->column[COLUMN_KIND + k] +
				      h->kind[k].offset);
		all += r->kind[k];
	}
	for (int k = 0; k < WEIGHTS_KINDS; k++) {
		const struct weights_kind *w = &h->kind[k];

		if (all > 1.0f)
			r->kind[k] /= all;
		sum += r->kind[k] *
		       (w->level + w->gain * (r->column[COLUMN_EXPERT + k] - w->mean) +
			w->blend * (base - w->level));
	}
	return all < 1.0f ? sum + (1.0f - all) * base : sum;
}

static int best_of(const float *votes, int n)
{
	int best = 0;

	for (int i = 1; i < n; i++)
		if (votes[i] > votes[best])
			best = i;
	return best;
}

static const char *language(const struct reading *r, struct span text)
{
#define X(code) code,
	static const char *const latin[] = { WEIGHTS_LANGUAGES(X) };
#undef X
	/* Counts tell cheaply that there is nothing but Latin. */
	const char *by_script =
		r->f.count[COUNT_OTHER_SCRIPTS] > 0.0f ? language_of_script(text) : NULL;

	if (by_script != NULL)
		return by_script;
	return r->f.n < 8 ? "" : latin[best_of(r->column + COLUMN_LANGUAGE, LEN(latin))];
}

static float difficulty_of_text(const struct weights *w, struct span text, struct reading *r)
{
	features_read(text, &r->f);
	fill_columns(w, r);
	return difficulty(&w->head, r);
}

/* What the text is, is asked of the whole. */
static float highest_difficulty(const struct weights *w, struct span text, struct reading *r)
{
	const struct span parts[] = { request_without_cheers(text), request_core(text) };
	float highest = difficulty_of_text(w, text, r);
	size_t judged = text.len;

	for (size_t i = 0; i < LEN(parts); i++) {
		struct reading of_part;
		float alone;

		if (parts[i].len == judged)
			continue;
		judged = parts[i].len;
		alone = difficulty_of_text(w, parts[i], &of_part);
		highest = alone > highest ? alone : highest;
	}
	return highest;
}

void classify_trained(const struct weights *w, const struct classify_input *in,
		      struct classify_result *ret)
{
	struct reading r;
	float certain, difficult;

	difficult = highest_difficulty(w, in->last_user, &r);
	r.request = request_logit(in);
	r.logit = w->head.slope * difficult + w->head.offset + r.request;
	float least = least_logit(in->last_user.len);
	r.lifted = r.logit < least ? least - r.logit : 0.0f;
	r.logit += r.lifted;

	*ret = (struct classify_result){ .score = logistic(r.logit) };
	certain = ret->score < 0.5f ? 1.0f - ret->score : ret->score;
	ret->confidence = certain * (0.5f + 0.5f * r.column[COLUMN_KNOWN]);
	ret->task = in->tool_results ? CLASSIFY_TOOL
				     : (enum classify_task)best_of(r.column + COLUMN_TASK,
								   CLASSIFY_TASK_COUNT - 1);
	ret->output_tokens = classify_output_tokens(ret->task, in->last_user.len);
	ret->fresh = r.column[COLUMN_FRESH] > w->head.fresh_above;
	ret->language = language(&r, in->last_user);
	reasons_find(&w->head, &r, in, ret);
}
