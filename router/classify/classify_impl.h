/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside classify/. */
#ifndef HITHER_ROUTER_CLASSIFY_CLASSIFY_IMPL_H
#define HITHER_ROUTER_CLASSIFY_CLASSIFY_IMPL_H

#include "router/classify/classify.h"

/* The model without weights (linear.c). */
void classify_linear(const struct classify_input *in, struct classify_result *ret);

/* The model with weights (trained.c). */
struct weights;
void classify_trained(const struct weights *w, const struct classify_input *in,
		      struct classify_result *ret);

/* How long answers to such requests are, in tokens: by task, and by the text where the task
 * works on all of it. A rough table, not learned. */
uint32_t classify_output_tokens(enum classify_task task, size_t text_bytes);

#endif
