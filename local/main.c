/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role local: joins the desk (who gets the engine), the supervisor (what the engine does),
 * the engine's process and socket, the checker of model files and the shelf of installed
 * models.
 *
 *   router --WANT, DONE--> desk --WANT, STOP--> supervisor --> checker, engine, endpoint
 *          <--GIVE, WAIT, NONE--          <--changed--
 *
 * Every callback from outside ends in settle(): it arms the one timer for what is due next and
 * tells boot the state of the engine if that differs from what boot was last told.
 *
 * Invariants
 *   1. A descriptor that is given to the router is connected to the engine that is READY now.
 *   2. After the engine's process ended no callback of the endpoint comes for it
 * (endpoint_reset).
 */
#include "local/local.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "crypto/crypto.h"
#include "local/check.h"
#include "local/desk.h"
#include "local/device_watch.h"
#include "local/dialer.h"
#include "local/endpoint.h"
#include "local/engine.h"
#include "local/foreign.h"
#include "local/grants.h"
#include "local/person.h"
#include "local/probe.h"
#include "local/shelf.h"
#include "local/starter.h"
#include "local/tell.h"
#include "proc/jail.h"
#include "proc/service.h"

#define SHELF_DEBOUNCE_MS 200

struct local {
	struct service *service;
	struct supervise engine_life;
	struct desk *desk;
	char folder[PATH_MAX];   /* what this role keeps */
	struct starter *starter; /* of engines; NULL: engine.endpoint names one */
	bool stopped;
	struct engine *engine;
	struct foreign *foreign; /* instead of engine and checker; NULL: none */
	struct probe *probe;     /* of `foreign` */
	struct foreign_use use;
	struct endpoint *endpoint;
	struct checker *checker;
	struct shelf *shelf;
	struct device_watch *device;
	struct person *person;
	uv_timer_t due;
	uv_fs_event_t watch;
	uv_timer_t watch_calm;
	uint32_t context_tokens; /* of one slot, as the engine says; 0: not READY */
	char idle_detail[300];   /* STOPPED: what would prevent a start; "" nothing known */
	enum engine_state
		idle; /* STOPPED: STOPPED, MISSING (model, program) or FAILED (file) */
};

static struct local self;

static const char *socket_of_engine(void)
{
	return self.foreign != NULL ? foreign_socket(self.foreign) : engine_socket(self.engine);
}

static enum err resolve(const char *name, struct engine_model *ret, char *detail, unsigned cap)
{
	return self.foreign != NULL ? foreign_resolve(name, ret, detail, cap)
				    : shelf_resolve(self.shelf, name, ret, detail, cap);
}

/* --- telling others ---------------------------------------------------------------------- */

static void report(void)
{
	const struct supervise *s = &self.engine_life;
	struct msg_ENGINE m;

	memset(&m, 0, sizeof m); /* padding too: tell_boot_engine() compares bytes */
	m.state = (uint8_t)supervise_wire(s);
	m.pid = (uint32_t)engine_pid(self.engine);
	m.context_tokens = self.context_tokens;
	m.restarts = s->restarts;
	m.queued = desk_queued(self.desk);
	if (s->state == SUPERVISE_STOPPED) {
		struct engine_model chosen;
		char ignored[300];

		if (resolve("", &chosen, ignored, sizeof ignored) == ERR_OK)
			memcpy(m.model, chosen.name, sizeof m.model);
		m.state = (uint8_t)self.idle;
		memcpy(m.detail, self.idle_detail, sizeof self.idle_detail);
	} else {
		memcpy(m.model, s->model.name, sizeof m.model);
		memcpy(m.detail, s->detail, sizeof s->detail);
	}
	tell_boot_engine(self.service, &m);
}

static void tell_models(void)
{
	/* What is installed says nothing of an engine that somebody else runs. */
	static const struct model_list none = { .chosen = "", .fallback = "" };

	tell_router_models(self.service,
			   self.foreign != NULL ? &none : shelf_models(self.shelf));
}

