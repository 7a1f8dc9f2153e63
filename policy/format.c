/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout for policy files: two spaces a level, what fits on a line on one line, comments where
 * they stood. Works on tokens of text that has passed the gate, so that it needs to know
 * nothing about keys, and the result parses to the same value.
 *
 *   element  := comments-before [key :] value [,] comments-behind
 *
 * Comments on a line of their own go before the next element; a comment that follows something
 * on its line stays on that line.
 */
#include <assert.h>
#include <stdio.h>

#include "policy/policy_impl.h"

#define LINE_WIDTH   100u
#define BUDGET_BYTES ((size_t)256 << 20) /* for as many tokens as the gate lets through */

enum token_kind {
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_COLON,
	TOKEN_VALUE,
	TOKEN_COMMENT
};

struct token {
	enum token_kind kind;
	struct span text;
	bool own_line;  /* nothing but white space before it on its line */
	bool blank;     /* an empty line before it */
	uint32_t close; /* of an open bracket: the token that closes it */
	uint32_t width; /* of an open bracket: bytes on one line, UINT32_MAX with comments */
};

struct formatter {
	struct token *tokens;
	uint32_t n, at;
	struct buf *out;
	size_t line_start; /* in out */
	bool line_closed;  /* a line comment stands on it: nothing may follow */
};

/* ---------------------------------------------------------------- tokens */

static size_t token_length(struct span t, size_t at)
{
	size_t i = at + 1;

	if (t.ptr[at] == '"') {
		for (; t.ptr[i] != '"'; i++)
			i += t.ptr[i] == '\\';
		return i + 1 - at;
	}
	if (t.ptr[at] == '/') {
		bool line = t.ptr[i] == '/';

		for (i++; i < t.len; i++) {
			if (line ? t.ptr[i] == '\n'
				 : i > at + 2 && t.ptr[i] == '/' && t.ptr[i - 1] == '*')
				break;
		}
		return i - at + (line ? 0 : 1);
	}
	if (strchr("{}[],:", t.ptr[at]) != NULL)
		return 1;
	while (i < t.len && strchr("{}[],:/ \t\r\n\"", t.ptr[i]) == NULL)
		i++;
	return i - at;
}

static enum token_kind kind_at(char c)
{
	switch (c) {
	case '{':
	case '[':
		return TOKEN_OPEN;
	case '}':
	case ']':
		return TOKEN_CLOSE;
	case ',':
		return TOKEN_COMMA;
	case ':':
		return TOKEN_COLON;
	case '/':
		return TOKEN_COMMENT;
	default:
		return TOKEN_VALUE;
	}
}

static uint32_t tokenize(struct span t, struct token *out)
{
	unsigned breaks = 0;
	uint32_t n = 0;

	for (size_t i = 0; i < t.len;) {
		if (strchr(" \t\r\n", t.ptr[i]) != NULL) {
			breaks += t.ptr[i++] == '\n';
			continue;
		}
		struct span text = { t.ptr + i, token_length(t, i) };

		i += text.len;
		out[n] = (struct token){ .kind = kind_at(text.ptr[0]),
					 .own_line = breaks > 0 || n == 0,
					 .blank = breaks > 1 && n > 0 };
		if (out[n].kind == TOKEN_COMMENT)
			text = span_trim(text);
		out[n++].text = text;
		breaks = 0;
	}
	return n;
}

/* Bytes a token takes on a shared line, with the blanks around it. */
static uint32_t flat_width(const struct token *t)
{
	if (t->kind == TOKEN_COMMA || t->kind == TOKEN_COLON)
		return 2;
	return (uint32_t)t->text.len +
	       (t->kind == TOKEN_OPEN || t->kind == TOKEN_CLOSE ? 1 : 0);
}

/* Brackets find each other; nesting is at most what the gate allows. */
static void match(struct token *t, uint32_t n)
{
	uint32_t open[256], depth = 0;

	for (uint32_t i = 0; i < n; i++) {
		assert(depth < LEN(open) && (depth > 0 || t[i].kind != TOKEN_CLOSE));
		if (t[i].kind == TOKEN_OPEN)
			open[depth++] = i;
		if (t[i].kind != TOKEN_CLOSE)
			continue;
		struct token *o = &t[open[--depth]];

		o->close = i;
		for (uint32_t k = open[depth]; k <= i; k++) {
			if (t[k].kind == TOKEN_COMMENT || o->width == UINT32_MAX)
				o->width = UINT32_MAX;
			else
				o->width += flat_width(&t[k]);
		}
	}
}

/* ---------------------------------------------------------------- layout */

static const struct token *now(const struct formatter *f)
{
	static const struct token end = { .kind = TOKEN_CLOSE, .text = { "", 0 } };

	return f->at < f->n ? &f->tokens[f->at] : &end;
}

/* An empty line stays where one was, but not behind an opening bracket. */
static void line_break(struct formatter *f, unsigned depth)
{
	bool first = f->at > 0 && f->tokens[f->at - 1].kind == TOKEN_OPEN;

	if (f->out->len > 0)
		buf_add_char(f->out, '\n');
	if (now(f)->blank && now(f)->kind != TOKEN_CLOSE && !first)
		buf_add_char(f->out, '\n');
	f->line_start = f->out->len;
	f->line_closed = false;
	for (unsigned i = 0; i < depth; i++)
		buf_add_str(f->out, "  ");
}

