/* SPDX-License-Identifier: Apache-2.0 */
/* What readers of upstream replies share: events out, errors from a fixed list. */
#ifndef HITHER_DIALECT_UPSTREAM_IMPL_H
#define HITHER_DIALECT_UPSTREAM_IMPL_H

#include "dialect/impl.h"

struct upstream_out {
	chat_sink *sink; /* of the call in progress */
	void *ctx;
	bool stopped;    /* the sink said so */
	enum err failed; /* an ERROR event went out */
};

void upstream_emit(struct upstream_out *o, const struct chat_event *ev);

/* ERROR with code and text of a cause of our own; later calls do nothing. */
void upstream_cut(struct upstream_out *o);
void upstream_malformed(struct upstream_out *o);
void upstream_too_big(struct upstream_out *o);

/*
 * ERROR for what the upstream reported. `status`: HTTP status, or 0 inside a stream. `code`:
 * the upstream's own word; it is shown only when it is a short plain identifier.
 */
void upstream_reported(struct upstream_out *o, int status, struct span code);

/* NONE for words that are not known: such an end must not look whole. */
enum chat_finish upstream_finish(struct span word);

#endif
