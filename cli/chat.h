/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `hither chat`: reading what the person writes, and one turn of the talk. */
#ifndef HITHER_CLI_CHAT_H
#define HITHER_CLI_CHAT_H

#include "cli/cli.h"
#include "cli/conversation.h"

/* --- what the person writes (chat_line.c) ------------------------------------------------ */

enum chat_line { CHAT_LINE_TEXT, CHAT_LINE_AGAIN, CHAT_LINE_END };

struct chat_reader;

/* With a prompt and editing where standard input and error are a terminal. */
struct chat_reader *chat_reader_new(struct cli *cli);
void chat_reader_free(struct chat_reader *r);
/*
 * One message, without its last line break, in `text`. A line that ends in a backslash goes on
 * in the next, and so do lines that come in one piece (pasted). AGAIN: given up with Ctrl-C.
 */
enum chat_line chat_reader_next(struct chat_reader *r, struct buf *text);
/* For the arrow keys; kept in memory only. */
void chat_reader_remember(struct chat_reader *r, const char *text);

/* --- one turn (chat_turn.c) -------------------------------------------------------------- */

struct chat_outcome {
	struct buf text; /* of the answer; what came of it when it was stopped */
	bool whole;      /* to its end */
	bool stopped;    /* by the person */
	char decision[64], receipt[64];
};

void chat_outcome_free(struct chat_outcome *o);

/*
 * Sends `body`, shows the answer on stdout as it comes, and puts the question to the person
 * when there is one. CLI_OK with `ret` filled, also when the person stopped it; else the exit
 * code after the error was printed. chat_outcome_free() in any case.
 */
int chat_turn(struct cli *cli, struct span body, struct chat_outcome *ret);

/* Ctrl-C ends an answer, not the chat: catches SIGINT for the rest of the process. */
void chat_catch_interrupt(void);
/* Was it pressed since the last call? */
bool chat_interrupted(void);

#endif
