/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct json_limits batch_limits = {
	.max_depth = 64,
	.max_values = 1000000,
	.max_string_bytes = BATCH_LINE_BYTES_MAX,
	.comments = false,
};

static void put_id(struct buf *out, const cJSON *line)
{
	const cJSON *id = json_get(line, "id");

	json_put_key(out, "id");
	if (id != NULL)
		json_put_tree(out, id);
	else
		buf_add_str(out, "null");
}

static bool one_line(batch_line *each, void *ctx, struct span text, struct buf *out)
{
	char problem[200] = "";
	struct json_where where;
	cJSON *line = NULL;
	bool good = false;

	if (json_parse(text, &batch_limits, &line, &where) != ERR_OK)
		snprintf(problem, sizeof problem, "column %u: %s", where.column, where.problem);
	else if (!cJSON_IsObject(line))
		snprintf(problem, sizeof problem, "a line must be a JSON object");
	else
		good = each(ctx, line, out, problem) && !out->failed;
	if (!good) {
		buf_clear(out);
		buf_add_char(out, '{');
		put_id(out, line);
		json_put_key_cstr(out, "error", problem);
		buf_add_char(out, '}');
	}
	cJSON_Delete(line);
	return good;
}

int batch_run(struct cli *cli, FILE *in, batch_line *each, void *ctx)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t n;
	int code = CLI_OK;
	struct buf out;

	buf_init(&out, 4 * BATCH_LINE_BYTES_MAX);
	while ((n = getline(&line, &capacity, in)) >= 0) {
		struct span text = span_trim((struct span){ line, (size_t)n });

		if (text.len == 0)
			continue;
		buf_clear(&out);
		if (!one_line(each, ctx, text, &out))
			code = CLI_FAILED;
		fwrite(out.ptr, 1, out.len, stdout);
		putchar('\n');
	}
	if (ferror(in))
		code = cli_error(cli, CLI_FAILED, "invalid_request", NULL,
				 "reading standard input: %s", strerror(errno));
	free(line);
	buf_free(&out);
	return code;
}
