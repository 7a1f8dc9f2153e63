# SPDX-License-Identifier: Apache-2.0
"""The readers of JSON, HTTP requests and event streams beside second readings of their standards.

usage: readers.py READERS [json|http|sse]... [--more N] [--seed S]

READERS is the program of readers.c, which reads each text whole, byte by byte and in pairs. The second readings are
written from the standards' grammars as regular expressions (RFC 8259; RFC 9112 and 9110; HTML section 9.2.6), with
what hither refuses beyond them stated here. The texts: every sequence of a few tokens, every byte changed, put in or
left out of good texts, and `--more` drawn ones. Prints the figures; exit 1 when a reading differs."""
import argparse
import itertools
import json
import random
import re
import struct
import subprocess
import sys


# --- JSON ------------------------------------------------------------------------------------------

JSON_TOKENS = [b"{", b"}", b"[", b"]", b",", b":", b" ", b'"', b'"a"', b'"A"', b'"\\u0061"', b"0", b"1", b"-", b"+",
               b".", b"e", b"E", b"true", b"null", b"nul", b"\\", b"\n", b"\xef\xbb\xbf", b"\x00"]
JSON_TEXTS = [
    b'{"a":[1,-0.5e+3,true,false,null,"\\u00e9\\ud83d\\ude00\\n"],"b":{"c":"x","d":[]}}',
    b'["\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80"]',
    b'[1.0e+28,-1.0e+28,123e65,0e+1,0E1,1E22,20e1,1e-2,123.456789,-0,-0.0,9007199254740992,1e308]',
    b' \t\r\n{"": 0, "\\"\\\\\\/\\b\\f\\n\\r\\t" : "\\uFFFF\\udbff\\udfff\x7f" } \n',
]
EXPONENTS = [b"1e309", b"-1e309", b"1.8e308", b"1.7976931348623157e308", b"0e99999999999", b"1e-99999999999",
             b"9007199254740993", b"9007199254740994", b"-9007199254740993", b"100000000000000000000",
             b"1000000000000000000000000000001", b"0." + b"0" * 76 + b"1", b"123123" * 60, b"1" + b"0" * 22]
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
BLANK = re.compile(r"[ \t\n\r]*")
DEPTH = 64


class No(Exception):
    pass


class JsonReading:
    """RFC 8259, section by section; then what is refused beyond it (common/json.h)."""

    def __init__(self, text):
        self.text, self.at, self.depth = text, 0, 0

    def blank(self):
        self.at = BLANK.match(self.text, self.at).end()

    def take(self, token):
        if not self.text.startswith(token, self.at):
            raise No
        self.at += len(token)

    def string(self):
        found = STRING.match(self.text, self.at)
        if not found:
            raise No
        self.at = found.end()
        value = json.loads(found[0])
        if "\0" in value or re.search("[\ud800-\udfff]", value):
            raise No  # two readers may take these differently
        return value

    def number(self):
        found = NUMBER.match(self.text[self.at:].encode("utf-8", "replace"))
        if not found:
            raise No
        self.at += found.end()
        value = float(found[0])
        if abs(value) == float("inf"):
            raise No
        if re.fullmatch(rb"-?[0-9]+", found[0]) and int(value) != int(found[0]):
            raise No  # would be rounded

    def members(self, end, one):
        self.at += 1
        self.depth += 1
        if self.depth > DEPTH:
            raise No
        self.blank()
        if not self.text.startswith(end, self.at):
            while True:
                one()
                self.blank()
                if self.text.startswith(end, self.at):
                    break
                self.take(",")
                self.blank()
        self.at += 1
        self.depth -= 1

    def object(self):
        keys = set()

        def member():
            key = re.sub("[A-Z]", lambda m: m[0].lower(), self.string())
            if key in keys:
                raise No  # also in another case
            keys.add(key)
            self.blank()
            self.take(":")
            self.blank()
            self.value()
        self.members("}", member)

    def value(self):
        first = self.text[self.at:self.at + 1]
        if first == "{":
            self.object()
        elif first == "[":
            self.members("]", self.value)
        elif first == '"':
            self.string()
        elif first in ("t", "f", "n"):
            self.take({"t": "true", "f": "false", "n": "null"}[first])
        else:
            self.number()


def json_second(data):
    try:
        r = JsonReading(data.decode("utf-8"))
        r.blank()
        r.value()
        r.blank()
        return "ok" if r.at == len(r.text) else "no"
    except (No, UnicodeDecodeError):
        return "no"


