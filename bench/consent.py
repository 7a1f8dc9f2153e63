# SPDX-License-Identifier: Apache-2.0
"""The role consent with its neighbours played: how long until a question is with an agent and until a yes is with
cloud, beside a bare round trip over the same kind of socket; and its memory with open questions.

consent.py ROLE_CONSENT_PROGRAM [ROUNDS] [QUESTIONS]
"""
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "flow"))
ROUNDS, QUESTIONS = int((sys.argv[2:3] or [100])[0]), int((sys.argv[3:4] or [1000])[0])
del sys.argv[2:]
from consent_stage import ConsentStage, policy  # noqa: E402
from stage import UnixConnection  # noqa: E402

SOCKET = 3  # enum policy_identity
PENDING, GRANTED = 0, 1  # enum ask_outcome


class Bench(ConsentStage):
    def runTest(self):
        pass

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def one(self, events, i):
        """Seconds from ASK to the agent, from the answer to SEND, and of a request that changes nothing."""
        start = time.monotonic()
        request = self.ask(f"question {i}", app=f"org.example.App{i}", identity=SOCKET)
        _, question = self.next_event(events)
        told = time.monotonic() - start
        c = UnixConnection(os.path.join(self.dir, "run", "consent.sock"))
        c.request("GET", "/hither/v1/consents/" + question)
        q = json.loads(c.getresponse().read())
        body = json.dumps({"nonce": q["nonce"], "digest": q["digest"], "decision": "approve"})
        start = time.monotonic()
        c.request("GET", "/hither/v1/budgets")
        c.getresponse().read()
        bare = time.monotonic() - start
        start = time.monotonic()
        c.request("POST", "/hither/v1/consents/" + question, body)
        send, fds = self.cloud.expect("SEND")
        released = time.monotonic() - start
        c.getresponse().read()
        c.close()
        _, pipe = self.router.expect("ANSWER", lambda m: m["request_id"] == request and m["outcome"] == GRANTED)
        for fd in fds + pipe:
            os.close(fd)
        self.cloud.send("SENT", request_id=send["request_id"], ledger_seq=send["ledger_seq"], bytes_out=1,
                        input_tokens=1, output_tokens=1, cached_tokens=-1)
        self.next_event(events)  # withdrawn: it is over
        return told, released, bare

    def measure(self):
        self.start(policy(consent={"max_prompts_per_hour": 1000000}))
        events = self.agent()
        rows = [self.one(events, i) for i in range(ROUNDS)]
        told, released, bare = (statistics.median(column) * 1000 for column in zip(*rows))
        print(f"bare round trip\t{bare:.2f} ms\nquestion to agent\t{told:.2f} ms\t{told / bare:.1f} times that")
        print(f"answer to release\t{released:.2f} ms\t{released / bare:.1f} times that")
        before = self.rss_kib()
        for i in range(QUESTIONS):
            self.ask("x" * 1000 + str(i), app=f"org.example.Many{i // 30}", identity=SOCKET, task=f"t{i}")
            values, _ = self.router.expect("ANSWER", lambda m, r=self.last_id: m["request_id"] == r)
            assert values["outcome"] == PENDING, (i, values["outcome"], values["detail"])
        print(f"resident\t{before / 1024:.1f} MiB\nwith {QUESTIONS} open questions\t{self.rss_kib() / 1024:.1f} MiB")
        status = self.call("GET", "/hither/v1/status", name="admin")[1]
        assert status["pending_consents"] == QUESTIONS, status["pending_consents"]


if __name__ == "__main__":
    bench = Bench()
    bench.setUp()
    try:
        bench.measure()
    finally:
        bench.tearDown()
