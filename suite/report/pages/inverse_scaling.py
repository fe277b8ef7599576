"""Inverse scaling's page: each trap beside its control, and the curves that `unreason trend` has stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from suite.report.charts import BLUE, GREY, ORANGE, Figure, dots_with_intervals, figure, in_panels, placed
from suite.report.content import Measured, Summary, SummaryRow, TaskPage
from suite.report.queries import RunView

TRAP, CONTROL = "trap", "control"
_COLOURS = {TRAP: ORANGE, CONTROL: BLUE}
_MEASURES = (
    "Questions on which larger models were found to do worse, because a strong prior, imitation, a distractor or a "
    "spurious example leads astray. Each generated question has a twin without the trap, so that falling for the trap "
    "can be told from failing at the format. One run scores one model; the verdict is on curves over models."
)
_METHODS = (
    (
        "verdict on a curve",
        "A change between two scales counts if it is at least delta (.03 for shares, .10 nats for losses) and clear of "
        "chance at 5 % for the whole curve (Bonferroni over pairs; paired errors on the same items). Rises only: "
        "standard. Falls only: inverse. A fall before a rise: U-shaped; a rise before a fall: inverted U; both: mixed; "
        "neither: flat. Net compares the last scale with the first: a U that ends lower is no recovery.",
    ),
)
_COLUMNS = ("task", "mode", "trap", "control", "trap cost", "chance", "note")
_READING = (
    "Accuracy on traps and on their controls, and the paired difference. Below the chance line a model does not guess: "
    "it is led astray."
)
_CURVES = """
SELECT c.family, c.axis, c.metric, c.verdict, c.note, c.condition, p.x, p.value, p.stderr
FROM curves c JOIN points p USING (task, metric, family, axis, condition)
WHERE c.task = 'inverse_scaling' ORDER BY c.metric, c.family, c.axis, c.condition, p.x
"""


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    curves = _curves(runs)
    figures = [*_curve_figures(curves), *_accuracy_figure(runs)]
    return TaskPage(_finding(curves), _MEASURES, _summary(runs), figures, _METHODS)


def _accuracy_figure(runs: Sequence[RunView]) -> list[Figure]:
    rows: list[dict[str, Any]] = []
    for run in runs:
        for metric in run.named("acc"):
            condition = metric["condition"]
            if condition.get("variant") not in _COLOURS or metric["value"] is None:
                continue
            chance = run.first("chance", **{key: condition[key] for key in ("subtask", "variant") if key in condition})
            line = chance["value"] if chance else None
            rows.append(
                {
                    "model": run.label,
                    "cell": str(condition.get("subtask", "")),
                    "asked": condition["variant"],
                    "accuracy": metric["value"],
                    "low": metric["ci_low"],
                    "high": metric["ci_high"],
                    "chance": line,
                    "chance_low": line,
                    "chance_high": line,
                    "note": metric["note"],
                }
            )
    if not rows:
        return []
    caption = (
        "Accuracy on questions with the trap and on their twins without it, with 95 % intervals over scenarios. Grey: "
        "chance. A wide gap is the trap's work; two low dots are a model that cannot do the task at all."
    )
    chart = dots_with_intervals(rows, value="accuracy", colours=_COLOURS)
    return [figure("accuracy", "Trap against control", caption, chart, rows, placed(rows))]


def _curves(runs: Sequence[RunView]) -> list[dict[str, Any]]:
    """The stored points with their curve's verdict, a row each."""
    rows = runs[0].store.sql(_CURVES) if runs else []
    found = []
    for row in rows:
        condition = row["condition"]
        parsed = json.loads(condition) if isinstance(condition, str) else dict(condition)
        stderr = row["stderr"] or 0.0
        what = " ".join(str(parsed[key]) for key in ("subtask", "variant") if key in parsed)
        found.append(
            {
                "model": f"{what or 'all'} ({PurePosixPath(row['family']).name})",
                "cell": str(row["axis"]),
                "metric": str(row["metric"]),
                "scale": row["x"],
                "score": row["value"],
                "low": row["value"] - 1.96 * stderr,
                "high": row["value"] + 1.96 * stderr,
                "verdict": str(row["verdict"]),
                "note": str(row["note"]),
            }
        )
    return found


def _curve_figures(curves: Sequence[dict[str, Any]]) -> list[Figure]:
    """One figure a metric: a panel a task and family, on a logarithmic scale."""
    import altair as alt

    figures = []
    for number, metric in enumerate(dict.fromkeys(row["metric"] for row in curves), start=1):
        rows = [row for row in curves if row["metric"] == metric and row["scale"] > 0]
        if not rows:
            continue
        x = alt.X("scale:Q", title="scale", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s"))
        base = alt.Chart().encode(x=x)
        value = alt.Y("score:Q", title=None)
        tooltip = [alt.Tooltip(f"{name}:N") for name in ("model", "cell", "verdict", "note")]
        layers = [
            base.mark_rule(strokeWidth=2, color=GREY).encode(y=alt.Y("low:Q", title=None), y2="high:Q"),
            base.mark_line(color=ORANGE).encode(y=value),
            base.mark_point(filled=True, size=70, color=ORANGE, opacity=1).encode(y=value, tooltip=tooltip),
        ]
        chart = alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=160)
        caption = (
            f"{metric} by scale, with 95 % intervals of each point. The verdict of each curve, which takes the pairing "
            "of items into account, is in the table."
        )
        figures.append(figure(f"curve-{number}", f"Curves: {metric}", caption, in_panels(chart), rows, placed(rows)))
    return figures


def _finding(curves: Sequence[dict[str, Any]]) -> str:
    verdicts = {(row["model"], row["metric"], row["cell"]): (row["verdict"], row["note"]) for row in curves}
    falling = [(key, note) for key, (verdict, note) in verdicts.items() if verdict == "inverse"]
    if not verdicts:
        return ""
    if not falling:
        return f"None of {len(verdicts)} curves is inverse."
    (model, metric, axis), note = falling[0]
    return f"{len(falling)} of {len(verdicts)} curves are inverse, among them {metric} of {model} by {axis} ({note})."


def _summary(runs: Sequence[RunView]) -> Summary | None:
    rows = []
    for run in runs:
        for trap in run.named("acc", variant=TRAP):
            task = str(trap["condition"].get("subtask", ""))
            control = run.first("acc", subtask=task, variant=CONTROL)
            cost, chance = run.first("trap_cost", subtask=task), run.first("chance", subtask=task, variant=TRAP)
            cells = (Measured.of(metric) for metric in (trap, control, cost, chance))
            rows.append(SummaryRow(run, (task, trap["mode"] or "", *cells, str(trap["note"]).partition(":")[0])))
    return Summary(_COLUMNS, rows, ("task", "mode"), _READING).without_empty_columns() if rows else None
