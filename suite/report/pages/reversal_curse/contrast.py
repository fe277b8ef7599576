"""The likelihood contrast: by how much a model prefers the right answer of each fact to the average other candidate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, TypeVar

from suite.report.charts import GREY, Figure, figure, in_panels, labels_of_rows, placed
from suite.report.pages.reversal_curse.cells import COLOURS, cell_of, cells, in_order
from suite.report.queries import RunView, cluster_means

_MOST_FACTS = 100  # of a cell
_T = TypeVar("_T")
_KEYS = ("group", "direction", "seen", "kind", "control")


def contrast_figure(runs: Sequence[RunView]) -> list[Figure]:
    """A stroke a fact, a diamond for `delta` with its interval, by group and direction."""
    import altair as alt

    (facts, labels), means = _fact_rows(runs), _mean_rows(runs)
    if not facts:
        return []
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    colour = alt.Color("asked:N", scale=scale, legend=alt.Legend(orient="top", columns=2, symbolType="circle"))
    base = alt.Chart().encode(y=labels_of_rows(), color=colour)
    zero = alt.Chart().mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=alt.datum(0))
    x = alt.X("nats:Q", title="nats above the other candidates")
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("model", "cell", "fact")] + [alt.Tooltip("nats:Q", format=".2f")]
    strokes = base.transform_filter("isValid(datum.nats)").mark_tick(thickness=1.4, size=16, opacity=0.5)
    layers = [zero, strokes.encode(x=x, tooltip=tooltip)]
    if means:
        mean = base.transform_filter("isValid(datum.delta)")
        numbers = [alt.Tooltip(f"{name}:Q", format=".2f") for name in ("delta", "low", "high")]
        layers.append(mean.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q"), x2="high:Q"))
        diamond = mean.mark_point(filled=True, size=120, opacity=1, shape="diamond", stroke="white", strokeWidth=1)
        layers.append(diamond.encode(x=alt.X("delta:Q"), tooltip=["model:N", "cell:N", *numbers]))
    chart = alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=alt.Step(34))
    caption = (
        "Each stroke is a fact: by how many nats the right answer is likelier than the average other candidate, over "
        f"all wordings (at most {_MOST_FACTS} facts are drawn in a line). Diamonds are means (delta) with their 95 % "
        "interval. Around 0, the model knows no more of the fact than of any other."
    )
    title = "Likelihood contrast, fact by fact"
    data = placed([*facts, *means], labels)
    return [figure("contrast", title, caption, in_panels(chart), means or facts, data)]


def _fact_rows(runs: Sequence[RunView]) -> tuple[list[dict[str, Any]], list[str]]:
    """A row a run, cell and fact, and the cells' labels in order."""
    place = {run.run_id: number for number, run in enumerate(runs)}
    found = []
    for row in cluster_means(runs, "d", _KEYS):
        cell = cell_of(row)
        if cell is not None and row["control"] == "none":
            found.append((place[row["run"].run_id], in_order(cell), row["cluster"], cell, row["value"]))
    found.sort(key=lambda row: row[:3])
    drawn = [row for _, rows in groupby(found, key=lambda row: row[:2]) for row in _spread(list(rows))]
    rows = [
        {"model": runs[number].label, "cell": cell.label, "asked": cell.asked, "fact": fact, "nats": round(value, 4)}
        for number, _, fact, cell, value in drawn
    ]
    return rows, [cell.label for cell in sorted({row[3] for row in found}, key=in_order)]


def _spread(rows: list[_T]) -> list[_T]:
    """At most `_MOST_FACTS` of them, evenly spaced; more strokes would cover each other."""
    if len(rows) <= _MOST_FACTS:
        return rows
    return [rows[at * len(rows) // _MOST_FACTS] for at in range(_MOST_FACTS)]


def _mean_rows(runs: Sequence[RunView]) -> list[dict[str, Any]]:
    rows = []
    for run in runs:
        p_values = {cell: metric["value"] for cell, metric in cells(run, "delta_p")}
        for cell, metric in cells(run, "delta"):
            rows.append(
                {
                    "model": run.label,
                    "cell": cell.label,
                    "asked": cell.asked,
                    "delta": metric["value"],
                    "low": metric["ci_low"],
                    "high": metric["ci_high"],
                    "p (one-sided)": p_values.get(cell),
                    "facts": metric["n_clusters"],
                    "note": metric["note"],
                }
            )
    return rows
