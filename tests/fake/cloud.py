#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A provider without a model, over HTTP, TLS or a Unix socket, in any vendor's words (vendors.py): it counts
what reaches it, keeps the exact bytes, and misbehaves on demand. Standard library only; see README.md.

cloud.py [--dir DIR] [--port N] [--unix PATH] [--tls CERT KEY] [--wire VENDOR]
prints its base URL, then serves until it is killed. In tests: with FakeCloud() as cloud: ...
"""
import argparse
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from vendors import WIRES  # noqa: E402

ANSWER = "The capital of France is Paris."
STATUS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
          404: "Not Found", 413: "Too Large", 429: "Too Many Requests",
          500: "Internal Server Error", 503: "Service Unavailable"}


class Reply:
    """One answer, written to a connection as the words in the prompt say."""

    def __init__(self, connection, target, body, cloud):
        self.connection = connection
        self.cloud = cloud
        self.wire = WIRES[cloud.wire]()
        texts = list(self.wire.texts(body))
        self.words = dict(re.findall(r"fake:(\w+)(?:=(\S+))?", " ".join(texts)))
        # What only this side of a request is to do: fake:cloud_cut_after=3
        self.words.update({k[6:]: v for k, v in self.words.items() if k.startswith("cloud_")})
        self.last = re.sub(r"\s*fake:\S+", "", texts[-1] if texts else "")
        self.stream = self.wire.streams(target, body)
        self.sent = 0  # bytes of the body

    def number(self, word, otherwise=0):
        return int(self.words.get(word) or otherwise)

    def tokens(self):
        if "tokens" in self.words:
            return [f"t{i} " for i in range(self.number("tokens"))]
        if "step" in self.words:
            size = self.number("step")
            return [self.last[i:i + size] for i in range(0, len(self.last), size)]
        return re.findall(r"\S+\s*", self.last if "echo" in self.words else ANSWER)

    def arguments(self):
        """Of the call: what was said last, with fake:echo; else a city."""
        return json.dumps({"text": self.last} if "echo" in self.words else {"city": "Paris"},
                          separators=(",", ":"))

    def raw(self, data):
        self.connection.sendall(data)

    def head(self, status, fields):
        lines = [f"HTTP/1.1 {status} {STATUS.get(status, 'Whatever')}"]
        lines += [f"{k}: {v}" for k, v in fields.items()]
        if "head_size" in self.words:
            lines.append("X-Pad: " + "x" * (self.number("head_size") - len("\r\n".join(lines)) - len("\r\nX-Pad: \r\n\r\n")))
        self.raw(("\r\n".join(lines) + "\r\n\r\n").encode())

    def whole(self, status, body, **fields):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.head(status, {"Content-Type": "application/json", "Content-Length": len(data),
                           **{k.replace("_", "-"): v for k, v in fields.items()}})
        self.raw(data)

    def chunk(self, data):
        self.sent += len(data)
        self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    def send(self):
        """False: the connection is to be cut, not ended."""
        if "hang" in self.words:
            self.hang()
            return False
        time.sleep(self.number("first_delay_ms") / 1000)
        if "drop" in self.words:
            return False
        if self.cloud.broken:
            self.whole(self.cloud.broken, self.wire.error(self.cloud.broken, None))
            return True
        if "status" in self.words and len(self.cloud.requests) <= self.number("times", 1 << 30):
            status = self.number("status")
            more = {"Retry_After": self.words["retry_after"]} if "retry_after" in self.words else {}
            self.whole(status, self.wire.error(status, self.words.get("code")),
                       Location="http://127.0.0.1:1/elsewhere", X_Canary="CANARY", **more)
            return True
        if "header_bytes" in self.words:
            self.head(200, {"X-Long": "x" * self.number("header_bytes")})
            return False
        return self.send_stream() if self.stream else self.send_plain()

    def finish(self):
        return self.words.get("finish") or ("tool_calls" if "tool" in self.words else "stop")

    def send_plain(self):
        call = (self.words["tool"], self.arguments()) if "tool" in self.words else None
        body = json.dumps(self.wire.whole("".join(self.tokens()), call, self.finish())).encode()
        body = body.ljust(self.number("body_size"))
        if "cut" in self.words:
            self.head(200, {"Content-Type": "application/json", "Content-Length": len(body)})
            self.raw(body[:-10])
            return False
        self.whole(200, body, **({"Content_Encoding": self.words["coding"]} if "coding" in self.words else {}))
        return True

    def send_stream(self):
        coding = {"Content-Encoding": self.words["coding"]} if "coding" in self.words else {}
        self.head(200, {"Content-Type": self.wire.content_type, "Transfer-Encoding": "chunked", **coding})
        self.chunks(self.wire.head())
        for i, token in enumerate(self.tokens()):
            for word, act in (("cut_after", self.cut), ("error_after", self.fail),
                              ("hang_after", self.hang)):
                if word in self.words and i == self.number(word):
                    act(self.wire.text(token)) if word == "cut_after" else act()
                    return False
            time.sleep(self.number("delay_ms") / 1000)
            self.chunk(self.wire.text(token))
            self.cloud.sent_tokens += 1
        while "endless_event" in self.words:
            self.chunk(b"data: " * 1024)
        while "endless" in self.words:
            self.chunk(self.wire.text("more ") * 100)
            self.cloud.sent_tokens += 100
        if "tool" in self.words:
            arguments, size = self.arguments(), self.number("step", 8)
            self.chunks(self.wire.call(self.words["tool"], [arguments[i:i + size] for i in
                                                            range(0, len(arguments), size)]))
        if "line_size" in self.words:
            self.chunk(self.wire.text("long")[:-2].ljust(self.number("line_size")) + b"\n\n")
        end = [] if "no_finish" in self.words else list(self.wire.end(self.finish()))
        end += [] if "no_done" in self.words else list(self.wire.done())
        if "body_size" in self.words:
            self.pad(self.number("body_size") - self.sent - sum(map(len, end)))
        self.chunks(end)
        self.raw(b"0\r\n\r\n")
        return True

    def chunks(self, many):
        for one in many:
            self.chunk(one)

    def pad(self, size):
        """Comments, of so many bytes together."""
        while size > 0:
            one = size if size < 1000 else 500
            self.chunk(b":" * (one - 1) + b"\n")
            size -= one

    def hang(self):
        """Until the client has gone."""
        self.connection.settimeout(0.05)
        while not self.cloud.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                pass

    def cut(self, part):
        """In the middle of an event, in the middle of a chunk."""
        self.raw(b"%x\r\n%s" % (len(part), part[:len(part) // 2]))

    def fail(self):
        self.chunk(self.wire.failure())
        self.raw(b"0\r\n\r\n")


class FakeCloud:
    def __init__(self, directory=None, port=0, unix=None, tls=None, wire="openai", client_ca=None):
        self.directory = directory
        self.wire = wire
        self.broken = 0  # this status, whatever comes
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.connections = self.active = self.sent_tokens = 0
        self.requests = []  # (head, body) as received
        if unix:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(unix)
            self.base_url = f"unix:{unix}"
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", port))
            scheme = "https" if tls else "http"
            self.base_url = f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
            if client_ca:  # who has no certificate of this authority is turned away
                self.tls.verify_mode = ssl.CERT_REQUIRED
                self.tls.load_verify_locations(client_ca)
        self.listener.listen(64)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.active += 1
            self.note()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def note(self):
        if self.directory is None:
            return
        with self.lock:
            text = json.dumps({"connections": self.connections, "requests": len(self.requests),
                               "active": self.active})
            path = os.path.join(self.directory, "stats.json")
            with open(path + ".new", "w", encoding="ascii") as f:
                f.write(text)
            os.rename(path + ".new", path)

    def keep(self, head, body):
        with self.lock:
            self.requests.append((head, body))
            number = len(self.requests)
        if self.directory is not None:
            with open(os.path.join(self.directory, f"request-{number}"), "wb") as f:
                f.write(head + body)
        self.note()

    def read_request(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        while length and len(body) < int(length[1]):
            more = connection.recv(65536)
            if not more:
                return None
            body += more
        return head + b"\r\n\r\n", body

    @staticmethod
    def list_models(connection):
        body = json.dumps({"object": "list", "data": [{"id": "local", "object": "model", "created": 1,
                                                       "owned_by": "fake"}]}).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                           b"Connection: close\r\n\r\n%s" % (len(body), body))

    def serve(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            request = self.read_request(connection)
            if request is not None:
                self.keep(*request)
                if request[0].startswith(b"GET "):
                    self.list_models(connection)
                elif Reply(connection, request[0].split(b" ")[1].decode(), json.loads(request[1] or b"{}"),
                           self).send():
                    connection.shutdown(socket.SHUT_WR)  # then read until the client has closed
                    while connection.recv(65536):
                        pass
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
            with self.lock:
                self.active -= 1
            self.note()


def make_certificates(directory):
    """ca.pem, and server.pem/server.key for 127.0.0.1 signed by it; client.pem (certificate and key), too."""
    def at(name):
        return os.path.join(directory, name)

    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-days", "2",
            "-subj", "/CN=hither test CA")
    with open(at("names"), "w", encoding="ascii") as f:
        f.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("req", *key, "-keyout", at("server.key"), "-out", at("server.csr"), "-subj",
            "/CN=localhost")
    openssl("x509", "-req", "-in", at("server.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"),
            "-CAcreateserial", "-days", "2", "-extfile", at("names"), "-out", at("server.pem"))
    openssl("req", *key, "-keyout", at("client.key"), "-out", at("client.csr"), "-subj", "/CN=laptop")
    openssl("x509", "-req", "-in", at("client.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"),
            "-CAcreateserial", "-days", "2", "-out", at("client.crt"))
    with open(at("client.pem"), "w", encoding="ascii") as f:
        for part in ("client.crt", "client.key"):
            with open(at(part), encoding="ascii") as g:
                f.write(g.read())
    return at("ca.pem"), (at("server.pem"), at("server.key"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dir", help="keep request-N and stats.json here")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unix")
    parser.add_argument("--wire", choices=sorted(WIRES), default="openai")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    args = parser.parse_args()
    cloud = FakeCloud(args.dir, args.port, args.unix, args.tls, args.wire)
    cloud.note()
    print(cloud.base_url, flush=True)
    cloud.thread.join()


if __name__ == "__main__":
    sys.exit(main())
