/* SPDX-License-Identifier: Apache-2.0 */
/* One timer of zero length brings the two answers that must not come from inside a call. */
#include "local/foreign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "unix:"

struct foreign {
	uv_timer_t soon;
	const char *path;
	checker_on_done *on_checked;
	engine_on_exit *on_exit;
	void *ctx;
	bool checking, killed;
};

static void on_soon(uv_timer_t *t)
{
	struct foreign *f = t->data;
	bool checking = f->checking, killed = f->killed;

	f->checking = f->killed = false;
	if (killed)
		f->on_exit(f->ctx, "the engine at engine.endpoint does not answer: see that it "
				   "runs and listens there");
	if (checking)
		f->on_checked(f->ctx, ERR_OK, "");
}

enum err foreign_new(uv_loop_t *loop, const struct config *config, checker_on_done *on_checked,
		     engine_on_exit *on_exit, void *ctx, struct foreign **ret)
{
	struct foreign *f;

	*ret = NULL;
	if (config->engine.endpoint[0] == '\0')
		return ERR_OK;
	f = calloc(1, sizeof *f);
	if (f == NULL)
		return ERR_NO_MEMORY;
	if (uv_timer_init(loop, &f->soon) != 0) {
		free(f);
		return ERR_SYSTEM;
	}
	f->soon.data = f;
	f->path = config->engine.endpoint + strlen(SCHEME);
	f->on_checked = on_checked;
	f->on_exit = on_exit;
	f->ctx = ctx;
	*ret = f;
	return ERR_OK;
}

const char *foreign_socket(const struct foreign *f)
{
	return f->path;
}

void foreign_check(struct foreign *f)
{
	f->checking = true;
	uv_timer_start(&f->soon, on_soon, 0, 0);
}

void foreign_check_cancel(struct foreign *f)
{
	f->checking = false;
}

void foreign_kill(struct foreign *f)
{
	f->killed = true;
	uv_timer_start(&f->soon, on_soon, 0, 0);
}

enum err foreign_resolve(const char *name, struct engine_model *ret, char *detail, unsigned cap)
{
	if (name[0] != '\0' && strcmp(name, FOREIGN_MODEL) != 0) {
		snprintf(detail, cap,
			 "the engine at engine.endpoint runs the model of its own choice: ask "
			 "for local");
		return ERR_NOT_FOUND;
	}
	memset(ret, 0, sizeof *ret);
	memcpy(ret->name, FOREIGN_MODEL, sizeof FOREIGN_MODEL);
	return ERR_OK;
}
