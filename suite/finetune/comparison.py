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

from suite.costs import BASELINE, Efficiency, efficiencies
from suite.errors import UserError
from suite.finetune.plan import ALL, Recipe, Stage, recipes, trains_causal
from suite.seeds import SeedRow, labels

DEFAULT_SEEDS = 3
_FROM_PRESET = ("steps", "batch_size", "lr")  # that a second stage takes over, unless they are given


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
                "tokens": round(row.cost.tokens),
                "seconds": round(row.cost.seconds, 1),
            }
            for row in self.rows
        ]

    def efficiencies(self) -> list[Efficiency]:
        """Reverse score against cost, by objective and way of asking."""
        return efficiencies(self.rows)

    def to_json(self) -> dict[str, Any]:
        """Everything as a JSON object."""
        return {
            "rows": self.table(),
            "efficiency": [one.to_row() for one in self.efficiencies()],
            "run_ids": list(self.run_ids),
            "left_out": dict(self.left_out),
        }


@dataclass(frozen=True, slots=True)
class _Job:
    """One training and its evaluation.

    Attributes:
        training: arguments of `finetune_task`.
        is_large: a pretrained model, which takes the machine for itself.
    """

    task: str
    options: Mapping[str, Any]
    label: str
    seed: int
    training: Mapping[str, Any]
    folder: Path
    results: Path
    is_large: bool


def compare_objectives(
    task: str,
    options: Mapping[str, Any] | None = None,
    *,
    objectives: Sequence[str] = (ALL,),
    seeds: int = DEFAULT_SEEDS,
    budgets: Sequence[str] = ("steps",),
    before: Stage | None = None,
    output: Path,
    results: Path = Path("results"),
    say: Any = None,
    **training: Any,
) -> Comparison:
    """Trains and evaluates every objective with every seed, a process a core for models from scratch.

    Args:
        options: the task's options, for training texts and evaluation alike.
        objectives: names with options, ``NAME:KEY=VALUE:...``, or "all"; of all, those that cannot train this model on
            these texts are left out, with the reason. The objective of encoders (`mlm`) trains the preset's encoder of
            the same size.
        seeds: trainings of each objective, seeds 0, 1, ...
        budgets: what each shall have in common with `ntp`: "steps", "tokens", "epochs"; where two differ, both are
            trained.
        before: a first stage that all objectives of a seed start from; its facts are asked again at the end.
        output: folder of the model folders OBJECTIVE-SEED.
        say: called with a line on each finished training.
        training: the other arguments of `suite.finetune.finetune_task` (scratch, model, lora, steps, lr, ...).

    Raises:
        UserError: as for a training; an objective that was named and cannot train this model.
    """
    from suite.registry import load_task
    from suite.store import Store

    if seeds < 1:
        raise UserError(f"--seeds {seeds}: expected at least 1")
    docs = list(load_task(task, options, training.get("tasks_dir")).training_docs())
    if before is not None:
        training = _with_preset(training)
    chosen, left_out = recipes(docs, objectives, budgets, training, before)
    common = task, options or {}
    first = _first_stages(chosen, before, common, seeds, output, results)
    is_large = training.get("scratch") is None
    jobs = [
        _Job(
            *common,
            recipe.name,
            seed,
            _second(recipe, seed, before, output),
            output / f"{recipe.name}-{seed}",
            results,
            is_large,
        )
        for recipe in chosen
        for seed in range(seeds)
    ]
    done = {}
    for stage in (first, jobs):
        for job, run_id in _finished(stage):
            done[job.folder] = run_id
            if say is not None:
                say(f"  {len(done)}/{len(first) + len(jobs)}: {job.label}, seed {job.seed}")
    run_ids = [done[job.folder] for job in jobs]
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


def _with_preset(training: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the preset's length, batch and rate: a second stage would have those of a large model."""
    from suite.finetune.settings import load_preset

    if training.get("scratch") is None:
        return dict(training)
    preset = load_preset(training["scratch"]).training
    taken = {name: getattr(preset, name) for name in _FROM_PRESET if training.get(name) is None}
    if training.get("epochs") is not None:
        taken.pop("steps", None)
    return {**training, **taken}


def _first_stages(
    chosen: Sequence[Recipe], before: Stage | None, common: tuple[str, Any], seeds: int, output: Path, results: Path
) -> list[_Job]:
    """One training a preset (encoders have their own) and seed, on what is learned before."""
    if before is None:
        return []
    jobs: dict[Path, _Job] = {}
    for recipe in chosen:
        own = {**recipe.training, "objective_options": {}, "steps": before.steps, "epochs": None, "lora": False}
        own["only"] = before.where
        if trains_causal(own["objective"]):
            own["objective"] = BASELINE
        if own["scratch"] is not None:
            own |= {"lr": None, "batch_size": None}  # the preset's; what was given is for the objectives
        for seed in range(seeds):
            folder = _first_folder(recipe, seed, output)
            is_large = own["scratch"] is None
            jobs.setdefault(folder, _Job(*common, "first stage", seed, own, folder, results, is_large))
    return list(jobs.values())


def _first_folder(recipe: Recipe, seed: int, output: Path) -> Path:
    name = Path(recipe.training["scratch"] or "model").stem
    return output / f"before-{name}-{seed}"


def _second(recipe: Recipe, seed: int, before: Stage | None, output: Path) -> Mapping[str, Any]:
    """The arguments of a recipe's own training, which starts from the first stage if there is one."""
    if before is None:
        return recipe.training
    model = f"hf/{_first_folder(recipe, seed, output).resolve()}"
    start = {"model": model, "scratch": None, "tie_embeddings": False}  # tied or not as the first stage left it
    return {**recipe.training, **start, "learned_before": before.where}


def _finished(jobs: Sequence[_Job]) -> Iterator[tuple[_Job, str]]:
    """Each job with the id of its run, as they end."""
    processes = min(len(jobs), _cores())
    if processes < 2 or jobs[0].is_large:
        for job in jobs:
            yield job, _train_and_run(job)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running: dict[Future[str], _Job] = {pool.submit(_train_and_run, job): job for job in jobs}
        for future in as_completed(running):
            yield running[future], future.result()


def _cores() -> int:
    """Processors that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
