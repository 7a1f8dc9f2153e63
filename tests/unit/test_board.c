/* SPDX-License-Identifier: Apache-2.0 */
/* Two routers' boards over one memory, in one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/span.h"
#include "ipc/board.h"

static struct board *a, *b;
static int fd;

static int make(void **state)
{
	(void)state;
	fd = board_make();
	assert_true(fd >= 0);
	assert_int_equal(board_map(fd, ROLE_ROUTER, &a), ERR_OK);
	assert_int_equal(board_map(fd, ROLE_ROUTER_2, &b), ERR_OK);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	close(fd);
	free(a);
	free(b);
	return 0;
}

static void counts_add_up(void **state)
{
	(void)state;
	assert_true(board_connections(a, 1000, 3, 5));
	assert_true(board_connections(a, 1001, 2, 5));
	assert_true(board_connections(b, 1001, 4, 4));
	board_requests(a, 2);
	board_requests(b, 3);
	assert_int_equal(board_sum(a), 9);
	assert_int_equal(board_sum_of(b, 1000), 3);
	assert_int_equal(board_sum_of(a, 1001), 6);
	assert_int_equal(board_sum_of(a, 7), 0);
	assert_int_equal(board_sum_requests(b), 5);
	assert_true(board_connections(a, 1000, 0, 2));
	assert_int_equal(board_sum_of(b, 1000), 0);
	assert_int_equal(board_sum(b), 6);
}

static void a_row_has_an_end(void **state)
{
	uint32_t uid = 0;

	(void)state;
	while (uid < 100000 && board_connections(a, uid, 1, uid + 1))
		uid++;
	assert_in_range(uid, 256, 4096);
	assert_true(board_connections(b, uid, 1, 1)); /* the other's is its own */
	assert_true(board_connections(a, 3, 0, uid - 1));
	assert_true(board_connections(a, uid, 1, uid));
	assert_int_equal(board_sum_of(a, uid), 2);
}

static void a_dead_one_leaves_nothing(void **state)
{
	struct board_slot *slot = board_slots(a)->slot;

	(void)state;
	assert_true(board_connections(a, 1000, 3, 3));
	assert_true(board_connections(b, 1000, 4, 4));
	board_requests(a, 2);
	slot[0].holder = board_holder(a);
	slot[1].holder = board_holder(b);
	slot[0].used = slot[1].used = slot[2].used = 9;
	board_clear(b, ROLE_ROUTER);
	assert_int_equal(board_sum(a), 4);
	assert_int_equal(board_sum_of(a, 1000), 4);
	assert_int_equal(board_sum_requests(a), 0);
	assert_int_equal(slot[0].holder, 0);
	assert_int_equal(slot[0].used, 0);
	assert_int_equal(slot[1].holder, board_holder(b));
	assert_int_equal(slot[1].used, 0);
	assert_int_equal(slot[2].used, 0);
}

static void the_same_keys_in_each(void **state)
{
	static const struct siphash_key zero;
	const struct siphash_key *key = board_caller_key(a);

	(void)state;
	assert_memory_equal(key, board_caller_key(b), sizeof *key);
	assert_memory_equal(board_turns_key(a), board_turns_key(b), sizeof *key);
	assert_memory_not_equal(key, board_turns_key(a), sizeof *key);
	assert_memory_not_equal(key, &zero, sizeof *key);
	memset(board_room(a), 1, BOARD_ROOM_BYTES);
	assert_memory_equal(board_room(a), board_room(b), BOARD_ROOM_BYTES);
	assert_int_equal(board_slots(b)->slot[0].holder, 0);
}

static void another_file_is_none(void **state)
{
	struct board *none;
	int other = memfd_create("other", 0);

	(void)state;
	assert_int_equal(board_map(other, ROLE_ROUTER, &none), ERR_SYSTEM);
	close(other);
	assert_int_equal(ftruncate(fd, 1), -1); /* nobody can make it end before its end */
	assert_int_equal(board_map(-1, ROLE_ROUTER, &none), ERR_SYSTEM);
}

/* What is taken by two processes at once is never over the limit. */
static void a_limit_holds(void **state)
{
	enum { LIMIT = 50, TRIES = 20000 };
	uint32_t held = 0;
	int status;
	pid_t pid = fork();
	struct board *own = pid == 0 ? b : a;

	(void)state;
	for (unsigned i = 0; i < TRIES; i++) {
		if (!board_connections(own, 5, held + 1, held + 1))
			_exit(2);
		if (board_sum_of(own, 5) <= LIMIT)
			held++;
		else if (i % 3 == 0 && held > 0)
			held--;
		if (!board_connections(own, 5, held, held))
			_exit(2);
	}
	if (pid == 0)
		_exit(held <= LIMIT ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_in_range(board_sum_of(a, 5), 1, LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_add_up, make, leave),
		cmocka_unit_test_setup_teardown(a_row_has_an_end, make, leave),
		cmocka_unit_test_setup_teardown(a_dead_one_leaves_nothing, make, leave),
		cmocka_unit_test_setup_teardown(the_same_keys_in_each, make, leave),
		cmocka_unit_test_setup_teardown(another_file_is_none, make, leave),
		cmocka_unit_test_setup_teardown(a_limit_holds, make, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
