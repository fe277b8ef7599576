"""Means and their intervals for all figures of a cell at once, from one resample of clusters.

Percentile bootstrap, 10,000 resamples, seed 0. Clusters (herring words, walls) keep their size: the mean is over items,
not over clusters. Rates of items that are clusters of their own get Wilson's interval; a column in which all items are
alike gets no other, since no resample could show that its mean is uncertain.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from suite.stats import Estimate, wilson

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 10_000
_ENTRIES = 4_000_000  # of the table of drawn clusters that is held at once


def pooled_means(
    items: Sequence[Mapping[str, float | None]],
    clusters: Sequence[Hashable],
    *,
    rates: Container[str] = (),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The mean over items of every column, with standard error and 95 % interval.

    Args:
        items: one mapping an item; a column that is missing or None leaves the item out of that column's mean.
        clusters: the unit of resampling of each item.
        rates: columns of yes (1) or no (0), possibly averaged over several orders of a wall.
    """
    import numpy as np

    names = list(dict.fromkeys(name for item in items for name in item))
    if not names:
        return {}
    index: dict[Hashable, int] = {}
    codes = [index.setdefault(cluster, len(index)) for cluster in clusters]
    values = np.array([[item.get(name) for name in names] for item in items], dtype=float)  # None becomes NaN
    here = np.isfinite(values)
    sums, counts = np.zeros((len(index), len(names))), np.zeros((len(index), len(names)))
    np.add.at(sums, codes, np.where(here, values, 0.0))
    np.add.at(counts, codes, here)
    draws = _draws(sums, counts, resamples, seed)
    found = {}
    for at, name in enumerate(names):
        column, filled = values[here[:, at], at], counts[:, at]
        if len(column):
            alone = bool(filled.max() <= 1) or len(set(column)) == 1
            by_wilson = name in rates and alone and bool(np.isin(column, (0.0, 1.0)).all())
            found[name] = _estimate(column, draws[:, at], int((filled > 0).sum()), by_wilson)
    return found


def _draws(sums: np.ndarray, counts: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """(resamples, columns) means of resampled clusters; NaN where a resample has no item with the column."""
    import numpy as np

    n = len(sums)
    generator = np.random.default_rng(seed)
    step = max(1, _ENTRIES // n)
    out = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        picks = generator.integers(0, n, size=(size, n)) + np.arange(size)[:, None] * n
        times = np.bincount(picks.ravel(), minlength=size * n).reshape(size, n).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            out.append((times @ sums) / (times @ counts))
    return np.concatenate(out)


def _estimate(column: np.ndarray, draws: np.ndarray, n_clusters: int, by_wilson: bool) -> Estimate:
    import numpy as np

    value, draws = float(column.mean()), draws[np.isfinite(draws)]
    if by_wilson:
        low, high = wilson(round(value * n_clusters), n_clusters)
        return Estimate(value, float(draws.std(ddof=1)), low, high, len(column), n_clusters)
    if len(set(column)) == 1 or n_clusters == 1:
        return Estimate(value, None, None, None, len(column), n_clusters)
    low, high = (float(edge) for edge in np.percentile(draws, [2.5, 97.5]))
    return Estimate(value, float(draws.std(ddof=1)), low, high, len(column), n_clusters)
