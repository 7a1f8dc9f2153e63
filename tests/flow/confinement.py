# SPDX-License-Identifier: Apache-2.0
"""What is in force on each process of a daemon that runs, read from /proc and tried from outside by
a program of the same user.

confinement.py HITHERD HITHER [unittest arguments]
"""
import contextlib
import ctypes
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import people
import stage

PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
ROLES = ("router", "local", "consent", "cloud")
NOBODY = 65534  # also what every other user looks like in a user namespace
ORDINARY, OTHER = 61234, 61235
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_DETACH = 0, 16, 17
CAP_SYS_PTRACE = 19
SO_PASSRIGHTS = 83
SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438

# What may lie open in a process that has just started and answered one request: by role, what
# /proc/PID/fd says. Standard error is the test's log.
EVERY = [r"/dev/null", r"socket:\[\d+\]", r"anon_inode:\[eventpoll\]", r"anon_inode:\[eventfd\]", r"pipe:\[\d+\]",
         r"/memfd:(config|policy|models)( \(deleted\))?", r".*/log"]
OPEN = {"router": EVERY,
        "cloud": EVERY + [r".*/state/witness/\.head\.\w+"],  # while it writes a head
        "local": EVERY + [r"anon_inode:inotify"],
        "consent": EVERY + [r".*/state/ledger(/.*|\.head)?"],
        "starter": [r"/dev/null", r"socket:\[\d+\]", r"anon_inode:\[signalfd\]", r".*/log"],
        "looker": [r"/dev/null", r"socket:\[\d+\]", r".*/log"],
        "namer": [r"/dev/null", r"socket:\[\d+\]", r".*/log"],
        "engine": [r"/dev/null", r"socket:\[\d+\]", r"pipe:\[\d+\]", r".*/models/.*", r"anon_inode:\[event.*\]"]}
ENVIRONMENT = {"LANG", "LC_ALL", "TZ", "PATH", "HOME", "HITHER_LISTEN", "HITHER_GENERATION", "HITHER_ALONE", "HITHER_SEAT",
               "ASAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_PROFILE_FILE", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR",
               "OLLAMA_HOST", "LM_STUDIO_BASE_URL", "MALLOC_ARENA_MAX"}
DESCRIPTORS = {"router": 65536, "consent": 8192, "looker": 8192, "namer": 65536}
SECRET = "sk-canary-of-the-environment"


def read(pid, name):
    with open(f"/proc/{pid}/{name}", "rb") as f:
        return f.read().decode(errors="replace")


def status(pid):
    return dict(line.split(":\t", 1) for line in read(pid, "status").splitlines() if ":\t" in line)


def children(pid):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(read(name, "stat").rpartition(")")[2].split()[1]) == pid:
                found.append(int(name))
        except OSError:
            pass
    return found


def child_named(pid, name):
    return next((child for child in children(pid) if status(child)["Name"] == "hither-" + name), None)


