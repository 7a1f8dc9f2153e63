/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the OpenAI Responses dialect. */
#ifndef HITHER_DIALECT_RESPONSES_IMPL_H
#define HITHER_DIALECT_RESPONSES_IMPL_H

#include "dialect/impl.h"

enum err responses_read(struct span body, struct arena *a, struct chat *ret,
			struct chat_problem *reterr);

/* `instructions` and `input` of a body. */
bool responses_read_input(struct reading *r, const cJSON *body);

enum err responses_send(const struct chat *c, const char *model, struct buf *out);

#endif
