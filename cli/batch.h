/* SPDX-License-Identifier: Apache-2.0 */
/* The batch forms: JSON lines in, JSON lines out, no daemon, order kept. A bad line, or one
 * that is too long, gives one {"id","error"} line and exit 1 at the end. */
#ifndef HITHER_CLI_BATCH_H
#define HITHER_CLI_BATCH_H

#include "cli/cli.h"

/* A line without its newline: room for a text of 8 MiB whose every byte became "\u0001". */
#define BATCH_LINE_BYTES_MAX (49u << 20)

/* One line as it is, without white space around it; writes its answer (without newline) to
 * `out`. False: it was bad, and the answer says so. */
typedef bool batch_text_line(void *ctx, struct span line, struct buf *out);

/* CLI_OK, or CLI_FAILED when any line was bad. */
int batch_each(struct cli *cli, FILE *in, batch_text_line *each, void *ctx);

/* One parsed line; writes one JSON object (without newline) to `out`, or says what is wrong in
 * `problem` (static or in the 200-byte buffer). */
typedef bool batch_line(void *ctx, const cJSON *line, struct buf *out, char problem[200]);

/* What is done with a string that is no text: invalid UTF-8, half of a surrogate pair, NUL. */
enum batch_text {
	BATCH_REFUSE,  /* the line is bad, as everywhere else */
	BATCH_REPLACE, /* U+FFFD stands for each such byte, half or NUL */
};

/* CLI_OK, or CLI_FAILED when any line was bad. */
int batch_run(struct cli *cli, FILE *in, enum batch_text how, batch_line *each, void *ctx);

int cmd_score(struct cli *cli, int argc, char **argv);
int cmd_scan(struct cli *cli, int argc, char **argv);

#endif
