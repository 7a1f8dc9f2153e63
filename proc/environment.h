/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the environment a role may see. Everything else stays behind: keys of other
 * programs, proxies that libraries read on their own, loader settings.
 */
#ifndef HITHER_PROC_ENVIRONMENT_H
#define HITHER_PROC_ENVIRONMENT_H

#include <stdbool.h>

#include "ipc/role.h"

#define ENVIRONMENT_LISTEN                                                                     \
	"HITHER_LISTEN"                /* names of the listening sockets, comma separated      \
					*/
#define ENVIRONMENT_SEAT "HITHER_SEAT" /* role_name() of this process */
#define ENVIRONMENT_GENERATION                                                                 \
	"HITHER_GENERATION" /* of the policy at ROLE_FD_POLICY, decimal */
#define ENVIRONMENT_ALONE                                                                      \
	"HITHER_ALONE" /* set: born in a network namespace of its own                          \
			*/

/*
 * The part of `from` ("NAME=value", NULL-terminated) that is meant for role `r`, then `extra`
 * (n of them). Proxy variables reach cloud as HITHER_HTTPS_PROXY, HITHER_ALL_PROXY and
 * HITHER_NO_PROXY, so that nothing but cloud itself honours them. To be given to
 * environment_free(), unless it becomes the process's own. NULL: memory is out.
 */
char **environment_for(enum role r, char *const *from, const char *const *extra, unsigned n);
void environment_free(char **env); /* NULL is fine */

/*
 * Overwrites where it lies, and takes out of `env` (this process's own environ, before anybody
 * keeps pointers into it): with `all` every variable, else those that no role sees and boot
 * does not read. What a process was started with lies in its memory, and in its children's, as
 * long as they run.
 */
void environment_forget(char **env, bool all);

#endif
