/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One engine as a state machine: checked, started, watched, restarted, stopped. Knows no
 * process, socket or clock; it acts through `struct supervise_ops` and is told what happened
 * through supervise_event(). So the tests drive it with a fake clock and a fake process.
 */
#ifndef HITHER_LOCAL_SUPERVISE_H
#define HITHER_LOCAL_SUPERVISE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "ipc/msg.h"
#include "models/models.h"

/* What is to be run; copied, because the list it comes from is renewed. */
struct engine_model {
	char name[129];
	char path[PATH_MAX];
	char sha256[65];              /* "": not known, only the head of the file is checked */
	uint64_t bytes, memory_bytes; /* 0: not known */
	uint32_t context_tokens;      /* that the model was made for; 0: not known */
	char projector[PATH_MAX];     /* "": it reads no pictures; the next two are of this */
	char projector_sha256[65];
	uint64_t projector_bytes;
};

/* Of two wishes: the same files under the same name. */
bool engine_model_same(const struct engine_model *a, const struct engine_model *b);

/*        state     on the wire  deadline                     waiting for                    */
#define SUPERVISE_STATES(X)                                                                    \
	X(STOPPED, STOPPED, none)                    /* somebody who wants it       */         \
	X(CHECKING, LOADING, none)                   /* size and hash of the file   */         \
	X(STARTING, STARTING, start_timeout_ms)      /* the socket to answer        */         \
	X(LOADING, LOADING, load_timeout_ms)         /* health to turn 200          */         \
	X(READY, READY, none)                        /* work                        */         \
	X(STOPPING, STOPPED, stop_timeout_ms)        /* the process to be gone      */         \
	X(BACKOFF, STARTING, backoff)                /* the pause after a crash     */         \
	X(FAILED, FAILED, backoff_max after crashes) /* a new attempt by a request */

enum supervise_state {
#define X(name, wire, deadline) SUPERVISE_##name,
	SUPERVISE_STATES(X)
#undef X
		SUPERVISE_STATE_COUNT
};

struct supervise_limits {
	uint32_t start_timeout_ms, load_timeout_ms, stop_timeout_ms;
	uint32_t backoff_ms, backoff_max_ms;
	uint32_t probe_start_ms; /* between health probes until it is ready */
	uint32_t probe_ready_ms; /* and after */
	uint32_t give_up_after;  /* starts in a row that never became ready */
	uint32_t healthy_ms;     /* ready for this long wipes the slate clean */
};

/* The defaults above, with what configuration says of loading and back-off. */
struct supervise_limits supervise_limits_of(uint32_t load_timeout_ms, uint32_t backoff_ms,
					    uint32_t backoff_max_ms);

enum supervise_health { HEALTH_DOWN, HEALTH_LOADING, HEALTH_UP };

struct supervise_ops {
	uint64_t (*now_ms)(void *ctx);
	/* Starts checking the file; EV_CHECKED follows, unless check_cancel comes first. */
	void (*check)(void *ctx, const struct engine_model *m);
	void (*check_cancel)(void *ctx);
	/*
	 * Starts the process; EV_EXITED follows exactly once for each ERR_OK. ERR_NOT_FOUND,
	 * ERR_UNSUPPORTED: no usable program; anything else: cannot be started now. `detail`
	 * (cap bytes) says why.
	 */
	enum err (*spawn)(void *ctx, const struct engine_model *m, char *detail, unsigned cap);
	void (*kill)(void *ctx, int signal);
	/* One health exchange; EV_HEALTH follows, unless the process ends first. */
	void (*probe)(void *ctx);
	/* The state, the detail or the restarts changed. The only place that reads them. */
	void (*changed)(void *ctx, enum supervise_state before);
};

enum supervise_kind { EV_WANT, EV_STOP, EV_CHECKED, EV_EXITED, EV_HEALTH, EV_TICK, EV_SUSPECT };

struct supervise_event {
	enum supervise_kind kind;
	const struct engine_model *model; /* WANT */
	enum err err;                     /* CHECKED */
	enum supervise_health health;     /* HEALTH */
	const char *detail;               /* CHECKED, EXITED: for people; may be NULL */
};

struct supervise {
	enum supervise_state state;
	struct engine_model model; /* of the process, or of the attempt */
	bool again;                /* start `model` once STOPPING is over */
	enum engine_none reason;   /* FAILED: why */
	char detail[300];          /* for people; "" when all is well */
	uint32_t restarts;         /* after crashes, since the start of local */
	uint32_t failures;         /* in a row */
	bool crashed;              /* STOPPING: because it hung, not because it was asked to */
	unsigned missed;           /* health probes in a row without an answer */
	bool probing;
	uint64_t since_ms;    /* in this state */
	uint64_t deadline_ms; /* 0: none */
	uint64_t probe_at_ms; /* 0: none */
	struct supervise_limits limits;
	const struct supervise_ops *ops;
	void *ctx;
};

void supervise_init(struct supervise *s, const struct supervise_limits *limits,
		    const struct supervise_ops *ops, void *ctx);
void supervise_event(struct supervise *s, const struct supervise_event *ev);
/* When EV_TICK is due, on ops->now_ms()'s clock; 0: not at all. */
uint64_t supervise_due_ms(const struct supervise *s);
const char *supervise_name(enum supervise_state state);
enum engine_state supervise_wire(const struct supervise *s);
/* FAILED after a series of crashes keeps requests off until its pause is over. */
bool supervise_resting(const struct supervise *s);

#endif
