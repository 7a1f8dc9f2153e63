/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate against the parser behind it: in what the gate lets through, no other reader could
 * find something else. cJSON, called by itself, accepts it too; no object has two members of
 * one name; no string ends at a NUL; no number is infinite; nothing is deeper than allowed.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* How many strings of the text, names and values, and how many bytes they have as written. */
struct strings {
	size_t count, bytes;
};

static void walk(const cJSON *v, unsigned depth, struct strings *io)
{
	must(depth <= json_limits_api.max_depth);
	if (cJSON_IsNumber(v))
		must(isfinite(v->valuedouble));
	if (cJSON_IsString(v)) {
		io->count++;
		io->bytes += strlen(v->valuestring);
	}
	for (const cJSON *m = v->child; m != NULL; m = m->next) {
		if (cJSON_IsObject(v)) {
			io->count++;
			io->bytes += strlen(m->string);
			for (const cJSON *other = m->next; other != NULL; other = other->next)
				must(strcmp(m->string, other->string) != 0);
		}
		walk(m, depth + 1, io);
	}
}

/* The same, counted in the text itself: an escape is one character, \u of a UTF-8 length. */
static struct strings count(struct span text)
{
	struct strings s = { 0, 0 };
	bool inside = false;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"') {
			s.count += inside;
			inside = !inside;
		} else if (inside && text.ptr[i] == '\\') {
			char digits[5] = "";

			if (text.ptr[++i] != 'u') {
				s.bytes++;
				continue;
			}
			memcpy(digits, text.ptr + i + 1, 4);
			unsigned long unit = strtoul(digits, NULL, 16);
			i += 4;
			/* Each half of a pair stands for two of its four bytes. */
			s.bytes += unit < 0x80                 ? 1
				   : unit < 0x800              ? 2
				   : (unit & 0xf800) == 0xd800 ? 2
							       : 3;
		} else if (inside) {
			s.bytes++;
		}
	}
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct json_where at = { 0 };
	struct strings found = { 0, 0 };
	const char *end = NULL;

	if (json_check(text, &json_limits_api, &at) != ERR_OK)
		return 0;
	cJSON *tree = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, false);

	must(tree != NULL);
	for (; end < text.ptr + text.len; end++)
		must(strchr(" \t\r\n", *end) != NULL && *end != '\0');
	walk(tree, 1, &found);
	struct strings written = count(text);
	must(found.count == written.count && found.bytes == written.bytes);
	cJSON_Delete(tree);
	return 0;
}
