"""From which length a method is cheaper than a baseline.

`crossing` reads it off the measured costs. `fitted_length` is the efficiency length of CAB (Zhang et al., ICML 2023):
where a parabola fitted to vanilla's costs and a line fitted to the method's meet. Unweighted squares follow the longest
length only, so that the fit is often several times the crossing, or has no root.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Quantity = Literal["time", "memory"]
QUANTITIES: tuple[Quantity, ...] = ("time", "memory")
_CAB_FROM = 256  # shortest length of CAB's fits
_CAB_LINE_FROM = {"time": 512, "memory": 256}


@dataclass(frozen=True, slots=True)
class Crossing:
    """The length at which a method becomes cheaper and stays so.

    Attributes:
        bound: ``<`` it is cheaper at every measured length, ``>`` not even at the longest; `length` is then that end.
    """

    length: float
    bound: Literal["", "<", ">"] = ""

    def __str__(self) -> str:
        return f"{self.bound}{self.length:.0f}"


def crossing(lengths: Sequence[int], method: Sequence[float], baseline: Sequence[float]) -> Crossing:
    """Where `method` goes from not cheaper to cheaper for good, linear between two lengths in logarithms of both axes.

    Args:
        lengths: (n,) rising.
        method: (n,) positive costs; `baseline` likewise.

    Raises:
        ValueError: under three lengths, lengths that do not rise, or costs that are not positive.
    """
    _check(lengths, method, baseline)
    if method[-1] >= baseline[-1]:
        return Crossing(lengths[-1], ">")
    last = max((i for i in range(len(lengths)) if method[i] >= baseline[i]), default=None)
    if last is None:
        return Crossing(lengths[0], "<")
    above, below = (math.log(method[i] / baseline[i]) for i in (last, last + 1))
    share = above / (above - below)
    return Crossing(math.exp((1 - share) * math.log(lengths[last]) + share * math.log(lengths[last + 1])))


def fitted_length(
    lengths: Sequence[int],
    method: Sequence[float],
    baseline: Sequence[float],
    quantity: Quantity,
    line_from: int | None = None,
) -> float | None:
    """CAB's efficiency length, None where the curves do not meet at a positive length.

    Args:
        line_from: shortest length of the method's line; by default as CAB has it for `quantity`, 512 or 256.

    Raises:
        ValueError: as `crossing`, or under three lengths of at least 256.
    """
    import numpy as np

    _check(lengths, method, baseline)
    n, line, parabola = (np.asarray(values, dtype=float) for values in (lengths, method, baseline))
    first = _CAB_LINE_FROM[quantity] if line_from is None else line_from
    if (n >= _CAB_FROM).sum() < 3 or (n >= first).sum() < 3:
        raise ValueError(f"lengths {list(lengths)}: a fit needs three of at least {max(first, _CAB_FROM)}")
    a, b, c = np.polyfit(n[n >= _CAB_FROM], parabola[n >= _CAB_FROM], 2)
    d, e = np.polyfit(n[n >= first], line[n >= first], 1)
    discriminant = (b - d) ** 2 - 4 * a * (c - e)
    if a <= 0 or discriminant < 0:
        return None
    root = (-(b - d) + math.sqrt(discriminant)) / (2 * a)
    return float(root) if root > 0 else None


def _check(lengths: Sequence[int], *costs: Sequence[float]) -> None:
    if len(lengths) < 3:
        raise ValueError(f"lengths {list(lengths)}: expected at least three")
    if any(second <= first for first, second in itertools.pairwise(lengths)):
        raise ValueError(f"lengths {list(lengths)} do not rise")
    for values in costs:
        if len(values) != len(lengths) or not all(value > 0 and math.isfinite(value) for value in values):
            raise ValueError(f"costs {list(values)}: expected {len(lengths)} positive numbers")
