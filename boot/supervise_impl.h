/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of the supervisor.
 *
 *   supervise.c  the life of the roles: start, wires, death, stop
 *   relay.c      what one role says and another is to hear; what is kept of it for one that
 *                is not there yet
 *   attester.c   the life of the attester, and the router's wire to it
 *
 * supervise.c alone assigns what a slot knows of its process. What is kept to be told
 * (`engine`, `device`, `failure`, `owed`) is relay.c's, once supervisor_new() has made it.
 */
#ifndef HITHER_BOOT_SUPERVISE_IMPL_H
#define HITHER_BOOT_SUPERVISE_IMPL_H

#include <sys/types.h>

#include "boot/supervise.h"
#include "ipc/board.h"
#include "ipc/channel.h"

enum role_state { DOWN, STARTING, READY, WAITING, STOPPED };

/* The process that says to one router who a caller is (proc/attest.h). */
struct attester {
	pid_t pid;      /* 0: none */
	uv_timer_t due; /* its next start */
	uint32_t starts;
	unsigned deaths; /* in a row, each after a short life */
	uint64_t started_ms;
};

struct slot {
	struct supervisor *s;
	enum role role;
	enum role_state state;
	pid_t pid; /* 0: no process */
	struct channel *control;
	uv_timer_t retry;
	uint64_t started_ms;
	unsigned deaths; /* in a row, each after a short life */
	uint32_t restarts;
	struct attester attester; /* a router's */
	bool renew;               /* its end is wanted, and a new start */
	struct msg_READY jail;    /* as the role said; zero while it is not ready */
};

struct supervisor {
	uv_loop_t *loop;
	const struct supervisor_handler *handler;
	void *ctx;
	struct slot slots[ROLE_SEATS];
	unsigned routers; /* how many there are to be */
	int board_fd;     /* what they count together; -1: there is but one */
	struct board *board;
	bool runs[ROLE_COUNT];
	int config_fd, policy_fd;
	uint64_t generation, key_reloads;
	const struct supervisor_socket *sockets;
	unsigned n_sockets;
	uv_signal_t child;
	uv_timer_t kill;
	bool stopping, clean;
	struct msg_ENGINE_HEALTH engine;
	bool engine_known;
	struct msg_DEVICE_STATE device;
	struct msg_RELOADED failure; /* the last reload, when it failed */
	bool failed;
	bool renewing;            /* cloud was told to stop and is to start at once */
	struct msg_RELOADED owed; /* to consent, when cloud is there again */
	bool owes;
	const struct users *users; /* NULL: everybody is boot's */
	unsigned open_handles;
};

/* There is a process, and a wire to it. */
static inline bool alive(const struct slot *r)
{
	return r->pid > 0 && r->control != NULL;
}

/* There is to be such a process. */
static inline bool seated(const struct supervisor *s, enum role seat)
{
	return seat < ROLE_COUNT || seat < role_router(s->routers);
}

/* supervise.c */
/* A message that could not be queued: only worth a line for whoever looks for errors. */
void supervise_unsent(const struct slot *r, const char *what, enum err e);
#define TELL(slot, NAME, message, fds, n)                                                      \
	supervise_unsent((slot), #NAME,                                                        \
			 CHANNEL_SEND((slot)->control, NAME, (message), (fds), (n)))

/* attester.c */
void attester_init(struct slot *router);
/* The router has just been started: it gets a wire to a fresh attester. */
void attester_start(struct slot *router);
/* If it has ended, it is reaped, and started again, soon, while there is a router. */
void attester_check(struct slot *router);
void attester_stop(struct slot *router);

/* relay.c */
/* consent hears how `about` is. */
void relay_health(struct supervisor *s, const struct slot *about);
/* `r` has just been started, or could not be: it is told what is kept for it, if it is there,
 * and consent how it is. */
void relay_greet(struct slot *r);
/* The outcome of the last reload goes to consent, if it has not gone yet. */
void relay_owed(struct supervisor *s);
/* What local said holds no more: the engine died with it, the machine's state is unknown. */
void relay_local_died(struct supervisor *s);
/*
 * One message of a role for another one. False: it cannot be read, or it is none of ENGINE,
 * DEVICE, PROVE, PROVE_LEAVE and PERSON. A role that it would go to and that is not there does
 * not hear it; of ENGINE and DEVICE the last is kept, to a PROVE boot itself answers that
 * nobody can be asked.
 */
bool relay_frame(struct slot *r, enum msg_type type, struct span frame);

/* DEVICE_STATE before anything is known. */
extern const struct msg_DEVICE_STATE relay_device_unknown;

#endif
