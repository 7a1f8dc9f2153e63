#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One system call of one role of a whole daemon fails, with each errno in turn, while requests are answered here,
sent, streamed, and asked about.

strace attaches to the role and makes its N-th call of a kind fail (`-e inject`); which call, which N and which errno
is drawn without repetition from all that a first round counted. The call that is left out becomes a getpid(2): strace
would otherwise ask for number -1, which a role's list ends it for, and no error path would ever run. Reads and writes
are also made short, half of what they ask for (tests/fault/short_call.c). After each:

- each send that the provider received stands in the ledger as one release, or one attempt, of the same bytes;
- no role was ended by its own list of system calls, whatever a library does after an error;
- an answer that looks complete is complete: a cut or failed one says so;
- every request ended; the daemon answers again, and sends again;
- `hither ledger verify` finds the chain whole (every 20th time, and at the end).

Needs root (processes are not dumpable) and strace. The budget counts failed calls.
"""
import collections
import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading

import campaign
import stage

ERRORS = ["EINTR", "EAGAIN", "EIO", "ENOSPC", "EMFILE", "ENOMEM", "EPIPE", "ECONNRESET"]
SHORT = "short"  # beside the errnos, for these calls
CAN_BE_SHORT = {"read", "write", "pread64", "pwrite64", "recvfrom", "sendto", "readv", "writev"}
# Not made to fail: close(2) gives the descriptor back whatever it returns, and strace would keep the call from the
# kernel; those that cannot fail; the waiting for signals.
LEFT = {"close", "exit", "exit_group", "rt_sigreturn", "restart_syscall", "getpid", "getuid", "geteuid", "gettid",
        "rt_sigprocmask", "getppid", "munmap", "madvise"}
# What the kernel says of a wire only when its other end is closed: then somebody died, and boot knows.
OF_THE_DEAD = {("sendmsg", "EPIPE"), ("sendmsg", "ECONNRESET"), ("recvmsg", "ECONNRESET")}
ROLES = ["boot", "router", "local", "consent", "cloud"]
LIMIT_S = 20  # of a request, from its first byte to its last
PLACES = 40  # destinations: one that fails is left alone for a while


class Trace:
    """A tracer on one process, from when it has attached until .end(), which gives what it wrote."""

    def __init__(self, command, pid, *arguments):
        self.log = tempfile.NamedTemporaryFile("r+", prefix="hither-trace-", delete=False)
        if command == "strace":
            command = ["strace", "-f", "-o", self.log.name, "-p", str(pid), *arguments]
        else:
            command = [command, str(pid), *arguments]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "attached" in line:
                break
        self.reader = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.reader.start()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:  # the process it was at ended in the middle of that
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        os.unlink(self.log.name)
        return text


class Scene:
    def __init__(self, c):
        self.c, self.asked = c, 0
        self.d = None
        self.begin()

    def begin(self):
        self.d = d = stage.Daemon(self.c.program())
        # A wire whose send was refused is broken, and made anew. An assertion is libuv's, of a kernel that does what no
        # kernel does (or of a tracer that left between a call and its answer): a death by signal 6, which is counted.
        d.never = tuple(word for word in d.never if word not in ("Assertion", "service.broken"))
        d.config["engine"]["restart_backoff_ms"] = 20
        d.config["limits"]["total_timeout_ms"] = LIMIT_S * 1000
        d.config["cloud"]["total_timeout_ms"] = LIMIT_S * 500
        places = {f"far{i}": d.destination() for i in range(PLACES)}
        d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "allow"}, "consent": {"timeout": "20s"},
                  "destinations": {**places, "asks": d.destination()},
                  "rules": [{"id": "asks", "effect": "ask", "when": {"destination": ["asks"]}}]})
        d.start()
        self.place = 0

    def text(self):
        self.asked += 1
        return " ".join(f"word{self.asked}x{i}" for i in range(12))

    def look(self, what, reply, wanted, stream):
        """An answer that says that it is whole must be."""
        if reply is None or reply.status != 200 or reply.cut:
            return
        if stream:
            done = "[DONE]" in reply.events and not any('"error"' in e for e in reply.events)
            said = "".join(c["choices"][0]["delta"].get("content") or "" for c in reply.chunks if c.get("choices")) \
                if done else wanted
        else:
            said = reply.text
        self.c.check(said.strip() == wanted.strip(), f"{what}: complete, and yet {said!r}")

    def one(self, what, model, stream):
        text = self.text()
        reply = None
        later = self.d.later(self.d.chat, "fake:echo " + text, model=model, stream=stream)
        later.thread.join(4 * LIMIT_S)
        if not self.c.check(not later.thread.is_alive(), f"{what}: it had not ended after four times its limit"):
            return None
        with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
            reply = later.result()
        self.look(what, reply, text, stream)
        return reply

    def play(self, with_question):
        far = f"far{self.place % PLACES}"
        self.place += 1
        self.one("local", "local", False)
        self.one("local stream", "local", True)
        self.one("send", far, False)
        self.one("send stream", far, True)
        if with_question:
            with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError, AssertionError, KeyError,
                                     subprocess.CalledProcessError):
                agent = self.d.agent()
                text = self.text()
                reply = self.d.program("fake:echo " + text, model="asks")
                stage.until("a question", lambda: self.d.questions() or not reply.thread.is_alive())
                if self.d.questions():
                    self.d.answer(self.d.question(), "approve")
                self.look("asked", reply.result(), text, False)
                agent.close()

    def well(self):
        """It answers and sends again; a send may have to wait until the ledger is looked at again."""
        if self.d.process.poll() is not None:
            return False
        pids = campaign.roles(self.d)
        for role in ROLES:
            if role not in pids:
                return False
        with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
            if self.d.chat("What is the capital of France?", model="local").status != 200:
                return False
            self.place += 1
            return self.d.chat("What is the capital of France?", model=f"far{self.place % PLACES}").status == 200
        return False

    def mark(self):
        """From here on .deaths() counts."""
        self.said = len(self.d.said())

    def deaths(self):
        """(role, signal) of those that died since the mark, as the supervisor's log has it."""
        said = self.d.said()[self.said:]
        return [(role, int(number)) for role, number in re.findall(r"boot\.death role=(\w+) .*?signal=(\d+)", said)] + [
            (role, signal.SIGSYS) for role in re.findall(r"boot\.death role=(\w+) .*? on none of its lists", said)]

    def ledger(self):
        """Digests of releases and of further attempts, in a copy."""
        source = self.d.path("state", "ledger", "ledger.db")
        with tempfile.TemporaryDirectory() as copy:
            for end in ("", "-wal"):
                if os.path.exists(source + end):
                    shutil.copy(source + end, os.path.join(copy, "ledger.db" + end))
            db = sqlite3.connect(os.path.join(copy, "ledger.db"))
            rows = [json.loads(body) for (body,) in db.execute("SELECT body FROM records ORDER BY seq")]
            db.close()
        granted = {r["id"]: r["digest"] for r in rows if r["kind"] == "granted"}
        may = collections.Counter(granted.values())
        may.update(granted[r["ref"]] for r in rows if r["kind"] == "retried" and r["ref"] in granted)
        return may, len(granted)

    def count(self):
        """Sends against records."""
        sent = collections.Counter("sha256:" + hashlib.sha256(body).hexdigest() for head, body in
                                   list(self.d.cloud.requests) if not head.startswith(b"GET "))
        may, granted = self.ledger()
        over = {digest: n for digest, n in sent.items() if n > may.get(digest, 0)}
        self.c.check(not over, f"sends without a record: {over}")
        return sum(sent.values()), granted

    def end(self):
        self.d.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.d.process.wait(stage.PATIENCE_S)
        numbers = self.count()
        whole, said = campaign.verify(self.c, self.d)
        self.c.check(whole, "ledger: " + said)
        self.d.close()
        return numbers


