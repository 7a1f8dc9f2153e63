/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager says and wants to hear: sd_notify(3) and sd_listen_fds(3). */
#ifndef HITHER_BOOT_NOTIFY_H
#define HITHER_BOOT_NOTIFY_H

/*
 * Sends e.g. "READY=1\nSTATUS=…" to $NOTIFY_SOCKET; nothing happens without one, and a manager
 * that does not listen is no reason to fail.
 */
void notify_manager(const char *state);

struct activated {
	int fd; /* close-on-exec, now the caller's */
	char name[72];
};

/*
 * Sockets that were passed with LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES; how many. The
 * variables are removed, so the second call gives 0.
 */
unsigned notify_activated(struct activated *out, unsigned max);

#endif
