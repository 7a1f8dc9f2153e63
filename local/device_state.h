/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the machine as the policy asks for it: power, battery, heat, network, lock, VPN.
 *
 * Pure: the text of kernel files goes in, a struct comes out; device_files.c reads the files
 * and device_bus.c asks logind and NetworkManager. What cannot be told stays unknown, since
 * unknown tightens. Where a machine plainly lacks the thing asked about, the answer is the one
 * a person would give: no battery means mains power and a full one, no screen means not locked.
 */
#ifndef HITHER_LOCAL_DEVICE_STATE_H
#define HITHER_LOCAL_DEVICE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/span.h"
#include "policy/policy.h"

#define DEVICE_TRIPS_MAX 16

/* --- power: /sys/class/power_supply/NAME (Linux, ABI/testing/sysfs-class-power) -------------
 */

enum device_supply_kind { DEVICE_SUPPLY_OTHER, DEVICE_SUPPLY_LINE, DEVICE_SUPPLY_BATTERY };

struct device_supply {
	enum device_supply_kind kind;
	bool online;         /* a line that delivers */
	bool discharging;    /* a battery that is being used up */
	bool charging;       /* or filled, or kept full: something else delivers */
	int8_t capacity_pct; /* -1 unknown */
	int64_t now, full;   /* µWh or µAh; -1 unknown */
};

/*
 * `type` and `uevent` are the files of that name. Batteries of mice and headsets (scope Device)
 * and empty slots (present 0) come out as DEVICE_SUPPLY_OTHER.
 */
void device_supply_read(struct span type, struct span uevent, struct device_supply *ret);

struct device_power {
	enum policy_power power;
	int16_t battery_pct; /* -1 unknown */
};

/*
 * A line that delivers wins. Batteries are added up by what they hold, or averaged when one
 * does not say. n = 0 is a machine without a battery: ac, 100.
 */
struct device_power device_power_of(const struct device_supply *s, size_t n);

/* --- heat: /sys/class/thermal/thermal_zoneN (ABI/testing/sysfs-class-thermal) ---------------
 */

enum device_trip_kind {
	DEVICE_TRIP_OTHER,
	DEVICE_TRIP_PASSIVE,
	DEVICE_TRIP_HOT,
	DEVICE_TRIP_CRITICAL
};

struct device_trip {
	enum device_trip_kind kind;
	int64_t at_mdeg; /* thousandths of a degree Celsius */
};

bool device_trip_read(struct span type, struct span temp, struct device_trip *ret);

/*
 * critical: at the hot trip point, or within 3 degrees of the critical one, where the machine
 * turns itself off. serious: at the passive point, where the kernel slows the machine down, or
 * within 10 degrees of critical. fair: within 5 degrees of passive, or 20 of critical. Unknown
 * when the zone has none of these points: it may cool a card or report nonsense.
 */
enum policy_thermal device_zone(int64_t temp_mdeg, const struct device_trip *trips, size_t n);

/* --- network: /sys/class/net/NAME and /proc/net ----------------------------------------------
 */

struct device_link_files {
	struct span name, type, flags, operstate, uevent,
		tun_flags; /* ptr NULL: no such file */
	bool has_device;   /* hardware behind it, real or emulated */
	bool has_master;   /* a port of a bridge or a bond */
};

enum device_link {
	DEVICE_LINK_NONE, /* loopback, a bridge, a port of one, an unused tunnel: tells nothing
			   */
	DEVICE_LINK_DOWN,
	DEVICE_LINK_UP,
	DEVICE_LINK_TUNNEL, /* an active tunnel: says VPN, and nothing about being online */
};

enum device_link device_link_read(const struct device_link_files *f);

/*
 * Does the table (/proc/net/route, /proc/net/ipv6_route) hold a default route that is in use?
 * Routes over an interface that `is_tunnel` confirms do not count.
 */
typedef bool device_is_tunnel(void *ctx, struct span name);
bool device_route4(struct span table, device_is_tunnel *is_tunnel, void *ctx);
bool device_route6(struct span table, device_is_tunnel *is_tunnel, void *ctx);

/* --- all together ----------------------------------------------------------------------------
 */

/* What the files of the kernel say. */
struct device_files {
	bool power_known;
	struct device_power power;
	enum policy_thermal thermal;
	bool links_known; /* there is an interface besides loopback */
	bool link_up, tunnel_up, default_route;
	enum policy_tri screen; /* there is hardware that could show a lock screen */
};

/* What the services on the system bus say; all zero without a bus. */
struct device_services {
	enum policy_tri metered;
	enum policy_tri vpn;
	enum policy_tri locked; /* known whenever logind answers */
	enum policy_tri strong; /* polkit answers and knows the action; false without a bus */
};

struct device_state {
	enum policy_power power;
	int16_t battery_pct; /* -1 unknown */
	enum policy_network network;
	enum policy_thermal thermal;
	enum policy_tri locked, vpn;
	enum policy_tri strong; /* people can prove to polkit who they are */
};

/*
 * offline: every interface is down and there is no default route. A place with no interface
 * but loopback is a network namespace that shows nothing of the machine: unknown. Online and
 * nobody to say whether it is metered: unknown as well.
 */
struct device_state device_state_of(const struct device_files *f,
				    const struct device_services *s);

#endif
