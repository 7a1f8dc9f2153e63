/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a process (proc_pid_stat(5)). */
#ifndef HITHER_PROC_PROCESS_H
#define HITHER_PROC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t parent, session;
	uint64_t start; /* clock ticks since boot: tells it from a later one with its number */
	uid_t uid;      /* that its folder belongs to: the effective user of the process */
};

/* False when there is no such process, or it cannot be looked at. */
bool process_look(pid_t pid, struct process *ret);

#endif
