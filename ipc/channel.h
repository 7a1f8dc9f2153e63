/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a SOCK_SEQPACKET pair on a libuv loop. Sends are queued when the kernel's
 * buffer is full (bounded; past the bound the peer is treated as broken). A frame that is
 * malformed, not permitted from that peer, or carries too many descriptors breaks the
 * channel: descriptors are closed, on_gone is called, boot restarts the peer.
 *
 * A datagram is one frame, or a bundle of frames without descriptors: u16 CHANNEL_BUNDLE, then
 * for each u16 length and the frame, little-endian. Bundles are for what is said often and
 * heard by nobody in a hurry.
 */
#ifndef HITHER_IPC_CHANNEL_H
#define HITHER_IPC_CHANNEL_H

#include <uv.h>

#include "common/err.h"
#include "ipc/msg.h"

#define CHANNEL_BUNDLE 0xffff /* no message type */

struct channel;

struct channel_handler {
	/*
	 * One permitted, well-sized frame. `fds` (n of them, close-on-exec) belong to the
	 * callee from here on. Return false to declare the peer broken: the channel then
	 * calls on_gone with ERR_PROTOCOL.
	 */
	bool (*on_frame)(void *ctx, enum role peer, enum msg_type type, struct span frame,
			 const int *fds, unsigned n);
	/*
	 * The peer is gone (ERR_PEER_GONE), broke the protocol (ERR_PROTOCOL) or does not read
	 * (ERR_BUSY), or the kernel refused a send or receive (ERR_SYSTEM); called once, from
	 * the loop. The descriptor is closed already; the channel must not be used any more.
	 */
	void (*on_gone)(void *ctx, enum role peer, enum err why);
};

/* Takes over `fd` (made non-blocking). NULL when memory or the loop refuses; fd is then closed.
 */
struct channel *channel_open(uv_loop_t *loop, int fd, enum role self, enum role peer,
			     const struct channel_handler *handler, void *ctx);

/*
 * Sends one encoded frame; `fds` stay the caller's (they are duplicated by the kernel, or by
 * the queue). ERR_PEER_GONE, ERR_SYSTEM (channel is broken), ERR_BUSY (queue bound hit: channel
 * is broken), ERR_TOO_BIG. `c` may be NULL: ERR_PEER_GONE.
 */
MUST_CHECK enum err channel_send(struct channel *c, const uint8_t *frame, size_t bytes,
				 const int *fds, unsigned n);

/*
 * The first whole entries (u16 length, frame; as above) of `entries` that fit a datagram, as
 * one bundle, if the peer keeps up: nothing is queued for it. *ret_taken is how many bytes of
 * `entries` went. ERR_AGAIN: later (0 taken); else as channel_send.
 */
MUST_CHECK enum err channel_send_bundle(struct channel *c, struct span entries,
					size_t *ret_taken);

/* CHANNEL_SEND(c, ASK, &m, fds, n): encode and send. Evaluates to enum err. */
#define CHANNEL_SEND(c, NAME, message, fds, n)                                                 \
	__extension__({                                                                        \
		uint8_t frame_[MSG_BYTES_MAX];                                                 \
		size_t frame_bytes_ = msg_##NAME##_encode((message), frame_, sizeof frame_);   \
		frame_bytes_ == 0 ? ERR_TOO_BIG                                                \
				  : channel_send((c), frame_, frame_bytes_, (fds), (n));       \
	})

/*
 * Delivers what has already arrived, as the loop would, until nothing is left or the channel
 * is gone (on_gone is then called). For the moment before a channel to a dead peer is
 * replaced: its last words count. NULL is fine.
 */
void channel_drain(struct channel *c);

/* No more callbacks; closes the descriptor at once; frees later. NULL is fine. */
void channel_close(struct channel *c);

#endif
