"""A stub OpenAI-compatible server on loopback that misbehaves on request.

A prompt ``fault NAME`` meets the fault of that name, whatever order the requests come in; ``fault NAME once`` meets it
the first time only. Every other prompt is answered by a toy model: tokens are words with their leading space, and the
log-probability of a token is a fixed function of it. Knobs make the server refuse parameters or lie about scores.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GREEDY = " Paris"


@dataclass
class Knobs:
    """What kind of server this is.

    Attributes:
        echo: "honest", "ignored" (accepted without effect), "shifted" (by one token) or "rejected".
        rejects: parameters that are answered by 400; ignores: those without effect.
        key: required in the Authorization header, if given.
        revoked_after: from this many generation calls on, the key is not valid any more.
        faults: further prompts that meet a fault, e.g. those of a probe.
        repeats_key: echoes the Authorization header in answers and errors.
    """

    latency_s: float = 0.0
    chat: bool = True
    completions: bool = True
    models: tuple[str, ...] | None = ("toy",)
    echo: str = "honest"
    rejects: frozenset[str] = frozenset()
    ignores: frozenset[str] = frozenset()
    key: str | None = None
    revoked_after: int | None = None
    repeats_key: bool = False
    faults: dict[str, str] = field(default_factory=dict)


@dataclass
class Call:
    path: str
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)

    @property
    def prompt(self) -> str:
        return self.body["prompt"] if "prompt" in self.body else self.body["messages"][-1]["content"]


class FaultServer:
    """A context manager; `url` is its address, `calls` what it was asked, `busiest` the most calls at once."""

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.calls: list[Call] = []
        self.running = self.busiest = 0
        self.met: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.closing = threading.Event()

    def __enter__(self) -> FaultServer:
        outer = self

        class Bound(_Handler):
            server_state = outer

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def prompts(self) -> list[str]:
        return [call.prompt for call in self.calls]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for an acknowledgement
    server_state: FaultServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        models = self.server_state.knobs.models
        if not self._key_is_right():
            return
        if models is None:
            self._error(404, "no such page")
        else:
            self._json(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in models]})

    def do_POST(self) -> None:
        state, knobs = self.server_state, self.server_state.knobs
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        call = Call(self.path, body)
        with state.lock:
            state.calls.append(call)
            state.running += 1
            state.busiest = max(state.busiest, state.running)
        try:
            if self._key_is_right():
                time.sleep(knobs.latency_s)
                self._generate(call)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with state.lock:
                state.running -= 1

    def _generate(self, call: Call) -> None:
        state, knobs, body = self.server_state, self.server_state.knobs, call.body
        is_chat = "chat" in self.path
        offered = knobs.chat if is_chat else knobs.completions
        if not offered:
            return self._error(404, "this model is not supported by this endpoint")
        if knobs.models and body["model"] not in knobs.models:
            return self._error(404, f"The model {body['model']} does not exist", code="model_not_found")
        fault = re.match(r"fault (\S+)( once)?", knobs.faults.get(call.prompt, call.prompt))
        if fault:
            with state.lock:
                state.met[call.prompt] += 1
                again = state.met[call.prompt] > 1
            if not (fault[2] and again):
                return getattr(self, "_fault_" + fault[1].replace("-", "_"))()
        for name in sorted(knobs.rejects):
            if name == "json_schema" or name == "json_object":
                if body.get("response_format", {}).get("type") == name:
                    return self._error(400, f"response_format type {name} is not available", param="response_format")
            elif name == "logprobs>5":
                if not is_chat and body.get("logprobs", 0) > 5:
                    return self._error(400, "logprobs must be at most 5")
            elif name in body:
                return self._error(400, _rejection(name), param=name)
        if not is_chat and body.get("echo") and knobs.echo == "rejected":
            return self._error(400, "echo is not supported")
        n = 1 if "n" in knobs.ignores else body.get("n", 1)
        choices = [self._choice(call, is_chat, index) for index in range(n)]
        usage = {"prompt_tokens": 12, "completion_tokens": 3 * n, "prompt_tokens_details": {"cached_tokens": 8}}
        return self._json(200, {"model": body["model"], "choices": choices, "usage": usage})

    def _choice(self, call: Call, is_chat: bool, index: int) -> dict[str, Any]:
        body, knobs = call.body, self.server_state.knobs
        if is_chat:
            text = f"you said {call.prompt}"
            kind = body.get("response_format", {}).get("type")
            if "response_format" in knobs.ignores:
                kind = None
            if kind or "JSON" in call.prompt:
                text = json.dumps({"by": kind or "instruction"})
            if knobs.repeats_key:
                text += f" with {self.headers['authorization']}"
            choice: dict[str, Any] = {"index": index, "finish_reason": "stop"}
            choice["message"] = {"role": "assistant", "content": text}
            if body.get("logprobs") and "logprobs" not in knobs.ignores:
                top = [{"token": f"w{i}", "logprob": -0.5 - i} for i in range(body["top_logprobs"])]
                choice["logprobs"] = {"content": [{"token": "w0", "logprob": -0.5, "top_logprobs": top}]}
            return choice
        echoed = body["prompt"] if body.get("echo") and knobs.echo in ("honest", "shifted") else ""
        tokens = [*tokenise(echoed), GREEDY]
        scores = [logprob(token) for token in tokens]
        if echoed:
            scores[0] = None
        if echoed and knobs.echo == "shifted":
            scores = [None, *scores[:-1]]
        best = [{token: score} if score is not None else None for token, score in zip(tokens, scores, strict=True)]
        offsets = [len("".join(tokens[:i])) for i in range(len(tokens))]
        if body.get("logprobs", 0) > 1:
            best[-1] = {GREEDY: scores[-1], " the": -3.0} | {f" {i}": -4.0 - i for i in range(body["logprobs"] - 2)}
        logprobs = {"tokens": tokens, "token_logprobs": scores, "top_logprobs": best, "text_offset": offsets}
        return {
            "index": index,
            "text": "".join(tokens),
            "finish_reason": "length",
            "logprobs": logprobs if "logprobs" in body else None,
        }

    # faults

    def _fault_429(self) -> None:
        self._error(429, "slow down")

    def _fault_429_seconds(self) -> None:
        self._error(429, "slow down", headers={"Retry-After": "0.3"})

    def _fault_429_date(self) -> None:
        self._error(429, "slow down", headers={"Retry-After": formatdate(time.time() + 1.5, usegmt=True)})

    def _fault_429_tomorrow(self) -> None:
        self._error(429, "slow down", headers={"Retry-After": "86400"})

    def _fault_no_credit(self) -> None:
        self._error(429, "You exceeded your current quota", code="insufficient_quota")

    def _fault_402(self) -> None:
        self._error(402, "Insufficient balance")

    def _fault_500(self) -> None:
        self._error(500, "broken\ninside")

    def _fault_503_seconds(self) -> None:
        self._error(503, "loading", headers={"Retry-After": "0.2"})

    def _fault_408(self) -> None:
        self._error(408, "too slow")

    def _fault_409(self) -> None:
        self._error(409, "conflict")

    def _fault_400(self) -> None:
        self._error(400, "no such thing")

    def _fault_filtered(self) -> None:
        self._error(400, "The prompt was filtered", code="content_filter")

    def _fault_401(self) -> None:
        self._error(401, f"bad key {self.headers['authorization']}")

    def _fault_403(self) -> None:
        self._error(403, "flagged by moderation")

    def _fault_long(self) -> None:
        self._error(400, "This model's maximum context length is 8 tokens", code="context_length_exceeded")

    def _fault_html(self) -> None:
        self._raw(b"<html>a proxy's page</html>")

    def _fault_late(self) -> None:
        self.server_state.closing.wait(8)

    def _fault_hang(self) -> None:
        self._head(200, 100_000)
        self.wfile.write(b'{"choices": [')
        while not self.server_state.closing.wait(0.1):
            self.wfile.write(b" ")

    def _fault_dropped(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _fault_cut(self) -> None:
        self._head(200, 1000)
        self.wfile.write(b'{"choices": [')
        self.close_connection = True

    def _fault_truncated(self) -> None:
        self._raw(b'{"choices": [{"message": {"content": "hel')

    def _fault_list(self) -> None:
        self._raw(b"[1, 2]")

    def _fault_deep(self) -> None:
        self._raw(b"[" * 200_000)

    def _fault_nested(self) -> None:
        self._raw(b'{"choices": ' + b"[" * 600 + b"]" * 600 + b"}")

    def _fault_nested_error(self) -> None:
        self._raw(b'{"error": ' + b"[" * 600 + b"]" * 600 + b"}", status=400)

    def _fault_types(self) -> None:
        self._json(200, {"choices": {"message": "no list"}})

    def _fault_content_type(self) -> None:
        self._json(200, {"choices": [{"message": {"content": 5}}]})

    def _fault_message_type(self) -> None:
        self._json(200, {"choices": [{"message": "hello"}]})

    def _fault_empty(self) -> None:
        self._json(200, {"choices": []})

    def _fault_null(self) -> None:
        self._json(200, {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]})

    def _fault_blank(self) -> None:
        self._json(200, {"choices": [{"message": {"content": ""}, "finish_reason": "length"}]})

    def _fault_refusal(self) -> None:
        self._json(
            200, {"choices": [{"message": {"content": None, "refusal": "I will not."}, "finish_reason": "stop"}]}
        )

    def _fault_filter(self) -> None:
        self._json(200, {"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]})

    def _fault_large(self) -> None:
        self._json(200, {"choices": [{"message": {"content": "x" * 10_485_760}}]})

    def _fault_nan(self) -> None:
        token = {"token": "a", "logprob": float("nan"), "top_logprobs": []}
        self._json(200, {"choices": [{"message": {"content": "a"}, "logprobs": {"content": [token]}}]})

    def _fault_surrogate(self) -> None:
        self._raw(b'{"choices": [{"message": {"content": "half \\ud83d pair"}}]}')

    def _fault_usage(self) -> None:
        usage = {"prompt_tokens": -5, "completion_tokens": "many", "prompt_tokens_details": 3, "total_tokens": 1e99}
        self._json(200, {"choices": [{"message": {"content": "fine"}}], "usage": usage})

    # plumbing

    def _key_is_right(self) -> bool:
        knobs, given = self.server_state.knobs, self.headers.get("authorization", "")
        is_revoked = knobs.revoked_after is not None and len(self.server_state.calls) > knobs.revoked_after
        if (knobs.key and given != f"Bearer {knobs.key}") or is_revoked:
            self._error(401, f"Incorrect API key provided: {given}")
            return False
        return True

    def _error(self, status: int, message: str, headers: dict[str, str] | None = None, **fields: str) -> None:
        if self.server_state.knobs.repeats_key:
            message += f" [{self.headers['authorization']}]"
        self._json(status, {"error": {"message": message, **fields}}, headers)

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._raw(json.dumps(value).encode(), status, headers)

    def _raw(self, content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._head(status, len(content), headers)
        self.wfile.write(content)

    def _head(self, status: int, length: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()


def tokenise(text: str) -> list[str]:
    """Words with the white space before them."""
    return re.findall(r"\s*\S+|\s+$", text)


def logprob(token: str) -> float:
    """-1 for the greedy token, below that for every other, by its length."""
    return -1.0 if token == GREEDY else -2.0 - len(token) / 8


def _rejection(name: str) -> str:
    if name == "max_tokens":
        return (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
    return f"Unsupported parameter: '{name}'"
