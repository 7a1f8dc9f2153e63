/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of router/ share: the role, and one request in flight. Requests, their
 * arenas and their buffers are pooled: serving one allocates nothing once the pool is warm.
 */
#ifndef HITHER_ROUTER_IMPL_H
#define HITHER_ROUTER_IMPL_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"
#include "dialect/dialect.h"
#include "dialect/embed.h"
#include "dialect/engines.h"
#include "http/client.h"
#include "http/server.h"
#include "ipc/board.h"
#include "proc/attest.h"
#include "proc/service.h"
#include "proc/surroundings.h"
#include "router/classify/classify.h"
#include "router/confidence.h"
#include "router/decide.h"
#include "router/door.h"
#include "router/mask.h"
#include "router/prompt_cache.h"
#include "router/reply.h"
#include "router/turns.h"
#include "scan/scan.h"

#define REQUEST_ARENA_BYTES                                                                    \
	((size_t)96 << 20)                     /* a body of 8 MiB, parsed, masked and written  \
						*/
#define REQUEST_EVENT_BYTES ((size_t)8 << 20)  /* one upstream event, one plain reply */
#define REQUEST_REPLY_BYTES ((size_t)64 << 20) /* one whole answer */
#define REQUEST_TABLE       256                /* power of two */
#define REQUEST_POOL        64
#define DECISION_RING       256
#define DECISION_BYTES      ((size_t)4 << 20) /* as JSON */
#define CALLERS_KNOWN       16                /* power of two */
#define UNKNOWN_PM          65535

/*  state       deadline ms  waiting for                                             */
#define REQUEST_STATES(X)                                                                      \
	X(FACTS, 0)       /* nothing: facts and plan are made at once                  */      \
	X(LOCAL_WAIT, 0)  /* local's ENGINE_GIVE; deadline from the configuration      */      \
	X(LOCAL, 0)       /* the engine's reply; http_call keeps the time              */      \
	X(ASKING, 660000) /* consent's ANSWER; consent keeps the time, this is a net   */      \
	X(CLOUD, 660000)  /* events on the reply pipe; cloud keeps the time, this is a net */  \
	X(REPLYING, 0)    /* the client to take the rest; http keeps the time          */      \
	X(DONE, 0)        /* the exchange to end                                       */

enum request_state {
#define X(name, deadline_ms) REQ_##name,
	REQUEST_STATES(X)
#undef X
		REQ_STATES
};

enum event_kind {
	EV_BEGIN,     /* the request is read */
	EV_GIVEN,     /* ENGINE_GIVE: fd, context_tokens */
	EV_WAIT,      /* ENGINE_WAIT: busy */
	EV_NONE,      /* ENGINE_NONE: reason, detail */
	EV_COUNTED,   /* the engine counted: tokens, 0 when it cannot; fd, -1 when not kept */
	EV_ANSWER,    /* ANSWER: answer, fd (-1 but for GRANTED) */
	EV_ENDED,     /* the terminal marker was seen and written */
	EV_FAILED,    /* the source failed: problem */
	EV_UNSURE,    /* the model is unsure of the answer that is being kept */
	EV_PEER_LOST, /* the channel to `peer` is gone */
	EV_DEADLINE,
	EV_CLIENT_LEFT,
	EV_REPLY_DONE, /* the http exchange is over */
};

struct event {
	enum event_kind kind;
	int fd;
	uint32_t context_tokens;
	uint32_t tokens;
	bool busy; /* the engine runs, and others have it */
	uint32_t position;
	uint8_t reason;
	const char *detail;
	const struct msg_ANSWER *answer;
	const struct chat_problem *problem;
	enum role peer;
};

struct category_count {
	const char *name; /* the request's own */
	uint32_t count;
};

/* Filled as far as somebody asked (facts.h of this file): what is not known stays unknown. */
struct facts {
	struct classify_result judged;
	uint32_t input_tokens;
	uint32_t modality; /* bits: 1 text, 2 image, 4 audio, 8 file */
	bool scanned;      /* a scan was tried */
	bool data_known;   /* and it finished */
	struct category_count *categories;
	uint32_t n_categories;
};

