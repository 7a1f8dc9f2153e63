/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model's text on its way to a terminal: however it is cut, it is shown the same; no control
 * byte of its own gets through, and every escape sequence that does is one of ours (SGR), with
 * all attributes off at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/markdown.h"
#include "consent/visible.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(struct span text, size_t step, struct buf *out)
{
	struct markdown m;

	buf_init(out, 1 << 26);
	markdown_init(&m);
	while (text.len > 0) {
		size_t n = text.len < step ? text.len : step;

		markdown_write(&m, (struct span){ text.ptr, n }, out);
		text = (struct span){ text.ptr + n, text.len - n };
	}
	markdown_end(&m, out);
}

static void only_our_escapes(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c >= 0x20 || c == '\n' || c == '\t')
			continue;
		if (c != 0x1b || i + 2 >= s.len || s.ptr[i + 1] != '[')
			abort();
		for (i += 2; i < s.len && strchr("0123456789;", s.ptr[i]) != NULL; i++)
			;
		if (i >= s.len || s.ptr[i] != 'm')
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf safe, whole, cut;

	buf_init(&safe, 1 << 26);
	visible_write((struct span){ (const char *)data, size }, &safe);
	for (size_t i = 0; i < safe.len; i++)
		if ((unsigned char)safe.ptr[i] < 0x20 && safe.ptr[i] != '\n' &&
		    safe.ptr[i] != '\t')
			abort();
	show(buf_span(&safe), SIZE_MAX, &whole);
	show(buf_span(&safe), 1 + size % 5, &cut);
	only_our_escapes(buf_span(&whole));
	if (!span_equal(buf_span(&whole), buf_span(&cut)))
		abort();
	buf_free(&safe);
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
