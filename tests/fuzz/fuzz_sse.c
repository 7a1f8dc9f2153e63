/* SPDX-License-Identifier: Apache-2.0 */
/* However a stream is cut into reads, the events are the same. */
#include <stdlib.h>

#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note(void *ctx, struct span event, struct span data)
{
	buf_add(ctx, event);
	buf_add_char(ctx, '\x1e');
	buf_add(ctx, data);
	buf_add_char(ctx, '\x1d');
	return true;
}

static enum err feed(struct span bytes, size_t step, struct buf *out)
{
	struct sse_reader r;
	enum err e = ERR_OK;

	sse_reader_init(&r, 4096);
	while (bytes.len > 0 && e == ERR_OK) {
		size_t n = bytes.len < step ? bytes.len : step;

		e = sse_read(&r, (struct span){ bytes.ptr, n }, note, out);
		bytes = (struct span){ bytes.ptr + n, bytes.len - n };
	}
	sse_reader_free(&r);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct buf whole, cut;

	buf_init(&whole, 1 << 24);
	buf_init(&cut, 1 << 24);
	enum err e = feed(bytes, SIZE_MAX, &whole);
	if (feed(bytes, 1 + size % 7, &cut) != e ||
	    !span_equal(buf_span(&whole), buf_span(&cut)))
		abort();
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
