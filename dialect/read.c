/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every client dialect's reader stands on: one problem per body, copies into the arena,
 * and the refusal of fields that try to say where a request goes or with which credentials.
 *
 * That refusal is by name, at any depth, whatever the case and the separators ("api_base",
 * "apiBase", "API-BASE"). One place is exempt: the keys of a JSON Schema's map of properties
 * are the author's own words (a tool may well have a parameter called "organization"), so
 * there such a name passes when its value is a schema, that is an object or a boolean.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "dialect/impl.h"

/* 100,000 values (json_limits_api), and keys of as many bytes as a body can have. */
#define NODES_BYTES ((size_t)64 << 20)

static void problem_set(struct chat_problem *p, int status, const char *code, const char *param)
{
	*p = (struct chat_problem){ .status = status };
	snprintf(p->code, sizeof p->code, "%s", code);
	snprintf(p->param, sizeof p->param, "%s", param != NULL ? param : "");
}

bool reading_fail(struct reading *r, const char *code, const char *param, const char *format,
		  ...)
{
	va_list args;

	if (r->problem->status != 0)
		return false;
	problem_set(r->problem, 400, code, param);
	va_start(args, format);
	vsnprintf(r->problem->message, sizeof r->problem->message, format, args);
	va_end(args);
	return false;
}

bool reading_fail_memory(struct reading *r)
{
	if (r->problem->status == 0) {
		problem_set(r->problem, 413, "request_too_large", NULL);
		snprintf(
			r->problem->message, sizeof r->problem->message,
			"The request needs more memory than one request may use. Send fewer or "
			"shorter messages.");
	}
	r->no_memory = true;
	return false;
}

bool reading_fail_type(struct reading *r, const char *param, const char *expected)
{
	return reading_fail(r, "invalid_type", param, "'%s' must be %s.", param, expected);
}

bool reading_copy(struct reading *r, struct span text, struct span *ret)
{
	*ret = (struct span){ NULL, 0 };
	if (text.len == 0)
		return true;
	*ret = arena_span(r->arena, text);
	return ret->ptr != NULL || reading_fail_memory(r);
}

struct span reading_keep(const char *valuestring)
{
	struct span text = span_of(valuestring);

	return text.len > 0 ? text : (struct span){ NULL, 0 };
}

bool reading_copy_tree(struct reading *r, const cJSON *tree, struct span *ret)
{
	struct buf text;
	bool ok;

	buf_init(&text, SIZE_MAX);
	json_put_tree(&text, tree);
	ok = text.failed ? reading_fail_memory(r) : reading_copy(r, buf_span(&text), ret);
	buf_free(&text);
	return ok;
}

void reading_path(char out[CHAT_PARAM_BYTES], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out, CHAT_PARAM_BYTES, format, args);
	va_end(args);
}

/* Without printf(): each message has such a path, whether it is needed or not. */
void reading_item(char out[CHAT_PARAM_BYTES], const char *list, uint32_t i)
{
	char digits[12];
	size_t at = sizeof digits, len = strlen(list);

	digits[--at] = '\0';
	digits[--at] = ']';
	do {
		digits[--at] = (char)('0' + i % 10);
		i /= 10;
	} while (i > 0 && at > 1);
	digits[--at] = '[';
	if (len > CHAT_PARAM_BYTES - sizeof digits)
		len = CHAT_PARAM_BYTES - sizeof digits;
	memcpy(out, list, len);
	memcpy(out + len, digits + at, sizeof digits - at);
}

const cJSON *reading_get(const cJSON *obj, const char *key)
{
	const cJSON *value = json_get(obj, key);

	return value != NULL && (value->type & 0xff) == cJSON_NULL ? NULL : value;
}

bool reading_is_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c >= 0x80 || !(isalnum(c) || c == '_' || c == '-'))
			return false;
	}
	return s.len >= 1 && s.len <= CHAT_MAX_NAME_BYTES;
}

bool reading_is_base64(struct span s)
{
	size_t pads = 0;

	if (s.len == 0 || s.len % 4 != 0)
		return false;
	while (pads < 2 && s.ptr[s.len - 1 - pads] == '=')
		pads++;
	for (size_t i = 0; i < s.len - pads; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c >= 0x80 || !(isalnum(c) || c == '+' || c == '/'))
			return false;
	}
	return true;
}

bool reading_is_media_type(struct span s)
{
	size_t slashes = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c == '/' && i > 0 && i + 1 < s.len)
			slashes++;
		else if (c >= 0x80 || !(isalnum(c) || c == '-' || c == '+' || c == '.'))
			return false;
	}
	return slashes == 1 && s.len <= 80;
}

bool reading_data_url(struct span url, struct span *ret_type, struct span *ret_data)
{
	static const char marker[] = ";base64,";

	if (!span_starts(url, "data:"))
		return false;
	struct span rest = { url.ptr + 5, url.len - 5 };
	size_t head_max = rest.len < 128 ? rest.len : 128;
	const char *at = memmem(rest.ptr, head_max, marker, sizeof marker - 1);
	if (at == NULL)
		return false;
	*ret_type = (struct span){ rest.ptr, (size_t)(at - rest.ptr) };
	at += sizeof marker - 1;
	*ret_data = (struct span){ at, (size_t)(rest.ptr + rest.len - at) };
	return reading_is_media_type(*ret_type) && reading_is_base64(*ret_data);
}