/* --- time -------------------------------------------------------------------------------- */

static uint64_t now_ms(void *ctx)
{
	(void)ctx;
	return clock_mono_ms();
}

static void settle(void);

static void on_due(uv_timer_t *t)
{
	uint64_t due = supervise_due_ms(&self.engine_life);

	(void)t;
	if (due != 0 && clock_mono_ms() >= due)
		supervise_event(&self.engine_life,
				&(struct supervise_event){ .kind = EV_TICK });
	due = desk_due_ms(self.desk);
	if (due != 0 && clock_mono_ms() >= due)
		desk_tick(self.desk);
	settle();
}

static void settle(void)
{
	uint64_t a = supervise_due_ms(&self.engine_life), b = desk_due_ms(self.desk);
	uint64_t at = a == 0 || (b != 0 && b < a) ? b : a, now = clock_mono_ms();

	report();
	if (at == 0)
		uv_timer_stop(&self.due);
	else
		uv_timer_start(&self.due, on_due, at > now ? at - now : 0, 0);
}

/* --- the supervisor's hands ----------------------------------------------------------------
 */

static void do_check(void *ctx, const struct engine_model *m)
{
	(void)ctx;
	if (self.foreign != NULL)
		foreign_check(self.foreign);
	else
		checker_start(self.checker, m);
}

static void do_check_cancel(void *ctx)
{
	(void)ctx;
	if (self.foreign != NULL)
		foreign_check_cancel(self.foreign);
	else
		checker_cancel(self.checker);
}

static enum err do_spawn(void *ctx, const struct engine_model *m, char *detail, unsigned cap)
{
	(void)ctx;
	return self.foreign != NULL ? ERR_OK : engine_start(self.engine, m, detail, cap);
}

static void do_kill(void *ctx, int sig)
{
	(void)ctx;
	if (self.foreign != NULL)
		foreign_kill(self.foreign);
	else
		engine_kill(self.engine, sig);
}

static void do_probe(void *ctx)
{
	(void)ctx;
	if (self.foreign != NULL)
		probe_start(self.probe);
	else
		endpoint_health(self.endpoint, socket_of_engine());
}

/*
 * What would stand in the way of a start, so that status and readiness can say it beforehand.
 * The model's file is checked on this occasion, too: the first request then finds it done.
 */
static void look_ahead(void)
{
	char path[PATH_MAX], detail[300];
	struct engine_model m;

	if (self.foreign != NULL)
		return;
	if (shelf_resolve(self.shelf, "", &m, detail, sizeof detail) != ERR_OK ||
	    engine_find(self.service->config, path, detail, sizeof detail) != ERR_OK) {
		self.idle = ENGINE_MISSING;
		memcpy(self.idle_detail, detail, sizeof detail);
		return;
	}
	if (self.idle == ENGINE_MISSING) {
		self.idle = ENGINE_STOPPED;
		self.idle_detail[0] = '\0';
	}
	if (self.engine_life.state == SUPERVISE_STOPPED)
		checker_start(self.checker, &m);
}

static void on_changed(void *ctx, enum supervise_state before)
{
	const struct supervise *s = &self.engine_life;

	(void)ctx;
	if (s->state == SUPERVISE_READY) {
		engine_quiet(self.engine);
		log_info("engine.ready", "model=%s pid=%d context_tokens=%u", s->model.name,
			 (int)engine_pid(self.engine), self.context_tokens);
	}
	if (before == SUPERVISE_READY) {
		endpoint_reset(self.endpoint);
		if (self.probe != NULL)
			probe_reset(self.probe);
		self.context_tokens = 0;
	}
	if (s->state == SUPERVISE_STOPPED)
		look_ahead();
	desk_engine_changed(self.desk);
}

