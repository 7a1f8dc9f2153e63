/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line is built whole in memory and written with one write(2), so that lines of several
 * processes never mix. Control characters are escaped: a value cannot start a second line
 * or move the terminal's cursor. A line longer than LINE_BYTES ends in "...".
 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define LINE_BYTES 2048
#define TEXT_BYTES 1024

static const char *log_role = "hither";
static enum log_level log_max = LOG_LEVEL_INFO;
static enum log_format log_shape = LOG_FORMAT_TEXT;

struct line {
	char bytes[LINE_BYTES];
	size_t len;
	bool cut;
};

void log_setup(const char *role, enum log_level max_level, enum log_format format)
{
	log_role = role;
	log_max = max_level;
	log_shape = format;
}

static void put(struct line *l, const char *bytes, size_t n)
{
	/* Eight bytes stay free for the end of the line. */
	if (l->cut || l->len + n > LINE_BYTES - 8) {
		l->cut = true;
		return;
	}
	memcpy(l->bytes + l->len, bytes, n);
	l->len += n;
}

static void put_text(struct line *l, const char *text, bool json)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		char escape[8];

		if (c < 0x20 || c == 0x7f) {
			snprintf(escape, sizeof escape, json ? "\\u%04x" : "\\x%02x", c);
			put(l, escape, strlen(escape));
		} else if (json && (c == '"' || c == '\\')) {
			escape[0] = '\\';
			escape[1] = (char)c;
			put(l, escape, 2);
		} else {
			put(l, text, 1);
		}
	}
}

/* Length without trailing bytes that could be the start of a cut UTF-8 sequence. */
static size_t whole_characters(const char *bytes, size_t len)
{
	while (len > 0 && ((unsigned char)bytes[len - 1] & 0x80) != 0)
		len--;
	return len;
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_NOTICE:
		return "notice";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "info";
}

static void build_text(struct line *l, enum log_level level, const char *event,
		       const char *text)
{
	if (isatty(STDERR_FILENO) != 1) {
		char prefix[] = { '<', (char)('0' + (int)level), '>' };

		put(l, prefix, sizeof prefix);
	}
	put_text(l, log_role, false);
	put(l, " ", 1);
	put_text(l, event, false);
	if (*text != '\0')
		put(l, " ", 1);
	put_text(l, text, false);
	if (l->cut) {
		l->len = whole_characters(l->bytes, l->len);
		memcpy(l->bytes + l->len, "...", 3);
		l->len += 3;
	}
}

static void put_field(struct line *l, const char *name, const char *value)
{
	put(l, l->len == 1 ? "\"" : ",\"", l->len == 1 ? 1 : 2);
	put_text(l, name, true);
	put(l, "\":\"", 3);
	put_text(l, value, true);
	put(l, "\"", 1);
}

static void build_json(struct line *l, enum log_level level, const char *event,
		       const char *text)
{
	char when[CLOCK_RFC3339_BYTES];

	clock_rfc3339(clock_wall_ms(), when);
	put(l, "{", 1);
	put_field(l, "time", when);
	put_field(l, "level", level_name(level));
	put_field(l, "role", log_role);
	put_field(l, "event", event);
	put_field(l, "text", text);
	if (l->cut) { /* inside the string of "text" */
		l->len = whole_characters(l->bytes, l->len);
		memcpy(l->bytes + l->len, "...\"", 4);
		l->len += 4;
	}
	memcpy(l->bytes + l->len, "}", 1);
	l->len++;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	if (level > log_max)
		return;

	int saved_errno = errno;
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n < 0)
		text[0] = '\0';
	else if ((size_t)n >= sizeof text)
		memcpy(text + whole_characters(text, sizeof text - 4), "...", 4);

	struct line l = { .len = 0 };
	if (log_shape == LOG_FORMAT_JSON)
		build_json(&l, level, event, text);
	else
		build_text(&l, level, event, text);
	l.bytes[l.len++] = '\n';

	/* Nothing sensible can be done when stderr itself fails. */
	ssize_t written = write(STDERR_FILENO, l.bytes, l.len);
	(void)written;
	errno = saved_errno;
}
