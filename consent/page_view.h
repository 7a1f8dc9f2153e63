/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web page of a consent agent, as HTML: no script, no outside resource, readable at 320
 * pixels and by a screen reader. Pure. Everything that comes from outside goes through
 * page_put_text(): hidden characters written out (visible.h), then escaped.
 */
#ifndef HITHER_CONSENT_PAGE_VIEW_H
#define HITHER_CONSENT_PAGE_VIEW_H

#include "common/buf.h"
#include "common/json.h"

extern const char page_style[]; /* the style sheet, at /style.css */

/* Text of a person or a program into HTML content or a quoted attribute. */
void page_put_text(struct buf *out, struct span text);

/* The list: `consents` is the reply of GET /hither/v1/consents. */
void page_write_list(const cJSON *consents, struct buf *out);
/* One question with its form: the reply of GET /hither/v1/consents/ID. */
void page_write_question(const cJSON *question, struct buf *out);
/* A page that says one thing, with a way on ("" for none). */
void page_write_note(const char *title, const char *text, const char *link,
		     const char *link_text, struct buf *out);
/* Asks for one press of a button that redeems `token`. */
void page_write_start(const char *token, struct buf *out);

/* One field of an application/x-www-form-urlencoded body (WHATWG URL, section 5.1), decoded.
 * False when absent, malformed or too long. */
bool page_form_value(struct span body, const char *name, char *out, size_t out_bytes);

#endif
