"""Documents, pairs and the needle: accuracy by the place of gold, and the shape of that curve.

The curve's terms follow Liu et al., "Lost in the Middle" (arXiv 2307.03172); `curvature` is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from suite.task import Metric
from tasks.position_bias.metric_cells import (
    Cell,
    Means,
    Statistic,
    estimates,
    gold_slot,
    is_right,
    metric,
    order_of,
    share,
)
from tasks.position_bias.metrics_accuracy import at_slots, position_effect, rates

SHAPES = ("primacy", "recency", "dip_mean", "dip_min", "range", "asym", "curvature")
_SCORES = {"subspan_token": "subspan_token", "kv_exclusive": "exclusive"}
_NOTES = {
    "primacy": "first place less the mean of those between",
    "recency": "last place less the mean of those between",
    "dip_mean": "mean of the ends less the mean between them",
    "dip_min": "mean of the ends less the lowest between them",
    "range": "highest less lowest",
    "asym": "first less last place",
    "curvature": "coefficient of (x - 0.5)^2 over relative places x; positive: lost in the middle",
}


def docqa_metrics(cell: Cell) -> Iterator[Metric]:
    """All figures of one number of documents (pairs, sentences) under one label mode; or of a baseline."""
    yield from rates(cell)
    for score, name in _SCORES.items():
        if any(score in sample.scores for sample in cell.samples):
            found = share({item: [is_right(one, score) for one in own] for item, own in cell.items.items()})
            if found is not None:
                yield metric(cell, name, found)
    if cell.arm == "move_gold":
        yield from at_slots(cell)
        yield from curve(cell)


def curve(cell: Cell) -> Iterator[Metric]:
    """The terms of the curve over the places of the gold segment, and whether the place matters at all."""
    slots = sorted({gold_slot(sample) for sample in cell.samples})
    if not cell.complete or len(slots) < 2:
        return
    rows = []
    for own in cell.complete.values():
        row = {f"n_{gold_slot(sample)}": 0.0 for sample in own} | {f"right_{gold_slot(sample)}": 0.0 for sample in own}
        for sample in own:
            row[f"n_{gold_slot(sample)}"] += 1
            row[f"right_{gold_slot(sample)}"] += is_right(sample)
        rows.append(row)
    k = max(len(order_of(sample)) for sample in cell.samples)
    statistics = {name: _of_curve(name, slots, k) for name in SHAPES}
    for name, found in estimates(rows, statistics).items():
        note = _NOTES[name] if len(slots) > 2 else "needs 3 places"
        yield metric(cell, name, found, better=None, note=note)
    yield from position_effect(cell, slots)


def shapes(accuracies: Any, slots: Sequence[int], k: int) -> dict[str, Any]:
    """The terms of curves; NaN with fewer than 3 places.

    Args:
        accuracies: (..., places) by place, in the order of `slots`.
        k: segments of a prompt, so that the last slot is k - 1.
    """
    import numpy as np

    a = np.asarray(accuracies, dtype=float)
    if len(slots) < 3:
        return dict.fromkeys(SHAPES, np.full(a.shape[:-1], np.nan))
    first, inner, last = a[..., 0], a[..., 1:-1], a[..., -1]
    between, ends = inner.mean(axis=-1), (a[..., 0] + a[..., -1]) / 2
    return {
        "primacy": first - between,
        "recency": last - between,
        "dip_mean": ends - between,
        "dip_min": ends - inner.min(axis=-1),
        "range": a.max(axis=-1) - a.min(axis=-1),
        "asym": first - last,
        "curvature": quadratic(a, slots, k)[..., 2],
    }


def quadratic(accuracies: Any, slots: Sequence[int], k: int) -> Any:
    """(..., 3) least-squares coefficients of 1, x - 0.5 and (x - 0.5)^2 at x = slot / (k - 1)."""
    import numpy as np

    x = np.asarray(slots) / (k - 1) - 0.5
    design = np.stack([np.ones_like(x), x, x**2], axis=1)
    return np.asarray(accuracies, dtype=float) @ np.linalg.pinv(design).T


def below_closed_book(metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics, places noted at which accuracy is surely below that without any document."""
    baselines: Mapping[tuple[Any, ...], float] = {
        _source(one): one.value
        for one in metrics
        if one.name == "accuracy" and one.condition["arm"] == "closed_book" and one.value is not None
    }
    return [_flagged(one, baselines.get(_source(one))) for one in metrics]


def _flagged(one: Metric, closed_book: float | None) -> Metric:
    if one.name != "accuracy_at" or closed_book is None or one.ci_high is None or one.ci_high >= closed_book:
        return one
    flag = f"below_closed_book: {closed_book:.3f} without documents"
    return replace(one, note="; ".join(filter(None, (flag, one.note))))


def _source(one: Metric) -> tuple[Any, ...]:
    return one.mode, one.condition["family"], one.condition["source"]


def _of_curve(name: str, slots: Sequence[int], k: int) -> Statistic:
    import numpy as np

    def of(means: Means) -> Any:
        accuracies = np.stack([means.over(f"right_{slot}", f"n_{slot}") for slot in slots], axis=-1)
        return shapes(accuracies, slots, k)[name]

    return of
