/* SPDX-License-Identifier: Apache-2.0 */
/* Exact texts are compared: nothing is normalised, so nothing can be normalised in two ways. */
#include "http/loopback.h"

#include <stdio.h>

#define BEARER "Bearer "

bool http_host_is_loopback(struct span host, uint16_t port)
{
	static const char *const names[] = { "127.0.0.1", "[::1]", "localhost" };
	char ours[32];

	for (size_t i = 0; i < LEN(names); i++) {
		snprintf(ours, sizeof ours, "%s:%u", names[i], port);
		if (span_is(host, ours))
			return true;
	}
	return false;
}

struct span http_bearer(struct span authorization)
{
	size_t n = sizeof BEARER - 1;

	if (authorization.ptr == NULL || authorization.len <= n ||
	    !span_is_nocase((struct span){ authorization.ptr, n }, BEARER))
		return (struct span){ NULL, 0 };
	return span_trim((struct span){ authorization.ptr + n, authorization.len - n });
}
