/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llama-server is started as
 *
 *   llama-server --host ENGINE.sock --offline --no-ui --no-slots --metrics --model M --alias A
 *                --ctx-size N --parallel P --sleep-idle-seconds S --cache-ram 0
 *                --embeddings --pooling mean
 *
 * and --mmproj P for a model that came with one,
 *
 * less what an older program does not know. `--host` and `--model` it must know. --cache-ram 0:
 * no copies of old conversations in memory beyond the slots themselves. The context is shared
 * by the slots. It goes to sleep (weights out of memory) after half of the time after which it
 * is stopped. Until 2025 --embeddings took chats away (ggml-org/llama.cpp issue 3815); a
 * program that can sleep is younger than that. Options that let it log prompts, run tools or
 * serve files are never given; its environment is empty, so none comes from there.
 */
#include "local/options.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"

#define HELP_BYTES      (1u << 20)
#define HELP_TIMEOUT_MS 5000

enum option {
	HOST,
	MODEL,
	MMPROJ,
	OFFLINE,
	NO_UI,
	NO_WEBUI,
	NO_SLOTS,
	METRICS,
	ALIAS,
	CTX_SIZE,
	PARALLEL,
	SLEEP_IDLE,
	CACHE_RAM,
	THREADS,
	EMBEDDINGS,
	POOLING,
	OPTIONS
};

static const char *const names[OPTIONS] = {
	[HOST] = "--host",
	[MODEL] = "--model",
	[MMPROJ] = "--mmproj",
	[OFFLINE] = "--offline",
	[NO_UI] = "--no-ui",
	[NO_WEBUI] = "--no-webui",
	[NO_SLOTS] = "--no-slots",
	[METRICS] = "--metrics",
	[ALIAS] = "--alias",
	[CTX_SIZE] = "--ctx-size",
	[PARALLEL] = "--parallel",
	[SLEEP_IDLE] = "--sleep-idle-seconds",
	[CACHE_RAM] = "--cache-ram",
	[THREADS] = "--threads",
	[EMBEDDINGS] = "--embeddings",
	[POOLING] = "--pooling",
};

static bool word_end(char c)
{
	return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
}

static bool mentions(struct span help, const char *name)
{
	size_t n = strlen(name);
	const char *p = help.ptr, *end = help.ptr + help.len;

	while (p != NULL && (size_t)(end - p) >= n) {
		p = memmem(p, (size_t)(end - p), name, n);
		if (p == NULL)
			return false;
		if ((p == help.ptr || word_end(p[-1])) && (p + n == end || word_end(p[n])))
			return true;
		p += n;
	}
	return false;
}

uint32_t options_in(struct span help)
{
	uint32_t known = 0;

	for (unsigned i = 0; i < OPTIONS; i++)
		if (mentions(help, names[i]))
			known |= 1u << i;
	return known;
}

/* Everything it says until it closes its output; ERR_TIMEOUT when it does not. */
static enum err read_help(int fd, struct buf *help)
{
	uint64_t end = clock_mono_ms() + HELP_TIMEOUT_MS;
	char chunk[8192];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = clock_mono_ms();

		if (now >= end || poll(&p, 1, (int)(end - now)) == 0)
			return ERR_TIMEOUT;
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n == 0)
			return ERR_OK;
		if (n < 0 && errno != EINTR)
			return ERR_SYSTEM;
		if (n > 0)
			buf_add(help, (struct span){ chunk, (size_t)n });
		if (help->failed)
			return ERR_TOO_BIG;
	}
}

/* Its wait(2) status; nothing else runs while a program is asked. */
static enum err wait_help(struct starter *starter, pid_t child, int *ret_status)
{
	struct pollfd p = { .fd = starter_fd(starter), .events = POLLIN };
	pid_t ended = 0;

	while (ended != child) {
		if (poll(&p, 1, HELP_TIMEOUT_MS) == 0)
			return ERR_TIMEOUT;
		if (!starter_ended(starter, &ended, ret_status) && ended < 0)
			return ERR_SYSTEM;
	}
	return ERR_OK;
}

