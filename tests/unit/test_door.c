/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets in over TCP: one good visit, and everything that differs from it by one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "router/door.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

static struct door_key key;

static int setup(void **state)
{
	struct crypto_sha256 d;
	char hex[CRYPTO_SHA256_HEX_BYTES];

	(void)state;
	if (crypto_init() != ERR_OK)
		return -1;
	crypto_sha256(SPAN_LITERAL(TOKEN), &d);
	crypto_sha256_hex(&d, hex);
	door_key_read(hex, &key);
	return key.known ? 0 : -1;
}

static struct span field(const char *text)
{
	return text != NULL ? span_of(text) : (struct span){ NULL, 0 };
}

/* NULL: the field is absent. */
struct row {
	const char *name;
	const char *method, *path, *host, *origin, *site, *type, *authorization, *api_key;
	bool body;
	int status; /* 0: let in */
	const char *served;
};

#define CHAT "/v1/chat/completions"
#define HERE "127.0.0.1:11435"
#define JSON "application/json"
#define GOOD "Bearer " TOKEN

static const struct row rows[] = {
	{ "a client library", "POST", CHAT, HERE, NULL, NULL, JSON, GOOD, NULL, true, 0, CHAT },
	{ "by name", "POST", CHAT, "localhost:11435", NULL, NULL, JSON, GOOD, NULL, true, 0,
	  CHAT },
	{ "over IPv6", "POST", CHAT, "[::1]:11435", NULL, NULL, JSON, GOOD, NULL, true, 0,
	  CHAT },
	{ "x-api-key", "POST", CHAT, HERE, NULL, NULL, JSON, NULL, TOKEN, true, 0, CHAT },
	{ "a bearer in capitals", "POST", CHAT, HERE, NULL, NULL, JSON, "BEARER " TOKEN, NULL,
	  true, 0, CHAT },
	{ "the token in the path", "POST", "/t/" TOKEN "/api/chat", HERE, NULL, NULL, JSON,
	  NULL, NULL, true, 0, "/api/chat" },
	{ "the token is all of the path", "GET", "/t/" TOKEN, HERE, NULL, NULL, NULL, NULL,
	  NULL, false, 0, "/" },
	{ "a charset", "POST", CHAT, HERE, NULL, NULL, "Application/JSON ; charset=utf-8", GOOD,
	  NULL, true, 0, CHAT },
	{ "an origin of its own", "POST", CHAT, HERE, "http://" HERE, "same-origin", JSON, GOOD,
	  NULL, true, 0, CHAT },
	{ "nothing to read", "GET", "/v1/models", HERE, NULL, "none", NULL, GOOD, NULL, false,
	  0, "/v1/models" },

	{ "no token", "POST", CHAT, HERE, NULL, NULL, JSON, NULL, NULL, true, 401, NULL },
	{ "a wrong token", "POST", CHAT, HERE, NULL, NULL, JSON, "Bearer x", NULL, true, 401,
	  NULL },
	{ "one letter less", "POST", CHAT, HERE, NULL, NULL, JSON,
	  "Bearer 0123456789abcdef0123456789abcde", NULL, true, 401, NULL },
	{ "another scheme", "POST", CHAT, HERE, NULL, NULL, JSON, "Basic " TOKEN, NULL, true,
	  401, NULL },
	{ "a wrong path wins over a right header", "POST", "/t/x/api/chat", HERE, NULL, NULL,
	  JSON, GOOD, NULL, true, 401, NULL },
	{ "an empty path token", "POST", "/t//api/chat", HERE, NULL, NULL, JSON, NULL, NULL,
	  true, 401, NULL },
	{ "the token elsewhere in the path", "GET", "/api/t/" TOKEN, HERE, NULL, NULL, NULL,
	  NULL, NULL, false, 401, NULL },
	{ "no host", "POST", CHAT, NULL, NULL, NULL, JSON, GOOD, NULL, true, 403, NULL },
	{ "a rebound name", "POST", CHAT, "attacker.example:11435", NULL, NULL, JSON, GOOD,
	  NULL, true, 403, NULL },
	{ "a name that begins well", "POST", CHAT, "localhost.attacker.example:11435", NULL,
	  NULL, JSON, GOOD, NULL, true, 403, NULL },
	{ "no port", "POST", CHAT, "127.0.0.1", NULL, NULL, JSON, GOOD, NULL, true, 403, NULL },
	{ "another port", "POST", CHAT, "127.0.0.1:11436", NULL, NULL, JSON, GOOD, NULL, true,
	  403, NULL },
	{ "another loopback address", "POST", CHAT, "127.0.0.2:11435", NULL, NULL, JSON, GOOD,
	  NULL, true, 403, NULL },
	{ "capitals", "POST", CHAT, "LOCALHOST:11435", NULL, NULL, JSON, GOOD, NULL, true, 403,
	  NULL },
	{ "a final dot", "POST", CHAT, "localhost.:11435", NULL, NULL, JSON, GOOD, NULL, true,
	  403, NULL },
	{ "a foreign page", "POST", CHAT, HERE, "https://attacker.example", NULL, JSON, GOOD,
	  NULL, true, 403, NULL },
	{ "a sandboxed page", "POST", CHAT, HERE, "null", NULL, JSON, GOOD, NULL, true, 403,
	  NULL },
	{ "an empty origin", "POST", CHAT, HERE, "", NULL, JSON, GOOD, NULL, true, 403, NULL },
	{ "another local page", "POST", CHAT, HERE, "http://127.0.0.1:8080", NULL, JSON, GOOD,
	  NULL, true, 403, NULL },
	{ "the same place by another name", "POST", CHAT, HERE, "http://localhost:11435", NULL,
	  JSON, GOOD, NULL, true, 403, NULL },
	{ "https of the same place", "POST", CHAT, HERE, "https://" HERE, NULL, JSON, GOOD,
	  NULL, true, 403, NULL },
	{ "cross-site", "GET", "/v1/models", HERE, NULL, "cross-site", NULL, GOOD, NULL, false,
	  403, NULL },
	{ "same-site", "GET", "/v1/models", HERE, NULL, "same-site", NULL, GOOD, NULL, false,
	  403, NULL },
	{ "a preflight", "OPTIONS", CHAT, HERE, NULL, NULL, NULL, NULL, NULL, false, 405,
	  NULL },
	{ "a form", "POST", CHAT, HERE, NULL, NULL, "application/x-www-form-urlencoded", GOOD,
	  NULL, true, 415, NULL },
	{ "a form with a file", "POST", CHAT, HERE, NULL, NULL,
	  "multipart/form-data; boundary=x", GOOD, NULL, true, 415, NULL },
	{ "plain text", "POST", CHAT, HERE, NULL, NULL, "text/plain; application/json", GOOD,
	  NULL, true, 415, NULL },
	{ "no type", "POST", CHAT, HERE, NULL, NULL, NULL, GOOD, NULL, true, 415, NULL },
	{ "nearly JSON", "POST", CHAT, HERE, NULL, NULL, "application/jsonp", GOOD, NULL, true,
	  415, NULL },
};

