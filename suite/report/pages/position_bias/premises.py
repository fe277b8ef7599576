"""Premises in other orders: accuracy by Kendall's tau against the order of the proof."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.charts import Figure, dots_with_intervals, figure, placed
from suite.report.pages.position_bias.cells import Cell, cells, colours_of, interval, listed, row, together
from suite.report.queries import RunView


def premise_figures(runs: Sequence[RunView]) -> list[Figure]:
    """A figure a source and mode: a panel a run, a line a tau."""
    found = [cell for cell in cells(runs, "premise") if cell.condition.get("arm") == "tau"]
    figures: list[Figure] = []
    for group in together(found).values():
        rows = [
            row(cell, f"tau {tau:g}", metric, "share right")
            for cell in group
            for tau, metric in reversed(cell.by("accuracy_at", "tau"))
        ]
        if rows:
            caption = (
                "The same sentences in other orders: tau 1 is the order of the proof, −1 its reverse. With 95 % "
                f"intervals over items. {_slopes(group)}"
            )
            order = sorted({line["cell"] for line in rows}, key=lambda line: -float(line.split()[1]))
            chart = dots_with_intervals(rows, value="share right", colours=colours_of(rows), by="labels")
            title = f"Accuracy by order of the premises: {group[0].asked}"
            key = f"premises-{len(figures) + 1}"
            figures.append(figure(key, title, caption.strip(), chart, rows, placed(rows, order)))
    return figures


def _slopes(group: Sequence[Cell]) -> str:
    parts = [
        f"{cell.run.label}: {interval(metric)}" for cell in group if (metric := cell.first("tau_slope")) is not None
    ]
    return f"Slope of accuracy on tau: {listed(parts)}." if parts else ""
