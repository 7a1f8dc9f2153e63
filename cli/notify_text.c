/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/notify.h"
#include "consent/visible.h"

static void put(struct buf *out, const char *text, bool markup)
{
	struct buf seen;

	buf_init(&seen, 4096);
	visible_write(span_of(text), &seen);
	for (size_t i = 0; !seen.failed && i < seen.len; i++) {
		char c = seen.ptr[i];

		if (c != '&' && c != '<' && c != '>')
			buf_add_char(out, c);
		else if (markup)
			buf_add_str(out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
	}
	buf_free(&seen);
}

void notify_body(struct buf *out, const struct notify_text *t, bool markup)
{
	put(out, t->app != NULL ? t->app : "A program without a name", markup);
	if (t->identity_words != NULL) {
		buf_add_str(out, " (");
		put(out, t->identity_words, markup);
		buf_add_char(out, ')');
	}
	buf_add_str(out, " wants to use ");
	put(out, t->operator_name != NULL ? t->operator_name : "a cloud model", markup);
	if (t->region != NULL) {
		buf_add_str(out, " (");
		put(out, t->region, markup);
		buf_add_char(out, ')');
	}
	buf_add_char(out, '.');
}