static struct door_visit visit_of(const struct row *r)
{
	return (struct door_visit){ .method = field(r->method),
				    .path = field(r->path),
				    .host = field(r->host),
				    .origin = field(r->origin),
				    .fetch_site = field(r->site),
				    .content_type = field(r->type),
				    .authorization = field(r->authorization),
				    .api_key = field(r->api_key),
				    .body = r->body };
}

static void each_visit_gets_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct door_visit v = visit_of(&rows[i]);
		struct door_refusal why = { .status = 0 };
		struct span path = { NULL, 0 };
		bool in = door_check(&v, 11435, &key, &path, &why);

		if (in != (rows[i].status == 0) || why.status != rows[i].status)
			fail_msg("%s: %d", rows[i].name, why.status);
		if (in && !span_is(path, rows[i].served))
			fail_msg("%s: served as %.*s", rows[i].name, (int)path.len, path.ptr);
		if (!in)
			assert_true(why.code[0] != '\0' && why.message[0] != '\0');
	}
}

static void what_stands_twice_is_refused(void **state)
{
	struct door_visit v = visit_of(&rows[0]);
	struct door_refusal why;
	struct span path;

	(void)state;
	v.twice = true;
	assert_false(door_check(&v, 11435, &key, &path, &why));
	assert_int_equal(why.status, 400);
}

static void without_a_key_nobody_gets_in(void **state)
{
	static const char *const hexes[] = { "", "zz", "00" };
	struct door_visit v = visit_of(&rows[0]);
	struct door_refusal why;
	struct span path;

	(void)state;
	for (size_t i = 0; i < LEN(hexes); i++) {
		struct door_key none;

		door_key_read(hexes[i], &none);
		assert_false(door_check(&v, 11435, &none, &path, &why));
		assert_int_equal(why.status, 401);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_visit_gets_what_the_table_says),
		cmocka_unit_test(what_stands_twice_is_refused),
		cmocka_unit_test(without_a_key_nobody_gets_in),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
