/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers a terminal agent and follows its event stream. Each `request` event is shown and
 * answered on /dev/tty; the others are told in one line. Without a terminal the questions are
 * only printed (--json: one JSON object per line), for scripts that answer with approve/deny.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/question.h"
#include "cli/watch.h"
#include "dialect/dialect.h"

struct watch {
	struct cli *cli;
	struct sse_reader reader;
	bool interactive, broken;
	char shown[32]; /* the question that was put here last: its end was said there */
};

static void on_question(struct watch *w, const char *id)
{
	cJSON *q;
	int code;

	if (w->interactive && !w->cli->json) {
		snprintf(w->shown, sizeof w->shown, "%s", id);
		enum question_answer a = question_ask_inline(w->cli, id);

		if (a == QUESTION_SEND)
			fputs("  released.\n\n", stderr);
		else if (a == QUESTION_KEEP)
			fputs("  kept on this device.\n\n", stderr);
		else if (a == QUESTION_LATER)
			fputs("  put aside; nothing was sent.\n\n", stderr);
		return;
	}
	q = question_fetch(w->cli, id, &code);
	if (q != NULL)
		question_print(w->cli, stdout, q);
	cJSON_Delete(q);
	fflush(stdout);
}

/* What became of a question that was not answered here. */
static void on_end(struct watch *w, const char *id)
{
	char words[160];
	int code;
	cJSON *q = question_fetch(w->cli, id, &code);

	question_words_ended(q, words, sizeof words);
	fprintf(stderr, "question %s: %s\n", id, words);
	cJSON_Delete(q);
}

static bool on_sse(void *ctx, struct span event, struct span data)
{
	struct watch *w = ctx;
	struct json_where where;
	cJSON *tree = NULL;
	const char *id;

	if (w->cli->json) {
		printf("{\"event\":\"%.*s\",\"data\":%.*s}\n", (int)event.len, event.ptr,
		       (int)data.len, data.ptr);
		fflush(stdout);
		return true;
	}
	if (json_parse(data, &json_limits_api, &tree, &where) != ERR_OK)
		return true;
	id = json_get_string(tree, "id");
	if (id != NULL && span_is(event, "request"))
		on_question(w, id);
	else if (id != NULL && span_is(event, "sent"))
		fprintf(stderr, "sent, as your policy allows: hither consent receipt %s\n", id);
	else if (id != NULL && !w->cli->quiet && strcmp(id, w->shown) != 0)
		on_end(w, id);
	cJSON_Delete(tree);
	return true;
}

static bool on_data(void *ctx, struct span bytes)
{
	struct watch *w = ctx;

	w->broken = sse_read(&w->reader, bytes, on_sse, w) != ERR_OK;
	return !w->broken;
}

int watch_register(struct cli *cli, const char *kind, const char *name, char id[64])
{
	struct buf body;
	cJSON *tree;
	int code;

	buf_init(&body, 1024);
	buf_add_char(&body, '{');
	json_put_key_cstr(&body, "kind", kind);
	json_put_key_cstr(&body, "name", name);
	buf_add_str(&body, ",\"caps\":[\"full_text\",\"diff\"]}");
	code = cli_call_tree(cli,
			     &(struct cli_request){ .socket = CLI_SOCKET_CONSENT,
						    .method = "POST",
						    .path = "/hither/v1/agents",
						    .body = buf_span(&body),
						    .timeout_ms = 10000 },
			     false, &tree);
	buf_free(&body);
	if (code == CLI_OK && (json_get_string(tree, "agent") == NULL ||
			       !span_copy(span_of(json_get_string(tree, "agent")), id, 64)))
		code = cli_error(cli, CLI_FAILED, "internal_error", NULL,
				 "the daemon gave no agent id");
	cJSON_Delete(tree);
	return code;
}

int cmd_watch(struct cli *cli, int argc, char **argv)
{
	struct watch w = { .cli = cli, .interactive = question_terminal() };
	struct cli_reply reply;
	char id[64], path[128];
	int code;
	enum err e;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "watch takes no arguments");
	code = watch_register(cli, "terminal", "hither consent watch", id);
	if (code != CLI_OK)
		return code;
	if (!cli->quiet)
		fputs("watching for questions; leave with Ctrl-C\n", stderr);
	sse_reader_init(&w.reader, 8u << 20);
	snprintf(path, sizeof path, "/hither/v1/agents/%s/events", id);
	e = cli_call(cli,
		     &(struct cli_request){ .socket = CLI_SOCKET_CONSENT,
					    .method = "GET",
					    .path = path,
					    .on_data = on_data,
					    .ctx = &w },
		     &reply);
	if (e == ERR_OK && reply.status != 200)
		code = cli_reply_failed(cli, &reply);
	else if (e == ERR_OK || e == ERR_PEER_GONE)
		code = cli_error(cli, CLI_NO_DAEMON, "daemon_not_running", "hither status",
				 "the daemon closed the stream of questions");
	else
		code = cli_call_failed(cli, e);
	sse_reader_free(&w.reader);
	cli_reply_free(&reply);
	return code;
}
