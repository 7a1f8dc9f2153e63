/* SPDX-License-Identifier: Apache-2.0 */
/* What `ask` and `route` share: the prompt from arguments, files and stdin; body and headers.
 */
#ifndef HITHER_CLI_ASK_H
#define HITHER_CLI_ASK_H

#include "cli/cli.h"

struct ask_fields {
	char app[200];
	char tier[64];
	const char *list[4];
};

/* The prompt. CLI_OK, or the exit code after the error was printed; free `prompt` in any case.
 */
int cli_read_prompt(struct cli *cli, int argc, char **argv, struct buf *prompt);
/* An OpenAI chat completions body from the prompt and the options of `ask`. */
void cli_chat_body(struct cli *cli, struct span prompt, bool stream, struct buf *body);
/* Hither-App, Hither-Max-Tier, Hither-Consent. */
void cli_ask_fields(struct cli *cli, bool return_questions, struct ask_fields *f);

#endif
