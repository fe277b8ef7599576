"""What the report says of a task that has no page of its own in `pages`: its headline metrics, its title and source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from suite.report.charts import BLUE, LABEL_BREAK, Figure, dots_with_intervals, figure, placed
from suite.report.content import TaskPage
from suite.report.queries import RunView, common_part
from suite.report.rendering import words
from suite.task import Mode

_MOST_CELLS = 40  # of a chart; a longer one is a table


def page_of_any_task(runs: Sequence[RunView]) -> TaskPage:
    """One chart a headline metric and mode, with a panel a run."""
    wanted: dict[tuple[str, str], None] = {}
    for run in runs:
        wanted.update({_kind(metric): None for metric in run.metrics if metric["headline"]})
    figures = [figure for number, kind in enumerate(wanted) for figure in _headline_figure(runs, kind, number)]
    return TaskPage(figures=figures)


def describe(task: str) -> dict[str, str]:
    """Title and citation of a task that is installed here; empty for imported ones."""
    from suite.registry import task_classes

    found = task_classes().get(task)
    return {"title": found.title, "citation": found.citation} if found else {"title": "", "citation": ""}


def _kind(metric: Any) -> tuple[str, str]:
    return str(metric["name"]), str(metric["mode"] or "")


def _headline_figure(runs: Sequence[RunView], kind: tuple[str, str], number: int) -> list[Figure]:
    name, mode = kind
    chosen = [
        (run, metric)
        for run in runs
        for metric in run.metrics
        if metric["headline"] and _kind(metric) == kind and metric["value"] is not None
    ]
    common = common_part([metric["condition"] for _, metric in chosen])
    shown = mode if mode in get_args(Mode) else "unknown mode"  # a word of ours: it enters the chart's code
    rows = []
    for run, metric in chosen:
        condition = {key: value for key, value in metric["condition"].items() if key not in common}
        low, high = metric["ci_low"], metric["ci_high"]
        cell = words(condition).replace(", ", LABEL_BREAK) or name
        rows.append(
            {"model": run.label, "cell": cell, "mode": shown, "value": metric["value"], "low": low, "high": high}
        )
    if not rows or len({row["cell"] for row in rows}) > _MOST_CELLS:
        return []
    is_share = all(0 <= row[key] <= 1 for row in rows for key in ("value", "low", "high") if row[key] is not None)
    chart = dots_with_intervals(
        rows, value="value", colours={shown: BLUE}, by="mode", domain=(0, 1) if is_share else None
    )
    caption = f"{name}{f' ({mode})' if mode else ''}, with 95 % intervals; a line a condition."
    return [figure(f"headline-{number + 1}", name, caption, chart, rows, placed(rows))]
