"""What the pages show, read from the database and shaped for templates and charts."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from suite.errors import UserError
from suite.store import Store
from suite.store.exchange import file_stem

_BATCH = 5000  # samples in memory at once

_COUNTS = "SELECT run_id, outcome, error, count(*) AS n FROM samples GROUP BY ALL ORDER BY ALL"


@dataclass(frozen=True, eq=False)
class RunView:
    """A run with its metrics and samples, and a short label that tells it from the others of its report.

    Attributes:
        row: of the table runs.
        outcomes, failures: samples by outcome, and failed ones by the name of the failure.
    """

    row: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    label: str
    outcomes: Mapping[str, int]
    failures: Mapping[str, int]
    store: Store = field(repr=False)

    @property
    def run_id(self) -> str:
        return str(self.row["run_id"])

    @property
    def file(self) -> str:
        """Name of the run's page."""
        return f"run-{file_stem(self.run_id)}"

    @property
    def card(self) -> Mapping[str, Any]:
        """The model's card; empty for an imported run without one."""
        return _mapping(self.row["model_info"])

    @property
    def training(self) -> Mapping[str, Any]:
        """The content of `training.json` of a fine-tuned model; else empty."""
        return _mapping(self.row["training"])

    @cached_property
    def common(self) -> Mapping[str, Any]:
        """What all metrics of the run have in common, to be said once instead of in every row."""
        return common_part([metric["condition"] for metric in self.metrics])

    def named(self, name: str, **condition: str) -> list[Mapping[str, Any]]:
        """The metrics of this name whose condition holds the given values."""
        return [
            metric
            for metric in self.metrics
            if metric["name"] == name and condition.items() <= metric["condition"].items()
        ]

    def first(self, name: str, **condition: str) -> Mapping[str, Any] | None:
        """The first metric of `named` that has a value."""
        return next((metric for metric in self.named(name, **condition) if metric["value"] is not None), None)

    @property
    def n_samples(self) -> int:
        return sum(self.outcomes.values())

    def samples(self, most: int | None = None) -> Iterator[dict[str, Any]]:
        """All samples with their texts, or `most` drawn ones, in the order of their docs, held a few at a time."""
        if most is not None and most < self.n_samples:
            yield from self.store.drawn_samples(self.run_id, most)
            return
        for offset in range(0, self.n_samples, _BATCH):
            yield from self.store.samples(self.run_id, limit=_BATCH, offset=offset, with_text=True)


def load_runs(store: Store, run_ids: Sequence[str] | None) -> list[RunView]:
    """The runs of a report, by task, then label, in which numbers count as such.

    Args:
        run_ids: ids or unique beginnings; None: all.

    Raises:
        UserError: an unknown run, or none at all.
    """
    rows = [store.run(run_id) for run_id in run_ids] if run_ids else store.runs()
    if not rows:
        raise UserError(f"{store.results}: no run to report on; start with `unreason demo` or `unreason run`")
    rows = list({row["run_id"]: row for row in rows}.values())
    metrics: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for metric in store.metrics(sorted(row["run_id"] for row in rows)):
        metrics[metric["run_id"]].append(_finite(metric))
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    failures: dict[str, Counter[str]] = defaultdict(Counter)
    for count in store.sql(_COUNTS):
        outcomes[count["run_id"]][count["outcome"]] += count["n"]
        if count["error"]:
            failures[count["run_id"]][count["error"]] += count["n"]
    labels = _labels(rows)
    views = [
        RunView(row, metrics[run_id], labels[run_id], outcomes[run_id], failures[run_id], store)
        for row in rows
        for run_id in [row["run_id"]]
    ]
    return sorted(views, key=lambda view: (view.row["task"], _naturally(view.label), view.run_id))


def _naturally(label: str) -> list[tuple[int, str]]:
    """Orders steps-60 before steps-360."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"([0-9]+)", label)]


def cluster_means(runs: Sequence[RunView], score: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Mean of a score over the samples of each run, cluster and combination of condition values.

    Returns rows with run (a `RunView`), mode, cluster, value, and the `keys` as text (None where a condition has none).

    Args:
        score: a key of the samples' scores.
        keys: of the samples' conditions; both are names in code, never input.
    """
    assert all(name.isidentifier() for name in (score, *keys))
    columns = ", ".join(f"json_extract_string(condition, '/{key}') AS \"{key}\"" for key in keys)
    # a compensated sum does not depend on the order in which threads bring the samples
    mean = f"favg(TRY_CAST(json_extract_string(scores, '/{score}') AS DOUBLE))"
    query = f"SELECT run_id, mode, cluster, {columns}, {mean} AS value FROM samples GROUP BY ALL ORDER BY ALL"  # noqa: S608
    views = {run.run_id: run for run in runs}
    return [
        {**row, "run": views[row["run_id"]]}
        for row in (runs[0].store.sql(query) if runs else [])
        if row["run_id"] in views and row["value"] is not None and math.isfinite(row["value"])
    ]


def common_part(conditions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The keys that have one value in all conditions; none where there is but one condition."""
    if len({repr(sorted(condition.items(), key=str)) for condition in conditions}) < 2:
        return {}
    first, *others = conditions
    return {key: value for key, value in first.items() if all(key in one and one[key] == value for one in others)}


def _labels(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """A short name a run: its model's, with as much of the run's id as tells it from others of its task."""
    names = {row["run_id"]: PurePosixPath(row["model"]).name or row["run_id"] for row in rows}
    for more in (lambda run_id: run_id.rpartition("-")[2], lambda run_id: run_id):
        count = Counter((row["task"], names[row["run_id"]]) for row in rows)
        for row in rows:
            if count[row["task"], names[row["run_id"]]] > 1:
                name = PurePosixPath(row["model"]).name
                names[row["run_id"]] = f"{name} ({more(row['run_id'])})"
    return names


def _finite(metric: Mapping[str, Any]) -> dict[str, Any]:
    """Without numbers that JSON cannot hold, which an imported run may bring."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in metric.items()
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
