"""The exact partition of sixteen clues into four groups of four that maximises the similarity within groups.

For unit vectors this is equal-size k-means at its optimum: inertia = 16 - (1/4) * sum over groups of the full 4x4 block
of similarities. All 16!/(4!^4 4!) = 2,627,625 partitions are covered: the 1,820 sets of four are scored, then the best
split of each of the 12,870 sets of eight (35 splits), then the 6,435 pairs of complementary eights. No seed, no local
optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

N, SIZE = 16, 4
Groups = tuple[tuple[int, ...], ...]


class _Tables(NamedTuple):
    fours: np.ndarray  # (1820, 4) items
    pairs: np.ndarray  # (1820, 6) places of a four's pairs in the 120 pairs of items
    splits: np.ndarray  # (12870, 35, 2) places in fours of both halves of each eight
    complement: np.ndarray  # (12870,) place of the other eight


def best_partition(similarity: np.ndarray) -> tuple[Groups, float]:
    """The partition with the largest sum of similarities over pairs within groups, and that sum.

    Args:
        similarity: (16, 16); pairs count once, as the mean of both directions; the diagonal is not read.

    Returns:
        Four groups of four places in ascending order, and the sum over the 24 pairs.

    Raises:
        ValueError: another shape, or a number that is not finite.
    """
    import numpy as np

    given = np.asarray(similarity, dtype=float)
    if given.shape != (N, N):
        raise ValueError(f"similarities of shape {given.shape}; expected ({N}, {N})")
    rows, columns = np.triu_indices(N, 1)
    pair = (given[rows, columns] + given[columns, rows]) / 2
    if not np.isfinite(pair).all():
        raise ValueError("a similarity is not finite")
    tables = _tables()
    four = pair[tables.pairs].sum(axis=1)
    split = four[tables.splits].sum(axis=2)
    choice = split.argmax(axis=1)
    eight = split[np.arange(len(split)), choice]
    total = eight + eight[tables.complement]
    best = int(total.argmax())
    halves = (best, int(tables.complement[best]))
    found = [tables.fours[place] for half in halves for place in tables.splits[half, choice[half]]]
    return tuple(sorted(tuple(int(item) for item in group) for group in found)), float(total[best])


def cosine_similarities(vectors: Sequence[Sequence[float]]) -> np.ndarray:
    """(n, n) cosines of vectors; a vector of zeros is similar to nothing."""
    import numpy as np

    array = np.asarray(vectors, dtype=float)
    length = np.linalg.norm(array, axis=1, keepdims=True)
    unit = np.divide(array, length, out=np.zeros_like(array), where=length > 0)
    return np.asarray(unit @ unit.T)


@cache
def _tables() -> _Tables:
    import numpy as np

    fours = list(combinations(range(N), SIZE))
    place = {_mask(items): at for at, items in enumerate(fours)}
    pair_place = {pair: at for at, pair in enumerate(combinations(range(N), 2))}
    pairs = [[pair_place[pair] for pair in combinations(items, 2)] for items in fours]
    eights = list(combinations(range(N), 2 * SIZE))
    eight_place = {_mask(items): at for at, items in enumerate(eights)}
    everything = (1 << N) - 1
    splits = [
        # the half with the eight's first item, and the rest: each split once
        [(place[half], place[_mask(eight) ^ half]) for half in map(_mask, _halves(eight))]
        for eight in eights
    ]
    complement = [eight_place[everything ^ _mask(eight)] for eight in eights]
    return _Tables(*(np.array(table, dtype=np.int32) for table in (fours, pairs, splits, complement)))


def _halves(eight: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [(eight[0], *others) for others in combinations(eight[1:], SIZE - 1)]


def _mask(items: tuple[int, ...]) -> int:
    return sum(1 << item for item in items)
