"""One sample as the browser on a run's page shows it: what was asked, what was said, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_MOST_REQUESTS = 8
_MOST_TEXTS = 10
_TOP_CANDIDATES = 6
_LONGEST = 4000  # characters of a text; one answer of 10 MB must not make a page of 10 MB


def browser_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the page's script reads, from a row of samples with its texts."""
    requests, target = row["requests"] or [], row["target"] or ""
    answers = {response.get("request_id"): response for response in row["responses"] or []}
    ids = [*(row["request_ids"] or []), *[None] * len(requests)]
    exchanges = [
        {
            "asked": _clip(_prompt(request)),
            "said": [_clip(text) for text in _said(request, answers.get(request_id, {}), target)],
        }
        for request, request_id in zip(requests[:_MOST_REQUESTS], ids, strict=False)
    ]
    return {
        "doc": row["doc_id"],
        "mode": row["mode"],
        "condition": row["condition"],
        "target": _clip(target),
        "answer": None if row["answer"] is None else _clip(row["answer"]),
        "outcome": row["outcome"],
        "error": row["error"],
        "scores": row["scores"],
        "exchanges": exchanges,
        "more": len(requests) - len(exchanges),
    }


def _prompt(request: Mapping[str, Any]) -> str:
    prompt = request.get("prompt", request.get("context", ""))
    if not isinstance(prompt, list):
        return str(prompt)
    turns = (turn if isinstance(turn, Mapping) else {"content": turn} for turn in prompt)
    return "\n".join(f"[{turn.get('role', '')}] {turn.get('content', '')}" for turn in turns)


def _said(request: Mapping[str, Any], response: Mapping[str, Any], target: str) -> list[str]:
    """The answer's texts, the ranked continuations, or why there is no answer."""
    if response.get("error"):
        return [f"{response['error']}: {response.get('error_detail', '')}"]
    if "scores" in response:
        return [_ranking(request.get("continuations", []), [score[0] for score in response["scores"]], target)]
    texts = [str(text) for text, *_ in response.get("texts", [])]
    more = len(texts) - _MOST_TEXTS
    return texts[:_MOST_TEXTS] + ([f"... and {more} more answers"] if more > 0 else [])


def _ranking(continuations: Sequence[str], logprobs: Sequence[float], target: str) -> str:
    """The likeliest continuations and the target, a line each: rank, log-probability in nats, text."""
    ranked = sorted(zip(logprobs, continuations, strict=False), key=lambda pair: -pair[0])
    lines = []
    for rank, (logprob, text) in enumerate(ranked, start=1):
        is_target = text.strip() == target.strip()
        if rank <= _TOP_CANDIDATES or is_target:
            lines.append(f"{rank:3}. {logprob:9.3f}  {text.strip()}{'  <- target' if is_target else ''}")
    more = len(ranked) - len(lines)
    return "\n".join([*lines, *([f"     and {more} others"] if more > 0 else [])])


def _clip(text: str) -> str:
    more = len(text) - _LONGEST
    return f"{text[:_LONGEST]} ... ({more:,} characters more)" if more > 0 else text
