/* SPDX-License-Identifier: Apache-2.0 */
/* Any reply of an engine to a request for embeddings: whole finite vectors, or a problem. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "dialect/embed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 400, 500, 501, 503 };
	struct span inputs[3] = { { "a", 1 }, { "b", 1 }, { "c", 1 } };
	struct arena *a = arena_new("fuzz", 8 << 20);

	if (a == NULL || size < 1) {
		arena_free(a);
		return 0;
	}
	struct embed_request q = { .inputs = inputs,
				   .n_inputs = 1 + data[0] % 3,
				   .dimensions = data[0] & 4 ? 2 : 0 };
	struct chat_problem p = { .status = 0 };
	struct embed_vector *v = NULL;
	int64_t tokens = -2;
	enum err e = embed_recv(statuses[data[0] / 8 % 5],
				(struct span){ (const char *)data + 1, size - 1 }, &q, a, &v,
				&tokens, &p);

	if (e != ERR_OK && (p.status < 400 || p.code[0] == '\0' || p.message[0] == '\0'))
		abort();
	for (uint32_t i = 0; e == ERR_OK && i < q.n_inputs; i++) {
		if (v[i].n == 0 || v[i].n != v[0].n || tokens < -1)
			abort();
		for (size_t k = 0; k < v[i].n; k++)
			if (!isfinite(v[i].values[k]))
				abort();
	}
	arena_free(a);
	return 0;
}
