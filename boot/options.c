/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Precedence, weakest first: built-in defaults, XDG folders (or the system's), configuration
 * file, command line. A folder given on the command line is taken whole: nothing is appended.
 */
#include "boot/options.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

#define ARENA_BYTES (1u << 20)

enum flag {
	SYSTEM = 256,
	USER,
	CONFIG,
	RUNTIME_DIR,
	STATE_DIR,
	CONFIG_DIR,
	DATA_DIR,
	MODELS_DIR,
	LIB_DIR,
	ETC_DIR,
	SYS_DIR,
	CHECK,
	LOG_FORMAT,
	LOG_LEVEL,
	HELP,
	VERSION
};

static const struct option longs[] = {
	{ "system", no_argument, NULL, SYSTEM },
	{ "user", no_argument, NULL, USER },
	{ "config", required_argument, NULL, CONFIG },
	{ "runtime-dir", required_argument, NULL, RUNTIME_DIR },
	{ "state-dir", required_argument, NULL, STATE_DIR },
	{ "config-dir", required_argument, NULL, CONFIG_DIR },
	{ "data-dir", required_argument, NULL, DATA_DIR },
	{ "models-dir", required_argument, NULL, MODELS_DIR },
	{ "lib-dir", required_argument, NULL, LIB_DIR },
	{ "etc-dir", required_argument, NULL, ETC_DIR },
	{ "sys-dir", required_argument, NULL, SYS_DIR },
	{ "check", no_argument, NULL, CHECK },
	{ "log-format", required_argument, NULL, LOG_FORMAT },
	{ "log-level", required_argument, NULL, LOG_LEVEL },
	{ "help", no_argument, NULL, HELP },
	{ "version", no_argument, NULL, VERSION },
	{ 0 },
};

static const char help_text[] =
	"Usage: hitherd [--user|--system] [OPTION]...\n"
	"Routes prompts between this device and the clouds its policy names. Runs in the\n"
	"foreground; SIGTERM stops it, SIGHUP reads the policy again.\n\n"
	"  --user             one person's daemon, XDG folders (default)\n"
	"  --system           the machine's daemon, /etc/hither, /var/lib/hither, /run/hither\n"
	"  --config FILE      configuration instead of CONFIG_DIR/hitherd.json\n"
	"  --runtime-dir DIR  sockets              ($XDG_RUNTIME_DIR/hither)\n"
	"  --state-dir DIR    ledger, last policy  ($XDG_STATE_HOME/hither)\n"
	"  --config-dir DIR   policy.d, secrets.d  ($XDG_CONFIG_HOME/hither)\n"
	"  --data-dir DIR     engine               ($XDG_DATA_HOME/hither)\n"
	"  --models-dir DIR   models               (DATA_DIR/models)\n"
	"  --etc-dir DIR      the administrator's policies (/etc/hither)\n"
	"  --lib-dir DIR      the system's policies        (/usr/lib/hither)\n"
	"  --sys-dir DIR      the machine's sys, proc and run    (/)\n"
	"  --check            check configuration and policy, start nothing\n"
	"  --log-format FMT   text or json\n"
	"  --log-level LEVEL  error, warning, notice, info or debug\n"
	"  --help, --version\n";

/* What the command line says, until it is laid over the file. */
struct given {
	const char *runtime_dir, *state_dir, *config_dir, *data_dir, *models_dir, *sys_dir;
	const char *config, *lib_dir, *etc_dir, *log_format, *log_level;
	bool system, user, check;
};

static const char *absolute(struct arena *a, const char *path)
{
	char here[4096];

	if (path[0] == '/' || getcwd(here, sizeof here) == NULL)
		return path;
	return arena_printf(a, "%s/%s", here, path);
}

static bool take_path(struct given *g, int flag, const char *path)
{
	const char **place;

	switch (flag) {
	case CONFIG:
		place = &g->config;
		break;
	case RUNTIME_DIR:
		place = &g->runtime_dir;
		break;
	case STATE_DIR:
		place = &g->state_dir;
		break;
	case CONFIG_DIR:
		place = &g->config_dir;
		break;
	case DATA_DIR:
		place = &g->data_dir;
		break;
	case MODELS_DIR:
		place = &g->models_dir;
		break;
	case LIB_DIR:
		place = &g->lib_dir;
		break;
	case ETC_DIR:
		place = &g->etc_dir;
		break;
	case SYS_DIR:
		place = &g->sys_dir;
		break;
	default:
		return false;
	}
	*place = path;
	return path != NULL && path[0] != '\0';
}

static enum options_outcome read_line(int argc, char **argv, struct arena *a, struct given *g)
{
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case SYSTEM:
			g->system = true;
			break;
		case USER:
			g->user = true;
			break;
		case CHECK:
			g->check = true;
			break;
		case LOG_FORMAT:
			g->log_format = optarg;
			break;
		case LOG_LEVEL:
			g->log_level = optarg;
			break;
		case HELP:
			fputs(help_text, stdout);
			return OPTIONS_DONE;
		case VERSION:
			puts("hitherd " HITHER_VERSION);
			return OPTIONS_DONE;
		case '?':
			fputs("hitherd: see hitherd --help\n", stderr);
			return OPTIONS_USAGE;
		default:
			if (!take_path(g, c, absolute(a, optarg))) {
				fputs("hitherd: a path is empty\n", stderr);
				return OPTIONS_USAGE;
			}
		}
	}
	if (optind < argc || (g->system && g->user)) {
		fprintf(stderr, "hitherd: %s; see hitherd --help\n",
			optind < argc ? "takes options only"
				      : "--user and --system exclude each other");
		return OPTIONS_USAGE;
	}
	return OPTIONS_GO;
}

