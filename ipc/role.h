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

#define ROLE_MAP(X)                                                                            \
	X(BOOT, "boot")                                                                        \
	X(ROUTER, "router")                                                                    \
	X(LOCAL, "local")                                                                      \
	X(CONSENT, "consent")                                                                  \
	X(CLOUD, "cloud")

enum role {
#define X(name, text) ROLE_##name,
	ROLE_MAP(X)
#undef X
		ROLE_COUNT
};

enum role_fd {
	ROLE_FD_CONTROL = 3, /* to boot */
	ROLE_FD_ROUTER =
		4, /* ROLE_FD_ROUTER + (role - ROLE_ROUTER) is the channel to that role */
	ROLE_FD_LOCAL = 5,
	ROLE_FD_CONSENT = 6,
	ROLE_FD_CLOUD = 7,
	ROLE_FD_CONFIG = 8,  /* sealed memfd: effective configuration, JSON */
	ROLE_FD_POLICY = 9,  /* sealed memfd: policy bundle (policy.h) */
	ROLE_FD_LISTEN = 16, /* first listening socket; see struct service_listen */
	ROLE_FD_LISTEN_MAX = 64
};

const char *role_name(enum role r);
/* ROLE_COUNT when there is no such role. */
enum role role_from_name(const char *name);
/* The number at which `self` holds its channel to `peer`; -1 when that wire does not exist. */
int role_channel_fd(enum role self, enum role peer);

#endif
