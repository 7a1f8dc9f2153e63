/* SPDX-License-Identifier: Apache-2.0 */
/* A destination's base_url, taken apart. Pure. */
#ifndef HITHER_CLOUD_ENDPOINT_H
#define HITHER_CLOUD_ENDPOINT_H

#include <stdbool.h>

#include "common/err.h"

struct endpoint {
	char url[1024];      /* what is asked for */
	char unix_path[108]; /* connect here instead of to the URL's host; "" when TCP */
	bool plain_http;     /* no TLS: loopback or a Unix socket */
	bool loopback;       /* the URL itself says 127.0.0.1, [::1] or localhost */
};

/*
 * `base_url` and the dialect's path make the URL. Accepted: https://HOST[:PORT][/PREFIX],
 * http:// to 127.0.0.1, [::1] or localhost, and unix:PATH[:/PREFIX] (PREFIX "/v1" unless
 * stated). ERR_SYNTAX for anything else, user names, queries and fragments; ERR_TOO_BIG.
 */
MUST_CHECK enum err endpoint_parse(const char *base_url, const char *path,
				   struct endpoint *ret);

#endif
