"""What an endpoint lets one say: request bodies, and what is left out of them once the endpoint has objected.

Endpoints differ in which parameters they take. A rejected parameter is renamed or left out and remembered, so
the objection is met once, mostly while the endpoint is discovered; `dropped` goes into the model's card.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from suite.identity import digest
from suite.models.openai.failures import CallFailed
from suite.models.openai.session import Route
from suite.task import Chat, Generate, seamless

_OPTIONAL = ("temperature", "seed", "stop", "n")
_MOST_ALTERNATIVES = 20  # what a chat endpoint gives at most
_FEW_ALTERNATIVES = 5  # what some completions endpoints give at most
_SEVERAL = r"""["'`]n["'`]|\bn [=>]|\bn (must|should|is)\b|(one|single|multiple) (completion|choice)"""
STRUCTURE_LEVELS = ("json_schema", "json_object", "plain")


class Dialect:
    """The accepted way of asking; learns from rejections. Used from one event loop at a time."""

    def __init__(self, reasoning_effort: str | None = None) -> None:
        self.dropped: set[str] = set()
        self.length_name = "max_tokens"
        self.ignores_n = False
        self.most_alternatives = _MOST_ALTERNATIVES
        self._reasoning_effort = reasoning_effort
        self._levels: dict[str, int] = {}  # schema digest -> index into STRUCTURE_LEVELS
        self._proven: set[str] = set()  # digests of schemas whose level has given JSON

    def body(self, request: Generate, route: Route, seed: int, n: int) -> dict[str, Any]:
        """The parameters of a call for `n` texts of `request`, without the model."""
        body: dict[str, Any] = {"temperature": request.temperature, "seed": seed}
        if request.stop:
            body["stop"] = list(request.stop)
        if n > 1:
            body["n"] = n
        body = {name: value for name, value in body.items() if name not in self.dropped}
        level = self.structure_level(request)
        prompt = _with_instruction(request, level)
        if route == "completions":
            body |= {"prompt": prompt, "max_tokens": request.max_tokens}
            if request.top_logprobs:
                body["logprobs"] = min(request.top_logprobs, self.most_alternatives)
        else:
            turns = (("user", prompt),) if isinstance(prompt, str) else prompt
            body["messages"] = [{"role": role, "content": content} for role, content in turns]
            body[self.length_name] = request.max_tokens
            if request.top_logprobs:
                body |= {"logprobs": True, "top_logprobs": min(request.top_logprobs, _MOST_ALTERNATIVES)}
            if self._reasoning_effort:
                body["reasoning_effort"] = self._reasoning_effort
        if level in ("json_schema", "json_object"):
            body["response_format"] = _response_format(request.json_schema, level)
        return body

    def structure_level(self, request: Generate) -> str | None:
        """How `request` asks for JSON: one of `STRUCTURE_LEVELS`, None if it does not."""
        if request.json_schema is None:
            return None
        return STRUCTURE_LEVELS[self._levels.get(digest(request.json_schema), 0)]

    def saw_json(self, request: Generate) -> None:
        """The present level works for this schema: later texts that are no JSON are the model's own fault."""
        self._proven.add(digest(request.json_schema))

    def step_down(self, request: Generate, level: str | None) -> bool:
        """Asks for the JSON of this schema less strictly than at `level`; False if that is no use."""
        key = digest(request.json_schema)
        if level is None or level == STRUCTURE_LEVELS[-1] or key in self._proven:
            return False
        self._levels[key] = max(self._levels.get(key, 0), STRUCTURE_LEVELS.index(level) + 1)
        return True

    def learn(self, failed: CallFailed, body: Mapping[str, Any], request: Generate) -> bool:
        """Learns from a rejection of `body`; True if the same request is now said in another way."""
        if failed.failure != "client_error" or failed.status not in (400, 403, 415, 422):
            return False
        if "max_tokens" in body and "max_completion_tokens" in failed.said and route_of(body) == "chat":
            self.length_name = "max_completion_tokens"
            return True
        if "response_format" in body and re.search(
            r"response_format|json_schema|json_object|grammar|schema", failed.said
        ):
            return self.step_down(request, body["response_format"]["type"])
        for name in _OPTIONAL:
            if name in body and _minds(failed, name):
                self.dropped.add(name)
                return True
        if (
            body.get("logprobs", 0) > _FEW_ALTERNATIVES
            and route_of(body) == "completions"
            and "logprobs" in failed.said
        ):
            self.most_alternatives = _FEW_ALTERNATIVES
            return True
        return False


def route_of(body: Mapping[str, Any]) -> Route:
    """Where `body` belongs."""
    return "completions" if "prompt" in body else "chat"


def is_json(text: str) -> bool:
    """Whether `text` is one JSON value."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _minds(failed: CallFailed, name: str) -> bool:
    if failed.parameter:
        return failed.parameter == name
    return bool(re.search(_SEVERAL if name == "n" else rf"\b{name}\b", failed.said))


def _with_instruction(request: Generate, level: str | None) -> str | Chat:
    prompt = seamless(request.prompt)
    if level not in ("json_object", "plain"):
        return prompt
    schema = json.dumps(request.json_schema, ensure_ascii=False)
    instruction = f"Answer only with JSON, without any other text, by this JSON schema: {schema}"
    if isinstance(prompt, str):
        return f"{prompt}\n\n{instruction}"
    return (*prompt, ("user", instruction))


def _response_format(schema: Any, level: str) -> dict[str, Any]:
    if level == "json_object":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
