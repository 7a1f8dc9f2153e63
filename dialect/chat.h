/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one request and the one event stream inside hither. Every client dialect is two pure
 * translators (its request -> struct chat; events -> its reply); every upstream is two more
 * (struct chat -> its request; its reply -> events). A new dialect is one file and a row in
 * dialect_table.
 */
#ifndef HITHER_DIALECT_CHAT_H
#define HITHER_DIALECT_CHAT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_TOOL };
enum chat_part_kind {
	CHAT_PART_TEXT,
	CHAT_PART_IMAGE,
	CHAT_PART_AUDIO,
	CHAT_PART_FILE,
	CHAT_PART_REASONING,
	CHAT_PART_REFUSAL
};

struct chat_part {
	enum chat_part_kind kind;
	struct span text;       /* text, or the data of the attachment (base64, or a data: URL's
				   payload) */
	struct span media_type; /* attachments */
	struct span name;       /* file name */
	struct span detail; /* images: "low" or "high" as the client asked; empty: not stated */
	struct span signature; /* reasoning: by which its author knows it again; opaque */
};

struct chat_tool_call {
	struct span id, name, arguments; /* arguments: JSON text of one object */
};

struct chat_message {
	enum chat_role role;
	struct chat_part *parts;
	uint32_t n_parts;
	struct chat_tool_call *calls; /* assistant */
	uint32_t n_calls;
	struct span tool_call_id; /* tool */
	struct span name;
	bool tool_error;
};

struct chat_tool {
	struct span name, description, schema; /* schema: JSON text, validated object */
	bool strict;
};

enum chat_tool_choice {
	CHAT_TOOLS_AUTO,
	CHAT_TOOLS_NONE,
	CHAT_TOOLS_REQUIRED,
	CHAT_TOOLS_NAMED
};
enum chat_format { CHAT_FORMAT_TEXT, CHAT_FORMAT_JSON, CHAT_FORMAT_SCHEMA };

enum chat_engine_cache { CHAT_CACHE_UNSAID, CHAT_CACHE_REUSE, CHAT_CACHE_FORGET };

/* Lives in the arena it was parsed into, together with everything it points at. */
struct chat {
	struct span model;
	struct chat_message *messages;
	uint32_t n_messages;
	struct chat_tool *tools;
	uint32_t n_tools;
	enum chat_tool_choice tool_choice;
	struct span tool_choice_name;
	bool parallel_tools, has_parallel_tools;
	enum chat_format format;
	struct span format_name, format_schema, format_description;
	bool format_strict;
	struct span *stop;
	uint32_t n_stop;
	double temperature, top_p, frequency_penalty, presence_penalty; /* valid when has_… */
	bool has_temperature, has_top_p, has_frequency_penalty, has_presence_penalty;
	int64_t seed;
	bool has_seed;
	double min_p,
		repeat_penalty; /* these three: by a dialect that has them, or the router */
	int32_t top_k;
	bool has_min_p, has_repeat_penalty, has_top_k;
	uint32_t n_answers;       /* 0 and 1: one */
	uint32_t max_tokens;      /* 0: none stated */
	bool max_tokens_new_name; /* stated as max_completion_tokens, which some models insist
				     on */
	struct span reasoning_effort;
	bool stream, include_usage;
	bool logprobs; /* token probabilities are to be shown (or, set by the router, watched)
			*/
	uint32_t top_logprobs; /* how many alternatives of each */
	/* Also set by the router: the engine's slot, from 0, -1 any; what it may skip there. */
	enum chat_engine_cache engine_cache;
	int32_t engine_slot;        /* when engine_cache is said */
	struct span format_grammar; /* of format_schema, for an engine that takes grammars */
	uint32_t engine_context_tokens; /* Ollama: what to load it with; 0: its choice */
	bool only_load, only_unload;    /* Ollama: no question, the model is to be (un)loaded */
	/* Totals the facts need. */
	uint64_t text_bytes;
	uint32_t images, audios, files;
	/* hither's own extension object in the body, {"hither":{"max_tier":"device"}}. */
	struct span max_tier;
	struct span app;
};

/* What a dialect's reader says about a bad request; texts are for people. */
struct chat_problem {
	int status;        /* 400, 404, 413, 422 … */
	char code[48];     /* "invalid_request", "unsupported_parameter", … */
	char param[96];    /* the field at fault, or empty */
	char message[300]; /* with line and column for malformed JSON */
	char request[27];  /* its id, for dialects whose errors have one; or empty */
};

enum chat_finish {
	CHAT_FINISH_NONE,
	CHAT_FINISH_STOP,
	CHAT_FINISH_LENGTH,
	CHAT_FINISH_TOOLS,
	CHAT_FINISH_FILTER
};

/*
 * Order: START (TEXT | REASONING | REFUSAL | TOOL | TOOL_ARGS | USAGE)* FINISH USAGE? END,
 * or ERROR at any point, which is the last. Of several answers each but the last ends with NEXT
 * instead of END, and the next one begins with START; their usage is that of all so far.
 */
enum chat_event_kind {
	CHAT_EV_START,     /* the upstream accepted the request */
	CHAT_EV_TEXT,      /* text; name: its tokens as a JSON array (OpenAI's), or empty */
	CHAT_EV_REASONING, /* text; or no text and id: the signature of the reasoning so far */
	CHAT_EV_REFUSAL,   /* text */
	CHAT_EV_TOOL,      /* index, id, name: a call begins */
	CHAT_EV_TOOL_ARGS, /* index, text: a fragment of its arguments */
	CHAT_EV_FINISH,    /* finish */
	CHAT_EV_USAGE,     /* tokens, cumulative */
	CHAT_EV_END,       /* terminal marker seen: the answer is whole */
	CHAT_EV_ERROR,     /* status, name = code, text = message (from a fixed list) */
	CHAT_EV_BREAK,     /* what follows is another part; by the router, never on a pipe */
	CHAT_EV_NEXT,      /* in place of END: another answer follows; as BREAK */
};

struct chat_event {
	enum chat_event_kind kind;
	uint32_t index;
	struct span text, id, name;
	enum chat_finish finish;
	/* -1 unknown. Input counts what came from a cache too; output counts reasoning too. */
	int64_t input_tokens, output_tokens, cached_tokens, reasoning_tokens;
	int status;
	double logprob; /* of this token; valid when has_logprob */
	bool has_logprob;
};

/* Called for each event in order; spans live during the call only. Return false to stop. */
typedef bool chat_sink(void *ctx, const struct chat_event *ev);

/*
 * Events on a reply pipe (cloud to router): u32 length, u8 kind, fixed fields, then the
 * spans with u32 lengths; little-endian (PROTOCOL.md). The reader is incremental and bounded.
 */
void chat_event_encode(const struct chat_event *ev, struct buf *out);
struct chat_event_reader {
	struct buf pending;
	bool failed;
	bool stopped; /* the sink said so: the rest is skipped */
};
void chat_event_reader_init(struct chat_event_reader *r, size_t max_event_bytes);
void chat_event_reader_free(struct chat_event_reader *r);
/* ERR_SYNTAX, ERR_TOO_BIG: the peer broke the protocol. ERR_OK otherwise, also when the sink
 * stopped. */
MUST_CHECK enum err chat_event_read(struct chat_event_reader *r, struct span bytes,
				    chat_sink *sink, void *ctx);

#endif
