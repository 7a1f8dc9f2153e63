/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the Gemini dialect. */
#ifndef HITHER_DIALECT_GEMINI_IMPL_H
#define HITHER_DIALECT_GEMINI_IMPL_H

#include "dialect/impl.h"

enum err gemini_send(const struct chat *c, const char *model, struct buf *out);
bool gemini_path(const char *model, const char *version, bool stream, struct buf *out);

#endif