/* --- fields nobody may send ---------------------------------------------------------- */

/* Lower case, without '_', '-', '.' and ' '; sorted. Their first letters are REFUSED_FIRST. */
static const char *const refused[] = {
	"accesstoken",
	"apibase",
	"apihost",
	"apikey",
	"apitoken",
	"apitype",
	"apiurl",
	"apiversion",
	"authorization",
	"authtoken",
	"awsaccesskeyid",
	"awsbedrockruntimeendpoint",
	"awssecretaccesskey",
	"awssessiontoken",
	"azureadtoken",
	"azureendpoint",
	"baseurl",
	"bearertoken",
	"clientsecret",
	"customllmprovider",
	"defaultheaders",
	"extrabody",
	"extraheaders",
	"extraquery",
	"fallbacks",
	"headers",
	"httpproxy",
	"httpsproxy",
	"litellmparams",
	"openaiapibase",
	"openaiapikey",
	"openaiorganization",
	"organization",
	"organizationid",
	"proxies",
	"proxy",
	"proxyurl",
	"vertexcredentials",
	"vertexproject",
};

#define REFUSED_FIRST "abcdefhlopv"

static bool is_separator(char c)
{
	return c == '_' || c == '-' || c == '.' || c == ' ';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_refused(const char *key)
{
	char folded[32];
	size_t n = 0;

	while (is_separator(*key))
		key++;
	if (*key == '\0' || strchr(REFUSED_FIRST, lower(*key)) == NULL)
		return false;
	for (; *key != '\0'; key++) {
		if (is_separator(*key))
			continue;
		if (n == sizeof folded - 1)
			return false;
		folded[n++] = lower(*key);
	}
	folded[n] = '\0';
	for (size_t i = 0; i < LEN(refused) && refused[i][0] <= folded[0]; i++)
		if (refused[i][0] == folded[0] && strcmp(folded, refused[i]) == 0)
			return true;
	return false;
}

/* What stands under it is a JSON Schema. */
static bool is_schema(const char *key)
{
	switch (key != NULL ? key[0] : '\0') {
	case 'p':
		return strcmp(key, "parameters") == 0;
	case 's':
		return strcmp(key, "schema") == 0;
	case 'i':
		return strcmp(key, "input_schema") == 0;
	default:
		return false;
	}
}

static bool is_property_map(const char *key)
{
	return key != NULL && (strcmp(key, "properties") == 0 || strcmp(key, "$defs") == 0 ||
			       strcmp(key, "definitions") == 0);
}

/*
 * `names_are_words`: the keys of `tree` are names that the author of a schema chose. Depth is
 * bounded by the gate.
 */
static bool refuse_in(struct reading *r, const cJSON *tree, bool in_schema,
		      bool names_are_words)
{
	const bool object = cJSON_IsObject(tree);
	const cJSON *i;

	cJSON_ArrayForEach (i, tree) {
		const char *key = object ? i->string : NULL;
		bool word = names_are_words && (cJSON_IsObject(i) || cJSON_IsBool(i));

		if (key != NULL && !word && is_refused(key))
			return reading_fail(r, "refused_parameter", key,
					    "'%s' is refused: where a request goes and with "
					    "which credentials is set by the policy alone.",
					    key);
		bool schema = in_schema || is_schema(key);
		bool words = in_schema && !names_are_words && cJSON_IsObject(i) &&
			     is_property_map(key);
		if (i->child != NULL && !refuse_in(r, i, schema, words))
			return false;
	}
	return true;
}

const cJSON *reading_parse(struct reading *r, struct span body)
{
	struct json_where where;
	const cJSON *tree = NULL;
	enum err e;

	r->nodes = arena_new("body", NODES_BYTES);
	if (r->nodes == NULL) {
		reading_fail_memory(r);
		return NULL;
	}
	e = json_parse_in(body, &json_limits_api, r->nodes, r->arena, &tree, &where);
	if (e == ERR_NO_MEMORY) {
		reading_fail_memory(r);
		return NULL;
	}
	if (e != ERR_OK) {
		reading_fail(r, "invalid_json", NULL,
			     "The body is not JSON that can be accepted: %s%s%s, line %u, "
			     "column %u.",
			     where.problem, where.detail[0] != '\0' ? " " : "", where.detail,
			     where.line, where.column);
		return NULL;
	}
	if (!cJSON_IsObject(tree)) {
		reading_fail(r, "invalid_type", NULL, "The body must be a JSON object.");
		return NULL;
	}
	return refuse_in(r, tree, false, false) ? tree : NULL;
}

void reading_done(struct reading *r)
{
	arena_free(r->nodes);
	r->nodes = NULL;
}
