/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text on struct buf, compact. Failure shows in the buffer's sticky flag only. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/json_impl.h"
#include "common/text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void put_escape(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"':
		buf_add_str(b, "\\\"");
		break;
	case '\\':
		buf_add_str(b, "\\\\");
		break;
	case '\b':
		buf_add_str(b, "\\b");
		break;
	case '\f':
		buf_add_str(b, "\\f");
		break;
	case '\n':
		buf_add_str(b, "\\n");
		break;
	case '\r':
		buf_add_str(b, "\\r");
		break;
	case '\t':
		buf_add_str(b, "\\t");
		break;
	default:
		buf_printf(b, "\\u%04x", c);
		break;
	}
}

void json_put_escaped(struct buf *b, struct span text)
{
	if (text.len == 0)
		return;
	size_t i = 0, run = 0; /* text[run..i) is copied as it is */

	for (;;) {
		i = (size_t)(json_skip_plain(text.ptr + i, text.ptr + text.len) - text.ptr);
		if (i == text.len)
			break;
		unsigned char c = (unsigned char)text.ptr[i];
		size_t n = 1;

		if (c >= 0x80)
			n = text_utf8_first((struct span){ text.ptr + i, text.len - i });
		if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
			i += n;
			continue;
		}
		buf_add(b, (struct span){ text.ptr + run, i - run });
		if (n == 0)
			buf_add_str(b, REPLACEMENT);
		else
			put_escape(b, c);
		run = ++i;
	}
	if (run < i)
		buf_add(b, (struct span){ text.ptr + run, i - run });
}

/* Most need no escape, and take their room once. False: this one does. */
static bool put_plain(struct buf *b, struct span text)
{
	char *to;

	if (text.len > 0 &&
	    json_skip_plain(text.ptr, text.ptr + text.len) != text.ptr + text.len)
		return false;
	to = buf_room(b, text.len + 2);
	if (to == NULL)
		return true;
	to[0] = '"';
	if (text.len > 0)
		memcpy(to + 1, text.ptr, text.len);
	to[text.len + 1] = '"';
	b->len += text.len + 2;
	return true;
}

void json_put_string(struct buf *b, struct span text)
{
	if (put_plain(b, text))
		return;
	buf_add_char(b, '"');
	json_put_escaped(b, text);
	buf_add_char(b, '"');
}

void json_put_key(struct buf *b, const char *key)
{
	if (b->len > 0 && b->ptr[b->len - 1] != '{')
		buf_add_char(b, ',');
	json_put_string(b, span_of(key));
	buf_add_char(b, ':');
}

void json_put_key_string(struct buf *b, const char *key, struct span text)
{
	json_put_key(b, key);
	json_put_string(b, text);
}

void json_put_key_cstr(struct buf *b, const char *key, const char *text)
{
	json_put_key(b, key);
	if (text == NULL)
		buf_add_str(b, "null");
	else
		json_put_string(b, span_of(text));
}

void json_put_key_i64(struct buf *b, const char *key, int64_t n)
{
	json_put_key(b, key);
	buf_add_i64(b, n);
}

void json_put_key_bool(struct buf *b, const char *key, bool v)
{
	json_put_key(b, key);
	buf_add_str(b, v ? "true" : "false");
}

/* JSON has no infinity and no NaN: both become null, as in JavaScript's JSON.stringify. */
static void put_number(struct buf *b, double v)
{
	char text[40];

	if (!isfinite(v)) {
		buf_add_str(b, "null");
		return;
	}
	if (v == floor(v) && fabs(v) <= 0x1p53 && !(v == 0 && signbit(v))) {
		buf_add_i64(b, (int64_t)v);
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof text, "%.*g", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	char *comma = strchr(text, ','); /* a locale's decimal point */
	if (comma != NULL)
		*comma = '.';
	buf_add_str(b, text);
}

void json_put_key_number(struct buf *b, const char *key, double v)
{
	json_put_key(b, key);
	put_number(b, v);
}

static void put_children(struct buf *b, const cJSON *tree, bool object)
{
	buf_add_char(b, object ? '{' : '[');
	for (const cJSON *i = tree->child; i != NULL && !b->failed; i = i->next) {
		if (i != tree->child)
			buf_add_char(b, ',');
		if (object) {
			json_put_string(b, span_of(i->string));
			buf_add_char(b, ':');
		}
		json_put_tree(b, i);
	}
	buf_add_char(b, object ? '}' : ']');
}

void json_put_tree(struct buf *b, const cJSON *tree)
{
	if (cJSON_IsObject(tree))
		put_children(b, tree, true);
	else if (cJSON_IsArray(tree))
		put_children(b, tree, false);
	else if (cJSON_IsString(tree))
		json_put_string(b, span_of(tree->valuestring));
	else if (cJSON_IsNumber(tree))
		put_number(b, tree->valuedouble);
	else if (cJSON_IsBool(tree))
		buf_add_str(b, cJSON_IsTrue(tree) ? "true" : "false");
	else if (cJSON_IsRaw(tree))
		buf_add_str(b, tree->valuestring);
	else
		buf_add_str(b, "null");
}
