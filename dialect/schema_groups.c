/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects and arrays. Of an object whose properties stand in one order, any of the optional
 * ones left out, two chains of rules say all there is, so that n properties cost 2n rules:
 *
 *   first_i   no member was written yet: member i and rest_i+1, or, when i may be left out,
 * first_i+1 rest_i    one was: "," and member i (left out if it may be) and rest_i+1
 */
#include "dialect/schema_impl.h"

struct property {
	const char *name;
	uint32_t value;
	bool required;
};

/* "," ws; the space is the member's own otherwise. */
#define COMMA "\",\" ws "

static void put_member(struct schema_run *s, const struct property *p)
{
	struct buf key;

	buf_init(&key, SCHEMA_GRAMMAR_BYTES);
	json_put_string(&key, span_of(p->name));
	schema_put_literal(&s->out, buf_span(&key));
	s->out.failed = s->out.failed || key.failed;
	buf_free(&key);
	buf_add_str(&s->out, " \":\" ws ");
	schema_put_rule(&s->out, p->value);
	buf_add_str(&s->out, " ws");
}

/* rest_i as a rule; RULE_NONE only after a failure. `after` is rest_i+1, RULE_NONE at the end.
 */
static uint32_t put_rest(struct schema_run *s, const struct property *p, uint32_t after)
{
	uint32_t rule = schema_rule(s, NULL, false, 2);

	if (rule == RULE_NONE)
		return RULE_NONE;
	if (p->required)
		schema_kid(s, rule, p->value);
	if (after != RULE_NONE)
		schema_kid(s, rule, after);
	schema_open_rule(s, rule);
	buf_add_str(&s->out, "(" COMMA);
	put_member(s, p);
	buf_add_str(&s->out, p->required ? ")" : ")?");
	if (after != RULE_NONE) {
		buf_add_char(&s->out, ' ');
		schema_put_rule(&s->out, after);
	}
	buf_add_char(&s->out, '\n');
	return rule;
}

/* first_i as a rule; `later` is first_i+1, RULE_NONE at the end: then nothing may stand. */
static uint32_t put_first(struct schema_run *s, const struct property *p, uint32_t after,
			  uint32_t later)
{
	uint32_t rule = schema_rule(s, NULL, false, 2);

	if (rule == RULE_NONE)
		return RULE_NONE;
	if (p->required) {
		schema_kid(s, rule, p->value);
		if (after != RULE_NONE)
			schema_kid(s, rule, after);
	} else if (later != RULE_NONE) {
		schema_kid(s, rule, later);
	}
	schema_open_rule(s, rule);
	put_member(s, p);
	if (after != RULE_NONE) {
		buf_add_char(&s->out, ' ');
		schema_put_rule(&s->out, after);
	}
	if (!p->required) {
		buf_add_str(&s->out, " | ");
		if (later != RULE_NONE)
			schema_put_rule(&s->out, later);
		else
			buf_add_str(&s->out, "\"\"");
	}
	buf_add_char(&s->out, '\n');
	return rule;
}

/* RULE_NONE: none, or a failure. */
static uint32_t put_properties(struct schema_run *s, const struct property *list, uint32_t n)
{
	uint32_t after = RULE_NONE, first = RULE_NONE;

	for (uint32_t i = n; i-- > 0 && s->failed == ERR_OK;) {
		first = put_first(s, &list[i], after, first);
		if (i > 0)
			after = put_rest(s, &list[i], after);
	}
	return first;
}

/* ---------------------------------------------------------------- objects */

static bool is_required(const cJSON *required, const char *name)
{
	for (const cJSON *i = required != NULL ? required->child : NULL; i != NULL;
	     i = i->next) {
		if (cJSON_IsString(i) && strcmp(i->valuestring, name) == 0)
			return true;
	}
	return false;
}

/* Names that are required and described nowhere: any value. False: that is not permitted. */
static bool add_undescribed(struct schema_run *s, const cJSON *schema, struct property *list,
			    uint32_t *io_n)
{
	const cJSON *properties = json_get(schema, "properties");
	const cJSON *more = json_get(schema, "additionalProperties");
	uint32_t described = *io_n;

	for (const cJSON *i = json_get(schema, "required")->child; i != NULL; i = i->next) {
		bool known = json_get(properties, i->valuestring) != NULL;

		for (uint32_t k = described; k < *io_n; k++)
			known = known || strcmp(list[k].name, i->valuestring) == 0;
		if (known)
			continue;
		if (more != NULL && !cJSON_IsTrue(more))
			return schema_refuse(s, "required",
					     "It names a property that is not in properties.");
		list[(*io_n)++] = (struct property){ i->valuestring, RULE_VALUE, true };
	}
	return true;
}

static bool read_properties(struct schema_run *s, const cJSON *schema, struct property *list,
			    uint32_t *io_n)
{
	const cJSON *required = json_get(schema, "required");
	const cJSON *properties = json_get(schema, "properties");
	size_t before, inside;

	schema_push(s, "properties", &before);
	for (const cJSON *i = properties != NULL ? properties->child : NULL; i != NULL;
	     i = i->next) {
		bool must = is_required(required, i->string);

		if (cJSON_IsFalse(i) && !must)
			continue;
		schema_push(s, i->string, &inside);
		uint32_t value = schema_visit(s, i);

		if (value == RULE_NONE)
			return false;
		schema_pop(s, inside);
		list[(*io_n)++] = (struct property){ i->string, value, must };
	}
	schema_pop(s, before);
	return required == NULL || add_undescribed(s, schema, list, io_n);
}

