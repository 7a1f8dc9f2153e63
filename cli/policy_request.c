/* SPDX-License-Identifier: Apache-2.0 */
/* Options of `hither policy explain` into a request: each becomes an attribute of the JSON form
 * and is read by the policy library, so that both say no to the same things. */
#include "cli/policy_stack.h"

#include <stdlib.h>

const struct cli_option policy_request_options[] = {
	{ 0, "app", "ID", "who asks" },
	{ 0, "identity", "LEVEL", "anonymous, claimed, socket or attested" },
	{ 0, "user", "NAME", "the person" },
	{ 0, "group", "NAME", "a group of the person; may be repeated" },
	{ 0, "task", "TASK", "chat, summarize, code.fix, …" },
	{ 0, "data", "CATEGORY",
	  "a category found, or none; may be repeated. Unknown when absent" },
	{ 0, "score", "0..1", "difficulty" },
	{ 0, "confidence", "0..1", "of the score" },
	{ 0, "tokens", "N", "input tokens" },
	{ 0, "modality", "KIND", "text, image, audio; may be repeated" },
	{ 0, "interactive", "true|false", "a person is waiting" },
	{ 0, "tools", "true|false", "the request declares tools" },
	{ 0, "time", "TIME", "local time, such as 2026-11-18T23:15" },
	{ 0, "network", "STATE", "offline, metered or unmetered" },
	{ 0, "power", "STATE", "ac or battery" },
	{ 0, "battery", "PERCENT", "charge left" },
	{ 0, "thermal", "STATE", "nominal, fair, serious or critical" },
	{ 0, "locked", "true|false", "the screen is locked" },
	{ 0, "vpn", "true|false", "the corporate network is up" },
	{ 0, "max-tier", "TIER", "the application's own limit" },
	{ 0, "verdict", "DESTINATION", "exit 0 for allow, 7 for ask, 5 for deny there" },
	{ 0, "state-dir", "DIR", "where the ledger lies, for a past decision" },
	POLICY_FOLDER_OPTIONS,
};

enum shape { SHAPE_TEXT, SHAPE_LIST, SHAPE_LITERAL };

static const struct attribute {
	const char *option, *key;
	enum shape shape;
	bool of_device;
} attributes[] = {
	{ "app", "app", SHAPE_TEXT, false },
	{ "identity", "identity", SHAPE_TEXT, false },
	{ "user", "user", SHAPE_TEXT, false },
	{ "group", "groups", SHAPE_LIST, false },
	{ "task", "task", SHAPE_TEXT, false },
	{ "data", "data", SHAPE_LIST, false },
	{ "score", "score", SHAPE_LITERAL, false },
	{ "confidence", "confidence", SHAPE_LITERAL, false },
	{ "tokens", "input_tokens", SHAPE_LITERAL, false },
	{ "modality", "modality", SHAPE_LIST, false },
	{ "interactive", "interactive", SHAPE_LITERAL, false },
	{ "tools", "tools", SHAPE_LITERAL, false },
	{ "time", "time", SHAPE_TEXT, false },
	{ "network", "network", SHAPE_TEXT, true },
	{ "power", "power", SHAPE_TEXT, true },
	{ "battery", "battery_pct", SHAPE_LITERAL, true },
	{ "thermal", "thermal", SHAPE_TEXT, true },
	{ "locked", "locked", SHAPE_LITERAL, true },
	{ "vpn", "vpn", SHAPE_LITERAL, true },
};

/* "a,b" counts as two; "none" as nothing. */
static void put_list(struct cli *cli, const char *option, struct buf *out)
{
	bool first = true;

	buf_add_char(out, '[');
	for (unsigned i = 0; cli_option_nth(cli, option, i) != NULL; i++) {
		const char *p = cli_option_nth(cli, option, i);

		while (*p != '\0' && strcmp(p, "none") != 0) {
			size_t n = strcspn(p, ",");

			if (!first)
				buf_add_char(out, ',');
			first = false;
			json_put_string(out, (struct span){ p, n });
			p += n + (p[n] == ',');
		}
	}
	buf_add_char(out, ']');
}

static void put_attribute(struct cli *cli, const struct attribute *a, struct buf *out)
{
	const char *value = cli_option(cli, a->option);

	if (value == NULL)
		return;
	json_put_key(out, a->key);
	if (a->shape == SHAPE_LIST)
		put_list(cli, a->option, out);
	else if (a->shape == SHAPE_LITERAL || strcmp(value, "null") == 0)
		buf_add_str(out, value);
	else
		json_put_string(out, span_of(value));
}

static void put_request(struct cli *cli, struct buf *out)
{
	const char *limit = cli_option(cli, "max-tier");

	buf_add_char(out, '{');
	for (size_t i = 0; i < LEN(attributes); i++) {
		if (!attributes[i].of_device)
			put_attribute(cli, &attributes[i], out);
	}
	json_put_key(out, "device");
	buf_add_char(out, '{');
	for (size_t i = 0; i < LEN(attributes); i++) {
		if (attributes[i].of_device)
			put_attribute(cli, &attributes[i], out);
	}
	buf_add_char(out, '}');
	if (limit != NULL) {
		json_put_key(out, "app_restrict");
		buf_add_char(out, '{');
		json_put_key_cstr(out, "max_tier", limit);
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

int policy_request_given(struct cli *cli, struct arena *arena, struct policy_request *ret)
{
	struct policy_error error;
	struct json_where where;
	struct buf text, message;
	cJSON *tree = NULL;
	int code = CLI_OK;

	policy_request_base(ret);
	buf_init(&text, 1u << 20);
	buf_init(&message, 4096);
	put_request(cli, &text);
	if (json_parse(buf_span(&text), &json_limits_api, &tree, &where) != ERR_OK) {
		code = cli_usage(cli, "an option does not hold what it should: %s",
				 where.problem);
	} else if (policy_request_apply(ret, tree, arena, &error) != ERR_OK) {
		policy_error_print(&error, &message);
		code = cli_usage(cli, "%s", buf_cstr(&message));
	}
	cJSON_Delete(tree);
	buf_free(&text);
	buf_free(&message);
	return code;
}
