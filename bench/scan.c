/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan: how long a scan takes, as a ratio to a floor measured in the same run.
 *
 * The floor reads the text once: it hashes every byte (FNV-1a) and adds up the bytes. Both
 * take turns, so that what else the machine does hits both; each call gets another part of
 * the pool, as prompts come. Clean text is prose without anything sensitive, once with
 * sentences that start in upper case, once all in lower case, once in German; dirty text has
 * something in every line: names, addresses, telephones, cards, keys. Prints medians and 99th
 * percentiles of processor time in microseconds, the ratio of the medians, and how many
 * findings the last text had.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rounds.h"
#include "scan/scan.h"

#define POOL    ((size_t)4 << 20)
#define ROUNDS  2001
#define OVERLAP 4096

static double ours_us[ROUNDS], floor_us[ROUNDS];
static volatile uint64_t sink;
static const char *only; /* argument: texts of this kind alone */

static const char *const clean_lines[] = {
	"Please write a short summary of the report and explain why the numbers changed. ",
	"The function takes a list of values and returns the sum of those that are even; ",
	"how does a heat pump work when it is cold outside, and what does it cost to run?\n",
	"Compare both proposals, list what speaks for each, and say which one you prefer. ",
	"The meeting was moved to the afternoon because half of the team is on the train. ",
	"Water the plants, clean the kitchen, and take the old books back to the library.\n",
};

/* Nothing in upper case: then every word may be a name. */
static const char *const lower_lines[] = {
	"please write a short summary of the report and explain why the numbers changed. ",
	"the function takes a list of values and returns the sum of those that are even; ",
	"how does a heat pump work when it is cold outside, and what does it cost to run?\n",
	"compare both proposals, list what speaks for each, and say which one you prefer. ",
	"the meeting was moved to the afternoon because half of the team is on the train. ",
	"water the plants, clean the kitchen, and take the old books back to the library.\n",
};

/* Another language: its nouns are capitalised, and hardly a word is in the lexicon. */
static const char *const german_lines[] = {
	"Bitte fasse den Bericht über die Wärmepumpe kurz zusammen und erkläre die Zahlen. ",
	"Wie funktioniert das eigentlich, wenn es draußen kalt ist, und was kostet es im "
	"Jahr?\n",
	"Vergleiche beide Vorschläge, nenne, was für jeden spricht, und sage, was dir "
	"gefällt. ",
	"Gieße die Blumen, räume die Küche auf, und bringe die Bücher zurück in die "
	"Bücherei.\n",
};

static const char *const dirty_lines[] = {
	"My name is Anna Kowalski, I live at 12 Garden Street, Apt. 4, Springfield 12345.\n",
	"Call me at +44 20 7946 0958 or write to anna.kowalski@example.org about the car.\n",
	"card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00, SSN 078-05-1120 here\n",
	"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKX password: tr0ub4dor\n",
	"Dr. Peter Lund from Gothenburg told Maria Rossi that her diabetes got worse, 1980.\n",
	"server 10.12.13.14 mac 00:1a:2b:3c:4d:5e passport C01X00T47 born 12 March 1975 ok\n",
};

static double cpu_us(void)
{
	return rounds_now_us(CLOCK_PROCESS_CPUTIME_ID);
}

static uint64_t floor_sum(struct span text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325), sum = 0;

	for (size_t i = 0; i < text.len; i++) {
		h = (h ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
		sum += (unsigned char)text.ptr[i];
	}
	return h ^ sum;
}

static char *make_pool(const char *const *lines, size_t count)
{
	char *pool = malloc(POOL + OVERLAP);
	uint32_t x = 7;

	for (size_t n = 0; pool != NULL && n < POOL;) {
		x = x * 1664525u + 1013904223u;
		const char *line = lines[(x >> 16) % count];

		memcpy(pool + n, line, strlen(line));
		n += strlen(line);
	}
	return pool;
}

static int measure(const struct scanner *s, const char *name, const char *pool, size_t bytes,
		   int rounds)
{
	struct arena *a = only == NULL || strcmp(only, name) == 0
				  ? arena_new("scan", (size_t)256 << 20)
				  : NULL;
	struct scan_result r = { 0 };
	uint32_t x = 99;

	if (a == NULL)
		return 0;
	for (int i = 0; i < rounds; i++) {
		x = x * 1664525u + 1013904223u;
		struct span text = { pool + x % (POOL - bytes), bytes };
		double start = cpu_us();

		sink = floor_sum(text);
		floor_us[i] = cpu_us() - start;
		arena_reset(a);
		start = cpu_us();
		if (scan_text(s, text, &scan_budget_default, a, &r) != ERR_OK)
			return 1;
		ours_us[i] = cpu_us() - start;
	}
	rounds_sort(floor_us, (size_t)rounds);
	rounds_sort(ours_us, (size_t)rounds);
	double f = floor_us[rounds / 2], o = ours_us[rounds / 2];
	printf("%8zu bytes, %-6s  scan %10.2f us (p99 %10.2f)  floor %8.2f us  ratio %7.2f  "
	       "%5zu findings%s\n",
	       bytes, name, o, ours_us[rounds * 99 / 100], f, o / f, r.count,
	       r.status == SCAN_UNKNOWN ? ", unknown" : "");
	arena_free(a);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		size_t bytes;
		int rounds;
	} sizes[] = { { 2048, ROUNDS }, { 16384, 501 }, { (size_t)1 << 20, 15 } };
	char *clean = make_pool(clean_lines, LEN(clean_lines));
	char *lower = make_pool(lower_lines, LEN(lower_lines));
	char *german = make_pool(german_lines, LEN(german_lines));
	char *dirty = make_pool(dirty_lines, LEN(dirty_lines));
	struct scanner *s = NULL;
	struct scan_site_error bad;

	only = argc > 1 ? argv[1] : NULL;
	int failed = clean == NULL || lower == NULL || german == NULL || dirty == NULL ||
		     scanner_new(NULL, 0, &s, &bad) != ERR_OK;

	for (size_t i = 0; !failed && i < LEN(sizes); i++)
		failed = measure(s, "clean", clean, sizes[i].bytes, sizes[i].rounds) ||
			 measure(s, "lower", lower, sizes[i].bytes, sizes[i].rounds) ||
			 measure(s, "german", german, sizes[i].bytes, sizes[i].rounds) ||
			 measure(s, "dirty", dirty, sizes[i].bytes, sizes[i].rounds);
	scanner_free(s);
	free(clean);
	free(lower);
	free(german);
	free(dirty);
	return failed;
}
