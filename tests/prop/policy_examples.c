/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The examples people start from must load as one stack, pass their own tests, leave nothing
 * to remark on, and be laid out as `hither policy fmt` does it.
 *
 * usage: policy_examples LAYER=FILE..        exit 1 when something does not hold
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "policy/policy.h"

static int wrong;

static void on_test(void *ctx, const struct policy_test_result *r)
{
	(void)ctx;
	if (!r->ok)
		printf("%s:%u: %s at %s: wanted %s, got %s\n", policy_file_info(r->file).name,
		       r->line, r->test, r->destination, r->wanted, r->got);
	wrong += !r->ok;
}

static void on_lint(void *ctx, const struct policy_lint *l)
{
	(void)ctx;
	printf("%s:%u: %s: %s\n", policy_file_info(l->file).name, l->line, l->code, l->message);
	wrong++;
}

static void check_layout(const char *path, struct span text)
{
	struct policy_error e;
	struct buf out;

	buf_init(&out, 4u << 20);
	if (policy_format(text, path, &out, &e) != ERR_OK ||
	    !span_equal(text, buf_span(&out))) {
		printf("%s: hither policy fmt would change it\n", path);
		wrong++;
	}
	buf_free(&out);
}

static struct policy_file *load(const char *argument)
{
	const char *equals = strchr(argument, '=');
	struct policy_file *f = NULL;
	enum policy_layer layer;
	struct policy_error e;
	struct buf text, message;

	buf_init(&text, POLICY_FILE_MAX_BYTES);
	buf_init(&message, 4096);
	if (equals == NULL ||
	    !policy_layer_from((struct span){ argument, (size_t)(equals - argument) },
			       &layer) ||
	    file_read(equals + 1, POLICY_FILE_MAX_BYTES, &text) != ERR_OK) {
		printf("%s cannot be read\n", argument);
		exit(2);
	}
	if (policy_file_parse(buf_span(&text), layer, equals + 1, NULL, 0, &f, &e) != ERR_OK) {
		policy_error_print(&e, &message);
		printf("%s\n", buf_cstr(&message));
		exit(1);
	}
	check_layout(equals + 1, buf_span(&text));
	buf_free(&message);
	buf_free(&text);
	return f;
}

int main(int argc, char **argv)
{
	struct policy_file *files[16] = { NULL };
	struct policy_set *s = NULL;
	struct policy_error e;
	size_t n = 0, run = 0;

	for (int i = 1; i < argc && n < LEN(files); i++)
		files[n++] = load(argv[i]);
	if (policy_set_build(files, n, NULL, 0, &s, &e) != ERR_OK) {
		printf("%s: %s\n", e.file, e.problem);
		return 1;
	}
	policy_tests_run(s, NULL, on_test, NULL, &run);
	policy_lints(s, on_lint, NULL);
	printf("%zu files, %zu tests, %d wrong\n", n, run, wrong);
	policy_set_free(s);
	while (n > 0)
		policy_file_free(files[--n]);
	return wrong > 0 || run == 0;
}
