/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema's tree is walked once; every schema in it becomes one rule, numbered, and a
 * reference to a schema that has its rule already is that rule's number, which is how
 * recursion comes about. A rule is written after the rules it is made of, on one line.
 *
 *   schema_visit -> by_reference, by_literals, by_alternatives, by_types
 *   by_types     -> base rules, schema_scalars.c, schema_groups.c
 *
 * At the end two things are looked for that the engine would fail at or never finish: rules
 * that begin with themselves, and rules that no finite text satisfies.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dialect/schema_impl.h"

/* RFC 8259; a surrogate stands in a pair, which is one `char`; space is bounded: small models
 * fill the rest of the answer with it otherwise. */
#define BASE_RULES                                                                             \
	"value ::= object | array | string | number | \"true\" | \"false\" | \"null\"\n"       \
	"object ::= \"{\" ws (member (\",\" ws member)*)? \"}\"\n"                             \
	"member ::= string \":\" ws value ws\n"                                                \
	"array ::= \"[\" ws (value ws (\",\" ws value ws)*)? \"]\"\n"                          \
	"string ::= \"\\\"\" char* \"\\\"\"\n"                                                 \
	"char ::= [^\"\\\\\\x00-\\x1F] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" unit)\n"             \
	"unit ::= [0-9a-cA-CefEF] hex{3} | [dD] [0-7] hex{2} | [dD] [89abAB] hex{2} "          \
	"\"\\\\u\" "                                                                           \
	"[dD] [c-fC-F] hex{2}\n"                                                               \
	"hex ::= [0-9a-fA-F]\n"                                                                \
	"number ::= \"-\"? (\"0\" | [1-9] [0-9]{0,15}) (\".\" [0-9]{1,15})? ([eE] [-+]? "      \
	"[0-9]{1,2})?\n"                                                                       \
	"ws ::= | \" \" | \"\\n\" [ ]{0,20}\n"

const char schema_grammar_object[] = "root ::= object\n" BASE_RULES;

static const char more_rules[] = BASE_RULES "integer ::= \"-\"? (\"0\" | [1-9] [0-9]{0,14})\n"
					    "boolean ::= \"true\" | \"false\"\n"
					    "null ::= \"null\"\n";

static const char *const base_names[RULE_OWN] = {
	[RULE_VALUE] = "value",     [RULE_OBJECT] = "object",   [RULE_ARRAY] = "array",
	[RULE_STRING] = "string",   [RULE_INTEGER] = "integer", [RULE_NUMBER] = "number",
	[RULE_BOOLEAN] = "boolean", [RULE_NULL] = "null",       [RULE_CHAR] = "char",
};

#define REFERENCE_BYTES 256
#define COMPARE_WORK    20000

/* ---------------------------------------------------------------- refusing */

static bool fail(struct schema_run *s, enum err e, const char *keyword, const char *why)
{
	const char *at = s->path;
	size_t len = s->path_len;

	if (s->failed != ERR_OK)
		return false;
	s->failed = e;
	if (len >= sizeof s->why->at) {
		at += len - (sizeof s->why->at - 1);
		while (((unsigned char)*at & 0xC0) == 0x80)
			at++;
	}
	memcpy(s->why->at, at, strlen(at) + 1);
	span_copy(span_of(keyword), s->why->keyword, sizeof s->why->keyword);
	snprintf(s->why->why, sizeof s->why->why, "%s", why);
	return false;
}

bool schema_refuse(struct schema_run *s, const char *keyword, const char *why)
{
	return fail(s, ERR_UNSUPPORTED, keyword, why);
}

bool schema_too_big(struct schema_run *s)
{
	return fail(s, ERR_TOO_BIG, "", "The schema is too large.");
}

void schema_push(struct schema_run *s, const char *name, size_t *ret_before)
{
	size_t len = strlen(name);

	*ret_before = s->path_len;
	if (s->path_len + 1 + len >= sizeof s->path)
		return;
	s->path[s->path_len++] = '/';
	memcpy(s->path + s->path_len, name, len + 1);
	s->path_len += len;
}

void schema_pop(struct schema_run *s, size_t before)
{
	s->path_len = before;
	s->path[before] = '\0';
}

