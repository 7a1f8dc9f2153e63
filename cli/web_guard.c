/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check is a comparison with one exact text: nothing is normalised, so nothing can be
 * normalised in two ways. A browser sends Origin and Sec-Fetch-Site with every form it posts
 * to a loopback address; what does not send them is no browser and has the command line.
 */
#include "cli/web_guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "crypto/crypto.h"
#include "http/loopback.h"

#define TABLE_BYTES_MAX (8u << 20)

void web_secret_new(struct web_secret *s, uint64_t now_ms)
{
	uint8_t random[16];

	crypto_random(random, sizeof random);
	text_hex(random, sizeof random, s->text);
	s->until_ms = now_ms + WEB_SECRET_LIFE_MS;
}

bool web_secret_is(const struct web_secret *s, struct span given, uint64_t now_ms)
{
	return s->text[0] != '\0' && now_ms < s->until_ms &&
	       crypto_equal(given, (struct span){ s->text, WEB_SECRET_BYTES - 1 });
}

void web_secret_forget(struct web_secret *s)
{
	memset(s, 0, sizeof *s);
}

/* --- where it comes from ------------------------------------------------------------- */

static bool form_type(struct span type)
{
	const char *end = type.len > 0 ? memchr(type.ptr, ';', type.len) : NULL;

	if (end != NULL)
		type.len = (size_t)(end - type.ptr);
	return span_is_nocase(span_trim(type), "application/x-www-form-urlencoded");
}

static bool refuse(struct web_refusal *reterr, int status, const char *why)
{
	*reterr = (struct web_refusal){ status, why };
	return false;
}

bool web_guard_allows(const struct web_origin *o, uint16_t port, struct web_refusal *reterr)
{
	char ours[64];

	if (o->twice)
		return refuse(reterr, 400, "A header says two things.");
	if (!http_host_is_loopback(o->host, port))
		return refuse(reterr, 403, "This page answers under its own address only.");
	if (span_is(o->method, "GET") || span_is(o->method, "HEAD"))
		return true;
	if (!span_is(o->method, "POST"))
		return refuse(reterr, 405, "This page takes GET and POST.");
	snprintf(ours, sizeof ours, "http://%.*s", (int)o->host.len, o->host.ptr);
	if (!span_is(o->origin, ours))
		return refuse(reterr, 403, "This form was not sent by this page.");
	if (!span_is(o->site, "same-origin") && !span_is(o->site, "none"))
		return refuse(reterr, 403, "This form was sent by another site.");
	if (!form_type(o->content_type))
		return refuse(reterr, 415, "This is not a form of this page.");
	return true;
}

bool web_cookie(struct span field, const char *name, struct span *ret)
{
	size_t n = strlen(name);

	while (field.len > 0) {
		const char *end = memchr(field.ptr, ';', field.len);
		size_t len = end != NULL ? (size_t)(end - field.ptr) : field.len;
		struct span pair = span_trim((struct span){ field.ptr, len });

		if (span_starts(pair, name) && pair.len > n && pair.ptr[n] == '=') {
			*ret = (struct span){ pair.ptr + n + 1, pair.len - n - 1 };
			return true;
		}
		field.ptr += len + (end != NULL);
		field.len -= len + (end != NULL);
	}
	return false;
}

/* --- forms --------------------------------------------------------------------------- */

