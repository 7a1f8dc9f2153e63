/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/question.h"

#include <stdlib.h>
#include <string.h>

#include "cli/reading_print.h"

bool question_from_reply(struct cli_reply *r, char id[32])
{
	struct json_where where;
	cJSON *tree = NULL;
	const cJSON *error;
	const char *code, *question;
	bool found = false;

	if (r->status != 403 ||
	    json_parse(buf_span(&r->body), &json_limits_api, &tree, &where) != ERR_OK)
		return false;
	error = json_get_object(tree, "error");
	code = json_get_string(error, "code");
	question = json_get_string(json_get_object(tree, "consent"), "id");
	if (question == NULL)
		question = json_get_string(error, "question");
	if (code != NULL && strcmp(code, "consent_required") == 0 && question != NULL)
		found = span_copy(span_of(question), id, 32);
	cJSON_Delete(tree);
	return found;
}

cJSON *question_get(struct cli *cli, const char *path, bool print, int *code)
{
	cJSON *tree;

	*code = cli_call_tree(cli,
			      &(struct cli_request){ .socket = CLI_SOCKET_CONSENT,
						     .method = "GET",
						     .path = path,
						     .timeout_ms = 10000 },
			      print, &tree);
	return tree;
}

cJSON *question_fetch(struct cli *cli, const char *id, int *code)
{
	char path[128];

	snprintf(path, sizeof path, "/hither/v1/consents/%s", id);
	return question_get(cli, path, false, code);
}

/* --- the screen --- */

void question_words_retention(const cJSON *q, char *out, size_t out_bytes)
{
	double days;
	bool trains;
	int n;

	if (!json_get_number(q, "retention_days", &days))
		n = snprintf(out, out_bytes, "how long it keeps text is unknown");
	else if (days <= 0)
		n = snprintf(out, out_bytes, "keeps no text");
	else
		n = snprintf(out, out_bytes, "keeps text %.0f days", days);
	if (!json_get_bool(q, "trains", &trains))
		snprintf(out + n, out_bytes - (size_t)n, ", training on it: unknown");
	else
		snprintf(out + n, out_bytes - (size_t)n,
			 trains ? ", TRAINS on it" : ", does not train on it");
}

static void print_found(FILE *out, const cJSON *q)
{
	const cJSON *c;
	bool any = false, complete = true;

	cJSON_ArrayForEach (c, json_get_array(q, "categories")) {
		double count = 0;
		bool masked = false;

		json_get_number(c, "count", &count);
		json_get_bool(c, "masked", &masked);
		reading_put_labelled(out, false, any ? "" : "found", "%s x%.0f: %s",
				     json_text_or(c, "name", "?"), count,
				     masked ? "masked" : "NOT masked");
		any = true;
	}
	if (!any)
		reading_put_labelled(out, false, "found", "nothing that looks sensitive");
	if (json_get_bool(q, "scan_complete", &complete) && !complete)
		reading_put_labelled(out, false, "", "NOT all of the text could be checked");
}

void question_words_price(const cJSON *q, char *out, size_t out_bytes)
{
	const cJSON *price = json_get_object(q, "price");
	const cJSON *left = json_get_object(q, "budget_left");
	const char *currency = json_text_or(price, "currency", "");
	double estimate, bound, amount;
	int n;

	if (price == NULL || !json_get_number(price, "upper_bound", &bound))
		n = snprintf(out, out_bytes, "unknown");
	else if (json_get_number(price, "estimate", &estimate))
		n = snprintf(out, out_bytes, "about %s %.4f (at most %.4f)", currency, estimate,
			     bound);
	else
		n = snprintf(out, out_bytes, "at most %s %.4f", currency, bound);
	if (left != NULL && json_get_number(left, "amount", &amount) && n > 0 &&
	    (size_t)n < out_bytes)
		n += snprintf(out + n, out_bytes - (size_t)n, "; %s %.2f left in the budget",
			      json_text_or(left, "currency", ""), amount);
	if (json_get_string(q, "over_budget") != NULL && n > 0 && (size_t)n < out_bytes)
		snprintf(out + n, out_bytes - (size_t)n, "; this goes beyond the budget");
}

