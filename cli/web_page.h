/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages a person sees, as HTML. Pure. Every text from outside goes through
 * consent/visible.h and then through HTML escaping; there is no script and no inline style.
 */
#ifndef HITHER_CLI_WEB_PAGE_H
#define HITHER_CLI_WEB_PAGE_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "common/buf.h"

/* The style sheet, served at /style.css. */
extern const char web_style[];

/* `text` with hidden characters written out and & < > " ' escaped. */
void web_text(struct buf *out, struct span text);

/* What the link opens: one button that trades the link's secret for a session. */
void web_page_link(struct buf *out, const char *secret);

/*
 * A question (hither.consent/1, state open). `now_ms` is wall time. The form posts to the
 * page's own address: nonce, digest, reason, until, and answer as "DECISION SCOPE MODE".
 */
void web_page_question(struct buf *out, const cJSON *q, int64_t now_ms);

/* A page with one message; `next` is a question's id to go on with, or NULL. */
void web_page_message(struct buf *out, const char *title, const char *message,
		      const char *next);

/* What would be sent, turn by turn, with the original (NULL: none) beside what was masked. */
void web_reading(struct buf *out, const char *sent, const char *original);
/* Escaped like web_text(), with placeholders marked. */
void web_marked(struct buf *out, struct span text);
/* The style sheet that says when to show that time runs out, `left_s` seconds from now. */
void web_time_style(struct buf *out, unsigned left_s);

#endif
