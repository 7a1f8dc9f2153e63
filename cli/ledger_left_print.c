/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What left this device, in words: first one sentence, then a table each by day, app,
 * destination and kind of data, on the terminal or as a page that needs nothing else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/ledger_left.h"
#include "cli/web_page.h"
#include "common/file.h"

#define PAGE_BYTES_MAX (16u << 20)

static const char *heading(const char *by)
{
	return strcmp(by, "day") == 0        ? "By day"
	       : strcmp(by, "app") == 0      ? "By program"
	       : strcmp(by, "category") == 0 ? "By kind of data that was found"
					     : "By destination";
}

static void words_bytes(uint64_t bytes, char out[32])
{
	if (bytes < 10000)
		snprintf(out, 32, "%llu bytes", (unsigned long long)bytes);
	else if (bytes < 10000000)
		snprintf(out, 32, "%.1f KB", (double)bytes / 1e3);
	else
		snprintf(out, 32, "%.1f MB", (double)bytes / 1e6);
}

/* Tokens that were counted; what is not known is said, never taken for zero. */
static void words_tokens(const struct left_group *g, char out[80])
{
	unsigned long long unknown = g->unknown + g->open;

	if (unknown == 0)
		snprintf(out, 80, "%llu", (unsigned long long)g->tokens);
	else if (unknown == g->sends)
		snprintf(out, 80, "unknown");
	else
		snprintf(out, 80, "%llu, and %llu request%s not known",
			 (unsigned long long)g->tokens, unknown, unknown == 1 ? "" : "s");
}

static void words_cost(const struct left_group *g, char out[160])
{
	size_t n = 0;

	snprintf(out, 160, "%s", g->sends > 0 ? "unknown" : "none");
	for (unsigned i = 0; i < LEFT_CURRENCIES && g->money[i].currency[0] != '\0'; i++)
		n += (size_t)snprintf(out + n, 160 - n, "%s%s %.4f", n > 0 ? " + " : "",
				      g->money[i].currency, (double)g->money[i].nano / 1e9);
	if (n > 0 && g->priced < g->sends)
		snprintf(out + n, 160 - n, ", and %llu request%s not known",
			 (unsigned long long)(g->sends - g->priced),
			 g->sends - g->priced == 1 ? "" : "s");
}

/* A send has one day, so the days add up to all of it; other tables may count it twice. */
static struct left_group total_of(const struct left_table *t)
{
	struct left_group all = { .name = "" };

	for (unsigned i = 0; i < t->n; i++) {
		all.sends += t->groups[i].sends;
		all.bytes += t->groups[i].bytes;
	}
	return all;
}

void left_day(int64_t ms, char out[16])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
		out[0] = '\0';
}

/* "From 2026-10-21 to 2026-11-20 …" */
static void words_summary(const struct left_report *r, char out[400])
{
	struct left_group all = total_of(&r->tables[0]);
	char from[16], to[16], bytes[32];

	left_day(r->since_ms, from);
	left_day(r->until_ms, to);
	words_bytes(all.bytes, bytes);
	if (all.sends == 0)
		snprintf(out, 400,
			 "From %s to %s: nothing left this device. %llu request%s stayed here.",
			 from, to, (unsigned long long)r->kept, r->kept == 1 ? "" : "s");
	else
		snprintf(out, 400,
			 "From %s to %s: %llu request%s left this device, %s in all. %llu "
			 "stayed "
			 "here.",
			 from, to, (unsigned long long)all.sends, all.sends == 1 ? "" : "s",
			 bytes, (unsigned long long)r->kept);
}

/* ---- on the terminal ---- */

static void print_table(struct cli *cli, const struct left_table *t)
{
	static const char *const headings[] = { "WHAT", "REQUESTS", "SIZE", "TOKENS", "COST" };
	struct cli_table *out = cli_table_new(cli, headings, 5);
	char bytes[32], tokens[80], cost[160];

	for (unsigned i = 0; i < t->n; i++) {
		const struct left_group *g = &t->groups[i];

		if (g->sends == 0)
			continue;
		words_bytes(g->bytes, bytes);
		words_tokens(g, tokens);
		words_cost(g, cost);
		cli_table_cell(out, "%s", g->name);
		cli_table_cell(out, "%llu", (unsigned long long)g->sends);
		cli_table_cell(out, "%s", bytes);
		cli_table_cell(out, "%s", tokens);
		cli_table_cell(out, "%s", cost);
	}
	cli_table_print(out);
}

void left_print(struct cli *cli, const struct left_report *r)
{
	char words[400];

	if (r->n == 1 && total_of(&r->tables[0]).sends > 0) {
		print_table(cli, &r->tables[0]);
		return;
	}
	words_summary(r, words);
	puts(words);
	for (unsigned i = 0; i < r->n && total_of(&r->tables[0]).sends > 0; i++) {
		printf("\n%s%s%s\n", cli_bold(cli), heading(r->tables[i].by), cli_normal(cli));
		print_table(cli, &r->tables[i]);
	}
	if (!cli->quiet && total_of(&r->tables[0]).sends > 0)
		fputs("\nA request with several kinds of data counts once for each. Each one: "
		      "hither consent receipts\n",
		      stdout);
}