static const struct supervise_ops supervise_hands = { now_ms,    do_check, do_check_cancel,
						      do_spawn,  do_kill,  do_probe,
						      on_changed };

/* --- what happens to the engine ------------------------------------------------------------
 */

static void engine_event(const struct supervise_event *ev)
{
	supervise_event(&self.engine_life, ev);
	settle();
}

static void on_checked(void *ctx, enum err e, const char *detail)
{
	(void)ctx;
	if (self.idle != ENGINE_MISSING) {
		self.idle = e == ERR_OK ? ENGINE_STOPPED : ENGINE_FAILED;
		snprintf(self.idle_detail, sizeof self.idle_detail, "%s",
			 e == ERR_OK ? "" : detail);
	}
	engine_event(
		&(struct supervise_event){ .kind = EV_CHECKED, .err = e, .detail = detail });
}

static void on_exit_of_engine(void *ctx, const char *why)
{
	(void)ctx;
	endpoint_reset(self.endpoint);
	desk_engine_gone(self.desk);
	engine_event(&(struct supervise_event){ .kind = EV_EXITED, .detail = why });
}

/* Health alone does not tell how long a prompt may be: before READY the properties are read,
 * too. */
static void on_health(void *ctx, enum supervise_health health)
{
	(void)ctx;
	if (health == HEALTH_UP && self.engine_life.state != SUPERVISE_READY) {
		if (endpoint_props(self.endpoint, socket_of_engine()))
			return;
		health = HEALTH_LOADING;
	}
	engine_event(&(struct supervise_event){ .kind = EV_HEALTH, .health = health });
}

static void on_props(void *ctx, uint32_t context_tokens)
{
	(void)ctx;
	self.context_tokens = context_tokens;
	engine_event(&(struct supervise_event){ .kind = EV_HEALTH, .health = HEALTH_UP });
}

static const struct endpoint_handler endpoint_ears = { on_health, on_props };

/* The same for an engine that somebody else runs: it is there, and may be used, or it is not.
 */
static void on_probed(void *ctx, bool there, const struct engine_facts *facts)
{
	bool refused;
	enum supervise_health health =
		foreign_judge(self.foreign, there, facts, &self.use, &refused);

	(void)ctx;
	if (health == HEALTH_DOWN &&
	    (refused || self.engine_life.state == SUPERVISE_STARTING)) {
		foreign_kill(self.foreign);
		return;
	}
	if (health == HEALTH_UP)
		self.context_tokens = self.use.context_tokens;
	engine_event(&(struct supervise_event){ .kind = EV_HEALTH, .health = health });
}

/* --- the desk's hands ----------------------------------------------------------------------
 */

static enum err do_resolve(void *ctx, const char *name, struct engine_model *ret, char *detail,
			   unsigned cap)
{
	(void)ctx;
	return resolve(name, ret, detail, cap);
}

static enum err do_give(void *ctx, uint64_t request_id, const char *model)
{
	struct msg_ENGINE_GIVE m = { .request_id = request_id,
				     .context_tokens = self.context_tokens };
	int fd;
	enum err e = endpoint_connect(socket_of_engine(), &fd);

	(void)ctx;
	if (e != ERR_OK)
		return e;
	snprintf(m.model, sizeof m.model, "%s", model);
	if (self.foreign != NULL) {
		m.kind = (uint8_t)self.use.kind;
		memcpy(m.served, self.use.served, sizeof m.served);
	}
	tell_router_give(self.service, &m, fd);
	close(fd);
	return ERR_OK;
}

static void do_wait(void *ctx, uint64_t request_id, enum engine_state state, uint32_t position)
{
	(void)ctx;
	tell_router_wait(self.service, request_id, state, position);
}

static void do_none(void *ctx, uint64_t request_id, enum engine_none reason, const char *detail)
{
	(void)ctx;
	tell_router_none(self.service, request_id, reason, detail);
}