void question_words_size(const cJSON *q, char *out, size_t out_bytes)
{
	double messages = 1, bytes = 0, attachments = 0;
	char earlier[48] = "", files[48] = "";

	json_get_number(q, "messages", &messages);
	json_get_number(q, "bytes", &bytes);
	json_get_number(q, "attachments", &attachments);
	if (messages > 1)
		snprintf(earlier, sizeof earlier, " and %.0f earlier one%s", messages - 1,
			 messages > 2 ? "s" : "");
	if (attachments > 0)
		snprintf(files, sizeof files, ", %.0f file%s", attachments,
			 attachments > 1 ? "s" : "");
	if (bytes < 10000)
		snprintf(out, out_bytes, "1 message%s%s, %.0f bytes in all", earlier, files,
			 bytes);
	else
		snprintf(out, out_bytes, "1 message%s%s, %.0f KB in all", earlier, files,
			 bytes / 1000);
}

void question_words_ended(const cJSON *q, char *out, size_t out_bytes)
{
	static const char *const words[][2] = {
		{ "expired", "nobody answered in time, so it stayed on this device" },
		{ "withdrawn", "it was withdrawn; nothing was sent" },
		{ "denied", "it was kept on this device" },
		{ "dismissed", "it was put aside; nothing was sent" },
		{ "approved", "it was sent: somebody said yes elsewhere" },
		{ "used", "it was sent: somebody said yes elsewhere" },
	};
	const char *state = json_get_string(q, "state");

	snprintf(out, out_bytes, "it is over");
	for (size_t i = 0; state != NULL && i < LEN(words); i++)
		if (strcmp(state, words[i][0]) == 0)
			snprintf(out, out_bytes, "%s", words[i][1]);
}

bool question_is_open(const cJSON *q)
{
	const char *state = json_get_string(q, "state");

	return state != NULL && json_get_string(q, "nonce") != NULL &&
	       (strcmp(state, "open") == 0 || strcmp(state, "queued") == 0);
}

bool question_words_waiting(const cJSON *q, char *out, size_t out_bytes)
{
	double waiting = 0;

	if (!json_get_number(q, "waiting", &waiting) || waiting < 2)
		return false;
	snprintf(out, out_bytes, "%.0f requests of the same bytes wait for this answer",
		 waiting);
	return true;
}

void question_words_time(const cJSON *q, char *out, size_t out_bytes)
{
	double age = 0, left = 0;

	json_get_number(q, "age_ms", &age);
	json_get_number(q, "expires_in_ms", &left);
	snprintf(out, out_bytes, "asked %.0f s ago, %.0f s left", age / 1000, left / 1000);
}

static void print_where(FILE *out, const cJSON *q)
{
	const char *proxy = json_get_string(q, "proxy");
	char words[160];

	reading_put_labelled(out, false, "to", "%s, %s · %s · %s",
			     json_text_or(q, "operator", json_text_or(q, "destination", "?")),
			     json_text_or(q, "region", "region unknown"),
			     json_text_or(q, "destination", "?"),
			     json_text_or(q, "model", "?"));
	question_words_retention(q, words, sizeof words);
	reading_put_labelled(out, false, "", "%s", words);
	if (proxy != NULL)
		reading_put_labelled(out, false, "",
				     "through the proxy %s, which sees the text", proxy);
	if (json_get_string(q, "privacy_url") != NULL)
		reading_put_labelled(out, false, "", "what they say about it: %s",
				     json_get_string(q, "privacy_url"));
}

