/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One turn. The request is made by a process of its own, because the program that asks may not
 * answer its own question: this one, which shows the question to the person, must not be the
 * one that asks. What the daemon answers comes back over a pipe, as records:
 *
 *   'D' u32 length, bytes    of a 2xx body, as they come; the first is preceded by 'H'
 *   'H' u32 length, bytes    the raw fields of the reply's head
 *   'E' u32 length, bytes    the end: u32 err, u32 status, then the body of an error
 *
 * Ctrl-C reaches both: the other process ends, its connection closes, the daemon stops the
 * work; this one keeps what has been said so far.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/chat.h"
#include "cli/markdown.h"
#include "cli/question.h"
#include "consent/visible.h"
#include "dialect/dialect.h"

#define EVENT_BYTES_MAX  (8u << 20)
#define ANSWER_BYTES_MAX (64u << 20)
#define RECORD_BYTES_MAX (16u << 20)

/* --- Ctrl-C ---------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupts;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupts = 1;
}

void chat_catch_interrupt(void)
{
	struct sigaction sa = { .sa_handler = on_interrupt }; /* no restart: reads end */

	sigaction(SIGINT, &sa, NULL);
}

bool chat_interrupted(void)
{
	bool was = interrupts != 0;

	interrupts = 0;
	return was;
}

/* --- the process that asks --------------------------------------------------------------- */

struct sender {
	int out;
	struct cli_reply *reply;
	bool head_sent;
};

static bool write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static bool send_record(int fd, char kind, struct span bytes)
{
	uint32_t n = (uint32_t)bytes.len;

	return write_all(fd, &kind, 1) && write_all(fd, &n, sizeof n) &&
	       write_all(fd, bytes.ptr, bytes.len);
}

static bool send_head(struct sender *s)
{
	bool first = !s->head_sent;

	s->head_sent = true;
	return !first || send_record(s->out, 'H', buf_span(&s->reply->headers));
}

static bool on_data(void *ctx, struct span bytes)
{
	struct sender *s = ctx;

	return send_head(s) && send_record(s->out, 'D', bytes);
}

