/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket is bound under umask 0177 inside a folder that only its owner may enter, so there is
 * no moment at which somebody else could connect. A file already lying at its path is removed
 * only when it is a socket and nobody answers there; the lock (flock(2) on LOCK, which the
 * kernel drops with the process) has already said that no hitherd of this kind runs.
 */
#include "boot/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "boot/notify.h"
#include "common/fds.h"
#include "common/file.h"
#include "common/log.h"

#define LOCK "hitherd.lock"
/* A burst: what does not fit fails with EAGAIN at the client, before anybody could say why. */
#define BACKLOG 1024

__attribute__((format(printf, 2, 3))) static enum err tell(enum err e, const char *format, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	fprintf(stderr, "hitherd: %s\n", text);
	return e;
}

/* --- folders -------------------------------------------------------------------------------
 */

/* Ours, a real folder, and closed to others; one in /tmp could have been prepared by anybody.
 */
static enum err check_folder(const char *path, mode_t mode)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return tell(ERR_SYSTEM, "%s: %s", path, strerror(errno));
	if (S_ISLNK(st.st_mode) && stat(path, &st) == 0 && st.st_uid != geteuid())
		return tell(ERR_DENIED, "%s is a link to somebody else's folder", path);
	if (!S_ISDIR(st.st_mode))
		return tell(ERR_DENIED, "%s is not a folder", path);
	if (st.st_uid != geteuid())
		return tell(ERR_DENIED, "%s belongs to user %u; it must be yours", path,
			    (unsigned)st.st_uid);
	if ((st.st_mode & 077) != (mode & 077) && chmod(path, mode) != 0)
		return tell(ERR_DENIED, "%s: cannot set its mode to %o: %s", path,
			    (unsigned)mode, strerror(errno));
	return ERR_OK;
}

static enum err folder(const char *path, mode_t mode)
{
	enum err e = file_mkdirs(path, mode);

	if (e != ERR_OK)
		return tell(e, "cannot make the folder %s: %s", path, strerror(errno));
	return check_folder(path, mode);
}

static enum err refuse_link(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return tell(ERR_DENIED,
			    "%s is a symbolic link; remove it, or set XDG_RUNTIME_DIR", path);
	return ERR_OK;
}

static enum err make_folders(const struct options *o, const struct users *users)
{
	const struct config *c = &o->config;
	char path[4096];
	enum err e = o->runtime_fallback ? refuse_link(c->runtime_dir) : ERR_OK;

	if (e == ERR_OK)
		e = folder(c->runtime_dir, c->system_mode ? 0755 : 0700);
	if (e == ERR_OK)
		e = folder(c->state_dir, users != NULL ? 0711 : 0700);
	if (e == ERR_OK && file_mkdirs(c->models_dir, 0700) != ERR_OK)
		e = tell(ERR_SYSTEM, "cannot make the folder %s: %s", c->models_dir,
			 strerror(errno));
	/* An engine may be installed there while we run: local's rules are for what exists. */
	if (e == ERR_OK && file_mkdirs(c->data_dir, 0700) != ERR_OK)
		log_notice("boot.data", "folder=%s cannot be made: %s", c->data_dir,
			   strerror(errno));
	if (e == ERR_OK && users != NULL && chmod(c->data_dir, 0711) != 0)
		e = tell(ERR_SYSTEM, "%s: %s", c->data_dir, strerror(errno));
	snprintf(path, sizeof path, "%s/apps", c->runtime_dir);
	if (e == ERR_OK)
		e = folder(path, c->system_mode ? 0755 : 0700);
	if (e == ERR_OK && users != NULL)
		e = users_own(users, c);
	/* Only a help for the person; a read-only configuration is fine. */
	snprintf(path, sizeof path, "%s/policy.d", c->config_dir);
	if (e == ERR_OK && !c->system_mode && file_mkdirs(path, 0700) != ERR_OK)
		log_notice("boot.config", "folder=%s cannot be made: %s", path,
			   strerror(errno));
	return e;
}

static enum err take_lock(const char *runtime_dir, int *ret)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/" LOCK, runtime_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return tell(ERR_SYSTEM, "cannot make %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		enum err e =
			errno == EWOULDBLOCK
				? tell(ERR_BUSY,
				       "another hitherd runs in %s; stop it first, or choose "
				       "another --runtime-dir",
				       runtime_dir)
				: tell(ERR_SYSTEM, "%s: %s", path, strerror(errno));
		close(fd);
		return e;
	}
	*ret = fd;
	return ERR_OK;
}

