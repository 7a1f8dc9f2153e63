# SPDX-License-Identifier: Apache-2.0
"""Other people's engines on 127.0.0.1: each answers what its kind answers, and has its quirks.

    with Engine("ollama") as e: ... e.url, e.requests, e.chats

Words in a message script the answer: fake:tokens=N, fake:cut_after=N (the connection breaks),
fake:error_after=N (an error inside a 200), fake:comment (a line of comment before each piece),
fake:tool=NAME (the first delta holds the whole call), fake:args_object (its arguments as an object),
fake:drop (the kept connection is closed instead of answered), fake:late_error (a 200 whose first event is an
error).
"""
import http.server
import json
import re
import socket
import socketserver
import sys
import threading

ANSWER = "The capital of France is Paris."
MODELS = {
    "llama-server": {"/health": {"status": "ok"},
                     "/v1/models": {"object": "list", "data": [{"id": "tiny", "owned_by": "llamacpp",
                                                                "meta": {"n_ctx_train": 32768}}]},
                     "/props": {"default_generation_settings": {"n_ctx": 4096}}},
    "ollama": {"/api/version": {"version": "0.13.0"}, "/api/status": {"cloud": {"disabled": True, "source": "env"}},
               "/api/tags": {"models": [{"name": "big:cloud", "remote_host": "https://ollama.com:443"},
                                        {"name": "llama3.2:latest"}]},
               "/api/ps": {"models": [{"name": "llama3.2:latest", "context_length": 4096}]},
               "/v1/models": {"object": "list", "data": [{"id": "llama3.2:latest", "owned_by": "library"}]}},
    "lm-studio": {"/v1/models": {"data": [{"id": "qwen", "owned_by": "organization_owner"}]},
                  "/api/v0/models": {"object": "list", "data": [
                      {"id": "nomic", "type": "embeddings", "state": "loaded", "max_context_length": 2048},
                      {"id": "qwen", "type": "llm", "state": "loaded", "max_context_length": 32768,
                       "loaded_context_length": 4096}]}},
    "lemonade": {"/v1/models": {"data": [{"id": "openai.gpt", "owned_by": "lemonade"},
                                         {"id": "Qwen3", "owned_by": "lemonade"}]},
                 "/api/v1/health": {"status": "ok", "version": "9.1", "model_loaded": "Qwen3"}},
    "vllm": {"/health": None, "/version": {"version": "0.11.0"},
             "/v1/models": {"data": [{"id": "org/model", "owned_by": "vllm", "max_model_len": 8192}]}},
    "mlc": {"/v1/models": {"data": [{"id": "HF://mlc-ai/x", "owned_by": "MLC-LLM"}]}},
    "litert": {"/v1/models": {"data": [{"id": "gemma.litertlm,cpu,4096"}]}},
    "foundry": {"/openai/status": {"modelDirPath": "/x"},
                "/v1/models": {"data": [{"id": "phi", "owned_by": "Microsoft", "maxInputTokens": 4096}]}},
    "openai": {"/v1/models": {"data": [{"id": "m", "context_length": 2048}]}},
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def reply(self, status, value):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def allowed(self):
        """Ollama refuses names it does not know (DNS rebinding)."""
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        return host in ("127.0.0.1", "localhost", "[::1]")

    def do_GET(self):
        e = self.server.engine
        e.requests.append("GET " + self.path)
        if not self.allowed():
            return self.reply(403, None)
        if e.loading:
            return self.reply(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
        if self.path == "/" and e.kind == "ollama":
            return self.reply(200, "Ollama is running")
        if self.path not in e.answers:
            return self.reply(404, {"error": "404 page not found"})
        self.reply(200, e.answers[self.path])

    def do_POST(self):
        e = self.server.engine
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        e.requests.append("POST " + self.path)
        text = json.dumps(body.get("messages"))
        script = dict((w.partition("=")[::2]) for w in re.findall(r"fake:(\w+(?:=[\w.-]+)?)", text))
        if "drop" in script and e.answered:
            e.answered = 0
            self.close_connection = True
            return
        if self.path not in ("/api/chat", "/v1/chat/completions") or \
                (self.path == "/api/chat") != (e.kind == "ollama"):
            return self.reply(404, {"error": "404 page not found"})
        e.chats.append(body)
        e.answered += 1
        if body["model"] not in e.names():
            return self.reply(404, {"error": f"model '{body['model']}' not found"})
        if e.kind == "ollama":
            limit = body.get("options", {}).get("num_ctx", 4096)
            if len(text) // 4 > limit:
                if body.get("truncate", True):
                    text = text[-4 * limit:]  # what makes people furious
                else:
                    return self.reply(400, {"error": "the input length exceeds the context length"})
        self.answer(body, script)

    def pieces(self, script):
        return [f"t{i} " for i in range(int(script["tokens"]))] if "tokens" in script else re.findall(r"\S+\s*", ANSWER)

    def frame(self, data):
        data = data.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def answer(self, body, script):
        ollama = self.server.engine.kind == "ollama"
        stream = body.get("stream", ollama)
        if not stream:
            text = "".join(self.pieces(script))
            return self.reply(200, {"model": body["model"], "message": {"role": "assistant", "content": text},
                                    "done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 7}
                              if ollama else
                              {"id": "x", "object": "chat.completion", "model": body["model"],
                               "choices": [{"index": 0, "finish_reason": "stop",
                                            "message": {"role": "assistant", "content": text}}],
                               "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}})
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson" if ollama else "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        say = self.say_ollama if ollama else self.say_openai
        if "late_error" in script:
            self.error(ollama)
            return self.wfile.write(b"0\r\n\r\n")
        if "tool" in script:
            self.tool(ollama, script)
        else:
            for i, piece in enumerate(self.pieces(script)):
                if i == int(script.get("cut_after", "-1")):
                    self.close_connection = True
                    return self.connection.close()
                if i == int(script.get("error_after", "-1")):
                    self.error(ollama)
                    return self.wfile.write(b"0\r\n\r\n")
                if "comment" in script and not ollama:
                    self.frame(": keep-alive\n\n")
                say(piece)
        self.end(ollama, "tool_calls" if "tool" in script else "stop")
        self.wfile.write(b"0\r\n\r\n")

    def error(self, ollama):
        self.frame('{"error":"scripted"}\n' if ollama else
                   'data: {"error":{"message":"scripted","type":"server_error","code":500}}\n\n')

    def say_ollama(self, text):
        self.frame(json.dumps({"model": "x", "created_at": "2026-01-01T00:00:00Z",
                               "message": {"role": "assistant", "content": text}, "done": False}) + "\n")

    def say_openai(self, text):
        self.choice({"role": "assistant", "content": text})

    def choice(self, delta, finish=None):
        self.frame("data: " + json.dumps({"id": "x", "object": "chat.completion.chunk", "model": "x",
                                          "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}) + "\n\n")

    def tool(self, ollama, script):
        call = {"name": script["tool"], "arguments": {"city": "Paris"}}
        if ollama:
            return self.frame(json.dumps({"model": "x", "message": {"role": "assistant", "content": "", "tool_calls": [
                {"function": call}]}, "done": False}) + "\n")
        if "args_object" not in script:
            call["arguments"] = json.dumps(call["arguments"])
        self.choice({"role": "assistant", "content": None,
                     "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": call}]})

    def end(self, ollama, finish):
        if ollama:
            self.frame(json.dumps({"model": "x", "message": {"role": "assistant", "content": ""}, "done": True,
                                   "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 7}) + "\n")
        else:
            self.choice({}, finish)
            self.frame("data: [DONE]\n\n")


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass

    def get_request(self):
        connection, address = super().get_request()
        self.engine.connections.append(connection)
        return connection, address


class Engine:
    def __init__(self, kind, host="127.0.0.1", port=0):
        self.kind = kind
        self.answers = json.loads(json.dumps(MODELS[kind]))
        self.requests, self.chats, self.connections = [], [], []
        self.loading, self.answered = False, 0
        self.server = Server((host, port), Handler)
        self.server.engine = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def names(self):
        if self.kind == "ollama":
            return [m["name"] for m in self.answers["/api/tags"]["models"]]
        return [m["id"] for m in self.answers["/v1/models"]["data"]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for c in self.connections:  # a process that ends takes them with it
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


if __name__ == "__main__":
    with Engine(sys.argv[1], port=int(sys.argv[2]) if len(sys.argv) > 2 else 0) as engine:
        print(engine.url, flush=True)
        threading.Event().wait()
