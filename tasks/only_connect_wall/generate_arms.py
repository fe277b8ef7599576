"""Walls beside the core: the priming arm, the extra-clue arm, and the solved examples that prompts show."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from suite.identity import canonical_json
from tasks.only_connect_wall.bank import Bank, Category
from tasks.only_connect_wall.draws import (
    TRIES,
    Row,
    holds_near_group,
    make_wall,
    mutually_exclusive,
    permutation,
    proven,
    stream,
    too_many,
)
from tasks.only_connect_wall.generate_quads import Crossing, draw_quad, quad_wall, rotation
from tasks.only_connect_wall.wall_rows import example_row
from tasks.only_connect_wall.walls import Wall

PRIMES = 3
EXTRA_CLUES = 4


def examples(bank: Bank, seed: int, n: int) -> Iterator[Wall]:
    """`n` solved walls of the categories that are kept off all walls that are asked.

    Raises:
        UserError: the example categories cannot fill them, or draw no walls with one solution.
    """
    rng = stream(seed, "examples")
    for number in range(n):
        walls = proven(bank, lambda: _example(bank, f"e{number:03}", rng))  # noqa: B023 (called at once)
        if walls is None:
            raise too_many("example walls", n, number)
        yield from walls


def extras(bank: Bank, seed: int, n: int) -> Iterator[Wall]:
    """Walls of `n` items with 0 to 4 clues that belong to no group (conditions x0 to x4), nested.

    Raises:
        UserError: the bank has no material for so many, or draws no walls with one solution.
    """
    rng = stream(seed, "extra")
    for number in range(n):
        walls = proven(bank, lambda: _with_extra_clues(bank, f"x{number:03}", rng))  # noqa: B023 (called at once)
        if walls is None:
            raise too_many("extra-clue items", n, number)
        yield from walls


def primings(bank: Bank, seed: int, n: int) -> Iterator[Wall]:
    """RH and SUB of `n` quads, each after three solved walls that use the competitor and after three that do not.

    Conditions are primed_SUB, primed_RH, unrelated_SUB and unrelated_RH; ``meta["examples"]`` holds the solved walls
    (`wall_rows.prime_walls`). The two triples differ in one group a wall, and share no clue with the asked wall; the
    herring is in neither.

    Raises:
        UserError: the bank has no material for so many, or draws no walls with one solution.
    """
    rng = stream(seed, "priming")
    made = 0
    for crossing in rotation(bank, rng):
        if made == n:
            return
        item = f"m{made:03}"
        walls = proven(bank, lambda: _asked_and_shown(bank, crossing, item, rng))  # noqa: B023 (called at once)
        if walls is None:
            continue
        made += 1
        asked, shown = walls[:2], {"primed": walls[2 : 2 + PRIMES], "unrelated": walls[2 + PRIMES :]}
        for arm, solved in shown.items():
            meta = {"examples": canonical_json([example_row(wall) for wall in solved])}
            for wall in asked:
                condition = f"{arm}_{wall.condition}"
                yield replace(wall, id=f"{item}-{condition}", set="priming", condition=condition, meta=meta)
    if made < n:
        raise too_many("priming items", n, made)


def _example(bank: Bank, item: str, rng: random.Random) -> list[Wall] | None:
    rows = _rows(bank, bank.with_role("example"), rng)
    return None if rows is None else [make_wall(rows, permutation(rng), id=item, set="examples", item=item)]


def _with_extra_clues(bank: Bank, item: str, rng: random.Random) -> list[Wall] | None:
    test = bank.with_role("test")
    rows = _rows(bank, test, rng)
    unused = _unused(bank, test, rows, rng) if rows else None
    if not rows or not unused:
        return None
    order = permutation(rng, 16 + EXTRA_CLUES)
    walls = []
    for count in range(EXTRA_CLUES + 1):
        places = [place for place in order if place < 16 + count]
        of = {"set": "extra", "condition": f"x{count}", "item": item, "cluster": item}
        walls.append(make_wall(rows, places, unused=unused[:count], id=f"{item}-x{count}", **of))
    return walls


def _rows(bank: Bank, pool: Sequence[Category], rng: random.Random) -> list[Row] | None:
    """Four rows of categories at random from `pool`."""
    for _ in range(TRIES):
        picked = rng.sample(pool, 4)
        pools = mutually_exclusive(bank, picked)
        if min(map(len, pools)) >= 4:
            return [
                (category, tuple(rng.sample(sorted(words), 4))) for category, words in zip(picked, pools, strict=True)
            ]
    return None


def _unused(bank: Bank, test: Sequence[Category], rows: Sequence[Row], rng: random.Random) -> list[str] | None:
    """Clues of four further categories that fit no group, and complete no three clues to another one."""
    here = {category.id for category, _ in rows}
    clues = [clue for _, four in rows for clue in four]
    for _ in range(TRIES):
        others = rng.sample([category for category in test if category.id not in here], EXTRA_CLUES)
        found = [rng.choice(sorted(category.members)) for category in others]
        everything = clues + found
        if len(set(everything)) == len(everything) and not any(
            here & set(bank.fitting(clue)) or holds_near_group(bank, clue, everything) for clue in found
        ):
            return found
    return None


def _asked_and_shown(bank: Bank, crossing: Crossing, item: str, rng: random.Random) -> list[Wall] | None:
    """SUB and RH, three solved walls with a group of the competitor, and the same with one of the stand-in instead.

    None where one of the two has not four clues more that fit no example category.
    """
    quad = draw_quad(bank, crossing, rng)
    if quad is None:
        return None
    competitor, (stand_in, used) = crossing.competitor, quad.stand_in
    fillers = [clue for _, four in quad.fillers for clue in four]
    taken = {crossing.herring, quad.twin, *quad.rest, *quad.lure, *used, *fillers}
    examples = bank.with_role("example")
    kept_off = {category.id for category in examples}
    free: Mapping[str, list[str]] = {
        category.id: [
            word for word in category.members if word not in taken and kept_off.isdisjoint(bank.fitting(word))
        ]
        for category in (competitor, stand_in)
    }
    if min(map(len, free.values())) < 4:
        return None
    shown: dict[str, list[Wall]] = {competitor.id: [], stand_in.id: []}
    for number in range(PRIMES):
        others = _rows(bank, examples, rng)
        if others is None:
            return None
        order = permutation(rng)
        for category in (competitor, stand_in):
            name = f"{item}-{category.id}-{number}"
            four = tuple(rng.sample(sorted(free[category.id]), 4))
            shown[category.id].append(
                make_wall([(category, four), *others[1:]], order, id=name, set="examples", item=name)
            )
    return [quad_wall(quad, item, "SUB"), quad_wall(quad, item, "RH"), *shown[competitor.id], *shown[stand_in.id]]