static const char *home(void)
{
	const char *h = getenv("HOME");
	const struct passwd *p;

	if (h != NULL && h[0] == '/')
		return h;
	p = getpwuid(getuid());
	return p != NULL ? p->pw_dir : NULL;
}

/* XDG Base Directory Specification 0.8: a relative path in a variable is to be ignored. */
static const char *xdg(struct arena *a, const char *variable, const char *below_home)
{
	const char *v = getenv(variable);

	if (v != NULL && v[0] == '/')
		return arena_printf(a, "%s/hither", v);
	return home() != NULL ? arena_printf(a, "%s/%s/hither", home(), below_home) : NULL;
}

static bool user_folders(struct options *o)
{
	struct config *c = &o->config;
	const char *run = getenv("XDG_RUNTIME_DIR");

	c->config_dir = xdg(o->arena, "XDG_CONFIG_HOME", ".config");
	c->state_dir = xdg(o->arena, "XDG_STATE_HOME", ".local/state");
	c->data_dir = xdg(o->arena, "XDG_DATA_HOME", ".local/share");
	o->runtime_fallback = run == NULL || run[0] != '/';
	c->runtime_dir = o->runtime_fallback
				 ? arena_printf(o->arena, "/tmp/hither-%u", (unsigned)getuid())
				 : arena_printf(o->arena, "%s/hither", run);
	return c->config_dir != NULL && c->state_dir != NULL && c->data_dir != NULL &&
	       c->runtime_dir != NULL;
}

static bool first_folders(struct options *o, const struct given *g)
{
	struct config *c = &o->config;

	c->system_mode = g->system;
	if (g->system) {
		c->config_dir = "/etc/hither";
		c->state_dir = c->data_dir = "/var/lib/hither";
		c->runtime_dir = "/run/hither";
		return true;
	}
	if (user_folders(o))
		return true;
	if (g->config_dir != NULL && g->state_dir != NULL && g->runtime_dir != NULL) {
		c->config_dir = c->state_dir = c->data_dir = ""; /* replaced below */
		if (g->data_dir != NULL || g->models_dir != NULL)
			return true;
	}
	fputs("hitherd: no home folder: set HOME, or name the folders (see hitherd --help)\n",
	      stderr);
	return false;
}

static enum options_outcome read_file(struct options *o, const char *path, bool must_exist)
{
	struct json_where w = { 0 };
	struct buf text;
	enum err e;

