"""Cells of samples that belong together, and how their figures become metrics: one resample of items for all of them.

The unit of resampling is the item with all its arms: 10,000 paired percentile draws; single rates get
Wilson's interval. A failed call is wrong for `accuracy` and counted as `missing`; figures that compare arms leave out
items that lack one, and say how many.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from suite.stats import Estimate, bootstrap_columns, wilson
from suite.task import Condition, Metric, Mode, Sample, Scalar
from tasks.position_bias.items import IDENTICAL
from tasks.position_bias.permutations import Order, read

RESAMPLES = 10_000
FEW_ITEMS = 30
_SAME = 1e-9  # resamples that differ by less differ by rounding
BY_CONSTRUCTION = "consistent by construction"
_WITHIN = ("order", "gold_slot", "subset", "tau", "actual_tau")  # keys that differ within a cell
_GOLD_MOVES = {"o1": "swap", "o2": "swap"}


@dataclass(frozen=True)
class Cell:
    """The samples of one family, label mode and set of arms, by item.

    Attributes:
        condition: what they have in common; ``arm`` names the set (swap for o1 and o2, tau for tau1, tau0.5, ...).
    """

    mode: Mode
    condition: Condition
    items: Mapping[str, Sequence[Sample]]

    @property
    def arm(self) -> str:
        return str(self.condition["arm"])

    @property
    def samples(self) -> list[Sample]:
        return [sample for own in self.items.values() for sample in own]

    @cached_property
    def n_arms(self) -> int:
        """Arms of an item that has all of them."""
        return max(len(own) for own in self.items.values())

    @cached_property
    def complete(self) -> dict[str, Sequence[Sample]]:
        """The items that were answered in every arm."""
        return {
            item: own
            for item, own in self.items.items()
            if len(own) == self.n_arms and all(sample.error is None for sample in own)
        }


def cells(samples: Sequence[Sample]) -> list[Cell]:
    """The cells of a run, in a fixed order; the arms of an item are in the order of their conditions."""
    found: dict[tuple[Mode, tuple[tuple[str, Scalar], ...]], dict[str, list[Sample]]] = {}
    for sample in sorted(samples, key=lambda one: (one.doc_id, one.sample_id)):
        condition = {key: value for key, value in sample.condition.items() if key not in _WITHIN}
        condition["arm"] = _arm_set(sample)
        # questions with more options, and proofs with more distractors, have more places
        if "k" not in condition and (sample.condition["family"] == "mcq" or condition["arm"] == "condition_sweep"):
            condition["k"] = len(order_of(sample))
        keys = tuple(sorted(condition.items()))
        found.setdefault((sample.mode, keys), {}).setdefault(sample.doc_id, []).append(sample)
    ordered = sorted(found.items(), key=lambda one: (one[0][0], str(one[0][1])))
    return [Cell(mode, dict(keys), items) for (mode, keys), items in ordered]


def order_of(sample: Sample) -> Order:
    """The order of the segments: ``order[slot]`` is the content there."""
    return read(str(sample.condition["order"]))


def gold_slot(sample: Sample) -> int:
    """Where the gold segment stands."""
    slot = sample.condition["gold_slot"]
    assert isinstance(slot, int)
    return slot


def index_score(sample: Sample, name: str) -> int | None:
    """A score that is a number of a slot or content; None for invalid answers."""
    value = sample.scores.get(name)
    return None if value is None else int(value)


def is_right(sample: Sample, name: str = "correct") -> float:
    """1 or 0; failed calls are wrong."""
    return sample.scores.get(name) or 0.0


def is_invalid(sample: Sample) -> float:
    return sample.scores.get("invalid") or 0.0


class Means:
    """Column means by name, (...,) each; a column that no item has is 0."""

    def __init__(self, means: Any, places: Mapping[str, int]) -> None:
        self._means, self._places = means, places

    def __getitem__(self, name: str) -> Any:
        return self._means[..., self._places[name]] if name in self._places else 0.0 * self._means[..., 0]

    def over(self, top: str, bottom: str) -> Any:
        """The ratio of two columns; NaN where it is not defined."""
        import numpy as np

        with np.errstate(invalid="ignore", divide="ignore"):
            return self[top] / np.where(self[bottom] > 0, self[bottom], np.nan)


Statistic = Callable[[Means], Any]


def column(name: str) -> Statistic:
    """The statistic that is the mean of one column."""
    return lambda means: means[name]


def over(top: str, bottom: str) -> Statistic:
    """The statistic that is the ratio of two columns."""
    return lambda means: means.over(top, bottom)


def estimates(items: Sequence[Mapping[str, float]], statistics: Mapping[str, Statistic]) -> dict[str, Estimate]:
    """Each statistic of the items' columns with its interval, all from one resample of items.

    Args:
        items: column -> value of each item; a column that an item lacks is 0, so ratios need sums and counts.
    """
    import numpy as np

    places = {name: at for at, name in enumerate(dict.fromkeys(name for item in items for name in item))}
    rows = np.array([[item.get(name, 0.0) for name in places] for item in items], dtype=float)

    def of_means(statistic: Statistic) -> Callable[[np.ndarray], np.ndarray]:
        return lambda means: statistic(Means(means, places))

    wanted = {name: of_means(statistic) for name, statistic in statistics.items()}
    return bootstrap_columns(rows, wanted, resamples=RESAMPLES)


def metric(
    cell: Cell,
    name: str,
    found: Estimate,
    *,
    better: bool | None = True,
    note: str = "",
    is_share: bool = False,
    **more: Scalar,
) -> Metric:
    """A metric of the cell. A value that is not finite becomes None, with a note.

    Where all items are alike, resampling cannot show that the value is uncertain: a share of 0 or 1 gets Wilson's
    interval over items, anything else none.

    Args:
        is_share: a mean over items of numbers from 0 to 1.
        more: added to the condition.
    """
    if found.ci_low is not None and found.ci_high is not None and found.ci_high - found.ci_low < _SAME:
        is_end = is_share and found.value in (0.0, 1.0)
        low, high = wilson(round(found.value * found.n_clusters), found.n_clusters) if is_end else (None, None)
        found = replace(found, ci_low=low, ci_high=high)
    notes = [note] if note else []
    if found.ci_low is None and found.stderr is not None and found.stderr < _SAME:
        notes.append("all items are alike, so that there is no interval")
    is_defined = math.isfinite(found.value)
    if not is_defined:
        notes.append("infinite" if math.isinf(found.value) else "not defined here")
    if found.dropped and is_defined:
        unusable = ", too many for an interval" if found.dropped > 0.05 * RESAMPLES else ""
        notes.append(f"not defined in {found.dropped} of {RESAMPLES} resamples{unusable}")
    if found.n_clusters < FEW_ITEMS:
        notes.append(f"fewer than {FEW_ITEMS} items")
    return Metric(
        name,
        found.value if is_defined else None,
        cell.mode,
        {**cell.condition, **more},
        stderr=found.stderr,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        n=found.n,
        n_clusters=found.n_clusters,
        higher_is_better=better,
        note="; ".join(notes),
    )


def plain(cell: Cell, name: str, value: float | None, n: int, note: str = "", **more: Scalar) -> Metric:
    """A figure without an interval: a p-value, a count, a cost."""
    condition = {**cell.condition, **more}
    return Metric(name, value, cell.mode, condition, n=n, n_clusters=n, higher_is_better=None, note=note)


def share(values: Mapping[str, Sequence[float]]) -> Estimate | None:
    """The share of ones among the values of items: Wilson's interval where items have one each, else resampled.

    Args:
        values: 0 and 1 by item; items without values do not count.
    """
    known = [own for own in values.values() if own]
    if not known:
        return None
    total, n = sum(map(sum, known)), sum(map(len, known))
    if max(map(len, known)) == 1 or total in (0, n):
        low, high = wilson(round(total / n * len(known)), len(known))
        stderr = math.sqrt(total / n * (1 - total / n) / len(known))
        return Estimate(total / n, stderr, low, high, n, len(known))
    rows = [{"right": sum(own), "n": float(len(own))} for own in known]
    found = estimates(rows, {"share": over("right", "n")})["share"]
    return Estimate(found.value, found.stderr, found.ci_low, found.ci_high, n, len(known))


def _arm_set(sample: Sample) -> str:
    arm = str(sample.condition["arm"])
    if sample.condition.get("subset") == IDENTICAL:
        return IDENTICAL
    return "tau" if arm.startswith("tau") else _GOLD_MOVES.get(arm, arm)
