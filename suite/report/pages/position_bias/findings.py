"""The key finding in words, and the leaderboard: one line a run and cell, in the order of the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from suite.report.content import Measured, Summary, SummaryRow
from suite.report.pages.position_bias.cells import STAY, Cell, cells
from suite.report.pages.position_bias.interventions import Pair, is_consistent_by_construction, pairs
from suite.report.queries import RunView
from suite.report.rendering import signed
from suite.stats import holm

_FAMILIES = ("mcq", "judge", "docqa", "kv", "needle", "premise")
_COLUMNS = (
    *("family", "items", "labels", "mode", "accuracy, mean of orders", "best place", "worst place"),
    *("p (place)", "consistency", "unreadable", "by construction"),
)
_READING = (
    "Small figures are 95 % intervals over items. Accuracy is the mean over all orders that were asked; p tests "
    "whether the place matters (Cochran’s Q permuted within items; exact McNemar for a judge’s two orders). "
    "Consistency is the share of items with one answer in all orders: a model that always gives the same wrong answer "
    "is consistent too, so never rank by it. “By construction” marks runs whose intervention makes order irrelevant."
)
_SURE = 0.05


@dataclass(frozen=True, slots=True)
class _Effect:
    """The best and the worst place of a cell; p whether places differ."""

    cell: Cell
    best: tuple[str, Mapping[str, Any]]
    worst: tuple[str, Mapping[str, Any]]
    p: float | None

    @property
    def width(self) -> float:
        return float(self.best[1]["value"] - self.worst[1]["value"])


def finding(runs: Sequence[RunView]) -> str:
    """The widest difference between places that is no chance, and what an intervention does to accuracy.

    The many cells of a page are many tests: p is by Holm's correction over them.
    """
    found = [one for cell in cells(runs, *_FAMILIES) if (one := _effect(cell)) is not None]
    sure = [one for one in _corrected(found) if one.p is not None and one.p < _SURE]
    sentences = []
    if sure:
        lead = max(sure, key=lambda one: one.width)
        p = "p < 0.001" if lead.p is not None and lead.p < 0.001 else f"p = {lead.p:.3f}"
        labels = f", {lead.cell.labels}" if lead.cell.family in ("mcq", "judge", "docqa") else ""
        sentences.append(
            f"“{lead.cell.run.label}” is right on {lead.best[1]['value']:.0%} of items with the right part "
            f"{lead.best[0]}, and on {lead.worst[1]['value']:.0%} with it {lead.worst[0]} "
            f"({lead.cell.items}{labels}; {p})."
        )
    elif found:
        sentences.append("No run’s accuracy depends surely on the place of the right part.")
    sentences += _changes([pair for pair in pairs(runs) if pair.after.labels != STAY])
    return " ".join(sentences)


def _changes(changed: Sequence[Pair]) -> Iterator[str]:
    """The largest gain of an intervention and the largest loss, where they are no chance."""
    if not changed:
        return
    best, worst = (pick(changed, key=lambda pair: pair.gain.value) for pick in (max, min))
    if best.p < _SURE and best.gain.value > 0:
        yield f"Largest gain of an intervention over the mean of all orders: {_described(best)}."
    elif best.p >= _SURE:
        yield f"No intervention surely gains over the mean of all orders; at best {_described(best)}."
    else:
        yield "No intervention gains over the mean of all orders."
    if worst.p < _SURE and worst.gain.value < 0:
        yield f"Largest loss: {_described(worst)}."


def _described(pair: Pair) -> str:
    return f"{_points(pair.gain.value)} points ({pair.name}, {pair.after.items}, p = {pair.p:.3f})"


def summary(runs: Sequence[RunView]) -> Summary | None:
    """A row a run and cell."""
    rows = [_row(cell) for cell in cells(runs, *_FAMILIES) if cell.first("accuracy") is not None]
    filters = ("family", "labels", "mode")
    return Summary(_COLUMNS, rows, filters, _READING).without_empty_columns() if rows else None


def _row(cell: Cell) -> SummaryRow:
    effect = _effect(cell)
    ends = (Measured.of(effect.best[1]), Measured.of(effect.worst[1])) if effect else (Measured(None), Measured(None))
    agreement = cell.first("consistency") or cell.first("answer_agreement")
    words = (cell.family, cell.items, cell.labels, cell.mode)
    measured = (
        *ends,
        Measured(effect.p if effect else None),
        Measured.of(agreement),
        Measured.of(cell.first("invalid")),
    )
    mark = "consistent by construction" if is_consistent_by_construction(cell) else ""
    return SummaryRow(cell.run, (*words, Measured.of(cell.first("accuracy")), *measured, mark))


def _effect(cell: Cell) -> _Effect | None:
    """The extreme places of a cell; of a judge, where the better answer stands; of premises, their order."""
    if cell.family == "judge":
        named = [("first", cell.first("accuracy_first")), ("second", cell.first("accuracy_second"))]
        found = [(place, metric) for place, metric in named if metric is not None]
        p = cell.first("swap_p")
    elif cell.condition.get("arm") == "tau":
        found = [(f"at tau {tau:g}", metric) for tau, metric in cell.by("accuracy_at", "tau")]
        p = None
    else:
        k = cell.condition.get("k")
        found = [(f"in place {at + 1} of {k}", metric) for at, metric in cell.by("accuracy_at", "gold_slot")]
        p = cell.first("position_p")
    if len(found) < 2:
        return None
    best, worst = (pick(found, key=lambda one: one[1]["value"]) for pick in (max, min))
    return _Effect(cell, best, worst, p["value"] if p else None)


def _corrected(found: Sequence[_Effect]) -> list[_Effect]:
    tested = [one for one in found if one.p is not None]
    p_values = holm([one.p for one in tested if one.p is not None])
    return [replace(one, p=p) for one, p in zip(tested, p_values, strict=True)]


def _points(share: float) -> str:
    return signed(f"{100 * share:+.1f}")
