/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger with four requests, for tests of commands that read one. usage: make_ledger
 * STATE_DIR */
#include <stdio.h>

#include "consent/ledger.h"

static void fill(struct record *r, enum record_kind kind, const char *decision_id,
		 const char *categories)
{
	record_init(r, kind);
	r->app = "code";
	r->identity = "attested";
	r->decision_id = decision_id;
	r->task = "code.fix";
	r->score_pm = 800;
	r->confidence_pm = 900;
	r->input_tokens = 100;
	r->modality = 1;
	r->tools = 0;
	r->interactive = 1;
	r->categories = categories;
	r->categories_known = categories != NULL;
}

int main(int argc, char **argv)
{
	struct ledger_problem problem;
	struct ledger *l = NULL;
	struct record r[5];

	if (argc != 2 || crypto_init() != ERR_OK)
		return 2;
	if (ledger_open(argv[1], LEDGER_WRITE, &l, &problem) != ERR_OK) {
		fprintf(stderr, "%s\n", problem.text);
		return 1;
	}
	fill(&r[0], RECORD_INTENT, "01J00000000000000000000001",
	     "[{\"name\":\"source_code\",\"count\":1,\"masked\":false}]");
	fill(&r[1], RECORD_GRANTED, "01J00000000000000000000001", NULL);
	fill(&r[2], RECORD_DECIDED, "01J00000000000000000000002",
	     "[{\"name\":\"secret.token\",\"count\":1,\"masked\":false}]");
	fill(&r[3], RECORD_DECIDED, "01J00000000000000000000003", NULL);
	/* easy: answered here, and nobody looked at its data */
	fill(&r[4], RECORD_DECIDED, "01J00000000000000000000004", NULL);
	r[4].tier = "device";
	r[4].score_pm = 100;
	enum err e = ledger_append(l, r, 5);
	ledger_close(l);
	return e == ERR_OK ? 0 : 1;
}
