"""Looks before a training: are start, objective and documents there, and do they fit; how long would it be?

Nothing here reads a weight, so that what cannot be used is said at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from suite.errors import UserError
from suite.finetune.settings import LoraSettings, hyperparameters
from suite.task import TrainingDoc

if TYPE_CHECKING:
    from suite.finetune.objectives import Objective
    from suite.finetune.start import Start


def check_training(
    docs: Iterable[TrainingDoc],
    *,
    objective: str,
    objective_options: Mapping[str, Any] | None = None,
    model: str | None = None,
    scratch: str | None = None,
    tie_embeddings: bool = False,
    lora: bool | LoraSettings = False,
    **_: Any,
) -> None:
    """Raises `UserError` where `finetune_task` with these arguments would before it loads a model; trains nothing."""
    checked(docs, objective, objective_options, model_place(model), scratch, adapter_settings(lora), tie_embeddings)


@dataclass(frozen=True, slots=True)
class RowCount:
    """How long a training is, and what its rows are.

    Attributes:
        steps: optimiser steps; rows_per_epoch: rows that the objective makes of the documents.
        tokens_per_row: mean over the first epoch.
    """

    steps: int
    rows_per_epoch: int
    tokens_per_row: float


def rows_of(
    docs: Iterable[TrainingDoc],
    *,
    objective: str,
    objective_options: Mapping[str, Any] | None = None,
    model: str | None = None,
    scratch: str | None = None,
    tie_embeddings: bool = False,
    lora: bool | LoraSettings = False,
    **settings: Any,
) -> RowCount:
    """What `finetune_task` with these arguments would train on; makes the first epoch's rows, and reads no weights.

    Raises:
        UserError: as `finetune_task`.
    """
    from suite.finetune.rows import Batches
    from suite.finetune.start import load_tokenizer, window

    place, adapter = model_place(model), adapter_settings(lora)
    rows, goal, start = checked(docs, objective, objective_options, place, scratch, adapter, tie_embeddings)
    wanted = hyperparameters(start.base, {name: settings.get(name) for name in ("steps", "epochs", "batch_size", "lr")})
    tokenizer = load_tokenizer(start, rows, goal)
    batches = Batches(goal, rows, tokenizer, settings=wanted, seed=0, window=window(start))
    return RowCount(len(batches), batches.rows_per_epoch, batches.tokens_per_row)


def part_of(docs: Sequence[TrainingDoc], where: Mapping[str, Any]) -> tuple[list[TrainingDoc], list[TrainingDoc]]:
    """The documents whose meta has these values, and the others.

    Raises:
        UserError: one of the two is empty.
    """
    chosen = [doc for doc in docs if where.items() <= doc.meta.items()]
    others = [doc for doc in docs if not where.items() <= doc.meta.items()]
    if not chosen or not others:
        said = ", ".join(f"{key}={value}" for key, value in where.items())
        keys = ", ".join(sorted({key for doc in docs for key in doc.meta})) or "none"
        raise UserError(
            f"--before {said}: {'no' if not chosen else 'every'} document of the task is so, which leaves nothing for "
            f"one of the two stages; documents are told apart by: {keys}"
        )
    return chosen, others


def checked(
    docs: Iterable[TrainingDoc],
    objective: str,
    objective_options: Mapping[str, Any] | None,
    model: str | None,
    scratch: str | None,
    lora: LoraSettings | None,
    tie_embeddings: bool,
) -> tuple[list[TrainingDoc], Objective, Start]:
    """What is trained, how, and from where; each checked by itself and against the others."""
    from suite.finetune.objectives import load_objective
    from suite.finetune.rows import check_docs
    from suite.finetune.start import find_start

    good = check_docs(docs)
    goal = load_objective(objective, objective_options)
    start = find_start(model, scratch, lora, tie_embeddings)
    if start.kind not in goal.kinds:
        wanted = " or ".join(sorted(goal.kinds))
        raise UserError(
            f"objective {objective} trains {wanted} models; {start.config.model_type} is a {start.kind} one"
        )
    goal.check(start.config, good)
    return good, goal, start


def adapter_settings(lora: bool | LoraSettings) -> LoraSettings | None:
    """The settings of an adapter, if one is wanted."""
    return LoraSettings() if lora is True else (lora or None)


def model_place(model: str | None) -> str | None:
    """The folder or hub id behind a model's name on the command line."""
    if model == "demo":
        from suite.pretrained import fetch
        from suite.registry import DEMO_MODEL

        return str(fetch(DEMO_MODEL))
    if model is None:
        return None
    provider, _, rest = model.partition("/")
    if provider != "hf" or not rest:
        raise UserError(f"--model {model}: only hf/ID_OR_PATH and demo can be trained")
    return rest
