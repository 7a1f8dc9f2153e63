/* SPDX-License-Identifier: Apache-2.0 */
/* Model files on disk: right, short, changed, gone, and remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "crypto/crypto.h"
#include "local/check.h"

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

struct world {
	uv_loop_t loop;
	char dir[64], path[128];
	unsigned answers;
	enum err err;
	char detail[300];
};

static void on_done(void *ctx, enum err e, const char *detail)
{
	struct world *w = ctx;

	w->answers++;
	w->err = e;
	snprintf(w->detail, sizeof w->detail, "%s", detail);
}

static int up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	strcpy(w->dir, "/tmp/hither-check-XXXXXX");
	assert_int_equal(crypto_init(), ERR_OK);
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof w->path, "%s/m.gguf", w->dir);
	uv_loop_init(&w->loop);
	*state = w;
	return 0;
}

static int down(void **state)
{
	struct world *w = *state;
	char store[128];

	snprintf(store, sizeof store, "%s/models-checked.json", w->dir);
	unlink(store);
	unlink(w->path);
	rmdir(w->dir);
	uv_loop_close(&w->loop);
	free(w);
	return 0;
}

static enum err run(struct world *w, uint64_t bytes, const char *sha256)
{
	struct checker *c = checker_new(&w->loop, w->dir, on_done, w);
	struct engine_model m = { .name = "m", .bytes = bytes };

	snprintf(m.path, sizeof m.path, "%s", w->path);
	snprintf(m.sha256, sizeof m.sha256, "%s", sha256);
	w->answers = 0;
	checker_start(c, &m);
	assert_int_equal(w->answers, 0); /* not from inside the call */
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->answers, 1);
	checker_free(c);
	return w->err;
}

static void put(struct world *w, const char *text)
{
	assert_int_equal(file_write(w->path, span_of(text), 0600), ERR_OK);
}

static void each_file_gets_its_verdict(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, 3, ABC_SHA256), ERR_NOT_FOUND);
	put(w, "abc");
	assert_int_equal(run(w, 3, ABC_SHA256), ERR_OK);
	put(w, "ab");
	assert_int_equal(run(w, 3, ABC_SHA256), ERR_TRUNCATED);
	assert_non_null(strstr(w->detail, "hither model"));
	put(w, "abd");
	assert_int_equal(run(w, 3, ABC_SHA256), ERR_MISMATCH);
	assert_non_null(strstr(w->detail, "hither model"));
	put(w, "abc");
	assert_int_equal(run(w, 3, ""), ERR_SYNTAX); /* no hash stated, and not a GGUF file */
	unlink(w->path);
	mkdir(w->path, 0700);
	assert_int_equal(run(w, 3, ABC_SHA256), ERR_SYSTEM);
	rmdir(w->path);
}

/*
 * The outcome is remembered by device, inode, time and size. A file that is changed in place
 * with its time put back is taken for the old one: that is what "remembered" means, and why a
 * program of the same user is not kept out by it.
 */
static void the_hash_is_computed_once(void **state)
{
	struct world *w = *state;
	struct stat st;
	FILE *f;

	put(w, "abc");
	assert_int_equal(run(w, 3, ABC_SHA256), ERR_OK);
	assert_int_equal(stat(w->path, &st), 0);
	f = fopen(w->path, "r+");
	fputs("abd", f);
	fclose(f);
	struct timespec old[2] = { st.st_atim, st.st_mtim };
	assert_int_equal(utimensat(AT_FDCWD, w->path, old, 0), 0);
	assert_int_equal(run(w, 3, ABC_SHA256), ERR_OK);
	old[1].tv_nsec ^= 1;
	assert_int_equal(utimensat(AT_FDCWD, w->path, old, 0), 0);
	assert_int_equal(run(w, 3, ABC_SHA256), ERR_MISMATCH);
}

static void a_broken_memory_costs_a_hash_only(void **state)
{
	struct world *w = *state;
	char store[128];
	static const char *const broken[] = {
		"", "[", "{\"files\":[{\"inode\":1}]}",
		"{\"files\":[{\"device\":\"1\",\"inode\":\"x\"}]}"
	};

	snprintf(store, sizeof store, "%s/models-checked.json", w->dir);
	put(w, "abc");
	for (size_t i = 0; i < LEN(broken); i++) {
		assert_int_equal(file_write(store, span_of(broken[i]), 0600), ERR_OK);
		assert_int_equal(run(w, 3, ABC_SHA256), ERR_OK);
	}
}

static void a_cancelled_check_says_nothing(void **state)
{
	struct world *w = *state;
	struct checker *c = checker_new(&w->loop, w->dir, on_done, w);
	struct engine_model m = { .name = "m", .bytes = 3, .sha256 = ABC_SHA256 };

	put(w, "abc");
	snprintf(m.path, sizeof m.path, "%s", w->path);
	w->answers = 0;
	checker_start(c, &m);
	checker_cancel(c);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->answers, 0);
	checker_start(c, &m);
	checker_start(c, &m); /* the same: one answer */
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->answers, 1);
	checker_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_file_gets_its_verdict, up, down),
		cmocka_unit_test_setup_teardown(the_hash_is_computed_once, up, down),
		cmocka_unit_test_setup_teardown(a_broken_memory_costs_a_hash_only, up, down),
		cmocka_unit_test_setup_teardown(a_cancelled_check_says_nothing, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
