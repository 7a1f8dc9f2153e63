/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel is OPEN until it is shut once, either by its owner (channel_close) or by itself
 * (peer gone or broken); memory goes when libuv has let go of the handle.
 *
 *   OPEN  -> SHUT   channel_close(): no callback              [shut]
 *   OPEN  -> SHUT   end of stream, bad frame, queue too long  [gone: shut, then on_gone]
 *   SHUT  -> freed                                            [on_closed]
 *
 * Invariants
 *   1. on_gone is called from the loop (or channel_drain), never from inside channel_send:
 *      a failed send shuts the socket down and the loop finds out.
 *   2. The descriptor is closed before on_gone runs, so the owner may put something else at
 *      its number there.
 *   3. Descriptors that were received are either handed to on_frame or closed here.
 *   4. Frames that arrived before the peer died are delivered before on_gone.
 */
#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fds.h"

/* One answer for each request that there may be at once (limits.queue), all in one turn: an
 * engine that cannot be had is told to thousands while their router is busy. */
#define QUEUE_FRAMES_MAX 16384
#define QUEUE_BYTES_MAX  (4u << 20)
/* Consent's releases may all come in one turn: a body and a reply for each of 256. */
#define QUEUE_FDS_MAX   512
#define FRAMES_PER_TURN 32 /* then other handles of the loop get their turn */

struct queued {
	struct queued *next;
	size_t bytes;
	unsigned n;
	int fds[MSG_FDS_MAX];
	uint8_t frame[];
};

