"""Accuracy along the places of the gold segment: documents, pairs, needle, moved premise; and the published curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.report.charts import BLUE, ORANGE, Figure, figure, in_panels, placed
from suite.report.pages.position_bias.cells import COLOURS, Cell, cells, interval, listed, together
from suite.report.queries import RunView

_FAMILIES = ("docqa", "kv", "needle", "premise")
_SWEPT = ("move_gold", "condition_sweep")
_TITLES = {
    "docqa": "Answers in documents",
    "kv": "Key-value retrieval",
    "needle": "A fact among filler",
    "premise": "One premise moved",
}


def curve_figures(runs: Sequence[RunView]) -> list[Figure]:
    """A figure a family, source and number of segments: a panel a run, a line a label mode."""
    found: list[Figure] = []
    swept = [cell for cell in cells(runs, *_FAMILIES) if cell.condition.get("arm") in _SWEPT]
    for group in together(swept).values():
        rows = [line for cell in group for line in _rows(cell)]
        if rows:
            chart = in_panels(_lines(rows, "labels", COLOURS))
            title = f"{_TITLES[group[0].family]}: {group[0].asked}"
            caption = (
                "Share of right answers by where the needed part stands, from the first place to the last, with 95 % "
                "intervals over items. Lower between than at the ends: lost in the middle. " + _dips(group)
            )
            if any(line["without documents"] is not None for line in rows):
                caption += " Dashed: without any document."
            found.append(figure(f"curve-{len(found) + 1}", title, caption.strip(), chart, rows, placed(rows)))
    return found


def published_figure(runs: Sequence[RunView]) -> list[Figure]:
    """The published curves, beside ours but never among them."""
    if not any(cell.condition.get("arm") in _SWEPT for cell in cells(runs, "docqa", "kv", "needle")):
        return []
    rows = []
    for reference in runs[0].store.references("position_bias"):
        condition = reference["condition"]
        if reference["metric"] == "accuracy_at" and condition.get("source") == "lost_in_the_middle":
            rows.append(
                {
                    "model": reference["model"],
                    "cell": "",
                    "shown": f"{condition['k']} documents",
                    "place": condition["gold_slot"] / (condition["k"] - 1),
                    "share right": reference["value"],
                    "low": None,
                    "high": None,
                    "without documents": None,
                    "source": reference["source"],
                    "verified": reference["verified"],
                }
            )
    if not rows:
        return []
    rows.sort(key=lambda line: (line["model"], line["shown"], line["place"]))
    caption = (
        "For orientation only: figures of Liu et al. (2024) for other models on retrieved documents, not verified "
        "against the paper."
    )
    chart = in_panels(_lines(rows, "shown", {"10 documents": BLUE, "20 documents": ORANGE}))
    return [figure("published-curves", "The published curves", caption, chart, rows, placed(rows))]


def _lines(rows: Sequence[Mapping[str, Any]], by: str, colours: Mapping[str, str]) -> Any:
    """Lines with intervals over the relative place; `colours` has words of ours only."""
    import altair as alt

    shown = [name for name in colours if any(row[by] == name for row in rows)]
    scale = alt.Scale(domain=shown, range=[colours[name] for name in shown])
    colour = alt.Color(f"{by}:N", scale=scale, legend=alt.Legend(orient="top", columns=2))
    ends = alt.Scale(domain=[0, 1])
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], labelExpr="{'0': 'first', '1': 'last'}[datum.value] || ''")
    base = alt.Chart().encode(x=alt.X("place:Q", title="place of the needed part", axis=axis, scale=ends), color=colour)
    y = alt.Y("share right:Q", title="share right", scale=alt.Scale(domain=[0, 1]))
    tooltip = [alt.Tooltip("model:N"), *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("place", "share right"))]
    layers = [
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(y=y, shape=_shape(by, shown), tooltip=tooltip),
    ]
    if any(row["without documents"] is not None for row in rows):
        layers.append(base.mark_line(strokeDash=[4, 3], strokeWidth=1).encode(y=alt.Y("without documents:Q")))
    return alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=200)


def _shape(by: str, shown: Sequence[str]) -> Any:
    import altair as alt

    return alt.Shape(f"{by}:N", scale=alt.Scale(domain=list(shown)))


def _rows(cell: Cell) -> list[dict[str, Any]]:
    k = cell.condition.get("k")
    if not isinstance(k, int) or k < 2:
        return []
    closed, places = _closed_book(cell), cell.by("accuracy_at", "gold_slot")
    if len(places) < 2:
        return []
    return [
        {
            "model": cell.run.label,
            "cell": "",
            "labels": cell.labels,
            "slot": slot,
            "place": slot / (k - 1),
            "share right": metric["value"],
            "low": metric["ci_low"],
            "high": metric["ci_high"],
            "without documents": closed,
            "items": metric["n_clusters"],
            "mode": cell.mode,
            "note": metric["note"],
        }
        for slot, metric in places
    ]


def _closed_book(cell: Cell) -> float | None:
    """The run's accuracy on the same source without documents."""
    found = cell.run.first("accuracy", family=cell.family, source=str(cell.condition.get("source")), arm="closed_book")
    return found["value"] if found is not None and str(found["mode"]) == cell.mode else None


def _dips(group: Sequence[Cell]) -> str:
    parts = [
        f"{cell.run.label}, {cell.labels}: {interval(metric)}"
        for cell in group
        if (metric := cell.first("dip_mean")) is not None
    ]
    return f"Ends less middle: {listed(parts)}." if parts else ""
