/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consent process: decides whether a request may leave the device, asks the person, keeps
 * the ledger, releases bytes to cloud. No network.
 *
 *   before the jail   ledger opened, verified, replayed; policy compiled
 *   after it          agents' and admin sockets served; router, cloud and boot heard
 *
 * Everything that can change the gate ends in consent_pump(), which does what is due and sets
 * the one timer.
 */
#include "consent/consent.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "consent/peer.h"
#include "consent/peer_tcp.h"
#include "consent/role.h"
#include "proc/jail.h"
#include "proc/namer.h"

static struct consent self;

/* --- what the gate needs of the world ------------------------------------------------- */

static enum err io_answer(void *ctx, const struct msg_ANSWER *m, int pipe_fd)
{
	struct consent *c = ctx;
	struct msg_ANSWER own = *m;

	own.request_id = role_unstamped(m->request_id);
	return CHANNEL_SEND(service_channel(c->service, role_stamped(m->request_id)), ANSWER,
			    &own, &pipe_fd, pipe_fd >= 0 ? 1u : 0u);
}

static enum err io_send(void *ctx, const struct msg_SEND *m, int body_fd, int pipe_fd)
{
	struct consent *c = ctx;
	int fds[2] = { body_fd, pipe_fd };

	return CHANNEL_SEND(service_channel(c->service, ROLE_CLOUD), SEND, m, fds, 2);
}

static enum err io_abort(void *ctx, uint64_t request_id)
{
	struct consent *c = ctx;
	struct msg_ABORT m = { .request_id = request_id };

	return CHANNEL_SEND(service_channel(c->service, ROLE_CLOUD), ABORT, &m, NULL, 0);
}

static void io_head(void *ctx, const struct ledger_head *head)
{
	struct consent *c = ctx;
	struct msg_HEAD m = { .seq = head->seq };

	memcpy(m.hash, head->hash.bytes, sizeof m.hash);
	if (c->service->loop != NULL)
		(void)!CHANNEL_SEND(service_channel(c->service, ROLE_CLOUD), HEAD, &m, NULL, 0);
}

static bool io_cloud_up(void *ctx)
{
	struct consent *c = ctx;

	return service_channel(c->service, ROLE_CLOUD) != NULL;
}

static unsigned io_tell(void *ctx, enum gate_news news, uint32_t uid, const char *question)
{
	return agents_tell(ctx, news, uid, question);
}

static bool io_anyone(void *ctx, uint32_t uid)
{
	return agents_anyone(ctx, uid);
}

static uint64_t io_now(void *ctx)
{
	(void)ctx;
	return clock_boot_ms();
}

static int64_t io_wall(void *ctx)
{
	(void)ctx;
	return clock_wall_ms();
}

static enum err io_again(void *ctx, const struct msg_AGAIN_GRANTED *m)
{
	struct consent *c = ctx;

	return CHANNEL_SEND(service_channel(c->service, ROLE_CLOUD), AGAIN_GRANTED, m, NULL, 0);
}

static const struct gate_io io = { io_answer,   io_send, io_abort,  io_again, io_head,
				   io_cloud_up, io_tell, io_anyone, io_now,   io_wall };

/* --- time ---------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t)
{
	consent_pump(t->data);
}

void consent_pump(struct consent *c)
{
	uint64_t next = gate_tick(c->gate), now = clock_boot_ms();

	if (next == UINT64_MAX)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(&c->timer, on_timer, next > now ? next - now : 0, 0);
}

/* Before the loop waits, and after what it found was handed in: nothing that was decided stays
 * behind while the loop sleeps. */
static void end_turn(struct consent *c)
{
	if (gate_turn(c->gate))
		consent_pump(c);
}

static void on_prepare(uv_prepare_t *p)
{
	end_turn(p->data);
}

static void on_check(uv_check_t *p)
{
	end_turn(p->data);
}

static void on_heartbeat(uv_timer_t *t)
{
	agents_heartbeat(t->data);
}

/* --- HTTP ---------------------------------------------------------------------------- */

/*
 * One person's daemon: only this user and root. A system daemon's consent/UID.sock: that user
 * and nobody else, root neither; its other sockets: root, and whoever it runs as. Questions of
 * different users are told apart again in the gate.
 */
static bool peer_allowed(const struct http_peer *p)
{
	static const char person[] = "consent:";

	if (strncmp(p->listener, person, sizeof person - 1) == 0)
		return strtoul(p->listener + sizeof person - 1, NULL, 10) == p->uid;
	return p->uid == getuid() || p->uid == 0;
}

