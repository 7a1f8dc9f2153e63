/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of requests that asked for nothing, on their way to consent. They are gathered and go
 * in bundles, every TELL_MS or when one is full, so that neither side pays a system call for
 * each; what consent does not take at once stays here. Nothing is left out while consent lives:
 * when it is too far behind, new requests are refused for a moment (tell_is_full). While it is
 * away for long, what finds no room is counted and logged.
 *
 * Killed, this process takes the facts of TELL_MS with it; they concern answers given on the
 * device. A clean stop sends them first.
 */
#include "common/log.h"
#include "router/impl.h"

#define TELL_MS      100
#define TELL_AT      ((size_t)7 << 10) /* nearly one datagram */
#define UNTOLD_BYTES ((size_t)4 << 20)
#define FULL_BYTES   ((size_t)3 << 20)

static void on_tell(uv_timer_t *t)
{
	tell_flush(t->data);
}

void tell_init(struct router *r)
{
	buf_init(&r->untold, UNTOLD_BYTES);
	router_timer(r, &r->tell);
}

void tell_add(struct router *r, const struct msg_DECIDED *m)
{
	uint8_t entry[2 + MSG_BYTES_MAX];
	size_t n = msg_DECIDED_encode(m, entry + 2, sizeof entry - 4); /* a bundle has a head */

	entry[0] = (uint8_t)n;
	entry[1] = (uint8_t)(n >> 8);
	if (n > 0)
		buf_add(&r->untold, (struct span){ (const char *)entry, n + 2 });
	if (n == 0 || r->untold.failed) {
		r->untold.failed = false;
		if (r->lost++ == 0)
			log_error("router.decided",
				  "facts are lost: consent does not take them");
		return;
	}
	if (r->untold.len >= TELL_AT)
		tell_flush(r);
	else if (!uv_is_active((uv_handle_t *)&r->tell))
		uv_timer_start(&r->tell, on_tell, TELL_MS, 0);
}

void tell_flush(struct router *r)
{
	size_t done = 0, taken;

	while (done < r->untold.len) {
		struct span rest = { r->untold.ptr + done, r->untold.len - done };
		enum err e = channel_send_bundle(service_channel(r->service, ROLE_CONSENT),
						 rest, &taken);

		if (e != ERR_OK)
			break;
		done += taken;
	}
	buf_consume(&r->untold, done);
	if (r->untold.len > 0) {
		uv_timer_start(&r->tell, on_tell, TELL_MS, 0);
	} else if (r->lost > 0) {
		log_error("router.decided", "lost=%" PRIu64 " requests without a record",
			  r->lost);
		r->lost = 0;
	}
}

bool tell_is_full(const struct router *r)
{
	return r->untold.len >= FULL_BYTES && service_channel(r->service, ROLE_CONSENT) != NULL;
}
