"""Charts of the controls beside the bare question, and of the track with real people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.report.charts import BLUE, LABEL_BREAK, ORANGE, PALETTE, Figure, dots_with_intervals, figure, placed
from suite.report.pages.reversal_curse.cells import REVERSE, cells
from suite.report.queries import RunView

_CONTROLS = {
    "none": ("em", "no help"),
    "ctx": ("em", f"fact in the prompt{LABEL_BREAK}ctx"),
    "ctx_k": ("em", f"among other facts{LABEL_BREAK}ctx_k"),
    "fresh": ("em", f"facts never shown{LABEL_BREAK}fresh"),
    "mc_letter": ("mc_letter", f"four lettered options{LABEL_BREAK}mc_letter"),
}
_REAL = {
    "mean": "right answers",
    "lenient": "name anywhere",
    "refusal": "refusals",
    "prob": "probability of the name",
}


def control_figure(runs: Sequence[RunView]) -> list[Figure]:
    """Reverse questions with and without help, of the runs that have a control."""
    rows = [row for run in runs for row in _control_rows(run)]
    if not rows:
        return []
    colours = dict(zip(dict.fromkeys(row["asked"] for row in rows), PALETTE, strict=False))
    known = {row["cell"] for row in rows}
    order = [words for _, words in _CONTROLS.values() if words in known]
    chart = dots_with_intervals(rows, value="share right", colours=colours)
    caption = (
        "Reverse questions alone, and with help. A capable model should be near 1 with the fact in the prompt, and at "
        "chance about facts that it was never shown. Lettered options let a model use the trained direction: read them "
        "beside the open question only. Grey: chance."
    )
    return [figure("controls", "Controls", caption, chart, rows, placed(rows, order))]


def _control_rows(run: RunView) -> list[dict[str, Any]]:
    rows = []
    controls = set()
    for control, (name, words) in _CONTROLS.items():
        chances = {cell: metric["value"] for cell, metric in cells(run, f"{name}_chance", control)}
        for cell, metric in cells(run, name, control):
            if cell.asked != REVERSE:
                continue
            controls.add(control)
            chance = chances.get(cell)
            rows.append(
                {
                    "model": run.label,
                    "cell": words,
                    "asked": cell.label.replace(LABEL_BREAK, ", "),
                    "share right": metric["value"],
                    "low": metric["ci_low"],
                    "high": metric["ci_high"],
                    "chance": chance,
                    "chance_low": chance,
                    "chance_high": chance,
                    "mode": metric["mode"],
                    "note": metric["note"],
                }
            )
    return rows if controls - {"none"} else []


def real_figure(runs: Sequence[RunView]) -> list[Figure]:
    """Forward against reverse for people and their parents."""
    rows = []
    for run in runs:
        for name, words in _REAL.items():
            for metric in run.named(name, track="real"):
                condition = metric["condition"]
                hidden = "last_word" in condition or condition.get("decoding") == "greedy"
                if metric["value"] is None or hidden or condition.get("direction") not in ("forward", "reverse"):
                    continue
                rows.append(
                    {
                        "model": run.label,
                        "cell": f"{words}{LABEL_BREAK}{condition.get('rows', 'file')} set",
                        "asked": condition["direction"],
                        "share": metric["value"],
                        "low": metric["ci_low"],
                        "high": metric["ci_high"],
                        "mode": metric["mode"],
                        "note": metric["note"],
                    }
                )
    if not rows:
        return []
    chart = dots_with_intervals(rows, value="share", colours={"forward": BLUE, "reverse": ORANGE})
    caption = (
        "Real people: “Who is CHILD’s mother?” (forward) against “Name a child of PARENT.” (reverse), with 95 % "
        "intervals over pairs. The historical set is a smoke test: its facts are on the web in both orders."
    )
    return [figure("real", "Parents and children", caption, chart, rows, placed(rows))]
