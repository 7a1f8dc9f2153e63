/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the command tree, then collects options with getopt_long(3) from the leaf's own table
 * and the common one. A first word that is no command but belongs to a prompt ("hither what is
 * the time") is shorthand for `ask`.
 */
#include "cli/args.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/span.h"
#include "common/text.h"

#define OPTIONS_MAX 48

const struct cli_option cli_common_options[] = {
	{ 0, "json", "[pretty|short]",
	  "one JSON document on stdout; errors as JSON on stderr" },
	{ 'q', "quiet", NULL, "no provenance, progress or hints" },
	{ 0, "plain", NULL, "no colour, no drawing, full words: for screen readers and logs" },
	{ 0, "color", "auto|always|never",
	  "colour on a terminal (default auto; NO_COLOR is honoured)" },
	{ 0, "host", "ADDRESS",
	  "the daemon's socket, unix:PATH (default $HITHER_HOST, then yours)" },
	{ 'h', "help", NULL, "what this command does" },
	{ 0, NULL, NULL, NULL },
};

const struct cli_command *cli_find(const struct cli_command *list, const char *name)
{
	for (; list->name != NULL; list++)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

const char *cli_nearest(const struct cli_command *list, const char *name)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	for (; list->name != NULL; list++) {
		unsigned d = text_distance(list->name, name);

		if (d < best_distance && d < strlen(name)) {
			best = list->name;
			best_distance = d;
		}
	}
	return best;
}

const char *cli_option_nth(const struct cli *cli, const char *name, unsigned i)
{
	for (unsigned k = 0; k < cli->n_given; k++)
		if (strcmp(cli->given[k].option->name, name) == 0 && i-- == 0)
			return cli->given[k].value;
	return NULL;
}

const char *cli_option(const struct cli *cli, const char *name)
{
	for (unsigned k = cli->n_given; k > 0; k--)
		if (strcmp(cli->given[k - 1].option->name, name) == 0)
			return cli->given[k - 1].value;
	return NULL;
}

bool cli_flag(const struct cli *cli, const char *name)
{
	return cli_option(cli, name) != NULL;
}

/* The getopt tables of one leaf: its own options first, then the common ones. */
struct option_set {
	const struct cli_option *known[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
	unsigned n;
};

static void option_set_add(struct option_set *set, const struct cli_option *list)
{
	char *end = set->letters + strlen(set->letters);

	for (; list != NULL && list->name != NULL && set->n < OPTIONS_MAX; list++) {
		int takes = no_argument;

		if (list->argument != NULL)
			takes = list->argument[0] == '[' ? optional_argument
							 : required_argument;
		set->longs[set->n] =
			(struct option){ list->name, takes, NULL, 256 + (int)set->n };
		if (list->letter != 0) {
			*end++ = list->letter;
			if (takes == required_argument)
				*end++ = ':';
			*end = '\0';
		}
		set->known[set->n++] = list;
	}
}

static const struct cli_option *option_of(const struct option_set *set, int code)
{
	if (code >= 256)
		return set->known[code - 256];
	for (unsigned i = 0; i < set->n; i++)
		if (set->known[i]->letter == code)
			return set->known[i];
	return NULL;
}

/* Fills cli->given; gives the index of the first positional argument, -1 after a usage error.
 */
static int collect_options(struct cli *cli, int argc, char **argv)
{
	/* '+': what follows the first word is another program's. */
	struct option_set set = { .letters = "" };
	int code;

	strcpy(set.letters, cli->command->run == cmd_run ? "+:" : ":");
	option_set_add(&set, cli->command->options);
	option_set_add(&set, cli_common_options);
	optind = 0;
	opterr = 0;
	while ((code = getopt_long(argc, argv, set.letters, set.longs, NULL)) != -1) {
		if (code == '?') {
			cli_usage(cli, "there is no option %s", argv[optind - 1]);
			return -1;
		}
		if (code == ':') {
			cli_usage(cli, "%s needs a value", argv[optind - 1]);
			return -1;
		}
		if (cli->n_given == LEN(cli->given)) {
			cli_usage(cli, "too many options");
			return -1;
		}
		cli->given[cli->n_given].option = option_of(&set, code);
		cli->given[cli->n_given++].value = optarg != NULL ? optarg : "";
	}
	return optind;
}

static bool colour_wanted(const struct cli *cli)
{
	const char *when = cli_option(cli, "color");
	const char *no_colour = getenv("NO_COLOR");
	const char *force = getenv("CLICOLOR_FORCE");
	const char *term = getenv("TERM");

	if (cli->plain)
		return false;
	if (when != NULL && strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	if (no_colour != NULL && no_colour[0] != '\0')
		return false;
	if (force != NULL && force[0] != '\0')
		return true;
	return isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

/* The API socket and, from it, the folder where the other two lie. */
static int resolve_host(struct cli *cli)
{
	const char *host = cli_option(cli, "host");
	const char *slash;
	static char path[600];

	if (host == NULL)
		host = getenv("HITHER_HOST");
	if (host == NULL || host[0] == '\0') {
		snprintf(path, sizeof path, "%s/hither.sock", cli_runtime_dir());
		host = path;
	} else if (strncmp(host, "unix:", 5) == 0) {
		host += 5;
	} else if (host[0] != '/') {
		return cli_usage(cli, "--host takes unix:PATH, not \"%s\"", host);
	}
	slash = strrchr(host, '/');
	if (slash == NULL || (size_t)(slash - host) >= sizeof cli->runtime_dir)
		return cli_usage(cli, "--host takes unix:PATH with a full path");
	cli->host = host;
	memcpy(cli->runtime_dir, host, (size_t)(slash - host));
	cli->runtime_dir[slash - host] = '\0';
	return CLI_OK;
}

static int run_leaf(struct cli *cli, int argc, char **argv)
{
	int first;
	const char *json;
	int status;

	first = collect_options(cli, argc, argv);
	if (first < 0)
		return CLI_USAGE;
	if (cli_flag(cli, "help")) {
		cli_print_help(stdout, cli->path, cli->command);
		return CLI_OK;
	}
	json = cli_option(cli, "json");
	if (json != NULL && json[0] != '\0' && strcmp(json, "pretty") != 0 &&
	    strcmp(json, "short") != 0)
		return cli_usage(cli, "--json takes pretty or short, not \"%s\"", json);
	cli->json = json != NULL;
	cli->json_pretty = json != NULL && (strcmp(json, "pretty") == 0 ||
					    (json[0] == '\0' && isatty(STDOUT_FILENO)));
	cli->quiet = cli_flag(cli, "quiet");
	cli->plain = cli_flag(cli, "plain");
	cli->color = colour_wanted(cli);
	status = resolve_host(cli);
	if (status != CLI_OK)
		return status;
	return cli->command->run(cli, argc - first, argv + first);
}

static void path_add(struct cli *cli, const char *word)
{
	size_t n = strlen(cli->path);

	snprintf(cli->path + n, sizeof cli->path - n, "%s%s", n > 0 ? " " : "", word);
}

/* A single bare word is a command or a slip, not a prompt: `hither ask WORD` asks it. */
static bool is_prompt(int argc, char **argv)
{
	const char *word = argv[0];
	int words = 0;

	for (int i = 0; i < argc; i++)
		words += argv[i][0] != '-';
	return words > 1 ? cli_nearest(cli_commands, word) == NULL || strlen(word) < 4
			 : strpbrk(word, " ?!.,") != NULL;
}

static int no_arguments(struct cli *cli)
{
	static char *status_argv[] = { (char *)"status", NULL };
	int code;

	if (!isatty(STDIN_FILENO)) { /* `hither < file` */
		static char *ask_argv[] = { (char *)"ask", (char *)"-", NULL };

		cli->command = cli_find(cli_commands, "ask");
		path_add(cli, "ask");
		return run_leaf(cli, 2, ask_argv);
	}
	cli->command = cli_find(cli_commands, "status");
	path_add(cli, "status");
	code = run_leaf(cli, 1, status_argv);
	fprintf(stderr, "\nask something:  hither \"What is the capital of France?\"\n"
			"all commands:   hither help\n");
	return code;
}

/* How many words of argv[1..] are common options before the command, values included. */
static int leading_options(int argc, char **argv)
{
	int at = 1;

	while (at < argc && argv[at][0] == '-' && strcmp(argv[at], "--") != 0) {
		const struct cli_option *o;

		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0 ||
		    strcmp(argv[at], "--version") == 0)
			break;
		for (o = cli_common_options; o->name != NULL; o++)
			if (strncmp(argv[at], "--", 2) == 0 &&
			    strcmp(argv[at] + 2, o->name) == 0)
				break;
		at += o->name != NULL && o->argument != NULL && o->argument[0] != '[' ? 2 : 1;
	}
	return at - 1 < argc ? at - 1 : argc - 1;
}

static int dispatch(struct cli *cli, int argc, char **argv);

/* `hither --host X status` is `hither status --host X`. */
static int dispatch_reordered(struct cli *cli, int argc, char **argv, int leading)
{
	char **order = calloc((size_t)argc + 1, sizeof *order);
	const struct cli_command *list = cli_commands;
	int words = 0, code, n = 1;
	bool leaf = false;

	if (order == NULL)
		abort();
	while (1 + leading + words < argc) {
		const struct cli_command *c = cli_find(list, argv[1 + leading + words]);

		if (c == NULL)
			break;
		words++;
		leaf = c->subcommands == NULL;
		if (leaf)
			break;
		list = c->subcommands;
	}
	order[0] = argv[0];
	for (int i = 0; i < words; i++)
		order[n++] = argv[1 + leading + i];
	for (int i = 0; leaf && i < leading; i++)
		order[n++] = argv[1 + i];
	for (int i = 1 + leading + words; i < argc; i++)
		order[n++] = argv[i];
	for (int i = 0; !leaf && i < leading; i++)
		order[n++] = argv[1 + i];
	code = dispatch(cli, argc, order);
	free(order);
	return code;
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
	const struct cli_command *list = cli_commands;
	int at = 1, leading = leading_options(argc, argv);

	if (leading > 0 && leading + 1 < argc && cli_find(list, argv[leading + 1]) != NULL)
		return dispatch_reordered(cli, argc, argv, leading);

	while (at < argc && argv[at][0] != '-') {
		const struct cli_command *found = cli_find(list, argv[at]);

		if (found == NULL)
			break;
		cli->command = found;
		path_add(cli, argv[at++]);
		if (found->subcommands == NULL)
			return run_leaf(cli, argc - at + 1, argv + at - 1);
		list = found->subcommands;
	}
	if (at < argc && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)) {
		cli_print_help(stdout, cli->path, cli->command);
		return CLI_OK;
	}
	if (at < argc && strcmp(argv[at], "--version") == 0)
		return cmd_version(cli, 0, NULL);
	if (cli->command == NULL && leading > 0)
		at += leading;
	if (cli->command != NULL ||
	    (at < argc && argv[at][0] != '-' && !is_prompt(argc - at, argv + at))) {
		const char *word = at < argc && argv[at][0] != '-' ? argv[at] : NULL;
		const char *near = word != NULL ? cli_nearest(list, word) : NULL;

		if (word == NULL)
			return cli_usage(cli, "which one? see: hither %s --help", cli->path);
		if (near != NULL)
			return cli_usage(cli,
					 "there is no command \"%s\"; did you mean \"%s\"?",
					 word, near);
		if (cli->command != NULL)
			return cli_usage(cli, "hither %s has no command \"%s\"", cli->path,
					 word);
		return cli_usage(cli, "there is no command \"%s\"; to ask it: hither ask %s",
				 word, word);
	}
	if (argc == 1)
		return no_arguments(cli);
	cli->command = cli_find(cli_commands, "ask");
	path_add(cli, "ask");
	return run_leaf(cli, argc, argv);
}

int cli_main(int argc, char **argv)
{
	struct cli cli = { 0 };
	int code;

	/* So that an error about the options themselves can be JSON already. */
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			break;
		else if (strncmp(argv[i], "--json", 6) == 0)
			cli.json = true;
	/* A reader that goes away (`hither ledger tail | head`) ends the program, exit 141. */
	signal(SIGPIPE, SIG_DFL);
	code = dispatch(&cli, argc, argv);
	if (fflush(stdout) != 0 && code == CLI_OK)
		code = cli_error(&cli, CLI_FAILED, "output", NULL,
				 "the output could not be written whole: %s", strerror(errno));
	return code;
}
