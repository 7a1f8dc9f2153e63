/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither doctor`: one line per check, OK, WARN or FAIL, each with the command that mends it.
 * Exit 0 all well, 10 with warnings, 1 with failures. Needs no daemon for what lies in files.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/engines.h"
#include "cli/policy_stack.h"
#include "common/file.h"
#include "consent/ledger.h"
#include "crypto/crypto.h"
#include "models/models.h"

static const char *const level_name[] = { "OK", "WARN", "FAIL" };

void doctor_say(struct doctor *d, enum doctor_level level, const char *check, const char *fix,
		const char *format, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	d->count[level]++;
	if (d->cli->json) {
		if (d->json.len > 1 && d->json.ptr[d->json.len - 1] == '}')
			buf_add_char(&d->json, ',');
		buf_add_char(&d->json, '{');
		json_put_key_cstr(&d->json, "check", check);
		json_put_key_cstr(&d->json, "status", level_name[level]);
		json_put_key_cstr(&d->json, "message", text);
		json_put_key_cstr(&d->json, "fix", fix);
		buf_add_char(&d->json, '}');
		return;
	}
	printf("%-4s  %-10s ", level_name[level], check);
	cli_print_safe(stdout, span_of(text));
	putchar('\n');
	if (fix != NULL && level != DOCTOR_OK)
		printf("                 mend: %s\n", fix);
}

/* --- files --- */

static void check_modes(struct doctor *d)
{
	static const char *const names[] = { "hither.sock", "consent.sock", "admin.sock" };
	char path[600];
	struct stat st;

	if (stat(d->cli->runtime_dir, &st) != 0) {
		doctor_say(d, DOCTOR_WARN, "sockets", "hitherd --user &",
			   "%s does not exist: no daemon was started", d->cli->runtime_dir);
		return;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077) != 0) {
		doctor_say(d, DOCTOR_FAIL, "sockets", "chmod 700 DIR, then start hitherd again",
			   "%s is not a folder of yours alone (mode %04o)", d->cli->runtime_dir,
			   (unsigned)st.st_mode & 07777);
		return;
	}
	for (size_t i = 0; i < LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", d->cli->runtime_dir, names[i]);
		if (stat(path, &st) != 0)
			doctor_say(d, DOCTOR_WARN, "sockets", "hitherd --user &",
				   "%s is not there", path);
		else if ((st.st_mode & 077) != 0)
			doctor_say(d, DOCTOR_FAIL, "sockets", "restart hitherd",
				   "%s is open to others (mode %04o)", path,
				   (unsigned)st.st_mode & 07777);
		else
			doctor_say(d, DOCTOR_OK, "sockets", NULL, "%s is yours alone",
				   names[i]);
	}
}

static void check_secrets(struct doctor *d)
{
	char folder[600], path[1200];
	struct dirent *entry;
	struct stat st;
	unsigned n = 0;
	DIR *dir;

	snprintf(folder, sizeof folder, "%s/secrets.d", cli_config_dir());
	dir = opendir(folder);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.' || lstat(path, &st) != 0 || S_ISDIR(st.st_mode))
			continue;
		if (!S_ISREG(st.st_mode))
			doctor_say(d, DOCTOR_FAIL, "secrets", "put the file itself there",
				   "%s is a link or no plain file and is not used", path);
		else if (st.st_uid == getuid() && (st.st_mode & 077) == 0)
			n++;
		else
			doctor_say(d, DOCTOR_FAIL, "secrets", "chmod 600 FILE",
				   "%s can be read by others and is not used", path);
	}
	if (dir != NULL)
		closedir(dir);
	doctor_say(d, DOCTOR_OK, "secrets", NULL, "%u provider key%s in %s", n,
		   n == 1 ? "" : "s", folder);
}

static void check_key(struct doctor *d, const char *destination, const char *name,
		      const char *what)
{
	char path[700];

	if (name == NULL)
		return;
	snprintf(path, sizeof path, "%s/secrets.d/%s", cli_config_dir(), name);
	if (access(path, R_OK) != 0)
		doctor_say(d, DOCTOR_WARN, "secrets", "put it into that file, mode 600",
			   "the destination %s needs the %s %s, and there is none in %s",
			   destination, what, name, path);
}

/* Each destination of the installed policy that names a key has one. */
static void check_keys(struct doctor *d)
{
	struct policy_stack stack = { .n = 0 };
	struct cli quiet = *d->cli;

	quiet.quiet = true;
	if (policy_stack_installed(&quiet, NULL, &stack) == CLI_OK && stack.set != NULL)
		for (size_t i = 0; i < policy_destinations(stack.set); i++) {
			const struct policy_destination *one = policy_destination(stack.set, i);

			check_key(d, one->name, one->auth_secret, "key");
			check_key(d, one->name, one->auth_mtls, "client certificate");
		}
	policy_stack_free(&stack);
}

/* With --host of another daemon, this user's own files say nothing about it. */
static bool is_own_daemon(const struct cli *cli)
{
	return strcmp(cli->runtime_dir, cli_runtime_dir()) == 0;
}

static void check_proxy(struct doctor *d)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
					     "ALL_PROXY" };

	for (size_t i = 0; i < LEN(names); i++) {
		const char *proxy = getenv(names[i]);

		if (proxy != NULL && proxy[0] != '\0') {
			doctor_say(d, DOCTOR_WARN, "proxy", NULL,
				   "%s is set; hither ignores it unless a destination says "
				   "\"proxy\": \"env\". "
				   "A proxy that opens TLS sees the text",
				   names[i]);
			return;
		}
	}
	doctor_say(d, DOCTOR_OK, "proxy", NULL, "no proxy in the environment");
}

static void check_kernel(struct doctor *d)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, 1u);

	if (abi > 0)
		doctor_say(d, DOCTOR_OK, "kernel", NULL, "Landlock ABI %ld", abi);
	else
		doctor_say(d, DOCTOR_WARN, "kernel", NULL,
			   "this kernel has no Landlock; seccomp still confines the roles");
}

static void check_model(struct doctor *d)
{
	struct arena *a = arena_new("doctor", 8u << 20);
	struct model_list list = { 0 };
	struct json_where where;
	char path[700];
	struct buf text;
	struct stat st;
	struct statvfs fs;

	snprintf(path, sizeof path, "%s/index.json", cli_models_dir());
	buf_init(&text, 1u << 20);
	if (a == NULL || file_read(path, 1u << 20, &text) != ERR_OK ||
	    models_index_parse(buf_span(&text), a, &list, &where) != ERR_OK || list.n == 0) {
		doctor_say(d, DOCTOR_FAIL, "model", "hither model pull",
			   "no on-device model is installed in %s", cli_models_dir());
	} else {
		const struct model *m = models_find(&list, list.chosen);

		if (m == NULL)
			doctor_say(d, DOCTOR_WARN, "model", "hither model use NAME",
				   "%u installed, none chosen", list.n);
		else if (snprintf(path, sizeof path, "%s/%s", cli_models_dir(), m->file) < 0 ||
			 stat(path, &st) != 0)
			doctor_say(d, DOCTOR_FAIL, "model", "hither model pull",
				   "the file of %s is missing", m->name);
		else if ((uint64_t)st.st_size != m->bytes)
			doctor_say(d, DOCTOR_FAIL, "model", "hither model pull",
				   "%s has %lld bytes instead of %llu: it is refused", m->name,
				   (long long)st.st_size, (unsigned long long)m->bytes);
		else
			doctor_say(d, DOCTOR_OK, "model", NULL, "%s, %llu MB", m->name,
				   (unsigned long long)m->bytes / 1000000);
	}
	if (statvfs(cli_data_dir(), &fs) == 0 && fs.f_bavail * fs.f_frsize < (1ull << 30))
		doctor_say(d, DOCTOR_WARN, "disk", NULL, "less than 1 GiB is free below %s",
			   cli_data_dir());
	buf_free(&text);
	arena_free(a);
}

static void check_ledger(struct doctor *d)
{
	struct ledger_problem problem = { "", "" };
	struct ledger_report report;
	struct ledger *l = NULL;
	enum err e = crypto_init();

	if (e == ERR_OK)
		e = ledger_open(cli_state_dir(), LEDGER_READ, &l, &problem);
	if (e == ERR_NOT_FOUND) {
		doctor_say(d, DOCTOR_OK, "ledger", NULL, "empty: nothing was ever recorded");
		return;
	}
	if (e == ERR_OK)
		e = ledger_verify(l, 0, 0, NULL, 0, &report, NULL, NULL);
	ledger_close(l);
	if (e != ERR_OK)
		doctor_say(d, DOCTOR_FAIL, "ledger",
			   problem.next[0] != '\0' ? problem.next : "hither ledger verify",
			   "%s", problem.text[0] != '\0' ? problem.text : err_text(e));
	else if (report.ok)
		doctor_say(d, DOCTOR_OK, "ledger", NULL, "%llu records, chain whole",
			   (unsigned long long)report.records);
	else
		doctor_say(d, report.acknowledged ? DOCTOR_WARN : DOCTOR_FAIL, "ledger",
			   "hither ledger verify", "broken at record %llu: %s",
			   (unsigned long long)report.first_bad, report.problem);
}

/* --- the running daemon --- */

static bool has_no_network(const cJSON *role)
{
	const cJSON *word;

	cJSON_ArrayForEach (word, cJSON_GetObjectItemCaseSensitive(role, "sandbox"))
		if (cJSON_IsString(word) && strcmp(word->valuestring, "no_network") == 0)
			return true;
	return false;
}

/* ", files by Landlock 7, an empty network namespace" */
static void confinement_words(const cJSON *role, double landlock_abi, char *out, size_t cap)
{
	char landlock[32] = "";

	if (landlock_abi > 0)
		snprintf(landlock, sizeof landlock, ", files by Landlock %.0f", landlock_abi);
	snprintf(out, cap, "%s%s", landlock,
		 has_no_network(role) ? ", an empty network namespace" : "");
}

static void check_roles(struct doctor *d, const cJSON *status)
{
	const cJSON *role;

	cJSON_ArrayForEach (role, json_get_object(status, "roles")) {
		double pid = 0;
		bool sandboxed = false;
		const char *detail = json_get_string(role, "detail");
		const char *filter = json_get_string(role, "filter");
		const char *helpers = json_get_string(role, "helpers");
		char words[100];
		double abi = 0;

		json_get_number(role, "pid", &pid);
		json_get_bool(role, "sandboxed", &sandboxed);
		json_get_number(role, "landlock_abi", &abi);
		confinement_words(role, abi, words, sizeof words);
		if (pid <= 0)
			doctor_say(d, DOCTOR_FAIL, "roles", "see hitherd's log",
				   "%s is not running", role->string);
		else if (!sandboxed)
			doctor_say(d, DOCTOR_WARN, "roles", NULL,
				   "%s runs without its sandbox: %s", role->string,
				   detail != NULL ? detail : "no reason given");
		else
			doctor_say(d, DOCTOR_OK, "roles", NULL,
				   "%s runs confined: system calls %s%s%s%s", role->string,
				   filter != NULL ? filter : "unfiltered", words,
				   detail != NULL && detail[0] != '\0'
					   ? "; not to be had here: "
					   : "",
				   detail != NULL ? detail : "");
		if (helpers != NULL)
			doctor_say(d, DOCTOR_OK, "roles", NULL, "%s is helped by %s",
				   role->string, helpers);
	}
}

static void check_classifier(struct doctor *d, const cJSON *status)
{
	const cJSON *c = json_get_object(status, "classifier");
	const char *name = json_get_string(c, "name");
	const char *problem = json_get_string(c, "problem");

	if (problem != NULL)
		doctor_say(d, DOCTOR_WARN, "classifier",
			   "reinstall hither, or set routing.classifier to a file that fits",
			   "%s", problem);
	else
		doctor_say(d, DOCTOR_OK, "classifier", NULL, "scores by %s",
			   name != NULL ? name : "unknown");
}

static void check_engine_and_policy(struct doctor *d, const cJSON *status)
{
	const cJSON *engine = json_get_object(status, "engine");
	const cJSON *policy = json_get_object(status, "policy");
	const char *state = json_get_string(engine, "state");
	const char *detail = json_get_string(engine, "detail");

	if (state != NULL && (strcmp(state, "failed") == 0 || strcmp(state, "missing") == 0))
		doctor_say(d, DOCTOR_FAIL, "engine", "./quickstart", "%s: %s", state,
			   detail != NULL ? detail : "");
	else
		doctor_say(d, DOCTOR_OK, "engine", NULL, "%s",
			   state != NULL ? state : "unknown");
	state = json_get_string(policy, "state");
	detail = json_get_string(policy, "problem");
	if (state != NULL && strcmp(state, "active") != 0)
		doctor_say(d, strcmp(state, "lockdown") == 0 ? DOCTOR_FAIL : DOCTOR_WARN,
			   "policy", "hither policy check --installed", "%s: %s", state,
			   detail != NULL ? detail : "");
	else
		doctor_say(d, DOCTOR_OK, "policy", NULL, "active");
}

static void check_not_done(struct doctor *d, const cJSON *status)
{
	const cJSON *name;

	cJSON_ArrayForEach (name,
			    json_get_array(json_get_object(status, "policy"), "not_done")) {
		doctor_say(d, DOCTOR_WARN, "policy",
			   "hither ledger export --format jsonl, from a timer of yours",
			   "the policy asks for %s, and hitherd sends records nowhere",
			   cJSON_GetStringValue(name));
	}
}

/* Matters only where the policy wants it; otherwise it is one line for who thinks of it. */
static void check_strong_auth(struct doctor *d, const cJSON *status)
{
	const cJSON *strong = json_get_object(status, "strong_auth");
	bool wanted = false, possible = false;

	json_get_bool(strong, "wanted", &wanted);
	json_get_bool(strong, "possible", &possible);
	if (possible)
		doctor_say(d, DOCTOR_OK, "strong", NULL,
			   "polkit can ask people who they are (strong_auth_for)");
	else
		doctor_say(d, wanted ? DOCTOR_WARN : DOCTOR_OK, "strong",
			   wanted ? "sudo apt install polkitd; sudo install -m 644 "
				    "config/polkit/org.hither.consent.policy "
				    "/usr/share/polkit-1/actions/"
				  : NULL,
			   "%s",
			   wanted ? "your policy wants a proof of who you are "
				    "(strong_auth_for), and polkit cannot be asked: such "
				    "requests stay here"
				  : "polkit cannot be asked who people are; no rule of yours "
				    "needs it (strong_auth_for)");
}

static void check_daemon(struct doctor *d)
{
	cJSON *status = cli_fetch(d->cli, CLI_SOCKET_ADMIN, "/hither/v1/status", 10000);

	if (status == NULL) {
		doctor_say(d, DOCTOR_FAIL, "daemon", "hitherd --user &",
			   "no daemon answers at %s", d->cli->host);
	} else {
		doctor_say(d, DOCTOR_OK, "daemon", NULL, "answers at %s", d->cli->host);
		check_roles(d, status);
		check_classifier(d, status);
		check_engine_and_policy(d, status);
		check_not_done(d, status);
		check_strong_auth(d, status);
	}
	cJSON_Delete(status);
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	struct doctor d = { .cli = cli };

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "doctor takes no arguments");
	buf_init(&d.json, 1u << 20);
	buf_add_char(&d.json, '[');
	if (!cli_flag(cli, "offline")) {
		check_daemon(&d);
		engines_doctor(&d);
	}
	check_modes(&d);
	if (is_own_daemon(cli)) {
		check_model(&d);
		check_ledger(&d);
		check_secrets(&d);
		check_keys(&d);
	} else {
		doctor_say(&d, DOCTOR_OK, "files", NULL,
			   "the daemon at %s is not the one of your own folders: its model, "
			   "ledger "
			   "and keys were not looked at",
			   cli->host);
	}
	check_proxy(&d);
	check_kernel(&d);
	buf_add_char(&d.json, ']');
	if (cli->json) {
		struct buf b;

		buf_init(&b, 1u << 20);
		buf_printf(&b,
			   "{\"schema\":\"hither.doctor/"
			   "1\",\"ok\":%s,\"warnings\":%u,\"failures\":%u,\"checks\":",
			   d.count[DOCTOR_FAIL] == 0 ? "true" : "false", d.count[DOCTOR_WARN],
			   d.count[DOCTOR_FAIL]);
		buf_add(&b, buf_span(&d.json));
		buf_add_char(&b, '}');
		cli_print_json(cli, buf_span(&b));
		buf_free(&b);
	} else {
		printf("\n%u well, %u warnings, %u failures\n", d.count[DOCTOR_OK],
		       d.count[DOCTOR_WARN], d.count[DOCTOR_FAIL]);
	}
	buf_free(&d.json);
	if (d.count[DOCTOR_FAIL] > 0)
		return CLI_FAILED;
	return d.count[DOCTOR_WARN] > 0 ? CLI_WARNINGS : CLI_OK;
}
