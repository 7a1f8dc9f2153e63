/* SPDX-License-Identifier: Apache-2.0 */
/* `hither consent …`: see open questions, answer them, take permissions back. */
#include <stdlib.h>
#include <string.h>

#include "cli/question.h"
#include "cli/watch.h"
#include "cli/web.h"
#include "common/clock.h"
#include "common/text.h"

static int print_list(struct cli *cli, const char *path, const char *key,
		      const char *const *headings, const char *const *fields, unsigned columns,
		      const char *empty)
{
	struct cli_table *t;
	const cJSON *item;
	int code;
	cJSON *tree = question_get(cli, path, cli->json, &code);

	if (tree == NULL)
		return code;
	if (cJSON_GetArraySize(json_get_array(tree, key)) == 0) {
		if (!cli->quiet)
			fprintf(stderr, "%s\n", empty);
		cJSON_Delete(tree);
		return CLI_OK;
	}
	t = cli_table_new(cli, headings, columns);
	cJSON_ArrayForEach (item, json_get_array(tree, key)) {
		for (unsigned c = 0; c < columns; c++) {
			bool ms = strstr(fields[c], "_ms") != NULL;
			double n;

			if (json_get_number(item, fields[c], &n))
				cli_table_cell(t, ms ? "%.0f s" : "%.0f", ms ? n / 1000 : n);
			else
				cli_table_cell(t, "%s", json_text_or(item, fields[c], "-"));
		}
	}
	cli_table_print(t);
	cJSON_Delete(tree);
	return CLI_OK;
}

static int cmd_list(struct cli *cli, int argc, char **argv)
{
	static const char *const headings[] = { "QUESTION", "APP",     "DESTINATION", "MODEL",
						"BYTES",    "WAITING", "ASKED AGO",   "LEFT" };
	static const char *const fields[] = {
		"id",    "app",     "destination", "model",
		"bytes", "waiting", "age_ms",      "expires_in_ms"
	};

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "list takes no arguments");
	return print_list(cli, "/hither/v1/consents", "consents", headings, fields, 8,
			  "no open questions");
}

static int cmd_grants(struct cli *cli, int argc, char **argv)
{
	static const char *const headings[] = { "GRANT", "EFFECT", "APP",  "DESTINATION",
						"MODEL", "SCOPE",  "MODE", "UNTIL",
						"STATE", "COVERS" };
	static const char *const fields[] = { "id",    "effect", "app",  "destination",
					      "model", "scope",  "mode", "until",
					      "state", "covers" };

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "grants takes no arguments");
	return print_list(cli, "/hither/v1/grants", "grants", headings, fields, 10,
			  "no permissions and no remembered refusals");
}

static int cmd_receipts(struct cli *cli, int argc, char **argv)
{
	static const char *const headings[] = { "RECEIPT",     "TIME",     "APP",
						"DESTINATION", "DECISION", "BYTES" };
	static const char *const fields[] = { "id",          "time",     "app",
					      "destination", "decision", "bytes" };
	const char *since = cli_option(cli, "since");
	char path[160];
	uint64_t back_ms = 0;

	(void)argv;
	if (argc > 0)
		return cli_usage(
			cli,
			"receipts takes no arguments; a single one: hither consent receipt ID");
	if (since != NULL && text_duration_ms(since, &back_ms) != ERR_OK)
		return cli_usage(cli, "--since takes a duration such as 12h or 30d");
	snprintf(path, sizeof path, "/hither/v1/receipts?since=%lld",
		 since != NULL ? (long long)(clock_wall_ms() - (int64_t)back_ms) : 0LL);
	return print_list(cli, path, "receipts", headings, fields, 6, "no receipts");
}

