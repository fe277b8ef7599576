"""The cells of this task's tables: a family and source under one label mode and set of orders, and words for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.report.charts import BLUE, GREEN, ORANGE
from suite.report.queries import RunView

STAY, TRAVEL, NONE = "labels stay at places", "labels travel with content", "no labels"
LABELS = {"slot": STAY, "travel": TRAVEL, "none": NONE}
MODES = {"generate": "written answers", "loglikelihood": "log-probabilities"}
COLOURS = {STAY: BLUE, TRAVEL: ORANGE, NONE: GREEN}
_CELL_KEYS = ("family", "source", "label_mode", "arm", "k", "shots", "variant")
_MOST_LISTED = 6
_WHERE = ("family", "source", "arm", "k", "shots", "variant")


@dataclass(frozen=True, slots=True)
class Cell:
    """One set of items of one run, asked in one way.

    Attributes:
        condition: the values of the keys that make a cell, those that it has.
        metrics: all of the run's metrics of this cell and mode.
    """

    run: RunView
    mode: str
    condition: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]

    @property
    def labels(self) -> str:
        """What its labels do, in words; for a family that has none, that."""
        return LABELS.get(str(self.condition.get("label_mode")), NONE)

    @property
    def family(self) -> str:
        return str(self.condition.get("family"))

    @property
    def place(self) -> tuple[str, ...]:
        """What cells must share to stand in one chart: everything but run and labels."""
        return (*(str(self.condition.get(key, "")) for key in _WHERE), self.mode)

    @property
    def items(self) -> str:
        """The items in words: source, and what else tells them apart."""
        return ", ".join([str(self.condition.get("source", "")), *self._details()])

    @property
    def asked(self) -> str:
        """The items and how they were answered, for a title."""
        return f"{self.items} ({MODES.get(self.mode, self.mode)})"

    @property
    def short(self) -> str:
        """Source and size."""
        k = self.condition.get("k")
        size = f", {k} {_SEGMENTS.get(self.family, 'segments')}" if k is not None else ""
        return f"{self.condition.get('source', '')}{size}"

    @property
    def key(self) -> tuple[str, ...]:
        """What makes a cell of one run comparable with that of another."""
        return (*self.place, str(self.condition.get("label_mode", "")))

    def first(self, name: str, **more: Any) -> Mapping[str, Any] | None:
        """The first metric of this name with a value whose condition holds `more`, and no keys but the cell's."""
        wanted = {**self.condition, **more}
        found = (m for m in self.metrics if m["name"] == name and dict(m["condition"]) == wanted)
        return next((m for m in found if m["value"] is not None), None)

    def by(self, name: str, key: str) -> list[tuple[Any, Mapping[str, Any]]]:
        """(value of the key, metric) of the metrics of this name with a value, in the order of the key."""
        kind = str if key in ("letter", "mitigation", "quadrant") else (int, float)
        found = [
            (m["condition"][key], m)
            for m in self.metrics
            if m["name"] == name and m["value"] is not None and isinstance(m["condition"].get(key), kind)
        ]
        return found if key in ("mitigation", "quadrant") else sorted(found, key=lambda pair: pair[0])

    def _details(self) -> Iterator[str]:
        arm, k, shots, variant = (self.condition.get(key) for key in ("arm", "k", "shots", "variant"))
        if k is not None:
            yield f"{k} {_SEGMENTS.get(self.family, 'segments')}"
        if shots:
            yield f"{shots} shots"
        if variant not in (None, "own", "plain", "uniform"):
            yield str(variant)
        if arm in _ORDERS:
            yield _ORDERS[str(arm)]


_SEGMENTS = {"mcq": "options", "docqa": "documents", "kv": "pairs", "needle": "sentences", "premise": "premises"}
_ORDERS = {
    "canonical": "original order",
    "cyclic": "cyclic orders",
    "full": "all orders",
    "sampled": "drawn orders",
    "closed_book": "closed book",
    "oracle": "gold only",
}


def cells(runs: Sequence[RunView], *families: str) -> list[Cell]:
    """The cells of the runs, of these families; metrics of other shapes (of imported runs) are passed over."""
    found = []
    for run in runs:
        grouped: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
        for metric in run.metrics:
            condition = metric["condition"]
            if condition.get("family") in families and "arm" in condition:
                key = (str(metric["mode"]), *((key, repr(condition[key])) for key in _CELL_KEYS if key in condition))
                grouped.setdefault(key, []).append(metric)
        for (mode, *_), metrics in grouped.items():
            first = metrics[0]["condition"]
            condition = {key: first[key] for key in _CELL_KEYS if key in first}
            found.append(Cell(run, mode, condition, metrics))
    return found


def together(found: Sequence[Cell]) -> dict[tuple[str, ...], list[Cell]]:
    """Cells that stand in one chart, by what they share, in the order of the runs."""
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in found:
        groups.setdefault(cell.place, []).append(cell)
    return groups


def row(cell: Cell, line: str, metric: Mapping[str, Any], axis: str, **more: Any) -> dict[str, Any]:
    """A row of `dots_with_intervals`: a panel a run, a line a `line`, a colour a label mode."""
    return {
        "model": cell.run.label,
        "cell": line,
        "labels": cell.labels,
        axis: metric["value"],
        "low": metric["ci_low"],
        "high": metric["ci_high"],
        **more,
        "items": metric["n_clusters"],
        "mode": cell.mode,
    }


def colours_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The colours of the label modes that the rows have."""
    return {words: colour for words, colour in COLOURS.items() if any(one["labels"] == words for one in rows)}


def listed(parts: Sequence[str]) -> str:
    """The first of a list for a caption, and how many more there are; tables have all."""
    more = f"; {len(parts) - _MOST_LISTED} more" if len(parts) > _MOST_LISTED else ""
    return "; ".join(parts[:_MOST_LISTED]) + more


def interval(metric: Mapping[str, Any] | None, digits: str = ".2f") -> str:
    """A value with its interval."""
    from suite.report.rendering import signed

    if metric is None:
        return "–"
    low, high = metric["ci_low"], metric["ci_high"]
    width = f" [{low:{digits}}, {high:{digits}}]" if low is not None and high is not None else ""
    return signed(f"{metric['value']:{digits}}{width}")
