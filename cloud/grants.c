/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc as a whole and not resolv.conf alone: whoever manages the network replaces that file,
 * and a rule holds for the file that was there. What else is in /etc/hither is not readable by
 * the system daemon's user, or the person's own.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "cloud/cloud_impl.h"
#include "common/file.h"
#include "common/log.h"
#include "proc/egress.h"

static const char *const readable[] = {
	/* certificates */
	"/etc", "/usr/lib/ssl", "/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	/* names */
	"/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/run/nscd",
	/* the time zone of log lines, libraries */
	"/usr/share/zoneinfo", "/dev/null", "/dev/urandom"
};

void cloud_grants(struct service *s, struct landlock_grants *ret)
{
	const struct cloud *c = s->ctx;
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	for (size_t i = 0; i < LEN(readable); i++)
		landlock_grant(ret, readable[i], LANDLOCK_READ);
	snprintf(path, sizeof path, "%s/secrets.d", s->config->config_dir);
	landlock_grant(ret, path, LANDLOCK_READ);
	if (credentials != NULL)
		landlock_grant(ret, credentials, LANDLOCK_READ);
	snprintf(path, sizeof path, "%s/witness", s->config->state_dir);
	if (file_mkdirs(path, 0700) != ERR_OK)
		log_warning("cloud.witness", "folder=%s cannot be made", path);
	landlock_grant(ret, path, LANDLOCK_WRITE);
	if (s->config->cloud.ca_file[0] != '\0')
		landlock_grant(ret, s->config->cloud.ca_file, LANDLOCK_READ);
	egress_grants(c->policy, ret);
	if (c->proxy != NULL && egress_port(c->proxy) != 0)
		landlock_grant_port(ret, egress_port(c->proxy));
}
