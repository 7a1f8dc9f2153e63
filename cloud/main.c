/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cloud process: frames in, calls out.
 *
 *   before_jail   keys, proxy settings, the witnessed head: the last files that are read
 *   after_jail    libcurl; HEAD_KNOWN to consent
 *   SEND          checked (send.c), then a call (call.c), or a place in the queue while its
 *                 destination is full; refused, or it rests (lanes.h): SENT at once
 *   AGAIN_GRANTED a call takes up its next attempt
 *   ABORT         the call is stopped
 *   HEAD          witnessed
 *   POLICY        new destinations; keys are read again
 *   consent gone  nobody could revoke any more: every call is stopped
 *
 * Invariant: each SEND gets exactly one SENT, from refuse() or from its call.
 */
#include "cloud/cloud.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cloud/cloud_impl.h"
#include "cloud/names.h"
#include "cloud/reply_pipe.h"
#include "common/file.h"
#include "common/log.h"
#include "crypto/crypto.h"

#define RESTS "the destination failed too often and is left alone for a while"

static struct cloud self;

static void on_sent(void *ctx, const struct msg_SENT *sent)
{
	struct cloud *c = ctx;
	struct channel *consent = service_channel(c->service, ROLE_CONSENT);
	enum err e = CHANNEL_SEND(consent, SENT, sent, NULL, 0);

	if (e != ERR_OK)
		log_warning("cloud.account_lost", "id=%" PRIu64 " %s", sent->request_id,
			    err_text(e));
}

static void finish_if_stopped(struct cloud *c)
{
	if (c->stopping && c->n_calls == 0)
		service_finished(c->service);
}

static void on_attempt(void *ctx, const struct call *call, enum lane_news news)
{
	struct cloud *c = ctx;
	const char *name = call_send(call)->destination;
	const struct policy_destination *d = send_destination(c, name);
	struct lane *lane = lanes_get(&c->lanes, name);

	if (d == NULL || lane == NULL)
		return;
	lane_tell(lane, d, news, uv_now(c->service->loop));
	uint64_t rest_ms = lane_rest_ms(lane, uv_now(c->service->loop));
	if (rest_ms > 0)
		log_notice("cloud.rests",
			   "destination=%s failures=%u: nothing is sent there for %" PRIu64
			   " ms",
			   name, lane->failures, rest_ms);
}

static void on_again(void *ctx, const struct msg_AGAIN *again)
{
	struct cloud *c = ctx;
	struct channel *consent = service_channel(c->service, ROLE_CONSENT);
	enum err e = CHANNEL_SEND(consent, AGAIN, again, NULL, 0);

	if (e != ERR_OK) /* then the call ends by its deadline, or by on_peer() */
		log_warning("cloud.again", "id=%" PRIu64 " %s", again->request_id, err_text(e));
}

static void on_over(void *ctx, struct call *call);

static const struct call_handler handler = { on_sent, on_attempt, on_again, on_over };

static void refuse(struct cloud *c, const struct msg_SEND *m, int pipe,
		   enum send_outcome outcome, const char *why)
{
	struct msg_SENT sent = { .request_id = m->request_id,
				 .ledger_seq = m->ledger_seq,
				 .outcome = (uint8_t)outcome,
				 .input_tokens = -1,
				 .output_tokens = -1,
				 .cached_tokens = -1 };

	log_notice("cloud.refused", "id=%" PRIu64 " ledger=%" PRIu64 " destination=%s: %s",
		   m->request_id, m->ledger_seq, m->destination, why);
	snprintf(sent.detail, sizeof sent.detail, "%s", why);
	reply_pipe_refuse(pipe, why);
	on_sent(c, &sent);
}

static struct call *find_call(struct cloud *c, uint64_t request_id)
{
	for (unsigned i = 0; i < c->n_calls; i++)
		if (call_send(c->calls[i])->request_id == request_id)
			return c->calls[i];
	return NULL;
}

/* Takes over both descriptors. */
static void begin(struct cloud *c, const struct msg_SEND *m, int body_fd, int pipe)
{
	struct call_plan plan;
	const char *no = send_check(c, m, body_fd, &plan);

	close(body_fd);
	if (no != NULL) {
		refuse(c, m, pipe, SEND_REFUSED, no);
		return;
	}
	plan.pipe = pipe;
	struct call *call = send_start(c, &plan, &handler);
	if (call == NULL) {
		file_unmap(plan.body);
		refuse(c, m, pipe, SEND_REFUSED, "the exchange could not be set up");
		return;
	}
	c->calls[c->n_calls++] = call;
	struct lane *lane = lanes_get(&c->lanes, m->destination);
	if (lane != NULL)
		lane_enter(lane, uv_now(c->service->loop));
}

/* --- the queue ------------------------------------------------------------------------- */

static enum lane_answer ask_lane(struct cloud *c, const char *name)
{
	const struct policy_destination *d = send_destination(c, name);
	const struct lane *lane = lanes_get(&c->lanes, name);

