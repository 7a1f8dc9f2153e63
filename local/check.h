/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a model file what it should be? Its size always, its SHA-256 once for each state of the
 * file (device, inode, change of content, size); the outcome is remembered in folder.
 * Hashing runs in a worker thread.
 */
#ifndef HITHER_LOCAL_CHECK_H
#define HITHER_LOCAL_CHECK_H

#include <uv.h>

#include "common/err.h"
#include "local/supervise.h"

struct checker;

/*
 * ERR_OK; ERR_NOT_FOUND, ERR_TRUNCATED (wrong size), ERR_MISMATCH (wrong hash), ERR_SYNTAX
 * (hash unknown and the head is not that of a whole GGUF file), ERR_SYSTEM. `detail` for
 * people.
 */
typedef void checker_on_done(void *ctx, enum err e, const char *detail);

/* crypto_init() has been called. `folder` outlives it. NULL when memory is out. */
struct checker *checker_new(uv_loop_t *loop, const char *folder, checker_on_done *on_done,
			    void *ctx);
/* Gives up a check under way; the thread is told to end. */
void checker_free(struct checker *c);
/*
 * One at a time: cancels the one before, unless that is the same check: then it goes on.
 * on_done never comes from inside this call.
 */
void checker_start(struct checker *c, const struct engine_model *m);
void checker_cancel(struct checker *c);

#endif
