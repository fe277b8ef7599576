"""Recall and the two precisions: they tell "yes to everything mentioned" from half a skill; and the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from suite.report.charts import BLUE, GREEN, GREY, ORANGE, Figure, dots_with_intervals, figure, placed
from suite.report.pages.set_reasoning.cells import COMPOSED, Recipe, by_place, form_label, in_order, recipes
from suite.report.queries import RunView

_MEASURES = {"recall": "recall", "precision_in": "precision, listed", "precision_out": "precision, outside"}
_COLOURS = {"recall": BLUE, "precision, listed": ORANGE, "precision, outside": GREEN}


def precision_figures(runs: Sequence[RunView]) -> list[Figure]:
    """Ours, a panel a mask and training; then the published ones by themselves."""
    ours = [made for which, found in by_place(recipes(runs)) for made in _ours(found, which)]
    return [*ours, *(_published(runs) if runs else [])]


def _ours(found: Sequence[Recipe], which: str) -> list[Figure]:
    rows: list[dict[str, Any]] = []
    for recipe in found:
        base = {form_label(row.condition): row.value for row in recipe.over_seeds("base_rate_in")}
        for row in recipe.over_seeds(*_MEASURES):
            if row.condition.get("form") not in COMPOSED:
                continue
            cell = form_label(row.condition)
            rows.append(
                {
                    "model": f"{recipe.mask}, {recipe.panel}",
                    "cell": cell,
                    "asked": _MEASURES[row.name],
                    "share": row.value,
                    "low": row.lowest,
                    "high": row.highest,
                    "chance": base.get(cell),
                    "chance_low": base.get(cell),
                    "chance_high": base.get(cell),
                }
            )
    if not rows:
        return []
    caption = (
        "Of the composed forms: recall, and precision with only the other listed elements as negatives (listed), or "
        "only those that are in no set (outside). The grey mark is the listed precision of saying yes to every listed "
        "element: recall near 1 with a listed precision at the mark is that rule. Bars run over seeds."
    )
    chart = dots_with_intervals(rows, value="share", colours=_COLOURS)
    cells = in_order([row["cell"] for row in rows])
    key, title = f"precision{'-weights' if which else ''}", f"Recall and the two precisions{which}"
    return [figure(key, title, caption, chart, rows, placed(rows, cells))]


def _published(runs: Sequence[RunView]) -> list[Figure]:
    """BERT of the article, averaged over its four vocabularies, in grey: other data, sizes and forms than ours."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in runs[0].store.references("set_reasoning"):
        if row["metric"] in _MEASURES:
            place = f"table {row['condition'].get('table')}", _MEASURES[row["metric"]]
            found.setdefault(place, []).append(row["value"])
    if not found:
        return []
    rows = [
        {
            "model": f"published: BERT, {table}",
            "cell": measure,
            "asked": "published",
            "share": fmean(values),
            "low": min(values),
            "high": max(values),
        }
        for (table, measure), values in sorted(found.items())
    ]
    caption = (
        "Not ours: BERT as published by Wu, Yang and Wang (2024), means over four vocabularies with bars from the "
        "lowest to the highest. Which three-set expression each table is, is not verified, so that no form of ours "
        "stands opposite. The figures of Llama 2 and Llama 3 are in the table of published figures below."
    )
    chart = dots_with_intervals(rows, value="share", colours={"published": GREY})
    cells = list(_MEASURES.values())
    return [figure("published-precision", "The published figures", caption, chart, rows, placed(rows, cells))]