/* Only additionalProperties: members of any name. */
static uint32_t put_map(struct schema_run *s, const cJSON *more)
{
	size_t before;

	if (more == NULL || cJSON_IsTrue(more))
		return RULE_OBJECT;
	uint32_t rule = schema_rule(s, NULL, false, 0), value = RULE_NONE;

	if (rule != RULE_NONE && !cJSON_IsFalse(more)) {
		schema_push(s, "additionalProperties", &before);
		value = schema_visit(s, more);
		schema_pop(s, before);
	}
	if (s->failed != ERR_OK)
		return RULE_NONE;
	schema_open_rule(s, rule);
	buf_add_str(&s->out, "\"{\" ws ");
	if (value != RULE_NONE) {
		buf_add_str(&s->out, "(string \":\" ws ");
		schema_put_rule(&s->out, value);
		buf_add_str(&s->out, " ws (" COMMA "string \":\" ws ");
		schema_put_rule(&s->out, value);
		buf_add_str(&s->out, " ws)*)? ");
	}
	buf_add_str(&s->out, "\"}\"\n");
	return rule;
}

uint32_t schema_object(struct schema_run *s, const cJSON *schema)
{
	const cJSON *properties = json_get(schema, "properties");
	const cJSON *required = json_get(schema, "required");
	const cJSON *more = json_get(schema, "additionalProperties");
	size_t n_max =
		(size_t)cJSON_GetArraySize(properties) + (size_t)cJSON_GetArraySize(required);
	uint32_t n = 0;

	if (n_max == 0)
		return put_map(s, more);
	if (n_max > SCHEMA_GRAMMAR_RULES) {
		schema_too_big(s);
		return RULE_NONE;
	}
	if (more != NULL && !cJSON_IsBool(more)) {
		schema_refuse(s, "additionalProperties",
			      "Beside properties it can only be true or false.");
		return RULE_NONE;
	}
	struct property *list = arena_array(s->arena, n_max, sizeof *list);
	if (list == NULL) {
		s->failed = ERR_NO_MEMORY;
		return RULE_NONE;
	}
	uint32_t rule = schema_rule(s, NULL, false, 1);
	if (rule == RULE_NONE || !read_properties(s, schema, list, &n))
		return RULE_NONE;
	uint32_t first = put_properties(s, list, n);
	if (s->failed != ERR_OK)
		return RULE_NONE;
	if (first != RULE_NONE)
		schema_kid(s, rule, first);
	schema_open_rule(s, rule);
	buf_add_str(&s->out, "\"{\" ws ");
	if (first != RULE_NONE)
		schema_put_rule(&s->out, first);
	buf_add_str(&s->out, " \"}\"\n");
	return rule;
}

/* ---------------------------------------------------------------- arrays */

static uint32_t put_item(struct schema_run *s, uint32_t item)
{
	uint32_t rule = schema_rule(s, NULL, false, 1);

	if (rule == RULE_NONE)
		return RULE_NONE;
	schema_kid(s, rule, item);
	schema_open_rule(s, rule);
	buf_add_str(&s->out, COMMA);
	schema_put_rule(&s->out, item);
	buf_add_str(&s->out, " ws\n");
	return rule;
}

static uint32_t put_array(struct schema_run *s, uint32_t item, uint32_t min, uint32_t max)
{
	uint32_t rule = schema_rule(s, NULL, false, 2);
	uint32_t next = max > 1 ? put_item(s, item) : RULE_NONE;
	uint32_t others = next != RULE_NONE ? schema_repeat(s, next, min > 0 ? min - 1 : 0,
							    max == UINT32_MAX ? max : max - 1)
					    : RULE_NONE;

	if (s->failed != ERR_OK)
		return RULE_NONE;
	if (min > 0)
		schema_kid(s, rule, item);
	if (min > 1)
		schema_kid(s, rule, others);
	schema_open_rule(s, rule);
	buf_add_str(&s->out, "\"[\" ws ");
	if (max > 0) {
		buf_add_str(&s->out, "(");
		schema_put_rule(&s->out, item);
		buf_add_str(&s->out, " ws ");
		if (others != RULE_NONE)
			schema_put_rule(&s->out, others);
		buf_add_str(&s->out, min > 0 ? ") " : ")? ");
	}
	buf_add_str(&s->out, "\"]\"\n");
	return rule;
}

uint32_t schema_array(struct schema_run *s, const cJSON *schema)
{
	const cJSON *items = json_get(schema, "items");
	uint32_t min, max, item = RULE_VALUE;
	size_t before;

	if (!schema_times(s, schema, "minItems", 0, &min) ||
	    !schema_times(s, schema, "maxItems", UINT32_MAX, &max))
		return RULE_NONE;
	if (min > max) {
		schema_refuse(s, "maxItems", "It is less than minItems.");
		return RULE_NONE;
	}
	if (items != NULL && max > 0) {
		schema_push(s, "items", &before);
		item = schema_visit(s, items);
		if (item == RULE_NONE)
			return RULE_NONE;
		schema_pop(s, before);
	}
	return put_array(s, item, min, max);
}
