/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list lives in an arena that is replaced as a whole. A model that configuration names by
 * path joins the list as one more entry, with what its GGUF head says of it.
 */
#include "local/shelf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "models/gguf.h"

#define ARENA_BYTES (8u << 20)

struct shelf {
	const struct config *config;
	struct arena *arena;
	struct model_list list;
	struct model *by_path;            /* the entry that came from a path, or NULL */
	char fallback[MODELS_NAME_BYTES]; /* what to recommend when there is nothing */
	bool read;
	ino_t inode;
	off_t size;
	struct timespec mtime;
};

static const struct model_list nothing = { .chosen = "", .fallback = "" };

static bool is_path(const char *name)
{
	return strchr(name, '/') != NULL;
}

static void learn_fallback(struct shelf *s)
{
	struct arena *a = arena_new("catalogue", ARENA_BYTES);
	struct model_list l;
	struct json_where at;

	if (a != NULL &&
	    models_catalogue_parse(models_catalogue_shipped(), a, &l, &at) == ERR_OK)
		snprintf(s->fallback, sizeof s->fallback, "%s", l.fallback);
	arena_free(a);
}

struct shelf *shelf_new(const struct config *config)
{
	struct shelf *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->config = config;
	s->list = nothing;
	learn_fallback(s);
	return s;
}

static bool head_of(const char *path, struct gguf *ret, uint64_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *problem = "it cannot be opened";
	struct stat st;
	enum err e = ERR_SYSTEM;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		*ret_bytes = (uint64_t)st.st_size;
		size_t n = *ret_bytes < GGUF_HEAD_BYTES ? (size_t)*ret_bytes : GGUF_HEAD_BYTES;
		void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);

		if (p != MAP_FAILED) {
			e = gguf_read((struct span){ p, n }, *ret_bytes, ret, &problem);
			munmap(p, n);
		}
	}
	if (fd >= 0)
		close(fd);
	if (e != ERR_OK)
		log_error("models.path", "engine.model=%s %s", path, problem);
	return e == ERR_OK;
}

/* NAME of /some/where/NAME.gguf, made to fit the rules for names. */
static const char *name_of_path(struct arena *a, const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	size_t n = strlen(base);
	char *name;

	if (n > 5 && strcmp(base + n - 5, ".gguf") == 0)
		n -= 5;
	n = n < MODELS_NAME_BYTES ? n : MODELS_NAME_BYTES - 1;
	name = arena_strdup(a, (struct span){ base, n });
	for (size_t i = 0; name != NULL && name[i] != '\0'; i++) {
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] + 32);
		else if (strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", name[i]) == NULL)
			name[i] = '-';
	}
	return name != NULL && models_name_valid(name) ? name : "custom";
}

/* Appends the model of a configured path; without memory or a sound file the list stays. */
static void add_by_path(struct shelf *s, struct arena *a, struct model_list *l)
{
	const char *path = s->config->engine.model;
	struct model *grown = arena_array(a, l->n + 1, sizeof *grown);
	struct gguf g;
	uint64_t bytes;

	s->by_path = NULL;
	if (grown == NULL || !head_of(path, &g, &bytes))
		return;
	if (l->n > 0)
		memcpy(grown, l->models, l->n * sizeof *grown);
	struct model_sampling unset = { __builtin_nan(""), __builtin_nan(""), __builtin_nan(""),
					__builtin_nan(""), -1 };
	struct model *m = &grown[l->n];
	*m = (struct model){ .name = name_of_path(a, path),
			     .family = "",
			     .title = "",
			     .quantisation = "",
			     .parameters = "",
			     .licence = "",
			     .licence_url = "",
			     .bytes = bytes,
			     .sampling = unset,
			     .context_tokens = g.context_tokens,
			     .file = path,
			     .imported = true };
	m->memory_bytes = gguf_memory_bytes(&g, bytes, s->config->engine.context_tokens);
	if (models_find(l, m->name) != NULL)
		m->name = "custom";
	l->models = grown;
	l->n++;
	l->chosen = m->name;
	s->by_path = m;
}

static bool parse_index(struct shelf *s, const char *path, struct arena *a,
			struct model_list *ret)
{
	struct json_where at = { .line = 0, .problem = "cannot be read" };
	struct buf text;
	enum err e;

