/* SPDX-License-Identifier: Apache-2.0 */
/* help, version and completion: all from the command table. */
#include <string.h>

#include "cli/args.h"

static const char topic_exit_codes[] =
	"0    success\n"
	"1    failed, anything not listed here\n"
	"2    usage error, or a request the daemon calls malformed\n"
	"3    the daemon is not running or its socket cannot be reached\n"
	"4    a credential is missing or was refused\n"
	"5    the policy says no\n"
	"6    the person said no, or the permission was taken back\n"
	"7    nobody answered in time, or a question is open\n"
	"8    the policy is invalid: syntax, schema, signature, or its own tests fail\n"
	"9    a budget is used up\n"
	"10   works, with warnings (status, doctor)\n"
	"75   temporary: engine loading, stream cut, upstream down; trying again makes sense\n"
	"130  interrupted\n";

static const char topic_environment[] =
	"HITHER_HOST       the daemon's API socket, unix:PATH; the other two sockets lie "
	"beside it\n"
	"HITHER_CONFIG     the daemon's configuration file, for the folders that it names\n"
	"                  (else hitherd.json in the configuration folder)\n"
	"HITHER_APP        the application named in requests (claimed, never proof)\n"
	"HITHER_MAX_TIER   device, trusted or cloud: how far a prompt may go at most\n"
	"                  (hither run sets these three for its program, and the base "
	"addresses "
	"and\n"
	"                  keys of OpenAI's, Anthropic's and Ollama's clients)\n"
	"OLLAMA_HOST, LM_STUDIO_BASE_URL\n"
	"                  where hither engine list and setup look, too, if that is loopback\n"
	"NO_COLOR          set and not empty: no colour\n"
	"CLICOLOR_FORCE    set and not empty: colour even when the output is no terminal\n"
	"XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR\n"
	"                  where configuration, models, ledger and sockets are\n";

static const char topic_privacy[] =
	"Prompts are scored and, where the model on this device is good enough, answered "
	"here.\n"
	"A prompt leaves only when the policy allows it and, where the policy says ask, when "
	"you\n"
	"said yes to exactly those bytes. Each send has a record written before the first "
	"byte:\n"
	"  hither ledger tail          what left, when, to whom\n"
	"  hither consent grants       permissions in force\n"
	"  hither consent revoke ID    take one back\n"
	"Nobody attached to answer: hither consent list, hither consent approve ID, and the "
	"same\n"
	"request again goes through once, until the question's time is over.\n"
	"Prompt text is kept nowhere by default; the record holds digests and sizes.\n"
	"What is not promised: programs of the same user can read your files and imitate each\n"
	"other on ordinary Linux, and root can do anything.\n";

static void print_commands(FILE *out, const char *path, const struct cli_command *list)
{
	size_t width = 0;

	for (const struct cli_command *c = list; c->name != NULL; c++)
		if (strlen(c->name) + strlen(c->arguments) > width)
			width = strlen(c->name) + strlen(c->arguments);
	for (; list->name != NULL; list++)
		fprintf(out, "  hither %s%s%s %-*s  %s\n", path, path[0] != '\0' ? " " : "",
			list->name, (int)(width - strlen(list->name)), list->arguments,
			list->summary);
}

static void print_options(FILE *out, const struct cli_option *list)
{
	for (; list != NULL && list->name != NULL; list++) {
		char left[80];
		bool optional = list->argument != NULL && list->argument[0] == '[';

		snprintf(left, sizeof left, "%s%c%s--%s%s%s%s", list->letter != 0 ? "-" : "",
			 list->letter != 0 ? list->letter : ' ',
			 list->letter != 0 ? ", " : "   ", list->name,
			 list->argument == NULL ? ""
			 : optional             ? "[="
						: "=",
			 list->argument == NULL ? "" : list->argument + (optional ? 1 : 0), "");
		fprintf(out, "  %-34s %s\n", left, list->help);
	}
}

