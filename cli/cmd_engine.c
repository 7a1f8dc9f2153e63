/* SPDX-License-Identifier: Apache-2.0 */
/* `hither engine`: what on this machine could answer instead of hither's own engine. */
#include <stdlib.h>
#include <string.h>

#include "cli/engines.h"

static const char *const locality_words[] = {
	[ENGINE_PROVEN] = "stays here",
	[ENGINE_CLAIMED] = "not verified",
	[ENGINE_ELSEWHERE] = "LEAVES",
};
static const char *const locality_names[] = {
	[ENGINE_PROVEN] = "proven",
	[ENGINE_CLAIMED] = "claimed",
	[ENGINE_ELSEWHERE] = "elsewhere",
};

/* --- JSON ------------------------------------------------------------------------------- */

static void put_model(struct buf *b, const struct engine_facts *f,
		      const struct engine_model_facts *m)
{
	buf_add_char(b, '{');
	json_put_key_cstr(b, "name", m->name);
	if (m->context_tokens > 0)
		json_put_key_i64(b, "context_tokens", m->context_tokens);
	json_put_key_bool(b, "loaded", m->loaded);
	json_put_key_bool(b, "embeddings", m->embeddings);
	json_put_key_cstr(b, "locality", locality_names[engine_locality(f, m)]);
	buf_add_char(b, '}');
}

static void put_engine(struct buf *b, const struct engine_found *found)
{
	const struct engine_facts *f = &found->facts;

	buf_add_char(b, '{');
	json_put_key_cstr(b, "url", found->url);
	json_put_key_cstr(b, "engine", engine_kind_name(f->kind));
	json_put_key_cstr(b, "version", f->version[0] != '\0' ? f->version : NULL);
	json_put_key_bool(b, "loading", f->loading);
	json_put_key_bool(b, "exposed", found->exposed);
	if (f->cloud_known)
		json_put_key_bool(b, "cloud_off", f->cloud_off);
	json_put_key(b, "models");
	buf_add_char(b, '[');
	for (uint32_t i = 0; i < f->n_models; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		put_model(b, f, &f->models[i]);
	}
	buf_add_str(b, "]}");
}

/* --- for people -----------------------------------------------------------------------------
 */

static void add_rows(struct cli_table *t, const struct engine_found *found)
{
	const struct engine_facts *f = &found->facts;

	for (uint32_t i = 0; i < (f->n_models > 0 ? f->n_models : 1); i++) {
		const struct engine_model_facts *m = f->n_models > 0 ? &f->models[i] : NULL;

		cli_table_cell(t, "%s", found->url);
		cli_table_cell(t, "%s%s%s", engine_kind_name(f->kind),
			       f->version[0] != '\0' ? " " : "", f->version);
		cli_table_cell(t, "%s",
			       m != NULL    ? m->name
			       : f->loading ? "(loading)"
					    : "(none)");
		if (m != NULL && m->context_tokens > 0)
			cli_table_cell(t, "%u", m->context_tokens);
		else
			cli_table_cell(t, "?");
		cli_table_cell(t, "%s",
			       m == NULL       ? ""
			       : m->embeddings ? "embeddings"
			       : m->loaded     ? "loaded"
					       : "");
		cli_table_cell(t, "%s", m != NULL ? locality_words[engine_locality(f, m)] : "");
	}
}

static void print_notes(const struct engine_found *found)
{
	if (found->exposed)
		fprintf(stderr, "%s listens on every network, not on this machine alone\n",
			found->url);
	if (found->facts.kind == ENGINE_KIND_OLLAMA && !found->facts.cloud_off)
		fprintf(stderr,
			"%s: Ollama's cloud is not switched off; start it with "
			"OLLAMA_NO_CLOUD=1\n",
			found->url);
	if (found->facts.models_left > 0)
		fprintf(stderr, "%s: %u more models\n", found->url, found->facts.models_left);
}

/* --- the commands ----------------------------------------------------------------------------
 */

static const char *const headings[] = { "ADDRESS", "ENGINE", "MODEL",
					"CONTEXT", "STATE",  "PROMPTS" };

static int cmd_engine_list(struct cli *cli, int argc, char **argv)
{
	struct engine_found *found;
	struct cli_table *t;
	struct buf b;
	char url[64];
	unsigned n = 0;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "engine list takes no arguments; for one address: hither "
				      "engine probe URL");
	found = malloc(sizeof *found);
	if (found == NULL)
		abort();
	t = cli_table_new(cli, headings, LEN(headings));
	buf_init(&b, 4u << 20);
	buf_add_str(&b, "{\"schema\":\"hither.engines/1\",\"engines\":[");
	for (unsigned i = 0; engines_candidate(i, url); i++) {
		if (engines_probe(url, found) != ERR_OK ||
		    found->facts.kind == ENGINE_KIND_UNKNOWN)
			continue;
		if (n++ > 0)
			buf_add_char(&b, ',');
		put_engine(&b, found);
		add_rows(t, found);
		if (!cli->json && !cli->quiet)
			print_notes(found);
	}
	buf_add_str(&b, "]}");
	if (cli->json)
		cli_print_json(cli, buf_span(&b));
	else if (n > 0)
		cli_table_print(t);
	else
		fputs("no engine answers at the customary ports of this machine\n", stderr);
	buf_free(&b);
	free(found);
	return CLI_OK;
}

static int probe_failed(struct cli *cli, const char *url, enum err e)
{
	if (e == ERR_SYNTAX)
		return cli_usage(
			cli, "an engine of this machine is http://127.0.0.1:PORT, not %s", url);
	if (e == ERR_NOT_FOUND)
		return cli_error(cli, CLI_FAILED, "not_found", "hither engine list",
				 "nobody listens at %s", url);
	return cli_error(cli, CLI_FAILED, "no_engine", "hither engine list",
			 e == ERR_TIMEOUT ? "%s does not answer" : "%s is no engine known here",
			 url);
}

static int cmd_engine_probe(struct cli *cli, int argc, char **argv)
{
	struct engine_found *found;
	enum err e;
	int code = CLI_OK;

	if (argc != 1)
		return cli_usage(cli,
				 "which address? hither engine probe http://127.0.0.1:PORT");
	found = malloc(sizeof *found);
	if (found == NULL)
		abort();
	e = engines_probe(argv[0], found);
	if (e != ERR_OK || found->facts.kind == ENGINE_KIND_UNKNOWN) {
		code = probe_failed(cli, argv[0], e == ERR_OK ? ERR_UNSUPPORTED : e);
	} else if (cli->json) {
		struct buf b;

		buf_init(&b, 1u << 20);
		put_engine(&b, found);
		cli_print_json(cli, buf_span(&b));
		buf_free(&b);
	} else {
		struct cli_table *t = cli_table_new(cli, headings, LEN(headings));

		add_rows(t, found);
		cli_table_print(t);
		print_notes(found);
	}
	free(found);
	return code;
}

const struct cli_command cmd_engine_commands[] = {
	{ "list", "", "engines that answer at the customary ports of this machine", NULL, NULL,
	  NULL, cmd_engine_list },
	{ "probe", "URL", "one of them, with its models",
	  "URL is http://127.0.0.1:PORT. PROMPTS says what could be shown about where they "
	  "go:\n"
	  "\"stays here\", \"LEAVES\" (a server answers for this model), or \"not verified\".",
	  NULL, NULL, cmd_engine_probe },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};
