/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines from a terminal, edited with libedit, or plain ones: from a pipe, with --plain on a
 * terminal that cannot move its cursor, or where hither was built without libedit.
 */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifdef HAVE_LIBEDIT
#include <histedit.h>
#endif

#include "cli/chat.h"

#define MESSAGE_BYTES_MAX (8u << 20)
#define HISTORY_LINES     500
#define PROMPT            "> "
#define PROMPT_MORE       "… "

struct chat_reader {
	bool terminal;
	bool more; /* inside a message of several lines */
#ifdef HAVE_LIBEDIT
	EditLine *edit;
	History *history;
#endif
	char *line; /* of getline(3) */
	size_t line_cap;
};

#ifdef HAVE_LIBEDIT
static const char *prompt_of(EditLine *edit)
{
	struct chat_reader *r = NULL;

	el_get(edit, EL_CLIENTDATA, &r);
	return r->more ? PROMPT_MORE : PROMPT;
}

static void start_editing(struct chat_reader *r)
{
	HistEvent ev;

	r->edit = el_init("hither", stdin, stderr, stderr);
	r->history = history_init();
	if (r->edit == NULL || r->history == NULL)
		return;
	history(r->history, &ev, H_SETSIZE, HISTORY_LINES);
	el_set(r->edit, EL_CLIENTDATA, r);
	el_set(r->edit, EL_PROMPT, prompt_of);
	el_set(r->edit, EL_EDITOR, "emacs");
	el_set(r->edit, EL_HIST, history, r->history);
	el_set(r->edit, EL_SIGNAL, 0);
	el_source(r->edit, NULL); /* the person's ~/.editrc */
}
#endif

struct chat_reader *chat_reader_new(struct cli *cli)
{
	struct chat_reader *r = calloc(1, sizeof *r);
	const char *term = getenv("TERM");
	bool moves = term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;

	if (r == NULL)
		abort();
	r->terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	setlocale(LC_CTYPE, ""); /* so that letters of several bytes are edited as one */
#ifdef HAVE_LIBEDIT
	if (r->terminal && moves && !cli->plain)
		start_editing(r);
#else
	(void)moves;
	(void)cli;
#endif
	return r;
}

void chat_reader_free(struct chat_reader *r)
{
	if (r == NULL)
		return;
#ifdef HAVE_LIBEDIT
	if (r->edit != NULL)
		el_end(r->edit);
	if (r->history != NULL)
		history_end(r->history);
#endif
	free(r->line);
	free(r);
}

void chat_reader_remember(struct chat_reader *r, const char *text)
{
#ifdef HAVE_LIBEDIT
	HistEvent ev;

	if (r->history != NULL)
		history(r->history, &ev, H_ENTER, text);
#else
	(void)r;
	(void)text;
#endif
}

/* NULL at the end of input, and with errno EINTR when Ctrl-C was pressed. */
static const char *next_line(struct chat_reader *r, size_t *ret_n)
{
	ssize_t n;

	errno = 0;
#ifdef HAVE_LIBEDIT
	if (r->edit != NULL) {
		int count = 0;
		const char *line = el_gets(r->edit, &count);

		if (line == NULL || count <= 0) {
			el_reset(r->edit);
			return NULL;
		}
		*ret_n = (size_t)count;
		return line;
	}
#endif
	if (r->terminal) {
		fputs(r->more ? PROMPT_MORE : PROMPT, stderr);
		fflush(stderr);
	}
	n = getline(&r->line, &r->line_cap, stdin);
	if (n < 0) {
		clearerr(stdin);
		return NULL;
	}
	*ret_n = (size_t)n;
	return r->line;
}

/* More of what was pasted lies there already. */
static bool more_waits(const struct chat_reader *r)
{
	int n = 0;

	return r->terminal && ioctl(STDIN_FILENO, FIONREAD, &n) == 0 && n > 0;
}

enum chat_line chat_reader_next(struct chat_reader *r, struct buf *text)
{
	const char *line;
	size_t n;

	buf_clear(text);
	r->more = false;
	for (;;) {
		line = next_line(r, &n);
		if (line == NULL) {
			bool interrupted = chat_interrupted() || errno == EINTR;

			if (r->terminal)
				fputc('\n', stderr);
			if (interrupted)
				return CHAT_LINE_AGAIN;
			return text->len > 0 ? CHAT_LINE_TEXT : CHAT_LINE_END;
		}
		if (n > 0 && line[n - 1] == '\n')
			n--;
		bool goes_on = n > 0 && line[n - 1] == '\\';

		buf_add(text, (struct span){ line, goes_on ? n - 1 : n });
		if (text->len > 0 && text->ptr[0] == '/' && !goes_on)
			return CHAT_LINE_TEXT;
		if (!goes_on && !more_waits(r))
			return CHAT_LINE_TEXT;
		buf_add_char(text, '\n');
		r->more = true;
	}
}
