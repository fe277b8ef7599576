"""Curves over scale on the page of any task: what `unreason trend` has stored, with the verdict of each curve.

One figure a metric and axis, one panel a condition and family; arms of the same question, such as a trap and its
control, share a panel. A page may put published curves behind them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from suite.report.charts import BLUE, GREY, LABEL_BREAK, Figure, dots_with_intervals, figure, placed
from suite.report.content import Measured
from suite.report.queries import RunView
from suite.trend.axes import AXES

if TYPE_CHECKING:
    import altair

_CURVES = """
SELECT c.family, c.axis, c.metric, c.verdict, c.slope, c.ci_low, c.ci_high, c.note, c.condition, c.task,
  p.x, p.value, p.stderr, p.run_id
FROM curves c JOIN points p USING (task, metric, family, axis, condition)
ORDER BY c.metric, c.axis, c.family, c.condition, p.x
"""
_WORDS = {"u_shaped": "U-shaped", "inverted_u": "inverted U"}
_NET = {"lower": "net worse", "level": "level", "higher": "net better"}  # a loss that falls gets better
_LINES = {"chance": "Dashed: chance. ", "constant_label": "Dotted: what a constant label gets. "}
_DASHES = {"chance": [6, 4], "constant_label": [2, 3]}
_KEPT = ("mode", "n")  # what the store adds to a curve's condition


@dataclass(frozen=True, slots=True)
class StoredCurve:
    """A curve as the database has it, with those of its points whose runs are shown.

    Attributes:
        slope: a decade, higher is better, with its interval over items.
        net: "lower", "level" or "higher"; flags: what else is to be known.
        n: items of each point.
        points: x, value, stderr and run (a `RunView`), by scale.
    """

    metric: str
    axis: str
    family: str
    condition: Mapping[str, Any]
    mode: str
    n: int
    verdict: str
    slope: Measured
    net: str
    flags: str
    points: Sequence[Mapping[str, Any]]

    @property
    def words(self) -> str:
        """The verdict with the net direction."""
        if self.verdict == "insufficient":
            return self.verdict
        return f"{_WORDS.get(self.verdict, self.verdict)}, {_NET.get(self.net, self.net)}"


@dataclass(frozen=True, slots=True)
class Look:
    """How a task's curves are drawn.

    Attributes:
        arm: key of the condition whose values share a panel, and `colours`, value -> colour; words of ours.
        titles: metric -> what it is called.
        lines: gives the heights of the chance and constant-label lines of a curve's point, where there are any.
        behind: gives published points (family, scale, score, doubtful) of a curve; `behind_words` say whose.
    """

    arm: str = ""
    colours: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    lines: Callable[[StoredCurve, RunView], Mapping[str, float | None]] = lambda _curve, _run: {}
    behind: Callable[[StoredCurve], Sequence[Mapping[str, Any]]] = lambda _curve: ()
    behind_words: str = ""

    def arm_of(self, curve: StoredCurve) -> str:
        value = str(curve.condition.get(self.arm, ""))
        return value if value in self.colours else ""


def stored_curves(runs: Sequence[RunView]) -> list[StoredCurve]:
    """The stored curves of the runs' task, in a fixed order; points of runs that are not shown are left out."""
    shown = {run.run_id: run for run in runs}
    found: dict[tuple[str, str, str, str], StoredCurve] = {}
    for row in runs[0].store.sql(_CURVES) if runs else []:
        if row["run_id"] not in shown or row["task"] != runs[0].row["task"]:
            continue
        said = row["condition"]
        key = str(row["metric"]), str(row["axis"]), str(row["family"]), str(said)
        if key not in found:
            condition = json.loads(said) if isinstance(said, str) else dict(said)
            net, _, flags = str(row["note"]).removeprefix("net ").partition("; ")
            found[key] = StoredCurve(
                *key[:3],  # metric, axis, family
                {name: value for name, value in condition.items() if name not in _KEPT},
                str(condition.get("mode", "")),
                int(condition.get("n", 0)),
                str(row["verdict"]),
                Measured(row["slope"], row["ci_low"], row["ci_high"]),
                net,
                flags,
                [],
            )
        point = {name: row[name] for name in ("x", "value", "stderr")} | {"run": shown[row["run_id"]]}
        found[key] = replace(found[key], points=[*found[key].points, point])
    return list(found.values())


