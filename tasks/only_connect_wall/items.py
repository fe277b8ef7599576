"""From walls to docs and back: an item is a doc, and its walls are the arms that are compared within it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from suite.errors import UserError
from suite.task import Doc
from tasks.only_connect_wall.walls import Group, Wall

QUAD = ("BASE", "ABS", "SUB", "RH")
WHOLE = "wall"  # the arm of a wall that is compared with no other


def wall_docs(walls: Iterable[Wall]) -> Iterator[Doc]:
    """One doc an item, in the order of the walls; the arms of an item stand together.

    Raises:
        UserError: a quad lacks one of its conditions, or an item has a condition twice.
    """
    items: dict[str, dict[str, Wall]] = {}
    for wall in walls:
        arms = items.setdefault(wall.item or wall.id, {})
        arm = wall.condition or WHOLE
        if arm in arms:
            raise UserError(
                f"wall {wall.id}: item {wall.item!r} has condition {arm} twice; give each wall an id of its own"
            )
        arms[arm] = wall
    for item, arms in items.items():
        first = next(iter(arms.values()))
        if first.set == "quads":
            arms = _whole_quad(item, arms)
        data = {"set": first.set, "arms": {arm: asdict(wall) for arm, wall in arms.items()}}
        yield Doc(item, data, cluster=first.cluster or item)


def wall_of(data: Mapping[str, Any]) -> Wall:
    """The wall in a doc, where JSON has turned tuples into lists."""
    groups = tuple(
        Group(**{**group, "clues": tuple(group["clues"]), "aliases": tuple(group["aliases"])})
        for group in data["groups"]
    )
    lists = {name: tuple(data[name]) for name in ("words", "competitor_clues", "flags")}
    return Wall(**{**data, **lists, "groups": groups})


def displayed(wall: Wall, shuffle: int) -> tuple[str, ...]:
    """The clues in the order in which they are shown.

    Order 0 is the wall's own, unless it gives the groups away; the others are drawn from the item's id, so that the
    arms of an item, which differ in a clue, have it in the same place.
    """
    if shuffle == 0 and not gives_groups_away(wall.words, wall.groups):
        return wall.words
    seed = hashlib.sha256(f"{wall.item or wall.id}:{shuffle}".encode()).digest()[:8]
    words = list(wall.words)
    random.Random(int.from_bytes(seed)).shuffle(words)  # noqa: S311
    return tuple(words)


def gives_groups_away(words: Sequence[str], groups: Sequence[Group]) -> bool:
    """Whether the clues are listed group by group."""
    blocks = [sorted(words[at : at + 4]) for at in range(0, len(words), 4)]
    return all(sorted(group.clues) in blocks for group in groups)


def _whole_quad(item: str, arms: Mapping[str, Wall]) -> dict[str, Wall]:
    """The arms in order, those without the competitor with the clues of the group that stands in for it."""
    missing = [arm for arm in QUAD if arm not in arms]
    if missing:
        raise UserError(f"quad {item}: lacks {', '.join(missing)}; a quad needs {', '.join(QUAD)}")
    here = {group.category or group.label for group in arms["RH"].groups}
    there = {group.category or group.label for group in arms["ABS"].groups}
    lures = {
        arm: [g.clues for g in arms[arm].groups if (g.category or g.label) not in others]
        for arm, others in (("RH", there), ("SUB", there), ("ABS", here), ("BASE", here))
    }
    for arm, found in lures.items():
        if len(found) != 1:
            raise UserError(f"quad {item}, {arm}: {len(found)} groups differ between RH and ABS; expected 1")
    return {arm: _with_lure(arms[arm], lures[arm][0]) for arm in QUAD}


def _with_lure(wall: Wall, clues: tuple[str, ...]) -> Wall:
    return replace(wall, competitor_clues=clues)
