/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write end of a reply pipe on the loop: events in, bytes out as the reader takes them.
 * One call owns one; it lies inside the call and must not move once it is open.
 */
#ifndef HITHER_CLOUD_REPLY_PIPE_H
#define HITHER_CLOUD_REPLY_PIPE_H

#include <uv.h>

#include "common/buf.h"
#include "dialect/dialect.h"

struct reply_pipe {
	int fd;
	struct buf out; /* encoded events, from out_at on still to be written */
	size_t out_at;
	uv_poll_t poll;
	int watched;      /* events the poll waits for */
	bool reader_gone; /* the other end is closed: what is added is for nobody */
	bool lost;        /* an event did not fit or memory is out: the reply has a hole */
	void (*on_moved)(void *ctx);
	void *ctx;
};

/*
 * Makes `fd` non-blocking; at most `max_bytes` of events can wait. False: it is no descriptor
 * that can be written like that. `fd` stays the caller's until reply_pipe_open().
 */
MUST_CHECK bool reply_pipe_init(struct reply_pipe *p, int fd, size_t max_bytes);
/*
 * From here on `fd` is the pipe's. `on_moved` comes from the loop each time that the pipe took
 * bytes or that the reader left. False: the descriptor cannot be polled; nothing was taken.
 */
MUST_CHECK bool reply_pipe_open(struct reply_pipe *p, uv_loop_t *loop,
				void (*on_moved)(void *ctx), void *ctx);
/* Behind what waits; nothing is written yet. See `lost`. */
void reply_pipe_add(struct reply_pipe *p, const struct chat_event *ev);
/* Writes as much as the pipe takes and has the loop see to the rest. See `reader_gone`. */
void reply_pipe_flush(struct reply_pipe *p);
size_t reply_pipe_waiting_bytes(const struct reply_pipe *p);
/* Once, for an open one. `on_closed` gets the poll's handle with `data` as its data. */
void reply_pipe_close(struct reply_pipe *p, uv_close_cb on_closed, void *data);
/* The memory, after on_closed, or of one that was never opened. */
void reply_pipe_free(struct reply_pipe *p);

/* Writes one ERROR event, 503 `send_refused`, and closes `fd`: for a SEND that is refused. */
void reply_pipe_refuse(int fd, const char *text);

#endif
