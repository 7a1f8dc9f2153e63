/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine on this device that somebody else runs (engine.endpoint). The operator states that
 * it is on the device; only a Unix socket or a loopback port can be named, so it is not reached
 * over a network. What it says of itself is believed where that tightens: a model for which it
 * says that a server answers is not used.
 * It has no process of ours: "started" means that its socket answers, "ended" that it was given
 * up. Takes the place of check.h and engine.h towards the supervisor.
 */
#ifndef HITHER_LOCAL_FOREIGN_H
#define HITHER_LOCAL_FOREIGN_H

#include <uv.h>

#include "dialect/engines.h"
#include "local/check.h"
#include "local/engine.h"

#define FOREIGN_MODEL            "endpoint" /* the name of whatever it runs */
#define FOREIGN_START_TIMEOUT_MS 2000
#define FOREIGN_PROBE_MS         4 /* it is running already, or it is not */

struct foreign;

/* NULL with ERR_OK: engine.endpoint is not set. `config` outlives it. ERR_NO_MEMORY,
 * ERR_SYSTEM. */
MUST_CHECK enum err foreign_new(uv_loop_t *loop, const struct config *config,
				checker_on_done *on_checked, engine_on_exit *on_exit, void *ctx,
				struct foreign **ret);
/* For endpoint_connect(). */
const char *foreign_socket(const struct foreign *f);

/* How it is to be spoken to. */
struct foreign_use {
	enum engine_kind kind;
	char served[129]; /* its name of the model */
	uint32_t context_tokens;
};

/*
 * What a probe means. UP: *ret is filled. DOWN: `f` remembers why, for foreign_kill(), and
 * *ret_refused says whether somebody was there who must not be used.
 */
enum supervise_health foreign_judge(struct foreign *f, bool there,
				    const struct engine_facts *facts, struct foreign_use *ret,
				    bool *ret_refused);
/* As checker_start: there is nothing to check, the answer comes from the loop. */
void foreign_check(struct foreign *f);
void foreign_check_cancel(struct foreign *f);
/* As engine_kill of a process that obeys: on_exit comes from the loop, with what
 * foreign_judge() found. */
void foreign_kill(struct foreign *f);
/* As shelf_resolve: which model it runs is its own matter, so no other can be asked for. */
MUST_CHECK enum err foreign_resolve(const char *name, struct engine_model *ret, char *detail,
				    unsigned cap);

#endif
