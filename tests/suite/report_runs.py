"""Makes finished runs of the reversal curse for the tests of the report, with any text in every column."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
from run_folders import metric_row, run_row, sample_row, write_folder

from suite.store import Store

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"{{7*7}}<!--${8*8}"
CELLS = (
    ("n2d_only", "n2d", "same"),
    ("n2d_only", "d2n", "reverse"),
    ("d2n_only", "d2n", "same"),
    ("d2n_only", "n2d", "reverse"),
    ("both", "n2d", "same"),
    ("both", "d2n", "same"),
)
SCORES = {"same": 1.0, "reverse": 0.25}


def cell(group: str, direction: str, seen: str, control: str = "none", **more: str) -> dict[str, str]:
    keys = {"track": "nd", "kind": "name", "group": group, "direction": direction, "seen": seen, "control": control}
    return {**keys, **more}


def curse_metrics(note: str = "", template: str = "t1", control: str | None = None) -> list[dict[str, Any]]:
    """Same direction 1.00, reverse 0.25, both 1.00, with chance and gaps."""
    rows = []
    for group, direction, seen in CELLS:
        value = SCORES[seen]
        here, width = cell(group, direction, seen), {"ci_low": value - 0.1, "ci_high": value}
        rows += [
            metric_row("em", condition=here, value=value, note=note, **width),
            metric_row("em_chance", condition=here, value=0.125, headline=False, ci_low=None, ci_high=None),
            metric_row("em_by_template", condition={**here, "template": template}, value=value, headline=False),
            metric_row("mrr", mode="loglikelihood", condition=here, value=value, **width),
            metric_row("mrr_chance", mode="loglikelihood", condition=here, value=0.3, headline=False),
            metric_row("delta", mode="loglikelihood", condition=here, value=8 * value, ci_low=1.0, ci_high=9.0),
        ]
        if control and seen == "reverse":
            rows.append(metric_row("em", condition=cell(group, direction, seen, control), value=0.9))
    for group in ("n2d_only", "d2n_only"):
        here = {"track": "nd", "kind": "name", "group": group, "control": "none"}
        rows.append(metric_row("gap", condition=here, value=0.75, ci_low=0.5, ci_high=0.875, headline=False, note=note))
    return rows


def curse_samples(text: str, n_samples: int) -> list[dict[str, Any]]:
    """Samples of all cells in turn; the first has failed."""
    request = {"type": "loglikelihood", "context": text, "continuations": [text, "b"]}
    answer = {"request_id": "r", "scores": [[-1.0, 2, True], [-2.5, 2, False]]}
    return [
        sample_row(
            number,
            doc_id=f"{text}{number:05}",
            mode="loglikelihood",
            condition={**cell(*CELLS[number % 6]), "template": f"{text}-{number % 2}"},
            cluster=f"{text}{number // 6}",
            target=text,
            request_ids=["r"],
            requests=[request],
            responses=[answer],
            scores={"d": 1.5 + number % 6, "rr": 0.5},
            outcome="wrong" if number else "error",
            answer=text,
            error=None if number else "timeout",
        )
        for number in range(n_samples)
    ]


def write_run(
    results: Path,
    run_id: str,
    *,
    text: str = "plain",
    n_samples: int = 12,
    metrics: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> None:
    """A finished run whose every text column holds `text`; `changes` are columns of the table runs."""
    name = re.sub(r"[^\w-]", "_", run_id)[:60] or "nameless"
    training = {"objective": text, "steps": 2, "seed": 0, "loss_curve": [[1, 2.0], [2, 1.0]]}
    row = run_row(
        name,
        task="reversal_curse",
        task_version=text,
        dataset_hash=text,
        model=f"hf/{text}",
        model_fingerprint=text,
        model_info={"parameters": 10, "dtype": text, "revision": text},
        options={"note": text},
        libraries={"torch": text},
        git_commit=text,
        training=training,
    )
    metrics = curse_metrics(text if text != "plain" else "", text) if metrics is None else metrics
    Store(results).ingest(write_folder(results, row | changes, curse_samples(text, n_samples), metrics))
    if name != run_id:  # as an imported run may be called
        with duckdb.connect(str(results / "unreason.duckdb")) as connection:
            for table in ("runs", "samples", "metrics"):
                connection.execute(f"UPDATE {table} SET run_id = ? WHERE run_id = ?", [run_id, name])
