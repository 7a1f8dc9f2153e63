# SPDX-License-Identifier: Apache-2.0
"""The role local as its neighbours see it: this test is boot and router, the engine is the fake one.

local_role.py ROLE_LOCAL_PROGRAM [unittest arguments]
"""
import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import warnings

import wire
from stage import UnixConnection, alive, until

sys.path.insert(0, os.path.join(wire.ROOT, "tests", "fake"))
import machine  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))
FAKE = os.path.join(wire.ROOT, "tests", "fake", "engine.py")
STATES = ["STOPPED", "STARTING", "LOADING", "READY", "FAILED", "MISSING"]
NONE = ["NO_MODEL", "NO_ENGINE", "FAILED", "QUEUE_FULL", "UNKNOWN_MODEL", "TIMEOUT", "BAD_MODEL"]


class Conversation(http.client.HTTPConnection):
    """HTTP over a descriptor that is connected already."""

    def __init__(self, fd):
        super().__init__("localhost")
        self.sock = socket.socket(fileno=fd)
        self.sock.settimeout(wire.PATIENCE_S)

    def chat(self, prompt, **more):
        body = {"messages": [{"role": "user", "content": prompt}], **more}
        self.request("POST", "/v1/chat/completions", json.dumps(body),
                     {"Content-Type": "application/json"})
        return self.getresponse()


