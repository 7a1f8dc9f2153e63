# SPDX-License-Identifier: Apache-2.0
"""A server whose replies are as bad as can be, for hostile_cloud.py and hostile_engine.py: one behaviour for each
request, named in the prompt (`bad:NAME`)."""
import json
import re
import socket
import threading
import time

MIB = 1 << 20
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SAID = b"whole"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def endless(first, more, pause=0.0):
    """Until the other side has gone, or a GiB."""
    def act(s):
        s.sendall(first)
        sent = 0
        while sent < 1024 * MIB:
            s.sendall(more)
            sent += len(more)
            time.sleep(pause)
    return act


def says(*parts):
    def act(s):
        for part in parts:
            s.sendall(part)
    return act


BAD = {
    "endless_header": endless(HEAD, b"X-A: " + b"a" * 1000 + b"\r\n"),
    "endless_header_line": endless(HEAD + b"X-A: ", b"a" * 4096),
    "endless_status": endless(b"HTTP/1.1 200 ", b"a" * 4096),
    "endless_1xx": endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 50),
    "endless_event": endless(CHUNKED, chunk(b"data: " + b"a" * 16384)),
    "endless_events": endless(CHUNKED, chunk(EVENT % SAID * 100)),
    "endless_comment": endless(CHUNKED, chunk(b": " + b"a" * 16384)),
    "endless_comments": endless(CHUNKED, chunk(b": a\n" * 4096)),
    "endless_chunk_size": endless(CHUNKED, b"0" * 4096),
    "endless_chunk_extension": endless(CHUNKED + b"1;", b"a" * 4096),
    "endless_trailer": endless(CHUNKED + chunk(EVENT % SAID + END) + b"0\r\n", b"X-A: " + b"a" * 4000 + b"\r\n"),
    "drip_header": endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"a", 0.05),
    "drip_event": endless(CHUNKED, chunk(b"a"), 0.05),
    "drip_comments": endless(CHUNKED, chunk(b": a\n\n"), 0.05),
    "silence": lambda s: s.recv(1),
    "early_close": says(),
    "close_in_head": says(HEAD),
    "close_in_chunk": says(CHUNKED, b"ff\r\n" + EVENT % SAID),
    "close_after_text": says(CHUNKED, chunk(EVENT % SAID)),
    "no_end": says(CHUNKED, chunk(EVENT % SAID), b"0\r\n\r\n"),
    "done_without_finish": says(CHUNKED, chunk(EVENT % SAID + b"data: [DONE]\n\n"), b"0\r\n\r\n"),
    "not_http": says(b"\x16\x03\x01\x02\x00\x01\x00" * 100),
    "http_0_9": says(EVENT % SAID + END),
    "version": says(b"HTTP/3.7 200 OK\r\n\r\n"),
    "two_lengths": says(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    "length_and_chunked": says(HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(EVENT % SAID)),
    "length_too_long": says(HEAD + b"Content-Length: 99999\r\n\r\n" + EVENT % SAID),
    "length_too_short": says(HEAD + b"Content-Length: 20\r\n\r\n" + EVENT % SAID + END),
    "length_overflow": says(HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n" + EVENT % SAID),
    "chunk_overflow": says(CHUNKED + b"fffffffffffffffffffff\r\n" + EVENT % SAID),
    "chunk_negative": says(CHUNKED + b"-1\r\n" + EVENT % SAID),
    "gzip": says(HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"\x1f\x8b\x08" + b"\0" * 99)
                 + b"0\r\n\r\n"),
    "wrong_type": says(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>"),
    "switching": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxxxx"),
    "no_content": says(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "redirect": says(b"HTTP/1.1 307 T\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    "challenge": says(b"HTTP/1.1 401 U\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"),
    "nul_in_header": says(b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n"),
    "bad_utf8": says(CHUNKED, chunk(EVENT % b"\xff\xfe\xc0\x80" + END), b"0\r\n\r\n"),
    "deep": says(CHUNKED, chunk(b"data: " + b"[" * 100000 + b"\n\n" + END), b"0\r\n\r\n"),
    "not_json": says(CHUNKED, chunk(b"data: {\n\n" + END), b"0\r\n\r\n"),
    "two_members": says(CHUNKED, chunk(b'data: {"choices":[],"choices":[{"delta":{"content":"x"}}]}\n\n' + END),
                        b"0\r\n\r\n"),
    "error_in_stream": says(CHUNKED, chunk(EVENT % SAID + b'data: {"error":{"message":"x"}}\n\n'), b"0\r\n\r\n"),
    "after_the_end": says(CHUNKED, chunk(EVENT % SAID + END + EVENT % b"more"), b"0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    "huge_index": says(CHUNKED, chunk(b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":2147483647,"id":"a",'
                                      b'"function":{"name":"f","arguments":"{}"}}]}}]}\n\n' + END), b"0\r\n\r\n"),
    "good": says(CHUNKED, chunk(EVENT % SAID + END), b"0\r\n\r\n"),
}
LLAMA = {"/health": {"status": "ok"}, "/props": {"default_generation_settings": {"n_ctx": 2048}, "total_slots": 4,
                                                 "model_alias": "m", "is_sleeping": False},
         "/v1/models": {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "llamacpp",
                                                    "meta": {"n_ctx": 2048, "n_ctx_train": 2048}}]}}


class Server:
    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.active, self.served = 0, 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def request(self, s):
        data = b""
        while b"\r\n\r\n" not in data:
            more = s.recv(65536)
            if not more:
                return None, None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        while length and len(body) < int(length[1]):
            more = s.recv(65536)
            if not more:
                return None, None
            body += more
        return head.decode("latin-1").split(" ")[:2], body

    def serve(self, s):
        self.active += 1
        s.settimeout(60)
        try:
            while True:
                line, body = self.request(s)
                if line is None:
                    return
                path = line[1].split("?")[0]
                if path in LLAMA or line[0] == "GET":
                    reply = json.dumps(LLAMA.get(path, {})).encode()
                    s.sendall(b"HTTP/1.1 %s\r\nServer: llama.cpp\r\nContent-Type: application/json\r\n"
                              b"Content-Length: %d\r\n\r\n%s" % (b"200 OK" if path in LLAMA else b"404 N", len(reply), reply))
                    continue
                self.served += 1
                self.answer(s, body)
                return
        except OSError:
            pass
        finally:
            self.active -= 1
            s.close()

    def answer(self, s, body):
        named = re.search(rb"bad:(\w+)", body)
        BAD[named[1].decode() if named else "good"](s)


def judge(c, d, server, where, roles, caps_kib):
    """Every behaviour in turn, drawn, until the budget is spent."""
    import stage

    import campaign
    names, seen, waited = [], {}, 0
    stage.until("a good reply", lambda: d.chat("bad:good", model=where, stream=True).status == 200)
    pids = campaign.roles(d)
    begun = {role: campaign.memory_kib(pids[role]) for role in roles}
    most = dict(begun)
    while not c.over() or c.runs < len(BAD):
        if not names:
            names = list(BAD)
            c.rng.shuffle(names)
        name, stream, before = names.pop(), c.rng.random() < 0.7, server.served
        watch = d.later(d.chat, f"bad:{name}", model=where, stream=stream)
        while watch.thread.is_alive():
            watch.thread.join(0.02)
            for role in roles:
                most[role] = max(most[role], campaign.memory_kib(pids[role]))
        if server.served == before:  # it is being left alone for a while
            names.append(name)
            waited += 1
            time.sleep(0.1)
            if waited > 600:
                c.wrong("it is left alone for ever")
                break
            continue
        c.runs, waited = c.runs + 1, 0
        try:
            r = watch.result()
        except OSError as e:
            c.wrong(f"{name}: {e!r}")
            continue
        except stage.http.client.HTTPException:
            seen[name] = "cut"
            continue
        whole = r.status == 200 and not r.cut and (not stream or ("[DONE]" in r.events and b'"error"' not in r.body))
        seen[name] = f"{r.status}{' whole' if whole else ''}"
        if whole:
            c.check(name in ("good", "after_the_end", "bad_utf8", "huge_index", "endless_trailer", "two_members") or
                    r.text == "" , f"{name}: looks whole: {r.body[-300:]!r}")
    for role in roles:
        c.check(most[role] - begun[role] < caps_kib, f"{role} grew from {begun[role]} to {most[role]} KiB")
        c.check(campaign.roles(d).get(role) == pids[role], f"{role} began again")

    def good():
        r = d.chat("bad:good", model=where, stream=True)
        return r.status == 200 and r.text == SAID.decode()
    try:
        stage.until("a good reply afterwards", good)
    except AssertionError as e:
        c.wrong(str(e))
    c.figures.update(behaviours=len(BAD), most_kib={r: [begun[r], most[r]] for r in roles}, seen=seen)
