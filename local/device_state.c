/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel files to facts; the rules are those of device_state.h. Nothing is read or kept here.
 */
#include "local/device_state.h"

#include <stdlib.h>
#include <string.h>

/* linux/if_arp.h */
#define TYPE_ETHER    1
#define TYPE_TUNNEL   768 /* 768, 769 IP tunnels */
#define TYPE_TUNNEL6  769
#define TYPE_LOOPBACK 772
#define TYPE_SIT      776
#define TYPE_GRE      778
#define TYPE_GRE6     823
#define TYPE_NONE     65534 /* no link layer: tun, WireGuard, xfrm, raw IP modems */

#define FLAG_UP       0x1   /* linux/if.h IFF_UP */
#define ROUTE_UP      0x1   /* linux/route.h RTF_UP */
#define ROUTE_REJECT  0x200 /* RTF_REJECT */

#define DEGREE        1000 /* in thousandths */

/* --- words and lines -----------------------------------------------------------------------
 */

static bool number(struct span text, int base, int64_t *ret)
{
	char copy[32], *end;

	text = span_trim(text);
	if (text.len == 0 || !span_copy(text, copy, sizeof copy))
		return false;
	*ret = strtoll(copy, &end, base);
	return *end == '\0';
}

static bool next_word(struct span *io, struct span *ret)
{
	while (io->len > 0 && (*io->ptr == ' ' || *io->ptr == '\t')) {
		io->ptr++;
		io->len--;
	}
	*ret = (struct span){ io->ptr, 0 };
	while (io->len > 0 && *io->ptr != ' ' && *io->ptr != '\t') {
		io->ptr++;
		io->len--;
		ret->len++;
	}
	return ret->len > 0;
}

/* The value of KEY=value in a uevent file; ptr NULL when there is no such line. */
static struct span value_of(struct span uevent, const char *key)
{
	size_t n = strlen(key);

	while (uevent.len > 0) {
		struct span line = span_cut(&uevent, '\n');

		if (span_starts(line, key) && line.len > n && line.ptr[n] == '=')
			return span_trim((struct span){ line.ptr + n + 1, line.len - n - 1 });
	}
	return (struct span){ NULL, 0 };
}

static bool value_is(struct span uevent, const char *key, const char *word)
{
	return span_is(value_of(uevent, key), word);
}

static int64_t value_number(struct span uevent, const char *key)
{
	int64_t n;

	return number(value_of(uevent, key), 10, &n) && n >= 0 ? n : -1;
}

/* --- power ---------------------------------------------------------------------------------
 */

#define PROPERTY(name) "POWER_SUPPLY_" name

void device_supply_read(struct span type, struct span uevent, struct device_supply *ret)
{
	int64_t pct = value_number(uevent, PROPERTY("CAPACITY"));

	*ret = (struct device_supply){ .capacity_pct = pct <= 100 ? (int8_t)pct : -1,
				       .now = -1,
				       .full = -1 };
	type = span_trim(type);
	if (value_is(uevent, PROPERTY("SCOPE"), "Device") ||
	    value_is(uevent, PROPERTY("PRESENT"), "0"))
		return;
	if (!span_is(type, "Battery") && !span_is(type, "UPS")) {
		ret->kind = DEVICE_SUPPLY_LINE; /* Mains, USB, Wireless, … */
		ret->online = value_number(uevent, PROPERTY("ONLINE")) > 0;
		return;
	}
	ret->kind = DEVICE_SUPPLY_BATTERY;
	ret->discharging = value_is(uevent, PROPERTY("STATUS"), "Discharging");
	ret->charging = value_is(uevent, PROPERTY("STATUS"), "Charging") ||
			value_is(uevent, PROPERTY("STATUS"), "Full") ||
			value_is(uevent, PROPERTY("STATUS"), "Not charging");
	ret->now = value_number(uevent, PROPERTY("ENERGY_NOW"));
	ret->full = value_number(uevent, PROPERTY("ENERGY_FULL"));
	if (ret->now >= 0 && ret->full > 0)
		return;
	ret->now = value_number(uevent, PROPERTY("CHARGE_NOW"));
	ret->full = value_number(uevent, PROPERTY("CHARGE_FULL"));
}

