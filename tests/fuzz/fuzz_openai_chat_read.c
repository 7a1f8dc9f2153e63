/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body that is accepted gives an outgoing body that is accepted and gives itself again; a
 * body that is refused says why.
 */
#include <stdlib.h>

#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool through(struct span body, struct buf *out)
{
	struct arena *a = arena_new("fuzz", 8 << 20);
	struct chat c;
	struct chat_problem p = { .status = 0 };
	enum err e = dialect_openai_chat.read(body, a, &c, &p);

	if (e != ERR_OK && (p.status < 400 || p.status > 499 || p.message[0] == '\0'))
		abort();
	if (e == ERR_OK && upstream_openai_chat.write(&c, "m", out) != ERR_OK)
		abort();
	arena_free(a);
	return e == ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first, second;

	buf_init(&first, 64 << 20);
	buf_init(&second, 64 << 20);
	if (through((struct span){ (const char *)data, size }, &first)) {
		if (!through(buf_span(&first), &second) ||
		    !span_equal(buf_span(&first), buf_span(&second)))
			abort();
	}
	buf_free(&first);
	buf_free(&second);
	return 0;
}
