/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The skeleton of a role.
 *
 *   BORN -> PREPARED -> JAILED -> RUNNING -> STOPPING -> exit 0
 *                                    '--- control gone ---> exit 1
 *
 * A wire to a peer is UP (a channel at its fixed number) or DOWN (/dev/null at that number):
 *
 *   UP   -> DOWN   end of stream, protocol broken, PEER without a descriptor   [wire_down]
 *   DOWN -> UP     PEER with a descriptor                                      [wire_up]
 *
 * Invariants
 *   1. on_peer is called at every change, first with the channel gone, then with it back: a
 *      role never takes a new peer for the old one.
 *   2. A wire's number is never free, so that no accepted connection can lie there (jail).
 *   3. The old policy stays mapped until on_policy has returned.
 */
#include "proc/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "proc/environment.h"
#include "proc/jail.h"
#include "proc/resident.h"

#define POLICY_MAX_BYTES (64u << 20)
#define CONFIG_ARENA     (1u << 20)
#define SETTLED_AFTER_MS 200
#define SETTLED_EVERY_MS 30000

static struct running {
	struct service s;
	const struct service_handler *handler;
	struct config config;
	struct arena *arena; /* strings of the configuration */
	uv_loop_t loop;
	uv_timer_t deadline;
	uv_timer_t settled;
	struct channel *channels[ROLE_SEATS];
	struct jail_report jail;
	int exit_code;
	bool stopping;
	bool alone; /* born in a network namespace of its own */
} self;

struct channel *service_channel(struct service *s, enum role peer)
{
	(void)s;
	return (unsigned)peer < ROLE_SEATS ? self.channels[peer] : NULL;
}

void service_finished(struct service *s)
{
	self.exit_code = 0;
	uv_stop(s->loop);
}

/* --- wires ---------------------------------------------------------------------------------
 */

static bool on_frame(void *ctx, enum role peer, enum msg_type type, struct span frame,
		     const int *fds, unsigned n);
static void on_gone(void *ctx, enum role peer, enum err why);

static const struct channel_handler handler = { on_frame, on_gone };

static void tell_peer(enum role peer)
{
	if (self.handler->on_peer != NULL)
		self.handler->on_peer(&self.s, peer);
}

/* Standard input is /dev/null and keeps the number taken: invariant 2. */
static void occupy(enum role peer)
{
	if (dup3(STDIN_FILENO, role_channel_fd(self.s.role, peer), O_CLOEXEC) < 0)
		log_error("service.wire", "peer=%s cannot keep its number: %s", role_name(peer),
			  strerror(errno));
}

static void on_gone(void *ctx, enum role peer, enum err why)
{
	struct msg_BROKEN m = { (uint8_t)peer };

	(void)ctx;
	self.channels[peer] = NULL;
	if (peer == ROLE_BOOT) {
		if (!self.stopping)
			log_notice("service.alone", "boot is gone (%s): leaving",
				   err_text(why));
		self.exit_code = self.stopping ? 0 : 1;
		uv_stop(&self.loop);
		return;
	}
	occupy(peer);
	if (why != ERR_PEER_GONE) {
		log_error("service.broken", "peer=%s %s", role_name(peer), err_text(why));
		if (CHANNEL_SEND(self.channels[ROLE_BOOT], BROKEN, &m, NULL, 0) != ERR_OK)
			log_error("service.broken", "boot cannot be told");
	}
	tell_peer(peer);
}

static void wire_down(enum role peer)
{
	struct channel *c = self.channels[peer];

	channel_drain(c); /* may end in on_gone by itself */
	if (self.channels[peer] == NULL)
		return;
	self.channels[peer] = NULL;
	channel_close(c);
	occupy(peer);
	tell_peer(peer);
}

static void wire_up(enum role peer, int fd)
{
	int at = role_channel_fd(self.s.role, peer);

	if (dup3(fd, at, O_CLOEXEC) < 0) {
		log_error("service.wire", "peer=%s %s", role_name(peer), strerror(errno));
		close(fd);
		return;
	}
	close(fd);
	self.channels[peer] = channel_open(&self.loop, at, self.s.role, peer, &handler, &self);
	if (self.channels[peer] == NULL) {
		occupy(peer);
		log_error("service.wire", "peer=%s cannot be watched", role_name(peer));
		return;
	}
	tell_peer(peer);
}

/* --- what boot says ------------------------------------------------------------------------
 */