/* ---------------------------------------------------------------- rules */

uint32_t schema_rule(struct schema_run *s, const cJSON *schema, bool any, uint32_t max_kids)
{
	if (s->failed == ERR_OK && s->n_nodes == SCHEMA_GRAMMAR_RULES)
		schema_too_big(s);
	if (s->failed != ERR_OK)
		return RULE_NONE;
	struct rule_node *n = &s->nodes[s->n_nodes];

	*n = (struct rule_node){ .schema = schema, .any = any };
	if (max_kids > 0) {
		n->kids = arena_array(s->arena, max_kids, sizeof *n->kids);
		if (n->kids == NULL) {
			s->failed = ERR_NO_MEMORY;
			return RULE_NONE;
		}
	}
	return RULE_OWN + s->n_nodes++;
}

void schema_kid(struct schema_run *s, uint32_t rule, uint32_t kid)
{
	struct rule_node *n = &s->nodes[rule - RULE_OWN];

	n->kids[n->n_kids++] = kid;
}

void schema_put_rule(struct buf *b, uint32_t rule)
{
	if (rule < RULE_OWN)
		buf_add_str(b, base_names[rule]);
	else
		buf_printf(b, "r%u", (unsigned)(rule - RULE_OWN));
}

void schema_open_rule(struct schema_run *s, uint32_t rule)
{
	schema_put_rule(&s->out, rule);
	buf_add_str(&s->out, " ::= ");
}

void schema_put_literal(struct buf *b, struct span text)
{
	buf_add_char(b, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, text.ptr[i]);
	}
	buf_add_char(b, '"');
}

/* llama.cpp writes a repetition out, and takes fewer than 2000 times at once; in pieces that
 * are told apart by their length the same text is never read in two ways. */
#define PIECE 500

static uint32_t piece_of(struct schema_run *s, uint32_t what)
{
	uint32_t rule = schema_rule(s, NULL, false, 1);

	if (rule == RULE_NONE)
		return RULE_NONE;
	schema_kid(s, rule, what);
	schema_open_rule(s, rule);
	schema_put_rule(&s->out, what);
	buf_printf(&s->out, "{%u}\n", PIECE);
	return rule;
}

static uint32_t repeat_short(struct schema_run *s, uint32_t what, uint32_t min, uint32_t max)
{
	uint32_t rule = schema_rule(s, NULL, false, 1);

	if (rule == RULE_NONE)
		return RULE_NONE;
	if (min > 0)
		schema_kid(s, rule, what);
	schema_open_rule(s, rule);
	schema_put_rule(&s->out, what);
	if (max == UINT32_MAX)
		buf_printf(&s->out, "{%u,}\n", (unsigned)min);
	else
		buf_printf(&s->out, "{%u,%u}\n", (unsigned)min, (unsigned)max);
	return rule;
}

uint32_t schema_repeat(struct schema_run *s, uint32_t what, uint32_t min, uint32_t max)
{
	uint32_t piece = RULE_NONE, rest, rule;
	uint32_t pieces = max == UINT32_MAX ? min / PIECE : (max - 1) / PIECE;

	if (max == 0 || pieces == 0)
		return repeat_short(s, what, min, max);
	uint32_t whole = pieces * PIECE;
	uint32_t last_min = min > whole ? min - whole : 0;

	piece = piece_of(s, what);
	rest = repeat_short(s, what, last_min, max == UINT32_MAX ? max : max - whole);
	/* From the last piece to the first: so many more, or the end before this one is full.
	 */
	for (uint32_t i = pieces; i-- > 0;) {
		uint32_t left_min = min > i * PIECE ? min - i * PIECE : 0;

		rule = schema_rule(s, NULL, false, 1);
		if (rule == RULE_NONE || rest == RULE_NONE || piece == RULE_NONE)
			return RULE_NONE;
		if (left_min > 0)
			schema_kid(s, rule, what);
		schema_open_rule(s, rule);
		schema_put_rule(&s->out, piece);
		buf_add_char(&s->out, ' ');
		schema_put_rule(&s->out, rest);
		if (left_min < PIECE) {
			buf_add_str(&s->out, " | ");
			schema_put_rule(&s->out, what);
			buf_printf(&s->out, "{%u,%u}", (unsigned)left_min, PIECE - 1);
		}
		buf_add_char(&s->out, '\n');
		rest = rule;
	}
	return rest;
}