/* Who is asking. */
struct who {
	uid_t uid;
	pid_t pid;
	uint16_t tcp_port, tcp_at; /* over TCP: its port and ours; else 0 */
	struct span app;           /* may be empty */
	enum policy_identity identity;
	bool interactive;
	bool restricted;
	enum policy_tier max_tier;
};

enum draft_state { DRAFT_NONE, DRAFT_WANTED, DRAFT_RUNNING, DRAFT_WHOLE };
enum draft_became { DRAFT_NOTHING, DRAFT_ANSWER, DRAFT_REPLACED, DRAFT_LOST };

/* draft.c: an answer of this device that is not the answer yet. */
struct draft {
	enum draft_state state;
	bool asked_for;           /* the program named a form */
	enum policy_draft wanted; /* that one */
	enum policy_draft form;   /* the one in use; wait: nothing is shown */
	bool shown;               /* some of it went to the client */
	bool withheld;            /* nothing more of it does */
	bool another;             /* what is kept is not what was shown */
	bool settled;             /* and it was said what the answer is */
	struct buf log;           /* its events, in their form on a pipe */
	uint32_t events_shown;    /* of those, from the first on */
	enum draft_became became;
};

/* cascade.c: how sure the model is of its answer, and what follows. */
struct cascade {
	enum policy_cascade mode, most; /* the program's own limit */
	bool measure;                   /* Hither-Cascade: measure */
	bool watching, told;
	struct confidence running;
	uint16_t floor_pm;
	char offer[200]; /* DESTINATION/MODEL that may answer better; "" none */
};

struct request {
	struct request *next; /* in the table's chain or the pool */
	struct request *all_prev, *all_next;
	struct router *router;
	struct arena *arena;
	struct http_exchange *x;
	uint64_t id;
	char decision_id[TEXT_ULID_BYTES];
	enum request_state state;
	uint64_t started_ms, deadline_ms, spoke_ms;
	const struct client_dialect *dialect;
	bool parsed;  /* there is a chat */
	bool decided; /* and a plan: a decision to remember */
	struct chat chat;
	struct embed_request *embed; /* not NULL: vectors are asked for; `chat` has the texts */
	int embed_status;            /* of the engine's reply */
	struct who who;
	struct facts facts;
	struct want want;
	struct turn turn;
	bool turn_kept; /* where it was answered */
	struct plan plan;
	struct policy_set *set;           /* a reference */
	struct policy_decision *verdicts; /* NULL until evaluated for all destinations */
	bool return_question, held, dry;  /* `dry`: /hither/v1/route */
	uint16_t threshold_pm;

	/* The reply. */
	char chat_id[40];
	char model_shown[196];
	struct reply_head head;
	struct reply_writer *writer;
	struct buf out;
	bool answered; /* a byte of an answer went to the client: the route is final */
	bool called;   /* a call of a tool is in it */
	bool over;     /* END or ERROR was written */
	bool full;     /* the client does not keep up: the source is paused */
	enum chat_finish finish;
	int64_t input_tokens, output_tokens; /* of all answers so far; -1 unknown */
	uint32_t answer;                     /* which of chat.n_answers is being made, from 0 */
	struct chat_event usage, done;       /* with it, and of those before it */
	struct chat_problem problem;         /* of a failed source */
	bool failed;

	/* The device. */
	bool wants_engine, engine_spoke, tried_again;
	uint8_t local_ends;  /* how often local ended while this request waited for it */
	bool to_count;       /* the engine counts before it answers */
	bool only_count;     /* nothing else is asked for: /v1/messages/count_tokens */
	bool counted;        /* and has: facts.input_tokens is exact */
	bool too_long;       /* the engine says that the prompt does not fit */
	int count_status;    /* of its reply */
	uint64_t slot_id;    /* of the ENGINE_WANT that the slot was given for */
	bool slot_kept;      /* its connection served another request before */
	uint32_t slot_epoch; /* lease.c */
	bool engine_streams;
	const struct upstream_dialect *engine_wire; /* of `reader` */
	uint32_t place;                             /* in the queue for the engine; 1: next */
	bool has_cache_use; /* cache_use.slot is in use by this request */
	struct prompt_cache_use cache_use;
	struct buf body;
	struct http_call *call;
	struct upstream_reader *reader;