/* In the order of the question's fields: who, where, why, what, found, cost, how long. */
void question_print(struct cli *cli, FILE *out, const cJSON *q)
{
	char words[200];
	bool strong = false;

	fputs(cli_bold(cli), out);
	cli_print_safe(out, span_of(json_text_or(q, "app", "A program without a name")));
	fprintf(out, " (");
	cli_print_safe(out, span_of(json_text_or(q, "identity_words",
						 json_text_or(q, "identity", "unknown"))));
	fprintf(out, ") asks to use a %s model%s\n",
		strcmp(json_text_or(q, "tier", "cloud"), "trusted") == 0 ? "TRUSTED" : "CLOUD",
		cli_normal(cli));
	question_words_time(q, words, sizeof words);
	reading_put_labelled(out, false, "question", "%s, %s", json_text_or(q, "id", "?"),
			     words);
	reading_put_labelled(
		out, false, "",
		"nothing has been sent; without an answer it stays on this device");
	if (question_words_waiting(q, words, sizeof words))
		reading_put_labelled(out, false, "", "%s", words);
	print_where(out, q);
	reading_put_labelled(out, false, "why", "%s",
			     json_text_or(q, "why", "no reason given"));
	question_words_size(q, words, sizeof words);
	reading_put_labelled(out, false, "sends", "%s", words);
	print_found(out, q);
	question_words_price(q, words, sizeof words);
	reading_put_labelled(out, false, "cost", "%s", words);
	reading_put_labelled(out, false, "lasts", "once, unless you choose more");
	if (json_get_bool(q, "strong_auth", &strong) && strong)
		reading_put_labelled(out, false, "",
				     "to send, this computer asks you who you are");
	reading_put_labelled(
		out, false, "later", "%s",
		json_text_or(q, "revoke_hint",
			     "take a permission back with: hither consent revoke GRANT"));
	reading_put_labelled(out, false, "digest", "%s", json_text_or(q, "digest", "?"));
}

void question_print_body(FILE *out, const cJSON *q, bool original)
{
	const char *text = json_get_string(q, original ? "original" : "body");

	fprintf(out, "--- %s ---\n",
		original ? "the original's bytes, which stay here unless you send it as it is"
			 : "exactly these bytes would be sent");
	cli_print_safe(out, span_of(text != NULL ? text : "(there is no unmasked version)"));
	fputs("\n--- end ---\n", out);
}

void question_print_reading(struct cli *cli, FILE *out, const cJSON *q)
{
	const char *original = json_get_string(q, "original");

	fprintf(out, "--- what would be sent, turn by turn%s ---\n",
		original != NULL ? "; what was masked beside the original" : "");
	reading_print(out, json_text_or(q, "body", ""), original, reading_columns(out),
		      cli->plain);
	fputs("--- end ---\n", out);
}

/* --- the answer --- */

int question_reply(struct cli *cli, const cJSON *q, const char *decision, const char *scope,
		   const char *until, const char *mode, const char *reason, cJSON **ret)
{
	char path[128];
	struct buf body;
	int code;

	buf_init(&body, 1 << 16);
	buf_add_char(&body, '{');
	json_put_key_cstr(&body, "nonce", json_text_or(q, "nonce", ""));
	json_put_key_cstr(&body, "digest", json_text_or(q, "digest", ""));
	json_put_key_cstr(&body, "decision", decision);
	if (scope != NULL)
		json_put_key_cstr(&body, "scope", scope);
	if (until != NULL)
		json_put_key_cstr(&body, "until", until);
	if (mode != NULL)
		json_put_key_cstr(&body, "mode", mode);
	if (reason != NULL)
		json_put_key_cstr(&body, "reason", reason);
	buf_add_char(&body, '}');
	snprintf(path, sizeof path, "/hither/v1/consents/%s", json_text_or(q, "id", ""));
	code = cli_call_tree(cli,
			     &(struct cli_request){ .socket = CLI_SOCKET_CONSENT,
						    .method = "POST",
						    .path = path,
						    .body = buf_span(&body),
						    .timeout_ms = CLI_ANSWER_MS },
			     false, ret);
	buf_free(&body);
	return code;
}

bool question_offers(const cJSON *q, const char *list, const char *word)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json_get_array(q, list)) {
		if (cJSON_GetStringValue(item) != NULL &&
		    strcmp(cJSON_GetStringValue(item), word) == 0)
			return true;
	}
	return false;
}
