"""Calls in the sample logs of lm-evaluation-harness as our requests and responses; its texts as numbers again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from suite.task import ContinuationScore, Generate, Loglikelihood, Request, Response, Text

Exchange = tuple[tuple[Request, ...], tuple[Response, ...]]


def calls_of(line: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The arguments of each call of a line: (prompt, settings), (context, continuation) or (text,)."""
    return [(_text(prompt), *rest) for prompt, *rest in (call.values() for call in line["arguments"].values())]


def exchange(calls: Sequence[tuple[Any, ...]], answers: Sequence[Any]) -> Exchange:
    """Requests and responses of `calls`; log-probabilities of one context are one request."""
    return _generation(calls, answers) or _likelihood(calls, answers)


def number(value: Any) -> float | None:
    if isinstance(value, bool | int | float) and math.isfinite(value):
        return float(value)
    return None


def _generation(calls: Sequence[tuple[Any, ...]], resps: Sequence[Any]) -> Exchange | None:
    """Requests (prompt, generation settings) with their repeated answers; None if these are none."""
    if not all(len(call) == 2 and isinstance(call[1], Mapping) for call in calls):
        return None
    requests, responses = [], []
    for (prompt, settings), texts in zip(calls, resps, strict=True):
        until = settings.get("until") or ()
        request = Generate(
            prompt,
            stop=(until,) if isinstance(until, str) else tuple(until),
            max_tokens=int(settings.get("max_gen_toks", 256)),
            temperature=float(settings.get("temperature", 0.0)),
            n=len(texts),
        )
        requests.append(request)
        responses.append(Response(request.id, texts=tuple(Text(str(text)) for text in texts)))
    return tuple(requests), tuple(responses)


def _likelihood(calls: Sequence[tuple[Any, ...]], resps: Sequence[Any]) -> Exchange:
    """Requests (context, continuation), or (text,) for rolling likelihoods; those of one context become one request."""
    contexts: dict[str, list[tuple[str, ContinuationScore]]] = {}
    for call, repeats in zip(calls, resps, strict=True):
        context, continuation = call if len(call) == 2 else ("", call[0])
        first = repeats[0]
        logprob, greedy = first if isinstance(first, list) else (first, "False")
        score = ContinuationScore(float(logprob), 0, str(greedy) == "True")  # the harness logs no token counts
        contexts.setdefault(context, []).append((continuation, score))
    requests, responses = [], []
    for context, pairs in contexts.items():
        request = Loglikelihood(context, tuple(continuation for continuation, _ in pairs))
        requests.append(request)
        responses.append(Response(request.id, scores=tuple(score for _, score in pairs)))
    return tuple(requests), tuple(responses)


def _text(prompt: Any) -> str:
    """A prompt as text; that of a chat model may be a list of turns."""
    return prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False)
