/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Below a folder that belongs to a role, that role may put what it likes, also while root walks
 * through it. So nothing is followed by name: folders are opened one in the other with
 * O_NOFOLLOW, and a file changes hands by its descriptor, when it is regular and has no other
 * name elsewhere.
 *
 *   STATE/ledger, ledger.head   consent   0700, 0600
 *   STATE/witness               cloud     0750, group consent: who countersigns and who checks;
 *                                         files 0644, which only those two can reach
 *   STATE/local                 local     0700
 *   RUNTIME/engine              local     0700
 *   CONFIG/secrets.d            cloud     0750, group root: boot sees that a key has changed,
 *                                         not the key; files 0600
 *   models, engine programs     root      0750, group local, who can read the files
 */
#include "boot/users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

#define DEPTH_MAX 8
#define SAME      ((uid_t)-1)

/* --- names ------------------------------------------------------------------------------- */

static bool find(const char *name, struct spawn_as *ret)
{
	const struct passwd *p = getpwnam(name);

	if (p == NULL || p->pw_uid == 0) {
		fprintf(stderr,
			"hitherd: --system as root needs the user %s, which %s; make it with "
			"systemd-sysusers (config/units/hitherd.sysusers.conf), or run one "
			"person's daemon with --user\n",
			name, p == NULL ? "does not exist" : "is root");
		return false;
	}
	*ret = (struct spawn_as){ true, p->pw_uid, p->pw_gid };
	return true;
}

enum err users_find(struct users *ret)
{
	struct users u = { 0 };
	const struct spawn_as *all[ROLE_COUNT] = { &u.attester };

	if (!find("_hither", &u.attester))
		return ERR_NOT_FOUND;
	for (unsigned r = ROLE_ROUTER; r < ROLE_COUNT; r++) {
		char name[32];

		snprintf(name, sizeof name, "_hither-%s", role_name((enum role)r));
		if (!find(name, &u.role[r]))
			return ERR_NOT_FOUND;
		all[r] = &u.role[r];
		for (unsigned i = 0; i < r; i++)
			if (all[i]->uid == all[r]->uid) {
				fprintf(stderr,
					"hitherd: the user %s has the number %u, which another "
					"user of hither has, too: each needs its own\n",
					name, (unsigned)all[r]->uid);
				return ERR_NOT_FOUND;
			}
	}
	*ret = u;
	return ERR_OK;
}

static unsigned add_person(uid_t uid, uid_t *list, unsigned n, unsigned max)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] == uid)
			return n;
	if (n == max) {
		log_warning("boot.persons",
			    "uid=%u gets no socket for questions: there are %u already",
			    (unsigned)uid, max);
		return n;
	}
	list[n] = uid;
	return n + 1;
}

unsigned users_persons(uid_t *ret, unsigned max)
{
	const struct group *g = getgrnam(CONFIG_GROUP);
	unsigned n = add_person(0, ret, 0, max);

	for (char **name = g != NULL ? g->gr_mem : NULL; name != NULL && *name != NULL;
	     name++) {
		const struct passwd *p = getpwnam(*name);

		if (p != NULL)
			n = add_person(p->pw_uid, ret, n, max);
	}
	return n;
}

/* --- files ------------------------------------------------------------------------------- */

/* How what lies at one place is owned; SAME leaves an owner as it is. */
struct owner {
	uid_t uid;
	gid_t gid;
	mode_t folder, add, file_mask; /* of files: (mode | add) & file_mask */
};

static bool own_fd(int fd, const struct stat *st, const struct owner *o)
{
	mode_t mode = S_ISDIR(st->st_mode) ? o->folder
					   : ((st->st_mode & 07777) | o->add) & o->file_mask;

	return ((st->st_uid == o->uid || o->uid == SAME) && st->st_gid == o->gid
			? true
			: fchown(fd, o->uid, o->gid) == 0) &&
	       ((st->st_mode & 07777) == mode || fchmod(fd, mode) == 0);
}

/* Takes over `fd`. False with errno. */
static bool own_tree(int fd, const struct owner *o, unsigned depth)
{
	struct stat st;
	const struct dirent *d;
	bool ok = fstat(fd, &st) == 0 && own_fd(fd, &st, o);
	DIR *dir = ok ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		close(fd);
		return false;
	}
	while (ok && depth > 0 && (d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		int at = openat(dirfd(dir), d->d_name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (at < 0)
			continue; /* a link, a socket, or gone: not ours to give */
		if (fstat(at, &st) == 0 && S_ISDIR(st.st_mode)) {
			ok = own_tree(at, o, depth - 1);
			continue;
		}
		if (S_ISREG(st.st_mode) && st.st_nlink == 1)
			ok = own_fd(at, &st, o);
		close(at);
	}
	closedir(dir);
	return ok;
}

static enum err tell(const char *path)
{
	fprintf(stderr, "hitherd: %s cannot be given to the role that needs it: %s\n", path,
		strerror(errno));
	return ERR_SYSTEM;
}

static enum err own(const char *base, const char *name, struct owner o, bool make)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%.4000s%s", base, name);
	if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
		return tell(path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return !make && errno == ENOENT ? ERR_OK : tell(path);
	return own_tree(fd, &o, DEPTH_MAX) ? ERR_OK : tell(path);
}

static enum err own_head(const char *state_dir, const struct spawn_as *consent)
{
	const struct owner o = { consent->uid, consent->gid, 0700, 0, 0600 };
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof path, "%.4000s/ledger.head", state_dir);
	/* not to write: under its unit, root may read what is not its own, not write it */
	int fd = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
		  own_fd(fd, &st, &o);
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return ok ? ERR_OK : tell(path);
}

enum err users_own(const struct users *u, const struct config *c)
{
	const struct spawn_as *consent = &u->role[ROLE_CONSENT], *cloud = &u->role[ROLE_CLOUD],
			      *local = &u->role[ROLE_LOCAL];
	const struct owner reads = { SAME, local->gid, 0750, 0044, 0755 };
	const struct {
		const char *base, *name;
		struct owner owner;
		bool make;
	} rows[] = {
		{ c->state_dir,
		  "/ledger",
		  { consent->uid, consent->gid, 0700, 0, 0700 },
		  true },
		{ c->state_dir,
		  "/witness",
		  { cloud->uid, consent->gid, 0750, 0044, 0644 },
		  true },
		{ c->state_dir, "/local", { local->uid, local->gid, 0700, 0, 0700 }, true },
		{ c->runtime_dir, "/engine", { local->uid, local->gid, 0700, 0, 0700 }, true },
		{ c->config_dir, "/secrets.d", { cloud->uid, 0, 0750, 0, 0600 }, false },
		{ c->data_dir, "/engine", reads, false },
		{ c->models_dir, "", reads, false },
	};
	enum err e = own_head(c->state_dir, consent);

	for (size_t i = 0; e == ERR_OK && i < LEN(rows); i++)
		e = own(rows[i].base, rows[i].name, rows[i].owner, rows[i].make);
	return e;
}
