/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of the gate.
 *
 *   gate.c           life, policy, router's and cloud's messages, time
 *   gate_ask.c       what consent itself thinks of one ASK
 *   gate_record.c    what the ledger is told of it
 *   gate_question.c  questions: opening, telling, closing
 *   gate_limits.c    how often one app may ask, how many bytes may wait
 *   gate_respond.c   the person's answer, revocation
 *   gate_send.c      release, close, abort
 *   gate_turn.c      releases without a question: those of one turn in one commit
 *   gate_book.c      the ledger and what is folded out of it
 *   gate_decided.c   requests that left nothing to ask: facts for the ledger
 *   gate_view.c      JSON for agents, metrics
 */
#ifndef HITHER_CONSENT_GATE_IMPL_H
#define HITHER_CONSENT_GATE_IMPL_H

#include "common/arena.h"
#include "consent/budget.h"
#include "consent/gate.h"
#include "consent/inspect.h"
#include "consent/peer.h"
#include "consent/perms.h"
#include "crypto/crypto.h"
#include "proc/policy_facts.h"
#include "proc/surroundings.h"

#define GATE_NEVER UINT64_MAX

/*
 * One ASK.
 *
 *   NEW --> GRANTING --.
 *    |         |       |
 *    |         |       v
 *    |-> WAITING --> SENDING --> DONE
 *    |         |                  ^
 *    '---------+------------------'
 *
 *   NEW      -> GRANTING a rule or a permission covers it        [turn_join]
 *   NEW      -> SENDING  a yes waited for it                     [question_redeem]
 *   NEW      -> WAITING  a question is open                      [question_join]
 *   NEW      -> DONE     no; or the question was only reported   [gate_ask_decide]
 *   GRANTING -> SENDING  the turn's commit is durable            [gate_turn]
 *   GRANTING -> DONE     that commit failed; client gone         [gate_turn, turn_leave]
 *   WAITING  -> SENDING  the person said yes                     [send_release]
 *   WAITING  -> NEW      the yes was for another one like it     [ask_again]
 *   WAITING  -> DONE     no, silence, withdrawn, client gone     [ask_finish, ask_leave]
 *   SENDING  -> DONE     SENT, or cloud is gone                  [gate_sent, send_unknown]
 *
 * Invariants
 *   1. Only ask_enter() assigns a->state.
 *   2. Router hears exactly one last answer of each ASK that it did not cancel.
 *   3. SEND is queued only after its `granted` record is durable (send_depart), and once.
 *   4. What is sent is the descriptor that was mapped, hashed, scanned and shown.
 */
enum ask_state {
	ASK_STATE_NEW,
	ASK_STATE_WAITING,
	ASK_STATE_GRANTING,
	ASK_STATE_SENDING,
	ASK_STATE_DONE
};

struct bytes {
	int fd; /* sealed; -1: none */
	struct span map;
	struct crypto_sha256 sha256;
	char digest[80]; /* "sha256:HEX" */
};

/* What consent found; made anew when the policy changes. Lives in the ask's arena. */
struct judgement {
	size_t destination;
	enum policy_verdict verdict;
	char rules[501];
	char problem[300]; /* why it is denied, for people */
	bool possible;     /* verdict allow or ask, obligations met */
	bool must_ask;     /* verdict ask, or a budget says so */
	unsigned modes;    /* enum policy_mode that can be sent */
	unsigned scopes;
	enum budget_state budget;
	const char *budget_id;
	int64_t estimate_nano; /* where the cost of the bound is known */
	struct budget_amount bound;
	bool strong_auth;
	bool notify; /* a rule wants the person to hear of it afterwards */
	enum policy_content
		content; /* what may be kept: ledger.content or `log`, the stricter */
};

struct question;

