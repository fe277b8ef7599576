"""Charts of what was found, beside people where they played the same walls; and of the names given to groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from suite.report.charts import BLUE, LABEL_BREAK, ORANGE, PALETTE, Figure, dots_with_intervals, figure, placed
from suite.report.pages.only_connect_wall.cells import Cell, arm_words, cells
from suite.report.queries import RunView

WALLS, GROUPS = "walls solved", "groups found"
_COLOURS = {WALLS: BLUE, GROUPS: ORANGE}
_SETS = ("public", "quads", "dose", "priming", "extra", "phantom")
_PEOPLE = f"people{LABEL_BREAK}same walls"
_NAMES = {"em": "exact", "alias_match": "label or alias", "rouge1": "ROUGE-1"}


def solved_figures(runs: Sequence[RunView]) -> list[Figure]:
    """Share of walls solved and of groups found in each arm, with chance and people; a figure a set of walls."""
    by_set: dict[str, list[dict[str, Any]]] = {}
    for cell in cells(runs):
        by_set.setdefault(cell.set, []).extend(_rows(cell))
    caption = (
        "Share of walls with all four groups right, and of groups returned exactly, with 95 % intervals. Grey: a "
        "random grouping."
    )
    people = (
        " “People” is what contestants found on the same walls: they had 150 seconds, several tries and feedback, a "
        "model answers once."
    )
    found = []
    for number, (name, rows) in enumerate(sorted(by_set.items(), key=_order), start=1):
        if rows:
            chart = dots_with_intervals(rows, value="share", colours=_COLOURS)
            said = caption + (people if any(row["cell"] == _PEOPLE for row in rows) else "")
            found.append(figure(f"solved-{number}", f"Walls and groups: {name}", said, chart, rows, placed(rows)))
    return found


def _order(named: tuple[str, object]) -> tuple[int, str]:
    name = named[0]
    return (_SETS.index(name) if name in _SETS else len(_SETS)), name


def names_figure(runs: Sequence[RunView]) -> list[Figure]:
    """How well the connections of given groups were named."""
    rows: list[dict[str, Any]] = []
    for cell in cells(runs, "connections"):
        for name, words in _NAMES.items():
            rows += [_row(cell, arm_words(arm), words, metric, "share") for arm, metric in cell.arms(name)]
        rows += [_row(cell, _PEOPLE, "exact", metric, "share") for _, metric in cell.arms("human_connections")[:1]]
    if not rows:
        return []
    colours = dict(zip(_NAMES.values(), PALETTE, strict=False))
    chart = dots_with_intervals(rows, value="share", colours=colours)
    caption = (
        "Connections of given groups that were named right, with 95 % intervals: equal to the label, equal to the "
        "label or an alias without articles and punctuation, and the share of words in common (ROUGE-1)."
    )
    return [figure("names", "Naming the connections", caption, chart, rows, placed(rows))]


def _rows(cell: Cell) -> Iterator[dict[str, Any]]:
    for name, words, whole in (("solved", WALLS, 1), ("correct_groups", GROUPS, 4)):
        chance = cell.named(f"{name}_chance")
        line = chance["value"] / whole if chance and chance["value"] is not None else None
        for arm, metric in cell.arms(name):
            row = _row(cell, arm_words(arm), words, metric, "share", whole)
            yield {**row, "chance": line, "chance_low": line, "chance_high": line}
    for name, words, whole in (("human_solved", WALLS, 1), ("human_groups", GROUPS, 4)):
        for _, metric in cell.arms(name)[:1]:
            people = _row(cell, _PEOPLE, words, metric, "share", whole)
            yield {**people, "chance": None, "chance_low": None, "chance_high": None}


def _row(cell: Cell, line: str, words: str, metric: Any, axis: str, whole: int = 1) -> dict[str, Any]:
    low, high = metric["ci_low"], metric["ci_high"]
    return {
        "model": cell.panel,
        "cell": line,
        "asked": words,
        axis: metric["value"] / whole,
        "low": None if low is None else low / whole,
        "high": None if high is None else high / whole,
        "walls": metric["n"],
        "how": cell.way,
    }
