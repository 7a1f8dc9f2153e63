/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would be sent, on the page: turn by turn in one region that scrolls, the original beside
 * what was masked. What stands in the place of a placeholder is found by the words around it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/reading.h"
#include "cli/web_page.h"

#define ARENA_FACTOR 6
#define ARENA_BYTES  ((size_t)1 << 20)

/* Placeholders marked. */
void web_marked(struct buf *out, struct span text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.len;) {
		size_t n = reading_placeholder((struct span){ text.ptr + i, text.len - i });

		if (n == 0) {
			i++;
			continue;
		}
		web_text(out, (struct span){ text.ptr + from, i - from });
		buf_add_str(out, "<mark>");
		web_text(out, (struct span){ text.ptr + i, n });
		buf_add_str(out, "</mark>");
		from = i += n;
	}
	web_text(out, (struct span){ text.ptr + from, text.len - from });
}

/* Up to the next placeholder of `text`, from `at`; *ret_len is its length, 0 at the end. */
static struct span words_before(struct span text, size_t at, size_t *ret_len)
{
	size_t i = at;

	for (*ret_len = 0; i < text.len; i++) {
		*ret_len = reading_placeholder((struct span){ text.ptr + i, text.len - i });
		if (*ret_len > 0)
			break;
	}
	return (struct span){ text.ptr + at, i - at };
}

/*
 * The original with what a placeholder stands for marked. The words between placeholders stand
 * in both texts, in order; where they do not (a placeholder was in the original), the rest is
 * left unmarked.
 */
static void marked_original(struct buf *out, struct span sent, struct span original)
{
	size_t at = 0, done = 0, n;
	struct span words = words_before(sent, 0, &n);

	at = words.len;
	if (words.len > original.len || memcmp(words.ptr, original.ptr, words.len) != 0) {
		web_text(out, original);
		return;
	}
	web_text(out, words);
	done = words.len;
	while (n > 0) {
		struct span rest = { original.ptr + done, original.len - done };

		at += n;
		words = words_before(sent, at, &n);
		at += words.len;
		const char *next = words.len == 0
					   ? (n == 0 ? rest.ptr + rest.len : NULL)
					   : memmem(rest.ptr, rest.len, words.ptr, words.len);
		if (next == NULL)
			break;
		buf_add_str(out, "<mark>");
		web_text(out, (struct span){ rest.ptr, (size_t)(next - rest.ptr) });
		buf_add_str(out, "</mark>");
		web_text(out, words);
		done += (size_t)(next - rest.ptr) + words.len;
	}
	web_text(out, (struct span){ original.ptr + done, original.len - done });
}

/* ---- one line ---- */

static void tag(struct buf *out, const char *label, const char *more)
{
	if (label[0] == '\0' && more[0] == '\0')
		return;
	buf_add_str(out, "<p class=\"tag\">");
	web_text(out, span_of(label));
	buf_printf(out, "%s%s</p>\n", label[0] != '\0' && more[0] != '\0' ? ", " : "", more);
}

/* A line feed right after <pre> is dropped by the reader (HTML, 13.2.6.4.7), so one is given.
 */
static void open_pre(struct buf *out, const struct reading_line *l)
{
	buf_add_str(out, "<pre dir=\"auto\">\n");
	if (l->kind == READING_FACT) {
		web_text(out, span_of(l->label));
		buf_add_str(out, ": ");
	}
}

static void one_text(struct buf *out, const struct reading_line *l, bool mark)
{
	open_pre(out, l);
	if (mark)
		web_marked(out, l->text);
	else
		web_text(out, l->text);
	buf_add_str(out, "</pre>\n");
}

static void two_texts(struct buf *out, const struct reading_pair *p)
{
	buf_add_str(out, "<div class=\"beside\">\n<div><p class=\"tag\">would be sent</p>\n");
	one_text(out, p->sent, true);
	buf_add_str(out, "</div>\n<div><p class=\"tag\">the original, stays here</p>\n");
	open_pre(out, p->original);
	marked_original(out, p->sent->text, p->original->text);
	buf_add_str(out, "</pre>\n</div>\n</div>\n");
}

static void put_pair(struct buf *out, const struct reading_pair *p, unsigned *turn)
{
	const struct reading_line *l = p->sent != NULL ? p->sent : p->original;

	if (l->kind == READING_TURN) {
		buf_add_str(out, "<h3>");
		if (p->sent != NULL)
			buf_printf(out, "%u. ", ++*turn);
		else
			buf_add_str(out, "Left out: ");
		web_text(out, span_of(l->label));
		buf_add_str(out, "</h3>\n");
		return;
	}
	tag(out, l->kind == READING_TEXT ? l->label : "", p->sent == NULL ? "left out" : "");
	if (p->sent != NULL && p->original != NULL &&
	    !span_equal(p->sent->text, p->original->text))
		two_texts(out, p);
	else
		one_text(out, l, false);
}

void web_reading(struct buf *out, const char *sent, const char *original)
{
	struct span body = span_of(sent), whole = span_of(original != NULL ? original : sent);
	struct arena *a =
		arena_new("reading", (body.len + whole.len) * ARENA_FACTOR + ARENA_BYTES);
	struct reading one, other;
	struct reading_pairs pairs;
	unsigned turn = 0;

	buf_add_str(out, "<div class=\"reading\" id=\"reading\" tabindex=\"0\" role=\"region\" "
			 "aria-label=\"What would be sent, turn by turn\">\n");
	if (a != NULL && reading_of(body, a, &one) == ERR_OK &&
	    reading_of(whole, a, &other) == ERR_OK &&
	    reading_beside(&one, &other, a, &pairs) == ERR_OK) {
		for (size_t i = 0; i < pairs.count; i++)
			put_pair(out, &pairs.pairs[i], &turn);
	} else {
		buf_add_str(out,
			    "<p>This cannot be read as a conversation; the exact bytes are "
			    "below.</p>\n");
	}
	buf_add_str(out, "</div>\n");
	arena_free(a);
}
