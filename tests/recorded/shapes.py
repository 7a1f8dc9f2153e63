# SPDX-License-Identifier: Apache-2.0
"""Every body and event that we emit has the shape its API publishes: required fields, types, words, order.

shapes.py TEST_RECORDED

Reads what `TEST_RECORDED --print` prints: all recordings to all client dialects, streamed and whole, whole and cut,
and error bodies of every status. With HITHER_OPENAPI=FILE (OpenAI's openapi.yaml) they are held against that
document as well; that needs the modules yaml and jsonschema, and is skipped with a word when they are missing.
"""
import collections
import json
import os
import subprocess
import sys


class Wrong(Exception):
    pass


def need(condition, *what):
    if not condition:
        raise Wrong(" ".join(map(str, what)))


# --- shapes: a type, a word, a list of one shape, a dict ("?" optional), a tuple (any of) ----------------------

def fits(shape, value, at="$"):
    if isinstance(shape, tuple):
        problems = []
        for one in shape:
            try:
                return fits(one, value, at)
            except Wrong as e:
                problems.append(str(e))
        raise Wrong(" | ".join(problems))
    if isinstance(shape, dict):
        need(isinstance(value, dict), at, "is no object")
        for key, part in shape.items():
            name = key.lstrip("?")
            if name in value:
                fits(part, value[name], f"{at}.{name}")
            else:
                need(key.startswith("?"), f"{at}.{name}", "is missing")
    elif isinstance(shape, list):
        need(isinstance(value, list), at, "is no list")
        for i, one in enumerate(value):
            fits(shape[0], one, f"{at}[{i}]")
    elif isinstance(shape, type):
        need(isinstance(value, shape) and (shape is bool or not isinstance(value, bool)), at, "is", repr(value),
             "not", shape.__name__)
    elif callable(shape):
        need(shape(value), at, "is", repr(value))
    else:
        need(value == shape and type(value) is type(shape), at, "is", repr(value), "not", repr(shape))
    return value


def count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def json_object(text):
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except ValueError:
        return False


OPENAI_ERROR = {"error": {"message": str, "type": str, "param": (str, None), "code": (str, None)}}
USAGE = {"prompt_tokens": count, "completion_tokens": count, "total_tokens": count,
         "?prompt_tokens_details": {"?cached_tokens": count},
         "?completion_tokens_details": {"?reasoning_tokens": count}}
ENDS = ("stop", "length", "tool_calls", "content_filter", "function_call")
CALL = {"id": str, "type": "function", "function": {"name": str, "arguments": json_object}}
CALL_PART = {"index": count, "?id": str, "?type": "function", "?function": {"?name": str, "?arguments": str}}
CHAT = {"id": str, "object": "chat.completion", "created": count, "model": str, "choices": [
    {"index": count, "message": {"role": "assistant", "content": (str, None), "refusal": (str, None),
                                 "?tool_calls": [CALL]}, "logprobs": (dict, None), "finish_reason": ENDS}],
    "?usage": USAGE}
CHUNK = {"id": str, "object": "chat.completion.chunk", "created": count, "model": str, "choices": [
    {"index": count, "delta": {"?role": "assistant", "?content": (str, None), "?refusal": (str, None),
                               "?tool_calls": [CALL_PART]}, "finish_reason": (*ENDS, None)}],
    "?usage": (USAGE, None), "?system_fingerprint": str}
COMPLETION_CHOICE = {"index": count, "text": str, "logprobs": (dict, None), "finish_reason":
                     ("stop", "length", "content_filter")}
COMPLETION = {"id": str, "object": "text_completion", "created": count, "model": str, "choices": [COMPLETION_CHOICE],
              "?usage": USAGE}
COMPLETION_CHUNK = {**COMPLETION, "choices": [{**COMPLETION_CHOICE, "finish_reason":
                                               ("stop", "length", "content_filter", None)}], "?usage": (USAGE, None)}

PART = ({"type": "output_text", "text": str, "annotations": [dict], "?logprobs": [dict]},
        {"type": "refusal", "refusal": str})
