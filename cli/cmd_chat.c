/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither chat`: a conversation at the terminal. Every turn sends the conversation so far, and
 * goes its own way: one may stay here, the next may be asked about. A turn that failed is taken
 * back, so that it can be said again; one that was stopped keeps what had been said.
 *
 * Prompts are kept nowhere by default. With --save the conversation lies in one file in the
 * state folder until the next saved one replaces it; --continue goes on from there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/ask.h"
#include "cli/chat.h"
#include "common/clock.h"

#define MESSAGE_BYTES_MAX (8u << 20)
#define BODY_BYTES_MAX    (128u << 20)

struct talk {
	struct cli *cli;
	struct chat_reader *reader;
	struct conversation said;
	const char *model; /* NULL: as the option says, else auto */
	bool save, leave;
	char path[1024];
	char decision[64], receipt[64]; /* of the last answer */
	int code;                       /* of the last turn */
};

/* --- what an answer was ----------------------------------------------------------------------
 */

static cJSON *fetch_decision(struct talk *t)
{
	return cli_fetch_decision(t->cli, t->decision, 5000);
}

/* "on this device · tinyllama · 1.8 s" */
static void print_where(const cJSON *d, uint64_t elapsed_ms, const char *receipt)
{
	const char *route = json_text_or(d, "route", "device");

	if (strcmp(route, "device") == 0)
		fputs("on this device", stderr);
	else
		fprintf(stderr, "%s %s", strcmp(route, "cloud") == 0 ? "CLOUD" : "TRUSTED",
			json_text_or(d, "destination", "?"));
	if (json_get_string(d, "model") != NULL)
		fprintf(stderr, " · %s", json_get_string(d, "model"));
	fprintf(stderr, " · %.1f s", (double)elapsed_ms / 1000.0);
	if (receipt[0] != '\0')
		fprintf(stderr, " · receipt %s", receipt);
	fputc('\n', stderr);
}

/* --- turns
 * ------------------------------------------------------------------------------------ */

static void write_body(struct talk *t, struct buf *body)
{
	buf_init(body, BODY_BYTES_MAX);
	cli_chat_begin(t->cli, t->model, body);
	conversation_write(&t->said, body);
	cli_chat_end(t->cli, body);
	json_put_key_bool(body, "stream", true);
	buf_add_char(body, '}');
}

static void keep(struct talk *t)
{
	enum err e = t->save ? conversation_save(&t->said, t->path) : ERR_OK;

	if (e == ERR_OK)
		return;
	cli_error(t->cli, CLI_FAILED, "output", NULL, "the conversation is not saved: %s: %s",
		  t->path, e == ERR_SYSTEM ? strerror(errno) : err_text(e));
	t->save = false;
}

static void say(struct talk *t, struct span text)
{
	struct chat_outcome o;
	struct buf body;
	uint64_t start = clock_mono_ms();

	conversation_add(&t->said, true, text);
	write_body(t, &body);
	t->code = chat_turn(t->cli, buf_span(&body), &o);
	if (o.decision[0] != '\0') {
		memcpy(t->decision, o.decision, sizeof t->decision);
		memcpy(t->receipt, o.receipt, sizeof t->receipt);
	}
	if (t->code == CLI_OK && o.text.len > 0 && (o.whole || o.stopped)) {
		conversation_add(&t->said, false, buf_span(&o.text));
		keep(t);
	} else {
		conversation_drop_last(&t->said);
	}
	if (t->code == CLI_OK && o.whole && !t->cli->quiet) {
		cJSON *d = fetch_decision(t);

		print_where(d, clock_mono_ms() - start, o.receipt);
		cJSON_Delete(d);
	}
	chat_outcome_free(&o);
	buf_free(&body);
}

/* --- commands
 * ----------------------------------------------------------------------------------- */

static void do_route(struct talk *t, const char *rest)
{
	const char *text = rest[0] != '\0' ? rest : conversation_last(&t->said, true);
	char *argv[2];

	if (text == NULL) {
		fputs("nothing has been said yet; /route TEXT tells about a text\n", stderr);
		return;
	}
	argv[0] = strdup(text);
	argv[1] = NULL;
	if (argv[0] == NULL)
		abort();
	cmd_route(t->cli, 1, argv);
	free(argv[0]);
}

static void do_why(struct talk *t, const char *rest)
{
	cJSON *d = t->decision[0] != '\0' ? fetch_decision(t) : NULL;
	const cJSON *reason;
	double score = 0;

	(void)rest;
	if (d == NULL) {
		fputs("there is no answer to tell about\n", stderr);
		return;
	}
	fprintf(stderr, "%s", json_text_or(d, "route", "device"));
	if (json_get_string(d, "destination") != NULL)
		fprintf(stderr, " (%s)", json_get_string(d, "destination"));
	if (json_get_number(d, "score", &score))
		fprintf(stderr, ", score %.2f", score);
	fprintf(stderr, ", decision %s\n", t->decision);
	cJSON_ArrayForEach (reason, json_get_array(d, "reasons")) {
		fputs("  because ", stderr);
		cli_print_safe(stderr, span_of(cJSON_GetStringValue(reason)));
		fputc('\n', stderr);
	}
	cJSON_Delete(d);
}

static void choose(struct talk *t, const char *model, const char *words)
{
	t->model = model;
	fprintf(stderr, "from here on: %s\n", words);
}

static void do_local(struct talk *t, const char *rest)
{
	(void)rest;
	choose(t, "local", "on this device only (/auto: as hither decides)");
}

static void do_cloud(struct talk *t, const char *rest)
{
	(void)rest;
	choose(t, "cloud",
	       "a cloud is asked for, with your consent (/auto: as hither decides)");
}

static void do_auto(struct talk *t, const char *rest)
{
	(void)rest;
	choose(t, "auto", "as hither decides");
}

static void do_receipt(struct talk *t, const char *rest)
{
	const struct cli_command *c = cli_find(cmd_consent_commands, "receipt");
	char id[64];
	char *argv[2] = { id, NULL };

	if (!span_copy(span_of(rest[0] != '\0' ? rest : t->receipt), id, sizeof id) ||
	    id[0] == '\0') {
		fputs("the last answer has no receipt: nothing of it left this device\n",
		      stderr);
		return;
	}
	c->run(t->cli, 1, argv);
}

static void do_clear(struct talk *t, const char *rest)
{
	(void)rest;
	conversation_clear(&t->said);
	keep(t);
	fputs("forgotten; the next message begins anew\n", stderr);
}

static void do_quit(struct talk *t, const char *rest)
{
	(void)rest;
	t->leave = true;
}

static void do_help(struct talk *t, const char *rest);

static const struct {
	const char *name, *help;
	void (*run)(struct talk *t, const char *rest);
} commands[] = {
	{ "route", "[TEXT]  what would happen to this text, or your last one; sends nothing",
	  do_route },
	{ "why", "        why the last answer came from where it came", do_why },
	{ "local", "      stay on this device from here on", do_local },
	{ "cloud", "      ask for a cloud from here on, with your consent", do_cloud },
	{ "auto", "       let hither decide again", do_auto },
	{ "receipt", "[ID] the receipt of what left", do_receipt },
	{ "clear", "      forget the conversation", do_clear },
	{ "help", "       this list", do_help },
	{ "quit", "       leave; so does Ctrl-D", do_quit },
};

static void do_help(struct talk *t, const char *rest)
{
	(void)rest;
	for (size_t i = 0; i < LEN(commands); i++)
		fprintf(stderr, "  /%s %s\n", commands[i].name, commands[i].help);
	fputs("A line that ends in \\ goes on in the next. Ctrl-C stops an answer.\n", stderr);
	fputs(t->save ? "This conversation is saved.\n"
		      : "This conversation is kept nowhere (--save keeps it).\n",
	      stderr);
}

static void command(struct talk *t, const char *text)
{
	size_t n = strcspn(text, " \n");
	const char *rest = text + n + strspn(text + n, " \n");

	for (size_t i = 0; i < LEN(commands); i++) {
		if (strlen(commands[i].name) == n && strncmp(commands[i].name, text, n) == 0) {
			commands[i].run(t, rest);
			return;
		}
	}
	fputs("there is no such command; /help lists them (a message that begins with / needs "
	      "a "
	      "space before it)\n",
	      stderr);
}

/* --- the conversation
 * ------------------------------------------------------------------------------ */

static int begin(struct talk *t)
{
	bool go_on = cli_flag(t->cli, "continue");
	enum err e;

	t->save = go_on || cli_flag(t->cli, "save");
	snprintf(t->path, sizeof t->path, "%s/conversation.json", cli_state_dir());
	if (!go_on)
		return CLI_OK;
	e = conversation_load(&t->said, t->path);
	if (e == ERR_NOT_FOUND)
		return cli_error(t->cli, CLI_FAILED, "not_found", "hither chat --save",
				 "no conversation has been saved");
	if (e != ERR_OK)
		return cli_error(t->cli, CLI_FAILED, "unreadable", "hither chat --save",
				 "the saved conversation cannot be read: %s: %s", t->path,
				 e == ERR_DENIED ? "it is not yours alone (mode 0600)"
						 : err_text(e));
	for (size_t i = 0; i < t->said.n; i++)
		if (t->said.turns[i].by_person)
			chat_reader_remember(t->reader, t->said.turns[i].text);
	fprintf(stderr, "going on after %zu messages\n", t->said.n);
	return CLI_OK;
}

static void converse(struct talk *t)
{
	struct buf text;

	buf_init(&text, MESSAGE_BYTES_MAX);
	while (!t->leave) {
		enum chat_line what = chat_reader_next(t->reader, &text);
		const char *message = buf_cstr(&text);

		if (what == CHAT_LINE_END)
			break;
		if (what == CHAT_LINE_AGAIN || message == NULL ||
		    span_trim(buf_span(&text)).len == 0)
			continue;
		chat_reader_remember(t->reader, message);
		if (message[0] == '/')
			command(t, message + 1);
		else
			say(t, span_trim(buf_span(&text)));
	}
	buf_free(&text);
}

int cmd_chat(struct cli *cli, int argc, char **argv)
{
	struct talk t = { .cli = cli };
	int code;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "chat takes no prompt; for one question: hither ask");
	if (cli->json)
		return cli_usage(cli, "chat is for people; for programs: hither ask --json");
	code = cli_check_ask_options(cli);
	if (code != CLI_OK)
		return code;
	t.reader = chat_reader_new(cli);
	code = begin(&t);
	if (code == CLI_OK) {
		chat_catch_interrupt();
		if (isatty(STDIN_FILENO) && !cli->quiet)
			fputs("/help lists commands; Ctrl-D leaves\n", stderr);
		converse(&t);
		code = isatty(STDIN_FILENO) ? CLI_OK : t.code;
	}
	conversation_clear(&t.said);
	chat_reader_free(t.reader);
	return code;
}
