/* SPDX-License-Identifier: Apache-2.0 */
/* `hither ledger left`: what left this device, for people. */
#ifndef HITHER_CLI_LEDGER_LEFT_H
#define HITHER_CLI_LEDGER_LEFT_H

#include "cli/cli.h"

struct ledger;

int cmd_left(struct cli *cli, int argc, char **argv);

/* The ledger of --state-dir or of this user. CLI_OK, or the exit code after the error was
 * printed. */
int cli_open_ledger(struct cli *cli, bool write, struct ledger **ret);

#endif