STATUS = ("in_progress", "completed", "incomplete")
ITEM = ({"id": str, "type": "message", "status": STATUS, "role": "assistant", "content": [PART]},
        {"id": str, "type": "function_call", "?status": STATUS, "call_id": str, "name": str, "arguments": str},
        {"id": str, "type": "reasoning", "summary": [{"type": "summary_text", "text": str}],
         "?content": [{"type": "reasoning_text", "text": str}]})
RESPONSE_USAGE = {"input_tokens": count, "input_tokens_details": {"cached_tokens": count}, "output_tokens": count,
                  "output_tokens_details": {"reasoning_tokens": count}, "total_tokens": count}
RESPONSE = {"id": str, "object": "response", "created_at": count,
            "status": ("completed", "failed", "in_progress", "cancelled", "queued", "incomplete"),
            "error": ({"code": str, "message": str}, None),
            "incomplete_details": ({"reason": ("max_output_tokens", "content_filter")}, None),
            "instructions": (str, list, None), "model": str, "tools": [dict], "output": [ITEM],
            "parallel_tool_calls": bool, "metadata": (dict, None), "tool_choice": (str, dict),
            "temperature": (int, float, None), "top_p": (int, float, None), "?store": False,
            "?usage": (RESPONSE_USAGE, None)}
AT = {"item_id": str, "output_index": count}
EVENTS = {
    "response.created": {"response": RESPONSE}, "response.in_progress": {"response": RESPONSE},
    "response.completed": {"response": RESPONSE}, "response.incomplete": {"response": RESPONSE},
    "response.failed": {"response": RESPONSE},
    "response.output_item.added": {"output_index": count, "item": ITEM},
    "response.output_item.done": {"output_index": count, "item": ITEM},
    "response.content_part.added": {**AT, "content_index": count, "part": (*PART, {"type": "reasoning_text",
                                                                                  "text": str})},
    "response.content_part.done": {**AT, "content_index": count, "part": (*PART, {"type": "reasoning_text",
                                                                                 "text": str})},
    "response.output_text.delta": {**AT, "content_index": count, "delta": str, "logprobs": list},
    "response.output_text.done": {**AT, "content_index": count, "text": str, "logprobs": list},
    "response.refusal.delta": {**AT, "content_index": count, "delta": str},
    "response.refusal.done": {**AT, "content_index": count, "refusal": str},
    "response.reasoning_text.delta": {**AT, "content_index": count, "delta": str},
    "response.reasoning_text.done": {**AT, "content_index": count, "text": str},
    "response.function_call_arguments.delta": {**AT, "delta": str},
    "response.function_call_arguments.done": {**AT, "arguments": str, "name": str},
    "error": {"code": (str, None), "message": str, "param": (str, None), "error": OPENAI_ERROR["error"]},
}
TERMINAL = ("response.completed", "response.incomplete", "response.failed")

A_ERROR = {"type": "error", "error": {"type": (
    "invalid_request_error", "authentication_error", "billing_error", "permission_error", "not_found_error",
    "request_too_large", "rate_limit_error", "api_error", "timeout_error", "overloaded_error"), "message": str},
    "?request_id": (str, None)}
A_STOPS = ("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal",
           "model_context_window_exceeded")
A_USAGE = {"input_tokens": count, "output_tokens": count, "?cache_read_input_tokens": (count, None),
           "?cache_creation_input_tokens": (count, None)}
A_BLOCK = ({"type": "text", "text": str}, {"type": "thinking", "thinking": str, "signature": str},
           {"type": "tool_use", "id": str, "name": str, "input": dict})
MESSAGE = {"id": str, "type": "message", "role": "assistant", "model": str, "content": [A_BLOCK],
           "stop_reason": A_STOPS, "stop_sequence": (str, None), "usage": A_USAGE}
