/* SPDX-License-Identifier: Apache-2.0 */
/* What `ask` and `route` share: the prompt from arguments, files and stdin; body and headers.
 */
#ifndef HITHER_CLI_ASK_H
#define HITHER_CLI_ASK_H

#include "cli/cli.h"

struct ask_fields {
	char app[200];
	char tier[64];
	const char *list[5];
};

/* What --max-tier says, else HITHER_MAX_TIER; *ret is NULL when neither does. CLI_OK, or the
 * exit code after the error was printed. */
int cli_max_tier(struct cli *cli, const char **ret);
/* Whether --max-tokens and the tier, of --max-tier or HITHER_MAX_TIER, can be meant. CLI_OK, or
 * the exit code after the error was printed. */
int cli_check_ask_options(struct cli *cli);
/* The prompt. CLI_OK, or the exit code after the error was printed; free `prompt` in any case.
 */
int cli_read_prompt(struct cli *cli, int argc, char **argv, struct buf *prompt);
/* An OpenAI chat completions body's fields and its messages up to the first of the user, for
 * `model` or, when that is NULL, the one that the options name; then what follows the last
 * message. The closing brace is the caller's. */
void cli_chat_begin(struct cli *cli, const char *model, struct buf *body);
void cli_chat_end(struct cli *cli, struct buf *body);
/* The whole body, from the prompt and the options of `ask`. */
void cli_chat_body(struct cli *cli, struct span prompt, bool stream, struct buf *body);
/* A draft on its way from the process that asks to the one that shows it (ask_draft.c). */
struct ask_draft {
	int fd; /* of a socket pair; -1: nobody wants one, or it is over */
	char line[64];
	size_t n; /* of it */
};
/* Thoughts; dropped when the other end does not take them at once. */
void ask_draft_text(struct ask_draft *d, struct span text);
/* The raw bytes of the stream: remarks say when the draft is whole, and when it is over. */
void ask_draft_watch(struct ask_draft *d, struct span bytes);
/* Shows what comes on `fd` until it is whole or over, or the person presses Enter on `tty`. */
void ask_draft_show(int tty, int fd);

/* Told on stderr as it comes in the raw bytes of the stream, each number once. */
struct ask_place {
	char line[64];
	size_t n; /* of it */
	unsigned long told;
};
void ask_place_watch(const struct cli *cli, struct ask_place *io, struct span bytes);

enum ask_how {
	ASK_AGAIN,  /* as any program would: a question is waited for */
	ASK_RETURN, /* a question comes back at once, to be put here */
	ASK_HERE,   /* on this device only */
};
/* Hither-App, Hither-Max-Tier, Hither-Consent. */
void cli_ask_fields(struct cli *cli, enum ask_how how, struct ask_fields *f);

struct ask_cost {
	double amount;
	char currency[4];
};

/*
 * What the answer with this receipt cost, from the receipt. Settled a moment after the last
 * byte: waits for it, a few seconds at most. False: there is no receipt, no price or no known
 * use.
 */
bool cli_settled_cost(const struct cli *cli, const char *receipt, struct ask_cost *ret);

#endif
