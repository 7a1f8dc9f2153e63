/* SPDX-License-Identifier: Apache-2.0 */
/* Files: atomic writes under injected failures, secrets' permissions, sealed memory files. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/file.h"

static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[4][160];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof path[0], "%s/%s", folder, name);
	return p;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/hither_test_file_XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static size_t entries(void)
{
	size_t n = 0;
	DIR *d = opendir(folder);

	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void content_is(const char *name, const char *want)
{
	struct buf b;

	buf_init(&b, 10000);
	assert_int_equal(file_read(in_folder(name), 10000, &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

static void writes_and_reads(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(file_write(in_folder("a"), SPAN_LITERAL("one"), 0640), ERR_OK);
	content_is("a", "one");
	assert_int_equal(file_write(in_folder("a"), SPAN_LITERAL("two, longer"), 0600), ERR_OK);
	content_is("a", "two, longer");
	assert_int_equal(stat(in_folder("a"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_write(in_folder("a"), (struct span){ NULL, 0 }, 0600), ERR_OK);
	content_is("a", "");
	assert_int_equal(entries(), 1);
	assert_int_equal(file_write(in_folder("absent/a"), SPAN_LITERAL("x"), 0600),
			 ERR_SYSTEM);
}

static void a_failed_write_leaves_old_or_new(void **state)
{
	(void)state;
	assert_int_equal(file_write(in_folder("b"), SPAN_LITERAL("old"), 0600), ERR_OK);
	size_t before = entries();
	for (unsigned n = 1;; n++) {
		fault_arm(n, false);
		enum err e = file_write(in_folder("b"), SPAN_LITERAL("new"), 0600);
		bool fired = fault_fired();
		fault_arm(0, false);

		struct buf b;
		buf_init(&b, 100);
		assert_int_equal(file_read(in_folder("b"), 100, &b), ERR_OK);
		CHECK(span_is(buf_span(&b), "old") || span_is(buf_span(&b), "new"),
		      "the content is never mixed, cut or gone");
		CHECK(e != ERR_OK || span_is(buf_span(&b), "new"),
		      "success means the new content");
		CHECK((e == ERR_OK) == !fired, "a failure is reported");
		CHECK(entries() == before, "no temporary file stays behind");
		buf_free(&b);
		if (!fired)
			break;
		assert_int_equal(file_write(in_folder("b"), SPAN_LITERAL("old"), 0600), ERR_OK);
	}
}

static void read_errors(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	buf_add_str(&b, "kept");
	assert_int_equal(file_read(in_folder("none"), 10, &b), ERR_NOT_FOUND);
	assert_int_equal(file_write(in_folder("c"), SPAN_LITERAL("0123456789"), 0600), ERR_OK);
	assert_int_equal(file_read(in_folder("c"), 9, &b), ERR_TOO_BIG);
	assert_string_equal(buf_cstr(&b), "kept");
	assert_int_equal(file_read(in_folder("c"), 10, &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), "kept0123456789");
	assert_int_equal(file_read(folder, 10, &b), ERR_SYSTEM);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	assert_int_equal(file_read(in_folder("fifo"), 10, &b), ERR_SYSTEM);
	assert_int_equal(symlink("c", in_folder("link")), 0);
	assert_int_equal(file_read(in_folder("link"), 10, &b), ERR_OK);
	buf_free(&b);
}

static void secrets_need_tight_permissions(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(file_write(in_folder("key"), SPAN_LITERAL("k"), 0600), ERR_OK);
	assert_int_equal(file_read_secret(in_folder("key"), 10, &b), ERR_OK);
	assert_int_equal(chmod(in_folder("key"), 0640), 0);
	assert_int_equal(file_read_secret(in_folder("key"), 10, &b), ERR_DENIED);
	assert_int_equal(chmod(in_folder("key"), 0604), 0);
	assert_int_equal(file_read_secret(in_folder("key"), 10, &b), ERR_DENIED);
	assert_int_equal(chmod(in_folder("key"), 0400), 0);
	assert_int_equal(file_read_secret(in_folder("key"), 10, &b), ERR_OK);
	assert_int_equal(symlink("key", in_folder("key_link")), 0);
	assert_int_equal(file_read_secret(in_folder("key_link"), 10, &b), ERR_DENIED);
	assert_int_equal(file_read_secret(in_folder("no_key"), 10, &b), ERR_NOT_FOUND);
	if (geteuid() == 0) {
		assert_int_equal(chown(in_folder("key"), 12345, 12345), 0);
		assert_int_equal(file_read_secret(in_folder("key"), 10, &b), ERR_DENIED);
	}
	buf_free(&b);
}

static void makes_folders(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(file_mkdirs(in_folder("x/y//z/"), 0700), ERR_OK);
	assert_int_equal(stat(in_folder("x/y/z"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(file_mkdirs(in_folder("x/y"), 0700), ERR_OK);
	assert_int_equal(file_write(in_folder("x/f"), SPAN_LITERAL(""), 0600), ERR_OK);
	assert_int_equal(file_mkdirs(in_folder("x/f"), 0700), ERR_SYSTEM);
	assert_int_equal(file_mkdirs(in_folder("x/f/g"), 0700), ERR_SYSTEM);
}

static void sealed_memory_cannot_change(void **state)
{
	struct span m;
	int fd = file_sealed("test", SPAN_LITERAL("sealed content"));

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), -1);
	assert_ptr_equal(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);

	assert_int_equal(file_map_sealed(fd, 100, &m), ERR_OK);
	assert_true(span_is(m, "sealed content"));
	file_unmap(m);
	assert_int_equal(file_map_sealed(fd, 13, &m), ERR_TOO_BIG);
	close(fd);

	fd = file_sealed("empty", (struct span){ NULL, 0 });
	assert_int_equal(file_map_sealed(fd, 0, &m), ERR_OK);
	assert_int_equal(m.len, 0);
	file_unmap(m);
	close(fd);
}

static void unsealed_memory_is_refused(void **state)
{
	static const int seals[] = { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE };
	struct span m;

	(void)state;
	for (size_t missing = 0; missing < LEN(seals); missing++) {
		int fd = memfd_create("test", MFD_ALLOW_SEALING), set = 0;

		for (size_t i = 0; i < LEN(seals); i++)
			set |= i == missing ? 0 : seals[i];
		assert_int_equal(write(fd, "x", 1), 1);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, set), 0);
		CHECK(file_map_sealed(fd, 100, &m) == ERR_PROTOCOL, "one seal is missing");
		close(fd);
	}
	int fd = open("/dev/null", O_RDONLY);
	assert_int_equal(file_map_sealed(fd, 100, &m), ERR_PROTOCOL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads),
		cmocka_unit_test(a_failed_write_leaves_old_or_new),
		cmocka_unit_test(read_errors),
		cmocka_unit_test(secrets_need_tight_permissions),
		cmocka_unit_test(makes_folders),
		cmocka_unit_test(sealed_memory_cannot_change),
		cmocka_unit_test(unsealed_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
