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

struct spawn_order {
	enum role role;          /* a seat */
	int control;             /* the role's end of the wire to boot */
	int channel[ROLE_SEATS]; /* the role's ends to its peers; -1: none now */
	int config, policy;      /* sealed memfds */
	int board;               /* ipc/board.h; -1: none */
	uint64_t policy_generation;
	const int *listen;               /* n_listen sockets … */
	const char *const *listen_names; /* … and their names */
	unsigned n_listen;               /* at most ROLE_FD_LISTEN_MAX - ROLE_FD_LISTEN */
};

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
 * Starts `hitherd --role NAME`. All descriptors stay the caller's. Standard input and output
 * are /dev/null, standard error is shared; every other descriptor is closed. The role is
 * killed when the calling thread's process dies. ERR_NO_MEMORY, ERR_SYSTEM with errno.
 * A failure after fork shows as exit status 126.
 */
MUST_CHECK enum err spawn_role(const struct spawn_order *o, pid_t *ret_pid);

#endif