	if (d == NULL || lane == NULL)
		return LANE_FREE; /* send_check() says what is wrong */
	enum lane_answer answer = lane_ask(lane, d, uv_now(c->service->loop));
	bool all_full = c->n_calls >= c->service->config->cloud.concurrent;
	return answer == LANE_FREE && all_full ? LANE_FULL : answer;
}

static void take_out(struct cloud *c, unsigned i, struct waiting *ret)
{
	*ret = c->queue[i];
	c->n_queue--;
	memmove(&c->queue[i], &c->queue[i + 1], (c->n_queue - i) * sizeof c->queue[0]);
}

static void wait_over(struct cloud *c, unsigned i, enum send_outcome outcome, const char *why)
{
	struct waiting w;

	take_out(c, i, &w);
	close(w.body_fd);
	refuse(c, &w.m, w.pipe, outcome, why);
}

/* Starts what may start now, in the order in which it came. */
static void serve_queue(struct cloud *c)
{
	for (unsigned i = 0; i < c->n_queue;) {
		struct waiting w;
		enum lane_answer answer = ask_lane(c, c->queue[i].m.destination);

		if (answer == LANE_FULL) {
			i++;
			continue;
		}
		if (answer == LANE_RESTS) {
			wait_over(c, i, SEND_REFUSED, RESTS);
			continue;
		}
		take_out(c, i, &w);
		uint64_t waited_ms = uv_now(c->service->loop) - w.since_ms;
		w.m.deadline_ms =
			waited_ms < w.m.deadline_ms ? w.m.deadline_ms - (uint32_t)waited_ms : 0;
		begin(c, &w.m, w.body_fd, w.pipe);
	}
}

static bool queue_put(struct cloud *c, const struct msg_SEND *m, int body_fd, int pipe)
{
	const struct policy_destination *d = send_destination(c, m->destination);
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_queue; i++)
		n += strcmp(c->queue[i].m.destination, m->destination) == 0;
	if (n >= d->queue || c->n_queue == LEN(c->queue))
		return false;
	c->queue[c->n_queue++] =
		(struct waiting){ *m, body_fd, pipe, uv_now(c->service->loop) };
	log_debug("cloud.waits", "id=%" PRIu64 " destination=%s", m->request_id,
		  m->destination);
	return true;
}

static void on_over(void *ctx, struct call *call)
{
	struct cloud *c = ctx;
	struct lane *lane = lanes_get(&c->lanes, call_send(call)->destination);
	unsigned i = 0;

	while (c->calls[i] != call)
		i++;
	c->calls[i] = c->calls[--c->n_calls];
	if (lane != NULL)
		lane_leave(lane);
	serve_queue(c);
	finish_if_stopped(c);
}

static bool is_waiting(const struct cloud *c, uint64_t request_id, unsigned *ret)
{
	for (*ret = 0; *ret < c->n_queue; (*ret)++)
		if (c->queue[*ret].m.request_id == request_id)
			return true;
	return false;
}

/* --- frames ---------------------------------------------------------------------------- */

/* Takes over both descriptors. */
static bool on_send(struct cloud *c, struct span frame, const int *fds, unsigned n)
{
	struct msg_SEND m;
	unsigned at;

	if (n != 2 || msg_SEND_decode(frame, &m) != ERR_OK ||
	    find_call(c, m.request_id) != NULL || is_waiting(c, m.request_id, &at)) {
		for (unsigned i = 0; i < n; i++)
			close(fds[i]);
		return false;
	}
	const char *no = send_admit(c, &m);
	enum lane_answer answer = no == NULL ? ask_lane(c, m.destination) : LANE_FREE;
	if (answer == LANE_RESTS)
		no = RESTS;
	else if (answer == LANE_FULL && queue_put(c, &m, fds[0], fds[1]))
		return true;
	else if (answer == LANE_FULL)
		no = "as many as are sent at once are under way, and as many wait";
	if (no != NULL) {
		close(fds[0]);
		refuse(c, &m, fds[1], SEND_REFUSED, no);
	} else {
		begin(c, &m, fds[0], fds[1]);
	}
	return true;
}

static bool on_again_granted(struct cloud *c, struct span frame)
{
	struct msg_AGAIN_GRANTED m;

	if (msg_AGAIN_GRANTED_decode(frame, &m) != ERR_OK)
		return false;
	struct call *call = find_call(c, m.request_id);
	if (call != NULL) /* it may have ended meanwhile */
		send_again(c, call);
	return true;
}

static bool on_abort(struct cloud *c, struct span frame)
{
	struct msg_ABORT m;
	unsigned at;

	if (msg_ABORT_decode(frame, &m) != ERR_OK)
		return false;
	if (is_waiting(c, m.request_id, &at))
		wait_over(c, at, SEND_ABORTED, "the permission was withdrawn while it waited");
	struct call *call = find_call(c, m.request_id);
	if (call != NULL) /* it may have ended meanwhile */
		call_stop(call, CALL_WITHDRAWN);
	return true;
}

