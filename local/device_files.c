/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over each class of devices. Every file is small (a page at most but for the tables
 * of routes) and is read anew each time: sysfs values have no other form.
 */
#include "local/device_files.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"

#define SUPPLIES_MAX 32
#define TUNNELS_MAX  64
#define SMALL_BYTES  4096u
#define TABLE_BYTES  (1u << 20)

struct walk {
	char class[PATH_MAX]; /* ROOT/sys/class/NAME */
	const char *name;     /* of the device at hand */
};

/* The content of a device's file in out; ptr NULL when there is none. */
static struct span take(const struct walk *w, const char *file, struct buf *out)
{
	char path[PATH_MAX + 600];

	buf_init(out, SMALL_BYTES);
	snprintf(path, sizeof path, "%s/%.255s/%s", w->class, w->name, file);
	if (file_read(path, SMALL_BYTES, out) != ERR_OK || out->failed)
		return (struct span){ NULL, 0 };
	return out->len > 0 ? buf_span(out) : (struct span){ "", 0 };
}

static bool has(const struct walk *w, const char *file)
{
	char path[PATH_MAX + 600];

	snprintf(path, sizeof path, "%s/%.255s/%s", w->class, w->name, file);
	return access(path, F_OK) == 0;
}

static DIR *walk_begin(struct walk *w, const char *root, const char *class)
{
	snprintf(w->class, sizeof w->class, "%.2000s/sys/class/%s", root, class);
	return opendir(w->class);
}

static bool walk_next(struct walk *w, DIR *dir)
{
	const struct dirent *d;

	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.') {
			w->name = d->d_name;
			return true;
		}
	return false;
}

/* --- power ---------------------------------------------------------------------------------
 */

static void read_power(const char *root, struct device_files *ret)
{
	struct device_supply supplies[SUPPLIES_MAX];
	size_t n = 0;
	struct walk w;
	DIR *dir = walk_begin(&w, root, "power_supply");

	if (dir == NULL)
		return;
	while (n < SUPPLIES_MAX && walk_next(&w, dir)) {
		struct buf type, uevent;
		struct span type_text = take(&w, "type", &type);
		struct span uevent_text = take(&w, "uevent", &uevent);

		if (type_text.ptr != NULL)
			device_supply_read(type_text, uevent_text, &supplies[n++]);
		buf_free(&type);
		buf_free(&uevent);
	}
	closedir(dir);
	ret->power_known = true;
	ret->power = device_power_of(supplies, n);
}

/* --- heat ----------------------------------------------------------------------------------
 */

static size_t read_trips(const struct walk *w, struct device_trip trips[DEVICE_TRIPS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < DEVICE_TRIPS_MAX; i++) {
		char name[32];
		struct buf type, temp;

		snprintf(name, sizeof name, "trip_point_%u_type", i);
		struct span type_text = take(w, name, &type);
		snprintf(name, sizeof name, "trip_point_%u_temp", i);
		struct span temp_text = take(w, name, &temp);
		bool there = type_text.ptr != NULL;
		if (there && device_trip_read(type_text, temp_text, &trips[n]))
			n++;
		buf_free(&type);
		buf_free(&temp);
		if (!there)
			break;
	}
	return n;
}

/* A zone that is off, or whose sensor sleeps, has no temperature to read. */
static bool read_temperature(const struct walk *w, int64_t *ret)
{
	struct buf b;
	struct span text = span_trim(take(w, "temp", &b));
	char copy[24], *end = copy;

	*ret = 0;

	if (text.len > 0 && span_copy(text, copy, sizeof copy))
		*ret = strtoll(copy, &end, 10);
	bool ok = end != copy && *end == '\0';
	buf_free(&b);
	return ok;
}

