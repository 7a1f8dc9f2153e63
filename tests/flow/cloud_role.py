# SPDX-License-Identifier: Apache-2.0
"""The role cloud as its neighbours see it: this test is boot, consent and the router that reads the
reply, the provider is the fake one.

cloud_role.py ROLE_CLOUD_PROGRAM [unittest arguments]
"""
import base64
import hashlib
import json
import os
import select
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
import unittest

import wire
from stage import until

sys.path.insert(0, os.path.join(wire.ROOT, "tests", "fake"))
import cloud as fake  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))
OUTCOMES = ["COMPLETE", "FAILED", "CUT", "CANCELLED", "ABORTED", "REFUSED"]
KINDS = ["START", "TEXT", "REASONING", "REFUSAL", "TOOL", "TOOL_ARGS", "FINISH", "USAGE", "END", "ERROR"]
KEY = "sk-test-0123456789"


def events_of(data):
    """(events, what is left over) of the reply pipe's bytes, as dialect/events.c writes them."""
    events, at = [], 0
    while len(data) - at >= 4:
        size = struct.unpack_from("<I", data, at)[0]
        if len(data) - at - 4 < size:
            break
        kind, finish, _, _, index, status, *tokens = struct.unpack_from("<BBBBIiqqqq", data, at + 4)
        spans, p = [], at + 4 + 52
        for _ in range(3):
            n = struct.unpack_from("<I", data, p)[0]
            spans.append(data[p + 4:p + 4 + n].decode())
            p += 4 + n
        events.append({"kind": KINDS[kind], "finish": finish, "index": index, "status": status,
                       "tokens": tokens, "text": spans[0], "id": spans[1], "name": spans[2]})
        at += 4 + size
    return events, data[at:]