static void put_flat(struct formatter *f, uint32_t until)
{
	for (; f->at <= until; f->at++) {
		const struct token *t = now(f);
		bool object = t->text.ptr[0] == '{' || t->text.ptr[0] == '}';
		bool empty = t->kind == TOKEN_CLOSE && f->tokens[f->at - 1].kind == TOKEN_OPEN;

		if (t->kind == TOKEN_CLOSE && object && !empty)
			buf_add_char(f->out, ' ');
		buf_add(f->out, t->text);
		if (t->kind == TOKEN_COMMA || t->kind == TOKEN_COLON)
			buf_add_char(f->out, ' ');
		if (t->kind == TOKEN_OPEN && object && t->close != f->at + 1)
			buf_add_char(f->out, ' ');
	}
}

static void put_comment(struct formatter *f)
{
	buf_add(f->out, now(f)->text);
	f->line_closed = now(f)->text.ptr[1] == '/';
	f->at++;
}

/* Comments on lines of their own; true when there were any. */
static bool put_comments(struct formatter *f, unsigned depth)
{
	bool any = now(f)->kind == TOKEN_COMMENT;

	while (now(f)->kind == TOKEN_COMMENT) {
		line_break(f, depth);
		put_comment(f);
	}
	return any;
}

/* Comments that share a line with what stands before them. */
static void put_trailing(struct formatter *f)
{
	while (now(f)->kind == TOKEN_COMMENT && !now(f)->own_line && !f->line_closed) {
		buf_add_str(f->out, "  ");
		put_comment(f);
	}
}

static void put_value(struct formatter *f, unsigned depth);

/* What follows the comments here; inside brackets something does. */
static enum token_kind next_part(const struct formatter *f)
{
	uint32_t i = f->at;

	while (f->tokens[i].kind == TOKEN_COMMENT)
		i++;
	return f->tokens[i].kind;
}

/* Between a key and its value a comment gets a line of its own, so that a line comment cannot
 * swallow what follows. */
static void put_element(struct formatter *f, unsigned depth)
{
	put_comments(f, depth);
	if (now(f)->kind == TOKEN_CLOSE)
		return;
	line_break(f, depth);
	put_value(f, depth);
	if (next_part(f) != TOKEN_COLON)
		return;
	if (put_comments(f, depth + 1))
		line_break(f, depth + 1);
	buf_add_char(f->out, ':');
	f->at++;
	if (put_comments(f, depth + 1))
		line_break(f, depth + 1);
	else
		buf_add_char(f->out, ' ');
	put_value(f, depth);
}

/* The comma goes in front of comments that stand between it and its element. */
static void put_comma(struct formatter *f, unsigned depth)
{
	bool comma = next_part(f) == TOKEN_COMMA;

	if (comma)
		buf_add_char(f->out, ',');
	put_trailing(f);
	if (!comma)
		return;
	put_comments(f, depth);
	f->at++;
	put_trailing(f);
}

static void put_group(struct formatter *f, unsigned depth)
{
	const struct token *open = now(f);
	size_t used = f->out->len - f->line_start;

	if (depth > 0 && open->width != UINT32_MAX && used + open->width + 1 <= LINE_WIDTH) {
		put_flat(f, open->close);
		return;
	}
	buf_add(f->out, open->text);
	f->at++;
	put_trailing(f);
	while (now(f)->kind != TOKEN_CLOSE) {
		put_element(f, depth + 1);
		put_comma(f, depth + 1);
	}
	line_break(f, depth);
	buf_add(f->out, now(f)->text);
	f->at++;
}

static void put_value(struct formatter *f, unsigned depth)
{
	if (now(f)->kind == TOKEN_OPEN) {
		put_group(f, depth);
	} else {
		buf_add(f->out, now(f)->text);
		f->at++;
	}
}

enum err policy_format(struct span text, const char *name, struct buf *out,
		       struct policy_error *reterr)
{
	struct json_where at = { .problem = "" };
	struct arena *a;
	struct formatter f = { .out = out, .line_start = out->len };
	enum err e;

	*reterr = (struct policy_error){ .line = 0 };
	snprintf(reterr->file, sizeof reterr->file, "%s", name);
	e = json_check(text, &json_limits_file, &at);
	if (e != ERR_OK) {
		reterr->line = at.line;
		reterr->column = at.column;
		snprintf(reterr->problem, sizeof reterr->problem, "%s", at.problem);
		return e;
	}
	a = arena_new("policy.format", BUDGET_BYTES);
	f.tokens = a != NULL ? arena_array(a, text.len, sizeof *f.tokens) : NULL;
	if (f.tokens == NULL) {
		arena_free(a);
		return ERR_NO_MEMORY;
	}
	f.n = tokenize(text, f.tokens);
	match(f.tokens, f.n);
	while (f.at < f.n) {
		if (now(&f)->kind == TOKEN_COMMENT && !now(&f)->own_line)
			put_trailing(&f);
		else if (now(&f)->kind == TOKEN_COMMENT)
			put_comments(&f, 0);
		else {
			line_break(&f, 0);
			put_value(&f, 0);
		}
	}
	buf_add_char(out, '\n');
	arena_free(a);
	return out->failed ? ERR_NO_MEMORY : ERR_OK;
}
