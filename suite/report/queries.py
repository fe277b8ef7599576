"""What the pages show, read from the database once and shaped for templates and charts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from suite.errors import UserError
from suite.identity import digest
from suite.store import Store

MOST_SAMPLES = 2000  # of a run in its browser; a page with more opens slowly
_TOP_CANDIDATES = 6


@dataclass(frozen=True)
class RunView:
    """A run with its metrics and samples, and a short label that tells it from the others of its report."""

    row: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    label: str
    store: Store = field(repr=False)

    @property
    def run_id(self) -> str:
        return str(self.row["run_id"])

    @property
    def file(self) -> str:
        """Name of the run's page; an imported id may hold anything, a path included."""
        if re.fullmatch(r"\w[\w.-]{0,150}", self.run_id, re.ASCII):
            return f"run-{self.run_id}"
        return f"run-{digest(self.run_id, 16)}"

    def named(self, name: str, **condition: str) -> list[Mapping[str, Any]]:
        """The metrics of this name whose condition holds the given values."""
        return [
            metric
            for metric in self.metrics
            if metric["name"] == name and condition.items() <= metric["condition"].items()
        ]

    @cached_property
    def scores(self) -> Sequence[Mapping[str, Any]]:
        """All samples, without texts."""
        return self.store.samples(self.run_id)

    @cached_property
    def failures(self) -> dict[str, int]:
        """Failed samples by the name of the failure."""
        return dict(sorted(Counter(row["error"] for row in self.scores if row["error"]).items()))

    @cached_property
    def outcomes(self) -> dict[str, int]:
        """Samples by outcome."""
        return dict(sorted(Counter(row["outcome"] for row in self.scores).items()))

    def browser_rows(self) -> list[dict[str, Any]]:
        """The first samples with prompt and answer, for the page's browser."""
        rows = self.store.samples(self.run_id, limit=MOST_SAMPLES, with_text=True)
        return [_browser_row(row) for row in rows]


def load_runs(store: Store, run_ids: Sequence[str] | None) -> list[RunView]:
    """The runs of a report, by task, then label.

    Args:
        run_ids: ids or unique beginnings; None: all.

    Raises:
        UserError: an unknown run, or none at all.
    """
    rows = [store.run(run_id) for run_id in run_ids] if run_ids else store.runs()
    if not rows:
        raise UserError(f"{store.results}: no run to report on; start with `unreason demo` or `unreason run`")
    rows = list({row["run_id"]: row for row in rows}.values())
    metrics: dict[str, list[Mapping[str, Any]]] = {row["run_id"]: [] for row in rows}
    for metric in store.metrics(sorted(metrics)):
        metrics[metric["run_id"]].append(metric)
    short = {row["run_id"]: PurePosixPath(row["model"]).name or row["model"] for row in rows}
    count = Counter((row["task"], short[row["run_id"]]) for row in rows)
    views = []
    for row in rows:
        name = short[row["run_id"]]
        alike = count[row["task"], name] > 1
        label = f"{name} ({row['run_id'].rpartition('-')[2]})" if alike else name
        views.append(RunView(row, metrics[row["run_id"]], label, store))
    return sorted(views, key=lambda view: (view.row["task"], view.label, view.run_id))


def _browser_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "doc": row["doc_id"],
        "mode": row["mode"],
        "condition": row["condition"],
        "target": row["target"],
        "answer": row["answer"],
        "outcome": row["outcome"],
        "error": row["error"],
        "scores": row["scores"],
        "asked": [_prompt(request) for request in row["requests"] or []],
        "said": [said for response, request in _pairs(row) for said in _said(request, response)],
    }


def _pairs(row: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    by_id = {response["request_id"]: response for response in row["responses"] or []}
    for request_id, request in zip(row["request_ids"] or [], row["requests"] or [], strict=False):
        yield by_id.get(request_id, {}), request


def _prompt(request: Mapping[str, Any]) -> str:
    prompt = request.get("prompt", request.get("context", ""))
    if isinstance(prompt, str):
        return prompt
    return "\n".join(f"[{turn.get('role')}] {turn.get('content')}" for turn in prompt)


def _said(request: Mapping[str, Any], response: Mapping[str, Any]) -> list[str]:
    if response.get("error"):
        return [f"{response['error']}: {response.get('error_detail', '')}"]
    if "scores" in response:
        continuations = request.get("continuations", [])
        ranked = sorted(zip(response["scores"], continuations, strict=False), key=lambda pair: -pair[0][0])
        lines = [f"{score[0]:9.3f}  {text.strip()}" for score, text in ranked[:_TOP_CANDIDATES]]
        more = len(ranked) - len(lines)
        return ["\n".join([*lines, *([f"... and {more} less likely"] if more > 0 else [])])]
    return [text for text, _ in response.get("texts", [])]
