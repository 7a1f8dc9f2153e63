/* SPDX-License-Identifier: Apache-2.0 */
/* One receipt (hither.receipt/1) in words, in the order in which its question was put. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/question.h"
#include "cli/reading_print.h"

static const char *text_of(const cJSON *o, const char *key, const char *otherwise)
{
	const char *v = json_get_string(o, key);

	return v != NULL && v[0] != '\0' ? v : otherwise;
}

static void put(struct cli *cli, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void put(struct cli *cli, const char *label, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	reading_put_labelled(stdout, label, span_of(text), cli->plain);
	free(text);
}

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
	put(cli, "what", "%s%s", meaning(text_of(r, "decision", "unknown")), more);
	put(cli, "when", "%s", text_of(r, "time", "unknown"));
	if (json_get_string(r, "until") != NULL)
		put(cli, "until", "%s", json_get_string(r, "until"));
	if (json_get_string(r, "reason") != NULL)
		put(cli, "because", "%s", json_get_string(r, "reason"));
	if (json_get_string(r, "basis") != NULL)
		put(cli, "permitted", "%s", json_get_string(r, "basis"));
}

static void put_content(struct cli *cli, const cJSON *r)
{
	const cJSON *content = json_get_object(r, "content"), *c;
	double bytes, messages = 0, files = 0;

	json_get_number(content, "messages", &messages);
	json_get_number(content, "attachments", &files);
	if (json_get_number(content, "bytes", &bytes))
		put(cli, "sends", "%.0f bytes, %.0f message%s, %.0f file%s", bytes, messages,
		    messages == 1 ? "" : "s", files, files == 1 ? "" : "s");
	put(cli, "digest", "%s", text_of(content, "digest", "none"));
	cJSON_ArrayForEach (c, json_get_array(r, "categories")) {
		double count = 0;
		bool masked = false;

		json_get_number(c, "count", &count);
		json_get_bool(c, "masked", &masked);
		put(cli, "found", "%s x%.0f: %s", text_of(c, "name", "?"), count,
		    masked ? "masked" : "NOT masked");
	}
}

static void put_cost(struct cli *cli, const cJSON *r)
{
	const cJSON *cost = json_get_object(r, "cost");
	const char *currency = json_get_string(cost, "currency");
	double actual, bound;

	if (currency != NULL && json_get_number(cost, "actual", &actual))
		put(cli, "cost", "%s %.6f", currency, actual);
	else if (currency != NULL && json_get_number(cost, "upper_bound", &bound))
		put(cli, "cost", "at most %s %.6f", currency, bound);
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
	put(cli, "ended", "%s%s", text_of(o, "result", "unknown"), more);
	if (text_of(o, "detail", NULL) != NULL)
		put(cli, "", "%s", json_get_string(o, "detail"));
}

void question_print_receipt(struct cli *cli, const cJSON *r)
{
	const cJSON *d = json_get_object(r, "destination"), *app = json_get_object(r, "app");
	const cJSON *policy = json_get_object(r, "policy"),
		    *ledger = json_get_object(r, "ledger");
	const char *trains = json_get_string(d, "trains");
	double days, record = 0;

	printf("%sReceipt ", cli_bold(cli));
	cli_print_safe(stdout, span_of(text_of(r, "id", "?")));
	printf("%s\n", cli_normal(cli));
	put_decision(cli, r);
	put(cli, "who", "%s (%s)", text_of(app, "id", "a program without a name"),
	    text_of(app, "identity", "unknown"));
	put(cli, "to", "%s, %s · %s · %s",
	    text_of(d, "operator", text_of(d, "name", "nowhere")),
	    text_of(d, "region", "region unknown"), text_of(d, "name", "no destination"),
	    text_of(d, "model", "no model"));
	if (json_get_number(d, "retention_days", &days) && days > 0)
		put(cli, "", "keeps text %.0f days; trains on it: %s", days,
		    trains != NULL ? trains : "unknown");
	else
		put(cli, "", "%s; trains on it: %s",
		    json_get_number(d, "retention_days", &days)
			    ? "keeps no text"
			    : "how long it keeps text is unknown",
		    trains != NULL ? trains : "unknown");
	put_content(cli, r);
	put_cost(cli, r);
	put_outcome(cli, r);
	put(cli, "policy", "%s%s%s", text_of(policy, "id", "built-in defaults"),
	    json_get_string(policy, "rules") != NULL ? ", rules: " : "",
	    text_of(policy, "rules", ""));
	json_get_number(ledger, "record", &record);
	put(cli, "ledger", "record %.0f, hash %s", record, text_of(ledger, "hash", "unknown"));
	if (json_get_string(r, "permission") != NULL)
		put(cli, "later", "take it back with: hither consent revoke %s",
		    json_get_string(r, "permission"));
	if (strcmp(text_of(r, "decision", ""), "released") == 0)
		put(cli, "",
		    "text that was sent is with the operator and cannot be called "
		    "back");
}
