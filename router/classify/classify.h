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
	X(OPEN, "question.open")                                                               \
	X(CHOICE, "question.choice")                                                           \
	X(READING, "question.text")                                                            \
	X(SUMMARIZE, "summarize")                                                              \
	X(TRANSLATE, "translate")                                                              \
	X(REPLY, "reply")                                                                      \
	X(REWRITE, "rewrite")                                                                  \
	X(EXTRACT, "extract")                                                                  \
	X(REMINDER, "reminder")                                                                \
	X(TIMER, "timer")                                                                      \
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
	const char *language;   /* ISO 639-1 code; "" when it cannot be told */
	/* What drove the score, in words a person understands; static texts. */
	const char *reasons[CLASSIFY_REASONS_MAX];
	int8_t lean[CLASSIFY_REASONS_MAX]; /* of each: 1 harder, -1 easier, 0 what it is */
	uint32_t n_reasons;
};

struct classifier; /* immutable */

/*
 * Maps and checks a weights file (size, magic, version, SHA-256 trailer; crypto_init() is
 * called). NULL path: the linear model. Errors: ERR_NOT_FOUND, ERR_SYNTAX (not such a file or
 * another version), ERR_MISMATCH (hash), ERR_SYSTEM (not readable), ERR_NO_MEMORY; *ret is
 * then the linear model all the same, so that routing goes on by documented rules: the caller
 * says so.
 */
enum err classifier_open(const char *path, struct classifier **ret);

/*
 * The file that comes with this build: beside the program in a build tree, else in the data
 * folder relative to the program, else where it was configured to be installed. It must also
 * have the digest that the build knows (weights_pin.h), else ERR_MISMATCH. `found` gets the
 * path that was opened or, when there was none, the last one looked at; for the message.
 */
#define CLASSIFIER_PATH_BYTES 4096
enum err classifier_open_default(struct classifier **ret, char found[CLASSIFIER_PATH_BYTES]);

/* The file `path`, or, when that is NULL or empty, the one that comes with this build. */
enum err classifier_open_chosen(const char *path, struct classifier **ret,
				char found[CLASSIFIER_PATH_BYTES]);

void classifier_free(struct classifier *c); /* NULL is fine */

/* "linear-1", or the name in the weights file and the first digits of its digest. */
const char *classifier_name(const struct classifier *c);

/*
 * The reasons as the end of a sentence about the prompt: "asks for a program; harder because it
 * is long; easier because ...", "is harder because it is long". Cut to fit, always terminated;
 * empty when there are none.
 */
void classify_explain(const struct classify_result *r, char *out, size_t out_bytes);

/* Any bytes, any length; bounded time. */
void classify(const struct classifier *c, const struct classify_input *in,
	      struct classify_result *ret);

#endif
