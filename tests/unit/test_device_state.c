/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's state from the files of the kernel: parsers by rows, then whole folders. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "local/device_bus.h"
#include "local/device_files.h"
#include "local/device_state.h"

/* --- power ---------------------------------------------------------------------------------
 */

#define BAT(status, more)                                                                      \
	{                                                                                      \
		"Battery\n", "POWER_SUPPLY_NAME=BAT0\nPOWER_SUPPLY_PRESENT=1\n"                \
			     "POWER_SUPPLY_STATUS=" status "\n" more                           \
	}
#define LINE(online)                                                                           \
	{                                                                                      \
		"Mains\n", "POWER_SUPPLY_NAME=AC\nPOWER_SUPPLY_ONLINE=" online "\n"            \
	}

static const struct {
	const char *name;
	struct {
		const char *type, *uevent;
	} supplies[3];
	enum policy_power power;
	int pct;
} powers[] = {
	{ "nothing listed: a machine on the mains", { { NULL, NULL } }, POLICY_POWER_AC, 100 },
	{ "unplugged",
	  { BAT("Discharging", "POWER_SUPPLY_CAPACITY=41\n"), LINE("0") },
	  POLICY_POWER_BATTERY,
	  41 },
	{ "plugged in and still losing charge",
	  { BAT("Discharging", "POWER_SUPPLY_CAPACITY=41\n"), LINE("1") },
	  POLICY_POWER_AC,
	  41 },
	{ "the line is off and the battery does not say",
	  { BAT("Unknown", "POWER_SUPPLY_CAPACITY=41\n"), LINE("0") },
	  POLICY_POWER_BATTERY,
	  41 },
	{ "no line listed, battery full",
	  { BAT("Full", "POWER_SUPPLY_CAPACITY=100\n") },
	  POLICY_POWER_AC,
	  100 },
	{ "no line listed, battery silent", { BAT("Unknown", "") }, POLICY_POWER_UNKNOWN, -1 },
	{ "two batteries, weighed by what they hold",
	  { BAT("Discharging", "POWER_SUPPLY_CAPACITY=100\nPOWER_SUPPLY_ENERGY_NOW=10\n"
			       "POWER_SUPPLY_ENERGY_FULL=10\n"),
	    BAT("Discharging", "POWER_SUPPLY_CAPACITY=0\nPOWER_SUPPLY_ENERGY_NOW=0\n"
			       "POWER_SUPPLY_ENERGY_FULL=30\n") },
	  POLICY_POWER_BATTERY,
	  25 },
	{ "charge instead of a percentage",
	  { BAT("Discharging",
		"POWER_SUPPLY_CHARGE_NOW=3000\nPOWER_SUPPLY_CHARGE_FULL=4000\n") },
	  POLICY_POWER_BATTERY,
	  75 },
	{ "a mouse is no battery of the machine",
	  { BAT("Discharging", "POWER_SUPPLY_CAPACITY=3\nPOWER_SUPPLY_SCOPE=Device\n") },
	  POLICY_POWER_AC,
	  100 },
	{ "an empty slot",
	  { { "Battery", "POWER_SUPPLY_PRESENT=0\nPOWER_SUPPLY_STATUS=Unknown\n" } },
	  POLICY_POWER_AC,
	  100 },
	{ "nonsense for a percentage",
	  { BAT("Discharging", "POWER_SUPPLY_CAPACITY=4711\n") },
	  POLICY_POWER_BATTERY,
	  -1 },
};

static void power(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(powers); i++) {
		struct device_supply s[3];
		size_t n = 0;

		for (; n < LEN(s) && powers[i].supplies[n].type != NULL; n++)
			device_supply_read(span_of(powers[i].supplies[n].type),
					   span_of(powers[i].supplies[n].uevent), &s[n]);
		struct device_power p = device_power_of(s, n);
		CHECK(p.power == powers[i].power, powers[i].name);
		CHECK(p.battery_pct == powers[i].pct, powers[i].name);
	}
}

