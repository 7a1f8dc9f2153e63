/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd-bus on the agent's loop: one poll handle on its descriptor, one timer for its deadlines.
 *
 *   show -> ASKED (Notify sent) -> SHOWN (the server gave a number) -> gone
 *
 * Invariants
 *   1. A note leaves the table before its handler is called, so that the NotificationClosed
 *      that servers send after an action is not taken for "waved away".
 *   2. A note that is closed while ASKED is closed when its number comes.
 */
#include "cli/notify.h"

#include <stdlib.h>

#ifdef HAVE_SYSTEMD
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "common/text.h"

#define NAME             "org.freedesktop.Notifications"
#define PATH             "/org/freedesktop/Notifications"
#define NOTES_MAX        64
#define CALL_TIMEOUT_US  5000000u
#define BODY_BYTES_MAX   4096
#define REASON_DISMISSED 2 /* NotificationClosed, section 9 */

struct note {
	struct notify *n;
	char id[TEXT_ULID_BYTES]; /* of the question; empty: free */
	uint32_t number;          /* the server's; 0 while ASKED */
	bool over;                /* close it as soon as its number is known */
};

struct notify {
	const struct notify_handler *handler;
	void *ctx;
	sd_bus *bus;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned open_handles;
	bool markup, actions;
	struct note notes[NOTES_MAX];
};

static struct note *find(struct notify *n, const char *id)
{
	for (unsigned i = 0; i < NOTES_MAX; i++)
		if (strcmp(n->notes[i].id, id) == 0)
			return &n->notes[i];
	return NULL;
}

static struct note *find_number(struct notify *n, uint32_t number)
{
	for (unsigned i = 0; number != 0 && i < NOTES_MAX; i++)
		if (n->notes[i].id[0] != '\0' && n->notes[i].number == number)
			return &n->notes[i];
	return NULL;
}

/* --- the bus on the loop ------------------------------------------------------------- */

static void pump(struct notify *n);

static void on_poll(uv_poll_t *h, int status, int events)
{
	(void)status;
	(void)events;
	pump(h->data);
}

static void on_timer(uv_timer_t *h)
{
	pump(h->data);
}

/* Lets sd-bus work, then waits for what it waits for (sd_bus_get_fd(3)). */
static void pump(struct notify *n)
{
	struct timespec ts;
	uint64_t until_us, now_us;
	int r, events;

	while ((r = sd_bus_process(n->bus, NULL)) > 0)
		;
	events = r < 0 ? -1 : sd_bus_get_events(n->bus);
	if (events < 0) { /* the bus is gone: the page goes on without it */
		uv_poll_stop(&n->poll);
		uv_timer_stop(&n->timer);
		return;
	}
	uv_poll_start(&n->poll,
		      UV_READABLE | ((events & 4 /* POLLOUT */) != 0 ? UV_WRITABLE : 0),
		      on_poll);
	uv_timer_stop(&n->timer);
	if (sd_bus_get_timeout(n->bus, &until_us) < 0 || until_us == UINT64_MAX)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	uv_timer_start(&n->timer, on_timer,
		       until_us > now_us ? (until_us - now_us) / 1000 + 1 : 0, 0);
}

/* --- what the server says ------------------------------------------------------------ */

static int on_action(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct notify *n = user;
	struct note *note;
	const char *key;
	char id[TEXT_ULID_BYTES];
	uint32_t number;

	(void)error;
	if (sd_bus_message_read(m, "us", &number, &key) < 0 ||
	    (note = find_number(n, number)) == NULL)
		return 0;
	memcpy(id, note->id, sizeof id);
	if (strcmp(key, "local") == 0) {
		memset(note, 0, sizeof *note);
		n->handler->local(n->ctx, id);
	} else if (strcmp(key, "review") == 0 || strcmp(key, "default") == 0) {
		memset(note, 0, sizeof *note);
		n->handler->review(n->ctx, id);
	}
	return 0;
}

static int on_note_closed(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct notify *n = user;
	struct note *note;
	char id[TEXT_ULID_BYTES];
	uint32_t number, reason;

	(void)error;
	if (sd_bus_message_read(m, "uu", &number, &reason) < 0 ||
	    (note = find_number(n, number)) == NULL)
		return 0;
	memcpy(id, note->id, sizeof id);
	memset(note, 0, sizeof *note);
	if (reason == REASON_DISMISSED)
		n->handler->later(n->ctx, id);
	return 0;
}

static void close_number(struct notify *n, uint32_t number)
{
	(void)sd_bus_call_method_async(n->bus, NULL, NAME, PATH, NAME, "CloseNotification",
				       NULL, NULL, "u", number);
}

static int on_shown(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct note *note = user;
	uint32_t number = 0;

	(void)error;
	if (sd_bus_message_is_method_error(m, NULL) ||
	    sd_bus_message_read(m, "u", &number) < 0 || number == 0) {
		memset(note, 0, sizeof *note);
		return 0;
	}
	note->number = number;
	if (note->over) {
		close_number(note->n, number);
		memset(note, 0, sizeof *note);
	}
	return 0;
}

/* --- showing ------------------------------------------------------------------------- */

