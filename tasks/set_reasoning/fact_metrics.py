"""Figures of `mask_reversal`: two verdicts that must never be merged, filling a blank in the order told, and the
reversed order.

Verdicts say yes from 0.95, no up to 0.05, and partly between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from suite.stats import bootstrap_mean
from suite.task import Metric, Sample

YES, NO = 0.95, 0.05


def fact_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Accuracy of each word order, over everything that is asked in it, and of each kind of question."""
    verdicts = _by(samples, ("order", "both_fraction"), "accuracy_by_order", is_verdict=True)
    return [*verdicts, *_by(samples, ("order", "asked", "group", "both_fraction"), "accuracy", is_verdict=False)]


def verdict(value: float) -> str:
    """The word for an accuracy."""
    return "yes" if value >= YES else "no" if value <= NO else "partly"


def _by(samples: Sequence[Sample], keys: Sequence[str], name: str, *, is_verdict: bool) -> Iterator[Metric]:
    cells: dict[tuple[Any, ...], list[Sample]] = defaultdict(list)
    for sample in samples:
        cells[(sample.mode, *(sample.condition[key] for key in keys))].append(sample)
    for (mode, *values), own in cells.items():
        found = bootstrap_mean([float(one.scores.get("correct") or 0.0) for one in own], [one.cluster for one in own])
        condition = dict(zip(keys, values, strict=True))
        note = f"verdict: {verdict(found.value)}" if is_verdict else ""
        yield Metric.of(name, found, mode=mode, condition=condition, headline=is_verdict, note=note)
