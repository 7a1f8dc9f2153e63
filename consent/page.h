/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loopback web page: an agent in a process of its own (the consent role has no network).
 * It binds 127.0.0.1 and, where there is one, ::1 on a free port while it runs.
 *
 * Another user, a page in the browser and a name that rebinds to loopback get nothing: the
 * address carries a 128-bit token that is redeemed once, by POST, for a cookie that lives
 * PAGE_COOKIE_S; Host must be exactly the address, a POST needs the matching Origin and no
 * foreign Sec-Fetch-Site; there are no CORS headers, and methods but GET and POST get 405.
 */
#ifndef HITHER_CONSENT_PAGE_H
#define HITHER_CONSENT_PAGE_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

#define PAGE_COOKIE_S 300

struct page_setup {
	/* One call on the agents' socket. ERR_OK: *ret_status and the body in `out`. */
	enum err (*call)(void *ctx, const char *method, const char *path, struct span body,
			 int *ret_status, struct buf *out);
	/* The page can be opened at `url` now; once. */
	void (*ready)(void *ctx, const char *url);
	void *ctx;
	uint32_t idle_exit_ms; /* leave when nothing was asked for this long; 0: never */
};

/* Until SIGINT, SIGTERM or idle. ERR_SYSTEM (no port), ERR_NO_MEMORY. crypto_init() first. */
MUST_CHECK enum err page_run(const struct page_setup *setup);

#endif
