# SPDX-License-Identifier: Apache-2.0
"""Who a caller is, as proven: sandboxes with a /.flatpak-info that are made here (a mount namespace
and another root), and everything that must not pass for one. As root, which can make them and can
choose the number of the next process.

identity.py HITHERD [unittest arguments]
"""
import contextlib
import json
import os
import signal
import socket
import sys
import unittest

import stage
from people import LIBC, CLONE_NEWNS, MS_BIND, MS_PRIVATE, MS_REC, check, skip

PROGRAM = os.path.abspath(sys.argv.pop(1))
APP, OTHER = "org.example.Notes", "org.example.Other"
LAST_PID = "/proc/sys/kernel/ns_last_pid"
REUSED = int(os.environ.get("HITHER_TEST_REUSED", "200"))  # numbers that are used again; less where others take them


def info(app):
    return f"[Application]\nname={app}\nruntime=runtime/org.example.Platform/x86_64/1\n\n[Instance]\ninstance-id=1\n"


def say(s, body, headers=()):
    text = json.dumps(body).encode()
    head = "".join(f"{k}: {v}\r\n" for k, v in headers)
    s.sendall(f"POST /hither/v1/route HTTP/1.1\r\nHost: x\r\n{head}Content-Type: application/json\r\n"
              f"Content-Length: {len(text)}\r\n\r\n".encode() + text)


