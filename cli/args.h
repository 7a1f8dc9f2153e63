/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to the command that runs. */
#ifndef HITHER_CLI_ARGS_H
#define HITHER_CLI_ARGS_H

#include "cli/cli.h"

int cli_main(int argc, char **argv);

/* Options every command has; ends with a NULL name. */
extern const struct cli_option cli_common_options[];

/* The entry called `name`, or NULL. */
const struct cli_command *cli_find(const struct cli_command *list, const char *name);
/* The nearest name within a few typing slips, or NULL. */
const char *cli_nearest(const struct cli_command *list, const char *name);

/* --help of the command in cli->path, to `out`. `list` is given for a command with subcommands.
 */
void cli_print_help(FILE *out, const char *path, const struct cli_command *command);

#endif
