"""The verdict on a curve: flat, standard, inverse, U-shaped, inverted U, or mixed; deterministic and fixed beforehand.

A change between two scales counts if it is at least delta and clear of chance, with Bonferroni's correction over all
pairs of the curve. Shapes follow from which changes count. (Why no polynomials: four points say nothing about a
parabola, and a rank test on four points cannot decide at 5 %.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

Shape = Literal["flat", "standard", "inverse", "u_shaped", "inverted_u", "mixed", "insufficient"]
Net = Literal["lower", "higher", "level"]
DELTA_SHARE, DELTA_NATS = 0.03, 0.10
ALPHA = 0.05
FEWEST_ITEMS = 30


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a curve says.

    Attributes:
        net: the last scale against the first; a U that ends lower is no recovery.
        critical_z: what a difference must exceed, in standard errors; None for an insufficient curve.
        valley, peak: index of the scale at the bottom of a valley, or the top of a peak; None without one.
        max_drop, max_gain: largest fall and rise between two scales, whether they count or not.
        falls, rises: pairs of scales, by index, between which a change counts.
        flags: "two_points", "no_se", "below_chance".
    """

    shape: Shape
    net: Net
    critical_z: float | None
    valley: int | None
    peak: int | None
    max_drop: float
    max_gain: float
    flags: tuple[str, ...] = ()
    falls: tuple[tuple[int, int], ...] = ()
    rises: tuple[tuple[int, int], ...] = ()


def critical_z(k: int, alpha: float = ALPHA) -> float:
    """Two-sided normal quantile for all pairs of `k` scales."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(1 - alpha / (k * (k - 1)))


def decide(
    values: Sequence[float],
    stderrs: np.ndarray,
    *,
    n: int | None,
    delta: float = DELTA_SHARE,
    alpha: float = ALPHA,
    chance: float | None = None,
    last_high: float | None = None,
) -> Verdict:
    """The verdict on values in order of scale.

    Args:
        values: (K,) oriented so that higher is better.
        stderrs: (K, K) standard error of each difference; zeros where none is known.
        n: items of a point; None where it is not known.
        delta: least difference that matters.
        chance, last_high: the chance line, and the upper end of the last point's interval.
    """
    import numpy as np

    curve = np.asarray(values, dtype=float)
    k = len(curve)
    if k < 2 or (n is not None and n < FEWEST_ITEMS):
        return Verdict("insufficient", "level", None, None, None, 0.0, 0.0)
    z = critical_z(k, alpha)
    difference = curve[None, :] - curve[:, None]  # (K, K) later minus earlier, above the diagonal
    later = np.triu(np.ones((k, k), dtype=bool), 1)
    rises = later & (difference >= delta) & (difference > z * stderrs)
    falls = later & (difference <= -delta) & (-difference > z * stderrs)
    valleys = [j for j in range(k) if falls[:, j].any() and rises[j].any()]
    peaks = [j for j in range(k) if rises[:, j].any() and falls[j].any()]
    flags = (
        *(["two_points"] if k == 2 else []),
        *(["no_se"] if not np.any(stderrs) else []),
        *(["below_chance"] if chance is not None and last_high is not None and last_high < chance else []),
    )
    return Verdict(
        _shape(bool(rises.any()), bool(falls.any()), bool(valleys), bool(peaks)),
        "higher" if rises[0, -1] else "lower" if falls[0, -1] else "level",
        z,
        min(valleys, key=lambda j: float(curve[j]), default=None),
        max(peaks, key=lambda j: float(curve[j]), default=None),
        float(max(0.0, -difference[later].min())),
        float(max(0.0, difference[later].max())),
        flags,
        _pairs(falls),
        _pairs(rises),
    )


def _pairs(counts: np.ndarray) -> tuple[tuple[int, int], ...]:
    first, second = counts.nonzero()
    return tuple(zip(first.tolist(), second.tolist(), strict=True))


def _shape(rises: bool, falls: bool, valley: bool, peak: bool) -> Shape:
    if not rises and not falls:
        return "flat"
    if not falls:
        return "standard"
    if not rises:
        return "inverse"
    if valley and not peak:
        return "u_shaped"
    if peak and not valley:
        return "inverted_u"
    return "mixed"


def pooled_stderrs(stderrs: Sequence[float | None]) -> np.ndarray:
    """(K, K) standard errors of differences of independent points; zero where a point has none."""
    import numpy as np

    own = np.array([0.0 if value is None else value for value in stderrs])
    return np.sqrt(own[:, None] ** 2 + own[None, :] ** 2)


def paired_stderrs(items: np.ndarray, clusters: Sequence[object] | None = None) -> np.ndarray:
    """(K, K) standard errors of differences on the same items.

    Binary items get half a discordant pair on either side and two further items, so that no change at all is not
    taken for certainty; others the standard error of the mean difference, by clusters where there are some.

    Args:
        items: (K, N) score of each item at each scale.
        clusters: (N,) unit of resampling; None: each item is its own.
    """
    import numpy as np

    from suite.stats import mean_stderr, paired_binary_stderr

    k, n = items.shape
    found = np.zeros((k, k))
    independent = clusters is None or len(set(clusters)) == n
    binary = independent and bool(np.isin(items, (0.0, 1.0)).all())
    for first, second in combinations(range(k), 2):
        change = items[second] - items[first]
        if binary:
            stderr: float | None = paired_binary_stderr(int((change > 0).sum()), int((change < 0).sum()), n)
        else:
            stderr = mean_stderr(change.tolist(), None if clusters is None else list(clusters))
        found[first, second] = found[second, first] = stderr or 0.0
    return found
