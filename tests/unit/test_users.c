/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets a socket for questions in a system daemon: the members of the group, root, each
 * once, and no more than there is room for. Group and users are this program's own.
 */
#include "tests/unit/check.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/users.h"
#include "common/span.h"

#define BASE      3000u /* the number of the user p0 */
#define NAMES_MAX (USERS_PERSONS_MAX + 2)

static struct {
	char name[NAMES_MAX][16], *mem[NAMES_MAX + 1];
	struct group group;
	struct passwd passwd;
	bool none;
} sys;

/* These stand before the C library's. */
struct group *getgrnam(const char *name)
{
	assert_string_equal(name, CONFIG_GROUP);
	sys.group.gr_mem = sys.mem;
	return sys.none ? NULL : &sys.group;
}

/* Users are called pN; whoever is called otherwise has left the machine. */
struct passwd *getpwnam(const char *name)
{
	sys.passwd.pw_uid = BASE + (uid_t)strtoul(name + 1, NULL, 10);
	return name[0] == 'p' ? &sys.passwd : NULL;
}

static void members(unsigned n, bool none)
{
	assert_true(n <= NAMES_MAX);
	memset(&sys, 0, sizeof sys);
	sys.none = none;
	for (unsigned i = 0; i < n; i++) {
		snprintf(sys.name[i], sizeof sys.name[i], "p%u", i);
		sys.mem[i] = sys.name[i];
	}
}

static void each_with_root_up_to_the_limit(void **state)
{
	static const struct {
		unsigned members, persons;
	} rows[] = {
		{ 0, 1 },
		{ 1, 2 },
		{ USERS_PERSONS_MAX - 2, USERS_PERSONS_MAX - 1 },
		{ USERS_PERSONS_MAX - 1, USERS_PERSONS_MAX },
		{ USERS_PERSONS_MAX, USERS_PERSONS_MAX },
		{ USERS_PERSONS_MAX + 1, USERS_PERSONS_MAX },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		uid_t list[USERS_PERSONS_MAX + 1];

		members(rows[i].members, false);
		list[USERS_PERSONS_MAX] = 7;
		assert_int_equal(users_persons(list, USERS_PERSONS_MAX), rows[i].persons);
		assert_int_equal(list[0], 0);
		for (unsigned k = 1; k < rows[i].persons; k++)
			assert_int_equal(list[k], BASE + k - 1);
		assert_int_equal(list[USERS_PERSONS_MAX], 7);
	}
}

static void each_once_and_who_left_not_at_all(void **state)
{
	uid_t list[USERS_PERSONS_MAX];

	(void)state;
	members(4, false);
	strcpy(sys.name[1], "p0");
	strcpy(sys.name[2], "gone");
	assert_int_equal(users_persons(list, USERS_PERSONS_MAX), 3);
	assert_int_equal(list[1], BASE);
	assert_int_equal(list[2], BASE + 3);
}

static void without_the_group_root_alone(void **state)
{
	uid_t list[USERS_PERSONS_MAX];

	(void)state;
	members(3, true);
	assert_int_equal(users_persons(list, USERS_PERSONS_MAX), 1);
	assert_int_equal(list[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_with_root_up_to_the_limit),
		cmocka_unit_test(each_once_and_who_left_not_at_all),
		cmocka_unit_test(without_the_group_root_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
