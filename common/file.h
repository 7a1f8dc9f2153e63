/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files, in and out, without half-written results; and sealed memory files. */
#ifndef HITHER_COMMON_FILE_H
#define HITHER_COMMON_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"

/*
 * Appends the file to `out`. ERR_NOT_FOUND, ERR_TOO_BIG (over max_bytes; nothing appended),
 * ERR_NO_MEMORY, ERR_SYSTEM with errno set. Follows symlinks; refuses anything but a regular
 * file.
 */
MUST_CHECK enum err file_read(const char *path, size_t max_bytes, struct buf *out);
MUST_CHECK enum err file_read_fd(int fd, size_t max_bytes, struct buf *out);

/* As file_read, and the file must be owned by this uid (or root) with no bits for group and
 * others, and no symbolic link: for keys. ERR_DENIED otherwise. */
MUST_CHECK enum err file_read_secret(const char *path, size_t max_bytes, struct buf *out);

/* Temporary file beside it, fsync, rename, fsync of the folder. Old content or new, never a
 * mix. */
MUST_CHECK enum err file_write(const char *path, struct span content, mode_t mode);

/* mkdir -p with `mode` for what is made. */
MUST_CHECK enum err file_mkdirs(const char *path, mode_t mode);

/*
 * A memfd with `content`, sealed against writing, growing, shrinking and further seals
 * (memfd_create(2), fcntl(2) F_ADD_SEALS), close-on-exec. -1 with errno set on failure.
 */
int file_sealed(const char *name, struct span content);

/*
 * Maps a memfd read-only after checking that it is a memfd with all four seals and at most
 * max_bytes. ERR_PROTOCOL when a seal is missing, ERR_TOO_BIG. Release with file_unmap().
 * The descriptor stays the caller's.
 */
MUST_CHECK enum err file_map_sealed(int fd, size_t max_bytes, struct span *ret);
void file_unmap(struct span mapped);

#endif
