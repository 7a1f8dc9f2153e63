/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A consent question on a terminal: shown in the fixed order who, where, why not here, what
 * exactly, what was found, cost, how long. Reads the person from /dev/tty only. Enter alone
 * keeps the request on the device; sending takes a letter and Enter.
 */
#ifndef HITHER_CLI_QUESTION_H
#define HITHER_CLI_QUESTION_H

#include "cli/cli.h"

enum question_answer {
	QUESTION_SEND,
	QUESTION_KEEP,
	QUESTION_LATER,   /* not now */
	QUESTION_UNHEARD, /* nobody answered in time */
	QUESTION_GONE
};

/* A person can be asked here: /dev/tty opens and stderr is a terminal. */
bool question_terminal(void); /* converse.c */
/* The id of the question in a 403 consent_required reply; false when it is something else. */
bool question_from_reply(struct cli_reply *r, char id[32]);
/* Shows the question and carries the answer to the daemon. Ends when there is an answer, here
 * or elsewhere, or when nobody answered in time; says which. */
enum question_answer question_ask_inline(struct cli *cli, const char *id); /* converse.c */

/*
 * GET `path` on the agents' socket. The tree; NULL after the error was printed (*code set), and
 * with `print` after the reply was written to stdout as it is (*code CLI_OK).
 */
cJSON *question_get(struct cli *cli, const char *path, bool print, int *code);
/* The whole question (GET /hither/v1/consents/ID); NULL after the error was printed (*code
 * set). */
cJSON *question_fetch(struct cli *cli, const char *id, int *code);
/* The screen without the text that would be sent. */
void question_print(struct cli *cli, FILE *out, const cJSON *q);
/* One line each, the same for every agent: what the operator does with text, the cost and what
 * is left, how much is sent. Cut at out_bytes; numbers only, but for a currency. */
void question_words_retention(const cJSON *q, char *out, size_t out_bytes);
void question_words_price(const cJSON *q, char *out, size_t out_bytes);
void question_words_size(const cJSON *q, char *out, size_t out_bytes);
/* "asked 2 s ago, 58 s left" */
void question_words_time(const cJSON *q, char *out, size_t out_bytes);
/* What became of a question that is over, after "question ID: ". */
void question_words_ended(const cJSON *q, char *out, size_t out_bytes);
/* That several requests wait for this answer; false when it is one. */
bool question_words_waiting(const cJSON *q, char *out, size_t out_bytes);
/* It waits for an answer. */
bool question_is_open(const cJSON *q);
/* `word` is in the question's list `list` ("scopes", "modes"). */
bool question_offers(const cJSON *q, const char *list, const char *word);
/* What the exact bytes say, turn by turn, the original beside what was masked. */
void question_print_reading(struct cli *cli, FILE *out, const cJSON *q);
/* The exact bytes as they would be sent, hidden characters made visible. */
void question_print_body(FILE *out, const cJSON *q, bool original);
/* A receipt (hither.receipt/1) in words, on stdout; receipt_text.c. */
void question_print_receipt(struct cli *cli, const cJSON *r);
/*
 * POST the answer ("approve", "deny", "dismiss", "extend"), echoing nonce and digest of `q`.
 * `scope`, `until`, `mode` and `reason` may be NULL. Returns the exit code; an error was
 * printed unless it is CLI_OK. `ret`, if not NULL, gets the reply's JSON for cJSON_Delete().
 */
int question_reply(struct cli *cli, const cJSON *q, const char *decision, const char *scope,
		   const char *until, const char *mode, const char *reason, cJSON **ret);

#endif
