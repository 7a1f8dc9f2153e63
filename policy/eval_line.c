/* SPDX-License-Identifier: Apache-2.0 */
/* One line of the batch evaluator: a stack and a request, whole, in JSON. */
#include <stdio.h>

#include "policy/policy_impl.h"

struct stack {
	struct policy_file *files[POLICY_SET_MAX_FILES];
	size_t n;
	unsigned flags;
	struct policy_error error;
};

/* What is said first is all that is said. */
static bool refuse(struct stack *s, const char *format, const char *what)
{
	snprintf(s->error.problem, sizeof s->error.problem, format, what);
	return false;
}

/* Parse one inline file. Its own text is what the tree prints as. */
static bool file_add(struct stack *s, const cJSON *object, enum policy_layer layer, int index)
{
	struct buf text;
	char name[64];
	enum err e = ERR_NO_MEMORY;

	if (s->n == LEN(s->files))
		return refuse(s, "too many files%s", "");
	snprintf(name, sizeof name, "%s[%d]", policy_layer_name(layer), index);
	buf_init(&text, 4 * POLICY_FILE_MAX_BYTES);
	json_put_tree(&text, object);
	if (!text.failed)
		e = policy_file_parse(buf_span(&text), layer, name, NULL, s->flags,
				      &s->files[s->n], &s->error);
	else
		refuse(s, "%s", "memory is out");
	buf_free(&text);
	s->n += e == ERR_OK;
	return e == ERR_OK;
}

static bool files_read(struct stack *s, const cJSON *layers)
{
	enum policy_layer layer;

	if (layers == NULL)
		return refuse(s, "%s", "\"layers\" is missing or no object");
	for (const cJSON *kid = layers->child; kid != NULL; kid = kid->next) {
		int index = 0;

		if (!policy_layer_from(span_of(kid->string), &layer))
			return refuse(s, "unknown layer \"%.60s\"", kid->string);
		if (!cJSON_IsArray(kid))
			return refuse(s, "layer %s is no list of files", kid->string);
		for (const cJSON *f = kid->child; f != NULL; f = f->next) {
			if (!file_add(s, f, layer, index++))
				return false;
		}
	}
	return true;
}

static bool verdicts(struct stack *s, const cJSON *request, struct arena *arena,
		     struct buf *out)
{
	struct policy_request q;
	struct policy_set *set = NULL;
	bool ok = false;

	policy_request_base(&q);
	if (request == NULL)
		return refuse(s, "%s", "\"request\" is missing");
	if (policy_request_apply(&q, request, arena, &s->error) != ERR_OK ||
	    policy_set_build(s->files, s->n, NULL, s->flags, &set, &s->error) != ERR_OK)
		return false;
	struct policy_decision *d = policy_decisions_new(set, set->n_destinations, arena);
	if (d != NULL) {
		policy_decide_all(set, &q, d);
		json_put_key(out, "verdicts");
		buf_add_char(out, '{');
		for (size_t i = 0; i < set->n_destinations; i++) {
			json_put_key(out, set->destinations[i].name);
			policy_decision_write(set, &d[i], out);
		}
		buf_add_char(out, '}');
		ok = true;
	} else {
		refuse(s, "%s", "memory is out");
	}
	policy_set_free(set);
	return ok;
}

static void put_id(struct buf *out, const cJSON *root)
{
	const cJSON *id = json_get(root, "id");

	buf_add_char(out, '{');
	json_put_key(out, "id");
	if (id != NULL)
		json_put_tree(out, id);
	else
		buf_add_str(out, "null");
}

static void put_error(struct buf *out, const struct policy_error *e)
{
	struct buf text;

	buf_init(&text, TEXT_MAX_BYTES);
	policy_error_print(e, &text);
	json_put_key_string(out, "error", buf_span(&text));
	buf_free(&text);
}

bool policy_eval_line(struct span line, bool strict, struct buf *out)
{
	struct stack s = { .flags = strict ? 0 : POLICY_INLINE };
	struct arena *arena = arena_new("policy.eval", SET_BUDGET_BYTES);
	struct json_where where = { .problem = "" };
	cJSON *root = NULL;
	enum err e = json_parse(line, &json_limits_api, &root, &where);
	bool ok;

	if (e != ERR_OK)
		refuse(&s, "%s", where.problem);
	else if (arena == NULL)
		refuse(&s, "%s", "memory is out");
	put_id(out, root);
	ok = e == ERR_OK && arena != NULL && files_read(&s, json_get_object(root, "layers")) &&
	     verdicts(&s, json_get(root, "request"), arena, out);
	if (!ok) /* nothing was written of an answer then */
		put_error(out, &s.error);
	buf_add_char(out, '}');
	for (size_t i = 0; i < s.n; i++)
		policy_file_free(s.files[i]);
	arena_free(arena);
	cJSON_Delete(root);
	return ok;
}
