"""Phantom walls: four clues, one of each group, all fit a fifth category that is not on the wall; the twin has none.

Exploratory: a phantom group is a lure without a place, so it costs little.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from tasks.only_connect_wall.bank import Bank, Category
from tasks.only_connect_wall.draws import (
    TRIES,
    Row,
    make_wall,
    mutually_exclusive,
    permutation,
    proven,
    stream,
    too_many,
)
from tasks.only_connect_wall.walls import Wall

_MOST_PER_CATEGORY = 8


def phantoms(bank: Bank, seed: int, n: int) -> Iterator[Wall]:
    """The walls of `n` pairs, conditions phantom and twin; `competitor_clues` are the phantom's, or what replaces them.

    Raises:
        UserError: the bank has no material for so many, or draws no walls with one solution.
    """
    rng = stream(seed, "phantom")
    made: set[tuple[str, ...]] = set()
    for _ in range(_MOST_PER_CATEGORY):
        lures = list(bank.with_role("test"))
        rng.shuffle(lures)
        for lure in lures:
            if len(made) == n:
                return
            walls = proven(bank, lambda: _pair(bank, lure, f"p{len(made):03}", rng))  # noqa: B023 (called at once)
            key = tuple(sorted(walls[-1].competitor_clues)) if walls else ()
            if walls and key not in made:
                made.add(key)
                yield from walls
    if len(made) < n:
        raise too_many("phantom pairs", n, len(made))


def _pair(bank: Bank, lure: Category, item: str, rng: random.Random) -> list[Wall] | None:
    drawn = _draw(bank, lure, rng)
    if drawn is None:
        return None
    order = permutation(rng)
    walls = []
    for condition, rows in zip(("phantom", "twin"), drawn, strict=True):
        of = {"set": "phantom", "condition": condition, "item": item, "cluster": item, "competitor": lure.id}
        firsts = tuple(four[0] for _, four in rows)
        walls.append(make_wall(rows, order, id=f"{item}-{condition}", competitor_clues=firsts, **of))
    return walls[::-1]


def _draw(bank: Bank, lure: Category, rng: random.Random) -> tuple[list[Row], list[Row]] | None:
    """The rows with the phantom's clue first in each, and those of the twin; None if `lure` offers no four."""
    hosts = [category for category in bank.with_role("test") if category is not lure]
    shared = {host.id: sorted(set(host.members) & set(lure.members)) for host in hosts}
    hosts = [host for host in hosts if shared[host.id]]
    for _ in range(TRIES if len(hosts) >= 4 else 0):
        picked = rng.sample(hosts, 4)
        pools = mutually_exclusive(bank, [*picked, lure])
        here = {host.id for host in picked}
        marked = [[word for word in shared[host.id] if here & set(bank.fitting(word)) == {host.id}] for host in picked]
        if min(map(len, pools[:4])) < 4 or not all(marked):
            continue
        clues = [rng.choice(words) for words in marked]
        if len(set(clues)) == 4:
            fours = [rng.sample(sorted(pool), 4) for pool in pools[:4]]
            twin: list[Row] = [(host, tuple(four)) for host, four in zip(picked, fours, strict=True)]
            lured: list[Row] = [(host, (clue, *four[1:])) for (host, four), clue in zip(twin, clues, strict=True)]
            return lured, twin
    return None
