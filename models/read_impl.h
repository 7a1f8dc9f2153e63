/* SPDX-License-Identifier: Apache-2.0 */
/* What parse.c stands on: typed readers of single JSON values, with the place of the first
 * problem. */
#ifndef HITHER_MODELS_READ_IMPL_H
#define HITHER_MODELS_READ_IMPL_H

#include "models/models.h"

/* Where an entry stands. */
#define CATALOGUE    1u
#define INDEX        2u
#define MESSAGE      4u
#define EVERY        (CATALOGUE | INDEX | MESSAGE)

#define STRING_BYTES 8192u /* one string: a system prompt is the longest */
#define LIST_MAX     64u   /* stop words, languages, recipes, sources, parts of one entry */

struct reader {
	struct arena *arena;
	struct span text;
	unsigned where;
	enum err err;
	struct json_where at;
	char path[256];
};

typedef void read_value(struct reader *r, const cJSON *v, void *into);

struct field {
	const char *key;
	read_value *read;
	size_t offset;
	unsigned allowed, required; /* bit sets of CATALOGUE, INDEX, MESSAGE */
};

void models_read_fail(struct reader *r, enum err e, const char *problem);
void *models_read_claim(struct reader *r, size_t count, size_t each_bytes);
size_t models_read_path_enter(struct reader *r, const char *key);
size_t models_read_path_enter_index(struct reader *r, unsigned i);
void models_read_path_leave(struct reader *r, size_t n);
void models_read_unknown_key(struct reader *r, const char *key);
void models_read_object(struct reader *r, const cJSON *v, const struct field *fields, size_t n,
			void *into);
void *models_read_list(struct reader *r, const cJSON *v, size_t each_bytes, read_value *each,
		       uint32_t most, uint32_t *ret_n);
void models_read_text(struct reader *r, const cJSON *v, void *into);
void models_read_name(struct reader *r, const cJSON *v, void *into);
void models_read_file_name(struct reader *r, const cJSON *v, void *into);
void models_read_digest(struct reader *r, const cJSON *v, void *into);
void models_read_bytes(struct reader *r, const cJSON *v, void *into);
void models_read_u32(struct reader *r, const cJSON *v, void *into);
void models_read_rank(struct reader *r, const cJSON *v, void *into);
void models_read_top_k(struct reader *r, const cJSON *v, void *into);
void models_read_bool(struct reader *r, const cJSON *v, void *into);
void models_read_temperature(struct reader *r, const cJSON *v, void *into);
void models_read_probability(struct reader *r, const cJSON *v, void *into);
void models_read_penalty(struct reader *r, const cJSON *v, void *into);

#endif
