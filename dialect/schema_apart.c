/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two schemas exclude one another, as oneOf wants it: by the kinds of value they
 * take, by the values they list, or, both being of objects, by a property that both require.
 * What takes too long to compare counts as not shown.
 */
#include "dialect/schema_impl.h"

#define LOOK_DEEP 8

static const cJSON *alternatives_of(const cJSON *schema)
{
	static const char *const names[] = { "anyOf", "oneOf", "allOf" };

	for (unsigned i = 0; i < LEN(names); i++) {
		const cJSON *list = json_get_array(schema, names[i]);

		if (list != NULL)
			return list;
	}
	return NULL;
}

/* Follows references; NULL: they lead nowhere soon. */
static const cJSON *resolved(const struct schema_run *s, const cJSON *schema)
{
	for (unsigned i = 0; i < LOOK_DEEP && schema != NULL; i++) {
		const char *ref = json_get_string(schema, "$ref");

		if (ref == NULL)
			return schema;
		schema = schema_target(s, ref);
	}
	return NULL;
}

static bool afford(struct schema_run *s)
{
	if (s->work == 0)
		return false;
	s->work--;
	return true;
}

/* Never too few. */
static unsigned kinds_of(struct schema_run *s, const cJSON *schema, unsigned depth)
{
	unsigned kinds = 0;

	schema = resolved(s, schema);
	if (!cJSON_IsObject(schema) || depth == LOOK_DEEP || !afford(s))
		return KIND_ALL;
	const cJSON *list = alternatives_of(schema), *values = json_get_array(schema, "enum");
	const cJSON *value = json_get(schema, "const");
	if (value != NULL)
		return schema_kind_of(value);
	if (values == NULL && list == NULL)
		return schema_stated_kinds(schema);
	for (const cJSON *i = values != NULL ? values->child : list->child; i != NULL;
	     i = i->next)
		kinds |= values != NULL ? schema_kind_of(i) : kinds_of(s, i, depth + 1);
	return kinds;
}

/* The first of the values it lists, or NULL: it does not list them. */
static const cJSON *listed(const cJSON *schema, bool *ret_one)
{
	const cJSON *value = json_get(schema, "const"),
		    *values = json_get_array(schema, "enum");

	*ret_one = value != NULL;
	return value != NULL ? value : values != NULL ? values->child : NULL;
}

static bool values_apart(struct schema_run *s, const cJSON *a, const cJSON *b)
{
	bool a_one, b_one;
	const cJSON *x = listed(a, &a_one), *y = listed(b, &b_one);

	if (x == NULL || y == NULL)
		return false;
	for (const cJSON *i = x; i != NULL; i = a_one ? NULL : i->next) {
		for (const cJSON *k = y; k != NULL; k = b_one ? NULL : k->next) {
			if (!afford(s) || cJSON_Compare(i, k, true))
				return false;
		}
	}
	return true;
}

static bool names(const cJSON *required, const char *name)
{
	for (const cJSON *i = required != NULL ? required->child : NULL; i != NULL;
	     i = i->next) {
		if (cJSON_IsString(i) && strcmp(i->valuestring, name) == 0)
			return true;
	}
	return false;
}

static bool apart(struct schema_run *s, const cJSON *a, const cJSON *b, unsigned depth);

static bool members_apart(struct schema_run *s, const cJSON *a, const cJSON *b, unsigned depth)
{
	const cJSON *mine = json_get_object(a, "properties");
	const cJSON *other = json_get_object(b, "properties");

	for (const cJSON *i = mine != NULL ? mine->child : NULL; i != NULL; i = i->next) {
		const cJSON *k = json_get(other, i->string);

		if (!afford(s))
			return false;
		if (k != NULL && names(json_get_array(a, "required"), i->string) &&
		    names(json_get_array(b, "required"), i->string) &&
		    apart(s, i, k, depth + 1))
			return true;
	}
	return false;
}

static bool apart(struct schema_run *s, const cJSON *a, const cJSON *b, unsigned depth)
{
	a = resolved(s, a);
	b = resolved(s, b);
	if (depth == LOOK_DEEP || !cJSON_IsObject(a) || !cJSON_IsObject(b) || !afford(s))
		return false;
	unsigned both = kinds_of(s, a, 0) & kinds_of(s, b, 0);

	return both == 0 || values_apart(s, a, b) ||
	       (both == KIND_OBJECT && members_apart(s, a, b, depth));
}

bool schema_apart(struct schema_run *s, const cJSON *a, const cJSON *b)
{
	return apart(s, a, b, 0);
}
