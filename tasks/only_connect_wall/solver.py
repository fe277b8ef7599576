"""The proof that a wall has one solution: exact cover of its clues by groups of four that share a category of the bank.

Four clues are a group if a category of the bank holds them all, on the wall or not. A depth-first search on the lowest
uncovered clue finds every partition; partitions count, not the names that their groups may have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from suite.errors import UserError
from tasks.only_connect_wall.bank import Bank
from tasks.only_connect_wall.walls import Wall

SIZE = 4
GROUPS = 4
Partition = tuple[tuple[str, ...], ...]


def partitions(words: Sequence[str], bank: Bank, *, most: int = 2) -> list[Partition]:
    """Ways to form four groups of four from `words`; with more than sixteen words the rest are left out.

    Args:
        most: stop after so many; 2 decide whether the solution is the only one.

    Raises:
        ValueError: fewer than sixteen words, or a word twice.
    """
    if len(words) < SIZE * GROUPS or len({word.casefold() for word in words}) < len(words):
        raise ValueError(f"{len(words)} words; expected {SIZE * GROUPS} or more, all different")
    groups = _groups_by_lowest(words, bank)
    surplus = len(words) - SIZE * GROUPS
    found: list[Partition] = []
    for masks in _covers(groups, (1 << len(words)) - 1, surplus):
        found.append(tuple(tuple(word for at, word in enumerate(words) if mask >> at & 1) for mask in masks))
        if len(found) == most:
            break
    return found


def is_unique(wall: Wall, bank: Bank) -> bool:
    """Whether the groups of `wall` are its only solution."""
    return _is_gold(wall, partitions(wall.words, bank))


def check_unique(wall: Wall, bank: Bank) -> None:
    """Raises `UserError` unless the groups of `wall` are its only solution; names the solutions that were found."""
    found = partitions(wall.words, bank)
    if _is_gold(wall, found):
        return
    shown = " and ".join(" / ".join(", ".join(group) for group in partition) for partition in found) or "none"
    raise UserError(
        f"wall {wall.id}: expected its groups to be the only solution, found {shown}; complete the members and fits of "
        "these categories"
    )


def _is_gold(wall: Wall, found: Sequence[Partition]) -> bool:
    gold = {frozenset(group.clues) for group in wall.groups}
    return len(found) == 1 and {frozenset(group) for group in found[0]} == gold


def _groups_by_lowest(words: Sequence[str], bank: Bank) -> list[list[int]]:
    """At place i, the groups whose lowest word is i; a group is a mask of places."""
    holders: dict[str, list[int]] = {}
    for at, word in enumerate(words):
        for category in bank.fitting(word):
            holders.setdefault(category, []).append(at)
    masks = {sum(1 << at for at in four) for places in holders.values() for four in combinations(places, SIZE)}
    groups: list[list[int]] = [[] for _ in words]
    for mask in sorted(masks):
        groups[(mask & -mask).bit_length() - 1].append(mask)
    return groups


def _covers(groups: Sequence[Sequence[int]], free: int, surplus: int) -> Iterator[tuple[int, ...]]:
    """Disjoint groups that cover `free` but for `surplus` words."""
    if free.bit_count() == surplus:
        yield ()
        return
    lowest = free & -free
    for mask in groups[lowest.bit_length() - 1]:
        if mask & free == mask:
            for others in _covers(groups, free ^ mask, surplus):
                yield (mask, *others)
    if surplus:
        yield from _covers(groups, free ^ lowest, surplus - 1)
