/* SPDX-License-Identifier: Apache-2.0 */
/* `hither policy …`: the table of its commands, and those that read and answer. */
#include "cli/policy_stack.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/batch.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/text.h"

/* ---------------------------------------------------------------- eval */

static bool eval_line(void *ctx, struct span line, struct buf *out)
{
	const bool *strict = ctx;

	return policy_eval_line(line, *strict, out);
}

static int cmd_eval(struct cli *cli, int argc, char **argv)
{
	bool strict = cli_flag(cli, "strict");

	(void)argv;
	if (argc > 0 || !cli_flag(cli, "jsonl"))
		return cli_usage(cli, "--jsonl reads standard input and takes no file");
	return batch_each(cli, stdin, eval_line, &strict);
}

/* ---------------------------------------------------------------- check */

struct check {
	struct cli *cli;
	struct buf json;
	size_t tests_failed, lints;
	bool verbose;
};

static void on_failed_test(void *ctx, const struct policy_test_result *r)
{
	struct check *c = ctx;
	struct policy_file_info f = policy_file_info(r->file);

	if (r->ok)
		return;
	if (c->tests_failed++ < 20 && !c->cli->json)
		fprintf(stderr, "%s:%u:1: test \"%s\" fails at %s: wanted %s, got %s\n", f.name,
			r->line, r->test, r->destination, r->wanted, r->got);
}

static void on_lint(void *ctx, const struct policy_lint *l)
{
	struct check *c = ctx;
	struct policy_file_info f = policy_file_info(l->file);

	c->lints++;
	if (!c->cli->json) {
		printf("%s:%u:%u: %s: %s\n", f.name, l->line, l->column, l->code, l->message);
		return;
	}
	if (c->json.ptr[c->json.len - 1] != '[')
		buf_add_char(&c->json, ',');
	buf_add_char(&c->json, '{');
	json_put_key_cstr(&c->json, "file", f.name);
	json_put_key_i64(&c->json, "line", l->line);
	json_put_key_i64(&c->json, "column", l->column);
	json_put_key_cstr(&c->json, "code", l->code);
	json_put_key_cstr(&c->json, "message", l->message);
	buf_add_char(&c->json, '}');
}

static int check_report(struct check *c, struct policy_stack *s)
{
	size_t run, wrong;

	policy_tests_run(s->set, NULL, on_failed_test, c, &run);
	buf_printf(&c->json,
		   "{\"schema\":\"hither.policy_check/1\",\"files\":%zu,\"rules\":%zu,"
		   "\"tests\":%zu,\"tests_failed\":%zu,\"lints\":[",
		   policy_set_n_files(s->set), policy_set_n_rules(s->set), run,
		   c->tests_failed);
	policy_lints(s->set, on_lint, c);
	wrong = policy_regexes(s->set, on_lint, c);
	buf_add_str(&c->json, "]}");
	if (c->cli->json)
		cli_print_json(c->cli, buf_span(&c->json));
	else
		printf("%zu files, %zu rules, %zu tests, %zu remarks\n",
		       policy_set_n_files(s->set), policy_set_n_rules(s->set), run, c->lints);
	if (c->tests_failed > 0)
		return cli_error(c->cli, CLI_POLICY_INVALID, "policy_invalid",
				 "hither policy test", "%zu of %zu tests inside the files fail",
				 c->tests_failed, run);
	if (wrong > 0)
		return cli_error(c->cli, CLI_POLICY_INVALID, "policy_invalid", NULL,
				 "%zu regexes cannot be used", wrong);
	if (s->installed && s->loaded.state != POLICY_ACTIVE)
		return cli_error(c->cli, CLI_POLICY_INVALID, "policy_invalid", NULL,
				 "the installed policy is %s: %s",
				 policy_state_name(s->loaded.state), s->loaded.reason);
	return CLI_OK;
}

static int cmd_check(struct cli *cli, int argc, char **argv)
{
	struct check c = { .cli = cli };
	struct policy_stack s;
	int code;

	buf_init(&c.json, 8u << 20);
	code = policy_stack_open(cli, cli_flag(cli, "installed") ? 0 : argc, argv, &s);
	if (code == CLI_OK)
		code = check_report(&c, &s);
	policy_stack_free(&s);
	buf_free(&c.json);
	return code;
}

/* ---------------------------------------------------------------- test */

