"""`mask_reversal`: filling a blank in the order that was told, and the reversed order, which are two verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.report.charts import Figure, dots_with_intervals, figure, placed
from suite.report.pages.set_reasoning.cells import MASKS, recipes
from suite.report.queries import RunView

ORDERS = {
    "trained_order": "goes on",
    "same_order_fill": "fills blank",
    "reversed_order": "reversed",
}
_GROUPS = {"F": "told name first", "R": "told description first"}


def fact_figure(runs: Sequence[RunView]) -> list[Figure]:
    """A panel a share of facts told in both orders, a line a word order and what is asked."""
    rows: list[dict[str, Any]] = []
    for recipe in recipes(runs):
        if not recipe.is_of_facts:
            continue
        for row in recipe.over_seeds("accuracy"):
            order, group = str(row.condition.get("order")), str(row.condition.get("group"))
            if order not in ORDERS:
                continue
            asked = "name" if row.condition.get("asked") == "name" else "description"
            rows.append(
                {
                    "model": recipe.panel,
                    "cell": f"{ORDERS[order]}: {asked} · {_GROUPS.get(group, group)}",
                    "mask": recipe.mask,
                    "accuracy": row.value,
                    "low": row.lowest,
                    "high": row.highest,
                    "seeds": ", ".join(f"{one:.2f}" for one in row.values),
                }
            )
    if not rows:
        return []
    caption = (
        "Share of facts answered exactly, means over seeds with bars from the lowest to the highest. Two verdicts: an "
        "encoder fills a blank in the word order it was told; in the reversed order it does so only if other facts "
        "were told in both orders. A decoder goes on from what stands before, and fills a blank by the likeliest whole "
        "sentence."
    )
    shown = {mask: colour for mask, colour in MASKS.items() if any(row["mask"] == mask for row in rows)}
    chart = dots_with_intervals(rows, value="accuracy", colours=shown, by="mask")
    places = {label: at for at, label in enumerate(ORDERS.values())}
    cells = sorted({row["cell"] for row in rows}, key=lambda cell: (places[cell.partition(": ")[0]], cell))
    title = "Does an encoder escape the reversal curse?"
    return [figure("facts", title, caption, chart, rows, placed(rows, cells))]