class LocalRole(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hither-local-")
        for name in ("run", "state", "data", "models", "config"):
            os.mkdir(os.path.join(self.dir, name), 0o700)
        self.engine = {"binary": FAKE, "parallel": 1, "queue": 2, "context_tokens": 2048,
                       "idle_stop_s": 0, "restart_backoff_ms": 20, "restart_backoff_max_ms": 100,
                       "load_timeout_ms": 60000}
        self.environment = {}
        self.models = {}
        self.process = None
        self.last_id = 0
        self.sys_dir = ""

    def tearDown(self):
        if self.process is not None:
            self.boot.close()  # without boot it leaves by itself
            self.process.wait(wire.PATIENCE_S)
            self.router.close()
        shutil.rmtree(self.dir)

    # --- the stage -----------------------------------------------------------------------

    def install(self, name, script="", damage=None, **entry):
        content = f"model {name} {script}".encode().ljust(4096)
        self.models[name] = {"name": name, "bytes": len(content), "context_length": 2048,
                             "sha256": hashlib.sha256(content).hexdigest(),
                             "memory_bytes": 1000, "file": name + ".gguf", **entry}
        if damage == "cut":
            content = content[:-1]
        if damage == "changed":
            content = b"X" + content[1:]
        with open(os.path.join(self.dir, "models", name + ".gguf"), "wb") as f:
            f.write(content)
        self.write_index(name)

    def write_index(self, chosen):
        path = os.path.join(self.dir, "models", "index.json")
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump({"schema": "hither.models/1", "chosen": chosen,
                       "models": list(self.models.values())}, f)
        os.rename(path + ".new", path)

    def start(self):
        self.boot, self.router = wire.Channel(), wire.Channel()
        config = {"paths": {n + "_dir": os.path.join(self.dir, d) for n, d in
                            (("runtime", "run"), ("state", "state"), ("config", "config"),
                             ("data", "data"), ("models", "models"))}, "engine": self.engine}
        config["paths"]["sys_dir"] = self.sys_dir
        self.process = wire.spawn([PROGRAM], {wire.CONTROL: self.boot, wire.ROUTER: self.router},
                                  config, environment=self.environment)
        self.boot.expect("READY")

    def want(self, model="", deadline_ms=60000):
        self.last_id += 1
        self.router.send("ENGINE_WANT", request_id=self.last_id, model=model,
                         deadline_ms=deadline_ms)
        return self.last_id

    def given(self, request_id):
        values, fds = self.router.expect("ENGINE_GIVE", lambda m: m["request_id"] == request_id)
        self.assertEqual(len(fds), 1)
        return values, fds[0]

    def refused(self, request_id):
        values, _ = self.router.expect("ENGINE_NONE", lambda m: m["request_id"] == request_id)
        return NONE[values["reason"]], values["detail"]

    def done(self, request_id, broken=0):
        self.router.send("ENGINE_DONE", request_id=request_id, broken=broken)

    def state(self, name, where=lambda m: True):
        return self.boot.expect("ENGINE", lambda m: STATES[m["state"]] == name and where(m))[0]

    def talk(self, model=""):
        request = self.want(model)
        values, fd = self.given(request)
        return request, values, Conversation(fd)

    def stats(self, fd):
        c = Conversation(fd)
        c.request("GET", "/fake/stats")
        stats = json.loads(c.getresponse().read())
        c.close()
        return stats

    # --- the stories ---------------------------------------------------------------------

    def test_the_machine_is_looked_at_and_changes_are_told(self):
        m = machine.Machine(os.path.join(self.dir, "machine"))
        m.battery(80)
        self.sys_dir = m.root
        self.start()
        self.assertEqual(self.boot.expect("DEVICE")[0],
                         {"power": 2, "battery_pct": 80, "network": 0, "thermal": 0, "locked": 1, "vpn": 1, "strong": 1})
        m.battery(79)
        m.network(False)
        m.heat(99)
        m.screen()
        m.tunnel(True)
        last = {"power": 2, "battery_pct": 79, "network": 1, "thermal": 3, "locked": 0, "vpn": 2, "strong": 1}
        self.boot.expect("DEVICE", lambda got: got == last)

    def test_a_want_starts_the_engine_and_gets_a_connection(self):
        self.install("tiny", "fake:load_ms=100")
        self.start()
        models, fds = self.router.expect("MODELS")
        with os.fdopen(fds[0], "rb") as f:
            f.seek(0)
            listed = json.loads(f.read())
        self.assertEqual((models["count"], listed[0]["name"], listed[0]["chosen"]),
                         (1, "tiny", True))
        self.assertEqual(self.state("STOPPED")["model"], "tiny")
        request, values, c = self.talk()
        self.assertEqual((values["model"], values["context_tokens"]), ("tiny", 2048))
        reply = json.loads(c.chat("fake:echo hello there").read())
        self.assertEqual(reply["choices"][0]["message"]["content"], "hello there")
        for name in ("LOADING", "STARTING", "LOADING", "READY"):
            ready = self.state(name)
        self.assertTrue(alive(ready["pid"]))
        self.done(request)
        with open(f"/proc/{ready['pid']}/status", encoding="ascii") as f:
            status = f.read()
        self.assertIn("Seccomp:\t2", status)
        self.assertIn("NoNewPrivs:\t1", status)
        with open(f"/proc/{ready['pid']}/environ", "rb") as f:
            names = {v.split(b"=")[0] for v in f.read().split(b"\0") if v}
        self.assertLessEqual(names, {b"PATH", b"LANG", b"LC_CTYPE"})
        sockets = [n for n in os.listdir(os.path.join(self.dir, "run", "engine")) if n.endswith(".sock")]
        self.assertEqual(len(sockets), 1)
        mode = os.stat(os.path.join(self.dir, "run", "engine", sockets[0])).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_the_queue_is_bounded_and_served_in_order(self):
        self.install("tiny")
        self.start()
        first, _, c = self.talk()
        waiting = [self.want(), self.want()]
        surplus = self.want()
        self.assertEqual(self.refused(surplus)[0], "QUEUE_FULL")
        for position, request in enumerate(waiting, 1):
            self.router.expect("ENGINE_WAIT", lambda m: m["request_id"] == request and
                               m["position"] == position)
        self.state("READY", lambda m: m["queued"] == 2)
        self.done(waiting[0])  # its client left
        self.router.expect("ENGINE_WAIT", lambda m: m["request_id"] == waiting[1] and
                           m["position"] == 1)
        self.assertFalse([m for m in self.router.inbox if m[0] == "ENGINE_GIVE"])
        self.done(first)
        self.given(waiting[1])
        self.state("READY", lambda m: m["queued"] == 0)

    def test_closing_the_connection_stops_the_work(self):
        self.install("tiny")
        self.engine["parallel"] = 2
        self.start()
        request, _, c = self.talk()
        reply = c.chat("fake:tokens=100000 fake:delay_ms=2", stream=True)
        reply.read(100)
        reply.close()
        c.close()
        self.done(request)
        watcher = self.want()

        def stopped():
            # A connection serves many requests, but the slot's own one is enough here.
            self.done(watcher)
            other = self.want()
            fd = self.given(other)[1]
            stats = self.stats(fd)
            self.done(other)
            return stats["active"] == 0 and stats["cancelled"] == 1

        self.given(watcher)
        until("the engine has stopped", stopped)

    def test_an_engine_that_dies_in_a_stream_is_seen_and_replaced(self):
        self.install("tiny")
        self.start()
        request, _, c = self.talk()
        before = self.state("READY")["pid"]
        reply = c.chat("fake:tokens=10 fake:die_after=3", stream=True)
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            reply.read()
        self.done(request, broken=1)
        after = self.state("READY", lambda m: m["restarts"] == 1)
        self.assertNotEqual(before, after["pid"])
        _, _, c = self.talk()
        self.assertEqual(c.chat("again").status, 200)

    def test_an_engine_that_cannot_start_is_given_up_with_its_own_words(self):
        self.install("tiny", "fake:die_at_start")
        self.start()
        reason, detail = self.refused(self.want())
        self.assertEqual(reason, "FAILED")
        self.assertIn("scripted failure to load", detail)
        self.assertGreaterEqual(self.state("FAILED")["restarts"], 2)

    def test_an_engine_that_dies_while_loading(self):
        self.install("tiny", "fake:load_ms=50 fake:die_loading")
        self.start()
        reason, detail = self.refused(self.want())
        self.assertEqual(reason, "FAILED")
        self.assertIn("signal 9", detail)

    def test_idleness_stops_the_engine_and_a_want_brings_it_back(self):
        self.install("tiny")
        self.engine["idle_stop_s"] = 1
        self.start()
        self.state("STOPPED")
        request, _, c = self.talk()
        pid = self.state("READY")["pid"]
        self.done(request)
        stopped = self.state("STOPPED", lambda m: m["pid"] == 0 and m["restarts"] == 0)
        self.assertEqual(stopped["detail"], "")
        self.assertFalse(alive(pid))
        self.assertEqual(os.listdir(os.path.join(self.dir, "run", "engine")), [])
        _, _, c = self.talk()
        self.assertEqual(c.chat("x").status, 200)

    def test_a_file_with_another_hash_is_not_run(self):
        self.install("tiny", damage="changed")
        self.start()
        self.assertIn("damaged", self.state("FAILED")["detail"])  # before anybody asks
        reason, detail = self.refused(self.want())
        self.assertEqual(reason, "BAD_MODEL")
        self.assertIn("hither model", detail)
        self.assertEqual(self.state("FAILED")["pid"], 0)
        self.install("tiny")  # repaired
        _, _, c = self.talk()
        self.assertEqual(c.chat("x").status, 200)

    def test_a_truncated_file_is_not_run(self):
        self.install("tiny", damage="cut")
        self.start()
        reason, detail = self.refused(self.want())
        self.assertEqual(reason, "BAD_MODEL")
        self.assertIn("4095 bytes and should have 4096", detail)

    def test_a_file_that_is_gone_is_told(self):
        self.install("tiny")
        os.unlink(os.path.join(self.dir, "models", "tiny.gguf"))
        self.start()
        self.assertEqual(self.refused(self.want())[0], "BAD_MODEL")

    def test_without_a_model_the_command_is_named(self):
        self.start()
        self.assertIn("hither model pull", self.state("MISSING")["detail"])
        reason, detail = self.refused(self.want())
        self.assertEqual(reason, "NO_MODEL")
        self.assertIn("hither model pull tinyllama-1.1b-chat", detail)
        self.assertEqual(self.refused(self.want("other"))[0], "UNKNOWN_MODEL")

    def gguf(self, name):
        """A sound model file: one tensor of 64 x 2 in Q8_0."""
        def text(t):
            return struct.pack("<Q", len(t)) + t.encode()
        head = b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + text("general.architecture") + struct.pack("<I", 8) + \
            text("llama") + text("llama.context_length") + struct.pack("<II", 4, 2048) + text("blk.0.weight") + \
            struct.pack("<IQQIQ", 2, 64, 2, 8, 0)
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(head.ljust(-(-len(head) // 32) * 32, b"\0") + bytes(4 * 34))
        return path

    def test_a_model_file_that_the_configuration_names(self):
        self.install("tiny")
        self.engine["model"] = self.gguf("My Own (2).gguf")
        self.start()
        _, fds = self.router.expect("MODELS")
        with os.fdopen(fds[0], "rb") as f:
            f.seek(0)
            listed = {m["name"]: m.get("chosen", False) for m in json.loads(f.read())}
        self.assertEqual(listed, {"tiny": False, "my-own--2-": True})
        request, values, c = self.talk()
        self.assertEqual(values["model"], "my-own--2-")
        self.assertEqual(c.chat("hello").status, 200)
        self.done(request)
        self.assertEqual(self.talk("tiny")[1]["model"], "tiny")

    def test_a_model_that_the_configuration_names_in_vain(self):
        self.install("tiny")
        cut = self.gguf("cut.gguf")
        os.truncate(cut, 40)
        for model, part in ((cut, "not a usable model file"), (os.path.join(self.dir, "gone.gguf"), "not a usable model file"),
                            ("huge", "not installed: hither model pull huge")):
            with self.subTest(model):
                self.engine["model"] = model
                self.start()
                reason, detail = self.refused(self.want())
                self.assertEqual(reason, "NO_MODEL")
                self.assertIn(part, detail)
                self.tearDown()
                self.setUp()
                self.install("tiny")

    def test_no_model_is_chosen(self):
        self.install("tiny")
        self.write_index("")
        self.start()
        reason, detail = self.refused(self.want())
        self.assertEqual((reason, detail), ("NO_MODEL", "no model is chosen: hither model use tiny"))

    def test_where_an_engine_is_looked_for(self):
        for words in (("bin",), ("data", "engine")):
            with self.subTest(words):
                place = os.path.join(self.dir, *words)
                os.makedirs(place)
                os.symlink(FAKE, os.path.join(place, "llama-server"))
                self.environment = {"PATH": f"relative:{self.dir}/bin:{os.environ['PATH']}"}
                self.engine["binary"] = ""
                self.install("tiny")
                self.start()
                _, _, c = self.talk()
                self.assertEqual(c.chat("hello").status, 200)
                self.tearDown()
                self.setUp()

    def test_without_an_engine_the_command_is_named_and_a_later_one_is_found(self):
        self.install("tiny")
        self.engine["binary"] = os.path.join(self.dir, "data", "server")
        self.start()
        self.assertIn("quickstart", self.state("MISSING")["detail"])
        reason, detail = self.refused(self.want())
        self.assertEqual(reason, "NO_ENGINE")
        self.assertIn("quickstart", detail)
        shutil.copy(FAKE, self.engine["binary"])
        _, _, c = self.talk()
        self.assertEqual(c.chat("x").status, 200)

    def test_a_program_that_is_no_engine_is_refused(self):
        self.install("tiny")
        self.engine["binary"] = shutil.which("true")
        self.start()
        reason, detail = self.refused(self.want())
        self.assertEqual(reason, "NO_ENGINE")
        self.assertIn("not a llama-server", detail)

    def test_a_model_that_cannot_fit_is_refused_with_figures(self):
        self.install("tiny", memory_bytes=1 << 49)
        self.start()
        reason, detail = self.refused(self.want())
        self.assertEqual(reason, "FAILED")
        self.assertIn("GB of memory", detail)

    def test_a_new_router_finds_every_slot_free(self):
        self.install("tiny")
        self.start()
        self.talk()
        self.want()
        fresh = wire.Channel()
        old, self.router = self.router, fresh
        old.close()
        self.boot.send("PEER", role=wire.ROLES.index("router"))
        self.boot.send("PEER", role=wire.ROLES.index("router"), fds=[fresh.theirs.fileno()])
        fresh.theirs.close()
        self.router.expect("MODELS")
        self.last_id = 0
        _, _, c = self.talk()
        self.assertEqual(c.chat("x").status, 200)

    def test_another_model_is_switched_to_when_the_engine_is_free(self):
        self.install("one")
        self.install("two")
        self.start()
        busy, values, c = self.talk("one")
        self.assertEqual(values["model"], "one")
        other = self.want("two")
        self.router.expect("ENGINE_WAIT", lambda m: m["request_id"] == other)
        self.done(busy)
        self.assertEqual(self.given(other)[0]["model"], "two")

    def test_a_new_index_is_told_to_the_router(self):
        self.install("one")
        self.start()
        self.router.expect("MODELS", lambda m: m["count"] == 1)
        self.install("two")
        self.router.expect("MODELS", lambda m: m["count"] == 2)
        with open(os.path.join(self.dir, "models", "index.json"), "w", encoding="ascii") as f:
            f.write("{broken")
        self.assertEqual(self.given(self.want())[0]["model"], "two")  # the last good list

    def test_waiting_ends_at_the_deadline(self):
        self.install("tiny")
        self.start()
        self.talk()
        self.assertEqual(self.refused(self.want(deadline_ms=50))[0], "TIMEOUT")

    def test_a_stop_leaves_nothing_running(self):
        self.install("tiny")
        self.start()
        self.talk()
        pid = self.state("READY")["pid"]
        self.boot.send("STOP", deadline_ms=10000)
        self.assertEqual(self.process.wait(wire.PATIENCE_S), 0)
        until("its process is gone", lambda: not alive(pid))
        self.assertEqual(os.listdir(os.path.join(self.dir, "run", "engine")), [])

    def test_the_engine_dies_with_local(self):
        self.install("tiny")
        self.start()
        self.talk()
        pid = self.state("READY")["pid"]
        self.process.send_signal(signal.SIGKILL)
        until("its process is gone", lambda: not alive(pid))
        # The next life is not disturbed by the socket that was left behind.
        self.process.wait()
        self.boot.close()
        self.router.close()
        self.start()
        self.last_id = 0
        _, _, c = self.talk()
        self.assertEqual(c.chat("x").status, 200)

    def foreign_engine(self, path):
        """As somebody else would run one."""
        self.install("theirs")
        e = subprocess.Popen([sys.executable, FAKE, "--host", path, "--ctx-size", "1024", "--model",
                              os.path.join(self.dir, "models", "theirs.gguf")],
                             stderr=subprocess.DEVNULL, umask=0o077)
        self.addCleanup(lambda: (e.kill(), e.wait()))
        def loaded():
            with contextlib.suppress(OSError), contextlib.closing(UnixConnection(path)) as c:
                c.request("GET", "/health")
                return c.getresponse().status == 200
            return False

        # It may take longer than four attempts to reach it, and answers 503 until its model is there.
        while not loaded() and e.poll() is None:
            time.sleep(0.01)
        return e

    def test_an_engine_of_somebody_else_is_used_where_the_operator_names_it(self):
        path = os.path.join(self.dir, "theirs.sock")
        self.engine.update(endpoint="unix:" + path, binary="/nonexistent")
        self.start()
        models, fds = self.router.expect("MODELS")
        os.close(fds[0])
        self.assertEqual(models["count"], 0)  # what is installed does not matter here
        # Nobody is there yet: the request waits, then hears whose business it is.
        reason, detail = self.refused(self.want())
        self.assertEqual(reason, "FAILED")
        self.assertIn("engine.endpoint", detail)
        reason, detail = self.refused(self.want("theirs"))
        self.assertEqual(reason, "UNKNOWN_MODEL")
        self.assertIn("ask for local", detail)

    def test_an_engine_of_somebody_else_that_went_is_found_again(self):
        path = os.path.join(self.dir, "theirs.sock")
        # a new one takes a while to start: time to look for it
        self.engine.update(endpoint="unix:" + path, binary="/nonexistent", restart_backoff_ms=2000,
                           restart_backoff_max_ms=5000)
        theirs = self.foreign_engine(path)
        self.start()
        request, values, c = self.talk()
        self.assertEqual((values["model"], values["context_tokens"]), ("endpoint", 1024))
        reply = json.loads(c.chat("fake:echo over there").read())
        self.assertEqual(reply["choices"][0]["message"]["content"], "over there")
        self.assertEqual(self.state("READY")["pid"], 0)
        self.done(request)
        theirs.kill()
        theirs.wait()
        os.unlink(path)
        self.foreign_engine(path)
        request = self.want()
        _, fd = self.given(request)
        self.assertEqual(Conversation(fd).chat("again").status, 200)

    def test_a_role_without_what_it_needs_ends_and_says_why(self):
        def descriptor(data, seals):
            fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
            os.write(fd, data)
            if seals:
                fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW |
                            fcntl.F_SEAL_WRITE)
            return fd

        def spoil(number, data, seals):
            def change():
                os.dup2(descriptor(data, seals), number)
            return change
        null = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, null)
        rows = [("a configuration that is none", {}, spoil(wire.CONFIG, b"{", True)),
                ("a configuration out of range", {}, spoil(wire.CONFIG, b'{"engine":{"parallel":-1}}', True)),
                ("a configuration that may change", {}, spoil(wire.CONFIG, b"{}", False)),
                ("a policy that may change", {}, spoil(wire.POLICY, b"{}", False)),
                ("no policy", {}, lambda: os.close(wire.POLICY)),
                ("a name for a socket that is too long", {"HITHER_LISTEN": "x" * 300}, None),
                ("no boot", {}, lambda: os.dup2(null, wire.CONTROL))]
        for name, environment, change in rows:
            with self.subTest(name):
                boot, router = wire.Channel(), wire.Channel()
                p = wire.spawn([PROGRAM], {wire.CONTROL: boot, wire.ROUTER: router}, {}, environment=environment,
                               then=change, stderr=subprocess.PIPE)
                said = p.communicate(timeout=wire.PATIENCE_S)[1].decode()
                boot.close()
                router.close()
                self.assertEqual(p.returncode, 1, said)
                self.assertIn("service.start step=" + ("wires" if name == "no boot" else "descriptors"), said)

    def test_a_breach_of_protocol_costs_the_wire(self):
        self.install("tiny")
        self.start()
        self.router.send("ENGINE_WANT", request_id=1, deadline_ms=1000)
        self.router.send("ENGINE_WANT", request_id=1, deadline_ms=1000)
        with self.assertRaises((wire.Gone, ConnectionError)):
            while self.router.take(wire.PATIENCE_S):
                pass


# Connections are left open on purpose: what local does about that is what is tested.
warnings.simplefilter("ignore", ResourceWarning)
unittest.main(verbosity=1, warnings="ignore")