/* ---------------------------------------------------------------- references */

const cJSON *schema_target(const struct schema_run *s, const char *ref)
{
	const cJSON *at = s->root;
	char token[REFERENCE_BYTES];

	if (*ref++ != '#')
		return NULL;
	while (*ref == '/' && at != NULL) {
		size_t n = 0;

		for (ref++; *ref != '\0' && *ref != '/'; ref++) {
			if (n + 1 == sizeof token || *ref == '%')
				return NULL;
			token[n++] = *ref;
			if (*ref == '~') { /* RFC 6901 section 4 */
				ref++;
				if (*ref != '0' && *ref != '1')
					return NULL;
				token[n - 1] = *ref == '0' ? '~' : '/';
			}
		}
		token[n] = '\0';
		if (cJSON_IsArray(at) && n > 0 && n < 6 && strspn(token, "0123456789") == n)
			at = cJSON_GetArrayItem(at, atoi(token));
		else
			at = json_get(at, token);
	}
	return *ref == '\0' ? at : NULL;
}

static uint32_t by_reference(struct schema_run *s, const cJSON *schema)
{
	const char *ref = json_get_string(schema, "$ref");
	const cJSON *target = ref != NULL ? schema_target(s, ref) : NULL;

	if (!schema_alone(s, schema, "$ref", false))
		return RULE_NONE;
	if (target == NULL || target == schema) {
		schema_refuse(s, "$ref", "It must point at another place in this schema.");
		return RULE_NONE;
	}
	/* A rule of its own: what points at itself in a circle is found among those. */
	uint32_t rule = schema_rule(s, schema, true, 1);
	uint32_t other = rule != RULE_NONE ? schema_visit(s, target) : RULE_NONE;
	if (other == RULE_NONE)
		return RULE_NONE;
	schema_kid(s, rule, other);
	schema_open_rule(s, rule);
	schema_put_rule(&s->out, other);
	buf_add_char(&s->out, '\n');
	return rule;
}

/* ---------------------------------------------------------------- enum, const */

static bool put_value(struct schema_run *s, const cJSON *value, bool *first)
{
	struct buf text;

	buf_init(&text, SCHEMA_GRAMMAR_BYTES);
	json_put_tree(&text, value);
	if (text.failed) {
		buf_free(&text);
		return schema_too_big(s);
	}
	if (!*first)
		buf_add_str(&s->out, " | ");
	*first = false;
	schema_put_literal(&s->out, buf_span(&text));
	buf_free(&text);
	return true;
}

static uint32_t by_literals(struct schema_run *s, const cJSON *schema, const char *keyword)
{
	const cJSON *values = json_get(schema, keyword);
	unsigned kinds = schema_stated_kinds(schema);
	bool one = strcmp(keyword, "const") == 0, first = true;

	if (!schema_alone(s, schema, keyword, true))
		return RULE_NONE;
	uint32_t rule = schema_rule(s, schema, false, 0);
	if (rule == RULE_NONE)
		return RULE_NONE;
	schema_open_rule(s, rule);
	if (!one && !cJSON_IsArray(values))
		schema_refuse(s, keyword, "It must be an array.");
	for (const cJSON *v = one ? values : values->child; v != NULL;
	     v = one ? NULL : v->next) {
		if ((kinds & schema_kind_of(v)) != 0 && !put_value(s, v, &first))
			return RULE_NONE;
	}
	buf_add_char(&s->out, '\n');
	if (first)
		schema_refuse(s, keyword, "None of its values has the type.");
	return s->failed == ERR_OK ? rule : RULE_NONE;
}

/* ---------------------------------------------------------------- anyOf, oneOf, allOf */

static bool exclusive(struct schema_run *s, const cJSON *list)
{
	for (const cJSON *a = list->child; a != NULL; a = a->next) {
		for (const cJSON *b = a->next; b != NULL; b = b->next) {
			if (!schema_apart(s, a, b))
				return schema_refuse(
					s, "oneOf",
					"Its schemas cannot be told apart by type, "
					"value or a required property; anyOf can "
					"be held.");
		}
	}
	return true;
}

