"""Perplexity beyond the training length, by position scheme, with the published curves in a panel of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.attention.published import rows as published_rows
from suite.report.charts import Figure, figure, placed
from suite.report.pages.attention_patterns.index import rows_of
from suite.report.pages.attention_patterns.lines import line_chart, with_names
from suite.report.pages.attention_patterns.merged import Rows
from tasks.attention_patterns.twins import POSITIONS

_CAPTION = (
    "A language model of the periodic task is trained at one length and read at others; a panel a position scheme. "
    "1 on both axes is the training length and its perplexity: above 1 a mechanism gets worse. Orange: vanilla; blue: "
    "sdpa; green: no attention; grey: the others. A flat line at chance is no extrapolation: the table has the "
    "perplexities (chance is 64). The last panel has PG-19 at 8,192, read off a plot of Zhang et al. (2023)."
)
_PUBLISHED = "cab-2023, PG-19"


def extrapolation_figures(rows: Rows) -> list[Figure]:
    """The curves, if there are any."""
    import altair as alt

    ours = [
        {
            "model": f"{row['condition']['positions']} positions",
            "scheme": str(row["condition"]["positions"]),
            "mechanism": name,
            "factor": float(row["condition"]["factor"]),
            row["name"]: row["value"],
        }
        for name, row in rows_of(rows, "extrapolation")
        if row["name"] in ("ppl", "ppl_ratio") and str(row["condition"]["positions"]) in POSITIONS
    ]
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in ours:
        merged.setdefault((row["scheme"], row["mechanism"], row["factor"]), {}).update(row)
    whole = [row for _, row in sorted(merged.items(), key=lambda item: (POSITIONS.index(item[0][0]), *item[0][1:]))]
    shown = [row for row in whole if row.get("ppl_ratio", 0) > 0]
    if not shown:
        return []
    drawn = [
        {"model": row["model"], "cell": row["mechanism"], "mechanism": row["mechanism"]}
        | {"factor": row["factor"], "ratio": row["ppl_ratio"], "is_mark": False}
        for row in [*shown, *_published()]
    ]
    ticks = [1 / 32, 1 / 4, 1 / 2, 1, 2, 4]
    x = alt.X(
        "factor:Q",
        title="length / training length",
        scale=alt.Scale(type="log", base=2, nice=False, padding=34),
        axis=alt.Axis(values=ticks, format="~g"),
    )
    scale = alt.Scale(type="log", nice=False, padding=12)
    y = alt.Y("ratio:Q", title="perplexity ratio", scale=scale, axis=alt.Axis(format="~g"))
    chart = line_chart(x, y, "factor")
    return [
        figure(
            "extrapolation",
            "Beyond the training length",
            _CAPTION,
            chart,
            _table(shown),
            with_names(placed(drawn), "factor", "ratio"),
        )
    ]


def _published() -> list[dict[str, Any]]:
    points = published_rows("extrapolation")
    trained = {
        row["condition"]["mechanism"]: row["value"]
        for row in points
        if row["condition"]["length"] == row["condition"]["trained_length"]
    }
    return [
        {
            "model": _PUBLISHED,
            "mechanism": at["mechanism"],
            "factor": at["length"] / at["trained_length"],
            "ppl_ratio": row["value"] / trained[at["mechanism"]],
        }
        for row in points
        for at in [row["condition"]]
        if row["value"] is not None
    ]


def _table(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a mechanism and scheme, a column a length."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        own = found.setdefault(
            (row["scheme"], row["mechanism"]), {"positions": row["scheme"], "mechanism": row["mechanism"]}
        )
        own[f"at {row['factor']:g}"] = row.get("ppl")
    columns = dict.fromkeys(["positions", "mechanism", *(key for row in found.values() for key in row)])
    return [{key: row.get(key) for key in columns} for row in found.values()]