static int16_t charge(const struct device_supply *s, size_t n)
{
	int64_t now = 0, full = 0, pct = 0, batteries = 0;
	bool weighed = true, said = true;

	for (size_t i = 0; i < n; i++) {
		if (s[i].kind != DEVICE_SUPPLY_BATTERY)
			continue;
		batteries++;
		weighed = weighed && s[i].now >= 0 && s[i].full > 0;
		said = said && s[i].capacity_pct >= 0;
		now += s[i].now;
		full += s[i].full;
		pct += s[i].capacity_pct;
	}
	if (batteries == 0)
		return 100;
	if (said && (batteries == 1 || !weighed))
		return (int16_t)(pct / batteries);
	if (!weighed)
		return -1;
	pct = (int64_t)((double)now * 100.0 / (double)full);
	return pct > 100 ? 100 : (int16_t)pct;
}

struct device_power device_power_of(const struct device_supply *s, size_t n)
{
	struct device_power ret = { POLICY_POWER_UNKNOWN, charge(s, n) };
	size_t lines = 0, batteries = 0, charging = 0;
	bool online = false, discharging = false;

	for (size_t i = 0; i < n; i++) {
		lines += s[i].kind == DEVICE_SUPPLY_LINE;
		batteries += s[i].kind == DEVICE_SUPPLY_BATTERY;
		online = online || s[i].online;
		discharging = discharging || s[i].discharging;
		charging += s[i].charging;
	}
	if (online || batteries == 0)
		ret.power = POLICY_POWER_AC;
	else if (discharging || (lines > 0 && charging == 0))
		ret.power = POLICY_POWER_BATTERY;
	else if (charging > 0)
		ret.power = POLICY_POWER_AC;
	return ret;
}

/* --- heat ----------------------------------------------------------------------------------
 */

bool device_trip_read(struct span type, struct span temp, struct device_trip *ret)
{
	static const char *const words[] = { [DEVICE_TRIP_PASSIVE] = "passive",
					     [DEVICE_TRIP_HOT] = "hot",
					     [DEVICE_TRIP_CRITICAL] = "critical" };
	struct device_trip t = { DEVICE_TRIP_OTHER, 0 };

	if (!number(temp, 10, &t.at_mdeg) || t.at_mdeg <= 0)
		return false; /* a point that is switched off reads 0 or far below it */
	for (size_t i = DEVICE_TRIP_PASSIVE; i < LEN(words); i++)
		if (span_is(span_trim(type), words[i]))
			t.kind = (enum device_trip_kind)i;
	*ret = t;
	return true;
}

static enum policy_thermal against(int64_t temp, const struct device_trip *t)
{
	int64_t left = t->at_mdeg - temp;

	switch (t->kind) {
	case DEVICE_TRIP_CRITICAL:
		return left <= 3 * DEGREE    ? POLICY_THERMAL_CRITICAL
		       : left <= 10 * DEGREE ? POLICY_THERMAL_SERIOUS
		       : left <= 20 * DEGREE ? POLICY_THERMAL_FAIR
					     : POLICY_THERMAL_NOMINAL;
	case DEVICE_TRIP_HOT:
		return left <= 0 ? POLICY_THERMAL_CRITICAL : POLICY_THERMAL_NOMINAL;
	case DEVICE_TRIP_PASSIVE:
		return left <= 0            ? POLICY_THERMAL_SERIOUS
		       : left <= 5 * DEGREE ? POLICY_THERMAL_FAIR
					    : POLICY_THERMAL_NOMINAL;
	case DEVICE_TRIP_OTHER:
		break;
	}
	return POLICY_THERMAL_UNKNOWN;
}

enum policy_thermal device_zone(int64_t temp_mdeg, const struct device_trip *trips, size_t n)
{
	enum policy_thermal worst = POLICY_THERMAL_UNKNOWN;

	for (size_t i = 0; i < n; i++) {
		enum policy_thermal t = against(temp_mdeg, &trips[i]);

		worst = t > worst ? t : worst;
	}
	return worst;
}

/* --- network -------------------------------------------------------------------------------
 */

static bool is_tunnel_type(int64_t type)
{
	return type == TYPE_NONE || type == TYPE_TUNNEL || type == TYPE_TUNNEL6 ||
	       type == TYPE_SIT || type == TYPE_GRE || type == TYPE_GRE6;
}