/* A single router knows by itself. */
static void crowd(bool crowded)
{
	if (self.service->config->router_processes > 1)
		tell_router_crowded(self.service, crowded);
}

static void do_queued(void *ctx, uint32_t n)
{
	(void)ctx;
	crowd(n > 0); /* settle() reports the number */
}

static const struct desk_ops desk_hands = { now_ms,  do_resolve, do_give,
					    do_wait, do_none,    do_queued };

/* --- the shelf -----------------------------------------------------------------------------
 */

static void refresh_shelf(void)
{
	if (!shelf_read(self.shelf))
		return;
	log_info("local.models", "installed=%u chosen=%s", shelf_models(self.shelf)->n,
		 shelf_models(self.shelf)->chosen);
	tell_models();
	look_ahead();
	desk_models_changed(self.desk);
}

static void on_calm(uv_timer_t *t)
{
	(void)t;
	refresh_shelf();
	look_ahead();
	settle();
}

static void on_watch(uv_fs_event_t *w, const char *name, int events, int status)
{
	(void)w;
	(void)name;
	(void)events;
	if (status == 0)
		uv_timer_start(&self.watch_calm, on_calm, SHELF_DEBOUNCE_MS, 0);
}

/* The folder may not be there yet; then the policy reload that `hither model` asks for tells
 * us. */
static void watch_shelf(void)
{
	if (!uv_is_active((uv_handle_t *)&self.watch))
		(void)uv_fs_event_start(&self.watch, on_watch, self.service->config->models_dir,
					0);
}

/* --- the role ------------------------------------------------------------------------------
 */

/* While this role may still fork: what may connect to a port, what starts engines. */
static enum err before_jail(struct service *s)
{
	local_folder(s->config, self.folder);
	if (strncmp(s->config->engine.endpoint, "http:", 5) == 0) {
		jail_helper_words(JAIL_DIALER, s->helpers, sizeof s->helpers);
		return dialer_start(s->config->engine.endpoint);
	}
	if (s->config->engine.endpoint[0] != '\0')
		return ERR_OK;
	self.starter = starter_new(s->config, s->without, sizeof s->without);
	snprintf(s->helpers, sizeof s->helpers, "starter: %s",
		 s->without[0] != '\0'
			 ? "as far as said"
			 : "own system call list, Landlock (what engines may read "
			   "or run), no network");
	if (self.starter == NULL)
		log_error("local.starter", "%s", strerror(errno));
	return self.starter != NULL ? ERR_OK : ERR_SYSTEM;
}

static enum err after_jail(struct service *s)
{
	const struct config_engine *c = &s->config->engine;
	struct supervise_limits limits = supervise_limits_of(
		c->load_timeout_ms, c->restart_backoff_ms, c->restart_backoff_max_ms);
	struct desk_limits desk_limits = { c->parallel, c->queue, c->idle_stop_s * 1000 };

	self.service = s;
	if (crypto_init() != ERR_OK)
		return ERR_SYSTEM;
	enum err e = foreign_new(s->loop, s->config, on_checked, on_exit_of_engine, &self,
				 &self.foreign);
	if (e != ERR_OK)
		return e;
	if (self.foreign != NULL) {
		limits.start_timeout_ms = FOREIGN_START_TIMEOUT_MS;
		limits.probe_start_ms = FOREIGN_PROBE_MS;
	}
	supervise_init(&self.engine_life, &limits, &supervise_hands, &self);
	self.desk = desk_new(&desk_limits, &self.engine_life, &desk_hands, &self);
	self.engine = engine_new(s->loop, s->config, self.starter, on_exit_of_engine, &self);
	self.endpoint = endpoint_new(s->loop, &endpoint_ears, &self);
	if (self.foreign != NULL) {
		self.probe = probe_new(s->loop, foreign_socket(self.foreign), on_probed, &self);
		if (self.probe == NULL)
			return ERR_NO_MEMORY;
	}
	self.checker = checker_new(s->loop, self.folder, on_checked, &self);
	self.shelf = shelf_new(s->config);
	if (self.desk == NULL || self.engine == NULL || self.endpoint == NULL ||
	    self.checker == NULL || self.shelf == NULL)
		return ERR_NO_MEMORY;
	if (uv_timer_init(s->loop, &self.due) != 0 ||
	    uv_timer_init(s->loop, &self.watch_calm) != 0 ||
	    uv_fs_event_init(s->loop, &self.watch) != 0)
		return ERR_SYSTEM;
	(void)shelf_read(self.shelf);
	watch_shelf();
	tell_models();
	look_ahead();
	self.device = device_watch_new(s->loop, s->config->sys_dir, s->config->system_mode,
				       tell_boot_device, s);
	self.person = person_new(s->loop, s->config->sys_dir, tell_boot_person, s);
	if (self.person == NULL)
		return ERR_NO_MEMORY;
	settle();
	return ERR_OK;
}

