/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of the consent process: main.c (wires, time), agents.c (who can answer),
 * routes.c (agents' socket), admin.c (health, status, metrics, reload).
 */
#ifndef HITHER_CONSENT_ROLE_H
#define HITHER_CONSENT_ROLE_H

#include "consent/gate.h"
#include "http/server.h"
#include "proc/service.h"

#define AGENTS_MAX         64
#define AGENT_TOLD_MAX     32
#define AGENT_JOIN_MS      30000 /* from registering to opening the event stream */
#define AGENT_READER_MS    60000 /* who listed questions this recently counts as present */
#define AGENT_HEARTBEAT_MS 15000
#define RELOADS_MAX        8
#define PROOFS_MAX         8

enum agent_kind { AGENT_DESKTOP, AGENT_TERMINAL, AGENT_NOTIFICATION, AGENT_WEB, AGENT_KINDS };

struct agent {
	char id[TEXT_ULID_BYTES]; /* empty: slot is free */
	uint32_t uid;
	pid_t pid;
	enum agent_kind kind;
	char name[64];
	bool fallback;
	uint64_t since_ms;
	struct http_exchange *stream;               /* NULL until it listens */
	char told[AGENT_TOLD_MAX][TEXT_ULID_BYTES]; /* ring of questions it knows */
	unsigned told_at;
};

struct role_health {
	struct msg_HEALTH says;
	bool known;
};

struct reload {
	uint64_t tag;
	struct http_exchange *x;
};

/* A yes that counts once the person has proved who they are; its exchange waits for that. */
struct proof {
	uint64_t tag; /* 0: free */
	struct http_exchange *x;
	struct gate_response r; /* its texts lie in `text`; id is the question */
	struct arena *text;
};

struct consent {
	struct service *service;
	struct gate *gate;
	struct http_server *server;
	uv_timer_t timer, heartbeat;
	uv_prepare_t prepare;
	uv_check_t check;
	struct agent agents[AGENTS_MAX];
	struct {
		uint32_t uid;
		uint64_t at_ms;
	} readers[16]; /* who listed questions, and when */
	struct role_health roles[ROLE_SEATS];
	char judge[65], judge_problem[201]; /* of the router, as in READY */
	struct msg_ENGINE_HEALTH engine;
	bool engine_known;
	struct reload reloads[RELOADS_MAX];
	struct proof proofs[PROOFS_MAX];
	uint64_t next_tag, next_proof;
	uint64_t reloads_ok, reloads_failed;
	int64_t policy_since_ms;
	char policy_problem[400];
	bool stopping;
};

/* main.c: lets the gate do what is due and sets the timer. After everything that changes it. */
void consent_pump(struct consent *c);
bool consent_ready(const struct consent *c);
/* Seats of the daemon are ROLE_BOOT to one below this. */
unsigned consent_seats(const struct consent *c);

/* agents.c */
const char *agent_kind_name(enum agent_kind k);
bool agents_anyone(struct consent *c, uint32_t uid);
unsigned agents_tell(struct consent *c, enum gate_news news, uint32_t uid,
		     const char *question);
/* NULL when there is no slot. */
struct agent *agents_add(struct consent *c, uint32_t uid, pid_t pid, enum agent_kind kind,
			 const char *name, bool fallback);
struct agent *agents_find(struct consent *c, const char *id);
struct agent *agents_of(struct consent *c, uint32_t uid, pid_t pid);
void agents_listen(struct consent *c, struct agent *a, struct http_exchange *x);
void agents_gone(struct consent *c, struct http_exchange *x);
void agents_heartbeat(struct consent *c);
void agents_stop(struct consent *c);
void agents_saw_reader(struct consent *c, uint32_t uid);

/* proofs.c: asks, through boot and local, polkit about the process that answers; then the
 * answer counts or is refused. */
void proofs_ask(struct consent *c, struct http_exchange *x, const struct gate_response *r,
		uint32_t deadline_ms);
void proofs_said(struct consent *c, const struct msg_PROOF *m);
void proofs_unavailable(struct consent *c); /* nobody can tell any more: all are refused */
void proofs_gone(struct consent *c, struct http_exchange *x);

/* routes.c, admin.c: one request; they answer now or remember the exchange. */
void routes_request(struct consent *c, struct http_exchange *x, const struct http_request *r);
void admin_request(struct consent *c, struct http_exchange *x, const struct http_request *r);
void admin_reloaded(struct consent *c, const struct msg_RELOADED *m);
void admin_gone(struct consent *c, struct http_exchange *x);

/* What came of an answer. */
void routes_result(struct http_exchange *x, const struct gate_result *g);

void role_reply_json(struct http_exchange *x, int status, struct buf *body);
void role_reply_error(struct http_exchange *x, int status, const char *code,
		      const char *message);
/* With `error.next`, what to do about it; NULL: none. */
void role_reply_error_next(struct http_exchange *x, int status, const char *code,
			   const char *message, const char *next);

#endif