struct ask {
	struct ask *next;
	unsigned refs; /* the list, a question that shows its bytes */
	struct arena *arena;
	enum ask_state state;
	struct msg_ASK m;
	struct peer asker;
	char session[160]; /* of the daemon and, after a #, of the asker */
	struct bytes body, original;
	struct inspected in;
	struct judgement j;
	bool readable; /* the body is what the message says: only the policy can refuse it */
	struct question *question; /* WAITING, and then never NULL */
	uint64_t alone_until_ms;   /* WAITING, and nobody is there yet; 0: no */
	bool over;                 /* out of the list of asks */
	bool again;                /* to be decided again */
	enum policy_mode mode;     /* GRANTING, SENDING: what goes */
	/* GRANTING */
	struct ask *next_granting;
	struct record *records; /* intent and granted, in the arena; times and ids are set */
	uint64_t replay;        /* g->replays when its bound was reserved */
	/* SENDING */
	uint64_t send_id, sent_at_ms;
	uint32_t attempts; /* that failed and may be followed by another */
	char granted[TEXT_ULID_BYTES], permission[24];
	bool by_rule; /* nobody was asked */
	bool notify;  /* the person is told when it is over */
	struct budget_amount reserved;
	bool aborted;
	const char *abort_why;
};

/*
 *   QUEUED --> OPEN --> APPROVED --> CLOSED
 *      '---------'----------^-----------^
 *
 *   QUEUED   -> OPEN      the question like it before was decided   [question_next]
 *   OPEN     -> APPROVED  yes, once, and nobody waits any more      [gate_respond]
 *   APPROVED -> CLOSED    the same request came again; or too late  [question_redeem,
 * gate_tick] any      -> CLOSED    answered, expired, withdrawn              [question_close]
 *
 * A closed question stays a while without its bytes, so that a late answer hears what happened.
 */
enum question_state { QUESTION_QUEUED, QUESTION_OPEN, QUESTION_APPROVED, QUESTION_CLOSED };

struct question {
	struct question *next;
	enum question_state state;
	char id[TEXT_ULID_BYTES], intent[TEXT_ULID_BYTES];
	char nonce[33];
	char notice_sha256[CRYPTO_SHA256_HEX_BYTES]; /* of what an agent was last given */
	struct ask *subject; /* whose bytes are shown; NULL once closed */
	uint32_t uid;
	bool kept;    /* stays open without anybody waiting: reported, not held */
	bool counted; /* against max_prompts_per_hour */
	bool proven;  /* the app was identified */
	uint64_t opened_ms, expires_ms; /* now_ms clock */
	int64_t created_wall_ms, expires_wall_ms;
	const char *ending; /* word for people once closed */
	char app[129], destination[64], model[129];
	/* APPROVED */
	enum policy_mode mode;
	char approval[TEXT_ULID_BYTES];
};

#define GATE_DEVICE_BYTES 192

#define GATE_PROMPTS_MAX  4096 /* remembered: more than a person looks at in an hour */
struct prompt {
	uint32_t uid;
	bool proven; /* its app was identified; otherwise `app` is what it said */
	char app[129];
	uint64_t at_ms;
};

#define GATE_OUTCOMES 12
struct counters {
	uint64_t questions[GATE_OUTCOMES]; /* by enum ask_outcome */
	uint64_t sends[6];                 /* by enum send_outcome */
	uint64_t sent_bytes, unknown_sends;
	uint64_t records[RECORD_KIND_COUNT];
	uint64_t verify_failures;
	uint64_t redactions;
	uint64_t decided[3]; /* by tier */
	struct {
		uint64_t queue, ledger, memory;
	} overload; /* as in OVERLOAD */
};

