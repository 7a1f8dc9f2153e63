/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan_jsonl < IN > OUT: lines {"id","text"} to lines
 * {"id","spans":[{"start","end","category","detector"}]}, offsets in Unicode code points.
 * With an argument N: scans everything N times and prints the time per text to stderr.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "scan/scan.h"

#define LINE_LIMITS ((struct json_limits){ 16, 100000, 16 * 1024 * 1024, false, false })

static void print_result(const struct scanner *s, const char *id, struct span text,
			 const struct scan_result *r)
{
	struct buf out;
	size_t at = 0, points = 0;

	buf_init(&out, (size_t)256 << 20);
	buf_add_char(&out, '{');
	json_put_key_cstr(&out, "id", id);
	json_put_key(&out, "spans");
	buf_add_char(&out, '[');
	for (size_t i = 0; i < r->count; i++) {
		const struct scan_span *f = &r->spans[i];

		if (i > 0)
			buf_add_char(&out, ',');
		points += text_code_points((struct span){ text.ptr + at, f->start - at });
		buf_add_char(&out, '{');
		json_put_key_i64(&out, "start", (int64_t)points);
		points += text_code_points(
			(struct span){ text.ptr + f->start, f->end - f->start });
		json_put_key_i64(&out, "end", (int64_t)points);
		json_put_key_cstr(&out, "category", scanner_category_name(s, f->category));
		json_put_key_cstr(&out, "detector", scanner_detector_name(s, f->detector));
		buf_add_char(&out, '}');
		at = f->end;
	}
	buf_add_str(&out, "]}");
	puts(buf_cstr(&out));
	buf_free(&out);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	struct scanner *s = NULL;
	struct scan_site_error bad;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	uint64_t texts = 0, spent_us = 0;

	if (scanner_new(NULL, 0, &s, &bad) != ERR_OK)
		return 1;
	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct json_limits limits = LINE_LIMITS;
		struct json_where where;
		cJSON *row = NULL;

		if (json_parse((struct span){ line, (size_t)n }, &limits, &row, &where) !=
		    ERR_OK) {
			fprintf(stderr, "%s\n", where.problem);
			return 1;
		}
		struct span text = span_of(json_get_string(row, "text"));
		const char *id = json_get_string(row, "id");
		struct arena *a = arena_new("scan", (size_t)64 << 20);
		struct scan_result r;
		uint64_t start = clock_mono_us();
		for (long i = 0; i < rounds; i++) {
			arena_reset(a);
			if (scan_text(s, text, &scan_budget_default, a, &r) != ERR_OK)
				return 1;
		}
		spent_us += clock_mono_us() - start;
		texts++;
		print_result(s, id != NULL ? id : "", text, &r);
		arena_free(a);
		cJSON_Delete(row);
	}
	if (argc > 1 && texts > 0)
		fprintf(stderr, "%.2f us per text\n",
			(double)spent_us / (double)texts / (double)rounds);
	free(line);
	scanner_free(s);
	return 0;
}