/* rule ::= kid | kid ... */
static void put_alternatives(struct schema_run *s, uint32_t rule)
{
	const struct rule_node *node = &s->nodes[rule - RULE_OWN];

	schema_open_rule(s, rule);
	for (uint32_t i = 0; i < node->n_kids; i++) {
		if (i > 0)
			buf_add_str(&s->out, " | ");
		schema_put_rule(&s->out, node->kids[i]);
	}
	buf_add_char(&s->out, '\n');
}

static uint32_t by_alternatives(struct schema_run *s, const cJSON *schema, const char *keyword)
{
	const cJSON *list = json_get_array(schema, keyword);
	int n = cJSON_GetArraySize(list);
	size_t before;

	if (!schema_alone(s, schema, keyword, false))
		return RULE_NONE;
	if (n < 1 || (strcmp(keyword, "allOf") == 0 && n > 1)) {
		schema_refuse(s, keyword,
			      n < 1 ? "It must be an array of schemas."
				    : "Only one schema can stand in it.");
		return RULE_NONE;
	}
	if (strcmp(keyword, "oneOf") == 0 && !exclusive(s, list))
		return RULE_NONE;
	uint32_t rule = schema_rule(s, schema, true, (uint32_t)n);
	if (rule == RULE_NONE)
		return RULE_NONE;
	schema_push(s, keyword, &before);
	for (const cJSON *i = list->child; i != NULL; i = i->next) {
		uint32_t kid = schema_visit(s, i);

		if (kid == RULE_NONE)
			return RULE_NONE;
		schema_kid(s, rule, kid);
	}
	schema_pop(s, before);
	put_alternatives(s, rule);
	return rule;
}

/* ---------------------------------------------------------------- any schema */

static uint32_t by_kind(struct schema_run *s, const cJSON *schema, unsigned kind)
{
	switch (kind) {
	case KIND_NULL:
		return RULE_NULL;
	case KIND_BOOLEAN:
		return RULE_BOOLEAN;
	case KIND_INTEGER:
		return schema_number(s, schema, true);
	case KIND_NUMBER:
		return schema_number(s, schema, false);
	case KIND_STRING:
		return schema_string(s, schema);
	case KIND_ARRAY:
		return schema_array(s, schema);
	default:
		return schema_object(s, schema);
	}
}

/* The rule is taken first: what is inside may refer to it. */
static uint32_t by_types(struct schema_run *s, const cJSON *schema)
{
	static const unsigned order[] = { KIND_OBJECT,  KIND_ARRAY,   KIND_STRING, KIND_NUMBER,
					  KIND_INTEGER, KIND_BOOLEAN, KIND_NULL };
	unsigned kinds;

	if (!schema_words(s, schema, &kinds))
		return RULE_NONE;
	if (kinds == KIND_ALL)
		return RULE_VALUE;
	uint32_t rule = schema_rule(s, schema, true, LEN(order));
	if (rule == RULE_NONE)
		return RULE_NONE;
	for (unsigned i = 0; i < LEN(order); i++) {
		if ((kinds & order[i]) != order[i])
			continue;
		kinds &= ~order[i];
		uint32_t kid = by_kind(s, schema, order[i]);

		if (kid == RULE_NONE)
			return RULE_NONE;
		schema_kid(s, rule, kid);
	}
	put_alternatives(s, rule);
	return rule;
}

static uint32_t visit_new(struct schema_run *s, const cJSON *schema)
{
	static const char *const alternatives[] = { "anyOf", "oneOf", "allOf" };

	if (json_get(schema, "$ref") != NULL)
		return by_reference(s, schema);
	if (json_get(schema, "const") != NULL)
		return by_literals(s, schema, "const");
	if (json_get(schema, "enum") != NULL)
		return by_literals(s, schema, "enum");
	for (unsigned i = 0; i < LEN(alternatives); i++) {
		if (json_get(schema, alternatives[i]) != NULL)
			return by_alternatives(s, schema, alternatives[i]);
	}
	return by_types(s, schema);
}

