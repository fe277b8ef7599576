"""Curves over scale: the stored points with their verdicts, the published curves behind them, and what chance gets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from suite.report.charts import BLUE, GREY, ORANGE, Figure, dots_with_intervals, figure, in_panels, placed
from suite.report.queries import RunView

_TASK = "inverse_scaling"
_PUBLISHED_AXES = {"params_total": "params", "train_flops": "train_flops"}
_CURVES = """
SELECT c.family, c.axis, c.metric, c.verdict, c.slope, c.ci_low, c.ci_high, c.note, c.condition,
  p.x, p.value, p.stderr, p.run_id
FROM curves c JOIN points p USING (task, metric, family, axis, condition)
WHERE c.task = 'inverse_scaling' ORDER BY c.metric, c.axis, c.family, c.condition, p.x
"""
_LINES = {"chance": "Dashed: chance. ", "constant_label": "Dotted: what a constant label gets. "}
_DASHES = {"chance": [6, 4], "constant_label": [2, 3]}
_WORDS = {
    "flat": "flat",
    "standard": "standard",
    "inverse": "inverse",
    "u_shaped": "U-shaped",
    "inverted_u": "inverted U",
    "mixed": "mixed",
    "insufficient": "insufficient",
}


def stored_points(runs: Sequence[RunView]) -> list[dict[str, Any]]:
    """The stored points with their curve's verdict, a row each; curves of runs that are not shown are left out."""
    shown = {run.run_id: run for run in runs}
    found = []
    for row in runs[0].store.sql(_CURVES) if runs else []:
        if row["run_id"] not in shown:
            continue
        condition = row["condition"]
        parsed = json.loads(condition) if isinstance(condition, str) else dict(condition)
        cell = {key: str(parsed[key]) for key in ("subtask", "variant") if key in parsed}
        what = " ".join(cell.values()) or "all"
        stderr, run = row["stderr"] or 0.0, shown[row["run_id"]]
        is_plain = row["metric"] == "acc" and "variant" in cell
        lines = {name: run.first(name, **cell) if is_plain else None for name in ("chance", "constant_label")}
        found.append(
            {
                "model": f"{what} ({PurePosixPath(row['family']).name})",
                "cell": str(row["axis"]),
                "metric": str(row["metric"]),
                "subtask": cell.get("subtask", ""),
                "variant": cell.get("variant", ""),
                "scale": row["x"],
                "score": row["value"],
                "low": row["value"] - 1.96 * stderr,
                "high": row["value"] + 1.96 * stderr,
                "verdict": _WORDS.get(str(row["verdict"]), str(row["verdict"])),
                "slope": row["slope"],
                "slope_low": row["ci_low"],
                "slope_high": row["ci_high"],
                "note": str(row["note"]),
                **{name: line["value"] if line else None for name, line in lines.items()},
            }
        )
    return found


def curve_figures(points: Sequence[Mapping[str, Any]], published: Iterable[Mapping[str, Any]]) -> list[Figure]:
    """One figure a metric and axis: a panel a task, variant and family, on a logarithmic scale."""
    known = list(published)
    figures = []
    for number, (metric, axis) in enumerate(dict.fromkeys((row["metric"], row["cell"]) for row in points), start=1):
        own = [row for row in points if (row["metric"], row["cell"]) == (metric, axis) and row["scale"] > 0]
        if not own:
            continue
        behind = [row for model in dict.fromkeys(row["model"] for row in own) for row in _behind(own, model, known)]
        data = [{"kind": "ours", "family": "", **row} for row in own] + behind
        lines = {name for name in _LINES if any(row[name] is not None for row in own)}
        caption = f"{metric} by {axis}, with 95 % intervals of each point. "
        caption += "".join(_LINES[name] for name in sorted(lines))
        if behind:
            caption += (
                "Thin grey: the families of McKenzie et al. 2023 on the released items, read off its figures; they are "
                "for orientation, and sizes of different families are not comparable. "
            )
        title = f"Curves: {metric} by {axis}"
        table = [{name: row[name] for name in ("model", "scale", "score", "low", "high", "verdict")} for row in own]
        figures.append(
            figure(f"curve-{number}", title, caption.strip(), _chart(bool(behind), lines), table, placed(data))
        )
    return figures


def verdict_figure(points: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Slopes of all curves with their intervals; the table is that of the verdicts."""
    curves = list({(row["model"], row["metric"], row["cell"]): row for row in points}.values())
    rows = [
        {
            "model": f"{row['metric']} by {row['cell']}",
            "cell": row["model"],
            "asked": "slope",
            "slope a decade": row["slope"],
            "low": row["slope_low"],
            "high": row["slope_high"],
            "verdict": row["verdict"],
            "net and flags": row["note"],
        }
        for row in curves
    ]
    if not rows:
        return []
    caption = (
        "Least squares slope per tenfold scale, turned so that higher is better, with 95 % intervals over items. The "
        "verdict, which the slope does not decide, stands in the table with the net direction, the places of valleys "
        "and peaks, and flags: insufficient (under two scales or 30 items), two_points, below_chance."
    )
    drawn = [row for row in rows if row["slope a decade"] is not None]
    chart = dots_with_intervals(drawn or rows, value="slope a decade", colours={"slope": BLUE}, domain=None)
    return [figure("verdicts", "Verdicts and slopes", caption, chart, rows, placed(drawn or rows))]


def _behind(
    own: Sequence[Mapping[str, Any]], model: str, published: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The published points of a panel's task, on its axis; none for a control, which nobody has published."""
    row = next(row for row in own if row["model"] == model)
    place = _PUBLISHED_AXES.get(row["cell"])
    if place is None or row["variant"] == "control":
        return []
    return [
        {
            "kind": "published",
            "model": model,
            "cell": row["cell"],
            "family": reference["condition"]["family"],
            "scale": reference["condition"][place],
            "score": reference["value"],
        }
        for reference in published
        if reference["metric"] == row["metric"]
        and reference["condition"].get("subtask") == row["subtask"]
        and place in reference["condition"]
    ]


def _chart(has_published: bool, lines: set[str]) -> Any:
    """Published lines, chance and constant label, then the user's points with intervals."""
    import altair as alt

    x = alt.X("scale:Q", title="scale", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s"))
    base, value = alt.Chart().encode(x=x), alt.Y("score:Q", title=None)
    ours = base.transform_filter("datum.kind == 'ours'")
    told = [alt.Tooltip(f"{name}:N") for name in ("model", "verdict", "note")]
    layers: list[Any] = []
    if has_published:
        theirs = base.transform_filter("datum.kind == 'published'").encode(y=value, detail="family:N")
        layers.append(theirs.mark_line(color=GREY, strokeWidth=1, opacity=0.55))
        dots = theirs.mark_point(color=GREY, size=12, opacity=0.55, filled=True)
        layers.append(dots.encode(tooltip=alt.Tooltip("family:N")))
    flat = alt.Chart().transform_filter("datum.kind == 'ours'")
    for name in sorted(lines):
        rule = flat.transform_filter(f"isValid(datum.{name})").mark_rule(color=GREY, strokeDash=_DASHES[name])
        layers.append(rule.encode(y=alt.Y(f"mean({name}):Q", title=None)))
    layers += [
        ours.mark_rule(strokeWidth=2, color=ORANGE, opacity=0.6).encode(y=alt.Y("low:Q", title=None), y2="high:Q"),
        ours.mark_line(color=ORANGE, strokeWidth=2).encode(y=value),
        ours.mark_point(filled=True, size=70, color=ORANGE, opacity=1).encode(y=value, tooltip=told),
    ]
    return in_panels(alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=170))
