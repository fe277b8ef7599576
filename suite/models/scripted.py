"""Models whose answers are known beforehand: for tests, and as canaries that a task must score at chance or at zero.

``scripted/NAME``, or `ScriptedModel` with responders of your own. A character is a token here.
"""

from __future__ import annotations

import hashlib
import json
import math
import string
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

from suite.errors import UserError, unknown
from suite.identity import canonical_json, digest
from suite.task import (
    Capability,
    ContinuationScore,
    Failure,
    Generate,
    Loglikelihood,
    ModelInfo,
    Prompt,
    Request,
    Response,
    Text,
    seamless,
)

TextResponder = Callable[[Generate, int], str]  # the request, and which of its n texts
LogprobResponder = Callable[[Prompt, str], float]  # context, continuation -> nats
NATS_PER_CHARACTER = -math.log(26)


class ScriptedModel:
    """A model made of functions; a kind of question that has no responder is not among its capabilities.

    Texts are given whole: `stop` and `max_tokens` do not cut them.

    Args:
        name: the part after ``scripted/``.
        script: everything that decides the answers, as JSON; its digest is the fingerprint.
        text: gives the texts.
        logprob: gives the log-probability, in nats, of a continuation or of a first token (A to Z).
        delay_s: sleeps so long before each answer.
        fail_every: every so many requests one fails, with each `Failure` in turn; 0 for never.
    """

    def __init__(
        self,
        name: str,
        script: object = None,
        *,
        text: TextResponder | None = None,
        logprob: LogprobResponder | None = None,
        delay_s: float = 0.0,
        fail_every: int = 0,
    ) -> None:
        capabilities: set[Capability] = {"chat"}
        if text is not None:
            capabilities.add("generate")
        if logprob is not None:
            capabilities |= {"loglikelihood", "first_token"}
        fingerprint = digest(["scripted", name, script])
        self.info = ModelInfo(f"scripted/{name}", "scripted", fingerprint, frozenset(capabilities))
        self._text, self._logprob = text, logprob
        self._delay_s, self._fail_every = delay_s, fail_every

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answers one request after the other, in order."""
        failures = get_args(Failure)
        for number, request in enumerate(requests, start=1):
            if self._delay_s:
                time.sleep(self._delay_s)
            if self._fail_every and number % self._fail_every == 0:
                failure = failures[(number // self._fail_every - 1) % len(failures)]
                yield Response(request.id, error=failure, error_detail="scripted")
            elif isinstance(request, Loglikelihood):
                yield self._score(request)
            elif isinstance(request, Generate):
                yield self._generate(request)
            else:
                yield Response(request.id, error="client_error", error_detail="scripted models do not embed")

    def _score(self, request: Loglikelihood) -> Response:
        assert self._logprob is not None
        if not all(request.continuations):
            return Response(request.id, error="tokenization", error_detail="a continuation is empty")
        scores = tuple(
            ContinuationScore(self._logprob(request.context, continuation), len(continuation), is_greedy=False)
            for continuation in request.continuations
        )
        return Response(request.id, scores=scores, prompt_tokens=_length(request.context), latency_s=self._delay_s)

    def _generate(self, request: Generate) -> Response:
        texts = tuple(Text(self._text(request, index) if self._text else "") for index in range(request.n))
        return Response(
            request.id,
            texts=texts,
            first_token=self._first_token(request),
            prompt_tokens=_length(request.prompt),
            completion_tokens=sum(len(text.text) for text in texts),
            latency_s=self._delay_s,
        )

    def _first_token(self, request: Generate) -> tuple[tuple[str, float], ...]:
        """The likeliest capital letters, normalised over all of them."""
        if self._logprob is None or not request.top_logprobs:
            return ()
        logprobs = {letter: self._logprob(request.prompt, letter) for letter in string.ascii_uppercase}
        total = math.log(math.fsum(math.exp(value) for value in logprobs.values()))
        ranked = sorted(((letter, value - total) for letter, value in logprobs.items()), key=lambda pair: -pair[1])
        return tuple(ranked[: request.top_logprobs])


def load(
    name: str, *, text: str = "", file: str | None = None, seed: int = 0, delay_s: float = 0.0, every: int = 2
) -> ScriptedModel:
    """The scripted model `name`.

    - ``constant``: always `text`; every character is as likely as any other.
    - ``uniform``: no text; every character is as likely as any other.
    - ``prompt_blind``: `text`; a continuation's log-probability depends on it alone, not on the context.
    - ``random``: texts and log-probabilities drawn by `seed` from the question: an answerer at chance.
    - ``slow``: like ``random``, 50 ms a request unless `delay_s` says otherwise.
    - ``faulty``: like ``random``, but one of `every` requests fails, with each kind of failure in turn.
    - ``recorded``: texts from a JSONL `file` of ``{"prompt": ..., "text": ...}``; the prompt as text or messages.

    Raises:
        UserError: unknown name, an option of the wrong type, or a bad file.
    """
    text = str(text)  # the command line may have read a number
    seed, every, delay_s = _number(int, "seed", seed), _number(int, "every", every), _number(float, "delay_s", delay_s)
    random_text: TextResponder = partial(_random_text, seed)
    random_logprob: LogprobResponder = partial(_random_logprob, seed)
    if name == "constant":
        return ScriptedModel(name, text, text=lambda *_: text, logprob=_uniform_logprob, delay_s=delay_s)
    if name == "uniform":
        return ScriptedModel(name, text=lambda *_: "", logprob=_uniform_logprob, delay_s=delay_s)
    if name == "prompt_blind":
        blind: LogprobResponder = lambda _, continuation: random_logprob("", continuation)  # noqa: E731
        return ScriptedModel(name, [text, seed], text=lambda *_: text, logprob=blind, delay_s=delay_s)
    if name == "random":
        return ScriptedModel(name, seed, text=random_text, logprob=random_logprob, delay_s=delay_s)
    if name == "slow":
        return ScriptedModel(name, seed, text=random_text, logprob=random_logprob, delay_s=delay_s or 0.05)
    if name == "faulty":
        return ScriptedModel(name, seed, text=random_text, logprob=random_logprob, delay_s=delay_s, fail_every=every)
    if name == "recorded":
        texts = _recorded_texts(file)
        return ScriptedModel(name, texts, text=partial(_recorded_text, texts, str(file)), delay_s=delay_s)
    known = ("constant", "uniform", "prompt_blind", "random", "slow", "faulty", "recorded")
    raise unknown("scripted model", name, known)


def _uniform_logprob(_: Prompt, continuation: str) -> float:
    return NATS_PER_CHARACTER * len(continuation)


def _random_logprob(seed: int, context: Prompt, continuation: str) -> float:
    return -20.0 * _draw([seed, seamless(context), continuation])


def _random_text(seed: int, request: Generate, index: int) -> str:
    return f"{round(_draw([seed, request.id, index]) * 1e8):08}"


def _draw(key: object) -> float:
    """A number in [0, 1), the same for the same key."""
    return int.from_bytes(hashlib.sha256(canonical_json(key).encode()).digest()[:6]) / 2**48


def _recorded_text(texts: dict[str, str], file: str, request: Generate, _: int) -> str:
    key = digest(request.to_json()["prompt"])
    if key not in texts:
        raise UserError(f"{file}: no answer to the prompt {str(request.prompt)[:80]!r}")
    return texts[key]


def _recorded_texts(file: str | None) -> dict[str, str]:
    """Digest of the prompt -> text."""
    if file is None:
        raise UserError("model scripted/recorded: option file is missing; give a JSONL file of prompts and texts")
    texts = {}
    try:
        with Path(file).open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                row = json.loads(line)
                if not (isinstance(row, dict) and "prompt" in row and isinstance(row.get("text"), str)):
                    raise UserError(f'{file}:{number}: expected {{"prompt": ..., "text": ...}}')
                texts[digest(row["prompt"])] = row["text"]
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{file}: not JSON lines in UTF-8: {error}") from error
    return texts


def _number(kind: type, option: str, value: object) -> Any:
    """The option as a number; the command line gives strings."""
    try:
        number = kind(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise UserError(f"option {option} of scripted models: expected a number from 0, got {value!r}")
    return number


def _length(prompt: Prompt) -> int:
    whole = seamless(prompt)
    return len(whole) if isinstance(whole, str) else sum(len(content) for _, content in whole)