/* --- heat ----------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	const char *trips[3][2];
	int64_t temp;
	enum policy_thermal want;
} zones[] = {
	{ "far from everything",
	  { { "critical\n", "105000\n" }, { "passive", "95000" } },
	  45000,
	  POLICY_THERMAL_NOMINAL },
	{ "near the slowing point",
	  { { "critical", "119000" }, { "passive", "95000" } },
	  91000,
	  POLICY_THERMAL_FAIR },
	{ "slowed down",
	  { { "critical", "119000" }, { "passive", "95000" } },
	  95000,
	  POLICY_THERMAL_SERIOUS },
	{ "about to turn off", { { "critical", "105000" } }, 102000, POLICY_THERMAL_CRITICAL },
	{ "ten degrees to go", { { "critical", "105000" } }, 95000, POLICY_THERMAL_SERIOUS },
	{ "twenty degrees to go", { { "critical", "105000" } }, 85000, POLICY_THERMAL_FAIR },
	{ "hot counts as critical", { { "hot", "90000" } }, 90000, POLICY_THERMAL_CRITICAL },
	{ "only fans: tells nothing",
	  { { "active", "50000" } },
	  60000,
	  POLICY_THERMAL_UNKNOWN },
	{ "points that are switched off",
	  { { "critical", "0" }, { "passive", "-274000" } },
	  60000,
	  POLICY_THERMAL_UNKNOWN },
	{ "no number", { { "critical", "hot" } }, 60000, POLICY_THERMAL_UNKNOWN },
};

static void heat(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(zones); i++) {
		struct device_trip trips[3];
		size_t n = 0;

		for (size_t t = 0; t < 3 && zones[i].trips[t][0] != NULL; t++)
			n += device_trip_read(span_of(zones[i].trips[t][0]),
					      span_of(zones[i].trips[t][1]), &trips[n]);
		CHECK(device_zone(zones[i].temp, trips, n) == zones[i].want, zones[i].name);
	}
}

/* --- network -------------------------------------------------------------------------------
 */

static const struct {
	const char *name, *type, *flags, *state, *uevent;
	bool tun, device, master;
	enum device_link want;
} links[] = {
	{ "loopback", "772\n", "0x9\n", "unknown\n", "", false, false, false,
	  DEVICE_LINK_NONE },
	{ "Ethernet, plugged", "1", "0x1003", "up", "INTERFACE=eth0\n", false, true, false,
	  DEVICE_LINK_UP },
	{ "Ethernet, unplugged", "1", "0x1003", "down", "", false, true, false,
	  DEVICE_LINK_DOWN },
	{ "a driver that does not tell", "1", "0x1003", "unknown", "", false, true, false,
	  DEVICE_LINK_UP },
	{ "switched off", "1", "0x1002", "up", "", false, true, false, DEVICE_LINK_DOWN },
	{ "port of a bridge, with hardware", "1", "0x1003", "up", "", false, true, true,
	  DEVICE_LINK_UP },
	{ "the host's end of a container's pair", "1", "0x1003", "up", "", false, false, true,
	  DEVICE_LINK_NONE },
	{ "the container's own end", "1", "0x1003", "up", "", false, false, false,
	  DEVICE_LINK_UP },
	{ "a bridge", "1", "0x1003", "up", "DEVTYPE=bridge\n", false, false, false,
	  DEVICE_LINK_NONE },
	{ "a bond without a port", "1", "0x1003", "down", "DEVTYPE=bond\n", false, false, false,
	  DEVICE_LINK_DOWN },
	{ "WireGuard", "65534", "0x91", "unknown", "DEVTYPE=wireguard\n", false, false, false,
	  DEVICE_LINK_TUNNEL },
	{ "WireGuard, down", "65534", "0x90", "down", "DEVTYPE=wireguard\n", false, false,
	  false, DEVICE_LINK_NONE },
	{ "tun", "65534", "0x1091", "unknown", "", true, false, false, DEVICE_LINK_TUNNEL },
	{ "tap", "1", "0x1003", "up", "", true, false, false, DEVICE_LINK_TUNNEL },
	{ "a virtual machine's tap", "1", "0x1003", "up", "", true, false, true,
	  DEVICE_LINK_NONE },
	{ "a raw IP modem is no tunnel", "65534", "0x10d1", "unknown", "DEVTYPE=wwan\n", false,
	  true, false, DEVICE_LINK_UP },
	{ "what every namespace has", "776", "0x80", "down", "", false, false, false,
	  DEVICE_LINK_NONE },
	{ "unreadable", "", "", "", "", false, true, false, DEVICE_LINK_NONE },
};

