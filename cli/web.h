/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither consent web`: the questions on a loopback page, and a desktop notification that says
 * there is one. Shared by cmd_web.c (the agent), web_serve.c (the sockets), web_routes.c (what
 * a request gets) and web_daemon.c (questions and answers over consent.sock).
 */
#ifndef HITHER_CLI_WEB_H
#define HITHER_CLI_WEB_H

#include <uv.h>

#include "cli/cli.h"
#include "cli/notify.h"
#include "cli/web_guard.h"
#include "common/text.h"
#include "dialect/dialect.h"
#include "http/client.h"
#include "http/server.h"

#define WEB_QUESTIONS_MAX 64
#define WEB_SESSIONS_MAX  8

struct web_question {
	char id[TEXT_ULID_BYTES];
	struct web_secret link; /* empty once it was used */
};

/* One time of listening: from the first open question until shortly after the last. */
struct web_page {
	struct web *web;
	struct http_server *server;
	uint16_t port;
	bool closed;
	struct web_page *next;
};

struct web {
	struct cli *cli;
	uv_loop_t loop;
	struct http_call *events;
	struct sse_reader reader;
	struct web_question questions[WEB_QUESTIONS_MAX]; /* open ones, oldest first */
	unsigned n_questions;
	struct web_secret sessions[WEB_SESSIONS_MAX];
	unsigned next_session;
	struct web_page *page;  /* listening, or NULL */
	struct web_page *pages; /* all there were, for the end */
	struct notify *notify;  /* NULL without --notify */
	uv_timer_t linger;
	uv_signal_t interrupt, terminate;
	bool open_browser, once, ending;
	int exit_code;
};

/* --- cmd_web.c */
/* The question is over or answered: forgets it, and stops listening a little later when it was
 * the last. */
void web_question_over(struct web *w, const char *id);
struct web_question *web_question_find(struct web *w, struct span id);
/* A new link to the question for the person; `url` holds WEB_URL_BYTES. False: not listening.
 */
#define WEB_URL_BYTES 96
bool web_link(struct web *w, struct web_question *q, char *url);

/* --- web_serve.c */
/* Listens on 127.0.0.1 and, where there is IPv6, ::1, at one port that the system chose. NULL
 * with errno set when it cannot. */
struct web_page *web_page_open(struct web *w);
/* Stops listening; what is being answered is finished. */
void web_page_close(struct web_page *p);
/* After the loop ended. */
void web_pages_free(struct web *w);

/* --- web_routes.c */
extern const struct http_handler web_handler; /* ctx: struct web_page */

/* --- web_daemon.c */
struct web_reply {
	int status;        /* HTTP status of the daemon; 0: it could not be reached */
	char outcome[32];  /* "granted", "refused", … */
	char message[300]; /* for the person */
	char permission[40];
};
/* The whole question for cJSON_Delete(); NULL when it is not there any more. */
cJSON *web_fetch(struct web *w, const char *id);
/* The person's words, any may be NULL; 200 only when they counted. */
struct web_words {
	const char *nonce, *digest, *decision, *scope, *until, *mode, *reason;
};
void web_answer(struct web *w, const char *id, const struct web_words *words,
		struct web_reply *ret);
/* An answer given without the page: nonce and digest are asked for first. */
void web_answer_unseen(struct web *w, const char *id, const char *decision,
		       struct web_reply *ret);

int cmd_web(struct cli *cli, int argc, char **argv);

#endif
