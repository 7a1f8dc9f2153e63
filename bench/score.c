/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score: how long the classifier takes, as a ratio to a floor measured in the same run.
 *
 * The floor is the least that a learned router over hashed text can do: cut the text into
 * words and pieces of words of four bytes, hash each, sum a row of 128 int8 for each from a
 * table of 4 MB, and take one dot product. It folds nothing, counts nothing, names no task.
 *
 * Both take turns, so that what else the machine does hits both. First with a new text at each
 * call, as prompts come; then with the same text again and again, which flatters both, because
 * the processor learns the text by heart. Prints medians and 99th percentiles in microseconds,
 * and the ratio of the medians.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rounds.h"
#include "router/classify/classify.h"

#define DIM    128
#define ROWS   32768u
#define ROUNDS 4001
#define TOKENS 32768
#define POOL   ((size_t)4 << 20)

static int8_t *table;
static uint32_t ids[TOKENS];
static double ours_us[ROUNDS], floor_us[ROUNDS];
static volatile float sink;

static size_t floor_tokens(const uint8_t *s, size_t n)
{
	uint32_t h = 2166136261u, open = 0;
	size_t count = 0;

	for (size_t i = 0; i < n && count < TOKENS; i++) {
		uint8_t low = s[i] | 0x20;
		int in_word = (low >= 'a' && low <= 'z') || (s[i] >= '0' && s[i] <= '9') ||
			      s[i] >= 0x80;

		if (in_word) {
			h = (h ^ low) * 16777619u;
			open++;
		}
		if (open == 4 || (open > 0 && (!in_word || i + 1 == n))) {
			ids[count++] = (h ^ h >> 15) & (ROWS - 1);
			h = 2166136261u;
			open = 0;
		}
	}
	return count;
}

/* 128 lanes of 16 bit; 256 rows of at most 127 fit. */
typedef int8_t v32i8 __attribute__((vector_size(32), aligned(1)));
typedef int16_t v32i16 __attribute__((vector_size(64)));

static float floor_score(struct span text)
{
	size_t n = floor_tokens((const uint8_t *)text.ptr, text.len);
	int32_t sum[DIM] = { 0 };
	float dot = 0;

	for (size_t from = 0; from < n; from += 256) {
		size_t to = n - from > 256 ? from + 256 : n;
		v32i16 part[4] = { { 0 }, { 0 }, { 0 }, { 0 } };

		for (size_t i = from; i < to; i++) {
			const v32i8 *row = (const v32i8 *)(table + (size_t)ids[i] * DIM);

			for (int k = 0; k < 4; k++)
				part[k] += __builtin_convertvector(row[k], v32i16);
		}
		for (int d = 0; d < DIM; d++)
			sum[d] += part[d / 32][d % 32];
	}
	for (int d = 0; d < DIM; d++)
		dot += (float)sum[d] * (float)(d % 7) * 0.01f;
	return dot / (float)(n + 1);
}

/* English-like text: common words and rare ones, sentences, lines. */
static char *make_pool(void)
{
	static const char *const words[] = {
		"the ",     "a ",        "of ",      "please ",    "write ", "and ",
		"explain ", "how ",      "report ",  "in ",        "table ", "2024 ",
		"is ",      "function ", "with ",    "reply ",     "to ",    "mail. ",
		"why ",     "does ",     "Berlin ",  "not ",       "work, ", "because ",
		"value ",   "x = 3;\n",  "meeting ", "tomorrow? ", "über ",  "proof ",
		"que ",     "summary\n",
	};
	char *pool = malloc(POOL + 64);
	size_t n = 0;
	uint32_t x = 7;

	while (pool != NULL && n < POOL) {
		x = x * 1664525u + 1013904223u;
		if (x >> 29 == 0) {
			uint32_t length = 4 + (x >> 8) % 7;

			for (uint32_t i = 0; i < length; i++) {
				x = x * 1664525u + 1013904223u;
				pool[n++] = (char)('a' + (x >> 24) % 26);
			}
			pool[n++] = ' ';
		} else {
			const char *w = words[(x >> 16) % LEN(words)];

			memcpy(pool + n, w, strlen(w));
			n += strlen(w);
		}
	}
	return pool;
}

static void measure(const struct classifier *c, const char *pool, size_t bytes, bool same)
{
	int rounds = bytes > 50000 ? 401 : ROUNDS;
	uint32_t x = 99;
	double f, o;

	for (int i = 0; i < rounds; i++) {
		if (!same)
			x = x * 1664525u + 1013904223u;
		struct span text = { pool + x % (POOL - bytes), bytes };
		struct classify_input in = { .last_user = text, .messages = 1 };
		struct classify_result r;
		double start = rounds_now_us(CLOCK_MONOTONIC);

		sink = floor_score(text);
		floor_us[i] = rounds_now_us(CLOCK_MONOTONIC) - start;
		text.ptr = in.last_user.ptr = pool + (x >> 3) % (POOL - bytes);
		start = rounds_now_us(CLOCK_MONOTONIC);
		classify(c, &in, &r);
		ours_us[i] = rounds_now_us(CLOCK_MONOTONIC) - start;
		sink = r.score;
	}
	rounds_sort(floor_us, (size_t)rounds);
	rounds_sort(ours_us, (size_t)rounds);
	f = floor_us[rounds / 2];
	o = ours_us[rounds / 2];
	printf("%7zu bytes, %s  score %8.2f us (p99 %8.2f)  floor %8.2f us (p99 %8.2f)  ratio "
	       "%.2f\n",
	       bytes, same ? "the same text again" : "a new text each time", o,
	       ours_us[rounds * 99 / 100], f, floor_us[rounds * 99 / 100], o / f);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 50, 500, 2048, 102400 };
	char found[CLASSIFIER_PATH_BYTES];
	struct classifier *c;
	enum err e =
		argc > 1 ? classifier_open(argv[1], &c) : classifier_open_default(&c, found);
	char *pool = make_pool();

	table = malloc((size_t)ROWS * DIM);
	if (e != ERR_OK || pool == NULL || table == NULL) {
		fprintf(stderr, "%s: %s\n", argc > 1 ? argv[1] : found, err_text(e));
		return 1;
	}
	for (size_t i = 0; i < (size_t)ROWS * DIM; i++)
		table[i] = (int8_t)(i * 31 % 127);
	printf("model %s\n", classifier_name(c));
	for (size_t i = 0; i < LEN(sizes); i++)
		measure(c, pool, sizes[i], false);
	for (size_t i = 0; i < LEN(sizes); i++)
		measure(c, pool, sizes[i], true);
	classifier_free(c);
	free(pool);
	free(table);
	return 0;
}
