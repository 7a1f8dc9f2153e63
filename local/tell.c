/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every send of this role, and what becomes of one that fails. A router that is gone hears
 * nothing and needs nothing: main.c clears the desk then. Boot that cannot be told gets a line
 * in the log; the next change tells it again.
 */
#include "local/tell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

#define MODELS_MESSAGE_BYTES (4u << 20)

/* --- boot ------------------------------------------------------------------------------ */

void tell_boot_engine(struct service *s, const struct msg_ENGINE *m)
{
	static uint8_t told[MSG_BYTES_MAX];
	static size_t told_bytes;
	uint8_t frame[MSG_BYTES_MAX];
	size_t bytes = msg_ENGINE_encode(m, frame, sizeof frame);
	enum err e;

	if (bytes > 0 && bytes == told_bytes && memcmp(frame, told, bytes) == 0)
		return;
	memcpy(told, frame, bytes);
	told_bytes = bytes;
	e = channel_send(service_channel(s, ROLE_BOOT), frame, bytes, NULL, 0);
	if (e != ERR_OK)
		log_warning("local.boot", "the engine's state could not be told: %s",
			    err_text(e));
}

void tell_boot_device(void *ctx, const struct device_state *d)
{
	struct msg_DEVICE m = {
		.power = (uint8_t)d->power,
		.battery_pct = d->battery_pct < 0 ? UINT8_MAX : (uint8_t)d->battery_pct,
		.network = (uint8_t)d->network,
		.thermal = (uint8_t)d->thermal,
		.locked = (uint8_t)d->locked,
		.vpn = (uint8_t)d->vpn,
		.strong = (uint8_t)d->strong,
	};

	if (CHANNEL_SEND(service_channel(ctx, ROLE_BOOT), DEVICE, &m, NULL, 0) != ERR_OK)
		log_warning("local.boot", "the device's state could not be told");
}

void tell_boot_person(void *ctx, const struct msg_PERSON *m)
{
	if (CHANNEL_SEND(service_channel(ctx, ROLE_BOOT), PERSON, m, NULL, 0) != ERR_OK)
		log_warning("local.boot", "what polkit said could not be told");
}

/* --- router ---------------------------------------------------------------------------- */

static void send_router(enum err e)
{
	/* A router that is gone hears nothing; main.c clears the desk. */
	if (e != ERR_OK && e != ERR_PEER_GONE)
		log_error("local.router", "%s", err_text(e));
}

/* Each router that is there; returns how many of them could not be told. */
static unsigned tell_each(struct service *s, const struct msg_MODELS *m, int fd)
{
	unsigned failed = 0;

	for (unsigned n = 0; n < s->config->router_processes; n++) {
		struct channel *router = service_channel(s, role_router(n));

		if (router != NULL && CHANNEL_SEND(router, MODELS, m, &fd, 1) != ERR_OK)
			failed++;
	}
	return failed;
}

void tell_router_models(struct service *s, const struct model_list *list)
{
	struct msg_MODELS m = { .count = list->n };
	struct buf text;
	int fd = -1;

	buf_init(&text, MODELS_MESSAGE_BYTES);
	models_message_write(list, &text);
	if (!text.failed)
		fd = file_sealed("models", buf_span(&text));
	buf_free(&text);
	if (fd < 0 || tell_each(s, &m, fd) > 0)
		log_error("local.models", "the list of models could not be told to the router");
	if (fd >= 0)
		close(fd);
}

void tell_router_crowded(struct service *s, bool crowded)
{
	struct msg_ENGINE_CROWDED m = { crowded };

	for (unsigned n = 0; n < s->config->router_processes; n++)
		send_router(CHANNEL_SEND(service_channel(s, role_router(n)), ENGINE_CROWDED, &m,
					 NULL, 0));
}

static struct channel *router_of(struct service *s, uint64_t *io_id)
{
	enum role seat = role_stamped(*io_id);

	*io_id = role_unstamped(*io_id);
	return service_channel(s, seat);
}

void tell_router_give(struct service *s, const struct msg_ENGINE_GIVE *give, int fd)
{
	struct msg_ENGINE_GIVE m = *give;
	struct channel *router = router_of(s, &m.request_id);

	send_router(CHANNEL_SEND(router, ENGINE_GIVE, &m, &fd, 1));
}

void tell_router_wait(struct service *s, uint64_t request_id, enum engine_state state,
		      uint32_t position)
{
	struct channel *router = router_of(s, &request_id);
	struct msg_ENGINE_WAIT m = { .request_id = request_id,
				     .state = (uint8_t)state,
				     .position = position };

	send_router(CHANNEL_SEND(router, ENGINE_WAIT, &m, NULL, 0));
}

void tell_router_none(struct service *s, uint64_t request_id, enum engine_none reason,
		      const char *detail)
{
	struct channel *router = router_of(s, &request_id);
	struct msg_ENGINE_NONE m = { .request_id = request_id, .reason = (uint8_t)reason };

	snprintf(m.detail, sizeof m.detail, "%s", detail);
	send_router(CHANNEL_SEND(router, ENGINE_NONE, &m, NULL, 0));
}
