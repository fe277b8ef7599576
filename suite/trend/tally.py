"""What several families say of one task: counts of verdicts and of net directions, and whether the task is robustly
inverse (for the Inverse Scaling Prize's question, arXiv 2306.09479)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from suite.trend.verdict import Net, Shape

ROBUST_SHARE = 2 / 3  # of the families must end lower


@dataclass(frozen=True, slots=True)
class Tally:
    """Verdicts of one task over families, those without enough scales or items left out."""

    n: int
    shapes: Mapping[Shape, int]
    nets: Mapping[Net, int]

    @property
    def is_robustly_inverse(self) -> bool:
        """At least two thirds of the families end lower, and none only rises."""
        return self.n > 0 and self.nets.get("lower", 0) >= ROBUST_SHARE * self.n and not self.shapes.get("standard")


def tally(verdicts: Iterable[tuple[Shape, Net]]) -> Tally:
    """Counts of (shape, net direction), one a family."""
    known = [(shape, net) for shape, net in verdicts if shape != "insufficient"]
    return Tally(len(known), Counter(shape for shape, _ in known), Counter(net for _, net in known))
