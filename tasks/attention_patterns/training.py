"""One training cell: the shared backbone with one mechanism, trained on a task's records and measured on its test.

Batches depend on the seed and the step alone, so that all mechanisms of a seed see the same ones. The weights with
the best validation loss are measured. A cell has a budget of processor seconds (seconds on a GPU); one that exceeds
it is told as such, and kept.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tasks.attention_patterns.backbone import Backbone, Build
from tasks.attention_patterns.records import Batch, Part, Source, collate
from tasks.attention_patterns.twins import Training, Twin, Width

_WARM_UP = 0.1  # share of the steps
_CLIP = 1.0
_CHECKS = 4  # validations in a training
_EVALUATED = 16  # records at once


class TimeIsUp(Exception):
    """The budget of a cell is spent, after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.steps = steps


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained cell.

    Attributes:
        loss: best validation loss; at step `best`.
        tokens: places of source and target read in training.
        seconds: of training: of the processor, or of the clock on a GPU.
    """

    model: Backbone
    loss: float
    best: int
    tokens: int
    seconds: float


class Clock:
    """Seconds of the processor, or of the clock where a GPU does the work, and a budget of them."""

    def __init__(self, device: str, budget_s: float) -> None:
        self._read: Callable[[], float] = time.process_time if device == "cpu" else time.perf_counter
        self._began, self._budget_s = self._read(), budget_s

    @property
    def seconds(self) -> float:
        return self._read() - self._began

    def check(self, steps: int) -> None:
        """Raises `TimeIsUp` once the budget is spent."""
        if self.seconds > self._budget_s:
            raise TimeIsUp(steps)


def make_model(twin: Twin, width: Width, source: Source, build: Build, *, positions: str, longest: int) -> Backbone:
    """The backbone for a task.

    Args:
        positions: of `twins.POSITIONS`; what the backbone has no hand in ("alibi", "rotary") is the attention's.
        longest: places that a learned encoding, or queries, need.
    """
    return Backbone(
        twin.form,
        width,
        build,
        tokens=source.tokens,
        channels=source.channels,
        queries=longest,
        positions=positions,
        learned=longest,
    )


def train(model: Backbone, source: Source, settings: Training, *, seed: int, device: str, clock: Clock) -> Trained:
    """Trains `model`, in place, and gives it the weights of the best validation.

    Raises:
        TimeIsUp: the budget is spent.
        FloatingPointError: the loss is no longer a number.
    """
    model.to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _lr_factor(step, settings.steps))
    validation = batches(source, "validation", seed, max(1, settings.records // 2), device)
    checks = {math.ceil(settings.steps * (number + 1) / _CHECKS) for number in range(_CHECKS)}
    best, best_at, weights, tokens = math.inf, 0, copy.deepcopy(model.state_dict()), 0
    for step in range(1, settings.steps + 1):
        first = (step - 1) * settings.batch
        records = [source.record("train", seed, first + number) for number in range(settings.batch)]
        batch = collate(records, device)
        tokens += sum(len(record.source) + len(record.target) * (model.form != "encoder") for record in records)
        optimizer.zero_grad(set_to_none=True)
        value = _finite_loss(model, batch, f"step {step}")
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()
        schedule.step()
        if step in checks and (found := mean_loss(model, validation)) < best:
            best, best_at, weights = found, step, copy.deepcopy(model.state_dict())
        clock.check(step)
    model.load_state_dict(weights)
    model.eval()
    return Trained(model, best, best_at, tokens, clock.seconds)


def batches(source: Source, part: Part, seed: int, count: int, device: str) -> list[Batch]:
    """The first `count` records of a part, a few at a time."""
    records = [source.record(part, seed, index) for index in range(count)]
    return [collate(records[at : at + _EVALUATED], device) for at in range(0, count, _EVALUATED)]


def loss(model: Backbone, batch: Batch) -> Tensor:
    """Cross-entropy in nats of tokens, squared error of values, or CD-l1 of points, over the scored places."""
    out = model(batch)
    if model.form == "filler" and model.positions == "none":  # a set: its places have no order
        distances = torch.cdist(out, batch.target)
        return (distances.min(dim=1).values.mean() + distances.min(dim=2).values.mean()) / 2
    if model.out_tokens:
        return torch.nn.functional.cross_entropy(out[batch.scored], batch.target[batch.scored])
    return torch.nn.functional.mse_loss(out[batch.scored], batch.target[batch.scored])


@torch.no_grad()
def mean_loss(model: Backbone, held_out: Sequence[Batch]) -> float:
    """Mean over batches, in evaluation mode; infinite where it is not a number."""
    model.eval()
    try:
        return sum(float(_finite_loss(model, batch, "validation")) for batch in held_out) / len(held_out)
    except FloatingPointError:
        return math.inf
    finally:
        model.train()


def _finite_loss(model: Backbone, batch: Batch, when: str) -> Tensor:
    """Raises `FloatingPointError`, which says when, where the loss is no number."""
    try:
        value = loss(model, batch)
    except ValueError as error:  # an attention refuses what is not finite
        if "not finite" not in str(error):
            raise
        raise FloatingPointError(f"{when}: {error}") from None
    if not torch.isfinite(value):
        raise FloatingPointError(f"{when}: the loss is {value.item()}")
    return value


def parameters(model: Any) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _lr_factor(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine to zero."""
    warm = max(1, round(_WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
