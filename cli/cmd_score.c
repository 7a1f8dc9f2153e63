/* SPDX-License-Identifier: Apache-2.0 */
/* `hither score --jsonl`: how hard each prompt looks. */
#include "cli/batch.h"
#include "router/classify/classify.h"

struct scoring {
	struct classifier *classifier;
	bool explain;
};

static void put_explanation(const struct classify_result *r, struct buf *out)
{
	json_put_key_i64(out, "output_tokens", r->output_tokens);
	json_put_key_bool(out, "fresh", r->fresh);
	json_put_key_cstr(out, "language", r->language);
	json_put_key(out, "reasons");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < r->n_reasons; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		json_put_string(out, span_of(r->reasons[i]));
	}
	buf_add_char(out, ']');
}

static bool score_line(void *ctx, const cJSON *line, struct buf *out, char problem[200])
{
	const struct scoring *s = ctx;
	const char *prompt = json_get_string(line, "prompt");
	struct classify_result r;

	if (prompt == NULL) {
		snprintf(problem, 200, "\"prompt\" must be a string");
		return false;
	}
	classify(s->classifier,
		 &(struct classify_input){ .last_user = span_of(prompt), .messages = 1 }, &r);
	buf_add_char(out, '{');
	json_put_key(out, "id");
	if (json_get(line, "id") != NULL)
		json_put_tree(out, json_get(line, "id"));
	else
		buf_add_str(out, "null");
	json_put_key_number(out, "score", (double)r.score);
	json_put_key_cstr(out, "task", classify_task_name(r.task));
	json_put_key_number(out, "confidence", (double)r.confidence);
	if (s->explain)
		put_explanation(&r, out);
	buf_add_char(out, '}');
	return true;
}

struct classifier *cli_classifier(const char *path)
{
	char found[CLASSIFIER_PATH_BYTES];
	struct classifier *c;
	enum err e = classifier_open_chosen(path != NULL ? path : cli_weights(), &c, found);

	if (e != ERR_OK)
		fprintf(stderr,
			"hither: %s: %s; scoring by the documented linear rules instead. "
			"Reinstall "
			"the file, or name one in routing.classifier of hitherd.json.\n",
			found, err_text(e));
	return c;
}

int cmd_score(struct cli *cli, int argc, char **argv)
{
	struct scoring s = { .explain = cli_flag(cli, "explain") };
	int code;

	(void)argv;
	if (argc > 0 || !cli_flag(cli, "jsonl"))
		return cli_usage(cli,
				 "give JSON lines on standard input: hither score --jsonl");
	s.classifier = cli_classifier(cli_option(cli, "weights"));
	code = batch_run(cli, stdin, BATCH_REPLACE, score_line, &s);
	classifier_free(s.classifier);
	return code;
}
