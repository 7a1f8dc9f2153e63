/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a destination may lie, by the address its name turned out to have. Pure. Ranges:
 * IANA special-purpose address registries (RFC 6890 and its updates).
 */
#ifndef HITHER_CLOUD_ADDRESS_H
#define HITHER_CLOUD_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

enum address_class {
	ADDRESS_PUBLIC,
	ADDRESS_LOOPBACK,
	ADDRESS_PRIVATE, /* RFC 1918, RFC 4193, shared address space of RFC 6598 */
	ADDRESS_OTHER, /* unspecified, link-local, multicast, documentation, reserved, no IP */
};

/*
 * IPv6 forms that carry an IPv4 address (mapped, compatible, NAT64, 6to4) count as what they
 * carry.
 */
enum address_class address_class(const struct sockaddr *address);

struct address_rule {
	bool loopback; /* may lie on this machine */
	bool local;    /* may lie in private ranges */
};

/* ADDRESS_PUBLIC always; ADDRESS_OTHER never. */
bool address_allowed(const struct sockaddr *address, const struct address_rule *rule);

#endif
