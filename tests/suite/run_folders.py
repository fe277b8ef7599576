"""Makes run folders as the runner leaves them, for the tests of the store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from suite.identity import digest


def run_row(run_id: str = "toy-m-1", **changes: Any) -> dict[str, Any]:
    row = {
        "run_id": run_id,
        "task": "toy",
        "task_version": "1",
        "dataset_hash": "abc",
        "model": "scripted/constant",
        "model_fingerprint": "print-1",
        "model_info": {"name": "m", "parameters": 3},
        "options": {"n": 2, "names": ["Zoë"]},
        "mode": "generate",
        "status": "complete",
        "n_docs": 2,
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "cost_usd": 0.1 + 0.2,
        "seconds": 1.5,
        "started_at": "2026-01-01T10:00:00+00:00",
        "finished_at": "2026-01-01T10:00:02.250000+00:00",
        "libraries": {"python": "3.11"},
        "git_commit": "c0ffee",
        "training": None,
    }
    return row | changes


def sample_row(number: int = 0, **changes: Any) -> dict[str, Any]:
    request = {"type": "generate", "prompt": f"Who {number}?", "stop": ["\n"], "max_tokens": 8, "temperature": 0.0}
    request |= {"seed": 0, "n": 1, "json_schema": None, "top_logprobs": 0}
    row = {
        "sample_id": f"s{number:04}",
        "doc_id": f"doc-{number}",
        "mode": "generate",
        "condition": {"direction": "forward" if number % 2 else "reverse", "k": number % 3},
        "cluster": f"fact-{number // 2}",
        "target": "Ada",
        "request_ids": [digest(request)],
        "requests": [request],
        "responses": [{"request_id": digest(request), "texts": [["Ada", "stop"]], "prompt_tokens": 3}],
        "scores": {"em": float(number % 2), "rank": None},
        "outcome": "correct" if number % 2 else "wrong",
        "answer": "Ada",
        "error": None,
        "prompt_tokens": 3,
        "completion_tokens": 1,
        "cost_usd": 0.0,
        "latency_s": 0.25,
    }
    return row | changes


def metric_row(name: str = "em", **changes: Any) -> dict[str, Any]:
    row = {"name": name, "mode": "generate", "condition": {"direction": "reverse"}, "value": 0.5, "stderr": 0.1}
    row |= {"ci_low": 0.3, "ci_high": 0.7, "n": 4, "n_clusters": 2, "higher_is_better": True, "headline": True}
    return {**row, "note": "", **changes}


def lines_of(samples: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in samples)


def write_folder(
    results: Path,
    run: Mapping[str, Any] | None = None,
    samples: Iterable[Mapping[str, Any]] | None = None,
    metrics: Iterable[Mapping[str, Any]] | None = (),
) -> Path:
    """A folder ``results/runs/RUN_ID``; by default a complete run of four samples and no metrics file."""
    run = run or run_row()
    folder = results / "runs" / run["run_id"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    rows = [sample_row(number) for number in range(4)] if samples is None else samples
    (folder / "journal.jsonl").write_text(lines_of(rows), encoding="utf-8")
    if metrics:
        (folder / "metrics.json").write_text(json.dumps(list(metrics)), encoding="utf-8")
    return folder
