/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither budget show`: what the policy lets this machine spend, and what is used of it. There
 * is no command that sets a budget back: what was spent follows from the ledger, and a higher
 * limit is a line in the policy, where it can be read.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "common/json.h"

static void used_cell(struct cli_table *t, const cJSON *b, const char *used, const char *limit)
{
	double n = 0, most;

	(void)json_get_number(b, used, &n);
	if (json_get_number(b, limit, &most))
		cli_table_cell(t, "%.0f of %.0f", n, most);
	else
		cli_table_cell(t, "%.0f", n);
}

static void cost_cell(struct cli_table *t, const cJSON *b)
{
	double cost = 0, most;

	if (json_get_number(b, "cost", &cost) && json_get_number(b, "max_cost", &most))
		cli_table_cell(t, "%.4f of %.2f %s", cost, most,
			       json_text_or(b, "currency", ""));
	else
		cli_table_cell(t, "-");
}

static void window_cell(struct cli_table *t, const cJSON *b)
{
	const cJSON *w = json_get_object(b, "window");
	double count = 1;

	(void)json_get_number(w, "count", &count);
	if (count > 1)
		cli_table_cell(t, "%.0f %ss since %.16s", count, json_text_or(w, "unit", ""),
			       json_text_or(w, "since", ""));
	else
		cli_table_cell(t, "%s since %.16s", json_text_or(w, "unit", ""),
			       json_text_or(w, "since", ""));
}

static void print_budgets(struct cli *cli, const cJSON *list)
{
	static const char *const headings[] = { "budget", "window",   "cost",
						"tokens", "requests", "when used up" };
	struct cli_table *t;
	const cJSON *b;

	if (cJSON_GetArraySize(list) == 0) {
		fputs("the policy in force has no budgets\n", stdout);
		return;
	}
	t = cli_table_new(cli, headings, LEN(headings));
	cJSON_ArrayForEach (b, list) {
		cli_table_cell(t, "%s", json_text_or(b, "id", ""));
		window_cell(t, b);
		cost_cell(t, b);
		used_cell(t, b, "tokens", "max_tokens");
		used_cell(t, b, "requests", "max_requests");
		cli_table_cell(t, "%s", json_text_or(b, "on_exceed", ""));
	}
	cli_table_print(t);
	if (!cli->quiet)
		fputs("used by all users, apps and destinations of this machine together; what "
		      "is "
		      "under way counts with its upper bound\n",
		      stderr);
}

static int cmd_show(struct cli *cli, int argc, char **argv)
{
	cJSON *root;
	int code;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "budget show takes no arguments");
	code = cli_call_tree(cli,
			     &(struct cli_request){ .socket = CLI_SOCKET_CONSENT,
						    .method = "GET",
						    .path = "/hither/v1/budgets",
						    .timeout_ms = 10000 },
			     cli->json, &root);
	if (root != NULL)
		print_budgets(cli, json_get_array(root, "budgets"));
	cJSON_Delete(root);
	return code;
}

const struct cli_command cmd_budget_commands[] = {
	{ "show", "", "what is used of each budget of the policy",
	  "Used by all users, apps and destinations of this machine together, in the window "
	  "that\n"
	  "runs. What is under way counts with its upper bound, and what was never settled "
	  "keeps "
	  "it.\n"
	  "A limit is changed in the policy: \"hither policy show\".",
	  NULL, NULL, cmd_show },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};
