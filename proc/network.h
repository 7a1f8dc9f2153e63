/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An empty network namespace for the calling process (network_namespaces(7)): by privilege, or
 * in a user namespace that is made for it (user_namespaces(7)), where the system lets users
 * make such.
 */
#ifndef HITHER_PROC_NETWORK_H
#define HITHER_PROC_NETWORK_H

#include <stdbool.h>

/* By privilege (CAP_SYS_ADMIN), and nothing else changes. False with errno. */
bool network_leave(void);

/*
 * In a new user namespace, as far as its user and group keep their numbers there when the
 * system lets them. Everybody else is then one user, the overflow user. The process has each
 * capability in it and must drop them, is dumpable for a moment in between, must have one
 * thread, and has no way back. A program that is executed in there can be looked into by
 * any process of the same user, dumpable or not (ptrace(2)): no role may be started so. False
 * with errno: everything is as before.
 */
bool network_leave_with_user(void);

/*
 * NULL when network_leave_with_user() would work and the user keep its number, and, with
 * `looks`, other processes could still be looked at in /proc; else what stands against it, in
 * static memory. Tried in a child process.
 */
const char *network_against_leaving(bool looks);

#endif
