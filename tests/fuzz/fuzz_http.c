/* SPDX-License-Identifier: Apache-2.0 */
/* However the bytes of a request are cut, the outcome and the message are the same. */
#include <stdlib.h>
#include <string.h>

#include "http/parse.h"

static const struct http_limits limits = {
	.request_line_bytes = 512, .headers = 20, .header_bytes = 1024, .body_bytes = 512
};

struct outcome {
	enum http_parse end;
	int status;
	size_t used;
};

static struct outcome feed(struct http_message *m, struct span text, size_t step)
{
	struct http_parser p;
	struct outcome o = { .end = HTTP_PARSE_MORE };

	http_parser_start(&p, &limits, m);
	for (size_t i = 0; i < text.len && o.end == HTTP_PARSE_MORE; i += step) {
		size_t n = text.len - i < step ? text.len - i : step, used = 0;

		o.end = http_parser_feed(&p, (struct span){ text.ptr + i, n }, &used);
		o.used += used;
	}
	o.status = p.status;
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_message a, b;
	struct span text = { (const char *)data, size };

	if (size == 0)
		return 0;
	http_message_init(&a);
	http_message_init(&b);
	struct outcome whole = feed(&a, text, size);
	struct outcome cut = feed(&b, text, 1 + data[0] % 5);

	if (whole.end != cut.end && !(a.head_done == false && b.head_done == false))
		abort();
	if (whole.end == HTTP_PARSE_DONE) {
		struct span path, query;

		if (cut.used != whole.used || a.body.len != b.body.len ||
		    a.n_slots != b.n_slots || a.head.len != b.head.len ||
		    (a.head.len > 0 && memcmp(a.head.ptr, b.head.ptr, a.head.len) != 0) ||
		    (a.body.len > 0 && memcmp(a.body.ptr, b.body.ptr, a.body.len) != 0))
			abort();
		http_message_target(&a, &path, &query);
		if (path.len == 0 || a.body.len > limits.body_bytes)
			abort();
	}
	http_message_free(&a);
	http_message_free(&b);
	return 0;
}