static bool on_head(struct cloud *c, struct span frame)
{
	struct msg_HEAD m;

	if (msg_HEAD_decode(frame, &m) != ERR_OK)
		return false;
	uint64_t before;
	uint8_t hash[WITNESS_HASH_BYTES];

	witness_known(c->witness, &before, hash);
	bool back = witness_note(c->witness, c->service->loop, m.seq, m.hash) != ERR_OK;
	if (!back && m.seq < before)
		send_forget_grants(c);
	if (back && !c->rolled_back)
		log_error("cloud.ledger_rolled_back",
			  "seq=%" PRIu64
			  " is not what was witnessed; nothing is sent until the "
			  "ledger is whole again, or its loss was acknowledged",
			  m.seq);
	c->rolled_back = back;
	return true;
}

static bool on_keys(struct cloud *c, struct span frame)
{
	struct msg_KEYS m;

	if (msg_KEYS_decode(frame, &m) != ERR_OK)
		return false;
	keys_read(c->keys, c->policy);
	return true;
}

static bool on_frame(struct service *s, enum role peer, enum msg_type type, struct span frame,
		     const int *fds, unsigned n)
{
	struct cloud *c = s->ctx;

	(void)peer;
	if (type == MSG_SEND)
		return on_send(c, frame, fds, n);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	if (type == MSG_ABORT)
		return on_abort(c, frame);
	if (type == MSG_AGAIN_GRANTED)
		return on_again_granted(c, frame);
	if (type == MSG_HEAD)
		return on_head(c, frame);
	if (type == MSG_KEYS)
		return on_keys(c, frame);
	return false;
}

static void stop_all(struct cloud *c, enum call_stop why)
{
	while (c->n_queue > 0)
		wait_over(c, 0, SEND_ABORTED, "the daemon is stopping, or consent is gone");
	for (unsigned i = 0; i < c->n_calls; i++)
		call_stop(c->calls[i], why);
}

static void say_known_head(struct cloud *c)
{
	struct channel *consent = service_channel(c->service, ROLE_CONSENT);
	struct msg_HEAD_KNOWN m;

	if (consent == NULL)
		return;
	witness_known(c->witness, &m.seq, m.hash);
	if (CHANNEL_SEND(consent, HEAD_KNOWN, &m, NULL, 0) != ERR_OK)
		log_warning("cloud.head", "consent cannot be told the witnessed head");
}

static void on_peer(struct service *s, enum role peer)
{
	if (peer != ROLE_CONSENT)
		return;
	if (service_channel(s, ROLE_CONSENT) == NULL)
		stop_all(s->ctx, CALL_CONSENT_GONE);
	else
		say_known_head(s->ctx);
}

static struct policy_set *read_policy(struct service *s)
{
	struct policy_set *set = NULL;
	struct policy_error why;

	if (policy_bundle_read(s->policy_bundle, &set, &why) == ERR_OK)
		return set;
	log_error("cloud.policy", "generation=%" PRIu64 " %s: nothing is sent",
		  s->policy_generation, why.problem);
	return policy_set_lockdown("the policy could not be read");
}

static void on_policy(struct service *s)
{
	struct cloud *c = s->ctx;
	struct policy_set *fresh = read_policy(s);

	if (fresh == NULL) {
		log_error("cloud.policy", "no memory for it: leaving");
		exit(1);
	}
	policy_set_free(c->policy);
	c->policy = fresh;
	keys_read(c->keys, c->policy);
}

static void on_stop(struct service *s)
{
	struct cloud *c = s->ctx;

	c->stopping = true;
	stop_all(c, CALL_LEAVING);
	finish_if_stopped(c);
}

static char *environment(const char *first, const char *second)
{
	const char *value = getenv(first);

	if (value == NULL && second != NULL)
		value = getenv(second);
	return value != NULL ? strdup(value) : NULL;
}

static enum err before_jail(struct service *s)
{
	struct cloud *c = &self;

	s->ctx = c;
	c->service = s;
	c->proxy = environment("HITHER_HTTPS_PROXY", "HITHER_ALL_PROXY");
	c->no_proxy = environment("HITHER_NO_PROXY", NULL);
	names_load_modules();
	if (!fetch_prepare())
		return ERR_SYSTEM;
	if (crypto_init() != ERR_OK)
		return ERR_SYSTEM;
	c->keys = keys_new(s->config->config_dir, getenv("CREDENTIALS_DIRECTORY"));
	c->witness = witness_new(s->config->state_dir);
	c->policy = read_policy(s);
	if (c->keys == NULL || c->witness == NULL || c->policy == NULL)
		return ERR_NO_MEMORY;
	keys_read(c->keys, c->policy);
	return ERR_OK;
}

static enum err after_jail(struct service *s)
{
	self.fetcher = fetcher_new(s->loop);
	if (self.fetcher == NULL)
		return ERR_NO_MEMORY;
	say_known_head(&self);
	return ERR_OK;
}

int cloud_main(void)
{
	static const struct service_handler role = {
		.role = ROLE_CLOUD,
		.before_jail = before_jail,
		.grants = cloud_grants,
		.after_jail = after_jail,
		.on_frame = on_frame,
		.on_peer = on_peer,
		.on_policy = on_policy,
		.on_stop = on_stop,
	};
	int status = service_run(&role);

	witness_free(self.witness);
	keys_free(self.keys);
	return status;
}
