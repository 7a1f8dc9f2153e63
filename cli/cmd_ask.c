/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither ask`: one prompt, one answer.
 *
 * The answer streams to stdout as it comes; afterwards one provenance line goes to stderr.
 * With a person at a terminal the request asks for questions to be returned, and the same
 * request is then sent again to wait for the answer. Meanwhile the draft of this device is
 * shown on the terminal, then the question (ask_draft.c). Without a terminal the request simply
 * waits or is answered on the device, as the policy says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/question.h"
#include "common/clock.h"
#include "common/file.h"
#include "dialect/dialect.h"
#include "policy/policy.h"

#define PROMPT_BYTES_MAX (8u << 20)
#define EVENT_BYTES_MAX  (8u << 20)

/* The answer as it arrives. */
struct answer {
	struct buf text;
	const char *finish_reason;
	int64_t input_tokens, output_tokens;
	bool ended, to_stdout;
	struct ask_draft draft;
	struct ask_place place;
	const struct cli *cli;
	char error[300];
	char error_code[64];
	struct upstream_reader *reader;
	enum err broken;
};

static const char *finish_name(enum chat_finish f)
{
	switch (f) {
	case CHAT_FINISH_LENGTH:
		return "length";
	case CHAT_FINISH_TOOLS:
		return "tool_calls";
	case CHAT_FINISH_FILTER:
		return "content_filter";
	case CHAT_FINISH_STOP:
	case CHAT_FINISH_NONE:
	default:
		return "stop";
	}
}

static bool on_event(void *ctx, const struct chat_event *ev)
{
	struct answer *a = ctx;

	switch (ev->kind) {
	case CHAT_EV_TEXT:
	case CHAT_EV_REFUSAL:
		buf_add(&a->text, ev->text);
		if (a->to_stdout) {
			cli_print_safe(stdout, ev->text);
			fflush(stdout);
		}
		break;
	case CHAT_EV_REASONING:
		ask_draft_text(&a->draft, ev->text);
		break;
	case CHAT_EV_FINISH:
		a->finish_reason = finish_name(ev->finish);
		break;
	case CHAT_EV_USAGE:
		a->input_tokens = ev->input_tokens;
		a->output_tokens = ev->output_tokens;
		break;
	case CHAT_EV_END:
		a->ended = true;
		break;
	case CHAT_EV_ERROR:
		if (!span_copy(ev->text, a->error, sizeof a->error))
			snprintf(a->error, sizeof a->error,
				 "the answer broke off before its end");
		if (!span_copy(ev->name, a->error_code, sizeof a->error_code))
			a->error_code[0] = '\0';
		break;
	default:
		break;
	}
	return true;
}

static bool on_data(void *ctx, struct span bytes)
{
	struct answer *a = ctx;

	a->broken = upstream_openai_chat.reader_bytes(a->reader, bytes, on_event, a);
	ask_draft_watch(&a->draft, bytes);
	ask_place_watch(a->cli, &a->place, bytes);
	return a->broken == ERR_OK && a->error[0] == '\0';
}

/* --- the request --- */

static enum err read_all(int fd, struct buf *out)
{
	char piece[65536];
	ssize_t n;

	while ((n = read(fd, piece, sizeof piece)) > 0)
		buf_add(out, (struct span){ piece, (size_t)n });
	if (n < 0)
		return ERR_SYSTEM;
	return out->failed ? ERR_TOO_BIG : ERR_OK;
}

int cli_read_prompt(struct cli *cli, int argc, char **argv, struct buf *prompt)
{
	bool from_stdin = argc == 1 && strcmp(argv[0], "-") == 0;
	const char *file;
	enum err e = ERR_OK;

	buf_init(prompt, PROMPT_BYTES_MAX);
	for (int i = 0; i < argc && !from_stdin; i++) {
		if (i > 0)
			buf_add_char(prompt, ' ');
		buf_add_str(prompt, argv[i]);
	}
	for (unsigned i = 0; (file = cli_option_nth(cli, "file", i)) != NULL && e == ERR_OK;
	     i++) {
		if (prompt->len > 0)
			buf_add_str(prompt, "\n\n");
		e = file_read(file, PROMPT_BYTES_MAX, prompt);
		if (e != ERR_OK)
			return cli_error(cli, CLI_USAGE, "invalid_request", NULL, "%s: %s",
					 file, e == ERR_SYSTEM ? strerror(errno) : err_text(e));
	}
	if (from_stdin || (argc == 0 && prompt->len == 0 && !isatty(STDIN_FILENO)))
		e = read_all(STDIN_FILENO, prompt);
	if (e != ERR_OK || prompt->failed)
		return cli_error(cli, CLI_USAGE, "invalid_request", NULL,
				 "the prompt is larger than 8 MiB or could not be read");
	if (span_trim(buf_span(prompt)).len == 0)
		return cli_usage(
			cli,
			"what is the prompt? give it as an argument, or - for standard input");
	return CLI_OK;
}

static const char *tier_of(const struct cli *cli)
{
	const char *tier = cli_option(cli, "max-tier");

	if (tier == NULL)
		tier = getenv("HITHER_MAX_TIER");
	return tier != NULL && tier[0] != '\0' ? tier : NULL;
}

int cli_max_tier(struct cli *cli, const char **ret)
{
	enum policy_tier meant;

	*ret = tier_of(cli);
	if (*ret != NULL && !policy_tier_from(span_of(*ret), &meant))
		return cli_usage(cli, "--max-tier takes device, trusted or cloud, not \"%s\"",
				 *ret);
	return CLI_OK;
}

int cli_check_ask_options(struct cli *cli)
{
	const char *tokens = cli_option(cli, "max-tokens"), *tier;

	if (tokens != NULL) {
		long n = strtol(tokens, NULL, 10);

		if (tokens[strspn(tokens, "0123456789")] != '\0' || n < 1 || n > INT32_MAX)
			return cli_usage(cli,
					 "--max-tokens takes a number from 1 on, not \"%s\"",
					 tokens);
	}
	return cli_max_tier(cli, &tier);
}

void cli_chat_begin(struct cli *cli, const char *model, struct buf *body)
{
	const char *system = cli_option(cli, "system");

	if (model == NULL)
		model = cli_flag(cli, "local") ? "local" : cli_option(cli, "model");
	buf_add_char(body, '{');
	json_put_key_cstr(body, "model", model != NULL ? model : "auto");
	json_put_key(body, "messages");
	buf_add_char(body, '[');
	if (system == NULL)
		return;
	buf_add_str(body, "{\"role\":\"system\",\"content\":");
	json_put_string(body, span_of(system));
	buf_add_str(body, "},");
}

void cli_chat_end(struct cli *cli, struct buf *body)
{
	buf_add_char(body, ']');
	if (cli_option(cli, "max-tokens") != NULL)
		json_put_key_i64(body, "max_completion_tokens",
				 strtol(cli_option(cli, "max-tokens"), NULL, 10));
}

void cli_chat_body(struct cli *cli, struct span prompt, bool stream, struct buf *body)
{
	buf_init(body, 4 * PROMPT_BYTES_MAX);
	cli_chat_begin(cli, NULL, body);
	buf_add_str(body, "{\"role\":\"user\",\"content\":");
	json_put_string(body, prompt);
	buf_add_char(body, '}');
	cli_chat_end(cli, body);
	if (stream) {
		json_put_key_bool(body, "stream", true);
		json_put_key(body, "stream_options");
		buf_add_str(body, "{\"include_usage\":true}");
	}
	buf_add_char(body, '}');
}

void cli_ask_fields(struct cli *cli, enum ask_how how, struct ask_fields *f)
{
	const char *app = cli_option(cli, "app");
	const char *tier = tier_of(cli);
	unsigned n = 0;

	if (app == NULL)
		app = getenv("HITHER_APP");
	snprintf(f->app, sizeof f->app, "Hither-App: %s", app != NULL ? app : "hither-cli");
	f->list[n++] = f->app;
	if (cli_flag(cli, "local") || how == ASK_HERE)
		tier = "device";
	if (tier != NULL) {
		snprintf(f->tier, sizeof f->tier, "Hither-Max-Tier: %s", tier);
		f->list[n++] = f->tier;
	}
	if (how == ASK_RETURN)
		f->list[n++] = "Hither-Consent: return";
	f->list[n] = NULL;
}

/* --- the answer --- */

/* What the daemon remembers of this request; an empty object when it does not any more. */
static cJSON *fetch_decision(struct cli *cli, const char *id)
{
	cJSON *tree = cli_fetch_decision(cli, id, 5000);

	return tree != NULL ? tree : cJSON_CreateObject();
}

/* "on this device · tinyllama · 1.8 s · score 0.12 (limit 0.62)" */
static void print_provenance(struct cli *cli, const cJSON *decision, const struct answer *a,
			     uint64_t elapsed_ms, const char *receipt)
{
	struct ask_cost cost;
	const char *route = json_text_or(decision, "route", "device");
	const char *destination = json_text_or(decision, "destination", "local");
	const char *model = json_get_string(decision, "model");
	const cJSON *reasons = json_get_array(decision, "reasons");
	const cJSON *reason;
	double score = 0;

	if (strcmp(route, "device") == 0)
		fputs("on this device", stderr);
	else
		fprintf(stderr, "%s %s", strcmp(route, "cloud") == 0 ? "CLOUD" : "TRUSTED",
			destination);
	if (model != NULL)
		fprintf(stderr, " · %s", model);
	fprintf(stderr, " · %.1f s", (double)elapsed_ms / 1000.0);
	if (a->output_tokens > 0)
		fprintf(stderr, " · %lld tokens", (long long)a->output_tokens);
	if (json_get_number(decision, "score", &score))
		fprintf(stderr, " · score %.2f", score);
	if (cli_settled_cost(cli, receipt, &cost))
		fprintf(stderr, " · %s %.4f", cost.currency, cost.amount);
	if (receipt[0] != '\0')
		fprintf(stderr, " · receipt %s", receipt);
	fputc('\n', stderr);
	cJSON_ArrayForEach (reason, reasons) {
		fputs("  because ", stderr);
		cli_print_safe(stderr, span_of(cJSON_GetStringValue(reason)));
		fputc('\n', stderr);
	}
}

static void put_decision(struct buf *b, const cJSON *decision, const char *id)
{
	if (json_get_string(decision, "id") != NULL) {
		json_put_tree(b, decision);
		return;
	}
	buf_add_str(b, "{\"schema\":\"hither.decision/1\"");
	json_put_key_cstr(b, "id", id);
	buf_add_char(b, '}');
}

static void print_answer_json(struct cli *cli, const cJSON *decision, const char *id,
			      const struct answer *a, uint64_t elapsed_ms, const char *receipt)
{
	struct ask_cost cost;
	struct buf b;

	buf_init(&b, 512u << 20);
	buf_add_str(&b, "{\"schema\":\"hither.answer/1\"");
	json_put_key_string(&b, "text", buf_span(&a->text));
	json_put_key_cstr(&b, "finish_reason", a->finish_reason);
	json_put_key(&b, "decision");
	put_decision(&b, decision, id);
	json_put_key(&b, "usage");
	buf_add_char(&b, '{');
	json_put_key_i64(&b, "input_tokens", a->input_tokens);
	json_put_key_i64(&b, "output_tokens", a->output_tokens);
	buf_add_char(&b, '}');
	json_put_key(&b, "cost");
	if (cli_settled_cost(cli, receipt, &cost)) {
		buf_add_char(&b, '{');
		json_put_key_number(&b, "amount", cost.amount);
		json_put_key_cstr(&b, "currency", cost.currency);
		buf_add_char(&b, '}');
	} else {
		buf_add_str(&b, "null");
	}
	json_put_key_cstr(&b, "receipt", receipt[0] != '\0' ? receipt : NULL);
	json_put_key_i64(&b, "elapsed_ms", (int64_t)elapsed_ms);
	buf_add_char(&b, '}');
	cli_print_json(cli, buf_span(&b));
	buf_free(&b);
}

static int finish(struct cli *cli, struct cli_reply *reply, struct answer *a,
		  uint64_t elapsed_ms)
{
	char id[64], receipt[64];
	cJSON *decision;

	if (!cli_reply_header(reply, "x-hither-decision", id, sizeof id))
		snprintf(id, sizeof id, "unknown");
	if (!cli_reply_header(reply, "x-hither-receipt", receipt, sizeof receipt))
		receipt[0] = '\0';
	if (a->to_stdout && (a->text.len == 0 || a->text.ptr[a->text.len - 1] != '\n'))
		putchar('\n');
	if (fflush(stdout) != 0)
		return cli_error(cli, CLI_FAILED, "output", NULL,
				 "the answer could not be written whole: %s", strerror(errno));
	if (a->error[0] != '\0')
		return cli_error(cli, CLI_TEMPORARY,
				 a->error_code[0] != '\0' ? a->error_code : "stream_cut",
				 "hither status",
				 "%s (what was printed is not the whole answer)", a->error);
	if (!a->ended)
		return cli_error(cli, CLI_TEMPORARY, "stream_cut", "hither status",
				 "the answer broke off before its end");
	decision = fetch_decision(cli, id);
	if (receipt[0] == '\0') /* the device had begun to answer before anything left */
		snprintf(receipt, sizeof receipt, "%s", json_text_or(decision, "receipt", ""));
	if (cli->json)
		print_answer_json(cli, decision, id, a, elapsed_ms, receipt);
	else if (!cli->quiet)
		print_provenance(cli, decision, a, elapsed_ms, receipt);
	cJSON_Delete(decision);
	return CLI_OK;
}

/*
 * One try. A question that came back is left in `question` (its id), with exit 7. `draft_fd`:
 * where a draft goes while a question is open; -1: none is wanted.
 */
static int ask_once(struct cli *cli, struct span body, enum ask_how how, int draft_fd,
		    char question[32])
{
	struct arena *arena = arena_new("ask", EVENT_BYTES_MAX * 4);
	struct answer a = { .cli = cli,
			    .finish_reason = "stop",
			    .to_stdout = !cli->json,
			    .draft = { .fd = draft_fd } };
	struct ask_fields fields;
	struct cli_reply reply = { .status = 0 };
	uint64_t start = clock_mono_ms();
	enum err e;
	int code;

	question[0] = '\0';
	if (arena == NULL)
		return cli_error(cli, CLI_FAILED, "internal_error", NULL, "%s",
				 err_text(ERR_NO_MEMORY));
	buf_init(&a.text, 64u << 20);
	a.reader = upstream_openai_chat.reader_new(arena, true, EVENT_BYTES_MAX);
	cli_ask_fields(cli, how, &fields);
	for (unsigned i = 0; draft_fd >= 0 && i + 1 < LEN(fields.list); i++) {
		if (fields.list[i] == NULL) {
			fields.list[i] = "Hither-Draft: thinking";
			fields.list[i + 1] = NULL;
			break;
		}
	}
	e = upstream_openai_chat.reader_status(a.reader, 200, on_event, &a);
	if (e == ERR_OK)
		e = cli_call(cli,
			     &(struct cli_request){ .socket = CLI_SOCKET_API,
						    .method = "POST",
						    .path = "/v1/chat/completions",
						    .body = body,
						    .fields = fields.list,
						    .on_data = on_data,
						    .ctx = &a },
			     &reply);
	if (e != ERR_OK && e != ERR_PEER_GONE)
		code = cli_call_failed(cli, e);
	else if (reply.status != 200 && reply.status != 0) {
		if (question_from_reply(&reply, question))
			code = CLI_CONSENT_OPEN;
		else
			code = cli_reply_failed(cli, &reply);
	} else {
		if (a.error[0] == '\0' && !a.ended && a.broken == ERR_OK)
			a.broken = upstream_openai_chat.reader_end(a.reader, on_event, &a);
		code = finish(cli, &reply, &a, clock_mono_ms() - start);
	}
	cli_reply_free(&reply);
	upstream_openai_chat.reader_free(a.reader);
	buf_free(&a.text);
	arena_free(arena);
	return code;
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_INTERRUPTED;
}

/*
 * The first try, in a process of its own: the program that asks may not answer its own
 * question, so this one, which only shows it to the person, must not be the one that asks.
 */
static int ask_apart(struct cli *cli, struct span body, char question[32])
{
	int ends[2], code;
	ssize_t n;
	pid_t pid;

	question[0] = '\0';
	fflush(stdout);
	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		return cli_error(cli, CLI_FAILED, "internal_error", NULL,
				 "cannot start a process: %s", strerror(errno));
	if (pid == 0) {
		code = ask_once(cli, body, ASK_RETURN, -1, question);
		fflush(stdout);
		_exit(write(ends[1], question, 32) == 32 ? code : CLI_FAILED);
	}
	close(ends[1]);
	n = read(ends[0], question, 32);
	close(ends[0]);
	code = wait_for(pid);
	if (n != 32)
		question[0] = '\0';
	return code;
}

static void say_unheard(void)
{
	fputs("answered on this device because nobody answered the question\n", stderr);
}

/*
 * The same request again, waiting this time: in a process of its own, while this one shows the
 * draft and puts the question. Yes, no or neither, what that process prints is the answer.
 */
static int ask_again_apart(struct cli *cli, struct span body, char question[32])
{
	int ends[2], code, tty;
	cJSON *open_ones = question_get(cli, "/hither/v1/consents", false, &code);
	pid_t pid;

	/* Who listed the questions is there to answer them: the daemon waits. */
	if (open_ones == NULL)
		return code;
	cJSON_Delete(open_ones);
	tty = open("/dev/tty", O_RDONLY | O_CLOEXEC);
	if (tty < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
	    (pid = fork()) < 0)
		return cli_error(cli, CLI_FAILED, "internal_error", NULL,
				 "cannot start a process: %s", strerror(errno));
	if (pid == 0) {
		close(ends[0]);
		code = ask_once(cli, body, ASK_AGAIN, ends[1], question);
		fflush(stdout);
		_exit(code);
	}
	close(ends[1]);
	ask_draft_show(tty, ends[0]);
	close(ends[0]);
	close(tty);
	if (question_ask_inline(cli, question) == QUESTION_UNHEARD)
		say_unheard();
	return wait_for(pid);
}

/* Puts the question of the first try. `code`: of that one, if the question is gone. */
static int ask_and_decide(struct cli *cli, struct span body, char question[32], int code)
{
	const char *model = cli_option(cli, "model");

	/* Where the device may not answer there is nothing to read meanwhile. */
	if (!cli->json && !cli->quiet && (model == NULL || strcmp(model, "auto") == 0))
		return ask_again_apart(cli, body, question);
	enum question_answer answer = question_ask_inline(cli, question);

	/* Yes or no, the same request again: the daemon knows the answer, and a no gets what
	 * the policy says, the answer of this device with the reason. Without an answer it
	 * would be asked again, so it is not to leave. */
	if (answer == QUESTION_UNHEARD)
		say_unheard();
	if (answer == QUESTION_LATER || answer == QUESTION_UNHEARD)
		return ask_once(cli, body, ASK_HERE, -1, question);
	return answer == QUESTION_GONE ? code : ask_once(cli, body, ASK_AGAIN, -1, question);
}

int cmd_ask(struct cli *cli, int argc, char **argv)
{
	struct buf prompt, body;
	char question[32];
	int code = cli_check_ask_options(cli);

	if (code != CLI_OK)
		return code;
	code = cli_read_prompt(cli, argc, argv, &prompt);
	if (code != CLI_OK) {
		buf_free(&prompt);
		return code;
	}
	cli_chat_body(cli, buf_span(&prompt), true, &body);
	if (!question_terminal()) {
		code = ask_once(cli, buf_span(&body), ASK_AGAIN, -1, question);
	} else {
		code = ask_apart(cli, buf_span(&body), question);
		if (code == CLI_CONSENT_OPEN && question[0] != '\0')
			code = ask_and_decide(cli, buf_span(&body), question, code);
	}
	buf_free(&body);
	buf_free(&prompt);
	return code;
}
