/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: the only place that releases bytes. Decides every ASK on its own evaluation, asks
 * the person where policy says ask, records before it releases. No libuv: what it needs of
 * the world is in struct gate_io, so that tests can stand in for router, cloud, clock and
 * agents.
 */
#ifndef HITHER_CONSENT_GATE_H
#define HITHER_CONSENT_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"
#include "consent/ledger.h"
#include "ipc/msg.h"
#include "policy/policy.h"

#define GATE_ASKS_MAX      2048        /* waiting and being sent */
#define GATE_QUESTIONS_MAX 1024        /* open at once */
#define GATE_SENDS_MAX     256         /* released and not closed */
#define GATE_BODY_MAX      (16u << 20) /* bytes of one outgoing body */
/* Bodies and originals that wait for an answer. They are memory of this machine that a program
 * can claim without anybody's yes: a user's share holds one request of the largest size with
 * its original, and the total leaves room for a second user. Over it: ASK_LIMITED. */
#define GATE_HELD_BYTES_MAX      (64u << 20)
#define GATE_HELD_USER_BYTES_MAX (32u << 20)
/* Open at once of one app of one user, however many an hour policy allows: what a person can
 * still look through. Apps that only claim their names count as one. Over it: ASK_LIMITED. */
#define GATE_APP_QUESTIONS_MAX 32

struct gate;

/* What happened to a question, for agents. */
enum gate_news {
	GATE_REQUEST,
	GATE_SUPERSEDED,
	GATE_WITHDRAWN,
	GATE_EXPIRED,
	GATE_POLICY_CHANGED,
	GATE_SENT /* no question: a release that a rule's `notify` tells of; its receipt's id */
};
const char *gate_news_name(enum gate_news n); /* the event names of the agents' protocol */

struct gate_io {
	/* To router; `pipe_fd` is -1 but for GRANTED, and stays the caller's. */
	enum err (*answer)(void *ctx, const struct msg_ANSWER *m, int pipe_fd);
	/* To cloud; descriptors stay the caller's. */
	enum err (*send)(void *ctx, const struct msg_SEND *m, int body_fd, int pipe_fd);
	enum err (*abort)(void *ctx, uint64_t request_id);
	enum err (*again)(void *ctx, const struct msg_AGAIN_GRANTED *m); /* to cloud */
	void (*head)(void *ctx, const struct ledger_head *head);
	bool (*cloud_up)(void *ctx);
	/* Tells agents of `uid` (question id). Returns how many were told. */
	unsigned (*tell)(void *ctx, enum gate_news news, uint32_t uid, const char *question);
	/* Is somebody there who could answer? */
	bool (*anyone)(void *ctx, uint32_t uid);
	uint64_t (*now_ms)(void *ctx); /* CLOCK_BOOTTIME */
	int64_t (*wall_ms)(void *ctx); /* Unix */
};

struct gate_setup {
	const char *state_dir; /* where the ledger lies */
	const char *group;   /* as for surroundings_new(): whose names the policy may ask for */
	const char *session; /* names this login session; grants of scope session bind to it */
	uint32_t
		patience_ms; /* nobody is there: wait this long for somebody before saying so */
	const struct gate_io *io;
	void *ctx;
};

/*
 * Opens, verifies and replays the ledger; what was open when the last process ended is closed
 * as unknown. A ledger that cannot be used leaves a gate that releases nothing and says why.
 * NULL when memory is out.
 */
struct gate *gate_new(const struct gate_setup *setup);
void gate_free(struct gate *g);

/*
 * Takes a reference on `set`, a new policy in force. Open questions are evaluated again,
 * sends that it forbids are aborted. Returns false when its detectors could not be built: the
 * gate then releases nothing until the next policy.
 */
bool gate_policy(struct gate *g, struct policy_set *set, uint64_t generation);

/*
 * From router. Descriptors belong to the gate from here. False: router broke the protocol.
 * Without memory the ask is answered ASK_LIMITED.
 */
bool gate_ask(struct gate *g, const struct msg_ASK *m, const int *fds, unsigned n);
void gate_cancel(struct gate *g, uint64_t request_id);
void gate_decided(struct gate *g, const struct msg_DECIDED *m);
/* Counted for the metrics. */
void gate_overload(struct gate *g, const struct msg_OVERLOAD *m);
/* From cloud. False: no such send. */
bool gate_sent(struct gate *g, const struct msg_SENT *m);
/* From cloud: granted when policy has that many attempts and the one that failed is on record,
 * else the send is aborted. False: no such send. */
