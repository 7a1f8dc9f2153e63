/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `hither run`: a program whose model services are this machine's.
 *
 * The ports, the token and the program live and die together: two loopback ports are opened in
 * this process (one for clients that send a key, one for Ollama's, which send none), the
 * program is started with their addresses, and when it ends this process ends with its exit
 * code and the ports close. This process is the reaper of whatever the program leaves behind
 * (PR_SET_CHILD_SUBREAPER), so that all of it stays below it in the tree of processes.
 *
 * Signals: what a terminal sends goes to the whole group and so to the program without us; what
 * another process sends us is passed on.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/run.h"
#include "crypto/crypto.h"

#define EXIT_NOT_STARTED 126
#define EXIT_NOT_FOUND   127
#define APP_BYTES_MAX    128 /* as the daemon takes it */

struct run {
	struct cli *cli;
	uv_loop_t loop;
	uv_poll_t signals;
	sigset_t before; /* the mask we were started with; the program's, too */
	int signal_fd;
	pid_t program;
	int exit_code;
	char token[RUN_TOKEN_BYTES];
	char socket[700], app[APP_BYTES_MAX + 1];
	uint16_t port, ollama_port;
};

/* --- the program's life --------------------------------------------------------------------
 */

static void reap(struct run *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != r->program)
			continue;
		r->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		r->program = 0;
		uv_stop(&r->loop);
	}
}

static void on_signal(uv_poll_t *poll, int status, int events)
{
	struct run *r = poll->data;
	struct signalfd_siginfo s;

	(void)status;
	(void)events;
	while (read(r->signal_fd, &s, sizeof s) == (ssize_t)sizeof s) {
		if (s.ssi_signo == SIGCHLD)
			reap(r);
		else if (s.ssi_code <= 0 && r->program > 0) /* from a process, not the kernel */
			kill(r->program, (int)s.ssi_signo);
	}
}

static bool watch_signals(struct run *r)
{
	static const int signals[] = { SIGCHLD, SIGHUP,  SIGINT, SIGQUIT,
				       SIGTERM, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < LEN(signals); i++)
		sigaddset(&set, signals[i]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, nobody could be waited for */
	sigprocmask(SIG_BLOCK, &set, &r->before);
	r->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	r->signals.data = r;
	return r->signal_fd >= 0 && uv_poll_init(&r->loop, &r->signals, r->signal_fd) == 0 &&
	       uv_poll_start(&r->signals, UV_READABLE, on_signal) == 0;
}

/* In the child. Returns when it could not be started. */
static void become(struct run *r, char **argv)
{
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &r->before, NULL);
	execvp(argv[0], argv);
	r->exit_code = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_STARTED;
	cli_error(r->cli, r->exit_code, "cannot_start", NULL, "%s: %s", argv[0],
		  strerror(errno));
}

/* --- its surroundings ------------------------------------------------------------------------
 */

/* Proxies must not get in between: it would be them who read the prompts. */
static void exempt_loopback(const char *variable)
{
	const char *now = getenv(variable);
	char *text = NULL;

	if (now == NULL || now[0] == '\0')
		setenv(variable, "127.0.0.1,localhost", 1);
	else if (strcmp(now, "*") != 0 && asprintf(&text, "%s,127.0.0.1,localhost", now) >= 0)
		setenv(variable, text, 1);
	free(text);
}

static void set_environment(const struct run *r)
{
	const char *tier = cli_option(r->cli, "max-tier");
	char text[700];

	snprintf(text, sizeof text, "http://127.0.0.1:%u/v1", r->port);
	setenv("OPENAI_BASE_URL", text, 1);
	setenv("OPENAI_API_BASE", text, 1); /* older libraries' name for it */
	setenv("OPENAI_API_KEY", r->token, 1);
	snprintf(text, sizeof text, "http://127.0.0.1:%u", r->port);
	setenv("ANTHROPIC_BASE_URL", text, 1);
	setenv("ANTHROPIC_AUTH_TOKEN", r->token, 1);
	setenv("ANTHROPIC_API_KEY", "", 1);
	snprintf(text, sizeof text, "127.0.0.1:%u", r->ollama_port);
	setenv("OLLAMA_HOST", text, 1);
	snprintf(text, sizeof text, "unix:%s", r->cli->host);
	setenv("HITHER_HOST", text, 1);
	setenv("HITHER_APP", r->app, 1);
	if (tier != NULL)
		setenv("HITHER_MAX_TIER", tier, 1);
	exempt_loopback("NO_PROXY");
	exempt_loopback("no_proxy");
}

