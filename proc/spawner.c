/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pair of sockets. Boot gives an order, with its descriptors beside it (SCM_RIGHTS,
 * unix(7)), and waits for the process's number; both sides are this very program, so structs
 * travel as they are.
 *
 *   boot --ROLE, ATTESTER--> spawner --clone(CLONE_PARENT), execve--> role
 *        <--pid or errno----
 *
 * Confinement: everything below inherits the spawner's filter, also engines of other makers, so
 * that filter can only name what none of them may ever do (JAIL_PROGRAM_SPAWNER). Of the
 * capabilities it keeps those with which it changes users, makes network namespaces and starts
 * the attester.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fds.h"
#include "common/span.h"
#include "proc/attest.h"
#include "proc/environment.h"
#include "proc/jail.h"
#include "proc/resident.h"
#include "proc/spawn.h"

#define WIRE          3
#define LISTEN_MAX    (ROLE_FD_LISTEN_MAX - ROLE_FD_LISTEN)
#define ORDER_FDS_MAX (4 + ROLE_SEATS + LISTEN_MAX)

_Static_assert(ORDER_FDS_MAX <= FDS_MAX, "an order is one message");

enum order_kind { START_ROLE, START_ATTESTER };

/* The descriptors follow in this order: control, config, policy, the board and the channels
 * that are there, listening sockets. */
struct order {
	enum order_kind kind;
	struct spawn_as as;
	enum role role;
	uint64_t policy_generation;
	bool has_board, has_channel[ROLE_SEATS];
	unsigned n_listen;
	char listen_names[LISTEN_MAX][SPAWN_NAME_BYTES];
};

struct answer {
	pid_t pid; /* 0: none */
	int error;
	enum err e;
};

static struct spawner {
	pid_t pid;
	int wire; /* boot's end */
	char without[100];
} self = { 0, -1, "" };

/* --- in the spawner -------------------------------------------------------------------- */

static pid_t boot;

static struct answer start_role(const struct order *o, const int *fds, unsigned n)
{
	struct spawn_order s = { .role = o->role,
				 .as = o->as,
				 .policy_generation = o->policy_generation,
				 .n_listen = o->n_listen };
	const char *names[LISTEN_MAX];
	struct answer a = { .pid = 0, .error = EINVAL, .e = ERR_SYSTEM };
	unsigned at = 3;

	if (n < 3u + o->has_board || o->role <= ROLE_BOOT || o->role >= ROLE_SEATS ||
	    o->n_listen > LISTEN_MAX)
		return a;
	s.control = fds[0];
	s.config = fds[1];
	s.policy = fds[2];
	s.board = o->has_board ? fds[at++] : -1;
	for (unsigned p = 0; p < ROLE_SEATS; p++)
		s.channel[p] = o->has_channel[p] && at < n ? fds[at++] : -1;
	if (n - at != o->n_listen)
		return a;
	for (unsigned i = 0; i < o->n_listen; i++)
		names[i] = o->listen_names[i];
	s.listen = fds + at;
	s.listen_names = names;
	a.e = spawn_here(&s, boot, &a.pid);
	a.error = errno;
	return a;
}

static struct answer start_attester(const struct order *o, int wire)
{
	struct answer a = { .pid = 0, .e = ERR_OK };
	long pid = syscall(SYS_clone, (unsigned long)(CLONE_PARENT | SIGCHLD), NULL, NULL, NULL,
			   NULL);

	if (pid == 0) {
		if (prctl(PR_SET_NAME, "hither-attester") != 0 ||
		    spawn_keep_only(wire) != ERR_OK ||
		    jail_become(JAIL_ATTESTER, o->as.set, o->as.uid, o->as.gid) != ERR_OK ||
		    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != boot)
			_exit(1);
		environment_forget(environ, true);
		attest_serve(WIRE);
	}
	a.pid = pid > 0 ? (pid_t)pid : 0;
	a.error = errno;
	a.e = pid > 0 ? ERR_OK : ERR_SYSTEM;
	return a;
}

/* False: boot is gone. */
static bool take_order(void)
{
	static struct order o;
	int fds[ORDER_FDS_MAX];
	unsigned n = LEN(fds);
	struct answer a = { .pid = 0, .error = EINVAL, .e = ERR_SYSTEM };
	ssize_t got = fds_receive(WIRE, &o, sizeof o, fds, &n, 0);

	if (got <= 0)
		return got < 0 && errno == EINTR;
	if (got == sizeof o && o.kind == START_ROLE)
		a = start_role(&o, fds, n);
	else if (got == sizeof o && n == 1)
		a = start_attester(&o, fds[0]);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	return write(WIRE, &a, sizeof a) == sizeof a;
}

__attribute__((noreturn)) static void serve(int wire)
{
	char without[sizeof self.without] = "";

	prctl(PR_SET_NAME, "hither-spawner");
	/* boot says when it ends; a terminal's Ctrl-C must not reach it first */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != boot ||
	    spawn_keep_only(wire) != ERR_OK)
		_exit(1);
	jail_spawner(without, sizeof without);
	if (write(WIRE, without, sizeof without) != sizeof without)
		_exit(1);
	while (take_order())
		resident_give_back();
	_exit(0);
}

/* --- in boot ----------------------------------------------------------------------------- */

enum err spawner_start(void)
{
	int pair[2];

	boot = getpid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return ERR_SYSTEM;
	self.pid = fork();
	if (self.pid == 0)
		serve(pair[1]);
	close(pair[1]);
	self.wire = pair[0];
	if (self.pid < 0 ||
	    read(self.wire, self.without, sizeof self.without) != sizeof self.without) {
		close(self.wire);
		self.wire = -1;
		errno = ECHILD;
		return ERR_SYSTEM;
	}
	return ERR_OK;
}

pid_t spawner_pid(void)
{
	return self.pid;
}

const char *spawner_without(void)
{
	return self.without;
}

static enum err give_order(const struct order *o, const int *fds, unsigned n, pid_t *ret_pid)
{
	struct answer a;

	if (!fds_send(self.wire, o, sizeof *o, fds, n, 0) ||
	    read(self.wire, &a, sizeof a) != sizeof a) {
		errno = ECHILD;
		return ERR_SYSTEM;
	}
	errno = a.error;
	if (a.e == ERR_OK)
		*ret_pid = a.pid;
	return a.e;
}

enum err spawn_role(const struct spawn_order *o, pid_t *ret_pid)
{
	static struct order order;
	int fds[ORDER_FDS_MAX] = { o->control, o->config, o->policy };
	unsigned n = 3;

	memset(&order, 0, sizeof order);
	order.kind = START_ROLE;
	order.as = o->as;
	order.role = o->role;
	order.policy_generation = o->policy_generation;
	order.n_listen = o->n_listen;
	order.has_board = o->board >= 0;
	if (order.has_board)
		fds[n++] = o->board;
	for (unsigned p = ROLE_ROUTER; p < ROLE_SEATS; p++) {
		order.has_channel[p] = o->channel[p] >= 0;
		if (order.has_channel[p])
			fds[n++] = o->channel[p];
	}
	for (unsigned i = 0; i < o->n_listen; i++) {
		snprintf(order.listen_names[i], SPAWN_NAME_BYTES, "%s", o->listen_names[i]);
		fds[n++] = o->listen[i];
	}
	return give_order(&order, fds, n, ret_pid);
}

enum err spawn_attester(int wire, const struct spawn_as *as, pid_t *ret_pid)
{
	static struct order order;

	memset(&order, 0, sizeof order);
	order.kind = START_ATTESTER;
	order.as = *as;
	return give_order(&order, &wire, 1, ret_pid);
}
