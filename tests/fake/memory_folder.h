/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders for tests that write thousands of files, in memory where the machine has a file
 * system there: a process reads what it wrote, so no test here can see the disk, and waiting
 * for it is most of the time. What a cut of the power leaves is tried by
 * tests/fault/torn_writes.c.
 */
#ifndef HITHER_TESTS_FAKE_MEMORY_FOLDER_H
#define HITHER_TESTS_FAKE_MEMORY_FOLDER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A new folder hither-NAME-…, which the caller removes; TMPDIR says where when it is set. */
static inline bool memory_folder(char *ret, size_t bytes, const char *name)
{
	const char *wish = getenv("TMPDIR");
	const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	int n = snprintf(ret, bytes, "%s/hither-%s-XXXXXX", wish != NULL ? wish : where, name);

	return n > 0 && (size_t)n < bytes && mkdtemp(ret) != NULL;
}

#endif