static void interfaces(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(links); i++) {
		struct device_link_files f = { .name = SPAN_LITERAL("x"),
					       .type = span_of(links[i].type),
					       .flags = span_of(links[i].flags),
					       .operstate = span_of(links[i].state),
					       .uevent = span_of(links[i].uevent),
					       .has_device = links[i].device,
					       .has_master = links[i].master };

		if (links[i].tun)
			f.tun_flags = SPAN_LITERAL("0x1001\n");
		CHECK(device_link_read(&f) == links[i].want, links[i].name);
	}
}

static bool starts_with_tun(void *ctx, struct span name)
{
	(void)ctx;
	return span_starts(name, "tun");
}

#define HEAD4                                                                                  \
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT " \
	"\n"
#define ANY6 "00000000000000000000000000000000"

static void routes(void **state)
{
	static const struct {
		const char *name;
		bool six, want;
		const char *table;
	} tables[] = {
		{ "empty", false, false, "" },
		{ "only a head", false, false, HEAD4 },
		{ "a default route", false, true,
		  HEAD4 "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" },
		{ "a network next door", false, false,
		  HEAD4 "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" },
		{ "half of everything is not everything", false, false,
		  HEAD4 "eth0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n" },
		{ "through a tunnel", false, false,
		  HEAD4 "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n" },
		{ "rejected", false, false,
		  HEAD4 "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n" },
		{ "cut off", false, false, "eth0\t00000000\t0102" },
		{ "a default route", true, true,
		  ANY6 " 00 " ANY6 " 00 fd000000000000000000000000000001 00000400 00000003 "
		       "00000000 00000003     eth0\n" },
		{ "what the kernel puts last", true, false,
		  ANY6 " 00 " ANY6 " 00 " ANY6
		       " ffffffff 00000001 00000000 00200200       lo\n" },
		{ "link-local", true, false,
		  "fe800000000000000000000000000000 40 " ANY6 " 00 " ANY6
		  " 00000100 00000002 00000000 00000001     eth0\n" },
	};

	(void)state;
	for (size_t i = 0; i < LEN(tables); i++)
		CHECK((tables[i].six ? device_route6 : device_route4)(span_of(tables[i].table),
								      starts_with_tun,
								      NULL) == tables[i].want,
		      tables[i].name);
}

/* --- all together --------------------------------------------------------------------------
 */

static void network(void **state)
{
	static const struct {
		const char *name;
		struct device_files files;
		struct device_services services;
		enum policy_network network;
		enum policy_tri vpn;
	} rows[] = {
		{ "all down",
		  { .links_known = true },
		  { .metered = POLICY_FALSE },
		  POLICY_NETWORK_OFFLINE,
		  POLICY_FALSE },
		{ "up, and nobody knows the price",
		  { .links_known = true, .link_up = true },
		  { .metered = POLICY_UNKNOWN },
		  POLICY_NETWORK_UNKNOWN,
		  POLICY_FALSE },
		{ "up and metered",
		  { .links_known = true, .link_up = true },
		  { .metered = POLICY_TRUE },
		  POLICY_NETWORK_METERED,
		  POLICY_FALSE },
		{ "a route is enough",
		  { .links_known = true, .default_route = true },
		  { .metered = POLICY_FALSE },
		  POLICY_NETWORK_UNMETERED,
		  POLICY_FALSE },
		{ "nothing but loopback says nothing",
		  { .links_known = false },
		  { .metered = POLICY_UNKNOWN },
		  POLICY_NETWORK_UNKNOWN,
		  POLICY_UNKNOWN },
		{ "a tunnel is a VPN, whatever the service thinks",
		  { .links_known = true, .link_up = true, .tunnel_up = true },
		  { .vpn = POLICY_FALSE },
		  POLICY_NETWORK_UNKNOWN,
		  POLICY_TRUE },
		{ "a VPN without an interface",
		  { .links_known = true, .link_up = true },
		  { .vpn = POLICY_TRUE },
		  POLICY_NETWORK_UNKNOWN,
		  POLICY_TRUE },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct device_state s = device_state_of(&rows[i].files, &rows[i].services);

		CHECK(s.network == rows[i].network, rows[i].name);
		CHECK(s.vpn == rows[i].vpn, rows[i].name);
	}
}

