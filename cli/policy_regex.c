/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither policy check` on the site's own regexes: does the scanner take them, and what do
 * they cost on 64 KiB of text that is made to keep them busy. The policy library cannot tell,
 * because it knows nothing of regexes.
 */
#include "cli/policy_stack.h"
#include "common/clock.h"
#include "scan/scan.h"

#define PROBE_BYTES 65536
#define SLOW_US     1000

static void place(const struct policy_category *c, struct policy_lint *l)
{
	char pointer[160];
	struct span text = policy_file_info(c->file).text;

	snprintf(pointer, sizeof pointer, "/categories/%.120s/regex", c->name);
	size_t offset = json_offset_of(text, pointer);
	if (offset != SIZE_MAX)
		json_line_column(text, offset, &l->line, &l->column);
	l->file = c->file;
}

static struct scanner *scanner_with(const char *regex, struct scan_site_error *error)
{
	const struct scan_site_category one = { .name = "company.probe", .regex = regex };
	struct scanner *s = NULL;

	return scanner_new(&one, 1, &s, error) == ERR_OK ? s : NULL;
}

/* Runs of what regexes like to begin with and then fail on. */
static void fill_probe(char *text)
{
	static const char *const runs[] = { "aaaaaaaaaaaaaaaa", "1111111111111111", "ABC-1234 ",
					    "a@b.c/d?e=f&", "    \t\n" };
	size_t used = 0;

	for (size_t i = 0; used < PROBE_BYTES; i++) {
		const char *run = runs[i % LEN(runs)];

		for (size_t k = 0; run[k] != '\0' && used < PROBE_BYTES; k++)
			text[used++] = run[k];
	}
}

/* The fastest of three; UINT64_MAX when the scan gave up. */
static uint64_t scan_us(const struct scanner *s, const char *text)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		struct arena *a = arena_new("cli.regex", (size_t)64 << 20);
		struct scan_result result;
		uint64_t start = clock_mono_us();

		if (a == NULL)
			return UINT64_MAX;
		enum err e = scan_text(s, (struct span){ text, PROBE_BYTES },
				       &scan_budget_default, a, &result);
		uint64_t took = clock_mono_us() - start;

		if (e == ERR_OK && result.status == SCAN_COMPLETE && took < best)
			best = took;
		arena_free(a);
	}
	return best;
}

static bool check_one(const struct policy_category *c, uint64_t without_us, const char *probe,
		      policy_lint_fn *fn, void *ctx)
{
	struct policy_lint l = { .code = "regex-slow" };
	struct scan_site_error error;
	struct scanner *s = scanner_with(c->regex, &error);

	place(c, &l);
	if (s == NULL) {
		l.code = "regex-invalid";
		snprintf(l.message, sizeof l.message,
			 "category %.60s: %.100s, at character %zu", c->name, error.problem,
			 error.offset);
		fn(ctx, &l);
		return false;
	}
	uint64_t with_us = scan_us(s, probe);
	scanner_free(s);
	if (with_us == UINT64_MAX)
		snprintf(l.message, sizeof l.message,
			 "category %.60s: the scan gives up on 64 KiB: `data` will be unknown",
			 c->name);
	else if (with_us > without_us + SLOW_US)
		snprintf(l.message, sizeof l.message,
			 "category %.60s: %.1f ms on 64 KiB; more than 1 ms is slow", c->name,
			 (double)(with_us - without_us) / 1000);
	if (l.message[0] != '\0')
		fn(ctx, &l);
	return true;
}

size_t policy_regexes(const struct policy_set *set, policy_lint_fn *fn, void *ctx)
{
	static char probe[PROBE_BYTES];
	struct scan_site_error error;
	struct scanner *plain = NULL;
	size_t wrong = 0;
	uint64_t without_us = 0;

	fill_probe(probe);
	for (size_t i = 0; i < policy_categories(set); i++) {
		const struct policy_category *c = policy_category(set, i);

		if (c->regex == NULL)
			continue;
		if (plain == NULL && scanner_new(NULL, 0, &plain, &error) == ERR_OK)
			without_us = scan_us(plain, probe);
		wrong += !check_one(c, without_us, probe, fn, ctx);
	}
	scanner_free(plain);
	return wrong;
}
