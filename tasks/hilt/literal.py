"""The index as published, with its ambiguities settled: for comparison only, since it is not monotone.

Rawte et al. 2023 (arXiv 2310.04988) sum (N - N_EFM)(1 - P_EFM + d1) + (N - N_ESL)(1 - P_ESL + d2), times 100 / 2U. Read
here: N(.) are counts over all U units, the sum covers both terms, d1 and d2 are mu +- rank sigma over the models' first
passes (d = 0) on the scale 0 to 1. Errors that stand in the prompt then weigh twice the others, and a model wrong in
every unit can stand better than one wrong in half; so nothing is ranked by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.hilt.hvi import Counts

NOTE = "as published; not monotone"
ShareOf = Literal["units", "hallucinated"]


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Units of one model, and its hallucinated ones by orientation and split (IFM: intrinsic, factual mirage)."""

    units: int
    ifm: int
    efm: int
    isl: int
    esl: int

    @classmethod
    def of(cls, counts: Counts) -> ErrorCounts:
        """From the counts of all clusters."""
        units = counts.total("FM/all", "SL/all")
        errors = (counts.total(f"{o}/{split}") for o in ("FM", "SL") for split in ("intrinsic", "extrinsic"))
        return cls(int(units), *(int(number) for number in errors))

    @property
    def hallucinated(self) -> int:
        return self.ifm + self.efm + self.isl + self.esl


@dataclass(frozen=True, slots=True)
class Damped:
    """The second pass of one model."""

    rank: float
    d1: float
    d2: float
    value: float


def literal(errors: ErrorCounts, share_of: ShareOf = "units", d1: float = 0.0, d2: float = 0.0) -> float:
    """The formula for one model; 0 where it has no hallucinated unit.

    Args:
        share_of: what P is a share of.

    Raises:
        ValueError: no units.
    """
    if not errors.units:
        raise ValueError("no units")
    n = errors.hallucinated
    if not n:
        return 0.0
    whole = errors.units if share_of == "units" else n
    total = (n - errors.efm) * (1 - errors.efm / whole + d1) + (n - errors.esl) * (1 - errors.esl / whole + d2)
    return 100 / (2 * errors.units) * total


def damped(models: Mapping[str, ErrorCounts], share_of: ShareOf = "units") -> dict[str, Damped]:
    """The second pass over several models, clipped to 0 to 100; empty for a single one.

    Ranks go from the lowest first pass, ties share the mean; sigma is that of a population.
    """
    from statistics import fmean, pstdev

    from scipy.stats import rankdata

    if len(models) < 2:
        return {}
    first = [literal(errors, share_of) / 100 for errors in models.values()]
    mu, sigma, found = fmean(first), pstdev(first), {}
    for (name, errors), rank in zip(models.items(), rankdata(first), strict=True):
        d1, d2 = mu + float(rank) * sigma, mu - float(rank) * sigma
        found[name] = Damped(float(rank), d1, d2, min(100.0, max(0.0, literal(errors, share_of, d1, d2))))
    return found


def scaled(values: Sequence[float]) -> list[float]:
    """Spread over 0 to 100 by least and greatest; values that are all alike become 0."""
    low, high = min(values), max(values)
    return [100 * (value - low) / (high - low) if high > low else 0.0 for value in values]
