/* SPDX-License-Identifier: Apache-2.0 */
/* A stack of policy files, out of arguments or out of the folders of this machine. */
#include "cli/policy_stack.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "crypto/crypto.h"

#define FOUND_MAX 512
#define KEYS_MAX  32

/* ---------------------------------------------------------------- places */

static const char *above(const struct cli *cli, enum policy_layer layer)
{
	const char *option = "config-dir", *otherwise = cli_config_dir();

	if (layer == POLICY_VENDOR_MANDATORY || layer == POLICY_VENDOR) {
		option = "lib-dir";
		otherwise = "/usr/lib/hither";
	} else if (layer == POLICY_MANDATORY || layer == POLICY_RECOMMENDED) {
		option = "etc-dir";
		otherwise = "/etc/hither";
	}
	const char *given = cli_option(cli, option);

	return given != NULL ? given : otherwise;
}

void policy_stack_folder(const struct cli *cli, enum policy_layer layer, char *out,
			 size_t out_bytes)
{
	static const char *const names[POLICY_LAYERS] = { "mandatory.d", "mandatory.d",
							  "policy.d", "recommended.d",
							  "policy.d" };

	snprintf(out, out_bytes, "%s/%s", above(cli, layer), names[layer]);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool layer_by_folder(const struct cli *cli, const char *path, enum policy_layer *ret)
{
	char real[PATH_MAX], folder[PATH_MAX], real_folder[PATH_MAX];

	if (realpath(path, real) == NULL)
		return false;
	for (int l = 0; l < POLICY_LAYERS; l++) {
		policy_stack_folder(cli, (enum policy_layer)l, folder, sizeof folder);
		if (realpath(folder, real_folder) == NULL)
			continue;
		size_t n = strlen(real_folder);
		if (strncmp(real, real_folder, n) == 0 && real[n] == '/' &&
		    strchr(real + n + 1, '/') == NULL) {
			*ret = (enum policy_layer)l;
			return true;
		}
	}
	return false;
}

/* …/mandatory.d/NAME and the like, wherever they lie; below a lib folder they are the vendor's.
 */
static bool layer_by_parent(const char *path, enum policy_layer *ret)
{
	bool vendor = strstr(path, "/lib/") != NULL || strncmp(path, "lib/", 4) == 0;
	struct span folder = { path, (size_t)(base_name(path) - path) };

	while (folder.len > 0 && folder.ptr[folder.len - 1] == '/')
		folder.len--;
	const char *slash = memrchr(folder.ptr, '/', folder.len);
	if (slash != NULL)
		folder = (struct span){ slash + 1,
					folder.len - (size_t)(slash + 1 - folder.ptr) };
	if (span_is(folder, "mandatory.d"))
		*ret = vendor ? POLICY_VENDOR_MANDATORY : POLICY_MANDATORY;
	else if (span_is(folder, "recommended.d"))
		*ret = POLICY_RECOMMENDED;
	else if (span_is(folder, "policy.d"))
		*ret = vendor ? POLICY_VENDOR : POLICY_USER;
	else
		return false;
	return true;
}

/* NAME.LAYER.json or NAME-LAYER.json */
static bool layer_by_name(const char *path, enum policy_layer *ret)
{
	const char *name = base_name(path), *end = strrchr(name, '.');
	const char *start = end;

	if (end == NULL || strcmp(end, ".json") != 0)
		return false;
	while (start > name && start[-1] != '.' && start[-1] != '-')
		start--;
	return start > name &&
	       policy_layer_from((struct span){ start, (size_t)(end - start) }, ret);
}

/* Splits LAYER=FILE; else as the header says, with *ret_known false when nothing told. */
static int layer_known(struct cli *cli, char **path, enum policy_layer *ret, bool *ret_known)
{
	const char *given = cli_option(cli, "layer");
	char *equals = strchr(*path, '=');

	*ret_known = true;
	if (equals != NULL &&
	    policy_layer_from((struct span){ *path, (size_t)(equals - *path) }, ret)) {
		*path = equals + 1;
		return CLI_OK;
	}
	if (layer_by_folder(cli, *path, ret) || layer_by_parent(*path, ret) ||
	    layer_by_name(*path, ret))
		return CLI_OK;
	*ret = POLICY_USER;
	*ret_known = given != NULL;
	if (given != NULL && !policy_layer_from(span_of(given), ret))
		return cli_usage(cli,
				 "unknown layer %s: vendor_mandatory, mandatory, vendor, "
				 "recommended or user",
				 given);
	return CLI_OK;
}

int policy_stack_layer(struct cli *cli, char **path, enum policy_layer *ret)
{
	bool known;

	return layer_known(cli, path, ret, &known);
}

/* ---------------------------------------------------------------- reading */

int policy_read_file(struct cli *cli, const char *path, struct buf *out)
{
	enum err e;

	buf_init(out, 8u << 20);
	e = file_read(path, 8u << 20, out);
	if (e == ERR_OK)
		return CLI_OK;
	return cli_error(cli, CLI_FAILED, "invalid_request", NULL, "%s: %s", path,
			 e == ERR_SYSTEM ? strerror(errno) : err_text(e));
}

int policy_stack_refused(struct cli *cli, const struct policy_error *e)
{
	struct buf text;
	int code;

	buf_init(&text, 4096);
	policy_error_print(e, &text);
	code = cli_error(cli, CLI_POLICY_INVALID, "policy_invalid", NULL, "%s",
			 buf_cstr(&text));
	buf_free(&text);
	return code;
}

/* Only mandatory files have a use for only_destinations. */
static bool says_only_destinations(struct span text)
{
	struct json_where where;
	cJSON *tree = NULL;
	bool only = false;

	if (json_parse(text, &json_limits_file, &tree, &where) == ERR_OK)
		json_get_bool(tree, "only_destinations", &only);
	cJSON_Delete(tree);
	return only;
}

static int file_add(struct cli *cli, char *path, struct policy_stack *s)
{
	enum policy_layer layer;
	struct policy_error error;
	struct buf text;
	bool known;
	int code = layer_known(cli, &path, &layer, &known);

	if (code != CLI_OK)
		return code;
	if (s->n == POLICY_SET_MAX_FILES)
		return cli_usage(cli, "more than %u files", POLICY_SET_MAX_FILES);
	code = policy_read_file(cli, path, &text);
	if (code == CLI_OK && !known && says_only_destinations(buf_span(&text)))
		layer = POLICY_MANDATORY;
	if (code == CLI_OK && policy_file_parse(buf_span(&text), layer, base_name(path), path,
						0, &s->files[s->n], &error) != ERR_OK)
		code = policy_stack_refused(cli, &error);
	else if (code == CLI_OK)
		s->n++;
	buf_free(&text);
	return code;
}

int policy_stack_files(struct cli *cli, int argc, char **argv, struct policy_stack *ret)
{
	struct policy_error error;
	int worst = CLI_OK;

	*ret = (struct policy_stack){ .n = 0 };
	for (int i = 0; i < argc; i++) {
		int code = file_add(cli, argv[i], ret);

		if (code != CLI_OK)
			worst = code;
	}
	if (worst == CLI_OK &&
	    policy_set_build(ret->files, ret->n, NULL, 0, &ret->set, &error) != ERR_OK)
		worst = policy_stack_refused(cli, &error);
	return worst;
}

void policy_stack_free(struct policy_stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		policy_file_free(s->files[i]);
	policy_set_free(s->set);
	if (s->installed)
		policy_loaded_free(&s->loaded);
}

/* ---------------------------------------------------------------- what is installed */

struct gathering {
	struct arena *arena;
	struct policy_found found[FOUND_MAX];
	struct policy_attachment lists[64];
	struct policy_load in;
};

static struct span slurp(struct gathering *g, const char *path, const char **why)
{
	struct buf text;
	struct span copy = { NULL, 0 };
	enum err e;

	buf_init(&text, 8u << 20);
	e = file_read(path, 8u << 20, &text);
	if (e == ERR_OK)
		copy = arena_span(g->arena, buf_span(&text));
	if (copy.ptr == NULL)
		*why = e == ERR_SYSTEM ? strerror(errno)
				       : err_text(e == ERR_OK ? ERR_NO_MEMORY : e);
	buf_free(&text);
	return copy;
}

static int is_json(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".json") == 0;
}

