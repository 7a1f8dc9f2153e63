/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one role, seen from boot.
 *
 *   DOWN --> STARTING --> READY
 *     ^         |           |
 *     '-- WAITING <---------'        any of them -> STOPPED once supervisor_stop() was called
 *
 *   DOWN     -> STARTING   start or back-off over                    [start_role]
 *   STARTING -> READY      READY came on the control wire            [on_ready]
 *   STARTING, READY -> WAITING   the process ended                   [on_death]
 *   WAITING  -> STARTING   the back-off timer                        [on_retry]
 *
 * Wiring: a role that starts gets fresh socket pairs to the neighbours that run at that moment,
 * and each of them gets the other end in a PEER. So there is one way to be wired, whether at
 * the first start, after one death or after several at once. What roles say to one another by
 * way of boot, and what a new one is told: relay.c.
 *
 * Invariants
 *   1. Only a reaped process is dead: a control wire that ends or breaks, or a neighbour's
 *      BROKEN, leads to SIGKILL, and the rest follows from SIGCHLD.
 *   2. Neighbours hear of a death (PEER without a descriptor) before they hear of the return.
 *   3. No socket pair end stays open here once it is handed over.
 */
#include "boot/supervise_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "proc/spawn.h"

#define QUIET_MS          10000 /* a life longer than this forgives earlier deaths */
#define KILL_AFTER_MS     1000
#define RENEW_DEADLINE_MS 1000

static const uint32_t backoff_ms[] = { 50, 200, 1000, 3000, 10000 };

static void start_role(struct slot *r);
static void first_start(struct slot *r);

static void enter(struct slot *r, enum role_state next)
{
	static const char *const names[] = { "down", "starting", "ready", "waiting",
					     "stopped" };

	log_debug("boot.role", "role=%s from=%s to=%s", role_name(r->role), names[r->state],
		  names[next]);
	r->state = next;
}

/* Several calls may fail when a role is dying; its death is dealt with when it is reaped. */
void supervise_unsent(const struct slot *r, const char *what, enum err e)
{
	if (e != ERR_OK)
		log_debug("boot.unsent", "role=%s message=%s %s", role_name(r->role), what,
			  err_text(e));
}

/* --- what the roles say --------------------------------------------------------------------
 */

static bool all_ready(const struct supervisor *s)
{
	for (unsigned r = ROLE_ROUTER; r < ROLE_SEATS; r++)
		if (seated(s, (enum role)r) && s->slots[r].state != READY)
			return false;
	return true;
}

static bool on_ready(struct slot *r, struct span frame)
{
	struct msg_READY m;

	if (msg_READY_decode(frame, &m) != ERR_OK || r->state != STARTING)
		return false;
	enter(r, READY);
	r->jail = m;
	log_info("boot.ready", "role=%s pid=%d sandbox=0x%x filter=%s landlock=%u%s%s",
		 role_name(r->role), (int)r->pid, m.sandbox,
		 m.filter[0] != '\0' ? m.filter : "none", m.landlock,
		 m.detail[0] != '\0' ? " without: " : "", m.detail);
	relay_health(r->s, r);
	if (r->role == ROLE_CLOUD) {
		r->s->renewing = false;
		relay_owed(r->s);
	}
	if (r->s->slots[ROLE_CLOUD].state == DOWN && r->s->slots[ROLE_ROUTER].state == READY &&
	    r->s->slots[ROLE_CONSENT].state == READY && !r->s->stopping)
		first_start(&r->s->slots[ROLE_CLOUD]);
	if (all_ready(r->s) && !r->s->stopping)
		r->s->handler->on_all_ready(r->s->ctx);
	return true;
}

static bool on_broken(struct slot *r, struct span frame)
{
	struct msg_BROKEN m;

	if (msg_BROKEN_decode(frame, &m) != ERR_OK || m.role == ROLE_BOOT ||
	    role_channel_fd(r->role, (enum role)m.role) < 0)
		return false; /* only neighbours can tell */
	log_error("boot.broken", "role=%s says that its wire to %s is broken",
		  role_name(r->role), role_name((enum role)m.role));
	if (r->s->slots[m.role].pid > 0)
		kill(r->s->slots[m.role].pid, SIGKILL);
	return true;
}

static bool on_frame(void *ctx, enum role peer, enum msg_type type, struct span frame,
		     const int *fds, unsigned n)
{
	struct slot *r = ctx;
	struct msg_RELOAD reload;

	(void)peer;
	(void)fds; /* no message to boot carries any, which the channel has checked */
	(void)n;
	switch (type) {
	case MSG_READY:
		return on_ready(r, frame);
	case MSG_BROKEN:
		return on_broken(r, frame);
	case MSG_RELOAD:
		if (msg_RELOAD_decode(frame, &reload) != ERR_OK)
			return false;
		r->s->handler->on_reload(r->s->ctx, reload.tag);
		return true;
	default:
		return relay_frame(r, type, frame);
	}
}