struct gate {
	const struct gate_io *io;
	uint32_t patience_ms; /* as in gate_setup */
	uint64_t alone_ms;    /* when a request was last told that nobody is there; at first: at
				 boot */
	void *ctx;
	char state_dir[4000], session[64];
	struct ledger *ledger; /* NULL: cannot be used */
	bool ledger_ok;
	char ledger_problem[420]; /* why not; means nothing while it is ok */
	uint64_t ledger_retry_ms;
	uint64_t replays;           /* so many times perms and budgets were folded anew */
	struct ledger_head witness; /* what cloud says it has seen; seq 0: nothing yet */
	struct perms *perms;        /* NULL, as budgets is: there never was a ledger, so */
	struct budgets *budgets;    /* there are no questions and no sends */
	struct policy_set *set;
	struct surroundings *around;
	char device[GATE_DEVICE_BYTES]; /* what boot said of it, as in records */
	bool locked;                    /* the screen is, as far as known */
	bool strong;                    /* people can prove who they are */
	struct inspector *inspector;
	uint64_t generation;
	char policy_sha256[CRYPTO_SHA256_HEX_BYTES];
	struct ask *asks;
	unsigned n_asks, n_sending; /* n_sending: GRANTING ones, too */
	struct ask *granting, **last_granting;
	struct question *questions; /* oldest first */
	uint64_t next_send_id;
	struct prompt prompts[GATE_PROMPTS_MAX];
	unsigned n_prompts;
	uint64_t flush_ms; /* when queued records are due; GATE_NEVER */
	uint64_t prune_ms; /* when old records are to go next; GATE_NEVER */
	struct counters count;
	struct decided *decided; /* gate_decided.c; NULL: nothing came yet */
};

/* gate.c */
uint64_t gate_now(struct gate *g);
/* Everything that waits, on the facts of this moment about users, device and time. */
void gate_look_again(struct gate *g);
void ask_enter(struct ask *a, enum ask_state next);
void ask_unref(struct ask *a);
/* The last answer to router; the ask leaves the list. `record` may be RECORD_KIND_COUNT: none.
 */
void ask_finish(struct gate *g, struct ask *a, enum ask_outcome outcome, bool refuse,
		const char *detail);
/* The same of one that router wants to hear nothing more of. */
void ask_leave(struct gate *g, struct ask *a, enum ask_outcome outcome);
void ask_answer(struct gate *g, struct ask *a, enum ask_outcome outcome, bool refuse,
		const char *detail, int pipe_fd);
bool ask_otherwise(enum policy_otherwise o); /* fallback of an answer: refuse? */
/* Something was masked: the text as it was came along. */
bool ask_has_original(const struct ask *a);
/* The bytes that leave in this form. */
const struct bytes *ask_bytes(const struct ask *a, enum policy_mode mode);

/* gate_ask.c */
/* Fills a->in and a->j. */
void gate_judge(struct gate *g, struct ask *a);
/* The same body and policy on new facts about user, device and time. */
void gate_judge_again(struct gate *g, struct ask *a);
/* Decides and acts: NEW -> somewhere. */
void gate_ask_decide(struct gate *g, struct ask *a);
/* A conversation (it has a name) held data that policy keeps from a tier (m->kept) above the
 * device: later turns are kept too. */
void gate_taint(struct gate *g, const struct msg_DECIDED *m);
/* Of an ask that is possible. */
void gate_perm_query(struct gate *g, const struct ask *a, struct perm_query *ret);

/* gate_record.c */
/*
 * A record with everything that is known of the ask. Strings live as long as ask, policy and
 * `b`, to which it adds; `b->failed` says that memory is out and the record is not to be used.
 */
void gate_fill_record(struct gate *g, struct ask *a, enum record_kind kind,
		      enum policy_mode mode, struct buf *b, struct record *ret);
/* Queues a record of an ask that comes to nothing. Nobody waits for it: one that memory does
 * not suffice for is left out. */
void gate_record_no(struct gate *g, struct ask *a, enum record_kind kind, const char *reason);

/* gate_question.c */
void question_ask(struct gate *g, struct ask *a);
struct question *question_find(struct gate *g, const char *id);
/* Everybody who waits hears `outcome`; the question keeps only what a late answer needs. */
void question_close(struct gate *g, struct question *q, enum ask_outcome outcome, bool refuse,
		    const char *ending, const char *detail);
