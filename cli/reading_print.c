/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text is first made visible, then cut into lines that fit, at blanks where there are any.
 * Widths are counted in columns, roughly: what a terminal draws two columns wide is a list of
 * ranges, and being one off costs a ragged edge.
 */
#include "cli/reading_print.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/reading.h"
#include "consent/visible.h"

#define BESIDE_MIN   72 /* columns for two texts beside each other */
#define ARENA_FACTOR 6
#define ARENA_BYTES  ((size_t)1 << 20)
#define TAB_COLUMNS  4
#define INDENT       4

unsigned reading_columns(FILE *out)
{
	struct winsize w;

	return ioctl(fileno(out), TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

/* ---- lines that fit ---- */

/* Bytes of the character at the start of valid UTF-8, and its columns. */
static size_t character(struct span t, unsigned *ret_columns)
{
	static const struct {
		uint32_t first, last;
		unsigned columns;
	} ranges[] = {
		{ 0x0300, 0x036F, 0 }, { 0x0483, 0x0489, 0 },   { 0x0591, 0x05BD, 0 },
		{ 0x064B, 0x065F, 0 }, { 0x1100, 0x115E, 2 },   { 0x20D0, 0x20F0, 0 },
		{ 0x2E80, 0xA4CF, 2 }, { 0xAC00, 0xD7A3, 2 },   { 0xF900, 0xFAFF, 2 },
		{ 0xFE20, 0xFE2F, 0 }, { 0xFE30, 0xFE6F, 2 },   { 0xFF00, 0xFF60, 2 },
		{ 0xFFE0, 0xFFE6, 2 }, { 0x1F300, 0x1FAFF, 2 }, { 0x20000, 0x3FFFD, 2 },
	};
	unsigned char first = (unsigned char)t.ptr[0];
	size_t n = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	uint32_t c = first < 0x80 ? first : first & (0x7Fu >> n);

	*ret_columns = first == '\t' ? TAB_COLUMNS : 1;
	for (size_t i = 1; i < n && i < t.len; i++)
		c = c << 6 | ((unsigned char)t.ptr[i] & 0x3Fu);
	for (size_t i = 0; i < LEN(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			*ret_columns = ranges[i].columns;
	return n < t.len ? n : t.len;
}

/* Takes from `io` what fits on one line of `width` columns. False: nothing is left. */
static bool take_line(struct span *io, unsigned width, struct span *ret, unsigned *ret_columns)
{
	size_t n = 0, blank = 0;
	unsigned columns = 0, at_blank = 0;

	if (io->ptr == NULL)
		return false;
	while (n < io->len && io->ptr[n] != '\n') {
		unsigned c;
		size_t bytes = character((struct span){ io->ptr + n, io->len - n }, &c);

		if (columns + c > width && n > 0)
			break;
		n += bytes;
		columns += c;
		if (io->ptr[n - 1] == ' ') {
			blank = n;
			at_blank = columns;
		}
	}
	bool whole = n == io->len || io->ptr[n] == '\n';
	if (!whole && blank > 0) {
		n = blank;
		columns = at_blank;
	}
	*ret = (struct span){ io->ptr, n };
	*ret_columns = columns;
	bool over = n == io->len;
	n += whole && !over;
	*io = over ? (struct span){ NULL, 0 } : (struct span){ io->ptr + n, io->len - n };
	return true;
}

static void put_line(FILE *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\t')
			fprintf(out, "%*s", TAB_COLUMNS, "");
		else
			fputc(text.ptr[i], out);
	}
}

static void visible(struct span text, struct buf *out)
{
	buf_init(out, text.len * 40 + 64);
	visible_write(text, out);
}

#define LABEL_COLUMNS 12 /* "  question  " */

static void put_labelled(FILE *out, bool plain, const char *label, struct span text)
{
	unsigned columns = plain || !isatty(fileno(out)) ? UINT_MAX : reading_columns(out), n;
	struct buf seen;
	struct span rest, one;

	if (columns < 2 * LABEL_COLUMNS)
		columns = 2 * LABEL_COLUMNS;
	visible(text, &seen);
	rest = seen.len > 0 ? buf_span(&seen) : (struct span){ "", 0 };
	fprintf(out, "  %-*s", LABEL_COLUMNS - 2, label);
	for (bool first = true; take_line(&rest, columns - LABEL_COLUMNS, &one, &n);
	     first = false) {
		if (!first)
			fprintf(out, "%*s", LABEL_COLUMNS, "");
		put_line(out, one);
		fputc('\n', out);
	}
	buf_free(&seen);
}

void reading_put_labelled(FILE *out, bool plain, const char *label, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	put_labelled(out, plain, label, span_of(text));
	free(text);
}

/* ---- one text, two texts ---- */

struct page {
	FILE *out;
	unsigned columns;
	bool plain;
};

static void put_text(struct page *p, struct span text)
{
	struct buf seen;
	struct span rest, one;
	unsigned width = p->plain ? UINT_MAX - 8 : p->columns - INDENT - 2, n;

	visible(text, &seen);
	rest = seen.len > 0 ? buf_span(&seen) : (struct span){ "", 0 };
	while (take_line(&rest, width, &one, &n)) {
		fputs("    | ", p->out);
		put_line(p->out, one);
		fputc('\n', p->out);
	}
	buf_free(&seen);
}

static void put_beside(struct page *p, struct span sent, struct span original)
{
	unsigned width = (p->columns - INDENT - 6) / 2, n, m;
	struct buf left, right;
	struct span a, b, one;

	visible(sent, &left);
	visible(original, &right);
	a = buf_span(&left);
	b = buf_span(&right);
	fprintf(p->out, "      %-*s   %s\n", (int)width, "would be sent",
		"stays here (the original)");
	while (a.ptr != NULL || b.ptr != NULL) {
		fputs("    | ", p->out);
		n = 0;
		if (take_line(&a, width, &one, &n))
			put_line(p->out, one);
		fprintf(p->out, "%*s | ", (int)(n < width ? width - n : 0), "");
		if (take_line(&b, width, &one, &m))
			put_line(p->out, one);
		fputc('\n', p->out);
	}
	buf_free(&left);
	buf_free(&right);
}

static void put_different(struct page *p, struct span sent, struct span original)
{
	if (!p->plain && p->columns >= BESIDE_MIN) {
		put_beside(p, sent, original);
		return;
	}
	fputs("    would be sent:\n", p->out);
	put_text(p, sent);
	fputs("    the original, which stays here:\n", p->out);
	put_text(p, original);
}

/* ---- pairs ---- */

/* A fact is one text with its name: "temperature: 0.2". */
static struct span words_of(const struct reading_line *l, struct buf *scratch)
{
	buf_init(scratch, l->text.len + strlen(l->label) + 3);
	if (l->kind != READING_FACT)
		return l->text;
	buf_add_str(scratch, l->label);
	buf_add_str(scratch, ": ");
	buf_add(scratch, l->text);
	return buf_span(scratch);
}

static void put_heading(struct page *p, const char *label, const char *more)
{
	if (label[0] == '\0' && more[0] == '\0')
		return;
	fputs("    ", p->out);
	cli_print_safe(p->out, span_of(label));
	fprintf(p->out, "%s:\n", label[0] != '\0' || more[0] != ',' ? more : more + 2);
}

static void put_pair(struct page *p, const struct reading_pair *pair, unsigned *turn)
{
	const struct reading_line *l = pair->sent != NULL ? pair->sent : pair->original;
	bool differs = pair->sent != NULL && pair->original != NULL &&
		       !span_equal(pair->sent->text, pair->original->text);

	if (l->kind == READING_TURN) {
		if (pair->sent != NULL)
			fprintf(p->out, "  %u. ", ++*turn);
		else
			fputs("  Left out: ", p->out);
		cli_print_safe(p->out, span_of(l->label));
		fputc('\n', p->out);
		return;
	}
	struct buf mine, theirs;
	struct span sent = words_of(l, &mine),
		    original = words_of(pair->original != NULL ? pair->original : l, &theirs);
	put_heading(p, l->kind == READING_TEXT ? l->label : "",
		    pair->sent == NULL ? ", left out" : "");
	if (differs)
		put_different(p, sent, original);
	else
		put_text(p, sent);
	buf_free(&mine);
	buf_free(&theirs);
}

void reading_print(FILE *out, const char *sent, const char *original, unsigned columns,
		   bool plain)
{
	struct span body = span_of(sent), whole = span_of(original != NULL ? original : sent);
	struct arena *a =
		arena_new("reading", (body.len + whole.len) * ARENA_FACTOR + ARENA_BYTES);
	struct page p = { out, columns < 40 ? 40 : columns, plain };
	struct reading one, other;
	struct reading_pairs pairs;
	unsigned turn = 0;

	if (a != NULL && reading_of(body, a, &one) == ERR_OK &&
	    reading_of(whole, a, &other) == ERR_OK &&
	    reading_beside(&one, &other, a, &pairs) == ERR_OK) {
		for (size_t i = 0; i < pairs.count; i++)
			put_pair(&p, &pairs.pairs[i], &turn);
	} else {
		fputs("  this cannot be read as a conversation; the bytes are\n", out);
		put_text(&p, body);
	}
	arena_free(a);
}
