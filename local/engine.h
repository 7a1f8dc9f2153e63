/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's program and its process: finding llama-server, learning its options, starting it
 * confined (starter.h) on a Unix socket of its own, keeping the end of what it said
 * while it started. Once it is ready its output is thrown away: it could hold words of a
 * prompt.
 */
#ifndef HITHER_LOCAL_ENGINE_H
#define HITHER_LOCAL_ENGINE_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "common/err.h"
#include "local/starter.h"
#include "local/supervise.h"
#include "proc/config.h"

struct engine;

/* The process ended; `why` for people. Called once for each successful engine_start(). */
typedef void engine_on_exit(void *ctx, const char *why);

/* NULL when memory or the loop refuses. `config` and `starter` outlive it; without a starter
 * nothing is ever started. */
struct engine *engine_new(uv_loop_t *loop, const struct config *config, struct starter *starter,
			  engine_on_exit *on_exit, void *ctx);
/* Kills the process if there is one, no more callbacks. The loop must run once more. */
void engine_free(struct engine *e);

/*
 * Path of the program: engine.binary, else data_dir/engine/llama-server, else on
 * PATH. ERR_NOT_FOUND with what to do in `detail` (cap bytes).
 */
MUST_CHECK enum err engine_find(const struct config *config, char path[PATH_MAX], char *detail,
				unsigned cap);
/*
 * Errors: ERR_NOT_FOUND no program; ERR_UNSUPPORTED it lacks a necessary option or does not
 * run; ERR_TOO_BIG the socket's path would be too long; ERR_NO_MEMORY the machine's memory
 * cannot hold the model; ERR_SYSTEM.
 */
MUST_CHECK enum err engine_start(struct engine *e, const struct engine_model *m, char *detail,
				 unsigned cap);
/* To its process group. */
void engine_kill(struct engine *e, int signal);
/* Stop keeping output. */
void engine_quiet(struct engine *e);
pid_t engine_pid(const struct engine *e);          /* 0: none */
const char *engine_socket(const struct engine *e); /* path; "" when none */

#endif
