"""Figures of a run from its samples: means of each arm, contrasts within items, the spread over clue orders, people.

Items are the docs, arms the walls of an item; orders of a wall are averaged before anything else. Intervals resample
herring words (quads) or walls. A failed sample counts as an answer without groups.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from suite.stats import Estimate, mcnemar_exact
from suite.task import Condition, Metric, Mode, Sample, Scalar
from tasks.only_connect_wall.answers import STATUSES
from tasks.only_connect_wall.effects import BINARY, Contrast, contrasts
from tasks.only_connect_wall.intervals import pooled_means
from tasks.only_connect_wall.items import QUAD
from tasks.only_connect_wall.scoring_fixation import PLACES

HEADLINES = ("solved", "correct_groups", "em", "alias_match")
RATES = frozenset(
    [
        "solved",
        "valid",
        "host_correct",
        "lured",
        "group1_found",
        "critical_preferred",
        "status_share",
        "critical_place",
        "paper_solved",
        "paper_fails",
        "human_solved",
    ]
)
SPREAD = ("solved", "correct_groups", "clue_acc")
# What a failed call counts as; every other score is 0 then, and log-probabilities are missing.
_FAILED = {"misplaced": 1.0, "paper_wd": 1.0, "n_missing": None, "to_missing": 1.0}
_NOT_FAILED = ("margin", "margin_per_char", "critical_preferred", "human_groups", "human_solved", "human_connections")
_LOWER = (
    "misplaced",
    "paper_wd",
    "lured",
    "sub_rh",
    "sub_rh_primed",
    "sub_rh_unrelated",
    "did",
    "priming_effect",
    "critical_preferred",
)
_NEITHER = (
    "base_abs",
    "dose_slope",
    "extra_slope",
    "phantom_effect",
    "margin",
    "margin_per_char",
    "gathering",
    "paired_group1",
)
_PUBLIC_ONLY_PAPER = "for comparison with published figures only"
CHANCE = {"correct_groups": 4 / 455, "solved": 1 / 2_627_625, "fms": 0.2, "ari": 0.0, "ami": 0.0}

_Column = tuple[str, tuple[tuple[str, Scalar], ...]]  # metric name, what its condition adds


@dataclass(frozen=True)
class _Cell:
    """The samples of one mode and one way of asking: by item, arm and order.

    Attributes:
        condition: without arm and shuffle.
    """

    mode: Mode
    condition: Condition
    items: Mapping[str, Mapping[str, Sequence[Sample]]]

    @property
    def clusters(self) -> list[str]:
        return [next(iter(arms.values()))[0].cluster for arms in self.items.values()]

    @property
    def arms(self) -> list[str]:
        return list(dict.fromkeys(arm for arms in self.items.values() for arm in arms))


def wall_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Every figure of a run; README.md lists them by name."""
    return [metric for cell in _cells(samples) for metric in _cell_metrics(cell)]


def _cells(samples: Sequence[Sample]) -> list[_Cell]:
    found: dict[tuple[Mode, tuple[tuple[str, Scalar], ...]], dict[str, dict[str, list[Sample]]]] = {}
    for sample in sorted(samples, key=_place):
        keys = tuple(sorted((k, v) for k, v in sample.condition.items() if k not in ("arm", "shuffle")))
        items = found.setdefault((sample.mode, keys), {})
        items.setdefault(sample.doc_id, {}).setdefault(str(sample.condition.get("arm", "wall")), []).append(sample)
    ordered = sorted(found.items(), key=lambda one: (one[0][0], str(one[0][1])))
    return [_Cell(mode, dict(keys), items) for (mode, keys), items in ordered]


def _place(sample: Sample) -> tuple[str, int, str, int]:
    """Items in order; their arms as people read them: BASE before RH, r0 before r3."""
    arm, shuffle = str(sample.condition.get("arm", "")), sample.condition.get("shuffle")
    known = QUAD.index(arm) if arm in QUAD else len(QUAD)
    return sample.doc_id, known, arm, shuffle if isinstance(shuffle, int) else 0


def _cell_metrics(cell: _Cell) -> Iterator[Metric]:
    names = dict.fromkeys(name for arms in cell.items.values() for ss in arms.values() for s in ss for name in s.scores)
    columns: list[dict[_Column, float | None]] = []
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for arms in cell.items.values():
        means = {arm: {name: _mean(samples, name) for name in names} for arm, samples in arms.items()}
        found = list(contrasts(means))
        columns.append(_arm_columns(means) | _contrast_columns(found))
        for contrast in found:
            if contrast.pair is not None and contrast.measure in (*BINARY, "group1_found"):
                pairs[contrast.name, contrast.measure].append(contrast.pair)
    shown = dict.fromkeys(column for row in columns for column in row)
    rates = {_key(column) for column in shown if column[0] in RATES}
    rows = [{_key(column): value for column, value in row.items()} for row in columns]
    estimates = pooled_means(rows, cell.clusters, rates=rates)
    for column in shown:
        if (estimate := estimates.get(_key(column))) is not None:
            yield _metric(cell, column, estimate)
    for (name, measure), values in pairs.items():
        yield from _mcnemar(cell, name, measure, values)
    for arm in cell.arms:
        yield from _spread(cell, arm)
    yield _failed(cell)
    if "correct_groups" in names:
        yield from (_chance(cell, name, value) for name, value in CHANCE.items())


