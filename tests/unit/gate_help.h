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

#endif