	(void)s;
	buf_init(&text, MODELS_TEXT_BYTES);
	e = file_read(path, MODELS_TEXT_BYTES, &text);
	if (e == ERR_OK || e == ERR_NOT_FOUND)
		e = models_index_parse(buf_span(&text), a, ret, &at);
	buf_free(&text);
	if (e != ERR_OK)
		log_error("models.index", "file=%s line=%u column=%u problem=%s %s", path,
			  at.line, at.column, at.problem, at.detail);
	return e == ERR_OK;
}

static bool unchanged(struct shelf *s, const char *path)
{
	struct stat st = { 0 };

	if (stat(path, &st) != 0)
		st = (struct stat){ 0 };
	bool same = s->read && st.st_ino == s->inode && st.st_size == s->size &&
		    st.st_mtim.tv_sec == s->mtime.tv_sec &&
		    st.st_mtim.tv_nsec == s->mtime.tv_nsec;
	s->read = true;
	s->inode = st.st_ino;
	s->size = st.st_size;
	s->mtime = st.st_mtim;
	return same;
}

bool shelf_read(struct shelf *s)
{
	char path[PATH_MAX];
	const char *configured = s->config->engine.model;
	struct model_list l = nothing, catalogue = nothing;
	struct json_where at;
	struct arena *a;

	snprintf(path, sizeof path, "%s/index.json", s->config->models_dir);
	if (unchanged(s, path))
		return false;
	a = arena_new("shelf", ARENA_BYTES);
	if (a == NULL || !parse_index(s, path, a, &l)) {
		arena_free(a);
		return false;
	}
	if (models_catalogue_parse(models_catalogue_shipped(), a, &catalogue, &at) == ERR_OK)
		models_refresh(&l, &catalogue);
	if (is_path(configured))
		add_by_path(s, a, &l);
	else if (configured[0] != '\0' && models_find(&l, configured) != NULL)
		l.chosen = configured;
	arena_free(s->arena);
	s->arena = a;
	s->list = l;
	return true;
}

static enum err explain(const struct shelf *s, const char *name, char *detail, unsigned cap)
{
	const char *configured = s->config->engine.model;

	if (name[0] != '\0')
		snprintf(detail, cap,
			 "no model %.100s is installed: see hither model list, then "
			 "hither model pull %.100s",
			 name, name);
	else if (is_path(configured))
		snprintf(detail, cap,
			 "engine.model is %.100s, and that is not a usable model file",
			 configured);
	else if (configured[0] != '\0')
		snprintf(detail, cap,
			 "engine.model is %.100s, and it is not installed: hither model pull "
			 "%.100s",
			 configured, configured);
	else if (s->list.n > 0)
		snprintf(detail, cap, "no model is chosen: hither model use %s",
			 s->list.models[0].name);
	else
		snprintf(detail, cap, "no model is installed: hither model pull %s",
			 s->fallback);
	return ERR_NOT_FOUND;
}

enum err shelf_resolve(const struct shelf *s, const char *name, struct engine_model *ret,
		       char *detail, unsigned cap)
{
	const char *wanted = name;
	const struct model *m;
	struct engine_model out = { 0 };

	if (name[0] == '\0') {
		bool missing = s->config->engine.model[0] != '\0' && s->by_path == NULL &&
			       models_find(&s->list, s->config->engine.model) == NULL;
		wanted = missing ? "" : s->list.chosen;
	}
	m = wanted[0] != '\0' ? models_find(&s->list, wanted) : NULL;
	if (m == NULL)
		return explain(s, name, detail, cap);
	snprintf(out.name, sizeof out.name, "%s", m->name);
	if (m == s->by_path)
		snprintf(out.path, sizeof out.path, "%s", m->file);
	else
		snprintf(out.path, sizeof out.path, "%s/%s", s->config->models_dir, m->file);
	memcpy(out.sha256, m->sha256, sizeof out.sha256);
	out.bytes = m->bytes;
	out.memory_bytes = m->memory_bytes;
	out.context_tokens = m->context_tokens;
	if (m->projector.file != NULL) {
		snprintf(out.projector, sizeof out.projector, "%s/%s", s->config->models_dir,
			 m->projector.file);
		memcpy(out.projector_sha256, m->projector.sha256, sizeof out.projector_sha256);
		out.projector_bytes = m->projector.bytes;
	}
	*ret = out;
	return ERR_OK;
}

const struct model_list *shelf_models(const struct shelf *s)
{
	return &s->list;
}
