"""Ranks models by HVI, with the uncertainty of the ranks: all models are resampled together, cluster by cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from suite.stats import RESAMPLES, holm
from tasks.hilt.hvi import WEIGHT, Counts, Denominator, Index, Labelled, check, count, hvi, influences, linearised

if TYPE_CHECKING:
    import numpy as np

_EQUAL = 1e-9  # indices that differ by less share a rank


@dataclass(frozen=True, slots=True)
class Ranked:
    """A model's place, 1 for the lowest index.

    Attributes:
        rank_low, rank_high: 95 % interval of the rank over resamples; `best`: share of them in which it is first.
    """

    model: str
    index: Index
    rank: int
    rank_low: int
    rank_high: int
    best: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Index of `second` minus that of `first` on the same clusters; `p` is two-sided, corrected over all
    pairs; None where nothing varies."""

    first: str
    second: str
    value: float
    stderr: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Models in the order of their ranks, their pairwise differences, and models that have no index."""

    rows: tuple[Ranked, ...]
    differences: tuple[Difference, ...]
    unranked: tuple[tuple[str, Index], ...]


def rank(
    models: Mapping[str, Sequence[Labelled]],
    weight: float = WEIGHT,
    denominator: Denominator = "responsive",
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Ranking:
    """Ranks models that one judge has labelled on the same items.

    Raises:
        ValueError: models of different clusters, or a bad weight or number of resamples.
    """
    check(weight, resamples)
    indices = {
        name: hvi(labels, weight, denominator, resamples=resamples, seed=seed) for name, labels in models.items()
    }
    tables = {name: count(models[name]) for name, index in indices.items() if index.value is not None}
    if len({frozenset(table.clusters) for table in tables.values()}) > 1:
        raise ValueError("the models were asked about different items, so they have no common ranking")
    unranked = tuple((name, index) for name, index in indices.items() if index.value is None)
    if not tables:
        return Ranking((), (), unranked)
    tables = {name: _aligned(table, sorted(table.clusters)) for name, table in tables.items()}
    draws = _draws(tables, weight, denominator, resamples, seed)
    values = [indices[name].value or 0.0 for name in tables]
    rows = []
    for at, name in enumerate(tables):
        places = 1 + (draws < draws[:, [at]] - _EQUAL).sum(axis=1)
        low, high = _interval(places)
        place = 1 + sum(value < values[at] - _EQUAL for value in values)
        rows.append(Ranked(name, indices[name], place, low, high, float((places == 1).mean())))
    rows.sort(key=lambda row: (row.rank, row.model))
    return Ranking(tuple(rows), tuple(_differences(tables, values, weight, denominator)), unranked)


def _aligned(table: Counts, clusters: Sequence[str]) -> Counts:
    """The same counts with the clusters in this order."""
    place = {cluster: at for at, cluster in enumerate(table.clusters)}
    return Counts(tuple(clusters), table.columns, table.rows[[place[cluster] for cluster in clusters]])


def _draws(
    tables: Mapping[str, Counts], weight: float, denominator: Denominator, resamples: int, seed: int
) -> np.ndarray:
    """(resamples, n_models) indices, every row from one resample of clusters."""
    import numpy as np

    m = len(next(iter(tables.values())).clusters)
    picks = np.random.default_rng(seed).integers(0, m, size=(resamples, m))
    weights = np.apply_along_axis(np.bincount, 1, picks, minlength=m) / m
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [table.index(weight, denominator)(weights @ table.rows) for table in tables.values()]
    found = np.stack(columns, axis=1)
    return np.asarray(found[np.isfinite(found).all(axis=1)])


def _interval(places: np.ndarray) -> tuple[int, int]:
    import numpy as np

    low, high = np.percentile(places, [2.5, 97.5], method="closest_observation")
    return int(low), int(high)


def _differences(
    tables: Mapping[str, Counts], values: Sequence[float], weight: float, denominator: Denominator
) -> list[Difference]:
    from scipy.stats import norm

    parts = {name: influences(table, weight, denominator) for name, table in tables.items()}
    value = dict(zip(tables, values, strict=True))
    found = []
    for first, second in combinations(tables, 2):
        stderr = linearised(parts[second] - parts[first])
        gap = value[second] - value[first]
        p = 2 * float(norm.sf(abs(gap) / stderr)) if stderr else None
        found.append(Difference(first, second, gap, stderr, p))
    known = [one for one in found if one.p is not None]
    corrected = iter(holm([one.p for one in known if one.p is not None]))
    return [
        one if one.p is None else Difference(one.first, one.second, one.value, one.stderr, next(corrected))
        for one in found
    ]
