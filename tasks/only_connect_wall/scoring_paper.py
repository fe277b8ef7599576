"""Scores of a grouping exactly as the official evaluator of the benchmark gives them, its oddities included.

Alavi Naeini et al. 2023 (arXiv 2306.11167). Its Wasserstein distance takes group numbers for distances and pairs rows
in the order of listing, so it is no property of the partition: report it for comparison with published figures, and
rank by nothing here. `tasks.only_connect_wall.scoring` has the scores that we stand by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.only_connect_wall.agreement import agreement

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PaperScores:
    """Attributes:
    wd: 0 to 1, published times 100; lower is better.
    official_fails: the official evaluator raises on this answer (a right row given twice); the scores go on.
    """

    correct_groups: int
    solved: bool
    wd: float
    ari: float
    ami: float
    fms: float
    official_fails: bool = False


def paper_scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> PaperScores:
    """Scores of one wall.

    Args:
        gold: four groups of four clues.
        predicted: four rows of four strings, padded with "" as `parsers.paper_groups` does.

    Raises:
        ValueError: rows of another shape.
    """
    if [len(row) for row in (*gold, *predicted)] != [4] * 8:
        raise ValueError("expected four rows of four clues; pad the answer first")
    right, rows = _folded(gold), _folded(predicted)
    correct = len(set(right) & set(rows))
    truth = [number for number in range(4) for _ in range(4)]
    labels = _labels(right, rows)
    found = agreement(truth, labels)
    wd, fails = _distance([tuple(labels[at : at + 4]) for at in range(0, 16, 4)])
    return PaperScores(correct, correct == 4, wd, found.ari, found.ami, found.fms, fails)


def _folded(groups: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    return [tuple(sorted(clue.lower().strip() for clue in group)) for group in groups]


def _labels(right: Sequence[tuple[str, ...]], rows: Sequence[tuple[str, ...]]) -> list[int]:
    """The group number of each predicted clue; a string that is not on the wall, "" too, gets a number of its own."""
    number: dict[str, int] = {}
    for at, group in enumerate(right):
        for clue in group:
            number.setdefault(clue, at)
    labels, unknown = [], 4
    for row in rows:
        for clue in row:
            if clue in number:
                labels.append(number[clue])
            else:
                labels.append(unknown)
                unknown += 1
    return labels


def _distance(rows: Sequence[Row]) -> tuple[float, bool]:
    """The mean distance of the rows that are not right from the gold rows left over, paired in order.

    The official code removes a gold row each time that it is predicted and raises the second time; here the second is
    dropped too, and a gold row without a partner counts 1.
    """
    left = [(number,) * 4 for number in range(4)]
    wrong = [row for row in rows if row not in left]
    matched = [row for row in rows if row in left]
    left = [row for row in left if row not in matched]
    total = sum(min(1.0, _wasserstein(row, gold)) for row, gold in zip(wrong, left, strict=False))
    return (total + max(0, len(left) - len(wrong))) / 4, len(set(matched)) < len(matched)


def _wasserstein(row: Row, gold: Row) -> float:
    return sum(abs(a - b) for a, b in zip(sorted(row), sorted(gold), strict=True)) / 4
