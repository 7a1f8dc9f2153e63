/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a role: fork, descriptors to their fixed numbers (ipc/role.h), exec of this program.
 */
#ifndef HITHER_PROC_SPAWN_H
#define HITHER_PROC_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "ipc/role.h"

/* Who a process becomes; `set` false: whoever boot is. */
struct spawn_as {
	bool set;
	uid_t uid;
	gid_t gid;
};

struct spawn_order {
	enum role role; /* a seat */
	struct spawn_as as;
	int control;             /* the role's end of the wire to boot */
	int channel[ROLE_SEATS]; /* the role's ends to its peers; -1: none now */
	int config, policy;      /* sealed memfds */
	int board;               /* ipc/board.h; -1: none */
	uint64_t policy_generation;
	const int *listen;               /* n_listen sockets … */
	const char *const *listen_names; /* … and their names */
	unsigned n_listen;               /* at most ROLE_FD_LISTEN_MAX - ROLE_FD_LISTEN */
};

#define SPAWN_NAME_BYTES 72 /* of a listening socket's name, with its NUL */

/*
 * Remembers the running executable by descriptor, and each hitherd-ROLE beside it (a role whose
 * libraries no other process should map; a role without one is in the executable itself), so
 * that roles started later run the very same programs even when the files have been replaced.
 * Once, before anything is spawned. Where /proc is not mounted, the path that was executed is
 * used. ERR_SYSTEM with errno.
 */
MUST_CHECK enum err spawn_prepare(void);

/* After spawn_prepare: another program was found that has this role. */
bool spawn_elsewhere(enum role r);

/*
 * Forks the spawner: the one process that can start others, so that boot itself needs neither
 * fork(2) nor exec(2) nor, in system mode, the right to become somebody else. It takes orders
 * from boot alone and ends with it. What it starts are children of boot (CLONE_PARENT,
 * clone(2)): boot reaps them. Once, after spawn_prepare, while there is one thread.
 * ERR_SYSTEM with errno.
 */
MUST_CHECK enum err spawner_start(void);
/* The spawner's process; 0: none. It is a child of boot, too: its end is to be noticed. */
pid_t spawner_pid(void);
/* What could not be had of the spawner's confinement, for people; "" nothing. */
const char *spawner_without(void);

/*
 * Has the spawner start `hitherd --role NAME` as o->as, with no supplementary groups, and then
 * router and consent in a network namespace of their own where the system gives one. All
 * descriptors stay the caller's. Standard input and output are /dev/null, standard error is
 * shared; every other descriptor is closed. The role is killed when boot dies. ERR_NO_MEMORY,
 * ERR_SYSTEM with errno. A failure after fork shows as exit status 126.
 */
MUST_CHECK enum err spawn_role(const struct spawn_order *o, pid_t *ret_pid);

/*
 * Has the spawner start the attester (proc/attest.h) on the other end of `wire`, as `as` with
 * the two capabilities that it needs when `as` is set. ERR_SYSTEM with errno.
 */
MUST_CHECK enum err spawn_attester(int wire, const struct spawn_as *as, pid_t *ret_pid);

/* spawn.c, for spawner.c: in the spawner, starts a role as the child of `boot`. */
MUST_CHECK enum err spawn_here(const struct spawn_order *o, pid_t boot, pid_t *ret_pid);
/* spawn.c, for spawner.c: closes all descriptors but the wire, at 3, and what starts roles. */
MUST_CHECK enum err spawn_keep_only(int wire);

#endif
