/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/ends.h"

const struct ending *ending_of(enum fetch_end end)
{
	static const struct ending table[] = {
		[FETCH_WHOLE] = { SEND_COMPLETE, 0, "", "" },
		[FETCH_STOPPED] = { SEND_FAILED, 502, "upstream_malformed",
				    "the reply was not usable" },
		[FETCH_ADDRESS_REFUSED] = { SEND_REFUSED, 502, "upstream_address",
					    "the destination's name leads to an address that "
					    "its tier "
					    "may not have" },
		[FETCH_NO_ADDRESS] = { SEND_FAILED, 502, "upstream_unreachable",
				       "the destination's name has no address" },
		[FETCH_NO_CONNECTION] = { SEND_FAILED, 502, "upstream_unreachable",
					  "the destination does not accept connections" },
		[FETCH_TLS] = { SEND_FAILED, 502, "upstream_tls",
				"the destination could not prove who it is" },
		[FETCH_TIMEOUT] = { SEND_FAILED, 504, "upstream_timeout",
				    "the destination took too long" },
		[FETCH_BROKEN] = { SEND_FAILED, 502, "upstream_broken",
				   "the destination broke the connection" },
		[FETCH_TOO_BIG] = { SEND_FAILED, 502, "upstream_too_big",
				    "the reply exceeds a limit" },
		[FETCH_ENCODED] = { SEND_FAILED, 502, "upstream_encoding",
				    "the reply is in a content coding that was not asked for" },
		[FETCH_FAILED] = { SEND_FAILED, 502, "upstream_failed", "the exchange failed" },
	};

	return &table[end];
}
