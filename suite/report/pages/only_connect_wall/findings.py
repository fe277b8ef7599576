"""The key finding in words, and the leaderboard: one line a run, set of walls and way of asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.report.charts import LABEL_BREAK
from suite.report.content import Measured, Summary, SummaryRow
from suite.report.pages.only_connect_wall.cells import Cell, arm_words, cells
from suite.report.pages.only_connect_wall.effects import interval
from suite.report.queries import RunView

_COLUMNS = (
    *("walls", "how asked", "mode", "condition", "walls solved", "groups of 4", "clues in place", "lured"),
    *("herring cost, groups", "lure effect", "paper: WD", "paper: FMS", "no readable answer"),
)
_READING = (
    "Small figures are 95 % intervals over herring words or walls. The herring cost is the difference of differences "
    "in groups found, the lure effect that in the lure rate: herring against neutral twin, with against without the "
    "competitor; positive is more fixation. WD and FMS are as the official evaluator computes them, for comparison "
    "with published figures only: WD depends on the order in which groups are listed."
)
_UNREADABLE = ("empty", "refusal", "truncated")
_HARDEST = ("RH", "wall", "original")  # the arm that stands for a cell, if it has it


def finding(runs: Sequence[RunView]) -> str:
    """What one herring does to the run that shows it most clearly; else how many walls are solved."""
    quads = [(cell, did) for cell in cells(runs) if (did := cell.named("did", measure="correct_groups"))]
    clear = [pair for pair in quads if pair[1]["value"] is not None and pair[1]["ci_low"] is not None]
    if clear:
        cell, did = max(clear, key=lambda pair: pair[1]["value"])
        lures = dict(cell.arms("lured"))
        pulled = (
            f" The herring is put with the lure on {lures['RH']['value']:.0%} of walls, its neutral twin on "
            f"{lures['SUB']['value']:.0%}."
            if {"RH", "SUB"} <= lures.keys()
            else ""
        )
        return f"One herring among sixteen clues costs “{cell.panel}” {interval(did)} of four groups.{pulled}"
    solved = [(cell, metric) for cell in cells(runs) for arm, metric in cell.arms("solved") if arm in _HARDEST]
    if not solved:
        return ""
    cell, metric = max(solved, key=lambda pair: pair[1]["value"])
    people = next((found for _, found in cell.arms("human_solved")), None)
    beside = f" People solved {people['value']:.0%} of them." if people else ""
    return f"“{cell.panel}” solves {metric['value']:.1%} of {metric['n']} walls ({cell.set}).{beside}"


def summary(runs: Sequence[RunView]) -> Summary | None:
    """A row a cell and arm."""
    rows = [_row(cell, arm, metric) for cell in cells(runs) for arm, metric in cell.arms("solved")]
    filters = ("walls", "how asked", "mode", "condition")
    return Summary(_COLUMNS, rows, filters, _READING).without_empty_columns() if rows else None


def _row(cell: Cell, arm: str, solved: Mapping[str, Any]) -> SummaryRow:
    def of(name: str) -> Measured:
        return Measured.of(cell.named(name, arm=arm))

    effects = [
        Measured.of(cell.named("did", measure=m)) if arm == "RH" else Measured(None)
        for m in ("correct_groups", "lured")
    ]
    shares = [cell.named("status_share", arm=arm, status=status) for status in _UNREADABLE]
    unread = sum(share["value"] for share in shares if share and share["value"] is not None)
    words = (cell.set, cell.way, str(solved["mode"] or ""), arm_words(arm).replace(LABEL_BREAK, ": "))
    measured = (Measured.of(solved), of("correct_groups"), of("clue_acc"), of("lured"), *effects)
    paper = (of("paper_wd"), of("paper_fms"))
    return SummaryRow(cell.run, (*words, *measured, *paper, Measured(unread if unread else None)))
