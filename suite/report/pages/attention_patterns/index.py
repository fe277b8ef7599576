"""The compositional index beside the published one, the benefit of attention, and quality against speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from suite.attention.patterns import Pattern
from suite.attention.published import rows as published_rows
from suite.report.charts import BLUE, ORANGE, Figure, dots_with_intervals, figure, in_panels, placed
from suite.report.pages.attention_patterns.merged import Rows
from tasks.attention_patterns.standing import Standing

_OURS, _ROBUST, _CAB = "here", "here, robust", "cab-2023"


def index_figures(standings: Sequence[Standing]) -> list[Figure]:
    """One figure a setting: CI by pattern and mechanism."""
    return [found for number, one in enumerate(standings, 1) for found in _index_figure(one, number)]


def benefit_figures(standings: Sequence[Standing]) -> list[Figure]:
    """What attention is good for, by task."""
    found = []
    for number, one in enumerate(standings, 1):
        rows = [
            {
                "model": _words(pattern),
                "cell": task,
                "asked": "vanilla - none",
                "difference": value,
                "low": value,
                "high": value,
            }
            for (pattern, task), value in one.benefit.items()
            if value is not None
        ]
        if rows:
            caption = (
                "Task score of vanilla attention less that of no attention, in standard deviations over mechanisms. "
                "At or below 0 the task needs no attention of that pattern. Each panel has a scale of its own"
                f"{_setting(one)}."
            )
            chart = dots_with_intervals(rows, value="difference", colours={"vanilla - none": BLUE}, domain=None)
            chart = chart.resolve_scale(x="independent")  # one pattern may need attention far more than the others
            found.append(figure(f"benefit-{number}", "Benefit of attention", caption, chart, rows, placed(rows)))
    return found


def speed_figures(standings: Sequence[Standing], measured: Sequence[Any]) -> list[Figure]:
    """CI against the time of one pass at the longest length that all were measured at."""
    longest = max((cost.length for cost in measured), default=0)
    times = {(cost.mechanism, cost.pattern): cost.time_s for cost in measured if cost.length == longest}
    found = []
    for number, one in enumerate(standings, 1):
        rows = [
            {
                "model": _words(index.pattern),
                "cell": index.method,
                "seconds": times[index.method, index.pattern],
                "index": index.value,
            }
            for index in one.plain
            if index.value is not None and (index.method, index.pattern) in times and index.method != "none"
        ]
        if rows:
            caption = (
                f"Compositional index against the time of one forward pass at length {longest:,}; the better ones are "
                f"top left{_setting(one)}."
            )
            found.append(figure(f"speed-{number}", "Quality against speed", caption, _scatter(), rows, placed(rows)))
    return found


def finding(standings: Sequence[Standing], lengths: Sequence[Any]) -> str:
    """The best index of each pattern, and who is cheaper than both baselines in time."""
    parts = []
    for one in standings[:1]:
        best: dict[Pattern, Any] = {}
        for index in one.plain:
            if index.value is not None and index.method not in ("none", "sdpa"):
                best.setdefault(index.pattern, index)
        told = [f"{pattern} {index.method} ({index.value:.2f})" for pattern, index in best.items()]
        if told:
            parts.append(f"Highest compositional index: {', '.join(told)}.")
    by_pair: dict[tuple[str, str], list[Any]] = {}
    for one in lengths:
        if one.quantity == "time":
            by_pair.setdefault((one.mechanism, one.pattern), []).append(one)
    wins = sum(all(one.crossing.bound != ">" for one in both) for both in by_pair.values())
    if by_pair:
        parts.append(
            f"{wins} of {len(by_pair)} pairs of mechanism and pattern become faster than both baselines within the "
            "measured lengths."
        )
    return " ".join(parts)


def _index_figure(one: Standing, number: int) -> list[Figure]:
    ours = {_OURS: one.plain, _ROBUST: one.robust}
    dots = [
        (index.pattern, index.method, kind, index.value)
        for kind, indices in ours.items()
        for index in indices
        if index.value is not None
    ]
    shown = {(pattern, method) for pattern, method, _, _ in dots}
    for row in published_rows("index"):
        at = row["condition"]
        if at["task"] == "avg" and (Pattern(at["pattern"]), at["mechanism"]) in shown:
            dots.append((Pattern(at["pattern"]), at["mechanism"], _CAB, row["value"]))
    order = list(Pattern)
    rows = [
        {"model": _words(pattern), "cell": method, "asked": kind, "index": value, "low": value, "high": value}
        for pattern, method, kind, value in sorted(dots, key=lambda dot: (order.index(dot[0]), dot[1], dot[2]))
    ]
    if not rows:
        return []
    caption = (
        "Mean over a pattern's tasks of standardised scores; 0 is the mean of each population's mechanisms, higher "
        "is better. Only mechanisms that have every task of a pattern. cab-2023: the published index, of other data, "
        "sizes and mechanisms, for orientation. The table adds the robust form, each task's score, and the control "
        f"none, which is in no population{_setting(one)}."
    )
    drawn = [row for row in rows if row["asked"] != _ROBUST and row["cell"] != "none"]
    chart = dots_with_intervals(drawn or rows, value="index", colours={_OURS: BLUE, _CAB: ORANGE}, domain=None)
    table: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        own = table.setdefault(
            (str(row["model"]), str(row["cell"])), {"pattern": row["model"], "mechanism": row["cell"]}
        )
        own[str(row["asked"])] = row["index"]
    for index in one.plain:
        own = table.get((_words(index.pattern), index.method), {})
        if own:
            own["less vanilla"] = index.delta
            own.update({task: score for task, score in index.tasks.items() if score is not None})
    columns = dict.fromkeys(
        ["pattern", "mechanism", _OURS, _ROBUST, _CAB, "less vanilla", *(key for row in table.values() for key in row)]
    )
    whole = [{key: row.get(key) for key in columns} for row in table.values()]
    title = "Compositional index"
    return [figure(f"index-{number}", title, caption, chart, whole, placed(drawn or rows))]


def _scatter() -> Any:
    import altair as alt

    x = alt.X("seconds:Q", title="seconds a pass", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s"))
    base = alt.Chart().encode(x=x, y=alt.Y("index:Q", title="index", scale=alt.Scale(zero=False)))
    told = [
        alt.Tooltip("cell:N", title="mechanism"),
        alt.Tooltip("seconds:Q", format=".3~g"),
        alt.Tooltip("index:Q", format=".2f"),
    ]
    dots = base.mark_point(filled=True, size=70, opacity=1, color=BLUE).encode(tooltip=told)
    names = base.mark_text(align="left", dx=7, fontSize=10).encode(text="cell:N")
    return in_panels(alt.layer(dots, names, data=alt.NamedData("rows")).properties(width=230, height=240))


def _words(pattern: Pattern) -> str:
    return f"{pattern}, {pattern.words}"


def _setting(one: Standing) -> str:
    size, data = one.setting
    return f" (size {size}, {'generated data' if data == 'generated' else data})"


def rows_of(rows: Rows, experiment: str) -> list[tuple[str, Any]]:
    """(mechanism, metric) of one experiment, with a finite value."""
    return [
        (name, row)
        for name, metrics in rows.items()
        for row in metrics
        if row["condition"]["experiment"] == experiment and row["value"] is not None and math.isfinite(row["value"])
    ]
