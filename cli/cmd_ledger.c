/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither ledger …`: reads the ledger's file directly, with or without a daemon. Nothing here
 * writes to it but `prune` and `acknowledge`.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ledger_left.h"
#include "common/clock.h"
#include "common/text.h"
#include "consent/ledger.h"
#include "consent/receipt.h"
#include "crypto/crypto.h"

static const char *state_dir(const struct cli *cli)
{
	const char *given = cli_option(cli, "state-dir");

	return given != NULL ? given : cli_state_dir();
}

static int open_failed(struct cli *cli, enum err e, const struct ledger_problem *problem)
{
	if (e == ERR_NOT_FOUND)
		return cli_error(
			cli, CLI_FAILED, "no_ledger", "hither status",
			"there is no ledger in %s yet: nothing was ever recorded there",
			state_dir(cli));
	return cli_error(cli, CLI_FAILED, "ledger",
			 problem->next[0] != '\0' ? problem->next : NULL, "%s",
			 problem->text[0] != '\0' ? problem->text : err_text(e));
}

int cli_open_ledger(struct cli *cli, struct ledger **ret)
{
	struct ledger_problem problem = { "", "" };
	enum err e = crypto_init();

	if (e == ERR_OK)
		e = ledger_open(state_dir(cli), LEDGER_READ, ret, &problem);
	return e == ERR_OK ? CLI_OK : open_failed(cli, e, &problem);
}

/* --- printing records --- */

struct lines {
	struct cli *cli;
	uint64_t last_seq;
	unsigned printed;
	const char *app, *destination, *tier, *kind;
	int64_t since_ms;
	bool array; /* inside the one object of --json */
};

static const char *or_dash(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : "-";
}

static bool wanted(const struct lines *l, const struct record *r)
{
	if (l->since_ms != 0 && r->time_ms < l->since_ms)
		return false;
	if (l->kind != NULL && strcmp(l->kind, record_kind_name(r->kind)) != 0)
		return false;
	if (l->app != NULL && (r->app == NULL || !text_glob(l->app, span_of(r->app))))
		return false;
	if (l->tier != NULL && (r->tier == NULL || strcmp(l->tier, r->tier) != 0))
		return false;
	return l->destination == NULL ||
	       (r->destination != NULL && text_glob(l->destination, span_of(r->destination)));
}

/* One event as its own record would say it; `body` is empty where it has none of its own. */
static void print_event(struct lines *l, const struct record *r, struct span body)
{
	char time[CLOCK_RFC3339_BYTES];
	struct buf b;

	l->printed++;
	if (l->array || l->cli->json || cli_flag(l->cli, "jsonl")) {
		buf_init(&b, RECORD_MAX_BYTES * 2);
		if (body.len == 0) {
			record_write(r, &b);
			body = buf_span(&b);
		}
		printf("%s%.*s%s", l->array && l->printed > 1 ? "," : "", (int)body.len,
		       body.ptr, l->array ? "" : "\n");
		buf_free(&b);
		return;
	}
	clock_rfc3339(r->time_ms, time);
	buf_init(&b, RECORD_MAX_BYTES * 2);
	buf_printf(&b, "%6llu  %.19sZ  %-11s %s -> %s", (unsigned long long)r->seq, time,
		   record_kind_name(r->kind), or_dash(r->app), or_dash(r->destination));
	if (r->bytes != RECORD_ABSENT)
		buf_printf(&b, "  %lld bytes", (long long)r->bytes);
	if (r->outcome != NULL)
		buf_printf(&b, "  %s", r->outcome);
	if (r->tokens_out != RECORD_ABSENT)
		buf_printf(&b, "  %lld tokens back", (long long)r->tokens_out);
	if (r->detail != NULL)
		buf_printf(&b, "  %s", r->detail);
	cli_print_safe(stdout, buf_span(&b));
	putchar('\n');
	buf_free(&b);
}

static bool each_event(void *ctx, const struct record *r)
{
	struct lines *l = ctx;

	if (wanted(l, r))
		print_event(l, r, (struct span){ NULL, 0 });
	return true;
}

/* A record that stands for many requests is shown as many: each with the record's number. */
static bool print_line(void *ctx, const struct record *r, struct span body)
{
	struct lines *l = ctx;
	struct arena *a;

	l->last_seq = r->seq;
	if (r->decisions == NULL) {
		if (wanted(l, r))
			print_event(l, r, body);
		return true;
	}
	a = arena_new("decisions", RECORD_MAX_BYTES * 64);
	if ((a == NULL || record_each(r, a, each_event, l) != ERR_OK) && wanted(l, r))
		print_event(l, r, body); /* as it stands, rather than not at all */
	arena_free(a);
	return true;
}

/* --json gives one object; --jsonl, and --json while following, a record a line. */
static void records_begin(struct lines *l)
{
	l->array = l->cli->json && !cli_flag(l->cli, "jsonl") && !cli_flag(l->cli, "follow");
	if (l->array)
		fputs("{\"schema\":\"hither.records/1\",\"records\":[", stdout);
}

static void records_end(struct lines *l)
{
	if (l->array)
		puts("]}");
}

static int read_failed(struct cli *cli, enum err e)
{
	return cli_error(cli, CLI_FAILED, "ledger", "hither ledger verify",
			 "the ledger could not be read: %s", err_text(e));
}

static int cmd_tail(struct cli *cli, int argc, char **argv)
{
	struct lines lines = { .cli = cli };
	const char *count = cli_option(cli, "lines");
	struct ledger *l = NULL;
	enum err e;
	int code;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "tail takes no arguments");
	code = cli_open_ledger(cli, &l);
	if (code != CLI_OK)
		return code;
	records_begin(&lines);
	e = ledger_tail(l, count != NULL ? (unsigned)strtoul(count, NULL, 10) : 20, print_line,
			&lines);
	records_end(&lines);
	while (e == ERR_OK && cli_flag(cli, "follow")) {
		fflush(stdout);
		usleep(250000);
		e = ledger_each(l, lines.last_seq + 1, 0, print_line, &lines);
	}
	ledger_close(l);
	return e == ERR_OK ? CLI_OK : read_failed(cli, e);
}

static int since_ms(struct cli *cli, int64_t *ret)
{
	const char *since = cli_option(cli, "since");
	uint64_t back_ms = 0;

	*ret = 0;
	if (since == NULL)
		return CLI_OK;
	if (text_duration_ms(since, &back_ms) != ERR_OK)
		return cli_usage(cli, "--since takes a duration such as 12h or 30d");
	*ret = clock_wall_ms() - (int64_t)back_ms;
	return CLI_OK;
}

static int cmd_query(struct cli *cli, int argc, char **argv)
{
	struct lines lines = { .cli = cli,
			       .app = cli_option(cli, "app"),
			       .tier = cli_option(cli, "tier"),
			       .destination = cli_option(cli, "destination"),
			       .kind = cli_option(cli, "kind") };
	enum record_kind kind;
	struct ledger *l = NULL;
	enum err e;
	int code;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "query takes options only");
	if (lines.kind != NULL && !record_kind_from(span_of(lines.kind), &kind))
		return cli_usage(cli, "there is no kind of record called \"%s\"", lines.kind);
	code = since_ms(cli, &lines.since_ms);
	if (code == CLI_OK)
		code = cli_open_ledger(cli, &l);
	if (code != CLI_OK)
		return code;
	records_begin(&lines);
	e = ledger_since(l, lines.since_ms, print_line, &lines);
	records_end(&lines);
	ledger_close(l);
	if (e == ERR_OK && lines.printed == 0 && !cli->quiet)
		fputs("no such records\n", stderr);
	return e == ERR_OK ? CLI_OK : read_failed(cli, e);
}

/* --- verify --- */

static void print_report(struct cli *cli, const struct ledger_report *report)
{
	struct buf b;

	if (!cli->json) {
		if (report->ok)
			printf("the ledger is whole: %llu records, chain and seals agree\n",
			       (unsigned long long)report->records);
		else
			printf("the ledger is BROKEN at record %llu: %s\n%s\n",
			       (unsigned long long)report->first_bad, report->problem,
			       report->acknowledged ? "a person has acknowledged this damage"
						    : "nothing leaves this device until: "
						      "hither ledger acknowledge");
		return;
	}
	buf_init(&b, 8192);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "schema", "hither.verify/1");
	json_put_key_bool(&b, "ok", report->ok);
	json_put_key_i64(&b, "records", (int64_t)report->records);
	json_put_key(&b, "first_bad");
	if (report->first_bad != 0)
		buf_add_u64(&b, report->first_bad);
	else
		buf_add_str(&b, "null");
	json_put_key_cstr(&b, "problem", report->problem[0] != '\0' ? report->problem : NULL);
	json_put_key_bool(&b, "acknowledged", report->acknowledged);
	buf_add_char(&b, '}');
	cli_print_json(cli, buf_span(&b));
	buf_free(&b);
}

static int cmd_verify(struct cli *cli, int argc, char **argv)
{
	const char *from = cli_option(cli, "from"), *to = cli_option(cli, "to");
	struct ledger_problem problem = { "", "" };
	struct ledger_report report = { .ok = false };
	struct ledger *l = NULL;
	enum err e;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "verify takes options only");
	e = crypto_init();
	if (e == ERR_OK)
		e = ledger_open(state_dir(cli), LEDGER_READ, &l, &problem);
	if (e == ERR_CORRUPT) { /* no database any more: broken, from the start */
		report.first_bad = 1;
		snprintf(report.problem, sizeof report.problem, "%s", problem.text);
		print_report(cli, &report);
		return CLI_FAILED;
	}
	if (e != ERR_OK)
		return cli_open_ledger(cli, &l);
	e = ledger_verify(l, from != NULL ? strtoull(from, NULL, 10) : 0,
			  to != NULL ? strtoull(to, NULL, 10) : 0, NULL, 0, &report, NULL,
			  NULL);
	ledger_close(l);
	if (e != ERR_OK)
		return read_failed(cli, e);
	print_report(cli, &report);
	return report.ok ? CLI_OK : CLI_FAILED;
}

static int cmd_acknowledge(struct cli *cli, int argc, char **argv)
{
	struct ledger_problem problem = { "", "" };
	struct ledger_report report = { .ok = false };
	char line[16] = "";
	enum err e;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "acknowledge takes no arguments");
	if (!cli_flag(cli, "yes")) {
		if (!cli->json)
			fputs("This says on record that you saw that the ledger was damaged, "
			      "or that "
			      "the clock was behind it and is right now. Type yes to go on: ",
			      stderr);
		if (fgets(line, sizeof line, stdin) == NULL || strcmp(line, "yes\n") != 0)
			return cli_error(cli, CLI_FAILED, "cancelled", NULL,
					 "nothing was done");
	}
	e = crypto_init();
	if (e == ERR_OK)
		e = ledger_acknowledge(state_dir(cli), &report, &problem);
	if (e == ERR_EXISTS)
		return cli_error(cli, CLI_OK, "nothing_to_do", NULL,
				 "there is nothing to acknowledge");
	if (e != ERR_OK)
		return cli_error(cli, CLI_FAILED, "ledger",
				 problem.next[0] != '\0' ? problem.next : NULL, "%s",
				 problem.text[0] != '\0' ? problem.text : err_text(e));
	report.acknowledged = true;
	if (cli->json)
		print_report(cli, &report);
	else if (report.first_bad == 0)
		printf("acknowledged: %s\n", report.problem);
	else
		printf("acknowledged; the first bad record was %llu: %s\n",
		       (unsigned long long)report.first_bad, report.problem);
	return CLI_OK;
}

/* --- export and prune --- */

static bool export_jsonl(void *ctx, const struct record *r, struct span body)
{
	(void)ctx;
	(void)r;
	printf("%.*s\n", (int)body.len, body.ptr);
	return true;
}

static void csv_cell(const char *text, char end)
{
	putchar('"');
	for (; text != NULL && *text != '\0'; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
	putchar(end);
}

/* What is not known is an empty cell: a sum must not count it. */
static void csv_number(int64_t n, char end)
{
	if (n != RECORD_ABSENT)
		printf("%lld", (long long)n);
	putchar(end);
}

static bool export_csv(void *ctx, const struct record *r, struct span body)
{
	char time[CLOCK_RFC3339_BYTES];

	(void)ctx;
	(void)body;
	clock_rfc3339(r->time_ms, time);
	printf("%llu,%s,%s,", (unsigned long long)r->seq, time, record_kind_name(r->kind));
	csv_cell(r->id, ',');
	csv_cell(r->ref, ',');
	csv_cell(r->app, ',');
	csv_cell(r->destination, ',');
	csv_cell(r->model, ',');
	csv_cell(r->task, ',');
	csv_cell(r->digest, ',');
	csv_cell(r->outcome, ',');
	csv_number(r->bytes, ',');
	csv_number(r->tokens_in, ',');
	csv_number(r->tokens_out, '\n');
	return true;
}

/* A receipt a line, for each consent event. */
static bool export_27560(void *ctx, const struct record *r, struct span body)
{
	char hex[CRYPTO_SHA256_HEX_BYTES] = "";
	struct crypto_sha256 hash;
	struct buf b;

	(void)body;
	if (!receipt_is_event(r->kind))
		return true;
	if (ledger_hash_of(ctx, r->seq, &hash))
		crypto_sha256_hex(&hash, hex);
	buf_init(&b, RECORD_MAX_BYTES);
	receipt_write(r, NULL, hex[0] != '\0' ? hex : NULL, RECEIPT_27560, &b);
	if (!b.failed)
		puts(buf_cstr(&b));
	buf_free(&b);
	return true;
}

static int cmd_export(struct cli *cli, int argc, char **argv)
{
	const char *format = cli_option(cli, "format");
	bool csv = format != NULL && strcmp(format, "csv") == 0;
	bool iso = format != NULL && strcmp(format, "27560") == 0;
	struct ledger *l = NULL;
	enum err e;
	int code;

	(void)argv;
	if (argc > 0 || (format != NULL && !csv && !iso && strcmp(format, "jsonl") != 0))
		return cli_usage(cli, "--format takes jsonl, csv or 27560");
	code = cli_open_ledger(cli, &l);
	if (code != CLI_OK)
		return code;
	if (csv)
		puts("seq,time,kind,id,ref,app,destination,model,task,digest,outcome,bytes,"
		     "tokens_in,tokens_out");
	e = ledger_each(l, 1, 0, csv ? export_csv : iso ? export_27560 : export_jsonl, l);
	ledger_close(l);
	return e == ERR_OK ? CLI_OK : read_failed(cli, e);
}

static void print_pruned(struct cli *cli, uint64_t removed)
{
	if (cli->json)
		printf("{\"schema\":\"hither.pruned/1\",\"removed\":%llu}\n",
		       (unsigned long long)removed);
	else
		printf("%llu records removed (the last 40 days and what still matters stay); "
		       "the chain is still provable from its oldest seal on\n",
		       (unsigned long long)removed);
}

/* A ledger has one writer: the daemon, while it runs. */
static int prune_there(struct cli *cli, int64_t before_ms)
{
	double removed = 0;
	char body[64];
	cJSON *said;
	int code;

	snprintf(body, sizeof body, "{\"before_ms\":%lld}", (long long)before_ms);
	code = cli_call_tree(cli,
			     &(struct cli_request){ .socket = CLI_SOCKET_ADMIN,
						    .method = "POST",
						    .path = "/hither/v1/ledger/prune",
						    .body = span_of(body),
						    .timeout_ms = 120000 },
			     false, &said);
	json_get_number(said, "removed", &removed);
	if (code == CLI_OK)
		print_pruned(cli, (uint64_t)removed);
	cJSON_Delete(said);
	return code;
}

static int cmd_prune(struct cli *cli, int argc, char **argv)
{
	const char *older = cli_option(cli, "older-than");
	struct ledger_problem problem = { "", "" };
	uint64_t back_ms, removed = 0;
	int64_t before_ms;
	struct ledger *l = NULL;
	enum err e;

	(void)argv;
	if (argc > 0 || older == NULL || text_duration_ms(older, &back_ms) != ERR_OK)
		return cli_usage(cli, "how old? --older-than 400d");
	before_ms = clock_wall_ms() - (int64_t)back_ms;
	e = crypto_init();
	if (e == ERR_OK)
		e = ledger_open(state_dir(cli), LEDGER_WRITE, &l, &problem);
	if (e == ERR_BUSY && cli_option(cli, "state-dir") == NULL)
		return prune_there(cli, before_ms);
	if (e != ERR_OK)
		return open_failed(cli, e, &problem);
	e = ledger_prune(l, before_ms, &removed);
	ledger_close(l);
	if (e != ERR_OK)
		return cli_error(cli, CLI_FAILED, "ledger", "hither ledger verify",
				 "nothing was removed: %s", err_text(e));
	print_pruned(cli, removed);
	return CLI_OK;
}

#define STATE_DIR_OPTION                                                                       \
	{                                                                                      \
		0, "state-dir", "DIR", "the daemon's state folder (default yours)"             \
	}

static const struct cli_option tail_options[] = {
	{ 'n', "lines", "N", "how many (default 20)" },
	{ 'f', "follow", NULL, "wait for more" },
	{ 0, "jsonl", NULL, "a record a line" },
	STATE_DIR_OPTION,
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option query_options[] = {
	{ 0, "app", "GLOB", "records of these apps" },
	{ 0, "destination", "GLOB", "records about these destinations" },
	{ 0, "tier", "TIER", "device, trusted or cloud" },
	{ 0, "kind", "KIND", "intent, granted, closed, refused, …" },
	{ 0, "since", "DURATION", "only newer ones: 12h, 30d" },
	{ 0, "jsonl", NULL, "a record a line" },
	STATE_DIR_OPTION,
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option verify_options[] = {
	{ 0, "from", "SEQ", "first record to check" },
	{ 0, "to", "SEQ", "last record to check" },
	STATE_DIR_OPTION,
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option export_options[] = {
	{ 0, "format", "jsonl|csv|27560",
	  "default jsonl; 27560: a receipt a line, for each consent event" },
	STATE_DIR_OPTION,
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option prune_options[] = {
	{ 0, "older-than", "DURATION",
	  "such as 400d; the last 40 days and what still matters stay" },
	STATE_DIR_OPTION,
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option left_options[] = {
	{ 0, "since", "DURATION", "default 30d" },
	{ 0, "by", "day|app|destination|category", "only this table" },
	{ 0, "html", "FILE", "as a page, into a file that only you can read" },
	STATE_DIR_OPTION,
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option acknowledge_options[] = {
	{ 0, "yes", NULL, "do not ask" },
	STATE_DIR_OPTION,
	{ 0, NULL, NULL, NULL },
};

const struct cli_command cmd_ledger_commands[] = {
	{ "tail", "", "the newest records", NULL, tail_options, NULL, cmd_tail },
	{ "query", "", "records by app, destination, kind, time", NULL, query_options, NULL,
	  cmd_query },
	{ "left", "", "what left this device: by day, program, destination and kind of data",
	  "How many requests, how large, tokens and cost. --json gives one table, by "
	  "destination\n"
	  "unless --by says otherwise.",
	  left_options, NULL, cmd_left },
	{ "verify", "", "is the chain whole? exit 0 whole, 1 broken", NULL, verify_options,
	  NULL, cmd_verify },
	{ "export", "", "everything, as JSON lines, CSV or receipts", NULL, export_options,
	  NULL, cmd_export },
	{ "prune", "", "remove old records; the rest stays provable", NULL, prune_options, NULL,
	  cmd_prune },
	{ "acknowledge", "", "go on after damage that you have looked at", NULL,
	  acknowledge_options, NULL, cmd_acknowledge },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};
