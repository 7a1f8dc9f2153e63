/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keywords of a schema, one row each: which kinds of value it speaks of, and whether a
 * grammar can hold an answer to it. A keyword that speaks of another kind than the schema's
 * says nothing there (JSON Schema 2020-12, section 4.3.1 and the vocabulary for validation).
 * One that is not known is refused, save for names that begin with "x-".
 */
#include <math.h>
#include <stdio.h>

#include "dialect/schema_impl.h"

enum keep { DESCRIBES, HELD, REFUSED };

static const struct {
	const char *name;
	enum keep keep;
	unsigned kinds; /* that it speaks of */
} words[] = {
	{ "type", HELD, KIND_ALL },
	{ "properties", HELD, KIND_OBJECT },
	{ "required", HELD, KIND_OBJECT },
	{ "additionalProperties", HELD, KIND_OBJECT },
	{ "items", HELD, KIND_ARRAY },
	{ "minItems", HELD, KIND_ARRAY },
	{ "maxItems", HELD, KIND_ARRAY },
	{ "minLength", HELD, KIND_STRING },
	{ "maxLength", HELD, KIND_STRING },
	{ "format", HELD, KIND_STRING },
	{ "minimum", HELD, KIND_NUMBER },
	{ "maximum", HELD, KIND_NUMBER },
	{ "exclusiveMinimum", HELD, KIND_NUMBER },
	{ "exclusiveMaximum", HELD, KIND_NUMBER },
	{ "title", DESCRIBES, 0 },
	{ "description", DESCRIBES, 0 },
	{ "default", DESCRIBES, 0 },
	{ "example", DESCRIBES, 0 },
	{ "examples", DESCRIBES, 0 },
	{ "deprecated", DESCRIBES, 0 },
	{ "readOnly", DESCRIBES, 0 },
	{ "writeOnly", DESCRIBES, 0 },
	{ "$schema", DESCRIBES, 0 },
	{ "$comment", DESCRIBES, 0 },
	{ "$anchor", DESCRIBES, 0 },
	{ "$defs", DESCRIBES, 0 },
	{ "definitions", DESCRIBES, 0 },
	{ "pattern", REFUSED, KIND_STRING },
	{ "contentEncoding", REFUSED, KIND_STRING },
	{ "contentMediaType", REFUSED, KIND_STRING },
	{ "contentSchema", REFUSED, KIND_STRING },
	{ "multipleOf", REFUSED, KIND_NUMBER },
	{ "uniqueItems", REFUSED, KIND_ARRAY },
	{ "prefixItems", REFUSED, KIND_ARRAY },
	{ "additionalItems", REFUSED, KIND_ARRAY },
	{ "unevaluatedItems", REFUSED, KIND_ARRAY },
	{ "contains", REFUSED, KIND_ARRAY },
	{ "minContains", REFUSED, KIND_ARRAY },
	{ "maxContains", REFUSED, KIND_ARRAY },
	{ "minProperties", REFUSED, KIND_OBJECT },
	{ "maxProperties", REFUSED, KIND_OBJECT },
	{ "patternProperties", REFUSED, KIND_OBJECT },
	{ "propertyNames", REFUSED, KIND_OBJECT },
	{ "dependentRequired", REFUSED, KIND_OBJECT },
	{ "dependentSchemas", REFUSED, KIND_OBJECT },
	{ "unevaluatedProperties", REFUSED, KIND_OBJECT },
};

#define NOT_HELD "A grammar cannot hold an answer to it."

/* LEN(words): not known. */
static size_t word_of(const char *name)
{
	size_t i = 0;

	while (i < LEN(words) && strcmp(words[i].name, name) != 0)
		i++;
	return i;
}

static bool describes(const struct schema_run *s, const cJSON *schema, const char *name)
{
	size_t i = word_of(name);

	if (strcmp(name, "$id") == 0) /* elsewhere it moves what references start from */
		return schema == s->root;
	return i < LEN(words) ? words[i].keep == DESCRIBES : strncmp(name, "x-", 2) == 0;
}

/* ---------------------------------------------------------------- kinds */