/* The same of one that nobody waits for. */
void question_over(struct gate *g, struct question *q, const char *ending);
void question_next(struct gate *g, const struct ask *like);
bool question_redeem(struct gate *g, struct ask *a);
void questions_recheck(struct gate *g, bool policy_changed);
bool question_alike(const struct ask *a, const struct ask *b);
void questions_tick(struct gate *g, uint64_t now, uint64_t *io_next);
void question_left(struct gate *g, struct question *q); /* somebody stopped waiting */
struct ask *question_waiter(struct gate *g, const struct question *q);
unsigned question_waiters(const struct gate *g, const struct question *q);
void questions_tell(struct gate *g); /* agents hear of what is open and they do not know */

/* gate_limits.c */
/* NULL: one more question may be put; else why not, for people. */
const char *limits_question(struct gate *g, const struct ask *a);
/* NULL: its bytes may wait with the others; else why not. */
const char *limits_bytes(const struct gate *g, const struct ask *a);
/* The app was identified, and has limits of its own. */
bool limits_proven(const struct ask *a);
/* A prompt of its app from now on; once for each question. */
void limits_count(struct gate *g, struct question *q);

/* gate_send.c */
/*
 * Durable records (those given, then `granted`), SEND, GRANTED answer. `basis`: "rule",
 * "permission" or "approval:ID". ERR_OK: it is on its
 * way. Otherwise the ask was finished with the reason: ERR_DENIED (budget), ERR_PEER_GONE,
 * ERR_BUSY, ERR_SYSTEM (ledger).
 */
enum err send_release(struct gate *g, struct ask *a, enum policy_mode mode, const char *basis,
		      const char *permission, const char *ref, struct record *before,
		      unsigned n);
/* Room at cloud and in the budgets. Otherwise the ask was finished with the reason, as above.
 */
enum err send_admit(struct gate *g, struct ask *a, bool asked);
/* Before the record, so that a record never promises a text that was not kept. */
enum err send_keep_content(struct gate *g, const struct ask *a, enum policy_mode mode);
/*
 * SEND and the GRANTED answer of an ask that counts in n_sending, once `granted` is durable.
 * ERR_PEER_GONE: the ask was finished, and the release is closed as not sent.
 */
enum err send_depart(struct gate *g, struct ask *a, enum policy_mode mode, const char *basis,
		     const struct record *granted);
void send_abort(struct gate *g, struct ask *a, const char *why);
void send_unknown(struct gate *g, struct ask *a, const char *why);

/* gate_turn.c */
/* Its grant goes into this turn's commit. `basis` and `permission` are as in send_release(). */
void turn_join(struct gate *g, struct ask *a, enum policy_mode mode, const char *basis,
	       const char *permission);
/* The client left before that: nothing is on record, nothing leaves. The ask is finished. */
void turn_leave(struct gate *g, struct ask *a);

/* gate_decided.c */
void decided_close(struct gate *g); /* what is held together becomes a record in the queue */
void decided_free(struct gate *g);

/* gate_book.c */
bool book_usable(struct gate *g);
void book_open(struct gate *g);
/* Append, fold, witness. On failure the ledger is out of use. */
enum err book_append(struct gate *g, struct record *records, unsigned n);
/* The same without fold: for what was folded when it was decided (gate_turn.c). */
enum err book_write(struct gate *g, struct record *records, unsigned n);
/* The end of a release: folded now, on disk with the next commit, which is soon. If that is
 * never made, the next start closes the release as unknown, which counts as more. */
void book_close(struct gate *g, const struct record *r);
void book_queue(struct gate *g, const struct record *r);
void book_flush_later(struct gate *g);
void book_flush(struct gate *g);
/* Old records go, as policy's ledger.retain says; once a day. */
void book_prune(struct gate *g);

#endif
