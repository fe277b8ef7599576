"""The cells of the reversal curse's tables: a training group asked in a direction, with the words that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suite.report.charts import BLUE, GREEN, LABEL_BREAK, ORANGE
from suite.report.queries import RunView

SAME, REVERSE, BOTH = "as trained", "in reverse", "trained both ways"
COLOURS = {SAME: BLUE, REVERSE: ORANGE, BOTH: GREEN}
GROUPS = ("n2d_only", "d2n_only", "both")
DIRECTIONS = ("n2d", "d2n")
ONE_WAY = {"n2d_only": ("n2d", "d2n"), "d2n_only": ("d2n", "n2d")}  # group -> (same direction, reverse direction)
_ITEMS = dict.fromkeys(("relation", "binding"), ("person A", "person B"))  # kind -> (first item, second item)
_NAME_KIND = ("name", "description")


@dataclass(frozen=True, slots=True)
class Cell:
    """A group asked in a direction.

    Attributes:
        label: for an axis, with a line break.
        asked: one of SAME, REVERSE, BOTH.
    """

    group: str
    direction: str
    label: str
    asked: str


def cell_of(condition: Mapping[str, Any]) -> Cell | None:
    """The cell of a condition; None for other tracks and for conditions that are not of this task."""
    group, direction, seen = (condition.get(key) for key in ("group", "direction", "seen"))
    if group not in GROUPS or direction not in DIRECTIONS or seen not in ("same", "reverse"):
        return None
    asked = BOTH if group == "both" else SAME if seen == "same" else REVERSE
    first, second = _ITEMS.get(str(condition.get("kind")), _NAME_KIND)
    label = f"{group_words(condition)}{LABEL_BREAK}{second if direction == 'n2d' else first} asked"
    return Cell(str(group), str(direction), label, asked)


def group_words(condition: Mapping[str, Any]) -> str:
    """How the facts of a condition's group were told."""
    first, second = _ITEMS.get(str(condition.get("kind")), _NAME_KIND)
    words = {"n2d_only": f"{first} first", "d2n_only": f"{second} first", "both": "both orders"}
    return words.get(str(condition.get("group")), "")


def cells(run: RunView, name: str, control: str = "none") -> Iterator[tuple[Cell, Mapping[str, Any]]]:
    """(cell, metric) of a metric under a control, in a fixed order; without those that have no value."""
    found: dict[tuple[str, str], tuple[Cell, Mapping[str, Any]]] = {}
    for metric in run.named(name, control=control):
        cell = cell_of(metric["condition"])
        if cell is not None and metric["value"] is not None:
            found.setdefault((cell.group, cell.direction), (cell, metric))
    yield from (found[key] for key in sorted(found, key=_order))


def in_order(cell: Cell) -> tuple[int, int]:
    """A key for sorting: groups, and in each the trained direction first."""
    return _order((cell.group, cell.direction))


def is_doubtful(metric: Mapping[str, Any]) -> bool:
    """Whether the note of a metric says that it must not be read."""
    return str(metric["note"]).startswith("uninterpretable")


def _order(key: tuple[str, str]) -> tuple[int, int]:
    group, direction = key
    return GROUPS.index(group), ONE_WAY.get(group, DIRECTIONS).index(direction)
