/* SPDX-License-Identifier: Apache-2.0 */
/* The policies and the words that the tests of the gate share. */
#ifndef HITHER_TESTS_UNIT_GATE_HELP_H
#define HITHER_TESTS_UNIT_GATE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "tests/fake/gate_world.h"

#define FAR(more)                                                                              \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{\"far\":{\"tier\":\"cloud\","     \
	"\"api\":\"openai\",\"operator\":\"Far Inc\",\"region\":\"eu\",\"retention_days\":30," \
	"\"trains\":false,\"base_url\":\"https://far.example/"                                 \
	"v1\",\"models\":[\"big-1\",\"big-2\"],"                                               \
	"\"price\":{\"currency\":\"EUR\",\"input_per_mtok\":1,\"output_per_mtok\":2}}}," more  \
	"}"

#define ASKS   FAR("\"default\":{\"cloud\":\"ask\"}")
#define ALLOWS FAR("\"default\":{\"cloud\":\"allow\"}")
#define DENIES FAR("\"default\":{\"cloud\":\"deny\"}")

static inline const struct msg_ANSWER *last(struct world *w, const struct msg_ASK *m)
{
	const struct msg_ANSWER *a = world_last(w, m->request_id);

	assert_non_null(a);
	return a;
}

static inline uint64_t ask_outcome_of(struct world *w, struct msg_ASK *m, const char *text)
{
	m->request_id = w->next_request++;
	assert_true(world_put(w, m, text));
	return last(w, m)->outcome;
}

/* Of the question that the newest answer to `m` names. */
static inline void id_of(struct world *w, const struct msg_ASK *m, char ret[TEXT_ULID_BYTES])
{
	memcpy(ret, last(w, m)->question, TEXT_ULID_BYTES);
}

static inline void question_is(struct world *w, const char *id, const char *wanted)
{
	cJSON *q = world_question(w, id);

	assert_string_equal(json_get_string(q, "state"), wanted);
	cJSON_Delete(q);
}

/* The question's own nonce and digest, unless `r` brings others. */
static inline struct gate_result answered(struct world *w, const char *id,
					  struct gate_response r)
{
	cJSON *q = world_question(w, id);
	struct gate_result result;

	r.id = id;
	r.nonce = r.nonce != NULL ? r.nonce : json_get_string(q, "nonce");
	r.digest = r.digest != NULL ? r.digest : json_get_string(q, "digest");
	r.uid = (uint32_t)getuid();
	r.pid = getpid();
	memset(&result, 'x', sizeof result); /* whoever calls clears nothing */
	gate_respond(w->gate, &r, &result);
	cJSON_Delete(q);
	return result;
}

/* Puts the request with an original beside what is masked. */
static inline uint64_t ask_masked(struct world *w, struct msg_ASK *m, const char *masked,
				  const char *original)
{
	struct buf body, plain;

	m->request_id = w->next_request++;
	m->has_original = 1;
	world_body(masked, &body);
	world_body(original, &plain);
	assert_true(world_put_raw(w, m, buf_span(&body), buf_span(&plain)));
	buf_free(&body);
	buf_free(&plain);
	return last(w, m)->outcome;
}

struct newest {
	enum record_kind kind;
	struct arena *arena;
	struct record r;
	unsigned n;
};

static inline bool newest_one(void *ctx, const struct record *r, struct span body)
{
	struct newest *f = ctx;

	if (r->kind != f->kind)
		return true;
	f->n++;
	arena_reset(f->arena);
	return record_read(body, f->arena, &f->r) == ERR_OK;
}

/* The newest record of a kind; give its arena back. */
static inline struct newest newest_of(struct world *w, enum record_kind kind)
{
	struct newest f = { .kind = kind, .arena = arena_new("newest", 1 << 20) };

	assert_int_equal(ledger_flush(gate_ledger(w->gate)), ERR_OK);
	assert_int_equal(ledger_each(gate_ledger(w->gate), 0, 0, newest_one, &f), ERR_OK);
	assert_true(f.n > 0);
	return f;
}

#endif
