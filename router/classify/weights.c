/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is taken whole or not at all: exact size, head, then the digest over everything. So
 * a file cut short, of another version or with one bit turned is refused before a prompt is
 * judged by it. The arrays are used as they lie in the file, which is why the machine must be
 * little-endian with IEEE 754 floats; others are told that the file does not fit.
 */
#include "router/classify/weights.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

/* A thousand times what training gives; no sum or product of such numbers overflows. */
#define NUMBER_MAX 1e6f

static bool head_fits(const struct weights_head *h)
{
	return memcmp(h->magic, WEIGHTS_MAGIC, sizeof h->magic) == 0 &&
	       h->version == WEIGHTS_VERSION && h->features_version == FEATURES_VERSION &&
	       h->bits == FEATURES_BITS && h->columns == WEIGHTS_COLUMNS &&
	       h->counts == FEATURES_COUNTS && h->tasks == CLASSIFY_TASK_COUNT &&
	       memchr(h->name, '\0', sizeof h->name) != NULL;
}

static bool digest_fits(const struct weights *w)
{
	struct crypto_sha256 want, have;

	memcpy(want.bytes, w->sha256, sizeof want.bytes);
	crypto_sha256((struct span){ (const char *)w, offsetof(struct weights, sha256) },
		      &have);
	return crypto_sha256_equal(&want, &have);
}

/* A file whose digest fits may still have been made wrong: such numbers make no score. */
static bool numbers_fit(const struct weights_head *h)
{
	const float *f = h->scale, *end = (const float *)(h + 1);

	for (; f < end; f++)
		if (!(*f > -NUMBER_MAX && *f < NUMBER_MAX))
			return false;
	return true;
}

static enum err map_fd(int fd, const struct weights **ret)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return ERR_SYSTEM;
	if (!S_ISREG(st.st_mode) || st.st_size != (off_t)sizeof(struct weights))
		return ERR_SYNTAX;
	p = mmap(NULL, sizeof(struct weights), PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return errno == ENOMEM ? ERR_NO_MEMORY : ERR_SYSTEM;
	*ret = p;
	return ERR_OK;
}

enum err weights_map(const char *path, const struct weights **ret)
{
	const struct weights *w = NULL;
	enum err e = crypto_init();
	int fd;

	if (e != ERR_OK)
		return e;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_SYSTEM;
	e = map_fd(fd, &w);
	close(fd);
	if (e != ERR_OK)
		return e;
	if (!head_fits(&w->head))
		e = ERR_SYNTAX;
	else if (!digest_fits(w))
		e = ERR_MISMATCH;
	else if (!numbers_fit(&w->head))
		e = ERR_SYNTAX;
	if (e != ERR_OK)
		weights_unmap(w);
	else
		*ret = w;
	return e;
}

void weights_unmap(const struct weights *w)
{
	if (w != NULL)
		munmap((void *)(uintptr_t)w, sizeof *w);
}