	struct draft draft;
	struct cascade cascade;

	/* The cloud. */
	bool asked;
	uint8_t step;             /* how much of the policy's fallback list is behind us */
	size_t first_destination; /* that failed, once step is not 0 */
	struct reply_pipe *pipe;
	struct scan_map *masks;
	struct restore *restore; /* NULL: the answer has nothing to restore */
	struct buf restored;
	char receipt[TEXT_ULID_BYTES];
	char question[TEXT_ULID_BYTES];
	const char *outcome; /* "answered", "refused", "failed", "client_gone" */
};

/* A slot of the engine with its connection, between two requests. */
struct lease {
	struct lease *next;
	struct router *router;
	struct http_call *call;
	uint64_t slot_id, since_ms;
	char model[129]; /* as it was asked for */
};

#define DECISION_NAMES_BYTES 512
#define DECISION_CATEGORIES  24

/*
 * What is kept of one of the last requests: facts, never text. JSON is made of it when
 * somebody asks (GET /hither/v1/decisions/ID), not before.
 */
struct decision {
	char id[TEXT_ULID_BYTES]; /* empty: a free place */
	uid_t uid;
	struct policy_set *set; /* a reference */
	struct policy_request q;
	bool scanned; /* what it holds was looked up; it may be unknown all the same */
	bool unread; /* a turn with texts that no later one must repeat, which nobody could read
		      */
	float score, confidence;
	enum classify_task task;
	uint16_t threshold_pm;
	enum plan_kind kind;
	size_t destination;
	char outcome[32], receipt[TEXT_ULID_BYTES];
	enum policy_draft draft_form;
	enum draft_became draft_became;
	double certainty; /* -1: not measured */
	enum chat_finish finish;
	int64_t input_tokens, output_tokens;
	uint64_t elapsed_ms;
	/* Texts and lists, of which only what is used is ever written (decision_fill). */
	char app[129], model[129];
	char offer[200];
	char reasons[PLAN_REASONS][PLAN_REASON_BYTES];
	struct span categories[DECISION_CATEGORIES];
	uint32_t counts[DECISION_CATEGORIES];
	char names[DECISION_NAMES_BYTES];
};

/* caller.c: what was found out about a process, for its next connections. */
struct caller_known {
	uint64_t process; /* inode of its pidfd; 0: free */
	uint64_t until_ms;
	uint32_t uid;
	struct attest_answer answer;
};

/* What there is no room in. */
enum overload { OVERLOAD_QUEUE, OVERLOAD_LEDGER, OVERLOAD_MEMORY, OVERLOAD_CAUSES };

struct router {
	struct service *service;
	struct http_server *http;
	struct door_key key; /* of the TCP listener */
	struct classifier *classifier;
	struct policy_set *set;
	struct scanner *scanner; /* of data_scanner() */
	bool scanner_due;        /* it is not built yet */
	struct surroundings *around;
	struct board *board; /* NULL: this is the only router */
	bool crowded;        /* somebody waits for a slot, perhaps behind another router */
	struct look *looks;  /* others.c */
	uint64_t next_look;
	uv_timer_t looking;
	struct siphash_key caller_key;     /* made up at start: digests stand for callers */
	struct prompt_cache *prompt_cache; /* NULL: the engine is not ours */
	struct turns *turns;               /* NULL: every turn is judged alone */
	struct arena *models_arena;
	struct model_list models;
	bool models_known;
	uint32_t engine_context_tokens;
	enum engine_kind engine_kind; /* of the engine that local gave last; UNKNOWN: our own */
	char engine_served[129];      /* its name of the model; "": any will do */
	bool engine_cannot_count;
	uint64_t next_id;
	struct request *table[REQUEST_TABLE];
	struct request *all, *pool;
	struct buf spare_out; /* reply.c: the last answer's buffer, empty, for the next */
	unsigned n_requests, n_pool;
	unsigned n_waiting; /* in LOCAL_WAIT */
	struct buf untold;  /* tell.c */
	uint64_t lost;      /* facts that found no room there */
	uv_timer_t tell;
	struct {
		uint32_t refused[OVERLOAD_CAUSES]; /* since it was last said */
		uv_timer_t timer;
	} overload;
	struct request *later; /* later.c */
	struct decision *later_decision;
	uv_timer_t later_timer;
	struct lease *leases;
	uint32_t lease_epoch;
	uv_timer_t tick;
	struct decision ring[DECISION_RING];
	struct callers {
		struct caller_wire *wire;  /* to the attester; NULL: there is none now */
		struct caller_wait *first; /* requests whose caller is being looked up */
		uv_timer_t overdue;        /* while there are any */
		uint64_t asked;
		bool can_know;
		dev_t anonymous_dev; /* where the kernel keeps what has no number */
		struct caller_known known[CALLERS_KNOWN];
	} callers;
	char policy_sha256[65];
	unsigned ring_next;
	bool stopping;
};