def json_texts(dice, more):
    for n in range(4):
        for tokens in itertools.product(JSON_TOKENS, repeat=n):
            yield b"".join(tokens)
    for number in EXPONENTS:
        yield number
        yield b"[" + number + b"]"
    for opened in (DEPTH, DEPTH + 1):
        yield b"[" * opened + b"]" * opened
        yield b'{"a":' * opened + b"1" + b"}" * opened
    for n in range(0x10000):  # each escape, alone and behind the first half of a pair
        yield b'"\\u%04x"' % n
        if n % 7 == 0 or 0xd7f0 < n < 0xe010:
            yield b'"\\ud800\\u%04x"' % n
    for first in range(0x80, 0x100):  # each sequence of two bytes, and the edges of three and four
        for second in range(0x100):
            yield b'"' + bytes((first, second)) + b'"'
        for second in (0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0):
            for third in (0x7f, 0x80, 0xbf, 0xc0):
                yield b'"' + bytes((first, second, third)) + b'"'
                yield b'"' + bytes((first, second, third, 0x80)) + b'"'
    yield from mutants(JSON_TEXTS, JSON_TOKENS, dice, more)


def json_same(got, want):
    return (got == "ok") == (want == "ok")


# --- HTTP ------------------------------------------------------------------------------------------

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
METHODS = (b"ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY "
           b"OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND "
           b"UNLINK UNLOCK UNSUBSCRIBE").split()
# RFC 3986 section 3.2: host and port; no literals of future kinds, and no comma, which would be a list
HOST = (rb"(?:\[[0-9A-Fa-f:.]+\]"
        rb"|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?")
TARGET = rb"(?P<target>[\x21-\x22\x24-\x7e]+)"  # no fragment; nothing outside ASCII
REQUEST_LINE = re.compile(rb"(?:\r\n)*(?P<method>" + TOKEN + rb") " + TARGET + rb" HTTP/1\.(?P<minor>[01])\r\n")
FIELD = re.compile(rb"(?P<name>" + TOKEN + rb"):[ \t]*(?P<value>(?:[\x21-\x7e\x80-\xff]"
                   rb"(?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)?)[ \t]*\r\n")
# Space around an extension's parts, which only a bad sender writes, is refused.
QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
EXTENSION = rb"(?:;" + TOKEN + rb"(?:=(?:" + TOKEN + rb"|" + QUOTED + rb"))?)*"
CHUNK = re.compile(rb"(?P<size>[0-9A-Fa-f]+)" + EXTENSION + rb"\r\n")
ABSOLUTE = re.compile(rb"[hH][tT][tT][pP]://(?P<host>" + HOST + rb")(?P<rest>(?:[/?].*)?)", re.S)
BODY_MAX = 512

HTTP_TEXTS = [
    b"GET /a?b=c HTTP/1.1\r\nHost: h.example:80\r\nX-A: b c\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world",
    b"POST / HTTP/1.1\r\nHost: [::1]:1\r\nTransfer-Encoding: chunked\r\n\r\nB;a=b\r\nhello world\r\n0\r\nT: t\r\n\r\n",
    b"POST / HTTP/1.0\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi",
    b"GET http://h.example:80/p?q HTTP/1.1\r\nHost: h.example:80\r\n\r\n",
    b"GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost:x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\tChunked \r\n\r\n1;q=\"a\\\"b\"\r\nz\r\n2\r\nzz\r\n000\r\n\r\nGET / HTTP/1.1\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
]
HTTP_TOKENS = [b"\r\n", b"\r", b"\n", b" ", b"\t", b"\x00", b"\x0b", b"\x0c", b"\x7f", b"\x80", b"\xff", b":", b"_", b",",
               b";", b"0", b"0x", b"+", b"-", b"\r\n ", b"\r\n\t", b"\r\n\r\n", b"\n\n", b"Host: y\r\n",
               b"Content-Length: 2\r\n", b"Content-Length: 02\r\n", b"Content-Length: 2, 2\r\n",
               b"Content-Length : 2\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n",
               b"Transfer-Encoding: chunked, chunked\r\n", b"Transfer-Encoding : chunked\r\n", b" HTTP/1.1", b"HTTP/1.1",
               b"HTTP/2.0", b"HTTP/1.10", b"#", b"//", b"http://", b"0\r\n\r\n", b"1\r\nx\r\n", b"Expect: 100-continue\r\n",
               b"Expect: x\r\n", b"Connection: close\r\n", b"Upgrade: h2c\r\nConnection: Upgrade\r\n"]


