/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside classify/. */
#ifndef HITHER_ROUTER_CLASSIFY_CLASSIFY_IMPL_H
#define HITHER_ROUTER_CLASSIFY_CLASSIFY_IMPL_H

#include "router/classify/classify.h"

/* The model without weights (linear.c). */
void classify_linear(const struct classify_input *in, struct classify_result *ret);

#endif