static void read_heat(const char *root, struct device_files *ret)
{
	struct walk w;
	DIR *dir = walk_begin(&w, root, "thermal");

	while (dir != NULL && walk_next(&w, dir)) {
		struct device_trip trips[DEVICE_TRIPS_MAX];
		enum policy_thermal t;
		int64_t temp;

		if (strncmp(w.name, "thermal_zone", 12) != 0 || !read_temperature(&w, &temp))
			continue;
		t = device_zone(temp, trips, read_trips(&w, trips));
		ret->thermal = t > ret->thermal ? t : ret->thermal;
	}
	if (dir != NULL)
		closedir(dir);
}

/* --- network -------------------------------------------------------------------------------
 */

struct tunnels {
	char names[TUNNELS_MAX][64];
	size_t n;
};

static bool is_tunnel(void *ctx, struct span name)
{
	const struct tunnels *t = ctx;

	for (size_t i = 0; i < t->n; i++)
		if (span_is(name, t->names[i]))
			return true;
	return span_is(name, "lo"); /* where unreachable destinations are routed to */
}

static enum device_link read_link(const struct walk *w)
{
	struct buf type, flags, state, uevent, tun;
	struct device_link_files f = { .name = span_of(w->name),
				       .type = take(w, "type", &type),
				       .flags = take(w, "flags", &flags),
				       .operstate = take(w, "operstate", &state),
				       .uevent = take(w, "uevent", &uevent),
				       .tun_flags = take(w, "tun_flags", &tun),
				       .has_device = has(w, "device"),
				       .has_master = has(w, "master") };
	enum device_link link = device_link_read(&f);

	buf_free(&type);
	buf_free(&flags);
	buf_free(&state);
	buf_free(&uevent);
	buf_free(&tun);
	return link;
}

static bool read_routes(const char *root, const char *file, struct tunnels *t,
			bool (*search)(struct span, device_is_tunnel *, void *))
{
	char path[PATH_MAX];
	struct buf b;

	snprintf(path, sizeof path, "%.2000s/proc/net/%s", root, file);
	buf_init(&b, TABLE_BYTES);
	bool found = file_read(path, TABLE_BYTES, &b) == ERR_OK &&
		     search(buf_span(&b), is_tunnel, t);
	buf_free(&b);
	return found;
}

static void read_network(const char *root, struct device_files *ret)
{
	struct tunnels t = { .n = 0 };
	struct walk w;
	DIR *dir = walk_begin(&w, root, "net");

	while (dir != NULL && walk_next(&w, dir)) {
		enum device_link link = read_link(&w);

		ret->links_known =
			ret->links_known || link == DEVICE_LINK_UP || link == DEVICE_LINK_DOWN;
		ret->link_up = ret->link_up || link == DEVICE_LINK_UP;
		if (link != DEVICE_LINK_TUNNEL)
			continue;
		ret->tunnel_up = true;
		if (t.n < TUNNELS_MAX)
			(void)span_copy(span_of(w.name), t.names[t.n++], sizeof t.names[0]);
	}
	if (dir != NULL)
		closedir(dir);
	ret->default_route = read_routes(root, "route", &t, device_route4) ||
			     read_routes(root, "ipv6_route", &t, device_route6);
}

/* --- screen --------------------------------------------------------------------------------
 */

static bool any_in(const char *root, const char *class, const char *prefix, const char *infix)
{
	struct walk w;
	DIR *dir = walk_begin(&w, root, class);
	bool found = false;

	while (dir != NULL && !found && walk_next(&w, dir))
		found = strncmp(w.name, prefix, strlen(prefix)) == 0 &&
			strstr(w.name, infix) != NULL;
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* card0-HDMI-A-1, fb0. A machine with neither has nothing that a lock could cover. */
static void read_screen(const char *root, struct device_files *ret)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%.2000s/sys/class", root);
	if (access(path, R_OK) != 0)
		return;
	ret->screen = any_in(root, "drm", "card", "-") || any_in(root, "graphics", "fb", "")
			      ? POLICY_TRUE
			      : POLICY_FALSE;
}

void device_files_read(const char *root, struct device_files *ret)
{
	*ret = (struct device_files){ .links_known = false };
	read_power(root, ret);
	read_heat(root, ret);
	read_network(root, ret);
	read_screen(root, ret);
}