static unsigned kinds_named(const cJSON *name)
{
	static const struct {
		const char *name;
		unsigned kinds;
	} types[] = { { "object", KIND_OBJECT },   { "array", KIND_ARRAY },
		      { "string", KIND_STRING },   { "number", KIND_NUMBER },
		      { "integer", KIND_INTEGER }, { "boolean", KIND_BOOLEAN },
		      { "null", KIND_NULL } };

	for (size_t i = 0; cJSON_IsString(name) && i < LEN(types); i++) {
		if (strcmp(types[i].name, name->valuestring) == 0)
			return types[i].kinds;
	}
	return 0;
}

unsigned schema_stated_kinds(const cJSON *schema)
{
	const cJSON *type = json_get(schema, "type");
	unsigned kinds = 0;

	if (type == NULL)
		return KIND_ALL;
	if (!cJSON_IsArray(type))
		return kinds_named(type);
	for (const cJSON *i = type->child; i != NULL; i = i->next) {
		unsigned more = kinds_named(i);

		if (more == 0)
			return 0;
		kinds |= more;
	}
	return kinds;
}

unsigned schema_kind_of(const cJSON *value)
{
	if (cJSON_IsNumber(value))
		return floor(value->valuedouble) == value->valuedouble ? KIND_INTEGER
								       : KIND_FRACTION;
	if (cJSON_IsString(value))
		return KIND_STRING;
	if (cJSON_IsArray(value))
		return KIND_ARRAY;
	if (cJSON_IsObject(value))
		return KIND_OBJECT;
	return cJSON_IsNull(value) ? KIND_NULL : KIND_BOOLEAN;
}

/* Without a type the keywords say what is meant. */
static unsigned meant_kinds(const cJSON *schema)
{
	unsigned kinds = 0;

	for (const cJSON *i = schema->child; i != NULL; i = i->next) {
		size_t w = word_of(i->string);

		if (w < LEN(words))
			kinds |= words[w].kinds;
	}
	return kinds != 0 ? kinds : KIND_ALL;
}

/* ---------------------------------------------------------------- what may stand */

static bool check_form(struct schema_run *s, const cJSON *schema)
{
	const cJSON *properties = json_get(schema, "properties");
	const cJSON *required = json_get(schema, "required");

	if (properties != NULL && !cJSON_IsObject(properties))
		return schema_refuse(s, "properties", "It must be an object.");
	if (required != NULL && !cJSON_IsArray(required))
		return schema_refuse(s, "required", "It must be an array of names.");
	for (const cJSON *i = required != NULL ? required->child : NULL; i != NULL;
	     i = i->next) {
		if (!cJSON_IsString(i))
			return schema_refuse(s, "required", "It must be an array of names.");
	}
	return true;
}

bool schema_words(struct schema_run *s, const cJSON *schema, unsigned *ret)
{
	unsigned kinds = json_get(schema, "type") != NULL ? schema_stated_kinds(schema)
							  : meant_kinds(schema);

	if (kinds == 0)
		return schema_refuse(s, "type", "It must be one of the seven types of JSON.");
	for (const cJSON *i = schema->child; i != NULL; i = i->next) {
		size_t w = word_of(i->string);

		if (describes(s, schema, i->string) ||
		    (w < LEN(words) &&
		     (words[w].keep == HELD || (words[w].kinds & kinds) == 0)))
			continue;
		if (strcmp(i->string, "uniqueItems") == 0 && cJSON_IsFalse(i))
			continue;
		return schema_refuse(s, i->string, NOT_HELD);
	}
	*ret = kinds;
	return check_form(s, schema);
}

bool schema_alone(struct schema_run *s, const cJSON *schema, const char *keyword, bool or_type)
{
	char why[80];

	for (const cJSON *i = schema->child; i != NULL; i = i->next) {
		if (strcmp(i->string, keyword) == 0 || describes(s, schema, i->string) ||
		    (or_type && strcmp(i->string, "type") == 0))
			continue;
		snprintf(why, sizeof why, "It cannot stand beside %s.", keyword);
		return schema_refuse(s, i->string, why);
	}
	return true;
}
