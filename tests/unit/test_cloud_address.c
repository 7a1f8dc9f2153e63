/* SPDX-License-Identifier: Apache-2.0 */
/* Where destinations may lie, and what base_url may say. */
#include <arpa/inet.h>
#include <string.h>

#include "cloud/address.h"
#include "cloud/endpoint.h"
#include "common/span.h"
#include "tests/unit/check.h"

static const struct {
	const char *address;
	enum address_class class;
} addresses[] = {
	{ "8.8.8.8", ADDRESS_PUBLIC },
	{ "1.1.1.1", ADDRESS_PUBLIC },
	{ "172.32.0.1", ADDRESS_PUBLIC },
	{ "100.128.0.1", ADDRESS_PUBLIC },
	{ "192.167.255.255", ADDRESS_PUBLIC },
	{ "223.255.255.255", ADDRESS_PUBLIC },
	{ "127.0.0.1", ADDRESS_LOOPBACK },
	{ "127.255.255.254", ADDRESS_LOOPBACK },
	{ "10.0.0.1", ADDRESS_PRIVATE },
	{ "10.255.255.255", ADDRESS_PRIVATE },
	{ "172.16.0.1", ADDRESS_PRIVATE },
	{ "172.31.255.255", ADDRESS_PRIVATE },
	{ "192.168.1.1", ADDRESS_PRIVATE },
	{ "100.64.0.1", ADDRESS_PRIVATE },
	{ "100.127.255.255", ADDRESS_PRIVATE },
	{ "0.0.0.0", ADDRESS_OTHER },
	{ "169.254.169.254", ADDRESS_OTHER },
	{ "192.0.2.1", ADDRESS_OTHER },
	{ "198.19.255.255", ADDRESS_OTHER },
	{ "224.0.0.1", ADDRESS_OTHER },
	{ "255.255.255.255", ADDRESS_OTHER },
	{ "2606:4700:4700::1111", ADDRESS_PUBLIC },
	{ "2a00:1450:4001:80b::200e", ADDRESS_PUBLIC },
	{ "::1", ADDRESS_LOOPBACK },
	{ "fd00::1", ADDRESS_PRIVATE },
	{ "fc00::1", ADDRESS_PRIVATE },
	{ "::", ADDRESS_OTHER },
	{ "::2", ADDRESS_OTHER },
	{ "::7f00:1", ADDRESS_OTHER },
	{ "fe80::1", ADDRESS_OTHER },
	{ "fec0::1", ADDRESS_OTHER },
	{ "ff02::1", ADDRESS_OTHER },
	{ "2001:db8::1", ADDRESS_OTHER },
	{ "2001::1", ADDRESS_OTHER },
	{ "3fff::1", ADDRESS_OTHER },
	{ "4000::1", ADDRESS_OTHER },
	{ "::ffff:127.0.0.1", ADDRESS_LOOPBACK },
	{ "::ffff:10.0.0.1", ADDRESS_PRIVATE },
	{ "::ffff:169.254.169.254", ADDRESS_OTHER },
	{ "::ffff:8.8.8.8", ADDRESS_PUBLIC },
	{ "64:ff9b::7f00:1", ADDRESS_LOOPBACK },
	{ "64:ff9b::a00:1", ADDRESS_PRIVATE },
	{ "64:ff9b:1::a00:1", ADDRESS_OTHER },
	{ "2002:7f00:1::", ADDRESS_LOOPBACK },
	{ "2002:a9fe:a9fe::", ADDRESS_OTHER },
};

static const struct sockaddr *parse(const char *text, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (void *)to;
	struct sockaddr_in6 *v6 = (void *)to;

	memset(to, 0, sizeof *to);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		v6->sin6_family = AF_INET6;
	}
	return (const void *)to;
}

