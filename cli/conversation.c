/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/conversation.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/json.h"

#define FILE_BYTES_MAX (32u << 20)
#define SCHEMA         "hither.conversation/1"

void conversation_add(struct conversation *c, bool by_person, struct span text)
{
	if (c->n == c->cap) {
		c->cap = c->cap * 2 + 16;
		c->turns = realloc(c->turns, c->cap * sizeof *c->turns);
		if (c->turns == NULL)
			abort();
	}
	char *copy = malloc(text.len + 1);

	if (copy == NULL)
		abort();
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	c->turns[c->n++] = (struct conversation_turn){ by_person, copy };
}

void conversation_drop_last(struct conversation *c)
{
	if (c->n > 0)
		free(c->turns[--c->n].text);
}

void conversation_clear(struct conversation *c)
{
	while (c->n > 0)
		conversation_drop_last(c);
	free(c->turns);
	memset(c, 0, sizeof *c);
}

const char *conversation_last(const struct conversation *c, bool by_person)
{
	for (size_t i = c->n; i > 0; i--)
		if (c->turns[i - 1].by_person == by_person)
			return c->turns[i - 1].text;
	return NULL;
}

void conversation_write(const struct conversation *c, struct buf *out)
{
	for (size_t i = 0; i < c->n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_char(out, '{');
		json_put_key_cstr(out, "role", c->turns[i].by_person ? "user" : "assistant");
		json_put_key_cstr(out, "content", c->turns[i].text);
		buf_add_char(out, '}');
	}
}

static bool read_turns(struct conversation *c, const cJSON *list)
{
	const cJSON *one;

	cJSON_ArrayForEach (one, list) {
		const char *role = json_get_string(one, "role");
		const char *text = json_get_string(one, "content");

		if (role == NULL || text == NULL)
			return false;
		conversation_add(c, strcmp(role, "user") == 0, span_of(text));
	}
	return true;
}

enum err conversation_load(struct conversation *c, const char *path)
{
	struct conversation fresh = { 0 };
	struct json_where where;
	cJSON *tree = NULL;
	const char *schema;
	struct buf text;
	enum err e;

	buf_init(&text, FILE_BYTES_MAX);
	e = file_read_secret(path, FILE_BYTES_MAX, &text);
	if (e == ERR_OK)
		e = json_parse(buf_span(&text), &json_limits_file, &tree, &where);
	schema = json_get_string(tree, "schema");
	if (e == ERR_OK && (schema == NULL || strcmp(schema, SCHEMA) != 0 ||
			    !read_turns(&fresh, json_get_array(tree, "messages"))))
		e = ERR_SYNTAX;
	if (e == ERR_OK) {
		conversation_clear(c);
		*c = fresh;
	} else {
		conversation_clear(&fresh);
	}
	cJSON_Delete(tree);
	buf_free(&text);
	return e;
}

enum err conversation_save(const struct conversation *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[1024];
	struct buf text;
	enum err e = ERR_OK;

	if (slash != NULL && slash != path) {
		if (!span_copy((struct span){ path, (size_t)(slash - path) }, folder,
			       sizeof folder))
			return ERR_TOO_BIG;
		e = file_mkdirs(folder, 0700);
	}
	if (e != ERR_OK)
		return e;
	buf_init(&text, FILE_BYTES_MAX);
	buf_add_str(&text, "{\"schema\":\"" SCHEMA "\",\"messages\":[");
	conversation_write(c, &text);
	buf_add_str(&text, "]}\n");
	e = text.failed ? ERR_TOO_BIG : file_write(path, buf_span(&text), 0600);
	buf_free(&text);
	return e;
}
