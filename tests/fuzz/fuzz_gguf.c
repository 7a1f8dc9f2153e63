/* SPDX-License-Identifier: Apache-2.0 */
/* A head that is accepted describes a file that is at least as long as what it describes. */
#include <stdint.h>
#include <stdlib.h>

#include "models/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gguf g = { 0 };
	const char *problem = NULL;
	struct span head = { (const char *)data, size };

	if (gguf_read(head, size, &g, &problem) != ERR_OK) {
		if (problem == NULL || problem[0] == '\0')
			abort();
		return 0;
	}
	if (g.tensors == 0 || g.tensors > size || (g.version != 2 && g.version != 3))
		abort();
	if (gguf_memory_bytes(&g, size, 4096) < size)
		abort();
	return 0;
}
