/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process at a time, started by the starter, which tells when it ended; its standard output
 * and error are one pipe, read into a ring of TAIL_BYTES until engine_quiet().
 *
 * Invariants
 *   1. pid != 0 from a successful start until its end was told; on_exit once per pid.
 *   2. The socket's name is new at each start, so that a late connection never meets a new
 * engine.
 *   3. The child's environment holds PATH and LANG only: every option of llama-server can also
 *      come from a variable.
 */
#include "local/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/log.h"
#include "local/options.h"

#define TAIL_BYTES    4096
#define LAST_BYTES    160 /* of the tail, in a failure's explanation */
#define MEMINFO_BYTES 65536

/* The reading end of one process's output; lives until its handle is closed. */
struct output {
	uv_pipe_t pipe;
	struct engine *engine; /* NULL once nobody listens */
	char chunk[4096];
};

struct engine {
	const struct config *config;
	engine_on_exit *on_exit;
	void *ctx;
	struct starter *starter; /* NULL: an engine of somebody else is used */
	struct options options;
	pid_t pid;
	unsigned starts;
	char socket[sizeof((struct sockaddr_un *)0)->sun_path];
	uv_poll_t ends;
	struct output *output; /* NULL: none */
	bool quiet;
	char tail[TAIL_BYTES];
	size_t tail_len;
};

static bool runnable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Absolute folders only: what a relative one means depends on where the daemon was started. */
static bool find_on_path(char path[PATH_MAX])
{
	const char *rest = getenv("PATH");

	while (rest != NULL && *rest != '\0') {
		size_t n = strcspn(rest, ":");

		if (rest[0] == '/' && n < PATH_MAX - 32) {
			snprintf(path, PATH_MAX, "%.*s/llama-server", (int)n, rest);
			if (runnable(path))
				return true;
		}
		rest += n + (rest[n] == ':' ? 1 : 0);
	}
	snprintf(path, PATH_MAX, "/usr/lib/llama.cpp/llama-server"); /* Debian's place */
	return runnable(path);
}

enum err engine_find(const struct config *config, char path[PATH_MAX], char *detail,
		     unsigned cap)
{
	const char *fix =
		"run ./quickstart in hither's sources, or set engine.binary in hitherd.json";

	if (config->engine.binary[0] != '\0') {
		snprintf(path, PATH_MAX, "%s", config->engine.binary);
		if (runnable(path))
			return ERR_OK;
		snprintf(detail, cap, "engine.binary is %.120s, and no program is there: %s",
			 path, fix);
		return ERR_NOT_FOUND;
	}
	snprintf(path, PATH_MAX, "%s/engine/llama-server", config->data_dir);
	if (runnable(path))
		return ERR_OK;
	if (find_on_path(path))
		return ERR_OK;
	snprintf(detail, cap, "llama-server was not found: %s", fix);
	return ERR_NOT_FOUND;
}

/* --- what it says ------------------------------------------------------------------------ */

static void keep(struct engine *e, const char *bytes, size_t n)
{
	if (n > TAIL_BYTES) {
		bytes += n - TAIL_BYTES;
		n = TAIL_BYTES;
	}
	size_t drop = e->tail_len + n > TAIL_BYTES ? e->tail_len + n - TAIL_BYTES : 0;
	memmove(e->tail, e->tail + drop, e->tail_len - drop);
	e->tail_len -= drop;
	memcpy(e->tail + e->tail_len, bytes, n);
	e->tail_len += n;
}

static struct span last_line(struct span text)
{
	const char *newline;

	text = span_trim(text);
	newline = text.len > 0 ? memrchr(text.ptr, '\n', text.len) : NULL;
	if (newline == NULL)
		return text;
	return (struct span){ newline + 1, (size_t)(text.ptr + text.len - newline) - 1 };
}

/* The last line that speaks of an error, else the last one; printable ASCII only. */
static void explain(const struct engine *e, char *out, size_t out_bytes)
{
	struct span rest = { e->tail, e->tail_len }, best = last_line(rest);
	size_t n = 0;

	for (;;) {
		struct span line = last_line(rest);

		if (line.len == 0)
			break;
		if (memmem(line.ptr, line.len, "error", 5) != NULL) {
			best = line;
			break;
		}
		rest.len = (size_t)(line.ptr - rest.ptr);
	}
	for (size_t i = 0; i < best.len && n + 1 < out_bytes && n < LAST_BYTES; i++)
		if (best.ptr[i] >= 0x20 && best.ptr[i] <= 0x7e)
			out[n++] = best.ptr[i];
	out[n] = '\0';
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct output *o = h->data;

	(void)hint;
	*buf = uv_buf_init(o->chunk, sizeof o->chunk);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct output *o = stream->data;

	if (n > 0 && o->engine != NULL && !o->engine->quiet)
		keep(o->engine, buf->base, (size_t)n);
	if (n < 0)
		uv_read_stop(stream);
}

