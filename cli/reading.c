/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table says what members are called for a person; everything else follows the shape of the
 * JSON. Top level: instructions, then turns, then tools, then what is left ("Settings").
 * Inside, objects and lists are gone through in their order.
 */
#include "cli/reading.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"

#define LINES_FIRST 64
#define AHEAD_MAX   4096 /* lines that were left out in one place */

struct reader {
	struct arena *arena;
	struct reading *out;
	size_t cap;
	enum err e;
};

/* ---- lines ---- */

static void line(struct reader *r, enum reading_kind kind, const char *label, struct span text)
{
	struct reading *o = r->out;

	if (r->e == ERR_OK && o->count == r->cap) {
		size_t cap = r->cap > 0 ? r->cap * 2 : LINES_FIRST;
		struct reading_line *more = arena_array(r->arena, cap, sizeof *more);

		if (more != NULL && o->count > 0)
			memcpy(more, o->lines, o->count * sizeof *more);
		r->e = more != NULL ? ERR_OK : ERR_NO_MEMORY;
		if (more != NULL) {
			o->lines = more;
			r->cap = cap;
		}
	}
	if (r->e != ERR_OK)
		return;
	o->lines[o->count] =
		(struct reading_line){ kind, arena_strdup(r->arena, span_of(label)),
				       arena_span(r->arena, text) };
	if (o->lines[o->count].label == NULL ||
	    (text.len > 0 && o->lines[o->count].text.ptr == NULL))
		r->e = ERR_NO_MEMORY;
	else
		o->count++;
}

/* Everything but strings as JSON. */
static void value_line(struct reader *r, enum reading_kind kind, const char *label,
		       const cJSON *v)
{
	struct buf b;

	if (cJSON_IsString(v)) {
		line(r, kind, label, span_of(v->valuestring));
		return;
	}
	buf_init(&b, SIZE_MAX);
	json_put_tree(&b, v);
	if (b.failed)
		r->e = ERR_NO_MEMORY;
	line(r, kind, label, buf_span(&b));
	buf_free(&b);
}

/* ---- attachments ---- */

static bool is_base64(struct span s)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

	for (size_t i = 0; i < s.len; i++)
		if (memchr(alphabet, s.ptr[i], sizeof alphabet - 1) == NULL)
			return false;
	return s.len > 64;
}

/* Says what a string that is data and not text is; false: it is text. */
static bool put_data(struct reader *r, const char *key, struct span s)
{
	const char *comma = memchr(s.ptr, ',', s.len < 200 ? s.len : 200);
	bool is_url = span_starts(s, "data:") && comma != NULL;
	size_t type_len = is_url ? strcspn(s.ptr + 5, ";,") : 0;
	struct span data =
		is_url ? (struct span){ comma + 1, s.len - (size_t)(comma + 1 - s.ptr) } : s;
	char text[160];

	if (!is_base64(data) || (!is_url && strcmp(key, "data") != 0 &&
				 strcmp(key, "file_data") != 0 && strcmp(key, "images") != 0))
		return false;
	snprintf(text, sizeof text, "%.*s%s%.1f KB, not shown",
		 (int)(type_len < 80 ? type_len : 80), is_url ? s.ptr + 5 : "",
		 type_len > 0 ? ", " : "", (double)data.len * 0.75 / 1000);
	line(r, READING_FACT, "attached", span_of(text));
	return true;
}

/* ---- members ---- */

enum style {
	STYLE_INSIDE, /* gone into without a word of its own */
	STYLE_TEXT,
	STYLE_FACT,
	STYLE_JSON, /* as one text, gone into no further */
	STYLE_WORD, /* part of the heading already */
};