static bool on_want(enum role router, struct span frame)
{
	struct msg_ENGINE_WANT m;

	if (msg_ENGINE_WANT_decode(frame, &m) != ERR_OK || !role_stamp(router, &m.request_id))
		return false;
	refresh_shelf();
	return desk_want(self.desk, &m);
}

static bool on_done(enum role router, struct span frame)
{
	struct msg_ENGINE_DONE m;

	if (msg_ENGINE_DONE_decode(frame, &m) != ERR_OK || !role_stamp(router, &m.request_id))
		return false;
	desk_done(self.desk, m.request_id, m.broken != 0);
	return true;
}

static bool on_person_ask(struct span frame)
{
	struct msg_PERSON_ASK m;

	if (msg_PERSON_ASK_decode(frame, &m) != ERR_OK)
		return false;
	person_ask(self.person, &m);
	return true;
}

static bool on_person_leave(struct span frame)
{
	struct msg_PERSON_LEAVE m;

	if (msg_PERSON_LEAVE_decode(frame, &m) != ERR_OK)
		return false;
	person_leave(self.person, m.tag);
	return true;
}

static bool on_frame(struct service *s, enum role peer, enum msg_type type, struct span frame,
		     const int *fds, unsigned n)
{
	bool fine = false;

	(void)s;
	for (unsigned i = 0; i < n; i++)
		close(fds[i]); /* no message to us carries one */
	if (self.stopped)
		return true;
	if (type == MSG_ENGINE_WANT)
		fine = on_want(peer, frame);
	else if (type == MSG_ENGINE_DONE)
		fine = on_done(peer, frame);
	else if (type == MSG_PERSON_ASK)
		fine = on_person_ask(frame);
	else if (type == MSG_PERSON_LEAVE)
		fine = on_person_leave(frame);
	settle();
	return fine;
}

static void on_peer(struct service *s, enum role peer)
{
	(void)s;
	if (role_kind(peer) != ROLE_ROUTER)
		return;
	desk_clear(self.desk, peer);
	tell_models();
	crowd(desk_queued(self.desk) > 0);
	settle();
}

static void on_policy(struct service *s)
{
	(void)s;
	watch_shelf();
	refresh_shelf();
	look_ahead();
	settle();
}

static void on_stop(struct service *s)
{
	self.stopped = true;
	device_watch_stop(self.device);
	person_stop(self.person);
	service_finished(s);
}

int local_main(void)
{
	static const struct service_handler handler = {
		.role = ROLE_LOCAL,
		.before_jail = before_jail,
		.grants = local_grants,
		.after_jail = after_jail,
		.on_frame = on_frame,
		.on_peer = on_peer,
		.on_policy = on_policy,
		.on_stop = on_stop,
	};

	int code = service_run(&handler);

	/* After the loop's last callback, which may still look at it. The engine keeps nothing
	 * on disk, so it need not be asked. */
	engine_free(self.engine);
	return code;
}