	buf_init(&text, CONFIG_MAX_BYTES);
	e = file_read(path, CONFIG_MAX_BYTES, &text);
	if (e == ERR_NOT_FOUND && !must_exist) {
		buf_free(&text);
		return OPTIONS_GO;
	}
	if (e != ERR_OK) {
		fprintf(stderr, "hitherd: %s cannot be read: %s\n", path, err_text(e));
	} else {
		e = config_parse(buf_span(&text), o->arena, &o->config, &w);
		if (e != ERR_OK)
			fprintf(stderr, "hitherd: %s:%u:%u: %s%s%s\n", path, w.line, w.column,
				w.problem != NULL ? w.problem : err_text(e),
				w.detail[0] != '\0' ? ": " : "", w.detail);
		o->config_file = path;
	}
	buf_free(&text);
	return e == ERR_OK ? OPTIONS_GO : OPTIONS_BAD;
}

static void overlay(const char **place, const char *given)
{
	if (given != NULL)
		*place = given;
}

/* The two log flags go through the same table as the file, so their words and errors agree. */
static enum options_outcome overlay_log(struct options *o, const struct given *g)
{
	struct json_where w;
	char text[128];

	if (g->log_format != NULL) {
		snprintf(text, sizeof text, "{\"log\":{\"format\":\"%.20s\"}}", g->log_format);
		if (config_parse(span_of(text), o->arena, &o->config, &w) != ERR_OK) {
			fputs("hitherd: --log-format takes text or json\n", stderr);
			return OPTIONS_USAGE;
		}
	}
	if (g->log_level != NULL) {
		snprintf(text, sizeof text, "{\"log\":{\"level\":\"%.20s\"}}", g->log_level);
		if (config_parse(span_of(text), o->arena, &o->config, &w) != ERR_OK) {
			fputs("hitherd: --log-level takes error, warning, notice, info or "
			      "debug\n",
			      stderr);
			return OPTIONS_USAGE;
		}
	}
	return OPTIONS_GO;
}

static enum options_outcome assemble(struct options *o, const struct given *g)
{
	struct config *c = &o->config;

	config_defaults(c);
	if (!first_folders(o, g))
		return OPTIONS_BAD;
	overlay(&c->config_dir, g->config_dir);

	const char *path = g->config != NULL
				   ? g->config
				   : arena_printf(o->arena, "%s/hitherd.json", c->config_dir);
	enum options_outcome out =
		path != NULL ? read_file(o, path, g->config != NULL) : OPTIONS_BAD;
	if (out != OPTIONS_GO)
		return out;
	o->runtime_fallback = o->runtime_fallback && g->runtime_dir == NULL &&
			      strncmp(c->runtime_dir, "/tmp/hither-", 12) == 0;
	c->system_mode = g->system;
	overlay(&c->config_dir, g->config_dir);
	overlay(&c->runtime_dir, g->runtime_dir);
	overlay(&c->state_dir, g->state_dir);
	overlay(&c->data_dir, g->data_dir);
	overlay(&c->models_dir, g->models_dir);
	overlay(&c->sys_dir, g->sys_dir);
	if (c->models_dir[0] == '\0')
		c->models_dir = arena_printf(o->arena, "%s/models", c->data_dir);
	o->lib_dir = g->lib_dir != NULL ? g->lib_dir : "/usr/lib/hither";
	o->etc_dir = g->etc_dir != NULL ? g->etc_dir : "/etc/hither";
	o->check = g->check;
	if (c->models_dir == NULL)
		return OPTIONS_BAD;
	/* A port does not say whose program is there, and one daemon serves many people. */
	if (g->system && c->listen.tcp[0] != '\0') {
		fprintf(stderr,
			"hitherd: listen.tcp is for one person's daemon (--user): over TCP a "
			"system daemon could not tell people apart. Remove it from %s\n",
			o->config_file);
		return OPTIONS_BAD;
	}
	return overlay_log(o, g);
}

enum options_outcome options_read(int argc, char **argv, struct options *ret)
{
	struct given g = { 0 };

	memset(ret, 0, sizeof *ret);
	ret->config_file = "";
	ret->arena = arena_new("options", ARENA_BYTES);
	if (ret->arena == NULL)
		return OPTIONS_BAD;
	enum options_outcome out = read_line(argc, argv, ret->arena, &g);
	if (out == OPTIONS_GO)
		out = assemble(ret, &g);
	if (out != OPTIONS_GO)
		options_free(ret);
	return out;
}

void options_free(struct options *o)
{
	arena_free(o->arena);
	o->arena = NULL;
}
