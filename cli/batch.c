/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define ID_BYTES_MAX  1024 /* of a line that is refused; longer ones are not given back */
#define OUT_BYTES_MAX ((size_t)256 << 20)

static const struct json_limits batch_limits = {
	.max_depth = 64,
	.max_values = 1000000,
	.max_string_bytes = 24u << 20, /* 8 MiB of bytes that became U+FFFD */
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

struct batch_lines {
	FILE *in;
	char *line;
	size_t cap;
	unsigned long number; /* of the line read last, from 1 */
};

enum batch_read {
	BATCH_LINE,
	BATCH_TOO_LONG, /* read to its end; what came back is its beginning */
	BATCH_END,
	BATCH_FAILED, /* errno says why */
};

static bool make_room(struct batch_lines *l)
{
	size_t cap = l->cap == 0 ? 4096 : l->cap * 2;
	char *grown = realloc(l->line, cap);

	if (grown == NULL)
		return false;
	l->line = grown;
	l->cap = cap;
	return true;
}

/* The next line without white space around it; lives until the next call. Holds no more than
 * BATCH_LINE_BYTES_MAX of it, however long it is. */
static enum batch_read batch_read(struct batch_lines *l, struct span *ret)
{
	size_t n = 0;
	bool fits = true;
	int c;

	flockfile(l->in);
	while ((c = getc_unlocked(l->in)) != EOF && c != '\n') {
		fits = fits && n < BATCH_LINE_BYTES_MAX;
		if (!fits)
			continue;
		if (n == l->cap && !make_room(l))
			break;
		l->line[n++] = (char)c;
	}
	funlockfile(l->in);
	if (ferror(l->in) || (c != EOF && c != '\n'))
		return BATCH_FAILED;
	if (c == EOF && n == 0)
		return BATCH_END;
	l->number++;
	*ret = span_trim((struct span){ l->line, n });
	return fits ? BATCH_LINE : BATCH_TOO_LONG;
}

static void put_error(struct buf *out, const cJSON *id, const char *problem)
{
	buf_clear(out);
	buf_add_char(out, '{');
	put_id(out, id);
	json_put_key_cstr(out, "error", problem);
	buf_add_char(out, '}');
}

static void put_too_long(const struct batch_lines *l, struct span beginning, struct buf *out)
{
	cJSON *id = refused_id(beginning);
	char problem[200];

	snprintf(problem, sizeof problem,
		 "line %lu is longer than %u MiB; split it, or leave out what is not asked "
		 "about",
		 l->number, BATCH_LINE_BYTES_MAX >> 20);
	put_error(out, id, problem);
	cJSON_Delete(id);
}

static bool is_unicode_escape(struct span t, size_t at)
{
	if (t.len - at < 6 || t.ptr[at + 1] != 'u')
		return false;
	for (size_t i = 2; i < 6; i++) {
		char c = t.ptr[at + i];

		if (c == '\0' || strchr("0123456789abcdefABCDEF", c) == NULL)
			return false;
	}
	return true;
}

/* The line with U+FFFD for all in it that is no text; whatever else is wrong stays wrong. */
static void replace_invalid(struct span t, struct buf *out)
{
	size_t n;

	for (size_t at = 0; at < t.len; at += n) {
		const char *p = t.ptr + at, *end = t.ptr + t.len;
		char text[4] = "";

		n = text_utf8_first((struct span){ p, t.len - at });
		if (n == 0) {
			buf_add_str(out, "\xef\xbf\xbd");
			n = 1;
			continue;
		}
		if (*p == '\\' && !is_unicode_escape(t, at)) {
			n = t.len - at > 1 && (unsigned char)p[1] < 0x80 ? 2 : 1;
		} else if (*p == '\\') {
			n = json_unescape(&p, end, text);
			if (n == 0 || text[0] == '\0') {
				buf_add_str(out, "\\ufffd");
				n = 6;
				continue;
			}
			n = (size_t)(p - (t.ptr + at));
		}
		buf_add(out, (struct span){ t.ptr + at, n });
	}
}

static enum err parse(struct span text, enum batch_text how, cJSON **ret,
		      struct json_where *reterr)
{
	enum err e = json_parse(text, &batch_limits, ret, reterr);
	struct buf replaced;

	if (e != ERR_SYNTAX || how == BATCH_REFUSE)
		return e;
	buf_init(&replaced, 3 * (size_t)BATCH_LINE_BYTES_MAX);
	replace_invalid(text, &replaced);
	if (!replaced.failed)
		e = json_parse(buf_span(&replaced), &batch_limits, ret, reterr);
	buf_free(&replaced);
	return e;
}

int batch_each(struct cli *cli, FILE *in, batch_text_line *each, void *ctx)
{
	struct batch_lines lines = { .in = in };
	enum batch_read read;
	struct span text;
	int code = CLI_OK;
	struct buf out;

	buf_init(&out, OUT_BYTES_MAX);
	while ((read = batch_read(&lines, &text)) < BATCH_END) {
		if (read == BATCH_LINE && text.len == 0)
			continue;
		buf_clear(&out);
		if (read == BATCH_TOO_LONG) {
			put_too_long(&lines, text, &out);
			code = CLI_FAILED;
		} else if (!each(ctx, text, &out)) {
			code = CLI_FAILED;
		}
		buf_add_char(&out, '\n');
		if (out.failed || fwrite(out.ptr, 1, out.len, stdout) != out.len) {
			code = cli_error(cli, CLI_FAILED, "internal_error", NULL,
					 "the answer could not be written");
			break;
		}
	}
	if (read == BATCH_FAILED)
		code = cli_error(cli, CLI_FAILED, "invalid_request", NULL,
				 "reading standard input: %s", strerror(errno));
	free(lines.line);
	buf_free(&out);
	return code;
}

struct run {
	enum batch_text how;
	batch_line *each;
	void *ctx;
};

static bool one_line(void *ctx, struct span text, struct buf *out)
{
	const struct run *r = ctx;
	char problem[200] = "";
	struct json_where where;
	cJSON *line = NULL;
	bool good = false;

	if (parse(text, r->how, &line, &where) != ERR_OK)
		snprintf(problem, sizeof problem, "column %u: %s", where.column, where.problem);
	else if (!cJSON_IsObject(line))
		snprintf(problem, sizeof problem, "a line must be a JSON object");
	else
		good = r->each(r->ctx, line, out, problem) && !out->failed;
	if (!good) {
		cJSON *id = line == NULL ? refused_id(text) : NULL;

		put_error(out, id != NULL ? id : json_get(line, "id"), problem);
		cJSON_Delete(id);
	}
	cJSON_Delete(line);
	return good;
}

int batch_run(struct cli *cli, FILE *in, enum batch_text how, batch_line *each, void *ctx)
{
	struct run run = { how, each, ctx };

	return batch_each(cli, in, one_line, &run);
}
