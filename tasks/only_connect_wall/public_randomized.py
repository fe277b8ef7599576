"""Our version of OCW-Randomized: the first group of every wall stays, the others come from other walls.

The authors draw the groups by rejection, which is a perfect matching by luck and need not end. Here a random
permutation is repaired by swaps: it ends, or says that it could not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from suite.errors import UserError
from tasks.only_connect_wall.walls import Group, Wall

_SWEEPS = 200
Placed = tuple[int, Group]  # the wall that a group comes from, and the group


def randomized(walls: Sequence[Wall], *, seed: int = 0) -> list[Wall]:
    """Walls with the ids and first groups of `walls`, and three groups of three other walls each.

    Every second, third and fourth group is used once. No clue stands twice on a wall, in any case. Clues are shuffled
    anew; the human flags stay with their groups, so they say nothing of the new walls.

    Args:
        walls: public walls, all different.
        seed: the result is a function of the arguments alone.

    Raises:
        UserError: no arrangement was found.
    """
    rng = random.Random(f"randomized:{seed}")  # noqa: S311 (data, not secrets)
    slots: list[Placed] = [(at, group) for at, wall in enumerate(walls) for group in wall.groups[1:]]
    rng.shuffle(slots)
    for _ in range(_SWEEPS):
        clashing = [at for at in range(len(slots)) if _clashes(walls, slots, at)]
        if not clashing:
            return [_wall(wall, slots[3 * at : 3 * at + 3], rng) for at, wall in enumerate(walls)]
        for at in clashing:
            if _clashes(walls, slots, at):
                _swap(walls, slots, at, rng)
    raise UserError(
        f"{len(walls)} walls cannot be randomised: groups still clash after {_SWEEPS} sweeps; give more walls, or "
        "another seed"
    )


def _swap(walls: Sequence[Wall], slots: list[Placed], at: int, rng: random.Random) -> None:
    """Exchanges slot `at` with one where both then fit; leaves it if there is none, for the next sweep to try."""
    others = list(range(len(slots)))
    rng.shuffle(others)
    for other in others:
        slots[at], slots[other] = slots[other], slots[at]
        if not _clashes(walls, slots, at) and not _clashes(walls, slots, other):
            return
        slots[at], slots[other] = slots[other], slots[at]
    # none fits both: a random exchange changes the situation
    other = others[0]
    slots[at], slots[other] = slots[other], slots[at]


def _clashes(walls: Sequence[Wall], slots: Sequence[Placed], at: int) -> bool:
    """Whether the group in slot `at` is from its own wall, or from the wall of a neighbour, or repeats a clue."""
    home = at // 3
    origin, group = slots[at]
    neighbours = [slots[other] for other in range(3 * home, 3 * home + 3) if other != at]
    if origin == home or any(origin == other for other, _ in neighbours):
        return True
    clues = {clue.casefold() for clue in group.clues}
    beside = [walls[home].groups[0], *(other for _, other in neighbours)]
    return any(not clues.isdisjoint(clue.casefold() for clue in other.clues) for other in beside)


def _wall(wall: Wall, placed: Sequence[Placed], rng: random.Random) -> Wall:
    groups = (wall.groups[0], *(group for _, group in placed))
    words = [clue for group in groups for clue in group.clues]
    rng.shuffle(words)
    folded = [word.casefold() for word in words]
    flags = ("ambiguous_clue",) if len(set(folded)) < len(folded) else ()
    meta = {**wall.meta, "variant": "randomized"}
    return replace(wall, words=tuple(words), groups=groups, flags=flags, meta=meta)
