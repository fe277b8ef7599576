"""Does it matter where the gold segment stands? Cochran's Q with a permutation test within items.

The usual chi-square p of Q needs many items that differ between slots; permuting each item's own answers needs none.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

EXACT_UP_TO = 100_000  # arrangements that are enumerated
_ENTRIES = 400_000  # of the permuted tables that are held at once


@dataclass(frozen=True, slots=True)
class CochranQ:
    """Cochran's Q of an item x slot table.

    Attributes:
        p: exact, or from drawn permutations; p_chi_square: of k - 1 degrees of freedom, for comparison.
        is_exact: whether all arrangements were counted.
    """

    q: float
    p: float
    p_chi_square: float
    is_exact: bool


def cochran_q(table: Sequence[Sequence[int]], *, draws: int = 10_000, seed: int = 0) -> CochranQ | None:
    """Cochran's Q of right (1) and wrong (0) answers, and the p of equal accuracy in all slots.

    ``Q = (k - 1) (k sum G_j^2 - (sum G_j)^2) / (k sum L_i - sum L_i^2)`` with column sums G and row sums L. Under the
    null, each row is as likely in any order: all arrangements up to `EXACT_UP_TO`, else ``(1 + hits) / (1 + draws)``.

    Args:
        table: (items, k >= 2 slots) of 0 and 1.

    Returns:
        None where Q is not defined: every item is right in all slots or in none.
    """
    import numpy as np
    from scipy.stats import chi2

    rows = np.asarray(table, dtype=np.int64)
    k = rows.shape[1]
    sums = rows.sum(axis=1)
    denominator = int((k * sums - sums**2).sum())
    if not denominator:
        return None
    columns = rows.sum(axis=0)
    q = (k - 1) * int(k * (columns**2).sum() - columns.sum() ** 2) / denominator
    mixed = rows[(sums > 0) & (sums < k)]  # the other rows add the same to every column
    observed = _spread(mixed.sum(axis=0))
    is_exact = math.prod(math.comb(k, int(row.sum())) for row in mixed) <= EXACT_UP_TO
    p = _exact_p(mixed, observed) if is_exact else _drawn_p(mixed, observed, draws, seed)
    return CochranQ(q, p, float(chi2.sf(q, k - 1)), is_exact)


def _spread(columns: np.ndarray) -> np.ndarray:
    """Sum of squares of the column sums: Q grows with it, and all else in Q is the same in every arrangement."""
    squares: np.ndarray = (columns**2).sum(axis=-1)
    return squares


def _exact_p(mixed: np.ndarray, observed: np.ndarray) -> float:
    import numpy as np

    k = mixed.shape[1]
    counts: Counter[tuple[int, ...]] = Counter({(0,) * k: 1})  # column sums -> arrangements that give them
    for row in mixed:
        patterns = [tuple(int(at in ones) for at in range(k)) for ones in combinations(range(k), int(row.sum()))]
        grown: Counter[tuple[int, ...]] = Counter()
        for columns, n in counts.items():
            for pattern in patterns:
                grown[tuple(a + b for a, b in zip(columns, pattern, strict=True))] += n
        counts = grown
    hits = sum(n for columns, n in counts.items() if _spread(np.array(columns)) >= observed)
    return hits / sum(counts.values())


def _drawn_p(mixed: np.ndarray, observed: np.ndarray, draws: int, seed: int) -> float:
    import numpy as np

    generator, hits = np.random.default_rng(seed), 0
    step = max(1, _ENTRIES // mixed.size)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        tables = generator.permuted(np.broadcast_to(mixed, (size, *mixed.shape)), axis=2)
        hits += int((_spread(tables.sum(axis=1)) >= observed).sum())
    return (1 + hits) / (1 + draws)
