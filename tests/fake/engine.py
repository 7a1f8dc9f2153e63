#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A llama-server without a model, for tests: same options, same socket, same shapes.

What it answers is scripted by words in the prompt, how it starts by words in the model file
(README.md in this folder). It needs nothing but the standard library and runs inside the
confinement that local puts on the real engine.
"""
import base64
import http.server
import json
import os
import re
import select
import signal
import socket
import socketserver
import stat
import struct
import sys
import threading
import time

HELP = """usage: llama-server [options] (a stand-in for tests)
--host HOST  --port PORT  --model FNAME  --alias STRING  --ctx-size N  --parallel N
--threads N  --offline  --no-ui  --no-slots  --metrics  --sleep-idle-seconds N  --cache-ram N
--mmproj FILE  --embeddings  --pooling {none,mean,cls,last,rank}
"""
SWITCHES = {"--offline", "--no-ui", "--no-slots", "--metrics", "--embeddings"}

options = {}
stats = {"requests": 0, "counts": 0, "active": 0, "completed": 0, "cancelled": 0}
stats_lock = threading.Lock()
loaded = threading.Event()


def count(**changes):
    with stats_lock:
        for key, n in changes.items():
            stats[key] += n


def directives(text):
    """fake:NAME and fake:NAME=VALUE, as a dictionary; VALUE ends at white space."""
    found = {}
    for name, value in re.findall(r"fake:([a-z_]+)(?:=(\S+))?", text):
        found[name] = value or "1"
    return found


def text_of(message):
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content or ""


class Answer:
    """What one request is to get."""

    def __init__(self, body):
        texts = [text_of(m) for m in body.get("messages", [])]
        self.script = directives(" ".join(texts))
        # What only this side of a request is to do: fake:engine_delay_ms=5
        self.script.update({k[7:]: v for k, v in self.script.items() if k.startswith("engine_")})
        if "only_seed" in self.script and body.get("seed") != int(self.script["only_seed"]):
            for what in ("error", "error_after", "cut_after", "die_after", "cut"):
                self.script.pop(what, None)
        self.thoughts = self.script.get("thinks", "").replace("_", " ")
        plain = re.sub(r"\s*fake:\S+", "", texts[-1] if texts else "").strip()
        self.prompt_tokens = sum(len(t.split()) for t in texts) + 4
        if "tokens" in self.script:
            self.pieces = [f"t{i} " for i in range(int(self.script["tokens"]))]
        elif "hex" in self.script:
            text = bytes.fromhex(self.script["hex"]).decode()
            self.pieces = [*text[:8], *filter(None, [text[8:]])]
        elif "shape" in self.script:
            self.pieces = [json.dumps({k: v for k, v in body.items() if k != "messages"})]
        else:
            text = plain if "echo" in self.script else \
                self.script.get("says", "The capital of France is Paris.").replace("_", " ")
            self.pieces = re.findall(r"\s*\S+\s*$|\s*\S+", text) or [""]
        self.finish = "stop"
        limit = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        if 0 < limit < len(self.pieces):
            self.pieces = self.pieces[:limit]
            self.finish = "length"
        if "finish" in self.script:
            self.finish = self.script["finish"]
        self.delay = float(self.script.get("delay_ms", "0")) / 1000
        self.first_delay = float(self.script.get("first_delay_ms", "0")) / 1000
        self.logprobs = bool(body.get("logprobs")) and "no_logprobs" not in self.script
        self.logprob = float(self.script.get("logprob", "-0.1"))
        self.logprob_from = int(self.script.get("logprob_from", "0"))

    def usage(self):
        return {"completion_tokens": len(self.pieces), "prompt_tokens": self.prompt_tokens,
                "total_tokens": self.prompt_tokens + len(self.pieces),
                "prompt_tokens_details": {"cached_tokens": 0}}

    def timings(self):
        return {"cache_n": 0, "prompt_n": self.prompt_tokens, "predicted_n": len(self.pieces)}

    def logprobs_of(self, i):
        piece = self.pieces[i]
        row = {"id": 7, "token": piece, "bytes": list(piece.encode()),
               "logprob": self.logprob if i >= self.logprob_from else -0.01}
        return {"content": [dict(row, top_logprobs=[row])]}


def error(status, message, kind, **more):
    return status, {"error": {"code": status, "message": message, "type": kind, **more}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def log_message(self, *unused):
        pass

    def address_string(self):
        return "unix"

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Server", "llama.cpp")
        self.send_header("Access-Control-Allow-Origin", "")
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status >= 400:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Keep-Alive", "timeout=5, max=100")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/health" and "deaf" in options["script"] and loaded.is_set():
            time.sleep(3600)
        if self.path == "/fake/stats":
            with stats_lock:
                return self.reply(200, dict(stats, argv=sys.argv[1:], pid=os.getpid()))
        if not loaded.is_set():
            return self.reply(*error(503, "Loading model", "unavailable_error"))
        if self.path == "/health":
            return self.reply(200, {"status": "ok"})
        if self.path == "/props":
            return self.reply(200, {"default_generation_settings": {"n_ctx": options["n_ctx"]},
                                    "total_slots": options["parallel"],
                                    "model_alias": options["alias"], "is_sleeping": False})
        if self.path == "/v1/models":
            return self.reply(200, {"object": "list", "data": [
                {"id": options["alias"], "object": "model", "owned_by": "llamacpp",
                 "meta": {"n_ctx": options["n_ctx"], "n_ctx_train": options["n_ctx"]}}]})
        return self.reply(*error(404, "File Not Found", "not_found_error"))

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not loaded.is_set():
            return self.reply(*error(503, "Loading model", "unavailable_error"))
        try:
            body = json.loads(raw)
        except ValueError as problem:
            return self.reply(*error(500, str(problem), "server_error"))
        if self.path == "/v1/embeddings":
            return self.embeddings(body)
        parts = [p for m in body.get("messages", []) if isinstance(m.get("content"), list) for p in m["content"]]
        for kind in ("image", "audio"):
            if any(p["type"] in (kind + "_url", "input_" + kind) for p in parts) and \
                    not (kind == "image" and options["eyes"]):
                return self.reply(*error(500, kind + " input is not supported - hint: if this is unexpected, you "
                                         "may need to provide the mmproj", "server_error"))
        pictures = [p["image_url"]["url"] for p in parts if p["type"] == "image_url"]
        if any(not p.startswith("data:image/") for p in pictures):
            return self.reply(*error(400, "that would have to be fetched", "invalid_request_error"))
        answer = Answer(body)
        if "looks" in answer.script:
            answer.pieces = [f"{len(base64.b64decode(p.split(',', 1)[1]))} bytes " for p in pictures]
        if self.path == "/v1/chat/completions/input_tokens":
            count(counts=1)
            if "no_count" in options["script"]:
                return self.reply(*error(404, "File Not Found", "not_found_error"))
            return self.reply(200, {"input_tokens": answer.prompt_tokens,
                                    "object": "response.input_tokens"})
        if self.path != "/v1/chat/completions":
            return self.reply(*error(404, "File Not Found", "not_found_error"))
        if answer.prompt_tokens > options["n_ctx"]:
            return self.reply(*error(
                400, f"request ({answer.prompt_tokens} tokens) exceeds the available context size "
                f"({options['n_ctx']} tokens), try increasing it", "exceed_context_size_error",
                n_prompt_tokens=answer.prompt_tokens, n_ctx=options["n_ctx"]))
        if body.get("logprobs") and body.get("tools") and body.get("stream"):
            return self.reply(*error(400, "logprobs is not supported with tools + stream",
                                     "invalid_request_error"))
        return self.chat(body, answer)

    def embeddings(self, body):
        """Eight numbers from the text's digest; never in order, to see who looks at the index."""
        import hashlib  # most starts never need it
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        script = directives(" ".join(texts))
        count(requests=1)
        if not options["embeddings"] or "no_embeddings" in script:
            return self.reply(*error(501, "This server does not support embeddings. Start it with "
                                     "`--embeddings`", "not_supported_error"))
        if any(len(t.split()) > 512 for t in texts):
            return self.reply(*error(500, "input (513 tokens) is too large to process. increase the "
                                     "physical batch size (current batch size: 512)", "server_error"))
        if "error" in script:
            return self.reply(*error(int(script["error"]), "scripted failure", "server_error"))
        rows = []
        for i, text in enumerate(texts):
            raw = hashlib.sha256(text.encode()).digest()[:8]
            values = [(b - 128) / 128 for b in raw]
            rows.append({"object": "embedding", "index": i, "embedding":
                         base64.b64encode(struct.pack("<8f", *values)).decode()
                         if body.get("encoding_format") == "base64" else values})
        tokens = sum(len(t.split()) for t in texts)
        count(completed=1)
        return self.reply(200, {"object": "list", "data": rows[::-1], "model": options["alias"],
                                "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})

    def chat(self, body, answer):
        count(requests=1, active=1)
        try:
            if "error" in answer.script:
                self.reply(*error(int(answer.script["error"]) if answer.script["error"] != "1"
                                  else 500, "scripted failure", "server_error"))
            elif body.get("stream"):
                self.stream(body, answer)
            else:
                self.whole(answer)
            count(completed=1)
        except OSError:
            count(cancelled=1)
            self.close_connection = True
        finally:
            count(active=-1)

    def frame(self, kind, choices, **more):
        return {"choices": choices, "created": int(time.time()), "id": "chatcmpl-fake",
                "model": options["alias"], "system_fingerprint": "b1-fake",
                "object": kind, **more}

    def whole(self, answer):
        time.sleep(answer.first_delay)
        for i in range(len(answer.pieces)):
            self.misbehave(answer, i)
            time.sleep(answer.delay)
            self.stop_when_left()
        message = {"role": "assistant", "content": "".join(answer.pieces)}
        if answer.thoughts:
            message["reasoning_content"] = answer.thoughts
        choice = {"finish_reason": answer.finish, "index": 0, "message": message}
        if "tool" in answer.script:
            choice["finish_reason"] = "tool_calls"
            message["content"] = None
            message["tool_calls"] = [self.tool(answer)]
        if answer.logprobs:
            choice["logprobs"] = {"content": [answer.logprobs_of(i)["content"][0]
                                              for i in range(len(answer.pieces))]}
        self.reply(200, self.frame("chat.completion", [choice], usage=answer.usage(),
                                   timings=answer.timings()))

    def stop_when_left(self):
        """llama-server looks between tokens whether its client is still there."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        if readable and self.connection.recv(1, socket.MSG_PEEK) == b"":
            raise OSError("the client left")

    def tool(self, answer):
        return {"id": "call_fake", "type": "function",
                "function": {"name": answer.script["tool"], "arguments": "{\"city\":\"Paris\"}"}}

    def misbehave(self, answer, i):
        if i == int(answer.script.get("die_after", "-1")):
            os.kill(os.getpid(), signal.SIGKILL)
        if i == int(answer.script.get("hang_after", "-1")):
            time.sleep(3600)
        if i == int(answer.script.get("cut_after", "-1")):
            raise OSError("cut")

    def event(self, text):
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def chunk(self, choices, **more):
        self.event("data: " + json.dumps(self.frame("chat.completion.chunk", choices, **more))
                   + "\n\n")

    def stream(self, body, answer):
        time.sleep(answer.first_delay)
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "")
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.chunk([{"finish_reason": None, "index": 0,
                     "delta": {"role": "assistant", "content": None}}])
        for piece in re.findall(r"\S+\s*", answer.thoughts):
            self.chunk([{"finish_reason": None, "index": 0, "delta": {"reasoning_content": piece}}])
        for i, piece in enumerate(answer.pieces):
            self.misbehave(answer, i)
            if i == int(answer.script.get("error_after", "-1")):
                self.event("error: " + json.dumps({"code": 500, "message": "scripted failure",
                                                   "type": "server_error"}) + "\n\n")
                self.wfile.write(b"0\r\n\r\n")
                return
            choice = {"finish_reason": None, "index": 0, "delta": {"content": piece}}
            if answer.logprobs:
                choice["logprobs"] = answer.logprobs_of(i)
            if "comment" in answer.script:
                self.event(":\n\n")
            self.chunk([choice])
            time.sleep(answer.delay)
        if "cut" in answer.script:
            # A clean end of the body without the end of the stream.
            self.wfile.write(b"0\r\n\r\n")
            return
        if "tool" in answer.script:
            self.chunk([{"finish_reason": None, "index": 0,
                         "delta": {"tool_calls": [dict(self.tool(answer), index=0)]}}])
            answer.finish = "tool_calls"
        self.chunk([{"finish_reason": answer.finish, "index": 0, "delta": {}}])
        if (body.get("stream_options") or {}).get("include_usage"):
            self.chunk([], usage=answer.usage(), timings=answer.timings())
        self.event("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that hung up


def read_options(argv):
    raw = {}
    i = 0
    while i < len(argv):
        if argv[i] in SWITCHES:
            raw[argv[i]] = True
            i += 1
        elif argv[i].startswith("--") and argv[i] in HELP and i + 1 < len(argv):
            raw[argv[i]] = argv[i + 1]
            i += 2
        else:
            sys.exit(f"error: invalid argument: {argv[i]}")
    return raw


def main():
    if "--help" in sys.argv:
        print(HELP)
        return
    if "--version" in sys.argv:
        print("version: 0.0.0 (fake)")
        return
    raw = read_options(sys.argv[1:])
    with open(raw["--model"], "rb") as model:
        script = directives(model.read(65536).decode("latin-1"))
    ctx = int(raw.get("--ctx-size", "2048"))
    if "--mmproj" in raw:
        with open(raw["--mmproj"], "rb") as projector:
            projector.read(1)
    options.update(eyes="--mmproj" in raw, script=script, alias=raw.get("--alias", "fake"),
                   embeddings="--embeddings" in raw, parallel=int(raw.get("--parallel", "1")),
                   n_ctx=int(script.get("n_ctx", ctx)))
    if "die_at_start" in script:
        sys.exit("llama_model_load: error: scripted failure to load")
    if os.path.exists(raw["--host"]):
        sys.exit("couldn't bind HTTP server socket")
    server = Server(raw["--host"], Handler)
    if stat.S_IMODE(os.stat(raw["--host"]).st_mode) & 0o077:
        sys.exit("error: the socket is open to others")

    def load():
        time.sleep(float(script.get("load_ms", "0")) / 1000)
        if "die_loading" in script:
            print("error: scripted failure while loading", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        loaded.set()

    threading.Thread(target=load, daemon=True).start()
    print("fake engine: listening", file=sys.stderr, flush=True)
    server.serve_forever()


main()