/* A timer of the router's, which alone does not keep its loop running. */
static inline void router_timer(struct router *r, uv_timer_t *t)
{
	uv_timer_init(r->service->loop, t);
	uv_unref((uv_handle_t *)t);
	t->data = r;
}

/* request.c */
struct request *request_new(struct router *r, struct http_exchange *x);
void request_event(struct request *q, const struct event *ev);
struct request *request_find(struct router *r, uint64_t id);
void request_peer_changed(struct router *r, enum role peer, bool here);
/* pool.c */
struct request *request_pool_take(struct router *r); /* NULL: memory */
void request_free_pool(struct router *r);
/* Of a request that is in no table any more: back to the pool. */
void request_recycle(struct request *q);

/* facts.c */
#define FACTS_CALLER_BYTES (8 + 128)
/* Whatever tells callers apart, in `ret`: the user, how well the program is known, its name. */
struct span facts_caller(const struct request *q, char ret[FACTS_CALLER_BYTES]);
void facts_who(struct request *q, const struct http_request *r);
/* Hither-Max-Tier, Hither-Consent and the body; false: q->problem says what is no word. */
bool facts_restrict(struct request *q);
void facts_judge(struct request *q);
/* Once more: `tokens` were counted, or 0 when the engine found the prompt too long. */
bool facts_decide_again(struct request *q, uint32_t tokens);
void facts_policy_request(const struct request *q, struct policy_request *ret);
bool facts_decide(struct request *q); /* fills set, want, plan; false: q->problem says why */
/* An answer went out: where from is remembered for the next turn, once for each request. */
void facts_answered(struct request *q);
bool facts_no_such_model(struct request *q); /* false: q->problem says so */
/* Where it would go if the device were not enough: *ret; false: memory. */
bool facts_reconsider(struct request *q, struct plan *ret);
/* Verdicts of all destinations, with the data scanned. False: memory. */
bool facts_verdicts(struct request *q);
void facts_conversation(const struct request *q, char out[65]);
struct span facts_last_user(const struct chat *c);

/* data.c */
void data_scan(struct request *q);
/* Of the policy in force, built when it is first needed; NULL: data is unknown. */
struct scanner *data_scanner(struct router *r);
/* A copy of the chat as it may leave for destination `d`: masked and stripped. */
bool data_mask(struct request *q, const struct policy_decision *d, struct chat *ret,
	       bool *ret_masked);
void data_masked_list(const struct request *q, const struct policy_decision *d, char *out,
		      size_t cap);

/* fit.c */
#define FIT_COUNT_PATH  "/v1/chat/completions/input_tokens"
#define FIT_REPLY_BYTES 512
/* `ret_count`: the engine should count first. */
enum decide_fit fit_of(const struct request *q, uint32_t context_tokens, bool *ret_count);
extern const struct http_call_handler fit_count_handler;

/* others.c: when there are several routers */
/* Before the jail. */
enum err others_meet(struct router *r);
void others_init(struct router *r);
/* The limits on connections of r->http hold over all routers. */
void others_share(struct router *r);
/* One more request may begin, and is counted over all routers; others_count() takes it back. */
bool others_leave_room(struct router *r);
void others_count(struct router *r); /* as r->n_requests says */
/* Whose decision it is, into its number. */
void others_mark(const struct router *r, char *io_decision_id);
/* True: another router may have it; the answer comes later. */
bool others_look(struct router *r, struct http_exchange *x, struct span id, uid_t uid);
void others_gone(struct router *r, const struct http_exchange *x); /* its client left */
/* Frames; false: not well formed. */
bool others_crowded(struct router *r, struct span frame);
bool others_show(struct router *r, struct span frame);
bool others_looked(struct router *r, struct span frame, const int *fds, unsigned n);

