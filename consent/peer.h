/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the process that answers a question the program that asked it? Looked up in /proc, as
 * far as that shows it. Two programs of one user are not isolated from each other on ordinary
 * Linux: a program that wants to can hide (docs/consent.md, "What this cannot stop").
 */
#ifndef HITHER_CONSENT_PEER_H
#define HITHER_CONSENT_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A process as it was when we met it; the start time tells it from a later one with its number.
 */
struct peer {
	pid_t pid;
	uint64_t start; /* clock ticks since boot (proc_pid_stat(5)); 0: could not be read */
	pid_t session;
};

/* Gone or unreadable processes give start 0. */
struct peer peer_of(pid_t pid);

/*
 * True when `answering` is the asking process, one that it started (through any number of
 * children), in the session that it leads, or, when `isolated` (the app was identified by its
 * own socket or sandbox), in the same application cgroup.
 */
bool peer_is_same_program(const struct peer *asking, pid_t answering, bool isolated);

/* "cgroup path" of a v2 hierarchy is one application: an app or snap scope, or a service. */
bool peer_cgroup_is_app(const char *path);

#endif
