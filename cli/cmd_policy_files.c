/* SPDX-License-Identifier: Apache-2.0 */
/* `hither policy` commands that write: sign, verify, install, edit, reload, accept-removal.
 * Nothing is put in place before it has been loaded together with everything installed. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/policy_stack.h"
#include "common/file.h"
#include "crypto/crypto.h"

#define PATH_ROOM (PATH_MAX + 64)

static int failed(struct cli *cli, const char *path, enum err e)
{
	return cli_error(cli, CLI_FAILED, "internal_error", NULL, "%s: %s", path,
			 e == ERR_SYSTEM ? strerror(errno) : err_text(e));
}

static int ready(struct cli *cli)
{
	return crypto_init() == ERR_OK ? CLI_OK
				       : cli_error(cli, CLI_FAILED, "internal_error", NULL,
						   "cryptography is not available");
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* FILE.sig; an empty buffer when there is none. */
static int read_signature(struct cli *cli, const char *path, struct buf *ret)
{
	char sig[PATH_ROOM];

	snprintf(sig, sizeof sig, "%s.sig", path);
	if (access(sig, F_OK) == 0)
		return policy_read_file(cli, sig, ret);
	buf_init(ret, 65536);
	return CLI_OK;
}

/* ---------------------------------------------------------------- sign, verify */

static int write_signature(struct cli *cli, const char *path, struct span key, struct span text,
			   struct span existing)
{
	struct policy_error error;
	char sig[PATH_ROOM];
	struct buf out;
	int code = CLI_OK;

	buf_init(&out, 65536);
	snprintf(sig, sizeof sig, "%s.sig", path);
	if (policy_sign(key, text, existing, &out, &error) != ERR_OK) {
		code = policy_stack_refused(cli, &error);
	} else {
		enum err e = file_write(sig, buf_span(&out), 0644);
		if (e != ERR_OK)
			code = failed(cli, sig, e);
	}
	if (code == CLI_OK && !cli->quiet)
		printf("%s\n", sig);
	buf_free(&out);
	return code;
}

int cmd_policy_sign(struct cli *cli, int argc, char **argv)
{
	const char *key_path = cli_option(cli, "key");
	struct buf key, text, existing;
	int code = ready(cli);

	if (argc != 1 || key_path == NULL)
		return cli_usage(cli, "--key KEY and one FILE are needed");
	buf_init(&key, 65536);
	buf_init(&text, 65536);
	buf_init(&existing, 65536);
	if (code == CLI_OK && file_read_secret(key_path, 65536, &key) != ERR_OK)
		code = cli_error(cli, CLI_AUTH, "authentication_required",
				 "chmod 600 the key file; it must be yours",
				 "%s cannot be read as a secret", key_path);
	if (code == CLI_OK)
		code = policy_read_file(cli, argv[0], &text);
	if (code == CLI_OK && cli_flag(cli, "add"))
		code = read_signature(cli, argv[0], &existing);
	if (code == CLI_OK)
		code = write_signature(cli, argv[0], buf_span(&key), buf_span(&text),
				       buf_span(&existing));
	if (key.ptr != NULL)
		crypto_wipe(key.ptr, key.len);
	buf_free(&key);
	buf_free(&text);
	buf_free(&existing);
	return code;
}

/* Checks text and signature against the trust folder. */
static int verify(struct cli *cli, const char *path, struct span text, struct span signature,
		  const struct policy_trust *trust)
{
	struct policy_error error;
	char signer[CRYPTO_KEY_ID_BYTES];

	if (signature.len == 0)
		return cli_error(cli, CLI_POLICY_INVALID, "policy_invalid",
				 "hither policy sign", "%s.sig is missing", path);
	if (policy_verify(trust, text, signature, signer, &error) != ERR_OK) {
		snprintf(error.file, sizeof error.file, "%.150s", path);
		return policy_stack_refused(cli, &error);
	}
	if (!cli->quiet && !cli->json)
		printf("%s: signed by %s\n", path, signer);
	return CLI_OK;
}

int cmd_policy_verify(struct cli *cli, int argc, char **argv)
{
	struct policy_trust *trust = NULL;
	struct buf text, signature;
	int code = ready(cli);

	if (argc != 1)
		return cli_usage(cli, "one FILE is needed");
	buf_init(&text, 65536);
	buf_init(&signature, 65536);
	if (code == CLI_OK)
		code = policy_trust_installed(cli, &trust);
	if (code == CLI_OK && trust == NULL)
		code = cli_error(cli, CLI_FAILED, "invalid_request", "--trust DIR",
				 "there are no trusted keys");
	if (code == CLI_OK)
		code = policy_read_file(cli, argv[0], &text);
	if (code == CLI_OK)
		code = read_signature(cli, argv[0], &signature);
	if (code == CLI_OK)
		code = verify(cli, argv[0], buf_span(&text), buf_span(&signature), trust);
	policy_trust_free(trust);
	buf_free(&text);
	buf_free(&signature);
	return code;
}

