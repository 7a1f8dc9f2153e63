/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that were answered 503 at once because there was no room for them. None of them has
 * a decision or a record: under a flood that would be what the room is missing for. So they are
 * counted by cause, and once a second, while there are any, one line of the log and one message
 * to consent (for its metrics) say how many.
 */
#include "common/log.h"
#include "router/impl.h"

#define SAY_MS 1000

static void on_say(uv_timer_t *t)
{
	overload_say(t->data);
}

void overload_init(struct router *r)
{
	router_timer(r, &r->overload.timer);
}

void overload_add(struct router *r, enum overload why)
{
	r->overload.refused[why]++;
	if (!uv_is_active((uv_handle_t *)&r->overload.timer))
		uv_timer_start(&r->overload.timer, on_say, SAY_MS, 0);
}

void overload_say(struct router *r)
{
	uint32_t *n = r->overload.refused;
	struct msg_OVERLOAD m = { .queue = n[OVERLOAD_QUEUE],
				  .ledger = n[OVERLOAD_LEDGER],
				  .memory = n[OVERLOAD_MEMORY] };

	if (m.queue + m.ledger + m.memory == 0)
		return;
	log_warning("router.overload",
		    "refused queue=%" PRIu32 " ledger=%" PRIu32 " memory=%" PRIu32
		    " requests with 503; queue: limits.queue requests are in progress; ledger: "
		    "consent is behind with the records of earlier ones (is its disk slow?)",
		    m.queue, m.ledger, m.memory);
	memset(n, 0, sizeof r->overload.refused);
	if (CHANNEL_SEND(service_channel(r->service, ROLE_CONSENT), OVERLOAD, &m, NULL, 0) !=
	    ERR_OK)
		log_debug("router.overload", "consent is gone");
}
