/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An empty network namespace for the calling process (network_namespaces(7)): by privilege, or
 * in a user namespace that is made for it (user_namespaces(7)), where the system lets users
 * make such.
 */
#ifndef HITHER_PROC_NETWORK_H
#define HITHER_PROC_NETWORK_H

#include <stdbool.h>

/* Whose network a process has. Each of the empty ones wants what those before it want. */
enum network_use {
	NETWORK_KEPT,  /* the machine's */
	NETWORK_EMPTY, /* none; it goes by no user's number */
	NETWORK_PEERS, /* none; its own user must keep its number, to be known among others */
	NETWORK_LOOKS, /* none; it looks at other processes in /proc */
};

/* A user namespace and an empty network namespace that belongs to it. */
struct network_room {
	int user_fd, net_fd;
	bool named; /* its maker's user and group keep their numbers in there */
};

/* By privilege (CAP_SYS_ADMIN), and nothing else changes. False with errno. */
bool network_leave(void);

/*
 * Makes a room for such a use, in a child process that ends: the caller is what it was. NULL,
 * and the descriptors in *ret are the caller's; else what stands against it, in static memory.
 */
const char *network_room_make(enum network_use use, struct network_room *ret);

/*
 * Goes there and closes the descriptors; the caller must have one thread. Everybody but its own
 * user is then one user, the overflow user. It has each capability in there and must drop them,
 * and has no way back: what gets no further than half way ends. A program that is executed in
 * there can be looked into by any process of the same user, dumpable or not (ptrace(2)): no
 * role may be started so. False with errno: everything is as before.
 */
bool network_room_enter(struct network_room *io);

/* For who does not go. */
void network_room_close(struct network_room *io);

#endif
