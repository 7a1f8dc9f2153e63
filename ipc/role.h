/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes, and the descriptor numbers each is born with. Numbers are fixed so that a
 * role's system call filter can name them: recvmsg(2) is allowed on channels and on nothing
 * else, and a channel that is renewed is duplicated onto its old number.
 *
 *   boot --control--> every role       (renewed channels, policy, configuration, stop)
 *   router <-> local                   (connected engine descriptors)
 *   router <-> consent                 (asks, answers, the read end of a reply pipe)
 *   consent <-> cloud                  (sealed bodies, the write end of a reply pipe)
 *
 * router <-> cloud, local <-> consent, local <-> cloud deliberately do not exist.
 */
#ifndef HITHER_IPC_ROLE_H
#define HITHER_IPC_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#define ROLE_MAP(X)                                                                            \
	X(BOOT, "boot")                                                                        \
	X(ROUTER, "router")                                                                    \
	X(LOCAL, "local")                                                                      \
	X(CONSENT, "consent")                                                                  \
	X(CLOUD, "cloud")

/*
 * There may be several routers (daemon.router_processes): each further one is a process with
 * wires of its own, wired as the first and confined as the first, and no two of them have one
 * between them. A seat is one process; role_kind() says what it is.
 */
#define ROLE_ROUTERS_MAX 6

enum role {
#define X(name, text) ROLE_##name,
	ROLE_MAP(X)
#undef X
		ROLE_COUNT,
	ROLE_ROUTER_2 = ROLE_COUNT, /* and so on */
	ROLE_SEATS = ROLE_COUNT + ROLE_ROUTERS_MAX - 1
};

enum role_fd {
	ROLE_FD_CONTROL = 3, /* to boot */
	ROLE_FD_ROUTER =
		4, /* ROLE_FD_ROUTER + (role - ROLE_ROUTER) is the channel to that role */
	ROLE_FD_LOCAL = 5,
	ROLE_FD_CONSENT = 6,
	ROLE_FD_CLOUD = 7,
	ROLE_FD_CONFIG = 8,    /* sealed memfd: effective configuration, JSON */
	ROLE_FD_POLICY = 9,    /* sealed memfd: policy bundle (policy.h) */
	ROLE_FD_BOARD = 10,    /* routers, when there are several: ipc/board.h */
	ROLE_FD_ROUTER_2 = 11, /* ROLE_FD_ROUTER_2 + (seat - ROLE_ROUTER_2): to that router */
	ROLE_FD_LISTEN = 16,   /* first listening socket; see struct service_listen */
	ROLE_FD_LISTEN_MAX = 120
};

/* "router", and of the further ones "router-2" to "router-6". */
const char *role_name(enum role r);
/* ROLE_SEATS when there is no such seat. */
enum role role_from_name(const char *name);
/* ROLE_ROUTER for each router; the role itself for every other. */
enum role role_kind(enum role seat);
/* The seat of router number `n`, from 0; n < ROLE_ROUTERS_MAX. */
enum role role_router(unsigned n);
/* The way back: the number of that router; of any other role 0. */
unsigned role_router_number(enum role seat);
/* The number at which `self` holds its channel to `peer`; -1 when that wire does not exist. */
int role_channel_fd(enum role self, enum role peer);

/*
 * Numbers that a router gives (requests, slots) name a thing only together with the router they
 * came from: whoever keeps them stamps them with the seat of the wire they came on, and takes
 * the stamp off on the way back. A router's own numbers stay below the stamp's bits; false:
 * this one does not.
 */
#define ROLE_STAMP_SHIFT 60
bool role_stamp(enum role seat, uint64_t *io_number);
enum role role_stamped(uint64_t number);
static inline uint64_t role_unstamped(uint64_t number)
{
	return number & ((UINT64_C(1) << ROLE_STAMP_SHIFT) - 1);
}

#endif
