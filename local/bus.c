/* SPDX-License-Identifier: Apache-2.0 */
#include "local/bus.h"

#ifdef HAVE_SYSTEMD

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

uint64_t bus_left_us(uint64_t until_ms)
{
	uint64_t now = clock_mono_ms();

	return now < until_ms ? (until_ms - now) * 1000 : 0;
}

/* Characters that D-Bus addresses do not carry as they are (D-Bus specification, Addresses). */
void bus_address(const char *root, char out[PATH_MAX])
{
	size_t n = (size_t)snprintf(out, PATH_MAX, "unix:path=");

	for (const char *p = root; *p != '\0' && n + 4 < PATH_MAX; p++)
		n += (size_t)snprintf(out + n, PATH_MAX - n,
				      strchr(",;=%", *p) != NULL ? "%%%02x" : "%c",
				      (unsigned char)*p);
	n += (size_t)snprintf(out + n, PATH_MAX - n, "/run/dbus/system_bus_socket");
	if (n >= PATH_MAX)
		out[0] = '\0';
}

sd_bus *bus_connect(const char *address, uint64_t until_ms)
{
	sd_bus *bus = NULL;
	int r = address[0] != '\0' ? sd_bus_new(&bus) : -EINVAL;

	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	while (r >= 0 && (r = sd_bus_is_ready(bus)) == 0) {
		uint64_t left_us = bus_left_us(until_ms);

		r = sd_bus_process(bus, NULL);
		if (r == 0 && left_us == 0)
			r = -ETIMEDOUT;
		else if (r == 0)
			r = sd_bus_wait(bus, left_us);
	}
	return r >= 0 ? bus : sd_bus_close_unref(bus);
}

#endif
