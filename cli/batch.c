/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES_MAX 1024 /* of a line that is refused; longer ones are not given back */

static const struct json_limits batch_limits = {
	.max_depth = 64,
	.max_values = 1000000,
	.max_string_bytes = BATCH_LINE_BYTES_MAX,
	.comments = false,
};

static void put_id(struct buf *out, const cJSON *id)
{
	json_put_key(out, "id");
	if (id != NULL)
		json_put_tree(out, id);
	else
		buf_add_str(out, "null");
}

/* Where the string that opens at `at` ends, behind its quote; the end of the text at most. */
static size_t string_end(struct span t, size_t at)
{
	for (at++; at < t.len && t.ptr[at] != '"'; at++)
		at += t.ptr[at] == '\\';
	return at < t.len ? at + 1 : t.len;
}

static size_t space_end(struct span t, size_t at)
{
	while (at < t.len && strchr(" \t\r\n", t.ptr[at]) != NULL && t.ptr[at] != '\0')
		at++;
	return at;
}

/*
 * The id of a line that the gate refused, so that its sender can tell which one it was: the
 * first "id" of the outermost object, if its value alone is a string or a number. NULL: none.
 */
static cJSON *refused_id(struct span t)
{
	int depth = 0;

	for (size_t at = 0; at < t.len;) {
		char c = t.ptr[at];
		size_t end = c == '"' ? string_end(t, at) : at + 1, value = space_end(t, end);
		struct json_where where;
		cJSON *id = NULL;

		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		if (depth != 1 || !span_is((struct span){ t.ptr + at, end - at }, "\"id\"") ||
		    value >= t.len || t.ptr[value] != ':') {
			at = end;
			continue;
		}
		at = space_end(t, value + 1);
		end = at < t.len && t.ptr[at] == '"' ? string_end(t, at) : at;
		while (end < t.len && end - at < ID_BYTES_MAX &&
		       strchr("+-.eE0123456789", t.ptr[end]) != NULL && t.ptr[end] != '\0')
			end++;
		if (end - at > ID_BYTES_MAX || json_parse((struct span){ t.ptr + at, end - at },
							  &batch_limits, &id, &where) != ERR_OK)
			return NULL;
		return id;
	}
	return NULL;
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
		cJSON *id = line == NULL ? refused_id(text) : NULL;

		buf_clear(out);
		buf_add_char(out, '{');
		put_id(out, id != NULL ? id : json_get(line, "id"));
		cJSON_Delete(id);
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
