/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings: three request shapes (OpenAI's, Ollama's /api/embed and its older
 * /api/embeddings), one request struct, three replies; and the exchange with the engine, in
 * OpenAI's shape. Pure.
 */
#ifndef HITHER_DIALECT_EMBED_H
#define HITHER_DIALECT_EMBED_H

#include "dialect/dialect.h"

enum embed_shape { EMBED_OPENAI, EMBED_OLLAMA, EMBED_OLLAMA_OLD };

/* Lives in the arena it was read into. */
struct embed_request {
	enum embed_shape shape;
	struct span model;
	struct span *inputs; /* texts; at least one */
	uint32_t n_inputs;
	uint32_t dimensions; /* 0: as many as the model gives */
	bool base64;         /* OpenAI only: answer as little-endian float32 in base64 */
	uint64_t text_bytes;
};

struct embed_vector {
	const float *values; /* finite */
	size_t n;
};

/* Errors as client_dialect.read: a problem for the dialect's error shape. */
MUST_CHECK enum err embed_read(enum embed_shape shape, struct span body, struct arena *a,
			       struct embed_request *ret, struct chat_problem *reterr);

/*
 * One vector for each input, in order. `input_tokens`: -1 unknown; where a client demands a
 * number it is then 0.
 */
void embed_put(const struct embed_request *q, const char *model,
	       const struct embed_vector *vectors, int64_t input_tokens, struct buf *out);

/* The body for the engine's /v1/embeddings; it answers in base64, a third of the bytes. */
void embed_send(const struct embed_request *q, struct buf *out);

/*
 * The engine's reply: *ret has one vector for each input, all of one length, in `a`;
 * *ret_tokens -1 unknown. Errors with *reterr: ERR_UNSUPPORTED (it makes no embeddings, or not
 * of that many dimensions), ERR_TOO_BIG (an input is too long for it), ERR_SYNTAX (not what was
 * asked for), ERR_DENIED (it failed), ERR_NO_MEMORY.
 */
MUST_CHECK enum err embed_recv(int status, struct span body, const struct embed_request *q,
			       struct arena *a, struct embed_vector **ret, int64_t *ret_tokens,
			       struct chat_problem *reterr);

#endif
