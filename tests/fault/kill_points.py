# SPDX-License-Identifier: Apache-2.0
"""The role consent, killed (SIGKILL) at every call that changes a file or sends something, one call after the
other: before it, in the middle of a write, and after it.

kill_points.py ROLE_CONSENT_PROGRAM KILL_AT_MODULE HITHER_PROGRAM [--kills N] [--seed S] [--minutes M]

One sweep takes one scenario of questions, answers, permissions and sends, drawn from the seed, and kills at its
first call, its second, and so on until it comes through unharmed. Every second sweep keeps its folder, so that each
start recovers from the kill before; the others begin with an empty folder each time, so that the first start is
swept as well. After each kill:

- the chain verifies, on a copy, before anything could repair it;
- each SEND that cloud got stands in the ledger as one `granted` record of the same bytes;
- no bytes were sent twice, no record permits two sends;
- a `granted` record without a SEND is one that was being released when it died: those of one commit at most, for
  each kill.

After the next start that one is closed as unknown or as not sent, each release has exactly one end, and
`hither ledger verify` says that the ledger is whole.
"""
import argparse
import collections
import hashlib
import http.client
import json
import mmap
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
ARGUMENTS = argparse.ArgumentParser()
ARGUMENTS.add_argument("module")
ARGUMENTS.add_argument("hither")
ARGUMENTS.add_argument("--kills", type=int, default=240)
ARGUMENTS.add_argument("--seed", type=int, default=1)
ARGUMENTS.add_argument("--minutes", type=float, default=0, help="end early after this long; 0: no")

import wire  # noqa: E402
from consent_stage import ConsentStage, policy  # noqa: E402

OPTIONS = ARGUMENTS.parse_args()
del sys.argv[1:]
MAP = struct.Struct("<QQQQ16s240s")
WHEN = ["before", "half", "after"]
LOT = 6  # released together, at most; two lots may come into one commit
GONE = (wire.Gone, OSError, http.client.HTTPException, json.JSONDecodeError)  # the last: a reply cut in its head
RULES = policy(rules=[{"id": "auto-may", "effect": "allow", "when": {"app": ["org.example.Auto"]}}])


