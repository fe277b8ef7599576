"""What describes a curve beside its verdict, deciding nothing: slope a decade with two intervals, rank correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Slope:
    """Least-squares slope of the metric a decade of scale.

    Attributes:
        items_low, items_high: 95 % over items, the same resample at all scales; None without items.
        models_low, models_high: 95 % over models, Student's t with K - 2 degrees of freedom; None under three points.
        weighted: by 1 / se^2; chi2: scatter about that line.
        tau, tau_p: Kendall's tau-b with its exact permutation p.
    """

    slope: float
    items_low: float | None
    items_high: float | None
    models_low: float | None
    models_high: float | None
    weighted: float | None
    chi2: float | None
    tau: float | None
    tau_p: float | None


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
    items_low = items_high = models_low = models_high = weighted = chi2 = None
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
        weighted, chi2 = _weighted(at, curve, errors)
    has_ties = min(len(set(at.tolist())), len(set(curve.tolist()))) < len(curve)
    tau = stats.kendalltau(at, curve, method="auto" if has_ties else "exact")
    known = bool(np.isfinite(tau.statistic))
    return Slope(
        slope,
        items_low,
        items_high,
        models_low,
        models_high,
        weighted,
        chi2,
        float(tau.statistic) if known else None,
        float(tau.pvalue) if known else None,
    )


def _slopes(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Slopes of curves (..., K)."""
    centred = x - x.mean()
    slopes: np.ndarray = (values - values.mean(axis=-1, keepdims=True)) @ centred / (centred @ centred)
    return slopes


def _weighted(x: np.ndarray, values: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    weights = 1 / errors**2
    middle, mean = (weights @ x) / weights.sum(), (weights @ values) / weights.sum()
    slope = float((weights * (x - middle)) @ (values - mean) / (weights @ (x - middle) ** 2))
    chi2 = float(weights @ (values - mean - slope * (x - middle)) ** 2)
    return slope, chi2
