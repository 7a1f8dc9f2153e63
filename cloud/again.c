/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/again.h"

#define FIRST_WAIT_MS 250 /* doubled with each attempt */

static bool nothing_left_here(const struct again_facts *f)
{
	switch (f->end) {
	case FETCH_NO_ADDRESS:
	case FETCH_NO_CONNECTION:
	case FETCH_TIMEOUT:
	case FETCH_BROKEN:
		return f->bytes_out == 0;
	default: /* a wrong certificate or address does not mend itself */
		return false;
	}
}

int64_t again_wait_ms(const struct again_facts *f)
{
	int64_t wait_ms = AGAIN_NO;

	if (f->attempts > f->retries)
		return AGAIN_NO;
	if (f->status == 429 || f->status == 503)
		wait_ms = f->retry_after_ms;
	else if (f->status == 0 && nothing_left_here(f))
		wait_ms = (int64_t)FIRST_WAIT_MS << (f->attempts - 1);
	if (wait_ms > f->wait_max_ms || wait_ms >= (int64_t)f->left_ms)
		return AGAIN_NO;
	return wait_ms;
}