class Point:
    """The map that kill_at.c shares with the process."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(MAP.size))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), MAP.size)

    def arm(self, at, when):
        self.map[:] = MAP.pack(at, when, 0, 0, b"", b"")

    def died(self):
        """Which call on what and whether it has parts, or None when it was not reached."""
        _, _, _, parts, call, target = MAP.unpack(self.map[:])
        call, target = call.rstrip(b"\0").decode(), target.rstrip(b"\0").decode()
        if not call:
            return None
        kind = target.split(":")[0] if ":" in target else os.path.basename(target)
        if kind.startswith(".") and kind.count(".") >= 2:  # .NAME.XXXXXX: a file before it is renamed
            kind = "." + kind[1:].rsplit(".", 1)[0] + ".*"
        return call, kind, parts


class Chain:
    """What one ledger folder must hold: its records as last seen, and what cloud was sent."""

    def __init__(self, test, folder):
        self.test, self.folder = test, folder
        self.seq, self.hash, self.rows = 0, bytes(32), {}
        self.sends, self.bodies, self.unsent_most = {}, set(), 0

    def sent(self, values):
        body = values["body_sha256"].hex()
        self.test.assertNotIn(values["ledger_seq"], self.sends, "one record for two sends")
        self.test.assertNotIn(body, self.bodies, "sent twice")
        self.sends[values["ledger_seq"]] = body
        self.bodies.add(body)

    def read(self):
        """New records, hashed onto what was verified before; looks at a copy, which SQLite may repair."""
        source = os.path.join(self.folder, "ledger", "ledger.db")
        if not os.path.exists(source):
            return
        with tempfile.TemporaryDirectory() as copy:
            for end in ("", "-wal"):
                if os.path.exists(source + end):
                    shutil.copy(source + end, os.path.join(copy, "ledger.db" + end))
            db = sqlite3.connect(os.path.join(copy, "ledger.db"))
            there = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'records'").fetchone()[0]
            new = db.execute("SELECT seq, body, hash FROM records WHERE seq > ? ORDER BY seq", (self.seq,)).fetchall() \
                if there else []
            if there and self.seq > 0:  # what was durable is still there
                kept = db.execute("SELECT hash FROM records WHERE seq = ?", (self.seq,)).fetchone()
                self.test.assertEqual(kept and kept[0], self.hash, "a durable record is gone")
            db.close()
        for seq, body, digest in new:
            self.hash = hashlib.sha256(self.hash + body.encode()).digest()
            self.test.assertEqual((seq, digest), (self.seq + 1, self.hash), "the chain is broken")
            self.seq, self.rows[seq] = seq, json.loads(body)

    def check(self):
        self.read()
        granted = {seq: r for seq, r in self.rows.items() if r["kind"] == "granted"}
        for seq, body in self.sends.items():
            self.test.assertIn(seq, granted, "a send that is not in the ledger")
            self.test.assertEqual(granted[seq]["digest"], "sha256:" + body)
        self.test.assertLessEqual(len(granted), len(self.sends) + self.unsent_most)

    def check_closed(self):
        """After a start that was not killed: each release has one end."""
        self.check()
        ends = collections.Counter(r["ref"] for r in self.rows.values() if r["kind"] == "closed")
        how = {r["ref"]: r["outcome"] for r in self.rows.values() if r["kind"] == "closed"}
        unsent = 0
        for seq, r in self.rows.items():
            if r["kind"] != "granted":
                continue
            self.test.assertEqual(ends[r["id"]], 1)
            if seq not in self.sends:
                unsent += 1
                self.test.assertIn(how[r["id"]], ("unknown", "refused"))
        return unsent


class KillPoints(ConsentStage):
    def setUp(self):
        super().setUp()
        self.point = Point(os.path.join(self.dir, "point"))
        self.environment = {"LD_PRELOAD": os.path.abspath(OPTIONS.module),
                            "HITHER_KILL_MAP": os.path.join(self.dir, "point")}
        if "ASAN_OPTIONS" in os.environ:
            self.environment["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
        self.where, self.last = collections.Counter(), None
        self.asked, self.at_once = 0, 0

    def fresh(self):
        state = os.path.join(self.dir, "state")
        shutil.rmtree(state)
        os.mkdir(state, 0o700)
        return Chain(self, state)

    # --- one scenario ---

    def put(self, app, **more):
        self.asked += 1
        return self.ask(f"text {self.asked}", app=app, **more)

    def question(self, app, **more):
        self.call("GET", "/hither/v1/consents")  # somebody is there
        request = self.put(app, **more)
        outcome, said, _ = self.answer(request)
        self.assertEqual(outcome, "PENDING", said["detail"] + f"; before that: {self.last}")
        return request, said["question"]

    def send(self, dice):
        """Cloud's side of one release."""
        values, fds = self.cloud.expect("SEND")
        self.chain.sent(values)
        for fd in fds:
            os.close(fd)
        if dice.random() < 0.85:
            known = dice.random() < 0.7
            self.cloud.send("SENT", request_id=values["request_id"], ledger_seq=values["ledger_seq"], bytes_out=100,
                            input_tokens=3 if known else -1, output_tokens=2 if known else -1, cached_tokens=-1)

    def step(self, kind, app, dice):
        self.at_once = 2 * LOT if kind == "burst" else 1
        if kind == "rule":
            self.put("org.example.Auto")
            self.send(dice)
        elif kind == "burst":  # several at once, a second lot while the first is on its way
            lots = [dice.randint(2, LOT), dice.randint(1, LOT)]
            for n in lots:
                self.process.send_signal(signal.SIGSTOP)  # so that they come in one turn
                for _ in range(n):
                    self.put("org.example.Auto")
                self.process.send_signal(signal.SIGCONT)
            for _ in range(sum(lots)):
                self.send(dice)
        elif kind == "permission":
            said = self.respond(self.question(app)[1], "approve", scope="session")[1][1]
            self.send(dice)
            self.put(app)
            self.send(dice)
            self.call("DELETE", "/hither/v1/grants/" + said["grant"])
        elif kind == "again":  # reported, approved without anybody waiting, then the same bytes come again
            _, question = self.question(app, on_question=1)
            self.respond(question, "approve")
            self.ask(f"text {self.asked}", app=app)
            self.send(dice)
        elif kind == "left":
            self.router.send("CANCEL", request_id=self.question(app)[0])
        elif kind == "device":
            self.router.send("DECIDED", decision_id="01JD0000000000000000000000", app=app, uid=os.getuid(),
                             categories="?", destination="local", outcome="answered")
        else:
            self.respond(self.question(app)[1], kind)
            if kind == "approve":
                self.send(dice)

    def play(self, seed):
        """The scenario of `seed`; True when it came through."""
        dice = random.Random(seed)
        self.at_once = 0  # none before the first step
        try:
            self.start(RULES)
            steps = ["rule", "burst", "approve", "permission"] + dice.choices(["deny", "dismiss", "again", "left", "device"], k=2)
            dice.shuffle(steps)
            for i, kind in enumerate(steps):
                self.step(kind, f"org.example.App{self.asked}.{i}", dice)
            self.boot.send("STOP", deadline_ms=5000)
        except GONE:
            pass
        status = self.process.wait(wire.PATIENCE_S)
        self.rest()
        return status == 0

    def rest(self):
        """What was on its way when the process died."""
        try:
            while self.cloud.take(0):
                pass
        except GONE:
            pass
        for name, values, _ in self.cloud.inbox:
            if name == "SEND":
                self.chain.sent(values)
        for c in (self.boot, self.router, self.cloud):
            c.close()
        self.process = None

    # --- the campaign ---

    def unharmed_start(self):
        self.point.arm(0, 0)
        self.start(RULES)
        self.boot.send("STOP", deadline_ms=5000)
        self.assertEqual(self.process.wait(wire.PATIENCE_S), 0)
        self.rest()
        unsent = self.chain.check_closed()
        said = subprocess.run([OPTIONS.hither, "ledger", "verify", "--json", "--state-dir",
                               os.path.join(self.dir, "state")], capture_output=True, text=True, check=False)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)
        return unsent

    def kill(self, at, when, seed):
        """True when the process died there."""
        self.point.arm(at, when)
        whole = self.play(seed)
        died = self.point.died()
        self.assertEqual(whole, died is None, f"it ended by itself; {self.log_tail()}")
        if died is not None:
            self.chain.unsent_most += self.at_once
            self.last = (died[0], died[1], WHEN[when if when != 1 or died[2] else 0])
            self.where[self.last] += 1
        self.chain.check()
        return died

    def log_tail(self):
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as log:
            return log.read()[-400:]

    def sweep(self, seed, keep, until):
        """Kills at one point after the other; returns the sends and the releases that were not sent."""
        self.chain = self.fresh()
        sends = unsent = 0
        at, alive = 1, True
        while alive and not until():
            died = None
            for when, _ in enumerate(WHEN):
                if when == 1 and not died[2]:
                    continue  # a call without parts
                died = self.kill(at, when, seed)
                if not keep:
                    unsent += self.unharmed_start()
                    sends += len(self.chain.sends)
                    self.chain = self.fresh()
                if died is None:
                    alive = False
                    break
            at += 1
        if keep:
            unsent += self.unharmed_start()
            sends += len(self.chain.sends)
        return sends, unsent

    def test_killed_at_every_call(self):
        end = time.monotonic() + OPTIONS.minutes * 60 if OPTIONS.minutes > 0 else None
        sends = unsent = sweeps = 0

        def until():
            return self.where.total() >= OPTIONS.kills or (end is not None and time.monotonic() > end)

        print(f"seed {OPTIONS.seed}, {OPTIONS.kills} kills wanted", flush=True)
        while not until():
            more = self.sweep(OPTIONS.seed + sweeps, sweeps % 2 == 0, until)
            self.assertGreater(self.where.total(), 0, "the module did not take its place in the process")
            sends, unsent, sweeps = sends + more[0], unsent + more[1], sweeps + 1
            print(f"{sweeps} sweeps, {self.where.total()} kills, {sends} sends, {sends + unsent} granted records of which "
                  f"{unsent} died before their send", flush=True)
        for (call, target, when), n in sorted(self.where.items()):
            print(f"{n:6} {when:6} {call:9} {target}")
        if sweeps > 1:  # else not one sweep came to its end
            self.assertGreater(sends, 0)
        self.assertGreaterEqual(self.where.total(), OPTIONS.kills if end is None else 1)


if __name__ == "__main__":
    unittest.main()
