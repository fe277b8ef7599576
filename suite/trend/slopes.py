"""What describes a curve beside its verdict, deciding nothing: slope a decade with two intervals, rank correlation,
and a parabola."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 2000
PERMUTED_UP_TO = 7  # points; 5,040 orders


@dataclass(frozen=True, slots=True)
class Slope:
    """Least-squares slope of the metric a decade of scale.

    Attributes:
        items_low, items_high: 95 % over items, the same resample at all scales; None without items.
        models_low, models_high: 95 % over models, Student's t with K - 2 degrees of freedom; None under three points.
        weighted: by 1 / se^2; weighted_stderr: of that, widened where the scatter about the line, chi2, is more than
            the errors explain.
        tau, tau_p: Kendall's tau-b with its two-sided permutation p, exact up to seven points.
        curvature, vertex: second coefficient of a parabola and the transformed scale of its turn; None under four
            points. A diagnostic that decides nothing.
    """

    slope: float
    items_low: float | None
    items_high: float | None
    models_low: float | None
    models_high: float | None
    weighted: float | None
    weighted_stderr: float | None
    chi2: float | None
    tau: float | None
    tau_p: float | None
    curvature: float | None
    vertex: float | None


def describe(
    x: Sequence[float],
    values: Sequence[float],
    stderrs: Sequence[float | None],
    items: np.ndarray | None = None,
    *,
    seed: int = 0,
) -> Slope | None:
    """The slope of a curve; None under two points of different scale.

    Args:
        x: (K,) scales already transformed (log10).
        values: (K,) oriented so that higher is better.
        items: (K, N) scores of the same items at each scale.
    """
    import numpy as np
    from scipy import stats

    at, curve = np.asarray(x, dtype=float), np.asarray(values, dtype=float)
    if len(at) < 2 or np.ptp(at) == 0:
        return None
    slope = float(_slopes(at, curve))
    items_low = items_high = models_low = models_high = weighted = weighted_stderr = chi2 = None
    if items is not None:
        picks = np.random.default_rng(seed).integers(0, items.shape[1], (RESAMPLES, items.shape[1]))
        draws = _slopes(at, np.stack([row[picks].mean(axis=1) for row in items], axis=-1))
        items_low, items_high = (float(end) for end in np.percentile(draws, [2.5, 97.5]))
    if len(at) >= 3:
        fit = stats.linregress(at, curve)
        half = float(stats.t.ppf(0.975, len(at) - 2) * fit.stderr)
        models_low, models_high = slope - half, slope + half
    errors = np.array([value or 0.0 for value in stderrs])
    if (errors > 0).all():
        weighted, weighted_stderr, chi2 = _weighted(at, curve, errors)
    tau, tau_p = _rank_correlation(at, curve)
    curvature, vertex = _parabola(at, curve)
    return Slope(
        slope,
        items_low,
        items_high,
        models_low,
        models_high,
        weighted,
        weighted_stderr,
        chi2,
        tau,
        tau_p,
        curvature,
        vertex,
    )


def _slopes(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Slopes of curves (..., K)."""
    centred = x - x.mean()
    # any constant may be taken away; the first value leaves a level curve a slope of exactly zero
    slopes: np.ndarray = (values - values[..., :1]) @ centred / (centred @ centred)
    return slopes


def _rank_correlation(x: np.ndarray, values: np.ndarray) -> tuple[float | None, float | None]:
    """Kendall's tau-b and its p; ties make scipy's exact method unfit, so that few points are permuted here."""
    import numpy as np
    from scipy import stats

    has_ties = len(set(x.tolist())) < len(x) or len(set(values.tolist())) < len(values)
    found = stats.kendalltau(x, values, method="auto" if has_ties else "exact")
    if not np.isfinite(found.statistic):
        return None, None
    if not has_ties or len(x) > PERMUTED_UP_TO:
        return float(found.statistic), float(found.pvalue)
    orders = np.array(list(permutations(values.tolist())))  # (K!, K)
    upper = np.triu_indices(len(x), 1)
    agreement = np.sign(orders[:, upper[1]] - orders[:, upper[0]]) @ np.sign(x[upper[1]] - x[upper[0]])
    return float(found.statistic), float((np.abs(agreement) >= abs(agreement[0])).mean())


def _parabola(x: np.ndarray, values: np.ndarray) -> tuple[float | None, float | None]:
    import numpy as np

    if len(x) < 4 or len(set(x.tolist())) < 4:
        return None, None
    second, first, _ = (float(part) for part in np.polyfit(x, values, 2))
    return second, -first / (2 * second) if second else None


def _weighted(x: np.ndarray, values: np.ndarray, errors: np.ndarray) -> tuple[float, float, float]:
    weights = 1 / errors**2
    middle, mean = (weights @ x) / weights.sum(), (weights @ values) / weights.sum()
    spread = float(weights @ (x - middle) ** 2)
    slope = float((weights * (x - middle)) @ (values - mean)) / spread
    chi2 = float(weights @ (values - mean - slope * (x - middle)) ** 2)
    widened = max(1.0, chi2 / (len(x) - 2)) if len(x) > 2 else 1.0
    return slope, float((widened / spread) ** 0.5), chi2