/* ---------------------------------------------------------------- putting in place */

/* The stack with this file in it must load, and the file must be part of it. */
static int try_out(struct cli *cli, const struct policy_found *f)
{
	struct policy_stack s;
	int code = policy_stack_installed(cli, f, &s);

	for (size_t i = 0; code == CLI_OK && i < s.loaded.n_problems; i++) {
		const struct policy_problem *p = &s.loaded.problems[i];

		if (p->layer == f->layer && strcmp(p->error.file, f->name) == 0 &&
		    p->kind != POLICY_PROBLEM_MASKED)
			code = policy_stack_refused(cli, &p->error);
	}
	policy_stack_free(&s);
	return code;
}

/* The file that is there now must not have a higher serial. */
static int serial_rises(struct cli *cli, const struct policy_found *f, const char *path)
{
	struct policy_file *now = NULL, *next = NULL;
	struct policy_error ignored;
	struct buf text;
	int code = CLI_OK;

	buf_init(&text, POLICY_FILE_MAX_BYTES);
	if (file_read(path, POLICY_FILE_MAX_BYTES, &text) == ERR_OK &&
	    policy_file_parse(buf_span(&text), f->layer, f->name, path, 0, &now, &ignored) ==
		    ERR_OK &&
	    policy_file_parse(f->text, f->layer, f->name, path, 0, &next, &ignored) == ERR_OK &&
	    strcmp(policy_file_info(now).id, policy_file_info(next).id) == 0 &&
	    policy_file_info(next).serial < policy_file_info(now).serial)
		code = cli_error(cli, CLI_POLICY_INVALID, "policy_invalid", NULL,
				 "serial %lld is lower than that of the installed file, %lld",
				 (long long)policy_file_info(next).serial,
				 (long long)policy_file_info(now).serial);
	policy_file_free(now);
	policy_file_free(next);
	buf_free(&text);
	return code;
}

/* Signature first: between the two writes the old file does not match, and a daemon keeps what
 * it has. */
static int put(struct cli *cli, const char *folder, const char *name, struct span text,
	       struct span signature)
{
	char path[2 * PATH_ROOM], sig[2 * PATH_ROOM + 8];
	enum err e = file_mkdirs(folder, 0755);

	snprintf(path, sizeof path, "%s/%s", folder, name);
	snprintf(sig, sizeof sig, "%s.sig", path);
	if (e == ERR_OK && signature.len > 0)
		e = file_write(sig, signature, 0644);
	if (e == ERR_OK)
		e = file_write(path, text, 0644);
	if (e != ERR_OK)
		return failed(cli, path, e);
	if (!cli->quiet)
		printf("%s\n", path);
	return CLI_OK;
}

static int install_policy(struct cli *cli, char *path, struct span text, struct span signature)
{
	struct policy_found f = { .text = text };
	char folder[PATH_ROOM], target[2 * PATH_ROOM];
	int code = policy_stack_layer(cli, &path, &f.layer);

	f.name = f.path = base_name(path);
	if (signature.len > 0)
		f.signature = signature;
	policy_stack_folder(cli, f.layer, folder, sizeof folder);
	snprintf(target, sizeof target, "%s/%s", folder, f.name);
	if (code == CLI_OK)
		code = try_out(cli, &f);
	if (code == CLI_OK)
		code = serial_rises(cli, &f, target);
	return code == CLI_OK ? put(cli, folder, f.name, text, signature) : code;
}

/* A new key must be signed by the keys trusted now; the first one is root's to put there. */
static int install_key(struct cli *cli, const char *path, struct span pem,
		       struct span signature)
{
	const char *etc = cli_option(cli, "etc-dir");
	struct policy_trust *trust = NULL, *parsed = NULL;
	struct policy_error error;
	char folder[PATH_ROOM];
	int code = policy_trust_installed(cli, &trust);

