"""What a training is set to: hyperparameters, LoRA, and the presets for models from scratch (``configs/*.json``)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suite.errors import UserError, unknown

_PRESETS = Path(__file__).parent / "configs"


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """A low-rank adapter (arXiv 2106.09685).

    Attributes:
        r: rank; alpha: scale, the update is multiplied by alpha / r.
        targets: names of layers, comma-separated, or "all-linear" (all but the output layer).
        merge: save the base model's weights with the adapter added, instead of the adapter alone.
    """

    r: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: str = "all-linear"
    merge: bool = False


class Hyperparameters(BaseModel):
    """AdamW with linear warm-up and a cosine that ends at a share of the peak."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lr: float = Field(gt=0, le=10, allow_inf_nan=False, description="Peak learning rate.")
    batch_size: int = Field(ge=1, le=65_536, description="Rows a step.")
    steps: int | None = Field(default=None, ge=1, description="Optimiser steps.")
    epochs: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="Passes over the rows.")
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    clip: float = Field(default=1.0, gt=0, description="Largest norm of the gradient.")
    warmup_steps: int = Field(default=20, ge=0, description="Never more than a fifth of the steps.")
    lr_floor: float = Field(default=0.1, ge=0, le=1, description="Last learning rate, as a share of the peak.")

    def total_steps(self, rows_per_epoch: int) -> int:
        """Optimiser steps, from `steps` or from `epochs`."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, math.ceil(self.epochs * rows_per_epoch / self.batch_size))

    def lr_factor(self, step: int, steps: int) -> float:
        """Share of the peak learning rate at `step` of `steps`, counted from 0."""
        warmup = min(self.warmup_steps, steps // 5)
        rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
        return rise * (self.lr_floor + (1 - self.lr_floor) * 0.5 * (1 + math.cos(math.pi * step / steps)))


# For models that can already write; a few hundred made-up facts stick within a few passes.
FULL = Hyperparameters(lr=1e-4, batch_size=8, epochs=3)
LORA = Hyperparameters(lr=1e-3, batch_size=8, epochs=3)


class Preset(BaseModel):
    """A model to train from scratch, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str = ""
    model: dict[str, Any] = Field(description="Fields of the transformers config, `model_type` among them.")
    training: Hyperparameters
    encoder: str | None = Field(
        None, description="The preset of an encoder of the same size, for objectives of encoders."
    )


def load_preset(name: str) -> Preset:
    """The preset `name`, or the one in the JSON file of that path.

    Raises:
        UserError: no such preset or file, or a file of another shape.
    """
    presets = {path.stem: path for path in _PRESETS.glob("*.json")}
    path = presets.get(name, Path(name).expanduser())
    if name not in presets and not path.is_file():
        raise unknown("scratch preset", name, presets, "A path to a JSON file of the same form works too.")
    try:
        preset = Preset(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, OSError) as error:
        raise UserError(f"scratch config {path}: {_reason(error)}") from None
    if not isinstance(preset.model.get("model_type"), str):
        raise UserError(f'scratch config {path}: model: needs a "model_type", e.g. "gpt2"')
    if preset.training.steps is None and preset.training.epochs is None:
        raise UserError(f"scratch config {path}: training: needs steps or epochs")
    return preset


def hyperparameters(base: Hyperparameters, given: Mapping[str, Any]) -> Hyperparameters:
    """`base` with what was given; `steps` and `epochs` replace each other.

    Raises:
        UserError: a value out of range, or both steps and epochs.
    """
    asked = {key: value for key, value in given.items() if value is not None}
    if "steps" in asked and "epochs" in asked:
        raise UserError("give --steps or --epochs, not both")
    kept = base.model_dump()
    if "steps" in asked or "epochs" in asked:
        kept.update(steps=None, epochs=None)
    try:
        return Hyperparameters(**{**kept, **asked})
    except ValidationError as error:
        raise UserError(f"training option {_reason(error)}") from None


def check_lora(lora: LoraSettings) -> None:
    """Raises `UserError` where a value is out of range."""
    if lora.r < 1:
        raise UserError(f"LoRA rank {lora.r}: expected at least 1")
    if not 0 <= lora.dropout < 1:
        raise UserError(f"LoRA dropout {lora.dropout}: expected 0 to below 1")
    if not lora.alpha > 0 or not math.isfinite(lora.alpha):
        raise UserError(f"LoRA alpha {lora.alpha}: expected a number above 0")


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']} (got {first['input']!r})"
    return f"{type(error).__name__}: {error}"