/* --- sockets -------------------------------------------------------------------------------
 */

static bool somebody_answers(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 &&
		   (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return yes;
}

static enum err clear_path(const struct sockaddr_un *a)
{
	struct stat st;

	if (lstat(a->sun_path, &st) != 0)
		return ERR_OK;
	if (!S_ISSOCK(st.st_mode))
		return tell(ERR_EXISTS, "%s is in the way and is not a socket; remove it",
			    a->sun_path);
	if (somebody_answers(a))
		return tell(ERR_BUSY, "another program answers on %s; stop it first",
			    a->sun_path);
	if (unlink(a->sun_path) != 0)
		return tell(ERR_SYSTEM, "cannot remove the old socket %s: %s", a->sun_path,
			    strerror(errno));
	return ERR_OK;
}

static enum err bind_at(const char *path, int *ret)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (!span_copy(span_of(path), a.sun_path, sizeof a.sun_path))
		return tell(ERR_TOO_BIG,
			    "%s is too long for a socket (at most %zu bytes); choose a shorter "
			    "--runtime-dir",
			    path, sizeof a.sun_path - 1);
	enum err e = clear_path(&a);
	if (e != ERR_OK)
		return e;

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		(void)fds_take_none(fd); /* as far as the kernel has it: docs/security.md */
	mode_t before = umask(0177);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
		  listen(fd, BACKLOG) == 0;
	int saved = errno;
	umask(before);
	if (!ok) {
		if (fd >= 0)
			close(fd);
		return tell(ERR_SYSTEM, "cannot listen on %s: %s", path, strerror(saved));
	}
	*ret = fd;
	return ERR_OK;
}

/* A system daemon serves the members of a group; the socket was closed to them until now. */
static void open_to_group(const char *path)
{
	const struct group *g = getgrnam(CONFIG_GROUP);

	if (g == NULL || chown(path, (uid_t)-1, g->gr_gid) != 0 || chmod(path, 0660) != 0)
		log_notice("boot.socket",
			   "path=%s stays closed to everybody but root: no group " CONFIG_GROUP,
			   path);
}

static bool have(const struct places *p, const char *name)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->sockets[i].name, name) == 0)
			return true;
	return false;
}

static enum err add(struct places *p, const struct options *o, enum role role, const char *name,
		    const char *file)
{
	struct supervisor_socket *s = &p->sockets[p->n];
	char path[4096];

	if (p->n == PLACES_SOCKETS_MAX || have(p, name))
		return ERR_OK;
	snprintf(path, sizeof path, "%s/%s", o->config.runtime_dir, file);
	enum err e = bind_at(path, &s->fd);
	if (e != ERR_OK)
		return e;
	s->role = role;
	snprintf(s->name, sizeof s->name, "%s", name);
	p->paths[p->n++] = strdup(path);
	if (o->config.system_mode && role == ROLE_ROUTER)
		open_to_group(path);
	return ERR_OK;
}

static enum err add_app(struct places *p, const struct options *o, const char *id)
{
	char name[72], file[80];

	snprintf(name, sizeof name, "app:%.64s", id);
	snprintf(file, sizeof file, "apps/%.64s.sock", id);
	return add(p, o, ROLE_ROUTER, name, file);
}

/* CONFIG_DIR/apps/ID.json announces an app, whatever it says. */
static enum err add_found_apps(struct places *p, const struct options *o)
{
	char path[4096];
	struct dirent *d;
	enum err e = ERR_OK;