bool gate_again(struct gate *g, const struct msg_AGAIN *m);
void gate_head_known(struct gate *g, const struct msg_HEAD_KNOWN *m);
/* From boot: what waits is judged again on it. What was released stays released. While the
 * screen is locked no agent is told of a question; unlocking tells them of what is open. */
void gate_device(struct gate *g, const struct msg_DEVICE_STATE *m);
/* A channel is gone: waits are dropped, sends are closed as unknown. Of several routers each
 * has its own asks: their numbers bear its stamp (ipc/role.h). */
void gate_router_gone(struct gate *g, enum role router);
void gate_cloud_gone(struct gate *g);
/* An agent came or left: questions that nobody could see are told to it. */
void gate_agents_changed(struct gate *g, uint32_t uid);

/*
 * The end of a turn of the loop: what rules and permissions let go in it is made durable in one
 * commit and then released; a commit that fails refuses all of it. Call it after the messages
 * that can be read were handed in, before the loop waits. False: there was nothing.
 */
bool gate_turn(struct gate *g);
/* Before the ledger is read for somebody: the ends of releases that were told are in it. */
void gate_settle(struct gate *g);
/* Does what is due. Returns the time (now_ms) at which to call again at the latest. */
uint64_t gate_tick(struct gate *g);
/* STOP: waits are dropped, queued records written. */
void gate_stop(struct gate *g);

/* --- for people ---------------------------------------------------------------------- */

enum gate_word { GATE_DENY, GATE_APPROVE, GATE_DISMISS, GATE_EXTEND };

struct gate_response {
	const char *id, *nonce, *digest; /* as the question gave them; "sha256:HEX" */
	enum gate_word word;
	const char *scope;  /* NULL: once */
	const char *until;  /* RFC 3339 or a duration such as "2h"; scope until */
	const char *mode;   /* NULL: the one policy prefers */
	const char *reason; /* NULL: none */
	const char *agent;  /* kind of the agent; NULL: none registered */
	uint32_t uid;
	pid_t pid;
	bool proved; /* the person behind `pid` proved to polkit who they are, for this answer
		      */
};

struct gate_result {
	int status;       /* HTTP: 200, 403, 404, 409, 422, 503 */
	const char *code; /* error code; NULL when 200 */
	const char *next; /* what to do about it, for people; NULL: the message says it */
	char message[256];
	char outcome[16]; /* approved, granted, refused, dismissed, extended, over_budget, … */
	char permission[24];
	char receipt[TEXT_ULID_BYTES];
	/* 0: decided. Otherwise nothing was: this yes counts once the person has proved who
	 * they are, within so long; then the same response comes again with `proved`. */
	uint32_t prove_ms;
};

/*
 * DENY is remembered, DISMISS ("not now") is not; EXTEND gives the person a minute more, up to
 * hold_max after the question was put. *ret says what came of it.
 */
void gate_respond(struct gate *g, const struct gate_response *r, struct gate_result *ret);

/* JSON of the agents' protocol. False: no such question (of this user). */
void gate_write_questions(struct gate *g, uint32_t uid, struct buf *out);
bool gate_write_question(struct gate *g, uint32_t uid, const char *id, struct buf *out);
void gate_write_grants(struct gate *g, uint32_t uid, struct buf *out);
void gate_write_budgets(struct gate *g, struct buf *out);
unsigned gate_pending(const struct gate *g); /* open questions */
/* Aborts its sends, drops what waits. 404, 503 as in gate_result; message says what already
 * left. */
void gate_revoke(struct gate *g, uint32_t uid, const char *permission, struct gate_result *ret,
		 struct buf *out);

/* --- for the status page ------------------------------------------------------------- */

struct gate_status {
	bool ledger_ok;
	const char *ledger_problem; /* "" when ok */
	struct ledger_head head;
	unsigned pending, sending;
};
struct gate_status gate_status(struct gate *g);
struct ledger *gate_ledger(struct gate *g); /* NULL when it cannot be used */
struct policy_set *gate_policy_set(struct gate *g);
const char *gate_policy_sha256(struct gate *g); /* hex over every file in force */
void gate_write_device(const struct gate *g, struct buf *out); /* null where unknown */
bool gate_strong_auth(const struct gate *g); /* people can prove who they are */
/* Records older than `before_ms` (wall clock) go, but for what still matters, to budgets
 * too. ERR_CORRUPT: the
 * ledger is not in use; else ledger_prune's. */
enum err gate_prune(struct gate *g, int64_t before_ms, uint64_t *retremoved);
/* Looks again at a ledger that was refused: somebody may have acknowledged. */
void gate_ledger_retry(struct gate *g);
/* OpenMetrics lines that the gate knows. */
void gate_write_metrics(struct gate *g, struct buf *out);

#endif
