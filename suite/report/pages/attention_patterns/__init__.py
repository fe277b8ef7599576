"""The attention patterns' page: who supports what, quality by the index, cost by length, extrapolation."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.content import Measured, Summary, SummaryRow, TaskPage
from suite.report.pages.attention_patterns.costs import cost_figures
from suite.report.pages.attention_patterns.extrapolation import extrapolation_figures
from suite.report.pages.attention_patterns.index import benefit_figures, finding, index_figures, speed_figures
from suite.report.pages.attention_patterns.merged import by_mechanism, is_ours
from suite.report.pages.attention_patterns.support import support_figures
from suite.report.pages.attention_patterns.wording import MEASURES, METHODS
from suite.report.queries import RunView
from tasks.attention_patterns.standing import costs, lengths, standings
from tasks.attention_patterns.twins import TWINS

_COLUMNS = ("pattern", "task", "size", "data", "measure", "value", "training s", "tokens/s", "parameters", "note")
_READING = (
    "Means over seeds, with Student's interval; a cell that ran out of time, or diverged, says so and has no value."
)


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    rows = by_mechanism(runs)
    standing, measured = standings(rows), costs(rows)
    crossings = lengths(measured)
    figures = [
        *support_figures(rows),
        *index_figures(standing),
        *benefit_figures(standing),
        *speed_figures(standing, measured),
        *cost_figures(measured, crossings),
        *extrapolation_figures(rows),
    ]
    return TaskPage(finding(standing, crossings), MEASURES, _summary(runs), figures, METHODS)


def _summary(runs: Sequence[RunView]) -> Summary | None:
    """A row a run, cell and measure."""
    found = []
    for run in runs:
        for metric in run.metrics:
            at = metric["condition"]
            if not is_ours(at) or at["experiment"] != "quality" or str(at["task"]) not in TWINS:
                continue
            if metric["name"] not in TWINS[str(at["task"])].measures:
                continue
            place = {key: at[key] for key in ("experiment", "pattern", "task", "size", "data")}
            spent = (run.first(name, **place) for name in ("train_s", "tokens_per_s", "parameters"))
            told = (str(at[key]) for key in ("pattern", "task", "size", "data"))
            cells: list[str | Measured] = [
                *told,
                str(metric["name"]),
                Measured.of(metric),
                *(Measured.of(one) for one in spent),
            ]
            found.append(SummaryRow(run, [*cells, str(metric["note"])]))
    filters = ("pattern", "task", "size", "data", "measure")
    return Summary(_COLUMNS, found, filters, _READING).without_empty_columns() if found else None