/* --- the command
 * ------------------------------------------------------------------------------ */

/* An app with a socket of its own is known by it; any other is what it claims to be. */
static int choose_app(struct run *r, const char *program)
{
	const char *id = cli_option(r->cli, "app"), *slash = strrchr(program, '/');
	struct stat st;

	if (id == NULL)
		id = getenv("HITHER_APP");
	if (id == NULL || id[0] == '\0')
		id = slash != NULL ? slash + 1 : program;
	for (const char *c = id; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return cli_usage(r->cli,
					 "the name of an app has no control characters");
	if (strlen(id) > APP_BYTES_MAX)
		return cli_usage(r->cli, "the name of an app has at most %d bytes",
				 APP_BYTES_MAX);
	strcpy(r->app, id);
	snprintf(r->socket, sizeof r->socket, "%s/apps/%s.sock", r->cli->runtime_dir, r->app);
	if (strchr(id, '/') != NULL || stat(r->socket, &st) != 0 || !S_ISSOCK(st.st_mode))
		snprintf(r->socket, sizeof r->socket, "%s", r->cli->host);
	return CLI_OK;
}

static int open_ports(struct run *r, const char *tier)
{
	struct run_options o = {
		.socket = r->socket, .app = r->app, .max_tier = tier, .token = r->token
	};

	if (run_relay_open(&r->loop, &o, &r->port) == NULL)
		return cli_error(r->cli, CLI_FAILED, "internal_error", NULL,
				 "no port on 127.0.0.1 could be opened: %s", strerror(errno));
	o.token = NULL;
	if (run_relay_open(&r->loop, &o, &r->ollama_port) == NULL)
		return cli_error(r->cli, CLI_FAILED, "internal_error", NULL,
				 "no port on 127.0.0.1 could be opened: %s", strerror(errno));
	return CLI_OK;
}

static int prepare(struct run *r, char **argv)
{
	const char *tier; /* for all of it */
	int code = choose_app(r, argv[0]), fd;

	if (code == CLI_OK)
		code = cli_max_tier(r->cli, &tier);
	if (code != CLI_OK)
		return code;
	fd = run_connect(r->socket);
	if (fd < 0)
		return cli_call_failed(r->cli, ERR_NOT_FOUND);
	close(fd);
	if (crypto_init() != ERR_OK || uv_loop_init(&r->loop) != 0 || !watch_signals(r) ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return cli_error(r->cli, CLI_FAILED, "internal_error", NULL,
				 "this process cannot be set up: %s", strerror(errno));
	run_token_new(r->token);
	return open_ports(r, tier);
}

int cmd_run(struct cli *cli, int argc, char **argv)
{
	static struct run run; /* ends with the process, and so do its ports */
	struct run *r = &run;
	int code;

	if (argc == 0)
		return cli_usage(cli, "which program? hither run -- PROGRAM");
	r->cli = cli;
	code = prepare(r, argv);
	if (code != CLI_OK)
		return code;
	fflush(stdout);
	r->program = fork();
	if (r->program < 0)
		return cli_error(cli, CLI_FAILED, "internal_error", NULL,
				 "no process can be started: %s", strerror(errno));
	if (r->program == 0) {
		set_environment(r);
		become(r, argv);
		_exit(r->exit_code);
	}
	reap(r);
	if (r->program > 0)
		uv_run(&r->loop, UV_RUN_DEFAULT);
	return r->exit_code;
}
