"""Reads answers of a server that may send anything: total functions from JSON to texts, scores and counts.

What does not have the protocol's shape raises `CallFailed` under its right name; nothing else is ever raised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.models.openai.failures import CallFailed
from suite.task import Text

_MOST_TOKENS = 10_000_000  # no model's window holds more; larger counts are a server's mistake
_FINISHES = {"stop", "length", "content_filter"}


@dataclass(frozen=True)
class Usage:
    """Token counts of one answer; 0 where the server gave none that can be true."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class TokenScore:
    """One token of a scored or generated text: log-probability in nats, and the alternatives to it."""

    token: str
    logprob: float | None
    alternatives: tuple[tuple[str, float], ...]
    offset: int | None = None  # in characters, from the start of the text


def choices(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The choices of an answer, at least one.

    Raises:
        CallFailed: "empty" without a choice, "malformed" if they are no objects.
    """
    found = body.get("choices")
    if found is None and "error" in body:
        raise CallFailed("malformed", f"status 200, but an error inside: {body['error']}")
    if found is None or found == []:
        raise CallFailed("empty", "the answer has no choices")
    if not isinstance(found, list) or not all(isinstance(choice, dict) for choice in found):
        raise CallFailed("malformed", "choices is not a list of objects")
    return found


def text_of(choice: Mapping[str, Any], stop: Sequence[str]) -> Text:
    """The text of a chat or completions choice, cut at the first stop string (not every server does that).

    An empty text is an answer where the model could end at once: raw completions, or with stop strings.

    Raises:
        CallFailed: "empty" with neither text nor refusal, "malformed" for other types.
    """
    finish = choice.get("finish_reason")
    finish = finish if isinstance(finish, str) else "stop"
    if "message" in choice:
        message = choice["message"]
        if not isinstance(message, dict):
            raise CallFailed("malformed", "message is not an object")
        refusal, text = message.get("refusal"), message.get("content")
        if isinstance(refusal, str) and refusal:
            return Text(sound(refusal), "refusal")
        may_be_empty = bool(stop) and finish == "stop"
    else:
        text = choice.get("text")
        may_be_empty = True
    if finish == "content_filter":
        return Text(sound(text) if isinstance(text, str) else "", "content_filter")
    if text is None or (text == "" and not may_be_empty):
        used_up = "; max_tokens was used up before any text" if finish == "length" else ""
        raise CallFailed("empty", f"the answer has neither text nor refusal{used_up}")
    if not isinstance(text, str):
        raise CallFailed("malformed", f"the text is a JSON {type(text).__name__}, expected a string")
    cut = min((at for at in (text.find(mark) for mark in stop if mark) if at >= 0), default=None)
    if cut is not None:
        return Text(sound(text[:cut]), "stop")
    return Text(sound(text), finish if finish in _FINISHES else "stop")


def tokens_of(choice: Mapping[str, Any]) -> list[TokenScore]:
    """The scored tokens of a choice, in either layout: chat's list of objects or completions' parallel lists.

    Empty if the server sent none.

    Raises:
        CallFailed: "malformed" for other shapes, "nan" for a log-probability that is not a finite number.
    """
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        return []
    try:
        if isinstance(logprobs.get("content"), list):
            return [_chat_token(item) for item in logprobs["content"]]
        return _completion_tokens(logprobs)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CallFailed("malformed", f"logprobs are not of the protocol's shape: {error!r}") from None


def usage_of(body: Mapping[str, Any]) -> Usage:
    """The token counts of an answer; implausible ones (negative, text, absurdly large) count as not given."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return Usage()
    prompt = _count(usage.get("prompt_tokens"), _MOST_TOKENS)
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens"), prompt) if isinstance(details, dict) else 0
    return Usage(prompt, _count(usage.get("completion_tokens"), _MOST_TOKENS), cached)


def sound(text: str) -> str:
    """`text` with half surrogate pairs, which JSON can carry and UTF-8 files cannot, replaced."""
    return text.encode("utf-8", "replace").decode()


def _count(value: Any, most: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else 0


def _chat_token(item: Mapping[str, Any]) -> TokenScore:
    alternatives = item.get("top_logprobs") or []
    return TokenScore(
        _token(item["token"]),
        _logprob(item["logprob"]),
        tuple((_token(other["token"]), _logprob(other["logprob"])) for other in alternatives),
    )


def _completion_tokens(logprobs: Mapping[str, Any]) -> list[TokenScore]:
    if logprobs.get("tokens") is None:
        return []
    tokens, values = logprobs["tokens"], logprobs["token_logprobs"]
    tops = logprobs.get("top_logprobs") or [None] * len(tokens)
    offsets = logprobs.get("text_offset") or [None] * len(tokens)
    return [
        TokenScore(
            _token(token),
            None if value is None else _logprob(value),
            tuple((_token(other), _logprob(number)) for other, number in (top or {}).items()),
            offset if isinstance(offset, int) else None,
        )
        for token, value, top, offset in zip(tokens, values, tops, offsets, strict=True)
    ]


def _token(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"token is a {type(value).__name__}")
    return sound(value)


def _logprob(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"log-probability is a {type(value).__name__}")
    if not math.isfinite(value):
        raise CallFailed("nan", f"a log-probability is {value}")
    return float(value)
