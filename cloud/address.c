/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables of prefixes; the first that covers an address names its class. IPv6 is public
 * only inside 2000::/3, the one range given out for global unicast (RFC 4291 section 2.4).
 */
#include "cloud/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "common/span.h"

struct prefix {
	uint8_t bytes[16];
	uint8_t bits;
	enum address_class class;
};

static const struct prefix v4[] = {
	{ { 0 }, 8, ADDRESS_OTHER },             /* this network, RFC 791 */
	{ { 10 }, 8, ADDRESS_PRIVATE },          /* RFC 1918 */
	{ { 100, 64 }, 10, ADDRESS_PRIVATE },    /* shared, RFC 6598 */
	{ { 127 }, 8, ADDRESS_LOOPBACK },        /* RFC 1122 */
	{ { 169, 254 }, 16, ADDRESS_OTHER },     /* link-local, RFC 3927 */
	{ { 172, 16 }, 12, ADDRESS_PRIVATE },    /* RFC 1918 */
	{ { 192, 0, 0 }, 24, ADDRESS_OTHER },    /* protocol assignments, RFC 6890 */
	{ { 192, 0, 2 }, 24, ADDRESS_OTHER },    /* documentation, RFC 5737 */
	{ { 192, 88, 99 }, 24, ADDRESS_OTHER },  /* 6to4 relays, RFC 7526 */
	{ { 192, 168 }, 16, ADDRESS_PRIVATE },   /* RFC 1918 */
	{ { 198, 18 }, 15, ADDRESS_OTHER },      /* benchmarking, RFC 2544 */
	{ { 198, 51, 100 }, 24, ADDRESS_OTHER }, /* documentation, RFC 5737 */
	{ { 203, 0, 113 }, 24, ADDRESS_OTHER },  /* documentation, RFC 5737 */
	{ { 224 }, 3, ADDRESS_OTHER },           /* multicast and reserved, RFC 1112 */
};

static const struct prefix v6[] = {
	{ { 0x20, 0x01, 0x00, 0x00 }, 23, ADDRESS_OTHER }, /* RFC 2928 and Teredo */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, ADDRESS_OTHER }, /* documentation, RFC 3849 */
	{ { 0x3f, 0xff }, 20, ADDRESS_OTHER },             /* documentation, RFC 9637 */
	{ { 0x20 }, 3, ADDRESS_PUBLIC },                   /* global unicast */
	{ { 0xfc }, 7, ADDRESS_PRIVATE },                  /* unique local, RFC 4193 */
	{ { [15] = 1 }, 128, ADDRESS_LOOPBACK },           /* RFC 4291 */
};

/* IPv6 prefixes with an IPv4 address inside, at byte `at`. */
static const struct {
	struct prefix prefix;
	unsigned at;
} carriers[] = {
	{ { { [10] = 0xff, [11] = 0xff }, 96, ADDRESS_OTHER }, 12 }, /* mapped, RFC 4291 */
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96, ADDRESS_OTHER }, 12 },   /* NAT64, RFC 6052 */
	{ { { 0x20, 0x02 }, 16, ADDRESS_OTHER }, 2 },                /* 6to4, RFC 3056 */
};

static bool covers(const struct prefix *p, const uint8_t *address)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;
	unsigned mask = 0xffu & (0xff00u >> rest);

	return memcmp(p->bytes, address, whole) == 0 &&
	       (rest == 0 || ((p->bytes[whole] ^ address[whole]) & mask) == 0);
}

static enum address_class class_in(const struct prefix *table, size_t n, const uint8_t *address,
				   enum address_class otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (covers(&table[i], address))
			return table[i].class;
	return otherwise;
}

enum address_class address_class(const struct sockaddr *address)
{
	uint8_t bytes[16];

	if (address->sa_family == AF_INET) {
		memcpy(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
		       4);
		return class_in(v4, LEN(v4), bytes, ADDRESS_PUBLIC);
	}
	if (address->sa_family != AF_INET6)
		return ADDRESS_OTHER;
	memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
	for (size_t i = 0; i < LEN(carriers); i++)
		if (covers(&carriers[i].prefix, bytes))
			return class_in(v4, LEN(v4), bytes + carriers[i].at, ADDRESS_PUBLIC);
	return class_in(v6, LEN(v6), bytes, ADDRESS_OTHER);
}

bool address_allowed(const struct sockaddr *address, const struct address_rule *rule)
{
	switch (address_class(address)) {
	case ADDRESS_PUBLIC:
		return true;
	case ADDRESS_LOOPBACK:
		return rule->loopback;
	case ADDRESS_PRIVATE:
		return rule->local;
	default:
		return false;
	}
}
