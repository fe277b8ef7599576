"""Figures of a run: means of each cell with standard errors, what chance and a constant label get, and the trap's cost.

Standard errors are closed forms: Agresti-Coull for rates of independent items, sd / sqrt(n) for losses, the cluster
formula where several items share a template. A cell is a mode with a condition.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from suite.stats import agresti_coull, mean_stderr
from suite.task import Condition, Metric, Mode, Sample
from tasks.inverse_scaling.metrics_cost import trap_costs

MOST_FAILED = 0.02  # over this share without an answer, figures carry a note
MOST_LABELS = 8  # as many different right answers make a set of labels, which a constant answer could exploit
_ALIKE = ("source", "style", "variant", "shots", "swap")
_SEQUENCES = ("prompt-injection",)
_RATES = ("acc", "acc_norm", "trap", "other")
_LOWER = ("loss", "trap", "other", "logodds", "absolute_logodds", "unparsed")
_COUNTS = {
    "tie": "n_ties",
    "unparsed": "n_unparsed",
    "unscorable": "n_unscorable",
    "truncated": "n_truncated",
    "uneven_tokens": "n_uneven_tokens",
}
_FAILED: Mapping[str, float] = {"acc": 0.0, "acc_norm": 0.0, "trap": 0.0}  # an item without an answer is wrong


@dataclass(frozen=True)
class Cell:
    """The samples of one mode and condition, in order of their docs."""

    mode: Mode
    condition: Condition
    samples: Sequence[Sample]

    def column(self, name: str) -> tuple[list[float], list[str]]:
        """Values of a score and their clusters; failed items count as wrong where that is defined."""
        values: list[float] = []
        clusters: list[str] = []
        if name == "acc" and all(sample.scores.get("unscorable") == 1.0 for sample in self.samples):
            return values, clusters
        is_defined = any(sample.scores.get(name) is not None for sample in self.samples)
        for sample in self.samples:
            value = _FAILED.get(name) if sample.error else sample.scores.get(name)
            if value is not None and is_defined:
                values.append(value)
                clusters.append(sample.cluster)
        return values, clusters


def inverse_scaling_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Every figure of a run; README.md lists them by name."""
    cells = _cells(samples)
    found = [metric for cell in cells for metric in _cell_metrics(cell)]
    return [*found, *trap_costs(cells), *_means_over_tasks(found)]


def _cells(samples: Sequence[Sample]) -> list[Cell]:
    found: dict[tuple[Mode, str], list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda one: one.doc_id):
        found[sample.mode, str(sorted(sample.condition.items()))].append(sample)
    return [Cell(mode, dict(group[0].condition), group) for (mode, _), group in sorted(found.items())]


def _cell_metrics(cell: Cell) -> Iterator[Metric]:
    chance, chance_loss = _mean(cell, "chance"), _mean(cell, "chance_loss")
    failed, n = sum(sample.error is not None for sample in cell.samples), len(cell.samples)
    notes = [
        f"{count} of {n} items {what}"
        for count, what, tolerated in (
            (failed, "failed", MOST_FAILED),
            (round(sum(cell.column("unscorable")[0])), "unscorable", MOST_FAILED),
            (round(sum(cell.column("truncated")[0])), "without the beginning of their prompt", 0.0),
        )
        if count > tolerated * n
    ]
    names = dict.fromkeys(name for sample in cell.samples for name in sample.scores)
    for name in ("acc", "acc_norm", "loss", "coverage", "trap", "other", "prob", "logodds", "absolute_logodds"):
        if name in names or (name == "acc" and failed == len(cell.samples)):
            yield _mean_metric(cell, name, chance, notes)
    for name, value in (("chance", chance), ("chance_loss", chance_loss)):
        if value is not None:
            yield _line(cell, name, value, higher_is_better=None)
    yield from _labels(cell)
    for name, count in _COUNTS.items():
        if name in names:
            total = math.fsum(cell.column(name)[0])
            yield _line(cell, count, total, higher_is_better=None if name == "uneven_tokens" else False)
    yield _line(cell, "n_failed", float(failed), higher_is_better=False)


def _mean(cell: Cell, name: str) -> float | None:
    values, _ = cell.column(name)
    return math.fsum(values) / len(values) if values else None


