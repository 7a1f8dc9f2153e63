/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of the engine that the router keeps for its next request, each with its connection.
 *
 * A slot is the router's from ENGINE_GIVE until ENGINE_DONE (ipc/messages.def); local decides
 * how many there are. When an answer is complete and nobody waits for a slot, ENGINE_DONE is
 * put off: the next request for the same model starts on the same connection, without a word to
 * local. A slot that lies unused for LEASE_MS goes back, so that local sees an idle engine.
 *
 * Invariants
 *   1. While a request waits for local, here or in another router, no slot is kept: local alone
 *      decides who is next.
 *   2. A slot that local forgot (it died) or gave for models as they were before is not kept
 *      (lease_epoch).
 *   3. ENGINE_DONE is said once for each slot, unless local is gone.
 */
#include "common/log.h"
#include "router/impl.h"

#define LEASE_MS 1000 /* below the 5 s after which llama-server closes a silent connection */

void lease_done(struct router *r, uint64_t slot_id, bool broken)
{
	struct msg_ENGINE_DONE m = { .request_id = slot_id, .broken = broken };
	/* A local that is gone has forgotten the slot by itself. */
	enum err e =
		CHANNEL_SEND(service_channel(r->service, ROLE_LOCAL), ENGINE_DONE, &m, NULL, 0);

	if (e != ERR_OK)
		log_debug("router.engine_done", "local is gone: %s", err_text(e));
}

static void unlink_lease(struct lease *l)
{
	struct lease **at = &l->router->leases;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
}

static void on_lost(void *ctx)
{
	struct lease *l = ctx;

	unlink_lease(l);
	lease_done(l->router, l->slot_id, false);
	free(l);
}

struct lease *lease_take(struct router *r, const char *model)
{
	for (struct lease **at = &r->leases; *at != NULL; at = &(*at)->next) {
		struct lease *l = *at;

		if (strcmp(l->model, model) != 0)
			continue;
		*at = l->next;
		return l;
	}
	return NULL;
}

void lease_free(struct lease *l)
{
	free(l);
}

bool lease_put(struct request *q, const char *model)
{
	struct router *r = q->router;

	if (r->n_waiting > 0 || r->crowded || r->stopping || q->slot_epoch != r->lease_epoch)
		return false;
	struct lease *l = calloc(1, sizeof *l);
	if (l == NULL || !http_call_keep(q->call, on_lost, l)) {
		free(l);
		return false;
	}
	l->router = r;
	l->call = q->call;
	l->slot_id = q->slot_id;
	l->since_ms = uv_now(r->service->loop);
	text_append(l->model, sizeof l->model, 0, model);
	l->next = r->leases;
	r->leases = l;
	return true;
}

static void return_one(struct lease *l)
{
	http_call_cancel(l->call);
	lease_done(l->router, l->slot_id, false);
	free(l);
}

void lease_give_back(struct router *r)
{
	while (r->leases != NULL) {
		struct lease *l = r->leases;

		r->leases = l->next;
		return_one(l);
	}
}

void lease_drop_all(struct router *r)
{
	r->lease_epoch++;
	lease_give_back(r);
}

bool lease_tick(struct router *r)
{
	uint64_t now = uv_now(r->service->loop);

	/* The longest unused stand last. */
	for (struct lease **at = &r->leases; *at != NULL;) {
		struct lease *l = *at;

		if (now - l->since_ms < LEASE_MS) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		return_one(l);
	}
	return r->leases != NULL;
}
