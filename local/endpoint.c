/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two exchanges can be under way, one of each kind. A connection that cannot be made is an
 * answer, too (HEALTH_DOWN); it is given from a timer, so that no callback comes out of the
 * call itself.
 */
#include "local/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fds.h"
#include "common/json.h"
#include "http/client.h"
#include "local/dialer.h"

#define PROPS_BYTES (1u << 20) /* it holds the model's chat template */

enum kind { HEALTH, PROPS, KINDS };

struct exchange {
	struct endpoint *owner;
	enum kind kind;
	struct http_call *call;
	int status;
	struct buf body;
};

struct endpoint {
	uv_loop_t *loop;
	const struct endpoint_handler *handler;
	void *ctx;
	struct exchange exchanges[KINDS];
	uv_timer_t soon;
	bool down; /* the health exchange could not be begun */
};

enum err endpoint_connect(const char *path, int *ret_fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, why;

	if (path[0] == '\0')
		return ERR_PEER_GONE;
	if (strncmp(path, "http:", 5) == 0)
		return dialer_connect(ret_fd);
	if (strlen(path) >= sizeof a.sun_path)
		return ERR_TOO_BIG;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ERR_SYSTEM;
	(void)fds_take_none(fd); /* the router gets it: the other end may be a foreign engine */
	if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0) {
		*ret_fd = fd;
		return ERR_OK;
	}
	why = errno;
	close(fd);
	if (why == EAGAIN)
		return ERR_AGAIN;
	return why == ECONNREFUSED || why == ENOENT ? ERR_PEER_GONE : ERR_SYSTEM;
}

uint32_t endpoint_context_of(struct span body)
{
	struct json_where at;
	cJSON *tree = NULL;
	int64_t n = 0;

	if (json_parse(body, &json_limits_api, &tree, &at) != ERR_OK)
		return 0;
	(void)json_get_int(json_get_object(tree, "default_generation_settings"), "n_ctx", 1,
			   100000000, &n);
	cJSON_Delete(tree);
	return (uint32_t)n;
}

static void on_head(void *ctx, int status, struct span content_type)
{
	struct exchange *x = ctx;

	(void)content_type;
	x->status = status;
}

static void on_data(void *ctx, struct span bytes)
{
	struct exchange *x = ctx;

	buf_add(&x->body, bytes);
}

static void on_end(void *ctx, enum err why, bool reusable)
{
	struct exchange *x = ctx;
	struct endpoint *e = x->owner;
	int status = why == ERR_OK ? x->status : 0;

	(void)reusable;
	x->call = NULL;
	if (x->kind == HEALTH) {
		e->handler->on_health(e->ctx, status == 200   ? HEALTH_UP
					      : status == 503 ? HEALTH_LOADING
							      : HEALTH_DOWN);
		return;
	}
	uint32_t tokens =
		status == 200 && !x->body.failed ? endpoint_context_of(buf_span(&x->body)) : 0;
	buf_free(&x->body);
	e->handler->on_props(e->ctx, tokens);
}

static bool begin(struct endpoint *e, enum kind kind, const char *path, const char *what)
{
	static const struct http_call_handler handler = { .on_head = on_head,
							  .on_data = on_data,
							  .on_end = on_end };
	static const struct http_call_limits limits = {
		.header_bytes = 16384,
		.first_byte_timeout_ms = 10000,
		.gap_timeout_ms = 10000,
		.total_bytes = PROPS_BYTES,
	};
	struct exchange *x = &e->exchanges[kind];
	int fd;

	if (x->call != NULL || endpoint_connect(path, &fd) != ERR_OK)
		return false;
	x->status = 0;
	buf_clear(&x->body);
	x->call = http_call_start(e->loop, fd, "GET", what, (struct span){ 0 }, &limits,
				  &handler, x);
	return x->call != NULL;
}

static void on_soon(uv_timer_t *t)
{
	struct endpoint *e = t->data;

	if (!e->down)
		return;
	e->down = false;
	e->handler->on_health(e->ctx, HEALTH_DOWN);
}

void endpoint_health(struct endpoint *e, const char *path)
{
	if (begin(e, HEALTH, path, "/health"))
		return;
	e->down = true;
	uv_timer_start(&e->soon, on_soon, 0, 0);
}

bool endpoint_props(struct endpoint *e, const char *path)
{
	return begin(e, PROPS, path, "/props");
}

void endpoint_reset(struct endpoint *e)
{
	e->down = false;
	for (unsigned i = 0; i < KINDS; i++) {
		struct http_call *call = e->exchanges[i].call;

		e->exchanges[i].call = NULL;
		http_call_cancel(call);
		buf_free(&e->exchanges[i].body);
	}
}

struct endpoint *endpoint_new(uv_loop_t *loop, const struct endpoint_handler *handler,
			      void *ctx)
{
	struct endpoint *e = calloc(1, sizeof *e);

	if (e == NULL || uv_timer_init(loop, &e->soon) != 0) {
		free(e);
		return NULL;
	}
	e->loop = loop;
	e->handler = handler;
	e->ctx = ctx;
	e->soon.data = e;
	for (unsigned i = 0; i < KINDS; i++) {
		e->exchanges[i].owner = e;
		e->exchanges[i].kind = (enum kind)i;
		buf_init(&e->exchanges[i].body, PROPS_BYTES);
	}
	return e;
}