static void classes(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(addresses); i++) {
		struct sockaddr_storage to;

		CHECK(address_class(parse(addresses[i].address, &to)) == addresses[i].class,
		      addresses[i].address);
	}
	struct sockaddr unix_socket = { .sa_family = AF_UNIX };
	assert_int_equal(address_class(&unix_socket), ADDRESS_OTHER);
}

static void rules(void **state)
{
	static const struct address_rule none = { 0 }, loopback = { .loopback = true },
					 both = { .loopback = true, .local = true };
	struct sockaddr_storage to;

	(void)state;
	assert_true(address_allowed(parse("8.8.8.8", &to), &none));
	assert_false(address_allowed(parse("127.0.0.1", &to), &none));
	assert_false(address_allowed(parse("::ffff:127.0.0.1", &to), &none));
	assert_false(address_allowed(parse("10.0.0.1", &to), &none));
	assert_true(address_allowed(parse("127.0.0.1", &to), &loopback));
	assert_false(address_allowed(parse("10.0.0.1", &to), &loopback));
	assert_true(address_allowed(parse("10.0.0.1", &to), &both));
	assert_false(address_allowed(parse("169.254.169.254", &to), &both));
}

static const struct {
	const char *base_url, *url, *unix_path;
	bool plain_http;
} endpoints[] = {
	{ "https://api.example/v1", "https://api.example/v1/x", "", false },
	{ "https://api.example/v1/", "https://api.example/v1/x", "", false },
	{ "https://api.example:8443", "https://api.example:8443/x", "", false },
	{ "https://[2606:4700::1]/v1", "https://[2606:4700::1]/v1/x", "", false },
	{ "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1/x", "", true },
	{ "http://[::1]:9", "http://[::1]:9/x", "", true },
	{ "http://localhost", "http://localhost/x", "", true },
	{ "unix:/run/pool.sock", "http://localhost/v1/x", "/run/pool.sock", true },
	{ "unix:/run/pool.sock:/api/v2/", "http://localhost/api/v2/x", "/run/pool.sock", true },
	{ "unix:/run/pool.sock:", "http://localhost/x", "/run/pool.sock", true },
	{ "http://example.com/v1", NULL, NULL, false },
	{ "http://127.0.0.1.example/v1", NULL, NULL, false },
	{ "http://localhost.example/", NULL, NULL, false },
	{ "https://user@api.example/v1", NULL, NULL, false },
	{ "https://api.example/v1?key=x", NULL, NULL, false },
	{ "https://api.example/v1#x", NULL, NULL, false },
	{ "https://api.example/ v1", NULL, NULL, false },
	{ "https://api.example\\@evil.example/", NULL, NULL, false },
	{ "https:///v1", NULL, NULL, false },
	{ "HTTPS://api.example/v1", NULL, NULL, false },
	{ "ftp://api.example/v1", NULL, NULL, false },
	{ "file:///etc/passwd", NULL, NULL, false },
	{ "unix:pool.sock", NULL, NULL, false },
	{ "unix:/run/pool.sock:v1", NULL, NULL, false },
	{ "unix:", NULL, NULL, false },
	{ "", NULL, NULL, false },
};

static void base_urls(void **state)
{
	char path[200] = "unix:/";

	(void)state;
	for (size_t i = 0; i < LEN(endpoints); i++) {
		struct endpoint e;
		enum err result = endpoint_parse(endpoints[i].base_url, "/x", &e);

		CHECK((result == ERR_OK) == (endpoints[i].url != NULL), endpoints[i].base_url);
		if (result != ERR_OK)
			continue;
		CHECK(strcmp(e.url, endpoints[i].url) == 0, endpoints[i].base_url);
		CHECK(strcmp(e.unix_path, endpoints[i].unix_path) == 0, endpoints[i].base_url);
		CHECK(e.plain_http == endpoints[i].plain_http, endpoints[i].base_url);
	}
	struct endpoint e;
	memset(path + 6, 'a', 150);
	assert_int_equal(endpoint_parse(path, "/x", &e), ERR_TOO_BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(rules),
		cmocka_unit_test(base_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