	if (code == CLI_OK && policy_trust_new(&pem, 1, 1, &parsed, &error) != ERR_OK)
		code = policy_stack_refused(cli, &error);
	if (code == CLI_OK && trust != NULL)
		code = verify(cli, path, pem, signature, trust);
	snprintf(folder, sizeof folder, "%s/trust.d", etc != NULL ? etc : "/etc/hither");
	if (code == CLI_OK)
		code = put(cli, folder, base_name(path), pem, signature);
	policy_trust_free(parsed);
	policy_trust_free(trust);
	return code;
}

int cmd_policy_install(struct cli *cli, int argc, char **argv)
{
	struct buf text, signature;
	int code = ready(cli);

	if (argc != 1)
		return cli_usage(cli, "one FILE is needed");
	char *path = argv[0];
	char *equals = strchr(path, '=');
	const char *file = equals != NULL && access(path, F_OK) != 0 ? equals + 1 : path;
	size_t n = strlen(file);
	buf_init(&signature, 65536);
	buf_init(&text, 65536);
	if (code == CLI_OK)
		code = policy_read_file(cli, file, &text);
	if (code == CLI_OK)
		code = read_signature(cli, file, &signature);
	if (code == CLI_OK && n > 4 && strcmp(file + n - 4, ".pem") == 0)
		code = install_key(cli, file, buf_span(&text), buf_span(&signature));
	else if (code == CLI_OK)
		code = install_policy(cli, path, buf_span(&text), buf_span(&signature));
	buf_free(&text);
	buf_free(&signature);
	return code;
}

/* ---------------------------------------------------------------- edit */

static const char template[] =
	"{\n"
	"  \"hither_policy\": 1,\n"
	"  \"id\": \"mine\",\n"
	"  \"title\": \"My policy\",\n\n"
	"  // What happens when no rule says otherwise.\n"
	"  \"default\": { \"device\": \"allow\", \"trusted\": \"ask\", \"cloud\": \"ask\" "
	"},\n\n"
	"  \"rules\": [\n"
	"    { \"id\": \"secrets-stay\", \"effect\": \"local_only\",\n"
	"      \"when\": { \"data\": { \"any\": [\"secret.*\"] } },\n"
	"      \"because\": \"Keys and passwords never leave this device.\" }\n"
	"  ]\n"
	"}\n";

static int run_editor(struct cli *cli, const char *path)
{
	const char *editor = getenv("VISUAL");
	char command[PATH_ROOM];
	int status = 0;

	if (editor == NULL || editor[0] == '\0')
		editor = getenv("EDITOR");
	if (editor == NULL || editor[0] == '\0')
		editor = "vi";
	snprintf(command, sizeof command, "%s \"$1\"", editor);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		return cli_error(cli, CLI_FAILED, "internal_error", "set EDITOR",
				 "the editor %s did not end well", editor);
	return CLI_OK;
}

/* On the terminal; no terminal means no. */
static bool wants_again(void)
{
	FILE *tty = fopen("/dev/tty", "r+");
	char answer[16] = "n";

	if (tty == NULL)
		return false;
	fputs("edit again? [Y/n] ", tty);
	fflush(tty);
	if (fgets(answer, sizeof answer, tty) == NULL)
		answer[0] = 'n';
	fclose(tty);
	return answer[0] != 'n' && answer[0] != 'N';
}

/* Reads the draft back and tries it; CLI_OK leaves its text in *ret. */
static int draft_ok(struct cli *cli, const char *draft, const struct policy_found *target,
		    struct buf *ret)
{
	struct policy_found f = *target;
	int code = policy_read_file(cli, draft, ret);

	f.text = buf_span(ret);
	if (code == CLI_OK)
		code = try_out(cli, &f);
	return code;
}

static int edit_rounds(struct cli *cli, const char *path, const char *draft,
		       const struct policy_found *f, struct span before)
{
	for (;;) {
		struct buf text;
		int code = run_editor(cli, draft);

		if (code != CLI_OK)
			return code;
		code = draft_ok(cli, draft, f, &text);
		if (code == CLI_OK && span_equal(buf_span(&text), before)) {
			fputs("nothing changed\n", stderr);
			buf_free(&text);
			return CLI_OK;
		}
		if (code == CLI_OK) {
			enum err e = file_write(path, buf_span(&text), 0600);

			code = e == ERR_OK ? CLI_OK : failed(cli, path, e);
			buf_free(&text);
			return code;
		}
		buf_free(&text);
		if (code != CLI_POLICY_INVALID || !wants_again()) {
			fputs("nothing was saved\n", stderr);
			return code;
		}
	}
}

