/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The draft of this device, in `hither ask`, while the person decides about a better answer.
 *
 *   the process that asks --(socket pair: the draft's text, NUL when it is whole)--> this one
 *
 * The one that asks writes what fits and drops the rest: a draft that nobody reads any more
 * must not hold up the answer. What the person types while they read is never taken for an
 * answer to the question, which they have not seen yet.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/ask.h"

/* Then the question comes without a draft: the engine is still loading. */
#define FIRST_WORD_MS 1500

static void pass_on(struct ask_draft *d, struct span text, int flags)
{
	if (d->fd >= 0 && send(d->fd, text.ptr, text.len, MSG_NOSIGNAL | flags) < 0 &&
	    errno != EAGAIN)
		d->fd = -1;
}

void ask_draft_text(struct ask_draft *d, struct span text)
{
	if (memchr(text.ptr, '\0', text.len) == NULL)
		pass_on(d, text, MSG_DONTWAIT);
}

/* Remarks are comments of the event stream (docs/clients.md). */
static void take_line(struct ask_draft *d)
{
	struct span line = { d->line, d->n };

	if (span_is(line, ": hither {\"draft\":\"whole\"}"))
		pass_on(d, (struct span){ "", 1 }, 0); /* it is read, or the other end closed */
	else if (span_starts(line, ": hither {\"answer\""))
		d->fd = -1;
	d->n = 0;
}

void ask_draft_watch(struct ask_draft *d, struct span bytes)
{
	for (size_t i = 0; i < bytes.len && d->fd >= 0; i++) {
		if (bytes.ptr[i] == '\n')
			take_line(d);
		else if (d->n < sizeof d->line)
			d->line[d->n++] = bytes.ptr[i];
	}
}

/* False: no more is to be shown. */
static bool show_piece(int fd, bool *io_begun)
{
	char piece[4096];
	ssize_t n = recv(fd, piece, sizeof piece, 0);

	if (n <= 0)
		return n < 0 && errno == EINTR;
	const char *end = memchr(piece, '\0', (size_t)n);
	if (!*io_begun)
		fputs("(Enter: decide now about the better answer)\n", stderr);
	*io_begun = true;
	cli_print_safe(stderr,
		       (struct span){ piece, end != NULL ? (size_t)(end - piece) : (size_t)n });
	fflush(stderr);
	return end == NULL;
}

void ask_draft_show(int tty, int fd)
{
	bool begun = false, enough = false;
	char line[256];

	while (!enough) {
		struct pollfd p[2] = { { .fd = tty, .events = POLLIN },
				       { .fd = fd, .events = POLLIN } };
		int n = poll(p, 2, begun ? -1 : FIRST_WORD_MS);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		enough = p[0].revents != 0;
		if (enough && read(tty, line, sizeof line) < 0) /* read and forgotten */
			break;
		if (!enough)
			enough = !show_piece(fd, &begun);
	}
	if (begun)
		fputs("\n\n", stderr);
}
