/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client gets. reply.c: the answer of one request, as its sources make it.
 * reply_error.c: errors, of a request and outside of one; consent's question.
 */
#ifndef HITHER_ROUTER_REPLY_H
#define HITHER_ROUTER_REPLY_H

#include "dialect/dialect.h"
#include "http/server.h"
#include "ipc/msg.h"
#include "policy/policy.h"

struct request;

/* --- the answer --------------------------------------------------------------------------- */

bool reply_begin_source(struct request *q); /* writer for a fresh source; false: memory */
/* The same for a draft that is shown; the sources that follow use its writer. */
bool reply_begin_draft(struct request *q);
/* Past draft and watch, into the reply; false: q->failed. */
bool reply_write(struct request *q, const struct chat_event *ev);
/* A comment {KEY:VALUE,…} between events, where the dialect has comments; NULL: no second one.
 */
void reply_remark(struct request *q, const char *key, const char *value, const char *key2,
		  const char *value2);
bool reply_sink(void *ctx, const struct chat_event *ev);
void reply_flush(struct request *q); /* after each batch of events */
void reply_keepalive(struct request *q);
/* A whole answer that no dialect's writer made. */
void reply_whole(struct request *q, struct span body);

/* --- its head ----------------------------------------------------------------------------- */

#define REPLY_FIELDS_MAX 11

struct reply_fields {
	struct http_field list[REPLY_FIELDS_MAX];
	unsigned n;
	char score[8]; /* a value of the list */
};

/* What is known of `q`. `settled`: also where the answer comes from, or would have. Values live
 * as long as `q` and `ret`. */
void reply_put_fields(const struct request *q, bool settled, struct reply_fields *ret);
void reply_add_field(struct reply_fields *f, const char *name, const char *value);
/* Where it goes by its plan; NULL before there is a policy. */
const struct policy_destination *reply_destination(const struct request *q);

/* --- errors ------------------------------------------------------------------------------- */

void problem_set(struct chat_problem *p, int status, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* In place of the answer, or as the end of what was begun. */
void reply_error(struct request *q, const struct chat_problem *p);
/* `p` in the client's dialect, with the request's number where that has a place for it. */
void reply_error_body(const struct request *q, const struct chat_problem *p, struct buf *b);
/* 403 with what a program needs to put the question itself. */
void reply_question(struct request *q, const struct msg_ANSWER *a);

/* --- outside of a request ----------------------------------------------------------------- */

void reply_json(struct http_exchange *x, int status, struct span body);
/* An error in the words of `d`. `more`: a field besides; NULL: none. */
void reply_problem_in(struct http_exchange *x, const struct client_dialect *d,
		      const struct chat_problem *p, const struct http_field *more);
/* In OpenAI's words: for paths of our own. */
void reply_problem(struct http_exchange *x, int status, const char *code, const char *message);
/* The same for what nobody serves at `path`, in the words of who would. `allow`: NULL or the
 * methods that are served there. */
void reply_path_problem(struct http_exchange *x, struct span path, int status, const char *code,
			const char *message, const char *allow);
/* The dialect of errors at a path: its own, or OpenAI's; never NULL. */
const struct client_dialect *reply_dialect_of(struct span path, bool has_anthropic_version);

#endif
