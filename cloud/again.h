/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May an attempt that came to nothing be followed by another one of the same bytes? Pure.
 * Only when it is certain that nobody acted upon them: no byte of the request was written, or
 * the destination said so itself (429 or 503 with Retry-After: RFC 9110, 10.2.3 and 15.6.4;
 * RFC 6585, 4).
 */
#ifndef HITHER_CLOUD_AGAIN_H
#define HITHER_CLOUD_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/fetch.h"

#define AGAIN_NO (-1)

struct again_facts {
	enum fetch_end end;     /* how the attempt ended, when no status came */
	int status;             /* 0: none came */
	int64_t retry_after_ms; /* as the reply said; AGAIN_NO: it did not */
	uint64_t bytes_out;     /* of the request, in this attempt */
	uint32_t attempts;      /* made so far, this one included */
	uint32_t retries;       /* further ones that the policy has */
	uint32_t wait_max_ms;
	uint64_t left_ms; /* until the deadline of the whole */
};

/* Milliseconds to wait before the next attempt; AGAIN_NO: there is none. */
int64_t again_wait_ms(const struct again_facts *f);

#endif