static bool on_peer_frame(struct span frame, const int *fds, unsigned n)
{
	struct msg_PEER m;
	enum err e = msg_PEER_decode(frame, &m);

	if (e != ERR_OK || m.role == ROLE_BOOT ||
	    role_channel_fd(self.s.role, (enum role)m.role) < 0) {
		if (n > 0)
			close(fds[0]);
		return false;
	}
	wire_down((enum role)m.role);
	if (n > 0)
		wire_up((enum role)m.role, fds[0]);
	return true;
}

static bool on_policy_frame(struct span frame, const int *fds, unsigned n)
{
	struct msg_POLICY m;
	struct span fresh, old = self.s.policy_bundle;

	if (n != 1)
		return false;
	enum err e = msg_POLICY_decode(frame, &m);
	if (e == ERR_OK)
		e = file_map_sealed(fds[0], POLICY_MAX_BYTES, &fresh);
	close(fds[0]);
	if (e != ERR_OK) {
		log_error("service.policy", "not taken over: %s", err_text(e));
		return false;
	}
	self.s.policy_bundle = fresh;
	self.s.policy_generation = m.generation;
	if (self.handler->on_policy != NULL)
		self.handler->on_policy(&self.s);
	file_unmap(old);
	return true;
}

static void on_deadline(uv_timer_t *t)
{
	(void)t;
	log_warning("service.stop", "the deadline has passed with work unfinished");
	service_finished(&self.s);
}

static bool on_stop_frame(struct span frame)
{
	struct msg_STOP m;

	if (msg_STOP_decode(frame, &m) != ERR_OK)
		return false;
	if (self.stopping)
		return true;
	self.stopping = true;
	uv_timer_start(&self.deadline, on_deadline, m.deadline_ms, 0);
	if (self.handler->on_stop != NULL)
		self.handler->on_stop(&self.s);
	else
		service_finished(&self.s);
	return true;
}

static bool on_frame(void *ctx, enum role peer, enum msg_type type, struct span frame,
		     const int *fds, unsigned n)
{
	(void)ctx;
	if (type == MSG_PEER)
		return on_peer_frame(frame, fds, n);
	if (type == MSG_POLICY)
		return on_policy_frame(frame, fds, n);
	if (type == MSG_STOP)
		return on_stop_frame(frame);
	if (self.handler->on_frame != NULL)
		return self.handler->on_frame(&self.s, peer, type, frame, fds, n);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	return true;
}

/* --- birth ---------------------------------------------------------------------------------
 */

/* Boot orders a stop on the wire; a terminal's Ctrl-C must not reach us first. */
static void settle_signals(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
}

/* Names come in the environment, which is cleared afterwards. */
static enum err read_listens(void)
{
	const char *names = getenv(ENVIRONMENT_LISTEN);
	struct span rest = span_of(names);

	while (rest.len > 0) {
		const char *comma = memchr(rest.ptr, ',', rest.len);
		size_t n = comma != NULL ? (size_t)(comma - rest.ptr) : rest.len;
		struct service_listen *l = &self.s.listen[self.s.listens];

		if (self.s.listens == LEN(self.s.listen) ||
		    !span_copy((struct span){ rest.ptr, n }, l->name, sizeof l->name))
			return ERR_PROTOCOL;
		l->fd = ROLE_FD_LISTEN + (int)self.s.listens++;
		if (fcntl(l->fd, F_SETFD, FD_CLOEXEC) != 0)
			return ERR_SYSTEM;
		rest.ptr += comma != NULL ? n + 1 : n;
		rest.len -= comma != NULL ? n + 1 : n;
	}
	return ERR_OK;
}

static enum err read_config(void)
{
	struct span text;
	struct json_where where;
	enum err e = file_map_sealed(ROLE_FD_CONFIG, CONFIG_MAX_BYTES, &text);

	if (e != ERR_OK)
		return e;
	config_defaults(&self.config);
	self.arena = arena_new("config", CONFIG_ARENA);
	e = self.arena == NULL ? ERR_NO_MEMORY
			       : config_parse(text, self.arena, &self.config, &where);
	file_unmap(text);
	self.s.config = &self.config;
	return e;
}

static enum err read_inheritance(void)
{
	const char *generation = getenv(ENVIRONMENT_GENERATION);

