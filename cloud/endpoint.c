/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "common/span.h"

#define UNIX_PREFIX "/v1"

/* Nothing that a URL parser and a person could read differently. */
static bool is_plain(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~' ||
		    strchr("@?#\\\"<>^`{|}", s.ptr[i]) != NULL)
			return false;
	return true;
}

static struct span without_slashes(struct span s)
{
	while (s.len > 0 && s.ptr[s.len - 1] == '/')
		s.len--;
	return s;
}

static enum err join(struct endpoint *e, struct span base, const char *path)
{
	int n = snprintf(e->url, sizeof e->url, "%.*s%s", (int)base.len, base.ptr, path);

	return n > 0 && (size_t)n < sizeof e->url ? ERR_OK : ERR_TOO_BIG;
}

static enum err parse_unix(struct span rest, const char *path, struct endpoint *e)
{
	const char *colon = memchr(rest.ptr, ':', rest.len);
	struct span file = { rest.ptr, colon != NULL ? (size_t)(colon - rest.ptr) : rest.len };
	struct span prefix = SPAN_LITERAL(UNIX_PREFIX);
	char base[512];

	if (colon != NULL)
		prefix = (struct span){ colon + 1, rest.len - file.len - 1 };
	if (file.len == 0 || file.ptr[0] != '/' || (prefix.len > 0 && prefix.ptr[0] != '/') ||
	    !is_plain(prefix))
		return ERR_SYNTAX;
	if (!span_copy(file, e->unix_path, sizeof e->unix_path))
		return ERR_TOO_BIG;
	prefix = without_slashes(prefix);
	int n = snprintf(base, sizeof base, "http://localhost%.*s", (int)prefix.len,
			 prefix.ptr);
	if (n < 0 || (size_t)n >= sizeof base)
		return ERR_TOO_BIG;
	e->plain_http = true;
	return join(e, span_of(base), path);
}

static bool is_loopback_host(struct span after_scheme)
{
	static const char *const hosts[] = { "127.0.0.1", "[::1]", "localhost" };

	for (size_t i = 0; i < LEN(hosts); i++) {
		size_t n = strlen(hosts[i]);

		if (span_starts(after_scheme, hosts[i]) &&
		    (after_scheme.len == n || after_scheme.ptr[n] == ':' ||
		     after_scheme.ptr[n] == '/'))
			return true;
	}
	return false;
}

enum err endpoint_parse(const char *base_url, const char *path, struct endpoint *ret)
{
	struct endpoint e = { .plain_http = false };
	struct span base = span_of(base_url);
	enum err result;

	if (span_starts(base, "unix:")) {
		result = parse_unix((struct span){ base.ptr + 5, base.len - 5 }, path, &e);
	} else if (!is_plain(base)) {
		result = ERR_SYNTAX;
	} else if (span_starts(base, "https://") && base.len > 8 && base.ptr[8] != '/') {
		e.loopback = is_loopback_host((struct span){ base.ptr + 8, base.len - 8 });
		result = join(&e, without_slashes(base), path);
	} else if (span_starts(base, "http://") &&
		   is_loopback_host((struct span){ base.ptr + 7, base.len - 7 })) {
		e.plain_http = true;
		e.loopback = true;
		result = join(&e, without_slashes(base), path);
	} else {
		result = ERR_SYNTAX;
	}
	if (result == ERR_OK)
		*ret = e;
	return result;
}
