/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain calls of org.freedesktop.DBus.Properties.Get, each with what is left of the patience of
 * this reading. A bus that does not answer in time is left and tried again next time; an error
 * reply is an answer ("no such service").
 */
#include "local/device_bus.h"

#include <stdlib.h>

#ifdef HAVE_SYSTEMD

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "common/clock.h"
#include "local/bus.h"
#include "local/person.h"

#define LOGIND          "org.freedesktop.login1"
#define LOGIND_PATH     "/org/freedesktop/login1"
#define NETWORK         "org.freedesktop.NetworkManager"
#define NETWORK_PATH    "/org/freedesktop/NetworkManager"
#define CONNECTIONS_MAX 64
#define STRONG_EVERY    20 /* polkit's list is long and changes with packages */

struct device_bus {
	char address[PATH_MAX];
	bool everybody;
	sd_bus *bus;
	uint64_t until_ms; /* end of this reading's patience */
	unsigned look;     /* readings on this connection */
	enum policy_tri strong;
};

static void leave(struct device_bus *b)
{
	b->bus = sd_bus_close_unref(b->bus);
}

/* --- calls ---------------------------------------------------------------------------------
 */

/* NULL: no reply, or an error. `*ret_refused`: the bus or the service replied with an error. */
static sd_bus_message *call(struct device_bus *b, const char *service, const char *path,
			    const char *interface, const char *method, const char *types, ...)
{
	sd_bus_message *m = NULL, *reply = NULL;
	va_list args;

	if (b->bus == NULL)
		return NULL;
	va_start(args, types);
	int r = sd_bus_message_new_method_call(b->bus, &m, service, path, interface, method);
	if (r >= 0)
		r = sd_bus_message_set_auto_start(m,
						  0); /* a service that sleeps may sleep on */
	if (r >= 0)
		r = sd_bus_message_appendv(m, types, args);
	va_end(args);
	if (r >= 0 && bus_left_us(b->until_ms) == 0)
		r = -ETIMEDOUT;
	if (r >= 0)
		r = sd_bus_call(b->bus, m, bus_left_us(b->until_ms), NULL, &reply);
	sd_bus_message_unref(m);
	if (r == -ETIMEDOUT || r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE)
		leave(b);
	return r >= 0 ? reply : NULL;
}

/* A reply that stands inside the variant, to be read with `type`. */
static sd_bus_message *get(struct device_bus *b, const char *service, const char *path,
			   const char *interface, const char *property, const char *type)
{
	sd_bus_message *reply = call(b, service, path, "org.freedesktop.DBus.Properties", "Get",
				     "ss", interface, property);

	if (reply == NULL || sd_bus_message_enter_container(reply, 'v', type) > 0)
		return reply;
	sd_bus_message_unref(reply);
	return NULL;
}

static bool get_basic(struct device_bus *b, const char *service, const char *path,
		      const char *interface, const char *property, char type, void *ret)
{
	char types[] = { type, '\0' };
	sd_bus_message *reply = get(b, service, path, interface, property, types);
	bool ok = reply != NULL && sd_bus_message_read_basic(reply, type, ret) > 0;

	sd_bus_message_unref(reply);
	return ok;
}

static bool get_text(struct device_bus *b, const char *service, const char *path,
		     const char *interface, const char *property, char *out, size_t out_bytes)
{
	sd_bus_message *reply = get(b, service, path, interface, property, "s");
	const char *text;
	bool ok = reply != NULL && sd_bus_message_read_basic(reply, 's', &text) > 0 &&
		  span_copy(span_of(text), out, out_bytes);

	sd_bus_message_unref(reply);
	return ok;
}

/* --- logind --------------------------------------------------------------------------------
 */

/* A property of type (so), a session's id and path; *out empty when there is no session. */
static bool get_session(struct device_bus *b, const char *path, const char *interface,
			const char *property, char *out, size_t out_bytes)
{
	sd_bus_message *reply = get(b, LOGIND, path, interface, property, "(so)");
	const char *id, *session;
	bool ok = reply != NULL && sd_bus_message_read(reply, "(so)", &id, &session) > 0 &&
		  span_copy(span_of(id[0] != '\0' ? session : ""), out, out_bytes);

	sd_bus_message_unref(reply);
	return ok;
}

static bool logind_answers(struct device_bus *b)
{
	int idle;

	return get_basic(b, LOGIND, LOGIND_PATH, LOGIND ".Manager", "IdleHint", 'b', &idle);
}

/* Our session that has a screen, or the one in front; empty: none. */
static bool find_session(struct device_bus *b, char *out, size_t out_bytes)
{
	sd_bus_message *reply;
	const char *user;
	bool ok;

	out[0] = '\0';
	if (b->everybody)
		return get_session(b, LOGIND_PATH "/seat/seat0", LOGIND ".Seat",
				   "ActiveSession", out, out_bytes) ||
		       logind_answers(b);
	reply = call(b, LOGIND, LOGIND_PATH, LOGIND ".Manager", "GetUser", "u",
		     (uint32_t)getuid());
	if (reply == NULL)
		return logind_answers(b); /* we are not logged in */
	ok = sd_bus_message_read_basic(reply, 'o', &user) > 0 &&
	     get_session(b, user, LOGIND ".User", "Display", out, out_bytes);
	sd_bus_message_unref(reply);
	return ok;
}

static enum policy_tri read_locked(struct device_bus *b)
{
	static const char *const graphical[] = { "x11", "wayland", "mir", "web" };
	char session[256], type[32], class[32] = "";
	bool screen = false;
	int hint;

