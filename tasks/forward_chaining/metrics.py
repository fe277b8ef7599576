"""Figures of a run: how far problems are solved, by arm and by the order in which their definitions were told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from suite.stats import bootstrap_mean
from suite.task import Condition, Metric, Mode, Sample

SCORES = ("steps_solved", "solved", "retrieved", "computed")
_HEADLINES = ("steps_solved", "solved")


def chain_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Means over problems of each cell, with percentile bootstraps; a problem without an answer is not solved."""
    cells: dict[tuple[Mode, tuple[tuple[str, object], ...]], list[Sample]] = defaultdict(list)
    for sample in samples:
        cells[sample.mode, tuple(sorted(sample.condition.items()))].append(sample)
    found = []
    for (mode, keys), chosen in sorted(cells.items(), key=lambda item: (item[0][0], str(item[0][1]))):
        condition: Condition = dict(keys)  # type: ignore[arg-type]
        found += [metric for name in SCORES for metric in _mean(name, mode, condition, chosen)]
    return found


def _mean(name: str, mode: Mode, condition: Condition, samples: Sequence[Sample]) -> list[Metric]:
    if name == "retrieved" and condition["arm"] == "context":
        return []
    values = [0.0 if sample.error else float(sample.scores[name] or 0.0) for sample in samples]
    failed = sum(sample.error is not None for sample in samples)
    note = f"{failed} of {len(samples)} problems had no answer" if failed else ""
    estimate = bootstrap_mean(values, [sample.cluster for sample in samples])
    headline = name in _HEADLINES
    return [Metric.of(name, estimate, mode=mode, condition=condition, headline=headline, note=note)]
