/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas, buffers, fault points and error texts. */
#include "tests/unit/check.h"

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/fault.h"

static void arena_gives_and_takes_back(void **state)
{
	struct arena *a = arena_new("test", 1 << 20);

	(void)state;
	assert_non_null(a);
	assert_int_equal(arenas_alive(), 1);
	for (size_t n = 0; n < 5000; n += 7) {
		char *p = arena_zalloc(a, n);

		CHECK(p != NULL, "an allocation within the budget");
		CHECK((uintptr_t)p % _Alignof(max_align_t) == 0, "aligned for anything");
		for (size_t i = 0; i < n; i++)
			CHECK(p[i] == 0, "zeroed");
		memset(p, 0xff, n);
		if (arena_used_bytes(a) > 900000)
			arena_reset(a);
	}
	arena_reset(a);
	assert_int_equal(arena_used_bytes(a), 0);
	char *p = arena_zalloc(a, 100);
	CHECK(p != NULL && p[0] == 0 && p[99] == 0, "reused memory is zeroed again");
	arena_free(a);
	arena_free(NULL);
	assert_int_equal(arenas_alive(), 0);
}

static void arena_keeps_its_budget(void **state)
{
	struct arena *a = arena_new("test", 1024);

	(void)state;
	assert_null(arena_alloc(a, 1025));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_array(a, SIZE_MAX / 2, 3));
	assert_int_equal(arena_used_bytes(a), 0);
	assert_non_null(arena_alloc(a, 1000));
	assert_null(arena_alloc(a, 100));
	assert_null(arena_strdup(a, SPAN_LITERAL("a text that is longer than what is left")));
	assert_null(
		arena_span(a, (struct span){ "0123456789012345678901234567890123456789", 40 })
			.ptr);
	arena_reset(a);
	assert_non_null(arena_alloc(a, 1024));
	arena_free(a);
}

static void arena_copies_text(void **state)
{
	struct arena *a = arena_new("test", 4096);

	(void)state;
	assert_string_equal(arena_strdup(a, SPAN_LITERAL("abc")), "abc");
	assert_string_equal(arena_strdup(a, (struct span){ NULL, 0 }), "");
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	assert_true(span_is(arena_span(a, SPAN_LITERAL("xyz")), "xyz"));
	assert_non_null(arena_span(a, (struct span){ NULL, 0 }).ptr);
	arena_free(a);
}

static void faults_reach_the_arena(void **state)
{
	(void)state;
	fault_arm(1, false);
	assert_null(arena_new("test", 100));
	assert_true(fault_fired());
	struct arena *a = arena_new("test", 1000);
	assert_non_null(a);
	fault_arm(2, true);
	assert_non_null(arena_alloc(a, 1));
	assert_false(fault_fired());
	assert_null(arena_alloc(a, 1));
	assert_null(arena_alloc(a, 1));
	fault_arm(0, false);
	assert_false(fault_fired());
	assert_non_null(arena_alloc(a, 1));
	arena_free(a);
}

static void buf_grows_to_its_cap(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_string_equal(buf_cstr(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_add_char(&b, 'x');
	assert_false(b.failed);
	assert_int_equal(strlen(buf_cstr(&b)), 1000);
	buf_add_char(&b, 'y');
	assert_true(b.failed);
	assert_int_equal(b.len, 1000);
	assert_null(buf_cstr(&b));
	buf_clear(&b);
	buf_add_str(&b, "again");
	assert_string_equal(buf_cstr(&b), "again");
	buf_free(&b);
	assert_int_equal(b.max, 1000);
	buf_add_str(&b, "and again");
	assert_string_equal(buf_cstr(&b), "and again");
	buf_free(&b);
}

static void buf_failure_is_sticky_and_whole(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_add_str(&b, "abc");
	buf_add_str(&b, "defg");
	buf_add_str(&b, "h");
	assert_true(b.failed);
	assert_true(span_is(buf_span(&b), "abc"));
	buf_free(&b);

	buf_init(&b, 1000);
	fault_arm(1, false);
	buf_add_str(&b, "abc");
	fault_arm(0, false);
	assert_true(b.failed);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void buf_writes_numbers(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	buf_add_u64(&b, UINT64_MAX);
	buf_add_char(&b, ' ');
	buf_add_i64(&b, INT64_MIN);
	buf_add_char(&b, ' ');
	buf_add_i64(&b, 0);
	buf_printf(&b, " %05.1f", 2.25);
	assert_string_equal(buf_cstr(&b), "18446744073709551615 -9223372036854775808 0 002.2");
	buf_consume(&b, 21);
	assert_string_equal(buf_cstr(&b), "-9223372036854775808 0 002.2");
	buf_consume(&b, b.len);
	assert_string_equal(buf_cstr(&b), "");
	buf_free(&b);
}

static void errors_have_texts(void **state)
{
	(void)state;
	assert_string_equal(err_text(ERR_OK), "ok");
	for (int e = ERR_OK; e <= ERR_SYSTEM; e++)
		CHECK(err_text((enum err)e)[0] != '\0', "each error has a text");
	assert_string_equal(err_text((enum err)999), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_and_takes_back),
		cmocka_unit_test(arena_keeps_its_budget),
		cmocka_unit_test(arena_copies_text),
		cmocka_unit_test(faults_reach_the_arena),
		cmocka_unit_test(buf_grows_to_its_cap),
		cmocka_unit_test(buf_failure_is_sticky_and_whole),
		cmocka_unit_test(buf_writes_numbers),
		cmocka_unit_test(errors_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
