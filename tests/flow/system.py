# SPDX-License-Identifier: Apache-2.0
"""The machine's daemon, started as root: a user for each role, what each can reach, persons who see
their own questions only, and a request that goes all the way. As root; the users are there for this
test alone.

system.py HITHERD HITHER [unittest arguments]
"""
import ctypes
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

import people
import stage
from people import ANN, BEA, CAL, As, ROLES, uid

PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
LIBC = ctypes.CDLL(None, use_errno=True)
CAP_KILL, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE = 5, 19, 2, 1
UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "config", "units", "hitherd.system.service.in")
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438
KEY = "sk-of-the-machine"
OTHERS_KEY = "sk-another"


class System(stage.Daemon):
    kind = "--system"

    def __init__(self, **more):
        self.programs = tempfile.mkdtemp()  # where the users of the roles can go
        os.chmod(self.programs, 0o755)
        for name in ("hitherd", "hitherd-local", "hitherd-cloud"):
            shutil.copy(os.path.join(os.path.dirname(PROGRAM), name), self.programs)
        engine = shutil.copy(stage.ENGINE, self.programs)
        super().__init__(os.path.join(self.programs, "hitherd"), **more)
        os.chmod(self.home, 0o711)
        for folder, _, files in os.walk(self.path("machine")):
            os.chmod(folder, 0o755)
            for name in files:
                os.chmod(os.path.join(folder, name), 0o644)
        os.chmod(self.path("config"), 0o755)
        self.config["engine"]["binary"] = engine
        self.key(KEY)

    def key(self, text, owner=0):
        os.makedirs(self.path("config", "secrets.d"), exist_ok=True)
        with open(self.path("config", "secrets.d", "far_key.new"), "w", encoding="ascii") as f:
            f.write(text + "\n")
        os.chmod(f.name, 0o600)
        os.chown(f.name, owner, owner)
        os.rename(f.name, self.path("config", "secrets.d", "far_key"))

    def close(self):
        super().close()
        shutil.rmtree(self.programs)

    def asks(self, who, prompt, **more):
        """A program of that person asks; in a thread, .result() waits."""
        return self.later(As(who, [people.BASE + 70]), self.chat, prompt, "far", **more)

    def as_person(self, who, method, path, body=None, socket=None):
        at = socket or f"consent/{who}.sock"
        return As(who, [people.BASE + 70])(self.call, method, path, body, None, at)

    def questions_of(self, who):
        return self.as_person(who, "GET", "/hither/v1/consents").json["consents"]


