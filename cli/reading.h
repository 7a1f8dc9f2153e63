/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a body says, for a person: turn by turn, who says what, which tools, which files. Read
 * from the exact bytes that would be sent and from nothing else, whichever upstream's dialect
 * they are in.
 *
 * Nothing is left out: a member that is not known by name is shown by its key and its value.
 * Only `role` and `type`, which become the words of a heading, and the base64 of attachments,
 * which becomes a size, are not shown as they stand.
 */
#ifndef HITHER_CLI_READING_H
#define HITHER_CLI_READING_H

#include "common/arena.h"
#include "common/err.h"
#include "common/span.h"

enum reading_kind {
	READING_TURN, /* label: who says it; a new turn begins */
	READING_TEXT, /* text, of many lines perhaps; label: what it is, or empty */
	READING_FACT, /* label and a short text */
};

struct reading_line {
	enum reading_kind kind;
	const char *label;
	struct span text; /* as it would arrive: escapes undone, nothing made visible yet */
};

struct reading {
	struct reading_line *lines;
	size_t count;
};

/*
 * Lives in `a`, whose budget should be some four times the body. ERR_SYNTAX, ERR_TOO_BIG: not a
 * JSON object that could be sent (show the bytes); ERR_NO_MEMORY.
 */
MUST_CHECK enum err reading_of(struct span body, struct arena *a, struct reading *ret);

/*
 * Two readings side by side: lines of the one and of the other that belong together. Either may
 * be NULL, not both: what policy strips has no counterpart.
 */
struct reading_pair {
	const struct reading_line *sent, *original;
};
struct reading_pairs {
	struct reading_pair *pairs;
	size_t count;
};
MUST_CHECK enum err reading_beside(const struct reading *sent, const struct reading *original,
				   struct arena *a, struct reading_pairs *ret);

/* Length of a placeholder such as [EMAIL-1] at the start; 0 when there is none. */
size_t reading_placeholder(struct span text);

#endif
