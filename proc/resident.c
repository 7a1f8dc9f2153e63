/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only segments that the program file maps without write permission: MADV_DONTNEED on a private
 * mapping drops what was written to it (relocated tables, variables), and those have nothing
 * but the file's bytes (madvise(2), elf(5)).
 */
#include "proc/resident.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static int give_back_segments(struct dl_phdr_info *object, size_t size, void *ctx)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)ctx;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &object->dlpi_phdr[i];
		if (h->p_type != PT_LOAD || (h->p_flags & PF_W) != 0)
			continue;
		uintptr_t begin = (object->dlpi_addr + h->p_vaddr) & ~(page - 1);
		uintptr_t end = (object->dlpi_addr + h->p_vaddr + h->p_memsz) & ~(page - 1);
		if (end > begin) /* a failure only keeps them */
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void resident_give_back(void)
{
	malloc_trim(0);
	dl_iterate_phdr(give_back_segments, NULL);
}
