"""The judge's swap quadrants: what became of each pair when its two answers changed places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.report.charts import (
    BLUE,
    GREEN,
    GREY,
    LABEL_BREAK,
    ORANGE,
    PURPLE,
    Figure,
    figure,
    in_panels,
    labels_of_rows,
    placed,
)
from suite.report.pages.position_bias.cells import MODES, Cell, cells, interval, listed
from suite.report.queries import RunView

_WORDS = {
    "CC": "right in both orders",
    "AA": "first place both times",
    "BB": "second place both times",
    "CW": "wrong in both orders",
    "other": "a verdict is unreadable",
}
_COLOURS = dict(zip(_WORDS.values(), (GREEN, ORANGE, PURPLE, BLUE, GREY), strict=True))


def quadrant_figures(runs: Sequence[RunView]) -> list[Figure]:
    """A figure a mode: a bar a source and label mode, a panel a run."""
    found: list[Figure] = []
    every = cells(runs, "judge")
    for mode in dict.fromkeys(cell.mode for cell in every):
        judged = [cell for cell in every if cell.mode == mode]
        rows = [line for cell in judged for line in _rows(cell)]
        if rows:
            caption = (
                "Each pair is judged twice, with its answers swapped. A judge that goes by place prefers the same "
                "place both times. Being consistent is not being right: the first colour is both. "
                + _odds(judged)
                + _given_away(judged)
            )
            ranks = {words: rank for rank, words in enumerate(_WORDS.values())}
            data = [{**line, "rank": ranks[line["verdicts"]]} for line in placed(rows)]
            title = f"A judge whose answers are swapped ({MODES.get(mode, mode)})"
            found.append(figure(f"quadrants-{len(found) + 1}", title, caption.strip(), in_panels(_bars()), rows, data))
    return found


def _bars() -> Any:
    """A bar a line, its parts in the order of `rank`; labels in as many lines as they have parts."""
    import altair as alt

    scale = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    colour = alt.Color("verdicts:N", scale=scale, legend=alt.Legend(orient="top", columns=2))
    tooltip = [
        *(alt.Tooltip(f"{name}:N") for name in ("model", "cell", "verdicts")),
        alt.Tooltip("share:Q", format=".1%"),
    ]
    bars = alt.Chart().mark_bar(stroke="white", strokeWidth=1, height=18)
    x = alt.X("share:Q", title="share of pairs", stack="zero", scale=alt.Scale(domain=[0, 1]))
    chart = bars.encode(y=labels_of_rows(), x=x, color=colour, order=alt.Order("rank:O"), tooltip=tooltip)
    return alt.layer(chart, data=alt.NamedData("rows")).properties(width=230, height=alt.Step(36))


def line_of(cell: Cell) -> str:
    """The label of a cell's line: items and labels."""
    return f"{cell.items}{LABEL_BREAK}{cell.labels}"


def _rows(cell: Cell) -> list[dict[str, Any]]:
    mean, bias, p = (cell.first(name) for name in ("accuracy", "signed_bias", "swap_p"))
    return [
        {
            "model": cell.run.label,
            "cell": line_of(cell),
            "verdicts": _WORDS[quadrant],
            "share": metric["value"],
            "low": metric["ci_low"],
            "high": metric["ci_high"],
            "accuracy, mean of both orders": _value(mean),
            "first less second": _value(bias),
            "p (McNemar)": _value(p),
            "pairs": metric["n_clusters"],
            "mode": cell.mode,
            "note": mean["note"] if mean else "",
        }
        for quadrant, metric in cell.by("quadrant", "quadrant")
        if quadrant in _WORDS
    ]


def _value(metric: Mapping[str, Any] | None) -> float | None:
    return None if metric is None else metric["value"]


def _given_away(judged: Sequence[Cell]) -> str:
    """The cells in which a liking for a label looks like knowledge."""
    noted = [cell for cell in judged if (found := cell.first("accuracy")) and "same label" in str(found["note"])]
    parts = listed([f"{cell.run.label} ({cell.items}, {cell.labels})" for cell in noted])
    return f" Not to be read as knowledge, since the better answer always has the same label: {parts}." if parts else ""


def _odds(judged: Sequence[Cell]) -> str:
    parts = [
        f"{cell.run.label}, {cell.labels}: {interval(metric)}"
        for cell in judged
        if (metric := cell.first("beta")) is not None
    ]
    return f"Bias in log-odds, positive for the first place: {listed(parts)}." if parts else ""
