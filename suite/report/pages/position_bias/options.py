"""Multiple choice: accuracy by the place of the right option, and recall and share of answers by letter."""

from __future__ import annotations

from collections.abc import Sequence

from suite.report.charts import BLUE, ORANGE, Figure, dots_with_intervals, figure, placed
from suite.report.pages.position_bias.cells import TRAVEL, Cell, cells, colours_of, interval, listed, row, together
from suite.report.queries import RunView

_RECALL, _CHOSEN = "right, of those with this letter", "answers with this letter"


def place_figures(runs: Sequence[RunView]) -> list[Figure]:
    """A figure a set of items and orders."""
    found: list[Figure] = []
    for group in together(cells(runs, "mcq")).values():
        rows = [
            row(cell, f"place {slot + 1}", metric, "share right")
            for cell in group
            for slot, metric in cell.by("accuracy_at", "gold_slot")
        ]
        if rows:
            caption = (
                "Share of right answers by where the right option stands, with 95 % intervals over items. A model "
                "that knows the answer is equally right everywhere. With labels that stay, the place and its letter "
                "act together; without labels, the place alone. " + _spreads(group)
            )
            chart = dots_with_intervals(rows, value="share right", colours=colours_of(rows), by="labels")
            title = f"Accuracy by place: {group[0].asked}"
            order = sorted({line["cell"] for line in rows}, key=lambda line: int(line.split()[1]))
            found.append(figure(f"places-{len(found) + 1}", title, caption.strip(), chart, rows, placed(rows, order)))
    return found


def letter_figures(runs: Sequence[RunView]) -> list[Figure]:
    """A figure a set of items and orders, and what labels do."""
    found: list[Figure] = []
    for group in together(cells(runs, "mcq")).values():
        for labels in dict.fromkeys(cell.labels for cell in group):
            own = [cell for cell in group if cell.labels == labels]
            rows = [
                {**row(cell, letter, metric, "share"), "what": words}
                for cell in own
                for name, words in (("recall", _RECALL), ("letter_share", _CHOSEN))
                for letter, metric in cell.by(name, "letter")
            ]
            if rows:
                moved = "Letters travel with their options through all places: what differs is the letter’s doing. "
                caption = (
                    (moved if labels == TRAVEL else "Letters stay at their places. ")
                    + "Recall: share of right answers among the questions whose right option has the letter. Beside "
                    "it, how often the letter is given as the answer at all."
                )
                colours = {_RECALL: BLUE, _CHOSEN: ORANGE}
                chart = dots_with_intervals(rows, value="share", colours=colours, by="what")
                title = f"Recall by letter, {labels}: {own[0].asked}"
                order = sorted({line["cell"] for line in rows})
                key = f"letters-{len(found) + 1}"
                found.append(figure(key, title, caption, chart, rows, placed(rows, order)))
    return found


def _spreads(group: Sequence[Cell]) -> str:
    parts = [
        f"{cell.run.label}, {cell.labels}: {interval(metric, '.1f')}"
        for cell in group
        if (metric := cell.first("rstd")) is not None
    ]
    return f"RStd, the spread of these shares in points: {listed(parts)}." if parts else ""