static int cmd_receipt(struct cli *cli, int argc, char **argv)
{
	char path[160];
	const char *format = cli_option(cli, "format");
	cJSON *tree;
	char *text;
	int code;

	if (argc != 1 || !text_is_ulid(span_of(argv[0])))
		return cli_usage(
			cli, "which receipt? an id as `hither consent receipts` lists them");
	if (format != NULL && strcmp(format, "27560") != 0 && strcmp(format, "kantara") != 0)
		return cli_usage(cli, "--format takes 27560 or kantara");
	snprintf(path, sizeof path, "/hither/v1/receipts/%s%s%s", argv[0],
		 format != NULL ? "?format=" : "", format != NULL ? format : "");
	tree = question_get(cli, path, cli->json, &code);
	if (tree == NULL)
		return code;
	if (format == NULL) {
		question_print_receipt(cli, tree);
	} else {
		text = cJSON_Print(tree);
		if (text != NULL)
			cli_print_safe(stdout, span_of(text));
		putchar('\n');
		cJSON_free(text);
	}
	cJSON_Delete(tree);
	return CLI_OK;
}

static int cmd_show(struct cli *cli, int argc, char **argv)
{
	char path[128], words[160];
	cJSON *q;
	int code;

	if (argc != 1 || !text_is_ulid(span_of(argv[0])))
		return cli_usage(cli,
				 "which question? an id as `hither consent list` shows them");
	snprintf(path, sizeof path, "/hither/v1/consents/%s", argv[0]);
	q = question_get(cli, path, cli->json, &code);
	if (q == NULL)
		return code;
	if (json_get_string(q, "body") == NULL) {
		question_words_ended(q, words, sizeof words);
		fprintf(stderr, "question %s: %s\n", argv[0], words);
	} else {
		question_print(cli, stdout, q);
		question_print_reading(cli, stdout, q);
		question_print_body(stdout, q, false);
		if (json_get_string(q, "original") != NULL)
			question_print_body(stdout, q, true);
	}
	cJSON_Delete(q);
	return CLI_OK;
}

static int answer(struct cli *cli, int argc, char **argv, bool approve)
{
	const char *scope = cli_option(cli, "scope");
	const char *until = cli_option(cli, "until");
	const char *mode = cli_flag(cli, "as-is") ? "as_is" : NULL;
	cJSON *q, *reply = NULL;
	int code;

	if (argc != 1 || !text_is_ulid(span_of(argv[0])))
		return cli_usage(cli,
				 "which question? an id as `hither consent list` shows them");
	if (until != NULL && scope == NULL)
		scope = "until";
	q = question_fetch(cli, argv[0], &code);
	if (q == NULL)
		return code;
	code = question_reply(cli, q, approve ? "approve" : "deny", scope, until, mode,
			      cli_option(cli, "reason"), &reply);
	if (code == CLI_OK && cli->json) {
		struct buf b;

		buf_init(&b, 1 << 20);
		json_put_tree(&b, reply);
		cli_print_json(cli, buf_span(&b));
		buf_free(&b);
	} else if (code == CLI_OK && !cli->quiet) {
		const char *grant = json_get_string(reply, "grant");

		if (!approve)
			printf("kept on this device\n");
		else if (grant != NULL)
			printf("approved; take it back with: hither consent revoke %s\n",
			       grant);
		else
			printf("approved, once\n");
	}
	cJSON_Delete(reply);
	cJSON_Delete(q);
	return code;
}

static int cmd_approve(struct cli *cli, int argc, char **argv)
{
	return answer(cli, argc, argv, true);
}

static int cmd_deny(struct cli *cli, int argc, char **argv)
{
	return answer(cli, argc, argv, false);
}

/* What left is said in numbers: it cannot be taken back. */
static void print_revoked(const char *id, const cJSON *said)
{
	int stopped = cJSON_GetArraySize(json_get_array(said, "aborted"));
	double before = 0;

	json_get_number(said, "sent_before", &before);
	if (id[0] == 'n')
		printf("revoked %s: this refusal counts no more; you may be asked again\n", id);
	else if (before < 1)
		printf("revoked %s: nothing leaves under it, and nothing had left\n", id);
	else
		printf("revoked %s: nothing more leaves under it; %.0f request%s had left, "
		       "%d of them stopped on the way; what left stays with the operator\n",
		       id, before, before > 1 ? "s" : "", stopped);
}

