/* SPDX-License-Identifier: Apache-2.0 */
/* What would leave, on a terminal: turn by turn, and as the exact bytes. */
#ifndef HITHER_CLI_READING_PRINT_H
#define HITHER_CLI_READING_PRINT_H

#include "cli/cli.h"

/*
 * What `sent` says, turn by turn; with `original` (NULL: none) beside it where it differs: two
 * columns when `columns` leaves room, one below the other when not or when `plain`. Every line
 * of theirs begins with a bar, so that no text can look like one of ours; hidden characters are
 * written out. A body that is no JSON is printed as its bytes.
 */
void reading_print(FILE *out, const char *sent, const char *original, unsigned columns,
		   bool plain);

/* The columns of the terminal behind `out`; 80 when that is not known. */
unsigned reading_columns(FILE *out);

/* "label  text" with the text made visible, on as many lines as it takes on that terminal, all
 * but the first of them under the text. One line when `out` is no terminal or `plain`. */
void reading_put_labelled(FILE *out, bool plain, const char *label, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