def _mean_metric(cell: Cell, name: str, chance: float | None, notes: Sequence[str]) -> Metric:
    values, clusters = cell.column(name)
    is_rate = name in _RATES
    estimate = interval(values, clusters, is_rate=is_rate)
    if name == "acc" and chance is not None and estimate.high is not None and estimate.high < chance:
        notes = [*notes, "below chance"]
    if not values:
        notes = [*notes, "no item has this score"]
    return Metric(
        name,
        estimate.value,
        cell.mode,
        cell.condition,
        estimate.stderr,
        estimate.low,
        estimate.high,
        len(values),
        len(set(clusters)),
        higher_is_better=name not in _LOWER if name != "coverage" else None,
        headline=name == "acc" or (name == "loss" and chance is None),
        note="; ".join(notes),
    )


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its standard error and 95 % interval."""

    value: float | None
    stderr: float | None = None
    low: float | None = None
    high: float | None = None


def interval(values: Sequence[float], clusters: Sequence[str], *, is_rate: bool) -> Interval:
    """The plain mean of `values`, and how sure it is.

    Args:
        is_rate: values between 0 and 1; an interval that all items being alike would close is Agresti-Coull's, over
            clusters.
    """
    if not values:
        return Interval(None)
    n, n_clusters = len(values), len(set(clusters))
    mean = math.fsum(values) / n
    is_binary = is_rate and all(value in (0.0, 1.0) for value in values)
    shared = 1 < n_clusters < n
    stderr = mean_stderr(values, clusters if shared else None)
    if is_binary and (not shared or not stderr):
        units = n_clusters if shared else n
        return Interval(mean, *agresti_coull(mean * units, units))
    if stderr is None:
        return Interval(mean)
    low, high = mean - 1.96 * stderr, mean + 1.96 * stderr
    return Interval(mean, stderr, max(0.0, low) if is_rate else low, min(1.0, high) if is_rate else high)


def _labels(cell: Cell) -> Iterator[Metric]:
    """What one label for every item would get, and how varied the model's own answers are."""
    targets = Counter(sample.target for sample in cell.samples)
    if cell.condition.get("swap") or len(targets) > MOST_LABELS or not cell.column("acc")[0]:
        return
    n = len(cell.samples)
    shares = ", ".join(f"always {label}: {number / n:.3f}" for label, number in sorted(targets.items()))
    yield _line(cell, "constant_label", max(targets.values()) / n, higher_is_better=None, note=shares)
    given = Counter(sample.answer for sample in cell.samples if sample.scores.get("unparsed") != 1.0 and sample.answer)
    total = sum(given.values())
    if total:
        entropy = -math.fsum(number / total * math.log2(number / total) for number in given.values()) + 0.0
        note = f"always one label: {next(iter(given))}" if len(given) == 1 and total > 1 else ""
        yield _line(cell, "label_entropy", entropy, higher_is_better=None, note=note)


def _means_over_tasks(metrics: Sequence[Metric]) -> Iterator[Metric]:
    """`mean_acc`: the unweighted mean accuracy over the tasks of choice that were asked alike, if there are several."""
    groups: dict[tuple[Mode | None, str], list[Metric]] = defaultdict(list)
    for metric in metrics:
        if metric.name == "acc" and metric.value is not None and metric.condition["subtask"] not in _SEQUENCES:
            groups[metric.mode, str([metric.condition.get(key) for key in _ALIKE])].append(metric)
    for group in groups.values():
        if len(group) < 2:
            continue
        value = math.fsum(metric.value or 0.0 for metric in group) / len(group)
        stderr = math.sqrt(math.fsum((metric.stderr or 0.0) ** 2 for metric in group)) / len(group)
        condition = {key: group[0].condition[key] for key in _ALIKE if key in group[0].condition}
        yield Metric(
            "mean_acc",
            value,
            group[0].mode,
            {"subtask": "all", **condition},
            stderr,
            max(0.0, value - 1.96 * stderr),
            min(1.0, value + 1.96 * stderr),
            sum(metric.n for metric in group),
            sum(metric.n_clusters for metric in group),
            note=f"over {len(group)} tasks: {', '.join(str(metric.condition['subtask']) for metric in group)}",
        )


def _line(cell: Cell, name: str, value: float, *, higher_is_better: bool | None, note: str = "") -> Metric:
    return Metric(
        name,
        value,
        cell.mode,
        cell.condition,
        n=len(cell.samples),
        n_clusters=len({sample.cluster for sample in cell.samples}),
        higher_is_better=higher_is_better,
        note=note,
    )
