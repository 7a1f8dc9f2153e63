/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/span.h"

#define ALL     0xffu
#define ONLY(r) (1u << ROLE_##r)

static const struct {
	const char *name;
	unsigned roles;
	const char *renamed; /* NULL: keeps its name */
} passed[] = {
	{ "LANG", ALL, NULL },
	{ "LC_ALL", ALL, NULL },
	{ "TZ", ALL, NULL },
	{ ENVIRONMENT_LISTEN, ALL, NULL },
	{ ENVIRONMENT_GENERATION, ALL, NULL },
	{ ENVIRONMENT_ALONE, ALL, NULL },
	/* read by the sanitisers' runtimes and by nothing else */
	{ "ASAN_OPTIONS", ALL, NULL },
	{ "UBSAN_OPTIONS", ALL, NULL },
	{ "LLVM_PROFILE_FILE", ALL, NULL },
	/* the engine is looked for on PATH; endpoints that other programs announce */
	{ "PATH", ONLY(LOCAL), NULL },
	{ "HOME", ONLY(LOCAL) | ONLY(CONSENT), NULL },
	{ "OLLAMA_HOST", ONLY(LOCAL), NULL },
	{ "LM_STUDIO_BASE_URL", ONLY(LOCAL), NULL },
	/* the person's session, for questions */
	{ "DBUS_SESSION_BUS_ADDRESS", ONLY(CONSENT), NULL },
	{ "XDG_RUNTIME_DIR", ONLY(CONSENT), NULL },
	/* keys handed over by the service manager */
	{ "CREDENTIALS_DIRECTORY", ONLY(CLOUD), NULL },
	{ "https_proxy", ONLY(CLOUD), "HITHER_HTTPS_PROXY" },
	{ "all_proxy", ONLY(CLOUD), "HITHER_ALL_PROXY" },
	{ "no_proxy", ONLY(CLOUD), "HITHER_NO_PROXY" },
	{ "HITHER_HTTPS_PROXY", ONLY(CLOUD), NULL },
	{ "HITHER_ALL_PROXY", ONLY(CLOUD), NULL },
	{ "HITHER_NO_PROXY", ONLY(CLOUD), NULL },
};

/* The value of `name` in `from`, NULL when unset. */
static const char *value_in(char *const *from, const char *name)
{
	size_t n = strlen(name);

	for (; *from != NULL; from++)
		if (strncmp(*from, name, n) == 0 && (*from)[n] == '=')
			return *from + n + 1;
	return NULL;
}

char **environment_for(enum role r, char *const *from, const char *const *extra, unsigned n)
{
	char **env = calloc(LEN(passed) + n + 1, sizeof *env);
	size_t used = 0;

	if (env == NULL)
		return NULL;
	for (size_t i = 0; i < LEN(passed); i++) {
		const char *value = value_in(from, passed[i].name);
		const char *name =
			passed[i].renamed != NULL ? passed[i].renamed : passed[i].name;

		if (value == NULL || (passed[i].roles & (1u << r)) == 0)
			continue;
		if (asprintf(&env[used], "%s=%s", name, value) < 0)
			return NULL;
		used++;
	}
	for (unsigned i = 0; i < n; i++) {
		env[used] = strdup(extra[i]);
		if (env[used++] == NULL)
			return NULL;
	}
	return env;
}
