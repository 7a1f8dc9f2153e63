/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/question.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"

bool question_terminal(void)
{
	int fd = isatty(STDERR_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

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
	struct json_where where;
	struct cli_reply reply;
	cJSON *tree = NULL;
	enum err e;

	e = cli_call(cli,
		     &(struct cli_request){ .socket = CLI_SOCKET_CONSENT,
					    .method = "GET",
					    .path = path,
					    .timeout_ms = 10000 },
		     &reply);
	*code = CLI_OK;
	if (e != ERR_OK)
		*code = cli_call_failed(cli, e);
	else if (reply.status != 200)
		*code = cli_reply_failed(cli, &reply);
	else if (print)
		cli_print_json(cli, span_trim(buf_span(&reply.body)));
	else if (json_parse(buf_span(&reply.body), &json_limits_file, &tree, &where) != ERR_OK)
		*code = cli_error(cli, CLI_FAILED, "internal_error", NULL,
				  "the reply could not be read: %s", where.problem);
	cli_reply_free(&reply);
	return tree;
}

cJSON *question_fetch(struct cli *cli, const char *id, int *code)
{
	char path[128];

	snprintf(path, sizeof path, "/hither/v1/consents/%s", id);
	return question_get(cli, path, false, code);
}

/* --- the screen --- */

static const char *text_of(const cJSON *q, const char *key, const char *otherwise)
{
	const char *v = json_get_string(q, key);

	return v != NULL && v[0] != '\0' ? v : otherwise;
}

static void put(FILE *out, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void put(FILE *out, const char *label, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	fprintf(out, "  %-9s ", label);
	cli_print_safe(out, span_of(text));
	fputc('\n', out);
	free(text);
}

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
	bool any = false;

	cJSON_ArrayForEach (c, json_get_array(q, "categories")) {
		double count = 0;
		bool masked = false;

		json_get_number(c, "count", &count);
		json_get_bool(c, "masked", &masked);
		put(out, any ? "" : "found", "%s x%.0f: %s", text_of(c, "name", "?"), count,
		    masked ? "masked" : "NOT masked");
		any = true;
	}
	if (!any)
		put(out, "found", "nothing that looks sensitive");
}

void question_words_price(const cJSON *q, char *out, size_t out_bytes)
{
	const cJSON *price = json_get_object(q, "price");
	const cJSON *left = json_get_object(q, "budget_left");
	const char *currency = text_of(price, "currency", "");
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
		snprintf(out + n, out_bytes - (size_t)n, "; %s %.2f left in the budget",
			 text_of(left, "currency", ""), amount);
}

void question_words_size(const cJSON *q, char *out, size_t out_bytes)
{
	double messages = 1, bytes = 0, attachments = 0;

	json_get_number(q, "messages", &messages);
	json_get_number(q, "bytes", &bytes);
	json_get_number(q, "attachments", &attachments);
	snprintf(out, out_bytes, "%.0f message%s, %.0f attachment%s, %.0f bytes in all",
		 messages, messages == 1 ? "" : "s", attachments, attachments == 1 ? "" : "s",
		 bytes);
}

void question_print(struct cli *cli, FILE *out, const cJSON *q)
{
	char words[160];
	double left = 0;

	json_get_number(q, "expires_in_ms", &left);
	fputs(cli_bold(cli), out);
	cli_print_safe(out, span_of(text_of(q, "app", "A program without a name")));
	fprintf(out, " (");
	cli_print_safe(
		out, span_of(text_of(q, "identity_words", text_of(q, "identity", "unknown"))));
	fprintf(out, ") asks to use a %s model%s\n",
		strcmp(text_of(q, "tier", "cloud"), "trusted") == 0 ? "TRUSTED" : "CLOUD",
		cli_normal(cli));
	put(out, "question", "%s, %.0f s left", text_of(q, "id", "?"), left / 1000);
	question_words_retention(q, words, sizeof words);
	put(out, "to", "%s, %s · %s · %s",
	    text_of(q, "operator", text_of(q, "destination", "?")),
	    text_of(q, "region", "region unknown"), text_of(q, "destination", "?"),
	    text_of(q, "model", "?"));
	put(out, "", "%s", words);
	if (json_get_string(q, "proxy") != NULL)
		put(out, "", "through the proxy %s, which sees the text",
		    json_get_string(q, "proxy"));
	put(out, "why", "%s", text_of(q, "why", "no reason given"));
	question_words_size(q, words, sizeof words);
	put(out, "sends", "%s", words);
	print_found(out, q);
	question_words_price(q, words, sizeof words);
	put(out, "cost", "%s", words);
	put(out, "digest", "%s", text_of(q, "digest", "?"));
	put(out, "later", "%s",
	    text_of(q, "revoke_hint",
		    "take a permission back with: hither consent revoke GRANT"));
}

void question_print_body(FILE *out, const cJSON *q, bool original)
{
	const char *text = json_get_string(q, original ? "original" : "body");

	fprintf(out, "--- %s ---\n",
		original ? "the original, unmasked" : "exactly these bytes would be sent");
	cli_print_safe(out, span_of(text != NULL ? text : "(there is no unmasked version)"));
	fputs("\n--- end ---\n", out);
}

/* --- the answer --- */

int question_reply(struct cli *cli, const cJSON *q, bool approve, const char *scope,
		   const char *until, const char *mode, const char *reason, cJSON **ret)
{
	char path[128];
	struct json_where where;
	struct cli_reply reply;
	struct buf body;
	enum err e;
	int code = CLI_OK;

	buf_init(&body, 1 << 16);
	buf_add_char(&body, '{');
	json_put_key_cstr(&body, "nonce", text_of(q, "nonce", ""));
	json_put_key_cstr(&body, "digest", text_of(q, "digest", ""));
	json_put_key_cstr(&body, "decision", approve ? "approve" : "deny");
	if (scope != NULL)
		json_put_key_cstr(&body, "scope", scope);
	if (until != NULL)
		json_put_key_cstr(&body, "until", until);
	if (mode != NULL)
		json_put_key_cstr(&body, "mode", mode);
	if (reason != NULL)
		json_put_key_cstr(&body, "reason", reason);
	buf_add_char(&body, '}');
	snprintf(path, sizeof path, "/hither/v1/consents/%s", text_of(q, "id", ""));
	e = cli_call(cli,
		     &(struct cli_request){ .socket = CLI_SOCKET_CONSENT,
					    .method = "POST",
					    .path = path,
					    .body = buf_span(&body),
					    .timeout_ms = CLI_ANSWER_MS },
		     &reply);
	if (e != ERR_OK)
		code = cli_call_failed(cli, e);
	else if (reply.status != 200)
		code = cli_reply_failed(cli, &reply);
	else if (ret != NULL &&
		 json_parse(buf_span(&reply.body), &json_limits_api, ret, &where) != ERR_OK)
		*ret = NULL;
	cli_reply_free(&reply);
	buf_free(&body);
	return code;
}

static bool has(const cJSON *q, const char *list, const char *word)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json_get_array(q, list)) {
		if (cJSON_GetStringValue(item) != NULL &&
		    strcmp(cJSON_GetStringValue(item), word) == 0)
			return true;
	}
	return false;
}

