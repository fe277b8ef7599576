"""Objectives side by side: each trained with several seeds on the same texts, asked by the same task, in one table.

Every training is the ordinary one and every evaluation an ordinary run, so an interrupted comparison goes on where it
stopped, and the report draws the same numbers from the database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.seeds import SeedRow, labels

ALL = "all"
DEFAULT_SEEDS = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out.

    Attributes:
        rows: by objective, metric and condition, over seeds.
        run_ids: the evaluations.
        left_out: objective -> why it cannot train this model on these texts.
    """

    rows: Sequence[SeedRow]
    run_ids: Sequence[str]
    left_out: Mapping[str, str]

    def table(self) -> list[dict[str, Any]]:
        """One row a condition of an objective, for people."""
        names = labels(self.rows)
        return [
            {
                "objective": names[row.recipe_key],
                "metric": row.name,
                "condition": row.condition,
                "mean": row.value,
                "ci_low": row.ci_low,
                "ci_high": row.ci_high,
                "lowest": row.lowest,
                "highest": row.highest,
                "seeds": row.n_seeds,
                "tokens": round(row.tokens),
                "seconds": round(row.seconds, 1),
            }
            for row in self.rows
        ]

    def to_json(self) -> dict[str, Any]:
        """Everything as a JSON object."""
        return {"rows": self.table(), "run_ids": list(self.run_ids), "left_out": dict(self.left_out)}


@dataclass(frozen=True, slots=True)
class _Job:
    task: str
    options: Mapping[str, Any]
    objective: str
    seed: int
    training: Mapping[str, Any]
    folder: Path
    results: Path


def compare_objectives(
    task: str,
    options: Mapping[str, Any] | None = None,
    *,
    objectives: Sequence[str] = (ALL,),
    seeds: int = DEFAULT_SEEDS,
    output: Path,
    results: Path = Path("results"),
    say: Any = None,
    **training: Any,
) -> Comparison:
    """Trains and evaluates every objective with every seed, a process a core for models from scratch.

    Args:
        options: the task's options, for training texts and evaluation alike.
        objectives: names, or "all"; of all, those that cannot train this model on these texts are left out, with the
            reason. The objective of encoders (`mlm`) trains the preset's encoder of the same size.
        seeds: trainings of each objective, seeds 0, 1, ...
        output: folder of the model folders OBJECTIVE-SEED.
        say: called with a line on each finished training.
        training: the other arguments of `suite.finetune.finetune_task` (scratch, model, lora, steps, lr, ...).

    Raises:
        UserError: as for a training; an objective that was named and cannot train this model.
    """
    from suite.store import Store

    if seeds < 1:
        raise UserError(f"--seeds {seeds}: expected at least 1")
    chosen, left_out = _trainable(task, options or {}, objectives, training)
    jobs = [
        _Job(task, options or {}, name, seed, own, output / f"{name}-{seed}", results)
        for name, own in chosen.items()
        for seed in range(seeds)
    ]
    done = {}
    for number, (job, run_id) in enumerate(_finished(jobs), start=1):
        done[job.objective, job.seed] = run_id
        if say is not None:
            say(f"  {number}/{len(jobs)}: {job.objective}, seed {job.seed}")
    run_ids = [done[job.objective, job.seed] for job in jobs]
    return Comparison(seed_rows(Store(results), task, run_ids), run_ids, left_out)


def seed_rows(store: Any, task: str, run_ids: Sequence[str]) -> list[SeedRow]:
    """The headline metrics of `run_ids` over seeds."""
    from suite.seeds import over_seeds

    metrics: dict[str, list[Mapping[str, Any]]] = {}
    names: dict[str, None] = {}
    for row in store.metrics(list(run_ids)):
        metrics.setdefault(row["run_id"], []).append(row)
        if row["headline"]:
            names[row["name"]] = None
    wanted = set(run_ids)
    found = {run["run_id"]: run for run in store.runs(task=task) if run["run_id"] in wanted}
    return over_seeds([found[run_id] for run_id in run_ids], metrics, list(names))


def _trainable(
    task: str, options: Mapping[str, Any], objectives: Sequence[str], training: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Objective -> arguments of its training, and those that are left out with the reason."""
    from suite.finetune.training import check_training
    from suite.registry import load_task
    from suite.registry import objectives as known

    names = list(known()) if list(objectives) == [ALL] else list(dict.fromkeys(objectives))
    docs = list(load_task(task, options, training.get("tasks_dir")).training_docs())
    chosen, left_out = {}, {}
    for name in names:
        own = {**training, "objective": name, "scratch": _scratch_of(name, training.get("scratch"))}
        try:
            check_training(docs, **own)
        except UserError as error:
            if list(objectives) != [ALL]:
                raise
            left_out[name] = str(error)
        else:
            chosen[name] = own
    return chosen, left_out


def _scratch_of(objective: str, scratch: str | None) -> str | None:
    """The preset for an objective: encoders need another one than causal models."""
    from suite.finetune.objectives import load_objective
    from suite.finetune.settings import load_preset

    if scratch is None or "causal" in load_objective(objective).kinds:
        return scratch
    return load_preset(scratch).encoder or scratch


def _finished(jobs: Sequence[_Job]) -> Iterator[tuple[_Job, str]]:
    """Each job with the id of its run, as they end."""
    if not jobs or jobs[0].training.get("scratch") is None:  # a pretrained model takes the machine for itself
        for job in jobs:
            yield job, _train_and_run(job)
        return
    with ProcessPoolExecutor(min(len(jobs), os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        running: dict[Future[str], _Job] = {pool.submit(_train_and_run, job): job for job in jobs}
        for future in as_completed(running):
            yield running[future], future.result()


def _train_and_run(job: _Job) -> str:
    from suite.finetune.training import finetune_task
    from suite.progress import Silent
    from suite.runner import run

    finetune_task(job.task, job.options, output=job.folder, seed=job.seed, silent=True, **job.training)
    return run(
        job.task,
        f"hf/{job.folder}",
        options=job.options,
        results=job.results,
        tasks_dir=job.training.get("tasks_dir"),
        reporter=Silent(),
    ).run_id
