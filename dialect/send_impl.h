/* SPDX-License-Identifier: Apache-2.0 */
/* What writers of upstream bodies share. */
#ifndef HITHER_DIALECT_SEND_IMPL_H
#define HITHER_DIALECT_SEND_IMPL_H

#include "dialect/impl.h"

/* A comma before all but the first of a list. */
static inline void send_next(struct buf *b, bool *first)
{
	if (!*first)
		buf_add_char(b, ',');
	*first = false;
}

/* ,"key":["a","b"]; nothing when there are none. */
static inline void send_texts(struct buf *b, const char *key, const struct span *texts,
			      uint32_t n)
{
	if (n == 0)
		return;
	json_put_key(b, key);
	buf_add_char(b, '[');
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		json_put_string(b, texts[i]);
	}
	buf_add_char(b, ']');
}

/* "name", "description" and, as `key`, the schema of a tool; `any` stands for one without. */
static inline void send_tool(struct buf *b, const struct chat_tool *t, const char *key,
			     const char *any)
{
	json_put_key_string(b, "name", t->name);
	if (t->description.len > 0)
		json_put_key_string(b, "description", t->description);
	json_put_key(b, key);
	if (t->schema.len > 0)
		buf_add(b, t->schema);
	else
		buf_add_str(b, any);
}

/* May this name stand in a path as one segment, and mean nothing else there? */
static inline bool send_path_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789-_.");

	return n > 0 && name[n] == '\0' && strstr(name, "..") == NULL && strcmp(name, ".") != 0;
}

/* Penalties that do something: dialects without them cannot honour them. */
static inline bool send_has_penalties(const struct chat *c)
{
	return (c->has_frequency_penalty && c->frequency_penalty != 0) ||
	       (c->has_presence_penalty && c->presence_penalty != 0);
}

#endif
