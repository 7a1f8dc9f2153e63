/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question on a terminal, and the person's keys.
 *
 *   SHOWN --letter and Enter--> answered
 *     |---Enter, end of input--> kept here
 *     |---time is over, answered elsewhere--> said, and left
 *     '---a letter that is not offered, a view, more time--> SHOWN
 *
 * What was typed before the question was there is thrown away: it was not meant for it. While
 * the person reads, the time that is left is said at 30 and at 10 seconds, once each.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/question.h"
#include "common/clock.h"

#define REASON_BYTES 1000
#define AFTER_END_MS 500 /* the daemon's clock decides, so a moment later it is asked */

struct talk {
	struct cli *cli;
	FILE *in, *out; /* the terminal: read unbuffered, so that poll() sees all there is */
	cJSON *q;
	uint64_t end_ms; /* clock_boot_ms */
	char id[32];
	const char *mode; /* of a plain yes */
};

bool question_terminal(void)
{
	int fd = isatty(STDERR_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- the question ---- */

/* The question as it is now. False: it is over, which was said. */
static bool refresh(struct talk *t)
{
	double left = 0;
	char words[160];
	int code;
	cJSON *now = question_fetch(t->cli, t->id, &code);

	if (now == NULL)
		return false;
	cJSON_Delete(t->q);
	t->q = now;
	if (!question_is_open(now)) {
		question_words_ended(now, words, sizeof words);
		fprintf(t->out, "\n  question %s: %s\n", t->id, words);
		return false;
	}
	json_get_number(now, "expires_in_ms", &left);
	t->end_ms = clock_boot_ms() + (uint64_t)left;
	t->mode = question_offers(now, "modes", "redacted") ? "redacted" : "as_is";
	return true;
}

static bool has_original(const struct talk *t)
{
	return json_get_string(t->q, "original") != NULL;
}

/* The original as a second form, beside the masked one. */
static bool offers_original(const struct talk *t)
{
	return has_original(t) && question_offers(t->q, "modes", "as_is") &&
	       strcmp(t->mode, "as_is") != 0;
}

/* What a plain yes would send, in words. */
static const char *what(const struct talk *t)
{
	if (strcmp(t->mode, "as_is") == 0 && has_original(t))
		return "the original";
	return cJSON_GetArraySize(json_get_array(t->q, "masked")) > 0 ? "masked" : "it";
}

static void choice(struct talk *t, char key, const char *words, const char *more, unsigned *n)
{
	bool second = *n % 2 == 1 && !t->cli->plain;
	char text[64];

	snprintf(text, sizeof text, "[%c] %s%s", key, words, more);
	if (second)
		fprintf(t->out, "%s\n", text);
	else if (t->cli->plain)
		fprintf(t->out, "  %s\n", text);
	else
		fprintf(t->out, "  %-38s ", text);
	++*n;
}

static void put_choices(struct talk *t)
{
	bool session = question_offers(t->q, "scopes", "session");
	char send[32];
	unsigned n = 0;

	snprintf(send, sizeof send, "send %s, ", what(t));
	choice(t, 'k', "keep it on this device (default)", "", &n);
	choice(t, 'r', send, "once", &n);
	choice(t, 'n', "never for this app there", "", &n);
	if (session)
		choice(t, 's', send, "this session", &n);
	choice(t, 'l', "not now", "", &n);
	if (offers_original(t))
		choice(t, 'a', "send as it is, once", "", &n);
	choice(t, 'v', "view what would be sent", "", &n);
	choice(t, 'b', "view the exact bytes", "", &n);
	choice(t, 't', "60 seconds more", "", &n);
	choice(t, '?', "why am I asked", "", &n);
	fputs(n % 2 == 1 && !t->cli->plain ? "\n> " : "> ", t->out);
	fflush(t->out);
}

static void put_views(struct talk *t, char key)
{
	if (key == 'v') {
		question_print_reading(t->cli, t->out, t->q);
		return;
	}
	question_print_body(t->out, t->q, false);
	if (has_original(t))
		question_print_body(t->out, t->q, true);
}

static void put_help(struct talk *t)
{
	fputs("  The policy asks before this may leave. What is sent is what [b] shows, and "
	      "[v] "
	      "says\n"
	      "  it turn by turn. Nothing is sent unless you choose r, s or a; Enter alone "
	      "keeps "
	      "it here.\n",
	      t->out);
	if (question_offers(t->q, "scopes", "until") ||
	    question_offers(t->q, "scopes", "always"))
		fprintf(t->out,
			"  For longer, from another terminal: hither consent approve %s "
			"--scope "
			"always\n",
			t->id);
}

/* ---- the keys ---- */

/* One line of the person's, or the reason why there is none. */
enum line { LINE_READ, LINE_END, LINE_OVER };

static enum line read_line(struct talk *t, char *line, size_t bytes)
{
	static const unsigned said_at_s[] = { 30, 10 };
	struct pollfd p = { .fd = fileno(t->in), .events = POLLIN };

	for (;;) {
		uint64_t now = clock_boot_ms(), wake = t->end_ms + AFTER_END_MS;
		unsigned left_s = 0;

		for (size_t i = 0; i < LEN(said_at_s); i++)
			if (t->end_ms > now + said_at_s[i] * 1000u && left_s == 0) {
				left_s = said_at_s[i];
				wake = t->end_ms - left_s * 1000u;
			}
		int n = poll(&p, 1, wake > now ? (int)(wake - now) : 0);
		if (n > 0)
			return fgets(line, (int)bytes, t->in) != NULL ? LINE_READ : LINE_END;
		if (n == 0 && left_s == 0 && !refresh(t))
			return LINE_OVER;
		if (n == 0 && left_s > 0) {
			if (!refresh(t))
				return LINE_OVER;
			fprintf(t->out, "\n  %u seconds left\n> ", left_s);
			fflush(t->out);
		}
	}
}

/* *ret is the person's reason where policy asks for one; false: none was given. */
static bool read_reason(struct talk *t, char reason[REASON_BYTES], const char **ret)
{
	bool needed = false;

	*ret = NULL;
	if (!json_get_bool(t->q, "reason_required", &needed) || !needed)
		return true;
	fputs("  why may it be sent? (your policy asks; Enter alone: back)\n> ", t->out);
	fflush(t->out);
	if (read_line(t, reason, REASON_BYTES) != LINE_READ)
		return false;
	reason[strcspn(reason, "\n")] = '\0';
	*ret = reason;
	return reason[0] != '\0';
}

static enum question_answer answered(struct talk *t, const char *decision, const char *scope,
				     const char *mode, enum question_answer meaning)
{
	char reason[REASON_BYTES];
	const char *why = NULL;

	if (meaning == QUESTION_SEND && !read_reason(t, reason, &why))
		return QUESTION_GONE;
	return question_reply(t->cli, t->q, decision, scope, NULL, mode, why, NULL) == CLI_OK
		       ? meaning
		       : QUESTION_GONE;
}

static void more_time(struct talk *t)
{
	double before = 0, now = 0;

	json_get_number(t->q, "expires_in_ms", &before);
	if (question_reply(t->cli, t->q, "extend", NULL, NULL, NULL, NULL, NULL) != CLI_OK ||
	    !refresh(t))
		return;
	json_get_number(t->q, "expires_in_ms", &now);
	fprintf(t->out, "  %.0f seconds left%s\n", now / 1000,
		now > before ? "" : "; the policy allows no more");
}

/* QUESTION_GONE: no answer came of it; the question is looked at again. */
static enum question_answer act(struct talk *t, char key)
{
	switch (key) {
	case 'k':
		return answered(t, "deny", "once", NULL, QUESTION_KEEP);
	case 'n':
		return answered(t, "deny", "always", NULL, QUESTION_KEEP);
	case 'l':
		return answered(t, "dismiss", "once", NULL, QUESTION_LATER);
	case 'r':
		return answered(t, "approve", "once", t->mode, QUESTION_SEND);
	case 's':
		if (question_offers(t->q, "scopes", "session"))
			return answered(t, "approve", "session", t->mode, QUESTION_SEND);
		break;
	case 'a':
		if (offers_original(t))
			return answered(t, "approve", "once", "as_is", QUESTION_SEND);
		break;
	case 'v':
	case 'b':
		put_views(t, key);
		return QUESTION_GONE;
	case 't':
		more_time(t);
		return QUESTION_GONE;
	default:
		break;
	}
	put_help(t);
	return QUESTION_GONE;
}

static enum question_answer over(const struct talk *t)
{
	const char *state = json_get_string(t->q, "state");

	return state != NULL && strcmp(state, "expired") == 0 ? QUESTION_UNHEARD
							      : QUESTION_GONE;
}

static enum question_answer converse(struct talk *t)
{
	char line[64];

	question_print(t->cli, t->out, t->q);
	tcflush(fileno(t->in), TCIFLUSH);
	for (;;) {
		put_choices(t);
		enum line l = read_line(t, line, sizeof line);

		if (l == LINE_OVER)
			return over(t);
		if (l == LINE_END)
			return act(t, 'k');
		if (strchr(line, '\n') == NULL) { /* longer than any answer: to its end */
			int c;

			while ((c = fgetc(t->in)) != EOF && c != '\n')
				;
			line[1] = 'x';
		}
		if (line[0] != '\n' && line[1] != '\n') {
			fputs("  one letter, please\n", t->out);
			continue;
		}
		enum question_answer a = act(t, line[0] == '\n' ? 'k' : line[0]);
		if (a != QUESTION_GONE)
			return a;
		if (!refresh(t))
			return over(t);
	}
}

enum question_answer question_ask_inline(struct cli *cli, const char *id)
{
	struct talk t = { .cli = cli };
	enum question_answer answer = QUESTION_GONE;

	snprintf(t.id, sizeof t.id, "%s", id);
	t.in = fopen("/dev/tty", "re");
	t.out = fopen("/dev/tty", "we");
	if (t.in != NULL && t.out != NULL) {
		setvbuf(t.in, NULL, _IONBF, 0);
		if (refresh(&t))
			answer = converse(&t);
	}
	cJSON_Delete(t.q);
	if (t.in != NULL)
		fclose(t.in);
	if (t.out != NULL)
		fclose(t.out);
	return answer;
}
