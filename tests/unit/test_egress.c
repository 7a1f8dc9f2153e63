/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/span.h"
#include "proc/egress.h"

static const struct {
	const char *url;
	uint16_t port;
} rows[] = {
	{ "https://api.example/v1", 443 },
	{ "https://api.example", 443 },
	{ "https://api.example:8443/v1", 8443 },
	{ "https://api.example:8443", 8443 },
	{ "https://api.example/v1:99", 443 },
	{ "https://api.example?x:99", 443 },
	{ "http://127.0.0.1:1/v1", 1 },
	{ "http://[::1]:65535/v1", 65535 },
	{ "http://[::1]/v1", 80 },
	{ "https://[2001:db8::1]", 443 },
	{ "http://127.0.0.1:0/", 80 },
	{ "http://127.0.0.1:65536/", 80 },
	{ "http://user:77@proxy.example:3128", 3128 },
	{ "socks5h://proxy.example", 1080 },
	{ "unix:/run/x.sock:/v1", 0 },
	{ "none", 0 },
	{ "env", 0 },
	{ "", 0 },
};

static void each_url_has_its_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++)
		if (egress_port(rows[i].url) != rows[i].port)
			fail_msg("%s: %u", rows[i].url, egress_port(rows[i].url));
}

static void covered_is_what_was_granted(void **state)
{
	struct landlock_grants had = { .n_paths = 0 }, wanted = { .n_paths = 0 };
	unsigned abi = landlock_abi();

	(void)state;
	assert_true(egress_covers(&had, &wanted));
	landlock_grant_port(&had, 443);
	landlock_grant_port(&wanted, 443);
	assert_true(egress_covers(&had, &wanted));
	landlock_grant_port(&wanted, 8443);
	assert_int_equal(egress_covers(&had, &wanted), abi < 4);
	landlock_grant_port(&had, 8443);
	assert_true(egress_covers(&had, &wanted));
	landlock_grant(&wanted, "/etc/ca.pem", LANDLOCK_READ);
	assert_int_equal(egress_covers(&had, &wanted), abi < 1);
	landlock_grant(&had, "/etc/ca.pem", LANDLOCK_READ);
	assert_true(egress_covers(&had, &wanted));
	landlock_grants_free(&had);
	landlock_grants_free(&wanted);
}

static void a_port_is_granted_once_and_none_beyond_the_room(void **state)
{
	struct landlock_grants g = { .n_paths = 0 };

	(void)state;
	for (unsigned twice = 0; twice < 2; twice++)
		for (uint16_t p = 1; p <= LANDLOCK_PORTS_MAX; p++)
			landlock_grant_port(&g, p);
	assert_int_equal(g.n_ports, LANDLOCK_PORTS_MAX);
	assert_false(g.full);
	landlock_grant_port(&g, LANDLOCK_PORTS_MAX + 1);
	assert_true(g.full);
	assert_false(landlock_port_granted(&g, LANDLOCK_PORTS_MAX + 1));
}

static void the_device_needs_no_port_and_cloud_always_443(void **state)
{
	struct landlock_grants g = { .n_paths = 0 };
	struct policy_set *set = policy_set_lockdown("a test");

	(void)state;
	assert_non_null(set);
	egress_grants(set, &g);
	assert_int_equal(g.n_ports, 1);
	assert_int_equal(g.ports[0], 443);
	assert_int_equal(g.n_paths, 0);
	policy_set_free(set);
	landlock_grants_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_url_has_its_port),
		cmocka_unit_test(covered_is_what_was_granted),
		cmocka_unit_test(a_port_is_granted_once_and_none_beyond_the_room),
		cmocka_unit_test(the_device_needs_no_port_and_cloud_always_443),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
