"""The samples of a run as its page shows them: an index to filter by, and numbered scripts with the samples.

Only what somebody looks at is loaded, so that a run of a hundred thousand samples opens as fast as one of ten.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from suite.report.rendering import write_script, write_text

_PART = 100  # samples in a script
_MOST_VALUES = 80  # of a condition, for a choice among them
_MOST_REQUESTS = 8
_MOST_TEXTS = 10
_TOP_CANDIDATES = 6
_LONGEST = 4000  # characters of a text; one answer of 10 MB must not make a page of 10 MB


def write_samples(folder: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes ``index.js`` and ``0.js``, ``1.js`` ... into `folder`, which is made; returns how many samples there are.

    Args:
        rows: of the table samples, with their texts; a stream of any length.
    """
    folder.mkdir()
    outcomes, filters = _Codes(), _Filters()
    total, part = 0, list[dict[str, Any]]()
    for row in rows:
        outcomes.add((row["error"] or row["outcome"], row["error"] is not None))
        filters.add(row["mode"], row["condition"])
        part.append(browser_row(row))
        total += 1
        if len(part) == _PART:
            _write_part(folder, total // _PART - 1, part)
            part = []
    if part:
        _write_part(folder, total // _PART, part)
    chosen = filters.chosen()
    index = {
        "total": total,
        "size": _PART,
        "outcomes": [{"name": name, "failed": failed} for name, failed in outcomes.values],
        "filters": [{"key": key, "values": codes.values} for key, codes in chosen.items()],
        "keys": [key for key in filters.conditions() if key in chosen],
        "columns": {"outcome": outcomes.column} | {key: codes.column for key, codes in chosen.items()},
    }
    write_script(folder / "index.js", "SAMPLES", index)
    return total


class _Codes:
    """A column of values as numbers into the list of its distinct values."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.column: list[int] = []
        self._code: dict[str, int] = {}

    def add(self, value: Any) -> None:
        code = self._code.setdefault(repr(value), len(self.values))
        if code == len(self.values):
            self.values.append(value)
        self.column.append(code)


class _Filters:
    """The mode and the condition of every sample, key by key; a sample without a key has the value None there."""

    def __init__(self) -> None:
        self._kinds = _Codes()  # a run has few combinations of values, and may have a million samples

    def add(self, mode: str, condition: Mapping[str, Any]) -> None:
        self._kinds.add({**condition, "mode": mode})

    def conditions(self) -> list[str]:
        return sorted({key for told in self._kinds.values for key in told} - {"mode"})

    def chosen(self) -> dict[str, _Codes]:
        """Those with several values, but not so many that nobody would look for one in a list."""
        kept = {}
        for key in ("mode", *self.conditions()):
            codes = _Codes()
            for told in self._kinds.values:
                codes.add(told.get(key))
            if 1 < len(codes.values) <= _MOST_VALUES:
                codes.column = [codes.column[kind] for kind in self._kinds.column]
                kept[key] = codes
        return kept


def _write_part(folder: Path, number: int, rows: Sequence[Mapping[str, Any]]) -> None:
    text = json.dumps(rows, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    write_text(folder / f"{number}.js", f"window.SAMPLE_PART({number},{text});\n")


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
