/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Schema (2020-12, and `definitions` of earlier drafts) to a grammar in GBNF, the form
 * that llama.cpp takes (grammars/README.md there). Pure.
 *
 * Every text of the grammar is JSON and valid under the schema. It says less than the schema
 * allows where that is a matter of form: properties stand in the schema's order, an object
 * has no others unless it has none of its own, space is bounded, numbers have at most 16
 * digits. What a grammar cannot hold an answer to is refused, never left out.
 *
 * Held: type (also a list), properties, required, additionalProperties (false; true and a
 * schema where there are no properties), items, minItems, maxItems, minLength, maxLength,
 * enum, const, minimum, maximum and their exclusive forms (of a number: whole bounds up to
 * a thousand million), anyOf, oneOf of schemas that are shown to exclude one another, allOf
 * of one, $ref inside the schema, also to what it is part of, and these formats: date, time,
 * date-time, uuid, email, ipv4. Keywords that only describe are skipped.
 */
#ifndef HITHER_DIALECT_SCHEMA_GRAMMAR_H
#define HITHER_DIALECT_SCHEMA_GRAMMAR_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"

#define SCHEMA_GRAMMAR_RULES ((size_t)1000)
#define SCHEMA_GRAMMAR_BYTES ((size_t)128 << 10)
#define SCHEMA_GRAMMAR_DEPTH 64
#define SCHEMA_GRAMMAR_TIMES 20000 /* the most that minItems, maxLength … may say */

struct schema_refusal {
	char keyword[48]; /* at fault; empty: the schema as a whole */
	char at[120];     /* where it stands, "#/properties/name"; may be cut in front */
	char why[120];    /* a sentence */
};

/*
 * The grammar's text, valid as long as `a`. ERR_UNSUPPORTED: something in it cannot be held,
 * or nothing could ever satisfy it; ERR_TOO_BIG: past the bounds above; ERR_SYNTAX: not JSON;
 * ERR_NO_MEMORY. All but the last fill *reterr.
 */
MUST_CHECK enum err schema_grammar(struct span schema, struct arena *a, struct span *ret,
				   struct schema_refusal *reterr);

/* The grammar of any one JSON object: what json_object asks for. */
extern const char schema_grammar_object[];

#endif
