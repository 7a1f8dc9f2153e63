/* SPDX-License-Identifier: Apache-2.0 */
/* One receipt (hither.receipt/1) in words, in the order in which its question was put. */
#include <stdlib.h>
#include <string.h>

#include "cli/question.h"
#include "cli/reading_print.h"

/* What a decision's word means; the word itself where there is nothing to add. */
static const char *meaning(const char *decision)
{
	static const char *const words[][2] = {
		{ "given", "you said yes" },
		{ "released", "it was sent" },
		{ "withdrawn", "it was taken back" },
		{ "refused", "you said no; nothing was sent" },
		{ "timed_out", "nobody answered in time; it stayed on this device" },
		{ "no_agent", "nobody was there to be asked; it stayed on this device" },
		{ "dismissed", "put aside; nothing was sent" },
		{ "denied", "the policy said no; nothing was sent" },
		{ "limited", "not asked: too many questions, or already answered no" },
		{ "over_budget", "it would have gone beyond a budget; nothing was sent" },
	};

	for (size_t i = 0; i < LEN(words); i++)
		if (strcmp(decision, words[i][0]) == 0)
			return words[i][1];
	return decision;
}

static void put_decision(struct cli *cli, const cJSON *r)
{
	const char *scope = json_get_string(r, "scope"), *mode = json_get_string(r, "mode");
	const char *agent = json_get_string(json_get_object(r, "agent"), "kind");
	char more[160] = "";
	size_t n = 0;

	if (scope != NULL)
		n += (size_t)snprintf(more + n, sizeof more - n, ", %s", scope);
	if (mode != NULL)
		n += (size_t)snprintf(more + n, sizeof more - n, ", %s",
				      strcmp(mode, "as_is") == 0 ? "as it is" : "masked");
	if (agent != NULL)
		snprintf(more + n, sizeof more - n, ", at the %s", agent);
	reading_put_labelled(stdout, cli->plain, "what", "%s%s",
			     meaning(json_text_or(r, "decision", "unknown")), more);
	reading_put_labelled(stdout, cli->plain, "when", "%s",
			     json_text_or(r, "time", "unknown"));
	if (json_get_string(r, "until") != NULL)
		reading_put_labelled(stdout, cli->plain, "until", "%s",
				     json_get_string(r, "until"));
	if (json_get_string(r, "reason") != NULL)
		reading_put_labelled(stdout, cli->plain, "because", "%s",
				     json_get_string(r, "reason"));
	if (json_get_string(r, "basis") != NULL)
		reading_put_labelled(stdout, cli->plain, "permitted", "%s",
				     json_get_string(r, "basis"));
}

static void put_content(struct cli *cli, const cJSON *r)
{
	const cJSON *content = json_get_object(r, "content"), *c;
	double bytes, messages = 0, files = 0;

	json_get_number(content, "messages", &messages);
	json_get_number(content, "attachments", &files);
	if (json_get_number(content, "bytes", &bytes))
		reading_put_labelled(stdout, cli->plain, "sends",
				     "%.0f bytes, %.0f message%s, %.0f file%s", bytes, messages,
				     messages == 1 ? "" : "s", files, files == 1 ? "" : "s");
	reading_put_labelled(stdout, cli->plain, "digest", "%s",
			     json_text_or(content, "digest", "none"));
	cJSON_ArrayForEach (c, json_get_array(r, "categories")) {
		double count = 0;
		bool masked = false;

		json_get_number(c, "count", &count);
		json_get_bool(c, "masked", &masked);
		reading_put_labelled(stdout, cli->plain, "found", "%s x%.0f: %s",
				     json_text_or(c, "name", "?"), count,
				     masked ? "masked" : "NOT masked");
	}
}