def user_namespaces():
    """Whether that user may make one and keep its number in it."""
    def attempt():
        if LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            return False
        for name, text in (("setgroups", "deny"), ("uid_map", f"{ORDINARY} {ORDINARY} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as f:
                f.write(text)
        return os.geteuid() == ORDINARY
    try:
        return people.As(ORDINARY)(attempt)
    except OSError:
        return False


def daemon(add_cleanup, user, **more):
    """As that user, which takes root; its programs may lie where that user cannot go."""
    if os.geteuid() != 0:
        return stage.Daemon(PROGRAM, **more)
    folder = tempfile.mkdtemp()
    add_cleanup(shutil.rmtree, folder)
    os.chmod(folder, 0o755)
    for name in ("hitherd", "hitherd-local", "hitherd-cloud"):
        shutil.copy(os.path.join(os.path.dirname(PROGRAM), name), folder)
    d = stage.Daemon(os.path.join(folder, "hitherd"), user=user, **more)
    d.config["engine"]["binary"] = shutil.copy(stage.ENGINE, folder)
    return d


as_root = unittest.skipIf(os.geteuid() != 0, "nobody but root can look into a role")


class Confinement(unittest.TestCase):
    user = None

    @classmethod
    def setUpClass(cls):
        os.environ["OPENAI_API_KEY"] = SECRET
        cls.d = daemon(cls.addClassCleanup, cls.user, app="writer")
        cls.d.start()
        reply = cls.d.chat("What is the capital of France?", model="local")
        if reply.status != 200:
            raise AssertionError(reply.body)
        cls.pids = {role: cls.d.role_pid(role) for role in ROLES}
        cls.pids["starter"] = children(cls.pids["local"])[0]
        cls.pids["looker"] = child_named(cls.pids["consent"], "looker")
        namer = child_named(cls.pids["router"], "namer")  # where the router is in a user namespace
        if namer is not None:
            cls.pids["namer"] = namer
        cls.pids["engine"] = children(cls.pids["starter"])[0]

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def test_each_process_can_gain_nothing(self):
        for who, pid in self.pids.items():
            with self.subTest(who):
                s = status(pid)
                self.assertEqual(s["NoNewPrivs"], "1")
                self.assertEqual(s["Seccomp"], "2", "a filter")
                kept = 1 << CAP_SYS_PTRACE if who == "looker" and status(pid)["Uid"].split()[0] == "0" else 0
                for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    self.assertIn(int(s[name], 16), (0, kept), name)

    def test_limits(self):
        for who, pid in self.pids.items():
            with self.subTest(who):
                limits = {line[:26].strip(): line[26:].split() for line in read(pid, "limits").splitlines()}
                self.assertEqual(limits["Max core file size"][:2], ["0", "0"])
                self.assertLessEqual(int(limits["Max open files"][1]), DESCRIPTORS.get(who, 1024))
                if who in ("router", "consent"):
                    self.assertEqual(limits["Max processes"][:2], ["0", "0"])
                    self.assertEqual(status(pid)["Threads"].strip(), "1")
                if who == "engine":
                    self.assertEqual(limits["Max file size"][:2], ["0", "0"])

    @as_root
    def test_only_what_is_listed_is_open(self):
        for who, pid in self.pids.items():
            with self.subTest(who):
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    target = os.readlink(f"/proc/{pid}/fd/{fd}")
                    self.assertTrue(any(re.fullmatch(p, target) for p in OPEN[who]), f"{fd} is {target}")

    @as_root
    def test_the_environment_is_a_list(self):
        for who, pid in self.pids.items():
            with self.subTest(who):
                names = {v.split("=")[0] for v in read(pid, "environ").split("\0") if v}
                self.assertLessEqual(names, ENVIRONMENT)
                self.assertNotIn(SECRET, read(pid, "environ"))

    @as_root
    def test_boot_and_its_helpers_forget_keys_of_others(self):
        helpers = {status(pid)["Name"]: pid for pid in children(self.d.process.pid)}
        for who, pid in (("boot", self.d.process.pid), ("spawner", helpers["hither-spawner"]),
                         ("attester", helpers["hither-attester"])):
            with self.subTest(who):
                self.assertNotIn(SECRET, read(pid, "environ"))
                self.assertNotIn("OPENAI_API_KEY", read(pid, "environ"))
        self.assertEqual(read(helpers["hither-attester"], "environ").strip("\0"), "")

    @as_root
    def test_namespaces_and_what_status_says_of_them(self):
        report = json.loads(self.d.get("/hither/v1/status", sock="admin.sock").body)["roles"]
        host = os.readlink("/proc/self/ns/net")
        for role in ROLES:
            with self.subTest(role):
                own = os.readlink(f"/proc/{self.pids[role]}/ns/net") != host
                self.assertEqual(own, "no_network" in report[role]["sandbox"])
                if role in ("router", "consent") and not own:
                    self.assertIn("network namespace", report[role]["detail"])
        self.assertEqual(os.readlink(f"/proc/{self.pids['engine']}/ns/net") == host,
                         "engine: no empty network" in report["local"]["detail"])
        for role in ("local", "cloud"):
            self.assertEqual(os.readlink(f"/proc/{self.pids[role]}/ns/net"), host, "it needs the machine's")

    def test_status_names_the_filter_and_the_abi(self):
        report = json.loads(self.d.get("/hither/v1/status", sock="admin.sock").body)["roles"]
        abi = LIBC.syscall(444, None, 0, 1)
        for role in ROLES:
            with self.subTest(role):
                self.assertTrue(report[role]["sandboxed"])
                self.assertRegex(report[role]["filter"], rf"^{role}-[0-9a-f]{{8}}$")
                self.assertEqual(report[role]["landlock_abi"], max(abi, 0))
                for bit in ("no_new_privs", "not_dumpable", "rlimits", "clean_env", "seccomp", "no_capabilities"):
                    self.assertIn(bit, report[role]["sandbox"])

    def test_no_client_hands_in_a_descriptor(self):
        probe = socket.socket(socket.AF_UNIX)
        try:
            probe.setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 0)
        except OSError:
            self.skipTest("this kernel has no SO_PASSRIGHTS")
        finally:
            probe.close()
        for name in ("hither.sock", "apps/writer.sock", "consent.sock", "admin.sock"):
            with self.subTest(name), socket.socket(socket.AF_UNIX) as s, socket.socket() as network:
                s.connect(self.d.path("run", name))
                with self.assertRaises(PermissionError):
                    socket.send_fds(s, [b"G"], [network.fileno()])

    def test_doctor_says_what_is_in_force(self):
        out = subprocess.run([COMMAND, "doctor"], capture_output=True, text=True, check=False,
                             env={**os.environ, "HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"),
                                  "HOME": self.d.home, "XDG_RUNTIME_DIR": self.d.path("run")}).stdout
        for role in ROLES:
            self.assertRegex(out, rf"{role} runs confined.*{role}-[0-9a-f]{{8}}")


