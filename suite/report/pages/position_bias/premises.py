"""Premises in other orders: accuracy by Kendall's tau against the order of the proof."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.charts import Figure, dots_with_intervals, figure, placed
from suite.report.pages.position_bias.cells import cells, colours_of, interval, listed, row
from suite.report.queries import RunView


def premise_figure(runs: Sequence[RunView]) -> list[Figure]:
    """A panel a run, a line a tau."""
    found = [cell for cell in cells(runs, "premise") if cell.condition.get("arm") == "tau"]
    rows = [
        row(cell, f"tau {tau:g}", metric, "share right")
        for cell in found
        for tau, metric in reversed(cell.by("accuracy_at", "tau"))
    ]
    if not rows:
        return []
    slopes = [
        f"{cell.run.label}: {interval(metric)}" for cell in found if (metric := cell.first("tau_slope")) is not None
    ]
    slope = f"Slope of accuracy on tau: {listed(slopes)}." if slopes else ""
    caption = (
        "The same sentences in other orders: tau 1 is the order of the proof, -1 its reverse. With 95 % intervals "
        f"over items. {slope}"
    )
    order = sorted({line["cell"] for line in rows}, key=lambda line: -float(line.split()[1]))
    chart = dots_with_intervals(rows, value="share right", colours=colours_of(rows), by="labels")
    title = "Accuracy by order of the premises"
    return [figure("premises", title, caption.strip(), chart, rows, placed(rows, order))]