	snprintf(path, sizeof path, "%s/apps", o->config.config_dir);
	DIR *dir = opendir(path);
	while (dir != NULL && e == ERR_OK && (d = readdir(dir)) != NULL) {
		size_t n = strlen(d->d_name);
		char id[65];

		if (n < 6 || strcmp(d->d_name + n - 5, ".json") != 0)
			continue;
		if (config_is_app_id((struct span){ d->d_name, n - 5 }) &&
		    span_copy((struct span){ d->d_name, n - 5 }, id, sizeof id))
			e = add_app(p, o, id);
		else
			log_warning("boot.app", "file=%s is no app id: letters, digits, . _ -",
				    d->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return e;
}

/* A socket that only its person can open, in a folder that everybody may pass through. */
static enum err add_person(struct places *p, const struct options *o, uid_t uid)
{
	char name[72], file[80];
	unsigned before = p->n;

	snprintf(name, sizeof name, "consent:%u", (unsigned)uid);
	snprintf(file, sizeof file, "consent/%u.sock", (unsigned)uid);
	enum err e = add(p, o, ROLE_CONSENT, name, file);
	if (e == ERR_OK && p->n > before && chown(p->paths[before], uid, (gid_t)-1) != 0)
		e = tell(ERR_SYSTEM, "%s cannot be given to user %u: %s", p->paths[before],
			 (unsigned)uid, strerror(errno));
	return e;
}

static enum err add_persons(struct places *p, const struct options *o)
{
	uid_t persons[USERS_PERSONS_MAX];
	unsigned n = users_persons(persons, LEN(persons));
	char path[4096];

	snprintf(path, sizeof path, "%s/consent", o->config.runtime_dir);
	enum err e = folder(path, 0755);
	for (unsigned i = 0; e == ERR_OK && i < n; i++)
		e = add_person(p, o, persons[i]);
	return e;
}

static void take_activated(struct places *p)
{
	struct activated found[PLACES_SOCKETS_MAX];
	unsigned n = notify_activated(found, PLACES_SOCKETS_MAX);

	for (unsigned i = 0; i < n; i++) {
		struct supervisor_socket *s = &p->sockets[p->n];
		const char *name = found[i].name;
		bool app = strncmp(name, "app.", 4) == 0 && config_is_app_id(span_of(name + 4));

		if (!app && strcmp(name, "api") != 0 && strcmp(name, "consent") != 0 &&
		    strcmp(name, "admin") != 0) {
			log_warning("boot.activation", "socket=%s is none of ours", name);
			close(found[i].fd);
			continue;
		}
		s->fd = found[i].fd;
		(void)fds_take_none(s->fd); /* for connections that come from here on */
		s->role = app || strcmp(name, "api") == 0 ? ROLE_ROUTER : ROLE_CONSENT;
		snprintf(s->name, sizeof s->name, "%s%.64s", app ? "app:" : "",
			 app ? name + 4 : name);
		p->n++;
	}
}

static enum err add_tcp(struct places *p, const struct options *o)
{
	struct tcp_socket found[TCP_ADDRESSES_MAX];
	struct config_tcp at;
	unsigned n = 0;
	enum err e = ERR_OK;

	if (config_is_tcp(span_of(o->config.listen.tcp), &at))
		e = tcp_listen(&at, found, &n);
	for (unsigned i = 0; i < n && p->n < PLACES_SOCKETS_MAX; i++) {
		struct supervisor_socket *s = &p->sockets[p->n++];

		*s = (struct supervisor_socket){ .role = ROLE_ROUTER, .fd = found[i].fd };
		memcpy(s->name, found[i].name, sizeof s->name);
	}
	return e;
}

enum err places_take(const struct options *o, const struct users *users, struct places *ret)
{
	enum err e;

	memset(ret, 0, sizeof *ret);
	ret->lock = -1;
	e = make_folders(o, users);
	if (e == ERR_OK)
		e = take_lock(o->config.runtime_dir, &ret->lock);
	if (e != ERR_OK)
		return e;
	take_activated(ret);
	e = add(ret, o, ROLE_ROUTER, "api", "hither.sock");
	if (e == ERR_OK)
		e = add(ret, o, ROLE_CONSENT, "consent", "consent.sock");
	if (e == ERR_OK)
		e = add(ret, o, ROLE_CONSENT, "admin", "admin.sock");
	if (e == ERR_OK && users != NULL)
		e = add_persons(ret, o);
	if (e == ERR_OK)
		e = add_tcp(ret, o);
	for (uint32_t i = 0; e == ERR_OK && i < o->config.n_apps; i++)
		e = add_app(ret, o, o->config.apps[i]);
	if (e == ERR_OK)
		e = add_found_apps(ret, o);
	if (e != ERR_OK)
		places_leave(ret);
	return e;
}

void places_leave(struct places *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		close(p->sockets[i].fd);
		if (p->paths[i] != NULL)
			unlink(p->paths[i]);
		free(p->paths[i]);
	}
	p->n = 0;
	if (p->lock >= 0)
		close(p->lock);
	p->lock = -1;
}
