"""Objectives side by side: exact match and rank over the seeds of each, as trained and in reverse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.report.charts import Figure, dots_with_intervals, figure, placed
from suite.report.pages.reversal_curse.cells import COLOURS, cell_of, in_order
from suite.report.queries import RunView
from suite.seeds import SeedRow, labels, over_seeds

_MEASURES = {
    "em": "exact match",
    "mrr": "mean reciprocal rank",
    "retrieval_hits1": "hits@1 by retrieval of concepts",
    "retrieval_mrr": "mean reciprocal rank by retrieval of concepts",
}


def objective_figures(runs: Sequence[RunView]) -> list[Figure]:
    """One figure a measure, if any objective was trained with several seeds."""
    rows = over_seeds([run.row for run in runs], {run.run_id: run.metrics for run in runs}, list(_MEASURES))
    rows = [row for row in rows if row.n_seeds > 1 and row.condition.get("control") == "none"]
    names = labels(rows)
    return [made for name in _MEASURES for made in _figure(name, [row for row in rows if row.name == name], names)]


def _figure(name: str, rows: Sequence[SeedRow], names: dict[str, str]) -> list[Figure]:
    measure = _MEASURES[name]
    table: list[dict[str, Any]] = []
    order = {}
    for row in rows:
        cell = cell_of(row.condition)
        if cell is None or "template" in row.condition:
            continue
        order[cell.label] = in_order(cell)
        table.append(
            {
                "model": names[row.recipe_key],
                "cell": cell.label,
                "asked": cell.asked,
                measure: row.value,
                "low": row.lowest,
                "high": row.highest,
                "mean [95 % over seeds]": _interval(row),
                "seeds": row.n_seeds,
                "tokens": round(row.cost.tokens),
                "seconds": round(row.cost.seconds, 1),
                "doubtful": row.doubtful > 0,
            }
        )
    if not table:
        return []
    caption = (
        f"{measure.capitalize()}, averaged over {_count(rows)} trainings of each objective on the same texts, which "
        "differ in the seed alone; bars run from the lowest to the highest seed, the table has Student's intervals. "
        "Tokens and seconds are of one training: equal steps are not equal texts for objectives that show documents "
        "twice."
    )
    if any(line["doubtful"] for line in table):
        caption += " A hollow mark has a seed that is not interpretable: its both-control is under 0.8."
    chart = dots_with_intervals(table, value=measure, colours=COLOURS)
    drawn = placed(table, sorted(order, key=order.__getitem__))
    return [figure(f"objectives-{name}", f"Objectives: {measure}", caption, chart, table, drawn)]


def _interval(row: SeedRow) -> str:
    if row.ci_low is None or row.ci_high is None:
        return f"{row.value:.2f}"
    return f"{row.value:.2f} [{row.ci_low:.2f}, {row.ci_high:.2f}]"


def _count(rows: Sequence[SeedRow]) -> str:
    counts = sorted({row.n_seeds for row in rows})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
