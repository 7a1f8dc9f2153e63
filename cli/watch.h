/* SPDX-License-Identifier: Apache-2.0 */
/* Agents: `hither consent watch`, by which this terminal answers questions as they come, and
 * what other agents share with it. */
#ifndef HITHER_CLI_WATCH_H
#define HITHER_CLI_WATCH_H

#include "cli/cli.h"

/* Registers an agent of this kind (terminal, web, notification, desktop). CLI_OK with its id,
 * or the exit code after the error was printed. */
int watch_register(struct cli *cli, const char *kind, const char *name, char id[64]);

int cmd_watch(struct cli *cli, int argc, char **argv);

#endif