/* lease.c */
/* The last to be put there, for this model; its owner is the caller. NULL: none. */
struct lease *lease_take(struct router *r, const char *model);
/* From http_call_handler.on_end. False: the connection cannot or must not be kept. */
bool lease_put(struct request *q, const char *model);
void lease_free(struct lease *l);
/* Gives all unused slots back. */
void lease_give_back(struct router *r);
/* And what is in use now is not kept afterwards. */
void lease_drop_all(struct router *r);
/* Gives back what lay unused for a while. True: there are more. */
bool lease_tick(struct router *r);
void lease_done(struct router *r, uint64_t slot_id, bool broken);

/* engine.c */
/* The model that would answer; NULL: not known. */
const struct model *device_model(const struct request *q);
/* On a connection that is at hand; false: local is to be asked. */
bool device_resume(struct request *q);
bool device_want(struct request *q);
bool device_start(struct request *q, int fd);
void device_stop(struct request *q, bool broken);
/* What a reader reported of the engine, in words of this device; q->problem. */
void device_problem(struct request *q);
void device_none_problem(uint8_t reason, const char *detail, struct chat_problem *ret);

/* draft.c */
/* Hither-Draft; false: q->problem. */
bool draft_read_header(struct request *q);
/* A question was put: begins a draft, or shows the one there is. */
void draft_open(struct request *q);
void draft_given(struct request *q, const struct event *ev);
/* What the engine says or said is not the answer yet; what it says goes to draft_take. */
bool draft_keeps(const struct request *q);
/* False: q->failed. */
bool draft_take(struct request *q, const struct chat_event *ev);
void draft_ended(struct request *q);
/* A draft that waits for an engine waits no more. */
void draft_withdraw(struct request *q);
/* What there is of it does not count any more. */
void draft_forget(struct request *q);
/* The same, and its engine is given up. */
void draft_lose(struct request *q, bool broken);
/* Somebody waits for the engine: a draft that nobody sees makes room. */
void draft_yield(struct router *r);
/* A better answer is to come: the engine stops; a whole draft stays in case nothing comes. */
void draft_granted(struct request *q);
/* What was kept is the answer, and so is what follows; q->failed when it cannot be written. */
void draft_release(struct request *q);

/* cascade.c */
/* Hither-Cascade; false: q->problem. */
bool cascade_read_header(struct request *q);
/* An answer of this device begins: is it watched, is it kept for that? */
void cascade_begin(struct request *q);
void cascade_see(struct request *q, const struct chat_event *ev);
/* After each batch of events. May call request_event (EV_UNSURE). */
void cascade_turn(struct request *q);
/* Asks for another destination. False: there is none, q->plan stays. */
bool cascade_escalate(struct request *q);

/* True: that destination is open to this request, by the verdicts it holds. */
bool facts_possible(struct request *q, size_t destination);

/* fallback.c */
/* True: another destination is being asked about. */
bool fallback_next(struct request *q, const struct chat_problem *why);

/* escalate.c */
/* The number of the ASK in progress: each step of a fallback has one of its own. */
uint64_t escalate_id(const struct request *q);
#define ESCALATE_STEP_SHIFT 48
bool escalate_body(struct request *q, struct chat *ret_chat, struct buf *out, bool *ret_masked);
/* The same body with nothing masked. */
bool escalate_original(struct request *q, struct buf *out);
bool escalate_ask(struct request *q);
/* Why escalate_ask() could not: what the destination cannot be told, or nobody to ask. */
void escalate_obstacle(const struct request *q, struct chat_problem *ret);
bool escalate_read(struct request *q, int fd);
void escalate_resume(struct request *q); /* the client took what there was */
void escalate_stop(struct request *q);
void escalate_problem(const struct request *q, const struct msg_ANSWER *a,
		      struct chat_problem *ret);