class HttpReading:
    def __init__(self, data):
        self.data, self.at, self.fields = data, 0, []

    def take(self, pattern):
        found = pattern.match(self.data, self.at)
        if not found:
            raise No
        self.at = found.end()
        return found

    def end(self):
        if self.data[self.at:self.at + 2] != b"\r\n":
            return False
        self.at += 2
        return True

    def one(self, name):
        values = [v for n, v in self.fields if n.lower() == name]
        if len(values) > 1:
            raise No
        return values[0] if values else None

    def target(self, method, target):
        if target.startswith(b"/"):
            path = target
        elif target == b"*" and method == b"OPTIONS":
            path = target
        else:
            found = ABSOLUTE.fullmatch(target)
            if not found or re.match(rb":|$", found["host"]):  # http needs a host (RFC 9110 section 4.2.1)
                raise No
            path = found["rest"]
            if not path.startswith(b"/"):
                path = b"/" + path
        path, _, query = path.partition(b"?")
        return path, query

    def chunks(self):
        body = b""
        while True:
            found = self.take(CHUNK)
            size = int(found["size"], 16)
            if size == 0:
                break
            if len(self.data) < self.at + size + 2 or self.data[self.at + size:self.at + size + 2] != b"\r\n":
                raise No
            body += self.data[self.at:self.at + size]
            self.at += size + 2
        while not self.end():
            if self.take(FIELD)["name"].lower() in (b"content-length", b"transfer-encoding"):
                raise No  # of no use there
        return body

    def read(self):
        line = self.take(REQUEST_LINE)
        while not self.end():
            found = self.take(FIELD)
            if b"_" in found["name"]:
                raise No  # refused beyond the RFC: some servers read it as a hyphen
            if found["name"].lower() in (b"content-length", b"transfer-encoding") and re.search(
                    rb"\t[ \t]*\r\n", found[0]):
                raise No  # so is a tab behind what frames a body
            self.fields.append((found["name"], found["value"]))
        old = line["minor"] == b"0"
        host, length, coding = self.one(b"host"), self.one(b"content-length"), self.one(b"transfer-encoding")
        if line["method"] not in METHODS or (host is None and not old):
            raise No
        if host is not None and not re.fullmatch(HOST, host):
            raise No
        path, query = self.target(line["method"], line["target"])
        for name, value in self.fields:
            if name.lower() == b"expect" and value.lower() != b"100-continue":
                raise No
        body = b""
        if coding is not None:
            if old or length is not None or coding.lower() != b"chunked":
                raise No
            body = self.chunks()
        elif length is not None:
            if not re.fullmatch(rb"[0-9]+", length) or int(length) > BODY_MAX:
                raise No
            body = self.data[self.at:self.at + int(length)]
            self.at += int(length)
            if self.at > len(self.data):
                raise No
        if len(body) > BODY_MAX:
            raise No
        fields = "".join(f"{n.hex()}={v.hex()}," for n, v in self.fields)
        return f"done {self.at} {line['method'].decode()} {path.hex()} {query.hex()} {body.hex()} {fields}"


def http_second(data):
    try:
        return HttpReading(data).read()
    except No:
        return "no"


def http_texts(dice, more):
    yield from mutants(HTTP_TEXTS, HTTP_TOKENS, dice, more)
    for line in (b"GET", b"GET ", b"GET /", b"GET / ", b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b"GET / HTTP/1.1 ",
                 b" GET / HTTP/1.1", b"GET\t/ HTTP/1.1", b"GET / HTTP/01.1", b"GET / http/1.1", b"GET / HTTP/1.",
                 b"GET / HTTP/11.1", b"GET / HTTP/1,1", b"GET / HTTP /1.1", b"GET / HTTP/ 1.1", b"GET ? HTTP/1.1"):
        yield line + b"\r\nHost: x\r\n\r\n"
    for host in (b"x:80:80", b"[::1", b"::1]", b"[]", b"[::1]x", b"[::1]:", b"x:a", b"%41", b"%4", b"%zz", b"a b", b"a\tb",
                 b":80", b":", b"x:", b"[v1.a]", b"[x]", b"a@b", b"a/b", b"a?b", b"a,b", b"0.0.0.0=5000", b"h\xc3\xa4"):
        yield b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
        yield b"GET http://" + host + b"/ HTTP/1.1\r\nHost: x\r\n\r\n"
    for size in (b"", b"g", b"0x1", b"1 ", b" 1", b"+1", b"-1", b"1_", b"0" * 40 + b"1", b"f" * 16, b"f" * 17, b"1;",
                 b"1;a", b"1;a=", b"1;a=b", b'1;a="b"', b'1;a="b', b'1;a="b\\"', b"1;a=b;c", b"1;;a", b"1 ;a", b"1; a",
                 b"1;a =b", b"1;a= b", b"1\t", b"1;a\nb", b"1;a\rb", b"1;a\x00", b'1;a="\n"', b'1;a="b"c', b"1;a=b=c"):
        yield b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nx\r\n0\r\n\r\n"


