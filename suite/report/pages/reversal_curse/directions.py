"""Charts of forward against reverse: exact match, mean reciprocal rank, and exact match of each wording."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from suite.report.charts import Figure, dots_with_intervals, figure, in_panels, labels_of_rows, placed
from suite.report.pages.reversal_curse.cells import COLOURS, cell_of, cells, in_order, is_doubtful
from suite.report.queries import RunView

_MOST_WORDINGS_WITH_NUMBERS = 12  # more, and the numbers do not fit their squares


def accuracy_figure(runs: Sequence[RunView]) -> list[Figure]:
    """Exact match by group and direction, against chance."""
    caption = (
        "Share of held-out questions whose answer is the target, by how the facts were told and what is asked, with "
        "95 % intervals over facts. Grey: guessing among the names of the group."
    )
    return _direction_figure(runs, "em", "exact match", "Exact match: as trained, and in reverse", caption)


def rank_figure(runs: Sequence[RunView]) -> list[Figure]:
    """Mean reciprocal rank by group and direction, against chance and its spread."""
    caption = (
        "Every candidate of the group is scored as the answer; 1 means that the right one is always the likeliest. "
        "Grey: chance, and where 95 % of chance results lie with as many facts."
    )
    return _direction_figure(
        runs, "mrr", "mean reciprocal rank", "Rank of the right answer among all candidates", caption
    )


def _direction_figure(runs: Sequence[RunView], name: str, axis: str, title: str, caption: str) -> list[Figure]:
    rows: list[dict[str, Any]] = []
    order = {}
    for run in runs:
        chances = {(cell.group, cell.direction): metric for cell, metric in cells(run, f"{name}_chance")}
        for cell, metric in cells(run, name):
            chance = chances.get((cell.group, cell.direction))
            line = chance["value"] if chance else None
            order[cell.label] = in_order(cell)
            spread = (chance["ci_low"], chance["ci_high"]) if chance and chance["ci_low"] is not None else (line, line)
            rows.append(
                {
                    "model": run.label,
                    "cell": cell.label,
                    "asked": cell.asked,
                    axis: metric["value"],
                    "low": metric["ci_low"],
                    "high": metric["ci_high"],
                    "chance": line,
                    "chance_low": spread[0],
                    "chance_high": spread[1],
                    "doubtful": is_doubtful(metric),
                    "note": metric["note"],
                }
            )
    if not rows:
        return []
    if any(row["doubtful"] for row in rows):
        caption += " A hollow mark is not interpretable: its both-control is under 0.8."
    chart = dots_with_intervals(rows, value=axis, colours=COLOURS)
    return [figure(name, title, caption, chart, rows, placed(rows, sorted(order, key=order.__getitem__)))]


def wording_figure(runs: Sequence[RunView]) -> list[Figure]:
    """A heat map of exact match, a column a held-out wording."""
    import altair as alt

    rows, cells = _wording_rows(runs)
    if not rows:
        return []
    numbers = [row["wording"] for row in rows]
    x = alt.X("wording:O", title="held-out wording of the direction asked", axis=alt.Axis(labelAngle=0))
    base = alt.Chart().encode(x=x, y=labels_of_rows())
    scale = alt.Scale(domain=[0, 1], scheme="cividis")
    colour = alt.Color("exact match:Q", scale=scale, legend=alt.Legend(orient="top", gradientLength=160, format=".1f"))
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("model", "cell", "template", "note")]
    squares = base.mark_rect(stroke="#8a8a8a", strokeWidth=0.5)
    layers = [squares.encode(color=colour, tooltip=[*tooltip, alt.Tooltip("exact match:Q", format=".2f")])]
    if max(numbers) <= _MOST_WORDINGS_WITH_NUMBERS:
        on_bright = alt.condition("datum['exact match'] > 0.5", alt.value("#111111"), alt.value("#f5f5f5"))
        percent = base.transform_calculate(percent="round(100 * datum['exact match'])")
        layers.append(percent.mark_text(fontSize=10).encode(text="percent:Q", color=on_bright))
    chart = alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=alt.Step(30))
    caption = (
        "Exact match of each held-out wording, in percent. A dark square in a bright row is a wording that the model "
        "fails; a dark row is a direction that it fails."
    )
    return [figure("wordings", "Exact match by wording", caption, in_panels(chart), rows, placed(rows, cells))]


def _wording_rows(runs: Sequence[RunView]) -> tuple[list[dict[str, Any]], list[str]]:
    """A row a run, cell and wording, and the cells' labels in order; the wordings of a direction are numbered."""
    found = []
    templates: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        for metric in run.named("em_by_template", control="none"):
            cell, template = cell_of(metric["condition"]), metric["condition"].get("template")
            if cell is not None and template is not None and metric["value"] is not None:
                templates[cell.direction].add(str(template))
                found.append((run, cell, str(template), metric))
    numbers = {direction: sorted(names) for direction, names in templates.items()}
    rows = [
        {
            "model": run.label,
            "cell": cell.label,
            "wording": numbers[cell.direction].index(template) + 1,
            "template": template,
            "exact match": metric["value"],
            "note": metric["note"],
        }
        for run, cell, template, metric in found
    ]
    return rows, [cell.label for cell in sorted({cell for _, cell, _, _ in found}, key=in_order)]