static void on_request(void *ctx, struct http_exchange *x, const struct http_request *r)
{
	struct consent *c = ctx;

	if (!peer_allowed(r->peer))
		role_reply_error(x, 403, "forbidden", "this socket belongs to another user");
	else if (strcmp(r->peer->listener, "admin") == 0)
		admin_request(c, x, r);
	else
		routes_request(c, x, r);
	consent_pump(c);
}

static void on_gone(void *ctx, struct http_exchange *x)
{
	agents_gone(ctx, x);
	admin_gone(ctx, x);
	proofs_gone(ctx, x);
}

/* Only event streams write more than once, and those are cut when they do not drain. */
static void on_drain(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	(void)x;
}

static void on_done(void *ctx, struct http_exchange *x)
{
	on_gone(ctx, x);
}

static const struct http_handler handler = {
	.on_request = on_request, .on_gone = on_gone, .on_drain = on_drain, .on_done = on_done
};

static enum err serve(struct consent *c)
{
	const struct config_limits *l = &c->service->config->limits;
	struct http_limits limits = { .request_line_bytes = l->request_line_bytes,
				      .headers = l->headers,
				      .header_bytes = l->header_bytes,
				      .body_bytes = 1u << 20,
				      .header_timeout_ms = l->header_timeout_ms,
				      .body_timeout_ms = l->body_timeout_ms,
				      .idle_timeout_ms = l->idle_timeout_ms,
				      .connections = l->connections,
				      .connections_per_uid = l->connections_per_uid,
				      .output_buffer_bytes = l->output_buffer_bytes };

	c->server = http_server_new(c->service->loop, &limits, &handler, c);
	if (c->server == NULL)
		return ERR_NO_MEMORY;
	http_server_name_peers(c->server, namer_uid);
	for (unsigned i = 0; i < c->service->listens; i++) {
		const struct service_listen *at = &c->service->listen[i];
		enum err e = http_listen(c->server, at->fd, at->name);

		if (e != ERR_OK) {
			log_error("consent.listen", "name=%s problem=\"%s\"", at->name,
				  err_text(e));
			return e;
		}
	}
	return ERR_OK;
}

/* --- policy -------------------------------------------------------------------------- */

static void take_policy(struct consent *c)
{
	struct policy_set *set = NULL;
	struct policy_error at = { 0 };
	enum err e = policy_bundle_read(c->service->policy_bundle, &set, &at);

	if (e != ERR_OK) {
		log_error("consent.policy", "problem=\"%s\" detail=\"%s\"", err_text(e),
			  at.problem);
		set = policy_set_lockdown("the policy bundle could not be read");
	}
	if (set == NULL)
		abort(); /* memory is out for a few hundred bytes */
	if (!gate_policy(c->gate, set, c->service->policy_generation))
		log_error(
			"consent.policy",
			"problem=\"a detector of the policy cannot be built; nothing leaves\"");
	if (policy_ledger(set)->export_json != NULL)
		log_warning(
			"consent.export",
			"problem=\"the policy wants the ledger exported (ledger.export), and "
			"hitherd does not do that\" next=\"hither ledger export\"");
	snprintf(c->policy_problem, sizeof c->policy_problem, "%s", policy_set_reason(set));
	c->policy_since_ms = clock_wall_ms();
	policy_set_free(set);
}

static void on_policy(struct service *s)
{
	(void)s;
	take_policy(&self);
	consent_pump(&self);
}

/* --- life ---------------------------------------------------------------------------- */

/* This boot of the machine and this run of the supervisor: the end of either ends a session. */
static void session_name(char *out, size_t bytes)
{
	struct peer supervisor = peer_of(getppid());
	struct buf b;

	buf_init(&b, 256);
	if (file_read("/proc/sys/kernel/random/boot_id", 200, &b) != ERR_OK)
		buf_add_str(&b, "unknown");
	snprintf(out, bytes, "%.*s/%d/%" PRIu64, (int)(b.len < 8 ? b.len : 8), b.ptr,
		 (int)supervisor.pid, supervisor.start);
	buf_free(&b);
}

static enum err outside(struct service *s)
{
	if (peer_tcp_helper() != ERR_OK)
		return ERR_SYSTEM;
	jail_helper_words(JAIL_LOOKER, s->helpers, sizeof s->helpers);
	return ERR_OK;
}

static enum err before_jail(struct service *s)
{
	char session[64];
	struct gate_setup setup = {
		.patience_ms = 1000, /* a person or script that starts to list */
		.state_dir = s->config->state_dir,
		.group = s->config->system_mode ? CONFIG_GROUP : NULL,
		.session = session,
		.io = &io,
		.ctx = &self,
	};

	self.service = s;
	s->ctx = &self;
	if (crypto_init() != ERR_OK)
		return ERR_SYSTEM;
	session_name(session, sizeof session);
	self.gate = gate_new(&setup);
	if (self.gate == NULL)
		return ERR_NO_MEMORY;
	take_policy(&self);
	return ERR_OK;
}

