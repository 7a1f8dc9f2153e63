/* SPDX-License-Identifier: Apache-2.0 */
/* `hither scan --jsonl`: sensitive spans of each text, offsets in Unicode code points. */
#include "cli/batch.h"
#include "common/text.h"
#include "scan/scan.h"

struct scan_batch {
	struct scanner *scanner;
	struct arena *arena;
};

static bool scan_line(void *ctx, const cJSON *line, struct buf *out, char problem[200])
{
	struct scan_batch *b = ctx;
	const char *text = json_get_string(line, "text");
	struct scan_result result;
	size_t at = 0, points = 0;

	if (text == NULL) {
		snprintf(problem, 200, "\"text\" must be a string");
		return false;
	}
	arena_reset(b->arena);
	if (scan_text(b->scanner, span_of(text), &scan_budget_default, b->arena, &result) !=
		    ERR_OK ||
	    result.status != SCAN_COMPLETE) {
		snprintf(problem, 200, "the scan did not finish: %s", result.why);
		return false;
	}
	buf_add_char(out, '{');
	json_put_key(out, "id");
	if (json_get(line, "id") != NULL)
		json_put_tree(out, json_get(line, "id"));
	else
		buf_add_str(out, "null");
	json_put_key(out, "spans");
	buf_add_char(out, '[');
	for (size_t i = 0; i < result.count; i++) {
		const struct scan_span *s = &result.spans[i];
		size_t inside =
			text_code_points((struct span){ text + s->start, s->end - s->start });

		points += text_code_points((struct span){ text + at, s->start - at });
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_char(out, '{');
		json_put_key_i64(out, "start", (int64_t)points);
		json_put_key_i64(out, "end", (int64_t)(points + inside));
		json_put_key_cstr(out, "category",
				  scanner_category_name(b->scanner, s->category));
		json_put_key_cstr(out, "detector",
				  scanner_detector_name(b->scanner, s->detector));
		buf_add_char(out, '}');
		points += inside;
		at = s->end;
	}
	buf_add_str(out, "]}");
	return true;
}

int cmd_scan(struct cli *cli, int argc, char **argv)
{
	struct scan_batch b = { .scanner = NULL };
	struct scan_site_error error;
	int code;

	(void)argv;
	if (argc > 0 || !cli_flag(cli, "jsonl"))
		return cli_usage(cli, "give JSON lines on standard input: hither scan --jsonl");
	b.arena = arena_new("scan", 512u << 20);
	if (b.arena == NULL || scanner_new(NULL, 0, &b.scanner, &error) != ERR_OK)
		return cli_error(cli, CLI_FAILED, "internal_error", NULL,
				 "the scanner could not be built");
	code = batch_run(cli, stdin, BATCH_REFUSE, scan_line, &b);
	scanner_free(b.scanner);
	arena_free(b.arena);
	return code;
}
