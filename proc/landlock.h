/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (linux/landlock.h, landlock(7)): which files, TCP ports and neighbours a process may
 * reach, as far as the kernel here can tell. Constants are our own, because a build machine's
 * headers are often older than the kernel it runs on.
 */
#ifndef HITHER_PROC_LANDLOCK_H
#define HITHER_PROC_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

enum landlock_access {
	LANDLOCK_READ,  /* open and list */
	LANDLOCK_WRITE, /* that, and make, change, remove, rename below it */
	LANDLOCK_RUN,   /* READ, and execute */
	LANDLOCK_USE,   /* a device: read, write, ioctl(2) */
};

#define LANDLOCK_PATHS_MAX 128
#define LANDLOCK_PORTS_MAX 64

/* What stays allowed; everything else of what the kernel handles is refused. Zero is nothing.
 */
struct landlock_grants {
	struct landlock_path {
		char *path; /* owned */
		enum landlock_access access;
	} paths[LANDLOCK_PATHS_MAX];
	unsigned n_paths;
	uint16_t ports[LANDLOCK_PORTS_MAX]; /* TCP, to connect to */
	unsigned n_ports;
	bool full; /* something did not fit: it is refused */
};

/* A path that does not exist when the grants take effect is left out. Too many: full. */
void landlock_grant(struct landlock_grants *g, const char *path, enum landlock_access access);
void landlock_grant_port(struct landlock_grants *g, uint16_t port);
bool landlock_port_granted(const struct landlock_grants *g, uint16_t port);
void landlock_grants_free(struct landlock_grants *g);

/* What this kernel has: 0 nothing, else the ABI's number. */
unsigned landlock_abi(void);

/*
 * In two steps, because between fork(2) and execve(2) nothing may allocate: prepare opens the
 * paths and gives a descriptor; enforce restricts this thread (and those it makes) and is
 * async-signal-safe. ERR_UNSUPPORTED: the kernel has none; ERR_SYSTEM with errno.
 */
MUST_CHECK enum err landlock_prepare(const struct landlock_grants *g, int *ret_fd,
				     unsigned *ret_abi);
MUST_CHECK enum err landlock_enforce(int fd);

#endif
