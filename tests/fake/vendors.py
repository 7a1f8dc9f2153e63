# SPDX-License-Identifier: Apache-2.0
"""How each vendor says what the fake provider answers: request paths, chunks, ends, errors, as published.

Every class has: texts(body), streams(target, body); error(status, code); head(), text(t), call(name, parts),
end(finish), done(), failure() for a stream; whole(text, call, finish) for a plain reply. Lists of bytes are
chunks in order. `finish` is stop, length, tool_calls or content_filter.
"""
import json

USAGE = {"input": 9, "output": 7, "cached": 4}
CALL_ID = "call_a"
CANARY = "CANARY of the provider"


def data(value, event=None):
    line = f"event: {event}\n".encode() if event else b""
    return line + b"data: " + json.dumps(value).encode() + b"\n\n"


class OpenAI:
    """Chat completions, api.openai.com."""
    content_type = "text/event-stream"
    head_fields = {"id": "chatcmpl-fake", "created": 1, "model": "fake-cloud"}
    usage = {"prompt_tokens": USAGE["input"], "completion_tokens": USAGE["output"], "total_tokens": 16,
             "prompt_tokens_details": {"cached_tokens": USAGE["cached"]}}

    def texts(self, body):
        for message in body.get("messages", []):
            content = message.get("content")
            if isinstance(content, list):
                content = " ".join(p.get("text", "") for p in content)
            yield content or ""

    def streams(self, target, body):
        return bool(body.get("stream"))

    def error(self, status, code):
        return {"error": {"message": CANARY, "type": "x", "code": code or "some_code"}}

    def event(self, **fields):
        return data({**self.head_fields, "object": "chat.completion.chunk", **fields})

    def delta(self, fields, finish=None):
        return self.event(choices=[{"index": 0, "delta": fields, "finish_reason": finish}])

    def head(self):
        return [self.delta({"role": "assistant", "content": ""})]

    def text(self, t):
        return self.delta({"content": t})

    def call(self, name, parts):
        first = {"index": 0, "id": CALL_ID, "type": "function", "function": {"name": name, "arguments": ""}}
        return [self.delta({"tool_calls": [first]})] + \
            [self.delta({"tool_calls": [{"index": 0, "function": {"arguments": p}}]}) for p in parts]

    def end(self, finish):
        return [self.delta({}, finish), self.event(choices=[], usage=self.usage)]

    def done(self):
        return [b"data: [DONE]\n\n"]

    def failure(self):
        return data({"error": {"message": CANARY, "code": 503}})

    def whole(self, text, call, finish):
        message = {"role": "assistant", "content": text, "refusal": None}
        if call:
            message["tool_calls"] = [{"id": CALL_ID, "type": "function", "function": {
                "name": call[0], "arguments": call[1]}}]
        return {**self.head_fields, "object": "chat.completion", "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}], "usage": self.usage}


class Azure(OpenAI):
    """What the filter thinks of the prompt comes first, with no choice."""

    def head(self):
        filters = {"hate": {"filtered": False, "severity": "safe"}}
        return [data({**self.head_fields, "object": "", "choices": [], "prompt_filter_results": [
            {"prompt_index": 0, "content_filter_results": filters}]})] + super().head()

    def delta(self, fields, finish=None):
        return self.event(choices=[{"index": 0, "delta": fields, "finish_reason": finish,
                                    "content_filter_results": {}}])

    def error(self, status, code):
        return {"error": {"message": CANARY, "type": None, "param": "prompt", "code": code or "x", "status": status,
                          "innererror": {"code": "ResponsibleAIPolicyViolation"}}}


class Mistral(OpenAI):
    """Usage comes with the last chunk; calls come whole."""
    usage = {"prompt_tokens": USAGE["input"], "completion_tokens": USAGE["output"], "total_tokens": 16,
             "prompt_tokens_details": {"cached_tokens": USAGE["cached"]}}

    def call(self, name, parts):
        whole = {"id": CALL_ID, "index": 0, "function": {"name": name, "arguments": "".join(parts)}}
        return [self.delta({"content": "", "tool_calls": [whole]})]

    def end(self, finish):
        word = {"length": "model_length"}.get(finish, finish)
        return [self.event(choices=[{"index": 0, "delta": {"content": ""}, "finish_reason": word}],
                           usage=self.usage)]

    def error(self, status, code):
        return {"object": "error", "message": CANARY, "type": "invalid_request_error", "param": None,
                "code": code or "1500"}


class OpenRouter(OpenAI):
    """Comments while it looks for a vendor; an error inside the stream is a chunk of its own kind."""

    def head(self):
        return [b": OPENROUTER PROCESSING\n\n", b": OPENROUTER PROCESSING\n\n"] + super().head()

    def failure(self):
        return self.event(provider="x", error={"code": "server_error", "message": CANARY},
                          choices=[{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}])

    def error(self, status, code):
        return {"error": {"code": status, "message": CANARY, "metadata": {"provider_name": "x"}}}


class DeepSeek(OpenAI):
    """Thinks aloud first; counts its cache in words of its own."""
    usage = {"prompt_tokens": USAGE["input"], "completion_tokens": USAGE["output"], "total_tokens": 16,
             "prompt_cache_hit_tokens": USAGE["cached"], "prompt_cache_miss_tokens": 5,
             "prompt_tokens_details": {"cached_tokens": USAGE["cached"]}}

    def head(self):
        return [self.delta({"role": "assistant", "content": None, "reasoning_content": ""}),
                self.delta({"content": None, "reasoning_content": "Hm."})]

    def end(self, finish):
        return [self.event(choices=[{"index": 0, "delta": {"content": ""}, "finish_reason": finish}],
                           usage=self.usage)]


class XAI(OpenAI):
    """No finish_reason key before the end; the role in every chunk; a call in one piece."""

    def delta(self, fields, finish=None):
        choice = {"index": 0, "delta": {"role": "assistant", **fields}}
        if finish:
            choice["finish_reason"] = finish
        return self.event(choices=[choice])

    def call(self, name, parts):
        return [self.delta({"tool_calls": [{"index": 0, "id": CALL_ID, "type": "function", "function": {
            "name": name, "arguments": "".join(parts)}}]})]


class Responses(OpenAI):
    """Responses, api.openai.com."""
    usage = {"input_tokens": USAGE["input"], "input_tokens_details": {"cached_tokens": USAGE["cached"]},
             "output_tokens": USAGE["output"], "output_tokens_details": {"reasoning_tokens": 0},
             "total_tokens": 16}

    def __init__(self):
        self.n = -1

    def texts(self, body):
        for item in body.get("input", []):
            for part in item.get("content", []):
                yield part.get("text", "")

    def event(self, kind, **fields):
        self.n += 1
        return data({"type": kind, "sequence_number": self.n, **fields}, kind)

    def response(self, status, output=(), **more):
        return {"id": "resp_fake", "object": "response", "created_at": 1, "status": status, "error": None,
                "incomplete_details": None, "instructions": None, "model": "fake-cloud", "tools": [],
                "output": list(output), "parallel_tool_calls": True, "metadata": {}, "tool_choice": "auto",
                "temperature": 1, "top_p": 1, **more}

    def head(self):
        return [self.event("response.created", response=self.response("in_progress")),
                self.event("response.in_progress", response=self.response("in_progress")),
                self.event("response.output_item.added", output_index=0, item={
                    "id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant",
                    "content": []}),
                self.event("response.content_part.added", item_id="msg_1", output_index=0, content_index=0,
                           part={"type": "output_text", "text": "", "annotations": [], "logprobs": []})]

    def text(self, t):
        return self.event("response.output_text.delta", item_id="msg_1", output_index=0, content_index=0,
                          delta=t, logprobs=[])

    def call(self, name, parts):
        item = {"id": "fc_1", "type": "function_call", "status": "in_progress", "call_id": CALL_ID,
                "name": name, "arguments": ""}
        whole = "".join(parts)
        return [self.event("response.output_item.added", output_index=1, item=item)] + \
            [self.event("response.function_call_arguments.delta", item_id="fc_1", output_index=1, delta=p)
             for p in parts] + \
            [self.event("response.function_call_arguments.done", item_id="fc_1", output_index=1, name=name,
                        arguments=whole),
             self.event("response.output_item.done", output_index=1, item={
                 **item, "status": "completed", "arguments": whole})]

    def last(self, finish, output=()):
        reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
        if finish in reasons:
            return self.response("incomplete", output, usage=self.usage,
                                 incomplete_details={"reason": reasons[finish]})
        return self.response("completed", output, usage=self.usage)

    def end(self, finish):
        last = self.last(finish)
        return [self.event("response." + last["status"], response=last)]

    def done(self):
        return []

    def failure(self):
        return self.event("error", code="server_error", message=CANARY, param=None) + \
            self.event("response.failed", response=self.response("failed", error={
                "code": "server_error", "message": CANARY}))

    def whole(self, text, call, finish):
        output = [{"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": text, "annotations": []}]}]
        if call:
            output.append({"id": "fc_1", "type": "function_call", "status": "completed", "call_id": CALL_ID,
                           "name": call[0], "arguments": call[1]})
        return self.last(finish, output)