static void lock(void **state)
{
	static const struct {
		const char *name;
		enum policy_tri screen, said, want;
	} rows[] = {
		{ "logind says so", POLICY_TRUE, POLICY_TRUE, POLICY_TRUE },
		{ "logind says not", POLICY_TRUE, POLICY_FALSE, POLICY_FALSE },
		{ "logind knows better than the hardware", POLICY_FALSE, POLICY_TRUE,
		  POLICY_TRUE },
		{ "nobody to ask and a screen", POLICY_TRUE, POLICY_UNKNOWN, POLICY_UNKNOWN },
		{ "nobody to ask and no screen", POLICY_FALSE, POLICY_UNKNOWN, POLICY_FALSE },
		{ "nothing can tell", POLICY_UNKNOWN, POLICY_UNKNOWN, POLICY_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct device_files f = { .screen = rows[i].screen };
		struct device_services s = { .locked = rows[i].said };

		CHECK(device_state_of(&f, &s).locked == rows[i].want, rows[i].name);
	}
}

/* --- folders -------------------------------------------------------------------------------
 */

static char root[] = "/tmp/hither-device-XXXXXX";

static void put(const char *path, const char *text)
{
	char whole[256];

	snprintf(whole, sizeof whole, "%s/%s", root, path);
	*strrchr(whole, '/') = '\0';
	assert_int_equal(file_mkdirs(whole, 0700), ERR_OK);
	snprintf(whole, sizeof whole, "%s/%s", root, path);
	assert_int_equal(file_write(whole, span_of(text), 0600), ERR_OK);
}

static int sweep(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", root);
	return system(command);
}

static void folders(void **state)
{
	struct device_files f;
	struct device_services s;
	struct device_bus *bus;

	(void)state;
	assert_non_null(mkdtemp(root));
	device_files_read(root, &f);
	CHECK(!f.power_known && !f.links_known && f.thermal == POLICY_THERMAL_UNKNOWN &&
		      f.screen == POLICY_UNKNOWN,
	      "an empty folder tells nothing");
	put("sys/class/power_supply/BAT0/type", "Battery\n");
	put("sys/class/power_supply/BAT0/uevent",
	    "POWER_SUPPLY_STATUS=Discharging\nPOWER_SUPPLY_CAPACITY=12\n");
	put("sys/class/thermal/thermal_zone0/temp", "96000\n");
	put("sys/class/thermal/thermal_zone0/trip_point_0_type", "passive\n");
	put("sys/class/thermal/thermal_zone0/trip_point_0_temp", "95000\n");
	put("sys/class/thermal/thermal_zone1/temp", "30000\n");
	put("sys/class/thermal/cooling_device0/type", "Fan\n");
	put("sys/class/net/eth0/type", "1\n");
	put("sys/class/net/eth0/flags", "0x1003\n");
	put("sys/class/net/eth0/operstate", "down\n");
	put("sys/class/net/eth0/device/vendor", "0x8086\n");
	put("sys/class/net/wg0/type", "65534\n");
	put("sys/class/net/wg0/flags", "0x91\n");
	put("sys/class/net/wg0/operstate", "unknown\n");
	put("proc/net/route",
	    HEAD4 "wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n");
	device_files_read(root, &f);
	CHECK(f.power_known && f.power.power == POLICY_POWER_BATTERY &&
		      f.power.battery_pct == 12,
	      "battery");
	CHECK(f.thermal == POLICY_THERMAL_SERIOUS, "the worst zone counts");
	CHECK(f.links_known && !f.link_up && f.tunnel_up && !f.default_route,
	      "unplugged, with a tunnel that leads nowhere");
	CHECK(f.screen == POLICY_FALSE, "no screen");
	put("sys/class/drm/card0-eDP-1/status", "connected\n");
	put("sys/class/net/eth0/operstate", "up\n");
	device_files_read(root, &f);
	CHECK(f.link_up && f.screen == POLICY_TRUE, "a cable and a screen");

	bus = device_bus_new(root, false);
	assert_non_null(bus);
	device_bus_read(bus, &s);
	CHECK(s.locked == POLICY_UNKNOWN && s.metered == POLICY_UNKNOWN &&
		      s.vpn == POLICY_UNKNOWN,
	      "no bus, nothing known");
	device_bus_free(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power),
		cmocka_unit_test(heat),
		cmocka_unit_test(interfaces),
		cmocka_unit_test(routes),
		cmocka_unit_test(network),
		cmocka_unit_test(lock),
		cmocka_unit_test_teardown(folders, sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