	for (int fd = ROLE_FD_CONTROL; fd < ROLE_FD_LISTEN; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	self.alone = getenv(ENVIRONMENT_ALONE) != NULL;
	self.s.policy_generation = generation != NULL ? strtoull(generation, NULL, 10) : 0;
	enum err e = read_listens();
	if (e == ERR_OK)
		e = read_config();
	if (e == ERR_OK)
		e = file_map_sealed(ROLE_FD_POLICY, POLICY_MAX_BYTES, &self.s.policy_bundle);
	return e;
}

static bool is_socket(int fd)
{
	int type;
	socklen_t n = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET;
}

static enum err open_wires(void)
{
	for (unsigned peer = 0; peer < ROLE_SEATS; peer++) {
		int fd = role_channel_fd(self.s.role, (enum role)peer);

		if (fd < 0 || !is_socket(fd)) /* not there now; PEER will bring it */
			continue;
		self.channels[peer] = channel_open(&self.loop, fd, self.s.role, (enum role)peer,
						   &handler, &self);
		if (self.channels[peer] == NULL)
			return ERR_SYSTEM;
	}
	return self.channels[ROLE_BOOT] != NULL ? ERR_OK : ERR_PEER_GONE;
}

static enum err start_loop(void)
{
	if (uv_loop_init(&self.loop) != 0 || uv_timer_init(&self.loop, &self.deadline) != 0)
		return ERR_SYSTEM;
	self.s.loop = &self.loop;
	return open_wires();
}

static enum err say_ready(void)
{
	struct msg_READY m = { .sandbox = self.jail.bits, .landlock = self.jail.landlock_abi };

	snprintf(m.filter, sizeof m.filter, "%s", self.jail.filter);
	snprintf(m.detail, sizeof m.detail, "%s", self.jail.detail);
	snprintf(m.helpers, sizeof m.helpers, "%s", self.s.helpers);
	memcpy(m.judge, self.s.judge, sizeof self.s.judge);
	memcpy(m.judge_problem, self.s.judge_problem, sizeof self.s.judge_problem);
	return CHANNEL_SEND(self.channels[ROLE_BOOT], READY, &m, NULL, 0);
}

static void on_settled(uv_timer_t *t)
{
	(void)t;
	resident_give_back();
}

/* A moment after READY, when what it set off is over; and now and then, for what a burst used.
 */
static enum err settle_later(void)
{
	if (uv_timer_init(&self.loop, &self.settled) != 0)
		return ERR_SYSTEM;
	uv_timer_start(&self.settled, on_settled, SETTLED_AFTER_MS, SETTLED_EVERY_MS);
	uv_unref((uv_handle_t *)&self.settled);
	return ERR_OK;
}

static enum err close_jail(const struct service_handler *h)
{
	static struct landlock_grants grants;

	if (h->grants != NULL)
		h->grants(&self.s, &grants);
	enum err e = jail_enter(h->role, &grants, &self.jail);
	landlock_grants_free(&grants);
	jail_without(&self.jail, self.s.without);
	return e;
}

static int fail(const char *step, enum err e)
{
	log_error("service.start", "step=%s %s", step, err_text(e));
	return 1;
}

/* Which one of its kind this is; without a word the first. */
static enum role seat_of(enum role kind)
{
	enum role seat = role_from_name(getenv(ENVIRONMENT_SEAT));

	return role_kind(seat) == kind ? seat : kind;
}

int service_run(const struct service_handler *h)
{
	enum err e;

	self.handler = h;
	self.s.role = seat_of(h->role);
	self.exit_code = 1;
	log_setup(role_name(self.s.role), LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	char name[17];
	snprintf(name, sizeof name, "hither-%s", role_name(self.s.role));
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	settle_signals();

	if ((e = read_inheritance()) != ERR_OK)
		return fail("descriptors", e);
	log_setup(role_name(self.s.role), (enum log_level)self.config.log_level,
		  self.config.log_json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
	if ((e = jail_process(h->role, &self.jail)) != ERR_OK)
		return fail("process", e);
	if (self.alone)
		self.jail.bits |= JAIL_NO_NETWORK;
	if (h->outside != NULL && (e = h->outside(&self.s)) != ERR_OK)
		return fail("outside", e);
	if (jail_network(h->role, &self.jail))
		jail_helper_words(JAIL_NAMER, self.s.helpers, sizeof self.s.helpers);
	if (h->before_jail != NULL && (e = h->before_jail(&self.s)) != ERR_OK)
		return fail("before_jail", e);
	if ((e = close_jail(h)) != ERR_OK)
		return fail("jail", e);
	if ((e = start_loop()) != ERR_OK)
		return fail("wires", e);
	if (h->after_jail != NULL && (e = h->after_jail(&self.s)) != ERR_OK)
		return fail("after_jail", e);
	if ((e = say_ready()) != ERR_OK)
		return fail("ready", e);
	if ((e = settle_later()) != ERR_OK)
		return fail("loop", e);
	uv_run(&self.loop, UV_RUN_DEFAULT);
	return self.exit_code;
}
