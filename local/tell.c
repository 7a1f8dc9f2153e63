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
	static struct msg_ENGINE told;
	static bool told_once;
	enum err e;

	if (told_once && memcmp(m, &told, sizeof told) == 0)
		return;
	told = *m;
	told_once = true;
	e = CHANNEL_SEND(service_channel(s, ROLE_BOOT), ENGINE, m, NULL, 0);
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

void tell_router_models(struct service *s, const struct model_list *list)
{
	struct msg_MODELS m = { .count = list->n };
	struct channel *router = service_channel(s, ROLE_ROUTER);
	struct buf text;
	int fd = -1;

	if (router == NULL)
		return;
	buf_init(&text, MODELS_MESSAGE_BYTES);
	models_message_write(list, &text);
	if (!text.failed)
		fd = file_sealed("models", buf_span(&text));
	buf_free(&text);
	if (fd < 0 || CHANNEL_SEND(router, MODELS, &m, &fd, 1) != ERR_OK)
		log_error("local.models", "the list of models could not be told to the router");
	if (fd >= 0)
		close(fd);
}

static void send_router(enum err e)
{
	/* A router that is gone hears nothing; main.c clears the desk. */
	if (e != ERR_OK && e != ERR_PEER_GONE)
		log_error("local.router", "%s", err_text(e));
}

void tell_router_give(struct service *s, const struct msg_ENGINE_GIVE *m, int fd)
{
	send_router(CHANNEL_SEND(service_channel(s, ROLE_ROUTER), ENGINE_GIVE, m, &fd, 1));
}

void tell_router_wait(struct service *s, uint64_t request_id, enum engine_state state,
		      uint32_t position)
{
	struct msg_ENGINE_WAIT m = { .request_id = request_id,
				     .state = (uint8_t)state,
				     .position = position };

	send_router(CHANNEL_SEND(service_channel(s, ROLE_ROUTER), ENGINE_WAIT, &m, NULL, 0));
}

void tell_router_none(struct service *s, uint64_t request_id, enum engine_none reason,
		      const char *detail)
{
	struct msg_ENGINE_NONE m = { .request_id = request_id, .reason = (uint8_t)reason };

	snprintf(m.detail, sizeof m.detail, "%s", detail);
	send_router(CHANNEL_SEND(service_channel(s, ROLE_ROUTER), ENGINE_NONE, &m, NULL, 0));
}