static void put_cost(struct cli *cli, const cJSON *r)
{
	const cJSON *cost = json_get_object(r, "cost");
	const char *currency = json_get_string(cost, "currency");
	double actual, bound;

	if (currency != NULL && json_get_number(cost, "actual", &actual))
		reading_put_labelled(stdout, cli->plain, "cost", "%s %.6f", currency, actual);
	else if (currency != NULL && json_get_number(cost, "upper_bound", &bound))
		reading_put_labelled(stdout, cli->plain, "cost", "at most %s %.6f", currency,
				     bound);
}

static void put_outcome(struct cli *cli, const cJSON *r)
{
	const cJSON *o = json_get_object(r, "outcome");
	double status, in, out;
	char more[120] = "";
	size_t n = 0;

	if (o == NULL)
		return;
	if (json_get_number(o, "http_status", &status))
		n += (size_t)snprintf(more, sizeof more, ", status %.0f", status);
	if (json_get_number(o, "input_tokens", &in) &&
	    json_get_number(o, "output_tokens", &out))
		snprintf(more + n, sizeof more - n, ", %.0f tokens there and %.0f back", in,
			 out);
	else
		snprintf(more + n, sizeof more - n, ", tokens unknown");
	reading_put_labelled(stdout, cli->plain, "ended", "%s%s",
			     json_text_or(o, "result", "unknown"), more);
	if (json_text_or(o, "detail", NULL) != NULL)
		reading_put_labelled(stdout, cli->plain, "", "%s",
				     json_get_string(o, "detail"));
}

void question_print_receipt(struct cli *cli, const cJSON *r)
{
	const cJSON *d = json_get_object(r, "destination"), *app = json_get_object(r, "app");
	const cJSON *policy = json_get_object(r, "policy"),
		    *ledger = json_get_object(r, "ledger");
	const char *trains = json_get_string(d, "trains");
	double days, record = 0;

	printf("%sReceipt ", cli_bold(cli));
	cli_print_safe(stdout, span_of(json_text_or(r, "id", "?")));
	printf("%s\n", cli_normal(cli));
	put_decision(cli, r);
	reading_put_labelled(stdout, cli->plain, "who", "%s (%s)",
			     json_text_or(app, "id", "a program without a name"),
			     json_text_or(app, "identity", "unknown"));
	reading_put_labelled(stdout, cli->plain, "to", "%s, %s · %s · %s",
			     json_text_or(d, "operator", json_text_or(d, "name", "nowhere")),
			     json_text_or(d, "region", "region unknown"),
			     json_text_or(d, "name", "no destination"),
			     json_text_or(d, "model", "no model"));
	if (json_get_number(d, "retention_days", &days) && days > 0)
		reading_put_labelled(stdout, cli->plain, "",
				     "keeps text %.0f days; trains on it: %s", days,
				     trains != NULL ? trains : "unknown");
	else
		reading_put_labelled(stdout, cli->plain, "", "%s; trains on it: %s",
				     json_get_number(d, "retention_days", &days)
					     ? "keeps no text"
					     : "how long it keeps text is unknown",
				     trains != NULL ? trains : "unknown");
	put_content(cli, r);
	put_cost(cli, r);
	put_outcome(cli, r);
	reading_put_labelled(stdout, cli->plain, "policy", "%s%s%s",
			     json_text_or(policy, "id", "built-in defaults"),
			     json_get_string(policy, "rules") != NULL ? ", rules: " : "",
			     json_text_or(policy, "rules", ""));
	json_get_number(ledger, "record", &record);
	reading_put_labelled(stdout, cli->plain, "ledger", "record %.0f, hash %s", record,
			     json_text_or(ledger, "hash", "unknown"));
	if (json_get_string(r, "permission") != NULL)
		reading_put_labelled(stdout, cli->plain, "later",
				     "take it back with: hither consent revoke %s",
				     json_get_string(r, "permission"));
	if (strcmp(json_text_or(r, "decision", ""), "released") == 0)
		reading_put_labelled(
			stdout, cli->plain, "",
			"text that was sent is with the operator and cannot be called "
			"back");
}
