/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the Anthropic dialect. */
#ifndef HITHER_DIALECT_ANTHROPIC_IMPL_H
#define HITHER_DIALECT_ANTHROPIC_IMPL_H

#include "dialect/impl.h"
#include "dialect/lists.h"

enum err anthropic_read(struct span body, struct arena *a, struct chat *ret,
			struct chat_problem *reterr);

/* `system` and `messages` of a body. */
bool anthropic_read_messages(struct reading *r, const cJSON *body);

/* [A-Za-z0-9_-]{1,128}. */
bool anthropic_is_tool_name(struct span name);

/* Body of an upstream request, and the fixed fields of its head. */
enum err anthropic_send(const struct chat *c, const char *model, struct buf *out);

#endif
