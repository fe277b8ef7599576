"""Inverse scaling's page: each trap beside its control, and the curves that `unreason trend` has stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from suite.report.charts import BLUE, ORANGE, Figure, dots_with_intervals, figure, placed
from suite.report.content import Measured, Summary, SummaryRow, TaskPage
from suite.report.pages.inverse_scaling.published import points_behind, verdicts_figure
from suite.report.queries import RunView
from suite.report.trends import Look, StoredCurve, stored_curves, trend_figures

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
_COLUMNS = ("task", "mode", "trap", "control", "trap cost", "chance", "constant label", "coverage", "note")
_TITLES = {
    "acc": "Accuracy",
    "acc_norm": "Accuracy by character",
    "loss": "Loss in nats",
    "trap": "Share of traps taken",
    "coverage": "Probability of any of the answers",
    "acc, control minus trap": "Trap cost in accuracy",
}
_BEHIND = (
    "Thin grey: published, the families of McKenzie et al. 2023 on the released items, read off its figures (dashed: "
    "its panels disagree on the sizes); for orientation, since sizes of different families are not comparable. "
)
_READING = (
    "Accuracy on traps and on their controls, and the paired difference. Below the chance line a model does not guess: "
    "it is led astray."
)


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    curves = stored_curves(runs)
    published = runs[0].store.references("inverse_scaling")
    look = Look(
        arm="variant",
        colours=_COLOURS,
        titles=_TITLES,
        lines=_lines,
        behind=lambda curve: points_behind(curve, published),
        behind_words=_BEHIND,
    )
    figures = [*trend_figures(curves, look), *_accuracy_figure(runs), *verdicts_figure(published, curves)]
    return TaskPage(_finding(curves), _MEASURES, _summary(runs), figures, _METHODS)


def _lines(curve: StoredCurve, run: RunView) -> dict[str, float | None]:
    """What chance and a constant label get on the trap's items."""
    if curve.metric != "acc" or curve.condition.get("variant") != TRAP:
        return {}
    cell = {key: str(curve.condition[key]) for key in ("subtask", "variant") if key in curve.condition}
    found = {name: run.first(name, **cell) for name in ("chance", "constant_label")}
    return {name: metric["value"] if metric else None for name, metric in found.items()}


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


def _finding(curves: Sequence[StoredCurve]) -> str:
    """The verdicts on traps, and whether controls fall too: only then did the models get worse at the form."""
    traps = [curve for curve in curves if curve.metric == "acc" and curve.condition.get("variant") == TRAP]
    known = [curve for curve in traps if curve.verdict != "insufficient"]
    if not known:
        return ""
    falling = [curve for curve in known if curve.verdict == "inverse"]
    if not falling:
        return f"None of {len(known)} curves of accuracy on traps is inverse."
    first = falling[0]
    controls = [
        curve
        for curve in curves
        if (curve.metric, curve.axis, curve.family) == (first.metric, first.axis, first.family)
        and curve.condition == {**first.condition, "variant": CONTROL}
    ]
    beside = f"; its control is {controls[0].words}" if controls else ""
    what = f"{first.condition.get('subtask', '')} of {PurePosixPath(first.family).name}"
    return (
        f"{len(falling)} of {len(known)} curves of accuracy on traps are inverse, and {what} is {first.words}{beside}."
    )


def _summary(runs: Sequence[RunView]) -> Summary | None:
    rows = []
    for run in runs:
        for trap in run.named("acc", variant=TRAP):
            task = str(trap["condition"].get("subtask", ""))
            control = run.first("acc", subtask=task, variant=CONTROL)
            cost, chance = run.first("trap_cost", subtask=task), run.first("chance", subtask=task, variant=TRAP)
            more = (run.first(name, subtask=task, variant=TRAP) for name in ("constant_label", "coverage"))
            cells = (Measured.of(metric) for metric in (trap, control, cost, chance, *more))
            rows.append(SummaryRow(run, (task, trap["mode"] or "", *cells, str(trap["note"]).partition(":")[0])))
    return Summary(_COLUMNS, rows, ("task", "mode"), _READING).without_empty_columns() if rows else None