struct testing {
	struct cli *cli;
	size_t shown;
	struct buf json;
};

static void on_test(void *ctx, const struct policy_test_result *r)
{
	struct testing *t = ctx;
	struct policy_file_info f = policy_file_info(r->file);

	if (t->cli->json) {
		if (t->json.ptr[t->json.len - 1] != '[')
			buf_add_char(&t->json, ',');
		buf_add_char(&t->json, '{');
		json_put_key_cstr(&t->json, "file", f.name);
		json_put_key_i64(&t->json, "line", r->line);
		json_put_key_cstr(&t->json, "test", r->test);
		json_put_key_cstr(&t->json, "destination", r->destination);
		json_put_key_bool(&t->json, "ok", r->ok);
		json_put_key_bool(&t->json, "invariant", r->invariant);
		json_put_key_cstr(&t->json, "wanted", r->wanted);
		json_put_key_cstr(&t->json, "got", r->got);
		buf_add_char(&t->json, '}');
		return;
	}
	if (r->ok && (t->cli->quiet || r->invariant))
		return;
	printf("%-4s  %-52s %-20s %s\n", r->ok ? "ok" : "FAIL", r->test, r->destination,
	       r->got);
	if (!r->ok)
		printf("      %s:%u wanted %s%s\n", f.name, r->line, r->wanted,
		       r->invariant ? ", with every layer" : "");
}

static void on_uncovered(void *ctx, const struct policy_file *file, const char *id,
			 uint32_t line)
{
	(void)ctx;
	printf("%s:%u: no test hits rule \"%s\"\n", policy_file_info(file).name, line, id);
}

static void test_summary(struct testing *t, const struct policy_stack *s, size_t run,
			 size_t failed)
{
	struct cli *cli = t->cli;

	if (cli->json) {
		buf_printf(&t->json,
			   "],\"passed\":%zu,\"failed\":%zu,\"rules\":%zu,\"uncovered\":%zu}",
			   run - failed, failed, policy_set_n_rules(s->set),
			   policy_coverage(s->set, NULL, NULL));
		cli_print_json(cli, buf_span(&t->json));
		return;
	}
	if (cli_flag(cli, "coverage")) {
		size_t uncovered = policy_coverage(s->set, on_uncovered, NULL);
		size_t rules = policy_set_n_rules(s->set);

		printf("%zu of %zu rules hit by a test\n", rules - uncovered, rules);
	}
	printf("%zu passed, %zu failed\n", run - failed, failed);
}

static int test_once(struct cli *cli, int argc, char **argv)
{
	struct testing t = { .cli = cli };
	struct policy_stack s;
	size_t run = 0, failed = 0;
	int code = policy_stack_open(cli, argc, argv, &s);

	buf_init(&t.json, 32u << 20);
	buf_add_str(&t.json, "{\"schema\":\"hither.policy_test/1\",\"results\":[");
	if (code == CLI_OK) {
		failed = policy_tests_run(s.set, NULL, on_test, &t, &run);
		test_summary(&t, &s, run, failed);
		if (failed > 0)
			code = CLI_POLICY_INVALID;
	}
	policy_stack_free(&s);
	buf_free(&t.json);
	return code;
}

/* A number that changes when one of the files does. */
static uint64_t stamp(int argc, char **argv)
{
	uint64_t sum = 0;

	for (int i = 0; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');
		struct stat st;

		if (stat(equals != NULL && access(argv[i], F_OK) != 0 ? equals + 1 : argv[i],
			 &st) == 0)
			sum = sum * 1000003 + (uint64_t)st.st_mtim.tv_sec * 1000000007 +
			      (uint64_t)st.st_mtim.tv_nsec + (uint64_t)st.st_size;
	}
	return sum;
}

static int cmd_test(struct cli *cli, int argc, char **argv)
{
	int code;

	if (cli_flag(cli, "watch") && argc == 0)
		return cli_usage(cli, "--watch needs FILE");
	code = test_once(cli, argc, argv);
	for (uint64_t seen = stamp(argc, argv); cli_flag(cli, "watch");) {
		usleep(300000);
		if (stamp(argc, argv) == seen)
			continue;
		seen = stamp(argc, argv);
		printf("\n");
		code = test_once(cli, argc, argv);
		fflush(stdout);
	}
	return code;
}

