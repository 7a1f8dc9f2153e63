/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the roles, wires them, notices deaths and starts them again, and stops them all. */
#ifndef HITHER_BOOT_SUPERVISE_H
#define HITHER_BOOT_SUPERVISE_H

#include <uv.h>

#include "boot/users.h"
#include "common/err.h"
#include "ipc/msg.h"
#include "ipc/role.h"
#include "proc/jail.h"

struct supervisor;

struct supervisor_handler {
	/* Every role has said READY: once after the start, and again after each restart. */
	void (*on_all_ready)(void *ctx);
	/* consent asks for a reload; answer with supervisor_reloaded(). */
	void (*on_reload)(void *ctx, uint64_t tag);
	/* supervisor_stop() was called and no role runs any more. `clean`: each exited by
	 * itself. */
	void (*on_stopped)(void *ctx, bool clean);
};

struct supervisor_socket {
	enum role role; /* who accepts on it */
	int fd;
	char name[72];
};

/*
 * Nothing runs yet. `config_fd` and the sockets stay the caller's and must outlive the
 * supervisor; `sockets` is not copied. `runs[r]`: this build has that role. There are
 * `routers` of them, from 1. NULL: no memory.
 */
struct supervisor *supervisor_new(uv_loop_t *loop, const struct supervisor_handler *handler,
				  void *ctx, const bool runs[ROLE_COUNT], unsigned routers,
				  int config_fd, const struct supervisor_socket *sockets,
				  unsigned n_sockets);

/* Roles start as these users from now on; constant, outlives the supervisor. NULL: as boot's.
 */
void supervisor_users(struct supervisor *s, const struct users *users);
/* What boot has of its own confinement, for consent to show. */
void supervisor_jail(struct supervisor *s, const struct jail_report *own);

/* Takes over `fd`; sends it to every role that runs, hands it to every role that starts. */
void supervisor_policy(struct supervisor *s, uint64_t generation, int fd);

/*
 * Has cloud start afresh, because the policy needs ports or files that its jail keeps shut.
 * What it is sending ends (CALL_LEAVING). An outcome of a reload that is told meanwhile reaches
 * consent when cloud is there again, so that whoever asked for the reload can use it at once.
 */
void supervisor_renew_cloud(struct supervisor *s);

/* Tells cloud to read the provider keys again; one that is not running reads them at its start.
 */
void supervisor_keys(struct supervisor *s);

/* Starts all roles. Once, after the first supervisor_policy(). */
void supervisor_start(struct supervisor *s);

/*
 * The outcome of a reload, for consent; a failure is repeated to a consent that starts later,
 * until a reload succeeds. `detail` is cut at the message's limit.
 */
void supervisor_reloaded(struct supervisor *s, uint64_t tag, bool ok, const char *detail);

/* STOP to every role, SIGKILL a second after the deadline. A second call kills at once. */
void supervisor_stop(struct supervisor *s, uint32_t deadline_ms);

/* After on_stopped: closes the handles; memory goes when the loop has run once more. */
void supervisor_free(struct supervisor *s);

#endif
