/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither calibrate`: where does the model in use on this device really fail?
 *
 * Questions with known answers go to it one after the other, with `model: local`, so that
 * nothing leaves the device. What it got right, against the difficulty that the classifier
 * gave each question, tells the threshold; it is kept with the model (index.json), and the
 * router uses it while this model is the chosen one, unless the policy names a threshold.
 * How sure the model was of each answer tells the floor of the cascade (router/cascade.c).
 */
#include "cli/calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/model_store.h"
#include "common/file.h"
#include "router/classify/classify.h"

#define FILE_BYTES_MAX  ((size_t)16 << 20)
#define QUESTIONS_MAX   2000
#define ANSWER_TOKENS   300
#define ANSWER_TIME_MS  300000
#define QUESTIONS_LEAST 20

struct work {
	struct cli *cli;
	struct classifier *classifier;
	struct buf file; /* lines of FILE, when given */
	struct calibrate_point *points;
	size_t n, right;
	double quality; /* asked for; 0: a share of the questions was */
};

/* How sure the model was of an answer, as the daemon remembers it; -1: it does not. */
static double certainty_of(struct cli *cli, struct cli_reply *answer)
{
	char id[64];
	cJSON *tree;
	double certainty;

	if (!cli_reply_header(answer, "x-hither-decision", id, sizeof id))
		return -1;
	tree = cli_fetch_decision(cli, id, ANSWER_TIME_MS);
	if (!json_get_number(tree, "certainty", &certainty))
		certainty = -1;
	cJSON_Delete(tree);
	return certainty;
}

/* The text of the answer; false after the error was printed (exit code in *code). */
static bool ask_local(struct cli *cli, const char *prompt, struct buf *ret, double *certainty,
		      int *code)
{
	static const char *const fields[] = { "Hither-App: hither-cli",
					      "Hither-Max-Tier: device",
					      "Hither-Interactive: no",
					      "Hither-Cascade: measure", NULL };
	struct buf body;
	struct cli_reply reply;
	struct json_where where;
	cJSON *tree = NULL;
	const cJSON *choice;
	const char *text = NULL;
	enum err e;

	buf_init(&body, FILE_BYTES_MAX);
	buf_add_str(&body,
		    "{\"model\":\"local\",\"temperature\":0,\"messages\":[{\"role\":\"user\",");
	buf_add_str(&body, "\"content\":");
	json_put_string(&body, span_of(prompt));
	buf_add_str(&body, "}]");
	json_put_key_i64(&body, "max_completion_tokens", ANSWER_TOKENS);
	buf_add_char(&body, '}');
	e = cli_call(cli,
		     &(struct cli_request){ .socket = CLI_SOCKET_API,
					    .method = "POST",
					    .path = "/v1/chat/completions",
					    .body = buf_span(&body),
					    .fields = fields,
					    .timeout_ms = ANSWER_TIME_MS },
		     &reply);
	buf_free(&body);
	*code = e != ERR_OK ? cli_call_failed(cli, e) : CLI_OK;
	if (e == ERR_OK && reply.status != 200)
		*code = cli_reply_failed(cli, &reply);
	if (*code == CLI_OK)
		*certainty = certainty_of(cli, &reply);
	if (*code == CLI_OK &&
	    json_parse(buf_span(&reply.body), &json_limits_api, &tree, &where) == ERR_OK) {
		choice = cJSON_GetArrayItem(json_get_array(tree, "choices"), 0);
		text = json_get_string(json_get_object(choice, "message"), "content");
		if (text != NULL)
			buf_add_str(ret, text);
	}
	cJSON_Delete(tree);
	cli_reply_free(&reply);
	return *code == CLI_OK;
}

static int take(struct work *w, const char *prompt, const char *answer)
{
	struct classify_input in = { .last_user = span_of(prompt), .messages = 1 };
	struct classify_result r;
	struct buf said;
	double certainty = -1;
	int code;
	bool right;

	buf_init(&said, FILE_BYTES_MAX);
	if (ask_local(w->cli, prompt, &said, &certainty, &code)) {
		classify(w->classifier, &in, &r);
		right = calibrate_is_right(buf_span(&said), span_of(answer));
		w->points[w->n++] = (struct calibrate_point){ r.score, right, certainty };
		w->right += right;
		if (!w->cli->quiet)
			fprintf(stderr, "%4zu  score %.2f  certainty %.2f  %s\n", w->n,
				(double)r.score, certainty < 0 ? NAN : certainty,
				right ? "right" : "wrong");
	}
	buf_free(&said);
	return code;
}

static int take_line(struct work *w, struct span text, size_t line_number)
{
	struct json_where where;
	cJSON *line = NULL;
	const char *prompt, *answer;
	int code;

	if (json_parse(text, &json_limits_api, &line, &where) != ERR_OK)
		return cli_error(w->cli, CLI_USAGE, "invalid_request", NULL,
				 "line %zu, column %u: %s", line_number, where.column,
				 where.problem);
	prompt = json_get_string(line, "prompt");
	answer = json_get_string(line, "answer");
	if (prompt == NULL || answer == NULL || answer[0] == '\0')
		code = cli_error(w->cli, CLI_USAGE, "invalid_request", NULL,
				 "line %zu: \"prompt\" and \"answer\" must be strings",
				 line_number);
	else
		code = take(w, prompt, answer);
	cJSON_Delete(line);
	return code;
}

static int take_file(struct work *w, const char *path)
{
	size_t line_number = 0;
	int code = CLI_OK;
	struct span rest;

	if (file_read(path, FILE_BYTES_MAX, &w->file) != ERR_OK)
		return cli_error(w->cli, CLI_USAGE, "invalid_request", NULL,
				 "%s cannot be read: %s", path, strerror(errno));
	rest = buf_span(&w->file);
	while (code == CLI_OK && rest.len > 0 && w->n < QUESTIONS_MAX) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t n = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
		struct span line = span_trim((struct span){ rest.ptr, n });

		line_number++;
		if (line.len > 0)
			code = take_line(w, line, line_number);
		rest.ptr += n + (end != NULL);
		rest.len -= n + (end != NULL);
	}
	return code;
}

static int take_all(struct work *w, const char *path)
{
	int code = CLI_OK;

	if (path != NULL)
		return take_file(w, path);
	for (size_t i = 0; code == CLI_OK && i < calibrate_n_questions; i++)
		code = take(w, calibrate_questions[i].prompt, calibrate_questions[i].answer);
	return code;
}

static bool share_option(const struct cli *cli, const char *name, double otherwise, double *ret)
{
	const char *text = cli_option(cli, name);
	char *end = NULL;

	*ret = otherwise;
	if (text == NULL)
		return true;
	*ret = strtod(text, &end);
	return end != text && *end == '\0' && *ret > 0 && *ret < 1;
}

static void print_floor(const struct work *w, uint32_t floor_pm, size_t unsure,
			size_t unsure_wrong)
{
	if (floor_pm == 0)
		printf("How sure it is says little about whether it is right: there is no "
		       "floor, "
		       "and no cascade.\n");
	else
		printf("Of %zu answers it was unsure (below %.2f); %zu of those were wrong, "
		       "and %zu "
		       "of the others.\n",
		       unsure, floor_pm / 1000.0, unsure_wrong, w->n - w->right - unsure_wrong);
}

/* A threshold has a least value, so what was asked for may be out of reach for this model. */
static bool reached(const struct work *w, size_t kept, size_t right)
{
	return (double)right >= w->quality * (double)kept;
}

static void report(const struct work *w, const char *model, uint32_t threshold_pm,
		   uint32_t floor_pm, bool stored)
{
	size_t kept = 0, right = 0, unsure = 0, unsure_wrong = 0;
	struct buf b;

	for (size_t i = 0; i < w->n; i++) {
		if (w->points[i].score * 1000.0f < (float)threshold_pm) {
			kept++;
			right += w->points[i].right;
		}
		if (w->points[i].certainty >= 0 &&
		    w->points[i].certainty * 1000.0 < (double)floor_pm) {
			unsure++;
			unsure_wrong += !w->points[i].right;
		}
	}
	if (!w->cli->json) {
		printf("%s answered %zu of %zu right. At a threshold of %.2f, %zu of them stay "
		       "on this "
		       "device, %zu of those right.\n",
		       model, w->right, w->n, threshold_pm / 1000.0, kept, right);
		if (!reached(w, kept, right))
			printf("That is less than the share of %.2f asked for: no limit is low "
			       "enough for this model. Try a better one (hither model list).\n",
			       w->quality);
		print_floor(w, floor_pm, unsure, unsure_wrong);
		printf("%s\n", stored ? "Kept with the model; in force at once."
				      : "Not kept (--dry-run).");
		return;
	}
	buf_init(&b, 4096);
	buf_add_str(&b, "{\"schema\":\"hither.calibration/1\"");
	json_put_key_cstr(&b, "model", model);
	json_put_key_cstr(&b, "classifier", classifier_name(w->classifier));
	json_put_key_i64(&b, "questions", (int64_t)w->n);
	json_put_key_i64(&b, "right", (int64_t)w->right);
	json_put_key_number(&b, "threshold", threshold_pm / 1000.0);
	json_put_key_i64(&b, "kept", (int64_t)kept);
	json_put_key_i64(&b, "kept_right", (int64_t)right);
	json_put_key_bool(&b, "reached", reached(w, kept, right));
	json_put_key(&b, "floor");
	if (floor_pm > 0)
		buf_printf(&b, "%.3f", floor_pm / 1000.0);
	else
		buf_add_str(&b, "null");
	json_put_key_i64(&b, "unsure", (int64_t)unsure);
	json_put_key_i64(&b, "unsure_wrong", (int64_t)unsure_wrong);
	json_put_key_bool(&b, "stored", stored);
	buf_add_char(&b, '}');
	cli_print_json(w->cli, buf_span(&b));
	buf_free(&b);
}

static int calibrate(struct work *w, struct model_store *s, const char *path)
{
	char model[MODELS_NAME_BYTES];
	bool by_share = cli_option(w->cli, "keep-local") != NULL;
	double quality, share;
	uint32_t threshold_pm, floor_pm;
	int code;

	if (!share_option(w->cli, "keep-quality", 0.8, &quality) ||
	    !share_option(w->cli, "keep-local", 0.5, &share))
		return cli_usage(w->cli, "a share is a number between 0 and 1, as 0.8");
	if (s->installed.chosen[0] == '\0')
		return cli_error(w->cli, CLI_FAILED, "model_not_found", "hither model list",
				 "no model is in use");
	w->quality = by_share ? 0 : quality;
	snprintf(model, sizeof model, "%s", s->installed.chosen);
	code = take_all(w, path);
	if (code != CLI_OK)
		return code;
	if (w->n < QUESTIONS_LEAST)
		return cli_error(w->cli, CLI_USAGE, "invalid_request", NULL,
				 "%zu questions tell nothing; give at least %d", w->n,
				 QUESTIONS_LEAST);
	threshold_pm = calibrate_threshold_pm(w->points, w->n,
					      by_share ? CALIBRATE_SHARE : CALIBRATE_QUALITY,
					      by_share ? share : quality);
	floor_pm = calibrate_floor_pm(w->points, w->n);
	if (!cli_flag(w->cli, "dry-run"))
		code = model_store_calibrate(s, model, threshold_pm, floor_pm);
	if (code == CLI_OK)
		report(w, model, threshold_pm, floor_pm, !cli_flag(w->cli, "dry-run"));
	return code;
}

static int reset(struct model_store *s)
{
	if (s->installed.chosen[0] == '\0')
		return cli_error(s->cli, CLI_FAILED, "model_not_found", "hither model list",
				 "no model is in use");
	return model_store_calibrate(s, s->installed.chosen, 0, 0);
}

int cmd_calibrate(struct cli *cli, int argc, char **argv)
{
	struct work w = { .cli = cli };
	struct model_store s;
	int code;

	if (argc > 1)
		return cli_usage(cli, "give one file of questions, or none");
	w.classifier = cli_classifier(NULL);
	buf_init(&w.file, FILE_BYTES_MAX);
	w.points = calloc(QUESTIONS_MAX, sizeof *w.points);
	code = model_store_open(&s, cli);
	if (code == CLI_OK && w.points == NULL)
		code = cli_error(cli, CLI_FAILED, "internal_error", NULL, "out of memory");
	else if (code == CLI_OK)
		code = cli_flag(cli, "reset") ? reset(&s)
					      : calibrate(&w, &s, argc == 1 ? argv[0] : NULL);
	model_store_close(&s);
	classifier_free(w.classifier);
	buf_free(&w.file);
	free(w.points);
	return code;
}
