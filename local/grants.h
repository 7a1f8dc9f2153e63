/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the role local may open once its jail is closed. */
#ifndef HITHER_LOCAL_GRANTS_H
#define HITHER_LOCAL_GRANTS_H

#include <limits.h>

#include "proc/service.h"

/* What this role keeps: STATE_DIR/local. */
void local_folder(const struct config *c, char out[PATH_MAX]);

/* As `grants` of struct service_handler. Makes local_folder(), which must be there by then. */
void local_grants(struct service *s, struct landlock_grants *ret);

#endif
