"""Models as they come: exact match by form and notation, for each way of asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.report.charts import BLUE, GREEN, ORANGE, Figure, dots_with_intervals, figure, placed
from suite.report.pages.set_reasoning.cells import form_label, in_order, prompted
from suite.report.queries import RunView

NOTATIONS = {"symbol": BLUE, "word": ORANGE, "python": GREEN}
VARIANTS = {
    "direct": "Written at once",
    "steps": "Written in steps",
    "membership": "Yes or no on each candidate",
    "membership_calibrated": "Yes or no on each candidate, calibrated",
}


def prompted_figures(runs: Sequence[RunView]) -> list[Figure]:
    """One figure a way of asking; they measure different things and are never pooled."""
    own = prompted(runs)
    return [made for variant, title in VARIANTS.items() for made in _figure(own, variant, title)]


def _figure(runs: Sequence[RunView], variant: str, title: str) -> list[Figure]:
    rows: list[dict[str, Any]] = []
    for run in runs:
        for metric in run.named("em", variant=variant):
            condition = metric["condition"]
            if condition.get("notation") not in NOTATIONS or metric["value"] is None:
                continue
            shots = condition.get("shots")
            rows.append(
                {
                    "model": f"{run.label}, {shots} shots" if shots else run.label,
                    "cell": form_label(condition),
                    "notation": condition["notation"],
                    "exact match": metric["value"],
                    "low": metric["ci_low"],
                    "high": metric["ci_high"],
                    "problems": metric["n"],
                }
            )
    if not rows:
        return []
    caption = (
        "Exact match by form and notation, with Wilson’s 95 % interval over problems. A ∪ B ∪ C is copying and stands "
        "last; forms whose bracket is on the left are solved by reading from left to right."
    )
    if variant.startswith("membership"):
        caption += " The answer is the set of candidates for which Yes is likelier than No" + (
            ", after the same difference with empty sets is subtracted." if variant.endswith("calibrated") else "."
        )
    shown = {name: colour for name, colour in NOTATIONS.items() if any(row["notation"] == name for row in rows)}
    chart = dots_with_intervals(rows, value="exact match", colours=shown, by="notation")
    cells = in_order([row["cell"] for row in rows])
    return [figure(f"prompted-{variant}", title, caption, chart, rows, placed(rows, cells))]
