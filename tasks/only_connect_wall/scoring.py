"""Scores of a grouping that depend on the partition alone: the default of all reports.

Each clue of the wall belongs to the first predicted group that holds it; later repeats count as duplicates, missing
clues stand alone, and strings that are not on the wall count for nothing but `n_hallucinated`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.only_connect_wall.agreement import agreement
from tasks.only_connect_wall.clue_text import fold


@dataclass(frozen=True, slots=True)
class GroupingScores:
    """Attributes:
    clue_acc: share of clues in the right group, under the best matching of groups; None where clues are ambiguous.
    misplaced: 1 - clue_acc, the order-free replacement of the published Wasserstein distance.
    ari, ami, fms: agreement over the sixteen clues; None where a clue stands twice on the wall.
    valid: nothing missing, repeated, invented or left empty.
    """

    correct_groups: int
    solved: bool
    clue_acc: float | None
    misplaced: float | None
    ari: float | None
    ami: float | None
    fms: float | None
    n_missing: int
    n_duplicate: int
    n_hallucinated: int
    n_empty: int
    n_oversize: int
    n_surplus: int
    valid: bool


def grouping_scores(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], surplus: Sequence[str] = ()
) -> GroupingScores:
    """Scores of one wall.

    Args:
        gold: four groups of four clues.
        predicted: any number of groups of any size; "" is an empty slot. Groups with more than four clues, and groups
            beyond the first four, count as `n_oversize`.
        surplus: clues on the wall that belong to no group; using one is `n_surplus`, not an invention.
    """
    right = [[fold(clue) for clue in group] for group in gold]
    rows = [[fold(clue) for clue in row] for row in predicted]
    filled = [[clue for clue in row if clue] for row in rows]
    targets, answers = [tuple(sorted(row)) for row in right], [tuple(sorted(row)) for row in filled]
    correct = sum((Counter(targets) & Counter(set(answers))).values())
    wall = [clue for group in right for clue in group]
    slots = Counter(clue for row in filled for clue in row)
    on_wall = Counter(wall)
    n_missing = sum((on_wall - slots).values())
    extra = {fold(clue) for clue in surplus}
    n_surplus = sum(slots[clue] for clue in extra)
    n_hallucinated = sum(count for clue, count in slots.items() if clue not in on_wall) - n_surplus
    n_duplicate = sum(max(0, slots[clue] - count) for clue, count in on_wall.items())
    n_empty = sum(not clue for row in rows for clue in row)
    clue_acc = ari = ami = fms = None
    if len(on_wall) == len(wall):
        place = first_places(filled)
        labels = [place.get(clue, -1 - at) for at, clue in enumerate(wall)]
        truth = [number for number, group in enumerate(right) for _ in group]
        found = agreement(truth, labels)
        ari, ami, fms = found.ari, found.ami, found.fms
        clue_acc = _best_overlap(truth, labels) / len(wall)
    return GroupingScores(
        correct_groups=correct,
        solved=correct == 4,
        clue_acc=clue_acc,
        misplaced=None if clue_acc is None else 1 - clue_acc,
        ari=ari,
        ami=ami,
        fms=fms,
        n_missing=n_missing,
        n_duplicate=n_duplicate,
        n_hallucinated=n_hallucinated,
        n_empty=n_empty,
        n_oversize=sum(len(row) > 4 for row in filled) + max(0, len(filled) - 4),
        n_surplus=n_surplus,
        valid=not (n_missing or n_duplicate or n_hallucinated or n_empty or n_surplus),
    )


def first_places(rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """Clue -> number of the first group that holds it."""
    place: dict[str, int] = {}
    for number, row in enumerate(rows):
        for clue in row:
            place.setdefault(clue, number)
    return place


def _best_overlap(truth: Sequence[int], labels: Sequence[int]) -> int:
    """Clues in the right group when groups are matched as well as they can be."""
    overlap = Counter((a, b) for a, b in zip(truth, labels, strict=True) if b >= 0)
    groups = sorted({b for _, b in overlap})
    table = tuple(tuple(overlap[a, b] for b in groups) for a in range(max(truth) + 1))
    if not groups:
        return 0
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    array = np.array(table)
    return int(array[linear_sum_assignment(array, maximize=True)].sum())