static int revoke_one(struct cli *cli, const char *id)
{
	char path[128];
	cJSON *said;
	int code;

	snprintf(path, sizeof path, "/hither/v1/grants/%s", id);
	code = cli_call_tree(cli,
			     &(struct cli_request){ .socket = CLI_SOCKET_CONSENT,
						    .method = "DELETE",
						    .path = path,
						    .timeout_ms = 10000 },
			     cli->json, &said);
	if (said != NULL)
		print_revoked(id, said);
	cJSON_Delete(said);
	return code;
}

static int cmd_revoke(struct cli *cli, int argc, char **argv)
{
	const char *app = cli_option(cli, "app");
	bool all = cli_flag(cli, "all");
	const cJSON *g;
	unsigned n = 0;
	cJSON *tree;
	int code;

	if (argc == 1 && app == NULL && !all)
		return revoke_one(cli, argv[0]);
	if (argc != 0 || (app == NULL && !all))
		return cli_usage(cli, "which permission? GRANT, --app A or --all");
	tree = question_get(cli, "/hither/v1/grants", false, &code);
	cJSON_ArrayForEach (g, json_get_array(tree, "grants")) {
		if (code == CLI_OK && (all || strcmp(json_text_or(g, "app", ""), app) == 0)) {
			code = revoke_one(cli, json_text_or(g, "id", ""));
			n++;
		}
	}
	if (tree != NULL && n == 0 && !cli->quiet)
		fprintf(stderr, "no such permission was in force\n");
	cJSON_Delete(tree);
	return code;
}

static const struct cli_option web_options[] = {
	{ 0, "open", NULL, "open each question in the browser (xdg-open)" },
	{ 0, "notify", NULL, "show a desktop notification that opens the page" },
	{ 0, "once", NULL, "leave when the first question is over" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option approve_options[] = {
	{ 0, "scope", "once|session|until|always",
	  "how long the permission lasts (default once)" },
	{ 0, "until", "DURATION", "for scope until: 2h, 7d" },
	{ 0, "as-is", NULL, "send the unmasked text, where the policy allows it" },
	{ 0, "reason", "TEXT", "why, for the record" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option deny_options[] = {
	{ 0, "scope", "once|always", "remember the answer (default once)" },
	{ 0, "reason", "TEXT", "why, for the record" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option revoke_options[] = {
	{ 0, "app", "ID", "every permission of this app" },
	{ 0, "all", NULL, "every permission" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option receipts_options[] = {
	{ 0, "since", "DURATION", "only newer ones: 12h, 30d" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option receipt_options[] = {
	{ 0, "format", "27560|kantara", "with the field names of that model" },
	{ 0, NULL, NULL, NULL },
};

const struct cli_command cmd_consent_commands[] = {
	{ "list", "", "the open questions", NULL, NULL, NULL, cmd_list },
	{ "show", "ID", "one question, with exactly the bytes that would leave", NULL, NULL,
	  NULL, cmd_show },
	{ "watch", "", "stay and answer questions in this terminal", NULL, NULL, NULL,
	  cmd_watch },
	{ "web", "", "stay and answer questions on a page in the browser",
	  "The page is on this machine only (127.0.0.1 and ::1), only while a question is "
	  "open. "
	  "Its link is printed, works once, and for 5 minutes.",
	  web_options, NULL, cmd_web },
	{ "approve", "ID", "let these bytes go there", NULL, approve_options, NULL,
	  cmd_approve },
	{ "deny", "ID", "keep it on this device", NULL, deny_options, NULL, cmd_deny },
	{ "grants", "", "permissions (effect allow) and remembered refusals (effect refuse)",
	  NULL, NULL, NULL, cmd_grants },
	{ "revoke", "GRANT", "take a permission back; running sends are cut", NULL,
	  revoke_options, NULL, cmd_revoke },
	{ "receipts", "", "one line per consent event", NULL, receipts_options, NULL,
	  cmd_receipts },
	{ "receipt", "ID", "one receipt, in words", "All of it with --json or --format.",
	  receipt_options, NULL, cmd_receipt },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};