static void on_gone(void *ctx, enum role peer, enum err why)
{
	struct slot *r = ctx;

	r->control = NULL;
	if (why != ERR_PEER_GONE)
		log_error("boot.broken", "role=%s %s", role_name(peer), err_text(why));
	if (r->pid > 0)
		kill(r->pid, SIGKILL); /* invariant 1; most often it is a zombie already */
}

static const struct channel_handler handler = { on_frame, on_gone };

/* --- start -----------------------------------------------------------------------------------
 */

struct ends {
	int mine[ROLE_SEATS]; /* the starting role's ends */
	int theirs[ROLE_SEATS];
	int boot; /* our end of its control wire */
	int control;
};

static void close_ends(struct ends *e)
{
	for (unsigned p = 0; p < ROLE_SEATS; p++) {
		if (e->mine[p] >= 0)
			close(e->mine[p]);
		if (e->theirs[p] >= 0)
			close(e->theirs[p]);
	}
	if (e->control >= 0)
		close(e->control);
	if (e->boot >= 0)
		close(e->boot);
}

static bool make_pair(int *a, int *b)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	*a = pair[0];
	*b = pair[1];
	return true;
}

static bool make_ends(const struct slot *r, struct ends *e)
{
	bool ok;

	memset(e, 0xff, sizeof *e); /* -1 everywhere */
	ok = make_pair(&e->boot, &e->control);
	for (unsigned p = ROLE_ROUTER; ok && p < ROLE_SEATS; p++)
		if (role_channel_fd(r->role, (enum role)p) >= 0 && alive(&r->s->slots[p]))
			ok = make_pair(&e->mine[p], &e->theirs[p]);
	return ok;
}

static enum err spawn(struct slot *r, const struct ends *e)
{
	struct supervisor *s = r->s;
	struct spawn_order o = { .role = r->role,
				 .control = e->control,
				 .config = s->config_fd,
				 .policy = s->policy_fd,
				 .board = role_kind(r->role) == ROLE_ROUTER ? s->board_fd : -1,
				 .policy_generation = s->generation };
	int fds[ROLE_FD_LISTEN_MAX - ROLE_FD_LISTEN];
	const char *names[ROLE_FD_LISTEN_MAX - ROLE_FD_LISTEN];

	if (s->users != NULL)
		o.as = s->users->role[role_kind(r->role)];
	memcpy(o.channel, e->mine, sizeof o.channel);
	for (unsigned i = 0; i < s->n_sockets && o.n_listen < LEN(fds); i++) {
		if (s->sockets[i].role != role_kind(r->role))
			continue;
		fds[o.n_listen] = s->sockets[i].fd;
		names[o.n_listen++] = s->sockets[i].name;
	}
	o.listen = fds;
	o.listen_names = names;
	return spawn_role(&o, &r->pid);
}

static void tell_neighbours(struct slot *r, const struct ends *e)
{
	struct msg_PEER m = { (uint8_t)r->role };

	for (unsigned p = ROLE_ROUTER; p < ROLE_SEATS; p++)
		if (e->theirs[p] >= 0)
			TELL(&r->s->slots[p], PEER, &m, &e->theirs[p], 1);
}

static void on_retry(uv_timer_t *t)
{
	start_role(t->data);
}

static void retry_later(struct slot *r)
{
	unsigned step = r->deaths < LEN(backoff_ms) ? r->deaths : LEN(backoff_ms) - 1;

	r->deaths++;
	enter(r, WAITING);
	uv_timer_start(&r->retry, on_retry, backoff_ms[step], 0);
}

static void start_role(struct slot *r)
{
	struct ends e;
	bool ok = make_ends(r, &e);

	enter(r, STARTING);
	r->started_ms = clock_mono_ms();
	r->jail = (struct msg_READY){ .sandbox = 0 };
	if (ok && spawn(r, &e) == ERR_OK) {
		r->control = channel_open(r->s->loop, e.boot, ROLE_BOOT, r->role, &handler, r);
		e.boot = -1;
		if (r->control == NULL)
			kill(r->pid, SIGKILL);
		tell_neighbours(r, &e);
		if (role_kind(r->role) == ROLE_ROUTER)
			attester_start(r);
	} else {
		log_error("boot.start", "role=%s cannot be started: %s", role_name(r->role),
			  strerror(errno));
		retry_later(r);
	}
	close_ends(&e);
	relay_greet(r);
}

static void first_start(struct slot *r)
{
	enum role kind = role_kind(r->role);

	if (r->s->runs[kind] || spawn_elsewhere(kind))
		start_role(r);
	else
		log_error("boot.start", "role=%s is not part of this build",
			  role_name(r->role));
}

/* --- death -----------------------------------------------------------------------------------
 */