static const struct member {
	const char *key, *label;
	enum style style;
} members[] = {
	{ "role", "", STYLE_WORD },
	{ "type", "", STYLE_WORD },
	{ "content", "", STYLE_INSIDE },
	{ "parts", "", STYLE_INSIDE },
	{ "text", "", STYLE_TEXT },
	{ "output", "", STYLE_INSIDE },
	{ "refusal", "declines", STYLE_TEXT },
	{ "thinking", "thinks", STYLE_TEXT },
	{ "reasoning_content", "thinks", STYLE_TEXT },
	{ "signature", "signed", STYLE_FACT },
	{ "tool_calls", "", STYLE_INSIDE },
	{ "function", "", STYLE_INSIDE },
	{ "functionCall", "", STYLE_INSIDE },
	{ "functionResponse", "", STYLE_INSIDE },
	{ "functionDeclarations", "", STYLE_INSIDE },
	{ "arguments", "with", STYLE_JSON },
	{ "args", "with", STYLE_JSON },
	{ "input", "with", STYLE_JSON },
	{ "response", "", STYLE_JSON },
	{ "description", "description", STYLE_TEXT },
	{ "parameters", "takes", STYLE_JSON },
	{ "parametersJsonSchema", "takes", STYLE_JSON },
	{ "input_schema", "takes", STYLE_JSON },
	{ "image_url", "", STYLE_INSIDE },
	{ "source", "", STYLE_INSIDE },
	{ "file", "", STYLE_INSIDE },
	{ "input_audio", "", STYLE_INSIDE },
	{ "inlineData", "", STYLE_INSIDE },
	{ "images", "", STYLE_INSIDE },
	{ "filename", "file name", STYLE_FACT },
	{ "file_name", "file name", STYLE_FACT },
	{ "title", "title", STYLE_FACT },
	{ "media_type", "kind of file", STYLE_FACT },
	{ "mimeType", "kind of file", STYLE_FACT },
};

static const struct member *member_of(const char *key)
{
	for (size_t i = 0; i < LEN(members); i++)
		if (strcmp(members[i].key, key) == 0)
			return &members[i];
	return NULL;
}

static void go_inside(struct reader *r, const char *key, const cJSON *v);

static void one_member(struct reader *r, const cJSON *v)
{
	const struct member *m = member_of(v->string);
	enum style style = m != NULL ? m->style : STYLE_FACT;
	const char *label = m != NULL ? m->label : v->string;

	if (cJSON_IsNull(v) || (style == STYLE_WORD && cJSON_IsString(v)))
		return;
	if (cJSON_IsString(v) && put_data(r, v->string, span_of(v->valuestring)))
		return;
	if (style == STYLE_INSIDE)
		go_inside(r, v->string, v);
	else if (style == STYLE_FACT)
		value_line(r, READING_FACT, label, v);
	else
		value_line(r, READING_TEXT, label, v);
}

/* Depth is bounded by the gate (64). */
static void go_inside(struct reader *r, const char *key, const cJSON *v)
{
	const cJSON *child;

	if (cJSON_IsString(v)) {
		if (!put_data(r, key, span_of(v->valuestring)))
			line(r, READING_TEXT, "", span_of(v->valuestring));
		return;
	}
	if (!cJSON_IsObject(v) && !cJSON_IsArray(v)) {
		value_line(r, READING_FACT, key, v);
		return;
	}
	cJSON_ArrayForEach (child, v) {
		if (cJSON_IsObject(v))
			one_member(r, child);
		else
			go_inside(r, key, child);
	}
}

/* ---- the whole ---- */

static const char *who_says(const cJSON *turn)
{
	static const char *const words[][2] = {
		{ "system", "Instructions (system)" },
		{ "developer", "Instructions (developer)" },
		{ "user", "You or your program (user)" },
		{ "assistant", "The model, earlier (assistant)" },
		{ "model", "The model, earlier (model)" },
		{ "tool", "Result of a tool (tool)" },
		{ "function", "Result of a tool (function)" },
		{ "function_call", "The model, earlier, calls a tool" },
		{ "function_call_output", "Result of a tool" },
		{ "reasoning", "The model, earlier, thinks" },
	};
	const char *role = json_get_string(turn, "role");

	if (role == NULL)
		role = json_get_string(turn, "type");
	for (size_t i = 0; role != NULL && i < LEN(words); i++)
		if (strcmp(role, words[i][0]) == 0)
			return words[i][1];
	return role != NULL ? role : "Somebody not named";
}