/* decision.c */
/* `ret` must stay where it is: it points into itself. Gives back with decision_clear(). */
void decision_fill(const struct request *q, struct decision *ret);
void decision_clear(struct decision *d);
/* The members of hither.decision/1, without the closing brace. */
void decision_print(const struct decision *d, struct buf *out);
struct decision *decision_record(const struct request *q); /* into the ring */
/* DECIDED, for a request that asked for nothing. */
void decision_tell(const struct request *q, const struct decision *d);
/* What it holds has been found since it was recorded. */
void decision_data(const struct request *q, struct decision *io);
/* What GET /hither/v1/decisions/ID says of one of this router's. False: it is not there, or
 * another user's. */
bool decision_json(struct router *r, struct span id, uid_t uid, struct buf *ret);
void decision_get(struct router *r, struct http_exchange *x, struct span id, uid_t uid);
void decision_none(struct http_exchange *x); /* the 404 */

/* later.c */
void later_init(struct router *r);
/* True: `q` is kept, and its decision told later. False: it is the caller's to end. */
bool later_keep(struct request *q, struct decision *d);
/* Ends what is kept; `look`: after the scan. */
void later_settle(struct router *r, bool look);
/* Somebody wants to see this decision. */
void later_look(struct router *r, struct span id);

/* tell.c */
void tell_init(struct router *r);
void tell_add(struct router *r, const struct msg_DECIDED *m);
/* As much as consent takes now. */
void tell_flush(struct router *r);
/* Consent is far behind: new requests have to wait until it has caught up. */
bool tell_is_full(const struct router *r);

/* overload.c */
void overload_init(struct router *r);
/* A request was answered 503 for it. */
void overload_add(struct router *r, enum overload why);
/* What was added since, now instead of in a second. */
void overload_say(struct router *r);

/* caller.c */
/* What is proven of the program at the other end; NULL: nobody has looked. Lives as long as the
 * connection. */
const struct attest_answer *caller_of(const struct http_exchange *x);
/* True: it is being looked up who sends this, and routes_serve() follows by itself. */
bool caller_ask(struct router *r, struct http_exchange *x, const struct http_request *q);
void caller_gone(struct router *r, const struct http_exchange *x);
void caller_init(struct router *r);
/* Takes over the wire to a fresh attester. */
void caller_wire(struct router *r, int fd);

/* routes.c */
extern const struct http_handler routes_handler;
void routes_serve(struct router *r, struct http_exchange *x, const struct http_request *q);

/* chat_api.c, models_api.c, embed_api.c */
/* Of a request that is only counted; 0 tokens: the engine could not. */
void chat_api_counted(struct request *q, uint32_t tokens);
/* A request of this exchange, with who asks; NULL: it was answered (too many at once). */
struct request *chat_api_admit(struct router *r, struct http_exchange *x,
			       const struct http_request *h);
/* Gives it the ceiling `device`; false, with q->problem, when it names another place. */
bool chat_api_stay_here(struct request *q, const char *param, const char *message);
/* A body that cannot be read: the dialect's own shape of error. */
void chat_api_unreadable(struct request *q, const struct chat_problem *p);
void chat_api_completions(struct router *r, struct http_exchange *x,
			  const struct http_request *q);
void chat_api_route(struct router *r, struct http_exchange *x, const struct http_request *q);
/* POST /v1/messages/count_tokens: the engine's count where it runs and can, else the estimate
 * that the decision uses too. */
void chat_api_count(struct router *r, struct http_exchange *x, const struct http_request *q);
void models_api_list(struct router *r, struct http_exchange *x);
void models_api_get(struct router *r, struct http_exchange *x, struct span id);
/* Texts to vectors, on this device only. */
void embed_api(struct router *r, struct http_exchange *x, const struct http_request *q,
	       enum embed_shape shape);
/* The engine's side of it, from engine.c: the body; its reply in pieces; at its end the
 * answer, or false with q->problem. */
bool embed_prepare(struct request *q);
void embed_data(struct request *q, struct span bytes);
bool embed_end(struct request *q);
enum ollama_list { OLLAMA_TAGS, OLLAMA_PS, OLLAMA_VERSION };
void models_api_ollama(struct router *r, struct http_exchange *x, enum ollama_list what);
void models_api_show(struct router *r, struct http_exchange *x, struct span body);
void models_api_refuse(struct http_exchange *x);

#endif