void left_print_json(struct cli *cli, const struct left_table *t)
{
	struct buf b;

	buf_init(&b, PAGE_BYTES_MAX);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "schema", "hither.left/1");
	json_put_key_cstr(&b, "by", t->by);
	json_put_key(&b, "groups");
	buf_add_char(&b, '[');
	for (unsigned i = 0; i < t->n; i++) {
		const struct left_group *g = &t->groups[i];
		const char *currency = g->money[0].currency;

		if (i > 0)
			buf_add_char(&b, ',');
		buf_add_char(&b, '{');
		json_put_key_cstr(&b, "name", g->name);
		json_put_key_i64(&b, "sends", (int64_t)g->sends);
		json_put_key_i64(&b, "bytes", (int64_t)g->bytes);
		json_put_key_i64(&b, "tokens", (int64_t)g->tokens);
		json_put_key_i64(&b, "sends_with_unknown_tokens",
				 (int64_t)(g->unknown + g->open));
		json_put_key_i64(&b, "sends_with_unknown_cost",
				 (int64_t)(g->sends - g->priced));
		if (currency[0] != '\0')
			json_put_key_number(&b, "cost", (double)g->money[0].nano / 1e9);
		else
			json_put_key_cstr(&b, "cost", NULL);
		json_put_key_cstr(&b, "currency", currency[0] != '\0' ? currency : NULL);
		json_put_key(&b, "costs");
		buf_add_char(&b, '[');
		for (unsigned k = 0; k < LEFT_CURRENCIES && g->money[k].currency[0] != '\0';
		     k++) {
			buf_add_str(&b, k > 0 ? ",{" : "{");
			json_put_key_cstr(&b, "currency", g->money[k].currency);
			json_put_key_number(&b, "amount", (double)g->money[k].nano / 1e9);
			buf_add_char(&b, '}');
		}
		buf_add_str(&b, "]}");
	}
	buf_add_str(&b, "]}");
	cli_print_json(cli, buf_span(&b));
	buf_free(&b);
}

/* ---- as a page ---- */

static void cell(struct buf *out, const char *text, bool number)
{
	buf_add_str(out, number ? "<td class=\"n\">" : "<td>");
	web_text(out, span_of(text));
	buf_add_str(out, "</td>");
}

static void page_table(struct buf *out, const struct left_table *t)
{
	char bytes[32], tokens[80], cost[160], sends[24];

	buf_printf(out,
		   "<h2 id=\"%s\">%s</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
		   "aria-labelledby=\"%s\">\n<table>\n<thead><tr><th scope=\"col\">What</th>"
		   "<th scope=\"col\" class=\"n\">Requests</th><th scope=\"col\" "
		   "class=\"n\">Size</th><th scope=\"col\" class=\"n\">Tokens</th><th "
		   "scope=\"col\" class=\"n\">Cost</th></tr></thead>\n<tbody>\n",
		   t->by, heading(t->by), t->by);
	for (unsigned i = 0; i < t->n; i++) {
		const struct left_group *g = &t->groups[i];

		if (g->sends == 0)
			continue;
		words_bytes(g->bytes, bytes);
		words_tokens(g, tokens);
		words_cost(g, cost);
		snprintf(sends, sizeof sends, "%llu", (unsigned long long)g->sends);
		buf_add_str(out, "<tr><th scope=\"row\"><bdi>");
		web_text(out, span_of(g->name));
		buf_add_str(out, "</bdi></th>");
		cell(out, sends, true);
		cell(out, bytes, true);
		cell(out, tokens, true);
		cell(out, cost, true);
		buf_add_str(out, "</tr>\n");
	}
	buf_add_str(out, "</tbody>\n</table>\n</div>\n");
}

static void put_page(struct buf *out, const struct left_report *r)
{
	char words[400];

	words_summary(r, words);
	buf_add_str(
		out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'unsafe-inline'\">\n<title>What left this device – "
		"hither</title>\n<style>\n");
	buf_add_str(out, web_style);
	buf_add_str(
		out,
		"table{border-collapse:collapse;inline-size:100%}\n"
		"th,td{padding:.4rem .75rem .4rem 0;text-align:start;vertical-align:top;"
		"border-block-end:1px solid var(--line)}\n"
		"tbody th{font-weight:400;min-inline-size:8rem}\n"
		".n{text-align:end;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
		".wide{overflow-x:auto}\n"
		"h2{font-size:1.1rem;margin-block-start:1.5rem}\n</style>\n</head>\n<body>\n"
		"<main>\n<h1>What left this device</h1>\n<p>");
	web_text(out, span_of(words));
	buf_add_str(out, "</p>\n");
	for (unsigned i = 0; i < r->n && total_of(&r->tables[0]).sends > 0; i++)
		page_table(out, &r->tables[i]);
	buf_add_str(
		out,
		"<p>A request with several kinds of data counts once for each. What is not "
		"known is said so and never counted as nothing. Each request has a receipt: "
		"<code>hither consent receipts</code>. Whether this record is whole: "
		"<code>hither ledger verify</code>.</p>\n</main>\n</body>\n</html>\n");
}

int left_write_page(struct cli *cli, const struct left_report *r, const char *file)
{
	struct buf page;
	enum err e;

	buf_init(&page, PAGE_BYTES_MAX);
	put_page(&page, r);
	e = page.failed ? ERR_TOO_BIG : file_write(file, buf_span(&page), 0600);
	buf_free(&page);
	if (e != ERR_OK)
		return cli_error(cli, CLI_FAILED, "output", NULL, "%s could not be written: %s",
				 file, e == ERR_SYSTEM ? strerror(errno) : err_text(e));
	if (!cli->quiet)
		fprintf(stderr, "written to %s\n", file);
	return CLI_OK;
}
