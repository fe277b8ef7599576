"""What the generators of walls share: randomness, exclusive clues, and the proof that a wall has one solution."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from suite.errors import UserError
from tasks.only_connect_wall.bank import Bank, Category
from tasks.only_connect_wall.solver import check_unique, is_unique
from tasks.only_connect_wall.walls import Group, Wall

GENERATOR_VERSION = "1"
TRIES = 200  # draws before a generator gives up

Row = tuple[Category, tuple[str, ...]]  # a category and four of its clues


def stream(seed: int, name: str) -> random.Random:
    """The stream of randomness for one purpose; the same on every platform, since it is seeded by text."""
    return random.Random(f"{GENERATOR_VERSION}:{seed}:{name}")  # noqa: S311 (data, not secrets)


def exclusive(bank: Bank, category: Category, others: Iterable[Category]) -> list[str]:
    """Members of `category` that fit none of `others`, in the order of the bank."""
    rivals = {other.id for other in others} - {category.id}
    return [word for word in category.members if rivals.isdisjoint(bank.fitting(word))]


def mutually_exclusive(bank: Bank, categories: Sequence[Category]) -> list[list[str]]:
    """For each category its members that fit none of the others."""
    return [exclusive(bank, category, categories) for category in categories]


def holds_near_group(bank: Bank, word: str, clues: Collection[str]) -> bool:
    """Whether `word` and three of `clues` share a category: then it could stand in for one of them."""
    return any(
        sum(category in bank.fitting(clue) for clue in clues if clue != word) >= 3 for category in bank.fitting(word)
    )


def permutation(rng: random.Random, length: int = 16) -> list[int]:
    """Places 0 to `length` - 1 in random order."""
    places = list(range(length))
    rng.shuffle(places)
    return places


def make_wall(rows: Sequence[Row], order: Sequence[int], *, unused: Sequence[str] = (), **of: Any) -> Wall:
    """A wall of these rows.

    Args:
        order: which clue stands where, in places of the rows' clues one after the other, then of `unused`.
        of: the other fields of `Wall`.
    """
    clues = [clue for _, four in rows for clue in four] + list(unused)
    groups = tuple(Group(category.label, four, category.id, category.aliases) for category, four in rows)
    return Wall(words=tuple(clues[place] for place in order), groups=groups, **of)


def proven(bank: Bank, draw: Callable[[], list[Wall] | None]) -> list[Wall] | None:
    """The walls of the first draw that all have one solution; None when nothing can be drawn.

    A draw may fail although the bank is right: a category that is not on the wall may hold clues of several groups.

    Raises:
        UserError: no draw of many has walls with one solution; names the solutions of the last.
    """
    for _ in range(TRIES):
        walls = draw()
        if walls is None:
            return None
        doubtful = [wall for wall in walls if not is_unique(wall, bank)]
        if not doubtful:
            return walls
    check_unique(doubtful[0], bank)
    return None


def too_many(what: str, asked: int, capacity: int) -> UserError:
    """More items are asked for than the bank holds."""
    return UserError(f"{asked} {what}: the category bank has material for {capacity}; ask for at most that many")