@unittest.skipIf(os.geteuid() != 0, "the class before was it")
class ConfinementOfAnOrdinaryUser(Confinement):
    user = ORDINARY


class SameUser(unittest.TestCase):
    """Another program of the same user reads nothing of a role: each of the four ways fails."""
    user = NOBODY

    @classmethod
    def setUpClass(cls):
        cls.d = daemon(cls.addClassCleanup, cls.user)
        cls.d.start()
        cls.d.chat("What is the capital of France?", model="local")
        cls.pids = {role: cls.d.role_pid(role) for role in ROLES}
        cls.pids["starter"] = children(cls.pids["local"])[0]
        cls.pids["looker"] = child_named(cls.pids["consent"], "looker")
        cls.pids["boot"] = cls.d.process.pid

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def as_that_user(self, attempt):
        """The errno of `attempt`, made by a process of the daemon's own user; 0: it succeeded."""
        child = os.fork()
        if child == 0:
            code = 255
            try:
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setresgid(self.user, self.user, self.user)
                    os.setresuid(self.user, self.user, self.user)
                    LIBC.prctl(4, 1, 0, 0, 0)
                code = attempt()
            except OSError as e:
                code = e.errno
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def refused(self, what, attempt):
        for who, pid in self.pids.items():
            with self.subTest(f"{what} of {who}"):
                self.assertIn(self.as_that_user(lambda p=pid: attempt(p)), (1, 13), "EPERM or EACCES")

    def test_memory_file(self):
        self.refused("memory", lambda pid: open(f"/proc/{pid}/mem", "rb").close() or 0)

    def test_descriptors(self):
        self.refused("descriptors", lambda pid: len(os.listdir(f"/proc/{pid}/fd")) and 0)

    def test_environment(self):
        self.refused("environment", lambda pid: open(f"/proc/{pid}/environ", "rb").close() or 0)

    def test_process_vm_readv(self):
        class Vector(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

        def attempt(pid):
            room = ctypes.create_string_buffer(8)
            near = Vector(ctypes.addressof(room), 8)
            far = Vector(0x10000, 8)
            got = LIBC.process_vm_readv(pid, ctypes.byref(near), 1, ctypes.byref(far), 1, 0)
            return ctypes.get_errno() if got < 0 else 0
        self.refused("process_vm_readv", attempt)

    def test_ptrace(self):
        def attempt(pid):
            if LIBC.ptrace(PTRACE_ATTACH, pid, None, None) == 0:
                LIBC.ptrace(PTRACE_DETACH, pid, None, None)
                return 0
            return ctypes.get_errno()
        self.refused("ptrace", attempt)

    def test_pidfd_getfd(self):
        def attempt(pid):
            pidfd = LIBC.syscall(SYS_PIDFD_OPEN, pid, 0)
            got = LIBC.syscall(SYS_PIDFD_GETFD, pidfd, 3, 0)
            return ctypes.get_errno() if got < 0 else 0
        self.refused("pidfd_getfd", attempt)

    def test_its_namespaces(self):
        self.refused("user namespace", lambda pid: open(f"/proc/{pid}/ns/user", "rb").close() or 0)

    def test_what_could_not_be_had_is_said(self):
        report = json.loads(self.d.get("/hither/v1/status", sock="admin.sock").body)["roles"]
        for role in ("router", "consent"):
            detail = report[role]["detail"]
            self.assertEqual("no network namespace" in detail, "no_network" not in report[role]["sandbox"])
            if os.geteuid() == 0:
                self.assertIn("others could not be told from this user", detail)
            self.assertTrue(report[role]["sandboxed"])


@unittest.skipIf(os.geteuid() != 0, "only root can be several users")
class OrdinaryUser(SameUser):
    """The same, and how its router and consent, alone in a namespace, see others."""
    user = ORDINARY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.alone = user_namespaces()
        cls.pids.update({f"{role}'s namer": child_named(cls.pids[role], "namer")
                         for role in ("router", "consent") if cls.alone})

    def test_what_could_not_be_had_is_said(self):
        report = json.loads(self.d.get("/hither/v1/status", sock="admin.sock").body)["roles"]
        for role in ("router", "consent"):
            with self.subTest(role):
                self.assertEqual("no_network" in report[role]["sandbox"], self.alone)
                self.assertEqual("no network namespace" in report[role]["detail"], not self.alone)
                self.assertEqual("namer: own system call list" in (report[role]["helpers"] or ""), self.alone)

    def test_router_and_consent_alone_are_in_namespaces_of_their_own(self):
        if not self.alone:
            self.skipTest("users can make no user namespace here")
        for who, pid in self.pids.items():
            with self.subTest(who):
                for kind in ("net", "user"):
                    own = os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
                    self.assertEqual(own, who in ("router", "consent", "starter"), kind)
                s = status(pid)
                self.assertEqual([int(s[c], 16) for c in ("CapInh", "CapPrm", "CapEff", "CapAmb")], [0] * 4)
                if who in ("router", "consent"):
                    self.assertEqual(read(pid, "uid_map").split(), [str(ORDINARY), str(ORDINARY), "1"])


@unittest.skipIf(os.geteuid() != 0, "only root can be several users")
class Others(unittest.TestCase):
    """Who is who to a daemon of an ordinary user: root is root, anybody else is nobody in particular."""

    def setUp(self):
        self.d = daemon(self.addCleanup, ORDINARY)
        self.addCleanup(self.d.close)
        self.d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "ask"},
                       "destinations": {"far": self.d.destination()}})
        self.d.start()

    def asked(self, who):
        return [q["id"] for q in people.As(who)(self.d.get, "/hither/v1/consents", "consent.sock").json["consents"]]

    def open_to_all(self):
        os.chmod(self.d.home, 0o711)
        os.chmod(self.d.path("run"), 0o711)
        for name in ("hither.sock", "consent.sock", "admin.sock"):
            os.chmod(self.d.path("run", name), 0o666)

    def test_each_sees_its_own_questions_and_no_other_user_any(self):
        self.open_to_all()
        root = self.d.later(people.As(0), self.d.chat, stage.HARD, "far")  # who asks may not answer
        mine = self.d.later(people.As(ORDINARY), self.d.chat, stage.HARD + " Again.", "far")
        stage.until("two questions", lambda: len(self.asked(0)) == 1 and len(self.asked(ORDINARY)) == 1)
        self.assertNotEqual(self.asked(0), self.asked(ORDINARY))
        for who in (OTHER, NOBODY):
            for sock in ("consent.sock", "admin.sock"):
                with self.subTest(f"{who} at {sock}"):
                    self.assertEqual(people.As(who)(self.d.get, "/hither/v1/consents", sock).status, 403)
        self.assertEqual(self.d.get("/hither/v1/status", sock="admin.sock").status, 200)
        question = self.d.question()
        self.assertEqual(self.d.answer(question, "deny").status, 200)
        self.assertEqual(root.result().status, 403)
        question = people.As(ORDINARY)(self.d.question)
        self.assertEqual(people.As(ORDINARY)(self.d.answer, question, "deny").status, 200)
        self.assertEqual(mine.result().status, 403)

    def test_a_namer_that_ends_is_replaced_with_its_role(self):
        if not user_namespaces():
            self.skipTest("users can make no user namespace here")
        before = self.d.role_pid("consent")
        os.kill(child_named(before, "namer"), signal.SIGKILL)

        def known():
            with contextlib.suppress(OSError, http.client.HTTPException):
                status = self.d.get("/hither/v1/status", sock="admin.sock").status
                self.assertIn(status, (200, 503), "root is taken for somebody else")
                return status == 200
            return False
        stage.until("root is root again", lambda: known() and self.d.role_pid("consent") not in (None, before))
        reply = people.As(ORDINARY)(self.d.get, "/hither/v1/status", "admin.sock")
        self.assertEqual(reply.status, 200)