def status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def tree(root):
    """name, number of the daemon's processes."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            s = status(name)
        except OSError:
            continue
        parents[int(name)] = (int(s["PPid"]), s["Name"])
    found = {}
    for pid, (parent, name) in parents.items():
        at = pid
        while at in parents and at != root:
            at = parents[at][0]
        if at == root:
            found[pid] = name
    return found


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = System()
        cls.d.policy({"hither_policy": 1, "id": "m", "default": {"cloud": "ask"},
                      "destinations": {"far": cls.d.destination(auth={"secret": "far_key"})}})
        cls.d.start()
        reply = cls.d.chat("What is the capital of France?", model="local")
        if reply.status != 200:
            raise AssertionError((reply.body, cls.d.said()))
        cls.find()

    @classmethod
    def find(cls):
        cls.pids = {role: cls.d.role_pid(role) for role in ROLES}
        cls.pids["boot"] = cls.d.process.pid
        for pid, name in tree(cls.d.process.pid).items():
            if name in ("hither-spawner", "hither-attester", "hither-starter", "hither-looker"):
                cls.pids[name[7:]] = pid
            elif name.startswith(("engine", "python")):
                cls.pids["engine"] = pid

    @classmethod
    def tearDownClass(cls):
        cls.d.close()


class Users(Case):
    def test_each_role_is_its_own_user_without_other_groups(self):
        seen = set()
        for role in ROLES:
            with self.subTest(role):
                s = status(self.pids[role])
                want = uid("_hither-" + role)
                self.assertEqual(s["Uid"].split(), [str(want)] * 4)
                self.assertEqual(s["Gid"].split(), [str(want)] * 4)
                self.assertEqual(s["Groups"].split(), [])
                seen.add(want)
        self.assertEqual(len(seen), len(ROLES))
        for helper, user in (("starter", "_hither-local"), ("engine", "_hither-local"),
                             ("looker", "_hither-consent"), ("attester", "_hither")):
            with self.subTest(helper):
                self.assertEqual(status(self.pids[helper])["Uid"].split(), [str(uid(user))] * 4)
                self.assertEqual(status(self.pids[helper])["Groups"].split(), [])

    def test_none_can_be_dumped(self):
        for who, pid in self.pids.items():
            if who != "engine":  # another program
                with self.subTest(who):
                    self.assertEqual(os.stat(f"/proc/{pid}/fd").st_uid, 0, "its files in /proc are root's")

    def test_capabilities(self):
        few = {"boot": 1 << CAP_KILL, "attester": 1 << CAP_SYS_PTRACE | 1 << CAP_DAC_READ_SEARCH}
        for who, pid in self.pids.items():
            with self.subTest(who):
                s = status(pid)
                self.assertEqual(s["NoNewPrivs"], "1")
                self.assertEqual(s["Seccomp"], "2")
                for name in ("CapInh", "CapAmb"):
                    self.assertEqual(int(s[name], 16), 0, name)
                if who != "spawner":
                    for name in ("CapPrm", "CapEff"):
                        self.assertEqual(int(s[name], 16), few.get(who, 0), name)

    def test_router_and_consent_have_a_network_of_their_own(self):
        host = os.readlink("/proc/self/ns/net")
        for role in ROLES:
            own = os.readlink(f"/proc/{self.pids[role]}/ns/net") != host
            self.assertEqual(own, role in ("router", "consent"), role)

    def test_what_is_in_force_is_said(self):
        roles = json.loads(self.d.get("/hither/v1/status", sock="admin.sock").body)["roles"]
        for role in ("boot", *ROLES):
            with self.subTest(role):
                self.assertTrue(roles[role]["sandboxed"])
                self.assertIn("no_capabilities", roles[role]["sandbox"])
                self.assertRegex(roles[role]["filter"], rf"^{role}-[0-9a-f]{{8}}$")
        for role in ("router", "consent"):
            self.assertIn("no_network", roles[role]["sandbox"])
        self.assertIn("attester", roles["boot"]["helpers"])
        self.assertIn("starter", roles["local"]["helpers"])


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def vm_read(pid):
    room = ctypes.create_string_buffer(8)
    near, far = Vector(ctypes.addressof(room), 8), Vector(0x10000, 8)
    got = LIBC.process_vm_readv(pid, ctypes.byref(near), 1, ctypes.byref(far), 1, 0)
    return ctypes.get_errno() if got < 0 else 0


def trace(pid):
    if LIBC.ptrace(PTRACE_ATTACH, pid, None, None) == 0:
        LIBC.ptrace(PTRACE_DETACH, pid, None, None)
        return 0
    return ctypes.get_errno()


def take_descriptor(pid):
    pidfd = LIBC.syscall(SYS_PIDFD_OPEN, pid, 0)
    return ctypes.get_errno() if LIBC.syscall(SYS_PIDFD_GETFD, pidfd, 3, 0) < 0 else 0


def memory_file(pid):
    try:
        open(f"/proc/{pid}/mem", "rb").close()
    except OSError as e:
        return e.errno
    return 0


def signal_zero(pid):
    try:
        os.kill(pid, 0)
    except OSError as e:
        return e.errno
    return 0


class Apart(Case):
    """What each user can reach of the others: nothing."""

    def test_memory_and_descriptors(self):
        ways = {"mem": memory_file, "process_vm_readv": vm_read, "ptrace": trace, "pidfd_getfd": take_descriptor}
        for user in ("_hither", *("_hither-" + r for r in ROLES), "ann"):
            for what, way in ways.items():
                for who, pid in self.pids.items():
                    if who == "engine" and user == "_hither-local":
                        continue  # another program, of the same user
                    with self.subTest(f"{what} of {who} by {user}"):
                        self.assertIn(As(uid(user))(way, pid), (1, 13), "EPERM or EACCES")

    def test_signals_between_roles(self):
        for role in ROLES:
            for other in ROLES:
                if role != other:
                    with self.subTest(f"{role} to {other}"):
                        self.assertEqual(As(uid("_hither-" + role))(signal_zero, self.pids[other]), 1)

    def opens(self, user, path, flags=os.O_RDONLY):
        def attempt():
            os.close(os.open(path, flags))
            return True
        try:
            return As(uid(user))(attempt)
        except PermissionError:
            return False

    def test_the_key_is_read_by_cloud_alone(self):
        path = self.d.path("config", "secrets.d", "far_key")
        st = os.stat(path)
        self.assertEqual((st.st_uid, stat.S_IMODE(st.st_mode)), (uid("_hither-cloud"), 0o600))
        for user in ("_hither", *("_hither-" + r for r in ROLES), "ann"):
            self.assertEqual(self.opens(user, path), user == "_hither-cloud", user)

    def test_files_belong_to_those_who_write_them(self):
        d = self.d
        self.assertTrue(self.d.chat("What is the capital of France?", model="local").status, 200)
        rows = {  # path: who reads, who writes
            d.path("state", "ledger", "ledger.db"): ({"consent"}, {"consent"}),
            d.path("state", "ledger.head"): ({"consent"}, {"consent"}),
            d.path("models", "index.json"): ({"local"}, set()),
            d.path("models", "fake.gguf"): ({"local"}, set()),
        }
        for path, (reads, writes) in rows.items():
            for role in ROLES:
                with self.subTest(f"{path} {role}"):
                    self.assertEqual(self.opens("_hither-" + role, path), role in reads)
                    self.assertEqual(self.opens("_hither-" + role, path, os.O_WRONLY), role in writes)

    def test_the_head_is_countersigned_by_another_user(self):
        path = self.d.path("state", "witness", "head")
        stage.until("a witnessed head", lambda: os.path.exists(path))
        self.assertEqual(os.stat(path).st_uid, uid("_hither-cloud"))
        self.assertTrue(self.opens("_hither-consent", path))
        self.assertFalse(self.opens("_hither-consent", path, os.O_WRONLY))
        for user in ("_hither-router", "_hither-local", "ann"):
            self.assertFalse(self.opens(user, path), user)


class Questions(Case):
    """Each person has a socket, and sees, and answers, what their own programs asked."""

    def test_the_sockets(self):
        for who in (0, ANN, BEA):
            st = os.stat(self.d.path("run", "consent", f"{who}.sock"))
            self.assertTrue(stat.S_ISSOCK(st.st_mode))
            self.assertEqual((st.st_uid, stat.S_IMODE(st.st_mode)), (who, 0o600))
        self.assertFalse(os.path.exists(self.d.path("run", "consent", f"{CAL}.sock")), "in no group of ours")

    def test_a_stranger_has_no_api_and_nobody_but_root_the_others(self):
        with self.assertRaises(PermissionError):
            As(CAL)(self.d.get, "/v1/models")
        for name in ("admin.sock", "consent.sock", "consent/0.sock", f"consent/{BEA}.sock"):
            with self.subTest(name), self.assertRaises(PermissionError):
                As(ANN, [people.BASE + 70])(self.d.get, "/hither/v1/consents", name)

    def test_a_question_is_its_persons_alone_and_the_answer_goes_out(self):
        # somebody is there, with eyes on each socket
        self.assertEqual(self.d.questions_of(ANN), [])
        asked = self.d.asks(ANN, stage.HARD)
        q = stage.until("ann's question", lambda: self.d.questions_of(ANN))[0]
        path = "/hither/v1/consents/" + q["id"]
        self.assertEqual(self.d.questions_of(BEA), [])
        self.assertEqual(self.d.as_person(BEA, "GET", path).status, 404)
        self.assertEqual(self.d.get("/hither/v1/consents", sock="consent/0.sock").json["consents"], [])
        self.assertEqual(self.d.get(path, sock="consent/0.sock").status, 404, "root sees it no more than bea")
        self.assertEqual(self.d.get(path, sock=f"consent/{ANN}.sock").status, 403, "the socket is ann's")
        whole = self.d.as_person(ANN, "GET", path).json
        answer = {"nonce": whole["nonce"], "digest": whole["digest"], "decision": "approve", "scope": "once",
                  "mode": "redacted"}
        self.assertEqual(self.d.as_person(BEA, "POST", path, answer).status, 404)
        self.assertEqual(self.d.call("POST", path, answer, sock="consent/0.sock").status, 404)
        self.assertEqual(self.d.call("POST", path, answer, sock=f"consent/{ANN}.sock").status, 403)
        self.assertEqual(len(self.d.questions_of(ANN)), 1, "it is still open")
        said = self.d.as_person(ANN, "POST", path, answer)
        self.assertEqual(said.status, 200, said.body)
        reply = asked.result()
        self.assertEqual((reply.status, reply.headers.get("x-hither-tier")), (200, "cloud"), reply.body)
        self.assertTrue(any(KEY in str(r) for r in self.d.cloud.requests), "with the machine's key")
        # the record is hers, too
        receipt = reply.headers["x-hither-receipt"]
        self.assertEqual(self.d.as_person(ANN, "GET", "/hither/v1/receipts/" + receipt).status, 200)
        self.assertEqual(self.d.as_person(BEA, "GET", "/hither/v1/receipts/" + receipt).status, 404)

    def test_the_command_finds_the_persons_socket(self):
        def listed():
            out = subprocess.run([self.command, "consent", "list", "--json"], capture_output=True, text=True,
                                 check=False, env={"PATH": os.environ["PATH"], "HOME": "/",
                                                   "HITHER_HOST": "unix:" + self.d.path("run", "hither.sock")})
            return out.returncode, out.stdout + out.stderr
        self.command = shutil.copy(COMMAND, self.d.programs)
        code, text = As(ANN, [people.BASE + 70])(listed)
        self.assertEqual(code, 0, text)


class Callers(Case):
    """The attester is another user than the callers, and sees them all the same."""

    @classmethod
    def setUpClass(cls):
        cls.d = System()
        cls.d.policy({"hither_policy": 1, "id": "m", "default": {"cloud": "deny"},
                      "destinations": {"far": cls.d.destination()},
                      "rules": [{"id": "known", "effect": "allow",
                                 "when": {"identity": "attested", "app": ["org.example.Notes", "printer.service"]}}]})
        cls.d.start()

    def verdict(self):
        return json.loads(self.d.call("POST", "/hither/v1/route", {"prompt": stage.HARD}, {
            "Hither-App": "org.example.Notes"}).body)["destinations"]["far"]["verdict"]

    def test_a_sandbox_of_a_person(self):
        root = self.d.path("root")
        os.makedirs(os.path.join(root, "run"))
        info = os.path.join(root, ".flatpak-info")
        with open(info, "w", encoding="utf-8") as f:
            f.write("[Application]\nname=org.example.Notes\n")
        os.chown(info, ANN, ANN)
        os.chmod(info, 0o600)

        def inside():
            self.d.home = "/"
            return self.verdict()
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                people.check("unshare", LIBC.unshare(people.CLONE_NEWNS))
                people.check("run", LIBC.mount(self.d.path("run").encode(), os.path.join(root, "run").encode(), None,
                                               people.MS_BIND, None))
                os.chroot(root)
                os.chdir("/")
                os.write(w, As(ANN, [people.BASE + 70])(inside).encode())
            finally:
                os._exit(0)
        os.close(w)
        with os.fdopen(r) as f:
            self.assertEqual(f.read(), "allow")
        os.waitpid(pid, 0)
        self.assertEqual(As(ANN, [people.BASE + 70])(self.verdict), "deny", "outside of it")

    def test_a_system_service(self):
        base = next((p for p in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")
                     if os.path.exists(p + "/cgroup.procs")), None)
        if base is None:
            self.skipTest("no control groups that name units are mounted here")
        group = base + "/system.slice/printer.service"
        made = [p for p in (os.path.dirname(group), group) if not os.path.exists(p)]
        try:
            for p in made:
                os.mkdir(p)
        except OSError as e:
            self.skipTest(f"no control group can be made here: {e}")
        try:
            def joined():
                return self.verdict()
            for user, want in ((people.SERVICE, "allow"), (ANN, "deny")):
                r, w = os.pipe()
                pid = os.fork()
                if pid == 0:
                    try:
                        with open(group + "/cgroup.procs", "w", encoding="ascii") as f:
                            f.write(str(os.getpid()))
                        os.write(w, As(user, [people.BASE + 70])(joined).encode())
                    finally:
                        os._exit(0)
                os.close(w)
                with os.fdopen(r) as f:
                    self.assertEqual(f.read(), want, user)
                os.waitpid(pid, 0)
            self.assertEqual(As(people.SERVICE, [people.BASE + 70])(self.verdict), "deny", "outside of its unit")
        finally:
            for p in reversed(made):
                stage.until("the group is empty", lambda q=p: rmdir(q))


def rmdir(path):
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


class Life(unittest.TestCase):
    def setUp(self):
        self.d = System()
        self.addCleanup(self.d.close)
        self.d.policy({"hither_policy": 1, "id": "m", "default": {"cloud": "allow"},
                       "destinations": {"far": self.d.destination(auth={"secret": "far_key"})}})
        self.d.start()

    def chat(self):
        return As(ANN, [people.BASE + 70])(self.d.chat, stage.HARD, "far")

    def test_each_role_comes_back_as_itself(self):
        for role in ROLES:
            with self.subTest(role):
                before = self.d.role_pid(role)
                os.kill(before, signal.SIGKILL)
                stage.until(f"{role} again", lambda r=role, b=before: self.d.role_pid(r) not in (None, b))
                stage.until("ready again", self.d.ready)
                s = status(self.d.role_pid(role))
                self.assertEqual(s["Uid"].split(), [str(uid("_hither-" + role))] * 4)
                self.assertEqual(s["Groups"].split(), [])
        self.assertEqual(self.chat().headers.get("x-hither-tier"), "cloud")
        self.assertEqual(self.d.chat("What is the capital of France?", model="local").status, 200)

    def test_a_reload_and_another_key(self):
        self.assertEqual(self.chat().headers.get("x-hither-tier"), "cloud")
        self.d.key(OTHERS_KEY, uid("_hither-cloud"))
        self.d.process.send_signal(signal.SIGHUP)
        stage.until("the other key", lambda: self.chat() and OTHERS_KEY in str(self.d.cloud.requests[-1]))
        self.d.policy({"hither_policy": 1, "id": "m", "default": {"cloud": "deny"}})
        self.assertEqual(self.d.call("POST", "/hither/v1/reload", sock="admin.sock").status, 200)
        self.assertNotEqual(self.chat().headers.get("x-hither-tier"), "cloud")

    def test_a_stop_is_clean_and_a_start_takes_up_what_was_there(self):
        self.assertEqual(self.chat().headers.get("x-hither-tier"), "cloud")
        pids = list(tree(self.d.process.pid))
        self.d.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.d.process.wait(stage.PATIENCE_S), 0, self.d.said())
        stage.until("nobody is left", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids))
        left = [f for _, _, files in os.walk(self.d.path("run")) for f in files if f.endswith(".sock")]
        self.assertEqual([f for f in left if not f.startswith("engine")], [])
        # a ledger that root repaired is root's: the next start gives it back
        for folder, _, files in os.walk(self.d.path("state", "ledger")):
            for name in [folder] + [os.path.join(folder, f) for f in files]:
                os.chown(name, 0, 0)
        self.d.start()
        self.assertEqual(self.chat().headers.get("x-hither-tier"), "cloud")

    def test_a_link_in_a_roles_folder_is_not_followed(self):
        self.d.process.send_signal(signal.SIGTERM)
        self.d.process.wait(stage.PATIENCE_S)
        victim = self.d.path("victim")
        with open(victim, "w", encoding="ascii") as f:
            f.write("root's")
        os.symlink(victim, self.d.path("state", "ledger", "soft"))
        os.link(victim, self.d.path("state", "ledger", "hard"))
        self.d.start()
        self.assertEqual(os.stat(victim).st_uid, 0)


class Unit(unittest.TestCase):
    """Root with no more capabilities than the unit leaves it."""

    def test_it_starts_again_and_again(self):
        d = System()
        self.addCleanup(d.close)
        with open(UNIT, encoding="utf-8") as f:
            line = next(x for x in f if x.startswith("CapabilityBoundingSet="))
        few = ",".join(["-all"] + ["+" + c.lower().removeprefix("cap_") for c in line.strip().partition("=")[2].split()])
        real = d.executable
        with open(os.path.join(d.programs, "few"), "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\nexec setpriv --bounding-set {few} --no-new-privs {real} \"$@\"\n")
        os.chmod(f.name, 0o755)
        d.executable = f.name
        d.policy({"hither_policy": 1, "id": "m", "default": {"cloud": "allow"},
                  "destinations": {"far": d.destination(auth={"secret": "far_key"})}})
        for key in (KEY, OTHERS_KEY):
            d.key(key)  # root's again
            d.start()
            reply = As(ANN, [people.BASE + 70])(d.chat, stage.HARD, "far")
            self.assertEqual(reply.headers.get("x-hither-tier"), "cloud", d.said())
            self.assertIn(key, str(d.cloud.requests[-1]))
            self.assertEqual(d.chat("What is the capital of France?", model="local").status, 200, d.said())
            self.assertEqual(int(status(d.role_pid("local"))["CapBnd"], 16) >> CAP_DAC_OVERRIDE & 1, 0)
            d.process.send_signal(signal.SIGTERM)
            self.assertEqual(d.process.wait(stage.PATIENCE_S), 0, d.said())


class Refused(unittest.TestCase):
    def test_activation_hands_over_the_socket(self):
        import socket
        d = System()
        self.addCleanup(d.close)
        path = d.path("run", "hither.sock")
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        os.chmod(path, 0o660)
        os.chown(path, 0, people.BASE + 70)
        os.chmod(d.path("run"), 0o755)
        s.listen(8)
        real, before = d.executable, dict(os.environ)
        with open(os.path.join(d.programs, "activate"), "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\nexec 3<&{s.fileno()}\nexport LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=api\n"
                    f"exec {real} \"$@\"\n")
        os.chmod(f.name, 0o755)
        d.executable = f.name
        popen = subprocess.Popen
        try:
            subprocess.Popen = lambda *a, **k: popen(*a, **{**k, "pass_fds": [s.fileno()]})
            d.start()
        finally:
            subprocess.Popen = popen
            os.environ.clear()
            os.environ.update(before)
        s.close()
        self.assertEqual(As(ANN, [people.BASE + 70])(d.chat, "What is the capital of France?", "local").status, 200)


if __name__ == "__main__":
    people.enter()
    unittest.main()
