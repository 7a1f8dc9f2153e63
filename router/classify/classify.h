/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one judgement about a prompt: how likely it is that the small model on this device will
 * not do (score), how sure that judgement is, and what kind of task it is. Pure and
 * deterministic; microseconds for a prompt; no allocation.
 *
 * With a weights file the score comes from the trained model; without one from a documented
 * linear model over a few counts (linear.c), and classifier_name() says so.
 */
#ifndef HITHER_ROUTER_CLASSIFY_CLASSIFY_H
#define HITHER_ROUTER_CLASSIFY_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/span.h"

/* Stable names; policy conditions use them (`task` globs). */
#define CLASSIFY_TASKS(X)                                                                      \
	X(CHAT, "chat")                                                                        \
	X(QUESTION, "question")                                                                \
	X(SUMMARIZE, "summarize")                                                              \
	X(TRANSLATE, "translate")                                                              \
	X(REPLY, "reply")                                                                      \
	X(REWRITE, "rewrite")                                                                  \
	X(EXTRACT, "extract")                                                                  \
	X(REMINDER, "reminder")                                                                \
	X(DEVICE, "device.control")                                                            \
	X(CODE, "code.write")                                                                  \
	X(CODE_EXPLAIN, "code.explain")                                                        \
	X(CODE_FIX, "code.fix")                                                                \
	X(MATH, "math")                                                                        \
	X(REASONING, "reasoning")                                                              \
	X(CREATIVE, "creative")                                                                \
	X(RESEARCH, "research")                                                                \
	X(TOOL, "tool")

enum classify_task {
#define X(id, name) CLASSIFY_##id,
	CLASSIFY_TASKS(X)
#undef X
		CLASSIFY_TASK_COUNT
};

const char *classify_task_name(enum classify_task t);

struct classify_input {
	struct span last_user;  /* text of the last user turn */
	struct span system;     /* may be empty */
	uint64_t history_bytes; /* text of all other messages */
	uint32_t messages;      /* in all */
	uint32_t tools;         /* declared */
	uint32_t attachments;
	bool tool_results; /* the last turn is a tool's result */
};

#define CLASSIFY_REASONS_MAX 4

struct classify_result {
	float score;      /* 0..1; higher: needs the stronger model more */
	float confidence; /* 0..1, of the score */
	enum classify_task task;
	uint32_t output_tokens; /* expected length of the answer */
	bool fresh;             /* seems to need knowledge of today */
	/* What drove the score, in words a person understands; static texts. */
	const char *reasons[CLASSIFY_REASONS_MAX];
	uint32_t n_reasons;
};

struct classifier; /* immutable */

/*
 * Reads and checks a weights file (magic, version, size, SHA-256 trailer) into memory.
 * NULL path: the linear model. Errors: ERR_NOT_FOUND, ERR_SYNTAX (not such a file or another
 * version), ERR_MISMATCH (hash), ERR_NO_MEMORY; *ret is then the linear model all the same,
 * so that routing goes on by documented rules: the caller says so.
 */
enum err classifier_open(const char *path, struct classifier **ret);
void classifier_free(struct classifier *c);
const char *
classifier_name(const struct classifier *c); /* "linear-1" or the file's name and version */

/* Any bytes, any length; bounded time. */
void classify(const struct classifier *c, const struct classify_input *in,
	      struct classify_result *ret);

#endif