def hear(s):
    """The body of one reply."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = s.recv(65536)
        if not more:
            raise EOFError(got)
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        more = s.recv(65536)
        if not more:
            raise EOFError(got)
        body += more
    return body


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(stage.PATIENCE_S)
    s.connect(path)
    return s


class Program:
    """A process that does what it is told: `steps` are functions of the process, run one by one when
    run() names them; what they return comes back."""

    def __init__(self, main, *args):
        self.ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.ours.close()
                main(theirs, *args)
            except BaseException as e:
                with contextlib.suppress(OSError):
                    theirs.sendall(b"!" + repr(e).encode())
            os._exit(0)
        theirs.close()
        self.ours.settimeout(stage.PATIENCE_S)

    def said(self):
        text = self.ours.recv(1 << 20)
        if text.startswith(b"!"):
            raise AssertionError(text)
        return text

    def end(self):
        self.ours.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def enter(root, run):
    """This process goes where it sees `root` as /, and the sockets in /run."""
    check("unshare", LIBC.unshare(CLONE_NEWNS))
    check("private", LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    check("run", LIBC.mount(run.encode(), os.path.join(root, "run").encode(), None, MS_BIND, None))
    os.chroot(root)
    os.chdir("/")


def ask_once(wire, root, run, name, body, headers):
    if root is not None:
        enter(root, run)
        run = "/run"
    s = connect(os.path.join(run, name))
    say(s, body, headers)
    wire.sendall(hear(s))


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM, app="org.example.Own")
        cls.d.policy({"hither_policy": 1, "id": "m", "default": {"cloud": "deny"},
                      "destinations": {name: cls.d.destination() for name in ("attested", "socket", "named")},
                      "rules": [{"id": level, "effect": "allow",
                                 "when": {"identity": level, "app": [APP, "org.example.Own"], "destination": [level]}}
                                for level in ("attested", "socket")] +
                      [{"id": "named", "effect": "allow", "when": {"app": [APP], "destination": ["named"]}}]})
        cls.d.start()
        cls.run_folder = cls.d.path("run")

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def sandbox(self, text=info(APP)):
        root = self.d.path(f"root{len(os.listdir(self.d.home))}")
        os.makedirs(os.path.join(root, "run"))
        if text is not None:
            with open(os.path.join(root, ".flatpak-info"), "w", encoding="utf-8") as f:
                f.write(text)
        return root

    def ask(self, root, name="hither.sock", headers=()):
        p = Program(ask_once, root, self.run_folder, name, {"prompt": stage.HARD}, headers)
        try:
            return p.said()
        finally:
            p.end()

    def level(self, reply):
        """attested, socket or claimed: how well the caller is known as an app of the rules."""
        verdicts = {n: d["verdict"] for n, d in json.loads(reply)["destinations"].items()}
        for level in ("attested", "socket"):
            if verdicts[level] == "allow":
                return level
        return "claimed" if verdicts["named"] == "allow" else None


class Proven(Case):
    def test_a_sandbox_is_known(self):
        self.assertEqual(self.level(self.ask(self.sandbox())), "attested")

    def test_what_it_says_of_itself_does_not_count(self):
        claim = [("Hither-App", APP)]
        self.assertIsNone(self.level(self.ask(self.sandbox(info(OTHER)), headers=claim)))
        self.assertEqual(self.level(self.ask(self.sandbox(), headers=[("Hither-App", OTHER)])), "attested")

    def test_outside_of_a_sandbox_it_is_a_claim(self):
        self.assertEqual(self.level(self.ask(None, headers=[("Hither-App", APP)])), "claimed")
        self.assertIsNone(self.level(self.ask(None)))

    def test_a_socket_of_its_own(self):
        own = "apps/org.example.Own.sock"
        self.assertEqual(self.level(self.ask(None, own)), "socket")
        self.assertEqual(self.level(self.ask(self.sandbox(), own)), "attested", "as what it is proven to be")
        self.assertIsNone(self.level(self.ask(self.sandbox(info(OTHER)), own)), "another app with that socket")

    def test_files_that_prove_nothing(self):
        claim = [("Hither-App", APP)]
        for what, text in (("none", None), ("empty", ""), ("another group", info(APP).replace("Application", "Runtime")),
                           ("two names", info(APP) + info(OTHER)), ("too large", info(APP) + "#" * 70000)):
            with self.subTest(what):
                self.assertEqual(self.level(self.ask(self.sandbox(text), headers=claim)), "claimed")

    def test_files_of_another_kind(self):
        real = self.d.path("real-info")
        with open(real, "w", encoding="utf-8") as f:
            f.write(info(APP))
        for what in ("link", "pipe", "folder", "stranger"):
            with self.subTest(what):
                root = self.sandbox(None)
                path = os.path.join(root, ".flatpak-info")
                if what == "link":
                    os.link(real, os.path.join(root, "info"))
                    os.symlink("/info", path)
                elif what == "pipe":
                    os.mkfifo(path)
                elif what == "folder":
                    os.mkdir(path)
                else:
                    with open(path, "w", encoding="utf-8") as f:
                        f.write(info(APP))
                    os.chown(path, 3001, 3001)
                self.assertEqual(self.level(self.ask(root, headers=[("Hither-App", APP)])), "claimed")

    def test_an_attested_app_sends_and_a_claim_does_not(self):
        def chat(wire, root, headers):
            path = os.path.join(self.run_folder, "hither.sock")
            if root is not None:
                enter(root, self.run_folder)
                path = "/run/hither.sock"
            s = connect(path)
            body = json.dumps({"model": "attested", "messages": [{"role": "user", "content": "hello there"}]}).encode()
            s.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nHither-App: {headers}\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            wire.sendall(s.recv(65536).split(b"\r\n")[0])
        before = len(self.d.cloud.requests)
        for root, want in ((None, b"HTTP/1.1 403"), (self.sandbox(), b"HTTP/1.1 200")):
            p = Program(chat, root, APP)
            self.assertTrue(p.said().startswith(want))
            p.end()
        self.assertEqual(len(self.d.cloud.requests), before + 1)


class HandedOn(Case):
    """The name is that of the process that connected, while it lives."""

    def send_fd(self, wire, s):
        socket.send_fds(wire, [b"here"], [s.fileno()])

    def take_fd(self, p):
        _, fds, _, _ = socket.recv_fds(p.ours, 100, 1)
        s = socket.socket(fileno=fds[0])
        s.settimeout(stage.PATIENCE_S)
        return s

    def outside_connects(self, wire):
        s = connect(os.path.join(self.run_folder, "hither.sock"))
        self.send_fd(wire, s)
        s.close()
        wire.recv(1)

    def inside_connects(self, wire, root):
        enter(root, self.run_folder)
        s = connect("/run/hither.sock")
        self.send_fd(wire, s)
        s.close()
        wire.recv(1)

    def inside_asks(self, wire, root, s, headers):
        enter(root, self.run_folder)
        say(s, {"prompt": stage.HARD}, headers)
        wire.sendall(hear(s))

    def test_a_connection_given_into_a_sandbox_stays_what_it_was(self):
        p = Program(self.outside_connects)
        s = self.take_fd(p)
        q = Program(self.inside_asks, self.sandbox(), s, [("Hither-App", APP)])
        self.assertEqual(self.level(q.said()), "claimed")
        q.end()
        p.end()

    def test_a_connection_given_out_of_a_sandbox_speaks_for_it(self):
        p = Program(self.inside_connects, self.sandbox())
        s = self.take_fd(p)
        say(s, {"prompt": stage.HARD})
        self.assertEqual(self.level(hear(s)), "attested", "who holds it acts for who opened it")
        p.end()

    def test_not_when_it_has_ended(self):
        p = Program(self.inside_connects, self.sandbox())
        s = self.take_fd(p)
        p.end()
        say(s, {"prompt": stage.HARD}, [("Hither-App", APP)])
        self.assertEqual(self.level(hear(s)), "claimed")

    def test_a_name_is_not_looked_up_twice_for_one_connection(self):
        p = Program(self.inside_connects, self.sandbox())
        s = self.take_fd(p)
        say(s, {"prompt": stage.HARD})
        self.assertEqual(self.level(hear(s)), "attested")
        say(s, {"prompt": stage.HARD}, [("Hither-App", OTHER)])
        self.assertEqual(self.level(hear(s)), "attested")
        p.end()

    def test_another_program_after_the_connect(self):
        code = ("import socket,sys\ns=socket.socket(fileno=int(sys.argv[1]))\ns.settimeout(30)\n"
                "sys.path.insert(0,sys.argv[2])\nsys.argv[1:]=['x']\nimport identity\n"
                "identity.say(s,{'prompt':identity.stage.HARD},[('Hither-App',identity.APP)])\n"
                "sys.stdout.buffer.write(identity.hear(s))\nsys.stdout.flush()\n")

        def run(wire):
            s = connect(os.path.join(self.run_folder, "hither.sock"))
            os.set_inheritable(s.fileno(), True)
            os.dup2(wire.fileno(), 1)
            os.execv(sys.executable, [sys.executable, "-c", code, str(s.fileno()),
                                      os.path.dirname(os.path.abspath(__file__))])
        p = Program(run)
        self.assertEqual(self.level(p.said()), "claimed")
        p.end()

    def with_number(self, pid, main, *args):
        """A program whose process has this number; None: somebody else was quicker."""
        with open(LAST_PID, "w", encoding="ascii") as f:
            f.write(str(pid - 1))
        p = Program(main, *args)
        if p.pid == pid:
            return p
        p.end()
        return None

    def idle_inside(self, wire, root):
        enter(root, self.run_folder)
        wire.sendall(b"there")
        wire.recv(1)

    def test_what_is_remembered_goes_with_its_process(self):
        """A number used again, by a program outside that claims to be the one that had it."""
        how, reused = (self.run_folder, "hither.sock", {"prompt": stage.HARD}), 0
        for root in [self.sandbox()] * 20:
            p = Program(ask_once, root, *how, ())
            self.assertEqual(self.level(p.said()), "attested")
            p.end()
            q = self.with_number(p.pid, ask_once, None, *how, [("Hither-App", APP)])
            if q is None:
                continue
            self.assertEqual(self.level(q.said()), "claimed")
            reused += 1
            q.end()
        self.assertGreater(reused, 0, "no number could be used again")

    def test_numbers_that_are_used_again(self):
        reused = 0
        root = self.sandbox()
        for _ in range(2 * REUSED):
            if reused == REUSED:
                break
            p = Program(self.outside_connects)
            s = self.take_fd(p)
            p.end()
            q = self.with_number(p.pid, self.idle_inside, root)
            if q is None:
                s.close()
                continue
            q.said()
            say(s, {"prompt": stage.HARD}, [("Hither-App", APP)])
            self.assertEqual(self.level(hear(s)), "claimed")
            reused += 1
            q.end()
            s.close()
        self.assertGreater(reused, 0, "no number could be used again")
        print(f"{reused} numbers used again", file=sys.stderr)


class Attester(Case):
    """The process that looks may end or hang: the caller is then not proven, and the next one is."""

    def pid(self):
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as f:
                head, _, rest = f.read().rpartition(b")")
                if head.endswith(b"(hither-attester") and int(rest.split()[1]) == self.d.process.pid:
                    found.append(int(name))
        return found[0] if found else None

    def test_it_comes_back(self):
        for _ in range(3):
            before = stage.until("an attester", self.pid)
            os.kill(before, signal.SIGKILL)
            stage.until("another", lambda b=before: self.pid() not in (None, b))
            stage.until("proof again", lambda: self.level(self.ask(self.sandbox())) == "attested")

    def test_one_that_hangs(self):
        pid = stage.until("an attester", self.pid)
        os.kill(pid, signal.SIGSTOP)
        asked = self.d.later(self.ask, self.sandbox(), "hither.sock", [("Hither-App", APP)])
        self.assertEqual(self.d.get("/v1/models").status, 200, "others are served")
        stage.until("it waits", asked.thread.is_alive)
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.level(asked.result()), "claimed")

    def test_one_that_cannot_end(self):
        pid = stage.until("an attester", self.pid)
        os.kill(pid, signal.SIGSTOP)
        claim = [("Hither-App", APP)]
        self.assertEqual(self.level(self.ask(self.sandbox(), headers=claim)), "claimed", "it is given up")
        self.assertEqual(self.level(self.ask(self.sandbox(), headers=claim)), "claimed", "and not asked again")
        os.kill(pid, signal.SIGCONT)
        stage.until("another", lambda: self.pid() not in (None, pid))
        stage.until("proof again", lambda: self.level(self.ask(self.sandbox())) == "attested")

    def test_a_client_that_leaves_while_it_is_looked_up(self):
        pid = stage.until("an attester", self.pid)
        os.kill(pid, signal.SIGSTOP)
        for _ in range(5):
            s = connect(os.path.join(self.run_folder, "hither.sock"))
            say(s, {"prompt": stage.HARD})
            s.close()
        os.kill(pid, signal.SIGCONT)
        stage.until("proof", lambda: self.level(self.ask(self.sandbox())) == "attested")

    def test_a_new_router_has_a_new_one(self):
        before, router = self.pid(), self.d.role_pid("router")
        os.kill(router, signal.SIGKILL)
        stage.until("another", lambda: self.pid() not in (None, before))
        stage.until("ready", self.d.ready)
        stage.until("proof", lambda: self.level(self.ask(self.sandbox())) == "attested")


if __name__ == "__main__":
    if os.geteuid() != 0:
        skip("sandboxes with another root can be made by root alone")
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        if not any(line.split()[4] == "/" for line in mounts):
            skip("the root folder is no mount of its own (chroot): a mount made here would be seen outside")
    if not hasattr(os, "pidfd_open") or not os.access(LAST_PID, os.W_OK):
        skip("this kernel lets nobody choose the number of a process")
    with socket.socketpair()[0] as one:
        try:
            one.getsockopt(socket.SOL_SOCKET, 77)
        except OSError as e:
            skip(f"no SO_PEERPIDFD (Linux 6.5): {e}")
    unittest.main(warnings="ignore")  # sockets of processes that just end
