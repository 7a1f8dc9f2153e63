/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the schema's grammar share. */
#ifndef HITHER_DIALECT_SCHEMA_IMPL_H
#define HITHER_DIALECT_SCHEMA_IMPL_H

#include <stdint.h>

#include "common/json.h"
#include "dialect/schema_grammar.h"

/* Rules that every grammar has; those of a schema are numbered from RULE_OWN on. */
enum rule {
	RULE_NONE,
	RULE_VALUE,
	RULE_OBJECT,
	RULE_ARRAY,
	RULE_STRING,
	RULE_INTEGER,
	RULE_NUMBER,
	RULE_BOOLEAN,
	RULE_NULL,
	RULE_CHAR,
	RULE_OWN
};

/* What a rule is made of: one of `kids`, or all of them after something of its own. */
struct rule_node {
	const cJSON *schema; /* that it was made for; NULL: a part of one */
	uint32_t *kids;
	uint32_t n_kids;
	bool any;
};

struct schema_run {
	struct arena *arena;
	struct buf out;
	const cJSON *root;
	struct rule_node nodes[SCHEMA_GRAMMAR_RULES];
	uint32_t n_nodes, depth;
	uint32_t work; /* left for comparing alternatives */
	char path[512];
	size_t path_len;
	enum err failed;
	struct schema_refusal *why;
};

/* Always false, 0 and RULE_NONE to their callers: remembers the first refusal. */
bool schema_refuse(struct schema_run *s, const char *keyword, const char *why);
/* The same with ERR_TOO_BIG. */
bool schema_too_big(struct schema_run *s);

/* A new rule's number; RULE_NONE when there are too many. */
uint32_t schema_rule(struct schema_run *s, const cJSON *schema, bool any, uint32_t max_kids);
void schema_kid(struct schema_run *s, uint32_t rule, uint32_t kid);
void schema_put_rule(struct buf *b, uint32_t rule);
/* "rN ::= " … the caller writes the rest and the newline. */
void schema_open_rule(struct schema_run *s, uint32_t rule);
/* A rule for `min` to `max` of `what`; UINT32_MAX: no most. */
uint32_t schema_repeat(struct schema_run *s, uint32_t what, uint32_t min, uint32_t max);
/* `text` as a literal of the grammar. */
void schema_put_literal(struct buf *b, struct span text);

/* The rule of a schema. */
uint32_t schema_visit(struct schema_run *s, const cJSON *schema);
void schema_push(struct schema_run *s, const char *name, size_t *ret_before);
void schema_pop(struct schema_run *s, size_t before);
/* What a local reference points at; NULL: nothing. */
const cJSON *schema_target(const struct schema_run *s, const char *ref);

/* schema_words.c: types as bits, and which keywords a schema may have. */
enum kind_bit {
	KIND_NULL = 1,
	KIND_BOOLEAN = 2,
	KIND_INTEGER = 4,
	KIND_FRACTION = 8, /* a number that is not whole */
	KIND_STRING = 16,
	KIND_ARRAY = 32,
	KIND_OBJECT = 64,
	KIND_ALL = 127
};
#define KIND_NUMBER (KIND_INTEGER | KIND_FRACTION)
/* Of `type`, or KIND_ALL without one; 0: malformed. */
unsigned schema_stated_kinds(const cJSON *schema);
unsigned schema_kind_of(const cJSON *value);
/* False: refused. `ret`: the kinds to write, narrowed by the keywords when none is stated. */
bool schema_words(struct schema_run *s, const cJSON *schema, unsigned *ret);
/* With these only words that describe may stand. */
bool schema_alone(struct schema_run *s, const cJSON *schema, const char *keyword, bool or_type);

/* schema_apart.c: no value satisfies both. False also when that cannot be shown. */
bool schema_apart(struct schema_run *s, const cJSON *a, const cJSON *b);

/* schema_scalars.c: rules for strings and numbers with bounds. */
uint32_t schema_string(struct schema_run *s, const cJSON *schema);
uint32_t schema_number(struct schema_run *s, const cJSON *schema, bool whole);
/* schema_groups.c */
uint32_t schema_object(struct schema_run *s, const cJSON *schema);
uint32_t schema_array(struct schema_run *s, const cJSON *schema);
/* A keyword's whole number of times, `otherwise` when absent. */
bool schema_times(struct schema_run *s, const cJSON *schema, const char *keyword,
		  uint32_t otherwise, uint32_t *ret);

#endif
