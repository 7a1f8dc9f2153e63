/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/egress.h"

#include <stdlib.h>
#include <string.h>

#include "common/span.h"

#define HTTPS_PORT 443
#define ABI_PORTS  4 /* landlock.c */

uint16_t egress_port(const char *url)
{
	static const struct {
		const char *scheme;
		uint16_t port;
	} schemes[] = { { "https://", HTTPS_PORT }, { "http://", 80 },
			{ "socks4://", 1080 },      { "socks4a://", 1080 },
			{ "socks5://", 1080 },      { "socks5h://", 1080 } };

	for (size_t i = 0; i < LEN(schemes); i++) {
		size_t n = strlen(schemes[i].scheme);

		if (strncmp(url, schemes[i].scheme, n) != 0)
			continue;
		const char *host = url + n, *end = host + strcspn(host, "/?#");
		const char *at = memrchr(host, '@', (size_t)(end - host));
		const char *from = at != NULL ? at + 1 : host;
		const char *bracket = memrchr(from, ']', (size_t)(end - from));
		const char *colon = memchr(bracket != NULL ? bracket : from, ':',
					   (size_t)(end - (bracket != NULL ? bracket : from)));
		unsigned long port = colon != NULL ? strtoul(colon + 1, NULL, 10) : 0;

		return port > 0 && port <= UINT16_MAX ? (uint16_t)port : schemes[i].port;
	}
	return 0;
}

static void grant_url(struct landlock_grants *io, const char *url)
{
	uint16_t port = url != NULL ? egress_port(url) : 0;

	if (port != 0)
		landlock_grant_port(io, port);
}

static bool path_granted(const struct landlock_grants *g, const char *path)
{
	for (unsigned i = 0; i < g->n_paths; i++)
		if (strcmp(g->paths[i].path, path) == 0)
			return true;
	return false;
}

void egress_grants(const struct policy_set *set, struct landlock_grants *io)
{
	landlock_grant_port(io, HTTPS_PORT);
	for (size_t i = 0; i < policy_destinations(set); i++) {
		const struct policy_destination *d = policy_destination(set, i);

		if (d->tier == POLICY_TIER_DEVICE)
			continue;
		grant_url(io, d->base_url);
		grant_url(io, d->proxy);
		if (d->pin_ca_file != NULL && !path_granted(io, d->pin_ca_file))
			landlock_grant(io, d->pin_ca_file, LANDLOCK_READ);
	}
}

bool egress_covers(const struct landlock_grants *had, const struct landlock_grants *wanted)
{
	unsigned abi = landlock_abi();

	for (unsigned i = 0; abi >= 1 && i < wanted->n_paths; i++)
		if (!path_granted(had, wanted->paths[i].path))
			return false;
	for (unsigned i = 0; abi >= ABI_PORTS && i < wanted->n_ports; i++)
		if (!landlock_port_granted(had, wanted->ports[i]))
			return false;
	return true;
}
