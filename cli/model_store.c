/* SPDX-License-Identifier: Apache-2.0 */
/* The index is small: every change reads it, builds a new list in the arena, and writes it
 * whole. */
#include "cli/model_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "crypto/crypto.h"

#define ARENA_BYTES (16u << 20)
#define CHUNK_BYTES (1u << 20)

bool model_store_path(const char *name, const char *suffix, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s%s", cli_models_dir(), name, suffix);

	return n > 0 && n < PATH_MAX;
}

static int parse_failed(const struct cli *cli, const char *what, const struct json_where *at)
{
	return cli_error(cli, CLI_FAILED, "models_invalid", NULL,
			 "%s, line %u, column %u: %s (%s)", what, at->line, at->column,
			 at->problem, at->detail);
}

static int read_catalogue(struct model_store *s)
{
	const char *other = getenv("HITHER_CATALOGUE");
	struct span text = models_catalogue_shipped();
	struct json_where at;
	struct buf file;
	int code = CLI_OK;

	buf_init(&file, MODELS_TEXT_BYTES);
	if (other != NULL) {
		if (file_read(other, MODELS_TEXT_BYTES, &file) != ERR_OK)
			code = cli_error(s->cli, CLI_FAILED, "models_invalid", NULL,
					 "HITHER_CATALOGUE: %s cannot be read", other);
		text = buf_span(&file);
	}
	if (code == CLI_OK &&
	    models_catalogue_parse(text, s->arena, &s->catalogue, &at) != ERR_OK)
		code = parse_failed(s->cli, other != NULL ? other : "catalogue", &at);
	buf_free(&file);
	return code;
}

static int read_index(struct model_store *s)
{
	char path[PATH_MAX];
	struct json_where at = { .line = 1, .column = 1, .problem = "cannot be read" };
	struct buf text;
	enum err e;

	if (!model_store_path("index", ".json", path))
		return cli_error(s->cli, CLI_FAILED, "internal_error", NULL,
				 "the models folder's path is too long");
	buf_init(&text, MODELS_TEXT_BYTES);
	e = file_read(path, MODELS_TEXT_BYTES, &text);
	if (e == ERR_OK || e == ERR_NOT_FOUND)
		e = models_index_parse(buf_span(&text), s->arena, &s->installed, &at);
	buf_free(&text);
	return e == ERR_OK ? CLI_OK : parse_failed(s->cli, path, &at);
}

int model_store_open(struct model_store *s, const struct cli *cli)
{
	int code;

	*s = (struct model_store){ .cli = cli, .lock = -1 };
	s->catalogue.chosen = s->installed.chosen = "";
	s->arena = arena_new("models", ARENA_BYTES);
	if (s->arena == NULL || crypto_init() != ERR_OK)
		return cli_error(cli, CLI_FAILED, "internal_error", NULL, "out of memory");
	code = read_catalogue(s);
	return code == CLI_OK ? read_index(s) : code;
}

void model_store_close(struct model_store *s)
{
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
	arena_free(s->arena);
	s->arena = NULL;
}

const struct model *model_store_known(const struct model_store *s, const char *name)
{
	return models_find(&s->catalogue, name);
}

const struct model *model_store_installed(const struct model_store *s, const char *name)
{
	return models_find(&s->installed, name);
}

const char *model_store_nearest(const struct model_store *s, const char *name)
{
	const struct model_list *lists[] = { &s->catalogue, &s->installed };
	const char *best = NULL;
	unsigned least = 4;

	for (unsigned i = 0; i < LEN(lists); i++)
		for (uint32_t k = 0; k < lists[i]->n; k++) {
			unsigned d = text_distance(name, lists[i]->models[k].name);

			if (d < least) {
				least = d;
				best = lists[i]->models[k].name;
			}
		}
	return best;
}

