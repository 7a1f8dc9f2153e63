/* SPDX-License-Identifier: Apache-2.0 */
/* What is installed in the models folder, and which of it is meant by a name. */
#ifndef HITHER_LOCAL_SHELF_H
#define HITHER_LOCAL_SHELF_H

#include <stdbool.h>

#include "common/err.h"
#include "local/supervise.h"
#include "models/models.h"
#include "proc/config.h"

struct shelf;

/* Empty until shelf_read(). `config` outlives it. NULL when memory is out. */
struct shelf *shelf_new(const struct config *config);
/*
 * Reads models_dir/index.json when it is not the file that was read last; true when the list is
 * new. A broken file is logged, and the last good list stays.
 */
bool shelf_read(struct shelf *s);
/*
 * `name`, or with "" the one that configuration or `hither model use` chose. ERR_NOT_FOUND with
 * what to do in `detail` (cap bytes).
 */
MUST_CHECK enum err shelf_resolve(const struct shelf *s, const char *name,
				  struct engine_model *ret, char *detail, unsigned cap);
/* Valid until the next shelf_read(). `chosen` is the effective one. */
const struct model_list *shelf_models(const struct shelf *s);

#endif