static void on_output_closed(uv_handle_t *h)
{
	free(h->data);
}

static void close_output(struct engine *e)
{
	if (e->output == NULL)
		return;
	e->output->engine = NULL;
	uv_close((uv_handle_t *)&e->output->pipe, on_output_closed);
	e->output = NULL;
}

/* Takes over `fd`. An engine that nobody listens to runs all the same. */
static void watch_output(struct engine *e, int fd)
{
	struct output *o = calloc(1, sizeof *o);

	if (o == NULL || uv_pipe_init(e->ends.loop, &o->pipe, 0) != 0) {
		free(o);
		close(fd);
		return;
	}
	o->pipe.data = o;
	o->engine = e;
	e->output = o;
	if (uv_pipe_open(&o->pipe, fd) != 0) {
		close(fd);
		close_output(e);
	} else if (uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_output) != 0) {
		close_output(e);
	}
}

/* What was written before the end and not yet read. */
static void drain_output(struct engine *e)
{
	uv_os_fd_t fd;
	ssize_t n;
	char chunk[1024];

	if (e->output == NULL || uv_fileno((uv_handle_t *)&e->output->pipe, &fd) != 0)
		return;
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		if (!e->quiet)
			keep(e, chunk, (size_t)n);
}

/* --- the process ------------------------------------------------------------------------- */

static void describe_end(const struct engine *e, int status, char *out, size_t out_bytes)
{
	char said[LAST_BYTES + 1];

	explain(e, said, sizeof said);
	if (WIFSIGNALED(status))
		snprintf(out, out_bytes, "the engine was ended by signal %d%s%s",
			 WTERMSIG(status), said[0] != '\0' ? ": " : "", said);
	else
		snprintf(out, out_bytes, "the engine ended with status %d%s%s",
			 WEXITSTATUS(status), said[0] != '\0' ? ": " : "", said);
}

static void on_end(struct engine *e, int status)
{
	char why[256];

	drain_output(e);
	describe_end(e, status, why, sizeof why);
	e->pid = 0;
	close_output(e);
	unlink(e->socket);
	e->socket[0] = '\0';
	e->on_exit(e->ctx, why);
}

static void on_ends(uv_poll_t *poll, int status, int events)
{
	struct engine *e = poll->data;
	pid_t pid;
	int how;

	(void)status;
	(void)events;
	while (starter_ended(e->starter, &pid, &how))
		if (e->pid != 0 && pid == e->pid)
			on_end(e, how);
	if (pid < 0) { /* nothing can be started any more: boot starts this role afresh */
		log_error("engine.starter", "the starter of engines is gone: leaving");
		exit(1);
	}
}

static void on_poll_closed(uv_handle_t *h)
{
	free(h->data);
}

struct engine *engine_new(uv_loop_t *loop, const struct config *config, struct starter *starter,
			  engine_on_exit *on_exit, void *ctx)
{
	struct engine *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->config = config;
	e->starter = starter;
	e->on_exit = on_exit;
	e->ctx = ctx;
	if (starter == NULL)
		return e;
	if (uv_poll_init(loop, &e->ends, starter_fd(starter)) != 0) {
		free(e);
		return NULL;
	}
	e->ends.data = e;
	uv_poll_start(&e->ends, UV_READABLE, on_ends); /* fails on closing handles only */
	return e;
}

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	if (e->pid != 0) {
		starter_kill(e->starter, e->pid, SIGKILL);
		unlink(e->socket);
	}
	e->pid = 0;
	close_output(e);
	if (e->starter != NULL)
		uv_close((uv_handle_t *)&e->ends, on_poll_closed);
	else
		free(e);
}

