/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations and policies that the tests of router's decision share. */
#ifndef HITHER_TESTS_UNIT_ROUTER_POLICY_H
#define HITHER_TESTS_UNIT_ROUTER_POLICY_H

#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "router/decide.h"

#define FAR                                                                                    \
	"\"far\":{\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":\"https://far.example/"   \
	"v1\","                                                                                \
	"\"models\":[\"big\",\"small\"],\"price\":{\"currency\":\"EUR\",\"input_per_mtok\":2," \
	"\"output_per_mtok\":6}}"
#define CHEAP                                                                                  \
	"\"cheap\":{\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":\"https://c.example/"   \
	"v1\","                                                                                \
	"\"models\":[\"c1\"],\"price\":{\"currency\":\"EUR\",\"input_per_mtok\":1,"            \
	"\"output_per_mtok\":2}}"
#define HOME                                                                                   \
	"\"home\":{\"tier\":\"trusted\",\"api\":\"openai\",\"base_url\":\"https://h.example/"  \
	"v1\","                                                                                \
	"\"models\":[\"h1\"]}"
#define BARE                                                                                   \
	"\"bare\":{\"tier\":\"cloud\",\"api\":\"openai\",\"base_url\":\"https://b.example/"    \
	"v1\"}"

#define POLICY(destinations, rest)                                                             \
	"{\"hither_policy\":1,\"id\":\"t\",\"destinations\":{" destinations "},"               \
	"\"default\":{\"device\":\"allow\",\"trusted\":\"ask\",\"cloud\":\"ask\"}" rest "}"

static struct model models[] = { { .name = "tiny" } };
static const struct model_list list = { .models = models, .n = 1, .chosen = "tiny" };

static struct policy_set *set_of(const char *text)
{
	struct policy_file *f = NULL;
	struct policy_set *s = NULL;
	struct policy_error e;

	if (policy_file_parse(span_of(text), POLICY_USER, "t.json", NULL, 0, &f, &e) != ERR_OK)
		fail_msg("%s: %u:%u %s", text, e.line, e.column, e.problem);
	assert_int_equal(policy_set_build(&f, 1, NULL, 0, &s, &e), ERR_OK);
	policy_file_free(f);
	return s;
}

#endif