/* ---------------------------------------------------------------- show */

static void put_file(struct buf *out, const struct policy_file *file)
{
	struct policy_file_info f = policy_file_info(file);
	char when[CLOCK_RFC3339_BYTES];

	buf_add_char(out, '{');
	json_put_key_cstr(out, "layer", policy_layer_name(f.layer));
	json_put_key_cstr(out, "name", f.name);
	json_put_key_cstr(out, "id", f.id);
	json_put_key_i64(out, "serial", f.serial);
	json_put_key_i64(out, "rules", f.n_rules);
	json_put_key_i64(out, "tests", f.n_tests);
	json_put_key_cstr(out, "signed_by", f.signer[0] != '\0' ? f.signer : NULL);
	if (f.not_after_ms != INT64_MAX)
		clock_rfc3339(f.not_after_ms, when);
	json_put_key_cstr(out, "not_after", f.not_after_ms != INT64_MAX ? when : NULL);
	buf_add_char(out, '}');
}

static void show_json(struct cli *cli, const struct policy_set *s)
{
	const struct policy_file *top = policy_set_top(s);
	struct buf out, text;

	buf_init(&out, 8u << 20);
	buf_init(&text, 8u << 20);
	buf_add_str(&out, "{\"schema\":\"hither.policy/1\"");
	json_put_key_cstr(&out, "id", top != NULL ? policy_file_info(top).id : NULL);
	json_put_key_i64(&out, "serial", top != NULL ? policy_file_info(top).serial : 0);
	json_put_key_cstr(&out, "state", policy_state_name(policy_set_state(s)));
	json_put_key_cstr(&out, "reason", policy_set_reason(s));
	json_put_key(&out, "files");
	buf_add_char(&out, '[');
	for (size_t i = 0; i < policy_set_n_files(s); i++) {
		if (i > 0)
			buf_add_char(&out, ',');
		put_file(&out, policy_set_file(s, i));
	}
	buf_add_char(&out, ']');
	policy_show(s, cli_flag(cli, "effective"), clock_wall_ms(), &text);
	json_put_key_string(&out, "text", buf_span(&text));
	buf_add_char(&out, '}');
	cli_print_json(cli, buf_span(&out));
	buf_free(&text);
	buf_free(&out);
}

static int cmd_show(struct cli *cli, int argc, char **argv)
{
	struct policy_stack s;
	struct buf out;
	int code = policy_stack_open(cli, argc, argv, &s);

	buf_init(&out, 32u << 20);
	if (code == CLI_OK && cli->json) {
		show_json(cli, s.set);
	} else if (code == CLI_OK) {
		policy_show(s.set, cli_flag(cli, "effective"), clock_wall_ms(), &out);
		cli_print_safe(stdout, buf_span(&out));
	}
	buf_free(&out);
	policy_stack_free(&s);
	return code;
}

/* ---------------------------------------------------------------- explain */

static int verdict_exit(struct cli *cli, const struct policy_set *s,
			const struct policy_decision *d)
{
	static const int exits[] = { CLI_OK, CLI_CONSENT_OPEN, CLI_POLICY_DENIED };
	const char *name = cli_option(cli, "verdict");
	size_t i;

	if (name == NULL)
		return CLI_OK;
	if (!policy_destination_find(s, span_of(name), &i))
		return cli_usage(cli, "there is no destination %s", name);
	return exits[d[i].verdict];
}

static void explain_json(struct cli *cli, struct policy_set *s, const struct policy_request *q,
			 const struct policy_decision *d)
{
	struct buf out, text;

	buf_init(&out, 32u << 20);
	buf_init(&text, 32u << 20);
	buf_add_str(&out, "{\"schema\":\"hither.policy_explain/1\"");
	json_put_key(&out, "request");
	policy_request_write(q, &out);
	json_put_key(&out, "destinations");
	buf_add_char(&out, '{');
	for (size_t i = 0; i < policy_destinations(s); i++) {
		json_put_key(&out, policy_destination(s, i)->name);
		policy_decision_write(s, &d[i], &out);
	}
	buf_add_char(&out, '}');
	policy_explain(s, q, clock_wall_ms(), &text);
	json_put_key_string(&out, "text", buf_span(&text));
	buf_add_char(&out, '}');
	cli_print_json(cli, buf_span(&out));
	buf_free(&text);
	buf_free(&out);
}