static bool is_one_of(const char *key, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static const char *const instructions[] = { "system", "instructions", "systemInstruction" };
static const char *const turns[] = { "messages", "input", "contents" };
static const char *const tools[] = { "tools" };

static void put_turns(struct reader *r, const cJSON *list)
{
	const cJSON *turn;

	if (!cJSON_IsArray(list)) {
		line(r, READING_TURN, "You or your program (user)", (struct span){ "", 0 });
		go_inside(r, list->string, list);
		return;
	}
	cJSON_ArrayForEach (turn, list) {
		line(r, READING_TURN, who_says(turn), (struct span){ "", 0 });
		go_inside(r, list->string, turn);
	}
}

static void put_tools(struct reader *r, const cJSON *list)
{
	const cJSON *tool, *declared;

	cJSON_ArrayForEach (tool, list) {
		declared = json_get_array(tool, "functionDeclarations");
		if (declared != NULL && tool->child == declared && declared->next == NULL) {
			put_tools(r, declared);
			continue;
		}
		line(r, READING_TURN, "A tool that the model may call", (struct span){ "", 0 });
		go_inside(r, "tools", tool);
	}
}

static void put_root(struct reader *r, const cJSON *root)
{
	const cJSON *v;

	cJSON_ArrayForEach (v, root) {
		if (is_one_of(v->string, instructions, LEN(instructions))) {
			line(r, READING_TURN, "Instructions (system)", (struct span){ "", 0 });
			go_inside(r, v->string, v);
		}
	}
	cJSON_ArrayForEach (v, root)
		if (is_one_of(v->string, turns, LEN(turns)))
			put_turns(r, v);
	cJSON_ArrayForEach (v, root)
		if (is_one_of(v->string, tools, LEN(tools)))
			put_tools(r, v);
	line(r, READING_TURN, "Settings", (struct span){ "", 0 });
	cJSON_ArrayForEach (v, root)
		if (!is_one_of(v->string, instructions, LEN(instructions)) &&
		    !is_one_of(v->string, turns, LEN(turns)) &&
		    !is_one_of(v->string, tools, LEN(tools)))
			value_line(r, READING_FACT, v->string, v);
}

enum err reading_of(struct span body, struct arena *a, struct reading *ret)
{
	struct json_where where;
	cJSON *root = NULL;
	struct reader r = { .arena = a, .out = ret };
	enum err e = json_parse(body, &json_limits_api, &root, &where);

	*ret = (struct reading){ NULL, 0 };
	if (e == ERR_OK && !cJSON_IsObject(root))
		e = ERR_SYNTAX;
	if (e == ERR_OK) {
		put_root(&r, root);
		e = r.e;
	}
	cJSON_Delete(root);
	return e;
}

/* ---- side by side ---- */

static bool belong_together(const struct reading_line *a, const struct reading_line *b)
{
	return a->kind == b->kind && strcmp(a->label, b->label) == 0;
}

/* Masking changes texts, and stripping leaves lines out: what is sent is, line by line, part of
 * what there was. */
enum err reading_beside(const struct reading *sent, const struct reading *original,
			struct arena *a, struct reading_pairs *ret)
{
	struct reading_pair *p = arena_array(a, sent->count + original->count + 1, sizeof *p);
	size_t n = 0, next = 0;

	if (p == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < sent->count; i++) {
		size_t k = next;

		while (k < original->count && k < next + AHEAD_MAX &&
		       !belong_together(&sent->lines[i], &original->lines[k]))
			k++;
		if (k == original->count || k == next + AHEAD_MAX) {
			p[n++] = (struct reading_pair){ &sent->lines[i], NULL };
			continue;
		}
		while (next < k)
			p[n++] = (struct reading_pair){ NULL, &original->lines[next++] };
		p[n++] = (struct reading_pair){ &sent->lines[i], &original->lines[next++] };
	}
	while (next < original->count)
		p[n++] = (struct reading_pair){ NULL, &original->lines[next++] };
	*ret = (struct reading_pairs){ p, n };
	return ERR_OK;
}

size_t reading_placeholder(struct span t)
{
	size_t n = 1, digits;

	if (t.len < 5 || t.ptr[0] != '[')
		return 0;
	while (n < t.len && ((t.ptr[n] >= 'A' && t.ptr[n] <= 'Z') || t.ptr[n] == '_' ||
			     (t.ptr[n] >= '0' && t.ptr[n] <= '9')))
		n++;
	if (n == 1 || n >= t.len || t.ptr[n] != '-')
		return 0;
	digits = ++n;
	while (n < t.len && t.ptr[n] >= '0' && t.ptr[n] <= '9')
		n++;
	return n > digits && n < t.len && t.ptr[n] == ']' ? n + 1 : 0;
}
