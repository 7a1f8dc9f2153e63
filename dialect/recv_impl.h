/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What readers of replies share: framing, the gate, calls, usage, and the rule what makes an
 * answer whole. One dialect adds only what its objects mean.
 */
#ifndef HITHER_DIALECT_RECV_IMPL_H
#define HITHER_DIALECT_RECV_IMPL_H

#include "dialect/upstream_impl.h"

enum recv_framing { RECV_SSE, RECV_LINES };
enum recv_state { RECV_NEW, RECV_OPEN, RECV_MARKED, RECV_REFUSED };

struct recv_kind {
	enum recv_framing framing;
	bool ends_with_body; /* no marker: a known finish and the end of the body are one */
	bool ends_with_done; /* the marker is OpenAI's [DONE]; elsewhere that says nothing */
	size_t own_bytes;    /* the dialect's state, zeroed */
	/*
	 * One object of a stream that passed the gate; `event` is the SSE event's name. Sets
	 * the finish, and RECV_MARKED with the terminal marker; after that nothing more is
	 * given.
	 */
	void (*object)(struct upstream_reader *r, struct span event, struct span json);
	/* A plain body; it is whole when it sets a finish. */
	void (*whole)(struct upstream_reader *r, struct span json);
	/* Asked at an end that would be whole: could every call be made? NULL: yes. */
	bool (*sound)(struct upstream_reader *r);
};

struct upstream_reader {
	const struct recv_kind *kind;
	enum recv_state state;
	struct upstream_out out;
	struct arena *arena;
	bool stream;
	int status;
	struct sse_reader sse;
	struct buf line;                     /* unfinished line of RECV_LINES */
	struct buf body;                     /* plain reply, or the start of an error body */
	struct buf text, id_text, name_text; /* scratch */
	uint32_t n_calls;
	enum chat_finish finish;
	struct chat_event usage;
	void *own;
};

#define RECV_NO_CALL    UINT32_MAX
#define RECV_NAME_BYTES ((size_t)256) /* of a call's id or name, after unescaping */

struct upstream_reader *recv_new(struct arena *a, bool stream, size_t max_event_bytes,
				 const struct recv_kind *kind);
enum err recv_status(struct upstream_reader *r, int status, chat_sink *sink, void *ctx);
enum err recv_bytes(struct upstream_reader *r, struct span bytes, chat_sink *sink, void *ctx);
enum err recv_end(struct upstream_reader *r, chat_sink *sink, void *ctx);
void recv_free(struct upstream_reader *r);

/* TEXT, REASONING or REFUSAL of a raw JSON string; absent and empty ones give nothing. */
void recv_text(struct upstream_reader *r, enum chat_event_kind kind, struct span raw);
/* The signature of the reasoning so far. */
void recv_signature(struct upstream_reader *r, struct span raw);
/* A call begins; an absent id is made up. The number for its arguments, or RECV_NO_CALL. */
uint32_t recv_call(struct upstream_reader *r, struct span raw_id, struct span raw_name);
/* A fragment: a raw JSON string is unescaped, a raw object taken as it is. */
void recv_args(struct upstream_reader *r, uint32_t call, struct span raw);
/* Raw counts, cumulative; absent ones leave what was known. Emits when something changed. */
struct recv_usage {
	struct span input, output, cached, reasoning;
};
void recv_usage(struct upstream_reader *r, const struct recv_usage *raw);
/* `word` is a raw JSON string; words that are not known end in an error. */
void recv_finish(struct upstream_reader *r, struct span word);
/* An error object: `code`, `type` or `status` give the word, a numeric code the status. */
void recv_error(struct upstream_reader *r, struct span error);

#endif
