"""The curves of McKenzie et al. 2023 (arXiv 2306.09479): behind ours, and judged by the same rule as ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from suite.report.charts import BLUE, GREY, ORANGE, PURPLE, Figure, figure, in_panels, labels_of_rows, placed
from suite.report.trends import StoredCurve
from suite.trend.tally import tally
from suite.trend.verdict import DELTA_NATS, DELTA_SHARE, Net, Shape, decide, pooled_stderrs

_PLACES = {"params_total": "params", "train_flops": "train_flops"}
_COLOURS = {
    "inverse": ORANGE,
    "U-shaped": PURPLE,
    "inverted U": "#E6C229",
    "mixed": "#6B6B6B",
    "flat": "#C9CED4",
    "standard": BLUE,
    "insufficient": GREY,
}
_WORDS = {"u_shaped": "U-shaped", "inverted_u": "inverted U"}
_ARROWS = {"lower": "↓", "level": "→", "higher": "↑"}
_NOT_AN_ITEM = "modus-tollens-corrected"  # a figure of the paper on other rows


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a published curve."""

    subtask: str
    family: str
    shape: Shape
    net: Net
    is_doubtful: bool

    def __str__(self) -> str:
        return f"{_WORDS.get(self.shape, self.shape)} {_ARROWS[self.net]}{' ?' if self.is_doubtful else ''}"


def points_behind(curve: StoredCurve, references: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The published points of a curve's task and metric on its axis; none for a control, which nobody has published."""
    place = _PLACES.get(curve.axis)
    if place is None or curve.condition.get("variant") != "trap":
        return []
    return [
        {
            "family": row["condition"]["family"],
            "scale": row["condition"][place],
            "score": row["value"],
            "doubtful": _is_doubtful(row),
        }
        for row in references
        if row["metric"] == curve.metric
        and row["condition"].get("subtask") == curve.condition.get("subtask")
        and place in row["condition"]
    ]


def judged(references: Sequence[Mapping[str, Any]]) -> list[Judged]:
    """Verdicts on the published curves, of accuracy and, for prompt-injection, of loss, in the paper's order.

    Standard errors are those of independent items (Agresti-Coull); losses were published without any.
    """
    from suite.stats import agresti_coull

    curves: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in references:
        condition = row["condition"]
        is_curve = {"params", "n_items"} <= condition.keys() and condition["subtask"] != _NOT_AN_ITEM
        if row["metric"] in ("acc", "loss") and is_curve:
            curves[condition["subtask"], condition["family"], row["metric"]].append(row)
    found = []
    for (subtask, family, metric), rows in curves.items():
        points = sorted(rows, key=lambda row: float(row["condition"]["params"]))
        n, sign = int(points[0]["condition"]["n_items"]), 1.0 if metric == "acc" else -1.0
        stderrs = [agresti_coull(row["value"] * n, n)[0] if metric == "acc" else None for row in points]
        delta = DELTA_SHARE if metric == "acc" else DELTA_NATS
        verdict = decide([sign * row["value"] for row in points], pooled_stderrs(stderrs), n=n, delta=delta)
        found.append(Judged(subtask, family, verdict.shape, verdict.net, any(map(_is_doubtful, points))))
    return found


def verdicts_figure(references: Sequence[Mapping[str, Any]], ours: Sequence[StoredCurve]) -> list[Figure]:
    """How many families have which verdict, by task; the table has each family's, and those of our traps."""
    published = judged(references)
    if not published:
        return []
    by_task: dict[str, list[Judged]] = defaultdict(list)
    for one in published:
        by_task[one.subtask].append(one)
    own = [
        curve
        for curve in ours
        if curve.condition.get("variant") == "trap"
        and curve.metric == ("loss" if curve.condition.get("subtask") == "prompt-injection" else "acc")
    ]
    bars, table = [], []
    for subtask, curves in sorted(by_task.items()):
        counted = tally((one.shape, one.net) for one in curves)
        bars += [
            {
                "model": "families of McKenzie et al. 2023",
                "cell": subtask,
                "verdict": _WORDS.get(shape, shape),
                "families": count,
                "place": list(_COLOURS).index(_WORDS.get(shape, shape)),
            }
            for shape, count in counted.shapes.items()
        ]
        mine = [curve for curve in own if curve.condition.get("subtask") == subtask]
        robust = tally([(cast(Shape, curve.verdict), cast(Net, curve.net)) for curve in mine])
        table.append(
            {
                "task": subtask,
                **{one.family: str(one) for one in curves},
                "net lower": f"{counted.nets.get('lower', 0)} of {counted.n}",
                "robustly inverse": "yes" if counted.is_robustly_inverse else "",
                **({"ours": "; ".join(f"{curve.family}: {curve.words}" for curve in mine)} if own else {}),
                **({"ours robustly inverse": "yes" if robust.is_robustly_inverse else ""} if own else {}),
            }
        )
    caption = (
        "The published curves under the rule that judges ours (delta .03, of losses .10 nats): families by verdict. "
        "Arrows in the table: the last scale against the first. Robustly inverse: two thirds of the families end lower "
        "and none only rises. Question mark: the paper's panels disagree on the order of sizes. "
        f"Of {len(published)} curves one in twenty flat ones would be called something else by chance."
    )
    used = {str(bar["verdict"]) for bar in bars}
    chart = figure("published", "Published curves, judged alike", caption, _bars(used), table, placed(bars))
    return [replace(chart, is_table_open=True)]


def _bars(used: set[str]) -> Any:
    import altair as alt

    kept = {verdict: colour for verdict, colour in _COLOURS.items() if verdict in used}
    colours = alt.Scale(domain=list(kept), range=list(kept.values()))
    bars = (
        alt.Chart()
        .mark_bar()
        .encode(
            x=alt.X("families:Q", title="families", axis=alt.Axis(tickMinStep=1)),
            y=labels_of_rows(),
            color=alt.Color("verdict:N", scale=colours, legend=alt.Legend(orient="top", columns=3)),
            order="place:Q",
            tooltip=["cell:N", "verdict:N", "families:Q"],
        )
    )
    return in_panels(alt.layer(bars, data=alt.NamedData("rows")).properties(width=420, height=alt.Step(24)))


def _is_doubtful(row: Mapping[str, Any]) -> bool:
    return "disagree" in str(row["verified"])
