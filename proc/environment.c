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

/* sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3) */
static const char *const boots[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_PID",
				     "LISTEN_FDS", "LISTEN_FDNAMES" };

static bool is_of(const char *variable, const char *name)
{
	size_t n = strlen(name);

	return strncmp(variable, name, n) == 0 && variable[n] == '=';
}

static bool is_needed(const char *variable)
{
	for (size_t i = 0; i < LEN(passed); i++)
		if (is_of(variable, passed[i].name))
			return true;
	for (size_t i = 0; i < LEN(boots); i++)
		if (is_of(variable, boots[i]))
			return true;
	return false;
}

void environment_forget(char **env, bool all)
{
	char **to = env;

	for (; *env != NULL; env++)
		if (!all && is_needed(*env))
			*to++ = *env;
		else
			explicit_bzero(*env, strlen(*env));
	*to = NULL;
}

/* The value of `name` in `from`, NULL when unset. */
static const char *value_in(char *const *from, const char *name)
{
	for (; *from != NULL; from++)
		if (is_of(*from, name))
			return *from + strlen(name) + 1;
	return NULL;
}

char **environment_for(enum role r, char *const *from, const char *const *extra, unsigned n)
{
	char **env = calloc(LEN(passed) + n + 1, sizeof *env);
	char **next = env;

	if (env == NULL)
		return NULL;
	for (size_t i = 0; i < LEN(passed); i++) {
		const char *value = value_in(from, passed[i].name);
		const char *name =
			passed[i].renamed != NULL ? passed[i].renamed : passed[i].name;

		if (value == NULL || (passed[i].roles & (1u << r)) == 0)
			continue;
		if (asprintf(next, "%s=%s", name, value) < 0) {
			*next = NULL; /* its content is undefined then */
			goto out;
		}
		next++;
	}
	for (unsigned i = 0; i < n; i++, next++) {
		*next = strdup(extra[i]);
		if (*next == NULL)
			goto out;
	}
	return env;
out:
	environment_free(env);
	return NULL;
}

void environment_free(char **env)
{
	for (char **e = env; e != NULL && *e != NULL; e++)
		free(*e);
	free(env);
}