static int lock_file(const char *name, bool wait)
{
	char path[PATH_MAX];
	int fd;

	if (!model_store_path(name, ".lock", path))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int model_store_lock(const char *name)
{
	char hidden[MODELS_NAME_BYTES + 1];

	snprintf(hidden, sizeof hidden, ".%s", name);
	return lock_file(hidden, false);
}

static int begin_change(struct model_store *s)
{
	if (file_mkdirs(cli_models_dir(), 0700) != ERR_OK)
		return cli_error(s->cli, CLI_FAILED, "models_dir", NULL,
				 "%s cannot be made: %s", cli_models_dir(), strerror(errno));
	s->lock = lock_file(".index", true);
	if (s->lock < 0)
		return cli_error(s->cli, CLI_FAILED, "models_dir", NULL,
				 "%s cannot be locked: %s", cli_models_dir(), strerror(errno));
	return read_index(s);
}

/* A daemon that runs learns of it now; one that does not will read the index when it starts. */
static void poke_daemon(const struct cli *cli)
{
	struct cli_request request = { .socket = CLI_SOCKET_ADMIN,
				       .method = "POST",
				       .path = "/hither/v1/reload",
				       .timeout_ms = 5000 };
	struct cli_reply reply;

	(void)!cli_call(cli, &request, &reply);
	cli_reply_free(&reply);
}

static int end_change(struct model_store *s, int code)
{
	char path[PATH_MAX];
	struct buf text;

	buf_init(&text, MODELS_TEXT_BYTES);
	if (code == CLI_OK) {
		models_index_write(&s->installed, &text);
		if (text.failed || !model_store_path("index", ".json", path) ||
		    file_write(path, buf_span(&text), 0600) != ERR_OK)
			code = cli_error(s->cli, CLI_FAILED, "models_dir", NULL,
					 "the index of %s cannot be written: %s",
					 cli_models_dir(), strerror(errno));
	}
	buf_free(&text);
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
	if (code == CLI_OK)
		poke_daemon(s->cli);
	return code;
}

/* A list with room for one more and without the entry called `name`. */
static bool list_without(struct model_store *s, const char *name)
{
	struct model_list *l = &s->installed;
	struct model *fresh = arena_array(s->arena, l->n + 1, sizeof *fresh);
	uint32_t n = 0;

	if (fresh == NULL)
		return false;
	for (uint32_t i = 0; i < l->n; i++)
		if (strcmp(l->models[i].name, name) != 0)
			fresh[n++] = l->models[i];
	l->models = fresh;
	l->n = n;
	return true;
}

static int no_memory(const struct model_store *s)
{
	return cli_error(s->cli, CLI_FAILED, "internal_error", NULL, "out of memory");
}

int model_store_add(struct model_store *s, const struct model *m, bool choose)
{
	int code = begin_change(s);

	if (code == CLI_OK && !list_without(s, m->name))
		code = no_memory(s);
	if (code == CLI_OK) {
		s->installed.models[s->installed.n++] = *m;
		if (choose || s->installed.chosen[0] == '\0')
			s->installed.chosen = m->name;
	}
	return end_change(s, code);
}

int model_store_choose(struct model_store *s, const char *name)
{
	int code = begin_change(s);

	if (code == CLI_OK && models_find(&s->installed, name) == NULL)
		code = cli_error(s->cli, CLI_FAILED, "model_not_found", NULL,
				 "%s is not installed any more", name);
	if (code == CLI_OK)
		s->installed.chosen = name;
	return end_change(s, code);
}

int model_store_calibrate(struct model_store *s, const char *name, uint32_t threshold_pm,
			  uint32_t floor_pm)
{
	int code = begin_change(s);

	for (uint32_t i = 0; code == CLI_OK && i < s->installed.n; i++) {
		struct model *m = &s->installed.models[i];

		if (strcmp(m->name, name) == 0) {
			m->threshold_pm = threshold_pm;
			m->floor_pm = floor_pm;
			return end_change(s, code);
		}
	}
	if (code == CLI_OK)
		code = cli_error(s->cli, CLI_FAILED, "model_not_found", NULL,
				 "%s is not installed any more", name);
	return end_change(s, code);
}

void model_store_drop_projector(const struct model_store *s, const char *file)
{
	char path[PATH_MAX];

	for (uint32_t i = 0; i < s->installed.n; i++) {
		const char *used = s->installed.models[i].projector.file;

		if (file == NULL || (used != NULL && strcmp(used, file) == 0))
			return;
	}
	if (file != NULL && model_store_path(file, "", path))
		unlink(path);
}

int model_store_remove(struct model_store *s, const char *name)
{
	int code = begin_change(s);
	const struct model *m = code == CLI_OK ? models_find(&s->installed, name) : NULL;
	const char *projector = m != NULL ? m->projector.file : NULL;
	char path[PATH_MAX] = "";

	if (m != NULL)
		(void)model_store_path(m->file, "", path);
	if (code == CLI_OK && !list_without(s, name))
		code = no_memory(s);
	if (code == CLI_OK && strcmp(s->installed.chosen, name) == 0)
		s->installed.chosen = "";
	code = end_change(s, code);
	/* First the index, then the file: an index never names a file that was taken away. */
	if (code == CLI_OK && path[0] != '\0' && unlink(path) != 0 && errno != ENOENT)
		code = cli_error(s->cli, CLI_FAILED, "models_dir", NULL,
				 "%s cannot be removed: %s", path, strerror(errno));
	if (code == CLI_OK)
		model_store_drop_projector(s, projector);
	return code;
}

enum err model_store_hash(const struct cli *cli, const char *path, char ret[65])
{
	struct crypto_hasher *h = crypto_hasher_begin();
	char *chunk = malloc(CHUNK_BYTES);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct crypto_sha256 digest;
	struct progress p;
	struct stat st;
	uint64_t done = 0;
	ssize_t n = -1;

	if (h == NULL || chunk == NULL || fd < 0 || fstat(fd, &st) != 0)
		goto out;
	progress_begin(&p, cli, "checking", (uint64_t)st.st_size, 0);
	while ((n = read(fd, chunk, CHUNK_BYTES)) > 0) {
		crypto_hasher_add(h, (struct span){ chunk, (size_t)n });
		done += (uint64_t)n;
		progress_at(&p, done);
	}
	progress_end(&p);
out:
	if (fd >= 0)
		close(fd);
	free(chunk);
	if (n != 0) {
		crypto_hasher_abandon(h);
		return ERR_SYSTEM;
	}
	crypto_hasher_end(h, &digest);
	crypto_sha256_hex(&digest, ret);
	return ERR_OK;
}