static int explain(struct cli *cli, const char *id, struct policy_set *s, struct arena *a)
{
	struct policy_decision *d = policy_decisions_new(s, policy_destinations(s), a);
	struct policy_request q;
	struct buf out;
	int code = id != NULL ? policy_request_recorded(cli, id, a, &q)
			      : policy_request_given(cli, a, &q);

	if (code != CLI_OK)
		return code;
	if (d == NULL)
		return cli_error(cli, CLI_FAILED, "internal_error", NULL, "memory is out");
	policy_decide_all(s, &q, d);
	if (cli->json) {
		explain_json(cli, s, &q, d);
	} else {
		buf_init(&out, 32u << 20);
		policy_explain(s, &q, clock_wall_ms(), &out);
		cli_print_safe(stdout, buf_span(&out));
		buf_free(&out);
	}
	return verdict_exit(cli, s, d);
}

/* The id of a past decision in the place of FILE takes that request and what is installed. */
static int cmd_explain(struct cli *cli, int argc, char **argv)
{
	bool past = argc == 1 && text_is_ulid(span_of(argv[0]));
	struct arena *a = arena_new("cli.explain", (size_t)128 << 20);
	struct policy_stack s;
	int code = policy_stack_open(cli, past ? 0 : argc, argv, &s);

	if (code == CLI_OK)
		code = a != NULL ? explain(cli, past ? argv[0] : NULL, s.set, a) : CLI_FAILED;
	policy_stack_free(&s);
	arena_free(a);
	return code;
}

/* ---------------------------------------------------------------- fmt */

static int format_file(struct cli *cli, const char *path)
{
	struct policy_error error;
	struct buf text, out;
	int code = policy_read_file(cli, path, &text);

	buf_init(&out, 16u << 20);
	if (code == CLI_OK && policy_format(buf_span(&text), path, &out, &error) != ERR_OK)
		code = policy_stack_refused(cli, &error);
	if (code == CLI_OK && cli_flag(cli, "check")) {
		if (!span_equal(buf_span(&text), buf_span(&out))) {
			printf("%s\n", path);
			code = CLI_FAILED;
		}
	} else if (code == CLI_OK && cli_flag(cli, "overwrite")) {
		struct stat st;

		if (stat(path, &st) != 0 ||
		    file_write(path, buf_span(&out), st.st_mode & 0777) != ERR_OK)
			code = cli_error(cli, CLI_FAILED, "internal_error", NULL, "%s: %s",
					 path, strerror(errno));
	} else if (code == CLI_OK) {
		fwrite(out.ptr, 1, out.len, stdout);
	}
	buf_free(&text);
	buf_free(&out);
	return code;
}

static int cmd_fmt(struct cli *cli, int argc, char **argv)
{
	int worst = CLI_OK;

	if (argc == 0)
		return cli_usage(cli, "FILE is missing");
	for (int i = 0; i < argc; i++) {
		int code = format_file(cli, argv[i]);

		if (code != CLI_OK)
			worst = code;
	}
	return worst;
}

/* ---------------------------------------------------------------- the table */

static const struct cli_option eval_options[] = {
	{ 0, "jsonl", NULL, "JSON lines on standard input and output, 49 MiB each at most" },
	{ 0, "strict", NULL,
	  "refuse what a daemon would refuse in files: rule ids twice in a layer, …" },
	{ 0, NULL, NULL, NULL },
};
static const struct cli_option check_options[] = {
	{ 0, "installed", NULL,
	  "what is installed on this machine (also when FILE is left out)" },
	POLICY_FOLDER_OPTIONS,
};
static const struct cli_option test_options[] = {
	{ 0, "coverage", NULL, "rules that no test hits" },
	{ 0, "watch", NULL, "again whenever a file changes" },
	POLICY_FOLDER_OPTIONS,
};
static const struct cli_option show_options[] = {
	{ 0, "effective", NULL, "every value in force and the file it comes from" },
	POLICY_FOLDER_OPTIONS,
};
static const struct cli_option fmt_options[] = {
	{ 0, "overwrite", NULL, "write the file instead of standard output" },
	{ 0, "check", NULL, "name the files whose layout differs; exit 1 when there are any" },
	{ 0, NULL, NULL, NULL },
};
static const struct cli_option since_options[] = {
	{ 0, "since", "AGE", "how far back, such as 30d (default 30d)" },
	{ 0, "policy", "FILE",
	  "the policy to try; may be repeated (default: what is installed)" },
	{ 0, "state-dir", "DIR", "where the ledger lies" },
	POLICY_FOLDER_OPTIONS,
};
static const struct cli_option sign_options[] = {
	{ 0, "key", "KEY", "private key, PEM" },
	{ 0, "add", NULL, "join the signatures that are there" },
	{ 0, NULL, NULL, NULL },
};
static const struct cli_option trust_options[] = {
	{ 0, "trust", "DIR", "folder of trusted keys (default /etc/hither/trust.d)" },
	POLICY_FOLDER_OPTIONS,
};
static const struct cli_option folder_options[] = { POLICY_FOLDER_OPTIONS };
static const struct cli_option removal_options[] = {
	{ 0, "state-dir", "DIR", "the daemon's state folder" },
	POLICY_FOLDER_OPTIONS,
};

