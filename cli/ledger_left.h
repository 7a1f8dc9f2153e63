/* SPDX-License-Identifier: Apache-2.0 */
/* `hither ledger left`: what left this device, for people. */
#ifndef HITHER_CLI_LEDGER_LEFT_H
#define HITHER_CLI_LEDGER_LEFT_H

#include "cli/cli.h"

struct ledger;

#define LEFT_TABLES     4 /* by day, app, destination, category */
#define LEFT_CURRENCIES 4

struct left_money {
	char currency[8]; /* empty: none */
	int64_t nano;
};
struct left_group {
	char name[160];
	uint64_t sends, bytes, tokens;
	uint64_t unknown, open; /* sends whose use is unknown; that have not ended */
	uint64_t priced;        /* sends whose cost is known: the sums in `money` are theirs */
	struct left_money money[LEFT_CURRENCIES];
};
struct left_table {
	const char *by;
	struct left_group *groups;
	unsigned n;
	bool full; /* the last group holds the rest */
};
struct left_report {
	int64_t since_ms, until_ms;
	struct left_table tables[LEFT_TABLES];
	unsigned n;
	uint64_t kept; /* requests that were answered or refused without leaving the device */
};

/* ledger_left_print.c */
void left_day(int64_t ms, char out[16]); /* the local day: "2026-11-20" */
void left_print(struct cli *cli, const struct left_report *r);
void left_print_json(struct cli *cli, const struct left_table *t);
/* A page of its own in `file`, readable by this user only, written whole or not at all. CLI_OK,
 * or the exit code after the error was printed. */
int left_write_page(struct cli *cli, const struct left_report *r, const char *file);

int cmd_left(struct cli *cli, int argc, char **argv);

/* The ledger of --state-dir or of this user, to read. CLI_OK, or the exit code after the error
 * was printed. */
int cli_open_ledger(struct cli *cli, struct ledger **ret);

#endif
