/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client dialects (who talks to us) and upstream dialects (whom we talk to). All pure.
 * Wire shapes: OpenAI's OpenAPI document 2.3.0; event streams: WHATWG HTML section 9.2.
 */
#ifndef HITHER_DIALECT_DIALECT_H
#define HITHER_DIALECT_DIALECT_H

#include "dialect/chat.h"

/* --- clients ------------------------------------------------------------------------- */

/* What stays the same through one reply. */
struct reply_head {
	const char *id; /* "chatcmpl-…" made by the caller */
	int64_t created_s;
	const char *model; /* as shown to the client */
	bool stream;
	bool include_usage;
	/* The request, for replies that repeat parts of it (Responses); NULL: the defaults. */
	const struct chat *chat;
	/* Times of this reply as far as they are known when END is given; 0 unknown (Ollama).
	 */
	int64_t total_ns, load_ns, prompt_ns, answer_ns;
};

/*
 * State of writing one reply. Streamed: bytes appear in `out` after every event. Not
 * streamed: bytes appear with END (or ERROR).
 */
struct reply_writer;

struct client_dialect {
	const char *name; /* "openai.chat" */
	/* Body to chat. OK, or not OK with *reterr filled for the dialect's error shape. */
	enum err (*read)(struct span body, struct arena *a, struct chat *ret,
			 struct chat_problem *reterr);
	struct reply_writer *(*writer_new)(struct arena *a, const struct reply_head *head);
	/*
	 * False when the event breaks the order or cannot be expressed (a call's arguments that
	 * are no JSON, where the dialect shows an object): the caller gives an ERROR instead,
	 * which is accepted unless END or ERROR was.
	 */
	bool (*writer_event)(struct reply_writer *w, const struct chat_event *ev,
			     struct buf *out);
	/* An error before the first byte: a whole JSON body. */
	void (*error_body)(const struct chat_problem *p, struct buf *out);
	const char *stream_type; /* "text/event-stream" */
	const char *id_field; /* header field for a request's id beside x-request-id, or NULL */
	const char *keepalive; /* may be written between events; NULL: the dialect has none */
};

extern const struct client_dialect dialect_openai_chat;        /* /v1/chat/completions */
extern const struct client_dialect dialect_openai_completions; /* /v1/completions */
extern const struct client_dialect dialect_openai_responses;   /* /v1/responses */
extern const struct client_dialect dialect_anthropic_messages; /* /v1/messages */
extern const struct client_dialect dialect_ollama_chat;        /* /api/chat */
extern const struct client_dialect dialect_ollama_generate;    /* /api/generate */

/*
 * Which dialect a path speaks, for chats and for the shape of errors on every other path of
 * the same family (lists, embeddings, /v1/messages/count_tokens). The path decides; only the
 * list of models is shared, and there an anthropic-version header does. NULL: not one of ours.
 * `path` has no query.
 */
const struct client_dialect *client_dialect_find(struct span path, bool has_anthropic_version);

/* --- upstreams ----------------------------------------------------------------------- */

struct upstream_reader; /* incremental reading of one reply */

struct upstream_dialect {
	const char *name; /* "openai": the policy's `api` */
	const char *path; /* appended to base_url: "/chat/completions" */
	/*
	 * Where the path depends on the request: appended to base_url instead of `path`.
	 * `version` is the destination's, or NULL. False: the model's name cannot stand in a
	 * path. NULL: `path` is all.
	 */
	bool (*path_for)(const char *model, const char *version, bool stream, struct buf *out);
	const char *key_header; /* field that carries the key; NULL: Authorization: Bearer */
	bool signs_reasoning;   /* a signature holds the reasoning's text to what it was */
	/* A field that names the version of the API, and which one is spoken unless the
	 * destination says another; NULL: none. */
	const char *version_header, *version;
	/*
	 * Known fields only, from the struct; never the client's bytes. ERR_UNSUPPORTED: the
	 * chat has something this dialect cannot say; ERR_TOO_BIG: `out` is full.
	 */
	enum err (*write)(const struct chat *c, const char *model, struct buf *out);
	/* `stream`: what was asked for. Lives in `a`; `max_event_bytes` caps one event and one
	 * plain body. */
	struct upstream_reader *(*reader_new)(struct arena *a, bool stream,
					      size_t max_event_bytes);
	/*
	 * HTTP status first, then body bytes as they come, then the end of a body that arrived
	 * whole. Not OK exactly when an ERROR event was given to the sink, by this call or an
	 * earlier one: ERR_TRUNCATED (no terminal marker), ERR_TOO_BIG (a cap), ERR_SYNTAX (not
	 * what the dialect says), ERR_DENIED (the upstream reported an error). Everything after
	 * that is skipped. When the transfer itself fails the caller makes the ERROR event and
	 * does not call reader_end.
	 */
	enum err (*reader_status)(struct upstream_reader *r, int status, chat_sink *sink,
				  void *ctx);
	enum err (*reader_bytes)(struct upstream_reader *r, struct span bytes, chat_sink *sink,
				 void *ctx);
	/* Emits FINISH and END when the terminal marker was seen, ERROR (code "stream_cut")
	 * otherwise. */
	enum err (*reader_end)(struct upstream_reader *r, chat_sink *sink, void *ctx);
	void (*reader_free)(struct upstream_reader *r);
};

/* "openai": any server that speaks OpenAI chat. "llamacpp": the same as llama-server speaks it.
 */
extern const struct upstream_dialect upstream_openai_chat;
extern const struct upstream_dialect upstream_llamacpp_chat;
/* The same with one vendor's differences: "azure-openai", "mistral", "openrouter". */
extern const struct upstream_dialect upstream_azure_openai;
extern const struct upstream_dialect upstream_mistral;
extern const struct upstream_dialect upstream_openrouter;
extern const struct upstream_dialect upstream_openai_responses; /* "openai-responses" */
extern const struct upstream_dialect upstream_anthropic;        /* "anthropic" */
/* Its max_tokens is required; every current model allows as much. */
#define ANTHROPIC_DEFAULT_MAX_TOKENS 8192
extern const struct upstream_dialect upstream_ollama; /* "ollama" */
extern const struct upstream_dialect upstream_gemini; /* "gemini" */
/* By the policy's `api`; NULL when not supported. */
const struct upstream_dialect *upstream_dialect_find(const char *api);
/*
 * Why its write() answers ERR_UNSUPPORTED: the field, in OpenAI chat's words, that has to go;
 * "messages" when something in them is it. NULL: it can be written.
 */
const char *upstream_unsaid(const struct upstream_dialect *d, const struct chat *c,
			    const char *model);

/* --- event streams (WHATWG HTML, section 9.2) ---------------------------------------- */

struct sse_reader {
	struct buf line, data, event;
	struct span only; /* has_only: the event's one line of data, in what is being read */
	bool has_only, started, last_was_cr, failed, stopped;
};
/* One event per call: `event` may be empty. */
typedef bool sse_sink(void *ctx, struct span event, struct span data);
void sse_reader_init(struct sse_reader *r, size_t max_bytes);
void sse_reader_free(struct sse_reader *r);
MUST_CHECK enum err sse_read(struct sse_reader *r, struct span bytes, sse_sink *sink,
			     void *ctx);

#endif