class Anthropic(OpenAI):
    """Messages, api.anthropic.com. What came from the cache is not in input_tokens."""
    words = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
    usage = {"input_tokens": USAGE["input"] - USAGE["cached"], "cache_creation_input_tokens": 0,
             "cache_read_input_tokens": USAGE["cached"]}

    def texts(self, body):
        for message in body.get("messages", []):
            content = message.get("content")
            yield content if isinstance(content, str) else " ".join(p.get("text", "") for p in content)

    def error(self, status, code):
        return {"type": "error", "error": {"type": code or "api_error", "message": CANARY}, "request_id": "r"}

    def event(self, kind, **fields):
        return data({"type": kind, **fields}, kind)

    def message(self, content, stop, output):
        return {"id": "msg_fake", "type": "message", "role": "assistant", "model": "fake-cloud",
                "content": content, "stop_reason": stop, "stop_sequence": None,
                "usage": {**self.usage, "output_tokens": output}}

    def head(self):
        return [self.event("message_start", message=self.message([], None, 1)),
                self.event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
                self.event("ping")]

    def text(self, t):
        return self.event("content_block_delta", index=0, delta={"type": "text_delta", "text": t})

    def call(self, name, parts):
        return [self.event("content_block_stop", index=0),
                self.event("content_block_start", index=1, content_block={
                    "type": "tool_use", "id": CALL_ID, "name": name, "input": {}})] + \
            [self.event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": p})
             for p in parts]

    def end(self, finish):
        return [self.event("content_block_stop", index=1 if finish == "tool_calls" else 0),
                self.event("message_delta", delta={"stop_reason": self.words[finish], "stop_sequence": None},
                           usage={"output_tokens": USAGE["output"]})]

    def done(self):
        return [self.event("message_stop")]

    def failure(self):
        return self.event("error", error={"type": "overloaded_error", "message": CANARY})

    def whole(self, text, call, finish):
        content = [{"type": "text", "text": text}]
        if call:
            content.append({"type": "tool_use", "id": CALL_ID, "name": call[0], "input": json.loads(call[1])})
        return self.message(content, self.words[finish], USAGE["output"])


