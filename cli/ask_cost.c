/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer cost. The consent role settles it when the destination's reply has ended, and
 * writes it down; the receipt says so. */
#include <stdio.h>
#include <unistd.h>

#include "cli/ask.h"
#include "common/json.h"

#define TRIES    30
#define PAUSE_US 100000

/* Has the release ended? Then *ret_tree is its receipt. */
static bool is_settled(const struct cli *cli, const char *receipt, cJSON **ret_tree)
{
	char path[96];
	cJSON *tree;

	snprintf(path, sizeof path, "/hither/v1/receipts/%s", receipt);
	tree = cli_fetch(cli, CLI_SOCKET_CONSENT, path, 5000);
	if (tree != NULL && json_get_object(tree, "outcome") == NULL) {
		cJSON_Delete(tree);
		return false;
	}
	*ret_tree = tree; /* NULL, nobody to ask: there is nothing to wait for */
	return true;
}

bool cli_settled_cost(const struct cli *cli, const char *receipt, struct ask_cost *ret)
{
	cJSON *tree = NULL;
	const cJSON *cost;
	const char *currency;
	bool found;

	if (receipt[0] == '\0')
		return false;
	for (unsigned i = 0; i < TRIES && !is_settled(cli, receipt, &tree); i++)
		(void)usleep(PAUSE_US);
	cost = json_get_object(tree, "cost");
	currency = json_get_string(cost, "currency");
	found = currency != NULL && json_get_number(cost, "actual", &ret->amount) &&
		span_copy(span_of(currency), ret->currency, sizeof ret->currency);
	cJSON_Delete(tree);
	return found;
}
