/* SPDX-License-Identifier: Apache-2.0 */
/* `hither status`: one screen. Exit 0 ready, 3 not running, 10 running with something to mend.
 */
#include <string.h>

#include "cli/cli.h"

static void print_roles(struct cli *cli, const cJSON *status)
{
	static const char *const headings[] = { "ROLE",         "PID",      "SANDBOX",
						"SYSTEM CALLS", "LANDLOCK", "RESTARTS" };
	struct cli_table *t = cli_table_new(cli, headings, 6);
	const cJSON *role;

	cJSON_ArrayForEach (role, json_get_object(status, "roles")) {
		double pid = 0, restarts = 0, abi = 0;
		const char *filter = json_get_string(role, "filter");
		bool sandboxed = false;

		json_get_number(role, "pid", &pid);
		json_get_number(role, "restarts", &restarts);
		json_get_bool(role, "sandboxed", &sandboxed);
		json_get_number(role, "landlock_abi", &abi);
		cli_table_cell(t, "%s", role->string);
		if (pid > 0)
			cli_table_cell(t, "%.0f", pid);
		else
			cli_table_cell(t, "DOWN");
		cli_table_cell(t, "%s", sandboxed ? "yes" : "NO");
		cli_table_cell(t, "%s", filter != NULL ? filter : "-");
		if (abi > 0)
			cli_table_cell(t, "%.0f", abi);
		else
			cli_table_cell(t, "-");
		cli_table_cell(t, "%.0f", restarts);
	}
	cli_table_print(t);
}

/* What could not be had, and what is in force on the processes that help. */
static void print_confinement(const cJSON *status)
{
	static const char *const keys[] = { "detail", "helpers" };
	const cJSON *role;

	cJSON_ArrayForEach (role, json_get_object(status, "roles"))
		for (size_t i = 0; i < LEN(keys); i++) {
			const char *text = json_get_string(role, keys[i]);

			if (text == NULL || text[0] == '\0')
				continue;
			printf("%s %s: ", role->string, i == 0 ? "without" : "helped by");
			cli_print_safe(stdout, span_of(text));
			putchar('\n');
		}
}

static void print_classifier(const cJSON *status)
{
	const cJSON *c = json_get_object(status, "classifier");
	const char *problem = json_text_or(c, "problem", "");

	printf("\nscores  by %s", json_text_or(c, "name", "unknown"));
	if (problem[0] != '\0') {
		fputs(": ", stdout);
		cli_print_safe(stdout, span_of(problem));
	}
}

/* "device  on battery, 41 %, metered, screen locked"; what is unknown is left out. */
static void print_device(const cJSON *status)
{
	const cJSON *device = json_get_object(status, "device");
	const char *power = json_text_or(device, "power", NULL);
	const char *network = json_text_or(device, "network", NULL);
	const char *thermal = json_text_or(device, "thermal", NULL);
	bool locked = false, vpn = false;
	double pct = 0;

	if (device == NULL)
		return;
	printf("\ndevice  %s", power == NULL                   ? "power unknown"
			       : strcmp(power, "battery") == 0 ? "on battery"
							       : "on mains");
	if (power != NULL && strcmp(power, "battery") == 0 &&
	    json_get_number(device, "battery_pct", &pct))
		printf(", %.0f %%", pct);
	if (network != NULL)
		printf(", %s", network);
	if (json_get_bool(device, "vpn", &vpn) && vpn)
		printf(", VPN");
	if (thermal != NULL && strcmp(thermal, "nominal") != 0)
		printf(", heat %s", thermal);
	if (json_get_bool(device, "locked", &locked))
		printf(", screen %s", locked ? "locked" : "not locked");
}

/* False: nothing leaves this device until a person has looked at it. */
static bool print_ledger(const cJSON *status)
{
	const cJSON *ledger = json_get_object(status, "ledger");
	bool ok = true;

	if (!json_get_bool(ledger, "ok", &ok) || ok)
		return true;
	fputs("\nledger  BROKEN, nothing leaves this device: ", stdout);
	cli_print_safe(stdout,
		       span_of(json_text_or(ledger, "problem", "hither ledger verify")));
	return false;
}

static bool print_status(struct cli *cli, const cJSON *status)
{
	const cJSON *engine = json_get_object(status, "engine");
	const cJSON *policy = json_get_object(status, "policy");
	const char *state = json_text_or(policy, "state", "unknown");
	const char *engine_state = json_text_or(engine, "state", "unknown");
	double pending = 0;
	bool ready = false, whole;

	json_get_bool(status, "ready", &ready);
	json_get_number(status, "pending_consents", &pending);
	printf("%shither %s%s   %s\n", cli_bold(cli), HITHER_VERSION, cli_normal(cli),
	       ready ? "READY" : "NOT READY");
	printf("engine  %s", engine_state);
	if (json_get_string(engine, "model") != NULL)
		printf(", model %s", json_text_or(engine, "model", "none chosen"));
	if (json_text_or(engine, "detail", "")[0] != '\0') {
		fputs(": ", stdout);
		cli_print_safe(stdout, span_of(json_text_or(engine, "detail", "")));
	}
	printf("\npolicy  %s, %s", json_text_or(policy, "id", "built-in defaults"), state);
	if (json_text_or(policy, "problem", "")[0] != '\0') {
		fputs(": ", stdout);
		cli_print_safe(stdout, span_of(json_text_or(policy, "problem", "")));
	}
	print_classifier(status);
	print_device(status);
	whole = print_ledger(status);
	printf("\nasking  %.0f open question%s\n\n", pending, pending == 1 ? "" : "s");
	print_roles(cli, status);
	print_confinement(status);
	return ready && whole && strcmp(state, "active") == 0 &&
	       strcmp(engine_state, "failed") != 0 && strcmp(engine_state, "missing") != 0;
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
	cJSON *status;
	int code;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "status takes no arguments");
	code = cli_call_tree(cli,
			     &(struct cli_request){ .socket = CLI_SOCKET_ADMIN,
						    .method = "GET",
						    .path = "/hither/v1/status",
						    .timeout_ms = 10000 },
			     cli->json, &status);
	if (status != NULL && !print_status(cli, status))
		code = CLI_WARNINGS;
	cJSON_Delete(status);
	return code;
}
