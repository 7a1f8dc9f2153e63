/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent behind the page. It registers on consent.sock, follows the event stream, and
 * listens on loopback only while a question is open.
 *
 *   QUIET --request--> LISTENING --last question over--> LINGERING --a moment--> QUIET
 *                          ^                                 |
 *                          '------------- request -----------'
 *
 * LINGERING lets the browser fetch the page that says how it ended, and its style sheet. Links
 * printed before do not work in it: they died with their questions.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/watch.h"
#include "cli/web.h"
#include "common/clock.h"

#define LINGER_MS 3000
#define EVENTS_GAP_MS                                                                          \
	(CLI_ANSWER_MS +                                                                       \
	 60000) /* the daemon writes every 15 s, but an answer may be waited for */

extern char **environ;

/* --- links --------------------------------------------------------------------------- */

struct web_question *web_question_find(struct web *w, struct span id)
{
	for (unsigned i = 0; i < w->n_questions; i++)
		if (span_is(id, w->questions[i].id))
			return &w->questions[i];
	return NULL;
}

bool web_link(struct web *w, struct web_question *q, char *url)
{
	if (w->page == NULL)
		return false;
	web_secret_new(&q->link, clock_boot_ms());
	snprintf(url, WEB_URL_BYTES, "http://127.0.0.1:%u/l/%s", w->page->port, q->link.text);
	return true;
}

/* The child is reaped by SIGCHLD being ignored here; there it must not be. */
static void open_browser(const char *url)
{
	char program[] = "xdg-open", copy[WEB_URL_BYTES];
	char *argv[] = { program, copy, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	pid_t pid;

	snprintf(copy, sizeof copy, "%s", url);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGCHLD);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	if (posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ) != 0)
		fputs("xdg-open was not found; open the link yourself\n", stderr);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
}

/* The link is printed in any case: whether a browser came up cannot be known. */
static void show_link(struct web *w, struct web_question *q, bool open)
{
	char url[WEB_URL_BYTES];

	if (!web_link(w, q, url))
		return;
	fprintf(stderr, "question %s: %s\n", q->id, url);
	if (open)
		open_browser(url);
}

/* --- notifications ------------------------------------------------------------------- */

static void on_review(void *ctx, const char *id)
{
	struct web *w = ctx;
	struct web_question *q = web_question_find(w, span_of(id));

	if (q != NULL)
		show_link(w, q, true);
}

static void on_local(void *ctx, const char *id)
{
	struct web_reply ignored;

	web_answer_unseen(ctx, id, "deny", &ignored);
}

static void on_later(void *ctx, const char *id)
{
	struct web_reply ignored;

	web_answer_unseen(ctx, id, "dismiss", &ignored);
}

static const struct notify_handler notify_handler = { on_review, on_local, on_later };

static void notify_question(struct web *w, const char *id)
{
	cJSON *q = web_fetch(w, id);
	double left_ms = 0;

	if (json_get_number(q, "expires_in_ms", &left_ms) && left_ms > 0)
		notify_show(w->notify, id,
			    &(struct notify_text){
				    .app = json_get_string(q, "app"),
				    .identity_words = json_get_string(q, "identity_words"),
				    .operator_name = json_get_string(q, "operator"),
				    .region = json_get_string(q, "region") },
			    (uint32_t)left_ms);
	cJSON_Delete(q);
}

/* --- the end ------------------------------------------------------------------------- */

static void on_handle(uv_handle_t *h, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(h) && (h->type == UV_SIGNAL))
		uv_close(h, NULL);
}

static void finish(struct web *w, int exit_code)
{
	if (w->ending)
		return;
	w->ending = true;
	w->exit_code = exit_code;
	http_call_cancel(w->events);
	w->events = NULL;
	notify_free(w->notify);
	w->notify = NULL;
	if (w->page != NULL)
		web_page_close(w->page);
	w->page = NULL;
	uv_close((uv_handle_t *)&w->linger, NULL);
	uv_walk(&w->loop, on_handle, NULL);
}

static void on_signal(uv_signal_t *h, int number)
{
	(void)number;
	finish(h->data, CLI_INTERRUPTED);
}

static void on_linger(uv_timer_t *t)
{
	struct web *w = t->data;

	if (w->once) {
		finish(w, CLI_OK);
		return;
	}
	if (w->page != NULL)
		web_page_close(w->page);
	w->page = NULL;
	memset(w->sessions, 0, sizeof w->sessions);
}

/* --- questions ----------------------------------------------------------------------- */

void web_question_over(struct web *w, const char *id)
{
	struct web_question *q = web_question_find(w, span_of(id));

	if (q == NULL || w->ending)
		return;
	if (w->notify != NULL)
		notify_close(w->notify, id);
	w->n_questions--;
	memmove(q, q + 1, (size_t)(&w->questions[w->n_questions] - q) * sizeof *q);
	if (w->n_questions == 0)
		uv_timer_start(&w->linger, on_linger, LINGER_MS, 0);
}

