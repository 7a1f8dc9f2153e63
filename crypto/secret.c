/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of their own from mmap(2), so that what madvise(2) and mlock(2) say of a page is said
 * of the secret and of nothing else. What the kernel refuses is left: RLIMIT_MEMLOCK may be 0.
 */
#include "crypto/secret.h"

#include <sys/mman.h>

#include "common/fault.h"
#include "crypto/crypto.h"

void *crypto_secret_new(size_t bytes, bool *ret_locked)
{
	void *p = fault_here() ? MAP_FAILED
			       : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, bytes, MADV_DONTDUMP);
	(void)madvise(p, bytes, MADV_WIPEONFORK);
	bool locked = mlock(p, bytes) == 0;
	if (ret_locked != NULL)
		*ret_locked = locked;
	return p;
}

void crypto_secret_free(void *p, size_t bytes)
{
	if (p == NULL)
		return;
	crypto_wipe(p, bytes);
	munmap(p, bytes);
}
