"""Curves of many mechanisms in one panel: baselines in colour, the others grey, each named at its right end."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from suite.report.charts import BLUE, GREEN, GREY, ORANGE, in_panels

HEIGHT = 320
_LINE_PX = 11.5  # room of a name
_COLOURS = {"vanilla": ORANGE, "sdpa": BLUE, "none": GREEN, "other": GREY}


def with_names(rows: Sequence[Mapping[str, Any]], x: str, y: str) -> list[dict[str, Any]]:
    """Rows with a kind, and for the last of each line the place of its name, moved so that names stand apart.

    Args:
        rows: with panel and mechanism; `y` positive.
    """
    out: list[dict[str, Any]] = []
    panels: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        panels[row["panel"]].append(row)
    logs = [math.log(row[y]) for row in rows]  # of all panels, since they share their scale
    step = max((max(logs) - min(logs)) * _LINE_PX / HEIGHT, 1e-6) if logs else 0.0
    for own in panels.values():
        ends: dict[str, Mapping[str, Any]] = {}
        for row in own:
            if row["mechanism"] not in ends or row[x] >= ends[row["mechanism"]][x]:
                ends[row["mechanism"]] = row
        places = _apart({name: math.log(row[y]) for name, row in ends.items()}, step)
        for row in own:
            kind = row["mechanism"] if row["mechanism"] in _COLOURS else "other"
            is_end = ends[row["mechanism"]] is row
            out.append({**row, "kind": kind, "name_at": math.exp(places[row["mechanism"]]) if is_end else None})
    return out


def line_chart(x: Any, y: Any, name_x: str, marks: bool = False) -> Any:
    """A panel a `model`: lines from `with_names`, and diamonds where `is_mark` is true.

    Args:
        x, y: Altair axes.
        name_x: the column of x.
    """
    import altair as alt

    scale = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    colour = alt.Color("kind:N", scale=scale, legend=None)
    told = [
        alt.Tooltip("mechanism:N"),
        alt.Tooltip(f"{name_x}:Q", format=".4~g"),
        alt.Tooltip(f"{y.shorthand}", format=".4~g"),
    ]
    base = alt.Chart().transform_filter("!datum.is_mark").encode(x=x, color=colour)
    width = alt.condition("datum.kind == 'other'", alt.value(1), alt.value(2.5))
    layers = [
        base.mark_line().encode(y=y, detail="mechanism:N", strokeWidth=width),
        base.mark_point(filled=True, size=22, opacity=1).encode(y=y, tooltip=told),
        base.transform_filter("isValid(datum.name_at)")
        .mark_text(align="left", dx=6, fontSize=10)
        .encode(y=alt.Y("name_at:Q", title=None), text="mechanism:N"),
    ]
    if marks:
        crossing = alt.Chart().transform_filter("datum.is_mark").encode(x=x, y=y)
        layers.append(
            crossing.mark_point(shape="diamond", size=60, filled=True, opacity=1, color=GREEN).encode(tooltip=told)
        )
    return in_panels(alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=HEIGHT))


def _apart(places: Mapping[str, float], step: float) -> dict[str, float]:
    """The places in their order, none nearer than `step` to the next."""
    order = sorted(places, key=lambda name: (places[name], name))
    found: dict[str, float] = {}
    at = -math.inf
    for name in order:
        at = max(places[name], at + step)
        found[name] = at
    shift = (sum(found.values()) - sum(places.values())) / len(places)
    return {name: place - shift for name, place in found.items()}
