/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real boot, wires and jail with roles that only prove that they work. Sockets answer with
 * one line of JSON and close:
 *   hither.sock       router: its pid and policy, and whether word came back from local, and
 *                     from cloud by way of consent
 *   admin.sock        consent: what boot told it of every role, the engine and the last reload
 *   consent.sock      consent: asks boot for a reload and says how it ended
 *   apps/break.sock   router: sends consent a frame that is no message
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot/boot.h"
#include "common/json.h"
#include "common/log.h"
#include "proc/service.h"

#define PATIENCE_MS 3000

/* --- a line to whoever connects --------------------------------------------------------------
 */

struct door {
	uv_poll_t poll;
	struct service *s;
	const char *name;
	int fd;
};

static struct door doors[8];
static void on_visitor(struct service *s, const char *door, int fd);

static void on_door(uv_poll_t *poll, int status, int events)
{
	struct door *d = poll->data;
	int fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)status;
	(void)events;
	if (fd >= 0)
		on_visitor(d->s, d->name, fd);
}

static enum err open_doors(struct service *s)
{
	for (unsigned i = 0; i < s->listens && i < LEN(doors); i++) {
		struct door *d = &doors[i];

		d->s = s;
		d->name = s->listen[i].name;
		d->fd = s->listen[i].fd;
		d->poll.data = d;
		if (uv_poll_init(s->loop, &d->poll, d->fd) != 0 ||
		    uv_poll_start(&d->poll, UV_READABLE, on_door) != 0)
			return ERR_SYSTEM;
	}
	return ERR_OK;
}

static void say(int fd, struct buf *line)
{
	buf_add_char(line, '\n');
	ssize_t n = write(fd, line->ptr, line->len);

	(void)n;
	close(fd);
	buf_free(line);
}

/* --- router ----------------------------------------------------------------------------------
 */

static struct {
	int fd; /* the one visitor; -1: none */
	uint64_t id;
	bool local, chain, local_done, chain_done;
	unsigned peer_changes;
	uv_timer_t patience;
} visit = { .fd = -1 };

static void visit_end(struct service *s)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b,
		   "{\"pid\":%d,\"local\":%s,\"chain\":%s,\"generation\":%" PRIu64
		   ",\"policy_bytes\":%zu,\"peer_changes\":%u}",
		   (int)getpid(), visit.local ? "true" : "false",
		   visit.chain ? "true" : "false", s->policy_generation, s->policy_bundle.len,
		   visit.peer_changes);
	say(visit.fd, &b);
	visit.fd = -1;
	uv_timer_stop(&visit.patience);
}

static void visit_check(struct service *s)
{
	if (visit.fd >= 0 && visit.local_done && visit.chain_done)
		visit_end(s);
}

static void on_patience(uv_timer_t *t)
{
	visit_end(t->data);
}

static void break_consent(struct service *s, int fd)
{
	const uint8_t nonsense[] = { 0xff, 0xff, 1 };
	struct buf b;

	buf_init(&b, 64);
	buf_add_str(&b, channel_send(service_channel(s, ROLE_CONSENT), nonsense,
				     sizeof nonsense, NULL, 0) == ERR_OK
				? "{\"sent\":true}"
				: "{\"sent\":false}");
	say(fd, &b);
}

static void router_visitor(struct service *s, const char *door, int fd)
{
	struct msg_ENGINE_WANT want = { .request_id = ++visit.id, .deadline_ms = 1000 };
	struct msg_CANCEL cancel = { .request_id = visit.id };

	if (strcmp(door, "app:break") == 0) {
		break_consent(s, fd);
		return;
	}
	if (visit.fd >= 0) {
		close(fd);
		return;
	}
	visit.fd = fd;
	visit.local = visit.chain = false;
	visit.local_done = CHANNEL_SEND(service_channel(s, ROLE_LOCAL), ENGINE_WANT, &want,
					NULL, 0) != ERR_OK;
	visit.chain_done = CHANNEL_SEND(service_channel(s, ROLE_CONSENT), CANCEL, &cancel, NULL,
					0) != ERR_OK;
	uv_timer_start(&visit.patience, on_patience, PATIENCE_MS, 0);
	visit_check(s);
}

