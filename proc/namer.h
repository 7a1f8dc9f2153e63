/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which user is at the other end of a Unix socket, for a role in a user namespace (network.h):
 * it sees every user but its own as one. A process that stays outside, and does this alone, is
 * handed the connection for a moment and reads its SO_PEERCRED (unix(7)).
 */
#ifndef HITHER_PROC_NAMER_H
#define HITHER_PROC_NAMER_H

#include <sys/types.h>

#include "common/err.h"

/* Starts the process, before the role leaves; it ends with the role. ERR_SYSTEM with errno. */
MUST_CHECK enum err namer_start(void);
/* The role did not leave after all. */
void namer_stop(void);

/* The number that stands for users without one: 65534, unless the kernel was told otherwise. */
uid_t namer_nobody(void);

/*
 * The user at the other end of `fd`, which this process sees as `seen`; `seen` itself when
 * there is no such process, or the number is one that needs none. Waits at most five seconds;
 * ends the calling process when the other one has ended or does not answer, for a role to be
 * started afresh with another.
 */
uid_t namer_uid(int fd, uid_t seen);

#endif