/*
 * Its own folder to write; the head that cloud witnessed, who asks and who answers (peer.c) to
 * read. A ledger that could not be opened may be mended while this runs: then what is above its
 * folder is open, and status says so.
 */
static void grants(struct service *s, struct landlock_grants *ret)
{
	static const char *const read[] = { "/proc",          "/dev/null",
					    "/dev/urandom",   "/etc/machine-id",
					    "/etc/localtime", "/usr/share/zoneinfo" };
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < LEN(read); i++)
		landlock_grant(ret, read[i], LANDLOCK_READ);
	snprintf(path, sizeof path, "%s/witness", s->config->state_dir);
	if (file_mkdirs(path, 0700) != ERR_OK) /* cloud has not been there yet */
		log_warning("consent.witness", "folder=%s cannot be made", path);
	landlock_grant(ret, path, LANDLOCK_READ);
	snprintf(path, sizeof path, "%s/ledger.head", s->config->state_dir);
	landlock_grant(ret, path, LANDLOCK_WRITE);
	snprintf(path, sizeof path, "%s/ledger", s->config->state_dir);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		landlock_grant(ret, path, LANDLOCK_WRITE);
		return;
	}
	landlock_grant(ret, s->config->state_dir, LANDLOCK_WRITE);
	snprintf(s->without, sizeof s->without,
		 "the ledger had no folder: all of state_dir is open");
}

static enum err after_jail(struct service *s)
{
	uv_timer_init(s->loop, &self.timer);
	uv_timer_init(s->loop, &self.heartbeat);
	uv_prepare_init(s->loop, &self.prepare);
	uv_check_init(s->loop, &self.check);
	self.timer.data = self.heartbeat.data = self.prepare.data = self.check.data = &self;
	uv_prepare_start(&self.prepare, on_prepare);
	uv_check_start(&self.check, on_check);
	uv_timer_start(&self.heartbeat, on_heartbeat, AGENT_HEARTBEAT_MS, AGENT_HEARTBEAT_MS);
	enum err e = serve(&self);
	if (e == ERR_OK)
		consent_pump(&self);
	return e;
}

unsigned consent_seats(const struct consent *c)
{
	return ROLE_COUNT + c->service->config->router_processes - 1;
}

bool consent_ready(const struct consent *c)
{
	for (unsigned r = ROLE_ROUTER; r < consent_seats(c); r++)
		if (!c->roles[r].says.ready)
			return false;
	return !c->stopping;
}

/* One router asks another: nothing of it is kept here, the tag knows the way back. */
static bool on_look(struct consent *c, enum role from, struct span frame)
{
	struct msg_LOOK m;

	if (msg_LOOK_decode(frame, &m) != ERR_OK ||
	    role_kind((enum role)m.router) != ROLE_ROUTER)
		return false;
	struct msg_SHOW show = { .tag = m.tag, .uid = m.uid };
	struct msg_LOOKED none = { .tag = m.tag };
	if (!role_stamp(from, &show.tag))
		return false;
	memcpy(show.decision_id, m.decision_id, sizeof show.decision_id);
	if (CHANNEL_SEND(service_channel(c->service, (enum role)m.router), SHOW, &show, NULL,
			 0) != ERR_OK)
		(void)!CHANNEL_SEND(service_channel(c->service, from), LOOKED, &none, NULL, 0);
	return true;
}

static bool on_shown(struct consent *c, struct span frame, const int *fds, unsigned n)
{
	struct msg_SHOWN m;
	bool ok = msg_SHOWN_decode(frame, &m) == ERR_OK;
	struct msg_LOOKED looked = { .tag = role_unstamped(m.tag) };

	if (ok) /* who asked may be gone */
		(void)!CHANNEL_SEND(service_channel(c->service, role_stamped(m.tag)), LOOKED,
				    &looked, fds, n);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	return ok;
}

static bool from_router(struct consent *c, enum role peer, enum msg_type type,
			struct span frame, const int *fds, unsigned n)
{
	struct msg_ASK ask;
	struct msg_CANCEL cancel;
	struct msg_DECIDED decided;
	struct msg_OVERLOAD overload;

