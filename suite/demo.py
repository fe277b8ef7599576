"""`unreason demo`: the reversal curse, a fix, and a real pretrained model, measured on the spot; nothing is canned.

(a) Two tiny models are trained on the same made-up facts, one by next-token prediction, one with every document shown
reversed as well (entities kept whole), and asked in both directions. (b) A small pretrained model is asked a slice of
every family that has one (`Task.demo_options`). (c) Everything is stored, and one HTML report is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import console
from suite.errors import UserError
from suite.registry import DEMO_MODEL, task_classes

if TYPE_CHECKING:
    from suite.results import RunResult

TASK = "reversal_curse"
DATA: Mapping[str, Any] = {"data": "generated", "style": "demo", "controls": "none"}
PRESET = "tiny-gpt2"
# Settings of each training: `reverse` shows every document twice, and needs longer until both directions are learned.
TRAININGS: Mapping[str, Mapping[str, Any]] = {
    "ntp": {},
    "reverse": {"objective_options": {"kind": "entity"}, "epochs": 31},
}
MOST_FIGURES = 4  # of a family in the table of the pretrained model; the report has all
MOST_DOCS = 12  # of a family that the pretrained model is asked


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What the demo found: a table of the tiny models, one of the pretrained one, sentences, the report's page."""

    rows: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    lines: list[str]
    report: Path

    def to_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "slices": self.slices, "lines": self.lines, "report": str(self.report)}


def run_demo(out: Path, silent: bool = False) -> DemoSummary:
    """Trains, evaluates, stores and reports into `out`; a second call continues or reuses what is there.

    Raises:
        UserError: `out` cannot be written.
    """
    from suite.report import build_report

    started = time.monotonic()
    say = _silent if silent else console.say
    results = out / "results"
    missing = _fetch_real_model(say)
    say(f"training two tiny models on made-up facts ({', '.join(TRAININGS)}), about a minute on two cores ...")
    with ProcessPoolExecutor(len(TRAININGS), mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(_train_and_run, name, out, results): name for name in TRAININGS}
        tiny = {}
        for job in as_completed(jobs):
            tiny[jobs[job]] = job.result()
            say(f"  {jobs[job]}: trained and asked, {time.monotonic() - started:.0f} s since the start")
    rows = [row for name in TRAININGS for row in _rows(name, tiny[name])]
    lines = [_sentence(name, tiny[name]) for name in TRAININGS]
    slices = []
    if missing:
        lines.append(missing)
    else:
        for task in _families():
            say(f"asking {DEMO_MODEL} a slice of {task} ...")
            slices += _slice_rows(_run_slice(task, results, silent))
    say("writing the report ...")
    report = build_report(results, out=out / "report")
    lines.append(f"took {time.monotonic() - started:.0f} s")
    return DemoSummary(rows, slices, lines, report)


def _train_and_run(objective: str, out: Path, results: Path) -> RunResult:
    from suite.finetune import finetune_task
    from suite.progress import Silent
    from suite.runner import run

    folder = out / "models" / objective
    finetune_task(
        TASK,
        DATA,
        objective=objective,
        scratch=PRESET,
        output=folder,
        silent=True,
        **TRAININGS[objective],
    )
    return run(TASK, f"hf/{folder}", options=DATA, results=results, reporter=Silent())


def _families() -> list[str]:
    return [name for name, task in sorted(task_classes().items()) if task.demo_options is not None]


def _run_slice(task: str, results: Path, silent: bool) -> RunResult:
    from suite.progress import reporter
    from suite.runner import run

    options = task_classes()[task].demo_options
    shown = reporter(silent=silent)
    return run(task, f"hf/{DEMO_MODEL}", options=options, limit=MOST_DOCS, results=results, reporter=shown)


def _fetch_real_model(say: Callable[[str], None]) -> str:
    """Fetches the pretrained model if need be; returns why there is none, or nothing."""
    from suite.pretrained import fetch

    try:
        fetch(DEMO_MODEL, progress=say)
    except UserError as error:
        return f"the pretrained model was left out: {error}"
    return ""


def _rows(name: str, result: RunResult) -> list[dict[str, Any]]:
    """One row a group and direction of the query."""
    rows = []
    for group, direction, seen in (
        ("n2d_only", "n2d", "same"),
        ("n2d_only", "d2n", "reverse"),
        ("d2n_only", "d2n", "same"),
        ("d2n_only", "n2d", "reverse"),
        ("both", "n2d", "same"),
        ("both", "d2n", "same"),
    ):
        cell = {"group": group, "direction": direction, "seen": seen, "control": "none"}
        exact, ranked = result.metric("em", **cell), result.metric("mrr", **cell)
        rows.append(
            {
                "objective": name,
                "trained": group,
                "asked": direction,
                "seen": seen,
                "exact match": exact.value,
                "MRR": ranked.value,
                "note": exact.note,
            }
        )
    return rows


def _sentence(name: str, result: RunResult) -> str:
    rows = _rows(name, result)
    same = [row["exact match"] for row in rows if row["trained"] != "both" and row["seen"] == "same"]
    reverse = [row["exact match"] for row in rows if row["seen"] == "reverse"]
    return (
        f"{name}: asked as trained {min(same):.2f} to {max(same):.2f} exact match, "
        f"asked in reverse {min(reverse):.2f} to {max(reverse):.2f}"
    )


def _slice_rows(result: RunResult) -> list[dict[str, Any]]:
    """The figures of a run that its task picks for the demo, else the first headline ones; only defined ones."""
    found = [row for row in result.metric_rows() if row["value"] is not None]
    picked = task_classes()[result.task].demo_figures or ({"headline": True},)
    found = [row for row in found if any(wanted.items() <= {**row, **row["condition"]}.items() for wanted in picked)]
    names = ("name", "condition", "value", "ci_low", "ci_high", "n", "note")
    return [{"task": result.task} | {name: row[name] for name in names} for row in found[:MOST_FIGURES]]


def _silent(_line: str) -> None:
    pass
