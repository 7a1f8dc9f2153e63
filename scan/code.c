/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source code. A fenced block says so itself, unless its tag names a format of data or prose.
 * Elsewhere each line gets points for what programs look like; three lines of code with at
 * most one other line between them make a piece, and pieces are reported whole.
 *
 * JSON, CSV and plain lists are data: braces and commas alone are worth nothing.
 */
#include "scan/scan_impl.h"

#define CODE_POINTS 3
#define CODE_LINES  3

static bool starts_with(struct span s, const char *word)
{
	size_t n = strlen(word);

	return s.len >= n && memcmp(s.ptr, word, n) == 0;
}

static bool contains(struct span s, const char *word)
{
	return memmem(s.ptr, s.len, word, strlen(word)) != NULL;
}

static bool starts_with_any(struct span s, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (s.len > 0 && words[i][0] == s.ptr[0] && starts_with(s, words[i]))
			return true;
	}
	return false;
}

/* Starts that hardly any sentence has. */
static const char *const sure_starts[] = {
	"#include",
	"#define",
	"#ifdef",
	"#ifndef",
	"#endif",
	"#pragma",
	"#!/",
	"import {",
	"from . ",
	"using namespace",
	"namespace ",
	"package main",
	"func ",
	"fn ",
	"pub fn ",
	"impl ",
	"def ",
	"async def ",
	"elif ",
	"except ",
	"@Override",
	"@app.",
	"export default",
	"export const",
	"export function",
	"async function",
	"function ",
	"const ",
	"let mut ",
	"public class",
	"public static",
	"public void",
	"private ",
	"protected ",
	"typedef ",
	"template<",
	"template <",
	"static void",
	"static int",
	"#[derive",
	"module.exports",
	"<?php",
	"<!DOCTYPE",
	"<html",
	"<div",
	"</",
	"<script",
	"CREATE TABLE",
	"INSERT INTO",
	"SELECT ",
	"} else",
	"} catch",
	"} finally",
	"console.log",
	"System.out",
	"printf(",
	"print(",
	"println!",
	"std::",
	"cout <<",
	"return ",
	"if (",
	"for (",
	"while (",
	"switch (",
	"else if (",
	"else {",
	"try {",
	"try:",
	"else:",
	"if __name__",
	"echo \"",
	"fi",
	"done",
};

static const char *const likely_starts[] = {
	"import ", "class ", "struct ", "enum ",   "interface ", "var ",  "let ",  "int ",
	"void ",   "char ",  "float ",  "double ", "bool ",      "self.", "this.", "with ",
	"from ",   "//",     "/*",      "*/",      "* ",         "# ",    "@",     "-- "
};

static int points_at_start(struct span line)
{
	if (starts_with_any(line, sure_starts, LEN(sure_starts)))
		return 2;
	return starts_with_any(line, likely_starts, LEN(likely_starts)) ? 1 : 0;
}

static int points_inside(struct span line)
{
	static const char *const marks[] = { "();", ");",  "=>",  "->", "::",  "==",
					     "!=",  "&&",  "||",  "+=", "++",  " = ",
					     "](",  "();", "[i]", "):", "=\"", "/>" };
	int points = 0;

	for (size_t i = 0; i < LEN(marks); i++)
		points += contains(line, marks[i]);
	return points < 2 ? points : 2;
}

static int points_at_end(struct span line)
{
	char last = line.ptr[line.len - 1];

	if (last == ';' || last == '{' || starts_with(line, "}"))
		return starts_with(line, "\"") ? 0 : 2;
	return (last == ')' || last == ':' || last == '(') && contains(line, "(") ? 1 : 0;
}

static bool is_code_line(struct span line)
{
	int points;

	line = span_trim(line);
	if (line.len == 0 || line.len > 400)
		return false;
	/* What is inside never suffices by itself, and takes longest to look for. */
	points = points_at_start(line) + points_at_end(line);
	if (points > 0 && points < CODE_POINTS)
		points += points_inside(line);
	return points >= CODE_POINTS ||
	       (line.len <= 3 && (line.ptr[0] == '}' || starts_with(line, "});")));
}

/* The head of a function, which nothing else looks like: worth a piece by itself. */
static bool is_definition(struct span line)
{
	static const char *const heads[] = { "def ",
					     "async def ",
					     "fn ",
					     "pub fn ",
					     "func ",
					     "function ",
					     "async function ",
					     "#include <",
					     "public static void main" };

	line = span_trim(line);
	if (line.len < 8 || line.len > 200 || !starts_with_any(line, heads, LEN(heads)))
		return false;
	return starts_with(line, "#include <") ||
	       (contains(line, "(") && strchr(":{", line.ptr[line.len - 1]) != NULL);
}

static struct span line_at(struct span t, size_t at)
{
	const char *end = memchr(t.ptr + at, '\n', t.len - at);

	return (struct span){ t.ptr + at,
			      end != NULL ? (size_t)(end - t.ptr) - at : t.len - at };
}

/* The tag after ``` names something that is not a program. */
static bool is_data_tag(struct span tag)
{
	static const char *const data[] = { "text", "txt",   "markdown",  "md",  "csv",
					    "json", "plain", "plaintext", "log", "output",
					    "yaml", "table", "mermaid" };

	tag = span_trim(tag);
	for (size_t i = 0; i < LEN(data); i++) {
		if (span_is_nocase(tag, data[i]))
			return true;
	}
	return false;
}

static void report(struct scan_view *v, size_t start, size_t end, unsigned strength)
{
	scan_found(v, start, end, SCAN_SOURCE_CODE, DETECTOR_SOURCE_CODE, strength);
}

/* A fence opens at `at`. Returns what follows the closing one. */
static size_t scan_fence(struct scan_view *v, size_t at)
{
	struct span t = v->text, first = line_at(t, at);
	struct span tag = { first.ptr + 3, first.len - 3 };
	size_t body = at + first.len + 1, end, lines = 0, code = 0;
	const char *close;

	if (body >= t.len)
		return t.len;
	close = memmem(t.ptr + body, t.len - body, "```", 3);
	end = close != NULL ? (size_t)(close - t.ptr) : t.len;
	for (size_t i = body; i < end && lines < 200;) {
		struct span line = line_at(t, i);

		code += is_code_line(line);
		lines += span_trim(line).len > 0;
		i += line.len + 1;
	}
	tag = span_trim(tag);
	if (!is_data_tag(tag) && end > body && (tag.len > 0 || (code > 0 && code * 3 >= lines)))
		report(v, body, end, STRENGTH_LIKELY);
	return close != NULL ? end + 3 : t.len;
}

void scan_code(struct scan_view *v)
{
	struct span t = v->text;
	size_t start = 0, end = 0, lines = 0, others = 0;

	for (size_t at = 0; at < t.len;) {
		struct span line = line_at(t, at);

		if (starts_with(span_trim(line), "```")) {
			if (lines >= CODE_LINES)
				report(v, start, end, STRENGTH_WEAK);
			lines = others = 0;
			at = scan_fence(v, (size_t)(span_trim(line).ptr - t.ptr));
			continue;
		}
		if (is_code_line(line)) {
			if (lines == 0)
				start = at;
			lines += is_definition(line) ? CODE_LINES : 1;
			end = at + line.len;
			others = 0;
		} else if (span_trim(line).len > 0 && ++others > 1) {
			if (lines >= CODE_LINES)
				report(v, start, end, STRENGTH_WEAK);
			lines = 0;
		}
		at += line.len + 1;
	}
	if (lines >= CODE_LINES)
		report(v, start, end, STRENGTH_WEAK);
}