	switch (type) {
	case MSG_ASK:
		if (msg_ASK_decode(frame, &ask) == ERR_OK && role_stamp(peer, &ask.request_id))
			return gate_ask(c->gate, &ask, fds, n);
		for (unsigned i = 0; i < n; i++)
			close(fds[i]);
		return false;
	case MSG_LOOK:
		return on_look(c, peer, frame);
	case MSG_SHOWN:
		return on_shown(c, frame, fds, n);
	case MSG_CANCEL:
		if (msg_CANCEL_decode(frame, &cancel) != ERR_OK ||
		    !role_stamp(peer, &cancel.request_id))
			return false;
		gate_cancel(c->gate, cancel.request_id);
		return true;
	case MSG_DECIDED:
		if (msg_DECIDED_decode(frame, &decided) != ERR_OK)
			return false;
		gate_decided(c->gate, &decided);
		return true;
	case MSG_OVERLOAD:
		if (msg_OVERLOAD_decode(frame, &overload) != ERR_OK)
			return false;
		gate_overload(c->gate, &overload);
		return true;
	default:
		return false;
	}
}

static bool from_cloud(struct consent *c, enum msg_type type, struct span frame)
{
	struct msg_SENT sent;
	struct msg_AGAIN again;
	struct msg_HEAD_KNOWN known;

	switch (type) {
	case MSG_SENT:
		return msg_SENT_decode(frame, &sent) == ERR_OK && gate_sent(c->gate, &sent);
	case MSG_AGAIN:
		return msg_AGAIN_decode(frame, &again) == ERR_OK && gate_again(c->gate, &again);
	case MSG_HEAD_KNOWN:
		if (msg_HEAD_KNOWN_decode(frame, &known) != ERR_OK)
			return false;
		gate_head_known(c->gate, &known);
		return true;
	default:
		return false;
	}
}

static bool from_boot(struct consent *c, enum msg_type type, struct span frame)
{
	struct msg_HEALTH health;
	struct msg_RELOADED reloaded;
	struct msg_DEVICE_STATE device;
	struct msg_PROOF proof;

	switch (type) {
	case MSG_HEALTH:
		if (msg_HEALTH_decode(frame, &health) != ERR_OK || health.role >= ROLE_SEATS)
			return false;
		c->roles[health.role] = (struct role_health){ health, true };
		if (health.role == ROLE_ROUTER) {
			memcpy(c->judge, health.judge, sizeof c->judge);
			memcpy(c->judge_problem, health.judge_problem, sizeof c->judge_problem);
		}
		return true;
	case MSG_ENGINE_HEALTH:
		if (msg_ENGINE_HEALTH_decode(frame, &c->engine) != ERR_OK)
			return false;
		c->engine_known = true;
		return true;
	case MSG_DEVICE_STATE:
		if (msg_DEVICE_STATE_decode(frame, &device) != ERR_OK)
			return false;
		gate_device(c->gate, &device);
		if (device.strong != POLICY_TRUE)
			proofs_unavailable(c);
		return true;
	case MSG_PROOF:
		if (msg_PROOF_decode(frame, &proof) != ERR_OK)
			return false;
		proofs_said(c, &proof);
		return true;
	case MSG_RELOADED:
		if (msg_RELOADED_decode(frame, &reloaded) != ERR_OK)
			return false;
		admin_reloaded(c, &reloaded);
		return true;
	default:
		return false;
	}
}

static bool on_frame(struct service *s, enum role peer, enum msg_type type, struct span frame,
		     const int *fds, unsigned n)
{
	struct consent *c = s->ctx;
	bool ok = role_kind(peer) == ROLE_ROUTER ? from_router(c, peer, type, frame, fds, n)
		  : peer == ROLE_CLOUD           ? from_cloud(c, type, frame)
						 : from_boot(c, type, frame);

	consent_pump(c);
	return ok;
}

static void on_peer(struct service *s, enum role peer)
{
	struct consent *c = s->ctx;

	if (service_channel(s, peer) != NULL)
		return;
	if (role_kind(peer) == ROLE_ROUTER)
		gate_router_gone(c->gate, peer);
	else if (peer == ROLE_CLOUD)
		gate_cloud_gone(c->gate);
	consent_pump(c);
}

static void on_server_closed(void *ctx)
{
	struct consent *c = ctx;

	service_finished(c->service);
}

static void on_stop(struct service *s)
{
	struct consent *c = s->ctx;

	c->stopping = true;
	gate_stop(c->gate);
	uv_timer_stop(&c->timer);
	uv_timer_stop(&c->heartbeat);
	uv_prepare_stop(&c->prepare);
	uv_check_stop(&c->check);
	agents_stop(c);
	http_server_stop(c->server, on_server_closed);
}

int consent_main(void)
{
	static const struct service_handler role = { .role = ROLE_CONSENT,
						     .outside = outside,
						     .before_jail = before_jail,
						     .grants = grants,
						     .after_jail = after_jail,
						     .on_frame = on_frame,
						     .on_peer = on_peer,
						     .on_policy = on_policy,
						     .on_stop = on_stop };
	int status = service_run(&role);

	gate_free(self.gate);
	return status;
}
