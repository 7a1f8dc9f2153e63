/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers of replies share: the order of events, and text that grows in an arena. */
#ifndef HITHER_DIALECT_REPLY_IMPL_H
#define HITHER_DIALECT_REPLY_IMPL_H

#include "dialect/impl.h"

/* Text that grows in an arena. */
struct rope {
	struct piece *first, *last;
};
bool rope_add(struct arena *a, struct rope *r, struct span text);
/* Its bytes, in order. */
void rope_join(const struct rope *r, struct buf *out);
/* A JSON string of it. */
void rope_put(struct buf *out, const struct rope *r);

/* How far the text of one JSON object has come; enough to know its end, not its validity. */
struct object_end {
	uint32_t depth;
	bool in_string, escaped, done, broken;
};
void object_end_feed(struct object_end *o, struct span text);

struct reply_call {
	struct span id, name;
	struct rope arguments; /* kept when not streamed, or when the kind says so */
	struct object_end end;
	bool has_arguments;
	bool dropped; /* cut off by a limit before its arguments were whole */
};

enum writer_state { WRITER_NEW, WRITER_STARTED, WRITER_FINISHED, WRITER_OVER };

/*
 * One dialect's hooks. They are called in an order that was checked. Streamed: each as its
 * event comes. Not streamed: only `whole` and `error`, unless `always`. False: the event
 * cannot be expressed, and nothing of it was written.
 */
struct reply_kind {
	bool keeps_arguments; /* also when streamed */
	bool needs_objects; /* calls with arguments that are no JSON object are not passed on */
	bool no_calls;      /* the dialect has none */
	bool logprobs;      /* shows token probabilities when they were asked for */
	bool always;        /* text, tool, args and finish also when not streamed */
	bool (*text)(struct reply_writer *w, enum chat_event_kind kind, struct span text,
		     struct buf *out);
	/* Of the reasoning so far; may be NULL. */
	void (*signature)(struct reply_writer *w, struct span signature, struct buf *out);
	/* Text that follows is to be a part of its own; may be NULL: the dialect has none. */
	void (*part)(struct reply_writer *w, struct buf *out);
	bool (*tool)(struct reply_writer *w, uint32_t index, struct buf *out);
	bool (*args)(struct reply_writer *w, uint32_t index, struct span text, struct buf *out);
	bool (*finish)(struct reply_writer *w, struct buf *out);
	/* An answer is whole and another one follows; NULL: there can be only one. False:
	 * memory. */
	bool (*next)(struct reply_writer *w);
	void (*end)(struct reply_writer *w, struct buf *out);
	void (*whole)(struct reply_writer *w, struct buf *out);
	void (*error)(struct reply_writer *w, const struct chat_event *ev, struct buf *out);
};

struct reply_writer {
	const struct reply_kind *kind;
	enum writer_state state;
	struct arena *arena;
	const struct reply_head *head;
	void *own; /* the dialect's */
	bool has_text, has_refusal, has_usage;
	struct rope text, reasoning, refusal; /* when not streamed and not `always` */
	struct span signature;
	struct span tokens;   /* of the text that `text` is given now: CHAT_EV_TEXT's name */
	struct rope logprobs; /* when not streamed: entries, comma-separated */
	struct reply_call *calls[CHAT_MAX_CALLS];
	uint32_t n_calls;
	enum chat_finish finish;
	uint32_t answer; /* from 0 */
	struct rope
		done; /* when not streamed: the choices before this one, each with a comma */
	struct chat_event usage; /* tokens; -1 unknown */
};

/* `own_bytes` zeroed bytes for the dialect. NULL when the arena is full. */
struct reply_writer *reply_new(struct arena *a, const struct reply_head *head,
			       const struct reply_kind *kind, size_t own_bytes);
bool reply_event(struct reply_writer *w, const struct chat_event *ev, struct buf *out);

/* Puts what `put` says of the answer that is whole among those that are done; false: memory. */
bool reply_keep_choice(struct reply_writer *w,
		       void (*put)(struct reply_writer *w, struct buf *out));

/* `prefix` and what follows the first '-' or '_' of the head's id: "msg_01J…". */
void reply_put_id(const struct reply_writer *w, const char *prefix, struct buf *out);

/* A call's arguments as an object, and as a string; "{}" when there were none. */
void reply_put_object(const struct reply_call *c, struct buf *out);
void reply_put_arguments(const struct reply_call *c, struct buf *out);

/*
 * The entries of `raw`, an array of tokens as servers send it, with at most `top` alternatives
 * each; without brackets. False: it is no such array, nothing was written.
 */
bool logprobs_put(struct span raw, uint32_t top, struct buf *out);

/* OpenAI's error object, of chat, completions, responses, models and embeddings. */
void openai_put_error(struct buf *out, int status, struct span code, struct span param,
		      struct span message);
void openai_error_body(const struct chat_problem *p, struct buf *out);
/* …,"usage":{…} of chat and completions. */
void openai_put_usage(struct buf *out, const struct chat_event *u);
const char *openai_finish_word(enum chat_finish f);

#endif
