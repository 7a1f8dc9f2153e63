# SPDX-License-Identifier: Apache-2.0
"""The role consent with its neighbours played: boot, router, cloud and the agents. The first argument of
the script that imports this is the role's program."""
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import unittest

import wire
from stage import UnixConnection

PROGRAM = os.path.abspath(sys.argv.pop(1))
OUTCOMES = ["PENDING", "GRANTED", "DENIED_POLICY", "REFUSED", "TIMEOUT", "NO_AGENT", "WITHDRAWN", "DISMISSED",
            "BUDGET", "LEDGER", "LIMITED", "UNREACHABLE"]
CLAIMED = 2


def policy(cloud="ask", **more):
    return {"hither_policy": 1, "id": "test", "default": {"cloud": cloud},
            "destinations": {"far": {"tier": "cloud", "api": "openai", "operator": "Far Inc", "region": "eu",
                                     "base_url": "https://far.example/v1", "models": ["big-1"],
                                     "price": {"currency": "EUR", "input_per_mtok": 1, "output_per_mtok": 2}}},
            **more}


def body_of(text):
    return json.dumps({"model": "big-1", "messages": [{"role": "user", "content": text}], "max_tokens": 100},
                      ensure_ascii=False).encode()


class ConsentStage(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hither-consent-")
        for name in ("run", "state", "config"):
            os.mkdir(os.path.join(self.dir, name), 0o700)
        self.process, self.last_id, self.kept = None, 0, []
        self.environment = {}

    def tearDown(self):
        for c in self.kept:
            c.close()
        self.end()
        shutil.rmtree(self.dir)

    def start(self, rules=None, wait=True):
        self.boot, self.router, self.cloud = wire.Channel(), wire.Channel(), wire.Channel()
        listens = []
        for name in ("consent", "admin"):
            path = os.path.join(self.dir, "run", name + ".sock")
            if os.path.exists(path):
                os.unlink(path)
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.bind(path)
            s.listen(64)
            listens.append((name, s))
        config = {"paths": {name + "_dir": os.path.join(self.dir, sub) for name, sub in
                            (("runtime", "run"), ("state", "state"), ("config", "config"))}}
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.process = wire.spawn([PROGRAM], {wire.CONTROL: self.boot, wire.ROUTER: self.router,
                                                  wire.CLOUD: self.cloud},
                                      config, wire.bundle(rules if rules is not None else policy()),
                                      [(n, s.fileno()) for n, s in listens], self.environment, stderr=log)
        for _, s in listens:
            s.close()
        if wait:
            self.boot.expect("READY")
            for role in range(1, 5):
                self.boot.send("HEALTH", role=role, pid=1, ready=1)

    def end(self, kill=False):
        if self.process is None:
            return
        if kill:
            self.process.send_signal(signal.SIGKILL)
        else:
            try:
                self.boot.send("STOP", deadline_ms=5000)
            except BrokenPipeError:
                with open(os.path.join(self.dir, "log"), encoding="utf-8") as log:
                    raise AssertionError("it ended early: " + log.read()) from None
        status = self.process.wait(wire.PATIENCE_S)
        if not kill:
            self.assertEqual(status, 0)
        for c in (self.boot, self.router, self.cloud):
            c.close()
        self.process = None

    def call(self, method, path, body=None, name="consent"):
        with contextlib.closing(UnixConnection(os.path.join(self.dir, "run", name + ".sock"))) as c:
            c.request(method, path, None if body is None else json.dumps(body))
            r = c.getresponse()
            data = r.read()
        return r.status, (json.loads(data) if r.getheader("content-type") == "application/json" else data.decode())

    def ask(self, text, **more):
        self.last_id += 1
        fd = wire.sealed(body_of(text))
        values = dict(request_id=self.last_id, decision_id="01JD0000000000000000000000", destination="far",
                      model="big-1", app="org.example.App", identity=CLAIMED, uid=os.getuid(), pid=0, task="chat",
                      score_pm=800, confidence_pm=900, threshold_pm=500, input_tokens=10, modality=1, messages=1,
                      interactive=1, max_tier=2, local_possible=1, why="too hard for this device")
        values.update(more)
        self.router.send("ASK", [fd], **values)
        os.close(fd)
        return self.last_id

    def answer(self, request):
        values, fds = self.router.expect("ANSWER", lambda m: m["request_id"] == request)
        return OUTCOMES[values["outcome"]], values, fds

    def agent(self, kind="terminal"):
        status, made = self.call("POST", "/hither/v1/agents", {"kind": kind, "name": "test"})
        self.assertEqual(status, 201)
        c = UnixConnection(os.path.join(self.dir, "run", "consent.sock"))
        c.request("GET", f"/hither/v1/agents/{made['agent']}/events")
        r = c.getresponse()
        self.assertEqual(r.status, 200)
        self.assertEqual(r.getheader("content-type"), "text/event-stream")
        self.kept.append(c)
        return r

    def next_event(self, stream):
        event = {}
        while True:
            line = stream.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                event["event"] = line[7:]
            elif line.startswith("data: "):
                event.update(json.loads(line[6:]))
            elif line == "" and event:
                return event["event"], event["id"]

    def respond(self, question, decision, **more):
        status, q = self.call("GET", "/hither/v1/consents/" + question)
        self.assertEqual(status, 200)
        return q, self.call("POST", "/hither/v1/consents/" + question,
                            {"nonce": q["nonce"], "digest": q["digest"], "decision": decision, **more})

    def records(self):
        if not os.path.exists(os.path.join(self.dir, "state", "ledger", "ledger.db")):
            return []
        db = sqlite3.connect(os.path.join(self.dir, "state", "ledger", "ledger.db"))
        there = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'records'").fetchone()[0]
        chain = db.execute("SELECT body, hash FROM records ORDER BY seq").fetchall() if there else []
        rows = [json.loads(body) for body, _ in chain]
        db.close()
        before = bytes(32)
        for body, digest in chain:
            before = hashlib.sha256(before + body.encode()).digest()
            self.assertEqual(before, digest)
        return rows
