/* SPDX-License-Identifier: Apache-2.0 */
/* Directories, as hitherd --user resolves them: XDG variables, then the defaults of the
 * XDG Base Directory Specification 0.8; without a runtime directory, /tmp/hither-UID. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

static const char *xdg(char *out, size_t out_bytes, const char *variable,
		       const char *below_home)
{
	const char *base = getenv(variable);
	const char *home = getenv("HOME");

	if (out[0] != '\0')
		return out;
	if (base != NULL && base[0] == '/')
		snprintf(out, out_bytes, "%s/hither", base);
	else
		snprintf(out, out_bytes, "%s/%s/hither", home != NULL ? home : "/root",
			 below_home);
	return out;
}

const char *cli_config_dir(void)
{
	static char path[512];

	return xdg(path, sizeof path, "XDG_CONFIG_HOME", ".config");
}

const char *cli_data_dir(void)
{
	static char path[512];

	return xdg(path, sizeof path, "XDG_DATA_HOME", ".local/share");
}

const char *cli_state_dir(void)
{
	static char path[512];

	return xdg(path, sizeof path, "XDG_STATE_HOME", ".local/state");
}

const char *cli_models_dir(void)
{
	static char path[544];

	snprintf(path, sizeof path, "%s/models", cli_data_dir());
	return path;
}

const char *cli_runtime_dir(void)
{
	static char path[512];
	const char *base = getenv("XDG_RUNTIME_DIR");

	if (base != NULL && base[0] == '/')
		snprintf(path, sizeof path, "%s/hither", base);
	else
		snprintf(path, sizeof path, "/tmp/hither-%u", (unsigned)getuid());
	return path;
}
