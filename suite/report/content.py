"""What a task's page gives to the report: a finding, a summary for the leaderboard, figures, words for the methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.report.charts import Figure
    from suite.report.queries import RunView


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with its interval, as one cell of a table."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, metric: Mapping[str, Any] | None) -> Measured:
        """From a row of the table metrics; without one, an empty cell."""
        return cls(metric["value"], metric["ci_low"], metric["ci_high"]) if metric else cls(None)


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A line of a task's leaderboard: what one run reached under one condition.

    Attributes:
        cells: one a column of the summary; text or a number with its interval.
    """

    run: RunView
    cells: Sequence[str | Measured]


@dataclass(frozen=True, slots=True)
class Summary:
    """A task's leaderboard. Figures of different modes stand in rows of their own.

    Attributes:
        columns: what stands after the run's name.
        filters: names of the columns with few values, to choose rows by.
        reading: how to read it, in a sentence or two.
    """

    columns: Sequence[str]
    rows: Sequence[SummaryRow]
    filters: Sequence[str] = ()
    reading: str = ""

    def without_empty_columns(self) -> Summary:
        """The same without the columns in which no run has anything."""
        kept = [at for at in range(len(self.columns)) if any(_is_filled(row.cells[at]) for row in self.rows)]
        rows = [SummaryRow(row.run, [row.cells[at] for at in kept]) for row in self.rows]
        return Summary([self.columns[at] for at in kept], rows, self.filters, self.reading)


@dataclass(frozen=True, slots=True)
class Explorer:
    """Something to look through below the figures, drawn by a script of the page's own.

    Attributes:
        caption: what is shown and how to read it.
        data: JSON, the script's ``window.EXPLORER``.
        script, style: files beside the page's code; the script draws into the element ``explorer``, text as text.
    """

    title: str
    caption: str
    data: Any
    script: Path
    style: Path


@dataclass(frozen=True, slots=True)
class TaskPage:
    """The content of a task's page.

    Attributes:
        finding: one or two sentences, computed from the runs; "" if they show none.
        measures: what the task measures, in a paragraph.
        summary: the task's leaderboard; None: its headline metrics are listed.
        figures: in reading order.
        methods: (term, explanation) pairs for the page of methods.
        explorer: a browser of the task's own kind of item.
    """

    finding: str = ""
    measures: str = ""
    summary: Summary | None = None
    figures: Sequence[Figure] = field(default_factory=tuple)
    methods: Sequence[tuple[str, str]] = ()
    explorer: Explorer | None = None


def _is_filled(cell: str | Measured) -> bool:
    return bool(cell) if isinstance(cell, str) else cell.value is not None
