/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ledger of what left: three requests on two days to two destinations in two currencies, one
 * of them of unknown use, one that never began; and one record that stands for three requests
 * answered here. usage: make_sends STATE_DIR NOW_MS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consent/ledger.h"

#define DAY_MS ((int64_t)86400000)
#define MAIL   "[{\"name\":\"personal.contact.email\",\"count\":2,\"masked\":true},{\"name\":"
#define BOTH   MAIL "\"source_code\",\"count\":1,\"masked\":false}]"

static void send(struct ledger *l, int64_t time_ms, const char *app, const char *destination,
		 const char *categories, int64_t bytes, int64_t bytes_out, int64_t tokens,
		 const char *currency, int64_t cost_nano)
{
	struct record r[2];

	record_init(&r[0], RECORD_GRANTED);
	r[0].time_ms = time_ms;
	r[0].app = app;
	r[0].destination = destination;
	r[0].categories = categories;
	r[0].bytes = bytes;
	if (ledger_append(l, r, 1) != ERR_OK)
		exit(1);
	record_init(&r[1], RECORD_CLOSED);
	memcpy(r[1].ref, r[0].id, sizeof r[1].ref);
	r[1].time_ms = time_ms + 10;
	r[1].outcome = "complete";
	r[1].bytes_out = bytes_out;
	r[1].tokens_in = r[1].tokens_out = tokens;
	r[1].currency = currency;
	r[1].cost_nano = cost_nano;
	if (ledger_append(l, &r[1], 1) != ERR_OK)
		exit(1);
}

static void kept(struct ledger *l, int64_t time_ms)
{
	static const char *const apps[] = { "one", "two", "three" };
	struct record base, r;
	struct buf b;

	record_init(&base, RECORD_DECIDED);
	base.time_ms = time_ms;
	base.app = "one";
	base.destination = "local";
	base.outcome = "answered";
	buf_init(&b, 8192);
	for (unsigned i = 0; i < 3; i++) {
		r = base;
		r.time_ms = time_ms + i;
		r.app = apps[i];
		buf_add_char(&b, i == 0 ? '[' : ',');
		record_write_difference(&base, &r, &b);
	}
	buf_add_char(&b, ']');
	base.count = 3;
	base.decisions = buf_cstr(&b);
	if (ledger_append(l, &base, 1) != ERR_OK)
		exit(1);
	buf_free(&b);
}

int main(int argc, char **argv)
{
	struct ledger_problem problem;
	struct ledger *l = NULL;

	if (argc != 3 || crypto_init() != ERR_OK)
		return 2;
	int64_t now = strtoll(argv[2], NULL, 10);
	if (ledger_open(argv[1], LEDGER_WRITE, &l, &problem) != ERR_OK) {
		fprintf(stderr, "%s\n", problem.text);
		return 1;
	}
	send(l, now - 2 * DAY_MS, "mail", "mistral", BOTH, 12345, 12345, 100, "EUR", 2500000);
	send(l, now - 2 * DAY_MS + 60000, "e\xe2\x80\xae<b>dit", "mistral", NULL, 500, 500,
	     RECORD_ABSENT, NULL, RECORD_ABSENT);
	kept(l, now - 2 * DAY_MS + 90000);
	send(l, now - 60000, "mail", "other",
	     MAIL "\"source_code\",\"count\":1,\"masked\":true}]", 700, 700, 7, "USD", 1000000);
	send(l, now - 30000, "mail", "mistral", NULL, 900, 0, RECORD_ABSENT, NULL,
	     RECORD_ABSENT);
	ledger_close(l);
	return 0;
}
