/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the Ollama dialect. */
#ifndef HITHER_DIALECT_OLLAMA_IMPL_H
#define HITHER_DIALECT_OLLAMA_IMPL_H

#include "dialect/impl.h"
#include "dialect/lists.h"

enum err ollama_read_chat(struct span body, struct arena *a, struct chat *ret,
			  struct chat_problem *reterr);
enum err ollama_read_generate(struct span body, struct arena *a, struct chat *ret,
			      struct chat_problem *reterr);

enum err ollama_send(const struct chat *c, const char *model, struct buf *out);

/* "2026-01-01T00:00:00Z", quoted. */
void ollama_put_time(struct buf *out, int64_t seconds);

#endif
