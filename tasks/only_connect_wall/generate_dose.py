"""Dose walls: one wall with 0, 1, 2 and 3 herrings, nested, and nothing else changed.

Four categories are connected by words that fit two of them. The wall of dose 0 has none of these words; each further
dose puts one in the place of a neutral clue of the same group.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, permutations

from tasks.only_connect_wall.bank import Bank, Category
from tasks.only_connect_wall.draws import make_wall, mutually_exclusive, permutation, proven, stream, too_many
from tasks.only_connect_wall.walls import Wall

DOSES = 3
_GROUP = 4
_MOST_IN_A_GROUP = 2
Four = tuple[Category, Category, Category, Category]


def doses(bank: Bank, seed: int, n: int) -> Iterator[Wall]:
    """The walls of `n` items, doses 0 to 3 (conditions r0 to r3); no four categories serve twice.

    Raises:
        UserError: fewer than `n` fours of categories support three herrings, or draws no walls with one solution.
    """
    rng = stream(seed, "dose")
    fours = list(connected_fours(bank))
    rng.shuffle(fours)
    made = 0
    for four in fours:
        if made == n:
            return
        walls = proven(bank, lambda: _item(bank, four, f"d{made:03}", rng))  # noqa: B023 (called at once)
        if walls:
            made += 1
            yield from walls
    if made < n:
        raise too_many("dose items", n, made)


@cache
def connected_fours(bank: Bank) -> tuple[Four, ...]:
    """Every four test categories that shared members connect, in the order of the bank."""
    test = bank.with_role("test")
    place = {category.id: at for at, category in enumerate(test)}
    near: list[set[int]] = [set() for _ in test]
    for here, there in _crossing_pairs(test):
        near[place[here.id]].add(place[there.id])
        near[place[there.id]].add(place[here.id])
    sets = {frozenset((at,)) for at in range(len(test))}
    for _ in range(_GROUP - 1):
        sets = {grown | {other} for grown in sets for at in grown for other in near[at] - grown}
    return tuple(
        (test[a], test[b], test[c], test[d]) for a, b, c, d in sorted(tuple(sorted(places)) for places in sets)
    )


def most_herrings(bank: Bank, four: Four) -> int:
    """The highest dose that these categories support: herrings on one wall that has one solution."""
    if not _has_neutral_clues(bank, four):
        return 0
    shared = _shared(bank, four)
    return max(
        sum(min(count, _GROUP) for count in Counter(host for _, host in _placed(shared, order)).values())
        for order in permutations(range(_GROUP))
    )


def _crossing_pairs(test: Sequence[Category]) -> Iterator[tuple[Category, Category]]:
    members = {category.id: {word.casefold() for word in category.members} for category in test}
    for here, there in combinations(test, 2):
        if members[here.id] & members[there.id]:
            yield here, there


def _shared(bank: Bank, four: Four) -> dict[str, tuple[list[int], list[int]]]:
    """Words that are members of two or more of the four -> where they fit, and where they are members."""
    members: dict[str, list[int]] = {}
    for at, category in enumerate(four):
        for word in category.members:
            members.setdefault(word, []).append(at)
    ids = [category.id for category in four]
    return {
        word: ([ids.index(other) for other in bank.fitting(word) if other in ids], places)
        for word, places in members.items()
        if len(places) > 1
    }


def _placed(shared: Mapping[str, tuple[list[int], list[int]]], order: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Herrings and the places of their hosts: each goes to the first in `order` of the categories that it fits.

    Without an order, two herrings of the same two categories could change places, and the wall had two solutions.
    """
    for word, (fits, members) in shared.items():
        host = min(fits, key=order.index)
        if host in members:
            yield word, host


def _has_neutral_clues(bank: Bank, four: Four) -> bool:
    return all(len(pool) >= _GROUP for pool in mutually_exclusive(bank, four))


def _chosen(bank: Bank, four: Four, rng: random.Random) -> list[tuple[str, Category]] | None:
    """Three herrings and their hosts; at most two in a group, so that each group keeps two neutral clues."""
    if not _has_neutral_clues(bank, four):
        return None
    shared = _shared(bank, four)
    orders = list(permutations(range(_GROUP)))
    rng.shuffle(orders)
    for order in orders:
        candidates = sorted(_placed(shared, order))
        rng.shuffle(candidates)
        chosen: list[tuple[str, int]] = []
        for word, host in candidates:
            if len(chosen) < DOSES and sum(host == other for _, other in chosen) < _MOST_IN_A_GROUP:
                chosen.append((word, host))
        if len(chosen) == DOSES:
            return [(word, four[host]) for word, host in chosen]
    return None


def _item(bank: Bank, four: Four, item: str, rng: random.Random) -> list[Wall] | None:
    herrings = _chosen(bank, four, rng)
    if herrings is None:
        return None
    pools = mutually_exclusive(bank, four)
    clues = {category.id: rng.sample(sorted(pool), _GROUP) for category, pool in zip(four, pools, strict=True)}
    order = permutation(rng)
    walls = []
    for dose in range(DOSES + 1):
        if dose:
            herring, host = herrings[dose - 1]
            filled = sum(other is host for _, other in herrings[: dose - 1])
            clues[host.id][filled] = herring
        walls.append(
            make_wall(
                [(category, tuple(clues[category.id])) for category in four],
                order,
                id=f"{item}-r{dose}",
                set="dose",
                condition=f"r{dose}",
                item=item,
                cluster=item,
                meta={"herrings": " | ".join(word for word, _ in herrings[:dose])},
            )
        )
    return walls