uint32_t schema_visit(struct schema_run *s, const cJSON *schema)
{
	uint32_t rule;

	if (cJSON_IsTrue(schema))
		return RULE_VALUE;
	if (!cJSON_IsObject(schema)) {
		schema_refuse(s, "",
			      cJSON_IsFalse(schema) ? "Nothing satisfies false."
						    : "A schema must be an object.");
		return RULE_NONE;
	}
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		if (s->nodes[i].schema == schema)
			return RULE_OWN + i;
	}
	if (s->depth == SCHEMA_GRAMMAR_DEPTH || s->out.failed) {
		schema_too_big(s);
		return RULE_NONE;
	}
	s->depth++;
	rule = visit_new(s, schema);
	s->depth--;
	return s->failed == ERR_OK ? rule : RULE_NONE;
}

/* ---------------------------------------------------------------- the whole */

/* Whether a rule that is one of others is, in the end, itself: colours of a walk in depth. */
static bool circles(const struct schema_run *s, uint32_t at, uint8_t *colour)
{
	const struct rule_node *n = &s->nodes[at];

	if (colour[at] != 0 || !n->any)
		return colour[at] == 1;
	colour[at] = 1;
	for (uint32_t i = 0; i < n->n_kids; i++) {
		if (n->kids[i] >= RULE_OWN && circles(s, n->kids[i] - RULE_OWN, colour))
			return true;
	}
	colour[at] = 2;
	return false;
}

static bool can_end(const struct rule_node *n, const bool *ends)
{
	bool all = true, some = false;

	for (uint32_t i = 0; i < n->n_kids; i++) {
		bool kid = n->kids[i] < RULE_OWN || ends[n->kids[i] - RULE_OWN];

		all = all && kid;
		some = some || kid;
	}
	return n->any ? some : all;
}

static bool check_rules(struct schema_run *s)
{
	uint8_t *colour = arena_zalloc(s->arena, SCHEMA_GRAMMAR_RULES);
	bool *ends = arena_zalloc(s->arena, SCHEMA_GRAMMAR_RULES * sizeof *ends);
	uint32_t known = 0;

	if (colour == NULL || ends == NULL) {
		s->failed = ERR_NO_MEMORY;
		return false;
	}
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		if (circles(s, i, colour))
			return schema_refuse(s, "$ref", "It leads back to itself.");
	}
	for (bool more = true; more;) {
		more = false;
		for (uint32_t i = 0; i < s->n_nodes; i++) {
			if (ends[i] || !can_end(&s->nodes[i], ends))
				continue;
			ends[i] = more = true;
			known++;
		}
	}
	return known == s->n_nodes ||
	       schema_refuse(s, "$ref", "What it asks for would never end.");
}

static enum err translate(struct schema_run *s, struct span *ret)
{
	uint32_t rule = schema_visit(s, s->root);

	if (rule == RULE_NONE || !check_rules(s))
		return s->failed;
	buf_add_str(&s->out, "root ::= ");
	schema_put_rule(&s->out, rule);
	buf_add_char(&s->out, '\n');
	buf_add_str(&s->out, more_rules);
	if (s->out.failed) {
		schema_too_big(s);
		return s->failed;
	}
	*ret = arena_span(s->arena, buf_span(&s->out));
	return ret->ptr != NULL ? ERR_OK : ERR_NO_MEMORY;
}

enum err schema_grammar(struct span schema, struct arena *a, struct span *ret,
			struct schema_refusal *reterr)
{
	struct schema_run *s = arena_zalloc(a, sizeof *s);
	struct json_where where;
	cJSON *root = NULL;
	enum err e;

	if (s == NULL)
		return ERR_NO_MEMORY;
	s->arena = a;
	s->why = reterr;
	s->path[0] = '#';
	s->path_len = 1;
	s->work = COMPARE_WORK;
	e = json_parse(schema, &json_limits_api, &root, &where);
	if (e != ERR_OK) {
		if (e != ERR_NO_MEMORY)
			fail(s, e, "", "The schema is not valid JSON.");
		return e;
	}
	s->root = root;
	buf_init(&s->out, SCHEMA_GRAMMAR_BYTES);
	e = translate(s, ret);
	buf_free(&s->out);
	cJSON_Delete(root);
	return e;
}
