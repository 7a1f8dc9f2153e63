/* SPDX-License-Identifier: Apache-2.0 */
/* The batch forms: JSON lines in, JSON lines out, no daemon, order kept. A bad line gives one
 * {"id","error"} line and exit 1 at the end. */
#ifndef HITHER_CLI_BATCH_H
#define HITHER_CLI_BATCH_H

#include "cli/cli.h"

#define BATCH_LINE_BYTES_MAX (16u << 20)

/* One parsed line; writes one JSON object (without newline) to `out`, or says what is wrong in
 * `problem` (static or in the 200-byte buffer). */
typedef bool batch_line(void *ctx, const cJSON *line, struct buf *out, char problem[200]);

/* CLI_OK, or CLI_FAILED when any line was bad. */
int batch_run(struct cli *cli, FILE *in, batch_line *each, void *ctx);

int cmd_score(struct cli *cli, int argc, char **argv);
int cmd_scan(struct cli *cli, int argc, char **argv);

#endif
