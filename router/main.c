/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role: sockets, policy, models and messages to the requests they belong to.
 *
 * Before the jail: the time zone, names and groups of users, the classifier's weights. After
 * it nothing is opened any more.
 *
 * Invariant: a descriptor that arrives is handed to a request or closed.
 */
#include <malloc.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "crypto/crypto.h"
#include "proc/namer.h"
#include "proc/policy_facts.h"
#include "router/impl.h"
#include "router/router.h"

#define MODELS_BYTES ((size_t)1 << 20)

/* Each request with a long prompt frees a few hundred KiB at the end of the heap: the kernel is
 * not to take them back and give them again, page by page, until nothing has come for a while
 * (proc/resident.c). */
#define TRIM_BYTES (2 << 20)
#define MMAP_BYTES (1 << 20)

static struct router self;

/* ---------------------------------------------------------------- policy */

static void policy_take(struct router *r, struct span bundle)
{
	struct policy_set *set = NULL;
	struct policy_error at;

	if (bundle.len == 0 || policy_bundle_read(bundle, &set, &at) != ERR_OK) {
		log_error("router.policy", "not usable, answering on this device only");
		set = policy_set_lockdown("the policy could not be read");
	}
	if (set == NULL)
		return; /* no memory: what is in force stays */
	policy_facts_sha256(set, r->policy_sha256);
	policy_set_free(r->set);
	r->set = set;
	scanner_free(r->scanner);
	r->scanner = NULL;
	r->scanner_due = true;
	/* With no destination but this device nothing is scanned until somebody asks what would
	 * be: a start is quicker. */
	if (policy_destinations(set) > 1)
		(void)data_scanner(r);
}

static void on_policy(struct service *s)
{
	policy_take(s->ctx, s->policy_bundle);
}

/* ---------------------------------------------------------------- life */

/* Weights that do not fit are no reason not to start: the linear model's rules are documented.
 */
static void open_classifier(struct router *r, const char *path)
{
	char found[CLASSIFIER_PATH_BYTES];
	enum err e = classifier_open_chosen(path, &r->classifier, found);

	snprintf(r->service->judge, sizeof r->service->judge, "%s",
		 classifier_name(r->classifier));
	if (e == ERR_OK) {
		log_notice("router.classifier", "name=%s", classifier_name(r->classifier));
		return;
	}
	log_warning("router.classifier",
		    "file=%s problem=%s: judging by the documented linear rules instead; "
		    "reinstall the file or set routing.classifier",
		    found, err_text(e));
	/* The end of a long path says more than its start. */
	size_t len = strlen(found), most = 100;
	snprintf(r->service->judge_problem, sizeof r->service->judge_problem,
		 "%s%s: %s; judging by the documented rules instead", len > most ? "..." : "",
		 found + (len > most ? len - most : 0), err_text(e));
}

