"""Where the critical clue of a wall went: to its own group, to the lure, or elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.only_connect_wall.clue_text import fold
from tasks.only_connect_wall.scoring import first_places

Place = Literal["host", "competitor", "filler", "missing"]
PLACES: tuple[Place, ...] = ("host", "competitor", "filler", "missing")


@dataclass(frozen=True, slots=True)
class Fixation:
    """Attributes:
    host_correct: the group of the critical clue is returned exactly.
    lured: the critical clue stands with more clues of the competitor than of its own group.
    place: by which clues the critical one was put; "competitor" exactly if `lured`. A row of more than four clues is
        no group: a model that lists the whole wall in one line has put the clue nowhere ("missing").
    """

    host_correct: bool
    lured: bool
    place: Place


def fixation(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    *,
    critical: str,
    host: int,
    competitor: Sequence[str],
) -> Fixation:
    """What became of the critical clue.

    Args:
        gold, predicted: groups of clues.
        critical: the clue that the arms of a quad exchange.
        host: place in `gold` of the group that holds it.
        competitor: clues of the lure on this wall, or of the group that stands in for it.
    """
    rows = [[clue for clue in map(fold, row) if clue] for row in predicted]
    own = {fold(clue) for clue in gold[host]}
    host_correct = any(sorted(row) == sorted(map(fold, gold[host])) for row in rows)
    key = fold(critical)
    at = first_places(rows).get(key)
    if at is None or len(rows[at]) > 4:
        return Fixation(host_correct, False, "missing")
    others = set(rows[at]) - {key}
    lure = {fold(clue) for clue in competitor}
    wall = {fold(clue) for group in gold for clue in group}
    with_lure, with_host = len(others & lure), len(others & (own - {key}))
    with_filler = len(others & (wall - own - lure))
    if with_lure > with_host:
        return Fixation(host_correct, True, "competitor")
    return Fixation(host_correct, False, "host" if with_host and with_host >= with_filler else "filler")


def largest_gathering(predicted: Sequence[Sequence[str]], clues: Sequence[str]) -> int:
    """How many of `clues` stand together in one predicted group, at most (phantom walls)."""
    wanted = {fold(clue) for clue in clues}
    return max((len(wanted & {fold(clue) for clue in row}) for row in predicted), default=0)
