/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per part I: `npm pack` into WORK/I with its own cache there, integrity, tar(1) into
 * WORK/I.bin, and the folder goes. Last the .bin files are joined. A .bin has its name only
 * when it is whole.
 *
 * Progress is what lies in npm's cache: npm says nothing while it downloads.
 */
#include "cli/npm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/progress.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/text.h"
#include "crypto/crypto.h"

#define CHUNK_BYTES (1u << 20)
#define LOG_BYTES   65536
#define POLL_NS     200000000L

extern char **environ;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

void npm_remove_tree(const char *dir)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static uint64_t tree_bytes; /* nftw has no context */

static int add_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)path;
	(void)where;
	if (kind == FTW_F)
		tree_bytes += (uint64_t)st->st_size;
	return 0;
}

static uint64_t bytes_in(const char *dir)
{
	tree_bytes = 0;
	(void)nftw(dir, add_one, 16, FTW_PHYS);
	return tree_bytes;
}

enum err npm_integrity(const char *path, const char *integrity)
{
	struct crypto_hasher *h = crypto_hasher_begin_sha512();
	uint8_t digest[CRYPTO_SHA512_BYTES];
	char *chunk = malloc(CHUNK_BYTES);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e = ERR_SYSTEM;
	struct buf text;
	ssize_t n = -1;

	while (h != NULL && chunk != NULL && fd >= 0 && (n = read(fd, chunk, CHUNK_BYTES)) > 0)
		crypto_hasher_add(h, (struct span){ chunk, (size_t)n });
	if (fd >= 0)
		close(fd);
	free(chunk);
	if (n != 0) {
		crypto_hasher_abandon(h);
		return e;
	}
	crypto_hasher_end_sha512(h, digest);
	buf_init(&text, 256);
	buf_add_str(&text, "sha512-");
	text_base64(&text, (struct span){ (const char *)digest, sizeof digest });
	e = span_is(buf_span(&text), integrity) ? ERR_OK : ERR_MISMATCH;
	buf_free(&text);
	return e;
}

/* Starts `argv` with stdout and stderr in files; -1 with errno. */
static pid_t start(char *const argv[], const char *out, const char *log)
{
	posix_spawn_file_actions_t files;
	pid_t pid = -1;
	int e;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_addopen(&files, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	e = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	errno = e;
	return e == 0 ? pid : -1;
}

/* Until it ends; exit status, or 128 + signal. */
static int follow(pid_t pid, const char *dir, struct progress *p, uint64_t before)
{
	const struct timespec pause = { 0, POLL_NS };
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (p != NULL)
			progress_at(p, before + bytes_in(dir));
		nanosleep(&pause, NULL);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The line of npm's log that says most: its first "npm error"/"npm ERR!" beyond the bare code.
 */
static void quote_log(const char *log, char why[NPM_WHY_BYTES])
{
	struct buf text;
	const char *line;

	buf_init(&text, LOG_BYTES);
	snprintf(why, NPM_WHY_BYTES, "npm failed");
	if (file_read(log, LOG_BYTES, &text) != ERR_OK || buf_cstr(&text) == NULL) {
		buf_free(&text);
		return;
	}
	for (char *rest = text.ptr; (line = strsep(&rest, "\n")) != NULL;) {
		bool error = strncmp(line, "npm error ", 10) == 0 ||
			     strncmp(line, "npm ERR! ", 9) == 0;

		if (!error)
			continue;
		line += line[4] == 'e' ? 10 : 9;
		if (strncmp(line, "code ", 5) == 0) {
			snprintf(why, NPM_WHY_BYTES, "npm: %.60s", line + 5);
			continue;
		}
		size_t n = strlen(why);
		snprintf(why + n, NPM_WHY_BYTES - n, ": %.150s", line);
		break;
	}
	buf_free(&text);
}

/* The one .tgz that npm left in `dir`. */
static bool find_tarball(const char *dir, char out[PATH_MAX])
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	bool found = false;

	while (d != NULL && !found && (entry = readdir(d)) != NULL) {
		size_t n = strlen(entry->d_name);

		if (n > 4 && strcmp(entry->d_name + n - 4, ".tgz") == 0)
			found = snprintf(out, PATH_MAX, "%s/%s", dir, entry->d_name) < PATH_MAX;
	}
	if (d != NULL)
		closedir(d);
	return found;
}

struct part {
	const struct model_source_part *of;
	char dir[PATH_MAX], bin[PATH_MAX], log[PATH_MAX], partial[PATH_MAX];
	uint64_t before; /* bytes of the parts before */
};

static enum err pack(const struct part *part, struct progress *p, char why[NPM_WHY_BYTES])
{
	char spec[512], cache[PATH_MAX + 16], out[PATH_MAX + 16];
	char *argv[] = { (char *)"npm",
			 (char *)"pack",
			 spec,
			 (char *)"--json",
			 (char *)"--ignore-scripts",
			 (char *)"--no-progress",
			 (char *)"--no-update-notifier",
			 (char *)"--no-audit",
			 (char *)"--no-fund",
			 (char *)"--pack-destination",
			 (char *)part->dir,
			 (char *)"--cache",
			 cache,
			 NULL };
	pid_t pid;
	int status;

	snprintf(spec, sizeof spec, "%s@%s", part->of->package, part->of->version);
	snprintf(cache, sizeof cache, "%s/cache", part->dir);
	snprintf(out, sizeof out, "%s/out.json", part->dir);
	pid = start(argv, out, part->log);
	if (pid < 0) {
		snprintf(why, NPM_WHY_BYTES,
			 "there is no npm client here (%s): apt-get install npm",
			 strerror(errno));
		return ERR_NOT_FOUND;
	}
	status = follow(pid, cache, p, part->before);
	if (status == 0)
		return ERR_OK;
	if (status >= 128)
		snprintf(why, NPM_WHY_BYTES, "npm was ended by signal %d", status - 128);
	else
		quote_log(part->log, why);
	return ERR_NOT_FOUND;
}

static enum err extract(const struct part *part, const char *tarball, char why[NPM_WHY_BYTES])
{
	char *argv[] = { (char *)"tar", (char *)"-xzOf",          (char *)tarball,
			 (char *)"--",  (char *)part->of->member, NULL };
	pid_t pid = start(argv, part->partial, part->log);

	if (pid < 0 || follow(pid, part->dir, NULL, 0) != 0) {
		snprintf(why, NPM_WHY_BYTES, "%.100s holds no %.60s, or the disk is full",
			 part->of->package, part->of->member);
		return ERR_CORRUPT;
	}
	if (rename(part->partial, part->bin) != 0) {
		snprintf(why, NPM_WHY_BYTES, "%s", strerror(errno));
		return ERR_SYSTEM;
	}
	return ERR_OK;
}

static enum err fetch_part(const struct part *part, struct progress *p, char why[NPM_WHY_BYTES])
{
	char tarball[PATH_MAX];
	enum err e;

	if (access(part->bin, F_OK) == 0)
		return ERR_OK;
	npm_remove_tree(part->dir);
	if (mkdir(part->dir, 0700) != 0) {
		snprintf(why, NPM_WHY_BYTES, "%.150s: %s", part->dir, strerror(errno));
		return ERR_SYSTEM;
	}
	e = pack(part, p, why);
	if (e == ERR_OK && !find_tarball(part->dir, tarball)) {
		snprintf(why, NPM_WHY_BYTES, "npm brought no tarball of %.100s",
			 part->of->package);
		e = ERR_NOT_FOUND;
	}
	if (e == ERR_OK) {
		e = npm_integrity(tarball, part->of->integrity);
		if (e != ERR_OK)
			snprintf(why, NPM_WHY_BYTES,
				 "%.100s is not the package that was pinned: its integrity "
				 "differs",
				 part->of->package);
	}
	if (e == ERR_OK)
		e = extract(part, tarball, why);
	npm_remove_tree(part->dir);
	return e;
}

static bool append(int to, const char *from)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	while (fd >= 0 && (n = copy_file_range(fd, NULL, to, NULL, 1u << 30, 0)) > 0)
		;
	/* Not between these file systems: by hand. */
	if (fd >= 0 && n < 0 &&
	    (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
		char chunk[65536];

		while ((n = read(fd, chunk, sizeof chunk)) > 0)
			if (write(to, chunk, (size_t)n) != n) {
				n = -1;
				break;
			}
	}
	if (fd >= 0)
		close(fd);
	return n == 0;
}

static enum err join(const struct part *parts, uint32_t n, uint64_t bytes, const char *path,
		     char why[NPM_WHY_BYTES])
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum err e = fd >= 0 ? ERR_OK : ERR_SYSTEM;
	struct stat st = { 0 };

	for (uint32_t i = 0; e == ERR_OK && i < n; i++)
		if (!append(fd, parts[i].bin))
			e = ERR_SYSTEM;
	if (e == ERR_OK && (fsync(fd) != 0 || fstat(fd, &st) != 0))
		e = ERR_SYSTEM;
	if (e == ERR_SYSTEM)
		snprintf(why, NPM_WHY_BYTES, "%.150s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (e == ERR_OK && (uint64_t)st.st_size != bytes) {
		snprintf(why, NPM_WHY_BYTES,
			 "the parts together have %llu bytes instead of %llu",
			 (unsigned long long)st.st_size, (unsigned long long)bytes);
		return ERR_CORRUPT;
	}
	return e;
}