def trend_figures(curves: Sequence[StoredCurve], look: Look | None = None) -> list[Figure]:
    """A figure a metric and axis, and one of all slopes with the table of verdicts."""
    look = look or Look()
    groups: dict[tuple[str, str], list[StoredCurve]] = {}
    for curve in curves:
        groups.setdefault((curve.metric, curve.axis), []).append(curve)
    figures = [_curve_figure(f"curve-{number}", own, look) for number, own in enumerate(groups.values(), start=1)]
    return [*figures, *_verdict_figure(curves, look)]


def panels(curves: Sequence[StoredCurve], look: Look) -> dict[int, str]:
    """What each curve's panel is called, by the curve's place: what tells its condition and family from the others'."""
    conditions = [{key: value for key, value in curve.condition.items() if key != look.arm} for curve in curves]
    keys = dict.fromkeys(key for condition in conditions for key in condition)
    telling = {key for key in keys if key == "subtask" or len({str(one.get(key)) for one in conditions}) > 1}
    names = {}
    for at, (curve, condition) in enumerate(zip(curves, conditions, strict=True)):
        told = [(key, value) for key, value in condition.items() if key in telling]
        words = " ".join(str(value) if isinstance(value, str) else f"{key}={value}" for key, value in told)
        family = PurePosixPath(curve.family).name
        names[at] = f"{words} ({family})" if words else family
    return names


def _curve_figure(key: str, curves: Sequence[StoredCurve], look: Look) -> Figure:
    metric, axis = curves[0].metric, curves[0].axis
    names = panels(curves, look)
    titles = {name: LABEL_BREAK.join([name, *_verdicts_of(curves, names, name, look)]) for name in names.values()}
    arms = {at: look.arm_of(curve) for at, curve in enumerate(curves)}
    own = [row for at, curve in enumerate(curves) for row in _points(curve, titles[names[at]], arms[at], look)]
    behind = [
        {"kind": "published", "model": titles[names[at]], "cell": axis, **row}
        for at, curve in enumerate(curves)
        for row in look.behind(curve)
    ]
    lines = [name for name in _LINES if any(row.get(name) is not None for row in own)]
    drawn_arms = {arm: colour for arm, colour in look.colours.items() if arm in arms.values()}
    title = f"{look.titles.get(metric, metric)} by {AXES[axis][0] if axis in AXES else axis}"
    caption = f"{title}, with 95 % intervals of each point, and the verdict over each panel. "
    caption += "".join(_LINES[name] for name in lines) + (look.behind_words if behind else "")
    table = [
        {
            "curve": f"{names[at]} {arms[at]}".strip(),
            "model": point["run"].label,
            axis: point["x"],
            metric: Measured(point["value"], *_interval(point)),
            "items": curve.n,
        }
        for at, curve in enumerate(curves)
        for point in curve.points
    ]
    chart = _chart(own, drawn_arms, lines, AXES.get(axis, (axis, False))[0], behind)
    return figure(key, title, caption.strip(), chart, table, placed([*own, *behind]))


def _verdicts_of(curves: Sequence[StoredCurve], names: Mapping[int, str], name: str, look: Look) -> list[str]:
    own = [curve for at, curve in enumerate(curves) if names[at] == name]
    return [f"{look.arm_of(curve)}: {curve.words}" if look.arm_of(curve) else curve.words for curve in own]


def _points(curve: StoredCurve, title: str, arm: str, look: Look) -> list[dict[str, Any]]:
    rows = []
    for point in curve.points:
        low, high = _interval(point)
        rows.append(
            {
                "kind": "ours",
                "model": title,
                "cell": curve.axis,
                "arm": arm,
                "of": point["run"].label,
                "scale": point["x"],
                "score": point["value"],
                "low": low,
                "high": high,
                **look.lines(curve, point["run"]),
            }
        )
    return rows


def _interval(point: Mapping[str, Any]) -> tuple[float, float]:
    half = 1.96 * (point["stderr"] or 0.0)
    return point["value"] - half, point["value"] + half


