/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the daemon lives: folders, the lock that makes it the only one there, and its
 * listening sockets. Everything is told on stderr in words when it fails.
 */
#ifndef HITHER_BOOT_PLACES_H
#define HITHER_BOOT_PLACES_H

#include "boot/options.h"
#include "boot/supervise.h"
#include "boot/tcp.h"
#include "boot/users.h"

#define PLACES_SOCKETS_MAX (CONFIG_MAX_APPS + 3u + TCP_ADDRESSES_MAX + USERS_PERSONS_MAX)

struct places {
	int lock; /* held as long as it is open */
	struct supervisor_socket sockets[PLACES_SOCKETS_MAX];
	char *paths[PLACES_SOCKETS_MAX]; /* NULL: handed in by systemd, or TCP */
	unsigned n;
};

/*
 * Makes the folders (0700, own; in system mode others may pass through the runtime folder, and
 * through the state folder to what is theirs), takes the lock and binds: hither.sock and
 * apps/ID.sock for the router, consent.sock and admin.sock for consent; in system mode also
 * consent/UID.sock for each person, who owns it and nobody else can open it. With `users`, what
 * belongs to roles is given to them.
 * Sockets that systemd passed (LISTEN_FDS, names api, consent, admin, app.ID) are taken
 * instead. With listen.tcp also that, for the router. ERR_BUSY: another daemon runs there.
 * ERR_DENIED: a folder is not ours alone. ERR_TOO_BIG: a path is too long for a socket.
 * ERR_SYSTEM.
 */
MUST_CHECK enum err places_take(const struct options *o, const struct users *users,
				struct places *ret);

/* Closes and unlinks what places_take made. */
void places_leave(struct places *p);

#endif
