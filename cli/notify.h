/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A desktop notification that says that a question is open (Desktop Notifications
 * Specification 1.2, org.freedesktop.Notifications on the session bus). It draws attention and
 * opens the page; the text that would be sent is never in it: notifications are kept in
 * histories and shown on locked screens.
 */
#ifndef HITHER_CLI_NOTIFY_H
#define HITHER_CLI_NOTIFY_H

#include <stdint.h>
#include <uv.h>

#include "common/buf.h"

struct notify;

struct notify_handler {
	void (*review)(void *ctx, const char *id); /* show the page */
	void (*local)(void *ctx, const char *id);  /* keep it on this device */
	void (*later)(void *ctx, const char *id);  /* waved away: not now */
};

struct notify_text {
	const char *app, *identity_words, *operator_name, *region; /* any may be NULL */
};

/*
 * Connects to the session bus and asks the notification server what it can do. NULL, with
 * *reterr saying why in English, when there is no bus or no server, or when this build has none
 * of it. `loop`, `handler` and `ctx` outlive it.
 */
struct notify *notify_new(uv_loop_t *loop, const struct notify_handler *handler, void *ctx,
			  const char **reterr);
/* Shows a notification for question `id` that goes away by itself after `timeout_ms`. */
void notify_show(struct notify *n, const char *id, const struct notify_text *t,
		 uint32_t timeout_ms);
/* Takes it away; nothing happens when there is none. */
void notify_close(struct notify *n, const char *id);
/* Takes all away and closes; memory goes when the loop has run its closing callbacks. NULL is
 * fine. */
void notify_free(struct notify *n);

/*
 * The body: who wants to use whom. Hidden characters are written out; & < > are escaped where
 * the server reads markup, and left out where it does not say that it does.
 */
void notify_body(struct buf *out, const struct notify_text *t, bool markup);

#endif