int cmd_policy_edit(struct cli *cli, int argc, char **argv)
{
	struct policy_found f = { .layer = POLICY_USER };
	char path[2 * PATH_ROOM], folder[PATH_ROOM], draft[2 * PATH_ROOM + 16];
	struct buf before;
	char *given = argc == 1 ? argv[0] : path;
	int code;

	if (argc > 1)
		return cli_usage(cli, "one FILE at most");
	policy_stack_folder(cli, POLICY_USER, folder, sizeof folder);
	snprintf(path, sizeof path, "%s/10-mine.json", folder);
	code = policy_stack_layer(cli, &given, &f.layer);
	if (code != CLI_OK)
		return code;
	if (given == path && file_mkdirs(folder, 0700) != ERR_OK)
		return failed(cli, folder, ERR_SYSTEM);
	f.name = f.path = base_name(given);
	buf_init(&before, POLICY_FILE_MAX_BYTES);
	enum err e = file_read(given, POLICY_FILE_MAX_BYTES, &before);
	if (e == ERR_NOT_FOUND)
		buf_add_str(&before, template);
	else if (e != ERR_OK)
		code = failed(cli, given, e);
	snprintf(draft, sizeof draft, "%.*s/.%s.draft", (int)(base_name(given) - given), given,
		 f.name);
	if (base_name(given) == given)
		snprintf(draft, sizeof draft, ".%s.draft", given);
	if (code == CLI_OK && (e = file_write(draft, buf_span(&before), 0600)) != ERR_OK)
		code = failed(cli, draft, e);
	if (code == CLI_OK)
		code = edit_rounds(cli, given, draft, &f,
				   access(given, F_OK) == 0 ? buf_span(&before)
							    : (struct span){ "", 0 });
	unlink(draft);
	buf_free(&before);
	return code;
}

/* ---------------------------------------------------------------- the daemon */

int cmd_policy_reload(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "reload takes no arguments");
	return cli_call_tree(cli,
			     &(struct cli_request){ .socket = CLI_SOCKET_ADMIN,
						    .method = "POST",
						    .path = "/hither/v1/reload",
						    .timeout_ms = 30000 },
			     cli->json, NULL);
}

/* Keeps the entries of "mandatory" whose file is still there. */
static size_t drop_removed(struct cli *cli, cJSON *seen)
{
	cJSON *list = (cJSON *)json_get_array(seen, "mandatory"), *next;
	size_t dropped = 0;

	for (cJSON *m = list != NULL ? list->child : NULL; m != NULL; m = next) {
		const char *name = json_get_string(m, "name");
		const char *word = json_get_string(m, "layer");
		char folder[PATH_ROOM], path[2 * PATH_ROOM];
		enum policy_layer layer;
		struct stat st;

		next = m->next;
		if (name == NULL || word == NULL || !policy_layer_from(span_of(word), &layer))
			continue;
		policy_stack_folder(cli, layer, folder, sizeof folder);
		snprintf(path, sizeof path, "%s/%s", folder, name);
		if (stat(path, &st) == 0 && st.st_size > 0)
			continue;
		printf("%s %s is no longer expected\n", word, name);
		cJSON_Delete(cJSON_DetachItemViaPointer(list, m));
		dropped++;
	}
	return dropped;
}

int cmd_policy_accept_removal(struct cli *cli, int argc, char **argv)
{
	const char *state = cli_option(cli, "state-dir");
	char path[PATH_ROOM];
	struct json_where where;
	struct buf text, out;
	cJSON *seen = NULL;
	int code;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "accept-removal takes no arguments");
	snprintf(path, sizeof path, "%s/policy-seen.json",
		 state != NULL ? state : cli_state_dir());
	buf_init(&out, 1u << 20);
	code = policy_read_file(cli, path, &text);
	if (code == CLI_OK &&
	    json_parse(buf_span(&text), &json_limits_file, &seen, &where) != ERR_OK)
		code = cli_error(cli, CLI_FAILED, "internal_error", NULL, "%s: %s", path,
				 where.problem);
	if (code == CLI_OK && drop_removed(cli, seen) > 0) {
		json_put_tree(&out, seen);
		enum err e =
			out.failed ? ERR_NO_MEMORY : file_write(path, buf_span(&out), 0600);

		code = e == ERR_OK ? CLI_OK : failed(cli, path, e);
		if (code == CLI_OK && !cli->quiet)
			fputs("now: hither policy reload\n", stderr);
	} else if (code == CLI_OK) {
		fputs("no mandatory file is missing\n", stderr);
	}
	cJSON_Delete(seen);
	buf_free(&text);
	buf_free(&out);
	return code;
}