static int is_pem(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 4 && strcmp(d->d_name + n - 4, ".pem") == 0;
}

static void gather_one(struct gathering *g, enum policy_layer layer, const char *folder,
		       const char *name)
{
	struct policy_found f = { .layer = layer };
	const char *no_signature = NULL;
	char sig[PATH_MAX + 8];

	if (g->in.n_found == FOUND_MAX)
		return;
	f.name = arena_strdup(g->arena, span_of(name));
	f.path = arena_printf(g->arena, "%s/%s", folder, name);
	if (f.name == NULL || f.path == NULL)
		return;
	f.text = slurp(g, f.path, &f.unreadable);
	snprintf(sig, sizeof sig, "%s.sig", f.path);
	if (access(sig, F_OK) == 0)
		f.signature = slurp(g, sig, &no_signature);
	g->found[g->in.n_found++] = f;
}

static void gather_layer(struct cli *cli, struct gathering *g, enum policy_layer layer)
{
	struct dirent **names = NULL;
	char folder[PATH_MAX];
	int n;

	policy_stack_folder(cli, layer, folder, sizeof folder);
	n = scandir(folder, &names, is_json, alphasort);
	for (int i = 0; i < n; i++) {
		gather_one(g, layer, folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

static void on_dictionary(void *ctx, const char *path)
{
	struct gathering *g = ctx;
	const char *why = NULL;
	struct span content;

	if (g->in.n_attachments == LEN(g->lists))
		return;
	content = slurp(g, path, &why);
	if (content.ptr != NULL)
		g->lists[g->in.n_attachments++] =
			(struct policy_attachment){ arena_strdup(g->arena, span_of(path)),
						    content };
}

static unsigned threshold(const char *folder, unsigned otherwise)
{
	char path[PATH_MAX + 16];
	struct buf text;
	unsigned n = otherwise;

	snprintf(path, sizeof path, "%s/threshold", folder);
	buf_init(&text, 64);
	if (file_read(path, 64, &text) == ERR_OK)
		n = (unsigned)strtoul(buf_cstr(&text) != NULL ? buf_cstr(&text) : "0", NULL,
				      10);
	buf_free(&text);
	return n;
}

int policy_trust_installed(struct cli *cli, struct policy_trust **ret)
{
	const char *given = cli_option(cli, "trust");
	struct buf pems[KEYS_MAX];
	struct span spans[KEYS_MAX];
	struct policy_error error;
	struct dirent **names = NULL;
	char folder[PATH_MAX], path[2 * PATH_MAX];
	int code = CLI_OK, n = 0;

	*ret = NULL;
	if (given != NULL)
		snprintf(folder, sizeof folder, "%s", given);
	else
		snprintf(folder, sizeof folder, "%s/trust.d", above(cli, POLICY_MANDATORY));
	int found = scandir(folder, &names, is_pem, alphasort);
	for (int i = 0; i < found; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
		if (code == CLI_OK && n < KEYS_MAX) {
			code = policy_read_file(cli, path, &pems[n]);
			spans[n] = buf_span(&pems[n]);
			n++;
		}
		free(names[i]);
	}
	free(names);
	if (code == CLI_OK && n > 0 &&
	    policy_trust_new(spans, (size_t)n, threshold(folder, 1), ret, &error) != ERR_OK)
		code = policy_stack_refused(cli, &error);
	for (int i = 0; i < n; i++)
		buf_free(&pems[i]);
	return code;
}

static void print_problems(struct cli *cli, const struct policy_loaded *l)
{
	for (size_t i = 0; i < l->n_problems && !cli->quiet; i++) {
		struct buf text;

		buf_init(&text, 4096);
		policy_error_print(&l->problems[i].error, &text);
		fprintf(stderr, "%s: ", policy_layer_name(l->problems[i].layer));
		cli_print_safe(stderr, buf_span(&text));
		fputc('\n', stderr);
		buf_free(&text);
	}
}

static void gather_instead(struct gathering *g, const struct policy_found *instead)
{
	size_t i = 0;

	while (i < g->in.n_found && (g->found[i].layer != instead->layer ||
				     strcmp(g->found[i].name, instead->name) != 0))
		i++;
	if (i == FOUND_MAX)
		return;
	g->found[i] = *instead;
	if (i == g->in.n_found)
		g->in.n_found++;
}

int policy_stack_installed(struct cli *cli, const struct policy_found *instead,
			   struct policy_stack *ret)
{
	struct gathering *g = calloc(1, sizeof *g);
	struct policy_trust *trust = NULL;
	int code = CLI_OK;

	*ret = (struct policy_stack){ .n = 0 };
	if (g != NULL)
		g->arena = arena_new("cli.policy", (size_t)256 << 20);
	if (g == NULL || g->arena == NULL || crypto_init() != ERR_OK) {
		free(g);
		return cli_error(cli, CLI_FAILED, "internal_error", NULL, "memory is out");
	}
	for (int l = 0; l < POLICY_LAYERS; l++)
		gather_layer(cli, g, (enum policy_layer)l);
	if (instead != NULL)
		gather_instead(g, instead);
	policy_load_dictionaries(g->found, g->in.n_found, on_dictionary, g);
	code = policy_trust_installed(cli, &trust);
	g->in.found = g->found;
	g->in.attachments = g->lists;
	g->in.trust = trust;
	g->in.now_ms = clock_wall_ms();
	g->in.newest_record_ms = INT64_MIN;
	if (code == CLI_OK && policy_load(&g->in, &ret->loaded) != ERR_OK)
		code = cli_error(cli, CLI_FAILED, "internal_error", NULL, "memory is out");
	else if (code == CLI_OK) {
		ret->installed = true;
		ret->set = policy_set_ref(ret->loaded.set);
		print_problems(cli, &ret->loaded);
	}
	policy_trust_free(trust);
	arena_free(g->arena);
	free(g);
	return code;
}

int policy_stack_open(struct cli *cli, int argc, char **argv, struct policy_stack *ret)
{
	return argc > 0 ? policy_stack_files(cli, argc, argv, ret)
			: policy_stack_installed(cli, NULL, ret);
}