def http_same(got, want):
    """What is no request here must be none there; whether it is refused or waited for is not looked at."""
    return got == want if want != "no" else got in ("bad", "more")


# --- event streams -----------------------------------------------------------------------------------

SSE_TOKENS = [b"data", b":", b" ", b"a", b"\r", b"\n", b"\r\n", b"\xef\xbb\xbf", b"event", b"\x00", b"id", b"retry:1"]
SSE_TEXTS = [b"\xef\xbb\xbfevent: x\ndata: a\r\ndata:b\rdata\n: c\nid: 1\x00\nretry: 5\n\ndata: \xe2\x82\xac\r\n\r\nevent\ndata\n\n"]


def sse_second(data):
    """HTML section 9.2.6, on bytes: what decoding would change, whoever reads the data refuses."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    lines = re.split(rb"\r\n|\r|\n", data)
    out, event, buffer = "", b"", b""
    for line in lines[:-1]:  # the last is not ended
        if line == b"":
            if buffer:
                out += event.hex() + ":" + buffer[:-1].hex() + ","
            event, buffer = b"", b""
            continue
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            buffer += value + b"\n"
        elif name == b"event":
            event = value
    return out


def sse_texts(dice, more):
    for n in range(5):
        for tokens in itertools.product(SSE_TOKENS, repeat=n):
            yield b"".join(tokens) + b"\n\n"
    for tokens in itertools.product(SSE_TOKENS, repeat=4):
        yield b"data: x" + b"".join(tokens)
    yield from mutants(SSE_TEXTS, SSE_TOKENS, dice, more)
    for _ in range(more):
        yield b"".join(dice.choices(SSE_TOKENS, k=dice.randrange(5, 30)))


# --- both ----------------------------------------------------------------------------------------------

def mutants(texts, tokens, dice, more):
    """Each text, with every byte as every other, left out, doubled, and every token put in everywhere; then drawn."""
    for text in texts:
        yield text
        for i in range(len(text) + 1):
            yield text[:i]
            yield text[:i] + text[i + 1:]
            for byte in range(256):
                yield text[:i] + bytes((byte,)) + text[i + 1:]
            for token in tokens:
                yield text[:i] + token + text[i:]
    for _ in range(more):
        text = dice.choice(texts)
        for _ in range(dice.randrange(2, 5)):
            i, j = sorted(dice.randrange(len(text) + 1) for _ in range(2))
            text = dice.choice((text[:i] + dice.choice(tokens) + text[i:],
                                text[:i] + dice.choice(tokens) + text[min(j, i + 4):],
                                text[:i] + text[min(j, i + 6):], text[:j] + text[i:j] + text[j:]))
        yield text


KINDS = {"json": (json_texts, json_second, json_same), "http": (http_texts, http_second, http_same),
         "sse": (sse_texts, sse_second, lambda got, want: got == want)}


def compare(program, kind, dice, more):
    texts, second, same = KINDS[kind]
    cases = list(dict.fromkeys(t for t in texts(dice, more) if len(t) < 1 << 16))
    stdin = b"".join(struct.pack("<I", len(t)) + t for t in cases)
    lines = subprocess.run([program, kind], input=stdin, capture_output=True, check=True).stdout.decode().split("\n")
    wrong = taken = 0
    for text, got in zip(cases, lines[:-1], strict=True):
        want = second(text)
        taken += want not in ("no", "")
        if not same(got, want):
            wrong += 1
            if wrong <= 20:
                print(f"{kind}: {text!r}\n  read as     {got}\n  second says {want}")
    print(f"{kind}: {len(cases)} texts, {taken} taken, {wrong} read differently")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("kinds", nargs="*", default=[])
    parser.add_argument("--more", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    o = parser.parse_args()
    print(f"seed {o.seed}")
    dice = random.Random(o.seed)
    sys.exit(1 if sum([compare(o.program, kind, dice, o.more) for kind in o.kinds or KINDS]) else 0)


if __name__ == "__main__":
    main()
