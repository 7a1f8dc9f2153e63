/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories, as hitherd --user resolves them: XDG variables, then the defaults of the XDG
 * Base Directory Specification 0.8; without a runtime directory, /tmp/hither-UID. Then the
 * daemon's own file over them, so that a model that is pulled lies where the daemon looks:
 * $HITHER_CONFIG, or hitherd.json in the configuration folder.
 *
 * Invariant: resolved once; a file that the daemon would refuse changes nothing and is told.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "common/file.h"
#include "proc/config.h"

#define TEXTS_BYTES ((size_t)1 << 20)

static void xdg(char *out, size_t out_bytes, const char *variable, const char *below_home)
{
	const char *base = getenv(variable);
	const char *home = getenv("HOME");

	if (base != NULL && base[0] == '/')
		snprintf(out, out_bytes, "%s/hither", base);
	else
		snprintf(out, out_bytes, "%s/%s/hither", home != NULL ? home : "/root",
			 below_home);
}

static void overlay_file(const char *path, bool must_exist, struct config *io)
{
	struct arena *a = arena_new("folders", TEXTS_BYTES); /* kept: *io points into it */
	struct json_where w = { 0 };
	struct buf text;

	buf_init(&text, CONFIG_MAX_BYTES);
	enum err e = file_read(path, CONFIG_MAX_BYTES, &text);
	bool absent = e == ERR_NOT_FOUND && !must_exist;

	if (e == ERR_OK)
		e = a != NULL ? config_parse(buf_span(&text), a, io, &w) : ERR_NO_MEMORY;
	if (e != ERR_OK && !absent)
		fprintf(stderr, "hither: %s: %s%s%s; the usual folders are used\n", path,
			w.problem != NULL ? w.problem : err_text(e),
			w.detail[0] != '\0' ? ": " : "", w.detail);
	buf_free(&text);
	if (e != ERR_OK)
		arena_free(a);
}

static const struct config *folders(void)
{
	static char config[512], data[512], state[512], runtime[512], models[544];
	static struct config c;
	static bool known;

	if (known)
		return &c;
	known = true;
	config_defaults(&c);
	xdg(config, sizeof config, "XDG_CONFIG_HOME", ".config");
	xdg(data, sizeof data, "XDG_DATA_HOME", ".local/share");
	xdg(state, sizeof state, "XDG_STATE_HOME", ".local/state");
	const char *base = getenv("XDG_RUNTIME_DIR"), *given = getenv("HITHER_CONFIG");
	if (base != NULL && base[0] == '/')
		snprintf(runtime, sizeof runtime, "%s/hither", base);
	else
		snprintf(runtime, sizeof runtime, "/tmp/hither-%u", (unsigned)getuid());
	c.config_dir = config;
	c.data_dir = data;
	c.state_dir = state;
	c.runtime_dir = runtime;

	char file[544];
	snprintf(file, sizeof file, "%s/hitherd.json", config);
	bool named = given != NULL && given[0] != '\0';
	overlay_file(named ? given : file, named, &c);
	if (c.models_dir[0] == '\0') {
		snprintf(models, sizeof models, "%s/models", c.data_dir);
		c.models_dir = models;
	}
	return &c;
}

const char *cli_config_dir(void)
{
	return folders()->config_dir;
}

const char *cli_data_dir(void)
{
	return folders()->data_dir;
}

const char *cli_state_dir(void)
{
	return folders()->state_dir;
}

const char *cli_models_dir(void)
{
	return folders()->models_dir;
}

const char *cli_weights(void)
{
	return folders()->routing.classifier;
}

const char *cli_runtime_dir(void)
{
	return folders()->runtime_dir;
}
