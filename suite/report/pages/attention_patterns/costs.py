"""Time and memory against length, with the lengths from which a mechanism is cheaper than vanilla attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from suite.attention.patterns import Pattern
from suite.attention.published import rows as published_rows
from suite.report.charts import Figure, figure, placed
from suite.report.pages.attention_patterns.lines import line_chart, with_names

_QUANTITIES = {"time": ("time_s", "seconds", 1.0), "memory": ("peak_bytes", "MiB", 2.0**20)}


def cost_figures(measured: Sequence[Any], lengths: Sequence[Any]) -> list[Figure]:
    """One figure a quantity, a panel a pattern."""
    return [found for quantity in _QUANTITIES for found in _figure(quantity, measured, lengths)]


def _figure(quantity: str, measured: Sequence[Any], lengths: Sequence[Any]) -> list[Figure]:
    import altair as alt

    column, unit, divisor = _QUANTITIES[quantity]
    rows = [
        {
            "model": f"{cost.pattern}, {cost.pattern.words}",
            "cell": cost.mechanism,
            "mechanism": cost.mechanism,
            "length": cost.length,
            "cost": getattr(cost, column) / divisor,
            "is_mark": False,
        }
        for cost in sorted(measured, key=lambda cost: (list(Pattern).index(cost.pattern), cost.mechanism, cost.length))
        if getattr(cost, column) > 0 and cost.mechanism != "none"
    ]
    if not rows:
        return []
    marks = [
        {**_place(rows, one), "is_mark": True}
        for one in lengths
        if one.quantity == quantity and one.baseline == "vanilla" and not one.crossing.bound
    ]
    x = alt.X("length:Q", title="length", scale=alt.Scale(type="log", base=2, nice=False, padding=34), axis=_axis())
    y = alt.Y("cost:Q", title=unit, scale=alt.Scale(type="log"), axis=alt.Axis(format="~g"))
    data = with_names(placed(rows), "length", "cost")
    panels = {row["model"]: row["panel"] for row in data}
    data += [{**mark, "panel": panels[mark["model"]], "line": 0, "kind": "other"} for mark in marks]
    caption = (
        f"One forward pass, {'time' if quantity == 'time' else 'peak memory of live tensors'}, both axes logarithmic. "
        "Orange: vanilla, with explicit scores; blue: sdpa, the fused kernel; grey: the others. A diamond marks where "
        "a mechanism becomes cheaper than vanilla for good. The table has the lengths against both baselines, with the "
        "published ones of Zhang et al. (2023), measured on a GPU, beside them."
    )
    chart = line_chart(x, y, "length", marks=True)
    title = "Time against length" if quantity == "time" else "Memory against length"
    return [figure(f"cost-{quantity}", title, caption, chart, _table(quantity, lengths) or _plain(rows), data)]


def _place(rows: Sequence[dict[str, Any]], one: Any) -> dict[str, Any]:
    """Where the crossing lies on the mechanism's own line."""
    panel = f"{one.pattern}, {one.pattern.words}"
    own = [row for row in rows if row["model"] == panel and row["mechanism"] == one.mechanism]
    at = one.crossing.length
    before, after = next((first, second) for first, second in pairwise(own) if second["length"] >= at)
    share = math.log(at / before["length"]) / math.log(after["length"] / before["length"])
    cost = math.exp((1 - share) * math.log(before["cost"]) + share * math.log(after["cost"]))
    return {"model": panel, "cell": one.mechanism, "mechanism": one.mechanism, "length": at, "cost": cost}


def _table(quantity: str, lengths: Sequence[Any]) -> list[dict[str, Any]]:
    """A row a mechanism and pattern; bounds as text, since they are no lengths."""
    published = {
        row["condition"]["mechanism"]: row["value"]
        for row in published_rows("efficiency_length")
        if row["condition"]["quantity"] == quantity
    }
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in lengths:
        if one.quantity != quantity:
            continue
        own = found.setdefault((one.mechanism, one.pattern), {"mechanism": one.mechanism, "pattern": str(one.pattern)})
        own[f"against {one.baseline}"] = str(one.crossing)
        if quantity == "time":
            own[f"quartiles, {one.baseline}"] = f"{one.high} to {one.low}" if str(one.low) != str(one.high) else ""
        own[f"fit, {one.baseline}"] = "" if one.fit is None else f"{one.fit:.0f}"
        own["cab-2023"] = published.get(one.mechanism)
    return list(found.values())


def _plain(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"pattern": row["model"], **{key: row[key] for key in ("mechanism", "length", "cost")}} for row in rows]


def _axis() -> Any:
    import altair as alt

    return alt.Axis(format="~s", values=[2**power for power in range(4, 20)], labelOverlap=True)