static void print_choices(FILE *tty, const cJSON *q)
{
	bool masked = cJSON_GetArraySize(json_get_array(q, "masked")) > 0;

	fputs("  [k] keep it on this device (default)   [v] view exact text", tty);
	if (json_get_string(q, "original") != NULL)
		fputs("   [o] view the original", tty);
	fprintf(tty, "\n  [r] send %s, once", masked ? "masked" : "it");
	if (has(q, "scopes", "session"))
		fprintf(tty, "   [s] send %s, this session", masked ? "masked" : "it");
	if (has(q, "modes", "as_is") && json_get_string(q, "original") != NULL)
		fputs("   [a] send as it is, once", tty);
	fputs("\n  [n] never for this app   [?] why am I asked\n> ", tty);
	fflush(tty);
}

static enum question_answer sent(struct cli *cli, const cJSON *q, const char *scope,
				 const char *mode)
{
	return question_reply(cli, q, true, scope, NULL, mode, NULL, NULL) == CLI_OK
		       ? QUESTION_SEND
		       : QUESTION_GONE;
}

static enum question_answer kept(struct cli *cli, const cJSON *q, const char *scope)
{
	return question_reply(cli, q, false, scope, NULL, NULL, NULL, NULL) == CLI_OK
		       ? QUESTION_KEEP
		       : QUESTION_GONE;
}

/*
 * One letter and Enter. Enter alone and the end of input keep it here; a letter that is not
 * offered asks again. Nothing is sent without a letter that says so.
 */
static enum question_answer converse(struct cli *cli, FILE *tty, const cJSON *q)
{
	const char *mode = has(q, "modes", "redacted") ? "redacted" : "as_is";
	char line[64];

	question_print(cli, tty, q);
	for (;;) {
		print_choices(tty, q);
		if (fgets(line, sizeof line, tty) == NULL)
			return kept(cli, q, "once");
		if (line[0] != '\n' && line[1] != '\n') {
			fputs("  one letter, please\n", tty);
			continue;
		}
		switch (line[0]) {
		case '\n':
		case 'k':
			return kept(cli, q, "once");
		case 'n':
			return kept(cli, q, "always");
		case 'v':
			question_print_body(tty, q, false);
			break;
		case 'o':
			question_print_body(tty, q, true);
			break;
		case 'r':
			return sent(cli, q, "once", mode);
		case 's':
			if (has(q, "scopes", "session"))
				return sent(cli, q, "session", mode);
			break;
		case 'a':
			if (has(q, "modes", "as_is") && json_get_string(q, "original") != NULL)
				return sent(cli, q, "once", "as_is");
			break;
		default:
			fputs("  the policy asks before this may leave; what is sent is what "
			      "[v] shows,\n"
			      "  and nothing is sent unless you choose r, s or a\n",
			      tty);
		}
	}
}

enum question_answer question_ask_inline(struct cli *cli, const char *id)
{
	enum question_answer answer = QUESTION_GONE;
	int code;
	FILE *tty = fopen("/dev/tty", "r+e");
	cJSON *q;

	if (tty == NULL)
		return QUESTION_GONE;
	q = question_fetch(cli, id, &code);
	if (q != NULL)
		answer = converse(cli, tty, q);
	cJSON_Delete(q);
	fclose(tty);
	return answer;
}
