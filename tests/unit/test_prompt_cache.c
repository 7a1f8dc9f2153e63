/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody gets to reuse what somebody else left in a slot of the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "router/prompt_cache.h"

static struct siphash caller(uint64_t n)
{
	return (struct siphash){ { n, 7 * n } };
}

static void test_own_turns_reuse(void **state)
{
	struct prompt_cache *c = prompt_cache_new(1, NULL);

	(void)state;
	struct prompt_cache_use first = prompt_cache_take(c, caller(1));
	assert_int_equal(first.slot, 0);
	assert_false(first.reuse);
	prompt_cache_done(c, first.slot);
	assert_true(prompt_cache_take(c, caller(1)).reuse);
	prompt_cache_done(c, 0);
	assert_false(prompt_cache_take(c, caller(2)).reuse);
	prompt_cache_done(c, 0);
	assert_false(prompt_cache_take(c, caller(1)).reuse); /* the other one was there since */
	prompt_cache_free(c);
}

static void test_each_keeps_a_slot(void **state)
{
	struct prompt_cache *c = prompt_cache_new(3, NULL);

	(void)state;
	for (uint64_t n = 1; n <= 3; n++)
		assert_int_equal(prompt_cache_take(c, caller(n)).slot, n - 1);
	assert_int_equal(prompt_cache_take(c, caller(1)).slot, -1); /* all in use */
	assert_false(prompt_cache_take(c, caller(1)).reuse);
	for (int32_t slot = 0; slot < 3; slot++)
		prompt_cache_done(c, slot);
	struct prompt_cache_use again = prompt_cache_take(c, caller(2));
	assert_int_equal(again.slot, 1);
	assert_true(again.reuse);
	/* a fourth takes the one unused for longest */
	assert_int_equal(prompt_cache_take(c, caller(4)).slot, 0);
	prompt_cache_free(c);
}

static void test_a_new_engine_holds_nothing(void **state)
{
	struct prompt_cache *c = prompt_cache_new(1, NULL);

	(void)state;
	prompt_cache_done(c, prompt_cache_take(c, caller(1)).slot);
	prompt_cache_forget(c);
	assert_false(prompt_cache_take(c, caller(1)).reuse);
	prompt_cache_free(c);
}

/* 10^5 random steps against the rule itself: the last caller of a slot, or nobody. */
static void test_never_across_callers(void **state)
{
	struct prompt_cache *c = prompt_cache_new(4, NULL);
	uint64_t last[4] = { 0 }, seed = 20260101;
	bool busy[4] = { false };
	unsigned reused = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		uint64_t who = 1 + (seed >> 33) % 6;
		unsigned end = (unsigned)(seed >> 40) % 4;

		struct prompt_cache_use u = prompt_cache_take(c, caller(who));
		if (u.slot >= 0) {
			assert_false(busy[u.slot]);
			assert_true(u.reuse == (last[u.slot] == who));
			reused += u.reuse;
			last[u.slot] = who;
			busy[u.slot] = true;
		} else {
			assert_true(busy[0] && busy[1] && busy[2] && busy[3]);
		}
		prompt_cache_done(c, (int32_t)end);
		busy[end] = false;
	}
	assert_true(reused > 1000);
	prompt_cache_free(c);
}

/* Two routers that take and give back at the same time: a slot has one holder, and whose it was
 * is known to the next one. */
static void test_two_routers_share(void **state)
{
	struct board *boards[2];
	int fd = board_make();
	pid_t pid;
	int status;

	(void)state;
	for (unsigned n = 0; n < 2; n++)
		assert_int_equal(board_map(fd, role_router(n), &boards[n]), ERR_OK);
	close(fd);
	struct prompt_cache *a = prompt_cache_new(2, boards[0]);
	struct prompt_cache *b = prompt_cache_new(2, boards[1]);
	struct prompt_cache_use x = prompt_cache_take(a, caller(1)), y;

	y = prompt_cache_take(b, caller(1));
	assert_true(x.slot != y.slot && !x.reuse && !y.reuse);
	assert_int_equal(prompt_cache_take(a, caller(1)).slot, -1);
	prompt_cache_done(b, y.slot);
	y = prompt_cache_take(a, caller(1));
	assert_true(y.reuse); /* what the other router left there */
	prompt_cache_done(a, y.slot);
	prompt_cache_done(a, x.slot);

	/* each writes into the slot that it holds, and nobody finds another's number there */
	_Atomic uint64_t *content = board_room(boards[0]);
	content[0] = content[1] = 1;
	pid = fork();
	struct prompt_cache *own = pid == 0 ? b : a;
	uint64_t seed = pid == 0 ? 2 : 1;
	for (unsigned i = 0; i < 100000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		uint64_t who = seed >> 62;
		struct prompt_cache_use u = prompt_cache_take(own, caller(who));

		if (u.slot < 0 || (u.reuse && content[u.slot] != who))
			_exit(1);
		content[u.slot] = who;
		if (content[u.slot] != who)
			_exit(1);
		prompt_cache_done(own, u.slot);
	}
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	prompt_cache_free(a);
	prompt_cache_free(b);
	free(boards[0]);
	free(boards[1]);
}

static void test_without_memory_or_engine(void **state)
{
	(void)state;
	assert_int_equal(prompt_cache_take(NULL, caller(1)).slot, -1);
	prompt_cache_done(NULL, 0);
	prompt_cache_forget(NULL);
	prompt_cache_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_turns_reuse),
		cmocka_unit_test(test_each_keeps_a_slot),
		cmocka_unit_test(test_a_new_engine_holds_nothing),
		cmocka_unit_test(test_never_across_callers),
		cmocka_unit_test(test_two_routers_share),
		cmocka_unit_test(test_without_memory_or_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