static enum err before_jail(struct service *s)
{
	s->ctx = &self;
	self.service = s;
	self.around = surroundings_new(s->config->system_mode ? CONFIG_GROUP : NULL);
	if (self.around == NULL)
		return ERR_NO_MEMORY;
	if (crypto_init() != ERR_OK)
		return ERR_SYSTEM;
	open_classifier(&self, s->config->routing.classifier);
	if (others_meet(&self) != ERR_OK)
		return ERR_SYSTEM;
	self.turns = turns_new(self.board);
	/* What another program's engine keeps, and for whom, is not ours to steer. */
	if (self.board != NULL)
		self.caller_key = *board_caller_key(self.board);
	else
		crypto_random(self.caller_key.bytes, sizeof self.caller_key.bytes);
	if (s->config->engine.endpoint[0] == '\0') {
		self.prompt_cache = prompt_cache_new(s->config->engine.parallel, self.board);
		if (self.prompt_cache == NULL)
			return ERR_NO_MEMORY; /* without it the engine reuses anybody's */
	}
	policy_take(&self, s->policy_bundle);
	return self.set != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err after_jail(struct service *s)
{
	const struct config_limits *c = &s->config->limits;
	struct http_limits limits = { .request_line_bytes = c->request_line_bytes,
				      .headers = c->headers,
				      .header_bytes = c->header_bytes,
				      .body_bytes = c->body_bytes,
				      .header_timeout_ms = c->header_timeout_ms,
				      .body_timeout_ms = c->body_timeout_ms,
				      .idle_timeout_ms = c->idle_timeout_ms,
				      .connections = c->connections,
				      .connections_per_uid = c->connections_per_uid,
				      .output_buffer_bytes = c->output_buffer_bytes };

	door_key_read(s->config->listen.token_sha256, &self.key);
	tell_init(&self);
	overload_init(&self);
	later_init(&self);
	others_init(&self);
	caller_init(&self);
	uv_timer_init(s->loop, &self.tick);
	self.tick.data = &self;
	self.http = http_server_new(s->loop, &limits, &routes_handler, &self);
	if (self.http == NULL)
		return ERR_NO_MEMORY;
	http_server_name_peers(self.http, namer_uid);
	others_share(&self);
	for (unsigned i = 0; i < s->listens; i++) {
		enum err e = http_listen(self.http, s->listen[i].fd, s->listen[i].name);

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static void on_http_closed(void *ctx)
{
	struct router *r = ctx;

	later_settle(r, false);
	tell_flush(r);
	overload_say(r);
	service_finished(r->service);
}

static void on_stop(struct service *s)
{
	(void)s;
	self.stopping = true;
	lease_drop_all(&self);
	http_server_stop(self.http, on_http_closed);
}

static void on_peer(struct service *s, enum role peer)
{
	request_peer_changed(s->ctx, peer, service_channel(s, peer) != NULL);
}

/* ---------------------------------------------------------------- frames */

static bool on_given(struct router *r, struct span frame, const int *fds, unsigned n)
{
	struct msg_ENGINE_GIVE m;

	if (msg_ENGINE_GIVE_decode(frame, &m) != ERR_OK || n != 1) {
		if (n > 0)
			close(fds[0]);
		return false;
	}
	r->engine_kind = (enum engine_kind)m.kind;
	memcpy(r->engine_served, m.served, sizeof r->engine_served);
	struct request *q = request_find(r, m.request_id);
	if (q == NULL) { /* the client left while it was on its way; ENGINE_DONE was said */
		close(fds[0]);
		return true;
	}
	request_event(q, &(struct event){ .kind = EV_GIVEN,
					  .fd = fds[0],
					  .context_tokens = m.context_tokens });
	return true;
}

static bool on_wait(struct router *r, struct span frame)
{
	struct msg_ENGINE_WAIT m;

	if (msg_ENGINE_WAIT_decode(frame, &m) != ERR_OK)
		return false;
	struct request *q = request_find(r, m.request_id);
	if (q != NULL)
		request_event(q, &(struct event){ .kind = EV_WAIT,
						  .fd = -1,
						  .busy = m.state == ENGINE_READY,
						  .position = m.position });
	return true;
}

static bool on_none(struct router *r, struct span frame)
{
	struct msg_ENGINE_NONE m;

	if (msg_ENGINE_NONE_decode(frame, &m) != ERR_OK)
		return false;
	struct request *q = request_find(r, m.request_id);
	if (q != NULL)
		request_event(q, &(struct event){ .kind = EV_NONE,
						  .fd = -1,
						  .reason = m.reason,
						  .detail = m.detail });
	return true;
}

static bool on_models(struct router *r, struct span frame, const int *fds, unsigned n)
{
	struct msg_MODELS m;
	struct span text;
	struct model_list list;
	struct arena *a = arena_new("models", (size_t)4 << 20);
	bool ok = n == 1 && a != NULL && msg_MODELS_decode(frame, &m) == ERR_OK;

	if (ok && file_map_sealed(fds[0], MODELS_BYTES, &text) == ERR_OK) {
		ok = models_message_parse(text, a, &list) == ERR_OK;
		file_unmap(text);
	} else {
		ok = false;
	}
	if (n > 0)
		close(fds[0]);
	if (!ok) {
		arena_free(a);
		return false;
	}
	arena_free(r->models_arena);
	r->models_arena = a;
	r->models = list;
	lease_drop_all(r);
	prompt_cache_forget(r->prompt_cache);
	r->engine_cannot_count = false;
	r->engine_context_tokens = 0; /* another model may be in use now */
	return true;
}

static bool on_answer(struct router *r, struct span frame, const int *fds, unsigned n)
{
	struct msg_ANSWER m;
	int fd = n > 0 ? fds[0] : -1;
	bool ok = msg_ANSWER_decode(frame, &m) == ERR_OK &&
		  (m.outcome == ASK_GRANTED) == (n == 1);
	uint64_t id = m.request_id & ((UINT64_C(1) << ESCALATE_STEP_SHIFT) - 1);
	struct request *q = ok ? request_find(r, id) : NULL;

	if (q == NULL || escalate_id(q) != m.request_id) { /* gone, or a step further */
		if (fd >= 0)
			close(fd); /* cloud sees it and stops */
		return ok;
	}
	request_event(q, &(struct event){ .kind = EV_ANSWER, .fd = fd, .answer = &m });
	return true;
}

static bool on_device(struct router *r, struct span frame)
{
	struct msg_DEVICE_STATE m;

	if (msg_DEVICE_STATE_decode(frame, &m) != ERR_OK)
		return false;
	surroundings_device(r->around, &m);
	return true;
}

static bool on_attester(struct router *r, struct span frame, const int *fds, unsigned n)
{
	struct msg_ATTESTER m;

	if (n != 1)
		return false;
	if (msg_ATTESTER_decode(frame, &m) != ERR_OK) {
		close(fds[0]);
		return false;
	}
	caller_wire(r, fds[0]);
	return true;
}

static bool on_frame(struct service *s, enum role peer, enum msg_type type, struct span frame,
		     const int *fds, unsigned n)
{
	struct router *r = s->ctx;

	(void)peer; /* the permission table has looked at who may say what */
	switch (type) {
	case MSG_ENGINE_GIVE:
		return on_given(r, frame, fds, n);
	case MSG_ENGINE_WAIT:
		return on_wait(r, frame);
	case MSG_ENGINE_NONE:
		return on_none(r, frame);
	case MSG_MODELS:
		return on_models(r, frame, fds, n);
	case MSG_ENGINE_CROWDED:
		return others_crowded(r, frame);
	case MSG_SHOW:
		return others_show(r, frame);
	case MSG_LOOKED:
		return others_looked(r, frame, fds, n);
	case MSG_DEVICE_STATE:
		return on_device(r, frame);
	case MSG_ATTESTER:
		return on_attester(r, frame, fds, n);
	case MSG_ANSWER:
		return on_answer(r, frame, fds, n);
	default:
		for (unsigned i = 0; i < n; i++)
			close(fds[i]);
		return false;
	}
}

int router_main(void)
{
	static const struct service_handler handler = { .role = ROLE_ROUTER,
							.before_jail = before_jail,
							.after_jail = after_jail,
							.on_frame = on_frame,
							.on_peer = on_peer,
							.on_policy = on_policy,
							.on_stop = on_stop };

	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
	return service_run(&handler);
}