static bool router_frame(struct service *s, enum role peer, enum msg_type type,
			 struct span frame, const int *fds, unsigned n)
{
	struct msg_ENGINE_NONE none;
	struct msg_ANSWER answer;

	(void)peer;
	if (type == MSG_ATTESTER)
		return n == 1; /* kept open: it lives as long as its wire */
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	if (type == MSG_ENGINE_NONE && msg_ENGINE_NONE_decode(frame, &none) == ERR_OK &&
	    none.request_id == visit.id)
		visit.local = visit.local_done = true;
	if (type == MSG_ANSWER && msg_ANSWER_decode(frame, &answer) == ERR_OK &&
	    answer.request_id == visit.id)
		visit.chain = visit.chain_done = true;
	visit_check(s);
	return true;
}

static void router_peer(struct service *s, enum role peer)
{
	(void)s;
	(void)peer;
	visit.peer_changes++;
}

static enum err router_after(struct service *s)
{
	uv_timer_init(s->loop, &visit.patience);
	visit.patience.data = s;
	return open_doors(s);
}

/* --- local and cloud: answer what they are asked
 * ----------------------------------------------- */

static enum err local_after(struct service *s)
{
	struct msg_ENGINE m = { .state = ENGINE_MISSING, .model = "none" };

	return CHANNEL_SEND(service_channel(s, ROLE_BOOT), ENGINE, &m, NULL, 0);
}

static bool local_frame(struct service *s, enum role peer, enum msg_type type,
			struct span frame, const int *fds, unsigned n)
{
	struct msg_ENGINE_WANT want;

	(void)fds;
	(void)n;
	if (type != MSG_ENGINE_WANT || msg_ENGINE_WANT_decode(frame, &want) != ERR_OK)
		return false;
	struct msg_ENGINE_NONE none = { .request_id = want.request_id };
	return CHANNEL_SEND(service_channel(s, peer), ENGINE_NONE, &none, NULL, 0) == ERR_OK;
}

static bool cloud_frame(struct service *s, enum role peer, enum msg_type type,
			struct span frame, const int *fds, unsigned n)
{
	struct msg_ABORT abort_it;
	struct msg_KEYS keys;

	(void)fds;
	(void)n;
	if (type == MSG_KEYS && msg_KEYS_decode(frame, &keys) == ERR_OK) {
		log_notice("fake.keys", "reload=%" PRIu64, keys.reload);
		return true;
	}
	if (type != MSG_ABORT || msg_ABORT_decode(frame, &abort_it) != ERR_OK)
		return false;
	struct msg_SENT sent = { .request_id = abort_it.request_id };
	return CHANNEL_SEND(service_channel(s, peer), SENT, &sent, NULL, 0) == ERR_OK;
}

/* --- consent ---------------------------------------------------------------------------------
 */

static struct {
	struct msg_HEALTH health[ROLE_COUNT];
	struct msg_ENGINE_HEALTH engine;
	struct msg_RELOADED reloaded;
	int waiting; /* for RELOADED; -1: nobody */
} known = { .waiting = -1 };

static void put_reloaded(struct buf *b)
{
	buf_printf(b, "{\"ok\":%s", known.reloaded.ok ? "true" : "false");
	json_put_key_i64(b, "tag", (int64_t)known.reloaded.tag);
	json_put_key_cstr(b, "detail", known.reloaded.detail);
	buf_add_char(b, '}');
}

static void say_health(struct service *s, int fd)
{
	struct buf b;

	buf_init(&b, 16384);
	buf_printf(&b, "{\"pid\":%d,\"generation\":%" PRIu64 ",\"engine\":%u,\"roles\":{",
		   (int)getpid(), s->policy_generation, known.engine.state);
	for (unsigned r = ROLE_ROUTER; r < ROLE_COUNT; r++)
		buf_printf(&b,
			   "%s\"%s\":{\"pid\":%u,\"ready\":%u,\"restarts\":%u,\"sandbox\":%u}",
			   r > ROLE_ROUTER ? "," : "", role_name((enum role)r),
			   known.health[r].pid, known.health[r].ready, known.health[r].restarts,
			   known.health[r].sandbox);
	buf_add_str(&b, "},\"reloaded\":");
	put_reloaded(&b);
	buf_add_char(&b, '}');
	say(fd, &b);
}

