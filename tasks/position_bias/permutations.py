"""Orders of segments: ``order[slot]`` is the number of the content that stands in that slot.

Sets of orders, moves of one content, and orders drawn uniformly among those at a given Kendall
distance: Mahonian counts by dynamic programming, then a Lehmer code.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import permutations

Order = tuple[int, ...]
MAX_FULL = 4  # 4! = 24 orders; 5! would be 120 a doc


def cyclic(n: int) -> Iterator[Order]:
    """The n cyclic shifts, identity first: shift s puts content (j + s) mod n into slot j."""
    return (tuple((slot + shift) % n for slot in range(n)) for shift in range(n))


def full(n: int) -> Iterator[Order]:
    """All n! orders, identity first.

    Raises:
        ValueError: n > 4.
    """
    if n > MAX_FULL:
        raise ValueError(f"arm full has {math.factorial(n)} orders of {n} segments; it is for at most {MAX_FULL}")
    return permutations(range(n))


def sampled(n: int, m: int, seed: str) -> Iterator[Order]:
    """`m` orders without repeats, identity first; all of them where there are no more than `m`."""
    rng = random.Random(seed)  # noqa: S311
    wanted = min(m, math.factorial(n))
    seen = {tuple(range(n))}
    yield tuple(range(n))
    while len(seen) < wanted:
        order = tuple(rng.sample(range(n), n))
        if order not in seen:
            seen.add(order)
            yield order


def swapped_to(n: int, gold: int, slot: int) -> Order:
    """The identity with the gold content and the content of `slot` swapped."""
    order = list(range(n))
    order[gold], order[slot] = order[slot], order[gold]
    return tuple(order)


def inserted_at(n: int, gold: int, slot: int) -> Order:
    """The identity with the gold content taken out and put in at `slot`: the others keep their order."""
    others = [content for content in range(n) if content != gold]
    return (*others[:slot], gold, *others[slot:])


def inversions(order: Sequence[int]) -> int:
    """Pairs of slots whose contents stand in descending order: the Kendall distance to the identity."""
    return sum(first > second for i, first in enumerate(order) for second in order[i + 1 :])


def kendall_tau(order: Sequence[int]) -> float:
    """``1 - 4 d / (m (m - 1))`` for d inversions of m contents, m >= 2."""
    return 1 - 4 * inversions(order) / (len(order) * (len(order) - 1))


def nearest_inversions(m: int, tau: float) -> int:
    """The number of inversions of `m` contents whose Kendall tau is nearest to `tau`; the smaller of two as near."""
    return math.ceil((1 - tau) * m * (m - 1) / 4 - 0.5 - 1e-9)


@cache
def mahonian(m: int) -> tuple[int, ...]:
    """How many orders of `m` contents have 0, 1, ..., m (m - 1) / 2 inversions."""
    if m <= 1:
        return (1,)
    before = mahonian(m - 1)
    top = m * (m - 1) // 2
    return tuple(sum(before[max(0, d - m + 1) : d + 1]) for d in range(top + 1))


def order_at(m: int, d: int, rng: random.Random) -> Order:
    """An order of `m` contents, uniform among those with exactly `d` inversions.

    Digit i of the Lehmer code, 0..i, is how many smaller contents stand after content i; it is drawn with the number
    of orders of the first i contents that can still make up the rest.

    Raises:
        ValueError: no order of `m` contents has `d` inversions.
    """
    if not 0 <= d < len(mahonian(m)):
        raise ValueError(f"{m} segments have 0 to {len(mahonian(m)) - 1} inversions, not {d}")
    digits = [0] * m
    for content in range(m - 1, 0, -1):
        counts = mahonian(content)
        ways = [counts[d - digit] if 0 <= d - digit < len(counts) else 0 for digit in range(content + 1)]
        digits[content] = rng.choices(range(content + 1), weights=ways)[0]
        d -= digits[content]
    order: list[int] = []
    for content, digit in enumerate(digits):
        order.insert(len(order) - digit, content)
    return tuple(order)


def written(order: Sequence[int]) -> str:
    """The order as text, such as ``2-0-1-3``."""
    return "-".join(map(str, order))


def read(text: str) -> Order:
    """The inverse of `written`."""
    return tuple(int(part) for part in text.split("-")) if text else ()
