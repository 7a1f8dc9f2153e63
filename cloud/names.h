/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITHER_CLOUD_NAMES_H
#define HITHER_CLOUD_NAMES_H

#include "common/span.h"

#define NAMES_SERVICES_MAX  16
#define NAMES_SERVICE_BYTES 32

/*
 * The services of the line `hosts:` of an nsswitch.conf(5), without what stands in brackets.
 * Pure. How many; what does not fit or could not be a part of a file's name is left out.
 */
unsigned names_services(struct span text, char ret[NAMES_SERVICES_MAX][NAMES_SERVICE_BYTES]);

/*
 * Loads their modules (libnss_NAME.so.2), so that getaddrinfo(3) needs no code that would have
 * to be mapped later: the jail forbids that. Before the jail. A module that is not there is
 * none that getaddrinfo would find.
 */
void names_load_modules(void);

#endif
