"""The bench: every mechanism through the experiments, a process a core, each an ordinary run that can be continued."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite import console
from suite.errors import UserError, unknown
from suite.registry import load_task
from tasks.attention_patterns.standing import Standing, costs, lengths, standings
from tasks.attention_patterns.workers import Job, finished

TASK = "attention_patterns"
_FIRST = ("none", "sdpa", "vanilla")  # what all others are compared with: a bench that is stopped early says something


@dataclass(frozen=True, slots=True)
class Bench:
    """What the runs found, side by side.

    Attributes:
        run_ids, metrics: mechanism -> its run, and the rows of its metrics.
    """

    run_ids: Mapping[str, str]
    metrics: Mapping[str, Sequence[Mapping[str, Any]]]
    standings: Sequence[Standing]
    lengths: Sequence[Any]


def bench(
    mechanisms: Sequence[str],
    options: Mapping[str, Any],
    *,
    device: str = "auto",
    results: Path = Path("results"),
    mechanisms_dir: Path | None = None,
    jobs: int | None = None,
    silent: bool = False,
) -> Bench:
    """Runs the mechanisms, or what is left of their runs, and compares them.

    Args:
        mechanisms: names; none: all.
        options: of the task.
        mechanisms_dir: a further folder of mechanisms.
        jobs: processes at once; by default a core each, and one with a GPU.
        silent: show no progress.

    Raises:
        UserError: an unknown mechanism or a bad option; said before anything is run.
        RunIncomplete: stopped, or a run lacks samples; the same call continues.
    """
    from suite.attention import names

    known = names(mechanisms_dir)
    for name in mechanisms:
        if name not in known:
            raise unknown("mechanism", name, known, "`unreason attention verify` shows them.")
    load_task(TASK, options)  # a bad option is said at once
    chosen = list(mechanisms or sorted(known, key=lambda name: (name not in _FIRST, name)))
    given = {"device": device, "folder": mechanisms_dir}
    todo = {name: Job(TASK, f"{TASK}/{name}", dict(options), given, results) for name in chosen}
    run_ids = {}
    for name, run_id in finished(todo, _jobs(jobs, device), silent):
        run_ids[name] = run_id
        if not silent:
            console.say(f"  {len(run_ids)}/{len(chosen)}: {name}")
    return compared({name: run_ids[name] for name in chosen}, results)


def compared(run_ids: Mapping[str, str], results: Path) -> Bench:
    """Stored runs side by side.

    Args:
        run_ids: mechanism -> run.
    """
    from suite.store import Store

    rows: dict[str, list[Mapping[str, Any]]] = {run_id: [] for run_id in run_ids.values()}
    for row in Store(results).metrics(list(rows)):
        rows[row["run_id"]].append(row)
    runs = {name: rows[run_id] for name, run_id in run_ids.items()}
    return Bench(run_ids, runs, standings(runs), lengths(costs(runs)))


def _jobs(asked: int | None, device: str) -> int:
    if asked is not None:
        if asked < 1:
            raise UserError(f"--jobs {asked}: expected at least 1")
        return asked
    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
