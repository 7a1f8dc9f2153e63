/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the page says to the daemon. The calls wait for the reply: the daemon is on this machine
 * and answers from memory, and there is one person at the page.
 */
#include <stdio.h>
#include <string.h>

#include "cli/web.h"

#define DAEMON_TIMEOUT_MS 10000

cJSON *web_fetch(struct web *w, const char *id)
{
	char path[64];

	snprintf(path, sizeof path, "/hither/v1/consents/%s", id);
	return cli_fetch(w->cli, CLI_SOCKET_CONSENT, path, DAEMON_TIMEOUT_MS);
}

static void copy_text(char *out, size_t bytes, const char *text)
{
	snprintf(out, bytes, "%s", text != NULL ? text : "");
}

static void read_reply(struct span body, struct web_reply *ret)
{
	struct json_where where;
	cJSON *tree = NULL;
	const cJSON *error;

	if (json_parse(body, &json_limits_api, &tree, &where) != ERR_OK)
		tree = NULL;
	error = json_get_object(tree, "error");
	copy_text(ret->message, sizeof ret->message,
		  json_get_string(error != NULL ? error : tree, "message"));
	copy_text(ret->outcome, sizeof ret->outcome,
		  error != NULL ? json_get_string(error, "code")
				: json_get_string(tree, "outcome"));
	copy_text(ret->permission, sizeof ret->permission, json_get_string(tree, "grant"));
	cJSON_Delete(tree);
}

void web_answer(struct web *w, const char *id, const struct web_words *words,
		struct web_reply *ret)
{
	const struct {
		const char *key, *value;
	} fields[] = {
		{ "nonce", words->nonce },   { "digest", words->digest },
		{ "scope", words->scope },   { "decision", words->decision },
		{ "until", words->until },   { "mode", words->mode },
		{ "reason", words->reason },
	};
	struct cli_reply reply;
	struct buf body;
	char path[64];

	memset(ret, 0, sizeof *ret);
	buf_init(&body, 1 << 16);
	buf_add_char(&body, '{');
	for (size_t i = 0; i < LEN(fields); i++)
		if (fields[i].value != NULL)
			json_put_key_cstr(&body, fields[i].key, fields[i].value);
	buf_add_char(&body, '}');
	snprintf(path, sizeof path, "/hither/v1/consents/%s", id);
	if (cli_call(w->cli,
		     &(struct cli_request){ .socket = CLI_SOCKET_CONSENT,
					    .method = "POST",
					    .path = path,
					    .body = buf_span(&body),
					    .timeout_ms = CLI_ANSWER_MS },
		     &reply) == ERR_OK) {
		ret->status = reply.status;
		read_reply(buf_span(&reply.body), ret);
	} else {
		copy_text(ret->message, sizeof ret->message,
			  "The daemon did not answer, so nothing was decided here.");
	}
	cli_reply_free(&reply);
	buf_free(&body);
}

void web_answer_unseen(struct web *w, const char *id, const char *decision,
		       struct web_reply *ret)
{
	cJSON *q = web_fetch(w, id);

	memset(ret, 0, sizeof *ret);
	if (json_get_string(q, "nonce") != NULL)
		web_answer(w, id,
			   &(struct web_words){ .nonce = json_get_string(q, "nonce"),
						.digest = json_get_string(q, "digest"),
						.decision = decision,
						.scope = "once" },
			   ret);
	cJSON_Delete(q);
}
