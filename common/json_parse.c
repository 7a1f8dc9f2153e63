/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to tree: the gate first, then one pass that builds cJSON's nodes. cJSON's own
 * parser is not used: it goes through every string twice, byte by byte, knows no comments and
 * cuts long numbers. Nothing here checks anything: it runs on what the gate let through, so
 * every quote, bracket and escape is where it must be. unit/json_tree holds it against cJSON.
 *
 * Invariants
 *   1. A node is linked to the tree before it is filled: whatever fails, one cJSON_Delete()
 *      gives everything back, where it is not an arena's.
 *   2. b->open[0..depth) are the containers that b->p stands in.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/json.h"
#include "common/json_impl.h"

#define EXACT_DIGITS 15 /* every integer of 15 digits is a double */

struct building {
	struct arena *nodes, *texts; /* NULL: cJSON's allocator, and cJSON_Delete() */
	const char *p, *end;
	cJSON *root, *open[JSON_DEPTH_CAP];
	uint32_t depth;
};

static void skip_space(struct building *b)
{
	while (b->p < b->end) {
		if (*b->p == ' ' || *b->p == '\n' || *b->p == '\r' || *b->p == '\t') {
			b->p++;
		} else if (*b->p != '/') {
			return;
		} else if (b->p[1] == '/') {
			const char *newline = memchr(b->p, '\n', (size_t)(b->end - b->p));

			b->p = newline != NULL ? newline + 1 : b->end;
		} else {
			b->p = (const char *)memmem(b->p + 2, (size_t)(b->end - b->p - 2), "*/",
						    2) +
			       2;
		}
	}
}

/* The closing quote of the string whose inside starts at p. */
static const char *string_end(const char *p, const char *end, bool *ret_escapes)
{
	*ret_escapes = false;
	for (;;) {
		p = json_skip_plain(p, end);
		if (*p == '"')
			return p;
		if (*p == '\\') {
			*ret_escapes = true;
			p++;
		}
		p++;
	}
}

static char *unescape(const char *p, const char *end, char *out)
{
	while (p < end) {
		const char *run = p;

		while (p < end && *p != '\\')
			p++;
		memcpy(out, run, (size_t)(p - run));
		out += p - run;
		if (p < end)
			out += json_unescape(&p, end, out);
	}
	return out;
}

/* NUL-terminated, in `a` or for cJSON to free; b->p stands on the opening quote. NULL: memory.
 */
static char *read_string(struct building *b, struct arena *a)
{
	bool escapes;
	const char *start = b->p + 1, *close = string_end(start, b->end, &escapes);
	size_t len = (size_t)(close - start);
	size_t room = len + 4; /* json_unescape writes up to 4 at once */
	char *text = a != NULL ? arena_alloc(a, room) : cJSON_malloc(room);

	b->p = close + 1;
	if (text == NULL)
		return NULL;
	if (escapes) {
		*unescape(start, close, text) = '\0';
	} else {
		memcpy(text, start, len);
		text[len] = '\0';
	}
	return text;
}

/* strtod() wants a NUL behind the number. */
static bool slow_number(struct span number, double *ret)
{
	char local[128], *heap = NULL, *copy = local;

	if (number.len >= sizeof local)
		copy = heap = malloc(number.len + 1);
	if (copy == NULL)
		return false;
	memcpy(copy, number.ptr, number.len);
	copy[number.len] = '\0';
	*ret = strtod(copy, NULL);
	free(heap);
	return true;
}

static bool read_number(struct building *b, cJSON *node)
{
	const char *start = b->p, *p = start + (*start == '-');
	int64_t n = 0;

	while (p < b->end && *p >= '0' && *p <= '9' && p - start <= EXACT_DIGITS)
		n = n * 10 + (*p++ - '0');
	bool whole = p == b->end || memchr("+-.0123456789eE", *p, 15) == NULL;
	node->valuedouble = *start == '-' ? -(double)n : (double)n;
	if (!whole) {
		while (p < b->end && memchr("+-.0123456789eE", *p, 15) != NULL)
			p++;
		if (!slow_number((struct span){ start, (size_t)(p - start) },
				 &node->valuedouble))
			return false;
	}
	b->p = p;
	node->type = cJSON_Number;
	node->valueint = node->valuedouble >= INT_MAX   ? INT_MAX
			 : node->valuedouble <= INT_MIN ? INT_MIN
							: (int)node->valuedouble;
	return true;
}