static enum err ask(const char *binary, struct starter *starter, struct buf *help)
{
	char *const argv[] = { (char *)(uintptr_t)binary, (char *)(uintptr_t) "--help", NULL };
	int pipe_fds[2], status = 0;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return ERR_SYSTEM;
	pid_t child = starter_start(starter, argv, pipe_fds[1]);
	close(pipe_fds[1]);
	enum err e = child < 0 ? ERR_SYSTEM : read_help(pipe_fds[0], help);
	close(pipe_fds[0]);
	if (child < 0)
		return e;
	if (e != ERR_OK)
		starter_kill(starter, child, SIGKILL);
	enum err ended = wait_help(starter, child, &status);
	if (e == ERR_OK && ended != ERR_OK)
		return ended;
	if (e == ERR_OK && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return ERR_SYSTEM;
	return e;
}

enum err options_learn(struct options *io, const char *binary, struct starter *starter,
		       char *detail, unsigned cap)
{
	const uint32_t must = 1u << HOST | 1u << MODEL;
	struct options o = { 0 };
	struct stat st;
	struct buf help;
	enum err e;

	if (stat(binary, &st) != 0 || strlen(binary) >= sizeof o.binary) {
		snprintf(detail, cap, "%.150s cannot be read", binary);
		return ERR_SYSTEM;
	}
	if (strcmp(binary, io->binary) == 0 && st.st_ino == io->inode &&
	    st.st_size == io->size && st.st_mtim.tv_sec == io->mtime.tv_sec &&
	    st.st_mtim.tv_nsec == io->mtime.tv_nsec)
		return ERR_OK;
	buf_init(&help, HELP_BYTES);
	e = ask(binary, starter, &help);
	o.known = options_in(buf_span(&help));
	buf_free(&help);
	if (e != ERR_OK) {
		snprintf(detail, cap,
			 "%.120s --help: %s; is it a llama-server for this machine? One that "
			 "was installed while hitherd ran may need it restarted",
			 binary, err_text(e));
		return e == ERR_NO_MEMORY ? e : ERR_UNSUPPORTED;
	}
	if ((o.known & must) != must) {
		snprintf(detail, cap,
			 "%.120s does not know --host and --model: not a llama-server", binary);
		return ERR_UNSUPPORTED;
	}
	strcpy(o.binary, binary);
	o.inode = st.st_ino;
	o.size = st.st_size;
	o.mtime = st.st_mtim;
	*io = o;
	return ERR_OK;
}

struct line {
	struct options_argv *out;
	unsigned argc, numbers;
	uint32_t known;
};

static void put(struct line *l, const char *word)
{
	l->out->argv[l->argc++] = (char *)(uintptr_t)word;
	l->out->argv[l->argc] = NULL;
}

static void put_option(struct line *l, enum option option, const char *value)
{
	if ((l->known & 1u << option) == 0)
		return;
	put(l, names[option]);
	if (value != NULL)
		put(l, value);
}

static void put_number(struct line *l, enum option option, uint32_t n)
{
	char *text = l->out->numbers[l->numbers++];

	snprintf(text, sizeof l->out->numbers[0], "%u", n);
	put_option(l, option, text);
}

static void put_embeddings(struct line *l, const char *how)
{
	if ((l->known & 1u << SLEEP_IDLE) == 0 || strcmp(how, "off") == 0)
		return;
	put_option(l, EMBEDDINGS, NULL);
	if (strcmp(how, "model") != 0)
		put_option(l, POOLING, how);
}

uint32_t options_threads(uint32_t configured, uint32_t processors, uint32_t busy)
{
	if (configured != 0 || busy * 2 < processors)
		return configured;
	return busy < processors ? processors - busy : 1;
}

void options_argv(const struct options *o, const struct config_engine *c,
		  const struct engine_model *m, uint32_t threads, const char *socket_path,
		  struct options_argv *ret)
{
	struct line l = { .out = ret, .known = o->known };
	uint32_t context = c->context_tokens;

	if (m->context_tokens != 0 && m->context_tokens < context)
		context = m->context_tokens;
	put(&l, o->binary);
	put_option(&l, HOST, socket_path);
	put_option(&l, OFFLINE, NULL);
	put_option(&l, (o->known & 1u << NO_UI) != 0 ? NO_UI : NO_WEBUI, NULL);
	put_option(&l, NO_SLOTS, NULL);
	put_option(&l, METRICS, NULL);
	put_option(&l, MODEL, m->path);
	if (m->projector[0] != '\0')
		put_option(&l, MMPROJ, m->projector);
	put_option(&l, ALIAS, m->name);
	put_number(&l, CTX_SIZE, context);
	put_number(&l, PARALLEL, c->parallel);
	if (c->idle_stop_s > 0)
		put_number(&l, SLEEP_IDLE, c->idle_stop_s / 2 + 1);
	put_number(&l, CACHE_RAM, 0);
	put_embeddings(&l, c->embeddings);
	if (threads > 0)
		put_number(&l, THREADS, threads);
}
