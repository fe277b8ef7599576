"""Agreement of two partitions: adjusted Rand index, adjusted mutual information, Fowlkes-Mallows.

Closed forms with a memory for contingency tables, of which walls have few; equal to scikit-learn's (the tests compare
them), and some hundred times faster on sixteen clues. Hubert and Arabie 1985; Vinh, Epps and Bailey 2010, equation 24a;
Fowlkes and Mallows 1983.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

_EPS = 2.0**-52
_DIGITS = 12  # of the mutual information, so that no agreement is 0 and not some 1e-16


@dataclass(frozen=True, slots=True)
class Agreement:
    """1 for equal partitions; ARI and AMI are 0 by chance on average, and may be negative."""

    ari: float
    ami: float
    fms: float


def agreement(first: Sequence[Hashable], second: Sequence[Hashable]) -> Agreement:
    """How far two labellings of the same items agree; labels are names only.

    Raises:
        ValueError: no items, or labellings of different lengths.
    """
    if not first or len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} labels cannot be compared")
    cells = Counter(zip(first, second, strict=True))
    rows, columns = Counter(first), Counter(second)
    # (cell, row sum, column sum) in a fixed order is all that the three figures depend on
    table = tuple(sorted((count, rows[a], columns[b]) for (a, b), count in cells.items()))
    return _of_table(table, tuple(sorted(rows.values())), tuple(sorted(columns.values())))


@lru_cache(maxsize=65536)
def _of_table(table: tuple[tuple[int, int, int], ...], rows: tuple[int, ...], columns: tuple[int, ...]) -> Agreement:
    n = sum(rows)
    both = sum(count * count for count, _, _ in table) - n  # ordered pairs that are together in both
    in_rows, in_columns = sum(a * a for a in rows) - n, sum(b * b for b in columns) - n
    neither = n * (n - 1) - in_rows - in_columns + both
    only_rows, only_columns = in_rows - both, in_columns - both
    if only_rows == only_columns == 0:
        ari = 1.0
    else:
        chance = in_rows * (only_rows + neither) + in_columns * (only_columns + neither)
        ari = 2.0 * (both * neither - only_rows * only_columns) / chance
    fms = math.sqrt(both / in_rows) * math.sqrt(both / in_columns) if both else 0.0
    return Agreement(ari, _ami(table, rows, columns, n), fms)


def _ami(table: tuple[tuple[int, int, int], ...], rows: tuple[int, ...], columns: tuple[int, ...], n: int) -> float:
    if len(rows) == len(columns) == 1:
        return 1.0
    if len(rows) == 1 or len(columns) == 1:
        return 0.0
    mutual = math.fsum(count / n * math.log(n * count / (a * b)) for count, a, b in table)
    expected = _expected_mutual(rows, columns)
    span = (_entropy(rows) + _entropy(columns)) / 2 - expected
    gain = mutual - expected
    return round(_away_from_zero(gain) / _away_from_zero(span), _DIGITS)


def _away_from_zero(value: float) -> float:
    """At least one rounding step from 0, so that equal partitions give 1 and not 0/0."""
    return min(value, -_EPS) if value < 0 else max(value, _EPS)


@lru_cache(maxsize=4096)
def _expected_mutual(rows: tuple[int, ...], columns: tuple[int, ...]) -> float:
    """Mutual information, in nats, that random partitions with these group sizes have on average."""
    n, total = sum(rows), []
    for a, times_a in Counter(rows).items():
        for b, times_b in Counter(columns).items():
            for count in range(max(1, a + b - n), min(a, b) + 1):
                ways = math.comb(a, count) * math.comb(n - a, b - count) / math.comb(n, b)
                total.append(times_a * times_b * ways * count / n * math.log(n * count / (a * b)))
    return math.fsum(total)


def _entropy(sizes: tuple[int, ...]) -> float:
    n = sum(sizes)
    return -math.fsum(size / n * math.log(size / n) for size in sizes)
