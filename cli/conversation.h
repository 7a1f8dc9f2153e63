/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said in a chat. In memory only, unless the person asked for it to be kept: then one
 * file, readable by its owner alone, holds the last conversation whole.
 */
#ifndef HITHER_CLI_CONVERSATION_H
#define HITHER_CLI_CONVERSATION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"

struct conversation_turn {
	bool by_person;
	char *text; /* owned */
};

struct conversation {
	struct conversation_turn *turns;
	size_t n, cap;
};

/* The process ends when memory is out. */
void conversation_add(struct conversation *c, bool by_person, struct span text);
void conversation_drop_last(struct conversation *c);
void conversation_clear(struct conversation *c);
/* The last thing of that side; NULL when there is none. */
const char *conversation_last(const struct conversation *c, bool by_person);
/* Elements of an OpenAI `messages` array, with a comma in front of each but the first. */
void conversation_write(const struct conversation *c, struct buf *out);

/*
 * The kept conversation at `path`, mode 0600. Load replaces `c`; errors of file_read_secret,
 * ERR_SYNTAX when it is not one of ours. Save: errors of file_mkdirs and file_write,
 * ERR_TOO_BIG.
 */
MUST_CHECK enum err conversation_load(struct conversation *c, const char *path);
MUST_CHECK enum err conversation_save(const struct conversation *c, const char *path);

#endif
