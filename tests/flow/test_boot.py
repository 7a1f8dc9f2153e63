# SPDX-License-Identifier: Apache-2.0
"""boot with roles that only prove their wires: start, death, reload, stop. The first argument is
the program made from tests/fake/hitherd_fake.c. Nothing here measures time; waits end at the
first success and fail after PATIENCE_S."""
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from stage import PATIENCE_S, alive, until

PROGRAM = os.path.abspath(sys.argv.pop(1))
ROLES = ["router", "local", "consent", "cloud"]
GOOD = '{"hither_policy": 1, "id": "%s", "rules": []}'


class Daemon:
    def __init__(self, *extra, env=None):
        self.home = tempfile.mkdtemp(prefix="hither-boot-")
        self.extra = list(extra)
        self.env = env
        self.process = None

    def path(self, *parts):
        return os.path.join(self.home, *parts)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name) + ".new", "w") as f:
            f.write(text)
        os.chmod(self.path(name) + ".new", 0o644)
        os.rename(self.path(name) + ".new", self.path(name))

    def command(self):
        return [PROGRAM, "--user", "--runtime-dir", self.path("run"), "--state-dir",
                self.path("state"), "--config-dir", self.path("config"), "--data-dir",
                self.path("data"), "--etc-dir", self.path("etc"), "--lib-dir",
                self.path("lib")] + self.extra

    def start(self, wait=True):
        with open(self.path("log"), "a") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log, env=self.env)
        if wait:
            until("all roles ready", self.ready)
        return self

    def said(self):
        with open(self.path("log")) as f:
            return f.read()

    def ask(self, name):
        """The line a socket answers with; None when nobody is there."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE_S)
        try:
            s.connect(self.path("run", name))
            text = b""
            while True:
                more = s.recv(65536)
                if not more:
                    break
                text += more
            return json.loads(text) if text else None
        except (ConnectionError, FileNotFoundError):
            return None
        finally:
            s.close()

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError("ended early: " + self.said())
        h = self.ask("admin.sock")
        return h if h and all(h["roles"][r]["ready"] for r in ROLES) else None

    def whole(self):
        """Word goes all the way: router, local; router, consent, cloud and back."""
        a = self.ask("hither.sock")
        return a if a and a["local"] and a["chain"] else None

    def health(self):
        return until("all roles ready", self.ready)["roles"]

    def pids(self):
        return {r: v["pid"] for r, v in self.health().items()}

    def replaced(self, role, old):
        """All are ready again, and `role` is another process than `old`."""
        return until(f"{role} is another process",
                     lambda: self.pids()[role] not in (0, old))

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.home)


class Case(unittest.TestCase):
    def daemon(self, *extra, env=None):
        d = Daemon(*extra, env=env)
        self.addCleanup(d.close)
        return d


class Start(Case):
    def test_all_wires_carry_word(self):
        d = self.daemon().start()
        a = until("word came back", d.whole)
        self.assertEqual(a["generation"], 1)
        self.assertGreater(a["policy_bytes"], 0)
        until("the state of the engine", lambda: d.ask("admin.sock")["engine"] == 5)

    def test_folders_and_sockets_are_closed_to_others(self):
        d = self.daemon()
        d.write("config/apps/org.example.Notes.json", "{}")
        d.write("config/hitherd.json", '{"daemon": {"apps": ["listed"]}}')
        d.start()
        for name in ["hither.sock", "consent.sock", "admin.sock", "apps/listed.sock",
                     "apps/org.example.Notes.sock"]:
            st = os.stat(d.path("run", name))
            self.assertTrue(stat.S_ISSOCK(st.st_mode), name)
            self.assertEqual(stat.S_IMODE(st.st_mode), 0o600, name)
        for name in ["run", "run/apps", "state", "config/policy.d"]:
            self.assertEqual(stat.S_IMODE(os.stat(d.path(name)).st_mode), 0o700, name)

    def test_a_system_daemon_lets_others_reach_its_folder_only(self):
        d = self.daemon()
        d.extra = ["--system"]
        command = d.command()
        command.remove("--user")
        d.command = lambda: command
        if os.geteuid() == 0:  # then each role needs a user, and this machine has none (system.py)
            got = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
            self.assertEqual(got.returncode, 1)
            self.assertIn("systemd-sysusers", got.stderr)
            return
        d.start()
        self.assertEqual(stat.S_IMODE(os.stat(d.path("run")).st_mode), 0o755)
        self.assertEqual(stat.S_IMODE(os.stat(d.path("state")).st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(d.path("run/admin.sock")).st_mode), 0o600)

    def test_open_folders_are_closed_before_use(self):
        d = self.daemon()
        os.makedirs(d.path("run"))
        os.chmod(d.path("run"), 0o777)
        d.start()
        self.assertEqual(stat.S_IMODE(os.stat(d.path("run")).st_mode), 0o700)

    def test_a_second_daemon_is_refused_and_the_first_lives(self):
        d = self.daemon().start()
        second = subprocess.run(d.command(), capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another hitherd runs in", second.stderr)
        self.assertTrue(until("word came back", d.whole))

    def test_a_stale_socket_is_replaced_and_a_live_one_is_not(self):
        d = self.daemon()
        os.makedirs(d.path("run"), 0o700)
        left = socket.socket(socket.AF_UNIX)
        left.bind(d.path("run", "hither.sock"))
        left.close()
        d.start()
        self.assertTrue(until("word came back", d.whole))

        other = self.daemon()
        os.makedirs(other.path("run"), 0o700)
        with socket.socket(socket.AF_UNIX) as live:
            live.bind(other.path("run", "hither.sock"))
            live.listen(1)
            other.start(wait=False)
            self.assertEqual(other.process.wait(PATIENCE_S), 1)
            self.assertIn("another program answers on", other.said())
            self.assertTrue(os.path.exists(other.path("run", "hither.sock")))

    def test_a_file_in_the_way_is_left_alone(self):
        d = self.daemon()
        d.write("run/hither.sock", "precious")
        d.start(wait=False)
        self.assertEqual(d.process.wait(PATIENCE_S), 1)
        self.assertIn("is in the way", d.said())
        with open(d.path("run/hither.sock")) as f:
            self.assertEqual(f.read(), "precious")

    def test_a_path_too_long_for_a_socket_is_named(self):
        d = self.daemon()
        d.extra = ["--runtime-dir", d.path("r" * 120)]
        d.start(wait=False)
        self.assertEqual(d.process.wait(PATIENCE_S), 1)
        self.assertIn("too long for a socket", d.said())

    def test_a_link_in_the_way_of_the_fallback_folder_is_refused(self):
        env = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"}
        path = f"/tmp/hither-{os.getuid()}"
        if os.path.lexists(path):
            self.skipTest(path + " is in use")
        d = self.daemon(env=env)
        os.symlink(d.path("elsewhere"), path)
        self.addCleanup(os.unlink, path)
        i = d.command().index("--runtime-dir")
        command = d.command()[:i] + d.command()[i + 2:]
        r = subprocess.run(command, capture_output=True, text=True, env=env, timeout=PATIENCE_S)
        self.assertEqual(r.returncode, 1)
        self.assertIn("symbolic link", r.stderr)

    def test_command_line(self):
        def run(*args):
            return subprocess.run([PROGRAM, *args], capture_output=True, text=True,
                                  timeout=PATIENCE_S)
        self.assertEqual(run("--help").returncode, 0)
        self.assertIn("--runtime-dir", run("--help").stdout)
        self.assertRegex(run("--version").stdout, r"^hitherd \d")
        self.assertEqual(run("--frobnicate").returncode, 2)
        self.assertEqual(run("--user", "--system").returncode, 2)
        self.assertEqual(run("word").returncode, 2)
        self.assertEqual(run("--log-format", "xml").returncode, 2)
        self.assertEqual(run("--role", "janitor").returncode, 2)

    def test_a_wrong_configuration_is_refused_with_its_place(self):
        d = self.daemon()
        d.write("config/hitherd.json", '{\n  "limits": { "heders": 1 } }')
        d.start(wait=False)
        self.assertEqual(d.process.wait(PATIENCE_S), 1)
        self.assertRegex(d.said(), r"hitherd.json:2:\d+: unknown setting: heders; did you mean headers")

    def test_check_starts_nothing(self):
        d = self.daemon("--check")
        d.write("config/policy.d/10.json", GOOD % "mine")
        r = subprocess.run(d.command(), capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        self.assertIn("policy: active, 1 files", r.stdout)
        self.assertFalse(os.path.exists(d.path("run")))
        d.write("config/policy.d/10.json", '{"hither_policy": 1, "id": "x", "ruels": []}')
        r = subprocess.run(d.command(), capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(r.returncode, 1)
        self.assertIn("ruels", r.stderr)


class Death(Case):
    def test_each_role_comes_back_and_the_others_live(self):
        d = self.daemon().start()
        for role in ROLES:
            before = d.pids()
            os.kill(before[role], signal.SIGKILL)
            d.replaced(role, before[role])
            until(f"word after the death of {role}", d.whole)
            after = d.pids()
            for other in ROLES:
                if other != role:
                    self.assertEqual(after[other], before[other], other)
            self.assertEqual(d.health()[role]["restarts"], 1)
        self.assertEqual(d.stop(), 0)  # what was mended is no failure

    def test_all_roles_at_once(self):
        d = self.daemon().start()
        before = d.pids()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        until("word", lambda: set(d.pids().values()).isdisjoint(before.values()) and d.whole())

    def test_clients_that_connect_meanwhile_are_served_by_the_next(self):
        """The listening socket outlives the router."""
        d = self.daemon().start()
        os.kill(d.pids()["router"], signal.SIGKILL)
        self.assertIsNotNone(until("an answer", lambda: d.ask("hither.sock")))

    def test_a_neighbour_that_breaks_the_protocol_is_replaced(self):
        d = self.daemon()
        d.write("config/hitherd.json", '{"daemon": {"apps": ["break"]}}')
        d.start()
        before = d.pids()
        d.ask("apps/break.sock")  # the router may be gone before it has answered
        d.replaced("router", before["router"])
        until("word", d.whole)
        self.assertEqual(d.pids()["consent"], before["consent"])
        self.assertIn("says that its wire to router is broken", d.said())

    def test_no_role_survives_boot(self):
        d = self.daemon().start()
        pids = d.pids()
        d.stop(signal.SIGKILL)
        for role, pid in pids.items():
            until(role + " is gone", lambda: not alive(pid))
        d.start()  # what was left behind is no obstacle
        until("word", d.whole)


class Confinement(Case):
    def status(self, pid):
        with open(f"/proc/{pid}/status") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)

    def test_every_role_is_filtered(self):
        d = self.daemon().start()
        for role, pid in d.pids().items():
            st = self.status(pid)
            self.assertEqual(st["NoNewPrivs"].strip(), "1", role)
            if os.environ.get("HITHER_TEST_OPEN_JAIL"):  # built with sanitizers: no filter, and that is said
                self.assertFalse(d.health()[role]["sandbox"] & 16, role)
                continue
            self.assertEqual(st["Seccomp"].strip(), "2", role)
            self.assertTrue(d.health()[role]["sandbox"] & 16, role)

    def test_only_planned_descriptors_and_environment(self):
        secret = dict(os.environ, OPENAI_API_KEY="sk-canary", LD_BIND_NOW="1")
        d = self.daemon(env=secret).start()
        until("every wire is up", d.whole)
        for role, pid in d.pids().items():
            if os.getuid() != 0:  # not dumpable: nobody else of this user may look
                self.assertRaises(PermissionError, open, f"/proc/{pid}/environ", "rb")
                self.assertRaises(PermissionError, os.listdir, f"/proc/{pid}/fd")
                continue
            with open(f"/proc/{pid}/environ", "rb") as f:
                self.assertNotIn(b"canary", f.read(), role)
            fds = {int(n): os.readlink(f"/proc/{pid}/fd/{n}") for n in
                   os.listdir(f"/proc/{pid}/fd")}
            for n, target in fds.items():
                self.assertNotIn("io_uring", target, role)
                if n < 16 and n not in (2, 3, 4, 5, 6, 7, 8, 9):
                    self.assertEqual(target, "/dev/null", (role, n))
            sockets = {n for n, t in fds.items() if t.startswith("socket:")} - {2}
            wires = {"router": {3, 5, 6}, "local": {3, 4}, "consent": {3, 4, 7},
                     "cloud": {3, 6}}[role]
            listening = {"router": {16}, "consent": {16, 17}}.get(role, set())
            to_attester = sockets - wires - listening if role == "router" else set()
            self.assertLessEqual(len(to_attester), 1, role)
            self.assertEqual(sockets - to_attester, wires | listening, role)


class Policy(Case):
    def reload(self, d):
        return until("an answer to the reload", lambda: d.ask("consent.sock"))

    def test_reload_by_request_signal_and_change(self):
        d = self.daemon()
        d.write("config/policy.d/10.json", GOOD % "one")
        d.start()
        self.assertEqual(self.reload(d), {"ok": True, "tag": 77, "detail": ""})
        self.assertEqual(d.ask("admin.sock")["generation"], 1)  # nothing has changed

        d.write("config/policy.d/10.json", GOOD % "two")  # seen by itself
        until("the change is in force", lambda: d.ask("admin.sock")["generation"] == 2)
        until("the router has it too", lambda: d.ask("hither.sock")["generation"] == 2)

        d.write("etc/recommended.d/10.json", GOOD % "three")
        d.process.send_signal(signal.SIGHUP)
        until("the change is in force", lambda: d.ask("admin.sock")["generation"] == 3)

    def test_a_broken_file_at_reload_changes_nothing_and_is_told(self):
        d = self.daemon()
        d.write("config/policy.d/10.json", GOOD % "one")
        d.start()
        d.write("config/policy.d/10.json", '{"hither_policy": 1, "id": "one", "ruels": []}')
        answer = self.reload(d)
        self.assertFalse(answer["ok"])
        self.assertIn("10.json", answer["detail"])
        self.assertIn("ruels", answer["detail"])
        self.assertEqual(d.ask("admin.sock")["generation"], 1)

        before = d.pids()["consent"]  # one that starts later is told as well
        os.kill(before, signal.SIGKILL)
        d.replaced("consent", before)
        self.assertIn("ruels", d.ask("admin.sock")["reloaded"]["detail"])

        d.write("config/policy.d/10.json", GOOD % "mended")
        self.assertTrue(self.reload(d)["ok"])

    def test_a_broken_file_at_start_is_said_loudly(self):
        d = self.daemon()
        d.write("config/policy.d/10.json", "{")
        d.start()
        self.assertIn("DEGRADED", d.said())

    def test_a_broken_mandatory_file_at_start_locks_down_or_falls_back(self):
        d = self.daemon()
        d.write("etc/mandatory.d/10.json", "{")
        d.start()
        self.assertIn("LOCKDOWN", d.said())
        d.stop()

        other = self.daemon()
        other.write("etc/mandatory.d/10.json", GOOD % "rule")
        other.start()
        self.assertNotIn("LOCKDOWN", other.said())
        self.assertEqual(other.stop(), 0)
        other.write("etc/mandatory.d/10.json", "{")
        other.start()
        self.assertNotIn("LOCKDOWN", other.said())
        self.assertIn("DEGRADED", other.said())

    def test_a_mandatory_file_that_others_may_write_is_refused(self):
        d = self.daemon()
        d.write("etc/mandatory.d/10.json", GOOD % "rule")
        os.chmod(d.path("etc/mandatory.d/10.json"), 0o666)
        d.start()
        self.assertIn("LOCKDOWN", d.said())

    def test_a_user_file_that_others_may_write_is_skipped(self):
        for mode in (0o620, 0o602, 0o666):
            d = self.daemon()
            d.write("config/policy.d/10.json", GOOD % "mine")
            os.chmod(d.path("config/policy.d/10.json"), mode)
            d.start()
            self.assertIn("DEGRADED", d.said())
            self.assertRegex(d.said(), r"10\.json.*chmod 600")
            self.assertIn("state=degraded files=0", d.said())
            os.chmod(d.path("config/policy.d/10.json"), 0o644)
            self.assertTrue(self.reload(d)["ok"])
            d.stop()

    def test_cloud_reads_the_keys_again_at_each_reload_and_change(self):
        d = self.daemon()
        d.write("config/secrets.d/key", "sk-1")
        d.start()
        self.assertTrue(self.reload(d)["ok"])
        until("asked on the socket", lambda: "fake.keys reload=1" in d.said())
        d.process.send_signal(signal.SIGHUP)
        until("asked by a signal", lambda: "fake.keys reload=2" in d.said())
        os.chmod(d.path("config/secrets.d/key"), 0o600)
        until("a changed mode", lambda: "fake.keys reload=3" in d.said())
        os.unlink(d.path("config/secrets.d/key"))
        until("a file that went", lambda: "fake.keys reload=4" in d.said())
        self.assertEqual(d.ask("admin.sock")["generation"], 1)  # open questions go on
        d.write("config/policy.d/10.json", '{"hither_policy": 1, "id": "x", "ruels": []}')
        self.assertFalse(self.reload(d)["ok"])
        until("a reload that fails", lambda: "fake.keys reload=5" in d.said())

    def test_a_policy_that_expires_locks_down(self):
        text = '{"hither_policy": 1, "id": "fleet", "not_after": "%s", "rules": []}'
        d = self.daemon()
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
        d.write("etc/mandatory.d/10.json", text % soon)
        d.start()
        self.assertNotIn("LOCKDOWN", d.said())
        until("it has expired", lambda: "LOCKDOWN" in d.said())
        until("the roles know", lambda: d.ask("hither.sock")["generation"] == 2)
        d.write("etc/mandatory.d/10.json", text % "2999-01-01T00:00:00Z")
        self.assertTrue(self.reload(d)["ok"])

    def test_a_mandatory_file_that_vanishes_locks_down(self):
        d = self.daemon()
        d.write("etc/mandatory.d/10.json", GOOD % "rule")
        d.start()
        os.unlink(d.path("etc/mandatory.d/10.json"))
        self.assertFalse(self.reload(d)["ok"])
        until("the roles know", lambda: d.ask("hither.sock")["generation"] == 2)
        self.assertIn("LOCKDOWN", d.said())

    def test_a_serial_may_not_go_down(self):
        text = '{"hither_policy": 1, "id": "fleet", "serial": %d, "rules": []}'
        d = self.daemon()
        d.write("etc/mandatory.d/10.json", text % 7)
        d.start()
        d.write("etc/mandatory.d/10.json", text % 6)
        answer = self.reload(d)
        self.assertFalse(answer["ok"])
        self.assertIn("serial", answer["detail"])
        d.write("etc/mandatory.d/10.json", text % 8)
        self.assertTrue(self.reload(d)["ok"])


class Stop(Case):
    def test_stop_is_clean(self):
        for number in [signal.SIGTERM, signal.SIGINT]:
            d = self.daemon().start()
            pids = d.pids()
            self.assertEqual(d.stop(number), 0)
            for role, pid in pids.items():
                self.assertFalse(alive(pid), role)
            self.assertFalse(os.path.exists(d.path("run/hither.sock")))
            self.assertFalse(os.path.exists(d.path("run/admin.sock")))

    def test_a_terminal_interrupt_reaches_all_and_is_still_clean(self):
        d = self.daemon().start()
        for pid in d.pids().values():
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)
        self.assertEqual(d.stop(signal.SIGINT), 0)

    def test_a_role_that_hangs_is_killed(self):
        d = self.daemon().start()
        os.kill(d.pids()["local"], signal.SIGSTOP)
        d.process.send_signal(signal.SIGTERM)
        d.process.send_signal(signal.SIGTERM)  # at once: the same wish, told twice
        time.sleep(1)
        self.assertIsNone(d.process.poll())
        d.process.send_signal(signal.SIGTERM)  # again, later: now
        self.assertEqual(d.process.wait(PATIENCE_S), 1)


class Manager(Case):
    def test_notify_and_activation(self):
        with tempfile.TemporaryDirectory() as t:
            hear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            hear.bind(t + "/notify")
            hear.settimeout(PATIENCE_S)
            self.addCleanup(hear.close)
            api = socket.socket(socket.AF_UNIX)
            api.bind(t + "/api")
            api.listen(8)
            self.addCleanup(api.close)
            d = self.daemon()
            env = dict(os.environ, NOTIFY_SOCKET=t + "/notify", LISTEN_FDS="1",
                       LISTEN_FDNAMES="api")

            shell = 'LISTEN_PID=$$ exec "$0" "$@"'
            os.set_inheritable(api.fileno(), True)
            d.process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec 3<&{api.fileno()}; " + shell] + d.command(), env=env,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[api.fileno()])
            said = ""
            while "READY=1" not in said:
                said = hear.recv(4096).decode()
            self.assertFalse(os.path.exists(d.path("run/hither.sock")))
            with socket.socket(socket.AF_UNIX) as c:
                c.settimeout(PATIENCE_S)
                c.connect(t + "/api")
                self.assertIn(b'"pid"', c.recv(4096))
            d.process.send_signal(signal.SIGTERM)
            while "STOPPING=1" not in said:
                said = hear.recv(4096).decode()
            self.assertEqual(d.process.wait(PATIENCE_S), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
