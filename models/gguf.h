/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a GGUF model file (ggml-org/ggml docs/gguf.md, versions 2 and 3): is it whole and
 * sane, and what does it say of itself. Pure; nothing is allocated in proportion to a number
 * that stands in the file.
 */
#ifndef HITHER_MODELS_GGUF_H
#define HITHER_MODELS_GGUF_H

#include <stdint.h>

#include "common/err.h"
#include "common/span.h"

/* A head is a few megabytes (the vocabulary is in it); one larger than this is refused. */
#define GGUF_HEAD_BYTES (256u << 20)

struct gguf {
	uint32_t version;
	uint64_t tensors;
	uint64_t parameters;              /* weights: elements of all tensors */
	char architecture[65], name[129]; /* "" when not stated or not plain text */
	uint32_t context_tokens;          /* 0 not stated, as all below */
	uint32_t layers, embedding, heads, heads_kv;
};

/*
 * `head`: the file from its first byte, the whole of it or at least min(file_bytes,
 * GGUF_HEAD_BYTES). Every length, count, type and tensor position is checked against the file.
 * ERR_UNSUPPORTED not GGUF or another version; ERR_TRUNCATED the file ends before its tensors
 * do; ERR_SYNTAX, ERR_TOO_BIG nonsense in the head. *ret_problem: an English phrase, static.
 */
MUST_CHECK enum err gguf_read(struct span head, uint64_t file_bytes, struct gguf *ret,
			      const char **ret_problem);

/* What the engine needs in RAM with that context, as far as the head tells: weights, cache,
 * scratch. */
uint64_t gguf_memory_bytes(const struct gguf *g, uint64_t file_bytes, uint32_t context_tokens);

#endif
