"""Charts as Vega-Lite: one look for all, drawn in the page by the bundled scripts and saved as SVG beside it.

A chart of several runs is a row of panels, one a run. The page's script fits their number and width to the screen, by
`usermeta`: the number of panels and the room for labels, in pixels.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair

# Okabe and Ito's palette, which people who confuse colours can tell apart; report.js has its twins for dark pages
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8a8a8a"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE)
LABEL_BREAK = " · "  # a label has a line break there
_LABEL_ROOM = 150
_PANEL_WIDTH = 230
_PANELS_IN_SVG = 3
_DIGITS = 6  # of numbers in charts; more would only make the files larger


@dataclass(frozen=True)
class Figure:
    """A chart with what goes around it.

    Attributes:
        key: part of its file name and of its HTML id, unique on its page.
        caption: what is shown and how to read it; the text alternative of the chart too.
        spec: Vega-Lite JSON.
        rows: the numbers behind the chart, as a table; is_table_open: it is shown at once.
    """

    key: str
    title: str
    caption: str
    spec: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    is_table_open: bool = False

    @property
    def columns(self) -> list[str]:
        return list(self.rows[0]) if self.rows else []

    def svg(self) -> str:
        """The chart as an SVG picture on white."""
        import vl_convert

        svg: str = vl_convert.vegalite_to_svg(json.dumps({**self.spec, "background": "white"}))
        # Vega counts these ids up within a process; the same chart must give the same bytes
        counted = r"\b(gradient_|clip)\d+\b"
        found = dict.fromkeys(match[0] for match in re.finditer(counted, svg))
        numbers = {name: f"{name.rstrip('0123456789')}{number}" for number, name in enumerate(found)}
        return re.sub(counted, lambda match: numbers[match[0]], svg)


def figure(
    key: str,
    title: str,
    caption: str,
    chart: altair.TopLevelMixin,
    rows: Sequence[Mapping[str, Any]],
    data: Sequence[Mapping[str, Any]] | None = None,
) -> Figure:
    """A `Figure` from an Altair chart without data.

    Args:
        rows: the table beside the chart.
        data: what is drawn, from `placed` for a chart in panels; by default the rows.
    """
    drawn = rows if data is None else data
    spec = chart.to_dict()
    spec["data"] = {"values": list(drawn)}  # Altair would check every number of it, for seconds
    spec["description"] = caption
    spec["usermeta"] = {"panels": len({row.get("panel") for row in drawn}), "labels": _LABEL_ROOM}
    spec["config"] = {
        "view": {"stroke": "#d0d7de"},
        "axis": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "gridColor": "#e6eaee"},
        "axisX": {"tickCount": 5},
        "axisY": {"domain": False, "ticks": False, "labelPadding": 8},
        "legend": {"labelFontSize": 12, "symbolSize": 90, "title": None, "labelLimit": 320},
        "header": {"labelFontSize": 12, "labelFontWeight": "bold", "labelLimit": 220},
    }
    return Figure(key, title, caption, _rounded(spec), rows)


def placed(rows: Sequence[Mapping[str, Any]], cells: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rows with the places of their `model` and `cell`, by which `in_panels` and `labels_of_rows` order them.

    Numbers, since Vega-Lite would write a list of names into code that the page runs, and names come from anywhere.

    Args:
        cells: in the order wanted; by default as the rows have them.
    """
    panel = {model: at for at, model in enumerate(dict.fromkeys(row["model"] for row in rows))}
    line = {cell: at for at, cell in enumerate(dict.fromkeys([*cells, *(row["cell"] for row in rows)]))}
    return [{**row, "panel": panel[row["model"]], "line": line[row["cell"]]} for row in rows]


def in_panels(chart: altair.LayerChart | altair.FacetChart) -> altair.FacetChart:
    """One panel a model; the chart's data are from `placed`."""
    import altair as alt

    facet = alt.Facet("model:N", title=None, sort=alt.EncodingSortField("panel", op="min"))
    return chart.facet(facet=facet, columns=_PANELS_IN_SVG).resolve_axis(x="independent")


def labels_of_rows() -> altair.Y:
    """A vertical axis of the labels in `cell`; the chart's data are from `placed`."""
    import altair as alt

    broken = f"split(datum.label, '{LABEL_BREAK}')"
    axis = alt.Axis(labelExpr=broken, labelLimit=_LABEL_ROOM, labelLineHeight=13)
    return alt.Y("cell:N", title=None, sort=alt.EncodingSortField("line", op="min"), axis=axis)