static void log_death(const struct slot *r, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		/* only the kernel saw the number: its audit record of type 1326 has it */
		log_error("boot.death",
			  "role=%s pid=%d made a system call that is on none of its lists and "
			  "was ended for it; the number: journalctl -k -g type=1326, or dmesg",
			  role_name(r->role), (int)r->pid);
	else if (WIFSIGNALED(status))
		log_warning("boot.death", "role=%s pid=%d signal=%d", role_name(r->role),
			    (int)r->pid, WTERMSIG(status));
	else
		log_warning("boot.death", "role=%s pid=%d exit=%d", role_name(r->role),
			    (int)r->pid, WEXITSTATUS(status));
}

static bool any_runs(const struct supervisor *s)
{
	for (unsigned r = ROLE_ROUTER; r < ROLE_SEATS; r++)
		if (s->slots[r].pid > 0)
			return true;
	return false;
}

static void check_stopped(struct supervisor *s)
{
	if (!s->stopping || any_runs(s))
		return;
	uv_timer_stop(&s->kill);
	s->handler->on_stopped(s->ctx, s->clean);
}

static void on_death(struct slot *r, int status)
{
	struct supervisor *s = r->s;
	struct msg_PEER m = { (uint8_t)r->role };
	bool renewed = s->renewing && r->role == ROLE_CLOUD && r->renew;
	bool good_end =
		(s->stopping || renewed) && WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (!good_end) {
		log_death(r, status);
		s->clean = s->clean && !s->stopping; /* an earlier death has been mended */
	}
	r->pid = 0; /* reaped: the number may belong to somebody else from here on */
	channel_drain(r->control); /* its last words; may end in on_gone */
	channel_close(r->control);
	r->control = NULL;
	if (role_kind(r->role) == ROLE_ROUTER && s->board != NULL)
		board_clear(s->board, r->role); /* before local gives its slots to others */
	for (unsigned p = ROLE_ROUTER; p < ROLE_SEATS; p++)
		if (role_channel_fd(r->role, (enum role)p) >= 0 && alive(&s->slots[p]))
			TELL(&s->slots[p], PEER, &m, NULL, 0);
	if (r->role == ROLE_LOCAL)
		relay_local_died(s);
	if (s->stopping) {
		enter(r, STOPPED);
		check_stopped(s);
		return;
	}
	if (renewed) {
		r->renew = false;
		start_role(r);
		return;
	}
	if (r->role == ROLE_CLOUD) { /* it does not come back soon: nobody is to wait for it */
		s->renewing = false;
		relay_owed(s);
	}
	if (clock_mono_ms() - r->started_ms > QUIET_MS)
		r->deaths = 0;
	r->restarts++;
	retry_later(r);
	relay_health(s, r);
}

static void on_child(uv_signal_t *signal, int number)
{
	struct supervisor *s = signal->data;

	(void)number;
	for (unsigned i = ROLE_ROUTER; i < ROLE_SEATS; i++) {
		int status;

		if (s->slots[i].pid > 0 && waitpid(s->slots[i].pid, &status, WNOHANG) > 0)
			on_death(&s->slots[i], status);
		attester_check(&s->slots[i]);
	}
	if (!s->stopping && spawner_pid() > 0 && waitpid(spawner_pid(), NULL, WNOHANG) > 0) {
		log_error("boot.spawner", "the process that starts the others has ended: so "
					  "does this daemon, to be started whole");
		s->clean = false;
		supervisor_stop(s, RENEW_DEADLINE_MS);
	}
}

/* --- the whole -------------------------------------------------------------------------------
 */

static bool share_board(struct supervisor *s)
{
	s->board_fd = -1;
	if (s->routers == 1)
		return true;
	s->board_fd = board_make();
	return s->board_fd >= 0 && board_map(s->board_fd, ROLE_ROUTER, &s->board) == ERR_OK;
}

struct supervisor *supervisor_new(uv_loop_t *loop, const struct supervisor_handler *h,
				  void *ctx, const bool runs[ROLE_COUNT], unsigned routers,
				  int config_fd, const struct supervisor_socket *sockets,
				  unsigned n_sockets)
{
	struct supervisor *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->routers = routers;
	if (!share_board(s)) {
		free(s);
		return NULL;
	}
	s->loop = loop;
	s->handler = h;
	s->ctx = ctx;
	memcpy(s->runs, runs, sizeof s->runs);
	s->config_fd = config_fd;
	s->policy_fd = -1;
	s->sockets = sockets;
	s->n_sockets = n_sockets;
	s->clean = true;
	s->device = relay_device_unknown;
	uv_signal_init(loop, &s->child);
	uv_timer_init(loop, &s->kill);
	s->child.data = s->kill.data = s;
	for (unsigned r = 0; r < ROLE_SEATS; r++) {
		s->slots[r].s = s;
		s->slots[r].role = (enum role)r;
		uv_timer_init(loop, &s->slots[r].retry);
		s->slots[r].retry.data = &s->slots[r];
		attester_init(&s->slots[r]);
	}
	return s;
}

