"""Intervals and tests, the same for every task: clustered bootstrap, Wilson, sign flips, Holm.

Built on numpy, scipy and statsmodels, which are imported where they are used. Every interval is at 95 %.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 2000
EXACT_UP_TO = 13  # sign flips of so many values are enumerated
_Z = 1.959963984540054  # standard errors in half of a 95 % interval
_MANY, _FEW_KINDS = 500, 256  # rows, of so many different ones, of which counts are drawn instead of rows
_ENTRIES = 400_000  # of a table of drawn clusters that is held at once


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its standard error and 95 % interval; `n` values in `n_clusters` units of resampling.

    Attributes:
        dropped: resamples in which the value was not defined.
    """

    value: float
    stderr: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    n_clusters: int
    dropped: int = 0


def bootstrap_mean(
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    is_share: bool = True,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Mean over clusters of the mean within a cluster, with a percentile bootstrap over clusters.

    Clusters of equal size make this the plain mean. Shares that are all 0, or all 1, get the Wilson interval over
    clusters, since no resample could show that a rate is uncertain.

    Args:
        values: (n,) finite numbers.
        clusters: (n,) unit of resampling of each value; by default each value is its own.
        is_share: the values lie between 0 and 1; False for what has another scale (nats).

    Raises:
        ValueError: no value, or lengths that differ.
    """
    means = cluster_means(values, clusters)
    value, draws = float(means.mean()), _resampled(means[:, None], resamples, seed)[:, 0]
    if is_share and len(set(values)) == 1 and float(values[0]) in (0.0, 1.0):
        low, high = wilson(round(value * len(means)), len(means))
        return Estimate(value, 0.0, low, high, len(values), len(means))
    return _estimate(value, draws, len(values), len(means))


def bootstrap_statistic(
    rows: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """A statistic of several columns, all taken from the same resampled clusters (a ratio or gap of two scores).

    Args:
        rows: (n_clusters, n_columns) one row a cluster; NaN where a cluster has no such value.
        statistic: column means (..., n_columns) -> value (...,); a NaN value leaves a resample out.
    """
    import numpy as np

    value = float(statistic(np.nanmean(rows, axis=0)))
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a resample in which a column has no value
        draws = statistic(_resampled(rows, resamples, seed))
    return _estimate(value, draws[np.isfinite(draws)], len(rows), len(rows))


def bootstrap_columns(
    rows: np.ndarray,
    statistics: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Several statistics of the column means, all from the same resampled clusters, in little memory.

    A statistic that is not defined (NaN) for the data has value NaN; with over 5 % such resamples it has no interval.

    Args:
        rows: (n_clusters, n_columns) finite numbers, one row a cluster: sums and counts make ratios of clusters of
            unequal size.
        statistics: name -> function of column means (..., n_columns) that gives values (...,).
    """
    import numpy as np

    n = len(rows)
    generator, means = np.random.default_rng(seed), np.empty((resamples, rows.shape[1]))
    step = max(1, _ENTRIES // n)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        picks = generator.integers(0, n, size=(size, n)) + np.arange(size)[:, None] * n
        means[start : start + size] = np.bincount(picks.ravel(), minlength=size * n).reshape(size, n) @ rows / n
    found = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for name, statistic in statistics.items():
            value, draws = float(statistic(rows.mean(axis=0))), np.asarray(statistic(means))
            kept = draws[np.isfinite(draws)]
            dropped = resamples - len(kept)
            is_enough = math.isfinite(value) and dropped <= 0.05 * resamples
            found[name] = replace(_estimate(value, kept if is_enough else (), n, n), dropped=dropped)
    return found


def paired_difference(
    first: Sequence[float],
    second: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Mean of ``second - first`` over pairs, resampled by cluster, so both arms come from the same resample."""
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values cannot be paired")
    means = cluster_means([b - a for a, b in zip(first, second, strict=True)], clusters)
    return _estimate(float(means.mean()), _resampled(means[:, None], resamples, seed)[:, 0], len(first), len(means))


def cluster_means(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> np.ndarray:
    """(n_clusters,) mean of each cluster, in the order in which the clusters first occur."""
    import numpy as np

    if not len(values):
        raise ValueError("no values")
    array = np.asarray(values, dtype=float)
    if clusters is None:
        return array
    if len(clusters) != len(array):
        raise ValueError(f"{len(array)} values, but {len(clusters)} clusters")
    index: dict[Hashable, int] = {}
    codes = np.array([index.setdefault(cluster, len(index)) for cluster in clusters])
    means: np.ndarray = np.bincount(codes, weights=array) / np.bincount(codes)
    return means


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate (Wilson 1927).

    In closed form, and the same to the last bit as `scipy.stats.binomtest(...).proportion_ci(method="wilson")`, which
    searches for an exact p-value first and takes thousands of times as long.

    Raises:
        ValueError: no trial, or not between 0 and `n` successes.
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} successes of {n}")
    rate, z = successes / n, _Z
    scale = 2 * (n + z**2)
    center, half = (2 * n * rate + z**2) / scale, z / scale * math.sqrt(4 * n * rate * (1 - rate) + z**2)
    return 0.0 if successes == 0 else center - half, 1.0 if successes == n else center + half


def agresti_coull(successes: float, n: float) -> tuple[float, float, float]:
    """Standard error and 95 % interval (clipped to 0 and 1) of a rate, with two successes and two failures added.

    Args:
        successes: need not be whole, for a published rate times n.
    """
    n_added = n + 4
    rate = (successes + 2) / n_added
    stderr = math.sqrt(rate * (1 - rate) / n_added)
    return stderr, max(0.0, rate - 1.96 * stderr), min(1.0, rate + 1.96 * stderr)


def mean_stderr(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> float | None:
    """Standard error of a plain mean, robust to clusters; None for a single value or cluster.

    ``sqrt(G / (G - 1) * sum over clusters of (sum of residuals)^2) / n``; with every value its own cluster this is
    ``sd / sqrt(n)`` (ddof 1).

    Raises:
        ValueError: lengths that differ.
    """
    n = len(values)
    mean = math.fsum(values) / n if n else 0.0
    residuals: dict[Hashable, float] = {}
    for value, cluster in zip(values, range(n) if clusters is None else clusters, strict=True):
        residuals[cluster] = residuals.get(cluster, 0.0) + value - mean
    if len(residuals) < 2:
        return None
    factor = len(residuals) / (len(residuals) - 1)
    return math.sqrt(factor * math.fsum(total * total for total in residuals.values())) / n


def paired_binary_stderr(up: int, down: int, n: int) -> float:
    """Standard error of the change of a rate between two arms of the same n items, with pseudo-counts.

    Args:
        up: items wrong in the first arm and right in the second; down: the reverse.
    """
    more, less, n_added = up + 0.5, down + 0.5, n + 2
    return math.sqrt(more + less - (more - less) ** 2 / n_added) / n_added


def student_interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean of independent repetitions (seeds), and its 95 % interval by Student's t; no interval for one value."""
    import numpy as np
    from scipy import stats

    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact p of paired yes-or-no outcomes, from the numbers of discordant pairs; 1 where there are none."""
    from statsmodels.stats.contingency_tables import mcnemar

    return float(mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue)


def binomial_p(successes: int, n: int, chance: float) -> float:
    """One-sided exact p: as many successes or more if each had probability `chance`."""
    from scipy.stats import binomtest

    return float(binomtest(successes, n, chance, alternative="greater").pvalue)


def sign_flip_test(
    values: Sequence[float], *, two_sided: bool = False, resamples: int = 10_000, seed: int = 0
) -> float:
    """p of the mean of `values` under random sign flips; H0: symmetric about 0.

    All 2^n flips for n <= 13, else ``(1 + hits) / (1 + resamples)``.
    """
    import numpy as np

    array = np.asarray(values, dtype=float)
    if not len(array):
        raise ValueError("no values")
    if len(array) <= EXACT_UP_TO:
        numbers = np.arange(2 ** len(array))[:, None] >> np.arange(len(array))
        signs, extra = 1 - 2 * (numbers & 1), 0
    else:
        signs, extra = np.random.default_rng(seed).choice([-1, 1], size=(resamples, len(array))), 1
    flipped, observed = signs @ array, array.sum()
    if two_sided:
        flipped, observed = np.abs(flipped), abs(observed)
    hits = int((flipped >= observed - 1e-12 * max(1.0, np.abs(array).sum())).sum())
    return (extra + hits) / (extra + len(signs))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction of a family of p-values: the i-th smallest of n times n - i + 1, never falling, at most 1.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979. Not by
    statsmodels, whose function collects garbage in all of memory at each call.
    """
    import numpy as np

    array = np.asarray(p_values, dtype=float)
    order = array.argsort(kind="stable")
    corrected = np.empty_like(array)
    corrected[order] = np.maximum.accumulate(array[order] * np.arange(len(array), 0, -1)).clip(max=1.0)
    return [float(p) for p in corrected]


def _picks(n: int, resamples: int, seed: int, width: int = 1) -> Iterator[np.ndarray]:
    """Resampled indices (some, n), part after part: together those of one draw, but never all of them in memory.

    Args:
        width: numbers that will be looked up for each index.
    """
    import numpy as np

    generator, step = np.random.default_rng(seed), max(1, _ENTRIES // (n * width))
    for start in range(0, resamples, step):
        yield generator.integers(0, n, size=(min(step, resamples - start), n))


def _resampled(rows: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """(resamples, n_columns) column means of resampled rows (n, n_columns), NaN left out.

    Of many rows of few kinds only the counts of the kinds are drawn, which is the same law in a fraction of the time.
    """
    import numpy as np

    n, width = rows.shape
    if n >= _MANY:
        kinds, counts = np.unique(np.where(np.isnan(rows), np.inf, rows), axis=0, return_counts=True)
        if len(kinds) <= _FEW_KINDS:
            drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=resamples)  # (resamples, n_kinds)
            there = np.isfinite(kinds)
            return (drawn @ np.where(there, kinds, 0.0)) / (drawn @ there)
    if width == 1 and not np.isnan(rows).any():
        return np.concatenate([rows[picks, 0].mean(axis=1) for picks in _picks(n, resamples, seed)])[:, None]
    return np.concatenate([np.nanmean(rows[picks], axis=1) for picks in _picks(n, resamples, seed, width)])


def _estimate(value: float, draws: Any, n: int, n_clusters: int) -> Estimate:
    import numpy as np

    if n_clusters < 2 or not len(draws):
        return Estimate(value, None, None, None, n, n_clusters)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(value, float(np.std(draws, ddof=1)), float(low), float(high), n, n_clusters)