static void consent_visitor(struct service *s, const char *door, int fd)
{
	struct msg_RELOAD m = { 77 };

	if (strcmp(door, "admin") == 0) {
		say_health(s, fd);
		return;
	}
	if (known.waiting >= 0)
		close(known.waiting);
	known.waiting = fd;
	if (CHANNEL_SEND(service_channel(s, ROLE_BOOT), RELOAD, &m, NULL, 0) != ERR_OK)
		log_error("fake.reload", "boot cannot be asked");
}

static void on_reloaded(struct span frame)
{
	struct buf b;

	if (msg_RELOADED_decode(frame, &known.reloaded) != ERR_OK || known.waiting < 0 ||
	    known.reloaded.tag != 77)
		return;
	buf_init(&b, 4096);
	put_reloaded(&b);
	say(known.waiting, &b);
	known.waiting = -1;
}

static bool consent_frame(struct service *s, enum role peer, enum msg_type type,
			  struct span frame, const int *fds, unsigned n)
{
	struct msg_HEALTH health;
	struct msg_CANCEL cancel;
	struct msg_SENT sent;

	(void)peer;
	(void)fds;
	(void)n;
	if (type == MSG_HEALTH && msg_HEALTH_decode(frame, &health) == ERR_OK) {
		known.health[health.role] = health;
	} else if (type == MSG_ENGINE_HEALTH) {
		return msg_ENGINE_HEALTH_decode(frame, &known.engine) == ERR_OK;
	} else if (type == MSG_RELOADED) {
		on_reloaded(frame);
	} else if (type == MSG_CANCEL && msg_CANCEL_decode(frame, &cancel) == ERR_OK) {
		struct msg_ABORT a = { cancel.request_id };
		if (CHANNEL_SEND(service_channel(s, ROLE_CLOUD), ABORT, &a, NULL, 0) != ERR_OK)
			log_info("fake.chain", "cloud is not there");
	} else if (type == MSG_SENT && msg_SENT_decode(frame, &sent) == ERR_OK) {
		struct msg_ANSWER a = { .request_id = sent.request_id };
		if (CHANNEL_SEND(service_channel(s, ROLE_ROUTER), ANSWER, &a, NULL, 0) !=
		    ERR_OK)
			log_info("fake.chain", "router is not there");
	}
	return true;
}

static void on_visitor(struct service *s, const char *door, int fd)
{
	if (s->role == ROLE_ROUTER)
		router_visitor(s, door, fd);
	else
		consent_visitor(s, door, fd);
}

/* --- the program -----------------------------------------------------------------------------
 */

static int router_main(void)
{
	static const struct service_handler h = { .role = ROLE_ROUTER,
						  .after_jail = router_after,
						  .on_frame = router_frame,
						  .on_peer = router_peer };

	return service_run(&h);
}

static int local_main(void)
{
	static const struct service_handler h = { .role = ROLE_LOCAL,
						  .after_jail = local_after,
						  .on_frame = local_frame };

	return service_run(&h);
}

static int consent_main(void)
{
	static const struct service_handler h = { .role = ROLE_CONSENT,
						  .after_jail = open_doors,
						  .on_frame = consent_frame };

	return service_run(&h);
}

static int cloud_main(void)
{
	static const struct service_handler h = { .role = ROLE_CLOUD, .on_frame = cloud_frame };

	return service_run(&h);
}

static role_main_fn *const roles[ROLE_COUNT] = { [ROLE_ROUTER] = router_main,
						 [ROLE_LOCAL] = local_main,
						 [ROLE_CONSENT] = consent_main,
						 [ROLE_CLOUD] = cloud_main };

int main(int argc, char **argv)
{
	return boot_main(argc, argv, roles);
}
