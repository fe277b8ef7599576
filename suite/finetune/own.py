"""Trainings of a task's own: models whose input is more than a text, by the same loop, folders and records.

A task offers a `Trainer`, which plans trainings; here they are trained, or continued, over several seeds, and the
ordinary task is run on each model, so that reports know no difference to other runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from suite.errors import UserError
from suite.finetune import output as place
from suite.finetune.settings import Hyperparameters
from suite.progress import Reporter, reporter

if TYPE_CHECKING:
    from pydantic import BaseModel

    from suite.finetune.comparison import Comparison
    from suite.finetune.loop import Evaluate, Trained


@dataclass(frozen=True, slots=True)
class Started:
    """A model about to be trained.

    Attributes:
        batches: for the loop: ``len``, an item a step as the keyword arguments of `objectives.Batch`, ``rng(step)``.
        objective: its `loss` is what is trained.
        record: further content of `training.json`.
        finish: called with the trained model; writes it into a folder, and returns what was found out on the way.
        evaluate: (step, model) -> numbers for `training.json`, at each checkpoint.
    """

    model: Any
    batches: Any
    objective: Any
    record: Mapping[str, Any]
    finish: Callable[[Any, Path], Mapping[str, Any]]
    evaluate: Evaluate | None = None


@dataclass(frozen=True, slots=True)
class OwnTraining:
    """One model to train, and how the task then asks it.

    Attributes:
        name: of its folder, without the seed.
        objective: what reports call it.
        identity: everything else that decides the weights, but for the seed; JSON.
        start: seed -> model and batches; nothing heavy before it is called.
        asked: options of the task.
    """

    name: str
    objective: str
    identity: Mapping[str, Any]
    settings: Hyperparameters
    start: Callable[[int], Started]
    asked: Mapping[str, Any]


class Trainer(Protocol):
    """What `suite.Task.trainer` returns."""

    provider: ClassVar[str]  # of the models that it makes
    options_model: ClassVar[type[BaseModel]]

    def plan(self, options: Any) -> Sequence[OwnTraining]:
        """The trainings that the options ask for.

        Raises:
            UserError: options that do not go together; said before a model is loaded.
        """
        ...


def has_own_trainer(task: str, tasks_dir: Path | None = None) -> bool:
    """Whether `task` exists and has a trainer of its own."""
    from suite.registry import task_classes

    found = task_classes(tasks_dir).get(task)
    return found is not None and found.trainer() is not None


def train_own(
    task: str,
    given: Mapping[str, Any],
    *,
    of_texts: Mapping[str, Any] | None = None,
    seeds: Sequence[int] = (0,),
    output: Path,
    results: Path = Path("results"),
    tasks_dir: Path | None = None,
    silent: bool = False,
) -> Comparison:
    """Trains what the task's own trainer plans, asks every model, and returns the figures over seeds.

    Args:
        given: options of the trainer, by name; None and False stand for what was not given.
        of_texts: flags of trainings on texts, which must not be set.
        output: parent of the model folders NAME-SEED; those that are done are not trained again.

    Raises:
        UserError: the task has no such trainer, or bad options.
    """
    from suite.finetune.comparison import Comparison, seed_rows
    from suite.registry import task_classes, validated
    from suite.runner import run
    from suite.store import Store

    trainer = task_classes(tasks_dir)[task].trainer()
    if trainer is None:
        raise UserError(f"task {task} has no trainer of its own")
    for flag, value in (of_texts or {}).items():
        if value:
            raise UserError(f"--{flag} is for trainings on texts; task {task} has a trainer of its own")
    wanted = {name: value for name, value in given.items() if value is not None and value is not False}
    options = validated(f"option of the trainer of {task}", trainer.options_model, wanted)
    plans = trainer.plan(options)
    run_ids = []
    for seed in seeds:
        for plan in plans:
            folder = output / f"{plan.name}-{seed}"
            train_one(plan, seed, folder, reporter(silent=silent))
            model = f"{trainer.provider}/{folder}"
            run_ids.append(
                run(task, model, options=plan.asked, results=results, reporter=reporter(silent=silent)).run_id
            )
    return Comparison(seed_rows(Store(results), task, run_ids), run_ids, {})


def train_one(plan: OwnTraining, seed: int, folder: Path, shown: Reporter) -> Mapping[str, Any]:
    """Trains one model into `folder`, or goes on where it was interrupted; returns its `training.json`.

    Raises:
        UserError: the folder holds something else, or the loss is no longer a number.
    """
    target = folder.expanduser().resolve()
    identity = {
        "objective": plan.objective,
        **plan.identity,
        "hyperparameters": plan.settings.model_dump(mode="json"),
        "seed": seed,
    }
    done = place.finished(target, identity)
    if done is not None:
        return done
    with place.partial(target, identity, resume=True) as partial:
        made = _trained(plan, seed, identity, partial, shown)
        place.move_into_place(made, target, partial)
    return place.read_record(target)


def _trained(plan: OwnTraining, seed: int, identity: Mapping[str, Any], partial: Path, shown: Reporter) -> Path:
    """The training itself; returns the finished folder, inside `partial`."""
    import torch

    from suite.finetune.loop import NonFiniteLoss, last_checkpoint, run_loop
    from suite.finetune.training import not_finite, own_randomness, threads_of

    folder = partial / "model"
    with own_randomness():
        torch.manual_seed(seed)
        started = plan.start(seed)
        shown.start(f"training {partial.name.removesuffix('.partial')}")
        try:
            with threads_of(started.model) as threads:
                trained = run_loop(
                    started.model,
                    started.batches,
                    started.objective,
                    plan.settings,
                    seed=seed,
                    folder=partial,
                    checkpoint_every=None,
                    evaluate=started.evaluate,
                    reporter=shown,
                )
        except NonFiniteLoss as error:
            raise not_finite(error.step, plan.settings.lr, partial, last_checkpoint(partial)) from None
        finally:
            shown.close()
        started.model.eval()
        folder.mkdir(exist_ok=True)
        found = started.finish(started.model, folder)
    _write_record(plan, started, trained, {"threads": threads, **found, "settings": dict(identity)}, folder)
    return folder


def _write_record(
    plan: OwnTraining, started: Started, trained: Trained, further: Mapping[str, Any], folder: Path
) -> None:
    """`training.json` with the keys that every training has, and the picture of the loss."""
    from suite.finetune.curve import draw_loss
    from suite.finetune.start import parameter_counts
    from suite.provenance import libraries, now

    settings, counts = plan.settings, parameter_counts(started.model)
    record = {
        "objective": plan.objective,
        "seed": further["settings"]["seed"],
        "steps": len(started.batches),
        "epochs": settings.epochs or 0.0,
        "tokens_seen": trained.tokens,
        "seconds": round(trained.seconds, 3),
        "cpu_seconds": round(trained.cpu_seconds, 3),
        "loss_curve": [list(point) for point in trained.curve],
        "evaluations": trained.evaluations,
        "optimizer": {"name": "AdamW", "schedule": "linear warm-up, cosine", **settings.model_dump(mode="json")},
        "parameters": counts,
        "device": next(started.model.parameters()).device.type,
        **started.record,
        **further,
        "created": now(),
        "libraries": libraries(),
    }
    draw_loss(record["loss_curve"], folder / "loss.svg", f"{plan.name}, {counts['trained']:,} trained parameters")
    place.write_json(folder / place.RECORD, record)