class Proxy:
    """CONNECT and nothing else; remembers where to."""

    def __init__(self):
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        self.asked.append(head)
        host, port = head.split(b" ")[1].decode().rsplit(":", 1)
        with client, socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                for s in select.select([client, server], [], [])[0]:
                    data = s.recv(65536)
                    if not data:
                        return
                    (server if s is client else client).sendall(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class CloudRole(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hither-cloud-")
        for name in ("run", "state", "config"):
            os.mkdir(os.path.join(self.dir, name), 0o700)
        self.limits = {"allow_loopback": True}
        self.environment = {}
        self.process = None
        self.last_id = 0
        self.opened = []

    def tearDown(self):
        self.end()
        for fd in self.opened:
            try:
                os.close(fd)
            except OSError:
                pass
        shutil.rmtree(self.dir)

    # --- the stage -----------------------------------------------------------------------

    def end(self):
        if self.process is not None:
            self.boot.close()  # without boot it leaves by itself
            self.process.wait(wire.PATIENCE_S)
            self.consent.close()
            self.process = None

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def secret(self, name, text, mode=0o600):
        os.makedirs(self.path("config", "secrets.d"), 0o700, exist_ok=True)
        with open(self.path("config", "secrets.d", name), "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(self.path("config", "secrets.d", name), mode)

    def policy(self, base_url, generation=0, **more):
        destination = {"tier": "cloud", "api": "openai", "base_url": base_url, "models": ["m"], **more}
        return wire.bundle({"hither_policy": 1, "id": "test", "destinations": {"dest": destination}}, generation)

    def start(self, base_url, **more):
        self.start_with(self.policy(base_url, **more))

    def start_with(self, policy):
        self.boot, self.consent = wire.Channel(), wire.Channel()
        config = {"paths": {n + "_dir": self.path(d) for n, d in
                            (("runtime", "run"), ("state", "state"), ("config", "config"))},
                  "cloud": self.limits}
        with open(self.path("log"), "wb") as log:
            self.process = wire.spawn([PROGRAM], {wire.CONTROL: self.boot, wire.CONSENT: self.consent},
                                      config, policy, environment=self.environment, stderr=log)
        self.boot.expect("READY")

    def body(self, prompt, stream):
        body = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
        if stream:
            body.update(stream=True, stream_options={"include_usage": True})
        return json.dumps(body).encode()

    def send(self, prompt, stream=True, **changes):
        """SEND; gives the request's number and the read end of its pipe."""
        body = changes.pop("body", self.body(prompt, stream))
        memfd = changes.pop("memfd", None)
        memfd = wire.sealed(body) if memfd is None else memfd
        reader, writer = os.pipe()
        self.opened.append(reader)
        self.last_id += 1
        values = {"request_id": self.last_id, "ledger_seq": 100 + self.last_id, "destination": "dest",
                  "model": "m", "body_sha256": hashlib.sha256(body).digest(), "body_bytes": len(body),
                  "streaming": int(stream), "deadline_ms": 60000, **changes}
        self.consent.send("SEND", (memfd, writer), **values)
        os.close(memfd)
        os.close(writer)
        return self.last_id, reader

    def read_all(self, reader):
        data = b""
        while True:
            if not select.select([reader], [], [], wire.PATIENCE_S)[0]:
                raise AssertionError("the reply pipe stays open")
            more = os.read(reader, 65536)
            if not more:
                break
            data += more
        events, rest = events_of(data)
        self.assertEqual(rest, b"")
        return events

    def sent(self, request_id):
        values, _ = self.consent.expect("SENT", lambda m: m["request_id"] == request_id)
        values["outcome"] = OUTCOMES[values["outcome"]]
        return values

    def reply(self, prompt, stream=True, **changes):
        request_id, reader = self.send(prompt, stream, **changes)
        events = self.read_all(reader)
        return events, self.sent(request_id)

    def assert_whole(self, events, text):
        self.assertEqual([e["kind"] for e in events[:1] + events[-2:]], ["START", "FINISH", "END"])
        self.assertEqual("".join(e["text"] for e in events if e["kind"] == "TEXT"), text)

    def assert_failed(self, events, code):
        self.assertEqual((events[-1]["kind"], events[-1]["name"]), ("ERROR", code))
        self.assertNotIn("END", [e["kind"] for e in events])

    def log(self):
        with open(self.path("log"), "rb") as f:
            return f.read().decode()

    # --- answers -------------------------------------------------------------------------

    def test_streamed_and_plain(self):
        with fake.FakeCloud() as provider:
            self.secret("key", KEY + "\n")
            self.start(provider.base_url, auth={"secret": "key"})
            for stream in (True, False):
                events, sent = self.reply("hello", stream)
                self.assert_whole(events, fake.ANSWER)
                self.assertEqual(sent["outcome"], "COMPLETE")
                self.assertEqual((sent["http_status"], sent["input_tokens"], sent["output_tokens"],
                                  sent["cached_tokens"]), (200, 9, 7, 4))
                head, body = provider.requests[-1]
                self.assertEqual(body, self.body("hello", stream))
                self.assertEqual(sent["bytes_out"], len(head) + len(body))
                self.assertGreater(sent["bytes_in"], 200)
            self.assertEqual((provider.connections, len(provider.requests)), (2, 2))
            self.assertNotIn(KEY, self.log())

    def test_header_fields_are_a_fixed_list(self):
        with fake.FakeCloud() as provider:
            self.secret("key", KEY)
            self.start(provider.base_url, auth={"secret": "key"})
            self.reply("hello")
            lines = provider.requests[0][0].decode().split("\r\n")
            self.assertEqual(lines[0], "POST /v1/chat/completions HTTP/1.1")
            fields = dict(line.split(": ", 1) for line in lines[1:] if line)
            self.assertEqual(sorted(fields), ["Accept", "Authorization", "Content-Length", "Content-Type",
                                              "Host", "User-Agent"])
            self.assertEqual(fields["Authorization"], "Bearer " + KEY)
            self.assertEqual(fields["Accept"], "text/event-stream")
            self.assertRegex(fields["User-Agent"], r"^hither/[\d.]+$")

    def test_no_key_no_authorization(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            self.reply("hello")
            self.assertNotIn(b"authorization", provider.requests[0][0].lower())

    def test_unix_socket(self):
        with fake.FakeCloud(unix=self.path("run", "pool.sock")) as provider:
            self.limits["allow_loopback"] = False
            self.start(provider.base_url, tier="trusted")
            events, sent = self.reply("hello")
            self.assert_whole(events, fake.ANSWER)
            self.assertTrue(provider.requests[0][0].startswith(b"POST /v1/chat/completions "))

    def test_tools(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            for stream in (True, False):
                events, _ = self.reply("fake:tool=weather", stream)
                calls = [(e["id"], e["name"]) for e in events if e["kind"] == "TOOL"]
                self.assertEqual(calls, [("call_a", "weather")])
                self.assertEqual("".join(e["text"] for e in events if e["kind"] == "TOOL_ARGS"),
                                 "{\"city\":\"Paris\"}")

    def test_many_at_once_stay_apart(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            calls = [(f"number{i} fake:echo fake:delay_ms=1", i) for i in range(8)]
            under_way = [(self.send(prompt), i) for prompt, i in calls]
            for (request_id, reader), i in under_way:
                self.assert_whole(self.read_all(reader), f"number{i}")
                self.assertEqual(self.sent(request_id)["outcome"], "COMPLETE")

    # --- misbehaviour --------------------------------------------------------------------

    def test_what_breaks_off_is_never_whole(self):
        rows = [("fake:cut_after=3", "stream_cut", "CUT"), ("fake:no_done", "stream_cut", "CUT"),
                ("fake:no_finish", "stream_cut", "CUT"), ("fake:drop", "upstream_broken", "FAILED"),
                ("fake:error_after=2", "upstream_busy", "FAILED")]
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            for prompt, code, outcome in rows:
                with self.subTest(prompt):
                    events, sent = self.reply(prompt)
                    self.assert_failed(events, code)
                    self.assertEqual(sent["outcome"], outcome)
                    self.assertGreater(sent["bytes_out"], 0)
            events, sent = self.reply("fake:cut", stream=False)
            self.assert_failed(events, "stream_cut")
            self.assertEqual(sent["outcome"], "CUT")
            self.assertEqual(provider.connections, len(rows) + 1)  # nothing is tried twice

    def test_statuses(self):
        rows = [(400, "upstream_bad_request"), (401, "upstream_auth"), (403, "upstream_auth"),
                (404, "upstream_not_found"), (413, "upstream_too_large"), (429, "upstream_rate_limited"),
                (500, "upstream_error"), (503, "upstream_busy"), (302, "upstream_redirect")]
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            for status, code in rows:
                with self.subTest(status):
                    events, sent = self.reply(f"fake:status={status}")
                    self.assert_failed(events, code)
                    self.assertEqual((sent["outcome"], sent["http_status"]), ("FAILED", status))
                    self.assertEqual((sent["input_tokens"], sent["output_tokens"]), (-1, -1))
                    self.assertNotIn("CANARY", json.dumps(events) + json.dumps(
                        {k: v for k, v in sent.items() if isinstance(v, (str, int))}))
            self.assertEqual(provider.connections, len(rows))  # no redirect, no retry
            self.assertNotIn("CANARY", self.log())

    def test_caps(self):
        self.limits.update(event_bytes=4096, total_bytes=65536, header_bytes=2048)
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            for prompt in ("fake:endless_event", "fake:endless", "fake:header_bytes=4000"):
                with self.subTest(prompt):
                    events, sent = self.reply(prompt)
                    self.assert_failed(events, "upstream_too_big")
                    self.assertEqual(sent["outcome"], "FAILED")
                    self.assertLess(sent["bytes_in"], 200000)
            until("the provider is left", lambda: provider.active == 0)

    def test_caps_at_their_edges(self):
        self.limits.update(event_bytes=4096, total_bytes=65536, header_bytes=2048)
        rows = (("head_size", 2048, True, ""), ("head_size", 2048, False, ""), ("line_size", 4096, True, "long"),
                ("body_size", 65536, True, ""), ("body_size", 4096, False, ""))  # in one piece: one event
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            for word, cap, stream, more in rows:
                for size in (cap - 1, cap):
                    with self.subTest(word, size=size, stream=stream):
                        events, sent = self.reply(f"fake:{word}={size}", stream)
                        self.assert_whole(events, fake.ANSWER + more)
                        self.assertEqual(sent["outcome"], "COMPLETE")
                with self.subTest(word, size=cap + 1, stream=stream):
                    events, sent = self.reply(f"fake:{word}={cap + 1}", stream)
                    self.assert_failed(events, "upstream_too_big")
                    self.assertEqual(sent["outcome"], "FAILED")

    def test_a_reply_in_a_coding_nobody_asked_for_is_refused(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            for stream in (False, True):
                for coding in ("gzip", "x-odd"):
                    with self.subTest(coding, stream=stream):
                        events, sent = self.reply(f"fake:coding={coding}", stream)
                        self.assert_failed(events, "upstream_encoding")
                        self.assertEqual((sent["outcome"], sent["http_status"]), ("FAILED", 200))
                        self.assertNotIn("TEXT", [e["kind"] for e in events])
                self.assert_whole(self.reply("fake:coding=identity", stream)[0], fake.ANSWER)

    def test_silence(self):
        self.limits.update(first_byte_timeout_ms=200, gap_timeout_ms=200)
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            for prompt, outcome in (("fake:hang", "FAILED"), ("fake:hang_after=2", "CUT")):
                with self.subTest(prompt):
                    events, sent = self.reply(prompt)
                    self.assert_failed(events, "upstream_timeout")
                    self.assertEqual(sent["outcome"], outcome)

    def test_deadline(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            events, sent = self.reply("fake:hang", deadline_ms=1000)
            self.assert_failed(events, "upstream_timeout")
            self.assertEqual(sent["outcome"], "FAILED")

    def test_nobody_listens_there(self):
        with fake.FakeCloud() as provider:
            url = provider.base_url
        self.start(url)
        events, sent = self.reply("hello")
        self.assert_failed(events, "upstream_unreachable")
        self.assertEqual((sent["outcome"], sent["bytes_out"]), ("FAILED", 0))

    # --- stopping ------------------------------------------------------------------------

    def test_closing_the_pipe_cancels(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            for prompt, stream in (("fake:hang", True), ("fake:hang_after=2", True), ("fake:hang", False),
                                   ("fake:endless", True)):
                with self.subTest(prompt):
                    before = len(provider.requests)
                    request_id, reader = self.send(prompt, stream)
                    until("the request arrives", lambda: len(provider.requests) == before + 1)
                    os.close(reader)
                    self.opened.remove(reader)
                    sent = self.sent(request_id)
                    self.assertEqual(sent["outcome"], "CANCELLED")
                    self.assertGreater(sent["bytes_out"], 0)
                    until("the provider is left", lambda: provider.active == 0)
            events, _ = self.reply("hello")
            self.assert_whole(events, fake.ANSWER)

    def test_abort(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            request_id, reader = self.send("fake:hang_after=2")
            until("two pieces are sent", lambda: provider.sent_tokens == 2)
            self.consent.send("ABORT", request_id=request_id)
            self.assertEqual(self.sent(request_id)["outcome"], "ABORTED")
            self.assert_failed(self.read_all(reader), "withdrawn")
            self.consent.send("ABORT", request_id=request_id)  # late: harmless
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)

    def test_consent_gone_stops_all(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            _, reader = self.send("fake:hang_after=2")
            until("two pieces are sent", lambda: provider.sent_tokens == 2)
            self.consent.close()
            self.assert_failed(self.read_all(reader), "consent_gone")
            self.consent = wire.Channel()
            self.boot.send("PEER", (self.consent.theirs.fileno(),), role=wire.ROLES.index("consent"))
            self.consent.theirs.close()
            self.consent.expect("HEAD_KNOWN")
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)

    def test_stop(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            _, reader = self.send("fake:hang_after=2")
            until("two pieces are sent", lambda: provider.sent_tokens == 2)
            self.boot.send("STOP", deadline_ms=30000)
            self.assert_failed(self.read_all(reader), "stopping")
            self.assertEqual(self.process.wait(), 0, self.log())

    def test_back_pressure(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            request_id, reader = self.send("fake:endless")
            still = [0]

            def settled():
                before, still[0] = still[0], provider.sent_tokens
                time.sleep(0.2)
                return before == still[0] and before > 0

            until("the provider cannot send any more", settled)  # nobody reads
            with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as f:
                resident = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            self.assertLess(resident, 512 << 20)  # generous: sanitizers

            def flows_again():
                self.assertTrue(os.read(reader, 65536))
                return provider.sent_tokens > still[0]

            until("it flows again", flows_again)  # however much lies in the kernel's buffers on the way
            os.close(reader)
            self.opened.remove(reader)
            self.assertEqual(self.sent(request_id)["outcome"], "CANCELLED")

    # --- refusals ------------------------------------------------------------------------

    def assert_refused(self, events, sent):
        self.assertEqual([e["name"] for e in events], ["send_refused"])
        self.assertEqual((sent["outcome"], sent["bytes_out"], sent["http_status"]), ("REFUSED", 0, 0))

    def test_only_what_was_released(self):
        rows = [("other bytes", {"body_sha256": bytes(32)}), ("another length", {"body_bytes": 1}),
                ("another policy", {"generation": 7}), ("an unknown place", {"destination": "elsewhere"}),
                ("the device", {"destination": "local"}), ("no ledger entry", {"ledger_seq": 0}),
                ("no time", {"deadline_ms": 0}), ("no bytes", {"body": b""})]
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            for name, changes in rows:
                with self.subTest(name):
                    self.assert_refused(*self.reply("hello", **changes))
            unsealed = os.memfd_create("open")
            os.write(unsealed, self.body("hello", True))
            self.assert_refused(*self.reply("hello", memfd=unsealed))
            self.assertEqual(provider.connections, 0)

    def test_a_ledger_entry_is_used_once(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            self.assert_whole(self.reply("hello", ledger_seq=500)[0], fake.ANSWER)
            self.assert_refused(*self.reply("hello", ledger_seq=500))
            self.assertEqual(len(provider.requests), 1)

    def test_so_many_at_once(self):
        self.limits["concurrent"] = 2
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, queue=0)
            first, second = self.send("fake:hang"), self.send("fake:hang")
            self.assert_refused(*self.reply("hello"))
            for request_id, reader in (first, second):
                os.close(reader)
                self.opened.remove(reader)
                self.sent(request_id)
            until("the provider is left", lambda: provider.active == 0)
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)

    def test_keys_must_be_closed_to_others(self):
        with fake.FakeCloud() as provider:
            self.secret("key", KEY, mode=0o640)
            self.start(provider.base_url, auth={"secret": "key"})
            self.assert_refused(*self.reply("hello"))
            self.secret("key", KEY)
            policy = wire.sealed(self.policy(provider.base_url, 1, auth={"secret": "key"}))
            self.boot.send("POLICY", (policy,), generation=1)
            os.close(policy)
            until("the new policy holds", lambda: self.reply("hello", generation=1)[1]["outcome"] == "COMPLETE")
            self.assertEqual(len(provider.requests), 1)
            self.assertNotIn(KEY, self.log())

    def read_keys(self, number):
        self.boot.send("KEYS", reload=number)

    def test_a_key_that_was_changed_or_taken_away_is_not_used_any_more(self):
        path = self.path("config", "secrets.d", "key")

        def link():
            os.rename(path, path + ".elsewhere")
            os.symlink(path + ".elsewhere", path)

        def foreign():
            os.chown(path, 12345, 12345)

        wrong = {"gone": lambda: os.unlink(path), "open to others": lambda: os.chmod(path, 0o644), "a link": link,
                 "a folder": lambda: (os.unlink(path), os.mkdir(path)),
                 "DOS line ends": lambda: self.secret("key", KEY + "\r\n"),
                 "two newlines": lambda: self.secret("key", KEY + "\n\n"),
                 "a control character": lambda: self.secret("key", KEY + "\x07"),
                 "empty": lambda: self.secret("key", "")}
        if os.geteuid() == 0:
            wrong["another owner"] = foreign
        self.secret("key", KEY)
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, auth={"secret": "key"})
            for number, (what, spoil) in enumerate(wrong.items()):
                with self.subTest(what):
                    self.assertEqual(self.reply("hello")[1]["outcome"], "COMPLETE")
                    sent = len(provider.requests)
                    spoil()
                    said = self.log().count("cloud.key_missing")
                    self.read_keys(2 * number)
                    until("the key is missed", lambda: self.log().count("cloud.key_missing") == said + 1)
                    self.assert_refused(*self.reply("hello"))
                    self.assertEqual(len(provider.requests), sent)
                    shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else None
                    if os.path.lexists(path):
                        os.unlink(path)
                    fresh = f"{KEY}-{number}"
                    self.secret("key", fresh + "\n")
                    self.read_keys(2 * number + 1)
                    until("a whole reply", lambda: self.reply("hello")[1]["outcome"] == "COMPLETE")
                    self.assertIn(f"Authorization: Bearer {fresh}\r\n".encode(), provider.requests[-1][0])
            self.assertIn("carriage return", self.log())
            self.assertNotIn(KEY, self.log())

    def test_loopback_by_its_own_name_needs_no_setting(self):
        self.limits["allow_loopback"] = False
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)

    def test_a_broken_policy_sends_nothing(self):
        with fake.FakeCloud() as provider:
            self.start_with(b"hitherP1 nonsense")
            self.assert_refused(*self.reply("hello"))
            self.assertEqual(provider.connections, 0)

    def test_a_bad_frame_ends_the_channel(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            self.consent.send("SEND", (), request_id=1, ledger_seq=1, destination="dest")
            with self.assertRaises((wire.Gone, ConnectionResetError)):
                self.consent.expect("SENT")
            self.boot.expect("BROKEN")
            self.assertEqual(provider.connections, 0)

    # --- TLS -----------------------------------------------------------------------------

    def test_tls(self):
        ca, server = fake.make_certificates(self.dir)
        with fake.FakeCloud(tls=server) as provider:
            self.start(provider.base_url, pin={"ca_file": ca})
            events, sent = self.reply("hello")
            self.assert_whole(events, fake.ANSWER)
            head, body = provider.requests[0]
            self.assertEqual(sent["bytes_out"], len(head) + len(body))

    def test_a_cloud_does_not_lie_here(self):
        self.limits["allow_loopback"] = False
        ca, server = fake.make_certificates(self.dir)
        with fake.FakeCloud(tls=server) as provider:
            elsewhere = provider.base_url.replace("127.0.0.1", "cloud.localhost").replace(
                "//localhost", "//cloud.localhost")
            self.start(elsewhere, pin={"ca_file": ca})
            events, sent = self.reply("hello")
            self.assert_failed(events, "upstream_address")
            self.assertEqual((sent["outcome"], sent["bytes_out"]), ("REFUSED", 0))
            self.assertEqual(provider.connections, 0)
            self.end()
            self.start(provider.base_url, pin={"ca_file": ca}, tier="trusted")
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)

    def test_pinned_key(self):
        ca, server = fake.make_certificates(self.dir)
        der = fake.subprocess.run(["openssl", "x509", "-in", server[0], "-pubkey", "-noout"], check=True,
                                  capture_output=True).stdout
        spki = base64.b64decode(b"".join(der.splitlines()[1:-1]))
        right = base64.b64encode(hashlib.sha256(spki).digest()).decode()
        wrong = base64.b64encode(bytes(32)).decode()
        with fake.FakeCloud(tls=server) as provider:
            self.start(provider.base_url, pin={"ca_file": ca, "sha256": wrong})
            self.assert_failed(self.reply("hello")[0], "upstream_tls")
            self.assertEqual(provider.requests, [])
            self.end()
            self.start(provider.base_url, pin={"ca_file": ca, "sha256": right})
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)

    def test_a_proxy_only_when_told(self):
        ca, server = fake.make_certificates(self.dir)
        everywhere = {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"}
        with fake.FakeCloud(tls=server) as provider, Proxy() as proxy:
            mine = {"HITHER_HTTPS_PROXY": proxy.url}
            rows = [("the environment names one, the policy does not", {**dict.fromkeys(everywhere, proxy.url), **mine},
                     {}, 0),
                    ("the policy says none", mine, {"proxy": "none"}, 0),
                    ("the policy names it", {}, {"proxy": proxy.url}, 1),
                    ("the policy says: as the environment", mine, {"proxy": "env"}, 1),
                    ("which excludes this host", {**mine, "HITHER_NO_PROXY": "127.0.0.1"}, {"proxy": "env"}, 0),
                    ("or names none", {}, {"proxy": "env"}, 0)]
            for name, environment, more, through in rows:
                with self.subTest(name):
                    self.end()
                    self.environment = environment
                    proxy.asked.clear()
                    self.secret("key", KEY)
                    self.start(provider.base_url, pin={"ca_file": ca}, auth={"secret": "key"}, **more)
                    self.assert_whole(self.reply("hello")[0], fake.ANSWER)
                    self.assertEqual(len(proxy.asked), through)
                    for head in proxy.asked:  # it learns where to, and neither key nor text
                        self.assertTrue(head.startswith(b"CONNECT 127.0.0.1:"), head)
                        self.assertNotIn(KEY.encode(), head)

    def test_a_list_of_pins(self):
        ca, server = fake.make_certificates(self.dir)
        der = fake.subprocess.run(["openssl", "x509", "-in", server[0], "-pubkey", "-noout"], check=True,
                                  capture_output=True).stdout
        spki = base64.b64decode(b"".join(der.splitlines()[1:-1]))
        right = base64.b64encode(hashlib.sha256(spki).digest()).decode()
        others = [base64.b64encode(bytes([i] * 32)).decode() for i in (1, 2, 3)]
        rows = [([others[0], right], True), ([right, others[0]], True), (others + [right], True), (others, False)]
        with fake.FakeCloud(tls=server) as provider:
            for pins, well in rows:
                with self.subTest(pins.index(right) if well else "none"):
                    self.end()
                    before = len(provider.requests)
                    self.start(provider.base_url, pin={"ca_file": ca, "sha256": pins})
                    events, sent = self.reply("hello")
                    if well:
                        self.assert_whole(events, fake.ANSWER)
                    else:
                        self.assert_failed(events, "upstream_tls")
                        self.assertEqual((sent["bytes_out"], len(provider.requests)), (0, before))

    def test_client_certificate(self):
        ca, server = fake.make_certificates(self.dir)
        with open(self.path("client.pem"), encoding="ascii") as f:
            pem = f.read()
        with fake.FakeCloud(tls=server, client_ca=ca) as provider:
            self.start(provider.base_url, pin={"ca_file": ca})
            events, _ = self.reply("without one")
            self.assertEqual(events[-1]["kind"], "ERROR")
            self.assertEqual(provider.requests, [])
            self.end()
            self.secret("laptop", pem)
            self.start(provider.base_url, pin={"ca_file": ca}, auth={"mtls": "laptop"})
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)
            self.assertNotIn("PRIVATE", self.log())

    def test_client_certificates_that_are_not_used(self):
        ca, server = fake.make_certificates(self.dir)
        with open(self.path("client.pem"), encoding="ascii") as f:
            pem = f.read()
        with open(self.path("client.crt"), encoding="ascii") as f:
            certificate = f.read()
        rows = [("open to others", pem, 0o644), ("no key", certificate, 0o600), ("no PEM", "x", 0o600),
                ("encrypted", pem.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE"), 0o600), ("none", None, 0)]
        with fake.FakeCloud(tls=server, client_ca=ca) as provider:
            for name, text, mode in rows:
                with self.subTest(name):
                    self.end()
                    if text is None:
                        os.unlink(self.path("config", "secrets.d", "laptop"))
                    else:
                        self.secret("laptop", text, mode)
                    self.start(provider.base_url, pin={"ca_file": ca}, auth={"mtls": "laptop"})
                    events, sent = self.reply("hello")
                    self.assert_failed(events, "send_refused")
                    self.assertEqual((sent["outcome"], sent["bytes_out"]), ("REFUSED", 0))
            self.assertEqual(provider.connections, 0)

    # --- limits of a destination ---------------------------------------------------------

    def again(self, request_id, grant=True):
        """The AGAIN of a send, as consent hears it; granted unless told otherwise."""
        values, _ = self.consent.expect("AGAIN", lambda m: m["request_id"] == request_id)
        if grant:
            self.consent.send("AGAIN_GRANTED", request_id=request_id, attempt=values["attempt"])
        return values

    def test_retry_after_is_honoured_and_asked_for(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, retry={"attempts": 2, "max_wait": "2s"})
            for status in (429, 503):
                for stream in (True, False):
                    with self.subTest(status=status, stream=stream):
                        before = len(provider.requests)
                        prompt = f"fake:status={status} fake:retry_after=0 fake:times={before + 2}"
                        request_id, reader = self.send(prompt, stream)
                        for attempt in (1, 2):
                            said = self.again(request_id)
                            self.assertEqual((said["attempt"], said["http_status"]), (attempt, status))
                            self.assertGreater(said["bytes_out"], 0)
                        self.assert_whole(self.read_all(reader), fake.ANSWER)
                        sent = self.sent(request_id)
                        self.assertEqual((sent["outcome"], sent["http_status"]), ("COMPLETE", 200))
                        made = provider.requests[before:]
                        self.assertEqual(len(made), 3)
                        self.assertEqual(len(set(made)), 1)  # the same bytes, header and all
                        self.assertEqual(sent["bytes_out"], sum(len(h) + len(b) for h, b in made))

    def test_no_more_attempts_than_the_policy_has(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, retry={"attempts": 1})
            request_id, reader = self.send("fake:status=429 fake:retry_after=0")
            self.again(request_id)
            self.assert_failed(self.read_all(reader), "upstream_rate_limited")
            self.assertEqual(self.sent(request_id)["http_status"], 429)
            self.assertEqual(len(provider.requests), 2)

    def test_what_may_have_been_acted_upon_is_not_sent_again(self):
        rows = ["fake:status=500", "fake:status=429", "fake:status=503", "fake:status=500 fake:retry_after=0",
                "fake:status=429 fake:retry_after=60", "fake:status=503 fake:retry_after=soon", "fake:drop",
                "fake:cut_after=1", "fake:error_after=1", "fake:status=408 fake:retry_after=0"]
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, retry={"attempts": 4, "max_wait": "5s"})
            for n, prompt in enumerate(rows, 1):
                with self.subTest(prompt):
                    events, _ = self.reply(prompt)
                    self.assertEqual(events[-1]["kind"], "ERROR")
                    self.assertEqual(len(provider.requests), n)

    def test_a_refused_connection_is_tried_again(self):
        with fake.FakeCloud() as provider:
            port = int(provider.base_url.split(":")[2].split("/")[0])
        self.start(f"http://127.0.0.1:{port}/v1", retry={"attempts": 4})
        request_id, reader = self.send("hello")
        said = self.again(request_id, grant=False)
        self.assertEqual((said["http_status"], said["bytes_out"]), (0, 0))
        with fake.FakeCloud(port=port):
            self.consent.send("AGAIN_GRANTED", request_id=request_id, attempt=1)
            self.assert_whole(self.read_all(reader), fake.ANSWER)
            self.assertEqual(self.sent(request_id)["outcome"], "COMPLETE")

    def test_without_consents_word_there_is_no_further_attempt(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, retry={"attempts": 4})
            request_id, reader = self.send("fake:status=429 fake:retry_after=0")
            self.again(request_id, grant=False)
            self.consent.send("ABORT", request_id=request_id)
            self.assert_failed(self.read_all(reader), "withdrawn")
            self.assertEqual(self.sent(request_id)["outcome"], "ABORTED")
            self.assertEqual(len(provider.requests), 1)

    def test_a_new_policy_ends_the_attempts(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, retry={"attempts": 4})
            request_id, reader = self.send("fake:status=429 fake:retry_after=0")
            self.again(request_id, grant=False)
            self.boot.send("POLICY", (wire.sealed(self.policy(provider.base_url, 1)),), generation=1)
            self.consent.send("AGAIN_GRANTED", request_id=request_id, attempt=1)
            self.assert_failed(self.read_all(reader), "send_refused")
            self.assertEqual(len(provider.requests), 1)

    def test_a_destination_that_fails_is_left_alone(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, breaker={"failures": 3, "rest": "1s"})
            for prompt in ("fake:status=500", "fake:drop", "fake:cut_after=1"):
                self.assertEqual(self.reply(prompt)[0][-1]["kind"], "ERROR")
            events, sent = self.reply("hello")
            self.assert_failed(events, "send_refused")
            self.assertEqual((sent["outcome"], sent["bytes_out"], provider.connections), ("REFUSED", 0, 3))
            self.assertIn("cloud.rests", self.log())
            until("the rest is over", lambda: self.reply("fake:status=503")[1]["outcome"] != "REFUSED")
            self.assertEqual(provider.connections, 4)  # one tried it, and it failed: it rests again
            self.assert_failed(self.reply("hello")[0], "send_refused")
            until("a whole reply", lambda: self.reply("hello")[1]["outcome"] == "COMPLETE")
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)

    def test_one_at_a_time_finds_out(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, breaker={"failures": 1, "rest": "1s"})
            self.reply("fake:status=500")
            time.sleep(1.1)  # the rest is over, and nothing but a request ends it
            request_id, reader = self.send("fake:hang")
            until("two connections", lambda: provider.connections == 2)
            self.assert_failed(self.reply("hello")[0], "send_refused")
            self.assertEqual(provider.connections, 2)
            self.consent.send("ABORT", request_id=request_id)
            self.sent(request_id)
            self.read_all(reader)
            # Nobody had found out: the next one may.
            until("a whole reply", lambda: self.reply("hello")[1]["outcome"] == "COMPLETE")

    def test_what_the_person_did_wrong_is_no_failure(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, breaker={"failures": 1, "rest": "5m"})
            for status in (400, 401, 403, 404, 413):
                self.reply(f"fake:status={status}")
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)

    def test_as_many_at_once_as_it_takes(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, concurrent=2, queue=3)
            under_way = [self.send("fake:hang") for _ in range(2)]
            until("two requests", lambda: len(provider.requests) == 2)
            waiting = [self.send(f"number{i} fake:echo") for i in range(3)]
            request_id, reader = self.send("one too many")
            self.assert_failed(self.read_all(reader), "send_refused")
            self.assertEqual(self.sent(request_id)["outcome"], "REFUSED")
            self.assertEqual(len(provider.requests), 2)
            self.consent.send("ABORT", request_id=waiting[1][0])  # it waits no longer
            self.assertEqual(self.sent(waiting[1][0])["outcome"], "ABORTED")
            self.read_all(waiting[1][1])
            self.consent.send("ABORT", request_id=under_way[0][0])
            for i in (0, 2):
                self.assert_whole(self.read_all(waiting[i][1]), f"number{i}")
            self.assertEqual(len(provider.requests), 4)

    def test_a_queue_of_none(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url, concurrent=1, queue=0)
            self.send("fake:hang")
            until("a request", lambda: len(provider.requests) == 1)
            self.assert_failed(self.reply("hello")[0], "send_refused")

    def test_a_destinations_own_times(self):
        self.limits.update(first_byte_timeout_ms=60000, gap_timeout_ms=60000)
        with fake.FakeCloud() as provider:
            for times, prompt, code in (({"first_byte": "1s"}, "fake:hang", "upstream_timeout"),
                                        ({"gap": "1s"}, "fake:hang_after=2", "upstream_timeout"),
                                        ({"total": "1s"}, "fake:tokens=2000 fake:delay_ms=20", "stream_cut")):
                with self.subTest(code, times=times):
                    self.end()
                    self.start(provider.base_url, timeouts=times)
                    self.assert_failed(self.reply(prompt)[0], code)

    def test_tls_unknown_certificate(self):
        _, server = fake.make_certificates(self.dir)
        with fake.FakeCloud(tls=server) as provider:
            self.start(provider.base_url)
            events, sent = self.reply("hello")
            self.assert_failed(events, "upstream_tls")
            self.assertEqual((sent["outcome"], sent["bytes_out"]), ("FAILED", 0))
            self.assertEqual(provider.requests, [])

    def test_tls_wrong_name(self):
        ca, server = fake.make_certificates(self.dir)
        with open(self.path("names"), "w", encoding="ascii") as f:
            f.write("subjectAltName=DNS:elsewhere.example\n")
        fake.subprocess.run(["openssl", "x509", "-req", "-in", self.path("server.csr"), "-CA", ca, "-CAkey",
                             self.path("ca.key"), "-CAcreateserial", "-days", "2", "-extfile",
                             self.path("names"), "-out", server[0]], check=True, capture_output=True)
        with fake.FakeCloud(tls=server) as provider:
            self.start(provider.base_url, pin={"ca_file": ca})
            self.assert_failed(self.reply("hello")[0], "upstream_tls")
            self.assertEqual(provider.requests, [])

    # --- the witness ---------------------------------------------------------------------

    def head(self, seq, hash_byte):
        self.consent.send("HEAD", seq=seq, hash=bytes([hash_byte] * 32))

    def witnessed(self):
        try:
            with open(self.path("state", "witness", "head"), encoding="ascii") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def test_witness(self):
        with fake.FakeCloud() as provider:
            self.start(provider.base_url)
            self.assertEqual(self.consent.expect("HEAD_KNOWN")[0]["seq"], 0)
            for seq in range(1, 50):
                self.head(seq, seq)
            until("the head is witnessed", lambda: self.witnessed() == "49 " + "31" * 32 + "\n")
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)
            self.head(48, 48)  # an older head: the ledger was rolled back
            self.assert_refused(*self.reply("hello"))
            self.head(49, 1)  # another record with that number
            self.assert_refused(*self.reply("hello"))
            self.assertEqual(self.witnessed(), "49 " + "31" * 32 + "\n")
            self.head(49, 49)
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)
            self.end()
            self.start(provider.base_url)
            known, _ = self.consent.expect("HEAD_KNOWN")
            self.assertEqual((known["seq"], known["hash"]), (49, bytes([49] * 32)))
            os.remove(self.path("state", "witness", "head"))  # somebody accepts the loss
            self.head(3, 3)
            self.assert_whole(self.reply("hello")[0], fake.ANSWER)


if __name__ == "__main__":
    unittest.main()