void supervisor_users(struct supervisor *s, const struct users *users)
{
	s->users = users;
}

void supervisor_jail(struct supervisor *s, const struct jail_report *own)
{
	struct slot *r = &s->slots[ROLE_BOOT];

	r->pid = getpid();
	r->state = READY;
	r->jail.sandbox = own->bits;
	memcpy(r->jail.filter, own->filter, sizeof own->filter);
	snprintf(r->jail.detail, sizeof r->jail.detail, "%s", own->detail);
	snprintf(r->jail.helpers, sizeof r->jail.helpers, "spawner: %s",
		 spawner_without()[0] != '\0' ? spawner_without()
					      : "what nobody below it may do ends it");
	jail_helper_words(JAIL_ATTESTER, r->jail.helpers, sizeof r->jail.helpers);
}

void supervisor_policy(struct supervisor *s, uint64_t generation, int fd)
{
	struct msg_POLICY m = { generation };

	if (s->policy_fd >= 0)
		close(s->policy_fd);
	s->policy_fd = fd;
	s->generation = generation;
	for (unsigned r = ROLE_ROUTER; r < ROLE_SEATS; r++)
		if (alive(&s->slots[r]))
			TELL(&s->slots[r], POLICY, &m, &fd, 1);
}

void supervisor_renew_cloud(struct supervisor *s)
{
	struct slot *r = &s->slots[ROLE_CLOUD];
	struct msg_STOP m = { RENEW_DEADLINE_MS };

	if (!alive(r) || s->stopping || r->renew)
		return;
	log_info("boot.renew", "role=cloud: the policy needs other ports or files");
	s->renewing = r->renew = true;
	TELL(r, STOP, &m, NULL, 0);
}

void supervisor_keys(struct supervisor *s)
{
	struct msg_KEYS m = { ++s->key_reloads };

	if (alive(&s->slots[ROLE_CLOUD]))
		TELL(&s->slots[ROLE_CLOUD], KEYS, &m, NULL, 0);
}

void supervisor_start(struct supervisor *s)
{
	/* consent first: it gets the health of those that follow as it happens; cloud follows
	 * when these two are ready: it takes longest to load, and the first answer is not its
	 */
	static const enum role order[] = { ROLE_CONSENT, ROLE_LOCAL, ROLE_ROUTER };

	uv_signal_start(&s->child, on_child, SIGCHLD);
	for (size_t i = 0; i < LEN(order); i++)
		first_start(&s->slots[order[i]]);
	for (unsigned n = 1; n < s->routers; n++)
		first_start(&s->slots[role_router(n)]);
}

static void kill_all(struct supervisor *s)
{
	for (unsigned r = ROLE_ROUTER; r < ROLE_SEATS; r++)
		if (s->slots[r].pid > 0)
			kill(s->slots[r].pid, SIGKILL);
}

static void on_kill(uv_timer_t *t)
{
	log_warning("boot.stop", "roles are still running past the deadline: killing them");
	kill_all(t->data);
}

void supervisor_stop(struct supervisor *s, uint32_t deadline_ms)
{
	struct msg_STOP m = { deadline_ms };

	if (s->stopping) {
		kill_all(s);
		return;
	}
	s->stopping = true;
	uv_timer_start(&s->kill, on_kill, deadline_ms + KILL_AFTER_MS, 0);
	for (unsigned r = ROLE_ROUTER; r < ROLE_SEATS; r++) {
		uv_timer_stop(&s->slots[r].retry);
		attester_stop(&s->slots[r]);
		if (alive(&s->slots[r]))
			TELL(&s->slots[r], STOP, &m, NULL, 0);
	}
	check_stopped(s);
}

static void on_closed(uv_handle_t *handle)
{
	struct supervisor *s = handle->data;

	if (--s->open_handles == 0)
		free(s);
}

static void close_handle(struct supervisor *s, uv_handle_t *handle)
{
	handle->data = s;
	s->open_handles++;
	uv_close(handle, on_closed);
}

void supervisor_free(struct supervisor *s)
{
	if (s == NULL)
		return;
	if (s->policy_fd >= 0)
		close(s->policy_fd);
	if (s->board_fd >= 0)
		close(s->board_fd);
	free(s->board);
	close_handle(s, (uv_handle_t *)&s->child);
	close_handle(s, (uv_handle_t *)&s->kill);
	for (unsigned r = 0; r < ROLE_SEATS; r++) {
		close_handle(s, (uv_handle_t *)&s->slots[r].attester.due);
		close_handle(s, (uv_handle_t *)&s->slots[r].retry);
	}
}