static int put_call(struct notify *n, sd_bus_message *m, const char *body, uint32_t timeout_ms)
{
	static const char *const actions[] = { "review", "Look at it", "local",
					       "Keep on this device" };
	int r = sd_bus_message_append(m, "susss", "hither", 0u, "",
				      "A program asks to send text", body);

	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; r >= 0 && n->actions && i < LEN(actions); i++)
		r = sd_bus_message_append(m, "s", actions[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(
			m, "a{sv}i", 1, "urgency", "y", 1,
			(int32_t)(timeout_ms > INT32_MAX ? INT32_MAX : timeout_ms));
	return r;
}

void notify_show(struct notify *n, const char *id, const struct notify_text *t,
		 uint32_t timeout_ms)
{
	struct note *note = find(n, "");
	sd_bus_message *m = NULL;
	struct buf body;

	if (note == NULL || find(n, id) != NULL ||
	    sd_bus_message_new_method_call(n->bus, &m, NAME, PATH, NAME, "Notify") < 0)
		return;
	buf_init(&body, BODY_BYTES_MAX);
	notify_body(&body, t, n->markup);
	if (!n->actions)
		buf_add_str(&body, " Answer with: hither consent watch");
	if (buf_cstr(&body) != NULL && put_call(n, m, buf_cstr(&body), timeout_ms) >= 0 &&
	    span_copy(span_of(id), note->id, sizeof note->id)) {
		note->n = n;
		if (sd_bus_call_async(n->bus, NULL, m, on_shown, note, CALL_TIMEOUT_US) < 0)
			memset(note, 0, sizeof *note);
	}
	buf_free(&body);
	sd_bus_message_unref(m);
	pump(n);
}

void notify_close(struct notify *n, const char *id)
{
	struct note *note = find(n, id);

	if (note == NULL)
		return;
	if (note->number == 0) {
		note->over = true;
		return;
	}
	close_number(n, note->number);
	memset(note, 0, sizeof *note);
	pump(n);
}

/* --- life ---------------------------------------------------------------------------- */

static bool ask_capabilities(struct notify *n)
{
	sd_bus_message *m = NULL;
	const char *word;
	int r = sd_bus_call_method(n->bus, NAME, PATH, NAME, "GetCapabilities", NULL, &m, NULL);

	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(m, "s", &word)) > 0) {
		n->markup = n->markup || strcmp(word, "body-markup") == 0;
		n->actions = n->actions || strcmp(word, "actions") == 0;
	}
	sd_bus_message_unref(m);
	return r >= 0;
}

static bool listen_to_server(struct notify *n)
{
	return sd_bus_match_signal(n->bus, NULL, NAME, PATH, NAME, "ActionInvoked", on_action,
				   n) >= 0 &&
	       sd_bus_match_signal(n->bus, NULL, NAME, PATH, NAME, "NotificationClosed",
				   on_note_closed, n) >= 0;
}

struct notify *notify_new(uv_loop_t *loop, const struct notify_handler *handler, void *ctx,
			  const char **reterr)
{
	struct notify *n = calloc(1, sizeof *n);

	*reterr = "memory is out";
	if (n == NULL)
		return NULL;
	n->handler = handler;
	n->ctx = ctx;
	*reterr = "there is no session bus";
	if (sd_bus_open_user(&n->bus) < 0)
		goto fail;
	sd_bus_set_method_call_timeout(n->bus, CALL_TIMEOUT_US);
	*reterr = "no notification server answers on the session bus";
	if (!ask_capabilities(n) || !listen_to_server(n) ||
	    uv_poll_init(loop, &n->poll, sd_bus_get_fd(n->bus)) != 0)
		goto fail;
	uv_timer_init(loop, &n->timer);
	n->poll.data = n->timer.data = n;
	n->open_handles = 2;
	pump(n);
	return n;
fail:
	sd_bus_flush_close_unref(n->bus);
	free(n);
	return NULL;
}

static void on_handle_closed(uv_handle_t *h)
{
	struct notify *n = h->data;

	if (--n->open_handles > 0)
		return;
	sd_bus_flush_close_unref(n->bus);
	free(n);
}

void notify_free(struct notify *n)
{
	if (n == NULL)
		return;
	for (unsigned i = 0; i < NOTES_MAX; i++)
		if (n->notes[i].number != 0)
			close_number(n, n->notes[i].number);
	uv_close((uv_handle_t *)&n->poll, on_handle_closed);
	uv_close((uv_handle_t *)&n->timer, on_handle_closed);
}

#else

struct notify *notify_new(uv_loop_t *loop, const struct notify_handler *handler, void *ctx,
			  const char **reterr)
{
	(void)loop;
	(void)handler;
	(void)ctx;
	*reterr = "this build has no D-Bus (libsystemd)";
	return NULL;
}

void notify_show(struct notify *n, const char *id, const struct notify_text *t,
		 uint32_t timeout_ms)
{
	(void)n;
	(void)id;
	(void)t;
	(void)timeout_ms;
}

void notify_close(struct notify *n, const char *id)
{
	(void)n;
	(void)id;
}

void notify_free(struct notify *n)
{
	(void)n;
}

#endif
