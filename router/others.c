/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is to do when several routers serve the same sockets: to a program they are one.
 *
 *   limits        connections and requests are counted on the board (ipc/board.h)
 *   conversations turns.c and prompt_cache.c keep theirs there
 *   slots         local says when somebody waits (ENGINE_CROWDED): nobody then keeps one
 *   decisions     stay with the router that made them, which is written in the last letter of
 *                 the decision's number; asked for one of another's, a router asks it by way of
 *                 consent (LOOK, SHOW, SHOWN, LOOKED) and its client waits for that
 *
 * Everything else of a request lives and ends with its router.
 *
 * Invariant: an exchange in `looks` has no request (http_user is NULL), and leaves the list
 * before it is answered.
 */
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "router/impl.h"

#define LOOK_MS 2000

struct look {
	struct look *next;
	uint64_t tag, until_ms;
	struct http_exchange *x;
};

/* ---------------------------------------------------------------- limits */

enum err others_meet(struct router *r)
{
	const struct service *s = r->service;

	return s->config->router_processes == 1 ? ERR_OK
						: board_map(ROLE_FD_BOARD, s->role, &r->board);
}

static bool count_connections(void *ctx, uint32_t uid, struct http_count own,
			      struct http_count *ret_sum)
{
	struct board *b = ctx;

	if (!board_connections(b, uid, own.of_user, own.all))
		return false;
	if (ret_sum != NULL)
		*ret_sum = (struct http_count){ board_sum(b), board_sum_of(b, uid) };
	return true;
}

void others_share(struct router *r)
{
	if (r->board != NULL)
		http_server_share(r->http, count_connections, r->board);
}

bool others_leave_room(struct router *r)
{
	uint32_t most = r->service->config->limits.queue;

	if (r->board == NULL)
		return r->n_requests < most;
	board_requests(r->board, r->n_requests + 1);
	if (board_sum_requests(r->board) <= most)
		return true;
	others_count(r);
	return false;
}

void others_count(struct router *r)
{
	if (r->board != NULL)
		board_requests(r->board, r->n_requests);
}

bool others_crowded(struct router *r, struct span frame)
{
	struct msg_ENGINE_CROWDED m;

	if (msg_ENGINE_CROWDED_decode(frame, &m) != ERR_OK)
		return false;
	r->crowded = m.crowded;
	if (!r->crowded)
		return true;
	lease_give_back(r);
	draft_yield(r);
	return true;
}

/* ---------------------------------------------------------------- decisions */

static const char seats[] = "012345"; /* of Crockford's alphabet, as the rest of a ULID */

void others_mark(const struct router *r, char *io_decision_id)
{
	if (r->board != NULL)
		io_decision_id[TEXT_ULID_BYTES - 2] =
			seats[role_router_number(r->service->role)];
}

/* ROLE_SEATS: nobody's. */
static enum role maker_of(const struct router *r, struct span id)
{
	const char *at = r->board != NULL && text_is_ulid(id)
				 ? strchr(seats, id.ptr[TEXT_ULID_BYTES - 2])
				 : NULL;

	if (at == NULL || at - seats >= (ptrdiff_t)r->service->config->router_processes)
		return ROLE_SEATS;
	return role_router((unsigned)(at - seats));
}

static struct http_exchange *unlink_look(struct look **at)
{
	struct look *l = *at;
	struct http_exchange *x = l->x;

	*at = l->next;
	free(l);
	return x;
}

static void on_silence(uv_timer_t *t)
{
	struct router *r = t->data;
	uint64_t now = uv_now(r->service->loop);

	for (struct look **at = &r->looks; *at != NULL;) {
		if ((*at)->until_ms <= now)
			decision_none(unlink_look(at));
		else
			at = &(*at)->next;
	}
	if (r->looks == NULL)
		uv_timer_stop(t);
}

void others_init(struct router *r)
{
	router_timer(r, &r->looking);
}

bool others_look(struct router *r, struct http_exchange *x, struct span id, uid_t uid)
{
	enum role maker = maker_of(r, id);
	struct msg_LOOK m = { .tag = ++r->next_look, .router = (uint8_t)maker, .uid = uid };
	struct look *l;

	if (maker == ROLE_SEATS || maker == r->service->role ||
	    (l = calloc(1, sizeof *l)) == NULL)
		return false;
	(void)!span_copy(id, m.decision_id, sizeof m.decision_id); /* a ULID, which fits */
	if (CHANNEL_SEND(service_channel(r->service, ROLE_CONSENT), LOOK, &m, NULL, 0) !=
	    ERR_OK) {
		free(l);
		return false;
	}
	*l = (struct look){ r->looks, m.tag, uv_now(r->service->loop) + LOOK_MS, x };
	r->looks = l;
	if (!uv_is_active((uv_handle_t *)&r->looking))
		uv_timer_start(&r->looking, on_silence, LOOK_MS, LOOK_MS / 4);
	return true;
}

void others_gone(struct router *r, const struct http_exchange *x)
{
	for (struct look **at = &r->looks; *at != NULL; at = &(*at)->next)
		if ((*at)->x == x) {
			unlink_look(at);
			return;
		}
}

bool others_looked(struct router *r, struct span frame, const int *fds, unsigned n)
{
	struct msg_LOOKED m;
	struct look **at = &r->looks;
	struct span text = { NULL, 0 };
	bool ok = msg_LOOKED_decode(frame, &m) == ERR_OK;

	while (ok && *at != NULL && (*at)->tag != m.tag)
		at = &(*at)->next;
	if (ok && *at != NULL) { /* else nobody waits any more */
		struct http_exchange *x = unlink_look(at);

		if (n == 1 && file_map_sealed(fds[0], DECISION_BYTES, &text) == ERR_OK) {
			reply_json(x, 200, text);
			file_unmap(text);
		} else {
			decision_none(x);
		}
	}
	if (n > 0)
		close(fds[0]);
	return ok;
}

bool others_show(struct router *r, struct span frame)
{
	struct msg_SHOW m;
	struct msg_SHOWN shown;
	struct buf out;
	int fd = -1;

	if (msg_SHOW_decode(frame, &m) != ERR_OK)
		return false;
	shown = (struct msg_SHOWN){ .tag = m.tag };
	buf_init(&out, DECISION_BYTES);
	if (decision_json(r, span_of(m.decision_id), m.uid, &out) && !out.failed)
		fd = file_sealed("decision", buf_span(&out));
	buf_free(&out);
	if (CHANNEL_SEND(service_channel(r->service, ROLE_CONSENT), SHOWN, &shown, &fd,
			 fd >= 0 ? 1u : 0u) != ERR_OK)
		log_debug("router.show", "consent is gone");
	if (fd >= 0)
		close(fd);
	return true;
}
