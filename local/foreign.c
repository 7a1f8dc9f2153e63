/* SPDX-License-Identifier: Apache-2.0 */
/* One timer of zero length brings the two answers that must not come from inside a call. */
#include "local/foreign.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "unix:"
#define SILENT                                                                                 \
	"the engine at engine.endpoint does not answer: see that it runs and listens there"

struct foreign {
	uv_timer_t soon;
	const struct config_engine *config;
	const char *path;
	char why[300];
	checker_on_done *on_checked;
	engine_on_exit *on_exit;
	void *ctx;
	bool checking, killed;
};

static void say(struct foreign *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct foreign *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->why, sizeof f->why, format, ap);
	va_end(ap);
}

static void on_soon(uv_timer_t *t)
{
	struct foreign *f = t->data;
	bool checking = f->checking, killed = f->killed;

	f->checking = f->killed = false;
	if (killed)
		f->on_exit(f->ctx, f->why);
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
	f->config = &config->engine;
	f->path = config->engine.endpoint;
	if (strncmp(f->path, SCHEME, strlen(SCHEME)) == 0)
		f->path += strlen(SCHEME);
	say(f, SILENT);
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

/* Ollama loads a model with as much context as it is asked for; the others have what they have.
 */
static uint32_t context_of(const struct foreign *f, const struct engine_facts *facts,
			   const struct engine_model_facts *m)
{
	uint32_t usual = f->config->context_tokens;

	if (m->context_tokens == 0)
		return usual;
	if (facts->kind == ENGINE_KIND_OLLAMA && !m->loaded)
		return usual < m->context_tokens ? usual : m->context_tokens;
	return m->context_tokens;
}

static const struct engine_model_facts *choose(const struct foreign *f,
					       const struct engine_facts *facts)
{
	const struct engine_model_facts *m = engine_choose(facts, f->config->model);

	/* A llama-server has the model that it was started with. */
	return m == NULL && facts->kind == ENGINE_KIND_LLAMA_SERVER ? engine_choose(facts, "")
								    : m;
}

enum supervise_health foreign_judge(struct foreign *f, bool there,
				    const struct engine_facts *facts, struct foreign_use *ret,
				    bool *ret_refused)
{
	const struct engine_model_facts *m;

	*ret_refused = false;
	say(f, SILENT);
	if (!there)
		return HEALTH_DOWN;
	if (facts->loading)
		return HEALTH_LOADING;
	*ret_refused = true;
	m = choose(f, facts);
	if (facts->kind == ENGINE_KIND_UNKNOWN) {
		say(f, "what answers at engine.endpoint is no engine known here: try hither "
		       "engine "
		       "probe");
	} else if (m == NULL && f->config->model[0] != '\0') {
		say(f, "%s at engine.endpoint has no model %s: see hither engine probe",
		    engine_kind_name(facts->kind), f->config->model);
	} else if (m == NULL) {
		say(f,
		    "%s at engine.endpoint has no model of this device to chat with: see "
		    "hither "
		    "engine probe",
		    engine_kind_name(facts->kind));
	} else if (engine_locality(facts, m) == ENGINE_ELSEWHERE) {
		say(f,
		    "a server answers for the model %s of %s, not this device: name another in "
		    "engine.model",
		    m->name, engine_kind_name(facts->kind));
	} else {
		*ret_refused = false;
		*ret = (struct foreign_use){ .kind = facts->kind,
					     .context_tokens = context_of(f, facts, m) };
		memcpy(ret->served, m->name, sizeof ret->served);
		return HEALTH_UP;
	}
	return HEALTH_DOWN;
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