def _mean(samples: Sequence[Sample], name: str) -> float | None:
    """A score of a wall, over the orders of its clues."""
    values = [_value(sample, name) for sample in samples]
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _value(sample: Sample, name: str) -> float | None:
    if sample.error is not None:
        return None if name in _NOT_FAILED else _FAILED.get(name, 0.0)
    if name.startswith("status_"):
        return sample.scores.get(name, 0.0)
    return sample.scores.get(name)


def _arm_columns(means: Mapping[str, Mapping[str, float | None]]) -> dict[_Column, float | None]:
    """A column a score and arm; statuses and places become shares of one metric each."""
    columns: dict[_Column, float | None] = {}
    for arm, scores in means.items():
        for name, value in scores.items():
            kind, _, rest = name.partition("_")
            if kind == "status" and rest in STATUSES:
                column: _Column = ("status_share", (("arm", arm), ("status", rest)))
            elif kind == "to" and rest in PLACES:
                column = ("critical_place", (("arm", arm), ("place", rest)))
            else:
                column = (name, (("arm", arm),))
            columns[column] = value
    return columns


def _contrast_columns(found: Sequence[Contrast]) -> dict[_Column, float | None]:
    return {(one.name, (("measure", one.measure),)): one.value for one in found}


def _key(column: _Column) -> str:
    name, more = column
    return "\x1f".join([name, *(f"{key}={value}" for key, value in more)])


def _metric(cell: _Cell, column: _Column, found: Estimate) -> Metric:
    name, more = column
    condition = {**cell.condition, **dict(more)}
    measure = str(dict(more).get("measure", ""))
    return Metric(
        name=name,
        value=found.value,
        mode=cell.mode,
        condition=condition,
        stderr=found.stderr,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        n=found.n,
        n_clusters=found.n_clusters,
        higher_is_better=_better(name),
        headline=name in HEADLINES or (name in ("sub_rh", "did") and measure in ("correct_groups", "lured")),
        note=_PUBLIC_ONLY_PAPER if name.startswith("paper_") else "",
    )


def _better(name: str) -> bool | None:
    if name in _NEITHER or name.startswith(("n_", "human_", "status", "critical_place")):
        return None
    return name not in _LOWER


def _mcnemar(cell: _Cell, name: str, measure: str, pairs: Sequence[tuple[float, float]]) -> Iterator[Metric]:
    """Exact p of paired binary outcomes; not defined where several orders of a wall were averaged."""
    if any(value not in (0.0, 1.0) for pair in pairs for value in pair):
        return
    only_first = sum(first > second for first, second in pairs)
    only_second = sum(second > first for first, second in pairs)
    yield Metric(
        name=f"{name}_p",
        value=mcnemar_exact(only_first, only_second),
        mode=cell.mode,
        condition={**cell.condition, "measure": measure},
        n=len(pairs),
        n_clusters=len(set(cell.clusters)),
        higher_is_better=None,
        note=f"exact McNemar, two-sided; discordant pairs {only_first} and {only_second}; takes pairs for independent",
    )


def _spread(cell: _Cell, arm: str) -> Iterator[Metric]:
    """Standard deviation, over orders of the clues, of the mean over walls; no part of the sampling interval."""
    by_order: dict[Scalar, list[Sample]] = defaultdict(list)
    for arms in cell.items.values():
        for sample in arms.get(arm, ()):
            by_order[sample.condition.get("shuffle")].append(sample)
    if len(by_order) < 2:
        return
    for name in SPREAD:
        means = []
        for samples in by_order.values():
            values = [value for sample in samples if (value := _value(sample, name)) is not None]
            means.append(fmean(values) if values else 0.0)
        condition = {**cell.condition, "arm": arm, "measure": name}
        note = f"between {len(means)} orders of the clues"
        yield Metric("shuffle_sd", stdev(means), cell.mode, condition, n=len(means), higher_is_better=None, note=note)


def _failed(cell: _Cell) -> Metric:
    samples = [sample for arms in cell.items.values() for own in arms.values() for sample in own]
    count = sum(sample.error is not None for sample in samples)
    note = "calls without an answer: scored as no groups" if count else ""
    return Metric("failed", count, cell.mode, cell.condition, n=len(samples), higher_is_better=False, note=note)


def _chance(cell: _Cell, name: str, value: float) -> Metric:
    note = "a random partition, on average"
    return replace(_failed(cell), name=f"{name}_chance", value=value, higher_is_better=None, note=note)
