/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hither model import: any GGUF file becomes a model of this user. Its head is checked before
 * anything is copied, then it is linked into the models folder (or copied, when it lies on
 * another file system or belongs to somebody else), hashed, and entered. A file that is one of
 * the catalogue's, by its hash, gets that entry with its sampling and recipes. A projector
 * (--mmproj) comes in the same way, first, and is entered with its model.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/model_store.h"
#include "common/file.h"
#include "models/gguf.h"

#define CONTEXT_TOKENS 4096u /* for which the memory is stated, as in the catalogue */
#define COPY_BYTES     (16u << 20)

struct import {
	struct model_store *store;
	const struct cli *cli;
	const char *source;
	int fd;
	uint64_t bytes;
	struct gguf head;
	char name[MODELS_NAME_BYTES];
	char part[PATH_MAX], final[PATH_MAX];
	struct model_projector projector;
};

static int open_source(struct import *i)
{
	const char *problem = "it cannot be read";
	struct stat st;
	enum err e = ERR_SYSTEM;

	i->fd = open(i->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (i->fd < 0 || fstat(i->fd, &st) != 0)
		return cli_error(i->cli, CLI_FAILED, "file_unreadable", NULL, "%s: %s",
				 i->source, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return cli_error(i->cli, CLI_FAILED, "model_invalid", NULL,
				 "%s is not a file with content", i->source);
	i->bytes = (uint64_t)st.st_size;
	size_t n = i->bytes < GGUF_HEAD_BYTES ? (size_t)i->bytes : GGUF_HEAD_BYTES;
	void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, i->fd, 0);
	if (p != MAP_FAILED) {
		e = gguf_read((struct span){ p, n }, i->bytes, &i->head, &problem);
		munmap(p, n);
	}
	if (e != ERR_OK)
		return cli_error(i->cli, CLI_FAILED, "model_invalid", NULL, "%s is refused: %s",
				 i->source, problem);
	return CLI_OK;
}

/* FILE.gguf, made to fit the rules for names; or --name as it is. */
static int choose_name(struct import *i)
{
	const char *given = cli_option(i->cli, "name"), *slash = strrchr(i->source, '/');
	const char *base = given != NULL ? given : slash != NULL ? slash + 1 : i->source;
	size_t n = strlen(base);

	if (given == NULL && n > 5 && strcasecmp(base + n - 5, ".gguf") == 0)
		n -= 5;
	if (n >= sizeof i->name)
		n = given != NULL ? 0 : sizeof i->name - 1;
	memcpy(i->name, base, n);
	for (size_t k = 0; given == NULL && k < n; k++) {
		char c = i->name[k];

		if (c >= 'A' && c <= 'Z')
			i->name[k] = (char)(c + 32);
		else if (strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", c) == NULL)
			i->name[k] = '-';
	}
	if (!models_name_valid(i->name))
		return cli_usage(i->cli, "a name is up to 64 of a-z 0-9 . _ - and starts with "
					 "a letter or digit: --name NAME");
	if (model_store_known(i->store, i->name) != NULL && given != NULL)
		return cli_usage(i->cli, "%s is a name of the catalogue; choose another",
				 i->name);
	return CLI_OK;
}

static enum err copy(struct import *i)
{
	int to = open(i->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct progress p;
	uint64_t done = 0;
	ssize_t n = -1;
	char *chunk = NULL;

	if (to < 0)
		return ERR_SYSTEM;
	progress_begin(&p, i->cli, "copying", i->bytes, 0);
	while ((n = copy_file_range(i->fd, NULL, to, NULL, COPY_BYTES, 0)) > 0)
		progress_at(&p, done += (uint64_t)n);
	if (n < 0 && done == 0 && (chunk = malloc(COPY_BYTES)) != NULL)
		while ((n = read(i->fd, chunk, COPY_BYTES)) > 0) {
			if (write(to, chunk, (size_t)n) != n) {
				n = -1;
				break;
			}
			progress_at(&p, done += (uint64_t)n);
		}
	progress_end(&p);
	free(chunk);
	if (n == 0 && fsync(to) != 0)
		n = -1;
	close(to);
	return n == 0 && done == i->bytes ? ERR_OK : ERR_SYSTEM;
}

/* The link is made from the open descriptor: the very file that was checked. */
static int bring_in(struct import *i)
{
	char self[64];

	snprintf(self, sizeof self, "/proc/self/fd/%d", i->fd);
	unlink(i->part);
	if (!cli_flag(i->cli, "copy") &&
	    linkat(AT_FDCWD, self, AT_FDCWD, i->part, AT_SYMLINK_FOLLOW) == 0)
		return CLI_OK;
	if (copy(i) == ERR_OK)
		return CLI_OK;
	int why = errno;
	unlink(i->part);
	return cli_error(i->cli, CLI_FAILED, "models_dir", NULL,
			 "%s cannot be copied to %s: %s", i->source, cli_models_dir(),
			 strerror(why));
}

static struct model describe(const struct import *i, const char *sha256, const char *file)
{
	uint32_t context = i->head.context_tokens;
	struct model_sampling unset = { NAN, NAN, NAN, NAN, -1 };
	struct model m = { .name = i->name,
			   .family = i->head.architecture,
			   .title = i->head.name,
			   .quantisation = "",
			   .parameters = "",
			   .licence = "",
			   .licence_url = "",
			   .bytes = i->bytes,
			   .context_tokens = context,
			   .sampling = unset,
			   .file = file,
			   .imported = true };

	if (context == 0 || context > CONTEXT_TOKENS)
		context = CONTEXT_TOKENS;
	m.memory_bytes = gguf_memory_bytes(&i->head, i->bytes, context);
	memcpy(m.sha256, sha256, sizeof m.sha256);
	return m;
}

static const struct model *twin_in_catalogue(const struct model_store *s, const char *sha256)
{
	for (uint32_t k = 0; k < s->catalogue.n; k++)
		if (strcmp(s->catalogue.models[k].sha256, sha256) == 0)
			return &s->catalogue.models[k];
	return NULL;
}

static int settle(struct import *i, const char *sha256)
{
	const struct model *twin = twin_in_catalogue(i->store, sha256);
	const struct model *before;
	struct model m;
	char *file;
	int code;

	if (twin != NULL)
		snprintf(i->name, sizeof i->name, "%s", twin->name);
	else if (model_store_known(i->store, i->name) != NULL)
		return cli_error(i->cli, CLI_USAGE, "invalid_request",
				 "hither model import --name NAME FILE",
				 "%s is a name of the catalogue, and this is another file",
				 i->name);
	file = arena_printf(i->store->arena, "%s.gguf", i->name);
	if (file == NULL || !model_store_path(i->name, ".gguf", i->final))
		return cli_error(i->cli, CLI_FAILED, "internal_error", NULL, "out of memory");
	m = twin != NULL ? *twin : describe(i, sha256, file);
	m.file = file;
	if (i->projector.file != NULL) {
		m.projector = i->projector;
		m.memory_bytes += i->projector.bytes;
	}
	if (rename(i->part, i->final) != 0)
		return cli_error(i->cli, CLI_FAILED, "models_dir", NULL, "%s: %s", i->final,
				 strerror(errno));
	unlink(i->part); /* rename(2) leaves it when both are links to one file */
	before = model_store_installed(i->store, i->name);
	code = model_store_add(i->store, &m, cli_flag(i->cli, "use"));
	if (code == CLI_OK && before != NULL)
		model_store_drop_projector(i->store, before->projector.file);
	return code;
}

/* Into the models folder under a hidden name, and hashed. */
static int bring_in_hashed(struct import *i, char sha256[65])
{
	char hidden[sizeof i->name + 16];

	snprintf(hidden, sizeof hidden, ".import-%s", i->name);
	if (!model_store_path(hidden, ".part", i->part) ||
	    file_mkdirs(cli_models_dir(), 0700) != ERR_OK)
		return cli_error(i->cli, CLI_FAILED, "models_dir", NULL, "%s cannot be made",
				 cli_models_dir());
	int code = bring_in(i);
	if (code == CLI_OK && model_store_hash(i->cli, i->part, sha256) != ERR_OK)
		code = cli_error(i->cli, CLI_FAILED, "models_dir", NULL,
				 "%s cannot be read: %s", i->part, strerror(errno));
	return code;
}

/* llama.cpp's converters write "clip" into projectors and nothing else. */
static bool is_projector(const struct import *i)
{
	return strcmp(i->head.architecture, "clip") == 0;
}

/* Its file has its hash in its name: one that is in use is never replaced. */
static int settle_projector(struct import *i, struct import *p)
{
	snprintf(p->name, sizeof p->name, "%s", i->name);
	int code = bring_in_hashed(p, i->projector.sha256);
	char *file = arena_printf(i->store->arena, "mmproj-%.32s.gguf", i->projector.sha256);

	if (code == CLI_OK && (file == NULL || !model_store_path(file, "", p->final)))
		code = cli_error(i->cli, CLI_FAILED, "internal_error", NULL, "out of memory");
	if (code == CLI_OK && rename(p->part, p->final) != 0)
		code = cli_error(i->cli, CLI_FAILED, "models_dir", NULL, "%s: %s", p->final,
				 strerror(errno));
	unlink(p->part);
	i->projector.file = file;
	i->projector.bytes = p->bytes;
	return code;
}

static int import_projector(struct import *i)
{
	struct import p = { .store = i->store,
			    .cli = i->cli,
			    .source = cli_option(i->cli, "mmproj"),
			    .fd = -1 };
	int code = CLI_OK;

	if (p.source == NULL)
		return CLI_OK;
	code = open_source(&p);
	if (code == CLI_OK && !is_projector(&p))
		code = cli_error(i->cli, CLI_FAILED, "model_invalid", NULL,
				 "%s is no projector (its architecture is not clip)", p.source);
	if (code == CLI_OK)
		code = settle_projector(i, &p);
	if (p.fd >= 0)
		close(p.fd);
	return code;
}

static int import(struct import *i)
{
	char sha256[65];
	int code = open_source(i);

	if (code == CLI_OK && is_projector(i))
		code = cli_error(i->cli, CLI_FAILED, "model_invalid",
				 "hither model import --mmproj PROJECTOR MODEL",
				 "%s is a projector, not a model", i->source);
	if (code == CLI_OK)
		code = choose_name(i);
	if (code == CLI_OK)
		code = import_projector(i);
	if (code != CLI_OK)
		return code;
	code = bring_in_hashed(i, sha256);
	if (code == CLI_OK)
		code = settle(i, sha256);
	if (code != CLI_OK)
		unlink(i->part);
	return code;
}

int cmd_model_import(struct cli *cli, int argc, char **argv)
{
	struct model_store s;
	struct import i = { .store = &s, .cli = cli, .fd = -1 };
	struct buf b;
	int code;

	if (argc != 1)
		return cli_usage(cli, "which file?");
	i.source = argv[0];
	code = model_store_open(&s, cli);
	if (code == CLI_OK)
		code = import(&i);
	if (code == CLI_OK && cli->json) {
		buf_init(&b, 4096);
		buf_add_char(&b, '{');
		json_put_key_cstr(&b, "schema", "hither.model_installed/1");
		json_put_key_cstr(&b, "name", i.name);
		json_put_key_bool(&b, "chosen", strcmp(s.installed.chosen, i.name) == 0);
		buf_add_char(&b, '}');
		cli_print_json(cli, buf_span(&b));
		buf_free(&b);
	} else if (code == CLI_OK && !cli->quiet) {
		fprintf(stderr, "%s is installed%s\n", i.name,
			strcmp(s.installed.chosen, i.name) == 0
				? " and in use"
				: "; hither model use it to choose it");
	}
	if (i.fd >= 0)
		close(i.fd);
	model_store_close(&s);
	return code;
}