static bool place(struct part *part, const char *work_dir, uint32_t i)
{
	return snprintf(part->dir, PATH_MAX, "%s/%u", work_dir, i) < PATH_MAX &&
	       snprintf(part->bin, PATH_MAX, "%s/%u.bin", work_dir, i) < PATH_MAX &&
	       snprintf(part->partial, PATH_MAX, "%s/%u.partial", work_dir, i) < PATH_MAX &&
	       snprintf(part->log, PATH_MAX, "%s/%u.log", work_dir, i) < PATH_MAX;
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

enum err npm_fetch(const struct cli *cli, const char *label, const struct model_source *source,
		   uint64_t bytes, const char *work_dir, const char *path,
		   char why[NPM_WHY_BYTES])
{
	struct part *parts = calloc(source->n_parts, sizeof *parts);
	struct progress p;
	uint64_t before = 0;
	enum err e = parts == NULL ? ERR_NO_MEMORY : file_mkdirs(work_dir, 0700);

	if (e != ERR_OK) {
		snprintf(why, NPM_WHY_BYTES, "%.150s cannot be made", work_dir);
		free(parts);
		return e;
	}
	for (uint32_t i = 0; e == ERR_OK && i < source->n_parts; i++) {
		parts[i].of = &source->parts[i];
		if (!place(&parts[i], work_dir, i))
			e = ERR_TOO_BIG;
		before += size_of(parts[i].bin);
	}
	progress_begin(&p, cli, label, bytes, before);
	before = 0;
	for (uint32_t i = 0; e == ERR_OK && i < source->n_parts; i++) {
		parts[i].before = before;
		e = fetch_part(&parts[i], &p, why);
		before += size_of(parts[i].bin);
		progress_at(&p, before);
	}
	progress_end(&p);
	if (e == ERR_OK)
		e = join(parts, source->n_parts, bytes, path, why);
	/* Wrong bytes would be wrong the next time, too. */
	if (e == ERR_OK || e == ERR_CORRUPT)
		npm_remove_tree(work_dir);
	free(parts);
	return e;
}
