"""Charts as Vega-Lite: one look for all, drawn in the page by the bundled scripts and saved as SVG beside it."""

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

# Okabe and Ito's palette, which people who confuse colours can tell apart
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8a8a8a"


@dataclass(frozen=True)
class Figure:
    """A chart with what goes around it.

    Attributes:
        key: file name and HTML id, unique on its page.
        caption: what is shown and how to read it; the text alternative of the chart too.
        spec: Vega-Lite JSON.
        columns, rows: the same numbers as a table.
    """

    key: str
    title: str
    caption: str
    spec: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]

    def svg(self) -> str:
        """The chart as an SVG picture on white."""
        import vl_convert

        svg: str = vl_convert.vegalite_to_svg(json.dumps({**self.spec, "background": "white"}))
        found = dict.fromkeys(re.findall(r"\b(?:gradient_|clip)\d+\b", svg))
        numbers = {name: f"{name.rstrip('0123456789')}{number}" for number, name in enumerate(found)}
        # Vega counts these ids up within a process; the same chart must give the same bytes
        return re.sub(r"\b(?:gradient_|clip)\d+\b", lambda match: numbers[match[0]], svg)


def figure(
    key: str, title: str, caption: str, chart: altair.TopLevelMixin, rows: Sequence[Mapping[str, Any]]
) -> Figure:
    """A `Figure` from an Altair chart whose data are `rows`."""
    spec = chart.to_dict()
    spec["description"] = caption
    return Figure(key, title, caption, _stable(spec), list(rows[0]) if rows else [], rows)


def dots_with_intervals(
    rows: Sequence[Mapping[str, Any]], *, value: str, colour: Mapping[str, str], chance: bool, facet: str = "model"
) -> altair.TopLevelMixin:
    """Dots with intervals (columns low, high) over `cell`, coloured by `asked`, a panel a `facet`; chance as a tick.

    Args:
        rows: with columns cell, asked, `value`, low, high, `facet`, and chance, chance_low, chance_high if `chance`.
        value: the column on the vertical axis, which runs from 0 to 1.
        colour: values of `asked` -> colour.
    """
    import altair as alt

    x = alt.X("cell:N", title=None, sort=None, axis=alt.Axis(labelAngle=-30, labelLimit=240))
    scale = alt.Scale(domain=list(colour), range=list(colour.values()))
    base = alt.Chart().encode(x=x)
    layers = []
    if chance:
        band = base.mark_bar(color=GREY, opacity=0.35, width=36)
        layers.append(band.encode(y=alt.Y("chance_low:Q"), y2="chance_high:Q"))
        layers.append(base.mark_tick(color=GREY, thickness=2, width=36).encode(y="chance:Q"))
    coloured = base.encode(color=alt.Color("asked:N", title="asked", scale=scale, legend=alt.Legend(orient="top")))
    shape = alt.Shape("asked:N", title="asked", scale=alt.Scale(domain=list(colour)))
    y = alt.Y(f"{value}:Q", title=value, scale=alt.Scale(domain=[0, 1]))
    layers.append(coloured.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=value), y2="high:Q"))
    tooltip = [alt.Tooltip(f"{name}:N") for name in (facet, "cell", "asked")]
    numbers = [alt.Tooltip(f"{name}:Q", format=".3f") for name in (value, "low", "high")]
    layers.append(
        coloured.mark_point(filled=True, size=110, opacity=1).encode(y=y, shape=shape, tooltip=tooltip + numbers)
    )
    chart = alt.layer(*layers, data=alt.Data(values=list(rows))).properties(width=260, height=240)
    return chart.facet(facet=alt.Facet(f"{facet}:N", title=None, sort=None), columns=3)


def loss_curve(key: str, training: Mapping[str, Any]) -> list[Figure]:
    """The loss of a training from its `training.json`; nothing where it has none."""
    import altair as alt

    rows = [{"step": step, "loss": loss} for step, loss in training.get("loss_curve") or []]
    if not rows:
        return []
    line = alt.Chart(alt.Data(values=rows)).mark_line(color=BLUE, point=len(rows) < 30)
    loss = alt.Y("loss:Q", title="loss, nats a token")
    chart = line.encode(x=alt.X("step:Q"), y=loss, tooltip=["step:Q", alt.Tooltip("loss:Q", format=".3f")])
    caption = "Training loss by optimiser step, averaged between points."
    return [figure(key, "Training", caption, chart.properties(width=420, height=180), rows)]


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


def _stable(spec: dict[str, Any]) -> dict[str, Any]:
    """Without what differs from one process to the next: Altair numbers its views as they are made."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items() if not (key == "name" and _is_view(item))}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return value

    stable: dict[str, Any] = walk(spec)
    return stable


def _is_view(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("view_")
