/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither setup`: the first run. Finds an engine, recommends a model that fits this machine,
 * writes a policy under which nothing leaves, offers to add one cloud that is asked about each
 * time, and ends with the checks and three commands to try.
 *
 * Nothing that is there already is changed: a policy or configuration of the person's own is
 * left as it is, with a word on what was not written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/engines.h"
#include "cli/model_store.h"
#include "common/file.h"

#define LINE_BYTES  512
#define FILE_BYTES  (1u << 20)
#define POLICY_FILE "policy.d/10-mine.json"
#define CONFIG_FILE "hitherd.json"

struct setup {
	struct cli *cli;
	FILE *tty; /* NULL: nobody to ask, --yes */
	struct engine_found found;
	bool foreign; /* `found` is to be used */
};

/* --- asking
 * ----------------------------------------------------------------------------------- */

static void ask_line(struct setup *s, const char *question, const char *otherwise,
		     char answer[LINE_BYTES])
{
	char line[LINE_BYTES];

	snprintf(answer, LINE_BYTES, "%s", otherwise);
	if (s->tty == NULL)
		return;
	fprintf(s->tty, "%s%s%s%s ", question, otherwise[0] != '\0' ? " [" : "", otherwise,
		otherwise[0] != '\0' ? "]" : "");
	fflush(s->tty);
	if (fgets(line, sizeof line, s->tty) == NULL)
		return;
	line[strcspn(line, "\n")] = '\0';
	if (line[0] != '\0')
		memcpy(answer, line, sizeof line);
}

static bool ask_yes(struct setup *s, const char *question, bool otherwise)
{
	char answer[LINE_BYTES], words[LINE_BYTES];

	snprintf(words, sizeof words, "%s %s", question, otherwise ? "(Y/n)" : "(y/N)");
	ask_line(s, words, "", answer);
	if (answer[0] == '\0')
		return otherwise;
	return answer[0] == 'y' || answer[0] == 'Y';
}

/* --- 1. an engine
 * ------------------------------------------------------------------------------- */

static bool has_own_engine(void)
{
	const char *path = getenv("PATH");
	char file[1024];

	snprintf(file, sizeof file, "%s/engine/llama-server", cli_data_dir());
	if (access(file, X_OK) == 0)
		return true;
	while (path != NULL && *path != '\0') {
		size_t n = strcspn(path, ":");

		snprintf(file, sizeof file, "%.*s/llama-server", (int)n, path);
		if (n > 0 && access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* Is it usable: is there a model in it whose prompts stay here? */
static const struct engine_model_facts *usable(const struct engine_found *f)
{
	const struct engine_model_facts *m = engine_choose(&f->facts, "");

	return m != NULL && engine_locality(&f->facts, m) != ENGINE_ELSEWHERE ? m : NULL;
}

/* "ollama" for Ollama, "lm-studio" for LM Studio. */
static bool is_called(enum engine_kind k, const char *word)
{
	const char *name = engine_kind_name(k);

	for (; *name != '\0' && *word != '\0'; name++, word++) {
		char c = *name == ' ' ? '-' : *name;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c != *word)
			return false;
	}
	return *word == '\0' && (*name == '\0' || *name == ' ');
}

/* The engine that --engine names; CLI_OK with s->foreign set when it was found. */
static int named_engine(struct setup *s, const char *word)
{
	char url[64];

	if (strcmp(word, "llama-server") == 0)
		return CLI_OK;
	if (strncmp(word, "http:", 5) == 0) {
		if (engines_probe(word, &s->found) == ERR_OK && usable(&s->found) != NULL)
			s->foreign = true;
	} else {
		for (unsigned i = 0; !s->foreign && engines_candidate(i, url); i++)
			s->foreign = engines_probe(url, &s->found) == ERR_OK &&
				     is_called(s->found.facts.kind, word) &&
				     usable(&s->found) != NULL;
	}
	if (s->foreign)
		return CLI_OK;
	return cli_error(s->cli, CLI_FAILED, "not_found", "hither engine list",
			 "no engine called %s with a model of this device answers", word);
}

static int choose_engine(struct setup *s)
{
	const char *word = cli_option(s->cli, "engine");
	char url[64], question[200];
	bool own = has_own_engine();

	printf("1. Engine\n");
	if (word != NULL) {
		int code = named_engine(s, word);

		if (code != CLI_OK)
			return code;
	}
	for (unsigned i = 0; word == NULL && !s->foreign && engines_candidate(i, url); i++) {
		if (engines_probe(url, &s->found) != ERR_OK || usable(&s->found) == NULL)
			continue;
		snprintf(question, sizeof question, "   %s answers at %s. Use it?",
			 engine_kind_name(s->found.facts.kind), s->found.url);
		s->foreign = ask_yes(s, question, !own);
	}
	if (s->foreign)
		printf("   %s at %s, model %s\n", engine_kind_name(s->found.facts.kind),
		       s->found.url, usable(&s->found)->name);
	else
		printf("   hither's own llama-server%s\n",
		       own ? "" : " (not installed yet: ./quickstart does that)");
	return CLI_OK;
}

/* --- 2. a model
 * --------------------------------------------------------------------------------- */

static uint64_t memory_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

static uint64_t disk_bytes(void)
{
	struct statvfs v;

	return statvfs(cli_models_dir(), &v) == 0 || statvfs(cli_data_dir(), &v) == 0 ||
			       statvfs("/", &v) == 0
		       ? (uint64_t)v.f_bavail * v.f_frsize
		       : 0;
}

/* The best that takes at most half of the memory and half of the free disk. */
static const struct model *recommend(const struct model_store *store)
{
	uint64_t memory = memory_bytes() / 2, disk = disk_bytes() / 2;
	const struct model *best = NULL;

	for (uint32_t i = 0; i < store->catalogue.n; i++) {
		const struct model *m = &store->catalogue.models[i];

		if (m->memory_bytes <= memory && m->bytes <= disk &&
		    (best == NULL || m->rank > best->rank))
			best = m;
	}
	return best;
}

static int choose_model(struct setup *s)
{
	struct model_store store;
	const struct model *m;
	int code;

	printf("2. Model\n");
	if (s->foreign) {
		printf("   the one that %s has\n", engine_kind_name(s->found.facts.kind));
		return CLI_OK;
	}
	code = model_store_open(&store, s->cli);
	if (code != CLI_OK) {
		model_store_close(&store);
		return code;
	}
	m = recommend(&store);
	printf("   this machine has %.1f GB of memory, %.1f GB of disk are free\n",
	       (double)memory_bytes() / 1e9, (double)disk_bytes() / 1e9);
	if (store.installed.n > 0) {
		printf("   %s is installed already\n", store.installed.chosen);
	} else if (m == NULL) {
		printf("   no model of the catalogue fits; hither model import takes any "
		       "GGUF\n");
	} else {
		printf("   recommended: %s (%.1f GB to fetch, %.1f GB of memory)\n", m->name,
		       (double)m->bytes / 1e9, (double)m->memory_bytes / 1e9);
		if (ask_yes(s, "   Fetch it now?", true))
			code = model_pull(&store, m, true);
		else
			printf("   later: hither model pull %s\n", m->name);
	}
	model_store_close(&store);
	return code;
}

/* --- 3. and 4. policy
 * --------------------------------------------------------------------------- */

static bool exists(const char *name, char path[1024])
{
	snprintf(path, 1024, "%s/%s", cli_config_dir(), name);
	return access(path, F_OK) == 0;
}

static int write_file(struct setup *s, const char *path, struct buf *text)
{
	char folder[1024];
	const char *slash = strrchr(path, '/');
	enum err e = ERR_TOO_BIG;

	if (!text->failed &&
	    span_copy((struct span){ path, (size_t)(slash - path) }, folder, sizeof folder)) {
		e = file_mkdirs(folder, 0700);
		if (e == ERR_OK)
			e = file_write(path, buf_span(text), 0600);
	}
	buf_free(text);
	if (e == ERR_OK)
		return CLI_OK;
	return cli_error(s->cli, CLI_FAILED, "output", NULL, "%s cannot be written: %s", path,
			 e == ERR_SYSTEM ? strerror(errno) : err_text(e));
}

static void put_quoted(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, "      \"%s\": ", key);
	json_put_string(b, span_of(value));
	buf_add_str(b, ",\n");
}

/* One destination, from the person's own words. False: none. */
static bool put_cloud(struct setup *s, struct buf *b)
{
	char url[LINE_BYTES], model[LINE_BYTES], operator[LINE_BYTES], region[LINE_BYTES];

	if (s->tty == NULL || cli_flag(s->cli, "no-cloud") ||
	    !ask_yes(s, "   Add a cloud that you are asked about each time?", false))
		return false;
	ask_line(s, "   its OpenAI-compatible address (https://…/v1):", "", url);
	ask_line(s, "   model:", "", model);
	ask_line(s, "   who runs it:", "", operator);
	ask_line(s, "   where (eu, us, …):", "unknown", region);
	if (strncmp(url, "https://", 8) != 0 || model[0] == '\0' || operator[0] == '\0') {
		fputs("   that is not enough to go by: none added\n", s->tty);
		return false;
	}
	buf_add_str(b, "  \"destinations\": {\n    \"cloud\": {\n      \"tier\": \"cloud\",\n"
		       "      \"api\": \"openai\",\n");
	put_quoted(b, "base_url", url);
	put_quoted(b, "operator", operator);
	put_quoted(b, "region", region);
	buf_add_str(b, "      \"models\": [");
	json_put_string(b, span_of(model));
	buf_add_str(b, "],\n      \"auth\": { \"secret\": \"cloud_api_key\" }\n    }\n  },\n");
	printf("   what it keeps of your text, and for how long, is not stated: the question "
	       "will "
	       "say so\n"
	       "   its key goes into %s/secrets.d/cloud_api_key, mode 0600\n",
	       cli_config_dir());
	return true;
}

static int check_policy(struct setup *s, char *path)
{
	const struct cli_command *c = cli_find(cmd_policy_commands, "check");
	char *argv[2] = { path, NULL };

	return c->run(s->cli, 1, argv);
}

static int write_policy(struct setup *s)
{
	char path[1024];
	struct buf b;
	bool cloud;
	int code;

	printf("3. Policy\n");
	if (exists(POLICY_FILE, path)) {
		printf("   %s is there already and stays as it is\n", path);
		return CLI_OK;
	}
	buf_init(&b, FILE_BYTES);
	buf_add_str(&b, "{\n  \"hither_policy\": 1,\n  \"id\": \"mine\",\n");
	cloud = put_cloud(s, &b);
	buf_printf(&b,
		   "  \"default\": { \"device\": \"allow\", \"trusted\": \"%s\", \"cloud\": "
		   "\"%s\" "
		   "}\n}\n",
		   cloud ? "ask" : "deny", cloud ? "ask" : "deny");
	code = write_file(s, path, &b);
	if (code != CLI_OK)
		return code;
	printf("   %s: %s\n", path,
	       cloud ? "nothing leaves without a yes from you" : "nothing leaves this device");
	fflush(stdout);
	return check_policy(s, path);
}

static int write_config(struct setup *s)
{
	char path[1024];
	struct buf b;

	if (!s->foreign)
		return CLI_OK;
	if (exists(CONFIG_FILE, path)) {
		printf("   %s is there already; put this into it:\n"
		       "   \"engine\": { \"endpoint\": \"%s\" }\n",
		       path, s->found.url);
		return CLI_OK;
	}
	buf_init(&b, FILE_BYTES);
	buf_printf(&b, "{\n\t\"engine\": {\n\t\t\"endpoint\": \"%s\",\n\t\t\"model\": ",
		   s->found.url);
	json_put_string(&b, span_of(usable(&s->found)->name));
	buf_add_str(&b, "\n\t}\n}\n");
	printf("   %s names the engine; a running daemon takes it at its next start\n", path);
	return write_file(s, path, &b);
}

/* --- the command
 * -------------------------------------------------------------------------------- */

static int run_setup(struct setup *s)
{
	int code = choose_engine(s), written;

	if (code != CLI_OK)
		return code;
	code = choose_model(s);
	written =
		write_policy(s); /* also when no model could be had: what may leave is known */
	if (code == CLI_OK)
		code = written;
	if (code == CLI_OK)
		code = write_config(s);
	if (code != CLI_OK)
		return code;
	printf("4. Checks\n");
	fflush(stdout);
	(void)cmd_doctor(s->cli, 0,
			 NULL); /* what it finds is for the person, not a failure here */
	printf("Try:\n"
	       "   hither \"What is the capital of France?\"\n"
	       "   hither route \"Prove that there are infinitely many primes.\"\n"
	       "   hither chat\n");
	return CLI_OK;
}

int cmd_setup(struct cli *cli, int argc, char **argv)
{
	struct setup *s = calloc(1, sizeof *s);
	int code;

	(void)argv;
	if (s == NULL)
		abort();
	s->cli = cli;
	if (argc > 0)
		code = cli_usage(cli, "setup takes no arguments");
	else if (cli->json)
		code = cli_usage(cli,
				 "setup is for people; for programs: --yes, then hither doctor "
				 "--json");
	else if (cli_flag(cli, "yes") || (s->tty = fopen("/dev/tty", "r+e")) != NULL)
		code = run_setup(s);
	else
		code = cli_usage(
			cli, "there is no terminal to ask on; --yes takes what is proposed");
	if (s->tty != NULL)
		fclose(s->tty);
	free(s);
	return code;
}
