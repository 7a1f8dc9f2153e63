/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two machines. A line's first bytes are held in `lead` until they tell what kind of line it is
 * (begin_line); from then on bytes pass through the inline machine, which holds back a marker
 * (`*`, `_`) until the next byte tells whether it opens, closes or is doubled.
 *
 * Emphasis follows the flanking rules of CommonMark, section 6.2, as far as one byte to each
 * side decides; a mark that was opened ends with its line.
 */
#include "cli/markdown.h"

#include <string.h>

#define BOLD     "\033[1m"
#define ITALIC   "\033[3m"
#define CODE     "\033[36m"
#define DIM      "\033[2m"
#define NORMAL   "\033[0m"
#define FENCE_AT 3

void markdown_init(struct markdown *m)
{
	memset(m, 0, sizeof *m);
	m->before = ' ';
}

/* --- inside a line ------------------------------------------------------------------------ */

static void attributes(const struct markdown *m, struct buf *out)
{
	buf_add_str(out, NORMAL);
	if (m->heading || m->strong)
		buf_add_str(out, BOLD);
	if (m->emphasis)
		buf_add_str(out, ITALIC);
	if (m->code)
		buf_add_str(out, CODE);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (unsigned char)c >= 0x80;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\0';
}

/* May a run of `c` between `before` and `after` open, or close? */
static bool opens(char c, char before, char after)
{
	return !is_blank(after) && (c == '*' ? true : !is_word(before));
}

static bool closes(char c, char before, char after)
{
	return !is_blank(before) && (c == '*' ? true : !is_word(after));
}

/* One mark, single or double, with its neighbours known. */
static void mark(struct markdown *m, char c, bool doubled, char after, struct buf *out)
{
	bool *on = doubled ? &m->strong : &m->emphasis;

	if (*on ? closes(c, m->before, after) : opens(c, m->before, after)) {
		*on = !*on;
		attributes(m, out);
		return;
	}
	buf_add_char(out, c);
	if (doubled)
		buf_add_char(out, c);
}

static void inline_byte(struct markdown *m, char c, struct buf *out)
{
	if (m->held != 0) {
		char h = m->held;
		bool doubled = c == h;

		/* "**" waits for the byte behind it, too: held as upper bit. */
		if ((h & 0x80) == 0 && doubled) {
			m->held = (char)(h | 0x80);
			return;
		}
		m->held = 0;
		mark(m, (char)(h & 0x7f), (h & 0x80) != 0, c, out);
		m->before = (char)(h & 0x7f);
	}
	if (m->escaped) {
		m->escaped = false;
		if (is_word(c) || is_blank(c))
			buf_add_char(out, '\\');
	} else if (c == '\\' && !m->code) {
		m->escaped = true;
		return;
	} else if (c == '`') {
		m->code = !m->code;
		attributes(m, out);
		m->before = c;
		return;
	} else if ((c == '*' || c == '_') && !m->code) {
		m->held = c;
		return;
	}
	buf_add_char(out, c);
	m->before = c;
}

/* --- the beginning of a line ----------------------------------------------------------------
 */

static void text_of_line(struct markdown *m, const char *p, size_t n, struct buf *out)
{
	m->in_line = true;
	m->n_lead = 0;
	m->before = ' ';
	for (size_t i = 0; i < n; i++) {
		if (m->fenced)
			buf_add_char(out, p[i]);
		else
			inline_byte(m, p[i], out);
	}
}

static size_t run_of(const char *p, size_t n, char c)
{
	size_t k = 0;

	while (k < n && p[k] == c)
		k++;
	return k;
}

static bool is_rule(const char *p, size_t n)
{
	size_t k =
		n > 0 && (p[0] == '-' || p[0] == '*' || p[0] == '_') ? run_of(p, n, p[0]) : 0;

	return k >= 3 && k == n;
}

/* A fence opens or closes; the line that says so is shown dim. */
static bool fence_line(struct markdown *m, const char *p, size_t n, struct buf *out)
{
	char c = n > 0 ? p[0] : '\0';

	if ((c != '`' && c != '~') || run_of(p, n, c) < FENCE_AT ||
	    (m->fenced && c != m->fence))
		return false;
	m->fenced = !m->fenced;
	m->fence = c;
	m->fence_line = true;
	m->in_line = true;
	m->n_lead = 0;
	buf_add_str(out, DIM);
	buf_add(out, (struct span){ p, n });
	return true;
}

