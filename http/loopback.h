/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loopback.h - what a listener on a loopback port asks of a request before anything else.
 * Pure: no state, no allocation, no copy.
 */
#ifndef HITHER_HTTP_LOOPBACK_H
#define HITHER_HTTP_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/span.h"

/* The Host field is this port under one of the loopback interface's names, letter for letter:
 * any other is a page whose own name was made to lead here (DNS rebinding). */
bool http_host_is_loopback(struct span host, uint16_t port);

/* The credential of an Authorization field of the Bearer scheme (RFC 6750 section 2.1), without
 * the space around it; empty with a NULL pointer when the field is of another scheme or not
 * there. Part of `authorization`. */
struct span http_bearer(struct span authorization);

#endif
