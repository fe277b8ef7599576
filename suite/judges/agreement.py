"""How far judges agree beyond chance: Cohen's, Fleiss' and weighted kappa, Krippendorff's alpha, with intervals.

Raw agreement and the share of each label stand beside every coefficient, since a rare label drives kappa to zero
however well judges agree (the prevalence paradox). Sources: Cohen 1960 and 1968, Fleiss 1971, Krippendorff 2011.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from suite.errors import UserError
from suite.stats import RESAMPLES

if TYPE_CHECKING:
    import numpy as np

Weights = Literal["linear", "quadratic"]
Level = Literal["nominal", "ordinal"]
DEGREES = ("none", "mild", "moderate", "alarming")  # in this order for weighted kappa


@dataclass(frozen=True, slots=True)
class Agreement:
    """One coefficient; `value` is None where it is not defined, and `reason` then says why.

    Attributes:
        observed: share of pairs of labels on the same unit that are equal.
        prevalence: label -> its share of all labels.
        n: units; raters: judges.
    """

    name: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    observed: float | None
    prevalence: dict[str, float] = field(default_factory=dict)
    n: int = 0
    raters: int = 0
    reason: str = ""


def cohen(
    first: Sequence[str],
    second: Sequence[str],
    *,
    weights: Weights | None = None,
    order: Sequence[str] = (),
    seed: int = 0,
) -> Agreement:
    """Cohen's kappa of two judges, plain or with weights that grow with the distance of labels.

    Args:
        first, second: (n,) labels of the same units.
        order: the labels from least to most, for weighted kappa.

    Raises:
        ValueError: lengths that differ, or weights without an order that holds all labels.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} labels cannot be paired")
    labels = list(order) if order else sorted({*first, *second})
    if (weights and not order) or not set(labels) >= {*first, *second}:
        raise ValueError(f"weighted kappa needs an order of all labels, got {order!r}")
    codes = _coded([list(pair) for pair in zip(first, second, strict=True)], labels)

    def kappa(rows: np.ndarray) -> float | None:
        import numpy as np
        from statsmodels.stats.inter_rater import cohens_kappa

        if (rows == rows[0, 0]).all():
            return None
        table = np.bincount(rows[:, 0] * len(labels) + rows[:, 1], minlength=len(labels) ** 2)
        return float(cohens_kappa(table.reshape(len(labels), -1), wt=weights, return_results=False))

    return _agreement(f"cohen_{weights}" if weights else "cohen", codes, labels, kappa, seed)


def fleiss(rows: Sequence[Sequence[str]], *, seed: int = 0) -> Agreement:
    """Fleiss' kappa of a fixed number of judges.

    Args:
        rows: (units, raters) labels, none missing.

    Raises:
        ValueError: units with different numbers of labels.
    """
    if len({len(row) for row in rows}) > 1:
        raise ValueError("Fleiss' kappa needs as many labels for every unit; use Krippendorff's alpha")
    labels = sorted({label for row in rows for label in row})
    codes = _coded(rows, labels)

    def kappa(sample: np.ndarray) -> float | None:
        import numpy as np
        from statsmodels.stats.inter_rater import fleiss_kappa

        if (sample == sample[0, 0]).all():
            return None
        return float(fleiss_kappa((sample[:, :, None] == np.arange(len(labels))).sum(axis=1)))

    return _agreement("fleiss", codes, labels, kappa, seed)


def krippendorff_alpha(
    rows: Sequence[Sequence[str | None]], *, level: Level = "nominal", order: Sequence[str] = (), seed: int = 0
) -> Agreement:
    """Krippendorff's alpha of any number of judges; None is a missing label.

    Args:
        rows: (units, raters) labels.
        order: the labels from least to most, for the ordinal level.

    Raises:
        ValueError: the ordinal level without an order.
        UserError: the package ``krippendorff`` is not installed.
    """
    if level == "ordinal" and not order:
        raise ValueError("the ordinal level needs an order of all labels")
    try:
        import krippendorff
    except ImportError:
        raise UserError("Krippendorff's alpha needs the package krippendorff: pip install krippendorff") from None
    labels = list(order) or sorted({label for row in rows for label in row if label is not None})
    codes = _coded(rows, labels)

    def alpha(sample: np.ndarray) -> float | None:
        import numpy as np

        paired = sample[(sample >= 0).sum(axis=1) > 1]
        if len(np.unique(paired[paired >= 0])) < 2:
            return None
        ratings = np.where(paired >= 0, paired, np.nan).T.astype(float)
        return float(krippendorff.alpha(ratings, value_domain=list(range(len(labels))), level_of_measurement=level))

    return _agreement(f"krippendorff_{level}", codes, labels, alpha, seed)


def _coded(rows: Sequence[Sequence[str | None]], labels: Sequence[str]) -> np.ndarray:
    """(units, raters) places of labels in `labels`; -1 where one is missing."""
    import numpy as np

    place: dict[str | None, int] = {label: number for number, label in enumerate(labels)}
    return np.array([[-1 if label is None else place[label] for label in row] for row in rows], dtype=np.int64)


def _agreement(
    name: str,
    codes: np.ndarray,
    labels: Sequence[str],
    statistic: Callable[[np.ndarray], float | None],
    seed: int,
) -> Agreement:
    """The statistic of all units, with a percentile bootstrap over units; resamples without a value are left out."""
    import numpy as np

    n, raters = codes.shape if codes.ndim == 2 else (0, 0)
    pairs = [(a, b) for i, j in combinations(range(raters), 2) for a, b in codes[:, [i, j]] if a >= 0 and b >= 0]
    if not pairs:
        return Agreement(name, None, None, None, None, n=n, raters=raters, reason="no unit has two labels")
    counts = Counter(int(code) for code in codes.ravel() if code >= 0)
    shares = {labels[code]: counts[code] / counts.total() for code in sorted(counts)}
    observed = float(np.mean([a == b for a, b in pairs]))
    value = statistic(codes)
    if value is None:
        reason = "all labels are the same, so that agreement beyond chance is not defined"
        return Agreement(name, None, None, None, observed, shares, n, raters, reason)
    picks = np.random.default_rng(seed).integers(0, n, size=(RESAMPLES, n))
    draws = [draw for pick in picks if (draw := statistic(codes[pick])) is not None]
    low, high = np.percentile(draws, [2.5, 97.5]) if n > 1 else (None, None)
    return Agreement(
        name,
        value,
        None if low is None else float(low),
        None if high is None else float(high),
        observed,
        shares,
        n,
        raters,
    )