def opens_memory(pid):
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))
    except PermissionError:
        return False
    return True


@unittest.skipIf(os.geteuid() != 0, "only root can install for others")
class Installed(unittest.TestCase):
    """An ordinary user may run, but not read the programs that root installed: the kernel keeps the memory of such a
    process from its first instruction on (execve(2), PR_SET_DUMPABLE), when it could not yet have done so itself."""

    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="hither-installed-")
        self.addCleanup(shutil.rmtree, self.place)
        os.chmod(self.place, 0o711)
        done = subprocess.run(["meson", "install", "-C", os.path.dirname(PROGRAM), "--no-rebuild", "--quiet", "--destdir",
                               self.place], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.program = glob.glob(os.path.join(self.place, "**", "hitherd"), recursive=True)[0]

    def at_its_first_instruction(self, program):
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(OSError):
                os.setgroups([])
                os.setresgid(ORDINARY, ORDINARY, ORDINARY)
                os.setresuid(ORDINARY, ORDINARY, ORDINARY)
                LIBC.ptrace(PTRACE_TRACEME, 0, None, None)
                os.execv(program, [program, "--version"])
            os._exit(1)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        _, how = os.waitpid(pid, 0)
        self.assertTrue(os.WIFSTOPPED(how), "it was not started")
        return pid

    def test_nobody_looks_into_it_before_it_can_forbid_that(self):
        for program in glob.glob(self.program + "*"):
            with self.subTest(program):
                self.assertFalse(people.As(ORDINARY)(opens_memory, self.at_its_first_instruction(program)))
        os.chmod(self.program, 0o755)
        self.assertTrue(people.As(ORDINARY)(opens_memory, self.at_its_first_instruction(self.program)))

    def test_it_runs(self):
        d = stage.Daemon(self.program, user=ORDINARY)
        self.addCleanup(d.close)
        d.start()
        self.assertEqual(d.route("What is the capital of France?").status, 200)
        report = json.loads(d.get("/hither/v1/status", sock="admin.sock").body)["roles"]
        self.assertEqual("no_network" in report["router"]["sandbox"], user_namespaces())


class Egress(unittest.TestCase):
    def setUp(self):
        self.d = stage.Daemon(PROGRAM)
        self.addCleanup(self.d.close)

    def policy(self, destinations):
        self.d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "allow"},
                       "destinations": destinations})

    def test_a_destination_with_another_port_works_as_soon_as_the_reload_is_answered(self):
        self.policy({})
        self.d.start()
        before = self.d.role_pid("cloud")
        self.policy({"far": self.d.destination()})
        reply = self.d.call("POST", "/hither/v1/reload", sock="admin.sock")
        self.assertEqual(reply.status, 200, reply.body)
        reply = self.d.chat(stage.HARD, model="far")
        self.assertEqual((reply.status, reply.headers["x-hither-tier"]), (200, "cloud"))
        if LIBC.syscall(444, None, 0, 1) >= 4:
            self.assertNotEqual(self.d.role_pid("cloud"), before, "a jail cannot be opened: it is a new one")

    def test_a_reload_that_needs_no_other_port_leaves_cloud_alone(self):
        self.policy({"far": self.d.destination()})
        self.d.start()
        before = self.d.role_pid("cloud")
        self.policy({"far": self.d.destination(), "more": self.d.destination()})
        self.assertEqual(self.d.call("POST", "/hither/v1/reload", sock="admin.sock").status, 200)
        self.assertEqual(self.d.chat(stage.HARD, model="more").headers["x-hither-tier"], "cloud")
        self.assertEqual(self.d.role_pid("cloud"), before)


if __name__ == "__main__":
    unittest.main()
