/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a process: ends it with SIGKILL at a chosen call of those that change a file
 * or send something. Calls are counted from the start of the process in a mapped file, so that
 * the test knows afterwards where it died. What goes to stderr is the log and does not count.
 *
 *   HITHER_KILL_MAP   file of struct kill_map; `at` is 1 for the first call, 0 for none
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kill_when { KILL_BEFORE, KILL_HALF, KILL_AFTER };

struct kill_map { /* kill_points.py reads and writes it as "<QQQQ16s240s" */
	uint64_t at, when;
	uint64_t n;       /* calls so far */
	uint64_t parts;   /* 1: the call where it died can be done in part */
	char call[16];    /* where it died */
	char target[240]; /* the descriptor's name */
};

static struct kill_map *map;

__attribute__((constructor)) static void open_map(void)
{
	const char *path = getenv("HITHER_KILL_MAP");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, sizeof *map, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
			  : MAP_FAILED;

	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		map = p;
}

static void die(const char *call, int fd, const char *path)
{
	char link[64];
	ssize_t n = -1;

	snprintf(map->call, sizeof map->call, "%s", call);
	if (path != NULL) {
		snprintf(map->target, sizeof map->target, "%s", path);
	} else {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		n = readlink(link, map->target, sizeof map->target - 1);
		map->target[n > 0 ? n : 0] = '\0';
	}
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/*
 * How much of a write a signal can leave behind. The kernel looks for a fatal signal between
 * pages (generic_perform_write), so what lies in one page of a file is written whole or not at
 * all; a stream may take any part.
 */
static size_t part_of(int fd, size_t n, off_t at)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), first;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return 0;
	if (!S_ISREG(st.st_mode))
		return n / 2;
	first = page - (size_t)at % page;
	return first < n ? first : 0;
}

/* Does it die at this call, and when? */
static int turn(int fd)
{
	if (map == NULL || fd == STDERR_FILENO)
		return -1;
	return ++map->n == map->at ? (int)map->when : -1;
}

/* `part` is what is done of the call before it dies in its middle; 0: it has no middle. */
#define CALL(name, fd, path, part_bytes, part, whole)                                          \
	int when = turn(fd);                                                                   \
	size_t bytes = when >= 0 ? (part_bytes) : 0;                                           \
	if (when >= 0)                                                                         \
		map->parts = bytes > 0;                                                        \
	if (when == KILL_HALF && bytes > 0)                                                    \
		(void)(part);                                                                  \
	if (when == KILL_BEFORE || when == KILL_HALF)                                          \
		die(name, fd, path);                                                           \
	__typeof__(whole) r = (whole);                                                         \
	if (when == KILL_AFTER)                                                                \
		die(name, fd, path);                                                           \
	return r

ssize_t write(int fd, const void *data, size_t n)
{
	CALL("write", fd, NULL, part_of(fd, n, lseek(fd, 0, SEEK_CUR)),
	     syscall(SYS_write, fd, data, bytes), syscall(SYS_write, fd, data, n));
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t at)
{
	CALL("pwrite", fd, NULL, part_of(fd, n, at), syscall(SYS_pwrite64, fd, data, bytes, at),
	     syscall(SYS_pwrite64, fd, data, n, at));
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	CALL("writev", fd, NULL, n > 1 ? 1 : 0, syscall(SYS_writev, fd, parts, 1),
	     syscall(SYS_writev, fd, parts, n));
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	CALL("sendmsg", fd, NULL, 0, 0, syscall(SYS_sendmsg, fd, m, flags));
}

int fsync(int fd)
{
	CALL("fsync", fd, NULL, 0, 0, (int)syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
	CALL("fdatasync", fd, NULL, 0, 0, (int)syscall(SYS_fdatasync, fd));
}

int ftruncate64(int fd, off_t to)
{
	CALL("ftruncate", fd, NULL, 0, 0, (int)syscall(SYS_ftruncate, fd, to));
}

int rename(const char *from, const char *to)
{
	CALL("rename", -1, to, 0, 0,
	     (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(const char *path)
{
	CALL("unlink", -1, path, 0, 0, (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
