# SPDX-License-Identifier: Apache-2.0
"""The state of the machine in the policy: from the kernel's files and the system bus to verdicts of
router and consent, while the daemon runs.

device.py HITHERD HITHER bus|no-bus [unittest arguments]     no-bus: built without libsystemd
"""
import json
import os
import subprocess
import sys
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
COMMAND = os.path.abspath(sys.argv.pop(1))
BUS = {"bus": True, "no-bus": False}[sys.argv.pop(1)]
needs_bus = unittest.skipUnless(BUS, "built without libsystemd")
from machine import LOGIN, NM  # noqa: E402  (stage has set the path)

EASY = "What is the capital of France?"


class Device(unittest.TestCase):
    def daemon(self, *rules, start=True, **more):
        d = stage.Daemon(PROGRAM)
        self.addCleanup(d.close)
        d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "ask"},
                  "destinations": {"far": d.destination(), "near": d.destination(tier="trusted")},
                  "rules": list(rules), "consent": {"timeout": "20s"}, **more})
        return d.start() if start else d

    @staticmethod
    def facts(d):
        return d.get("/hither/v1/status", sock="admin.sock").json["device"]

    def known(self, d, **want):
        """Waits until consent says so."""
        stage.until(str(want), lambda: want.items() <= self.facts(d).items())

    def route(self, d, prompt=stage.HARD, **headers):
        return d.route(prompt, **headers).json

    def verdict(self, d, destination="far", **headers):
        at = self.route(d, **headers)["destinations"][destination]
        return at["verdict"], at["by"]

    def decided(self, d, *want):
        """Waits until the router decides so."""
        stage.until(str(want), lambda: self.verdict(d) == want)

    # --- the network ---------------------------------------------------------------------

    def test_offline_denies_all_but_the_device_and_says_so(self):
        d = self.daemon()
        self.known(d, network=None, vpn=False)  # up, and nobody knows whether it is metered
        self.assertEqual(self.verdict(d)[0], "ask")
        d.machine.network(False)
        self.decided(d, "deny", ["builtin:offline"])
        self.assertEqual(self.verdict(d, "near"), ("deny", ["builtin:offline"]))
        self.assertEqual(self.verdict(d, "local")[0], "allow")
        self.known(d, network="offline")
        route = self.route(d)
        self.assertEqual((route["route"], route["destination"]), ("device", "local"))
        self.assertIn("far is denied by builtin:offline: this machine is offline", route["reasons"])
        answer = d.chat(stage.HARD)
        self.assertEqual((answer.status, answer.headers["x-hither-tier"]), (200, "device"))
        refused = d.chat(stage.HARD, model="far")
        self.assertEqual((refused.status, refused.json["error"]["code"]), (403, "policy_denied"))
        self.assertIn("offline", refused.json["error"]["message"])
        self.assertEqual(d.cloud.connections, 0)
        d.machine.network(True)
        self.decided(d, "ask", ["user:default"])

    def test_a_namespace_with_nothing_but_loopback_is_unknown(self):
        d = self.daemon(start=False)
        os.rename(d.machine.path("sys/class/net/eth0"), d.machine.path("sys/class/net/.eth0"))
        d.machine.write("proc/net/route", "")
        d.start()
        self.known(d, power="ac", network=None, vpn=None)
        self.assertEqual(self.verdict(d)[0], "ask")

    def test_a_tunnel_is_a_vpn(self):
        d = self.daemon({"id": "at-work-only", "effect": "deny", "when": {"device": {"vpn": False}}})
        self.decided(d, "deny", ["at-work-only"])
        d.machine.tunnel(True)
        self.decided(d, "ask", ["user:default"])
        self.known(d, vpn=True)
        d.machine.tunnel(False)
        self.decided(d, "deny", ["at-work-only"])

    # --- power and heat ------------------------------------------------------------------

    def test_battery(self):
        rule = {"id": "spare-the-battery", "effect": "deny",
                "when": {"tier": ["cloud"], "device": {"power": ["battery"], "battery_pct": {"lt": 20}}}}
        d = self.daemon(rule)
        self.known(d, power="ac", battery_pct=100)  # without a battery
        self.decided(d, "ask", ["user:default"])
        d.machine.battery(55)
        self.known(d, power="battery", battery_pct=55)
        self.decided(d, "ask", ["user:default"])
        d.machine.battery(19)
        self.decided(d, "deny", ["spare-the-battery"])
        d.machine.battery(19, "Charging")
        self.decided(d, "ask", ["user:default"])

    def test_a_replay_knows_how_the_machine_was(self):
        """The record says that it ran on battery; a rule about batteries meets it again, whatever is so now."""
        d = self.daemon()
        d.machine.battery(55)
        self.known(d, power="battery", battery_pct=55)
        self.assertEqual(d.run_program(stage.HARD, headers={"Hither-Consent": "return"}).status, 403)
        d.machine.battery(60, "Charging")
        self.known(d, power="ac")
        self.assertEqual(d.run_program(stage.HARD + " Again.", headers={"Hither-Consent": "return"}).status, 403)
        rule = d.path("rule.json")
        with open(rule, "w", encoding="utf-8") as f:
            json.dump({"hither_policy": 1, "id": "tried", "default": {"cloud": "ask"},
                       "destinations": {"far": d.destination()},
                       "rules": [{"id": "spare-the-battery", "effect": "deny",
                                  "when": {"tier": ["cloud"], "device": {"power": ["battery"]}}}]}, f)
        out = subprocess.run([COMMAND, "policy", "replay", rule, "--json", "--state-dir", d.path("state")],
                             capture_output=True, text=True, check=True).stdout
        far = json.loads(out)["destinations"]["far"]
        self.assertEqual((far["deny"], far["ask"]), (1, 1), out)

    def test_heat(self):
        d = self.daemon({"id": "cool-down", "effect": "deny",
                         "when": {"device": {"thermal": ["serious", "critical"]}}}, start=False)
        d.machine.heat(50)
        d.start()
        self.decided(d, "ask", ["user:default"])
        d.machine.heat(96)
        self.known(d, thermal="serious")
        self.decided(d, "deny", ["cool-down"])

    def test_what_is_unknown_tightens(self):
        d = self.daemon({"id": "cool-down", "effect": "deny",
                         "when": {"tier": ["cloud"], "device": {"thermal": ["serious"]}}})
        self.known(d, power="ac", thermal=None)
        self.assertEqual(self.verdict(d), ("deny", ["cool-down?"]))

    # --- the lock ------------------------------------------------------------------------

    LOCK = {"id": "not-while-locked", "effect": "deny", "when": {"device": {"locked": True}},
            "because": "Nobody is looking."}

    def test_no_screen_no_lock(self):
        d = self.daemon(self.LOCK, start=False)
        d.start()
        self.known(d, locked=False)
        self.decided(d, "ask", ["user:default"])
        d.machine.screen()  # and nobody to ask about it
        self.known(d, locked=None)
        self.decided(d, "deny", ["not-while-locked?"])

    @needs_bus
    def test_the_session_says_locked(self):
        d = self.daemon(self.LOCK, start=False)
        d.machine.screen()
        bus = d.machine.services()
        d.start()
        self.known(d, locked=False, network="unmetered", vpn=False)
        self.decided(d, "ask", ["user:default"])
        bus[LOGIN + ".Session", "LockedHint"] = ("b", True)
        self.known(d, locked=True)
        self.decided(d, "deny", ["not-while-locked"])
        self.assertIn("far is denied by not-while-locked: Nobody is looking.", self.route(d)["reasons"])
        bus[LOGIN + ".Session", "Type"] = ("s", "tty")
        self.known(d, locked=False)
        bus[LOGIN + ".User", "Display"] = ("(so)", ("", "/"))
        bus[LOGIN + ".Session", "Type"] = ("s", "wayland")
        self.decided(d, "ask", ["user:default"])
        del bus[LOGIN + ".User", "Display"]  # a logind that answers with errors
        self.known(d, locked=None)

    @needs_bus
    def test_the_network_service_says_metered_and_vpn(self):
        d = self.daemon({"id": "not-on-the-phone", "effect": "deny",
                         "when": {"device": {"network": ["metered"]}}}, start=False)
        bus = d.machine.services()
        d.start()
        self.decided(d, "ask", ["user:default"])
        bus[NM, "Metered"] = ("u", 3)
        self.known(d, network="metered")
        self.decided(d, "deny", ["not-on-the-phone"])
        bus[NM + ".Connection.Active", "Type"] = ("s", "wireguard")
        self.known(d, vpn=True)
        bus[NM, "Metered"] = ("u", 0)
        self.known(d, network=None)
        self.decided(d, "deny", ["not-on-the-phone?"])

    def test_a_bus_that_hangs_costs_only_what_it_would_have_said(self):
        d = self.daemon(start=False)
        d.machine.services()
        d.machine.bus.silent = True
        d.start()
        self.assertEqual(d.chat(EASY).status, 200)
        self.known(d, power="ac", network=None, locked=False)
        self.assertEqual(d.chat(EASY).status, 200)
        d.machine.bus.silent = False
        self.known(d, network="unmetered" if BUS else None)

    # --- consent decides again -----------------------------------------------------------

    @needs_bus
    def test_a_question_ends_when_the_screen_is_locked(self):
        d = self.daemon(self.LOCK, start=False)
        bus = d.machine.services()
        d.start()
        self.known(d, locked=False)
        person = d.agent()
        self.addCleanup(person.close)
        waiting = d.program(stage.HARD)
        question = d.question()
        bus[LOGIN + ".Session", "LockedHint"] = ("b", True)
        stage.until("withdrawn", lambda: not d.questions())
        self.assertNotEqual(d.answer(question, "approve").status, 200)
        answer = waiting.result()
        self.assertEqual((answer.status, answer.headers["x-hither-tier"]), (200, "device"))
        self.assertEqual(d.cloud.connections, 0)

    def test_user_and_groups(self):
        me = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
        d = self.daemon({"id": "mine", "effect": "allow", "when": {"user": [me], "group": [group],
                                                                   "interactive": True}})
        self.decided(d, "allow", ["mine"])
        self.assertEqual(self.verdict(d, **{"Hither-Interactive": "no"}), ("ask", ["user:default"]))
        answer = d.chat(stage.HARD, model="far")  # both judges agree: nobody is asked
        self.assertEqual((answer.status, answer.headers["x-hither-destination"]), (200, "far"))

    # --- told ----------------------------------------------------------------------------

    def test_status_tells_the_facts_in_force(self):
        d = self.daemon()
        self.known(d, power="ac")
        run = subprocess.run([COMMAND, "--json", "status"], capture_output=True, text=True, check=False,
                             env={**os.environ, "HITHER_HOST": "unix:" + d.path("run", "hither.sock")})
        self.assertEqual(json.loads(run.stdout)["device"],
                         {"power": "ac", "battery_pct": 100, "network": None, "thermal": None,
                          "locked": False, "vpn": False})
        d.machine.battery(41)
        d.machine.network(False)
        self.known(d, battery_pct=41, network="offline")
        run = subprocess.run([COMMAND, "status"], capture_output=True, text=True, check=False,
                             env={**os.environ, "HITHER_HOST": "unix:" + d.path("run", "hither.sock")})
        self.assertIn("device  on battery, 41 %, offline, screen not locked", run.stdout)

    def test_without_local_nothing_is_known_until_it_is_back(self):
        d = self.daemon()
        d.machine.network(False)
        self.decided(d, "deny", ["builtin:offline"])
        first = d.role_pid("local")
        os.kill(first, 9)
        stage.until("another local", lambda: d.role_pid("local") not in (None, first))
        self.decided(d, "deny", ["builtin:offline"])
        os.kill(d.role_pid("router"), 9)
        stage.until("a router", d.ready)
        self.decided(d, "deny", ["builtin:offline"])
        os.kill(d.role_pid("consent"), 9)
        stage.until("a consent", d.ready)
        self.known(d, network="offline")


if __name__ == "__main__":
    unittest.main(verbosity=2)