def _verdict_figure(curves: Sequence[StoredCurve], look: Look) -> list[Figure]:
    """Slopes of all curves with their intervals; the table, which is the thing, has the verdicts."""
    if not curves:
        return []
    names = panels(curves, look)
    table, drawn = [], []
    for at, curve in enumerate(curves):
        arm = look.arm_of(curve)
        measured = f"{look.titles.get(curve.metric, curve.metric)} by {AXES.get(curve.axis, (curve.axis,))[0]}"
        what = f"{names[at]}{LABEL_BREAK}{arm}" if arm else names[at]
        slope = curve.slope
        table.append(
            {
                "curve": what.replace(LABEL_BREAK, " "),
                "metric": measured,
                "verdict": _WORDS.get(curve.verdict, curve.verdict),
                "first to last": _NET.get(curve.net, curve.net) if slope.value is not None else "",
                "slope a decade": slope,
                "scales": len(curve.points),
                "items": curve.n,
                "places and flags": curve.flags,
            }
        )
        if slope.value is not None:
            row = {"model": measured, "cell": what, "slope a decade": slope.value}
            drawn.append({**row, "low": slope.low, "high": slope.high, "curve": arm or "slope"})
    caption = (
        "The verdict is fixed beforehand and does not hang on the slope, which is that of a least squares line per "
        "tenfold scale, turned so that higher is better, with its 95 % interval over items. Insufficient: under two "
        "scales or 30 items. two_points: a line through two models; few_items: under 300; below_chance: the whole "
        "interval of the last point."
    )
    colours = {**look.colours, "slope": BLUE}
    used = {row["curve"] for row in drawn}
    kept = {arm: colour for arm, colour in colours.items() if arm in used} or colours
    empty = [{"model": "", "cell": "", "slope a decade": None, "low": None, "high": None, "curve": "slope"}]
    rows = drawn or empty
    chart = dots_with_intervals(rows, value="slope a decade", colours=kept, by="curve", domain=None)
    chart = chart.resolve_scale(x="independent")  # shares and nats have little in common
    return [replace(figure("verdicts", "Verdicts and slopes", caption, chart, table, placed(rows)), is_table_open=True)]


def _chart(
    own: Sequence[Mapping[str, Any]],
    arms: Mapping[str, str],
    lines: Sequence[str],
    axis: str,
    behind: Sequence[Mapping[str, Any]],
) -> altair.FacetChart:
    """Published lines, chance and constant label, then our points with intervals; a point at 0 stands at the left."""
    import altair as alt

    positive = [row["scale"] for row in (*own, *behind) if row["scale"] > 0]
    has_zero = len(positive) < len(own) + len(behind)
    scale = alt.Scale(type="symlog", constant=min(positive, default=1)) if has_zero else alt.Scale(type="log")
    x = alt.X("scale:Q", title=axis, scale=scale, axis=alt.Axis(format="~s", labelSeparation=8))
    value = alt.Y("score:Q", title=None, scale=alt.Scale(zero=False))
    base = alt.Chart().encode(x=x)
    ours = base.transform_filter("datum.kind == 'ours'")
    layers: list[Any] = []
    if behind:
        theirs = base.transform_filter("datum.kind == 'published'")
        dashes = alt.condition("datum.doubtful", alt.value([3, 2]), alt.value([1, 0]))
        line = theirs.mark_line(color=GREY, strokeWidth=1, opacity=0.6)
        layers.append(line.encode(y=value, detail=["family:N", "doubtful:N"], strokeDash=dashes))
        dots = theirs.mark_point(color=GREY, size=12, opacity=0.6, filled=True)
        told = [alt.Tooltip("family:N", title="published"), "scale:Q", "score:Q"]
        layers.append(dots.encode(y=value, tooltip=told))
    flat = alt.Chart().transform_filter("datum.kind == 'ours'")
    for name in lines:
        rule = flat.transform_filter(f"isValid(datum.{name})").mark_rule(color=GREY, strokeDash=_DASHES[name])
        layers.append(rule.encode(y=alt.Y(f"mean({name}):Q", title=None)))
    colour: Any = alt.value(BLUE)
    shape: Any = alt.value("circle")
    if arms:
        legend = alt.Legend(orient="top", columns=2)
        colour = alt.Color("arm:N", scale=alt.Scale(domain=list(arms), range=list(arms.values())), legend=legend)
        shape = alt.Shape("arm:N", scale=alt.Scale(domain=list(arms)))
    told = [alt.Tooltip(f"{name}:N") for name in ("of", "arm")]
    told += [alt.Tooltip(f"{name}:Q", format=".4~g") for name in ("scale", "score", "low", "high")]
    layers += [
        ours.mark_rule(strokeWidth=2, opacity=0.6).encode(y=alt.Y("low:Q", title=None), y2="high:Q", color=colour),
        ours.mark_line(strokeWidth=2).encode(y=value, color=colour),
        ours.mark_point(filled=True, size=70, opacity=1).encode(y=value, color=colour, shape=shape, tooltip=told),
    ]
    chart = alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=170)
    header = alt.Header(labelExpr=f"split(datum.label, '{LABEL_BREAK}')", labelLineHeight=15, labelAnchor="start")
    facet = alt.Facet("model:N", title=None, sort=alt.EncodingSortField("panel", op="min"), header=header)
    return chart.facet(facet=facet, columns=3).resolve_axis(x="independent")
