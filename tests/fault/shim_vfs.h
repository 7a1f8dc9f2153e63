/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VFS of SQLite (sqlite.org/vfs.html) that stands in front of the system's: a test sees each
 * operation on a file before it is done and may let it fail. Version 2 of the methods: shared
 * memory for WAL, no mapping, so that all that is read and written passes here. Sleeping takes
 * no time.
 */
#ifndef HITHER_TESTS_FAULT_SHIM_VFS_H
#define HITHER_TESTS_FAULT_SHIM_VFS_H

#include <sqlite3.h>
#include <stdint.h>
#include <string.h>

enum shim_op {
	SHIM_OPEN,
	SHIM_DELETE,
	SHIM_ACCESS,
	SHIM_READ,
	SHIM_WRITE,
	SHIM_TRUNCATE,
	SHIM_SYNC,
	SHIM_SIZE,
	SHIM_LOCK,
	SHIM_SHM,
	SHIM_SHM_LOCK
};

struct shim_call {
	enum shim_op op;
	const char *path; /* NULL for a temporary file */
	int64_t at;       /* offset of READ and WRITE, new size of TRUNCATE */
	const void *data; /* of WRITE */
	size_t n;         /* of READ and WRITE; of DELETE 1 when the folder is synced, too */
};

/* SQLITE_OK: go on; else the operation fails with this code and nothing is done. */
typedef int shim_before_fn(const struct shim_call *c);

static shim_before_fn *shim_before;
static sqlite3_vfs *shim_real;

struct shim_file {
	sqlite3_file base;
	const char *path;
	sqlite3_file *real; /* behind this struct */
};

static int shim_ask(enum shim_op op, const char *path, int64_t at, const void *data, size_t n)
{
	const struct shim_call c = { op, path, at, data, n };

	return shim_before != NULL ? shim_before(&c) : SQLITE_OK;
}

#define SHIM(f) ((struct shim_file *)(void *)(f))
#define SHIM_REAL(f, method, ...)                                                              \
	SHIM(f)->real->pMethods->method(SHIM(f)->real __VA_OPT__(, ) __VA_ARGS__)

static int shim_close(sqlite3_file *f)
{
	return SHIM_REAL(f, xClose);
}

static int shim_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	int rc = shim_ask(SHIM_READ, SHIM(f)->path, at, NULL, (size_t)n);

	return rc != SQLITE_OK ? rc : SHIM_REAL(f, xRead, to, n, at);
}

static int shim_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	int rc = shim_ask(SHIM_WRITE, SHIM(f)->path, at, from, (size_t)n);

	return rc != SQLITE_OK ? rc : SHIM_REAL(f, xWrite, from, n, at);
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = shim_ask(SHIM_TRUNCATE, SHIM(f)->path, size, NULL, 0);

	return rc != SQLITE_OK ? rc : SHIM_REAL(f, xTruncate, size);
}

static int shim_sync(sqlite3_file *f, int flags)
{
	int rc = shim_ask(SHIM_SYNC, SHIM(f)->path, 0, NULL, 0);

	return rc != SQLITE_OK ? rc : SHIM_REAL(f, xSync, flags);
}

static int shim_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	int rc = shim_ask(SHIM_SIZE, SHIM(f)->path, 0, NULL, 0);

	return rc != SQLITE_OK ? rc : SHIM_REAL(f, xFileSize, ret);
}

static int shim_lock(sqlite3_file *f, int level)
{
	int rc = shim_ask(SHIM_LOCK, SHIM(f)->path, 0, NULL, 0);

	return rc != SQLITE_OK ? rc : SHIM_REAL(f, xLock, level);
}

static int shim_unlock(sqlite3_file *f, int level)
{
	return SHIM_REAL(f, xUnlock, level);
}

static int shim_check_lock(sqlite3_file *f, int *ret)
{
	return SHIM_REAL(f, xCheckReservedLock, ret);
}

static int shim_control(sqlite3_file *f, int op, void *arg)
{
	return SHIM_REAL(f, xFileControl, op, arg);
}

static int shim_sector(sqlite3_file *f)
{
	return SHIM_REAL(f, xSectorSize);
}

static int shim_device(sqlite3_file *f)
{
	return SHIM_REAL(f, xDeviceCharacteristics);
}

static int shim_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	int rc = shim_ask(SHIM_SHM, SHIM(f)->path, 0, NULL, 0);

	return rc != SQLITE_OK ? rc : SHIM_REAL(f, xShmMap, page, size, extend, ret);
}

static int shim_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	int rc = (flags & SQLITE_SHM_LOCK) != 0
			 ? shim_ask(SHIM_SHM_LOCK, SHIM(f)->path, offset, NULL, 0)
			 : SQLITE_OK;

	return rc != SQLITE_OK ? rc : SHIM_REAL(f, xShmLock, offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *f)
{
	SHIM_REAL(f, xShmBarrier);
}

static int shim_shm_unmap(sqlite3_file *f, int delete)
{
	return SHIM_REAL(f, xShmUnmap, delete);
}

static const sqlite3_io_methods shim_methods = {
	.iVersion = 2,
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_check_lock,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector,
	.xDeviceCharacteristics = shim_device,
	.xShmMap = shim_shm_map,
	.xShmLock = shim_shm_lock,
	.xShmBarrier = shim_shm_barrier,
	.xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *v, sqlite3_filename path, sqlite3_file *f, int flags,
		     int *retflags)
{
	struct shim_file *s = SHIM(f);
	int rc = shim_ask(SHIM_OPEN, path, 0, NULL, 0);

	(void)v;
	memset(s, 0, sizeof *s);
	s->path = path;
	s->real = (sqlite3_file *)(void *)(s + 1);
	if (rc == SQLITE_OK)
		rc = shim_real->xOpen(shim_real, path, s->real, flags, retflags);
	if (rc == SQLITE_OK)
		s->base.pMethods = &shim_methods;
	return rc;
}

static int shim_delete(sqlite3_vfs *v, const char *path, int sync_folder)
{
	int rc = shim_ask(SHIM_DELETE, path, 0, NULL, sync_folder != 0);

	(void)v;
	return rc != SQLITE_OK ? rc : shim_real->xDelete(shim_real, path, sync_folder);
}

static int shim_access(sqlite3_vfs *v, const char *path, int flags, int *ret)
{
	int rc = shim_ask(SHIM_ACCESS, path, 0, NULL, 0);

	(void)v;
	return rc != SQLITE_OK ? rc : shim_real->xAccess(shim_real, path, flags, ret);
}

static int shim_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

/* Puts it before the system's VFS for what is opened from now on. */
static inline int shim_register(void)
{
	static sqlite3_vfs v;

	shim_real = sqlite3_vfs_find(NULL);
	v = *shim_real;
	v.zName = "shim";
	v.szOsFile = (int)sizeof(struct shim_file) + shim_real->szOsFile;
	v.xOpen = shim_open;
	v.xDelete = shim_delete;
	v.xAccess = shim_access;
	v.xSleep = shim_sleep;
	return sqlite3_vfs_register(&v, 1);
}

#endif