/* Decodes into `out`; false when it is malformed, holds a NUL or does not fit. */
static bool form_decode(struct span value, char *out, size_t out_bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = (uint8_t)value.ptr[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			if (i + 2 >= value.len ||
			    text_unhex((struct span){ value.ptr + i + 1, 2 }, &c, 1) != ERR_OK)
				return false;
			i += 2;
		}
		if (c == '\0' || n + 1 >= out_bytes)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

bool web_form_value(struct span body, const char *name, char *out, size_t out_bytes)
{
	size_t n = strlen(name);

	while (body.len > 0) {
		const char *end = memchr(body.ptr, '&', body.len);
		size_t len = end != NULL ? (size_t)(end - body.ptr) : body.len;

		if (len > n && memcmp(body.ptr, name, n) == 0 && body.ptr[n] == '=' &&
		    form_decode((struct span){ body.ptr + n + 1, len - n - 1 }, out, out_bytes))
			return true;
		body.ptr += len + (end != NULL);
		body.len -= len + (end != NULL);
	}
	out[0] = '\0';
	return false;
}

/* --- whose connection ---------------------------------------------------------------- */

/* Addresses as the kernel prints them: words of network bytes as host numbers, in hex. */
static void loopback_texts(bool v6, char plain[33], char mapped[33])
{
	static const uint8_t v4_bytes[4] = { 127, 0, 0, 1 };
	static const uint8_t v6_bytes[16] = { [15] = 1 };
	static const uint8_t mapped_bytes[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	uint32_t words[4];

	mapped[0] = '\0';
	if (!v6) {
		memcpy(words, v4_bytes, 4);
		snprintf(plain, 33, "%08" PRIX32, words[0]);
		memcpy(words, mapped_bytes, 16);
	} else {
		memcpy(words, v6_bytes, 16);
	}
	snprintf(v6 ? plain : mapped, 33, "%08" PRIX32 "%08" PRIX32 "%08" PRIX32 "%08" PRIX32,
		 words[0], words[1], words[2], words[3]);
}

bool web_owner_find(struct span table, bool v6, uint16_t peer_port, uint16_t port,
		    struct web_owner *ret)
{
	char plain[33], mapped[33], from[33], to[33], line[256];
	unsigned from_port, to_port, owner;
	uint64_t inode;

	loopback_texts(v6, plain, mapped);
	while (table.len > 0) {
		const char *end = memchr(table.ptr, '\n', table.len);
		size_t len = end != NULL ? (size_t)(end - table.ptr) : table.len;

		/* sl local remote state queues timer retransmits uid timeout inode */
		if (span_copy((struct span){ table.ptr, len }, line, sizeof line) &&
		    sscanf(line,
			   " %*u: %32[0-9A-F]:%x %32[0-9A-F]:%x %*x %*x:%*x %*x:%*x %*x %u %*u "
			   "%" SCNu64,
			   from, &from_port, to, &to_port, &owner, &inode) == 6 &&
		    from_port == peer_port && to_port == port && strcmp(from, to) == 0 &&
		    (strcmp(from, plain) == 0 || strcmp(from, mapped) == 0)) {
			*ret = (struct web_owner){ .uid = owner, .inode = inode };
			return true;
		}
		table.ptr += len + (end != NULL);
		table.len -= len + (end != NULL);
	}
	return false;
}

bool web_owner_in(struct span table, bool v6, uint16_t peer_port, uint16_t port, uid_t uid)
{
	struct web_owner o;

	return web_owner_find(table, v6, peer_port, port, &o) && o.uid == uid;
}

static bool look(bool v6, uint16_t peer_port, uint16_t port, struct web_owner *ret,
		 bool *ret_readable)
{
	static const char *const paths[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	bool found = false;

	*ret_readable = false;
	for (size_t i = 0; i < LEN(paths) && !found; i++) {
		struct buf table;

		buf_init(&table, TABLE_BYTES_MAX);
		if (file_read(paths[i], TABLE_BYTES_MAX, &table) == ERR_OK) {
			*ret_readable = true;
			found = web_owner_find(buf_span(&table), v6, peer_port, port, ret);
		}
		buf_free(&table);
	}
	return found;
}

bool web_owner_look(bool v6, uint16_t peer_port, uint16_t port, struct web_owner *ret)
{
	bool readable;

	return look(v6, peer_port, port, ret, &readable);
}

bool web_owner_is(bool v6, uint16_t peer_port, uint16_t port, uid_t uid)
{
	struct web_owner o;
	bool readable;

	return look(v6, peer_port, port, &o, &readable) ? o.uid == uid : !readable;
}