struct channel {
	uv_poll_t poll;
	int fd;
	enum role self, peer;
	const struct channel_handler *handler;
	void *ctx;
	struct queued *first, **last;
	unsigned queued_frames, queued_fds;
	size_t queued_bytes;
	enum err broken; /* found while sending; told from the loop */
	bool shut;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

static void queue_drop_first(struct channel *c)
{
	struct queued *q = c->first;

	c->first = q->next;
	if (c->first == NULL)
		c->last = &c->first;
	c->queued_frames--;
	c->queued_bytes -= q->bytes;
	c->queued_fds -= q->n;
	close_all(q->fds, q->n);
	free(q);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void shut(struct channel *c)
{
	c->shut = true;
	while (c->first != NULL)
		queue_drop_first(c);
	uv_close((uv_handle_t *)&c->poll, on_closed); /* takes the descriptor out of epoll */
	close(c->fd);
}

static void gone(struct channel *c, enum err why)
{
	if (c->shut)
		return;
	shut(c);
	c->handler->on_gone(c->ctx, c->peer, c->broken != ERR_OK ? c->broken : why);
}

static void watch(struct channel *c)
{
	int events = UV_READABLE | (c->first != NULL ? UV_WRITABLE : 0);

	uv_poll_start(&c->poll, events, on_poll);
}

/* --- in ------------------------------------------------------------------------------ */

static bool frame_is_good(const struct channel *c, enum msg_type type, unsigned n)
{
	return msg_permitted(type, c->peer, c->self) && n <= msg_fds_max(type);
}

static size_t number_at(const char *p)
{
	return (size_t)(unsigned char)p[0] | (size_t)(unsigned char)p[1] << 8;
}

static bool is_bundle(struct span f)
{
	return f.len >= 2 && number_at(f.ptr) == CHANNEL_BUNDLE;
}

/* False: a frame in it is not good, or the owner says so. */
static bool open_bundle(struct channel *c, struct span rest)
{
	if (rest.len == 0)
		return false;
	while (rest.len > 0 && !c->shut) {
		size_t n = rest.len >= 2 ? number_at(rest.ptr) : 0;

		if (n == 0 || n > rest.len - 2)
			return false;
		struct span f = { rest.ptr + 2, n };
		enum msg_type type = msg_type_of(f);
		if (!msg_permitted(type, c->peer, c->self) ||
		    !c->handler->on_frame(c->ctx, c->peer, type, f, NULL, 0))
			return false;
		rest = (struct span){ f.ptr + n, rest.len - 2 - n };
	}
	return true;
}

/* False when there is nothing more to read now, or the channel has been shut. */
static bool receive_one(struct channel *c)
{
	uint8_t frame[MSG_BYTES_MAX];
	int fds[MSG_FDS_MAX];
	unsigned n = MSG_FDS_MAX;
	ssize_t got = fds_receive(c->fd, frame, sizeof frame, fds, &n, MSG_DONTWAIT);

	if (got < 0 && (errno == EINTR || errno == ECONNRESET))
		return true; /* a reset is told once, before what is still queued and the end */
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (got <= 0) {
		enum err failed = errno == EBADMSG ? ERR_PROTOCOL : ERR_SYSTEM;

		gone(c, got == 0 ? ERR_PEER_GONE : failed);
		return false;
	}

	struct span f = { (const char *)frame, (size_t)got };
	enum msg_type type = msg_type_of(f);

	if (n == 0 && is_bundle(f)) {
		if (!open_bundle(c, (struct span){ f.ptr + 2, f.len - 2 }))
			gone(c, ERR_PROTOCOL);
		return !c->shut;
	}
	if (!frame_is_good(c, type, n)) {
		close_all(fds, n);
		gone(c, ERR_PROTOCOL);
		return false;
	}
	if (!c->handler->on_frame(c->ctx, c->peer, type, f, fds, n))
		gone(c, ERR_PROTOCOL);
	return !c->shut;
}

void channel_drain(struct channel *c)
{
	/* The kernel's buffer bounds this: the peer of a drained channel is dead. */
	while (c != NULL && c->broken == ERR_OK && receive_one(c))
		;
}

/* --- out ----------------------------------------------------------------------------- */

/* What a send that failed says: a peer that is alive is not called gone, or nobody would make a
 * new wire. */
static enum err lost_by_errno(void)
{
	return errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN ? ERR_PEER_GONE
									  : ERR_SYSTEM;
}

/* ERR_AGAIN when the kernel's buffer is full, or all processes of this user together have more
 * descriptors on their way than one may have open (unix(7)); ERR_PEER_GONE, ERR_SYSTEM. */
static enum err send_now(struct channel *c, const uint8_t *frame, size_t bytes, const int *fds,
			 unsigned n)
{
	bool sent;

	do
		sent = fds_send(c->fd, frame, bytes, fds, n, MSG_DONTWAIT);
	while (!sent && errno == EINTR);
	if (sent)
		return ERR_OK;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == ETOOMANYREFS
		       ? ERR_AGAIN
		       : lost_by_errno();
}

static enum err declare_broken(struct channel *c, enum err why)
{
	if (c->broken == ERR_OK)
		c->broken = why;    /* the first reason: what comes after our own shutdown(2) is
				       none */
	shutdown(c->fd, SHUT_RDWR); /* wakes the loop: invariant 1 */
	return why;
}

static enum err enqueue(struct channel *c, const uint8_t *frame, size_t bytes, const int *fds,
			unsigned n)
{
	if (c->queued_frames >= QUEUE_FRAMES_MAX || c->queued_bytes + bytes > QUEUE_BYTES_MAX ||
	    c->queued_fds + n > QUEUE_FDS_MAX)
		return declare_broken(c, ERR_BUSY);

	struct queued *q = malloc(sizeof *q + bytes);
	if (q == NULL)
		return declare_broken(c, ERR_BUSY);
	q->next = NULL;
	q->bytes = bytes;
	memcpy(q->frame, frame, bytes);
	for (q->n = 0; q->n < n; q->n++) {
		q->fds[q->n] = fcntl(fds[q->n], F_DUPFD_CLOEXEC, 0);
		if (q->fds[q->n] < 0) {
			close_all(q->fds, q->n);
			free(q);
			return declare_broken(c, ERR_BUSY);
		}
	}
	*c->last = q;
	c->last = &q->next;
	c->queued_frames++;
	c->queued_bytes += bytes;
	c->queued_fds += n;
	watch(c);
	return ERR_OK;
}

enum err channel_send(struct channel *c, const uint8_t *frame, size_t bytes, const int *fds,
		      unsigned n)
{
	if (c == NULL || c->shut || c->broken != ERR_OK)
		return ERR_PEER_GONE;
	if (bytes == 0 || bytes > MSG_BYTES_MAX || n > MSG_FDS_MAX)
		return ERR_TOO_BIG;

	enum err e = c->first != NULL ? ERR_AGAIN : send_now(c, frame, bytes, fds, n);
	if (e == ERR_AGAIN)
		return enqueue(c, frame, bytes, fds, n);
	return e == ERR_OK ? ERR_OK : declare_broken(c, e);
}

enum err channel_send_bundle(struct channel *c, struct span entries, size_t *ret_taken)
{
	uint8_t frame[MSG_BYTES_MAX] = { CHANNEL_BUNDLE & 0xff, CHANNEL_BUNDLE >> 8 };
	size_t taken = 0;

	*ret_taken = 0;
	if (c != NULL && c->first != NULL)
		return ERR_AGAIN;
	while (taken + 2 <= entries.len) {
		size_t n = 2 + number_at(entries.ptr + taken);

		if (n > entries.len - taken || 2 + taken + n > sizeof frame)
			break;
		taken += n;
	}
	if (taken == 0)
		return ERR_TOO_BIG;
	memcpy(frame + 2, entries.ptr, taken);
	enum err e = channel_send(c, frame, 2 + taken, NULL, 0);
	if (e == ERR_OK)
		*ret_taken = taken;
	return e;
}

static void flush(struct channel *c)
{
	while (c->first != NULL) {
		enum err e = send_now(c, c->first->frame, c->first->bytes, c->first->fds,
				      c->first->n);

		if (e == ERR_AGAIN)
			return;
		if (e != ERR_OK) {
			declare_broken(c, e);
			return;
		}
		queue_drop_first(c);
	}
	watch(c);
}

/* --- life ---------------------------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct channel *c = poll->data;

	if (status == 0 && (events & UV_WRITABLE) != 0 && c->broken == ERR_OK)
		flush(c);
	if (c->broken != ERR_OK && c->broken != ERR_PEER_GONE) {
		gone(c, c->broken);
		return;
	}
	if (status < 0 || c->broken != ERR_OK) { /* the peer died: hear its last words */
		while (receive_one(c))
			;
		gone(c, ERR_PEER_GONE);
		return;
	}
	for (unsigned i = 0; i < FRAMES_PER_TURN && receive_one(c); i++)
		;
}

struct channel *channel_open(uv_loop_t *loop, int fd, enum role self, enum role peer,
			     const struct channel_handler *handler, void *ctx)
{
	struct channel *c = calloc(1, sizeof *c);

	if (c == NULL || uv_poll_init(loop, &c->poll, fd) != 0) { /* makes fd non-blocking */
		free(c);
		close(fd);
		return NULL;
	}
	c->poll.data = c;
	c->fd = fd;
	c->self = self;
	c->peer = peer;
	c->handler = handler;
	c->ctx = ctx;
	c->last = &c->first;
	if (uv_poll_start(&c->poll, UV_READABLE, on_poll) != 0) {
		shut(c);
		return NULL;
	}
	return c;
}

void channel_close(struct channel *c)
{
	if (c != NULL && !c->shut)
		shut(c);
}
