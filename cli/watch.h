/* SPDX-License-Identifier: Apache-2.0 */
/* `hither consent watch`: this terminal becomes an agent and answers questions as they come. */
#ifndef HITHER_CLI_WATCH_H
#define HITHER_CLI_WATCH_H

#include "cli/cli.h"

int cmd_watch(struct cli *cli, int argc, char **argv);

#endif