A_EVENTS = {
    "message_start": {"message": {**MESSAGE, "content": list, "stop_reason": None}},
    "content_block_start": {"index": count, "content_block": A_BLOCK},
    "content_block_delta": {"index": count, "delta": (
        {"type": "text_delta", "text": str}, {"type": "thinking_delta", "thinking": str},
        {"type": "signature_delta", "signature": str}, {"type": "input_json_delta", "partial_json": str})},
    "content_block_stop": {"index": count}, "ping": {}, "message_stop": {}, "error": A_ERROR,
    "message_delta": {"delta": {"stop_reason": A_STOPS, "stop_sequence": (str, None)}, "usage": {
        "output_tokens": count, "?input_tokens": (count, None)}},
}

O_CALL = {"function": {"name": str, "arguments": dict}}
O_MESSAGE = {"role": "assistant", "content": str, "?thinking": str, "?tool_calls": [O_CALL]}
O_PART = {"model": str, "created_at": str, "done": False}
O_LAST = {"model": str, "created_at": str, "done": True, "done_reason": ("stop", "length", "load", "unload"),
          "total_duration": count, "load_duration": count, "prompt_eval_count": count, "prompt_eval_duration": count,
          "eval_count": count, "eval_duration": count}


# --- framing and order -----------------------------------------------------------------------------------------

def sse(body):
    """(event, data) of a stream as we write it: LF, one JSON a line, a blank line after each."""
    need(body.endswith("\n\n"), "the stream ends inside an event")
    need("\r" not in body and not body.startswith("\ufeff"), "CR or BOM")
    for block in body[:-2].split("\n\n"):
        name, lines = None, []
        for line in block.split("\n"):
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                lines.append(line[6:])
            else:
                need(line.startswith(":"), "a line of no kind:", line)
        if lines:
            need(len(lines) == 1, "an event of several lines")
            yield name, lines[0]


def chat_stream(body, whole, chunk_shape):
    ids, ends, seen = set(), collections.Counter(), []
    parts = list(sse(body))
    for name, text in parts:
        need(name is None, "an event line")
        if text == "[DONE]":
            need((name, text) == parts[-1] and whole, "[DONE] before the end or after an error")
            continue
        value = json.loads(text)
        seen.append(value)
        if "error" in value:
            fits(OPENAI_ERROR, value)
            need((name, text) == parts[-1] and not whole, "an error that is not the last word")
            continue
        fits(chunk_shape, value)
        ids.add((value["id"], value["created"], value["model"]))
        for choice in value["choices"]:
            need(choice["index"] not in ends, "a choice goes on after its end")
            if choice["finish_reason"]:
                ends[choice["index"]] += 1
        if value.get("usage"):
            need(value["choices"] == [], "usage with choices")
    need(len(ids) <= 1, "more than one id")
    need(whole == (sum(ends.values()) == 1 and parts[-1][1] == "[DONE]"), "no end, or more than one")
    need(whole or "error" in seen[-1], "cut without an error")
    arguments = collections.defaultdict(str)
    for value in seen:
        for choice in value.get("choices", []):
            for call in choice.get("delta", {}).get("tool_calls", []):
                arguments[call["index"]] += call.get("function", {}).get("arguments", "")
    need(not whole or all(map(json_object, arguments.values())), "arguments that are no object")
    return [v for v in seen if "error" not in v]


def responses_stream(body, whole):
    seen = []
    parts = list(sse(body))
    if parts and parts[-1][1] == "[DONE]":
        need(whole, "[DONE] after a failure")
        parts.pop()
    for number, (name, text) in enumerate(parts):
        value = json.loads(text)
        need(name == value["type"], "event line", name, "of", value["type"])
        need(value["type"] in EVENTS, "an event of no kind:", name)
        fits({"type": str, "sequence_number": number, **EVENTS[name]}, value)
        seen.append(value)
    kinds = [v["type"] for v in seen]
    need([k for k in kinds if k in TERMINAL] == kinds[-1:], "not one terminal event at the end")
    need((kinds[-1] == "response.failed") != whole, "the end says", kinds[-1])
    need(whole or kinds[-2] == "error", "a failure without its error")
    return seen


