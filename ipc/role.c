/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/role.h"

#include <stddef.h>
#include <string.h>

static const char *const names[ROLE_COUNT] = {
#define X(name, text) [ROLE_##name] = text,
	ROLE_MAP(X)
#undef X
};

const char *role_name(enum role r)
{
	return (unsigned)r < ROLE_COUNT ? names[r] : "any";
}

enum role role_from_name(const char *name)
{
	for (unsigned r = 0; name != NULL && r < ROLE_COUNT; r++)
		if (strcmp(name, names[r]) == 0)
			return (enum role)r;
	return ROLE_COUNT;
}

/* The picture in role.h, as a symmetric relation. */
static bool wired(enum role a, enum role b)
{
	if (a > b)
		return wired(b, a);
	return (a == ROLE_ROUTER && (b == ROLE_LOCAL || b == ROLE_CONSENT)) ||
	       (a == ROLE_CONSENT && b == ROLE_CLOUD);
}

int role_channel_fd(enum role self, enum role peer)
{
	if (self <= ROLE_BOOT || self >= ROLE_COUNT || (unsigned)peer >= ROLE_COUNT)
		return -1; /* boot's ends have no fixed numbers */
	if (peer == ROLE_BOOT)
		return ROLE_FD_CONTROL;
	return wired(self, peer) ? ROLE_FD_ROUTER + (int)(peer - ROLE_ROUTER) : -1;
}