const struct cli_command cmd_policy_commands[] = {
	{ "show", "[FILE..]", "the policy in force, file by file",
	  "Without FILE: what a daemon would load from this machine's folders.", show_options,
	  NULL, cmd_show },
	{ "check", "[FILE..]", "errors with line and column, tests, and remarks",
	  "Files are taken together as one stack. A file's layer is what stands before '='\n"
	  "(mandatory=FILE), else the folder it lies in (mandatory.d, …), else "
	  "NAME.LAYER.json, else\n"
	  "--layer, else mandatory when it says only_destinations, else user.",
	  check_options, NULL, cmd_check },
	{ "test", "[FILE..]", "run the tests inside the files",
	  "A file's tests see its own layer and those of higher authority. Tests of mandatory "
	  "files run\n"
	  "again on the whole stack, where the answer may be stricter but not looser.",
	  test_options, NULL, cmd_test },
	{ "explain", "[FILE..|DECISION]",
	  "what would happen to a request, why, and what nearly did",
	  "Attributes that are not given are those of an ordinary request; data, app and task "
	  "are\n"
	  "unknown unless given, and unknown tightens. With the id of a past decision: that "
	  "request, from\n"
	  "the ledger.",
	  policy_request_options, NULL, cmd_explain },
	{ "eval", "", "evaluate stacks and requests in bulk, without a daemon",
	  "Reads {\"id\",\"layers\":{LAYER:[FILE..]},\"request\":{..}} per line, writes\n"
	  "{\"id\",\"verdicts\":{DEST:{\"verdict\",\"by\",\"redact\",\"strip\"}}} per line.",
	  eval_options, NULL, cmd_eval },
	{ "diff", "OLD NEW", "what changes between two policies (files or folders)",
	  "With --since also what last month's requests would have met.", since_options, NULL,
	  cmd_policy_diff },
	{ "replay", "[FILE..]",
	  "what past requests would have met under a policy; sends nothing",
	  "Takes the recorded facts of each request from the ledger. What the record does not "
	  "hold is\n"
	  "unknown, and unknown tightens.",
	  since_options, NULL, cmd_policy_replay },
	{ "fmt", "FILE..", "settle the layout, keep the comments", NULL, fmt_options, NULL,
	  cmd_fmt },
	{ "edit", "[FILE]", "edit your own policy; saved only when it is valid", NULL,
	  folder_options, NULL, cmd_policy_edit },
	{ "sign", "FILE", "write FILE.sig",
	  "The same by hand: openssl dgst -sha256 -sign KEY FILE | base64 -w0", sign_options,
	  NULL, cmd_policy_sign },
	{ "verify", "FILE", "check FILE against FILE.sig and the trusted keys", NULL,
	  trust_options, NULL, cmd_policy_verify },
	{ "install", "FILE",
	  "put a file (and FILE.sig) in place when everything about it is right",
	  "A FILE.pem with a FILE.pem.sig by the keys that are trusted now becomes a trusted "
	  "key.",
	  trust_options, NULL, cmd_policy_install },
	{ "reload", "", "tell the daemon to read its policy again", NULL, NULL, NULL,
	  cmd_policy_reload },
	{ "accept-removal", "", "accept that mandatory files are gone (root)", NULL,
	  removal_options, NULL, cmd_policy_accept_removal },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};
