#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A router that lies to consent: messages by their table with fields drawn from what is odd, bodies that are not
sealed, not what they are called, or not there, descriptors too many or too few, and bytes that are no message. Policy
asks and nobody says yes, so no message may make consent send anything; where one ends the channel, consent is started
again. Messages that other roles send are tried as well. The budget counts messages."""
import contextlib
import os
import sys

import campaign

sys_argv = sys.argv
sys.argv = [sys.argv[0], ""]  # consent_stage takes the program from there
import wire  # noqa: E402
import consent_stage  # noqa: E402

sys.argv = sys_argv
NUMBERS = {"u8": [0, 1, 2, 3, 255], "u16": [0, 1, 1000, 1001, 65535], "u32": [0, 1, 1 << 31, (1 << 32) - 1],
           "u64": [0, 1, 2, 1 << 63, (1 << 64) - 1], "i64": [0, -1, 1 << 62, -(1 << 63)]}
TEXTS = ["", "far", "far ", "FAR", "big-1", "org.example.App", "01JD0000000000000000000000", "a" * 63, "a" * 64, "a" * 1000,
         "\n", "\x00", "\x1b[31m", "../x", "personal.*=1", "secret.*=99999999999", "=,=,", "\u202e", "chat"]


class Liar:
    def __init__(self, c):
        self.c, self.rng = c, c.rng
        consent_stage.PROGRAM = c.program("tests/flow/role_consent")
        self.stage = consent_stage.ConsentStage()
        self.stage.setUp()
        self.begin()
        self.asked = 0

    def begin(self):
        self.stage.start()
        self.stage.agent()  # somebody is there, and never answers

    def body(self):
        """A descriptor, and what it is."""
        kind = self.rng.randrange(10)
        text = consent_stage.body_of(self.rng.choice(["hello", "AKIAZ5GXK3QTV7W2RNBD", "x" * 5000]))
        if kind < 5:
            return wire.sealed(text)
        if kind == 5:  # not sealed
            fd = os.memfd_create("x")
            os.write(fd, text)
            return fd
        if kind == 6:
            return wire.sealed(self.rng.choice([b"", b"{", b"[]", b"{}", b'{"model":"big-1"', text + b"x", text[:-1]]))
        if kind == 7:
            return os.open("/dev/zero", os.O_RDONLY)
        if kind == 8:
            ends = list(os.pipe2(os.O_CLOEXEC))
            os.close(ends.pop(self.rng.randrange(2)))
            return ends[0]
        return os.open("/etc/passwd", os.O_RDONLY)

    def message(self):
        rng = self.rng
        name = rng.choice(["ASK"] * 12 + ["CANCEL", "DECIDED"] * 2 + list(wire.NUMBER))
        if rng.random() < 0.05:
            return os.urandom(rng.randrange(1, 300)), []
        values = {}
        if name == "ASK" and rng.random() < 0.7:  # like a real one, but for a few fields
            values = dict(request_id=self.asked, decision_id="01JD0000000000000000000000", destination="far", model="big-1",
                          app=f"org.example.App{rng.randrange(50)}", identity=2, uid=os.getuid(), task="chat",
                          score_pm=800, confidence_pm=900, threshold_pm=500, input_tokens=10, modality=1, messages=1,
                          interactive=1, max_tier=2, local_possible=1, why="x")
            self.asked += rng.random() < 0.95
        fields = dict((f, k) for k, f in wire.FIELDS[name])
        for field in fields if not values else rng.sample(sorted(fields), rng.randrange(0, 3)):
            kind = fields[field]
            if kind == "str":
                values[field] = rng.choice(TEXTS)
            elif kind == "bytes":
                values[field] = os.urandom(wire.BYTES[field])
            else:
                values[field] = rng.choice(NUMBERS[kind])
        frame = wire.encode(name, **values)
        if rng.random() < 0.02:
            frame = frame[:rng.randrange(len(frame))] + os.urandom(rng.randrange(4))
        n = {"ASK": rng.choice([1] * 12 + [0, 2, 3])}.get(name, 0 if rng.random() < 0.98 else 1)
        return frame, [self.body() for _ in range(n)]

    def one(self):
        frame, fds = self.message()
        try:
            self.stage.router.mine.settimeout(wire.PATIENCE_S)
            self.stage.router.mine.sendmsg([frame or b"\0"], [(1, 1, wire.array.array("i", fds))] if fds else [])
            while self.stage.router.take(0):
                for _, _, got in self.stage.router.inbox:
                    for fd in got:
                        os.close(fd)
                self.stage.router.inbox.clear()
        finally:
            for fd in fds:
                os.close(fd)

    def sends(self):
        with contextlib.suppress(wire.Gone, OSError):
            while self.stage.cloud.take(0):
                pass
        return [m for m in self.stage.cloud.inbox if m[0] == "SEND"]

    def run(self):
        c, restarts = self.c, 0
        while not c.over():
            c.runs += 1
            try:
                self.one()
            except (wire.Gone, OSError):
                c.check(not self.sends(), "a SEND")
                restarts += 1
                self.stage.end(kill=True)
                while self.stage.kept:
                    self.stage.kept.pop().close()
                self.begin()
            if c.runs % 500 == 0:
                c.check(not self.sends(), "a SEND")
        c.check(not self.sends(), "a SEND")
        records = self.stage.records()  # the chain is looked at on the way
        granted = sum(r["kind"] == "granted" for r in records)
        c.check(granted == 0, f"{granted} granted records")
        with open(os.path.join(self.stage.dir, "log"), encoding="utf-8", errors="replace") as log:
            said = log.read()
        for word in ("AddressSanitizer", "runtime error", "Assertion"):
            c.check(word not in said, said[-2000:])
        c.figures.update(sends=0 if not self.sends() else len(self.sends()), granted=granted, records=len(records),
                         channel_ended=restarts)


def main():
    c = campaign.Campaign(__doc__, "20000", 1000000)
    liar = Liar(c)
    try:
        liar.run()
    finally:
        liar.stage.end(kill=True)
        liar.stage.tearDown()
    c.end()


if __name__ == "__main__":
    main()
