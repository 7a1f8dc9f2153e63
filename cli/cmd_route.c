/* SPDX-License-Identifier: Apache-2.0 */
/* `hither route`: what would happen to this prompt now. Sends nothing. */
#include <string.h>

#include "cli/ask.h"

static const char *verdict_word(const char *verdict)
{
	if (verdict == NULL)
		return "?";
	if (strcmp(verdict, "allow") == 0)
		return "ALLOW";
	if (strcmp(verdict, "ask") == 0)
		return "ASK";
	return strcmp(verdict, "deny") == 0 ? "DENY" : "NOT EVALUATED";
}

static void join(const cJSON *list, char *out, size_t out_bytes)
{
	const cJSON *item;
	size_t n = 0;

	out[0] = '\0';
	cJSON_ArrayForEach (item, list) {
		const char *text = cJSON_GetStringValue(item);

		if (text != NULL && n < out_bytes)
			n += (size_t)snprintf(out + n, out_bytes - n, "%s%s", n > 0 ? ", " : "",
					      text);
	}
}

static void print_destinations(struct cli *cli, const cJSON *d)
{
	static const char *const headings[] = { "DESTINATION", "TIER", "VERDICT", "BY",
						"MASKED" };
	struct cli_table *t = cli_table_new(cli, headings, 5);
	const cJSON *one;

	cJSON_ArrayForEach (one, json_get_object(d, "destinations")) {
		char by[400], redact[400];
		const char *tier = json_get_string(one, "tier");

		join(json_get_array(one, "by"), by, sizeof by);
		join(json_get_array(one, "redact"), redact, sizeof redact);
		cli_table_cell(t, "%s", one->string);
		cli_table_cell(t, "%s", tier != NULL ? tier : "?");
		cli_table_cell(t, "%s", verdict_word(json_get_string(one, "verdict")));
		cli_table_cell(t, "%s", by);
		cli_table_cell(t, "%s", redact);
	}
	cli_table_print(t);
}

static void print_facts(struct cli *cli, const cJSON *d)
{
	const cJSON *c, *reason;
	const char *route = json_get_string(d, "route");
	const char *destination = json_get_string(d, "destination");
	const char *task = json_get_string(d, "task");
	double score = 0, confidence = 0, threshold = 0;

	json_get_number(d, "score", &score);
	json_get_number(d, "confidence", &confidence);
	printf("%sscore%s       %.2f", cli_bold(cli), cli_normal(cli), score);
	if (json_get_number(d, "threshold", &threshold))
		printf(" (%s the limit of %.2f)", score >= threshold ? "at or above" : "below",
		       threshold);
	printf("\nconfidence  %.2f\ntask        %s\n", confidence,
	       task != NULL ? task : "unknown");
	fputs("data        ", stdout);
	if (json_get_array(d, "categories") == NULL)
		fputs("unknown", stdout);
	else if (cJSON_GetArraySize(json_get_array(d, "categories")) == 0)
		fputs("nothing sensitive found", stdout);
	cJSON_ArrayForEach (c, json_get_array(d, "categories")) {
		double count = 0;
		const char *name = json_get_string(c, "name");

		json_get_number(c, "count", &count);
		printf("%s x%.0f  ", name != NULL ? name : "?", count);
	}
	printf("\n%sroute%s       %s", cli_bold(cli), cli_normal(cli),
	       route != NULL ? route : "?");
	if (destination != NULL && destination[0] != '\0')
		printf(" (%s)", destination);
	putchar('\n');
	cJSON_ArrayForEach (reason, json_get_array(d, "reasons")) {
		fputs("because     ", stdout);
		cli_print_safe(stdout, span_of(cJSON_GetStringValue(reason)));
		putchar('\n');
	}
}

static void print_question(const cJSON *d)
{
	const cJSON *q = json_get_object(d, "question");
	const char *region, *model, *price;
	double bytes = 0;

	if (q == NULL)
		return;
	region = json_get_string(q, "region");
	model = json_get_string(q, "model");
	price = json_get_string(q, "price");
	json_get_number(q, "bytes", &bytes);
	const char *verdict = json_get_string(q, "verdict");
	bool asks = verdict == NULL || strcmp(verdict, "allow") != 0;

	printf("\n%s\n"
	       "  %s%.0f bytes %s to %s (%s, region %s, model %s)%s%s%s\n"
	       "nothing was sent.\n",
	       asks ? "before anything left this device you would be asked:"
		    : "the policy allows this without a question:",
	       asks ? "may " : "", bytes, asks ? "go" : "would go",
	       json_get_string(q, "operator") != NULL ? json_get_string(q, "operator") : "?",
	       json_get_string(q, "destination") != NULL ? json_get_string(q, "destination")
							 : "?",
	       region != NULL ? region : "unknown", model != NULL ? model : "?",
	       price != NULL ? ", at most " : "", price != NULL ? price : "", asks ? "?" : "");
}

int cmd_route(struct cli *cli, int argc, char **argv)
{
	struct buf prompt, body;
	struct ask_fields fields;
	cJSON *d;
	int code = cli_check_ask_options(cli);

	if (code != CLI_OK)
		return code;
	code = cli_read_prompt(cli, argc, argv, &prompt);
	if (code != CLI_OK) {
		buf_free(&prompt);
		return code;
	}
	cli_chat_body(cli, buf_span(&prompt), false, &body);
	cli_ask_fields(cli, ASK_AGAIN, &fields);
	code = cli_call_tree(cli,
			     &(struct cli_request){ .socket = CLI_SOCKET_API,
						    .method = "POST",
						    .path = "/hither/v1/route",
						    .body = buf_span(&body),
						    .fields = fields.list,
						    .timeout_ms = 30000 },
			     cli->json, &d);
	if (d != NULL) {
		print_facts(cli, d);
		putchar('\n');
		print_destinations(cli, d);
		print_question(d);
	}
	cJSON_Delete(d);
	buf_free(&body);
	buf_free(&prompt);
	return code;
}
