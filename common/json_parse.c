/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to tree: the gate first, then cJSON. cJSON knows no comments and cuts numbers
 * longer than its own buffer, so a text with either is rewritten in a private copy. Nothing
 * here checks anything: it runs on what the gate let through.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/json.h"
#include "common/json_impl.h"

/* Past the string that starts at p; the text has passed the gate. */
static char *past_string(char *p)
{
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
	}
	return p + 1;
}

/* Spaces over the comment at p; returns what follows. */
static char *blank_comment(char *p, char *end)
{
	bool line = p[1] == '/';
	char *close = line ? memchr(p, '\n', (size_t)(end - p))
			   : memmem(p + 2, (size_t)(end - p - 2), "*/", 2);
	char *stop = close == NULL ? end : close + (line ? 0 : 2);

	memset(p, ' ', (size_t)(stop - p));
	return stop;
}

/* The number at p in at most JSON_CJSON_NUMBER_MAX bytes, padded with spaces. */
static char *shorten_number(char *p, char *end)
{
	char *stop = p;

	while (stop < end && strchr("+-.0123456789eE", *stop) != NULL)
		stop++;
	size_t len = (size_t)(stop - p);
	if (len > JSON_CJSON_NUMBER_MAX) {
		char held = *stop, text[JSON_CJSON_NUMBER_MAX + 1];

		*stop = '\0'; /* the copy has one byte more than the text */
		int n = snprintf(text, sizeof text, "%.17g", strtod(p, NULL));
		*stop = held;
		memset(p, ' ', len);
		memcpy(p, text, (size_t)n);
	}
	return stop;
}

/* What cJSON cannot read is made readable: comments become spaces, long numbers shorter. */
static void rewrite(char *p, char *end)
{
	while (p < end) {
		if (*p == '"')
			p = past_string(p);
		else if (*p == '/')
			p = blank_comment(p, end);
		else if (*p == '-' || (*p >= '0' && *p <= '9'))
			p = shorten_number(p, end);
		else
			p++;
	}
}

static enum err parse_copy(struct span text, cJSON **ret)
{
	char *copy = fault_here() ? NULL : malloc(text.len + 1);

	if (copy == NULL)
		return ERR_NO_MEMORY;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	rewrite(copy, copy + text.len);
	cJSON *tree = cJSON_ParseWithLength(copy, text.len);
	free(copy);
	if (tree == NULL)
		return ERR_NO_MEMORY;
	*ret = tree;
	return ERR_OK;
}

enum err json_parse(struct span text, const struct json_limits *limits, cJSON **ret,
		    struct json_where *reterr)
{
	bool needs_copy;
	enum err e = json_gate(text, limits, &needs_copy, reterr);

	if (e != ERR_OK)
		return e;
	if (needs_copy) {
		e = parse_copy(text, ret);
	} else {
		/* What passed the gate can only fail for want of memory. */
		cJSON *tree = fault_here() ? NULL : cJSON_ParseWithLength(text.ptr, text.len);

		e = tree != NULL ? ERR_OK : ERR_NO_MEMORY;
		if (tree != NULL)
			*ret = tree;
	}
	if (e != ERR_OK)
		*reterr = (struct json_where){ 0, 1, 1, "out of memory", "" };
	return e;
}