def dots_with_intervals(
    rows: Sequence[Mapping[str, Any]],
    *,
    value: str,
    colours: Mapping[str, str],
    by: str = "asked",
    domain: tuple[float, float] | None = (0, 1),
) -> altair.FacetChart:
    """A panel a `model`, a line a `cell`: a dot with its interval, coloured and shaped by the column `by`.

    Where a line has several dots, they stand below each other.

    Args:
        rows: with columns model, cell, `by`, `value`, low, high; with chance (chance_low, chance_high), a grey mark
            shows it (and where chance results lie); with a true `doubtful`, the dot is hollow.
        value: the column on the horizontal axis.
        colours: values of `by` -> colour; words of ours, since they enter the chart's code.
        domain: of the axis; None: as the data have it.
    """
    import altair as alt

    base = alt.Chart().encode(y=labels_of_rows())
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale()
    layers = []
    if any(row.get("chance") is not None for row in rows):
        band = base.mark_bar(color=GREY, opacity=0.28, height=18)
        layers.append(band.encode(x=alt.X("chance_low:Q", title=value, scale=scale), x2="chance_high:Q"))
        layers.append(base.mark_tick(color=GREY, thickness=2, size=20).encode(x=alt.X("chance:Q")))
    if len({(row["model"], row["cell"]) for row in rows}) < len(rows):
        base = base.encode(yOffset=alt.YOffset(f"{by}:N", sort=list(colours)))
    colour_scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    colour = alt.Color(f"{by}:N", scale=colour_scale, legend=alt.Legend(orient="top", columns=2))
    shape = alt.Shape(f"{by}:N", scale=alt.Scale(domain=list(colours)))
    x = alt.X(f"{value}:Q", title=value, scale=scale)
    layers.append(base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=value), x2="high:Q", color=colour))
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("model", "cell", by) if name in rows[0]]
    tooltip += [alt.Tooltip(f"{name}:Q", format=".3f") for name in (value, "low", "high")]
    dots = base.mark_point(filled=True, size=95, opacity=1, strokeWidth=2)
    layers.append(dots.encode(x=x, color=colour, shape=shape, tooltip=tooltip))
    if any(row.get("doubtful") for row in rows):
        hole = base.transform_filter("datum.doubtful").mark_point(filled=True, size=30, opacity=1, color="white")
        layers.append(hole.encode(x=x, shape=shape))
    chart = alt.layer(*layers, data=alt.NamedData("rows"))
    return in_panels(chart.properties(width=_PANEL_WIDTH, height=alt.Step(36, **{"for": "position"})))


def loss_curve(training: Any) -> list[Figure]:
    """The loss of a training from its `training.json`; nothing where it has none of the expected form."""
    import altair as alt

    points = training.get("loss_curve") if isinstance(training, Mapping) else None
    rows = [
        {"step": point[0], "loss": point[1]}
        for point in (points if isinstance(points, list) else [])
        if isinstance(point, list) and len(point) == 2 and all(isinstance(number, int | float) for number in point)
    ]
    if not rows:
        return []
    line = alt.Chart(alt.NamedData("rows")).mark_line(color=BLUE, point=len(rows) < 30)
    loss = alt.Y("loss:Q", title="loss, nats a token")
    chart = line.encode(x=alt.X("step:Q"), y=loss, tooltip=["step:Q", alt.Tooltip("loss:Q", format=".3f")])
    caption = "Training loss by optimiser step, averaged between points."
    return [figure("training", "Training", caption, chart.properties(width=420, height=180), rows)]


@cache
def scripts() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script; made once for each version and kept in the user's cache."""
    import vl_convert

    from suite.pretrained import cache_folder

    file = cache_folder() / "scripts" / f"vega-{version('vl-convert-python')}.js"
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        pass
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(f".{os.getpid()}.tmp")
        unfinished.write_text(bundle, encoding="utf-8")
        unfinished.replace(file)
    except OSError:
        pass  # a cache that cannot be written costs a few seconds each time, and nothing else
    return bundle


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, _DIGITS) if isinstance(value, float) else value