def anthropic_stream(body, whole):
    kinds, open_block, next_index = [], None, 0
    for name, text in sse(body):
        value = json.loads(text)
        need(name == value["type"] and name in A_EVENTS, "event line", name, "of", value["type"])
        fits(A_EVENTS[name], value)
        kinds.append(name)
        if name == "content_block_start":
            need(open_block is None and value["index"] == next_index, "blocks overlap or skip")
            open_block, next_index = next_index, next_index + 1
        elif name in ("content_block_delta", "content_block_stop"):
            need(value["index"] == open_block, "a part of no block")
            open_block = None if name == "content_block_stop" else open_block
    if whole:
        need((kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"]), "order:", kinds)
        need(open_block is None and "error" not in kinds, "an end inside a block")
    else:
        need(kinds[-1] == "error" and "message_stop" not in kinds and "message_delta" not in kinds, "order:", kinds)
    need(kinds.count("message_start") <= 1, "started twice")


def ollama_lines(body, whole, part):
    need(body.endswith("\n"), "the last line does not end")
    lines = [json.loads(line) for line in body.split("\n")[:-1]]
    for line in lines[:-1]:
        fits({**O_PART, **part}, line)
    fits({**O_LAST, **part} if whole else {"error": str}, lines[-1])


O_PARTS = {"ollama.chat": {"message": O_MESSAGE}, "ollama.generate": {"response": str, "?thinking": str}}


MODEL = {"id": str, "object": "model", "created": count, "owned_by": str}
A_MODEL = {"type": "model", "id": str, "display_name": str, "created_at": str}
O_DETAILS = {"parent_model": str, "format": str, "family": str, "families": [str], "parameter_size": str,
             "quantization_level": str}
O_MODEL = {"name": str, "model": str, "size": count, "digest": str, "details": O_DETAILS}
EMBEDDINGS = {"object": "list", "model": str, "usage": {"prompt_tokens": count, "total_tokens": count}, "data": [
    {"object": "embedding", "index": count, "embedding": ([float], str)}]}
O_LOADED = {"model": str, "created_at": str, "done": True, "done_reason": ("load", "unload")}
# name: shape, and what the published document calls it
LISTS = {
    "openai.models": ({"object": "list", "data": [MODEL]}, "ListModelsResponse"), "openai.model": (MODEL, "Model"),
    "anthropic.models": ({"data": [A_MODEL], "has_more": False, "first_id": (str, None), "last_id": (str, None)}, None),
    "anthropic.model": (A_MODEL, None), "anthropic.count": ({"input_tokens": count}, None),
    "ollama.tags": ({"models": [{**O_MODEL, "modified_at": str}]}, None),
    "ollama.ps": ({"models": [{**O_MODEL, "expires_at": str, "size_vram": count}]}, None),
    "ollama.show": ({"details": O_DETAILS, "model_info": dict, "capabilities": [str]}, None),
    "ollama.version": ({"version": str}, None), "ollama.loaded.chat": ({**O_LOADED, "message": O_MESSAGE}, None),
    "ollama.loaded.generate": ({**O_LOADED, "response": ""}, None),
    "openai.embeddings": (EMBEDDINGS, "CreateEmbeddingResponse"),
    "openai.embeddings.base64": ({**EMBEDDINGS, "data": [{"object": "embedding", "index": count, "embedding": str}]},
                                 None),  # the document knows numbers only, its clients ask for base64
    "ollama.embed": ({"model": str, "embeddings": [[float]], "?total_duration": count, "?load_duration": count,
                      "prompt_eval_count": count}, None),
    "ollama.embeddings": ({"embedding": [float]}, None),
}


def check(row, published):
    client, whole, body = row["client"], row["what"] == "whole", row["body"]
    if row["what"] == "list":
        shape, name = LISTS[client]
        value = fits(shape, json.loads(body))
        if name:
            published(name, value)
        return
    if row["stream"]:
        if client == "openai.chat":
            for value in chat_stream(body, whole, CHUNK):
                published("CreateChatCompletionStreamResponse", value)
        elif client == "openai.completions":
            for value in chat_stream(body, whole, COMPLETION_CHUNK):
                published("CreateCompletionResponse", not_ended(value))
        elif client == "openai.responses":
            for value in responses_stream(body, whole):
                published("ResponseStreamEvent", value)
        elif client == "anthropic.messages":
            anthropic_stream(body, whole)
        else:
            ollama_lines(body, whole, O_PARTS[client])
        return
    value = json.loads(body)
    if client.startswith("openai"):
        shape, name = {"openai.chat": (CHAT, "CreateChatCompletionResponse"), "openai.completions":
                       (COMPLETION, "CreateCompletionResponse"), "openai.responses": (RESPONSE, "Response")}[client]
        fits(shape if whole else OPENAI_ERROR, value)
        published(name if whole else "ErrorResponse", value)
    elif client == "anthropic.messages":
        fits(MESSAGE if whole else A_ERROR, value)
    else:
        fits({**O_LAST, **O_PARTS[client]} if whole else {"error": str}, value)


def not_ended(value):
    """The document has one schema for completions, streamed or not, and no word for a piece that is not the last;
    the service and its clients know null there. Held against the document as if it were the last."""
    choices = [{**c, "finish_reason": c["finish_reason"] or "stop"} for c in value["choices"]]
    return {k: v for k, v in {**value, "choices": choices}.items() if (k, v) != ("usage", None)}


def without_nullable(node):
    """The document says `nullable: true` as OpenAPI 3.0 did; JSON Schema says it with the type null."""
    if isinstance(node, list):
        return [without_nullable(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {k: without_nullable(v) for k, v in node.items() if k != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") is True else made


# --- the published document --------------------------------------------------------------------------------------

class Published:
    """OpenAI's OpenAPI document (3.1: its schemas are JSON Schema 2020-12)."""

    def __init__(self, path):
        self.checked = collections.Counter()
        self.validators = {}
        self.document = None
        if path:
            import yaml
            with open(path, encoding="utf-8") as f:
                self.document = without_nullable(yaml.load(f, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))

    def __call__(self, name, value):
        if self.document is None:
            return
        if name not in self.validators:
            import jsonschema
            self.validators[name] = jsonschema.Draft202012Validator(
                {"$ref": f"#/components/schemas/{name}", "components": self.document["components"]})
        self.checked[name] += 1
        errors = sorted(self.validators[name].iter_errors(value), key=lambda e: len(list(e.absolute_path)))
        if errors:
            e = errors[0]
            deepest = min(e.context, key=lambda c: len(c.message), default=e) if e.context else e
            raise Wrong(f"{name}: {e.json_path}: {e.message[:300]} ({deepest.message[:200]})")


def main():
    path = os.environ.get("HITHER_OPENAPI")
    try:
        published = Published(path)
    except ImportError as e:
        print(f"without the published document: {e}")
        published = Published(None)
    out = subprocess.run([sys.argv[1], "--print"], check=True, capture_output=True).stdout
    rows = [json.loads(line) for line in out.decode("utf-8").splitlines()]
    bad = 0
    for row in rows:
        try:
            check(row, published)
        except (Wrong, KeyError, ValueError, IndexError) as e:
            bad += 1
            print(f"{row['name']} to {row['client']}, {'streamed' if row['stream'] else 'whole'}, {row['what']}: "
                  f"{type(e).__name__}: {e}\n  {row['body'][:1500]!r}")
    kinds = collections.Counter((row["what"], row["stream"]) for row in rows)
    print(f"{len(rows)} replies ({kinds['whole', True]} streams that end, {kinds['error', True]} that break, "
          f"{kinds['whole', False]} whole bodies, {kinds['error', False]} errors, {kinds['list', False]} lists): "
          f"{bad} of another shape")
    if published.document is not None:
        print("against the published document:", dict(published.checked))
    if kinds["list", False] != len(LISTS) or min(kinds[k] for k in kinds if k[0] != "list") < 50:
        print("too few to say anything")
        return 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
