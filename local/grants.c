/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models, the state of the machine, who is asked to prove to be there (/proc), the engine's
 * sockets, and what was checked.
 */
#include "local/grants.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"

void local_folder(const struct config *c, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%.4000s/local", c->state_dir);
}

static void grant_at(struct landlock_grants *g, const char *root, const char *path)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof whole, "%.2000s%s", root, path);
	landlock_grant(g, whole, LANDLOCK_READ);
}

void local_grants(struct service *s, struct landlock_grants *ret)
{
	static const char *const machine[] = { "/sys/class", "/sys/devices", "/proc/net" };
	static const char *const read[] = { "/proc", "/dev/null", "/sys/devices/system/cpu",
					    "/etc/localtime", "/usr/share/zoneinfo" };
	const struct config *c = s->config;
	char path[PATH_MAX];

	for (size_t i = 0; i < LEN(machine); i++)
		grant_at(ret, c->sys_dir, machine[i]);
	for (size_t i = 0; i < LEN(read); i++)
		landlock_grant(ret, read[i], LANDLOCK_READ);
	landlock_grant(ret, c->models_dir, LANDLOCK_READ);
	if (strchr(c->engine.model, '/') != NULL)
		landlock_grant(ret, c->engine.model, LANDLOCK_READ);
	snprintf(path, sizeof path, "%s/engine", c->runtime_dir);
	landlock_grant(ret, path, LANDLOCK_WRITE);
	local_folder(c, path);
	if (file_mkdirs(path, 0700) != ERR_OK)
		log_warning("local.state", "folder=%s cannot be made", path);
	landlock_grant(ret, path, LANDLOCK_WRITE);
}
