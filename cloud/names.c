/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/names.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/log.h"

#define SWITCH       "/etc/nsswitch.conf"
#define SWITCH_BYTES (64u << 10)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_part_of_a_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '/')
			return false;
	return s.len > 0;
}

static unsigned words_of(struct span line, char ret[NAMES_SERVICES_MAX][NAMES_SERVICE_BYTES])
{
	unsigned n = 0;
	size_t at = 0;

	while (at < line.len && line.ptr[at] != '#') {
		size_t begin = at;

		if (is_blank(line.ptr[at])) {
			at++;
			continue;
		}
		if (line.ptr[at] == '[') { /* [NOTFOUND=return] */
			const char *end = memchr(line.ptr + at, ']', line.len - at);

			at = end != NULL ? (size_t)(end - line.ptr) + 1 : line.len;
			continue;
		}
		while (at < line.len && !is_blank(line.ptr[at]) && line.ptr[at] != '[')
			at++;
		struct span word = { line.ptr + begin, at - begin };
		if (n < NAMES_SERVICES_MAX && is_part_of_a_name(word) &&
		    span_copy(word, ret[n], NAMES_SERVICE_BYTES))
			n++;
	}
	return n;
}

unsigned names_services(struct span text, char ret[NAMES_SERVICES_MAX][NAMES_SERVICE_BYTES])
{
	static const char key[] = "hosts:";

	while (text.len > 0) {
		const char *newline = memchr(text.ptr, '\n', text.len);
		size_t n = newline != NULL ? (size_t)(newline - text.ptr) : text.len;
		struct span line = span_trim((struct span){ text.ptr, n });

		if (span_starts(line, key))
			return words_of((struct span){ line.ptr + sizeof key - 1,
						       line.len - (sizeof key - 1) },
					ret);
		text.ptr += n + (newline != NULL);
		text.len -= n + (newline != NULL);
	}
	return 0;
}

void names_load_modules(void)
{
	char services[NAMES_SERVICES_MAX][NAMES_SERVICE_BYTES], file[64];
	struct buf text;
	unsigned n = 0;

	buf_init(&text, SWITCH_BYTES);
	if (file_read(SWITCH, SWITCH_BYTES, &text) == ERR_OK)
		n = names_services(buf_span(&text), services);
	buf_free(&text);
	for (unsigned i = 0; i < n; i++) {
		snprintf(file, sizeof file, "libnss_%.31s.so.2", services[i]);
		/* kept for the life of the process; files and dns are part of glibc */
		if (dlopen(file, RTLD_NOW) == NULL)
			log_debug("cloud.names", "module=%s is not there", file);
	}
}
