#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The hand-over from consent to cloud: SEND with its two descriptors, and the ledger entry that it names. It is what a
ticket is elsewhere, so it is tried like one, on the role cloud with a provider that counts.

  bits     each bit of the message flipped in turn
  fields   each field, and each descriptor, taken from another valid SEND
  replays  a SEND that was carried out, again: at once, and after thousands of others
  races    two SENDs of one entry, both there before cloud reads the first

Nothing may arrive at the provider but bytes that were released, and each entry once. Who may write to the channel is
consent alone, so some changes are consent's own word (its number of the request, time, form of the reply, another
entry that was not used): there the provider must have got exactly the released bytes, once; they are counted apart.
Of a number a quarter goes to bits, a tenth to fields, half to replays, the rest to races. The budget counts messages."""
import array
import hashlib
import itertools
import os
import socket
import struct
import sys

import campaign

sys_argv = sys.argv
sys.argv = [sys.argv[0], ""]  # cloud_role takes the program from there
import wire  # noqa: E402
import cloud_role  # noqa: E402

sys.argv = sys_argv
OWN_WORD = {"request_id", "ledger_seq", "streaming", "deadline_ms"}
ENTRIES_KEPT = 4096  # more than so many others lie between a send and its late replay


class Bench:
    def __init__(self, c, provider):
        self.c, self.provider = c, provider
        cloud_role.PROGRAM = c.program("tests/flow/role_cloud")
        self.stage = cloud_role.CloudRole()
        self.stage.setUp()
        self.seq = self.request = 0
        self.released = set()  # digests of what may arrive
        self.destinations = {name: {"tier": "cloud", "api": "openai", "base_url": provider.base_url, "models": [model]}
                             for name, model in (("dest", "m"), ("other", "n"))}
        self.begin()

    def begin(self):
        self.stage.end()
        self.stage.start_with(wire.bundle({"hither_policy": 1, "id": "test", "destinations": self.destinations}))

    def close(self):
        self.stage.end()

    def values(self, model="m", **changes):
        """A valid SEND of an entry of its own; its body."""
        self.seq += 1
        self.request += 1
        words = "number %d" if model == "m" else "another number, %d"
        body = ('{"model":"%s","messages":[{"role":"user","content":"%s"}]}' % (model, words % self.seq)).encode()
        self.released.add(hashlib.sha256(body).digest())
        return {"request_id": self.request, "ledger_seq": self.seq, "destination": "dest" if model == "m" else "other",
                "model": model, "body_sha256": hashlib.sha256(body).digest(), "body_bytes": len(body), "streaming": 0,
                "deadline_ms": 60000, **changes}, body

    def put(self, frame, body):
        """Writes a frame with the body's and a pipe's descriptor; gives the pipe's read end."""
        memfd = wire.sealed(body)
        reader, writer = os.pipe()
        fds = array.array("i", (memfd, writer))
        try:
            self.stage.consent.mine.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        finally:
            os.close(memfd)
            os.close(writer)
        return reader

    def outcome(self, reader):
        """What came of it; None when the channel ended, which is a refusal, too, and a new start."""
        try:
            values, _ = self.stage.consent.expect("SENT")
            return cloud_role.OUTCOMES[values["outcome"]]
        except (wire.Gone, OSError):
            self.begin()
            return None
        finally:
            os.close(reader)

    def arrived(self):
        """Bodies at the provider since the last call; each must be one that was released."""
        got = [body for _, body in self.provider.requests]
        self.provider.requests.clear()
        for body in got:
            self.c.check(hashlib.sha256(body).digest() in self.released, f"the provider got {body[:80]!r}")
        return got

    def one(self, frame, body):
        self.c.runs += 1
        try:
            outcome = self.outcome(self.put(frame, body))
        except OSError:
            self.begin()
            outcome = None
        return outcome, self.arrived()


def field_at(values):
    """[(name, first byte, byte after)] in the frame."""
    places, at = [("type", 0, 2)], 2
    for kind, name in wire.FIELDS["SEND"]:
        n = 2 + len(values[name]) if kind == "str" else wire.BYTES[name] if kind == "bytes" else \
            struct.calcsize(wire.SIZES[kind])
        places.append((name, at, at + n))
        at += n
    return places


