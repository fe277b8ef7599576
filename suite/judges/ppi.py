"""Rates of a cheap judge, corrected by a random subset of human labels: PPI++ and, where there are none, Rogan-Gladen.

Prediction-powered inference: Angelopoulos et al. 2023 (arXiv 2301.09633), with the tuned weight of PPI++
(arXiv 2311.01453). The subset must be a random sample of the same model's units: labels picked by the judge's own
verdict break it. Rogan and Gladen 1978 need no human label, but assume that the judge errs alike on every model.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.stats import RESAMPLES

if TYPE_CHECKING:
    import numpy as np

Z = 1.959963984540054  # the normal distribution's 97.5 % point
LEAST_CLUSTERS = 10  # labelled ones, from which a cluster bootstrap replaces the closed form


@dataclass(frozen=True, slots=True)
class Corrected:
    """A mean with its standard error and 95 % interval; `value` is None where it is not defined.

    Attributes:
        weight: PPI's lambda, the trust in the judge: 0 is human labels alone, 1 is plain PPI; None without one.
        n: units with a human label; n_unlabelled: units with the judge's alone.
    """

    value: float | None
    stderr: float | None
    ci_low: float | None
    ci_high: float | None
    weight: float | None = None
    n: int = 0
    n_unlabelled: int = 0


@dataclass(frozen=True)
class Stratum:
    """The units of one orientation (or other arm) of one model; values are 0 or 1, or weights of errors.

    Attributes:
        human, judge: (n,) values on the labelled units.
        unlabelled: (N,) the judge's values on all other units.
        clusters, unlabelled_clusters: (n,) and (N,) unit of resampling of each.
    """

    human: Sequence[float]
    judge: Sequence[float]
    unlabelled: Sequence[float]
    clusters: Sequence[Hashable] = ()
    unlabelled_clusters: Sequence[Hashable] = ()


def human_mean(human: Sequence[float]) -> Corrected:
    """The mean of the human labels alone, with the normal interval.

    Raises:
        ValueError: no label.
    """
    import numpy as np

    values = _some(human)
    return _normal(float(values.mean()), float(np.sqrt(values.var() / len(values))), None, len(values), 0)


def ppi_mean(
    human: Sequence[float], judge: Sequence[float], unlabelled: Sequence[float], weight: float | None = None
) -> Corrected:
    """The mean over all units by PPI++.

    Args:
        human, judge: (n,) both judges' values on the labelled units.
        unlabelled: (N,) the judge's values on the others.
        weight: lambda in [0, 1]; by default the one of least variance. 1 is plain PPI.

    Raises:
        ValueError: n or N is 0, or lengths that differ.
    """
    import numpy as np

    y, f, rest = _some(human), _some(judge), _some(unlabelled)
    if len(y) != len(f):
        raise ValueError(f"{len(y)} human and {len(f)} judge labels of the same units")
    value, chosen = _estimate(y, f, rest, weight)
    variance = chosen**2 * rest.var() / len(rest) + (y - chosen * f).var() / len(y)
    return _normal(value, float(np.sqrt(variance)), chosen, len(y), len(rest))


def ppi_index(strata: Sequence[Stratum], *, seed: int = 0) -> Corrected:
    """100 times the mean of the strata's PPI++ means: with both orientations, the corrected HVI.

    Each stratum counts alike whatever its size. With at least ten labelled clusters the interval comes from a
    bootstrap over clusters of the whole estimator, otherwise units count as independent.

    Raises:
        ValueError: no stratum, or one without labelled or unlabelled units.
    """
    import numpy as np

    parts = [ppi_mean(part.human, part.judge, part.unlabelled) for part in strata]
    value = 100 * float(np.mean([part.value for part in parts]))
    error = 100 / len(parts) * float(np.sqrt(sum((part.stderr or 0.0) ** 2 for part in parts)))
    n, rest = sum(part.n for part in parts), sum(part.n_unlabelled for part in parts)
    if len({cluster for part in strata for cluster in part.clusters}) < LEAST_CLUSTERS:
        return _normal(value, error, None, n, rest)
    draws = 100 * _bootstrap(strata, seed)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Corrected(value, float(draws.std(ddof=1)), float(low), float(high), None, n, rest)


def rogan_gladen(positive: int, n: int, sensitivity: tuple[int, int], specificity: tuple[int, int]) -> Corrected:
    """The rate behind `positive` of `n` units, given how the judge did on units of known truth.

    Args:
        sensitivity, specificity: (right, all) of the units that are hallucinated, and of those that are not.
    """
    (hits, n1), (passes, n0) = sensitivity, specificity
    if not n or not n1 or not n0 or hits / n1 + passes / n0 <= 1:
        return Corrected(None, None, None, None, n=0, n_unlabelled=n)
    se, sp, rate = hits / n1, passes / n0, positive / n
    value = min(1.0, max(0.0, (rate + sp - 1) / (se + sp - 1)))
    variance = rate * (1 - rate) / n + value**2 * se * (1 - se) / n1 + (1 - value) ** 2 * sp * (1 - sp) / n0
    return _normal(value, variance**0.5 / (se + sp - 1), None, 0, n)


def _estimate(y: np.ndarray, f: np.ndarray, rest: np.ndarray, weight: float | None = None) -> tuple[float, float]:
    """(theta, lambda); covariance with 1/n, the pooled variance of the judge with one degree of freedom less."""
    import numpy as np

    if weight is None:
        spread = (1 + len(y) / len(rest)) * np.concatenate([f, rest]).var(ddof=1)
        weight = float(np.clip(((y - y.mean()) * (f - f.mean())).mean() / spread, 0, 1)) if spread > 0 else 0.0
    return float(y.mean() + weight * (rest.mean() - f.mean())), weight


def _bootstrap(strata: Sequence[Stratum], seed: int) -> np.ndarray:
    """Means over strata in resamples of clusters, labelled and unlabelled units of a cluster together."""
    import numpy as np

    every = [cluster for part in strata for cluster in (*part.clusters, *part.unlabelled_clusters)]
    names = list(dict.fromkeys(every))
    tables = [
        (
            np.asarray(part.human, dtype=float),
            np.asarray(part.judge, dtype=float),
            np.asarray(part.unlabelled, dtype=float),
            _members(part.clusters, names),
            _members(part.unlabelled_clusters, names),
        )
        for part in strata
    ]
    draws = []
    for pick in np.random.default_rng(seed).integers(0, len(names), size=(RESAMPLES, len(names))):
        values = []
        for y, f, rest, labelled, others in tables:
            chosen = np.concatenate([labelled[number] for number in pick])
            free = np.concatenate([others[number] for number in pick])
            if len(chosen) and len(free):
                values.append(_estimate(y[chosen], f[chosen], rest[free])[0])
        if len(values) == len(tables):
            draws.append(np.mean(values))
    return np.array(draws)


def _members(clusters: Sequence[Hashable], names: Sequence[Hashable]) -> list[np.ndarray]:
    """For each cluster, the places of its units."""
    import numpy as np

    places: Mapping[Hashable, list[int]] = {name: [] for name in names}
    for number, cluster in enumerate(clusters):
        places[cluster].append(number)
    return [np.array(places[name], dtype=np.int64) for name in names]


def _some(values: Sequence[float]) -> np.ndarray:
    import numpy as np

    if not len(values):
        raise ValueError("no values")
    return np.asarray(values, dtype=float)


def _normal(value: float, stderr: float, weight: float | None, n: int, n_unlabelled: int) -> Corrected:
    return Corrected(value, stderr, value - Z * stderr, value + Z * stderr, weight, n, n_unlabelled)
