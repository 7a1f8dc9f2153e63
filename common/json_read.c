/* SPDX-License-Identifier: Apache-2.0 */
/* Case-sensitive getters on cJSON trees, and the one reader of string escapes. */
#include <math.h>
#include <string.h>

#include "common/json.h"
#include "common/json_impl.h"
#include "common/text.h"

/* Four hex digits at p; -1 otherwise. */
static int32_t hex4(const char *p, const char *end)
{
	uint8_t bytes[2];

	if (end - p < 4 || text_unhex((struct span){ p, 4 }, bytes, 2) != ERR_OK)
		return -1;
	return bytes[0] << 8 | bytes[1];
}

static size_t put_utf8(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* "\uXXXX", or the surrogate pair that spells one character; p stands on the backslash. */
static size_t unescape_unicode(const char **p, const char *end, char out[4])
{
	int32_t c = hex4(*p + 2, end);

	if (c < 0 || (c >= 0xdc00 && c <= 0xdfff))
		return 0;
	if (c < 0xd800 || c > 0xdbff) {
		*p += 6;
		return put_utf8((uint32_t)c, out);
	}
	const char *second = *p + 6;
	if (end - second < 6 || second[0] != '\\' || second[1] != 'u')
		return 0;
	int32_t low = hex4(second + 2, end);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*p += 12;
	return put_utf8(0x10000u + ((uint32_t)(c - 0xd800) << 10) + (uint32_t)(low - 0xdc00),
			out);
}

size_t json_unescape(const char **p, const char *end, char out[4])
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";

	if (**p != '\\') {
		out[0] = *(*p)++;
		return 1;
	}
	if (end - *p < 2)
		return 0;
	char c = (*p)[1];
	if (c == 'u')
		return unescape_unicode(p, end, out);
	const char *at = c != '\0' ? strchr(names, c) : NULL;
	if (at == NULL)
		return 0;
	out[0] = values[at - names];
	*p += 2;
	return 1;
}

/* cJSON's own questions are calls into a library, and a body is asked for forty keys. */
static bool is(const cJSON *v, int type)
{
	return v != NULL && (v->type & 0xff) == type;
}

const cJSON *json_get(const cJSON *obj, const char *key)
{
	if (!is(obj, cJSON_Object))
		return NULL;
	for (const cJSON *i = obj->child; i != NULL; i = i->next) {
		/* Most differ in the first byte. */
		if (i->string != NULL && i->string[0] == key[0] && strcmp(i->string, key) == 0)
			return i;
	}
	return NULL;
}

const cJSON *json_get_object(const cJSON *obj, const char *key)
{
	const cJSON *v = json_get(obj, key);

	return cJSON_IsObject(v) ? v : NULL;
}

const cJSON *json_get_array(const cJSON *obj, const char *key)
{
	const cJSON *v = json_get(obj, key);

	return cJSON_IsArray(v) ? v : NULL;
}

const char *json_get_string(const cJSON *obj, const char *key)
{
	const cJSON *v = json_get(obj, key);

	return is(v, cJSON_String) ? v->valuestring : NULL;
}

const char *json_text_or(const cJSON *obj, const char *key, const char *otherwise)
{
	const char *text = json_get_string(obj, key);

	return text != NULL && text[0] != '\0' ? text : otherwise;
}

bool json_get_bool(const cJSON *obj, const char *key, bool *ret)
{
	const cJSON *v = json_get(obj, key);

	if (!cJSON_IsBool(v))
		return false;
	*ret = cJSON_IsTrue(v) != 0;
	return true;
}

bool json_get_number(const cJSON *obj, const char *key, double *ret)
{
	const cJSON *v = json_get(obj, key);

	if (!cJSON_IsNumber(v))
		return false;
	*ret = v->valuedouble;
	return true;
}

bool json_get_int(const cJSON *obj, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	double v;

	if (!json_get_number(obj, key, &v))
		return false;
	if (!(v >= -0x1p63 && v < 0x1p63) || v != floor(v))
		return false;
	int64_t n = (int64_t)v;
	if (n < min || n > max)
		return false;
	*ret = n;
	return true;
}