static void on_question(struct web *w, const char *id)
{
	struct web_question *q;

	if (web_question_find(w, span_of(id)) != NULL || !text_is_ulid(span_of(id)))
		return;
	if (w->n_questions == WEB_QUESTIONS_MAX) {
		fprintf(stderr, "more than %d questions are open; see: hither consent list\n",
			WEB_QUESTIONS_MAX);
		return;
	}
	uv_timer_stop(&w->linger);
	if (w->page == NULL)
		w->page = web_page_open(w);
	if (w->page == NULL) {
		fprintf(stderr,
			"the page cannot be served (%s); answer with: hither consent "
			"watch\n",
			strerror(errno));
		return;
	}
	q = &w->questions[w->n_questions++];
	memset(q, 0, sizeof *q);
	snprintf(q->id, sizeof q->id, "%s", id);
	show_link(w, q, w->open_browser);
	if (w->notify != NULL)
		notify_question(w, id);
}

static bool on_sse(void *ctx, struct span event, struct span data)
{
	struct web *w = ctx;
	struct json_where where;
	cJSON *tree = NULL;
	const char *id;

	if (json_parse(data, &json_limits_api, &tree, &where) != ERR_OK)
		return true;
	id = json_get_string(tree, "id");
	if (id != NULL && span_is(event, "request"))
		on_question(w, id);
	else if (id != NULL && (span_is(event, "superseded") || span_is(event, "withdrawn") ||
				span_is(event, "expired")))
		web_question_over(w, id);
	cJSON_Delete(tree);
	return true;
}

/* --- the event stream ---------------------------------------------------------------- */

static void on_head(void *ctx, int status, struct span content_type)
{
	struct web *w = ctx;

	(void)content_type;
	if (status != 200)
		finish(w, cli_error(w->cli, CLI_FAILED, "internal_error", "hither doctor",
				    "the daemon answered %d to this agent", status));
	else if (!w->cli->quiet)
		fputs("waiting for questions; leave with Ctrl-C\n", stderr);
}

static void on_data(void *ctx, struct span bytes)
{
	struct web *w = ctx;

	if (!w->ending && sse_read(&w->reader, bytes, on_sse, w) != ERR_OK)
		finish(w, cli_error(w->cli, CLI_FAILED, "internal_error", "hither doctor",
				    "the daemon's events cannot be read"));
}

static void on_end(void *ctx, enum err why, bool reusable)
{
	struct web *w = ctx;

	(void)why;
	(void)reusable;
	w->events = NULL;
	finish(w, cli_error(w->cli, CLI_NO_DAEMON, "daemon_not_running", "hither status",
			    "the daemon closed the stream of questions"));
}

static const struct http_call_handler events_handler = { .on_head = on_head,
							 .on_data = on_data,
							 .on_end = on_end };

static int connect_agents(const struct cli *cli)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char path[600];
	int fd;

	cli_socket_path(cli, CLI_SOCKET_CONSENT, path, sizeof path);
	if (!span_copy(span_of(path), a.sun_path, sizeof a.sun_path))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int follow(struct web *w)
{
	static const struct http_call_limits limits = { .header_bytes = 16384,
							.first_byte_timeout_ms = 10000,
							.gap_timeout_ms = EVENTS_GAP_MS,
							.total_bytes = UINT64_MAX };
	char agent[64], path[128];
	int code, fd;

	code = watch_register(w->cli, w->notify != NULL ? "notification" : "web",
			      "hither consent web", agent);
	if (code != CLI_OK)
		return code;
	snprintf(path, sizeof path, "/hither/v1/agents/%s/events", agent);
	fd = connect_agents(w->cli);
	if (fd >= 0)
		w->events = http_call_start(&w->loop, fd, "GET", path, (struct span){ NULL, 0 },
					    &limits, &events_handler, w);
	return w->events != NULL ? CLI_OK : cli_call_failed(w->cli, ERR_NOT_FOUND);
}

/* --- the command --------------------------------------------------------------------- */

static void start_loop(struct web *w)
{
	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->linger);
	uv_signal_init(&w->loop, &w->interrupt);
	uv_signal_init(&w->loop, &w->terminate);
	w->linger.data = w->interrupt.data = w->terminate.data = w;
	uv_signal_start(&w->interrupt, on_signal, SIGINT);
	uv_signal_start(&w->terminate, on_signal, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sse_reader_init(&w->reader, 1u << 20);
}

static void start_notify(struct web *w)
{
	const char *why;

	w->notify = notify_new(&w->loop, &notify_handler, w, &why);
	if (w->notify == NULL)
		fprintf(stderr, "no notifications: %s; links are printed here\n", why);
}

int cmd_web(struct cli *cli, int argc, char **argv)
{
	struct web *w;
	int code;

	(void)argv;
	if (argc > 0)
		return cli_usage(cli, "web takes no arguments");
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return cli_error(cli, CLI_FAILED, "internal_error", NULL, "memory is out");
	w->cli = cli;
	w->open_browser = cli_flag(cli, "open");
	w->once = cli_flag(cli, "once");
	start_loop(w);
	if (cli_flag(cli, "notify"))
		start_notify(w);
	code = follow(w);
	if (code != CLI_OK)
		finish(w, code);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	code = w->exit_code;
	web_pages_free(w);
	sse_reader_free(&w->reader);
	uv_loop_close(&w->loop);
	free(w);
	return code;
}
