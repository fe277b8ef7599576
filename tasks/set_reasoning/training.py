"""What `unreason finetune set_reasoning` trains: the plan of models that differ in the attention mask alone.

Each model is asked by the ordinary task afterwards, with the options that `OwnTraining.asked` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from suite.errors import UserError
from suite.finetune.own import OwnTraining
from suite.finetune.settings import Hyperparameters, hyperparameters
from tasks.set_reasoning.curricula import TrainingSet
from tasks.set_reasoning.facts import Share
from tasks.set_reasoning.sequences import Readout
from tasks.set_reasoning.shape import Mask

SCRATCH = Hyperparameters(lr=2e-3, batch_size=64, steps=1000, weight_decay=0.01, warmup_steps=100, lr_floor=0.05)
FACTS = SCRATCH.model_copy(update={"steps": 2500})
PROBLEMS_PER_EPOCH = 10_000  # that a pretrained model sees
PRETRAINED = Hyperparameters(lr=2e-5, batch_size=32, epochs=3, weight_decay=0.01, warmup_steps=47, lr_floor=0.0)


class SetTrainingOptions(BaseModel):
    """What is trained, and how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Literal["set_ops", "set_ops_param", "mask_reversal"] = Field(
        "set_ops", description="sets in the prompt, sets in the weights, or facts in one order"
    )
    masks: list[Mask] = Field(["encoder", "decoder", "prefix"], min_length=1, description="attention masks")
    train: TrainingSet = Field("T2D", description="training set: T2, T2D, T3, T3ALL, T3H")
    readout: Readout = Field("membership", description="yes or no at each candidate, or the answer written out")
    expr_position: Literal["first", "last"] = Field("first", description="the expression before or after the sets")
    both_fraction: list[Share] = Field(["0", "1/3"], min_length=1, description="of mask_reversal: told in both orders")
    model: str | None = Field(None, description="a pretrained model instead of one from scratch: hf/ID_OR_PATH, demo")
    lora: bool = Field(False, description="of a pretrained model: train an adapter")
    per_cell: int = Field(500, ge=1, description="problems of each form that the trained model is asked")
    steps: int | None = None
    epochs: float | None = None
    batch_size: int | None = None
    lr: float | None = None


class SetTrainer:
    """Plans trainings; see `suite.finetune.own.Trainer`."""

    provider: ClassVar[str] = "set_reasoning"
    options_model: ClassVar[type[BaseModel]] = SetTrainingOptions

    def plan(self, options: SetTrainingOptions) -> Sequence[OwnTraining]:
        """One training a mask, or a mask and share of facts told in both orders.

        Raises:
            UserError: options that do not go together.
        """
        _check(options)
        if options.model is not None:
            return [_pretrained(options)]
        if options.data == "mask_reversal":
            masks = [mask for mask in options.masks if mask != "prefix"]  # has nothing to say of single sentences
            return [_facts(options, mask, share) for share in options.both_fraction for mask in masks]
        return [_sets(options, mask) for mask in options.masks]


def _sets(options: SetTrainingOptions, mask: Mask) -> OwnTraining:
    from tasks.set_reasoning.scratch import start_sets

    is_param = options.data == "set_ops_param"
    settings = hyperparameters(SCRATCH, _given(options))
    identity: dict[str, Any] = {"data": options.data, "readout": options.readout}
    if not is_param:
        identity |= {"train": options.train, "expr_position": options.expr_position}
    asked: dict[str, Any] = {"data": "set_ops_param" if is_param else "set_ops_tokens", "per_cell": options.per_cell}
    if not is_param and options.train == "T2":
        asked["distractor_sets"] = 0  # two-set problems as they were trained
    parts = ["param" if is_param else options.train, mask]
    parts += ["written"] if options.readout == "written" else []
    parts += ["last"] if options.expr_position == "last" else []
    start = partial(start_sets, mask=mask, identity=identity, settings=settings)
    return OwnTraining("-".join(parts), mask, identity, settings, start, asked)


def _facts(options: SetTrainingOptions, mask: Mask, share: Share) -> OwnTraining:
    from tasks.set_reasoning.scratch import start_facts

    settings = hyperparameters(FACTS, _given(options))
    identity = {"data": "mask_reversal", "both_fraction": share}
    start = partial(start_facts, mask=mask, share=share, settings=settings)
    name = f"reversal-{mask}-{share.replace('/', '_')}"
    return OwnTraining(name, mask, identity, settings, start, {"data": "mask_reversal", "both_fraction": share})


def _pretrained(options: SetTrainingOptions) -> OwnTraining:
    from suite.finetune.checks import model_place
    from tasks.set_reasoning.pretrained import check_start, start_pretrained

    settings = hyperparameters(PRETRAINED, _given(options))
    if settings.steps is None:
        assert settings.epochs is not None
        steps = settings.total_steps(PROBLEMS_PER_EPOCH)
        settings = settings.model_copy(update={"steps": steps, "epochs": None, "warmup_steps": round(0.05 * steps)})
    place = str(model_place(options.model))
    found = check_start(place, options.lora)
    identity = {
        "data": "set_ops",
        "train": options.train,
        "expr_position": options.expr_position,
        "start": found,
        "lora": bool(options.lora),
    }
    start = partial(start_pretrained, model=place, identity=identity, settings=settings)
    asked: dict[str, Any] = {"data": "set_ops", "per_cell": min(options.per_cell, 10)}
    name = f"{options.train}-{found['name']}{'-lora' if options.lora else ''}"
    return OwnTraining(name, str(found["kind"]), identity, settings, start, asked)


def _given(options: SetTrainingOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("steps", "epochs", "batch_size", "lr")}


def _check(options: SetTrainingOptions) -> None:
    given = options.model_fields_set
    if options.model is None and (options.lora or options.epochs is not None):
        raise UserError("--lora and --epochs are for pretrained models; name one with --model hf/ID_OR_PATH")
    if options.model is not None and (options.data != "set_ops" or options.readout != "membership"):
        raise UserError("a pretrained model is trained on --data set_ops with --readout membership; leave --model out")
    if options.model is not None and "masks" in given:
        raise UserError("a pretrained model has its own attention mask; leave --masks out")
    if options.readout == "written":
        if "masks" not in given or "encoder" in options.masks:
            raise UserError("--readout written is for models that write: give --masks decoder,prefix")
        if options.data != "set_ops":
            raise UserError("--readout written goes with --data set_ops")
    if options.data != "set_ops" and given & {"train", "expr_position"}:
        raise UserError(f"--train and --expr-position are of --data set_ops; {options.data} has texts of its own")
    if options.data == "mask_reversal" and options.masks == ["prefix"]:
        raise UserError("mask_reversal has an encoder and a decoder; a prefix of a single sentence says nothing")
    if options.data != "mask_reversal" and "both_fraction" in given:
        raise UserError("--both-fraction is of --data mask_reversal")
