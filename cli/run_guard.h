/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use the loopback ports that `hither run` opens for one program. Web pages can reach
 * 127.0.0.1, names can be made to resolve to it, and so can every program and user of the
 * machine; so a request must carry the token that only this program was given, or, where its
 * client cannot send one (Ollama's), come from a process that this `hither run` started.
 */
#ifndef HITHER_CLI_RUN_GUARD_H
#define HITHER_CLI_RUN_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/span.h"

/* 256 bits in hex: 64 digits and NUL. */
#define RUN_TOKEN_BYTES 65

void run_token_new(char token[RUN_TOKEN_BYTES]);

/* What of a request says who sends it; spans with ptr NULL are absent headers. */
struct run_origin {
	struct span host, origin, site, authorization, api_key;
	bool twice; /* one of these headers stands there more than once */
};

struct run_refusal {
	int status;
	const char *code, *why; /* static; `why` is English */
};

/*
 * True when the request may go on; else *reterr. Host (RFC 9110 section 7.2) is exactly
 * 127.0.0.1:PORT or localhost:PORT; Origin (RFC 6454) and Sec-Fetch-Site, which only browsers
 * send, are absent. With `token`, not NULL: it stands in Authorization: Bearer (RFC 6750), in
 * x-api-key, or in both, and nothing else does; an empty x-api-key counts as absent. The
 * comparison takes the same time wherever they differ. Without: neither header is looked at.
 */
bool run_guard_allows(const struct run_origin *o, uint16_t port, const char *token,
		      struct run_refusal *reterr);

/*
 * Does a process below `root` hold the socket with this number (as /proc/PID/fd shows it)?
 * False also when it cannot be seen: no /proc, a program of another user, one that may not be
 * inspected.
 */
bool run_socket_below(pid_t root, uint64_t inode);

#endif