/* In the child; does not return. */
static void ask(struct cli *cli, struct span body, enum ask_how how, int out)
{
	struct ask_fields fields;
	struct cli_reply reply;
	struct sender s = { .out = out, .reply = &reply };
	struct buf end;
	uint32_t word;
	enum err e;

	signal(SIGINT, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	cli_ask_fields(cli, how, &fields);
	e = cli_call(cli,
		     &(struct cli_request){ .socket = CLI_SOCKET_API,
					    .method = "POST",
					    .path = "/v1/chat/completions",
					    .body = body,
					    .fields = fields.list,
					    .on_data = on_data,
					    .ctx = &s },
		     &reply);
	buf_init(&end, RECORD_BYTES_MAX);
	word = (uint32_t)e;
	buf_add(&end, (struct span){ (const char *)&word, sizeof word });
	word = (uint32_t)reply.status;
	buf_add(&end, (struct span){ (const char *)&word, sizeof word });
	buf_add(&end, buf_span(&reply.body));
	_exit(send_head(&s) && !end.failed && send_record(out, 'E', buf_span(&end)) ? 0 : 1);
}

/* --- the answer --------------------------------------------------------------------------- */

struct turn {
	struct cli *cli;
	struct chat_outcome *out;
	struct upstream_reader *reader;
	struct ask_place place;
	struct markdown markdown;
	struct buf shown, safe;
	struct cli_reply reply; /* headers; body of an error */
	bool thinking;          /* thoughts were shown last */
	bool ended, over;
	enum err broken, call;
	char error[300], error_code[64];
};

static void show(struct turn *t, struct span text)
{
	buf_clear(&t->safe);
	buf_clear(&t->shown);
	visible_write(text, &t->safe);
	if (t->cli->color)
		markdown_write(&t->markdown, buf_span(&t->safe), &t->shown);
	else
		buf_add(&t->shown, buf_span(&t->safe));
	if (t->shown.len > 0)
		fwrite(t->shown.ptr, 1, t->shown.len, stdout);
	fflush(stdout);
}

static void show_end(struct turn *t)
{
	buf_clear(&t->shown);
	if (t->cli->color)
		markdown_end(&t->markdown, &t->shown);
	if (t->shown.len > 0)
		fwrite(t->shown.ptr, 1, t->shown.len, stdout);
	if (t->out->text.len > 0 && t->out->text.ptr[t->out->text.len - 1] != '\n')
		putchar('\n');
	fflush(stdout);
}

/* Thoughts go to stderr: they are no part of the answer, and a draft is shown as such. */
static void show_thought(struct turn *t, struct span text)
{
	char draft[32];

	if (!t->thinking) {
		bool is_draft =
			cli_reply_header(&t->reply, "x-hither-draft", draft, sizeof draft);

		fprintf(stderr, "%s[%s] ", t->cli->color ? "\033[2m" : "",
			is_draft ? "draft" : "thinking");
		t->thinking = true;
	}
	cli_print_safe(stderr, text);
	fflush(stderr);
}

static void end_thought(struct turn *t)
{
	if (t->thinking)
		fprintf(stderr, "%s\n", t->cli->color ? "\033[0m" : "");
	t->thinking = false;
}

static bool on_event(void *ctx, const struct chat_event *ev)
{
	struct turn *t = ctx;

	switch (ev->kind) {
	case CHAT_EV_TEXT:
	case CHAT_EV_REFUSAL:
		end_thought(t);
		buf_add(&t->out->text, ev->text);
		show(t, ev->text);
		break;
	case CHAT_EV_REASONING:
		if (ev->text.len > 0 && !t->cli->quiet)
			show_thought(t, ev->text);
		break;
	case CHAT_EV_END:
		t->ended = true;
		break;
	case CHAT_EV_ERROR:
		if (!span_copy(ev->text, t->error, sizeof t->error))
			strcpy(t->error, "the answer broke off before its end");
		if (!span_copy(ev->name, t->error_code, sizeof t->error_code))
			t->error_code[0] = '\0';
		break;
	default:
		break;
	}
	return true;
}

static void on_record(struct turn *t, char kind, struct span bytes)
{
	uint32_t words[2];

	switch (kind) {
	case 'H':
		buf_add(&t->reply.headers, bytes);
		break;
	case 'D':
		ask_place_watch(t->cli, &t->place, bytes);
		if (t->broken == ERR_OK && t->error[0] == '\0')
			t->broken = upstream_openai_chat.reader_bytes(t->reader, bytes,
								      on_event, t);
		break;
	default:
		if (bytes.len < sizeof words)
			break;
		memcpy(words, bytes.ptr, sizeof words);
		t->call = (enum err)words[0];
		t->reply.status = (int)words[1];
		buf_add(&t->reply.body,
			(struct span){ bytes.ptr + sizeof words, bytes.len - sizeof words });
		t->over = true;
	}
}

/* Whole records out of what was read so far. */
static void take_records(struct turn *t, struct buf *in)
{
	uint32_t n;
	size_t at = 0;

	while (in->len - at >= 1 + sizeof n) {
		memcpy(&n, in->ptr + at + 1, sizeof n);
		if (in->len - at - 1 - sizeof n < n)
			break;
		on_record(t, in->ptr[at], (struct span){ in->ptr + at + 1 + sizeof n, n });
		at += 1 + sizeof n + n;
	}
	buf_consume(in, at);
}

static void receive(struct turn *t, int fd)
{
	char piece[65536];
	struct buf in;
	ssize_t n = 0;

	buf_init(&in, 2 * RECORD_BYTES_MAX);
	while (!t->over && interrupts == 0) {
		n = read(fd, piece, sizeof piece);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		if (n > 0)
			buf_add(&in, (struct span){ piece, (size_t)n });
		take_records(t, &in);
	}
	buf_free(&in);
}

/* Asks and shows; the process that asked is gone when this returns. */
static bool exchange(struct turn *t, struct span body, enum ask_how how)
{
	int ends[2];
	pid_t pid;

	fflush(stdout);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		ask(t->cli, body, how, ends[1]);
	close(ends[1]);
	if (pid > 0)
		receive(t, ends[0]);
	close(ends[0]);
	if (pid < 0)
		return false;
	if (!t->over)
		kill(pid, SIGTERM);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return true;
}

static int outcome(struct turn *t)
{
	struct chat_outcome *o = t->out;

	cli_reply_header(&t->reply, "x-hither-decision", o->decision, sizeof o->decision);
	cli_reply_header(&t->reply, "x-hither-receipt", o->receipt, sizeof o->receipt);
	o->stopped = chat_interrupted();
	if (o->stopped) {
		fputs("(stopped)\n", stderr);
		return CLI_OK;
	}
	if (t->call != ERR_OK && t->call != ERR_PEER_GONE)
		return cli_call_failed(t->cli, t->call);
	if (t->over && t->reply.status != 200 && t->reply.status != 0)
		return cli_reply_failed(t->cli, &t->reply);
	if (t->error[0] == '\0' && !t->ended && t->broken == ERR_OK)
		t->broken = upstream_openai_chat.reader_end(t->reader, on_event, t);
	o->whole = t->ended && t->error[0] == '\0';
	if (o->whole)
		return CLI_OK;
	return cli_error(
		t->cli, CLI_TEMPORARY, t->error_code[0] != '\0' ? t->error_code : "stream_cut",
		NULL, "%s (what was shown is not the whole answer)",
		t->error[0] != '\0' ? t->error : "the answer broke off before its end");
}

/* One try; a question that came back is left in `question`. */
static int try_once(struct cli *cli, struct span body, enum ask_how how,
		    struct chat_outcome *ret, char question[32])
{
	struct arena *arena = arena_new("chat", EVENT_BYTES_MAX * 4);
	struct turn t = { .cli = cli, .out = ret };
	int code;

	question[0] = '\0';
	if (arena == NULL)
		return cli_error(cli, CLI_FAILED, "internal_error", NULL, "memory is out");
	markdown_init(&t.markdown);
	buf_init(&t.shown, ANSWER_BYTES_MAX);
	buf_init(&t.safe, ANSWER_BYTES_MAX);
	buf_init(&t.reply.headers, 1 << 16);
	buf_init(&t.reply.body, RECORD_BYTES_MAX);
	t.reader = upstream_openai_chat.reader_new(arena, true, EVENT_BYTES_MAX);
	t.broken = upstream_openai_chat.reader_status(t.reader, 200, on_event, &t);
	if (!exchange(&t, body, how)) {
		code = cli_error(cli, CLI_FAILED, "internal_error", NULL,
				 "cannot start a process: %s", strerror(errno));
	} else {
		end_thought(&t);
		show_end(&t);
		if (how == ASK_RETURN && question_from_reply(&t.reply, question))
			code = CLI_CONSENT_OPEN;
		else
			code = outcome(&t);
	}
	upstream_openai_chat.reader_free(t.reader);
	cli_reply_free(&t.reply);
	buf_free(&t.shown);
	buf_free(&t.safe);
	arena_free(arena);
	return code;
}

void chat_outcome_free(struct chat_outcome *o)
{
	buf_free(&o->text);
}

int chat_turn(struct cli *cli, struct span body, struct chat_outcome *ret)
{
	bool person = question_terminal();
	char question[32];
	int code;

	memset(ret, 0, sizeof *ret);
	buf_init(&ret->text, ANSWER_BYTES_MAX);
	(void)chat_interrupted();
	code = try_once(cli, body, person ? ASK_RETURN : ASK_AGAIN, ret, question);
	if (code != CLI_CONSENT_OPEN || question[0] == '\0')
		return code;
	enum question_answer answer = question_ask_inline(cli, question);
	if (answer == QUESTION_GONE)
		return code;
	/* Without an answer it would be asked again, so it is not to leave. */
	bool here = answer == QUESTION_LATER || answer == QUESTION_UNHEARD;
	if (answer == QUESTION_UNHEARD)
		fputs("answered on this device because nobody answered the question\n", stderr);
	buf_clear(&ret->text);
	return try_once(cli, body, here ? ASK_HERE : ASK_AGAIN, ret, question);
}