/* Free memory and free swap, from /proc/meminfo (proc(5)); 0 when it cannot be told. */
static uint64_t memory_to_be_had(void)
{
	struct buf text;
	uint64_t kib = 0;
	static const char *const keys[] = { "MemAvailable:", "SwapFree:" };

	buf_init(&text, MEMINFO_BYTES);
	if (file_read("/proc/meminfo", MEMINFO_BYTES, &text) == ERR_OK &&
	    buf_cstr(&text) != NULL)
		for (unsigned i = 0; i < LEN(keys); i++) {
			const char *at = strstr(text.ptr, keys[i]);

			if (at != NULL)
				kib += strtoull(at + strlen(keys[i]), NULL, 10);
		}
	buf_free(&text);
	return kib * 1024;
}

static enum err check_memory(const struct engine_model *m, char *detail, unsigned cap)
{
	uint64_t have = memory_to_be_had();

	if (m->memory_bytes == 0 || have == 0 || m->memory_bytes <= have)
		return ERR_OK;
	snprintf(
		detail, cap,
		"%s needs %.1f GB of memory and %.1f GB are free: close something, or choose a "
		"smaller model with hither model use NAME",
		m->name, (double)m->memory_bytes / 1e9, (double)have / 1e9);
	return ERR_NO_MEMORY;
}

static enum err name_socket(struct engine *e, char *detail, unsigned cap)
{
	int n = snprintf(e->socket, sizeof e->socket, "%s/engine/%u.sock",
			 e->config->runtime_dir, e->starts + 1);

	if (n < 0 || (size_t)n >= sizeof e->socket) {
		e->socket[0] = '\0';
		snprintf(detail, cap,
			 "the runtime directory's path is too long for a socket; "
			 "choose a shorter one with --runtime-dir");
		return ERR_TOO_BIG;
	}
	unlink(e->socket); /* of an earlier daemon: the engine refuses a stale one */
	e->starts++;
	return ERR_OK;
}

/*
 * Threads that other programs keep running: the lesser of the last minute's load and of those
 * that are runnable now, ourselves not counted (proc(5), /proc/loadavg).
 */
static uint32_t busy_threads(void)
{
	double minute = 0;
	unsigned now = 0;
	FILE *f = fopen("/proc/loadavg", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lf %*f %*f %u/", &minute, &now) != 2 || !(minute >= 0 && minute < 1e6))
		minute = now = 0;
	fclose(f);
	uint32_t load = (uint32_t)(minute + 0.5), others = now > 0 ? now - 1 : 0;
	return load < others ? load : others;
}

static uint32_t threads(const struct engine *e)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return options_threads(e->config->engine.threads,
			       processors > 0 ? (uint32_t)processors : 1, busy_threads());
}

static enum err launch(struct engine *e, const struct engine_model *m)
{
	struct options_argv line;
	int output[2];

	options_argv(&e->options, &e->config->engine, m, threads(e), e->socket, &line);
	if (pipe2(output, O_CLOEXEC) != 0)
		return ERR_SYSTEM;
	pid_t child = starter_start(e->starter, line.argv, output[1]);
	close(output[1]);
	if (child < 0) {
		close(output[0]);
		return ERR_SYSTEM;
	}
	e->pid = child;
	e->tail_len = 0;
	e->quiet = false;
	watch_output(e, output[0]);
	log_info("engine.start", "pid=%d model=%s binary=%s", (int)child, m->name,
		 e->options.binary);
	return ERR_OK;
}

enum err engine_start(struct engine *e, const struct engine_model *m, char *detail,
		      unsigned cap)
{
	char binary[PATH_MAX];
	enum err err = engine_find(e->config, binary, detail, cap);

	if (err == ERR_OK)
		err = check_memory(m, detail, cap);
	if (err == ERR_OK)
		err = options_learn(&e->options, binary, e->starter, detail, cap);
	if (err == ERR_OK)
		err = name_socket(e, detail, cap);
	if (err != ERR_OK)
		return err;
	err = launch(e, m);
	if (err != ERR_OK) {
		snprintf(detail, cap, "the engine could not be started: %s", strerror(errno));
		e->socket[0] = '\0';
	}
	return err;
}

void engine_kill(struct engine *e, int signal)
{
	if (e->pid != 0)
		starter_kill(e->starter, e->pid, signal);
}

void engine_quiet(struct engine *e)
{
	e->quiet = true;
	e->tail_len = 0;
}

pid_t engine_pid(const struct engine *e)
{
	return e->pid;
}

const char *engine_socket(const struct engine *e)
{
	return e->socket;
}
