/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, JSON, tables and safe text: everything a command writes. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "consent/visible.h"

static void print_error_json(const char *code, const char *next, const char *message,
			     const char *decision_id, const cJSON *rules)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "schema", "hither.error/1");
	json_put_key_cstr(&b, "code", code);
	json_put_key_cstr(&b, "message", message);
	json_put_key_cstr(&b, "decision_id", decision_id);
	json_put_key(&b, "rules");
	if (rules != NULL)
		json_put_tree(&b, rules);
	else
		buf_add_str(&b, "[]");
	json_put_key_cstr(&b, "next", next);
	buf_add_str(&b, "}\n");
	fwrite(b.ptr, 1, b.len, stderr);
	buf_free(&b);
}

static void print_error(const struct cli *cli, const char *code, const char *next,
			const char *message, const char *decision_id, const cJSON *rules)
{
	fflush(stdout);
	if (cli->json) {
		print_error_json(code, next, message, decision_id, rules);
		return;
	}
	fputs("hither: ", stderr);
	cli_print_safe(stderr, span_of(message));
	fputc('\n', stderr);
	if (next != NULL)
		fprintf(stderr, "try: %s\n", next);
}

int cli_error_of(const struct cli *cli, int exit_code, const char *code, const char *next,
		 const char *message, const cJSON *reply)
{
	print_error(cli, code, next, message, json_get_string(reply, "decision_id"),
		    json_get_array(reply, "rules"));
	return exit_code;
}

int cli_error(const struct cli *cli, int exit_code, const char *code, const char *next,
	      const char *format, ...)
{
	char message[1200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	print_error(cli, code, next, message, NULL, NULL);
	return exit_code;
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	char message[600];
	char next[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	if (cli->path[0] != '\0')
		snprintf(next, sizeof next, "hither %s --help", cli->path);
	else
		snprintf(next, sizeof next, "hither help");
	return cli_error(cli, CLI_USAGE, "invalid_request", next, "%s", message);
}

void cli_print_json(const struct cli *cli, struct span json)
{
	cJSON *tree = cli->json_pretty ? cJSON_ParseWithLength(json.ptr, json.len) : NULL;
	char *pretty = tree != NULL ? cJSON_Print(tree) : NULL;

	if (pretty != NULL)
		puts(pretty);
	else
		printf("%.*s\n", (int)json.len, json.ptr);
	cJSON_free(pretty);
	cJSON_Delete(tree);
}

const char *cli_bold(const struct cli *cli)
{
	return cli->color ? "\033[1m" : "";
}

const char *cli_normal(const struct cli *cli)
{
	return cli->color ? "\033[0m" : "";
}

void cli_print_safe(FILE *out, struct span text)
{
	struct buf b;

	buf_init(&b, 64u << 20);
	visible_write(text, &b);
	if (!b.failed && b.len > 0)
		fwrite(b.ptr, 1, b.len, out);
	buf_free(&b);
}

/* --- tables --- */

struct cli_table {
	const struct cli *cli;
	const char *const *headings;
	unsigned columns, cells, capacity;
	char **cell;
};

struct cli_table *cli_table_new(const struct cli *cli, const char *const *headings,
				unsigned columns)
{
	struct cli_table *t = calloc(1, sizeof *t);

	if (t == NULL)
		abort();
	t->cli = cli;
	t->headings = headings;
	t->columns = columns;
	return t;
}

void cli_table_cell(struct cli_table *t, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	if (t->cells == t->capacity) {
		t->capacity = t->capacity * 2 + 64;
		t->cell = realloc(t->cell, t->capacity * sizeof *t->cell);
		if (t->cell == NULL)
			abort();
	}
	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	t->cell[t->cells++] = text;
}

static size_t column_width(const struct cli_table *t, unsigned column)
{
	size_t width = strlen(t->headings[column]);

	for (unsigned i = column; i < t->cells; i += t->columns)
		if (strlen(t->cell[i]) > width)
			width = strlen(t->cell[i]);
	return width;
}

static void print_row(const struct cli_table *t, const char *const *row, const size_t *width,
		      bool drawn)
{
	for (unsigned c = 0; c < t->columns; c++) {
		bool last = c + 1 == t->columns;

		cli_print_safe(stdout, span_of(row[c]));
		if (last)
			putchar('\n');
		else if (!drawn)
			putchar('\t');
		else
			printf("%*s", (int)(width[c] - strlen(row[c]) + 2), "");
	}
}

void cli_table_print(struct cli_table *t)
{
	bool drawn = isatty(STDOUT_FILENO) && !t->cli->plain;
	size_t width[16] = { 0 };

	for (unsigned c = 0; c < t->columns && c < 16; c++)
		width[c] = column_width(t, c);
	if (drawn) {
		fputs(cli_bold(t->cli), stdout);
		print_row(t, t->headings, width, true);
		fputs(cli_normal(t->cli), stdout);
	}
	for (unsigned i = 0; i + t->columns <= t->cells; i += t->columns)
		print_row(t, (const char *const *)t->cell + i, width, drawn);
	for (unsigned i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	free(t);
}
