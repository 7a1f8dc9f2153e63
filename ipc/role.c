/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/role.h"

#include <stddef.h>
#include <string.h>

static const char *const names[ROLE_SEATS] = {
#define X(name, text) [ROLE_##name] = text,
	ROLE_MAP(X)
#undef X
		[ROLE_ROUTER_2] = "router-2",
	[ROLE_ROUTER_2 + 1] = "router-3",
	[ROLE_ROUTER_2 + 2] = "router-4",
	[ROLE_ROUTER_2 + 3] = "router-5",
	[ROLE_ROUTER_2 + 4] = "router-6",
};

const char *role_name(enum role r)
{
	return (unsigned)r < ROLE_SEATS ? names[r] : "any";
}

enum role role_from_name(const char *name)
{
	for (unsigned r = 0; name != NULL && r < ROLE_SEATS; r++)
		if (strcmp(name, names[r]) == 0)
			return (enum role)r;
	return ROLE_SEATS;
}

enum role role_kind(enum role seat)
{
	return seat >= ROLE_ROUTER_2 && seat < ROLE_SEATS ? ROLE_ROUTER : seat;
}

enum role role_router(unsigned n)
{
	return n == 0 ? ROLE_ROUTER : (enum role)(ROLE_ROUTER_2 + n - 1);
}

unsigned role_router_number(enum role seat)
{
	return seat < ROLE_ROUTER_2 ? 0 : (unsigned)(seat - ROLE_ROUTER_2) + 1;
}

/* The picture in role.h, as a symmetric relation of kinds. */
static bool wired(enum role a, enum role b)
{
	if (a > b)
		return wired(b, a);
	return (a == ROLE_ROUTER && (b == ROLE_LOCAL || b == ROLE_CONSENT)) ||
	       (a == ROLE_CONSENT && b == ROLE_CLOUD);
}

int role_channel_fd(enum role self, enum role peer)
{
	if (self <= ROLE_BOOT || self >= ROLE_SEATS || (unsigned)peer >= ROLE_SEATS)
		return -1; /* boot's ends have no fixed numbers */
	if (peer == ROLE_BOOT)
		return ROLE_FD_CONTROL;
	if (!wired(role_kind(self), role_kind(peer)))
		return -1;
	return peer < ROLE_COUNT ? ROLE_FD_ROUTER + (int)(peer - ROLE_ROUTER)
				 : ROLE_FD_ROUTER_2 + (int)(peer - ROLE_ROUTER_2);
}

bool role_stamp(enum role seat, uint64_t *io_number)
{
	if (*io_number >> ROLE_STAMP_SHIFT != 0)
		return false;
	*io_number |= (uint64_t)role_router_number(seat) << ROLE_STAMP_SHIFT;
	return true;
}

enum role role_stamped(uint64_t number)
{
	return role_router((unsigned)(number >> ROLE_STAMP_SHIFT) % ROLE_ROUTERS_MAX);
}