static bool read_value(struct building *b, cJSON *node)
{
	switch (*b->p) {
	case '{':
	case '[':
		node->type = *b->p++ == '{' ? cJSON_Object : cJSON_Array;
		b->open[b->depth++] = node;
		return true;
	case '"':
		node->type = cJSON_String;
		node->valuestring = read_string(b, b->texts);
		return node->valuestring != NULL;
	case 't':
		node->type = cJSON_True;
		node->valueint = 1;
		b->p += 4;
		return true;
	case 'f':
		node->type = cJSON_False;
		b->p += 5;
		return true;
	case 'n':
		node->type = cJSON_NULL;
		b->p += 4;
		return true;
	default:
		return read_number(b, node);
	}
}

/* cJSON keeps the last child in the first one's `prev`. */
static cJSON *add_node(struct building *b)
{
	cJSON *node = b->nodes != NULL ? arena_alloc(b->nodes, sizeof *node)
				       : cJSON_malloc(sizeof *node);

	if (node == NULL)
		return NULL;
	memset(node, 0, sizeof *node);
	if (b->depth == 0) {
		b->root = node;
		return node;
	}
	cJSON *parent = b->open[b->depth - 1];
	if (parent->child == NULL) {
		parent->child = node->prev = node;
	} else {
		node->prev = parent->child->prev;
		node->prev->next = node;
		parent->child->prev = node;
	}
	return node;
}

/* A value, with its key when it stands in an object. */
static bool read_member(struct building *b)
{
	bool in_object = b->depth > 0 && b->open[b->depth - 1]->type == cJSON_Object;
	cJSON *node = add_node(b);

	if (node == NULL)
		return false;
	if (in_object) {
		node->string = read_string(b, b->nodes);
		if (node->string == NULL)
			return false;
		skip_space(b);
		b->p++; /* ':' */
		skip_space(b);
	}
	return read_value(b, node);
}

static bool build(struct building *b)
{
	skip_space(b);
	if (!read_member(b))
		return false;
	while (b->depth > 0) {
		skip_space(b);
		if (*b->p == ',') {
			b->p++;
		} else if (*b->p == '}' || *b->p == ']') {
			b->p++;
			b->depth--;
		} else if (!read_member(b)) {
			return false;
		}
	}
	return true;
}

static enum err parse(struct span text, const struct json_limits *limits, struct arena *nodes,
		      struct arena *texts, cJSON **ret, struct json_where *reterr)
{
	enum err e = json_check(text, limits, reterr);
	struct building b;

	if (e != ERR_OK)
		return e;
	b.nodes = nodes;
	b.texts = texts;
	/* Field by field: the array is most of the struct. */
	b.p = text.ptr;
	b.end = text.ptr + text.len;
	b.root = NULL;
	b.depth = 0;
	if (fault_here() || !build(&b)) {
		if (b.root != NULL && nodes == NULL)
			cJSON_Delete(b.root);
		*reterr = (struct json_where){ 0, 1, 1, "out of memory", "" };
		return ERR_NO_MEMORY;
	}
	*ret = b.root;
	return ERR_OK;
}

enum err json_parse(struct span text, const struct json_limits *limits, cJSON **ret,
		    struct json_where *reterr)
{
	return parse(text, limits, NULL, NULL, ret, reterr);
}

enum err json_parse_in(struct span text, const struct json_limits *limits, struct arena *nodes,
		       struct arena *texts, const cJSON **ret, struct json_where *reterr)
{
	cJSON *tree = NULL;
	enum err e = parse(text, limits, nodes, texts, &tree, reterr);

	*ret = tree;
	return e;
}
