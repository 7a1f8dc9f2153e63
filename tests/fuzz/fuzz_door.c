/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who comes over loopback TCP, at the daemon's port and at the one of `hither run`: without the
 * token nobody gets in, with a stranger's Host or an Origin nobody does either. The input is
 * lines, one for each field.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/run_guard.h"
#include "router/door.h"

#define HALF  "0123456789abcdef0123456789abcdef"
#define TOKEN HALF HALF /* RUN_TOKEN_BYTES with its NUL */
#define LINES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct door_key key_of_token(void)
{
	struct crypto_sha256 d;
	char hex[CRYPTO_SHA256_HEX_BYTES];
	struct door_key key;

	if (crypto_init() != ERR_OK)
		abort();
	crypto_sha256(SPAN_LITERAL(TOKEN), &d);
	crypto_sha256_hex(&d, hex);
	door_key_read(hex, &key);
	return key;
}

static bool here(struct span host)
{
	return span_equal(host, SPAN_LITERAL("127.0.0.1:80")) ||
	       span_equal(host, SPAN_LITERAL("localhost:80")) ||
	       span_equal(host, SPAN_LITERAL("[::1]:80"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct door_key key;
	const struct door_key none = { .known = false };
	struct span line[LINES] = { 0 }, rest = { (const char *)data, size }, path;
	struct door_refusal no = { 0 };
	struct run_refusal no_run = { 0 };

	if (!key.known)
		key = key_of_token();
	for (size_t i = 0; i < LINES && rest.len > 0; i++) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t n = end != NULL ? (size_t)(end - rest.ptr) : rest.len;

		if (n > 0) /* an empty one is absent */
			line[i] = (struct span){ rest.ptr, n };
		n += end != NULL;
		rest = (struct span){ rest.ptr + n, rest.len - n };
	}
	const struct door_visit v = { .method = line[0],
				      .path = line[1],
				      .host = line[2],
				      .origin = line[3],
				      .fetch_site = line[4],
				      .content_type = line[5],
				      .authorization = line[6],
				      .api_key = line[7],
				      .body = size & 1,
				      .twice = (size & 6) == 6 };
	const struct run_origin o = { .host = line[2],
				      .origin = line[3],
				      .site = line[4],
				      .authorization = line[6],
				      .api_key = line[7],
				      .twice = v.twice };

	bool target =
		line[1].len > 0 && line[1].ptr[0] == '/'; /* llhttp lets no other through */

	if (target && door_check(&v, 80, &none, &path, &no))
		abort();
	if (target && door_check(&v, 80, &key, &path, &no)) {
		if (memmem(data, size, TOKEN, strlen(TOKEN)) == NULL || v.twice ||
		    line[3].ptr != NULL || path.len == 0 || path.ptr[0] != '/')
			abort();
	} else if (target && (no.status < 400 || no.message == NULL)) {
		abort();
	}
	if (run_guard_allows(&o, 80, TOKEN, &no_run)) {
		if (memmem(data, size, TOKEN, strlen(TOKEN)) == NULL || v.twice ||
		    line[3].ptr != NULL || !here(line[2]))
			abort();
	} else if (no_run.status < 400 || no_run.why == NULL) {
		abort();
	}
	return 0;
}