void cli_print_help(FILE *out, const char *path, const struct cli_command *command)
{
	if (command == NULL) {
		fputs("hither answers near before far: on this device where it can, elsewhere "
		      "only when\n"
		      "the policy allows it and you said yes.\n\n",
		      out);
		print_commands(out, "", cli_commands);
		fputs("\n  hither \"PROMPT\" is short for hither ask \"PROMPT\".\n\nEvery "
		      "command:\n",
		      out);
		print_options(out, cli_common_options);
		return;
	}
	fprintf(out, "hither %s: %s\n\n", path, command->summary);
	if (command->subcommands != NULL) {
		print_commands(out, path, command->subcommands);
		return;
	}
	fprintf(out, "usage: hither %s [OPTIONS] %s\n", path, command->arguments);
	if (command->details != NULL)
		fprintf(out, "\n%s\n", command->details);
	if (command->options != NULL) {
		fputs("\nOptions:\n", out);
		print_options(out, command->options);
	}
	fputs("\nEvery command:\n", out);
	print_options(out, cli_common_options);
}

int cmd_help(struct cli *cli, int argc, char **argv)
{
	static const struct {
		const char *name, *text;
	} topics[] = {
		{ "exit-codes", topic_exit_codes },
		{ "environment", topic_environment },
		{ "privacy", topic_privacy },
	};
	const struct cli_command *list = cli_commands, *found = NULL;
	char path[128] = "";

	if (argc == 0) {
		cli_print_help(stdout, "", NULL);
		return CLI_OK;
	}
	for (size_t i = 0; i < LEN(topics); i++)
		if (strcmp(argv[0], topics[i].name) == 0) {
			fputs(topics[i].text, stdout);
			return CLI_OK;
		}
	for (int i = 0; i < argc && list != NULL; i++) {
		size_t n = strlen(path);

		found = cli_find(list, argv[i]);
		if (found == NULL)
			return cli_usage(cli, "there is no command or topic \"%s\"", argv[i]);
		snprintf(path + n, sizeof path - n, "%s%s", n > 0 ? " " : "", argv[i]);
		list = found->subcommands;
	}
	cli_print_help(stdout, path, found);
	return CLI_OK;
}

int cmd_version(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "version takes no arguments");
	if (cli->json)
		cli_print_json(
			cli,
			SPAN_LITERAL(
				"{\"schema\":\"hither.version/1\",\"version\":\"" HITHER_VERSION
				"\"}"));
	else
		puts("hither " HITHER_VERSION);
	return CLI_OK;
}

/* --- completion --- */

static void each_name(const struct cli_command *list, const char *between)
{
	for (; list->name != NULL; list++)
		printf("%s%s", list->name, list[1].name != NULL ? between : "");
}

static void completion_bash(void)
{
	puts("_hither() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words\n\tcase "
	     "${COMP_WORDS[1]} in");
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		if (c->subcommands == NULL)
			continue;
		printf("\t%s) words=\"", c->name);
		each_name(c->subcommands, " ");
		puts("\" ;;");
	}
	puts("\t*) words= ;;\n\tesac");
	fputs("\t[ \"$COMP_CWORD\" -eq 1 ] && words=\"", stdout);
	each_name(cli_commands, " ");
	puts("\"\n\t[ \"$COMP_CWORD\" -le 2 ] && COMPREPLY=($(compgen -W \"$words\" -- "
	     "\"$cur\"))\n}\n"
	     "complete -o default -F _hither hither");
}

static void completion_zsh(void)
{
	puts("#compdef hither\n_arguments '1: :->command' '2: :->sub' '*: :_files'\ncase "
	     "$state in\ncommand)\n"
	     "\tlocal -a c; c=(");
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
		printf("\t\t'%s:%s'\n", c->name, c->summary);
	puts("\t); _describe command c ;;\nsub)\n\tcase $words[2] in");
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		if (c->subcommands == NULL)
			continue;
		printf("\t%s) compadd ", c->name);
		each_name(c->subcommands, " ");
		puts(" ;;");
	}
	puts("\tesac ;;\nesac");
}

static void completion_fish(void)
{
	for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
		printf("complete -c hither -n __fish_use_subcommand -f -a %s -d '%s'\n",
		       c->name, c->summary);
		for (const struct cli_command *s = c->subcommands; s != NULL && s->name != NULL;
		     s++)
			printf("complete -c hither -n '__fish_seen_subcommand_from %s' -f -a "
			       "%s -d '%s'\n",
			       c->name, s->name, s->summary);
	}
}

int cmd_completion(struct cli *cli, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "bash") == 0)
		completion_bash();
	else if (argc == 1 && strcmp(argv[0], "zsh") == 0)
		completion_zsh();
	else if (argc == 1 && strcmp(argv[0], "fish") == 0)
		completion_fish();
	else
		return cli_usage(cli, "which shell? bash, zsh or fish");
	return CLI_OK;
}