/* A block's mark at the front of an ordinary line: shown in its place. */
static bool block_line(struct markdown *m, const char *p, size_t indent, size_t n,
		       struct buf *out)
{
	size_t hashes = run_of(p, n, '#');

	if (hashes >= 1 && hashes <= 6 && hashes < n && p[hashes] == ' ') {
		m->heading = true;
		buf_add_str(out, BOLD);
		text_of_line(m, p + hashes + 1, n - hashes - 1, out);
		return true;
	}
	if (n >= 2 && (p[0] == '-' || p[0] == '*' || p[0] == '+') && p[1] == ' ') {
		buf_add(out, (struct span){ p - indent, indent });
		buf_add_str(out, "• ");
		text_of_line(m, p + 2, n - 2, out);
		return true;
	}
	if (n >= 2 && p[0] == '>') {
		buf_add_str(out, DIM "│ " NORMAL);
		text_of_line(m, p + 1 + (p[1] == ' '), n - 1 - (p[1] == ' '), out);
		return true;
	}
	return false;
}

/* Could more bytes still make these the front of something other than text? */
static bool undecided(const char *p, size_t n)
{
	if (n == 0)
		return true;
	if (p[0] == '#')
		return run_of(p, n, '#') == n && n <= 6;
	if (p[0] == '>' || p[0] == '+')
		return n == 1;
	if (p[0] == '-' || p[0] == '*' || p[0] == '_' || p[0] == '`' || p[0] == '~')
		return run_of(p, n, p[0]) == n && n < FENCE_AT;
	return false;
}

/* The kind of the line, from `lead`; `over`: nothing more comes in it. */
static void begin_line(struct markdown *m, bool over, struct buf *out)
{
	char lead[MARKDOWN_LEAD_BYTES];
	size_t all = m->n_lead, indent;
	const char *p;

	memcpy(lead, m->lead, all);
	indent = run_of(lead, all, ' ');
	p = lead + indent;
	if (!over && all < MARKDOWN_LEAD_BYTES && undecided(p, all - indent))
		return;
	/* A rule has nothing behind it, and so has to wait for the end of its line. */
	if (!m->fenced && is_rule(p, all - indent)) {
		if (!over && all < MARKDOWN_LEAD_BYTES)
			return;
		buf_add_str(out, DIM "────────────────" NORMAL);
		m->in_line = true;
		m->n_lead = 0;
		return;
	}
	if (fence_line(m, p, all - indent, out))
		return;
	if (m->fenced) {
		buf_add_str(out, CODE);
		text_of_line(m, lead, all, out);
	} else if (!block_line(m, p, indent, all - indent, out)) {
		text_of_line(m, lead, all, out);
	}
}

static void end_line(struct markdown *m, struct buf *out)
{
	if (!m->in_line && m->n_lead > 0)
		begin_line(m, true, out);
	if (m->held != 0)
		inline_byte(m, '\n', out);
	else
		buf_add_char(out, '\n');
	if (m->escaped)
		buf_add_char(out, '\\');
	if (m->code || m->strong || m->emphasis || m->heading || m->fenced || m->fence_line)
		buf_add_str(out, NORMAL);
	m->code = m->strong = m->emphasis = m->heading = m->escaped = m->fence_line = false;
	m->in_line = false;
	m->n_lead = 0;
	m->before = ' ';
}

void markdown_write(struct markdown *m, struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\n') {
			end_line(m, out);
		} else if (!m->in_line) {
			m->lead[m->n_lead++] = c;
			begin_line(m, false, out);
		} else if (m->fenced || m->fence_line) {
			buf_add_char(out, c);
		} else {
			inline_byte(m, c, out);
		}
	}
}

void markdown_end(struct markdown *m, struct buf *out)
{
	struct buf line;

	if (!m->in_line && m->n_lead == 0)
		return;
	/* Ends the line without showing that. */
	buf_init(&line, 4096);
	end_line(m, &line);
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] != '\n')
			buf_add_char(out, line.ptr[i]);
	buf_free(&line);
	buf_add_str(out, NORMAL);
}
