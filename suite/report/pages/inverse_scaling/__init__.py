"""Inverse scaling's page: each trap beside its control, and the curves that `unreason trend` has stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.report.charts import BLUE, ORANGE, Figure, dots_with_intervals, figure, placed
from suite.report.content import Measured, Summary, SummaryRow, TaskPage
from suite.report.pages.inverse_scaling.curves import curve_figures, stored_points, verdict_figure
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


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    curves = stored_points(runs)
    published = runs[0].store.references("inverse_scaling") if curves else []
    figures = [*curve_figures(curves, published), *verdict_figure(curves), *_accuracy_figure(runs)]
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