enum device_link device_link_read(const struct device_link_files *f)
{
	struct span state = span_trim(f->operstate);
	int64_t type, flags;

	if (!number(f->type, 10, &type) || !number(f->flags, 16, &flags) ||
	    type == TYPE_LOOPBACK || value_is(f->uevent, "DEVTYPE", "bridge"))
		return DEVICE_LINK_NONE;
	bool admin_up = (flags & FLAG_UP) != 0;
	bool up = admin_up && (span_is(state, "up") || span_is(state, "unknown"));

	if (f->has_device)
		return up ? DEVICE_LINK_UP : DEVICE_LINK_DOWN;
	if (f->has_master)
		return DEVICE_LINK_NONE; /* a container's or a virtual machine's end */
	if (is_tunnel_type(type) || f->tun_flags.ptr != NULL)
		return up ? DEVICE_LINK_TUNNEL : DEVICE_LINK_NONE;
	/* Bonds, VLANs, a container's own end of a pair: they say "up" when they are. */
	return admin_up && span_is(state, "up") ? DEVICE_LINK_UP : DEVICE_LINK_DOWN;
}

bool device_route4(struct span table, device_is_tunnel *is_tunnel, void *ctx)
{
	struct span word, name;
	int64_t destination, flags, mask;

	while (table.len > 0) {
		struct span line = span_cut(&table, '\n');

		/* Iface Destination Gateway Flags RefCnt Use Metric Mask …, hexadecimal */
		if (!next_word(&line, &name) || !next_word(&line, &word) ||
		    !number(word, 16, &destination) || !next_word(&line, &word) ||
		    !next_word(&line, &word) || !number(word, 16, &flags))
			continue;
		for (int i = 0; i < 3; i++)
			(void)next_word(&line, &word);
		if (next_word(&line, &word) && number(word, 16, &mask) && destination == 0 &&
		    mask == 0 && (flags & ROUTE_UP) != 0 && (flags & ROUTE_REJECT) == 0 &&
		    !is_tunnel(ctx, name))
			return true;
	}
	return false;
}

bool device_route6(struct span table, device_is_tunnel *is_tunnel, void *ctx)
{
	static const char any[] = "00000000000000000000000000000000";

	while (table.len > 0) {
		struct span line = span_cut(&table, '\n');
		/* destination, length, source, length, hop, metric, references, use, flags,
		 * name */
		struct span words[10];
		size_t n = 0;
		int64_t flags;

		while (n < LEN(words) && next_word(&line, &words[n]))
			n++;
		if (n == LEN(words) && span_is(words[0], any) && span_is(words[1], "00") &&
		    number(words[8], 16, &flags) && (flags & ROUTE_UP) != 0 &&
		    (flags & ROUTE_REJECT) == 0 && !is_tunnel(ctx, words[9]))
			return true;
	}
	return false;
}

/* --- all together --------------------------------------------------------------------------
 */

static enum policy_network network_of(const struct device_files *f,
				      const struct device_services *s)
{
	if (f->links_known && !f->link_up && !f->default_route)
		return POLICY_NETWORK_OFFLINE;
	return s->metered == POLICY_TRUE    ? POLICY_NETWORK_METERED
	       : s->metered == POLICY_FALSE ? POLICY_NETWORK_UNMETERED
					    : POLICY_NETWORK_UNKNOWN;
}

static enum policy_tri vpn_of(const struct device_files *f, const struct device_services *s)
{
	if (f->tunnel_up || s->vpn == POLICY_TRUE)
		return POLICY_TRUE;
	return f->links_known ? POLICY_FALSE : s->vpn;
}

struct device_state device_state_of(const struct device_files *f,
				    const struct device_services *s)
{
	struct device_state ret = { .battery_pct = -1 };

	if (f->power_known) {
		ret.power = f->power.power;
		ret.battery_pct = f->power.battery_pct;
	}
	ret.thermal = f->thermal;
	ret.network = network_of(f, s);
	ret.vpn = vpn_of(f, s);
	ret.strong = s->strong;
	ret.locked = s->locked != POLICY_UNKNOWN ? s->locked
		     : f->screen == POLICY_FALSE ? POLICY_FALSE
						 : POLICY_UNKNOWN;
	return ret;
}