	if (!find_session(b, session, sizeof session))
		return POLICY_UNKNOWN;
	if (session[0] == '\0')
		return POLICY_FALSE;
	if (!get_text(b, LOGIND, session, LOGIND ".Session", "Type", type, sizeof type))
		return POLICY_UNKNOWN;
	for (size_t i = 0; i < LEN(graphical); i++)
		screen = screen || strcmp(type, graphical[i]) == 0;
	if (!screen)
		return POLICY_FALSE;
	if (b->everybody &&
	    get_text(b, LOGIND, session, LOGIND ".Session", "Class", class, sizeof class) &&
	    strcmp(class, "greeter") == 0)
		return POLICY_TRUE;
	if (!get_basic(b, LOGIND, session, LOGIND ".Session", "LockedHint", 'b', &hint))
		return POLICY_UNKNOWN;
	return hint ? POLICY_TRUE : POLICY_FALSE;
}

/* --- NetworkManager ------------------------------------------------------------------------
 */

static enum policy_tri read_metered(struct device_bus *b)
{
	uint32_t metered; /* NMMetered: unknown, yes, no, guessed yes, guessed no */

	if (!get_basic(b, NETWORK, NETWORK_PATH, NETWORK, "Metered", 'u', &metered))
		return POLICY_UNKNOWN;
	return metered == 1 || metered == 3   ? POLICY_TRUE
	       : metered == 2 || metered == 4 ? POLICY_FALSE
					      : POLICY_UNKNOWN;
}

static bool is_vpn(struct device_bus *b, const char *connection)
{
	static const char interface[] = NETWORK ".Connection.Active";
	char type[64];
	uint32_t state; /* NMActiveConnectionState: 2 activated */
	int vpn;

	if (!get_basic(b, NETWORK, connection, interface, "State", 'u', &state) || state != 2)
		return false;
	if (get_basic(b, NETWORK, connection, interface, "Vpn", 'b', &vpn) && vpn)
		return true;
	return get_text(b, NETWORK, connection, interface, "Type", type, sizeof type) &&
	       (strcmp(type, "vpn") == 0 || strcmp(type, "wireguard") == 0);
}

static enum policy_tri read_vpn(struct device_bus *b)
{
	char paths[CONNECTIONS_MAX][128];
	size_t n = 0;
	const char *path;
	sd_bus_message *reply =
		get(b, NETWORK, NETWORK_PATH, NETWORK, "ActiveConnections", "ao");
	bool ok = reply != NULL && sd_bus_message_enter_container(reply, 'a', "o") > 0;

	while (ok && n < CONNECTIONS_MAX && sd_bus_message_read_basic(reply, 'o', &path) > 0)
		if (span_copy(span_of(path), paths[n], sizeof paths[n]))
			n++;
	sd_bus_message_unref(reply);
	for (size_t i = 0; i < n; i++)
		if (is_vpn(b, paths[i]))
			return POLICY_TRUE;
	return ok && b->bus != NULL ? POLICY_FALSE : POLICY_UNKNOWN;
}

/* --- polkit --------------------------------------------------------------------------------
 */

/* In what EnumerateActions replies: a(ssssssuuua{ss}), the id first. */
static bool lists_action(sd_bus_message *reply)
{
	bool found = false;
	const char *id;

	if (sd_bus_message_enter_container(reply, 'a', "(ssssssuuua{ss})") <= 0)
		return false;
	while (!found && sd_bus_message_enter_container(reply, 'r', "ssssssuuua{ss}") > 0) {
		found = sd_bus_message_read_basic(reply, 's', &id) > 0 &&
			strcmp(id, PERSON_ACTION) == 0;
		if (sd_bus_message_skip(reply, "sssssuuua{ss}") < 0 ||
		    sd_bus_message_exit_container(reply) < 0)
			break;
	}
	return found;
}

static enum policy_tri read_strong(struct device_bus *b)
{
	sd_bus_message *reply = call(b, PERSON_SERVICE, PERSON_PATH, PERSON_INTERFACE,
				     "EnumerateActions", "s", "");
	enum policy_tri there =
		reply != NULL && lists_action(reply) ? POLICY_TRUE : POLICY_FALSE;

	sd_bus_message_unref(reply);
	return there;
}

/* --- life ----------------------------------------------------------------------------------
 */

struct device_bus *device_bus_new(const char *root, bool everybody)
{
	struct device_bus *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->everybody = everybody;
	bus_address(root, b->address);
	return b;
}

void device_bus_free(struct device_bus *b)
{
	if (b == NULL)
		return;
	leave(b);
	free(b);
}

void device_bus_read(struct device_bus *b, struct device_services *ret)
{
	*ret = (struct device_services){ .locked = POLICY_UNKNOWN };
	b->until_ms = clock_mono_ms() + DEVICE_BUS_PATIENCE_MS;
	if (b->bus == NULL) {
		b->bus = bus_connect(b->address, b->until_ms);
		b->look = 0;
	}
	if (b->bus == NULL) {
		ret->strong = POLICY_FALSE;
		return;
	}
	ret->locked = read_locked(b);
	ret->metered = read_metered(b);
	ret->vpn = read_vpn(b);
	if (b->look++ % STRONG_EVERY == 0)
		b->strong = read_strong(b);
	ret->strong = b->strong;
}

#else /* no libsystemd: nobody is asked */

struct device_bus {
	bool everybody;
};

struct device_bus *device_bus_new(const char *root, bool everybody)
{
	struct device_bus *b = calloc(1, sizeof *b);

	(void)root;
	if (b != NULL)
		b->everybody = everybody;
	return b;
}

void device_bus_free(struct device_bus *b)
{
	free(b);
}

void device_bus_read(struct device_bus *b, struct device_services *ret)
{
	(void)b;
	*ret = (struct device_services){ .locked = POLICY_UNKNOWN, .strong = POLICY_FALSE };
}

#endif
