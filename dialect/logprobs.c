/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token probabilities as OpenAI's chat shows them (document 2.3.0, ChatCompletionTokenLogprob).
 * What an engine or a provider sent is read and written anew: known fields, finite numbers, as
 * many alternatives as were asked for.
 */
#include <math.h>

#include "dialect/reply_impl.h"

#define LEAST (-9999.0) /* what OpenAI writes for a token that is all but impossible */

static void put_bytes(const cJSON *list, struct buf *out)
{
	const cJSON *v;
	const char *comma = "";

	json_put_key(out, "bytes");
	if (!cJSON_IsArray(list)) {
		buf_add_str(out, "null");
		return;
	}
	buf_add_char(out, '[');
	cJSON_ArrayForEach (v, list) {
		double n = cJSON_IsNumber(v) ? v->valuedouble : -1;

		buf_printf(out, "%s%d", comma, n >= 0 && n <= 255 ? (int)n : 0);
		comma = ",";
	}
	buf_add_char(out, ']');
}

/* One token without its closing brace. */
static bool open_token(const cJSON *t, struct buf *out)
{
	const char *text = json_get_string(t, "token");
	double p;

	if (text == NULL || !json_get_number(t, "logprob", &p))
		return false;
	buf_add_char(out, '{');
	json_put_key_cstr(out, "token", text);
	json_put_key_number(out, "logprob", isfinite(p) && p > LEAST ? (p < 0 ? p : 0) : LEAST);
	put_bytes(json_get_array(t, "bytes"), out);
	return true;
}

static bool put_token(const cJSON *t, uint32_t top, struct buf *out)
{
	const cJSON *other;
	uint32_t n = 0;

	if (!open_token(t, out))
		return false;
	buf_add_str(out, ",\"top_logprobs\":[");
	cJSON_ArrayForEach (other, json_get_array(t, "top_logprobs")) {
		if (n == top)
			break;
		if (n++ > 0)
			buf_add_char(out, ',');
		if (!open_token(other, out))
			return false;
		buf_add_char(out, '}');
	}
	buf_add_str(out, "]}");
	return true;
}

bool logprobs_put(struct span raw, uint32_t top, struct buf *out)
{
	struct json_where where;
	const size_t before = out->len;
	cJSON *tree = NULL;
	const cJSON *t;
	bool ok = json_parse(raw, &json_limits_api, &tree, &where) == ERR_OK &&
		  cJSON_IsArray(tree) && cJSON_GetArraySize(tree) > 0;
	const char *comma = "";

	if (ok) {
		cJSON_ArrayForEach (t, tree) {
			buf_add_str(out, comma);
			comma = ",";
			ok = ok && put_token(t, top, out);
		}
	}
	cJSON_Delete(tree);
	if (!ok && !out->failed)
		out->len = before;
	return ok && !out->failed;
}
