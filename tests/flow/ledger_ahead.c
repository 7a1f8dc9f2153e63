/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the newest record of a ledger lie in the future. usage: ledger_ahead STATE_DIR HOURS */
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "consent/ledger.h"

int main(int argc, char **argv)
{
	struct ledger_problem problem = { "", "" };
	struct ledger *l = NULL;
	struct record r;
	enum err e = ERR_SYNTAX;

	if (argc != 3)
		return 2;
	record_init(&r, RECORD_START);
	r.time_ms = clock_wall_ms() + strtoll(argv[2], NULL, 10) * 3600000;
	e = crypto_init();
	if (e == ERR_OK)
		e = ledger_open(argv[1], LEDGER_WRITE, &l, &problem);
	if (e == ERR_OK)
		e = ledger_append(l, &r, 1);
	if (e != ERR_OK)
		fprintf(stderr, "%s %s\n", err_text(e), problem.text);
	ledger_close(l);
	return e == ERR_OK ? 0 : 1;
}