def judge(b, what, name, body, outcome, got):
    """A changed SEND: refused, or for consent's own word exactly the released bytes, once at most."""
    count = b.c.figures
    if not got:
        count["refused"] = count.get("refused", 0) + 1
    elif b.c.check(name in OWN_WORD and got == [body], f"{what} was carried out: {outcome}, {len(got)} arrived"):
        count["own_word"] = count.get("own_word", 0) + 1


def bits(b, most):
    values, _ = b.values(generation=0)
    places = field_at(values)
    every = [(name, i) for name, start, stop in places for i in range(start * 8, stop * 8)]
    if most < len(every):
        every = b.c.rng.sample(every, most)
    for name, bit in every:
        values, body = b.values()
        frame = bytearray(wire.encode("SEND", **values))
        frame[bit // 8] ^= 1 << bit % 8
        outcome, got = b.one(bytes(frame), body)
        judge(b, f"bit {bit} ({name}) flipped", name, body, outcome, got)
        if name == "ledger_seq":
            b.begin()  # it may have used up what comes next
    b.c.figures["bits"] = len(every)


def fields(b, most):
    names = [name for _, name in wire.FIELDS["SEND"]] + ["body"]
    n = 0
    for name in itertools.islice(itertools.cycle(names), min(most, 20 * len(names))):
        mine, my_body = b.values("m")
        other, other_body = b.values("n", generation=b.c.rng.randrange(1, 1 << 60), streaming=1, deadline_ms=50000)
        body = other_body if name == "body" else my_body
        if name in other:
            mine[name] = other[name]
        outcome, got = b.one(wire.encode("SEND", **mine), body)
        judge(b, f"{name} of another SEND", name, my_body, outcome, got)
        n += 1
    b.c.figures["fields"] = n


def used(b):
    values, body = b.values()
    outcome, got = b.one(wire.encode("SEND", **values), body)
    b.c.check(outcome == "COMPLETE" and got == [body], f"a valid SEND ended {outcome}, {len(got)} arrived")
    return values, body


def replays(b, most):
    old = [used(b) for _ in range(20)]
    many = min(ENTRIES_KEPT + 10, max(0, most // 2))
    for _ in range(many):  # entries that are used up without a send: the policy they name is not in force
        values, body = b.values(generation=7)
        outcome, got = b.one(wire.encode("SEND", **values), body)
        b.c.check(not got, "a SEND under another policy was carried out")
    n = 0
    until = b.c.budget.share(2, 0)
    while n < most - many and not until.over(n):
        values, body = old[n % len(old)] if n % 50 else used(b)
        b.request += 1
        outcome, got = b.one(wire.encode("SEND", **dict(values, request_id=b.request)), body)
        b.c.check(outcome == "REFUSED" and not got, f"a replay of entry {values['ledger_seq']} ended {outcome}, "
                                                    f"{len(got)} arrived")
        n += 1
    b.c.figures.update(replays=n, entries_between=many)


def races(b, most):
    n = 0
    while n < most and not b.c.budget.over(b.c.runs):
        values, body = b.values()
        b.request += 1
        second = dict(values, request_id=b.request)
        readers = [b.put(wire.encode("SEND", **v), body) for v in (values, second)]
        ends = [b.stage.consent.expect("SENT", lambda m, v=v: m["request_id"] == v["request_id"])[0]
                for v in (values, second)]
        outcomes = sorted(cloud_role.OUTCOMES[e["outcome"]] for e in ends)
        for r in readers:
            os.close(r)
        got = b.arrived()
        b.c.runs += 2
        b.c.check(outcomes == ["COMPLETE", "REFUSED"] and got == [body], f"two SENDs of one entry: {outcomes}, "
                                                                        f"{len(got)} arrived")
        n += 1
    b.c.figures["races"] = n


def main():
    c = campaign.Campaign(__doc__, "4000", 1200000)
    with cloud_role.fake.FakeCloud() as provider:
        b = Bench(c, provider)
        try:
            total = c.budget.runs or 1 << 40
            bits(b, total // 4)
            fields(b, total // 10)
            replays(b, total // 2)
            races(b, total)
        finally:
            b.close()
    c.end()


if __name__ == "__main__":
    main()
