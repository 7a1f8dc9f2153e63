/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What logind and NetworkManager know of the machine, over the system bus. Blocks for up to
 * DEVICE_BUS_PATIENCE_MS per reading: not for the loop. Without libsystemd at build time,
 * without a bus, or without the service, what it would have said is unknown; nothing is ever
 * started.
 *
 * locked: LockedHint of the user's graphical session (org.freedesktop.login1(5)); false when
 * logind says that there is no such session. A daemon for all users looks at the session in
 * front on seat0, where a login screen counts as locked. metered: NetworkManager's Metered, its
 * guesses included. vpn: an active connection that is one. strong: polkit runs and lists the
 * action of person.h; looked up once a minute.
 */
#ifndef HITHER_LOCAL_DEVICE_BUS_H
#define HITHER_LOCAL_DEVICE_BUS_H

#include "local/device_state.h"

#define DEVICE_BUS_PATIENCE_MS 1000u

struct device_bus;

/* `root` as for device_files_read: the bus is ROOT/run/dbus/system_bus_socket. NULL: no memory.
 */
struct device_bus *device_bus_new(const char *root, bool everybody);
void device_bus_free(struct device_bus *b); /* NULL is fine */

/* Connects when it is not connected. One thread at a time. */
void device_bus_read(struct device_bus *b, struct device_services *ret);

#endif
