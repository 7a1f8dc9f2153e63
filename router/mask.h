/* SPDX-License-Identifier: Apache-2.0 */
/* Masking a chat before it leaves, and restoring the answer. Pure but for the map. */
#ifndef HITHER_ROUTER_MASK_H
#define HITHER_ROUTER_MASK_H

#include "dialect/chat.h"
#include "scan/scan.h"

struct masking {
	const struct scanner *scanner;
	struct arena *arena; /* what is changed is put here */
	struct scan_map *map;
	struct scan_set want;
};

/*
 * Masks every text of `io` that leaves as text: messages, arguments of calls, names, tools with
 * their schemas, formats, stop texts. Attachments are not looked into. The lists that `io`
 * points at are copied first, so the chat it was copied from stays as it is. *ret_any:
 * something was replaced.
 *
 * The same chat always gets the same placeholders; one that grew by a turn gets the same for
 * what it had, because tools come first and then messages in their order. A value that was
 * recognized anywhere is replaced in all messages.
 *
 * False: memory, the map or a budget is out, or a text did not come clean. Nothing may be sent
 * then.
 */
MUST_CHECK bool mask_chat(struct masking *m, struct chat *io, bool *ret_any);

/*
 * Restoring an answer, event by event. Each kind of text, and each call's arguments, is a
 * stream of its own: a placeholder may be split over events. Arguments are JSON and stay JSON.
 *
 * Reasoning that its author signs (`signed_reasoning`) stays masked: restored it would not be
 * what was signed, and come back as such. A signature over reasoning that was restored all the
 * same is dropped.
 */
struct restore;

/* Lives in `a`. The map must outlive it. NULL: the arena is full. */
struct restore *restore_new(struct arena *a, const struct scan_map *map, bool signed_reasoning);

/*
 * Gives the sink what `ev` makes known: none, one or more events, in order. `scratch` is
 * cleared and used. False: the sink said so, or memory or `scratch` is out (*ret_full).
 */
bool restore_event(struct restore *r, const struct chat_event *ev, struct buf *scratch,
		   chat_sink *sink, void *ctx, bool *ret_full);

#endif
