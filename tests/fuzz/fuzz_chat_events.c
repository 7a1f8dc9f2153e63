/* SPDX-License-Identifier: Apache-2.0 */
/* Events that decode encode to the same bytes again; cuts change nothing. */
#include <stdlib.h>

#include "dialect/chat.h"

#define CAP_BYTES ((size_t)4096)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool again(void *ctx, const struct chat_event *ev)
{
	chat_event_encode(ev, ctx);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chat_event_reader r;
	struct buf whole, cut;
	enum err e = ERR_OK;

	buf_init(&whole, size);
	buf_init(&cut, size);
	chat_event_reader_init(&r, CAP_BYTES);
	enum err want =
		chat_event_read(&r, (struct span){ (const char *)data, size }, again, &whole);
	chat_event_reader_free(&r);
	/* The bits of an unused logprob are the one thing that is not kept. */
	if (whole.failed || whole.len > size)
		abort();
	chat_event_reader_init(&r, CAP_BYTES);
	for (size_t i = 0; i < size && e == ERR_OK; i++)
		e = chat_event_read(&r, (struct span){ (const char *)data + i, 1 }, again,
				    &cut);
	chat_event_reader_free(&r);
	if (e != want || !span_equal(buf_span(&whole), buf_span(&cut)))
		abort();
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
