"""Quads: four walls that differ in one clue and one group, so that the cost of a herring can be told from all else.

A herring fits its host and a competitor; its neutral twin fits the host alone. RH has the herring and the competitor,
SUB the twin and the competitor, ABS the herring without the competitor, BASE neither. One permutation serves all four,
and the twin sits where the herring sat.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tasks.only_connect_wall.bank import Bank, Category
from tasks.only_connect_wall.draws import (
    TRIES,
    exclusive,
    make_wall,
    mutually_exclusive,
    permutation,
    proven,
    stream,
    too_many,
)
from tasks.only_connect_wall.walls import Wall

MOST_PER_HERRING = 4
QUAD = ("BASE", "ABS", "SUB", "RH")


@dataclass(frozen=True, slots=True)
class Crossing:
    """A word that may be drawn for two categories: the herring, where it belongs, and where it seems to belong."""

    herring: str
    host: Category
    competitor: Category


@dataclass(frozen=True, slots=True)
class Quad:
    """The parts of a quad; all clues but the herring fit one of its six categories only.

    Attributes:
        rest: three clues of the host beside the critical one.
        twin: the fourth clue of the host, in place of the herring.
        lure, stand_in: four clues of the competitor, and of the group that replaces it.
        fillers: the two groups that all walls share.
        order: permutation of the sixteen places.
    """

    crossing: Crossing
    rest: tuple[str, ...]
    twin: str
    lure: tuple[str, ...]
    stand_in: tuple[Category, tuple[str, ...]]
    fillers: tuple[tuple[Category, tuple[str, ...]], ...]
    order: tuple[int, ...]


def quads(bank: Bank, seed: int, n: int) -> Iterator[Wall]:
    """The walls of `n` quads in the order BASE, ABS, SUB, RH; every herring word serves in few of them.

    Raises:
        UserError: the bank has no material for so many, or draws no walls with one solution.
    """
    rng = stream(seed, "quads")
    made = 0
    for crossing in rotation(bank, rng):
        if made == n:
            return
        walls = proven(bank, lambda: _walls(draw_quad(bank, crossing, rng), f"q{made:03}"))  # noqa: B023 (called at once)
        if walls:
            made += 1
            yield from walls
    if made < n:
        raise too_many("quads", n, made)


def quad_wall(quad: Quad, item: str, condition: str) -> Wall:
    """One of the four walls of `quad`."""
    crossing = quad.crossing
    critical = crossing.herring if condition in ("RH", "ABS") else quad.twin
    lured = condition in ("RH", "SUB")
    second = (crossing.competitor, quad.lure) if lured else quad.stand_in
    return make_wall(
        ((crossing.host, (critical, *quad.rest)), second, *quad.fillers),
        quad.order,
        id=f"{item}-{condition}",
        set="quads",
        condition=condition,
        item=item,
        cluster=crossing.herring,
        critical=critical,
        herring=crossing.herring,
        neutral_twin=quad.twin,
        host=0,
        competitor=crossing.competitor.id,
        competitor_clues=quad.lure if lured else (),
    )


def crossings(bank: Bank) -> list[Crossing]:
    """All triples of herring, host and competitor that have clues enough for a quad, in the order of the bank."""
    test = bank.with_role("test")
    members = {category.id: {word.casefold() for word in category.members} for category in test}
    return [
        Crossing(word, host, competitor)
        for host in test
        for word in host.members
        for competitor in test
        if competitor is not host and word.casefold() in members[competitor.id]
        if len(exclusive(bank, host, [competitor])) >= 4 and len(exclusive(bank, competitor, [host])) >= 4
    ]


def rotation(bank: Bank, rng: random.Random) -> Iterator[Crossing]:
    """Crossings in random order: a word serves again only when all have served, and at most four times."""
    by_word: dict[str, list[Crossing]] = {}
    for crossing in crossings(bank):
        by_word.setdefault(crossing.herring.casefold(), []).append(crossing)
    for found in by_word.values():
        rng.shuffle(found)
    for turn in range(MOST_PER_HERRING):
        words = list(by_word)
        rng.shuffle(words)
        for word in words:
            yield by_word[word][turn % len(by_word[word])]


def draw_quad(bank: Bank, crossing: Crossing, rng: random.Random) -> Quad | None:
    """A quad of `crossing` with fillers at random; None if no fillers were found."""
    taken = set(bank.fitting(crossing.herring))
    others = [category for category in bank.with_role("test") if category.id not in taken]
    for _ in range(TRIES):
        picked = rng.sample(others, 3)
        pools = mutually_exclusive(bank, [crossing.host, crossing.competitor, *picked])
        if min(map(len, pools)) >= 4:
            return _drawn(crossing, picked, [sorted(pool) for pool in pools], rng)
    return None


def _walls(quad: Quad | None, item: str) -> list[Wall] | None:
    return None if quad is None else [quad_wall(quad, item, condition) for condition in QUAD]


def _drawn(crossing: Crossing, picked: Sequence[Category], pools: Sequence[list[str]], rng: random.Random) -> Quad:
    fours = [tuple(rng.sample(pool, 4)) for pool in pools]
    (*rest, twin), lure = fours[0], fours[1]
    stand_in, *fillers = zip(picked, fours[2:], strict=True)
    return Quad(crossing, tuple(rest), twin, lure, stand_in, tuple(fillers), tuple(permutation(rng)))
