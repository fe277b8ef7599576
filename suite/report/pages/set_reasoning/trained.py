"""Models that the task's own trainer made: by form and mask over seeds, the cost of composition, the rules learned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from suite.report.charts import Figure, dots_with_intervals, figure, in_panels, labels_of_rows, placed
from suite.report.pages.set_reasoning.cells import MASKS, Recipe, by_place, form_label, in_order, recipes
from suite.report.queries import RunView

RULES = {
    "yes_to_listed": "yes to all listed",
    "no_to_all": "no to all",
    "first_operator": "first operator",
    "last_operator": "last operator",
    "left_to_right": "left to right",
    "at_least_two": "in two or more",
}
_FOLDS = (
    (
        "em",
        "Exact match by form and mask",
        "Share of problems whose whole set is right. Marks are means over seeds, bars run from the lowest to the "
        "highest seed. With six elements in the sets, a rule that is right on six of the seven regions scores about "
        "0.40 and one that is right on five about 0.13: figures of that size are shortcuts, no half skill.",
    ),
    (
        "composition_gap",
        "What composition costs",
        "Exact match of the harder of the two operations alone, minus that of the composed form, on problems of equal "
        "size. Models that missed the stop rule are left out. A gap near 0 says nothing where the operations alone "
        "fail too, as they may on sets in the weights.",
    ),
)


def trained_figures(runs: Sequence[RunView]) -> list[Figure]:
    """Exact match and gap over seeds, and the shortcuts."""
    figures = []
    for which, found in by_place(recipes(runs)):
        for name, title, caption in _FOLDS:
            figures += _dots(found, name, title, which, caption)
        figures += _shortcuts(found, which)
    return figures


def _dots(found: Sequence[Recipe], name: str, title: str, which: str, caption: str) -> list[Figure]:
    value = title.partition(" by")[0].lower() if name == "em" else "gap"
    rows: list[dict[str, Any]] = []
    for recipe in found:
        for row in recipe.over_seeds(name):
            rows.append(
                {
                    "model": recipe.panel,
                    "cell": form_label(row.condition),
                    "mask": recipe.mask,
                    value: row.value,
                    "low": row.lowest,
                    "high": row.highest,
                    "seeds": ", ".join(f"{one:.3f}" for one in row.values),
                    "missed the stop rule": len(recipe.failed),
                    "steps": round(row.cost.steps),
                    "CPU seconds a training": round(row.cost.cpu_seconds),
                    "doubtful": bool(recipe.failed),
                }
            )
    if not rows:
        return []
    if any(row["doubtful"] for row in rows):
        caption += " A hollow mark has a seed that missed the stop rule on two sets."
    domain = (0, 1) if name == "em" else None
    chart = dots_with_intervals(rows, value=value, colours=_shown(rows), by="mask", domain=domain)
    cells = in_order([row["cell"] for row in rows])
    key = f"masks-{name}{'-weights' if which else ''}"
    return [figure(key, title + which, caption, chart, rows, placed(rows, cells))]


def _shown(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    return {mask: colour for mask, colour in MASKS.items() if any(row["mask"] == mask for row in rows)}


def _shortcuts(found: Sequence[Recipe], which: str) -> list[Figure]:
    """A heat map a recipe: forms by rules."""
    rows: list[dict[str, Any]] = []
    for recipe in found:
        shares: dict[tuple[str, str], list[float]] = defaultdict(list)
        for row in recipe.over_seeds("shortcut_agreement"):
            place = form_label(row.condition), RULES.get(str(row.condition.get("shortcut")), "")
            shares[place] += row.values
        for (cell, rule), values in shares.items():
            if rule:
                rows.append(
                    {
                        "model": f"{recipe.mask}, {recipe.panel}",
                        "cell": cell,
                        "rule": rule,
                        "share": sum(values) / len(values),
                        "lowest": min(values),
                        "highest": max(values),
                    }
                )
    if not rows:
        return []
    caption = (
        "Share of problems answered exactly as a wrong rule answers, among those on which the rule is wrong, in "
        "percent; means over seeds. The rules of one form overlap: two rules may give the same wrong set."
    )
    chart = heat_map(rows)
    cells = in_order([row["cell"] for row in rows])
    key, title = f"shortcuts{'-weights' if which else ''}", f"Which rule was learned instead{which}"
    return [figure(key, title, caption, chart, rows, placed(rows, cells))]


def heat_map(rows: Sequence[dict[str, Any]]) -> Any:
    """A panel a `model`, a line a `cell`, a column a `rule`; coloured by `share`, with its percentage."""
    import altair as alt

    shown = [rule for rule in RULES.values() if any(row["rule"] == rule for row in rows)]
    x = alt.X("rule:N", title=None, sort=shown, axis=alt.Axis(labelAngle=-40, orient="bottom"))
    base = alt.Chart().encode(x=x, y=labels_of_rows())
    scale = alt.Scale(domain=[0, 1], scheme="cividis")
    colour = alt.Color("share:Q", scale=scale, legend=alt.Legend(orient="top", gradientLength=160, format=".1f"))
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("model", "cell", "rule")]
    tooltip += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("share", "lowest", "highest")]
    squares = base.mark_rect(stroke="#8a8a8a", strokeWidth=0.5).encode(color=colour, tooltip=tooltip)
    bright = alt.condition("datum.share > 0.5", alt.value("#111111"), alt.value("#f5f5f5"))
    percent = base.transform_calculate(percent="round(100 * datum.share)").mark_text(fontSize=11)
    layers = [squares, percent.encode(text="percent:Q", color=bright)]
    return in_panels(alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=alt.Step(30)))
