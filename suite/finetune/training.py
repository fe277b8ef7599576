"""Trains a model on a task's texts and leaves a model folder with a `training.json` that says how it was made.

It stands one step ahead of the way of the data: the ordinary task evaluates the folder afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import UserError
from suite.finetune import output as place
from suite.finetune.checks import adapter_settings, checked, model_place, part_of
from suite.finetune.settings import Hyperparameters, LoraSettings, hyperparameters
from suite.identity import digest_rows
from suite.progress import Reporter, reporter
from suite.task import TrainingDoc

if TYPE_CHECKING:
    from suite.finetune.objectives import Objective
    from suite.finetune.start import Start

_LATER_ROOM = 4  # rows of a later stage against documents: a corrupted copy beside the text is a little over twice
_SMALL = 5_000_000  # parameters below which a second thread costs more than it brings


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """A finished training.

    Attributes:
        output: the model folder.
        record: the content of its `training.json`.
    """

    output: Path
    record: Mapping[str, Any]

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return int(self.record["steps"])

    @property
    def seconds(self) -> float:
        """Seconds in the training loop, all sittings."""
        return float(self.record["seconds"])

    @property
    def final_loss(self) -> float:
        """Mean loss of the last logging interval, nats a token."""
        return float(self.record["loss_curve"][-1][1])

    def to_json(self) -> dict[str, Any]:
        """The record, and where the model is."""
        return {"output": str(self.output), "final_loss": self.final_loss, **self.record}


def train(
    docs: Iterable[TrainingDoc],
    *,
    output: Path | str,
    objective: str = "ntp",
    objective_options: Mapping[str, Any] | None = None,
    model: str | None = None,
    scratch: str | None = None,
    tie_embeddings: bool = False,
    lora: LoraSettings | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    seed: int = 0,
    later: Iterable[TrainingDoc] = (),
    notes: Mapping[str, Any] | None = None,
    resume: bool = True,
    checkpoint_every: int | None = None,
    eval_callback: Callable[[int, Any], Mapping[str, float]] | None = None,
    progress: Reporter | None = None,
) -> TrainingResult:
    """Trains on `docs`, one document a row, loss on every token; the same call continues an interrupted training.

    Args:
        docs: what to train on; their order does not matter.
        output: model folder to write; ``OUTPUT.partial`` beside it holds the checkpoints while it runs.
        objective: name of a file in `suite/finetune/objectives`, with its options.
        model: folder or hub id to start from; or else
        scratch: a preset (``tiny-gpt2``) or a JSON file like it, for fresh weights and a tokenizer made from the data.
        tie_embeddings: from scratch only: input and output embeddings are one matrix.
        lora: train an adapter instead of all weights.
        steps, epochs: length of the training; an epoch is one pass over the objective's rows, so `reverse`, which
            shows every document twice, takes twice the steps of `ntp` at equal epochs and sees as many tokens at
            equal steps. Default: the preset's, or three epochs.
        batch_size, lr: rows a step; peak learning rate.
        seed: of fresh weights, order and the objective's randomness. Same seed, same bytes, on one machine.
        later: from scratch only: documents of a later stage, whose words the vocabulary must hold; the model then has
            positions for rows four times as long as the longest document, since objectives make longer ones.
        notes: JSON to keep with the settings; it tells this training from one with other notes.
        resume: False trains anew whatever is there.
        checkpoint_every: steps between checkpoints; a tenth of the training by default.
        eval_callback: given (step, model) before each checkpoint; its numbers go into `training.json`.
        progress: where to show progress; by default a bar on a terminal and plain lines elsewhere.

    Raises:
        UserError: input that cannot be used (before any weight is loaded, where that is possible), or a loss that
            is no longer a number; the last good checkpoint then stays in ``OUTPUT.partial``.
    """
    from suite.finetune.rows import check_docs

    folder = Path(output).expanduser()
    target = folder.resolve()
    wanted, goal, start = checked(docs, objective, objective_options, model, scratch, lora, tie_embeddings)
    awaited = check_docs(later) if (later := list(later)) else []
    given = {"steps": steps, "epochs": epochs, "batch_size": batch_size, "lr": lr}
    settings = hyperparameters(start.base, given)
    if settings.batch_size < goal.least_batch:
        raise UserError(
            f"objective {objective} contrasts the rows of a batch; give --batch-size {goal.least_batch} or more"
        )
    if checkpoint_every is not None and checkpoint_every < 1:
        raise UserError(f"checkpoint_every {checkpoint_every}: expected at least 1")
    identity = {
        "objective": objective,
        "objective_options": goal.options.model_dump(mode="json"),
        "start": start.identity,
        "hyperparameters": settings.model_dump(mode="json"),
        "data": digest_rows(_doc_json(doc) for doc in wanted),
        "seed": seed,
        "checkpoint_every": checkpoint_every,
        **({"later": digest_rows(_doc_json(doc) for doc in awaited)} if awaited else {}),
        **({"notes": dict(notes)} if notes else {}),
    }
    done = place.finished(target, identity)
    if done is not None and resume:
        return TrainingResult(folder, done)
    shown = progress if progress is not None else reporter()
    with place.partial(target, identity, resume) as partial:
        made = _train(wanted, awaited, goal, start, settings, identity, partial, eval_callback, shown)
        place.move_into_place(made, target, partial)
    return TrainingResult(folder, place.read_record(target))


def finetune_task(
    task: str,
    options: Mapping[str, Any] | None = None,
    *,
    output: Path | str,
    model: str | None = None,
    lora: bool | LoraSettings = False,
    tasks_dir: Path | None = None,
    silent: bool = False,
    only: Mapping[str, Any] | None = None,
    learned_before: Mapping[str, Any] | None = None,
    **settings: Any,
) -> TrainingResult:
    """Trains on the texts of the task `task`, as `unreason finetune` does.

    Args:
        options: the task's options.
        model: ``hf/ID_OR_PATH``, or ``demo`` for the small pretrained model, fetched if need be.
        lora: True for an adapter with the default settings.
        tasks_dir: a further folder of tasks.
        silent: no progress.
        only: train on the documents whose `meta` has these values, and keep the words of the others for a later stage.
        learned_before: train on the others, since `model` has learned these in an earlier stage.
        settings: the other arguments of `train`.

    Raises:
        UserError: as `train`; or an unknown task or option, or a task without training texts.
    """
    from suite.registry import load_task

    docs = list(load_task(task, options, tasks_dir).training_docs())
    later: list[TrainingDoc] = []
    if only:
        docs, later = part_of(docs, only)
    elif learned_before:
        settings["notes"] = {"learned_before": dict(learned_before)}
        docs = part_of(docs, learned_before)[1]
    return train(
        docs,
        later=later,
        output=output,
        model=model_place(model),
        lora=adapter_settings(lora),
        progress=reporter(silent=silent),
        **settings,
    )


def _train(
    docs: list[TrainingDoc],
    later: list[TrainingDoc],
    objective: Objective,
    start: Start,
    settings: Hyperparameters,
    identity: Mapping[str, Any],
    partial: Path,
    evaluate: Callable[[int, Any], Mapping[str, float]] | None,
    shown: Reporter,
) -> Path:
    """The training itself; returns the finished folder, inside `partial`."""
    import torch

    from suite.finetune.loop import NonFiniteLoss, last_checkpoint, run_loop
    from suite.finetune.record import save, training_record
    from suite.finetune.rows import Batches, longest_row
    from suite.finetune.start import load_model, load_tokenizer, window

    seed = identity["seed"]
    tokenizer = load_tokenizer(start, docs, objective, later)
    batches = Batches(objective, docs, tokenizer, settings=settings, seed=seed, window=window(start))
    longest = batches.longest if not later else _LATER_ROOM * longest_row([*docs, *later], batches.encode)
    with own_randomness():
        torch.manual_seed(seed)
        model = load_model(start, tokenizer, longest)
        objective.prepare(model, tokenizer)
        shown.start(f"training {partial.name.removesuffix('.partial')}")
        try:
            with threads_of(model) as threads:
                trained = run_loop(
                    model,
                    batches,
                    objective,
                    settings,
                    seed=seed,
                    folder=partial,
                    checkpoint_every=identity["checkpoint_every"],
                    evaluate=evaluate,
                    reporter=shown,
                )
        except NonFiniteLoss as error:
            kept = last_checkpoint(partial)
            raise not_finite(error.step, settings.lr, partial, kept) from None
        finally:
            shown.close()
        model.eval()
        readout = objective.readout(model, docs, batches.encode)
        objective.restore(model)
    record = training_record(identity, start, settings, batches, model, trained, threads) | {"readout": readout}
    save(model, tokenizer, record, start.lora, partial / "model")
    return partial / "model"


def not_finite(step: int, lr: float, partial: Path, kept: Path | None) -> UserError:
    where = f"the last good weights are in {kept}" if kept else "no checkpoint had been written"
    return UserError(
        f"the loss is no longer a finite number at step {step} (lr {lr:g}); {where}; "
        f"delete {partial} and train with a lower --lr"
    )


def _doc_json(doc: TrainingDoc) -> list[Any]:
    return [
        doc.id,
        doc.fact_id,
        doc.text,
        doc.prompt,
        doc.completion,
        [list(span) for span in doc.entities],
        doc.mirror,
    ]


@contextmanager
def own_randomness() -> Iterator[None]:
    """The loop seeds every global generator; the caller gets its own back."""
    import numpy as np
    import torch

    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


@contextmanager
def threads_of(model: Any) -> Iterator[int]:
    """One thread for a small model: on a busy machine two are many times slower than one."""
    import torch

    before = torch.get_num_threads()
    small = sum(parameter.numel() for parameter in model.parameters()) < _SMALL
    threads = 1 if small else before
    torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        torch.set_num_threads(before)
