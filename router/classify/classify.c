/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which model judges: the trained one with its weights mapped, or the linear one. Where the
 * weights lie is found from where the program lies, so that a build tree and an installation
 * under any prefix work without configuration.
 */
#include "router/classify/classify_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "common/text.h"
#include "router/classify/weights.h"
#include "router/classify/weights_pin.h"

struct classifier {
	const struct weights *weights; /* NULL: linear */
	char name[64];
};

static struct classifier linear = { .name = "linear-1" };

const char *classify_task_name(enum classify_task t)
{
	static const char *const names[] = {
#define X(id, name) [CLASSIFY_##id] = name,
		CLASSIFY_TASKS(X)
#undef X
	};

	return (unsigned)t < CLASSIFY_TASK_COUNT ? names[t] : "chat";
}

uint32_t classify_output_tokens(enum classify_task task, size_t text_bytes)
{
	uint32_t given = text_bytes < 65536 ? (uint32_t)text_bytes / 4 : 16384;

	switch (task) {
	case CLASSIFY_REMINDER:
	case CLASSIFY_TIMER:
	case CLASSIFY_DEVICE:
		return 40;
	case CLASSIFY_CHAT:
	case CLASSIFY_QUESTION:
	case CLASSIFY_REPLY:
	case CLASSIFY_EXTRACT:
		return 120;
	case CLASSIFY_TRANSLATE:
	case CLASSIFY_REWRITE:
		return 40 + given;
	case CLASSIFY_SUMMARIZE:
		return 80 + given / 4;
	case CLASSIFY_CODE:
	case CLASSIFY_CODE_FIX:
	case CLASSIFY_RESEARCH:
	case CLASSIFY_MATH:
		return 800;
	default:
		return 350;
	}
}

/* ---------------------------------------------------------------- in words */

void classify_explain(const struct classify_result *r, char *out, size_t out_bytes)
{
	static const struct {
		int8_t lean;
		const char *because;
	} groups[] = { { 0, "" },
		       { 1, "is harder because it " },
		       { -1, "is easier because it " } };

	size_t len = 0;

	out[0] = '\0';
	for (size_t g = 0; g < LEN(groups); g++) {
		const char *before = groups[g].because;

		if (len > 0)
			before = groups[g].lean > 0 ? "; harder because it "
						    : "; easier because it ";
		for (uint32_t i = 0; i < r->n_reasons; i++) {
			if (r->lean[i] != groups[g].lean)
				continue;
			len = text_append(out, out_bytes, len, before);
			len = text_append(out, out_bytes, len, r->reasons[i]);
			before = " and ";
		}
	}
}

/* ---------------------------------------------------------------- finding the file */

static bool program_folder(char out[CLASSIFIER_PATH_BYTES])
{
	ssize_t n = readlink("/proc/self/exe", out, CLASSIFIER_PATH_BYTES - 1);
	char *slash;

	if (n <= 0) { /* no /proc: the path that exec was given */
		const char *given = (const char *)(uintptr_t)getauxval(AT_EXECFN);
		char *real = given != NULL ? realpath(given, NULL) : NULL;

		n = real != NULL ? snprintf(out, CLASSIFIER_PATH_BYTES, "%s", real) : -1;
		free(real);
		if (n <= 0 || n >= CLASSIFIER_PATH_BYTES)
			return false;
	}
	out[n] = '\0';
	slash = strrchr(out, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

static bool find_default(char found[CLASSIFIER_PATH_BYTES])
{
	static const char *const places[] = {
		"/router/classify/classifier.bin",    /* build tree */
		"/../router/classify/classifier.bin", /* build tree, from tests/ and bench/ */
		"/../share/hither/classifier.bin",    /* any prefix */
	};
	char folder[CLASSIFIER_PATH_BYTES];

	if (program_folder(folder)) {
		for (size_t i = 0; i < LEN(places); i++) {
			int n = snprintf(found, CLASSIFIER_PATH_BYTES, "%s%s", folder,
					 places[i]);

			if (n < CLASSIFIER_PATH_BYTES && access(found, F_OK) == 0)
				return true;
		}
	}
	snprintf(found, CLASSIFIER_PATH_BYTES, "%s", CLASSIFIER_INSTALLED);
	return access(found, F_OK) == 0;
}

/* ---------------------------------------------------------------- opening */

enum err classifier_open(const char *path, struct classifier **ret)
{
	const struct weights *w;
	struct classifier *c;
	char hex[2 * sizeof w->sha256 + 1];
	enum err e;

	*ret = &linear;
	if (path == NULL)
		return ERR_OK;
	e = weights_map(path, &w);
	if (e != ERR_OK)
		return e;
	c = calloc(1, sizeof *c);
	if (c == NULL) {
		weights_unmap(w);
		return ERR_NO_MEMORY;
	}
	text_hex(w->sha256, sizeof w->sha256, hex);
	snprintf(c->name, sizeof c->name, "%s-%.8s", w->head.name, hex);
	c->weights = w;
	*ret = c;
	return ERR_OK;
}

enum err classifier_open_default(struct classifier **ret, char found[CLASSIFIER_PATH_BYTES])
{
	char hex[65];
	enum err e;

	*ret = &linear;
	if (!find_default(found))
		return ERR_NOT_FOUND;
	e = classifier_open(found, ret);
	if (e != ERR_OK)
		return e;
	text_hex((*ret)->weights->sha256, 32, hex);
	if (strcmp(hex, WEIGHTS_SHA256) == 0)
		return ERR_OK;
	classifier_free(*ret);
	*ret = &linear;
	return ERR_MISMATCH;
}

enum err classifier_open_chosen(const char *path, struct classifier **ret,
				char found[CLASSIFIER_PATH_BYTES])
{
	if (path == NULL || path[0] == '\0')
		return classifier_open_default(ret, found);
	snprintf(found, CLASSIFIER_PATH_BYTES, "%s", path);
	return classifier_open(path, ret);
}

void classifier_free(struct classifier *c)
{
	if (c == NULL || c == &linear)
		return;
	weights_unmap(c->weights);
	free(c);
}

const char *classifier_name(const struct classifier *c)
{
	return c->name;
}

void classify(const struct classifier *c, const struct classify_input *in,
	      struct classify_result *ret)
{
	if (c->weights != NULL)
		classify_trained(c->weights, in, ret);
	else
		classify_linear(in, ret);
}
