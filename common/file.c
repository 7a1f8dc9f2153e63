/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files. A write goes to a temporary file in the same folder, which is synced and then
 * renamed over the target; a crash at any point leaves the old content or the new one, and at
 * worst a stray ".NAME.XXXXXX".
 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fault.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void close_quietly(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

/* The file may grow while it is read, so the cap is checked on what arrives, too. */
static enum err read_all(int fd, size_t max_bytes, struct buf *out)
{
	size_t start = out->len;
	char chunk[16384];

	for (;;) {
		ssize_t n = fault_here() ? (errno = EIO, -1) : read(fd, chunk, sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			out->len = start;
			return ERR_SYSTEM;
		}
		if (n == 0)
			return ERR_OK;
		if ((size_t)n > max_bytes - (out->len - start)) {
			out->len = start;
			return ERR_TOO_BIG;
		}
		buf_add(out, (struct span){ chunk, (size_t)n });
		if (out->failed) {
			bool too_big = (size_t)n > out->max - out->len;

			out->len = start;
			return too_big ? ERR_TOO_BIG : ERR_NO_MEMORY;
		}
	}
}

enum err file_read_fd(int fd, size_t max_bytes, struct buf *out)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ERR_SYSTEM;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return ERR_SYSTEM;
	}
	if (st.st_size > 0 && (uintmax_t)st.st_size > max_bytes)
		return ERR_TOO_BIG;
	return read_all(fd, max_bytes, out);
}

static enum err open_for_read(const char *path, int more_flags, int *ret_fd)
{
	/* O_NONBLOCK: opening a FIFO by mistake must not hang; it is refused afterwards. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | more_flags);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_SYSTEM;
	*ret_fd = fd;
	return ERR_OK;
}

enum err file_read(const char *path, size_t max_bytes, struct buf *out)
{
	int fd;
	enum err e = open_for_read(path, 0, &fd);

	if (e != ERR_OK)
		return e;
	e = file_read_fd(fd, max_bytes, out);
	close_quietly(fd);
	return e;
}

enum err file_read_secret(const char *path, size_t max_bytes, struct buf *out)
{
	int fd;
	struct stat st;
	enum err e = open_for_read(path, O_NOFOLLOW, &fd);

	if (e != ERR_OK)
		return e == ERR_SYSTEM && errno == ELOOP ? ERR_DENIED : e;
	if (fstat(fd, &st) != 0)
		e = ERR_SYSTEM;
	else if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 077) != 0)
		e = ERR_DENIED;
	else
		e = file_read_fd(fd, max_bytes, out);
	close_quietly(fd);
	return e;
}

static enum err write_all(int fd, struct span content)
{
	while (content.len > 0) {
		ssize_t n =
			fault_here() ? (errno = EIO, -1) : write(fd, content.ptr, content.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_SYSTEM;
		content.ptr += n;
		content.len -= (size_t)n;
	}
	return ERR_OK;
}

/* "DIR/" part length of a path, 0 when it has none. */
static size_t dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

static enum err sync_folder(const char *path)
{
	char dir[PATH_MAX];
	size_t n = dir_len(path);

	if (!span_copy((struct span){ path, n }, dir, sizeof dir))
		return ERR_TOO_BIG;
	int fd = open(n > 0 ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_SYSTEM;
	/* EINVAL: the file system has no notion of syncing a folder. */
	bool ok = !fault_here() && (fsync(fd) == 0 || errno == EINVAL);
	close_quietly(fd);
	return ok ? ERR_OK : ERR_SYSTEM;
}

enum err file_write(const char *path, struct span content, mode_t mode)
{
	char temp[PATH_MAX];
	size_t n = dir_len(path);
	int len = snprintf(temp, sizeof temp, "%.*s.%s.XXXXXX", (int)n, path, path + n);

	if (len < 0 || (size_t)len >= sizeof temp) {
		errno = ENAMETOOLONG;
		return ERR_SYSTEM;
	}
	int fd = fault_here() ? -1 : mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return ERR_SYSTEM;

	enum err e = write_all(fd, content);
	if (e == ERR_OK && (fault_here() || fchmod(fd, mode) != 0 || fsync(fd) != 0))
		e = ERR_SYSTEM;
	close_quietly(fd);
	if (e == ERR_OK && (fault_here() || rename(temp, path) != 0))
		e = ERR_SYSTEM;
	if (e != ERR_OK) {
		int saved = errno;

		unlink(temp);
		errno = saved;
		return e;
	}
	return sync_folder(path);
}

enum err file_mkdirs(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	struct stat st;
	size_t len = strlen(path);

	if (!span_copy(span_of(path), part, sizeof part)) {
		errno = ENAMETOOLONG;
		return ERR_SYSTEM;
	}
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		char held = part[i];

		part[i] = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return ERR_SYSTEM;
		part[i] = held;
	}
	if (stat(path, &st) != 0)
		return ERR_SYSTEM;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return ERR_SYSTEM;
	}
	return ERR_OK;
}

int file_sealed(const char *name, struct span content)
{
	if (fault_here()) {
		errno = ENOMEM;
		return -1;
	}
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (write_all(fd, content) != ERR_OK || fcntl(fd, F_ADD_SEALS, ALL_SEALS) != 0 ||
	    lseek(fd, 0, SEEK_SET) != 0) {
		close_quietly(fd);
		return -1;
	}
	return fd;
}

enum err file_map_sealed(int fd, size_t max_bytes, struct span *ret)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS)
		return ERR_PROTOCOL;
	if (fstat(fd, &st) != 0)
		return ERR_SYSTEM;
	if ((uintmax_t)st.st_size > max_bytes)
		return ERR_TOO_BIG;
	if (st.st_size == 0) {
		*ret = (struct span){ NULL, 0 };
		return ERR_OK;
	}
	/* Private: before Linux 6.7 a write-sealed memfd cannot be mapped shared, even to read.
	 */
	void *p = fault_here() ? MAP_FAILED
			       : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return ERR_SYSTEM;
	*ret = (struct span){ p, (size_t)st.st_size };
	return ERR_OK;
}

void file_unmap(struct span mapped)
{
	if (mapped.len > 0)
		munmap((void *)(uintptr_t)mapped.ptr, mapped.len);
}
