/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to the system bus. Only where libsystemd was there at build time. Blocks: not
 * for the loop. */
#ifndef HITHER_LOCAL_BUS_H
#define HITHER_LOCAL_BUS_H

#ifdef HAVE_SYSTEMD

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* The bus at ROOT/run/dbus/system_bus_socket, for bus_connect(); "" when it is too long. */
void bus_address(const char *root, char out[PATH_MAX]);

/* Until `until_ms` (clock_mono_ms). NULL: nobody answers there. */
sd_bus *bus_connect(const char *address, uint64_t until_ms);

/* Microseconds until then, 0 when it is over. */
uint64_t bus_left_us(uint64_t until_ms);

#endif
#endif