def occurrences(scene):
    """{(role, call): how often in one play}, the roles one after the other."""
    found = {}
    for role in ROLES:
        trace = Trace("strace", campaign.roles(scene.d)[role])
        scene.play(True)
        calls = collections.Counter(re.findall(r"^\d+ +(\w+)\(", trace.end(), re.M))
        found.update({(role, call): n for call, n in calls.items() if call not in LEFT})
    return found


def main():
    c = campaign.Campaign(__doc__, "200", 30000, only=(str, "", "ROLE:CALL:N:ERRNO, this one alone"))
    if os.geteuid() != 0 or shutil.which("strace") is None:
        print("skipped: needs root and strace")
        raise SystemExit(77)
    scene = Scene(c)
    totals, restarted, signals, ended = collections.Counter(), collections.Counter(), collections.Counter(), 0
    try:
        found = occurrences(scene)
        every = [(role, call, n, error) for (role, call), times in sorted(found.items())
                 for n in range(1, times + 1) for error in [*ERRORS, *[SHORT] * (call in CAN_BE_SHORT)]
                 if (call, error) not in OF_THE_DEAD]
        c.rng.shuffle(every)
        c.figures.update(points=len(every), calls=len(found))
        if c.options.only:
            role, call, n, error = c.options.only.split(":")
            every = [(role, call, int(n), error)]
        for role, call, n, error in every:
            if c.over():
                break
            wrong, before = len(c.bad), campaign.roles(scene.d)
            scene.mark()
            if error == SHORT:
                trace = Trace(c.program("tests/short_call"), before[role], call, str(n))
            else:
                trace = Trace("strace", before[role], "-e", f"trace={call}", "-e",
                              f"inject={call}:error={error}:syscall=getpid:when={n}")
            scene.play(c.runs % 5 == 0)
            injected = "INJECTED" in trace.end()
            try:
                stage.until("well again", scene.well)
            except AssertionError:
                if scene.d.process.poll() is None:
                    c.wrong(f"{role} {call} {n} {error}: not well again\n{scene.d.said()[-1500:]}")
            after = campaign.roles(scene.d) if scene.d.process.poll() is None else {}
            if not after:
                ended += 1
            restarted.update(r for r in ROLES if after and after.get(r) != before[r])
            scene.count()
            for name, signal_number in scene.deaths():
                signals[signal_number] += 1
                c.check(signal_number != signal.SIGSYS, f"{role} {call} {n} {error}: {name} was ended by its list")
            c.runs += injected
            totals[injected] += 1
            if len(c.bad) > wrong:
                print(f"  this was {role}:{call}:{n}:{error}\n  to repeat: {c.again(only=f'{role}:{call}:{n}:{error}')}",
                      flush=True)
            if totals.total() % 20 == 0 or not after or len(c.bad) > wrong:
                sends, granted = scene.end()
                c.figures["sends"] = c.figures.get("sends", 0) + sends
                c.figures["granted"] = c.figures.get("granted", 0) + granted
                scene.begin()
    finally:
        sends, granted = scene.end()
        c.figures["sends"] = c.figures.get("sends", 0) + sends
        c.figures["granted"] = c.figures.get("granted", 0) + granted
    c.figures.update(not_reached=totals[False], roles_restarted=dict(restarted), daemon_ended=ended,
                     deaths_by_signal={str(k): v for k, v in signals.items()})
    c.end()


if __name__ == "__main__":
    main()
