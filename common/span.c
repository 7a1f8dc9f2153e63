/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes: what is too long to be inline. Case folding is ASCII only, without locale. */
#include "common/span.h"

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool span_is_nocase(struct span a, const char *text)
{
	if (text == NULL || strlen(text) != a.len)
		return text == NULL && a.len == 0;

	for (size_t i = 0; i < a.len; i++) {
		if (fold(a.ptr[i]) != fold(text[i]))
			return false;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span a)
{
	while (a.len > 0 && is_blank(a.ptr[0])) {
		a.ptr++;
		a.len--;
	}
	while (a.len > 0 && is_blank(a.ptr[a.len - 1]))
		a.len--;
	return a;
}

struct span span_cut(struct span *io, char at)
{
	const char *end = io->len > 0 ? memchr(io->ptr, at, io->len) : NULL;
	struct span part = { io->ptr, end != NULL ? (size_t)(end - io->ptr) : io->len };
	size_t used = part.len + (end != NULL);

	if (used > 0)
		io->ptr += used;
	io->len -= used;
	return part;
}

bool span_copy(struct span a, char *out, size_t out_bytes)
{
	if (out_bytes == 0)
		return false;
	out[0] = '\0';
	if (a.len >= out_bytes || (a.len > 0 && memchr(a.ptr, '\0', a.len) != NULL))
		return false;
	if (a.len > 0)
		memcpy(out, a.ptr, a.len);
	out[a.len] = '\0';
	return true;
}
