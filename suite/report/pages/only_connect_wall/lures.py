"""The lure matrix: where the critical clue went, in each condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.report.charts import Figure, figure, in_panels, labels_of_rows, placed
from suite.report.pages.only_connect_wall.cells import arm_words, cells
from suite.report.queries import RunView

_PLACES = {"host": "own group", "competitor": "lure", "filler": "elsewhere", "missing": "nowhere"}


def lure_figure(runs: Sequence[RunView]) -> list[Figure]:
    """A heat map, a row a condition and a column a place."""
    import altair as alt

    rows = _rows(runs)
    if not rows:
        return []
    x = alt.X("place:N", title="the critical clue was put", sort=list(_PLACES.values()), axis=alt.Axis(labelAngle=0))
    base = alt.Chart().encode(x=x, y=labels_of_rows())
    scale = alt.Scale(domain=[0, 1], scheme="cividis")
    colour = alt.Color("share:Q", scale=scale, legend=alt.Legend(orient="top", gradientLength=160, format=".1f"))
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("model", "cell", "place")] + [alt.Tooltip("share:Q", format=".3f")]
    squares = base.mark_rect(stroke="#8a8a8a", strokeWidth=0.5).encode(color=colour, tooltip=tooltip)
    bright = alt.condition("datum.share > 0.5", alt.value("#111111"), alt.value("#f5f5f5"))
    percent = base.transform_calculate(percent="round(100 * datum.share)").mark_text(fontSize=11)
    layers = [squares, percent.encode(text="percent:Q", color=bright)]
    chart = alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=alt.Step(34))
    caption = (
        "Where the critical clue (the herring or its neutral twin) was put, in percent of walls: with its own group, "
        "with the lure (more clues of the competitor than of its own group; where the competitor is absent, its "
        "stand-in), elsewhere, or in no group of four."
    )
    return [figure("lures", "Where the critical clue went", caption, in_panels(chart), rows, placed(rows))]


def _rows(runs: Sequence[RunView]) -> list[dict[str, Any]]:
    rows = []
    for cell in cells(runs):
        for arm, _ in cell.arms("lured"):
            for place, words in _PLACES.items():
                metric = cell.named("critical_place", arm=arm, place=place)
                if metric is not None and metric["value"] is not None:
                    facts = {"share": metric["value"], "low": metric["ci_low"], "high": metric["ci_high"]}
                    rows.append({"model": cell.panel, "cell": arm_words(arm), "place": words, **facts})
    return rows
