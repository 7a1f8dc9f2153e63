/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The skeleton every role starts with: descriptors at their fixed numbers (ipc/role.h),
 * configuration, policy, privileged preparation, jail, loop. Privilege ends before untrusted
 * bytes begin.
 *
 *   service_run: log, rlimits, no-new-privs, non-dumpable, clear environment
 *             -> configuration and policy read from their sealed memfds
 *             -> outside (start what must not leave the machine's namespaces)
 *             -> an empty network namespace (router, consent)
 *             -> before_jail (open files, read keys, load libraries)
 *             -> grants (which files and ports stay open)
 *             -> jail (Landlock, seccomp as far as the kernel has them)
 *             -> loop, channels -> after_jail -> READY to boot -> run
 *
 * A role exits 0 on STOP, 1 when boot is gone (the control channel closed). The kernel kills it
 * when boot dies. SIGINT, SIGTERM, SIGHUP and SIGPIPE are ignored; a child process that a role
 * starts must set them back (uv_spawn does).
 */
#ifndef HITHER_PROC_SERVICE_H
#define HITHER_PROC_SERVICE_H

#include <uv.h>

#include "common/err.h"
#include "ipc/channel.h"
#include "ipc/msg.h"
#include "ipc/role.h"
#include "proc/config.h"
#include "proc/landlock.h"

struct service_listen {
	int fd;        /* listening, inherited */
	char name[72]; /* "api", "consent", "admin", "app:ID" */
};

struct service {
	enum role role;              /* a seat: which of several routers this is */
	uv_loop_t *loop;             /* set by service_run before after_jail */
	const struct config *config; /* parsed; constant for the life of the process */
	struct span
		policy_bundle; /* mapped; replaced on POLICY. Parse with policy_bundle_read */
	uint64_t policy_generation;
	struct service_listen listen[ROLE_FD_LISTEN_MAX - ROLE_FD_LISTEN];
	unsigned listens;
	/* What the role judges by, as in READY; set before after_jail returns. */
	char judge[65], judge_problem[201];
	void *ctx; /* the role's own state */
	/* before_jail: what could not be had of the confinement that the role itself put on
	 * others; joins the rest in READY */
	char without[100];
	/* What is in force on the processes that help the role, for people: outside and
	 * before_jail add theirs (jail_helper_words) */
	char helpers[201];
};

struct service_handler {
	enum role role;
	/* Starts the processes that look at others, as the machine sees them. Nothing was read
	 * but configuration and policy. May be NULL; not OK: as before_jail. */
	enum err (*outside)(struct service *s);
	/* Still privileged, no loop yet. Not OK: the reason was logged; the process exits 1. */
	enum err (*before_jail)(struct service *s);
	/* After before_jail: what the jail leaves open. NULL: no file, no port. */
	void (*grants)(struct service *s, struct landlock_grants *ret);
	/* Loop and channels exist; untrusted bytes may come from here on. */
	enum err (*after_jail)(struct service *s);
	/* As channel_handler.on_frame; POLICY, PEER, STOP are handled before. */
	bool (*on_frame)(struct service *s, enum role peer, enum msg_type type,
			 struct span frame, const int *fds, unsigned n);
	/*
	 * A peer's channel is gone or new; service_channel(s, peer) tells which (NULL: gone).
	 * At every change, so a peer that was restarted is first gone, then new: everything it
	 * knew and every number given to it is void, and what it must know is sent again. Not
	 * called for channels that are there at the start (look in after_jail).
	 */
	void (*on_peer)(struct service *s, enum role peer);
	/* s->policy_bundle and policy_generation are new. */
	void (*on_policy)(struct service *s);
	/* STOP: call service_finished() when done, at the latest at the deadline it is forced.
	 */
	void (*on_stop)(struct service *s);
};

/*
 * The whole life of the process; returns its exit status. Once per process. on_frame, on_peer,
 * on_policy and on_stop may be NULL (then: frames are dropped, STOP ends at once).
 */
int service_run(const struct service_handler *handler);

/* NULL while that peer is gone. channel_send() accepts NULL. */
struct channel *service_channel(struct service *s, enum role peer);
void service_finished(struct service *s);

#endif
