/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a helper program is allowed to do that is started here (the engine): serve one Unix
 * socket and compute (JAIL_PROGRAM_ENGINE). No network whatever it tries: socket(2) for every
 * domain but AF_UNIX, io_uring (whose operations a filter does not see), received descriptors
 * and outgoing connections are refused; tracing, namespaces and mounts end it. It dies with the
 * process that started it.
 *
 * Filters add up: the child also keeps the filter of the process that forks it, so that filter
 * has to allow what the helper needs to run (a dynamic linker, threads, a listening socket).
 */
#ifndef HITHER_PROC_CHILD_JAIL_H
#define HITHER_PROC_CHILD_JAIL_H

#include <sys/types.h>

struct child_jail;

/* Memory for the filter, before fork(2): between fork and exec nothing may allocate. NULL with
 * errno. */
struct child_jail *child_jail_new(void);
void child_jail_free(struct child_jail *j); /* NULL is fine */

/*
 * In the child, between fork(2) and execve(2); async-signal-safe. Own process group, killed
 * when `parent` dies, umask 0177, no core files, no file writes, 1024 descriptors at most, all
 * descriptors from 3 up close on exec, default signals, no new privileges, the filter.
 * 0, or -1 with errno: then the child must _exit().
 */
int child_jail_enter(struct child_jail *j, pid_t parent);

#endif
