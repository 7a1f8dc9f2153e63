# SPDX-License-Identifier: Apache-2.0
"""The role consent as its neighbours see it: this test is boot, router, cloud and the agents.

consent_role.py ROLE_CONSENT_PROGRAM [unittest arguments]
"""
import hashlib
import json
import os
import random
import signal
import socket
import threading
import time
import unittest

import wire
from consent_stage import ConsentStage, body_of, policy

KILLS = 25


class ConsentRole(ConsentStage):
    def test_what_boot_says_of_the_device_decides(self):
        rules = policy(rules=[{"id": "not-while-locked", "effect": "deny", "when": {"device": {"locked": True}},
                               "because": "Nobody is looking."}])
        self.start(rules)
        outcome, said, _ = self.answer(self.ask("boot has said nothing yet"))
        self.assertEqual((outcome, said["rules"]), ("DENIED_POLICY", "not-while-locked?"))
        self.boot.send("DEVICE_STATE", power=1, battery_pct=255, network=3, thermal=1, locked=1, vpn=1)
        self.agent()
        first = self.ask("not locked")
        self.assertEqual(self.answer(first)[0], "PENDING")
        self.boot.send("DEVICE_STATE", power=2, battery_pct=0, network=2, thermal=4, locked=2, vpn=2)
        outcome, said, _ = self.answer(first)
        self.assertEqual(outcome, "WITHDRAWN")
        self.assertIn("Nobody is looking.", said["detail"])
        outcome, said, _ = self.answer(self.ask("router did not know yet"))
        self.assertEqual((outcome, said["rules"]), ("DENIED_POLICY", "not-while-locked"))
        self.assertIn("not-while-locked: Nobody is looking.", said["detail"])
        self.assertEqual(self.call("GET", "/hither/v1/status", name="admin")[1]["device"],
                         {"power": "battery", "battery_pct": 0, "network": "metered", "thermal": "critical",
                          "locked": True, "vpn": True})

    def test_asked_approved_sent_closed(self):
        self.start()
        events = self.agent()
        request = self.ask("a hard question \u00e9")
        outcome, pending, _ = self.answer(request)
        self.assertEqual(outcome, "PENDING")
        self.assertEqual(self.next_event(events), ("request", pending["question"]))
        status, listed = self.call("GET", "/hither/v1/consents")
        self.assertEqual([c["id"] for c in listed["consents"]], [pending["question"]])
        q, (status, said) = self.respond(pending["question"], "approve")
        self.assertEqual(status, 200, said)
        self.assertEqual(said["outcome"], "granted")
        send, fds = self.cloud.expect("SEND")
        sent = os.pread(fds[0], 1 << 20, 0)
        self.assertEqual(sent, q["body"].encode())
        self.assertEqual(sent, body_of("a hard question \u00e9"))
        self.assertEqual(send["body_sha256"], hashlib.sha256(sent).digest())
        self.assertEqual("sha256:" + send["body_sha256"].hex(), q["digest"])
        outcome, granted, pipe = self.answer(request)
        self.assertEqual(outcome, "GRANTED")
        self.assertEqual(granted["receipt"], said["receipt"])
        os.write(fds[1], b"reply")
        os.close(fds[1])
        self.assertEqual(os.read(pipe[0], 100), b"reply")
        self.assertEqual(os.read(pipe[0], 100), b"")
        self.cloud.send("SENT", request_id=send["request_id"], ledger_seq=send["ledger_seq"], bytes_out=500,
                        bytes_in=5, http_status=200, input_tokens=9, output_tokens=1, cached_tokens=-1)
        self.assertEqual(self.next_event(events)[0], "withdrawn")
        self.end()
        kinds = [r["kind"] for r in self.records()]
        self.assertEqual([k for k in kinds if k in ("intent", "approved", "granted", "closed")],
                         ["intent", "approved", "granted", "closed"])
        closed = [r for r in self.records() if r["kind"] == "closed"][0]
        self.assertEqual((closed["outcome"], closed["tokens_in"], closed["cost_nano"]), ("complete", 9, 11000))
        self.assertNotIn("hard question", json.dumps(self.records()))

    def test_denied_and_malformed_answers(self):
        self.start()
        self.agent()
        request = self.ask("a hard question")
        question = self.answer(request)[1]["question"]
        for bad in ({}, {"decision": "approve"}, {"decision": True, "nonce": "x", "digest": "y"}, [], "x",
                    {"decision": "yes", "nonce": "x", "digest": "y"}):
            self.assertEqual(self.call("POST", "/hither/v1/consents/" + question, bad)[0], 400, bad)
        status, said = self.call("POST", "/hither/v1/consents/" + question,
                                 {"decision": "approve", "nonce": "0" * 32, "digest": "sha256:" + "0" * 64})
        self.assertEqual((status, said["error"]["code"]), (409, "stale_nonce"))
        self.assertEqual(self.call("GET", "/hither/v1/consents/01JD0000000000000000000000")[0], 404)
        self.assertEqual(self.call("PUT", "/hither/v1/grants")[0], 405)
        self.assertEqual(self.call("GET", "/")[0], 404)
        self.assertEqual(self.respond(question, "deny")[1][0], 200)
        self.assertEqual(self.answer(request)[0], "REFUSED")

    def test_a_key_that_nobody_knows_answers_nothing(self):
        self.start()
        self.agent()
        request = self.ask("a hard question")
        question = self.answer(request)[1]["question"]
        status, said = self.respond(question, "approve", scoop="once")[1]
        self.assertEqual((status, said["error"]["code"]), (400, "invalid_request"))
        self.assertIn('"scoop"', said["error"]["message"])
        self.assertEqual(self.call("GET", "/hither/v1/consents/" + question)[1]["state"], "open")
        self.assertEqual([m for m in self.cloud.inbox if m[0] == "SEND"], [])

    def test_malformed_messages_close_their_agent_only(self):
        self.start()
        good = self.agent()
        question = self.answer(self.ask("a hard question"))[1]["question"]
        self.assertEqual(self.next_event(good), ("request", question))
        path = os.path.join(self.dir, "run", "consent.sock")
        head = b"POST /hither/v1/agents HTTP/1.1\r\nHost: localhost\r\n"
        for bad, want in ((b"GARBAGE\r\n\r\n", b"400"), (b"\x16\x03\x01\x02\x00", b"400"),
                          (head + b"Content-Length: 99999999999\r\n\r\n", b"413"),
                          (head + b"Content-Length: -1\r\n\r\n", b"400"),
                          (head + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
                          (head + b"X: " + b"y" * 70000 + b"\r\n\r\n", b"431"),
                          (head + b"Content-Length: 9\r\nConnection: close\r\n\r\n{\"kind\":1", b"400"),
                          (head + b'Content-Length: 12\r\nConnection: close\r\n\r\n{"kind":"x"}', b"400"),
                          (head + b'Content-Length: 8\r\nConnection: close\r\n\r\n{"\xff":1}', b"400")):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(wire.PATIENCE_S)
                s.connect(path)
                try:
                    s.sendall(bad)
                    s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # it did not want to hear the rest
                said = b""
                while more := s.recv(65536):
                    said += more
            self.assertEqual(said.split(b" ")[1], want, (bad[:60], said))
        self.assertEqual(self.call("GET", "/hither/v1/consents/" + question)[1]["state"], "open")
        self.assertEqual(self.respond(question, "deny")[1][0], 200)
        self.assertEqual(self.next_event(good), ("withdrawn", question))

    def test_permission_listed_used_revoked(self):
        self.start()
        self.agent()
        request = self.ask("one")
        question = self.answer(request)[1]["question"]
        said = self.respond(question, "approve", scope="session")[1][1]
        first, _ = self.cloud.expect("SEND")
        self.cloud.send("SENT", request_id=first["request_id"], ledger_seq=first["ledger_seq"], bytes_out=1,
                        input_tokens=-1, output_tokens=-1, cached_tokens=-1)
        self.assertEqual(self.answer(request)[0], "GRANTED")
        request = self.ask("two")
        self.assertEqual(self.answer(request)[0], "GRANTED")
        send, _ = self.cloud.expect("SEND")
        grants = self.call("GET", "/hither/v1/grants")[1]["grants"]
        self.assertEqual([g["id"] for g in grants], [said["grant"]])
        status, gone = self.call("DELETE", "/hither/v1/grants/" + said["grant"])
        self.assertEqual(status, 200)
        self.assertEqual((len(gone["aborted"]), gone["sent_before"]), (1, 2))
        withdrawn = self.call("GET", "/hither/v1/receipts/" + gone["receipt"])[1]
        self.assertEqual((withdrawn["app"]["id"], withdrawn["destination"]["name"]), ("org.example.App", "far"))
        self.assertEqual(self.cloud.expect("ABORT")[0]["request_id"], send["request_id"])
        self.assertEqual(self.answer(self.ask("three"))[0], "PENDING")
        receipts = self.call("GET", "/hither/v1/receipts?since=0")[1]["receipts"]
        self.assertIn(said["receipt"], [r["id"] for r in receipts])
        for form in ("", "?format=27560", "?format=kantara"):
            self.assertEqual(self.call("GET", "/hither/v1/receipts/" + said["receipt"] + form)[0], 200)
        own = self.call("GET", "/hither/v1/receipts/" + said["receipt"])[1]
        self.assertEqual(own["destination"]["operator"], "Far Inc")
        self.assertEqual(own["outcome"]["result"], "complete")
        self.assertEqual(self.call("GET", "/hither/v1/receipts/" + said["receipt"] + "?format=x")[0], 400)

    def test_revoking_cuts_the_send_that_it_was_given_with(self):
        self.start()
        self.agent()
        request = self.ask("one")
        question = self.answer(request)[1]["question"]
        said = self.respond(question, "approve", scope="session")[1][1]
        send, _ = self.cloud.expect("SEND")
        grant = self.call("GET", "/hither/v1/grants")[1]["grants"][0]
        self.assertEqual((grant["id"], grant["effect"], grant["state"]), (said["grant"], "allow", "active"))
        gone = self.call("DELETE", "/hither/v1/grants/" + said["grant"])[1]
        self.assertEqual([a["receipt"] for a in gone["aborted"]], [said["receipt"]])
        self.assertEqual(self.cloud.expect("ABORT")[0]["request_id"], send["request_id"])

    def test_nobody_there_is_told_at_once_and_can_be_made_good(self):
        self.start()
        outcome, said, _ = self.answer(self.ask("nobody is here"))
        self.assertEqual(outcome, "NO_AGENT")
        self.assertIn("hither consent approve " + said["question"], said["detail"])
        listed = self.call("GET", "/hither/v1/consents")[1]["consents"]
        self.assertEqual([c["id"] for c in listed], [said["question"]])
        status, answer = self.respond(said["question"], "approve")[1]
        self.assertEqual((status, answer["outcome"]), (200, "approved"))
        self.assertEqual(self.answer(self.ask("nobody is here"))[0], "GRANTED")
        self.assertEqual(os.pread(self.cloud.expect("SEND")[1][0], 1 << 20, 0), body_of("nobody is here"))

    def test_what_is_not_understood_is_named(self):
        self.start()
        status, said = self.call("POST", "/hither/v1/agents", {"kind": "web", "fall_back": True})
        self.assertEqual((status, said["error"]["code"]), (400, "invalid_request"))
        self.assertIn('"fall_back"', said["error"]["message"])
        self.agent()
        request = self.ask("one", pid=os.getpid())
        question = self.answer(request)[1]["question"]
        status, said = self.respond(question, "approve")[1]
        self.assertEqual((status, said["error"]["code"]), (403, "same_program"))
        self.assertIn("hither consent watch", said["error"]["next"])
        request = self.ask("two")
        question = self.answer(request)[1]["question"]
        status, said = self.respond(question, "approve", mode="as_is")[1]
        self.assertEqual((status, said["error"]["code"]), (422, "bad_mode"))

    def test_a_flood_of_reported_questions(self):
        self.start()
        outcomes = [self.answer(self.ask(f"question {i}", on_question=i % 2))[0] for i in range(60)]
        self.assertEqual(outcomes, ["NO_AGENT", "PENDING"] * 30)
        self.assertEqual(len(self.call("GET", "/hither/v1/consents")[1]["consents"]), 32)

    def test_health_status_metrics_reload(self):
        self.start()
        self.assertEqual(self.call("GET", "/healthz", name="admin")[0], 200)
        self.assertEqual(self.call("GET", "/readyz", name="admin")[0], 200)
        self.boot.send("HEALTH", role=2, pid=0, ready=0)
        self.boot.send("ENGINE_HEALTH", state=3, pid=7, model="tiny")
        while self.call("GET", "/readyz", name="admin")[0] != 503:
            time.sleep(0.01)
        status = self.call("GET", "/hither/v1/status", name="admin")[1]
        self.assertEqual(status["schema"], "hither.status/1")
        self.assertFalse(status["ready"])
        self.assertEqual(status["engine"]["state"], "ready")
        self.assertEqual(status["policy"]["id"], "test")
        self.assertEqual(status["pending_consents"], 0)
        metrics = self.call("GET", "/metrics", name="admin")[1]
        self.assertTrue(metrics.endswith("# EOF\n"))
        self.assertIn('hither_ledger_records_total{kind="granted"} 0', metrics)
        results = []
        for ok in (1, 0):
            t = threading.Thread(target=lambda: results.append(
                self.call("POST", "/hither/v1/reload", {}, name="admin")))
            t.start()
            m, _ = self.boot.expect("RELOAD")
            self.boot.send("RELOADED", tag=m["tag"], ok=ok, detail="" if ok else "10-mine.json:3:4: no")
            t.join()
        self.assertEqual([r[0] for r in results], [200, 422])

    def test_best_agent_is_told_and_the_next_when_it_leaves(self):
        self.start()
        web, terminal = self.agent("web"), self.agent("terminal")
        request = self.ask("one")
        question = self.answer(request)[1]["question"]
        self.assertEqual(self.next_event(terminal), ("request", question))
        self.kept[-1].close()
        terminal.close()
        self.assertEqual(self.next_event(web), ("request", question))
        self.respond(question, "deny")
        self.assertEqual(self.next_event(web)[0], "withdrawn")

    def test_new_policy_withdraws(self):
        self.start()
        events = self.agent()
        request = self.ask("one")
        question = self.answer(request)[1]["question"]
        self.assertEqual(self.next_event(events), ("request", question))
        fd = wire.sealed(wire.bundle(policy("deny"), 5))
        self.boot.send("POLICY", [fd], generation=5)
        os.close(fd)
        self.assertEqual(self.answer(request)[0], "WITHDRAWN")
        self.assertEqual(self.next_event(events), ("withdrawn", question))

    def test_neighbours_leave(self):
        self.start(policy("allow"))
        request = self.ask("one")
        send, fds = self.cloud.expect("SEND")
        self.assertEqual(self.answer(request)[0], "GRANTED")
        self.boot.send("PEER", role=4)
        for fd in fds:
            os.close(fd)
        while self.call("GET", "/hither/v1/status", name="admin")[1]["sending"] != 0:
            time.sleep(0.01)
        request = self.ask("two")
        self.assertEqual(self.answer(request)[0], "UNREACHABLE")
        self.end()
        self.assertEqual([r["outcome"] for r in self.records() if r["kind"] == "closed"], ["unknown"])

    def test_whoever_is_told_that_it_was_sent_reads_how_it_ended(self):
        self.start(policy(rules=[{"id": "tell", "effect": "allow", "when": {"tier": ["cloud"]},
                                  "with": {"notify": "after"}}]))
        events = self.agent()
        for i in range(5):
            self.ask(f"text {i}")
            send, fds = self.cloud.expect("SEND")
            for fd in fds:
                os.close(fd)
            self.cloud.send("SENT", request_id=send["request_id"], ledger_seq=send["ledger_seq"], bytes_out=500,
                            input_tokens=9, output_tokens=1, cached_tokens=-1)
            news, receipt = self.next_event(events)
            self.assertEqual(news, "sent")
            status, said = self.call("GET", "/hither/v1/receipts/" + receipt)
            self.assertEqual((status, said["outcome"]["result"]), (200, "complete"))

    def test_stopped_in_the_turn_of_releases(self):
        """Whatever of it went has its record and its end; who left before is on no record."""
        for last in ("stop", "router"):
            self.start(policy("allow"))
            self.process.send_signal(signal.SIGSTOP)  # so that all comes in one turn
            requests = [self.ask(f"{last} {i}") for i in range(6)]
            self.router.send("CANCEL", request_id=requests[2])
            if last == "router":
                self.router.close()
            self.boot.send("STOP", deadline_ms=5000)
            self.process.send_signal(signal.SIGCONT)
            self.assertEqual(self.process.wait(wire.PATIENCE_S), 0)
            try:
                while self.cloud.take(0):
                    pass
            except wire.Gone:
                pass
            sent = [m[1]["body_sha256"].hex() for m in self.cloud.inbox if m[0] == "SEND"]
            rows = self.records()
            granted = {r["id"]: r["digest"] for r in rows if r["kind"] == "granted"}
            self.assertEqual(len(sent), len(set(sent)))
            self.assertLessEqual({"sha256:" + d for d in sent}, set(granted.values()))
            self.assertEqual(sorted(granted), sorted(r["ref"] for r in rows if r["kind"] == "closed"))
            left = "sha256:" + hashlib.sha256(body_of(f"{last} 2")).hexdigest()
            self.assertNotIn(left, [r.get("digest") for r in rows])
            for c in (self.boot, self.router, self.cloud):
                c.close()
            self.process = None

    def test_64_at_the_limit_let_exactly_n_pass(self):
        """All on the wire before the first answer is read; half of them after a yes, which counts no more."""
        limit = [{"id": "mine", "scope": ["host"], "window": "month", "max_requests": 17, "on_exceed": "refuse"}]
        self.start(policy(budgets=limit, rules=[{"id": "auto", "effect": "allow",
                                                 "when": {"app": ["org.example.Auto"]}}]))
        self.agent()
        held = [self.ask(f"held {i}", task=f"t{i}") for i in range(20)]
        questions = [self.answer(r)[1]["question"] for r in held]
        requests = [self.ask(f"text {i}", app="org.example.Auto") for i in range(44)]
        outcomes = [self.answer(r)[0] for r in requests]
        self.assertEqual((outcomes.count("GRANTED"), outcomes.count("BUDGET")), (17, 27))
        for question in questions:
            self.assertEqual(self.respond(question, "approve")[1][1]["outcome"], "over_budget")
        self.assertEqual([self.answer(r)[0] for r in held], ["BUDGET"] * 20)
        self.assertEqual(len([self.cloud.expect("SEND") for _ in range(17)]), 17)
        self.end()
        self.assertEqual(len([r for r in self.records() if r["kind"] == "granted"]), 17)
        self.assertEqual([m for m in self.cloud.inbox if m[0] == "SEND"], [])

    UNLOCKED = dict(power=1, battery_pct=255, network=3, thermal=1, locked=1, vpn=1)

    def test_a_proof_counts_for_its_own_question_only(self):
        self.start(policy(consent={"strong_auth_for": ["personal.*"]}))
        self.boot.send("DEVICE_STATE", **self.UNLOCKED, strong=2)
        self.agent()
        mail = "write to anna.example@example.com"

        def approve(question):
            said = []
            t = threading.Thread(target=lambda: said.append(self.respond(question, "approve")[1]))
            t.start()
            asked, _ = self.boot.expect("PROVE")
            self.assertEqual((asked["question"], asked["uid"], asked["pid"]), (question, os.getuid(), os.getpid()))
            with open("/proc/self/stat", encoding="ascii") as f:
                self.assertEqual(asked["start"], int(f.read().rpartition(")")[2].split()[19]))
            return asked["tag"], lambda: (t.join(), said[0])[1]

        def question():
            outcome, said, _ = self.answer(self.ask(mail))
            self.assertEqual(outcome, "PENDING", said["detail"])
            return said["question"]

        first = question()
        tag, said = approve(first)
        self.boot.send("PROOF", tag=tag + 7, question=first, verdict=1)  # of nobody's asking
        self.boot.send("PROOF", tag=0, question=first, verdict=1)
        self.boot.send("PROOF", tag=tag, question="01JD0000000000000000000000", verdict=1)
        status, error = said()
        self.assertEqual((status, error["error"]["code"]), (403, "strong_auth_refused"))
        tag, said = approve(first)
        self.boot.send("PROOF", tag=tag - 1, question=first, verdict=1)  # the one before comes once more
        self.boot.send("PROOF", tag=tag, question=first, verdict=0, detail="no")
        self.assertEqual(said()[0], 403)
        self.assertEqual([m for m in self.cloud.inbox if m[0] == "SEND"], [])
        tag, said = approve(first)
        self.boot.send("DEVICE_STATE", **self.UNLOCKED)  # local is gone: nobody can tell any more
        status, error = said()
        self.assertEqual((status, error["error"]["code"]), (403, "strong_auth_unavailable"))
        self.boot.send("DEVICE_STATE", **self.UNLOCKED, strong=2)
        while self.call("GET", "/hither/v1/status", name="admin")[1]["strong_auth"] != \
                {"wanted": True, "possible": True}:
            time.sleep(0.01)
        second = question()
        tag, said = approve(second)
        self.boot.send("PROOF", tag=tag, question=second, verdict=1)
        status, done = said()
        self.assertEqual((status, done["outcome"]), (200, "granted"))
        self.cloud.expect("SEND")
        self.assertEqual([m for m in self.cloud.inbox if m[0] == "SEND"], [])

    def test_nobody_is_told_while_the_screen_is_locked(self):
        self.start()
        events = self.agent()
        self.boot.send("DEVICE_STATE", **{**self.UNLOCKED, "locked": 2})
        while self.call("GET", "/hither/v1/status", name="admin")[1]["device"]["locked"] is not True:
            time.sleep(0.01)
        outcome, said, _ = self.answer(self.ask("locked"))
        self.assertEqual(outcome, "NO_AGENT")
        self.assertIn("the screen is locked", said["detail"])
        self.boot.send("DEVICE_STATE", **self.UNLOCKED)
        self.assertEqual(self.next_event(events), ("request", said["question"]))  # and nothing came before
        self.end()
        self.assertEqual([r.get("reason") for r in self.records() if r["kind"] == "no_agent"], ["the screen is locked"])

    def test_a_witness_that_has_seen_more(self):
        self.start(policy("allow"))
        self.cloud.send("HEAD_KNOWN", seq=10**6, hash=bytes(32))
        request = self.ask("one")
        while True:
            outcome = self.answer(request)[0]
            if outcome == "LEDGER":
                break
            request = self.ask("again")
        self.assertFalse(self.call("GET", "/hither/v1/status", name="admin")[1]["ledger"]["ok"])

    def serve_some(self, dice, seen):
        """Asks and answers until the process is gone; notes the ledger_seq of every SEND."""
        try:
            for i in range(dice.randrange(1, 12)):
                self.ask(f"question {self.last_id} {i}")
                if dice.random() < 0.7:
                    send, fds = self.cloud.expect("SEND")
                    seen.append(send["ledger_seq"])
                    for fd in fds:
                        os.close(fd)
                    self.cloud.send("SENT", request_id=send["request_id"], ledger_seq=send["ledger_seq"],
                                    bytes_out=100, input_tokens=1, output_tokens=1, cached_tokens=-1)
        except (wire.Gone, BrokenPipeError, ConnectionResetError):
            pass
        self.process.wait()
        try:  # what was on its way when it died
            while self.cloud.take(0):
                pass
        except (wire.Gone, ConnectionResetError):
            pass
        seen += [values["ledger_seq"] for name, values, _ in self.cloud.inbox if name == "SEND"]

    def test_killed_at_any_time(self):
        dice, seen = random.Random(1), []
        for _ in range(KILLS):
            self.start(policy("allow"), wait=False)
            timer = threading.Timer(dice.random() * 0.12, self.process.send_signal, [signal.SIGKILL])
            timer.start()
            self.serve_some(dice, seen)
            timer.join()
            self.end(kill=True)
            kinds = {r["seq"]: r["kind"] for r in self.records()}
            # Each send stands in the ledger, and none was made twice.
            self.assertEqual([kinds.get(seq) for seq in seen], ["granted"] * len(seen))
            self.assertEqual(len(seen), len(set(seen)))
        self.start(policy("allow"))
        self.end()
        rows = self.records()
        granted = {r["id"] for r in rows if r["kind"] == "granted"}
        closed = [r["ref"] for r in rows if r["kind"] == "closed"]
        self.assertEqual(len(closed), len(set(closed)))
        self.assertEqual(granted, set(closed))
        self.assertTrue(seen or KILLS < 10)


if __name__ == "__main__":
    unittest.main()