class Gemini(OpenAI):
    """generateContent, generativelanguage.googleapis.com. The body's end is the stream's end."""
    words = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
    counts = {"promptTokenCount": USAGE["input"], "candidatesTokenCount": USAGE["output"],
              "cachedContentTokenCount": USAGE["cached"], "totalTokenCount": 16}

    def texts(self, body):
        for turn in body.get("contents", []):
            for part in turn["parts"]:
                yield part.get("text", "")

    def streams(self, target, body):
        return ":streamGenerateContent" in target

    def error(self, status, code):
        return {"error": {"code": status, "message": CANARY, "status": code or "INTERNAL"}}

    def chunk(self, parts, finish=None):
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        if finish:
            candidate["finishReason"] = self.words[finish]
        return {"candidates": [candidate], "usageMetadata": self.counts, "modelVersion": "fake-cloud",
                "responseId": "r"}

    def head(self):
        return []

    def text(self, t):
        return data(self.chunk([{"text": t}]))

    def call(self, name, parts):
        return [data(self.chunk([{"functionCall": {"name": name, "args": json.loads("".join(parts))}}]))]

    def end(self, finish):
        return [data(self.chunk([{"text": ""}], finish))]

    def done(self):
        return []

    def failure(self):
        return data(self.error(503, "UNAVAILABLE"))

    def whole(self, text, call, finish):
        parts = [{"text": text}]
        if call:
            parts.append({"functionCall": {"name": call[0], "args": json.loads(call[1])}})
        return self.chunk(parts, finish)


class Ollama(OpenAI):
    """/api/chat: one object a line. It has no word for calls or filters, and counts no cache."""
    content_type = "application/x-ndjson"

    def streams(self, target, body):
        return body.get("stream", True)

    def error(self, status, code):
        return {"error": CANARY}

    def line(self, content, **more):
        message = {"role": "assistant", "content": content, **more.pop("message", {})}
        return json.dumps({"model": "fake-cloud", "created_at": "2026-01-01T00:00:00Z", "message": message,
                           "done": False, **more}).encode() + b"\n"

    def head(self):
        return []

    def text(self, t):
        return self.line(t)

    def call(self, name, parts):
        return [self.line("", message={"tool_calls": [
            {"function": {"name": name, "arguments": json.loads("".join(parts))}}]})]

    def last(self, finish):
        return {"done": True, "done_reason": "length" if finish == "length" else "stop", "total_duration": 9,
                "load_duration": 1, "prompt_eval_count": USAGE["input"], "prompt_eval_duration": 3,
                "eval_count": USAGE["output"], "eval_duration": 5}

    def end(self, finish):
        return [self.line("", **self.last(finish))]

    def done(self):
        return []

    def failure(self):
        return json.dumps({"error": CANARY}).encode() + b"\n"

    def whole(self, text, call, finish):
        message = {}
        if call:
            message["tool_calls"] = [{"function": {"name": call[0], "arguments": json.loads(call[1])}}]
        return json.loads(self.line(text, message=message, **self.last(finish)))


WIRES = {"openai": OpenAI, "openai-responses": Responses, "anthropic": Anthropic, "gemini": Gemini,
         "azure-openai": Azure, "mistral": Mistral, "openrouter": OpenRouter, "deepseek": DeepSeek, "xai": XAI,
         "ollama": Ollama}
